/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of base/text.h's contract. */
#include <string.h>

#include "base/text.h"
#include "scratch.h"

static bool number(const char *s, uint64_t max, uint64_t *out)
{
    return sm_text_number(s, strlen(s), max, out);
}

START_TEST(numbers_have_one_spelling)
{
    static const char *const bad[] = {
        "", "00", "01", "+1", "-1", " 1", "1 ", "1x", "0x1", "1e3", "1.0",
        "\xd9\xa1", "18446744073709551616", "99999999999999999999",
    };
    uint64_t v = 5;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!number(bad[i], UINT64_MAX, &v), "%s", bad[i]);
    ck_assert_uint_eq(v, 5);
    ck_assert(number("0", 0, &v) && v == 0);
    ck_assert(number("18446744073709551615", UINT64_MAX, &v));
    ck_assert_uint_eq(v, UINT64_MAX);
    ck_assert(number("9", 9, &v) && v == 9);
    ck_assert(!number("10", 9, &v));
    /* A limit of one digit is one. */
    ck_assert(!number("1", 0, &v));
    ck_assert(!number("9", 8, &v));
    ck_assert(!number("5", 4, &v));
    ck_assert(!number("25", 24, &v) && !number("30", 29, &v));
    ck_assert(number("24", 24, &v) && v == 24);
}
END_TEST

START_TEST(only_the_given_bytes_are_read)
{
    uint64_t v;

    ck_assert(sm_text_number("123", 2, 99, &v) && v == 12);
    ck_assert(!sm_text_number("1\0002", 3, 999, &v));
}
END_TEST

START_TEST(hex_is_just_so_many_digits)
{
    uint8_t out[3] = { 0, 0, 0x77 };

    ck_assert(sm_text_hex("aB09", 4, out, 2));
    ck_assert_uint_eq(out[0], 0xab);
    ck_assert_uint_eq(out[1], 0x09);
    ck_assert_uint_eq(out[2], 0x77);
    ck_assert(!sm_text_hex("aB0", 3, out, 2));
    ck_assert(!sm_text_hex("aB090", 5, out, 2));
    ck_assert(!sm_text_hex("aB0g", 4, out, 2));
    ck_assert(!sm_text_hex("aB 9", 4, out, 2));
    ck_assert(sm_text_hex("", 0, out, 0));
}
END_TEST

START_TEST(uuids_there_and_back)
{
    static const char upper[] = "0123ABCD-4567-89EF-0001-FF00AA55BB66";
    char text[SM_TEXT_UUID_SIZE], changed[SM_TEXT_UUID_SIZE];
    uint8_t uuid[16];
    size_t i;

    ck_assert(sm_text_uuid(upper, 36, uuid));
    ck_assert_uint_eq(uuid[0], 0x01);
    ck_assert_uint_eq(uuid[4], 0x45);
    ck_assert_uint_eq(uuid[15], 0x66);
    sm_text_uuid_format(uuid, text);
    ck_assert_str_eq(text, "0123abcd-4567-89ef-0001-ff00aa55bb66");
    ck_assert(!sm_text_uuid(upper, 35, uuid));
    ck_assert(!sm_text_uuid(upper, 37, uuid));
    ck_assert(!sm_text_uuid("", 0, uuid));
    /* Every place has its kind of character. */
    for (i = 0; i < 36; i++) {
        memcpy(changed, text, sizeof(text));
        changed[i] = text[i] == '-' ? 'a' : '-';
        ck_assert_msg(!sm_text_uuid(changed, 36, uuid), "%s", changed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tc = tcase_create("contract");

    tcase_add_test(tc, numbers_have_one_spelling);
    tcase_add_test(tc, only_the_given_bytes_are_read);
    tcase_add_test(tc, hex_is_just_so_many_digits);
    tcase_add_test(tc, uuids_there_and_back);
    suite_add_tcase(suite, tc);
    return scratch_run(suite);
}
