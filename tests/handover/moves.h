/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the model: one move, and the parts that make moves. */
#ifndef HANDOVER_MOVES_H
#define HANDOVER_MOVES_H

#include "model.h"

struct move {
    const struct model *model;
    union state from, to;       /* `to` is worked upon, then passed on */
    const char *bad;
    model_emit *emit;
    void *ctx;
};

/* Turns of a fair run. */
enum turn {
    FAULT = 0, RESTART, PEOPLE, STEP, XL, HEAR, CALL, RETRY, HANG_UP,
    LOOK_AGAIN,
};

bool is_open(const struct host *h);
bool is_early(const struct host *h);
struct sm_handover_view view_of(const struct host *h);

/* Hand `to` on, if anything has changed, and begin again from `from`. */
void pass(struct move *m, const char *what, int turn);

/* The machine of a side, in `to`, with the mutant's changes. */
struct sm_handover_next machine(struct move *m, int side);

#define EACH(side, what) ((side) == A ? "A" what : "B" what)

/* Whether the domain is not the one that this migration began with. */
bool is_anew(const struct host *h);

void guest_resumes(struct move *m);
void take_off_hold(struct move *m);
void guest_starts(struct move *m);
void guest_dies(struct move *m, int side, bool by_hand);
/* A program takes a domain away. */
void guest_is_destroyed(struct move *m, int side);

/* A write: both outcomes, and the one that is not known. */
void put(struct move *m, int side, unsigned int pend, const char *what,
         int turn);
void apply(struct move *m, int side, unsigned int pend);
/* The step, if it is one that secmig-xl does; else 0. */
unsigned int acts(enum sm_handover_step step);
void act_late(struct move *m, int side);

void moves_daemon(struct move *m, int side);
void moves_message(struct move *m, int side);
void moves_request(struct move *m);
void moves_fault(struct move *m, int side);
void moves_xl_source(struct move *m);
void moves_xl_destination(struct move *m);
void moves_people(struct move *m);

static inline bool fault(const struct move *m, unsigned int f)
{
    return m->model->faults & f;
}

static inline bool mutant(const struct move *m, enum mutant which)
{
    return m->model->mutant == which;
}

#endif
