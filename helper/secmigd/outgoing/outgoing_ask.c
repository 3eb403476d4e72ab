/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the client asks for: what the guest is, whether it may go. */
#include "outgoing/outgoing.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/text.h"
#include "incoming/incoming.h"
#include "operators/operate.h"
#include "parent/parent.h"
#include "state/evidence.h"
#include "state/vm_policy.h"

static void question(const struct outgoing *o, enum decision_stage stage,
                     struct decision_question *q)
{
    memset(q, 0, sizeof(*q));
    q->stage = stage;
    q->other = &o->dial.other;
    q->action = SM_POLICY_MIGRATE_OUT;
    q->facts = &o->facts;
    q->account = o->account;
    q->role = o->role[0] ? o->role : NULL;
    q->papers = o->papers;
}

void outgoing_decide(struct outgoing *o, enum decision_stage stage,
                     void (*done)(void *ctx,
                                  const struct decision_answer *answer))
{
    char why[VM_POLICY_TEXT_SIZE];
    struct evidence evidence;
    struct decision_question q;
    int rc;

    evidence_find(o->facts.uuid, parent.conf.name, o->host, sm_clock_real(),
                  &evidence);
    /* Anew: much may have been added or removed since the preview. */
    if (o->papers >= 0)
        close(o->papers);
    o->papers = vm_policy_papers(o->facts.uuid, &evidence, why);
    if (o->papers < 0) {
        outgoing_finish(o, o->papers, "vm-policy", "%s", why);
        return;
    }
    question(o, stage, &q);
    q.approvals = evidence.approvals;
    q.n_approvals = evidence.n_approvals;
    rc = decision_start(&o->decision, &q, done, o);
    if (rc)
        outgoing_finish(o, rc, "judge", "cannot start the process that "
                        "judges this: %s", sm_err_text(rc));
}

void outgoing_log(struct outgoing *o, enum decision_stage stage,
                  const struct decision_answer *answer)
{
    char by[sizeof(o->account) + SM_CONF_NAME_MAX + 2];
    struct decision_question q;

    question(o, stage, &q);
    snprintf(by, sizeof(by), "%s@%s", o->account, parent.conf.name);
    decision_log(&q, by, answer);
}

static void have_key(void *ctx, int err, const char *why)
{
    struct outgoing *o = ctx;

    if (err)
        outgoing_finish(o, err, "host-key", "this host's key cannot be used: "
                        "%s", why);
    else
        outgoing_dial(o);
}

static void previewed(void *ctx, const struct decision_answer *answer)
{
    struct outgoing *o = ctx;

    if (!answer->allow) {
        outgoing_log(o, DECISION_PREVIEW, answer);
        outgoing_finish(o, answer->code, answer->rule, "refused here: %s",
                        answer->text);
    } else if (outgoing_has(o->facts.uuid) || incoming_has(o->facts.uuid)) {
        outgoing_finish(o, SM_BUSY, "", "%s is already migrating",
                        o->facts.name);
    } else if (handover_is_unnamed(o->facts.uuid, o->facts.name)) {
        outgoing_finish(o, SM_EXISTS, "", "%s runs here under a name that is "
                        "not its own, since another domain has that: free "
                        "it, and try again in half a minute; or give it "
                        "another one (xl rename)", o->facts.name);
    } else {
        if (parent.conf.demand_attestation || answer->wants_proof ||
            sm_policy_wants_attestation(parent.policy, SM_POLICY_MIGRATE_OUT))
            decision_demand(&o->dial.other);
        o->state = OUT_KEY;
        keys_need_host(&o->dial.key, have_key, o);
    }
}

static void have_features(void *ctx, int err)
{
    struct outgoing *o = ctx;

    if (!err)
        err = facts_features(&o->features, o->run.data, o->run.len);
    run_clear(&o->run);
    if (err)
        outgoing_finish(o, err, "processor", "which processor features %s "
                        "has cannot be read on %s: %s", o->facts.name,
                        parent.conf.name, sm_err_text(err));
    else
        outgoing_decide(o, DECISION_PREVIEW, previewed);
}

/* By the uuid of the config: `secmig transport` knows no number. */
static void ask_features(struct outgoing *o)
{
    const char *args[] = { "features", NULL, NULL };
    char uuid[SM_TEXT_UUID_SIZE];
    int rc;

    sm_text_uuid_format(o->facts.uuid, uuid);
    args[1] = uuid;
    rc = run_start(&o->run, &parent.conf.facts, args, -1, IPC_MAX,
                   parent.conf.answer_timeout, have_features, o);
    if (rc)
        outgoing_finish(o, rc, "", "cannot run secmig-xl: %s",
                        sm_err_text(rc));
}

static void have_config(void *ctx, int err)
{
    struct outgoing *o = ctx;
    char name[FRAME_NAME_MAX + 1];

    snprintf(name, sizeof(name), "%s", o->facts.name);
    if (!err)
        err = facts_config(&o->facts, o->run.data, o->run.len);
    run_clear(&o->run);
    if (err) {
        strcpy(o->facts.name, name);        /* for the log */
        if (err == SM_XEN_VERSION)
            outgoing_finish(o, err, "xen-version", FACTS_NO_VERSION,
                            parent.conf.name);
        else
            outgoing_finish(o, err, "", "the guest's config cannot be read: "
                            "%s", sm_err_text(err));
        return;
    }
    /* The policy goes by the name: a config may not bring another. */
    if (o->domid != FRAME_DOMID_UNKNOWN &&
        (memcmp(o->facts.uuid, o->domain.uuid, sizeof(o->facts.uuid)) ||
         strcmp(o->facts.name, o->domain.name))) {
        outgoing_finish(o, SM_STATE, "", "the config is of %s, not of %s "
                        "(or its uuid differs)", o->facts.name,
                        o->domain.name);
        return;
    }
    o->facts.flags |= o->domain.flags & FACTS_NOMIGRATE;
    ask_features(o);
}

static void ask_config(struct outgoing *o)
{
    static const char *const args[] = { "config", NULL };
    int rc;

    rc = run_start(&o->run, &parent.conf.facts, args, o->config,
                   FACTS_OUTPUT_MAX, parent.conf.answer_timeout, have_config,
                   o);
    if (rc)
        outgoing_finish(o, rc, "", "cannot run secmig-xl: %s",
                        sm_err_text(rc));
}

static void have_domain(void *ctx, int err)
{
    struct outgoing *o = ctx;

    if (!err)
        err = facts_domain(&o->domain, o->run.data, o->run.len);
    run_clear(&o->run);
    if (err)
        outgoing_finish(o, err, "", "domain %u: %s", o->domid,
                        sm_err_text(err));
    /* A number is soon used again: it must still be the guest meant. */
    else if (memcmp(o->domain.uuid, o->asked, sizeof(o->asked)) ||
             strcmp(o->domain.name, o->facts.name))
        outgoing_finish(o, SM_NO_DOMAIN, "", "domain %u is now %s, not %s "
                        "(or its uuid differs)", o->domid, o->domain.name,
                        o->facts.name);
    else
        ask_config(o);
}

void outgoing_ask(struct outgoing *o, struct sm_wire_reader *r,
                  struct ipc_message *message)
{
    const char *args[] = { "domain", NULL, NULL };
    char why[512], domid[16];
    size_t len;
    int rc;

    o->domid = sm_wire_get_u32(r);
    sm_wire_get_bytes(r, o->asked, sizeof(o->asked));
    o->flags = sm_wire_get_u32(r);
    sm_wire_get_str(r, o->host, sizeof(o->host));
    sm_wire_get_str(r, o->facts.name, sizeof(o->facts.name));
    if (sm_wire_end(r) || (o->flags & ~FRAME_FLAGS_ALL))
        return;
    loop_disarm(&o->timer);
    o->config = ipc_take_fd(message, 0);
    o->state = OUT_FACTS;
    if (ipc_memfd_check(o->config, FRAME_CONFIG_MAX, &len) || len == 0) {
        outgoing_finish(o, SM_USAGE, "", "the request has no usable config");
        return;
    }
    /* Whoever writes the stream writes the guest: that is root's to do. */
    if (o->uid != 0) {
        outgoing_finish(o, SM_REFUSED_LOCAL, "root-only",
                        "only root may hand in a guest's state (asked by %s)",
                        o->account);
        return;
    }
    if (o->operate) {
        rc = operate_begins(o->operate, o->id, o->asked, o->host,
                            o->account, o->role);
        if (rc) {
            outgoing_finish(o, rc, "operator", "this xl was started for "
                            "another migration, or that one is over");
            return;
        }
    }
    if (outgoing_count() > parent.conf.max_outgoing) {
        outgoing_finish(o, SM_BUSY, "", "%d migrations are under way already "
                        "(max-outgoing)", parent.conf.max_outgoing);
        return;
    }
    /* One that is not paired here may be known by its certificate, if the
     * policy goes by any. */
    rc = dial_find(&o->dial, o->host, parent.policy &&
                   sm_policy_authority_count(parent.policy), why,
                   sizeof(why));
    if (rc) {
        outgoing_finish(o, rc, "", "%s", why);
        return;
    }
    if (o->domid == FRAME_DOMID_UNKNOWN) {
        ask_config(o);
        return;
    }
    snprintf(domid, sizeof(domid), "%u", o->domid);
    args[1] = domid;
    rc = run_start(&o->run, &parent.conf.facts, args, -1, IPC_MAX,
                   parent.conf.answer_timeout, have_domain, o);
    if (rc)
        outgoing_finish(o, rc, "", "cannot run secmig-xl: %s",
                        sm_err_text(rc));
}
