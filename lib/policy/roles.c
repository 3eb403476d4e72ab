/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who asks, and in which roles (INCITS 359: hierarchical RBAC with dynamic
 * separation of duty). */
#include <string.h>

#include "policy/evaluate.h"
#include "policy/index.h"

/* The first dynamic exclusion that these roles violate, or NULL. */
static const struct sm_policy_exclusive *
violated(const struct sm_policy *p, const uint64_t *active)
{
    size_t i, k;
    unsigned int n;

    for (i = 0; i < p->n_exclusives; i++) {
        if (!p->exclusives[i].dynamic)
            continue;
        n = 0;
        for (k = 0; k < sm_policy_set_words(p->n_roles); k++)
            n += (unsigned int)__builtin_popcountll(
                active[k] & p->exclusives[i].roles[k]);
        if (n > p->exclusives[i].at_most)
            return &p->exclusives[i];
    }
    return NULL;
}

/* Those whose tickets came along.  One whose roles may not be active at once
 * is not somebody who can be judged by role, so nobody is. */
static void from_tickets(struct sm_evaluate *e)
{
    const struct sm_policy_request *r = e->request;
    const struct sm_policy_operator *o;
    size_t i;

    for (i = 0; i < r->n_tickets; i++) {
        o = sm_policy_index_operator(e->policy, r->tickets[i].signer);
        if (!o)
            continue;
        if (o->roles && violated(e->policy, o->roles)) {
            e->n_who = 0;
            return;
        }
        e->who[e->n_who++] = (struct sm_evaluate_who){
            .operator = o, .account = o->account, .roles = o->roles,
        };
    }
}

/* The operator who asks, or NULL: by account, else by the first ticket of an
 * operator. */
static const struct sm_policy_operator *asking(struct sm_evaluate *e)
{
    const struct sm_policy_request *r = e->request;
    const struct sm_policy_operator *o = NULL;
    size_t i;

    if (r->account)
        o = sm_policy_index_account(e->policy, r->account);
    for (i = 0; !o && i < r->n_tickets; i++)
        o = sm_policy_index_operator(e->policy, r->tickets[i].signer);
    return o;
}

/* The roles to act in; NULL when the one that was asked for is not his. */
static const uint64_t *activate(const struct sm_policy *p,
                                const struct sm_policy_operator *o,
                                const char *role)
{
    size_t i;

    if (!role)
        return o->roles;
    for (i = 0; i < p->n_roles; i++)
        if (!strcmp(p->roles[i].id, role))
            return o->roles && sm_policy_set_has(o->roles, i) ?
                   p->roles[i].is : NULL;
    return NULL;
}

static bool permitted(const struct sm_policy *p, const uint64_t *active,
                      unsigned int action)
{
    size_t i;

    for (i = 0; i < p->n_roles; i++)
        if (sm_policy_set_has(active, i) &&
            p->roles[i].permits & 1u << (action - 1))
            return true;
    return false;
}

/* What is wrong with the roles, if anything. */
static const char *check_active(struct sm_evaluate *e,
                                const struct sm_policy_operator *o,
                                const uint64_t *active)
{
    const struct sm_policy_request *r = e->request;
    const struct sm_policy *p = e->policy;
    const struct sm_policy_exclusive *x;
    char list[160];

    if (r->role && !active) {
        sm_evaluate_say(e, "operator %s has not the role %.64s: assigned is "
                        "\"%s\"", o->id, r->role, o->roles ?
                        sm_evaluate_ids(e, o->roles, p->n_roles,
                                        sm_evaluate_role_id, list,
                                        sizeof(list)) : "");
        return "role-not-assigned";
    }
    x = active ? violated(p, active) : NULL;
    if (x) {
        sm_evaluate_say(e, "operator %s may not have the roles of %s active "
                        "at once: choose one of \"%s\" with --role", o->id,
                        x->id, sm_evaluate_ids(e, o->roles, p->n_roles,
                                               sm_evaluate_role_id, list,
                                               sizeof(list)));
        return "separation-of-duty";
    }
    if (!active || !permitted(p, active, r->action)) {
        sm_evaluate_say(e, "no role that operator %s acts in permits %s: "
                        "\"%s\"", o->id, sm_evaluate_action(r->action),
                        active ? sm_evaluate_ids(e, active, p->n_roles,
                                                 sm_evaluate_role_id, list,
                                                 sizeof(list)) : "");
        return "no-permission";
    }
    sm_evaluate_note(e, "operator %s acts in role \"%s\"", o->id,
                     sm_evaluate_ids(e, active, p->n_roles,
                                     sm_evaluate_role_id, list,
                                     sizeof(list)));
    return NULL;
}

const char *sm_roles_check(struct sm_evaluate *e)
{
    const struct sm_policy_request *r = e->request;
    const struct sm_policy_operator *o;
    const uint64_t *active;

    if (!e->policy->n_operators) {
        sm_evaluate_note(e, "the document has no operators");
        if (r->account)
            e->who[e->n_who++].account = r->account;
        return NULL;
    }
    o = asking(e);
    if (!r->account && (r->action == SM_POLICY_MIGRATE_IN ||
                        (r->preview && !o))) {
        from_tickets(e);
        sm_evaluate_note(e, "the account is not known here: not asked");
        return NULL;
    }
    if (!o) {
        sm_evaluate_say(e, "%s%.64s is no operator of the policy",
                        r->account ? "account " : "who asks",
                        r->account ? r->account : "");
        return "unknown-operator";
    }
    active = activate(e->policy, o, r->role);
    e->who[e->n_who++] = (struct sm_evaluate_who){
        .operator = o, .account = r->account ? r->account : o->account,
        .roles = active,
    };
    return check_active(e, o, active);
}
