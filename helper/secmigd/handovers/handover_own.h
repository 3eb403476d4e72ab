/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What handover*.c share, and nobody else sees. */
#ifndef SECMIGD_HANDOVER_OWN_H
#define SECMIGD_HANDOVER_OWN_H

#include "base/frame.h"
#include "handovers/handover.h"
#include "parent/loop.h"
#include "parent/spawn.h"

struct handover {
    struct sm_handover_record r;        /* as it is durable */
    struct sm_handover_view view;
    bool attached;                      /* to a session, by `events` */
    struct handover_events events;
    bool told_ready, told_doubt, told_decided;

    /* the other host */
    handover_say *say;                  /* NULL: no link */
    void *link;                         /* its name */
    enum sm_handover_fact said;         /* last, on this link */
    int64_t spoken;                     /* when; monotonic */
    bool asked;                         /* it has spoken: say it again ... */
    int64_t again;                      /* ... not before; monotonic */
    int64_t wait;                       /* ms between the last two times */
    enum sm_handover_fact last_heard;   /* 0: nothing */
    uint64_t sequence;                  /* highest heard of its journal */
    int64_t known_since;                /* when r.peer_sequence was heard;
                                         * monotonic */
    bool held;                          /* its journal is another one */

    /* why it ends, until that is durable */
    int code;
    char why[SM_HANDOVER_WHY_MAX + 1];

    /* this host */
    struct run run;                     /* secmig-xl ... */
    enum sm_handover_step acting;       /* ... at this */
    bool tried;                         /* in this state, and it has failed */
    bool unnamed;                       /* it runs, but its name is taken */
    bool letting_go;                    /* xl has been told to */
    struct loop_watch holder;           /* its process (handover_hold.c) */
    struct loop_timer holder_timer;
    int64_t holder_deadline;
    struct loop_timer turn;             /* the machine's next turn */
    struct loop_timer look;             /* ... with fresh eyes */
    int look_after;                     /* ms */
    int64_t seen;                       /* when view.domain was; monotonic */
    bool looked;                        /* since the last turn */
    int64_t lag, lag_before;            /* ms that the last look, and the one
                                         * before, was old in the next turn */
    struct loop_timer patience;         /* ready-timeout, verdict-timeout */
    int64_t entered;                    /* the state; monotonic */
    bool alarmed;                       /* that it lasts */
    const char *alarm;                  /* the machine's, logged last */
    bool unwritten;                     /* a put has failed: logged */
    bool stuck;                         /* ... and can never succeed */
    char trouble[161];                  /* what does not succeed; "": nothing */
    struct handover *next;
};

#define HANDOVER_LOOK_FIRST 5000        /* ms, then ever longer */

/* It has entered a state, which is durable. */
void handover_entered(struct handover *h);

/* Have the machine take a turn, `ms` from now. */
void handover_turn(struct handover *h, int ms);

/* Write a changed record; the caller goes on only when this returns 0. */
int handover_put(struct handover *h, const struct sm_handover_record *record)
    SM_WARN_UNUSED;

/* Write its record with these flags besides: no restart forgets them. */
int handover_flag(struct handover *h, uint32_t flags) SM_WARN_UNUSED;

/* Why the journal has returned that; at once, since errno may tell. */
const char *handover_unwritten(int rc);

/* The first reason for its end counts. */
void handover_reason(struct handover *h, int code, const char *text);

/* ---- handover_open.c ---- */

extern struct handover *handover_first;     /* all that are open */
extern struct sm_handover_journal *handover_journal;

struct handover *handover_find(const uint8_t id[static SM_HANDOVER_ID_LEN]);

/* Out of the table, and freed; its link may end. */
void handover_take_out(struct handover *h);

/* This boot of this host, SM_HANDOVER_BOOT_LEN bytes. */
const uint8_t *handover_boot(void);

/* ---- handover_hear.c ---- */

/* Say a fact about a migration, whether it is open or not.  Returns 0 or an
 * error of `say`. */
int handover_say_fact(const struct sm_handover_record *r,
                      enum sm_handover_fact fact, handover_say *say,
                      void *ctx) SM_WARN_UNUSED;

/* Say it to the other host, unless it has been said a moment ago; where there
 * is no link a source calls. */
void handover_speak(struct handover *h, enum sm_handover_fact fact);

/* A link to the other host is there: use it. */
void handover_linked(struct handover *h, handover_say *say, void *ctx);

/* ---- handover_act.c ---- */

/* LOOK (where the guest may be another host's: and hold it), RESUME, DESTROY,
 * START or DISCARD; a turn follows when it is done. */
void handover_act(struct handover *h, enum sm_handover_step step);

/* What `secmig-xl look`, or `hold`, has said. */
struct handover_look {
    enum sm_handover_domain domain;
    uint32_t domid;
    char name[FRAME_NAME_MAX + 1];
    int64_t when;                       /* ms, as of sm_clock_now_ms() */
};
#define HANDOVER_LOOK_MAX 1024          /* bytes of it */
/* Returns 0 or SM_PROTOCOL. */
int handover_act_read(const struct run *run, struct handover_look *look)
    SM_WARN_UNUSED;
/* The first line of what another verb has said, for the log; "": none. */
void handover_act_line(const struct run *run, char *out, size_t size);

/* ---- handover_name.c ---- */

/* Whether it is a name that the guest was lent. */
bool handover_name_is_lent(const char *name, const char *guest);
/* A record with UNNAMED is durable: its guest is to get its name. */
void handover_name(const uint8_t id[static SM_HANDOVER_ID_LEN]);

/* ---- handover_hold.c ---- */

/* Begin to wait until xl's process ends; after a while it is killed. */
void handover_hold(struct handover *h);
void handover_hold_clear(struct handover *h);
/* Fill in record->holder_start: which process of that number it is.  Returns 0
 * or an error: that cannot be told. */
int handover_hold_mark(struct sm_handover_record *record) SM_WARN_UNUSED;

/* ---- handover_call.c ---- */

/* There is something to say to the other host, and no link.
 *   now  without waiting for the next time that it is due */
void handover_call(struct handover *h, bool now);
/* The migration no longer needs its link, or is gone. */
void handover_hang_up(const void *link);
/* Seconds until that host is called again; -1: it is not. */
int64_t handover_call_due(const char *host);

/* ---- handover_tell.c ---- */

void handover_log(const struct handover *h);
void handover_log_alarm(struct handover *h, const char *alarm);
/* Why a guest stays, when nobody has said so: handover_reason(). */
void handover_default_reason(struct handover *h);
/* 512 bytes: what the client is told when it should wait no longer. */
void handover_doubt_text(const struct handover *h, char *out, size_t size);

#endif
