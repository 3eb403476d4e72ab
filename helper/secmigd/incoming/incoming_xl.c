/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An incoming guest that policy allows: room for it, and xl. */
#include "incoming/incoming.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/log.h"
#include "base/text.h"
#include "parent/parent.h"
#include "state/vm_policy.h"

#define TEXT_OUTPUT_MAX 1024    /* one line from secmig-xl */

/* xl has its config: the rest is the peer's. */
static void xl_ready(void *ctx, int err, const char *why)
{
    struct incoming *in = ctx;
    const struct decision_answer *answer = &in->decision.answer;
    bool fresh;
    int fd;

    if (err) {
        receive_kill(&in->receive);
        incoming_refuse(in, err, in->rule, "%s", why);
        return;
    }
    /* Before the guest can run here, so that it never does without. */
    if (answer->vm_version &&
        vm_policy_arrived(in->facts.uuid, answer->vm_version,
                          &answer->vm_policy, &answer->vm_signature,
                          &fresh)) {
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
    fd = receive_take(&in->receive);
    if (fd < 0) {
        receive_kill(&in->receive);
        incoming_refuse(in, SM_IO, in->rule, "out of descriptors");
        return;
    }
    in->state = IN_MOVE;
    if (ipc_send_answer(in->watch.fd, IPC_PEER_ANSWER, 0, in->rule, "", fd))
        sm_debug("in-%lu: the peer process has gone", in->id);
    close(fd);
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
        .ended = incoming_xl_ended,
        .ctx = in,
    };
    int rc;

    if (incoming_begin(in))
        return;
    in->state = IN_XL;
    rc = receive_start(&in->receive, &params);
    if (!rc)
        return;
    incoming_refuse(in, rc, in->rule, "cannot start xl on %s: %s",
                    parent.conf.name, sm_err_text(rc));
    incoming_xl_ended(in, RECEIVE_FAILED, 0);
}

/* ---- checks before anything is started ---- */

/* The end of a run that has said a line.  Returns whether it is a yes and
 * somebody waits for it; a no has been dealt with. */
static bool is_yes(struct incoming *in, int err, const char *rule)
{
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
        incoming_refuse(in, err, rule, "%s",
                        line[0] ? line : sm_err_text(err));
    else
        return true;
    return false;
}

static void ask(struct incoming *in, const char *const *args,
                void (*done)(void *ctx, int err))
{
    int rc;

    rc = run_start(&in->run, &parent.conf.facts, args, -1, TEXT_OUTPUT_MAX,
                   parent.conf.answer_timeout, done, in);
    if (rc)
        incoming_refuse(in, rc, "", "cannot run secmig-xl: %s",
                        sm_err_text(rc));
}

static void have_room(void *ctx, int err)
{
    struct incoming *in = ctx;

    if (is_yes(in, err, "room"))
        start_xl(in);
}

static void have_fit(void *ctx, int err)
{
    struct incoming *in = ctx;
    const char *args[] = { "room", NULL, NULL, in->facts.name, NULL };
    char memory[24], uuid[SM_TEXT_UUID_SIZE];

    if (!is_yes(in, err, "processor"))
        return;
    snprintf(memory, sizeof(memory), "%llu",
             (unsigned long long)in->facts.memory_kb);
    sm_text_uuid_format(in->facts.uuid, uuid);
    args[1] = memory;
    args[2] = uuid;
    ask(in, args, have_room);
}

/* Xen takes a running guest from its own version, or from an older one.
 * Not a matter of policy, so none can allow it; and asked after policy, so
 * that only a host whose guest is welcome learns what runs here. */
static bool refuse_newer(struct incoming *in)
{
    const struct sm_xen_version *here = &in->facts.xen, *there = &in->xen;

    if (!sm_xen_version_older(here, there))
        return false;
    incoming_refuse(in, SM_XEN_VERSION, "xen-version", "%s runs Xen %u.%u, "
                    "which cannot take a running guest from Xen %u.%u on %s: "
                    "upgrade %s first, or move the guest to a host with "
                    "Xen %u.%u or later", parent.conf.name, here->major,
                    here->minor, there->major, there->minor, in->other.name,
                    parent.conf.name, there->major, there->minor);
    return true;
}

/* Like the version: Xen's matter, so no policy can allow it. */
void incoming_accept(struct incoming *in)
{
    const char *args[] = { "fits", NULL, NULL, NULL };
    char features[SM_XEN_FEATURES_TEXT_SIZE];

    if (refuse_newer(in))
        return;
    args[1] = facts_value(&in->facts, "c_info.type");
    if (!args[1]) {
        incoming_refuse(in, SM_PROTOCOL, "config", "the domain config does "
                        "not say which type the guest has");
        return;
    }
    sm_xen_features_format(&in->features, features);
    args[2] = features;
    in->state = IN_ROOM;
    ask(in, args, have_fit);
}
