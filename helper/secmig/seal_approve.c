/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig seal update-key, approve: keys that are bound to PCRs stay within
 * reach over a planned update, because its PCR values were signed before
 * (seal/approval.h).
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "base/file.h"
#include "base/secret.h"
#include "pcr_list.h"
#include "seal_verbs.h"
#include "sealing.h"
#include "signing_key.h"
#include "tpm/tpm.h"

#define PURPOSE "update-key"

/* ---- update-key ---- */

/* Write both halves; the public one last: it says that the key is whole. */
static int write_key(struct sm_seal *seal, const char *path, const char *pub,
                     const uint8_t *secret, const struct sm_update_key *key)
{
    char text[SM_UPDATE_TEXT_SIZE], why[768];
    uint8_t *object = NULL;
    size_t len = 0;
    bool made;
    int rc;

    rc = sm_seal_wrap(seal, PURPOSE, SM_SIGNING_ANY_HOST, 0, secret,
                      SM_UPDATE_SECRET_LEN, &object, &len, why, sizeof(why));
    if (!rc)
        rc = sm_file_create(path, object, len, 0600, why, sizeof(why));
    made = !rc;
    if (!rc) {
        rc = sm_update_key_text(key, text);
        if (rc)
            snprintf(why, sizeof(why), "%s: cannot be written", pub);
    }
    if (!rc)
        rc = sm_file_create(pub, text, strlen(text), 0644, why, sizeof(why));
    sm_file_free(object, len);
    if (rc && made)
        unlink(path);
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int sm_seal_verb_update_key(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_sealing_options o = { .backend = NULL };
    const char *path = NULL;
    const struct sm_argument options[] = {
        { .name = "--key", .value = &path },
        { .name = "--seal", .value = &o.backend },
        { .name = "--passphrase-file", .value = &o.passphrase_file },
    };
    struct sm_conf then = cli->conf;
    struct sm_sealing_form form;
    struct sm_update_key key;
    char pub[SM_CONF_PATH_MAX];
    struct sm_seal *seal = NULL;
    void *secret = NULL;
    size_t n;
    int rc;

    rc = sm_arguments_sort(argc, argv, options, 3, NULL, 0, &n);
    if (rc)
        return rc;
    if (!path)
        path = cli->conf.update_key;
    if (!o.backend)
        o.backend = "passphrase";
    /* It is to outlive this machine's TPM. */
    if (!strcmp(o.backend, "tpm2"))
        return sm_cli_fail(SM_USAGE, "--seal tpm2: an update key is for the "
                           "day on which the TPM does not open");
    then.passphrase_file[0] = '\0';
    rc = sm_sealing_settle(&o, &then, &form);
    if (!rc)
        rc = sm_signing_beside(path, ".pub", pub);
    if (!rc)
        rc = sm_signing_absent(path);
    if (!rc)
        rc = sm_signing_absent(pub);
    if (!rc)
        rc = sm_sealing_open(&then, o.backend, NULL, 1, "the update key",
                             &seal);
    if (rc)
        return rc;
    rc = sm_secret_new(&secret, SM_UPDATE_SECRET_LEN);
    if (!rc)
        rc = sm_update_key_make(secret, &key);
    if (rc)
        sm_cli_fail(rc, "cannot make a key: %s", sm_err_text(rc));
    else
        rc = write_key(seal, path, pub, secret, &key);
    if (!rc)
        printf("%s: sealed: keep it away from the hosts that it updates\n"
               "%s: the public half, for 'secmig init' or 'secmig seal move' "
               "with --update-key\n", path, pub);
    sm_secret_free(secret);
    sm_seal_free(seal);
    return rc;
}

/* ---- approve ---- */

struct approval {
    const char *key, *passphrase_file, *out, *like, *pcr[SM_SEAL_PCRS];
    size_t n_pcr;
    bool now, only;

    const char *path;               /* what `host` was read from */
    struct sm_seal_info host;       /* backend "": nothing on a TPM */
    uint32_t pcrs;
    uint8_t value[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];
};

/* What this host's keys are bound to, all of them together: an approval
 * waives each PCR that it does not name. */
static int look_here(const struct sm_conf *conf, struct approval *a)
{
    struct sm_sealing_object objects[SM_SEALING_OBJECTS];
    struct sm_seal_info info;
    char why[768];
    unsigned int n;
    size_t i;
    int rc;

    sm_sealing_objects(conf, objects);
    for (i = 0; i < SM_SEALING_OBJECTS; i++) {
        rc = sm_sealing_there(objects[i].path);
        if (rc == SM_STATE)
            continue;
        if (rc)
            return rc;
        rc = sm_seal_inspect(objects[i].path, &info, why, sizeof(why));
        if (rc)
            return sm_cli_fail(rc, "%s", why);
        if (strcmp(info.backend, "tpm2"))
            continue;
        if (!a->path) {
            a->path = objects[i].path;
            a->host = info;
        } else if (info.updatable &&
                   !memcmp(&info.update_key, &a->host.update_key,
                           sizeof(info.update_key))) {
            for (n = 0; n < SM_SEAL_PCRS; n++)
                if (info.pcrs & ~a->host.pcrs & (1u << n))
                    memcpy(a->host.pcr[n], info.pcr[n], SM_SEAL_PCR_LEN);
            a->host.pcrs |= info.pcrs;
        }
    }
    return 0;
}

/* A sealed file of a host that is to be updated. */
static int look_there(struct approval *a)
{
    char why[768];
    int rc;

    a->path = a->like;
    rc = sm_seal_inspect(a->like, &a->host, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "--like %s", why);
    return strcmp(a->host.backend, "tpm2") ?
           sm_cli_fail(SM_STATE, "--like %s: not sealed with a TPM", a->like) :
           0;
}

/* Today's values, in place of those at sealing. */
static int read_now(const struct sm_conf *conf, struct approval *a)
{
    struct sm_tpm *tpm = NULL;
    char why[768];
    int rc;

    rc = sm_tpm_open(conf->tpm, conf->tpm_timeout, &tpm, why, sizeof(why));
    if (!rc)
        rc = sm_tpm_pcr_read(tpm, a->value, why, sizeof(why));
    sm_tpm_close(tpm);
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

/* What is approved: all PCRs that the keys are bound to, unless --only says
 * that those given are all. */
static int settle(const struct sm_conf *conf, struct approval *a)
{
    bool here = !strcmp(a->host.backend, "tpm2");
    unsigned int n;
    size_t i;
    int rc;

    if (here && !a->host.updatable)
        return sm_cli_fail(SM_STATE, "%s: it names no update key, no "
                           "approval opens it ('secmig seal move --to tpm2 "
                           "--update-key FILE' gives it one)", a->path);
    if (!here && a->now)
        return sm_cli_fail(SM_STATE, "--now: no key here that is bound to "
                           "PCRs; name a sealed file with --like");
    if (!here && !a->only)
        return sm_cli_fail(SM_USAGE, "an approval waives every PCR that it "
                           "does not name: name a sealed file of a host that "
                           "is to be updated with --like FILE, or say --only "
                           "if the PCRs given are to be all that counts");
    if (!a->only) {
        a->pcrs = a->host.pcrs;
        memcpy(a->value, a->host.pcr, sizeof(a->value));
    }
    if (a->now) {
        rc = read_now(conf, a);
        if (rc)
            return rc;
    }
    for (i = 0; i < a->n_pcr; i++) {
        uint8_t value[SM_SEAL_PCR_LEN];

        if (!sm_pcr_value_parse(a->pcr[i], &n, value))
            return sm_cli_fail(SM_USAGE, "--pcr %s: not N=HEX, N up to 23 "
                               "and 64 digits", a->pcr[i]);
        if (here && !(a->host.pcrs & (1u << n)))
            return sm_cli_fail(SM_USAGE, "--pcr %s: %s is not bound to PCR "
                               "%u", a->pcr[i], a->path, n);
        memcpy(a->value[n], value, sizeof(value));
        a->pcrs |= 1u << n;
    }
    for (n = 0; n < SM_SEAL_PCRS; n++)
        if (!(a->pcrs & (1u << n)))
            memset(a->value[n], 0, SM_SEAL_PCR_LEN);
    if (here && !memcmp(a->value, a->host.pcr, sizeof(a->value)))
        return sm_cli_fail(SM_EXISTS, "these are the values that %s was "
                           "sealed with: nothing to approve", a->path);
    return a->pcrs ? 0 : sm_cli_fail(SM_USAGE, "no PCR to approve");
}

static int open_key(const struct sm_conf *conf, const struct approval *a,
                    struct sm_update_key *key, uint8_t **secret)
{
    struct sm_conf mine = *conf;
    struct sm_sealing_ring ring = { .conf = &mine };
    char pub[SM_CONF_PATH_MAX], why[768];
    size_t len = 0;
    int rc;

    *secret = NULL;
    if (sm_sealing_there(a->key))
        return sm_cli_fail(SM_STATE, "%s: no such key (name its file with "
                           "--key, or make it with 'secmig seal "
                           "update-key')", a->key);
    rc = sm_signing_beside(a->key, ".pub", pub);
    if (rc)
        return rc;
    rc = sm_update_key_read(pub, key, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    if (a->host.updatable && memcmp(key, &a->host.update_key, sizeof(*key)))
        return sm_cli_fail(SM_STATE, "%s: %s names another update key "
                           "('secmig seal show')", pub, a->path);
    snprintf(mine.passphrase_file, sizeof(mine.passphrase_file), "%s",
             a->passphrase_file ? a->passphrase_file : "");
    rc = sm_sealing_load(&ring, a->key, PURPOSE, SM_SIGNING_ANY_HOST, secret,
                         &len);
    if (!rc && len != SM_UPDATE_SECRET_LEN) {
        rc = sm_cli_fail(SM_SEAL, "%s: not an update key", a->key);
        sm_secret_free(*secret);
        *secret = NULL;
    }
    sm_sealing_close(&ring);
    return rc;
}

/* One more than are read would be passed over, it or another. */
static int check_room(const char *dir, const char *path, char *why,
                      size_t why_size)
{
    struct sm_approval *list = NULL;
    size_t n;
    int rc;

    if (!access(path, F_OK))
        return 0;
    rc = sm_approvals_read(dir, &list, &n, why, why_size);
    free(list);
    if (rc || n < SM_APPROVALS_MAX)
        return rc;
    snprintf(why, why_size, "%s: holds %d approvals, more are not read: "
             "remove old ones", dir, SM_APPROVALS_MAX);
    return SM_STATE;
}

/* The file's name says nothing; the same approval has the same, whatever
 * number its signature was made with. */
static int put(const struct sm_conf *conf, const struct approval *a,
               const char *text)
{
    char path[SM_CONF_PATH_MAX + 32], hex[17], list[SM_PCR_LIST_SIZE];
    uint8_t hash[crypto_generichash_BYTES];
    uint32_t waived;
    char why[768];
    int rc;

    if (a->out) {
        rc = sm_file_create(a->out, text, strlen(text), 0644, why,
                            sizeof(why));
    } else {
        crypto_generichash(hash, sizeof(hash), (const uint8_t *)text,
                           (size_t)(strstr(text, "\nsignature ") - text),
                           NULL, 0);
        sodium_bin2hex(hex, sizeof(hex), hash, 8);
        snprintf(path, sizeof(path), "%s/%s", conf->approvals_dir, hex);
        rc = sm_file_mkdir(conf->approvals_dir, 0700, why, sizeof(why));
        if (!rc)
            rc = check_room(conf->approvals_dir, path, why, sizeof(why));
        if (!rc)
            rc = sm_file_write(path, text, strlen(text), 0644, why,
                               sizeof(why));
    }
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    sm_pcr_list_format(a->pcrs, list);
    printf("%s: approves PCRs %s%s%s\n", a->out ? a->out : path, list,
           a->out ? ": copy it to each host, into " : "",
           a->out ? conf->approvals_dir : "");
    waived = (a->path ? a->host.pcrs : SM_TPM_PCR_MASK) & ~a->pcrs;
    sm_pcr_list_format(waived, list);
    if (waived)
        sm_cli_note("it waives PCRs %s: with it, keys that are bound to these "
                    "open whatever is in them", list);
    return 0;
}

static int approve(const struct sm_cli *cli, struct approval *a)
{
    char text[SM_APPROVAL_TEXT_MAX], why[768];
    struct sm_approval approval;
    struct sm_update_key key;
    uint8_t *secret = NULL;
    int rc;

    rc = a->like ? look_there(a) : look_here(&cli->conf, a);
    if (!rc)
        rc = settle(&cli->conf, a);
    if (!rc)
        rc = open_key(&cli->conf, a, &key, &secret);
    if (rc)
        return rc;
    rc = sm_approval_sign(secret, &key, a->pcrs, a->value, &approval, why,
                          sizeof(why));
    if (!rc && !sm_approval_text(&approval, text, sizeof(text))) {
        rc = SM_FAIL;
        snprintf(why, sizeof(why), "the approval would be too long");
    }
    sm_secret_free(secret);
    return rc ? sm_cli_fail(rc, "%s", why) : put(&cli->conf, a, text);
}

int sm_seal_verb_approve(const struct sm_cli *cli, int argc, char **argv)
{
    struct approval a = { .key = NULL };
    const struct sm_argument options[] = {
        { .name = "--key", .value = &a.key },
        { .name = "--passphrase-file", .value = &a.passphrase_file },
        { .name = "--out", .value = &a.out },
        { .name = "--pcr", .list = a.pcr, .list_max = SM_SEAL_PCRS,
          .n_list = &a.n_pcr },
        { .name = "--now", .flag = &a.now },
        { .name = "--like", .value = &a.like },
        { .name = "--only", .flag = &a.only },
    };
    size_t n;
    int rc;

    rc = sm_arguments_sort(argc, argv, options, 7, NULL, 0, &n);
    if (rc || (!a.now && !a.n_pcr) || (a.now && a.only))
        return SM_CLI_USAGE;
    if (!a.key)
        a.key = cli->conf.update_key;
    return approve(cli, &a);
}
