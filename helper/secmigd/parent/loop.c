/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parent/loop.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

/* The loop is the process's: its state has no other owner. */
static struct loop_watch *watches;
static struct loop_timer *timers;
/* Watches of the round being handled; removed ones become NULL. */
static struct loop_watch **current;
static size_t n_current;

void loop_watch(struct loop_watch *w, int fd, short events,
                void (*fn)(void *ctx, short revents), void *ctx)
{
    w->fd = fd;
    w->events = events;
    w->fn = fn;
    w->ctx = ctx;
    w->next = watches;
    watches = w;
}

void loop_unwatch(struct loop_watch *w)
{
    struct loop_watch **p;
    size_t i;

    for (p = &watches; *p; p = &(*p)->next) {
        if (*p == w) {
            *p = w->next;
            break;
        }
    }
    for (i = 0; i < n_current; i++)
        if (current[i] == w)
            current[i] = NULL;
    w->fd = -1;
}

void loop_close(struct loop_watch *w)
{
    if (w->fd >= 0)
        close(w->fd);
    loop_unwatch(w);
}

static void arm(struct loop_timer *t, int64_t deadline,
                void (*fn)(void *ctx), void *ctx)
{
    loop_disarm(t);
    t->deadline = deadline;
    t->fn = fn;
    t->ctx = ctx;
    t->armed = true;
    t->next = timers;
    timers = t;
}

void loop_arm(struct loop_timer *t, int64_t ms, void (*fn)(void *ctx),
              void *ctx)
{
    arm(t, sm_clock_deadline(ms), fn, ctx);
}

void loop_soon(struct loop_timer *t, void (*fn)(void *ctx), void *ctx)
{
    arm(t, sm_clock_now_ms(), fn, ctx);
}

void loop_disarm(struct loop_timer *t)
{
    struct loop_timer **p;

    if (!t->armed)
        return;
    for (p = &timers; *p; p = &(*p)->next) {
        if (*p == t) {
            *p = t->next;
            break;
        }
    }
    t->armed = false;
}

static int64_t first_deadline(void)
{
    struct loop_timer *t;
    int64_t first = SM_CLOCK_NEVER;

    for (t = timers; t; t = t->next)
        if (t->deadline < first)
            first = t->deadline;
    return first;
}

static void run_timers(void)
{
    struct loop_timer *t;
    int64_t now = sm_clock_now_ms();

    /* A handler may arm and disarm any timer: start over after each. */
again:
    for (t = timers; t; t = t->next) {
        if (t->deadline <= now) {
            loop_disarm(t);
            t->fn(t->ctx);
            goto again;
        }
    }
}

int loop_once(void)
{
    struct pollfd *fds = NULL;
    struct loop_watch *w;
    size_t n = 0, i;
    int r, rc;

    for (w = watches; w; w = w->next)
        n++;
    fds = calloc(n + 1, sizeof(*fds));
    current = calloc(n + 1, sizeof(*current));
    if (!fds || !current) {
        rc = SM_NO_MEMORY;
        goto out;
    }
    for (w = watches, i = 0; w; w = w->next, i++) {
        fds[i].fd = w->fd;
        fds[i].events = w->events;
        current[i] = w;
    }
    n_current = n;
    r = poll(fds, n, sm_clock_left(first_deadline()));
    if (r < 0 && errno != EINTR) {
        rc = SM_IO;
        goto out;
    }
    for (i = 0; r > 0 && i < n; i++)
        if (fds[i].revents && current[i])
            current[i]->fn(current[i]->ctx, fds[i].revents);
    run_timers();
    rc = 0;
out:
    free(fds);
    free(current);
    current = NULL;
    n_current = 0;
    return rc;
}
