/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/noise_symmetric.h"

#include <string.h>

#include "base/secret.h"

void sm_noise_symmetric_init(struct sm_noise_symmetric *s,
                             enum sm_suite suite, enum sm_hash hash,
                             const char *name)
{
    struct sm_hash_part part = { name, strlen(name) };

    sm_secret_wipe(s, sizeof(*s));
    s->suite = suite;
    s->hash = hash;
    s->hash_len = sm_hash_len(hash);
    if (part.len <= s->hash_len)
        memcpy(s->h, name, part.len);
    else
        sm_hash_parts(hash, &part, 1, s->h);
    memcpy(s->ck, s->h, s->hash_len);
}

void sm_noise_symmetric_mix_hash(struct sm_noise_symmetric *s,
                                 const void *data, size_t len)
{
    struct sm_hash_part parts[] = { { s->h, s->hash_len }, { data, len } };

    sm_hash_parts(s->hash, parts, 2, s->h);
}

/*
 * HKDF(ck, ikm, n) of section 4.3: RFC 5869's, with the chaining key as salt
 * and no info.
 */
static void hkdf(const struct sm_noise_symmetric *s, const void *ikm,
                 size_t len, uint8_t *out, unsigned int n)
{
    uint8_t prk[SM_HASH_MAX];

    sm_hash_extract(s->hash, s->ck, s->hash_len, ikm, len, prk);
    /* Cannot fail: n is 2 or 3, the limit 255. */
    (void)!sm_hash_expand(s->hash, prk, s->hash_len, NULL, 0, out,
                          n * s->hash_len);
    sm_secret_wipe(prk, sizeof(prk));
}

int sm_noise_symmetric_mix_key(struct sm_noise_symmetric *s,
                               const void *ikm, size_t len)
{
    uint8_t out[2 * SM_HASH_MAX];
    int rc;

    hkdf(s, ikm, len, out, 2);
    memcpy(s->ck, out, s->hash_len);
    rc = sm_noise_cipher_init(&s->cipher, s->suite, out + s->hash_len);
    sm_secret_wipe(out, sizeof(out));
    return rc;
}

int sm_noise_symmetric_mix_psk(struct sm_noise_symmetric *s,
                               const void *ikm, size_t len)
{
    uint8_t out[3 * SM_HASH_MAX];
    int rc;

    hkdf(s, ikm, len, out, 3);
    memcpy(s->ck, out, s->hash_len);
    sm_noise_symmetric_mix_hash(s, out + s->hash_len, s->hash_len);
    rc = sm_noise_cipher_init(&s->cipher, s->suite, out + 2 * s->hash_len);
    sm_secret_wipe(out, sizeof(out));
    return rc;
}

int sm_noise_symmetric_encrypt(struct sm_noise_symmetric *s,
                               const uint8_t *in, size_t len, uint8_t *out)
{
    size_t total = len + sm_noise_cipher_overhead(&s->cipher);
    int rc;

    rc = sm_noise_cipher_encrypt(&s->cipher, s->h, s->hash_len, in, len,
                                 out);
    if (rc)
        return rc;
    sm_noise_symmetric_mix_hash(s, out, total);
    return 0;
}

int sm_noise_symmetric_decrypt(struct sm_noise_symmetric *s,
                               const uint8_t *in, size_t len, uint8_t *out)
{
    int rc;

    rc = sm_noise_cipher_decrypt(&s->cipher, s->h, s->hash_len, in, len,
                                 out);
    if (rc)
        return rc;
    sm_noise_symmetric_mix_hash(s, in, len);
    return 0;
}

void sm_noise_symmetric_split(const struct sm_noise_symmetric *s,
                              uint8_t first[static SM_SUITE_KEY_LEN],
                              uint8_t second[static SM_SUITE_KEY_LEN])
{
    uint8_t out[2 * SM_HASH_MAX];

    hkdf(s, NULL, 0, out, 2);
    memcpy(first, out, SM_SUITE_KEY_LEN);
    memcpy(second, out + s->hash_len, SM_SUITE_KEY_LEN);
    sm_secret_wipe(out, sizeof(out));
}
