/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What config.c and check.c share.  Internal to lib/policy. */
#ifndef SM_POLICY_CHECK_H
#define SM_POLICY_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/fields.h"
#include "policy/model.h"

/* Longest value that names something on the host. */
#define SM_CHECK_VALUE_MAX 1024

struct sm_check_item {
    const char *field, *value;
    const struct sm_policy_known *known;
};

struct sm_check {
    struct sm_check_item *facts;            /* sorted by field */
    size_t n;
    const struct sm_policy_config *config;  /* of the rule that is tried */
    const char *bad_field, *bad_value;      /* the refusal */
    const char *why;                        /* ... in words, or NULL */
    char value[64];                         /* bad_value when that is NULL */
};

/* Note the refusal of a field; value NULL means c->value.  Returns false. */
bool sm_check_refuse(struct sm_check *c, const char *field,
                     const char *value, const char *why);

/* The fact of this field, or NULL. */
const struct sm_check_item *sm_check_find(const struct sm_check *c,
                                          const char *field);

/* Whether `value` is one of `words`, which are separated by "|". */
bool sm_check_in_words(const char *words, const char *value);

/* Whether `value` has only ASCII letters, digits and characters of `extra`. */
bool sm_check_only(const char *value, const char *extra);

/* Whether a boolean, in any of JSON's and libxl's spellings, is false; and
 * whether it is one at all. */
bool sm_check_is_off(const char *value);
bool sm_check_is_bool(const char *value);

/*
 * Judge the disk, interface or PCI device that `field` belongs to, if it
 * does to one.
 *   last  the field for which a device was judged last (NULL at the start):
 *         fields of one device are neighbours, and once is enough
 * Returns whether it is allowed, else after sm_check_refuse().
 */
bool sm_check_device(struct sm_check *c, const char *field,
                     const char **last);

#endif
