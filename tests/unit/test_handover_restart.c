/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver of handovers: a daemon that starts, on the same boot or the next.
 */
#include "handover_driver.h"

#include <sys/mman.h>

START_TEST(a_restarted_source_keeps_what_it_has_not_released)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    restart();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    xl_ends("resume", 0);
    ck_assert_int_ge(calls, 1);
}
END_TEST

START_TEST(a_restarted_source_asks_about_what_it_has_released)
{
    released();
    restart();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
    ck_assert_int_ge(calls, 1);
}
END_TEST

START_TEST(what_was_marked_is_not_touched_by_a_restart)
{
    released();
    hear(SM_HANDOVER_SAY_STARTED);
    xl_ends("destroy", 0);
    xl.begun = 0;
    restart();
    ck_assert_int_eq(xl.begun, 0);
    ck_assert_int_ge(calls, 1);         /* SETTLED is still to be said */
}
END_TEST

START_TEST(a_restarted_destination_discards_or_waits_or_starts)
{
    struct handover *h = begin(SM_HANDOVER_LOADING);

    restart();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_REFUSED);
    xl_sees(SM_HANDOVER_COPY, 8);
    xl_ends("discard", 0);
    tear_down();
    set_up();

    h = waiting();
    restart();
    xl_sees(SM_HANDOVER_COPY, 8);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_READY);
    tear_down();
    set_up();

    h = waiting();
    (void)h;
    hear(SM_HANDOVER_SAY_GO);
    restart();
    xl_sees(SM_HANDOVER_COPY, 8);
    xl_ends("start", 0);
    ck_assert(recorded()->flags & SM_HANDOVER_ACTED);
}
END_TEST

START_TEST(a_host_that_was_booted_anew)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);
    struct sm_handover_record r;

    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    r = *recorded();
    r.boot[0] ^= 1;
    ck_assert_int_eq(sm_handover_journal_put(handover_journal, &r), 0);
    restart();
    /* all was sent: the only copy may be the other host's */
    xl_sees(SM_HANDOVER_GONE, UINT32_MAX);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
}
END_TEST

/* /etc/xen/auto starts the guest although it has moved, or may have. */
static void booted_anew(void)
{
    struct sm_handover_record r = *recorded();

    r.boot[0] ^= 1;
    ck_assert_int_eq(sm_handover_journal_put(handover_journal, &r), 0);
    restart();
}

START_TEST(what_a_boot_has_started_is_noticed)
{
    released();
    booted_anew();
    session.said = 0;
    xl_sees(SM_HANDOVER_RUNS, 3);
    handover_linked(handover_first, say, &link_b);
    turns();
    xl_sees(SM_HANDOVER_RUNS, 3);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_CANCEL);
    hear_from(&link_b, 0, false, SM_HANDOVER_SAY_STARTED, epoch, 21);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_DONE);
    ck_assert_ptr_nonnull(handover_first->alarm);
    ck_assert(recorded()->flags & SM_HANDOVER_ACTED);

    tear_down();
    set_up();
    released();
    hear(SM_HANDOVER_SAY_STARTED);      /* and then the power fails */
    booted_anew();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);  /* not what was sent: the next boot's */
    ck_assert_str_eq(xl.verb, "");
    ck_assert_ptr_nonnull(handover_first->alarm);
    ck_assert(recorded()->flags & SM_HANDOVER_ACTED);
}
END_TEST

START_TEST(it_is_said_that_a_guest_died_and_may_be_started)
{
    int i;

    for (i = 0; i < 3; i++) {
        int fd = memfd_create("log", MFD_CLOEXEC), old;
        char text[8192];
        ssize_t n;

        if (i) {
            tear_down();
            set_up();
        }
        if (i == 2) {           /* somebody has started it since */
            handover_given(begin(SM_HANDOVER_SENDING));
            turns();
            xl_sees(SM_HANDOVER_SUSPENDED, 3);
        } else {
            released();
        }
        old = log_to(fd);
        if (i == 1)             /* no reboot: it is resumed */
            restart();
        else
            booted_anew();
        if (i == 2) {
            xl_sees(SM_HANDOVER_RUNS, 3);
        } else {
            xl_sees(i ? SM_HANDOVER_SUSPENDED : SM_HANDOVER_GONE, 3);
            handover_linked(handover_first, say, &link_b);
            hear_from(&link_b, 0, false, SM_HANDOVER_SAY_REFUSED, epoch, 21);
        }
        turns();
        ck_assert_int_ge(dup2(old, STDERR_FILENO), 0);
        close(old);
        ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
        n = pread(fd, text, sizeof(text) - 1, 0);
        ck_assert_int_gt(n, 0);
        text[n] = '\0';
        close(fd);
        ck_assert_msg(!strstr(text, "died with the reboot: it may be "
                              "started") == (i > 0), "%d: %s", i, text);
    }
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        a_restarted_source_keeps_what_it_has_not_released,
        a_restarted_source_asks_about_what_it_has_released,
        what_was_marked_is_not_touched_by_a_restart,
        a_restarted_destination_discards_or_waits_or_starts,
        a_host_that_was_booted_anew,
        what_a_boot_has_started_is_noticed,
        it_is_said_that_a_guest_died_and_may_be_started,
    };

    return run_cases("handover_restart", cases,
                     sizeof(cases) / sizeof(cases[0]));
}
