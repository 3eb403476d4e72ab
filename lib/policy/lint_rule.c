/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules that can never apply, one by one. */
#include "policy/lint_rule.h"

#include <string.h>

#include "policy/fields.h"
#include "policy/zone.h"

#define ACTION(a)   (1u << ((a) - 1))
#define WEEK        (7 * 24 * 60 * 60)

static size_t role_words(const struct sm_lint *l)
{
    return sm_policy_set_words(l->policy->n_roles);
}

bool sm_lint_meet(const uint64_t *a, const uint64_t *b, size_t words)
{
    size_t i;

    for (i = 0; i < words; i++)
        if (a[i] & b[i])
            return true;
    return false;
}

#define NO_ATTESTERS "attestation keys are known from certificates alone, " \
                     "and no <authority> counts for them"

/* ---- conditions ---- */

/* Each says why the condition can never hold, or NULL, also when there are too
 * many comparisons for it; *unknown is set when that is because it can never
 * be judged. */

static bool is_operator(const struct sm_lint *l, const struct sm_policy_who *w,
                        const struct sm_policy_operator *o)
{
    size_t i;

    for (i = 0; i < w->n_accounts; i++)
        if (o->account && !strcmp(w->accounts[i], o->account))
            break;
    if (w->n_accounts && i == w->n_accounts)
        return false;
    for (i = 0; i < w->n_operators; i++)
        if (w->operators[i] == o)
            break;
    if (w->n_operators && i == w->n_operators)
        return false;
    return !w->roles || sm_lint_meet(w->roles, o->roles, role_words(l));
}

static const char *who_never(struct sm_lint *l,
                             const struct sm_policy_who *w,
                             bool *unknown)
{
    const struct sm_policy *p = l->policy;
    size_t i;

    (void)unknown;
    if (!p->n_operators)
        return w->roles ? "there are no operators that could have the role" :
                          NULL;
    for (i = 0; i < p->n_operators; i++)
        if (!sm_cover_spend(&l->cover, w->n_accounts + w->n_operators + 1) ||
            is_operator(l, w, &p->operators[i]))
            return NULL;
    return w->n_accounts && !w->roles && !w->n_operators ?
           "no operator has such an account" : "no operator is like that";
}

static const char *vm_never(struct sm_lint *l,
                            const struct sm_policy_vm *vm,
                            bool *unknown)
{
    const struct sm_policy *p = l->policy;
    size_t i;

    (void)unknown;
    if (!vm->groups || !sm_cover_spend(&l->cover, p->n_groups))
        return NULL;
    for (i = 0; i < p->n_groups; i++)
        if (sm_policy_set_has(vm->groups, i) && p->groups[i].n_vms)
            return NULL;
    return "no guest is in the group";
}

/* Some authority whose word on this attribute counts. */
static bool certified(const struct sm_policy *p, unsigned int attribute)
{
    size_t i;

    for (i = 0; i < p->n_authorities; i++)
        if (p->authorities[i].attributes & attribute)
            return true;
    return false;
}

/* Whether a host of the document is what the names and roles ask for. */
static bool is_host(const struct sm_lint *l, const struct sm_policy_where *w,
                    const struct sm_policy_host *h)
{
    const struct sm_policy_words *names = &w->hosts;
    bool listed = false, role;
    size_t i;

    for (i = 0; h->id && i < names->n && !listed; i++)
        listed = !strcmp(names->words[i], h->id);
    if (h->id && names->n && listed == names->negated)
        return false;
    if (!w->roles)
        return true;
    role = h->roles && sm_lint_meet(w->roles, h->roles, role_words(l));
    return role != w->roles_negated;
}

static const char *where_never(struct sm_lint *l,
                               const struct sm_policy_where *w,
                               bool *unknown)
{
    const struct sm_policy *p = l->policy;
    const struct sm_policy_host *h;
    size_t i;

    if (p->has_vm)
        return NULL;            /* of hosts it knows nothing */
    if ((w->locations.n && !certified(p, SM_POLICY_LOCATION)) ||
        (w->jurisdictions.n && !certified(p, SM_POLICY_JURISDICTION)) ||
        (w->platforms.n && !certified(p, SM_POLICY_PLATFORM))) {
        *unknown = true;
        return "such an attribute is known from certificates alone, and no "
               "<authority> counts for it";
    }
    for (i = 0; i < p->n_certified; i++)
        if (is_host(l, w, &p->certified[i]))
            return NULL;
    for (i = 0; !w->hosts.negated && i < w->hosts.n; i++) {
        h = sm_policy_find_host(p, w->hosts.words[i]);
        if (h && is_host(l, w, h))
            return NULL;
    }
    for (i = 0; (!w->hosts.n || w->hosts.negated) && i < p->n_hosts; i++)
        if (!sm_cover_spend(&l->cover, w->hosts.n + 1) ||
            is_host(l, w, &p->hosts[i]))
            return NULL;
    return "no host is like that";
}

static bool in_windows(const struct sm_policy *p,
                       const struct sm_policy_when *w, int64_t t)
{
    bool in = false;
    size_t i;

    for (i = 0; i < p->n_windows && !in; i++)
        in = sm_policy_set_has(w->windows, i) &&
             sm_policy_window_has(&p->windows[i], t);
    return in != w->negated;
}

/* A week goes round: only windows that leave nothing out, or a document that
 * is not valid for a week, can make a time that never comes. */
static const char *when_never(struct sm_lint *l,
                              const struct sm_policy_when *w,
                              bool *unknown)
{
    const struct sm_policy *p = l->policy;
    int64_t t;
    size_t i;

    (void)unknown;
    if (p->start != INT64_MIN && p->expiry != INT64_MAX &&
        p->expiry - p->start < WEEK) {
        for (t = p->start; t < p->expiry; t += 60)
            if (!sm_cover_spend(&l->cover, p->n_windows) ||
                in_windows(p, w, t))
                return NULL;
        return in_windows(p, w, p->expiry) ? NULL :
               "not while the policy is valid";
    }
    if (!w->negated)
        return NULL;
    for (i = 0; i < p->n_windows; i++)
        if (sm_policy_set_has(w->windows, i) &&
            p->windows[i].from == p->windows[i].to &&
            p->windows[i].days == 0x7f)
            return "the windows leave no time out";
    return NULL;
}

static const char *how_never(struct sm_lint *l,
                             const struct sm_policy_how *h,
                             bool *unknown)
{
    *unknown = true;
    return h->attestations && !l->attesters ? NO_ATTESTERS : NULL;
}

/* ---- a rule ---- */

#define KIND_DEAD(kind, list, n_list, never, element) \
    static bool kind(struct sm_lint *l, const struct sm_policy_rule *r) \
    { \
        const char *why; \
        size_t i, n = 0; \
        bool unknown; \
        for (i = 0; i < r->n_list; i++) { \
            unknown = false; \
            why = never(l, &r->list[i], &unknown); \
            if (!why) \
                continue; \
            unknown = unknown && !r->allow; \
            n += !unknown; \
            sm_lint_warn(l, r->list[i].line, \
                         "<" element "> of rule \"%s\" can never %s: %s", \
                         r->id, unknown ? \
                         "be judged, so that it counts as fulfilled" : \
                         "hold", why); \
        } \
        return n && n == r->n_list; \
    }

KIND_DEAD(subjects_dead, subjects, n_subjects, who_never, "subject")
KIND_DEAD(vms_dead, vms, n_vms, vm_never, "vm")
KIND_DEAD(sources_dead, sources, n_sources, where_never, "source")
KIND_DEAD(destinations_dead, destinations, n_destinations, where_never,
          "destination")
KIND_DEAD(times_dead, times, n_times, when_never, "time")
KIND_DEAD(channels_dead, channels, n_channels, how_never, "channel")

/* Hosts listed that are not what the rest of the element asks for. */
static void listed_in_vain(struct sm_lint *l, const struct sm_policy_rule *r,
                           const struct sm_policy_where *list, size_t n)
{
    const struct sm_policy_host *h;
    const struct sm_policy_where *w;
    size_t i, k;

    for (i = 0; i < n; i++) {
        w = &list[i];
        if (!w->roles || w->hosts.negated || w->hosts.n < 2)
            continue;           /* one alone: see where_never() */
        for (k = 0; k < w->hosts.n; k++) {
            h = sm_policy_find_host(l->policy, w->hosts.words[k]);
            if (h && !l->policy->n_certified && !is_host(l, w, h))
                sm_lint_warn(l, w->line, "rule \"%s\" lists host %s, which "
                             "is not of a role that is asked for beside it",
                             r->id, h->id);
        }
    }
}

/* How many operators can approve. */
static size_t approvers(const struct sm_policy *p, int role)
{
    size_t i, n = 0;

    for (i = 0; i < p->n_operators; i++)
        n += role < 0 ||
             sm_policy_set_has(p->operators[i].roles, (size_t)role);
    return n;
}

static void check_require(struct sm_lint *l, const struct sm_policy_rule *r)
{
    const struct sm_policy_require *q = &r->require;
    const struct sm_policy *p = l->policy;
    size_t n;

    if (!q->line)
        return;
    if (q->attestation && !l->attesters)
        sm_lint_warn(l, q->line, "rule \"%s\" can never allow anything: "
                     NO_ATTESTERS, r->id);
    if (q->notify_guest)
        sm_lint_warn(l, q->line, "rule \"%s\" can never allow anything: hosts "
                     "cannot notify guests yet", r->id);
    if (q->max_downtime_ms)
        sm_lint_warn(l, q->line, "rule \"%s\" can never allow anything: hosts "
                     "cannot bound a guest's downtime yet", r->id);
    if (p->has_vm)
        return;                 /* owners and operators are the site's */
    if ((q->ticket == SM_POLICY_TICKET_OWNER || q->vm_policy) && !p->n_owners)
        sm_lint_warn(l, q->line, "rule \"%s\" can never allow anything: there "
                     "are no <owners>", r->id);
    if ((q->ticket == SM_POLICY_TICKET_OPERATOR && !l->operator_keys) ||
        (q->ticket == SM_POLICY_TICKET_ANY && !l->operator_keys &&
         !p->n_owners))
        sm_lint_warn(l, q->line, "rule \"%s\" can never allow anything: "
                     "nobody has a key to sign its ticket", r->id);
    n = q->approvals ? approvers(p, q->approver) : 0;
    if (n < q->approvals)
        sm_lint_warn(l, q->line, "rule \"%s\" can never allow anything: %u "
                     "approvals, and %zu operator%s could give one", r->id,
                     q->approvals, n, n == 1 ? "" : "s");
}

/* The element that alone decides about a field, or NULL. */
static const char *bound_to(const char *path)
{
    const struct sm_policy_known *known;
    char field[256], *p;

    /* The table is asked about one device, which stands for any. */
    if (strlen(path) >= sizeof(field))
        return NULL;
    strcpy(field, path);
    for (p = field; (p = strstr(p, "[*]")); p += 3)
        p[1] = '0';
    known = sm_policy_field_find(field);
    if (!known)
        return NULL;
    return known->kind == SM_FIELD_DISK ? "disk" :
           known->kind == SM_FIELD_NIC ? "bridge" :
           known->kind == SM_FIELD_PCI ? "pci" : NULL;
}

/* Fields that <field> cannot allow, and a path that is none: in paths, unlike
 * values, a star alone is no pattern. */
static void check_fields(struct sm_lint *l, const struct sm_policy_rule *r)
{
    const struct sm_policy_field *f;
    const char *element;
    size_t i;

    for (i = 0; i < r->config.n_fields; i++) {
        f = &r->config.fields[i];
        element = bound_to(f->path);
        if (element)
            sm_lint_warn(l, f->line, "<field path=\"%s\"> of rule \"%s\" has "
                         "no effect: use <%s>", f->path, r->id, element);
        else if (!strcmp(f->path, "*"))
            sm_lint_warn(l, f->line, "<field path=\"*\"> of rule \"%s\" has "
                         "no effect: it is not any field, only [*] in a path "
                         "stands for something", r->id);
    }
}

/* Actions that no operator's role permits, and subjects of incoming guests. */
static bool check_actions(struct sm_lint *l, const struct sm_policy_rule *r)
{
    const unsigned int in = ACTION(SM_POLICY_MIGRATE_IN);
    const struct sm_policy *p = l->policy;

    if (r->n_subjects && r->actions & in && !l->operator_keys)
        sm_lint_warn(l, r->subjects[0].line, "<subject> of rule \"%s\" is "
                     "never known on the destination: no operator has a key, "
                     "so migrate-in is %s", r->id, r->allow ?
                     "not allowed by this rule" : "always denied by it");
    if (!p->n_operators || !r->allow)
        return false;
    if (r->actions & ~in & ~l->permitted)
        sm_lint_warn(l, r->line, "rule \"%s\" allows something that no "
                     "operator's role permits", r->id);
    return !(r->actions & (l->permitted | in));
}

void sm_lint_rule(struct sm_lint *l, size_t rule)
{
    const struct sm_policy_rule *r = &l->policy->rules[rule];
    bool dead = false;

    dead = subjects_dead(l, r) || dead;
    dead = vms_dead(l, r) || dead;
    dead = sources_dead(l, r) || dead;
    dead = destinations_dead(l, r) || dead;
    dead = times_dead(l, r) || dead;
    dead = channels_dead(l, r) || dead;
    listed_in_vain(l, r, r->sources, r->n_sources);
    listed_in_vain(l, r, r->destinations, r->n_destinations);
    check_require(l, r);
    check_fields(l, r);
    dead = check_actions(l, r) || dead;
    l->dead[rule] = dead;
    if (dead && r->allow)
        sm_lint_warn(l, r->line, "rule \"%s\" can never apply", r->id);
}
