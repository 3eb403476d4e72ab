/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public key line of another host, which a person carries here, and the
 * comparison of its fingerprint that makes it trustworthy.
 */
#ifndef SM_SECMIG_KEY_LINE_H
#define SM_SECMIG_KEY_LINE_H

#include <stdint.h>

#include "base/err.h"
#include "trust/identity.h"

/*
 * Read the key line of `host`.
 *   file  NULL or "-": standard input
 *   host  whose key it must be
 *   key   out
 * Prints its own error line.  Returns 0; SM_STATE when it is no key line or
 * another host's; SM_IO.
 */
int sm_key_line_read(const char *file, const char *host,
                     uint8_t key[static SM_IDENTITY_KEY_LEN]) SM_WARN_UNUSED;

/*
 * Compare the key's fingerprint with the one given, or have a person at the
 * terminal do it.
 *   fingerprint  NULL: ask
 *   shown_by     the command that shows it on the other host
 *   act          what is done with it, e.g. "pair"; its past ends in "ed"
 * Prints its own error line.  Returns 0; SM_AUTH when it is another;
 * SM_CANCELLED when the person did not say yes; SM_USAGE without a terminal;
 * SM_IO.
 */
int sm_key_line_compare(const char *fingerprint, const char *host,
                        const char *shown_by, const char *act,
                        const uint8_t key[static SM_IDENTITY_KEY_LEN])
    SM_WARN_UNUSED;

#endif
