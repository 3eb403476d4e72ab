/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of channel/kem.h.  The handshake with it is
 * compared with another implementation by tests/vectors/noise_hfs.py. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/secret.h"
#include "channel/kem.h"

static uint8_t secret[SM_KEM_SECRET_LEN], public[SM_KEM_PUBLIC_LEN];
static uint8_t ciphertext[SM_KEM_CIPHERTEXT_LEN];
static uint8_t shared[SM_KEM_SHARED_LEN], again[SM_KEM_SHARED_LEN];

static bool have(const char *name)
{
    if (sm_kem_available())
        return true;
    printf("skip - %.*s: libsodium before 1.0.22\n", (int)strlen(name) - 3,
           name);
    fflush(stdout);
    return false;
}

START_TEST(what_is_encapsulated_is_decapsulated)
{
    if (!have(__func__))
        return;
    ck_assert_int_eq(sm_kem_keypair(NULL, secret, public), 0);
    ck_assert_int_eq(sm_kem_encaps(NULL, public, ciphertext, shared), 0);
    ck_assert_int_eq(sm_kem_decaps(secret, ciphertext, again), 0);
    ck_assert_mem_eq(shared, again, sizeof(shared));
    /* Another time, another secret. */
    ck_assert_int_eq(sm_kem_encaps(NULL, public, ciphertext, again), 0);
    ck_assert_mem_ne(shared, again, sizeof(shared));
}
END_TEST

START_TEST(a_changed_ciphertext_gives_a_secret_that_nobody_knows)
{
    size_t i;

    if (!have(__func__))
        return;
    ck_assert_int_eq(sm_kem_keypair(NULL, secret, public), 0);
    for (i = 0; i < SM_KEM_CIPHERTEXT_LEN; i += 31) {
        ck_assert_int_eq(sm_kem_encaps(NULL, public, ciphertext, shared), 0);
        ciphertext[i] ^= 1;
        ck_assert_int_eq(sm_kem_decaps(secret, ciphertext, again), 0);
        ck_assert_mem_ne(shared, again, sizeof(shared));
    }
}
END_TEST

/* FIPS 203, section 7.2: coefficients of 3329 and more are refused. */
START_TEST(a_key_that_is_none_is_refused)
{
    static const uint8_t zeroes[SM_KEM_SHARED_LEN];
    uint8_t first, second;
    size_t i;

    if (!have(__func__))
        return;
    ck_assert_int_eq(sm_kem_keypair(NULL, secret, public), 0);
    for (i = 0; i + 1 < SM_KEM_PUBLIC_LEN - 32; i += 3) {
        first = public[i];
        second = public[i + 1];
        public[i] = 0x01;               /* 0xd01 is 3329 */
        public[i + 1] = (uint8_t)((second & 0xf0) | 0x0d);
        memset(shared, 0xee, sizeof(shared));
        ck_assert_int_eq(sm_kem_encaps(NULL, public, ciphertext, shared),
                         SM_PROTOCOL);
        ck_assert_mem_eq(shared, zeroes, sizeof(shared));
        public[i] = 0x00;               /* 3328 is a coefficient */
        ck_assert_int_eq(sm_kem_encaps(NULL, public, ciphertext, shared), 0);
        public[i] = first;
        public[i + 1] = second;
    }
}
END_TEST

START_TEST(without_it_everything_says_so)
{
    static const uint8_t zeroes[SM_KEM_SHARED_LEN];

    if (sm_kem_available())
        return;
    ck_assert_int_eq(sm_kem_keypair(NULL, secret, public), SM_CONFIG);
    memset(shared, 0xee, sizeof(shared));
    ck_assert_int_eq(sm_kem_encaps(NULL, public, ciphertext, shared),
                     SM_CONFIG);
    ck_assert_mem_eq(shared, zeroes, sizeof(shared));
    ck_assert_int_eq(sm_kem_decaps(secret, ciphertext, shared), SM_CONFIG);
}
END_TEST

/*
 * Keys, ciphertexts and secrets from a stream of SHAKE128, and the digest of
 * them all: what Go's crypto/mlkem publishes for FIPS 203 (TestAccumulated).
 * The last decapsulation of each round is one that is rejected.
 */
START_TEST(ten_thousand_known_answers)
{
    enum { ROUNDS = 10000,
           PART = SM_KEM_SEED_LEN + SM_KEM_ENCAPS_SEED_LEN +
                  SM_KEM_CIPHERTEXT_LEN };
    static const uint8_t want[32] = {
        0x8a, 0x51, 0x8c, 0xc6, 0x3d, 0xa3, 0x66, 0x32,
        0x2a, 0x8e, 0x7a, 0x81, 0x8c, 0x7a, 0x0d, 0x63,
        0x48, 0x3c, 0xb3, 0x52, 0x8d, 0x34, 0xa4, 0xcf,
        0x42, 0xf3, 0x5d, 0x5a, 0xd7, 0x3f, 0x22, 0xfc,
    };
    uint8_t got[32], *stream, *p;
    EVP_MD_CTX *in, *out;
    int i;

    if (!have(__func__))
        return;
    stream = malloc((size_t)ROUNDS * PART);
    in = EVP_MD_CTX_new();
    out = EVP_MD_CTX_new();
    ck_assert(stream && in && out);
    ck_assert(EVP_DigestInit_ex(in, EVP_shake128(), NULL));
    ck_assert(EVP_DigestFinalXOF(in, stream, (size_t)ROUNDS * PART));
    ck_assert(EVP_DigestInit_ex(out, EVP_shake128(), NULL));
    for (i = 0, p = stream; i < ROUNDS; i++, p += PART) {
        ck_assert_int_eq(sm_kem_keypair(p, secret, public), 0);
        ck_assert_int_eq(sm_kem_encaps(p + SM_KEM_SEED_LEN, public,
                                       ciphertext, shared), 0);
        ck_assert_int_eq(sm_kem_decaps(secret, ciphertext, again), 0);
        ck_assert_mem_eq(shared, again, sizeof(shared));
        ck_assert_int_eq(sm_kem_decaps(secret, p + SM_KEM_SEED_LEN +
                                       SM_KEM_ENCAPS_SEED_LEN, again), 0);
        ck_assert(EVP_DigestUpdate(out, public, sizeof(public)) &&
                  EVP_DigestUpdate(out, ciphertext, sizeof(ciphertext)) &&
                  EVP_DigestUpdate(out, shared, sizeof(shared)) &&
                  EVP_DigestUpdate(out, again, sizeof(again)));
    }
    ck_assert(EVP_DigestFinalXOF(out, got, sizeof(got)));
    ck_assert_mem_eq(got, want, sizeof(want));
    EVP_MD_CTX_free(in);
    EVP_MD_CTX_free(out);
    free(stream);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kem");
    TCase *t = tcase_create("contract");
    SRunner *runner;
    int failed;

    if (sm_secret_init())
        return EXIT_FAILURE;
    tcase_set_timeout(t, 60);
    tcase_add_test(t, what_is_encapsulated_is_decapsulated);
    tcase_add_test(t,
        a_changed_ciphertext_gives_a_secret_that_nobody_knows);
    tcase_add_test(t, a_key_that_is_none_is_refused);
    tcase_add_test(t, without_it_everything_says_so);
    tcase_add_test(t, ten_thousand_known_answers);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
