/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control: one process for one client of the control socket.  May: read the
 * client's frames, check their form, and pass them to the parent; write the
 * parent's answers.  May not: decide, open files, use the network.  Who the
 * client is (SO_PEERCRED) the parent has asked the kernel itself, before
 * this process existed.
 */
#include "roles.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/frame.h"
#include "base/log.h"
#include "base/wire.h"
#include "ipc.h"
#include "base/sandbox.h"

static const char *const syscalls[] = {
    "poll", "ppoll", "read", "write", "recvmsg", "sendmsg", "recvfrom",
    "sendto", "memfd_create", "fcntl", "lseek", "ftruncate", "fstat",
    "newfstatat", "pread64", NULL
};

/* The strs and numbers of any request together. */
#define HEAD_MAX (4 + 2 + FRAME_ROLE_MAX + 2 + FRAME_NAME_MAX + \
                  2 + SM_CONF_NAME_MAX + 4 + 4)

static struct ipc_message message;      /* the one being handled */

/* What the client has said so far: a frame in the making. */
struct client {
    int fd;
    uint8_t head[FRAME_HEADER_LEN];
    uint8_t *body;
    size_t have, need;      /* of head and body together; need 0: no head */
    bool asked;             /* its one request was sent: only CANCEL may
                             * follow, and only a migration */
    bool migrates;
    bool hands_over;        /* its migration is its own xl's: HAND-OVER may
                             * follow, once */
};

static int pass_migrate(const uint8_t *body, size_t len)
{
    const uint8_t *config = NULL;
    char host[SM_CONF_NAME_MAX + 1], name[FRAME_NAME_MAX + 1];
    uint8_t uuid[16];
    uint32_t domid, flags;
    size_t config_len = 0;
    struct sm_wire_reader r;
    struct sm_wire_writer w;
    int rc, fd = -1;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_reader_init(&r, body, len);
    domid = sm_wire_get_u32(&r);
    sm_wire_get_bytes(&r, uuid, sizeof(uuid));
    flags = sm_wire_get_u32(&r);
    sm_wire_get_str(&r, host, sizeof(host));
    sm_wire_get_str(&r, name, sizeof(name));
    sm_wire_get_blob(&r, FRAME_CONFIG_MAX, &config, &config_len);
    rc = sm_wire_end(&r);
    if (rc)
        goto out;
    fd = ipc_memfd(config, config_len);
    if (fd < 0) {
        rc = fd;
        goto out;
    }
    sm_wire_put_u32(&w, domid);
    sm_wire_put_bytes(&w, uuid, sizeof(uuid));
    sm_wire_put_u32(&w, flags);
    sm_wire_put_str(&w, host);
    sm_wire_put_str(&w, name);
    rc = ipc_send(ROLE_CHANNEL, IPC_CLIENT_MIGRATE, &w, &fd, 1);
out:
    if (fd >= 0)
        close(fd);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* What operators ask for.  A body is the role, then what the letters say:
 * f u32 flags, v VM, h host, s what was shown, t ticket or public key, p VM
 * policy and its signature. */
static const struct request {
    enum frame_type frame;
    enum ipc_type ipc;
    const char *layout;
    size_t max;                 /* bytes of the body */
} requests[] = {
    { FRAME_STATUS, IPC_CLIENT_STATUS, "", HEAD_MAX },
    { FRAME_MIGRATE_FOR, IPC_CLIENT_MIGRATE_FOR, "fvh", HEAD_MAX },
    { FRAME_APPROVE, IPC_CLIENT_APPROVE, "vh", HEAD_MAX },
    { FRAME_ABORT, IPC_CLIENT_ABORT, "v", HEAD_MAX },
    { FRAME_RELOAD, IPC_CLIENT_RELOAD, "", HEAD_MAX },
    { FRAME_TICKET, IPC_CLIENT_TICKET, "t", HEAD_MAX + FRAME_TICKET_MAX },
    { FRAME_VM_POLICY_ADD, IPC_CLIENT_VM_POLICY_ADD, "p",
      HEAD_MAX + FRAME_VM_POLICY_MAX + FRAME_SIGNATURE_MAX },
    { FRAME_VM_POLICY_LIST, IPC_CLIENT_VM_POLICY_LIST, "", HEAD_MAX },
    { FRAME_VM_POLICY_SHOW, IPC_CLIENT_VM_POLICY_SHOW, "v", HEAD_MAX },
    { FRAME_VM_POLICY_REMOVE, IPC_CLIENT_VM_POLICY_REMOVE, "v", HEAD_MAX },
    { FRAME_PLATFORM_ACCEPT, IPC_CLIENT_PLATFORM_ACCEPT, "h", HEAD_MAX },
    { FRAME_TRUST_POLICY, IPC_CLIENT_TRUST_POLICY, "t",
      HEAD_MAX + FRAME_TICKET_MAX },
    { FRAME_HANDOVER_LIST, IPC_CLIENT_HANDOVER_LIST, "", HEAD_MAX },
    { FRAME_HANDOVER_SHOW, IPC_CLIENT_HANDOVER_SHOW, "v", HEAD_MAX },
    { FRAME_HANDOVER_SETTLE, IPC_CLIENT_HANDOVER_SETTLE, "fv", HEAD_MAX },
    { FRAME_HANDOVER_FENCE, IPC_CLIENT_HANDOVER_FENCE, "fhs", HEAD_MAX },
};

static const struct request *find_request(unsigned int type)
{
    size_t i;

    for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        if (requests[i].frame == type)
            return &requests[i];
    return NULL;
}

/* A str of the client, of at most `max` bytes, on to the parent. */
static void pass_str(struct sm_wire_reader *r, struct sm_wire_writer *w,
                     size_t max)
{
    char text[FRAME_NAME_MAX + 1];

    sm_wire_get_str(r, text, max + 1);
    sm_wire_put_str(w, text);
}

static int pass_blob(struct sm_wire_reader *r, size_t max)
{
    const uint8_t *data = NULL;
    size_t len = 0;

    sm_wire_get_blob(r, max, &data, &len);
    return r->error ? SM_PROTOCOL : ipc_memfd(data, len);
}

static int pass_request(const struct request *q, const uint8_t *body,
                        size_t len)
{
    const uint8_t *ticket = NULL;
    struct sm_wire_reader r;
    struct sm_wire_writer w;
    size_t ticket_len = 0, n = 0;
    int fds[IPC_FDS] = { -1, -1 }, rc = 0;
    const char *p;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_reader_init(&r, body, len);
    /* STATUS may leave the role out. */
    if (q->frame == FRAME_STATUS && len == 0)
        sm_wire_put_str(&w, "");
    else
        pass_str(&r, &w, FRAME_ROLE_MAX);
    for (p = q->layout; *p; p++) {
        switch (*p) {
        case 'f':
            sm_wire_put_u32(&w, sm_wire_get_u32(&r));
            break;
        case 'v':
            pass_str(&r, &w, FRAME_NAME_MAX);
            break;
        case 'h':
            pass_str(&r, &w, SM_CONF_NAME_MAX);
            break;
        case 's':
            pass_str(&r, &w, FRAME_SHOWN_LEN);
            break;
        case 't':
            sm_wire_get_blob(&r, FRAME_TICKET_MAX, &ticket, &ticket_len);
            sm_wire_put_blob(&w, ticket, ticket_len);
            break;
        case 'p':
            fds[0] = pass_blob(&r, FRAME_VM_POLICY_MAX);
            fds[1] = pass_blob(&r, FRAME_SIGNATURE_MAX);
            n = 2;
            if (fds[0] < 0 || fds[1] < 0)
                rc = fds[0] < 0 ? fds[0] : fds[1];
            break;
        }
    }
    if (!rc)
        rc = sm_wire_end(&r);
    if (!rc)
        rc = ipc_send(ROLE_CHANNEL, q->ipc, &w, fds, n);
    while (n--)
        if (fds[n] >= 0)
            close(fds[n]);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* A whole frame from the client. */
static int handle_frame(struct client *c)
{
    size_t len = c->need - FRAME_HEADER_LEN;
    unsigned int type = (unsigned int)c->head[4] << 8 | c->head[5];
    const struct request *q = find_request(type);

    if (type == FRAME_CANCEL) {
        if (!c->migrates || len)
            return SM_PROTOCOL;
        return ipc_send(ROLE_CHANNEL, IPC_CLIENT_CANCEL, NULL, NULL, 0);
    }
    if (type == FRAME_HAND_OVER) {
        if (!c->hands_over || len)
            return SM_PROTOCOL;
        c->hands_over = false;
        return ipc_send(ROLE_CHANNEL, IPC_CLIENT_HAND_OVER, NULL, NULL, 0);
    }
    if (c->asked || (type != FRAME_MIGRATE && !q))
        return SM_PROTOCOL;
    c->asked = true;
    c->migrates = type == FRAME_MIGRATE || type == FRAME_MIGRATE_FOR;
    c->hands_over = type == FRAME_MIGRATE;
    return q ? pass_request(q, c->body, len) : pass_migrate(c->body, len);
}

/* Bytes that the body of such a frame may have; nothing for one that no
 * client sends. */
static size_t body_max(unsigned int type)
{
    const struct request *q = find_request(type);

    if (q)
        return q->max;
    return type == FRAME_MIGRATE ? FRAME_BODY_MAX : 0;
}

/* The head is complete: judge it before a byte is allocated. */
static int start_body(struct client *c)
{
    struct sm_wire_reader r;
    uint32_t len;
    uint16_t type, version;

    sm_wire_reader_init(&r, c->head, sizeof(c->head));
    len = sm_wire_get_u32(&r);
    type = sm_wire_get_u16(&r);
    version = sm_wire_get_u16(&r);
    if (version != FRAME_VERSION || len > body_max(type))
        return SM_PROTOCOL;
    c->need = FRAME_HEADER_LEN + len;
    c->body = malloc(len + 1);
    return c->body ? 0 : SM_NO_MEMORY;
}

/* The client's socket is readable.  Returns SM_LINK at its end. */
static int read_client(struct client *c)
{
    uint8_t *at;
    size_t want;
    ssize_t n;
    int rc = 0;

    if (c->have < FRAME_HEADER_LEN) {
        at = c->head + c->have;
        want = FRAME_HEADER_LEN - c->have;
    } else {
        at = c->body + (c->have - FRAME_HEADER_LEN);
        want = c->need - c->have;
    }
    n = recv(c->fd, at, want, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : SM_LINK;
    if (n == 0)
        return SM_LINK;
    c->have += (size_t)n;
    if (c->have == FRAME_HEADER_LEN && !c->need) {
        rc = start_body(c);
        if (rc)
            return rc;
    }
    if (c->need && c->have == c->need) {
        rc = handle_frame(c);
        free(c->body);
        c->body = NULL;
        c->have = c->need = 0;
    }
    return rc;
}

/* Blocking: a client that does not read its few answers holds up only its
 * own process, which the parent ends in time. */
static int send_frame(int fd, unsigned int type, const void *body, size_t len,
                      const int *fds, size_t n)
{
    struct sm_wire_writer w;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(IPC_FDS * sizeof(int))];
    } control;
    struct iovec iov;
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *cmsg;
    size_t done = 0;
    ssize_t r;
    int rc;

    sm_wire_writer_init(&w, FRAME_HEADER_LEN + FRAME_OUTPUT_MAX);
    sm_wire_put_u32(&w, (uint32_t)len);
    sm_wire_put_u16(&w, (uint16_t)type);
    sm_wire_put_u16(&w, FRAME_VERSION);
    sm_wire_put_bytes(&w, body, len);
    rc = sm_wire_error(&w);
    if (n) {
        memset(&control, 0, sizeof(control));
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
    }
    while (!rc && done < w.len) {
        iov.iov_base = w.data + done;
        iov.iov_len = w.len - done;
        r = sendmsg(fd, &msg, MSG_NOSIGNAL);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            rc = SM_LINK;
        else
            done += (size_t)r;
        msg.msg_control = NULL;     /* descriptors go once */
        msg.msg_controllen = 0;
    }
    sm_wire_writer_dispose(&w);
    return rc;
}

/* What the parent gives as a memory file, which may be larger than one of
 * its messages. */
static int send_output(int fd, int memfd)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc;

    rc = ipc_memfd_read(memfd, FRAME_OUTPUT_MAX, &text, &len);
    if (!rc)
        rc = send_frame(fd, FRAME_OUTPUT, text, len, NULL, 0);
    free(text);
    return rc;
}

/* The parent speaks.  Its bodies have the layout of the client's frames. */
static int handle_parent(struct client *c)
{
    int rc;

    rc = ipc_recv(ROLE_CHANNEL, &message);
    if (rc)
        return rc;
    switch (message.type) {
    case IPC_CLIENT_ANSWER:
        rc = send_frame(c->fd, FRAME_ANSWER, message.body, message.len,
                        NULL, 0);
        if (!rc && message.n_fds == 1)
            rc = send_frame(c->fd, FRAME_STREAM, NULL, 0, message.fds, 1);
        break;
    case IPC_CLIENT_READY:
        rc = send_frame(c->fd, FRAME_READY, NULL, 0, NULL, 0);
        break;
    case IPC_CLIENT_RESULT:
        rc = send_frame(c->fd, FRAME_RESULT, message.body, message.len,
                        NULL, 0);
        break;
    case IPC_CLIENT_STATUS_IS:
        rc = send_frame(c->fd, FRAME_STATUS_IS, message.body, message.len,
                        NULL, 0);
        break;
    case IPC_CLIENT_OUTPUT:
        rc = message.n_fds == 1 ? send_output(c->fd, message.fds[0])
                                : SM_PROTOCOL;
        break;
    default:
        rc = SM_PROTOCOL;
    }
    ipc_close_fds(&message);
    return rc;
}

int control_main(const struct sm_conf *conf)
{
    struct client c = { .fd = -1 };
    struct pollfd fds[2];
    char why[512];
    int rc;

    rc = sm_sandbox_enter(&conf->control, conf->empty_dir, syscalls, why,
                       sizeof(why));
    if (rc) {
        sm_error("sandbox: %s", why);
        return sm_err_exit(rc);
    }
    /* The parent's first message brings the client. */
    rc = ipc_recv(ROLE_CHANNEL, &message);
    if (rc || message.type != IPC_CLIENT_START || message.n_fds != 1) {
        ipc_close_fds(&message);
        return sm_err_exit(SM_PROTOCOL);
    }
    c.fd = ipc_take_fd(&message, 0);
    while (!rc) {
        fds[0].fd = ROLE_CHANNEL;
        fds[0].events = POLLIN;
        fds[1].fd = c.fd;
        fds[1].events = POLLIN;
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            rc = SM_IO;
            break;
        }
        if (fds[1].revents)
            rc = read_client(&c);
        if (!rc && fds[0].revents)
            rc = handle_parent(&c);
    }
    free(c.body);
    return rc == SM_LINK ? 0 : sm_err_exit(rc);
}
