/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the tree to the model.  One function per element, in the order of the
 * schema.  The only file besides document.c that knows libxml2.
 */
#include <libxml/tree.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"
#include "policy/model.h"
#include "trust/identity.h"

#define NAMESPACE "urn:xen-secmig:policy:1"
#define SCRIPT_DIR "/etc/xen/scripts/"          /* libxl's XEN_SCRIPT_DIR */
#define BLANKS " \t\r\n"

struct build {
    struct sm_policy *policy;
    unsigned int *line;
    char *why;
    size_t why_size;
};

static int fail(struct build *b, const xmlNode *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct build *b, const xmlNode *node, const char *fmt, ...)
{
    va_list ap;
    long line = node ? xmlGetLineNo(node) : 1;

    *b->line = line > 0 ? (unsigned int)line : 1;
    va_start(ap, fmt);
    vsnprintf(b->why, b->why_size, fmt, ap);
    va_end(ap);
    return SM_POLICY;
}

static bool is_element(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && node->ns && node->ns->href &&
           !strcmp((const char *)node->ns->href, NAMESPACE) &&
           !strcmp((const char *)node->name, name);
}

/* The first element at or after `node`, passing over comments. */
static xmlNode *element(xmlNode *node)
{
    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

static size_t count(xmlNode *parent, const char *name)
{
    xmlNode *e;
    size_t n = 0;

    for (e = element(parent->children); e; e = element(e->next))
        n += is_element(e, name);
    return n;
}

static int unexpected(struct build *b, xmlNode *e)
{
    return fail(b, e, "unexpected element <%.64s> in <%.64s>",
                (const char *)e->name, (const char *)e->parent->name);
}

/* ---- attributes ---- */

/* Copy an attribute into the pool; *out is NULL when it is not there. */
static int attr(struct build *b, xmlNode *e, const char *name,
                const char **out)
{
    xmlChar *value;
    char *copy;
    size_t n;

    *out = NULL;
    if (!xmlHasNsProp(e, (const xmlChar *)name, NULL))
        return 0;
    value = xmlGetNoNsProp(e, (const xmlChar *)name);
    if (!value)
        return SM_NO_MEMORY;
    n = strlen((const char *)value) + 1;
    copy = sm_policy_pool_new(b->policy, n, 1);
    if (copy)
        memcpy(copy, value, n);
    xmlFree(value);
    *out = copy;
    return copy ? 0 : SM_NO_MEMORY;
}

static int need(struct build *b, xmlNode *e, const char *name,
                const char **out)
{
    int rc = attr(b, e, name, out);

    if (!rc && !*out)
        rc = fail(b, e, "<%.64s> lacks the attribute %s",
                  (const char *)e->name, name);
    return rc;
}

static int bad(struct build *b, xmlNode *e, const char *name,
               const char *value, const char *what)
{
    return fail(b, e, "<%.64s> %s=\"%.64s\": %s", (const char *)e->name,
                name, value, what);
}

static int need_id(struct build *b, xmlNode *e, const char *name,
                   const char **out)
{
    int rc = need(b, e, name, out);

    if (!rc && !sm_policy_id_ok(*out))
        rc = bad(b, e, name, *out, "not an id (1 to 64 letters, "
                 "digits, \".\", \"_\", \"-\"; the first neither \".\" nor "
                 "\"-\")");
    return rc;
}

/* The next word of a list; false at its end. */
static bool next_word(const char **p, const char **word, size_t *n)
{
    *p += strspn(*p, BLANKS);
    *word = *p;
    *n = strcspn(*p, BLANKS);
    *p += *n;
    return *n != 0;
}

static size_t count_words(const char *p)
{
    const char *word;
    size_t n, total = 0;

    while (next_word(&p, &word, &n))
        total++;
    return total;
}

/* A list of fixed words as a set; `fallback` when the attribute is missing
 * (0: then it is required). */
static int word_set(struct build *b, xmlNode *e, const char *name,
                    enum sm_policy_words words, unsigned int fallback,
                    unsigned int *out)
{
    const char *value, *p, *word;
    unsigned int bit;
    size_t n;
    int rc;

    *out = fallback;
    rc = fallback ? attr(b, e, name, &value) : need(b, e, name, &value);
    if (rc || !value)
        return rc;
    *out = 0;
    for (p = value; next_word(&p, &word, &n); *out |= bit) {
        bit = sm_policy_word(words, word, n);
        if (!bit)
            return fail(b, e, "<%.64s> %s: unknown word \"%.*s\"",
                        (const char *)e->name, name,
                        (int)(n < 64 ? n : 64), word);
        if (*out & bit)
            return fail(b, e, "<%.64s> %s: \"%.*s\" twice",
                        (const char *)e->name, name, (int)n, word);
    }
    if (!*out)
        return bad(b, e, name, value, "empty list");
    return 0;
}

static int yes_no(struct build *b, xmlNode *e, const char *name, bool *out)
{
    const char *value;
    int rc;

    *out = false;
    rc = attr(b, e, name, &value);
    if (rc || !value)
        return rc;
    *out = !strcmp(value, "yes");
    if (!*out && strcmp(value, "no"))
        return bad(b, e, name, value, "neither yes nor no");
    return 0;
}

static int time_of(struct build *b, xmlNode *e, const char *name,
                   int64_t *out)
{
    const char *value;
    int rc;

    rc = attr(b, e, name, &value);
    if (rc || !value)
        return rc;
    if (sm_clock_parse(value, out))
        return bad(b, e, name, value, "not a date and time with a zone, as "
                   "2027-11-01T00:00:00Z");
    return 0;
}

static int memory_of(struct build *b, xmlNode *e, const char *name,
                     uint64_t *out)
{
    const char *value;
    int rc;

    rc = attr(b, e, name, &value);
    if (rc || !value)
        return rc;
    if (!sm_policy_memory(value, out))
        return bad(b, e, name, value, "not an amount of memory, as 64 GiB");
    return 0;
}

enum pattern {
    PATTERN_PATH,       /* a canonical path */
    PATTERN_PROGRAM,    /* a canonical path, or a word without "/" */
    PATTERN_WORD,
    PATTERN_ANY,        /* any text */
};

static int pattern_of(struct build *b, xmlNode *e, const char *name,
                      enum pattern kind, const char **out)
{
    const char *p;
    bool path, word = true;

    if (!**out || strlen(*out) > 255)
        return bad(b, e, name, *out, "empty, or longer than 255 characters");
    path = sm_policy_path_ok(*out, true);
    for (p = *out; *p; p++) {
        char c[2] = { *p, '\0' };

        word = word && (*p == '*' || *p == '?' || sm_policy_word_ok(c));
    }
    if (kind == PATTERN_PATH && !path)
        return bad(b, e, name, *out, "not a pattern for an absolute path "
                   "without \".\", \"..\", empty components or special "
                   "characters");
    if (kind == PATTERN_PROGRAM && !path && (!word || strchr(*out, '/')))
        return bad(b, e, name, *out, "neither an absolute path nor a name");
    if (kind == PATTERN_WORD && !word)
        return bad(b, e, name, *out, "a character that can never match");
    return 0;
}

/* A script as libxl finds it: a plain name is in its script directory. */
static int script_of(struct build *b, xmlNode *e, const char **out)
{
    const char *value;
    char *full;
    size_t n;
    int rc;

    *out = NULL;
    rc = attr(b, e, "script", &value);
    if (rc || !value)
        return rc;
    n = sizeof(SCRIPT_DIR) + strlen(value);
    full = sm_policy_pool_new(b->policy, n, 1);
    if (!full)
        return SM_NO_MEMORY;
    snprintf(full, n, "%s%s", strchr(value, '/') ? "" : SCRIPT_DIR, value);
    if (!*value || n > 255 || !sm_policy_path_ok(full, false))
        return bad(b, e, "script", value, "neither an absolute path nor the "
                   "name of a script");
    *out = full;
    return 0;
}

/* ---- <config> ---- */

static int build_disk(struct build *b, xmlNode *e, struct sm_policy_disk *d)
{
    int rc;

    rc = need(b, e, "path", &d->path);
    if (!rc)
        rc = script_of(b, e, &d->script);
    if (!rc)
        rc = pattern_of(b, e, "path",
                        d->script ? PATTERN_WORD : PATTERN_PATH, &d->path);
    if (!rc)
        rc = word_set(b, e, "format", SM_POLICY_FORMATS,
                      sm_policy_word(SM_POLICY_FORMATS, "raw", 3),
                      &d->formats);
    if (!rc)
        rc = word_set(b, e, "backend", SM_POLICY_BACKENDS,
                      sm_policy_word(SM_POLICY_BACKENDS, "phy", 3) |
                      sm_policy_word(SM_POLICY_BACKENDS, "qdisk", 5),
                      &d->backends);
    if (!rc)
        rc = yes_no(b, e, "readonly", &d->readonly);
    return rc;
}

static int build_bridge(struct build *b, xmlNode *e,
                        struct sm_policy_bridge *br)
{
    int rc;

    rc = need(b, e, "name", &br->name);
    if (!rc)
        rc = pattern_of(b, e, "name", PATTERN_WORD, &br->name);
    if (!rc)
        rc = script_of(b, e, &br->script);
    if (!rc)
        rc = attr(b, e, "interface", &br->interface);
    if (!rc && br->interface)
        rc = pattern_of(b, e, "interface", PATTERN_WORD, &br->interface);
    return rc;
}

static int build_pci(struct build *b, xmlNode *e, struct sm_policy_pci *pci)
{
    const char *value;
    char func, end;
    int rc;

    rc = need(b, e, "address", &value);
    if (rc)
        return rc;
    if (strlen(value) != 12 ||
        strspn(value, "0123456789abcdefABCDEF:.*") != 12 ||
        sscanf(value, "%4x:%2x:%2x.%c%c", &pci->domain, &pci->bus,
               &pci->dev, &func, &end) != 4 || pci->dev > 31 ||
        value[4] != ':' || value[7] != ':' || value[10] != '.' ||
        (func != '*' && (func < '0' || func > '7')))
        return bad(b, e, "address", value, "not a PCI address, as "
                   "0000:03:00.0 or 0000:03:00.*");
    pci->func = func == '*' ? -1 : func - '0';
    return yes_no(b, e, "permissive", &pci->permissive);
}

static int build_field(struct build *b, xmlNode *e,
                       struct sm_policy_field *f)
{
    int rc;

    rc = need(b, e, "path", &f->path);
    if (!rc && (!*f->path || strlen(f->path) > 200))
        rc = bad(b, e, "path", f->path, "empty, or longer than 200");
    if (!rc)
        rc = need(b, e, "value", &f->value);
    if (!rc)
        rc = pattern_of(b, e, "value", PATTERN_ANY, &f->value);
    return rc;
}

static const struct {
    const char *element, *attribute;
    enum pattern kind;
} lists[SM_POLICY_LISTS] = {
    [SM_POLICY_KERNEL] = { "kernel", "path", PATTERN_PATH },
    [SM_POLICY_RAMDISK] = { "ramdisk", "path", PATTERN_PATH },
    [SM_POLICY_BOOTLOADER] = { "bootloader", "path", PATTERN_PROGRAM },
    [SM_POLICY_DEVICE_MODEL] = { "device-model", "path", PATTERN_PATH },
    [SM_POLICY_FIRMWARE] = { "firmware", "path", PATTERN_PATH },
    [SM_POLICY_SECLABEL] = { "seclabel", "name", PATTERN_WORD },
    [SM_POLICY_VNC] = { "vnc", "listen", PATTERN_WORD },
};

static int build_limit(struct build *b, xmlNode *e,
                       struct sm_policy_config *c)
{
    const char *value;
    int rc;

    rc = need(b, e, "max", &value);
    if (rc)
        return rc;
    if (is_element(e, "memory")) {
        if (c->has_memory)
            return fail(b, e, "<memory> twice");
        c->has_memory = true;
        return memory_of(b, e, "max", &c->memory_max);
    }
    if (c->has_vcpus)
        return fail(b, e, "<vcpus> twice");
    c->has_vcpus = true;
    if (!sm_policy_number(value, 32768, &c->vcpus_max) || !c->vcpus_max)
        return bad(b, e, "max", value, "not a number from 1 to 32768");
    return 0;
}

static int build_list_item(struct build *b, xmlNode *e,
                           struct sm_policy_config *c)
{
    const char **slot;
    size_t i;
    int rc;

    for (i = 0; i < SM_POLICY_LISTS; i++) {
        if (!is_element(e, lists[i].element))
            continue;
        slot = &c->lists[i].patterns[c->lists[i].n];
        rc = need(b, e, lists[i].attribute, slot);
        if (!rc)
            rc = pattern_of(b, e, lists[i].attribute, lists[i].kind, slot);
        if (!rc)
            c->lists[i].n++;
        return rc;
    }
    return unexpected(b, e);
}

static int build_config(struct build *b, xmlNode *config,
                        struct sm_policy_config *c)
{
    xmlNode *e;
    size_t i;
    int rc;

    rc = word_set(b, config, "types", SM_POLICY_TYPES,
                  SM_POLICY_TYPE_PV | SM_POLICY_TYPE_PVH, &c->types);
    if (rc)
        return rc;
    c->disks = sm_policy_pool_new(b->policy, count(config, "disk"),
                                  sizeof(*c->disks));
    c->bridges = sm_policy_pool_new(b->policy, count(config, "bridge"),
                                    sizeof(*c->bridges));
    c->pcis = sm_policy_pool_new(b->policy, count(config, "pci"),
                                 sizeof(*c->pcis));
    c->fields = sm_policy_pool_new(b->policy, count(config, "field"),
                                   sizeof(*c->fields));
    if (!c->disks || !c->bridges || !c->pcis || !c->fields)
        return SM_NO_MEMORY;
    for (i = 0; i < SM_POLICY_LISTS; i++) {
        c->lists[i].patterns =
            sm_policy_pool_new(b->policy, count(config, lists[i].element),
                               sizeof(*c->lists[i].patterns));
        if (!c->lists[i].patterns)
            return SM_NO_MEMORY;
    }
    for (e = element(config->children); e && !rc; e = element(e->next)) {
        if (is_element(e, "memory") || is_element(e, "vcpus"))
            rc = build_limit(b, e, c);
        else if (is_element(e, "disk"))
            rc = build_disk(b, e, &c->disks[c->n_disks++]);
        else if (is_element(e, "bridge"))
            rc = build_bridge(b, e, &c->bridges[c->n_bridges++]);
        else if (is_element(e, "pci"))
            rc = build_pci(b, e, &c->pcis[c->n_pcis++]);
        else if (is_element(e, "field"))
            rc = build_field(b, e, &c->fields[c->n_fields++]);
        else
            rc = build_list_item(b, e, c);
    }
    return rc;
}

/* ---- conditions of a rule ---- */

static bool account_ok(const char *s)
{
    size_t i;

    for (i = 0; s[i]; i++)
        if (i >= 64 || !((s[i] >= 'a' && s[i] <= 'z') ||
                         (s[i] >= 'A' && s[i] <= 'Z') ||
                         (s[i] >= '0' && s[i] <= '9') || s[i] == '_' ||
                         (i && strchr(".@$-", s[i]))))
            return false;
    return i != 0;
}

/* A word of a list as a string of its own. */
static char *copy_word(struct build *b, const char *word, size_t n)
{
    char *s = sm_policy_pool_new(b->policy, n + 1, 1);

    if (s)
        memcpy(s, word, n);
    return s;
}

static int build_subject(struct build *b, xmlNode *e,
                         struct sm_policy_rule *rule)
{
    const char *value, *p, *word;
    char *account;
    size_t n, total;
    int rc;

    rc = need(b, e, "account", &value);
    if (rc)
        return rc;
    total = count_words(value);
    if (!total)
        return bad(b, e, "account", value, "empty list");
    if (rule->n_accounts)
        return fail(b, e, "<subject> twice: list the accounts in one");
    rule->accounts = sm_policy_pool_new(b->policy, total,
                                        sizeof(*rule->accounts));
    if (!rule->accounts)
        return SM_NO_MEMORY;
    for (p = value; next_word(&p, &word, &n); ) {
        account = copy_word(b, word, n);
        if (!account)
            return SM_NO_MEMORY;
        if (!account_ok(account))
            return bad(b, e, "account", account, "not an account name");
        rule->accounts[rule->n_accounts++] = account;
    }
    return 0;
}

static int build_vm(struct build *b, xmlNode *e, struct sm_policy_vm *vm)
{
    const char *uuid, *min, *max;
    int rc;

    vm->memory_max = UINT64_MAX;
    rc = attr(b, e, "name", &vm->name);
    if (!rc && vm->name)
        rc = pattern_of(b, e, "name", PATTERN_ANY, &vm->name);
    if (!rc)
        rc = attr(b, e, "uuid", &uuid);
    if (rc)
        return rc;
    if (uuid) {
        if (!sm_policy_uuid(uuid, vm->uuid))
            return bad(b, e, "uuid", uuid, "not a uuid");
        vm->has_uuid = true;
    }
    rc = attr(b, e, "memory-min", &min);
    if (!rc)
        rc = attr(b, e, "memory-max", &max);
    if (!rc)
        rc = memory_of(b, e, "memory-min", &vm->memory_min);
    if (!rc)
        rc = memory_of(b, e, "memory-max", &vm->memory_max);
    if (!rc && !vm->name && !uuid && !min && !max)
        rc = fail(b, e, "<vm> without an attribute selects nothing; leave "
                  "it out to select every guest");
    if (!rc && vm->memory_min > vm->memory_max)
        rc = fail(b, e, "<vm>: memory-min is more than memory-max");
    return rc;
}

/* <source> or <destination>: resolve the names. */
static int build_host_list(struct build *b, xmlNode *e,
                           const struct sm_policy_host ***list, size_t *n)
{
    const char *value, *p, *word;
    const struct sm_policy_host *host;
    size_t len, total;
    char *id;
    int rc;

    rc = need(b, e, "host", &value);
    if (rc)
        return rc;
    total = count_words(value);
    if (!total)
        return bad(b, e, "host", value, "empty list");
    if (*n)
        return fail(b, e, "<%.64s> twice: list the hosts in one",
                    (const char *)e->name);
    *list = sm_policy_pool_new(b->policy, total, sizeof(**list));
    if (!*list)
        return SM_NO_MEMORY;
    for (p = value; next_word(&p, &word, &len); ) {
        id = copy_word(b, word, len);
        if (!id)
            return SM_NO_MEMORY;
        host = sm_policy_find_host(b->policy, id);
        if (!host)
            return bad(b, e, "host", id, "no such host in <hosts>");
        (*list)[(*n)++] = host;
    }
    return 0;
}

/* ---- rules ---- */

/* What decide.h reports when no rule of the document decides. */
static bool reserved(const char *id)
{
    static const char *const ids[] = {
        "no-policy", "not-yet-valid", "expired", "bad-request",
        "unknown-host", "host-key", "default-deny", "config",
    };
    size_t i;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        if (!strcmp(ids[i], id))
            return true;
    return false;
}

static int build_rule_head(struct build *b, xmlNode *e,
                           struct sm_policy_rule *rule)
{
    const char *effect;
    size_t i;
    int rc;

    rule->line = (unsigned int)xmlGetLineNo(e);
    rule->config.types = SM_POLICY_TYPE_PV | SM_POLICY_TYPE_PVH;
    rc = need_id(b, e, "id", &rule->id);
    if (rc)
        return rc;
    if (reserved(rule->id))
        return bad(b, e, "id", rule->id, "reserved for decisions that no "
                   "rule makes");
    for (i = 0; i < b->policy->n_rules; i++)
        if (!strcmp(b->policy->rules[i].id, rule->id))
            return fail(b, e, "rule id \"%s\" is used already in line %u",
                        rule->id, b->policy->rules[i].line);
    rc = need(b, e, "effect", &effect);
    if (rc)
        return rc;
    rule->allow = !strcmp(effect, "allow");
    if (!rule->allow && strcmp(effect, "deny"))
        return bad(b, e, "effect", effect, "neither allow nor deny");
    rc = word_set(b, e, "action", SM_POLICY_ACTIONS, 0, &rule->actions);
    if (!rc)
        rc = attr(b, e, "reason", &rule->reason);
    if (!rc && rule->reason &&
        (!*rule->reason || strlen(rule->reason) > 200 ||
         !sm_wire_text_ok(rule->reason, strlen(rule->reason))))
        rc = fail(b, e, "<rule> reason: empty, longer than 200 bytes, or "
                  "not clean text");
    return rc;
}

static int build_rule(struct build *b, xmlNode *node,
                      struct sm_policy_rule *rule)
{
    const unsigned int in = sm_policy_word(SM_POLICY_ACTIONS, "migrate-in",
                                           10);
    bool config = false;
    xmlNode *e;
    int rc;

    rc = build_rule_head(b, node, rule);
    if (rc)
        return rc;
    rule->vms = sm_policy_pool_new(b->policy, count(node, "vm"),
                                   sizeof(*rule->vms));
    if (!rule->vms)
        return SM_NO_MEMORY;
    for (e = element(node->children); e && !rc; e = element(e->next)) {
        if (is_element(e, "subject")) {
            if (rule->actions & in)
                return fail(b, e, "<subject>: who asks is known on the "
                            "source only; the rule's action must be "
                            "migrate-out alone");
            rc = build_subject(b, e, rule);
        } else if (is_element(e, "vm")) {
            rc = build_vm(b, e, &rule->vms[rule->n_vms++]);
        } else if (is_element(e, "source")) {
            rc = build_host_list(b, e, &rule->sources, &rule->n_sources);
        } else if (is_element(e, "destination")) {
            rc = build_host_list(b, e, &rule->destinations,
                                 &rule->n_destinations);
        } else if (is_element(e, "config")) {
            if (config)
                return fail(b, e, "<config> twice");
            if (!rule->allow || !(rule->actions & in))
                return fail(b, e, "<config> is for rules that allow "
                            "migrate-in");
            config = true;
            rc = build_config(b, e, &rule->config);
        } else {
            rc = unexpected(b, e);
        }
    }
    return rc;
}

static int build_host(struct build *b, xmlNode *e,
                      struct sm_policy_host *host)
{
    const struct sm_policy *p = b->policy;
    const char *key;
    size_t i;
    int rc;

    rc = need_id(b, e, "id", &host->id);
    if (!rc)
        rc = attr(b, e, "key", &key);
    if (rc)
        return rc;
    if (sm_policy_find_host(p, host->id))
        return bad(b, e, "id", host->id, "this host is there already");
    if (!key)
        return 0;
    if (!sm_identity_from_base64(key, strlen(key), host->key))
        return fail(b, e, "<host> key: not an X25519 public key in base64");
    host->has_key = true;
    for (i = 0; i < p->n_hosts; i++)
        if (p->hosts[i].has_key &&
            !memcmp(p->hosts[i].key, host->key, sizeof(host->key)))
            return fail(b, e, "<host> key: the same as that of \"%s\"",
                        p->hosts[i].id);
    return 0;
}

static int build_hosts(struct build *b, xmlNode *hosts)
{
    struct sm_policy *p = b->policy;
    xmlNode *e;
    int rc;

    p->hosts = sm_policy_pool_new(p, count(hosts, "host"),
                                  sizeof(*p->hosts));
    if (!p->hosts)
        return SM_NO_MEMORY;
    for (e = element(hosts->children); e; e = element(e->next)) {
        if (!is_element(e, "host"))
            return unexpected(b, e);
        rc = build_host(b, e, &p->hosts[p->n_hosts]);
        if (rc)
            return rc;
        p->n_hosts++;
    }
    return p->n_hosts ? 0 : fail(b, hosts, "<hosts> is empty");
}

static int build_rules(struct build *b, xmlNode *rules)
{
    struct sm_policy *p = b->policy;
    size_t total = count(rules, "rule");
    xmlNode *e;
    int rc;

    if (total > SM_POLICY_RULES_MAX)
        return fail(b, rules, "more than %d rules", SM_POLICY_RULES_MAX);
    p->rules = sm_policy_pool_new(p, total, sizeof(*p->rules));
    if (!p->rules)
        return SM_NO_MEMORY;
    for (e = element(rules->children); e; e = element(e->next)) {
        if (!is_element(e, "rule"))
            return unexpected(b, e);
        rc = build_rule(b, e, &p->rules[p->n_rules]);
        if (rc)
            return rc;
        p->n_rules++;
    }
    return 0;
}

static int build_policy(struct build *b, xmlNode *root)
{
    struct sm_policy *p = b->policy;
    const char *version;
    xmlNode *hosts, *rules;
    int rc;

    if (!root || !is_element(root, "policy"))
        return fail(b, root, "the root element is not <policy "
                    "xmlns=\"" NAMESPACE "\">");
    rc = need_id(b, root, "site", &p->site);
    if (!rc)
        rc = need(b, root, "version", &version);
    if (rc)
        return rc;
    if (!sm_policy_number(version, INT64_MAX, &p->version) || !p->version)
        return bad(b, root, "version", version, "not a number from 1 to "
                   "9223372036854775807");
    rc = time_of(b, root, "not-before", &p->start);
    if (!rc)
        rc = time_of(b, root, "not-after", &p->expiry);
    if (rc)
        return rc;
    if (p->start > p->expiry)
        return fail(b, root, "not-before is later than not-after");
    hosts = element(root->children);
    if (!hosts || !is_element(hosts, "hosts"))
        return fail(b, hosts ? hosts : root, "<policy> must start with "
                    "<hosts>");
    rules = element(hosts->next);
    if (!rules || !is_element(rules, "rules"))
        return fail(b, rules ? rules : root, "<hosts> must be followed by "
                    "<rules>");
    rc = build_hosts(b, hosts);
    if (!rc)
        rc = build_rules(b, rules);
    if (!rc && element(rules->next))
        rc = unexpected(b, element(rules->next));
    return rc;
}

int sm_policy_build(struct sm_policy **out, struct _xmlDoc *tree,
                    unsigned int *line, char *why, size_t why_size)
{
    struct build b = { .line = line, .why = why, .why_size = why_size };
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
