/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig approve: one of the several who must agree to a migration.
 */
#include "arguments.h"
#include "operator.h"

int sm_verb_approve(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL, *words[2];
    const struct sm_argument options[] = { SM_OPERATOR_ROLE };
    struct sm_wire_writer w;
    size_t n;
    int rc;

    if (sm_arguments_sort(argc, argv, options, 1, words, 2, &n) || n != 2)
        return SM_CLI_USAGE;
    sm_operator_begin(&w, role);
    sm_wire_put_str(&w, words[0]);
    sm_wire_put_str(&w, words[1]);
    rc = sm_operator_command(cli, "approve", FRAME_APPROVE, &w);
    sm_wire_writer_dispose(&w);
    return rc;
}
