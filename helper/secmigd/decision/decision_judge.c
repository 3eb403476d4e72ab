/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The judge's side of decisions: runs in a child that has given up all but
 * its memory.  What strangers wrote (certificate, tickets, the guest's own
 * policy) is looked at here and nowhere else, signatures first.
 */
#include "decision/hearing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "state/floors.h"
#include "parent/parent.h"
#include "policy/config.h"
#include "policy/model.h"

void hearing_say(struct decision_answer *a, int code, const char *rule,
                 const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    ipc_words(a->text, sizeof(a->text), code, fmt, ap);
    va_end(ap);
    a->allow = !code;
    a->code = code;
    snprintf(a->rule, sizeof(a->rule), "%s", rule);
}

static void to_minisign(struct sm_minisign_public *out,
                        const uint8_t *signer)
{
    memcpy(out->id, signer, sizeof(out->id));
    memcpy(out->key, signer + sizeof(out->id), sizeof(out->key));
}

/* ---- who is it? ---- */

static void read_revocations(struct hearing *h)
{
    const struct sm_paper *text = &h->bench->revocations;
    uint64_t floors[SM_POLICY_AUTHORITIES_MAX];
    size_t i, n;

    for (i = 0; i < h->n_authorities; i++)
        floors[i] = floors_revocations(
            sm_policy_authority_key(parent.policy, i));
    revoked_read(text->data, text->len, h->bench->revocations_why,
                 h->authorities, h->n_authorities, floors, &h->revoked);
    for (i = 0; i < h->n_authorities; i++) {
        if (!h->revoked.of[i].have ||
            h->revoked.of[i].list.version <= floors[i])
            continue;
        n = h->a->n_lists++;
        h->a->lists[n].version = h->revoked.of[i].list.version;
        memcpy(h->a->lists[n].authority, h->revoked.of[i].list.signer,
               sizeof(h->a->lists[n].authority));
    }
}

static void read_certificate(struct hearing *h, const void *text, size_t len,
                             struct identify_certificate *out)
{
    identify_certificate(text, len, h->authorities, h->n_authorities,
                         &h->revoked, h->now, out);
}

static void attributes(const struct sm_certificate *c,
                       struct sm_policy_attributes *out)
{
    size_t i;

    out->signer = c->signer;
    out->location = c->location[0] ? c->location : NULL;
    out->jurisdiction = c->jurisdiction[0] ? c->jurisdiction : NULL;
    out->n_platforms = c->n_platforms;
    for (i = 0; i < c->n_platforms; i++)
        out->platforms[i] = c->platforms[i];
}

/* Returns whether the other host is who it says it is. */
static bool know_other(struct hearing *h)
{
    const struct decision_other *o = h->q->other;
    struct sm_policy_end end = { .name = o->claimed, .key = o->key };
    struct identify_answer answer;
    struct identify_question q = {
        .own_name = parent.conf.name, .own_key = parent.own_key,
        .dialled = o->dialled ? o->name : NULL,
        .name = o->claimed, .key = o->key,
        .pairing_rc = o->pairing_rc, .pairing = &o->pairing,
        .pairing_why = o->pairing_why,
        .key_of = o->key_of[0] ? o->key_of : NULL,
        .certificate = &h->other,
    };

    read_certificate(h, o->certificate, o->certificate_len, &h->other);
    attributes(&h->other.is, &h->other_says);
    if (h->other.worth == IDENTIFY_GOOD) {
        end.attributes = &h->other_says;
        q.listed = parent.policy &&
                   sm_policy_takes_part(parent.policy, &end);
    }
    identify(&q, &answer);
    h->other_counts = answer.attributes;
    if (answer.code) {
        hearing_say(h->a, answer.code, "", "%s", answer.text);
        snprintf(h->a->told, sizeof(h->a->told), "%s", answer.told);
        return false;
    }
    hearing_say(h->a, 0, "", "%s", answer.text);
    return true;
}

static void know_self(struct hearing *h)
{
    const struct sm_paper *text = &h->bench->own_certificate;

    read_certificate(h, text->data, text->len, &h->own);
    attributes(&h->own.is, &h->own_says);
    if (strcmp(h->own.is.host, parent.conf.name) ||
        memcmp(h->own.is.key, parent.own_key, sizeof(parent.own_key)))
        h->own.worth = IDENTIFY_NOT_GOOD;
}

/* ---- the papers ---- */

/* What the certificate of the destination says, if its authority may. */
static void destination_says(const struct hearing *h, bool leaving,
                             const char **location, const char **jurisdiction)
{
    const struct sm_policy *p = parent.policy;
    const struct sm_policy_attributes *a = NULL;
    size_t i;

    if (leaving ? h->other_counts : h->own.worth == IDENTIFY_GOOD)
        a = leaving ? &h->other_says : &h->own_says;
    *location = *jurisdiction = NULL;
    for (i = 0; a && i < p->n_authorities; i++) {
        if (memcmp(p->authorities[i].key, a->signer, SM_POLICY_SIGNER_LEN))
            continue;
        if (p->authorities[i].attributes & SM_POLICY_LOCATION)
            *location = a->location;
        if (p->authorities[i].attributes & SM_POLICY_JURISDICTION)
            *jurisdiction = a->jurisdiction;
        return;
    }
}

/* Owners' and operators' keys.  NULL when out of memory. */
static struct sm_minisign_public *ticket_keys(size_t *n)
{
    const struct sm_policy *p = parent.policy;
    size_t i, max = sm_policy_owner_count(p) + sm_policy_operator_count(p);
    struct sm_minisign_public *keys = calloc(max + 1, sizeof(*keys));

    *n = 0;
    for (i = 0; keys && i < sm_policy_owner_count(p); i++)
        to_minisign(&keys[(*n)++], sm_policy_owner_key(p, i));
    for (i = 0; keys && i < sm_policy_operator_count(p); i++)
        if (sm_policy_operator_key(p, i))
            to_minisign(&keys[(*n)++], sm_policy_operator_key(p, i));
    return keys;
}

static int read_tickets(struct hearing *h, struct sm_policy_request *r)
{
    bool leaving = h->q->action == SM_POLICY_MIGRATE_OUT;
    const char *location, *jurisdiction;
    struct sm_minisign_public *keys;
    char why[SM_STATEMENT_WHY_SIZE];
    struct ledger_ticket *used;
    struct sm_ticket *t;
    size_t n_keys, i;

    if (!h->papers.n_tickets)
        return 0;
    keys = ticket_keys(&n_keys);
    if (!keys)
        return SM_NO_MEMORY;
    destination_says(h, leaving, &location, &jurisdiction);
    for (i = 0; i < h->papers.n_tickets; i++) {
        t = &h->tickets[r->n_tickets];
        if (sm_ticket_verify(h->papers.tickets[i].data,
                             h->papers.tickets[i].len, keys, n_keys, h->now,
                             t, NULL, why, sizeof(why))) {
            snprintf(h->ticket_why, sizeof(h->ticket_why), "%s", why);
        } else if (ledger_ticket_used(t->id)) {
            strcpy(h->ticket_why, "it was used before");
        } else if (sm_ticket_fits(t, h->q->facts->uuid, r->source.name,
                                  r->destination.name, location,
                                  jurisdiction, h->now, why, sizeof(why))) {
            r->tickets[r->n_tickets++].signer = t->signer;
            used = &h->a->tickets[h->a->n_tickets++];
            memcpy(used->id, t->id, sizeof(used->id));
            used->not_after = t->not_after;
        } else {
            snprintf(h->ticket_why, sizeof(h->ticket_why), "%s", why);
        }
    }
    free(keys);
    return 0;
}

/* The guest's own policy.  Returns false when it has one that cannot be
 * honoured here; that is said. */
static bool read_vm_policy(struct hearing *h, struct sm_policy_request *r)
{
    const struct sm_policy *p = parent.policy;
    const struct sm_papers *papers = &h->papers;
    size_t n = sm_policy_owner_count(p), i, signer;
    unsigned long long version, floor;
    const uint8_t **keys;
    char why[SM_POLICY_WHY_MAX];
    int rc;

    if (!papers->policy.len) {
        if (!h->q->vm_policy_here)
            return true;
        hearing_say(h->a, SM_REFUSED_LOCAL, "vm-policy", "this host keeps a "
                    "policy for the guest, which comes without one");
        return false;
    }
    keys = calloc(n + 1, sizeof(*keys));
    if (!keys) {
        hearing_say(h->a, SM_NO_MEMORY, "vm-policy", "%s",
                    sm_err_text(SM_NO_MEMORY));
        return false;
    }
    for (i = 0; i < n; i++)
        keys[i] = sm_policy_owner_key(p, i);
    rc = sm_policy_parse_signed(&h->vm, SM_POLICY_VM, papers->policy.data,
                                papers->policy.len, papers->signature.data,
                                papers->signature.len, keys, n, &signer,
                                "the guest's own policy", why, sizeof(why));
    if (!rc)
        r->vm_policy_signer = keys[signer];
    free(keys);
    if (rc) {
        hearing_say(h->a, SM_REFUSED_LOCAL, "vm-policy", "it cannot be "
                    "honoured here: %s", why);
        return false;
    }
    if (memcmp(sm_policy_vm(h->vm), h->q->facts->uuid, 16)) {
        hearing_say(h->a, SM_REFUSED_LOCAL, "vm-policy", "the policy that "
                    "came along is of another guest");
        return false;
    }
    version = sm_policy_version(h->vm);
    floor = floors_vm(h->q->facts->uuid);
    if (version < floor) {
        hearing_say(h->a, SM_REFUSED_LOCAL, "vm-policy", "the guest's own "
                    "policy, version %llu, is older than %llu, which this "
                    "host has seen", version, floor);
        return false;
    }
    if (!floors_vm_room(h->q->facts->uuid)) {
        hearing_say(h->a, SM_BUSY, "vm-policy", "this host remembers the "
                    "policies' versions of %d guests, and has no room for "
                    "one more", FLOORS_VMS_MAX);
        return false;
    }
    h->a->vm_version = version;
    h->a->vm_policy = papers->policy;
    h->a->vm_signature = papers->signature;
    return true;
}

/* ---- the decision ---- */

static void make_request(const struct hearing *h, struct sm_policy_request *r)
{
    const struct decision_question *q = h->q;
    const struct decision_other *o = q->other;
    bool leaving = q->action == SM_POLICY_MIGRATE_OUT;
    struct sm_policy_end *own = leaving ? &r->source : &r->destination;
    struct sm_policy_end *other = leaving ? &r->destination : &r->source;
    size_t i;

    memset(r, 0, sizeof(*r));
    r->action = q->action;
    r->account = q->account;
    r->role = q->role;
    r->vm_name = q->facts->name;
    r->vm_uuid = q->facts->uuid;
    r->memory_kb = q->facts->memory_kb;
    r->now = h->now;
    r->preview = q->stage == DECISION_PREVIEW;
    own->name = parent.conf.name;
    own->key = parent.own_key;
    if (h->own.worth == IDENTIFY_GOOD)
        own->attributes = &h->own_says;
    other->name = o->name;
    if (o->met) {
        other->key = o->key;
        other->attributes = h->other_counts ? &h->other_says : NULL;
        r->suite = o->suite;
        r->post_quantum = o->flags & PEER_POST_QUANTUM ? SM_POLICY_PQ_YES :
                          SM_POLICY_PQ_NO;
    } else if (!o->pairing_rc && o->pairing.has_key &&
               !o->pairing.has_next) {  /* else it may be either */
        other->key = o->pairing.key;
    }
    for (i = 0; i < q->n_approvals && i < SM_POLICY_APPROVALS_MAX; i++)
        r->approvals[r->n_approvals++] = q->approvals[i];
    ledger_uses(&r->uses, &r->n_uses);
}

/* The label of the guest, by which policies may go. */
static const char *label(const struct facts *f)
{
    size_t i;

    for (i = 0; i < f->n; i++)
        if (!strcmp(f->list[i].field, "c_info.ssid_label"))
            return f->list[i].value[0] ? f->list[i].value : NULL;
    return NULL;
}

static void decide(struct hearing *h)
{
    const struct decision_question *q = h->q;
    struct sm_policy_decision d, vm;
    struct sm_policy_request r;
    int rc;

    if (!parent.policy) {
        hearing_say(h->a, SM_POLICY, "no-policy", "no policy in force: %s",
                    parent.policy_why);
        return;
    }
    make_request(h, &r);
    r.label = label(q->facts);
    rc = read_tickets(h, &r);
    if (rc) {
        hearing_say(h->a, rc, "judge", "%s", sm_err_text(rc));
        return;
    }
    if (!read_vm_policy(h, &r))
        return;
    h->a->wants_proof = sm_policy_wants_attestation(h->vm, q->action);
    hearing_platform(h, &r);
    sm_policy_decide_both(parent.policy, h->vm, &r, &d);
    if (d.allow && h->vm) {
        sm_policy_decide(h->vm, &r, &vm);
        snprintf(h->a->vm_rule, sizeof(h->a->vm_rule), "%s", vm.rule);
    }
    if (d.allow && q->action == SM_POLICY_MIGRATE_IN)
        sm_policy_check_config(parent.policy, &r, &d, q->facts->list,
                               q->facts->n, &d);
    if (!d.allow && h->ticket_why[0])
        hearing_say(h->a, d.code, d.rule, "%s (a ticket does not count: %s)",
                    d.text, h->ticket_why);
    else
        hearing_say(h->a, d.code, d.rule, "%s", d.text);
    hearing_platform_decided(h);
    if (!h->a->allow)
        return;
    if (q->facts->flags & FACTS_NOMIGRATE)
        hearing_say(h->a, SM_NOMIGRATE, "nomigrate", "%s is marked nomigrate",
                    q->facts->name);
    else if (d.obligations.notify_guest || d.obligations.max_downtime_ms)
        hearing_say(h->a, SM_UNMET, d.rule, "rule %s obliges to what this "
                    "host cannot do: %s", d.rule, d.obligations.notify_guest ?
                    "notify-guest" : "max-downtime");
    else if (d.matched && d.matched->require.rate)
        h->a->rate_seconds = d.matched->require.rate_seconds;
}

static void put_answer(struct sm_wire_writer *w, const struct hearing *h)
{
    const struct decision_answer *a = h->a;
    bool whole = a->allow && h->q->stage == DECISION_FINAL &&
                 h->q->action == SM_POLICY_MIGRATE_IN;
    size_t i;

    sm_wire_put_u16(w, (uint16_t)-a->code);
    sm_wire_put_str(w, a->rule);
    sm_wire_put_str(w, a->text);
    sm_wire_put_str(w, a->told);
    sm_wire_put_str(w, a->vm_rule);
    sm_wire_put_u8(w, (uint8_t)a->n_tickets);
    for (i = 0; i < a->n_tickets; i++) {
        sm_wire_put_bytes(w, a->tickets[i].id, SM_TICKET_ID_LEN);
        sm_wire_put_u64(w, (uint64_t)a->tickets[i].not_after);
    }
    sm_wire_put_u64(w, h->q->stage == DECISION_FINAL && a->allow ?
                       (uint64_t)a->rate_seconds : 0);
    sm_wire_put_u8(w, (uint8_t)a->n_lists);
    for (i = 0; i < a->n_lists; i++) {
        sm_wire_put_bytes(w, a->lists[i].authority,
                          sizeof(a->lists[i].authority));
        sm_wire_put_u64(w, a->lists[i].version);
    }
    sm_wire_put_u8(w, a->wants_proof);
    sm_wire_put_str(w, a->attestation);
    sm_wire_put_u8(w, a->seen);
    sm_wire_put_u8(w, a->back);
    sm_wire_put_bytes(w, a->platform.ak, sizeof(a->platform.ak));
    sm_wire_put_bytes(w, a->platform.pcrs, sizeof(a->platform.pcrs));
    sm_wire_put_u64(w, a->platform.clock);
    sm_wire_put_u32(w, a->platform.reset_count);
    sm_wire_put_u32(w, a->platform.restart_count);
    sm_wire_put_u64(w, a->vm_version);
    /* What the parent will keep when the guest has come. */
    sm_wire_put_blob(w, a->vm_policy.data, whole ? a->vm_policy.len : 0);
    sm_wire_put_blob(w, a->vm_signature.data,
                     whole ? a->vm_signature.len : 0);
}

int decision_judge(const void *question, struct sm_wire_writer *w)
{
    static struct hearing h;    /* too large for a stack */
    static struct decision_answer answer;
    uint8_t *papers = NULL;
    size_t len = 0, i;
    int rc = 0;

    h.bench = question;
    h.q = h.bench->question;
    h.a = &answer;
    h.now = sm_clock_real();
    h.n_authorities = parent.policy ?
                      sm_policy_authority_count(parent.policy) : 0;
    for (i = 0; i < h.n_authorities; i++)
        to_minisign(&h.authorities[i],
                    sm_policy_authority_key(parent.policy, i));
    read_revocations(&h);
    if (h.q->other->met && !know_other(&h))
        goto out;
    if (h.q->stage == DECISION_WHO)
        goto out;
    know_self(&h);
    if (h.q->papers >= 0)
        rc = ipc_memfd_read(JUDGE_PAPERS, SM_PAPERS_MAX, &papers, &len);
    if (!rc && len)
        rc = sm_papers_decode(papers, len, &h.papers);
    if (rc)
        hearing_say(&answer, rc, "papers", "what came with the guest is "
                    "malformed");
    else
        decide(&h);
out:
    put_answer(w, &h);
    sm_policy_free(h.vm);
    free(papers);
    return 0;
}
