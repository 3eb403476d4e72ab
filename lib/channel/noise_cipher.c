/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/noise_cipher.h"

#include <string.h>

#include "base/secret.h"

#define NONCE_LEN 12

int sm_noise_cipher_init(struct sm_noise_cipher *c, enum sm_suite suite,
                         const uint8_t key[static SM_SUITE_KEY_LEN])
{
    int rc;

    sm_noise_cipher_wipe(c);
    if (suite != SM_SUITE_CHACHA20POLY1305 && suite != SM_SUITE_AES256GCM)
        return SM_CONFIG;
    rc = sm_suite_key_set(&c->key, suite, key);
    if (rc)
        return rc;
    c->has_key = true;
    return 0;
}

void sm_noise_cipher_wipe(struct sm_noise_cipher *c)
{
    sm_secret_wipe(c, sizeof(*c));
}

size_t sm_noise_cipher_overhead(const struct sm_noise_cipher *c)
{
    return c->has_key ? SM_NOISE_TAG_LEN : 0;
}

/*
 * Section 12: 32 bits of zeroes, then the counter: little-endian for
 * ChaChaPoly, big-endian for AESGCM.
 */
static void make_nonce(const struct sm_noise_cipher *c,
                       uint8_t out[static NONCE_LEN])
{
    unsigned int i;

    memset(out, 0, 4);
    for (i = 0; i < 8; i++)
        if (c->key.id == SM_SUITE_AES256GCM)
            out[4 + i] = (uint8_t)(c->nonce >> (56 - 8 * i));
        else
            out[4 + i] = (uint8_t)(c->nonce >> (8 * i));
}

int sm_noise_cipher_encrypt(struct sm_noise_cipher *c, const void *ad,
                            size_t ad_len, const uint8_t *in, size_t len,
                            uint8_t *out)
{
    uint8_t nonce[NONCE_LEN];
    int rc;

    if (!c->has_key) {
        if (len)
            memmove(out, in, len);
        return 0;
    }
    if (c->nonce == UINT64_MAX)
        return SM_FAIL;
    make_nonce(c, nonce);
    rc = sm_suite_seal(&c->key, nonce, ad, ad_len, in, len, out);
    if (rc)
        return rc;
    c->nonce++;
    return 0;
}

int sm_noise_cipher_decrypt(struct sm_noise_cipher *c, const void *ad,
                            size_t ad_len, const uint8_t *in, size_t len,
                            uint8_t *out)
{
    uint8_t nonce[NONCE_LEN];

    if (!c->has_key) {
        if (len)
            memmove(out, in, len);
        return 0;
    }
    if (c->nonce == UINT64_MAX)
        return SM_FAIL;
    make_nonce(c, nonce);
    if (sm_suite_open(&c->key, nonce, ad, ad_len, in, len, out))
        return SM_AUTH;
    c->nonce++;
    return 0;
}
