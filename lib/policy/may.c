/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a document can say before there is a request. */
#include <string.h>

#include "policy/evaluate.h"

static bool of_action(const struct sm_policy_rule *rule,
                      enum sm_policy_action action)
{
    return rule->actions & 1u << (action - 1);
}

/* Several <time> are alternatives, none means always.  Time is always
 * known. */
static bool now_is_its_time(struct sm_evaluate *e,
                            const struct sm_policy_rule *rule)
{
    size_t i;

    for (i = 0; i < rule->n_times; i++)
        if (sm_condition_time(e, &rule->times[i]) == SM_VERDICT_YES)
            return true;
    return !rule->n_times;
}

/* Nothing but <time>: it applies to whatever is asked. */
static bool is_about_everything(const struct sm_policy_rule *rule)
{
    return !rule->n_subjects && !rule->n_vms && !rule->n_sources &&
           !rule->n_destinations && !rule->n_channels;
}

bool sm_policy_may(const struct sm_policy *policy,
                   enum sm_policy_action action, int64_t now)
{
    const struct sm_policy_request r = { .action = action, .now = now };
    const struct sm_policy_rule *rule;
    struct sm_evaluate e;
    bool may = false;
    size_t i;

    if (!policy || now < policy->start || now > policy->expiry)
        return false;
    sm_evaluate_begin(&e, policy, &r, false);
    for (i = 0; i < policy->n_rules; i++) {
        rule = &policy->rules[i];
        if (!of_action(rule, action) || (rule->allow && may) ||
            (!rule->allow && !is_about_everything(rule)) ||
            !now_is_its_time(&e, rule))
            continue;
        if (!rule->allow)
            return false;
        may = true;
    }
    return may;
}

bool sm_policy_wants_attestation(const struct sm_policy *policy,
                                 enum sm_policy_action action)
{
    const struct sm_policy_rule *rule;
    size_t i, k;

    for (i = 0; policy && i < policy->n_rules; i++) {
        rule = &policy->rules[i];
        if (!of_action(rule, action))
            continue;
        if (rule->require.attestation)
            return true;
        for (k = 0; k < rule->n_channels; k++)
            if (rule->channels[k].attestations)
                return true;
    }
    return false;
}
