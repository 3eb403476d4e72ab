/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver of handovers: xl's process, which has the guest until it lets go.
 */
#include "handover_driver.h"

#include <sys/resource.h>
#include <sys/wait.h>

START_TEST(xl_that_does_not_let_go_is_killed)
{
    struct sm_handover_record r = first(SM_HANDOVER_SENDING);
    struct handover *h;
    pid_t pid = fork();

    if (!pid) {
        for (;;)
            pause();
    }
    r.holder = pid;
    ck_assert_int_eq(handover_begin(&r, &events, &h), 0);
    handover_stop(h, SM_CANCELLED, "abort");
    turns();
    ck_assert_str_eq(xl.verb, "");
    ck_assert(h->view.holder);
    time_passes(&h->holder_timer);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    loop_once();                        /* its end is noticed */
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    xl_ends("resume", 0);
}
END_TEST

START_TEST(a_number_that_is_another_process_by_now_is_not_killed)
{
    struct sm_handover_record r = first(SM_HANDOVER_SENDING);
    struct handover *h;

    r.holder = getpid();
    ck_assert_int_eq(handover_begin(&r, &events, &h), 0);
    h->r.holder_start++;
    handover_stop(h, SM_CANCELLED, "abort");
    turns();
    turns();
    xl_sees(SM_HANDOVER_RUNS, 3);
    ck_assert_int_eq(session.decided, 1);
}
END_TEST

START_TEST(xl_that_nobody_knows_ends_with_its_session)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_stop(h, SM_CANCELLED, "abort");
    turns();
    time_passes(&h->holder_timer);
    ck_assert_str_eq(xl.verb, "");
    handover_detach(h);
    turns();
    xl_sees(SM_HANDOVER_RUNS, 3);
    ck_assert(recorded()->flags & SM_HANDOVER_ACTED);
}
END_TEST

START_TEST(xl_that_cannot_be_seen_has_not_ended)
{
    struct sm_handover_record r = first(SM_HANDOVER_SENDING);
    struct rlimit none, full;
    struct handover *h;

    r.holder = getpid();
    ck_assert_int_eq(handover_begin(&r, &events, &h), 0);
    getrlimit(RLIMIT_NOFILE, &full);
    none = full;
    none.rlim_cur = 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    handover_stop(h, SM_CANCELLED, "abort");
    turns();
    time_passes(&h->holder_timer);
    ck_assert(h->view.holder);
    ck_assert_str_eq(xl.verb, "");
    ck_assert_str_ne(h->trouble, "");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &full), 0);
    time_passes(&h->holder_timer);
    ck_assert(h->view.holder);          /* it is watched now */
    ck_assert_int_ge(h->holder.fd, 0);
    ck_assert_str_eq(h->trouble, "");
}
END_TEST

START_TEST(xl_that_has_gone_begins_nothing)
{
    struct sm_handover_record r = first(SM_HANDOVER_SENDING);
    struct handover *h;
    pid_t pid = fork();

    if (!pid)
        _exit(0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    r.holder = pid;
    ck_assert_int_eq(handover_begin(&r, &events, &h), SM_XL);
    ck_assert_ptr_null(handover_first);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        xl_that_does_not_let_go_is_killed,
        a_number_that_is_another_process_by_now_is_not_killed,
        xl_that_nobody_knows_ends_with_its_session,
        xl_that_cannot_be_seen_has_not_ended,
        xl_that_has_gone_begins_nothing,
    };

    return run_cases("handover_holder", cases,
                     sizeof(cases) / sizeof(cases[0]));
}
