/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Approvals: which PCR values will be good, too, for what is sealed on a TPM
 * (seal/seal.h, "On a TPM"), signed with the site's update key before a
 * planned update is booted.
 *
 *     xen-secmig approval 1
 *     update-key 128 hex digits: x and y of the key's point on P-256
 *     pcr 4 64 hex digits: value in the SHA-256 bank
 *     pcr 7 ...                one line a PCR, in ascending order
 *     signature 128 hex digits: r and s
 *
 * The signature is ECDSA with SHA-256 (FIPS 186-4) over the 64 bytes
 *
 *     policy digest of TPM2_PolicyPCR over these PCRs · policyRef
 *
 * with policyRef = SHA-256("xen-secmig approval 1"), as TPM2_PolicyAuthorize
 * wants it (part 3, 23.16): the TPM itself verifies it.  It names no host:
 * what was measured is good on each host whose objects name this update key.
 * A site that wants to approve host by host has a key for each.
 *
 * The update key is an ordinary one on P-256: its public part is a PEM file
 * (RFC 7468, SubjectPublicKeyInfo), so that `openssl dgst -sha256 -sign` on
 * another machine or a token can sign, too.
 */
#ifndef SM_SEAL_APPROVAL_H
#define SM_SEAL_APPROVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SM_SEAL_PCRS 24
#define SM_SEAL_PCR_LEN 32
#define SM_UPDATE_SECRET_LEN 32         /* the private number, big-endian */
#define SM_UPDATE_TEXT_SIZE 256         /* PEM of a public key, with NUL */
#define SM_APPROVAL_SIGNED_LEN 64       /* what the signature is over */
#define SM_APPROVAL_TEXT_MAX 4096       /* bytes of one file */
#define SM_APPROVALS_MAX 64             /* of a directory */

struct sm_update_key {
    uint8_t x[32], y[32];
};

struct sm_approval {
    struct sm_update_key key;
    uint32_t pcrs;                      /* a bit each, not 0 */
    uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];     /* others are zero */
    uint8_t signature[64];              /* r, s */
};

/*
 * Make an update key.
 *   secret  out: SM_UPDATE_SECRET_LEN bytes of locked memory
 * Returns 0, or SM_FAIL (libcrypto has no random bytes or memory).
 */
int sm_update_key_make(uint8_t *secret, struct sm_update_key *key)
    SM_WARN_UNUSED;

/* Read a public key from a PEM file that only its owner may write.
 * Returns 0; SM_STATE (missing, unsafe); SM_CONFIG when it is none on P-256;
 * SM_IO; SM_NO_MEMORY. */
int sm_update_key_read(const char *path, struct sm_update_key *key,
                       char *why, size_t why_size) SM_WARN_UNUSED;

/* Write a public key as PEM, with a NUL.  Returns 0, or SM_FAIL when it is no
 * point on P-256. */
int sm_update_key_text(const struct sm_update_key *key,
                       char out[static SM_UPDATE_TEXT_SIZE]) SM_WARN_UNUSED;

/*
 * Approve PCR values.
 *   secret  of the update key, locked memory; only read
 *   pcrs    which, a bit each: 1 to 0xffffff
 *   pcr     their values; only those are read
 *   out     the approval, signed
 * Returns 0; SM_USAGE when no PCR, or an unknown one, is named; SM_CONFIG
 * when `secret` is not that of `key`; SM_FAIL.
 */
int sm_approval_sign(const uint8_t *secret, const struct sm_update_key *key,
                     uint32_t pcrs,
                     const uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN],
                     struct sm_approval *out, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* The bytes that the signature is over: to be signed elsewhere. */
void sm_approval_signed(const struct sm_approval *a,
                        uint8_t out[static SM_APPROVAL_SIGNED_LEN]);

/* Write as text, with a NUL, to `size` bytes (SM_APPROVAL_TEXT_MAX is
 * enough).  Returns the length, 0 when it does not fit. */
size_t sm_approval_text(const struct sm_approval *a, char *out, size_t size);

/*
 * Read text, not trusted, and verify its signature.
 * Returns 0; SM_SEAL when it is malformed or the signature is not good, with
 * the line and the reason in `why`.
 */
int sm_approval_parse(const char *text, size_t len, struct sm_approval *out,
                      char *why, size_t why_size) SM_WARN_UNUSED;

/* The same from a file that only its owner may write.  SM_STATE, SM_IO and
 * SM_NO_MEMORY, too. */
int sm_approval_read(const char *path, struct sm_approval *out, char *why,
                     size_t why_size) SM_WARN_UNUSED;

/* Whether the PCRs of `a` have the values that it approves.  Those that it
 * does not name can have any. */
bool sm_approval_fits(const struct sm_approval *a,
                      const uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN]);

/*
 * Read all approvals of a directory: each file whose name does not begin
 * with a dot.  One that is no good is warned of and passed over, and so is
 * what is left when SM_APPROVALS_MAX have been read.
 *   dir    one that is not there has none
 *   out    malloc'd, to be freed with free(); NULL when there are none
 *   count  out
 * Returns 0; SM_STATE when the directory cannot be read; SM_NO_MEMORY.
 */
int sm_approvals_read(const char *dir, struct sm_approval **out,
                      size_t *count, char *why, size_t why_size)
    SM_WARN_UNUSED;

#endif
