/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measured hosts for the comparison of two policies. */
#include <stdlib.h>
#include <string.h>

#include "policy/diff_values.h"

#define MEASURED_MAX 16     /* hosts in one set, and just not */

/* In the set, by the first of each PCR's values.  What it does not speak of
 * is zero: in a set that does the host will not be. */
static void fit(struct sm_policy_measured *m,
                const struct sm_policy_platform *set, const uint8_t *signer)
{
    unsigned int pcr;

    memset(m, 0, sizeof(*m));
    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++)
        if (set->pcrs & 1u << pcr)
            memcpy(m->pcr[pcr], set->pcr[pcr].values[0], 32);
    m->has_log = set->has_log;
    memcpy(m->log, set->log, 32);
    m->signer = signer;
    m->reset_approved = true;
}

/* Hosts that fit it, each in another way, and hosts that do not. */
static size_t measure(const struct sm_policy *p,
                      const struct sm_policy_platform *set,
                      struct sm_policy_measured m[MEASURED_MAX])
{
    static const uint8_t nobody[SM_POLICY_SIGNER_LEN];
    const uint8_t *signer = nobody;
    unsigned int pcr;
    size_t n = 0, i;

    for (i = p->n_authorities; i--;)
        if (p->authorities[i].attributes & SM_POLICY_ATTESTATION)
            signer = p->authorities[i].key;
    fit(&m[n++], set, signer);
    fit(&m[n], set, signer);
    m[n++].pcr[__builtin_ctz(set->pcrs)][0] ^= 1;
    fit(&m[n], set, signer);
    m[n++].reset_approved = false;
    if (set->has_log) {
        fit(&m[n], set, signer);
        m[n++].has_log = false;
    }
    for (i = 0; i < p->n_authorities && i < 4; i++)
        fit(&m[n++], set, p->authorities[i].key);
    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++)
        for (i = 1; i < set->pcr[pcr].n && n < MEASURED_MAX; i++) {
            fit(&m[n], set, signer);
            memcpy(m[n++].pcr[pcr], set->pcr[pcr].values[i], 32);
        }
    return n;
}

bool sm_diff_measure(const struct sm_policy *p, struct sm_diff_measured *out)
{
    size_t i, n = 0;

    out->list = calloc(p->n_platforms + 1,
                       MEASURED_MAX * sizeof(*out->list));
    if (!out->list)
        return false;
    for (i = 0; i < p->n_platforms; i++) {
        out->start[i] = n;
        n += measure(p, &p->platforms[i], &out->list[n]);
    }
    out->start[p->n_platforms] = n;
    return true;
}
