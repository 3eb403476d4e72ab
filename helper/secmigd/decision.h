/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: the policy in force, and what is said in the log about
 * decisions (judge.h makes them).
 */
#ifndef SECMIGD_DECISION_H
#define SECMIGD_DECISION_H

#include "judge.h"

/* Someone who waits for the outcome of a reload; a member of its owner's
 * struct. */
struct decision_waiter {
    /* err 0: the policy is in force; text: one line for people */
    void (*done)(void *ctx, int err, const char *text);
    void *ctx;
    struct decision_waiter *next;
};

/*
 * (Re)load the policy.  A child loads it first, so that a document that
 * makes the XML parser crash or hang takes only that child with it; then the
 * parent does.  A bad policy, or an older one than this host has seen,
 * keeps the one in force, if any.
 *   waiter  told once, later, about a load that begins after this call;
 *           NULL: nobody waits
 */
void decision_reload(struct decision_waiter *waiter);

/* The waiter goes away. */
void decision_forget(struct decision_waiter *waiter);

/* Whether a load is under way. */
bool decision_loading(void);

/*
 * Log a decision with its rule.
 *   by  who asks
 */
void decision_log(const struct judge_question *question, const char *by,
                  const struct judge_answer *answer);

#endif
