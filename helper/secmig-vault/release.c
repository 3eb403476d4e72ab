/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A key, from sealed storage to the keeper. */
#include "vault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/secret.h"
#include "seal/box.h"
#include "seal/seal.h"
#include "trust/identity.h"

#define KEY_LEN 32

_Static_assert(SM_IDENTITY_KEY_LEN == KEY_LEN && SM_BOX_KEY_LEN == KEY_LEN,
               "keys that the keeper takes");

struct object {
    const char *path, *purpose;
    uint8_t *bytes;
    size_t len;
};

static int read_object(struct object *o, char *why, size_t why_size)
{
    int rc;

    errno = 0;
    rc = sm_file_read(o->path, SM_FILE_PRIVATE, SM_SEAL_FILE_MAX, &o->bytes,
                      &o->len, why, why_size);
    if (rc == SM_STATE && errno == ENOENT)
        snprintf(why, why_size, "%s is missing: 'secmig seal restore' brings "
                 "a copy of it back; without one see 'The loss of a TPM' in "
                 "secmig(1); a new host begins with 'secmig init'", o->path);
    return rc;
}

/* What can be told of the host key before it is needed. */
static int check_host_key(const struct sm_conf *conf, char *why,
                          size_t why_size)
{
    struct sm_seal_info info;
    int rc;

    rc = sm_seal_inspect(conf->host_key, &info, why, why_size);
    if (!rc && (strcmp(info.purpose, SM_IDENTITY_PURPOSE) ||
                strcmp(info.host, conf->name))) {
        snprintf(why, why_size, "%s: it is the %s of host %s",
                 conf->host_key, info.purpose, info.host);
        rc = SM_SEAL;
    } else if (!rc && info.size != KEY_LEN) {
        snprintf(why, why_size, "%s: it has a wrong length", conf->host_key);
        rc = SM_SEAL;
    }
    return rc;
}

static int send_key(const uint8_t *key, char *why, size_t why_size)
{
    if (send(KEY_SOCKET, key, KEY_LEN, MSG_NOSIGNAL) == KEY_LEN)
        return 0;
    snprintf(why, why_size, "the keeper does not take the key");
    return SM_HELPER;
}

/* Where the backend has the PIN from: nobody is asked here. */
static void pin_path(const struct sm_conf *conf,
                     char out[static SM_CONF_PATH_MAX])
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");

    if (conf->pin_file[0])
        snprintf(out, SM_CONF_PATH_MAX, "%s", conf->pin_file);
    else if (dir)
        snprintf(out, SM_CONF_PATH_MAX, "%s/" SM_SEAL_CREDENTIAL_PIN, dir);
}

/* The backend opens the passphrase's file, or the TPM, before the sandbox is
 * closed; what it reads from the object it reads behind it. */
int release(const struct sm_conf *conf, const char *what,
            char refused_pin[static SM_CONF_PATH_MAX], char *why,
            size_t why_size)
{
    const bool store = !strcmp(what, "store");
    struct object o = {
        .path = store ? conf->store_key : conf->host_key,
        .purpose = store ? SM_BOX_KEY_PURPOSE : SM_IDENTITY_PURPOSE,
    };
    const struct sm_seal_source source = {
        .passphrase_file = conf->passphrase_file[0] ?
                           conf->passphrase_file : NULL,
        .tpm = conf->tpm,
        .tpm_timeout = conf->tpm_timeout,
        .pin_file = conf->pin_file[0] ? conf->pin_file : NULL,
        .approvals_dir = conf->approvals_dir,
    };
    char reason[TEXT_SIZE - SM_CONF_PATH_MAX];
    struct sm_seal *seal = NULL;
    uint8_t *key = NULL;
    size_t len = 0;
    int rc;

    rc = store ? check_host_key(conf, why, why_size) : 0;
    if (!rc)
        rc = read_object(&o, why, why_size);
    if (!rc)
        rc = sm_seal_open_backend(conf->seal, &source, &seal, why, why_size);
    if (!rc)
        rc = lock_in(conf, why, why_size);
    if (rc)
        goto out;
    rc = sm_seal_unwrap(seal, o.bytes, o.len, o.purpose, conf->name, &key,
                        &len, why, why_size);
    if (sm_seal_pin_refused(seal))
        pin_path(conf, refused_pin);
    if (rc) {
        snprintf(reason, sizeof(reason), "%s", why[0] ? why :
                 sm_err_text(rc));
        snprintf(why, why_size, "%s: %s", o.path, reason);
    } else if (len != KEY_LEN) {
        snprintf(why, why_size, "%s: it has a wrong length", o.path);
        rc = SM_SEAL;
    }
    if (!rc)
        rc = send_key(key, why, why_size);
out:
    sm_secret_free(key);
    sm_seal_free(seal);
    sm_file_free(o.bytes, o.len);
    return rc;
}
