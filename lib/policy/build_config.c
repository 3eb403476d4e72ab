/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The element <config>, from the tree to the model. */
#include "policy/build.h"

#include <stdio.h>
#include <string.h>

static int build_disk(struct sm_node_context *b, xmlNode *e,
                      struct sm_policy_disk *d)
{
    int rc;

    rc = sm_node_leaf(b, e, "path format backend readonly script");
    if (!rc)
        rc = sm_node_need(b, e, "path", &d->path);
    if (!rc)
        rc = sm_node_script(b, e, &d->script);
    if (!rc)
        rc = sm_node_pattern(b, e, "path",
                             d->script ? SM_NODE_WORD : SM_NODE_PATH, d->path);
    if (!rc)
        rc = sm_node_words(b, e, "format", SM_POLICY_FORMATS,
                           sm_policy_word(SM_POLICY_FORMATS, "raw", 3),
                           &d->formats);
    if (!rc)
        rc = sm_node_words(b, e, "backend", SM_POLICY_BACKENDS,
                           sm_policy_word(SM_POLICY_BACKENDS, "phy", 3) |
                               sm_policy_word(SM_POLICY_BACKENDS, "qdisk", 5),
                           &d->backends);
    if (!rc)
        rc = sm_node_yes_no(b, e, "readonly", &d->readonly);
    return rc;
}

static int build_bridge(struct sm_node_context *b, xmlNode *e,
                        struct sm_policy_bridge *br)
{
    int rc;

    rc = sm_node_leaf(b, e, "name script interface");
    if (!rc)
        rc = sm_node_need(b, e, "name", &br->name);
    if (!rc)
        rc = sm_node_pattern(b, e, "name", SM_NODE_WORD, br->name);
    if (!rc)
        rc = sm_node_script(b, e, &br->script);
    if (!rc)
        rc = sm_node_attr(b, e, "interface", &br->interface);
    if (!rc && br->interface)
        rc = sm_node_pattern(b, e, "interface", SM_NODE_WORD, br->interface);
    return rc;
}

static int build_pci(struct sm_node_context *b, xmlNode *e,
                     struct sm_policy_pci *pci)
{
    const char *value;
    char func, end;
    int rc;

    rc = sm_node_leaf(b, e, "address permissive");
    if (!rc)
        rc = sm_node_need(b, e, "address", &value);
    if (rc)
        return rc;
    if (strlen(value) != 12 ||
        strspn(value, "0123456789abcdefABCDEF:.*") != 12 ||
        sscanf(value, "%4x:%2x:%2x.%c%c", &pci->domain, &pci->bus, &pci->dev,
               &func, &end) != 4 ||
        pci->dev > 31 || value[4] != ':' || value[7] != ':' ||
        value[10] != '.' || (func != '*' && (func < '0' || func > '7')))
        return sm_node_bad(b, e, "address", value,
                           "not a PCI address, as "
                           "0000:03:00.0 or 0000:03:00.*");
    pci->func = func == '*' ? -1 : func - '0';
    return sm_node_yes_no(b, e, "permissive", &pci->permissive);
}

static int build_field(struct sm_node_context *b, xmlNode *e,
                       struct sm_policy_field *f)
{
    int rc;

    f->line = sm_node_line(e);
    rc = sm_node_leaf(b, e, "path value");
    if (!rc)
        rc = sm_node_need(b, e, "path", &f->path);
    if (!rc && (!*f->path || strlen(f->path) > 200))
        rc = sm_node_bad(b, e, "path", f->path, "empty, or longer than 200");
    if (!rc)
        rc = sm_node_need(b, e, "value", &f->value);
    if (!rc)
        rc = sm_node_pattern(b, e, "value", SM_NODE_ANY, f->value);
    return rc;
}

static const struct {
    const char *element, *attribute;
    enum sm_node_pattern kind;
} lists[SM_POLICY_LISTS] = {
    [SM_POLICY_KERNEL] = { "kernel", "path", SM_NODE_PATH },
    [SM_POLICY_RAMDISK] = { "ramdisk", "path", SM_NODE_PATH },
    [SM_POLICY_BOOTLOADER] = { "bootloader", "path", SM_NODE_PROGRAM },
    [SM_POLICY_DEVICE_MODEL] = { "device-model", "path", SM_NODE_PATH },
    [SM_POLICY_FIRMWARE] = { "firmware", "path", SM_NODE_PATH },
    [SM_POLICY_SECLABEL] = { "seclabel", "name", SM_NODE_WORD },
    [SM_POLICY_VNC] = { "vnc", "listen", SM_NODE_WORD },
};

static int build_limit(struct sm_node_context *b, xmlNode *e,
                       struct sm_policy_config *c)
{
    const char *value;
    int rc;

    rc = sm_node_leaf(b, e, "max");
    if (!rc)
        rc = sm_node_need(b, e, "max", &value);
    if (rc)
        return rc;
    if (sm_node_is(e, "memory")) {
        if (c->has_memory)
            return sm_node_fail(b, e, "<memory> twice");
        c->has_memory = true;
        return sm_node_memory(b, e, "max", &c->memory_max);
    }
    if (c->has_vcpus)
        return sm_node_fail(b, e, "<vcpus> twice");
    c->has_vcpus = true;
    if (!sm_policy_number(value, 32768, &c->vcpus_max) || !c->vcpus_max)
        return sm_node_bad(b, e, "max", value, "not a number from 1 to 32768");
    return 0;
}

static int build_list_item(struct sm_node_context *b, xmlNode *e,
                           struct sm_policy_config *c)
{
    const char **slot;
    size_t i;
    int rc;

    for (i = 0; i < SM_POLICY_LISTS; i++) {
        if (!sm_node_is(e, lists[i].element))
            continue;
        slot = &c->lists[i].patterns[c->lists[i].n];
        rc = sm_node_leaf(b, e, lists[i].attribute);
        if (!rc)
            rc = sm_node_need(b, e, lists[i].attribute, slot);
        if (!rc)
            rc = sm_node_pattern(b, e, lists[i].attribute, lists[i].kind,
                                 *slot);
        if (!rc)
            c->lists[i].n++;
        return rc;
    }
    return sm_node_unexpected(b, e);
}

int sm_build_config(struct sm_node_context *b, xmlNode *config,
                    struct sm_policy_config *c)
{
    xmlNode *e;
    size_t i;
    int rc;

    rc = sm_node_only(b, config, "types");
    if (rc)
        return rc;
    rc = sm_node_words(b, config, "types", SM_POLICY_TYPES,
                       SM_POLICY_TYPE_PV | SM_POLICY_TYPE_PVH, &c->types);
    if (rc)
        return rc;
    c->disks = sm_policy_pool_new(b->policy, sm_node_count(config, "disk"),
                                  sizeof(*c->disks));
    c->bridges = sm_policy_pool_new(b->policy, sm_node_count(config, "bridge"),
                                    sizeof(*c->bridges));
    c->pcis = sm_policy_pool_new(b->policy, sm_node_count(config, "pci"),
                                 sizeof(*c->pcis));
    c->fields = sm_policy_pool_new(b->policy, sm_node_count(config, "field"),
                                   sizeof(*c->fields));
    if (!c->disks || !c->bridges || !c->pcis || !c->fields)
        return SM_NO_MEMORY;
    for (i = 0; i < SM_POLICY_LISTS; i++) {
        c->lists[i].patterns = sm_policy_pool_new(
            b->policy, sm_node_count(config, lists[i].element),
            sizeof(*c->lists[i].patterns));
        if (!c->lists[i].patterns)
            return SM_NO_MEMORY;
    }
    for (e = sm_node_element(config->children); e && !rc;
         e = sm_node_element(e->next)) {
        if (sm_node_is(e, "memory") || sm_node_is(e, "vcpus"))
            rc = build_limit(b, e, c);
        else if (sm_node_is(e, "disk"))
            rc = build_disk(b, e, &c->disks[c->n_disks++]);
        else if (sm_node_is(e, "bridge"))
            rc = build_bridge(b, e, &c->bridges[c->n_bridges++]);
        else if (sm_node_is(e, "pci"))
            rc = build_pci(b, e, &c->pcis[c->n_pcis++]);
        else if (sm_node_is(e, "field"))
            rc = build_field(b, e, &c->fields[c->n_fields++]);
        else
            rc = build_list_item(b, e, c);
    }
    return rc;
}
