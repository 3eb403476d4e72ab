/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * X25519 (RFC 7748) on libsodium, with the one rule the RFC leaves open
 * decided: a shared secret of all zeroes, which only low-order points give,
 * is refused (RFC 7748 section 6.1; Noise revision 34 section 12.1 option).
 *
 * sm_secret_init() must have been called.  No state, no I/O.
 */
#ifndef SM_CHANNEL_DH_H
#define SM_CHANNEL_DH_H

#include <stdint.h>

#include "base/err.h"

#define SM_DH_LEN 32

/*
 * Make a key pair from the system's random generator.
 *   secret   out: 32 bytes; the caller keeps them in locked memory
 *   public   out: 32 bytes
 */
void sm_dh_keypair(uint8_t secret[static SM_DH_LEN],
                   uint8_t public[static SM_DH_LEN]);

/*
 * The public key of a secret key.  Any 32 bytes are a valid secret key:
 * X25519 clamps them.  Returns 0, or SM_FAIL when libsodium refuses.
 */
int sm_dh_public(const uint8_t secret[static SM_DH_LEN],
                 uint8_t public[static SM_DH_LEN]) SM_WARN_UNUSED;

/*
 * The shared secret of our secret key and a peer's public key.
 *   public   32 bytes as received; not trusted
 *   shared   out: 32 bytes; zeroes on error
 * Returns 0, or SM_PROTOCOL when the result is all zeroes (low-order point).
 */
int sm_dh_shared(const uint8_t secret[static SM_DH_LEN],
                 const uint8_t public[static SM_DH_LEN],
                 uint8_t shared[static SM_DH_LEN]) SM_WARN_UNUSED;

#endif
