/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Xen says about a handover's domain, and what is done to it: all by
 * secmig-xl, whose verbs may be repeated, and killed at any moment. */
#include "handovers/handover_own.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "parent/parent.h"

#define RETRY 1000              /* ms */

static const char *const verbs[] = {
    [SM_HANDOVER_LOOK] = "look",
    [SM_HANDOVER_RESUME] = "resume",
    [SM_HANDOVER_DESTROY] = "destroy",
    [SM_HANDOVER_START] = "start",
    [SM_HANDOVER_DISCARD] = "discard",
};

/*
 * Where the other host may own the guest, or does, a look holds it as well:
 * nobody else's command, that has failed, lets it run.  Not where its domain
 * has died with the last boot: what is there is another one.
 */
static bool holds(const struct handover *h)
{
    return h->view.same_boot && (h->r.state == SM_HANDOVER_SENT ||
                                 h->r.state == SM_HANDOVER_RELEASED ||
                                 h->r.state == SM_HANDOVER_DONE);
}

static const char *verb(const struct handover *h, enum sm_handover_step step)
{
    return step == SM_HANDOVER_LOOK && holds(h) ? "hold" : verbs[step];
}

/*
 * The guest's uuid does not say that it is the domain that this migration
 * began with: that has a number, and has died with its host.
 */
static enum sm_handover_domain ours(const struct handover *h,
                                    enum sm_handover_domain domain,
                                    uint32_t domid)
{
    bool source = sm_handover_is_source(h->r.state);

    if (domain == SM_HANDOVER_GONE)
        return domain;
    if (h->view.same_boot &&
        (h->r.domid == UINT32_MAX || h->r.domid == domid))
        return domain;
    /* Another one: nothing to be resumed, destroyed, started or discarded.
     * But unless the guest is this host's, it may not run elsewhere beside
     * it; or, if it does, somebody should know. */
    if (source && h->r.state != SM_HANDOVER_ABORTED)
        return SM_HANDOVER_RUNS;
    return SM_HANDOVER_GONE;
}

int handover_act_read(const struct run *run, struct handover_look *look)
{
    struct sm_wire_reader r;

    sm_wire_reader_init(&r, run->data, run->len);
    look->domain = sm_wire_get_u8(&r);
    look->domid = sm_wire_get_u32(&r);
    sm_wire_get_str(&r, look->name, sizeof(look->name));
    look->when = (int64_t)sm_wire_get_u64(&r);
    return sm_wire_end(&r) || look->domain < SM_HANDOVER_GONE ||
           look->domain > SM_HANDOVER_COPY ? SM_PROTOCOL : 0;
}

static int read_look(struct handover *h)
{
    struct handover_look look;
    int rc;

    rc = handover_act_read(&h->run, &look);
    if (rc)
        return rc;
    h->view.domain = ours(h, look.domain, look.domid);
    h->seen = look.when;
    h->looked = true;
    /* Resumed by a daemon that did not live to mark it. */
    h->unnamed = h->view.domain == SM_HANDOVER_RUNS &&
                 handover_name_is_lent(look.name, h->r.name);
    if (h->view.same_boot && h->r.domid == UINT32_MAX)
        h->r.domid = look.domid;    /* durable with the next state */
    return 0;
}

void handover_act_line(const struct run *run, char *out, size_t size)
{
    size_t n = run->data ? strcspn((char *)run->data, "\n") : 0;

    out[0] = '\0';
    if (n && n < size && sm_wire_text_ok(run->data, n))
        snprintf(out, size, "%.*s", (int)n, (char *)run->data);
}

static void failed(struct handover *h, int err, const char *line)
{
    snprintf(h->trouble, sizeof(h->trouble), "secmig-xl %s: %s",
             verb(h, h->acting), line[0] ? line : sm_err_text(err));
    sm_warning("handover vm=%s with=%s: %s", SM_LOG_WORD(h->r.name),
               h->r.peer, h->trouble);
    h->view.domain = SM_HANDOVER_UNSEEN;
    h->view.failed = false;
    if (h->acting == SM_HANDOVER_LOOK)
        return;
    /* The guest stands still: the first time it is tried again at once. */
    h->view.failed = h->tried;
    h->tried = true;
}

/* It runs; START and RESUME say SM_EXISTS where another has its name. */
static void runs(struct handover *h, int err, const char *line)
{
    h->view.domain = SM_HANDOVER_RUNS;
    h->unnamed = err == SM_EXISTS;
    if (h->unnamed)
        sm_error("handover vm=%s with=%s: the guest runs here, but its name "
                 "is taken; it gets it as soon as no other domain has it (%s)",
                 SM_LOG_WORD(h->r.name), h->r.peer, line);
}

static void acted(struct handover *h, int err, const char *line)
{
    bool is_gone = err == SM_NO_DOMAIN;

    if (line[0] && (!err || is_gone || (err == SM_EXISTS &&
                                        h->acting == SM_HANDOVER_DISCARD)))
        sm_notice("handover vm=%s with=%s: %s", SM_LOG_WORD(h->r.name),
                  h->r.peer, line);
    switch (h->acting) {
    case SM_HANDOVER_RESUME:
    case SM_HANDOVER_START:
        if (!err || err == SM_EXISTS)
            runs(h, err, line);
        else if (is_gone)
            h->view.domain = SM_HANDOVER_GONE;
        else
            failed(h, err, line);
        break;
    default:
        if (!err)
            h->view.domain = SM_HANDOVER_GONE;
        else if (is_gone)       /* it has been made anew */
            h->view.domain = SM_HANDOVER_UNSEEN;
        else if (err == SM_EXISTS && h->acting == SM_HANDOVER_DISCARD)
            h->view.domain = SM_HANDOVER_RUNS;  /* it was started by hand */
        else
            failed(h, err, line);
    }
}

static void done(void *ctx, int err)
{
    struct handover *h = ctx;
    char line[256];

    h->trouble[0] = '\0';
    handover_act_line(&h->run, line, sizeof(line));
    if (h->acting == SM_HANDOVER_LOOK) {
        if (!err) {
            line[0] = '\0';
            err = read_look(h);
        }
        if (err)
            failed(h, err, line);
    } else {
        h->view.failed = false;
        acted(h, err, line);
    }
    run_clear(&h->run);
    /* What has failed is looked at again a little later. */
    handover_turn(h, h->trouble[0] ? RETRY : 0);
}

void handover_act(struct handover *h, enum sm_handover_step step)
{
    const char *args[6] = { verb(h, step), NULL };
    bool looks = step == SM_HANDOVER_LOOK && !holds(h);
    char uuid[SM_TEXT_UUID_SIZE], domid[16];
    int rc, n = 1;

    sm_text_uuid_format(h->r.uuid, uuid);
    if (looks)
        args[n++] = sm_handover_is_source(h->r.state) ? "source" :
                    "destination";
    args[n++] = uuid;
    args[n++] = h->r.name;
    if (step == SM_HANDOVER_START)
        args[n++] = h->r.flags & SM_HANDOVER_LEAVE_PAUSED ? "paused" : "run";
    /* It may be made anew between the look and this. */
    if (!looks && h->r.domid != UINT32_MAX) {
        snprintf(domid, sizeof(domid), "%u", h->r.domid);
        args[n++] = domid;
    }
    h->acting = step;
    rc = run_start(&h->run, &parent.conf.facts, args, -1, HANDOVER_LOOK_MAX,
                   step == SM_HANDOVER_LOOK ? parent.conf.answer_timeout :
                   parent.conf.action_timeout, done, h);
    if (rc) {
        failed(h, rc, "cannot be run");
        handover_turn(h, RETRY);
    }
}
