/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"
#include "policy/model.h"

static void answer(struct sm_policy_decision *d, int code, const char *rule,
                   const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void answer(struct sm_policy_decision *d, int code, const char *rule,
                   const char *fmt, ...)
{
    va_list ap;
    size_t n;

    d->allow = code == SM_OK;
    d->code = code;
    snprintf(d->rule, sizeof(d->rule), "%s", rule);
    va_start(ap, fmt);
    vsnprintf(d->text, sizeof(d->text), fmt, ap);
    va_end(ap);
    /* A cut in the middle of a UTF-8 sequence leaves a tail to drop. */
    for (n = strlen(d->text); n && !sm_wire_text_ok(d->text, n); )
        d->text[--n] = '\0';
}

/* Three-valued, as in XACML: a condition that cannot be judged is neither
 * true nor false. */
enum verdict { NO, YES, UNKNOWN };

/* The worse of two conditions that must both hold. */
static enum verdict both(enum verdict a, enum verdict b)
{
    if (a == NO || b == NO)
        return NO;
    return a == UNKNOWN || b == UNKNOWN ? UNKNOWN : YES;
}

static enum verdict account_in(const struct sm_policy_rule *rule,
                               const char *account)
{
    size_t i;

    if (!rule->n_accounts)
        return YES;
    if (!account)
        return UNKNOWN;
    for (i = 0; i < rule->n_accounts; i++)
        if (!strcmp(rule->accounts[i], account))
            return YES;
    return NO;
}

static enum verdict host_in(const struct sm_policy_host *const *list,
                            size_t n, const struct sm_policy_host *host)
{
    size_t i;

    if (!n)
        return YES;
    for (i = 0; i < n; i++)
        if (list[i] == host)
            return YES;
    return NO;
}

static enum verdict vm_in(const struct sm_policy_rule *rule,
                          const struct sm_policy_request *r)
{
    const struct sm_policy_vm *vm;
    size_t i;

    if (!rule->n_vms)
        return YES;
    for (i = 0; i < rule->n_vms; i++) {
        vm = &rule->vms[i];
        if ((!vm->name || sm_policy_match_text(vm->name, r->vm_name)) &&
            (!vm->has_uuid || !memcmp(vm->uuid, r->vm_uuid, 16)) &&
            r->memory_kb >= vm->memory_min &&
            r->memory_kb <= vm->memory_max)
            return YES;
    }
    return NO;
}

/* Whether the host may take part: it is known and its key is right. */
static bool host_ok(const struct sm_policy *policy, const char *what,
                    const char *name, const uint8_t *key,
                    const struct sm_policy_host **out,
                    struct sm_policy_decision *d)
{
    *out = sm_policy_find_host(policy, name);
    if (!*out) {
        answer(d, SM_REFUSED_LOCAL, "unknown-host",
               "the policy does not know the %s host %s", what, name);
        return false;
    }
    if ((*out)->has_key && (!key || memcmp((*out)->key, key, 32))) {
        answer(d, SM_REFUSED_LOCAL, "host-key",
               "the %s host %s has not the key that the policy gives it",
               what, name);
        return false;
    }
    return true;
}

static bool valid_now(const struct sm_policy *policy, int64_t now,
                      struct sm_policy_decision *d)
{
    char when[21];

    if (now < policy->start) {
        sm_clock_format(policy->start, when);
        answer(d, SM_POLICY, "not-yet-valid",
               "the policy is not valid before %s", when);
        return false;
    }
    if (now > policy->expiry) {
        sm_clock_format(policy->expiry, when);
        answer(d, SM_POLICY, "expired", "the policy has expired on %s",
               when);
        return false;
    }
    return true;
}

static bool name_ok(const char *s)
{
    return s && *s && strlen(s) <= SM_POLICY_NAME_MAX &&
           sm_wire_text_ok(s, strlen(s));
}

static bool request_ok(const struct sm_policy_request *r,
                       struct sm_policy_decision *d)
{
    const char *what = NULL;

    if (r->action != SM_POLICY_MIGRATE_OUT &&
        r->action != SM_POLICY_MIGRATE_IN)
        what = "action";
    else if (!name_ok(r->vm_name))
        what = "guest name";
    else if (!r->vm_uuid)
        what = "guest uuid";
    else if (!name_ok(r->source))
        what = "source host";
    else if (!name_ok(r->destination))
        what = "destination host";
    if (what)
        answer(d, SM_REFUSED_LOCAL, "bad-request",
               "the request has no usable %s", what);
    return !what;
}

static void decide_rules(const struct sm_policy *policy,
                         const struct sm_policy_request *r,
                         const struct sm_policy_host *source,
                         const struct sm_policy_host *destination,
                         struct sm_policy_decision *d)
{
    const char *action = r->action == SM_POLICY_MIGRATE_OUT ?
                         "migrate-out" : "migrate-in";
    const struct sm_policy_rule *rule, *allow = NULL;
    enum verdict v;
    size_t i;

    for (i = 0; i < policy->n_rules; i++) {
        rule = &policy->rules[i];
        if (!(rule->actions & 1u << (r->action - 1)))
            continue;
        v = both(vm_in(rule, r), account_in(rule, r->account));
        v = both(v, host_in(rule->sources, rule->n_sources, source));
        v = both(v, host_in(rule->destinations, rule->n_destinations,
                            destination));
        if (rule->allow) {
            if (v == YES) {
                if (!allow)
                    allow = rule;
                d->allowed_by[i / 8] |= (uint8_t)(1u << i % 8);
            }
        } else if (v != NO) {
            memset(d->allowed_by, 0, sizeof(d->allowed_by));
            d->matched = rule;
            answer(d, SM_REFUSED_LOCAL, rule->id,
                   "%s of %s from %s to %s is denied by rule %s%s%s", action,
                   r->vm_name, r->source, r->destination, rule->id,
                   rule->reason ? ": " : "",
                   rule->reason ? rule->reason : "");
            return;
        }
    }
    d->matched = allow;
    if (allow)
        answer(d, SM_OK, allow->id,
               "%s of %s from %s to %s is allowed by rule %s", action,
               r->vm_name, r->source, r->destination, allow->id);
    else
        answer(d, SM_REFUSED_LOCAL, "default-deny",
               "no rule allows %s of %s from %s to %s", action, r->vm_name,
               r->source, r->destination);
}

void sm_policy_decide(const struct sm_policy *policy,
                      const struct sm_policy_request *request,
                      struct sm_policy_decision *out)
{
    const struct sm_policy_host *source, *destination;

    memset(out, 0, sizeof(*out));
    if (!policy) {
        answer(out, SM_POLICY, "no-policy", "there is no valid policy");
        return;
    }
    if (valid_now(policy, request->now, out) && request_ok(request, out) &&
        host_ok(policy, "source", request->source, request->source_key,
                &source, out) &&
        host_ok(policy, "destination", request->destination,
                request->destination_key, &destination, out))
        decide_rules(policy, request, source, destination, out);
}
