/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `xl migrate-receive`, started for one accepted guest: its banner is
 * awaited, the save-file preamble with the checked config is written, and
 * only then are its pipes given away.
 */
#ifndef SECMIGD_RECEIVE_H
#define SECMIGD_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"
#include "base/wire.h"
#include "loop.h"
#include "spawn.h"

struct receive_params {
    const struct sm_conf_command *command;
    bool paused;                /* leave the guest paused at the end */
    const char *config;         /* checked, canonical JSON */
    size_t config_len;
    int timeout;                /* ms until it must have its config */
    /* Called once: err 0, or what went wrong in words. */
    void (*ready)(void *ctx, int err, const char *why);
    /* Called once when it has ended; status as of waitpid(2). */
    void (*ended)(void *ctx, int status);
    void *ctx;
};

struct receive {
    struct child child;
    struct loop_watch in, out;  /* its stdin, its stdout */
    struct loop_timer timer;
    struct sm_wire_writer preamble;
    size_t written, heard;      /* of the preamble, of the banner */
    bool told;                  /* ready() was called */
    struct receive_params params;
};

void receive_init(struct receive *r);
int receive_start(struct receive *r, const struct receive_params *params)
    SM_WARN_UNUSED;

/* After ready(): fds[0] reads what it says, fds[1] writes to it; both become
 * the caller's. */
void receive_take(struct receive *r, int fds[static 2]);

bool receive_active(const struct receive *r);
void receive_kill(struct receive *r);

/* Close everything; a process that still runs is killed. */
void receive_clear(struct receive *r);

#endif
