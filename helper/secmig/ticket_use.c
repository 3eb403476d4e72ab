/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig ticket use: leave a ticket with the daemon, for the migration that
 * it is about.
 */
#include <stdlib.h>

#include "arguments.h"
#include "draft.h"
#include "operator.h"

int sm_ticket_use(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL, *path;
    const struct sm_argument options[] = { SM_OPERATOR_ROLE };
    struct sm_wire_writer w = { 0 };
    uint8_t *text = NULL;
    size_t len, n;
    int rc;

    if (sm_arguments_sort(argc, argv, options, 1, &path, 1, &n) || n != 1)
        return SM_CLI_USAGE;
    rc = sm_draft_read(path, FRAME_TICKET_MAX, SM_STATE, &text, &len);
    if (rc)
        goto out;
    sm_operator_begin(&w, role);
    sm_wire_put_blob(&w, text, len);
    rc = sm_operator_command(cli, "ticket", FRAME_TICKET, &w);
out:
    free(text);
    sm_wire_writer_dispose(&w);
    return rc;
}
