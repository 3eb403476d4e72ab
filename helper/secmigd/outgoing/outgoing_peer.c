/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network's side of an outgoing migration. */
#include "outgoing/outgoing.h"

#include <signal.h>
#include <stdio.h>
#include <sodium.h>

#include "base/clock.h"
#include "base/log.h"
#include "channel/message.h"
#include "state/evidence.h"
#include "parent/parent.h"

static struct ipc_message message;      /* the one being handled */

/* ---- the peer ---- */

/* The guest, to the peer: it is sent once the other host is accepted. */
static int send_request(struct outgoing *o)
{
    int rc, fds[2] = { o->config, o->papers };
    uint8_t epoch[SM_HANDOVER_EPOCH_LEN];
    struct sm_wire_writer w;
    uint64_t sequence;

    randombytes_buf(o->handover_id, sizeof(o->handover_id));
    handover_stamp(epoch, &sequence);
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_bytes(&w, o->facts.uuid, sizeof(o->facts.uuid));
    sm_wire_put_u64(&w, o->facts.memory_kb);
    sm_wire_put_u32(&w, o->flags);
    sm_xen_version_put(&w, &o->facts.xen);
    sm_xen_features_put(&w, &o->features);
    sm_wire_put_bytes(&w, o->handover_id, sizeof(o->handover_id));
    sm_wire_put_bytes(&w, epoch, sizeof(epoch));
    sm_wire_put_u64(&w, sequence);
    sm_wire_put_str(&w, o->facts.name);
    sm_wire_put_str(&w, o->account);
    rc = ipc_send(o->dial.peer_watch.fd, IPC_PEER_REQUEST, &w, fds, 2);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* KEY_IS, EVIDENCE_IS or CANCEL. */
static int tell_peer(struct outgoing *o, enum ipc_type type, int code,
                     const char *text)
{
    return ipc_send_code(o->dial.peer_watch.fd, type, code, text);
}

/* The client learns why.  The other host, which has shown its platform, does
 * not learn for which guest. */
static void refused(struct outgoing *o, enum ipc_type type,
                    const struct decision_answer *answer)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];

    snprintf(text, sizeof(text), "the policy there says no (platform: %s)",
             answer->attestation);
    if (tell_peer(o, type, answer->code, text))
        spawn_kill(&o->dial.peer, SIGKILL);
    outgoing_finish(o, answer->code, answer->rule, "%s%s",
                    answer->told[0] ? "" : "refused here: ", answer->text);
}

/* The final word of this side, before the other one learns who asks; or,
 * when it was to prove what it runs, before it learns for which guest. */
static void decided(void *ctx, const struct decision_answer *answer)
{
    enum ipc_type type;
    struct outgoing *o = ctx;

    type = o->dial.other.demanded ? IPC_PEER_EVIDENCE_IS : IPC_PEER_KEY_IS;
    if (!answer->told[0])
        outgoing_log(o, DECISION_FINAL, answer);
    if (!answer->allow) {
        refused(o, type, answer);
        return;
    }
    o->accepted = o->requested = true;
    if (send_request(o) || tell_peer(o, type, 0, ""))
        outgoing_finish(o, SM_HELPER, "", "the peer process does not answer");
}

/* It is who it should be, and may be asked to prove what it runs. */
static void met(void *ctx, const struct decision_answer *answer)
{
    struct outgoing *o = ctx;

    if (!answer->allow) {
        if (!answer->told[0])
            outgoing_log(o, DECISION_PREVIEW, answer);
        refused(o, IPC_PEER_KEY_IS, answer);
        return;
    }
    o->accepted = true;
    if (tell_peer(o, IPC_PEER_KEY_IS, 0, ""))
        outgoing_finish(o, SM_HELPER, "", "the peer process does not answer");
}

static void on_peer_key(struct outgoing *o, struct sm_wire_reader *r)
{
    if (o->dial.other.met) {
        r->error = SM_PROTOCOL;
        return;
    }
    if (decision_meet(&o->dial.other, r))
        return;
    o->met = sm_clock_now_ms();
    if (o->dial.other.demanded)
        outgoing_decide(o, DECISION_PREVIEW, met);
    else
        outgoing_decide(o, DECISION_FINAL, decided);
}

/* The two may cross the end of the session. */
static bool too_late(const struct outgoing *o, struct sm_wire_reader *r)
{
    if (o->state != OUT_ENDED)
        return false;
    r->pos = r->len;
    return true;
}

static void on_peer_evidence(struct outgoing *o, struct sm_wire_reader *r)
{
    if (too_late(o, r))
        return;
    if (!o->accepted)
        r->error = SM_PROTOCOL;
    else if (!decision_shown(&o->dial.other, r))
        outgoing_decide(o, DECISION_FINAL, decided);
}

static void on_peer_quote(struct outgoing *o, struct sm_wire_reader *r)
{
    if (too_late(o, r))
        return;
    if (!o->accepted)
        r->error = SM_PROTOCOL;
    else
        prove(&o->prove, SM_ATTEST_INITIATOR, o->host, &o->dial.peer_watch,
              r);
}

/* The tickets that went along are used up, here as well as there.  Returns
 * NULL, or why the migration may not go on. */
static const char *use_up(struct outgoing *o)
{
    const struct decision_answer *a = &o->decision.answer;
    size_t i;
    int rc;

    rc = ledger_use_tickets(a->tickets, a->n_tickets, sm_clock_real());
    if (rc)
        return rc == SM_EXISTS ?
               "a ticket was used by another migration meanwhile" :
               "that a ticket is used cannot be written down";
    evidence_used(o->facts.uuid, o->host, NULL);
    for (i = 0; i < a->n_tickets; i++)
        evidence_used(o->facts.uuid, o->host, a->tickets[i].id);
    return NULL;
}

static void on_peer_answer(struct outgoing *o, struct sm_wire_reader *r)
{
    char rule[SM_MESSAGE_RULE_MAX + 1], text[SM_MESSAGE_TEXT_MAX + 1];
    int code = sm_err_from_code(sm_wire_get_u16(r));
    const char *problem;

    sm_wire_get_str(r, rule, sizeof(rule));
    sm_wire_get_str(r, text, sizeof(text));
    if (!o->requested && !code) /* an answer to what was not asked */
        r->error = SM_PROTOCOL;
    if (sm_wire_end(r))
        return;
    if (code) {
        outgoing_finish(o, code, rule, "%s refuses: %s", o->host, text);
        return;
    }
    problem = use_up(o);
    if (problem)
        outgoing_give_up(o, SM_UNMET, problem);
    else
        outgoing_move(o, rule);
}

static void on_peer_handover(struct outgoing *o, struct sm_wire_reader *r)
{
    outgoing_heard(o, r);
}

static void on_peer_end(struct outgoing *o, struct sm_wire_reader *r)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    int code = sm_err_from_code(sm_wire_get_u16(r));
    uint64_t sent;

    sm_wire_get_str(r, text, sizeof(text));
    sent = sm_wire_get_u64(r);
    sm_wire_get_u64(r);
    if (sm_wire_end(r))
        return;
    sm_info("out-%lu: to=%s connection ended: code=%d sent=%llu text=\"%s\"",
            o->id, o->host, -code, (unsigned long long)sent,
            SM_LOG_TEXT(text));
    if (o->state == OUT_MOVE)
        handover_lost(o, code ? code : SM_LINK, text[0] ? text :
                      "the other host has ended the conversation");
    else
        outgoing_finish(o, code ? code : SM_FAIL, "", "%s", text);
}

/* The other side, or somebody in between, says that it has no post-quantum
 * handshake.  One without tells which, before anything else is said. */
static void on_peer_classic(struct outgoing *o, struct sm_wire_reader *r)
{
    if (o->dial.other.met || o->dial.classic || !parent_post_quantum()) {
        r->error = SM_PROTOCOL;
        return;
    }
    loop_close(&o->dial.peer_watch);
    spawn_forget(&o->dial.peer);
    if (parent.conf.post_quantum == SM_CONF_PQ_REQUIRE) {
        outgoing_finish(o, SM_REFUSED_LOCAL, "post-quantum", "refused here: "
                        "%s has no post-quantum handshake (or has it "
                        "switched off), and this host's settings require one "
                        "(post-quantum = require)", o->host);
        return;
    }
    sm_notice("out-%lu: to=%s has no post-quantum handshake: dialling again "
              "without", o->id, o->host);
    o->dial.classic = true;
    if (o->dial.other.demanded)
        decision_demand(&o->dial.other);     /* a nonce for each handshake */
    outgoing_dial(o);
}

static const struct {
    enum ipc_type type;
    unsigned int states;        /* bit (1 << state) */
    void (*handle)(struct outgoing *o, struct sm_wire_reader *r);
} from_peer[] = {
    { IPC_PEER_CLASSIC, 1u << OUT_ASK, on_peer_classic },
    { IPC_PEER_KEY,    1u << OUT_ASK, on_peer_key },
    { IPC_PEER_EVIDENCE, 1u << OUT_ASK | 1u << OUT_ENDED, on_peer_evidence },
    { IPC_PEER_QUOTE,  1u << OUT_ASK | 1u << OUT_ENDED, on_peer_quote },
    { IPC_PEER_ANSWER, 1u << OUT_ASK, on_peer_answer },
    { IPC_PEER_HANDOVER, 1u << OUT_MOVE | 1u << OUT_ENDED,
      on_peer_handover },
    { IPC_PEER_END,    1u << OUT_ASK | 1u << OUT_MOVE | 1u << OUT_ENDED,
      on_peer_end },
};

/* It is of no use any more. */
static void peer_lost(struct outgoing *o, const char *text)
{
    if (o->state == OUT_MOVE)
        handover_lost(o, SM_HELPER, text);
    else
        outgoing_finish(o, SM_HELPER, "", "%s", text);
}

static void on_peer(void *ctx, short revents)
{
    struct outgoing *o = ctx;
    struct sm_wire_reader r;
    size_t i;
    int rc;

    (void)revents;
    rc = ipc_recv(o->dial.peer_watch.fd, &message);
    if (rc == SM_BUSY)
        return;
    if (rc) {
        loop_close(&o->dial.peer_watch);
        peer_lost(o, "the peer process died");
        if (o->control_watch.fd < 0 && o->state == OUT_ENDED)
            outgoing_free(o);       /* the client has gone, too */
        return;
    }
    sm_wire_reader_init(&r, message.body, message.len);
    for (i = 0; i < sizeof(from_peer) / sizeof(from_peer[0]); i++)
        if (from_peer[i].type == message.type && !message.n_fds &&
            (from_peer[i].states & 1u << o->state))
            break;
    if (i < sizeof(from_peer) / sizeof(from_peer[0]))
        from_peer[i].handle(o, &r);
    else
        r.error = SM_PROTOCOL;
    ipc_close_fds(&message);
    if (sm_wire_end(&r)) {
        sm_error("out-%lu: the peer process broke the rules", o->id);
        spawn_kill(&o->dial.peer, SIGKILL);
        peer_lost(o, "the peer process broke the rules");
    }
}

/* ---- the connection ---- */

static void unreachable(void *ctx, int code, const char *why)
{
    struct outgoing *o = ctx;

    outgoing_finish(o, code, "", "cannot reach %s: %s", o->host, why);
}

static void failed(void *ctx, int code, const char *why)
{
    outgoing_finish(ctx, code, "", "%s", why);
}

static void connected(void *ctx)
{
    struct outgoing *o = ctx;

    o->state = OUT_ASK;
}

void outgoing_dial(struct outgoing *o)
{
    static const struct dial_events events = {
        .unreachable = unreachable, .failed = failed, .connected = connected,
        .on_peer = on_peer, .role_ended = outgoing_role_ended,
    };

    o->state = OUT_DIAL;
    dial_start(&o->dial, &events, o);
}

void outgoing_give_up(struct outgoing *o, int code, const char *text)
{
    if (o->dial.peer_watch.fd >= 0 &&
        tell_peer(o, IPC_PEER_CANCEL, code, text))
        spawn_kill(&o->dial.peer, SIGKILL);
    outgoing_finish(o, code, "", "%s", text);
}

void outgoing_cancel(struct outgoing *o, const char *text)
{
    if (o->handover)
        handover_stop(o->handover, SM_CANCELLED, text);
    else
        outgoing_give_up(o, SM_CANCELLED, text);
}
