/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tpm/endorsement.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "trust/tpm_key.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define NV_RSA 0x01c00002u      /* certificates: EK Credential Profile, */
#define NV_ECC 0x01c0000au      /* 2.2.1.4 */
#define NV_CHUNK 512            /* bytes that any TPM reads at once */

/* Where makers and provisioning keep EKs. */
static const TPM2_HANDLE persistent[] = { 0x81010001u, 0x81010002u };

/* Whether the TPM has something at a handle; *rc is 0 or an error. */
static bool look_up(struct sm_tpm *tpm, TPM2_HANDLE at, const char *doing,
                    ESYS_TR *handle, int *rc, char *why, size_t why_size)
{
    TSS2_RC tss;

    tss = Esys_TR_FromTPMPublic(sm_tpm_esys(tpm), at, ESYS_TR_NONE,
                                ESYS_TR_NONE, ESYS_TR_NONE, handle);
    *rc = 0;
    if (!tss)
        return true;
    *handle = ESYS_TR_NONE;
    if (sm_tpm_code(tss) != TPM2_RC_HANDLE &&
        sm_tpm_code(tss) != TPM2_RC_VALUE)
        *rc = sm_tpm_rc(tpm, tss, doing, why, why_size);
    return false;
}

static int find_persistent(struct sm_tpm *tpm, TPM2_ALG_ID alg,
                           TPM2B_PUBLIC *public, ESYS_TR *handle,
                           char *why, size_t why_size)
{
    TPM2B_PUBLIC *read = NULL;
    TSS2_RC tss;
    size_t i;
    int rc;

    for (i = 0; i < sizeof(persistent) / sizeof(persistent[0]); i++) {
        if (!look_up(tpm, persistent[i], "look for its endorsement key",
                     handle, &rc, why, why_size)) {
            if (rc)
                return rc;
            continue;
        }
        tss = Esys_ReadPublic(sm_tpm_esys(tpm), *handle, ESYS_TR_NONE,
                              ESYS_TR_NONE, ESYS_TR_NONE, &read, NULL, NULL);
        rc = sm_tpm_rc(tpm, tss, "read its endorsement key", why, why_size);
        if (!rc && read->publicArea.type == alg &&
            !sm_tpm_key_ek_problem(&read->publicArea)) {
            *public = *read;
            Esys_Free(read);
            return 0;
        }
        Esys_Free(read);
        read = NULL;
        Esys_TR_Close(sm_tpm_esys(tpm), handle);
        *handle = ESYS_TR_NONE;
        if (rc)
            return rc;
    }
    return 0;
}

static int derive(struct sm_tpm *tpm, TPM2_ALG_ID alg, TPM2B_PUBLIC *public,
                  ESYS_TR *handle, char *why, size_t why_size)
{
    TPM2B_SENSITIVE_CREATE nothing = { 0 };
    TPM2B_PUBLIC template = { 0 }, *made = NULL;
    TPM2B_DATA outside = { 0 };
    TPML_PCR_SELECTION pcrs = { 0 };
    TSS2_RC tss;
    int rc;

    sm_tpm_key_ek_template(alg, &template.publicArea);
    tss = Esys_CreatePrimary(sm_tpm_esys(tpm), ESYS_TR_RH_ENDORSEMENT,
                             ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                             &nothing, &template, &outside, &pcrs, handle,
                             &made, NULL, NULL, NULL);
    if (sm_tpm_code(tss) == TPM2_RC_BAD_AUTH ||
        sm_tpm_code(tss) == TPM2_RC_AUTH_FAIL) {
        *handle = ESYS_TR_NONE;
        WHY("the TPM's endorsement hierarchy has a password, without which "
            "its endorsement key cannot be used: take it away "
            "(tpm2_changeauth -c e -p PASSWORD)");
        return SM_STATE;
    }
    rc = sm_tpm_rc(tpm, tss, "derive its endorsement key", why, why_size);
    if (rc)
        *handle = ESYS_TR_NONE;
    else
        *public = *made;
    Esys_Free(made);
    return rc;
}

int sm_endorsement_load(struct sm_tpm *tpm, TPM2_ALG_ID alg,
                        TPM2B_PUBLIC *public, ESYS_TR *handle,
                        char *why, size_t why_size)
{
    int rc;

    *handle = ESYS_TR_NONE;
    memset(public, 0, sizeof(*public));
    WHY("%s", "");
    rc = find_persistent(tpm, alg, public, handle, why, why_size);
    if (!rc && *handle == ESYS_TR_NONE)
        rc = derive(tpm, alg, public, handle, why, why_size);
    return rc;
}

void sm_endorsement_release(struct sm_tpm *tpm, ESYS_TR *handle)
{
    TPM2_HANDLE at = 0;

    if (*handle == ESYS_TR_NONE)
        return;
    if (!Esys_TR_GetTpmHandle(sm_tpm_esys(tpm), *handle, &at) &&
        at >> TPM2_HR_SHIFT == TPM2_HT_PERSISTENT) {
        Esys_TR_Close(sm_tpm_esys(tpm), handle);
        *handle = ESYS_TR_NONE;
        return;
    }
    sm_tpm_flush(tpm, handle);
}

int sm_endorsement_session(struct sm_tpm *tpm, ESYS_TR ek, ESYS_TR *session,
                           char *why, size_t why_size)
{
    TPM2B_TIMEOUT *timeout = NULL;
    TPMT_TK_AUTH *ticket = NULL;
    TPM2B_NONCE nonce = { 0 }, reference = { 0 };
    TPM2B_DIGEST command = { 0 };
    TSS2_RC tss;
    int rc;

    if (*session == ESYS_TR_NONE) {
        rc = sm_tpm_salted_session(tpm, ek, TPM2_SE_POLICY, session, why,
                                   why_size);
        if (rc)
            return rc;
    }
    tss = Esys_PolicySecret(sm_tpm_esys(tpm), ESYS_TR_RH_ENDORSEMENT,
                            *session, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                            ESYS_TR_NONE, &nonce, &command, &reference, 0,
                            &timeout, &ticket);
    Esys_Free(timeout);
    Esys_Free(ticket);
    rc = sm_tpm_rc(tpm, tss, "use its endorsement key", why, why_size);
    if (rc)
        sm_tpm_flush(tpm, session);
    return rc;
}

static int read_nv(struct sm_tpm *tpm, ESYS_TR nv, size_t size, uint8_t *out,
                   char *why, size_t why_size)
{
    TPM2B_MAX_NV_BUFFER *part = NULL;
    size_t at = 0, n;
    TSS2_RC tss;
    int rc;

    while (at < size) {
        n = size - at < NV_CHUNK ? size - at : NV_CHUNK;
        tss = Esys_NV_Read(sm_tpm_esys(tpm), nv, nv, ESYS_TR_PASSWORD,
                           ESYS_TR_NONE, ESYS_TR_NONE, (uint16_t)n,
                           (uint16_t)at, &part);
        rc = sm_tpm_rc(tpm, tss, "read the certificate of its endorsement "
                       "key", why, why_size);
        if (rc)
            return rc;
        if (part->size != n) {
            Esys_Free(part);
            WHY("the TPM gave another number of bytes than asked for");
            return SM_STATE;
        }
        memcpy(out + at, part->buffer, n);
        Esys_Free(part);
        part = NULL;
        at += n;
    }
    return 0;
}

int sm_endorsement_certificate(struct sm_tpm *tpm, TPM2_ALG_ID alg,
                               uint8_t *out, size_t *len,
                               char *why, size_t why_size)
{
    TPM2B_NV_PUBLIC *public = NULL;
    ESYS_TR nv = ESYS_TR_NONE;
    TSS2_RC tss;
    int rc;

    *len = 0;
    WHY("%s", "");
    if (!look_up(tpm, alg == TPM2_ALG_RSA ? NV_RSA : NV_ECC,
                 "look for the certificate of its endorsement key", &nv, &rc,
                 why, why_size))
        return rc;
    tss = Esys_NV_ReadPublic(sm_tpm_esys(tpm), nv, ESYS_TR_NONE, ESYS_TR_NONE,
                             ESYS_TR_NONE, &public, NULL);
    rc = sm_tpm_rc(tpm, tss, "look at the certificate of its endorsement key",
                   why, why_size);
    if (rc)
        goto out;
    /* Defined, but never written or not to be read: as if there was none. */
    if (!(public->nvPublic.attributes & TPMA_NV_WRITTEN) ||
        !(public->nvPublic.attributes & TPMA_NV_AUTHREAD) ||
        public->nvPublic.dataSize > SM_ENDORSEMENT_CERTIFICATE_MAX)
        goto out;
    rc = read_nv(tpm, nv, public->nvPublic.dataSize, out, why, why_size);
    if (!rc)
        *len = public->nvPublic.dataSize;
out:
    Esys_Free(public);
    Esys_TR_Close(sm_tpm_esys(tpm), &nv);
    return rc;
}
