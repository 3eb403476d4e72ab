/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operators' sessions: their control process, what it may say when, and what
 * they are told. */
#include "operators/operate.h"

#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "parent/parent.h"
#include "policy/match.h"

#define CLIENTS_MAX 64          /* of the operator socket, at once; of one
                                 * account CLIENT_OWN_MAX: none keeps others
                                 * out alone */

static struct operate *sessions;
static struct ipc_message message;      /* the one being handled */

struct operate *operate_first(void)
{
    return sessions;
}

void operate_free(struct operate *o)
{
    struct operate **p;

    for (p = &sessions; *p; p = &(*p)->next) {
        if (*p == o) {
            *p = o->next;
            break;
        }
    }
    operate_move_clear(o);
    operate_ask_clear(o);
    operate_vm_policy_clear(o);
    run_clear(&o->run);
    spawn_forget(&o->control);
    loop_close(&o->control_watch);
    loop_disarm(&o->timer);
    if (o->policy >= 0)
        close(o->policy);
    if (o->signature >= 0)
        close(o->signature);
    free(o);
}

/* The client hears no more.  An xl that runs for it runs on, and has to be
 * known as long as it does. */
static void let_go(void *ctx)
{
    struct operate *o = ctx;

    spawn_forget(&o->control);
    loop_close(&o->control_watch);
    loop_disarm(&o->timer);
    if (!o->xl.pid)
        operate_free(o);
}

static void control_ended(void *ctx, int status)
{
    struct operate *o = ctx;

    /* The end of its channel says the same; this is for the log. */
    if (status)
        sm_warning("op-%lu: a helper process ended: %s", o->id,
                   spawn_status_text(status));
}

/* ---- what the client is told ---- */

static void told(const struct operate *o, int rc)
{
    if (rc)
        sm_debug("op-%lu: client gone before its answer", o->id);
}

static void ended(struct operate *o)
{
    o->state = OP_ENDED;
    run_clear(&o->run);
    loop_arm(&o->timer, o->control_watch.fd < 0 ? 0 :
             CLIENT_FAREWELL_TIME, let_go, o);
}

void operate_answer(struct operate *o, int code, const char *rule,
                    const char *text)
{
    told(o, ipc_send_answer(o->control_watch.fd, o->answered ?
                            IPC_CLIENT_RESULT : IPC_CLIENT_ANSWER, code, rule,
                            text, -1));
    o->answered = true;
}

void operate_finish(struct operate *o, int code, const char *rule,
                    const char *fmt, ...)
{
    char text[FRAME_TEXT_MAX + 1];
    va_list ap;

    if (o->state == OP_ENDED)
        return;
    va_start(ap, fmt);
    ipc_words(text, sizeof(text), code, fmt, ap);
    va_end(ap);
    sm_log(code ? SM_LOG_WARNING : SM_LOG_NOTICE,
           "op-%lu: by=%s@%s result=%s code=%d rule=%s text=\"%s\"", o->id,
           o->account, parent.conf.name, code ? "failed" : "done", -code,
           SM_LOG_WORD(rule), SM_LOG_TEXT(text));
    operate_answer(o, code, rule, text);
    ended(o);
}

void operate_refuse(struct operate *o, const struct sm_policy_decision *d)
{
    operate_finish(o, d->code, d->rule, "refused here: %s", d->text);
}

void operate_output(struct operate *o, const char *text, size_t len)
{
    int fd = ipc_memfd(text, len);

    if (fd < 0) {
        operate_finish(o, fd, "", "%s", sm_err_text(fd));
        return;
    }
    told(o, ipc_send(o->control_watch.fd, IPC_CLIENT_OUTPUT, NULL, &fd, 1));
    close(fd);
    ended(o);
}

/* Lines of text that fit into a message. */
void operate_status_is(struct operate *o, const char *text)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, (uint16_t)strlen(text));
    sm_wire_put_bytes(&w, text, strlen(text));
    told(o, ipc_send(o->control_watch.fd, IPC_CLIENT_STATUS_IS, &w, NULL,
                     0));
    sm_wire_writer_dispose(&w);
    ended(o);
}

/* ---- which guest ---- */

static void have_domain(void *ctx, int err)
{
    struct operate *o = ctx;
    void (*done)(struct operate *o) = o->have_domain;

    if (!err)
        err = facts_domain(&o->domain, o->run.data, o->run.len);
    run_clear(&o->run);
    if (err)
        operate_finish(o, err, "", "%s: %s", o->vm, sm_err_text(err));
    else
        done(o);
}

void operate_ask_domain(struct operate *o, void (*done)(struct operate *o))
{
    const char *args[] = { "domain", o->vm, NULL };
    int rc;

    o->have_domain = done;
    rc = run_start(&o->run, &parent.conf.facts, args, -1, IPC_MAX,
                   parent.conf.answer_timeout, have_domain, o);
    if (rc)
        operate_finish(o, rc, "", "cannot run secmig-xl: %s",
                       sm_err_text(rc));
}

/* ---- what the client asks ---- */

/* It becomes an argument of programs, behind their options. */
static bool vm_ok(const char *vm)
{
    return vm[0] && vm[0] != '-' && sm_wire_text_ok(vm, strlen(vm));
}

static void on_migrate(struct operate *o)
{
    operate_finish(o, SM_REFUSED_LOCAL, "root-only", "this socket takes no "
                   "guest's state, only root's does: 'secmig migrate' lets "
                   "the daemon start xl");
}

/* Fields of a request behind the role. */
#define VM 1u
#define HOST 2u
#define FLAGS 4u
#define SHOWN 8u

/* Each is safe though a hostile control process may send it: it is decided
 * for the account that the kernel named, and concerns this client only. */
static const struct {
    enum ipc_type type;
    unsigned int fields;
    size_t n_fds;
    void (*handle)(struct operate *o);
} requests[] = {
    { IPC_CLIENT_STATUS, 0, 0, operate_status },
    { IPC_CLIENT_MIGRATE_FOR, VM | HOST | FLAGS, 0, operate_move },
    { IPC_CLIENT_APPROVE, VM | HOST, 0, operate_approve },
    { IPC_CLIENT_ABORT, VM, 0, operate_abort },
    { IPC_CLIENT_RELOAD, 0, 0, operate_reload },
    { IPC_CLIENT_VM_POLICY_ADD, 0, 2, operate_vm_policy },
    { IPC_CLIENT_VM_POLICY_LIST, 0, 0, operate_vm_policy },
    { IPC_CLIENT_VM_POLICY_SHOW, VM, 0, operate_vm_policy },
    { IPC_CLIENT_VM_POLICY_REMOVE, VM, 0, operate_vm_policy },
    { IPC_CLIENT_PLATFORM_ACCEPT, HOST, 0, operate_platform_accept },
    { IPC_CLIENT_HANDOVER_LIST, 0, 0, operate_handover_list },
    { IPC_CLIENT_HANDOVER_SHOW, VM, 0, operate_handover_show },
    { IPC_CLIENT_HANDOVER_SETTLE, VM | FLAGS, 0, operate_handover_settle },
    { IPC_CLIENT_HANDOVER_FENCE, HOST | FLAGS | SHOWN, 0, operate_handover_fence },
};

#define N_REQUESTS (sizeof(requests) / sizeof(requests[0]))

/* Flags that a request may have. */
static uint32_t flags_of(enum ipc_type type)
{
    switch (type) {
    case IPC_CLIENT_MIGRATE_FOR:
        return FRAME_LEAVE_PAUSED;
    case IPC_CLIENT_HANDOVER_SETTLE:
        return FRAME_SETTLE_UNDO | FRAME_SETTLE_ASK;
    case IPC_CLIENT_HANDOVER_FENCE:
        return FRAME_FENCE_ASK | FRAME_FENCE_APPROVE;
    default:
        return 0;
    }
}

static void on_request(struct operate *o, size_t i,
                       struct sm_wire_reader *r)
{
    if (requests[i].fields & FLAGS)
        o->flags = sm_wire_get_u32(r);
    if (requests[i].fields & VM)
        sm_wire_get_str(r, o->vm, sizeof(o->vm));
    if (requests[i].fields & HOST)
        sm_wire_get_str(r, o->host, sizeof(o->host));
    if (requests[i].fields & SHOWN)
        sm_wire_get_str(r, o->shown, sizeof(o->shown));
    if (sm_wire_end(r))
        return;
    if (requests[i].n_fds == 2) {
        o->policy = ipc_take_fd(&message, 0);
        o->signature = ipc_take_fd(&message, 1);
    }
    o->state = OP_FACTS;
    if (o->flags & ~flags_of(requests[i].type))
        operate_finish(o, SM_USAGE, "", "flags that are not known here");
    else if ((requests[i].fields & VM) && !vm_ok(o->vm))
        operate_finish(o, SM_USAGE, "", "not the name of a guest");
    else if ((requests[i].fields & HOST) && !sm_conf_name_ok(o->host))
        operate_finish(o, SM_USAGE, "", "not the name of a host");
    else
        requests[i].handle(o);
}

static bool has_text(uint16_t type)
{
    return type == IPC_CLIENT_TICKET || type == IPC_CLIENT_TRUST_POLICY;
}

/* A text: a ticket, or a public key. */
static void on_text(struct operate *o, struct sm_wire_reader *r)
{
    const uint8_t *text = NULL;
    size_t len = 0;

    sm_wire_get_blob(r, FRAME_TICKET_MAX, &text, &len);
    if (sm_wire_end(r))
        return;
    o->state = OP_FACTS;
    if (o->asked == IPC_CLIENT_TICKET)
        operate_ticket(o, text, len);
    else
        operate_trust_policy(o, text, len);
}

/* The first message, and the only one but CANCEL. */
static void on_first(struct operate *o, struct sm_wire_reader *r)
{
    size_t i;

    loop_disarm(&o->timer);
    o->asked = message.type;
    if (message.type == IPC_CLIENT_MIGRATE && message.n_fds == 1) {
        o->state = OP_FACTS;
        r->pos = r->len;            /* it is not even looked at */
        on_migrate(o);
        return;
    }
    sm_wire_get_str(r, o->role, sizeof(o->role));
    /* It goes into the log, among words that are ours. */
    if (!r->error && o->role[0] && !sm_policy_id_ok(o->role)) {
        o->role[0] = '\0';
        o->state = OP_FACTS;
        r->pos = r->len;
        operate_finish(o, SM_USAGE, "", "that is no name of a role");
        return;
    }
    if (has_text(message.type) && !message.n_fds) {
        on_text(o, r);
        return;
    }
    for (i = 0; i < N_REQUESTS; i++)
        if (requests[i].type == message.type &&
            requests[i].n_fds == message.n_fds)
            break;
    if (i < N_REQUESTS)
        on_request(o, i, r);
    else
        r->error = SM_PROTOCOL;
}

bool operate_is(uint16_t type)
{
    size_t i;

    for (i = 0; i < N_REQUESTS; i++)
        if (requests[i].type == type)
            return true;
    return has_text(type);
}

/* What is in `message` has come from the client's control process. */
static void handle(struct operate *o)
{
    unsigned long id = o->id;
    uid_t uid = o->uid;
    struct sm_wire_reader r;

    sm_wire_reader_init(&r, message.body, message.len);
    if (o->state == OP_IDLE)
        on_first(o, &r);
    else if (message.type == IPC_CLIENT_CANCEL && !message.n_fds &&
             o->asked == IPC_CLIENT_MIGRATE_FOR)
        operate_move_cancel(o, "cancelled by the operator");
    else
        r.error = SM_PROTOCOL;
    ipc_close_fds(&message);
    if (sm_wire_end(&r)) {
        sm_warning("op-%lu: malformed request from uid %u", id,
                   (unsigned int)uid);
        let_go(o);
    }
}

static void on_control(void *ctx, short revents)
{
    struct operate *o = ctx;
    int rc;

    (void)revents;
    rc = ipc_recv(o->control_watch.fd, &message);
    if (rc == SM_BUSY)
        return;
    if (rc)
        let_go(o);
    else
        handle(o);
}

/* ---- sessions ---- */

static struct operate *new_session(uid_t uid, const char *account)
{
    struct operate *o = calloc(1, sizeof(*o));

    if (!o)
        return NULL;
    o->id = ++parent.last_id;
    o->uid = uid;
    o->control_watch.fd = o->output.fd = -1;
    o->policy = o->signature = -1;
    strcpy(o->account, account);
    o->next = sessions;
    sessions = o;
    return o;
}

static bool full(uid_t uid)
{
    const struct operate *o;
    int all = 0, own = 0;

    for (o = sessions; o; o = o->next) {
        if (o->control_watch.fd < 0)
            continue;
        all++;
        own += o->uid == uid;
    }
    return all >= CLIENTS_MAX || own >= CLIENT_OWN_MAX;
}

void operate_new(int fd, const struct ucred *cred)
{
    char account[CLIENT_ACCOUNT_SIZE];
    struct operate *o = NULL;

    if (full(cred->uid)) {
        sm_debug("operator socket: too many clients, one of uid %u dropped",
                 (unsigned int)cred->uid);
    } else {
        client_account(cred->uid, account);
        o = new_session(cred->uid, account);
    }
    if (!o) {
        close(fd);
        return;
    }
    loop_arm(&o->timer, CLIENT_IDLE_TIME, let_go, o);
    if (client_start(fd, &o->control, &o->control_watch, on_control,
                     control_ended, o))
        operate_free(o);
}

void operate_take(struct child *control, int channel, uid_t uid,
                  const char *account, struct ipc_message *first)
{
    struct operate *o = uid && full(uid) ? NULL : new_session(uid, account);

    if (!o) {
        ipc_close_fds(first);
        spawn_forget(control);
        close(channel);
        return;
    }
    spawn_move(control, &o->control, control_ended, o);
    loop_watch(&o->control_watch, channel, POLLIN, on_control, o);
    message = *first;
    first->n_fds = 0;               /* they have moved */
    handle(o);
}
