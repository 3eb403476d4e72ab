/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which platform sets of the document the other host is in. */
#include <stdio.h>
#include <string.h>

#include "policy/evaluate.h"
#include "policy/platform.h"

/* Whether `id` is among words that spaces separate. */
static bool among(const char *words, const char *id)
{
    size_t n = strlen(id), len;

    for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
        len = strcspn(words, " ");
        if (len == n && !memcmp(words, id, n))
            return true;
        words += len;
    }
    return false;
}

void sm_proven_find(struct sm_evaluate *e)
{
    const struct sm_policy_request *r = e->request;
    const struct sm_policy *p = e->policy;
    size_t i;

    e->unattested = r->unattested ? r->unattested :
                    "it was not asked to (demand-attestation = always in "
                    "secmigd.conf asks every host)";
    if (!p || (!r->attestation && !r->measured))
        return;
    if (!r->attestation &&
        !sm_policy_platform_counts(p, r->measured->signer)) {
        e->unattested = "its attestation key is certified by nobody whose "
                        "word counts for that here";
        return;
    }
    e->attested = true;
    for (i = 0; i < p->n_platforms; i++)
        if (r->attestation ? among(r->attestation, p->platforms[i].id) :
            !sm_policy_platform_differs(&p->platforms[i], r->measured))
            sm_policy_set_add(e->proven, i);
}

const char *sm_proven_text(const struct sm_evaluate *e, const uint64_t *wanted,
                           char *out, size_t size)
{
    const struct sm_policy_platform *nearest = NULL, *set;
    const struct sm_policy_request *r = e->request;
    uint32_t differs, least = 0;
    size_t i;

    if (!e->attested) {
        snprintf(out, size, "has proven none: %.200s", e->unattested);
        return out;
    }
    if (r->attestation) {
        snprintf(out, size, "has proven %.100s", r->attestation);
        return out;
    }
    for (i = 0; i < e->policy->n_platforms; i++) {
        set = &e->policy->platforms[i];
        if (wanted && !sm_policy_set_has(wanted, i))
            continue;
        differs = sm_policy_platform_differs(set, r->measured);
        if (!nearest || __builtin_popcount(differs) <
                        __builtin_popcount(least)) {
            nearest = set;
            least = differs;
        }
    }
    if (!nearest) {
        snprintf(out, size, "can be in no platform set: the policy has none");
    } else if (!least) {
        snprintf(out, size, "has proven %s", nearest->id);
    } else {
        sm_policy_platform_text(nearest, least, out, size);
    }
    return out;
}

const char *sm_proven_denied(const struct sm_evaluate *e,
                             const struct sm_policy_rule *rule, char *out,
                             size_t size)
{
    const struct sm_policy_how *how;
    char what[300];
    size_t i;

    out[0] = '\0';
    for (i = 0; i < rule->n_channels && !out[0]; i++) {
        how = &rule->channels[i];
        if (how->attestations && how->attestations_negated &&
            !sm_evaluate_common(how->attestations, e->proven,
                                e->policy->n_platforms))
            snprintf(out, size, "; the other host %s",
                     sm_proven_text(e, how->attestations, what,
                                    sizeof(what)));
    }
    return out;
}
