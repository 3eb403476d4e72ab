/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig key: this host's public key.  The secret half is not needed, so no
 * passphrase is asked for.
 */
#include <stdio.h>
#include <string.h>

#include "trust/identity.h"
#include "verbs.h"

int sm_verb_key(const struct sm_cli *cli, int argc, char **argv)
{
    char name[SM_IDENTITY_NAME_SIZE];
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    char line[SM_IDENTITY_LINE_SIZE];
    uint8_t key[SM_IDENTITY_KEY_LEN];
    int rc;

    if (argc != 2 || (strcmp(argv[1], "show") && strcmp(argv[1], "export")))
        return SM_CLI_USAGE;
    rc = sm_cli_host_key(cli, name, key);
    if (rc)
        return rc;
    if (!strcmp(argv[1], "show")) {
        sm_identity_fingerprint(key, fingerprint);
        printf("%s  %s\n", name, fingerprint);
    } else {
        rc = sm_identity_format(name, key, line);
        if (rc)
            return sm_cli_fail(SM_STATE, "%s: bad host name",
                               cli->conf.host_pub);
        fputs(line, stdout);
    }
    if (fflush(stdout))
        return sm_cli_fail(SM_IO, "standard output: cannot write");
    return 0;
}
