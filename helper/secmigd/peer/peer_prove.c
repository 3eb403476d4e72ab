/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evidence: what either side has demanded in the handshake (docs/protocol.md,
 * section 5).  The peer carries it; the TPM is another process's, and what
 * evidence is worth the parent judges.
 *
 * A quote is made only for a host whose key has been accepted.  The source
 * asks only when nothing is owed and the parent is content with what the
 * destination has shown.
 */
#include "peer/peer.h"

#include "roles.h"

/* Our own evidence is due: the parent has it made. */
static int ask_quote(struct peer *p)
{
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_bytes(&w, p->theirs.nonce, sizeof(p->theirs.nonce));
    sm_wire_put_bytes(&w, p->hash, sizeof(p->hash));
    rc = ipc_send(ROLE_CHANNEL, IPC_PEER_QUOTE, &w, NULL, 0);
    sm_wire_writer_dispose(&w);
    return rc;
}

void peer_prove_start(struct peer *p)
{
    const struct sm_hello_demand *of_source = p->initiator ? &p->theirs :
                                              &p->ours;
    const struct sm_hello_demand *of_destination = p->initiator ? &p->ours :
                                                   &p->theirs;

    p->state = sm_message_begin(of_source->made, of_destination->made);
    if (p->settles) {           /* brings no guest: nothing to prove */
        peer_handover_start(p);
        return;
    }
    /* Whichever side has the slower TPM. */
    peer_enter(p, PEER_PROVE, (int64_t)p->conf->answer_timeout +
               p->conf->tpm_timeout);
    if (p->theirs.made && ask_quote(p))
        p->done = true;             /* the parent has gone */
    else
        peer_prove_go_on(p);
}

void peer_prove_quote(struct peer *p, struct sm_wire_reader *r)
{
    struct sm_message m = { .type = SM_MESSAGE_EVIDENCE };
    int rc;

    sm_wire_get_blob(r, SM_MESSAGE_EVIDENCE_MAX, &m.u.evidence.evidence,
                     &m.u.evidence.len);
    sm_wire_get_str(r, m.u.evidence.why, sizeof(m.u.evidence.why));
    if (!p->theirs.made || p->quoted)
        r->error = SM_PROTOCOL;
    if (sm_wire_end(r))
        return;
    p->quoted = true;
    rc = link_put_message(p->link, &m, 0);
    if (rc) {
        peer_end(p, rc, "cannot send EVIDENCE: %s", sm_err_text(rc));
        return;
    }
    p->state = sm_message_after(peer_role(p), p->state, m.type);
    peer_prove_go_on(p);
}

void peer_prove_heard(struct peer *p, const struct sm_message_evidence *e)
{
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_bytes(&w, p->hash, sizeof(p->hash));
    sm_wire_put_blob(&w, e->evidence, e->len);
    sm_wire_put_str(&w, e->why);
    rc = ipc_send(ROLE_CHANNEL, IPC_PEER_EVIDENCE, &w, NULL, 0);
    sm_wire_writer_dispose(&w);
    if (rc) {
        p->done = true;
        return;
    }
    p->heard = true;
    /* The destination's parent keeps it until the guest is known. */
    p->judged = !p->initiator;
    peer_prove_go_on(p);
}

void peer_prove_go_on(struct peer *p)
{
    if (p->phase == PEER_PROVE && p->state == SM_MESSAGE_OPEN &&
        (!p->ours.made || p->judged))
        peer_ask(p);
}
