/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a handshake of channel/noise.h starts from, and the static key that
 * lives elsewhere. */
#include "noise_pair.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- parameters ---- */

static void refused(const struct sm_noise_params *p)
{
    struct sm_noise *n = (struct sm_noise *)p;

    ck_assert_int_eq(sm_noise_new(&n, p), SM_USAGE);
    ck_assert_ptr_null(n);
}

static int refuse_dh(void *ctx, const uint8_t public[static SM_DH_LEN],
                     uint8_t shared[static SM_DH_LEN])
{
    (void)public;
    memset(shared, 1, SM_DH_LEN);
    return *(const int *)ctx;
}

START_TEST(missing_or_superfluous_keys_are_refused)
{
    const char *nnpsk0 = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b";
    const char *ik = "Noise_IK_25519_ChaChaPoly_BLAKE2b";
    struct sm_noise_params p, good;
    struct keys k;

    make_keys(&k);
    good = params(&k, XX, 0);
    p = good; p.protocol = NULL; refused(&p);
    p = good; p.static_public = NULL; refused(&p);
    p = good; p.static_secret = NULL; refused(&p);
    p = good; p.dh = refuse_dh; refused(&p);        /* a secret as well */
    p = good; p.remote_static = k.public[1]; refused(&p);
    p = good; p.n_psks = 1; refused(&p);
    p = good; p.prologue = NULL; refused(&p);
    p = good; p.static_public = k.public[1]; refused(&p);

    good = params(&k, nnpsk0, 0);
    p = good; p.n_psks = 0; refused(&p);
    p = good; p.n_psks = 2; refused(&p);
    p = good; p.psks = NULL; refused(&p);
    p = good; p.static_public = k.public[0]; refused(&p);
    p = good; p.static_secret = k.secret[0]; refused(&p);
    p = good; p.dh = refuse_dh; refused(&p);

    good = params(&k, ik, 0);
    p = good; p.remote_static = NULL; refused(&p);
    p = good; p.remote_static = k.public[0]; refused(&p);
}
END_TEST

START_TEST(parameters_are_copied)
{
    char prologue[] = "prologue", protocol[] = XXPSK0;
    struct sm_noise_params p;
    struct keys k, other;
    struct pair pair;

    make_keys(&k);
    other = k;
    p = params(&other, protocol, 0);
    p.prologue = prologue;
    ck_assert_int_eq(sm_noise_new(&pair.side[0], &p), 0);
    memset(&other, 0, sizeof(other));
    memset(prologue, 0, sizeof(prologue));
    memset(protocol, 0, sizeof(protocol));
    p = params(&k, XXPSK0, 1);
    ck_assert_int_eq(sm_noise_new(&pair.side[1], &p), 0);
    run_all(&pair);
    pair_end(&pair);
}
END_TEST

START_TEST(ephemeral_keys_are_fresh_unless_a_test_fixes_them)
{
    struct sm_noise_params p;
    struct sm_noise *n;
    struct wire w[4];
    struct keys k;
    int i;

    make_keys(&k);
    for (i = 0; i < 4; i++) {
        p = params(&k, XX, 0);
        p.ephemeral_secret = i < 2 ? NULL : k.secret[1];
        ck_assert_int_eq(sm_noise_new(&n, &p), 0);
        write_ok(n, "", &w[i]);
        sm_noise_free(n);
    }
    ck_assert_mem_ne(w[0].data, w[1].data, w[0].len);
    ck_assert_mem_eq(w[2].data, w[3].data, w[2].len);
    ck_assert_mem_eq(w[2].data, k.public[1], SM_DH_LEN);
}
END_TEST

/* ---- the static key behind a callback ---- */

struct remote_key {
    const struct keys *keys;
    int side, calls;
};

static int remote_dh(void *ctx, const uint8_t public[static SM_DH_LEN],
                     uint8_t shared[static SM_DH_LEN])
{
    struct remote_key *r = ctx;

    r->calls++;
    return sm_dh_shared(r->keys->secret[r->side], public, shared);
}

START_TEST(the_static_key_may_live_behind_a_callback)
{
    static const char *const protocols[] = {
        XX, "Noise_KK_25519_ChaChaPoly_SHA256",
        "Noise_IKpsk1_25519_ChaChaPoly_SHA512",
    };
    struct sm_noise_params p;
    struct remote_key r[2];
    struct pair pair;
    size_t i;
    int side;

    for (i = 0; i < COUNT(protocols); i++) {
        make_keys(&pair.keys);
        for (side = 0; side < 2; side++) {
            r[side] = (struct remote_key){ &pair.keys, side, 0 };
            p = params(&pair.keys, protocols[i], side);
            p.static_secret = NULL;
            p.dh = remote_dh;
            p.dh_ctx = &r[side];
            ck_assert_int_eq(sm_noise_new(&pair.side[side], &p), 0);
        }
        run_all(&pair);
        ck_assert_int_ge(r[0].calls, 1);
        ck_assert_int_ge(r[1].calls, 1);
        pair_end(&pair);
    }
}
END_TEST

START_TEST(an_error_of_the_callback_ends_the_handshake_and_is_returned)
{
    static const struct {
        int answer, want;
    } rows[] = { { SM_IO, SM_IO }, { SM_AUTH, SM_AUTH }, { 7, SM_FAIL } };
    struct sm_noise_params p;
    struct pair pair;
    struct wire w;
    size_t i, len;
    int answer;

    for (i = 0; i < COUNT(rows); i++) {
        answer = rows[i].answer;
        make_keys(&pair.keys);
        p = params(&pair.keys, XX, 0);
        ck_assert_int_eq(sm_noise_new(&pair.side[0], &p), 0);
        p = params(&pair.keys, XX, 1);
        p.static_secret = NULL;
        p.dh = refuse_dh;
        p.dh_ctx = &answer;
        ck_assert_int_eq(sm_noise_new(&pair.side[1], &p), 0);
        run_until(&pair, 1, &w);
        ck_assert_int_eq(sm_noise_write(pair.side[1], "", 0, w.data,
                                        sizeof(w.data), &len), rows[i].want);
        ck_assert_uint_eq(len, 0);
        check_dead(pair.side[1]);
        pair_end(&pair);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("noise parameters");
    TCase *t = tcase_create("contract");

    if (sm_secret_init())
        return EXIT_FAILURE;
    tcase_set_timeout(t, 60);
    tcase_add_test(t, missing_or_superfluous_keys_are_refused);
    tcase_add_test(t, parameters_are_copied);
    tcase_add_test(t, ephemeral_keys_are_fresh_unless_a_test_fixes_them);
    tcase_add_test(t, the_static_key_may_live_behind_a_callback);
    tcase_add_test(t,
        an_error_of_the_callback_ends_the_handshake_and_is_returned);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
