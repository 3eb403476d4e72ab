/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (1u << 20)

void sm_pump_init(struct sm_pump *p, int in, int out, bool own_out)
{
    int flags;

    memset(p, 0, sizeof(*p));
    p->in = in;
    p->out = out;
    if (!own_out)
        return;
    flags = fcntl(out, F_GETFL);
    if (flags >= 0)
        fcntl(out, F_SETFL, flags | O_NONBLOCK);
}

static void close_in(struct sm_pump *p)
{
    if (p->in >= 0)
        close(p->in);
    p->in = -1;
}

static void close_out(struct sm_pump *p)
{
    if (p->out < 0)
        return;
    shutdown(p->out, SHUT_WR);      /* no socket: no harm */
    close(p->out);
    p->out = -1;
}

void sm_pump_dispose(struct sm_pump *p)
{
    close_in(p);
    close_out(p);
    free(p->buffer);
    p->buffer = NULL;
    p->have = 0;
}

bool sm_pump_done(const struct sm_pump *p)
{
    return p->out < 0;
}

void sm_pump_wants(const struct sm_pump *p, struct pollfd fds[static 2])
{
    bool write = p->ready || p->have;

    fds[0] = (struct pollfd){ .fd = write ? -1 : p->in, .events = POLLIN };
    /* Without events, poll() still tells when the reader has gone. */
    fds[1] = (struct pollfd){ .fd = p->out,
                              .events = write ? POLLOUT : 0 };
}

/* The reader of `out` is not there any more. */
static int reader_gone(struct sm_pump *p)
{
    p->have = 0;
    p->ready = false;
    close_in(p);
    close_out(p);
    return 0;
}

/* Nothing is left in the buffer when this is called. */
static int end_of_input(struct sm_pump *p)
{
    p->ready = false;
    close_in(p);
    close_out(p);
    return 0;
}

static int write_error(struct sm_pump *p)
{
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    if (errno == EPIPE || errno == ECONNRESET)
        return reader_gone(p);
    return SM_IO;
}

static int flush_buffer(struct sm_pump *p)
{
    size_t len = p->have;
    ssize_t n;

    /* poll() promises room for PIPE_BUF bytes in a pipe, no more; `out`
     * may be blocking. */
    if (len > 4096 && !(fcntl(p->out, F_GETFL) & O_NONBLOCK))
        len = 4096;
    n = write(p->out, p->buffer + p->start, len);
    if (n < 0)
        return write_error(p);
    p->moved += (uint64_t)n;
    p->start += (size_t)n;
    p->have -= (size_t)n;
    return 0;
}

static int copy_some(struct sm_pump *p)
{
    ssize_t n;

    if (!p->have) {
        n = read(p->in, p->buffer, SM_PUMP_BUFFER);
        p->ready = false;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n < 0 && errno != ECONNRESET)
            return SM_IO;
        if (n <= 0)
            return end_of_input(p);
        p->start = 0;
        p->have = (size_t)n;
    }
    return flush_buffer(p);
}

static int start_copying(struct sm_pump *p)
{
    p->buffer = malloc(SM_PUMP_BUFFER);
    if (!p->buffer)
        return SM_NO_MEMORY;
    p->copying = true;
    return copy_some(p);
}

static int splice_some(struct sm_pump *p)
{
    ssize_t n = splice(p->in, NULL, p->out, NULL, CHUNK,
                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (n > 0) {
        p->moved += (uint64_t)n;
        p->ready = false;
        return 0;
    }
    if (n == 0)
        return end_of_input(p);
    if (errno == EINVAL)
        return start_copying(p);
    /* `in` was readable: what would block is `out`. */
    return write_error(p);
}

int sm_pump_step(struct sm_pump *p, const struct pollfd fds[static 2])
{
    if (p->out < 0)
        return 0;
    if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL))
        return reader_gone(p);
    if (fds[0].revents)
        p->ready = true;
    else if (!(fds[1].revents & POLLOUT))
        return 0;
    return p->copying ? copy_some(p) : splice_some(p);
}
