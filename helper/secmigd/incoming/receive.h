/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `xl migrate-receive`, started for one accepted guest: its banner is
 * awaited, the save-file preamble with the checked config is written, and
 * only then its standard input is given away.  When it says that it has the
 * whole guest it has done its part, and is killed: what becomes of the copy is
 * not its to decide.
 */
#ifndef SECMIGD_RECEIVE_H
#define SECMIGD_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"
#include "base/wire.h"
#include "parent/loop.h"
#include "parent/spawn.h"

struct receive_params {
    const struct sm_conf_command *command;
    bool paused;                /* leave the guest paused at the end */
    const char *config;         /* checked, canonical JSON */
    size_t config_len;
    int timeout;                /* ms until it must have its config */
    /* It has its config.  Called once: err 0, or what went wrong in words. */
    void (*ready)(void *ctx, int err, const char *why);
    /* It has ended.  Called once; status as of waitpid(2).
     *   complete  it had said that it has the whole guest, which waits */
    void (*ended)(void *ctx, bool complete, int status);
    void *ctx;
};

struct receive {
    struct child child;
    struct loop_watch in, out;  /* its stdin, its stdout */
    struct loop_timer timer;
    struct sm_wire_writer preamble;
    size_t written, heard;      /* of the preamble, of what it has to say */
    bool told;                  /* ready() was called */
    struct receive_params params;
};

void receive_init(struct receive *r);
int receive_start(struct receive *r, const struct receive_params *params)
    SM_WARN_UNUSED;

/*
 * After ready(): a descriptor that writes to it; the caller's.  Another is
 * kept here until it has ended: at the end of its input a stock xl would
 * destroy the copy.  Returns -1 when there are no more descriptors.
 */
int receive_take(struct receive *r) SM_WARN_UNUSED;

bool receive_active(const struct receive *r);
void receive_kill(struct receive *r);

/* Close everything; a process that still runs is killed. */
void receive_clear(struct receive *r);

#endif
