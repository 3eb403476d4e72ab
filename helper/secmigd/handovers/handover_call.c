/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calling the other host about handovers that are not settled: one connection
 * at a time to a host, for all of them.  Only a source calls.
 */
#include "handovers/handover_own.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc.h"
#include "parent/dial.h"
#include "parent/parent.h"

#define WAIT_MAX 20000          /* ms between two attempts: what is open is
                                 * settled 30 s after hosts can talk */
#define GOODBYE_TIME 5000       /* ms for the peer to end */

enum call_state { CALL_WAITS, CALL_KEY, CALL_DIALS, CALL_SHAKES, CALL_TALKS,
                  CALL_ENDS };

struct call {
    char host[SM_HANDOVER_PEER_MAX + 1];
    enum call_state state;
    int64_t due;                /* monotonic; in CALL_WAITS */
    int64_t since;              /* the key was shown */
    int64_t wait;               /* ms before the next attempt */
    bool complained;            /* that it cannot be reached */
    bool known;                 /* its key is known to be this host's; else
                                 * some record's only, and speaks for those */
    struct loop_timer timer;
    struct dial dial;           /* to the other host */
    struct handover_pace pace;
    struct call *next;
};

static struct call *calls;
static struct ipc_message message;      /* the one being handled */

static bool concerns(const struct handover *h, const struct call *c)
{
    return sm_handover_is_source(h->r.state) && !strcmp(h->r.peer, c->host);
}

/* Whether the host that has shown its key there may speak of it. */
static bool may_settle(const struct handover *h, const struct call *c)
{
    return concerns(h, c) &&
           (c->known || !memcmp(h->r.peer_key, c->dial.other.key,
                                sizeof(h->r.peer_key)));
}

/* Whether somebody has something to say there, and no link of its own. */
static bool is_wanted(const struct call *c)
{
    const struct handover *h;

    for (h = handover_first; h; h = h->next)
        if (concerns(h, c) && (h->link == c ||
            (!h->say && !handover_stoppable(h))))
            return true;
    return false;
}

static void stop(struct call *c)
{
    dial_clear(&c->dial);
    loop_disarm(&c->timer);
}

static void free_call(struct call *c)
{
    struct call **p;

    for (p = &calls; *p; p = &(*p)->next) {
        if (*p == c) {
            *p = c->next;
            break;
        }
    }
    stop(c);
    free(c);
}

static void dial_now(void *ctx);

static void schedule(struct call *c, int64_t ms)
{
    c->state = CALL_WAITS;
    c->due = sm_clock_now_ms() + ms;
    if (ms)
        loop_arm(&c->timer, ms, dial_now, c);
    else
        loop_soon(&c->timer, dial_now, c);
}

/* This attempt is over: again later, unless there is nothing to settle. */
static void over(struct call *c, int code, const char *why)
{
    stop(c);
    c->dial.classic = false;    /* it may have it the next time */
    if (why && !c->complained)
        sm_warning("handover with=%s: it cannot be settled now: %s (trying "
                   "again)", c->host, why);
    if (why)
        c->complained = true;
    c->state = CALL_WAITS;
    handover_lost(c, code, why ? why : "");
    if (!is_wanted(c)) {
        free_call(c);
        return;
    }
    schedule(c, c->wait);
    if (c->wait < WAIT_MAX)
        c->wait = c->wait * 2 < WAIT_MAX ? c->wait * 2 : WAIT_MAX;
}

/* ---- talking ---- */

static int say(void *ctx, const struct sm_message_handover *m)
{
    struct call *c = ctx;

    return handover_send(c->dial.peer_watch.fd, m);
}

static int tell_peer(struct call *c, enum ipc_type type, int code,
                     const char *text)
{
    return ipc_send_code(c->dial.peer_watch.fd, type, code, text);
}

static void says_goodbye(void *ctx)
{
    over(ctx, SM_TIMEOUT, NULL);
}

/* Everybody who waits for this host has a link now. */
static void connect_all(struct call *c)
{
    struct handover *h;

    for (h = handover_first; h; h = h->next)
        if (may_settle(h, c) && !h->say)
            handover_linked(h, say, c);
}

void handover_hang_up(const void *link)
{
    const struct handover *h;
    struct call *c;

    for (c = calls; c && c != link; c = c->next)
        ;
    if (!c || c->state != CALL_TALKS)
        return;
    for (h = handover_first; h; h = h->next)
        if (h->link == c)
            return;
    c->state = CALL_ENDS;
    if (tell_peer(c, IPC_PEER_DONE, 0, ""))
        spawn_kill(&c->dial.peer, SIGKILL);
    loop_arm(&c->timer, GOODBYE_TIME, says_goodbye, c);
}

/* Its key must be the one that the migration began with, or the one that is
 * known to be this host's by now. */
static bool is_the_host(struct call *c)
{
    const struct decision_other *other = &c->dial.other;
    const struct handover *h;

    c->known = !other->pairing_rc &&
               !memcmp(other->key, other->pairing.key, sizeof(other->key));
    if (c->known)
        return true;
    for (h = handover_first; h; h = h->next)
        if (may_settle(h, c))
            return true;
    return false;
}

static void on_key(struct call *c, struct sm_wire_reader *r)
{
    if (decision_meet(&c->dial.other, r))
        return;
    if (!is_the_host(c)) {
        over(c, SM_UNKNOWN_HOST, "another host answers there: its key is not "
             "the one that is known");
        return;
    }
    if (tell_peer(c, IPC_PEER_KEY_IS, 0, "")) {
        over(c, SM_HELPER, "the peer process does not answer");
        return;
    }
    c->state = CALL_TALKS;
    c->since = sm_clock_now_ms();
    loop_disarm(&c->timer);
    sm_info("handover with=%s: connected, to settle what is open", c->host);
    connect_all(c);
}

static void on_handover(struct call *c, struct sm_wire_reader *r)
{
    struct handover_from from = {
        .peer = c->known ? c->host : "", .key = c->dial.other.key,
        .since = c->since, .say = say, .ctx = c,
    };

    if (!handover_hear(&from, &c->pace, r)) {
        over(c, SM_PROTOCOL, "it says too much about handovers");
    } else if (!r->error) {
        c->complained = false;
        c->wait = parent.conf.settle_interval;
    }
}

static void on_classic(struct call *c, struct sm_wire_reader *r)
{
    if (c->dial.classic || !parent_post_quantum()) {
        r->error = SM_PROTOCOL;
        return;
    }
    /* Though the settings may require it by now: no guest goes this way, and
     * one may stand still until this is settled. */
    c->dial.classic = true;
    stop(c);
    schedule(c, 0);
}

static void on_end(struct call *c, struct sm_wire_reader *r)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    int code = sm_err_from_code(sm_wire_get_u16(r));

    sm_wire_get_str(r, text, sizeof(text));
    sm_wire_get_u64(r);
    sm_wire_get_u64(r);
    if (!sm_wire_end(r))
        over(c, code ? code : SM_LINK, code ? text : NULL);
}

static const struct {
    enum ipc_type type;
    unsigned int states;        /* bit (1 << state) */
    void (*handle)(struct call *c, struct sm_wire_reader *r);
} from_peer[] = {
    { IPC_PEER_CLASSIC,  1u << CALL_SHAKES, on_classic },
    { IPC_PEER_KEY,      1u << CALL_SHAKES, on_key },
    { IPC_PEER_HANDOVER, 1u << CALL_TALKS | 1u << CALL_ENDS, on_handover },
    { IPC_PEER_END,      1u << CALL_SHAKES | 1u << CALL_TALKS |
                         1u << CALL_ENDS, on_end },
};

static void on_peer(void *ctx, short revents)
{
    struct call *c = ctx;
    struct sm_wire_reader r;
    size_t i;
    int rc;

    (void)revents;
    rc = ipc_recv(c->dial.peer_watch.fd, &message);
    if (rc == SM_BUSY)
        return;
    if (rc) {
        over(c, SM_HELPER, "the peer process died");
        return;
    }
    sm_wire_reader_init(&r, message.body, message.len);
    for (i = 0; i < sizeof(from_peer) / sizeof(from_peer[0]); i++)
        if (from_peer[i].type == message.type && !message.n_fds &&
            (from_peer[i].states & 1u << c->state))
            break;
    ipc_close_fds(&message);
    if (i == sizeof(from_peer) / sizeof(from_peer[0])) {
        over(c, SM_HELPER, "the peer process broke the rules");
        return;
    }
    from_peer[i].handle(c, &r);     /* c may be gone */
    if (sm_wire_end(&r)) {
        sm_error("handover: the peer process broke the rules");
        for (c = calls; c && c != ctx; c = c->next)
            ;
        if (c)
            over(c, SM_HELPER, "the peer process broke the rules");
    }
}

/* ---- connecting ---- */

static void role_ended(void *ctx, int status)
{
    struct call *c = ctx;

    /* The end of its channel says the same; this is for the log. */
    if (status)
        sm_warning("handover with=%s: a helper process ended: %s", c->host,
                   spawn_status_text(status));
}

static void too_slow(void *ctx)
{
    over(ctx, SM_TIMEOUT, "no answer in time");
}

static void failed(void *ctx, int code, const char *why)
{
    over(ctx, code, why);
}

static void connected(void *ctx)
{
    struct call *c = ctx;

    c->state = CALL_SHAKES;
    loop_arm(&c->timer, 2 * parent.conf.handshake_timeout +
             parent.conf.answer_timeout, too_slow, c);
}

static void have_key(void *ctx, int err, const char *why)
{
    static const struct dial_events events = {
        .flags = PEER_SETTLE, .unreachable = failed, .failed = failed,
        .connected = connected, .on_peer = on_peer, .role_ended = role_ended,
    };
    struct call *c = ctx;

    if (err) {
        over(c, err, why);
        return;
    }
    c->state = CALL_DIALS;
    dial_start(&c->dial, &events, c);
}

static void dial_now(void *ctx)
{
    struct call *c = ctx;
    char why[512];
    int rc;

    if (!is_wanted(c)) {
        free_call(c);
        return;
    }
    /* Its key may be the record's alone. */
    rc = dial_find(&c->dial, c->host, true, why, sizeof(why));
    if (rc) {
        over(c, rc, why);
        return;
    }
    c->state = CALL_KEY;
    keys_need_host(&c->dial.key, have_key, c);
}

void handover_call(struct handover *h, bool now)
{
    struct call *c;

    for (c = calls; c; c = c->next)
        if (!strcmp(c->host, h->r.peer))
            break;
    if (!c) {
        c = calloc(1, sizeof(*c));
        if (!c)
            return;             /* the next look of this record tries again */
        strcpy(c->host, h->r.peer);
        dial_init(&c->dial);
        c->wait = parent.conf.settle_interval;
        c->next = calls;
        calls = c;
        schedule(c, 0);
    } else if (c->state == CALL_TALKS && !h->say) {
        if (may_settle(h, c))
            handover_linked(h, say, c);
    } else if (now && c->state == CALL_WAITS) {
        c->wait = parent.conf.settle_interval;
        c->complained = false;
        schedule(c, 0);
    }
}

int64_t handover_call_due(const char *host)
{
    const struct call *c;
    int64_t left;

    for (c = calls; c; c = c->next) {
        if (strcmp(c->host, host))
            continue;
        if (c->state != CALL_WAITS)
            return 0;
        left = c->due - sm_clock_now_ms();
        return left > 0 ? (left + 999) / 1000 : 0;
    }
    return -1;
}
