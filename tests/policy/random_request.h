/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random requests to random policies, and how a request is told to the naive
 * evaluator: "key=value" with tabs between, as in a request file, but with
 * keys in base64 where that has ids. */
#ifndef RANDOM_REQUEST_H
#define RANDOM_REQUEST_H

#include "base/clock.h"
#include "channel/suite.h"
#include "policy/decide.h"
#include "random_policy.h"

#define USES 6

struct random_request {
    struct sm_policy_request r;
    struct sm_policy_attributes attributes[2];
    struct sm_policy_use uses[USES];
    struct sm_policy_measured measured;
    uint8_t uuid[16];
};

static const char *const action_names[] = {
    [SM_POLICY_MIGRATE_OUT] = "migrate-out",
    [SM_POLICY_MIGRATE_IN] = "migrate-in",
    [SM_POLICY_ABORT] = "abort",
    [SM_POLICY_FORCE_HANDOVER] = "force-handover",
    [SM_POLICY_POLICY_ADMIN] = "policy-admin",
    [SM_POLICY_AUDIT_READ] = "audit-read",
};

static void random_end(struct sm_policy_end *end,
                       struct sm_policy_attributes *a)
{
    static const char *const hosts[] = {
        "h0", "h1", "h2", "h0", "h1", "h2", "h0", "h1", "h2", "h3",
    };
    static const char *const locations[] = { "L0", "L1", "L2", "L3" };
    static const char *const laws[] = { "J0", "J1", "J2", "J3" };
    static const char *const platforms[] = { "p0", "p1", "p2", "p3" };

    end->name = PICK(hosts);
    end->key = chance(8) ? NULL :
               host_keys[chance(96) ? (unsigned int)(end->name[1] - '0') :
                         below(4)];
    if (chance(25))
        return;
    end->attributes = a;
    a->signer = signers[chance(90) ? AUTHORITY(below(AUTHORITIES)) :
                        below(SIGNERS)];
    a->location = chance(80) ? PICK(locations) : NULL;
    a->jurisdiction = chance(80) ? PICK(laws) : NULL;
    while (a->n_platforms < 2 && chance(60))
        a->platforms[a->n_platforms++] = PICK(platforms);
}

static void random_platform(struct random_request *q)
{
    static const char *const ids[] = { "p0", "p1", "p2", "p0 p2" };
    struct sm_policy_measured *m = &q->measured;

    if (chance(15)) {
        q->r.attestation = PICK(ids);
        return;
    }
    if (chance(40))
        return;
    memset(m->pcr[4], 0xa0 + (int)below(DIGESTS), 32);
    memset(m->pcr[7], 0xa0 + (int)below(DIGESTS), 32);
    memset(m->pcr[9], 0xa0, 32);
    if (chance(5))
        m->pcr[7][31] ^= 1;
    m->has_log = chance(60);
    if (m->has_log)
        memset(m->log, 0xa0 + (int)below(DIGESTS), 32);
    m->reset_approved = chance(50);
    m->signer = signers[chance(85) ? AUTHORITY(below(AUTHORITIES)) :
                        below(SIGNERS)];
    q->r.measured = m;
}

static void random_request_make(struct random_request *q)
{
    static const char *const accounts[] = { "u0", "u1", "u2", "u3", "u4" };
    static const char *const roles[] = {
        "r0", "r1", "r2", "r3", "r4", "nonsense",
    };
    static const char *const names[] = { "a-1", "b-1", "a-22", "c" };
    static const char *const labels[] = { "x1", "y", "z" };
    static const char *const rules[] = {
        "rule0", "rule1", "rule2", "rule3", "rule5", "rule8",
    };
    struct sm_policy_request *r = &q->r;
    size_t i;

    memset(q, 0, sizeof(*q));
    r->action = chance(75) ? SM_POLICY_MIGRATE_OUT + below(2) :
                SM_POLICY_ABORT + below(4);
    if (chance(r->action == SM_POLICY_MIGRATE_IN ? 20 : 85))
        r->account = PICK(accounts);
    r->role = chance(12) ? PICK(roles) : NULL;
    q->uuid[6] = 0x40;
    q->uuid[8] = 0x80;
    q->uuid[15] = (uint8_t)below(3);
    if (r->action <= SM_POLICY_MIGRATE_IN || chance(60)) {
        r->vm_name = PICK(names);
        r->vm_uuid = q->uuid;
        if (r->action > SM_POLICY_MIGRATE_IN && chance(10))
            r->vm_name = NULL;
        else if (r->action > SM_POLICY_MIGRATE_IN && chance(10))
            r->vm_uuid = NULL;
        r->memory_kb = chance(90) ? (1 + below(8)) * 512 * 1024 : 0;
        r->label = chance(40) ? PICK(labels) : NULL;
        random_end(&r->source, &q->attributes[0]);
        random_end(&r->destination, &q->attributes[1]);
    }
    r->suite = below(4);
    r->post_quantum = below(3);
    random_platform(q);
    while (r->n_tickets < 3 && chance(45))
        r->tickets[r->n_tickets++].signer =
            signers[chance(60) ? below(OPERATORS + OWNERS) : below(SIGNERS)];
    while (r->n_approvals < 3 && chance(55))
        r->approvals[r->n_approvals++] = PICK(accounts);
    if (chance(35))
        r->vm_policy_signer = signers[chance(90) ? OWNER(below(OWNERS)) :
                                      below(SIGNERS)];
    r->now = INT64_C(1767225600) + below(365 * 48) * 1800;      /* in 2026 */
    if (chance(50))     /* else where windows begin and end */
        r->now += (int64_t)below(600) - 300;
    else if (chance(20))
        r->now--;
    r->uses = q->uses;
    while (r->n_uses < USES && chance(70)) {
        i = r->n_uses++;
        q->uses[i].rule = PICK(rules);
        q->uses[i].when = r->now - (chance(30) ? 60 * (int64_t)below(62) :
                                    (int64_t)below(70));
    }
    r->preview = chance(20);
}

/* ---- telling ---- */

static const char *base64_of(const uint8_t *signer)
{
    unsigned int i;

    for (i = 0; i < SIGNERS; i++)
        if (!memcmp(signers[i], signer, 40))
            return signers_base64[i];
    return "?";
}

static void tell_end(FILE *f, const char *side,
                     const struct sm_policy_end *end)
{
    const struct sm_policy_attributes *a = end->attributes;
    char base64[45];
    size_t i;

    if (end->name)
        fprintf(f, "\t%s=%s", side, end->name);
    if (end->key) {
        sodium_bin2base64(base64, sizeof(base64), end->key, 32,
                          sodium_base64_VARIANT_ORIGINAL);
        fprintf(f, "\t%s-key=%s", side, base64);
    }
    if (!a)
        return;
    fprintf(f, "\t%s-authority=%s", side, base64_of(a->signer));
    if (a->location)
        fprintf(f, "\t%s-location=%s", side, a->location);
    if (a->jurisdiction)
        fprintf(f, "\t%s-jurisdiction=%s", side, a->jurisdiction);
    for (i = 0; i < a->n_platforms; i++)
        fprintf(f, "%s%s%s%s", i ? " " : "\t", i ? "" : side,
                i ? "" : "-platforms=", a->platforms[i]);
}

static void tell_digest(FILE *f, const uint8_t digest[32])
{
    size_t i;

    for (i = 0; i < 32; i++)
        fprintf(f, "%02x", digest[i]);
}

static void tell_platform(FILE *f, const struct sm_policy_request *r)
{
    static const unsigned int pcrs[] = { 4, 7, 9 };
    const struct sm_policy_measured *m = r->measured;
    size_t i;

    if (r->attestation)
        fprintf(f, "\tattestation=%s", r->attestation);
    if (!m)
        return;
    for (i = 0; i < 3; i++) {
        fprintf(f, "\tpcr.%u=", pcrs[i]);
        tell_digest(f, m->pcr[pcrs[i]]);
    }
    if (m->has_log) {
        fprintf(f, "\tevent-log=");
        tell_digest(f, m->log);
    }
    fprintf(f, "\treset-approved=%s\tattestation-authority=%s",
            m->reset_approved ? "yes" : "no", base64_of(m->signer));
}

static void tell_request(FILE *f, const struct sm_policy_request *r)
{
    char when[21];
    size_t i;

    fprintf(f, "action=%s", action_names[r->action]);
    if (r->account)
        fprintf(f, "\taccount=%s", r->account);
    if (r->role)
        fprintf(f, "\trole=%s", r->role);
    if (r->vm_name)
        fprintf(f, "\tvm=%s", r->vm_name);
    if (r->vm_uuid)
        fprintf(f, "\tuuid=00000000-0000-4000-8000-00000000000%u",
                r->vm_uuid[15]);
    if (r->memory_kb)
        fprintf(f, "\tmemory=%llu KiB", (unsigned long long)r->memory_kb);
    if (r->label)
        fprintf(f, "\tlabel=%s", r->label);
    tell_end(f, "source", &r->source);
    tell_end(f, "destination", &r->destination);
    if (r->suite)
        fprintf(f, "\tsuite=%s", sm_suite_name(r->suite));
    if (r->post_quantum)
        fprintf(f, "\tpost-quantum=%s",
                r->post_quantum == SM_POLICY_PQ_YES ? "yes" : "no");
    tell_platform(f, r);
    for (i = 0; i < r->n_tickets; i++)
        fprintf(f, "\tticket=%s", base64_of(r->tickets[i].signer));
    for (i = 0; i < r->n_approvals; i++)
        fprintf(f, "\tapproval=%s", r->approvals[i]);
    if (r->vm_policy_signer)
        fprintf(f, "\tvm-policy-owner=%s", base64_of(r->vm_policy_signer));
    for (i = 0; i < r->n_uses; i++) {
        sm_clock_format(r->uses[i].when, when);
        fprintf(f, "\tuse=%s %s", r->uses[i].rule, when);
    }
    sm_clock_format(r->now, when);
    fprintf(f, "\ttime=%s\tpreview=%s", when, r->preview ? "yes" : "no");
}

#endif
