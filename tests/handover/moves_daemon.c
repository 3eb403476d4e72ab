/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon's parent does: the driver of the machine. */
#include <stddef.h>

#include "moves.h"

#define SAID(fact) (1u << (SM_HANDOVER_SAY_##fact - 1))

/* ---- the machine, and what mutants make of it ---- */

static struct sm_handover_next write_state(enum sm_handover_state state)
{
    return (struct sm_handover_next){ .step = SM_HANDOVER_WRITE,
                                      .state = state };
}

static struct sm_handover_next close_now(enum sm_handover_state state)
{
    return (struct sm_handover_next){ .step = SM_HANDOVER_CLOSE,
                                      .state = state };
}

static struct sm_handover_next without_mark(enum sm_handover_state state,
                                            struct sm_handover_view *v)
{
    struct sm_handover_next n;

    v->acted = false;
    n = sm_handover_next(state, v);
    if (n.step != SM_HANDOVER_MARK)
        return n;
    v->acted = true;
    return sm_handover_next(state, v);
}

struct sm_handover_next machine(struct move *m, int side)
{
    const struct host *h = &m->to.h[side], *other = &m->to.h[!side];
    struct sm_handover_view v = view_of(h);
    enum sm_handover_state state = h->state;
    bool released = state == SM_HANDOVER_RELEASED && (h->said & SAID(GO));

    switch (m->model->mutant) {
    case M_HOLDER:
        if (side == A && state == SM_HANDOVER_ABORTED)
            v.holder = false;
        break;
    case M_HOLDER_B:
        if (side == B)
            v.holder = false;
        break;
    case M_BOOT:
        v.same_boot = true;
        break;
    case M_NO_MARK:
        return without_mark(state, &v);
    case M_TIMEOUT:
        if (released)
            return write_state(SM_HANDOVER_ABORTED);
        break;
    case M_UNDO_RELEASED:
        if (released && v.cancel)
            return write_state(SM_HANDOVER_ABORTED);
        break;
    case M_GO_IS_ENOUGH:
        if (released)
            return write_state(SM_HANDOVER_DONE);
        break;
    case M_REFUSE_ACCEPTED:
        if (state == SM_HANDOVER_ACCEPTED && (other->said & SAID(CANCEL)))
            return write_state(SM_HANDOVER_REFUSED);
        break;
    case M_IMPATIENT:
        if (state == SM_HANDOVER_READY && !v.linked)
            return write_state(SM_HANDOVER_REFUSED);
        break;
    case M_REBOOT_ABORTS:
        if (state == SM_HANDOVER_SENT && !v.same_boot)
            return write_state(SM_HANDOVER_ABORTED);
        break;
    case M_UNTOLD:
        if (state == SM_HANDOVER_ABORTED && v.acted)
            return close_now(state);
        break;
    case M_ACCEPTED_FORGOTTEN:
        if (state == SM_HANDOVER_ACCEPTED && v.acted)
            return close_now(state);
        break;
    default:
        break;
    }
    return sm_handover_next(state, &v);
}

/* ---- the journal ---- */

void apply(struct move *m, int side, unsigned int pend)
{
    struct host *h = &m->to.h[side];

    if (mutant(m, M_TOMBSTONE) && pend == SM_HANDOVER_REFUSED)
        h->note = h->state == SM_HANDOVER_READY;
    if (pend == PEND_MARK)
        h->acted = 1;
    else if (pend == PEND_CLOSE)
        h->closed = 1;
    else if (pend == PEND_TOMBSTONE)
        h->state = SM_HANDOVER_REFUSED, h->acted = h->closed = 1;
    else if (pend)
        h->state = pend;
    h->pend = PEND_NONE;
}

/* For one that stays, a look says something else. */
static void look_anew(const struct move *m, struct host *h)
{
    if (h->state == SM_HANDOVER_ABORTED && h->same_boot &&
        h->seen == SM_HANDOVER_RUNS && !mutant(m, M_HOLD_LEFT))
        h->seen = SM_HANDOVER_UNSEEN;
}

void put(struct move *m, int side, unsigned int pend, const char *what,
         int turn)
{
    struct host *h = &m->to.h[side];

    if (fault(m, F_WRITE)) {
        h->pend = pend;
        if (mutant(m, M_WRITE_BLIND) && pend <= SM_HANDOVER_REFUSED) {
            h->pend = h->state ? h->state : PEND_NONE;
            h->state = pend;
        }
        pass(m, "the journal's write fails, or seems to", FAULT);
    }
    apply(m, side, pend);
    if (pend == SM_HANDOVER_ABORTED)
        look_anew(m, h);
    pass(m, what, turn);
}

/* ---- the domain ---- */

unsigned int acts(enum sm_handover_step step)
{
    switch (step) {
    case SM_HANDOVER_RESUME:
    case SM_HANDOVER_DESTROY:
    case SM_HANDOVER_START:
    case SM_HANDOVER_DISCARD:
        return step;
    default:
        return 0;
    }
}

/* Whether the driver has the domain held when it looks. */
static bool holds(const struct move *m, int side)
{
    const struct host *h = &m->to.h[side];

    return side == A && h->same_boot && !is_anew(h) &&
        !mutant(m, M_NOT_HELD) && (h->state == SM_HANDOVER_SENT ||
                                   h->state == SM_HANDOVER_RELEASED ||
                                   h->state == SM_HANDOVER_DONE);
}

/* What `secmig-xl look`, or `hold`, says, and the driver makes of it. */
static enum sm_handover_domain look(const struct move *m, int side)
{
    const struct host *h = &m->to.h[side];

    if (is_anew(h) && !mutant(m, M_NUMBER))
        return side == A && h->state != SM_HANDOVER_ABORTED ?
            SM_HANDOVER_RUNS : SM_HANDOVER_GONE;
    if (h->held)
        return h->real == SM_HANDOVER_RUNS && holds(m, side) ?
            SM_HANDOVER_RUNS : SM_HANDOVER_SUSPENDED;
    switch (h->real) {
    case NEW:
    case NAMED:
        return SM_HANDOVER_RUNS;
    case NEW_OTHER:
    case OTHER:
        return side == A ? SM_HANDOVER_SUSPENDED : SM_HANDOVER_RUNS;
    case HALF:
        return SM_HANDOVER_COPY;
    default:
        return h->real;
    }
}

/* It has another number by now: it is left alone. */
static void act_on_another(struct host *h, enum sm_handover_step step)
{
    h->seen = step == SM_HANDOVER_RESUME || step == SM_HANDOVER_START ?
        SM_HANDOVER_GONE : SM_HANDOVER_UNSEEN;
}

static void act(struct move *m, int side, enum sm_handover_step step)
{
    struct host *h = &m->to.h[side];

    /* secmig-xl looks whether it is that domain, and suspended. */
    bool blind = mutant(m, M_DESTROY_RUNS) && step == SM_HANDOVER_DESTROY;

    if (is_anew(h) && !mutant(m, M_NUMBER) && !blind) {
        act_on_another(h, step);
        return;
    }
    switch (step) {
    case SM_HANDOVER_RESUME:
        take_off_hold(m);
        guest_resumes(m);
        break;
    case SM_HANDOVER_START:
        guest_starts(m);
        break;
    case SM_HANDOVER_DESTROY:
        if (h->real == SM_HANDOVER_SUSPENDED || h->real == OTHER ||
            h->real == NEW_OTHER || blind)
            guest_is_destroyed(m, side);
        break;
    default:        /* DISCARD: secmig-xl itself spares what has run */
        if (h->real == SM_HANDOVER_COPY) {
            guest_is_destroyed(m, side);
        } else if (h->real == HALF) {
            h->seen = SM_HANDOVER_RUNS;
            return;
        }
        break;
    }
    h->seen = look(m, side);
}

/* A secmig-xl that has outlived its daemon. */
void act_late(struct move *m, int side)
{
    struct host *h = &m->to.h[side];
    unsigned int seen = h->seen;

    if (!h->late)
        return;
    act(m, side, h->late);
    h->seen = seen;
    h->late = 0;
    pass(m, EACH(side, "'s old secmig-xl acts"), FAULT);
}

static void action(struct move *m, int side, enum sm_handover_step step,
                   const char *what)
{
    struct host *h = &m->to.h[side];

    if (fault(m, F_ACTION)) {
        h->failed = 1;
        h->seen = SM_HANDOVER_UNSEEN;
        pass(m, "secmig-xl fails", FAULT);
        /* Unpaused, and not named. */
        if (step == SM_HANDOVER_START && h->real == SM_HANDOVER_COPY) {
            guest_starts(m);
            h->real = HALF;
            h->failed = 1;
            h->seen = SM_HANDOVER_UNSEEN;
            pass(m, "secmig-xl starts the guest and fails", FAULT);
        }
        if (step == SM_HANDOVER_RESUME && h->held) {
            take_off_hold(m);
            h->failed = 1;
            h->seen = SM_HANDOVER_UNSEEN;
            pass(m, "secmig-xl takes off the hold and fails", FAULT);
            /* Somebody had resumed it. */
            take_off_hold(m);
            guest_resumes(m);
            h->failed = 1;
            h->seen = SM_HANDOVER_UNSEEN;
            pass(m, "secmig-xl takes off the hold, the guest runs, and "
                 "secmig-xl fails", FAULT);
        }
        if (mutant(m, M_NAMED_FIRST) && step == SM_HANDOVER_START &&
            h->real == SM_HANDOVER_COPY) {
            h->real = NAMED;
            h->failed = 1;
            h->seen = SM_HANDOVER_UNSEEN;
            pass(m, "secmig-xl names the copy and fails", FAULT);
        }
    }
    if (fault(m, F_NAME) && step == SM_HANDOVER_START &&
        (h->real == SM_HANDOVER_COPY || h->real == HALF)) {
        guest_starts(m);
        h->real = HALF;
        h->seen = SM_HANDOVER_RUNS;
        pass(m, "B starts the guest, whose name is taken", FAULT);
    }
    act(m, side, step);
    pass(m, what, STEP);
}

/* ---- a turn ---- */

/* What some mutants do before the write that justifies it. */
static void too_early(struct move *m, int side, enum sm_handover_state state)
{
    struct host *h = &m->to.h[side];
    unsigned int said = h->said;

    if (mutant(m, M_GO_EARLY) && state == SM_HANDOVER_RELEASED)
        h->said |= SAID(GO);
    if (mutant(m, M_READY_EARLY) && state == SM_HANDOVER_READY)
        h->said |= SAID(READY);
    if (mutant(m, M_REFUSED_EARLY) && state == SM_HANDOVER_REFUSED)
        h->said |= SAID(REFUSED);
    if (mutant(m, M_STARTED_EARLY) && state == SM_HANDOVER_ACCEPTED)
        h->said |= SAID(STARTED);
    if (mutant(m, M_ABORT_EARLY) && state == SM_HANDOVER_ABORTED)
        h->said |= SAID(ABORT);
    if (h->said != said)
        pass(m, side == A ? "A says it before it is written" :
             "B says it before it is written", FAULT);
    if (mutant(m, M_START_EARLY) && state == SM_HANDOVER_ACCEPTED) {
        guest_starts(m);
        pass(m, "B starts the guest before it is written", FAULT);
    }
    if (mutant(m, M_RESUME_EARLY) && state == SM_HANDOVER_ABORTED &&
        h->xl == XL_GONE) {
        guest_resumes(m);
        pass(m, "A resumes the guest before it is written", FAULT);
    }
}

static const char *written(enum sm_handover_state state)
{
    static const char *const texts[] = {
        [SM_HANDOVER_SENT] = "A writes SENT",
        [SM_HANDOVER_RELEASED] = "A writes RELEASED",
        [SM_HANDOVER_DONE] = "A writes DONE",
        [SM_HANDOVER_ABORTED] = "A writes ABORTED",
        [SM_HANDOVER_READY] = "B writes READY",
        [SM_HANDOVER_ACCEPTED] = "B writes ACCEPTED",
        [SM_HANDOVER_REFUSED] = "B writes REFUSED",
    };

    return texts[state];
}

static void waits(struct move *m, int side)
{
    struct host *h = &m->to.h[side];

    if (h->failed) {
        h->failed = 0;
        pass(m, EACH(side, " tries again"), RETRY);
    }
    if (h->seen != SM_HANDOVER_UNSEEN && !h->given) {
        h->seen = SM_HANDOVER_UNSEEN;
        pass(m, EACH(side, " is about to look again"), LOOK_AGAIN);
    }
}

void moves_daemon(struct move *m, int side)
{
    struct host *h = &m->to.h[side];
    struct sm_handover_next n;

    if (!h->up)
        return;
    /* The flag is as durable as the mark, and no journal's record is dropped
     * with it. */
    if (side == B && h->acted && h->real == HALF && !mutant(m, M_UNNAMED)) {
        h->real = SM_HANDOVER_RUNS;
        pass(m, "B's guest gets its name", RETRY);
    }
    if (!is_open(h)) {
        if (h->pend) {
            h->pend = PEND_NONE;
            pass(m, EACH(side, " writes its journal anew"), RETRY);
        }
        return;
    }
    n = machine(m, side);
    switch (n.step) {
    case SM_HANDOVER_WAIT:
        waits(m, side);
        break;
    case SM_HANDOVER_LOOK:
        if (holds(m, side) && h->real == SM_HANDOVER_SUSPENDED) {
            if (fault(m, F_FOREIGN) && !h->held) {
                guest_resumes(m);
                h->held = 1;
                h->seen = look(m, side);
                pass(m, "A holds what somebody resumes at this moment",
                     FAULT);
            }
            h->held = 1;
        }
        h->seen = look(m, side);
        pass(m, EACH(side, " looks at the domain"), STEP);
        break;
    case SM_HANDOVER_WRITE:
        too_early(m, side, n.state);
        put(m, side, n.state, written(n.state), STEP);
        break;
    case SM_HANDOVER_MARK:
        put(m, side, PEND_MARK, EACH(side, " marks its record"), STEP);
        break;
    case SM_HANDOVER_CLOSE:
        put(m, side, PEND_CLOSE, EACH(side, " closes its record"), STEP);
        break;
    case SM_HANDOVER_LET_GO:
        h->xl = XL_GONE;
        h->seen = SM_HANDOVER_UNSEEN;
        pass(m, EACH(side, " kills xl"), STEP);
        break;
    case SM_HANDOVER_RESUME:
        action(m, side, n.step, "A resumes the guest");
        break;
    case SM_HANDOVER_DESTROY:
        action(m, side, n.step, "A destroys its copy");
        break;
    case SM_HANDOVER_START:
        action(m, side, n.step, "B starts the guest");
        break;
    case SM_HANDOVER_DISCARD:
        action(m, side, n.step, "B discards its copy");
        break;
    }
    if (h->pend) {          /* another record is written */
        h->pend = PEND_NONE;
        pass(m, EACH(side, " writes its journal anew"), FAULT);
    }
}
