/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig policy check: whether a document is in order, and what its author
 * can hardly have meant. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "policy.h"
#include "policy/lint.h"

/* One line about a policy that is in order. */
static void describe(const char *path, const struct sm_policy *policy,
                     const char *signature)
{
    int64_t now = sm_clock_real(), start = sm_policy_start(policy),
            expiry = sm_policy_expiry(policy);
    char when[21];

    if (sm_policy_vm(policy))
        printf("%s: VM policy, version %llu, %zu rules, %s", path,
               (unsigned long long)sm_policy_version(policy),
               sm_policy_rule_count(policy), signature);
    else
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

static void warn(void *ctx, unsigned int line, const char *text)
{
    printf("%s:%u: warning: %s\n", (const char *)ctx, line, text);
}

/* With its signature, as the daemon loads it. */
static int load_signed(const struct sm_cli *cli, const char *path,
                       struct sm_policy **out)
{
    char why[SM_POLICY_WHY_MAX], signature[SM_CONF_PATH_MAX + 16];
    struct sm_policy_files files = {
        .xml = path, .signature = signature,
        .public_key = cli->conf.policy_pub,
    };
    int rc;

    if (snprintf(signature, sizeof(signature), "%s" POLICY_SUFFIX, path) >=
        (int)sizeof(signature))
        return sm_cli_fail(SM_USAGE, "%s: path too long", path);
    if (!access(path, F_OK) && access(signature, F_OK) && errno == ENOENT)
        return sm_cli_fail(SM_POLICY, "%s is missing: the policy is not "
                           "signed ('secmig policy check --unsigned' "
                           "looks at the document alone)", signature);
    rc = sm_policy_load(out, &files, why, sizeof(why));
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int policy_check(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_policy *policy = NULL;
    const char *path = NULL;
    bool with_sig = true;
    char name[SM_CONF_PATH_MAX];
    int rc, i;

    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--unsigned"))
            with_sig = false;
        else if (argv[i][0] == '-' || path)
            return SM_CLI_USAGE;
        else
            path = argv[i];
    }
    if (!path)
        path = cli->conf.policy_file;
    rc = with_sig ? load_signed(cli, path, &policy) :
         policy_open(path, &policy);
    if (rc)
        return rc;
    snprintf(name, sizeof(name), "%s", path);
    sm_policy_lint(policy, sm_clock_real(), warn, name);
    describe(path, policy, with_sig ? "signed" : "signature not looked at");
    sm_policy_free(policy);
    return 0;
}
