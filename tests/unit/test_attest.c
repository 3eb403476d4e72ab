/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attestation against a TPM: what it proves is believed, and each thing that
 * can be wrong is a refusal of its own.
 */
#include "scratch.h"
#include "swtpm.h"
#include "attest.h"

#include <sys/resource.h>

/* ---- good ---- */

START_TEST(a_good_quote_is_accepted)
{
    static const uint8_t zero[32];
    uint8_t want[32], measured[64] = { 0 };

    swtpm_extend(&host, 7, "secure boot");
    prove();
    accepted();
    snprintf((char *)measured + 32, 32, "secure boot");
    crypto_hash_sha256(want, measured, 64);
    ck_assert_mem_eq(attested.pcr[7], want, 32);
    ck_assert_mem_eq(attested.pcr[0], zero, 32);
    ck_assert_mem_eq(attested.ak, ak_name, 32);
    ck_assert(!attested.has_log);
    ck_assert_uint_eq(attested.reset_count, 1);
    ck_assert_uint_eq(attested.restart_count, 0);
}
END_TEST

START_TEST(either_role_and_any_length_of_hash)
{
    expect.role = claims.role = SM_ATTEST_INITIATOR;
    expect.hash_len = claims.hash_len = 1;
    memset(claims.hash + 1, 0, 63);
    prove();
    accepted();
    expect.hash_len = 2;
    refused(SM_AUTH, SM_ATTEST_OTHER_SESSION, "another session");
}
END_TEST

START_TEST(the_event_log_is_bound)
{
    uint8_t want[32];
    size_t i;

    scratch_write("log", "events", 6, 0600);
    claims.has_log = sm_attest_event_log(scratch_path("log"), claims.log);
    ck_assert(claims.has_log);
    crypto_hash_sha256(want, (const uint8_t *)"events", 6);
    ck_assert_mem_eq(claims.log, want, 32);
    prove();
    accepted();
    ck_assert(attested.has_log);
    ck_assert_mem_eq(attested.log, want, 32);
    /* The digest behind version, role, nonce, hash and has_log. */
    for (i = 0; i < 2; i++) {
        evidence[2 + 1 + 32 + 4 + 64 + i] ^= 1;
        refused(SM_AUTH, SM_ATTEST_BINDING, "something else");
        evidence[2 + 1 + 32 + 4 + 64 + i] ^= 1;
    }
    accepted();
}
END_TEST

START_TEST(no_event_log)
{
    static const uint8_t zero[32];
    uint8_t log[32];

    memset(log, 1, 32);
    ck_assert(!sm_attest_event_log(scratch_path("none"), log));
    ck_assert_mem_eq(log, zero, 32);
    scratch_write("empty", "", 0, 0600);
    ck_assert(!sm_attest_event_log(scratch_path("empty"), log));
    ck_assert_int_eq(symlink("empty", scratch_path("link")), 0);
    ck_assert(!sm_attest_event_log(scratch_path("link"), log));
    ck_assert_int_eq(mkfifo(scratch_path("fifo"), 0600), 0);
    ck_assert(!sm_attest_event_log(scratch_path("fifo"), log));
    ck_assert(!sm_attest_event_log(scratch, log));
}
END_TEST

/* Judges verify when they can no longer open anything. */
START_TEST(no_file_is_needed_to_verify)
{
    struct rlimit before, none;

    prove();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert_int_eq(open("/dev/null", O_RDONLY), -1);
    accepted();
    evidence[evidence_len - 1] ^= 1;
    refused(SM_AUTH, SM_ATTEST_DIGEST, "not those that were quoted");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

/* ---- not of this demand ---- */

START_TEST(a_replayed_quote_is_refused)
{
    prove();
    accepted();
    nonce[31] ^= 1;     /* the next demand */
    refused(SM_AUTH, SM_ATTEST_REPLAYED, "replayed");
    hash[0] ^= 1;       /* ... and its session: replayed all the same */
    refused(SM_AUTH, SM_ATTEST_REPLAYED, "replayed");
    /* Its claims made to fit, the quote does not fit them. */
    memcpy(evidence + 3, nonce, sizeof(nonce));
    memcpy(evidence + 3 + 32 + 4, hash, sizeof(hash));
    refused(SM_AUTH, SM_ATTEST_BINDING, "something else");
}
END_TEST

START_TEST(a_quote_of_another_session_is_refused)
{
    prove();
    hash[63] ^= 1;
    refused(SM_AUTH, SM_ATTEST_OTHER_SESSION, "another session");
    memcpy(evidence + 3 + 32 + 4, hash, sizeof(hash));
    refused(SM_AUTH, SM_ATTEST_BINDING, "something else");
}
END_TEST

START_TEST(a_reflected_quote_is_refused)
{
    claims.role = SM_ATTEST_INITIATOR;
    prove();
    refused(SM_AUTH, SM_ATTEST_REFLECTED, "the other role");
    evidence[2] = SM_ATTEST_RESPONDER;
    refused(SM_AUTH, SM_ATTEST_BINDING, "something else");
    evidence[2] = 3;
    refused(SM_AUTH, SM_ATTEST_BINDING, "something else");
}
END_TEST

START_TEST(extra_data_of_another_kind_is_refused)
{
    uint8_t quote[SM_ATTEST_QUOTE_MAX];
    struct sm_tpm *tpm = connected(&host);
    size_t len;

    /* The nonce alone, as other programs have it signed. */
    ck_assert_int_eq(sm_tpm_quote(tpm, &ak, nonce, quote, sizeof(quote), &len,
                                  why, sizeof(why)), 0);
    sm_tpm_close(tpm);
    ck_assert_int_eq(sm_attest_evidence(&claims, quote, len, evidence,
                                        sizeof(evidence), &evidence_len), 0);
    refused(SM_AUTH, SM_ATTEST_BINDING, "something else");
}
END_TEST

/* ---- not of this key ---- */

START_TEST(an_unknown_key_is_refused)
{
    uint8_t other[32];

    prove();
    memcpy(other, ak_name, 32);
    other[0] ^= 1;
    expect.ak = other;
    refused(SM_AUTH, SM_ATTEST_UNKNOWN_KEY, "names another one");
    expect.ak = NULL;
    refused(SM_AUTH, SM_ATTEST_UNKNOWN_KEY, "no certificate with");
}
END_TEST

START_TEST(a_bad_certificate_is_refused)
{
    prove();
    expect.certificate = "expired on 2026-11-21T00:00:00Z";
    refused(SM_AUTH, SM_ATTEST_CERTIFICATE, "does not count: expired on");
}
END_TEST

START_TEST(no_tpm)
{
    evidence_len = 0;
    refused(SM_UNMET, SM_ATTEST_NO_TPM, "cannot prove what it is");
    expect.refused = "it has no TPM";
    refused(SM_UNMET, SM_ATTEST_NO_TPM, ": it has no TPM");
}
END_TEST

START_TEST(another_tpm_cannot_use_the_key)
{
    uint8_t extra[32] = { 0 }, quote[SM_ATTEST_QUOTE_MAX];
    struct swtpm other;
    struct sm_tpm *tpm;
    size_t len = 1;

    swtpm_start(&other, "other");
    tpm = connected(&other);
    ck_assert_int_eq(sm_tpm_quote(tpm, &ak, extra, quote, sizeof(quote), &len,
                                  why, sizeof(why)), SM_STATE);
    ck_assert_uint_eq(len, 0);
    ck_assert_ptr_nonnull(strstr(why, "of another TPM"));
    sm_tpm_close(tpm);
    swtpm_kill(&other);
}
END_TEST

/* ---- damaged ---- */

START_TEST(truncated_at_every_length_it_is_refused)
{
    size_t whole;
    uint8_t *copy;

    prove();
    whole = evidence_len;
    for (evidence_len = 1; evidence_len < whole; evidence_len++) {
        copy = malloc(evidence_len);    /* so that sanitizers see its end */
        memcpy(copy, evidence, evidence_len);
        ck_assert_int_eq(sm_attest_verify(&expect, copy, evidence_len,
                                          &attested, &problem, why,
                                          sizeof(why)), SM_PROTOCOL);
        ck_assert_int_eq(problem, SM_ATTEST_MALFORMED);
        ck_assert_ptr_nonnull(strstr(why, "malformed"));
        free(copy);
    }
    accepted();
}
END_TEST

START_TEST(trailing_bytes_are_refused)
{
    prove();
    evidence[evidence_len++] = 0;
    refused(SM_PROTOCOL, SM_ATTEST_MALFORMED, "bytes follow");
    evidence_len = sizeof(evidence);
    refused(SM_PROTOCOL, SM_ATTEST_MALFORMED, "bytes follow");
    ck_assert_int_eq(sm_attest_verify(&expect, evidence, sizeof(evidence) + 1,
                                      &attested, &problem, why, sizeof(why)),
                     SM_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(why, "too long"));
}
END_TEST

START_TEST(every_flipped_bit_is_refused)
{
    size_t i, seen[SM_ATTEST_PROBLEMS] = { 0 };
    int bit;

    prove();
    for (i = 0; i < evidence_len; i++)
        for (bit = 0; bit < 8; bit++) {
            evidence[i] ^= (uint8_t)(1 << bit);
            ck_assert_msg(verify_it() != 0, "byte %zu bit %d", i, bit);
            ck_assert_str_ne(why, "");
            ck_assert_int_ne(problem, SM_ATTEST_GOOD);
            seen[problem]++;
            evidence[i] ^= (uint8_t)(1 << bit);
        }
    accepted();
    /* Bits of the key, of what was signed, of values, of claims. */
    ck_assert_uint_gt(seen[SM_ATTEST_MALFORMED], 16);
    ck_assert_uint_gt(seen[SM_ATTEST_UNKNOWN_KEY], 500);
    ck_assert_uint_gt(seen[SM_ATTEST_SIGNATURE], 1000);
    ck_assert_uint_eq(seen[SM_ATTEST_DIGEST], 24 * 32 * 8);
    ck_assert_uint_gt(seen[SM_ATTEST_BINDING], 1000);
}
END_TEST

START_TEST(unknown_versions_are_refused)
{
    prove();
    evidence[1] = 2;
    refused(SM_PROTOCOL, SM_ATTEST_MALFORMED, "version");
}
END_TEST

/* ---- problems ---- */

START_TEST(each_problem_has_words_of_its_own)
{
    enum sm_attest_problem a, b;

    for (a = 0; a < SM_ATTEST_PROBLEMS; a++) {
        ck_assert_ptr_nonnull(sm_attest_problem_word(a));
        ck_assert_ptr_nonnull(sm_attest_problem_text(a));
        ck_assert_ptr_null(strchr(sm_attest_problem_word(a), ' '));
        for (b = 0; b < a; b++) {
            ck_assert_str_ne(sm_attest_problem_word(a),
                             sm_attest_problem_word(b));
            ck_assert_str_ne(sm_attest_problem_text(a),
                             sm_attest_problem_text(b));
        }
    }
    ck_assert_str_eq(sm_attest_problem_word(SM_ATTEST_PROBLEMS), "unknown");
    ck_assert_str_eq(sm_attest_problem_text((enum sm_attest_problem)-1),
                     "unknown problem");
}
END_TEST

START_TEST(claims_that_are_none_are_not_proven)
{
    uint8_t extra[32], out[SM_ATTEST_EVIDENCE_MAX];
    struct sm_attest_claims bad;
    size_t len;
    int i;

    for (i = 0; i < 5; i++) {
        bad = claims;
        switch (i) {
        case 0: bad.role = 0; break;
        case 1: bad.role = 3; break;
        case 2: bad.hash_len = 0; break;
        case 3: bad.hash_len = 65; break;
        default: bad.log[0] = 1; break;
        }
        ck_assert_int_eq(sm_attest_extra(&bad, extra), SM_USAGE);
        ck_assert_int_eq(sm_attest_evidence(&bad, "", 1, out, sizeof(out),
                                            &len), SM_USAGE);
        ck_assert_uint_eq(len, 0);
    }
    ck_assert_int_eq(sm_attest_evidence(&claims, "quote", 5, out, 140, &len),
                     SM_USAGE);
    ck_assert_int_eq(sm_attest_evidence(&claims, out, 4000, out, sizeof(out),
                                        &len), SM_USAGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attest");
    TCase *tc = tcase_create("swtpm");

    if (!swtpm_there())
        return 77;
    tcase_add_checked_fixture(tc, attest_make, attest_remove);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_good_quote_is_accepted);
    tcase_add_test(tc, either_role_and_any_length_of_hash);
    tcase_add_test(tc, the_event_log_is_bound);
    tcase_add_test(tc, no_event_log);
    tcase_add_test(tc, no_file_is_needed_to_verify);
    tcase_add_test(tc, a_replayed_quote_is_refused);
    tcase_add_test(tc, a_quote_of_another_session_is_refused);
    tcase_add_test(tc, a_reflected_quote_is_refused);
    tcase_add_test(tc, extra_data_of_another_kind_is_refused);
    tcase_add_test(tc, an_unknown_key_is_refused);
    tcase_add_test(tc, a_bad_certificate_is_refused);
    tcase_add_test(tc, no_tpm);
    tcase_add_test(tc, another_tpm_cannot_use_the_key);
    tcase_add_test(tc, truncated_at_every_length_it_is_refused);
    tcase_add_test(tc, trailing_bytes_are_refused);
    tcase_add_test(tc, every_flipped_bit_is_refused);
    tcase_add_test(tc, unknown_versions_are_refused);
    tcase_add_test(tc, each_problem_has_words_of_its_own);
    tcase_add_test(tc, claims_that_are_none_are_not_proven);
    suite_add_tcase(suite, tc);
    return scratch_run(suite);
}
