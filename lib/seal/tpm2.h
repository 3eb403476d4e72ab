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

/* What the TPM keeps of one object: its two halves, the private one encrypted
 * for the storage key. */
struct sm_tpm2_blobs {
    TPM2B_PUBLIC public;
    TPM2B_PRIVATE private;
};

/* blob TPM2B_PUBLIC · blob TPM2B_PRIVATE, as TPM 2.0 part 2 has them */
int sm_tpm2_put_blobs(const struct sm_tpm2_blobs *b,
                      struct sm_wire_writer *w) SM_WARN_UNUSED;
/* Leaves the reader behind them.  Returns 0 or SM_SEAL. */
int sm_tpm2_get_blobs(struct sm_wire_reader *r, struct sm_tpm2_blobs *out)
    SM_WARN_UNUSED;

/* ---- the PIN ---- */

#define SM_TPM2_AUTH_LEN SM_TPM_HASH_LEN

struct sm_tpm2_pin {
    uint8_t *bytes;             /* locked; NULL: not known */
    size_t len;
    bool refused;               /* by the TPM: not to be sent again */
    bool asked;                 /* a person gave it */
    sm_seal_ask_fn *ask;
    void *ask_ctx;
};

/* Read it when there is a file; ask for it when new objects get one. */
int sm_tpm2_pin_obtain(struct sm_tpm2_pin *pin,
                       const struct sm_seal_source *source, char *why,
                       size_t why_size) SM_WARN_UNUSED;

/* Before one is used to open: ask for it when it is not known.  Returns
 * SM_SEAL when there is none, when the TPM has refused it before, or when it
 * comes from a file and would lock the TPM if it were wrong. */
int sm_tpm2_pin_need(struct sm_tpm2_pin *pin, struct sm_tpm *tpm, char *why,
                     size_t why_size) SM_WARN_UNUSED;

/* The authorization value of the TPM object; the caller's to wipe. */
void sm_tpm2_pin_auth(const struct sm_tpm2_pin *pin, TPM2B_AUTH *out);

void sm_tpm2_pin_free(struct sm_tpm2_pin *pin);

/* ---- policies ---- */

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
