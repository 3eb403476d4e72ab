/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of trust/revocation.h's contract. */
#include "statement.h"
#include "trust/revocation.h"

static const char body[] =
    "secmig-revocations 1\n"
    "version = 4\n"
    "issued = 2026-11-22T00:00:00Z\n"
    "serials = 2 3 18446744073709551615\n";

static struct sm_revocations list;

static int verify(const char *signed_body)
{
    sign(signed_body);
    memset(&list, 0xff, sizeof(list));
    return sm_revocations_verify(text, text_len, keys, 2, &list, NULL, why,
                                 sizeof(why));
}

static void nothing(const char *words)
{
    static const struct sm_revocations zero;

    ck_assert(!memcmp(&list, &zero, sizeof(list)));
    ck_assert_msg(strstr(why, words) != NULL, "why: %s", why);
}

START_TEST(a_good_one_is_read)
{
    size_t which = 9;

    sign_as(1, body);
    ck_assert_int_eq(sm_revocations_verify(text, text_len, keys, 2, &list,
                                           &which, why, sizeof(why)), 0);
    ck_assert_str_eq(why, "");
    ck_assert_uint_eq(which, 1);
    ck_assert_uint_eq(list.version, 4);
    ck_assert_int_eq(list.issued, NOW);
    ck_assert_uint_eq(list.n_serials, 3);
    ck_assert_uint_eq(list.serials[0], 2);
    ck_assert_uint_eq(list.serials[2], UINT64_MAX);
    ck_assert_mem_eq(list.signer, keys[1].id, 8);
    ck_assert_mem_eq(list.signer + 8, keys[1].key, 32);
}
END_TEST

START_TEST(an_empty_one_has_no_serials)
{
    ck_assert_int_eq(verify(with_line(body, "serials", "")), 0);
    ck_assert_uint_eq(list.n_serials, 0);
    ck_assert(!sm_revocations_has(&list, 2));
    ck_assert(!sm_revocations_has(&list, 0));
}
END_TEST

START_TEST(each_value_is_checked)
{
    static const struct {
        const char *key, *line, *words;
    } bad[] = {
        { "version", "", "no 'version'" },
        { "version", "version = 0\n", "'version'" },
        { "version", "version = 01\n", "'version'" },
        { "version", "version = 18446744073709551616\n", "'version'" },
        { "issued", "", "no 'issued'" },
        { "issued", "issued = today\n", "'issued'" },
        { "serials", "serials = 0\n", "'serials'" },
        { "serials", "serials = 3 2\n", "'serials'" },
        { "serials", "serials = 2 2\n", "'serials'" },
        { "serials", "serials = 2  3\n", "'serials'" },
        { "serials", "serials = 2,3\n", "'serials'" },
        { "serials", "serials = 2 x\n", "'serials'" },
        { "serials", "serials = 2 18446744073709551616\n", "'serials'" },
        { "serials", "serials = 2\nserials = 3\n", "twice" },
        { "issued", "issued = 2026-11-22T00:00:00Z\nnext = 1\n",
          "unknown" },
    };
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(verify(with_line(body, bad[i].key, bad[i].line)) ==
                      SM_PROTOCOL, "%s", bad[i].line);
        nothing(bad[i].words);
    }
}
END_TEST

/* A list of `n` serials, 10 times the index and up. */
static void fill(size_t n)
{
    size_t i;

    memset(&list, 0, sizeof(list));
    list.version = 1;
    list.issued = NOW;
    for (i = 0; i < n; i++)
        list.serials[i] = 10 * (i + 1);
    list.n_serials = n;
}

START_TEST(as_many_as_there_is_room_for)
{
    static char out[SM_REVOCATIONS_MAX];
    size_t len, i;

    fill(SM_REVOCATIONS_SERIALS_MAX);
    ck_assert_int_eq(sm_revocations_format(&list, out, sizeof(out), why,
                                           sizeof(why)), 0);
    ck_assert_int_eq(verify(out), 0);
    ck_assert_uint_eq(list.n_serials, SM_REVOCATIONS_SERIALS_MAX);
    for (i = 0; i < SM_REVOCATIONS_SERIALS_MAX; i++) {
        ck_assert(sm_revocations_has(&list, 10 * (i + 1)));
        ck_assert(!sm_revocations_has(&list, 10 * i + 5));
    }
    /* One more. */
    len = strlen(out);
    snprintf(out + len - 1, sizeof(out) - len, " 99999999\n");
    ck_assert_int_eq(verify(out), SM_PROTOCOL);
    nothing("'serials'");
}
END_TEST

START_TEST(an_overlong_one_is_refused)
{
    sign(body);
    memset(text + text_len, 'x', SM_REVOCATIONS_MAX + 1 - text_len);
    ck_assert_int_eq(sm_revocations_verify(text, SM_REVOCATIONS_MAX + 1,
                                           keys, 2, &list, NULL, why,
                                           sizeof(why)), SM_PROTOCOL);
    nothing("longer than 65536");
}
END_TEST

START_TEST(only_the_right_type_and_signer)
{
    ck_assert_int_eq(verify("secmig-certificate 1\nversion = 1\n"
                            "issued = 2026-11-22T00:00:00Z\n"), SM_PROTOCOL);
    nothing("secmig-revocations 1");
    sign(body);
    ck_assert_int_eq(sm_revocations_verify(text, text_len, keys + 1, 1,
                                           &list, NULL, why, sizeof(why)),
                     SM_AUTH);
    nothing("key that counts");
    text[strlen("secmig-revocations 1\nversion = ")] = '5';
    ck_assert_int_eq(sm_revocations_verify(text, text_len, keys, 2, &list,
                                           NULL, why, sizeof(why)), SM_AUTH);
    nothing("does not match");
}
END_TEST

START_TEST(a_list_speaks_of_its_own_authority)
{
    struct sm_certificate c = { .serial = 3 };

    ck_assert_int_eq(verify(body), 0);
    memcpy(c.signer, list.signer, sizeof(c.signer));
    ck_assert(sm_revocations_cover(&list, &c));
    c.serial = 4;
    ck_assert(!sm_revocations_cover(&list, &c));
    c.serial = 3;
    memcpy(c.signer, keys[1].id, 8);
    memcpy(c.signer + 8, keys[1].key, 32);
    ck_assert(!sm_revocations_cover(&list, &c));
    /* The same key id, another key. */
    memcpy(c.signer, keys[0].id, 8);
    ck_assert(!sm_revocations_cover(&list, &c));
}
END_TEST

START_TEST(serials_are_added_in_order)
{
    static const uint64_t order[] = { 50, 10, 99, 30, 1, 70, UINT64_MAX };
    size_t i;

    fill(0);
    for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        ck_assert_int_eq(sm_revocations_add(&list, order[i]), 0);
        ck_assert_int_eq(sm_revocations_add(&list, order[i]), SM_EXISTS);
        ck_assert(sm_revocations_has(&list, order[i]));
    }
    ck_assert_uint_eq(list.n_serials, sizeof(order) / sizeof(order[0]));
    for (i = 1; i < list.n_serials; i++)
        ck_assert_uint_lt(list.serials[i - 1], list.serials[i]);
    ck_assert_int_eq(sm_revocations_add(&list, 0), SM_USAGE);
    fill(SM_REVOCATIONS_SERIALS_MAX);
    ck_assert_int_eq(sm_revocations_add(&list, 5), SM_BUSY);
    ck_assert_int_eq(sm_revocations_add(&list, 10), SM_EXISTS);
}
END_TEST

START_TEST(what_is_formatted_is_read_back)
{
    static struct sm_revocations want;
    static char out[SM_REVOCATIONS_MAX];

    ck_assert_int_eq(verify(body), 0);
    want = list;
    ck_assert_int_eq(sm_revocations_format(&want, out, sizeof(out), why,
                                           sizeof(why)), 0);
    ck_assert_str_eq(out, body);
    ck_assert_int_eq(verify(out), 0);
    ck_assert(!memcmp(&list, &want, sizeof(list)));
    ck_assert_int_eq(sm_revocations_format(&want, out, strlen(body), why,
                                           sizeof(why)), SM_USAGE);
    want.serials[1] = 2;
    ck_assert_int_eq(sm_revocations_format(&want, out, sizeof(out), why,
                                           sizeof(why)), SM_USAGE);
    want.serials[1] = 3;
    want.version = 0;
    ck_assert_int_eq(sm_revocations_format(&want, out, sizeof(out), why,
                                           sizeof(why)), SM_USAGE);
    want.version = 1;
    want.issued = INT64_MAX;
    ck_assert_int_eq(sm_revocations_format(&want, out, sizeof(out), why,
                                           sizeof(why)), SM_USAGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("revocation");
    TCase *tc = tcase_create("contract");

    tcase_add_checked_fixture(tc, signers_make, signers_free);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_good_one_is_read);
    tcase_add_test(tc, an_empty_one_has_no_serials);
    tcase_add_test(tc, each_value_is_checked);
    tcase_add_test(tc, as_many_as_there_is_room_for);
    tcase_add_test(tc, an_overlong_one_is_refused);
    tcase_add_test(tc, only_the_right_type_and_signer);
    tcase_add_test(tc, a_list_speaks_of_its_own_authority);
    tcase_add_test(tc, serials_are_added_in_order);
    tcase_add_test(tc, what_is_formatted_is_read_back);
    suite_add_tcase(suite, tc);
    return scratch_run(suite);
}
