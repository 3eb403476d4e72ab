/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig handover may-start: xl create asks before it builds a domain.  The
 * journal answers, whether a daemon runs or not.
 */
#include "handover.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arguments.h"
#include "base/clock.h"
#include "base/text.h"
#include "client.h"
#include "handover/start.h"

#define WAIT_MAX 3600           /* s, as of verdict-timeout */
#define LOOK_NS 250000000       /* how often the journal is read */
#define CONNECT_MS 1000

struct question {
    const char *guest;
    const uint8_t *uuid;        /* NULL: not known */
    uint8_t uuid_bytes[16];
    uint8_t boot[SM_HANDOVER_BOOT_LEN];
};

static bool daemon_runs(const struct sm_cli *cli)
{
    struct sm_client *client = NULL;
    char why[768];
    int rc;

    rc = sm_client_connect(cli->conf.socket, sm_clock_deadline(CONNECT_MS),
                           &client, why, sizeof(why));
    sm_client_free(client);
    return !rc;
}

/* What the journal says at this moment. */
struct answer {
    enum sm_handover_start start;
    struct sm_handover_record reason;       /* unless it is free */
    struct sm_handover_now now;
};

/* Prints its own error line.  Returns 0 or an error: it is not known. */
static int look(const struct sm_cli *cli, const struct question *q,
                struct answer *a)
{
    const struct sm_handover_record *record;
    struct sm_handover_records all;
    char why[768];
    int rc;

    *a = (struct answer){ .start = SM_HANDOVER_START_FREE,
                          .now = { .retry = -1 } };
    rc = sm_handover_records_read(cli, &all, why, sizeof(why));
    if (rc == SM_NO_DOMAIN) {       /* no journal: nothing was handed over */
        rc = 0;
    } else if (rc) {
        rc = sm_cli_fail(rc, "%s: whether another host runs this guest is "
                         "not known: %s", q->guest, why);
    } else {
        a->start = sm_handover_start_of(all.list, all.n, q->boot, q->uuid,
                                        q->guest, sm_clock_real(), &record);
        if (record) {
            a->reason = *record;
            a->now.rebooted = memcmp(record->boot, q->boot, sizeof(q->boot));
        }
    }
    free(all.list);
    return rc;
}

static int refuse(const struct sm_cli *cli, struct answer *a)
{
    char line[SM_HANDOVER_LINE_SIZE];

    a->now.daemon = daemon_runs(cli);
    sm_handover_start_line(&a->reason, &a->now, a->start, line);
    return sm_cli_fail(a->start == SM_HANDOVER_START_ELSEWHERE ? SM_EXISTS :
                       a->start == SM_HANDOVER_START_DOUBT ? SM_IN_DOUBT :
                       SM_BUSY, "%s", line);
}

static void say_wait(const struct question *q, const struct answer *a,
                     int64_t seconds)
{
    char stands[SM_HANDOVER_LINE_SIZE];

    sm_handover_stands(&a->reason, &a->now, stands, sizeof(stands));
    sm_cli_note("%s: waits at most %d s for its handover %s %s to be settled "
                "(%s)", q->guest, (int)seconds,
                sm_handover_is_source(a->reason.state) ? "to" : "from",
                a->reason.peer, stands);
}

/* Until it is free, or cannot become so, or the time is over.  Where no daemon
 * runs nothing settles it: at boot that would delay each guest for nothing. */
static int wait_for(const struct sm_cli *cli, const struct question *q,
                    int64_t seconds)
{
    const struct timespec pause = { .tv_nsec = LOOK_NS };
    int64_t deadline = sm_clock_now_ms() + 1000 * seconds;
    struct answer a;
    bool said = false;
    int rc;

    for (;;) {
        rc = look(cli, q, &a);
        if (rc)
            return rc;
        if (a.start == SM_HANDOVER_START_FREE)
            return 0;
        if (a.start == SM_HANDOVER_START_ELSEWHERE ||
            sm_clock_now_ms() >= deadline || (!said && !daemon_runs(cli)))
            return refuse(cli, &a);
        if (!said)
            say_wait(q, &a, seconds);
        said = true;
        nanosleep(&pause, NULL);
    }
}

int sm_handover_may_start(const struct sm_cli *cli, int argc, char **argv)
{
    const char *uuid = NULL, *wait = NULL, *word = NULL;
    const struct sm_argument options[] = {
        { .name = "--uuid", .value = &uuid },
        { .name = "--wait", .value = &wait },
    };
    uint64_t seconds = (uint64_t)cli->conf.verdict_timeout / 1000;
    struct question q = { 0 };
    size_t n;

    /* xl's names may look like options. */
    if (argc > 2 && !strcmp(argv[argc - 2], "--")) {
        q.guest = argv[argc - 1];
        argc -= 2;
    }
    if (sm_arguments_sort(argc, argv, options, 2, &word, 1, &n) ||
        !word == !q.guest)
        return SM_CLI_USAGE;
    if (word)
        q.guest = word;
    if (uuid) {
        if (!sm_text_uuid(uuid, strlen(uuid), q.uuid_bytes))
            return sm_cli_fail(SM_USAGE, "%s: not a uuid", uuid);
        q.uuid = q.uuid_bytes;
    }
    if (wait && !sm_text_number(wait, strlen(wait), WAIT_MAX, &seconds))
        return sm_cli_fail(SM_USAGE, "--wait %s: not a number of seconds, 0 "
                           "to %d", wait, WAIT_MAX);
    if (sm_handover_boot_read(q.boot))
        return sm_cli_fail(SM_IO, "%s: whether another host runs this guest "
                           "is not known: /proc/sys/kernel/random/boot_id "
                           "cannot be read", q.guest);
    return wait_for(cli, &q, (int64_t)seconds);
}
