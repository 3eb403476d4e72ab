/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig policy keygen, sign: the site's signature on its policy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "draft.h"
#include "policy.h"
#include "seal/seal.h"
#include "sealing.h"
#include "trust/minisign.h"

int policy_keygen(const struct sm_cli *cli, int argc, char **argv)
{
    const struct sm_conf *conf = &cli->conf;
    const char *const paths[] = { conf->policy_key, conf->policy_pub };
    struct sm_minisign_public key;
    struct sm_seal *seal = NULL;
    char text[128], why[768];
    void *secret = NULL;
    struct stat st;
    size_t i;
    int rc, lock = -1;

    (void)argv;
    if (argc != 1)
        return SM_CLI_USAGE;
    for (i = 0; i < 2; i++)
        if (!lstat(paths[i], &st) || errno != ENOENT)
            return sm_cli_fail(SM_STATE, "%s exists, or its directory cannot "
                               "be read: nothing was changed", paths[i]);
    rc = sm_cli_seal(cli, NULL, 1, &seal);
    if (rc)
        return rc;
    rc = sm_secret_new(&secret, SM_MINISIGN_SECRET_LEN);
    if (rc) {
        sm_cli_fail(rc, "no locked memory for the key");
        goto out;
    }
    lock = sm_sealing_lock(conf);
    if (lock < 0) {
        rc = SM_IO;
        goto out;
    }
    sm_minisign_keygen(&key, secret);
    rc = sm_seal_store(seal, conf->policy_key, POLICY_KEY_PURPOSE, conf->name, 0,
                       secret, SM_MINISIGN_SECRET_LEN, why, sizeof(why));
    if (!rc)
        rc = sm_minisign_public_format(&key, text, sizeof(text));
    if (!rc)
        rc = sm_file_write(conf->policy_pub, text, strlen(text), 0644, why,
                           sizeof(why));
    if (rc) {
        sm_cli_fail(rc, "%s", why);
        unlink(conf->policy_key);
        goto out;
    }
    printf("%s: sealed\n%s: copy it to every host of the site\n",
           conf->policy_key, conf->policy_pub);
out:
    if (lock >= 0)
        close(lock);
    sm_secret_free(secret);
    sm_seal_free(seal);
    return rc;
}

/* The trusted comment: what was signed, and when. */
static void comment_for(const char *path, const struct sm_policy *policy,
                        char *out, size_t size)
{
    const char *base = strrchr(path, '/');
    char when[21];

    base = base ? base + 1 : path;
    sm_clock_format(sm_clock_real(), when);
    snprintf(out, size, "time:%s file:%.100s site:%s version:%llu", when,
             base, sm_policy_site(policy),
             (unsigned long long)sm_policy_version(policy));
}

static int sign_with_key(const struct sm_cli *cli, const uint8_t *data,
                         size_t len, const char *comment, char *out,
                         size_t size)
{
    const struct sm_conf *conf = &cli->conf;
    struct sm_seal *seal = NULL;
    uint8_t *secret = NULL;
    size_t secret_len = 0;
    char why[768];
    int rc;

    rc = sm_cli_seal(cli, NULL, 0, &seal);
    if (rc)
        return rc;
    rc = sm_seal_load(seal, conf->policy_key, POLICY_KEY_PURPOSE, conf->name,
                      &secret, &secret_len, why, sizeof(why));
    if (rc) {
        sm_cli_fail(rc, "%s (is this the host where 'secmig policy keygen' "
                    "was run?)", why);
        goto out;
    }
    if (secret_len != SM_MINISIGN_SECRET_LEN) {
        rc = sm_cli_fail(SM_SEAL, "%s: not a signing key", conf->policy_key);
        goto out;
    }
    rc = sm_minisign_sign(secret, data, len, comment, out, size);
    if (rc)
        sm_cli_fail(rc, "the file's name cannot stand in the signature's "
                    "comment");
out:
    sm_secret_free(secret);
    sm_seal_free(seal);
    return rc;
}

/* What does not pass the checks is not signed. */
int policy_sign(const struct sm_cli *cli, int argc, char **argv)
{
    char text[SM_MINISIGN_TEXT_MAX], comment[SM_MINISIGN_COMMENT_MAX + 1];
    char why[768], signature[SM_CONF_PATH_MAX + 16];
    const char *path = argc == 2 ? argv[1] : cli->conf.policy_file;
    struct sm_policy *policy = NULL;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    if (argc > 2 || *path == '-')
        return SM_CLI_USAGE;
    if (snprintf(signature, sizeof(signature), "%s" POLICY_SUFFIX, path) >=
        (int)sizeof(signature))
        return sm_cli_fail(SM_USAGE, "%s: path too long", path);
    rc = sm_draft_read(path, SM_POLICY_DOCUMENT_MAX, SM_POLICY, &data, &len);
    if (rc)
        return rc;
    rc = sm_policy_parse(&policy, SM_POLICY_SITE, data, len, path, why,
                         sizeof(why));
    if (rc) {
        sm_cli_fail(rc, "%s", why);
        goto out;
    }
    comment_for(path, policy, comment, sizeof(comment));
    rc = sign_with_key(cli, data, len, comment, text, sizeof(text));
    if (rc)
        goto out;
    rc = sm_file_write(signature, text, strlen(text), 0644, why,
                       sizeof(why));
    if (rc) {
        sm_cli_fail(rc, "%s", why);
        goto out;
    }
    printf("%s: signed (%s)\n", signature, comment);
out:
    sm_policy_free(policy);
    free(data);
    return rc;
}
