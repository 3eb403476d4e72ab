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
 *   handover.c         the table, the journal, the turn of the machine
 *   handover_act.c     secmig-xl: what Xen says, what is done to the domain
 *   handover_settle.c  calling the other host again
 *   handover_tell.c    words for people: log, xl's last paragraph
 */
#ifndef SECMIGD_HANDOVER_H
#define SECMIGD_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"
#include "handover/handover.h"
#include "handover/journal.h"
#include "handover/words.h"

struct handover;

/* One message of IPC_PEER_HANDOVER, taken apart. */
struct handover_message {
    enum sm_handover_fact fact;
    uint8_t id[SM_HANDOVER_ID_LEN];
    uint8_t epoch[SM_HANDOVER_EPOCH_LEN];
    uint64_t sequence;
    uint16_t code;
    char text[512 + 1];
};

/* What a session that carries a handover wants to know. */
struct handover_events {
    /* Say this to the other host.  Returns 0, or an error: the link is as
     * good as lost. */
    int (*say)(void *ctx, const struct handover_message *m);
    /* Source: have xl let go of the domain (close its stream; what does not
     * let go in time is killed).  handover_let_go() follows. */
    void (*let_go)(void *ctx);
    /* It is decided: `state` is DONE, ABORTED, ACCEPTED or REFUSED, and what
     * had to be done to the domain is done and marked.  Called once. */
    void (*decided)(void *ctx, enum sm_handover_state state, int code,
                    const char *text);
    void *ctx;
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
 * SM_BUSY when the other host has too many in doubt, or when an open record
 * of the same guest is not marked as acted upon: two records must never act
 * on one domain.
 */
int handover_begin(const struct sm_handover_record *first,
                   const struct handover_events *events,
                   struct handover **out) SM_WARN_UNUSED;

/* Source: all is sent, the guest is suspended, xl has let go. */
void handover_given(struct handover *h);
/* Source: xl has let go, one way or the other (it has ended). */
void handover_let_go(struct handover *h);
/* Destination: the copy is complete, and xl no longer acts on it. */
void handover_complete(struct handover *h);
/* Give it up, if that is still ours to decide. */
void handover_stop(struct handover *h, int code, const char *text);
/* An administrator wants it undone, also later than that. */
void handover_undo(struct handover *h, const char *text);
/* The session ends: no event is called any more.  Before RELEASED, or READY,
 * that gives it up; later it goes on without. */
void handover_detach(struct handover *h);
/* A link to the other host is there again: say what there is to say. */
void handover_link(struct handover *h);

/*
 * A message from `peer`, whose key the handshake has authenticated; from a
 * migration's own connection or from one that was made to settle.
 *   say  how to answer on this connection
 */
void handover_heard(const char *peer, const uint8_t key[static 32],
                    const struct handover_message *m,
                    int (*say)(void *ctx, const struct handover_message *m),
                    void *ctx);

/* Body of IPC_PEER_HANDOVER.  get: returns 0 or SM_PROTOCOL. */
void handover_message_put(struct sm_wire_writer *w,
                          const struct handover_message *m);
int handover_message_get(struct sm_wire_reader *r,
                         struct handover_message *m) SM_WARN_UNUSED;

/* Whether a guest is in a handover that is not decided: open, and not marked
 * as acted upon. */
bool handover_has(const uint8_t uuid[static 16]);
/* Whether a host with this key is owed, or owes, an answer here: it may
 * speak, whatever the policy says of it by now. */
bool handover_expects(const uint8_t key[static 32]);

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
 * doubt with it, and never will; and, where a copy waits here, that it has
 * not run that guest since (else the copy is outdated: settle with undo).
 * Returns 0, or SM_NO_DOMAIN when nothing is open with that host.
 */
int handover_fence(const char *host, const char *by, char *text, size_t size)
    SM_WARN_UNUSED;

#endif
