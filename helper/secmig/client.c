/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wire.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

/* u16 code, str rule, str text */
#define ANSWER_MAX (2 + 2 + FRAME_RULE_MAX + 2 + FRAME_TEXT_MAX)
#define SPARE_FDS 4         /* room for one too many to be seen */
#define RETRY_MS 50         /* when the daemon's queue is full */

struct sm_client {
    int fd;                 /* non-blocking */
};

/* ---- connecting ---- */

int sm_client_from_fd(int fd, struct sm_client **out)
{
    *out = malloc(sizeof(**out));
    if (!*out) {
        close(fd);
        return SM_NO_MEMORY;
    }
    (*out)->fd = fd;
    return 0;
}

static int connect_error(int err, const char *path, char *why,
                         size_t why_size)
{
    if (err == ENOENT || err == ECONNREFUSED) {
        WHY("secmigd does not run on this host (nobody listens on %s)",
            path);
        return SM_NO_DAEMON;
    }
    if (err == EACCES || err == EPERM)
        WHY("%s: %s (be root, or in the socket's group)", path,
            strerror(err));
    else
        WHY("%s: %s", path, strerror(err));
    return SM_IO;
}

int sm_client_connect(const char *path, int64_t deadline,
                      struct sm_client **out, char *why, size_t why_size)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int rc, fd = -1;

    *out = NULL;
    WHY("%s", "");
    if (strlen(path) >= sizeof(sa.sun_path)) {
        WHY("%s: path too long for a socket", path);
        rc = SM_IO;
        goto out;
    }
    memcpy(sa.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        WHY("cannot make a socket: %s", strerror(errno));
        rc = SM_IO;
        goto out;
    }
    /* A full queue is EAGAIN here and cannot be waited for with poll(). */
    while (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
        if (errno != EAGAIN && errno != EINTR) {
            rc = connect_error(errno, path, why, why_size);
            goto out;
        }
        if (!sm_clock_left(deadline)) {
            WHY("secmigd does not answer on %s", path);
            rc = SM_TIMEOUT;
            goto out;
        }
        poll(NULL, 0, RETRY_MS);
    }
    rc = sm_client_from_fd(fd, out);
    fd = -1;
    if (rc)
        WHY("out of memory");
out:
    if (fd >= 0)
        close(fd);
    return rc;
}

void sm_client_free(struct sm_client *c)
{
    if (!c)
        return;
    close(c->fd);
    free(c);
}

int sm_client_fd(const struct sm_client *c)
{
    return c->fd;
}

/* ---- frames ---- */

static int wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd p = { .fd = fd, .events = events };
    int n;

    do
        n = poll(&p, 1, sm_clock_left(deadline));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return SM_IO;
    return n ? 0 : SM_TIMEOUT;
}

static int gone(int err)
{
    return err == EPIPE || err == ECONNRESET ? SM_NO_DAEMON : SM_IO;
}

static int send_all(int fd, const uint8_t *data, size_t len,
                    int64_t deadline)
{
    ssize_t n;
    int rc;

    while (len) {
        n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            rc = wait_for(fd, POLLOUT, deadline);
            if (rc)
                return rc;
        } else if (n < 0 && errno != EINTR) {
            return gone(errno);
        } else if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

int sm_client_send(struct sm_client *c, uint16_t type, const void *body,
                   size_t len, int64_t deadline)
{
    struct sm_wire_writer w;
    int rc;

    if (len > FRAME_BODY_MAX)
        return SM_USAGE;
    sm_wire_writer_init(&w, FRAME_HEADER_LEN);
    sm_wire_put_u32(&w, (uint32_t)len);
    sm_wire_put_u16(&w, type);
    sm_wire_put_u16(&w, FRAME_VERSION);
    rc = sm_wire_error(&w);
    if (!rc)
        rc = send_all(c->fd, w.data, w.len, deadline);
    if (!rc)
        rc = send_all(c->fd, body, len, deadline);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* Move descriptors out of a control message into the frame; those that do
 * not fit are closed and make the frame bad. */
static int take_fds(struct msghdr *msg, struct sm_client_frame *frame,
                    size_t *taken)
{
    struct cmsghdr *cm;
    int fds[SPARE_FDS], rc = 0;
    size_t i, n;

    for (cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
        if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
            continue;
        n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(cm), n * sizeof(int));
        for (i = 0; i < n; i++) {
            if (!(*taken)++) {
                frame->fd = fds[i];
            } else {
                close(fds[i]);
                rc = SM_PROTOCOL;
            }
        }
    }
    if (msg->msg_flags & MSG_CTRUNC)
        rc = SM_PROTOCOL;
    return rc;
}

/* What there is of an answer, or comes in time.  Returns its length, which is
 * not 0, or an error. */
static ssize_t recv_some(int fd, struct msghdr *msg, int64_t deadline)
{
    ssize_t n;
    int rc;

    for (;;) {
        n = recvmsg(fd, msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n > 0)
            return n;
        if (n == 0)
            return SM_NO_DAEMON;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return gone(errno);
        rc = wait_for(fd, POLLIN, deadline);
        if (rc)
            return rc;
    }
}

static int recv_header(int fd, uint8_t *header,
                       struct sm_client_frame *frame, size_t *fds,
                       int64_t deadline)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(SPARE_FDS * sizeof(int))];
    } control;
    struct iovec iov;
    struct msghdr msg;
    size_t have = 0;
    ssize_t n;
    int rc;

    while (have < FRAME_HEADER_LEN) {
        iov.iov_base = header + have;
        iov.iov_len = FRAME_HEADER_LEN - have;
        memset(&msg, 0, sizeof(msg));
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        n = recv_some(fd, &msg, deadline);
        if (n < 0)
            return (int)n;
        rc = take_fds(&msg, frame, fds);
        if (rc)
            return rc;
        have += (size_t)n;
    }
    return 0;
}

static int recv_body(int fd, uint8_t *body, size_t len, int64_t deadline)
{
    struct iovec iov;
    struct msghdr msg;
    ssize_t n;

    while (len) {
        iov.iov_base = body;
        iov.iov_len = len;
        memset(&msg, 0, sizeof(msg));
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        n = recv_some(fd, &msg, deadline);
        if (n < 0)
            return (int)n;
        /* Descriptors in the middle of a body: the kernel dropped them. */
        if (msg.msg_flags & MSG_CTRUNC)
            return SM_PROTOCOL;
        body += n;
        len -= (size_t)n;
    }
    return 0;
}

/* What a daemon may send, and how long at most. */
static bool header_ok(uint16_t type, uint16_t version, uint32_t len,
                      size_t fds)
{
    if (version != FRAME_VERSION)
        return false;
    switch (type) {
    case FRAME_ANSWER:
    case FRAME_RESULT:
        return len <= ANSWER_MAX && fds == 0;
    case FRAME_STREAM:
        return len == 0 && fds == 1;
    case FRAME_READY:
        return len == 0 && fds == 0;
    case FRAME_STATUS_IS:
        return len <= 2 + FRAME_STATUS_MAX && fds == 0;
    case FRAME_OUTPUT:
        return len <= FRAME_OUTPUT_MAX && fds == 0;
    default:
        return false;
    }
}

int sm_client_recv(struct sm_client *c, struct sm_client_frame *frame,
                   int64_t deadline)
{
    uint8_t header[FRAME_HEADER_LEN];
    struct sm_wire_reader r;
    uint16_t version;
    size_t fds = 0;
    uint32_t len;
    int rc;

    *frame = (struct sm_client_frame){ .fd = -1 };
    rc = recv_header(c->fd, header, frame, &fds, deadline);
    if (rc)
        goto out;
    sm_wire_reader_init(&r, header, sizeof(header));
    len = sm_wire_get_u32(&r);
    frame->type = sm_wire_get_u16(&r);
    version = sm_wire_get_u16(&r);
    if (sm_wire_end(&r) || !header_ok(frame->type, version, len, fds)) {
        rc = SM_PROTOCOL;
        goto out;
    }
    if (len) {
        frame->body = malloc(len);
        if (!frame->body) {
            rc = SM_NO_MEMORY;
            goto out;
        }
        rc = recv_body(c->fd, frame->body, len, deadline);
        if (rc)
            goto out;
        frame->len = len;
    }
    rc = 0;
out:
    if (rc)
        sm_client_frame_dispose(frame);
    return rc;
}

void sm_client_frame_dispose(struct sm_client_frame *frame)
{
    free(frame->body);
    if (frame->fd >= 0)
        close(frame->fd);
    *frame = (struct sm_client_frame){ .fd = -1 };
}

int sm_client_answer(const struct sm_client_frame *frame,
                     struct sm_client_answer *out)
{
    struct sm_wire_reader r;

    memset(out, 0, sizeof(*out));
    sm_wire_reader_init(&r, frame->body, frame->len);
    out->code = sm_wire_get_u16(&r);
    sm_wire_get_str(&r, out->rule, sizeof(out->rule));
    sm_wire_get_str(&r, out->text, sizeof(out->text));
    return sm_wire_end(&r);
}
