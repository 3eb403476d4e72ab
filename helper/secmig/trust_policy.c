/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig trust policy: from now on the site's policy is signed with another
 * key.
 */
#include <stdlib.h>

#include "arguments.h"
#include "draft.h"
#include "operator.h"
#include "trust/minisign.h"

int sm_trust_policy(const struct sm_cli *cli, int argc, char **argv)
{
    const char *path = cli->conf.policy_pub;
    struct sm_minisign_public key;
    struct sm_wire_writer w = { 0 };
    uint8_t *text = NULL;
    char why[128];
    size_t len, n;
    int rc;

    if (sm_arguments_sort(argc, argv, NULL, 0, &path, 1, &n))
        return SM_CLI_USAGE;
    rc = sm_draft_read(path, SM_MINISIGN_TEXT_MAX, SM_STATE, &text, &len);
    if (rc)
        goto out;
    if (sm_minisign_public_parse(text, len, &key, why, sizeof(why))) {
        rc = sm_cli_fail(SM_STATE, "%s: not a public key: %s", path, why);
        goto out;
    }
    sm_operator_begin(&w, NULL);
    sm_wire_put_blob(&w, text, len);
    rc = sm_operator_command(cli, "trust", FRAME_TRUST_POLICY, &w);
out:
    free(text);
    sm_wire_writer_dispose(&w);
    return rc;
}
