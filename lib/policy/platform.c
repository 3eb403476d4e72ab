/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/platform.h"

#include <stdio.h>
#include <string.h>

#include "policy/evaluate.h"

size_t sm_policy_platform_count(const struct sm_policy *policy)
{
    return policy->n_platforms;
}

const struct sm_policy_platform *
sm_policy_platform_at(const struct sm_policy *policy, size_t i)
{
    return &policy->platforms[i];
}

uint32_t sm_policy_platform_differs(const struct sm_policy_platform *set,
                                    const struct sm_policy_measured *m)
{
    uint32_t differs = 0;
    unsigned int pcr;
    size_t i;

    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++) {
        if (!(set->pcrs & 1u << pcr))
            continue;
        for (i = 0; i < set->pcr[pcr].n; i++)
            if (!memcmp(set->pcr[pcr].values[i], m->pcr[pcr], 32))
                break;
        if (i == set->pcr[pcr].n)
            differs |= 1u << pcr;
    }
    if (set->has_log && (!m->has_log || memcmp(set->log, m->log, 32)))
        differs |= SM_POLICY_DIFFERS_LOG;
    if (set->approve_reset && !m->reset_approved)
        differs |= SM_POLICY_DIFFERS_RESET;
    return differs;
}

void sm_policy_platform_text(const struct sm_policy_platform *set,
                             uint32_t differs, char *out, size_t size)
{
    const char *comma = "";
    char list[128] = "";
    unsigned int pcr;
    size_t n = 0;

    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++)
        if (differs & 1u << pcr) {
            n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%u",
                                  n ? ", " : " PCR ", pcr);
            comma = ",";
        }
    if (differs & SM_POLICY_DIFFERS_LOG)
        snprintf(list + n, sizeof(list) - n, "%s event log", comma);
    if (list[0])
        snprintf(out, size, "differs from %s in%s", set->id, list);
    else
        snprintf(out, size, "fits %s, but nobody has approved its last reset",
                 set->id);
}

const char *sm_policy_platform_matches(const struct sm_policy *policy,
                                       const struct sm_policy_measured *m,
                                       char *why, size_t why_size)
{
    const struct sm_policy_request r = { .measured = m };
    struct sm_evaluate e;
    size_t i;

    if (why_size)
        why[0] = '\0';
    sm_evaluate_begin(&e, policy, &r, false);
    for (i = 0; i < policy->n_platforms; i++)
        if (sm_policy_set_has(e.proven, i))
            return policy->platforms[i].id;
    sm_proven_text(&e, NULL, why, why_size);
    return NULL;
}

bool sm_policy_platform_counts(const struct sm_policy *policy,
                               const uint8_t *signer)
{
    return sm_hosts_counted(policy, signer) & SM_POLICY_ATTESTATION;
}

bool sm_policy_pcr_is_untouched(const uint8_t value[static 32])
{
    size_t i;

    for (i = 1; i < 32; i++)
        if (value[i] != value[0])
            return false;
    return value[0] == 0 || value[0] == 0xff;
}

bool sm_policy_pcr_is_free(unsigned int pcr)
{
    return pcr == 16 || pcr == 23;
}
