/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The attestation key (AK) of a host: ECDSA P-256 with SHA-256, restricted to
 * sign what the TPM itself has made, a child of the TPM's endorsement key
 * (EK; TCG EK Credential Profile for TPM 2.0, templates L-1 and L-2).
 *
 * Its file, STATE/attestation-key (mode 0600), holds both halves, the private
 * one encrypted by the TPM: it is of no use to any other TPM, and no secret.
 *
 *     "SMAK", u16 version (1), EK's Name[32], blob TPM2B_PUBLIC of the EK,
 *     blob TPM2B_PUBLIC, blob TPM2B_PRIVATE           (base/wire.h)
 *
 * The TPM checks that the halves belong together and are its own.
 */
#ifndef SM_TPM_ATTESTATION_KEY_H
#define SM_TPM_ATTESTATION_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tss2/tss2_esys.h>

#include "base/err.h"

struct sm_tpm;

#define SM_ATTESTATION_KEY_MAX 4096     /* bytes of the file */

struct sm_attestation_key {
    TPM2B_PUBLIC ek;            /* its parent */
    TPM2B_PUBLIC public_half;
    TPM2B_PRIVATE private_half; /* encrypted by the TPM */
};

/*
 * Make a new key in the TPM.
 *   out  to be kept with sm_attestation_key_write()
 *   why  out: `why_size` bytes, what is wrong and what to do
 * Returns 0 or as sm_tpm_rc() (tpm/tpm.h).
 */
int sm_attestation_key_make(struct sm_tpm *tpm,
                            struct sm_attestation_key *out,
                            char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Read the file, which is checked as any private one (base/file.h); no TPM is
 * needed.  Returns 0; SM_STATE when it is missing (errno ENOENT), unsafe or
 * damaged; SM_IO; SM_NO_MEMORY.
 */
int sm_attestation_key_read(const char *path, struct sm_attestation_key *out,
                            char *why, size_t why_size) SM_WARN_UNUSED;

/* Write a new file; never over one that is there.  Returns 0, SM_STATE when
 * it exists, SM_IO, SM_NO_MEMORY. */
int sm_attestation_key_write(const char *path,
                             const struct sm_attestation_key *key,
                             char *why, size_t why_size) SM_WARN_UNUSED;

#endif
