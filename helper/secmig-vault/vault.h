/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig-vault: what its requests share.
 */
#ifndef SECMIG_VAULT_H
#define SECMIG_VAULT_H

#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"

#define TEXT_SIZE 1024          /* of what is answered in words */

/*
 * Nothing more is opened from here on: keeper's user, empty root, no new
 * privileges, no core, and the system calls that sealed storage and the TPM's
 * stack need.
 * Returns 0 or SM_SANDBOX.
 */
int lock_in(const struct sm_conf *conf, char *why, size_t why_size)
    SM_WARN_UNUSED;

/*
 * Open sealed storage and send the key in it to the keeper, which has the
 * other end of descriptor KEY_SOCKET.
 *   what         "host" or "store"
 *   refused_pin  out: file with the PIN, if the TPM has refused it; else ""
 *   why          out: the reason in words
 * Returns 0 or an error.
 */
#define KEY_SOCKET 3
int release(const struct sm_conf *conf, const char *what,
            char refused_pin[static SM_CONF_PATH_MAX], char *why,
            size_t why_size) SM_WARN_UNUSED;

/*
 * Have the TPM quote its PCRs with this host's attestation key.
 *   in   descriptor: SM_ATTEST_EXTRA_LEN bytes that it is bound to
 *   out  SM_ATTEST_QUOTE_MAX bytes (trust/attest.h)
 *   len  out: bytes used
 *   why  out: the reason in words
 * Returns 0 or an error.
 */
int quote(const struct sm_conf *conf, int in, uint8_t *out, size_t *len,
          char *why, size_t why_size) SM_WARN_UNUSED;

#endif
