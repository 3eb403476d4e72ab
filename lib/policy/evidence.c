/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an allow rule requires beyond its conditions. */
#include <string.h>

#include "policy/evaluate.h"
#include "policy/index.h"

/* ---- tickets ---- */

static bool owns(const struct sm_evaluate *e, const uint8_t *signer)
{
    const struct sm_policy_owner *o;

    if (e->policy->has_vm)
        return e->request->vm_policy_signer &&
               !memcmp(e->request->vm_policy_signer, signer,
                       SM_POLICY_SIGNER_LEN);
    o = sm_policy_index_owner(e->policy, signer);
    return o && sm_policy_set_has(e->owners[0],
                                  (size_t)(o - e->policy->owners));
}

static bool ticket_fits(const struct sm_evaluate *e,
                        enum sm_policy_ticket_kind kind,
                        const uint8_t *signer)
{
    if (kind != SM_POLICY_TICKET_OPERATOR && owns(e, signer))
        return true;
    return kind != SM_POLICY_TICKET_OWNER &&
           sm_policy_index_operator(e->policy, signer);
}

static void say_ticket(struct sm_evaluate *e,
                       const struct sm_policy_rule *rule)
{
    const char *name = e->request->vm_name ? e->request->vm_name :
                       "the guest";
    char owners[160];

    sm_evaluate_ids(e, e->owners[0], e->policy->n_owners,
                    sm_evaluate_owner_id, owners, sizeof(owners));
    if (rule->require.ticket == SM_POLICY_TICKET_OPERATOR)
        sm_evaluate_say(e, "rule %s needs a ticket of an operator for %s "
                        "(secmig ticket)", rule->id, name);
    else if (owners[0] || e->policy->has_vm)
        sm_evaluate_say(e, "rule %s needs a ticket of %s%s%s for %s "
                        "(secmig ticket)", rule->id,
                        owners[0] ? "owner " : "its owner", owners,
                        rule->require.ticket == SM_POLICY_TICKET_ANY ?
                        " or of an operator" : "", name);
    else
        sm_evaluate_say(e, "rule %s needs a ticket of the owner of %s, "
                        "which has none%s", rule->id, name,
                        rule->require.ticket == SM_POLICY_TICKET_ANY ?
                        ": one of an operator will do (secmig ticket)" : "");
}

static bool ticket(struct sm_evaluate *e, const struct sm_policy_rule *rule,
                   struct sm_policy_obligations *out)
{
    const struct sm_policy_request *r = e->request;
    size_t i;

    if (rule->require.ticket == SM_POLICY_TICKET_NONE)
        return true;
    for (i = 0; i < r->n_tickets; i++)
        if (ticket_fits(e, rule->require.ticket, r->tickets[i].signer)) {
            out->ticket = (int)i;
            out->tickets |= 1u << i;
            return true;
        }
    if (r->preview)
        return true;
    say_ticket(e, rule);
    return false;
}

/* ---- approvals ---- */

/* Whether this operator's word counts: not the requester's, and only once. */
static bool may_approve(const struct sm_evaluate *e,
                        const struct sm_policy_operator *o, int approver,
                        const struct sm_policy_operator *const *before,
                        size_t n)
{
    size_t i;

    if (!o || (approver >= 0 &&
               (!o->roles || !sm_policy_set_has(o->roles,
                                                (size_t)approver))))
        return false;
    /* On the destination the requester is not known. */
    if (e->request->action != SM_POLICY_MIGRATE_IN || e->request->account)
        for (i = 0; i < e->n_who; i++)
            if (e->who[i].operator == o)
                return false;
    for (i = 0; i < n; i++)
        if (before[i] == o)
            return false;
    return true;
}

static bool approvals(struct sm_evaluate *e,
                      const struct sm_policy_rule *rule,
                      struct sm_policy_obligations *out)
{
    const struct sm_policy_operator
        *by[SM_POLICY_APPROVALS_MAX + SM_POLICY_TICKETS_MAX], *o;
    const struct sm_policy_request *r = e->request;
    unsigned int want = rule->require.approvals;
    int approver = rule->require.approver;
    size_t n = 0, i;

    for (i = 0; n < want && i < r->n_approvals; i++) {
        o = sm_policy_index_account(e->policy, r->approvals[i]);
        if (may_approve(e, o, approver, by, n))
            by[n++] = o;
    }
    for (i = 0; n < want && i < r->n_tickets; i++) {
        o = sm_policy_index_operator(e->policy, r->tickets[i].signer);
        if (may_approve(e, o, approver, by, n)) {
            by[n++] = o;
            out->tickets |= 1u << i;
            if (out->ticket < 0)
                out->ticket = (int)i;
        }
    }
    if (n >= want || r->preview)
        return true;
    sm_evaluate_say(e, "rule %s needs %u approval%s by %s%s other than who "
                    "asks, has %zu (secmig %s)", rule->id, want,
                    want == 1 ? "" : "s",
                    approver < 0 ? "operators" : "role ",
                    approver < 0 ? "" : e->policy->roles[approver].id, n,
                    r->action == SM_POLICY_FORCE_HANDOVER ?
                    "handover fence --approve" : "approve");
    return false;
}

/* ---- the rest ---- */

static bool vm_policy(struct sm_evaluate *e,
                      const struct sm_policy_rule *rule)
{
    const struct sm_policy_request *r = e->request;
    char owners[160];

    /* That the signer is an owner, and the guest's, was a step before the
     * rules. */
    if (!rule->require.vm_policy || r->vm_policy_signer || r->preview)
        return true;
    sm_evaluate_ids(e, e->owners[0], e->policy->n_owners,
                    sm_evaluate_owner_id, owners, sizeof(owners));
    sm_evaluate_say(e, "rule %s needs a VM policy of %s%s for %s (secmig "
                    "vm-policy add)", rule->id,
                    owners[0] ? "owner " : "an owner", owners,
                    r->vm_name ? r->vm_name : "the guest");
    return false;
}

static bool rate(struct sm_evaluate *e, const struct sm_policy_rule *rule)
{
    const struct sm_policy_request *r = e->request;
    int64_t span = rule->require.rate_seconds;
    unsigned int n = 0;
    size_t i;

    if (!rule->require.rate || r->preview)
        return true;
    /* A use that seems to be in the future counts: clocks are set back. */
    for (i = 0; i < r->n_uses; i++)
        if (!strcmp(r->uses[i].rule, rule->id) &&
            r->uses[i].when > r->now - span)
            n++;
    if (n < rule->require.rate)
        return true;
    sm_evaluate_say(e, "rule %s allows at most %u/%s, and there were %u: "
                    "wait", rule->id, rule->require.rate,
                    span == 60 ? "minute" : span == 3600 ? "hour" : "day",
                    n);
    return false;
}

static bool attested(struct sm_evaluate *e,
                     const struct sm_policy_rule *rule)
{
    const struct sm_policy_platform *want = rule->require.attestation;
    uint64_t set[SM_EVALUATE_WORDS(SM_POLICY_PLATFORM_SETS_MAX)] = { 0 };
    size_t i = want ? (size_t)(want - e->policy->platforms) : 0;
    char what[300];

    if (!want || (e->attested ? sm_policy_set_has(e->proven, i) :
                                e->request->preview))
        return true;
    sm_policy_set_add(set, i);
    sm_evaluate_say(e, "rule %s needs the other host to prove platform set "
                    "%s; it %s", rule->id, want->id,
                    sm_proven_text(e, set, what, sizeof(what)));
    return false;
}

bool sm_evidence_met(struct sm_evaluate *e, const struct sm_policy_rule *rule,
                     struct sm_policy_obligations *out)
{
    *out = (struct sm_policy_obligations){
        .notify_guest = rule->require.notify_guest,
        .max_downtime_ms = rule->require.max_downtime_ms,
        .ticket = -1,
    };
    return ticket(e, rule, out) && approvals(e, rule, out) &&
           vm_policy(e, rule) && rate(e, rule) && attested(e, rule);
}
