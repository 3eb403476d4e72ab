/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Room for a burst of full messages. */
#define QUEUE_BYTES (8 * IPC_MAX)

int ipc_pair(int sv[2])
{
    int size = QUEUE_BYTES, i;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
        return SM_IO;
    for (i = 0; i < 2; i++)
        setsockopt(sv[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return 0;
}

int ipc_send(int fd, enum ipc_type type, const struct sm_wire_writer *body,
             const int *fds, size_t n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(IPC_FDS * sizeof(int))];
    } control;
    uint8_t head[2] = { (uint8_t)(type >> 8), (uint8_t)type };
    struct iovec iov[2] = { { head, sizeof(head) }, { NULL, 0 } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 1 };
    struct cmsghdr *cmsg;
    ssize_t r;

    if (body) {
        if (sm_wire_error(body))
            return sm_wire_error(body);
        if (body->len > IPC_MAX)
            return SM_PROTOCOL;
        iov[1].iov_base = body->data;
        iov[1].iov_len = body->len;
        msg.msg_iovlen = 2;
    }
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
    do {
        r = sendmsg(fd, &msg, MSG_NOSIGNAL);
    } while (r < 0 && errno == EINTR);
    if (r >= 0)
        return 0;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return SM_BUSY;
    return errno == EPIPE || errno == ECONNRESET ? SM_LINK : SM_IO;
}

int ipc_send_code(int fd, enum ipc_type type, int code, const char *text)
{
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, (uint16_t)-code);
    sm_wire_put_str(&w, text);
    rc = ipc_send(fd, type, &w, NULL, 0);
    sm_wire_writer_dispose(&w);
    return rc;
}

int ipc_send_answer(int fd, enum ipc_type type, int code, const char *rule,
                    const char *text, int with)
{
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, (uint16_t)-code);
    sm_wire_put_str(&w, rule);
    sm_wire_put_str(&w, text);
    rc = ipc_send(fd, type, &w, &with, with >= 0);
    sm_wire_writer_dispose(&w);
    return rc;
}

void ipc_words(char *out, size_t size, int code, const char *fmt, va_list ap)
{
    vsnprintf(out, size, fmt, ap);
    if (!sm_wire_text_ok(out, strlen(out)))
        snprintf(out, size, "%s", sm_err_text(code));
}

/* Collect the descriptors of a received message, whatever else is wrong. */
static void collect_fds(struct msghdr *msg, struct ipc_message *m)
{
    struct cmsghdr *cmsg;
    size_t n, i;
    int fd;

    for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (i = 0; i < n; i++) {
            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
            if (m->n_fds < IPC_FDS)
                m->fds[m->n_fds++] = fd;
            else
                close(fd);
        }
    }
}

int ipc_recv(int fd, struct ipc_message *m)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(IPC_FDS * sizeof(int))];
    } control;
    uint8_t head[2];
    struct iovec iov[2] = { { head, sizeof(head) },
                            { m->body, sizeof(m->body) } };
    struct msghdr msg = {
        .msg_iov = iov, .msg_iovlen = 2,
        .msg_control = control.bytes, .msg_controllen = sizeof(control),
    };
    ssize_t r;
    size_t i;

    m->type = 0;
    m->len = 0;
    m->n_fds = 0;
    for (i = 0; i < IPC_FDS; i++)
        m->fds[i] = -1;
    do {
        r = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return SM_BUSY;
        return errno == ECONNRESET ? SM_LINK : SM_IO;
    }
    if (r == 0)
        return SM_LINK;
    collect_fds(&msg, m);
    if (r < 2 || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        ipc_close_fds(m);
        return SM_PROTOCOL;
    }
    m->type = (uint16_t)(head[0] << 8 | head[1]);
    m->len = (size_t)r - sizeof(head);
    return 0;
}

int ipc_take_fd(struct ipc_message *m, size_t i)
{
    int fd = m->fds[i];

    m->fds[i] = -1;
    return fd;
}

void ipc_close_fds(struct ipc_message *m)
{
    size_t i;

    for (i = 0; i < IPC_FDS; i++) {
        if (m->fds[i] >= 0)
            close(m->fds[i]);
        m->fds[i] = -1;
    }
    m->n_fds = 0;
}

int ipc_memfd(const void *data, size_t len)
{
    const uint8_t *p = data;
    ssize_t n;
    int fd;

    fd = memfd_create("secmig", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return SM_IO;
    while (len) {
        n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            goto fail;
        p += n;
        len -= (size_t)n;
    }
    if (fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) ||
        lseek(fd, 0, SEEK_SET) < 0)
        goto fail;
    return fd;
fail:
    close(fd);
    return SM_NO_MEMORY;
}

int ipc_memfd_check(int fd, size_t max, size_t *len)
{
    struct stat st;
    int seals;

    seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st))
        return SM_PROTOCOL;
    if (st.st_size < 0 || (uintmax_t)st.st_size > max)
        return SM_PROTOCOL;
    /* The offset is shared with the sender: readers use pread() or get a
     * fresh descriptor, but stdin of a program starts here. */
    if (lseek(fd, 0, SEEK_SET) < 0)
        return SM_PROTOCOL;
    *len = (size_t)st.st_size;
    return 0;
}

int ipc_memfd_read(int fd, size_t max, uint8_t **data, size_t *len)
{
    size_t got = 0;
    ssize_t n;
    int rc;

    *data = NULL;
    rc = ipc_memfd_check(fd, max, len);
    if (rc)
        return rc;
    *data = malloc(*len + 1);
    if (!*data)
        return SM_NO_MEMORY;
    while (got < *len) {
        n = pread(fd, *data + got, *len - got, (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            free(*data);
            *data = NULL;
            return SM_IO;
        }
        got += (size_t)n;
    }
    (*data)[got] = '\0';
    return 0;
}
