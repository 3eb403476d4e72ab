/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Host certificates: a site authority says which key a host has, and where
 * it stands.  A signed statement (trust/statement.h):
 *
 *     secmig-certificate 1
 *     host = NAME
 *     key = BASE64                     X25519, as in the host's key line
 *     serial = N                       1 or more; never used twice by one
 *                                      authority
 *     not-before = TIME                RFC 3339 with a zone; both times are
 *     not-after = TIME                 included
 *     location = WORD                  optional
 *     jurisdiction = WORD              optional
 *     platform = WORD WORD ...         optional
 *     attestation-key = HEX            optional: 64 lower-case digits, the
 *                                      Name of its attestation key without
 *                                      the algorithm's number: SHA-256 of its
 *                                      TPMT_PUBLIC (trust/attest.h)
 *
 * Words are of the form of host names.  What of all this counts is a matter
 * of the policy in force: it names the authority's key, and which of the
 * attributes are believed when they come from it.
 *
 * Nothing here allocates or does I/O.
 */
#ifndef SM_TRUST_CERTIFICATE_H
#define SM_TRUST_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "trust/identity.h"
#include "trust/statement.h"

#define SM_CERTIFICATE_TYPE "secmig-certificate"
#define SM_CERTIFICATE_MAX 4096         /* bytes of a whole one */
#define SM_CERTIFICATE_PLATFORMS_MAX 16
#define SM_CERTIFICATE_AK_LEN 32

struct sm_certificate {
    char host[SM_IDENTITY_NAME_SIZE];
    uint8_t key[SM_IDENTITY_KEY_LEN];
    uint64_t serial;
    int64_t not_before, not_after;      /* seconds since the epoch */
    char location[SM_STATEMENT_WORD_SIZE];      /* "": it does not say */
    char jurisdiction[SM_STATEMENT_WORD_SIZE];
    char platforms[SM_CERTIFICATE_PLATFORMS_MAX][SM_STATEMENT_WORD_SIZE];
    size_t n_platforms;
    uint8_t ak[SM_CERTIFICATE_AK_LEN];
    bool has_ak;
    uint8_t signer[SM_STATEMENT_SIGNER_LEN];    /* who has signed it */
};

/*
 * Verify a certificate: size, form and signature, then its lines, then its
 * validity.  Whether it is revoked is another question
 * (sm_revocations_cover(), trust/revocation.h), and so is whether it fits
 * the peer: its `key` must be the one that the channel has authenticated,
 * its `host` the name that was claimed or dialled.
 *   text, len     hostile; no NUL needed
 *   keys, n_keys  public keys of the authorities that count
 *   now           seconds since the epoch
 *   out           filled in on success, zeroed on error
 *   which         out: index of the key that has signed it; NULL: not wanted
 *   why           out: `why_size` bytes (SM_STATEMENT_WHY_SIZE is enough),
 *                 the reason in words ("" on success)
 * Returns 0; SM_PROTOCOL when it is malformed, too long, or a statement of
 * another type; SM_AUTH when no such key has signed it, the signature is
 * wrong, or it is not valid now.
 */
int sm_certificate_verify(const void *text, size_t len,
                          const struct sm_minisign_public *keys,
                          size_t n_keys, int64_t now,
                          struct sm_certificate *out, size_t *which,
                          char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Read the lines of a statement that was split or verified; its signer is
 * copied.  The validity is not looked at.  Returns 0 or SM_PROTOCOL.
 */
int sm_certificate_read(const struct sm_statement *s,
                        struct sm_certificate *out,
                        char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Write the body of a certificate, for sm_statement_sign().
 *   c     `signer` is not used
 *   out   `size` bytes, NUL added; SM_CERTIFICATE_MAX is enough
 * Returns 0, or SM_USAGE when *c is not well formed, with the reason in
 * `why`: what this writes, sm_certificate_read() reads.
 */
int sm_certificate_format(const struct sm_certificate *c, char *out,
                          size_t size, char *why, size_t why_size)
    SM_WARN_UNUSED;

#endif
