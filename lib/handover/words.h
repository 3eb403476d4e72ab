/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a handover stands, in words for people: the same from the daemon and
 * from `secmig handover` where no daemon runs.  Pure, like handover.h.
 */
#ifndef SM_HANDOVER_WORDS_H
#define SM_HANDOVER_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handover/journal.h"

#define SM_HANDOVER_LINE_SIZE 1024
#define SM_HANDOVER_PAGE_SIZE 4096

/* What a list says that has no line. */
#define SM_HANDOVER_NO_NEWS "no handover is open here, and none was settled " \
                            "in the last 24 hours"

/* What is known beside the record.  All zero: only the journal was read. */
struct sm_handover_now {
    bool daemon;        /* a daemon says so, and goes on with it */
    bool rebooted;      /* this host was booted anew since it was recorded */
    bool linked;        /* there is a connection with the other host, on which
                         * it has spoken */
    bool held;          /* its journal is not the one that we know: messages
                         * of it are not heard */
    enum sm_handover_domain domain;     /* as it was seen last */
    int64_t retry;      /* seconds until the other host is called again, 0:
                         * it is being called; -1: it is not called from here */
    char trouble[161];  /* what does not succeed at the moment; "": nothing */
};

/* Whether something is left to do, or to hear. */
bool sm_handover_is_open(const struct sm_handover_record *record);

/* Who may run the guest: "this host", the other one's name, or "nobody yet:
 * hostB decides". */
void sm_handover_owner(const struct sm_handover_record *record, char *out,
                       size_t size);

/* How it stands, in a few words, as in the line below. */
void sm_handover_stands(const struct sm_handover_record *record,
                        const struct sm_handover_now *now, char *out,
                        size_t size);

/*
 * One line without its end: guest, direction, other host, state, since when,
 * and what happens next by itself.
 *   out  SM_HANDOVER_LINE_SIZE bytes
 */
void sm_handover_line(const struct sm_handover_record *record,
                      const struct sm_handover_now *now,
                      char out[static SM_HANDOVER_LINE_SIZE]);

/* Everything, in lines; the last ones say what an administrator can do.
 *   out  SM_HANDOVER_PAGE_SIZE bytes */
void sm_handover_page(const struct sm_handover_record *record,
                      const struct sm_handover_now *now,
                      char out[static SM_HANDOVER_PAGE_SIZE]);

/* What `secmig handover settle --undo` of it would do, in a sentence.
 * Returns whether it would do anything. */
bool sm_handover_undo_means(const struct sm_handover_record *record,
                            const struct sm_handover_now *now,
                            char out[static SM_HANDOVER_LINE_SIZE]);

/* What a fence of the other host would do to it, likewise; one that is settled
 * is one that start.h says is freed.  Returns whether
 * the guest would be at stake: it could then run twice, or be lost, if what
 * is asserted is not true. */
bool sm_handover_fence_means(const struct sm_handover_record *record,
                             const struct sm_handover_now *now,
                             char out[static SM_HANDOVER_LINE_SIZE]);

/* Whether it belongs in a list: it is open, or was settled in the day before
 * `time` (seconds since 1970). */
bool sm_handover_is_news(const struct sm_handover_record *record,
                         int64_t time);

/*
 * Whether `guest` names it: the guest's name or uuid, or the migration's id
 * in hexadecimal digits.
 */
bool sm_handover_named(const struct sm_handover_record *record,
                       const char *guest);

#endif
