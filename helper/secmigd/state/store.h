/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parent's own durable memory: small objects in STATE/store, each a box
 * (seal/box.h) that the keeper closes and opens.  Written atomically: after a
 * crash an object is the old one or the new one.
 *
 * An object that is there but does not open is never taken for a missing
 * one.  Whoever can write STATE can put an old object back; that is root.
 */
#ifndef SECMIGD_STORE_H
#define SECMIGD_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define STORE_MAX (1024 * 1024)     /* bytes of an object */
#define STORE_WHY_SIZE 1024         /* enough for any reason */

/*
 * In all functions below
 *   kind  what it is: "floors", "seen", "tickets", "uses", "vm"
 *   name  which one, NULL when there is only one of the kind; both are
 *         letters, digits and '-', at most 64
 *   why   out: STORE_WHY_SIZE bytes, the reason in words
 */

/* Make the directory.  The keeper must be ready.  Returns 0 or an error. */
int store_init(char *why) SM_WARN_UNUSED;

/* Write an object, durably.  Returns 0; SM_USAGE when it is too long;
 * SM_HELPER when the keeper does not answer; SM_IO; SM_NO_MEMORY. */
int store_put(const char *kind, const char *name, const void *data,
              size_t len, char *why) SM_WARN_UNUSED;

/*
 * Read an object.
 *   data  out: malloc'd, the caller's to free(); NULL on error
 * Returns 0; SM_NO_DOMAIN when there is none; SM_SEAL when it does not open;
 * SM_STATE when the file is unsafe; SM_HELPER; SM_IO; SM_NO_MEMORY.
 */
int store_get(const char *kind, const char *name, uint8_t **data,
              size_t *len, char *why) SM_WARN_UNUSED;

/* Remove an object, durably.  Returns 0, SM_NO_DOMAIN, SM_IO. */
int store_remove(const char *kind, const char *name, char *why)
    SM_WARN_UNUSED;

/* Whether there is such an object: 1, 0, or an error. */
int store_has(const char *kind, const char *name);

/* Call `fn` with the name of each object of a kind, in no order.  Returns 0
 * or SM_IO. */
int store_each(const char *kind, void (*fn)(void *ctx, const char *name),
               void *ctx) SM_WARN_UNUSED;

#endif
