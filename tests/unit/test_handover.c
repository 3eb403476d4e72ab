/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One row per rule of the machine (lib/handover/handover.h), and sweeps over
 * all views.  What the rules do together is explored by tests/handover. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "handover/handover.h"

/* What a row gives the machine; 0 is the quiet case. */
enum {
    ACTED = 1, HOLDER = 2, GIVEN = 4, COMPLETE = 8, STOP = 16, CANCELLED = 32,
    FENCED = 64, FAILED = 128, BOOTED = 256 /* anew */, UNLINKED = 512,
};
#define SAID(fact) SM_HANDOVER_HEARD(SM_HANDOVER_SAY_##fact)

static struct sm_handover_view view(enum sm_handover_domain domain,
                                    unsigned int flags, unsigned int heard)
{
    return (struct sm_handover_view){
        .domain = domain, .heard = heard, .same_boot = !(flags & BOOTED),
        .linked = !(flags & UNLINKED), .acted = flags & ACTED,
        .holder = flags & HOLDER, .given = flags & GIVEN,
        .complete = flags & COMPLETE, .stop = flags & STOP,
        .cancel = flags & CANCELLED, .fenced = flags & FENCED,
        .failed = flags & FAILED,
    };
}

#define STATE(name) SM_HANDOVER_##name
#define WRITE(name) { SM_HANDOVER_WRITE, SM_HANDOVER_##name, 0, NULL }
#define DO(step) { SM_HANDOVER_##step, 0, 0, NULL }
#define SAY(fact) { SM_HANDOVER_WAIT, 0, SM_HANDOVER_SAY_##fact, NULL }
#define SILENCE { SM_HANDOVER_WAIT, 0, 0, NULL }
#define ALARM "!"
#define WRITE_ALARM(name) { SM_HANDOVER_WRITE, SM_HANDOVER_##name, 0, ALARM }
#define DO_ALARM(step) { SM_HANDOVER_##step, 0, 0, ALARM }
#define SAY_ALARM(fact) { SM_HANDOVER_WAIT, 0, SM_HANDOVER_SAY_##fact, ALARM }

struct row {
    enum sm_handover_state state;
    enum sm_handover_domain domain;
    unsigned int flags, heard;
    struct sm_handover_next want;   /* .alarm: any text */
};

#define UNSEEN SM_HANDOVER_UNSEEN
#define GONE SM_HANDOVER_GONE
#define RUNS SM_HANDOVER_RUNS
#define SUSPENDED SM_HANDOVER_SUSPENDED
#define COPY SM_HANDOVER_COPY

static const struct row source[] = {
    /* xl sends: the guest is xl's, and may run */
    { STATE(SENDING), UNSEEN, HOLDER, 0, SILENCE },
    { STATE(SENDING), SUSPENDED, HOLDER | GIVEN, 0, WRITE(SENT) },
    { STATE(SENDING), SUSPENDED, GIVEN, 0, WRITE(SENT) },
    { STATE(SENDING), UNSEEN, 0, 0, WRITE(ABORTED) },
    { STATE(SENDING), UNSEEN, HOLDER | STOP, 0, WRITE(ABORTED) },
    { STATE(SENDING), SUSPENDED, GIVEN | STOP, 0, WRITE(ABORTED) },
    { STATE(SENDING), UNSEEN, HOLDER | CANCELLED, 0, WRITE(ABORTED) },
    { STATE(SENDING), UNSEEN, HOLDER | FENCED, 0, WRITE(ABORTED) },
    { STATE(SENDING), UNSEEN, HOLDER, SAID(REFUSED), WRITE(ABORTED) },
    { STATE(SENDING), SUSPENDED, GIVEN, SAID(REFUSED), WRITE(ABORTED) },
    { STATE(SENDING), UNSEEN, BOOTED, 0, WRITE(ABORTED) },
    { STATE(SENDING), UNSEEN, HOLDER, SAID(READY), SILENCE },

    /* all is sent: waits for READY, may still abort alone */
    { STATE(SENT), SUSPENDED, 0, 0, SILENCE },
    { STATE(SENT), SUSPENDED, 0, SAID(READY), WRITE(RELEASED) },
    { STATE(SENT), UNSEEN, 0, SAID(READY), DO(LOOK) },
    { STATE(SENT), RUNS, 0, SAID(READY), WRITE(ABORTED) },
    { STATE(SENT), GONE, 0, SAID(READY), WRITE(ABORTED) },
    { STATE(SENT), SUSPENDED, STOP, SAID(READY), WRITE(ABORTED) },
    { STATE(SENT), UNSEEN, STOP, 0, WRITE(ABORTED) },
    { STATE(SENT), SUSPENDED, CANCELLED, SAID(READY), WRITE(ABORTED) },
    { STATE(SENT), SUSPENDED, FENCED, SAID(READY), WRITE(ABORTED) },
    { STATE(SENT), SUSPENDED, 0, SAID(REFUSED), WRITE(ABORTED) },
    /* ... and lost with its host: the copy may be the only one */
    { STATE(SENT), UNSEEN, BOOTED | STOP, 0, DO(LOOK) },
    { STATE(SENT), GONE, BOOTED | STOP, 0, WRITE(RELEASED) },
    { STATE(SENT), GONE, BOOTED | STOP | CANCELLED, 0, WRITE(RELEASED) },
    { STATE(SENT), RUNS, BOOTED | STOP, 0, WRITE(ABORTED) },
    { STATE(SENT), GONE, BOOTED | STOP | FENCED, 0, WRITE(ABORTED) },
    { STATE(SENT), GONE, BOOTED, SAID(REFUSED), WRITE(ABORTED) },

    /* released: only the other host's word counts */
    { STATE(RELEASED), SUSPENDED, 0, 0, SAY(GO) },
    { STATE(RELEASED), SUSPENDED, STOP, SAID(READY), SAY(GO) },
    { STATE(RELEASED), SUSPENDED, CANCELLED, 0, SAY(CANCEL) },
    { STATE(RELEASED), UNSEEN, 0, 0, DO(LOOK) },
    { STATE(RELEASED), RUNS, 0, 0, SAY_ALARM(CANCEL) },
    { STATE(RELEASED), RUNS, BOOTED, 0, SAY_ALARM(CANCEL) },
    { STATE(RELEASED), GONE, BOOTED, 0, SAY(GO) },
    { STATE(RELEASED), GONE, BOOTED | CANCELLED, 0, SAY(GO) },
    { STATE(RELEASED), GONE, CANCELLED, 0, SAY_ALARM(GO) },
    { STATE(RELEASED), SUSPENDED, 0, SAID(STARTED), WRITE(DONE) },
    { STATE(RELEASED), UNSEEN, 0, SAID(STARTED), WRITE(DONE) },
    { STATE(RELEASED), SUSPENDED, FENCED, SAID(STARTED), WRITE(DONE) },
    { STATE(RELEASED), SUSPENDED, 0, SAID(REFUSED), WRITE(ABORTED) },
    { STATE(RELEASED), SUSPENDED, FENCED, 0, WRITE(ABORTED) },
    { STATE(RELEASED), SUSPENDED, 0, SAID(STARTED) | SAID(REFUSED),
      DO_ALARM(WAIT) },

    /* it stays here */
    { STATE(ABORTED), SUSPENDED, HOLDER, 0, DO(LET_GO) },
    { STATE(ABORTED), RUNS, HOLDER, SAID(REFUSED), DO(LET_GO) },
    { STATE(ABORTED), UNSEEN, 0, 0, DO(LOOK) },
    { STATE(ABORTED), SUSPENDED, 0, 0, DO(RESUME) },
    { STATE(ABORTED), SUSPENDED, FAILED, 0, SAY_ALARM(ABORT) },
    { STATE(ABORTED), SUSPENDED, 0, SAID(STARTED), DO_ALARM(WAIT) },
    { STATE(ABORTED), RUNS, 0, 0, DO(MARK) },
    { STATE(ABORTED), GONE, 0, 0, DO(MARK) },
    { STATE(ABORTED), UNSEEN, BOOTED, 0, DO(MARK) },
    { STATE(ABORTED), SUSPENDED, BOOTED, 0, DO(MARK) },
    { STATE(ABORTED), UNSEEN, ACTED, 0, SAY(ABORT) },
    { STATE(ABORTED), SUSPENDED, ACTED, 0, SAY(ABORT) },
    { STATE(ABORTED), UNSEEN, ACTED, SAID(REFUSED), DO(CLOSE) },
    { STATE(ABORTED), UNSEEN, ACTED | FENCED, 0, DO(CLOSE) },
    { STATE(ABORTED), RUNS, ACTED, SAID(STARTED), SAY_ALARM(ABORT) },

    /* it has moved */
    { STATE(DONE), UNSEEN, 0, 0, DO(LOOK) },
    { STATE(DONE), SUSPENDED, 0, 0, DO(DESTROY) },
    { STATE(DONE), SUSPENDED, FAILED, 0, SAY_ALARM(SETTLED) },
    { STATE(DONE), GONE, 0, 0, DO(MARK) },
    { STATE(DONE), RUNS, 0, 0, DO_ALARM(MARK) },
    { STATE(DONE), UNSEEN, BOOTED, 0, DO(LOOK) },
    { STATE(DONE), GONE, BOOTED, 0, DO(MARK) },
    { STATE(DONE), RUNS, BOOTED, 0, DO_ALARM(MARK) },
    { STATE(DONE), SUSPENDED, BOOTED, 0, DO_ALARM(MARK) },
    { STATE(DONE), UNSEEN, ACTED, 0, SAY(SETTLED) },
    { STATE(DONE), SUSPENDED, ACTED, 0, SAY(SETTLED) },
    { STATE(DONE), UNSEEN, ACTED, SAID(SETTLED), DO(CLOSE) },
    { STATE(DONE), UNSEEN, ACTED | FENCED, 0, DO(CLOSE) },
};

static const struct row destination[] = {
    /* xl restores */
    { STATE(LOADING), UNSEEN, HOLDER, 0, SILENCE },
    { STATE(LOADING), COPY, HOLDER, 0, SILENCE },
    { STATE(LOADING), COPY, COMPLETE, 0, WRITE(READY) },
    { STATE(LOADING), UNSEEN, COMPLETE, 0, DO(LOOK) },
    { STATE(LOADING), GONE, COMPLETE, 0, WRITE(REFUSED) },
    { STATE(LOADING), RUNS, COMPLETE, 0, WRITE_ALARM(READY) },
    { STATE(LOADING), UNSEEN, HOLDER | STOP, 0, WRITE(REFUSED) },
    { STATE(LOADING), COPY, COMPLETE | STOP, 0, WRITE(REFUSED) },
    { STATE(LOADING), COPY, COMPLETE | CANCELLED, 0, WRITE(REFUSED) },
    { STATE(LOADING), COPY, COMPLETE | FENCED, 0, WRITE(REFUSED) },
    { STATE(LOADING), COPY, COMPLETE | BOOTED, 0, WRITE(REFUSED) },
    { STATE(LOADING), COPY, COMPLETE, SAID(ABORT), WRITE(REFUSED) },
    { STATE(LOADING), COPY, COMPLETE, SAID(CANCEL), WRITE(REFUSED) },
    { STATE(LOADING), COPY, 0, SAID(GO), SILENCE },

    /* the copy waits, without a limit */
    { STATE(READY), COPY, 0, 0, SAY(READY) },
    { STATE(READY), COPY, STOP | UNLINKED, 0, SAY(READY) },
    { STATE(READY), COPY, 0, SAID(GO), WRITE(ACCEPTED) },
    { STATE(READY), COPY, FENCED, 0, WRITE(ACCEPTED) },
    { STATE(READY), UNSEEN, 0, SAID(GO), DO(LOOK) },
    { STATE(READY), GONE, 0, SAID(GO), WRITE(REFUSED) },
    { STATE(READY), COPY, BOOTED, SAID(GO), WRITE(REFUSED) },
    { STATE(READY), COPY, CANCELLED, SAID(GO), WRITE(REFUSED) },
    { STATE(READY), COPY, 0, SAID(ABORT), WRITE(REFUSED) },
    { STATE(READY), COPY, 0, SAID(GO) | SAID(CANCEL), WRITE(REFUSED) },
    { STATE(READY), RUNS, 0, 0, SAY_ALARM(READY) },
    { STATE(READY), RUNS, 0, SAID(GO), WRITE_ALARM(ACCEPTED) },

    /* ours, for ever */
    { STATE(ACCEPTED), UNSEEN, 0, 0, DO(LOOK) },
    { STATE(ACCEPTED), COPY, 0, 0, DO(START) },
    { STATE(ACCEPTED), COPY, 0, SAID(CANCEL) | SAID(GO), DO(START) },
    { STATE(ACCEPTED), COPY, CANCELLED | STOP, 0, DO(START) },
    { STATE(ACCEPTED), COPY, FAILED, 0, DO_ALARM(WAIT) },
    { STATE(ACCEPTED), RUNS, 0, 0, DO(MARK) },
    { STATE(ACCEPTED), GONE, 0, 0, DO(MARK) },
    { STATE(ACCEPTED), UNSEEN, BOOTED, 0, DO(MARK) },
    { STATE(ACCEPTED), COPY, BOOTED, 0, DO(MARK) },
    { STATE(ACCEPTED), UNSEEN, ACTED, 0, SAY(STARTED) },
    { STATE(ACCEPTED), COPY, ACTED, SAID(CANCEL), SAY(STARTED) },
    { STATE(ACCEPTED), UNSEEN, ACTED, SAID(SETTLED), DO(CLOSE) },
    { STATE(ACCEPTED), UNSEEN, ACTED | FENCED, 0, DO(CLOSE) },
    { STATE(ACCEPTED), UNSEEN, ACTED, SAID(ABORT), SAY_ALARM(STARTED) },

    /* a tombstone */
    { STATE(REFUSED), COPY, HOLDER, 0, DO(LET_GO) },
    { STATE(REFUSED), UNSEEN, 0, 0, DO(LOOK) },
    { STATE(REFUSED), COPY, 0, SAID(GO), DO(DISCARD) },
    { STATE(REFUSED), COPY, FAILED, 0, SAY_ALARM(REFUSED) },
    { STATE(REFUSED), GONE, 0, 0, DO(MARK) },
    { STATE(REFUSED), COPY, BOOTED, 0, DO(MARK) },
    { STATE(REFUSED), RUNS, 0, 0, DO_ALARM(WAIT) },
    { STATE(REFUSED), RUNS, 0, SAID(ABORT), DO_ALARM(MARK) },
    { STATE(REFUSED), RUNS, FENCED, 0, DO_ALARM(MARK) },
    { STATE(REFUSED), COPY, ACTED, 0, SAY(REFUSED) },
    { STATE(REFUSED), UNSEEN, ACTED, SAID(GO), SAY(REFUSED) },
    { STATE(REFUSED), UNSEEN, ACTED, SAID(ABORT), DO(CLOSE) },
    { STATE(REFUSED), UNSEEN, ACTED | UNLINKED, 0, DO(CLOSE) },
    { STATE(REFUSED), UNSEEN, ACTED | FENCED, 0, DO(CLOSE) },

    { STATE(NONE), COPY, 0, SAID(GO), SILENCE },
};

static void check_row(const struct row *r, const char *table, size_t i)
{
    struct sm_handover_view v = view(r->domain, r->flags, r->heard);
    struct sm_handover_next got = sm_handover_next(r->state, &v);
    enum sm_handover_state state = r->want.step == SM_HANDOVER_WRITE ?
        r->want.state : r->state;

    ck_assert_msg(got.step == r->want.step && got.state == state &&
                  got.say == r->want.say && !got.alarm == !r->want.alarm,
                  "%s row %zu, %s: step %d state %s say %s alarm %s", table,
                  i, sm_handover_state_name(r->state), got.step,
                  sm_handover_state_name(got.state),
                  sm_handover_fact_name(got.say),
                  got.alarm ? got.alarm : "none");
}

START_TEST(rows_of_the_source)
{
    size_t i;

    for (i = 0; i < sizeof(source) / sizeof(source[0]); i++)
        check_row(&source[i], "source", i);
}
END_TEST

START_TEST(rows_of_the_destination)
{
    size_t i;

    for (i = 0; i < sizeof(destination) / sizeof(destination[0]); i++)
        check_row(&destination[i], "destination", i);
}
END_TEST

/* ---- all views ---- */

/* ck_assert() is too slow for millions. */
#define REQUIRE(what) \
    do { \
        if (!(what)) \
            ck_abort_msg("%s: %s, domain %s, heard %#x, step %d", #what, \
                         sm_handover_state_name(state), \
                         sm_handover_domain_name(v->domain), v->heard, \
                         (int)next->step); \
    } while (0)

static void sweep(void (*each)(enum sm_handover_state state,
                               const struct sm_handover_view *v,
                               const struct sm_handover_next *next))
{
    static const enum sm_handover_state states[] = {
        STATE(SENDING), STATE(SENT), STATE(RELEASED), STATE(DONE),
        STATE(ABORTED), STATE(LOADING), STATE(READY), STATE(ACCEPTED),
        STATE(REFUSED),
    };
    struct sm_handover_next next;
    struct sm_handover_view v;
    unsigned int flags, said;
    size_t i;
    int domain;

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        for (domain = UNSEEN; domain <= (int)COPY; domain++)
            for (flags = 0; flags < 1024; flags++)
                for (said = 0; said < 128; said++) {
                    v = view(domain, flags, said << 1);
                    next = sm_handover_next(states[i], &v);
                    each(states[i], &v, &next);
                }
}

static void is_justified(enum sm_handover_state state,
                         const struct sm_handover_view *v,
                         const struct sm_handover_next *next)
{
    REQUIRE(next->step == SM_HANDOVER_WAIT || !next->say);
    if (next->step != SM_HANDOVER_WRITE)
        REQUIRE(next->state == state);
    switch (next->step) {
    case SM_HANDOVER_RESUME:
        REQUIRE(state == STATE(ABORTED) && v->domain == SUSPENDED &&
                !v->holder && !v->acted);
        break;
    case SM_HANDOVER_DESTROY:
        REQUIRE(state == STATE(DONE) && v->domain == SUSPENDED &&
                v->same_boot && !v->acted);
        break;
    case SM_HANDOVER_START:
        REQUIRE(state == STATE(ACCEPTED) && v->domain == COPY &&
                v->same_boot && !v->acted);
        break;
    case SM_HANDOVER_DISCARD:
        REQUIRE(state == STATE(REFUSED) && v->domain == COPY &&
                v->same_boot && !v->holder && !v->acted);
        break;
    case SM_HANDOVER_LOOK:
        REQUIRE(v->domain == UNSEEN);
        break;
    case SM_HANDOVER_MARK:
        REQUIRE(!v->acted);
        break;
    case SM_HANDOVER_CLOSE:
        REQUIRE(v->acted);
        break;
    default:
        break;
    }
}

START_TEST(nothing_is_done_without_its_reason)
{
    sweep(is_justified);
}
END_TEST

static void is_an_arrow(enum sm_handover_state state,
                        const struct sm_handover_view *v,
                        const struct sm_handover_next *next)
{
    static const unsigned char arrows[32][2] = {
        [STATE(SENDING)] = { STATE(SENT), STATE(ABORTED) },
        [STATE(SENT)] = { STATE(RELEASED), STATE(ABORTED) },
        [STATE(RELEASED)] = { STATE(DONE), STATE(ABORTED) },
        [STATE(LOADING)] = { STATE(READY), STATE(REFUSED) },
        [STATE(READY)] = { STATE(ACCEPTED), STATE(REFUSED) },
    };

    if (next->step == SM_HANDOVER_WRITE)
        REQUIRE(next->state == arrows[state][0] ||
                next->state == arrows[state][1]);
}

START_TEST(states_follow_the_drawing)
{
    sweep(is_an_arrow);
}
END_TEST

/* A fact is said only in the state that makes it true. */
static void is_true(enum sm_handover_state state,
                    const struct sm_handover_view *v,
                    const struct sm_handover_next *next)
{
    static const unsigned char of[] = {
        [SM_HANDOVER_SAY_READY] = STATE(READY),
        [SM_HANDOVER_SAY_GO] = STATE(RELEASED),
        [SM_HANDOVER_SAY_ABORT] = STATE(ABORTED),
        [SM_HANDOVER_SAY_CANCEL] = STATE(RELEASED),
        [SM_HANDOVER_SAY_REFUSED] = STATE(REFUSED),
        [SM_HANDOVER_SAY_STARTED] = STATE(ACCEPTED),
        [SM_HANDOVER_SAY_SETTLED] = STATE(DONE),
    };

    if (next->say)
        REQUIRE((int)state == of[next->say]);
}

START_TEST(nothing_is_said_in_another_state)
{
    sweep(is_true);
}
END_TEST

/* ---- records that are closed, or not there ---- */

static void check_closed(enum sm_handover_state state, unsigned int fact,
                         unsigned int want, bool alarm)
{
    struct sm_handover_next next = sm_handover_closed(state, fact);

    ck_assert_int_eq(next.step, SM_HANDOVER_WAIT);
    ck_assert_int_eq(next.state, state);
    ck_assert_msg(next.say == want && !next.alarm == !alarm,
                  "%s closed, heard %s: says %s",
                  sm_handover_state_name(state), sm_handover_fact_name(fact),
                  sm_handover_fact_name(next.say));
}

START_TEST(a_closed_record_answers)
{
    static const unsigned char answers[32][SM_HANDOVER_FACT_MAX + 1] = {
        [STATE(ABORTED)] = {
            [SM_HANDOVER_SAY_READY] = SM_HANDOVER_SAY_ABORT,
        },
        [STATE(DONE)] = {
            [SM_HANDOVER_SAY_STARTED] = SM_HANDOVER_SAY_SETTLED,
        },
        [STATE(ACCEPTED)] = {
            [SM_HANDOVER_SAY_GO] = SM_HANDOVER_SAY_STARTED,
            [SM_HANDOVER_SAY_CANCEL] = SM_HANDOVER_SAY_STARTED,
            [SM_HANDOVER_SAY_ABORT] = SM_HANDOVER_SAY_STARTED,
            [SM_HANDOVER_SAY_SETTLED] = SM_HANDOVER_SAY_SETTLED,
        },
        [STATE(REFUSED)] = {
            [SM_HANDOVER_SAY_GO] = SM_HANDOVER_SAY_REFUSED,
            [SM_HANDOVER_SAY_CANCEL] = SM_HANDOVER_SAY_REFUSED,
            [SM_HANDOVER_SAY_ABORT] = SM_HANDOVER_SAY_REFUSED,
            [SM_HANDOVER_SAY_SETTLED] = SM_HANDOVER_SAY_SETTLED,
        },
    };
    unsigned int state, fact;

    for (state = 0; state < 32; state++)
        for (fact = 0; fact <= SM_HANDOVER_FACT_MAX + 1; fact++)
            check_closed(state, fact, fact <= SM_HANDOVER_FACT_MAX ?
                         answers[state][fact] : 0,
                         state == STATE(ABORTED) &&
                         fact == SM_HANDOVER_SAY_STARTED);
}
END_TEST

START_TEST(an_unknown_one_gets_a_tombstone)
{
    static const unsigned int asked[] = {
        SM_HANDOVER_SAY_GO, SM_HANDOVER_SAY_ABORT, SM_HANDOVER_SAY_CANCEL,
    };
    struct sm_handover_next next;
    size_t i;

    for (i = 0; i < 3; i++) {
        next = sm_handover_unknown(asked[i]);
        ck_assert_int_eq(next.step, SM_HANDOVER_WRITE);
        ck_assert_int_eq(next.state, SM_HANDOVER_REFUSED);
        ck_assert_int_eq(next.say, 0);
    }
    next = sm_handover_unknown(SM_HANDOVER_SAY_SETTLED);
    ck_assert_int_eq(next.step, SM_HANDOVER_WAIT);
    ck_assert_int_eq(next.say, SM_HANDOVER_SAY_SETTLED);
    next = sm_handover_unknown(SM_HANDOVER_SAY_READY);
    ck_assert_int_eq(next.step, SM_HANDOVER_WAIT);
    ck_assert_int_eq(next.say, 0);
}
END_TEST

/* ---- names ---- */

START_TEST(names_are_words)
{
    ck_assert_str_eq(sm_handover_state_name(SM_HANDOVER_NONE), "NONE");
    ck_assert_str_eq(sm_handover_state_name(SM_HANDOVER_RELEASED),
                     "RELEASED");
    ck_assert_str_eq(sm_handover_state_name(SM_HANDOVER_REFUSED), "REFUSED");
    ck_assert_str_eq(sm_handover_state_name(6), "?");
    ck_assert_str_eq(sm_handover_state_name(20), "?");
    ck_assert_str_eq(sm_handover_fact_name(0), "?");
    ck_assert_str_eq(sm_handover_fact_name(SM_HANDOVER_SAY_GO), "GO");
    ck_assert_str_eq(sm_handover_fact_name(8), "?");
    ck_assert_str_eq(sm_handover_domain_name(UNSEEN), "not seen");
    ck_assert_str_eq(sm_handover_domain_name(SUSPENDED), "suspended");
    ck_assert_str_eq(sm_handover_domain_name(5), "?");
}
END_TEST

START_TEST(sources_are_told_from_destinations)
{
    unsigned int state;

    for (state = 0; state < 32; state++)
        ck_assert(sm_handover_is_source(state) == (state >= 1 && state <= 5));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("handover");
    TCase *t = tcase_create("handover");
    SRunner *r;
    int failed;

    tcase_add_test(t, rows_of_the_source);
    tcase_add_test(t, rows_of_the_destination);
    tcase_add_test(t, nothing_is_done_without_its_reason);
    tcase_add_test(t, states_follow_the_drawing);
    tcase_add_test(t, nothing_is_said_in_another_state);
    tcase_add_test(t, a_closed_record_answers);
    tcase_add_test(t, an_unknown_one_gets_a_tombstone);
    tcase_add_test(t, names_are_words);
    tcase_add_test(t, sources_are_told_from_destinations);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
