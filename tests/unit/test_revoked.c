/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of revocations of several authorities in one file: the contract of
 * helper/secmigd/state/revoked.h. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../helper/secmigd/state/revoked.h"
#include "base/secret.h"
#include "scratch.h"

#define TEXT_MAX 4096

static struct sm_minisign_public key[3];
static uint8_t *secret[3];
static const uint64_t none[3];
static struct revoked r;

static void make_keys(void)
{
    size_t i;

    ck_assert_int_eq(sm_secret_init(), 0);
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(sm_secret_new((void **)&secret[i],
                                       SM_MINISIGN_SECRET_LEN), 0);
        sm_minisign_keygen(&key[i], secret[i]);
    }
}

static void free_keys(void)
{
    size_t i;

    for (i = 0; i < 3; i++)
        sm_secret_free(secret[i]);
}

/* Append a list of authority `by` that revokes `serial`. */
static void append(char *text, int by, unsigned int version,
                   unsigned int serial)
{
    char body[256];
    size_t at = strlen(text);

    snprintf(body, sizeof(body), "secmig-revocations 1\nversion = %u\n"
             "issued = 2027-01-01T00:00:00Z\nserials = %u\n", version,
             serial);
    ck_assert_int_eq(sm_statement_sign(secret[by], body, "test", text + at,
                                       TEXT_MAX - at), 0);
}

static void read_text(const char *text, const uint64_t *floors)
{
    memset(&r, 0xa5, sizeof(r));        /* nothing is left as it was */
    revoked_read(text, strlen(text), NULL, key, 2, floors, &r);
}

START_TEST(each_authority_has_its_list_in_any_order)
{
    char text[TEXT_MAX] = "";

    append(text, 1, 4, 71);
    append(text, 0, 9, 70);
    read_text(text, none);
    ck_assert(r.of[0].have);
    ck_assert(r.of[1].have);
    ck_assert_str_eq(r.of[0].why, "");
    ck_assert_str_eq(r.of[1].why, "");
    ck_assert_uint_eq(r.of[0].list.version, 9);
    ck_assert(sm_revocations_has(&r.of[0].list, 70));
    ck_assert(!sm_revocations_has(&r.of[0].list, 71));
    ck_assert_uint_eq(r.of[1].list.version, 4);
    ck_assert(sm_revocations_has(&r.of[1].list, 71));
}
END_TEST

START_TEST(no_file_and_no_version_seen_is_no_list)
{
    read_text("", none);
    ck_assert(!r.of[0].have);
    ck_assert_str_eq(r.of[0].why, "");
}
END_TEST

START_TEST(a_list_that_was_seen_and_is_missing_is_missed)
{
    static const uint64_t floors[2] = { 0, 3 };
    char text[TEXT_MAX] = "";

    append(text, 0, 1, 70);
    read_text(text, floors);
    ck_assert(r.of[0].have);
    ck_assert(!r.of[1].have);
    ck_assert_ptr_nonnull(strstr(r.of[1].why, "missing"));
}
END_TEST

START_TEST(an_older_list_is_not_believed)
{
    static const uint64_t floors[2] = { 5, 3 };
    char text[TEXT_MAX] = "";

    append(text, 0, 4, 70);
    append(text, 1, 3, 70);
    read_text(text, floors);
    ck_assert(!r.of[0].have);
    ck_assert_ptr_nonnull(strstr(r.of[0].why, "4 is older than 5"));
    ck_assert(r.of[1].have);
}
END_TEST

START_TEST(two_lists_of_one_authority_are_none)
{
    char text[TEXT_MAX] = "";

    append(text, 0, 1, 70);
    append(text, 1, 1, 70);
    append(text, 0, 2, 71);
    append(text, 0, 3, 71);
    read_text(text, none);
    ck_assert(!r.of[0].have);
    ck_assert_ptr_nonnull(strstr(r.of[0].why, "two lists"));
    ck_assert(r.of[1].have);
}
END_TEST

START_TEST(a_list_of_nobody_makes_all_others_count_for_nothing)
{
    char text[TEXT_MAX] = "";

    append(text, 0, 1, 70);
    append(text, 2, 1, 70);     /* an authority that the policy has not */
    read_text(text, none);
    ck_assert(!r.of[0].have);
    ck_assert_ptr_nonnull(strstr(r.of[0].why, "not signed"));
    ck_assert_ptr_nonnull(strstr(r.of[1].why, "not signed"));
}
END_TEST

START_TEST(a_file_that_cannot_be_read_makes_all_count_for_nothing)
{
    memset(&r, 0, sizeof(r));
    revoked_read(NULL, 0, "unsafe mode", key, 2, none, &r);
    ck_assert_str_eq(r.of[0].why, "unsafe mode");
    ck_assert_str_eq(r.of[1].why, "unsafe mode");
}
END_TEST

START_TEST(no_cut_and_no_change_of_two_lists_goes_unnoticed)
{
    char text[TEXT_MAX] = "", changed[TEXT_MAX];
    size_t first, len, i;

    append(text, 0, 1, 70);
    first = strlen(text);
    ck_assert_uint_eq(sm_statement_length(text, first), first);
    append(text, 1, 1, 70);
    len = strlen(text);
    ck_assert_uint_eq(sm_statement_length(text, len), first);
    for (i = 1; i < len; i++) {
        snprintf(changed, sizeof(changed), "%.*s", (int)i, text);
        read_text(changed, none);
        if (i == first) {       /* a whole list, and none of the other */
            ck_assert(r.of[0].have && !r.of[1].have);
            continue;
        }
        ck_assert_msg(!r.of[0].have && r.of[0].why[0] && r.of[1].why[0],
                      "cut after %zu bytes", i);
    }
    for (i = 0; i < len; i++) {
        memcpy(changed, text, len + 1);
        changed[i] ^= 1;
        read_text(changed, none);
        /* the untrusted comments are signed by nobody */
        if (r.of[0].have && r.of[1].have)
            ck_assert_msg(sm_revocations_has(&r.of[0].list, 70) &&
                          sm_revocations_has(&r.of[1].list, 70) &&
                          r.of[0].list.n_serials == 1,
                          "changed at %zu", i);
        else
            ck_assert(r.of[0].why[0] || r.of[1].why[0]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("revoked");
    TCase *c = tcase_create("contract");

    tcase_add_unchecked_fixture(c, make_keys, free_keys);
    tcase_add_test(c, each_authority_has_its_list_in_any_order);
    tcase_add_test(c, no_file_and_no_version_seen_is_no_list);
    tcase_add_test(c, a_list_that_was_seen_and_is_missing_is_missed);
    tcase_add_test(c, an_older_list_is_not_believed);
    tcase_add_test(c, two_lists_of_one_authority_are_none);
    tcase_add_test(c, a_list_of_nobody_makes_all_others_count_for_nothing);
    tcase_add_test(c, a_file_that_cannot_be_read_makes_all_count_for_nothing);
    tcase_add_test(c, no_cut_and_no_change_of_two_lists_goes_unnoticed);
    suite_add_tcase(suite, c);
    return scratch_run(suite);
}
