/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `xl migrate-receive`, started for one accepted guest: its banner is
 * awaited, the save-file preamble with the checked config is written, and
 * only then its standard input is given away.  When it says that it has the
 * whole guest it has done its part, and is killed: what becomes of the copy is
 * not its to decide.  When it has ended nobody may read its input any more: an
 * xl that a wrapper had started would destroy the guest at the end of it.
 */
#ifndef SECMIGD_RECEIVE_H
#define SECMIGD_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/conf.h"
#include "base/wire.h"
#include "parent/loop.h"
#include "parent/spawn.h"

enum receive_end {
    RECEIVE_FAILED,             /* its status says how */
    RECEIVE_HELD,               /* ... but something it has started reads on:
                                 * killed, if it was in its process group */
    RECEIVE_COMPLETE,           /* it had said that it has the whole guest,
                                 * which waits */
};

struct receive_params {
    const struct sm_conf_command *command;
    bool paused;                /* leave the guest paused at the end */
    const char *config;         /* checked, canonical JSON */
    size_t config_len;
    int timeout;                /* ms until it must have its config */
    /* It has its config.  Called once: err 0, or what went wrong in words. */
    void (*ready)(void *ctx, int err, const char *why);
    /* It has ended.  Called once; status as of waitpid(2). */
    void (*ended)(void *ctx, enum receive_end how, int status);
    void *ctx;
};

struct receive {
    struct child child;
    struct loop_watch in, out;  /* its stdin, its stdout */
    struct loop_timer timer;
    struct sm_wire_writer preamble;
    size_t written, heard;      /* of the preamble, of what it has to say */
    bool told;                  /* ready() was called */
    pid_t group;                /* its process group */
    bool lingers;               /* it has ended; its input is still read */
    int64_t patience;           /* ... and may be until then */
    int status;
    struct receive_params params;
};

/* Before anything else; nothing runs. */
void receive_init(struct receive *r);

/*
 * Start it.
 *   params  copied; the config is borrowed for this call only
 * Returns 0, and ended() follows, unless receive_clear() comes first; SM_IO,
 * SM_NO_MEMORY, or SM_PROTOCOL for a config that is too long, and nothing is
 * called.
 */
int receive_start(struct receive *r, const struct receive_params *params)
    SM_WARN_UNUSED;

/*
 * After ready(): a descriptor that writes to it; the caller's.  Another is
 * kept here until it has ended: at the end of its input a stock xl would
 * destroy the copy.  Returns -1 when there are no more descriptors.
 */
int receive_take(struct receive *r) SM_WARN_UNUSED;

/* Whether ended() is still to come. */
bool receive_active(const struct receive *r);

/* Kill it, with its process group; ended() follows from the loop.  Fine when
 * it has ended. */
void receive_kill(struct receive *r);

/* Close everything; a process that still runs is killed.  Nothing is called any
 * more. */
void receive_clear(struct receive *r);

#endif
