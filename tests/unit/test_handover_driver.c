/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver of handovers: a source: what it writes, does and says; when the
 * journal fails, and what administrators ask for.
 */
#include "handover_driver.h"

#include <signal.h>
#include <sys/resource.h>

/* ---- a source ---- */

START_TEST(a_source_hands_over_after_one_look)
{
    released();
    ck_assert_int_eq(xl.begun, 1);
    hear(SM_HANDOVER_SAY_STARTED);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_DONE);
    xl_ends("destroy", 0);
    ck_assert_int_eq(session.decided, 1);
    ck_assert_int_eq(session.state, SM_HANDOVER_DONE);
    ck_assert_int_eq(policies_left, 1);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_SETTLED);
    ck_assert(recorded()->flags & SM_HANDOVER_ACTED);
    hear(SM_HANDOVER_SAY_SETTLED);
    ck_assert_int_eq(session.closed, 1);
    ck_assert_ptr_null(handover_first);
    ck_assert(recorded()->flags & SM_HANDOVER_CLOSED);
}
END_TEST

START_TEST(what_xl_says_is_not_what_is_released)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    hear(SM_HANDOVER_SAY_READY);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_SENT);
    xl_sees(SM_HANDOVER_RUNS, 3);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    ck_assert_str_eq(xl.verb, "look");
    xl_sees(SM_HANDOVER_RUNS, 3);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_ABORT);
}
END_TEST

/* Somebody's command resumed it, and then it was paused: it stays paused where
 * it may run elsewhere, and goes on where it stays. */
START_TEST(what_has_run_before_it_was_held_goes_on)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    ck_assert_str_eq(xl.verb, "hold");
    ck_assert_str_eq(xl.argument, "3");
    xl_sees(SM_HANDOVER_RUNS, 3);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    ck_assert(!(recorded()->flags & SM_HANDOVER_ACTED));
    ck_assert_str_eq(xl.verb, "look");
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    xl_ends("resume", 0);
    ck_assert(recorded()->flags & SM_HANDOVER_ACTED);
}
END_TEST

/* READY came long after the look; its owner has made it anew. */
START_TEST(nothing_is_released_on_an_old_look)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    h->seen -= 2 * FRESH;
    hear(SM_HANDOVER_SAY_READY);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_SENT);
    xl_sees(SM_HANDOVER_RUNS, 9);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
}
END_TEST

/* The daemon stood still while the answer was there to be read. */
START_TEST(nothing_is_released_on_a_look_that_was_read_late)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    hear(SM_HANDOVER_SAY_READY);
    xl_has_seen(SM_HANDOVER_SUSPENDED, 3, "g1", 2 * FRESH);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_SENT);
    time_passes(&h->turn);
    xl_sees(SM_HANDOVER_RUNS, 9);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
}
END_TEST

/* libxl waits for a lock, or xenstored is busy: each look is old. */
START_TEST(a_host_that_looks_slowly_hands_over_all_the_same)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);
    struct sm_handover_now now;

    handover_given(h);
    turns();
    hear(SM_HANDOVER_SAY_READY);
    xl_has_seen(SM_HANDOVER_SUSPENDED, 3, "g1", FRESH + 500);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_SENT);
    ck_assert_str_eq(xl.verb, "");      /* not at once: it would never end */
    handover_now(recorded(), &now);
    ck_assert_ptr_nonnull(strstr(now.trouble, "Xen answers slowly: what was "
                                 "seen was 2.5 s old"));
    time_passes(&h->turn);
    xl_has_seen(SM_HANDOVER_SUSPENDED, 3, "g1", FRESH + 900);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
    ck_assert_str_eq(h->trouble, "");
    hear(SM_HANDOVER_SAY_STARTED);
    xl_ends("destroy", 0);
    ck_assert_int_eq(session.decided, 1);
}
END_TEST

/* Slow, and then as fast as ever: what is old is old again. */
START_TEST(one_slow_look_makes_no_old_one_good)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    xl_has_seen(SM_HANDOVER_SUSPENDED, 3, "g1", 10 * FRESH);
    time_passes(&h->look);
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    h->seen -= 2 * FRESH;
    hear(SM_HANDOVER_SAY_READY);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_SENT);
    ck_assert_str_eq(xl.verb, "hold");
    xl_sees(SM_HANDOVER_RUNS, 9);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
}
END_TEST

/* Each is far older than the last: it is not known how slow this host is. */
START_TEST(a_host_that_becomes_ever_slower_is_waited_for)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    hear(SM_HANDOVER_SAY_READY);
    xl_has_seen(SM_HANDOVER_SUSPENDED, 3, "g1", FRESH + 500);
    time_passes(&h->turn);
    xl_has_seen(SM_HANDOVER_SUSPENDED, 3, "g1", 5 * FRESH);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_SENT);
    time_passes(&h->turn);
    xl_has_seen(SM_HANDOVER_SUSPENDED, 3, "g1", 6 * FRESH);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
}
END_TEST

/* What is killed too early is begun again, and killed again. */
START_TEST(what_is_done_may_take_longer_than_a_look)
{
    released();
    ck_assert_str_eq(xl.last, "hold");
    ck_assert_int_eq(xl.ms, 30000);
    hear(SM_HANDOVER_SAY_STARTED);
    ck_assert_str_eq(xl.last, "destroy");
    ck_assert_int_eq(xl.ms, 120000);
}
END_TEST

START_TEST(a_client_that_fails_keeps_its_guest)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_stop(h, SM_CANCELLED, "xl has given up");
    turns();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    ck_assert_int_eq(session.let_go, 1);
    ck_assert_int_eq(xl.begun, 0);      /* xl still has it */
    handover_let_go(h);
    turns();
    xl_sees(SM_HANDOVER_RUNS, 3);
    ck_assert_int_eq(session.decided, 1);
    ck_assert_int_eq(session.verdict, SM_CANCELLED);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_ABORT);
    ck_assert_uint_eq(session.code, 28);
    hear(SM_HANDOVER_SAY_REFUSED);
    ck_assert_int_eq(session.closed, 1);
}
END_TEST

/* Before that it does not wait, and what it hears later has to be true. */
START_TEST(a_client_that_has_the_guest_is_told_nothing_yet)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_stop(h, SM_LINK, "lost");
    turns();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    ck_assert(!h->patience.armed);
    handover_let_go(h);
    turns();
    time_passes(&h->patience);          /* Xen does not say that it runs */
    ck_assert_int_eq(session.doubts, 1);
}
END_TEST

START_TEST(a_suspended_guest_is_resumed_when_the_link_goes)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    handover_lost(&link_a, SM_LINK, "lost");
    turns();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    xl_ends("resume", 0);
    ck_assert_int_eq(session.verdict, SM_LINK);
    ck_assert_int_ge(calls, 1);
}
END_TEST

START_TEST(a_released_guest_is_resumed_by_refused_alone)
{
    struct handover *h = released();

    handover_stop(h, SM_CANCELLED, "too late");
    handover_lost(&link_a, SM_LINK, "lost");
    handover_detach(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
    ck_assert_int_ge(calls, 1);
    ck_assert_str_eq(xl.verb, "");
    hear_from(&link_b, 0, false, SM_HANDOVER_SAY_REFUSED, epoch, 21);
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    xl_ends("resume", 0);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    ck_assert_int_eq(session.decided, 0);       /* nobody is there to hear */
    ck_assert_ptr_null(handover_first);
}
END_TEST

START_TEST(a_new_link_says_nothing_before_a_new_look)
{
    struct handover *h = released();

    handover_lost(&link_a, SM_LINK, "lost");
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    session.said = 0;
    /* Meanwhile somebody has started it anew. */
    handover_linked(h, say, &link_b);
    turns();
    ck_assert_int_eq(session.said, 0);
    xl_sees(SM_HANDOVER_RUNS, 9);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_CANCEL);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
}
END_TEST

START_TEST(a_client_is_told_when_it_takes_long)
{
    struct handover *h = released();

    time_passes(&h->patience);
    ck_assert_int_eq(session.doubts, 1);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
}
END_TEST

START_TEST(a_client_is_told_when_the_rest_cannot_be_destroyed)
{
    struct handover *h = released();

    hear(SM_HANDOVER_SAY_STARTED);
    xl_ends("destroy", SM_FAIL);
    ck_assert_int_eq(session.decided, 0);
    time_passes(&h->patience);
    ck_assert_int_eq(session.doubts, 1);
}
END_TEST

START_TEST(what_is_not_answered_is_said_again)
{
    struct handover *h = released();

    session.said = 0;
    time_passes(&h->turn);
    ck_assert_int_eq(session.said, 0);
    h->spoken -= SLOWEST;
    h->again -= SLOWEST;
    time_passes(&h->turn);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_GO);
    ck_assert(h->turn.armed);
}
END_TEST

START_TEST(no_ready_in_time_and_it_stays)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    time_passes(&h->patience);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    ck_assert_uint_eq(recorded()->code, 13);
    xl_ends("resume", 0);
}
END_TEST

START_TEST(what_fails_is_done_again)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);
    struct sm_handover_now now;

    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    handover_stop(h, SM_CANCELLED, "abort");
    turns();
    xl_ends("resume", SM_NO_MEMORY);
    handover_now(recorded(), &now);
    ck_assert_str_ne(now.trouble, "");
    /* once at the next turn, since the guest stands still */
    time_passes(&h->turn);
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    xl_ends("resume", SM_NO_MEMORY);
    /* and then with every look */
    time_passes(&h->turn);
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    ck_assert_str_eq(xl.verb, "");
    time_passes(&h->look);
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    xl_ends("resume", 0);
    ck_assert_int_eq(session.decided, 1);
}
END_TEST

START_TEST(another_domain_of_that_uuid_is_left_alone)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_stop(h, SM_CANCELLED, "abort");
    handover_let_go(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 4);  /* it was number 3 */
    ck_assert_str_eq(xl.verb, "");
    ck_assert_int_eq(session.decided, 1);
}
END_TEST

START_TEST(what_was_made_anew_after_the_look_is_left_alone)
{
    released();
    hear(SM_HANDOVER_SAY_STARTED);
    ck_assert_str_eq(xl.argument, "3");
    xl_ends("destroy", SM_NO_DOMAIN);
    xl_sees(SM_HANDOVER_SUSPENDED, 4);
    ck_assert_str_eq(xl.verb, "");
    ck_assert_ptr_nonnull(handover_first->alarm);
    ck_assert_int_eq(session.decided, 1);
}
END_TEST

START_TEST(two_do_not_act_on_one_guest)
{
    struct sm_handover_record r = first(SM_HANDOVER_SENDING);
    struct handover *h = begin(SM_HANDOVER_SENDING), *other;

    ck_assert_int_eq(handover_begin(&r, &events, &other), SM_EXISTS);
    r.id[0] = 5;
    ck_assert_int_eq(handover_begin(&r, &events, &other), SM_BUSY);
    handover_stop(h, SM_CANCELLED, "abort");
    handover_let_go(h);
    turns();
    ck_assert(handover_has(r.uuid));
    xl_sees(SM_HANDOVER_RUNS, 3);
    ck_assert(!handover_has(r.uuid));   /* open, but it only has to be said */
    ck_assert_int_eq(handover_begin(&r, &events, &other), 0);
}
END_TEST

START_TEST(a_weak_client_hears_ready)
{
    struct sm_handover_record r = first(SM_HANDOVER_SENDING);
    struct handover *h;

    r.flags = SM_HANDOVER_WEAK;
    r.domid = UINT32_MAX;
    ck_assert_int_eq(handover_begin(&r, &events, &h), 0);
    hear(SM_HANDOVER_SAY_READY);
    hear(SM_HANDOVER_SAY_READY);
    ck_assert_int_eq(session.ready, 1);
    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 6);  /* which one it is is not known */
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
    ck_assert_uint_eq(recorded()->domid, 6);
}
END_TEST

/* ---- the journal fails ---- */

START_TEST(nothing_is_done_that_is_not_written)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);
    struct rlimit none = { 0, RLIM_INFINITY }, full;

    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    session.said = 0;
    getrlimit(RLIMIT_FSIZE, &full);
    signal(SIGXFSZ, SIG_IGN);
    none.rlim_max = full.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    hear(SM_HANDOVER_SAY_READY);
    ck_assert_int_eq(h->r.state, SM_HANDOVER_SENT);
    ck_assert_int_eq(session.said, 0);
    ck_assert_int_eq(xl.begun, 1);      /* the look */
    time_passes(&h->turn);
    ck_assert_int_eq(session.said, 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &full), 0);
    time_passes(&h->turn);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_GO);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
}
END_TEST

/* RELEASED may be on the disk: after a power cut the copy would be started. */
START_TEST(a_client_is_told_that_it_is_not_known)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);
    struct rlimit none = { 0, RLIM_INFINITY }, full;

    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    getrlimit(RLIMIT_FSIZE, &full);
    signal(SIGXFSZ, SIG_IGN);
    none.rlim_max = full.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    hear(SM_HANDOVER_SAY_READY);
    time_passes(&h->patience);  /* it is to be given up */
    time_passes(&h->patience);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &full), 0);
    ck_assert_int_eq(h->r.state, SM_HANDOVER_SENT);
    ck_assert_int_eq(session.doubts, 1);
    ck_assert_ptr_nonnull(strstr(session.doubt, "It is not known yet whether "
                                 "g1 stays on hostA or goes to hostB"));
    time_passes(&h->turn);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
}
END_TEST

START_TEST(what_the_journal_refuses_is_not_tried_for_ever)
{
    struct handover *h = released();
    struct sm_handover_record r = h->r;

    r.state = SM_HANDOVER_SENT;
    ck_assert_int_eq(handover_put(h, &r), SM_STATE);
    ck_assert(h->stuck);
    handover_turn(h, RETRY);
    time_passes(&h->turn);
    ck_assert(!h->turn.armed);
    ck_assert_str_ne(h->trouble, "");
}
END_TEST

/* ---- administrators ---- */

START_TEST(undo_and_fence)
{
    struct handover *h = released();
    char text[512];

    ck_assert_int_eq(handover_settle(h->r.id, true, "alice", text,
                                     sizeof(text)), 0);
    turns();
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_CANCEL);
    ck_assert(recorded()->flags & SM_HANDOVER_UNDO);
    ck_assert_int_eq(handover_fence("hostC", true, "alice", text,
                                    sizeof(text)), SM_NO_DOMAIN);
    ck_assert_int_eq(handover_fence("hostB", false, "alice", text,
                                    sizeof(text)), 0);
    turns();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    xl_ends("resume", 0);
    ck_assert_int_eq(session.closed, 1);
    ck_assert(recorded()->flags & SM_HANDOVER_FENCED);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        a_source_hands_over_after_one_look,
        what_xl_says_is_not_what_is_released,
        what_has_run_before_it_was_held_goes_on,
        nothing_is_released_on_an_old_look,
        nothing_is_released_on_a_look_that_was_read_late,
        a_host_that_looks_slowly_hands_over_all_the_same,
        one_slow_look_makes_no_old_one_good,
        a_host_that_becomes_ever_slower_is_waited_for,
        what_is_done_may_take_longer_than_a_look,
        a_client_that_fails_keeps_its_guest,
        a_suspended_guest_is_resumed_when_the_link_goes,
        a_released_guest_is_resumed_by_refused_alone,
        a_new_link_says_nothing_before_a_new_look,
        a_client_is_told_when_it_takes_long,
        a_client_is_told_when_the_rest_cannot_be_destroyed,
        what_is_not_answered_is_said_again,
        no_ready_in_time_and_it_stays,
        a_client_that_has_the_guest_is_told_nothing_yet,
        what_fails_is_done_again,
        another_domain_of_that_uuid_is_left_alone,
        what_was_made_anew_after_the_look_is_left_alone,
        two_do_not_act_on_one_guest,
        a_weak_client_hears_ready,
        nothing_is_done_that_is_not_written,
        a_client_is_told_that_it_is_not_known,
        what_the_journal_refuses_is_not_tried_for_ever,
        undo_and_fence,
    };

    return run_cases("handover_driver", cases,
                     sizeof(cases) / sizeof(cases[0]));
}
