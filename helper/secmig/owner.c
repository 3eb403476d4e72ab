/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig owner: the key of an owner of guests, which signs their tickets and
 * policies; operators have keys of the same kind.
 */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "base/secret.h"
#include "signing_key.h"
#include "verbs.h"

static int init(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_signing_options o = { .key = NULL };
    const struct sm_argument options[] = {
        { .name = "--key", .value = &o.key },
        { .name = "--seal", .value = &o.seal },
        { .name = "--passphrase-file", .value = &o.passphrase_file },
    };
    char base64[SM_MINISIGN_BASE64_SIZE], path[SM_CONF_PATH_MAX];
    struct sm_minisign_public pub;
    uint8_t *secret = NULL;
    size_t n_words;
    int rc;

    rc = sm_arguments_sort(argc, argv, options, 3, NULL, 0, &n_words);
    if (rc)
        return rc;
    if (!o.key)
        o.key = cli->conf.owner_key;
    rc = sm_signing_beside(o.key, ".pub", path);
    if (!rc)
        rc = sm_signing_make(&o, SM_SIGNING_OWNER, &secret);
    if (rc)
        return rc;
    sm_minisign_public_of(secret, &pub);
    sm_secret_free(secret);
    sm_minisign_public_base64(&pub, base64);
    printf("%s: sealed\n"
           "%s: the public half, in a policy\n"
           "    <owner id=\"...\" key=\"%s\"/>\n", o.key, path, base64);
    return 0;
}

int sm_verb_owner(const struct sm_cli *cli, int argc, char **argv)
{
    if (argc < 2)
        return SM_CLI_USAGE;
    if (!strcmp(argv[1], "init"))
        return init(cli, argc - 1, argv + 1);
    return SM_CLI_USAGE;
}
