/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: a connection that this host makes, to migrate a guest
 * (outgoing.h) or to settle handovers (handover_call.c).  The dialer
 * connects; from then on the connection is a peer's, which shakes hands.
 */
#ifndef SECMIGD_DIAL_H
#define SECMIGD_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "decision/decision.h"
#include "ipc.h"
#include "keys/keys.h"
#include "parent/loop.h"
#include "parent/spawn.h"

/* What its owner wants to know.  The connection may be cleared from within
 * each of them. */
struct dial_events {
    uint8_t flags;              /* of PEER_START, besides those that follow
                                 * from the settings and from struct dial */
    /* No connection: the other host's doing, or ours. */
    void (*unreachable)(void *ctx, int code, const char *why);
    void (*failed)(void *ctx, int code, const char *why);
    /* The peer has it, and the way to the host key. */
    void (*connected)(void *ctx);
    /* The peer's channel is readable, or at its end. */
    void (*on_peer)(void *ctx, short revents);
    /* Of dialer and peer, as for spawn_role(). */
    void (*role_ended)(void *ctx, int status);
};

/* A member of its owner's struct, of dial_init(). */
struct dial {
    struct decision_other other;        /* of dial_find(); what it is to
                                         * prove the owner says */
    struct key_wait key;                /* the owner asks for it: our part in
                                         * the handshake */
    bool classic;                       /* the owner says so: without
                                         * ML-KEM-768 */
    struct child dialer, peer;
    struct loop_watch dialer_watch;
    struct loop_watch peer_watch;       /* fd -1: there is none any more */
    struct loop_timer timer;
    const struct dial_events *events;
    void *ctx;
};

/* From zeroed memory; before anything else. */
void dial_init(struct dial *d);

/*
 * Look up where a host is that is to be dialled: d->other begins anew.
 *   by_name  one that is not paired may be known by its certificate, or by a
 *            key that was seen before: it is where its name says
 *   why      out: `why_size` bytes: what is wrong
 * Returns 0, or an error of sm_pairing_by_name().
 */
int dial_find(struct dial *d, const char *host, bool by_name, char *why,
              size_t why_size) SM_WARN_UNUSED;

/*
 * Connect to d->other, once dial_find() has said where it is and d->key was
 * answered.
 *   events  outlives *d
 *   ctx     for the events.  One of the first three is called, later or from
 *           within this call
 */
void dial_start(struct dial *d, const struct dial_events *events, void *ctx);

/* No connection is wanted any more, nor the host key.  A peer that is there
 * goes on.  Fine at any time. */
void dial_stop(struct dial *d);

/* The same, and the peer ends.  Fine at any time. */
void dial_clear(struct dial *d);

#endif
