/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the tree to the model: the root element and the order of the parts.
 * The parts are in build_people.c, build_platforms.c, build_places.c and
 * build_rule.c.
 */
#include "policy/build.h"

#include <stdlib.h>
#include <string.h>

#include "policy/index.h"

/* The children of <policy>, in this order. */
static const struct part {
    const char *element;
    bool required;
    bool in_vm;                 /* in <vm-policy>, too */
    int (*build)(struct sm_node_context *b, xmlNode *e);
} parts[] = {
    { "roles", false, false, sm_build_roles },
    { "operators", false, false, sm_build_operators },
    { "owners", false, false, sm_build_owners },
    { "authorities", false, true, sm_build_authorities },
    { "platforms", false, true, sm_build_platforms },
    { "hosts", true, false, sm_build_hosts },
    { "vms", false, false, sm_build_vms },
    { "windows", false, true, sm_build_windows },
    { "rules", true, true, sm_build_rules },
};

static int build_head(struct sm_node_context *b, xmlNode *root)
{
    struct sm_policy *p = b->policy;
    const char *vm;
    int rc;

    p->line = sm_node_line(root);
    rc = sm_node_only(b, root, p->has_vm ? "vm version not-before not-after" :
                               "site version not-before not-after");
    if (rc)
        return rc;
    if (p->has_vm) {
        rc = sm_node_need(b, root, "vm", &vm);
        if (!rc && !sm_policy_uuid(vm, p->vm))
            rc = sm_node_bad(b, root, "vm", vm, "not a uuid");
    } else {
        rc = sm_node_id(b, root, "site", &p->site);
    }
    if (!rc)
        rc = sm_node_number(b, root, "version", 1, INT64_MAX, &p->version);
    if (!rc && !p->version)
        rc = sm_node_lacks(b, root, "version");
    if (!rc)
        rc = sm_node_time(b, root, "not-before", &p->start);
    if (!rc)
        rc = sm_node_time(b, root, "not-after", &p->expiry);
    if (!rc && p->start > p->expiry)
        rc = sm_node_fail(b, root, "not-before is later than not-after");
    return rc;
}

static int build_parts(struct sm_node_context *b, xmlNode *root)
{
    const bool vm = b->policy->has_vm;
    xmlNode *e = sm_node_element(root->children);
    const struct part *part;
    size_t i;
    int rc;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        part = &parts[i];
        if (vm && !part->in_vm)
            continue;
        if (e && sm_node_is(e, part->element)) {
            rc = sm_node_only(b, e, "");
            if (!rc)
                rc = part->build(b, e);
            if (rc)
                return rc;
            e = sm_node_element(e->next);
        } else if (part->required) {
            return sm_node_fail(b, e ? e : root,
                                "<%.64s> where <%s> has to stand",
                                (const char *)(e ? e : root)->name,
                                part->element);
        }
    }
    return e ? sm_node_unexpected(b, e) : 0;
}

static int build_document(struct sm_node_context *b, xmlNode *root)
{
    int rc;

    if (!root || !sm_node_is(root, b->policy->has_vm ? "vm-policy" :
                                                       "policy"))
        return sm_node_fail(b, root,
                            "the root element is not <%s xmlns=\""
                            SM_NODE_NAMESPACE "\">",
                            b->policy->has_vm ? "vm-policy" : "policy");
    rc = build_head(b, root);
    return rc ? rc : build_parts(b, root);
}

int sm_policy_build(struct sm_policy **out, enum sm_policy_document kind,
                    struct _xmlDoc *tree, unsigned int *line, char *why,
                    size_t why_size)
{
    struct sm_build_ids ids;
    struct sm_node_context b = { .ids = &ids, .line = line, .why = why,
                                 .why_size = why_size };
    size_t i;
    int rc;

    memset(&ids, 0, sizeof(ids));
    *out = NULL;
    *line = 1;
    b.policy = calloc(1, sizeof(*b.policy));
    if (!b.policy)
        return SM_NO_MEMORY;
    b.policy->has_vm = kind == SM_POLICY_VM;
    b.policy->start = INT64_MIN;
    b.policy->expiry = INT64_MAX;
    rc = build_document(&b, xmlDocGetRootElement(tree));
    if (!rc)
        rc = sm_policy_index_build(b.policy);
    for (i = 0; i < SM_BUILD_KINDS; i++)
        sm_build_table_free(&ids.tables[i]);
    if (rc) {
        sm_policy_free(b.policy);
        return rc;
    }
    *out = b.policy;
    return 0;
}
