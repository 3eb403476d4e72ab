/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What we know about the fields of libxl's domain config: which values are
 * harmless on the host that receives it, and which fields an element of
 * <config> governs.  Internal to lib/policy.
 *
 * Source: tools/libs/light/libxl_types.idl of Xen 4.17 and what libxl and xl
 * do with each field.  A field that is not in the table is not harmless.
 */
#ifndef SM_POLICY_FIELDS_H
#define SM_POLICY_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/model.h"

enum sm_policy_kind {
    SM_FIELD_TEXT,      /* any text: the guest's own business */
    SM_FIELD_NAME,      /* name of the guest: no "/" or ",", not empty */
    SM_FIELD_NUMBER,    /* an integer */
    SM_FIELD_ZERO,      /* 0 only */
    SM_FIELD_AT_MOST,   /* a number up to the one in `words` */
    SM_FIELD_BOOL,      /* True, False, <default>, true, false, 0, 1 */
    SM_FIELD_OFF,       /* False, <default>, false */
    SM_FIELD_WORD,      /* letters, digits, "._-" */
    SM_FIELD_ADDRESS,   /* digits, letters, ".:/" and spaces */
    SM_FIELD_ONE_OF,    /* a word of `words` */
    SM_FIELD_EMPTY,     /* {} or [] */
    SM_FIELD_UUID,
    SM_FIELD_TYPE,      /* kind of guest: <config types> */
    SM_FIELD_MEMORY,    /* KiB: <memory max> */
    SM_FIELD_OVERHEAD,  /* KiB for Xen itself: bounded by the guest's */
    SM_FIELD_VCPUS,     /* <vcpus max> */
    SM_FIELD_LIST,      /* a pattern of the element `list` */
    SM_FIELD_DISK,      /* judged with the rest of its device */
    SM_FIELD_NIC,
    SM_FIELD_PCI,
};

struct sm_policy_known {
    const char *field;          /* "[*]" for an index */
    enum sm_policy_kind kind;
    const char *words;          /* ONE_OF: separated by "|"; AT_MOST */
    enum sm_policy_list list;   /* LIST */
};

/* What is known about a field, or NULL. */
const struct sm_policy_known *sm_policy_field_find(const char *field);

/* Whether `field` is `pattern`, in which "[*]" stands for any index. */
bool sm_policy_field_is(const char *pattern, const char *field);

/* The table, for the tests: entry `i`, or NULL at its end. */
const struct sm_policy_known *sm_policy_field_known(size_t i);

#endif
