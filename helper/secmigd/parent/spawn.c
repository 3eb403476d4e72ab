/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parent/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "ipc.h"
#include "parent/parent.h"
#include "roles.h"

#define ARGS_MAX (SM_CONF_WORDS_MAX + RUN_ARGS + 1)

/* The process's children and how to make more: there is one parent. */
static struct child *children;
static struct loop_watch sigchld;
static const char *root_arg, *conf_arg;
static int self_exe = -1;       /* this program, even if upgraded on disk */

static void on_sigchld(void *ctx, short revents)
{
    struct signalfd_siginfo info;
    struct child *c, **p;
    int status;
    pid_t pid;

    (void)ctx;
    (void)revents;
    if (read(sigchld.fd, &info, sizeof(info)) < 0 && errno != EAGAIN)
        return;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (p = &children; *p; p = &(*p)->next) {
            if ((*p)->pid == pid) {
                c = *p;
                *p = c->next;
                c->pid = 0;
                c->ended(c->ctx, status);
                break;
            }
        }
    }
}

int spawn_init(const char *root, const char *conf_file)
{
    sigset_t set;
    int fd;

    root_arg = root;
    conf_arg = conf_file;
    self_exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (self_exe < 0 || sigprocmask(SIG_BLOCK, &set, NULL))
        return SM_IO;
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return SM_IO;
    loop_watch(&sigchld, fd, POLLIN, on_sigchld, NULL);
    return 0;
}

/* ---- after fork ---- */

static char *const *clean_environment(void)
{
    static const char *const kept[] = {
        "JOURNAL_STREAM", "CREDENTIALS_DIRECTORY",
#if defined(SM_SANITIZED)
        "ASAN_OPTIONS", "UBSAN_OPTIONS",
#endif
    };
    static char *env[8];
    size_t i, n = 0;
    const char *value;

    env[n++] = strdup("PATH=/usr/local/sbin:/usr/local/bin:"
                      "/usr/sbin:/usr/bin:/sbin:/bin");
    env[n++] = strdup("LC_ALL=C.UTF-8");
    for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        value = getenv(kept[i]);
        if (value && asprintf(&env[n], "%s=%s", kept[i], value) > 0)
            n++;
    }
    env[n] = NULL;
    return env;
}

/* What whoever started us had ignored is not the child's to inherit. */
static void fresh_signals(void)
{
    sigset_t none;
    int sig;

    for (sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);       /* fails for SIGKILL and the like */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Put `fds` at 0, 1, … (-1: /dev/null) and close all others but `keep`. */
static void arrange(int in, int out)
{
    int null = open("/dev/null", O_RDWR);

    /* Above the places we are going to fill. */
    in = fcntl(in >= 0 ? in : null, F_DUPFD, 10);
    out = fcntl(out >= 0 ? out : null, F_DUPFD, 10);
    if (null < 0 || in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0)
        _exit(126);
}

static void enlist(struct child *c, pid_t pid,
                   void (*ended)(void *ctx, int status), void *ctx)
{
    c->pid = pid;
    c->ended = ended;
    c->ctx = ctx;
    c->next = children;
    children = c;
}

int spawn_role(struct child *c, const char *role, int *channel,
               void (*ended)(void *ctx, int status), void *ctx)
{
    const char *argv[] = { "secmigd", "--role", role, NULL, NULL, NULL, NULL,
                           NULL };
    int sv[2], n = 3, exe, chan;
    pid_t pid;

    *channel = -1;
    if (ipc_pair(sv))
        return SM_IO;
    if (root_arg) {
        argv[n++] = "--root";
        argv[n++] = root_arg;
    }
    if (conf_arg) {
        argv[n++] = "--config";
        argv[n++] = conf_arg;
    }
    pid = fork();
    if (pid < 0) {
        close(sv[0]);
        close(sv[1]);
        return SM_IO;
    }
    if (pid == 0) {
        fresh_signals();
        arrange(-1, STDERR_FILENO);
        chan = fcntl(sv[1], F_DUPFD, 10);
        exe = fcntl(self_exe, F_DUPFD, 10);
        if (chan < 0 || exe < 0 || dup2(chan, ROLE_CHANNEL) < 0 ||
            dup2(exe, ROLE_CHANNEL + 1) < 0 ||
            fcntl(ROLE_CHANNEL + 1, F_SETFD, FD_CLOEXEC) ||
            close_range(ROLE_CHANNEL + 2, ~0u, 0))
            _exit(126);
        fexecve(ROLE_CHANNEL + 1, (char *const *)argv, clean_environment());
        _exit(127);
    }
    close(sv[1]);
    fcntl(sv[0], F_SETFL, O_NONBLOCK);
    *channel = sv[0];
    enlist(c, pid, ended, ctx);
    return 0;
}

/*
 * err: -1: ours, and it dies with us: what it would do to a domain later is
 * not what the next daemon knows of.  third: its descriptor 3, -1: none.
 */
static int start(struct child *c, const struct sm_conf_command *command,
                 const char *const *more, int in, int out, int err, int third,
                 void (*ended)(void *ctx, int status), void *ctx)
{
    const char *argv[ARGS_MAX + 1];
    pid_t pid, self = getpid();
    int n = 0, i;

    for (i = 0; command->argv[i]; i++)
        argv[n++] = command->text + (command->argv[i] - command->argv[0]);
    for (i = 0; more && more[i] && n < ARGS_MAX; i++)
        argv[n++] = more[i];
    argv[n] = NULL;
    pid = fork();
    if (pid < 0)
        return SM_IO;
    if (pid == 0) {
        fresh_signals();
        arrange(in, out);
        /* Who reads what it says may end first: that must not end it. */
        if (err >= 0)
            signal(SIGPIPE, SIG_IGN);
        else if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != self)
            _exit(126);
        if (third >= 0)
            third = fcntl(third, F_DUPFD, 10);
        if (setsid() < 0 || (err >= 0 && dup2(err, STDERR_FILENO) < 0) ||
            (third >= 0 && dup2(third, 3) < 0) ||
            close_range(third >= 0 ? 4 : 3, ~0u, 0))
            _exit(126);
        execve(argv[0], (char *const *)argv, clean_environment());
        _exit(127);
    }
    enlist(c, pid, ended, ctx);
    return 0;
}

int spawn_program(struct child *c, const struct sm_conf_command *command,
                  const char *const *more, int in, int out,
                  void (*ended)(void *ctx, int status), void *ctx)
{
    return start(c, command, more, in, out, -1, -1, ended, ctx);
}

int spawn_session(struct child *c, const struct sm_conf_command *command,
                  const char *const *more, int out,
                  void (*ended)(void *ctx, int status), void *ctx)
{
    return start(c, command, more, -1, out, out, -1, ended, ctx);
}

void spawn_move(struct child *from, struct child *to,
                void (*ended)(void *ctx, int status), void *ctx)
{
    struct child **p;

    to->pid = 0;
    for (p = &children; *p; p = &(*p)->next) {
        if (*p == from) {
            *p = from->next;
            enlist(to, from->pid, ended, ctx);
            break;
        }
    }
    from->pid = 0;
}

int spawn_fork(struct child *c, int (*body)(void *arg), void *arg, int in,
               int out, void (*ended)(void *ctx, int status), void *ctx)
{
    pid_t pid;

    pid = fork();
    if (pid < 0)
        return SM_IO;
    if (pid == 0) {
        fresh_signals();
        arrange(in, out);
        if (close_range(3, ~0u, 0))
            _exit(126);
        _exit(body(arg));
    }
    enlist(c, pid, ended, ctx);
    return 0;
}

void spawn_kill(const struct child *c, int sig)
{
    if (c->pid <= 0)
        return;
    if (getpgid(c->pid) == c->pid)
        kill(-c->pid, sig);
    else
        kill(c->pid, sig);
}

void spawn_kill_alone(const struct child *c, int sig)
{
    if (c->pid > 0)
        kill(c->pid, sig);
}

void spawn_forget(struct child *c)
{
    struct child **p;

    spawn_kill(c, SIGKILL);
    for (p = &children; *p; p = &(*p)->next) {
        if (*p == c) {
            *p = c->next;
            break;
        }
    }
    c->pid = 0;
}

const char *spawn_status_text(int status)
{
    static char text[40];

    if (WIFSIGNALED(status))
        snprintf(text, sizeof(text), "killed by signal %d",
                 WTERMSIG(status));
    else
        snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
    return text;
}

/* ---- a program run for its output ---- */

static void run_finish(struct run *run)
{
    int err;

    if (!run->exited || !run->at_end)
        return;
    loop_disarm(&run->timer);
    run->active = false;
    if (run->timed_out)
        err = SM_TIMEOUT;
    else if (run->len > run->max)
        err = SM_PROTOCOL;
    else if (WIFEXITED(run->status))
        err = sm_err_from_code((unsigned int)WEXITSTATUS(run->status));
    else
        err = SM_FAIL;
    if (run->data)
        run->data[run->len < run->max ? run->len : run->max] = '\0';
    run->done(run->ctx, err);
}

/* No more is read of it. */
static void run_deaf(struct run *run)
{
    if (run->watch.fd >= 0)
        close(run->watch.fd);
    loop_unwatch(&run->watch);
    run->at_end = true;
}

static void run_ended(void *ctx, int status)
{
    struct run *run = ctx;

    run->exited = true;
    run->status = status;
    if (run->timed_out)
        run_deaf(run);
    run_finish(run);
}

static void run_output(void *ctx, short revents)
{
    struct run *run = ctx;
    uint8_t spill[512];
    ssize_t n;

    (void)revents;
    if (run->len < run->max)
        n = read(run->watch.fd, run->data + run->len, run->max - run->len);
    else
        n = read(run->watch.fd, spill, sizeof(spill));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0 && run->len < run->max) {
        run->len += (size_t)n;
        return;
    }
    if (n > 0) {                /* over the cap: enough heard */
        run->len = run->max + 1;
        spawn_kill(&run->child, SIGKILL);
    }
    run_deaf(run);
    run_finish(run);
}

static void run_late(void *ctx)
{
    struct run *run = ctx;

    run->timed_out = true;
    spawn_kill(&run->child, SIGKILL);
    /* It has ended, and what it has started holds its output. */
    if (run->exited) {
        run_deaf(run);
        run_finish(run);
    }
}

/* Everything but the child itself.  *out is the end that it writes to. */
static int run_prepare(struct run *run, size_t max,
                       void (*done)(void *ctx, int err), void *ctx, int *out)
{
    int fds[2];

    memset(run, 0, sizeof(*run));
    run->watch.fd = -1;
    run->max = max;
    run->done = done;
    run->ctx = ctx;
    run->data = malloc(max + 1);
    if (!run->data)
        return SM_NO_MEMORY;
    if (pipe2(fds, O_CLOEXEC)) {
        free(run->data);
        run->data = NULL;
        return SM_IO;
    }
    loop_watch(&run->watch, fds[0], POLLIN, run_output, run);
    *out = fds[1];
    return 0;
}

/* The child is started, or it is not. */
static int run_begin(struct run *run, int rc, int out, int ms)
{
    close(out);
    if (rc) {
        close(run->watch.fd);
        loop_unwatch(&run->watch);
        free(run->data);
        run->data = NULL;
        return rc;
    }
    loop_arm(&run->timer, ms, run_late, run);
    run->active = true;
    return 0;
}

int run_start(struct run *run, const struct sm_conf_command *command,
              const char *const *more, int in, size_t max, int ms,
              void (*done)(void *ctx, int err), void *ctx)
{
    int rc, out = -1;

    rc = run_prepare(run, max, done, ctx, &out);
    if (rc)
        return rc;
    rc = spawn_program(&run->child, command, more, in, out, run_ended, run);
    return run_begin(run, rc, out, ms);
}

int run_vault(struct run *run, const char *const *request, int in,
              int socket, size_t max, int ms,
              void (*done)(void *ctx, int err), void *ctx)
{
    const char *more[RUN_ARGS + 1];
    int rc, out = -1, n = 0;

    for (; n < 2 && request[n]; n++)
        more[n] = request[n];
    if (root_arg) {
        more[n++] = "--root";
        more[n++] = root_arg;
    }
    if (conf_arg) {
        more[n++] = "--config";
        more[n++] = conf_arg;
    }
    more[n] = NULL;
    rc = run_prepare(run, max, done, ctx, &out);
    if (rc)
        return rc;
    rc = start(&run->child, &parent.conf.vault, more, in, out, -1, socket,
               run_ended, run);
    return run_begin(run, rc, out, ms);
}

int run_fork(struct run *run, int (*body)(void *arg), void *arg, int in,
             size_t max, int ms, void (*done)(void *ctx, int err), void *ctx)
{
    int rc, out = -1;

    rc = run_prepare(run, max, done, ctx, &out);
    if (rc)
        return rc;
    rc = spawn_fork(&run->child, body, arg, in, out, run_ended, run);
    return run_begin(run, rc, out, ms);
}

void run_clear(struct run *run)
{
    if (run->active) {
        spawn_forget(&run->child);
        loop_disarm(&run->timer);
        if (run->watch.fd >= 0) {
            close(run->watch.fd);
            loop_unwatch(&run->watch);
        }
        run->active = false;
    }
    free(run->data);
    run->data = NULL;
    run->len = 0;
}
