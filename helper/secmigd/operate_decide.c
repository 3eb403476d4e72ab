/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policy says to operators.  Nothing here is from a stranger, so the
 * parent asks the policy itself; evidence is judged elsewhere (decision.h). */
#include "operate.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "parent.h"
#include "trust/pairing.h"

static const char *action_name(enum sm_policy_action action)
{
    switch (action) {
    case SM_POLICY_MIGRATE_OUT:
        return "migrate-out";
    case SM_POLICY_MIGRATE_IN:
        return "migrate-in";
    case SM_POLICY_ABORT:
        return "abort";
    case SM_POLICY_FORCE_HANDOVER:
        return "force-handover";
    case SM_POLICY_POLICY_ADMIN:
        return "policy-admin";
    case SM_POLICY_AUDIT_READ:
        return "audit-read";
    }
    return "?";
}

void operate_ask_policy(const struct operate *o,
                        enum sm_policy_action action,
                        const struct facts *domain, const char *host,
                        bool preview, struct sm_policy_decision *out)
{
    struct sm_policy_request request = {
        .action = action,
        .account = o->account,
        .role = o->role[0] ? o->role : NULL,
        .source = { .name = parent.conf.name, .key = parent.own_key },
        .destination = { .name = host },
        .now = sm_clock_real(),
        .preview = preview,
    };
    struct sm_pairing pairing;
    char why[512];

    if (domain) {
        request.vm_name = domain->name;
        request.vm_uuid = domain->uuid;
        request.memory_kb = domain->memory_kb;
        request.label_unknown = true;   /* it takes the config to tell */
    }
    if (host && !sm_pairing_by_name(parent.conf.hosts_dir, parent.own_key,
                                    host, &pairing, why, sizeof(why)) &&
        pairing.has_key && !pairing.has_next)
        request.destination.key = pairing.key;
    sm_policy_decide(parent.policy, &request, out);
    if (!parent.policy)
        snprintf(out->text, sizeof(out->text), "no policy in force: %.480s",
                 parent.policy_why);
}

void operate_decide(const struct operate *o, enum sm_policy_action action,
                    const struct facts *domain, const char *host,
                    bool preview, struct sm_policy_decision *out)
{
    char uuid[37] = "";

    operate_ask_policy(o, action, domain, host, preview, out);
    if (domain)
        facts_uuid_text(domain->uuid, uuid);
    if (!out->allow && o->uid == 0 && action != SM_POLICY_MIGRATE_OUT) {
        out->allow = true;
        out->code = 0;
        strcpy(out->rule, "root");
        strcpy(out->text, "root may");
    }
    sm_notice("decision action=%s vm=%s uuid=%s from=%s to=%s by=%s@%s "
              "role=%s%s answer=%s rule=%s text=\"%s\"",
              action_name(action), SM_LOG_WORD(domain ? domain->name : ""),
              uuid,
              parent.conf.name, host ? host : "", o->account,
              parent.conf.name, o->role, preview ? " preview=yes" : "",
              out->allow ? "allow" : "deny", out->rule,
              SM_LOG_TEXT(out->text));
}

bool operate_may(struct operate *o, enum sm_policy_action action,
                 const struct facts *domain, const char *host)
{
    struct sm_policy_decision decision;

    operate_decide(o, action, domain, host, false, &decision);
    if (!decision.allow)
        operate_refuse(o, &decision);
    return decision.allow;
}
