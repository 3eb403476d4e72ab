/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend `tpm2`: the object key is encrypted under 32 random bytes that are
 * sealed in a TPM object of their own.
 *
 * Parameters   tpm2.h
 * Wrapped key  the TPM's object (tpm2.h) · nonce[24] ·
 *              XChaCha20-Poly1305(object key)
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "seal/tpm2.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define ATTEMPTS 5              /* while something extends PCRs */

struct state {
    struct sm_tpm *tpm;
    struct sm_tpm2_pin pin;
    struct sm_approval *approvals;
    size_t approval_count;
    struct sm_tpm2_params fresh;        /* of new objects */
    bool today;                         /* with PCRs as they are */
    int fresh_rc;                       /* why there can be none */
    char fresh_why[512];
};

/* ---- opening ---- */

static void tpm2_close(void *p)
{
    struct state *st = p;

    if (!st)
        return;
    sm_tpm_close(st->tpm);
    sm_tpm2_pin_free(&st->pin);
    free(st->approvals);
    free(st);
}

static int take_fresh(struct state *st, const struct sm_seal_source *source,
                      char *why, size_t why_size)
{
    unsigned int i;

    if (source->pcrs & ~SM_TPM_PCR_MASK) {
        WHY("there are PCRs 0 to 23 only");
        return SM_CONFIG;
    }
    if (source->update_key && !source->pcrs) {
        WHY("an update key approves PCRs, but none are named (--pcrs)");
        return SM_CONFIG;
    }
    st->fresh.pcrs = source->pcrs;
    st->today = source->pcrs && !source->pcr_values;
    for (i = 0; source->pcr_values && i < SM_SEAL_PCRS; i++)
        if (source->pcrs >> i & 1)
            memcpy(st->fresh.pcr[i], source->pcr_values[i], SM_SEAL_PCR_LEN);
    if (source->pin)
        st->fresh.flags |= SM_TPM2_PIN;
    if (source->update_key) {
        st->fresh.flags |= SM_TPM2_UPDATABLE;
        st->fresh.update = *source->update_key;
    }
    return 0;
}

static int tpm2_open(const struct sm_seal_source *source, void **state,
                     char *why, size_t why_size)
{
    struct state *st = NULL;
    int rc;

    st = calloc(1, sizeof(*st));
    if (!st) {
        WHY("out of memory");
        return SM_NO_MEMORY;
    }
    rc = take_fresh(st, source, why, why_size);
    if (!rc)
        rc = sm_tpm2_pin_obtain(&st->pin, source, why, why_size);
    if (!rc && source->approvals_dir)
        rc = sm_approvals_read(source->approvals_dir, &st->approvals,
                               &st->approval_count, why, why_size);
    if (!rc)
        rc = sm_tpm_open(source->tpm, source->tpm_timeout, &st->tpm, why,
                         why_size);
    if (rc)
        tpm2_close(st);
    else
        *state = st;
    return rc;
}

/* ---- parameters ---- */

static void tpm2_put_params(void *state, struct sm_wire_writer *w)
{
    struct state *st = state;
    ESYS_TR parent;

    st->fresh_rc = sm_tpm_storage_primary(st->tpm, NULL, &parent,
                                          st->fresh.parent, st->fresh_why,
                                          sizeof(st->fresh_why));
    if (!st->fresh_rc && st->today)
        st->fresh_rc = sm_tpm_pcr_read(st->tpm, st->fresh.pcr, st->fresh_why,
                                       sizeof(st->fresh_why));
    /* wrap() comes next and tells. */
    if (!st->fresh_rc)
        sm_tpm2_put_params(&st->fresh, w);
}

static int tpm2_check_params(struct sm_seal_bytes bytes,
                             struct sm_seal_info *info, char *why,
                             size_t why_size)
{
    struct sm_tpm2_params p;

    if (sm_tpm2_get_params(bytes, &p)) {
        WHY("damaged (parameters of the TPM)");
        return SM_SEAL;
    }
    info->pcrs = p.pcrs;
    memcpy(info->pcr, p.pcr, sizeof(info->pcr));
    info->pin = p.flags & SM_TPM2_PIN;
    info->updatable = p.flags & SM_TPM2_UPDATABLE;
    info->update_key = p.update;
    memcpy(info->parent, p.parent, sizeof(info->parent));
    return 0;
}

/* ---- the TPM's part ---- */

static int create(struct state *st, const struct sm_tpm2_params *p,
                  ESYS_TR parent, const uint8_t *key,
                  struct sm_tpm2_blobs *out, char *why, size_t why_size)
{
    ESYS_CONTEXT *esys = sm_tpm_esys(st->tpm);
    TPM2B_PRIVATE *private = NULL;
    TPM2B_SENSITIVE_CREATE *secret;
    TPM2B_PUBLIC *public = NULL, template = { 0 };
    TPML_PCR_SELECTION none = { 0 };
    TPM2B_DATA outside = { 0 };
    void *locked = NULL;
    ESYS_TR session;
    int rc;

    rc = sm_secret_new(&locked, sizeof(*secret));
    if (rc) {
        WHY("no locked memory for a key (RLIMIT_MEMLOCK)");
        return rc;
    }
    secret = locked;
    secret->sensitive.data.size = SM_SEAL_KEY_LEN;
    memcpy(secret->sensitive.data.buffer, key, SM_SEAL_KEY_LEN);
    if (p->flags & SM_TPM2_PIN)
        sm_tpm2_pin_auth(&st->pin, &secret->sensitive.userAuth);
    template.publicArea.type = TPM2_ALG_KEYEDHASH;
    template.publicArea.nameAlg = TPM2_ALG_SHA256;
    template.publicArea.objectAttributes =
        TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
        TPMA_OBJECT_ADMINWITHPOLICY |
        (p->flags & SM_TPM2_PIN ? 0 : TPMA_OBJECT_NODA);
    template.publicArea.parameters.keyedHashDetail.scheme.scheme =
        TPM2_ALG_NULL;
    template.publicArea.authPolicy.size = SM_TPM_HASH_LEN;
    rc = sm_tpm2_auth_policy(p, template.publicArea.authPolicy.buffer);
    if (rc) {
        WHY("the update key has no Name");
        goto out;
    }
    rc = sm_tpm_salted_session(st->tpm, parent, TPM2_SE_HMAC, &session, why,
                               why_size);
    if (rc)
        goto out;
    rc = sm_tpm_rc(st->tpm,
                   Esys_Create(esys, parent, session, ESYS_TR_NONE,
                               ESYS_TR_NONE, secret, &template, &outside,
                               &none, &private, &public, NULL, NULL, NULL),
                   "seal a key", why, why_size);
    if (!rc) {
        out->public = *public;
        out->private = *private;
    }
    sm_tpm_flush(st->tpm, &session);
    sm_tpm_wipe_copies(st->tpm, key, SM_SEAL_KEY_LEN);
    if (p->flags & SM_TPM2_PIN)
        sm_tpm_wipe_copies(st->tpm, secret->sensitive.userAuth.buffer,
                           SM_TPM2_AUTH_LEN);
out:
    Esys_Free(public);
    Esys_Free(private);
    sm_secret_free(locked);
    return rc;
}

/* Once; *again: something extended a PCR in the middle. */
static int unseal_once(struct state *st, const struct sm_tpm2_params *p,
                       ESYS_TR parent, ESYS_TR object, uint8_t *key,
                       bool *again, char *why, size_t why_size)
{
    ESYS_CONTEXT *esys = sm_tpm_esys(st->tpm);
    TPM2B_SENSITIVE_DATA *data = NULL;
    ESYS_TR session;
    TSS2_RC tss;
    int rc;

    *again = false;
    rc = sm_tpm_salted_session(st->tpm, parent, TPM2_SE_POLICY, &session, why,
                               why_size);
    if (rc)
        return rc;
    rc = sm_tpm2_satisfy(st->tpm, session, p, st->approvals,
                         st->approval_count, why, why_size);
    if (rc)
        goto out;
    /* There is no parameter that could be decrypted. */
    tss = Esys_TRSess_SetAttributes(esys, session, 0, TPMA_SESSION_DECRYPT);
    if (!tss)
        tss = Esys_Unseal(esys, object, session, ESYS_TR_NONE, ESYS_TR_NONE,
                          &data);
    *again = sm_tpm_code(tss) == TPM2_RC_PCR_CHANGED;
    st->pin.refused |= sm_tpm_code(tss) == TPM2_RC_AUTH_FAIL;
    rc = sm_tpm_rc(st->tpm, tss, "unseal the key", why, why_size);
    if (!rc && data->size != SM_SEAL_KEY_LEN) {
        WHY("damaged (the TPM's secret has another length)");
        rc = SM_SEAL;
    }
    if (!rc)
        memcpy(key, data->buffer, SM_SEAL_KEY_LEN);
    if (data)
        sm_secret_wipe(data, sizeof(*data));
    Esys_Free(data);
    sm_tpm_wipe(st->tpm);
out:
    sm_tpm_flush(st->tpm, &session);
    return rc;
}

static int unseal(struct state *st, const struct sm_tpm2_params *p,
                  ESYS_TR parent, const struct sm_tpm2_blobs *blobs,
                  uint8_t *key, char *why, size_t why_size)
{
    ESYS_CONTEXT *esys = sm_tpm_esys(st->tpm);
    ESYS_TR object = ESYS_TR_NONE;
    TPM2B_AUTH auth = { 0 };
    bool again = true;
    TSS2_RC tss;
    int rc, i;

    tss = Esys_Load(esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                    ESYS_TR_NONE, &blobs->private, &blobs->public, &object);
    if (tss)
        object = ESYS_TR_NONE;
    rc = sm_tpm_rc(st->tpm, tss, "load the sealed key", why, why_size);
    if (rc == SM_FAIL && sm_tpm_code(tss)) {
        WHY("damaged (the TPM does not take its object)");
        rc = SM_SEAL;
    }
    if (rc)
        return rc;
    if (p->flags & SM_TPM2_PIN) {
        sm_tpm2_pin_auth(&st->pin, &auth);
        rc = sm_tpm_rc(st->tpm, Esys_TR_SetAuth(esys, object, &auth),
                       "take the PIN", why, why_size);
        sm_secret_wipe(auth.buffer, sizeof(auth.buffer));
    }
    for (i = 0; !rc && i < ATTEMPTS && again; i++) {
        rc = unseal_once(st, p, parent, object, key, &again, why, why_size);
        if (again)
            rc = 0;
    }
    if (!rc && again) {
        WHY("the TPM's PCRs do not hold still: try again");
        rc = SM_BUSY;
    }
    /* What ESAPI keeps of the PIN is freed as it is: now it is zeros. */
    if (auth.size)
        (void)Esys_TR_SetAuth(esys, object, &auth);
    sm_tpm_flush(st->tpm, &object);
    return rc;
}

/* ---- wrapping ---- */

static int tpm2_wrap(void *state, struct sm_seal_bytes params,
                     struct sm_seal_bytes bound, const uint8_t *key,
                     struct sm_wire_writer *w, char *why, size_t why_size)
{
    uint8_t nonce[NONCE_LEN], box[SM_SEAL_KEY_LEN + TAG_LEN];
    struct state *st = state;
    struct sm_tpm2_params p;
    struct sm_tpm2_blobs blobs;
    void *kek = NULL;
    ESYS_TR parent;
    int rc;

    if (st->fresh_rc) {
        WHY("%s", st->fresh_why);
        return st->fresh_rc;
    }
    rc = sm_tpm2_get_params(params, &p);
    if (!rc)
        rc = sm_tpm_storage_primary(st->tpm, p.parent, &parent, p.parent,
                                    why, why_size);
    if (rc)
        return rc;
    rc = sm_secret_new(&kek, SM_SEAL_KEY_LEN);
    if (rc) {
        WHY("no locked memory for a key (RLIMIT_MEMLOCK)");
        return rc;
    }
    randombytes_buf(kek, SM_SEAL_KEY_LEN);
    rc = create(st, &p, parent, kek, &blobs, why, why_size);
    if (!rc)
        rc = sm_tpm2_put_blobs(&blobs, w);
    if (!rc) {
        randombytes_buf(nonce, sizeof(nonce));
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            box, NULL, key, SM_SEAL_KEY_LEN, bound.data, bound.len, NULL,
            nonce, kek);
        sm_wire_put_bytes(w, nonce, sizeof(nonce));
        sm_wire_put_bytes(w, box, sizeof(box));
    }
    sm_secret_free(kek);
    return rc;
}

static int tpm2_unwrap(void *state, struct sm_seal_bytes params,
                       struct sm_seal_bytes bound,
                       struct sm_seal_bytes wrapped, uint8_t *key, char *why,
                       size_t why_size)
{
    uint8_t nonce[NONCE_LEN], box[SM_SEAL_KEY_LEN + TAG_LEN];
    struct state *st = state;
    struct sm_wire_reader r;
    struct sm_tpm2_params p;
    struct sm_tpm2_blobs blobs;
    void *kek = NULL;
    ESYS_TR parent;
    int rc;

    rc = sm_tpm2_get_params(params, &p);
    sm_wire_reader_init(&r, wrapped.data, wrapped.len);
    if (!rc)
        rc = sm_tpm2_get_blobs(&r, &blobs);
    sm_wire_get_bytes(&r, nonce, sizeof(nonce));
    sm_wire_get_bytes(&r, box, sizeof(box));
    if (rc || sm_wire_end(&r)) {
        WHY("damaged (the TPM's object)");
        return SM_SEAL;
    }
    if (p.flags & SM_TPM2_PIN) {
        rc = sm_tpm2_pin_need(&st->pin, st->tpm, why, why_size);
        if (rc)
            return rc;
    }
    rc = sm_tpm_storage_primary(st->tpm, p.parent, &parent, p.parent, why,
                                why_size);
    if (rc)
        return rc;
    rc = sm_secret_new(&kek, SM_SEAL_KEY_LEN);
    if (rc) {
        WHY("no locked memory for a key (RLIMIT_MEMLOCK)");
        return rc;
    }
    rc = unseal(st, &p, parent, &blobs, kek, why, why_size);
    if (!rc && crypto_aead_xchacha20poly1305_ietf_decrypt(
                   key, NULL, NULL, box, sizeof(box), bound.data, bound.len,
                   nonce, kek)) {
        WHY("its header was tampered with: restore it from a backup");
        rc = SM_SEAL;
    }
    sm_secret_free(kek);
    return rc;
}

static bool tpm2_pin_refused(const void *p)
{
    const struct state *st = p;

    return st->pin.refused;
}

const struct sm_seal_backend sm_seal_tpm2 = {
    .id = 3,
    .name = "tpm2",
    .open = tpm2_open,
    .close = tpm2_close,
    .put_params = tpm2_put_params,
    .check_params = tpm2_check_params,
    .wrap = tpm2_wrap,
    .unwrap = tpm2_unwrap,
    .pin_refused = tpm2_pin_refused,
};
