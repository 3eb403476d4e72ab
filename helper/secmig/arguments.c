/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "arguments.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "verbs.h"

#define DAY 86400
#define CLOCKS_DIFFER 300

int sm_arguments_sort(int argc, char **argv,
                      const struct sm_argument *options, size_t n,
                      const char **words, size_t max, size_t *n_words)
{
    const struct sm_argument *o;
    size_t k;
    int i;

    *n_words = 0;
    for (i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (*n_words == max)
                return SM_CLI_USAGE;
            words[(*n_words)++] = argv[i];
            continue;
        }
        for (k = 0; k < n; k++)
            if (!strcmp(argv[i], options[k].name))
                break;
        if (k == n)
            return SM_CLI_USAGE;
        o = &options[k];
        if (o->flag) {
            if (*o->flag)
                return SM_CLI_USAGE;
            *o->flag = true;
            continue;
        }
        if (++i == argc)
            return SM_CLI_USAGE;
        if (o->list) {
            if (*o->n_list == o->list_max)
                return SM_CLI_USAGE;
            o->list[(*o->n_list)++] = argv[i];
        } else {
            if (*o->value)
                return SM_CLI_USAGE;
            *o->value = argv[i];
        }
    }
    return 0;
}

bool sm_arguments_duration(const char *text, int64_t *seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {
        { 'm', 60 }, { 'h', 3600 }, { 'd', DAY }, { 'w', 7 * DAY },
    };
    size_t len = strlen(text), i;
    uint64_t v;

    if (!len)
        return false;
    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (text[len - 1] == units[i].unit) {
            if (!sm_text_number(text, len - 1,
                                (uint64_t)(36525LL * DAY / units[i].seconds),
                                &v) || !v)
                return false;
            *seconds = (int64_t)v * units[i].seconds;
            return true;
        }
    return false;
}

bool sm_arguments_pcrs(const char *text, uint32_t *mask)
{
    uint64_t pcr;
    size_t n;

    for (*mask = 0; ; text += n + 1) {
        n = strcspn(text, ",");
        if (!sm_text_number(text, n, 23, &pcr) || *mask & 1u << pcr)
            return false;
        *mask |= 1u << pcr;
        if (!text[n])
            return true;
    }
}

int sm_arguments_validity(const char *not_before, const char *valid,
                          int64_t now, int64_t *from, int64_t *to)
{
    int64_t seconds;
    char text[21];

    if (not_before && sm_clock_parse(not_before, from))
        return sm_cli_fail(SM_USAGE, "--not-before %s: not a time (as in "
                           "2027-11-01T08:00:00Z or ...+01:00)", not_before);
    if (!sm_arguments_duration(valid, &seconds))
        return sm_cli_fail(SM_USAGE, "--valid %s: not a time span (as in "
                           "90m, 12h, 365d or 52w; at most 100 years)",
                           valid);
    *to = (not_before ? *from : now) + seconds;
    if (!not_before)
        *from = now - CLOCKS_DIFFER;
    sm_clock_format(*to, text);
    if (!strcmp(text, "?"))
        return sm_cli_fail(SM_USAGE, "--valid %s: it would end after the "
                           "year 9999", valid);
    return 0;
}
