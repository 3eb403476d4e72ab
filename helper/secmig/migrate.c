/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig migrate: an operator, who need not be root, has the daemon start xl
 * and waits for the end.  When this process goes away the migration goes on;
 * an interrupt (Ctrl-C) asks the daemon to give it up.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "arguments.h"
#include "base/clock.h"
#include "operator.h"

#define SLACK_MS 10000

static int watch_interrupt(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int interrupted(struct sm_client *client, int fd, bool *cancelled)
{
    struct signalfd_siginfo info;
    int rc;

    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    if (*cancelled)
        return sm_cli_fail(SM_CANCELLED, "migrate: interrupted again: not "
                           "waiting for the end (see 'secmig status')");
    *cancelled = true;
    fprintf(stderr, "secmig: giving the migration up; again: do not wait "
            "for its end\n");
    rc = sm_client_send(client, FRAME_CANCEL, NULL, 0,
                        sm_clock_deadline(SLACK_MS));
    return rc ? sm_cli_fail(rc, "migrate: %s", sm_err_text(rc)) : 0;
}

/* However long it takes: the daemon has its own deadlines. */
static int await_result(struct sm_client *client, int interrupt)
{
    struct sm_client_frame frame;
    struct pollfd fds[2] = {
        { .fd = sm_client_fd(client), .events = POLLIN },
        { .fd = interrupt, .events = POLLIN },
    };
    bool cancelled = false;
    int rc = 0;

    while (!rc && !fds[0].revents) {
        fds[0].revents = fds[1].revents = 0;
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            rc = sm_cli_fail(SM_IO, "migrate: poll: %s", strerror(errno));
        else if (fds[1].revents)
            rc = interrupted(client, interrupt, &cancelled);
    }
    if (rc)
        return rc;
    rc = sm_client_recv(client, &frame, sm_clock_deadline(SLACK_MS));
    if (!rc && frame.type != FRAME_RESULT)
        rc = SM_PROTOCOL;
    if (rc)
        rc = sm_cli_fail(rc, "migrate: secmigd did not say how it ended; it "
                         "settles it by itself, now or when it is started "
                         "again: see 'secmig handover list'");
    else
        rc = sm_operator_verdict(&frame, "migrate");
    sm_client_frame_dispose(&frame);
    return rc;
}

int sm_verb_migrate(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL, *words[2];
    bool paused = false;
    const struct sm_argument options[] = {
        SM_OPERATOR_ROLE,
        { .name = "--paused", .flag = &paused },
    };
    struct sm_client_frame frame = { .fd = -1 };
    struct sm_client *client = NULL;
    struct sm_client_answer answer;
    struct sm_wire_writer w = { 0 };
    int rc, interrupt = -1;
    size_t n;

    if (sm_arguments_sort(argc, argv, options, 2, words, 2, &n) || n != 2) {
        rc = SM_CLI_USAGE;
        goto out;
    }
    sm_operator_begin(&w, role);
    sm_wire_put_u32(&w, paused ? FRAME_LEAVE_PAUSED : 0);
    sm_wire_put_str(&w, words[0]);
    sm_wire_put_str(&w, words[1]);
    interrupt = watch_interrupt();
    if (interrupt < 0) {
        rc = sm_cli_fail(SM_IO, "migrate: signals: %s", strerror(errno));
        goto out;
    }
    rc = sm_operator_ask(cli, "migrate", FRAME_MIGRATE_FOR, &w, FRAME_ANSWER,
                         0, &frame, &client);
    if (rc)
        goto out;
    if (sm_client_answer(&frame, &answer) || answer.code)
        rc = sm_operator_verdict(&frame, "migrate");
    else
        rc = await_result(client, interrupt);
out:
    if (interrupt >= 0)
        close(interrupt);
    sm_client_frame_dispose(&frame);
    sm_client_free(client);
    sm_wire_writer_dispose(&w);
    return rc;
}
