/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peer: one process for one connection.  May: read and write the one
 * socket and, after the ACCEPT, the pipe from or to xl that the parent hands
 * it; ask the keeper for one Diffie-Hellman.  May not: open files, start
 * programs, see the static key, decide anything.  Everything that comes from
 * the network is parsed here, in an empty root, as an account that owns
 * nothing, under a system call filter.
 */
#include "peer/peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "roles.h"
#include "base/sandbox.h"

#define CLOSING_TIME 3000       /* ms to hand over the last words */

static const char *const syscalls[] = {
    "poll", "ppoll", "read", "write", "recvmsg", "sendmsg", "recvfrom",
    "sendto", "setsockopt", "shutdown", "fcntl", "memfd_create", "lseek",
    "fstat", "newfstatat", "pread64", NULL
};

static struct ipc_message message;      /* the one being handled */

void peer_enter(struct peer *p, enum peer_phase phase, int64_t ms)
{
    p->phase = phase;
    p->deadline = sm_clock_deadline(ms);
}

void peer_end(struct peer *p, int code, const char *fmt, ...)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    struct sm_wire_writer w;
    va_list ap;

    if (p->phase == PEER_CLOSING)
        return;
    va_start(ap, fmt);
    ipc_words(text, sizeof(text), code, fmt, ap);
    va_end(ap);
    peer_pump_close(p);
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, (uint16_t)-code);
    sm_wire_put_str(&w, text);
    sm_wire_put_u64(&w, p->sent);
    sm_wire_put_u64(&w, p->received);
    if (ipc_send(ROLE_CHANNEL, IPC_PEER_END, &w, NULL, 0))
        p->done = true;             /* nobody to tell */
    sm_wire_writer_dispose(&w);
    peer_enter(p, PEER_CLOSING, CLOSING_TIME);
    /* Without records there is nothing more to say. */
    if (!link_records(p->link))
        p->done = true;
}

/* ---- the network ---- */

static void on_record(struct peer *p)
{
    enum sm_record_stream stream;
    unsigned int flags;
    const uint8_t *data;
    size_t len;
    bool final;

    if (link_open(p->link, &stream, &flags, &data, &len)) {
        peer_end(p, SM_PROTOCOL, "a record from %s was changed, lost or "
                 "repeated on the way", p->other);
        return;
    }
    final = flags & SM_RECORD_FINAL;
    if (stream == SM_RECORD_CONTROL)
        peer_control(p, data, len, final);
    else if (stream == SM_RECORD_STATE && p->phase == PEER_MOVE &&
             !p->initiator)
        peer_pump_state(p, data, len, final);
    else
        peer_end(p, SM_PROTOCOL, "%s sent data out of turn", p->other);
}

/* The connection has ended: SM_LINK or SM_TIMEOUT. */
static void lost(struct peer *p, int rc)
{
    const char *other = p->other[0] ? p->other : "peer";

    if (rc == SM_TIMEOUT)
        peer_end(p, rc, "nothing was acknowledged by %s for %d seconds",
                 other, p->conf->idle_timeout / 1000);
    else
        peer_end(p, rc, p->phase <= PEER_KEY ?
                 "%s closed the connection during the handshake (its log "
                 "says why)" : "connection to %s lost", other);
}

/* The socket is readable. */
static void on_socket(struct peer *p)
{
    static uint8_t sink[4096];
    int rc;

    if (p->phase == PEER_CLOSING) {
        /* Only the end of the connection is of interest: closing with
         * bytes unread would reset it and lose our last words. */
        if (recv(link_fd(p->link), sink, sizeof(sink), MSG_DONTWAIT) <= 0 &&
            errno != EAGAIN && errno != EINTR)
            p->done = true;
        return;
    }
    rc = link_read(p->link);
    if (rc == SM_LINK || rc == SM_TIMEOUT)
        lost(p, rc);
    else if (rc < 0)
        peer_end(p, rc, "%s sent a header that is not allowed",
                 p->other[0] ? p->other : "peer");
    else if (rc == 1 && p->phase == PEER_HANDSHAKE)
        peer_handshake_frame(p);
    else if (rc == 1)
        on_record(p);
}

/* ---- time ---- */

static bool keeps_alive(const struct peer *p)
{
    return p->phase == PEER_OPEN || p->phase == PEER_MOVE ||
           p->phase == PEER_SETTLING;
}

static void check_time(struct peer *p)
{
    struct sm_message m = { .type = SM_MESSAGE_KEEPALIVE };
    int64_t now = sm_clock_now_ms();

    if (sm_clock_left(p->deadline) == 0) {
        if (p->phase == PEER_CLOSING)
            p->done = true;
        else if (p->phase == PEER_KEEPER)
            peer_end(p, SM_HELPER, "this host's key was not there in time");
        else if (p->phase == PEER_KEY)
            peer_end(p, SM_HELPER, "no verdict on the key of %s in time",
                     p->other);
        else if (p->phase == PEER_SETTLING)
            peer_end(p, SM_TIMEOUT, "nothing said about a handover for %d "
                     "seconds", PEER_SETTLE_TIME / 1000);
        else if (p->phase == PEER_PROVE && p->theirs.made && !p->quoted)
            peer_end(p, SM_HELPER, "no quote of this host's TPM in time");
        else if (p->phase == PEER_PROVE && p->heard && !p->judged)
            peer_end(p, SM_HELPER, "no verdict on the evidence of %s in time",
                     p->other);
        else
            peer_end(p, SM_TIMEOUT, "%s did not answer in time",
                     p->other[0] ? p->other : "peer");
        return;
    }
    if (!keeps_alive(p))
        return;
    if (p->phase != PEER_OPEN && !p->held_len &&
        now - (link_heard(p->link) > p->listening ? link_heard(p->link) :
               p->listening) >= p->conf->idle_timeout) {
        peer_end(p, SM_TIMEOUT, "nothing heard from %s for %d seconds",
                 p->other, p->conf->idle_timeout / 1000);
        return;
    }
    if (link_pending(p->link) &&
        now - link_spoke(p->link) >= p->conf->finish_timeout) {
        peer_end(p, SM_TIMEOUT, "%s has taken no data for %d seconds",
                 p->other, p->conf->finish_timeout / 1000);
        return;
    }
    /* Keepalives alone do not hold a guest suspended here, nor memory for a
     * copy; once all is sent, the parents know how long to wait. */
    if (link_pending(p->link))
        p->progress = now;      /* judged above */
    if ((p->local_in >= 0 || p->local_out >= 0) &&
        now - p->progress >= p->conf->finish_timeout) {
        peer_end(p, SM_TIMEOUT, "the migration stream has stood still for "
                 "%d seconds", p->conf->finish_timeout / 1000);
        return;
    }
    if (now - link_spoke(p->link) >= p->conf->keepalive &&
        !link_pending(p->link) && link_put_message(p->link, &m, 0))
        peer_end(p, SM_FAIL, "cannot send KEEPALIVE");
}

/* Milliseconds until check_time() may have something to do. */
static int patience(const struct peer *p)
{
    int left = sm_clock_left(p->deadline), tick = p->conf->keepalive / 4;

    if (!keeps_alive(p))
        return left;
    return left < 0 || left > tick ? tick : left;
}

/* ---- the loop ---- */

static void turn(struct peer *p)
{
    enum { PARENT, SOCKET, IN, OUT, N };
    struct pollfd fds[N] = {
        [PARENT] = { .fd = ROLE_CHANNEL, .events = POLLIN },
        [SOCKET] = { .fd = link_fd(p->link) },
        [IN] = { .fd = -1, .events = POLLIN },
        [OUT] = { .fd = -1, .events = POLLOUT },
    };
    bool closing = p->phase == PEER_CLOSING;
    int rc;

    /* Held data must go to xl before the next record is read. */
    if (!p->held_len && p->phase != PEER_KEEPER && p->phase != PEER_KEY &&
        p->phase != PEER_OPEN)
        fds[SOCKET].events |= POLLIN;
    if (link_pending(p->link))
        fds[SOCKET].events |= POLLOUT;
    if (!fds[SOCKET].events)
        fds[SOCKET].fd = -1;
    if (p->local_in >= 0 && !link_pending(p->link))
        fds[IN].fd = p->local_in;
    if (p->local_out >= 0 && p->held_len)
        fds[OUT].fd = p->local_out;
    if (poll(fds, N, patience(p)) < 0) {
        p->done = errno != EINTR;
        return;
    }
    if (fds[PARENT].revents)
        peer_hear_parent(p);
    if (!p->done && fds[OUT].revents && p->local_out >= 0)
        peer_pump_out(p);
    if (!p->done && (fds[SOCKET].revents & ~POLLOUT))
        on_socket(p);
    if (!p->done && fds[IN].revents && p->local_in >= 0)
        peer_pump_in(p);
    if (!p->done)
        check_time(p);
    rc = p->done ? 0 : link_flush(p->link);
    if (rc && closing)
        p->done = true;
    else if (rc)
        lost(p, rc);
    if (p->phase == PEER_CLOSING && !p->done && !link_pending(p->link))
        shutdown(link_fd(p->link), SHUT_WR);
}

static int start(struct peer *p)
{
    unsigned int ms = (unsigned int)p->conf->idle_timeout;
    struct sm_wire_reader r;
    int rc, on = 1, fd;
    unsigned int flags;

    rc = ipc_recv(ROLE_CHANNEL, &message);
    if (rc)
        return rc;
    sm_wire_reader_init(&r, message.body, message.len);
    flags = sm_wire_get_u8(&r);
    sm_wire_get_str(&r, p->other, sizeof(p->other));
    sm_wire_get_bytes(&r, p->ours.nonce, sizeof(p->ours.nonce));
    if (flags & ~(unsigned int)(PEER_INITIATOR | PEER_POST_QUANTUM |
                                PEER_DEMAND | PEER_CLASSIC | PEER_SETTLE) ||
        ((flags & PEER_SETTLE) &&
         (flags & (PEER_INITIATOR | PEER_DEMAND)) != PEER_INITIATOR) ||
        message.type != IPC_PEER_START || message.n_fds != 1 ||
        sm_wire_end(&r)) {
        ipc_close_fds(&message);
        return SM_PROTOCOL;
    }
    p->initiator = flags & PEER_INITIATOR;
    p->settles = flags & PEER_SETTLE;
    p->ours.made = flags & PEER_DEMAND;
    if (flags & PEER_POST_QUANTUM)
        p->features = sm_hello_features();
    if (p->features && !(flags & PEER_CLASSIC))
        p->kind = SM_HELLO_HFS;
    fd = ipc_take_fd(&message, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
    p->link = link_new(fd);
    if (!p->link)
        return SM_NO_MEMORY;
    sm_message_reader_init(&p->reader, p->initiator ?
                           SM_MESSAGE_DESTINATION : SM_MESSAGE_SOURCE);
    peer_handshake_start(p);
    return 0;
}

int peer_main(const struct sm_conf *conf)
{
    struct peer p = { .conf = conf, .keeper = -1,
                      .local_in = -1, .local_out = -1 };
    char why[512];
    int rc;

    rc = sm_sandbox_enter(&conf->peer, conf->empty_dir, syscalls, why,
                       sizeof(why));
    if (rc) {
        sm_error("sandbox: %s", why);
        return sm_err_exit(rc);
    }
    rc = start(&p);
    while (!rc && !p.done)
        turn(&p);
    sm_noise_free(p.noise);
    sm_message_reader_dispose(&p.reader);
    free(p.config);
    free(p.papers);
    link_free(p.link);
    return sm_err_exit(rc);
}
