/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig transport: what an unpatched xl runs in place of ssh.
 *
 *     xl migrate -s 'secmig transport' GUEST HOST
 *
 * makes xl run `secmig transport HOST xl [-t] [-T] [-v] migrate-receive
 * [-e] [-d] [-p]` with its conversation on standard input and output
 * (migrate_domain() in tools/xl/xl_migrate.c, Xen 4.17 to 4.20):
 *
 *     xl waits for the receiver's banner, which comes from here;
 *     xl writes the preamble (xen/savefile.h), which ends here: its
 *         configuration goes to the daemon to be judged on both hosts;
 *     the libxl stream passes through; the READY, GO, report messages end
 *     here, and the daemons decide in between   (conversation.c).
 *
 * The guest's id is not in the preamble; the daemons find its name and UUID
 * in the configuration themselves.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wire.h"
#include "client.h"
#include "conversation.h"
#include "verbs.h"
#include "xen/savefile.h"
#include "xen/words.h"

#define SLACK_MS 30000      /* on top of the daemon's own deadlines */

/* ---- what xl asks for ---- */

/*
 * xl's words after the host.  Those that concern the receiver's messages
 * and its detaching have no effect here: the receiver is the daemon's.
 */
static int parse(int argc, char **argv, uint32_t *flags)
{
    int i = 2;

    *flags = FRAME_WEAK_HANDOVER;
    if (i == argc || strcmp(argv[i++], "xl"))
        return SM_CLI_USAGE;
    for (; i < argc && argv[i][0] == '-'; i++)
        if (strcmp(argv[i], "-t") && strcmp(argv[i], "-T") &&
            strspn(argv[i] + 1, "v") != strlen(argv[i] + 1))
            return sm_cli_fail(SM_USAGE, "transport: unknown option %s of xl",
                               argv[i]);
    if (i == argc || strcmp(argv[i++], "migrate-receive"))
        return SM_CLI_USAGE;
    for (; i < argc; i++) {
        if (!strcmp(argv[i], "-p"))
            *flags |= FRAME_LEAVE_PAUSED;
        else if (!strcmp(argv[i], "-r") || !strcmp(argv[i], "--colo") ||
                 !strcmp(argv[i], "--coloft-script") ||
                 !strcmp(argv[i], "--userspace-colo-proxy"))
            return sm_cli_fail(SM_USAGE, "transport: Remus and COLO (%s) are "
                               "not supported: use another transport for "
                               "'xl remus'", argv[i]);
        else if (argv[i][0] && strcmp(argv[i], "-e") &&
                 strcmp(argv[i], "-d"))
            return sm_cli_fail(SM_USAGE, "transport: unknown option %s of xl "
                               "migrate-receive", argv[i]);
    }
    return 0;
}

/* ---- the preamble ---- */

static int write_banner(void)
{
    const char *p = SM_XEN_BANNER;
    size_t len = SM_XEN_BANNER_LEN;
    ssize_t n;

    while (len) {
        n = write(STDOUT_FILENO, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return sm_cli_fail(SM_XL, "transport: xl does not read (%s)",
                               strerror(errno));
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Never reads past its end: the stream behind it stays in the pipe. */
static int read_preamble(struct sm_savefile_reader *r, int64_t deadline)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
    char buf[65536];
    size_t want, used;
    ssize_t n;
    int rc;

    while ((want = sm_savefile_wanted(r))) {
        n = poll(&p, 1, sm_clock_left(deadline));
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            return sm_cli_fail(SM_TIMEOUT, "transport: xl sent no "
                               "configuration in time");
        n = read(STDIN_FILENO, buf, want < sizeof(buf) ? want : sizeof(buf));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return sm_cli_fail(SM_XL, "transport: xl went away before it had "
                               "sent the configuration");
        rc = sm_savefile_feed(r, buf, (size_t)n, &used);
        if (rc)
            return sm_cli_fail(rc, "transport: what xl sends is not a "
                               "migration preamble: %s", r->why);
    }
    return 0;
}

/* ---- the daemon ---- */

static int send_request(struct sm_client *client, const char *host,
                        uint32_t flags, const struct sm_savefile_reader *r,
                        int64_t deadline)
{
    static const uint8_t no_uuid[16];
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, FRAME_BODY_MAX);
    sm_wire_put_u32(&w, FRAME_DOMID_UNKNOWN);
    sm_wire_put_bytes(&w, no_uuid, sizeof(no_uuid));
    sm_wire_put_u32(&w, flags);
    sm_wire_put_str(&w, host);
    sm_wire_put_str(&w, "");
    sm_wire_put_blob(&w, r->config, r->config_len);
    rc = sm_wire_error(&w);
    if (!rc)
        rc = sm_client_send(client, FRAME_MIGRATE, w.data, w.len,
                            deadline);
    sm_wire_writer_dispose(&w);
    return rc ? sm_cli_fail(rc, "transport: cannot ask secmigd: %s",
                            sm_err_text(rc)) : 0;
}

static int receive(struct sm_client *client, struct sm_client_frame *frame,
                   enum frame_type type, int64_t deadline)
{
    int rc = sm_client_recv(client, frame, deadline);

    if (!rc && frame->type != type) {
        sm_client_frame_dispose(frame);
        rc = SM_PROTOCOL;
    }
    return rc ? sm_cli_fail(rc, "transport: no answer from secmigd: %s",
                            sm_err_text(rc)) : 0;
}

/* Wait for the daemon's word, but not longer than xl does. */
static int await_answer(struct sm_client *client, int64_t deadline)
{
    struct pollfd p[2] = {
        { .fd = sm_client_fd(client), .events = POLLIN },
        { .fd = STDOUT_FILENO },
    };
    int n;

    do
        n = poll(p, 2, sm_clock_left(deadline));
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return sm_cli_fail(SM_TIMEOUT, "transport: secmigd did not answer in "
                           "time");
    if (n > 0 && p[1].revents)
        return sm_cli_fail(SM_CANCELLED, "transport: xl went away");
    return 0;
}

static int ask(struct sm_client *client, struct sm_client_frame *stream,
               int64_t deadline)
{
    struct sm_client_frame frame = { .fd = -1 };
    struct sm_client_answer answer;
    int rc;

    rc = await_answer(client, deadline);
    if (!rc)
        rc = receive(client, &frame, FRAME_ANSWER, deadline);
    if (rc)
        goto out;
    if (sm_client_answer(&frame, &answer)) {
        rc = sm_cli_fail(SM_PROTOCOL, "transport: secmigd's answer is "
                         "malformed");
        goto out;
    }
    if (answer.code) {
        rc = sm_conversation_refused(&answer);
        goto out;
    }
    rc = receive(client, stream, FRAME_STREAM, deadline);
out:
    sm_client_frame_dispose(&frame);
    return rc;
}

int sm_verb_transport(const struct sm_cli *cli, int argc, char **argv)
{
    const struct sm_conf *conf = &cli->conf;
    struct sm_client_frame stream = { .fd = -1 };
    struct sm_savefile_reader preamble;
    struct sm_client *client = NULL;
    int64_t deadline;
    uint32_t flags;
    char why[768];
    int rc;

    sm_savefile_reader_init(&preamble);
    if (argc < 2) {
        rc = SM_CLI_USAGE;
        goto out;
    }
    rc = parse(argc, argv, &flags);
    if (rc)
        goto out;
    if (!sm_conf_name_ok(argv[1])) {
        rc = sm_cli_fail(SM_USAGE, "transport: %s: not the name of a paired "
                         "host (no user@, no address)", argv[1]);
        goto out;
    }
    signal(SIGPIPE, SIG_IGN);
    deadline = sm_clock_deadline((int64_t)conf->connect_timeout +
                                 conf->handshake_timeout +
                                 conf->answer_timeout + SLACK_MS);
    /* Before xl is told to go ahead: without a daemon nothing happens. */
    rc = sm_client_connect(conf->socket, deadline, &client, why,
                           sizeof(why));
    if (rc) {
        sm_cli_fail(rc, "%s", why);
        goto out;
    }
    rc = write_banner();
    if (!rc)
        rc = read_preamble(&preamble, deadline);
    if (!rc)
        rc = send_request(client, argv[1], flags, &preamble, deadline);
    if (!rc)
        rc = ask(client, &stream, deadline);
    if (!rc) {
        rc = sm_conversation(client, stream.fd, conf, argv[1]);
        stream.fd = -1;
    }
out:
    sm_client_frame_dispose(&stream);
    sm_client_free(client);
    sm_savefile_reader_dispose(&preamble);
    return rc;
}
