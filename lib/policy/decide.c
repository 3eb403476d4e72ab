/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one evaluator.  Deciding is explaining to nobody: with a listener all
 * rules are looked at, without one only those that can matter, and both look
 * at each rule in the same way.
 */
#include "policy/decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"
#include "policy/evaluate.h"
#include "policy/index.h"

struct listener {
    sm_policy_explain_fn *fn;   /* NULL: nobody */
    void *ctx;
};

/* Cut off what is not clean, such as half a UTF-8 sequence at the end. */
static void clean(char *text)
{
    size_t n;

    for (n = strlen(text); n && !sm_wire_text_ok(text, n); )
        text[--n] = '\0';
}

static void answer(struct sm_policy_decision *d, int code, const char *rule,
                   const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void answer(struct sm_policy_decision *d, int code, const char *rule,
                   const char *fmt, ...)
{
    va_list ap;

    d->allow = code == SM_OK;
    d->code = code;
    snprintf(d->rule, sizeof(d->rule), "%s", rule);
    va_start(ap, fmt);
    vsnprintf(d->text, sizeof(d->text), fmt, ap);
    va_end(ap);
    clean(d->text);
}

static void tell(const struct listener *l, struct sm_evaluate *e,
                 const char *rule, const struct sm_policy_rule *of,
                 int result)
{
    struct sm_policy_step step = {
        .rule = rule, .vm = e->policy && e->policy->has_vm,
        .line = of ? of->line : 0, .allow = of && of->allow,
        .result = result, .why = e->why,
    };

    clean(e->why);
    l->fn(l->ctx, &step);
}

/* ---- steps before the rules ---- */

static const char *valid_now(struct sm_evaluate *e)
{
    const struct sm_policy *p = e->policy;
    int64_t now = e->request->now;
    char when[21];

    if (now < p->start) {
        sm_clock_format(p->start, when);
        sm_evaluate_say(e, "the policy is not valid before %s", when);
        return "not-yet-valid";
    }
    if (now > p->expiry) {
        sm_clock_format(p->expiry, when);
        sm_evaluate_say(e, "the policy has expired on %s", when);
        return "expired";
    }
    sm_evaluate_note(e, "the policy is valid now");
    return NULL;
}

static bool name_ok(const char *s, bool needed)
{
    if (!s)
        return !needed;
    return *s && strlen(s) <= SM_POLICY_NAME_MAX &&
           sm_wire_text_ok(s, strlen(s));
}

static bool attributes_ok(const struct sm_policy_attributes *a)
{
    size_t i;

    if (!a)
        return true;
    if (!a->signer || a->n_platforms > SM_POLICY_PLATFORMS_MAX ||
        !name_ok(a->location, false) || !name_ok(a->jurisdiction, false))
        return false;
    for (i = 0; i < a->n_platforms; i++)
        if (!name_ok(a->platforms[i], true))
            return false;
    return true;
}

static bool evidence_ok(const struct sm_policy_request *r)
{
    size_t i;

    if (r->n_tickets > SM_POLICY_TICKETS_MAX ||
        r->n_approvals > SM_POLICY_APPROVALS_MAX || (r->n_uses && !r->uses))
        return false;
    for (i = 0; i < r->n_tickets; i++)
        if (!r->tickets[i].signer)
            return false;
    for (i = 0; i < r->n_approvals; i++)
        if (!r->approvals[i])
            return false;
    for (i = 0; i < r->n_uses; i++)
        if (!r->uses[i].rule)
            return false;
    return true;
}

static const char *whole(struct sm_evaluate *e)
{
    const struct sm_policy_request *r = e->request;
    bool migration = r->action == SM_POLICY_MIGRATE_OUT ||
                     r->action == SM_POLICY_MIGRATE_IN;
    const char *what = NULL;

    if (r->action < SM_POLICY_MIGRATE_OUT ||
        r->action > SM_POLICY_AUDIT_READ)
        what = "action";
    else if (!name_ok(r->vm_name, migration))
        what = "guest name";
    else if (!r->vm_uuid && migration)
        what = "guest uuid";
    else if (!name_ok(r->source.name, migration))
        what = "source host";
    else if (!name_ok(r->destination.name, migration))
        what = "destination host";
    else if (!name_ok(r->account, false))
        what = "account";
    else if (!name_ok(r->role, false))
        what = "role";
    else if (!name_ok(r->label, false))
        what = "label";
    else if (!name_ok(r->attestation, false) ||
             (r->measured && (r->attestation || !r->measured->signer)))
        what = "attestation";
    else if (!attributes_ok(r->source.attributes) ||
             !attributes_ok(r->destination.attributes))
        what = "attributes of a host";
    else if (!evidence_ok(r))
        what = "evidence";
    if (!what) {
        sm_evaluate_note(e, "the request is whole");
        return NULL;
    }
    sm_evaluate_say(e, "the request has no usable %s", what);
    return "bad-request";
}

static const struct {
    const char *id;     /* what the step is called when all is well */
    const char *(*check)(struct sm_evaluate *e);
    int code;           /* of a refusal */
} steps[] = {
    { "expired", valid_now, SM_POLICY },
    { "bad-request", whole, SM_REFUSED_LOCAL },
    { "unknown-host", sm_hosts_check, SM_REFUSED_LOCAL },
    { "no-permission", sm_roles_check, SM_REFUSED_LOCAL },
    { "vm-policy", sm_guest_check, SM_REFUSED_LOCAL },
};

#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

/* False when there is nothing more to look at. */
static bool take_steps(struct sm_evaluate *e, const struct listener *l,
                       struct sm_policy_decision *d)
{
    const char *refusal;
    size_t i;

    for (i = 0; i < N_STEPS; i++) {
        refusal = steps[i].check(e);
        if (refusal && !d->code)
            answer(d, steps[i].code, refusal, "%s", e->why);
        if (l->fn)
            tell(l, e, refusal ? refusal : steps[i].id, NULL,
                 refusal ? SM_POLICY_STEP_YES : SM_POLICY_STEP_NO);
        /* Nothing can be told about a request that is not whole. */
        if (refusal && (!l->fn || steps[i].check == whole))
            return false;
    }
    return true;
}

/* ---- the rules ---- */

/* The first rules, in the document's order, that ... */
struct found {
    const struct sm_policy_rule *deny;      /* deny */
    const struct sm_policy_rule *allow;     /* allow */
    const struct sm_policy_rule *unmet;     /* would with more evidence */
    const struct sm_policy_rule *unknown;   /* might */
    const struct sm_policy_rule *unproven;  /* ... for another platform */
    struct sm_policy_obligations obligations;   /* of `allow` */
};

static void look_at(struct sm_evaluate *e, const struct listener *l,
                    const struct sm_policy_rule *rule, struct found *f)
{
    enum sm_verdict v = sm_evaluate_rule(e, rule);
    int result = v == SM_VERDICT_YES ? SM_POLICY_STEP_YES :
                 v == SM_VERDICT_NO ? SM_POLICY_STEP_NO :
                 SM_POLICY_STEP_UNKNOWN;
    struct sm_policy_obligations obligations;

    if (!sm_evaluate_applies(e, rule, v)) {
        if (v == SM_VERDICT_UNKNOWN && rule->allow && !f->unknown)
            f->unknown = rule;
        if (v == SM_VERDICT_NO && e->unproven && rule->allow && !f->unproven)
            f->unproven = rule;
    } else if (!rule->allow) {
        if (!f->deny)
            f->deny = rule;
    } else if (sm_evidence_met(e, rule, &obligations)) {
        if (!f->allow) {
            f->allow = rule;
            f->obligations = obligations;
        }
    } else {
        result = SM_POLICY_STEP_UNMET;
        if (!f->unmet)
            f->unmet = rule;
    }
    if (l->fn)
        tell(l, e, rule->id, rule, result);
}

static void look_at_rules(struct sm_evaluate *e, const struct listener *l,
                          struct found *f)
{
    uint64_t rules[SM_EVALUATE_WORDS(SM_POLICY_RULES_MAX)], left;
    const struct sm_policy *p = e->policy;
    const struct sm_policy_rule *rule;
    size_t words = sm_policy_set_words(p->n_rules), i;

    sm_policy_index_rules(p, e->request, e->groups[1], e->owners[1], rules);
    for (i = 0; i < p->n_rules && l->fn; i++)
        if (p->rules[i].actions & 1u << (e->request->action - 1))
            look_at(e, l, &p->rules[i], f);
    for (i = 0; i < words && !l->fn; i++)
        for (left = rules[i]; left; left &= left - 1) {
            rule = &p->rules[i * 64 + (size_t)__builtin_ctzll(left)];
            /* The first deny, else the first allow is all that is asked. */
            if (!f->allow || !rule->allow)
                look_at(e, l, rule, f);
            if (f->deny)
                return;
        }
}

/* "migrate-out of g1 from hostA to hostB" */
static const char *asked(const struct sm_policy_request *r, char *buf,
                         size_t size)
{
    const char *vm = r->vm_name, *from = r->source.name,
               *to = r->destination.name;

    snprintf(buf, size, "%s%s%s%s%s%s%s", sm_evaluate_action(r->action),
             vm ? " of " : "", vm ? vm : "", from ? " from " : "",
             from ? from : "", to ? " to " : "", to ? to : "");
    return buf;
}

static void conclude(struct sm_evaluate *e, const struct found *f,
                     struct sm_policy_decision *d)
{
    struct sm_policy_obligations nothing;
    char what[4 * SM_POLICY_NAME_MAX], platform[340];
    const struct sm_policy_rule *rule, *might;

    asked(e->request, what, sizeof(what));
    e->why[0] = '\0';
    if (f->deny) {
        rule = f->deny;
        answer(d, SM_REFUSED_LOCAL, rule->id,
               "%s is denied by rule %s%s%s%s", what, rule->id,
               rule->reason ? ": " : "", rule->reason ? rule->reason : "",
               sm_proven_denied(e, rule, platform, sizeof(platform)));
    } else if (f->allow) {
        rule = f->allow;
        d->obligations = f->obligations;
        answer(d, SM_OK, rule->id, "%s %s allowed by rule %s", what,
               e->request->preview ? "may be" : "is", rule->id);
    } else if (f->unmet) {
        rule = f->unmet;
        if (!sm_evidence_met(e, rule, &nothing))
            answer(d, SM_UNMET, rule->id, "%s is not allowed yet: %s", what,
                   e->why);
    } else {
        rule = NULL;
        e->verbose = true;
        might = f->unknown ? f->unknown : f->unproven;
        if (might)
            (void)sm_evaluate_rule(e, might);
        answer(d, SM_REFUSED_LOCAL, "default-deny", "no rule allows %s%s%s%s"
               "%s", what, might ? "; for rule " : "",
               might ? might->id : "", might ? ": " : "", e->why);
    }
    d->matched = rule;
}

static void judge(const struct sm_policy *policy,
                  const struct sm_policy_request *request,
                  const struct listener *l, struct sm_policy_decision *d)
{
    struct found f = { .deny = NULL };
    struct sm_evaluate e;

    memset(d, 0, sizeof(*d));
    d->obligations.ticket = -1;
    sm_evaluate_begin(&e, policy, request, l->fn != NULL);
    if (!policy) {
        sm_evaluate_say(&e, "there is no valid policy");
        answer(d, SM_POLICY, "no-policy", "%s", e.why);
        if (l->fn)
            tell(l, &e, "no-policy", NULL, SM_POLICY_STEP_YES);
        return;
    }
    if (!take_steps(&e, l, d))
        return;
    look_at_rules(&e, l, &f);
    if (!d->code)
        conclude(&e, &f, d);
}

bool sm_decide_open(struct sm_evaluate *e, const struct sm_policy *policy,
                    const struct sm_policy_request *request)
{
    const struct listener nobody = { .fn = NULL };
    struct sm_policy_decision d = { .code = 0 };

    sm_evaluate_begin(e, policy, request, false);
    return policy && take_steps(e, &nobody, &d);
}

/* ---- decide.h ---- */

void sm_policy_decide(const struct sm_policy *policy,
                      const struct sm_policy_request *request,
                      struct sm_policy_decision *out)
{
    const struct listener nobody = { .fn = NULL };

    judge(policy, request, &nobody, out);
}

void sm_policy_explain(const struct sm_policy *policy,
                       const struct sm_policy_request *request,
                       sm_policy_explain_fn *fn, void *ctx,
                       struct sm_policy_decision *out)
{
    const struct listener l = { .fn = fn, .ctx = ctx };

    judge(policy, request, &l, out);
}

bool sm_policy_satisfied(const struct sm_policy *policy,
                         const struct sm_policy_request *request,
                         const struct sm_policy_rule *rule)
{
    struct sm_policy_obligations obligations;
    struct sm_evaluate e;

    return sm_decide_open(&e, policy, request) &&
           sm_evaluate_satisfied(&e, rule, &obligations);
}

void sm_decide_oblige(struct sm_policy_obligations *to,
                      const struct sm_policy_obligations *more)
{
    to->notify_guest = to->notify_guest || more->notify_guest;
    if (more->max_downtime_ms && (!to->max_downtime_ms ||
                                  more->max_downtime_ms <
                                  to->max_downtime_ms))
        to->max_downtime_ms = more->max_downtime_ms;
    to->tickets |= more->tickets;
    if (to->ticket < 0)
        to->ticket = more->ticket;
}

/* The attributes that count for the site, for a VM policy that leaves the
 * choice of authorities to it. */
static const struct sm_policy_attributes *
trim(const struct sm_policy *site, const struct sm_policy_attributes *a,
     struct sm_policy_attributes *out)
{
    unsigned int counted = sm_hosts_counted(site, a ? a->signer : NULL);

    if (!a)
        return NULL;
    *out = *a;
    if (!(counted & SM_POLICY_LOCATION))
        out->location = NULL;
    if (!(counted & SM_POLICY_JURISDICTION))
        out->jurisdiction = NULL;
    if (!(counted & SM_POLICY_PLATFORM))
        out->n_platforms = 0;
    return out;
}

/* By the guest's own policy, after the site's. */
static void decide_vm(const struct sm_policy *site,
                      const struct sm_policy *vm,
                      const struct sm_policy_request *request,
                      const struct listener *l,
                      struct sm_policy_decision *out)
{
    struct sm_policy_attributes source, destination;
    struct sm_policy_request r = *request;
    struct sm_policy_decision d;
    char rule[sizeof(d.rule)];

    if (site && !vm->n_authorities) {
        r.source.attributes = trim(site, r.source.attributes, &source);
        r.destination.attributes = trim(site, r.destination.attributes,
                                        &destination);
        if (r.measured && !(sm_hosts_counted(site, r.measured->signer) &
                            SM_POLICY_ATTESTATION)) {
            r.measured = NULL;
            r.unattested = "its attestation key is certified by nobody whose "
                           "word counts for that on this site";
        }
    }
    judge(vm, &r, l, &d);
    if (!out->allow)
        return;     /* it was only to be told */
    if (d.allow) {
        sm_decide_oblige(&out->obligations, &d.obligations);
        return;
    }
    *out = d;
    snprintf(rule, sizeof(rule), "vm:%.125s", d.rule);
    answer(out, d.code, rule, "by the guest's own policy, %.480s", d.text);
}

static void both(const struct sm_policy *site, const struct sm_policy *vm,
                 const struct sm_policy_request *request,
                 const struct listener *l, struct sm_policy_decision *out)
{
    bool usable = vm && vm->has_vm && request->vm_policy_signer;

    judge(site, request, l, out);
    if ((!out->allow && !l->fn) ||
        (request->action != SM_POLICY_MIGRATE_OUT &&
         request->action != SM_POLICY_MIGRATE_IN))
        return;
    if (usable) {
        decide_vm(site, vm, request, l, out);
    } else if (out->allow && (vm || request->vm_policy_signer)) {
        memset(out, 0, sizeof(*out));
        out->obligations.ticket = -1;
        answer(out, SM_REFUSED_LOCAL, "vm-policy",
               "the guest's own policy cannot be honoured: %s", vm ?
               "it is not known who signed it" : "it is not there");
    }
}

void sm_policy_decide_both(const struct sm_policy *site,
                           const struct sm_policy *vm,
                           const struct sm_policy_request *request,
                           struct sm_policy_decision *out)
{
    const struct listener nobody = { .fn = NULL };

    both(site, vm, request, &nobody, out);
}

void sm_policy_explain_both(const struct sm_policy *site,
                            const struct sm_policy *vm,
                            const struct sm_policy_request *request,
                            sm_policy_explain_fn *fn, void *ctx,
                            struct sm_policy_decision *out)
{
    const struct listener l = { .fn = fn, .ctx = ctx };

    both(site, vm, request, &l, out);
}
