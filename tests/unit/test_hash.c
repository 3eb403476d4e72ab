/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* channel/hash.h and channel/dh.h against the vectors of their RFCs. */
#include "noise_pair.h"

static void unhex(const char *hex, uint8_t *out)
{
    unsigned int byte;

    for (; *hex; hex += 2) {
        ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
        *out++ = (uint8_t)byte;
    }
}

static void is_hex(const uint8_t *got, const char *want)
{
    uint8_t bytes[256];

    ck_assert_uint_le(strlen(want), 2 * sizeof(bytes));
    unhex(want, bytes);
    ck_assert_mem_eq(got, bytes, strlen(want) / 2);
}

START_TEST(hashes_are_found_by_their_names_in_noise)
{
    enum sm_hash h;

    ck_assert_int_eq(sm_hash_by_name("BLAKE2b", 7, &h), 0);
    ck_assert_int_eq(h, SM_HASH_BLAKE2B);
    ck_assert_uint_eq(sm_hash_len(h), 64);
    ck_assert_int_eq(sm_hash_by_name("SHA256", 6, &h), 0);
    ck_assert_uint_eq(sm_hash_len(h), 32);
    ck_assert_int_eq(sm_hash_by_name("SHA512", 6, &h), 0);
    ck_assert_uint_eq(sm_hash_len(h), 64);
    ck_assert_int_eq(sm_hash_by_name("BLAKE2s", 7, &h), SM_CONFIG);
    ck_assert_int_eq(sm_hash_by_name("SHA25", 5, &h), SM_CONFIG);
    ck_assert_int_eq(sm_hash_by_name("SHA256", 5, &h), SM_CONFIG);
    ck_assert_int_eq(sm_hash_by_name("", 0, &h), SM_CONFIG);
}
END_TEST

/* "abc": FIPS 180-4 examples, RFC 7693 appendix A; here in two pieces. */
START_TEST(hashes_match_their_standards)
{
    struct sm_hash_part parts[] = { { "a", 1 }, { NULL, 0 }, { "bc", 2 } };
    uint8_t out[SM_HASH_MAX];

    sm_hash_parts(SM_HASH_SHA256, parts, 3, out);
    is_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2"
                "0015ad");
    sm_hash_parts(SM_HASH_SHA512, parts, 3, out);
    is_hex(out, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b"
                "55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9a"
                "c94fa54ca49f");
    sm_hash_parts(SM_HASH_BLAKE2B, parts, 3, out);
    is_hex(out, "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdb"
                "ffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab923"
                "86edd4009923");
}
END_TEST

/* RFC 4231 test cases 1, 2 and 6 (a key longer than the block). */
START_TEST(hmac_matches_rfc_4231)
{
    struct sm_hash_part hi = { "Hi There", 8 };
    struct sm_hash_part what = { "what do ya want for nothing?", 28 };
    struct sm_hash_part large = {
        "Test Using Larger Than Block-Size Key - Hash Key First", 54
    };
    uint8_t key[131], out[SM_HASH_MAX];

    memset(key, 0x0b, 20);
    sm_hash_hmac(SM_HASH_SHA256, key, 20, &hi, 1, out);
    is_hex(out, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e"
                "32cff7");
    sm_hash_hmac(SM_HASH_SHA512, key, 20, &hi, 1, out);
    is_hex(out, "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545"
                "e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e69"
                "6c203a126854");
    sm_hash_hmac(SM_HASH_SHA256, (const uint8_t *)"Jefe", 4, &what, 1, out);
    is_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964"
                "ec3843");
    memset(key, 0xaa, sizeof(key));
    sm_hash_hmac(SM_HASH_SHA256, key, sizeof(key), &large, 1, out);
    is_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0e"
                "e37f54");
    sm_hash_hmac(SM_HASH_SHA512, key, sizeof(key), &large, 1, out);
    is_hex(out, "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783"
                "f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b91"
                "5a985d786598");
}
END_TEST

START_TEST(hmac_output_may_be_its_key)
{
    uint8_t key[SM_HASH_MAX], out[SM_HASH_MAX];
    struct sm_hash_part part = { "x", 1 };

    memset(key, 3, sizeof(key));
    sm_hash_hmac(SM_HASH_BLAKE2B, key, 64, &part, 1, out);
    sm_hash_hmac(SM_HASH_BLAKE2B, key, 64, &part, 1, key);
    ck_assert_mem_eq(out, key, sizeof(out));
}
END_TEST

/* RFC 5869 appendix A, cases 1 to 3. */
START_TEST(hkdf_matches_rfc_5869)
{
    uint8_t ikm[80], salt[80], info[80], prk[SM_HASH_MAX], okm[82];
    int i;

    memset(ikm, 0x0b, 22);
    unhex("000102030405060708090a0b0c", salt);
    unhex("f0f1f2f3f4f5f6f7f8f9", info);
    sm_hash_extract(SM_HASH_SHA256, salt, 13, ikm, 22, prk);
    is_hex(prk, "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7"
                "c2b3e5");
    ck_assert_int_eq(sm_hash_expand(SM_HASH_SHA256, prk, 32, info, 10, okm,
                                    42), 0);
    is_hex(okm, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ec"
                "c4c5bf34007208d5b887185865");

    for (i = 0; i < 80; i++) {
        ikm[i] = (uint8_t)i;
        salt[i] = (uint8_t)(0x60 + i);
        info[i] = (uint8_t)(0xb0 + i);
    }
    sm_hash_extract(SM_HASH_SHA256, salt, 80, ikm, 80, prk);
    ck_assert_int_eq(sm_hash_expand(SM_HASH_SHA256, prk, 32, info, 80, okm,
                                    82), 0);
    is_hex(okm, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19"
                "afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b83677"
                "93a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");

    memset(ikm, 0x0b, 22);
    sm_hash_extract(SM_HASH_SHA256, NULL, 0, ikm, 22, prk);
    ck_assert_int_eq(sm_hash_expand(SM_HASH_SHA256, prk, 32, NULL, 0, okm,
                                    42), 0);
    is_hex(okm, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c"
                "738d2d9d201395faa4b61a96c8");
}
END_TEST

START_TEST(expand_has_a_limit)
{
    uint8_t prk[32] = { 1 }, *out = malloc(255 * 32 + 1);

    ck_assert_ptr_nonnull(out);
    out[0] = 0x77;
    ck_assert_int_eq(sm_hash_expand(SM_HASH_SHA256, prk, 32, NULL, 0, out,
                                    255 * 32 + 1), SM_USAGE);
    ck_assert_uint_eq(out[0], 0x77);
    ck_assert_int_eq(sm_hash_expand(SM_HASH_SHA256, prk, 32, NULL, 0, out,
                                    255 * 32), 0);
    free(out);
}
END_TEST

/* RFC 7748, both vectors of section 5.2 and Bob's key of section 6.1. */
START_TEST(x25519_matches_rfc_7748)
{
    uint8_t secret[32], public[32], out[32];

    unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
          secret);
    unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
          public);
    ck_assert_int_eq(sm_dh_shared(secret, public, out), 0);
    is_hex(out, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577"
                "a28552");
    unhex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
          secret);
    unhex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
          public);
    ck_assert_int_eq(sm_dh_shared(secret, public, out), 0);
    is_hex(out, "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647a"
                "ac7957");
    unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
          secret);
    ck_assert_int_eq(sm_dh_public(secret, out), 0);
    is_hex(out, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f"
                "882b4f");
}
END_TEST

START_TEST(key_pairs_agree_and_differ)
{
    uint8_t s[2][32], p[2][32], x[32], y[32], again[32];

    sm_dh_keypair(s[0], p[0]);
    sm_dh_keypair(s[1], p[1]);
    ck_assert_mem_ne(s[0], s[1], 32);
    ck_assert_int_eq(sm_dh_public(s[0], again), 0);
    ck_assert_mem_eq(again, p[0], 32);
    ck_assert_int_eq(sm_dh_shared(s[0], p[1], x), 0);
    ck_assert_int_eq(sm_dh_shared(s[1], p[0], y), 0);
    ck_assert_mem_eq(x, y, 32);
}
END_TEST

START_TEST(a_shared_secret_of_zeroes_is_refused_and_leaves_zeroes)
{
    uint8_t secret[32], public[32], shared[32], zero[32] = { 0 };

    sm_dh_keypair(secret, public);
    memset(shared, 0xee, sizeof(shared));
    ck_assert_int_eq(sm_dh_shared(secret, zero, shared), SM_PROTOCOL);
    ck_assert_mem_eq(shared, zero, 32);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hash and dh");
    TCase *t = tcase_create("vectors");

    if (sm_secret_init())
        return EXIT_FAILURE;
    tcase_add_test(t, hashes_are_found_by_their_names_in_noise);
    tcase_add_test(t, hashes_match_their_standards);
    tcase_add_test(t, hmac_matches_rfc_4231);
    tcase_add_test(t, hmac_output_may_be_its_key);
    tcase_add_test(t, hkdf_matches_rfc_5869);
    tcase_add_test(t, expand_has_a_limit);
    tcase_add_test(t, x25519_matches_rfc_7748);
    tcase_add_test(t, key_pairs_agree_and_differ);
    tcase_add_test(t, a_shared_secret_of_zeroes_is_refused_and_leaves_zeroes);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
