/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

#define LAST INT64_C(253402300799)      /* 9999-12-31T23:59:59Z */

int64_t sm_clock_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t sm_clock_real(void)
{
    return (int64_t)time(NULL);
}

int64_t sm_clock_deadline(int64_t ms)
{
    int64_t now = sm_clock_now_ms();

    return ms <= 0 || ms >= SM_CLOCK_NEVER - now ? SM_CLOCK_NEVER : now + ms;
}

int sm_clock_left(int64_t deadline)
{
    int64_t now = sm_clock_now_ms();

    if (deadline == SM_CLOCK_NEVER)
        return -1;
    if (deadline <= now)
        return 0;
    return deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
}

/* `n` digits at *s, value within [min, max]; moves *s. */
static int digits(const char **s, int n, int min, int max, int *out)
{
    int v = 0;

    while (n--) {
        if (**s < '0' || **s > '9')
            return SM_CONFIG;
        v = v * 10 + (*(*s)++ - '0');
    }
    if (v < min || v > max)
        return SM_CONFIG;
    *out = v;
    return 0;
}

static int literal(const char **s, char c)
{
    return *(*s)++ == c ? 0 : SM_CONFIG;
}

/*
 * Days since 1970-01-01 of a date, and back, in the proleptic Gregorian
 * calendar.  Not timegm(3) and gmtime(3): they read the system's time zone
 * from a file, which sandboxed processes and parsers have no use for.
 * Counted in years that begin in March, so that a leap day ends one.
 */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 +
                      day - 1;

    /* 719468 days from 0000-03-01 to 1970-01-01; y is never negative. */
    return y * 365 + y / 4 - y / 100 + y / 400 + in_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t from = days + 719468, era = from / 146097, in_era, y, in_year;

    in_era = from % 146097;
    y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    in_year = in_era - (365 * y + y / 4 - y / 100);
    *month = (int)((5 * in_year + 2) / 153);
    *day = (int)(in_year - (153 * *month + 2) / 5) + 1;
    *month += *month < 10 ? 3 : -9;
    *year = era * 400 + y + (*month <= 2);
}

int sm_clock_parse(const char *text, int64_t *out)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30,
                                31, 31, 30, 31, 30, 31 };
    int year, month, day, hour, minute, second, oh = 0, om = 0, sign = 0;
    const char *s = text;
    int64_t t;

    if (strlen(text) != 20 && strlen(text) != 25)
        return SM_CONFIG;
    if (digits(&s, 4, 1970, 9999, &year) || literal(&s, '-') ||
        digits(&s, 2, 1, 12, &month) || literal(&s, '-') ||
        digits(&s, 2, 1, 31, &day) || literal(&s, 'T') ||
        digits(&s, 2, 0, 23, &hour) || literal(&s, ':') ||
        digits(&s, 2, 0, 59, &minute) || literal(&s, ':') ||
        digits(&s, 2, 0, 59, &second))
        return SM_CONFIG;
    if (*s == '+' || *s == '-') {
        sign = *s++ == '+' ? 1 : -1;
        if (digits(&s, 2, 0, 23, &oh) || literal(&s, ':') ||
            digits(&s, 2, 0, 59, &om))
            return SM_CONFIG;
    } else if (literal(&s, 'Z')) {
        return SM_CONFIG;
    }
    if (*s)
        return SM_CONFIG;
    if (day > days[month - 1] +
              (month == 2 && (year % 4 == 0 &&
                              (year % 100 != 0 || year % 400 == 0))))
        return SM_CONFIG;

    t = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 +
        second - sign * (oh * 3600 + om * 60);
    if (t > LAST)                       /* by its offset */
        return SM_CONFIG;
    *out = t;
    return 0;
}

void sm_clock_format(int64_t t, char out[static 21])
{
    /* 0000-03-01 */
    const int64_t first = -719468LL * 86400;
    int64_t days = t / 86400, year;
    int second = (int)(t % 86400), month, day;

    if (t < first || t > LAST) {
        strcpy(out, "?");
        return;
    }
    if (second < 0) {
        second += 86400;
        days--;
    }
    date_of(days, &year, &month, &day);
    snprintf(out, 21, "%04u-%02u-%02uT%02u:%02u:%02uZ",
             (unsigned int)year % 10000, (unsigned int)month % 100,
             (unsigned int)day % 100, (unsigned int)second / 3600 % 100,
             (unsigned int)second / 60 % 60, (unsigned int)second % 60);
}
