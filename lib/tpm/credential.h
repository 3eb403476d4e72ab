/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Credentials: a secret that only the TPM which has both an endorsement key
 * and an attestation key can tell (TPM 2.0 Library specification, part 1
 * section 24, "Credential Protection"; part 3, TPM2_MakeCredential and
 * TPM2_ActivateCredential).
 */
#ifndef SM_TPM_CREDENTIAL_H
#define SM_TPM_CREDENTIAL_H

#include "base/err.h"
#include "tpm/attestation_key.h"
#include "trust/enrolment.h"

/*
 * Encrypt a secret to an EK, to be told only when an AK of that Name is in
 * the same TPM.  Any TPM can do it: it needs no key of its own.
 *   ek      of the host's TPM; sm_tpm_key_ek_problem() found none
 *   ak      Name of the AK without its algorithm (trust/tpm_key.h)
 *   secret  locked memory
 *   out     out: `credential` and `secret`
 * Returns 0 or as sm_tpm_rc().
 */
int sm_credential_make(struct sm_tpm *tpm, const TPMT_PUBLIC *ek,
                       const uint8_t ak[static SM_TPM_KEY_NAME_LEN],
                       const uint8_t secret[static SM_ENROLMENT_SECRET_LEN],
                       struct sm_enrolment_challenge *out,
                       char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Have this host's TPM tell the secret.
 *   ek_alg  of the endorsement key that the challenge is for
 *   secret  out: locked memory
 * Returns 0; SM_AUTH when the TPM refuses: the challenge is not for this TPM
 * and this key, or was tampered with; or as sm_attestation_key_load().
 */
int sm_credential_activate(struct sm_tpm *tpm,
                           const struct sm_attestation_key *key,
                           TPM2_ALG_ID ek_alg,
                           const struct sm_enrolment_challenge *challenge,
                           uint8_t secret[static SM_ENROLMENT_SECRET_LEN],
                           char *why, size_t why_size) SM_WARN_UNUSED;

#endif
