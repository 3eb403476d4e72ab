/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy as plain structs: what decide.c and config.c work on.  Internal
 * to lib/policy.  Everything lives in one pool and dies with it; after
 * loading nothing changes.
 */
#ifndef SM_POLICY_MODEL_H
#define SM_POLICY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/document.h"
#include "policy/match.h"

struct sm_policy_host {
    const char *id;
    bool has_key;
    uint8_t key[32];
};

struct sm_policy_vm {
    const char *name;               /* text pattern, NULL: any */
    bool has_uuid;
    uint8_t uuid[16];
    uint64_t memory_min, memory_max;    /* KiB, included */
};

struct sm_policy_disk {
    const char *path;               /* path pattern */
    const char *script;             /* absolute path, or NULL: none */
    unsigned int formats;           /* set of enum sm_policy_format */
    unsigned int backends;
    bool readonly;
};

struct sm_policy_bridge {
    const char *name;
    const char *script;             /* absolute path, or NULL: default */
    const char *interface;          /* pattern, or NULL: none */
};

struct sm_policy_pci {
    unsigned int domain, bus, dev;
    int func;                       /* -1: any */
    bool permissive;
};

struct sm_policy_field {
    const char *path;               /* "[*]" stands for any index */
    const char *value;              /* path pattern */
};

/* Elements of <config> that are no more than a list of patterns. */
enum sm_policy_list {
    SM_POLICY_KERNEL,
    SM_POLICY_RAMDISK,
    SM_POLICY_BOOTLOADER,
    SM_POLICY_DEVICE_MODEL,
    SM_POLICY_FIRMWARE,
    SM_POLICY_SECLABEL,
    SM_POLICY_VNC,
    SM_POLICY_LISTS
};

/* Values of an attribute that is a list of words: bit i = word i of
 * sm_policy_words[]. */
enum sm_policy_words {
    SM_POLICY_ACTIONS,
    SM_POLICY_TYPES,
    SM_POLICY_FORMATS,
    SM_POLICY_BACKENDS,
};

#define SM_POLICY_TYPE_PV   1u
#define SM_POLICY_TYPE_PVH  2u
#define SM_POLICY_TYPE_HVM  4u

/* The set that holds `word` (length `n`), or 0 when there is no such word. */
unsigned int sm_policy_word(enum sm_policy_words set, const char *word,
                            size_t n);

struct sm_policy_config {
    unsigned int types;
    bool has_memory, has_vcpus;
    uint64_t memory_max;            /* KiB */
    uint64_t vcpus_max;
    struct sm_policy_disk *disks;
    struct sm_policy_bridge *bridges;
    struct sm_policy_pci *pcis;
    struct sm_policy_field *fields;
    size_t n_disks, n_bridges, n_pcis, n_fields;
    struct {
        const char **patterns;
        size_t n;
    } lists[SM_POLICY_LISTS];
};

/* Each kind of condition: none means any. */
struct sm_policy_rule {
    const char *id;
    const char *reason;             /* or NULL */
    bool allow;
    unsigned int actions;           /* set: bit action - 1 */
    unsigned int line;
    const char **accounts;
    struct sm_policy_vm *vms;
    const struct sm_policy_host **sources, **destinations;
    size_t n_accounts, n_vms, n_sources, n_destinations;
    struct sm_policy_config config; /* of migrate-in: all zero but types when
                                     * there is no <config> */
};

struct sm_policy_chunk;

struct sm_policy {
    const char *site;
    uint64_t version;
    int64_t start, expiry;
    struct sm_policy_host *hosts;
    struct sm_policy_rule *rules;
    size_t n_hosts, n_rules;
    struct sm_policy_chunk *pool;
};

/* A host by its id, or NULL. */
const struct sm_policy_host *sm_policy_find_host(const struct sm_policy *p,
                                                 const char *id);

/* `n` zeroed objects of `size` bytes from the pool, NULL when out of memory.
 * Never NULL for n == 0. */
void *sm_policy_pool_new(struct sm_policy *p, size_t n, size_t size);

/*
 * Build the model from a tree.  The tree need not have passed the schema:
 * everything that a document can say is checked here once more, which also
 * gives better words than a schema does.
 *   tree  a struct _xmlDoc
 *   line  out: line of the error
 *   why   out: the reason in words, without the line
 * Returns 0, SM_POLICY or SM_NO_MEMORY; on error *out is NULL.
 */
struct _xmlDoc;
int sm_policy_build(struct sm_policy **out, struct _xmlDoc *tree,
                    unsigned int *line, char *why, size_t why_size)
    SM_WARN_UNUSED;

#endif
