/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig: the administrator's command.  One table of verbs; each verb is a
 * file of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/secret.h"
#include "verbs.h"

static const struct {
    const char *verb;
    int (*run)(const struct sm_cli *cli, int argc, char **argv);
    const char *arguments;
    const char *purpose;
} verbs[] = {
    { "init", sm_verb_init,
      "[--name NAME] [--seal tpm2|passphrase|plain] "
      "[--passphrase-file FILE] [--tpm TCTI] [--pcrs LIST|none] "
      "[--pin | --pin-file FILE] [--update-key FILE]",
      "make this host's key and directories" },
    { "key", sm_verb_key,
      "show [--next] | export [--next] | "
      "rotate --prepare|--activate|--cancel",
      "this host's fingerprint, its public key line; change the key" },
    { "seal", sm_verb_seal,
      "list | show FILE | move --to BACKEND [OPTIONS] | "
      "copy [OPTIONS] FILE OUT | restore [OPTIONS] COPY... | "
      "wipe [--yes] | update-key [OPTIONS] | "
      "approve [OPTIONS] --now|--pcr N=HEX...",
      "how this host's keys are sealed; copies against their loss" },
    { "pair", sm_verb_pair,
      "[--fingerprint FPR] [--comment TEXT] NAME ADDRESS[:PORT] [FILE]",
      "trust another host; its key line comes from FILE or stdin" },
    { "trust", sm_verb_trust,
      "list [--dump] | show NAME | "
      "add [--comment TEXT] NAME ADDRESS[:PORT] | remove NAME | "
      "next [--fingerprint FPR] NAME [FILE] | next --drop NAME | "
      "retire NAME | policy [FILE] | reset [--yes]",
      "the hosts this one trusts; who signs its policy" },
    { "policy", sm_verb_policy,
      "check [--unsigned] [FILE] | keygen | sign [FILE] | "
      "decide FILE REQUEST | explain --request REQUEST [FILE] | "
      "test [FILE] TABLE | diff OLD NEW",
      "check a policy, make the site's signing key, sign, ask, compare" },
    { "platform", sm_verb_platform,
      "capture [OPTIONS] ID | show [OPTIONS] [FILE] | "
      "diff [OPTIONS] FILE [ID] | accept [--role ROLE] HOST",
      "what a host has measured when it booted; sets of good ones" },
    { "site", sm_verb_site,
      "init | sign --host NAME --host-key KEY|FILE [OPTIONS] [OUT] | "
      "challenge --endorsement FPR|--ek-roots PEM|--any REQUEST [OUT] | "
      "revoke SERIAL... | show FILE",
      "certify the hosts of a site: its authority's key, certificates" },
    { "attest", sm_verb_attest,
      "request [--next] [--out FILE] | answer [--next] [--out FILE] "
      "CHALLENGE",
      "enrol this host's TPM with the authority of its site" },
    { "owner", sm_verb_owner,
      "init | sign [--key FILE] VM-POLICY",
      "the key of an owner or operator; sign the policy of a guest" },
    { "ticket", sm_verb_ticket,
      "sign --vm UUID [OPTIONS] OUT | show FILE | use [--role ROLE] FILE",
      "let one migration of a guest happen" },
    { "migrate", sm_verb_migrate,
      "[--role ROLE] [--paused] GUEST HOST",
      "have the daemon move a guest; need not be root" },
    { "approve", sm_verb_approve,
      "[--role ROLE] GUEST HOST",
      "agree to a migration that needs several people" },
    { "abort", sm_verb_abort,
      "[--role ROLE] GUEST",
      "end a migration that is leaving this host" },
    { "handover", sm_verb_handover,
      "list [--role ROLE] | show [--role ROLE] GUEST | "
      "settle [--role ROLE] [--undo [--yes]] GUEST | "
      "fence [--role ROLE] [--approve] [--yes HOST] HOST | reset [--yes] | "
      "may-start [--uuid UUID] [--wait SECONDS] [--] GUEST",
      "guests between two hosts: where they are; a host that is lost" },
    { "vm-policy", sm_verb_vm_policy,
      "[--role ROLE] add FILE [SIGNATURE] | list | show GUEST | "
      "remove GUEST",
      "the policies of guests' owners" },
    { "reload", sm_verb_reload,
      "[--role ROLE]",
      "have the daemon take a new policy" },
    { "status", sm_verb_status,
      "[--role ROLE]",
      "what the daemon is doing" },
    { "transport", sm_verb_transport,
      "HOST xl migrate-receive [OPTIONS]",
      "for an unpatched xl: xl migrate -s 'secmig transport' GUEST HOST" },
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *f)
{
    size_t i;

    fprintf(f, "usage: secmig [--root DIR] [--config FILE] VERB ...\n\n");
    for (i = 0; i < N_VERBS; i++)
        fprintf(f, "  secmig %s %s\n      %s\n", verbs[i].verb,
                verbs[i].arguments, verbs[i].purpose);
    fprintf(f, "\nsecmig(1) describes each verb and the exit codes.\n");
}

/* Read the configuration when it is there.  A file that was named by the
 * caller has to be.  If it is not needed a wrong one is only noted. */
static int load_conf(struct sm_cli *cli, const char *file, bool needed)
{
    char why[768];
    int rc;

    if (sm_conf_init(&cli->conf, cli->root, file))
        return sm_cli_fail(SM_USAGE, "--root or --config: path too long");
    errno = 0;
    rc = sm_conf_load(&cli->conf, why, sizeof(why));
    if (rc == SM_STATE && errno == ENOENT && !file)
        return 0;
    if (rc && !needed) {
        sm_cli_note("%s: built-in values are used", why);
        return sm_conf_init(&cli->conf, cli->root, file);
    }
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    cli->conf_present = 1;
    return 0;
}

/* What is asked at each start of a guest answers although the configuration
 * is wrong: where the journal is does not depend on it. */
static bool needs_no_conf(int argc, char **argv)
{
    return argc > 1 && !strcmp(argv[0], "handover") &&
           !strcmp(argv[1], "may-start");
}

/* Options in front of the verb; *next is then the index of the verb. */
static int options(int argc, char **argv, struct sm_cli *cli,
                   const char **config, int *next)
{
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        if (!strcmp(argv[i], "--root") && i + 1 < argc) {
            cli->root = argv[++i];
        } else if (!strcmp(argv[i], "--config") && i + 1 < argc) {
            *config = argv[++i];
        } else {
            return sm_cli_fail(SM_USAGE, "%s: unknown option, or its value "
                               "is missing (see 'secmig --help')", argv[i]);
        }
    }
    *next = i;
    return 0;
}

int main(int argc, char **argv)
{
    const char *config = NULL;
    struct sm_cli cli = { 0 };
    int rc, next = 0;
    size_t i;

    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
                     !strcmp(argv[1], "help"))) {
        usage(stdout);
        return 0;
    }
    sm_log_init("secmig", SM_LOG_NOTICE);
    umask(022);
    rc = options(argc, argv, &cli, &config, &next);
    if (rc)
        return sm_err_exit(rc);
    if (next == argc) {
        usage(stderr);
        return sm_err_exit(SM_USAGE);
    }
    for (i = 0; i < N_VERBS; i++)
        if (!strcmp(argv[next], verbs[i].verb))
            break;
    if (i == N_VERBS)
        return sm_err_exit(sm_cli_fail(SM_USAGE, "%s: no such verb (see "
                                       "'secmig --help')", argv[next]));
    if (sm_secret_init())
        return sm_err_exit(sm_cli_fail(SM_STATE, "cannot protect the memory "
                                       "of this process"));
    rc = load_conf(&cli, config, !needs_no_conf(argc - next, argv + next));
    if (!rc)
        rc = verbs[i].run(&cli, argc - next, argv + next);
    if (rc == SM_CLI_USAGE) {
        fprintf(stderr, "usage: secmig %s %s\n", verbs[i].verb,
                verbs[i].arguments);
        rc = SM_USAGE;
    }
    return sm_err_exit(rc);
}
