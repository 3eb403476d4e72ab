/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The conversation: what the other side says, and asking it for a place. */
#include "peer/peer.h"

#include <stdio.h>
#include <unistd.h>

#include "roles.h"

/* ---- the source's side of the conversation ---- */

static void send_request(struct peer *p)
{
    struct sm_message m = { .type = SM_MESSAGE_REQUEST };
    int rc;

    m.u.request = p->request;
    rc = link_put_message(p->link, &m, 0);
    if (rc) {
        peer_end(p, rc, "cannot send REQUEST: %s", sm_err_text(rc));
        return;
    }
    p->state = sm_message_after(SM_MESSAGE_SOURCE, p->state,
                                SM_MESSAGE_REQUEST);
    peer_enter(p, PEER_ANSWER, p->conf->answer_timeout);
}

void peer_ask(struct peer *p)
{
    peer_enter(p, PEER_ASK, p->conf->answer_timeout);
    if (p->initiator && p->have_request)
        send_request(p);
}

static void tell_answer(struct peer *p, int code, const char *rule,
                        const char *text)
{
    if (ipc_send_answer(ROLE_CHANNEL, IPC_PEER_ANSWER, code, rule, text, -1))
        p->done = true;
}

/* A refusal keeps its class, seen from this side. */
static int remote_code(unsigned int code)
{
    int err = sm_err_from_code(code);

    return err == SM_REFUSED_LOCAL || err == SM_OK || err == SM_FAIL ?
           SM_REFUSED_REMOTE : err;
}

static void on_refuse(struct peer *p, const struct sm_message_refuse *r)
{
    int code = remote_code(r->code);

    if (!p->settles)            /* nothing was asked, then */
        tell_answer(p, code, r->rule, r->text);
    peer_end(p, code, "%s", r->text);
}

/* ---- the destination's side ---- */

static void on_request(struct peer *p, const struct sm_message_request *r)
{
    int rc, fds[2] = { -1, -1 };
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, IPC_MAX);
    rc = fds[0] = ipc_memfd(r->config, r->config_len);
    if (rc >= 0)
        rc = fds[1] = ipc_memfd(r->papers, r->papers_len);
    if (rc >= 0) {
        sm_wire_put_bytes(&w, r->uuid, sizeof(r->uuid));
        sm_wire_put_u64(&w, r->memory_kb);
        sm_wire_put_u32(&w, r->flags);
        sm_xen_version_put(&w, &r->xen);
        sm_xen_features_put(&w, &r->features);
        sm_wire_put_bytes(&w, r->id, sizeof(r->id));
        sm_wire_put_bytes(&w, r->epoch, sizeof(r->epoch));
        sm_wire_put_u64(&w, r->sequence);
        sm_wire_put_str(&w, r->name);
        sm_wire_put_str(&w, r->operator);
        rc = ipc_send(ROLE_CHANNEL, IPC_PEER_REQUEST, &w, fds, 2);
    }
    if (fds[0] >= 0)
        close(fds[0]);
    if (fds[1] >= 0)
        close(fds[1]);
    sm_wire_writer_dispose(&w);
    if (rc)
        peer_end(p, rc, "cannot pass on the request: %s", sm_err_text(rc));
    else
        peer_enter(p, PEER_ANSWER, p->conf->answer_timeout);
}

void peer_refuse(struct peer *p, int code, const char *rule,
                 const char *text)
{
    struct sm_message m = { .type = SM_MESSAGE_REFUSE };

    m.u.refuse.code = (uint16_t)-code;
    snprintf(m.u.refuse.rule, sizeof(m.u.refuse.rule), "%s", rule);
    snprintf(m.u.refuse.text, sizeof(m.u.refuse.text), "%s", text);
    if (link_put_message(p->link, &m, SM_RECORD_FINAL))
        p->done = true;
    peer_end(p, code, "%s", text);
}

/* ---- messages from the other side ---- */

static void on_message(struct peer *p, const struct sm_message *m)
{
    enum sm_message_role sender = p->initiator ? SM_MESSAGE_DESTINATION :
                                  SM_MESSAGE_SOURCE;

    p->state = sm_message_after(sender, p->state, m->type);
    switch (m->type) {
    case SM_MESSAGE_REQUEST:
        on_request(p, &m->u.request);
        break;
    case SM_MESSAGE_ACCEPT:
        tell_answer(p, 0, m->u.accept.rule, "");
        peer_enter(p, PEER_OPEN, p->conf->answer_timeout);
        break;
    case SM_MESSAGE_REFUSE:
        on_refuse(p, &m->u.refuse);
        break;
    case SM_MESSAGE_CANCEL:
        peer_end(p, SM_CANCELLED, "cancelled by %s: %s", p->other,
                 m->u.cancel.text);
        break;
    case SM_MESSAGE_DONE:
        peer_end(p, m->u.done.code ? remote_code(m->u.done.code) : SM_OK,
                 "%s", m->u.done.text);
        break;
    case SM_MESSAGE_EVIDENCE:
        peer_prove_heard(p, &m->u.evidence);
        break;
    case SM_MESSAGE_HANDOVER:
        peer_handover_heard(p, &m->u.handover);
        break;
    case SM_MESSAGE_KEEPALIVE:
        break;
    }
}

void peer_control(struct peer *p, const uint8_t *data, size_t len,
                  bool final)
{
    struct sm_message m;
    bool ready = true;
    int rc = 0;

    while (!rc && ready && p->phase != PEER_CLOSING) {
        rc = sm_message_reader_next(&p->reader, p->state, &data, &len, &m,
                                    &ready);
        if (!rc && ready)
            on_message(p, &m);
        if (!len)
            break;
    }
    if (rc)
        peer_end(p, rc, "%s sent a message that is malformed or out of "
                 "turn", p->other);
    else if (final && p->phase != PEER_CLOSING)
        peer_end(p, SM_PROTOCOL, "%s ended the conversation early",
                 p->other);
}
