/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "policy/fields.h"
#include "policy/model.h"

/* What libxl runs when a config names no script: naming it changes nothing. */
#define SCRIPT_DIR  "/etc/xen/scripts/"
#define DISK_SCRIPT SCRIPT_DIR "block"
#define NIC_SCRIPT  SCRIPT_DIR "vif-bridge"
#define NIC_BRIDGE  "xenbr0"        /* libxl's default */

/* Longest value that names something on the host. */
#define VALUE_MAX 1024

/* Xen's own memory for a guest (page tables, IOMMU, video) that is harmless:
 * far more than libxl computes, far less than would starve the host. */
#define OVERHEAD_KB (64 * 1024)

struct item {
    const char *field, *value;
    const struct sm_policy_known *known;
};

struct check {
    struct item *facts;                     /* sorted by field */
    size_t n;
    const struct sm_policy_config *config;  /* of the rule that is tried */
    const char *bad_field, *bad_value;      /* the refusal */
    const char *why;                        /* ... in words, or NULL */
    char value[64];                         /* bad_value when that is NULL */
};

static bool refuse(struct check *c, const char *field, const char *value,
                   const char *why)
{
    c->bad_field = field;
    c->bad_value = value;
    c->why = why;
    return false;
}

static int by_field(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    return strcmp(x->field, y->field);
}

static const struct item *find(const struct check *c, const char *field)
{
    size_t low = 0, high = c->n, mid;
    int r;

    while (low < high) {
        mid = low + (high - low) / 2;
        r = strcmp(field, c->facts[mid].field);
        if (!r)
            return &c->facts[mid];
        if (r < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

/* ---- values ---- */

static bool in_words(const char *words, const char *value)
{
    size_t n = strlen(value), len;

    for (;; words += len + 1) {
        len = strcspn(words, "|");
        if (len == n && !memcmp(words, value, n))
            return true;
        if (!words[len])
            return false;
    }
}

static bool only(const char *value, const char *extra)
{
    for (; *value; value++)
        if (!(*value >= '0' && *value <= '9') &&
            !(*value >= 'a' && *value <= 'z') &&
            !(*value >= 'A' && *value <= 'Z') && !strchr(extra, *value))
            return false;
    return true;
}

static bool is_off(const char *value)
{
    return in_words("False|<default>|false|0", value);
}

static bool is_bool(const char *value)
{
    return is_off(value) || in_words("True|true|1", value);
}

static bool is_number(const char *value)
{
    uint64_t v;

    return sm_policy_number(value + (*value == '-'), UINT64_MAX, &v);
}

/* A value that is a name or path on the host, against patterns. */
static bool in_patterns(const struct check *c, enum sm_policy_list list,
                        const char *value)
{
    size_t i;

    if (strlen(value) > VALUE_MAX || !sm_policy_word_ok(value) ||
        (strchr(value, '/') && list != SM_POLICY_SECLABEL &&
         !sm_policy_path_ok(value, false)))
        return false;
    for (i = 0; i < c->config->lists[list].n; i++)
        if (sm_policy_match_path(c->config->lists[list].patterns[i], value))
            return true;
    /* Nobody but this host can connect to these. */
    return list == SM_POLICY_VNC && in_words("127.0.0.1|::1|localhost",
                                             value);
}

static bool type_ok(const struct check *c, const char *value)
{
    return (sm_policy_word(SM_POLICY_TYPES, value, strlen(value)) &
            c->config->types) != 0;
}

static uint64_t number_of(const struct check *c, const char *field)
{
    const struct item *fact = find(c, field);
    uint64_t v;

    return fact && sm_policy_number(fact->value, UINT64_MAX, &v) ? v : 0;
}

static bool limit_ok(const struct check *c, enum sm_policy_kind kind,
                     const char *value)
{
    uint64_t v, guest;

    if (!sm_policy_number(value, UINT64_MAX, &v))
        return false;
    if (kind == SM_FIELD_VCPUS)
        return !c->config->has_vcpus || v <= c->config->vcpus_max;
    if (kind == SM_FIELD_MEMORY)
        return !c->config->has_memory || v <= c->config->memory_max;
    guest = number_of(c, "b_info.max_memkb");
    return v <= OVERHEAD_KB || v - OVERHEAD_KB <= guest / 4;
}

/* A value of its own, for all kinds but devices. */
static bool value_ok(const struct check *c,
                     const struct sm_policy_known *known, const char *value)
{
    uint8_t uuid[16];
    uint64_t number, most;

    switch (known->kind) {
    case SM_FIELD_TEXT:
        return sm_wire_text_ok(value, strlen(value));
    case SM_FIELD_NAME:
        return *value && strlen(value) <= SM_POLICY_NAME_MAX &&
               sm_wire_text_ok(value, strlen(value)) &&
               !strpbrk(value, "/,");
    case SM_FIELD_NUMBER:
        return is_number(value);
    case SM_FIELD_ZERO:
        return !strcmp(value, "0");
    case SM_FIELD_AT_MOST:
        return sm_policy_number(known->words, UINT64_MAX, &most) &&
               sm_policy_number(value, most, &number);
    case SM_FIELD_BOOL:
        return is_bool(value);
    case SM_FIELD_OFF:
        return is_off(value);
    case SM_FIELD_WORD:
        return only(value, "._-");
    case SM_FIELD_ADDRESS:
        return only(value, ".:/ ");
    case SM_FIELD_ONE_OF:
        return in_words(known->words, value);
    case SM_FIELD_EMPTY:
        return !strcmp(value, "{}") || !strcmp(value, "[]");
    case SM_FIELD_UUID:
        return sm_policy_uuid(value, uuid);
    case SM_FIELD_TYPE:
        return type_ok(c, value);
    case SM_FIELD_MEMORY:
    case SM_FIELD_OVERHEAD:
    case SM_FIELD_VCPUS:
        return limit_ok(c, known->kind, value);
    case SM_FIELD_LIST:
        return in_patterns(c, known->list, value);
    case SM_FIELD_DISK:
    case SM_FIELD_NIC:
    case SM_FIELD_PCI:
        return true;        /* devices() */
    }
    return false;
}

static bool allowed_by_field(const struct check *c, const struct item *fact)
{
    const struct sm_policy_field *f;
    size_t i;

    if (strlen(fact->value) > VALUE_MAX)
        return false;
    for (i = 0; i < c->config->n_fields; i++) {
        f = &c->config->fields[i];
        if (sm_policy_field_is(f->path, fact->field) &&
            sm_policy_match_path(f->value, fact->value))
            return true;
    }
    return false;
}

/* ---- devices: several fields judged together ---- */

/* Field `member` of the device whose path starts with `n` bytes of `prefix`
 * ("disks[3]"): its value, or NULL. */
static const char *member(const struct check *c, const char *prefix,
                          size_t n, const char *name, const char **field)
{
    const struct item *fact;
    char path[64];
    int len;

    len = snprintf(path, sizeof(path), "%.*s.%s", (int)n, prefix, name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return NULL;
    fact = find(c, path);
    if (fact && field)
        *field = fact->field;
    return fact ? fact->value : NULL;
}

/* A script as libxl would find it, NULL for the default one; false when it
 * cannot be told. */
static bool script(const char *value, const char *standard, char *buf,
                   size_t size, const char **out)
{
    int n;

    *out = NULL;
    if (!value)
        return true;
    n = snprintf(buf, size, "%s%s", *value == '/' ? "" : SCRIPT_DIR, value);
    if (n < 0 || (size_t)n >= size || !sm_policy_path_ok(buf, false))
        return false;
    if (strcmp(buf, standard))
        *out = buf;
    return true;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool check_disk(struct check *c, const char *prefix, size_t n)
{
    /* How far the best <disk> has come says which field to name. */
    enum { SCRIPT, PATH, FORMAT, BACKEND, WRITE, DONE } stage = SCRIPT, s;
    const char *f_script = prefix, *f_path = prefix, *f_format = prefix,
               *f_backend = prefix, *f_write = prefix;
    const char *path = member(c, prefix, n, "pdev_path", &f_path);
    const char *format = member(c, prefix, n, "format", &f_format);
    const char *backend = member(c, prefix, n, "backend", &f_backend);
    const char *write = member(c, prefix, n, "readwrite", &f_write);
    const char *named = member(c, prefix, n, "script", &f_script);
    const struct sm_policy_disk *d;
    char buf[VALUE_MAX];
    const char *run;
    size_t i;

    if (!script(named, DISK_SCRIPT, buf, sizeof(buf), &run))
        return refuse(c, f_script, named, NULL);
    if (write && !is_bool(write))
        return refuse(c, f_write, write, NULL);
    if (backend && !strcmp(backend, "unknown"))
        backend = NULL;
    if (!run && format && !strcmp(format, "empty") && (!path || !*path))
        return true;                    /* a drive without a medium */
    if (path && (strlen(path) > VALUE_MAX || !sm_policy_word_ok(path) ||
                 (!run && !sm_policy_path_ok(path, false))))
        return refuse(c, f_path, path, "not a canonical path");
    for (i = 0; i < c->config->n_disks; i++) {
        d = &c->config->disks[i];
        if (!same(run, d->script))
            s = SCRIPT;
        else if (!path || !sm_policy_match_path(d->path, path))
            s = PATH;
        else if (!format || !(sm_policy_word(SM_POLICY_FORMATS, format,
                                             strlen(format)) & d->formats))
            s = FORMAT;
        else if (backend && !(sm_policy_word(SM_POLICY_BACKENDS, backend,
                                             strlen(backend)) & d->backends))
            s = BACKEND;
        else if (d->readonly && write && !is_off(write))
            s = WRITE;
        else
            s = DONE;
        if (s == DONE)
            return true;
        if (s > stage)
            stage = s;
    }
    if (stage == SCRIPT && !run)
        stage = PATH;
    switch (stage) {
    case SCRIPT:
        return refuse(c, f_script, named, NULL);
    case FORMAT:
        return refuse(c, f_format, format ? format : "",
                      format ? NULL : "a disk without a format");
    case BACKEND:
        return refuse(c, f_backend, backend, NULL);
    case WRITE:
        return refuse(c, f_write, write, "the disk must be read-only");
    default:
        return refuse(c, f_path, path ? path : "",
                      path ? NULL : "a disk without a path");
    }
}

static bool check_nic(struct check *c, const char *prefix, size_t n)
{
    enum { SCRIPT, BRIDGE, INTERFACE, DONE } stage = SCRIPT, s;
    const char *f_script = prefix, *f_bridge = prefix, *f_interface = prefix;
    const char *bridge = member(c, prefix, n, "bridge", &f_bridge);
    const char *interface = member(c, prefix, n, "ifname", &f_interface);
    const char *named = member(c, prefix, n, "script", &f_script);
    const struct sm_policy_bridge *br;
    char buf[VALUE_MAX];
    const char *run, *why = NULL;
    size_t i;

    if (!script(named, NIC_SCRIPT, buf, sizeof(buf), &run))
        return refuse(c, f_script, named, NULL);
    if (!bridge) {
        bridge = NIC_BRIDGE;
        why = "the default bridge";
    }
    if (strlen(bridge) > VALUE_MAX || !only(bridge, "._-"))
        return refuse(c, f_bridge, bridge, NULL);
    if (interface && (strlen(interface) > VALUE_MAX ||
                      !only(interface, "._-")))
        return refuse(c, f_interface, interface, NULL);
    for (i = 0; i < c->config->n_bridges; i++) {
        br = &c->config->bridges[i];
        if (run && !same(run, br->script))
            s = SCRIPT;
        else if (!sm_policy_match_path(br->name, bridge))
            s = BRIDGE;
        else if (interface && *interface &&
                 (!br->interface ||
                  !sm_policy_match_path(br->interface, interface)))
            s = INTERFACE;
        else
            return true;
        if (s > stage)
            stage = s;
    }
    if (stage == SCRIPT && run)
        return refuse(c, f_script, named, NULL);
    if (stage == INTERFACE)
        return refuse(c, f_interface, interface, NULL);
    return refuse(c, f_bridge, bridge, why);
}

static bool check_pci(struct check *c, const char *prefix, size_t n)
{
    static const char *const names[] = {
        "domain", "bus", "dev", "func", "vfunc_mask",
    };
    static const char *const flags[] = { "permissive", "seize" };
    const struct sm_policy_pci *p;
    const char *value, *field = prefix;
    uint64_t at[5] = { 0 };
    bool risky = false;
    size_t i;

    for (i = 0; i < 5; i++) {
        value = member(c, prefix, n, names[i], &field);
        if (value && !sm_policy_number(value, UINT32_MAX, &at[i]))
            return refuse(c, field, value, NULL);
    }
    for (i = 0; i < 2; i++) {
        value = member(c, prefix, n, flags[i], &field);
        if (value && !is_bool(value))
            return refuse(c, field, value, NULL);
        risky = risky || (value && !is_off(value));
    }
    for (i = 0; i < c->config->n_pcis; i++) {
        p = &c->config->pcis[i];
        /* A mask other than one function's passes through several. */
        if (p->domain == at[0] && p->bus == at[1] && p->dev == at[2] &&
            (p->func < 0 || ((uint64_t)p->func == at[3] && at[4] <= 1)) &&
            (!risky || p->permissive))
            return true;
    }
    snprintf(c->value, sizeof(c->value), "%04llx:%02llx:%02llx.%llu",
             (unsigned long long)at[0], (unsigned long long)at[1],
             (unsigned long long)at[2], (unsigned long long)at[3]);
    return refuse(c, prefix, NULL, "a PCI device");
}

/* The device that a field belongs to, once per device as its fields are
 * neighbours; `last` is the one that was judged before. */
static bool check_device(struct check *c, const char *field,
                         const char **last)
{
    static const struct {
        const char *prefix;
        bool (*check)(struct check *c, const char *prefix, size_t n);
    } kinds[] = {
        { "disks[", check_disk },
        { "nics[", check_nic },
        { "pcidevs[", check_pci },
    };
    size_t i, n;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(field, kinds[i].prefix, strlen(kinds[i].prefix)))
            continue;
        n = strcspn(field, "]");
        if (!field[n++])
            return true;                /* allowed by <field>, literally */
        if (*last && !strncmp(*last, field, n))
            return true;
        *last = field;
        return kinds[i].check(c, field, n);
    }
    return true;
}

/* ---- the whole config ---- */

static bool check_fact(struct check *c, const struct item *fact,
                       const char *type)
{
    static const char union_[] = "b_info.type.";
    const char *of = fact->field + strlen(union_);
    size_t n;

    /* The kind of guest is said twice; libxl believes this one. */
    if (!strncmp(fact->field, union_, strlen(union_))) {
        n = strcspn(of, ".");
        if (n != strlen(type) || memcmp(of, type, n))
            return refuse(c, fact->field, fact->value,
                          "of another kind of guest than c_info.type");
    }
    if (fact->known && value_ok(c, fact->known, fact->value))
        return true;
    if (allowed_by_field(c, fact))
        return true;
    return refuse(c, fact->field, fact->value,
                  fact->known ? NULL : "a field that is not known to be harmless");
}

static bool check_facts(struct check *c)
{
    const struct item *type = find(c, "c_info.type");
    const char *last = NULL;
    size_t i;

    if (!type)
        return refuse(c, "c_info.type", "", "missing");
    for (i = 0; i < c->n; i++)
        if (!check_fact(c, &c->facts[i], type->value) ||
            !check_device(c, c->facts[i].field, &last))
            return false;
    return true;
}

/* What came from the peer is shown only when it is clean, and in part. */
static const char *shown(const char *s, char *buf, size_t size)
{
    size_t n = strlen(s);

    if (!sm_wire_text_ok(s, n))
        return "(not printable)";
    if (n < size)
        return s;
    for (n = size - 4; n && !sm_wire_text_ok(s, n); n--)
        ;
    memcpy(buf, s, n);
    memcpy(buf + n, "...", 4);
    return buf;
}

static void deny(struct sm_policy_decision *d, int code, const char *rule,
                 const struct check *c)
{
    char field[128], value[160];
    const char *bad = c->bad_value ? c->bad_value : c->value;

    snprintf(d->text, sizeof(d->text),
             "domain config: %s = \"%s\" is not allowed by rule %s%s%s%s",
             shown(c->bad_field, field, sizeof(field)),
             shown(bad, value, sizeof(value)), rule,
             c->why ? " (" : "", c->why ? c->why : "", c->why ? ")" : "");
    d->allow = false;
    d->code = code;
    snprintf(d->rule, sizeof(d->rule), "config");
}

/* Sort the facts; false when no rule need be tried. */
static bool prepare(struct check *c, const struct sm_policy_fact *facts,
                    size_t n, int *code)
{
    size_t i;

    *code = SM_REFUSED_LOCAL;
    if (n > SM_POLICY_FACTS_MAX)
        return refuse(c, "(all)", "", "too many fields");
    c->facts = calloc(n ? n : 1, sizeof(*c->facts));
    if (!c->facts) {
        *code = SM_NO_MEMORY;
        return refuse(c, "(all)", "", "out of memory");
    }
    c->n = n;
    for (i = 0; i < n; i++) {
        c->facts[i].field = facts[i].field;
        c->facts[i].value = facts[i].value;
        c->facts[i].known = sm_policy_field_find(facts[i].field);
    }
    qsort(c->facts, n, sizeof(*c->facts), by_field);
    for (i = 1; i < n; i++)
        if (!strcmp(c->facts[i - 1].field, c->facts[i].field))
            return refuse(c, c->facts[i].field, c->facts[i].value,
                          "given twice");
    return true;
}

void sm_policy_check_config(const struct sm_policy *policy,
                            const struct sm_policy_decision *accepted,
                            const struct sm_policy_fact *facts, size_t n,
                            struct sm_policy_decision *out)
{
    struct sm_policy_decision d = *accepted;
    const struct sm_policy_rule *rule, *refusing = NULL;
    struct check c = { .n = 0 };
    size_t i;
    int code;

    if (!policy || !d.allow)
        goto out;
    if (!prepare(&c, facts, n, &code)) {
        deny(&d, code, accepted->rule, &c);
        goto out;
    }
    for (i = 0; i < policy->n_rules; i++) {
        if (!(d.allowed_by[i / 8] & 1u << i % 8))
            continue;
        rule = &policy->rules[i];
        c.config = &rule->config;
        if (check_facts(&c)) {
            d = *accepted;
            d.matched = rule;
            snprintf(d.rule, sizeof(d.rule), "%s", rule->id);
            goto out;
        }
        if (!refusing) {
            refusing = rule;
            deny(&d, SM_REFUSED_LOCAL, rule->id, &c);
        }
    }
    if (!refusing) {
        refuse(&c, "(all)", "", "the decision is of another policy");
        deny(&d, SM_REFUSED_LOCAL, accepted->rule, &c);
    }
    d.matched = refusing;
out:
    free(c.facts);
    *out = d;
}
