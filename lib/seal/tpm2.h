/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parts of the backend `tpm2`: what it writes in front of a wrapped key, and
 * the TPM's policy over it.  Inside lib/seal only.
 */
#ifndef SM_SEAL_TPM2_H
#define SM_SEAL_TPM2_H

#include "base/wire.h"
#include "seal/approval.h"
#include "seal/backend.h"
#include "tpm/esys.h"

#define SM_TPM2_PIN 1u          /* the TPM object has one */
#define SM_TPM2_UPDATABLE 2u
#define SM_TPM2_FLAGS 3u

struct sm_tpm2_params {
    uint8_t flags;
    uint8_t parent[SM_TPM_HASH_LEN];    /* Name of the storage key */
    uint32_t pcrs;
    uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];     /* those of pcrs */
    struct sm_update_key update;        /* when updatable */
};

/*
 * u8 flags · Name of the storage key[32] · u32 PCRs · their values, 32 bytes
 * each · x[32], y[32] of the update key, when updatable
 */
void sm_tpm2_put_params(const struct sm_tpm2_params *p,
                        struct sm_wire_writer *w);
/* Returns 0 or SM_SEAL. */
int sm_tpm2_get_params(struct sm_seal_bytes bytes, struct sm_tpm2_params *p)
    SM_WARN_UNUSED;

/* The digest of TPM2_PolicyPCR alone (part 3, 23.7). */
void sm_tpm2_pcr_policy(uint32_t pcrs,
                        const uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN],
                        uint8_t out[static SM_TPM_HASH_LEN]);

/* policyRef of approvals. */
void sm_tpm2_policy_ref(uint8_t out[static SM_TPM_HASH_LEN]);

/* Public area of an update key, as its Name is made of. */
void sm_tpm2_update_public(const struct sm_update_key *key,
                           TPM2B_PUBLIC *out);

/* The policy of an object with these parameters (part 3, 23). */
int sm_tpm2_auth_policy(const struct sm_tpm2_params *p,
                        uint8_t out[static SM_TPM_HASH_LEN])
    SM_WARN_UNUSED;

/*
 * Bring a policy session to that policy.
 *   approvals  those that were found
 * Returns 0; SM_SEAL when the PCRs fit neither the object nor an approval,
 * with their numbers; else as sm_tpm_rc().
 */
int sm_tpm2_satisfy(struct sm_tpm *tpm, ESYS_TR session,
                    const struct sm_tpm2_params *p,
                    const struct sm_approval *approvals, size_t count,
                    char *why, size_t why_size) SM_WARN_UNUSED;

#endif
