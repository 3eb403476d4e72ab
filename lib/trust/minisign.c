/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/minisign.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/wire.h"

#define UNTRUSTED "untrusted comment: "
#define TRUSTED   "trusted comment: "

/* What stands in base64 on the key line and on the signature line. */
#define KEY_RAW (2 + SM_MINISIGN_ID_LEN + SM_MINISIGN_KEY_LEN)
#define SIG_RAW (2 + SM_MINISIGN_ID_LEN + SM_MINISIGN_SIG_LEN)

_Static_assert(SM_MINISIGN_BASE64_SIZE ==
               sodium_base64_ENCODED_LEN(KEY_RAW,
                                         sodium_base64_VARIANT_ORIGINAL),
               "a key line");
_Static_assert(SM_MINISIGN_KEY_LEN == crypto_sign_PUBLICKEYBYTES,
               "Ed25519 public key");
_Static_assert(SM_MINISIGN_SIG_LEN == crypto_sign_BYTES,
               "Ed25519 signature");
_Static_assert(SM_MINISIGN_SECRET_LEN ==
               SM_MINISIGN_ID_LEN + crypto_sign_SECRETKEYBYTES,
               "Ed25519 secret key");

static int fail(char *why, size_t why_size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(char *why, size_t why_size, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, why_size, fmt, ap);
    va_end(ap);
    return SM_AUTH;
}

struct lines {
    const char *p;
    size_t left;
};

/* The next line without its line end; false at the end of the text. */
static bool next_line(struct lines *l, const char **line, size_t *len)
{
    const char *nl;

    if (!l->left)
        return false;
    nl = memchr(l->p, '\n', l->left);
    *line = l->p;
    *len = nl ? (size_t)(nl - l->p) : l->left;
    l->p += *len + (nl ? 1 : 0);
    l->left -= *len + (nl ? 1 : 0);
    if (*len && (*line)[*len - 1] == '\r')
        (*len)--;
    return true;
}

static bool has_prefix(const char *line, size_t len, const char *prefix)
{
    return len >= strlen(prefix) && !memcmp(line, prefix, strlen(prefix));
}

/* Exactly `n` bytes (at most SIG_RAW), canonical base64 with padding, nothing
 * else. */
static bool decode(const char *line, size_t len, uint8_t *out, size_t n)
{
    char again[sodium_base64_ENCODED_LEN(SIG_RAW,
                                         sodium_base64_VARIANT_ORIGINAL)];
    size_t got = 0;

    if (len != sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL) -
               1 ||
        sodium_base642bin(out, n, line, len, NULL, &got, NULL,
                          sodium_base64_VARIANT_ORIGINAL) || got != n)
        return false;
    /* libsodium reads any byte above 127 as "/". */
    sodium_bin2base64(again, sizeof(again), out, n,
                      sodium_base64_VARIANT_ORIGINAL);
    return !memcmp(again, line, len);
}

/* The trusted comment may hold tabs (minisign's own default does). */
static bool comment_ok(const char *s, size_t len)
{
    size_t start = 0, i;

    for (i = 0; i <= len; i++)
        if (i == len || s[i] == '\t') {
            if (!sm_wire_text_ok(s + start, i - start))
                return false;
            start = i + 1;
        }
    return true;
}

void sm_minisign_id_format(const uint8_t id[static SM_MINISIGN_ID_LEN],
                           char out[static SM_MINISIGN_ID_SIZE])
{
    size_t i;

    for (i = 0; i < SM_MINISIGN_ID_LEN; i++)
        snprintf(out + 2 * i, 3, "%02X", id[SM_MINISIGN_ID_LEN - 1 - i]);
}

int sm_minisign_public_parse(const void *text, size_t len,
                             struct sm_minisign_public *out,
                             char *why, size_t why_size)
{
    struct lines l = { .p = text, .left = len };
    uint8_t raw[KEY_RAW];
    const char *line;
    size_t n;

    memset(out, 0, sizeof(*out));
    if (len > SM_MINISIGN_TEXT_MAX)
        return fail(why, why_size, "public key file is longer than %d bytes",
                    SM_MINISIGN_TEXT_MAX);
    if (!next_line(&l, &line, &n))
        return fail(why, why_size, "public key file is empty");
    if (has_prefix(line, n, UNTRUSTED) && !next_line(&l, &line, &n))
        return fail(why, why_size, "public key file ends after its comment");
    if (!decode(line, n, raw, sizeof(raw)) || l.left)
        return fail(why, why_size, "not a minisign public key");
    if (memcmp(raw, "Ed", 2))
        return fail(why, why_size, "public key of an unknown algorithm");
    memcpy(out->id, raw + 2, sizeof(out->id));
    memcpy(out->key, raw + 2 + sizeof(out->id), sizeof(out->key));
    if (why_size)
        why[0] = '\0';
    return 0;
}

int sm_minisign_signature_parse(const void *text, size_t len,
                                struct sm_minisign_signature *out,
                                char *why, size_t why_size)
{
    struct lines l = { .p = text, .left = len };
    struct sm_minisign_signature sig;
    uint8_t raw[SIG_RAW];
    const char *line;
    size_t n;

    memset(out, 0, sizeof(*out));
    memset(&sig, 0, sizeof(sig));
    if (len > SM_MINISIGN_TEXT_MAX)
        return fail(why, why_size, "signature file is longer than %d bytes",
                    SM_MINISIGN_TEXT_MAX);
    if (!next_line(&l, &line, &n) || !has_prefix(line, n, UNTRUSTED))
        return fail(why, why_size, "not a minisign signature: line 1 does "
                    "not start with \"" UNTRUSTED "\"");
    if (!next_line(&l, &line, &n) || !decode(line, n, raw, sizeof(raw)))
        return fail(why, why_size, "not a minisign signature: line 2 is not "
                    "a signature in base64");
    if (!memcmp(raw, "ED", 2))
        sig.prehashed = true;
    else if (memcmp(raw, "Ed", 2))
        return fail(why, why_size, "signature of an unknown algorithm");
    memcpy(sig.id, raw + 2, sizeof(sig.id));
    memcpy(sig.signature, raw + 2 + sizeof(sig.id), sizeof(sig.signature));
    if (!next_line(&l, &line, &n) || !has_prefix(line, n, TRUSTED))
        return fail(why, why_size, "not a minisign signature: line 3 does "
                    "not start with \"" TRUSTED "\"");
    line += strlen(TRUSTED);
    n -= strlen(TRUSTED);
    if (n > SM_MINISIGN_COMMENT_MAX)
        return fail(why, why_size, "trusted comment is longer than %d bytes",
                    SM_MINISIGN_COMMENT_MAX);
    if (!comment_ok(line, n))
        return fail(why, why_size, "trusted comment is not clean text");
    memcpy(sig.comment, line, n);
    if (!next_line(&l, &line, &n) ||
        !decode(line, n, sig.global, sizeof(sig.global)))
        return fail(why, why_size, "not a minisign signature: line 4 is not "
                    "a signature in base64");
    if (l.left)
        return fail(why, why_size, "something follows the signature");
    *out = sig;
    if (why_size)
        why[0] = '\0';
    return 0;
}

int sm_minisign_verify(const struct sm_minisign_public *key,
                       const struct sm_minisign_signature *sig,
                       const void *data, size_t len,
                       char *why, size_t why_size)
{
    uint8_t signed_comment[SM_MINISIGN_SIG_LEN + SM_MINISIGN_COMMENT_MAX];
    uint8_t hash[crypto_generichash_BYTES_MAX];
    char id[SM_MINISIGN_ID_SIZE];
    const uint8_t *message = data;
    size_t n;

    if (memcmp(key->id, sig->id, sizeof(key->id))) {
        sm_minisign_id_format(sig->id, id);
        return fail(why, why_size, "signed with another key, id %s", id);
    }
    if (sig->prehashed) {
        crypto_generichash(hash, sizeof(hash), data, len, NULL, 0);
        message = hash;
        len = sizeof(hash);
    }
    if (crypto_sign_verify_detached(sig->signature, message, len, key->key))
        return fail(why, why_size, "signature does not match the content");
    n = strnlen(sig->comment, SM_MINISIGN_COMMENT_MAX);
    memcpy(signed_comment, sig->signature, SM_MINISIGN_SIG_LEN);
    memcpy(signed_comment + SM_MINISIGN_SIG_LEN, sig->comment, n);
    if (crypto_sign_verify_detached(sig->global, signed_comment,
                                    SM_MINISIGN_SIG_LEN + n, key->key))
        return fail(why, why_size, "signature does not match its trusted "
                    "comment");
    if (why_size)
        why[0] = '\0';
    return 0;
}

void sm_minisign_keygen(struct sm_minisign_public *key,
                        uint8_t secret[static SM_MINISIGN_SECRET_LEN])
{
    randombytes_buf(key->id, sizeof(key->id));
    memcpy(secret, key->id, sizeof(key->id));
    crypto_sign_keypair(key->key, secret + sizeof(key->id));
}

void sm_minisign_public_of(
    const uint8_t secret[static SM_MINISIGN_SECRET_LEN],
    struct sm_minisign_public *key)
{
    memcpy(key->id, secret, sizeof(key->id));
    crypto_sign_ed25519_sk_to_pk(key->key, secret + sizeof(key->id));
}

int sm_minisign_sign(const uint8_t secret[static SM_MINISIGN_SECRET_LEN],
                     const void *data, size_t len, const char *comment,
                     char *out, size_t size)
{
    const uint8_t *key = secret + SM_MINISIGN_ID_LEN;
    uint8_t raw[SIG_RAW], hash[crypto_generichash_BYTES_MAX];
    uint8_t signed_comment[SM_MINISIGN_SIG_LEN + SM_MINISIGN_COMMENT_MAX];
    uint8_t global[SM_MINISIGN_SIG_LEN];
    char raw_text[sodium_base64_ENCODED_LEN(
        SIG_RAW, sodium_base64_VARIANT_ORIGINAL)];
    char global_text[sodium_base64_ENCODED_LEN(
        SM_MINISIGN_SIG_LEN, sodium_base64_VARIANT_ORIGINAL)];
    char id[SM_MINISIGN_ID_SIZE];
    size_t n = strlen(comment);
    int written;

    if (n > SM_MINISIGN_COMMENT_MAX || !sm_wire_text_ok(comment, n))
        return SM_USAGE;
    crypto_generichash(hash, sizeof(hash), data, len, NULL, 0);
    memcpy(raw, "ED", 2);
    memcpy(raw + 2, secret, SM_MINISIGN_ID_LEN);
    crypto_sign_detached(raw + 2 + SM_MINISIGN_ID_LEN, NULL, hash,
                         sizeof(hash), key);
    memcpy(signed_comment, raw + 2 + SM_MINISIGN_ID_LEN,
           SM_MINISIGN_SIG_LEN);
    memcpy(signed_comment + SM_MINISIGN_SIG_LEN, comment, n);
    crypto_sign_detached(global, NULL, signed_comment,
                         SM_MINISIGN_SIG_LEN + n, key);
    sodium_bin2base64(raw_text, sizeof(raw_text), raw, sizeof(raw),
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(global_text, sizeof(global_text), global,
                      sizeof(global), sodium_base64_VARIANT_ORIGINAL);
    sm_minisign_id_format(secret, id);
    written = snprintf(out, size,
                       UNTRUSTED "signature by minisign key %s\n%s\n"
                       TRUSTED "%s\n%s\n", id, raw_text, comment,
                       global_text);
    if (written < 0 || (size_t)written >= size)
        return SM_USAGE;
    return 0;
}

void sm_minisign_public_base64(const struct sm_minisign_public *key,
                               char out[static SM_MINISIGN_BASE64_SIZE])
{
    uint8_t raw[KEY_RAW];

    memcpy(raw, "Ed", 2);
    memcpy(raw + 2, key->id, sizeof(key->id));
    memcpy(raw + 2 + sizeof(key->id), key->key, sizeof(key->key));
    sodium_bin2base64(out, SM_MINISIGN_BASE64_SIZE, raw, sizeof(raw),
                      sodium_base64_VARIANT_ORIGINAL);
}

int sm_minisign_public_format(const struct sm_minisign_public *key,
                              char *out, size_t size)
{
    char text[SM_MINISIGN_BASE64_SIZE], id[SM_MINISIGN_ID_SIZE];
    int written;

    sm_minisign_public_base64(key, text);
    sm_minisign_id_format(key->id, id);
    written = snprintf(out, size, UNTRUSTED "minisign public key %s\n%s\n",
                       id, text);
    if (written < 0 || (size_t)written >= size)
        return SM_USAGE;
    return 0;
}
