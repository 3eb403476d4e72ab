/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/identity.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define WORD "secmig-host-key "
#define WORD_LEN (sizeof(WORD) - 1)
#define BASE64_LEN (SM_IDENTITY_BASE64_SIZE - 1)

#define FPR_CONTEXT "secmig host key 1"
#define FPR_SYMBOLS 25
#define FPR_GROUP 5

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

_Static_assert(SM_IDENTITY_KEY_LEN == crypto_scalarmult_BYTES, "X25519");
_Static_assert(SM_IDENTITY_KEY_LEN == crypto_scalarmult_SCALARBYTES,
               "X25519");
_Static_assert(sizeof(alphabet) == 33, "five bits a symbol");
_Static_assert(WORD_LEN + SM_CONF_NAME_MAX + 1 + BASE64_LEN + 2 <=
               SM_IDENTITY_LINE_SIZE, "a whole line fits");

/* ---- keys ---- */

/* RFC 7748 section 5 reads any 32 bytes as a number modulo 2^255 - 19; only
 * the smallest spelling counts here, so that comparing bytes compares keys. */
static bool canonical(const uint8_t *key)
{
    size_t i;

    if (key[31] != 0x7f)
        return key[31] < 0x7f;
    for (i = 30; i >= 1; i--)
        if (key[i] != 0xff)
            return true;
    return key[0] < 0xed;
}

bool sm_identity_key_ok(const uint8_t key[static SM_IDENTITY_KEY_LEN])
{
    /* Any scalar will do: clamping makes it a multiple of eight, which takes
     * a point of low order, and only such a point, to zero. */
    static const uint8_t scalar[crypto_scalarmult_SCALARBYTES] = { 8 };
    uint8_t shared[crypto_scalarmult_BYTES];

    return canonical(key) && crypto_scalarmult(shared, scalar, key) == 0;
}

int sm_identity_from_secret(const char *name,
                            const uint8_t secret[static SM_IDENTITY_KEY_LEN],
                            struct sm_identity **out)
{
    struct sm_identity *id = NULL;
    void *locked = NULL;
    int rc;

    *out = NULL;
    if (!sm_conf_name_ok(name)) {
        rc = SM_USAGE;
        goto out;
    }
    id = calloc(1, sizeof(*id));
    if (!id) {
        rc = SM_NO_MEMORY;
        goto out;
    }
    rc = sm_secret_new(&locked, SM_IDENTITY_KEY_LEN);
    if (rc)
        goto out;
    id->secret_key = locked;
    snprintf(id->name, sizeof(id->name), "%s", name);
    memcpy(id->secret_key, secret, SM_IDENTITY_KEY_LEN);
    if (crypto_scalarmult_base(id->public_key, id->secret_key) ||
        !sm_identity_key_ok(id->public_key)) {
        rc = SM_STATE;
        goto out;
    }
    *out = id;
    id = NULL;
    rc = 0;
out:
    sm_identity_free(id);
    return rc;
}

int sm_identity_generate(const char *name, struct sm_identity **out)
{
    void *secret = NULL;
    int rc;

    *out = NULL;
    rc = sm_secret_new(&secret, SM_IDENTITY_KEY_LEN);
    if (rc)
        goto out;
    randombytes_buf(secret, SM_IDENTITY_KEY_LEN);
    rc = sm_identity_from_secret(name, secret, out);
out:
    sm_secret_free(secret);
    return rc;
}

void sm_identity_free(struct sm_identity *id)
{
    if (!id)
        return;
    sm_secret_free(id->secret_key);
    sm_secret_wipe(id, sizeof(*id));
    free(id);
}

/* ---- fingerprint ---- */

static void symbols(const uint8_t *key, char out[static FPR_SYMBOLS])
{
    uint8_t hash[crypto_generichash_BYTES_MIN];
    crypto_generichash_state st;
    size_t i, bit;
    unsigned int two;

    /* Neither call can fail with these constant lengths. */
    crypto_generichash_init(&st, NULL, 0, sizeof(hash));
    crypto_generichash_update(&st, (const uint8_t *)FPR_CONTEXT,
                              sizeof(FPR_CONTEXT) - 1);
    crypto_generichash_update(&st, key, SM_IDENTITY_KEY_LEN);
    crypto_generichash_final(&st, hash, sizeof(hash));
    for (i = 0; i < FPR_SYMBOLS; i++) {
        bit = 5 * i;
        two = (unsigned int)hash[bit / 8] << 8;
        if (bit / 8 + 1 < sizeof(hash))
            two |= hash[bit / 8 + 1];
        out[i] = alphabet[(two >> (11 - bit % 8)) & 31];
    }
}

void sm_identity_fingerprint(
    const uint8_t key[static SM_IDENTITY_KEY_LEN],
    char out[static SM_IDENTITY_FINGERPRINT_SIZE])
{
    char plain[FPR_SYMBOLS];
    size_t i, n = 0;

    symbols(key, plain);
    for (i = 0; i < FPR_SYMBOLS; i++) {
        if (i && i % FPR_GROUP == 0)
            out[n++] = '-';
        out[n++] = plain[i];
    }
    out[n] = '\0';
}

bool sm_identity_fingerprint_ok(
    const char *text, const uint8_t key[static SM_IDENTITY_KEY_LEN])
{
    char want[FPR_SYMBOLS], got[FPR_SYMBOLS];
    size_t n = 0;

    symbols(key, want);
    for (; *text; text++) {
        char c = *text;

        if (c == ' ' || c == '-')
            continue;
        if (n == FPR_SYMBOLS)
            return false;
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (c == 'I' || c == 'L')
            c = '1';
        if (c == 'O')
            c = '0';
        got[n++] = c;
    }
    return n == FPR_SYMBOLS && !memcmp(got, want, n);
}

/* ---- text ---- */

void sm_identity_base64(const uint8_t key[static SM_IDENTITY_KEY_LEN],
                        char out[static SM_IDENTITY_BASE64_SIZE])
{
    sodium_bin2base64(out, SM_IDENTITY_BASE64_SIZE, key, SM_IDENTITY_KEY_LEN,
                      sodium_base64_VARIANT_ORIGINAL);
}

bool sm_identity_from_base64(const char *text, size_t len,
                             uint8_t key[static SM_IDENTITY_KEY_LEN])
{
    char again[SM_IDENTITY_BASE64_SIZE];
    size_t got = 0;

    if (len != BASE64_LEN ||
        sodium_base642bin(key, SM_IDENTITY_KEY_LEN, text, len, NULL, &got,
                          NULL, sodium_base64_VARIANT_ORIGINAL) ||
        got != SM_IDENTITY_KEY_LEN)
        return false;
    /* One key, one spelling: the last symbol has two bits to spare. */
    sm_identity_base64(key, again);
    return !memcmp(again, text, len) && sm_identity_key_ok(key);
}

int sm_identity_format(const char *name,
                       const uint8_t key[static SM_IDENTITY_KEY_LEN],
                       char out[static SM_IDENTITY_LINE_SIZE])
{
    char base64[SM_IDENTITY_BASE64_SIZE];

    if (!sm_conf_name_ok(name))
        return SM_USAGE;
    sm_identity_base64(key, base64);
    snprintf(out, SM_IDENTITY_LINE_SIZE, WORD "%s %s\n", name, base64);
    return 0;
}

int sm_identity_parse(const char *text, size_t len,
                      char name[static SM_IDENTITY_NAME_SIZE],
                      uint8_t key[static SM_IDENTITY_KEY_LEN],
                      char *why, size_t why_size)
{
    const char *space;
    size_t n;

    snprintf(why, why_size, "%s", "");
    if (len && text[len - 1] == '\n')
        len--;
    if (len < WORD_LEN || memcmp(text, WORD, WORD_LEN)) {
        snprintf(why, why_size,
                 "not a host key (expected 'secmig-host-key NAME BASE64')");
        return SM_STATE;
    }
    text += WORD_LEN;
    len -= WORD_LEN;
    space = memchr(text, ' ', len);
    n = space ? (size_t)(space - text) : len;
    if (n >= SM_IDENTITY_NAME_SIZE || memchr(text, '\0', n)) {
        snprintf(why, why_size, "bad host name in the key line");
        return SM_STATE;
    }
    memcpy(name, text, n);
    name[n] = '\0';
    if (!sm_conf_name_ok(name)) {
        snprintf(why, why_size, "bad host name in the key line");
        return SM_STATE;
    }
    if (!space || !sm_identity_from_base64(space + 1, len - n - 1, key)) {
        snprintf(why, why_size,
                 "the key in the line is damaged or unusable");
        return SM_STATE;
    }
    return 0;
}
