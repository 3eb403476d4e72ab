/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver of handovers: whom it believes, and how much it listens.
 */
#include "handover_driver.h"

#include <signal.h>
#include <sys/resource.h>

START_TEST(another_journal_is_not_heard)
{
    static const uint8_t other[16] = { 1 };

    released();
    hear_from(&link_b, 0, false, SM_HANDOVER_SAY_REFUSED, other, 99);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
    /* ... for good: also when it comes with the old one again, later */
    restart();
    hear_from(&link_b, 0, false, SM_HANDOVER_SAY_REFUSED, epoch, 99);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
    ck_assert(handover_first->held);
}
END_TEST

START_TEST(a_journal_that_was_put_back_is_not_heard)
{
    struct handover *h = released();

    hear_from(&link_b, h->known_since + 1, false, SM_HANDOVER_SAY_REFUSED,
              epoch, 19);
    hear_from(&link_b, h->known_since + 1, false, SM_HANDOVER_SAY_REFUSED,
              epoch, 30);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
    ck_assert(h->held);
}
END_TEST

START_TEST(a_message_that_was_long_under_way_does_no_harm)
{
    struct handover *h = released();

    hear_from(&link_a, h->known_since - 1, false, SM_HANDOVER_SAY_READY,
              epoch, 19);
    ck_assert(!h->held);
    hear(SM_HANDOVER_SAY_STARTED);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_DONE);
}
END_TEST

START_TEST(only_the_other_host_is_heard)
{
    static const uint8_t stranger[32] = { 8 };
    struct handover_from from = { .peer = "hostC", .key = stranger,
                                  .say = say, .ctx = &link_b };
    struct sm_message_handover m = { .fact = SM_HANDOVER_SAY_REFUSED,
                                     .sequence = 30 };

    released();
    memset(m.id, 1, sizeof(m.id));
    memcpy(m.epoch, epoch, sizeof(epoch));
    handover_heard(&from, &m);
    turns();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
    /* nor hostB in the part of a source */
    hear_from(&link_b, 0, true, SM_HANDOVER_SAY_SETTLED, epoch, 30);
    ck_assert_uint_eq(handover_first->view.heard,
                      SM_HANDOVER_HEARD(SM_HANDOVER_SAY_READY));
    /* one with a new key is known by its name */
    from.peer = "hostB";
    handover_heard(&from, &m);
    turns();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
}
END_TEST

START_TEST(what_is_not_known_is_refused_for_ever)
{
    struct sm_handover_record r = first(SM_HANDOVER_LOADING);
    struct handover *h;

    hear(SM_HANDOVER_SAY_GO);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_REFUSED);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_REFUSED);
    ck_assert_int_eq(handover_begin(&r, &events, &h), SM_EXISTS);
    /* which is no reason to let it in tomorrow */
    ck_assert(!handover_expects(key));
    ck_assert(!handover_awaits_call());
    restart();
    session.said = 0;
    hear(SM_HANDOVER_SAY_GO);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_REFUSED);
}
END_TEST

START_TEST(strangers_do_not_fill_the_journal)
{
    struct handover_from from = { .peer = "hostB", .key = key,
                                  .source = true, .say = say,
                                  .ctx = &link_b };
    struct sm_message_handover m = { .fact = SM_HANDOVER_SAY_GO };
    uint64_t before, after;
    uint8_t own[16];
    int i;

    handover_stamp(own, &before);
    for (i = 0; i < 200; i++) {
        memset(m.id, i + 1, sizeof(m.id));
        handover_heard(&from, &m);
    }
    handover_stamp(own, &after);
    ck_assert_uint_le(after - before, STRANGE_BURST + 2);
}
END_TEST

START_TEST(so_much_is_heard_in_a_second)
{
    struct handover_pace pace = { 0 };
    int i, n = 0;

    for (i = 0; i < 3 * HEARD_MAX; i++)
        n += handover_may_say(&pace);
    ck_assert_int_ge(n, HEARD_MAX);
    ck_assert_int_lt(n, 3 * HEARD_MAX);
    pace.second--;
    ck_assert(handover_may_say(&pace));
}
END_TEST

START_TEST(hosts_that_disagree_do_not_chatter)
{
    struct handover *h = waiting();
    int i, n = 0;

    session.said = 0;
    for (i = 0; i < 50; i++) {
        hear_from(&link_a, 0, true, SM_HANDOVER_SAY_SETTLED, epoch, 20);
        n += session.said != 0;
        session.said = 0;
    }
    ck_assert_int_le(n, 6);
    ck_assert_int_eq(h->r.state, SM_HANDOVER_READY);
}
END_TEST

START_TEST(what_is_not_heard_any_more_is_remembered_later)
{
    static const uint8_t other[16] = { 1 };
    struct handover *h = released();
    struct rlimit none = { 0, RLIM_INFINITY }, full;

    getrlimit(RLIMIT_FSIZE, &full);
    signal(SIGXFSZ, SIG_IGN);
    none.rlim_max = full.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    hear_from(&link_b, 0, false, SM_HANDOVER_SAY_REFUSED, other, 99);
    ck_assert(h->held && h->unwritten);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &full), 0);
    time_passes(&h->turn);
    restart();
    ck_assert(handover_first->held);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        another_journal_is_not_heard,
        a_journal_that_was_put_back_is_not_heard,
        a_message_that_was_long_under_way_does_no_harm,
        only_the_other_host_is_heard,
        what_is_not_known_is_refused_for_ever,
        strangers_do_not_fill_the_journal,
        so_much_is_heard_in_a_second,
        hosts_that_disagree_do_not_chatter,
        what_is_not_heard_any_more_is_remembered_later,
    };

    return run_cases("handover_heard", cases,
                     sizeof(cases) / sizeof(cases[0]));
}
