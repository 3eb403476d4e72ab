/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of base/clock.h's contract. */
#include <limits.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "scratch.h"

/* ---- durations ---- */

START_TEST(now_is_monotonic_milliseconds)
{
    struct timespec ts = { 0, 30 * 1000000 };
    int64_t before, after;

    before = sm_clock_now_ms();
    nanosleep(&ts, NULL);
    after = sm_clock_now_ms();
    ck_assert_int_ge(after - before, 29);
    ck_assert_int_lt(after - before, 20000);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ck_assert_int_le(after, (int64_t)ts.tv_sec * 1000 + 999);
    ck_assert_int_ge(after, ((int64_t)ts.tv_sec - 20) * 1000);
}
END_TEST

START_TEST(real_is_seconds_since_the_epoch)
{
    time_t before = time(NULL);
    int64_t real = sm_clock_real();

    ck_assert_int_ge(real, before);
    ck_assert_int_le(real, time(NULL));
}
END_TEST

START_TEST(no_duration_is_never)
{
    ck_assert_int_eq(sm_clock_deadline(0), SM_CLOCK_NEVER);
    ck_assert_int_eq(sm_clock_deadline(-1), SM_CLOCK_NEVER);
    ck_assert_int_eq(sm_clock_deadline(INT64_MIN), SM_CLOCK_NEVER);
    ck_assert_int_eq(sm_clock_left(SM_CLOCK_NEVER), -1);
}
END_TEST

START_TEST(a_deadline_is_that_far_away)
{
    int64_t deadline = sm_clock_deadline(60000);
    int left = sm_clock_left(deadline);

    ck_assert_int_le(left, 60000);
    ck_assert_int_gt(left, 40000);
}
END_TEST

START_TEST(a_duration_too_long_for_the_clock_is_never)
{
    ck_assert_int_eq(sm_clock_deadline(INT64_MAX), SM_CLOCK_NEVER);
    ck_assert_int_eq(sm_clock_deadline(INT64_MAX - 1), SM_CLOCK_NEVER);
}
END_TEST

START_TEST(a_deadline_that_has_passed_leaves_nothing)
{
    ck_assert_int_eq(sm_clock_left(sm_clock_now_ms()), 0);
    ck_assert_int_eq(sm_clock_left(sm_clock_now_ms() - 1), 0);
    ck_assert_int_eq(sm_clock_left(0), 0);
    ck_assert_int_eq(sm_clock_left(INT64_MIN), 0);
}
END_TEST

START_TEST(what_poll_cannot_hold_is_cut)
{
    int64_t far = (int64_t)INT_MAX + 1000000;

    ck_assert_int_eq(sm_clock_left(sm_clock_deadline(far)), INT_MAX);
    ck_assert_int_eq(sm_clock_left(INT64_MAX - 1), INT_MAX);
}
END_TEST

/* ---- RFC 3339 ---- */

/* Expected values from `date -u -d … +%s`. */
static const struct {
    const char *text;
    int64_t t;
} good[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "1970-01-01T00:00:01Z", 1 },
    { "2027-11-01T00:00:00Z", 1825027200 },
    { "2027-11-01T00:00:00+00:00", 1825027200 },
    { "2027-11-01T00:00:00-00:00", 1825027200 },
    { "2027-11-01T01:30:00+01:30", 1825027200 },
    { "2027-10-31T16:00:00-08:00", 1825027200 },
    { "2027-11-01T23:59:00+23:59", 1825027200 },
    { "2000-02-29T12:00:00Z", 951825600 },
    { "2024-02-29T23:59:59Z", 1709251199 },
    { "2038-01-19T03:14:08Z", 2147483648 },
    { "2106-02-07T06:28:16Z", 4294967296 },
    { "9999-12-31T23:59:59Z", 253402300799 },
    { "9999-12-31T22:59:59-01:00", 253402300799 },
    { "9999-12-31T23:59:59+23:59", 253402214459 },
};

START_TEST(date_times_with_a_zone_are_parsed)
{
    int64_t t = -1;

    ck_assert_int_eq(sm_clock_parse(good[_i].text, &t), 0);
    ck_assert_msg(t == good[_i].t, "%s: %lld", good[_i].text, (long long)t);
}
END_TEST

static const char *const bad[] = {
    "", "Z", "2027",
    "2027-11-01T00:00:00",              /* no zone */
    "2027-11-01 00:00:00Z",             /* no T */
    "2027-11-01t00:00:00Z", "2027-11-01T00:00:00z",
    "2027-11-01T00:00Z",
    "2027-11-01",
    "2027-11-01T00:00:00.0Z",           /* fraction */
    "2027-11-01T00:00:00.000+0",        /* 25 bytes, fraction */
    "2027-11-01T00:00:00Zjunk!",        /* 25 bytes */
    "2027-11-01T00:00:00Z\n",
    " 2027-11-01T00:00:00Z",
    "+027-11-01T00:00:00Z", "-027-11-01T00:00:00Z",
    "2027-1--01T00:00:00Z", "2027- 1-01T00:00:00Z",
    "2027/11/01T00:00:00Z", "2027-11-01T00-00-00Z",
    "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z",
    "2027-00-01T00:00:00Z", "2027-13-01T00:00:00Z",
    "2027-11-00T00:00:00Z", "2027-11-31T00:00:00Z",
    "2027-01-32T00:00:00Z", "2027-04-31T00:00:00Z",
    "2027-02-29T00:00:00Z",             /* no leap year */
    "2100-02-29T00:00:00Z",             /* century */
    "2000-02-30T00:00:00Z",
    "2027-11-01T24:00:00Z", "2027-11-01T00:60:00Z",
    "2016-12-31T23:59:60Z",             /* a leap second that was */
    "2027-11-01T00:00:61Z",
    "2027-11-01T00:00:00+24:00", "2027-11-01T00:00:00+00:60",
    "2027-11-01T00:00:00+0100", "2027-11-01T00:00:00+01",
    "2027-11-01T00:00:00+01-00", "2027-11-01T00:00:00*01:00",
    "2027-11-01T00:00:00+",
    "20271-11-01T00:00:00Z",
    "9999-12-31T23:00:00-01:00",        /* the year 10000 in UTC */
    "9999-12-31T23:59:59-23:59",
    "2\xd9\xa0\x32\x37-11-01T00:00:00",   /* an Arabic digit */
};

START_TEST(everything_else_is_refused)
{
    int64_t t = 12345;

    ck_assert_msg(sm_clock_parse(bad[_i], &t) == SM_CONFIG, "accepted: %s",
                  bad[_i]);
    ck_assert_int_eq(t, 12345);
}
END_TEST

START_TEST(every_single_byte_of_a_date_matters)
{
    const char *model = "2027-11-01T00:00:00+01:00";
    char text[26];
    int64_t t;
    size_t i;
    int c;

    for (i = 0; i < 25; i++)
        for (c = 1; c < 256; c++) {
            strcpy(text, model);
            text[i] = (char)c;
            if (model[i] >= '0' && model[i] <= '9') {
                if (c >= '0' && c <= '9')
                    continue;
            } else if (c == model[i] || (i == 19 && c == '-')) {
                continue;
            }
            ck_assert_msg(sm_clock_parse(text, &t) == SM_CONFIG,
                          "accepted: %s", text);
        }
}
END_TEST

START_TEST(the_zone_of_this_machine_does_not_matter)
{
    char text[21];
    int64_t t;

    ck_assert_int_eq(setenv("TZ", "XYZ-9", 1), 0);
    tzset();
    ck_assert_int_eq(sm_clock_parse("2027-11-01T00:00:00Z", &t), 0);
    ck_assert_int_eq(t, 1825027200);
    sm_clock_format(t, text);
    ck_assert_str_eq(text, "2027-11-01T00:00:00Z");
}
END_TEST

START_TEST(what_is_formatted_can_be_parsed)
{
    char text[21];
    int64_t t, back, step = 86400 * 17 + 12345;

    for (t = 0; t < 253402300800; t += step) {
        memset(text, 'x', sizeof(text));
        sm_clock_format(t, text);
        ck_assert_uint_eq(strlen(text), 20);
        ck_assert_int_eq(sm_clock_parse(text, &back), 0);
        ck_assert_int_eq(back, t);
    }
}
END_TEST

/* Every day of 400 years, which is the calendar's period, then samples from
 * the whole range: the C library knows the same dates. */
START_TEST(the_calendar_is_the_c_librarys)
{
    const int64_t day = 86400, first = -719468 * day;
    char text[21], expected[40];
    struct tm tm;
    int64_t t;

    for (t = first; t < 253402300800;
         t += t > 0 && t < 146098 * day ? day : 97 * day + 4567) {
        gmtime_r(&t, &tm);
        snprintf(expected, sizeof(expected),
                 "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                 tm.tm_sec);
        sm_clock_format(t, text);
        ck_assert_str_eq(text, expected);
    }
}
END_TEST

START_TEST(what_cannot_be_told_in_four_digits_is_a_question_mark)
{
    char text[21];

    sm_clock_format(-719468LL * 86400, text);
    ck_assert_str_eq(text, "0000-03-01T00:00:00Z");
    sm_clock_format(-719468LL * 86400 - 1, text);
    ck_assert_str_eq(text, "?");

    sm_clock_format(253402300799, text);
    ck_assert_str_eq(text, "9999-12-31T23:59:59Z");
    sm_clock_format(253402300800, text);
    ck_assert_str_eq(text, "?");
    sm_clock_format(INT64_MAX, text);
    ck_assert_str_eq(text, "?");
    sm_clock_format(INT64_MIN, text);
    ck_assert_str_eq(text, "?");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *durations = tcase_create("durations");
    TCase *dates = tcase_create("dates");

    tcase_add_test(durations, now_is_monotonic_milliseconds);
    tcase_add_test(durations, real_is_seconds_since_the_epoch);
    tcase_add_test(durations, no_duration_is_never);
    tcase_add_test(durations, a_deadline_is_that_far_away);
    tcase_add_test(durations, a_duration_too_long_for_the_clock_is_never);
    tcase_add_test(durations, a_deadline_that_has_passed_leaves_nothing);
    tcase_add_test(durations, what_poll_cannot_hold_is_cut);
    tcase_add_loop_test(dates, date_times_with_a_zone_are_parsed, 0,
                        (int)(sizeof(good) / sizeof(good[0])));
    tcase_add_loop_test(dates, everything_else_is_refused, 0,
                        (int)(sizeof(bad) / sizeof(bad[0])));
    tcase_add_test(dates, every_single_byte_of_a_date_matters);
    tcase_add_test(dates, the_zone_of_this_machine_does_not_matter);
    tcase_add_test(dates, what_is_formatted_can_be_parsed);
    tcase_add_test(dates, the_calendar_is_the_c_librarys);
    tcase_add_test(dates,
                   what_cannot_be_told_in_four_digits_is_a_question_mark);
    suite_add_tcase(suite, durations);
    suite_add_tcase(suite, dates);
    return scratch_run(suite);
}
