/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What requests are about: <hosts>, <vms>, <windows>. */
#include "policy/build.h"

#include <stdlib.h>
#include <string.h>

#include "policy/zone.h"
#include "trust/identity.h"

/* ---- hosts ---- */

static int build_host(struct sm_node_context *b, xmlNode *e,
                      struct sm_policy_host *host)
{
    sm_policy_set assigned;
    const char *key;
    int rc;

    host->line = sm_node_line(e);
    rc = sm_node_leaf(b, e, "id key roles");
    if (!rc)
        rc = sm_node_id(b, e, "id", &host->id);
    if (!rc)
        rc = sm_node_attr(b, e, "key", &key);
    if (rc)
        return rc;
    if (key) {
        if (!sm_identity_from_base64(key, strlen(key), host->key))
            return sm_node_fail(b, e, "<host> key: not an X25519 public key "
                                "in base64");
        host->has_key = true;
    }
    return sm_build_roles_of(b, e, "roles", &assigned, &host->roles);
}

static int build_certified(struct sm_node_context *b, xmlNode *e,
                           struct sm_policy_host *host)
{
    const struct sm_policy *p = b->policy;
    sm_policy_set assigned;
    const char *authority;
    size_t i, which;
    int rc;

    host->line = sm_node_line(e);
    rc = sm_node_leaf(b, e, "authority roles");
    if (!rc)
        rc = sm_node_need(b, e, "authority", &authority);
    if (!rc)
        rc = sm_build_one(b, e, "authority", SM_BUILD_AUTHORITY, authority,
                          &which);
    if (rc)
        return rc;
    host->authority = &p->authorities[which];
    for (i = 0; i < p->n_certified; i++)
        if (p->certified[i].authority == host->authority)
            return sm_node_fail(b, e, "<certified> authority=\"%s\": used "
                                "already in line %u", authority,
                                p->certified[i].line);
    return sm_build_roles_of(b, e, "roles", &assigned, &host->roles);
}

static int compare_hosts(const void *a, const void *b)
{
    const struct sm_policy_host *x = a, *y = b;

    return strcmp(x->id, y->id);
}

int sm_build_hosts(struct sm_node_context *b, xmlNode *hosts)
{
    struct sm_policy *p = b->policy;
    struct sm_build_table ids = { .n = 0 }, keys = { .n = 0 };
    struct sm_policy_host *h;
    size_t n, n_certified;
    xmlNode *e;
    int rc;

    rc = sm_node_count_at_most(b, hosts, "host", SM_POLICY_HOSTS_MAX, &n);
    if (!rc)
        rc = sm_node_count_at_most(b, hosts, "certified",
                                   SM_POLICY_AUTHORITIES_MAX, &n_certified);
    if (!rc)
        rc = sm_build_table_new(&ids, n, 0);
    if (!rc)
        rc = sm_build_table_new(&keys, n, 32);
    if (rc)
        goto out;
    p->hosts = sm_policy_pool_new(p, n, sizeof(*p->hosts));
    p->certified = sm_policy_pool_new(p, n_certified, sizeof(*p->certified));
    if (!p->hosts || !p->certified) {
        rc = SM_NO_MEMORY;
        goto out;
    }
    for (e = sm_node_element(hosts->children); e && !rc;
         e = sm_node_element(e->next)) {
        if (sm_node_is(e, "certified")) {
            rc = build_certified(b, e, &p->certified[p->n_certified]);
            p->n_certified++;
            continue;
        }
        if (!sm_node_is(e, "host")) {
            rc = sm_node_unexpected(b, e);
            goto out;
        }
        h = &p->hosts[p->n_hosts];
        rc = build_host(b, e, h);
        if (rc)
            goto out;
        sm_build_table_add(&ids, h->id, p->n_hosts, h->line);
        if (h->has_key)
            sm_build_table_add(&keys, h->key, p->n_hosts, h->line);
        p->n_hosts++;
    }
    if (!rc && !n && !n_certified)
        rc = sm_node_fail(b, hosts, "<hosts> is empty");
    if (!rc)
        rc = sm_build_table_sort(b, &ids, "<host> id");
    if (!rc)
        rc = sm_build_table_sort(b, &keys, "<host> key");
    if (!rc)
        qsort(p->hosts, p->n_hosts, sizeof(*p->hosts), compare_hosts);
out:
    sm_build_table_free(&ids);
    sm_build_table_free(&keys);
    return rc;
}

/* ---- guests ---- */

static int build_vm_owners(struct sm_node_context *b, xmlNode *e,
                           struct sm_policy_vm *vm)
{
    size_t *list, i;
    int rc;

    rc = sm_build_list(b, e, "owner", SM_BUILD_OWNER, &list, &vm->n_owners);
    if (rc || !list)
        return rc;
    vm->owners = sm_policy_pool_new(b->policy, vm->n_owners,
                                    sizeof(*vm->owners));
    if (!vm->owners)
        return SM_NO_MEMORY;
    for (i = 0; i < vm->n_owners; i++)
        vm->owners[i] = &b->policy->owners[list[i]];
    return 0;
}

static int build_vm_memory(struct sm_node_context *b, xmlNode *e,
                           struct sm_policy_vm *vm, bool *any)
{
    const char *min, *max;
    int rc;

    rc = sm_node_attr(b, e, "memory-min", &min);
    if (!rc)
        rc = sm_node_attr(b, e, "memory-max", &max);
    if (!rc)
        rc = sm_node_memory(b, e, "memory-min", &vm->memory_min);
    if (!rc)
        rc = sm_node_memory(b, e, "memory-max", &vm->memory_max);
    if (!rc && vm->memory_min > vm->memory_max)
        rc = sm_node_fail(b, e, "<vm>: memory-min is more than memory-max");
    if (!rc)
        *any = min || max;
    return rc;
}

int sm_build_vm(struct sm_node_context *b, xmlNode *e, bool in_group,
                struct sm_policy_vm *vm)
{
    const char *uuid;
    bool memory = false;
    int rc;

    vm->line = sm_node_line(e);
    vm->memory_max = UINT64_MAX;
    rc = sm_node_leaf(b, e, in_group ? "name uuid label" :
                      "name uuid label group owner memory-min memory-max");
    if (!rc)
        rc = sm_node_attr(b, e, "name", &vm->name);
    if (!rc && vm->name)
        rc = sm_node_pattern(b, e, "name", SM_NODE_ANY, vm->name);
    if (!rc)
        rc = sm_node_attr(b, e, "label", &vm->label);
    if (!rc && vm->label)
        rc = sm_node_pattern(b, e, "label", SM_NODE_ANY, vm->label);
    if (!rc)
        rc = sm_node_attr(b, e, "uuid", &uuid);
    if (rc)
        return rc;
    if (uuid) {
        if (!sm_policy_uuid(uuid, vm->uuid))
            return sm_node_bad(b, e, "uuid", uuid, "not a uuid");
        vm->has_uuid = true;
    }
    if (!in_group) {
        rc = build_vm_memory(b, e, vm, &memory);
        if (!rc)
            rc = sm_build_set(b, e, "group", SM_BUILD_GROUP,
                              b->policy->n_groups, &vm->groups);
        if (!rc)
            rc = build_vm_owners(b, e, vm);
        if (rc)
            return rc;
    }
    if (!vm->name && !vm->label && !uuid && !memory && !vm->groups &&
        !vm->n_owners)
        return sm_node_fail(b, e, in_group ?
                            "<vm> in a group needs name, uuid or label" :
                            "<vm> without an attribute selects nothing; "
                            "leave it out to select every guest");
    return 0;
}

static int build_group(struct sm_node_context *b, xmlNode *group,
                       struct sm_policy_group *g, size_t *room)
{
    const char *owner;
    size_t which, n;
    xmlNode *e;
    int rc;

    g->line = sm_node_line(group);
    rc = sm_node_only(b, group, "id owner");
    if (!rc)
        rc = sm_node_id(b, group, "id", &g->id);
    if (!rc)
        rc = sm_node_attr(b, group, "owner", &owner);
    if (!rc && owner) {
        rc = sm_build_one(b, group, "owner", SM_BUILD_OWNER, owner, &which);
        if (!rc)
            g->owner = &b->policy->owners[which];
    }
    if (!rc)
        rc = sm_node_count_at_most(b, group, "vm", SM_POLICY_VMS_MAX, &n);
    if (rc)
        return rc;
    if (n > *room)
        return sm_node_fail(b, group, "more than %d <vm> in all groups",
                            SM_POLICY_VMS_MAX);
    *room -= n;
    g->vms = sm_policy_pool_new(b->policy, n, sizeof(*g->vms));
    if (!g->vms)
        return SM_NO_MEMORY;
    for (e = sm_node_element(group->children); e && !rc;
         e = sm_node_element(e->next))
        rc = sm_node_is(e, "vm") ?
             sm_build_vm(b, e, true, &g->vms[g->n_vms++]) :
             sm_node_unexpected(b, e);
    return rc;
}

int sm_build_vms(struct sm_node_context *b, xmlNode *vms)
{
    struct sm_policy *p = b->policy;
    struct sm_build_table *t = &b->ids->tables[SM_BUILD_GROUP];
    size_t room = SM_POLICY_VMS_MAX, n;
    struct sm_policy_group *g;
    xmlNode *e;
    int rc;

    rc = sm_node_count_at_most(b, vms, "group", SM_POLICY_GROUPS_MAX, &n);
    if (!rc)
        rc = sm_build_table_new(t, n, 0);
    if (rc)
        return rc;
    p->groups = sm_policy_pool_new(p, n, sizeof(*p->groups));
    if (!p->groups)
        return SM_NO_MEMORY;
    for (e = sm_node_element(vms->children); e; e = sm_node_element(e->next)) {
        if (!sm_node_is(e, "group"))
            return sm_node_unexpected(b, e);
        g = &p->groups[p->n_groups];
        rc = build_group(b, e, g, &room);
        if (rc)
            return rc;
        sm_build_table_add(t, g->id, p->n_groups++, g->line);
    }
    if (!n)
        return sm_node_fail(b, vms, "<vms> is empty: leave it out");
    return sm_build_table_sort(b, t, "<group> id");
}

/* ---- windows ---- */

/* "hh:mm", from 00:00 to 23:59. */
static int build_clock(struct sm_node_context *b, xmlNode *e,
                       const char *name, unsigned int *minutes)
{
    const char *v;
    int rc;

    rc = sm_node_need(b, e, name, &v);
    if (rc)
        return rc;
    if (strlen(v) != 5 || v[2] != ':' || v[0] < '0' || v[0] > '2' ||
        v[1] < '0' || v[1] > '9' || (v[0] == '2' && v[1] > '3') ||
        v[3] < '0' || v[3] > '5' || v[4] < '0' || v[4] > '9')
        return sm_node_bad(b, e, name, v, "not a time of day from 00:00 to "
                           "23:59");
    *minutes = (unsigned int)((v[0] - '0') * 10 + v[1] - '0') * 60 +
               (unsigned int)((v[3] - '0') * 10 + v[4] - '0');
    return 0;
}

/* Each zone is loaded once. */
static int build_zone(struct sm_node_context *b, xmlNode *e,
                      const struct sm_policy_zone **out)
{
    struct sm_policy *p = b->policy;
    const char *name;
    char why[200];
    size_t i;
    int rc;

    rc = sm_node_need(b, e, "zone", &name);
    if (rc)
        return rc;
    for (i = 0; i < p->n_zones; i++)
        if (!strcmp(p->zones[i].name, name)) {
            *out = &p->zones[i];
            return 0;
        }
    rc = sm_policy_zone_load(p, &p->zones[p->n_zones], name, !p->has_vm, why,
                             sizeof(why));
    if (rc == SM_POLICY)
        return sm_node_bad(b, e, "zone", name, why);
    if (rc)
        return rc;
    *out = &p->zones[p->n_zones++];
    return 0;
}

int sm_build_windows(struct sm_node_context *b, xmlNode *windows)
{
    struct sm_policy *p = b->policy;
    struct sm_build_table *t = &b->ids->tables[SM_BUILD_WINDOW];
    struct sm_policy_window *w;
    xmlNode *e;
    size_t n;
    int rc;

    rc = sm_node_count_at_most(b, windows, "window", SM_POLICY_WINDOWS_MAX,
                               &n);
    if (!rc)
        rc = sm_build_table_new(t, n, 0);
    if (rc)
        return rc;
    p->windows = sm_policy_pool_new(p, n, sizeof(*p->windows));
    p->zones = sm_policy_pool_new(p, n, sizeof(*p->zones));
    if (!p->windows || !p->zones)
        return SM_NO_MEMORY;
    for (e = sm_node_element(windows->children); e;
         e = sm_node_element(e->next)) {
        if (!sm_node_is(e, "window"))
            return sm_node_unexpected(b, e);
        w = &p->windows[p->n_windows];
        w->line = sm_node_line(e);
        rc = sm_node_leaf(b, e, "id days from to zone");
        if (!rc)
            rc = sm_node_id(b, e, "id", &w->id);
        if (!rc)
            rc = sm_node_words(b, e, "days", SM_POLICY_DAYS, 0x7f, &w->days);
        if (!rc)
            rc = build_clock(b, e, "from", &w->from);
        if (!rc)
            rc = build_clock(b, e, "to", &w->to);
        if (!rc)
            rc = build_zone(b, e, &w->zone);
        if (rc)
            return rc;
        sm_build_table_add(t, w->id, p->n_windows++, w->line);
    }
    if (!n)
        return sm_node_fail(b, windows, "<windows> is empty: leave it out");
    return sm_build_table_sort(b, t, "<window> id");
}
