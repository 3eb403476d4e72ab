/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written, and the machine's turns. */
#include "handovers/handover_own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "parent/parent.h"
#include "state/vm_policy.h"

#define RETRY 1000              /* ms, after a write or an action failed */
#define LOOK_LAST 60000         /* ms between two looks, at most */
#define FRESH 2000              /* ms that a look is relied upon; is_stale() */
#define LONG 60000              /* ms in doubt before somebody should know */

void handover_reason(struct handover *h, int code, const char *text)
{
    if (h->code || h->why[0])
        return;
    h->code = code;
    snprintf(h->why, sizeof(h->why), "%s", text);
    if (!sm_wire_text_ok(h->why, strlen(h->why)))   /* cut inside a letter */
        snprintf(h->why, sizeof(h->why), "%s", sm_err_text(code));
}

/* ---- the journal ---- */

const char *handover_unwritten(int rc)
{
    return rc == SM_IO ? strerror(errno) : sm_err_text(rc);
}

/* The journal was not written, and will not be. */
static void put_refused(struct handover *h, enum sm_handover_state state)
{
    h->stuck = true;
    sm_error("handover vm=%s with=%s: an error in secmigd: %s cannot follow "
             "%s.  Nothing more is done about this guest until secmigd is "
             "started again; please report it", SM_LOG_WORD(h->r.name),
             h->r.peer, sm_handover_state_name(state),
             sm_handover_state_name(h->r.state));
    snprintf(h->trouble, sizeof(h->trouble), "an error in secmigd: start it "
             "again");
}

int handover_put(struct handover *h, const struct sm_handover_record *record)
{
    struct sm_handover_record r = *record;
    int rc;

    r.changed = r.state == h->r.state ? h->r.changed : sm_clock_real();
    if (h->held)
        r.peer_sequence = UINT64_MAX;
    else if (r.peer_sequence < h->sequence)
        r.peer_sequence = h->sequence;
    rc = sm_handover_journal_put(handover_journal, &r);
    if (rc == SM_STATE) {
        put_refused(h, r.state);
        return rc;
    }
    if (rc) {
        if (!h->unwritten)
            sm_error("handover vm=%s with=%s: %s cannot be written down in "
                     "%s (%s): nothing is done until it can",
                     SM_LOG_WORD(r.name), r.peer,
                     sm_handover_state_name(r.state), parent.conf.journal,
                     handover_unwritten(rc));
        h->unwritten = true;
        snprintf(h->trouble, sizeof(h->trouble), "the journal cannot be "
                 "written");
        return rc;
    }
    if (h->unwritten)
        sm_notice("handover vm=%s with=%s: the journal can be written again",
                  SM_LOG_WORD(r.name), r.peer);
    h->unwritten = false;
    h->trouble[0] = '\0';
    if (r.peer_sequence != h->r.peer_sequence)
        h->known_since = sm_clock_now_ms();
    h->r = r;
    return 0;
}

static void lost_patience(void *ctx);

/* For how long the client waits for what follows this state. */
static void be_patient(struct handover *h)
{
    if (!h->attached)
        return;
    switch (h->r.state) {
    case SM_HANDOVER_SENT:
        loop_arm(&h->patience, parent.conf.ready_timeout, lost_patience, h);
        break;
    case SM_HANDOVER_ABORTED:
        /* An xl that still has the guest does not wait: it resumes it, and
         * asks then. */
        if (h->view.holder)
            break;
        /* fall through */
    case SM_HANDOVER_RELEASED:
    case SM_HANDOVER_DONE:
        loop_arm(&h->patience, parent.conf.verdict_timeout, lost_patience, h);
        break;
    default:
        break;
    }
}

void handover_entered(struct handover *h)
{
    h->entered = sm_clock_now_ms();
    h->alarmed = false;
    h->look_after = HANDOVER_LOOK_FIRST;
    h->tried = false;
    h->said = 0;
    loop_disarm(&h->look);
    loop_disarm(&h->patience);
    handover_log(h);
    be_patient(h);
}

static int write_state(struct handover *h, enum sm_handover_state state)
{
    struct sm_handover_record r = h->r;
    int rc;

    r.state = state;
    if (state == SM_HANDOVER_ABORTED || state == SM_HANDOVER_REFUSED) {
        handover_default_reason(h);
        r.code = (uint16_t)-h->code;
        strcpy(r.why, h->why);
    }
    rc = handover_put(h, &r);
    if (rc)
        return rc;
    /* What `hold` says has run since it was held may stand still by now, and
     * the hold has to be taken off what runs: `look` tells. */
    if (state == SM_HANDOVER_ABORTED && h->view.same_boot &&
        h->view.domain == SM_HANDOVER_RUNS)
        h->view.domain = SM_HANDOVER_UNSEEN;
    handover_entered(h);
    return 0;
}

int handover_flag(struct handover *h, uint32_t flags)
{
    struct sm_handover_record r = h->r;

    r.flags |= flags;
    return handover_put(h, &r);
}

void handover_stamp(uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                    uint64_t *sequence)
{
    memcpy(epoch, sm_handover_journal_epoch(handover_journal),
           SM_HANDOVER_EPOCH_LEN);
    *sequence = sm_handover_journal_sequence(handover_journal);
}

/* ---- turns ---- */

static void look_again(void *ctx)
{
    struct handover *h = ctx;

    h->view.domain = SM_HANDOVER_UNSEEN;
    handover_turn(h, 0);
}

static void alarm_if_long(struct handover *h)
{
    bool source = h->r.state == SM_HANDOVER_RELEASED;

    if (h->alarmed || sm_clock_now_ms() - h->entered < LONG ||
        (!source && h->r.state != SM_HANDOVER_READY))
        return;
    h->alarmed = true;
    sm_error(source ? "handover vm=%s with=%s: the guest is suspended here, "
             "and the other host, which may have started it, does not answer "
             "(see secmig handover list)" :
             "handover vm=%s with=%s: a whole copy waits here, and the other "
             "host does not say what to do (see secmig handover list)",
             SM_LOG_WORD(h->r.name), h->r.peer);
}

/* Nothing to do, but to say something, and to look again after a while. */
static void rest(struct handover *h, const struct sm_handover_next *next)
{
    bool weak = h->r.flags & SM_HANDOVER_WEAK;

    alarm_if_long(h);
    if (next->say)
        handover_speak(h, next->say);
    if (weak && h->r.state == SM_HANDOVER_SENDING && h->attached &&
        !h->told_ready &&
        (h->view.heard & SM_HANDOVER_HEARD(SM_HANDOVER_SAY_READY))) {
        h->told_ready = true;
        h->events.ready(h->events.ctx);
    }
    if (h->view.acted || h->r.state == SM_HANDOVER_SENDING ||
        h->r.state == SM_HANDOVER_LOADING)
        return;                 /* the domain is not ours to look at */
    h->view.failed = false;
    if (h->look.armed)
        return;
    loop_arm(&h->look, h->look_after, look_again, h);
    h->look_after *= 2;
    if (h->look_after > LOOK_LAST)
        h->look_after = LOOK_LAST;
}

/* Nothing is left to do to the domain. */
static void mark(struct handover *h)
{
    /* Before the mark: whatever is interrupted is done again. */
    if (h->r.state == SM_HANDOVER_DONE ||
        (h->r.state == SM_HANDOVER_REFUSED &&
         (h->r.flags & SM_HANDOVER_KEPT_POLICY)))
        vm_policy_left(h->r.uuid);
    if (handover_flag(h, SM_HANDOVER_ACTED |
                      (h->unnamed ? SM_HANDOVER_UNNAMED : 0))) {
        handover_turn(h, RETRY);
        return;
    }
    if (h->r.state == SM_HANDOVER_ABORTED && !h->view.same_boot &&
        (h->view.domain == SM_HANDOVER_UNSEEN ||
         h->view.domain == SM_HANDOVER_GONE))
        sm_error("handover vm=%s with=%s: the guest stayed here, and died "
                 "with the reboot: it may be started, if it does not run "
                 "(xl create)", SM_LOG_WORD(h->r.name), h->r.peer);
    if (h->unnamed)
        handover_name(h->r.id);
    h->view.acted = true;
    loop_disarm(&h->look);
    loop_disarm(&h->patience);
    handover_turn(h, 0);
    if (!h->attached || h->told_decided)
        return;
    h->told_decided = true;
    h->events.decided(h->events.ctx, h->r.state, sm_err_from_code(h->r.code),
                      h->r.why);
}

static void let_go(struct handover *h)
{
    if (!h->letting_go && h->attached)
        h->events.let_go(h->events.ctx, sm_err_from_code(h->r.code),
                         h->r.why);
    h->letting_go = true;
    if (sm_handover_is_source(h->r.state))
        handover_hold(h);
    else if (!h->attached) {
        h->view.holder = false;
        handover_turn(h, 0);
    }
}

/* The other host still listens: what was said last is answered, and one that
 * refuses hears that it need not wait for more. */
static void last_word(struct handover *h)
{
    enum sm_handover_fact fact = 0;

    if (!h->say)
        return;
    if (h->last_heard)
        fact = sm_handover_closed(h->r.state, h->last_heard).say;
    if (!fact && h->r.state == SM_HANDOVER_ABORTED)
        fact = SM_HANDOVER_SAY_ABORT;
    if (fact && handover_say_fact(&h->r, fact, h->say, h->link))
        sm_debug("handover vm=%s: the other host does not hear that it is "
                 "settled", SM_LOG_WORD(h->r.name));
}

static void close_record(struct handover *h)
{
    struct handover_events events = h->events;
    bool attached = h->attached;

    if (handover_flag(h, SM_HANDOVER_CLOSED)) {
        handover_turn(h, RETRY);
        return;
    }
    sm_info("handover vm=%s with=%s is settled: state=%s",
            SM_LOG_WORD(h->r.name), h->r.peer,
            sm_handover_state_name(h->r.state));
    last_word(h);
    handover_take_out(h);
    if (attached)
        events.closed(events.ctx);
}

/* RELEASED and ACCEPTED say that there is a domain, and let one run elsewhere,
 * or go: since an older look its owner may have made it anew.  Where two looks
 * in a row were old before anything could follow from them, by a slow Xen or a
 * slow disk, there are no fresher ones. */
static bool is_stale(const struct handover *h, enum sm_handover_state state)
{
    int64_t age = sm_clock_now_ms() - h->seen;
    int64_t usual = h->lag < h->lag_before ? h->lag : h->lag_before;

    return (state == SM_HANDOVER_RELEASED || state == SM_HANDOVER_ACCEPTED) &&
           age > FRESH && age > 2 * usual;
}

/* The first turn after a look. */
static void note_lag(struct handover *h)
{
    h->looked = false;
    h->lag_before = h->lag;
    h->lag = sm_clock_now_ms() - h->seen;
}

/* It is too old already: another one, but not at once, for ever. */
static void look_later(struct handover *h)
{
    snprintf(h->trouble, sizeof(h->trouble), "Xen answers slowly: what was "
             "seen was %" PRId64 ".%" PRId64 " s old when it was read",
             h->lag / 1000, h->lag / 100 % 10);
    sm_warning("handover vm=%s with=%s: %s: looking again",
               SM_LOG_WORD(h->r.name), h->r.peer, h->trouble);
    handover_turn(h, RETRY);
}

static void turn(void *ctx)
{
    struct handover *h = ctx;
    struct sm_handover_next next;
    bool looked = h->looked;

    if (h->run.active || h->stuck)
        return;                 /* its end takes a turn */
    if (looked)
        note_lag(h);
    if (h->held && h->r.peer_sequence != UINT64_MAX &&
        handover_put(h, &h->r)) {
        handover_turn(h, RETRY);
        return;
    }
    for (;;) {
        h->view.linked = h->say;
        next = sm_handover_next(h->r.state, &h->view);
        handover_log_alarm(h, next.alarm);
        if (next.step != SM_HANDOVER_WRITE)
            break;
        if (is_stale(h, next.state)) {
            h->view.domain = SM_HANDOVER_UNSEEN;
            if (!looked)
                continue;       /* what lets it be written came late */
            look_later(h);
            return;
        }
        if (write_state(h, next.state)) {
            handover_turn(h, RETRY);
            return;
        }
    }
    switch (next.step) {
    case SM_HANDOVER_WAIT:
        rest(h, &next);
        break;
    case SM_HANDOVER_MARK:
        mark(h);
        break;
    case SM_HANDOVER_LET_GO:
        let_go(h);
        break;
    case SM_HANDOVER_CLOSE:
        close_record(h);
        break;
    default:
        loop_disarm(&h->look);
        handover_act(h, next.step);
    }
}

void handover_turn(struct handover *h, int ms)
{
    if (ms)
        loop_arm(&h->turn, ms, turn, h);
    else
        loop_soon(&h->turn, turn, h);
}

static void lost_patience(void *ctx)
{
    struct handover *h = ctx;
    char text[512];

    if (handover_stoppable(h) && !h->view.stop) {
        snprintf(text, sizeof(text), "%s has not said within %d seconds that "
                 "it holds the whole guest", h->r.peer,
                 parent.conf.ready_timeout / 1000);
        handover_stop(h, SM_TIMEOUT, text);
        loop_arm(&h->patience, parent.conf.verdict_timeout, lost_patience, h);
    } else if (h->attached && !h->told_doubt) {
        h->told_doubt = true;
        handover_doubt_text(h, text, sizeof(text));
        h->events.in_doubt(h->events.ctx, text);
    }
}

/* ---- what the session says ---- */

void handover_given(struct handover *h)
{
    if (h->r.state == SM_HANDOVER_SENDING) {
        /* Xen is asked, too, before anything follows from this: while the
         * other host loads the last of it, which takes longer. */
        h->view.given = true;
        loop_arm(&h->patience, parent.conf.ready_timeout, lost_patience, h);
    }                           /* else it has been given up meanwhile */
    handover_let_go(h);
}

void handover_let_go(struct handover *h)
{
    if (h->view.holder) {
        h->view.holder = false;
        if (h->r.state == SM_HANDOVER_ABORTED && !h->view.acted)
            be_patient(h);
    }
    handover_hold_clear(h);
    handover_turn(h, 0);
}

void handover_complete(struct handover *h)
{
    h->view.complete = true;
    h->view.holder = false;
    h->view.domain = SM_HANDOVER_COPY;
    h->seen = sm_clock_now_ms();
    handover_turn(h, 0);
}

void handover_stop(struct handover *h, int code, const char *text)
{
    if (handover_stoppable(h)) {
        handover_reason(h, code, text);
        h->view.stop = true;
    }
    handover_turn(h, 0);
}

bool handover_stoppable(const struct handover *h)
{
    return h->r.state == SM_HANDOVER_SENDING ||
           h->r.state == SM_HANDOVER_SENT ||
           h->r.state == SM_HANDOVER_LOADING;
}

void handover_stop_all(void)
{
    struct handover *h;

    for (h = handover_first; h; h = h->next)
        handover_stop(h, SM_LINK, "the migration daemon is being stopped");
}

/* Nothing is on its way to where it was; but for guests that xl has, which
 * resumes them without us. */
bool handover_all_stopped(void)
{
    const struct handover *h;

    for (h = handover_first; h; h = h->next)
        if (!h->view.acted &&
            !(sm_handover_is_source(h->r.state) && h->view.holder) &&
            (handover_stoppable(h) || h->r.state == SM_HANDOVER_ABORTED ||
             h->r.state == SM_HANDOVER_REFUSED))
            return false;
    return true;
}

void handover_detach(struct handover *h)
{
    h->attached = false;
    handover_stop(h, SM_CANCELLED, "whoever asked for it has gone");
}
