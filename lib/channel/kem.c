/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/kem.h"

#include <sodium.h>

#include "base/secret.h"

#ifdef HAVE_MLKEM

_Static_assert(crypto_kem_mlkem768_PUBLICKEYBYTES == SM_KEM_PUBLIC_LEN &&
               crypto_kem_mlkem768_SECRETKEYBYTES == SM_KEM_SECRET_LEN &&
               crypto_kem_mlkem768_CIPHERTEXTBYTES == SM_KEM_CIPHERTEXT_LEN &&
               crypto_kem_mlkem768_SHAREDSECRETBYTES == SM_KEM_SHARED_LEN &&
               crypto_kem_mlkem768_SEEDBYTES == SM_KEM_SEED_LEN,
               "libsodium has the sizes of FIPS 203");

bool sm_kem_available(void)
{
    return true;
}

int sm_kem_keypair(const uint8_t *seed,
                   uint8_t secret[static SM_KEM_SECRET_LEN],
                   uint8_t public[static SM_KEM_PUBLIC_LEN])
{
    int rc = seed ? crypto_kem_mlkem768_seed_keypair(public, secret, seed)
                  : crypto_kem_mlkem768_keypair(public, secret);

    return rc ? SM_FAIL : 0;
}

int sm_kem_encaps(const uint8_t *seed,
                  const uint8_t public[static SM_KEM_PUBLIC_LEN],
                  uint8_t ciphertext[static SM_KEM_CIPHERTEXT_LEN],
                  uint8_t shared[static SM_KEM_SHARED_LEN])
{
    int rc = seed ? crypto_kem_mlkem768_enc_deterministic(ciphertext, shared,
                                                          public, seed)
                  : crypto_kem_mlkem768_enc(ciphertext, shared, public);

    if (rc)
        sm_secret_wipe(shared, SM_KEM_SHARED_LEN);
    return rc ? SM_PROTOCOL : 0;
}

int sm_kem_decaps(const uint8_t secret[static SM_KEM_SECRET_LEN],
                  const uint8_t ciphertext[static SM_KEM_CIPHERTEXT_LEN],
                  uint8_t shared[static SM_KEM_SHARED_LEN])
{
    return crypto_kem_mlkem768_dec(shared, ciphertext, secret) ? SM_FAIL : 0;
}

#else /* libsodium before 1.0.22 */

bool sm_kem_available(void)
{
    return false;
}

int sm_kem_keypair(const uint8_t *seed,
                   uint8_t secret[static SM_KEM_SECRET_LEN],
                   uint8_t public[static SM_KEM_PUBLIC_LEN])
{
    (void)seed;
    (void)secret;
    (void)public;
    return SM_CONFIG;
}

int sm_kem_encaps(const uint8_t *seed,
                  const uint8_t public[static SM_KEM_PUBLIC_LEN],
                  uint8_t ciphertext[static SM_KEM_CIPHERTEXT_LEN],
                  uint8_t shared[static SM_KEM_SHARED_LEN])
{
    (void)seed;
    (void)public;
    (void)ciphertext;
    sm_secret_wipe(shared, SM_KEM_SHARED_LEN);
    return SM_CONFIG;
}

int sm_kem_decaps(const uint8_t secret[static SM_KEM_SECRET_LEN],
                  const uint8_t ciphertext[static SM_KEM_CIPHERTEXT_LEN],
                  uint8_t shared[static SM_KEM_SHARED_LEN])
{
    (void)secret;
    (void)ciphertext;
    sm_secret_wipe(shared, SM_KEM_SHARED_LEN);
    return SM_CONFIG;
}

#endif
