/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig owner: the key of an owner of guests, which signs their tickets and
 * policies; operators have keys of the same kind.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "draft.h"
#include "policy/document.h"
#include "signing_key.h"
#include "verbs.h"

#define SUFFIX ".minisig"

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

/* The trusted comment: what was signed.  What does not pass the checks is
 * not. */
static int describe(const char *path, const uint8_t *xml, size_t len,
                    char *comment, size_t size)
{
    struct sm_policy *policy = NULL;
    char why[SM_POLICY_WHY_MAX], vm[SM_TEXT_UUID_SIZE];
    int rc;

    rc = sm_policy_parse(&policy, SM_POLICY_VM, xml, len, path, why,
                         sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    sm_text_uuid_format(sm_policy_vm(policy), vm);
    snprintf(comment, size, "vm-policy vm:%s version:%" PRIu64, vm,
             sm_policy_version(policy));
    sm_policy_free(policy);
    return 0;
}

static int sign(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_signing_options o = { .key = NULL };
    const char *path = NULL;
    const struct sm_argument options[] = {
        { .name = "--key", .value = &o.key },
        { .name = "--passphrase-file", .value = &o.passphrase_file },
    };
    char text[SM_MINISIGN_TEXT_MAX], comment[128], why[768];
    char signature[SM_CONF_PATH_MAX];
    uint8_t *xml = NULL, *secret = NULL;
    size_t len = 0, n;
    int rc;

    rc = sm_arguments_sort(argc, argv, options, 2, &path, 1, &n);
    if (rc || !path)
        return SM_CLI_USAGE;
    if (!o.key)
        o.key = cli->conf.owner_key;
    if (snprintf(signature, sizeof(signature), "%s" SUFFIX, path) >=
        (int)sizeof(signature))
        return sm_cli_fail(SM_USAGE, "%s: path too long", path);
    rc = sm_draft_read(path, SM_POLICY_VM_DOCUMENT_MAX, SM_POLICY, &xml,
                       &len);
    if (!rc)
        rc = describe(path, xml, len, comment, sizeof(comment));
    if (!rc)
        rc = sm_signing_open(&o, SM_SIGNING_OWNER, &secret);
    if (rc)
        goto out;
    rc = sm_minisign_sign(secret, xml, len, comment, text, sizeof(text));
    if (!rc)
        rc = sm_file_write(signature, text, strlen(text), 0644, why,
                           sizeof(why));
    else
        snprintf(why, sizeof(why), "%s: cannot sign", path);
    if (rc)
        sm_cli_fail(rc, "%s", why);
    else
        printf("%s: signed (%s)\n", signature, comment);
out:
    sm_secret_free(secret);
    free(xml);
    return rc;
}

int sm_verb_owner(const struct sm_cli *cli, int argc, char **argv)
{
    if (argc < 2)
        return SM_CLI_USAGE;
    if (!strcmp(argv[1], "init"))
        return init(cli, argc - 1, argv + 1);
    if (!strcmp(argv[1], "sign"))
        return sign(cli, argc - 1, argv + 1);
    return SM_CLI_USAGE;
}
