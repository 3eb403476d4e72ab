/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl on the source, until it lets go of the guest.  Its process is known by
 * its number and the time of its start, also to a daemon that was started
 * after it.
 */
#include "handover_own.h"

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

/* A number out of /proc/PID/stat (proc(5)); 0: there is no such process. */
static uint64_t stat_field(int pid, int field)
{
    char path[32], text[1024], *p;
    ssize_t n;
    int fd, i;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    /* The program's name, field 2, may hold anything: its bracket is the
     * last one. */
    p = strrchr(text, ')');
    for (i = 2; p && i < field; i++)
        p = strchr(p + 1, ' ');
    return p ? strtoull(p + 1, NULL, 10) : 0;
}

/* Clock ticks from boot to its start. */
static uint64_t start_time(int pid)
{
    return stat_field(pid, 22);
}

/*
 * An unpatched xl speaks through `secmig transport`, which it has started; it
 * is xl that resumes the guest, and outlives that program for a moment.  In
 * another session it is not xl, but who takes care of orphans.
 */
static int xl_behind(int transport)
{
    uint64_t xl = stat_field(transport, 4);

    return xl > 1 && xl <= INT_MAX &&
           stat_field((int)xl, 6) == stat_field(transport, 6) ?
           (int)xl : transport;
}

void handover_hold_mark(struct sm_handover_record *record)
{
    if (record->holder && record->flags & SM_HANDOVER_WEAK)
        record->holder = xl_behind(record->holder);
    record->holder_start = start_time(record->holder);
}

void handover_hold_clear(struct handover *h)
{
    if (h->holder.fd >= 0)
        close(h->holder.fd);
    loop_unwatch(&h->holder);
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

void handover_hold(struct handover *h)
{
    int fd;

    if (h->holder_deadline)
        return;                 /* being waited for */
    if (!h->r.holder && !h->attached) {
        handover_let_go(h);
        return;
    }
    if (h->r.holder) {
        fd = pidfd_open(h->r.holder, 0);
        if (fd < 0 || start_time(h->r.holder) != h->r.holder_start) {
            if (fd >= 0)
                close(fd);
            handover_let_go(h); /* it has ended, or is another by now */
            return;
        }
        loop_watch(&h->holder, fd, POLLIN, has_ended, h);
    }
    h->holder_deadline = sm_clock_deadline(PATIENCE);
    loop_arm(&h->holder_timer, PATIENCE, too_slow, h);
}
