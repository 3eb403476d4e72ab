/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An outgoing migration once it is accepted: the stream, and what joins the
 * session with its handover. */
#include "outgoing/outgoing.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/frame.h"
#include "base/log.h"
#include "parent/parent.h"

#define PIPE_BYTES (1024 * 1024)

/* ---- what the handover wants ---- */

static int say(void *ctx, const struct sm_message_handover *m)
{
    struct outgoing *o = ctx;

    return handover_send(o->dial.peer_watch.fd, m);
}

/* xl may go on: it waits for this before it hands over. */
static void ready(void *ctx)
{
    struct outgoing *o = ctx;

    if (o->control_watch.fd >= 0 &&
        ipc_send(o->control_watch.fd, IPC_CLIENT_READY, NULL, NULL, 0))
        sm_debug("out-%lu: client gone before READY", o->id);
}

/* xl notices by its stream.  Its CANCEL follows, or its end. */
static void let_go(void *ctx, int code, const char *text)
{
    struct outgoing *o = ctx;

    sm_warning("out-%lu: vm=%s to=%s is given up: code=%d text=\"%s\"", o->id,
               SM_LOG_WORD(o->facts.name), o->host, -code, SM_LOG_TEXT(text));
    loop_close(&o->stream);
    if (o->dial.peer_watch.fd >= 0 &&
        ipc_send(o->dial.peer_watch.fd, IPC_PEER_STREAM, NULL, NULL, 0))
        spawn_kill(&o->dial.peer, SIGKILL);
    /* The transport of an unpatched xl ends before xl does, and has no other
     * moment to hear why. */
    if (o->flags & FRAME_WEAK_HANDOVER)
        outgoing_finish(o, code ? code : SM_FAIL, "", "%s", text);
}

static void in_doubt(void *ctx, const char *text)
{
    struct outgoing *o = ctx;

    outgoing_finish(o, SM_IN_DOUBT, "", "%s", text);
}

static void decided(void *ctx, enum sm_handover_state state, int code,
                    const char *text)
{
    struct outgoing *o = ctx;

    if (state == SM_HANDOVER_DONE)
        outgoing_finish(o, 0, "", "%s runs on %s", o->facts.name, o->host);
    else
        outgoing_finish(o, code ? code : SM_FAIL, "", "%s", text);
}

static void closed(void *ctx)
{
    struct outgoing *o = ctx;

    o->handover = NULL;
}

/* ---- beginning ---- */

static int begin(struct outgoing *o)
{
    const struct handover_events events = {
        .say = say, .ready = ready, .let_go = let_go, .in_doubt = in_doubt,
        .decided = decided, .closed = closed, .ctx = o,
    };
    struct sm_handover_record first = {
        .state = SM_HANDOVER_SENDING, .domid = o->domid,
        .holder = o->pid > 0 ? o->pid : 0,
    };

    if (o->flags & FRAME_LEAVE_PAUSED)
        first.flags |= SM_HANDOVER_LEAVE_PAUSED;
    if (o->flags & FRAME_WEAK_HANDOVER)
        first.flags |= SM_HANDOVER_WEAK;
    memcpy(first.id, o->handover_id, sizeof(first.id));
    memcpy(first.uuid, o->facts.uuid, sizeof(first.uuid));
    snprintf(first.name, sizeof(first.name), "%s", o->facts.name);
    snprintf(first.peer, sizeof(first.peer), "%s", o->host);
    memcpy(first.peer_key, o->dial.other.key, sizeof(first.peer_key));
    snprintf(first.by, sizeof(first.by), "%.*s", SM_HANDOVER_BY_MAX,
             o->account);
    return handover_begin(&first, &events, &o->handover);
}

static void no_hand_over(void *ctx)
{
    struct outgoing *o = ctx;

    if (o->handover)
        handover_stop(o->handover, SM_PROTOCOL, "xl has closed the stream "
                      "and has not handed the guest over");
}

/* xl has closed its end. */
static void stream_ended(void *ctx, short revents)
{
    struct outgoing *o = ctx;

    (void)revents;
    loop_close(&o->stream);
    if (o->state == OUT_MOVE)
        loop_arm(&o->timer, parent.conf.ready_timeout, no_hand_over, o);
}

void outgoing_move(struct outgoing *o, const char *rule)
{
    int rc, up[2];

    if (pipe2(up, O_CLOEXEC)) {
        outgoing_give_up(o, SM_IO, "cannot make a pipe for the stream");
        return;
    }
    /* Before xl has the stream: from now on a restarted daemon knows. */
    rc = begin(o);
    if (rc) {
        outgoing_give_up(o, rc, rc == SM_BUSY ? "too much is not settled yet "
                         "of this guest, or with that host (see secmig "
                         "handover list)" : rc == SM_XL ? "xl's process is "
                         "not to be seen" : "the migration cannot be written "
                         "down in this host's journal");
        goto out;
    }
    /* Larger pipes save switches; smaller ones work as well. */
    fcntl(up[1], F_SETPIPE_SZ, PIPE_BYTES);
    o->state = OUT_MOVE;
    keys_forget_wait(&o->dial.key);
    if (ipc_send(o->dial.peer_watch.fd, IPC_PEER_STREAM, NULL, &up[0], 1)) {
        handover_lost(o, SM_HELPER, "the peer process does not answer");
        handover_let_go(o->handover);   /* xl has no stream to notice by */
        goto out;
    }
    outgoing_answer(o, 0, rule, "", up[1]);
    loop_watch(&o->stream, up[0], 0, stream_ended, o);
    up[0] = -1;
    sm_info("out-%lu: vm=%s to=%s accepted there by rule=%s", o->id,
            SM_LOG_WORD(o->facts.name), o->host, SM_LOG_WORD(rule));
out:
    if (up[0] >= 0)
        close(up[0]);
    close(up[1]);
}

/* ---- the client ---- */

void outgoing_given(struct outgoing *o)
{
    /* It has crossed the word that the guest stays, by which an unpatched xl
     * resumes it: it is let go of when xl has ended. */
    if (o->state == OUT_ENDED && (o->flags & FRAME_WEAK_HANDOVER))
        return;
    o->given = true;
    loop_close(&o->stream);
    if (o->state == OUT_MOVE)
        loop_disarm(&o->timer);
    if (o->handover)
        handover_given(o->handover);
}

void outgoing_given_up(struct outgoing *o)
{
    if (!o->handover)
        return;
    handover_stop(o->handover, SM_CANCELLED, "xl has given up; its messages "
                  "say why");
    handover_let_go(o->handover);
}

void outgoing_move_alone(struct outgoing *o)
{
    if (o->handover && !o->given)
        handover_stop(o->handover, SM_CANCELLED, "xl has ended before all "
                      "was sent");
}

/* ---- the peer ---- */

void outgoing_heard(struct outgoing *o, struct sm_wire_reader *r)
{
    const struct handover_from from = {
        .peer = o->host, .key = o->dial.other.key, .since = o->met,
        .say = say, .ctx = o,
    };

    if (!handover_hear(&from, &o->pace, r)) {
        sm_warning("out-%lu: %s says too much about handovers", o->id,
                   o->host);
        spawn_kill(&o->dial.peer, SIGKILL);
    }
}

void outgoing_move_clear(struct outgoing *o)
{
    loop_close(&o->stream);
    handover_lost(o, SM_LINK, "the session has ended");
    if (o->handover)
        handover_detach(o->handover);
    o->handover = NULL;
}
