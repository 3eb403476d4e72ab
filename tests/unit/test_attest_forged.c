/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evidence that a TPM, or who has a key, has genuinely signed, but that is
 * not what is demanded: other attestations of the same key, other PCRs and
 * banks, values that were not quoted, keys that could sign anything.
 */
#include "scratch.h"
#include "swtpm.h"
#include "attest.h"

static struct parts parts;
static ESYS_TR loaded;

/* What the key is to sign, as far as all is well. */
static TPM2B_DATA extra_data(void)
{
    TPM2B_DATA data = { .size = SM_ATTEST_EXTRA_LEN };

    ck_assert_int_eq(sm_attest_extra(&claims, data.buffer), 0);
    return data;
}

static struct sm_tpm *with_key(void)
{
    struct sm_tpm *tpm = connected(&host);

    ck_assert_msg(!sm_attestation_key_load(tpm, &ak, &loaded, why,
                                           sizeof(why)), "%s", why);
    parts.ak_len = sm_tpm_key_format(&ak.public_half.publicArea, parts.ak);
    ck_assert_msg(!sm_tpm_pcr_read(tpm, parts.pcr, why, sizeof(why)), "%s",
                  why);
    return tpm;
}

static void done(struct sm_tpm *tpm, TSS2_RC rc, TPM2B_ATTEST *attest,
                 TPMT_SIGNATURE *signature)
{
    ck_assert_uint_eq(rc, 0);
    parts.attest = *attest;
    parts.signature = *signature;
    Esys_Free(attest);
    Esys_Free(signature);
    sm_tpm_flush(tpm, &loaded);
    sm_tpm_close(tpm);
    put_parts(&parts);
}

static const TPMT_SIG_SCHEME own = { .scheme = TPM2_ALG_NULL };

static void quote(const TPML_PCR_SELECTION *selection)
{
    TPM2B_DATA data = extra_data();
    struct sm_tpm *tpm = with_key();
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *sig = NULL;
    TSS2_RC rc;

    rc = Esys_Quote(sm_tpm_esys(tpm), loaded, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                    ESYS_TR_NONE, &data, &own, selection, &attest, &sig);
    done(tpm, rc, attest, sig);
}

static TPML_PCR_SELECTION all(TPM2_ALG_ID bank)
{
    TPML_PCR_SELECTION s = { .count = 1 };

    s.pcrSelections[0] = (TPMS_PCR_SELECTION){
        .hash = bank, .sizeofSelect = 3, .pcrSelect = { 0xff, 0xff, 0xff },
    };
    return s;
}

START_TEST(what_is_put_together_here_is_good)
{
    TPML_PCR_SELECTION s = all(TPM2_ALG_SHA256);

    quote(&s);
    accepted();
}
END_TEST

START_TEST(another_selection_is_refused)
{
    TPML_PCR_SELECTION s = all(TPM2_ALG_SHA256);
    int pcr;

    for (pcr = 0; pcr < 24; pcr += 11) {
        s = all(TPM2_ALG_SHA256);
        s.pcrSelections[0].pcrSelect[pcr / 8] ^= (uint8_t)(1 << pcr % 8);
        quote(&s);
        refused(SM_AUTH, SM_ATTEST_SELECTION, "some PCRs only");
    }
    s.count = 0;
    quote(&s);
    refused(SM_AUTH, SM_ATTEST_SELECTION, "no bank");
}
END_TEST

/* PCRs of another bank are whatever somebody extends them to: firmware that
 * fills the SHA-256 one leaves them alone. */
START_TEST(another_bank_is_refused)
{
    TPML_PCR_SELECTION s = all(TPM2_ALG_SHA384);

    quote(&s);
    refused(SM_AUTH, SM_ATTEST_SELECTION, "another bank");
    s = all(TPM2_ALG_SHA1);
    quote(&s);
    refused(SM_AUTH, SM_ATTEST_SELECTION, "another bank");
    s = all(TPM2_ALG_SHA256);
    s.count = 2;
    s.pcrSelections[1] = s.pcrSelections[0];
    s.pcrSelections[1].hash = TPM2_ALG_SHA384;
    quote(&s);
    refused(SM_AUTH, SM_ATTEST_SELECTION, "several banks");
}
END_TEST

START_TEST(values_that_were_not_quoted_are_refused)
{
    TPML_PCR_SELECTION s = all(TPM2_ALG_SHA256);
    uint8_t kept[32];
    int pcr;

    quote(&s);
    for (pcr = 0; pcr < 24; pcr++) {
        parts.pcr[pcr][31] ^= 1;
        put_parts(&parts);
        refused(SM_AUTH, SM_ATTEST_DIGEST, "not those that were quoted");
        parts.pcr[pcr][31] ^= 1;
    }
    /* The same values, but of other PCRs. */
    memcpy(kept, parts.pcr[0], 32);
    memcpy(parts.pcr[0], parts.pcr[17], 32);
    memcpy(parts.pcr[17], kept, 32);
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_DIGEST, "not those that were quoted");
}
END_TEST

START_TEST(a_certified_key_is_no_quote)
{
    TPM2B_DATA data = extra_data();
    struct sm_tpm *tpm = with_key();
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *sig = NULL;
    TSS2_RC rc;

    rc = Esys_Certify(sm_tpm_esys(tpm), loaded, loaded, ESYS_TR_PASSWORD,
                      ESYS_TR_PASSWORD, ESYS_TR_NONE, &data, &own, &attest,
                      &sig);
    done(tpm, rc, attest, sig);
    refused(SM_AUTH, SM_ATTEST_NOT_A_QUOTE, "certifies a key");
}
END_TEST

START_TEST(an_attested_time_is_no_quote)
{
    TPM2B_DATA data = extra_data();
    struct sm_tpm *tpm = with_key();
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *sig = NULL;
    TSS2_RC rc;

    rc = Esys_GetTime(sm_tpm_esys(tpm), ESYS_TR_RH_ENDORSEMENT, loaded,
                      ESYS_TR_PASSWORD, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                      &data, &own, &attest, &sig);
    done(tpm, rc, attest, sig);
    refused(SM_AUTH, SM_ATTEST_NOT_A_QUOTE, "attests the time");
}
END_TEST

/* A restricted key does sign what the TPM has not made, so long as it does
 * not begin with the TPM's magic: here, a quote but for that. */
START_TEST(a_quote_without_the_magic_is_refused)
{
    TPML_PCR_SELECTION s = all(TPM2_ALG_SHA256);
    TPMT_TK_HASHCHECK *ticket = NULL;
    TPM2B_DIGEST *digest = NULL;
    TPMT_SIGNATURE *sig = NULL;
    TPM2B_MAX_BUFFER text;
    struct sm_tpm *tpm;

    quote(&s);
    accepted();
    parts.attest.attestationData[0] ^= 1;
    text.size = parts.attest.size;
    memcpy(text.buffer, parts.attest.attestationData, text.size);
    tpm = with_key();
    ck_assert_uint_eq(Esys_Hash(sm_tpm_esys(tpm), ESYS_TR_NONE, ESYS_TR_NONE,
                                ESYS_TR_NONE, &text, TPM2_ALG_SHA256,
                                ESYS_TR_RH_OWNER, &digest, &ticket), 0);
    ck_assert_uint_eq(Esys_Sign(sm_tpm_esys(tpm), loaded, ESYS_TR_PASSWORD,
                                ESYS_TR_NONE, ESYS_TR_NONE, digest, &own,
                                ticket, &sig), 0);
    sm_tpm_flush(tpm, &loaded);
    sm_tpm_close(tpm);
    parts.signature = *sig;
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_NOT_A_QUOTE, "magic");
    Esys_Free(ticket);
    Esys_Free(digest);
    Esys_Free(sig);
}
END_TEST

/* ---- keys that could sign anything ---- */

static const TPM2B_SENSITIVE_CREATE no_secret;
static const TPM2B_DATA outside;
static const TPML_PCR_SELECTION no_pcrs;

/* A primary key with other attributes signs a quote as good as any. */
static void quote_with(TPMT_PUBLIC template)
{
    TPML_PCR_SELECTION selection = all(TPM2_ALG_SHA256);
    TPM2B_PUBLIC in = { .publicArea = template }, *made = NULL;
    struct sm_tpm *tpm = connected(&host);
    TPM2B_DATA data = extra_data();
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *sig = NULL;
    TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_ECDSA,
                               .details.ecdsa.hashAlg = TPM2_ALG_SHA256 };
    TSS2_RC rc;

    rc = Esys_CreatePrimary(sm_tpm_esys(tpm), ESYS_TR_RH_ENDORSEMENT,
                            ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                            &no_secret, &in, &outside, &no_pcrs, &loaded,
                            &made, NULL, NULL, NULL);
    ck_assert_uint_eq(rc, 0);
    parts.ak_len = sm_tpm_key_format(&made->publicArea, parts.ak);
    ck_assert(sm_tpm_key_name(&made->publicArea, ak_name));
    Esys_Free(made);
    ck_assert_int_eq(sm_tpm_pcr_read(tpm, parts.pcr, why, sizeof(why)), 0);
    rc = Esys_Quote(sm_tpm_esys(tpm), loaded, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                    ESYS_TR_NONE, &data,
                    template.parameters.eccDetail.scheme.scheme ==
                    TPM2_ALG_NULL ? &scheme : &own, &selection, &attest,
                    &sig);
    done(tpm, rc, attest, sig);
}

START_TEST(a_key_that_is_not_restricted_is_refused)
{
    TPMT_PUBLIC template;

    sm_tpm_key_ak_template(&template);
    quote_with(template);
    accepted();     /* of the template: so much for the test */
    template.objectAttributes &= ~TPMA_OBJECT_RESTRICTED;
    quote_with(template);
    refused(SM_AUTH, SM_ATTEST_UNFIT_KEY, "not restricted");
    template.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
    quote_with(template);
    refused(SM_AUTH, SM_ATTEST_UNFIT_KEY, "not restricted");
}
END_TEST

START_TEST(a_key_of_other_attributes_is_refused)
{
    TPMT_PUBLIC template;

    sm_tpm_key_ak_template(&template);
    template.objectAttributes &= ~(TPMA_OBJECT_RESTRICTED |
                                   TPMA_OBJECT_FIXEDTPM |
                                   TPMA_OBJECT_FIXEDPARENT);
    quote_with(template);
    refused(SM_AUTH, SM_ATTEST_UNFIT_KEY, "may leave its TPM");
    sm_tpm_key_ak_template(&template);
    template.objectAttributes &= ~TPMA_OBJECT_RESTRICTED;
    template.objectAttributes |= TPMA_OBJECT_DECRYPT;
    template.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
    quote_with(template);
    refused(SM_AUTH, SM_ATTEST_UNFIT_KEY, "not restricted");
}
END_TEST

START_TEST(a_key_of_another_curve_is_refused)
{
    TPMT_PUBLIC template;

    sm_tpm_key_ak_template(&template);
    template.parameters.eccDetail.curveID = TPM2_ECC_NIST_P384;
    quote_with(template);
    refused(SM_AUTH, SM_ATTEST_UNFIT_KEY, "not ECDSA P-256");
    sm_tpm_key_ak_template(&template);
    template.parameters.eccDetail.scheme.details.ecdsa.hashAlg =
        TPM2_ALG_SHA384;
    quote_with(template);
    refused(SM_AUTH, SM_ATTEST_UNFIT_KEY, "not ECDSA P-256");
}
END_TEST

/* Every attribute and parameter, without a TPM that would make such a key:
 * the certificate names it all the same. */
START_TEST(only_the_template_is_fit)
{
    TPMT_PUBLIC good = ak.public_half.publicArea, bad;
    const TPMA_OBJECT free_ones = TPMA_OBJECT_USERWITHAUTH |
        TPMA_OBJECT_NODA | TPMA_OBJECT_ADMINWITHPOLICY;
    int bit;

    for (bit = 0; bit < 32; bit++) {
        bad = good;
        bad.objectAttributes ^= (TPMA_OBJECT)1 << bit;
        ck_assert_msg(!sm_tpm_key_ak_problem(&bad) ==
                      !!(free_ones >> bit & 1), "bit %d", bit);
    }
    bad = good;
    bad.nameAlg = TPM2_ALG_SHA384;
    ck_assert_ptr_nonnull(sm_tpm_key_ak_problem(&bad));
    bad = good;
    bad.type = TPM2_ALG_RSA;
    ck_assert_ptr_nonnull(sm_tpm_key_ak_problem(&bad));
    bad = good;
    bad.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_AES;
    bad.parameters.eccDetail.symmetric.keyBits.aes = 128;
    bad.parameters.eccDetail.symmetric.mode.aes = TPM2_ALG_CFB;
    ck_assert_ptr_nonnull(sm_tpm_key_ak_problem(&bad));
    bad = good;
    bad.authPolicy.size = 32;
    ck_assert_ptr_null(sm_tpm_key_ak_problem(&bad));
}
END_TEST

/* ---- signatures ---- */

START_TEST(other_signatures_are_refused)
{
    TPML_PCR_SELECTION s = all(TPM2_ALG_SHA256);
    TPM2B_ECC_PARAMETER *r;
    struct parts good;

    quote(&s);
    good = parts;
    r = &parts.signature.signature.ecdsa.signatureR;
    r->size = 0;
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_SIGNATURE, "signature is wrong");
    memset(r->buffer, 0, 32);
    r->size = 32;
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_SIGNATURE, "signature is wrong");
    r->size = 33;
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_SIGNATURE, "signature is wrong");
    parts = good;
    parts.signature.signature.ecdsa.hash = TPM2_ALG_SHA1;
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_SIGNATURE, "signature is wrong");
    parts = good;
    parts.signature.sigAlg = TPM2_ALG_ECSCHNORR;
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_SIGNATURE, "signature is wrong");
    parts = good;
    parts.signature.sigAlg = TPM2_ALG_NULL;
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_SIGNATURE, "signature is wrong");
    parts = good;
    parts.attest.size--;
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_SIGNATURE, "signature is wrong");
    put_parts(&good);
    accepted();
}
END_TEST

/* A certificate may name a key that is no point of the curve. */
START_TEST(a_key_that_is_none_is_refused)
{
    TPMT_PUBLIC key = ak.public_half.publicArea;
    TPML_PCR_SELECTION s = all(TPM2_ALG_SHA256);

    quote(&s);
    key.unique.ecc.y.buffer[31] ^= 1;
    parts.ak_len = sm_tpm_key_format(&key, parts.ak);
    ck_assert(sm_tpm_key_name(&key, ak_name));
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_SIGNATURE, "signature is wrong");
    key.unique.ecc.y.size = 0;
    parts.ak_len = sm_tpm_key_format(&key, parts.ak);
    ck_assert(sm_tpm_key_name(&key, ak_name));
    put_parts(&parts);
    refused(SM_AUTH, SM_ATTEST_SIGNATURE, "signature is wrong");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attest forged");
    TCase *tc = tcase_create("swtpm");

    if (!swtpm_there())
        return 77;
    tcase_add_checked_fixture(tc, attest_make, attest_remove);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_is_put_together_here_is_good);
    tcase_add_test(tc, another_selection_is_refused);
    tcase_add_test(tc, another_bank_is_refused);
    tcase_add_test(tc, values_that_were_not_quoted_are_refused);
    tcase_add_test(tc, a_certified_key_is_no_quote);
    tcase_add_test(tc, an_attested_time_is_no_quote);
    tcase_add_test(tc, a_quote_without_the_magic_is_refused);
    tcase_add_test(tc, a_key_that_is_not_restricted_is_refused);
    tcase_add_test(tc, a_key_of_other_attributes_is_refused);
    tcase_add_test(tc, a_key_of_another_curve_is_refused);
    tcase_add_test(tc, only_the_template_is_fit);
    tcase_add_test(tc, other_signatures_are_refused);
    tcase_add_test(tc, a_key_that_is_none_is_refused);
    suite_add_tcase(suite, tc);
    return scratch_run(suite);
}
