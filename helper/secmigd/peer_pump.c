/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pump: bytes between xl's pipes and the STATE stream.  One record is
 * held at most in each direction, so a slow reader at the far end slows the
 * writer at this end, and nothing grows.
 */
#include "peer.h"

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

void peer_pump_start(struct peer *p, int local_in, int local_out)
{
    /* Pipe ends of our own: xl's ends are other open files, so its
     * toggling of O_NONBLOCK and ours do not meet. */
    set_nonblocking(local_in);
    set_nonblocking(local_out);
    p->local_in = local_in;
    p->local_out = local_out;
    p->progress = p->listening = sm_clock_now_ms();
    peer_enter(p, PEER_MOVE, 0);
}

/* The source's xl has nothing more to say or hear: the destination's word
 * about the end must come in time. */
static void await_done(struct peer *p)
{
    if (p->initiator && p->local_in < 0 && p->local_out < 0 &&
        p->phase == PEER_MOVE)
        peer_enter(p, PEER_MOVE, p->conf->finish_timeout);
}

static void close_in(struct peer *p)
{
    if (p->local_in >= 0)
        close(p->local_in);
    p->local_in = -1;
    await_done(p);
}

static void close_out(struct peer *p)
{
    if (p->local_out >= 0)
        close(p->local_out);
    p->local_out = -1;
    p->held_len = 0;
    p->held_final = false;
    await_done(p);
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
    p->eof_sent = true;
    peer_pump_settle(p);
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
            /* xl has closed its end.  What it has to say comes by its exit
             * status; what still arrives for it is dropped. */
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

/* What xl writes last when the guest runs (or lies paused, as asked):
 * migrate_report in tools/xl/xl.h with its NUL, and a status byte of 0. */
static const char started[] = "my copy unpause results are as follows\0";

/*
 * The destination's last word, DONE, is the FINAL record of CONTROL.  It
 * waits for xl's exit status and, if xl did well, until all it wrote is on
 * its way.
 */
void peer_pump_settle(struct peer *p)
{
    struct sm_message m = { .type = SM_MESSAGE_DONE };
    int rc;

    if (p->initiator || p->phase != PEER_MOVE || !p->have_verdict)
        return;
    if (p->verdict.code == 0 && !p->eof_sent)
        return;
    /* xl also exits with 0 when it has cleaned up well after a failure. */
    if (p->verdict.code == 0 &&
        !link_last_is(p->link, started, sizeof(started))) {
        p->verdict.code = (uint16_t)-SM_XL;
        snprintf(p->verdict.text, sizeof(p->verdict.text), "xl "
                 "migrate-receive on %s did not start the guest; its log "
                 "says why", p->conf->name);
    }
    m.u.done = p->verdict;
    rc = link_put_message(p->link, &m, SM_RECORD_FINAL);
    if (rc)
        peer_end(p, rc, "cannot send DONE");
    else
        peer_end(p, sm_err_from_code(p->verdict.code), "%s",
                 p->verdict.text);
}
