/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig seal wipe: the end of a host's keys. */
#include <stdio.h>
#include <unistd.h>

#include "arguments.h"
#include "seal_verbs.h"
#include "sealing.h"
#include "tty.h"

static int ask(const struct sm_cli *cli)
{
    char question[SM_CONF_PATH_MAX + 256];
    int rc;

    snprintf(question, sizeof(question),
             "The keys of %s in %s and all that only they can open are lost "
             "for good,\nunless there is a recovery copy.  Type yes to "
             "destroy them: ", cli->conf.name, cli->conf.state_dir);
    rc = sm_tty_yes(question);
    if (rc == SM_USAGE)
        return sm_cli_fail(rc, "no terminal to ask at: use --yes");
    return rc ? sm_cli_fail(rc, "nothing was changed") : 0;
}

static int destroy(const char *path)
{
    int rc = sm_sealing_wipe(path);

    if (!rc)
        printf("%s: destroyed\n", path);
    return rc;
}

static int found(const char *path)
{
    (void)path;
    return SM_EXISTS;
}

int sm_seal_verb_wipe(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_sealing_object objects[SM_SEALING_OBJECTS];
    const char *const public[] = {
        cli->conf.host_pub, cli->conf.next_pub, cli->conf.attestation_key,
    };
    const char *doomed[SM_SEALING_OBJECTS + 3];
    bool yes = false;
    const struct sm_argument options[] = {
        { .name = "--yes", .flag = &yes },
    };
    size_t i, n = 0, words;
    int rc, lock;

    rc = sm_arguments_sort(argc, argv, options, 1, NULL, 0, &words);
    if (rc)
        return rc;
    sm_sealing_objects(&cli->conf, objects);
    for (i = 0; i < SM_SEALING_OBJECTS + 3; i++) {
        const char *path = i < SM_SEALING_OBJECTS ? objects[i].path :
                           public[i - SM_SEALING_OBJECTS];

        rc = sm_sealing_there(path);
        if (!rc)
            doomed[n++] = path;
        else if (rc != SM_STATE)
            return rc;
    }
    if (!n) {
        rc = sm_sealing_left(&cli->conf, true, found);
        if (rc && rc != SM_EXISTS)
            return rc;
    }
    if (!n && !rc)
        return sm_cli_fail(SM_STATE, "%s: no keys here", cli->conf.state_dir);
    rc = yes ? 0 : ask(cli);
    if (rc)
        return rc;
    lock = sm_sealing_lock(&cli->conf);
    if (lock < 0)
        return SM_IO;
    for (i = 0; !rc && i < n; i++)
        rc = destroy(doomed[i]);
    if (!rc)
        rc = sm_sealing_left(&cli->conf, true, destroy);
    close(lock);
    if (!rc)
        printf("A running secmigd still holds what it has opened: stop it.  "
               "Backups of these\nfiles are as good as before.\n");
    return rc;
}
