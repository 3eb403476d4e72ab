/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* helper/secmigd/parent/spawn.h: a program that is run for its output comes to an
 * end, whatever it leaves behind. */
#include <check.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "../../helper/secmigd/parent/loop.c"
#include "../../helper/secmigd/parent/spawn.c"

struct parent parent;

static int ended, err;

static void done(void *ctx, int rc)
{
    (void)ctx;
    ended++;
    err = rc;
}

/* What the script says, in 300 ms; 20 seconds are for a busy machine. */
static void shell(struct run *run, const char *script)
{
    static struct sm_conf_command sh = { .text = "/bin/sh" };
    const char *const more[] = { "-c", script, NULL };
    int64_t end = sm_clock_deadline(20000);

    sh.argv[0] = sh.text;
    ended = 0;
    ck_assert_int_eq(run_start(run, &sh, more, -1, 64, 300, done, NULL), 0);
    while (!ended && sm_clock_left(end))
        ck_assert_int_eq(loop_once(), 0);
    ck_assert_int_eq(ended, 1);
    ck_assert_int_gt(sm_clock_left(end), 0);
    ck_assert(!run->active);
    run_clear(run);
}

START_TEST(a_program_that_is_too_slow)
{
    struct run run;

    shell(&run, "sleep 30");
    ck_assert_int_eq(err, SM_TIMEOUT);
}
END_TEST

/* setsid: out of reach of what kills the program and its group. */
START_TEST(somebody_else_holds_its_output)
{
    struct run run;

    shell(&run, "setsid sleep 22 & sleep 0.1");
    ck_assert_int_eq(err, SM_TIMEOUT);
    shell(&run, "setsid sleep 22 & sleep 30");
    ck_assert_int_eq(err, SM_TIMEOUT);
}
END_TEST

static void set_up(void)
{
    ck_assert_int_eq(spawn_init(NULL, NULL), 0);
}

int main(void)
{
    Suite *s = suite_create("spawn");
    TCase *c = tcase_create("spawn");
    SRunner *r;
    int failures;

    tcase_add_checked_fixture(c, set_up, NULL);
    tcase_add_test(c, a_program_that_is_too_slow);
    tcase_add_test(c, somebody_else_holds_its_output);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failures = srunner_ntests_failed(r);
    srunner_free(r);
    return failures ? 1 : 0;
}
