/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hashes by table, and HMAC and HKDF generic over them.  libsodium has no
 * HMAC-BLAKE2b (Noise wants HMAC even for BLAKE2b) and, before 1.0.19, no
 * HKDF; both are a few lines over its hashes.
 *
 * Sources: BLAKE2b RFC 7693, SHA-2 FIPS 180-4, HMAC RFC 2104, HKDF RFC 5869.
 */
#ifndef SM_CHANNEL_HASH_H
#define SM_CHANNEL_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SM_HASH_MAX 64          /* bytes of the longest hash */
#define SM_HASH_BLOCK_MAX 128   /* bytes of the longest block */

enum sm_hash {
    SM_HASH_BLAKE2B,            /* 64-byte hash, 128-byte block */
    SM_HASH_SHA256,             /* 32, 64 */
    SM_HASH_SHA512,             /* 64, 128 */
};

/* One piece of input; a NULL `data` with `len` 0 is an empty piece. */
struct sm_hash_part {
    const void *data;
    size_t len;
};

/* Find a hash by its name in Noise ("BLAKE2b", "SHA256", "SHA512"), `len`
 * bytes at `name`.  Returns 0, or SM_CONFIG for any other name. */
int sm_hash_by_name(const char *name, size_t len, enum sm_hash *out)
    SM_WARN_UNUSED;

/* Length of the hash in bytes. */
size_t sm_hash_len(enum sm_hash hash);

/*
 * Hash the concatenation of `n` parts.
 *   out   sm_hash_len(hash) bytes; may be one of the parts
 */
void sm_hash_parts(enum sm_hash hash, const struct sm_hash_part *parts,
                   size_t n, uint8_t *out);

/*
 * HMAC of the concatenation of `n` parts.
 *   key, key_len   any length; hashed first when longer than the block
 *   out            sm_hash_len(hash) bytes; may be the key or a part
 */
void sm_hash_hmac(enum sm_hash hash, const uint8_t *key, size_t key_len,
                  const struct sm_hash_part *parts, size_t n, uint8_t *out);

/*
 * HKDF-Extract.  prk: sm_hash_len(hash) bytes; may be the salt.
 */
void sm_hash_extract(enum sm_hash hash, const void *salt, size_t salt_len,
                     const void *ikm, size_t ikm_len, uint8_t *prk);

/*
 * HKDF-Expand.
 *   prk, prk_len    the pseudorandom key
 *   info, info_len  context
 *   out, out_len    wanted bytes, at most 255 * sm_hash_len(hash)
 * Returns 0, or SM_USAGE when out_len is too long (out is then untouched).
 */
int sm_hash_expand(enum sm_hash hash, const uint8_t *prk, size_t prk_len,
                   const void *info, size_t info_len,
                   uint8_t *out, size_t out_len) SM_WARN_UNUSED;

#endif
