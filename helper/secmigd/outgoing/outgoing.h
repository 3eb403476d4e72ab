/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: a client of the control socket and the migration it
 * asks for.
 *
 *   OUT_IDLE    nothing asked yet                        (outgoing.c)
 *   OUT_FACTS   secmig-xl tells what the guest and its config are; a
 *               judge says whether it might leave
 *   OUT_KEY     perhaps: the host key is released (keys.h)
 *   OUT_DIAL    the dialer connects                      (outgoing_peer.c)
 *   OUT_ASK     the peer shakes hands; a judge decides, once for all or, if
 *               the other host is to prove what it runs, before and after
 *               that; the destination is asked
 *   OUT_MOVE    accepted: the client has the stream, and the handover has
 *               begun (handover.h), which goes on when this session has ended
 *   OUT_ENDED   the client has its last word
 */
#ifndef SECMIGD_OUTGOING_H
#define SECMIGD_OUTGOING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/conf.h"
#include "channel/message.h"
#include "decision/decision.h"
#include "parent/client.h"
#include "parent/dial.h"
#include "parent/facts.h"
#include "handovers/handover.h"
#include "ipc.h"
#include "parent/loop.h"
#include "keys/prove.h"
#include "parent/spawn.h"

enum out_state { OUT_IDLE, OUT_FACTS, OUT_KEY, OUT_DIAL, OUT_ASK, OUT_MOVE,
                 OUT_ENDED };

struct outgoing {
    unsigned long id;
    uid_t uid;
    pid_t pid;                  /* the client's */
    unsigned long operate;      /* session whose xl this is; 0: none */
    char account[CLIENT_ACCOUNT_SIZE];  /* the operator's then */
    char role[FRAME_ROLE_MAX + 1];  /* to act in; "": all of them */
    enum out_state state;
    int64_t since;
    struct child control;
    struct loop_watch control_watch;
    struct dial dial;           /* to the other host */
    struct loop_timer timer;
    struct run run;
    struct decision decision;
    bool answered;              /* ANSWER was sent; RESULT is next */
    bool accepted;              /* the other host is who it should be */
    bool requested;             /* the peer was given the REQUEST to send */
    struct prove prove;         /* what this host runs */

    uint32_t domid, flags;
    uint8_t handover_id[SM_HANDOVER_ID_LEN];
    struct handover *handover;  /* NULL: not begun, or settled */
    struct loop_watch stream;   /* the peer's end of it: has xl closed its? */
    int64_t met;                /* when it had shown its key; monotonic */
    struct handover_pace pace;
    bool given;                 /* the client has handed over */
    char host[SM_CONF_NAME_MAX + 1];
    int config, papers;         /* memfds; -1: none */
    uint8_t asked[16];          /* uuid of the guest that the client means */
    struct facts domain;        /* domid known: what libxl says */
    struct sm_xen_features features;    /* what the guest has been told of */
    struct facts facts;         /* of the config */
    struct outgoing *next;
};

/* A migration under way, by name or uuid of the guest; NULL: none. */
struct outgoing *outgoing_find(const char *vm);

/* Cancel the session with that id.  Returns whether there is one that can
 * still be cancelled. */
bool outgoing_abort(unsigned long id, const char *text);

/* End the session: its processes are killed, nothing more is told. */
void outgoing_free(struct outgoing *o);

/* ANSWER to the client, or RESULT once that was sent.
 *   stream  what it is to write the guest to; stays the caller's; -1: none */
void outgoing_answer(struct outgoing *o, int code, const char *rule,
                     const char *text, int stream);

/* The migration has ended, one way or the other, and the client is told,
 * once.  `code` 0: the guest is there. */
void outgoing_finish(struct outgoing *o, int code, const char *rule,
                     const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A role of this session has ended (see spawn.h); for the log. */
void outgoing_role_ended(void *ctx, int status);

/* ---- outgoing_ask.c ---- */

/* IPC_CLIENT_MIGRATE, with its descriptor. */
void outgoing_ask(struct outgoing *o, struct sm_wire_reader *r,
                  struct ipc_message *message);

/* Decide, with all that speaks for the migration at this moment.  `done` as
 * in decision.h; the session has ended when it cannot be asked. */
void outgoing_decide(struct outgoing *o, enum decision_stage stage,
                     void (*done)(void *ctx,
                                  const struct decision_answer *answer));

/* Log a decision that was made for this session. */
void outgoing_log(struct outgoing *o, enum decision_stage stage,
                  const struct decision_answer *answer);

/* ---- outgoing_peer.c ---- */

/* Allowed here: connect to the paired host, and go on from there. */
void outgoing_dial(struct outgoing *o);

/* Tell the peer, which tells the other side, and the client: there is no
 * handover yet. */
void outgoing_give_up(struct outgoing *o, int code, const char *text);

/* Somebody wants it ended, if that can still be. */
void outgoing_cancel(struct outgoing *o, const char *text);

/* ---- outgoing_move.c: OUT_MOVE ---- */

/* Accepted there: the handover begins, and the stream is handed out. */
void outgoing_move(struct outgoing *o, const char *rule);
/* The client: all is sent / it has let go, and gives up / it has gone. */
void outgoing_given(struct outgoing *o);
void outgoing_given_up(struct outgoing *o);
void outgoing_move_alone(struct outgoing *o);
/* IPC_PEER_HANDOVER */
void outgoing_heard(struct outgoing *o, struct sm_wire_reader *r);
/* The session ends; the handover goes on without. */
void outgoing_move_clear(struct outgoing *o);

#endif
