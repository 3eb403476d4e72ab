/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The conditions of a rule, one element each: all that it says must hold. */
#include <string.h>

#include "channel/suite.h"
#include "policy/evaluate.h"
#include "policy/zone.h"

#define LIST_MAX 120    /* bytes of a list in a reason */

static bool in_words(const struct sm_policy_words *w, const char *value)
{
    size_t i;

    for (i = 0; i < w->n; i++)
        if (!strcmp(w->words[i], value))
            return true;
    return false;
}

/* ---- the guest ---- */

static enum sm_verdict vm_name(struct sm_evaluate *e, const char *pattern)
{
    const char *name = e->request->vm_name;

    if (!pattern)
        return SM_VERDICT_YES;
    if (!name) {
        sm_evaluate_note(e, "the guest's name is not known");
        return SM_VERDICT_UNKNOWN;
    }
    if (sm_policy_match_text(pattern, name))
        return SM_VERDICT_YES;
    sm_evaluate_note(e, "the guest's name %.100s is not \"%.100s\"", name,
                     pattern);
    return SM_VERDICT_NO;
}

static enum sm_verdict vm_uuid(struct sm_evaluate *e,
                               const struct sm_policy_vm *vm)
{
    if (!vm->has_uuid)
        return SM_VERDICT_YES;
    if (!e->request->vm_uuid) {
        sm_evaluate_note(e, "the guest's uuid is not known");
        return SM_VERDICT_UNKNOWN;
    }
    if (!memcmp(vm->uuid, e->request->vm_uuid, 16))
        return SM_VERDICT_YES;
    sm_evaluate_note(e, "the guest has another uuid");
    return SM_VERDICT_NO;
}

static enum sm_verdict vm_label(struct sm_evaluate *e, const char *pattern)
{
    const struct sm_policy_request *r = e->request;

    if (!pattern || (r->label && sm_policy_match_text(pattern, r->label)))
        return SM_VERDICT_YES;
    if (r->label_unknown || (!r->vm_uuid && !r->vm_name)) {
        sm_evaluate_note(e, "the guest%s is not known",
                         r->label_unknown ? "'s label" : "");
        return SM_VERDICT_UNKNOWN;
    }
    sm_evaluate_note(e, "the guest's label %s%.100s is not \"%.100s\"",
                     r->label ? "" : "(none)", r->label ? r->label : "",
                     pattern);
    return SM_VERDICT_NO;
}

static enum sm_verdict vm_memory(struct sm_evaluate *e,
                                 const struct sm_policy_vm *vm)
{
    uint64_t kb = e->request->memory_kb;

    if (!vm->memory_min && vm->memory_max == UINT64_MAX)
        return SM_VERDICT_YES;
    if (!kb) {
        sm_evaluate_note(e, "the guest's memory is not known");
        return SM_VERDICT_UNKNOWN;
    }
    if (kb >= vm->memory_min && kb <= vm->memory_max)
        return SM_VERDICT_YES;
    sm_evaluate_note(e, "the guest has %s memory: %llu KiB",
                     kb < vm->memory_min ? "less" : "more",
                     (unsigned long long)kb);
    return SM_VERDICT_NO;
}

static enum sm_verdict vm_groups(struct sm_evaluate *e,
                                 const struct sm_policy_vm *vm)
{
    size_t n = e->policy->n_groups;
    char list[LIST_MAX];

    if (!vm->groups || sm_evaluate_common(vm->groups, e->groups[0], n))
        return SM_VERDICT_YES;
    if (e->verbose)
        sm_evaluate_say(e, "the guest is not in group \"%s\"",
                        sm_evaluate_ids(e, vm->groups, n,
                                        sm_evaluate_group_id, list,
                                        sizeof(list)));
    return sm_evaluate_common(vm->groups, e->groups[1], n) ?
           SM_VERDICT_UNKNOWN : SM_VERDICT_NO;
}

static enum sm_verdict vm_owners(struct sm_evaluate *e,
                                 const struct sm_policy_vm *vm)
{
    enum sm_verdict verdict = vm->n_owners ? SM_VERDICT_NO : SM_VERDICT_YES;
    size_t i, owner;

    for (i = 0; i < vm->n_owners; i++) {
        owner = (size_t)(vm->owners[i] - e->policy->owners);
        if (sm_policy_set_has(e->owners[0], owner))
            return SM_VERDICT_YES;
        if (sm_policy_set_has(e->owners[1], owner))
            verdict = SM_VERDICT_UNKNOWN;
    }
    if (verdict != SM_VERDICT_YES)
        sm_evaluate_note(e, "the guest is not of owner %s%s",
                         vm->owners[0]->id,
                         vm->n_owners > 1 ? " or the others" : "");
    return verdict;
}

enum sm_verdict sm_condition_vm(struct sm_evaluate *e,
                                const struct sm_policy_vm *vm)
{
    enum sm_verdict v = vm_name(e, vm->name);

    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(v, vm_uuid(e, vm));
    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(v, vm_label(e, vm->label));
    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(v, vm_memory(e, vm));
    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(v, vm_groups(e, vm));
    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(v, vm_owners(e, vm));
    return v;
}

/* ---- who asks ---- */

static bool is_subject(const struct sm_evaluate *e,
                       const struct sm_evaluate_who *who,
                       const struct sm_policy_who *s)
{
    size_t i;

    if (s->n_accounts) {
        for (i = 0; i < s->n_accounts; i++)
            if (who->account && !strcmp(s->accounts[i], who->account))
                break;
        if (i == s->n_accounts)
            return false;
    }
    if (s->n_operators) {
        for (i = 0; i < s->n_operators; i++)
            if (s->operators[i] == who->operator)
                break;
        if (i == s->n_operators)
            return false;
    }
    return !s->roles ||
           sm_evaluate_common(s->roles, who->roles, e->policy->n_roles);
}

enum sm_verdict sm_condition_subject(struct sm_evaluate *e,
                                     const struct sm_policy_who *subject)
{
    char list[LIST_MAX], roles[LIST_MAX];
    size_t i;

    if (!e->n_who) {
        sm_evaluate_note(e, "it is not known who asks");
        return SM_VERDICT_UNKNOWN;
    }
    for (i = 0; i < e->n_who; i++)
        if (is_subject(e, &e->who[i], subject))
            return SM_VERDICT_YES;
    if (!e->verbose)
        return SM_VERDICT_NO;
    if (subject->roles)
        sm_evaluate_say(e, "%s acts in role \"%s\", not in \"%s\" with the "
                        "other attributes", e->who[0].operator ?
                        e->who[0].operator->id : "the account",
                        e->who[0].roles ?
                        sm_evaluate_ids(e, e->who[0].roles,
                                        e->policy->n_roles,
                                        sm_evaluate_role_id, roles,
                                        sizeof(roles)) : "",
                        sm_evaluate_ids(e, subject->roles,
                                        e->policy->n_roles,
                                        sm_evaluate_role_id, list,
                                        sizeof(list)));
    else if (subject->n_accounts)
        sm_evaluate_say(e, "account %.64s is not \"%s\"", e->who[0].account ?
                        e->who[0].account : "(none)",
                        sm_evaluate_words(subject->accounts,
                                          subject->n_accounts, list,
                                          sizeof(list)));
    else
        sm_evaluate_say(e, "operator %s is not %s%s", e->who[0].operator ?
                        e->who[0].operator->id : "(none)",
                        subject->operators[0]->id,
                        subject->n_operators > 1 ? " or the others" : "");
    return SM_VERDICT_NO;
}

/* ---- from where to where ---- */

/* One attribute that has one value; NULL: not known. */
static enum sm_verdict one_word(struct sm_evaluate *e,
                                const struct sm_evaluate_end *end,
                                const char *attribute, const char *value,
                                const struct sm_policy_words *w)
{
    char list[LIST_MAX];

    if (!w->n)
        return SM_VERDICT_YES;
    if (!value) {
        if (e->verbose)
            sm_evaluate_say(e, "the %s's %s is not known%s (the rule has "
                            "%s%s=\"%s\")", end->what, attribute,
                            strcmp(attribute, "name") ?
                            ": no certificate that counts says it" : "",
                            strcmp(attribute, "name") ? attribute : "host",
                            w->negated ? "-not" : "",
                            sm_evaluate_words(w->words, w->n, list,
                                              sizeof(list)));
        return SM_VERDICT_UNKNOWN;
    }
    if (in_words(w, value) != w->negated)
        return SM_VERDICT_YES;
    if (e->verbose)
        sm_evaluate_say(e, "the %s's %s is %.100s, which is %s\"%s\"",
                        end->what, attribute, value,
                        w->negated ? "in " : "not in ",
                        sm_evaluate_words(w->words, w->n, list,
                                          sizeof(list)));
    return SM_VERDICT_NO;
}

static enum sm_verdict platforms(struct sm_evaluate *e,
                                 const struct sm_evaluate_end *end,
                                 const struct sm_policy_words *w)
{
    const struct sm_policy_attributes *a = end->end->attributes;
    char list[LIST_MAX];
    size_t i;

    if (!w->n)
        return SM_VERDICT_YES;
    if (!(end->counted & SM_POLICY_PLATFORM) || !a->n_platforms)
        return one_word(e, end, "platform", NULL, w);
    for (i = 0; i < a->n_platforms; i++)
        if (in_words(w, a->platforms[i]))
            break;
    if ((i < a->n_platforms) != w->negated)
        return SM_VERDICT_YES;
    if (e->verbose)
        sm_evaluate_say(e, "the %s's platform sets %s \"%s\"", end->what,
                        w->negated ? "include one of" : "include none of",
                        sm_evaluate_words(w->words, w->n, list,
                                          sizeof(list)));
    return SM_VERDICT_NO;
}

static enum sm_verdict host_roles(struct sm_evaluate *e,
                                  const struct sm_evaluate_end *end,
                                  const struct sm_policy_where *w)
{
    size_t n = e->policy->n_roles;
    char list[LIST_MAX];
    bool has;

    if (!w->roles)
        return SM_VERDICT_YES;
    has = sm_evaluate_common(w->roles, end->roles, n);
    if (!end->end->name || (!has && end->more_roles)) {
        sm_evaluate_note(e, "the %s's roles are not known", end->what);
        return SM_VERDICT_UNKNOWN;
    }
    if (has != w->roles_negated)
        return SM_VERDICT_YES;
    if (e->verbose)
        sm_evaluate_say(e, "the %s has %s role \"%s\"", end->what,
                        w->roles_negated ? "the" : "not the",
                        sm_evaluate_ids(e, w->roles, n, sm_evaluate_role_id,
                                        list, sizeof(list)));
    return SM_VERDICT_NO;
}

enum sm_verdict sm_condition_where(struct sm_evaluate *e,
                                   const struct sm_evaluate_end *end,
                                   const struct sm_policy_where *w)
{
    const struct sm_policy_attributes *a = end->end->attributes;
    enum sm_verdict v = one_word(e, end, "name", end->end->name, &w->hosts);

    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(v, host_roles(e, end, w));
    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(
            v, one_word(e, end, "location",
                        end->counted & SM_POLICY_LOCATION ?
                        a->location : NULL, &w->locations));
    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(
            v, one_word(e, end, "jurisdiction",
                        end->counted & SM_POLICY_JURISDICTION ?
                        a->jurisdiction : NULL, &w->jurisdictions));
    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(v, platforms(e, end, &w->platforms));
    return v;
}

/* ---- when ---- */

/* Whether a window is now: worked out once in a decision. */
static bool is_now(struct sm_evaluate *e, size_t window)
{
    if (!sm_policy_set_has(e->windows_known, window)) {
        sm_policy_set_add(e->windows_known, window);
        if (sm_policy_window_has(&e->policy->windows[window],
                                 e->request->now))
            sm_policy_set_add(e->windows_now, window);
    }
    return sm_policy_set_has(e->windows_now, window);
}

enum sm_verdict sm_condition_time(struct sm_evaluate *e,
                                  const struct sm_policy_when *when)
{
    size_t n = e->policy->n_windows, i;
    char list[LIST_MAX];

    for (i = 0; i < n; i++)
        if (sm_policy_set_has(when->windows, i) && is_now(e, i))
            break;
    if ((i < n) != when->negated)
        return SM_VERDICT_YES;
    if (e->verbose)
        sm_evaluate_say(e, "it is %sthe time of window \"%s\"",
                        when->negated ? "" : "not ",
                        sm_evaluate_ids(e, when->windows, n,
                                        sm_evaluate_window_id, list,
                                        sizeof(list)));
    return SM_VERDICT_NO;
}

/* ---- how ---- */

static enum sm_verdict suite(struct sm_evaluate *e, uint32_t suites)
{
    unsigned int has = e->request->suite;

    if (!suites)
        return SM_VERDICT_YES;
    if (!has) {
        sm_evaluate_note(e, "the channel's suite is not known");
        return SM_VERDICT_UNKNOWN;
    }
    if (has < 32 && suites & SM_SUITE_BIT(has))
        return SM_VERDICT_YES;
    sm_evaluate_note(e, "the channel's suite is %s", sm_suite_name(has));
    return SM_VERDICT_NO;
}

static enum sm_verdict post_quantum(struct sm_evaluate *e, int wanted)
{
    if (!wanted)
        return SM_VERDICT_YES;
    if (e->request->post_quantum == SM_POLICY_PQ_UNKNOWN) {
        sm_evaluate_note(e, "it is not known whether the channel is "
                         "post-quantum");
        return SM_VERDICT_UNKNOWN;
    }
    if ((int)e->request->post_quantum == wanted)
        return SM_VERDICT_YES;
    sm_evaluate_note(e, "the channel is %spost-quantum",
                     wanted == SM_POLICY_PQ_YES ? "not " : "");
    return SM_VERDICT_NO;
}

static enum sm_verdict attestation(struct sm_evaluate *e,
                                   const struct sm_policy_how *how)
{
    size_t n = e->policy->n_platforms;
    char list[LIST_MAX], what[300];

    if (!how->attestations)
        return SM_VERDICT_YES;
    if (e->attested && sm_evaluate_common(how->attestations, e->proven, n) !=
                       how->attestations_negated)
        return SM_VERDICT_YES;
    if (e->verbose)
        sm_evaluate_say(e, "the other host has to prove platform set \"%s\"%s"
                        "; it %s", sm_evaluate_ids(e, how->attestations, n,
                                                sm_evaluate_platform_id,
                                                list, sizeof(list)),
                        how->attestations_negated ? " for this not to apply" :
                        "", sm_proven_text(e, how->attestations, what,
                                           sizeof(what)));
    if (!e->attested)
        return SM_VERDICT_UNKNOWN;
    e->unproven = !how->attestations_negated;
    return SM_VERDICT_NO;
}

enum sm_verdict sm_condition_channel(struct sm_evaluate *e,
                                     const struct sm_policy_how *how)
{
    enum sm_verdict v = suite(e, how->suites);

    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(v, post_quantum(e, how->post_quantum));
    if (v != SM_VERDICT_NO)
        v = sm_verdict_both(v, attestation(e, how));
    return v;
}
