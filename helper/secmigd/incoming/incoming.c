/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection from another host, from its first byte to the decision about
 * the guest it brings (states: incoming.h).
 */
#include "incoming/incoming.h"

#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/log.h"
#include "parent/parent.h"
#include "state/vm_policy.h"

#define SETTLING_MAX 64         /* connections of hosts that settle */
#define SETTLE_TIME 120000      /* ms without a word about a handover; the
                                 * peer minds a shorter one by itself */

struct incoming *incoming_first;
static struct ipc_message message;      /* the one being handled */

static void incoming_free(struct incoming *in)
{
    struct incoming **p;

    for (p = &incoming_first; *p; p = &(*p)->next) {
        if (*p == in) {
            *p = in->next;
            break;
        }
    }
    receive_clear(&in->receive);
    incoming_move_clear(in);
    run_clear(&in->run);
    decision_clear(&in->decision);
    prove_forget(&in->prove);
    keys_forget_wait(&in->key);
    spawn_forget(&in->peer);
    loop_close(&in->watch);
    loop_disarm(&in->timer);
    if (in->config >= 0)
        close(in->config);
    if (in->papers >= 0)
        close(in->papers);
    facts_clear(&in->facts);
    free(in);
}

void incoming_maybe_free(struct incoming *in)
{
    if (in->watch.fd < 0 && !receive_active(&in->receive) &&
        !in->run.active)
        incoming_free(in);
}

void incoming_refuse(struct incoming *in, int code, const char *rule,
                     const char *fmt, ...)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    va_list ap;

    va_start(ap, fmt);
    ipc_words(text, sizeof(text), code, fmt, ap);
    va_end(ap);
    sm_warning("in-%lu: vm=%s from=%s result=refused code=%d rule=%s "
               "text=\"%s\"", in->id, SM_LOG_WORD(in->facts.name),
               in->other.name, -code, rule, SM_LOG_TEXT(text));
    in->refused = true;
    if (ipc_send_answer(in->watch.fd, IPC_PEER_ANSWER, code, rule, text, -1))
        spawn_kill(&in->peer, SIGKILL);
}

/* ---- the decision ---- */

static void question(const struct incoming *in,
                     struct decision_question *q)
{
    memset(q, 0, sizeof(*q));
    q->stage = DECISION_FINAL;
    q->other = &in->other;
    q->action = SM_POLICY_MIGRATE_IN;
    q->facts = &in->facts;
    q->papers = in->papers;
    q->vm_policy_here = vm_policy_here(in->facts.uuid);
}

/* What the other host says of who asks goes into our log: no blank, no
 * quote and no "=" that could pass for words of ours. */
static void clean_by(char *by)
{
    for (; *by; by++)
        if (!isalnum((unsigned char)*by) && !strchr("._:$+-", *by))
            *by = '?';
}

static void judged(void *ctx, const struct decision_answer *answer)
{
    struct incoming *in = ctx;
    char by[SM_MESSAGE_OPERATOR_MAX + 80];
    struct decision_question q;

    question(in, &q);
    snprintf(by, sizeof(by), "%s@%s", in->by, in->other.name);
    decision_log(&q, by, answer);
    snprintf(in->rule, sizeof(in->rule), "%s", answer->rule);
    if (!answer->allow)
        incoming_refuse(in, answer->code, in->rule, "%s",
                        answer->told[0] ? answer->told : answer->text);
    else if (outgoing_has(in->facts.uuid) || incoming_has(in->facts.uuid))
        incoming_refuse(in, SM_BUSY, in->rule, "%s is already migrating",
                        in->facts.name);
    else if (q.vm_policy_here && !answer->vm_version)
        /* It was added since the judge began; from now on none can be. */
        incoming_refuse(in, SM_REFUSED_LOCAL, "vm-policy", "this host keeps "
                        "a policy for the guest, which comes without one");
    else
        incoming_accept(in);
}

static void have_config(void *ctx, int err)
{
    struct incoming *in = ctx;
    char name[FRAME_NAME_MAX + 1];
    struct decision_question q;
    uint8_t uuid[16];

    /* Until here these are the sender's claims. */
    memcpy(uuid, in->facts.uuid, sizeof(uuid));
    strcpy(name, in->facts.name);
    if (!err)
        err = facts_config(&in->facts, in->run.data, in->run.len);
    run_clear(&in->run);
    if (in->watch.fd < 0) {
        incoming_maybe_free(in);
        return;
    }
    if (err) {
        strcpy(in->facts.name, name);
        if (err == SM_XEN_VERSION)
            incoming_refuse(in, err, "xen-version", FACTS_NO_VERSION,
                            parent.conf.name);
        else
            incoming_refuse(in, err, "config", "the domain config cannot be "
                            "read: %s", sm_err_text(err));
        return;
    }
    if (memcmp(uuid, in->facts.uuid, sizeof(uuid)) ||
        strcmp(name, in->facts.name)) {
        incoming_refuse(in, SM_PROTOCOL, "config", "the request and its "
                        "config name different guests");
        return;
    }
    question(in, &q);
    err = decision_start(&in->decision, &q, judged, in);
    if (err)
        incoming_refuse(in, err, "judge", "cannot start the process that "
                        "decides: %s", sm_err_text(err));
}

/* ---- the peer ---- */

/* Its channel's end follows. */
void incoming_too_slow(void *ctx)
{
    struct incoming *in = ctx;

    spawn_kill(&in->peer, SIGKILL);
}

void incoming_evict(struct incoming *in)
{
    in->evicted = true;
    spawn_kill(&in->peer, SIGKILL);
}

/* It is judged with the request. */
static void on_evidence(struct incoming *in, struct sm_wire_reader *r)
{
    if (decision_shown(&in->other, r))
        r->error = SM_PROTOCOL;
}

static void on_quote(struct incoming *in, struct sm_wire_reader *r)
{
    prove(&in->prove, SM_ATTEST_RESPONDER, in->other.name, &in->watch, r);
}

/* It was let in for an answer alone. */
static void brings_no_guest(struct incoming *in)
{
    const struct decision_answer *answer = &in->decision.answer;
    char text[SM_MESSAGE_TEXT_MAX + 1];

    if (in->stranger) {
        incoming_refuse(in, answer->code, "", "%s", answer->told[0] ?
                        answer->told : sm_err_text(answer->code));
        return;
    }
    incoming_too_classic(in, text);
    incoming_refuse(in, SM_REFUSED_LOCAL, "", "%s", text);
}

static void on_request(struct incoming *in, struct sm_wire_reader *r)
{
    static const char *const args[] = { "config", NULL };
    size_t len;
    int rc;

    sm_wire_get_bytes(r, in->facts.uuid, sizeof(in->facts.uuid));
    sm_wire_get_u64(r);         /* memory: the config's word counts */
    in->flags = sm_wire_get_u32(r);
    sm_xen_version_get(r, &in->xen);
    sm_xen_features_get(r, &in->features);
    sm_wire_get_bytes(r, in->handover_id, sizeof(in->handover_id));
    sm_wire_get_bytes(r, in->epoch, sizeof(in->epoch));
    in->sequence = sm_wire_get_u64(r);
    sm_wire_get_str(r, in->facts.name, sizeof(in->facts.name));
    sm_wire_get_str(r, in->by, sizeof(in->by));
    if (sm_wire_end(r))
        return;
    clean_by(in->by);
    in->config = ipc_take_fd(&message, 0);
    in->papers = ipc_take_fd(&message, 1);
    if (ipc_memfd_check(in->config, FRAME_CONFIG_MAX, &len) ||
        ipc_memfd_check(in->papers, SM_PAPERS_MAX, &len)) {
        r->error = SM_PROTOCOL;
        return;
    }
    in->state = IN_CHECK;
    loop_disarm(&in->timer);    /* from here on the work is ours */
    if (in->owed) {             /* as if it had been turned away before */
        brings_no_guest(in);
        return;
    }
    if (incoming_count() > parent.conf.max_incoming) {
        incoming_refuse(in, SM_BUSY, "", "%d guests are arriving already "
                        "(max-incoming)", parent.conf.max_incoming);
        return;
    }
    rc = run_start(&in->run, &parent.conf.facts, args, in->config,
                   FACTS_OUTPUT_MAX, parent.conf.answer_timeout, have_config,
                   in);
    if (rc)
        incoming_refuse(in, rc, "", "cannot run secmig-xl: %s",
                        sm_err_text(rc));
}

static void on_end(struct incoming *in, struct sm_wire_reader *r)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    int code = sm_err_from_code(sm_wire_get_u16(r));
    uint64_t received;

    sm_wire_get_str(r, text, sizeof(text));
    sm_wire_get_u64(r);
    received = sm_wire_get_u64(r);
    if (sm_wire_end(r))
        return;
    if (in->state >= IN_WAIT || incoming_may_log())
        sm_info("in-%lu: from=%s connection ended: code=%d received=%llu "
                "text=\"%s\"", in->id, in->from, -code,
                (unsigned long long)received, SM_LOG_TEXT(text));
    handover_lost(in, code ? code : SM_LINK, text[0] ? text :
                  "the other host has ended the conversation");
}

static int count_settling(void)
{
    const struct incoming *in;
    int n = 0;

    for (in = incoming_first; in; in = in->next)
        n += in->state == IN_SETTLE && !in->evicted;
    return n;
}

/* A host needs one connection for all of its handovers: the last one. */
static void end_older(const struct incoming *in)
{
    struct incoming *other;

    for (other = incoming_first; other; other = other->next)
        if (other != in && other->state == IN_SETTLE && !other->evicted &&
            !memcmp(other->other.key, in->other.key, sizeof(in->other.key)))
            incoming_evict(other);
}

static void on_handover(struct incoming *in, struct sm_wire_reader *r)
{
    if (in->state == IN_WAIT) {
        end_older(in);
        if (count_settling() >= SETTLING_MAX) {
            spawn_kill(&in->peer, SIGKILL);
            r->pos = r->len;
            return;
        }
        in->state = IN_SETTLE;
        sm_info("in-%lu: from=%s has come to settle what is open", in->id,
                in->other.name);
    }
    if (in->state == IN_SETTLE)
        loop_arm(&in->timer, SETTLE_TIME, incoming_too_slow, in);
    incoming_heard(in, r);
}

/* Each is safe though a hostile peer process may send it: NEED_KEY has the
 * key released, which a message 1 of anybody's does; KEY, EVIDENCE and
 * REQUEST only start checks that hold whatever the claims are (a peer that
 * has been taken over may pose as any paired host: docs/architecture.md);
 * QUOTE costs one use of the TPM, END only says that it will do no more.  A
 * HANDOVER speaks of migrations with the host that it has shown the key of:
 * docs/handover.md says what a peer that lies can do with it. */
static const struct {
    enum ipc_type type;
    unsigned int states;        /* bit (1 << state) */
    size_t n_fds;
    void (*handle)(struct incoming *in, struct sm_wire_reader *r);
} from_peer[] = {
    { IPC_PEER_NEED_KEY, 1u << IN_SILENT, 0, incoming_needs_key },
    { IPC_PEER_KEY,     1u << IN_STRANGER, 0, incoming_meets },
    { IPC_PEER_EVIDENCE, 1u << IN_WAIT, 0, on_evidence },
    { IPC_PEER_QUOTE,   1u << IN_WAIT, 0, on_quote },
    { IPC_PEER_REQUEST, 1u << IN_WAIT, 2, on_request },
    { IPC_PEER_HANDOVER, 1u << IN_WAIT | 1u << IN_SETTLE | 1u << IN_MOVE, 0,
      on_handover },
    { IPC_PEER_END,     ~0u, 0, on_end },
};

/* The peer has gone; with it its ends of xl's pipes. */
static void peer_gone(struct incoming *in)
{
    loop_close(&in->watch);
    loop_disarm(&in->timer);
    handover_lost(in, SM_LINK, "the connection has gone");
    incoming_maybe_free(in);
}

static void on_peer(void *ctx, short revents)
{
    struct incoming *in = ctx;
    struct sm_wire_reader r;
    size_t i;
    int rc;

    (void)revents;
    rc = ipc_recv(in->watch.fd, &message);
    if (rc == SM_BUSY)
        return;
    if (rc) {
        peer_gone(in);
        return;
    }
    sm_wire_reader_init(&r, message.body, message.len);
    for (i = 0; i < sizeof(from_peer) / sizeof(from_peer[0]); i++)
        if (from_peer[i].type == message.type &&
            from_peer[i].n_fds == message.n_fds &&
            (from_peer[i].states & 1u << in->state))
            break;
    if (i < sizeof(from_peer) / sizeof(from_peer[0]))
        from_peer[i].handle(in, &r);
    else
        r.error = SM_PROTOCOL;
    ipc_close_fds(&message);
    if (sm_wire_end(&r)) {
        sm_error("in-%lu: the peer process broke the rules", in->id);
        spawn_kill(&in->peer, SIGKILL);
        peer_gone(in);
    }
}

static void peer_ended(void *ctx, int status)
{
    struct incoming *in = ctx;

    if (status && !in->evicted &&
        (in->state >= IN_WAIT || incoming_may_log()))
        sm_warning("in-%lu: the peer process ended: %s", in->id,
                   spawn_status_text(status));
}

/* From here on the connection is the peer's. */
static int start_peer(struct incoming *in, int connection)
{
    int rc, channel;
    struct sm_wire_writer w;

    rc = spawn_role(&in->peer, "peer", &channel, peer_ended, in);
    if (rc)
        return rc;
    loop_watch(&in->watch, channel, POLLIN, on_peer, in);
    loop_arm(&in->timer, 2 * parent.conf.handshake_timeout,
             incoming_too_slow, in);
    sm_wire_writer_init(&w, IPC_MAX);
    if (parent.conf.demand_attestation ||
        sm_policy_wants_attestation(parent.policy, SM_POLICY_MIGRATE_IN))
        decision_demand(&in->other);
    sm_wire_put_u8(&w, (uint8_t)(parent_post_quantum() |
                                 (in->other.demanded ? PEER_DEMAND : 0)));
    sm_wire_put_str(&w, "");
    sm_wire_put_bytes(&w, in->other.nonce, sizeof(in->other.nonce));
    rc = ipc_send(channel, IPC_PEER_START, &w, &connection, 1);
    sm_wire_writer_dispose(&w);
    return rc;
}

void incoming_new(int fd, const char *from)
{
    const char *problem = incoming_not_now();
    struct incoming *in;

    if (problem) {
        if (incoming_may_log())
            sm_warning("connection from %s closed: %s", from, problem);
        close(fd);
        return;
    }
    in = calloc(1, sizeof(*in));
    if (!in) {
        sm_error("cannot serve %s: %s", from, sm_err_text(SM_NO_MEMORY));
        close(fd);
        return;
    }
    in->id = ++parent.last_id;
    in->since = sm_clock_now_ms();
    snprintf(in->from, sizeof(in->from), "%s", from);
    in->config = in->papers = in->watch.fd = -1;
    receive_init(&in->receive);
    in->next = incoming_first;
    incoming_first = in;
    if (start_peer(in, fd)) {
        sm_error("cannot serve %s: no peer process", from);
        incoming_free(in);
    }
    close(fd);
}
