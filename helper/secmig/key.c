/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig key: this host's public key, or the next one.  The secret half is
 * not needed to show it, so no passphrase is asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "key_rotate.h"
#include "trust/identity.h"
#include "verbs.h"

static int print(const struct sm_cli *cli, bool fingerprint, bool next)
{
    const char *path = next ? cli->conf.next_pub : cli->conf.host_pub;
    char text[SM_IDENTITY_FINGERPRINT_SIZE], line[SM_IDENTITY_LINE_SIZE];
    char name[SM_IDENTITY_NAME_SIZE];
    uint8_t key[SM_IDENTITY_KEY_LEN];
    int rc;

    rc = next ? sm_cli_public(path, name, key) :
                sm_cli_host_key(cli, name, key);
    if (next && rc == SM_STATE && errno == ENOENT)
        return sm_cli_fail(rc, "%s: there is no next key ('secmig key rotate "
                           "--prepare' makes one)", path);
    if (rc)
        return rc;
    if (fingerprint) {
        sm_identity_fingerprint(key, text);
        printf("%s  %s\n", name, text);
        return 0;
    }
    rc = sm_identity_format(name, key, line);
    if (rc)
        return sm_cli_fail(SM_STATE, "%s: bad host name", path);
    fputs(line, stdout);
    return 0;
}

int sm_verb_key(const struct sm_cli *cli, int argc, char **argv)
{
    bool next = false;
    const struct sm_argument options[] = {
        { .name = "--next", .flag = &next },
    };
    size_t n;
    int rc;

    if (argc < 2)
        return SM_CLI_USAGE;
    if (!strcmp(argv[1], "rotate")) {
        rc = sm_key_rotate(cli, argc - 1, argv + 1);
    } else if (!strcmp(argv[1], "show") || !strcmp(argv[1], "export")) {
        rc = sm_arguments_sort(argc - 1, argv + 1, options, 1, NULL, 0, &n);
        if (!rc)
            rc = print(cli, !strcmp(argv[1], "show"), next);
    } else {
        return SM_CLI_USAGE;
    }
    if (fflush(stdout) && !rc)
        return sm_cli_fail(SM_IO, "standard output: cannot write");
    return rc;
}
