/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ML-KEM-768 (FIPS 203) on libsodium 1.0.22 or later.  With an older one
 * everything here is still there and fails with SM_CONFIG: ask
 * sm_kem_available() first.
 *
 * sm_secret_init() must have been called.  No state, no I/O.
 */
#ifndef SM_CHANNEL_KEM_H
#define SM_CHANNEL_KEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* FIPS 203, table 3. */
#define SM_KEM_NAME "MLKEM768"          /* in names of Noise protocols */
#define SM_KEM_PUBLIC_LEN 1184
#define SM_KEM_SECRET_LEN 2400
#define SM_KEM_CIPHERTEXT_LEN 1088
#define SM_KEM_SHARED_LEN 32
#define SM_KEM_SEED_LEN 64              /* d and z, of a key pair */
#define SM_KEM_ENCAPS_SEED_LEN 32       /* m */

/* Whether this build has it. */
bool sm_kem_available(void);

/*
 * Make a key pair (ML-KEM.KeyGen).
 *   seed     SM_KEM_SEED_LEN bytes, for tests ONLY; NULL: the system's random
 *            generator
 *   secret   out: the caller keeps it in locked memory
 *   public   out
 * Returns 0, SM_FAIL, or SM_CONFIG when it is not available.
 */
int sm_kem_keypair(const uint8_t *seed,
                   uint8_t secret[static SM_KEM_SECRET_LEN],
                   uint8_t public[static SM_KEM_PUBLIC_LEN]) SM_WARN_UNUSED;

/*
 * Make a shared secret for a peer's public key (ML-KEM.Encaps).
 *   seed        SM_KEM_ENCAPS_SEED_LEN bytes, for tests ONLY; else NULL
 *   public      as received; not trusted
 *   ciphertext  out: for the peer
 *   shared      out: zeroes on error
 * Returns 0; SM_PROTOCOL for a key that is none (the modulus check of FIPS
 * 203, section 7.2); SM_CONFIG when it is not available.
 */
int sm_kem_encaps(const uint8_t *seed,
                  const uint8_t public[static SM_KEM_PUBLIC_LEN],
                  uint8_t ciphertext[static SM_KEM_CIPHERTEXT_LEN],
                  uint8_t shared[static SM_KEM_SHARED_LEN]) SM_WARN_UNUSED;

/*
 * The shared secret in a ciphertext (ML-KEM.Decaps).  A ciphertext that was
 * not made for this key gives a secret that nobody knows (implicit
 * rejection), not an error.
 *   ciphertext  as received; not trusted
 * Returns 0, SM_FAIL, or SM_CONFIG when it is not available.
 */
int sm_kem_decaps(const uint8_t secret[static SM_KEM_SECRET_LEN],
                  const uint8_t ciphertext[static SM_KEM_CIPHERTEXT_LEN],
                  uint8_t shared[static SM_KEM_SHARED_LEN]) SM_WARN_UNUSED;

#endif
