/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig policy: check a policy, make the site's signing key, sign, and ask
 * what a policy would decide.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "draft.h"
#include "policy/document.h"
#include "policy/question.h"
#include "seal/seal.h"
#include "trust/minisign.h"
#include "verbs.h"

#define KEY_PURPOSE "policy-key"
#define SUFFIX ".minisig"

/* One line about a policy that is in order. */
static void describe(const char *path, const struct sm_policy *policy,
                     const char *signature)
{
    int64_t now = sm_clock_real(), start = sm_policy_start(policy),
            expiry = sm_policy_expiry(policy);
    char when[21];

    printf("%s: site %s, version %llu, %zu hosts, %zu rules, %s", path,
           sm_policy_site(policy),
           (unsigned long long)sm_policy_version(policy),
           sm_policy_host_count(policy), sm_policy_rule_count(policy),
           signature);
    if (now < start) {
        sm_clock_format(start, when);
        printf(", NOT VALID BEFORE %s", when);
    }
    if (expiry != INT64_MAX) {
        sm_clock_format(expiry, when);
        printf(", %s %s", now > expiry ? "EXPIRED ON" : "valid until", when);
    }
    putchar('\n');
}

static int check(const struct sm_cli *cli, const char *path, bool with_sig)
{
    char why[SM_POLICY_WHY_MAX], signature[SM_CONF_PATH_MAX + 16];
    struct sm_policy_files files = {
        .xml = path, .signature = signature,
        .public_key = cli->conf.policy_pub,
    };
    struct sm_policy *policy = NULL;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    if (with_sig) {
        if (snprintf(signature, sizeof(signature), "%s" SUFFIX, path) >=
            (int)sizeof(signature))
            return sm_cli_fail(SM_USAGE, "%s: path too long", path);
        if (!access(path, F_OK) && access(signature, F_OK) &&
            errno == ENOENT)
            return sm_cli_fail(SM_POLICY, "%s is missing: the policy is not "
                               "signed ('secmig policy check --unsigned' "
                               "looks at the document alone)", signature);
        rc = sm_policy_load(&policy, &files, why, sizeof(why));
    } else {
        rc = sm_draft_read(path, SM_POLICY_DOCUMENT_MAX, SM_POLICY, &data,
                           &len);
        if (rc)
            return rc;
        rc = sm_policy_parse(&policy, SM_POLICY_SITE, data, len, path, why, sizeof(why));
        free(data);
    }
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    describe(path, policy, with_sig ? "signed" : "signature not looked at");
    sm_policy_free(policy);
    return 0;
}

static int keygen(const struct sm_cli *cli)
{
    const struct sm_conf *conf = &cli->conf;
    const char *const paths[] = { conf->policy_key, conf->policy_pub };
    struct sm_minisign_public key;
    struct sm_seal *seal = NULL;
    char text[128], why[768];
    void *secret = NULL;
    struct stat st;
    size_t i;
    int rc;

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
    sm_minisign_keygen(&key, secret);
    rc = sm_seal_store(seal, conf->policy_key, KEY_PURPOSE, conf->name, 0,
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
    rc = sm_seal_load(seal, conf->policy_key, KEY_PURPOSE, conf->name,
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
static int sign(const struct sm_cli *cli, const char *path)
{
    char text[SM_MINISIGN_TEXT_MAX], comment[SM_MINISIGN_COMMENT_MAX + 1];
    char why[768], signature[SM_CONF_PATH_MAX + 16];
    struct sm_policy *policy = NULL;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    if (snprintf(signature, sizeof(signature), "%s" SUFFIX, path) >=
        (int)sizeof(signature))
        return sm_cli_fail(SM_USAGE, "%s: path too long", path);
    rc = sm_draft_read(path, SM_POLICY_DOCUMENT_MAX, SM_POLICY, &data, &len);
    if (rc)
        return rc;
    rc = sm_policy_parse(&policy, SM_POLICY_SITE, data, len, path, why, sizeof(why));
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

/* What `policy` says to the question; the answer's code. */
static int answer(const struct sm_policy *policy,
                  const struct sm_policy_question *q)
{
    struct sm_policy_decision d;

    sm_policy_decide(policy, &q->request, &d);
    if (d.allow && q->n_facts && q->request.action == SM_POLICY_MIGRATE_IN)
        sm_policy_check_config(policy, &q->request, &d, q->facts, q->n_facts,
                               &d);
    printf("%s %s %s\n", d.allow ? "allow" : "deny", d.rule, d.text);
    if (!d.allow)
        fprintf(stderr, "secmig: denied by %s\n", d.rule);
    return d.code;
}

/* Signatures are not looked at: this asks what would be. */
static int decide(const char *path, const char *question)
{
    struct sm_policy_question q = { .text = NULL };
    struct sm_policy *policy = NULL;
    uint8_t *xml = NULL, *text = NULL;
    size_t xml_len = 0, text_len = 0;
    char why[SM_POLICY_WHY_MAX];
    int rc;

    rc = sm_draft_read(path, SM_POLICY_DOCUMENT_MAX, SM_POLICY, &xml,
                       &xml_len);
    if (!rc)
        rc = sm_draft_read(question, SM_POLICY_QUESTION_MAX, SM_POLICY,
                           &text, &text_len);
    if (rc)
        goto out;
    rc = sm_policy_parse(&policy, SM_POLICY_SITE, xml, xml_len, path, why, sizeof(why));
    if (rc) {
        sm_cli_fail(rc, "%s", why);
        goto out;
    }
    rc = sm_policy_question_parse(&q, policy, text, text_len,
                                  sm_clock_real(), why, sizeof(why));
    if (rc) {
        sm_cli_fail(rc, "%s: %s", question, why);
        goto out;
    }
    rc = answer(policy, &q);
out:
    sm_policy_question_dispose(&q);
    sm_policy_free(policy);
    free(xml);
    free(text);
    return rc;
}

int sm_verb_policy(const struct sm_cli *cli, int argc, char **argv)
{
    const char *path = NULL;
    bool with_sig = true;
    int i;

    if (argc < 2)
        return SM_CLI_USAGE;
    if (!strcmp(argv[1], "keygen"))
        return argc == 2 ? keygen(cli) : SM_CLI_USAGE;
    if (!strcmp(argv[1], "decide"))
        return argc == 4 ? decide(argv[2], argv[3]) : SM_CLI_USAGE;
    for (i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--unsigned") && !strcmp(argv[1], "check"))
            with_sig = false;
        else if (argv[i][0] == '-' || path)
            return SM_CLI_USAGE;
        else
            path = argv[i];
    }
    if (!path)
        path = cli->conf.policy_file;
    if (!strcmp(argv[1], "check"))
        return check(cli, path, with_sig);
    if (!strcmp(argv[1], "sign"))
        return sign(cli, path);
    return SM_CLI_USAGE;
}
