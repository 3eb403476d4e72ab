/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy document, without the barrier of its signature.  What is refused
 * has one clean line of reason; what is accepted passes the same checks
 * again, and its decisions keep the promises of policy/decide.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "policy/decide.h"
#include "policy/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t uuid[16] = { 0x8e, 0x8a };

static bool overruled(const struct sm_policy *policy, const char *id)
{
    size_t i;

    for (i = 0; i < policy->n_rules; i++)
        if (!strcmp(policy->rules[i].id, id))
            return !policy->rules[i].allow;
    return false;
}

static void try_request(const struct sm_policy *policy,
                        enum sm_policy_action action, const char *account,
                        int64_t now)
{
    struct sm_policy_request r = {
        .action = action, .vm_name = "g1", .vm_uuid = uuid,
        .memory_kb = 1 << 20, .account = account,
        .source = policy->hosts[0].id,
        .destination = policy->hosts[policy->n_hosts - 1].id,
        .source_key = policy->hosts[0].key,
        .destination_key = policy->hosts[policy->n_hosts - 1].key,
        .now = now,
    };
    struct sm_policy_decision d;

    sm_policy_decide(policy, &r, &d);
    if (d.allow != (d.code == SM_OK) || !d.rule[0] ||
        !sm_wire_text_ok(d.rule, strlen(d.rule)) ||
        !sm_wire_text_ok(d.text, strlen(d.text)))
        abort();
    if (d.allow && (!d.matched || !d.matched->allow ||
                    !(d.matched->actions & 1u << (action - 1)) ||
                    strcmp(d.matched->id, d.rule) ||
                    now < policy->start || now > policy->expiry))
        abort();
    if (!d.allow && d.matched && !overruled(policy, d.rule))
        abort();
    r.source = "nohost";
    sm_policy_decide(policy, &r, &d);
    if (d.allow)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sm_policy *policy = NULL, *again = NULL;
    char why[SM_POLICY_WHY_MAX];
    int rc;

    memset(why, 'x', sizeof(why));
    rc = sm_policy_parse(&policy, data, size, "f", why, sizeof(why));
    if (rc) {
        if (policy || (rc != SM_POLICY && rc != SM_NO_MEMORY) || !why[0] ||
            !memchr(why, '\0', sizeof(why)) ||
            !sm_wire_text_ok(why, strlen(why)))
            abort();
        return 0;
    }
    if (why[0] || !policy->n_hosts || !policy->version ||
        policy->start > policy->expiry)
        abort();
    if (sm_policy_parse(&again, data, size, NULL, why, sizeof(why)) ||
        again->n_rules != policy->n_rules)
        abort();
    try_request(policy, SM_POLICY_MIGRATE_OUT, "root", 1800000000);
    try_request(policy, SM_POLICY_MIGRATE_OUT, NULL, 1800000000);
    try_request(policy, SM_POLICY_MIGRATE_IN, NULL, 0);
    sm_policy_free(again);
    sm_policy_free(policy);
    return 0;
}
