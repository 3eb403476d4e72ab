/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The judge's look at the other host's platform: is the proof that we have
 * demanded good, what was seen of that TPM before, and is it one that the
 * policy names?
 */
#include "decision/hearing.h"

#include <stdio.h>
#include <string.h>

#include "parent/parent.h"
#include "policy/platform.h"
#include "state/seen.h"

static void problem(struct hearing *h, enum sm_attest_problem p)
{
    snprintf(h->a->attestation, sizeof(h->a->attestation), "%s",
             sm_attest_problem_word(p));
}

/* What was seen of it before. */
static void compare(struct hearing *h)
{
    static const struct sm_attest_seen nothing;
    const struct sm_attested *now = &h->platform.now;
    const struct seen *last = seen_find(now->ak);

    h->platform.since = sm_attest_compare(now, last ? &last->tpm : &nothing,
                                          h->platform.why,
                                          sizeof(h->platform.why));
    sm_attest_remember(now, &h->a->platform);
    if (h->platform.since == SM_ATTEST_BACK) {
        h->a->back = true;
        problem(h, SM_ATTEST_RESET);
        return;
    }
    /* There is no room for the keys that anybody certifies. */
    h->a->seen = sm_policy_platform_counts(parent.policy, h->other.is.signer);
    memcpy(h->platform.measured.pcr, now->pcr, sizeof(now->pcr));
    h->platform.measured.has_log = now->has_log;
    memcpy(h->platform.measured.log, now->log, sizeof(now->log));
    h->platform.measured.signer = h->other.is.signer;
    h->platform.measured.reset_approved = seen_approved(
        now->ak, now->reset_count, now->restart_count);
    h->platform.proven = true;
}

void hearing_platform(struct hearing *h, struct sm_policy_request *r)
{
    const struct decision_other *o = h->q->other;
    enum sm_attest_problem what = SM_ATTEST_NO_TPM;
    struct sm_attest_expect expect = {
        .role = o->dialled ? SM_ATTEST_RESPONDER : SM_ATTEST_INITIATOR,
        .nonce = o->nonce,
        .hash = o->hash,
        .hash_len = sizeof(o->hash),
        .refused = o->unproven,
    };

    if (!o->demanded || h->q->stage != DECISION_FINAL)
        return;
    if (h->other_counts && h->other.is.has_ak)
        expect.ak = h->other.is.ak;
    if (h->other.worth != IDENTIFY_NO_CERTIFICATE && !h->other_counts)
        expect.certificate = h->other.why[0] ? h->other.why :
                             "it is not this host's";
    if (!o->shown)
        strcpy(h->platform.why, "it has not answered");
    else if (!sm_attest_verify(&expect, o->evidence, o->evidence_len,
                               &h->platform.now, &what, h->platform.why,
                               sizeof(h->platform.why)))
        what = SM_ATTEST_GOOD;
    if (what == SM_ATTEST_GOOD)
        compare(h);
    else
        problem(h, what);
    if (h->platform.proven)
        r->measured = &h->platform.measured;
    else
        r->unattested = h->platform.why;
}

/* The first set of a document in which the other host is; or whether it only
 * lacks that its last boot is accepted. */
static const char *set_of(const struct hearing *h,
                          const struct sm_policy *policy, bool *reset)
{
    const struct sm_policy_platform *set;
    const char *id = NULL;
    size_t i;

    for (i = 0; !id && i < sm_policy_platform_count(policy); i++) {
        set = sm_policy_platform_at(policy, i);
        switch (sm_policy_platform_differs(set, &h->platform.measured)) {
        case 0:
            id = set->id;
            break;
        case SM_POLICY_DIFFERS_RESET:
            *reset = true;
            break;
        }
    }
    return id;
}

void hearing_platform_decided(struct hearing *h)
{
    struct decision_answer *a = h->a;
    const struct seen *last;
    bool reset = false, site, vm;
    const char *id = NULL;
    char text[SM_MESSAGE_TEXT_MAX + 1];

    if (!h->q->other->demanded || h->q->stage != DECISION_FINAL)
        return;
    if (!h->platform.proven) {
        /* Asked of every host, it counts of every host. */
        if (a->allow && parent.conf.demand_attestation)
            hearing_say(a, SM_UNMET, "demand-attestation", "%s has not "
                        "proven what it runs: %s", h->q->other->name,
                        h->platform.why);
        return;
    }
    site = sm_policy_platform_counts(parent.policy, h->other.is.signer);
    vm = h->vm && sm_policy_platform_counts(h->vm, h->other.is.signer);
    if (a->allow && parent.conf.demand_attestation && !site) {
        problem(h, SM_ATTEST_CERTIFICATE);
        hearing_say(a, SM_UNMET, "demand-attestation", "%s has not proven "
                    "what it runs: its attestation key is certified by nobody "
                    "whose word counts for that here", h->q->other->name);
        return;
    }
    if (site)
        id = set_of(h, parent.policy, &reset);
    if (id) {
        snprintf(a->attestation, sizeof(a->attestation), "%s", id);
        return;
    }
    if (vm)
        id = set_of(h, h->vm, &reset);
    if (id) {
        snprintf(a->attestation, sizeof(a->attestation), "vm:%s", id);
        return;
    }
    /* The word is on the document that says no. */
    if (a->allow ? !site && !vm : strncmp(a->rule, "vm:", 3) ? !site : !vm) {
        problem(h, SM_ATTEST_CERTIFICATE);
        return;
    }
    if (a->allow) {             /* no rule minds */
        strcpy(a->attestation, "proven");
        return;
    }
    problem(h, reset ? SM_ATTEST_RESET : SM_ATTEST_PCR);
    strcpy(text, a->text);
    if (reset)
        hearing_say(a, a->code, a->rule, "%s (secmig platform accept %s)",
                    text, h->q->other->name);
    if (h->platform.since != SM_ATTEST_MOVED)
        return;
    problem(h, SM_ATTEST_CHANGED);
    hearing_say(a, a->code, a->rule, "%s (%s)", text, h->platform.why);
    /* What it was before stays in memory: it goes on being a change. */
    last = seen_find(h->platform.now.ak);
    memcpy(a->platform.pcrs, last->tpm.pcrs, sizeof(a->platform.pcrs));
}
