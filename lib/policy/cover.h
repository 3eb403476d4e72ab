/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How two rules of one policy relate, as far as their text tells it.  Both
 * questions are answered "no" when in doubt.  Internal to lib/policy.
 */
#ifndef SM_POLICY_COVER_H
#define SM_POLICY_COVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/model.h"

/* What may be spent on comparing: without a bound, two rules of very many
 * conditions, or very many rules, would take minutes. */
struct sm_cover {
    const struct sm_policy *policy;
    uint64_t left;              /* elementary comparisons still to be made */
    bool spent;                 /* more were asked for: all answers are "no" */
};

/* Take `n` comparisons from the budget; false, now and later, when there are
 * not so many left. */
bool sm_cover_spend(struct sm_cover *c, size_t n);

/* Whether every request to which `b` applies is one to which `a` applies:
 * actions and conditions, not what they ask for besides. */
bool sm_cover_applies(struct sm_cover *c, const struct sm_policy_rule *a,
                      const struct sm_policy_rule *b);

/* Whether `a` asks for no evidence and no obligation that `b` does not ask
 * for, and admits every config that `b` admits. */
bool sm_cover_demands(struct sm_cover *c, const struct sm_policy_rule *a,
                      const struct sm_policy_rule *b);

/* Whether no migration can be one that both rules apply to, by the names of
 * guests and hosts. */
bool sm_cover_apart(struct sm_cover *c, const struct sm_policy_rule *a,
                    const struct sm_policy_rule *b);

#endif
