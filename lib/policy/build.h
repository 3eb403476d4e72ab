/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files build*.c share: one for each part of a document, from the
 * tree to the model.  Internal to lib/policy.  Every function returns 0,
 * SM_POLICY with the context's reason set, or SM_NO_MEMORY.
 */
#ifndef SM_POLICY_BUILD_H
#define SM_POLICY_BUILD_H

#include "policy/node.h"

/* Things that are referred to by their id. */
enum sm_build_kind {
    SM_BUILD_ROLE,
    SM_BUILD_OPERATOR,
    SM_BUILD_OWNER,
    SM_BUILD_AUTHORITY,
    SM_BUILD_GROUP,
    SM_BUILD_WINDOW,
    SM_BUILD_PLATFORM,
    SM_BUILD_KINDS
};

/* Keys, sorted, each with the index of what it belongs to. */
struct sm_build_table {
    struct sm_build_entry {
        const void *key;
        size_t index;
        unsigned int line;
    } *entries;
    size_t n;
    size_t key_len;             /* 0: the keys are strings */
};

struct sm_build_ids {
    struct sm_build_table tables[SM_BUILD_KINDS];
};

/* Room for at most `n` keys of `key_len` bytes (0: strings). */
int sm_build_table_new(struct sm_build_table *t, size_t n, size_t key_len)
    SM_WARN_UNUSED;
void sm_build_table_free(struct sm_build_table *t);

/* One more key; borrowed. */
void sm_build_table_add(struct sm_build_table *t, const void *key,
                        size_t index, unsigned int line);

/*
 * Sort the keys.  When two are equal that is an error of the later one.
 *   what  what is used twice, as `<host> id`; for strings the value is added
 */
int sm_build_table_sort(struct sm_node_context *b, struct sm_build_table *t,
                        const char *what) SM_WARN_UNUSED;

/* Index of what is called `word` (length `n`); false when nothing is. */
bool sm_build_find(const struct sm_build_table *t, const char *word, size_t n,
                   size_t *index);

/* A list of ids as a set over `universe` things; *out is NULL when the
 * attribute is missing.  An unknown id, one given twice and an empty list are
 * errors. */
int sm_build_set(struct sm_node_context *b, xmlNode *e, const char *name,
                 enum sm_build_kind kind, size_t universe, sm_policy_set *out)
    SM_WARN_UNUSED;

/* ... as indices in the document's order; *n is 0 when it is missing. */
int sm_build_list(struct sm_node_context *b, xmlNode *e, const char *name,
                  enum sm_build_kind kind, size_t **out, size_t *n)
    SM_WARN_UNUSED;

/* One id. */
int sm_build_one(struct sm_node_context *b, xmlNode *e, const char *name,
                 enum sm_build_kind kind, const char *id, size_t *index)
    SM_WARN_UNUSED;

/* A list of roles with all that they inherit; NULL when it is missing. */
int sm_build_roles_of(struct sm_node_context *b, xmlNode *e, const char *name,
                      sm_policy_set *assigned, sm_policy_set *all)
    SM_WARN_UNUSED;

/* The parts of a document, each called once with its element. */
int sm_build_roles(struct sm_node_context *b, xmlNode *e) SM_WARN_UNUSED;
int sm_build_operators(struct sm_node_context *b, xmlNode *e) SM_WARN_UNUSED;
int sm_build_owners(struct sm_node_context *b, xmlNode *e) SM_WARN_UNUSED;
int sm_build_authorities(struct sm_node_context *b, xmlNode *e)
    SM_WARN_UNUSED;
int sm_build_platforms(struct sm_node_context *b, xmlNode *e) SM_WARN_UNUSED;
int sm_build_hosts(struct sm_node_context *b, xmlNode *e) SM_WARN_UNUSED;
int sm_build_vms(struct sm_node_context *b, xmlNode *e) SM_WARN_UNUSED;
int sm_build_windows(struct sm_node_context *b, xmlNode *e) SM_WARN_UNUSED;
int sm_build_rules(struct sm_node_context *b, xmlNode *e) SM_WARN_UNUSED;

/* <vm>, in a rule or a group. */
int sm_build_vm(struct sm_node_context *b, xmlNode *e, bool in_group,
                struct sm_policy_vm *vm) SM_WARN_UNUSED;

/* The element <require> of a rule. */
int sm_build_require(struct sm_node_context *b, xmlNode *e,
                     struct sm_policy_rule *rule) SM_WARN_UNUSED;

/* The element <config> into `c`, whose types have a value already. */
int sm_build_config(struct sm_node_context *b, xmlNode *config,
                    struct sm_policy_config *c) SM_WARN_UNUSED;

#endif
