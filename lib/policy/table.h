/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table of requests with the answers that are expected, kept beside a
 * policy (`secmig policy test`).  Text, one case a line:
 *
 *   # a comment
 *   default: action=migrate-out; source=hostA; destination=hostB
 *   default: uuid=8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d
 *   allow staff-out: vm=web-1; account=anna
 *   deny default-deny: vm=web-1; account=nobody
 *   unmet four-eyes: vm=db-1; account=anna; approval=bob
 *
 * After the colon are keys and values of a request (question.h), with ";"
 * between them.  A case is decided with the defaults above it, of which later
 * ones are stronger, and its own keys over them; an empty value takes a
 * default back.  With "vm-policy=FILE" the guest's own policy is asked too,
 * and with "config." keys its domain config.
 */
#ifndef SM_POLICY_TABLE_H
#define SM_POLICY_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "policy/decide.h"

#define SM_POLICY_TABLE_MAX (4 * 1024 * 1024)   /* bytes */
#define SM_POLICY_TABLE_DEFAULTS_MAX 256        /* lines */

/* One case has been decided.
 *   expected  as the table says: "allow staff-out"
 *   d         the answer
 *   passed    whether it is the same */
typedef void sm_policy_table_fn(void *ctx, unsigned int line,
                                const char *expected,
                                const struct sm_policy_decision *d,
                                bool passed);

/* A VM policy by the name that the table has; NULL when there is none, after
 * writing the reason to `why`.  It stays the one who is asked's. */
typedef const struct sm_policy *
sm_policy_table_vm_fn(void *ctx, const char *name, char *why,
                      size_t why_size);

struct sm_policy_table {
    const struct sm_policy *policy;     /* the site's, or a VM policy */
    int64_t now;                        /* for cases without a time */
    sm_policy_table_fn *each;
    sm_policy_table_vm_fn *open_vm;     /* NULL: vm-policy is an error */
    void *ctx;                          /* of both */
};

/*
 * Decide all cases of `len` bytes at `text`.
 *   cases, failed  out: how many, and how many of them not as expected
 *   line, why      out: where and what is wrong with the table itself
 * Returns 0 also when cases have failed; SM_CONFIG when the table is wrong
 * (the cases above that line have been decided); SM_NO_MEMORY.
 */
int sm_policy_table_run(const struct sm_policy_table *t, const char *text,
                        size_t len, size_t *cases, size_t *failed,
                        unsigned int *line, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* "allow", "deny" or "unmet". */
const char *sm_policy_verdict(const struct sm_policy_decision *d);

#endif
