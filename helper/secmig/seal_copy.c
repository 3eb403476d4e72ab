/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig seal copy, restore: a recovery copy of a key, sealed with a
 * passphrase, for the day on which the TPM is gone or was cleared.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "base/file.h"
#include "base/secret.h"
#include "pcr_list.h"
#include "seal/box.h"
#include "seal_verbs.h"
#include "sealing.h"
#include "trust/identity.h"

#define COPIES_MAX 8

int sm_seal_verb_copy(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_sealing_options o = { .backend = "passphrase" };
    const char *words[2] = { NULL, NULL };
    const struct sm_argument options[] = {
        { .name = "--passphrase-file", .value = &o.passphrase_file },
    };
    struct sm_sealing_form form;
    struct sm_sealing_ring ring = { .conf = &cli->conf };
    struct sm_conf then = cli->conf;
    uint8_t *secret = NULL, *object = NULL;
    size_t n, len = 0, object_len = 0;
    struct sm_seal_info info;
    struct sm_seal *to = NULL;
    char why[768];
    int rc;

    rc = sm_arguments_sort(argc, argv, options, 1, words, 2, &n);
    if (rc || n != 2)
        return SM_CLI_USAGE;
    /* The copy's passphrase is one of its own, not the host's. */
    then.passphrase_file[0] = '\0';
    rc = sm_sealing_settle(&o, &then, &form);
    if (rc)
        return rc;
    if (!sm_sealing_there(words[1]))
        return sm_cli_fail(SM_STATE, "%s exists: nothing was changed",
                           words[1]);
    rc = sm_seal_inspect(words[0], &info, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    rc = sm_sealing_load(&ring, words[0], info.purpose, info.host, &secret,
                         &len);
    if (!rc)
        rc = sm_sealing_open(&then, "passphrase", NULL, 1,
                             "the recovery copy", &to);
    if (rc)
        goto out;
    rc = sm_seal_wrap(to, info.purpose, info.host, info.expires, secret, len,
                      &object, &object_len, why, sizeof(why));
    if (!rc)
        rc = sm_file_create(words[1], object, object_len, 0600, why,
                            sizeof(why));
    if (rc)
        sm_cli_fail(rc, "%s", why);
    else
        printf("%s: the %s of %s, sealed with a passphrase: keep it away "
               "from this machine\n", words[1], info.purpose, info.host);
out:
    sm_secret_free(secret);
    sm_file_free(object, object_len);
    sm_seal_free(to);
    sm_sealing_close(&ring);
    return rc;
}

/* ---- restore ---- */

struct copy {
    const char *from;
    struct sm_seal_info info;
    uint8_t *secret;            /* locked */
    size_t len;
    const char *to;             /* where it belongs */
    const char *pub;            /* its public half's place; NULL: none */
    char line[SM_IDENTITY_LINE_SIZE];
    bool aside;                 /* what is there is to be kept */
};

/* A host key belongs where its public half stands, or, where there is none,
 * becomes the host's. */
static int place_host_key(const struct sm_conf *conf, struct copy *c)
{
    const char *const places[][2] = {
        { conf->host_pub, conf->host_key },
        { conf->next_pub, conf->next_key },
    };
    char name[SM_IDENTITY_NAME_SIZE];
    struct sm_identity *id = NULL;
    uint8_t key[SM_IDENTITY_KEY_LEN];
    size_t i;
    int rc;

    rc = c->len == SM_IDENTITY_KEY_LEN ?
         sm_identity_from_secret(conf->name, c->secret, &id) : SM_SEAL;
    if (!rc)
        rc = sm_identity_format(conf->name, id->public_key, c->line);
    if (rc) {
        sm_cli_fail(rc, "%s: not a host key", c->from);
        goto out;
    }
    for (i = 0; i < 2; i++) {
        rc = sm_cli_public(places[i][0], name, key);
        if (rc && errno != ENOENT)
            goto out;
        if ((rc && !i) || (!rc && sm_secret_equal(key, id->public_key,
                                                  sizeof(key)))) {
            c->pub = places[i][0];
            c->to = places[i][1];
            rc = 0;
            goto out;
        }
    }
    rc = sm_cli_fail(SM_STATE, "%s: an older key of this host, or another's: "
                     "it is not that of %s (move that away to go back to "
                     "this key)", c->from, conf->host_pub);
out:
    sm_identity_free(id);
    return rc;
}

static int place(const struct sm_conf *conf, struct copy *c)
{
    struct sm_sealing_object objects[SM_SEALING_OBJECTS];
    size_t i;

    if (!strcmp(c->info.purpose, SM_IDENTITY_PURPOSE))
        return place_host_key(conf, c);
    sm_sealing_objects(conf, objects);
    for (i = 0; i < SM_SEALING_OBJECTS; i++)
        if (!strcmp(objects[i].purpose, c->info.purpose))
            c->to = objects[i].path;
    return c->to ? 0 : sm_cli_fail(SM_STATE, "%s: a '%s': no key of a host",
                                   c->from, c->info.purpose);
}

/*
 * What stands in its place is overwritten only when it is the same key.  One
 * that does not open is kept aside: perhaps it would with another passphrase
 * or when the TPM is as it was.
 */
static int check_place(struct sm_seal *to, const struct sm_conf *conf,
                       struct copy *c)
{
    uint8_t *old = NULL;
    size_t len = 0;
    char why[768];
    int rc;

    rc = sm_sealing_there(c->to);
    if (rc)
        return rc == SM_STATE ? 0 : rc;
    rc = sm_seal_load(to, c->to, c->info.purpose, conf->name, &old, &len,
                      why, sizeof(why));
    if (!rc && (len != c->len || !sm_secret_equal(old, c->secret, len))) {
        rc = sm_cli_fail(SM_EXISTS, "%s: holds another key, which opens: "
                         "move it away to put the copy in its place", c->to);
    } else if (rc == SM_SEAL) {
        c->aside = true;
        rc = 0;
    } else if (rc) {
        sm_cli_fail(rc, "%s", why);
    }
    sm_secret_free(old);
    return rc;
}

static int open_copy(struct sm_sealing_ring *ring, const struct sm_conf *conf,
                     struct copy *c)
{
    char why[768];
    int rc;

    rc = sm_seal_inspect(c->from, &c->info, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    rc = sm_sealing_load(ring, c->from, c->info.purpose, conf->name,
                         &c->secret, &c->len);
    return rc ? rc : place(conf, c);
}

/* A file of its own and no second name: a key with two is refused, and that
 * is what an interruption would leave. */
static int keep(const char *path, const char *old)
{
    uint8_t *object = NULL;
    size_t len = 0;
    char why[768];
    int rc;

    rc = sm_file_read(path, SM_FILE_PRIVATE, SM_SEAL_FILE_MAX, &object, &len,
                      why, sizeof(why));
    rc = rc ? sm_cli_fail(rc, "%s", why) :
              sm_sealing_write(old, object, len);
    sm_file_free(object, len);
    return rc;
}

static int put(struct sm_seal *to, const struct sm_conf *conf,
               const struct copy *c)
{
    char why[768], old[SM_CONF_PATH_MAX + sizeof(SM_SEALING_OLD)];
    int rc = 0;

    snprintf(old, sizeof(old), "%s" SM_SEALING_OLD, c->to);
    if (c->aside)
        rc = keep(c->to, old);
    if (!rc)
        rc = sm_sealing_store(to, c->to, c->info.purpose, conf->name,
                              c->info.expires, c->secret, c->len);
    if (rc)
        return rc;
    if (c->pub)
        rc = sm_file_write(c->pub, c->line, strlen(c->line), 0644, why,
                           sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    printf("%s: restored from %s, sealed with %s\n", c->to, c->from,
           conf->seal);
    if (c->aside)
        printf("%s: what was there before, and did not open\n", old);
    return 0;
}

static int restore(const struct sm_cli *cli, struct copy *copies, size_t n,
                   const struct sm_sealing_form *form,
                   const char *copy_passphrase)
{
    struct sm_conf copied = cli->conf;
    struct sm_sealing_ring ring = { .conf = &copied };
    struct sm_seal *to = NULL;
    size_t i, j;
    int rc;

    snprintf(copied.passphrase_file, sizeof(copied.passphrase_file), "%s",
             copy_passphrase ? copy_passphrase : "");
    for (i = 0, rc = 0; !rc && i < n; i++) {
        rc = open_copy(&ring, &cli->conf, &copies[i]);
        for (j = 0; !rc && j < i; j++)
            if (!strcmp(copies[i].to, copies[j].to))
                rc = sm_cli_fail(SM_USAGE, "%s and %s both belong in %s: "
                                 "name one of them", copies[j].from,
                                 copies[i].from, copies[i].to);
    }
    if (!rc)
        rc = sm_sealing_open(&cli->conf, cli->conf.seal, form, 1, NULL, &to);
    for (i = 0; !rc && i < n; i++)
        rc = check_place(to, &cli->conf, &copies[i]);
    for (i = 0; !rc && i < n; i++)
        rc = put(to, &cli->conf, &copies[i]);
    sm_seal_free(to);
    sm_sealing_close(&ring);
    return rc;
}

/*
 * As the keys that are there are sealed, unless it is said otherwise; where
 * there is none on a TPM, what it was must be said: a default could be less.
 */
static int choose(const struct sm_conf *conf,
                  const struct sm_sealing_options *o,
                  const struct sm_sealing_form *given,
                  struct sm_sealing_form *form)
{
    const char *like = sm_sealing_alike(conf, form);

    if (!like && !o->pcrs && !strcmp(conf->seal, "tpm2"))
        return sm_cli_fail(SM_USAGE, "no key here says which PCRs it is bound "
                           "to: say it with --pcrs (and --pin, --update-key, "
                           "as before)");
    form->pin |= given->pin || conf->pin_file[0];
    if (o->pcrs)
        form->pcrs = given->pcrs;
    if (o->update_key) {
        form->updatable = true;
        form->update_key = given->update_key;
    }
    return 0;
}

/* What was chosen, and what is weak about it. */
static void tell(const struct sm_conf *conf,
                 const struct sm_sealing_form *form)
{
    char list[SM_PCR_LIST_SIZE];

    if (strcmp(conf->seal, "tpm2"))
        return;
    sm_pcr_list_format(form->pcrs, list);
    printf("bound to PCRs %s%s%s\n", list, form->pin ? ", PIN" : "",
           form->updatable ? ", updatable" : "");
    sm_sealing_warn(conf, form);
}

int sm_seal_verb_restore(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_sealing_options file = { .backend = "passphrase" };
    struct sm_sealing_options o = { .backend = NULL };
    const char *words[COPIES_MAX];
    const struct sm_argument options[] = {
        { .name = "--passphrase-file", .value = &file.passphrase_file },
        { .name = "--pcrs", .value = &o.pcrs },
        { .name = "--update-key", .value = &o.update_key },
        { .name = "--pin", .flag = &o.pin },
    };
    struct copy copies[COPIES_MAX] = { { .from = NULL } };
    struct sm_conf check = cli->conf;
    struct sm_sealing_form form, given;
    size_t i, n;
    int rc, lock;

    rc = sm_arguments_sort(argc, argv, options, 4, words, COPIES_MAX, &n);
    if (rc || !n)
        return SM_CLI_USAGE;
    rc = sm_sealing_settle(&file, &check, &given);
    check = cli->conf;
    if (!rc)
        rc = sm_sealing_settle(&o, &check, &given);
    if (rc)
        return rc;
    lock = sm_sealing_lock(&cli->conf);
    if (lock < 0)
        return SM_IO;
    for (i = 0; i < n; i++)
        copies[i].from = words[i];
    rc = choose(&cli->conf, &o, &given, &form);
    if (!rc)
        rc = restore(cli, copies, n, &form, file.passphrase_file);
    if (!rc)
        tell(&cli->conf, &form);
    for (i = 0; i < n; i++)
        sm_secret_free(copies[i].secret);
    close(lock);
    return rc;
}
