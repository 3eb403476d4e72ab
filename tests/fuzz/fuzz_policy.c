/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy document of either kind, without the barrier of its signature.
 * What is refused has one clean line of reason; what is accepted passes the
 * same checks again, and its decisions keep the promises of
 * policy/decide.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "policy/decide.h"
#include "policy/lint.h"
#include "policy/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t uuid[16] = { 0x8e, 0x8a };
static const uint8_t signer[SM_POLICY_SIGNER_LEN];

static const struct sm_policy_rule *find(const struct sm_policy *policy,
                                         const char *id)
{
    size_t i;

    if (!strncmp(id, "vm:", 3))
        id += 3;
    for (i = 0; i < policy->n_rules; i++)
        if (!strcmp(policy->rules[i].id, id))
            return &policy->rules[i];
    return NULL;
}

/* What explain says of each rule must agree with the decision. */
struct told {
    const struct sm_policy *policy;
    bool denied, allowed;
};

static void on_step(void *ctx, const struct sm_policy_step *step)
{
    struct told *told = ctx;

    if (!step->rule || !step->why ||
        !sm_wire_text_ok(step->why, strlen(step->why)))
        abort();
    if (!find(told->policy, step->rule))
        return;
    if (step->allow && step->result == SM_POLICY_STEP_YES)
        told->allowed = true;
    if (!step->allow && (step->result == SM_POLICY_STEP_YES ||
                         step->result == SM_POLICY_STEP_UNKNOWN))
        told->denied = true;
}

static void try_request(const struct sm_policy *policy,
                        const struct sm_policy_request *r)
{
    struct sm_policy_request changed = *r;
    struct told told = { .policy = policy };
    struct sm_policy_decision d, e;

    sm_policy_decide(policy, r, &d);
    if (d.allow != (d.code == SM_OK) || !d.rule[0] ||
        !sm_wire_text_ok(d.rule, strlen(d.rule)) ||
        !sm_wire_text_ok(d.text, strlen(d.text)))
        abort();
    if (d.allow && (!d.matched || !d.matched->allow ||
                    !(d.matched->actions & 1u << (r->action - 1)) ||
                    find(policy, d.rule) != d.matched ||
                    !sm_policy_satisfied(policy, r, d.matched) ||
                    r->now < policy->start || r->now > policy->expiry))
        abort();
    if (!d.allow && d.code == SM_OK)
        abort();
    sm_policy_explain(policy, r, on_step, &told, &e);
    if (e.allow != d.allow || e.code != d.code || strcmp(e.rule, d.rule) ||
        strcmp(e.text, d.text))
        abort();
    if (d.allow && (!told.allowed || told.denied))
        abort();
    /* What is allowed would have been allowed before dialling, too. */
    changed.preview = true;
    sm_policy_decide(policy, &changed, &e);
    if (d.allow && !e.allow)
        abort();
    if (policy->has_vm || policy->n_certified || !r->source.name)
        return;
    changed = *r;
    changed.source.name = "nohost";
    sm_policy_decide(policy, &changed, &e);
    if (e.allow && (r->action == SM_POLICY_MIGRATE_OUT ||
                    r->action == SM_POLICY_MIGRATE_IN))
        abort();
}

/* A host in the first platform set, and one just not; their only difference
 * must be told. */
static void try_platforms(const struct sm_policy *policy,
                          struct sm_policy_request *r)
{
    struct sm_policy_measured m = {
        .has_log = true, .reset_approved = true,
        .signer = policy->n_authorities ? policy->authorities[0].key :
                                          signer,
    };
    const struct sm_policy_platform *set;
    char text[256];
    unsigned int pcr;

    r->attestation = NULL;
    r->measured = &m;
    try_request(policy, r);
    if (!policy->n_platforms)
        return;
    set = &policy->platforms[0];
    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++)
        if (set->pcr[pcr].n)
            memcpy(m.pcr[pcr], set->pcr[pcr].values[set->pcr[pcr].n - 1], 32);
    memcpy(m.log, set->log, 32);
    if (sm_policy_platform_differs(set, &m))
        abort();
    try_request(policy, r);
    pcr = (unsigned int)__builtin_ctz(set->pcrs);
    memset(m.pcr[pcr], 0x5a, 32);
    m.reset_approved = false;
    if (!(sm_policy_platform_differs(set, &m) & 1u << pcr))
        return;     /* a value of the document */
    sm_policy_platform_text(set, sm_policy_platform_differs(set, &m), text,
                            sizeof(text));
    if (!sm_wire_text_ok(text, strlen(text)))
        abort();
    try_request(policy, r);
}

static void try_requests(const struct sm_policy *policy)
{
    struct sm_policy_attributes attributes = {
        .location = "fra1", .jurisdiction = "DE", .platforms = { "p1" },
        .n_platforms = 1,
    };
    struct sm_policy_request r = {
        .vm_name = "g1", .vm_uuid = policy->has_vm ? policy->vm : uuid,
        .memory_kb = 1 << 20, .account = "root", .now = 1800000000,
        .source.name = "hostA", .destination.name = "hostB",
    };
    int action;

    if (policy->n_hosts) {
        r.source.name = policy->hosts[0].id;
        r.source.key = policy->hosts[0].key;
        r.destination.name = policy->hosts[policy->n_hosts - 1].id;
        r.destination.key = policy->hosts[policy->n_hosts - 1].key;
    }
    if (policy->n_authorities) {
        attributes.signer = policy->authorities[0].key;
        r.source.attributes = r.destination.attributes = &attributes;
    }
    if (policy->n_operators)
        r.account = policy->operators[0].account;
    for (action = SM_POLICY_MIGRATE_OUT; action <= SM_POLICY_AUDIT_READ;
         action++) {
        r.action = (enum sm_policy_action)action;
        try_request(policy, &r);
    }
    if (policy->n_owners) {
        r.tickets[0].signer = policy->owners[0].key;
        r.n_tickets = 1;
    }
    r.suite = 3;
    r.post_quantum = SM_POLICY_PQ_YES;
    r.attestation = "p1";
    r.label = "system_u:system_r:domU_t";
    r.action = SM_POLICY_MIGRATE_IN;
    r.account = NULL;
    try_request(policy, &r);
    r.action = SM_POLICY_MIGRATE_OUT;
    try_platforms(policy, &r);
    r.measured = NULL;
    r.now = 0;
    try_request(policy, &r);
}

static void on_warning(void *ctx, unsigned int line, const char *text)
{
    unsigned int *last = ctx;

    if (!line || line < *last || !sm_wire_text_ok(text, strlen(text)))
        abort();
    *last = line;
}

static bool try_document(enum sm_policy_document kind, const uint8_t *data,
                         size_t size)
{
    struct sm_policy *policy = NULL, *again = NULL;
    char why[SM_POLICY_WHY_MAX];
    unsigned int last = 0;
    int rc;

    memset(why, 'x', sizeof(why));
    rc = sm_policy_parse(&policy, kind, data, size, "f", why, sizeof(why));
    if (rc) {
        if (policy || (rc != SM_POLICY && rc != SM_NO_MEMORY) || !why[0] ||
            !memchr(why, '\0', sizeof(why)) ||
            !sm_wire_text_ok(why, strlen(why)))
            abort();
        return false;
    }
    if (why[0] || !policy->version || policy->start > policy->expiry ||
        policy->has_vm != (kind == SM_POLICY_VM) ||
        (!policy->has_vm && !policy->n_hosts && !policy->n_certified) ||
        (policy->has_vm && (policy->n_hosts || policy->n_roles)))
        abort();
    if (sm_policy_parse(&again, kind, data, size, NULL, why, sizeof(why)) ||
        again->n_rules != policy->n_rules)
        abort();
    sm_policy_lint(policy, 1800000000, on_warning, &last);
    try_requests(policy);
    sm_policy_free(again);
    sm_policy_free(policy);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool site = try_document(SM_POLICY_SITE, data, size);

    if (try_document(SM_POLICY_VM, data, size) && site)
        abort();
    return 0;
}
