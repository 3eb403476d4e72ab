/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a site's policy says that its author can hardly have meant: rules that
 * can never decide anything, roles that nobody has, and the like.  Not errors:
 * a policy with warnings means exactly what it says.  A warning is only given
 * when it is certain.
 */
#ifndef SM_POLICY_LINT_H
#define SM_POLICY_LINT_H

#include <stddef.h>
#include <stdint.h>

struct sm_policy;

/* One warning: `line` of the document, `text` is one line for people, valid
 * for the call only. */
typedef void sm_policy_lint_fn(void *ctx, unsigned int line,
                               const char *text);

/*
 * Look at a whole policy, site's or VM's.
 *   now  the time to judge validity by, seconds since the epoch
 *   fn   called for each warning, in the order of their lines
 * Returns the number of warnings; a document that is out of memory to judge
 * counts as one more.
 */
size_t sm_policy_lint(const struct sm_policy *policy, int64_t now,
                      sm_policy_lint_fn *fn, void *ctx);

#endif
