/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A model of one migration's last phase: two real machines
 * (handover/handover.h), and around each what helper/secmigd/handovers,
 * Xen, xl and the network do.
 *
 * Every fault may happen any number of times, at any moment between two
 * steps.  The network: whatever was ever said may arrive at any later time,
 * any number of times, or never, also when its sender has died.
 *
 * What makes the number of states finite, and loses nothing:
 *   - facts, once said, stay true: what matters is the set of those said;
 *   - saying is done at once, since what is said may stay under way for ever;
 *   - the guest is in one of few conditions, and "has run since" is one bit.
 */
#ifndef HANDOVER_MODEL_H
#define HANDOVER_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "handover/handover.h"

/* What a domain really is: enum sm_handover_domain (never UNSEEN), or ... */
#define OTHER 5     /* there, and suspended, in the hands of somebody else: it
                     * is being saved or migrated again */
#define HALF 6      /* destination: runs, and has not got its name yet */
#define NEW 7       /* runs, and is not the domain that this migration began
                     * with: its owner has made it anew, or it came back */
#define NEW_OTHER 8 /* that one, suspended, in the hands of somebody else */
#define NAMED 9     /* only a mutant: has its name, and does not run yet */

/* A write whose outcome is not known: the new state's number, or ... */
enum { PEND_NONE = 0, PEND_TOMBSTONE = 29, PEND_MARK = 30, PEND_CLOSE = 31 };

/* xl.  Source: 1 sends, the guest runs; 2 the guest is suspended, the rest is
 * sent; 3 all is sent: HAND_OVER is under way, and xl never touches the guest
 * again.  Destination: 1 restores; 2 has said READY. */
enum { XL_GONE = 0, XL_ONE = 1, XL_TWO = 2, XL_THREE = 3 };

struct host {
    uint64_t
        /* durable */
        state:5, acted:1, closed:1, undo:1, fenced:1,
        pend:5,         /* what the journal may hold instead */
        /* in the daemon's memory */
        up:1,           /* there is a daemon */
        heard:7,        /* facts, bit fact - 1 */
        seen:3,         /* enum sm_handover_domain */
        given:1,        /* ... destination: complete */
        stop:1, failed:1, linked:1,
        /* outside */
        same_boot:1,
        real:4,         /* the domain */
        xl:2,
        orphan:1,       /* xl's daemon has died */
        whole:1,        /* source: all was sent; destination: its copy is
                         * complete */
        held:1,         /* source: paused by secmig-xl, and marked; then it
                         * does not run, though it was resumed */
        ran:1,          /* source: has run again since all was sent;
                         * destination: has run at all */
        said:7,         /* facts, bit fact - 1 */
        dead:1,         /* the host is lost for good */
        excused:1,      /* the guest may be lost: see spare() in model.c */
        /* where a journal may be replaced */
        knows:2,        /* source: epoch of the other: 1 the first, 2 next */
        renewed:1,      /* its journal was replaced */
        resaid:7,       /* destination: said since then */
        late:4,         /* only a mutant: what an old secmig-xl will do */
        note:1;         /* source: its request may yet arrive; destination,
                         * only a mutant: it was READY before it refused */
};

union state {
    struct host h[2];       /* source, destination */
    uint64_t w[2];
};
_Static_assert(sizeof(union state) == 16, "two words");

#define A 0
#define B 1

enum fault {
    F_XL = 1,           /* xl dies, or fails, on either side */
    F_KILL = 2,         /* a daemon is killed */
    F_REBOOT = 4,       /* a host goes down and comes up again */
    F_CUT = 8,          /* links break, seen by one side or by both; time
                         * runs out */
    F_WRITE = 16,       /* a journal's write fails, its outcome not known */
    F_ACTION = 32,      /* secmig-xl fails */
    F_UNDO = 64,        /* an administrator undoes */
    F_DESTROY = 128,    /* ... destroys the guest at the source */
    F_OTHER = 256,      /* the guest is saved or migrated again, also to the
                         * host it came from, and back */
    F_FORGET = 512,     /* closed records are dropped */
    F_LOSS = 1024,      /* a host is lost for good, the other one is fenced */
    F_RESET = 2048,     /* a host's journal is replaced */
    F_RECREATE = 4096,  /* the owner destroys the guest, on either side, and
                         * starts it anew from its disks */
    F_NAME = 8192,      /* at the destination its name is taken, for a while */
    F_REQUEST = 16384,  /* the destination begins when the source's request
                         * arrives, late or never; else it has begun */
    F_FOREIGN = 32768,  /* somebody's failing command resumes the suspended
                         * guest at the source */
};

/* What the exploration does wrong on purpose. */
enum mutant {
    M_NONE, M_GO_EARLY, M_START_EARLY, M_REFUSED_EARLY, M_STARTED_EARLY,
    M_ABORT_EARLY, M_RESUME_EARLY, M_TOMBSTONE,
    M_REFUSE_ACCEPTED, M_TIMEOUT, M_HOLDER, M_HOLDER_B, M_UNDO_RELEASED,
    M_XL_RESUMES, M_ACCEPTED_FORGOTTEN, M_BOOT, M_NO_MARK, M_IMPATIENT,
    M_UNTOLD, M_WRITE_BLIND, M_GO_IS_ENOUGH, M_EPOCH, M_FENCE_A, M_FENCE_B,
    M_CLOSED_SILENT, M_ORPHAN, M_COMPLETE_EARLY, M_STALE_LOOK, M_NUMBER,
    M_DESTROY_RUNS, M_SECOND_EARLY, M_OTHER_ID, M_REBOOT_ABORTS,
    M_NAMED_FIRST, M_UNNAMED, M_READY_EARLY,
    M_BESIDE_COPY, M_UNKNOWN, M_NOT_HELD, M_HOLD_LEFT, M_COUNT
};
extern const struct mutant_text {
    const char *name, *text;
    unsigned int faults;    /* beside those that are always there */
    const char *why;        /* what it is caught for */
} mutants[M_COUNT];

/* What is explored. */
extern const struct run_text {
    const char *name, *text;    /* faults, in words */
    const char *bounds;         /* what is bounded, and what is left out */
    unsigned int faults;
} runs[];
extern const unsigned int n_runs;

struct model {
    unsigned int faults;
    enum mutant mutant;
};

/*
 * Called for every state that may follow.
 *   what  in words
 *   turn  0: a fault; else it is what a fair run does, the lowest first
 *   bad   what must never be; NULL: nothing
 */
typedef void model_emit(void *ctx, const union state *next, const char *what,
                        int turn, const char *bad);

void model_begin(const struct model *m, union state *first);
void model_follow(const struct model *m, const union state *s,
                  model_emit *emit, void *ctx);

/* How it has ended: where the guest is; NULL: it has not. */
const char *model_end(const struct model *m, const union state *s);

/* What is wrong with a state that is no end, and that a fair run does not get
 * away from. */
const char *model_stuck(const union state *s);

/* One line about the state. */
void model_print(const union state *s, char *out, unsigned long size);

/* Check that facts that the model does not keep in a state do not matter in
 * it.  Returns whether that is so. */
bool model_masks(void);

#endif
