/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover/handover.h"

#include <stddef.h>

/* ---- answers ---- */

static struct sm_handover_next step(enum sm_handover_state state,
                                    enum sm_handover_step what)
{
    return (struct sm_handover_next){ .step = what, .state = state };
}

static struct sm_handover_next say(enum sm_handover_state state,
                                   enum sm_handover_fact fact)
{
    return (struct sm_handover_next){ .step = SM_HANDOVER_WAIT,
                                      .state = state, .say = fact };
}

static struct sm_handover_next silence(enum sm_handover_state state)
{
    return step(state, SM_HANDOVER_WAIT);
}

static struct sm_handover_next alarm_and(struct sm_handover_next next,
                                         const char *text)
{
    next.alarm = text;
    return next;
}

static bool heard(const struct sm_handover_view *v,
                  enum sm_handover_fact fact)
{
    return v->heard & SM_HANDOVER_HEARD(fact);
}

#define SAID(fact) heard(v, SM_HANDOVER_SAY_##fact)

/* ---- source ---- */

/* xl may still act on the guest: either it hands it over, or it does not. */
static struct sm_handover_next sending(const struct sm_handover_view *v)
{
    const enum sm_handover_state s = SM_HANDOVER_SENDING;

    if (!v->same_boot || v->stop || v->cancel || v->fenced || SAID(REFUSED))
        return step(SM_HANDOVER_ABORTED, SM_HANDOVER_WRITE);
    if (v->given)
        return step(SM_HANDOVER_SENT, SM_HANDOVER_WRITE);
    if (!v->holder)
        return step(SM_HANDOVER_ABORTED, SM_HANDOVER_WRITE);
    return silence(s);
}

/*
 * The guest died with this host, after all of it had been sent: the only
 * copy may be the other host's.  Nothing is lost by releasing it.
 */
static struct sm_handover_next sent_lost(const struct sm_handover_view *v)
{
    if (SAID(REFUSED) || v->fenced)
        return step(SM_HANDOVER_ABORTED, SM_HANDOVER_WRITE);
    if (v->domain == SM_HANDOVER_UNSEEN)
        return step(SM_HANDOVER_SENT, SM_HANDOVER_LOOK);
    return step(v->domain == SM_HANDOVER_GONE ? SM_HANDOVER_RELEASED :
                SM_HANDOVER_ABORTED, SM_HANDOVER_WRITE);
}

static struct sm_handover_next sent(const struct sm_handover_view *v)
{
    const enum sm_handover_state s = SM_HANDOVER_SENT;

    if (!v->same_boot)
        return sent_lost(v);
    if (v->stop || v->cancel || v->fenced || SAID(REFUSED))
        return step(SM_HANDOVER_ABORTED, SM_HANDOVER_WRITE);
    if (v->domain == SM_HANDOVER_UNSEEN)
        return step(s, SM_HANDOVER_LOOK);
    if (v->domain != SM_HANDOVER_SUSPENDED)
        return step(SM_HANDOVER_ABORTED, SM_HANDOVER_WRITE);
    if (SAID(READY))
        return step(SM_HANDOVER_RELEASED, SM_HANDOVER_WRITE);
    return silence(s);
}

/* Only the other host's word, or a fence, ends this. */
static struct sm_handover_next released(const struct sm_handover_view *v)
{
    const enum sm_handover_state s = SM_HANDOVER_RELEASED;

    if (SAID(STARTED) && SAID(REFUSED))
        return alarm_and(silence(s), "the other host has said that it "
                         "started the guest, and that it never will");
    if (SAID(STARTED))
        return step(SM_HANDOVER_DONE, SM_HANDOVER_WRITE);
    if (SAID(REFUSED) || v->fenced)
        return step(SM_HANDOVER_ABORTED, SM_HANDOVER_WRITE);
    switch (v->domain) {
    case SM_HANDOVER_UNSEEN:
        return step(s, SM_HANDOVER_LOOK);
    case SM_HANDOVER_SUSPENDED:
        return say(s, v->cancel ? SM_HANDOVER_SAY_CANCEL :
                   SM_HANDOVER_SAY_GO);
    case SM_HANDOVER_GONE:
        /* The other host's copy is the only one, whoever wants it undone. */
        if (!v->same_boot)
            return say(s, SM_HANDOVER_SAY_GO);
        return alarm_and(say(s, SM_HANDOVER_SAY_GO), "the suspended guest "
                         "was destroyed here: the other host's copy is the "
                         "only one");
    default:
        return alarm_and(say(s, SM_HANDOVER_SAY_CANCEL), "the guest runs "
                         "here, although the other host may start it");
    }
}

static struct sm_handover_next aborted(const struct sm_handover_view *v)
{
    const enum sm_handover_state s = SM_HANDOVER_ABORTED;
    struct sm_handover_next next;

    if (!v->acted) {
        if (v->holder)
            return step(s, SM_HANDOVER_LET_GO);
        if (!v->same_boot)
            return step(s, SM_HANDOVER_MARK);
        if (v->domain == SM_HANDOVER_UNSEEN)
            return step(s, SM_HANDOVER_LOOK);
        if (v->domain != SM_HANDOVER_SUSPENDED)
            return step(s, SM_HANDOVER_MARK);
        if (SAID(STARTED))
            return alarm_and(silence(s), "the other host has started the "
                             "guest, although a fence said that it has not: "
                             "what is here is outdated, and stays suspended");
        if (!v->failed)
            return step(s, SM_HANDOVER_RESUME);
        return alarm_and(say(s, SM_HANDOVER_SAY_ABORT), "the guest stays "
                         "here, and cannot be resumed");
    }
    if (SAID(REFUSED) || v->fenced)
        next = step(s, SM_HANDOVER_CLOSE);
    else
        next = say(s, SM_HANDOVER_SAY_ABORT);
    if (SAID(STARTED))
        next.alarm = "the other host has started the guest, which belongs "
                     "to this host: two copies may run";
    return next;
}

/* Somebody's hand, or what starts guests at boot; what runs is never
 * destroyed. */
static struct sm_handover_next done_runs(void)
{
    return alarm_and(step(SM_HANDOVER_DONE, SM_HANDOVER_MARK), "the guest "
                     "runs here, and on the other host: two copies run");
}

static struct sm_handover_next done(const struct sm_handover_view *v)
{
    const enum sm_handover_state s = SM_HANDOVER_DONE;

    if (!v->acted) {
        switch (v->domain) {
        case SM_HANDOVER_UNSEEN:
            return step(s, SM_HANDOVER_LOOK);
        case SM_HANDOVER_GONE:
            return step(s, SM_HANDOVER_MARK);
        case SM_HANDOVER_SUSPENDED:
            if (!v->same_boot)  /* not what was sent */
                return done_runs();
            if (!v->failed)
                return step(s, SM_HANDOVER_DESTROY);
            return alarm_and(say(s, SM_HANDOVER_SAY_SETTLED), "the guest "
                             "has moved, and what is left of it here cannot "
                             "be destroyed");
        default:
            return done_runs();
        }
    }
    if (SAID(SETTLED) || v->fenced)
        return step(s, SM_HANDOVER_CLOSE);
    return say(s, SM_HANDOVER_SAY_SETTLED);
}

/* ---- destination ---- */

static struct sm_handover_next loading(const struct sm_handover_view *v)
{
    const enum sm_handover_state s = SM_HANDOVER_LOADING;

    if (!v->same_boot || v->stop || v->cancel || v->fenced || SAID(ABORT) ||
        SAID(CANCEL))
        return step(SM_HANDOVER_REFUSED, SM_HANDOVER_WRITE);
    if (!v->complete)
        return silence(s);
    switch (v->domain) {
    case SM_HANDOVER_UNSEEN:
        return step(s, SM_HANDOVER_LOOK);
    case SM_HANDOVER_GONE:
        return step(SM_HANDOVER_REFUSED, SM_HANDOVER_WRITE);
    case SM_HANDOVER_COPY:
        return step(SM_HANDOVER_READY, SM_HANDOVER_WRITE);
    default:
        /* The source is suspended, or will abort; best that it releases. */
        return alarm_and(step(SM_HANDOVER_READY, SM_HANDOVER_WRITE),
                         "the copy was started by hand, while the other "
                         "host may still run the guest");
    }
}

/* Waits for the source without a limit: its own copy may have died. */
static struct sm_handover_next ready(const struct sm_handover_view *v)
{
    const enum sm_handover_state s = SM_HANDOVER_READY;
    struct sm_handover_next next;

    if (!v->same_boot || v->cancel || SAID(ABORT) || SAID(CANCEL))
        return step(SM_HANDOVER_REFUSED, SM_HANDOVER_WRITE);
    if (v->domain == SM_HANDOVER_UNSEEN)
        return step(s, SM_HANDOVER_LOOK);
    if (v->domain == SM_HANDOVER_GONE)
        return step(SM_HANDOVER_REFUSED, SM_HANDOVER_WRITE);
    if (SAID(GO) || v->fenced)
        next = step(SM_HANDOVER_ACCEPTED, SM_HANDOVER_WRITE);
    else
        next = say(s, SM_HANDOVER_SAY_READY);
    if (v->domain != SM_HANDOVER_COPY)
        next.alarm = "the copy was started by hand, while the other host "
                     "may still run the guest";
    return next;
}

static struct sm_handover_next accepted(const struct sm_handover_view *v)
{
    const enum sm_handover_state s = SM_HANDOVER_ACCEPTED;
    struct sm_handover_next next;

    if (!v->acted) {
        if (!v->same_boot)
            return step(s, SM_HANDOVER_MARK);
        if (v->domain == SM_HANDOVER_UNSEEN)
            return step(s, SM_HANDOVER_LOOK);
        if (v->domain != SM_HANDOVER_COPY)
            return step(s, SM_HANDOVER_MARK);
        if (!v->failed)
            return step(s, SM_HANDOVER_START);
        /* Not STARTED: the other host's copy would be destroyed, and it may
         * yet be wanted. */
        return alarm_and(silence(s), "the guest belongs to this host, and "
                         "cannot be started");
    }
    if (SAID(SETTLED) || v->fenced)
        next = step(s, SM_HANDOVER_CLOSE);
    else
        next = say(s, SM_HANDOVER_SAY_STARTED);
    if (SAID(ABORT))
        next.alarm = "the other host keeps the guest, which belongs to this "
                     "host: two copies may run";
    return next;
}

/*
 * A copy that runs was started by hand.  While the source has not said that
 * the guest is its own anyway, it is not told REFUSED: it would resume the
 * guest, and two would run.  Nor is what runs destroyed.
 */
static struct sm_handover_next refused_runs(const struct sm_handover_view *v)
{
    const enum sm_handover_state s = SM_HANDOVER_REFUSED;

    return alarm_and(step(s, SAID(ABORT) || v->fenced ? SM_HANDOVER_MARK :
                          SM_HANDOVER_WAIT),
                     "a guest runs here that this host has refused: it was "
                     "started by hand; destroy it, unless the other host "
                     "does not run it");
}

static struct sm_handover_next refused(const struct sm_handover_view *v)
{
    const enum sm_handover_state s = SM_HANDOVER_REFUSED;

    if (!v->acted) {
        if (v->holder)
            return step(s, SM_HANDOVER_LET_GO);
        if (!v->same_boot)
            return step(s, SM_HANDOVER_MARK);
        switch (v->domain) {
        case SM_HANDOVER_UNSEEN:
            return step(s, SM_HANDOVER_LOOK);
        case SM_HANDOVER_GONE:
            return step(s, SM_HANDOVER_MARK);
        case SM_HANDOVER_COPY:
            if (!v->failed)
                return step(s, SM_HANDOVER_DISCARD);
            return alarm_and(say(s, SM_HANDOVER_SAY_REFUSED), "the copy is "
                             "refused, and cannot be destroyed");
        default:
            return refused_runs(v);
        }
    }
    /* A closed tombstone answers as well as an open one. */
    if (!v->linked || v->fenced || SAID(ABORT))
        return step(s, SM_HANDOVER_CLOSE);
    return say(s, SM_HANDOVER_SAY_REFUSED);
}

/* ---- the machine ---- */

bool sm_handover_is_source(enum sm_handover_state state)
{
    return state >= SM_HANDOVER_SENDING && state <= SM_HANDOVER_ABORTED;
}

struct sm_handover_next sm_handover_next(enum sm_handover_state state,
                                         const struct sm_handover_view *view)
{
    switch (state) {
    case SM_HANDOVER_SENDING:
        return sending(view);
    case SM_HANDOVER_SENT:
        return sent(view);
    case SM_HANDOVER_RELEASED:
        return released(view);
    case SM_HANDOVER_DONE:
        return done(view);
    case SM_HANDOVER_ABORTED:
        return aborted(view);
    case SM_HANDOVER_LOADING:
        return loading(view);
    case SM_HANDOVER_READY:
        return ready(view);
    case SM_HANDOVER_ACCEPTED:
        return accepted(view);
    case SM_HANDOVER_REFUSED:
        return refused(view);
    case SM_HANDOVER_NONE:
        break;
    }
    return silence(state);
}

struct sm_handover_next sm_handover_closed(enum sm_handover_state state,
                                           enum sm_handover_fact fact)
{
    bool asked = fact == SM_HANDOVER_SAY_GO || fact == SM_HANDOVER_SAY_ABORT ||
                 fact == SM_HANDOVER_SAY_CANCEL;

    switch (state) {
    case SM_HANDOVER_ABORTED:
        /* It was fenced, and the other host is there all the same. */
        if (fact == SM_HANDOVER_SAY_READY)
            return say(state, SM_HANDOVER_SAY_ABORT);
        if (fact == SM_HANDOVER_SAY_STARTED)
            return alarm_and(silence(state), "the other host has started "
                             "the guest, which belongs to this host: two "
                             "copies may run");
        break;
    case SM_HANDOVER_DONE:
        if (fact == SM_HANDOVER_SAY_STARTED)
            return say(state, SM_HANDOVER_SAY_SETTLED);
        break;
    case SM_HANDOVER_REFUSED:
        if (asked)
            return say(state, SM_HANDOVER_SAY_REFUSED);
        if (fact == SM_HANDOVER_SAY_SETTLED)
            return say(state, SM_HANDOVER_SAY_SETTLED);
        break;
    case SM_HANDOVER_ACCEPTED:
        if (asked)
            return say(state, SM_HANDOVER_SAY_STARTED);
        if (fact == SM_HANDOVER_SAY_SETTLED)
            return say(state, SM_HANDOVER_SAY_SETTLED);
        break;
    default:
        break;
    }
    return silence(state);
}

struct sm_handover_next sm_handover_unknown(enum sm_handover_fact fact)
{
    switch (fact) {
    case SM_HANDOVER_SAY_GO:
    case SM_HANDOVER_SAY_ABORT:
    case SM_HANDOVER_SAY_CANCEL:
        return step(SM_HANDOVER_REFUSED, SM_HANDOVER_WRITE);
    case SM_HANDOVER_SAY_SETTLED:
        return say(SM_HANDOVER_NONE, SM_HANDOVER_SAY_SETTLED);
    default:
        return silence(SM_HANDOVER_NONE);
    }
}

/* ---- names ---- */

static const char *name(const char *const names[], size_t n,
                        unsigned int number)
{
    return number < n && names[number] ? names[number] : "?";
}

#define NAME(names, number) \
    name(names, sizeof(names) / sizeof((names)[0]), number)

const char *sm_handover_state_name(unsigned int state)
{
    static const char *const names[] = {
        [SM_HANDOVER_NONE] = "NONE",
        [SM_HANDOVER_SENDING] = "SENDING",
        [SM_HANDOVER_SENT] = "SENT",
        [SM_HANDOVER_RELEASED] = "RELEASED",
        [SM_HANDOVER_DONE] = "DONE",
        [SM_HANDOVER_ABORTED] = "ABORTED",
        [SM_HANDOVER_LOADING] = "LOADING",
        [SM_HANDOVER_READY] = "READY",
        [SM_HANDOVER_ACCEPTED] = "ACCEPTED",
        [SM_HANDOVER_REFUSED] = "REFUSED",
    };

    return NAME(names, state);
}

const char *sm_handover_fact_name(unsigned int fact)
{
    static const char *const names[] = {
        [SM_HANDOVER_SAY_READY] = "READY",
        [SM_HANDOVER_SAY_GO] = "GO",
        [SM_HANDOVER_SAY_ABORT] = "ABORT",
        [SM_HANDOVER_SAY_CANCEL] = "CANCEL",
        [SM_HANDOVER_SAY_REFUSED] = "REFUSED",
        [SM_HANDOVER_SAY_STARTED] = "STARTED",
        [SM_HANDOVER_SAY_SETTLED] = "SETTLED",
    };

    return NAME(names, fact);
}

const char *sm_handover_domain_name(unsigned int domain)
{
    static const char *const names[] = {
        [SM_HANDOVER_UNSEEN] = "not seen",
        [SM_HANDOVER_GONE] = "gone",
        [SM_HANDOVER_RUNS] = "running",
        [SM_HANDOVER_SUSPENDED] = "suspended",
        [SM_HANDOVER_COPY] = "a copy",
    };

    return NAME(names, domain);
}
