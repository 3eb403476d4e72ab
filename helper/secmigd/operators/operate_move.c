/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl on behalf of an operator.  It runs as root in a session of its own.
 * When a root client in that session asks for a migration, that is this
 * operator's wish and is decided as such: otherwise whoever may start xl
 * would have all that root may do.
 */
#include "operators/operate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "outgoing/outgoing.h"
#include "parent/parent.h"

#define SAID_MAX 32768          /* bytes of xl's words in the log */
#define LAST_WORDS_MAX (1024 * 1024)    /* read once xl has ended */

static struct operate *find(unsigned long id)
{
    struct operate *o;

    for (o = operate_first(); o; o = o->next)
        if (o->id == id)
            return o;
    return NULL;
}

/* ---- what xl says ---- */

static void log_line(struct operate *o)
{
    size_t i;

    if (!o->line_len)
        return;
    for (i = 0; i < o->line_len; i++)
        if (o->line[i] < ' ' || o->line[i] > '~')
            o->line[i] = '?';
    o->line[o->line_len] = '\0';
    if (o->said < SAID_MAX) {
        o->said += o->line_len;
        sm_info("op-%lu: xl: %s", o->id, o->line);
        if (o->said >= SAID_MAX)
            sm_info("op-%lu: xl says more, which is left out", o->id);
    }
    o->line_len = 0;
}

/* Returns whether there may be more. */
static bool read_output(struct operate *o)
{
    char text[4096];
    ssize_t n, i;

    n = read(o->output.fd, text, sizeof(text));
    if (n < 0)
        return errno == EINTR;
    for (i = 0; i < n; i++) {
        /* xl draws its progress with carriage returns. */
        if (text[i] == '\n' || text[i] == '\r')
            log_line(o);
        else if (o->line_len < sizeof(o->line) - 1)
            o->line[o->line_len++] = text[i];
    }
    return n > 0;
}

static void close_output(struct operate *o)
{
    if (o->output.fd >= 0)
        close(o->output.fd);
    loop_unwatch(&o->output);
    log_line(o);
}

static void on_output(void *ctx, short revents)
{
    struct operate *o = ctx;

    (void)revents;
    if (!read_output(o) && errno != EAGAIN)
        close_output(o);
}

/* ---- how it ends ---- */

static void conclude(struct operate *o)
{
    const char *text = o->text;
    int code = o->verdict;

    loop_disarm(&o->patience);
    if (!o->have_verdict && o->migration) {
        code = o->xl_code ? o->xl_code : SM_FAIL;
        text = "xl has ended, and the migration has not: it goes on by itself "
               "(see secmig handover list)";
    } else if (!o->have_verdict) {
        code = o->xl_code ? o->xl_code : SM_XL;
        text = "xl has ended without asking for the migration: its words "
               "are in the daemon's log";
    } else if (!code && o->xl_ended && o->xl_code) {
        code = o->xl_code;
        text = "the guest is there; xl here has failed all the same: its "
               "words are in the daemon's log";
    }
    operate_finish(o, code, o->rule, "%s", text);
}

static void out_of_patience(void *ctx)
{
    conclude(ctx);
}

/* Either of xl and the migration has ended: the other has some time. */
static void await_other(struct operate *o)
{
    if (o->xl_ended && (o->have_verdict || !o->migration))
        conclude(o);
    else
        loop_arm(&o->patience, parent.conf.finish_timeout, out_of_patience,
                 o);
}

static void xl_ended(void *ctx, int status)
{
    struct operate *o = ctx;
    size_t n;

    for (n = 0; o->output.fd >= 0 && n < LAST_WORDS_MAX &&
         read_output(o); n += 4096)
        ;
    close_output(o);
    o->xl_ended = true;
    o->xl_code = WIFEXITED(status) ?
        sm_err_from_code((unsigned int)WEXITSTATUS(status)) : SM_XL;
    sm_info("op-%lu: xl has ended: %s", o->id, spawn_status_text(status));
    if (o->state == OP_MOVE)
        await_other(o);
    else if (o->control_watch.fd < 0)
        operate_free(o);
}

/* ---- starting ---- */

static bool is_moving(const struct operate *self)
{
    const struct operate *o;

    for (o = operate_first(); o; o = o->next)
        if (o != self && o->state == OP_MOVE &&
            !memcmp(o->domain.uuid, self->domain.uuid, 16))
            return true;
    return outgoing_has(self->domain.uuid) ||
           incoming_has(self->domain.uuid);
}

static int count_moves(void)
{
    const struct operate *o;
    int n = outgoing_count();

    for (o = operate_first(); o; o = o->next)
        n += o->state == OP_MOVE && !o->migration;
    return n;
}

static int start_xl(struct operate *o)
{
    const char *args[] = { NULL, NULL, NULL, NULL };
    int rc, out[2], n = 0;

    if (o->flags & FRAME_LEAVE_PAUSED)
        args[n++] = "-p";
    args[n++] = o->domain.name;
    args[n] = o->host;
    if (pipe2(out, O_CLOEXEC))
        return SM_IO;
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    rc = spawn_session(&o->xl, &parent.conf.migrate, args, out[1], xl_ended,
                       o);
    close(out[1]);
    if (rc) {
        close(out[0]);
        return rc;
    }
    loop_watch(&o->output, out[0], POLLIN, on_output, o);
    return 0;
}

static void have_domain(struct operate *o)
{
    struct sm_policy_decision decision;
    int rc;

    if (o->domain.name[0] == '-') {
        operate_finish(o, SM_USAGE, "", "xl would take the guest's name for "
                       "an option");
        return;
    }
    /* Might it be allowed?  If not, xl need not start. */
    operate_decide(o, SM_POLICY_MIGRATE_OUT, &o->domain, o->host, true,
                   &decision);
    if (!decision.allow) {
        operate_refuse(o, &decision);
        return;
    }
    if (is_moving(o)) {
        operate_finish(o, SM_BUSY, "", "%s is already migrating",
                       o->domain.name);
        return;
    }
    if (count_moves() >= parent.conf.max_outgoing) {
        operate_finish(o, SM_BUSY, "", "%d migrations are under way already "
                       "(max-outgoing)", parent.conf.max_outgoing);
        return;
    }
    rc = start_xl(o);
    if (rc) {
        operate_finish(o, rc, "", "cannot start xl: %s", sm_err_text(rc));
        return;
    }
    o->state = OP_MOVE;
    sm_notice("op-%lu: by=%s@%s vm=%s to=%s xl started", o->id, o->account,
              parent.conf.name, SM_LOG_WORD(o->domain.name), o->host);
    operate_answer(o, 0, "", "xl has been started");
}

void operate_move(struct operate *o)
{
    operate_ask_domain(o, have_domain);
}

/* ---- ending early ---- */

void operate_move_cancel(struct operate *o, const char *text)
{
    if (o->state == OP_FACTS) {
        operate_finish(o, SM_CANCELLED, "", "%s", text);
    } else if (o->state == OP_MOVE && o->migration) {
        outgoing_abort(o->migration, text);
    } else if (o->state == OP_MOVE && !o->have_verdict) {
        /* It has not been told to go ahead: the guest is untouched. */
        o->have_verdict = true;
        o->verdict = SM_CANCELLED;
        snprintf(o->text, sizeof(o->text), "%s", text);
        spawn_kill(&o->xl, SIGTERM);
    }
}

void operate_move_clear(struct operate *o)
{
    spawn_forget(&o->xl);
    close_output(o);
    loop_disarm(&o->patience);
}

/* ---- the migration that xl asks for ---- */

unsigned long operate_claim(const struct ucred *cred)
{
    const struct operate *o;
    pid_t session;

    if (cred->uid != 0)
        return 0;
    session = getsid(cred->pid);
    for (o = operate_first(); o; o = o->next)
        if (o->xl.pid > 0 && o->xl.pid == session)
            return o->id;
    return 0;
}

int operate_begins(unsigned long id, unsigned long migration,
                   const uint8_t uuid[static 16], const char *host,
                   char *account, char *role)
{
    struct operate *o = find(id);

    if (!o || o->state != OP_MOVE || o->have_verdict)
        return SM_CANCELLED;
    if (o->migration || memcmp(o->domain.uuid, uuid, 16) ||
        strcmp(o->host, host))
        return SM_REFUSED_LOCAL;
    o->migration = migration;
    strcpy(account, o->account);
    strcpy(role, o->role);
    return 0;
}

void operate_verdict(unsigned long id, unsigned long migration, int code,
                     const char *rule, const char *text)
{
    struct operate *o = find(id);

    if (!o || o->state != OP_MOVE || o->migration != migration)
        return;
    o->have_verdict = true;
    o->verdict = code;
    snprintf(o->rule, sizeof(o->rule), "%s", rule);
    snprintf(o->text, sizeof(o->text), "%s", text);
    await_other(o);
}
