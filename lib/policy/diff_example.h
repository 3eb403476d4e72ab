/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Examples of what a document describes by patterns: texts, and domain
 * configs (diff.h).  Internal to lib/policy. */
#ifndef SM_POLICY_DIFF_EXAMPLE_H
#define SM_POLICY_DIFF_EXAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/config.h"
#include "policy/model.h"

/*
 * Example `k`, from 0 on, of the texts that a pattern matches: its "*" stand
 * for "x", nothing and "yz", its "?" for "x", "y" and "x".
 *   pattern  NULL: the empty text
 *   out      `size` bytes; what does not fit is left out
 * Returns false when there is no such example.
 */
bool sm_diff_example(const char *pattern, size_t k, char *out, size_t size);

/* A domain config as sm_policy_check_config() takes it; borrowed.  Returns
 * whether it wants more. */
typedef bool sm_diff_config_fn(void *ctx, const struct sm_policy_fact *facts,
                               size_t n);

/*
 * Call `fn` for each example of what a <config> admits or just does not
 * admit: the bare config of each of its kinds of guests, and for each of its
 * elements configs that need it; always in the same order.
 */
void sm_diff_configs(const struct sm_policy_config *config,
                     sm_diff_config_fn *fn, void *ctx);

#endif
