/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the tree to the model.  One function per element, in the order of the
 * schema; <config> is in build_config.c.
 */
#include "policy/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "trust/identity.h"

/* ---- conditions of a rule ---- */

static bool account_ok(const char *s)
{
    size_t i;

    for (i = 0; s[i]; i++)
        if (i >= 64 ||
            !((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
              (s[i] >= '0' && s[i] <= '9') || s[i] == '_' ||
              (i && strchr(".@$-", s[i]))))
            return false;
    return i != 0;
}

/* A word of a list as a string of its own. */
static char *copy_word(struct sm_node_context *b, const char *word, size_t n)
{
    char *s = sm_policy_pool_new(b->policy, n + 1, 1);

    if (s)
        memcpy(s, word, n);
    return s;
}

static int build_subject(struct sm_node_context *b, xmlNode *e,
                         struct sm_policy_rule *rule)
{
    const char *value, *p, *word;
    char *account;
    size_t n, total;
    int rc;

    rc = sm_node_need(b, e, "account", &value);
    if (rc)
        return rc;
    total = sm_node_count_words(value);
    if (!total)
        return sm_node_bad(b, e, "account", value, "empty list");
    if (rule->n_accounts)
        return sm_node_fail(b, e, "<subject> twice: list the accounts in one");
    rule->accounts =
        sm_policy_pool_new(b->policy, total, sizeof(*rule->accounts));
    if (!rule->accounts)
        return SM_NO_MEMORY;
    for (p = value; sm_node_next_word(&p, &word, &n);) {
        account = copy_word(b, word, n);
        if (!account)
            return SM_NO_MEMORY;
        if (!account_ok(account))
            return sm_node_bad(b, e, "account", account,
                               "not an account name");
        rule->accounts[rule->n_accounts++] = account;
    }
    return 0;
}

static int build_vm(struct sm_node_context *b, xmlNode *e,
                    struct sm_policy_vm *vm)
{
    const char *uuid, *min, *max;
    int rc;

    vm->memory_max = UINT64_MAX;
    rc = sm_node_attr(b, e, "name", &vm->name);
    if (!rc && vm->name)
        rc = sm_node_pattern(b, e, "name", SM_NODE_ANY, vm->name);
    if (!rc)
        rc = sm_node_attr(b, e, "uuid", &uuid);
    if (rc)
        return rc;
    if (uuid) {
        if (!sm_policy_uuid(uuid, vm->uuid))
            return sm_node_bad(b, e, "uuid", uuid, "not a uuid");
        vm->has_uuid = true;
    }
    rc = sm_node_attr(b, e, "memory-min", &min);
    if (!rc)
        rc = sm_node_attr(b, e, "memory-max", &max);
    if (!rc)
        rc = sm_node_memory(b, e, "memory-min", &vm->memory_min);
    if (!rc)
        rc = sm_node_memory(b, e, "memory-max", &vm->memory_max);
    if (!rc && !vm->name && !uuid && !min && !max)
        rc = sm_node_fail(b, e,
                          "<vm> without an attribute selects nothing; leave "
                          "it out to select every guest");
    if (!rc && vm->memory_min > vm->memory_max)
        rc = sm_node_fail(b, e, "<vm>: memory-min is more than memory-max");
    return rc;
}

/* <source> or <destination>: resolve the names. */
static int build_host_list(struct sm_node_context *b, xmlNode *e,
                           const struct sm_policy_host ***list, size_t *n)
{
    const char *value, *p, *word;
    const struct sm_policy_host *host;
    size_t len, total;
    char *id;
    int rc;

    rc = sm_node_need(b, e, "host", &value);
    if (rc)
        return rc;
    total = sm_node_count_words(value);
    if (!total)
        return sm_node_bad(b, e, "host", value, "empty list");
    if (*n)
        return sm_node_fail(b, e, "<%.64s> twice: list the hosts in one",
                            (const char *)e->name);
    *list = sm_policy_pool_new(b->policy, total, sizeof(**list));
    if (!*list)
        return SM_NO_MEMORY;
    for (p = value; sm_node_next_word(&p, &word, &len);) {
        id = copy_word(b, word, len);
        if (!id)
            return SM_NO_MEMORY;
        host = sm_policy_find_host(b->policy, id);
        if (!host)
            return sm_node_bad(b, e, "host", id, "no such host in <hosts>");
        (*list)[(*n)++] = host;
    }
    return 0;
}

/* ---- rules ---- */

/* What decide.h reports when no rule of the document decides. */
static bool reserved(const char *id)
{
    static const char *const ids[] = {
        "no-policy",    "not-yet-valid", "expired",      "bad-request",
        "unknown-host", "host-key",      "default-deny", "config",
    };
    size_t i;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        if (!strcmp(ids[i], id))
            return true;
    return false;
}

static int build_rule_head(struct sm_node_context *b, xmlNode *e,
                           struct sm_policy_rule *rule)
{
    const char *effect;
    size_t i;
    int rc;

    rule->line = (unsigned int)xmlGetLineNo(e);
    rule->config.types = SM_POLICY_TYPE_PV | SM_POLICY_TYPE_PVH;
    rc = sm_node_id(b, e, "id", &rule->id);
    if (rc)
        return rc;
    if (reserved(rule->id))
        return sm_node_bad(b, e, "id", rule->id,
                           "reserved for decisions that no "
                           "rule makes");
    for (i = 0; i < b->policy->n_rules; i++)
        if (!strcmp(b->policy->rules[i].id, rule->id))
            return sm_node_fail(b, e,
                                "rule id \"%s\" is used already in line %u",
                                rule->id, b->policy->rules[i].line);
    rc = sm_node_need(b, e, "effect", &effect);
    if (rc)
        return rc;
    rule->allow = !strcmp(effect, "allow");
    if (!rule->allow && strcmp(effect, "deny"))
        return sm_node_bad(b, e, "effect", effect, "neither allow nor deny");
    rc = sm_node_words(b, e, "action", SM_POLICY_ACTIONS, 0, &rule->actions);
    if (!rc)
        rc = sm_node_attr(b, e, "reason", &rule->reason);
    if (!rc && rule->reason &&
        (!*rule->reason || strlen(rule->reason) > 200 ||
         !sm_wire_text_ok(rule->reason, strlen(rule->reason))))
        rc = sm_node_fail(b, e,
                          "<rule> reason: empty, longer than 200 bytes, or "
                          "not clean text");
    return rc;
}

static int build_rule(struct sm_node_context *b, xmlNode *node,
                      struct sm_policy_rule *rule)
{
    const unsigned int in =
        sm_policy_word(SM_POLICY_ACTIONS, "migrate-in", 10);
    bool config = false;
    xmlNode *e;
    int rc;

    rc = build_rule_head(b, node, rule);
    if (rc)
        return rc;
    rule->vms = sm_policy_pool_new(b->policy, sm_node_count(node, "vm"),
                                   sizeof(*rule->vms));
    if (!rule->vms)
        return SM_NO_MEMORY;
    for (e = sm_node_element(node->children); e && !rc;
         e = sm_node_element(e->next)) {
        if (sm_node_is(e, "subject")) {
            if (rule->actions & in)
                return sm_node_fail(b, e,
                                    "<subject>: who asks is known on the "
                                    "source only; the rule's action must be "
                                    "migrate-out alone");
            rc = build_subject(b, e, rule);
        } else if (sm_node_is(e, "vm")) {
            rc = build_vm(b, e, &rule->vms[rule->n_vms++]);
        } else if (sm_node_is(e, "source")) {
            rc = build_host_list(b, e, &rule->sources, &rule->n_sources);
        } else if (sm_node_is(e, "destination")) {
            rc = build_host_list(b, e, &rule->destinations,
                                 &rule->n_destinations);
        } else if (sm_node_is(e, "config")) {
            if (config)
                return sm_node_fail(b, e, "<config> twice");
            if (!rule->allow || !(rule->actions & in))
                return sm_node_fail(b, e,
                                    "<config> is for rules that allow "
                                    "migrate-in");
            config = true;
            rc = sm_build_config(b, e, &rule->config);
        } else {
            rc = sm_node_unexpected(b, e);
        }
    }
    return rc;
}

static int build_host(struct sm_node_context *b, xmlNode *e,
                      struct sm_policy_host *host)
{
    const struct sm_policy *p = b->policy;
    const char *key;
    size_t i;
    int rc;

    rc = sm_node_id(b, e, "id", &host->id);
    if (!rc)
        rc = sm_node_attr(b, e, "key", &key);
    if (rc)
        return rc;
    if (sm_policy_find_host(p, host->id))
        return sm_node_bad(b, e, "id", host->id, "this host is there already");
    if (!key)
        return 0;
    if (!sm_identity_from_base64(key, strlen(key), host->key))
        return sm_node_fail(b, e,
                            "<host> key: not an X25519 public key in base64");
    host->has_key = true;
    for (i = 0; i < p->n_hosts; i++)
        if (p->hosts[i].has_key &&
            !memcmp(p->hosts[i].key, host->key, sizeof(host->key)))
            return sm_node_fail(b, e, "<host> key: the same as that of \"%s\"",
                                p->hosts[i].id);
    return 0;
}

static int build_hosts(struct sm_node_context *b, xmlNode *hosts)
{
    struct sm_policy *p = b->policy;
    xmlNode *e;
    int rc;

    p->hosts =
        sm_policy_pool_new(p, sm_node_count(hosts, "host"), sizeof(*p->hosts));
    if (!p->hosts)
        return SM_NO_MEMORY;
    for (e = sm_node_element(hosts->children); e;
         e = sm_node_element(e->next)) {
        if (!sm_node_is(e, "host"))
            return sm_node_unexpected(b, e);
        rc = build_host(b, e, &p->hosts[p->n_hosts]);
        if (rc)
            return rc;
        p->n_hosts++;
    }
    return p->n_hosts ? 0 : sm_node_fail(b, hosts, "<hosts> is empty");
}

static int build_rules(struct sm_node_context *b, xmlNode *rules)
{
    struct sm_policy *p = b->policy;
    size_t total = sm_node_count(rules, "rule");
    xmlNode *e;
    int rc;

    if (total > SM_POLICY_RULES_MAX)
        return sm_node_fail(b, rules, "more than %d rules",
                            SM_POLICY_RULES_MAX);
    p->rules = sm_policy_pool_new(p, total, sizeof(*p->rules));
    if (!p->rules)
        return SM_NO_MEMORY;
    for (e = sm_node_element(rules->children); e;
         e = sm_node_element(e->next)) {
        if (!sm_node_is(e, "rule"))
            return sm_node_unexpected(b, e);
        rc = build_rule(b, e, &p->rules[p->n_rules]);
        if (rc)
            return rc;
        p->n_rules++;
    }
    return 0;
}

static int build_policy(struct sm_node_context *b, xmlNode *root)
{
    struct sm_policy *p = b->policy;
    const char *version;
    xmlNode *hosts, *rules;
    int rc;

    if (!root || !sm_node_is(root, "policy"))
        return sm_node_fail(b, root,
                            "the root element is not <policy "
                            "xmlns=\"" SM_NODE_NAMESPACE "\">");
    rc = sm_node_id(b, root, "site", &p->site);
    if (!rc)
        rc = sm_node_need(b, root, "version", &version);
    if (rc)
        return rc;
    if (!sm_policy_number(version, INT64_MAX, &p->version) || !p->version)
        return sm_node_bad(b, root, "version", version,
                           "not a number from 1 to "
                           "9223372036854775807");
    rc = sm_node_time(b, root, "not-before", &p->start);
    if (!rc)
        rc = sm_node_time(b, root, "not-after", &p->expiry);
    if (rc)
        return rc;
    if (p->start > p->expiry)
        return sm_node_fail(b, root, "not-before is later than not-after");
    hosts = sm_node_element(root->children);
    if (!hosts || !sm_node_is(hosts, "hosts"))
        return sm_node_fail(b, hosts ? hosts : root,
                            "<policy> must start with "
                            "<hosts>");
    rules = sm_node_element(hosts->next);
    if (!rules || !sm_node_is(rules, "rules"))
        return sm_node_fail(b, rules ? rules : root,
                            "<hosts> must be followed by "
                            "<rules>");
    rc = build_hosts(b, hosts);
    if (!rc)
        rc = build_rules(b, rules);
    if (!rc && sm_node_element(rules->next))
        rc = sm_node_unexpected(b, sm_node_element(rules->next));
    return rc;
}

int sm_policy_build(struct sm_policy **out, struct _xmlDoc *tree,
                    unsigned int *line, char *why, size_t why_size)
{
    struct sm_node_context b = { .line = line,
                                 .why = why,
                                 .why_size = why_size };
    int rc;

    *out = NULL;
    *line = 1;
    b.policy = calloc(1, sizeof(*b.policy));
    if (!b.policy)
        return SM_NO_MEMORY;
    b.policy->start = INT64_MIN;
    b.policy->expiry = INT64_MAX;
    rc = build_policy(&b, xmlDocGetRootElement(tree));
    if (rc) {
        sm_policy_free(b.policy);
        return rc;
    }
    *out = b.policy;
    return 0;
}
