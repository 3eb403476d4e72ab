/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/dh.h"

#include <sodium.h>

#include "base/secret.h"

void sm_dh_keypair(uint8_t secret[static SM_DH_LEN],
                   uint8_t public[static SM_DH_LEN])
{
    do {
        randombytes_buf(secret, SM_DH_LEN);
    } while (crypto_scalarmult_curve25519_base(public, secret));
}

int sm_dh_public(const uint8_t secret[static SM_DH_LEN],
                 uint8_t public[static SM_DH_LEN])
{
    return crypto_scalarmult_curve25519_base(public, secret) ? SM_FAIL : 0;
}

int sm_dh_shared(const uint8_t secret[static SM_DH_LEN],
                 const uint8_t public[static SM_DH_LEN],
                 uint8_t shared[static SM_DH_LEN])
{
    /* libsodium refuses already; the second test keeps the promise of the
     * header if another build of it does not. */
    if (crypto_scalarmult_curve25519(shared, secret, public) ||
        sodium_is_zero(shared, SM_DH_LEN)) {
        sm_secret_wipe(shared, SM_DH_LEN);
        return SM_PROTOCOL;
    }
    return 0;
}
