/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verification of evidence.  The checks are in the order of enum
 * sm_attest_problem: first what needs nothing of the peer's to be believed,
 * then who has signed it, then what was signed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <sodium.h>
#include <tss2/tss2_mu.h>

#include "base/wire.h"
#include "trust/attest.h"
#include "trust/tpm_key.h"

#define VERSION 1
#define ATTEST_MAX 1024         /* bytes of a TPMS_ATTEST */
#define SIGNATURE_MAX 512       /* bytes of a TPMT_SIGNATURE */

struct evidence {
    struct sm_attest_claims claims;
    TPMT_PUBLIC ak;
    const uint8_t *attest;      /* as signed */
    size_t attest_len;
    TPMT_SIGNATURE signature;
};

/* ---- taking apart ---- */

static bool read_claims(struct sm_wire_reader *r, struct sm_attest_claims *c)
{
    const uint8_t *hash;
    uint8_t has_log;

    c->role = sm_wire_get_u8(r);
    sm_wire_get_bytes(r, c->nonce, sizeof(c->nonce));
    sm_wire_get_blob(r, sizeof(c->hash), &hash, &c->hash_len);
    has_log = sm_wire_get_u8(r);
    sm_wire_get_bytes(r, c->log, sizeof(c->log));
    if (r->error || has_log > 1 || !c->hash_len)
        return false;
    memcpy(c->hash, hash, c->hash_len);
    c->has_log = has_log;
    return true;
}

static bool read_signature(const uint8_t *data, size_t len,
                           TPMT_SIGNATURE *out)
{
    size_t at = 0;

    return !Tss2_MU_TPMT_SIGNATURE_Unmarshal(data, len, &at, out) &&
           at == len;
}

/* NULL, or what is wrong. */
static const char *read_evidence(const void *data, size_t len,
                                 struct evidence *e, struct sm_attested *out)
{
    const uint8_t *ak, *signature;
    size_t ak_len, signature_len;
    struct sm_wire_reader r;

    if (len > SM_ATTEST_EVIDENCE_MAX)
        return "too long";
    sm_wire_reader_init(&r, data, len);
    if (sm_wire_get_u16(&r) != VERSION)
        return r.error ? "truncated" : "of a version that is not known here";
    if (!read_claims(&r, &e->claims))
        return "what it claims to answer is truncated or no such thing";
    sm_wire_get_blob(&r, SM_TPM_KEY_MAX, &ak, &ak_len);
    sm_wire_get_blob(&r, ATTEST_MAX, &e->attest, &e->attest_len);
    sm_wire_get_blob(&r, SIGNATURE_MAX, &signature, &signature_len);
    sm_wire_get_bytes(&r, out->pcr, sizeof(out->pcr));
    if (r.error)
        return "truncated, or a part is too long";
    if (sm_wire_end(&r))
        return "bytes follow its end";
    if (!sm_tpm_key_parse(ak, ak_len, &e->ak))
        return "its key is not a TPM's";
    if (!read_signature(signature, signature_len, &e->signature))
        return "its signature is not a TPM's";
    return NULL;
}

/* ---- what was signed ---- */

/* The first six bytes are looked at before anything takes them apart: what
 * follows has another form in all that is no quote. */
static const char *not_a_quote(const uint8_t *data, size_t len)
{
    struct sm_wire_reader r;
    uint32_t magic;
    uint16_t type;

    sm_wire_reader_init(&r, data, len);
    magic = sm_wire_get_u32(&r);
    type = sm_wire_get_u16(&r);
    if (r.error)
        return "it is too short";
    if (magic != TPM2_GENERATED_VALUE)
        return "it was not made by the TPM itself (magic)";
    switch (type) {
    case TPM2_ST_ATTEST_QUOTE:
        return NULL;
    case TPM2_ST_ATTEST_CERTIFY:
        return "it certifies a key (type)";
    case TPM2_ST_ATTEST_TIME:
        return "it attests the time (type)";
    case TPM2_ST_ATTEST_CREATION:
        return "it certifies how an object was made (type)";
    default:
        return "it is of another type";
    }
}

static const char *bad_selection(const TPML_PCR_SELECTION *s)
{
    const TPMS_PCR_SELECTION *one = &s->pcrSelections[0];

    if (s->count != 1)
        return s->count ? "of several banks" : "of no bank at all";
    if (one->hash != TPM2_ALG_SHA256)
        return "of another bank than SHA-256";
    if (one->sizeofSelect != SM_ATTEST_PCRS / 8 ||
        one->pcrSelect[0] != 0xff || one->pcrSelect[1] != 0xff ||
        one->pcrSelect[2] != 0xff)
        return "of some PCRs only, or of more than 24";
    return NULL;
}

static bool digest_fits(const TPM2B_DIGEST *digest,
                        const struct sm_attested *out)
{
    uint8_t want[32];

    crypto_hash_sha256(want, out->pcr[0], sizeof(out->pcr));
    return digest->size == sizeof(want) &&
           !memcmp(digest->buffer, want, sizeof(want));
}

static enum sm_attest_problem check_claims(const TPM2B_DATA *extra,
                                           const struct sm_attest_claims *c,
                                           const struct sm_attest_expect *x)
{
    uint8_t want[SM_ATTEST_EXTRA_LEN];

    if (sm_attest_extra(c, want) || extra->size != sizeof(want) ||
        memcmp(extra->buffer, want, sizeof(want)))
        return SM_ATTEST_BINDING;
    if (c->role != x->role)
        return SM_ATTEST_REFLECTED;
    if (memcmp(c->nonce, x->nonce, sizeof(c->nonce)))
        return SM_ATTEST_REPLAYED;
    if (c->hash_len != x->hash_len ||
        memcmp(c->hash, x->hash, x->hash_len))
        return SM_ATTEST_OTHER_SESSION;
    return SM_ATTEST_GOOD;
}

static enum sm_attest_problem check_attest(const struct evidence *e,
                                           const struct sm_attest_expect *x,
                                           struct sm_attested *out,
                                           const char **detail)
{
    const TPMS_QUOTE_INFO *quote;
    TPMS_ATTEST attest;
    size_t at = 0;

    *detail = not_a_quote(e->attest, e->attest_len);
    if (*detail)
        return SM_ATTEST_NOT_A_QUOTE;
    memset(&attest, 0, sizeof(attest));
    if (Tss2_MU_TPMS_ATTEST_Unmarshal(e->attest, e->attest_len, &at,
                                      &attest) || at != e->attest_len) {
        *detail = "it is not of a quote's form";
        return SM_ATTEST_NOT_A_QUOTE;
    }
    quote = &attest.attested.quote;
    *detail = bad_selection(&quote->pcrSelect);
    if (*detail)
        return SM_ATTEST_SELECTION;
    if (!digest_fits(&quote->pcrDigest, out))
        return SM_ATTEST_DIGEST;
    out->has_log = e->claims.has_log;
    memcpy(out->log, e->claims.log, sizeof(out->log));
    out->firmware = attest.firmwareVersion;
    out->clock = attest.clockInfo.clock;
    out->reset_count = attest.clockInfo.resetCount;
    out->restart_count = attest.clockInfo.restartCount;
    return check_claims(&attest.extraData, &e->claims, x);
}

/* ---- who has signed it ---- */

static enum sm_attest_problem check_key(const struct evidence *e,
                                        const struct sm_attest_expect *x,
                                        struct sm_attested *out,
                                        const char **detail)
{
    if (x->certificate) {
        *detail = x->certificate;
        return SM_ATTEST_CERTIFICATE;
    }
    if (!x->ak)
        *detail = "it has no certificate with an attestation key";
    else if (!sm_tpm_key_name(&e->ak, out->ak) ||
             memcmp(out->ak, x->ak, sizeof(out->ak)))
        *detail = "its certificate names another one";
    if (*detail)
        return SM_ATTEST_UNKNOWN_KEY;
    *detail = sm_tpm_key_ak_problem(&e->ak);
    if (*detail)
        return SM_ATTEST_UNFIT_KEY;
    switch (sm_tpm_key_verify(&e->ak, &e->signature, e->attest,
                              e->attest_len)) {
    case 1:
        return SM_ATTEST_GOOD;
    case 0:
        return SM_ATTEST_SIGNATURE;
    default:
        *detail = "it cannot be verified: libcrypto failed";
        return SM_ATTEST_PROBLEMS;
    }
}

/* ---- all of it ---- */

static enum sm_attest_problem check(const struct sm_attest_expect *x,
                                    const void *evidence, size_t len,
                                    struct sm_attested *out,
                                    const char **detail)
{
    enum sm_attest_problem problem;
    struct evidence e;

    memset(&e, 0, sizeof(e));
    if (!len) {
        *detail = x->refused && x->refused[0] ? x->refused : NULL;
        return SM_ATTEST_NO_TPM;
    }
    *detail = read_evidence(evidence, len, &e, out);
    if (*detail)
        return SM_ATTEST_MALFORMED;
    problem = check_key(&e, x, out, detail);
    return problem ? problem : check_attest(&e, x, out, detail);
}

int sm_attest_verify(const struct sm_attest_expect *expect,
                     const void *evidence, size_t len,
                     struct sm_attested *out,
                     enum sm_attest_problem *problem,
                     char *why, size_t why_size)
{
    const char *detail = NULL;
    int rc = SM_AUTH;

    memset(out, 0, sizeof(*out));
    snprintf(why, why_size, "%s", "");
    *problem = check(expect, evidence, len, out, &detail);
    /* libcrypto queues what it says for whoever asks, and frees it never. */
    ERR_clear_error();
    if (*problem == SM_ATTEST_GOOD)
        return 0;
    memset(out, 0, sizeof(*out));
    if (*problem == SM_ATTEST_PROBLEMS) {
        *problem = SM_ATTEST_SIGNATURE;
        rc = SM_FAIL;
    } else if (*problem == SM_ATTEST_MALFORMED) {
        rc = SM_PROTOCOL;
    } else if (*problem == SM_ATTEST_NO_TPM) {
        rc = SM_UNMET;
    }
    snprintf(why, why_size, "%s%s%s", sm_attest_problem_text(*problem),
             detail ? ": " : "", detail ? detail : "");
    return rc;
}

/* The base point of P-256 for a key, and a signature that is none: what it takes to
 * verify one is loaded by trying. */
static bool try_to_verify(void)
{
    static const char *const g[2] = {
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    };
    TPMT_SIGNATURE s = {
        .sigAlg = TPM2_ALG_ECDSA,
        .signature.ecdsa = {
            .hash = TPM2_ALG_SHA256,
            .signatureR = { .size = 1, .buffer = { 1 } },
            .signatureS = { .size = 1, .buffer = { 1 } },
        },
    };
    TPMT_PUBLIC key;

    sm_tpm_key_ak_template(&key);
    key.unique.ecc.x.size = key.unique.ecc.y.size = 32;
    sodium_hex2bin(key.unique.ecc.x.buffer, 32, g[0], 64, NULL, NULL, NULL);
    sodium_hex2bin(key.unique.ecc.y.buffer, 32, g[1], 64, NULL, NULL, NULL);
    return sm_tpm_key_verify(&key, &s, "", 0) == 0;
}

int sm_attest_init(void)
{
    bool ready;

    /* No configuration: what it could load is not ours to run.  No output of
     * tss2-mu on what a stranger sent, unless it was asked for. */
    ready = OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 &&
            !setenv("TSS2_LOG", "all+none", 1) && try_to_verify();
    ERR_clear_error();
    return ready ? 0 : SM_STATE;
}
