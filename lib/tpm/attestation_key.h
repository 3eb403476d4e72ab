/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The attestation key (AK) of a host: ECDSA P-256 with SHA-256, restricted to
 * sign what the TPM itself has made, a child of the TPM's ECC endorsement key
 * (tpm/endorsement.h): in that hierarchy quotes tell the reset counters as
 * they are, and the parent is derived in no time, which an RSA one is not.
 * The endorsement key that it is enrolled with may be the other one.
 *
 * Its file, STATE/attestation-key (mode 0600), holds both halves, the private
 * one encrypted by the TPM: it is of no use to any other TPM, and no secret.
 * The TPM checks that the halves belong together and are its own.
 */
#ifndef SM_TPM_ATTESTATION_KEY_H
#define SM_TPM_ATTESTATION_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tss2/tss2_esys.h>

#include "base/err.h"
#include "tpm/tpm.h"

#define SM_ATTESTATION_KEY_MAX 4096     /* bytes of the file */

struct sm_attestation_key {
    TPM2B_PUBLIC parent;
    TPM2B_PUBLIC public_half;
    TPM2B_PRIVATE private_half; /* encrypted by the TPM */
};

/*
 * Make a new key in the TPM.
 *   out  to be kept with sm_attestation_key_write()
 *   why  out: `why_size` bytes, what is wrong and what to do
 * Returns 0, SM_STATE when the TPM makes none that is fit, or as sm_tpm_rc()
 * (tpm/esys.h).
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

/*
 * Load a key into the TPM.
 *   handle  out: to be flushed with sm_tpm_flush()
 * Returns 0; SM_STATE when the key is of another TPM, or this one was cleared
 * since it was made; or as sm_tpm_rc().
 */
int sm_attestation_key_load(struct sm_tpm *tpm,
                            const struct sm_attestation_key *key,
                            ESYS_TR *handle, char *why,
                            size_t why_size) SM_WARN_UNUSED;

#endif
