/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig status: ask the daemon.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"
#include "client.h"
#include "verbs.h"

#define DEADLINE_MS 10000

/* The text has several lines: each must be fit for a terminal. */
static int print_text(const struct sm_client_frame *frame)
{
    struct sm_wire_reader r;
    const uint8_t *line, *end, *nl;
    uint16_t len;
    size_t n;

    sm_wire_reader_init(&r, frame->body, frame->len);
    len = sm_wire_get_u16(&r);
    if (r.error || sm_wire_left(&r) != len)
        return SM_PROTOCOL;
    line = frame->body + 2;
    end = line + len;
    while (line < end) {
        nl = memchr(line, '\n', (size_t)(end - line));
        n = (size_t)((nl ? nl : end) - line);
        if (!sm_wire_text_ok(line, n))
            return SM_PROTOCOL;
        fwrite(line, 1, n, stdout);
        putchar('\n');
        line += n + 1;
    }
    return fflush(stdout) ? SM_IO : 0;
}

int sm_verb_status(const struct sm_cli *cli, int argc, char **argv)
{
    int64_t deadline = sm_clock_deadline(DEADLINE_MS);
    struct sm_client_frame frame = { .fds = { -1, -1 } };
    struct sm_client *client = NULL;
    char why[768];
    int rc;

    (void)argv;
    if (argc != 1)
        return SM_CLI_USAGE;
    rc = sm_client_connect(cli->conf.socket, deadline, &client, why,
                           sizeof(why));
    if (rc) {
        sm_cli_fail(rc, "%s", why);
        goto out;
    }
    rc = sm_client_send(client, FRAME_STATUS, NULL, 0, deadline);
    if (!rc)
        rc = sm_client_recv(client, &frame, deadline);
    if (!rc && frame.type != FRAME_STATUS_IS)
        rc = SM_PROTOCOL;
    if (!rc)
        rc = print_text(&frame);
    /* Connected, but silent: for who asks, that is no daemon either. */
    if (rc == SM_TIMEOUT)
        rc = SM_NO_DAEMON;
    if (rc)
        sm_cli_fail(rc, "status: %s (%s)", sm_err_text(rc),
                    cli->conf.socket);
out:
    sm_client_frame_dispose(&frame);
    sm_client_free(client);
    return rc;
}
