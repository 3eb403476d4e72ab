/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for secrets: locked, guarded by inaccessible pages, excluded from
 * core dumps, wiped when freed (libsodium's sodium_malloc).  Unlike
 * libsodium, a lock that fails is an error here, not a hint.
 *
 * What wiping cannot do: copies in registers and on the stack of library
 * functions are out of reach; dom0's root can read any process.
 */
#ifndef SM_BASE_SECRET_H
#define SM_BASE_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SM_SECRET_KEY_LEN 32

/*
 * Prepare the process: sodium_init(), core dumps off (RLIMIT_CORE 0 and
 * PR_SET_DUMPABLE 0, which also stops ptrace by the same user).  Call once
 * in every program that touches a secret, before the first allocation.
 * Returns 0 or SM_STATE.
 */
int sm_secret_init(void) SM_WARN_UNUSED;

/*
 * Allocate `len` zeroed bytes of locked memory.
 * On success *out is the caller's, to be freed with sm_secret_free().
 * Returns 0; SM_NO_MEMORY when memory cannot be had or cannot be locked
 * (RLIMIT_MEMLOCK), *out then NULL.
 */
int sm_secret_new(void **out, size_t len) SM_WARN_UNUSED;

/* Wipe and free; NULL is fine. */
void sm_secret_free(void *p);

/* Wipe memory that is not ours to free (stack, struct members). */
void sm_secret_wipe(void *p, size_t len);

/* Constant-time comparison: 1 when equal, else 0. */
int sm_secret_equal(const void *a, const void *b, size_t len);

#endif
