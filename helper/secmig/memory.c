/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig trust reset: what secmigd has seen is forgotten.
 */
#include "memory.h"

#include <stdio.h>

#include "arguments.h"
#include "base/file.h"
#include "base/secret.h"
#include "seal/seal.h"
#include "tty.h"

int sm_memory_begin(const struct sm_conf *conf,
                    const uint8_t key[static SM_BOX_KEY_LEN])
{
    char dir[SM_CONF_PATH_MAX + 16], path[SM_CONF_PATH_MAX + 32], why[1024];
    uint8_t box[SM_BOX_OVERHEAD];
    size_t len;
    int rc;

    snprintf(dir, sizeof(dir), "%s/store", conf->state_dir);
    snprintf(path, sizeof(path), "%s/floors", dir);
    rc = sm_box_close(key, "floors", "all", NULL, 0, box, sizeof(box), &len);
    if (rc)
        return sm_cli_fail(rc, "%s: %s", path, sm_err_text(rc));
    rc = sm_file_mkdir(dir, 0700, why, sizeof(why));
    if (!rc)
        rc = sm_file_write(path, box, len, 0600, why, sizeof(why));
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

static int ask(void)
{
    int rc = sm_tty_yes("Old policies, old lists of revocations and old "
                        "policies of guests count again, and\nthe next "
                        "policy that is loaded says whose key is the site's."
                        "  Type yes to forget: ");

    if (rc == SM_USAGE)
        return sm_cli_fail(rc, "no terminal to ask at: use --yes");
    return rc ? sm_cli_fail(rc, "nothing was changed") : 0;
}

int sm_trust_reset(const struct sm_cli *cli, int argc, char **argv)
{
    bool yes = false;
    const struct sm_argument options[] = {
        { .name = "--yes", .flag = &yes },
    };
    const struct sm_conf *conf = &cli->conf;
    struct sm_seal *seal = NULL;
    uint8_t *key = NULL;
    char why[1024];
    size_t n, len;
    int rc;

    if (sm_arguments_sort(argc, argv, options, 1, NULL, 0, &n))
        return SM_CLI_USAGE;
    rc = yes ? 0 : ask();
    if (!rc)
        rc = sm_cli_seal(cli, NULL, 0, &seal);
    if (rc)
        return rc;
    rc = sm_seal_load(seal, conf->store_key, SM_BOX_KEY_PURPOSE, conf->name,
                      &key, &len, why, sizeof(why));
    if (rc)
        sm_cli_fail(rc, "%s", why);
    else if (len != SM_BOX_KEY_LEN)
        rc = sm_cli_fail(SM_SEAL, "%s: not a store key", conf->store_key);
    else
        rc = sm_memory_begin(conf, key);
    sm_secret_free(key);
    sm_seal_free(seal);
    if (!rc)
        printf("forgotten; start secmigd again, if it runs\n");
    return rc;
}
