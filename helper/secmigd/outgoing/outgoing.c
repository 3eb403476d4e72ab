/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's side of an outgoing migration: what it says, what it is told,
 * and who else asks about it. */
#include "outgoing/outgoing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/log.h"
#include "base/text.h"
#include "operators/operate.h"
#include "parent/parent.h"

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
    prove_forget(&o->prove);
    dial_clear(&o->dial);
    spawn_forget(&o->control);
    loop_close(&o->control_watch);
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

/* ---- what the client is told ---- */

void outgoing_answer(struct outgoing *o, int code, const char *rule,
                     const char *text, int stream)
{
    if (ipc_send_answer(o->control_watch.fd, o->answered ?
                        IPC_CLIENT_RESULT : IPC_CLIENT_ANSWER, code, rule,
                        text, stream))
        sm_debug("out-%lu: client gone before its answer", o->id);
    o->answered = true;
}

void outgoing_finish(struct outgoing *o, int code, const char *rule,
                     const char *fmt, ...)
{
    char text[FRAME_TEXT_MAX + 1];
    va_list ap;

    if (o->state == OUT_ENDED)
        return;
    va_start(ap, fmt);
    ipc_words(text, sizeof(text), code, fmt, ap);
    va_end(ap);
    sm_log(code ? SM_LOG_WARNING : SM_LOG_NOTICE,
           "out-%lu: vm=%s to=%s result=%s code=%d rule=%s text=\"%s\"",
           o->id, SM_LOG_WORD(o->facts.name), o->host,
           code == SM_IN_DOUBT ? "in-doubt" : code ? "failed" : "moved",
           -code, SM_LOG_WORD(rule),
           SM_LOG_TEXT(text));
    if (o->operate)
        operate_verdict(o->operate, o->id, code, rule, text);
    outgoing_answer(o, code, rule, text, -1);
    o->state = OUT_ENDED;
    if (o->config >= 0)
        close(o->config);
    if (o->papers >= 0)
        close(o->papers);
    o->config = o->papers = -1;
    run_clear(&o->run);
    decision_clear(&o->decision);
    dial_stop(&o->dial);
    loop_close(&o->stream);
    loop_arm(&o->timer, CLIENT_FAREWELL_TIME, too_late, o);
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
    if (o->state == OUT_ENDED && o->dial.peer_watch.fd >= 0 &&
        o->dial.peer.pid) {
        loop_arm(&o->timer, CLIENT_FAREWELL_TIME, too_late, o);
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
    return uid != 0 && n >= CLIENT_OWN_MAX;
}

void outgoing_new(int fd, const struct ucred *cred)
{
    struct outgoing *o = crowded(cred->uid) ? NULL : calloc(1, sizeof(*o));

    if (!o) {
        close(fd);
        return;
    }
    o->id = ++parent.last_id;
    o->uid = cred->uid;
    o->pid = cred->pid;
    o->operate = operate_claim(cred);
    o->since = sm_clock_now_ms();
    o->config = o->papers = -1;
    o->control_watch.fd = o->stream.fd = -1;
    dial_init(&o->dial);
    client_account(cred->uid, o->account);
    o->next = sessions;
    sessions = o;
    loop_arm(&o->timer, CLIENT_IDLE_TIME, too_late, o);
    if (client_start(fd, &o->control, &o->control_watch, on_control,
                     outgoing_role_ended, o))
        outgoing_free(o);
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
    char uuid[SM_TEXT_UUID_SIZE];

    for (o = sessions; o; o = o->next) {
        sm_text_uuid_format(o->facts.uuid, uuid);
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
