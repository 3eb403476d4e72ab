/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policy says to operators.  Nothing here is from a stranger, so the
 * parent asks the policy itself; evidence is judged elsewhere (decision.h). */
#include "operators/operate.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "parent/parent.h"
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

static void ask(const struct sm_policy_request *request,
                struct sm_policy_decision *out)
{
    sm_policy_decide(parent.policy, request, out);
    if (!parent.policy)
        snprintf(out->text, sizeof(out->text), "no policy in force: %.480s",
                 parent.policy_why);
}

/* Of who asks here: root may by being root, except move guests; and the
 * log. */
static void decide(const struct operate *o,
                   const struct sm_policy_request *request,
                   struct sm_policy_decision *out)
{
    const char *to = request->destination.name;
    char uuid[SM_TEXT_UUID_SIZE] = "";

    ask(request, out);
    if (request->vm_uuid)
        sm_text_uuid_format(request->vm_uuid, uuid);
    if (!out->allow && o->uid == 0 &&
        request->action != SM_POLICY_MIGRATE_OUT) {
        out->allow = true;
        out->code = 0;
        strcpy(out->rule, "root");
        strcpy(out->text, "root may");
    }
    sm_notice("decision action=%s vm=%s uuid=%s from=%s to=%s by=%s@%s "
              "role=%s%s answer=%s rule=%s text=\"%s\"",
              action_name(request->action),
              SM_LOG_WORD(request->vm_name ? request->vm_name : ""), uuid,
              request->source.name, to ? to : "", o->account,
              parent.conf.name, o->role,
              request->preview ? " preview=yes" : "",
              out->allow ? "allow" : "deny", out->rule,
              SM_LOG_TEXT(out->text));
}

static struct sm_policy_request request_of(const struct operate *o,
                                           enum sm_policy_action action,
                                           bool preview)
{
    return (struct sm_policy_request){
        .action = action,
        .account = o->account,
        .role = o->role[0] ? o->role : NULL,
        .source = { .name = parent.conf.name, .key = parent.own_key },
        .now = sm_clock_real(),
        .preview = preview,
    };
}

/* `pairing` is written to, and pointed into. */
static struct sm_policy_request move_of(const struct operate *o,
                                        enum sm_policy_action action,
                                        const struct facts *domain,
                                        const char *host, bool preview,
                                        struct sm_pairing *pairing)
{
    struct sm_policy_request request = request_of(o, action, preview);
    char why[512];

    request.destination.name = host;
    if (domain) {
        request.vm_name = domain->name;
        request.vm_uuid = domain->uuid;
        request.memory_kb = domain->memory_kb;
        request.label_unknown = true;   /* it takes the config to tell */
    }
    if (host && !sm_pairing_by_name(parent.conf.hosts_dir, parent.own_key,
                                    host, pairing, why, sizeof(why)) &&
        pairing->has_key && !pairing->has_next)
        request.destination.key = pairing->key;
    return request;
}

void operate_ask_policy(const struct operate *o,
                        enum sm_policy_action action,
                        const struct facts *domain, const char *host,
                        bool preview, struct sm_policy_decision *out)
{
    struct sm_pairing pairing;
    struct sm_policy_request request = move_of(o, action, domain, host,
                                               preview, &pairing);

    ask(&request, out);
}

void operate_decide(const struct operate *o, enum sm_policy_action action,
                    const struct facts *domain, const char *host,
                    bool preview, struct sm_policy_decision *out)
{
    struct sm_pairing pairing;
    struct sm_policy_request request = move_of(o, action, domain, host,
                                               preview, &pairing);

    decide(o, &request, out);
}

void operate_decide_handover(const struct operate *o,
                             enum sm_policy_action action,
                             const struct sm_handover_record *record,
                             const struct evidence *evidence, bool preview,
                             struct sm_policy_decision *out)
{
    struct sm_policy_request request = request_of(o, action, preview);
    struct sm_policy_end other = { .name = record->peer,
                                   .key = record->peer_key };
    size_t i;

    /* How much memory it may use is not in the journal: a rule that asks
     * for that does not apply. */
    request.vm_name = record->name;
    request.vm_uuid = record->uuid;
    request.label_unknown = true;
    if (sm_handover_is_source(record->state)) {
        request.destination = other;
    } else {
        request.destination = request.source;
        request.source = other;
    }
    for (i = 0; evidence && i < evidence->n_approvals; i++)
        request.approvals[request.n_approvals++] = evidence->approvals[i];
    decide(o, &request, out);
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
