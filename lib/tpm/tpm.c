/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tpm/tpm.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <tss2/tss2_mu.h>

#include "base/secret.h"
#include "tpm/internal.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define STACK_WIPED (64 * 1024)     /* more than ESAPI's deepest call */

ESYS_CONTEXT *sm_tpm_esys(struct sm_tpm *tpm)
{
    return tpm->esys;
}

/* ---- opening ---- */

/* Whether what answers is a TPM 2.0: its family, "2.0" as four bytes. */
static int check_family(struct sm_tpm *tpm, char *why, size_t why_size)
{
    TPMS_CAPABILITY_DATA *data = NULL;
    TPMI_YES_NO more;
    TSS2_RC tss;
    int rc;

    tss = Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE,
                             ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES,
                             TPM2_PT_FAMILY_INDICATOR, 1, &more, &data);
    rc = sm_tpm_rc(tpm, tss, "begin", why, why_size);
    if (!rc && (data->data.tpmProperties.count < 1 ||
                data->data.tpmProperties.tpmProperty[0].value !=
                    TPM2_SPEC_FAMILY)) {
        WHY("what answers at %s is no TPM 2.0", tpm->name);
        rc = SM_STATE;
    }
    Esys_Free(data);
    return rc;
}

/*
 * ESAPI keeps auth values and decrypted answers on the ordinary heap: no page
 * of this process is to be swapped out.  Only where no limit is left, as for
 * root: with one, a later allocation could fail because of this.
 */
static void lock_memory(void)
{
    struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

    if (!setrlimit(RLIMIT_MEMLOCK, &none))
        (void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

int sm_tpm_open(const char *tcti, int timeout_ms, struct sm_tpm **out,
                char *why, size_t why_size)
{
    struct sm_tpm *tpm = NULL;
    TSS2_RC tss;
    int rc;

    *out = NULL;
    WHY("%s", "");
    if (!tcti)
        tcti = SM_TPM_DEFAULT;
    tpm = calloc(1, sizeof(*tpm));
    if (!tpm) {
        WHY("out of memory");
        return SM_NO_MEMORY;
    }
    tpm->storage = ESYS_TR_NONE;
    snprintf(tpm->name, sizeof(tpm->name), "%s", tcti);
    /* Its warnings are about answers that are judged here, and what it
     * traces are secrets: whatever the environment says. */
    if (setenv("TSS2_LOG", "all+NONE", 1)) {
        WHY("out of memory");
        rc = SM_NO_MEMORY;
        goto out;
    }
    lock_memory();
    /* ESAPI's cryptography would read openssl.cnf when it is first used. */
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    rc = sm_tpm_tcti_open(&tpm->tcti, tcti,
                          timeout_ms > 0 ? timeout_ms : SM_TPM_TIMEOUT, why,
                          why_size);
    if (rc)
        goto out;
    tss = Esys_Initialize(&tpm->esys, (TSS2_TCTI_CONTEXT *)&tpm->tcti, NULL);
    rc = sm_tpm_rc(tpm, tss, "begin", why, why_size);
    if (!rc)
        rc = check_family(tpm, why, why_size);
    if (rc)
        goto out;
    *out = tpm;
    tpm = NULL;
out:
    sm_tpm_close(tpm);
    return rc;
}

void sm_tpm_close(struct sm_tpm *tpm)
{
    if (!tpm)
        return;
    if (tpm->esys) {
        if (tpm->storage_persistent)
            Esys_TR_Close(tpm->esys, &tpm->storage);
        else
            sm_tpm_flush(tpm, &tpm->storage);
        sm_tpm_wipe(tpm);
        Esys_Finalize(&tpm->esys);
    }
    sm_tpm_tcti_close(&tpm->tcti);
    free(tpm);
}

void sm_tpm_flush(struct sm_tpm *tpm, ESYS_TR *handle)
{
    /* What cannot be flushed goes with the connection, or the TPM. */
    if (*handle != ESYS_TR_NONE)
        (void)Esys_FlushContext(tpm->esys, *handle);
    *handle = ESYS_TR_NONE;
}

void sm_tpm_wipe(struct sm_tpm *tpm)
{
    /* ESAPI decrypts an answer in place, in the buffer that it gave to its
     * TCTI: ours.  That lives as long as the context. */
    if (tpm->tcti.answer)
        sm_secret_wipe(tpm->tcti.answer, tpm->tcti.answer_size);
    sm_secret_wipe(tpm->tcti.response, sizeof(tpm->tcti.response));
    sodium_stackzero(STACK_WIPED);
}

void sm_tpm_wipe_copies(struct sm_tpm *tpm, const void *secret, size_t len)
{
    uint8_t *at = (uint8_t *)tpm->esys, *found;
    size_t left = malloc_usable_size(tpm->esys);

    while (left >= len && (found = memmem(at, left, secret, len))) {
        sm_secret_wipe(found, len);
        left -= (size_t)(found - at) + len;
        at = found + len;
    }
    sm_tpm_wipe(tpm);
}

/* ---- small things ---- */

int sm_tpm_property(struct sm_tpm *tpm, TPM2_PT property, uint32_t *out)
{
    TPMS_CAPABILITY_DATA *data = NULL;
    const TPML_TAGGED_TPM_PROPERTY *list;
    TPMI_YES_NO more;
    int found = 0;

    *out = 0;
    if (Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE,
                           ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES, property,
                           1, &more, &data))
        return 0;
    list = &data->data.tpmProperties;
    /* The first one that it has from there on: perhaps another. */
    if (list->count && list->tpmProperty[0].property == property) {
        *out = list->tpmProperty[0].value;
        found = 1;
    }
    Esys_Free(data);
    return found;
}

int sm_tpm_name(const TPM2B_PUBLIC *public,
                uint8_t name[static SM_TPM_HASH_LEN])
{
    uint8_t area[sizeof(TPMT_PUBLIC)];
    size_t len = 0;

    if (public->publicArea.nameAlg != TPM2_ALG_SHA256 ||
        Tss2_MU_TPMT_PUBLIC_Marshal(&public->publicArea, area, sizeof(area),
                                    &len))
        return SM_SEAL;
    crypto_hash_sha256(name, area, len);
    return 0;
}

int sm_tpm_salted_session(struct sm_tpm *tpm, ESYS_TR key, TPM2_SE type,
                          ESYS_TR *out, char *why, size_t why_size)
{
    TPMT_SYM_DEF aes = {
        .algorithm = TPM2_ALG_AES,
        .keyBits.aes = 128,
        .mode.aes = TPM2_ALG_CFB,
    };
    TPMA_SESSION flags = TPMA_SESSION_CONTINUESESSION |
                         TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;
    TSS2_RC tss;

    *out = ESYS_TR_NONE;
    tss = Esys_StartAuthSession(tpm->esys, key, ESYS_TR_NONE, ESYS_TR_NONE,
                                ESYS_TR_NONE, ESYS_TR_NONE, NULL, type, &aes,
                                TPM2_ALG_SHA256, out);
    if (!tss)
        tss = Esys_TRSess_SetAttributes(tpm->esys, *out, flags, 0xff);
    else
        *out = ESYS_TR_NONE;
    if (tss)
        sm_tpm_flush(tpm, out);
    return sm_tpm_rc(tpm, tss, "start a session", why, why_size);
}
