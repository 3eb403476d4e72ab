/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig trust: the hosts this one is paired with, or where those are that
 * it knows by their certificates.
 */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "base/wire.h"
#include "key_line.h"
#include "memory.h"
#include "operator.h"
#include "trust/identity.h"
#include "trust/pairing.h"
#include "verbs.h"

/* What stands in a place of a key, for people and for scripts. */
struct key_text {
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    char base64[SM_IDENTITY_BASE64_SIZE];
    char next_fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    char next_base64[SM_IDENTITY_BASE64_SIZE];  /* "": no next key */
};

static void key_text(const struct sm_pairing *p, struct key_text *t)
{
    strcpy(t->fingerprint, SM_PAIRING_CERTIFIED);
    strcpy(t->base64, SM_PAIRING_CERTIFIED);
    t->next_base64[0] = '\0';
    if (p->has_key) {
        sm_identity_fingerprint(p->key, t->fingerprint);
        sm_identity_base64(p->key, t->base64);
    }
    if (p->has_next) {
        sm_identity_fingerprint(p->next, t->next_fingerprint);
        sm_identity_base64(p->next, t->next_base64);
    }
}

struct listing {
    int dump;
    int unusable;
};

static int list_one(void *ctx, const char *name, const struct sm_pairing *p,
                    const char *problem)
{
    char endpoint[SM_PAIRING_ENDPOINT_SIZE];
    struct listing *l = ctx;
    struct key_text key;

    if (!p) {
        l->unusable++;
        if (!l->dump)
            printf("%-16s  unusable: %s\n", name, problem);
        return 0;
    }
    key_text(p, &key);
    sm_pairing_endpoint(p, endpoint);
    if (l->dump)
        printf("%s\t%s\t%s\t%s\t%s\t%s\n", p->name, key.base64,
               key.fingerprint, endpoint, p->comment, key.next_base64);
    else
        printf("%-16s  %s  %s%s%s\n", p->name, key.fingerprint, endpoint,
               p->comment[0] ? "  " : "", p->comment);
    if (!l->dump && p->has_next)
        printf("%-16s  %s  (next key)\n", "", key.next_fingerprint);
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
    char endpoint[SM_PAIRING_ENDPOINT_SIZE];
    uint8_t own[SM_IDENTITY_KEY_LEN];
    struct key_text key;
    struct sm_pairing p;
    int rc;

    rc = sm_cli_host_key(cli, own_name, own);
    if (rc)
        return rc;
    rc = sm_pairing_by_name(cli->conf.hosts_dir, own, name, &p, why,
                            sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    key_text(&p, &key);
    sm_pairing_endpoint(&p, endpoint);
    printf("host         %s\nfingerprint  %s\nkey          %s\n"
           "address      %s\n", p.name, key.fingerprint, key.base64,
           endpoint);
    if (p.has_next)
        printf("next         %s\nnext key     %s\n", key.next_fingerprint,
               key.next_base64);
    if (p.comment[0])
        printf("comment      %s\n", p.comment);
    return 0;
}

/* Where a host is that shows who it is by its certificate. */
static int add(const struct sm_cli *cli, const char *name,
               const char *address, const char *comment)
{
    char own_name[SM_IDENTITY_NAME_SIZE], why[1024];
    uint8_t own[SM_IDENTITY_KEY_LEN];
    struct sm_pairing p = { 0 };
    int rc;

    if (!sm_conf_name_ok(name))
        return sm_cli_fail(SM_USAGE, "%s: not the name of a host", name);
    if (sm_conf_address(address, p.address, sizeof(p.address), &p.port))
        return sm_cli_fail(SM_USAGE, "%s: not an address (HOST, HOST:PORT or "
                           "[V6]:PORT)", address);
    if (strlen(comment) >= sizeof(p.comment) ||
        !sm_wire_text_ok(comment, strlen(comment)))
        return sm_cli_fail(SM_USAGE, "--comment: too long or not clean text");
    snprintf(p.name, sizeof(p.name), "%s", name);
    snprintf(p.comment, sizeof(p.comment), "%s", comment);
    rc = sm_cli_host_key(cli, own_name, own);
    if (rc)
        return rc;
    if (!strcmp(name, own_name))
        return sm_cli_fail(SM_USAGE, "%s: that is this host", name);
    rc = sm_pairing_add(cli->conf.hosts_dir, own, &p, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s: %s", p.name, why);
    printf("%s counts as such when it shows a certificate of that name from "
           "an authority of the policy\n", p.name);
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

/* A host will change its key: both are to count meanwhile. */
static int next(const struct sm_cli *cli, int argc, char **argv)
{
    char own_name[SM_IDENTITY_NAME_SIZE], why[1024];
    uint8_t own[SM_IDENTITY_KEY_LEN], key[SM_IDENTITY_KEY_LEN];
    const char *words[2] = { NULL, NULL }, *fingerprint = NULL, *name;
    bool drop = false;
    const struct sm_argument options[] = {
        { .name = "--fingerprint", .value = &fingerprint },
        { .name = "--drop", .flag = &drop },
    };
    struct sm_pairing p;
    size_t n;
    int rc;

    rc = sm_arguments_sort(argc, argv, options, 2, words, 2, &n);
    if (rc || !n || (drop && (n == 2 || fingerprint)))
        return SM_CLI_USAGE;
    name = words[0];
    rc = sm_cli_host_key(cli, own_name, own);
    if (rc)
        return rc;
    rc = sm_pairing_by_name(cli->conf.hosts_dir, own, name, &p, why,
                            sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    if (!drop) {
        rc = sm_key_line_read(words[1], name, key);
        if (!rc)
            rc = sm_key_line_compare(fingerprint, name,
                                     "secmig key show --next", "accept",
                                     key);
        if (rc)
            return rc;
    }
    rc = sm_pairing_set_next(cli->conf.hosts_dir, own, name,
                             drop ? NULL : key, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s: %s", name, why);
    if (drop)
        printf("only the key that %s has now counts\n", name);
    else
        printf("%s may have either key; once 'secmig key rotate --activate' "
               "was run there,\n'secmig trust retire %s' here ends the old "
               "one\n", name, name);
    return 0;
}

static int retire(const struct sm_cli *cli, const char *name)
{
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE], why[1024];
    struct sm_pairing p;
    int rc;

    rc = sm_pairing_retire(cli->conf.hosts_dir, name, why, sizeof(why));
    if (!rc)
        rc = sm_pairing_by_name(cli->conf.hosts_dir, NULL, name, &p, why,
                                sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s: %s", name, why);
    sm_identity_fingerprint(p.key, fingerprint);
    printf("%s is now known by  %s  alone; its old key is refused\n", name,
           fingerprint);
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
    else if (argc == 4 && !strcmp(argv[1], "add") && argv[2][0] != '-')
        rc = add(cli, argv[2], argv[3], "");
    else if (argc == 6 && !strcmp(argv[1], "add") &&
             !strcmp(argv[2], "--comment"))
        rc = add(cli, argv[4], argv[5], argv[3]);
    else if (argc == 3 && !strcmp(argv[1], "remove"))
        rc = forget(cli, argv[2]);
    else if (argc >= 2 && !strcmp(argv[1], "policy"))
        rc = sm_trust_policy(cli, argc - 1, argv + 1);
    else if (argc >= 2 && !strcmp(argv[1], "reset"))
        rc = sm_trust_reset(cli, argc - 1, argv + 1);
    else if (argc >= 3 && !strcmp(argv[1], "next"))
        rc = next(cli, argc - 1, argv + 1);
    else if (argc == 3 && !strcmp(argv[1], "retire"))
        rc = retire(cli, argv[2]);
    else
        return SM_CLI_USAGE;
    if (fflush(stdout) && !rc)
        return sm_cli_fail(SM_IO, "standard output: cannot write");
    return rc;
}
