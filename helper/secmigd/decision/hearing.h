/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside a judge: one decision in the making.  decision_judge.c has the
 * whole, decision_platform.c what concerns the other host's platform.
 */
#ifndef SECMIGD_HEARING_H
#define SECMIGD_HEARING_H

#include <stdbool.h>
#include <stdint.h>

#include "decision/decision.h"
#include "decision/identify.h"
#include "trust/ticket.h"

struct hearing {
    const struct decision_bench *bench;
    const struct decision_question *q;
    struct decision_answer *a;
    int64_t now;
    struct sm_minisign_public authorities[SM_POLICY_AUTHORITIES_MAX];
    size_t n_authorities;
    struct revoked revoked;
    struct identify_certificate own, other;
    struct sm_policy_attributes own_says, other_says;
    bool other_counts;          /* the certificate is the other host's */
    struct sm_papers papers;
    struct sm_ticket tickets[SM_PAPERS_TICKETS_MAX];
    char ticket_why[256];       /* why one of them does not count */
    struct sm_policy *vm;
    struct {
        bool proven;            /* the next three are set */
        struct sm_attested now;
        struct sm_policy_measured measured;
        enum sm_attest_since since;
        char why[SM_ATTEST_WHY_SIZE];   /* not proven: the reason; else what
                                         * differs from before */
    } platform;
};

/* The answer, with its text. */
void hearing_say(struct decision_answer *a, int code, const char *rule,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* What the other host has proven, if that was demanded: for the request. */
void hearing_platform(struct hearing *h, struct sm_policy_request *r);

/* The policies have been asked: what is to be said and remembered of it. */
void hearing_platform_decided(struct hearing *h);

#endif
