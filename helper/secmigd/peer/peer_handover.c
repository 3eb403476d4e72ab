/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handover messages, between the parents of both hosts.  What they say is not
 * the peer's business, but for their form, which its reader has checked, and
 * for who may say what when.
 */
#include "peer/peer.h"

#include "base/clock.h"
#include "roles.h"

/* A conversation that settles lives on what is said in it. */
static void spoken(struct peer *p)
{
    if (p->phase == PEER_SETTLING)
        peer_enter(p, PEER_SETTLING, PEER_SETTLE_TIME);
}

/* The other host may take its time over our key, and hears nothing then. */
void peer_handover_start(struct peer *p)
{
    p->listening = sm_clock_deadline(p->conf->answer_timeout);
    peer_enter(p, PEER_SETTLING, PEER_SETTLE_TIME);
}

/* The parent's. */
void peer_handover_say(struct peer *p, struct sm_wire_reader *r)
{
    enum sm_message_role role = peer_role(p);
    struct sm_message m = { .type = SM_MESSAGE_HANDOVER };
    int rc;

    sm_message_handover_get(r, &m.u.handover);
    if (!sm_message_permitted(role, p->state, m.type) ||
        !sm_message_may_say(role, m.u.handover.fact))
        r->error = SM_PROTOCOL;
    if (sm_wire_end(r))
        return;
    rc = link_put_message(p->link, &m, 0);
    if (rc)
        peer_end(p, rc, "cannot send HANDOVER: %s", sm_err_text(rc));
    else
        p->state = sm_message_after(role, p->state, m.type);
    spoken(p);
}

/* The other side's. */
void peer_handover_heard(struct peer *p, const struct sm_message_handover *h)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_message_handover_put(&w, h);
    if (ipc_send(ROLE_CHANNEL, IPC_PEER_HANDOVER, &w, NULL, 0))
        p->done = true;             /* nobody to tell */
    sm_wire_writer_dispose(&w);
    if (p->phase == PEER_PROVE || p->phase == PEER_ASK)
        peer_enter(p, PEER_SETTLING, PEER_SETTLE_TIME);
    p->listening = sm_clock_now_ms();
    spoken(p);
}
