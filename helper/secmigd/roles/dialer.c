/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dialer.  May: look up one name and connect to it, as the peer's
 * account, and hand the socket to the parent.  May not: send or receive a
 * byte on it; live longer than that.  Name look-up needs the system's
 * resolver files and libraries, which is why this is not the peer's work:
 * the peer sees no file system.
 */
#include "roles.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc.h"
#include "base/sandbox.h"

/* One address.  Returns the connected socket, or -1 with errno. */
static int try_address(const struct addrinfo *ai, int64_t deadline)
{
    int fd, error = 0;
    socklen_t len = sizeof(error);
    struct pollfd p;

    fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                ai->ai_protocol);
    if (fd < 0)
        return -1;
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
        return fd;
    if (errno != EINPROGRESS)
        goto fail;
    p.fd = fd;
    p.events = POLLOUT;
    if (poll(&p, 1, sm_clock_left(deadline)) != 1) {
        errno = ETIMEDOUT;
        goto fail;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
        errno = error ? error : EIO;
        goto fail;
    }
    return fd;
fail:
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int dial(const char *address, uint16_t port, int64_t deadline,
                int *fd_r, char *why, size_t why_size)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL, *ai;
    char service[8];
    int r, fd = -1;

    snprintf(service, sizeof(service), "%u", port);
    r = getaddrinfo(address, service, &hints, &list);
    if (r) {
        snprintf(why, why_size, "%s: %s", address, gai_strerror(r));
        return SM_UNREACHABLE;
    }
    errno = 0;
    for (ai = list; ai && fd < 0; ai = ai->ai_next)
        fd = try_address(ai, deadline);
    r = errno;
    freeaddrinfo(list);
    if (fd < 0) {
        snprintf(why, why_size, "%s port %u: %s", address, port,
                 strerror(r));
        return r == ETIMEDOUT ? SM_TIMEOUT : SM_UNREACHABLE;
    }
    *fd_r = fd;
    return 0;
}

int dialer_main(const struct sm_conf *conf)
{
    static struct ipc_message m;    /* IPC_MAX bytes: not for the stack */
    char address[256], why[512] = "";
    struct sm_wire_reader r;
    struct sm_wire_writer w;
    uint16_t port;
    int rc, fd = -1;

    sm_wire_writer_init(&w, IPC_MAX);
    rc = sm_sandbox_enter(&conf->peer, NULL, NULL, why, sizeof(why));
    if (rc) {
        sm_error("sandbox: %s", why);
        goto out;
    }
    rc = ipc_recv(ROLE_CHANNEL, &m);
    if (rc)
        goto out;
    sm_wire_reader_init(&r, m.body, m.len);
    sm_wire_get_str(&r, address, sizeof(address));
    port = sm_wire_get_u16(&r);
    if (m.type != IPC_DIAL || m.n_fds || sm_wire_end(&r)) {
        ipc_close_fds(&m);
        rc = SM_PROTOCOL;
        goto out;
    }
    rc = dial(address, port, sm_clock_deadline(conf->connect_timeout), &fd,
              why, sizeof(why));
    sm_wire_put_u16(&w, (uint16_t)-rc);
    sm_wire_put_str(&w, why);
    rc = ipc_send(ROLE_CHANNEL, IPC_DIALED, &w, &fd, fd >= 0);
out:
    if (fd >= 0)
        close(fd);
    sm_wire_writer_dispose(&w);
    return sm_err_exit(rc);
}
