/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What makes a decision on a large policy fast: hash tables over the values
 * that requests always carry.  Internal to lib/policy.
 *
 * Built once, at the end of loading, in the policy's pool; read only from
 * then on, so that any number of decisions may run at once.  Nothing here
 * decides: the tables only leave out what cannot match, and everything that
 * they find is judged in full.  A policy without an index (p->index NULL) is
 * decided the same, by looking at everything.
 *
 * Guests: each <vm> of a group is found by its uuid, else by its whole name,
 * else by what its pattern starts with before the first wildcard ("" too).
 * Rules: each is found by the one kind of condition that singles it out best
 * (guest, source or destination), chosen by how many other rules share its
 * values; a rule with no such condition is always looked at.
 */
#ifndef SM_POLICY_INDEX_H
#define SM_POLICY_INDEX_H

#include <stdint.h>

#include "base/err.h"
#include "policy/model.h"
#include "policy/request.h"

/*
 * Build p->index from a finished model.  Returns 0 or SM_NO_MEMORY; then
 * p->index is NULL.
 */
int sm_policy_index_build(struct sm_policy *p) SM_WARN_UNUSED;

/* Called with each <vm> of a group that may match. */
typedef void sm_policy_index_vm_fn(void *ctx, size_t group,
                                   const struct sm_policy_vm *vm);

/* Find those of the request's guest; all of them when the request does not
 * say name and uuid, or there is no index. */
void sm_policy_index_guest(const struct sm_policy *p,
                           const struct sm_policy_request *r,
                           sm_policy_index_vm_fn *fn, void *ctx);

/*
 * The rules that may apply: those of the request's action, without those that
 * the index can tell do not.
 *   groups, owners  sets: those of the guest, or that may be
 *   rules           out: a set over the policy's rules
 */
void sm_policy_index_rules(const struct sm_policy *p,
                           const struct sm_policy_request *r,
                           const uint64_t *groups, const uint64_t *owners,
                           uint64_t *rules);

/* By account name, by key (SM_POLICY_SIGNER_LEN bytes); NULL: there is no
 * such operator or owner. */
const struct sm_policy_operator *
sm_policy_index_account(const struct sm_policy *p, const char *account);
const struct sm_policy_operator *
sm_policy_index_operator(const struct sm_policy *p, const uint8_t *key);
const struct sm_policy_owner *
sm_policy_index_owner(const struct sm_policy *p, const uint8_t *key);

#endif
