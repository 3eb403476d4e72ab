/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests of the driver of handovers (helper/secmigd/handovers/handover.h):
 * secmig-xl, the calls to other hosts and a session are doubles; machine,
 * journal and loop are the real ones.
 */
#ifndef SM_TESTS_UNIT_HANDOVER_DRIVER_H
#define SM_TESTS_UNIT_HANDOVER_DRIVER_H

#include <check.h>
#include <poll.h>
#include <stdlib.h>

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
    int ms;                     /* that it may take */
    struct run *run;
} xl;

int run_start(struct run *run, const struct sm_conf_command *command,
              const char *const *more, int in, size_t max, int ms,
              void (*fn)(void *ctx, int err), void *ctx)
{
    (void)command;
    (void)in;
    ck_assert(!run->active);
    xl.ms = ms;
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
    char doubt[512];                /* what was said last of it */
} session;

static inline int say(void *ctx, const struct sm_message_handover *m)
{
    (void)ctx;
    if (!session.say_rc) {
        session.said = m->fact;
        session.code = m->code;
    }
    return session.say_rc;
}

static inline void on_ready(void *ctx)
{
    (void)ctx;
    session.ready++;
}

static inline void on_let_go(void *ctx, int code, const char *text)
{
    (void)ctx;
    ck_assert_int_ne(code, 0);
    ck_assert_str_ne(text, "");
    session.let_go++;
}

static inline void on_doubt(void *ctx, const char *text)
{
    (void)ctx;
    ck_assert_ptr_nonnull(strstr(text, "secmig handover list"));
    snprintf(session.doubt, sizeof(session.doubt), "%s", text);
    session.doubts++;
}

static inline void on_decided(void *ctx, enum sm_handover_state state, int code,
                       const char *text)
{
    (void)ctx;
    (void)text;
    session.decided++;
    session.state = state;
    session.verdict = code;
}

static inline void on_closed(void *ctx)
{
    (void)ctx;
    session.closed++;
}

static const uint8_t key[32] = { 7 }, epoch[16] = { 9 };
int link_a, link_b;             /* names of connections */

static const struct handover_events events = {
    .say = say, .ready = on_ready, .let_go = on_let_go,
    .in_doubt = on_doubt, .decided = on_decided, .closed = on_closed,
    .ctx = &link_a,
};

/* ---- the world ---- */

static inline void turns(void)
{
    int i;

    /* What a turn wants done soon may be due a millisecond later. */
    for (i = 0; i < 8; i++) {
        poll(NULL, 0, 1);
        run_timers();
    }
}

/* A timer is due. */
static inline void time_passes(struct loop_timer *t)
{
    ck_assert(t->armed);
    t->deadline = 0;
    turns();
}

/* What secmig-xl does ends. */
static inline void xl_ends(const char *verb, int err)
{
    struct run *run = xl.run;

    ck_assert_str_eq(xl.verb, verb);
    run->active = false;
    run->done(run->ctx, err);
    turns();
}

/* Where the guest may be another host's, it is held when it is looked at. */
static inline const char *look_verb(void)
{
    const struct handover *h;

    for (h = handover_first; h; h = h->next)
        if (&h->run == xl.run && h->view.same_boot &&
            (h->r.state == SM_HANDOVER_SENT || h->r.state == SM_HANDOVER_DONE ||
             h->r.state == SM_HANDOVER_RELEASED))
            return "hold";
    return "look";
}

/* late: ms that its answer was not read */
static inline void xl_has_seen(enum sm_handover_domain domain, uint32_t domid,
                        const char *name, int late)
{
    const char *verb = look_verb();
    struct sm_wire_writer w;

    ck_assert_str_eq(xl.verb, verb);
    sm_wire_writer_init(&w, 512);
    sm_wire_put_u8(&w, (uint8_t)domain);
    sm_wire_put_u32(&w, domid);
    sm_wire_put_str(&w, name);
    sm_wire_put_u64(&w, (uint64_t)(sm_clock_now_ms() - late));
    memcpy(xl.run->data, w.data, w.len);
    xl.run->len = w.len;
    sm_wire_writer_dispose(&w);
    xl_ends(verb, 0);
}

static inline void xl_sees_named(enum sm_handover_domain domain, uint32_t domid,
                          const char *name)
{
    xl_has_seen(domain, domid, name, 0);
}

static inline void xl_sees(enum sm_handover_domain domain, uint32_t domid)
{
    xl_sees_named(domain, domid, "g1");
}

static inline struct sm_handover_record first(enum sm_handover_state state)
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

static inline void hear_from(void *ctx, int64_t since, bool source,
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
static inline void hear(enum sm_handover_fact fact)
{
    bool source = fact >= SM_HANDOVER_SAY_GO &&
                  fact <= SM_HANDOVER_SAY_CANCEL;

    hear_from(&link_a, 0, source, fact, epoch, 20);
}

static inline void forget(void)
{
    while (handover_first)
        handover_take_out(handover_first);
    while (namings)
        drop(namings);
}

static inline void restart(void)
{
    forget();
    sm_handover_journal_close(handover_journal);
    ck_assert_int_eq(handover_init(), 0);
    turns();
}

static inline struct handover *begin(enum sm_handover_state state)
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

static inline void set_up(void)
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
    parent.conf.answer_timeout = 30000;
    parent.conf.action_timeout = 120000;
    parent.conf.ready_timeout = parent.conf.verdict_timeout = 30000;
    ck_assert_int_eq(handover_init(), 0);
}

static inline void tear_down(void)
{
    forget();
    sm_handover_journal_close(handover_journal);
    handover_journal = NULL;
    scratch_remove();
}

/* What is logged from here on goes to a file; the old stderr. */
static inline int log_to(int fd)
{
    int old = dup(STDERR_FILENO);

    ck_assert_int_ge(old, 0);
    ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
    return old;
}

/* ---- how far it has come ---- */

/* A source that has said GO. */
static inline struct handover *released(void)
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

/* A destination that has a whole copy. */
static inline struct handover *waiting(void)
{
    struct handover *h = begin(SM_HANDOVER_LOADING);

    handover_complete(h);
    turns();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_READY);
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_READY);
    return h;
}

/* The program: all of the cases, each with a journal of its own. */
static inline int run_cases(const char *name, const TTest *const *cases,
                            size_t n)
{
    Suite *s = suite_create(name);
    TCase *c = tcase_create(name);
    SRunner *r;
    int failures;
    size_t i;

    tcase_add_checked_fixture(c, set_up, tear_down);
    for (i = 0; i < n; i++)
        tcase_add_test(c, cases[i]);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failures = srunner_ntests_failed(r);
    srunner_free(r);
    return failures ? 1 : 0;
}

#endif
