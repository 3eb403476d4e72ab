/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "incoming/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "xen/savefile.h"
#include "xen/words.h"

/* All that it says: the second when it has the whole guest. */
static const char words[] = SM_XEN_BANNER SM_XEN_READY;

#define PIPE_BYTES (1024 * 1024)

/* When it has ended: how often it is looked whether anybody still reads its
 * input, and for how long; ms. */
#define READER_EVERY 10
#define READER_MAX 3000

/* Not for now; the descriptor is kept. */
static void rest(struct loop_watch *w)
{
    int fd = w->fd;

    loop_unwatch(w);
    w->fd = fd;
}

static void tell(struct receive *r, int err, const char *why)
{
    if (r->told)
        return;
    r->told = true;
    loop_disarm(&r->timer);
    sm_wire_writer_dispose(&r->preamble);
    r->params.ready(r->params.ctx, err, why);
}

static void too_slow(void *ctx)
{
    tell(ctx, SM_TIMEOUT, "xl migrate-receive is not ready in time");
}

static bool is_complete(const struct receive *r)
{
    return r->heard == sizeof(words);
}

/* Read on what it says: the banner, and the rest when it has its config.
 * Returns whether there may be more. */
static bool hear(struct receive *r)
{
    size_t end = r->told ? sizeof(words) : SM_XEN_BANNER_LEN;
    char said[sizeof(words)];
    ssize_t n;

    if (r->out.fd < 0 || r->heard >= end)
        return false;
    n = read(r->out.fd, said, end - r->heard);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    if (n > 0 && !memcmp(said, words + r->heard, (size_t)n)) {
        r->heard += (size_t)n;
        return true;
    }
    loop_close(&r->out);
    if (n > 0) {                /* else its exit status follows */
        tell(r, SM_XL, "xl migrate-receive does not begin with its banner");
        receive_kill(r);
    }
    return false;
}

static bool is_read(const struct receive *r)
{
    struct pollfd p = { .fd = r->in.fd };

    return poll(&p, 1, 0) <= 0 || !(p.revents & POLLERR);
}

/* Those of its group that it has left behind.  It has been waited for: a
 * process with its number is somebody else's. */
static void kill_rest(struct receive *r)
{
    if (kill(r->group, 0) && errno == ESRCH)
        kill(-r->group, SIGKILL);
}

static void finish(struct receive *r, enum receive_end how)
{
    r->lingers = false;
    loop_disarm(&r->timer);
    loop_close(&r->in);
    r->params.ended(r->params.ctx, how, r->status);
}

/*
 * It has said that it has the whole guest, and has ended.  The monitor may
 * hold its input for a moment longer.  An xl that was started by it would hold
 * it for good, and at its end destroy a guest that runs by then.
 */
static void linger(void *ctx)
{
    struct receive *r = ctx;

    if (!is_read(r)) {
        finish(r, RECEIVE_COMPLETE);
    } else if (sm_clock_now_ms() < r->patience) {
        loop_arm(&r->timer, READER_EVERY, linger, r);
    } else {
        kill_rest(r);
        finish(r, RECEIVE_HELD);
    }
}

static void give_up(void *ctx)
{
    struct receive *r = ctx;

    kill_rest(r);
    finish(r, RECEIVE_FAILED);
}

static void on_end(void *ctx, int status)
{
    struct receive *r = ctx;

    while (hear(r))             /* its last words */
        ;
    /* No ready() after this: the status says more. */
    r->told = true;
    r->status = status;
    sm_wire_writer_dispose(&r->preamble);
    loop_close(&r->out);
    if (is_complete(r) && r->in.fd >= 0) {
        r->lingers = true;
        r->patience = sm_clock_now_ms() + READER_MAX;
        linger(r);
    } else {
        finish(r, RECEIVE_FAILED);
    }
}

/* It has its config. */
static void on_words(void *ctx, short revents)
{
    struct receive *r = ctx;

    (void)revents;
    while (hear(r))
        ;
    if (is_complete(r)) {
        loop_close(&r->out);
        /* on_end() follows.  The guest's monitor, which xl has just started,
         * may still be in its process group, and has to live. */
        spawn_kill_alone(&r->child, SIGKILL);
    }
}

static void on_writable(void *ctx, short revents)
{
    struct receive *r = ctx;
    ssize_t n;

    (void)revents;
    if (r->told) {              /* it was not taken: xl is being killed */
        loop_close(&r->in);
        return;
    }
    n = write(r->in.fd, r->preamble.data + r->written,
              r->preamble.len - r->written);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        /* Its exit status, which follows, says why. */
        loop_close(&r->in);
        return;
    }
    r->written += (size_t)n;
    if (r->written < r->preamble.len)
        return;
    rest(&r->in);
    loop_watch(&r->out, r->out.fd, POLLIN, on_words, r);
    tell(r, 0, "");
}

static void on_banner(void *ctx, short revents)
{
    struct receive *r = ctx;

    (void)revents;
    while (hear(r))
        ;
    if (r->heard < SM_XEN_BANNER_LEN)
        return;
    rest(&r->out);
    loop_watch(&r->in, r->in.fd, POLLOUT, on_writable, r);
}

void receive_init(struct receive *r)
{
    memset(r, 0, sizeof(*r));
    r->in.fd = r->out.fd = -1;
}

int receive_start(struct receive *r, const struct receive_params *params)
{
    const char *more[] = { params->paused ? "-p" : NULL, NULL };
    int rc, in[2] = { -1, -1 }, out[2] = { -1, -1 };

    r->params = *params;
    sm_wire_writer_init(&r->preamble, SM_SAVEFILE_MAX);
    rc = sm_savefile_write(&r->preamble, params->config,
                           params->config_len);
    if (rc)
        goto out;
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
        rc = SM_IO;
        goto out;
    }
    fcntl(in[1], F_SETPIPE_SZ, PIPE_BYTES);
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    rc = spawn_program(&r->child, params->command, more, in[0], out[1],
                       on_end, r);
    if (rc)
        goto out;
    r->group = r->child.pid;
    r->in.fd = in[1];
    in[1] = -1;
    loop_watch(&r->out, out[0], POLLIN, on_banner, r);
    out[0] = -1;
    loop_arm(&r->timer, params->timeout, too_slow, r);
out:
    if (in[0] >= 0)
        close(in[0]);
    if (in[1] >= 0)
        close(in[1]);
    if (out[0] >= 0)
        close(out[0]);
    if (out[1] >= 0)
        close(out[1]);
    if (rc)
        sm_wire_writer_dispose(&r->preamble);
    return rc;
}

int receive_take(struct receive *r)
{
    return fcntl(r->in.fd, F_DUPFD_CLOEXEC, 3);
}

bool receive_active(const struct receive *r)
{
    return r->child.pid > 0 || r->lingers;
}

void receive_kill(struct receive *r)
{
    if (r->lingers)
        loop_soon(&r->timer, give_up, r);
    else
        spawn_kill(&r->child, SIGKILL);
}

void receive_clear(struct receive *r)
{
    if (r->lingers)
        kill_rest(r);
    r->lingers = false;
    spawn_forget(&r->child);
    loop_disarm(&r->timer);
    loop_close(&r->in);
    loop_close(&r->out);
    sm_wire_writer_dispose(&r->preamble);
}
