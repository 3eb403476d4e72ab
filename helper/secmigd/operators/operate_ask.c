/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What operators ask for besides migrations. */
#include "operators/operate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "state/evidence.h"
#include "state/ledger.h"
#include "outgoing/outgoing.h"
#include "parent/parent.h"
#include "trust/ticket.h"

#define TICKET_ANSWER 1024

/* ---- evidence ---- */

static void key(struct sm_minisign_public *out, const uint8_t *signer)
{
    memcpy(out->id, signer, sizeof(out->id));
    memcpy(out->key, signer + sizeof(out->id), sizeof(out->key));
}

/* Whether an approval counts the policy says when it is needed; of who is
 * no operator at all it never does. */
static void approve(struct operate *o)
{
    struct sm_policy_decision d;
    char uuid[SM_TEXT_UUID_SIZE];
    int rc;

    operate_ask_policy(o, SM_POLICY_MIGRATE_OUT, &o->domain, o->host, true,
                       &d);
    if (!strcmp(d.rule, "unknown-operator") ||
        !strcmp(d.rule, "role-not-assigned")) {
        operate_refuse(o, &d);
        return;
    }
    sm_text_uuid_format(o->domain.uuid, uuid);
    rc = evidence_approve(o->account, o->role, o->domain.uuid, o->host,
                          sm_clock_real());
    if (rc) {
        operate_finish(o, rc, "", "too many approvals are waiting already");
        return;
    }
    sm_notice("approval vm=%s uuid=%s from=%s to=%s by=%s@%s role=%s",
              SM_LOG_WORD(o->domain.name), uuid, parent.conf.name, o->host,
              o->account, parent.conf.name, o->role);
    operate_finish(o, 0, "", "approved that %s goes to %s, for the next %d "
                   "minutes and once", o->domain.name, o->host,
                   EVIDENCE_APPROVAL_LIFE / 60);
}

void operate_approve(struct operate *o)
{
    operate_ask_domain(o, approve);
}

/* Verified against the keys of all owners and operators of the policy; when
 * it is used it is verified again, by the policy in force then. */
static int judge_ticket(const void *question, struct sm_wire_writer *answer)
{
    struct sm_minisign_public *keys;
    struct sm_ticket ticket;
    const struct sm_policy *p = parent.policy;
    char text[FRAME_TICKET_MAX], why[SM_STATEMENT_WHY_SIZE];
    size_t n = 0, i, len;
    ssize_t got;
    int rc;

    (void)question;
    len = 0;
    while (len < sizeof(text) &&
           (got = read(JUDGE_PAPERS, text + len, sizeof(text) - len)) > 0)
        len += (size_t)got;
    keys = calloc(1 + (p ? sm_policy_owner_count(p) +
                           sm_policy_operator_count(p) : 0), sizeof(*keys));
    if (!keys)
        return SM_NO_MEMORY;
    for (i = 0; p && i < sm_policy_owner_count(p); i++)
        key(&keys[n++], sm_policy_owner_key(p, i));
    for (i = 0; p && i < sm_policy_operator_count(p); i++)
        if (sm_policy_operator_key(p, i))
            key(&keys[n++], sm_policy_operator_key(p, i));
    rc = sm_ticket_verify(text, len, keys, n, sm_clock_real(), &ticket, NULL,
                          why, sizeof(why));
    free(keys);
    sm_wire_put_u16(answer, (uint16_t)-rc);
    sm_wire_put_str(answer, why);
    sm_wire_put_bytes(answer, ticket.id, sizeof(ticket.id));
    sm_wire_put_bytes(answer, ticket.vm, sizeof(ticket.vm));
    sm_wire_put_str(answer, ticket.source);
    sm_wire_put_str(answer, ticket.destination);
    sm_wire_put_u64(answer, (uint64_t)ticket.not_after);
    return 0;
}

static void ticket_judged(void *ctx, int err, const char *why,
                          struct sm_wire_reader *r)
{
    struct operate *o = ctx;
    struct evidence_about about = { 0 };
    char reason[SM_STATEMENT_WHY_SIZE] = "", uuid[SM_TEXT_UUID_SIZE];
    uint8_t *text = NULL;
    size_t len = 0;
    int code = 0;

    if (!err) {
        code = sm_err_from_code(sm_wire_get_u16(r));
        sm_wire_get_str(r, reason, sizeof(reason));
        sm_wire_get_bytes(r, about.id, sizeof(about.id));
        sm_wire_get_bytes(r, about.uuid, sizeof(about.uuid));
        sm_wire_get_str(r, about.source, sizeof(about.source));
        sm_wire_get_str(r, about.destination, sizeof(about.destination));
        about.not_after = (int64_t)sm_wire_get_u64(r);
        err = sm_wire_end(r);
    }
    if (err) {
        operate_finish(o, err, "", "the ticket cannot be judged: %s", why);
        return;
    }
    if (code) {
        operate_finish(o, code, "", "the ticket is not good: %s", reason);
        return;
    }
    if (ledger_ticket_used(about.id)) {
        operate_finish(o, SM_REFUSED_LOCAL, "ticket-used",
                       "this ticket was used already");
        return;
    }
    err = ipc_memfd_read(o->policy, FRAME_TICKET_MAX, &text, &len);
    if (!err)
        err = evidence_deposit(o->account, &about, text, len,
                               sm_clock_real());
    free(text);
    sm_text_uuid_format(about.uuid, uuid);
    if (err)
        operate_finish(o, err, "", "%s", err == SM_EXISTS ?
                       "this ticket waits here already" : err == SM_BUSY ?
                       "too many tickets are waiting already" :
                       sm_err_text(err));
    else
        operate_finish(o, 0, "", "the ticket waits for a migration of %s to "
                       "%s", uuid, about.destination[0] ? about.destination
                       : "any host");
}

void operate_ticket(struct operate *o, const uint8_t *text, size_t len)
{
    int rc;

    o->policy = ipc_memfd(text, len);
    rc = o->policy < 0 ? o->policy :
         judge_start(&o->judge, judge_ticket, NULL, o->policy, TICKET_ANSWER,
                     ticket_judged, o);
    if (rc)
        operate_finish(o, rc, "", "the ticket cannot be judged: %s",
                       sm_err_text(rc));
}

/* ---- migrations of others ---- */

static bool named(const struct facts *domain, const char *vm)
{
    char uuid[SM_TEXT_UUID_SIZE];

    sm_text_uuid_format(domain->uuid, uuid);
    return !strcmp(domain->name, vm) || !strcmp(uuid, vm);
}

/* One that has not come to a migration yet. */
static struct operate *waiting(const char *vm)
{
    struct operate *o;

    for (o = operate_first(); o; o = o->next)
        if (o->state == OP_MOVE && !o->migration && named(&o->domain, vm))
            return o;
    return NULL;
}

void operate_abort(struct operate *o)
{
    struct outgoing *out = outgoing_find(o->vm);
    struct operate *other = out ? NULL : waiting(o->vm);
    const char *owner, *host;
    struct facts *domain;
    char text[128];

    if (!out && !other) {
        operate_finish(o, SM_NO_DOMAIN, "", "no guest %s is leaving this "
                       "host", o->vm);
        return;
    }
    owner = out ? out->account : other->account;
    domain = out ? &out->facts : &other->domain;
    host = out ? out->host : other->host;
    if (strcmp(owner, o->account) &&
        !operate_may(o, SM_POLICY_ABORT, domain, host))
        return;
    if (out && out->handover && !handover_stoppable(out->handover)) {
        operate_finish(o, SM_STATE, "", "%s is %s's to start by now: see "
                       "secmig handover show %s", domain->name, host,
                       domain->name);
        return;
    }
    snprintf(text, sizeof(text), "aborted by %s", o->account);
    sm_notice("abort vm=%s to=%s of=%s by=%s@%s",
              SM_LOG_WORD(domain->name), host, owner, o->account,
              parent.conf.name);
    if (out)
        outgoing_cancel(out, text);
    else
        operate_move_cancel(other, text);
    operate_finish(o, 0, "", "the migration of %s is being aborted: it goes "
                   "on here", o->vm);
}

/* ---- the daemon ---- */

void operate_reloaded(void *ctx, int err, const char *text)
{
    operate_finish(ctx, err, "", "%s", text);
}

void operate_reload(struct operate *o)
{
    if (!operate_may(o, SM_POLICY_POLICY_ADMIN, NULL, NULL))
        return;
    o->reload.done = operate_reloaded;
    o->reload.ctx = o;
    reload_policy(&o->reload);
}

void operate_ask_clear(struct operate *o)
{
    if (o->reload.done)
        reload_forget(&o->reload);
    judge_clear(&o->judge);
}

void operate_status(struct operate *o)
{
    struct sm_policy_decision decision = { .allow = true };
    char text[FRAME_STATUS_MAX];
    const char *account;
    size_t n;

    if (o->uid != 0)
        operate_decide(o, SM_POLICY_AUDIT_READ, NULL, NULL, false, &decision);
    account = decision.allow ? NULL : o->account;
    n = (size_t)snprintf(text, sizeof(text), "host %s, listening on %s port "
                         "%u\n", parent.conf.name,
                         parent.conf.listen_address[0] ?
                         parent.conf.listen_address : "all addresses",
                         parent.conf.listen_port);
    if (parent.policy)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "policy: site %s, "
                              "version %llu, %zu rules\n",
                              sm_policy_site(parent.policy),
                              (unsigned long long)
                              sm_policy_version(parent.policy),
                              sm_policy_rule_count(parent.policy));
    else
        n += (size_t)snprintf(text + n, sizeof(text) - n, "policy: none, "
                              "everything is refused: %s\n",
                              parent.policy_why);
    outgoing_status(text + n, sizeof(text) - n, account);
    n = strlen(text);
    if (!account)
        incoming_status(text + n, sizeof(text) - n);
    n = strlen(text);
    operate_handover_status(text + n, sizeof(text) - n, account);
    n = strlen(text);
    evidence_status(text + n, sizeof(text) - n, account, sm_clock_real());
    operate_status_is(o, text);
}
