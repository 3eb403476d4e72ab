/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers and uuids as they are written in files: one spelling each, read
 * from bytes that need no NUL.  They need no locale and no errno.
 */
#ifndef SM_BASE_TEXT_H
#define SM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SM_TEXT_UUID_SIZE 37

/*
 * Read `len` bytes at `s` as a number: decimal digits only, at most `max`; no
 * sign, no leading zero.  Returns whether it is one; *out is set only then.
 */
bool sm_text_number(const char *s, size_t len, uint64_t max, uint64_t *out);

/*
 * Read `len` bytes at `s` as 2 * `n` hexadecimal digits, either case, into
 * `n` bytes at `out`.  Returns whether they are just that; `out` may be
 * changed otherwise, too.
 */
bool sm_text_hex(const char *s, size_t len, uint8_t *out, size_t n);

/*
 * Read `len` bytes at `s` as a uuid (RFC 4122 section 3): 8-4-4-4-12
 * hexadecimal digits, either case.  Returns whether they are one; `out` may
 * be changed otherwise, too.
 */
bool sm_text_uuid(const char *s, size_t len, uint8_t out[static 16]);

/* Write a uuid in lower case, with a NUL. */
void sm_text_uuid_format(const uint8_t uuid[static 16],
                         char out[static SM_TEXT_UUID_SIZE]);

#endif
