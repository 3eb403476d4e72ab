/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver of handovers: a guest whose name is taken gets it later.
 */
#include "handover_driver.h"

#include <signal.h>
#include <sys/resource.h>

/* It runs, the other host knows, and all is settled but the name. */
static void unnamed(void)
{
    waiting();
    hear(SM_HANDOVER_SAY_GO);
    xl_ends("start", SM_EXISTS);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_STARTED);
    ck_assert(recorded()->flags & SM_HANDOVER_UNNAMED);
    hear_from(&link_a, 0, true, SM_HANDOVER_SAY_SETTLED, epoch, 20);
    ck_assert_ptr_null(handover_first);
    ck_assert(recorded()->flags & SM_HANDOVER_CLOSED);
    ck_assert(recorded()->flags & SM_HANDOVER_UNNAMED);
    ck_assert_ptr_nonnull(namings);
}

static void tries_to_name(int err)
{
    time_passes(&namings->timer);
    xl_sees_named(SM_HANDOVER_COPY, 8, "g1--incoming");
    ck_assert_str_eq(xl.argument, "8");
    xl_ends("name", err);
}

START_TEST(a_guest_gets_its_name_when_that_is_free)
{
    unnamed();
    tries_to_name(SM_EXISTS);
    tries_to_name(SM_EXISTS);
    tries_to_name(SM_NO_DOMAIN);        /* rebooted meanwhile */
    ck_assert(recorded()->flags & SM_HANDOVER_UNNAMED);
    tries_to_name(0);
    ck_assert_ptr_null(namings);
    ck_assert(!(recorded()->flags & SM_HANDOVER_UNNAMED));
    ck_assert(recorded()->flags & SM_HANDOVER_CLOSED);
}
END_TEST

START_TEST(a_restarted_daemon_goes_on_naming)
{
    unnamed();
    restart();
    ck_assert_ptr_null(handover_first);
    tries_to_name(0);
    ck_assert(!(recorded()->flags & SM_HANDOVER_UNNAMED));
    restart();
    ck_assert_ptr_null(namings);
}
END_TEST

START_TEST(naming_does_not_wait_for_the_other_host)
{
    waiting();
    hear(SM_HANDOVER_SAY_GO);
    xl_ends("start", SM_EXISTS);
    tries_to_name(0);
    ck_assert_ptr_nonnull(handover_first);
    ck_assert(!(recorded()->flags & (SM_HANDOVER_UNNAMED |
                                     SM_HANDOVER_CLOSED)));
    hear_from(&link_a, 0, true, SM_HANDOVER_SAY_SETTLED, epoch, 20);
    ck_assert(!(recorded()->flags & SM_HANDOVER_UNNAMED));
}
END_TEST

START_TEST(a_name_that_somebody_has_given_stays)
{
    unnamed();
    time_passes(&namings->timer);
    xl_sees_named(SM_HANDOVER_RUNS, 8, "web");
    ck_assert_str_eq(xl.verb, "");
    ck_assert_ptr_null(namings);
    ck_assert(!(recorded()->flags & SM_HANDOVER_UNNAMED));
}
END_TEST

START_TEST(what_has_gone_needs_no_name)
{
    unnamed();
    time_passes(&namings->timer);
    xl_sees_named(SM_HANDOVER_GONE, UINT32_MAX, "");
    ck_assert_ptr_null(namings);
    ck_assert(!(recorded()->flags & SM_HANDOVER_UNNAMED));
}
END_TEST

/* It has left, and comes back: its copy has the name of one for a reason. */
START_TEST(a_copy_that_comes_back_is_not_named)
{
    struct sm_handover_record r = first(SM_HANDOVER_LOADING);
    struct handover *h;

    unnamed();
    time_passes(&namings->timer);
    r.id[0] = 5;
    ck_assert_int_eq(handover_begin(&r, &events, &h), 0);
    xl_sees_named(SM_HANDOVER_COPY, 9, "g1--incoming");
    ck_assert_str_eq(xl.verb, "");
    time_passes(&namings->timer);
    ck_assert_str_eq(xl.verb, "");
    ck_assert(recorded()->flags & SM_HANDOVER_UNNAMED);
    handover_take_out(h);
    tries_to_name(0);
}
END_TEST

START_TEST(a_guest_does_not_leave_under_a_name_it_was_lent)
{
    struct sm_handover_record r = first(SM_HANDOVER_SENDING);

    unnamed();
    ck_assert(handover_is_unnamed(r.uuid, "g1--incoming"));
    ck_assert(!handover_is_unnamed(r.uuid, "web"));
    r.uuid[0]++;
    ck_assert(!handover_is_unnamed(r.uuid, "g1--incoming"));
    r.uuid[0]--;
    tries_to_name(0);
    ck_assert(!handover_is_unnamed(r.uuid, "g1--incoming"));
}
END_TEST

START_TEST(an_original_gets_back_the_name_that_a_stock_xl_took)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    handover_lost(&link_a, SM_LINK, "lost");
    turns();
    xl_ends("resume", SM_EXISTS);
    ck_assert(recorded()->flags & SM_HANDOVER_UNNAMED);
    time_passes(&namings->timer);
    xl_sees_named(SM_HANDOVER_RUNS, 3, "g1--migratedaway");
    xl_ends("name", 0);
    ck_assert(!(recorded()->flags & SM_HANDOVER_UNNAMED));
}
END_TEST

START_TEST(a_name_is_not_forgotten_between_the_resume_and_the_mark)
{
    begin(SM_HANDOVER_SENDING);
    restart();
    handover_let_go(handover_first);
    turns();
    xl_sees_named(SM_HANDOVER_RUNS, 3, "g1--migratedaway");
    ck_assert(recorded()->flags & SM_HANDOVER_UNNAMED);
}
END_TEST

START_TEST(a_name_that_cannot_be_written_down_is_tried_again)
{
    struct rlimit none = { 0, RLIM_INFINITY }, full;

    unnamed();
    getrlimit(RLIMIT_FSIZE, &full);
    signal(SIGXFSZ, SIG_IGN);
    none.rlim_max = full.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    tries_to_name(0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &full), 0);
    ck_assert_ptr_nonnull(namings);
    ck_assert_str_eq(namings->said, "the journal cannot be written");
    ck_assert(recorded()->flags & SM_HANDOVER_UNNAMED);
    tries_to_name(0);
    ck_assert_ptr_null(namings);
    ck_assert(!(recorded()->flags & SM_HANDOVER_UNNAMED));
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        a_guest_gets_its_name_when_that_is_free,
        a_restarted_daemon_goes_on_naming,
        naming_does_not_wait_for_the_other_host,
        a_name_that_somebody_has_given_stays,
        what_has_gone_needs_no_name,
        a_copy_that_comes_back_is_not_named,
        a_guest_does_not_leave_under_a_name_it_was_lent,
        an_original_gets_back_the_name_that_a_stock_xl_took,
        a_name_is_not_forgotten_between_the_resume_and_the_mark,
        a_name_that_cannot_be_written_down_is_tried_again,
    };

    return run_cases("handover_name", cases,
                     sizeof(cases) / sizeof(cases[0]));
}
