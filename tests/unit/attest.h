/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evidence made by a TPM for tests of trust/attest.h: good, and taken apart
 * so that one thing at a time can be wrong.  Include scratch.h and swtpm.h
 * before.
 */
#ifndef SM_TESTS_UNIT_ATTEST_H
#define SM_TESTS_UNIT_ATTEST_H

#include <sodium.h>
#include <tss2/tss2_mu.h>

#include "base/secret.h"
#include "base/wire.h"
#include "tpm/attestation_key.h"
#include "tpm/endorsement.h"
#include "tpm/quote.h"
#include "trust/attest.h"
#include "trust/tpm_key.h"

static struct swtpm host;
static struct sm_attestation_key ak;
static uint8_t ak_name[SM_ATTEST_AK_LEN];
static char why[512];

/* What is demanded, and what is claimed when all is well. */
static uint8_t nonce[SM_ATTEST_NONCE_LEN], hash[64];
static struct sm_attest_expect expect;
static struct sm_attest_claims claims;

static uint8_t evidence[SM_ATTEST_EVIDENCE_MAX];
static size_t evidence_len;

static inline struct sm_tpm *connected(const struct swtpm *s)
{
    struct sm_tpm *tpm = NULL;

    ck_assert_msg(!sm_tpm_open(s->tcti, 30000, &tpm, why, sizeof(why)), "%s",
                  why);
    return tpm;
}

static inline void good_claims(void)
{
    memset(nonce, 0x11, sizeof(nonce));
    memset(hash, 0x22, sizeof(hash));
    memset(&claims, 0, sizeof(claims));
    claims.role = SM_ATTEST_RESPONDER;
    memcpy(claims.nonce, nonce, sizeof(nonce));
    memcpy(claims.hash, hash, sizeof(hash));
    claims.hash_len = sizeof(hash);
    expect = (struct sm_attest_expect){
        .role = SM_ATTEST_RESPONDER, .nonce = nonce, .hash = hash,
        .hash_len = sizeof(hash), .ak = ak_name,
    };
}

/* A TPM with an attestation key. */
static inline void attest_make(void)
{
    struct sm_tpm *tpm;

    ck_assert_int_eq(sm_secret_init(), 0);
    ck_assert_int_eq(sm_attest_init(), 0);
    scratch_make();
    swtpm_start(&host, "tpm");
    tpm = connected(&host);
    ck_assert_msg(!sm_attestation_key_make(tpm, &ak, why, sizeof(why)),
                  "%s", why);
    sm_tpm_close(tpm);
    ck_assert(sm_tpm_key_name(&ak.public_half.publicArea, ak_name));
    good_claims();
}

static inline void attest_remove(void)
{
    swtpm_kill(&host);
    scratch_remove();
}

/* Have the TPM quote what is claimed, and join. */
static inline void prove(void)
{
    uint8_t extra[SM_ATTEST_EXTRA_LEN], quote[SM_ATTEST_QUOTE_MAX];
    struct sm_tpm *tpm = connected(&host);
    size_t len;

    ck_assert_int_eq(sm_attest_extra(&claims, extra), 0);
    ck_assert_msg(!sm_tpm_quote(tpm, &ak, extra, quote, sizeof(quote), &len,
                                why, sizeof(why)), "%s", why);
    sm_tpm_close(tpm);
    ck_assert_int_eq(sm_attest_evidence(&claims, quote, len, evidence,
                                        sizeof(evidence), &evidence_len), 0);
}

static struct sm_attested attested;
static enum sm_attest_problem problem;

static inline int verify_it(void)
{
    return sm_attest_verify(&expect, evidence, evidence_len, &attested,
                            &problem, why, sizeof(why));
}

static inline void accepted(void)
{
    ck_assert_msg(!verify_it(), "%s", why);
    ck_assert_int_eq(problem, SM_ATTEST_GOOD);
    ck_assert_str_eq(why, "");
}

/* It is refused for just this reason, in these words, and nothing is taken
 * from it. */
static inline void refused(int code, enum sm_attest_problem want,
                           const char *words)
{
    static const struct sm_attested nothing;

    memset(&attested, 0xff, sizeof(attested));
    ck_assert_int_eq(verify_it(), code);
    ck_assert_msg(problem == want, "%s instead of %s: %s",
                  sm_attest_problem_word(problem),
                  sm_attest_problem_word(want), why);
    ck_assert_msg(strstr(why, words) != NULL, "why: %s", why);
    ck_assert_mem_eq(&attested, &nothing, sizeof(nothing));
}

/* ---- evidence taken apart ---- */

struct parts {
    uint8_t ak[SM_TPM_KEY_MAX];
    size_t ak_len;
    TPM2B_ATTEST attest;
    TPMT_SIGNATURE signature;
    uint8_t pcr[SM_ATTEST_PCRS][SM_ATTEST_PCR_LEN];
};

static inline void put_parts(const struct parts *p)
{
    uint8_t quote[SM_ATTEST_QUOTE_MAX], sig[sizeof(TPMT_SIGNATURE)];
    struct sm_wire_writer w;
    size_t sig_len = 0;

    ck_assert_uint_eq(Tss2_MU_TPMT_SIGNATURE_Marshal(&p->signature, sig,
                                                     sizeof(sig), &sig_len),
                      0);
    sm_wire_writer_init(&w, sizeof(quote));
    sm_wire_put_blob(&w, p->ak, p->ak_len);
    sm_wire_put_blob(&w, p->attest.attestationData, p->attest.size);
    sm_wire_put_blob(&w, sig, sig_len);
    sm_wire_put_bytes(&w, p->pcr, sizeof(p->pcr));
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_int_eq(sm_attest_evidence(&claims, w.data, w.len, evidence,
                                        sizeof(evidence), &evidence_len), 0);
    sm_wire_writer_dispose(&w);
}

#endif
