/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Child processes of the parent: roles of secmigd, and programs (secmig-xl,
 * xl).  A child is a member of its owner's struct.
 */
#ifndef SECMIGD_SPAWN_H
#define SECMIGD_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/conf.h"
#include "base/err.h"
#include "parent/loop.h"

struct child {
    pid_t pid;                              /* 0: none */
    void (*ended)(void *ctx, int status);   /* status as of waitpid(2) */
    void *ctx;
    struct child *next;
};

/*
 * Remember how this program was called, and start to listen for SIGCHLD.
 * Returns 0 or SM_IO.
 */
int spawn_init(const char *root, const char *conf_file) SM_WARN_UNUSED;

/*
 * Start a role.
 *   channel  out: our end of its message channel, non-blocking; ours
 *   ended    called once when it has ended, not after spawn_forget()
 * Returns 0 or SM_IO.
 */
int spawn_role(struct child *c, const char *role, int *channel,
               void (*ended)(void *ctx, int status), void *ctx)
    SM_WARN_UNUSED;

/*
 * Start a program in a session of its own, with a clean environment.  It is
 * killed when this process ends; what it starts itself is not.
 *   command  program and first arguments
 *   more     further arguments, NULL-terminated
 *   in, out  its standard input and output; stay the caller's
 */
int spawn_program(struct child *c, const struct sm_conf_command *command,
                  const char *const *more, int in, int out,
                  void (*ended)(void *ctx, int status), void *ctx)
    SM_WARN_UNUSED;

/*
 * As spawn_program(), with standard error going to `out` as well: in any
 * case the child leads a session of its own, whose id is its pid.  It may
 * outlive this process.
 */
int spawn_session(struct child *c, const struct sm_conf_command *command,
                  const char *const *more, int out,
                  void (*ended)(void *ctx, int status), void *ctx);

/* The child, with its channel's owner, is `to`'s from now on. */
void spawn_move(struct child *from, struct child *to,
                void (*ended)(void *ctx, int status), void *ctx);

/*
 * Start a child that goes on in a copy of this process's memory, with `in`
 * and `out` (-1: /dev/null) as standard input and output, standard error,
 * and no other descriptor.
 *   body  runs in the child; what it returns is the exit code
 *   arg   handed to it
 * Otherwise as spawn_program(), without a process group of its own.
 */
int spawn_fork(struct child *c, int (*body)(void *arg), void *arg, int in,
               int out, void (*ended)(void *ctx, int status), void *ctx)
    SM_WARN_UNUSED;

/* Send a signal to a program's group (or to a role); fine when it ended. */
void spawn_kill(const struct child *c, int sig);

/* The same to the program alone: what it has started lives on. */
void spawn_kill_alone(const struct child *c, int sig);

/* The owner goes away: kill, and do not call `ended` any more. */
void spawn_forget(struct child *c);

/* "exit 3", "killed by signal 9"; a static buffer. */
const char *spawn_status_text(int status);

/* ---- a program run for its output ---- */

#define RUN_ARGS 6

struct run {
    struct child child;
    struct loop_watch watch;
    struct loop_timer timer;
    uint8_t *data;                          /* what it wrote, NUL added */
    size_t len, max;
    bool active, at_end, exited, timed_out;
    int status;
    void (*done)(void *ctx, int err);
    void *ctx;
};

/*
 * Run a program and collect its output.
 *   in    its standard input (-1: /dev/null); stays the caller's
 *   max   cap of the output in bytes; more is an error
 *   ms    time it may take
 *   done  called when it has ended: err is 0, or the class of its exit code
 *         (base/err.h), SM_TIMEOUT, SM_PROTOCOL for too much output.
 *         run->data holds the output until run_clear().
 * Returns 0, or an error and `done` is never called.
 */
int run_start(struct run *run, const struct sm_conf_command *command,
              const char *const *more, int in, size_t max, int ms,
              void (*done)(void *ctx, int err), void *ctx) SM_WARN_UNUSED;

/*
 * As run_start(), for secmig-vault, which is told where this daemon's files
 * are.
 *   request  its words, NULL-terminated, at most 2
 *   socket   its descriptor 3 (-1: none); stays the caller's
 */
int run_vault(struct run *run, const char *const *request, int in,
              int socket, size_t max, int ms,
              void (*done)(void *ctx, int err), void *ctx) SM_WARN_UNUSED;

/* As run_start(), for a child of spawn_fork(). */
int run_fork(struct run *run, int (*body)(void *arg), void *arg, int in,
             size_t max, int ms, void (*done)(void *ctx, int err), void *ctx)
    SM_WARN_UNUSED;

/* Kill it if it runs, free what it wrote. */
void run_clear(struct run *run);

#endif
