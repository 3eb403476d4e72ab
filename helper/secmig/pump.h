/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carry bytes from a local program to the daemon, in the kernel where it can
 * (splice).
 */
#ifndef SM_SECMIG_PUMP_H
#define SM_SECMIG_PUMP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SM_PUMP_BUFFER 65536

/* One way. */
struct sm_pump {
    int in, out;            /* -1 when closed; the pump's */
    bool ready;             /* `in` has something, `out` is awaited */
    bool copying;           /* splice() does not serve these two */
    uint64_t moved;         /* bytes */
    uint8_t *buffer;        /* SM_PUMP_BUFFER bytes, once copying */
    size_t start, have;     /* what of it is to be written */
};

/*
 * Start one way from `in` to `out`; both become the pump's.  `out` is made
 * non-blocking when that is private to us (`own_out`: its open file
 * description is shared with nobody).
 */
void sm_pump_init(struct sm_pump *p, int in, int out, bool own_out);

/* Close what is open, free; idempotent. */
void sm_pump_dispose(struct sm_pump *p);

/* Whether this way has ended: its input is at the end and written out, or
 * its reader has gone. */
bool sm_pump_done(const struct sm_pump *p);

/*
 * What to wait for.  Fills in two entries for poll(2) (fd -1 when there is
 * nothing to wait for).
 */
void sm_pump_wants(const struct sm_pump *p, struct pollfd fds[static 2]);

/*
 * Move what can be moved without waiting, after poll(2) has filled in the
 * entries of sm_pump_wants().  At the end of `in`, `out` is closed (after
 * shutdown(2), if it is a socket); when the reader of `out` has gone, `in`
 * is closed, so that its writer learns.
 * Returns 0, SM_IO or SM_NO_MEMORY.
 */
int sm_pump_step(struct sm_pump *p, const struct pollfd fds[static 2])
    SM_WARN_UNUSED;

#endif
