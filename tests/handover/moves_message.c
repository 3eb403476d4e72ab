/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What arrives at a host: anything that was ever said, and the request. */
#include "moves.h"

/* Whether the hosts talk, in a fair run: on the migration's link, or because
 * the source, which has an open record, calls. */
static bool talk(const struct move *m)
{
    const struct host *a = &m->from.h[A], *b = &m->from.h[B];

    return a->up && b->up && is_open(a) &&
           (!is_early(a) || (a->linked && b->linked));
}

static struct sm_handover_next unknown(const struct move *m,
                                       enum sm_handover_fact fact)
{
    struct sm_handover_next n = sm_handover_unknown(fact);

    if (mutant(m, M_UNKNOWN) && n.step == SM_HANDOVER_WRITE) {
        n.step = SM_HANDOVER_WAIT;
        n.say = SM_HANDOVER_SAY_REFUSED;
    }
    return n;
}

/* What a host says at this moment, if asked what the other one says. */
static unsigned int says_now(struct move *m, int side, bool asked)
{
    const struct host *h = &m->to.h[side];
    unsigned int question;
    struct sm_handover_next n;

    if (!h->up)
        return 0;
    if (is_open(h)) {
        n = machine(m, side);
        return n.step == SM_HANDOVER_WAIT ? n.say : 0;
    }
    question = asked ? says_now(m, !side, false) : 0;
    if (!question)
        return 0;
    if (h->state != SM_HANDOVER_NONE)
        return sm_handover_closed(h->state, question).say;
    return side == B ? unknown(m, question).say : 0;
}

static void say_too(struct host *h, unsigned int fact)
{
    if (h->renewed)
        h->resaid |= 1u << (fact - 1);
    else
        h->said |= 1u << (fact - 1);
}

static void hear(struct move *m, int side, unsigned int fact,
                 unsigned int epoch)
{
    static const char *const texts[] = {
        [SM_HANDOVER_SAY_READY] = "A hears READY",
        [SM_HANDOVER_SAY_GO] = "B hears GO",
        [SM_HANDOVER_SAY_ABORT] = "B hears ABORT",
        [SM_HANDOVER_SAY_CANCEL] = "B hears CANCEL",
        [SM_HANDOVER_SAY_REFUSED] = "A hears REFUSED",
        [SM_HANDOVER_SAY_STARTED] = "A hears STARTED",
    };
    const char *text = fact != SM_HANDOVER_SAY_SETTLED ? texts[fact] :
        EACH(side, " hears SETTLED");
    struct host *h = &m->to.h[side];
    struct sm_handover_next n;
    int turn = talk(m) && says_now(m, !side, true) == fact ? HEAR : FAULT;

    if (is_open(h)) {
        if (fault(m, F_RESET) && side == A && !mutant(m, M_EPOCH)) {
            if (h->knows && h->knows != epoch)
                return;     /* not the journal that the record knows */
            h->knows = epoch;
        }
        h->heard |= 1u << (fact - 1);
        pass(m, text, turn);
        return;
    }
    if (h->state != SM_HANDOVER_NONE) {
        if (mutant(m, M_CLOSED_SILENT))
            return;
        n = sm_handover_closed(h->state, fact);
    } else if (side == B) {
        n = unknown(m, fact);
        if (n.step == SM_HANDOVER_WRITE) {
            put(m, side, PEND_TOMBSTONE, "B, asked about what it does not "
                "know, writes a tombstone", turn);
            return;
        }
    } else {
        return;
    }
    if (n.say) {
        say_too(h, n.say);
        pass(m, EACH(side, " answers from a closed record"), turn);
    }
}

void moves_message(struct move *m, int side)
{
    const struct host *from = &m->from.h[!side];
    unsigned int fact;

    if (!m->from.h[side].up)
        return;
    if (mutant(m, M_OTHER_ID) && side == A && is_open(&m->from.h[A]))
        hear(m, side, SM_HANDOVER_SAY_REFUSED, 1);
    for (fact = SM_HANDOVER_FACT_MIN; fact <= SM_HANDOVER_FACT_MAX; fact++) {
        if (from->said & (1u << (fact - 1)))
            hear(m, side, fact, 1);
        if (from->resaid & (1u << (fact - 1)))
            hear(m, side, fact, 2);
    }
}

/*
 * The daemons are stricter: LOADING is durable before the source is answered,
 * and only then does it write SENDING.  Nothing leans on that.
 */
void moves_request(struct move *m)
{
    struct host *a = &m->to.h[A], *b = &m->to.h[B];

    if (!a->note)
        return;
    a->note = 0;
    pass(m, "A's request is lost", FAULT);
    if (!b->up)
        return;
    a->note = 0;
    if (b->state != SM_HANDOVER_NONE) {
        pass(m, "B hears A's request, whose id it knows", CALL);
        return;
    }
    if (fault(m, F_WRITE)) {
        b->pend = SM_HANDOVER_LOADING;
        pass(m, "B cannot write LOADING, or so it seems", FAULT);
        a->note = 0;
    }
    b->state = SM_HANDOVER_LOADING;
    b->pend = PEND_NONE;
    b->linked = 1;
    b->xl = XL_ONE;
    pass(m, "B hears A's request, and writes LOADING", CALL);
}
