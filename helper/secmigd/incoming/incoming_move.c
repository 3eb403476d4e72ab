/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What joins an incoming connection with handovers: its own guest's, or those
 * that the other host has come to settle. */
#include "incoming/incoming.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/frame.h"
#include "base/log.h"
#include "parent/parent.h"
#include "state/vm_policy.h"

/* ---- what the handover wants ---- */

static int say(void *ctx, const struct sm_message_handover *m)
{
    struct incoming *in = ctx;

    return handover_send(in->watch.fd, m);
}

static void let_go(void *ctx, int code, const char *text)
{
    struct incoming *in = ctx;

    (void)code;
    (void)text;
    if (receive_active(&in->receive))
        receive_kill(&in->receive);     /* incoming_xl_ended() follows */
    else
        handover_let_go(in->handover);
}

static void decided(void *ctx, enum sm_handover_state state, int code,
                    const char *text)
{
    struct incoming *in = ctx;
    bool ok = state == SM_HANDOVER_ACCEPTED;

    in->verdict = ok ? 0 : code ? code : SM_FAIL;
    sm_log(ok ? SM_LOG_NOTICE : SM_LOG_WARNING,
           "in-%lu: vm=%s from=%s result=%s code=%d rule=%s text=\"%s\"",
           in->id, SM_LOG_WORD(in->facts.name), in->other.name,
           ok ? "moved" : "failed", -code, in->rule,
           ok ? "the guest is this host's" : SM_LOG_TEXT(text));
}

/* The last word has been said. */
static void closed(void *ctx)
{
    struct incoming *in = ctx;

    in->handover = NULL;
    if (in->state != IN_MOVE || in->watch.fd < 0)
        return;
    if (ipc_send_code(in->watch.fd, IPC_PEER_DONE, in->verdict, ""))
        spawn_kill(&in->peer, SIGKILL);
}

/* ---- beginning ---- */

int incoming_begin(struct incoming *in)
{
    const struct handover_events events = {
        .say = say, .let_go = let_go, .decided = decided, .closed = closed,
        .ctx = in,
    };
    struct sm_handover_record first = {
        .state = SM_HANDOVER_LOADING, .domid = UINT32_MAX,
        .peer_sequence = in->sequence,
    };
    int rc;

    if (in->flags & FRAME_LEAVE_PAUSED)
        first.flags |= SM_HANDOVER_LEAVE_PAUSED;
    if (in->flags & FRAME_WEAK_HANDOVER)
        first.flags |= SM_HANDOVER_WEAK;
    /* It is about to be put into the store, and to go again if the guest does
     * not stay. */
    if (in->decision.answer.vm_version && !vm_policy_here(in->facts.uuid))
        first.flags |= SM_HANDOVER_KEPT_POLICY;
    memcpy(first.id, in->handover_id, sizeof(first.id));
    memcpy(first.uuid, in->facts.uuid, sizeof(first.uuid));
    snprintf(first.name, sizeof(first.name), "%s", in->facts.name);
    snprintf(first.peer, sizeof(first.peer), "%s", in->other.name);
    memcpy(first.peer_key, in->other.key, sizeof(first.peer_key));
    memcpy(first.peer_epoch, in->epoch, sizeof(first.peer_epoch));
    snprintf(first.by, sizeof(first.by), "%.*s", SM_HANDOVER_BY_MAX, in->by);
    rc = handover_begin(&first, &events, &in->handover);
    if (rc == SM_BUSY)
        incoming_refuse(in, rc, in->rule, "too much is not settled yet of "
                        "this guest, or with %s (see secmig handover list)",
                        in->other.name);
    else if (rc)
        incoming_refuse(in, rc, in->rule, "the migration cannot be written "
                        "down in the journal of %s: %s", parent.conf.name,
                        sm_err_text(rc));
    return rc;
}

/* ---- xl ---- */

void incoming_xl_ended(void *ctx, enum receive_end how, int status)
{
    struct incoming *in = ctx;
    char text[SM_MESSAGE_TEXT_MAX + 1];
    bool early = in->state == IN_XL;    /* it has not taken the guest */

    loop_disarm(&in->timer);
    if (how == RECEIVE_COMPLETE && !early) {
        if (in->handover)
            handover_complete(in->handover);
        incoming_maybe_free(in);
        return;
    }
    if (how == RECEIVE_HELD)
        snprintf(text, sizeof(text), "receive-command on %s has to exec xl: "
                 "it has ended, and something that it has started still "
                 "reads its input (see secmigd.conf(5))", parent.conf.name);
    else
        snprintf(text, sizeof(text), "xl migrate-receive on %s failed (%s); "
                 "its log says why", parent.conf.name,
                 spawn_status_text(status));
    if (in->handover && handover_stoppable(in->handover)) {
        sm_warning("in-%lu: vm=%s from=%s: %s", in->id,
                   SM_LOG_WORD(in->facts.name), in->other.name, text);
        handover_stop(in->handover, SM_XL, text);
    }
    if (in->handover)
        handover_let_go(in->handover);
    if (early && !in->refused && in->watch.fd >= 0)
        incoming_refuse(in, SM_XL, in->rule, "%s", text);
    incoming_maybe_free(in);
}

/* ---- the peer ---- */

void incoming_heard(struct incoming *in, struct sm_wire_reader *r)
{
    const struct handover_from from = {
        .peer = in->stranger ? "" : in->other.name, .key = in->other.key,
        .source = true, .since = in->met, .say = say, .ctx = in,
    };

    if (!handover_hear(&from, &in->pace, r)) {
        sm_warning("in-%lu: from=%s says too much about handovers", in->id,
                   in->other.name);
        spawn_kill(&in->peer, SIGKILL);
    }
}

void incoming_move_clear(struct incoming *in)
{
    handover_lost(in, SM_LINK, "the session has ended");
    if (in->handover)
        handover_detach(in->handover);
    in->handover = NULL;
}
