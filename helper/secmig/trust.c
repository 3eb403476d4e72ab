/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig trust: the hosts this one is paired with.
 */
#include <stdio.h>
#include <string.h>

#include "trust/identity.h"
#include "trust/pairing.h"
#include "verbs.h"

struct listing {
    int dump;
    int unusable;
};

static int list_one(void *ctx, const char *name, const struct sm_pairing *p,
                    const char *problem)
{
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    char endpoint[SM_PAIRING_ENDPOINT_SIZE];
    char base64[SM_IDENTITY_BASE64_SIZE];
    struct listing *l = ctx;

    if (!p) {
        l->unusable++;
        if (!l->dump)
            printf("%-16s  unusable: %s\n", name, problem);
        return 0;
    }
    sm_identity_fingerprint(p->key, fingerprint);
    sm_pairing_endpoint(p, endpoint);
    if (l->dump) {
        sm_identity_base64(p->key, base64);
        printf("%s\t%s\t%s\t%s\t%s\n", p->name, base64, fingerprint,
               endpoint, p->comment);
    } else {
        printf("%-16s  %s  %s%s%s\n", p->name, fingerprint, endpoint,
               p->comment[0] ? "  " : "", p->comment);
    }
    return 0;
}

static int list(const struct sm_cli *cli, int dump)
{
    struct listing l = { .dump = dump };
    char why[1024];
    int rc;

    rc = sm_pairing_list(cli->conf.hosts_dir, list_one, &l, why,
                         sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    if (l.unusable)
        return sm_cli_fail(SM_STATE, "%s: %d file(s) cannot be used%s",
                           cli->conf.hosts_dir, l.unusable,
                           dump ? " ('secmig trust list' says why)" : "");
    return 0;
}

static int show(const struct sm_cli *cli, const char *name)
{
    char own_name[SM_IDENTITY_NAME_SIZE], why[1024];
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    char endpoint[SM_PAIRING_ENDPOINT_SIZE];
    char base64[SM_IDENTITY_BASE64_SIZE];
    uint8_t own[SM_IDENTITY_KEY_LEN];
    struct sm_pairing p;
    int rc;

    rc = sm_cli_host_key(cli, own_name, own);
    if (rc)
        return rc;
    rc = sm_pairing_by_name(cli->conf.hosts_dir, own, name, &p, why,
                            sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    sm_identity_fingerprint(p.key, fingerprint);
    sm_pairing_endpoint(&p, endpoint);
    sm_identity_base64(p.key, base64);
    printf("host         %s\nfingerprint  %s\nkey          %s\n"
           "address      %s\n", p.name, fingerprint, base64, endpoint);
    if (p.comment[0])
        printf("comment      %s\n", p.comment);
    return 0;
}

static int forget(const struct sm_cli *cli, const char *name)
{
    char why[1024];
    int rc;

    rc = sm_pairing_remove(cli->conf.hosts_dir, name, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    printf("%s is no longer trusted\n", name);
    return 0;
}

int sm_verb_trust(const struct sm_cli *cli, int argc, char **argv)
{
    int rc;

    if (argc == 2 && !strcmp(argv[1], "list"))
        rc = list(cli, 0);
    else if (argc == 3 && !strcmp(argv[1], "list") &&
             !strcmp(argv[2], "--dump"))
        rc = list(cli, 1);
    else if (argc == 3 && !strcmp(argv[1], "show"))
        rc = show(cli, argv[2]);
    else if (argc == 3 && !strcmp(argv[1], "remove"))
        rc = forget(cli, argv[2]);
    else
        return SM_CLI_USAGE;
    if (fflush(stdout) && !rc)
        return sm_cli_fail(SM_IO, "standard output: cannot write");
    return rc;
}
