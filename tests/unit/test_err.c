/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of base/err.h's contract. */
#include <limits.h>

#include "base/err.h"
#include "scratch.h"

/* Every value of enum sm_err, written out: numbers are part of the interface
 * of the programs and of the control socket. */
static const struct {
    int err, code;
} all[] = {
    { SM_OK, 0 }, { SM_FAIL, 1 }, { SM_USAGE, 2 }, { SM_CONFIG, 3 },
    { SM_STATE, 4 }, { SM_NO_MEMORY, 5 }, { SM_IO, 6 },
    { SM_NO_DAEMON, 10 }, { SM_UNKNOWN_HOST, 11 }, { SM_UNREACHABLE, 12 },
    { SM_TIMEOUT, 13 }, { SM_LINK, 14 }, { SM_AUTH, 15 },
    { SM_PROTOCOL, 16 }, { SM_UNPAIRED, 17 }, { SM_HELPER, 18 },
    { SM_REFUSED_LOCAL, 20 },
    { SM_REFUSED_REMOTE, 21 }, { SM_POLICY, 22 }, { SM_NOMIGRATE, 23 },
    { SM_EXISTS, 24 }, { SM_NO_DOMAIN, 25 }, { SM_BUSY, 26 }, { SM_XL, 27 },
    { SM_CANCELLED, 28 }, { SM_UNMET, 29 },
    { SM_SANDBOX, 30 }, { SM_SEAL, 31 },
    { SM_IN_DOUBT, 32 }, { SM_XEN_VERSION, 33 },
    { SM_PROCESSOR, 34 },
};

#define N_ALL ((int)(sizeof(all) / sizeof(all[0])))

static int known(int err)
{
    int i;

    for (i = 0; i < N_ALL; i++)
        if (all[i].err == err)
            return 1;
    return 0;
}

START_TEST(texts_are_distinct_lower_case_words_without_full_stop)
{
    const char *text, *other;
    size_t len;
    int i, k;

    for (i = 0; i < N_ALL; i++) {
        text = sm_err_text(all[i].err);
        ck_assert_ptr_nonnull(text);
        len = strlen(text);
        ck_assert_uint_gt(len, 0);
        ck_assert_int_ne(text[len - 1], '.');
        ck_assert(text[0] >= 'a' && text[0] <= 'z');
        ck_assert_str_ne(text, "unknown error");
        for (k = 0; k < i; k++) {
            other = sm_err_text(all[k].err);
            ck_assert_str_ne(text, other);
        }
    }
}
END_TEST

START_TEST(any_other_number_is_an_unknown_error)
{
    static const int strange[] = { 1, 31, -7, -9, -19, -35, -256,
                                   INT_MAX, INT_MIN };
    size_t i;

    for (i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        ck_assert_str_eq(sm_err_text(strange[i]), "unknown error");
        ck_assert_int_eq(sm_err_exit(strange[i]), 1);
    }
}
END_TEST

START_TEST(exit_codes_are_the_numbers_without_sign)
{
    int i;

    for (i = 0; i < N_ALL; i++) {
        ck_assert_int_eq(sm_err_exit(all[i].err), all[i].code);
        ck_assert_int_eq(-all[i].err, all[i].code);
        ck_assert_int_lt(all[i].code, 126);     /* the shell's own */
    }
}
END_TEST

START_TEST(a_code_that_travelled_is_not_trusted)
{
    unsigned int code;

    for (code = 0; code < 70000; code++)
        ck_assert_int_eq(sm_err_from_code(code), known(-(int)code) ?
                         -(int)code : SM_FAIL);
    ck_assert_int_eq(sm_err_from_code(UINT_MAX), SM_FAIL);
    ck_assert_int_eq(sm_err_from_code(0u - 3u), SM_FAIL);
    ck_assert_int_eq(sm_err_from_code((unsigned int)INT_MIN), SM_FAIL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("err");
    TCase *c = tcase_create("err");

    tcase_add_test(c, texts_are_distinct_lower_case_words_without_full_stop);
    tcase_add_test(c, any_other_number_is_an_unknown_error);
    tcase_add_test(c, exit_codes_are_the_numbers_without_sign);
    tcase_add_test(c, a_code_that_travelled_is_not_trusted);
    suite_add_tcase(suite, c);
    return scratch_run(suite);
}
