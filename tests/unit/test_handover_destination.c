/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver of handovers: a destination: its copy waits, is started, or is
 * discarded; and whose call is awaited.
 */
#include "handover_driver.h"

START_TEST(nothing_is_accepted_on_an_old_look)
{
    struct handover *h = waiting();

    h->seen -= 2 * FRESH;
    hear(SM_HANDOVER_SAY_GO);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_READY);
    xl_sees(SM_HANDOVER_GONE, UINT32_MAX);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_REFUSED);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_REFUSED);
}
END_TEST

START_TEST(a_destination_starts_when_it_is_told_to)
{
    waiting();
    ck_assert_int_eq(xl.begun, 0);
    hear(SM_HANDOVER_SAY_GO);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ACCEPTED);
    xl_ends("start", 0);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_STARTED);
    ck_assert_int_eq(session.state, SM_HANDOVER_ACCEPTED);
    hear_from(&link_a, 0, true, SM_HANDOVER_SAY_SETTLED, epoch, 20);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_SETTLED);
    ck_assert_int_eq(session.closed, 1);
    ck_assert(!handover_awaits_call());
    ck_assert(handover_expects(key));       /* but its guest runs */
}
END_TEST

START_TEST(a_copy_waits_patiently)
{
    struct handover *h = waiting();

    handover_lost(&link_a, SM_LINK, "lost");
    handover_detach(h);
    turns();
    xl_sees(SM_HANDOVER_COPY, 8);
    time_passes(&h->look);
    xl_sees(SM_HANDOVER_COPY, 8);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_READY);
    ck_assert_int_eq(calls, 0);         /* only a source calls */
    ck_assert(handover_expects(key));
    hear_from(&link_b, 0, true, SM_HANDOVER_SAY_GO, epoch, 20);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_READY);
    xl_sees(SM_HANDOVER_COPY, 8);
    xl_ends("start", 0);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_STARTED);
}
END_TEST

START_TEST(a_call_is_awaited_while_a_guest_may_wait_for_it)
{
    static const uint8_t stranger[32] = { 8 };
    struct handover *h = waiting();

    ck_assert(!handover_awaits_call());     /* it is connected */
    handover_lost(&link_a, SM_LINK, "lost");
    handover_detach(h);
    turns();
    ck_assert(handover_awaits_call());
    ck_assert(!handover_expects(stranger));
    xl_sees(SM_HANDOVER_GONE, UINT32_MAX);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_REFUSED);
    ck_assert(recorded()->flags & SM_HANDOVER_CLOSED);
    ck_assert(handover_awaits_call());      /* the source may be RELEASED */
    restart();
    ck_assert(handover_awaits_call());
}
END_TEST

START_TEST(a_call_is_awaited_of_what_was_fenced)
{
    struct handover *h = waiting();
    char text[512];

    hear(SM_HANDOVER_SAY_GO);
    xl_ends("start", 0);
    handover_lost(&link_a, SM_LINK, "lost");
    handover_detach(h);
    turns();
    ck_assert_int_eq(handover_fence("hostB", false, "alice", text,
                                    sizeof(text)), 0);
    turns();
    ck_assert_ptr_null(handover_first);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ACCEPTED);
    ck_assert(recorded()->flags & SM_HANDOVER_CLOSED);
    ck_assert(handover_awaits_call());      /* the source is RELEASED */
}
END_TEST

START_TEST(a_source_awaits_no_call)
{
    struct handover *h = released();

    handover_lost(&link_a, SM_LINK, "lost");
    handover_detach(h);
    turns();
    ck_assert(!handover_awaits_call());
    ck_assert(!handover_expects(key));
}
END_TEST

START_TEST(xl_is_dead_before_a_copy_is_discarded)
{
    struct handover *h = begin(SM_HANDOVER_LOADING);

    hear(SM_HANDOVER_SAY_ABORT);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_REFUSED);
    ck_assert_int_eq(session.let_go, 1);
    ck_assert_str_eq(xl.verb, "");
    handover_let_go(h);
    turns();
    xl_sees(SM_HANDOVER_COPY, 8);
    xl_ends("discard", 0);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_REFUSED);
    ck_assert_int_eq(session.closed, 1);
}
END_TEST

START_TEST(a_policy_that_came_along_goes_with_the_copy)
{
    struct sm_handover_record r = first(SM_HANDOVER_LOADING);
    struct handover *h;

    r.flags = SM_HANDOVER_KEPT_POLICY;
    ck_assert_int_eq(handover_begin(&r, &events, &h), 0);
    handover_stop(h, SM_XL, "xl died");
    handover_let_go(h);
    turns();
    ck_assert_int_eq(policies_left, 0);
    xl_sees(SM_HANDOVER_GONE, UINT32_MAX);
    ck_assert_int_eq(policies_left, 1);
}
END_TEST

START_TEST(a_host_with_many_waiting_copies_brings_no_more)
{
    struct sm_handover_record r;
    struct handover *h;
    int i;

    for (i = 0; i < WAITING_MAX; i++) {
        r = first(SM_HANDOVER_LOADING);
        r.id[0] = r.uuid[0] = (uint8_t)(100 + i);
        ck_assert_int_eq(handover_begin(&r, &events, &h), 0);
        handover_complete(h);
        turns();
    }
    r.id[0] = r.uuid[0] = 200;
    ck_assert_int_eq(handover_begin(&r, &events, &h), 0);
    handover_lost(&link_a, SM_LINK, "lost");
    for (h = handover_first; h; h = h->next)
        if (h->r.state == SM_HANDOVER_READY)
            handover_detach(h);
    r.id[0] = r.uuid[0] = 201;
    ck_assert_int_eq(handover_begin(&r, &events, &h), SM_BUSY);
    /* also when it comes to speak of them */
    for (h = handover_first; h; h = h->next)
        handover_linked(h, say, &link_b);
    ck_assert_int_eq(handover_begin(&r, &events, &h), SM_BUSY);
    strcpy(r.peer, "hostC");
    ck_assert_int_eq(handover_begin(&r, &events, &h), 0);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        nothing_is_accepted_on_an_old_look,
        a_destination_starts_when_it_is_told_to,
        a_copy_waits_patiently,
        a_call_is_awaited_while_a_guest_may_wait_for_it,
        a_call_is_awaited_of_what_was_fenced,
        a_source_awaits_no_call,
        xl_is_dead_before_a_copy_is_discarded,
        a_policy_that_came_along_goes_with_the_copy,
        a_host_with_many_waiting_copies_brings_no_more,
    };

    return run_cases("handover_destination", cases,
                     sizeof(cases) / sizeof(cases[0]));
}
