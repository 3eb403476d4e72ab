/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's side of an outgoing migration: what it says, what it is told,
 * and who else asks about it. */
#include "outgoing/outgoing.h"

#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/log.h"
#include "operators/operate.h"
#include "parent/parent.h"

#define IDLE_TIME 10000         /* ms for a client to say what it wants */
#define CLIENTS_OWN_MAX 16      /* of one account that is not root's */
#define FAREWELL_TIME 5000      /* ms to read its last word */

static struct outgoing *sessions;
static struct ipc_message message;      /* the one being handled */

void outgoing_free(struct outgoing *o)
{
    struct outgoing **p;

    for (p = &sessions; *p; p = &(*p)->next) {
        if (*p == o) {
            *p = o->next;
            break;
        }
    }
    outgoing_move_clear(o);
    run_clear(&o->run);
    decision_clear(&o->decision);
    keys_forget_wait(&o->key);
    prove_forget(&o->prove);
    spawn_forget(&o->control);
    spawn_forget(&o->dialer);
    spawn_forget(&o->peer);
    loop_close(&o->control_watch);
    loop_close(&o->dialer_watch);
    loop_close(&o->peer_watch);
    loop_disarm(&o->timer);
    if (o->config >= 0)
        close(o->config);
    if (o->papers >= 0)
        close(o->papers);
    facts_clear(&o->facts);
    free(o);
}

static void too_late(void *ctx)
{
    outgoing_free(ctx);
}

/* ---- the client's last word ---- */

void outgoing_tell(struct outgoing *o, enum ipc_type type, int code,
                   const char *rule, const char *text, const int *fds)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, (uint16_t)-code);
    sm_wire_put_str(&w, rule);
    sm_wire_put_str(&w, text);
    if (ipc_send(o->control_watch.fd, type, &w, fds, fds ? 1 : 0))
        sm_debug("out-%lu: client gone before its answer", o->id);
    sm_wire_writer_dispose(&w);
}

void outgoing_finish(struct outgoing *o, int code, const char *rule,
                     const char *fmt, ...)
{
    char text[FRAME_TEXT_MAX + 1];
    va_list ap;

    if (o->state == OUT_ENDED)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!sm_wire_text_ok(text, strlen(text)))
        snprintf(text, sizeof(text), "%s", sm_err_text(code));
    sm_log(code ? SM_LOG_WARNING : SM_LOG_NOTICE,
           "out-%lu: vm=%s to=%s result=%s code=%d rule=%s text=\"%s\"",
           o->id, SM_LOG_WORD(o->facts.name), o->host,
           code == SM_IN_DOUBT ? "in-doubt" : code ? "failed" : "moved",
           -code, SM_LOG_WORD(rule),
           SM_LOG_TEXT(text));
    if (o->operate)
        operate_verdict(o->operate, o->id, code, rule, text);
    outgoing_tell(o, o->answered ? IPC_CLIENT_RESULT : IPC_CLIENT_ANSWER,
                  code, rule, text, NULL);
    o->answered = true;
    o->state = OUT_ENDED;
    if (o->config >= 0)
        close(o->config);
    if (o->papers >= 0)
        close(o->papers);
    o->config = o->papers = -1;
    run_clear(&o->run);
    decision_clear(&o->decision);
    keys_forget_wait(&o->key);
    spawn_forget(&o->dialer);
    loop_close(&o->dialer_watch);
    loop_close(&o->stream);
    loop_arm(&o->timer, FAREWELL_TIME, too_late, o);
}

void outgoing_role_ended(void *ctx, int status)
{
    struct outgoing *o = ctx;

    /* The end of its channel says the same; this is for the log. */
    if (status)
        sm_warning("out-%lu: a helper process ended: %s", o->id,
                   spawn_status_text(status));
}

/* ---- the client ---- */

static void on_migrate(struct outgoing *o, struct sm_wire_reader *r)
{
    outgoing_ask(o, r, &message);
}

static void on_cancel(struct outgoing *o, struct sm_wire_reader *r)
{
    (void)r;
    if (o->state == OUT_MOVE)
        outgoing_given_up(o);
    else
        outgoing_cancel(o, "cancelled by the client");
}

static void on_hand_over(struct outgoing *o, struct sm_wire_reader *r)
{
    (void)r;
    outgoing_given(o);
}

/* Each is safe though a hostile control process may send it: MIGRATE is
 * decided for the uid that the kernel named, or for the operator whose xl it
 * is; CANCEL and HAND_OVER concern this client's guest only.  What operators
 * ask for is operate.c's. */
static const struct {
    enum ipc_type type;
    unsigned int states;        /* bit (1 << state) */
    size_t n_fds;
    void (*handle)(struct outgoing *o, struct sm_wire_reader *r);
} from_control[] = {
    { IPC_CLIENT_MIGRATE, 1u << OUT_IDLE, 1, on_migrate },
    { IPC_CLIENT_CANCEL,  1u << OUT_FACTS | 1u << OUT_KEY | 1u << OUT_DIAL |
                          1u << OUT_ASK | 1u << OUT_MOVE | 1u << OUT_ENDED, 0,
      on_cancel },
    { IPC_CLIENT_HAND_OVER, 1u << OUT_MOVE | 1u << OUT_ENDED, 0,
      on_hand_over },
};

static void client_gone(struct outgoing *o)
{
    loop_close(&o->control_watch);
    if (o->state == OUT_MOVE) {
        outgoing_move_alone(o);
        return;
    }
    if (o->state == OUT_ASK)
        outgoing_cancel(o, "the client has gone");
    else if (o->operate && o->state != OUT_ENDED)
        operate_verdict(o->operate, o->id, SM_CANCELLED, "",
                        "xl has ended before the migration began");
    if (o->state == OUT_ENDED && o->peer_watch.fd >= 0 && o->peer.pid) {
        loop_arm(&o->timer, FAREWELL_TIME, too_late, o);
        return;
    }
    outgoing_free(o);
}

/* Not a migration: the client with all its belongings moves over. */
static void is_operator(struct outgoing *o)
{
    int channel = o->control_watch.fd;

    loop_unwatch(&o->control_watch);
    operate_take(&o->control, channel, o->uid, o->account, &message);
    outgoing_free(o);
}

static void on_control(void *ctx, short revents)
{
    struct outgoing *o = ctx;
    struct sm_wire_reader r;
    size_t i;
    int rc;

    (void)revents;
    rc = ipc_recv(o->control_watch.fd, &message);
    if (rc == SM_BUSY)
        return;
    if (rc) {
        client_gone(o);
        return;
    }
    if (o->state == OUT_IDLE && operate_is(message.type)) {
        is_operator(o);
        return;
    }
    sm_wire_reader_init(&r, message.body, message.len);
    for (i = 0; i < sizeof(from_control) / sizeof(from_control[0]); i++)
        if (from_control[i].type == message.type &&
            from_control[i].n_fds == message.n_fds &&
            (from_control[i].states & 1u << o->state))
            break;
    if (i < sizeof(from_control) / sizeof(from_control[0]))
        from_control[i].handle(o, &r);
    else
        r.error = SM_PROTOCOL;
    ipc_close_fds(&message);
    if (sm_wire_end(&r)) {
        sm_warning("out-%lu: malformed request from uid %u", o->id,
                   (unsigned int)o->uid);
        outgoing_free(o);
    }
}

/* Each client costs a process: one of the group may not take them all. */
static bool crowded(uid_t uid)
{
    const struct outgoing *o;
    int n = 0;

    for (o = sessions; o; o = o->next)
        n += o->uid == uid && o->control_watch.fd >= 0;
    return uid != 0 && n >= CLIENTS_OWN_MAX;
}

void outgoing_new(int fd, const struct ucred *cred)
{
    struct outgoing *o = crowded(cred->uid) ? NULL : calloc(1, sizeof(*o));
    struct passwd *pw;
    int channel;

    if (!o) {
        close(fd);
        return;
    }
    pw = getpwuid(cred->uid);
    o->id = ++parent.last_id;
    o->uid = cred->uid;
    o->pid = cred->pid;
    o->operate = operate_claim(cred);
    o->since = sm_clock_now_ms();
    o->config = o->papers = -1;
    o->control_watch.fd = o->dialer_watch.fd = o->peer_watch.fd = -1;
    o->stream.fd = -1;
    if (pw && strlen(pw->pw_name) < sizeof(o->account))
        strcpy(o->account, pw->pw_name);
    else
        snprintf(o->account, sizeof(o->account), "uid:%u",
                 (unsigned int)cred->uid);
    o->next = sessions;
    sessions = o;
    if (spawn_role(&o->control, "control", &channel, outgoing_role_ended, o)) {
        sm_error("cannot start a control process");
        close(fd);
        outgoing_free(o);
        return;
    }
    loop_watch(&o->control_watch, channel, POLLIN, on_control, o);
    loop_arm(&o->timer, IDLE_TIME, too_late, o);
    if (ipc_send(channel, IPC_CLIENT_START, NULL, &fd, 1))
        outgoing_free(o);
    close(fd);
}

/* ---- for the others ---- */

bool outgoing_has(const uint8_t uuid[static 16])
{
    struct outgoing *o;

    for (o = sessions; o; o = o->next)
        if (o->state >= OUT_KEY && o->state <= OUT_MOVE &&
            !memcmp(o->facts.uuid, uuid, 16))
            return true;
    return false;
}

struct outgoing *outgoing_find(const char *vm)
{
    struct outgoing *o;
    char uuid[37];

    for (o = sessions; o; o = o->next) {
        facts_uuid_text(o->facts.uuid, uuid);
        if (o->state >= OUT_FACTS && o->state <= OUT_MOVE &&
            (!strcmp(o->facts.name, vm) || !strcmp(uuid, vm)))
            return o;
    }
    return NULL;
}

bool outgoing_abort(unsigned long id, const char *text)
{
    struct outgoing *o;

    for (o = sessions; o; o = o->next) {
        if (o->id == id && o->state >= OUT_FACTS && o->state <= OUT_MOVE) {
            if (o->handover && !handover_stoppable(o->handover))
                return false;
            outgoing_cancel(o, text);
            return true;
        }
    }
    return false;
}

int outgoing_count(void)
{
    struct outgoing *o;
    int n = 0;

    for (o = sessions; o; o = o->next)
        n += o->state >= OUT_FACTS && o->state <= OUT_MOVE;
    return n;
}

void outgoing_status(char *out, size_t size, const char *account)
{
    static const char *const words[] = {
        "asked", "asking secmig-xl", "unsealing the host key", "connecting",
        "asking the other host", "moving", "ended",
    };
    struct outgoing *o;
    int n;

    out[0] = '\0';
    for (o = sessions; o; o = o->next) {
        if (o->state < OUT_FACTS || o->state > OUT_MOVE ||
            (account && strcmp(account, o->account)))
            continue;
        n = snprintf(out, size, "out-%lu: %s to %s, by %s: %s, %lld s\n",
                     o->id, o->facts.name, o->host, o->account,
                     words[o->state],
                     (long long)(sm_clock_now_ms() - o->since) / 1000);
        if (n < 0 || (size_t)n >= size) {
            out[0] = '\0';
            return;
        }
        out += n;
        size -= (size_t)n;
    }
}
