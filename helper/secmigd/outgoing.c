/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client of the control socket, and the migration it asks for:
 *
 *   OUT_IDLE    nothing asked yet
 *   OUT_FACTS   secmig-xl tells what the guest and its config are
 *   OUT_DIAL    allowed here; the dialer connects
 *   OUT_ASK     the peer shakes hands and asks the destination
 *   OUT_MOVE    accepted: the client has the stream
 *   OUT_ENDED   the client has its last word
 */
#include "parent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/log.h"
#include "channel/message.h"
#include "loop.h"
#include "spawn.h"

#define IDLE_TIME 10000         /* ms for a client to say what it wants */
#define FAREWELL_TIME 5000      /* ms to read its last word */
#define PIPE_BYTES (1024 * 1024)

enum out_state { OUT_IDLE, OUT_FACTS, OUT_DIAL, OUT_ASK, OUT_MOVE, OUT_ENDED };

struct outgoing {
    unsigned long id;
    uid_t uid;
    char account[33];
    enum out_state state;
    int64_t since;
    struct child control, dialer, peer;
    struct loop_watch control_watch, dialer_watch, peer_watch;
    struct loop_timer timer;
    struct run run;
    bool answered;              /* ANSWER was sent; RESULT is next */

    uint32_t domid, flags;
    char host[SM_CONF_NAME_MAX + 1];
    int config;                 /* memfd; -1: none */
    uint8_t asked[16];          /* uuid of the guest that the client means */
    struct facts domain;        /* domid known: what libxl says */
    struct facts facts;         /* of the config */
    struct sm_pairing pairing;
    struct outgoing *next;
};

static struct outgoing *sessions;
static struct ipc_message message;      /* the one being handled */

static void unwatch(struct loop_watch *w)
{
    if (w->fd >= 0)
        close(w->fd);
    loop_unwatch(w);
}

static void outgoing_free(struct outgoing *o)
{
    struct outgoing **p;

    for (p = &sessions; *p; p = &(*p)->next) {
        if (*p == o) {
            *p = o->next;
            break;
        }
    }
    run_clear(&o->run);
    spawn_forget(&o->control);
    spawn_forget(&o->dialer);
    spawn_forget(&o->peer);
    unwatch(&o->control_watch);
    unwatch(&o->dialer_watch);
    unwatch(&o->peer_watch);
    loop_disarm(&o->timer);
    if (o->config >= 0)
        close(o->config);
    facts_clear(&o->facts);
    free(o);
}

static void too_late(void *ctx)
{
    outgoing_free(ctx);
}

/* ---- the client's last word ---- */

static void tell_client(struct outgoing *o, enum ipc_type type, int code,
                        const char *rule, const char *text, const int *fds)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, (uint16_t)-code);
    sm_wire_put_str(&w, rule);
    sm_wire_put_str(&w, text);
    if (ipc_send(o->control_watch.fd, type, &w, fds, fds ? 2 : 0))
        sm_debug("out-%lu: client gone before its answer", o->id);
    sm_wire_writer_dispose(&w);
}

/* The migration has ended, one way or the other.  `code` 0: it is there. */
static void finish(struct outgoing *o, int code, const char *rule,
                   const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void finish(struct outgoing *o, int code, const char *rule,
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
           o->id, o->facts.name, o->host, code ? "failed" : "moved", -code,
           rule, text);
    tell_client(o, o->answered ? IPC_CLIENT_RESULT : IPC_CLIENT_ANSWER,
                code, rule, text, NULL);
    o->answered = true;
    o->state = OUT_ENDED;
    if (o->config >= 0)
        close(o->config);
    o->config = -1;
    run_clear(&o->run);
    spawn_forget(&o->dialer);
    unwatch(&o->dialer_watch);
    loop_arm(&o->timer, FAREWELL_TIME, too_late, o);
}

/* ---- the peer ---- */

static void on_peer_key(struct outgoing *o, struct sm_wire_reader *r)
{
    uint8_t key[SM_IDENTITY_KEY_LEN];
    char name[SM_CONF_NAME_MAX + 1], text[FRAME_TEXT_MAX] = "";
    struct sm_wire_writer w;
    int code = 0;

    sm_wire_get_bytes(r, key, sizeof(key));
    sm_wire_get_str(r, name, sizeof(name));
    sm_wire_get_u16(r);
    if (memcmp(key, o->pairing.key, sizeof(key)) || strcmp(name, o->host)) {
        code = SM_AUTH;
        snprintf(text, sizeof(text), "what answers as %s does not have the "
                 "key that %s is paired with: wrong host, new key, or an "
                 "attack", o->host, o->host);
    }
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, (uint16_t)-code);
    sm_wire_put_str(&w, text);
    if (ipc_send(o->peer_watch.fd, IPC_PEER_KEY_IS, &w, NULL, 0))
        finish(o, SM_FAIL, "", "the peer process does not answer");
    sm_wire_writer_dispose(&w);
}

/* Accepted over there: make the stream and hand out its four ends. */
static void hand_out_stream(struct outgoing *o, const char *rule)
{
    int up[2] = { -1, -1 }, down[2] = { -1, -1 }, fds[2];
    size_t i;

    if (pipe2(up, O_CLOEXEC) || pipe2(down, O_CLOEXEC)) {
        finish(o, SM_IO, "", "cannot make pipes: %s", strerror(errno));
        goto out;
    }
    /* Larger pipes save switches; smaller ones work as well. */
    fcntl(up[1], F_SETPIPE_SZ, PIPE_BYTES);
    fds[0] = up[0];
    fds[1] = down[1];
    if (ipc_send(o->peer_watch.fd, IPC_PEER_STREAM, NULL, fds, 2)) {
        finish(o, SM_FAIL, "", "the peer process does not answer");
        goto out;
    }
    fds[0] = up[1];
    fds[1] = down[0];
    tell_client(o, IPC_CLIENT_ANSWER, 0, rule, "", fds);
    o->answered = true;
    o->state = OUT_MOVE;
    sm_info("out-%lu: vm=%s to=%s accepted there by rule=%s", o->id,
            o->facts.name, o->host, rule);
out:
    for (i = 0; i < 2; i++) {
        if (up[i] >= 0)
            close(up[i]);
        if (down[i] >= 0)
            close(down[i]);
    }
}

static void on_peer_answer(struct outgoing *o, struct sm_wire_reader *r)
{
    char rule[SM_MESSAGE_RULE_MAX + 1], text[SM_MESSAGE_TEXT_MAX + 1];
    int code = sm_err_from_code(sm_wire_get_u16(r));

    sm_wire_get_str(r, rule, sizeof(rule));
    sm_wire_get_str(r, text, sizeof(text));
    if (sm_wire_end(r))
        return;
    if (code)
        finish(o, code, rule, "%s refuses: %s", o->host, text);
    else
        hand_out_stream(o, rule);
}

static void on_peer_end(struct outgoing *o, struct sm_wire_reader *r)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    int code = sm_err_from_code(sm_wire_get_u16(r));
    uint64_t sent;

    sm_wire_get_str(r, text, sizeof(text));
    sent = sm_wire_get_u64(r);
    sm_wire_get_u64(r);
    if (sm_wire_end(r))
        return;
    if (!code && o->state == OUT_MOVE)
        finish(o, 0, "", "%s runs on %s (%llu MiB sent)", o->facts.name,
               o->host, (unsigned long long)(sent >> 20));
    else
        finish(o, code ? code : SM_FAIL, "", "%s", text);
}

static const struct {
    enum ipc_type type;
    unsigned int states;        /* bit (1 << state) */
    void (*handle)(struct outgoing *o, struct sm_wire_reader *r);
} from_peer[] = {
    { IPC_PEER_KEY,    1u << OUT_ASK, on_peer_key },
    { IPC_PEER_ANSWER, 1u << OUT_ASK, on_peer_answer },
    { IPC_PEER_END,    1u << OUT_ASK | 1u << OUT_MOVE | 1u << OUT_ENDED,
      on_peer_end },
};

static void on_peer(void *ctx, short revents)
{
    struct outgoing *o = ctx;
    struct sm_wire_reader r;
    size_t i;
    int rc;

    (void)revents;
    rc = ipc_recv(o->peer_watch.fd, &message);
    if (rc == SM_BUSY)
        return;
    if (rc) {
        unwatch(&o->peer_watch);
        finish(o, SM_FAIL, "", "the peer process died");
        if (o->control_watch.fd < 0)    /* the client has gone, too */
            outgoing_free(o);
        return;
    }
    sm_wire_reader_init(&r, message.body, message.len);
    for (i = 0; i < sizeof(from_peer) / sizeof(from_peer[0]); i++)
        if (from_peer[i].type == message.type && !message.n_fds &&
            (from_peer[i].states & 1u << o->state))
            break;
    if (i < sizeof(from_peer) / sizeof(from_peer[0]))
        from_peer[i].handle(o, &r);
    else
        r.error = SM_PROTOCOL;
    ipc_close_fds(&message);
    if (sm_wire_end(&r)) {
        sm_error("out-%lu: the peer process broke the rules", o->id);
        spawn_kill(&o->peer, SIGKILL);
        finish(o, SM_FAIL, "", "the peer process broke the rules");
    }
}

static void on_role_ended(void *ctx, int status)
{
    struct outgoing *o = ctx;

    /* The end of its channel says the same; this is for the log. */
    if (status)
        sm_warning("out-%lu: a helper process ended: %s", o->id,
                   spawn_status_text(status));
}

static int start_peer(struct outgoing *o, int connection)
{
    int rc, channel = -1, fds[2] = { connection, -1 };
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, IPC_MAX);
    fds[1] = parent_keeper_client();
    rc = fds[1] < 0 ? fds[1] : 0;
    if (!rc)
        rc = spawn_role(&o->peer, "peer", &channel, on_role_ended, o);
    if (rc)
        goto out;
    loop_watch(&o->peer_watch, channel, POLLIN, on_peer, o);
    sm_wire_put_u8(&w, 1);
    sm_wire_put_str(&w, o->host);
    sm_wire_put_bytes(&w, parent.own_key, sizeof(parent.own_key));
    rc = ipc_send(channel, IPC_PEER_START, &w, fds, 2);
    if (rc)
        goto out;
    sm_wire_writer_reset(&w);
    sm_wire_put_bytes(&w, o->facts.uuid, sizeof(o->facts.uuid));
    sm_wire_put_u64(&w, o->facts.memory_kb);
    sm_wire_put_u32(&w, o->flags);
    sm_wire_put_str(&w, o->facts.name);
    sm_wire_put_str(&w, o->account);
    rc = ipc_send(channel, IPC_PEER_REQUEST, &w, &o->config, 1);
    o->state = OUT_ASK;
out:
    if (fds[1] >= 0)
        close(fds[1]);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* ---- the dialer ---- */

static void on_dialer(void *ctx, short revents)
{
    struct outgoing *o = ctx;
    char text[FRAME_TEXT_MAX + 1];
    struct sm_wire_reader r;
    int rc, code, fd;

    (void)revents;
    rc = ipc_recv(o->dialer_watch.fd, &message);
    if (rc == SM_BUSY)
        return;
    unwatch(&o->dialer_watch);
    if (rc) {
        finish(o, SM_FAIL, "", "the dialer died");
        return;
    }
    sm_wire_reader_init(&r, message.body, message.len);
    code = sm_err_from_code(sm_wire_get_u16(&r));
    sm_wire_get_str(&r, text, sizeof(text));
    fd = ipc_take_fd(&message, 0);
    if (sm_wire_end(&r) || message.type != IPC_DIALED ||
        (!code && (fd < 0 || message.n_fds != 1)))
        finish(o, SM_FAIL, "", "the dialer broke the rules");
    else if (code)
        finish(o, code, "", "cannot reach %s: %s", o->host, text);
    else if (start_peer(o, fd))
        finish(o, SM_FAIL, "", "cannot start the peer process");
    if (fd >= 0)
        close(fd);
    ipc_close_fds(&message);
}

static void dial(struct outgoing *o)
{
    struct sm_wire_writer w;
    int rc, channel;

    rc = spawn_role(&o->dialer, "dialer", &channel, on_role_ended, o);
    if (rc) {
        finish(o, rc, "", "cannot start the dialer");
        return;
    }
    loop_watch(&o->dialer_watch, channel, POLLIN, on_dialer, o);
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_str(&w, o->pairing.address);
    sm_wire_put_u16(&w, o->pairing.port);
    o->state = OUT_DIAL;
    if (ipc_send(channel, IPC_DIAL, &w, NULL, 0))
        finish(o, SM_FAIL, "", "the dialer does not answer");
    sm_wire_writer_dispose(&w);
}

/* ---- facts, decision ---- */

static void decide(struct outgoing *o)
{
    struct sm_policy_decision decision;

    decision_make(SM_POLICY_MIGRATE_OUT, &o->facts, &o->pairing, o->account,
                  o->account, &decision);
    if (!decision.allow)
        finish(o, decision.code, decision.rule, "refused here by rule %s: %s",
               decision.rule, decision.text);
    else
        dial(o);
}

static void have_config(void *ctx, int err)
{
    struct outgoing *o = ctx;
    char name[FRAME_NAME_MAX + 1];

    snprintf(name, sizeof(name), "%s", o->facts.name);
    if (!err)
        err = facts_config(&o->facts, o->run.data, o->run.len);
    run_clear(&o->run);
    if (err) {
        strcpy(o->facts.name, name);        /* for the log */
        finish(o, err, "", "the guest's config cannot be read: %s",
               sm_err_text(err));
        return;
    }
    /* The policy goes by the name: a config may not bring another. */
    if (o->domid != FRAME_DOMID_UNKNOWN &&
        (memcmp(o->facts.uuid, o->domain.uuid, sizeof(o->facts.uuid)) ||
         strcmp(o->facts.name, o->domain.name))) {
        finish(o, SM_STATE, "", "the config is of %s, not of %s (or its uuid "
               "differs)", o->facts.name, o->domain.name);
        return;
    }
    o->facts.flags |= o->domain.flags & FACTS_NOMIGRATE;
    if (outgoing_has(o->facts.uuid) || incoming_has(o->facts.uuid)) {
        finish(o, SM_BUSY, "", "%s is already migrating", o->facts.name);
        return;
    }
    decide(o);
}

static void ask_config(struct outgoing *o)
{
    static const char *const args[] = { "config", NULL };
    int rc;

    rc = run_start(&o->run, &parent.conf.facts, args, o->config,
                   FACTS_OUTPUT_MAX, parent.conf.answer_timeout, have_config,
                   o);
    if (rc)
        finish(o, rc, "", "cannot run secmig-xl: %s", sm_err_text(rc));
}

static void have_domain(void *ctx, int err)
{
    struct outgoing *o = ctx;

    if (!err)
        err = facts_domain(&o->domain, o->run.data, o->run.len);
    run_clear(&o->run);
    if (err)
        finish(o, err, "", "domain %u: %s", o->domid, sm_err_text(err));
    /* A number is soon used again: it must still be the guest meant. */
    else if (memcmp(o->domain.uuid, o->asked, sizeof(o->asked)) ||
             strcmp(o->domain.name, o->facts.name))
        finish(o, SM_NO_DOMAIN, "", "domain %u is now %s, not %s (or its "
               "uuid differs)", o->domid, o->domain.name, o->facts.name);
    else
        ask_config(o);
}

static void on_migrate(struct outgoing *o, struct sm_wire_reader *r)
{
    const char *args[] = { "domain", NULL, NULL };
    char why[512], domid[16];
    size_t len;
    int rc;

    o->domid = sm_wire_get_u32(r);
    sm_wire_get_bytes(r, o->asked, sizeof(o->asked));
    o->flags = sm_wire_get_u32(r);
    sm_wire_get_str(r, o->host, sizeof(o->host));
    sm_wire_get_str(r, o->facts.name, sizeof(o->facts.name));
    if (sm_wire_end(r) || (o->flags & ~FRAME_FLAGS_ALL))
        return;
    loop_disarm(&o->timer);
    o->config = ipc_take_fd(&message, 0);
    o->state = OUT_FACTS;
    if (ipc_memfd_check(o->config, FRAME_CONFIG_MAX, &len) || len == 0) {
        finish(o, SM_USAGE, "", "the request has no usable config");
        return;
    }
    /* Whoever writes the stream writes the guest: that is root's to do. */
    if (o->uid != 0) {
        finish(o, SM_REFUSED_LOCAL, "root-only",
               "only root may hand in a guest's state (asked by %s)",
               o->account);
        return;
    }
    if (outgoing_count() > parent.conf.max_outgoing) {
        finish(o, SM_BUSY, "", "%d migrations are under way already "
               "(max-outgoing)", parent.conf.max_outgoing);
        return;
    }
    rc = sm_pairing_by_name(parent.conf.hosts_dir, parent.own_key, o->host,
                            &o->pairing, why, sizeof(why));
    if (rc) {
        finish(o, rc, "", "%s", why);
        return;
    }
    if (o->domid == FRAME_DOMID_UNKNOWN) {
        ask_config(o);
        return;
    }
    snprintf(domid, sizeof(domid), "%u", o->domid);
    args[1] = domid;
    rc = run_start(&o->run, &parent.conf.facts, args, -1, IPC_MAX,
                   parent.conf.answer_timeout, have_domain, o);
    if (rc)
        finish(o, rc, "", "cannot run secmig-xl: %s", sm_err_text(rc));
}

/* ---- the client ---- */

static void cancel(struct outgoing *o, const char *text)
{
    struct sm_wire_writer w;

    if (o->peer_watch.fd >= 0) {
        sm_wire_writer_init(&w, IPC_MAX);
        sm_wire_put_u16(&w, (uint16_t)-SM_CANCELLED);
        sm_wire_put_str(&w, text);
        if (ipc_send(o->peer_watch.fd, IPC_PEER_CANCEL, &w, NULL, 0))
            spawn_kill(&o->peer, SIGKILL);
        sm_wire_writer_dispose(&w);
    }
    finish(o, SM_CANCELLED, "", "%s", text);
}

static void on_cancel(struct outgoing *o, struct sm_wire_reader *r)
{
    (void)r;
    cancel(o, "cancelled by the client");
}

static void on_status(struct outgoing *o, struct sm_wire_reader *r)
{
    char text[FRAME_STATUS_MAX];
    struct sm_wire_writer w;
    size_t n;

    (void)r;
    n = (size_t)snprintf(text, sizeof(text), "host %s, listening on %s port "
                         "%u\n", parent.conf.name,
                         parent.conf.listen_address[0] ?
                         parent.conf.listen_address : "all addresses",
                         parent.conf.listen_port);
    if (parent.policy)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "policy: site %s, "
                              "version %llu, %zu rules\n",
                              sm_policy_site(parent.policy),
                              (unsigned long long)
                              sm_policy_version(parent.policy),
                              sm_policy_rule_count(parent.policy));
    else
        n += (size_t)snprintf(text + n, sizeof(text) - n, "policy: none, "
                              "everything is refused: %s\n",
                              parent.policy_why);
    outgoing_status(text + n, sizeof(text) - n);
    n = strlen(text);
    incoming_status(text + n, sizeof(text) - n);
    /* Lines: a str may not hold their ends. */
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, (uint16_t)strlen(text));
    sm_wire_put_bytes(&w, text, strlen(text));
    if (ipc_send(o->control_watch.fd, IPC_CLIENT_STATUS_IS, &w, NULL, 0))
        sm_debug("out-%lu: client gone before its answer", o->id);
    sm_wire_writer_dispose(&w);
    o->state = OUT_ENDED;
    loop_arm(&o->timer, FAREWELL_TIME, too_late, o);
}

/* Each is safe though a hostile control process may send it: MIGRATE is
 * decided for the uid that the kernel named; CANCEL and STATUS concern this
 * client only. */
static const struct {
    enum ipc_type type;
    unsigned int states;        /* bit (1 << state) */
    size_t n_fds;
    void (*handle)(struct outgoing *o, struct sm_wire_reader *r);
} from_control[] = {
    { IPC_CLIENT_MIGRATE, 1u << OUT_IDLE, 1, on_migrate },
    { IPC_CLIENT_STATUS,  1u << OUT_IDLE, 0, on_status },
    { IPC_CLIENT_CANCEL,  1u << OUT_FACTS | 1u << OUT_DIAL | 1u << OUT_ASK |
                          1u << OUT_MOVE | 1u << OUT_ENDED, 0, on_cancel },
};

/*
 * The client has gone.  Once it had the stream its pipes say all there is to
 * say: an early end reaches the destination's xl as such, and a GO that was
 * written before must not be overtaken by a cancel.
 */
static void client_gone(struct outgoing *o)
{
    unwatch(&o->control_watch);
    if (o->state == OUT_MOVE)
        return;
    if (o->state == OUT_ASK)
        cancel(o, "the client has gone");
    if (o->state == OUT_ENDED && o->peer_watch.fd >= 0 && o->peer.pid) {
        loop_arm(&o->timer, FAREWELL_TIME, too_late, o);
        return;
    }
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

void outgoing_new(int fd, uid_t uid)
{
    struct outgoing *o = calloc(1, sizeof(*o));
    struct passwd *pw = getpwuid(uid);
    int channel;

    if (!o) {
        close(fd);
        return;
    }
    o->id = ++parent.last_id;
    o->uid = uid;
    o->since = sm_clock_now_ms();
    o->config = -1;
    o->control_watch.fd = o->dialer_watch.fd = o->peer_watch.fd = -1;
    if (pw && strlen(pw->pw_name) < sizeof(o->account))
        strcpy(o->account, pw->pw_name);
    else
        snprintf(o->account, sizeof(o->account), "uid:%u",
                 (unsigned int)uid);
    o->next = sessions;
    sessions = o;
    if (spawn_role(&o->control, "control", &channel, on_role_ended, o)) {
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
        if (o->state >= OUT_DIAL && o->state <= OUT_MOVE &&
            !memcmp(o->facts.uuid, uuid, 16))
            return true;
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

void outgoing_status(char *out, size_t size)
{
    static const char *const words[] = {
        "asked", "asking secmig-xl", "connecting", "asking the other host",
        "moving", "ended",
    };
    struct outgoing *o;
    int n;

    out[0] = '\0';
    for (o = sessions; o; o = o->next) {
        if (o->state < OUT_FACTS || o->state > OUT_MOVE)
            continue;
        n = snprintf(out, size, "out-%lu: %s to %s: %s, %lld s\n", o->id,
                     o->facts.name, o->host, words[o->state],
                     (long long)(sm_clock_now_ms() - o->since) / 1000);
        if (n < 0 || (size_t)n >= size) {
            out[0] = '\0';
            return;
        }
        out += n;
        size -= (size_t)n;
    }
}
