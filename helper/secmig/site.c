/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig site: the authority of a site, which certifies its hosts.
 */
#include "site.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "attest.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"

#define SERIAL_MAX 32       /* bytes of the file */

int sm_site_serial(const char *key, uint64_t *last)
{
    char path[SM_CONF_PATH_MAX], why[768];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    rc = sm_signing_beside(key, SM_SITE_SERIAL, path);
    if (rc)
        return rc;
    rc = sm_file_read(path, SM_FILE_PUBLIC, SERIAL_MAX, &data, &len, why,
                      sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s (restore it, or write into it the highest "
                           "serial that was ever used)", why);
    if (len && data[len - 1] == '\n')
        len--;
    if (!sm_text_number((const char *)data, len, UINT64_MAX, last))
        rc = sm_cli_fail(SM_STATE, "%s: damaged: write into it the highest "
                         "serial that was ever used", path);
    sm_file_free(data, len);
    return rc;
}

static int write_serial(const char *key, uint64_t last, bool fresh)
{
    char path[SM_CONF_PATH_MAX], text[SERIAL_MAX], why[768];
    int rc;

    rc = sm_signing_beside(key, SM_SITE_SERIAL, path);
    if (rc)
        return rc;
    snprintf(text, sizeof(text), "%" PRIu64 "\n", last);
    rc = (fresh ? sm_file_create : sm_file_write)(path, text, strlen(text),
                                                  0644, why, sizeof(why));
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int sm_site_set_serial(const char *key, uint64_t last)
{
    return write_serial(key, last, false);
}

int sm_site_put_revoked(const char *key, const uint8_t *secret,
                        const struct sm_revocations *list, int fresh)
{
    char path[SM_CONF_PATH_MAX], why[768], comment[128];
    char *body = malloc(2 * SM_REVOCATIONS_MAX);
    char *text = body ? body + SM_REVOCATIONS_MAX : NULL;
    int rc;

    if (!body)
        return sm_cli_fail(SM_NO_MEMORY, "out of memory");
    rc = sm_signing_beside(key, SM_SITE_REVOKED, path);
    if (rc)
        goto out;
    rc = sm_revocations_format(list, body, SM_REVOCATIONS_MAX, why,
                               sizeof(why));
    snprintf(comment, sizeof(comment), "revocations version:%" PRIu64,
             list->version);
    if (!rc)
        rc = sm_statement_sign(secret, body, comment, text,
                               SM_REVOCATIONS_MAX);
    if (rc) {
        sm_cli_fail(rc, "%s: the list would be too long", path);
        goto out;
    }
    rc = (fresh ? sm_file_create : sm_file_write)(path, text, strlen(text),
                                                  0644, why, sizeof(why));
    if (rc)
        sm_cli_fail(rc, "%s", why);
out:
    free(body);
    return rc;
}

/* Where the files of a new authority go, none of which may be there. */
static int places_free(const char *key)
{
    static const char *const suffixes[] = { ".pub", SM_SITE_SERIAL,
                                            SM_SITE_REVOKED };
    char path[SM_CONF_PATH_MAX];
    size_t i;
    int rc;

    rc = sm_signing_absent(key);
    for (i = 0; !rc && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        rc = sm_signing_beside(key, suffixes[i], path);
        if (!rc)
            rc = sm_signing_absent(path);
    }
    return rc;
}

static void forget(const char *key, const char *suffix)
{
    char path[SM_CONF_PATH_MAX];

    if (!sm_signing_beside(key, suffix, path))
        unlink(path);
}

static int init(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_signing_options o = { .key = NULL };
    const struct sm_argument options[] = {
        { .name = "--key", .value = &o.key },
        { .name = "--seal", .value = &o.seal },
        { .name = "--passphrase-file", .value = &o.passphrase_file },
    };
    char base64[SM_MINISIGN_BASE64_SIZE], path[SM_CONF_PATH_MAX];
    struct sm_revocations *list = NULL;
    struct sm_minisign_public pub;
    uint8_t *secret = NULL;
    size_t n_words;
    int rc;

    rc = sm_arguments_sort(argc, argv, options, 3, NULL, 0, &n_words);
    if (rc)
        return rc;
    if (!o.key)
        o.key = cli->conf.site_key;
    rc = places_free(o.key);
    if (rc)
        return rc;
    list = calloc(1, sizeof(*list));
    if (!list)
        return sm_cli_fail(SM_NO_MEMORY, "out of memory");
    list->version = 1;
    list->issued = sm_clock_real();
    rc = sm_signing_make(&o, SM_SIGNING_SITE, &secret);
    if (rc)
        goto out;
    rc = write_serial(o.key, 0, true);
    if (!rc) {
        rc = sm_site_put_revoked(o.key, secret, list, 1);
        if (rc)
            forget(o.key, SM_SITE_SERIAL);
    }
    if (rc) {
        sm_signing_unmake(&o);
        goto out;
    }
    sm_minisign_public_of(secret, &pub);
    sm_minisign_public_base64(&pub, base64);
    rc = sm_signing_beside(o.key, "", path);
    if (rc)
        goto out;
    printf("%s: sealed\n"
           "%s.pub: the public half, in a policy\n"
           "    <authority id=\"...\" key=\"%s\"/>\n"
           "%s.revoked: revocations, version 1: copy it to each host "
           "(%s)\n", o.key, path, base64, path, cli->conf.revocations);
out:
    sm_secret_free(secret);
    free(list);
    return rc;
}

int sm_verb_site(const struct sm_cli *cli, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct sm_cli *cli, int argc, char **argv);
    } verbs[] = {
        { "init", init },
        { "challenge", sm_site_challenge },
        { "sign", sm_site_sign },
        { "revoke", sm_site_revoke },
    };
    size_t i;

    if (argc < 2)
        return SM_CLI_USAGE;
    if (!strcmp(argv[1], "show"))
        return sm_statement_show(argc - 1, argv + 1);
    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(cli, argc - 1, argv + 1);
    return SM_CLI_USAGE;
}
