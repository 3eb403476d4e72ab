/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/suite.h"

#include <string.h>

#include "base/secret.h"

struct suite {
    enum sm_suite id;
    const char *name;
    size_t nonce_len, tag_len;  /* 0: not in this build */
    int (*available)(void);
    int (*seal)(const struct sm_suite_key *k, const uint8_t *nonce,
                const void *ad, size_t ad_len, const uint8_t *in, size_t len,
                uint8_t *out);
    int (*open)(const struct sm_suite_key *k, const uint8_t *nonce,
                const void *ad, size_t ad_len, const uint8_t *in, size_t len,
                uint8_t *out);
};

static int always(void)
{
    return 1;
}

#ifdef crypto_aead_aegis256_KEYBYTES

#define AEGIS_NONCE_LEN crypto_aead_aegis256_NPUBBYTES
#define AEGIS_TAG_LEN crypto_aead_aegis256_ABYTES

/* Where libsodium uses the processor's AES, as it decides itself; in software
 * it is ten times slower than ChaCha20-Poly1305. */
static int aegis_available(void)
{
    return (sodium_runtime_has_aesni() && sodium_runtime_has_avx()) ||
           sodium_runtime_has_armcrypto();
}

static int aegis_seal(const struct sm_suite_key *k, const uint8_t *nonce,
                      const void *ad, size_t ad_len, const uint8_t *in,
                      size_t len, uint8_t *out)
{
    return crypto_aead_aegis256_encrypt(out, NULL, in, len, ad, ad_len,
                                        NULL, nonce, k->u.bytes);
}

static int aegis_open(const struct sm_suite_key *k, const uint8_t *nonce,
                      const void *ad, size_t ad_len, const uint8_t *in,
                      size_t len, uint8_t *out)
{
    return crypto_aead_aegis256_decrypt(out, NULL, NULL, in, len, ad, ad_len,
                                        nonce, k->u.bytes);
}

#else /* libsodium before 1.0.19 */

#define AEGIS_NONCE_LEN 0
#define AEGIS_TAG_LEN 0
#define aegis_seal NULL
#define aegis_open NULL

static int aegis_available(void)
{
    return 0;
}

#endif

static int gcm_seal(const struct sm_suite_key *k, const uint8_t *nonce,
                    const void *ad, size_t ad_len, const uint8_t *in,
                    size_t len, uint8_t *out)
{
    return crypto_aead_aes256gcm_encrypt_afternm(out, NULL, in, len, ad,
                                                 ad_len, NULL, nonce,
                                                 &k->u.aes);
}

static int gcm_open(const struct sm_suite_key *k, const uint8_t *nonce,
                    const void *ad, size_t ad_len, const uint8_t *in,
                    size_t len, uint8_t *out)
{
    return crypto_aead_aes256gcm_decrypt_afternm(out, NULL, NULL, in, len, ad,
                                                 ad_len, nonce, &k->u.aes);
}

static int chacha_seal(const struct sm_suite_key *k, const uint8_t *nonce,
                       const void *ad, size_t ad_len, const uint8_t *in,
                       size_t len, uint8_t *out)
{
    return crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, len, ad,
                                                     ad_len, NULL, nonce,
                                                     k->u.bytes);
}

static int chacha_open(const struct sm_suite_key *k, const uint8_t *nonce,
                       const void *ad, size_t ad_len, const uint8_t *in,
                       size_t len, uint8_t *out)
{
    return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len,
                                                     ad, ad_len, nonce,
                                                     k->u.bytes);
}

/* In order of preference. */
static const struct suite table[] = {
    { SM_SUITE_AEGIS256, "aegis-256", AEGIS_NONCE_LEN, AEGIS_TAG_LEN,
      aegis_available, aegis_seal, aegis_open },
    { SM_SUITE_AES256GCM, "aes-256-gcm",
      crypto_aead_aes256gcm_NPUBBYTES, crypto_aead_aes256gcm_ABYTES,
      crypto_aead_aes256gcm_is_available, gcm_seal, gcm_open },
    { SM_SUITE_CHACHA20POLY1305, "chacha20-poly1305",
      crypto_aead_chacha20poly1305_ietf_NPUBBYTES,
      crypto_aead_chacha20poly1305_ietf_ABYTES,
      always, chacha_seal, chacha_open },
};

#define N_SUITES (sizeof(table) / sizeof(table[0]))

static const struct suite *find(unsigned int id)
{
    size_t i;

    for (i = 0; i < N_SUITES; i++)
        if ((unsigned int)table[i].id == id)
            return &table[i];
    return NULL;
}

uint32_t sm_suite_available(void)
{
    uint32_t mask = 0;
    size_t i;

    for (i = 0; i < N_SUITES; i++)
        if (table[i].available())
            mask |= SM_SUITE_BIT(table[i].id);
    return mask;
}

enum sm_suite sm_suite_best(uint32_t ours, uint32_t theirs)
{
    size_t i;

    for (i = 0; i < N_SUITES; i++)
        if (ours & theirs & SM_SUITE_BIT(table[i].id))
            return table[i].id;
    return SM_SUITE_NONE;
}

const char *sm_suite_name(unsigned int id)
{
    const struct suite *s = find(id);

    return s ? s->name : "none";
}

int sm_suite_by_name(const char *name, enum sm_suite *out)
{
    size_t i;

    for (i = 0; i < N_SUITES; i++)
        if (!strcmp(table[i].name, name)) {
            *out = table[i].id;
            return 0;
        }
    return SM_CONFIG;
}

size_t sm_suite_nonce_len(enum sm_suite id)
{
    const struct suite *s = find(id);

    return s ? s->nonce_len : 0;
}

size_t sm_suite_tag_len(enum sm_suite id)
{
    const struct suite *s = find(id);

    return s ? s->tag_len : 0;
}

int sm_suite_key_set(struct sm_suite_key *k, enum sm_suite id,
                     const uint8_t key[static SM_SUITE_KEY_LEN])
{
    const struct suite *s = find(id);

    sm_suite_key_wipe(k);
    if (!s || !s->available())
        return SM_CONFIG;
    if (id == SM_SUITE_AES256GCM)
        crypto_aead_aes256gcm_beforenm(&k->u.aes, key);
    else
        memcpy(k->u.bytes, key, SM_SUITE_KEY_LEN);
    k->id = id;
    return 0;
}

void sm_suite_key_wipe(struct sm_suite_key *k)
{
    sm_secret_wipe(k, sizeof(*k));
    k->id = SM_SUITE_NONE;
}

int sm_suite_seal(const struct sm_suite_key *k, const uint8_t *nonce,
                  const void *ad, size_t ad_len, const uint8_t *in,
                  size_t len, uint8_t *out)
{
    const struct suite *s = find(k->id);

    if (!s)
        return SM_USAGE;
    return s->seal(k, nonce, ad, ad_len, in, len, out) ? SM_FAIL : 0;
}

int sm_suite_open(const struct sm_suite_key *k, const uint8_t *nonce,
                  const void *ad, size_t ad_len, const uint8_t *in,
                  size_t len, uint8_t *out)
{
    const struct suite *s = find(k->id);

    if (!s)
        return SM_USAGE;
    if (len < s->tag_len)
        return SM_PROTOCOL;
    if (!s->open(k, nonce, ad, ad_len, in, len, out))
        return 0;
    /* In place the ciphertext is there; apart, libsodium's implementations
     * differ in what they leave: nothing of a forgery may be used. */
    sm_secret_wipe(out, len - s->tag_len);
    return SM_PROTOCOL;
}
