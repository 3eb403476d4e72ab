/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "parent.h"

void decision_reload(void)
{
    const struct sm_policy_files files = {
        .xml = parent.conf.policy_file,
        .signature = parent.conf.policy_sig,
        .public_key = parent.conf.policy_pub,
    };
    struct sm_policy *policy = NULL;
    char why[SM_POLICY_WHY_MAX];
    int rc;

    rc = sm_policy_load(&policy, &files, why, sizeof(why));
    if (rc && parent.policy) {
        sm_error("new policy not taken, the old one stays: %s", why);
        return;
    }
    if (rc) {
        sm_error("no policy, everything is refused: %s", why);
        snprintf(parent.policy_why, sizeof(parent.policy_why), "%s", why);
        return;
    }
    sm_policy_free(parent.policy);
    parent.policy = policy;
    parent.policy_why[0] = '\0';
    sm_notice("policy of site %s version %llu in force: %zu rules",
              sm_policy_site(policy),
              (unsigned long long)sm_policy_version(policy),
              sm_policy_rule_count(policy));
}

void decision_make(enum sm_policy_action action, const struct facts *facts,
                   const struct sm_pairing *other, const char *account,
                   const char *by, struct sm_policy_decision *out)
{
    bool leaving = action == SM_POLICY_MIGRATE_OUT;
    struct sm_policy_request request = {
        .action = action,
        .vm_name = facts->name,
        .vm_uuid = facts->uuid,
        .memory_kb = facts->memory_kb,
        .account = account,
        .source = {
            .name = leaving ? parent.conf.name : other->name,
            .key = leaving ? parent.own_key : other->key,
        },
        .destination = {
            .name = leaving ? other->name : parent.conf.name,
            .key = leaving ? other->key : parent.own_key,
        },
        .now = sm_clock_real(),
    };
    char uuid[37];

    sm_policy_decide(parent.policy, &request, out);
    if (!parent.policy)
        snprintf(out->text, sizeof(out->text), "no policy in force: %.480s",
                 parent.policy_why);
    if (out->allow && (facts->flags & FACTS_NOMIGRATE)) {
        out->allow = false;
        out->code = SM_NOMIGRATE;
        strcpy(out->rule, "nomigrate");
        snprintf(out->text, sizeof(out->text), "%s is marked nomigrate",
                 facts->name);
    }
    if (out->allow && !leaving)
        sm_policy_check_config(parent.policy, &request, out, facts->list,
                               facts->n, out);
    facts_uuid_text(facts->uuid, uuid);
    sm_notice("decision action=%s vm=%s uuid=%s from=%s to=%s by=%s "
              "answer=%s rule=%s text=\"%s\"",
              leaving ? "migrate-out" : "migrate-in", facts->name, uuid,
              request.source.name, request.destination.name, by,
              out->allow ? "allow" : "deny", out->rule, out->text);
}
