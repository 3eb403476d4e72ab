/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges: children of the parent, each for one look at what strangers wrote.
 * A judge is forked, not executed, so that it has the policy in force and
 * the question before it in the memory that it inherits; it gives up
 * everything else, takes the papers apart, writes one bounded answer to a
 * pipe and ends.  The parent never reads those papers, and what they break
 * ends with the judge.
 *
 * May: read the papers (a sealed memory file), use what it inherited, write
 * its answer.  May not: open files or sockets, start programs, see another
 * process, use much memory or time.
 *
 * What is decided is in decision.h and its likes; here is how.
 */
#ifndef SECMIGD_JUDGE_H
#define SECMIGD_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/wire.h"
#include "parent/spawn.h"

/* Standard input of the judge: the papers. */
#define JUDGE_PAPERS 0

/*
 * The work, in the child.
 *   question  as given to judge_start(), in the child's copy of the memory
 *   answer    to be filled in
 * Returns 0, or an error: there is no answer then.
 */
typedef int judge_body(const void *question, struct sm_wire_writer *answer);

/*
 * The end of it, in the parent.
 *   err     0; SM_TIMEOUT; SM_HELPER when the judge died; SM_PROTOCOL when
 *           it said too much; SM_SANDBOX and the like
 *   why     err in words, for a log line or a refusal
 *   answer  what it wrote, not trusted: to be decoded to its last byte; lives
 *           until this returns
 */
typedef void judge_done(void *ctx, int err, const char *why,
                        struct sm_wire_reader *answer);

struct judge {
    struct run run;
    size_t max;
    judge_body *body;
    const void *question;       /* in the child only */
    judge_done *done;
    void *ctx;
};

/*
 * Start a judge.
 *   body, question  its work; the question need not live longer than this
 *                   call
 *   papers          memory file; -1: none; stays the caller's
 *   max             bytes of the answer; at most 128 KiB
 *   done, ctx       called once, from the loop, unless judge_clear() comes
 *                   first
 * Returns 0, or an error and `done` is never called.
 */
int judge_start(struct judge *j, judge_body *body, const void *question,
                int papers, size_t max, judge_done *done, void *ctx)
    SM_WARN_UNUSED;

/* End it if it works; nothing more is called.  Fine when it never began. */
void judge_clear(struct judge *j);

/*
 * In a child of spawn_fork(): no more than `memory_more` bytes on top of what
 * it was born with, no more than `seconds` of processor time.
 * Returns 0 or SM_SANDBOX.
 */
int judge_limits(size_t memory_more, unsigned int seconds) SM_WARN_UNUSED;

#endif
