/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file: "SMAK", u16 version (1), then three blobs (base/wire.h): the parent's
 * TPMT_PUBLIC, the AK's TPMT_PUBLIC, the AK's private half as the TPM gave it.
 */
#include "tpm/attestation_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/wire.h"
#include "tpm/endorsement.h"
#include "trust/tpm_key.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define MAGIC "SMAK"
#define VERSION 1

#define ANEW "move its file away, and enrol this host anew ('secmig attest " \
    "request')"

/* ---- the file ---- */

static bool get_public(struct sm_wire_reader *r, TPM2B_PUBLIC *out)
{
    const uint8_t *data;
    size_t len;

    memset(out, 0, sizeof(*out));
    sm_wire_get_blob(r, SM_TPM_KEY_MAX, &data, &len);
    return !r->error && sm_tpm_key_parse(data, len, &out->publicArea);
}

/* NULL, or what is wrong. */
static const char *parse(const uint8_t *data, size_t len,
                         struct sm_attestation_key *out)
{
    struct sm_wire_reader r;
    const uint8_t *private;
    size_t n;
    char magic[4];

    sm_wire_reader_init(&r, data, len);
    sm_wire_get_bytes(&r, magic, sizeof(magic));
    if (memcmp(magic, MAGIC, sizeof(magic)))
        return "not an attestation key";
    if (sm_wire_get_u16(&r) != VERSION)
        return "an attestation key of another version";
    if (!get_public(&r, &out->parent) || !get_public(&r, &out->public_half))
        return "damaged";
    sm_wire_get_blob(&r, sizeof(out->private_half.buffer), &private, &n);
    if (sm_wire_end(&r) || !n)
        return "damaged";
    memcpy(out->private_half.buffer, private, n);
    out->private_half.size = (uint16_t)n;
    if (sm_tpm_key_ek_problem(&out->parent.publicArea) ||
        out->parent.publicArea.type != TPM2_ALG_ECC)
        return "its parent is not the ECC endorsement key";
    return sm_tpm_key_ak_problem(&out->public_half.publicArea);
}

int sm_attestation_key_read(const char *path, struct sm_attestation_key *out,
                            char *why, size_t why_size)
{
    const char *problem;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_file_read(path, SM_FILE_PRIVATE, SM_ATTESTATION_KEY_MAX, &data,
                      &len, why, why_size);
    if (rc)
        return rc;
    problem = parse(data, len, out);
    sm_file_free(data, len);
    if (!problem)
        return 0;
    memset(out, 0, sizeof(*out));
    errno = 0;      /* it is not missing */
    WHY("%s: %s (move it away and make a new one: 'secmig attest request')",
        path, problem);
    return SM_STATE;
}

static void put_public(struct sm_wire_writer *w, const TPM2B_PUBLIC *key)
{
    uint8_t data[SM_TPM_KEY_MAX];

    sm_wire_put_blob(w, data, sm_tpm_key_format(&key->publicArea, data));
}

int sm_attestation_key_write(const char *path,
                             const struct sm_attestation_key *key,
                             char *why, size_t why_size)
{
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, SM_ATTESTATION_KEY_MAX);
    sm_wire_put_bytes(&w, MAGIC, 4);
    sm_wire_put_u16(&w, VERSION);
    put_public(&w, &key->parent);
    put_public(&w, &key->public_half);
    sm_wire_put_blob(&w, key->private_half.buffer, key->private_half.size);
    rc = sm_wire_error(&w);
    if (rc)
        WHY("%s: %s", path, sm_err_text(rc));
    else
        rc = sm_file_create(path, w.data, w.len, 0600, why, why_size);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* ---- in the TPM ---- */

int sm_attestation_key_make(struct sm_tpm *tpm,
                            struct sm_attestation_key *out,
                            char *why, size_t why_size)
{
    TPM2B_SENSITIVE_CREATE nothing = { 0 };
    TPM2B_PUBLIC template = { 0 }, *public = NULL;
    ESYS_TR ek = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TPM2B_PRIVATE *private = NULL;
    TPML_PCR_SELECTION pcrs = { 0 };
    TPM2B_DATA outside = { 0 };
    const char *problem;
    TSS2_RC tss;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_endorsement_load(tpm, TPM2_ALG_ECC, &out->parent, &ek, why,
                             why_size);
    if (!rc)
        rc = sm_endorsement_session(tpm, ek, &session, why, why_size);
    if (rc)
        goto out;
    sm_tpm_key_ak_template(&template.publicArea);
    tss = Esys_Create(sm_tpm_esys(tpm), ek, session, ESYS_TR_NONE,
                      ESYS_TR_NONE, &nothing, &template, &outside, &pcrs,
                      &private, &public, NULL, NULL, NULL);
    rc = sm_tpm_rc(tpm, tss, "make an attestation key", why, why_size);
    if (rc)
        goto out;
    problem = sm_tpm_key_ak_problem(&public->publicArea);
    if (problem) {
        WHY("the TPM made an attestation key that is unfit: %s", problem);
        rc = SM_STATE;
        goto out;
    }
    out->public_half = *public;
    out->private_half = *private;
out:
    Esys_Free(private);
    Esys_Free(public);
    sm_tpm_flush(tpm, &session);
    sm_endorsement_release(tpm, &ek);
    return rc;
}

/* The parent, which must be the very key that the file names. */
static int load_parent(struct sm_tpm *tpm,
                       const struct sm_attestation_key *key,
                       ESYS_TR *parent, char *why, size_t why_size)
{
    uint8_t want[SM_TPM_KEY_NAME_LEN], name[SM_TPM_KEY_NAME_LEN];
    TPM2B_PUBLIC public;
    int rc;

    rc = sm_endorsement_load(tpm, TPM2_ALG_ECC, &public, parent, why,
                             why_size);
    if (rc)
        return rc;
    if (sm_tpm_key_name(&key->parent.publicArea, want) &&
        sm_tpm_key_name(&public.publicArea, name) &&
        !memcmp(want, name, sizeof(want)))
        return 0;
    sm_endorsement_release(tpm, parent);
    WHY("the attestation key is of another TPM: " ANEW);
    return SM_STATE;
}

int sm_attestation_key_load(struct sm_tpm *tpm,
                            const struct sm_attestation_key *key,
                            ESYS_TR *handle, char *why, size_t why_size)
{
    ESYS_TR parent = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TSS2_RC tss;
    int rc;

    *handle = ESYS_TR_NONE;
    rc = load_parent(tpm, key, &parent, why, why_size);
    if (!rc)
        rc = sm_endorsement_session(tpm, parent, &session, why, why_size);
    if (rc)
        goto out;
    tss = Esys_Load(sm_tpm_esys(tpm), parent, session, ESYS_TR_NONE,
                    ESYS_TR_NONE, &key->private_half, &key->public_half,
                    handle);
    rc = sm_tpm_rc(tpm, tss, "load the attestation key", why, why_size);
    if (sm_tpm_code(tss) == TPM2_RC_INTEGRITY) {
        WHY("the TPM was cleared since the attestation key was made, or the "
            "key's file was damaged: " ANEW);
        rc = SM_STATE;
    }
    if (rc)
        *handle = ESYS_TR_NONE;
out:
    sm_tpm_flush(tpm, &session);
    sm_endorsement_release(tpm, &parent);
    return rc;
}
