/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

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

int sm_clock_parse(const char *text, int64_t *out)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30,
                                31, 31, 30, 31, 30, 31 };
    int year, month, day, hour, minute, second, oh = 0, om = 0, sign = 0;
    const char *s = text;
    struct tm tm;

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

    memset(&tm, 0, sizeof(tm));
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    tm.tm_hour = hour;
    tm.tm_min = minute;
    tm.tm_sec = second;
    *out = (int64_t)timegm(&tm) - sign * (oh * 3600 + om * 60);
    return 0;
}

void sm_clock_format(int64_t t, char out[static 21])
{
    time_t tt = (time_t)t;
    struct tm tm;

    if (!gmtime_r(&tt, &tm) ||
        strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        strcpy(out, "?");
}
