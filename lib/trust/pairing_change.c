/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pairings are added, changed and forgotten here, one file each. */
#include "trust/pairing_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

static int check_new(const uint8_t *own, const struct sm_pairing *p,
                     char *why, size_t why_size)
{
    const char *problem = sm_pairing_problem(p);

    if (problem) {
        WHY("%s", problem);
        return SM_USAGE;
    }
    if (p->has_next) {
        WHY("a new pairing has no next key");
        return SM_USAGE;
    }
    if (p->has_key && sm_pairing_own(own, p->key)) {
        WHY("that is this host's own key");
        return SM_STATE;
    }
    return 0;
}

/* *old is wiped, or what is there already and is to be updated. */
static int check_place(const char *dir, const struct sm_pairing *p,
                       struct sm_pairing *old, char *why, size_t why_size)
{
    struct sm_pairing_search s = { .key = p->key, .out = old };
    size_t n;
    int rc;

    memset(old, 0, sizeof(*old));
    rc = sm_pairing_count(dir, &n, why, why_size);
    if (rc)
        return rc;
    if (p->has_key)
        rc = sm_pairing_search(dir, &s, why, why_size);
    if (rc)
        return rc;
    if (s.found > 1 || (s.found && strcmp(s.names[0], p->name))) {
        WHY("'%s' has that key already (see 'secmig trust remove')",
            s.found > 1 && !strcmp(s.names[0], p->name) ? s.names[1]
                                                        : s.names[0]);
        return SM_STATE;
    }
    if (s.found && sm_secret_equal(old->key, p->key, SM_IDENTITY_KEY_LEN))
        return 0;       /* same name, same key: an update */
    if (s.found) {
        WHY("that is the next key of '%s' (once it is in use, 'secmig trust "
            "retire %s')", p->name, p->name);
        return SM_EXISTS;
    }
    rc = sm_pairing_load(dir, p->name, old, why, why_size);
    if (!rc && !p->has_key && !old->has_key)
        return 0;       /* certified then and now: an update */
    if (rc != SM_UNKNOWN_HOST) {
        WHY("'%s' is %s (if that has changed, 'secmig trust remove %s' "
            "first)", p->name, rc || (old->has_key && p->has_key) ?
            "paired with another key" : old->has_key ? "paired with a key" :
            "trusted by its certificate", p->name);
        return SM_EXISTS;
    }
    if (n >= SM_PAIRING_MAX) {
        WHY("%s: holds %d hosts already", dir, SM_PAIRING_MAX);
        return SM_STATE;
    }
    return 0;
}

/* Write what has passed the checks. */
static int store(const char *dir, const struct sm_pairing *p, char *why,
                 size_t why_size)
{
    char path[PATH_MAX], text[SM_PAIRING_FILE_MAX];
    char base64[SM_IDENTITY_BASE64_SIZE];
    char endpoint[SM_PAIRING_ENDPOINT_SIZE];
    int rc, n;

    rc = sm_pairing_path(dir, p->name, path, why, why_size);
    if (rc)
        return rc;
    sm_identity_base64(p->key, base64);
    sm_pairing_endpoint(p, endpoint);
    n = snprintf(text, sizeof(text), "key = %s\n",
                 p->has_key ? base64 : SM_PAIRING_CERTIFIED);
    if (p->has_next) {
        sm_identity_base64(p->next, base64);
        n += snprintf(text + n, sizeof(text) - (size_t)n,
                      "next-key = %s\n", base64);
    }
    n += snprintf(text + n, sizeof(text) - (size_t)n, "address = %s\n",
                  endpoint);
    if (p->comment[0])
        n += snprintf(text + n, sizeof(text) - (size_t)n, "comment = %s\n",
                      p->comment);
    return sm_file_write(path, text, (size_t)n, 0644, why, why_size);
}

int sm_pairing_add(const char *dir, const uint8_t *own,
                   const struct sm_pairing *p, char *why, size_t why_size)
{
    struct sm_pairing whole = *p, old;
    int rc;

    WHY("%s", "");
    rc = check_new(own, p, why, why_size);
    if (!rc)
        rc = check_place(dir, p, &old, why, why_size);
    if (rc)
        return rc;
    whole.has_next = old.has_next;
    memcpy(whole.next, old.next, sizeof(whole.next));
    return store(dir, &whole, why, why_size);
}

/* Load what is to be changed, whatever else is in the directory. */
static int load_paired(const char *dir, const char *name,
                       struct sm_pairing *p, char *why, size_t why_size)
{
    size_t n;
    int rc;

    WHY("%s", "");
    if (!sm_conf_name_ok(name)) {
        WHY("not the name of a host");
        return SM_UNKNOWN_HOST;
    }
    rc = sm_pairing_count(dir, &n, why, why_size);  /* is it safe? */
    if (!rc)
        rc = sm_pairing_load(dir, name, p, why, why_size);
    if (rc == SM_UNKNOWN_HOST)
        WHY("'%s' is not paired with this host (see 'secmig pair')", name);
    return rc;
}

static int check_next(const char *dir, const uint8_t *own,
                      const struct sm_pairing *p, const uint8_t *next,
                      char *why, size_t why_size)
{
    struct sm_pairing found;
    struct sm_pairing_search s = { .key = next, .out = &found };
    int rc;

    if (!sm_identity_key_ok(next) || sm_pairing_own(own, next)) {
        WHY("%s", sm_pairing_own(own, next) ? "that is this host's own key" :
                                      "the key is unusable");
        return SM_STATE;
    }
    rc = sm_pairing_search(dir, &s, why, why_size);
    if (rc)
        return rc;
    if (s.found > 1 || (s.found && strcmp(s.names[0], p->name))) {
        WHY("'%s' has that key already (see 'secmig trust remove')",
            s.found > 1 && !strcmp(s.names[0], p->name) ? s.names[1]
                                                        : s.names[0]);
        return SM_STATE;
    }
    if (sm_secret_equal(p->key, next, SM_IDENTITY_KEY_LEN)) {
        WHY("that is the key of '%s' now", p->name);
        return SM_EXISTS;
    }
    if (p->has_next && !sm_secret_equal(p->next, next,
                                        SM_IDENTITY_KEY_LEN)) {
        WHY("'%s' has another next key ('secmig trust next --drop %s' "
            "forgets it)", p->name, p->name);
        return SM_EXISTS;
    }
    return 0;
}

int sm_pairing_set_next(const char *dir, const uint8_t *own,
                        const char *name, const uint8_t *next, char *why,
                        size_t why_size)
{
    struct sm_pairing p;
    int rc;

    rc = load_paired(dir, name, &p, why, why_size);
    if (rc)
        return rc;
    if (!p.has_key) {
        WHY("'%s' is trusted by its certificate: its authority certifies "
            "the next key", name);
        return SM_STATE;
    }
    if (!next && !p.has_next) {
        WHY("'%s' has no next key here", name);
        return SM_STATE;
    }
    rc = next ? check_next(dir, own, &p, next, why, why_size) : 0;
    if (rc)
        return rc;
    p.has_next = next != NULL;
    memset(p.next, 0, sizeof(p.next));
    if (next)
        memcpy(p.next, next, sizeof(p.next));
    return store(dir, &p, why, why_size);
}

int sm_pairing_retire(const char *dir, const char *name, char *why,
                      size_t why_size)
{
    struct sm_pairing p;
    int rc;

    rc = load_paired(dir, name, &p, why, why_size);
    if (rc)
        return rc;
    if (!p.has_next) {
        WHY("'%s' has no next key here ('secmig trust next' notes one): its "
            "key stays", name);
        return SM_STATE;
    }
    memcpy(p.key, p.next, sizeof(p.key));
    memset(p.next, 0, sizeof(p.next));
    p.has_next = false;
    return store(dir, &p, why, why_size);
}

int sm_pairing_remove(const char *dir, const char *name, char *why,
                      size_t why_size)
{
    int rc, fd = -1;
    size_t n;

    WHY("%s", "");
    if (!sm_conf_name_ok(name)) {
        WHY("not the name of a host");
        return SM_UNKNOWN_HOST;
    }
    rc = sm_pairing_count(dir, &n, why, why_size);  /* is it safe? */
    if (rc)
        return rc;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || unlinkat(fd, name, 0)) {
        rc = errno == ENOENT ? SM_UNKNOWN_HOST : SM_IO;
        if (rc == SM_UNKNOWN_HOST)
            WHY("'%s' is not paired with this host", name);
        else
            WHY("%s/%s: %s", dir, name, strerror(errno));
        goto out;
    }
    if (fsync(fd)) {
        WHY("%s: %s", dir, strerror(errno));
        rc = SM_IO;
    }
out:
    if (fd >= 0)
        close(fd);
    return rc;
}
