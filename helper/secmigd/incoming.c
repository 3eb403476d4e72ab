/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection from another host, and the guest it brings:
 *
 *   IN_STRANGER  the peer shakes hands; the parent judges the key
 *   IN_WAIT      a paired host; its request is awaited
 *   IN_CHECK     secmig-xl reads the config; policy decides
 *   IN_ROOM      secmig-xl looks for memory, name and uuid
 *   IN_XL        accepted: xl starts and is given the checked config
 *   IN_MOVE      the peer has xl's pipes
 *   IN_CLEAN     xl failed: its half-made copy is removed
 *
 * Nothing is run on the sender's word before IN_XL.
 */
#include "parent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/log.h"
#include "channel/message.h"
#include "loop.h"
#include "receive.h"
#include "spawn.h"

#define TEXT_OUTPUT_MAX 1024    /* one line from secmig-xl */
#define STRANGER_LINES 10       /* of log a second */
#define WAIT_FAIR 500           /* ms to ask for something, before one may
                                 * have to make room for others */

enum in_state { IN_STRANGER, IN_WAIT, IN_CHECK, IN_ROOM, IN_XL, IN_MOVE,
                IN_CLEAN };

struct incoming {
    unsigned long id;
    enum in_state state;
    int64_t since;
    char from[64];              /* address */
    struct child peer;
    struct loop_watch watch;    /* the peer's channel */
    struct loop_timer timer;
    struct run run;
    struct sm_pairing pairing;
    char by[SM_MESSAGE_OPERATOR_MAX + 1];
    uint32_t flags;
    int config;                 /* memfd as it came; -1: none */
    struct facts facts;
    struct sm_policy_decision decision;
    struct receive receive;     /* xl migrate-receive */
    bool discarded;             /* the copy has been looked after */
    bool evicted;               /* had to make room before it asked */
    struct incoming *next;
};

static struct incoming *sessions;
static struct ipc_message message;      /* the one being handled */

bool incoming_may_log(void)
{
    static int64_t second;
    static unsigned int lines, left_out;
    int64_t now = sm_clock_now_ms() / 1000;

    if (now != second) {
        if (left_out)
            sm_warning("%u lines about strangers were left out", left_out);
        second = now;
        lines = left_out = 0;
    }
    if (lines == STRANGER_LINES) {
        left_out++;
        return false;
    }
    lines++;
    return true;
}

static void incoming_free(struct incoming *in)
{
    struct incoming **p;

    for (p = &sessions; *p; p = &(*p)->next) {
        if (*p == in) {
            *p = in->next;
            break;
        }
    }
    run_clear(&in->run);
    receive_clear(&in->receive);
    spawn_forget(&in->peer);
    if (in->watch.fd >= 0)
        close(in->watch.fd);
    loop_unwatch(&in->watch);
    loop_disarm(&in->timer);
    if (in->config >= 0)
        close(in->config);
    facts_clear(&in->facts);
    free(in);
}

/* The session ends when peer, xl and the cleaning have all ended. */
static void maybe_free(struct incoming *in)
{
    if (in->watch.fd < 0 && !receive_active(&in->receive) &&
        !in->run.active)
        incoming_free(in);
}

/* ---- answers to the peer ---- */

static int tell_peer(struct incoming *in, enum ipc_type type, int code,
                     const char *rule, const char *text, const int *fds)
{
    struct sm_wire_writer w;
    int rc = SM_LINK;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, (uint16_t)-code);
    if (rule)
        sm_wire_put_str(&w, rule);
    sm_wire_put_str(&w, text);
    if (in->watch.fd >= 0)
        rc = ipc_send(in->watch.fd, type, &w, fds, fds ? 2 : 0);
    sm_wire_writer_dispose(&w);
    return rc;
}

static void refuse(struct incoming *in, int code, const char *rule,
                   const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void refuse(struct incoming *in, int code, const char *rule,
                   const char *fmt, ...)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!sm_wire_text_ok(text, strlen(text)))
        snprintf(text, sizeof(text), "%s", sm_err_text(code));
    sm_warning("in-%lu: vm=%s from=%s result=refused code=%d rule=%s "
               "text=\"%s\"", in->id, in->facts.name, in->pairing.name,
               -code, rule, text);
    if (tell_peer(in, IPC_PEER_ANSWER, code, rule, text, NULL))
        spawn_kill(&in->peer, SIGKILL);
}

/* ---- xl failed: look after what it may have left ---- */

static void discarded(void *ctx, int err)
{
    struct incoming *in = ctx;

    if (err)
        sm_error("in-%lu: cannot tell whether %s--incoming is left over: "
                 "%s; see xl list", in->id, in->facts.name,
                 sm_err_text(err));
    else if (in->run.len)
        sm_notice("in-%lu: %.*s", in->id,
                  (int)strcspn((char *)in->run.data, "\n"),
                  (char *)in->run.data);
    run_clear(&in->run);
    maybe_free(in);
}

static void discard(struct incoming *in)
{
    const char *args[] = { "discard", NULL, in->facts.name, NULL };
    char uuid[37];

    if (in->discarded)
        return;
    in->discarded = true;
    in->state = IN_CLEAN;
    facts_uuid_text(in->facts.uuid, uuid);
    args[1] = uuid;
    if (run_start(&in->run, &parent.conf.facts, args, -1, TEXT_OUTPUT_MAX,
                  parent.conf.answer_timeout, discarded, in))
        sm_error("in-%lu: cannot run secmig-xl; see xl list for "
                 "%s--incoming", in->id, in->facts.name);
}

static void xl_too_slow(void *ctx)
{
    struct incoming *in = ctx;

    sm_warning("in-%lu: xl does not end by itself: killing it", in->id);
    receive_kill(&in->receive);
}

/* xl has ended.  Its status is the destination's verdict. */
static void xl_ended(void *ctx, int status)
{
    struct incoming *in = ctx;
    char text[SM_MESSAGE_TEXT_MAX + 1];
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;

    loop_disarm(&in->timer);
    if (ok)
        snprintf(text, sizeof(text), "%s runs on %s", in->facts.name,
                 parent.conf.name);
    else
        snprintf(text, sizeof(text), "xl migrate-receive on %s failed (%s); "
                 "its log says why", parent.conf.name,
                 spawn_status_text(status));
    sm_log(ok ? SM_LOG_NOTICE : SM_LOG_WARNING,
           "in-%lu: vm=%s from=%s result=%s rule=%s text=\"%s\"", in->id,
           in->facts.name, in->pairing.name, ok ? "moved" : "failed",
           in->decision.rule, text);
    if (!ok)
        discard(in);
    if (in->state == IN_XL)
        refuse(in, SM_XL, in->decision.rule, "%s", text);
    else if (tell_peer(in, IPC_PEER_XL, ok ? 0 : SM_XL, NULL, text, NULL))
        sm_debug("in-%lu: the peer process has gone", in->id);
    maybe_free(in);
}

/* xl has its config: the rest is the peer's. */
static void xl_ready(void *ctx, int err, const char *why)
{
    struct incoming *in = ctx;
    int fds[2];

    if (err) {
        receive_kill(&in->receive);
        refuse(in, err, in->decision.rule, "%s", why);
        return;
    }
    loop_disarm(&in->timer);
    receive_take(&in->receive, fds);
    in->state = IN_MOVE;
    if (tell_peer(in, IPC_PEER_ANSWER, 0, in->decision.rule, "", fds))
        loop_arm(&in->timer, parent.conf.finish_timeout, xl_too_slow, in);
    close(fds[0]);
    close(fds[1]);
}

static void start_xl(struct incoming *in)
{
    const struct receive_params params = {
        .command = &parent.conf.receive,
        .paused = in->flags & FRAME_LEAVE_PAUSED,
        .config = in->facts.config,
        .config_len = in->facts.config_len,
        .timeout = parent.conf.answer_timeout,
        .ready = xl_ready,
        .ended = xl_ended,
        .ctx = in,
    };
    int rc;

    in->state = IN_XL;
    rc = receive_start(&in->receive, &params);
    if (rc)
        refuse(in, rc, in->decision.rule, "cannot start xl on %s: %s",
               parent.conf.name, sm_err_text(rc));
}

/* ---- checks before anything is started ---- */

static void have_room(void *ctx, int err)
{
    struct incoming *in = ctx;
    char line[TEXT_OUTPUT_MAX + 1] = "";
    size_t n;

    if (in->run.data) {
        n = strcspn((char *)in->run.data, "\n");
        if (sm_wire_text_ok(in->run.data, n))
            snprintf(line, sizeof(line), "%.*s", (int)n,
                     (char *)in->run.data);
    }
    run_clear(&in->run);
    if (in->watch.fd < 0)
        maybe_free(in);
    else if (err)
        refuse(in, err, "room", "%s", line[0] ? line : sm_err_text(err));
    else
        start_xl(in);
}

static void check_room(struct incoming *in)
{
    const char *args[] = { "room", NULL, NULL, in->facts.name, NULL };
    char memory[24], uuid[37];
    int rc;

    snprintf(memory, sizeof(memory), "%llu",
             (unsigned long long)in->facts.memory_kb);
    facts_uuid_text(in->facts.uuid, uuid);
    args[1] = memory;
    args[2] = uuid;
    in->state = IN_ROOM;
    rc = run_start(&in->run, &parent.conf.facts, args, -1, TEXT_OUTPUT_MAX,
                   parent.conf.answer_timeout, have_room, in);
    if (rc)
        refuse(in, rc, "", "cannot run secmig-xl: %s", sm_err_text(rc));
}

static void have_config(void *ctx, int err)
{
    struct incoming *in = ctx;
    char name[FRAME_NAME_MAX + 1], by[SM_MESSAGE_OPERATOR_MAX + 80];
    uint8_t uuid[16];

    /* Until here these are the sender's claims. */
    memcpy(uuid, in->facts.uuid, sizeof(uuid));
    strcpy(name, in->facts.name);
    if (!err)
        err = facts_config(&in->facts, in->run.data, in->run.len);
    run_clear(&in->run);
    if (in->watch.fd < 0) {
        maybe_free(in);
        return;
    }
    if (err) {
        strcpy(in->facts.name, name);
        refuse(in, err, "config", "the domain config cannot be read: %s",
               sm_err_text(err));
        return;
    }
    if (memcmp(uuid, in->facts.uuid, sizeof(uuid)) ||
        strcmp(name, in->facts.name)) {
        refuse(in, SM_PROTOCOL, "config", "the request and its config name "
               "different guests");
        return;
    }
    snprintf(by, sizeof(by), "%s@%s", in->by, in->pairing.name);
    decision_make(SM_POLICY_MIGRATE_IN, &in->facts, &in->pairing, NULL, by,
                  &in->decision);
    if (!in->decision.allow)
        refuse(in, in->decision.code, in->decision.rule, "%s",
               in->decision.text);
    else if (outgoing_has(uuid) || incoming_has(uuid))
        refuse(in, SM_BUSY, in->decision.rule, "%s is already migrating",
               name);
    else
        check_room(in);
}

/* ---- the peer ---- */

static void peer_too_slow(void *ctx)
{
    struct incoming *in = ctx;

    spawn_kill(&in->peer, SIGKILL);
}

static void on_key(struct incoming *in, struct sm_wire_reader *r)
{
    uint8_t key[SM_IDENTITY_KEY_LEN];
    char name[SM_CONF_NAME_MAX + 1], why[512];
    char print[SM_IDENTITY_FINGERPRINT_SIZE];
    int rc;

    sm_wire_get_bytes(r, key, sizeof(key));
    sm_wire_get_str(r, name, sizeof(name));
    sm_wire_get_u16(r);
    if (sm_wire_end(r))
        return;
    sm_identity_fingerprint(key, print);
    rc = sm_pairing_by_key(parent.conf.hosts_dir, parent.own_key, key,
                           &in->pairing, why, sizeof(why));
    if (!rc && strcmp(name, in->pairing.name))
        rc = SM_UNPAIRED;
    if (rc) {
        if (incoming_may_log())
            sm_warning("in-%lu: from=%s: host \"%s\" with key %s is not "
                       "paired here", in->id, in->from, name, print);
        /* No more than that to a stranger. */
        if (tell_peer(in, IPC_PEER_KEY_IS, SM_UNPAIRED, NULL,
                      "this host is not paired there", NULL))
            spawn_kill(&in->peer, SIGKILL);
        return;
    }
    in->state = IN_WAIT;
    /* The peer minds this deadline itself; unless it has been taken over. */
    loop_arm(&in->timer, 2 * parent.conf.answer_timeout, peer_too_slow, in);
    if (tell_peer(in, IPC_PEER_KEY_IS, 0, NULL, "", NULL))
        spawn_kill(&in->peer, SIGKILL);
}

static void on_request(struct incoming *in, struct sm_wire_reader *r)
{
    static const char *const args[] = { "config", NULL };
    size_t len;
    int rc;

    sm_wire_get_bytes(r, in->facts.uuid, sizeof(in->facts.uuid));
    sm_wire_get_u64(r);         /* memory: the config's word counts */
    in->flags = sm_wire_get_u32(r);
    sm_wire_get_str(r, in->facts.name, sizeof(in->facts.name));
    sm_wire_get_str(r, in->by, sizeof(in->by));
    if (sm_wire_end(r))
        return;
    in->config = ipc_take_fd(&message, 0);
    if (ipc_memfd_check(in->config, FRAME_CONFIG_MAX, &len)) {
        r->error = SM_PROTOCOL;
        return;
    }
    in->state = IN_CHECK;
    loop_disarm(&in->timer);    /* from here on the work is ours */
    if (incoming_count() > parent.conf.max_incoming) {
        refuse(in, SM_BUSY, "", "%d guests are arriving already "
               "(max-incoming)", parent.conf.max_incoming);
        return;
    }
    rc = run_start(&in->run, &parent.conf.facts, args, in->config,
                   FACTS_OUTPUT_MAX, parent.conf.answer_timeout, have_config,
                   in);
    if (rc)
        refuse(in, rc, "", "cannot run secmig-xl: %s", sm_err_text(rc));
}

static void on_end(struct incoming *in, struct sm_wire_reader *r)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    int code = sm_err_from_code(sm_wire_get_u16(r));
    uint64_t received;

    sm_wire_get_str(r, text, sizeof(text));
    sm_wire_get_u64(r);
    received = sm_wire_get_u64(r);
    if (sm_wire_end(r))
        return;
    if (in->state != IN_STRANGER || incoming_may_log())
        sm_info("in-%lu: from=%s connection ended: code=%d received=%llu "
                "text=\"%s\"", in->id, in->from, -code,
                (unsigned long long)received, text);
    if (receive_active(&in->receive))
        loop_arm(&in->timer, parent.conf.finish_timeout, xl_too_slow, in);
    else if (code && in->state == IN_MOVE)
        discard(in);    /* xl ended well, but without starting the guest */
}

/* Each is safe though a hostile peer process may send it: KEY and REQUEST
 * only start checks that hold whatever the claims are (a peer that has been
 * taken over may pose as any paired host: docs/architecture.md), END only
 * says that it will do no more. */
static const struct {
    enum ipc_type type;
    unsigned int states;        /* bit (1 << state) */
    size_t n_fds;
    void (*handle)(struct incoming *in, struct sm_wire_reader *r);
} from_peer[] = {
    { IPC_PEER_KEY,     1u << IN_STRANGER, 0, on_key },
    { IPC_PEER_REQUEST, 1u << IN_WAIT, 1, on_request },
    { IPC_PEER_END,     ~0u, 0, on_end },
};

/* The peer has gone; with it its ends of xl's pipes. */
static void peer_gone(struct incoming *in)
{
    close(in->watch.fd);
    loop_unwatch(&in->watch);
    if (in->state == IN_XL)
        receive_kill(&in->receive);
    if (receive_active(&in->receive))
        loop_arm(&in->timer, parent.conf.finish_timeout, xl_too_slow, in);
    else
        loop_disarm(&in->timer);
    maybe_free(in);
}

static void on_peer(void *ctx, short revents)
{
    struct incoming *in = ctx;
    struct sm_wire_reader r;
    size_t i;
    int rc;

    (void)revents;
    rc = ipc_recv(in->watch.fd, &message);
    if (rc == SM_BUSY)
        return;
    if (rc) {
        peer_gone(in);
        return;
    }
    sm_wire_reader_init(&r, message.body, message.len);
    for (i = 0; i < sizeof(from_peer) / sizeof(from_peer[0]); i++)
        if (from_peer[i].type == message.type &&
            from_peer[i].n_fds == message.n_fds &&
            (from_peer[i].states & 1u << in->state))
            break;
    if (i < sizeof(from_peer) / sizeof(from_peer[0]))
        from_peer[i].handle(in, &r);
    else
        r.error = SM_PROTOCOL;
    ipc_close_fds(&message);
    if (sm_wire_end(&r)) {
        sm_error("in-%lu: the peer process broke the rules", in->id);
        spawn_kill(&in->peer, SIGKILL);
        peer_gone(in);
    }
}

static void peer_ended(void *ctx, int status)
{
    struct incoming *in = ctx;

    if (status && !in->evicted &&
        (in->state != IN_STRANGER || incoming_may_log()))
        sm_warning("in-%lu: the peer process ended: %s", in->id,
                   spawn_status_text(status));
}

void incoming_new(int fd, const char *from)
{
    struct incoming *in = calloc(1, sizeof(*in));
    int channel = -1, fds[2] = { fd, -1 };
    struct sm_wire_writer w;
    int rc = SM_NO_MEMORY;

    sm_wire_writer_init(&w, IPC_MAX);
    if (!in)
        goto out;
    in->id = ++parent.last_id;
    in->since = sm_clock_now_ms();
    snprintf(in->from, sizeof(in->from), "%s", from);
    in->config = in->watch.fd = -1;
    receive_init(&in->receive);
    in->next = sessions;
    sessions = in;
    fds[1] = parent_keeper_client();
    rc = fds[1] < 0 ? fds[1] : 0;
    if (!rc)
        rc = spawn_role(&in->peer, "peer", &channel, peer_ended, in);
    if (rc)
        goto out;
    loop_watch(&in->watch, channel, POLLIN, on_peer, in);
    loop_arm(&in->timer, 2 * parent.conf.handshake_timeout,
             peer_too_slow, in);
    sm_wire_put_u8(&w, 0);
    sm_wire_put_str(&w, "");
    sm_wire_put_bytes(&w, parent.own_key, sizeof(parent.own_key));
    rc = ipc_send(channel, IPC_PEER_START, &w, fds, 2);
out:
    if (rc) {
        sm_error("cannot serve %s: %s", from, sm_err_text(rc));
        if (in)
            incoming_free(in);
    }
    if (fds[1] >= 0)
        close(fds[1]);
    close(fd);
    sm_wire_writer_dispose(&w);
}

/* ---- for the others ---- */

bool incoming_has(const uint8_t uuid[static 16])
{
    struct incoming *in;

    for (in = sessions; in; in = in->next)
        if (in->state >= IN_ROOM && !memcmp(in->facts.uuid, uuid, 16))
            return true;
    return false;
}

int incoming_count(void)
{
    struct incoming *in;
    int n = 0;

    for (in = sessions; in; in = in->next)
        n += in->state >= IN_CHECK;
    return n;
}

static bool is_waiting(const struct incoming *in)
{
    return in->state <= IN_WAIT && !in->evicted;
}

int incoming_waiting(void)
{
    struct incoming *in;
    int n = 0;

    for (in = sessions; in; in = in->next)
        n += is_waiting(in);
    return n;
}

static int waiting_from(const char *from)
{
    struct incoming *in;
    int n = 0;

    for (in = sessions; in; in = in->next)
        n += is_waiting(in) && !strcmp(in->from, from);
    return n;
}

bool incoming_make_room(const char *from)
{
    int64_t now = sm_clock_now_ms();
    struct incoming *in, *victim = NULL;
    int crowd, most = 0, own = waiting_from(from);

    /* The list has the youngest first: the last of equals is the oldest. */
    for (in = sessions; in; in = in->next) {
        if (!is_waiting(in))
            continue;
        crowd = waiting_from(in->from);
        if (crowd < most ||
            (now - in->since < WAIT_FAIR && crowd < own + 2))
            continue;
        most = crowd;
        victim = in;
    }
    if (!victim)
        return false;
    victim->evicted = true;
    spawn_kill(&victim->peer, SIGKILL);
    return true;
}

void incoming_status(char *out, size_t size)
{
    static const char *const words[] = {
        "stranger", "connected", "checking", "looking for room",
        "starting xl", "moving", "cleaning up",
    };
    struct incoming *in;
    int n;

    out[0] = '\0';
    for (in = sessions; in; in = in->next) {
        if (in->state == IN_STRANGER)
            continue;
        n = snprintf(out, size, "in-%lu: %s from %s: %s, %lld s\n", in->id,
                     in->facts.name[0] ? in->facts.name : "?",
                     in->pairing.name, words[in->state],
                     (long long)(sm_clock_now_ms() - in->since) / 1000);
        if (n < 0 || (size_t)n >= size) {
            out[0] = '\0';
            return;
        }
        out += n;
        size -= (size_t)n;
    }
}
