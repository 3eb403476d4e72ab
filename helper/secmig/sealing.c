/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sealing.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "policy.h"
#include "seal/box.h"
#include "trust/identity.h"
#include "tty.h"

#define N_RING(r) (sizeof((r)->key) / sizeof((r)->key[0]))

/* Whether a person was asked since this was last set to false. */
static bool person_asked;

/* `ctx`: what it is of, or NULL. */
static int ask_passphrase(void *ctx, int confirm, uint8_t *buf, size_t size,
                          size_t *len)
{
    person_asked = true;
    return sm_tty_secret("passphrase", "Passphrase", ctx, confirm, buf, size,
                         len);
}

static int ask_pin(void *ctx, int confirm, uint8_t *buf, size_t size,
                   size_t *len)
{
    person_asked = true;
    return sm_tty_secret("PIN", "PIN", ctx, confirm, buf, size, len);
}

int sm_sealing_open(const struct sm_conf *conf, const char *backend,
                    const struct sm_sealing_form *form, int fresh,
                    const char *what, struct sm_seal **out)
{
    static const struct sm_sealing_form none;
    const struct sm_sealing_form *f = form ? form : &none;
    struct sm_seal_source source = {
        .passphrase_file = conf->passphrase_file[0] ? conf->passphrase_file :
                                                      NULL,
        .ask = ask_passphrase, .ask_ctx = (void *)(uintptr_t)what,
        .fresh = fresh,
        .tpm = conf->tpm, .tpm_timeout = conf->tpm_timeout,
        .pin_file = conf->pin_file[0] ? conf->pin_file : NULL,
        .ask_pin = ask_pin, .pin = f->pin, .pcrs = f->pcrs,
        .update_key = f->updatable ? &f->update_key : NULL,
        .approvals_dir = conf->approvals_dir,
    };
    char why[768];
    int rc;

    rc = sm_seal_open_backend(backend, &source, out, why, sizeof(why));
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

/* ---- opening what is there ---- */

static int append(struct sm_sealing_ring *ring, const char *backend,
                  struct sm_seal *seal, bool borrowed, bool asked)
{
    if (ring->n == N_RING(ring))
        return SM_NO_MEMORY;
    snprintf(ring->key[ring->n].backend, sizeof(ring->key[0].backend), "%s",
             backend);
    ring->key[ring->n].borrowed = borrowed;
    ring->key[ring->n].asked = asked;
    ring->key[ring->n++].seal = seal;
    return 0;
}

int sm_sealing_lend(struct sm_sealing_ring *ring, const char *backend,
                    struct sm_seal *seal)
{
    int rc = append(ring, backend, seal, true, false);

    return rc ? sm_cli_fail(rc, "too many passphrases") : 0;
}

/* One more, as the configuration says. */
static int add(struct sm_sealing_ring *ring, const char *backend,
               const char *what)
{
    struct sm_seal *seal = NULL;
    int rc;

    person_asked = false;
    rc = sm_sealing_open(ring->conf, backend, NULL, 0, what, &seal);
    if (rc)
        return rc;
    rc = append(ring, backend, seal, false, person_asked);
    if (rc) {
        sm_seal_free(seal);
        sm_cli_fail(rc, "too many passphrases");
    }
    return rc;
}

/* `quietly`: as sm_sealing_try(). */
static int load(struct sm_sealing_ring *ring, const char *path,
                const char *purpose, const char *host, bool quietly,
                uint8_t **secret, size_t *len)
{
    bool unattended = false, mine = false, tried = false;
    struct sm_seal_info info;
    char why[768];
    size_t i;
    int rc;

    *secret = NULL;
    *len = 0;
    rc = sm_seal_inspect(path, &info, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    /* Before anybody is asked for a passphrase. */
    if (strcmp(info.purpose, purpose) || strcmp(info.host, host))
        return sm_cli_fail(SM_SEAL, "%s: it is a '%s' of '%s', not a '%s' of "
                           "'%s'", path, info.purpose, info.host, purpose,
                           host);
    rc = SM_SEAL;
    for (i = 0; i < ring->n && rc == SM_SEAL; i++) {
        if (strcmp(ring->key[i].backend, info.backend))
            continue;
        person_asked = false;
        tried = true;
        rc = sm_seal_load(ring->key[i].seal, path, purpose, host, secret,
                          len, why, sizeof(why));
        ring->key[i].asked |= person_asked;
        mine |= !ring->key[i].borrowed;
        unattended |= !ring->key[i].borrowed && !ring->key[i].asked;
    }
    /* Where nobody was asked, the same would come of it once more; and one
     * TPM is not opened twice. */
    if (rc == SM_SEAL && !unattended && !(quietly && mine) &&
        !(tried && !strcmp(info.backend, "tpm2"))) {
        rc = add(ring, info.backend, mine ? path : NULL);
        if (rc)
            return rc;
        rc = sm_seal_load(ring->key[ring->n - 1].seal, path, purpose, host,
                          secret, len, why, sizeof(why));
    }
    if (quietly && rc == SM_SEAL)
        return 0;
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int sm_sealing_load(struct sm_sealing_ring *ring, const char *path,
                    const char *purpose, const char *host, uint8_t **secret,
                    size_t *len)
{
    return load(ring, path, purpose, host, false, secret, len);
}

int sm_sealing_try(struct sm_sealing_ring *ring, const char *path,
                   const char *purpose, const char *host, uint8_t **secret,
                   size_t *len)
{
    return load(ring, path, purpose, host, true, secret, len);
}

void sm_sealing_close(struct sm_sealing_ring *ring)
{
    while (ring->n)
        if (!ring->key[--ring->n].borrowed)
            sm_seal_free(ring->key[ring->n].seal);
}

/* ---- the objects of a host ---- */

void sm_sealing_objects(
    const struct sm_conf *conf,
    struct sm_sealing_object out[static SM_SEALING_OBJECTS])
{
    out[0].path = conf->host_key;
    out[0].purpose = SM_IDENTITY_PURPOSE;
    out[1].path = conf->next_key;
    out[1].purpose = SM_IDENTITY_PURPOSE;
    out[2].path = conf->store_key;
    out[2].purpose = SM_BOX_KEY_PURPOSE;
    out[3].path = conf->policy_key;
    out[3].purpose = POLICY_KEY_PURPOSE;
}

int sm_sealing_there(const char *path)
{
    struct stat st;

    if (!lstat(path, &st))
        return 0;
    return errno == ENOENT || errno == ENOTDIR ? SM_STATE :
           sm_cli_fail(SM_IO, "%s: %s", path, strerror(errno));
}

/* Whether a name is .LEAF.PID.tmp, as sm_file_write() makes them. */
static bool is_temporary(const char *name, const char *leaf)
{
    size_t n = strlen(leaf);

    if (name[0] != '.' || strncmp(name + 1, leaf, n) || name[n + 1] != '.')
        return false;
    for (name += n + 2; isdigit((unsigned char)*name); name++)
        ;
    return !strcmp(name, ".tmp");
}

static bool is_old(const char *name, const char *leaf)
{
    size_t n = strlen(leaf);

    return !strncmp(name, leaf, n) && !strcmp(name + n, SM_SEALING_OLD);
}

static bool is_left(const struct sm_conf *conf, const char *name, bool old)
{
    struct sm_sealing_object objects[SM_SEALING_OBJECTS];
    const char *leaf;
    size_t i;

    sm_sealing_objects(conf, objects);
    for (i = 0; i < SM_SEALING_OBJECTS; i++) {
        leaf = strrchr(objects[i].path, '/') + 1;
        if (is_temporary(name, leaf) || (old && is_old(name, leaf)))
            return true;
    }
    return false;
}

int sm_sealing_left(const struct sm_conf *conf, bool old,
                    int (*each)(const char *path))
{
    char path[SM_CONF_PATH_MAX + NAME_MAX + 2];
    DIR *dir = opendir(conf->state_dir);
    struct dirent *de;
    int rc = 0;

    if (!dir)
        return errno == ENOENT ? 0 :
               sm_cli_fail(SM_IO, "%s: %s", conf->state_dir,
                           strerror(errno));
    while (!rc && (de = readdir(dir))) {
        if (!is_left(conf, de->d_name, old))
            continue;
        snprintf(path, sizeof(path), "%s/%s", conf->state_dir, de->d_name);
        rc = each(path);
    }
    closedir(dir);
    return rc;
}

static int destroy_temporary(const char *path)
{
    int rc = sm_sealing_wipe(path);

    if (!rc)
        sm_cli_note("%s: left by a command that was interrupted: destroyed",
                    path);
    return rc;
}

int sm_sealing_lock(const struct sm_conf *conf)
{
    int fd = open(conf->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

    do {
        rc = fd < 0 ? -1 : flock(fd, LOCK_EX);
    } while (rc && fd >= 0 && errno == EINTR);
    if (rc)
        sm_cli_fail(SM_IO, "%s: cannot lock: %s%s", conf->state_dir,
                    strerror(errno), errno == ENOENT ?
                    " (run 'secmig init')" : "");
    /* Nobody is writing them: all that write hold the lock. */
    if (!rc && !sm_sealing_left(conf, false, destroy_temporary))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- destroying ---- */

/* Open what is about to be destroyed; *fd is -1 when it is not there. */
static int open_doomed(const char *path, int *fd, off_t *size)
{
    struct stat st;

    *fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0 && errno == ENOENT)
        return 0;
    if (*fd < 0)
        return sm_cli_fail(errno == ELOOP ? SM_STATE : SM_IO, "%s: %s", path,
                           errno == ELOOP ? "is a symbolic link" :
                                            strerror(errno));
    if (!fstat(*fd, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1) {
        *size = st.st_size;
        return 0;
    }
    close(*fd);
    return sm_cli_fail(SM_STATE, "%s: not a regular file with one name: "
                       "nothing was changed", path);
}

static int sync_parent(const char *path)
{
    char copy[SM_CONF_PATH_MAX], *slash;
    int fd, rc;

    snprintf(copy, sizeof(copy), "%s", path);
    slash = strrchr(copy, '/');
    if (slash)
        *slash = '\0';
    fd = open(slash ? (slash == copy ? "/" : copy) : ".",
              O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return rc;
}

int sm_sealing_wipe(const char *path)
{
    off_t size = 0;
    int fd, rc;

    rc = open_doomed(path, &fd, &size);
    if (rc || fd < 0)
        return rc;
    if (sm_file_overwrite(fd, size) || unlink(path) || sync_parent(path))
        rc = sm_cli_fail(SM_IO, "%s: cannot destroy: %s", path,
                         strerror(errno));
    close(fd);
    return rc;
}

int sm_sealing_replace(const char *from, const char *to)
{
    off_t size = 0;
    int fd, rc;

    rc = open_doomed(to, &fd, &size);
    if (rc)
        return rc;
    /* Only when the new one is in its place, for good, is the old one
     * overwritten: it has no name any more then. */
    if (rename(from, to) || sync_parent(to))
        rc = sm_cli_fail(SM_IO, "%s: cannot put it in the place of %s: %s",
                         from, to, strerror(errno));
    else if (fd >= 0 && sm_file_overwrite(fd, size))
        rc = sm_cli_fail(SM_IO, "%s: replaced, but the old one could not be "
                         "overwritten: %s", to, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

int sm_sealing_write(const char *path, const uint8_t *object, size_t len)
{
    off_t size = 0;
    char why[768];
    int fd, rc;

    rc = open_doomed(path, &fd, &size);
    if (rc)
        return rc;
    rc = sm_file_write(path, object, len, 0600, why, sizeof(why));
    if (rc)
        sm_cli_fail(rc, "%s", why);
    else if (fd >= 0 && sm_file_overwrite(fd, size))
        rc = sm_cli_fail(SM_IO, "%s: replaced, but the old one could not be "
                         "overwritten: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

int sm_sealing_store(struct sm_seal *seal, const char *path,
                     const char *purpose, const char *host, int64_t expires,
                     const uint8_t *secret, size_t len)
{
    uint8_t *object = NULL;
    size_t object_len = 0;
    char why[768];
    int rc;

    rc = sm_seal_wrap(seal, purpose, host, expires, secret, len, &object,
                      &object_len, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s: %s", path, why);
    rc = sm_sealing_write(path, object, object_len);
    sm_file_free(object, object_len);
    return rc;
}
