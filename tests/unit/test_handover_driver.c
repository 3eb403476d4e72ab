/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * helper/secmigd/handovers/handover.h: what the driver writes, does and says, and whom
 * it believes.  secmig-xl and the calls to other hosts are doubles; machine,
 * journal and loop are the real ones.
 */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "scratch.h"
#include "../../helper/secmigd/parent/loop.c"
#include "../../helper/secmigd/handovers/handover.c"
#include "../../helper/secmigd/handovers/handover_open.c"
#include "../../helper/secmigd/handovers/handover_act.c"
#include "../../helper/secmigd/handovers/handover_hear.c"
#include "../../helper/secmigd/handovers/handover_name.c"
#include "../../helper/secmigd/handovers/handover_hold.c"
#include "../../helper/secmigd/handovers/handover_tell.c"
#include "../../helper/secmigd/handovers/handover_ask.c"

struct parent parent;

/* ---- doubles ---- */

static struct {
    char verb[16];              /* at work; "": nothing */
    char last[16];              /* begun last ... */
    char argument[40];          /* ... its last argument */
    int begun;
    struct run *run;
} xl;

int run_start(struct run *run, const struct sm_conf_command *command,
              const char *const *more, int in, size_t max, int ms,
              void (*fn)(void *ctx, int err), void *ctx)
{
    (void)command;
    (void)in;
    (void)ms;
    ck_assert(!run->active);
    memset(run, 0, sizeof(*run));
    run->active = true;
    run->data = calloc(1, max + 1);
    run->done = fn;
    run->ctx = ctx;
    snprintf(xl.verb, sizeof(xl.verb), "%s", more[0]);
    snprintf(xl.last, sizeof(xl.last), "%s", more[0]);
    while (more[1])
        more++;
    snprintf(xl.argument, sizeof(xl.argument), "%s", more[0]);
    xl.begun++;
    xl.run = run;
    return 0;
}

void run_clear(struct run *run)
{
    if (run == xl.run)
        xl.verb[0] = '\0';
    run->active = false;
    free(run->data);
    run->data = NULL;
    run->len = 0;
}

static int calls;               /* handover_call() */

void handover_call(struct handover *h, bool now)
{
    (void)h;
    (void)now;
    calls++;
}

void handover_hang_up(const void *link)
{
    (void)link;
}

int64_t handover_call_due(const char *host)
{
    (void)host;
    return -1;
}

bool incoming_may_log(void)
{
    return true;
}

static int policies_left;

void vm_policy_left(const uint8_t uuid[static 16])
{
    (void)uuid;
    policies_left++;
}

/* ---- a session ---- */

static struct {
    enum sm_handover_fact said;     /* last; 0: nothing since looked at */
    uint16_t code;
    int let_go, doubts, decided, closed, ready;
    enum sm_handover_state state;
    int verdict;
    int say_rc;
} session;

static int say(void *ctx, const struct sm_message_handover *m)
{
    (void)ctx;
    if (!session.say_rc) {
        session.said = m->fact;
        session.code = m->code;
    }
    return session.say_rc;
}

static void on_ready(void *ctx)
{
    (void)ctx;
    session.ready++;
}

static void on_let_go(void *ctx, int code, const char *text)
{
    (void)ctx;
    ck_assert_int_ne(code, 0);
    ck_assert_str_ne(text, "");
    session.let_go++;
}

static void on_doubt(void *ctx, const char *text)
{
    (void)ctx;
    ck_assert_ptr_nonnull(strstr(text, "secmig handover list"));
    session.doubts++;
}

static void on_decided(void *ctx, enum sm_handover_state state, int code,
                       const char *text)
{
    (void)ctx;
    (void)text;
    session.decided++;
    session.state = state;
    session.verdict = code;
}

static void on_closed(void *ctx)
{
    (void)ctx;
    session.closed++;
}

static const uint8_t key[32] = { 7 }, epoch[16] = { 9 };
static int link_a, link_b;      /* names of connections */

static const struct handover_events events = {
    .say = say, .ready = on_ready, .let_go = on_let_go,
    .in_doubt = on_doubt, .decided = on_decided, .closed = on_closed,
    .ctx = &link_a,
};

/* ---- the world ---- */

static void turns(void)
{
    int i;

    /* What a turn wants done soon may be due a millisecond later. */
    for (i = 0; i < 8; i++) {
        poll(NULL, 0, 1);
        run_timers();
    }
}

/* A timer is due. */
static void time_passes(struct loop_timer *t)
{
    ck_assert(t->armed);
    t->deadline = 0;
    turns();
}

/* What secmig-xl does ends. */
static void xl_ends(const char *verb, int err)
{
    struct run *run = xl.run;

    ck_assert_str_eq(xl.verb, verb);
    run->active = false;
    run->done(run->ctx, err);
    turns();
}

/* late: ms that its answer was not read */
static void xl_has_seen(enum sm_handover_domain domain, uint32_t domid,
                        const char *name, int late)
{
    struct sm_wire_writer w;

    ck_assert_str_eq(xl.verb, "look");
    sm_wire_writer_init(&w, 512);
    sm_wire_put_u8(&w, (uint8_t)domain);
    sm_wire_put_u32(&w, domid);
    sm_wire_put_str(&w, name);
    sm_wire_put_u64(&w, (uint64_t)(sm_clock_now_ms() - late));
    memcpy(xl.run->data, w.data, w.len);
    xl.run->len = w.len;
    sm_wire_writer_dispose(&w);
    xl_ends("look", 0);
}

static void xl_sees_named(enum sm_handover_domain domain, uint32_t domid,
                          const char *name)
{
    xl_has_seen(domain, domid, name, 0);
}

static void xl_sees(enum sm_handover_domain domain, uint32_t domid)
{
    xl_sees_named(domain, domid, "g1");
}

static struct sm_handover_record first(enum sm_handover_state state)
{
    struct sm_handover_record r = { .state = state, .domid = 3 };

    memset(r.id, 1, sizeof(r.id));
    memset(r.uuid, 2, sizeof(r.uuid));
    strcpy(r.name, "g1");
    strcpy(r.peer, "hostB");
    memcpy(r.peer_key, key, sizeof(key));
    if (state == SM_HANDOVER_LOADING) {
        memcpy(r.peer_epoch, epoch, sizeof(epoch));
        r.peer_sequence = 10;
        r.domid = UINT32_MAX;
    }
    return r;
}

static void hear_from(void *ctx, int64_t since, bool source,
                      enum sm_handover_fact fact, const uint8_t *from_epoch,
                      uint64_t sequence)
{
    struct handover_from from = {
        .peer = "hostB", .key = key, .source = source, .since = since,
        .say = say, .ctx = ctx,
    };
    struct sm_message_handover m = { .fact = (uint8_t)fact,
                                     .sequence = sequence };

    memset(m.id, 1, sizeof(m.id));
    memcpy(m.epoch, from_epoch, sizeof(m.epoch));
    handover_heard(&from, &m);
    turns();
}

/* A destination, or a source, says something; all is well with its journal. */
static void hear(enum sm_handover_fact fact)
{
    bool source = fact >= SM_HANDOVER_SAY_GO &&
                  fact <= SM_HANDOVER_SAY_CANCEL;

    hear_from(&link_a, 0, source, fact, epoch, 20);
}

static void forget(void)
{
    while (handover_first)
        handover_take_out(handover_first);
    while (namings)
        drop(namings);
}

static void restart(void)
{
    forget();
    sm_handover_journal_close(handover_journal);
    ck_assert_int_eq(handover_init(), 0);
    turns();
}

static struct handover *begin(enum sm_handover_state state)
{
    struct sm_handover_record r = first(state);
    struct handover *h = NULL;

    ck_assert_int_eq(handover_begin(&r, &events, &h), 0);
    turns();
    return h;
}

static const struct sm_handover_record *recorded(void)
{
    uint8_t id[16];

    memset(id, 1, sizeof(id));
    return sm_handover_journal_find(handover_journal, id);
}

static void set_up(void)
{
    scratch_make();
    memset(&parent, 0, sizeof(parent));
    memset(&session, 0, sizeof(session));
    memset(&xl, 0, sizeof(xl));
    calls = policies_left = 0;
    snprintf(parent.conf.journal, sizeof(parent.conf.journal), "%s",
             scratch_path("journal"));
    snprintf(parent.conf.journal_witness,
             sizeof(parent.conf.journal_witness), "%s", scratch_path("witness"));
    strcpy(parent.conf.name, "hostA");
    parent.conf.settle_interval = 5000;
    parent.conf.ready_timeout = parent.conf.verdict_timeout = 30000;
    ck_assert_int_eq(handover_init(), 0);
}

static void tear_down(void)
{
    forget();
    sm_handover_journal_close(handover_journal);
    handover_journal = NULL;
    scratch_remove();
}

static struct handover *waiting(void);

/* ---- a source ---- */

static struct handover *released(void)
{
    struct handover *h = begin(SM_HANDOVER_SENDING);

    handover_given(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_SENT);
    hear(SM_HANDOVER_SAY_READY);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_RELEASED);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_GO);
    return h;
}

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
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_ABORT);
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
    xl_sees(SM_HANDOVER_RUNS, 9);
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
}
END_TEST

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
    time_passes(&h->turn);
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
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

/* ---- a destination ---- */

static struct handover *waiting(void)
{
    struct handover *h = begin(SM_HANDOVER_LOADING);

    handover_complete(h);
    turns();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_READY);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_READY);
    return h;
}

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

/* ---- a name that is taken ---- */

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
    ck_assert_int_eq(handover_fence("hostB", "alice", text, sizeof(text)), 0);
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

/* ---- whom it believes ---- */

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

/* ---- a daemon that starts ---- */

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

/* What is logged from here on goes to a file; the old stderr. */
static int log_to(int fd)
{
    int old = dup(STDERR_FILENO);

    ck_assert_int_ge(old, 0);
    ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
    return old;
}

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
    ck_assert_int_eq(handover_fence("hostC", "alice", text, sizeof(text)),
                     SM_NO_DOMAIN);
    ck_assert_int_eq(handover_fence("hostB", "alice", text, sizeof(text)), 0);
    turns();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    xl_ends("resume", 0);
    ck_assert_int_eq(session.closed, 1);
    ck_assert(recorded()->flags & SM_HANDOVER_FENCED);
}
END_TEST

/* ---- xl's process ---- */

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
    Suite *s = suite_create("handover_driver");
    TCase *c = tcase_create("handover_driver");
    SRunner *r;
    int failures;

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_source_hands_over_after_one_look);
    tcase_add_test(c, what_xl_says_is_not_what_is_released);
    tcase_add_test(c, nothing_is_released_on_an_old_look);
    tcase_add_test(c, nothing_is_released_on_a_look_that_was_read_late);
    tcase_add_test(c, nothing_is_accepted_on_an_old_look);
    tcase_add_test(c, a_client_that_fails_keeps_its_guest);
    tcase_add_test(c, a_suspended_guest_is_resumed_when_the_link_goes);
    tcase_add_test(c, a_released_guest_is_resumed_by_refused_alone);
    tcase_add_test(c, a_new_link_says_nothing_before_a_new_look);
    tcase_add_test(c, a_client_is_told_when_it_takes_long);
    tcase_add_test(c, a_client_is_told_when_the_rest_cannot_be_destroyed);
    tcase_add_test(c, what_is_not_answered_is_said_again);
    tcase_add_test(c, no_ready_in_time_and_it_stays);
    tcase_add_test(c, what_fails_is_done_again);
    tcase_add_test(c, another_domain_of_that_uuid_is_left_alone);
    tcase_add_test(c, what_was_made_anew_after_the_look_is_left_alone);
    tcase_add_test(c, two_do_not_act_on_one_guest);
    tcase_add_test(c, a_weak_client_hears_ready);
    tcase_add_test(c, a_destination_starts_when_it_is_told_to);
    tcase_add_test(c, a_guest_gets_its_name_when_that_is_free);
    tcase_add_test(c, a_restarted_daemon_goes_on_naming);
    tcase_add_test(c, naming_does_not_wait_for_the_other_host);
    tcase_add_test(c, a_name_that_somebody_has_given_stays);
    tcase_add_test(c, what_has_gone_needs_no_name);
    tcase_add_test(c, a_copy_that_comes_back_is_not_named);
    tcase_add_test(c, a_guest_does_not_leave_under_a_name_it_was_lent);
    tcase_add_test(c, an_original_gets_back_the_name_that_a_stock_xl_took);
    tcase_add_test(c, a_name_is_not_forgotten_between_the_resume_and_the_mark);
    tcase_add_test(c, a_copy_waits_patiently);
    tcase_add_test(c, a_call_is_awaited_while_a_guest_may_wait_for_it);
    tcase_add_test(c, a_call_is_awaited_of_what_was_fenced);
    tcase_add_test(c, a_source_awaits_no_call);
    tcase_add_test(c, xl_is_dead_before_a_copy_is_discarded);
    tcase_add_test(c, a_policy_that_came_along_goes_with_the_copy);
    tcase_add_test(c, a_host_with_many_waiting_copies_brings_no_more);
    tcase_add_test(c, another_journal_is_not_heard);
    tcase_add_test(c, a_journal_that_was_put_back_is_not_heard);
    tcase_add_test(c, a_message_that_was_long_under_way_does_no_harm);
    tcase_add_test(c, only_the_other_host_is_heard);
    tcase_add_test(c, what_is_not_known_is_refused_for_ever);
    tcase_add_test(c, strangers_do_not_fill_the_journal);
    tcase_add_test(c, so_much_is_heard_in_a_second);
    tcase_add_test(c, hosts_that_disagree_do_not_chatter);
    tcase_add_test(c, a_restarted_source_keeps_what_it_has_not_released);
    tcase_add_test(c, a_restarted_source_asks_about_what_it_has_released);
    tcase_add_test(c, what_was_marked_is_not_touched_by_a_restart);
    tcase_add_test(c, a_restarted_destination_discards_or_waits_or_starts);
    tcase_add_test(c, a_host_that_was_booted_anew);
    tcase_add_test(c, what_a_boot_has_started_is_noticed);
    tcase_add_test(c, it_is_said_that_a_guest_died_and_may_be_started);
    tcase_add_test(c, nothing_is_done_that_is_not_written);
    tcase_add_test(c, a_name_that_cannot_be_written_down_is_tried_again);
    tcase_add_test(c, what_is_not_heard_any_more_is_remembered_later);
    tcase_add_test(c, what_the_journal_refuses_is_not_tried_for_ever);
    tcase_add_test(c, undo_and_fence);
    tcase_add_test(c, xl_that_does_not_let_go_is_killed);
    tcase_add_test(c, a_number_that_is_another_process_by_now_is_not_killed);
    tcase_add_test(c, xl_that_nobody_knows_ends_with_its_session);
    tcase_add_test(c, xl_that_cannot_be_seen_has_not_ended);
    tcase_add_test(c, xl_that_has_gone_begins_nothing);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failures = srunner_ntests_failed(r);
    srunner_free(r);
    return failures ? 1 : 0;
}
