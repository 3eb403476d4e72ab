/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/evaluate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- reasons ---- */

void sm_evaluate_say(struct sm_evaluate *e, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(e->why, sizeof(e->why), fmt, ap);
    va_end(ap);
}

void sm_evaluate_note(struct sm_evaluate *e, const char *fmt, ...)
{
    va_list ap;

    if (!e->verbose)
        return;
    va_start(ap, fmt);
    vsnprintf(e->why, sizeof(e->why), fmt, ap);
    va_end(ap);
}

/* Append a word; false when there was no more room. */
static bool append(char *buf, size_t size, const char *word)
{
    size_t n = strlen(buf), len = strlen(word);

    /* Room is kept for " ..." and the NUL. */
    if (n + 1 + len + 5 > size) {
        snprintf(buf + n, size - n, "%s...", n ? " " : "");
        return false;
    }
    snprintf(buf + n, size - n, "%s%s", n ? " " : "", word);
    return true;
}

const char *sm_evaluate_ids(const struct sm_evaluate *e, const uint64_t *set,
                            size_t n, sm_evaluate_id_fn *id, char *buf,
                            size_t size)
{
    size_t i;

    buf[0] = '\0';
    for (i = 0; i < n; i++)
        if (sm_policy_set_has(set, i) &&
            !append(buf, size, id(e->policy, i)))
            break;
    return buf;
}

const char *sm_evaluate_words(const char *const *words, size_t n, char *buf,
                              size_t size)
{
    size_t i;

    buf[0] = '\0';
    for (i = 0; i < n && append(buf, size, words[i]); i++)
        ;
    return buf;
}

const char *sm_evaluate_role_id(const struct sm_policy *p, size_t i)
{
    return p->roles[i].id;
}

const char *sm_evaluate_group_id(const struct sm_policy *p, size_t i)
{
    return p->groups[i].id;
}

const char *sm_evaluate_owner_id(const struct sm_policy *p, size_t i)
{
    return p->owners[i].id;
}

const char *sm_evaluate_window_id(const struct sm_policy *p, size_t i)
{
    return p->windows[i].id;
}

const char *sm_evaluate_platform_id(const struct sm_policy *p, size_t i)
{
    return p->platforms[i].id;
}

const char *sm_evaluate_action(unsigned int action)
{
    static const char *const names[] = {
        [SM_POLICY_MIGRATE_OUT] = "migrate-out",
        [SM_POLICY_MIGRATE_IN] = "migrate-in",
        [SM_POLICY_ABORT] = "abort",
        [SM_POLICY_FORCE_HANDOVER] = "force-handover",
        [SM_POLICY_POLICY_ADMIN] = "policy-admin",
        [SM_POLICY_AUDIT_READ] = "audit-read",
    };

    return action && action < sizeof(names) / sizeof(names[0]) ?
           names[action] : "?";
}

/* ---- a rule ---- */

void sm_evaluate_begin(struct sm_evaluate *e, const struct sm_policy *policy,
                       const struct sm_policy_request *request,
                       bool verbose)
{
    memset(e, 0, sizeof(*e));
    e->policy = policy;
    e->request = request;
    e->verbose = verbose;
    sm_proven_find(e);
}

enum kind { VM, SOURCE, DESTINATION, SUBJECT, TIME, CHANNEL, KINDS };

static const char *const elements[KINDS] = {
    "vm", "source", "destination", "subject", "time", "channel",
};

static size_t count(const struct sm_policy_rule *rule, enum kind kind)
{
    const size_t counts[KINDS] = {
        rule->n_vms, rule->n_sources, rule->n_destinations,
        rule->n_subjects, rule->n_times, rule->n_channels,
    };

    return counts[kind];
}

static enum sm_verdict judge(struct sm_evaluate *e,
                             const struct sm_policy_rule *rule,
                             enum kind kind, size_t i)
{
    switch (kind) {
    case VM:
        return sm_condition_vm(e, &rule->vms[i]);
    case SOURCE:
        return sm_condition_where(e, &e->source, &rule->sources[i]);
    case DESTINATION:
        return sm_condition_where(e, &e->destination,
                                  &rule->destinations[i]);
    case SUBJECT:
        return sm_condition_subject(e, &rule->subjects[i]);
    case TIME:
        return sm_condition_time(e, &rule->times[i]);
    case CHANNEL:
        return sm_condition_channel(e, &rule->channels[i]);
    case KINDS:
        break;
    }
    return SM_VERDICT_UNKNOWN;
}

/* Each kind of condition: none means any; several are alternatives. */
static enum sm_verdict any_of(struct sm_evaluate *e,
                              const struct sm_policy_rule *rule,
                              enum kind kind)
{
    size_t n = count(rule, kind), i;
    enum sm_verdict verdict = n ? SM_VERDICT_NO : SM_VERDICT_YES, v;
    char best[400];

    for (i = 0; i < n; i++) {
        v = judge(e, rule, kind, i);
        if (v == SM_VERDICT_YES)
            return v;
        /* What is not known tells more than what is not so. */
        if (e->verbose &&
            (i == 0 || (v == SM_VERDICT_UNKNOWN && verdict != v)))
            snprintf(best, sizeof(best), "%.399s", e->why);
        if (v == SM_VERDICT_UNKNOWN)
            verdict = v;
    }
    if (e->verbose && n > 1)
        sm_evaluate_say(e, "none of %zu <%s>, for example: %s", n,
                        elements[kind], best);
    else if (e->verbose && n)
        sm_evaluate_say(e, "%s", best);
    return verdict;
}

enum sm_verdict sm_evaluate_rule(struct sm_evaluate *e,
                                 const struct sm_policy_rule *rule)
{
    enum sm_verdict all = SM_VERDICT_YES, v;
    char unknown[sizeof(e->why)];
    enum kind kind;

    unknown[0] = '\0';
    e->unproven = false;
    for (kind = 0; kind < KINDS; kind++) {
        v = any_of(e, rule, kind);
        if (v == SM_VERDICT_NO)
            return v;
        if (v == SM_VERDICT_UNKNOWN && all != v) {
            all = v;
            if (e->verbose)
                memcpy(unknown, e->why, sizeof(unknown));
        }
    }
    if (e->verbose)
        memcpy(e->why, unknown, sizeof(unknown));
    return all;
}

bool sm_evaluate_applies(const struct sm_evaluate *e,
                         const struct sm_policy_rule *rule,
                         enum sm_verdict verdict)
{
    if (verdict != SM_VERDICT_UNKNOWN)
        return verdict == SM_VERDICT_YES;
    return rule->allow == e->request->preview;
}

bool sm_evaluate_satisfied(struct sm_evaluate *e,
                           const struct sm_policy_rule *rule,
                           struct sm_policy_obligations *out)
{
    return rule->allow && rule->actions & 1u << (e->request->action - 1) &&
           sm_evaluate_applies(e, rule, sm_evaluate_rule(e, rule)) &&
           sm_evidence_met(e, rule, out);
}
