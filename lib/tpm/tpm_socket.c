/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A TPM on a socket, as swtpm offers it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tpm/tcti.h"

#define HEADER_LEN 10   /* tag, u32 size of it all, code */
#define CONNECT_PAUSE 20

/* Wait until `fd` is ready for `events`.  Returns 0, SM_TIMEOUT, SM_IO. */
static int ready(int fd, short events, int64_t deadline)
{
    struct pollfd p = { .fd = fd, .events = events };
    int rc;

    for (;;) {
        rc = poll(&p, 1, sm_clock_left(deadline));
        if (rc > 0)
            return 0;
        if (!rc)
            return SM_TIMEOUT;
        if (errno != EINTR)
            return SM_IO;
    }
}

/* A Unix socket whose queue is full says EAGAIN and cannot be waited for. */
static int try_connect(int fd, const struct sockaddr_un *addr,
                       int64_t deadline)
{
    struct timespec pause = { .tv_nsec = CONNECT_PAUSE * 1000000L };

    while (connect(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
        if (errno != EAGAIN && errno != EINTR)
            return SM_IO;
        if (!sm_clock_left(deadline))
            return SM_TIMEOUT;
        nanosleep(&pause, NULL);
    }
    return 0;
}

int sm_tpm_socket_open(const char *path, int64_t deadline, int *fd)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int rc, saved;

    *fd = -1;
    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return SM_IO;
    }
    memcpy(addr.sun_path, path, strlen(path));
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return SM_IO;
    rc = try_connect(*fd, &addr, deadline);
    if (rc) {
        saved = errno;
        close(*fd);
        *fd = -1;
        errno = saved;
    }
    return rc;
}

int sm_tpm_socket_send(int fd, const uint8_t *data, size_t len,
                       int64_t deadline)
{
    ssize_t n;
    int rc;

    while (len) {
        rc = ready(fd, POLLOUT, deadline);
        if (rc)
            return rc;
        n = send(fd, data, len, MSG_NOSIGNAL);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            return SM_IO;
        }
    }
    return 0;
}

static int receive_all(int fd, uint8_t *data, size_t len, int64_t deadline)
{
    ssize_t n;
    int rc;

    while (len) {
        rc = ready(fd, POLLIN, deadline);
        if (rc)
            return rc;
        n = recv(fd, data, len, 0);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            return SM_IO;
        }
    }
    return 0;
}

int sm_tpm_socket_receive(int fd, uint8_t *data, size_t size, size_t *len,
                          int64_t deadline)
{
    uint32_t whole;
    int rc;

    *len = 0;
    if (size < HEADER_LEN)
        return SM_IO;
    rc = receive_all(fd, data, HEADER_LEN, deadline);
    if (rc)
        return rc;
    whole = (uint32_t)data[2] << 24 | (uint32_t)data[3] << 16 |
            (uint32_t)data[4] << 8 | data[5];
    if (whole < HEADER_LEN || whole > size)
        return SM_IO;
    rc = receive_all(fd, data + HEADER_LEN, whole - HEADER_LEN, deadline);
    if (!rc)
        *len = whole;
    return rc;
}
