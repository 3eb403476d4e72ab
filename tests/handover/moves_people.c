/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people do: the guest's owner, and administrators, who tell the truth. */
#include <stddef.h>

#include "moves.h"

#define SAID(fact) (1u << (SM_HANDOVER_SAY_##fact - 1))

/* ---- fences ---- */

static bool true_fence(const struct move *m, int side)
{
    const struct host *a = &m->from.h[A], *b = &m->from.h[B];

    if (side == A)
        return mutant(m, M_FENCE_A) || !b->ran || a->acted ||
            a->real == SM_HANDOVER_GONE || a->state == SM_HANDOVER_DONE;
    return mutant(m, M_FENCE_B) || !a->ran ||
        b->state == SM_HANDOVER_ACCEPTED || b->state == SM_HANDOVER_REFUSED;
}

/* Whether somebody who looks at the other host may have to say what it will
 * never say itself: that is lost, or has forgotten the migration. */
static bool is_asked(const struct move *m, int side)
{
    const struct host *h = &m->from.h[side], *other = &m->from.h[!side];

    if (!h->up || !is_open(h))
        return false;
    if (other->dead)
        return true;
    if (!other->renewed || is_open(other) || other->xl != XL_GONE)
        return false;
    return side == A || h->state == SM_HANDOVER_READY ||
        h->state == SM_HANDOVER_ACCEPTED;
}

static void fence(struct move *m, int side)
{
    struct host *a = &m->to.h[A], *h = &m->to.h[side];

    if (!is_asked(m, side))
        return;
    if (h->fenced) {
        /* An alarm says that A's copy is outdated. */
        if (a->state == SM_HANDOVER_ABORTED && !a->acted &&
            (a->heard & SAID(STARTED)) &&
            a->real == SM_HANDOVER_SUSPENDED) {
            a->real = SM_HANDOVER_GONE;
            pass(m, "somebody destroys A's outdated copy", PEOPLE);
        }
        return;
    }
    if (true_fence(m, side)) {
        h->fenced = 1;
        pass(m, EACH(side, " is told that the other host does not run the "
                     "guest"), PEOPLE);
    } else if (side == A && a->real == SM_HANDOVER_SUSPENDED) {
        a->real = SM_HANDOVER_GONE;
        pass(m, "somebody destroys A's outdated copy", PEOPLE);
    } else if (side == B && !h->undo) {
        h->undo = 1;
        pass(m, "B is told to refuse its outdated copy", PEOPLE);
    }
}

/* ---- what a replaced journal has forgotten ---- */

static void forgotten_original(struct move *m)
{
    struct host *a = &m->to.h[A];
    const struct host *b = &m->from.h[B];

    if (a->real != SM_HANDOVER_SUSPENDED)
        return;
    if (b->ran) {
        guest_is_destroyed(m, A);
        pass(m, "somebody destroys A's outdated copy", PEOPLE);
    } else if (!is_open(b) || b->state == SM_HANDOVER_REFUSED ||
               mutant(m, M_BESIDE_COPY)) {
        take_off_hold(m);
        guest_resumes(m);
        pass(m, "somebody resumes the guest at A", PEOPLE);
    }
}

static void forgotten_copy(struct move *m)
{
    struct host *b = &m->to.h[B];
    const struct host *a = &m->from.h[A];

    if (b->real == HALF) {
        b->real = SM_HANDOVER_RUNS;
        pass(m, "somebody names the guest at B", PEOPLE);
    } else if (b->real == SM_HANDOVER_COPY && b->whole &&
               a->real == SM_HANDOVER_GONE && !a->ran) {
        guest_starts(m);
        pass(m, "somebody starts the only copy at B", PEOPLE);
    } else if (b->real == SM_HANDOVER_COPY) {
        guest_is_destroyed(m, B);
        pass(m, "somebody discards B's copy", PEOPLE);
    }
}

/* As docs/handover.md says in section 1. */
static void forgotten(struct move *m, int side)
{
    const struct host *h = &m->from.h[side];

    if (!h->renewed || !h->up || is_open(h) || h->xl != XL_GONE)
        return;
    if (side == A)
        forgotten_original(m);
    else
        forgotten_copy(m);
}

/* ---- at any time ---- */

static void undo(struct move *m, int side)
{
    struct host *h = &m->to.h[side];

    if (!h->up || h->undo || !(is_early(h) ||
                               h->state == SM_HANDOVER_RELEASED ||
                               h->state == SM_HANDOVER_READY))
        return;
    h->undo = 1;
    if (side == B && m->to.h[A].real == SM_HANDOVER_GONE)
        m->to.h[A].excused = 1;
    pass(m, EACH(side, " is told to undo it"), FAULT);
}

/* No other migration begins, or ends, where a record is not marked. */
static bool is_settled(const struct host *h)
{
    return h->up && (h->acted || !is_open(h));
}

/* Once it is decided, the guest is anybody's: saved, or migrated again. */
static void other(struct move *m, int side)
{
    struct host *h = &m->to.h[side];
    bool decided = h->acted || (h->renewed && !is_open(h) &&
                                h->xl == XL_GONE) || (mutant(m, M_NO_MARK) &&
                                h->seen == SM_HANDOVER_RUNS) ||
        (mutant(m, M_SECOND_EARLY) && (h->state == SM_HANDOVER_ABORTED ||
                                       h->state == SM_HANDOVER_ACCEPTED));

    if (h->real == OTHER || h->real == NEW_OTHER) {
        if (is_settled(&m->from.h[A]) && is_settled(&m->from.h[B]) &&
            m->from.h[!side].real == SM_HANDOVER_GONE) {
            h->real = SM_HANDOVER_GONE;
            m->to.h[!side].real = NEW;
            pass(m, EACH(side, "'s guest arrives at the other host, by "
                         "another migration"), FAULT);
        }
        h->real = h->real == OTHER ? SM_HANDOVER_RUNS : NEW;
        pass(m, EACH(side, "'s guest comes back from that"), FAULT);
    } else if (h->real == NEW) {
        h->real = NEW_OTHER;
        pass(m, EACH(side, "'s new guest is saved, or migrated"), FAULT);
    } else if (decided && h->real == SM_HANDOVER_RUNS && !h->held) {
        h->real = OTHER;
        pass(m, EACH(side, "'s guest is saved, or migrated again"), FAULT);
    }
}

/*
 * The owner destroys the guest and starts it anew.  Between a look and what is
 * written or said for it this does not happen: looks are fresh.  Between a look
 * and what secmig-xl does for it, it does.
 */
static void recreate(struct move *m, int side)
{
    struct host *h = &m->to.h[side];

    if (!is_open(h) || h->acted || h->dead || is_anew(h) || h->real == OTHER)
        return;
    guest_dies(m, side, true);
    h->real = NEW;
    m->to.h[A].excused = 1;
    /* Once GO was said the other host may start it, whatever happens here:
     * if two run then, the owner has started the second. */
    if (side == A && h->whole && !(h->said & SAID(GO)))
        h->ran = 1;
    if (!mutant(m, M_STALE_LOOK) && !(h->up && acts(machine(m, side).step)))
        h->seen = SM_HANDOVER_UNSEEN;
    pass(m, EACH(side, "'s domain is destroyed and made anew by its owner"),
         FAULT);
}

/* The daemon does not start, because of its journal; so it is replaced. */
static void reset(struct move *m, int side)
{
    struct host *h = &m->to.h[side];

    if (h->up || h->renewed || h->dead)
        return;
    h->state = SM_HANDOVER_NONE;
    h->acted = h->closed = h->undo = h->fenced = 0;
    h->renewed = 1;
    m->to.h[A].note = 0;    /* its connection is long gone */
    pass(m, EACH(side, "'s journal is replaced"), FAULT);
}

void moves_people(struct move *m)
{
    struct host *a = &m->to.h[A], *b = &m->to.h[B];
    int side;

    for (side = A; side <= B; side++) {
        if (fault(m, F_LOSS | F_RESET))
            fence(m, side);
        if (fault(m, F_RESET)) {
            reset(m, side);
            forgotten(m, side);
        }
        if (fault(m, F_UNDO))
            undo(m, side);
        if (fault(m, F_OTHER))
            other(m, side);
        if (fault(m, F_RECREATE))
            recreate(m, side);
    }
    if (fault(m, F_DESTROY) && !a->acted && !a->dead &&
        a->real != SM_HANDOVER_GONE) {
        guest_dies(m, A, true);
        pass(m, "A's domain is destroyed by its owner", FAULT);
    }
    if (fault(m, F_FOREIGN) && !a->dead && a->real == SM_HANDOVER_SUSPENDED) {
        guest_resumes(m);
        pass(m, "somebody's failing command resumes A's guest", FAULT);
    }
    if (fault(m, F_FORGET) && b->closed && b->real != HALF && !a->note) {
        b->state = SM_HANDOVER_NONE;
        b->acted = b->closed = b->undo = b->fenced = 0;
        pass(m, "B drops its closed record", FAULT);
    }
    if (is_open(a) && !is_early(a) && a->up && b->up && !b->linked &&
        b->state == SM_HANDOVER_REFUSED && !b->closed) {
        b->linked = 1;
        pass(m, "A calls B", FAULT);
    }
}
