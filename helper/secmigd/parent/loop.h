/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parent's event loop: descriptors and timers over poll(2).  One loop a
 * process; watches and timers are members of their owners' structs.
 */
#ifndef SECMIGD_LOOP_H
#define SECMIGD_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop_watch {
    int fd;                                 /* -1: not watched */
    short events;                           /* POLLIN, POLLOUT */
    void (*fn)(void *ctx, short revents);
    void *ctx;
    struct loop_watch *next;
};

struct loop_timer {
    int64_t deadline;                       /* SM_CLOCK_NEVER: not armed */
    void (*fn)(void *ctx);
    void *ctx;
    bool armed;
    struct loop_timer *next;
};

/* Watch `fd`; the descriptor stays the caller's. */
void loop_watch(struct loop_watch *w, int fd, short events,
                void (*fn)(void *ctx, short revents), void *ctx);
/* Stop watching; fine when it is not watched (fd -1). */
void loop_unwatch(struct loop_watch *w);
/* Stop watching, and close what was watched. */
void loop_close(struct loop_watch *w);

/* Call `fn` once, `ms` milliseconds from now (0: never); arming again moves
 * it. */
void loop_arm(struct loop_timer *t, int64_t ms, void (*fn)(void *ctx),
              void *ctx);
/* Call it once, without waiting for anything; never from within this call. */
void loop_soon(struct loop_timer *t, void (*fn)(void *ctx), void *ctx);
void loop_disarm(struct loop_timer *t);

/* Wait for events and handle them, once.  Returns 0 or SM_IO. */
int loop_once(void);

#endif
