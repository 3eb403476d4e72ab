/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host whose keys are plain or under a passphrase, for tests of secmig
 * seal.
 */
#ifndef SM_TESTS_UNIT_SEALED_HOST_H
#define SM_TESTS_UNIT_SEALED_HOST_H

#include "verb.h"

#include "seal/box.h"
#include "seal/seal.h"
#include "trust/identity.h"

static char why[768];

/* A verb with "@" in its line standing for the scratch directory. */
static inline int seal_verb(const char *format)
{
    char line[1024], *to = line;

    for (; *format; format++)
        if (*format == '@')
            to += sprintf(to, "%s/", scratch);
        else
            *to++ = *format;
    *to = '\0';
    return run(sm_verb_seal, line);
}

/* ---- what is there ---- */

struct keys {
    uint8_t host[32], store[32];
};

static inline void load(struct sm_seal *seal, const char *path,
                        const char *purpose, uint8_t key[32])
{
    uint8_t *data;
    size_t len;

    ck_assert_msg(!sm_seal_load(seal, path, purpose, "hostA", &data, &len,
                                why, sizeof(why)), "%s", why);
    ck_assert_uint_eq(len, 32);
    memcpy(key, data, 32);
    sm_secret_free(data);
}

static inline void load_keys(const char *backend, const char *file,
                             struct keys *k)
{
    struct sm_seal_source source = { .passphrase_file = file };
    struct sm_seal *seal;

    ck_assert_msg(!sm_seal_open_backend(backend, &source, &seal, why,
                                        sizeof(why)), "%s", why);
    load(seal, cli.conf.host_key, SM_IDENTITY_PURPOSE, k->host);
    load(seal, cli.conf.store_key, SM_BOX_KEY_PURPOSE, k->store);
    sm_seal_free(seal);
}

static inline void assert_keys(const char *backend, const char *file,
                               const struct keys *want)
{
    struct keys k;

    load_keys(backend, file, &k);
    ck_assert_mem_eq(&k, want, sizeof(k));
}

static inline void passphrases(void)
{
    scratch_write("one", "correct horse\n", 14, 0600);
    scratch_write("two", "battery staple\n", 15, 0600);
}

static inline const char *sealed_with(const char *path)
{
    static struct sm_seal_info info;

    ck_assert_msg(!sm_seal_inspect(path, &info, why, sizeof(why)), "%s",
                  why);
    return info.backend;
}

static inline void reload_conf(void)
{
    ck_assert_int_eq(sm_conf_init(&cli.conf, scratch, NULL), 0);
    ck_assert_msg(!sm_conf_load(&cli.conf, why, sizeof(why)), "%s", why);
}

/* ---- files as they were ---- */

struct saved {
    uint8_t data[4096];
    size_t len;
};

static inline void save(const char *path, struct saved *s)
{
    FILE *f = fopen(path, "r");

    ck_assert_ptr_nonnull(f);
    s->len = fread(s->data, 1, sizeof(s->data), f);
    fclose(f);
}

static inline void put_back(const char *path, const struct saved *s)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(s->data, 1, s->len, f), s->len);
    fclose(f);
}

#endif
