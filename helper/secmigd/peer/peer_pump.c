/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pump: bytes between xl's pipe and the STATE stream, which goes from the
 * source to the destination.  One record is held at most on each side, so a
 * slow reader at the far end slows the writer at this end, and nothing grows.
 */
#include "peer/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static void set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void peer_pump_start(struct peer *p, int fd)
{
    /* A pipe end of our own: xl's end is another open file, so its toggling
     * of O_NONBLOCK and ours do not meet. */
    set_nonblocking(fd);
    if (p->initiator)
        p->local_in = fd;
    else
        p->local_out = fd;
    p->progress = p->listening = sm_clock_now_ms();
    peer_enter(p, PEER_MOVE, 0);
}

static void close_in(struct peer *p)
{
    if (p->local_in >= 0)
        close(p->local_in);
    p->local_in = -1;
}

static void close_out(struct peer *p)
{
    if (p->local_out >= 0)
        close(p->local_out);
    p->local_out = -1;
    p->held_len = 0;
    p->held_final = false;
}

void peer_pump_close(struct peer *p)
{
    close_in(p);
    close_out(p);
}

/* xl wrote, or closed: then this stream gets its authenticated end. */
void peer_pump_in(struct peer *p)
{
    int n = link_put_from(p->link, p->local_in);

    if (n == SM_BUSY)
        return;
    if (n > 0) {
        p->sent += (uint64_t)n;
        p->progress = sm_clock_now_ms();
        return;
    }
    if (n == 0)
        n = link_put(p->link, SM_RECORD_STATE, SM_RECORD_FINAL, NULL, 0);
    if (n < 0) {
        peer_end(p, n, "reading the stream from xl: %s", sm_err_text(n));
        return;
    }
    close_in(p);
}

/* Write what is held for xl. */
void peer_pump_out(struct peer *p)
{
    ssize_t n;

    while (p->held_len) {
        n = write(p->local_out, p->held, p->held_len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n <= 0) {
            /* xl has closed its end.  What that means the parent knows; what
             * still arrives for it is dropped. */
            close_out(p);
            p->listening = sm_clock_now_ms();
            return;
        }
        p->held += n;
        p->held_len -= (size_t)n;
        p->progress = sm_clock_now_ms();
    }
    if (p->held_final)
        close_out(p);
    p->listening = sm_clock_now_ms();
}

void peer_pump_state(struct peer *p, const uint8_t *data, size_t len,
                     bool final)
{
    p->received += len;
    p->progress = sm_clock_now_ms();
    if (p->local_out < 0)
        return;
    p->held = data;
    p->held_len = len;
    p->held_final = final;
    peer_pump_out(p);
}
