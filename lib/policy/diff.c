/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/diff.h"

#include <stdlib.h>
#include <string.h>

#include "policy/diff_example.h"
#include "policy/diff_values.h"

#define ACTIONS 6
#define WHOLE   4       /* requests of a rule tried with many configs */
#define SINGLE  256     /* ... and with one */

struct diff {
    const struct sm_policy *before, *after;
    struct sm_diff_values values;
    sm_policy_diff_fn *fn;
    void *ctx;
    size_t tried;
    struct sm_policy_use uses[256];     /* as many as a rate can be */
    /* The rule whose values are tried, and how many requests satisfied it. */
    const struct sm_policy *of;
    const struct sm_policy_rule *rule;
    size_t satisfied, next;     /* next: the config to go on with */
};

static bool same(const struct sm_policy_decision *a,
                 const struct sm_policy_decision *b)
{
    if (a->allow != b->allow || (a->code == SM_UNMET) !=
                                (b->code == SM_UNMET))
        return false;
    return !a->allow ||
           (a->obligations.notify_guest == b->obligations.notify_guest &&
            a->obligations.max_downtime_ms ==
            b->obligations.max_downtime_ms &&
            a->obligations.tickets == b->obligations.tickets);
}

static void set_end(struct sm_policy_end *end,
                    struct sm_policy_attributes *a,
                    const struct sm_diff_value *v)
{
    end->name = v->u.end.name;
    end->key = v->u.end.key;
    if (!v->u.end.signer)
        return;
    a->signer = v->u.end.signer;
    a->location = v->u.end.location;
    a->jurisdiction = v->u.end.jurisdiction;
    if (v->u.end.platform)
        a->platforms[a->n_platforms++] = v->u.end.platform;
    end->attributes = a;
}

static void set_evidence(struct diff *d, struct sm_policy_request *r,
                         const struct sm_diff_value *v,
                         const uint8_t *owner)
{
    size_t i, n;

    if (v->u.evidence.owner && owner) {
        r->tickets[r->n_tickets++].signer = owner;
        r->vm_policy_signer = d->before->has_vm || d->before->n_owners ?
                              owner : NULL;
    }
    for (i = 0; i < v->u.evidence.n_tickets; i++)
        r->tickets[r->n_tickets++].signer = v->u.evidence.tickets[i];
    n = v->u.evidence.n_asked ? v->u.evidence.n_asked : SIZE_MAX;
    for (i = 0; i < v->u.evidence.n_approvals && r->n_approvals < n; i++)
        if (n == SIZE_MAX || !r->account ||
            strcmp(r->account, v->u.evidence.approvals[i]))
            r->approvals[r->n_approvals++] = v->u.evidence.approvals[i];
    if (v->u.evidence.used) {
        n = sizeof(d->uses) / sizeof(d->uses[0]);
        n = n < v->u.evidence.n_uses ? n : v->u.evidence.n_uses;
        for (i = 0; i < n; i++) {
            d->uses[i].rule = v->u.evidence.used;
            d->uses[i].when = r->now - v->u.evidence.ago;
        }
        r->uses = d->uses;
        r->n_uses = n;
    }
}

/* ---- configs ---- */

/* A request that both allow, until its config is looked at. */
struct incoming {
    struct diff *d;
    const struct sm_policy_request *request;
    const struct sm_policy_decision *before, *after;
    size_t k, from, to;         /* which examples are meant */
};

static bool try_config(void *ctx, const struct sm_policy_fact *facts,
                       size_t n)
{
    struct sm_policy_decision before, after;
    struct incoming *in = ctx;
    struct diff *d = in->d;

    if (in->k++ < in->from)
        return true;
    sm_policy_check_config(d->before, in->request, in->before, facts, n,
                           &before);
    sm_policy_check_config(d->after, in->request, in->after, facts, n,
                           &after);
    d->tried++;
    if (!same(&before, &after))
        d->fn(d->ctx, in->request, &before, &after);
    return in->k < in->to;
}

/* The first requests that satisfy the rule come with many of its configs,
 * later ones with one, each going on where the last has stopped. */
static void try_configs(struct diff *d, const struct sm_policy_request *r,
                        const struct sm_policy_decision *before,
                        const struct sm_policy_decision *after)
{
    struct incoming in = {
        .d = d, .request = r, .before = before, .after = after,
        .from = d->next,
    };

    if (d->satisfied >= WHOLE + SINGLE ||
        !sm_policy_satisfied(d->of, r, d->rule))
        return;
    in.to = in.from +
            (d->satisfied < WHOLE ? SM_POLICY_DIFF_CONFIGS_MAX : 1);
    d->satisfied++;
    sm_diff_configs(&d->rule->config, try_config, &in);
    d->next = in.k < in.to ? 0 : in.to;
}

/* One value of each part. */
static void try_one(struct diff *d, enum sm_policy_action action,
                    const struct sm_diff_value *const v[SM_DIFF_PARTS])
{
    static const uint8_t somebody[SM_POLICY_SIGNER_LEN] = { 1 };
    const struct sm_diff_value *guest = v[SM_DIFF_GUEST];
    struct sm_policy_attributes source = { .n_platforms = 0 },
                                destination = { .n_platforms = 0 };
    struct sm_policy_request r = {
        .action = action, .vm_name = guest->u.guest.name,
        .vm_uuid = guest->u.guest.uuid,
        .memory_kb = guest->u.guest.memory_kb,
        .label = guest->u.guest.label[0] ? guest->u.guest.label : NULL,
        .suite = v[SM_DIFF_CHANNEL]->u.channel.suite,
        .post_quantum = v[SM_DIFF_CHANNEL]->u.channel.post_quantum,
        .measured = v[SM_DIFF_CHANNEL]->u.channel.measured,
        .now = v[SM_DIFF_TIME]->u.time,
    };
    struct sm_policy_decision before, after;

    set_end(&r.source, &source, v[SM_DIFF_SOURCE]);
    set_end(&r.destination, &destination, v[SM_DIFF_DESTINATION]);
    if (action != SM_POLICY_MIGRATE_IN) {
        r.account = v[SM_DIFF_WHO]->u.who.account;
        r.role = v[SM_DIFF_WHO]->u.who.role;
    }
    set_evidence(d, &r, v[SM_DIFF_EVIDENCE], d->before->has_vm ? somebody :
                 guest->u.guest.owner);
    sm_policy_decide(d->before, &r, &before);
    sm_policy_decide(d->after, &r, &after);
    d->tried++;
    if (!same(&before, &after))
        d->fn(d->ctx, &r, &before, &after);
    else if (action == SM_POLICY_MIGRATE_IN && before.allow && d->rule &&
             d->rule->allow && !d->of->has_vm)
        try_configs(d, &r, &before, &after);
}

/* ---- which combinations ---- */

/* Lists of values, one of each to be taken. */
struct space {
    struct {
        const struct sm_diff_value *list;
        size_t n;
    } parts[SM_DIFF_PARTS];
};

/* How many combinations there are, at most `cap`. */
static size_t combinations(const struct space *s, size_t cap)
{
    size_t all = 1, i;

    for (i = 0; i < SM_DIFF_PARTS; i++)
        all = all > cap / s->parts[i].n ? cap : all * s->parts[i].n;
    return all;
}

/* Combination number `k` of them, counting like a milometer. */
static void pick(const struct space *s, uint64_t k,
                 const struct sm_diff_value *v[SM_DIFF_PARTS])
{
    size_t i;

    for (i = 0; i < SM_DIFF_PARTS; i++) {
        v[i] = &s->parts[i].list[k % s->parts[i].n];
        k /= s->parts[i].n;
    }
}

/* Independent choices from one number (splitmix64), always the same. */
static void pick_any(const struct space *s, uint64_t *state,
                     const struct sm_diff_value *v[SM_DIFF_PARTS])
{
    uint64_t x;
    size_t i;

    for (i = 0; i < SM_DIFF_PARTS; i++) {
        x = *state += UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        v[i] = &s->parts[i].list[(x ^ x >> 31) % s->parts[i].n];
    }
}

static void try_space(struct diff *d, const struct space *s,
                      enum sm_policy_action action, size_t most)
{
    const struct sm_diff_value *v[SM_DIFF_PARTS];
    size_t n = combinations(s, most + 1), k;
    uint64_t state = n;

    for (k = 0; k < n && k < most; k++) {
        if (n <= most)
            pick(s, k, v);
        else
            pick_any(s, &state, v);
        try_one(d, action, v);
    }
}

/* Values with the tag; of a part without such, those without a tag. */
static void select_tag(const struct diff *d, size_t tag, struct space *s)
{
    const size_t *start;
    size_t i, of;

    for (i = 0; i < SM_DIFF_PARTS; i++) {
        start = d->values.parts[i].start;
        of = start[tag] == start[tag + 1] ? 0 : tag;
        s->parts[i].list = d->values.parts[i].list + start[of];
        s->parts[i].n = start[of + 1] - start[of];
    }
}

static void try_all(struct diff *d, size_t most)
{
    struct space s;
    unsigned int a;
    size_t i;

    for (i = 0; i < SM_DIFF_PARTS; i++) {
        s.parts[i].list = d->values.parts[i].list;
        s.parts[i].n = d->values.parts[i].n;
    }
    for (a = 0; a < ACTIONS; a++)
        try_space(d, &s, (enum sm_policy_action)(a + 1),
                  most / ACTIONS);
}

static void try_rules(struct diff *d, const struct sm_policy *p,
                      size_t first)
{
    struct space s;
    unsigned int a;
    size_t i;

    for (i = 0; i < p->n_rules; i++) {
        select_tag(d, first + i, &s);
        d->of = p;
        d->rule = &p->rules[i];
        d->satisfied = d->next = 0;
        for (a = 0; a < ACTIONS; a++)
            if (p->rules[i].actions & 1u << a)
                try_space(d, &s, (enum sm_policy_action)(a + 1),
                          SM_POLICY_DIFF_RULE_MAX);
    }
    d->rule = NULL;
}

int sm_policy_diff(const struct sm_policy *before,
                   const struct sm_policy *after, int64_t now, size_t most,
                   sm_policy_diff_fn *fn, void *ctx, size_t *tried)
{
    struct diff *d;
    int rc = 0;

    *tried = 0;
    if (before->has_vm != after->has_vm ||
        (before->has_vm && memcmp(before->vm, after->vm, 16)))
        return SM_USAGE;
    d = calloc(1, sizeof(*d));
    if (!d)
        return SM_NO_MEMORY;
    d->before = before;
    d->after = after;
    d->fn = fn;
    d->ctx = ctx;
    sm_diff_values_collect(&d->values, before, after, now);
    if (d->values.failed) {
        rc = SM_NO_MEMORY;
    } else {
        try_rules(d, before, 1);
        try_rules(d, after, before->n_rules + 1);
        try_all(d, most);
    }
    *tried = d->tried;
    sm_diff_values_dispose(&d->values);
    free(d);
    return rc;
}
