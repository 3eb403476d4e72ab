/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verbs of secmig(1), one function and one file each.  main.c holds the
 * table that names them.
 *
 * A verb function
 *   cli         what came before the verb
 *   argc, argv  from the verb itself on: argv[0] is its name
 * returns an `enum sm_err`, which becomes the exit code; before it returns an
 * error it has printed exactly one line on standard error: what, where, what
 * to do.  Or it prints nothing and returns SM_CLI_USAGE: main.c then prints
 * the verb's line of the table and exits as for SM_USAGE.
 */
#ifndef SM_SECMIG_VERBS_H
#define SM_SECMIG_VERBS_H

#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"

#define SM_CLI_USAGE 1

struct sm_cli {
    const char *root;           /* --root, or NULL */
    /* Places and settings.  The file was read when it is there
     * (conf_present); otherwise these are the defaults. */
    struct sm_conf conf;
    int conf_present;
};

int sm_verb_init(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_key(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_seal(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_pair(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_trust(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_policy(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_attest(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_platform(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_site(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_owner(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_ticket(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_migrate(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_approve(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_abort(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_vm_policy(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_reload(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_handover(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_status(const struct sm_cli *cli, int argc, char **argv);
int sm_verb_transport(const struct sm_cli *cli, int argc, char **argv);

/* Print one line on standard error, "secmig: " in front, and return `err`. */
int sm_cli_fail(int err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Print one line on standard error that is no error. */
void sm_cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Open the seal backend as configured, asking on the terminal when there is
 * no passphrase file and no credential.
 *   backend  NULL for the configured one
 *   fresh    non-zero when something new is sealed: a passphrase is asked for
 *            twice, and on a TPM it is sealed as the host key is
 *   out      a struct sm_seal (seal/seal.h), the caller's
 * Prints its own error line.  Returns 0 or an error.
 */
struct sm_seal;
int sm_cli_seal(const struct sm_cli *cli, const char *backend, int fresh,
                struct sm_seal **out) SM_WARN_UNUSED;

/*
 * Likewise, but not as this host's configuration says.
 *   backend          "passphrase" or "plain"
 *   passphrase_file  NULL: none
 */
int sm_cli_seal_from(const char *backend, const char *passphrase_file,
                     int fresh, struct sm_seal **out) SM_WARN_UNUSED;

/*
 * A host's public key line in a file, e.g. ETC/host.pub.
 *   out: as of sm_cli_host_key()
 * Prints its own error line unless there is no such file: then SM_STATE with
 * errno ENOENT, and nothing is said.
 */
int sm_cli_public(const char *path, char *name, uint8_t *key)
    SM_WARN_UNUSED;

/*
 * This host's public key, from ETC/host.pub.
 *   key   out: 32 bytes
 *   name  out: SM_CONF_NAME_MAX + 1 bytes
 * Prints its own error line.  Returns 0 or an error.
 */
int sm_cli_host_key(const struct sm_cli *cli, char *name, uint8_t *key)
    SM_WARN_UNUSED;

#endif
