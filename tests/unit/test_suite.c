/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of channel/suite.h. */
#include "noise_pair.h"

#include "channel/suite.h"

#define ALL_SUITES 3    /* ids 1 to 3 */
#define AEGIS SM_SUITE_BIT(SM_SUITE_AEGIS256)
#define GCM SM_SUITE_BIT(SM_SUITE_AES256GCM)
#define CHACHA SM_SUITE_BIT(SM_SUITE_CHACHA20POLY1305)

static bool here(int id)
{
    return sm_suite_available() & SM_SUITE_BIT(id);
}

START_TEST(the_numbers_on_the_wire_never_change)
{
    ck_assert_int_eq(SM_SUITE_AEGIS256, 1);
    ck_assert_int_eq(SM_SUITE_AES256GCM, 2);
    ck_assert_int_eq(SM_SUITE_CHACHA20POLY1305, 3);
}
END_TEST

START_TEST(chacha_is_always_there_and_no_unknown_bit_is)
{
    uint32_t mask = sm_suite_available();

    ck_assert(mask & CHACHA);
    ck_assert_uint_eq(mask & ~(AEGIS | GCM | CHACHA), 0);
    ck_assert_int_eq(!(mask & GCM), !crypto_aead_aes256gcm_is_available());
#ifdef crypto_aead_aegis256_KEYBYTES
    /* In software it is far slower than the others. */
    ck_assert_int_eq(!(mask & AEGIS),
                     !((sodium_runtime_has_aesni() &&
                        sodium_runtime_has_avx()) ||
                       sodium_runtime_has_armcrypto()));
#else
    ck_assert(!(mask & AEGIS));
#endif
}
END_TEST

START_TEST(the_best_common_suite_is_chosen)
{
    static const struct {
        uint32_t a, b;
        enum sm_suite best;
    } rows[] = {
        { AEGIS | GCM | CHACHA, AEGIS | GCM | CHACHA, SM_SUITE_AEGIS256 },
        { AEGIS | GCM | CHACHA, GCM | CHACHA, SM_SUITE_AES256GCM },
        { GCM | CHACHA, AEGIS | GCM | CHACHA, SM_SUITE_AES256GCM },
        { AEGIS | CHACHA, GCM | CHACHA, SM_SUITE_CHACHA20POLY1305 },
        { AEGIS, GCM, SM_SUITE_NONE },
        { CHACHA, 0, SM_SUITE_NONE },
        { 0xfffffff1, 0xfffffff1, SM_SUITE_NONE },
        { 0xffffffff, CHACHA, SM_SUITE_CHACHA20POLY1305 },
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_int_eq(sm_suite_best(rows[i].a, rows[i].b), rows[i].best);
}
END_TEST

START_TEST(names_and_numbers_go_both_ways)
{
    static const char *const names[] = {
        "aegis-256", "aes-256-gcm", "chacha20-poly1305",
    };
    enum sm_suite id;
    int i;

    for (i = 0; i < ALL_SUITES; i++) {
        ck_assert_int_eq(sm_suite_by_name(names[i], &id), 0);
        ck_assert_int_eq(id, i + 1);
        ck_assert_str_eq(sm_suite_name((unsigned int)i + 1), names[i]);
    }
    ck_assert_str_eq(sm_suite_name(0), "none");
    ck_assert_str_eq(sm_suite_name(4), "none");
    ck_assert_str_eq(sm_suite_name(0xffffffff), "none");
    ck_assert_int_eq(sm_suite_by_name("none", &id), SM_CONFIG);
    ck_assert_int_eq(sm_suite_by_name("AES-256-GCM", &id), SM_CONFIG);
    ck_assert_int_eq(sm_suite_by_name("", &id), SM_CONFIG);
}
END_TEST

START_TEST(lengths_are_those_of_the_standards)
{
    ck_assert_uint_eq(sm_suite_nonce_len(SM_SUITE_AES256GCM), 12);
    ck_assert_uint_eq(sm_suite_tag_len(SM_SUITE_AES256GCM), 16);
    ck_assert_uint_eq(sm_suite_nonce_len(SM_SUITE_CHACHA20POLY1305), 12);
    ck_assert_uint_eq(sm_suite_tag_len(SM_SUITE_CHACHA20POLY1305), 16);
#ifdef crypto_aead_aegis256_KEYBYTES
    ck_assert_uint_eq(sm_suite_nonce_len(SM_SUITE_AEGIS256), 32);
    ck_assert_uint_eq(sm_suite_tag_len(SM_SUITE_AEGIS256), 32);
#else
    ck_assert_uint_eq(sm_suite_nonce_len(SM_SUITE_AEGIS256), 0);
    ck_assert_uint_eq(sm_suite_tag_len(SM_SUITE_AEGIS256), 0);
#endif
    ck_assert_uint_eq(sm_suite_nonce_len(SM_SUITE_NONE), 0);
    ck_assert_uint_eq(sm_suite_tag_len((enum sm_suite)9), 0);
}
END_TEST

START_TEST(a_suite_that_is_not_here_takes_no_key)
{
    uint8_t key[32] = { 1 }, nonce[32] = { 0 }, out[64];
    struct sm_suite_key k;
    int id;

    for (id = 0; id <= 4; id++) {
        if (id > 0 && here(id))
            continue;
        ck_assert_int_eq(sm_suite_key_set(&k, (enum sm_suite)id, key),
                         SM_CONFIG);
        ck_assert_int_eq(sm_suite_seal(&k, nonce, NULL, 0, key, 1, out),
                         SM_USAGE);
        ck_assert_int_eq(sm_suite_open(&k, nonce, NULL, 0, out, 48, key),
                         SM_USAGE);
    }
}
END_TEST

/* Lengths around the block sizes of every cipher, and none. */
static const size_t lengths[] = { 0, 1, 15, 16, 17, 63, 64, 65, 127, 128,
                                  129, 255, 256, 1000 };

START_TEST(what_is_sealed_opens_apart_and_in_place)
{
    uint8_t key[32], nonce[32], in[1000], out[1032], back[1032];
    struct sm_suite_key k;
    size_t i, len, tag = sm_suite_tag_len((enum sm_suite)_i);

    if (!have_suite(_i, __func__))
        return;
    memset(key, 7, sizeof(key));
    memset(nonce, 9, sizeof(nonce));
    for (i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)i;
    ck_assert_int_eq(sm_suite_key_set(&k, (enum sm_suite)_i, key), 0);
    memset(key, 0, sizeof(key));        /* the caller's copy may go */
    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        len = lengths[i];
        ck_assert_int_eq(sm_suite_seal(&k, nonce, "ad", 2, in, len, out), 0);
        ck_assert_int_eq(sm_suite_open(&k, nonce, "ad", 2, out, len + tag,
                                       back), 0);
        if (len)
            ck_assert_mem_eq(back, in, len);
        /* in place */
        if (len)
            memcpy(back, in, len);
        ck_assert_int_eq(sm_suite_seal(&k, nonce, "ad", 2, back, len, back),
                         0);
        ck_assert_mem_eq(back, out, len + tag);
        ck_assert_int_eq(sm_suite_open(&k, nonce, "ad", 2, back, len + tag,
                                       back), 0);
        if (len)
            ck_assert_mem_eq(back, in, len);
    }
    sm_suite_key_wipe(&k);
    ck_assert_int_eq(sm_suite_seal(&k, nonce, NULL, 0, in, 1, out),
                     SM_USAGE);
}
END_TEST

/* draft-irtf-cfrg-aegis-aead A.3 vector 1; the Galois/Counter Mode proposal
 * of McGrew and Viega, test case 14; RFC 8439 section 2.8.2. */
static const char ladies[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one "
    "tip for the future, sunscreen would be it.";
static const struct {
    uint8_t key[32], nonce[32];
    const char *ad, *in, *tail;     /* tail: end of the text, and the tag */
    size_t ad_len, len, tail_len;
} published[] = {
    [SM_SUITE_AEGIS256] = {
        { 0x10, 0x01 }, { 0x10, 0x00, 0x02 },
        "", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        "\x75\x4f\xc3\xd8\xc9\x73\x24\x6d\xcc\x6d\x74\x14\x12\xa4\xb2\x36"
        "\x11\x81\xa1\xd1\x80\x91\x08\x2b\xf0\x26\x6f\x66\x29\x7d\x16\x7d"
        "\x2e\x68\xb8\x45\xf6\x1a\x3b\x05\x27\xd3\x1f\xc7\xb7\xb8\x9f\x13",
        0, 16, 48 },
    [SM_SUITE_AES256GCM] = {
        { 0 }, { 0 }, "", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        "\xce\xa7\x40\x3d\x4d\x60\x6b\x6e\x07\x4e\xc5\xd3\xba\xf3\x9d\x18"
        "\xd0\xd1\xc8\xa7\x99\x99\x6b\xf0\x26\x5b\x98\xb5\xd4\x8a\xb9\x19",
        0, 16, 32 },
    [SM_SUITE_CHACHA20POLY1305] = {
        { 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a,
          0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95,
          0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f },
        { 7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47 },
        "\x50\x51\x52\x53\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7", ladies,
        "\x61\x16"
        "\x1a\xe1\x0b\x59\x4f\x09\xe2\x6a\x7e\x90\x2e\xcb\xd0\x60\x06\x91",
        12, sizeof(ladies) - 1, 18 },
};

START_TEST(published_vectors_match)
{
    uint8_t out[200], back[200];
    struct sm_suite_key k;
    size_t n, tail = published[_i].tail_len;

    if (!have_suite(_i, __func__))
        return;
    ck_assert_int_eq(sm_suite_key_set(&k, (enum sm_suite)_i,
                                      published[_i].key), 0);
    ck_assert_int_eq(sm_suite_seal(&k, published[_i].nonce, published[_i].ad,
                                   published[_i].ad_len,
                                   (const uint8_t *)published[_i].in,
                                   published[_i].len, out), 0);
    n = published[_i].len + sm_suite_tag_len((enum sm_suite)_i);
    ck_assert_mem_eq(out + n - tail, published[_i].tail, tail);
    ck_assert_int_eq(sm_suite_open(&k, published[_i].nonce, published[_i].ad,
                                   published[_i].ad_len, out, n, back), 0);
    ck_assert_mem_eq(back, published[_i].in, published[_i].len);
    sm_suite_key_wipe(&k);
}
END_TEST

START_TEST(a_forgery_is_refused_and_leaves_no_plaintext)
{
    uint8_t key[32] = { 3 }, nonce[32] = { 4 }, out[164], back[132];
    const char *in = "one hundred bytes of plaintext, some of them spaces, "
                     "so that more than one block of each cipher is used";
    struct sm_suite_key k;
    size_t i, j, len = strlen(in), tag = sm_suite_tag_len((enum sm_suite)_i);

    if (!have_suite(_i, __func__))
        return;
    ck_assert_int_eq(sm_suite_key_set(&k, (enum sm_suite)_i, key), 0);
    ck_assert_int_eq(sm_suite_seal(&k, nonce, "ad", 2, (const uint8_t *)in,
                                   len, out), 0);
    for (i = 0; i < len + tag; i++) {
        out[i] ^= 0x10;
        memset(back, 0xee, sizeof(back));
        ck_assert_int_eq(sm_suite_open(&k, nonce, "ad", 2, out, len + tag,
                                       back), SM_PROTOCOL);
        for (j = 0; j + 4 <= len; j++)
            ck_assert_mem_ne(back + j, in + j, 4);
        out[i] ^= 0x10;
    }
    for (i = 0; i < len + tag; i++)
        ck_assert_int_eq(sm_suite_open(&k, nonce, "ad", 2, out, i, back),
                         SM_PROTOCOL);
    ck_assert_int_eq(sm_suite_open(&k, nonce, "ae", 2, out, len + tag,
                                   back), SM_PROTOCOL);
    ck_assert_int_eq(sm_suite_open(&k, nonce, "ad", 1, out, len + tag,
                                   back), SM_PROTOCOL);
    nonce[11] ^= 1;
    ck_assert_int_eq(sm_suite_open(&k, nonce, "ad", 2, out, len + tag,
                                   back), SM_PROTOCOL);
    nonce[11] ^= 1;
    ck_assert_int_eq(sm_suite_open(&k, nonce, "ad", 2, out, len + tag,
                                   back), 0);
    key[31] ^= 1;
    ck_assert_int_eq(sm_suite_key_set(&k, (enum sm_suite)_i, key), 0);
    ck_assert_int_eq(sm_suite_open(&k, nonce, "ad", 2, out, len + tag,
                                   back), SM_PROTOCOL);
    sm_suite_key_wipe(&k);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("suite");
    TCase *t = tcase_create("contract");

    if (sm_secret_init())
        return EXIT_FAILURE;
    tcase_add_test(t, the_numbers_on_the_wire_never_change);
    tcase_add_test(t, chacha_is_always_there_and_no_unknown_bit_is);
    tcase_add_test(t, the_best_common_suite_is_chosen);
    tcase_add_test(t, names_and_numbers_go_both_ways);
    tcase_add_test(t, lengths_are_those_of_the_standards);
    tcase_add_test(t, a_suite_that_is_not_here_takes_no_key);
    tcase_add_loop_test(t, what_is_sealed_opens_apart_and_in_place, 1,
                        ALL_SUITES + 1);
    tcase_add_loop_test(t, published_vectors_match, 1, ALL_SUITES + 1);
    tcase_add_loop_test(t, a_forgery_is_refused_and_leaves_no_plaintext, 1,
                        ALL_SUITES + 1);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
