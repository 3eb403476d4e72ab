/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The storage key. */
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "tpm/internal.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define PERSISTENT 0x81000001u      /* where a provisioned SRK is kept */

#define OWNED "the TPM's owner has a password, so that the storage key " \
    "cannot be made anew each time: make it persistent once " \
    "(tpm2_createprimary -C o -P PASSWORD -G ecc256 -g sha256 -a '" \
    "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted" \
    "|decrypt' -c srk.ctx && tpm2_evictcontrol -C o -P PASSWORD -c srk.ctx " \
    "0x81000001)"

#define ATTRIBUTES (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | \
                    TPMA_OBJECT_SENSITIVEDATAORIGIN | \
                    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | \
                    TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

/* What tpm2_createprimary makes with the attributes of the message below. */
static const TPM2B_PUBLIC template = {
    .publicArea = {
        .type = TPM2_ALG_ECC,
        .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = ATTRIBUTES,
        .parameters.eccDetail = {
            .symmetric = {
                .algorithm = TPM2_ALG_AES,
                .keyBits.aes = 128,
                .mode.aes = TPM2_ALG_CFB,
            },
            .scheme.scheme = TPM2_ALG_NULL,
            .curveID = TPM2_ECC_NIST_P256,
            .kdf.scheme = TPM2_ALG_NULL,
        },
    },
};

/* Whether a key that somebody made persistent can be a parent, and its
 * secrets never left a TPM. */
static bool is_storage_key(const TPM2B_PUBLIC *public)
{
    const TPMA_OBJECT must = TPMA_OBJECT_FIXEDTPM |
        TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
        TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
    TPMA_OBJECT has = public->publicArea.objectAttributes;

    return (public->publicArea.type == TPM2_ALG_ECC ||
            public->publicArea.type == TPM2_ALG_RSA) &&
           public->publicArea.nameAlg == TPM2_ALG_SHA256 &&
           (has & must) == must && !(has & TPMA_OBJECT_SIGN_ENCRYPT) &&
           (has & TPMA_OBJECT_USERWITHAUTH);
}

/* The persistent one, when there is a fit one: *handle, else ESYS_TR_NONE. */
static int persistent(struct sm_tpm *tpm, ESYS_TR *handle, uint8_t *name,
                      char *why, size_t why_size)
{
    TPM2B_PUBLIC *public = NULL;
    TSS2_RC tss;
    int rc;

    *handle = ESYS_TR_NONE;
    tss = Esys_TR_FromTPMPublic(tpm->esys, PERSISTENT, ESYS_TR_NONE,
                                ESYS_TR_NONE, ESYS_TR_NONE, handle);
    if (sm_tpm_code(tss) == TPM2_RC_HANDLE ||
        sm_tpm_code(tss) == TPM2_RC_VALUE) {
        *handle = ESYS_TR_NONE;
        return 0;
    }
    if (!tss)
        tss = Esys_ReadPublic(tpm->esys, *handle, ESYS_TR_NONE, ESYS_TR_NONE,
                              ESYS_TR_NONE, &public, NULL, NULL);
    else
        *handle = ESYS_TR_NONE;
    rc = sm_tpm_rc(tpm, tss, "read its storage key", why, why_size);
    if (*handle != ESYS_TR_NONE &&
        (rc || !is_storage_key(public) || sm_tpm_name(public, name)))
        Esys_TR_Close(tpm->esys, handle);
    Esys_Free(public);
    return rc;
}

/* The primary of the template; *owned: the owner has a password. */
static int create(struct sm_tpm *tpm, ESYS_TR *handle, uint8_t *name,
                  bool *owned, char *why, size_t why_size)
{
    TPM2B_SENSITIVE_CREATE nothing = { 0 };
    TPM2B_DATA outside = { 0 };
    TPML_PCR_SELECTION pcrs = { 0 };
    TPM2B_PUBLIC *public = NULL;
    TSS2_RC tss;
    int rc;

    *handle = ESYS_TR_NONE;
    tss = Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
                             ESYS_TR_NONE, ESYS_TR_NONE, &nothing, &template,
                             &outside, &pcrs, handle, &public, NULL, NULL,
                             NULL);
    if (tss)
        *handle = ESYS_TR_NONE;
    *owned = sm_tpm_code(tss) == TPM2_RC_BAD_AUTH ||
             sm_tpm_code(tss) == TPM2_RC_AUTH_FAIL;
    rc = *owned ? 0 : sm_tpm_rc(tpm, tss, "make its storage key", why,
                                why_size);
    if (!rc && !*owned && sm_tpm_name(public, name)) {
        WHY("the TPM made a key other than the one asked for");
        sm_tpm_flush(tpm, handle);
        rc = SM_STATE;
    }
    Esys_Free(public);
    return rc;
}

static int find(struct sm_tpm *tpm, const uint8_t *pinned, char *why,
                size_t why_size)
{
    uint8_t kept_name[SM_TPM_HASH_LEN], name[SM_TPM_HASH_LEN];
    ESYS_TR kept, made = ESYS_TR_NONE;
    bool owned = false, is_kept;
    int rc;

    rc = persistent(tpm, &kept, kept_name, why, why_size);
    if (rc)
        return rc;
    is_kept = kept != ESYS_TR_NONE && pinned &&
              sm_secret_equal(kept_name, pinned, SM_TPM_HASH_LEN);
    if (!is_kept) {
        rc = create(tpm, &made, name, &owned, why, why_size);
        if (rc)
            goto out;
        is_kept = owned && kept != ESYS_TR_NONE && !pinned;
    }
    if (!is_kept && owned && kept == ESYS_TR_NONE) {
        WHY(OWNED);
        rc = SM_STATE;
        goto out;
    }
    if (!is_kept && pinned &&
        (owned || !sm_secret_equal(name, pinned, SM_TPM_HASH_LEN))) {
        WHY("sealed by another TPM, or this one was cleared since: the way "
            "back is a recovery copy (secmig seal restore), or to begin anew "
            "(secmig(1), 'The loss of a TPM')");
        rc = SM_SEAL;
        goto out;
    }
    tpm->storage_persistent = is_kept;
    tpm->storage = is_kept ? kept : made;
    memcpy(tpm->storage_name, is_kept ? kept_name : name, SM_TPM_HASH_LEN);
    if (is_kept)
        kept = ESYS_TR_NONE;
    made = ESYS_TR_NONE;
out:
    if (kept != ESYS_TR_NONE)
        Esys_TR_Close(tpm->esys, &kept);
    sm_tpm_flush(tpm, &made);
    return rc;
}

int sm_tpm_storage_primary(struct sm_tpm *tpm, const uint8_t *pinned,
                           ESYS_TR *out,
                           uint8_t name[static SM_TPM_HASH_LEN],
                           char *why, size_t why_size)
{
    int rc;

    *out = ESYS_TR_NONE;
    WHY("%s", "");
    /* One is kept for the connection; another one that is asked for by its
     * Name takes its place. */
    if (tpm->storage != ESYS_TR_NONE && pinned &&
        !sm_secret_equal(tpm->storage_name, pinned, SM_TPM_HASH_LEN)) {
        if (tpm->storage_persistent)
            Esys_TR_Close(tpm->esys, &tpm->storage);
        else
            sm_tpm_flush(tpm, &tpm->storage);
        tpm->storage = ESYS_TR_NONE;
    }
    if (tpm->storage == ESYS_TR_NONE) {
        rc = find(tpm, pinned, why, why_size);
        if (rc)
            return rc;
    }
    *out = tpm->storage;
    memcpy(name, tpm->storage_name, SM_TPM_HASH_LEN);
    return 0;
}
