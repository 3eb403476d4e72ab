/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig platform accept: a host has been booted again, and that is fine
 * (platform sets with after-reset="approve").
 */
#include "arguments.h"
#include "operator.h"

int sm_platform_accept(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL, *host;
    const struct sm_argument options[] = { SM_OPERATOR_ROLE };
    struct sm_wire_writer w;
    size_t n;
    int rc;

    if (sm_arguments_sort(argc, argv, options, 1, &host, 1, &n) || n != 1)
        return SM_CLI_USAGE;
    if (!sm_conf_name_ok(host))
        return sm_cli_fail(SM_USAGE, "%s: not the name of a host", host);
    sm_operator_begin(&w, role);
    sm_wire_put_str(&w, host);
    rc = sm_operator_command(cli, "platform", FRAME_PLATFORM_ACCEPT, &w);
    sm_wire_writer_dispose(&w);
    return rc;
}
