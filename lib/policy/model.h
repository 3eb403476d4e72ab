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
#include "policy/platform.h"
#include "policy/request.h"

/*
 * Sets of roles, groups, windows and platforms are bit sets over their index in the
 * policy: at most SM_POLICY_ROLES_MAX and so on of each, `words` 64-bit words
 * long (sm_policy_set_*()).  NULL: the document does not say.
 */
typedef uint64_t *sm_policy_set;

struct sm_policy_role {
    const char *id;
    unsigned int permits;           /* set of actions, inherited ones too */
    sm_policy_set is;               /* itself and all that it inherits */
    unsigned int line;
};

/* At most `at_most` of these roles: assigned to one operator (checked when
 * loading), or active at once (dynamic). */
struct sm_policy_exclusive {
    const char *id;
    sm_policy_set roles;
    unsigned int at_most;
    bool dynamic;
    unsigned int line;
};

struct sm_policy_operator {
    const char *id;
    const char *account;            /* or NULL */
    bool has_key;
    uint8_t key[SM_POLICY_SIGNER_LEN];
    sm_policy_set assigned;         /* as the document says */
    sm_policy_set roles;            /* ... and what they inherit */
    unsigned int line;
};

struct sm_policy_owner {
    const char *id;
    uint8_t key[SM_POLICY_SIGNER_LEN];
    unsigned int line;
};

/* Attributes of certificates, as bits. */
#define SM_POLICY_LOCATION      1u
#define SM_POLICY_JURISDICTION  2u
#define SM_POLICY_PLATFORM      4u
#define SM_POLICY_ATTESTATION   8u  /* that its attestation key is a TPM's */
#define SM_POLICY_ATTRIBUTES_ALL 15u

struct sm_policy_authority {
    const char *id;
    uint8_t key[SM_POLICY_SIGNER_LEN];
    unsigned int attributes;        /* those that count */
    unsigned int line;
};

struct sm_policy_host {
    const char *id;                 /* NULL in <certified> */
    bool has_key;
    uint8_t key[32];
    sm_policy_set roles;            /* with what they inherit */
    const struct sm_policy_authority *authority;    /* of <certified> */
    unsigned int line;
};

struct sm_policy_vm {
    const char *name;               /* text pattern, NULL: any */
    const char *label;              /* text pattern, NULL: any */
    bool has_uuid;
    uint8_t uuid[16];
    sm_policy_set groups;           /* NULL: any; never in a group's <vm> */
    const struct sm_policy_owner **owners;
    size_t n_owners;                /* 0: any */
    uint64_t memory_min, memory_max;    /* KiB, included */
    unsigned int line;
};

struct sm_policy_group {
    const char *id;
    const struct sm_policy_owner *owner;    /* or NULL */
    struct sm_policy_vm *vms;
    size_t n_vms;
    unsigned int line;
};

/* A zone: from `from` (seconds since the epoch) on, local time is UTC plus
 * `offset` seconds.  The first entry counts for all time before it. */
struct sm_policy_zone {
    const char *name;
    struct { int64_t from; int32_t offset; } *steps;
    size_t n_steps;
};

struct sm_policy_window {
    const char *id;
    unsigned int days;              /* bit 0: Monday; of the start */
    unsigned int from, to;          /* minutes since midnight; to <= from:
                                     * of the next day */
    const struct sm_policy_zone *zone;
    unsigned int line;
};

/* One word of a host condition, or all words of one attribute. */
struct sm_policy_words {
    const char **words;
    size_t n;                       /* 0: the attribute is not there */
    bool negated;                   /* it was NAME-not */
};

/* <source> or <destination>: all that is given must hold. */
struct sm_policy_where {
    struct sm_policy_words hosts, locations, jurisdictions, platforms;
    sm_policy_set roles;            /* NULL: any */
    bool roles_negated;
    unsigned int line;
};

struct sm_policy_who {              /* <subject> */
    const char **accounts;
    size_t n_accounts;
    const struct sm_policy_operator **operators;
    size_t n_operators;
    sm_policy_set roles;            /* NULL: any */
    unsigned int line;
};

struct sm_policy_when {             /* <time> */
    sm_policy_set windows;
    bool negated;
    unsigned int line;
};

struct sm_policy_how {              /* <channel> */
    uint32_t suites;                /* mask of SM_SUITE_BIT(); 0: any */
    int post_quantum;               /* 0: any, else SM_POLICY_PQ_NO/YES */
    sm_policy_set attestations;     /* of platforms; NULL: any */
    bool attestations_negated;
    unsigned int line;
};

enum sm_policy_ticket_kind {
    SM_POLICY_TICKET_NONE, SM_POLICY_TICKET_OWNER,
    SM_POLICY_TICKET_OPERATOR, SM_POLICY_TICKET_ANY,
};

struct sm_policy_require {          /* all zero: nothing */
    enum sm_policy_ticket_kind ticket;
    unsigned int approvals;
    int approver;                   /* index of a role, -1: any operator */
    bool vm_policy;                 /* one of the guest's owner */
    unsigned int rate;              /* 0: no limit */
    int64_t rate_seconds;           /* ... in so much time */
    const struct sm_policy_platform *attestation;   /* or NULL */
    bool notify_guest;
    uint32_t max_downtime_ms;       /* 0: no limit */
    unsigned int line;              /* 0: there is no <require> */
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
    unsigned int line;
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
 * sm_policy_word(). */
enum sm_policy_vocabulary {
    SM_POLICY_ACTIONS,
    SM_POLICY_TYPES,
    SM_POLICY_FORMATS,
    SM_POLICY_BACKENDS,
    SM_POLICY_ATTRIBUTES,       /* of certificates */
    SM_POLICY_DAYS,
};

#define SM_POLICY_TYPE_PV   1u
#define SM_POLICY_TYPE_PVH  2u
#define SM_POLICY_TYPE_HVM  4u

/* The set that holds `word` (length `n`), or 0 when there is no such word. */
unsigned int sm_policy_word(enum sm_policy_vocabulary set, const char *word,
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

/* Each kind of condition: none means any; several are alternatives. */
struct sm_policy_rule {
    const char *id;
    const char *reason;             /* or NULL */
    bool allow;
    unsigned int actions;           /* set: bit action - 1 */
    unsigned int line;
    struct sm_policy_who *subjects;
    struct sm_policy_vm *vms;
    struct sm_policy_where *sources, *destinations;
    struct sm_policy_when *times;
    struct sm_policy_how *channels;
    size_t n_subjects, n_vms, n_sources, n_destinations, n_times, n_channels;
    struct sm_policy_require require;
    struct sm_policy_config config; /* of migrate-in: all zero but types when
                                     * there is no <config> */
};

struct sm_policy_chunk;

struct sm_policy_index;             /* index.h */

/* A site policy, or a VM policy: then has_vm is set, and there are no roles,
 * operators, owners, hosts and groups. */
struct sm_policy {
    const char *site;               /* NULL in a VM policy */
    bool has_vm;
    uint8_t vm[16];
    uint64_t version;
    int64_t start, expiry;
    unsigned int line;              /* of the root element */
    struct sm_policy_role *roles;
    struct sm_policy_exclusive *exclusives;
    struct sm_policy_operator *operators;
    struct sm_policy_owner *owners;
    struct sm_policy_authority *authorities;
    struct sm_policy_platform *platforms;
    struct sm_policy_host *hosts;           /* sorted by id */
    struct sm_policy_host *certified;       /* <certified> */
    struct sm_policy_group *groups;
    struct sm_policy_zone *zones;
    struct sm_policy_window *windows;
    struct sm_policy_rule *rules;
    size_t n_roles, n_exclusives, n_operators, n_owners, n_authorities,
           n_platforms, n_hosts, n_certified, n_groups, n_zones, n_windows, n_rules;
    struct sm_policy_index *index;          /* of the rules and guests */
    struct sm_policy_chunk *pool;
};

/* Bits of a set; `n` is how many there can be. */
static inline size_t sm_policy_set_words(size_t n)
{
    return (n + 63) / 64;
}

static inline bool sm_policy_set_has(const uint64_t *set, size_t i)
{
    return set[i / 64] >> i % 64 & 1;
}

static inline void sm_policy_set_add(uint64_t *set, size_t i)
{
    set[i / 64] |= UINT64_C(1) << i % 64;
}

/* A host by its id, or NULL. */
const struct sm_policy_host *sm_policy_find_host(const struct sm_policy *p,
                                                 const char *id);

/* `n` zeroed objects of `size` bytes from the pool, NULL when out of memory.
 * Never NULL for n == 0. */
void *sm_policy_pool_new(struct sm_policy *p, size_t n, size_t size);

/*
 * Build the model from a tree, with its index.  The tree need not have passed
 * the schema: everything that a document can say is checked here once more,
 * which also gives better words than a schema does.
 *   kind  which root element it must have
 *   tree  a struct _xmlDoc, each element with its line (node.h)
 *   line  out: line of the error
 *   why   out: the reason in words, without the line
 * Returns 0, SM_POLICY or SM_NO_MEMORY; on error *out is NULL.
 */
struct _xmlDoc;
int sm_policy_build(struct sm_policy **out, enum sm_policy_document kind,
                    struct _xmlDoc *tree, unsigned int *line, char *why,
                    size_t why_size) SM_WARN_UNUSED;

#endif
