/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of policy/zone.h's contract.  libc's own reading
 * of the tz database, in a process of its own, is the reference. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policy/model.h"
#include "policy/zone.h"
#include "policy/zone_file.h"

static struct sm_policy *pool;
static char why[200];

static void setup(void)
{
    pool = calloc(1, sizeof(*pool));
    ck_assert_ptr_nonnull(pool);
}

static void teardown(void)
{
    sm_policy_free(pool);
}

static const struct sm_policy_zone *load(const char *name)
{
    struct sm_policy_zone *zone = sm_policy_pool_new(pool, 1, sizeof(*zone));
    int rc;

    ck_assert_ptr_nonnull(zone);
    rc = sm_policy_zone_load(pool, zone, name, true, why, sizeof(why));
    ck_assert_msg(rc == 0, "%s: %s", name, why);
    ck_assert_str_eq(zone->name, name);
    return zone;
}

static void refused(const char *name, bool names, const char *words)
{
    struct sm_policy_zone zone;

    memset(&zone, 0, sizeof(zone));
    ck_assert_msg(sm_policy_zone_load(pool, &zone, name, names, why,
                                      sizeof(why)) == SM_POLICY,
                  "%s is accepted", name);
    ck_assert_msg(strstr(why, words), "%s: %s", name, why);
}

START_TEST(offsets)
{
    static const struct {
        const char *name;
        int32_t offset;
    } good[] = {
        { "Z", 0 }, { "+00:00", 0 }, { "-00:00", 0 }, { "+01:00", 3600 },
        { "-03:30", -12600 }, { "+14:00", 50400 }, { "-14:00", -50400 },
        { "+05:45", 20700 },
    };
    static const char *const bad[] = {
        "", "1", "+1:00", "+01:0", "+0100", "+01:60", "+14:01",
        "-15:00", "+99:99", "+01:00 ", " +01:00", "++1:00", "+-1:00",
        "+01:+1", "01:00", ("\xe2\x88\x92" "01:00"),
    };
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_int_eq(sm_policy_zone_offset(load(good[i].name), 0),
                         good[i].offset);
        ck_assert_int_eq(sm_policy_zone_offset(load(good[i].name),
                                               INT64_MAX), good[i].offset);
        ck_assert_int_eq(sm_policy_zone_offset(load(good[i].name),
                                               INT64_MIN), good[i].offset);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        refused(bad[i], true, "neither Z nor an offset");
        refused(bad[i], false, "neither Z nor an offset");
    }
}
END_TEST

START_TEST(names)
{
    static const char *const bad[] = {
        "/etc/localtime", "../zoneinfo/Europe/Berlin", "Europe/../Europe",
        "Europe//Berlin", "Europe/", "./Europe/Berlin", "Europe/./Berlin",
        "Europe/Ber lin", "Europe/Berlin\n", "-Europe", "Europe/9", "%s",
        "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    size_t i;

    load("Europe/Berlin");
    refused("Europe/Berlin", false, "neither Z nor an offset");
    refused("Europe/Atlantis", true, "no such zone");
    refused("Europe", true, "no such zone");          /* a directory */
    refused("UTCx", true, "no such zone");
    refused("z", true, "no such zone");
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(bad[i], true, "neither Z nor an offset");
}
END_TEST

START_TEST(berlin)
{
    const struct sm_policy_zone *zone = load("Europe/Berlin");

    ck_assert_int_eq(sm_policy_zone_offset(zone, 1774745999), 3600);
    ck_assert_int_eq(sm_policy_zone_offset(zone, 1774746000), 7200);
    ck_assert_int_eq(sm_policy_zone_offset(zone, 1792889999), 7200);
    ck_assert_int_eq(sm_policy_zone_offset(zone, 1792890000), 3600);
    /* 2098-07-01, beyond what a file lists; after the table's end the last
     * offset stays */
    ck_assert_int_eq(sm_policy_zone_offset(zone, INT64_C(4054924800)), 7200);
    ck_assert_int_eq(sm_policy_zone_offset(zone, INT64_MAX), 3600);
}
END_TEST

/* The environment has no say and is not changed. */
START_TEST(the_environment)
{
    struct tm before, after;
    const time_t t = 1800000000;

    ck_assert_int_eq(setenv("TZ", "Asia/Tokyo", 1), 0);
    ck_assert_int_eq(setenv("TZDIR", "/nowhere", 1), 0);
    tzset();
    ck_assert_ptr_nonnull(localtime_r(&t, &before));
    ck_assert_int_eq(sm_policy_zone_offset(load("Europe/Berlin"), t), 3600);
    ck_assert_str_eq(getenv("TZ"), "Asia/Tokyo");
    ck_assert_ptr_nonnull(localtime_r(&t, &after));
    ck_assert_int_eq(after.tm_gmtoff, before.tm_gmtoff);
    ck_assert_int_eq(unsetenv("TZDIR"), 0);
}
END_TEST

/* ---- all zones of this machine ---- */

static size_t compared;

/* Every 11th day and around each step, until the table's end. */
static void compare(const char *name)
{
    const struct sm_policy_zone *zone = load(name);
    struct tm tm;
    time_t t;
    size_t i;
    int k;

    ck_assert_int_eq(setenv("TZ", name, 1), 0);
    tzset();
    for (t = 0; t < SM_POLICY_ZONE_END; t += 11 * 86400 + 3607) {
        ck_assert_ptr_nonnull(localtime_r(&t, &tm));
        ck_assert_msg(tm.tm_gmtoff == sm_policy_zone_offset(zone, t),
                      "%s at %lld: %ld", name, (long long)t, tm.tm_gmtoff);
    }
    for (i = 1; i < zone->n_steps; i++)
        for (k = -1; k <= 1; k++) {
            t = zone->steps[i].from + k;
            if (t < 0 || t >= SM_POLICY_ZONE_END)
                continue;
            ck_assert_ptr_nonnull(localtime_r(&t, &tm));
            ck_assert_msg(tm.tm_gmtoff == sm_policy_zone_offset(zone, t),
                          "%s at %lld: %ld", name, (long long)t,
                          tm.tm_gmtoff);
        }
    compared++;
}

static bool a_zone(const char *path)
{
    char magic[5] = "";
    FILE *f = fopen(path, "r");

    if (!f)
        return false;
    if (fread(magic, 1, 4, f) != 4)
        magic[0] = '\0';
    fclose(f);
    return !strcmp(magic, "TZif");
}

static void compare_all(const char *under)
{
    char path[512], name[300];
    struct dirent *entry;
    struct stat st;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/%s", SM_POLICY_ZONE_DIR, under);
    dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir))) {
        snprintf(name, sizeof(name), "%.20s%s%.255s", under,
                 *under ? "/" : "", entry->d_name);
        snprintf(path, sizeof(path), "%s/%s", SM_POLICY_ZONE_DIR, name);
        /* right/ counts leap seconds; the rest is no zone of its own */
        if (entry->d_name[0] == '.' || !strcmp(name, "right") ||
            !strcmp(name, "posix") || !strcmp(name, "localtime") ||
            !strcmp(name, "posixrules") || stat(path, &st))
            continue;
        if (S_ISDIR(st.st_mode))
            compare_all(name);
        else if (a_zone(path))
            compare(name);
    }
    closedir(dir);
}

START_TEST(as_libc_says)
{
    int status;
    pid_t child;

    fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {               /* TZ changes here only */
        compare_all("");
        printf("# %zu zones\n", compared);
        fflush(NULL);
        _exit(compared > 300 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(leap_seconds_are_not_ours)
{
    struct stat st;

    if (!stat(SM_POLICY_ZONE_DIR "/right/Europe/Berlin", &st))
        refused("right/Europe/Berlin", true, "no such zone");
}
END_TEST

/* ---- hostile files ---- */

static size_t read_berlin(uint8_t *data, size_t size)
{
    FILE *f = fopen(SM_POLICY_ZONE_DIR "/Europe/Berlin", "r");
    size_t n;

    ck_assert_ptr_nonnull(f);
    n = fread(data, 1, size, f);
    ck_assert(n > 200 && n < size);
    fclose(f);
    return n;
}

START_TEST(broken_files)
{
    static struct sm_zone_steps steps;
    uint8_t data[8192], *copy;
    size_t n = read_berlin(data, sizeof(data)), i, k;

    ck_assert_int_eq(sm_zone_file(data, n, &steps), 0);
    for (i = 0; i < n; i++) {       /* cut: in memory of just that size */
        copy = malloc(i ? i : 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, data, i);
        ck_assert_msg(sm_zone_file(copy, i, &steps) == SM_POLICY,
                      "cut at %zu", i);
        free(copy);
    }
    for (i = 0; i < n; i++) {       /* whatever it says: steps in order */
        data[i] ^= 0xff;
        if (!sm_zone_file(data, n, &steps)) {
            ck_assert_uint_ge(steps.n, 1);
            for (k = 1; k < steps.n; k++)
                ck_assert(steps.step[k].from > steps.step[k - 1].from);
        }
        data[i] ^= 0xff;
    }
    data[4] = 0;                    /* version 1 has 32-bit times only */
    ck_assert_int_eq(sm_zone_file(data, n, &steps), SM_POLICY);
}
END_TEST

START_TEST(rules)
{
    static const struct {
        const char *rule;
        int64_t t;
        int32_t offset;
    } good[] = {
        { "CET-1CEST,M3.5.0,M10.5.0/3", INT64_C(4054924800), 7200 },
        { "CET-1CEST,M3.5.0,M10.5.0/3", INT64_C(4070908800), 3600 },
        { "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", INT64_C(4054924800), -7200 },
        { "IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(4054924800), 3600 },
        { "IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(4070908800), 0 },
        { "AAA0BBB,J60/0,J300/0", INT64_C(4054924800), 3600 },
        { "AAA0BBB,59/0,300/0", INT64_C(4054924800), 3600 },
        { "AAA4BBB3:30,M3.2.0,M11.1.0", INT64_C(4054924800), -12600 },
        { "AAA3BBB,0/0,J365/25", INT64_C(4070908800), -7200 },
    };
    static const char *const bad[] = {
        "", "A", "AA1", "AAA", "AAA1B", "AAA1BBB", "AAA1BBB,", "AAA1BBB,M3",
        "AAA1BBB,M3.5.0", "AAA1BBB,M0.5.0,M3.5.0", "AAA1BBB,M13.5.0,M3.5.0",
        "AAA1BBB,M3.0.0,M3.5.0", "AAA1BBB,M3.6.0,M3.5.0",
        "AAA1BBB,M3.5.7,M3.5.0", "AAA1BBB,J0,J1", "AAA1BBB,J366,J1",
        "AAA1BBB,366,1", "AAA1BBB,M3.5.0,M10.5.0x", "AAA168", "AAA1:60",
        "AAA1BBB,M3.5.0/168,M10.5.0", "<AAA1", "AAA99999999999999999999",
    };
    static struct sm_zone_steps s;
    size_t i, k;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        memset(&s, 0, sizeof(s));
        ck_assert(sm_zone_add(&s, INT64_MIN, 0));
        ck_assert_msg(sm_zone_rule(good[i].rule, strlen(good[i].rule), &s),
                      "%s", good[i].rule);
        for (k = s.n - 1; s.step[k].from > good[i].t; k--)
            ;
        ck_assert_msg(s.step[k].offset == good[i].offset, "%s: %d",
                      good[i].rule, s.step[k].offset);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(&s, 0, sizeof(s));
        ck_assert(sm_zone_add(&s, INT64_MIN, -3600));
        ck_assert_msg(!sm_zone_rule(bad[i], strlen(bad[i]), &s), "%s",
                      bad[i]);
    }
}
END_TEST

/* ---- windows ---- */

/* 2026-06-01 is a Monday. */
#define MONDAY INT64_C(1780272000)
#define AT(day, hour, minute) (MONDAY + (day) * 86400 + (hour) * 3600 + \
                               (minute) * 60)

START_TEST(a_window_in_one_day)
{
    const struct sm_policy_window w = {
        .days = 1u << 0 | 1u << 2, .from = 9 * 60, .to = 17 * 60 + 30,
        .zone = load("Z"),
    };

    ck_assert(!sm_policy_window_has(&w, AT(0, 9, 0) - 1));
    ck_assert(sm_policy_window_has(&w, AT(0, 9, 0)));
    ck_assert(sm_policy_window_has(&w, AT(0, 17, 30) - 1));
    ck_assert(!sm_policy_window_has(&w, AT(0, 17, 30)));
    ck_assert(!sm_policy_window_has(&w, AT(1, 12, 0)));
    ck_assert(sm_policy_window_has(&w, AT(2, 12, 0)));
    ck_assert(sm_policy_window_has(&w, AT(7, 12, 0)));
    ck_assert(sm_policy_window_has(&w, AT(-7, 12, 0)));
    /* before the epoch: 1969-12-29 was a Monday */
    ck_assert(sm_policy_window_has(&w, INT64_C(-3 * 86400 + 12 * 3600)));
    ck_assert(!sm_policy_window_has(&w, INT64_C(-2 * 86400 + 12 * 3600)));
    ck_assert(!sm_policy_window_has(&w, INT64_MAX));
    ck_assert(!sm_policy_window_has(&w, INT64_MIN));
}
END_TEST

START_TEST(a_window_over_midnight)
{
    const struct sm_policy_window w = {
        .days = 1u << 4, .from = 22 * 60, .to = 6 * 60, .zone = load("Z"),
    };

    ck_assert(!sm_policy_window_has(&w, AT(4, 5, 0)));
    ck_assert(!sm_policy_window_has(&w, AT(4, 22, 0) - 1));
    ck_assert(sm_policy_window_has(&w, AT(4, 22, 0)));
    ck_assert(sm_policy_window_has(&w, AT(5, 0, 0)));
    ck_assert(sm_policy_window_has(&w, AT(5, 6, 0) - 1));
    ck_assert(!sm_policy_window_has(&w, AT(5, 6, 0)));
    ck_assert(!sm_policy_window_has(&w, AT(5, 22, 0)));
}
END_TEST

START_TEST(a_window_of_a_day)
{
    struct sm_policy_window w = {
        .days = 1u << 6, .from = 12 * 60, .to = 12 * 60, .zone = load("Z"),
    };

    ck_assert(!sm_policy_window_has(&w, AT(6, 12, 0) - 1));
    ck_assert(sm_policy_window_has(&w, AT(6, 12, 0)));
    ck_assert(sm_policy_window_has(&w, AT(7, 12, 0) - 1));
    ck_assert(!sm_policy_window_has(&w, AT(7, 12, 0)));
}
END_TEST

START_TEST(a_window_in_a_zone)
{
    struct sm_policy_window w = {
        .days = 1u << 0, .from = 0, .to = 60, .zone = load("+14:00"),
    };

    /* Monday from midnight, which is Sunday 10:00 in UTC */
    ck_assert(sm_policy_window_has(&w, AT(-1, 10, 0)));
    ck_assert(!sm_policy_window_has(&w, AT(-1, 11, 0)));
    ck_assert(!sm_policy_window_has(&w, AT(0, 0, 0)));
    w.zone = load("Europe/Berlin");     /* CEST */
    ck_assert(sm_policy_window_has(&w, AT(-1, 22, 0)));
    ck_assert(!sm_policy_window_has(&w, AT(-1, 23, 0)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy zone");
    TCase *zones = tcase_create("zones"), *windows = tcase_create("windows");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(zones, setup, teardown);
    tcase_set_timeout(zones, 120);
    tcase_add_test(zones, offsets);
    tcase_add_test(zones, names);
    tcase_add_test(zones, berlin);
    tcase_add_test(zones, the_environment);
    tcase_add_test(zones, as_libc_says);
    tcase_add_test(zones, leap_seconds_are_not_ours);
    tcase_add_test(zones, broken_files);
    tcase_add_test(zones, rules);
    tcase_add_checked_fixture(windows, setup, teardown);
    tcase_add_test(windows, a_window_in_one_day);
    tcase_add_test(windows, a_window_over_midnight);
    tcase_add_test(windows, a_window_of_a_day);
    tcase_add_test(windows, a_window_in_a_zone);
    suite_add_tcase(suite, zones);
    suite_add_tcase(suite, windows);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
