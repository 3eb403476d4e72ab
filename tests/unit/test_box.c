/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of seal/box.h's contract. */
#include <sodium.h>

#include "base/secret.h"
#include "scratch.h"
#include "seal/box.h"

static uint8_t key[SM_BOX_KEY_LEN];
static uint8_t box[4096], plain[4096];
static size_t box_len, plain_len;
static char why[256];

static const char content[] = "highest version 7";

static void prepare(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
    randombytes_buf(key, sizeof(key));
    ck_assert_int_eq(sm_box_close(key, "floors", "site", content,
                                  sizeof(content), box, sizeof(box),
                                  &box_len), 0);
}

static int open_as(const char *kind, const char *name)
{
    memset(plain, 0xaa, sizeof(plain));
    plain_len = 99;
    return sm_box_open(key, kind, name, box, box_len, plain, sizeof(plain),
                       &plain_len, why, sizeof(why));
}

static void shut(int rc, const char *words)
{
    ck_assert_int_eq(rc, SM_SEAL);
    ck_assert_uint_eq(plain_len, 0);
    ck_assert_msg(strstr(why, words) != NULL, "why: %s", why);
    ck_assert_ptr_null(memmem(plain, sizeof(plain), "highest", 7));
}

START_TEST(what_went_in_comes_out)
{
    ck_assert_uint_eq(box_len, sizeof(content) + SM_BOX_OVERHEAD);
    ck_assert_int_eq(open_as("floors", "site"), 0);
    ck_assert_str_eq(why, "");
    ck_assert_uint_eq(plain_len, sizeof(content));
    ck_assert_mem_eq(plain, content, sizeof(content));
    ck_assert_ptr_null(memmem(box, box_len, "highest", 7));
}
END_TEST

START_TEST(a_box_may_be_empty_or_large)
{
    uint8_t *big = malloc(SM_BOX_DATA_MAX + SM_BOX_OVERHEAD + 1);
    uint8_t *back = malloc(SM_BOX_DATA_MAX);

    ck_assert(big && back);
    ck_assert_int_eq(sm_box_close(key, "k", "n", NULL, 0, box, sizeof(box),
                                  &box_len), 0);
    ck_assert_uint_eq(box_len, SM_BOX_OVERHEAD);
    ck_assert_int_eq(open_as("k", "n"), 0);
    ck_assert_uint_eq(plain_len, 0);
    memset(back, 7, SM_BOX_DATA_MAX);
    ck_assert_int_eq(sm_box_close(key, "k", "n", back, SM_BOX_DATA_MAX, big,
                                  SM_BOX_DATA_MAX + SM_BOX_OVERHEAD,
                                  &box_len), 0);
    memset(back, 0, SM_BOX_DATA_MAX);
    ck_assert_int_eq(sm_box_open(key, "k", "n", big, box_len, back,
                                 SM_BOX_DATA_MAX, &plain_len, why,
                                 sizeof(why)), 0);
    ck_assert_uint_eq(plain_len, SM_BOX_DATA_MAX);
    ck_assert_uint_eq(back[0] + back[SM_BOX_DATA_MAX - 1], 14);
    ck_assert_int_eq(sm_box_open(key, "k", "n", big, box_len + 1, back,
                                 SM_BOX_DATA_MAX, &plain_len, why,
                                 sizeof(why)), SM_SEAL);
    ck_assert_int_eq(sm_box_close(key, "k", "n", big, SM_BOX_DATA_MAX + 1,
                                  back, SIZE_MAX, &box_len), SM_USAGE);
    free(big);
    free(back);
}
END_TEST

START_TEST(the_layout_is_as_said)
{
    static const char floors[] = "xen-secmig box 2floors";
    static const char tickets[] = "xen-secmig box 2tickets";
    uint8_t bound[6 + 1 + 6 + 1 + 4] = "SMBX\0\2\6floors\4site";
    uint8_t mine[SM_BOX_KEY_LEN];
    unsigned long long len;

    ck_assert_mem_eq(box, "SMBX\0\2", 6);
    /* Neither the store key nor another kind's is what it is under. */
    ck_assert_int_ne(crypto_aead_xchacha20poly1305_ietf_decrypt(
                         plain, &len, NULL, box + 30, box_len - 30, bound,
                         sizeof(bound), box + 6, key), 0);
    crypto_generichash(mine, sizeof(mine), (const uint8_t *)tickets,
                       strlen(tickets), key, sizeof(mine));
    ck_assert_int_ne(crypto_aead_xchacha20poly1305_ietf_decrypt(
                         plain, &len, NULL, box + 30, box_len - 30, bound,
                         sizeof(bound), box + 6, mine), 0);
    crypto_generichash(mine, sizeof(mine), (const uint8_t *)floors,
                       strlen(floors), key, sizeof(mine));
    ck_assert_int_eq(crypto_aead_xchacha20poly1305_ietf_decrypt(
                         plain, &len, NULL, box + 30, box_len - 30, bound,
                         sizeof(bound), box + 6, mine), 0);
    ck_assert_uint_eq(len, sizeof(content));
}
END_TEST

START_TEST(two_boxes_of_the_same_differ)
{
    uint8_t other[256];
    size_t other_len;

    ck_assert_int_eq(sm_box_close(key, "floors", "site", content,
                                  sizeof(content), other, sizeof(other),
                                  &other_len), 0);
    ck_assert_uint_eq(other_len, box_len);
    ck_assert_mem_ne(other + 6, box + 6, 24);
    ck_assert_mem_ne(other + 30, box + 30, box_len - 30);
}
END_TEST

START_TEST(kind_name_and_key_must_be_the_same)
{
    shut(open_as("floor", "site"), "kind or name");
    shut(open_as("tickets", "site"), "kind or name");
    shut(open_as("floors", "sites"), "kind or name");
    /* The border between the two words counts. */
    shut(open_as("floorss", "ite"), "kind or name");
    shut(open_as("site", "floors"), "kind or name");
    key[31] ^= 1;
    shut(open_as("floors", "site"), "another key");
}
END_TEST

START_TEST(every_flipped_bit_and_every_cut_is_refused)
{
    size_t whole = box_len, i;
    int bit;

    for (i = 0; i < whole; i++)
        for (bit = 0; bit < 8; bit++) {
            box[i] ^= (uint8_t)(1 << bit);
            shut(open_as("floors", "site"), i < 4 ? "not a box" :
                 i < 6 ? "version" : "does not open");
            box[i] ^= (uint8_t)(1 << bit);
        }
    for (box_len = 0; box_len < whole; box_len++)
        shut(open_as("floors", "site"), "");
    box_len = whole + 1;
    shut(open_as("floors", "site"), "does not open");
    box_len = whole;
    ck_assert_int_eq(open_as("floors", "site"), 0);
}
END_TEST

START_TEST(bad_words_are_refused)
{
    static const char *const bad[] = {
        "", "a\nb", "\x80",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0",
    };
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(sm_box_close(key, bad[i], "n", content, 1, plain,
                                      sizeof(plain), &plain_len), SM_USAGE);
        ck_assert_int_eq(sm_box_close(key, "k", bad[i], content, 1, plain,
                                      sizeof(plain), &plain_len), SM_USAGE);
        ck_assert_uint_eq(plain_len, 0);
        ck_assert_int_eq(open_as(bad[i], "site"), SM_USAGE);
        ck_assert_int_eq(open_as("floors", bad[i]), SM_USAGE);
        ck_assert_uint_eq(plain_len, 0);
    }
}
END_TEST

START_TEST(room_is_checked)
{
    ck_assert_int_eq(sm_box_close(key, "k", "n", content, 5, plain,
                                  5 + SM_BOX_OVERHEAD, &plain_len), 0);
    ck_assert_int_eq(sm_box_close(key, "k", "n", content, 5, plain,
                                  4 + SM_BOX_OVERHEAD, &plain_len),
                     SM_USAGE);
    ck_assert_uint_eq(plain_len, 0);
    ck_assert_int_eq(sm_box_open(key, "floors", "site", box, box_len, plain,
                                 sizeof(content), &plain_len, why,
                                 sizeof(why)), 0);
    ck_assert_int_eq(sm_box_open(key, "floors", "site", box, box_len, plain,
                                 sizeof(content) - 1, &plain_len, why,
                                 sizeof(why)), SM_USAGE);
    ck_assert_uint_eq(plain_len, 0);
    ck_assert_str_ne(why, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("box");
    TCase *tc = tcase_create("contract");

    tcase_add_checked_fixture(tc, prepare, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_went_in_comes_out);
    tcase_add_test(tc, a_box_may_be_empty_or_large);
    tcase_add_test(tc, the_layout_is_as_said);
    tcase_add_test(tc, two_boxes_of_the_same_differ);
    tcase_add_test(tc, kind_name_and_key_must_be_the_same);
    tcase_add_test(tc, every_flipped_bit_and_every_cut_is_refused);
    tcase_add_test(tc, bad_words_are_refused);
    tcase_add_test(tc, room_is_checked);
    suite_add_tcase(suite, tc);
    return scratch_run(suite);
}
