/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Goal of this test: what must be true of every policy is true of random
 * ones, each asked random requests:
 * - a deny rule more allows nothing more, an allow rule less neither;
 * - a role that inherits one more role never takes a yes away (in policies
 *   where no rule turns against a role: no deny by role, no role-not, no
 *   dynamic exclusion);
 * - the order of the rules does not change yes, no and unmet;
 * - explaining gives the same answer as deciding, and the answer follows
 *   from its steps;
 * - what a preview denies, with or without what is known later, is denied;
 * - a VM policy only takes away; the rule that allows is satisfied.
 * With --out, policies, requests and answers are written for the naive
 * evaluator (run).
 *
 *   properties [--seed N] [--policies N] [--out FILE]
 */
#include <getopt.h>
#include <time.h>

#include "base/secret.h"
#include "random_request.h"

#define REQUESTS 24     /* to each policy */

enum property {
    DENY_MORE, ALLOW_LESS, HIERARCHY, ORDER, EXPLAIN, STEPS, PREVIEW,
    EARLY, VM_POLICY, SATISFIED, PROPERTIES
};

static struct {
    const char *name;
    unsigned long asked, mattered, failed;
} properties[PROPERTIES] = {
    [DENY_MORE] = { "a deny rule more allows nothing more", 0, 0, 0 },
    [ALLOW_LESS] = { "an allow rule less allows nothing more", 0, 0, 0 },
    [HIERARCHY] = { "inheriting more takes no yes away", 0, 0, 0 },
    [ORDER] = { "the order of the rules does not matter", 0, 0, 0 },
    [EXPLAIN] = { "decide and explain agree", 0, 0, 0 },
    [STEPS] = { "the answer follows from the explained steps", 0, 0, 0 },
    [PREVIEW] = { "denied in a preview is denied", 0, 0, 0 },
    [EARLY] = { "denied before dialling is denied", 0, 0, 0 },
    [VM_POLICY] = { "a VM policy only takes away", 0, 0, 0 },
    [SATISFIED] = { "the rule that allows is satisfied", 0, 0, 0 },
};

static struct text document;
static unsigned int unloaded;

static struct sm_policy *load(const struct random_policy *p,
                              const unsigned int *order, unsigned int n,
                              const char *extra)
{
    char why[SM_POLICY_WHY_MAX];
    struct sm_policy *policy;

    random_policy_write(p, order, n, extra, &document);
    if (sm_policy_parse(&policy, p->vm ? SM_POLICY_VM : SM_POLICY_SITE,
                        document.s, document.n, NULL, why, sizeof(why))) {
        if (!unloaded++)
            printf("# a document is refused: %s\n# %s\n", why, document.s);
        return NULL;
    }
    return policy;
}

/* Note a case.  `mattered`: it could have failed, as in "denied" of what a
 * preview denies. */
static void check(enum property which, bool mattered, bool ok,
                  const struct sm_policy_request *r,
                  const struct sm_policy_decision *a,
                  const struct sm_policy_decision *b)
{
    properties[which].asked++;
    properties[which].mattered += mattered;
    if (ok)
        return;
    if (!properties[which].failed++) {
        printf("# %s: %s %s (%s), but %s %s (%s)\n# ",
               properties[which].name, a->allow ? "allow" : "deny", a->rule,
               a->text, b->allow ? "allow" : "deny", b->rule, b->text);
        tell_request(stdout, r);
        printf("\n# %s\n", document.s);
    }
}

/* ---- explaining ---- */

struct told {
    bool preview, refused, denied, satisfied, unmet;
    char first_deny[129], first_allow[129], first_unmet[129];
};

static void listen_to(void *ctx, const struct sm_policy_step *step)
{
    struct told *t = ctx;

    if (!step->line) {
        t->refused = t->refused || step->result == SM_POLICY_STEP_YES;
    } else if (!step->allow) {
        if (step->result == SM_POLICY_STEP_YES ||
            (step->result == SM_POLICY_STEP_UNKNOWN && !t->preview)) {
            if (!t->denied)
                snprintf(t->first_deny, sizeof(t->first_deny), "%s",
                         step->rule);
            t->denied = true;
        }
    } else if (step->result == SM_POLICY_STEP_YES ||
               (step->result == SM_POLICY_STEP_UNKNOWN && t->preview)) {
        if (!t->satisfied)
            snprintf(t->first_allow, sizeof(t->first_allow), "%s",
                     step->rule);
        t->satisfied = true;
    } else if (step->result == SM_POLICY_STEP_UNMET) {
        if (!t->unmet)
            snprintf(t->first_unmet, sizeof(t->first_unmet), "%s",
                     step->rule);
        t->unmet = true;
    }
}

static bool follows(const struct told *t, const struct sm_policy_decision *d)
{
    if (t->refused)
        return !d->allow && !d->matched;
    if (t->denied)
        return !d->allow && !strcmp(d->rule, t->first_deny);
    if (t->satisfied)
        return d->allow && !strcmp(d->rule, t->first_allow);
    if (t->unmet)
        return d->code == SM_UNMET && !strcmp(d->rule, t->first_unmet);
    return !d->allow && !strcmp(d->rule, "default-deny");
}

static bool same(const struct sm_policy_decision *d,
                 const struct sm_policy_decision *e)
{
    return d->allow == e->allow && d->code == e->code &&
           !strcmp(d->rule, e->rule) && !strcmp(d->text, e->text) &&
           d->matched == e->matched &&
           d->obligations.ticket == e->obligations.ticket &&
           d->obligations.tickets == e->obligations.tickets &&
           d->obligations.notify_guest == e->obligations.notify_guest &&
           d->obligations.max_downtime_ms == e->obligations.max_downtime_ms;
}

static void try_explain(const struct sm_policy *policy,
                        const struct sm_policy_request *r,
                        const struct sm_policy_decision *d)
{
    struct told told = { .preview = r->preview };
    struct sm_policy_decision e;

    sm_policy_explain(policy, r, listen_to, &told, &e);
    check(EXPLAIN, true, same(d, &e), r, d, &e);
    check(STEPS, true, follows(&told, d), r, d, &e);
}

/* ---- one policy ---- */

static void try_preview(const struct sm_policy *policy,
                        const struct sm_policy_request *r,
                        const struct sm_policy_decision *d)
{
    struct sm_policy_request early = *r;
    struct sm_policy_decision e;

    if (r->preview)
        return;
    early.preview = true;
    sm_policy_decide(policy, &early, &e);
    check(PREVIEW, !e.allow, e.allow || !d->allow, r, &e, d);
    /* What the source knows before it dials. */
    early.destination.attributes = NULL;
    early.destination.key = NULL;
    early.suite = 0;
    early.post_quantum = SM_POLICY_PQ_UNKNOWN;
    early.attestation = NULL;
    early.measured = NULL;
    early.n_approvals = 0;
    early.n_uses = 0;       /* the tickets stay: they may say who asks */
    sm_policy_decide(policy, &early, &e);
    check(EARLY, !e.allow, e.allow || !d->allow, r, &e, d);
}

/* Ask the policy with other rules the same. */
static void try_other(const struct random_policy *p,
                      const struct random_request *requests,
                      const struct sm_policy_decision *decisions,
                      enum property which, const unsigned int *order,
                      unsigned int n, const char *extra)
{
    struct sm_policy *policy = load(p, order, n, extra);
    struct sm_policy_decision d;
    unsigned int i;

    if (!policy)
        return;
    for (i = 0; i < REQUESTS; i++) {
        const struct sm_policy_decision *was = &decisions[i];

        sm_policy_decide(policy, &requests[i].r, &d);
        if (which == ORDER)
            check(which, n > 1, d.allow == was->allow && d.code == was->code,
                  &requests[i].r, was, &d);
        else if (which == HIERARCHY)
            check(which, was->allow, !was->allow || d.allow, &requests[i].r,
                  was, &d);
        else
            check(which, !was->allow, was->allow || !d.allow,
                  &requests[i].r, was, &d);
    }
    sm_policy_free(policy);
}

static void try_variants(struct random_policy *p,
                         const struct random_request *requests,
                         const struct sm_policy_decision *decisions)
{
    unsigned int order[RULES_MAX + 1], n = p->n_rules, at, i, k;
    struct text extra = { .s = NULL };

    random_rule(p, &extra, "extra", false);
    at = below(n + 1);
    for (i = 0; i <= n; i++)
        order[i] = i < at ? i : i == at ? RULES_MAX : i - 1;
    try_other(p, requests, decisions, DENY_MORE, order, n + 1, extra.s);
    free(extra.s);

    at = below(n);
    for (i = 0; i < n && !p->allows[(at + i) % n]; i++)
        ;
    at = (at + i) % n;
    for (k = i = 0; i < n; i++)
        if (i != at)
            order[k++] = i;
    if (p->allows[at])
        try_other(p, requests, decisions, ALLOW_LESS, order, k, NULL);

    for (i = 0; i < n; i++)
        order[i] = i;
    for (i = n; i > 1; i--) {
        k = below(i);
        at = order[i - 1];
        order[i - 1] = order[k];
        order[k] = at;
    }
    try_other(p, requests, decisions, ORDER, order, n, NULL);

    for (i = 0; i < n; i++)
        order[i] = i;
    for (k = 0; p->monotone && k < 2; k++) {
        i = 1 + below(ROLES - 1);
        p->inherits[i] |= 1u << below(i);
        try_other(p, requests, decisions, HIERARCHY, order, n, NULL);
    }
}

static void tell(FILE *out, char kind, const struct sm_policy_request *r,
                 const struct sm_policy_decision *d)
{
    fprintf(out, "%c\t%s\t%s\t%d\t%lu\t", kind, d->allow ? "allow" :
            d->code == SM_UNMET ? "unmet" : "deny", d->rule,
            d->obligations.notify_guest,
            (unsigned long)d->obligations.max_downtime_ms);
    tell_request(out, r);
    putc('\n', out);
}

static void try_both(const struct sm_policy *policy,
                     const struct sm_policy *vm,
                     const struct sm_policy_request *r,
                     const struct sm_policy_decision *d, FILE *out)
{
    struct sm_policy_decision both, explained;
    struct told told = { .preview = r->preview };

    if (!r->vm_policy_signer || r->action > SM_POLICY_MIGRATE_IN)
        return;
    sm_policy_decide_both(policy, vm, r, &both);
    check(VM_POLICY, !d->allow, d->allow || !both.allow, r, d, &both);
    sm_policy_explain_both(policy, vm, r, listen_to, &told, &explained);
    check(EXPLAIN, true, same(&both, &explained), r, &both, &explained);
    if (out)
        tell(out, 'B', r, &both);
}

static bool try_policy(FILE *out)
{
    static struct random_request requests[REQUESTS];
    static struct sm_policy_decision decisions[REQUESTS];
    unsigned int order[RULES_MAX], i;
    struct random_policy p, q;
    struct sm_policy *policy, *vm;

    for (i = 0; i < RULES_MAX; i++)
        order[i] = i;
    random_policy_make(&q, false, true);
    vm = load(&q, order, q.n_rules, NULL);
    if (vm && out)
        fprintf(out, "V\t%s\n", document.s);
    random_policy_make(&p, chance(50), false);
    policy = load(&p, order, p.n_rules, NULL);
    if (policy && out)
        fprintf(out, "P\t%s\n", document.s);
    for (i = 0; i < REQUESTS && policy && vm; i++) {
        struct random_request *r = &requests[i];

        random_request_make(r);
        sm_policy_decide(policy, &r->r, &decisions[i]);
        if (out)
            tell(out, 'R', &r->r, &decisions[i]);
        if (decisions[i].allow)
            check(SATISFIED, true,
                  sm_policy_satisfied(policy, &r->r, decisions[i].matched),
                  &r->r, &decisions[i], &decisions[i]);
        try_explain(policy, &r->r, &decisions[i]);
        try_preview(policy, &r->r, &decisions[i]);
        try_both(policy, vm, &r->r, &decisions[i], out);
    }
    if (policy && vm)
        try_variants(&p, requests, decisions);
    sm_policy_free(policy);
    sm_policy_free(vm);
    random_policy_free(&p);
    random_policy_free(&q);
    return policy && vm;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "seed", required_argument, NULL, 's' },
        { "policies", required_argument, NULL, 'p' },
        { "out", required_argument, NULL, 'o' },
        { NULL, 0, NULL, 0 },
    };
    unsigned long long seed = (unsigned long long)time(NULL);
    unsigned long policies = 3000, i;
    FILE *out = NULL;
    bool bad = false;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (c == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (c == 'p')
            policies = strtoul(optarg, NULL, 10);
        else if (c == 'o')
            out = fopen(optarg, "w");
        else
            return 2;
        if (c == 'o' && !out)
            return 2;
    }
    if (sm_secret_init()) {
        fprintf(stderr, "no libsodium\n");
        return 1;
    }
    make_keys();
    printf("# seed %llu: %lu policies, %u requests each\n", seed, policies,
           REQUESTS);
    random_state = seed;
    for (i = 0; i < policies; i++)
        try_policy(out);
    if (out && fclose(out))
        bad = true;
    for (c = 0; c < PROPERTIES; c++)
        if (properties[c].failed || !properties[c].mattered) {
            printf("not ok - property: %s: %lu of %lu cases (seed %llu)\n",
                   properties[c].name, properties[c].failed,
                   properties[c].asked, seed);
            bad = true;
        } else {
            printf("ok - property: %s (%lu cases, %lu that mattered)\n",
                   properties[c].name, properties[c].asked,
                   properties[c].mattered);
        }
    if (unloaded) {
        printf("not ok - property: %u random policies do not load\n",
               unloaded);
        bad = true;
    }
    free(document.s);
    return bad;
}
