/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig abort: end a migration that is leaving this host.
 */
#include "arguments.h"
#include "operator.h"

int sm_verb_abort(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL, *vm;
    const struct sm_argument options[] = { SM_OPERATOR_ROLE };
    struct sm_wire_writer w;
    size_t n;
    int rc;

    if (sm_arguments_sort(argc, argv, options, 1, &vm, 1, &n) || n != 1)
        return SM_CLI_USAGE;
    sm_operator_begin(&w, role);
    sm_wire_put_str(&w, vm);
    rc = sm_operator_command(cli, "abort", FRAME_ABORT, &w);
    sm_wire_writer_dispose(&w);
    return rc;
}
