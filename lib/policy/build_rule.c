/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <rules>: the rules and their conditions. */
#include "policy/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "channel/suite.h"

#define ACTION(a)   (1u << ((a) - 1))
#define MIGRATE     (ACTION(SM_POLICY_MIGRATE_OUT) | \
                     ACTION(SM_POLICY_MIGRATE_IN))
/* Actions that have a guest and two hosts. */
#define OF_A_GUEST  (MIGRATE | ACTION(SM_POLICY_ABORT) | \
                     ACTION(SM_POLICY_FORCE_HANDOVER))

/* Attributes of <source> and <destination>. */
#define WHERE "host host-not location location-not jurisdiction " \
              "jurisdiction-not platform platform-not"

/* A condition that not all actions of the rule can fulfil would not be known
 * for the others: an allow rule would never apply to them, a deny rule
 * always. */
static int fits(struct sm_node_context *b, xmlNode *e,
                const struct sm_policy_rule *rule, unsigned int actions,
                const char *which)
{
    if (!(rule->actions & ~actions))
        return 0;
    return sm_node_fail(b, e, "<%.64s> in a rule for actions without one: it "
                        "is known for %s only", (const char *)e->name, which);
}

/* ---- lists of words ---- */

static bool any_word_ok(const char *s)
{
    return sm_policy_id_ok(s);
}

/* A list of words that `ok` accepts; *n is 0 when it is missing. */
static int build_words(struct sm_node_context *b, xmlNode *e,
                       const char *name, bool (*ok)(const char *s),
                       const char *what, const char ***words, size_t *n)
{
    const char *value, *p, *word;
    size_t len, total, i;
    char *copy;
    int rc;

    *n = 0;
    rc = sm_node_attr(b, e, name, &value);
    if (rc || !value)
        return rc;
    total = sm_node_count_words(value);
    if (!total)
        return sm_node_bad(b, e, name, value, "empty list");
    *words = sm_policy_pool_new(b->policy, total, sizeof(**words));
    if (!*words)
        return SM_NO_MEMORY;
    for (p = value; sm_node_next_word(&p, &word, &len);) {
        copy = sm_policy_pool_new(b->policy, len + 1, 1);
        if (!copy)
            return SM_NO_MEMORY;
        memcpy(copy, word, len);
        if (!ok(copy))
            return sm_node_bad(b, e, name, copy, what);
        for (i = 0; i < *n; i++)
            if (!strcmp((*words)[i], copy))
                return sm_node_fail(b, e, "<%.64s> %s: \"%.64s\" twice",
                                    (const char *)e->name, name, copy);
        (*words)[(*n)++] = copy;
    }
    return 0;
}

/* NAME or NAME-not. */
static int build_either(struct sm_node_context *b, xmlNode *e,
                        const char *name, const char *name_not,
                        struct sm_policy_words *w)
{
    struct sm_policy_words other = { .n = 0 };
    int rc;

    rc = build_words(b, e, name, any_word_ok, "not a name", &w->words, &w->n);
    if (!rc)
        rc = build_words(b, e, name_not, any_word_ok, "not a name",
                         &other.words, &other.n);
    if (rc || !other.n)
        return rc;
    if (w->n)
        return sm_node_fail(b, e, "<%.64s>: both %s and %s",
                            (const char *)e->name, name, name_not);
    *w = other;
    w->negated = true;
    return 0;
}

/* ---- conditions ---- */

static int build_subject(struct sm_node_context *b, xmlNode *e,
                         struct sm_policy_who *who)
{
    size_t *list, i;
    int rc;

    who->line = sm_node_line(e);
    rc = sm_node_leaf(b, e, "account operator role");
    if (rc)
        return rc;
    rc = build_words(b, e, "account", sm_policy_account_ok,
                     "not an account name", &who->accounts,
                     &who->n_accounts);
    if (!rc)
        rc = sm_build_list(b, e, "operator", SM_BUILD_OPERATOR, &list,
                           &who->n_operators);
    if (rc)
        return rc;
    who->operators = sm_policy_pool_new(b->policy, who->n_operators,
                                        sizeof(*who->operators));
    if (!who->operators)
        return SM_NO_MEMORY;
    for (i = 0; i < who->n_operators; i++)
        who->operators[i] = &b->policy->operators[list[i]];
    rc = sm_build_set(b, e, "role", SM_BUILD_ROLE, b->policy->n_roles,
                      &who->roles);
    if (!rc && !who->n_accounts && !who->n_operators && !who->roles)
        rc = sm_node_fail(b, e, "<subject> needs account, operator or role");
    return rc;
}

/* Without <certified> the hosts of the site are those that are listed. */
static int hosts_exist(struct sm_node_context *b, xmlNode *e,
                       const struct sm_policy_words *hosts)
{
    const struct sm_policy *p = b->policy;
    size_t i;

    if (p->has_vm || p->n_certified)
        return 0;
    for (i = 0; i < hosts->n; i++)
        if (!sm_policy_find_host(p, hosts->words[i]))
            return sm_node_bad(b, e, hosts->negated ? "host-not" : "host",
                               hosts->words[i], "no such host in <hosts>");
    return 0;
}

static int build_where(struct sm_node_context *b, xmlNode *e,
                       struct sm_policy_where *w)
{
    const size_t n_roles = b->policy->n_roles;
    sm_policy_set nots = NULL;
    int rc;

    w->line = sm_node_line(e);
    rc = sm_node_leaf(b, e, b->policy->has_vm ? WHERE :
                      WHERE " role role-not");
    if (rc)
        return rc;
    rc = build_either(b, e, "host", "host-not", &w->hosts);
    if (!rc)
        rc = hosts_exist(b, e, &w->hosts);
    if (!rc)
        rc = build_either(b, e, "location", "location-not", &w->locations);
    if (!rc)
        rc = build_either(b, e, "jurisdiction", "jurisdiction-not",
                          &w->jurisdictions);
    if (!rc)
        rc = build_either(b, e, "platform", "platform-not", &w->platforms);
    if (!rc)
        rc = sm_build_set(b, e, "role", SM_BUILD_ROLE, n_roles, &w->roles);
    if (!rc)
        rc = sm_build_set(b, e, "role-not", SM_BUILD_ROLE, n_roles, &nots);
    if (rc)
        return rc;
    if (w->roles && nots)
        return sm_node_fail(b, e, "<%.64s>: both role and role-not",
                            (const char *)e->name);
    if (nots) {
        w->roles = nots;
        w->roles_negated = true;
    }
    if (!w->hosts.n && !w->locations.n && !w->jurisdictions.n &&
        !w->platforms.n && !w->roles)
        return sm_node_fail(b, e, "<%.64s> without an attribute selects "
                            "nothing; leave it out for any host",
                            (const char *)e->name);
    return 0;
}

static int build_time(struct sm_node_context *b, xmlNode *e,
                      struct sm_policy_when *when)
{
    sm_policy_set nots = NULL;
    int rc;

    when->line = sm_node_line(e);
    rc = sm_node_leaf(b, e, "window window-not");
    if (rc)
        return rc;
    rc = sm_build_set(b, e, "window", SM_BUILD_WINDOW, b->policy->n_windows,
                      &when->windows);
    if (!rc)
        rc = sm_build_set(b, e, "window-not", SM_BUILD_WINDOW,
                          b->policy->n_windows, &nots);
    if (rc)
        return rc;
    if (!when->windows == !nots)
        return sm_node_fail(b, e, "<time> needs either window or window-not");
    if (nots) {
        when->windows = nots;
        when->negated = true;
    }
    return 0;
}

static bool suite_ok(const char *name)
{
    enum sm_suite suite;

    return !sm_suite_by_name(name, &suite) && suite != SM_SUITE_NONE;
}

static int build_channel(struct sm_node_context *b, xmlNode *e,
                         struct sm_policy_how *how)
{
    const size_t n_platforms = b->policy->n_platforms;
    sm_policy_set nots = NULL;
    const char **names, *pq;
    enum sm_suite suite;
    size_t n, i;
    int rc;

    how->line = sm_node_line(e);
    rc = sm_node_leaf(b, e, "suite post-quantum attestation attestation-not");
    if (rc)
        return rc;
    rc = build_words(b, e, "suite", suite_ok, "no such suite", &names, &n);
    if (!rc)
        rc = sm_node_attr(b, e, "post-quantum", &pq);
    if (!rc)
        rc = sm_build_set(b, e, "attestation", SM_BUILD_PLATFORM,
                          n_platforms, &how->attestations);
    if (!rc)
        rc = sm_build_set(b, e, "attestation-not", SM_BUILD_PLATFORM,
                          n_platforms, &nots);
    if (rc)
        return rc;
    if (how->attestations && nots)
        return sm_node_fail(b, e, "<channel>: both attestation and "
                            "attestation-not");
    if (nots) {
        how->attestations = nots;
        how->attestations_negated = true;
    }
    for (i = 0; i < n; i++)
        if (!sm_suite_by_name(names[i], &suite))
            how->suites |= SM_SUITE_BIT(suite);
    if (pq) {
        if (strcmp(pq, "yes") && strcmp(pq, "no"))
            return sm_node_bad(b, e, "post-quantum", pq,
                               "neither yes nor no");
        how->post_quantum = *pq == 'y' ? SM_POLICY_PQ_YES : SM_POLICY_PQ_NO;
    }
    if (!how->suites && !pq && !how->attestations)
        return sm_node_fail(b, e, "<channel> needs suite, post-quantum, "
                            "attestation or attestation-not");
    return 0;
}

static int build_config(struct sm_node_context *b, xmlNode *e,
                        struct sm_policy_rule *rule, bool *seen)
{
    if (b->policy->has_vm)
        return sm_node_fail(b, e, "<config> is for site policies");
    if (*seen)
        return sm_node_fail(b, e, "<config> twice");
    if (!rule->allow || !(rule->actions & ACTION(SM_POLICY_MIGRATE_IN)))
        return sm_node_fail(b, e, "<config> is for rules that allow "
                            "migrate-in");
    *seen = true;
    return sm_build_config(b, e, &rule->config);
}

/* ---- rules ---- */

/* What decide.h reports when no rule of the document decides. */
static bool reserved(const char *id)
{
    static const char *const ids[] = {
        "no-policy",        "not-yet-valid",     "expired",
        "bad-request",      "unknown-host",      "host-key",
        "unknown-operator", "role-not-assigned", "separation-of-duty",
        "no-permission",    "vm-owner",          "vm-policy",
        "default-deny",     "config",
    };
    size_t i;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        if (!strcmp(ids[i], id))
            return true;
    return false;
}

static int build_head(struct sm_node_context *b, xmlNode *e,
                      struct sm_policy_rule *rule)
{
    const char *effect;
    int rc;

    rule->line = sm_node_line(e);
    rule->require.approver = -1;
    rule->config.types = SM_POLICY_TYPE_PV | SM_POLICY_TYPE_PVH;
    rc = sm_node_only(b, e, "id effect action reason");
    if (!rc)
        rc = sm_node_id(b, e, "id", &rule->id);
    if (rc)
        return rc;
    if (reserved(rule->id))
        return sm_node_bad(b, e, "id", rule->id, "reserved for decisions that "
                           "no rule makes");
    rc = sm_node_need(b, e, "effect", &effect);
    if (rc)
        return rc;
    rule->allow = !strcmp(effect, "allow");
    if (!rule->allow && strcmp(effect, "deny"))
        return sm_node_bad(b, e, "effect", effect, "neither allow nor deny");
    rc = sm_node_words(b, e, "action", SM_POLICY_ACTIONS, 0, &rule->actions);
    if (rc)
        return rc;
    if (b->policy->has_vm && rule->actions & ~MIGRATE)
        return sm_node_fail(b, e, "<rule> action: a VM policy is about "
                            "migrate-out and migrate-in only");
    rc = sm_node_attr(b, e, "reason", &rule->reason);
    if (!rc && rule->reason &&
        (!*rule->reason || strlen(rule->reason) > 200 ||
         !sm_wire_text_ok(rule->reason, strlen(rule->reason))))
        rc = sm_node_fail(b, e,
                          "<rule> reason: empty, longer than 200 bytes, or "
                          "not clean text");
    return rc;
}

static int new_conditions(struct sm_node_context *b, xmlNode *node,
                          struct sm_policy_rule *rule)
{
    struct sm_policy *p = b->policy;

#define NEW(list, element) \
    (rule->list = sm_policy_pool_new(p, sm_node_count(node, element), \
                                     sizeof(*rule->list)))
    return NEW(subjects, "subject") && NEW(vms, "vm") &&
           NEW(sources, "source") && NEW(destinations, "destination") &&
           NEW(times, "time") && NEW(channels, "channel") ? 0 : SM_NO_MEMORY;
#undef NEW
}

static int build_condition(struct sm_node_context *b, xmlNode *e,
                           struct sm_policy_rule *rule)
{
    int rc;

    if (sm_node_is(e, "subject")) {
        if (b->policy->has_vm)
            return sm_node_fail(b, e, "<subject> is for site policies");
        return build_subject(b, e, &rule->subjects[rule->n_subjects++]);
    }
    if (sm_node_is(e, "time"))
        return build_time(b, e, &rule->times[rule->n_times++]);
    if (sm_node_is(e, "channel")) {
        rc = fits(b, e, rule, MIGRATE, "migrate-out and migrate-in");
        return rc ? rc :
               build_channel(b, e, &rule->channels[rule->n_channels++]);
    }
    if (!sm_node_is(e, "vm") && !sm_node_is(e, "source") &&
        !sm_node_is(e, "destination"))
        return sm_node_unexpected(b, e);
    rc = fits(b, e, rule, OF_A_GUEST, "migrate-out, migrate-in, abort and "
              "force-handover");
    if (rc)
        return rc;
    if (sm_node_is(e, "source"))
        return build_where(b, e, &rule->sources[rule->n_sources++]);
    if (sm_node_is(e, "destination"))
        return build_where(b, e, &rule->destinations[rule->n_destinations++]);
    if (b->policy->has_vm)
        return sm_node_fail(b, e, "<vm> is for site policies: a VM policy is "
                            "about its own guest");
    return sm_build_vm(b, e, false, &rule->vms[rule->n_vms++]);
}

static int build_rule(struct sm_node_context *b, xmlNode *node,
                      struct sm_policy_rule *rule)
{
    bool config = false;
    xmlNode *e;
    int rc;

    rc = build_head(b, node, rule);
    if (!rc)
        rc = new_conditions(b, node, rule);
    for (e = sm_node_element(node->children); e && !rc;
         e = sm_node_element(e->next)) {
        if (sm_node_is(e, "config"))
            rc = build_config(b, e, rule, &config);
        else if (sm_node_is(e, "require"))
            rc = sm_build_require(b, e, rule);
        else
            rc = build_condition(b, e, rule);
    }
    return rc;
}

int sm_build_rules(struct sm_node_context *b, xmlNode *rules)
{
    struct sm_policy *p = b->policy;
    struct sm_build_table ids = { .n = 0 };
    struct sm_policy_rule *rule;
    xmlNode *e;
    size_t n;
    int rc;

    rc = sm_node_count_at_most(b, rules, "rule", p->has_vm ?
                               SM_POLICY_VM_RULES_MAX : SM_POLICY_RULES_MAX,
                               &n);
    if (!rc)
        rc = sm_build_table_new(&ids, n, 0);
    if (rc)
        return rc;
    p->rules = sm_policy_pool_new(p, n, sizeof(*p->rules));
    if (!p->rules)
        rc = SM_NO_MEMORY;
    for (e = sm_node_element(rules->children); e && !rc;
         e = sm_node_element(e->next)) {
        if (!sm_node_is(e, "rule")) {
            rc = sm_node_unexpected(b, e);
            break;
        }
        rule = &p->rules[p->n_rules];
        rc = build_rule(b, e, rule);
        if (!rc)
            sm_build_table_add(&ids, rule->id, p->n_rules++, rule->line);
    }
    if (!rc)
        rc = sm_build_table_sort(b, &ids, "<rule> id");
    sm_build_table_free(&ids);
    return rc;
}
