/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An incoming guest that policy allows: room for it, xl, and what xl may
 * leave behind. */
#include "incoming.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/log.h"
#include "parent.h"
#include "vm_policy.h"

#define TEXT_OUTPUT_MAX 1024    /* one line from secmig-xl */

/* ---- xl failed: look after what it may have left ---- */

/* xl has ended well, and yet the guest was not started: unless it is here,
 * its policy does not stay either. */
static void looked(void *ctx, int err)
{
    struct incoming *in = ctx;

    if (!err)
        vm_policy_left(in->facts.uuid);
    run_clear(&in->run);
    incoming_maybe_free(in);
}

static int look(struct incoming *in)
{
    const char *args[] = { "room", "0", NULL, in->facts.name, NULL };
    char uuid[37];

    facts_uuid_text(in->facts.uuid, uuid);
    args[2] = uuid;
    return run_start(&in->run, &parent.conf.facts, args, -1, TEXT_OUTPUT_MAX,
                     parent.conf.answer_timeout, looked, in);
}

static void discarded(void *ctx, int err)
{
    struct incoming *in = ctx;

    if (err)
        sm_error("in-%lu: cannot tell whether %s--incoming is left over: "
                 "%s; see xl list", in->id, in->facts.name,
                 sm_err_text(err));
    else if (in->run.len)
        sm_notice("in-%lu: %.*s", in->id,
                  (int)strcspn((char *)in->run.data, "\n"),
                  (char *)in->run.data);
    run_clear(&in->run);
    if (!in->kept || look(in))
        incoming_maybe_free(in);
}

void incoming_discard(struct incoming *in)
{
    const char *args[] = { "discard", NULL, in->facts.name, NULL };
    char uuid[37];

    if (in->discarded)
        return;
    in->discarded = true;
    in->state = IN_CLEAN;
    facts_uuid_text(in->facts.uuid, uuid);
    args[1] = uuid;
    if (run_start(&in->run, &parent.conf.facts, args, -1, TEXT_OUTPUT_MAX,
                  parent.conf.answer_timeout, discarded, in)) {
        sm_error("in-%lu: cannot run secmig-xl; see xl list for "
                 "%s--incoming", in->id, in->facts.name);
        if (in->kept && look(in))
            sm_error("in-%lu: ... and secmig vm-policy list", in->id);
    }
}

static void xl_too_slow(void *ctx)
{
    struct incoming *in = ctx;

    sm_warning("in-%lu: xl does not end by itself: killing it", in->id);
    receive_kill(&in->receive);
}

void incoming_xl_alone(struct incoming *in)
{
    loop_arm(&in->timer, parent.conf.finish_timeout, xl_too_slow, in);
}

/* xl has ended.  Its status is the destination's verdict. */
static void xl_ended(void *ctx, int status)
{
    struct incoming *in = ctx;
    char text[SM_MESSAGE_TEXT_MAX + 1];
    bool early = in->state == IN_XL;    /* it has not taken the guest */
    bool ok = !early && WIFEXITED(status) && WEXITSTATUS(status) == 0;

    loop_disarm(&in->timer);
    if (ok)
        snprintf(text, sizeof(text), "%s runs on %s", in->facts.name,
                 parent.conf.name);
    else
        snprintf(text, sizeof(text), "xl migrate-receive on %s failed (%s); "
                 "its log says why", parent.conf.name,
                 spawn_status_text(status));
    sm_log(ok ? SM_LOG_NOTICE : SM_LOG_WARNING,
           "in-%lu: vm=%s from=%s result=%s rule=%s text=\"%s\"", in->id,
           SM_LOG_WORD(in->facts.name), in->other.name,
           ok ? "moved" : "failed", in->rule, SM_LOG_TEXT(text));
    if (!ok)
        incoming_discard(in);
    if (early && !in->refused && in->watch.fd >= 0)
        incoming_refuse(in, SM_XL, in->rule, "%s", text);
    else if (!early && incoming_tell_peer(in, IPC_PEER_DONE, ok ? 0 : SM_XL,
                                          NULL, text, NULL))
        sm_debug("in-%lu: the peer process has gone", in->id);
    incoming_maybe_free(in);
}

/* xl has its config: the rest is the peer's. */
static void xl_ready(void *ctx, int err, const char *why)
{
    struct incoming *in = ctx;
    const struct decision_answer *answer = &in->decision.answer;
    int fds[2];

    if (err) {
        receive_kill(&in->receive);
        incoming_refuse(in, err, in->rule, "%s", why);
        return;
    }
    /* Before the guest can run here, so that it never does without. */
    if (answer->vm_version &&
        vm_policy_arrived(in->facts.uuid, answer->vm_version,
                          &answer->vm_policy, &answer->vm_signature,
                          &in->kept)) {
        receive_kill(&in->receive);
        incoming_refuse(in, SM_IO, "vm-policy", "the guest's own policy "
                        "cannot be kept here");
        return;
    }
    err = ledger_use_tickets(answer->tickets, answer->n_tickets,
                             sm_clock_real());
    if (err) {
        receive_kill(&in->receive);
        incoming_refuse(in, SM_UNMET, in->rule, "%s", err == SM_EXISTS ?
                        "a ticket was used by another migration meanwhile" :
                        "that a ticket is used cannot be written down");
        return;
    }
    loop_disarm(&in->timer);
    receive_take(&in->receive, fds);
    in->state = IN_MOVE;
    if (incoming_tell_peer(in, IPC_PEER_ANSWER, 0, in->rule, "", &fds[1]))
        incoming_xl_alone(in);
    close(fds[0]);
    close(fds[1]);
}

static void start_xl(struct incoming *in)
{
    const struct receive_params params = {
        .command = &parent.conf.receive,
        .paused = in->flags & FRAME_LEAVE_PAUSED,
        .config = in->facts.config,
        .config_len = in->facts.config_len,
        .timeout = parent.conf.answer_timeout,
        .ready = xl_ready,
        .ended = xl_ended,
        .ctx = in,
    };
    int rc;

    in->state = IN_XL;
    rc = receive_start(&in->receive, &params);
    if (rc)
        incoming_refuse(in, rc, in->rule, "cannot start xl on %s: %s",
                        parent.conf.name, sm_err_text(rc));
}

/* ---- checks before anything is started ---- */

static void have_room(void *ctx, int err)
{
    struct incoming *in = ctx;
    char line[TEXT_OUTPUT_MAX + 1] = "";
    size_t n;

    if (in->run.data) {
        n = strcspn((char *)in->run.data, "\n");
        if (sm_wire_text_ok(in->run.data, n))
            snprintf(line, sizeof(line), "%.*s", (int)n,
                     (char *)in->run.data);
    }
    run_clear(&in->run);
    if (in->watch.fd < 0)
        incoming_maybe_free(in);
    else if (err)
        incoming_refuse(in, err, "room", "%s",
                        line[0] ? line : sm_err_text(err));
    else
        start_xl(in);
}

void incoming_accept(struct incoming *in)
{
    const char *args[] = { "room", NULL, NULL, in->facts.name, NULL };
    char memory[24], uuid[37];
    int rc;

    snprintf(memory, sizeof(memory), "%llu",
             (unsigned long long)in->facts.memory_kb);
    facts_uuid_text(in->facts.uuid, uuid);
    args[1] = memory;
    args[2] = uuid;
    in->state = IN_ROOM;
    rc = run_start(&in->run, &parent.conf.facts, args, -1, TEXT_OUTPUT_MAX,
                   parent.conf.answer_timeout, have_room, in);
    if (rc)
        incoming_refuse(in, rc, "", "cannot run secmig-xl: %s",
                        sm_err_text(rc));
}
