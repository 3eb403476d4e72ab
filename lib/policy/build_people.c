/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Roles and those who have them, owners and authorities: <roles>,
 * <operators>, <owners>, <authorities>.
 */
#include "policy/build.h"

#include <stdlib.h>
#include <string.h>

/* ---- roles ---- */

/* What a role inherits, and how far its closure has come. */
struct family {
    xmlNode *element;
    size_t *parents, n_parents;
    enum { NEW, OPEN, DONE } state;
};

/* Depth is bounded by the number of roles. */
static int inherit(struct sm_node_context *b, struct family *families,
                   size_t i)
{
    struct sm_policy *p = b->policy;
    struct family *f = &families[i];
    size_t parent, k, w;
    int rc;

    f->state = OPEN;
    sm_policy_set_add(p->roles[i].is, i);
    for (k = 0; k < f->n_parents; k++) {
        parent = f->parents[k];
        if (families[parent].state == OPEN)
            return sm_node_fail(b, f->element,
                                "<role> inherits=\"%s\": in a circle: "
                                "\"%s\" inherits \"%s\" already",
                                p->roles[parent].id, p->roles[parent].id,
                                p->roles[i].id);
        if (families[parent].state == NEW) {
            rc = inherit(b, families, parent);
            if (rc)
                return rc;
        }
        for (w = 0; w < sm_policy_set_words(p->n_roles); w++)
            p->roles[i].is[w] |= p->roles[parent].is[w];
        p->roles[i].permits |= p->roles[parent].permits;
    }
    f->state = DONE;
    return 0;
}

static int build_permits(struct sm_node_context *b, xmlNode *role,
                         unsigned int *permits)
{
    unsigned int actions;
    xmlNode *e;
    int rc;

    for (e = sm_node_element(role->children); e;
         e = sm_node_element(e->next)) {
        if (!sm_node_is(e, "permit"))
            return sm_node_unexpected(b, e);
        rc = sm_node_leaf(b, e, "action");
        if (!rc)
            rc = sm_node_words(b, e, "action", SM_POLICY_ACTIONS, 0,
                               &actions);
        if (rc)
            return rc;
        *permits |= actions;
    }
    return 0;
}

static int build_exclusive(struct sm_node_context *b, xmlNode *e,
                           struct sm_policy_exclusive *x)
{
    const char *kind;
    uint64_t at_most = 1;
    size_t *list, n, i;
    int rc;

    x->line = sm_node_line(e);
    rc = sm_node_leaf(b, e, "id roles kind at-most");
    if (!rc)
        rc = sm_node_id(b, e, "id", &x->id);
    if (!rc)
        rc = sm_node_need(b, e, "kind", &kind);
    if (rc)
        return rc;
    x->dynamic = !strcmp(kind, "dynamic");
    if (!x->dynamic && strcmp(kind, "static"))
        return sm_node_bad(b, e, "kind", kind, "neither static nor dynamic");
    rc = sm_node_need_list(b, e, "roles");
    if (!rc)
        rc = sm_build_list(b, e, "roles", SM_BUILD_ROLE, &list, &n);
    if (rc)
        return rc;
    rc = sm_build_set(b, e, "roles", SM_BUILD_ROLE, b->policy->n_roles,
                      &x->roles);
    if (!rc)
        rc = sm_node_number(b, e, "at-most", 1, SM_POLICY_ROLES_MAX,
                            &at_most);
    if (rc)
        return rc;
    x->at_most = (unsigned int)at_most;
    if (at_most >= n)
        return sm_node_fail(b, e, "<exclusive> id=\"%s\": at most %u of %zu "
                            "role%s excludes nothing", x->id, x->at_most, n,
                            n == 1 ? "" : "s");
    for (i = 0; i < b->policy->n_exclusives; i++)
        if (!strcmp(b->policy->exclusives[i].id, x->id))
            return sm_node_fail(b, e, "<exclusive> id=\"%s\": used already in "
                                "line %u", x->id,
                                b->policy->exclusives[i].line);
    return 0;
}

/* Two passes: a role may inherit one that comes later. */
static int build_role_list(struct sm_node_context *b, xmlNode *roles,
                           struct family *families)
{
    struct sm_policy *p = b->policy;
    struct sm_build_table *t = &b->ids->tables[SM_BUILD_ROLE];
    size_t i = 0, words;
    xmlNode *e;
    int rc;

    for (e = sm_node_element(roles->children); e; e = sm_node_element(e->next))
        if (sm_node_is(e, "role")) {
            rc = sm_node_only(b, e, "id inherits");
            if (!rc)
                rc = sm_node_id(b, e, "id", &p->roles[i].id);
            if (rc)
                return rc;
            p->roles[i].line = sm_node_line(e);
            families[i].element = e;
            sm_build_table_add(t, p->roles[i].id, i, p->roles[i].line);
            i++;
        } else if (!sm_node_is(e, "exclusive")) {
            return sm_node_unexpected(b, e);
        }
    p->n_roles = i;
    rc = sm_build_table_sort(b, t, "<role> id");
    if (rc)
        return rc;
    words = sm_policy_set_words(p->n_roles);
    for (i = 0; i < p->n_roles; i++) {
        e = families[i].element;
        p->roles[i].is =
            sm_policy_pool_new(p, words, sizeof(*p->roles[i].is));
        if (!p->roles[i].is)
            return SM_NO_MEMORY;
        rc = sm_build_list(b, e, "inherits", SM_BUILD_ROLE,
                           &families[i].parents, &families[i].n_parents);
        if (!rc)
            rc = build_permits(b, e, &p->roles[i].permits);
        if (rc)
            return rc;
    }
    for (i = 0; i < p->n_roles; i++)
        if (families[i].state == NEW) {
            rc = inherit(b, families, i);
            if (rc)
                return rc;
        }
    return 0;
}

int sm_build_roles(struct sm_node_context *b, xmlNode *roles)
{
    struct sm_policy *p = b->policy;
    struct family *families = NULL;
    size_t n_roles, n_exclusives;
    xmlNode *e;
    int rc;

    rc = sm_node_count_at_most(b, roles, "role", SM_POLICY_ROLES_MAX,
                               &n_roles);
    if (!rc)
        rc = sm_node_count_at_most(b, roles, "exclusive",
                                   SM_POLICY_EXCLUSIVES_MAX, &n_exclusives);
    if (!rc)
        rc = sm_build_table_new(&b->ids->tables[SM_BUILD_ROLE], n_roles, 0);
    if (rc)
        return rc;
    p->roles = sm_policy_pool_new(p, n_roles, sizeof(*p->roles));
    p->exclusives = sm_policy_pool_new(p, n_exclusives,
                                       sizeof(*p->exclusives));
    families = calloc(n_roles ? n_roles : 1, sizeof(*families));
    if (!p->roles || !p->exclusives || !families) {
        rc = SM_NO_MEMORY;
        goto out;
    }
    rc = build_role_list(b, roles, families);
    for (e = sm_node_element(roles->children); e && !rc;
         e = sm_node_element(e->next))
        if (sm_node_is(e, "exclusive")) {
            rc = build_exclusive(b, e, &p->exclusives[p->n_exclusives]);
            if (!rc)
                p->n_exclusives++;
        }
out:
    free(families);
    return rc;
}

int sm_build_roles_of(struct sm_node_context *b, xmlNode *e, const char *name,
                      sm_policy_set *assigned, sm_policy_set *all)
{
    const struct sm_policy *p = b->policy;
    size_t *list, n, i, w, words = sm_policy_set_words(p->n_roles);
    int rc;

    *assigned = *all = NULL;
    rc = sm_build_list(b, e, name, SM_BUILD_ROLE, &list, &n);
    if (rc || !list)
        return rc;
    *assigned = sm_policy_pool_new(b->policy, words, sizeof(**assigned));
    *all = sm_policy_pool_new(b->policy, words, sizeof(**all));
    if (!*assigned || !*all)
        return SM_NO_MEMORY;
    for (i = 0; i < n; i++) {
        sm_policy_set_add(*assigned, list[i]);
        for (w = 0; w < words; w++)
            (*all)[w] |= p->roles[list[i]].is[w];
    }
    return 0;
}

/* ---- operators ---- */

static int build_operator(struct sm_node_context *b, xmlNode *e,
                          struct sm_policy_operator *o)
{
    size_t words = sm_policy_set_words(b->policy->n_roles);
    int rc;

    o->line = sm_node_line(e);
    rc = sm_node_leaf(b, e, "id account key roles");
    if (!rc)
        rc = sm_node_id(b, e, "id", &o->id);
    if (!rc)
        rc = sm_node_attr(b, e, "account", &o->account);
    if (!rc && o->account && !sm_policy_account_ok(o->account))
        rc = sm_node_bad(b, e, "account", o->account, "not an account name");
    if (!rc)
        rc = sm_node_signer(b, e, "key", o->key, &o->has_key);
    if (!rc)
        rc = sm_build_roles_of(b, e, "roles", &o->assigned, &o->roles);
    if (rc)
        return rc;
    if (!o->account && !o->has_key)
        return sm_node_fail(b, e, "<operator> id=\"%s\": neither account nor "
                            "key", o->id);
    if (!o->roles) {
        o->assigned = sm_policy_pool_new(b->policy, words,
                                         sizeof(*o->assigned));
        o->roles = sm_policy_pool_new(b->policy, words, sizeof(*o->roles));
    }
    return o->assigned && o->roles ? 0 : SM_NO_MEMORY;
}

/* Static separation of duty: what one has, inherited roles counted. */
static int check_static(struct sm_node_context *b,
                        const struct sm_policy_operator *o)
{
    const struct sm_policy *p = b->policy;
    const struct sm_policy_exclusive *x;
    const char *two[2] = { "", "" };
    unsigned int n;
    size_t i, k;

    for (k = 0; k < p->n_exclusives; k++) {
        x = &p->exclusives[k];
        if (x->dynamic)
            continue;
        for (n = 0, i = 0; i < p->n_roles; i++)
            if (sm_policy_set_has(o->roles, i) &&
                sm_policy_set_has(x->roles, i)) {
                if (n < 2)
                    two[n] = p->roles[i].id;
                n++;
            }
        if (n > x->at_most)
            return sm_node_fail_at(b, o->line,
                                   "<operator> id=\"%s\": has %u of the "
                                   "roles of which <exclusive> \"%s\" (line "
                                   "%u) permits %u (\"%s\", \"%s\"%s)",
                                   o->id, n, x->id, x->line, x->at_most,
                                   two[0], two[1], n > 2 ? ", ..." : "");
    }
    return 0;
}

int sm_build_operators(struct sm_node_context *b, xmlNode *operators)
{
    struct sm_policy *p = b->policy;
    struct sm_build_table *t = &b->ids->tables[SM_BUILD_OPERATOR];
    struct sm_build_table accounts = { .n = 0 }, keys = { .n = 0 };
    struct sm_policy_operator *o;
    size_t n, i;
    xmlNode *e;
    int rc;

    rc = sm_node_count_at_most(b, operators, "operator",
                               SM_POLICY_OPERATORS_MAX, &n);
    if (!rc)
        rc = sm_build_table_new(t, n, 0);
    if (!rc)
        rc = sm_build_table_new(&accounts, n, 0);
    if (!rc)
        rc = sm_build_table_new(&keys, n, 32);
    if (rc)
        goto out;
    p->operators = sm_policy_pool_new(p, n, sizeof(*p->operators));
    if (!p->operators) {
        rc = SM_NO_MEMORY;
        goto out;
    }
    for (e = sm_node_element(operators->children); e && !rc;
         e = sm_node_element(e->next)) {
        if (!sm_node_is(e, "operator")) {
            rc = sm_node_unexpected(b, e);
            goto out;
        }
        i = p->n_operators;
        o = &p->operators[i];
        rc = build_operator(b, e, o);
        if (rc)
            goto out;
        p->n_operators++;
        sm_build_table_add(t, o->id, i, o->line);
        if (o->account)
            sm_build_table_add(&accounts, o->account, i, o->line);
        if (o->has_key)     /* the key itself: its id is only a hint */
            sm_build_table_add(&keys, o->key + 8, i, o->line);
    }
    if (!n)
        rc = sm_node_fail(b, operators, "<operators> is empty: leave it out");
    if (!rc)
        rc = sm_build_table_sort(b, t, "<operator> id");
    if (!rc)
        rc = sm_build_table_sort(b, &accounts, "<operator> account");
    if (!rc)
        rc = sm_build_table_sort(b, &keys, "<operator> key");
    for (i = 0; i < p->n_operators && !rc; i++)
        rc = check_static(b, &p->operators[i]);
out:
    sm_build_table_free(&accounts);
    sm_build_table_free(&keys);
    return rc;
}

/* ---- owners and authorities ---- */

int sm_build_owners(struct sm_node_context *b, xmlNode *owners)
{
    struct sm_policy *p = b->policy;
    struct sm_build_table *t = &b->ids->tables[SM_BUILD_OWNER];
    struct sm_build_table keys = { .n = 0 };
    struct sm_policy_owner *o;
    bool has_key;
    xmlNode *e;
    size_t n;
    int rc;

    rc = sm_node_count_at_most(b, owners, "owner", SM_POLICY_OWNERS_MAX, &n);
    if (!rc)
        rc = sm_build_table_new(t, n, 0);
    if (!rc)
        rc = sm_build_table_new(&keys, n, 32);
    if (rc)
        goto out;
    p->owners = sm_policy_pool_new(p, n, sizeof(*p->owners));
    if (!p->owners) {
        rc = SM_NO_MEMORY;
        goto out;
    }
    for (e = sm_node_element(owners->children); e;
         e = sm_node_element(e->next)) {
        if (!sm_node_is(e, "owner")) {
            rc = sm_node_unexpected(b, e);
            goto out;
        }
        o = &p->owners[p->n_owners];
        o->line = sm_node_line(e);
        rc = sm_node_leaf(b, e, "id key");
        if (!rc)
            rc = sm_node_id(b, e, "id", &o->id);
        if (!rc)
            rc = sm_node_signer(b, e, "key", o->key, &has_key);
        if (!rc && !has_key)
            rc = sm_node_lacks(b, e, "key");
        if (rc)
            goto out;
        sm_build_table_add(t, o->id, p->n_owners, o->line);
        sm_build_table_add(&keys, o->key + 8, p->n_owners++, o->line);
    }
    if (!n)
        rc = sm_node_fail(b, owners, "<owners> is empty: leave it out");
    if (!rc)
        rc = sm_build_table_sort(b, t, "<owner> id");
    if (!rc)
        rc = sm_build_table_sort(b, &keys, "<owner> key");
out:
    sm_build_table_free(&keys);
    return rc;
}

int sm_build_authorities(struct sm_node_context *b, xmlNode *authorities)
{
    struct sm_policy *p = b->policy;
    struct sm_build_table *t = &b->ids->tables[SM_BUILD_AUTHORITY];
    struct sm_build_table keys = { .n = 0 };
    struct sm_policy_authority *a;
    bool has_key;
    xmlNode *e;
    size_t n;
    int rc;

    rc = sm_node_count_at_most(b, authorities, "authority",
                               SM_POLICY_AUTHORITIES_MAX, &n);
    if (!rc)
        rc = sm_build_table_new(t, n, 0);
    if (!rc)
        rc = sm_build_table_new(&keys, n, 32);
    if (rc)
        goto out;
    p->authorities = sm_policy_pool_new(p, n, sizeof(*p->authorities));
    if (!p->authorities) {
        rc = SM_NO_MEMORY;
        goto out;
    }
    for (e = sm_node_element(authorities->children); e;
         e = sm_node_element(e->next)) {
        if (!sm_node_is(e, "authority")) {
            rc = sm_node_unexpected(b, e);
            goto out;
        }
        a = &p->authorities[p->n_authorities];
        a->line = sm_node_line(e);
        rc = sm_node_leaf(b, e, "id key attributes");
        if (!rc)
            rc = sm_node_id(b, e, "id", &a->id);
        if (!rc)
            rc = sm_node_signer(b, e, "key", a->key, &has_key);
        if (!rc && !has_key)
            rc = sm_node_lacks(b, e, "key");
        if (!rc)
            rc = sm_node_words(b, e, "attributes", SM_POLICY_ATTRIBUTES,
                               SM_POLICY_ATTRIBUTES_ALL, &a->attributes);
        if (rc)
            goto out;
        sm_build_table_add(t, a->id, p->n_authorities, a->line);
        sm_build_table_add(&keys, a->key + 8, p->n_authorities++, a->line);
    }
    if (!n)
        rc = sm_node_fail(b, authorities,
                          "<authorities> is empty: leave it out");
    if (!rc)
        rc = sm_build_table_sort(b, t, "<authority> id");
    if (!rc)
        rc = sm_build_table_sort(b, &keys, "<authority> key");
out:
    sm_build_table_free(&keys);
    return rc;
}
