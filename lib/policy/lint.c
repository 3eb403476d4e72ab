/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "policy/cover.h"
#include "policy/lint_rule.h"

#define ACTION(a)   (1u << ((a) - 1))
#define SOON        (30 * INT64_C(86400))
#define WARNINGS_MAX 1000
#define COMPARISONS_MAX 20000000    /* some tenths of a second */

void sm_lint_warn(struct sm_lint *l, unsigned int line, const char *fmt, ...)
{
    struct sm_lint_warning *more;
    char text[512];
    va_list ap;
    size_t room;

    if (l->n == WARNINGS_MAX)
        return;
    if (l->n == l->room) {
        room = l->room ? 2 * l->room : 16;
        more = realloc(l->warnings, room * sizeof(*more));
        if (!more) {
            l->no_memory = true;
            return;
        }
        l->warnings = more;
        l->room = room;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    l->warnings[l->n].line = line;
    l->warnings[l->n].text = strdup(text);
    if (!l->warnings[l->n].text)
        l->no_memory = true;
    else
        l->n++;
}

/* ---- the document ---- */

static void check_validity(struct sm_lint *l, int64_t now)
{
    const struct sm_policy *p = l->policy;
    char when[21];

    if (p->expiry < now) {
        sm_clock_format(p->expiry, when);
        sm_lint_warn(l, p->line, "the policy has expired on %s: everything "
                     "is denied", when);
    } else if (p->start > now) {
        sm_clock_format(p->start, when);
        sm_lint_warn(l, p->line, "the policy is not valid before %s: until "
                     "then everything is denied", when);
    } else if (p->expiry - SOON < now) {
        sm_clock_format(p->expiry, when);
        sm_lint_warn(l, p->line, "the policy expires soon, on %s: then "
                     "everything is denied", when);
    }
}

/* ---- roles ---- */

static void count_roles(struct sm_lint *l)
{
    const struct sm_policy *p = l->policy;
    size_t i, k, w, words = sm_policy_set_words(p->n_roles);

    for (i = 0; i < p->n_operators; i++) {
        l->operator_keys = l->operator_keys || p->operators[i].has_key;
        for (w = 0; w < words; w++)
            l->held[w] |= p->operators[i].roles[w];
    }
    for (i = 0; i < p->n_hosts + p->n_certified; i++) {
        const struct sm_policy_host *h = i < p->n_hosts ? &p->hosts[i] :
                                         &p->certified[i - p->n_hosts];

        for (w = 0; h->roles && w < words; w++)
            l->hosted[w] |= h->roles[w];
    }
    for (k = 0; k < p->n_roles; k++)
        if (sm_policy_set_has(l->held, k))
            l->permitted |= p->roles[k].permits;
}

static unsigned int common(const struct sm_policy *p, const uint64_t *a,
                           const uint64_t *b)
{
    unsigned int n = 0;
    size_t i;

    for (i = 0; i < p->n_roles; i++)
        n += sm_policy_set_has(a, i) && sm_policy_set_has(b, i);
    return n;
}

static void check_roles(struct sm_lint *l)
{
    const struct sm_policy *p = l->policy;
    const struct sm_policy_role *r;
    bool anyone = false;
    size_t i, k;

    for (i = 0; i < p->n_roles; i++) {
        r = &p->roles[i];
        if (!sm_policy_set_has(l->held, i) && !sm_policy_set_has(l->hosted, i))
            sm_lint_warn(l, r->line, "role \"%s\": no operator and no host "
                         "has it", r->id);
        for (k = 0; k < p->n_exclusives; k++)
            if (!p->exclusives[k].dynamic &&
                common(p, r->is, p->exclusives[k].roles) >
                    p->exclusives[k].at_most)
                sm_lint_warn(l, r->line, "role \"%s\": no operator can have "
                             "it, as it inherits roles that <exclusive> "
                             "\"%s\" keeps apart", r->id,
                             p->exclusives[k].id);
    }
    for (i = 0; i < p->n_rules; i++)
        anyone = anyone || (p->rules[i].require.approvals &&
                            p->rules[i].require.approver < 0);
    /* One without a role may still approve, or sign tickets. */
    for (i = 0; i < p->n_operators && !anyone; i++)
        if (!p->operators[i].has_key &&
            common(p, p->operators[i].roles, p->operators[i].roles) == 0)
            sm_lint_warn(l, p->operators[i].line, "operator \"%s\" has no "
                         "role, so that nothing is permitted",
                         p->operators[i].id);
}

/* What another one excludes already, or nobody could ever do. */
static void check_exclusives(struct sm_lint *l)
{
    const struct sm_policy *p = l->policy;
    const struct sm_policy_exclusive *x, *y;
    size_t i, k;

    for (i = 0; i < p->n_exclusives; i++) {
        x = &p->exclusives[i];
        if (!p->n_operators) {
            sm_lint_warn(l, x->line, "<exclusive> \"%s\" has no effect: there "
                         "are no <operators>", x->id);
            continue;
        }
        for (k = 0; k < p->n_exclusives; k++) {
            y = &p->exclusives[k];
            if (i == k || (y->dynamic && !x->dynamic) ||
                y->at_most > x->at_most ||
                common(p, x->roles, y->roles) !=
                    common(p, x->roles, x->roles))
                continue;
            /* Of two that are the same the later one is superfluous. */
            if (x->dynamic == y->dynamic && x->at_most == y->at_most &&
                common(p, y->roles, y->roles) ==
                    common(p, x->roles, x->roles) && k > i)
                continue;
            sm_lint_warn(l, x->line, "<exclusive> \"%s\" can never have an "
                         "effect: \"%s\" (line %u) excludes as much", x->id,
                         y->id, y->line);
            break;
        }
    }
}

static void check_groups(struct sm_lint *l)
{
    const struct sm_policy *p = l->policy;
    size_t i;

    for (i = 0; i < p->n_groups; i++)
        if (!p->groups[i].n_vms)
            sm_lint_warn(l, p->groups[i].line, "group \"%s\" has no guests",
                         p->groups[i].id);
}

/* ---- platforms ---- */

static bool asks_for(const struct sm_policy_rule *r, const struct sm_policy *p,
                     size_t platform)
{
    size_t i;

    if (r->require.attestation == &p->platforms[platform])
        return true;
    for (i = 0; i < r->n_channels; i++)
        if (r->channels[i].attestations &&
            sm_policy_set_has(r->channels[i].attestations, platform))
            return true;
    return false;
}

static void check_pcrs(struct sm_lint *l, const struct sm_policy_platform *set)
{
    unsigned int pcr;
    size_t i;

    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++) {
        if (set->pcrs & 1u << pcr && sm_policy_pcr_is_free(pcr))
            sm_lint_warn(l, set->line, "platform \"%s\": PCR %u proves "
                         "nothing, as anyone on the host can reset it",
                         set->id, pcr);
        for (i = 0; i < set->pcr[pcr].n; i++)
            if (sm_policy_pcr_is_untouched(set->pcr[pcr].values[i]))
                sm_lint_warn(l, set->line, "platform \"%s\": a value of PCR "
                             "%u is that of a host that measures nothing "
                             "into it", set->id, pcr);
    }
}

static void check_platforms(struct sm_lint *l)
{
    const struct sm_policy *p = l->policy;
    size_t i, k;

    l->attesters = p->has_vm && !p->n_authorities;
    for (i = 0; i < p->n_authorities; i++)
        l->attesters = l->attesters ||
                       p->authorities[i].attributes & SM_POLICY_ATTESTATION;
    for (i = 0; i < p->n_platforms; i++) {
        check_pcrs(l, &p->platforms[i]);
        for (k = 0; k < p->n_rules; k++)
            if (asks_for(&p->rules[k], p, i))
                break;
        if (k == p->n_rules)
            sm_lint_warn(l, p->platforms[i].line, "platform \"%s\": no rule "
                         "asks for it", p->platforms[i].id);
    }
}

/* ---- rules among each other ---- */

/* Some bits for a word. */
static uint64_t word_bits(const char *word)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *word; word++)
        h = (h ^ (unsigned char)*word) * UINT64_C(0x100000001b3);
    return UINT64_C(1) << (h >> 58) | UINT64_C(1) << (h >> 52 & 63);
}

/* Bits of all hosts in a list of alternatives; all bits when one of them
 * may be other hosts, too. */
static uint64_t where_bits(const struct sm_policy_where *list, size_t n)
{
    uint64_t bits = 0;
    size_t i, k;

    for (i = 0; i < n; i++) {
        if (!list[i].hosts.n || list[i].hosts.negated)
            return UINT64_MAX;
        for (k = 0; k < list[i].hosts.n; k++)
            bits |= word_bits(list[i].hosts.words[k]);
    }
    return n ? bits : UINT64_MAX;
}

static uint64_t vm_bits(struct sm_lint *l, const struct sm_policy_rule *r)
{
    const struct sm_policy *p = l->policy;
    uint64_t bits = 0;
    size_t i, k;

    for (i = 0; i < r->n_vms; i++) {
        if (!r->vms[i].groups || !sm_cover_spend(&l->cover, p->n_groups))
            return UINT64_MAX;
        for (k = 0; k < p->n_groups; k++)
            if (sm_policy_set_has(r->vms[i].groups, k))
                bits |= word_bits(p->groups[k].id);
    }
    return r->n_vms ? bits : UINT64_MAX;
}

static void sketch(struct sm_lint *l)
{
    const struct sm_policy_rule *r;
    size_t i;

    for (i = 0; i < l->policy->n_rules; i++) {
        r = &l->policy->rules[i];
        l->sketches[i].vms = vm_bits(l, r);
        l->sketches[i].sources = where_bits(r->sources, r->n_sources);
        l->sketches[i].destinations = where_bits(r->destinations,
                                                 r->n_destinations);
    }
}

/* Whether rule `a` cannot cover rule `b`, at a glance: whatever a rule names
 * one that covers it names as well, or names nothing of the kind. */
static bool cannot_cover(const struct sm_lint *l, size_t a, size_t b)
{
    const struct sm_lint_sketch *x = &l->sketches[a], *y = &l->sketches[b];

    return y->vms & ~x->vms || y->sources & ~x->sources ||
           y->destinations & ~x->destinations;
}

/* Only the deciding rule's reason is shown, and its obligations count: the
 * first one of a document that applies. */
static bool says_more(const struct sm_policy_rule *b, bool first)
{
    return first && (b->allow ? b->require.notify_guest ||
                                b->require.max_downtime_ms :
                                b->reason != NULL);
}

static void check_covered(struct sm_lint *l, size_t k)
{
    const struct sm_policy *p = l->policy;
    const struct sm_policy_rule *a, *b = &p->rules[k];
    size_t i;

    for (i = 0; i < p->n_rules && !l->cover.spent; i++) {
        a = &p->rules[i];
        if (i == k || l->dead[i] || (a->allow && !b->allow) ||
            b->actions & ~a->actions || cannot_cover(l, i, k) ||
            !sm_cover_applies(&l->cover, a, b))
            continue;
        if (a->allow != b->allow) {
            sm_lint_warn(l, b->line, "rule \"%s\" can never allow anything: "
                         "whatever it applies to is denied by rule \"%s\" "
                         "(line %u)", b->id, a->id, a->line);
            return;
        }
        if (!sm_cover_demands(&l->cover, a, b) || says_more(b, k < i))
            continue;
        /* Of two that say the same the later one is superfluous. */
        if (k < i && sm_cover_applies(&l->cover, b, a) &&
            sm_cover_demands(&l->cover, b, a) && !says_more(a, false))
            continue;
        if (b->require.line && !a->require.line)
            sm_lint_warn(l, b->line, "what rule \"%s\" requires has no "
                         "effect: rule \"%s\" (line %u) allows the same "
                         "without", b->id, a->id, a->line);
        else
            sm_lint_warn(l, b->line, "rule \"%s\" has no effect: rule \"%s\" "
                         "(line %u) %s the same or more", b->id, a->id,
                         a->line, b->allow ? "allows" : "denies");
        return;
    }
}

static unsigned int other_end(unsigned int actions)
{
    return (actions & ACTION(SM_POLICY_MIGRATE_OUT) ?
            ACTION(SM_POLICY_MIGRATE_IN) : 0) |
           (actions & ACTION(SM_POLICY_MIGRATE_IN) ?
            ACTION(SM_POLICY_MIGRATE_OUT) : 0);
}

/* A migration needs the source's leave and the destination's. */
static void check_both_ends(struct sm_lint *l, size_t k)
{
    const struct sm_policy *p = l->policy;
    const struct sm_policy_rule *a = &p->rules[k], *b;
    unsigned int missing = other_end(a->actions) & ~a->actions, any = 0;
    size_t i;

    for (i = 0; i < p->n_rules && missing; i++) {
        b = &p->rules[i];
        if (!b->allow || l->dead[i] || !(b->actions & missing))
            continue;
        any |= b->actions & missing;
        if (!sm_cover_apart(&l->cover, a, b))
            missing &= ~b->actions;
    }
    if (missing)
        sm_lint_warn(l, a->line, "rule \"%s\" allows %s, and no rule allows "
                     "the %s of %s: right only if the other host follows "
                     "another policy", a->id,
                     missing & ACTION(SM_POLICY_MIGRATE_IN) ? "migrate-out" :
                                                              "migrate-in",
                     missing & ACTION(SM_POLICY_MIGRATE_IN) ? "migrate-in" :
                                                              "migrate-out",
                     missing & any ? "such guests between such hosts" :
                                     "any guest");
}

static void check_rules(struct sm_lint *l)
{
    const struct sm_policy *p = l->policy;
    bool allows = false;
    size_t i;

    for (i = 0; i < p->n_rules; i++) {
        sm_lint_rule(l, i);
        allows = allows || (p->rules[i].allow && !l->dead[i]);
    }
    if (!allows && !p->has_vm)
        sm_lint_warn(l, p->line, "no rule allows anything: everything is "
                     "denied");
    for (i = 0; i < p->n_rules; i++) {
        if (l->dead[i])
            continue;
        check_covered(l, i);
        if (p->rules[i].allow)
            check_both_ends(l, i);
    }
}

/* ---- lint.h ---- */

static int by_line(const void *a, const void *b)
{
    const struct sm_lint_warning *x = a, *y = b;

    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return strcmp(x->text, y->text);
}

size_t sm_policy_lint(const struct sm_policy *policy, int64_t now,
                      sm_policy_lint_fn *fn, void *ctx)
{
    const size_t words = sm_policy_set_words(policy->n_roles) + 1;
    struct sm_lint l = {
        .policy = policy,
        .cover = { .policy = policy, .left = COMPARISONS_MAX },
    };
    size_t i, n;

    l.held = calloc(words, sizeof(*l.held));
    l.hosted = calloc(words, sizeof(*l.hosted));
    l.dead = calloc(policy->n_rules + 1, sizeof(*l.dead));
    l.sketches = calloc(policy->n_rules + 1, sizeof(*l.sketches));
    if (l.held && l.hosted && l.dead && l.sketches) {
        sketch(&l);
        count_roles(&l);
        check_validity(&l, now);
        check_roles(&l);
        check_exclusives(&l);
        check_groups(&l);
        check_platforms(&l);
        check_rules(&l);
    } else {
        l.no_memory = true;
    }
    if (l.n)
        qsort(l.warnings, l.n, sizeof(*l.warnings), by_line);
    n = l.n;
    if (l.cover.spent) {
        fn(ctx, policy->line, "the document is too large for all pairs of "
           "rules to be compared: there may be more to warn of");
        n++;
    }
    for (i = 0; i < l.n; i++) {
        fn(ctx, l.warnings[i].line, l.warnings[i].text);
        free(l.warnings[i].text);
    }
    if (l.no_memory) {
        fn(ctx, l.n ? l.warnings[l.n - 1].line : policy->line,
           "there is not enough memory to look for more");
        n++;
    }
    free(l.warnings);
    free(l.held);
    free(l.hosted);
    free(l.dead);
    free(l.sketches);
    return n;
}
