/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/hash.h"

#include <string.h>

#include <sodium.h>

#include "base/secret.h"

union state {
    crypto_generichash_blake2b_state blake2b;
    crypto_hash_sha256_state sha256;
    crypto_hash_sha512_state sha512;
};

static void blake2b_init(union state *s)
{
    crypto_generichash_blake2b_init(&s->blake2b, NULL, 0, 64);
}

static void blake2b_update(union state *s, const void *data, size_t len)
{
    crypto_generichash_blake2b_update(&s->blake2b, data, len);
}

static void blake2b_final(union state *s, uint8_t *out)
{
    crypto_generichash_blake2b_final(&s->blake2b, out, 64);
}

static void sha256_init(union state *s)
{
    crypto_hash_sha256_init(&s->sha256);
}

static void sha256_update(union state *s, const void *data, size_t len)
{
    crypto_hash_sha256_update(&s->sha256, data, len);
}

static void sha256_final(union state *s, uint8_t *out)
{
    crypto_hash_sha256_final(&s->sha256, out);
}

static void sha512_init(union state *s)
{
    crypto_hash_sha512_init(&s->sha512);
}

static void sha512_update(union state *s, const void *data, size_t len)
{
    crypto_hash_sha512_update(&s->sha512, data, len);
}

static void sha512_final(union state *s, uint8_t *out)
{
    crypto_hash_sha512_final(&s->sha512, out);
}

static const struct {
    const char *name;
    size_t len, block;
    void (*init)(union state *s);
    void (*update)(union state *s, const void *data, size_t len);
    void (*final)(union state *s, uint8_t *out);
} table[] = {
    [SM_HASH_BLAKE2B] = {
        "BLAKE2b", 64, 128, blake2b_init, blake2b_update, blake2b_final,
    },
    [SM_HASH_SHA256] = {
        "SHA256", 32, 64, sha256_init, sha256_update, sha256_final,
    },
    [SM_HASH_SHA512] = {
        "SHA512", 64, 128, sha512_init, sha512_update, sha512_final,
    },
};

int sm_hash_by_name(const char *name, size_t len, enum sm_hash *out)
{
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strlen(table[i].name) == len &&
            !memcmp(table[i].name, name, len)) {
            *out = (enum sm_hash)i;
            return 0;
        }
    return SM_CONFIG;
}

size_t sm_hash_len(enum sm_hash hash)
{
    return table[hash].len;
}

static void add(enum sm_hash hash, union state *s,
                const struct sm_hash_part *parts, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (parts[i].len)
            table[hash].update(s, parts[i].data, parts[i].len);
}

void sm_hash_parts(enum sm_hash hash, const struct sm_hash_part *parts,
                   size_t n, uint8_t *out)
{
    union state s;

    table[hash].init(&s);
    add(hash, &s, parts, n);
    table[hash].final(&s, out);
    sm_secret_wipe(&s, sizeof(s));
}

void sm_hash_hmac(enum sm_hash hash, const uint8_t *key, size_t key_len,
                  const struct sm_hash_part *parts, size_t n, uint8_t *out)
{
    uint8_t pad[SM_HASH_BLOCK_MAX] = { 0 };
    uint8_t inner[SM_HASH_MAX];
    size_t i, block = table[hash].block;
    union state s;

    if (key_len > block) {
        struct sm_hash_part whole = { key, key_len };

        sm_hash_parts(hash, &whole, 1, pad);
    } else if (key_len) {
        memcpy(pad, key, key_len);
    }

    for (i = 0; i < block; i++)
        pad[i] ^= 0x36;
    table[hash].init(&s);
    table[hash].update(&s, pad, block);
    add(hash, &s, parts, n);
    table[hash].final(&s, inner);

    for (i = 0; i < block; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    table[hash].init(&s);
    table[hash].update(&s, pad, block);
    table[hash].update(&s, inner, table[hash].len);
    table[hash].final(&s, out);

    sm_secret_wipe(pad, sizeof(pad));
    sm_secret_wipe(inner, sizeof(inner));
    sm_secret_wipe(&s, sizeof(s));
}

void sm_hash_extract(enum sm_hash hash, const void *salt, size_t salt_len,
                     const void *ikm, size_t ikm_len, uint8_t *prk)
{
    struct sm_hash_part part = { ikm, ikm_len };

    sm_hash_hmac(hash, salt, salt_len, &part, 1, prk);
}

int sm_hash_expand(enum sm_hash hash, const uint8_t *prk, size_t prk_len,
                   const void *info, size_t info_len,
                   uint8_t *out, size_t out_len)
{
    uint8_t t[SM_HASH_MAX], counter = 0;
    size_t len = table[hash].len, take;

    if (out_len > 255 * len)
        return SM_USAGE;

    while (out_len > 0) {
        struct sm_hash_part parts[] = {
            { t, counter ? len : 0 },
            { info, info_len },
            { &counter, 1 },
        };

        counter++;
        sm_hash_hmac(hash, prk, prk_len, parts, 3, t);
        take = out_len < len ? out_len : len;
        memcpy(out, t, take);
        out += take;
        out_len -= take;
    }
    sm_secret_wipe(t, sizeof(t));
    return 0;
}
