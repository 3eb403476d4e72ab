/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The judge: a child of the parent for one decision.  It is forked, not
 * executed, so that it has the policy in force before it, in the memory it
 * inherits; it gives up everything else, takes the papers apart that came
 * from strangers, decides, writes one bounded answer to a pipe and ends.
 * The parent never reads those papers, and what they break ends with the
 * judge.
 *
 * May: read the papers (a sealed memory file), use what it inherited, write
 * its answer.  May not: open files or sockets, start programs, see another
 * process, use much memory or time.
 */
#ifndef SECMIGD_JUDGE_H
#define SECMIGD_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "channel/message.h"
#include "facts.h"
#include "policy/decide.h"
#include "spawn.h"

/* What is asked; all of it is borrowed for judge_start() only. */
struct judge_question {
    enum sm_policy_action action;
    bool preview;               /* might this be allowed later? */
    const struct facts *facts;  /* on migrate-in the config is judged, too */
    const char *account;        /* who asks here; NULL: not known */
    const char *other;          /* the host at the far end */
    const uint8_t *other_key;   /* 32 bytes; NULL: not known yet */
    unsigned int suite;         /* enum sm_suite; 0: not known yet */
};

struct judge_answer {
    bool allow;
    int code;                   /* 0 when allowed, else an error */
    char rule[SM_MESSAGE_RULE_MAX + 1];
    char text[SM_MESSAGE_TEXT_MAX + 1];
};

struct judge {
    struct run run;
    struct judge_answer answer;
    void (*done)(void *ctx, const struct judge_answer *answer);
    void *ctx;
};

/*
 * Ask.
 *   done  called once, later, with what the judge said: `answer` lives in
 *         *j.  A judge that dies, is too slow (half of answer-timeout) or breaks the
 *         rules has said no: SM_HELPER.
 * Returns 0, or an error and `done` is never called.
 */
int judge_start(struct judge *j, const struct judge_question *question,
                void (*done)(void *ctx, const struct judge_answer *answer),
                void *ctx) SM_WARN_UNUSED;

/*
 * In a child of spawn_fork(): no more than `memory_more` bytes on top of what
 * it was born with, no more than `seconds` of processor time.
 * Returns 0 or SM_SANDBOX.
 */
int judge_limits(size_t memory_more, unsigned int seconds) SM_WARN_UNUSED;

/* End it if it works; nothing more is called.  Fine when it never began. */
void judge_clear(struct judge *j);

#endif
