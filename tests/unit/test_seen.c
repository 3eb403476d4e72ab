/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of helper/secmigd/state/seen.h's contract. */
#include <check.h>

#include "store_double.h"
#include "../../helper/secmigd/state/seen.c"

/* Cases run in one process each (check forks): nothing is remembered. */

static void restart(void)
{
    memset(records, 0, sizeof(records));
    n_records = 0;
    ck_assert_int_eq(seen_init(), 0);
}

static struct sm_attest_seen quote(unsigned int ak, uint32_t reset,
                                   uint64_t clock)
{
    struct sm_attest_seen s = { .clock = clock, .reset_count = reset };

    s.ak[0] = (uint8_t)ak;
    s.ak[1] = (uint8_t)(ak >> 8);
    s.pcrs[0] = (uint8_t)clock;
    return s;
}

static int note(unsigned int ak, uint32_t reset, uint64_t clock,
                const char *host)
{
    struct sm_attest_seen s = quote(ak, reset, clock);

    return seen_write(&s, host);
}

static const struct seen *of(unsigned int ak)
{
    struct sm_attest_seen s = quote(ak, 0, 0);

    return seen_find(s.ak);
}

static bool approved(unsigned int ak, uint32_t reset)
{
    struct sm_attest_seen s = quote(ak, 0, 0);

    return seen_approved(s.ak, reset, 0);
}

static int went_back(unsigned int ak)
{
    struct sm_attest_seen s = quote(ak, 0, 0);

    return seen_back(s.ak);
}

START_TEST(nothing_was_seen_yet)
{
    const struct seen *last;

    ck_assert_int_eq(seen_init(), 0);
    ck_assert_ptr_null(of(1));
    ck_assert(!approved(1, 0));
    ck_assert_int_eq(seen_accept("alpha", &last), SM_UNKNOWN_HOST);
    ck_assert_ptr_null(last);
    ck_assert_int_eq(went_back(1), 0);
    ck_assert_int_eq(stored.puts, 0);
}
END_TEST

START_TEST(a_restart_forgets_nothing)
{
    struct sm_attest_seen s = quote(1, 7, 99);
    const struct seen *last;
    int64_t before = sm_clock_real();

    s.restart_count = 3;
    ck_assert_int_eq(seen_write(&s, "alpha"), 0);
    ck_assert_int_eq(note(2, 1, 5, "beta"), 0);
    ck_assert_int_eq(seen_accept("alpha", &last), 0);
    ck_assert_uint_eq(last->tpm.reset_count, 7);
    restart();
    ck_assert_ptr_nonnull(of(1));
    ck_assert_mem_eq(&of(1)->tpm, &s, sizeof(s));
    ck_assert_str_eq(of(1)->host, "alpha");
    ck_assert_str_eq(of(2)->host, "beta");
    ck_assert(seen_approved(s.ak, 7, 3));
    ck_assert(!approved(1, 7) && !approved(2, 1));
    ck_assert(of(1)->when >= before && of(1)->when <= sm_clock_real());
}
END_TEST

START_TEST(nothing_is_lowered)
{
    struct sm_attest_seen s = quote(1, 4, 60);

    s.restart_count = 2;
    ck_assert_int_eq(seen_write(&s, "alpha"), 0);
    ck_assert_int_eq(note(1, 3, 999, "other"), 0);      /* earlier boot */
    ck_assert_int_eq(note(1, 4, 999, "other"), 0);      /* ... resumption */
    s.clock = 59;
    s.pcrs[0] = 1;
    ck_assert_int_eq(seen_write(&s, "other"), 0);       /* ... quote */
    ck_assert_uint_eq(of(1)->tpm.clock, 60);
    ck_assert_uint_eq(of(1)->tpm.pcrs[0], 60);
    ck_assert_str_eq(of(1)->host, "alpha");
    ck_assert_int_eq(stored.puts, 1);
    ck_assert_int_eq(note(1, 5, 10, "alpha"), 0);       /* a new boot */
    ck_assert_uint_eq(of(1)->tpm.clock, 10);
    ck_assert_uint_eq(of(1)->tpm.restart_count, 0);
}
END_TEST

START_TEST(one_boot_is_accepted)
{
    const struct seen *last;

    ck_assert_int_eq(note(1, 4, 60, "alpha"), 0);
    ck_assert(!approved(1, 4));
    ck_assert_int_eq(seen_accept("alpha", &last), 0);
    ck_assert(approved(1, 4));
    ck_assert(!approved(1, 5));
    ck_assert_int_eq(note(1, 4, 61, "alpha"), 0);       /* in the same boot */
    ck_assert(approved(1, 4));
    ck_assert_int_eq(note(1, 5, 62, "alpha"), 0);
    ck_assert(!approved(1, 5));
    ck_assert_int_eq(seen_accept("alpha", &last), 0);
    ck_assert_uint_eq(last->tpm.reset_count, 5);
    ck_assert(approved(1, 5) && !approved(1, 4));
}
END_TEST

START_TEST(a_restart_of_the_tpm_is_another_boot)
{
    struct sm_attest_seen s = quote(1, 4, 60);
    const struct seen *last;

    ck_assert_int_eq(seen_write(&s, "alpha"), 0);
    ck_assert_int_eq(seen_accept("alpha", &last), 0);
    ck_assert(seen_approved(s.ak, 4, 0) && !seen_approved(s.ak, 4, 1));
    s.restart_count = 1;
    s.clock = 61;
    ck_assert_int_eq(seen_write(&s, "alpha"), 0);
    ck_assert(!seen_approved(s.ak, 4, 1));
    ck_assert_int_eq(seen_accept("alpha", &last), 0);
    ck_assert(seen_approved(s.ak, 4, 1) && !seen_approved(s.ak, 4, 0));
}
END_TEST

START_TEST(one_that_went_back_is_not_accepted)
{
    const struct seen *last;

    ck_assert_int_eq(note(1, 4, 60, "alpha"), 0);
    ck_assert_int_eq(went_back(1), 0);
    ck_assert_int_eq(went_back(1), 0);      /* written once */
    ck_assert_int_eq(stored.puts, 2);
    restart();
    ck_assert_int_eq(seen_accept("alpha", &last), SM_UNMET);
    ck_assert_uint_eq(last->tpm.reset_count, 4);
    ck_assert(!approved(1, 4));
    ck_assert_int_eq(note(1, 4, 59, "alpha"), 0);
    ck_assert_int_eq(seen_accept("alpha", &last), SM_UNMET);
    ck_assert_int_eq(note(1, 4, 61, "alpha"), 0);       /* past it again */
    ck_assert_int_eq(seen_accept("alpha", &last), 0);
    ck_assert(approved(1, 4));
}
END_TEST

START_TEST(a_name_is_of_the_key_that_has_it_now)
{
    const struct seen *last;

    ck_assert_int_eq(note(1, 4, 60, "alpha"), 0);
    ck_assert_int_eq(note(2, 9, 10, "alpha"), 0);       /* another TPM */
    ck_assert_str_eq(of(1)->host, "");
    ck_assert_int_eq(seen_accept("alpha", &last), 0);
    ck_assert_uint_eq(last->tpm.reset_count, 9);
    ck_assert(!approved(1, 4) && approved(2, 9));
    ck_assert_int_eq(note(1, 4, 61, "gamma"), 0);
    ck_assert_int_eq(note(1, 4, 62, "beta"), 0);        /* renamed */
    ck_assert_int_eq(seen_accept("gamma", &last), SM_UNKNOWN_HOST);
    ck_assert_int_eq(seen_accept("beta", &last), 0);
}
END_TEST

START_TEST(no_more_than_are_remembered)
{
    unsigned int i;

    for (i = 0; i < SEEN_MAX; i++) {
        records[i].tpm = quote(i, 1, 1);
        memset(records[i].host, 'h', SM_CONF_NAME_MAX);
    }
    n_records = SEEN_MAX - 1;
    ck_assert_int_eq(note(SEEN_MAX, 1, 1, "last"), 0);  /* it fits */
    ck_assert_int_eq(note(SEEN_MAX + 1, 1, 1, "more"), SM_BUSY);
    ck_assert_int_eq(note(5, 2, 1, "five"), 0);
    restart();
    ck_assert_ptr_nonnull(of(SEEN_MAX));
    ck_assert_uint_eq(of(5)->tpm.reset_count, 2);
    /* A host has a new key: the old one makes room. */
    records[7].host[0] = '\0';
    ck_assert_int_eq(note(SEEN_MAX + 1, 3, 1, "more"), 0);
    ck_assert_ptr_null(of(7));
    ck_assert_str_eq(of(SEEN_MAX + 1)->host, "more");
    ck_assert_int_eq(note(SEEN_MAX + 2, 1, 1, "again"), SM_BUSY);
}
END_TEST

START_TEST(what_cannot_be_written_down_is_not_forgotten)
{
    ck_assert_int_eq(note(1, 4, 60, "alpha"), 0);
    stored.fail = SM_IO;
    ck_assert_int_eq(note(1, 4, 70, "alpha"), SM_IO);
    ck_assert_uint_eq(of(1)->tpm.clock, 70);
    ck_assert_int_eq(note(1, 4, 65, "alpha"), SM_IO);
    stored.fail = 0;
    ck_assert_int_eq(note(1, 4, 65, "alpha"), 0);
    restart();
    ck_assert_uint_eq(of(1)->tpm.clock, 70);
}
END_TEST

START_TEST(a_damaged_object_is_an_error)
{
    size_t len;

    ck_assert_int_eq(note(1, 4, 60, "alpha"), 0);
    stored.data[stored.len - 9] = 2;        /* neither approved nor not */
    ck_assert_int_eq(seen_init(), SM_STATE);
    stored.data[stored.len - 9] = 0;
    stored.data[stored.len - 10] = 2;       /* ... behind nor not */
    ck_assert_int_eq(seen_init(), SM_STATE);
    stored.data[stored.len - 10] = 0;
    ck_assert_int_eq(seen_init(), 0);
    stored.data[1]++;                       /* of another format */
    ck_assert_int_eq(seen_init(), SM_STATE);
    stored.data[1]--;
    for (len = stored.len - 1; len > 0; len--) {
        stored.len = len;
        ck_assert_int_ne(seen_init(), 0);
    }
    stored.fail = SM_SEAL;
    ck_assert_int_eq(seen_init(), SM_SEAL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("seen");
    TCase *t = tcase_create("seen");
    SRunner *sr;
    int failed;

    tcase_add_test(t, nothing_was_seen_yet);
    tcase_add_test(t, a_restart_forgets_nothing);
    tcase_add_test(t, nothing_is_lowered);
    tcase_add_test(t, one_boot_is_accepted);
    tcase_add_test(t, a_restart_of_the_tpm_is_another_boot);
    tcase_add_test(t, one_that_went_back_is_not_accepted);
    tcase_add_test(t, a_name_is_of_the_key_that_has_it_now);
    tcase_add_test(t, no_more_than_are_remembered);
    tcase_add_test(t, what_cannot_be_written_down_is_not_forgotten);
    tcase_add_test(t, a_damaged_object_is_an_error);
    suite_add_tcase(s, t);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? 1 : 0;
}
