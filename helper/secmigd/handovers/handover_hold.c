/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl on the source, until it lets go of the guest.  Its process is known by
 * its number and the time of its start, also to a daemon that was started
 * after it.
 */
#include "handovers/handover_own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define PATIENCE 10000          /* ms for xl to resume the guest, and end */
#define RETRY 1000              /* ms, when it cannot be seen whether it has */

/* A number out of /proc/PID/stat (proc(5)).  Returns 0; SM_NO_DOMAIN: there is
 * no such process; SM_IO: it cannot be read. */
static int stat_field(int pid, int field, uint64_t *out)
{
    char path[32], text[1024], *p;
    ssize_t n;
    int fd, i;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? SM_NO_DOMAIN : SM_IO;
    n = read(fd, text, sizeof(text) - 1);
    i = errno;
    close(fd);
    if (n < 0 && i == ESRCH)
        return SM_NO_DOMAIN;    /* it has ended since */
    if (n <= 0)
        return SM_IO;
    text[n] = '\0';
    /* The program's name, field 2, may hold anything: its bracket is the
     * last one. */
    p = strrchr(text, ')');
    for (i = 2; p && i < field; i++)
        p = strchr(p + 1, ' ');
    if (!p)
        return SM_IO;
    *out = strtoull(p + 1, NULL, 10);
    return 0;
}

/* Clock ticks from boot to its start. */
static int start_time(int pid, uint64_t *out)
{
    return stat_field(pid, 22, out);
}

/*
 * An unpatched xl speaks through `secmig transport`, which it has started; it
 * is xl that resumes the guest, and outlives that program for a moment.  In
 * another session it is not xl, but who takes care of orphans.
 */
static int xl_behind(int transport)
{
    uint64_t xl, its, own;

    return !stat_field(transport, 4, &xl) && xl > 1 && xl <= INT_MAX &&
           !stat_field((int)xl, 6, &its) && !stat_field(transport, 6, &own) &&
           its == own ? (int)xl : transport;
}

int handover_hold_mark(struct sm_handover_record *record)
{
    if (record->flags & SM_HANDOVER_WEAK)
        record->holder = xl_behind(record->holder);
    return start_time(record->holder, &record->holder_start);
}

void handover_hold_clear(struct handover *h)
{
    loop_close(&h->holder);
    loop_disarm(&h->holder_timer);
    h->holder_deadline = 0;
}

static void has_ended(void *ctx, short revents)
{
    (void)revents;
    handover_let_go(ctx);
}

static void too_slow(void *ctx)
{
    struct handover *h = ctx;

    if (h->holder.fd < 0) {     /* handover_detach() ends this */
        sm_warning("handover vm=%s with=%s: it is not known which process is "
                   "the xl that still has the guest: waiting for it",
                   SM_LOG_WORD(h->r.name), h->r.peer);
        return;
    }
    sm_warning("handover vm=%s with=%s: xl (process %d) does not let go of "
               "the guest: killing it", SM_LOG_WORD(h->r.name), h->r.peer,
               h->r.holder);
    if (pidfd_send_signal(h->holder.fd, SIGKILL, NULL, 0))
        sm_error("handover vm=%s: cannot kill process %d: %s",
                 SM_LOG_WORD(h->r.name), h->r.holder, strerror(errno));
    /* has_ended() follows. */
}

static void try_again(void *ctx)
{
    handover_hold(ctx);
}

/* Its process is watched from now on.  Returns 0; SM_NO_DOMAIN: it has ended;
 * SM_IO: that cannot be told. */
static int watch(struct handover *h)
{
    int rc, fd = pidfd_open(h->r.holder, 0);
    uint64_t start;

    if (fd < 0)
        return errno == ESRCH ? SM_NO_DOMAIN : SM_IO;
    rc = start_time(h->r.holder, &start);
    if (!rc && start != h->r.holder_start)
        rc = SM_NO_DOMAIN;      /* it is another by now */
    if (rc)
        close(fd);
    else
        loop_watch(&h->holder, fd, POLLIN, has_ended, h);
    return rc;
}

void handover_hold(struct handover *h)
{
    int rc = 0;

    if (!h->r.holder && !h->attached) {
        handover_let_go(h);
        return;
    }
    if (h->holder_deadline)
        return;                 /* being waited for */
    if (h->r.holder)
        rc = watch(h);
    if (rc == SM_NO_DOMAIN) {
        handover_let_go(h);
    } else if (rc) {
        if (!h->trouble[0])
            sm_error("handover vm=%s with=%s: it cannot be seen whether xl "
                     "(process %d) still has the guest: trying again",
                     SM_LOG_WORD(h->r.name), h->r.peer, h->r.holder);
        snprintf(h->trouble, sizeof(h->trouble), "xl (process %d) cannot be "
                 "watched", h->r.holder);
        loop_arm(&h->holder_timer, RETRY, try_again, h);
    } else {
        h->trouble[0] = '\0';
        h->holder_deadline = sm_clock_deadline(PATIENCE);
        loop_arm(&h->holder_timer, PATIENCE, too_slow, h);
    }
}
