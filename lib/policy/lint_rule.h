/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lint.c and lint_rule.c share.  Internal to lib/policy. */
#ifndef SM_POLICY_LINT_RULE_H
#define SM_POLICY_LINT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/cover.h"
#include "policy/model.h"

struct sm_lint {
    const struct sm_policy *policy;
    struct sm_lint_warning {
        unsigned int line;
        char *text;
    } *warnings;
    size_t n, room;
    bool no_memory;
    uint64_t *held;             /* roles that some operator has */
    uint64_t *hosted;           /* roles that some host has */
    unsigned int permitted;     /* actions that some operator's role permits */
    bool operator_keys;         /* some operator has a key */
    bool attesters;             /* somebody certifies attestation keys */
    bool *dead;                 /* rules that can never apply */
    struct sm_lint_sketch {
        uint64_t vms, sources, destinations;
    } *sketches;                /* of the rules: a few bits a name */
    struct sm_cover cover;      /* the one budget of all comparisons */
};

/* One more warning. */
void sm_lint_warn(struct sm_lint *l, unsigned int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether two sets have something in common. */
bool sm_lint_meet(const uint64_t *a, const uint64_t *b, size_t words);

/* Conditions of one rule that can never hold, and demands that can never be
 * met.  Sets l->dead of the rule when it can never apply. */
void sm_lint_rule(struct sm_lint *l, size_t rule);

#endif
