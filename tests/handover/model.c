/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "moves.h"

/* ---- what follows from a state ---- */

#define BIT(fact) (1u << (SM_HANDOVER_SAY_##fact - 1))

/* Facts that matter in a state, now or later. */
static unsigned int matters(unsigned int state)
{
    switch (state) {
    case SM_HANDOVER_SENDING:
    case SM_HANDOVER_SENT:
        return BIT(READY) | BIT(REFUSED) | BIT(STARTED);
    case SM_HANDOVER_RELEASED:
    case SM_HANDOVER_ABORTED:
        return BIT(REFUSED) | BIT(STARTED);
    case SM_HANDOVER_LOADING:
    case SM_HANDOVER_READY:
        return BIT(GO) | BIT(ABORT) | BIT(CANCEL);
    case SM_HANDOVER_ACCEPTED:
        return BIT(ABORT) | BIT(SETTLED);
    case SM_HANDOVER_REFUSED:
        return BIT(ABORT);
    case SM_HANDOVER_DONE:
        return BIT(SETTLED);
    default:
        return 0;
    }
}

bool is_open(const struct host *h)
{
    return h->state != SM_HANDOVER_NONE && !h->closed;
}

/* The other host's word is still wanted, so losing the link ends it. */
bool is_early(const struct host *h)
{
    return h->state == SM_HANDOVER_SENDING || h->state == SM_HANDOVER_SENT ||
           h->state == SM_HANDOVER_LOADING;
}

struct sm_handover_view view_of(const struct host *h)
{
    return (struct sm_handover_view){
        .domain = h->seen, .same_boot = h->same_boot, .acted = h->acted,
        .linked = h->linked, .holder = h->xl != XL_GONE, .given = h->given,
        .complete = h->given, .stop = h->stop, .cancel = h->undo,
        .fenced = h->fenced, .failed = h->failed,
        .heard = (unsigned int)h->heard << 1,
    };
}

/* Forget what cannot matter any more, so that states that differ in nothing
 * else are one. */
static void tidy(struct host *h, int side)
{
    h->heard &= matters(h->state);
    if (h->xl == XL_GONE)
        h->orphan = 0;
    if (h->real != SM_HANDOVER_SUSPENDED && h->real != SM_HANDOVER_RUNS)
        h->held = 0;
    if (h->closed || h->state == SM_HANDOVER_NONE) {
        h->heard = h->seen = h->given = h->failed = 0;
        h->undo = h->fenced = 0;
        h->same_boot = 1;
        if (side == B)
            h->linked = 0;
    }
    if (h->acted) {
        h->seen = SM_HANDOVER_UNSEEN;
        h->failed = 0;
        h->same_boot = 1;
    }
    if (!is_early(h))
        h->stop = 0;
    if (h->state != SM_HANDOVER_SENDING && h->state != SM_HANDOVER_LOADING)
        h->given = 0;
    if ((side == A && h->state != SM_HANDOVER_NONE && !is_early(h)) ||
        h->state == SM_HANDOVER_ACCEPTED)
        h->linked = 0;
}

static void say(struct host *h, unsigned int fact)
{
    if (h->renewed)
        h->resaid |= 1u << (fact - 1);
    else
        h->said |= 1u << (fact - 1);
}

/* No domain is left that could be the guest's, and nothing excuses that. */
static bool is_lost(const union state *s)
{
    const struct host *a = &s->h[A], *b = &s->h[B];

    return !a->excused && a->real == SM_HANDOVER_GONE &&
           (b->real == SM_HANDOVER_GONE ||
            (b->real == SM_HANDOVER_COPY && !b->whole));
}

void pass(struct move *m, const char *what, int turn)
{
    struct sm_handover_next n;
    int side;

    for (side = A; side <= B; side++) {
        struct host *h = &m->to.h[side];

        tidy(h, side);
        if (!h->up || !is_open(h))
            continue;
        n = machine(m, side);
        if (n.step == SM_HANDOVER_WAIT && n.say)
            say(h, n.say);
    }
    if (!m->bad && is_lost(&m->to))
        m->bad = "the guest is lost";
    if (m->bad || memcmp(&m->to, &m->from, sizeof(m->to)))
        m->emit(m->ctx, &m->to, what, turn, m->bad);
    m->to = m->from;
    m->bad = NULL;
}

/* ---- the guest ---- */

bool is_anew(const struct host *h)
{
    return h->real == NEW || h->real == NEW_OTHER;
}

/* What has run before it was paused runs again. */
void take_off_hold(struct move *m)
{
    struct host *a = &m->to.h[A];

    if (a->held && a->real == SM_HANDOVER_RUNS && m->to.h[B].ran)
        m->bad = "the source runs its copy after the destination has run";
    a->held = 0;
}

/* The source's domain is resumed, whoever does that.  It runs again, unless it
 * is held. */
void guest_resumes(struct move *m)
{
    struct host *a = &m->to.h[A];

    if (a->held)
        return;
    if (a->real == OTHER || a->real == NEW_OTHER)
        m->bad = "a guest in the hands of another operation is resumed";
    if (a->real != SM_HANDOVER_SUSPENDED)
        return;
    a->real = SM_HANDOVER_RUNS;
    if (m->to.h[B].ran)
        m->bad = "the source runs its copy after the destination has run";
    if (a->whole)
        a->ran = 1;
}

void guest_starts(struct move *m)
{
    struct host *b = &m->to.h[B];

    if (b->real == OTHER || b->real == NEW_OTHER)
        m->bad = "a guest in the hands of another operation is started";
    if (b->real != SM_HANDOVER_COPY && b->real != HALF)
        return;
    b->real = SM_HANDOVER_RUNS;
    b->ran = 1;
    if (!b->whole)
        m->bad = "an incomplete copy is started";
    else if ((m->to.h[A].real == SM_HANDOVER_RUNS && !m->to.h[A].held) ||
             m->to.h[A].real == OTHER)
        m->bad = "two copies run";
    else if (m->to.h[A].ran)
        m->bad = "an outdated copy is started";
}

/*
 * A host's domain is about to die with it, or by a hand.  Is there another
 * copy that must save the guest?  If not, it may be lost.
 */
void guest_dies(struct move *m, int side, bool by_hand)
{
    struct host *a = &m->to.h[A], *b = &m->to.h[B];
    bool spare;

    /* What its owner has made anew is not the other host's to save. */
    if (is_anew(&m->to.h[side])) {
        a->excused = 1;
        m->to.h[side].real = SM_HANDOVER_GONE;
        return;
    }
    if (side == A) {
        spare = b->real == SM_HANDOVER_RUNS || b->real == OTHER ||
            b->state == SM_HANDOVER_ACCEPTED ||
            (b->real == SM_HANDOVER_COPY &&
             (b->state == SM_HANDOVER_READY ||
              (b->state == SM_HANDOVER_LOADING && (b->said & BIT(READY)))) &&
             (!b->pend || b->pend == SM_HANDOVER_ACCEPTED) && !b->undo &&
             !a->undo && !a->fenced && !by_hand &&
             !(a->said & BIT(CANCEL)) &&
             ((a->state == SM_HANDOVER_SENT &&
               (!a->pend || a->pend == SM_HANDOVER_RELEASED)) ||
              a->state == SM_HANDOVER_RELEASED));
        if (a->real != SM_HANDOVER_GONE && !spare)
            a->excused = 1;
        a->real = SM_HANDOVER_GONE;
        return;
    }
    spare = a->real != SM_HANDOVER_GONE && !b->ran &&
        b->state != SM_HANDOVER_ACCEPTED && b->pend != SM_HANDOVER_ACCEPTED;
    if (b->real != SM_HANDOVER_GONE && !spare)
        a->excused = 1;
    b->real = SM_HANDOVER_GONE;
    b->whole = 0;
}

void guest_is_destroyed(struct move *m, int side)
{
    struct host *h = &m->to.h[side];

    switch (h->real) {
    case OTHER:
    case NEW_OTHER:
        m->bad = "a guest in the hands of another operation is destroyed";
        break;
    case SM_HANDOVER_RUNS:
    case HALF:
    case NEW:
        m->bad = "what runs is destroyed";
        break;
    case SM_HANDOVER_SUSPENDED:
        if (!m->to.h[B].ran && !m->to.h[A].excused)
            m->bad = "the only copy is destroyed";
        break;
    default:
        break;
    }
    h->real = SM_HANDOVER_GONE;
    if (side == B)
        h->whole = 0;
}

/* ---- the whole ---- */

void model_begin(const struct model *m, union state *first)
{
    memset(first, 0, sizeof(*first));
    first->h[A] = (struct host){
        .state = SM_HANDOVER_NONE, .up = 1, .linked = 1, .same_boot = 1,
        .real = SM_HANDOVER_RUNS,
    };
    first->h[B] = (struct host){
        .state = SM_HANDOVER_LOADING, .up = 1, .linked = 1, .same_boot = 1,
        .real = SM_HANDOVER_GONE, .xl = XL_ONE,
    };
    if (m->faults & F_REQUEST) {
        first->h[A].note = 1;
        first->h[B].state = SM_HANDOVER_NONE;
        first->h[B].xl = XL_GONE;
        first->h[B].linked = 0;
    }
}

void model_follow(const struct model *model, const union state *s,
                  model_emit *emit, void *ctx)
{
    struct move m = { .model = model, .from = *s, .to = *s, .emit = emit,
                      .ctx = ctx };
    int side;

    for (side = A; side <= B; side++) {
        moves_daemon(&m, side);
        moves_message(&m, side);
        moves_fault(&m, side);
        act_late(&m, side);
    }
    moves_request(&m);
    moves_xl_source(&m);
    moves_xl_destination(&m);
    moves_people(&m);
}

static bool is_over(const struct host *h)
{
    return h->dead || (h->up && !is_open(h) && !h->pend && !h->xl);
}

const char *model_end(const struct model *m, const union state *s)
{
    const struct host *a = &s->h[A], *b = &s->h[B];
    bool at_a = (a->real == SM_HANDOVER_RUNS && !a->held) || a->real == OTHER;
    bool at_b = b->real == SM_HANDOVER_RUNS || b->real == OTHER;

    (void)m;
    if (!is_over(a) || !is_over(b) || a->note)
        return NULL;
    if (is_anew(a) || is_anew(b))
        return "was made anew by its owner, or came back";
    if (at_a && b->real == SM_HANDOVER_GONE)
        return "runs at the source";
    if (at_b && a->real == SM_HANDOVER_GONE)
        return "runs at the destination";
    if (a->real == SM_HANDOVER_GONE && b->real == SM_HANDOVER_GONE &&
        a->excused)
        return "died with its only owner";
    return NULL;
}

const char *model_stuck(const union state *s)
{
    const struct host *a = &s->h[A], *b = &s->h[B];

    if (!is_over(a) || !is_over(b) || a->note)
        return "it is never settled";
    if (b->real == HALF)
        return "it is settled, and the guest never gets its name";
    if (a->held && a->real == SM_HANDOVER_RUNS)
        return "it is settled, and the guest is still held";
    if (a->real == SM_HANDOVER_SUSPENDED || b->real == SM_HANDOVER_COPY)
        return "it is settled, and leaves a copy behind";
    return "it is settled, and the guest is nowhere, or twice";
}

static int print_host(const struct host *h, const char *name, char *out,
                      size_t size)
{
    static const char *const real[] = {
        "?", "no domain", "runs", "suspended", "copy", "in other hands",
        "runs, unnamed", "made anew", "made anew, in other hands",
        "named, does not run",
    };

    return snprintf(out, size, "%s %s%s%s%s%s%s%s, %s%s%s", name,
                    sm_handover_state_name(h->state), h->acted ? "+" : "",
                    h->closed ? " closed" : "", h->undo ? " undo" : "",
                    h->fenced ? " fenced" : "",
                    h->pend ? " (write failed)" : "",
                    h->dead ? " lost" : h->up ? "" : " down", real[h->real],
                    h->held ? ", held" : "", h->xl ? ", xl" : "");
}

void model_print(const union state *s, char *out, unsigned long size)
{
    int n = print_host(&s->h[A], "A:", out, size);

    if (n > 0 && (size_t)n < size)
        print_host(&s->h[B], "; B:", out + n, size - (size_t)n);
}

bool model_masks(void)
{
    struct sm_handover_next one, two;
    struct sm_handover_view v;
    unsigned int bits, state, heard;

    for (state = SM_HANDOVER_SENDING; state <= SM_HANDOVER_REFUSED; state++)
        for (bits = 0; bits < 5 * 1024; bits++)
            for (heard = 0; heard < 128; heard++) {
                v = (struct sm_handover_view){
                    .domain = bits / 1024, .same_boot = bits & 1,
                    .acted = bits & 2, .linked = bits & 4,
                    .holder = bits & 8, .given = bits & 16,
                    .complete = bits & 32, .stop = bits & 64,
                    .cancel = bits & 128, .fenced = bits & 256,
                    .failed = bits & 512, .heard = heard << 1,
                };
                one = sm_handover_next(state, &v);
                v.heard = (heard & matters(state)) << 1;
                two = sm_handover_next(state, &v);
                if (one.step != two.step || one.state != two.state ||
                    one.say != two.say)
                    return false;
            }
    return true;
}
