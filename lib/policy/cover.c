/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/cover.h"

#include <string.h>

/* ---- words and sets ---- */

bool sm_cover_spend(struct sm_cover *c, size_t n)
{
    if (c->spent || c->left < n) {
        c->left = 0;
        c->spent = true;
        return false;
    }
    c->left -= n;
    return true;
}

static bool has_word(const struct sm_policy_words *w, const char *word)
{
    size_t i;

    for (i = 0; i < w->n; i++)
        if (!strcmp(w->words[i], word))
            return true;
    return false;
}

static bool all_in(const struct sm_policy_words *few,
                   const struct sm_policy_words *many)
{
    size_t i;

    for (i = 0; i < few->n; i++)
        if (!has_word(many, few->words[i]))
            return false;
    return true;
}

static bool none_in(const struct sm_policy_words *x,
                    const struct sm_policy_words *y)
{
    size_t i;

    for (i = 0; i < x->n; i++)
        if (has_word(y, x->words[i]))
            return false;
    return true;
}

/*
 * Whether what fulfils `b` fulfils `a`.
 *   single  whether a host has just one such value
 */
static bool words_cover(struct sm_cover *c, const struct sm_policy_words *a,
                        const struct sm_policy_words *b, bool single)
{
    if (!a->n)
        return true;
    if (!b->n || !sm_cover_spend(c, a->n * b->n))
        return false;
    if (!a->negated)
        return !b->negated && all_in(b, a);
    return b->negated ? all_in(a, b) : single && none_in(b, a);
}

static bool subset(const uint64_t *few, const uint64_t *many, size_t words)
{
    size_t i;

    for (i = 0; i < words; i++)
        if (few[i] & ~many[i])
            return false;
    return true;
}

/* A role is whatever it inherits. */
static bool roles_cover(struct sm_cover *c, const uint64_t *a, bool a_not,
                        const uint64_t *b, bool b_not)
{
    const struct sm_policy *p = c->policy;
    size_t words = sm_policy_set_words(p->n_roles), i, w;
    bool some;

    if (!a)
        return true;
    if (!b || a_not != b_not || !sm_cover_spend(c, p->n_roles))
        return false;
    if (a_not)
        return subset(a, b, words);
    for (i = 0; i < p->n_roles; i++) {
        if (!sm_policy_set_has(b, i))
            continue;
        for (some = false, w = 0; w < words; w++)
            some = some || p->roles[i].is[w] & a[w];
        if (!some)
            return false;
    }
    return true;
}

/* Text that matches pattern `b` matches pattern `a`: for the same pattern,
 * and for one that only ends in "*". */
static bool pattern_covers(const char *a, const char *b)
{
    size_t n;

    if (!a)
        return true;
    if (!b)
        return false;
    n = strcspn(a, "*?");
    return !strcmp(a, b) ||
           (a[n] == '*' && !a[n + 1] && !strncmp(a, b, n));
}

/* ---- one condition of each kind ---- */

static bool who_covers(struct sm_cover *c,
                       const struct sm_policy_who *a,
                       const struct sm_policy_who *b)
{
    const struct sm_policy_words x = { a->accounts, a->n_accounts, false };
    const struct sm_policy_words y = { b->accounts, b->n_accounts, false };
    size_t i, k;

    if (!words_cover(c, &x, &y, true) ||
        !roles_cover(c, a->roles, false, b->roles, false))
        return false;
    if (!a->n_operators)
        return true;
    if (!sm_cover_spend(c, a->n_operators * b->n_operators))
        return false;
    for (i = 0; i < b->n_operators; i++) {
        for (k = 0; k < a->n_operators; k++)
            if (a->operators[k] == b->operators[i])
                break;
        if (k == a->n_operators)
            return false;
    }
    return b->n_operators != 0;
}

static bool vm_covers(struct sm_cover *c, const struct sm_policy_vm *a,
                      const struct sm_policy_vm *b)
{
    const size_t words = sm_policy_set_words(c->policy->n_groups);
    size_t i, k;

    if (!pattern_covers(a->name, b->name) ||
        !pattern_covers(a->label, b->label) ||
        (a->has_uuid && (!b->has_uuid || memcmp(a->uuid, b->uuid, 16))) ||
        a->memory_min > b->memory_min || a->memory_max < b->memory_max)
        return false;
    if (a->groups && (!b->groups || !sm_cover_spend(c, words) ||
                      !subset(b->groups, a->groups, words)))
        return false;
    if (!a->n_owners)
        return true;
    if (!sm_cover_spend(c, a->n_owners * b->n_owners))
        return false;
    for (i = 0; i < b->n_owners; i++) {
        for (k = 0; k < a->n_owners; k++)
            if (a->owners[k] == b->owners[i])
                break;
        if (k == a->n_owners)
            return false;
    }
    return b->n_owners != 0;
}

static bool where_covers(struct sm_cover *c,
                         const struct sm_policy_where *a,
                         const struct sm_policy_where *b)
{
    return words_cover(c, &a->hosts, &b->hosts, true) &&
           words_cover(c, &a->locations, &b->locations, true) &&
           words_cover(c, &a->jurisdictions, &b->jurisdictions, true) &&
           words_cover(c, &a->platforms, &b->platforms, false) &&
           roles_cover(c, a->roles, a->roles_negated, b->roles,
                       b->roles_negated);
}

/* One of the set, or none of it; `n` is how many there can be. */
static bool sets_cover(struct sm_cover *c, const uint64_t *a, bool a_not,
                       const uint64_t *b, bool b_not, size_t n)
{
    size_t words = sm_policy_set_words(n);

    if (a_not != b_not || !sm_cover_spend(c, words))
        return false;
    return a_not ? subset(a, b, words) : subset(b, a, words);
}

static bool when_covers(struct sm_cover *c,
                        const struct sm_policy_when *a,
                        const struct sm_policy_when *b)
{
    return sets_cover(c, a->windows, a->negated, b->windows, b->negated,
                      c->policy->n_windows);
}

static bool how_covers(struct sm_cover *c,
                       const struct sm_policy_how *a,
                       const struct sm_policy_how *b)
{
    return (!a->suites || (b->suites && !(b->suites & ~a->suites))) &&
           (!a->post_quantum || a->post_quantum == b->post_quantum) &&
           (!a->attestations ||
            (b->attestations &&
             sets_cover(c, a->attestations, a->attestations_negated,
                        b->attestations, b->attestations_negated,
                        c->policy->n_platforms)));
}

/* ---- whole rules ---- */

/* For each alternative of `b` one of `a` that covers it; none means any. */
#define KIND_COVERS(kind, list, n_list, covers) \
    static bool kind(struct sm_cover *c, \
                     const struct sm_policy_rule *a, \
                     const struct sm_policy_rule *b) \
    { \
        size_t i, k; \
        if (!a->n_list) \
            return true; \
        for (i = 0; i < b->n_list; i++) { \
            for (k = 0; k < a->n_list; k++) \
                if (!sm_cover_spend(c, 1) || \
                    covers(c, &a->list[k], &b->list[i])) \
                    break; \
            if (k == a->n_list || c->spent) \
                return false; \
        } \
        return b->n_list != 0; \
    }

KIND_COVERS(subjects_cover, subjects, n_subjects, who_covers)
KIND_COVERS(vms_cover, vms, n_vms, vm_covers)
KIND_COVERS(sources_cover, sources, n_sources, where_covers)
KIND_COVERS(destinations_cover, destinations, n_destinations, where_covers)
KIND_COVERS(times_cover, times, n_times, when_covers)
KIND_COVERS(channels_cover, channels, n_channels, how_covers)

bool sm_cover_applies(struct sm_cover *c, const struct sm_policy_rule *a,
                      const struct sm_policy_rule *b)
{
    return !(b->actions & ~a->actions) && vms_cover(c, a, b) &&
           sources_cover(c, a, b) && destinations_cover(c, a, b) &&
           subjects_cover(c, a, b) && times_cover(c, a, b) &&
           channels_cover(c, a, b);
}

/* ---- what rules ask for ---- */

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

/* Each element of a <config> in one of the other that is the same. */
static bool config_covers(struct sm_cover *c,
                          const struct sm_policy_config *a,
                          const struct sm_policy_config *b)
{
    size_t i, k, l;

    if (b->types & ~a->types ||
        (a->has_memory && (!b->has_memory || b->memory_max > a->memory_max)) ||
        (a->has_vcpus && (!b->has_vcpus || b->vcpus_max > a->vcpus_max)))
        return false;
#define EACH(list, n_list, equal) \
    for (i = 0; i < b->n_list; i++) { \
        for (k = 0; k < a->n_list; k++) \
            if (!sm_cover_spend(c, 1) || (equal)) \
                break; \
        if (k == a->n_list || c->spent) \
            return false; \
    }
    EACH(disks, n_disks, same(a->disks[k].path, b->disks[i].path) &&
         same(a->disks[k].script, b->disks[i].script) &&
         a->disks[k].formats == b->disks[i].formats &&
         a->disks[k].backends == b->disks[i].backends &&
         a->disks[k].readonly == b->disks[i].readonly)
    EACH(bridges, n_bridges, same(a->bridges[k].name, b->bridges[i].name) &&
         same(a->bridges[k].script, b->bridges[i].script) &&
         same(a->bridges[k].interface, b->bridges[i].interface))
    EACH(pcis, n_pcis, a->pcis[k].domain == b->pcis[i].domain &&
         a->pcis[k].bus == b->pcis[i].bus &&
         a->pcis[k].dev == b->pcis[i].dev &&
         a->pcis[k].func == b->pcis[i].func &&
         a->pcis[k].permissive == b->pcis[i].permissive)
    EACH(fields, n_fields, same(a->fields[k].path, b->fields[i].path) &&
         same(a->fields[k].value, b->fields[i].value))
    for (l = 0; l < SM_POLICY_LISTS; l++)
        EACH(lists[l].patterns, lists[l].n,
             same(a->lists[l].patterns[k], b->lists[l].patterns[i]))
#undef EACH
    return true;
}

bool sm_cover_demands(struct sm_cover *c, const struct sm_policy_rule *a,
                      const struct sm_policy_rule *b)
{
    const struct sm_policy *p = c->policy;
    const struct sm_policy_require *x = &a->require, *y = &b->require;
    const unsigned int in = 1u << (SM_POLICY_MIGRATE_IN - 1);

    if (x->ticket && x->ticket != y->ticket &&
        !(x->ticket == SM_POLICY_TICKET_ANY && y->ticket))
        return false;
    if (x->approvals > y->approvals)
        return false;
    if (x->approvals && x->approver >= 0 &&
        (y->approver < 0 || !sm_policy_set_has(p->roles[y->approver].is,
                                               (size_t)x->approver)))
        return false;
    /* Two rates are counted apart. */
    if ((x->vm_policy && !y->vm_policy) || x->rate ||
        (x->attestation && x->attestation != y->attestation) ||
        (x->notify_guest && !y->notify_guest) ||
        (x->max_downtime_ms && (!y->max_downtime_ms ||
                                y->max_downtime_ms > x->max_downtime_ms)))
        return false;
    return !a->allow || !(b->actions & in) ||
           config_covers(c, &a->config, &b->config);
}

/* ---- apart ---- */

static bool names_apart(const char *a, const char *b)
{
    if (!a || !b)
        return false;
    if (!strpbrk(a, "*?"))
        return !sm_policy_match_text(b, a);
    return !strpbrk(b, "*?") && !sm_policy_match_text(a, b);
}

static bool vm_apart(struct sm_cover *c, const struct sm_policy_vm *a,
                     const struct sm_policy_vm *b)
{
    (void)c;
    return names_apart(a->name, b->name) ||
           (a->has_uuid && b->has_uuid && memcmp(a->uuid, b->uuid, 16)) ||
           a->memory_min > b->memory_max || b->memory_min > a->memory_max;
}

static bool where_apart(struct sm_cover *c,
                        const struct sm_policy_where *a,
                        const struct sm_policy_where *b)
{
    const struct sm_policy_words *x = &a->hosts, *y = &b->hosts;

    if (!x->n || !y->n || (x->negated && y->negated) ||
        !sm_cover_spend(c, x->n * y->n))
        return false;
    if (x->negated)
        return all_in(y, x);
    return y->negated ? all_in(x, y) : none_in(x, y);
}

#define KIND_APART(kind, list, n_list, apart) \
    static bool kind(struct sm_cover *c, \
                     const struct sm_policy_rule *a, \
                     const struct sm_policy_rule *b) \
    { \
        size_t i, k; \
        for (i = 0; i < a->n_list; i++) \
            for (k = 0; k < b->n_list; k++) \
                if (!sm_cover_spend(c, 1) || \
                    !apart(c, &a->list[i], &b->list[k])) \
                    return false; \
        return a->n_list && b->n_list; \
    }

KIND_APART(vms_apart, vms, n_vms, vm_apart)
KIND_APART(sources_apart, sources, n_sources, where_apart)
KIND_APART(destinations_apart, destinations, n_destinations, where_apart)

bool sm_cover_apart(struct sm_cover *c, const struct sm_policy_rule *a,
                    const struct sm_policy_rule *b)
{
    return vms_apart(c, a, b) || sources_apart(c, a, b) ||
           destinations_apart(c, a, b);
}
