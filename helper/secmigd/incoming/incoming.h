/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: a connection from another host, and the guest it
 * brings.
 *
 *   IN_SILENT    the peer waits for a message 1 that can be answered; the
 *                host key is not touched
 *   IN_STRANGER  the host key is released (keys.h); the peer shakes hands
 *   IN_WHO       a judge finds out whether it is who it says it is
 *                                                          (incoming_meet.c)
 *   IN_WAIT      a known host; its request is awaited      (incoming.c)
 *   IN_SETTLE    it has come to settle handovers instead   (incoming_move.c)
 *   IN_CHECK     secmig-xl reads the config; a judge decides
 *   IN_ROOM      secmig-xl looks at processor, memory, name and uuid
 *                                                          (incoming_xl.c)
 *   IN_XL        accepted: the handover has begun (handover.h); xl starts and
 *                is given the checked config
 *   IN_MOVE      the peer has xl's standard input
 *
 * Nothing is run on the sender's word before IN_XL.  What becomes of the copy
 * is the handover's to say, which goes on when this session has ended.
 */
#ifndef SECMIGD_INCOMING_H
#define SECMIGD_INCOMING_H

#include <stdbool.h>
#include <stdint.h>

#include "channel/message.h"
#include "decision/decision.h"
#include "parent/facts.h"
#include "handovers/handover.h"
#include "ipc.h"
#include "keys/keys.h"
#include "parent/loop.h"
#include "keys/prove.h"
#include "incoming/receive.h"
#include "parent/spawn.h"

enum in_state { IN_SILENT, IN_STRANGER, IN_WHO, IN_WAIT, IN_SETTLE, IN_CHECK,
                IN_ROOM, IN_XL, IN_MOVE };

struct incoming {
    unsigned long id;
    enum in_state state;
    int64_t since;
    char from[64];              /* address */
    struct key_wait key;
    struct child peer;
    struct loop_watch watch;    /* the peer's channel */
    struct loop_timer timer;
    struct run run;
    struct decision_other other;
    struct prove prove;         /* what this host runs */
    char by[SM_MESSAGE_OPERATOR_MAX + 1];
    uint32_t flags;
    struct sm_xen_version xen;  /* the other host's */
    struct sm_xen_features features;    /* what the guest was told there */
    uint8_t handover_id[SM_MESSAGE_ID_LEN];
    uint8_t epoch[SM_MESSAGE_ID_LEN];   /* the other host's journal ... */
    uint64_t sequence;                  /* ... and how far it has come */
    int config, papers;         /* memfds as they came; -1: none */
    struct facts facts;
    struct decision decision;
    char rule[SM_MESSAGE_RULE_MAX + 1];     /* that allows it here */
    struct receive receive;     /* xl migrate-receive */
    bool refused;               /* the peer has been told no */
    struct handover *handover;  /* NULL: not begun, or settled */
    int verdict;                /* 0: the guest is ours */
    int64_t met;                /* when it had shown its key; monotonic */
    struct handover_pace pace;
    bool owed;                  /* let in for an answer, and no guest ... */
    bool stranger;              /* ... and not known: its name counts for
                                 * nothing.  Else it lacks what the settings
                                 * require */
    bool evicted;               /* had to make room */
    struct incoming *next;
};

extern struct incoming *incoming_first;     /* all of them, youngest first */

/* Peer, xl or secmig-xl has ended: if it was the last of the three, the session
 * ends. */
void incoming_maybe_free(struct incoming *in);

/* It has to make room: it has not asked for anything, or there is a newer
 * connection for what it has come for. */
void incoming_evict(struct incoming *in);

/* The guest is not taken: log it and tell the peer. */
void incoming_refuse(struct incoming *in, int code, const char *rule,
                     const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Its peer has not come to an end in time: it is killed. */
void incoming_too_slow(void *ctx);

/* ---- incoming_meet.c ---- */

/* Why nobody is met at this moment; NULL: who calls is. */
const char *incoming_not_now(void);
/* IPC_PEER_NEED_KEY: it speaks the protocol. */
void incoming_needs_key(struct incoming *in, struct sm_wire_reader *r);
/* IPC_PEER_KEY: its own. */
void incoming_meets(struct incoming *in, struct sm_wire_reader *r);
/* What a host is told, and the log, that has come without the post-quantum
 * handshake where that is required. */
void incoming_too_classic(const struct incoming *in,
                          char text[static SM_MESSAGE_TEXT_MAX + 1]);

/* ---- incoming_xl.c ---- */

/* Allowed here: see whether this Xen can take it, this processor can run it
 * and there is room, start xl, and go on from there. */
void incoming_accept(struct incoming *in);

/* ---- incoming_move.c: what joins the session with its handover ---- */

/* Begin: from now on a restarted daemon knows.  Returns 0, or an error and the
 * guest is refused. */
int incoming_begin(struct incoming *in) SM_WARN_UNUSED;
/* xl has ended. */
void incoming_xl_ended(void *ctx, enum receive_end how, int status);
/* IPC_PEER_HANDOVER */
void incoming_heard(struct incoming *in, struct sm_wire_reader *r);
/* The session ends; the handover goes on without. */
void incoming_move_clear(struct incoming *in);

#endif
