/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last phase of a migration: who may run the guest.  A two-party commit
 * with a journal on each side; the destination's is the arbiter.
 *
 *   source       SENDING ─► SENT ─► RELEASED ─► DONE
 *                   └────────┴─────────┴──────► ABORTED
 *   destination  LOADING ─► READY ─► ACCEPTED
 *                   └─────────┴────► REFUSED
 *
 * Who may run the guest: the source in SENDING and ABORTED, the destination
 * in ACCEPTED, nobody else ever.
 *
 * This file is pure: no I/O, no clock, no memory of its own.  What to do next
 * follows from the durable state, from what Xen says about the domain, and
 * from what the other host has said, and from nothing else; never from where
 * a program was when it died.  So every step may be repeated, and a restarted
 * daemon simply goes on.
 *
 * The caller (a driver) looks at `step`, does it, and asks again:
 *
 *   - A state that sm_handover_next() wants written is entered only once the
 *     journal holds it durably.  If it cannot be written, nothing else is
 *     done; the driver asks again later.
 *   - `say` may be said as often as there is a link to say it on, and lost.
 *     It is said only if `step` is SM_HANDOVER_WAIT: never before what
 *     justifies it is durable.
 *   - Facts arrive from an authenticated host, for this migration id and
 *     from the journal (epoch, sequence) that the record names: the driver
 *     sees to that.  They never become untrue, so delay, repetition and
 *     reordering are harmless.  A message that is not heard, because its
 *     sequence is lower, is no reason not to hear the next one: it may be
 *     an old one that was long under way.
 *   - What was heard belongs to the process: a restarted daemon has heard
 *     nothing.
 *   - Once what had to be done to the domain has been done, that is marked
 *     in the journal (SM_HANDOVER_MARK), and the domain is no business of
 *     this record any more: the guest may be saved, migrated again, or come
 *     back, while the other host has not been told yet.  Before the mark no
 *     other migration of the guest may begin here.
 *   - A guest whose name is taken is started, or resumed, all the same, under
 *     the name that it was lent meanwhile; the domain counts as RUNS, so the
 *     mark and the other host's answer follow at once.  With the mark the
 *     record is flagged (SM_HANDOVER_UNNAMED, journal.h), and the driver gives
 *     the name later, also when the record is closed: no step of this machine,
 *     since a name lets nothing run.  It must not touch a guest that another
 *     record has not marked yet.
 *
 * Sources: J. Gray, L. Lamport, Consensus on Transaction Commit, ACM TODS
 * 2006 (two-phase commit and its blocking); D. Skeen, Nonblocking Commit
 * Protocols, SIGMOD 1981 (no two-party protocol avoids it).
 */
#ifndef SM_HANDOVER_HANDOVER_H
#define SM_HANDOVER_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

/* Durable: the numbers are in journals. */
enum sm_handover_state {
    SM_HANDOVER_NONE = 0,       /* no record */
    /* of a source */
    SM_HANDOVER_SENDING = 1,    /* xl sends; the guest may run here */
    SM_HANDOVER_SENT = 2,       /* all is sent and the guest is suspended; xl
                                 * has let go of it */
    SM_HANDOVER_RELEASED = 3,   /* the destination may start it */
    SM_HANDOVER_DONE = 4,       /* the destination has started it */
    SM_HANDOVER_ABORTED = 5,    /* it stays here, or died here */
    /* of a destination */
    SM_HANDOVER_LOADING = 16,   /* xl receives */
    SM_HANDOVER_READY = 17,     /* the copy is complete, and waits */
    SM_HANDOVER_ACCEPTED = 18,  /* the guest is ours, for ever */
    SM_HANDOVER_REFUSED = 19,   /* it is not, and never will be by this
                                 * migration: a tombstone */
};

/* What Xen says about the domain on this host. */
enum sm_handover_domain {
    SM_HANDOVER_UNSEEN,         /* nobody has looked since xl has let go, or
                                 * since the last failed action, or libxl
                                 * cannot tell */
    SM_HANDOVER_GONE,           /* there is none with the guest's uuid */
    SM_HANDOVER_RUNS,           /* source: there, and not suspended.
                                 * destination: started, under its own name */
    SM_HANDOVER_SUSPENDED,      /* source: suspended, as for a migration, or
                                 * held: paused when it was suspended, so that
                                 * nobody else's resume lets it run, and not
                                 * run since.  In SENT, RELEASED and DONE, in
                                 * the boot of the record, only what is held;
                                 * in ABORTED whatever RESUME lets run */
    SM_HANDOVER_COPY,           /* destination: a copy that has not been
                                 * started, or whose start is not complete */
};

/* What one host says to the other; the numbers travel. */
enum sm_handover_fact {
    SM_HANDOVER_SAY_READY = 1,  /* destination: I hold a whole copy */
    SM_HANDOVER_SAY_GO = 2,     /* source: start it */
    SM_HANDOVER_SAY_ABORT = 3,  /* source: it stays here; drop the copy */
    SM_HANDOVER_SAY_CANCEL = 4, /* source, released: refuse it if you still
                                 * can */
    SM_HANDOVER_SAY_REFUSED = 5,    /* destination: I have not started it and
                                     * never will */
    SM_HANDOVER_SAY_STARTED = 6,    /* destination: it is mine */
    SM_HANDOVER_SAY_SETTLED = 7,    /* source: done here, forget it;
                                     * destination: forgotten */
};
#define SM_HANDOVER_FACT_MIN 1
#define SM_HANDOVER_FACT_MAX 7
#define SM_HANDOVER_HEARD(fact) (1u << (fact))

/* What is known at this moment beside the durable state. */
struct sm_handover_view {
    enum sm_handover_domain domain;
    bool same_boot;     /* this host has not been booted anew since the
                         * record was made; else its domains died with it */
    bool acted;         /* the record is marked: what had to be done to the
                         * domain has been done */
    bool linked;        /* there is a link to say something on */
    bool holder;        /* xl of this migration may still act on the domain,
                         * on either side */
    bool given;         /* source: xl has said that all is sent, and has let
                         * go of the suspended guest */
    bool complete;      /* destination: xl has restored the whole copy, and
                         * no longer acts on it */
    bool stop;          /* give up while that is ours to decide: a deadline,
                         * a lost link, a cancelled client, a failed xl */
    bool cancel;        /* an administrator wants it undone, also after
                         * RELEASED (source), or READY (destination) */
    bool fenced;        /* somebody who may has asserted that the other host
                         * does not run the guest, never will, and has not
                         * run it since the copy here was suspended, or made:
                         * else that would be outdated, and must not run */
    bool failed;        /* the last action on the domain did not succeed;
                         * to be cleared after a while, to try again */
    unsigned int heard; /* bits SM_HANDOVER_HEARD(fact) */
};

enum sm_handover_step {
    SM_HANDOVER_WAIT,       /* nothing to do but to say `say`, if not 0 */
    SM_HANDOVER_LOOK,       /* ask Xen about the domain; where it says
                             * SUSPENDED only of what is held, hold it.  What
                             * it then calls RUNS has to be looked at anew in
                             * ABORTED: it may stand still, and be held */
    SM_HANDOVER_WRITE,      /* write `state`, durably */
    SM_HANDOVER_MARK,       /* mark the record as acted upon, durably; the
                             * handover is decided, and the domain is not
                             * looked at again */
    SM_HANDOVER_LET_GO,     /* have xl let go of the domain, or kill it */
    SM_HANDOVER_RESUME,     /* source: take off the hold, resume the guest */
    SM_HANDOVER_DESTROY,    /* source: destroy the suspended guest */
    SM_HANDOVER_START,      /* destination: unpause the copy, name it */
    SM_HANDOVER_DISCARD,    /* destination: destroy the copy */
    SM_HANDOVER_CLOSE,      /* mark the record closed: all is done.  What
                             * was heard last is then answered as
                             * sm_handover_closed() says */
};

struct sm_handover_next {
    enum sm_handover_step step;
    enum sm_handover_state state;   /* WRITE: the new one; else unchanged */
    enum sm_handover_fact say;      /* 0: nothing */
    const char *alarm;      /* what should not be, for the log: a guest that
                             * somebody has started by hand, a conflict after
                             * a fence; NULL: all is as it should be */
};

/* Whether the state is one of a source. */
bool sm_handover_is_source(enum sm_handover_state state);

/*
 * What to do next.
 *   state  durable, of an open record
 *   view   see there; not changed
 * Calling it again with the same arguments gives the same answer.
 */
struct sm_handover_next sm_handover_next(enum sm_handover_state state,
                                         const struct sm_handover_view *view);

/*
 * What is answered about a migration whose record is closed.
 *   state  durable, of that record
 *   heard  what the other host has said
 * Returns WAIT and what to say, or 0: nothing.
 */
struct sm_handover_next sm_handover_closed(enum sm_handover_state state,
                                           enum sm_handover_fact heard);

/*
 * What a destination answers about a migration of which it has no record:
 * REFUSED must be written, as a tombstone, before it is said.  Nothing needs
 * to be written to say SETTLED again.
 *   heard  what the source has said
 * Returns step WRITE with the tombstone, which may be written closed at once
 * (then see sm_handover_closed()), or WAIT with what to say.
 */
struct sm_handover_next sm_handover_unknown(enum sm_handover_fact heard);

/* Words for people: "RELEASED", "GO", "suspended"; "?" for no such number. */
const char *sm_handover_state_name(unsigned int state);
const char *sm_handover_fact_name(unsigned int fact);
const char *sm_handover_domain_name(unsigned int domain);

#endif
