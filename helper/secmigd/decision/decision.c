/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parent's side of decisions; the judge's is decision_judge.c. */
#include "decision/decision.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "state/floors.h"
#include "keys/own_certificate.h"
#include "parent/parent.h"
#include "state/revoked.h"
#include "state/seen.h"

#define ANSWER_SHORT 8192       /* bytes of an answer, ... */
#define ANSWER_LONG (96 * 1024) /* ... and of one with a VM policy */

int decision_meet(struct decision_other *o, struct sm_wire_reader *r)
{
    struct sm_pairing other;
    const uint8_t *certificate;
    char why[512];
    size_t len = 0;

    sm_wire_get_bytes(r, o->key, sizeof(o->key));
    sm_wire_get_str(r, o->claimed, sizeof(o->claimed));
    o->suite = sm_wire_get_u16(r);
    o->flags = sm_wire_get_u8(r);
    sm_wire_get_blob(r, sizeof(o->certificate), &certificate, &len);
    if (o->flags & ~(unsigned int)(PEER_POST_QUANTUM | PEER_DEMAND))
        r->error = SM_PROTOCOL;
    if (sm_wire_end(r))
        return SM_PROTOCOL;
    memcpy(o->certificate, certificate, len);
    o->certificate_len = len;
    o->met = true;
    if (!o->dialled)
        strcpy(o->name, o->claimed);
    o->pairing_rc = sm_pairing_by_name(parent.conf.hosts_dir, parent.own_key,
                                       o->name, &o->pairing, o->pairing_why,
                                       sizeof(o->pairing_why));
    /* A key that cannot be looked up belongs to nobody: then only its own
     * entry counts. */
    o->key_of[0] = '\0';
    if (!sm_pairing_by_key(parent.conf.hosts_dir, parent.own_key, o->key,
                           &other, why, sizeof(why)))
        strcpy(o->key_of, other.name);
    return 0;
}

void decision_demand(struct decision_other *o)
{
    o->demanded = true;
    sm_attest_nonce(o->nonce);
}

int decision_shown(struct decision_other *o, struct sm_wire_reader *r)
{
    const uint8_t *evidence = NULL;
    size_t len = 0;

    sm_wire_get_bytes(r, o->hash, sizeof(o->hash));
    sm_wire_get_blob(r, sizeof(o->evidence), &evidence, &len);
    sm_wire_get_str(r, o->unproven, sizeof(o->unproven));
    if (!o->demanded || o->shown)
        r->error = SM_PROTOCOL;
    if (sm_wire_end(r))
        return SM_PROTOCOL;
    memcpy(o->evidence, evidence, len);
    o->evidence_len = len;
    o->shown = true;
    return 0;
}

/* ---- the answer ---- */

static void get_paper(struct sm_wire_reader *r, size_t max,
                      struct sm_paper *out)
{
    sm_wire_get_blob(r, max, &out->data, &out->len);
}

static int read_answer(struct decision_answer *a, struct sm_wire_reader *r)
{
    size_t i;

    a->code = sm_err_from_code(sm_wire_get_u16(r));
    a->allow = !a->code;
    sm_wire_get_str(r, a->rule, sizeof(a->rule));
    sm_wire_get_str(r, a->text, sizeof(a->text));
    sm_wire_get_str(r, a->told, sizeof(a->told));
    sm_wire_get_str(r, a->vm_rule, sizeof(a->vm_rule));
    a->n_tickets = sm_wire_get_u8(r);
    if (a->n_tickets > SM_PAPERS_TICKETS_MAX)
        return SM_PROTOCOL;
    for (i = 0; i < a->n_tickets; i++) {
        sm_wire_get_bytes(r, a->tickets[i].id, SM_TICKET_ID_LEN);
        a->tickets[i].not_after = (int64_t)sm_wire_get_u64(r);
    }
    a->rate_seconds = (int64_t)sm_wire_get_u64(r);
    a->n_lists = sm_wire_get_u8(r);
    if (a->n_lists > SM_POLICY_AUTHORITIES_MAX)
        return SM_PROTOCOL;
    for (i = 0; i < a->n_lists; i++) {
        sm_wire_get_bytes(r, a->lists[i].authority,
                          sizeof(a->lists[i].authority));
        a->lists[i].version = sm_wire_get_u64(r);
    }
    a->wants_proof = sm_wire_get_u8(r);
    sm_wire_get_str(r, a->attestation, sizeof(a->attestation));
    a->seen = sm_wire_get_u8(r);
    a->back = sm_wire_get_u8(r);
    sm_wire_get_bytes(r, a->platform.ak, sizeof(a->platform.ak));
    sm_wire_get_bytes(r, a->platform.pcrs, sizeof(a->platform.pcrs));
    a->platform.clock = sm_wire_get_u64(r);
    a->platform.reset_count = sm_wire_get_u32(r);
    a->platform.restart_count = sm_wire_get_u32(r);
    a->vm_version = sm_wire_get_u64(r);
    get_paper(r, SM_PAPERS_POLICY_MAX, &a->vm_policy);
    get_paper(r, SM_PAPERS_SIGNATURE_MAX, &a->vm_signature);
    return sm_wire_end(r);
}

static void refuse(struct decision_answer *a, int code, const char *rule,
                   const char *text)
{
    memset(a, 0, sizeof(*a));
    a->code = code;
    snprintf(a->rule, sizeof(a->rule), "%s", rule);
    snprintf(a->text, sizeof(a->text), "%s", text);
}

/* What the decision changes has to be durable before it is acted on. */
static void write_down(struct decision *d)
{
    struct decision_answer *a = &d->answer;
    char rule[SM_MESSAGE_RULE_MAX + 1], text[128];
    size_t i;
    int rc = 0;

    for (i = 0; i < a->n_lists && !rc; i++)
        rc = floors_raise_revocations(a->lists[i].authority,
                                      a->lists[i].version);
    if (!rc && a->back)
        rc = seen_back(a->platform.ak);
    if (!rc && a->seen) {
        rc = seen_write(&a->platform, d->host);
        if (rc == SM_BUSY) {
            snprintf(text, sizeof(text), "this host remembers the attestation "
                     "keys of %d hosts, and has no room for one more",
                     SEEN_MAX);
            refuse(a, rc, "store", text);
            rc = 0;
        }
    }
    if (!rc)
        rc = floors_flush();    /* a version that it could not write before */
    if (!rc && a->allow && a->rate_seconds) {
        strcpy(rule, a->rule);
        /* Another migration may have used the rule since the judge began. */
        if (ledger_turn() != d->turn)
            refuse(a, SM_BUSY, rule, "another migration was allowed by the "
                   "same rule at the same time: try again");
        else
            rc = ledger_use_rule(rule, a->rate_seconds, sm_clock_real());
    }
    if (rc)
        refuse(a, rc, "store", "what this decision uses up cannot be "
               "written down");
}

static void answered(void *ctx, int err, const char *why,
                     struct sm_wire_reader *r)
{
    struct decision *d = ctx;

    memset(&d->answer, 0, sizeof(d->answer));
    if (!err && read_answer(&d->answer, r)) {
        err = SM_HELPER;
        why = "the process that judges this broke the rules";
    }
    if (err)
        refuse(&d->answer, err, "judge", why);
    else
        write_down(d);
    d->done(d->ctx, &d->answer);
}

/* ---- asking ---- */

int decision_start(struct decision *d, const struct decision_question *q,
                   void (*done)(void *ctx,
                                const struct decision_answer *answer),
                   void *ctx)
{
    struct decision_bench bench = { .question = q };
    char why[SM_CONF_PATH_MAX + 256];
    uint8_t *revocations = NULL;
    struct sm_wire_writer w;
    int rc;

    d->done = done;
    d->ctx = ctx;
    d->turn = ledger_turn();
    snprintf(d->host, sizeof(d->host), "%s", q->other->name);
    sm_wire_writer_init(&w, IPC_MAX);
    own_certificate_put(&w);
    rc = sm_wire_error(&w);
    if (rc)
        goto out;
    bench.own_certificate.data = w.data + 4;        /* a blob's content */
    bench.own_certificate.len = w.len - 4;
    errno = 0;
    rc = sm_file_read(parent.conf.revocations, SM_FILE_PUBLIC,
                      REVOKED_FILE_MAX, &revocations,
                      &bench.revocations.len, why, sizeof(why));
    bench.revocations.data = revocations;
    if (rc && !(rc == SM_STATE && errno == ENOENT))
        bench.revocations_why = why;
    rc = judge_start(&d->judge, decision_judge, &bench,
                     q->stage == DECISION_WHO ? -1 : q->papers,
                     q->stage == DECISION_FINAL ? ANSWER_LONG : ANSWER_SHORT,
                     answered, d);
out:
    sm_file_free(revocations, bench.revocations.len);
    sm_wire_writer_dispose(&w);
    return rc;
}

void decision_clear(struct decision *d)
{
    judge_clear(&d->judge);
}

void decision_log(const struct decision_question *q, const char *by,
                  const struct decision_answer *a)
{
    bool leaving = q->action == SM_POLICY_MIGRATE_OUT;
    char more[640] = "", uuid[SM_TEXT_UUID_SIZE], id[2 * SM_TICKET_ID_LEN + 1];
    size_t i, n = 0;

    if (q->role)
        n += (size_t)snprintf(more + n, sizeof(more) - n, " role=%.64s",
                              q->role);
    if (a->vm_rule[0])
        n += (size_t)snprintf(more + n, sizeof(more) - n, " vm-rule=%.128s",
                              a->vm_rule);
    for (i = 0; i < a->n_tickets; i++) {
        sodium_bin2hex(id, sizeof(id), a->tickets[i].id, SM_TICKET_ID_LEN);
        n += (size_t)snprintf(more + n, sizeof(more) - n, "%s%s",
                              i ? "," : " ticket=", id);
    }
    if (q->other->met)
        snprintf(more + n, sizeof(more) - n, " attestation=%s pq=%s",
                 a->attestation[0] ? a->attestation : "no",
                 q->other->flags & PEER_POST_QUANTUM ? "yes" : "no");
    sm_text_uuid_format(q->facts->uuid, uuid);
    sm_notice("decision action=%s vm=%s uuid=%s from=%s to=%s by=%s "
              "answer=%s%s rule=%s%s text=\"%s\"",
              leaving ? "migrate-out" : "migrate-in",
              SM_LOG_WORD(q->facts->name), uuid,
              leaving ? parent.conf.name : q->other->name,
              leaving ? q->other->name : parent.conf.name, by,
              a->allow ? "allow" : "deny",
              q->stage == DECISION_PREVIEW ? " (preview)" : "", a->rule,
              more, SM_LOG_TEXT(a->text));
}
