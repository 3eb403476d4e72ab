/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading PCRs, and digests over them. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "tpm/internal.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define ATTEMPTS 5          /* to read all while none changes */

void sm_tpm_pcr_selection(uint32_t mask, TPML_PCR_SELECTION *out)
{
    memset(out, 0, sizeof(*out));
    out->count = 1;
    out->pcrSelections[0].hash = TPM2_ALG_SHA256;
    out->pcrSelections[0].sizeofSelect = SM_TPM_PCRS / 8;
    out->pcrSelections[0].pcrSelect[0] = (uint8_t)mask;
    out->pcrSelections[0].pcrSelect[1] = (uint8_t)(mask >> 8);
    out->pcrSelections[0].pcrSelect[2] = (uint8_t)(mask >> 16);
}

void sm_tpm_pcr_digest(uint32_t mask,
                       const uint8_t pcr[SM_TPM_PCRS][SM_TPM_HASH_LEN],
                       uint8_t out[static SM_TPM_HASH_LEN])
{
    crypto_hash_sha256_state h;
    unsigned int i;

    crypto_hash_sha256_init(&h);
    for (i = 0; i < SM_TPM_PCRS; i++)
        if (mask >> i & 1)
            crypto_hash_sha256_update(&h, pcr[i], SM_TPM_HASH_LEN);
    crypto_hash_sha256_final(&h, out);
}

/* The PCRs that a selection names in the SHA-256 bank. */
static uint32_t selected(const TPML_PCR_SELECTION *list)
{
    uint32_t mask = 0, i, j;

    for (i = 0; i < list->count; i++) {
        if (list->pcrSelections[i].hash != TPM2_ALG_SHA256)
            continue;
        for (j = 0; j < list->pcrSelections[i].sizeofSelect && j < 3; j++)
            mask |= (uint32_t)list->pcrSelections[i].pcrSelect[j] << 8 * j;
    }
    return mask;
}

/* Put the values of an answer in place.  Returns which they were; 0 when it
 * does not add up. */
static uint32_t take_values(const TPML_PCR_SELECTION *which,
                            const TPML_DIGEST *values, uint32_t wanted,
                            uint8_t pcr[][SM_TPM_HASH_LEN])
{
    uint32_t got = selected(which) & wanted, i, at = 0;

    for (i = 0; i < SM_TPM_PCRS; i++) {
        if (!(got >> i & 1))
            continue;
        if (at == values->count || values->digests[at].size != SM_TPM_HASH_LEN)
            return 0;
        memcpy(pcr[i], values->digests[at++].buffer, SM_TPM_HASH_LEN);
    }
    return at == values->count ? got : 0;
}

/* Read all, eight at a time as a TPM tells them.  *moved: one was extended
 * in between. */
static int read_once(struct sm_tpm *tpm, uint8_t pcr[][SM_TPM_HASH_LEN],
                     bool *moved, char *why, size_t why_size)
{
    uint32_t left = SM_TPM_PCR_MASK, counter = 0, first = 0, got;
    TPML_PCR_SELECTION ask, *which;
    TPML_DIGEST *values;
    TSS2_RC tss;
    int rc;

    *moved = false;
    while (left) {
        which = NULL;
        values = NULL;
        sm_tpm_pcr_selection(left, &ask);
        tss = Esys_PCR_Read(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE,
                            ESYS_TR_NONE, &ask, &counter, &which, &values);
        rc = sm_tpm_rc(tpm, tss, "read PCRs", why, why_size);
        if (rc)
            return rc;
        got = take_values(which, values, left, pcr);
        Esys_Free(which);
        Esys_Free(values);
        if (!got) {
            WHY("the TPM measures no PCRs with SHA-256: its bank is off "
                "(firmware's settings, or tpm2_pcrallocate sha256:all and a "
                "reboot)");
            return SM_STATE;
        }
        if (left == SM_TPM_PCR_MASK)
            first = counter;
        left &= ~got;
    }
    *moved = counter != first;
    return 0;
}

int sm_tpm_pcr_read(struct sm_tpm *tpm,
                    uint8_t pcr[static SM_TPM_PCRS][SM_TPM_HASH_LEN],
                    char *why, size_t why_size)
{
    bool moved;
    int rc, i;

    for (i = 0; i < ATTEMPTS; i++) {
        rc = read_once(tpm, pcr, &moved, why, why_size);
        if (rc || !moved)
            return rc;
    }
    WHY("the TPM's PCRs do not hold still: try again");
    return SM_BUSY;
}
