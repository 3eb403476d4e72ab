/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig seal move: every key of this host goes over to another backend.
 *
 * All are opened, sealed anew in memory and opened again before a file is
 * touched.  Then the configuration learns what the new backend needs, each
 * file is replaced, and the backend is configured last.  Each file names its
 * own backend, so that after an interruption every key is still there, in one
 * form or the other: the same command, run again, opens each by what it names
 * and goes on, and one that moves back does, too.  Meanwhile the daemon, which
 * goes by the backend that is configured, does not open what was moved.  What
 * each file was is overwritten: it may have been plain.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "base/file.h"
#include "base/secret.h"
#include "seal_verbs.h"
#include "sealing.h"

struct moved {
    struct sm_sealing_object is;
    bool there;
    struct sm_seal_info info;
    uint8_t *secret;            /* locked */
    size_t len;
    uint8_t *object;            /* the new file */
    size_t object_len;
};

struct move {
    const struct sm_conf *now;          /* as configured */
    struct sm_conf then;
    struct moved key[SM_SEALING_OBJECTS];
    struct sm_sealing_ring ring;
    struct sm_seal *to;
};

static int look(struct move *m)
{
    struct sm_sealing_object objects[SM_SEALING_OBJECTS];
    char why[768];
    bool any = false;
    size_t i;
    int rc;

    sm_sealing_objects(m->now, objects);
    for (i = 0; i < SM_SEALING_OBJECTS; i++) {
        m->key[i].is = objects[i];
        rc = sm_sealing_there(objects[i].path);
        if (rc == SM_STATE)
            continue;
        if (rc)
            return rc;
        m->key[i].there = any = true;
        rc = sm_seal_inspect(objects[i].path, &m->key[i].info, why,
                             sizeof(why));
        if (rc)
            return sm_cli_fail(rc, "%s (nothing was changed)", why);
    }
    return any ? 0 : sm_cli_fail(SM_STATE, "%s: no keys here (run 'secmig "
                                 "init')", m->now->state_dir);
}

/*
 * Open what is not open yet.  Where a TPM does not open one, the others on it
 * are tried, too, so that all that is lost is named at once; a PIN is not
 * sent again for that.
 *   moved    which: those that name the new backend, or the others
 *   quietly  one that does not open now is for later, and so are those that
 *            are written before it: each wrong PIN costs one of few tries
 */
static int open_keys(struct move *m, bool moved, bool quietly)
{
    int (*open_one)(struct sm_sealing_ring *ring, const char *path,
                    const char *purpose, const char *host, uint8_t **secret,
                    size_t *len) = quietly ? sm_sealing_try :
                                             sm_sealing_load;
    int rc, first = 0;
    size_t i;

    for (i = SM_SEALING_OBJECTS; i-- > 0;) {
        struct moved *k = &m->key[i];

        if (!k->there || k->secret ||
            !strcmp(k->info.backend, m->then.seal) != moved)
            continue;
        rc = open_one(&m->ring, k->is.path, k->is.purpose, m->now->name,
                      &k->secret, &k->len);
        if (rc == SM_SEAL && !strcmp(k->info.backend, "tpm2")) {
            first = rc;
            continue;
        }
        if (rc || (!first && !k->secret))
            return rc;
    }
    return first ? sm_cli_fail(first, "nothing was changed: restore copies "
                               "of what does not open ('secmig seal "
                               "restore'), or move these files away") : 0;
}

/* Seal one anew, in memory, and see that it opens. */
static int wrap(struct move *m, struct moved *k)
{
    uint8_t *again = NULL;
    size_t len = 0;
    char why[768];
    int rc;

    rc = sm_seal_wrap(m->to, k->is.purpose, m->now->name, k->info.expires,
                      k->secret, k->len, &k->object, &k->object_len, why,
                      sizeof(why));
    if (!rc)
        rc = sm_seal_unwrap(m->to, k->object, k->object_len, k->is.purpose,
                            m->now->name, &again, &len, why, sizeof(why));
    if (!rc && (len != k->len || !sm_secret_equal(again, k->secret, len))) {
        snprintf(why, sizeof(why), "what was sealed is not what opens");
        rc = SM_SEAL;
    }
    sm_secret_free(again);
    return rc ? sm_cli_fail(rc, "%s: %s (nothing was changed)", k->is.path,
                            why) : 0;
}

static int write_all(struct move *m)
{
    size_t i;
    int rc = 0;

    for (i = 0; !rc && i < SM_SEALING_OBJECTS; i++)
        if (m->key[i].there)
            rc = sm_sealing_write(m->key[i].is.path, m->key[i].object,
                                  m->key[i].object_len);
    if (rc)
        sm_cli_note("nothing is lost: run the same command again");
    return rc;
}

/* What the new backend needs, beside what the old one does. */
static int write_needs(const struct sm_cli *cli, const struct move *m)
{
    struct sm_conf_change changes[SM_SEALING_CHANGES];
    struct sm_conf_change needs[SM_SEALING_CHANGES];
    size_t i, n = 0;

    if (!strcmp(m->now->seal, m->then.seal))
        return 0;
    sm_sealing_changes(&m->then, changes);
    for (i = 0; i < SM_SEALING_CHANGES; i++)
        if (changes[i].value && strcmp(changes[i].key, "seal"))
            needs[n++] = changes[i];
    return n ? sm_conf_edit(cli, needs, n) : 0;
}

static int write_conf(const struct sm_cli *cli, const struct move *m)
{
    struct sm_conf_change changes[SM_SEALING_CHANGES];

    sm_sealing_changes(&m->then, changes);
    return sm_conf_edit(cli, changes, SM_SEALING_CHANGES);
}

static void tell(const struct move *m)
{
    bool bare = false;
    size_t i;

    for (i = 0; i < SM_SEALING_OBJECTS; i++)
        bare |= m->key[i].there && !strcmp(m->key[i].info.backend, "plain");
    for (i = 0; i < SM_SEALING_OBJECTS; i++)
        if (m->key[i].there)
            printf("%s: sealed with %s, before with %s\n",
                   m->key[i].is.path, m->then.seal, m->key[i].info.backend);
    printf("%s: seal = %s\n", m->now->conf_file, m->then.seal);
    if (m->now->passphrase_file[0] &&
        strcmp(m->now->passphrase_file, m->then.passphrase_file))
        printf("%s is not needed any more for these keys\n",
               m->now->passphrase_file);
    if (bare && strcmp(m->then.seal, "plain"))
        printf("They were on this disk as they are.  That was overwritten, "
               "but a flash disk, a file\nsystem that copies on write or a "
               "backup may keep it: 'secmig key rotate' makes the\nhost's "
               "key another one.\n");
    printf("'secmig reload' has the daemon take it\n");
}

static int move(const struct sm_cli *cli, struct move *m,
                const struct sm_sealing_form *form)
{
    bool same = !strcmp(m->now->seal, m->then.seal);
    bool others = strcmp(m->now->passphrase_file, m->then.passphrase_file) ||
                  strcmp(m->now->pin_file, m->then.pin_file) ||
                  strcmp(m->now->tpm, m->then.tpm);
    size_t i;
    int rc;

    rc = look(m);
    /* First as configured: who mistypes the old passphrase is not asked for
     * a new one. */
    if (!rc)
        rc = open_keys(m, false, false);
    if (!rc && same)
        rc = open_keys(m, true, others);
    sm_sealing_close(&m->ring);
    if (!rc)
        rc = sm_sealing_open(&m->then, m->then.seal, form, 1, NULL, &m->to);
    if (!rc)
        rc = sm_sealing_lend(&m->ring, m->then.seal, m->to);
    /* What an interrupted run has moved opens with the new. */
    if (!rc)
        rc = open_keys(m, true, false);
    for (i = 0; !rc && i < SM_SEALING_OBJECTS; i++)
        if (m->key[i].there)
            rc = wrap(m, &m->key[i]);
    /* A TPM without a resource manager would keep what is open in it. */
    sm_sealing_close(&m->ring);
    sm_seal_free(m->to);
    m->to = NULL;
    if (!rc)
        rc = write_needs(cli, m);
    if (!rc)
        rc = write_all(m);
    if (!rc)
        rc = write_conf(cli, m);
    if (!rc)
        tell(m);
    return rc;
}

int sm_seal_verb_move(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_sealing_options o = { .backend = NULL };
    const struct sm_argument options[] = {
        { .name = "--to", .value = &o.backend },
        SM_SEALING_ARGUMENTS(o),
    };
    struct sm_sealing_form form;
    struct move m = { .now = &cli->conf, .then = cli->conf,
                      .ring = { .conf = &cli->conf } };
    int rc, lock = -1;
    size_t i, n;

    rc = sm_arguments_sort(argc, argv, options, 1 + SM_SEALING_N_ARGUMENTS,
                           NULL, 0, &n);
    if (rc || !o.backend)
        return SM_CLI_USAGE;
    rc = sm_sealing_settle(&o, &m.then, &form);
    if (rc)
        return rc;
    lock = sm_sealing_lock(&cli->conf);
    if (lock < 0)
        return SM_IO;
    rc = move(cli, &m, &form);
    for (i = 0; i < SM_SEALING_OBJECTS; i++) {
        sm_secret_free(m.key[i].secret);
        sm_file_free(m.key[i].object, m.key[i].object_len);
    }
    sm_sealing_close(&m.ring);
    sm_seal_free(m.to);
    close(lock);
    if (!rc && !strcmp(m.then.seal, "tpm2"))
        sm_sealing_warn(&m.then, &form);
    return rc;
}
