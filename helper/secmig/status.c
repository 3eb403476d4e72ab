/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig status: ask the daemon.
 */
#include "arguments.h"
#include "operator.h"

static int print(const struct sm_client_frame *frame)
{
    struct sm_wire_reader r;
    uint16_t len;

    sm_wire_reader_init(&r, frame->body, frame->len);
    len = sm_wire_get_u16(&r);
    if (r.error || sm_wire_left(&r) != len)
        return SM_PROTOCOL;
    return sm_operator_print(frame->body + 2, len);
}

int sm_verb_status(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL;
    const struct sm_argument options[] = { SM_OPERATOR_ROLE };
    struct sm_client_frame frame;
    struct sm_client *client;
    struct sm_wire_writer w;
    size_t n;
    int rc;

    if (sm_arguments_sort(argc, argv, options, 1, NULL, 0, &n))
        return SM_CLI_USAGE;
    sm_operator_begin(&w, role);
    rc = sm_operator_ask(cli, "status", FRAME_STATUS, &w, FRAME_STATUS_IS,
                         FRAME_ANSWER, &frame, &client);
    if (!rc && frame.type == FRAME_ANSWER) {
        rc = sm_operator_verdict(&frame, "status");
    } else if (!rc) {
        rc = print(&frame);
        if (rc)
            sm_cli_fail(rc, "status: %s", sm_err_text(rc));
    }
    sm_client_frame_dispose(&frame);
    sm_client_free(client);
    sm_wire_writer_dispose(&w);
    return rc;
}
