/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions by policy, each made by a judge (judge.h). */
#ifndef SECMIGD_DECISION_H
#define SECMIGD_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "channel/message.h"
#include "evidence.h"
#include "facts.h"
#include "judge.h"
#include "policy/decide.h"

/* What is asked; all of it is borrowed for decision_start() only. */
struct decision_question {
    enum sm_policy_action action;
    const struct facts *facts;  /* on migrate-in the config is judged, too */
    const char *account;        /* who asks here; NULL: not known */
    const char *role;           /* to act in; NULL or "": all of them */
    const struct evidence *evidence;    /* deposited here; NULL: none */
    const char *other;          /* the host at the far end */
    const uint8_t *other_key;   /* 32 bytes */
};

struct decision_answer {
    bool allow;
    int code;                   /* 0 when allowed, else an error */
    char rule[SM_MESSAGE_RULE_MAX + 1];
    char text[SM_MESSAGE_TEXT_MAX + 1];
};

struct decision {
    struct judge judge;
    struct decision_answer answer;
    void (*done)(void *ctx, const struct decision_answer *answer);
    void *ctx;
};

/*
 * Ask.
 *   done  called once, later; `answer` lives in *d.  A judge that dies, is
 *         too slow or breaks the rules has said no: rule "judge".
 * Returns 0, or an error and `done` is never called.
 */
int decision_start(struct decision *d,
                   const struct decision_question *question,
                   void (*done)(void *ctx,
                                const struct decision_answer *answer),
                   void *ctx) SM_WARN_UNUSED;

/* Nothing more is called.  Fine when it never began. */
void decision_clear(struct decision *d);

/*
 * Log a decision with its rule.
 *   by  who asks
 */
void decision_log(const struct decision_question *question, const char *by,
                  const struct decision_answer *answer);

#endif
