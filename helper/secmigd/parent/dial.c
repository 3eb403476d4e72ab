/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parent/dial.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/frame.h"
#include "parent/parent.h"

#define DIAL_MARGIN 1000        /* ms that the dialer has to say so itself */

static struct ipc_message message;      /* the one being handled */

void dial_init(struct dial *d)
{
    d->dialer_watch.fd = d->peer_watch.fd = -1;
}

int dial_find(struct dial *d, const char *host, bool by_name, char *why,
              size_t why_size)
{
    struct decision_other *other = &d->other;
    int rc;

    memset(other, 0, sizeof(*other));
    other->dialled = true;
    snprintf(other->name, sizeof(other->name), "%s", host);
    rc = sm_pairing_by_name(parent.conf.hosts_dir, parent.own_key, host,
                            &other->pairing, why, why_size);
    other->pairing_rc = rc;
    if (rc == SM_UNKNOWN_HOST && by_name)
        rc = sm_pairing_by_dns(host, &other->pairing);
    return rc;
}

static int start_peer(struct dial *d, int connection)
{
    int rc, channel;
    struct sm_wire_writer w;

    rc = spawn_role(&d->peer, "peer", &channel, d->events->role_ended,
                    d->ctx);
    if (rc)
        return rc;
    loop_watch(&d->peer_watch, channel, POLLIN, d->events->on_peer, d->ctx);
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u8(&w, (uint8_t)(PEER_INITIATOR | d->events->flags |
                                 parent_post_quantum() |
                                 (d->classic ? PEER_CLASSIC : 0) |
                                 (d->other.demanded ? PEER_DEMAND : 0)));
    sm_wire_put_str(&w, d->other.name);
    sm_wire_put_bytes(&w, d->other.nonce, sizeof(d->other.nonce));
    rc = ipc_send(channel, IPC_PEER_START, &w, &connection, 1);
    if (!rc)
        rc = keys_give(&d->key, channel);
    sm_wire_writer_dispose(&w);
    return rc;
}

static void on_dialer(void *ctx, short revents)
{
    struct dial *d = ctx;
    char text[FRAME_TEXT_MAX + 1];
    struct sm_wire_reader r;
    int rc, code, fd;

    (void)revents;
    rc = ipc_recv(d->dialer_watch.fd, &message);
    if (rc == SM_BUSY)
        return;
    loop_close(&d->dialer_watch);
    loop_disarm(&d->timer);
    if (rc) {
        d->events->failed(d->ctx, SM_HELPER, "the dialer died");
        return;
    }
    sm_wire_reader_init(&r, message.body, message.len);
    code = sm_err_from_code(sm_wire_get_u16(&r));
    sm_wire_get_str(&r, text, sizeof(text));
    fd = ipc_take_fd(&message, 0);
    if (sm_wire_end(&r) || message.type != IPC_DIALED ||
        (!code && (fd < 0 || message.n_fds != 1)))
        d->events->failed(d->ctx, SM_HELPER, "the dialer broke the rules");
    else if (code)
        d->events->unreachable(d->ctx, code, text);
    else if (start_peer(d, fd))
        d->events->failed(d->ctx, SM_HELPER, "cannot start the peer process");
    else
        d->events->connected(d->ctx);
    if (fd >= 0)
        close(fd);
    ipc_close_fds(&message);
}

/* Looking up a name has no deadline of its own. */
static void too_slow(void *ctx)
{
    struct dial *d = ctx;

    d->events->unreachable(d->ctx, SM_TIMEOUT, "no address, or no answer "
                           "there, in time");
}

void dial_start(struct dial *d, const struct dial_events *events, void *ctx)
{
    struct sm_wire_writer w;
    int rc, channel;

    d->events = events;
    d->ctx = ctx;
    spawn_forget(&d->dialer);   /* the one before has done its work */
    rc = spawn_role(&d->dialer, "dialer", &channel, events->role_ended, ctx);
    if (rc) {
        events->failed(ctx, rc, "cannot start the dialer");
        return;
    }
    loop_watch(&d->dialer_watch, channel, POLLIN, on_dialer, d);
    loop_arm(&d->timer, parent.conf.connect_timeout + DIAL_MARGIN, too_slow,
             d);
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_str(&w, d->other.pairing.address);
    sm_wire_put_u16(&w, d->other.pairing.port);
    rc = ipc_send(channel, IPC_DIAL, &w, NULL, 0);
    sm_wire_writer_dispose(&w);
    if (rc)
        events->failed(ctx, SM_HELPER, "the dialer does not answer");
}

void dial_stop(struct dial *d)
{
    keys_forget_wait(&d->key);
    spawn_forget(&d->dialer);
    loop_close(&d->dialer_watch);
    loop_disarm(&d->timer);
}

void dial_clear(struct dial *d)
{
    dial_stop(d);
    spawn_forget(&d->peer);
    loop_close(&d->peer_watch);
}
