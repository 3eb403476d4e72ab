/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The AEAD suites, one table: what the record layer negotiates, and what the
 * Noise ciphers are made of.
 *
 * Sources: AEGIS-256 draft-irtf-cfrg-aegis-aead (libsodium >= 1.0.19, and
 * only with the processor's AES);
 * AES-256-GCM NIST SP 800-38D (only with the processor's AES and carry-less
 * multiply instructions: libsodium has no slow version, on purpose);
 * ChaCha20-Poly1305 RFC 8439.
 *
 * sm_secret_init() must have been called before anything here.
 */
#ifndef SM_CHANNEL_SUITE_H
#define SM_CHANNEL_SUITE_H

#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#include "base/err.h"

/* Numbers on the wire: never reuse one.  Bit (1 << id) stands for the suite
 * in a mask. */
enum sm_suite {
    SM_SUITE_NONE = 0,
    SM_SUITE_AEGIS256 = 1,
    SM_SUITE_AES256GCM = 2,
    SM_SUITE_CHACHA20POLY1305 = 3,
};

#define SM_SUITE_BIT(id) (UINT32_C(1) << (id))
#define SM_SUITE_KEY_LEN 32
#define SM_SUITE_NONCE_MAX 32   /* bytes of the longest nonce */
#define SM_SUITE_TAG_MAX 32     /* bytes of the longest tag */

/* Suites of this build on this processor, as a mask.  ChaCha20-Poly1305 is
 * always there. */
uint32_t sm_suite_available(void);

/* The most preferred suite that both masks hold (AEGIS-256, AES-256-GCM,
 * ChaCha20-Poly1305), or SM_SUITE_NONE.  Unknown bits are ignored. */
enum sm_suite sm_suite_best(uint32_t ours, uint32_t theirs);

/* "aegis-256", "aes-256-gcm", "chacha20-poly1305"; "none" for any other
 * number. */
const char *sm_suite_name(unsigned int id);

/* The suite of a name, available or not.  Returns 0, or SM_CONFIG. */
int sm_suite_by_name(const char *name, enum sm_suite *out) SM_WARN_UNUSED;

/* Lengths in bytes; 0 for a suite that this build does not have. */
size_t sm_suite_nonce_len(enum sm_suite id);
size_t sm_suite_tag_len(enum sm_suite id);

/*
 * A key made ready (AES round keys are computed once).  Holds secrets: keep
 * it in locked memory and end with sm_suite_key_wipe().
 */
struct sm_suite_key {
    union {
        uint8_t bytes[SM_SUITE_KEY_LEN];
        crypto_aead_aes256gcm_state aes;
    } u;
    enum sm_suite id;
};

/*
 * Make a key ready.
 *   key   32 bytes; may be wiped afterwards
 * Returns 0; SM_CONFIG when the suite is not available here.
 */
int sm_suite_key_set(struct sm_suite_key *k, enum sm_suite id,
                     const uint8_t key[static SM_SUITE_KEY_LEN])
    SM_WARN_UNUSED;

void sm_suite_key_wipe(struct sm_suite_key *k);

/*
 * Encrypt.
 *   nonce   sm_suite_nonce_len() bytes, never twice under one key
 *   ad      associated data, may be NULL when ad_len is 0
 *   in      plaintext; either equal to `out` or apart from it
 *   out     len + sm_suite_tag_len() bytes: ciphertext, then the tag
 * Returns 0; SM_USAGE for a key never set.
 */
int sm_suite_seal(const struct sm_suite_key *k, const uint8_t *nonce,
                  const void *ad, size_t ad_len, const uint8_t *in,
                  size_t len, uint8_t *out) SM_WARN_UNUSED;

/*
 * Decrypt.
 *   in, len   ciphertext and tag; `in` equal to `out` or apart from it
 *   out       len - sm_suite_tag_len() bytes of plaintext
 * Returns 0; SM_PROTOCOL when the tag does not verify or `len` is shorter
 * than a tag: `out` then holds nothing of the plaintext.
 */
int sm_suite_open(const struct sm_suite_key *k, const uint8_t *nonce,
                  const void *ad, size_t ad_len, const uint8_t *in,
                  size_t len, uint8_t *out) SM_WARN_UNUSED;

#endif
