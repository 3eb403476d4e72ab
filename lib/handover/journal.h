/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal of handovers: one file, appended to, each record of one size
 * with a number and a check-sum of its own (docs/formats.md).
 *
 * After a crash at any byte of any write the journal opens with the state
 * before that write or after it.  A last record that is only partly there is
 * dropped; anything else that does not fit is damage, which is never repaired
 * silently.
 *
 *   epoch     16 random bytes, made with the file: which journal this is
 *   sequence  number of the last record: how far it has come
 *
 * Hosts tell each other epoch and sequence, so that a journal that was
 * replaced, or put back from a copy, is noticed by the other host; and a
 * witness file on a file system that does not survive a boot (/run) notices
 * it within one boot.
 *
 * Space for the records that open migrations will need is allocated when they
 * begin: a full disk stops new migrations, never one under way.
 */
#ifndef SM_HANDOVER_JOURNAL_H
#define SM_HANDOVER_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "handover/handover.h"

#define SM_HANDOVER_ID_LEN 16
#define SM_HANDOVER_EPOCH_LEN 16
#define SM_HANDOVER_KEY_LEN 32
#define SM_HANDOVER_BOOT_LEN 16
#define SM_HANDOVER_NAME_MAX 255    /* of a guest, bytes */
#define SM_HANDOVER_PEER_MAX 64     /* of a host, bytes */
#define SM_HANDOVER_BY_MAX 32       /* of an account, bytes */
#define SM_HANDOVER_WHY_MAX 160     /* bytes */

/* Flags of a record. */
#define SM_HANDOVER_LEAVE_PAUSED 1u /* is not unpaused at the destination */
#define SM_HANDOVER_WEAK 2u         /* the source's xl is not patched */
#define SM_HANDOVER_KEPT_POLICY 4u  /* the guest's own policy came along */
#define SM_HANDOVER_FENCED 8u       /* settled by an administrator's word */
#define SM_HANDOVER_CLOSED 16u      /* nothing is left to do */
#define SM_HANDOVER_UNDO 32u        /* an administrator wants it undone */
#define SM_HANDOVER_ACTED 64u       /* what had to be done to the domain is
                                     * done: it is never looked at again, nor
                                     * touched.  The guest may go on to other
                                     * hosts, and come back, while this record
                                     * is open */
#define SM_HANDOVER_UNNAMED 128u    /* the guest runs here under the name of
                                     * a copy, or of one that has moved: its
                                     * own was taken (handover.h) */
#define SM_HANDOVER_FLAGS 255u      /* all of them: others are refused */

/* A guest's name with one of these is lent: to a copy until its start is
 * complete, and, by a stock xl, to an original that the other host may start.
 * Neither is a name for a guest that runs. */
#define SM_HANDOVER_COPY_SUFFIX "--incoming"
#define SM_HANDOVER_AWAY_SUFFIX "--migratedaway"

/* One migration, as it stands. */
struct sm_handover_record {
    uint8_t id[SM_HANDOVER_ID_LEN];     /* drawn by the source; used once */
    enum sm_handover_state state;
    uint32_t flags;
    uint8_t uuid[16];
    char name[SM_HANDOVER_NAME_MAX + 1];
    char peer[SM_HANDOVER_PEER_MAX + 1];        /* the other host ... */
    uint8_t peer_key[SM_HANDOVER_KEY_LEN];      /* ... its static key ... */
    uint8_t peer_epoch[SM_HANDOVER_EPOCH_LEN];  /* ... its journal: zeroes
                                                 * until it has been heard */
    uint64_t peer_sequence;             /* lowest that it may come with */
    uint8_t boot[SM_HANDOVER_BOOT_LEN]; /* of this host, when it was made */
    uint32_t domid;                     /* here; UINT32_MAX: not known */
    int32_t holder;                     /* source: pid of xl, 0: not known */
    uint64_t holder_start;              /* field 22 of /proc/PID/stat */
    int64_t since, changed;             /* seconds since 1970 */
    char by[SM_HANDOVER_BY_MAX + 1];    /* account that asked for the
                                         * migration, on the source */
    uint16_t code;                      /* why it was aborted or refused, or
                                         * who has settled it, */
    char why[SM_HANDOVER_WHY_MAX + 1];  /* ... in words */
};

/*
 * Which migrations are kept: every open one; those that an administrator has
 * fenced in ABORTED or ACCEPTED, for the other host may come back and ask; those
 * whose guest has yet to get its name; of those that are DONE and closed the
 * latest 8192 of the last day, which say after a boot that a guest is elsewhere
 * (start.h); of all other closed ones the latest 256.  DONE and REFUSED are
 * fenced also when they are closed, and then many at once: that keeps none of
 * them longer, since nobody waits for what they would answer.  An ACCEPTED one is closed only when the
 * other host has settled it, or by a fence, so "not known here" always means
 * "not started here, or long settled".
 */
struct sm_handover_journal;

/*
 * Open the journal, or make one where there is none.
 *   path     the file, in a directory that only root can write
 *   witness  a file in a directory that a boot empties; written at each put
 *   out      on success, to be closed with sm_handover_journal_close()
 *   why      out: `why_size` bytes, the reason in words ("" on success): what
 *            is wrong at which position, and what to do
 * The journal is locked: a second process gets SM_BUSY.
 * Returns 0; SM_STATE when it is damaged, older than the witness, another
 * than the witness knows, of another version, or unsafe (owner, mode, links);
 * SM_BUSY; SM_IO; SM_NO_MEMORY.
 */
int sm_handover_journal_open(const char *path, const char *witness,
                             struct sm_handover_journal **out, char *why,
                             size_t why_size) SM_WARN_UNUSED;

/* Close; NULL is fine. */
void sm_handover_journal_close(struct sm_handover_journal *j);

/*
 * Read a journal that may be in use by a daemon, without changing anything:
 * `each` is called for every migration in it, oldest first; where it is damaged
 * (SM_STATE) for those whose records are whole, which may have come further
 * than these say.
 * Returns as sm_handover_journal_open() does, and SM_NO_DOMAIN where there is
 * no journal.
 */
int sm_handover_journal_read(const char *path,
                             void (*each)(void *ctx, const struct
                                          sm_handover_record *record),
                             void *ctx, char *why, size_t why_size)
    SM_WARN_UNUSED;

/*
 * Put a damaged or replaced journal aside (as PATH.TIME) and begin a new one,
 * with a new epoch: other hosts will notice, and wait for an administrator.
 * One that is gone, but for its witness, is begun anew, too.
 *   kept  out: `kept_size` bytes, the name under which the old one is kept;
 *         "" when there was none
 * Returns 0, SM_NO_DOMAIN when there is neither, SM_BUSY when a daemon has it
 * open, SM_STATE when it is no file, SM_IO, SM_NO_MEMORY.
 */
int sm_handover_journal_reset(const char *path, const char *witness,
                              char *kept, size_t kept_size, char *why,
                              size_t why_size) SM_WARN_UNUSED;

/*
 * Make sure that one more migration can be written down to its end.  To be
 * called before its first record.  Returns 0; SM_IO (disk full, errno says);
 * SM_BUSY when there are as many open migrations as a journal may hold (1024);
 * SM_NO_MEMORY.  What is durable stays so, whatever it returns.  After a put
 * that failed it writes the whole journal anew, as the next put would.
 */
int sm_handover_journal_reserve(struct sm_handover_journal *j)
    SM_WARN_UNUSED;

/*
 * Write the present state of a migration, durably; a record without id in
 * the journal is a new one.  `changed` is the caller's to set.  In `by` and
 * `why`, what is no text becomes question marks.
 * Returns 0: it is durable, and will be found after any crash.  SM_IO (errno
 * says why): it is not known whether it will be found.  Then nothing may be
 * done that relies on either; the next put, of this or another record, writes
 * the whole journal anew, with this migration as it was before unless it is
 * put again, and its success decides.
 * Nothing was written, and the journal is as it was: SM_STATE when the record
 * cannot be (an unknown state or flag, a name that is no text), or cannot
 * follow what is durable: another guest, a state that comes before that one,
 * or any other than DONE, ABORTED, ACCEPTED or REFUSED once it is that;
 * SM_BUSY when it is new and there is no place for one more open one;
 * SM_NO_MEMORY.
 */
int sm_handover_journal_put(struct sm_handover_journal *j,
                            const struct sm_handover_record *record)
    SM_WARN_UNUSED;

/*
 * The last durable state of a migration; NULL when it is not known, or long
 * closed.  Borrowed until the next put.
 */
const struct sm_handover_record *
sm_handover_journal_find(const struct sm_handover_journal *j,
                         const uint8_t id[static SM_HANDOVER_ID_LEN]);

/* The `i`th migration, oldest first, closed ones included; NULL: no more. */
const struct sm_handover_record *
sm_handover_journal_at(const struct sm_handover_journal *j, size_t i);

/* This journal's identity, and the number of its last durable record: it
 * grows by one or more with each put. */
const uint8_t *sm_handover_journal_epoch(const struct sm_handover_journal *j);
uint64_t sm_handover_journal_sequence(const struct sm_handover_journal *j);

#endif
