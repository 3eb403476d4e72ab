/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tpm/credential.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "tpm/endorsement.h"
#include "tpm/esys.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

int sm_credential_make(struct sm_tpm *tpm, const TPMT_PUBLIC *ek,
                       const uint8_t ak[static SM_TPM_KEY_NAME_LEN],
                       const uint8_t secret[static SM_ENROLMENT_SECRET_LEN],
                       struct sm_enrolment_challenge *out,
                       char *why, size_t why_size)
{
    TPM2B_NAME whole = { .size = 2 + SM_TPM_KEY_NAME_LEN,
                         .name = { TPM2_ALG_SHA256 >> 8,
                                   TPM2_ALG_SHA256 & 0xff } };
    TPM2B_PUBLIC public = { .publicArea = *ek };
    TPM2B_DIGEST told = { .size = SM_ENROLMENT_SECRET_LEN };
    TPM2B_ENCRYPTED_SECRET *seed = NULL;
    TPM2B_ID_OBJECT *blob = NULL;
    ESYS_TR key = ESYS_TR_NONE;
    TSS2_RC tss;
    int rc;

    tss = Esys_LoadExternal(sm_tpm_esys(tpm), ESYS_TR_NONE, ESYS_TR_NONE,
                            ESYS_TR_NONE, NULL, &public, ESYS_TR_RH_NULL,
                            &key);
    if (tss)
        key = ESYS_TR_NONE;
    rc = sm_tpm_rc(tpm, tss, "load the endorsement key of the other TPM",
                   why, why_size);
    if (rc)
        return rc;
    memcpy(whole.name + 2, ak, SM_TPM_KEY_NAME_LEN);
    memcpy(told.buffer, secret, SM_ENROLMENT_SECRET_LEN);
    tss = Esys_MakeCredential(sm_tpm_esys(tpm), key, ESYS_TR_NONE,
                              ESYS_TR_NONE, ESYS_TR_NONE, &told, &whole,
                              &blob, &seed);
    sm_secret_wipe(&told, sizeof(told));
    rc = sm_tpm_rc(tpm, tss, "make a credential", why, why_size);
    if (!rc && (blob->size > sizeof(out->credential) ||
                seed->size > sizeof(out->secret))) {
        WHY("the TPM made a credential that is too long");
        rc = SM_FAIL;
    }
    if (!rc) {
        memcpy(out->credential, blob->credential, blob->size);
        out->credential_len = blob->size;
        memcpy(out->secret, seed->secret, seed->size);
        out->secret_len = seed->size;
    }
    Esys_Free(blob);
    Esys_Free(seed);
    sm_tpm_flush(tpm, &key);
    sm_tpm_wipe(tpm);
    return rc;
}

/* What a TPM answers to a credential that is not for it or was changed. */
static bool not_for_us(TSS2_RC tss)
{
    switch (sm_tpm_code(tss)) {
    case TPM2_RC_INTEGRITY:     /* another AK, or another EK's seed */
    case TPM2_RC_VALUE:         /* RSA: does not decrypt */
    case TPM2_RC_FAILURE:       /* the same with libtpms; a TPM that has
                                 * really failed would not have loaded keys */
    case TPM2_RC_SIZE:
    case TPM2_RC_INSUFFICIENT:
    case TPM2_RC_ECC_POINT:
    case TPM2_RC_TYPE:
        return true;
    default:
        return false;
    }
}

int sm_credential_activate(struct sm_tpm *tpm,
                           const struct sm_attestation_key *key,
                           TPM2_ALG_ID ek_alg,
                           const struct sm_enrolment_challenge *challenge,
                           uint8_t secret[static SM_ENROLMENT_SECRET_LEN],
                           char *why, size_t why_size)
{
    TPM2B_ID_OBJECT blob = { .size = (uint16_t)challenge->credential_len };
    TPM2B_ENCRYPTED_SECRET seed = { .size = (uint16_t)challenge->secret_len };
    ESYS_TR ek = ESYS_TR_NONE, ak = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TPM2B_DIGEST *told = NULL;
    TPM2B_PUBLIC public;
    TSS2_RC tss;
    int rc;

    rc = sm_attestation_key_load(tpm, key, &ak, why, why_size);
    if (!rc)
        rc = sm_endorsement_load(tpm, ek_alg, &public, &ek, why, why_size);
    if (!rc)
        rc = sm_endorsement_session(tpm, ek, &session, why, why_size);
    if (rc)
        goto out;
    memcpy(blob.credential, challenge->credential,
           challenge->credential_len);
    memcpy(seed.secret, challenge->secret, challenge->secret_len);
    tss = Esys_ActivateCredential(sm_tpm_esys(tpm), ak, ek, ESYS_TR_PASSWORD,
                                  session, ESYS_TR_NONE, &blob, &seed, &told);
    if (not_for_us(tss)) {
        WHY("this TPM cannot answer: the challenge is for another TPM or "
            "another attestation key, or it was changed on its way");
        rc = SM_AUTH;
    } else {
        rc = sm_tpm_rc(tpm, tss, "answer the challenge", why, why_size);
    }
    if (!rc && told->size != SM_ENROLMENT_SECRET_LEN) {
        WHY("the challenge holds no secret of ours");
        rc = SM_AUTH;
    }
    if (!rc)
        memcpy(secret, told->buffer, SM_ENROLMENT_SECRET_LEN);
out:
    if (told)
        sm_secret_wipe(told, sizeof(*told));
    Esys_Free(told);
    sm_tpm_flush(tpm, &session);
    sm_tpm_flush(tpm, &ak);
    sm_endorsement_release(tpm, &ek);
    sm_tpm_wipe(tpm);
    return rc;
}
