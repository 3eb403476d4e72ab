/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Detached signatures in minisign's format (https://jedisct1.github.io/
 * minisign/, "Signature format" and "Public key format"), so that
 * `minisign -V` checks what we sign and the other way round.
 *
 * Both algorithms verify: "Ed" (Ed25519 over the bytes) and "ED" (Ed25519
 * over their BLAKE2b-512 hash); we sign with "ED" only.  The second, global
 * signature over the first one and the trusted comment is always required.
 *
 * minisign's own encrypted secret key file is not read: secret keys are kept
 * by lib/seal, in the form of sm_minisign_keygen().
 */
#ifndef SM_TRUST_MINISIGN_H
#define SM_TRUST_MINISIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SM_MINISIGN_ID_LEN      8
#define SM_MINISIGN_KEY_LEN     32
#define SM_MINISIGN_SIG_LEN     64
#define SM_MINISIGN_SECRET_LEN  (SM_MINISIGN_ID_LEN + 64)

#define SM_MINISIGN_COMMENT_MAX 512     /* trusted comment, bytes, no NUL */
#define SM_MINISIGN_TEXT_MAX    4096    /* a whole key or signature file */

struct sm_minisign_public {
    uint8_t id[SM_MINISIGN_ID_LEN];
    uint8_t key[SM_MINISIGN_KEY_LEN];
};

struct sm_minisign_signature {
    bool prehashed;                             /* "ED" */
    uint8_t id[SM_MINISIGN_ID_LEN];
    uint8_t signature[SM_MINISIGN_SIG_LEN];
    uint8_t global[SM_MINISIGN_SIG_LEN];
    char comment[SM_MINISIGN_COMMENT_MAX + 1];  /* trusted only after
                                                 * sm_minisign_verify() */
};

/*
 * Parse a public key: the two-line file (an untrusted comment, then base64)
 * or the base64 line alone.  One trailing line end is fine, CR LF too.
 *   text, len   hostile; not NUL-terminated
 *   out         filled in on success, zeroed on error
 *   why         `why_size` bytes for the reason in words, "" on success
 * Returns 0 or SM_AUTH.
 */
int sm_minisign_public_parse(const void *text, size_t len,
                             struct sm_minisign_public *out,
                             char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Parse a signature file (four lines).  Nothing is verified.  The trusted
 * comment must pass sm_wire_text_ok(), tabs excepted.
 * Arguments and returns as sm_minisign_public_parse().
 */
int sm_minisign_signature_parse(const void *text, size_t len,
                                struct sm_minisign_signature *out,
                                char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Verify both signatures of `sig` with `key` over `len` bytes at `data`.
 * Returns 0; SM_AUTH when the key ids differ or a signature is wrong, with
 * the reason in `why`.
 */
int sm_minisign_verify(const struct sm_minisign_public *key,
                       const struct sm_minisign_signature *sig,
                       const void *data, size_t len,
                       char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Generate a key pair with a random key id.
 *   key      out: the public half
 *   secret   out: SM_MINISIGN_SECRET_LEN bytes (key id, then Ed25519 secret
 *            key) into memory of sm_secret_new()
 * sm_secret_init() comes first.  Cannot fail.
 */
void sm_minisign_keygen(struct sm_minisign_public *key,
                        uint8_t secret[static SM_MINISIGN_SECRET_LEN]);

/* The public half of a secret key. */
void sm_minisign_public_of(
    const uint8_t secret[static SM_MINISIGN_SECRET_LEN],
    struct sm_minisign_public *key);

/*
 * Sign `len` bytes at `data` (prehashed) and write the signature file.
 *   secret   of sm_minisign_keygen(), in locked memory; only read
 *   comment  trusted comment: clean text (sm_wire_text_ok), at most
 *            SM_MINISIGN_COMMENT_MAX bytes
 *   out      `size` bytes, NUL added; SM_MINISIGN_TEXT_MAX is enough
 * Returns 0, or SM_USAGE when the comment or the size is wrong.
 */
int sm_minisign_sign(const uint8_t secret[static SM_MINISIGN_SECRET_LEN],
                     const void *data, size_t len, const char *comment,
                     char *out, size_t size) SM_WARN_UNUSED;

/* A key id as minisign shows it: the bytes as one little-endian number. */
#define SM_MINISIGN_ID_SIZE (2 * SM_MINISIGN_ID_LEN + 1)
void sm_minisign_id_format(const uint8_t id[static SM_MINISIGN_ID_LEN],
                           char out[static SM_MINISIGN_ID_SIZE]);

/* The key as one line of base64, without a newline, as policies name it. */
#define SM_MINISIGN_BASE64_SIZE 57
void sm_minisign_public_base64(const struct sm_minisign_public *key,
                               char out[static SM_MINISIGN_BASE64_SIZE]);

/*
 * Write a public key file into `out` (`size` bytes, NUL added; 128 is
 * enough).  Returns 0 or SM_USAGE when it does not fit.
 */
int sm_minisign_public_format(const struct sm_minisign_public *key,
                              char *out, size_t size) SM_WARN_UNUSED;

#endif
