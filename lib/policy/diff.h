/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which requests two policies answer differently (`secmig policy diff`).
 *
 * Found by trying: requests are made of the values that the two documents
 * themselves name (accounts, roles, guests that their patterns match, hosts,
 * attributes, edges of windows and of memory, suites, attestations, evidence),
 * and of strangers to both.  For each rule of either, all combinations of the
 * values of its own conditions are tried, up to a bound; then combinations of
 * all values, every one of them when they are few, else a fixed sample.  A
 * migrate-in that both allow and that satisfies the rule is then asked with
 * domain configs that need each element of the rule's <config>.  Patterns
 * stand for three texts each.  So a difference that is reported is real, and
 * one may be missed: how many requests were tried is told.
 */
#ifndef SM_POLICY_DIFF_H
#define SM_POLICY_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "policy/decide.h"

/* Requests tried for one rule; a usual bound for all combinations. */
#define SM_POLICY_DIFF_RULE_MAX 2048
#define SM_POLICY_DIFF_USUAL    200000

/* Domain configs that each of the first few requests of a rule is tried with;
 * some later ones are tried with one. */
#define SM_POLICY_DIFF_CONFIGS_MAX 512

/* A request whose answers differ: in allow, deny or unmet, or in what an
 * allow obliges to.  When it is because of the domain config, one of them is a
 * denial "config", whose text names the field and its value.  Everything is
 * borrowed for the call. */
typedef void sm_policy_diff_fn(void *ctx,
                               const struct sm_policy_request *request,
                               const struct sm_policy_decision *before,
                               const struct sm_policy_decision *after);

/*
 * Compare two site policies, or two VM policies of one guest.
 *   now    the time about which to ask, besides the edges of windows
 *   most   bound on the combinations of all values
 *   tried  out: how many requests
 * Returns 0; SM_USAGE for documents of two kinds or guests; SM_NO_MEMORY.
 */
int sm_policy_diff(const struct sm_policy *before,
                   const struct sm_policy *after, int64_t now, size_t most,
                   sm_policy_diff_fn *fn, void *ctx, size_t *tried)
    SM_WARN_UNUSED;

#endif
