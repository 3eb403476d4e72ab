/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The element <require>: what a rule asks for besides its conditions. */
#include "policy/build.h"

#include <string.h>

#define ACTION(a)   (1u << ((a) - 1))
#define MIGRATE     (ACTION(SM_POLICY_MIGRATE_OUT) | \
                     ACTION(SM_POLICY_MIGRATE_IN))

#define DEMANDS "ticket attestation notify-guest max-downtime"

#define DOWNTIME_MAX_MS (60 * 60 * 1000)

static int build_ticket(struct sm_node_context *b, xmlNode *e,
                        struct sm_policy_require *r)
{
    const char *value;
    int rc;

    rc = sm_node_attr(b, e, "ticket", &value);
    if (rc || !value)
        return rc;
    if (!strcmp(value, "owner"))
        r->ticket = SM_POLICY_TICKET_OWNER;
    else if (!strcmp(value, "operator") && !b->policy->has_vm)
        r->ticket = SM_POLICY_TICKET_OPERATOR;
    else if (!strcmp(value, "any") && !b->policy->has_vm)
        r->ticket = SM_POLICY_TICKET_ANY;
    else
        return sm_node_bad(b, e, "ticket", value, b->policy->has_vm ?
                           "a VM policy can ask for its owner's only" :
                           "not owner, operator or any");
    return 0;
}

static int build_approvals(struct sm_node_context *b, xmlNode *e,
                           struct sm_policy_require *r)
{
    const char *approver;
    uint64_t n = 0;
    size_t role;
    int rc;

    rc = sm_node_number(b, e, "approvals", 1, SM_POLICY_APPROVALS_MAX, &n);
    if (!rc)
        rc = sm_node_attr(b, e, "approver", &approver);
    if (rc)
        return rc;
    r->approvals = (unsigned int)n;
    if (!approver)
        return 0;
    if (!n)
        return sm_node_fail(b, e, "<require>: approver without approvals");
    rc = sm_build_one(b, e, "approver", SM_BUILD_ROLE, approver, &role);
    if (!rc)
        r->approver = (int)role;
    return rc;
}

/* "10/hour" */
static int build_rate(struct sm_node_context *b, xmlNode *e,
                      struct sm_policy_require *r)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {
        { "minute", 60 }, { "hour", 3600 }, { "day", 86400 },
    };
    const char *value, *slash;
    char digits[8] = "";
    uint64_t n;
    size_t i;
    int rc;

    rc = sm_node_attr(b, e, "rate", &value);
    if (rc || !value)
        return rc;
    slash = strchr(value, '/');
    if (slash && (size_t)(slash - value) < sizeof(digits)) {
        memcpy(digits, value, (size_t)(slash - value));
        for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
            if (!strcmp(slash + 1, units[i].unit) &&
                sm_policy_number(digits, SM_POLICY_USES_MAX, &n) && n) {
                r->rate = (unsigned int)n;
                r->rate_seconds = units[i].seconds;
                return 0;
            }
    }
    return sm_node_bad(b, e, "rate", value, "not a rate as 10/hour (1 to "
                       "256 in a minute, hour or day)");
}

/* "500 ms", "2 s" */
static int build_downtime(struct sm_node_context *b, xmlNode *e,
                          struct sm_policy_require *r)
{
    const char *value, *unit;
    char digits[12];
    uint64_t n;
    size_t len;
    int rc;

    rc = sm_node_attr(b, e, "max-downtime", &value);
    if (rc || !value)
        return rc;
    len = strspn(value, "0123456789");
    unit = value + len;
    if (*unit == ' ')
        unit++;
    if (len < sizeof(digits)) {
        memcpy(digits, value, len);
        digits[len] = '\0';
        if (sm_policy_number(digits, DOWNTIME_MAX_MS, &n) && n) {
            if (!strcmp(unit, "s"))
                n *= 1000;
            if ((!strcmp(unit, "ms") || !strcmp(unit, "s")) &&
                n <= DOWNTIME_MAX_MS) {
                r->max_downtime_ms = (uint32_t)n;
                return 0;
            }
        }
    }
    return sm_node_bad(b, e, "max-downtime", value, "not a time as 500 ms or "
                       "2 s, at most an hour");
}

static int build_attestation(struct sm_node_context *b, xmlNode *e,
                             struct sm_policy_require *r)
{
    const char *id;
    size_t which;
    int rc;

    rc = sm_node_attr(b, e, "attestation", &id);
    if (rc || !id)
        return rc;
    rc = sm_build_one(b, e, "attestation", SM_BUILD_PLATFORM, id, &which);
    if (!rc)
        r->attestation = &b->policy->platforms[which];
    return rc;
}

/* What only a migration can fulfil. */
static int check_actions(struct sm_node_context *b, xmlNode *e,
                         const struct sm_policy_rule *rule)
{
    const struct sm_policy_require *r = &rule->require;

    if (rule->actions & ~MIGRATE &&
        (r->ticket || r->vm_policy || r->attestation || r->notify_guest ||
         r->max_downtime_ms))
        return sm_node_fail(b, e, "<require>: only migrate-out and migrate-in "
                            "can need more than approvals and a rate");
    return 0;
}

int sm_build_require(struct sm_node_context *b, xmlNode *e,
                     struct sm_policy_rule *rule)
{
    struct sm_policy_require *r = &rule->require;
    const char *vm_policy, *notify;
    int rc;

    if (r->line)
        return sm_node_fail(b, e, "<require> twice");
    if (!rule->allow)
        return sm_node_fail(b, e, "<require> is for rules that allow: what is "
                            "denied needs nothing");
    r->line = sm_node_line(e);
    rc = sm_node_leaf(b, e, b->policy->has_vm ? DEMANDS :
                      DEMANDS " approvals approver vm-policy rate");
    if (!rc)
        rc = build_ticket(b, e, r);
    if (!rc)
        rc = build_attestation(b, e, r);
    if (!rc)
        rc = sm_node_attr(b, e, "notify-guest", &notify);
    if (!rc && notify && strcmp(notify, "yes"))
        rc = sm_node_bad(b, e, "notify-guest", notify, "not yes");
    if (!rc)
        rc = build_downtime(b, e, r);
    if (rc)
        return rc;
    r->notify_guest = notify;
    rc = build_approvals(b, e, r);
    if (!rc)
        rc = build_rate(b, e, r);
    if (!rc)
        rc = sm_node_attr(b, e, "vm-policy", &vm_policy);
    if (!rc && vm_policy && strcmp(vm_policy, "owner"))
        rc = sm_node_bad(b, e, "vm-policy", vm_policy, "not owner");
    if (rc)
        return rc;
    r->vm_policy = vm_policy;
    if (!r->ticket && !r->approvals && !r->vm_policy && !r->rate &&
        !r->attestation && !r->notify_guest && !r->max_downtime_ms)
        return sm_node_fail(b, e, "<require> without an attribute requires "
                            "nothing");
    return check_actions(b, e, rule);
}
