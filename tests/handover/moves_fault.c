/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happens to the daemons: kills, reboots, cut links; and xl. */
#include <stddef.h>

#include "moves.h"

/* ---- hosts and daemons ---- */

static void daemon_dies(struct host *h)
{
    h->up = 0;
    h->heard = h->seen = h->given = h->stop = h->failed = h->linked = 0;
    h->orphan = h->xl != XL_GONE;
}

/* Which epoch was heard is written with the state. */
static void epoch_dies(struct host *h)
{
    if (h->state != SM_HANDOVER_RELEASED && h->state != SM_HANDOVER_DONE)
        h->knows = 0;
}

/* As far as the journal knows. */
static bool may_be_sent(const struct host *h)
{
    return h->state == SM_HANDOVER_SENT || h->pend == SM_HANDOVER_SENT;
}

static void host_dies(struct move *m, int side)
{
    struct host *h = &m->to.h[side];

    /* What was made anew, or resumed before it was held, and dies with its host before anybody has looked is
     * not told from what was sent: docs/handover.md, section 6. */
    if (side == A && (is_anew(h) ||
                      (fault(m, F_FOREIGN) && may_be_sent(h))))
        h->ran = 0;
    guest_dies(m, side, false);
    daemon_dies(h);
    h->xl = XL_GONE;
    h->same_boot = 0;
}

/* Once for each thing that the journal may hold. */
static void with_any_journal(struct move *m, int side, bool reboot,
                             const char *what)
{
    struct host *h = &m->to.h[side];
    unsigned int pend = h->pend, undo = h->undo, i;

    for (i = 0; i < 4; i++) {
        if (((i & 1) && !pend) || ((i & 2) && !undo))
            continue;
        if (mutant(m, M_ORPHAN) && h->up && is_open(h) && !reboot)
            h->late = acts(machine(m, side).step);
        if (reboot)
            host_dies(m, side);
        else
            daemon_dies(h);
        if (i & 1)
            apply(m, side, pend);
        h->pend = PEND_NONE;
        epoch_dies(h);
        if (i & 2)
            h->undo = 0;
        if (mutant(m, M_TOMBSTONE) && h->state == SM_HANDOVER_REFUSED) {
            h->state = h->note ? SM_HANDOVER_READY : SM_HANDOVER_LOADING;
            h->acted = h->closed = 0;
        }
        pass(m, what, FAULT);
    }
}

static void goes_on(struct move *m, int side)
{
    struct host *h = &m->to.h[side];

    if (h->dead || h->up)
        return;
    h->up = 1;
    h->stop = is_early(h);      /* the link was lost */
    pass(m, EACH(side, "'s daemon starts"), RESTART);
}

static void link_breaks(struct move *m, int side)
{
    struct host *h = &m->to.h[side];

    if (!h->up)
        return;
    if (h->linked) {
        h->linked = 0;
        h->stop = is_early(h);
        h->seen = SM_HANDOVER_UNSEEN;
        pass(m, EACH(side, " loses the link"), HANG_UP);
    }
    if (is_early(h)) {
        h->stop = 1;
        pass(m, EACH(side, " gives up: time is out, or the client wants it"),
             FAULT);
    }
}

static void is_lost(struct move *m, int side)
{
    struct host *h = &m->to.h[side];

    if (h->dead || m->to.h[!side].dead)
        return;
    host_dies(m, side);
    h->dead = 1;
    h->state = SM_HANDOVER_NONE;
    h->acted = h->closed = h->pend = 0;
    if (side == B)
        m->to.h[A].note = 0;
    pass(m, EACH(side, " is lost for good"), FAULT);
}

void moves_fault(struct move *m, int side)
{
    const struct host *h = &m->from.h[side];

    goes_on(m, side);
    if (fault(m, F_KILL) && h->up)
        with_any_journal(m, side, false, EACH(side, "'s daemon is killed"));
    if (fault(m, F_REBOOT) && !h->dead &&
        (h->up || h->same_boot || h->real != SM_HANDOVER_GONE))
        with_any_journal(m, side, true, EACH(side, " loses its power"));
    if (fault(m, F_CUT))
        link_breaks(m, side);
    if (fault(m, F_LOSS))
        is_lost(m, side);
}

/* ---- xl ---- */

void moves_xl_source(struct move *m)
{
    struct host *a = &m->to.h[A];

    if (a->state == SM_HANDOVER_NONE && a->up && a->linked && !a->pend) {
        if (fault(m, F_WRITE)) {
            a->pend = SM_HANDOVER_SENDING;
            a->linked = 0;
            pass(m, "A cannot write SENDING, or so it seems", FAULT);
        }
        a->state = SM_HANDOVER_SENDING;
        a->xl = XL_ONE;
        pass(m, "A writes SENDING, xl begins", CALL);
    }
    if (mutant(m, M_XL_RESUMES) && a->state == SM_HANDOVER_RELEASED) {
        a->held = 0;
        a->held = 0;
        guest_resumes(m);
        pass(m, "A's xl resumes what it has handed over", FAULT);
    }
    if (a->xl == XL_GONE)
        return;
    if (fault(m, F_XL)) {
        a->xl = XL_GONE;
        a->seen = SM_HANDOVER_UNSEEN;
        pass(m, "A's xl is killed", FAULT);
    }
    if (a->xl != XL_THREE) {
        /* Its stream was closed, or something else went wrong. */
        if (a->xl == XL_TWO && !is_anew(a))
            guest_resumes(m);
        a->xl = XL_GONE;
        a->seen = SM_HANDOVER_UNSEEN;
        pass(m, "A's xl fails and leaves the guest running", FAULT);
    }
    switch (a->xl) {
    case XL_ONE:
        if (a->real == SM_HANDOVER_RUNS) {
            a->real = SM_HANDOVER_SUSPENDED;
            a->xl = XL_TWO;
            pass(m, "A's xl suspends the guest", XL);
        }
        break;
    case XL_TWO:
        a->xl = XL_THREE;
        a->whole = 1;
        a->ran = is_anew(a) || a->real == SM_HANDOVER_RUNS;
        pass(m, "A's xl has sent all", XL);
        break;
    default:
        a->xl = XL_GONE;
        if (a->orphan || !a->up) {
            pass(m, "A's xl ends: HAND_OVER was lost", XL);
        } else {
            a->seen = SM_HANDOVER_UNSEEN;
            a->given = a->state == SM_HANDOVER_SENDING;
            pass(m, "A's xl hands over", XL);
        }
        break;
    }
}

static void xl_destination_ends(struct move *m, const char *what, int turn)
{
    struct host *b = &m->to.h[B];

    if (b->up && !b->orphan && is_early(b))
        b->stop = 1;
    b->xl = XL_GONE;
    b->seen = SM_HANDOVER_UNSEEN;
    pass(m, what, turn);
}

void moves_xl_destination(struct move *m)
{
    struct host *b = &m->to.h[B];

    if (b->xl == XL_GONE)
        return;
    if (b->xl == XL_ONE && b->real == SM_HANDOVER_GONE) {
        b->real = SM_HANDOVER_COPY;
        pass(m, "B's xl creates the domain", XL);
    } else if (b->xl == XL_ONE && m->from.h[A].whole) {
        b->xl = XL_TWO;
        b->whole = 1;
        pass(m, "B's xl has the whole copy", XL);
    } else if (b->xl == XL_TWO && b->up && !b->orphan) {
        b->xl = XL_GONE;
        b->seen = SM_HANDOVER_UNSEEN;
        if (mutant(m, M_COMPLETE_EARLY))
            b->xl = XL_THREE;
        if (b->state == SM_HANDOVER_LOADING) {
            b->given = 1;
            b->seen = SM_HANDOVER_COPY;
        }
        pass(m, "B's xl says READY and has gone", XL);
    } else if (b->xl == XL_TWO && b->orphan) {
        xl_destination_ends(m, "B's xl ends: READY was lost", XL);
    }
    if (b->xl == XL_ONE || b->xl == XL_THREE || b->orphan) {
        if (!is_anew(b))
            guest_is_destroyed(m, B);
        /* What its dead daemon gave it to read has an end. */
        xl_destination_ends(m, "B's xl fails and destroys its copy",
                            b->orphan ? HANG_UP : FAULT);
    }
    if (fault(m, F_XL))
        xl_destination_ends(m, "B's xl is killed", FAULT);
}
