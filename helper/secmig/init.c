/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig init: directories, a first secmigd.conf, this host's keys.  Never
 * overwrites: what is there already is either kept (directories, the
 * configuration, keys that an interrupted run has made) or a reason to stop
 * (a key with its public half).
 */
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arguments.h"
#include "base/file.h"
#include "base/secret.h"
#include "memory.h"
#include "seal/box.h"
#include "sealing.h"
#include "trust/identity.h"

struct options {
    const char *name;
    struct sm_sealing_options seal;
};

static int parse(int argc, char **argv, struct options *o)
{
    const struct sm_argument options[] = {
        { .name = "--name", .value = &o->name },
        { .name = "--seal", .value = &o->seal.backend },
        SM_SEALING_ARGUMENTS(o->seal),
    };
    size_t n;

    return sm_arguments_sort(argc, argv, options, 2 + SM_SEALING_N_ARGUMENTS,
                             NULL, 0, &n);
}

/*
 * Settle name and seal: an existing configuration decides, and options must
 * agree with it, because the daemon will follow it and not them.
 */
static int settle(struct sm_cli *cli, const struct options *o,
                  struct sm_sealing_form *form)
{
    struct sm_conf then = cli->conf;
    int rc;

    if (o->name && !sm_conf_name_ok(o->name))
        return sm_cli_fail(SM_USAGE, "--name %s: not the name of a host "
                           "(letters, digits, '-', '_', '.')", o->name);
    rc = sm_sealing_settle(&o->seal, &then, form);
    if (rc)
        return rc;
    if (o->name)
        snprintf(then.name, sizeof(then.name), "%s", o->name);
    if (cli->conf_present) {
        if (strcmp(then.name, cli->conf.name) ||
            strcmp(then.seal, cli->conf.seal) ||
            (o->seal.passphrase_file && strcmp(then.passphrase_file,
                                          cli->conf.passphrase_file)) ||
            (o->seal.pin_file && strcmp(then.pin_file,
                                        cli->conf.pin_file)) ||
            (o->seal.tpm && strcmp(then.tpm, cli->conf.tpm)))
            return sm_cli_fail(SM_CONFIG, "%s exists and says otherwise than "
                               "the options: change one of them",
                               cli->conf.conf_file);
        if (!o->seal.pin && cli->conf.pin_file[0])
            form->pin = true;
    } else {
        cli->conf = then;
    }
    if (!cli->conf.name[0])
        return sm_cli_fail(SM_USAGE, "this machine's host name cannot be "
                           "used: choose one with --name");
    return 0;
}

/* The directories above ours belong to the system; make those missing. */
static int make_parents(const char *path)
{
    char copy[PATH_MAX];
    char *slash;

    if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
        return sm_cli_fail(SM_USAGE, "%s: path too long", path);
    for (slash = strchr(copy + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) && errno != EEXIST)
            return sm_cli_fail(SM_IO, "%s: cannot make directory: %s", copy,
                               strerror(errno));
        *slash = '/';
    }
    return 0;
}

static int make_directories(const struct sm_conf *conf)
{
    const struct {
        const char *path;
        mode_t mode;
    } dirs[] = {
        { conf->etc_dir, 0755 },
        { conf->hosts_dir, 0755 },
        { conf->state_dir, 0700 },
        { conf->empty_dir, 0755 },
    };
    char why[768];
    size_t i;
    int rc;

    for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        rc = make_parents(dirs[i].path);
        if (rc)
            return rc;
        rc = sm_file_mkdir(dirs[i].path, dirs[i].mode, why, sizeof(why));
        if (rc)
            return sm_cli_fail(rc, "%s", why);
    }
    return make_parents(conf->socket);
}

static int refuse_existing(const char *path)
{
    struct stat st;

    if (!lstat(path, &st))
        return sm_cli_fail(SM_STATE, "%s exists: this host has a key already "
                           "('secmig key show'); nothing was changed", path);
    if (errno != ENOENT && errno != ENOTDIR)
        return sm_cli_fail(SM_IO, "%s: %s", path, strerror(errno));
    return 0;
}

static int write_conf(const struct sm_cli *cli)
{
    struct sm_conf_change changes[SM_SEALING_CHANGES];

    sm_sealing_changes(&cli->conf, changes);
    return sm_conf_edit(cli, changes, SM_SEALING_CHANGES);
}

/*
 * A key without its public half, which an interrupted run has left or a
 * person has lost: it is this host's, and sealed anew as now asked for.
 */
static int take_key(const struct sm_conf *conf, struct sm_seal *seal,
                    struct sm_identity **id)
{
    uint8_t *secret = NULL;
    size_t len = 0;
    char why[768];
    int rc;

    rc = sm_seal_load(seal, conf->host_key, SM_IDENTITY_PURPOSE, conf->name,
                      &secret, &len, why, sizeof(why));
    if (!rc)
        rc = len == SM_IDENTITY_KEY_LEN ?
             sm_identity_from_secret(conf->name, secret, id) : SM_SEAL;
    if (rc && !why[0])
        snprintf(why, sizeof(why), "%s: not a host key", conf->host_key);
    sm_secret_free(secret);
    return rc ? sm_cli_fail(rc, "%s (move it away to begin anew)", why) : 0;
}

static int make_key(const struct sm_conf *conf, struct sm_seal *seal)
{
    char line[SM_IDENTITY_LINE_SIZE], why[768];
    struct sm_identity *id = NULL;
    int rc;

    rc = sm_sealing_there(conf->host_key);
    if (!rc) {
        rc = take_key(conf, seal, &id);
    } else if (rc == SM_STATE) {
        rc = sm_identity_generate(conf->name, &id);
        if (rc)
            sm_cli_fail(rc, "cannot make a key: %s", sm_err_text(rc));
    }
    if (rc)
        goto out;
    rc = sm_identity_format(id->name, id->public_key, line);
    if (rc) {
        sm_cli_fail(rc, "cannot make a key: %s", sm_err_text(rc));
        goto out;
    }
    /* The public half last: its presence says that the key is whole. */
    rc = sm_sealing_store(seal, conf->host_key, SM_IDENTITY_PURPOSE,
                          conf->name, 0, id->secret_key,
                          SM_IDENTITY_KEY_LEN);
    if (rc)
        goto out;
    rc = sm_file_write(conf->host_pub, line, strlen(line), 0644, why,
                       sizeof(why));
    if (rc)
        sm_cli_fail(rc, "%s", why);
out:
    sm_identity_free(id);
    return rc;
}

/*
 * The key of the daemon's own store.  One that is there is kept, if what is
 * sealed from now on can be opened together with it: who renews the host's
 * key does not lose what the host remembers.
 */
static int make_store_key(const struct sm_conf *conf, struct sm_seal *seal)
{
    uint8_t *old = NULL;
    void *key = NULL;
    size_t len = 0;
    struct stat st;
    char why[768];
    int rc;

    if (!lstat(conf->store_key, &st)) {
        rc = sm_seal_load(seal, conf->store_key, SM_BOX_KEY_PURPOSE,
                          conf->name, &old, &len, why, sizeof(why));
        if (!rc && len != SM_BOX_KEY_LEN) {
            rc = SM_SEAL;
            snprintf(why, sizeof(why), "%s: not a store key",
                     conf->store_key);
        }
        sm_secret_free(old);
        return rc ? sm_cli_fail(rc, "%s (move it away to begin anew; what "
                                "this host's store holds is lost then)",
                                why) : 0;
    }
    rc = sm_secret_new(&key, SM_BOX_KEY_LEN);
    if (rc)
        return sm_cli_fail(rc, "no locked memory for a key");
    randombytes_buf(key, SM_BOX_KEY_LEN);
    /* Before the key: without it this is nothing. */
    rc = sm_memory_begin(conf, key);
    if (rc) {
        sm_secret_free(key);
        return rc;
    }
    rc = sm_seal_store(seal, conf->store_key, SM_BOX_KEY_PURPOSE, conf->name,
                       0, key, SM_BOX_KEY_LEN, why, sizeof(why));
    sm_secret_free(key);
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

static int tell(const struct sm_cli *cli)
{
    char name[SM_IDENTITY_NAME_SIZE];
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    uint8_t key[SM_IDENTITY_KEY_LEN];
    int rc;

    rc = sm_cli_host_key(cli, name, key);
    if (rc)
        return rc;
    sm_identity_fingerprint(key, fingerprint);
    printf("host         %s\n"
           "fingerprint  %s\n"
           "sealed with  %s\n\n"
           "Next: carry the line of 'secmig key export' to the other host,\n"
           "'secmig pair' there and here, install a signed policy\n"
           "('secmig policy'), start secmigd.\n", name, fingerprint,
           cli->conf.seal);
    if (fflush(stdout))
        return sm_cli_fail(SM_IO, "standard output: cannot write");
    return 0;
}

int sm_verb_init(const struct sm_cli *cli, int argc, char **argv)
{
    struct options o = { 0 };
    struct sm_cli settled = *cli;
    struct sm_sealing_form form;
    struct sm_seal *seal = NULL;
    int rc, lock = -1;

    rc = parse(argc, argv, &o);
    if (!rc)
        rc = settle(&settled, &o, &form);
    if (!rc)
        rc = refuse_existing(settled.conf.host_pub);
    /* Whoever gives up at the question leaves nothing behind. */
    if (!rc)
        rc = sm_sealing_open(&settled.conf, settled.conf.seal, &form, 1, NULL,
                             &seal);
    if (!rc)
        rc = make_directories(&settled.conf);
    if (!rc) {
        lock = sm_sealing_lock(&settled.conf);
        rc = lock < 0 ? SM_IO : 0;
    }
    /* Of two at once the second finds the key of the first. */
    if (!rc)
        rc = refuse_existing(settled.conf.host_pub);
    if (!rc && !settled.conf_present)
        rc = write_conf(&settled);
    if (!rc)
        rc = make_store_key(&settled.conf, seal);
    if (!rc)
        rc = make_key(&settled.conf, seal);
    if (lock >= 0)
        close(lock);
    sm_seal_free(seal);
    if (!rc)
        rc = tell(&settled);
    if (!rc && !strcmp(settled.conf.seal, "tpm2"))
        sm_sealing_warn(&settled.conf, &form);
    return rc;
}
