/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Elements and attributes of a document, checked while they are read.
 * Internal to lib/policy: with document.c and build*.c all that knows
 * libxml2.
 *
 * Nothing here trusts the schema to have been applied.  Every function that
 * can fail returns 0, SM_NO_MEMORY, or SM_POLICY after it has written line
 * and reason into the context.  Strings it hands out live in the policy's
 * pool.
 */
#ifndef SM_POLICY_NODE_H
#define SM_POLICY_NODE_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/model.h"

#define SM_NODE_NAMESPACE "urn:xen-secmig:policy:1"

struct sm_build_ids;

struct sm_node_context {
    struct sm_policy *policy;   /* being built */
    struct sm_build_ids *ids;   /* build.h */
    unsigned int *line;         /* out: where the error is, from 1 */
    char *why;                  /* out: the reason in words */
    size_t why_size;
};

/* Note an error at `node` (NULL: line 1).  Returns SM_POLICY. */
int sm_node_fail(struct sm_node_context *b, const xmlNode *node,
                 const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ... in a line. */
int sm_node_fail_at(struct sm_node_context *b, unsigned int line,
                    const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The line that the tag of an element starts in, which document.c has put
 * into its _private (libxml2 itself counts to 65535 only). */
unsigned int sm_node_line(const xmlNode *node);

/* ... that attribute `name` of `e` has a value which is `what`. */
int sm_node_bad(struct sm_node_context *b, xmlNode *e, const char *name,
                const char *value, const char *what);

/* ... that `e` has no attribute `name`. */
int sm_node_lacks(struct sm_node_context *b, xmlNode *e, const char *name);

/* ... that `e` does not belong where it is. */
int sm_node_unexpected(struct sm_node_context *b, xmlNode *e);

/* Whether `node` is the element `name` of our namespace. */
bool sm_node_is(const xmlNode *node, const char *name);

/* The first element at or after `node`, passing over comments, or NULL. */
xmlNode *sm_node_element(xmlNode *node);

/*
 * An error unless all attributes of `e` are among `names` (separated by
 * spaces) and have no namespace; sm_node_leaf() also permits no element in
 * it.
 */
int sm_node_only(struct sm_node_context *b, xmlNode *e, const char *names)
    SM_WARN_UNUSED;
int sm_node_leaf(struct sm_node_context *b, xmlNode *e, const char *names)
    SM_WARN_UNUSED;

/* How many children of `parent` are the element `name`. */
size_t sm_node_count(xmlNode *parent, const char *name);

/* ... an error when they are more than `max`. */
int sm_node_count_at_most(struct sm_node_context *b, xmlNode *parent,
                          const char *name, size_t max, size_t *n)
    SM_WARN_UNUSED;

/* Copy an attribute; *out is NULL when it is not there. */
int sm_node_attr(struct sm_node_context *b, xmlNode *e, const char *name,
                 const char **out) SM_WARN_UNUSED;

/* ... which must be there. */
int sm_node_need(struct sm_node_context *b, xmlNode *e, const char *name,
                 const char **out) SM_WARN_UNUSED;

/* ... and must be an id (match.h). */
int sm_node_id(struct sm_node_context *b, xmlNode *e, const char *name,
               const char **out) SM_WARN_UNUSED;

/* An error unless the attribute is there with a word in it. */
int sm_node_need_list(struct sm_node_context *b, xmlNode *e,
                      const char *name) SM_WARN_UNUSED;

/* A decimal number from `min` to `max`; *out stays when the attribute is
 * missing. */
int sm_node_number(struct sm_node_context *b, xmlNode *e, const char *name,
                   uint64_t min, uint64_t max, uint64_t *out) SM_WARN_UNUSED;

/*
 * A minisign public key, the base64 line alone, that can verify something.
 *   key      out: key id, then the key
 *   present  out: false when the attribute is missing
 */
int sm_node_signer(struct sm_node_context *b, xmlNode *e, const char *name,
                   uint8_t key[static SM_POLICY_SIGNER_LEN], bool *present)
    SM_WARN_UNUSED;

/* The next word of a list at *p, which moves on; false at its end. */
bool sm_node_next_word(const char **p, const char **word, size_t *n);
size_t sm_node_count_words(const char *p);

/*
 * A list of fixed words as a set.
 *   fallback  the set when the attribute is missing; 0: it is required
 */
int sm_node_words(struct sm_node_context *b, xmlNode *e, const char *name,
                  enum sm_policy_vocabulary words, unsigned int fallback,
                  unsigned int *out) SM_WARN_UNUSED;

/* yes or no; no when it is missing. */
int sm_node_yes_no(struct sm_node_context *b, xmlNode *e, const char *name,
                   bool *out) SM_WARN_UNUSED;

/* A time, an amount of memory; *out stays when the attribute is missing. */
int sm_node_time(struct sm_node_context *b, xmlNode *e, const char *name,
                 int64_t *out) SM_WARN_UNUSED;
int sm_node_memory(struct sm_node_context *b, xmlNode *e, const char *name,
                   uint64_t *out) SM_WARN_UNUSED;

enum sm_node_pattern {
    SM_NODE_PATH,       /* a canonical path */
    SM_NODE_PROGRAM,    /* a canonical path, or a word without "/" */
    SM_NODE_WORD,
    SM_NODE_ANY,        /* any text */
};

/* Check that a value, already read, can be a pattern of this kind. */
int sm_node_pattern(struct sm_node_context *b, xmlNode *e, const char *name,
                    enum sm_node_pattern kind, const char *value)
    SM_WARN_UNUSED;

/* The attribute script as libxl would find it: an absolute path, a plain
 * name being in its script directory; NULL when the attribute is missing. */
int sm_node_script(struct sm_node_context *b, xmlNode *e, const char **out)
    SM_WARN_UNUSED;

#endif
