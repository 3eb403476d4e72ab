/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig key rotate: this host's key is changed in two steps, with a time in
 * between in which the other hosts learn the next one.
 *
 * prepare   next-host-key.sealed, then next-host.pub, are made
 * activate  each is renamed over what it follows: the sealed key, the
 *           certificate if there is one, the public key last.  While
 *           next-host.pub is there the activation is not finished, and the
 *           same command finishes it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"
#include "key_rotate.h"
#include "sealing.h"
#include "trust/certificate.h"
#include "trust/identity.h"

/* ---- prepare ---- */

static int make(const struct sm_cli *cli, struct sm_seal *seal,
                struct sm_identity **id,
                char line[static SM_IDENTITY_LINE_SIZE])
{
    const struct sm_conf *conf = &cli->conf;
    char why[768];
    int rc;

    rc = sm_identity_generate(conf->name, id);
    if (!rc)
        rc = sm_identity_format(conf->name, (*id)->public_key, line);
    if (rc)
        return sm_cli_fail(rc, "cannot make a key: %s", sm_err_text(rc));
    rc = sm_sealing_store(seal, conf->next_key, SM_IDENTITY_PURPOSE,
                          conf->name, 0, (*id)->secret_key,
                          SM_IDENTITY_KEY_LEN);
    if (rc)
        return rc;
    rc = sm_file_write(conf->next_pub, line, strlen(line), 0644, why,
                       sizeof(why));
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

static int prepare(const struct sm_cli *cli)
{
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    char name[SM_IDENTITY_NAME_SIZE], line[SM_IDENTITY_LINE_SIZE];
    struct sm_sealing_ring ring = { .conf = &cli->conf };
    uint8_t key[SM_IDENTITY_KEY_LEN], *now = NULL;
    struct sm_identity *id = NULL;
    struct sm_sealing_form form;
    struct sm_seal *seal = NULL;
    size_t len;
    int rc;

    rc = sm_cli_host_key(cli, name, key);
    if (rc)
        return rc;
    /* A sealed key without its public half was never shown to anybody. */
    rc = sm_sealing_there(cli->conf.next_pub);
    if (!rc)
        return sm_cli_fail(SM_STATE, "%s exists: 'secmig key rotate "
                           "--activate' takes it, '--cancel' forgets it",
                           cli->conf.next_pub);
    if (rc != SM_STATE)
        return rc;
    /* Before the next one is sealed with what it is sealed with: a passphrase
     * that opens it is the right one. */
    rc = sm_sealing_load(&ring, cli->conf.host_key, SM_IDENTITY_PURPOSE,
                         cli->conf.name, &now, &len);
    sm_secret_free(now);
    if (!rc && strcmp(cli->conf.seal, "tpm2")) {
        rc = make(cli, ring.key[ring.n - 1].seal, &id, line);
    } else if (!rc) {
        sm_sealing_close(&ring);
        sm_sealing_alike(&cli->conf, &form);
        rc = sm_sealing_open(&cli->conf, "tpm2", &form, 1, NULL, &seal);
        if (!rc)
            rc = make(cli, seal, &id, line);
        sm_seal_free(seal);
    }
    if (rc)
        goto out;
    sm_identity_fingerprint(id->public_key, fingerprint);
    printf("%s\nfingerprint  %s\n\n"
           "Carry that line ('secmig key export --next') to each host that "
           "is paired with this\none ('secmig trust next %s'), or have the "
           "site's authority certify it\n(%s).  Then: "
           "'secmig key rotate --activate'.\n", line, fingerprint,
           cli->conf.name, cli->conf.next_certificate);
out:
    sm_identity_free(id);
    sm_sealing_close(&ring);
    return rc;
}

/* ---- activate ---- */

/* A key that opens and belongs to a public one. */
static int check_key(const struct sm_cli *cli, const char *path,
                     const uint8_t *public_key, const char *public_path)
{
    struct sm_sealing_ring ring = { .conf = &cli->conf };
    struct sm_identity *id = NULL;
    uint8_t *secret = NULL;
    size_t len = 0;
    int rc;

    rc = sm_sealing_load(&ring, path, SM_IDENTITY_PURPOSE, cli->conf.name,
                         &secret, &len);
    if (rc)
        goto out;
    rc = len == SM_IDENTITY_KEY_LEN ?
         sm_identity_from_secret(cli->conf.name, secret, &id) : SM_SEAL;
    if (rc)
        sm_cli_fail(rc, "%s: not a host key", path);
    else if (!sm_secret_equal(id->public_key, public_key,
                              SM_IDENTITY_KEY_LEN))
        rc = sm_cli_fail(SM_STATE, "%s: not the key of %s: nothing was "
                         "changed", path, public_path);
out:
    sm_identity_free(id);
    sm_secret_free(secret);
    sm_sealing_close(&ring);
    return rc;
}

/* Whose key a certificate is for, whoever signed it. */
static int check_certificate(const struct sm_conf *conf, const uint8_t *key)
{
    struct sm_certificate *c = calloc(1, sizeof(*c));
    struct sm_statement s;
    uint8_t *data = NULL;
    char why[768];
    size_t len = 0;
    int rc;

    if (!c)
        return sm_cli_fail(SM_NO_MEMORY, "out of memory");
    rc = sm_file_read(conf->next_certificate, SM_FILE_PUBLIC,
                      SM_CERTIFICATE_MAX, &data, &len, why, sizeof(why));
    if (rc) {
        sm_cli_fail(rc, "%s", why);
        goto out;
    }
    rc = sm_statement_split(data, len, SM_CERTIFICATE_MAX, &s, why,
                            sizeof(why));
    if (!rc)
        rc = sm_certificate_read(&s, c, why, sizeof(why));
    if (rc)
        sm_cli_fail(rc, "%s: %s", conf->next_certificate, why);
    else if (strcmp(c->host, conf->name) ||
             !sm_secret_equal(c->key, key, SM_IDENTITY_KEY_LEN))
        rc = sm_cli_fail(SM_STATE, "%s: not for the next key of this host: "
                         "nothing was changed", conf->next_certificate);
out:
    sm_file_free(data, len);
    free(c);
    return rc;
}

/* *has: there is a next certificate, and it fits. */
static int certificate(const struct sm_conf *conf, const uint8_t *key,
                       bool begun, bool *has)
{
    int rc = sm_sealing_there(conf->next_certificate);

    *has = !rc;
    if (!rc)
        return check_certificate(conf, key);
    if (rc != SM_STATE)
        return rc;
    /* Interrupted in the middle, it may have been renamed already. */
    if (begun)
        return 0;
    rc = sm_sealing_there(conf->certificate);
    if (!rc)
        return sm_cli_fail(SM_STATE, "%s is for the old key: have the site's "
                           "authority certify the next one into %s, or move "
                           "the old certificate away", conf->certificate,
                           conf->next_certificate);
    return rc == SM_STATE ? 0 : rc;
}

static int activate(const struct sm_cli *cli)
{
    const struct sm_conf *conf = &cli->conf;
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    char name[SM_IDENTITY_NAME_SIZE];
    uint8_t key[SM_IDENTITY_KEY_LEN];
    bool begun, certified = false;
    int rc;

    rc = sm_cli_public(conf->next_pub, name, key);
    if (rc == SM_STATE && errno == ENOENT)
        return sm_cli_fail(rc, "%s: there is no next key ('secmig key rotate "
                           "--prepare' makes one)", conf->next_pub);
    if (rc)
        return rc;
    rc = sm_sealing_there(conf->next_key);
    if (rc && rc != SM_STATE)
        return rc;
    begun = rc == SM_STATE;
    rc = check_key(cli, begun ? conf->host_key : conf->next_key, key,
                   conf->next_pub);
    if (!rc)
        rc = certificate(conf, key, begun, &certified);
    if (!rc && !begun)
        rc = sm_sealing_replace(conf->next_key, conf->host_key);
    if (!rc && certified)
        rc = sm_sealing_replace(conf->next_certificate, conf->certificate);
    if (!rc)
        rc = sm_sealing_replace(conf->next_pub, conf->host_pub);
    if (rc)
        return rc;
    sm_identity_fingerprint(key, fingerprint);
    printf("key          %s\n\n"
           "'secmig reload' has the daemon take it; migrations that are under "
           "way go on.  Then\n'secmig trust retire %s' on each host that is "
           "paired with this one.\n", fingerprint, conf->name);
    return 0;
}

/* ---- cancel ---- */

static int cancel(const struct sm_cli *cli)
{
    const struct sm_conf *conf = &cli->conf;
    int key, pub;

    key = sm_sealing_there(conf->next_key);
    pub = sm_sealing_there(conf->next_pub);
    if (key == SM_STATE && !pub)
        return sm_cli_fail(SM_STATE, "%s: its activation has begun: finish "
                           "it with 'secmig key rotate --activate'",
                           conf->next_pub);
    if (key == SM_STATE && pub == SM_STATE)
        return sm_cli_fail(SM_STATE, "there is no next key");
    /* The public half first: what is left is then of no use to anybody. */
    pub = sm_sealing_wipe(conf->next_pub);
    if (!pub)
        pub = sm_sealing_wipe(conf->next_key);
    if (pub)
        return pub;
    printf("the next key is destroyed; 'secmig trust next --drop %s' where "
           "it was noted\n", conf->name);
    return 0;
}

int sm_key_rotate(const struct sm_cli *cli, int argc, char **argv)
{
    static const struct {
        const char *option;
        int (*run)(const struct sm_cli *cli);
    } steps[] = {
        { "--prepare", prepare },
        { "--activate", activate },
        { "--cancel", cancel },
    };
    int rc = SM_CLI_USAGE, lock;
    size_t i;

    for (i = 0; argc == 2 && i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (strcmp(argv[1], steps[i].option))
            continue;
        lock = sm_sealing_lock(&cli->conf);
        if (lock < 0)
            return SM_IO;
        rc = steps[i].run(cli);
        close(lock);
    }
    return rc;
}
