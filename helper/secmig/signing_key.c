/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"
#include "draft.h"
#include "seal/seal.h"
#include "verbs.h"

#define SEALED ".sealed"

int sm_signing_beside(const char *key, const char *suffix,
                      char out[static SM_CONF_PATH_MAX])
{
    size_t len = strlen(key), n = strlen(SEALED);

    if (len > n && !strcmp(key + len - n, SEALED) && key[len - n - 1] != '/')
        len -= n;
    if (len + strlen(suffix) >= SM_CONF_PATH_MAX)
        return sm_cli_fail(SM_USAGE, "%s: path too long", key);
    memcpy(out, key, len);
    strcpy(out + len, suffix);
    return 0;
}

int sm_signing_absent(const char *path)
{
    struct stat st;

    if (!lstat(path, &st))
        return sm_cli_fail(SM_STATE, "%s exists: nothing was changed", path);
    if (errno == ENOENT)
        return 0;
    return sm_cli_fail(SM_IO, "%s: %s", path, strerror(errno));
}

/* Write both halves; the public one last: it says that the key is whole. */
static int write_halves(struct sm_seal *seal, const char *key,
                        const char *pub, const char *purpose,
                        const uint8_t *secret,
                        const struct sm_minisign_public *public_key)
{
    uint8_t *object = NULL;
    char text[128], why[768];
    bool made = false;
    size_t len = 0;
    int rc;

    rc = sm_seal_wrap(seal, purpose, SM_SIGNING_ANY_HOST, 0, secret,
                      SM_MINISIGN_SECRET_LEN, &object, &len, why,
                      sizeof(why));
    if (!rc)
        rc = sm_file_create(key, object, len, 0600, why, sizeof(why));
    made = !rc;
    if (!rc)
        rc = sm_minisign_public_format(public_key, text, sizeof(text));
    if (!rc)
        rc = sm_file_create(pub, text, strlen(text), 0644, why, sizeof(why));
    sm_file_free(object, len);
    if (rc && made)
        unlink(key);
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int sm_signing_make(const struct sm_signing_options *o, const char *purpose,
                    uint8_t **secret)
{
    struct sm_minisign_public public_key;
    char pub[SM_CONF_PATH_MAX];
    struct sm_seal *seal = NULL;
    void *locked = NULL;
    int rc;

    *secret = NULL;
    if (o->seal && strcmp(o->seal, "passphrase") && strcmp(o->seal, "plain"))
        return sm_cli_fail(SM_USAGE, "--seal %s: passphrase and plain are "
                           "known", o->seal);
    rc = sm_signing_beside(o->key, ".pub", pub);
    if (!rc)
        rc = sm_signing_absent(o->key);
    if (!rc)
        rc = sm_signing_absent(pub);
    if (!rc)
        rc = sm_cli_seal_from(o->seal ? o->seal : "passphrase",
                              o->passphrase_file, 1, &seal);
    if (rc)
        return rc;
    rc = sm_secret_new(&locked, SM_MINISIGN_SECRET_LEN);
    if (rc) {
        sm_cli_fail(rc, "no locked memory for the key");
        goto out;
    }
    sm_minisign_keygen(&public_key, locked);
    rc = write_halves(seal, o->key, pub, purpose, locked, &public_key);
    if (rc)
        goto out;
    *secret = locked;
    locked = NULL;
out:
    sm_secret_free(locked);
    sm_seal_free(seal);
    return rc;
}

void sm_signing_unmake(const struct sm_signing_options *o)
{
    char pub[SM_CONF_PATH_MAX];

    if (!sm_signing_beside(o->key, ".pub", pub))
        unlink(pub);
    unlink(o->key);
}

int sm_signing_open(const struct sm_signing_options *o, const char *purpose,
                    uint8_t **secret)
{
    struct sm_seal_info info;
    struct sm_seal *seal = NULL;
    size_t len = 0;
    char why[768];
    int rc;

    *secret = NULL;
    errno = 0;
    rc = sm_seal_inspect(o->key, &info, why, sizeof(why));
    if (rc == SM_STATE && errno == ENOENT)
        return sm_cli_fail(rc, "%s: no such key (name its file with --key, "
                           "or make it with 'secmig %s init')", o->key,
                           !strcmp(purpose, SM_SIGNING_SITE) ? "site" :
                                                               "owner");
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    /* Before anybody is asked for a passphrase. */
    if (strcmp(info.purpose, purpose))
        return sm_cli_fail(SM_SEAL, "%s: it is a '%s', not a '%s'", o->key,
                           info.purpose, purpose);
    rc = sm_cli_seal_from(info.backend, o->passphrase_file, 0, &seal);
    if (rc)
        return rc;
    rc = sm_seal_load(seal, o->key, purpose, SM_SIGNING_ANY_HOST, secret, &len, why,
                      sizeof(why));
    if (!rc && len != SM_MINISIGN_SECRET_LEN) {
        snprintf(why, sizeof(why), "%s: not a signing key", o->key);
        sm_secret_free(*secret);
        *secret = NULL;
        rc = SM_SEAL;
    }
    sm_seal_free(seal);
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int sm_signing_lock(const char *key)
{
    int fd = open(key, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), rc;

    do {
        rc = fd < 0 ? -1 : flock(fd, LOCK_EX);
    } while (rc && fd >= 0 && errno == EINTR);
    if (!rc)
        return fd;
    sm_cli_fail(SM_IO, "%s: cannot lock: %s", key, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int sm_signing_public(const char *text, struct sm_minisign_public *out)
{
    uint8_t *data = NULL;
    size_t len = 0;
    char why[256];
    int rc;

    if (strlen(text) == SM_MINISIGN_BASE64_SIZE - 1 &&
        !sm_minisign_public_parse(text, strlen(text), out, why, sizeof(why)))
        return 0;
    rc = sm_draft_read(text, SM_MINISIGN_TEXT_MAX, SM_STATE, &data, &len);
    if (rc)
        return rc;
    rc = sm_minisign_public_parse(data, len, out, why, sizeof(why));
    free(data);
    return rc ? sm_cli_fail(SM_STATE, "%s: %s", text, why) : 0;
}
