/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host with a TPM (swtpm), for tests of secmig init and secmig seal.
 */
#ifndef SM_TESTS_UNIT_TPM_HOST_H
#define SM_TESTS_UNIT_TPM_HOST_H

#include "verb.h"

#include "seal/box.h"
#include "seal/seal.h"
#include "swtpm.h"
#include "trust/identity.h"

static struct swtpm machine;
static char why[1024];

static inline void plug_in(void)
{
    prepare();
    swtpm_start(&machine, "tpm");
    scratch_write("pin", "7391\n", 5, 0600);
    scratch_write("other", "7392\n", 5, 0600);
    scratch_write("pass", "correct horse\n", 14, 0600);
}

static inline void unplug(void)
{
    swtpm_kill(&machine);
    scratch_remove();
}

/* "@" stands for the scratch directory, "%" for the TPM. */
static inline const char *line_of(const char *format)
{
    static char line[1024];
    char *to = line;

    for (; *format; format++)
        if (*format == '@')
            to += sprintf(to, "%s/", scratch);
        else if (*format == '%')
            to += sprintf(to, "%s", machine.tcti);
        else
            *to++ = *format;
    *to = '\0';
    return line;
}

static inline int init(const char *options)
{
    char line[512];

    snprintf(line, sizeof(line), "init --name hostA %s", options);
    return run(sm_verb_init, line_of(line));
}

static inline int seal(const char *rest)
{
    char line[1040];

    snprintf(line, sizeof(line), "seal %s", rest);
    return run(sm_verb_seal, line_of(line));
}

static inline void must(int code)
{
    ck_assert_msg(code == 0, "%d: %s", code, err);
}

static inline void says(int code, int want, const char *words)
{
    ck_assert_msg(code == want, "%d: %s", code, err);
    ck_assert_msg(strstr(err, words) != NULL, "%s", err);
}

static inline void reload_conf(void)
{
    ck_assert_int_eq(sm_conf_init(&cli.conf, scratch, NULL), 0);
    ck_assert_msg(!sm_conf_load(&cli.conf, why, sizeof(why)), "%s", why);
}

static inline struct sm_seal_info info_of(const char *path)
{
    struct sm_seal_info info;

    ck_assert_msg(!sm_seal_inspect(path, &info, why, sizeof(why)), "%s",
                  why);
    return info;
}

/* As the daemon opens it: by what is configured and nothing else. */
static inline int daemon_opens(const char *path, const char *purpose,
                               uint8_t key[32])
{
    struct sm_seal_source source = { .ask = NULL };
    struct sm_seal *opened;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    reload_conf();
    source.tpm = cli.conf.tpm;
    source.tpm_timeout = cli.conf.tpm_timeout;
    source.approvals_dir = cli.conf.approvals_dir;
    if (cli.conf.pin_file[0])
        source.pin_file = cli.conf.pin_file;
    if (cli.conf.passphrase_file[0])
        source.passphrase_file = cli.conf.passphrase_file;
    rc = sm_seal_open_backend(cli.conf.seal, &source, &opened, why,
                              sizeof(why));
    if (rc)
        return rc;
    rc = sm_seal_load(opened, path, purpose, "hostA", &data, &len, why,
                      sizeof(why));
    if (!rc) {
        ck_assert_uint_eq(len, 32);
        memcpy(key, data, 32);
    }
    sm_secret_free(data);
    sm_seal_free(opened);
    return rc;
}

struct keys {
    uint8_t host[32], store[32];
};

static inline void load_keys(struct keys *k)
{
    int rc = daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE, k->host);

    if (!rc)
        rc = daemon_opens(cli.conf.store_key, SM_BOX_KEY_PURPOSE, k->store);
    ck_assert_msg(!rc, "%s", why);
}

static inline void assert_keys(const struct keys *want)
{
    struct keys k;

    load_keys(&k);
    ck_assert_mem_eq(&k, want, sizeof(k));
}

#endif
