/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig reload: have the daemon take a new policy.
 */
#include "arguments.h"
#include "operator.h"

int sm_verb_reload(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL;
    const struct sm_argument options[] = { SM_OPERATOR_ROLE };
    struct sm_wire_writer w;
    size_t n;
    int rc;

    if (sm_arguments_sort(argc, argv, options, 1, NULL, 0, &n))
        return SM_CLI_USAGE;
    sm_operator_begin(&w, role);
    rc = sm_operator_command(cli, "reload", FRAME_RELOAD, &w);
    sm_wire_writer_dispose(&w);
    return rc;
}
