/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "policy/check.h"
#include "policy/evaluate.h"
#include "policy/index.h"

/* Xen's own memory for a guest (page tables, IOMMU, video) that is harmless:
 * far more than libxl computes, far less than would starve the host. */
#define OVERHEAD_KB (64 * 1024)

static int by_field(const void *a, const void *b)
{
    const struct sm_check_item *x = a, *y = b;

    return strcmp(x->field, y->field);
}

/* ---- values ---- */

static bool is_number(const char *value)
{
    uint64_t v;

    return sm_policy_number(value + (*value == '-'), UINT64_MAX, &v);
}

/* A value that is a name or path on the host, against patterns. */
static bool in_patterns(const struct sm_check *c, enum sm_policy_list list,
                        const char *value)
{
    size_t i;

    if (strlen(value) > SM_CHECK_VALUE_MAX || !sm_policy_word_ok(value) ||
        (strchr(value, '/') && list != SM_POLICY_SECLABEL &&
         !sm_policy_path_ok(value, false)))
        return false;
    for (i = 0; i < c->config->lists[list].n; i++)
        if (sm_policy_match_path(c->config->lists[list].patterns[i], value))
            return true;
    /* Nobody but this host can connect to these. */
    return list == SM_POLICY_VNC &&
           sm_check_in_words("127.0.0.1|::1|localhost", value);
}

static bool type_ok(const struct sm_check *c, const char *value)
{
    return (sm_policy_word(SM_POLICY_TYPES, value, strlen(value)) &
            c->config->types) != 0;
}

static uint64_t number_of(const struct sm_check *c, const char *field)
{
    const struct sm_check_item *fact = sm_check_find(c, field);
    uint64_t v;

    return fact && sm_policy_number(fact->value, UINT64_MAX, &v) ? v : 0;
}

static bool limit_ok(const struct sm_check *c, enum sm_policy_kind kind,
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
static bool value_ok(const struct sm_check *c,
                     const struct sm_policy_known *known, const char *value)
{
    uint8_t uuid[16];
    uint64_t number, most;

    switch (known->kind) {
    case SM_FIELD_TEXT:
        return sm_wire_text_ok(value, strlen(value));
    case SM_FIELD_NAME:
        return *value && strlen(value) <= SM_POLICY_NAME_MAX &&
               sm_wire_text_ok(value, strlen(value)) && !strpbrk(value, "/,");
    case SM_FIELD_NUMBER:
        return is_number(value);
    case SM_FIELD_ZERO:
        return !strcmp(value, "0");
    case SM_FIELD_AT_MOST:
        return sm_policy_number(known->words, UINT64_MAX, &most) &&
               sm_policy_number(value, most, &number);
    case SM_FIELD_BOOL:
        return sm_check_is_bool(value);
    case SM_FIELD_OFF:
        return sm_check_is_off(value);
    case SM_FIELD_WORD:
        return sm_check_only(value, "._-");
    case SM_FIELD_ADDRESS:
        return sm_check_only(value, ".:/ ");
    case SM_FIELD_ONE_OF:
        return sm_check_in_words(known->words, value);
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
        return true; /* sm_check_device() */
    }
    return false;
}

static bool allowed_by_field(const struct sm_check *c,
                             const struct sm_check_item *fact)
{
    const struct sm_policy_field *f;
    size_t i;

    if (strlen(fact->value) > SM_CHECK_VALUE_MAX)
        return false;
    for (i = 0; i < c->config->n_fields; i++) {
        f = &c->config->fields[i];
        if (sm_policy_field_is(f->path, fact->field) &&
            sm_policy_match_path(f->value, fact->value))
            return true;
    }
    return false;
}

/* ---- the whole config ---- */

static bool check_fact(struct sm_check *c, const struct sm_check_item *fact,
                       const char *type)
{
    static const char union_[] = "b_info.type.";
    const char *of = fact->field + strlen(union_);
    size_t n;

    /* The kind of guest is said twice; libxl believes this one. */
    if (!strncmp(fact->field, union_, strlen(union_))) {
        n = strcspn(of, ".");
        if (n != strlen(type) || memcmp(of, type, n))
            return sm_check_refuse(
                c, fact->field, fact->value,
                "of another kind of guest than c_info.type");
    }
    if (fact->known && value_ok(c, fact->known, fact->value))
        return true;
    if (allowed_by_field(c, fact))
        return true;
    return sm_check_refuse(
        c, fact->field, fact->value,
        fact->known ? NULL : "a field that is not known to be harmless");
}

static bool check_facts(struct sm_check *c)
{
    const struct sm_check_item *type = sm_check_find(c, "c_info.type");
    const char *last = NULL;
    size_t i;

    if (!type)
        return sm_check_refuse(c, "c_info.type", "", "missing");
    for (i = 0; i < c->n; i++)
        if (!check_fact(c, &c->facts[i], type->value) ||
            !sm_check_device(c, c->facts[i].field, &last))
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
                 const struct sm_check *c)
{
    char field[128], value[160];
    const char *bad = c->bad_value ? c->bad_value : c->value;

    snprintf(d->text, sizeof(d->text),
             "domain config: %s = \"%s\" is not allowed by rule %s%s%s%s",
             shown(c->bad_field, field, sizeof(field)),
             shown(bad, value, sizeof(value)), rule, c->why ? " (" : "",
             c->why ? c->why : "", c->why ? ")" : "");
    d->allow = false;
    d->code = code;
    snprintf(d->rule, sizeof(d->rule), "config");
}

/* Sort the facts; false when no rule need be tried. */
static bool prepare(struct sm_check *c, const struct sm_policy_fact *facts,
                    size_t n, int *code)
{
    size_t i;

    *code = SM_REFUSED_LOCAL;
    if (n > SM_POLICY_FACTS_MAX)
        return sm_check_refuse(c, "(all)", "", "too many fields");
    c->facts = calloc(n ? n : 1, sizeof(*c->facts));
    if (!c->facts) {
        *code = SM_NO_MEMORY;
        return sm_check_refuse(c, "(all)", "", "out of memory");
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
            return sm_check_refuse(c, c->facts[i].field, c->facts[i].value,
                                   "given twice");
    return true;
}

/* The satisfied allow rules, in the document's order, until one admits the
 * config. */
static void try_rules(struct sm_evaluate *e, struct sm_check *c,
                      struct sm_policy_decision *d)
{
    uint64_t rules[SM_EVALUATE_WORDS(SM_POLICY_RULES_MAX)];
    const struct sm_policy_rule *rule, *refusing = NULL;
    const struct sm_policy *p = e->policy;
    struct sm_policy_obligations more;
    const char *accepted = d->matched ? d->matched->id : d->rule;
    size_t i;

    sm_policy_index_rules(p, e->request, e->groups[1], e->owners[1], rules);
    for (i = 0; i < p->n_rules; i++) {
        rule = &p->rules[i];
        if (!sm_policy_set_has(rules, i) ||
            !sm_evaluate_satisfied(e, rule, &more))
            continue;
        c->config = &rule->config;
        if (check_facts(c)) {
            sm_decide_oblige(&d->obligations, &more);
            d->matched = rule;
            d->allow = true;
            d->code = SM_OK;
            snprintf(d->rule, sizeof(d->rule), "%s", rule->id);
            return;
        }
        if (!refusing) {
            refusing = rule;
            deny(d, SM_REFUSED_LOCAL, rule->id, c);
        }
    }
    if (!refusing) {
        sm_check_refuse(c, "(all)", "", "the decision is of another policy");
        deny(d, SM_REFUSED_LOCAL, accepted, c);
    }
    d->matched = refusing;
}

void sm_policy_check_config(const struct sm_policy *policy,
                            const struct sm_policy_request *request,
                            const struct sm_policy_decision *accepted,
                            const struct sm_policy_fact *facts, size_t n,
                            struct sm_policy_decision *out)
{
    struct sm_policy_decision d = *accepted;
    struct sm_check c = { .n = 0 };
    struct sm_evaluate e;
    char text[sizeof(d.text)];
    size_t used;
    int code;

    if (!policy || !d.allow)
        goto out;
    memcpy(text, d.text, sizeof(text));
    if (!prepare(&c, facts, n, &code)) {
        deny(&d, code, accepted->rule, &c);
    } else if (!sm_decide_open(&e, policy, request)) {
        sm_check_refuse(&c, "(all)", "", "the decision is of another policy");
        deny(&d, SM_REFUSED_LOCAL, accepted->rule, &c);
    } else {
        try_rules(&e, &c, &d);
        if (d.allow) {
            memcpy(d.text, text, sizeof(text));
            used = strlen(text);
            if (d.matched != accepted->matched)
                snprintf(d.text + used, sizeof(d.text) - used,
                         ", its config by rule %s", d.rule);
        }
    }
out:
    free(c.facts);
    *out = d;
}
