/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a host is: a name and an X25519 key pair (RFC 7748).
 *
 * The secret half lives in locked memory and is stored sealed
 * (seal/seal.h); the public half travels as one line of text
 *
 *     secmig-host-key NAME BASE64
 *
 * and people compare it by its fingerprint.
 */
#ifndef SM_TRUST_IDENTITY_H
#define SM_TRUST_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"

#define SM_IDENTITY_KEY_LEN 32
#define SM_IDENTITY_NAME_SIZE (SM_CONF_NAME_MAX + 1)

/* 5 groups of 5 symbols, 4 dashes, NUL. */
#define SM_IDENTITY_FINGERPRINT_SIZE 30

/* "secmig-host-key" + name + base64 + newline + NUL, with room. */
#define SM_IDENTITY_LINE_SIZE 128

/* Words that bind a sealed object to its use (seal/seal.h, `purpose`). */
#define SM_IDENTITY_PURPOSE "host-key"

struct sm_identity {
    char name[SM_IDENTITY_NAME_SIZE];
    uint8_t public_key[SM_IDENTITY_KEY_LEN];
    uint8_t *secret_key;    /* SM_IDENTITY_KEY_LEN bytes, locked memory */
};

/*
 * Whether `key` may be anybody's public key: canonical (below 2^255 - 19)
 * and not of low order, so that Diffie-Hellman with it gives a secret and
 * one key has one encoding.  RFC 7748 section 6.1; the list of points is
 * libsodium's (crypto_scalarmult refuses them).
 */
bool sm_identity_key_ok(const uint8_t key[static SM_IDENTITY_KEY_LEN]);

/*
 * Make a new key pair for a host.
 *   name  see sm_conf_name_ok() (base/conf.h)
 *   out   the identity, the caller's; free with sm_identity_free();
 *         NULL on error
 * Returns 0; SM_USAGE for a bad name; SM_NO_MEMORY.  sm_secret_init() comes
 * first.
 */
int sm_identity_generate(const char *name, struct sm_identity **out)
    SM_WARN_UNUSED;

/*
 * The identity that belongs to a secret key read from sealed storage.
 *   name    see sm_conf_name_ok() (base/conf.h)
 *   secret  SM_IDENTITY_KEY_LEN bytes, copied, still the caller's to wipe
 *   out     as in sm_identity_generate()
 * Returns 0; SM_USAGE for a bad name; SM_STATE when the secret gives no
 * usable public key; SM_NO_MEMORY.
 */
int sm_identity_from_secret(const char *name,
                            const uint8_t secret[static SM_IDENTITY_KEY_LEN],
                            struct sm_identity **out) SM_WARN_UNUSED;

/* Wipe everything and free; NULL is fine. */
void sm_identity_free(struct sm_identity *id);

/*
 * Write the fingerprint of a public key: the first 125 bits of
 * BLAKE2b-128("secmig host key 1" || key), RFC 7693, as 25 symbols in 5
 * groups, e.g.
 * "7KQ2M-0XTRB-9VNEC-H4WPA-J61SD".  The alphabet is Crockford's base 32
 * (no I, L, O, U), which reads aloud without mistakes.
 *   out  SM_IDENTITY_FINGERPRINT_SIZE bytes, NUL-terminated
 */
void sm_identity_fingerprint(
    const uint8_t key[static SM_IDENTITY_KEY_LEN],
    char out[static SM_IDENTITY_FINGERPRINT_SIZE]);

/*
 * Whether `text`, typed or pasted by a person, is the whole fingerprint of
 * `key`.  Case, spaces and dashes do not count; I and L read as 1, O as 0.
 */
bool sm_identity_fingerprint_ok(
    const char *text, const uint8_t key[static SM_IDENTITY_KEY_LEN]);

/*
 * Write the public key line, with its newline.
 *   name  a good host name
 *   out   SM_IDENTITY_LINE_SIZE bytes, NUL-terminated
 * Returns 0, or SM_USAGE for a bad name.
 */
int sm_identity_format(const char *name,
                       const uint8_t key[static SM_IDENTITY_KEY_LEN],
                       char out[static SM_IDENTITY_LINE_SIZE])
    SM_WARN_UNUSED;

/*
 * Read a public key line.  Exactly one line, one space between the words,
 * one newline at the end or none, canonical base64 with padding.
 *   text, len  the bytes, not trusted; no NUL needed
 *   name, key  out; undefined on error
 *   why        out: `why_size` bytes, the reason in words ("" on success)
 * Returns 0, or SM_STATE (malformed, bad name, unusable key).
 */
int sm_identity_parse(const char *text, size_t len,
                      char name[static SM_IDENTITY_NAME_SIZE],
                      uint8_t key[static SM_IDENTITY_KEY_LEN],
                      char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Base64 of a public key as it stands in files: 44 characters and a NUL.
 * Also used by trust/pairing.h.
 */
#define SM_IDENTITY_BASE64_SIZE 45
void sm_identity_base64(const uint8_t key[static SM_IDENTITY_KEY_LEN],
                        char out[static SM_IDENTITY_BASE64_SIZE]);

/*
 * Read exactly 44 characters of canonical base64 into a usable public key
 * (sm_identity_key_ok()).  Returns whether it is one.
 */
bool sm_identity_from_base64(const char *text, size_t len,
                             uint8_t key[static SM_IDENTITY_KEY_LEN]);

#endif
