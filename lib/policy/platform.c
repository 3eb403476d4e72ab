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

/* ---- what PCRs are ---- */

const char *sm_policy_pcr_measures(unsigned int pcr)
{
    static const char *const what[SM_POLICY_PCRS] = {
        [0] = "firmware code",
        [1] = "firmware configuration",
        [2] = "code of option ROMs",
        [3] = "configuration of option ROMs",
        [4] = "boot loader",
        [5] = "boot loader configuration, partition table",
        [6] = "what the manufacturer likes",
        [7] = "Secure Boot: state and keys",
        [8] = "GRUB: commands and command lines",
        [9] = "GRUB: files that it read, such as Xen and dom0's kernel",
        [10] = "IMA: files that dom0 has used, in their order",
        [11] = "unified kernel image",
        [12] = "kernel command line, system credentials",
        [13] = "system extensions",
        [14] = "shim: machine owner's keys",
        [15] = "identity of the system: volume keys, machine id",
        [16] = "for debugging: anyone can reset it",
        [17] = "dynamic launch: its environment",
        [18] = "dynamic launch: its policy",
        [19] = "dynamic launch: trusted operating system",
        [20] = "dynamic launch: trusted operating system",
        [21] = "dynamic launch: for the operating system",
        [22] = "dynamic launch: for the operating system",
        [23] = "for applications: anyone can reset it",
    };

    return pcr < SM_POLICY_PCRS ? what[pcr] : "no such PCR";
}

bool sm_policy_pcr_is_free(unsigned int pcr)
{
    return pcr == 16 || pcr == 23;
}
