/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public keys of low order, which give a shared secret that everybody knows:
 * refused wherever they appear. */
#include "noise_pair.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The points of order 1, 2, 4 and 8, canonical or not (RFC 7748 and
 * "Curve25519", section on small subgroups). */
static const uint8_t low_order[][SM_DH_LEN] = {
    { 0 },
    { 1 },
    { 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
      0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
      0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
    { 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
      0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
      0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57 },
    { 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
    { 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
    { 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};

START_TEST(a_low_order_ephemeral_key_is_refused)
{
    struct pair pair;
    struct wire w;
    size_t len;
    int top;

    for (top = 0; top < 2; top++) {
        /* NK: the responder's DH follows at once. */
        pair_start(&pair, "Noise_NK_25519_ChaChaPoly_BLAKE2b");
        write_ok(pair.side[0], "", &w);
        memcpy(w.data, low_order[_i], SM_DH_LEN);
        w.data[SM_DH_LEN - 1] |= (uint8_t)(top << 7);
        ck_assert_int_eq(read_wire(pair.side[1], &w), SM_PROTOCOL);
        check_dead(pair.side[1]);
        pair_end(&pair);
        /* XX: it comes with message 2. */
        pair_start(&pair, XX);
        write_ok(pair.side[0], "", &w);
        memcpy(w.data, low_order[_i], SM_DH_LEN);
        w.data[SM_DH_LEN - 1] |= (uint8_t)(top << 7);
        if (!read_wire(pair.side[1], &w))
            ck_assert_int_eq(sm_noise_write(pair.side[1], "", 0, w.data,
                                            sizeof(w.data), &len),
                             SM_PROTOCOL);
        check_dead(pair.side[1]);
        pair_end(&pair);
    }
}
END_TEST

static int any_dh(void *ctx, const uint8_t public[static SM_DH_LEN],
                  uint8_t shared[static SM_DH_LEN])
{
    (void)public;
    memcpy(shared, ctx, SM_DH_LEN);
    return 0;
}

START_TEST(a_low_order_static_key_is_refused)
{
    uint8_t guess[SM_DH_LEN] = { 1 };
    struct sm_noise_params p;
    struct pair pair;
    struct wire w;

    /* A responder whose static key is such a point: it would know every
     * shared secret of it (zeroes) without owning a secret key. */
    make_keys(&pair.keys);
    p = params(&pair.keys, XX, 0);
    ck_assert_int_eq(sm_noise_new(&pair.side[0], &p), 0);
    p = params(&pair.keys, XX, 1);
    p.static_secret = NULL;
    p.static_public = low_order[_i];
    p.dh = any_dh;
    p.dh_ctx = guess;
    ck_assert_int_eq(sm_noise_new(&pair.side[1], &p), 0);
    run_until(&pair, 1, &w);
    write_ok(pair.side[1], "", &w);
    ck_assert_int_eq(read_wire(pair.side[0], &w), SM_PROTOCOL);
    check_dead(pair.side[0]);
    pair_end(&pair);

    /* The same key configured beforehand. */
    p = params(&pair.keys, "Noise_NK_25519_ChaChaPoly_BLAKE2b", 0);
    p.remote_static = low_order[_i];
    ck_assert_int_eq(sm_noise_new(&pair.side[0], &p), 0);
    ck_assert_int_eq(sm_noise_write(pair.side[0], "", 0, w.data,
                                    sizeof(w.data), &w.len), SM_PROTOCOL);
    check_dead(pair.side[0]);
    sm_noise_free(pair.side[0]);
}
END_TEST

START_TEST(a_callback_that_answers_zeroes_is_refused)
{
    uint8_t zeroes[SM_DH_LEN] = { 0 };
    struct sm_noise_params p;
    struct pair pair;
    struct wire w;
    size_t len;

    make_keys(&pair.keys);
    p = params(&pair.keys, XX, 0);
    ck_assert_int_eq(sm_noise_new(&pair.side[0], &p), 0);
    p = params(&pair.keys, XX, 1);
    p.static_secret = NULL;
    p.dh = any_dh;
    p.dh_ctx = zeroes;
    ck_assert_int_eq(sm_noise_new(&pair.side[1], &p), 0);
    run_until(&pair, 1, &w);
    ck_assert_int_eq(sm_noise_write(pair.side[1], "", 0, w.data,
                                    sizeof(w.data), &len), SM_PROTOCOL);
    check_dead(pair.side[1]);
    pair_end(&pair);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("noise and keys of low order");
    TCase *t = tcase_create("attack");
    const int points = (int)COUNT(low_order);

    if (sm_secret_init())
        return EXIT_FAILURE;
    tcase_add_loop_test(t, a_low_order_ephemeral_key_is_refused, 0, points);
    tcase_add_loop_test(t, a_low_order_static_key_is_refused, 0, points);
    tcase_add_test(t, a_callback_that_answers_zeroes_is_refused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
