/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The endorsement key (EK) of a TPM: the same for the TPM's life, with a
 * certificate of the TPM's maker if it has one (TCG EK Credential Profile for
 * TPM 2.0, templates and NV indices L-1, RSA 2048, and L-2, ECC P-256).  It
 * signs nothing; it is the parent of the attestation key.
 */
#ifndef SM_TPM_ENDORSEMENT_H
#define SM_TPM_ENDORSEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tpm/esys.h"

#define SM_ENDORSEMENT_CERTIFICATE_MAX 4096     /* bytes */

/*
 * Load an EK: the persistent one at 0x81010001 or 0x81010002 when that is of
 * the template, else it is derived anew, which gives the same key.
 *   alg     TPM2_ALG_ECC or TPM2_ALG_RSA
 *   public  out
 *   handle  out: to be given back with sm_endorsement_release()
 * Returns 0, or as sm_tpm_rc(): a password of the endorsement hierarchy is
 * SM_STATE.
 */
int sm_endorsement_load(struct sm_tpm *tpm, TPM2_ALG_ID alg,
                        TPM2B_PUBLIC *public, ESYS_TR *handle,
                        char *why, size_t why_size) SM_WARN_UNUSED;

void sm_endorsement_release(struct sm_tpm *tpm, ESYS_TR *handle);

/*
 * A session that authorises the use of an EK as loaded; for one command, then
 * again: its policy is used up.  It is salted with the EK, and the command's
 * first parameters are encrypted.
 *   session  in: ESYS_TR_NONE, or one of this function's; out: to be flushed
 *            with sm_tpm_flush()
 */
int sm_endorsement_session(struct sm_tpm *tpm, ESYS_TR ek, ESYS_TR *session,
                           char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * The certificate of an EK, as its maker has put it into the TPM (DER, not
 * verified).
 *   out  SM_ENDORSEMENT_CERTIFICATE_MAX bytes
 *   len  out: 0 when there is none
 * Returns 0, or as sm_tpm_rc().
 */
int sm_endorsement_certificate(struct sm_tpm *tpm, TPM2_ALG_ID alg,
                               uint8_t *out, size_t *len,
                               char *why, size_t why_size) SM_WARN_UNUSED;

#endif
