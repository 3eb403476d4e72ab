/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enrolment: how a site's authority learns that an attestation key (AK) lives
 * in the same TPM as an endorsement key (EK), before it puts the AK into the
 * host's certificate.  Three texts travel between the two, secmig-statement(5)
 * without a signature:
 *
 *   host > authority   secmig-enrolment 1
 *                      host = NAME
 *                      key = BASE64              the host's key
 *                      endorsement-key = BASE64  TPMT_PUBLIC
 *                      endorsement-certificate = BASE64   optional; DER
 *                      attestation-key = BASE64  TPMT_PUBLIC
 *   authority > host   secmig-challenge 1
 *                      host = NAME
 *                      request = HEX             BLAKE2b-256 of the request
 *                      credential = BASE64       content of a TPM2B_ID_OBJECT
 *                      secret = BASE64           ... TPM2B_ENCRYPTED_SECRET
 *   host > authority   secmig-answer 1
 *                      host = NAME
 *                      request = HEX
 *                      answer = HEX
 *
 * The credential holds 32 bytes, BLAKE2b keyed with the authority's secret key
 * over the request's digest: the authority keeps no state.  The answer is
 * BLAKE2b keyed with those bytes, over the digest: it fits this request, with
 * this host's name and key, and no other.
 *
 * Needs no TPM; the TPM's part is in tpm/credential.h.
 */
#ifndef SM_TRUST_ENROLMENT_H
#define SM_TRUST_ENROLMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "trust/identity.h"
#include "trust/minisign.h"
#include "trust/tpm_key.h"

#define SM_ENROLMENT_TYPE "secmig-enrolment"
#define SM_ENROLMENT_CHALLENGE_TYPE "secmig-challenge"
#define SM_ENROLMENT_ANSWER_TYPE "secmig-answer"

#define SM_ENROLMENT_MAX 8192           /* bytes of one text */
#define SM_ENROLMENT_CERTIFICATE_MAX 4096
#define SM_ENROLMENT_DIGEST_LEN 32
#define SM_ENROLMENT_SECRET_LEN 32
#define SM_ENROLMENT_ANSWER_LEN 32
#define SM_ENROLMENT_FINGERPRINT_SIZE 65

struct sm_enrolment_request {
    char host[SM_IDENTITY_NAME_SIZE];
    uint8_t key[SM_IDENTITY_KEY_LEN];
    TPMT_PUBLIC ek;
    uint8_t certificate[SM_ENROLMENT_CERTIFICATE_MAX];
    size_t certificate_len;             /* 0: there is none */
    TPMT_PUBLIC ak;
};

struct sm_enrolment_challenge {
    char host[SM_IDENTITY_NAME_SIZE];
    uint8_t request[SM_ENROLMENT_DIGEST_LEN];
    uint8_t credential[sizeof(TPMS_ID_OBJECT)];
    size_t credential_len;
    uint8_t secret[sizeof(TPMU_ENCRYPTED_SECRET)];
    size_t secret_len;
};

struct sm_enrolment_answer {
    char host[SM_IDENTITY_NAME_SIZE];
    uint8_t request[SM_ENROLMENT_DIGEST_LEN];
    uint8_t answer[SM_ENROLMENT_ANSWER_LEN];
};

/*
 * Read the texts.
 *   text, len  not trusted; no NUL needed
 *   out        zeroed on error
 *   why        out: `why_size` bytes (SM_STATEMENT_WHY_SIZE is enough), the
 *              reason in words ("" on success)
 * Return 0 or SM_PROTOCOL; of a request SM_AUTH when its AK is not one that
 * may be certified or its EK is of no known template (trust/tpm_key.h).
 */
int sm_enrolment_request_read(const void *text, size_t len,
                              struct sm_enrolment_request *out,
                              char *why, size_t why_size) SM_WARN_UNUSED;
int sm_enrolment_challenge_read(const void *text, size_t len,
                                struct sm_enrolment_challenge *out,
                                char *why, size_t why_size) SM_WARN_UNUSED;
int sm_enrolment_answer_read(const void *text, size_t len,
                             struct sm_enrolment_answer *out,
                             char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Write them: SM_ENROLMENT_MAX bytes at `out`, NUL added.
 * Return 0, or SM_USAGE when it is too long or could not be read back.
 */
int sm_enrolment_request_format(const struct sm_enrolment_request *r,
                                char out[static SM_ENROLMENT_MAX])
    SM_WARN_UNUSED;
int sm_enrolment_challenge_format(const struct sm_enrolment_challenge *c,
                                  char out[static SM_ENROLMENT_MAX])
    SM_WARN_UNUSED;
int sm_enrolment_answer_format(const struct sm_enrolment_answer *a,
                               char out[static SM_ENROLMENT_MAX])
    SM_WARN_UNUSED;

/* BLAKE2b-256 of a request as it is written.  Returns 0 or SM_USAGE. */
int sm_enrolment_digest(const struct sm_enrolment_request *r,
                        uint8_t out[static SM_ENROLMENT_DIGEST_LEN])
    SM_WARN_UNUSED;

/*
 * The secret in the credential for a request.
 *   site    the authority's key, of sm_minisign_keygen(), in locked memory
 *   secret  out: locked memory
 */
void sm_enrolment_secret(const uint8_t site[static SM_MINISIGN_SECRET_LEN],
                         const uint8_t digest[static SM_ENROLMENT_DIGEST_LEN],
                         uint8_t secret[static SM_ENROLMENT_SECRET_LEN]);

/* The answer of who knows the secret. */
void sm_enrolment_answer(const uint8_t secret[static SM_ENROLMENT_SECRET_LEN],
                         const uint8_t digest[static SM_ENROLMENT_DIGEST_LEN],
                         uint8_t answer[static SM_ENROLMENT_ANSWER_LEN]);

/*
 * Whether an answer is the one to a request that this authority has
 * challenged.
 * Returns 0; SM_AUTH, with the reason in `why`; SM_NO_MEMORY when no memory
 * can be locked.
 */
int sm_enrolment_check(const uint8_t site[static SM_MINISIGN_SECRET_LEN],
                       const struct sm_enrolment_request *r,
                       const struct sm_enrolment_answer *a,
                       char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Fingerprint of an endorsement key: 64 hexadecimal digits and a NUL, SHA-256
 * of its SubjectPublicKeyInfo (RFC 5280, DER), which other programs show as
 * well.  Returns 0 or SM_FAIL.
 */
int sm_enrolment_fingerprint(
    const TPMT_PUBLIC *ek, char out[static SM_ENROLMENT_FINGERPRINT_SIZE])
    SM_WARN_UNUSED;

/*
 * Verify the EK's certificate.
 *   roots  PEM file of certificates of authorities that count: the makers of
 *          TPMs, roots or what is between; trusted
 * Returns 0; SM_AUTH when the request has none, it is malformed, of another
 * key, not of an EK, or leads to none of them; SM_STATE when the file cannot
 * be read; SM_FAIL when libcrypto fails.
 */
int sm_enrolment_certified(const struct sm_enrolment_request *r,
                           const char *roots, char *why, size_t why_size)
    SM_WARN_UNUSED;

#endif
