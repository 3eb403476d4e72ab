/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quotes: the TPM signs what its PCRs hold (TPM 2.0 Library specification,
 * part 3, TPM2_Quote).  Who verifies them needs no TPM: trust/attest.h.
 */
#ifndef SM_TPM_QUOTE_H
#define SM_TPM_QUOTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"
#include "tpm/attestation_key.h"
#include "trust/attest.h"

/* How often a quote is repeated when PCRs are extended while it is made. */
#define SM_TPM_QUOTE_TRIES 5

/*
 * Quote all PCRs of the SHA-256 bank.
 *   tpm    of sm_tpm_open() (tpm/tpm.h)
 *   key    this host's attestation key, of sm_attestation_key_read()
 *   extra  of sm_attest_extra(): what is signed with them
 *   out    out: the TPM's part of the evidence (trust/attest.h: AK,
 *          TPMS_ATTEST, TPMT_SIGNATURE, values of the PCRs); `size` bytes,
 *          SM_ATTEST_QUOTE_MAX are enough
 *   len    out: bytes used
 *   why    out: `why_size` bytes, what is wrong and what to do ("" on
 *          success)
 * Returns 0; SM_STATE when the key is of another TPM, this one was cleared
 * since it was made, or there is no SHA-256 bank; SM_BUSY when the PCRs did not hold still; or as sm_tpm_rc().
 */
int sm_tpm_quote(struct sm_tpm *tpm, const struct sm_attestation_key *key,
                 const uint8_t extra[static SM_ATTEST_EXTRA_LEN],
                 uint8_t *out, size_t size, size_t *len,
                 char *why, size_t why_size) SM_WARN_UNUSED;

#endif
