/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How two rules of one policy relate, as far as their text tells it.  Both
 * questions are answered "no" when in doubt.  Internal to lib/policy.
 */
#ifndef SM_POLICY_COVER_H
#define SM_POLICY_COVER_H

#include <stdbool.h>

#include "policy/model.h"

/* Whether every request to which `b` applies is one to which `a` applies:
 * actions and conditions, not what they ask for besides. */
bool sm_cover_applies(const struct sm_policy *p,
                      const struct sm_policy_rule *a,
                      const struct sm_policy_rule *b);

/* Whether `a` asks for no evidence and no obligation that `b` does not ask
 * for, and admits every config that `b` admits. */
bool sm_cover_demands(const struct sm_policy *p,
                      const struct sm_policy_rule *a,
                      const struct sm_policy_rule *b);

/* Whether no migration can be one that both rules apply to, by the names of
 * guests and hosts. */
bool sm_cover_apart(const struct sm_policy_rule *a,
                    const struct sm_policy_rule *b);

#endif
