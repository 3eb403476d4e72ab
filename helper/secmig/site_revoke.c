/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig site revoke: the next version of the list of revocations.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "site.h"

#define AT_ONCE 256         /* serials on one command line */

struct options {
    struct sm_signing_options key;
    bool issue_only;
    const char *words[AT_ONCE];
    uint64_t serials[AT_ONCE];
    size_t n_serials;
};

/* The second of one serial would look as if it had been revoked before. */
static int check_doubles(const struct options *o)
{
    size_t i, k;

    for (i = 1; i < o->n_serials; i++)
        for (k = 0; k < i; k++)
            if (o->serials[k] == o->serials[i])
                return sm_cli_fail(SM_USAGE, "%" PRIu64 " is given twice",
                                   o->serials[i]);
    return 0;
}

static int parse(const struct sm_cli *cli, int argc, char **argv,
                 struct options *o)
{
    const struct sm_argument options[] = {
        { .name = "--key", .value = &o->key.key },
        { .name = "--passphrase-file", .value = &o->key.passphrase_file },
        { .name = "--issue-only", .flag = &o->issue_only },
    };
    size_t i;
    int rc;

    rc = sm_arguments_sort(argc, argv, options, 3, o->words, AT_ONCE,
                           &o->n_serials);
    if (rc || (o->n_serials != 0) == o->issue_only)
        return SM_CLI_USAGE;
    if (!o->key.key)
        o->key.key = cli->conf.site_key;
    for (i = 0; i < o->n_serials; i++)
        if (!sm_text_number(o->words[i], strlen(o->words[i]), UINT64_MAX,
                            &o->serials[i]) || !o->serials[i])
            return sm_cli_fail(SM_USAGE, "%s: not a serial (a number from "
                               "1: 'secmig site show CERTIFICATE')",
                               o->words[i]);
    return check_doubles(o);
}

/* The list as it is, signed with this very key. */
static int read_list(const char *key, const uint8_t *secret,
                     struct sm_revocations *list)
{
    char path[SM_CONF_PATH_MAX], why[768];
    struct sm_minisign_public pub;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    rc = sm_signing_beside(key, SM_SITE_REVOKED, path);
    if (rc)
        return rc;
    rc = sm_file_read(path, SM_FILE_PUBLIC, SM_REVOCATIONS_MAX, &data, &len,
                      why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s (fetch the newest list back from one of "
                           "the hosts)", why);
    sm_minisign_public_of(secret, &pub);
    rc = sm_revocations_verify(data, len, &pub, 1, list, NULL, why,
                               sizeof(why));
    sm_file_free(data, len);
    return rc ? sm_cli_fail(rc, "%s: %s", path, why) : 0;
}

static int add(struct sm_revocations *list, const struct options *o,
               uint64_t last)
{
    size_t i;
    int rc;

    for (i = 0; i < o->n_serials; i++) {
        if (o->serials[i] > last)
            return sm_cli_fail(SM_STATE, "%" PRIu64 ": no certificate has "
                               "that serial (the last one is %" PRIu64 "); "
                               "nothing was changed", o->serials[i], last);
        rc = sm_revocations_add(list, o->serials[i]);
        if (rc == SM_EXISTS)
            return sm_cli_fail(SM_STATE, "%" PRIu64 " is revoked already "
                               "(--issue-only signs the list anew); nothing "
                               "was changed", o->serials[i]);
        if (rc)
            return sm_cli_fail(rc, "at most %d certificates can be revoked; "
                               "nothing was changed",
                               SM_REVOCATIONS_SERIALS_MAX);
    }
    return 0;
}

/* The lock is held: from reading to writing nobody else lists. */
static int next_version(const struct options *o, const uint8_t *secret,
                        struct sm_revocations *list)
{
    int64_t now = sm_clock_real();
    uint64_t last = 0;
    int rc;

    rc = sm_site_serial(o->key.key, &last);
    if (!rc)
        rc = read_list(o->key.key, secret, list);
    if (!rc)
        rc = add(list, o, last);
    if (!rc && list->version == UINT64_MAX)
        rc = sm_cli_fail(SM_STATE, "no version is left");
    if (rc)
        return rc;
    list->version++;
    list->issued = now;
    return sm_site_put_revoked(o->key.key, secret, list, 0);
}

int sm_site_revoke(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_revocations *list = NULL;
    char path[SM_CONF_PATH_MAX];
    struct options o = { .n_serials = 0 };
    uint8_t *secret = NULL;
    int rc, lock = -1;

    rc = parse(cli, argc, argv, &o);
    if (!rc)
        rc = sm_signing_beside(o.key.key, SM_SITE_REVOKED, path);
    if (rc)
        return rc;
    list = calloc(1, sizeof(*list));
    if (!list)
        return sm_cli_fail(SM_NO_MEMORY, "out of memory");
    rc = sm_signing_open(&o.key, SM_SIGNING_SITE, &secret);
    if (rc)
        goto out;
    lock = sm_signing_lock(o.key.key);
    rc = lock < 0 ? SM_IO : next_version(&o, secret, list);
    if (rc)
        goto out;
    printf("%s: version %" PRIu64 ", %zu revoked: copy it to each host "
           "(%s)\n", path, list->version, list->n_serials,
           cli->conf.revocations);
out:
    if (lock >= 0)
        close(lock);
    sm_secret_free(secret);
    free(list);
    return rc;
}
