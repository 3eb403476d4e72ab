/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of channel/noise.h and noise_cipher.h;
 * parameters are in test_noise_params.c, attacks in test_noise_attack.c. */
#include "noise_pair.h"

static const char *const names[] = {
    "N", "K", "X", "NN", "NK", "NX", "KN", "KK", "KX", "XN", "XK", "XX",
    "IN", "IK", "IX", "X1X1", "I1K1", "NNpsk0", "NNpsk2", "XXpsk0", "XXpsk3",
    "KKpsk0+psk2", "XXpsk0+psk1+psk2+psk3", "IKpsk1", "X1Kpsk4", "Npsk0",
};
static const char *const ciphers[] = { "ChaChaPoly", "AESGCM" };
static const char *const hashes[] = { "BLAKE2b", "SHA256", "SHA512" };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- whole handshakes ---- */

static void whole_handshake(const char *protocol)
{
    uint8_t tx[2][SM_NOISE_KEY_LEN], rx[2][SM_NOISE_KEY_LEN];
    uint8_t hash[2][SM_HASH_MAX], key[SM_NOISE_KEY_LEN];
    struct sm_noise_needs want;
    struct pair pair;
    size_t len[2];
    int i;

    pair_start(&pair, protocol);
    run_all(&pair);
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(sm_noise_hash(pair.side[i], hash[i], &len[i]), 0);
        ck_assert_int_eq(sm_noise_needs(protocol, i == 1, &want), 0);
        if (want.local_static) {        /* the other side has one */
            ck_assert_int_eq(sm_noise_remote_static(pair.side[i], key), 0);
            ck_assert_mem_eq(key, pair.keys.public[!i], sizeof(key));
        } else {
            ck_assert_int_eq(sm_noise_remote_static(pair.side[i], key),
                             SM_STATE);
        }
        ck_assert_int_eq(sm_noise_split(pair.side[i], tx[i], rx[i]), 0);
    }
    ck_assert_uint_eq(len[0], len[1]);
    ck_assert_mem_eq(hash[0], hash[1], len[0]);
    ck_assert_mem_eq(tx[0], rx[1], sizeof(tx[0]));
    ck_assert_mem_eq(rx[0], tx[1], sizeof(rx[0]));
    ck_assert_mem_ne(tx[0], rx[0], sizeof(tx[0]));
    pair_end(&pair);
}

START_TEST(every_pattern_cipher_and_hash_ends_with_equal_keys)
{
    char protocol[128];
    size_t i, j, k, ran = 0;

    for (i = 0; i < COUNT(names); i++)
        for (j = 0; j < COUNT(ciphers); j++)
            for (k = 0; k < COUNT(hashes); k++) {
                snprintf(protocol, sizeof(protocol), "Noise_%s_25519_%s_%s",
                         names[i], ciphers[j], hashes[k]);
                if (!strcmp(ciphers[j], "AESGCM") &&
                    !have_protocol(protocol, __func__))
                    continue;
                whole_handshake(protocol);
                ran++;
            }
    ck_assert_uint_ge(ran, COUNT(names) * COUNT(hashes));
}
END_TEST

/* The rows of tokens are full when every modifier is there. */
static const char *const hybrids[] = {
    "NNhfs", "XXhfs", "IKhfs", "KKhfs", "IXhfs", "KXhfs", "X1X1hfs",
    "NK1hfs", "XXhfs+psk0", "KKhfs+psk0+psk2", "IXhfs+psk2",
    "KXhfs+psk2", "IKhfs+psk0+psk1+psk2", "XXhfs+psk0+psk1+psk2+psk3",
};

START_TEST(patterns_with_a_kem_end_with_equal_keys)
{
    char protocol[128];
    size_t i, k;

    for (i = 0; i < COUNT(hybrids); i++)
        for (k = 0; k < COUNT(hashes); k++) {
            snprintf(protocol, sizeof(protocol),
                     "Noise_%s_25519+MLKEM768_ChaChaPoly_%s", hybrids[i],
                     hashes[k]);
            if (!have_protocol(protocol, __func__))
                return;
            whole_handshake(protocol);
        }
}
END_TEST

START_TEST(unusable_names_say_why)
{
    static const struct {
        const char *name, *why;
    } bad[] = {
        { "", "name does not start with Noise_" },
        { "NoisePSK_XX_25519_ChaChaPoly_BLAKE2b",
          "name does not start with Noise_" },
        { "Noise_", "pattern is not in the table" },
        { "Noise_ZZ_25519_ChaChaPoly_BLAKE2b",
          "pattern is not in the table" },
        { "Noise_X_X_25519_ChaChaPoly_BLAKE2b", "DH is not 25519" },
        { "Noise_XXfallback_25519_ChaChaPoly_BLAKE2b",
          "modifier is not hfs or psk0 to psk4" },
        { "Noise_XXpsk5_25519_ChaChaPoly_BLAKE2b",
          "modifier is not hfs or psk0 to psk4" },
        { "Noise_XXpsk_25519_ChaChaPoly_BLAKE2b",
          "modifier is not hfs or psk0 to psk4" },
        { "Noise_XXpsk3+psk0_25519_ChaChaPoly_BLAKE2b",
          "modifiers are not in order" },
        { "Noise_XXpsk0+psk0_25519_ChaChaPoly_BLAKE2b",
          "modifiers are not in order" },
        { "Noise_XXpsk0psk1_25519_ChaChaPoly_BLAKE2b",
          "modifiers are not separated by one +" },
        { "Noise_XXpsk0+_25519_ChaChaPoly_BLAKE2b",
          "modifiers are not separated by one +" },
        { "Noise_NNpsk3_25519_ChaChaPoly_BLAKE2b",
          "psk modifier is beyond the last message" },
        { "Noise_XXhfs_25519_ChaChaPoly_BLAKE2b",
          "DH and KEM are not 25519+MLKEM768" },
        { "Noise_XXhfs_25519+Kyber1024_ChaChaPoly_BLAKE2b",
          "DH and KEM are not 25519+MLKEM768" },
        { "Noise_XX_25519+MLKEM768_ChaChaPoly_BLAKE2b",
          "DH is not 25519" },
        { "Noise_Xhfs_25519+MLKEM768_ChaChaPoly_BLAKE2b",
          "hfs has no place in a one-way pattern" },
        { "Noise_XXpsk0+hfs_25519+MLKEM768_ChaChaPoly_BLAKE2b",
          "modifiers are not in order" },
        { "Noise_XXhfs+_25519+MLKEM768_ChaChaPoly_BLAKE2b",
          "modifiers are not separated by one +" },
        { "Noise_XXhfs+hfs_25519+MLKEM768_ChaChaPoly_BLAKE2b",
          "modifiers are not in order" },
        { "Noise_XXhfsx_25519+MLKEM768_ChaChaPoly_BLAKE2b",
          "modifier is not hfs or psk0 to psk4" },
        { "Noise_XX", "name ends after the pattern" },
        { "Noise_XX_448_ChaChaPoly_BLAKE2b", "DH is not 25519" },
        { "Noise_XX_25519", "name ends after the DH" },
        { "Noise_XX_25519_chachapoly_BLAKE2b",
          "cipher is not ChaChaPoly or AESGCM" },
        { "Noise_XX_25519_ChaChaPoly", "name ends after the cipher" },
        { "Noise_XX_25519_ChaChaPoly_BLAKE2s",
          "hash BLAKE2s is not in libsodium" },
        { "Noise_XX_25519_ChaChaPoly_SHA1",
          "hash is not BLAKE2b, SHA256 or SHA512" },
        { "Noise_XX_25519_ChaChaPoly_BLAKE2b_",
          "hash is not BLAKE2b, SHA256 or SHA512" },
        { "Noise_XX_25519_ChaChaPoly_BLAKE2b ",
          "hash is not BLAKE2b, SHA256 or SHA512" },
    };
    struct sm_noise_params p = { .initiator = true };
    struct sm_noise_needs want;
    struct sm_noise *n;
    char longest[300];
    size_t i;

    ck_assert_ptr_null(sm_noise_unsupported(XX));
    for (i = 0; i < COUNT(bad); i++) {
        ck_assert_ptr_nonnull(sm_noise_unsupported(bad[i].name));
        ck_assert_str_eq(sm_noise_unsupported(bad[i].name), bad[i].why);
        p.protocol = bad[i].name;
        ck_assert_int_eq(sm_noise_new(&n, &p), SM_CONFIG);
        ck_assert_ptr_null(n);
        ck_assert_int_eq(sm_noise_needs(bad[i].name, true, &want),
                         SM_CONFIG);
    }
    memset(longest, 'x', sizeof(longest) - 1);
    memcpy(longest, "Noise_", 6);
    longest[sizeof(longest) - 1] = '\0';
    ck_assert_str_eq(sm_noise_unsupported(longest),
                     "name is longer than 255 bytes");
}
END_TEST

START_TEST(needs_are_those_of_the_pattern)
{
    static const struct {
        const char *name;
        bool initiator, local, remote, one_way;
        unsigned int psks;
    } rows[] = {
        { "Noise_NN_25519_ChaChaPoly_SHA256", true, 0, 0, 0, 0 },
        { "Noise_XX_25519_ChaChaPoly_SHA256", true, 1, 0, 0, 0 },
        { "Noise_XX_25519_ChaChaPoly_SHA256", false, 1, 0, 0, 0 },
        { "Noise_NK_25519_ChaChaPoly_SHA256", true, 0, 1, 0, 0 },
        { "Noise_NK_25519_ChaChaPoly_SHA256", false, 1, 0, 0, 0 },
        { "Noise_KK_25519_ChaChaPoly_SHA256", true, 1, 1, 0, 0 },
        { "Noise_KKpsk0+psk2_25519_ChaChaPoly_SHA256", false, 1, 1, 0, 2 },
        { "Noise_N_25519_ChaChaPoly_SHA256", true, 0, 1, 1, 0 },
        { "Noise_X_25519_ChaChaPoly_SHA256", false, 1, 0, 1, 0 },
    };
    struct sm_noise_needs want;
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        ck_assert_int_eq(sm_noise_needs(rows[i].name, rows[i].initiator,
                                        &want), 0);
        ck_assert_int_eq(want.local_static, rows[i].local);
        ck_assert_int_eq(want.remote_static, rows[i].remote);
        ck_assert_int_eq(want.one_way, rows[i].one_way);
        ck_assert_uint_eq(want.psks, rows[i].psks);
    }
}
END_TEST

/* ---- order and sizes ---- */

START_TEST(only_the_side_whose_turn_it_is_may_write)
{
    struct wire w, dummy = { .len = 64 };
    struct pair pair;
    unsigned int m;
    size_t len;

    pair_start(&pair, XX);
    for (m = 0; m < 3; m++) {
        struct sm_noise *ours = pair.side[writer(m)];
        struct sm_noise *theirs = pair.side[!writer(m)];

        ck_assert(sm_noise_my_turn(ours));
        ck_assert(!sm_noise_my_turn(theirs));
        ck_assert_int_eq(read_wire(ours, &dummy), SM_USAGE);
        ck_assert_int_eq(sm_noise_write(theirs, "", 0, w.data,
                                        sizeof(w.data), &len), SM_USAGE);
        write_ok(ours, "still works", &w);
        ck_assert_int_eq(read_wire(theirs, &w), 0);
    }
    ck_assert(sm_noise_done(pair.side[0]) && sm_noise_done(pair.side[1]));
    ck_assert(!sm_noise_my_turn(pair.side[1]));
    ck_assert_int_eq(sm_noise_write(pair.side[1], "", 0, w.data,
                                    sizeof(w.data), &len), SM_USAGE);
    ck_assert_int_eq(read_wire(pair.side[0], &dummy), SM_USAGE);
    pair_end(&pair);
}
END_TEST

START_TEST(overhead_is_what_a_message_has_beyond_its_payload)
{
    static const size_t xx[] = { 32, 96, 64 }, xxpsk0[] = { 48, 96, 64 };
    struct pair pair;
    struct wire w;
    unsigned int m;

    pair_start(&pair, XX);
    for (m = 0; m < 3; m++) {
        ck_assert_uint_eq(sm_noise_overhead(pair.side[0]), xx[m]);
        ck_assert_uint_eq(sm_noise_overhead(pair.side[1]), xx[m]);
        write_ok(pair.side[writer(m)], "12345", &w);
        ck_assert_uint_eq(w.len, xx[m] + 5);
        ck_assert_int_eq(read_wire(pair.side[!writer(m)], &w), 0);
    }
    ck_assert_uint_eq(sm_noise_overhead(pair.side[0]), 0);
    pair_end(&pair);

    pair_start(&pair, XXPSK0);
    for (m = 0; m < 3; m++) {
        ck_assert_uint_eq(sm_noise_overhead(pair.side[0]), xxpsk0[m]);
        write_ok(pair.side[writer(m)], "", &w);
        ck_assert_uint_eq(w.len, xxpsk0[m]);
        ck_assert_int_eq(read_wire(pair.side[!writer(m)], &w), 0);
    }
    pair_end(&pair);
}
END_TEST

START_TEST(short_room_changes_nothing)
{
    struct pair pair;
    struct wire w;
    uint8_t out[8];
    size_t len = 9;

    pair_start(&pair, XX);
    ck_assert_int_eq(sm_noise_write(pair.side[0], "payload", 7, w.data, 38,
                                    &len), SM_USAGE);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(sm_noise_write(pair.side[0], "payload", 7, w.data, 39,
                                    &w.len), 0);
    ck_assert_int_eq(sm_noise_read(pair.side[1], w.data, w.len, out, 6,
                                   &len), SM_USAGE);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(sm_noise_read(pair.side[1], w.data, w.len, out, 7,
                                   &len), 0);
    ck_assert_uint_eq(len, 7);
    ck_assert_mem_eq(out, "payload", 7);
    pair_end(&pair);
}
END_TEST

START_TEST(a_message_has_at_most_65535_bytes)
{
    const size_t room = SM_NOISE_MESSAGE_MAX - 32;
    uint8_t *big = calloc(2, SM_NOISE_MESSAGE_MAX + 1), *out;
    struct pair pair;
    size_t len;

    ck_assert_ptr_nonnull(big);
    out = big + SM_NOISE_MESSAGE_MAX + 1;
    pair_start(&pair, XX);
    ck_assert_int_eq(sm_noise_write(pair.side[0], big, room + 1, out,
                                    SM_NOISE_MESSAGE_MAX + 1, &len),
                     SM_USAGE);
    ck_assert_int_eq(sm_noise_write(pair.side[0], big, room, out,
                                    SM_NOISE_MESSAGE_MAX, &len), 0);
    ck_assert_uint_eq(len, SM_NOISE_MESSAGE_MAX);
    ck_assert_int_eq(sm_noise_read(pair.side[1], out, len, big, room, &len),
                     0);
    ck_assert_uint_eq(len, room);
    pair_end(&pair);

    pair_start(&pair, XX);
    big[0] = 9;         /* a good ephemeral key: only the length is wrong */
    ck_assert_int_eq(sm_noise_read(pair.side[1], big,
                                   SM_NOISE_MESSAGE_MAX + 1, out,
                                   SM_NOISE_MESSAGE_MAX, &len), SM_PROTOCOL);
    check_dead(pair.side[1]);
    pair_end(&pair);
    free(big);
}
END_TEST

/* ---- the end ---- */

START_TEST(keys_can_be_taken_once_and_only_at_the_end)
{
    uint8_t tx[SM_NOISE_KEY_LEN], rx[SM_NOISE_KEY_LEN];
    struct sm_noise_cipher c[2];
    struct pair pair;
    struct wire w;

    memset(c, 0, sizeof(c));
    pair_start(&pair, XX);
    ck_assert_int_eq(sm_noise_split(pair.side[0], tx, rx), SM_STATE);
    run_until(&pair, 2, &w);
    ck_assert_int_eq(sm_noise_split(pair.side[0], tx, rx), SM_STATE);
    ck_assert_int_eq(sm_noise_transport(pair.side[1], &c[0], &c[1]),
                     SM_STATE);
    write_ok(pair.side[0], "", &w);
    ck_assert_int_eq(read_wire(pair.side[1], &w), 0);
    ck_assert_int_eq(sm_noise_split(pair.side[0], tx, rx), 0);
    ck_assert_int_eq(sm_noise_split(pair.side[0], tx, rx), SM_STATE);
    ck_assert_int_eq(sm_noise_transport(pair.side[0], &c[0], &c[1]),
                     SM_STATE);
    ck_assert(sm_noise_done(pair.side[0]));
    pair_end(&pair);
}
END_TEST

START_TEST(the_transcript_is_equal_between_messages)
{
    uint8_t a[SM_HASH_MAX], b[SM_HASH_MAX], last[SM_HASH_MAX] = { 0 };
    struct pair pair;
    struct wire w;
    unsigned int m;
    size_t n;

    pair_start(&pair, XX);
    for (m = 0; m <= 3; m++) {
        ck_assert_int_eq(sm_noise_hash(pair.side[0], a, &n), 0);
        ck_assert_uint_eq(n, 64);
        ck_assert_int_eq(sm_noise_hash(pair.side[1], b, &n), 0);
        ck_assert_mem_eq(a, b, n);
        ck_assert_mem_ne(a, last, n);
        memcpy(last, a, n);
        if (m == 3)
            break;
        write_ok(pair.side[writer(m)], "x", &w);
        ck_assert_int_eq(sm_noise_hash(pair.side[writer(m)], a, &n), 0);
        ck_assert_mem_ne(a, last, n);
        ck_assert_int_eq(read_wire(pair.side[!writer(m)], &w), 0);
    }
    pair_end(&pair);
}
END_TEST

START_TEST(remote_static_is_absent_until_received)
{
    uint8_t key[SM_NOISE_KEY_LEN];
    struct pair pair;
    struct wire w;

    pair_start(&pair, XX);
    ck_assert_int_eq(sm_noise_remote_static(pair.side[0], key), SM_STATE);
    run_until(&pair, 2, &w);
    ck_assert_int_eq(sm_noise_remote_static(pair.side[0], key), 0);
    ck_assert_int_eq(sm_noise_remote_static(pair.side[1], key), SM_STATE);
    pair_end(&pair);
}
END_TEST

START_TEST(transport_ciphers_count_and_refuse_replays)
{
    struct sm_noise_cipher tx[2], rx[2];
    uint8_t first[32], second[32], out[32];
    struct pair pair;
    int i;

    memset(tx, 0, sizeof(tx));
    memset(rx, 0, sizeof(rx));
    pair_start(&pair, XX);
    run_all(&pair);
    for (i = 0; i < 2; i++)
        ck_assert_int_eq(sm_noise_transport(pair.side[i], &tx[i], &rx[i]),
                         0);
    ck_assert_int_eq(sm_noise_cipher_encrypt(&tx[0], NULL, 0,
                                             (const uint8_t *)"one", 3,
                                             first), 0);
    ck_assert_int_eq(sm_noise_cipher_encrypt(&tx[0], NULL, 0,
                                             (const uint8_t *)"two", 3,
                                             second), 0);
    ck_assert_int_eq(sm_noise_cipher_decrypt(&rx[1], NULL, 0, second, 19,
                                             out), SM_AUTH);
    ck_assert_int_eq(sm_noise_cipher_decrypt(&rx[0], NULL, 0, first, 19,
                                             out), SM_AUTH);
    ck_assert_int_eq(sm_noise_cipher_decrypt(&rx[1], NULL, 0, first, 15,
                                             out), SM_AUTH);
    ck_assert_int_eq(sm_noise_cipher_decrypt(&rx[1], NULL, 0, first, 19,
                                             out), 0);
    ck_assert_mem_eq(out, "one", 3);
    ck_assert_int_eq(sm_noise_cipher_decrypt(&rx[1], NULL, 0, first, 19,
                                             out), SM_AUTH);
    ck_assert_int_eq(sm_noise_cipher_decrypt(&rx[1], NULL, 0, second, 19,
                                             out), 0);
    pair_end(&pair);
}
END_TEST

/* Section 12: 32 bits of zeroes, then 64 bits, little-endian for ChaChaPoly
 * and big-endian for AESGCM. */
START_TEST(nonces_have_the_byte_order_of_the_cipher)
{
    static const struct {
        enum sm_suite suite;
        uint8_t nonce[12];
    } rows[] = {
        { SM_SUITE_CHACHA20POLY1305, { [4] = 3, 2 } },
        { SM_SUITE_AES256GCM, { [10] = 2, 3 } },
    };
    uint8_t key[32] = { 1 }, out[24], want[24];
    struct sm_noise_cipher c;
    struct sm_suite_key k;
    size_t i;

    memset(&c, 0, sizeof(c));
    for (i = 0; i < COUNT(rows); i++) {
        if (!have_suite(rows[i].suite, __func__))
            continue;
        ck_assert_int_eq(sm_noise_cipher_init(&c, rows[i].suite, key), 0);
        c.nonce = 0x0203;
        ck_assert_int_eq(sm_noise_cipher_encrypt(&c, "ad", 2,
                                                 (const uint8_t *)"message!",
                                                 8, out), 0);
        ck_assert_int_eq(sm_suite_key_set(&k, rows[i].suite, key), 0);
        ck_assert_int_eq(sm_suite_seal(&k, rows[i].nonce, "ad", 2,
                                       (const uint8_t *)"message!", 8,
                                       want), 0);
        ck_assert_mem_eq(out, want, sizeof(want));
    }
}
END_TEST

START_TEST(the_last_nonce_is_never_used)
{
    uint8_t key[32] = { 1 }, out[32];
    struct sm_noise_cipher c;

    memset(&c, 0, sizeof(c));
    ck_assert_int_eq(sm_noise_cipher_init(&c, SM_SUITE_AEGIS256, key),
                     SM_CONFIG);
    ck_assert_uint_eq(sm_noise_cipher_overhead(&c), 0);
    ck_assert_int_eq(sm_noise_cipher_init(&c, SM_SUITE_CHACHA20POLY1305,
                                          key), 0);
    ck_assert_uint_eq(sm_noise_cipher_overhead(&c), 16);
    c.nonce = UINT64_MAX - 1;
    ck_assert_int_eq(sm_noise_cipher_encrypt(&c, NULL, 0, NULL, 0, out), 0);
    ck_assert_int_eq(sm_noise_cipher_encrypt(&c, NULL, 0, NULL, 0, out),
                     SM_FAIL);
    ck_assert_int_eq(sm_noise_cipher_decrypt(&c, NULL, 0, out, 16, out),
                     SM_FAIL);
    sm_noise_cipher_wipe(&c);
    ck_assert_uint_eq(sm_noise_cipher_overhead(&c), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("noise");
    TCase *t = tcase_create("contract");

    if (sm_secret_init())
        return EXIT_FAILURE;
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_pattern_cipher_and_hash_ends_with_equal_keys);
    tcase_add_test(t, patterns_with_a_kem_end_with_equal_keys);
    tcase_add_test(t, unusable_names_say_why);
    tcase_add_test(t, needs_are_those_of_the_pattern);
    tcase_add_test(t, only_the_side_whose_turn_it_is_may_write);
    tcase_add_test(t, overhead_is_what_a_message_has_beyond_its_payload);
    tcase_add_test(t, short_room_changes_nothing);
    tcase_add_test(t, a_message_has_at_most_65535_bytes);
    tcase_add_test(t, keys_can_be_taken_once_and_only_at_the_end);
    tcase_add_test(t, the_transcript_is_equal_between_messages);
    tcase_add_test(t, remote_static_is_absent_until_received);
    tcase_add_test(t, transport_ciphers_count_and_refuse_replays);
    tcase_add_test(t, nonces_have_the_byte_order_of_the_cipher);
    tcase_add_test(t, the_last_nonce_is_never_used);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
