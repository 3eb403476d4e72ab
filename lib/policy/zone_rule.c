/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rule at the end of a TZif file: a TZ value as POSIX has it. */
#include "policy/zone_file.h"

#include <limits.h>
#include <string.h>

#include "policy/zone.h"

#define DAY 86400

struct text {
    const char *p, *end;
};

/* When in a year one kind of time begins. */
struct date {
    enum { JULIAN, DAY_OF_YEAR, MONTH } kind;   /* Jn, n, Mm.w.d */
    int day, month, week;
    int32_t time;               /* seconds after midnight */
};

static bool number(struct text *t, int max, int *out)
{
    int n = 0;
    const char *start = t->p;

    while (t->p < t->end && *t->p >= '0' && *t->p <= '9' && n <= max)
        n = n * 10 + (*t->p++ - '0');
    *out = n;
    return t->p > start && n <= max;
}

static bool skip_char(struct text *t, char c)
{
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

/* "CET" or "<+03>" */
static bool abbreviation(struct text *t)
{
    const char *start = t->p;

    if (skip_char(t, '<')) {
        while (t->p < t->end && *t->p != '>')
            t->p++;
        return skip_char(t, '>');
    }
    while (t->p < t->end && ((*t->p >= 'a' && *t->p <= 'z') ||
                             (*t->p >= 'A' && *t->p <= 'Z')))
        t->p++;
    return t->p - start >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds */
static bool hours(struct text *t, int32_t *out)
{
    int h, m = 0, s = 0, sign = 1;

    if (skip_char(t, '-'))
        sign = -1;
    else
        skip_char(t, '+');
    if (!number(t, 167, &h))
        return false;
    if (skip_char(t, ':')) {
        if (!number(t, 59, &m))
            return false;
        if (skip_char(t, ':') && !number(t, 59, &s))
            return false;
    }
    *out = sign * (h * 3600 + m * 60 + s);
    return true;
}

static bool get_date(struct text *t, struct date *d)
{
    if (!skip_char(t, ','))
        return false;
    if (skip_char(t, 'M')) {
        d->kind = MONTH;
        if (!number(t, 12, &d->month) || !d->month || !skip_char(t, '.') ||
            !number(t, 5, &d->week) || !d->week || !skip_char(t, '.') ||
            !number(t, 6, &d->day))
            return false;
    } else if (skip_char(t, 'J')) {
        d->kind = JULIAN;
        if (!number(t, 365, &d->day) || !d->day)
            return false;
    } else {
        d->kind = DAY_OF_YEAR;
        if (!number(t, 365, &d->day))
            return false;
    }
    d->time = 2 * 3600;
    return !skip_char(t, '/') || hours(t, &d->time);
}

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from the epoch to the first of January. */
static int64_t year_start(int year)
{
    int64_t y = year - 1;

    return (y - 1969) * 365 + (y / 4 - 492) - (y / 100 - 19) + (y / 400 - 4);
}

/* Day of the year, from 0. */
static int day_in(const struct date *d, int year)
{
    static const int before[2][13] = {
        { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 },
        { 0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366 },
    };
    const int *months = before[leap(year)];
    int first, day;

    switch (d->kind) {
    case JULIAN:                /* 29 February is never counted */
        return d->day - 1 + (leap(year) && d->day >= 60);
    case DAY_OF_YEAR:
        return d->day;
    default:
        break;
    }
    /* weekday of the first of the month, Sunday 0; the epoch's is 4 */
    first = (int)((year_start(year) + months[d->month - 1] + 4) % 7);
    day = (d->day - first + 7) % 7 + (d->week - 1) * 7;
    while (day >= months[d->month] - months[d->month - 1])
        day -= 7;               /* week 5 is the last one */
    return months[d->month - 1] + day;
}

static int64_t instant(const struct date *d, int year, int32_t offset)
{
    return (year_start(year) + day_in(d, year)) * DAY + d->time - offset;
}

/* One change of a year, unless the table has come further already. */
static bool change(struct sm_zone_steps *s, int64_t from, int32_t offset)
{
    if (from >= SM_POLICY_ZONE_END ||
        (s->n && from <= s->step[s->n - 1].from))
        return true;
    return sm_zone_add(s, from, offset);
}

static bool expand(struct sm_zone_steps *s, const struct date *begin,
                   const struct date *end, int32_t standard, int32_t summer)
{
    /* Before the table's first real step the rule does not count. */
    const int64_t last = s->step[s->n - 1].from;
    int year = 1970;
    int64_t on, off;
    bool ok = true;

    if (last >= SM_POLICY_ZONE_END)
        return true;
    if (last > 0)
        year += (int)(last / (366 * (int64_t)DAY));
    for (; ok && year_start(year) * DAY < SM_POLICY_ZONE_END; year++) {
        on = instant(begin, year, standard);
        off = instant(end, year, summer);
        if (on < off)
            ok = change(s, on, summer) && change(s, off, standard);
        else
            ok = change(s, off, standard) && change(s, on, summer);
    }
    return ok;
}

bool sm_zone_rule(const char *rule, size_t len, struct sm_zone_steps *s)
{
    struct text t = { .p = rule, .end = rule + len };
    int32_t standard, summer;
    struct date begin, end;

    if (!s->n || !abbreviation(&t) || !hours(&t, &standard))
        return false;
    standard = -standard;       /* POSIX counts towards the west */
    if (t.p == t.end)
        return s->step[s->n - 1].offset == standard;
    if (!abbreviation(&t))
        return false;
    summer = standard + 3600;
    if (t.p < t.end && *t.p != ',') {
        if (!hours(&t, &summer))
            return false;
        summer = -summer;
    }
    if (!get_date(&t, &begin) || !get_date(&t, &end) || t.p != t.end)
        return false;
    return expand(s, &begin, &end, standard, summer);
}
