/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An unpatched xl has a handover of its own (xen/words.h), which leaves the
 * guest in nobody's hands when something fails late.  Its words end here:
 *
 *   daemon                       here                     xl on this host
 *                      ◄───────── stream ─────────        libxl's stream
 *   READY: the copy is whole ──►        ─── READY ──►
 *                                       ◄── GO ──────     renames its guest
 *                      ◄── HAND-OVER ──
 *   the daemons settle it
 *   RESULT ────────────────────►        ── REPORT, 0 ──►  destroys, at most
 *                                                         what is left
 *
 * Until HAND-OVER the guest is xl's: if anything fails, xl is made to see it
 * and resumes the guest itself; the daemon waits until xl has ended before it
 * looks at the guest (helper/secmigd/handovers/handover_hold.c).  From then on
 * it is the daemon's, and xl is never allowed to resume what the daemon has
 * not resumed already.
 */
#include "conversation.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pump.h"
#include "verbs.h"
#include "xen/words.h"

#define FRAME_MS 30000      /* for the rest of a frame that has begun */
#define SLACK_MS 30000      /* on top of the daemon's own deadlines */
#define REASON_MS 1500      /* for the daemon to say why it has closed the
                             * stream; xl waits two seconds for us to end */

struct conversation {
    struct sm_client *client;
    const struct sm_conf *conf;
    const char *host;
    struct sm_pump stream;      /* from xl to the daemon */
    bool ready;                 /* the other host holds the whole copy */
    bool given;                 /* the guest is the daemon's */
    bool told;                  /* RESULT has come, ... */
    bool heard;                 /* ... or will not come any more */
    int rc;                     /* why the guest stays; 0: it is there */
};

int sm_conversation_refused(const struct sm_client_answer *a)
{
    return sm_cli_fail(sm_err_from_code(a->code), "%s%s%s%s",
                       a->text[0] ? a->text
                                  : sm_err_text(sm_err_from_code(a->code)),
                       a->rule[0] ? " (rule " : "", a->rule,
                       a->rule[0] ? ")" : "");
}

/* ---- the daemon ---- */

/* What it says in one frame. */
static void hear(struct conversation *c)
{
    struct sm_client_frame frame = { .fd = -1 };
    struct sm_client_answer answer;
    int rc;

    rc = sm_client_recv(c->client, &frame, sm_clock_deadline(FRAME_MS));
    if (!rc && frame.type == FRAME_READY && !c->ready) {
        c->ready = true;
    } else if (!rc && frame.type == FRAME_RESULT &&
               !sm_client_answer(&frame, &answer) &&
               (answer.code || c->given)) {
        c->told = c->heard = true;
        c->rc = answer.code ? sm_conversation_refused(&answer) : 0;
    } else {
        c->heard = true;
        c->rc = rc == SM_NO_DAEMON ?
                sm_cli_fail(rc, "transport: secmigd went away") :
                sm_cli_fail(rc ? rc : SM_PROTOCOL, "transport: what secmigd "
                            "says cannot be understood: %s",
                            sm_err_text(rc ? rc : SM_PROTOCOL));
    }
    sm_client_frame_dispose(&frame);
}

/* Wait for the daemon, and for something from xl on `in` unless that is -1.
 * Returns 1 when there is something to read from xl, 0 otherwise; SM_TIMEOUT,
 * SM_IO. */
static int wait_for(struct conversation *c, int in, int64_t deadline)
{
    struct pollfd fds[2] = {
        { .fd = c->heard ? -1 : sm_client_fd(c->client), .events = POLLIN },
        { .fd = in, .events = POLLIN },
    };
    int n;

    n = poll(fds, 2, sm_clock_left(deadline));
    if (n < 0)
        return errno == EINTR ? 0 : SM_IO;
    if (n == 0)
        return SM_TIMEOUT;
    if (fds[0].revents)
        hear(c);
    return fds[1].revents != 0;
}

/* ---- xl ---- */

static bool tell_xl(const void *data, size_t len)
{
    const char *p = data;
    ssize_t n;

    while (len) {
        n = write(STDOUT_FILENO, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* It stays here, and xl, which has not given it away, resumes it: it sees the
 * end of the conversation. */
static int give_up(struct conversation *c)
{
    int64_t deadline = sm_clock_deadline(REASON_MS);

    sm_pump_dispose(&c->stream);
    close(STDIN_FILENO);
    while (!c->heard && !wait_for(c, -1, deadline))
        ;
    if (!c->heard)
        c->rc = sm_cli_fail(SM_XL, "transport: xl went away, or gave up, "
                            "before the guest was handed over");
    return c->rc;
}

/* xl has said GO and waits: it learns that the guest stays here, and that it
 * may resume it, unless that has been done. */
static int give_back(struct conversation *c)
{
    static const char no[] = SM_XEN_REPORT "\0\1" SM_XEN_GO;

    if (!tell_xl(no, sizeof(no)))
        sm_cli_fail(SM_XL, "transport: xl went away");
    return c->rc;
}

/* ---- in order of time ---- */

/* Carry the stream until the other host has all of it.  Returns whether it
 * has. */
static bool send_stream(struct conversation *c)
{
    enum { DAEMON, STREAM, N = STREAM + 2 };
    struct pollfd fds[N];
    int rc = 0;

    while (!c->heard && !c->ready && !rc && !sm_pump_done(&c->stream)) {
        fds[DAEMON] = (struct pollfd){ .fd = sm_client_fd(c->client),
                                       .events = POLLIN };
        sm_pump_wants(&c->stream, &fds[STREAM]);
        if (poll(fds, N, -1) < 0) {
            rc = errno == EINTR ? 0 : SM_IO;
            continue;
        }
        if (fds[DAEMON].revents)
            hear(c);
        else
            rc = sm_pump_step(&c->stream, &fds[STREAM]);
    }
    if (rc) {
        c->heard = true;
        c->rc = sm_cli_fail(rc, "transport: cannot carry the stream: %s",
                            strerror(errno));
    }
    return c->ready && !c->heard;
}

/* Anything but GO, and it is not given away: also a stream that goes on, of
 * which the other host claims to hold all. */
static bool read_go(struct conversation *c)
{
    int64_t deadline = sm_clock_deadline(c->conf->finish_timeout);
    char go[sizeof(SM_XEN_GO)];
    size_t have = 0;
    ssize_t n;
    int rc;

    while (have < sizeof(go)) {
        rc = wait_for(c, STDIN_FILENO, deadline);
        if (rc < 0)
            return false;
        if (!rc)
            continue;
        n = read(STDIN_FILENO, go + have, sizeof(go) - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || memcmp(go + have, &SM_XEN_GO[have], (size_t)n))
            return false;
        have += (size_t)n;
    }
    return true;
}

/* Nobody here knows how it ended.  Then xl must not touch the guest: it gets
 * no answer, and says what it always says then. */
static int in_doubt(const struct conversation *c)
{
    if (!c->told)
        sm_cli_fail(SM_IN_DOUBT, "the guest was handed over to this host's "
                    "secmigd, which has not said how that ended: it is "
                    "suspended here, or runs on %s.  The two daemons settle "
                    "it by themselves as soon as both run and can talk "
                    "('systemctl start secmigd'); 'secmig handover list' "
                    "tells.  Neither resume nor destroy it by hand", c->host);
    fprintf(stderr, "secmig: note: xl says next that the domain's state is "
            "undefined; it is not, see above\n");
    return SM_IN_DOUBT;
}

/* The guest is the daemon's from now on: also when it is not known whether
 * it has been told. */
static int hand_over(struct conversation *c)
{
    static const char yes[] = SM_XEN_REPORT "\0";   /* and its own NUL: 0 */
    int64_t deadline = sm_clock_deadline((int64_t)c->conf->ready_timeout +
                                         c->conf->verdict_timeout +
                                         SLACK_MS);

    c->given = true;
    c->heard = sm_client_send(c->client, FRAME_HAND_OVER, NULL, 0,
                              sm_clock_deadline(FRAME_MS)) != 0;
    while (!c->heard && wait_for(c, -1, deadline) >= 0)
        ;
    if (!c->told || c->rc == SM_IN_DOUBT)
        return in_doubt(c);
    if (c->rc)
        return give_back(c);
    if (!tell_xl(yes, sizeof(yes)))
        fprintf(stderr, "secmig: note: the guest is on %s, but xl went away "
                "before it was told\n", c->host);
    return 0;
}

int sm_conversation(struct sm_client *client, int stream,
                    const struct sm_conf *conf, const char *host)
{
    struct conversation c = { .client = client, .conf = conf, .host = host };
    int in;

    /* The pump closes what it reads from; GO comes on it afterwards. */
    in = dup(STDIN_FILENO);
    if (in < 0) {
        close(stream);
        return sm_cli_fail(SM_IO, "transport: %s", strerror(errno));
    }
    sm_pump_init(&c.stream, in, stream, true);
    if (!send_stream(&c))
        return give_up(&c);
    if (c.stream.have) {
        c.heard = true;
        c.rc = sm_cli_fail(SM_PROTOCOL, "transport: %s claims to hold what "
                           "has not been sent yet", host);
        return give_up(&c);
    }
    sm_pump_dispose(&c.stream);
    if (!tell_xl(SM_XEN_READY, sizeof(SM_XEN_READY)) || !read_go(&c))
        return give_up(&c);
    return c.heard ? give_back(&c) : hand_over(&c);
}
