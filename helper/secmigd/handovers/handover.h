/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: the last phase of every migration, and of those that an
 * earlier daemon has left behind.  It drives handover/handover.h: it looks at
 * the domain with secmig-xl, writes the journal, lets secmig-xl resume,
 * destroy, start or discard, and says to the other host what follows.
 *
 * A handover outlives the connection and the client that it began with.  It
 * ends when its record is closed.
 *
 *   handover.c         what is written, the turn of the machine
 *   handover_open.c    the table: beginning, taking up, end
 *   handover_hear.c    what the other host says
 *   handover_act.c     secmig-xl: what Xen says, what is done to the domain
 *   handover_name.c    guests whose name was taken
 *   handover_hold.c    xl on the source, until it lets go
 *   handover_call.c    calling the other host again
 *   handover_send.c    to the peer of a connection
 *   handover_tell.c    words for people: log, xl's last paragraph
 *   handover_ask.c     for administrators
 */
#ifndef SECMIGD_HANDOVER_H
#define SECMIGD_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"
#include "channel/message.h"
#include "handover/handover.h"
#include "handover/journal.h"
#include "handover/words.h"

struct handover;

/* How to say something on a connection to the other host.  Returns 0, or an
 * error: the connection is as good as lost. */
typedef int handover_say(void *ctx, const struct sm_message_handover *m);

/* Say it by the peer on this channel; -1: there is none. */
int handover_send(int peer, const struct sm_message_handover *m)
    SM_WARN_UNUSED;

/* What a session that carries a handover wants to know.  Nothing is called
 * from within a function of this file: always from the loop. */
struct handover_events {
    handover_say *say;
    /* Source, SM_HANDOVER_WEAK: the other host is READY; xl, which waits for
     * that, may hand over. */
    void (*ready)(void *ctx);
    /* Have xl let go of the domain, without touching it from here.  Source: it
     * stays here (code, text); close its stream.  handover_let_go() follows;
     * or its process ends, or is killed when that takes too long.
     * Destination: kill it; handover_let_go() follows. */
    void (*let_go)(void *ctx, int code, const char *text);
    /* Source: it takes longer than the client should wait.  Called once. */
    void (*in_doubt)(void *ctx, const char *text);
    /* It is decided: `state` is DONE, ABORTED, ACCEPTED or REFUSED, and what
     * had to be done to the domain is done and marked.  Called once. */
    void (*decided)(void *ctx, enum sm_handover_state state, int code,
                    const char *text);
    /* All is settled; the handover is gone when this returns. */
    void (*closed)(void *ctx);
    void *ctx;                  /* also names the connection: handover_lost() */
};

/* Open the journal and take up what is in it.  To be called once, before
 * anything listens.  Returns 0 or an error, which is logged. */
int handover_init(void) SM_WARN_UNUSED;

/* This host's journal, as it stands: for REQUEST and for messages. */
void handover_stamp(uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                    uint64_t *sequence);

/*
 * Begin: the first record, SENDING or LOADING, becomes durable.
 *   first   id, state, flags, uuid, name, peer, peer_key, peer_epoch,
 *           peer_sequence, domid, holder, by are filled in
 *   events  copied
 * Returns 0; SM_IO when it cannot be written; SM_EXISTS when the id was used;
 * SM_XL when it cannot be seen which process the holder is;
 * SM_BUSY when the other host has too many in doubt, or when an open record
 * of the same guest is not marked as acted upon: two records must never act
 * on one domain.
 */
int handover_begin(const struct sm_handover_record *first,
                   const struct handover_events *events,
                   struct handover **out) SM_WARN_UNUSED;

/* Source: all is sent, the guest is suspended, xl has let go. */
void handover_given(struct handover *h);
/* xl has let go, one way or the other (it has ended). */
void handover_let_go(struct handover *h);
/* Destination: the copy is complete, and xl no longer acts on it. */
void handover_complete(struct handover *h);
/* Give it up, if that is still ours to decide. */
void handover_stop(struct handover *h, int code, const char *text);
/* Whether that can still be. */
bool handover_stoppable(const struct handover *h);
/* The session ends: no event is called any more.  Before RELEASED, or READY,
 * that gives it up; later it goes on without. */
void handover_detach(struct handover *h);

/* This daemon ends: all that can be given up is.  What cannot waits for the
 * next one. */
void handover_stop_all(void);
bool handover_all_stopped(void);

/* Where a message comes from. */
struct handover_from {
    const char *peer;           /* the host's name ... */
    const uint8_t *key;         /* ... and static key, authenticated */
    bool source;                /* it has dialled: it speaks as a source */
    int64_t since;              /* sm_clock_now_ms() when it had shown the
                                 * key: what it says, it says later */
    handover_say *say;          /* how to answer */
    void *ctx;                  /* names the connection */
};

/* How much a connection says in a second.  Zero: nothing yet. */
struct handover_pace {
    int64_t second;
    unsigned int heard;
};

/* Count a message; false: it is one too many, end the connection. */
bool handover_may_say(struct handover_pace *pace) SM_WARN_UNUSED;

/*
 * IPC_PEER_HANDOVER: a message, of a migration's own connection or of one that
 * was made to settle.  That connection is used to answer, now or later, until
 * handover_lost().  One that is malformed is not heard: r->error says so.
 * Returns false when it is one too many: end the connection.
 */
bool handover_hear(const struct handover_from *from,
                   struct handover_pace *pace, struct sm_wire_reader *r)
    SM_WARN_UNUSED;

/* The same, with what it says taken apart. */
void handover_heard(const struct handover_from *from,
                    const struct sm_message_handover *m);

/* The connection named by `ctx` has gone; fine when it carried nothing.  A
 * handover that can still be given up is: with this code and text. */
void handover_lost(const void *ctx, int code, const char *text);

/* Whether a guest is in a handover that is not decided: open, and not marked
 * as acted upon. */
bool handover_has(const uint8_t uuid[static 16]);
/* Whether it runs here under a name that it was lent, and `name` is that: it
 * does not migrate so, for the other host would take that for its own. */
bool handover_is_unnamed(const uint8_t uuid[static 16], const char *name);
/* Whether a host with this key is owed an answer here: it may ask for it,
 * whatever the policy says of it by now, while its migration is remembered. */
bool handover_expects(const uint8_t key[static SM_HANDOVER_KEY_LEN]);
/* Whether a host may call for an answer without which its guest stands still:
 * the connection on which it was begun is gone.  Who calls is not known before
 * this host's key is used. */
bool handover_awaits_call(void);

/* ---- for administrators (operate_handover.c) ---- */

/* The `i`th migration of the journal, oldest first, settled ones included;
 * NULL: no more.  Borrowed until the loop turns. */
const struct sm_handover_record *handover_at(size_t i);

/* How one of these stands at this moment (handover/words.h). */
void handover_now(const struct sm_handover_record *record,
                  struct sm_handover_now *now);

/*
 * Call the other host now; with `undo`, have it undone where that is possible
 * (a source says CANCEL, a destination that is READY refuses).
 *   by    account, for the journal and the log
 *   text  out: `size` bytes, one line: what will happen
 * Returns 0, or SM_NO_DOMAIN when it is not open.
 */
int handover_settle(const uint8_t id[static SM_HANDOVER_ID_LEN], bool undo,
                    const char *by, char *text, size_t size) SM_WARN_UNUSED;
/*
 * Somebody who may asserts that `host` runs none of the guests that are in
 * doubt with it, and never will; and that it has not run them since the
 * migrations began (else what is here is outdated: destroy it first).
 *   settled  likewise of the guests that are that host's by handovers that are
 *            settled (sm_handover_start_freed()), and that no other host runs
 *            them: they may be started here again
 *   by, text, size  as above
 * Returns 0; SM_NO_DOMAIN when there is no such guest; SM_IO: not all of it is
 * durable, and `text` says how many are not.
 */
int handover_fence(const char *host, bool settled, const char *by, char *text,
                   size_t size) SM_WARN_UNUSED;

#endif
