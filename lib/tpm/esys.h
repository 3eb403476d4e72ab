/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What lib/tpm and the TPM backend of lib/seal share; it needs the types of
 * tpm2-tss, so tpm/tpm.h is what the rest of the program sees.
 */
#ifndef SM_TPM_ESYS_H
#define SM_TPM_ESYS_H

#include <tss2/tss2_esys.h>

#include "tpm/tpm.h"

/* The ESAPI context; the tpm's.  Its logging is off, whatever $TSS2_LOG
 * says: it would have secrets in it. */
ESYS_CONTEXT *sm_tpm_esys(struct sm_tpm *tpm);

/*
 * What an answer of ESAPI means.  May ask the TPM for more (its counters of
 * wrong PINs), never for longer than its timeout.
 *   rc     as returned by Esys_...()
 *   doing  "read PCRs": for the message
 *   why    out: what is wrong and what to do; "" when rc is TSS2_RC_SUCCESS
 * Returns 0; SM_TIMEOUT: no answer in time; SM_IO: it is gone; SM_BUSY: no
 * room for sessions or objects, or busy until the time was over; SM_SEAL:
 * wrong PIN, locked out, policy not met, an object that is not this TPM's;
 * SM_STATE: the TPM failed its self-test, was not started, an owner password;
 * SM_NO_MEMORY; SM_FAIL for all else, with the TPM's own words.
 */
int sm_tpm_rc(struct sm_tpm *tpm, TSS2_RC rc, const char *doing, char *why,
              size_t why_size) SM_WARN_UNUSED;

/* The answer without its layer, handle, session or parameter number: a
 * TPM2_RC_... to compare with; 0 when it does not come from the TPM. */
TSS2_RC sm_tpm_code(TSS2_RC rc);

/* Flush a transient object or a session and set it to ESYS_TR_NONE, which is
 * fine to begin with. */
void sm_tpm_flush(struct sm_tpm *tpm, ESYS_TR *handle);

/*
 * The storage key under which everything is sealed: the ECC P-256 storage
 * primary in the owner's hierarchy with the attributes that "TCG TPM v2.0
 * Provisioning Guidance" 7.5.1 has for an SRK (made anew each time: the same
 * key comes out until the TPM is cleared); or the persistent one at
 * 0x81000001 when the owner has a password or `pinned` says that it is that.
 *   pinned  SM_TPM_HASH_LEN bytes: the Name (without its algorithm) that the
 *           key must have; NULL: any fit one
 *   out     the tpm's until sm_tpm_close(): not to be flushed
 *   name    out: its Name
 * Returns 0; SM_SEAL when no storage key of this TPM has that Name (another
 * TPM, or cleared); SM_STATE when the owner has a password and there is no
 * persistent key; else as sm_tpm_rc() maps it.
 */
int sm_tpm_storage_primary(struct sm_tpm *tpm, const uint8_t *pinned,
                           ESYS_TR *out,
                           uint8_t name[static SM_TPM_HASH_LEN],
                           char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Start a session whose secret is made of a salt that only `key` can decrypt,
 * with AES-128-CFB for parameters, SHA-256.
 *   key   a decrypting key in the TPM whose Name has been checked
 *   type  TPM2_SE_HMAC or TPM2_SE_POLICY
 *   out   the caller's, to be flushed with sm_tpm_flush(); its first
 *         parameter is encrypted both ways, it stays after a command
 */
int sm_tpm_salted_session(struct sm_tpm *tpm, ESYS_TR key, TPM2_SE type,
                          ESYS_TR *out, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* The Name of a public area without its algorithm: SHA-256 of it, marshalled.
 * Returns 0, or SM_SEAL when its nameAlg is not SHA-256. */
int sm_tpm_name(const TPM2B_PUBLIC *public,
                uint8_t name[static SM_TPM_HASH_LEN]) SM_WARN_UNUSED;

/* One of the TPM's numbers (TPM2_PT_...).  Returns whether it was told. */
int sm_tpm_property(struct sm_tpm *tpm, TPM2_PT property, uint32_t *out);

/* Fill in a selection of PCRs of the SHA-256 bank. */
void sm_tpm_pcr_selection(uint32_t mask, TPML_PCR_SELECTION *out);

/* SHA-256 over the values that `mask` selects, in order: pcrDigest of
 * TPM2_PolicyPCR and TPM2_Quote. */
void sm_tpm_pcr_digest(uint32_t mask,
                       const uint8_t pcr[SM_TPM_PCRS][SM_TPM_HASH_LEN],
                       uint8_t out[static SM_TPM_HASH_LEN]);

/*
 * Wipe what the last command left in memory that is ESAPI's: the answer, as
 * decrypted in place, and the stack that it used.  After each command that
 * carried a secret.
 */
void sm_tpm_wipe(struct sm_tpm *tpm);

/*
 * The same, and every copy of `len` bytes at `secret` in ESAPI's context:
 * it keeps what a command was given, in order to send it again, and frees it
 * as it is.  After each command that was given a secret.
 */
void sm_tpm_wipe_copies(struct sm_tpm *tpm, const void *secret, size_t len);

#endif
