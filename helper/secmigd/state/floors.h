/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The highest versions that this host has seen: of the site's policy, of
 * each authority's list of revocations, of each guest's VM policy.  Nothing
 * older is taken.  And the key of the site's policy: the first one with which
 * a policy was taken is the only one, until root says otherwise.  In memory,
 * and in the store (store.h), so that neither a restart nor a lost guest
 * lowers one, and whoever edits /etc while the host is off gains nothing.
 *
 * Judges look floors up in their copy of the memory; only the parent raises
 * them.
 */
#ifndef SECMIGD_FLOORS_H
#define SECMIGD_FLOORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/request.h"
#include "trust/statement.h"

#define FLOORS_AUTHORITIES_MAX 64
#define FLOORS_VMS_MAX 32768

/* Read them.  `secmig init` has made the object, without content: nothing was
 * seen.  Missing or damaged ones are an error, which the log has.  Returns 0
 * or an error. */
int floors_init(void) SM_WARN_UNUSED;

/* The floor, 0 when none was seen. */
uint64_t floors_policy(void);
uint64_t floors_revocations(
    const uint8_t signer[static SM_STATEMENT_SIGNER_LEN]);
uint64_t floors_vm(const uint8_t uuid[static 16]);

/* The key that the site's policy is signed with, SM_POLICY_SIGNER_LEN bytes;
 * NULL when no policy was taken yet. */
const uint8_t *floors_policy_key(void);

/* Whether a version of this guest's policy can be remembered. */
bool floors_vm_room(const uint8_t uuid[static 16]);

/* Write what could not be written before.  Returns 0, also when there is no
 * such thing, or an error. */
int floors_flush(void) SM_WARN_UNUSED;

/*
 * Raise a floor, durably; fine when it is there already, or higher.
 * Returns 0; SM_BUSY when there is no room for one more; or an error of
 * store_put(), which the log has: the floor is raised in memory all the same,
 * and the next call, whatever it asks for, fails until it is written.
 */
int floors_raise_policy(uint64_t version) SM_WARN_UNUSED;

/* From now on it is this key.  When it was another one the versions begin
 * anew: they were the other's to count.  Returns as floors_raise_policy(). */
int floors_pin_policy(const uint8_t key[static SM_POLICY_SIGNER_LEN])
    SM_WARN_UNUSED;

int floors_raise_revocations(
    const uint8_t signer[static SM_STATEMENT_SIGNER_LEN], uint64_t version)
    SM_WARN_UNUSED;
int floors_raise_vm(const uint8_t uuid[static 16], uint64_t version)
    SM_WARN_UNUSED;

#endif
