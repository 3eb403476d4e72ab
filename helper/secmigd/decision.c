/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decision.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "parent.h"
#include "policy/config.h"

#define ANSWER_MAX 2048         /* bytes of the judge's answer */

/* ---- in the judge ---- */

static void say(struct decision_answer *a, int code, const char *rule,
                const char *text)
{
    a->allow = !code;
    a->code = code;
    snprintf(a->rule, sizeof(a->rule), "%s", rule);
    snprintf(a->text, sizeof(a->text), "%s", text);
    if (!sm_wire_text_ok(a->text, strlen(a->text)))     /* cut in a letter */
        snprintf(a->text, sizeof(a->text), "%s", sm_err_text(code));
}

static void decide(const struct decision_question *q,
                   struct decision_answer *a)
{
    bool leaving = q->action == SM_POLICY_MIGRATE_OUT;
    struct sm_policy_request request = {
        .action = q->action,
        .vm_name = q->facts->name,
        .vm_uuid = q->facts->uuid,
        .memory_kb = q->facts->memory_kb,
        .account = q->account,
        .role = q->role && q->role[0] ? q->role : NULL,
        .source = {
            .name = leaving ? parent.conf.name : q->other,
            .key = leaving ? parent.own_key : q->other_key,
        },
        .destination = {
            .name = leaving ? q->other : parent.conf.name,
            .key = leaving ? q->other_key : parent.own_key,
        },
        .now = sm_clock_real(),
    };
    char text[SM_POLICY_WHY_MAX + 64];
    struct sm_policy_decision d;
    size_t i;

    for (i = 0; q->evidence && i < q->evidence->n_approvals; i++)
        request.approvals[request.n_approvals++] = q->evidence->approvals[i];
    sm_policy_decide(parent.policy, &request, &d);
    if (d.allow && !leaving)
        sm_policy_check_config(parent.policy, &request, &d, q->facts->list,
                               q->facts->n, &d);
    if (!parent.policy) {
        snprintf(text, sizeof(text), "no policy in force: %s",
                 parent.policy_why);
        say(a, d.code, d.rule, text);
    } else if (d.allow && (q->facts->flags & FACTS_NOMIGRATE)) {
        snprintf(text, sizeof(text), "%s is marked nomigrate",
                 q->facts->name);
        say(a, SM_NOMIGRATE, "nomigrate", text);
    } else if (d.allow && (d.obligations.notify_guest ||
                           d.obligations.max_downtime_ms)) {
        snprintf(text, sizeof(text), "rule %s obliges to what this host "
                 "cannot do: %s", d.rule, d.obligations.notify_guest ?
                 "notify-guest" : "max-downtime");
        say(a, SM_UNMET, d.rule, text);
    } else {
        say(a, d.code, d.rule, d.text);
    }
}

static int answer_question(const void *question, struct sm_wire_writer *w)
{
    struct decision_answer a = { .allow = false };

    decide(question, &a);
    sm_wire_put_u16(w, (uint16_t)-a.code);
    sm_wire_put_str(w, a.rule);
    sm_wire_put_str(w, a.text);
    return 0;
}

/* ---- in the parent ---- */

static int read_answer(struct decision_answer *a, struct sm_wire_reader *r)
{
    a->code = sm_err_from_code(sm_wire_get_u16(r));
    sm_wire_get_str(r, a->rule, sizeof(a->rule));
    sm_wire_get_str(r, a->text, sizeof(a->text));
    a->allow = !a->code;
    return sm_wire_end(r);
}

static void answered(void *ctx, int err, const char *why,
                     struct sm_wire_reader *r)
{
    struct decision *d = ctx;
    struct decision_answer *a = &d->answer;

    memset(a, 0, sizeof(*a));
    if (!err && read_answer(a, r)) {
        err = SM_HELPER;
        why = "the process that judges this broke the rules";
    }
    if (err) {
        memset(a, 0, sizeof(*a));
        say(a, err, "judge", why);
    }
    d->done(d->ctx, a);
}

int decision_start(struct decision *d, const struct decision_question *q,
                   void (*done)(void *ctx,
                                const struct decision_answer *answer),
                   void *ctx)
{
    d->done = done;
    d->ctx = ctx;
    return judge_start(&d->judge, answer_question, q, -1, ANSWER_MAX,
                       answered, d);
}

void decision_clear(struct decision *d)
{
    judge_clear(&d->judge);
}

void decision_log(const struct decision_question *q, const char *by,
                  const struct decision_answer *a)
{
    bool leaving = q->action == SM_POLICY_MIGRATE_OUT;
    char uuid[37];

    facts_uuid_text(q->facts->uuid, uuid);
    sm_notice("decision action=%s vm=%s uuid=%s from=%s to=%s by=%s "
              "answer=%s rule=%s text=\"%s\"",
              leaving ? "migrate-out" : "migrate-in", q->facts->name, uuid,
              leaving ? parent.conf.name : q->other,
              leaving ? q->other : parent.conf.name, by,
              a->allow ? "allow" : "deny", a->rule, a->text);
}
