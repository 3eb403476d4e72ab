/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parent says to the peer. */
#include "peer/peer.h"

#include <string.h>
#include <unistd.h>

#include "roles.h"

static struct ipc_message message;      /* the one being handled */

static void parent_request(struct peer *p, struct sm_wire_reader *r)
{
    sm_wire_get_bytes(r, p->request.uuid, sizeof(p->request.uuid));
    p->request.version = SM_MESSAGE_VERSION;
    p->request.memory_kb = sm_wire_get_u64(r);
    p->request.flags = sm_wire_get_u32(r);
    sm_xen_version_get(r, &p->request.xen);
    sm_xen_features_get(r, &p->request.features);
    sm_wire_get_bytes(r, p->request.id, sizeof(p->request.id));
    sm_wire_get_bytes(r, p->request.epoch, sizeof(p->request.epoch));
    p->request.sequence = sm_wire_get_u64(r);
    sm_wire_get_str(r, p->request.name, sizeof(p->request.name));
    sm_wire_get_str(r, p->request.operator, sizeof(p->request.operator));
    if (message.n_fds != 2 || p->have_request ||
        ipc_memfd_read(message.fds[0], SM_MESSAGE_CONFIG_MAX, &p->config,
                       &p->request.config_len) ||
        ipc_memfd_read(message.fds[1], SM_PAPERS_MAX, &p->papers,
                       &p->request.papers_len))
        r->error = SM_PROTOCOL;
    p->request.config = p->config;
    p->request.papers = p->papers;
    p->have_request = true;
}

static void parent_key_is(struct peer *p, struct sm_wire_reader *r)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    int code = sm_err_from_code(sm_wire_get_u16(r));

    sm_wire_get_str(r, text, sizeof(text));
    if (code) {
        if (p->initiator)
            peer_end(p, code, "%s", text);
        else
            peer_refuse(p, code, "", text);
        return;
    }
    peer_handshake_go_on(p);
    if (p->phase == PEER_KEY)
        peer_prove_start(p);
}

/* The destination's decision. */
static void parent_answer(struct peer *p, struct sm_wire_reader *r)
{
    struct sm_message m = { .type = SM_MESSAGE_ACCEPT };
    char text[SM_MESSAGE_TEXT_MAX + 1];
    int code = sm_err_from_code(sm_wire_get_u16(r));

    sm_wire_get_str(r, m.u.accept.rule, sizeof(m.u.accept.rule));
    sm_wire_get_str(r, text, sizeof(text));
    if (code) {
        peer_refuse(p, code, m.u.accept.rule, text);
        return;
    }
    if (message.n_fds != 1 || link_put_message(p->link, &m, 0)) {
        peer_end(p, SM_FAIL, "cannot send ACCEPT");
        return;
    }
    p->state = sm_message_after(SM_MESSAGE_DESTINATION, p->state,
                                SM_MESSAGE_ACCEPT);
    peer_pump_start(p, ipc_take_fd(&message, 0));
}

/* Accepted over there: the stream begins. */
static void parent_stream(struct peer *p, struct sm_wire_reader *r)
{
    if (message.n_fds == (p->phase == PEER_OPEN ? 1 : 0)) {
        if (p->phase == PEER_OPEN)
            peer_pump_start(p, ipc_take_fd(&message, 0));
        else
            peer_pump_close(p);     /* no more of it: xl is to let go */
    } else {
        r->error = SM_PROTOCOL;
    }
}

/* The last word, of who has it. */
static void parent_done(struct peer *p, struct sm_wire_reader *r)
{
    struct sm_message m = { .type = SM_MESSAGE_DONE };
    int rc;

    m.u.done.code = sm_wire_get_u16(r);
    sm_wire_get_str(r, m.u.done.text, sizeof(m.u.done.text));
    if (!sm_message_permitted(peer_role(p), p->state, m.type))
        r->error = SM_PROTOCOL;
    if (sm_wire_end(r))
        return;
    rc = link_put_message(p->link, &m, SM_RECORD_FINAL);
    if (rc)
        peer_end(p, rc, "cannot send DONE: %s", sm_err_text(rc));
    else
        peer_end(p, sm_err_from_code(m.u.done.code), "%s", m.u.done.text);
}

static void cancel(struct peer *p, int code, struct sm_wire_reader *r)
{
    struct sm_message m = { .type = SM_MESSAGE_CANCEL };

    m.u.cancel.code = (uint16_t)-code;
    sm_wire_get_str(r, m.u.cancel.text, sizeof(m.u.cancel.text));
    if (p->initiator && link_records(p->link) &&
        sm_message_permitted(SM_MESSAGE_SOURCE, p->state, m.type) &&
        link_put_message(p->link, &m, SM_RECORD_FINAL))
        p->done = true;
    peer_end(p, code ? code : SM_CANCELLED, "%s", m.u.cancel.text);
}

static void parent_cancel(struct peer *p, struct sm_wire_reader *r)
{
    cancel(p, sm_err_from_code(sm_wire_get_u16(r)), r);
}

/* The source's word on the destination's evidence. */
static void parent_evidence_is(struct peer *p, struct sm_wire_reader *r)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    int code = sm_err_from_code(sm_wire_get_u16(r));

    if (!p->initiator || !p->heard || p->judged) {
        r->error = SM_PROTOCOL;
    } else if (code) {
        cancel(p, code, r);
    } else {
        sm_wire_get_str(r, text, sizeof(text));
        p->judged = true;
        peer_prove_go_on(p);
    }
}

/* What a handshake takes from us, and who answers for the static key. */
static void parent_keeper(struct peer *p, struct sm_wire_reader *r)
{
    const uint8_t *certificate;

    sm_wire_get_bytes(r, p->own_public, sizeof(p->own_public));
    sm_wire_get_blob(r, sizeof(p->certificate.bytes), &certificate,
                     &p->certificate.len);
    if (message.n_fds != 1 || sm_wire_end(r)) {
        r->error = SM_PROTOCOL;
        return;
    }
    memcpy(p->certificate.bytes, certificate, p->certificate.len);
    p->keeper = ipc_take_fd(&message, 0);
    peer_handshake_keeper(p);
}

/* What the parent may say, when. */
static const struct {
    enum ipc_type type;
    unsigned int phases;        /* bit (1 << phase) */
    void (*handle)(struct peer *p, struct sm_wire_reader *r);
} from_parent[] = {
    { IPC_PEER_KEEPER,      1u << PEER_KEEPER, parent_keeper },
    { IPC_PEER_REQUEST,     1u << PEER_HANDSHAKE | 1u << PEER_KEY |
                            1u << PEER_PROVE, parent_request },
    { IPC_PEER_KEY_IS,      1u << PEER_KEY, parent_key_is },
    { IPC_PEER_QUOTE_IS,    1u << PEER_PROVE, peer_prove_quote },
    { IPC_PEER_EVIDENCE_IS, 1u << PEER_PROVE, parent_evidence_is },
    { IPC_PEER_ANSWER,      1u << PEER_ANSWER, parent_answer },
    { IPC_PEER_STREAM,      1u << PEER_OPEN | 1u << PEER_MOVE, parent_stream },
    { IPC_PEER_HANDOVER,    1u << PEER_OPEN | 1u << PEER_MOVE |
                            1u << PEER_SETTLING, peer_handover_say },
    { IPC_PEER_DONE,        1u << PEER_MOVE | 1u << PEER_SETTLING,
      parent_done },
    { IPC_PEER_CANCEL,      ~0u, parent_cancel },
};

static void from_parent_one(struct peer *p, struct sm_wire_reader *r)
{
    size_t i;

    for (i = 0; i < sizeof(from_parent) / sizeof(from_parent[0]); i++) {
        if (from_parent[i].type == message.type &&
            (from_parent[i].phases & 1u << p->phase)) {
            from_parent[i].handle(p, r);
            return;
        }
    }
    r->error = SM_PROTOCOL;
}

void peer_hear_parent(struct peer *p)
{
    struct sm_wire_reader r;
    int rc;

    rc = ipc_recv(ROLE_CHANNEL, &message);
    if (rc) {               /* the parent has gone: nothing is left to do */
        p->done = true;
        return;
    }
    sm_wire_reader_init(&r, message.body, message.len);
    if (p->phase == PEER_CLOSING)       /* it crossed the end */
        r.pos = r.len;
    else
        from_parent_one(p, &r);
    if (sm_wire_end(&r))
        p->done = true;     /* not our parent's language */
    ipc_close_fds(&message);
}
