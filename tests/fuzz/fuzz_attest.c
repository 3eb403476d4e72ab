/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attestation.  The first byte of the input says what the rest is:
 *   0  evidence
 *   1  what a TPM is said to have signed: it gets a genuine signature, of a
 *      key that is as an attestation key must be, so that what lies behind the
 *      signature is reached; the PCRs are zero
 *   2  the public half of a key
 *   3  a request for enrolment, 4 a challenge, 5 an answer
 * Nothing is believed that does not fit what is demanded; refusals say why
 * and leave nothing behind; what is read is written again and reads the same.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <tss2/tss2_mu.h>

#include "base/wire.h"
#include "trust/attest.h"
#include "trust/enrolment.h"
#include "trust/tpm_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WHY_SIZE SM_ATTEST_WHY_SIZE

static uint8_t nonce[32], hash[64], ak_name[32];
static struct sm_attest_expect expect;
static struct sm_attest_claims claims;
static EVP_PKEY *key;
static TPMT_PUBLIC ak;

static void coordinate(const char *name, TPM2B_ECC_PARAMETER *out)
{
    BIGNUM *n = NULL;

    if (EVP_PKEY_get_bn_param(key, name, &n) != 1 ||
        BN_bn2binpad(n, out->buffer, 32) != 32)
        abort();
    out->size = 32;
    BN_free(n);
}

static void prepare(void)
{
    memset(nonce, 0x11, sizeof(nonce));
    memset(hash, 0x22, sizeof(hash));
    if (sodium_init() < 0 || sm_attest_init())
        abort();
    key = EVP_EC_gen("P-256");
    if (!key)
        abort();
    sm_tpm_key_ak_template(&ak);
    coordinate(OSSL_PKEY_PARAM_EC_PUB_X, &ak.unique.ecc.x);
    coordinate(OSSL_PKEY_PARAM_EC_PUB_Y, &ak.unique.ecc.y);
    if (!sm_tpm_key_name(&ak, ak_name))
        abort();
    claims.role = SM_ATTEST_RESPONDER;
    memcpy(claims.nonce, nonce, sizeof(nonce));
    memcpy(claims.hash, hash, sizeof(hash));
    claims.hash_len = sizeof(hash);
    expect = (struct sm_attest_expect){
        .role = SM_ATTEST_RESPONDER, .nonce = nonce, .hash = hash,
        .hash_len = sizeof(hash), .ak = ak_name,
    };
}

/* Verify it; whether it is good. */
static int verify(const uint8_t *ak_wanted, const void *evidence, size_t len,
                  struct sm_attested *out)
{
    static const struct sm_attested nothing;
    enum sm_attest_problem problem;
    char why[WHY_SIZE];
    int rc;

    expect.ak = ak_wanted;
    rc = sm_attest_verify(&expect, evidence, len, out, &problem, why,
                          sizeof(why));
    if (!rc != (problem == SM_ATTEST_GOOD) || !rc != !why[0] ||
        strlen(why) >= WHY_SIZE - 1 ||
        (rc && memcmp(out, &nothing, sizeof(nothing))))
        abort();
    return !rc;
}

/* ---- evidence ---- */

/* The key that it says it has, so that its signature is looked at. */
static int name_of(const uint8_t *data, size_t size, uint8_t *name)
{
    struct sm_wire_reader r;
    const uint8_t *blob;
    uint8_t skip[1 + 32];
    TPMT_PUBLIC public;
    size_t len;

    sm_wire_reader_init(&r, data, size);
    sm_wire_get_u16(&r);
    sm_wire_get_bytes(&r, skip, 33);
    sm_wire_get_blob(&r, 64, &blob, &len);
    sm_wire_get_bytes(&r, skip, 33);
    sm_wire_get_blob(&r, SM_TPM_KEY_MAX, &blob, &len);
    return !r.error && sm_tpm_key_parse(blob, len, &public) &&
           sm_tpm_key_name(&public, name);
}

static void try_evidence(const uint8_t *data, size_t size)
{
    struct sm_attested out;
    uint8_t name[32];

    /* Our key's secret is nobody's. */
    if (verify(ak_name, data, size, &out))
        abort();
    if (!name_of(data, size, name) || !verify(name, data, size, &out))
        return;
    if (memcmp(data + 3, nonce, 32) || data[2] != SM_ATTEST_RESPONDER ||
        memcmp(data + 3 + 32 + 4, hash, 64) || memcmp(out.ak, name, 32))
        abort();
}

static size_t sign(const uint8_t *data, size_t size, uint8_t *out,
                   size_t max)
{
    TPMT_SIGNATURE s = { .sigAlg = TPM2_ALG_ECDSA,
                         .signature.ecdsa.hash = TPM2_ALG_SHA256 };
    TPMS_SIGNATURE_ECC *e = &s.signature.ecdsa;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t der[128];
    const uint8_t *at = der;
    size_t n = sizeof(der), used = 0;
    ECDSA_SIG *sig;

    if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(ctx, der, &n, data, size) != 1)
        abort();
    sig = d2i_ECDSA_SIG(NULL, &at, (long)n);
    if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig), e->signatureR.buffer,
                             32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), e->signatureS.buffer, 32) != 32)
        abort();
    e->signatureR.size = e->signatureS.size = 32;
    if (Tss2_MU_TPMT_SIGNATURE_Marshal(&s, out, max, &used))
        abort();
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
    return used;
}

/* What must stand in a quote that is believed, found without a parser. */
static int fits(const uint8_t *data, size_t size)
{
    static const uint8_t head[] = { 0xff, 'T', 'C', 'G', 0x80, 0x18 };
    static const uint8_t zero[24 * 32];
    uint8_t extra[34] = { 0, 32 }, tail[2 + 32] = { 0, 32 };
    static const uint8_t select[] = { 0, 0, 0, 1, 0, 0x0b, 3, 0xff, 0xff,
                                      0xff };
    size_t n = sizeof(select) + sizeof(tail);

    if (sm_attest_extra(&claims, extra + 2))
        abort();
    crypto_hash_sha256(tail + 2, zero, sizeof(zero));
    return size > sizeof(head) + n && !memcmp(data, head, sizeof(head)) &&
           memmem(data, size, extra, sizeof(extra)) &&
           !memcmp(data + size - n, select, sizeof(select)) &&
           !memcmp(data + size - sizeof(tail), tail, sizeof(tail));
}

static void try_signed(const uint8_t *data, size_t size)
{
    uint8_t evidence[SM_ATTEST_EVIDENCE_MAX], public[SM_TPM_KEY_MAX];
    uint8_t signature[256];
    static const uint8_t pcr[24 * 32];
    struct sm_attested out;
    struct sm_wire_writer w;
    size_t len;

    sm_wire_writer_init(&w, SM_ATTEST_EVIDENCE_MAX);
    sm_wire_put_blob(&w, public, sm_tpm_key_format(&ak, public));
    sm_wire_put_blob(&w, data, size);
    sm_wire_put_blob(&w, signature,
                     sign(data, size, signature, sizeof(signature)));
    sm_wire_put_bytes(&w, pcr, sizeof(pcr));
    if (!sm_wire_error(&w) &&
        !sm_attest_evidence(&claims, w.data, w.len, evidence,
                            sizeof(evidence), &len) &&
        verify(ak_name, evidence, len, &out) && !fits(data, size))
        abort();
    sm_wire_writer_dispose(&w);
}

/* ---- keys and texts ---- */

static void try_key(const uint8_t *data, size_t size)
{
    uint8_t text[SM_TPM_KEY_MAX], name[32];
    TPMT_PUBLIC public, again;
    EVP_PKEY *pkey;
    size_t len;

    if (!sm_tpm_key_parse(data, size, &public))
        return;
    len = sm_tpm_key_format(&public, text);
    if (!len || !sm_tpm_key_parse(text, len, &again))
        abort();
    sm_tpm_key_name(&public, name);
    if (!sm_tpm_key_ak_problem(&public) || !sm_tpm_key_ek_problem(&public)) {
        if (!sm_tpm_key_ak_problem(&public) ==
            !sm_tpm_key_ek_problem(&public))
            abort();
        pkey = sm_tpm_key_pkey(&public);
        EVP_PKEY_free(pkey);
    }
}

static void try_request(const uint8_t *data, size_t size)
{
    char why[WHY_SIZE], text[SM_ENROLMENT_MAX];
    char fingerprint[SM_ENROLMENT_FINGERPRINT_SIZE];
    static struct sm_enrolment_request r, again;
    uint8_t digest[2][32];

    if (sm_enrolment_request_read(data, size, &r, why, sizeof(why))) {
        if (!why[0] || r.host[0])
            abort();
        return;
    }
    if (sm_enrolment_fingerprint(&r.ek, fingerprint) == 0 &&
        strlen(fingerprint) != 64)
        abort();
    if (sm_enrolment_request_format(&r, text) ||
        sm_enrolment_request_read(text, strlen(text), &again, why,
                                  sizeof(why)) ||
        sm_enrolment_digest(&r, digest[0]) ||
        sm_enrolment_digest(&again, digest[1]) ||
        memcmp(digest[0], digest[1], 32))
        abort();
}

static void try_challenge(const uint8_t *data, size_t size)
{
    char why[WHY_SIZE], text[SM_ENROLMENT_MAX];
    static struct sm_enrolment_challenge c, again;

    if (sm_enrolment_challenge_read(data, size, &c, why, sizeof(why))) {
        if (!why[0] || c.host[0])
            abort();
        return;
    }
    if (sm_enrolment_challenge_format(&c, text) ||
        sm_enrolment_challenge_read(text, strlen(text), &again, why,
                                    sizeof(why)) ||
        memcmp(&c, &again, sizeof(c)))
        abort();
}

static void try_answer(const uint8_t *data, size_t size)
{
    char why[WHY_SIZE], text[SM_ENROLMENT_MAX];
    struct sm_enrolment_answer a, again;

    if (sm_enrolment_answer_read(data, size, &a, why, sizeof(why))) {
        if (!why[0] || a.host[0])
            abort();
        return;
    }
    if (sm_enrolment_answer_format(&a, text) ||
        sm_enrolment_answer_read(text, strlen(text), &again, why,
                                 sizeof(why)) ||
        memcmp(&a, &again, sizeof(a)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(const uint8_t *data, size_t size) = {
        try_evidence, try_signed, try_key, try_request, try_challenge,
        try_answer,
    };

    if (!key)
        prepare();
    if (size)
        tries[*data % (sizeof(tries) / sizeof(tries[0]))](data + 1,
                                                          size - 1);
    return 0;
}
