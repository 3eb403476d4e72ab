/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/pairing_dir.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

/* ---- one file ---- */

int sm_pairing_path(const char *dir, const char *name,
                    char path[static PATH_MAX], char *why, size_t why_size)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX) {
        WHY("%s: path too long", dir);
        return SM_USAGE;
    }
    return 0;
}

int sm_pairing_load(const char *dir, const char *name,
                    struct sm_pairing *out, char *why, size_t why_size)
{
    char path[PATH_MAX], problem[SM_PAIRING_WHY_SIZE];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    rc = sm_pairing_path(dir, name, path, why, why_size);
    if (rc)
        goto out;
    errno = 0;
    rc = sm_file_read(path, SM_FILE_PUBLIC, SM_PAIRING_FILE_MAX, &data, &len,
                      why, why_size);
    if (rc == SM_STATE && errno == ENOENT)
        rc = SM_UNKNOWN_HOST;
    if (rc)
        goto out;
    rc = sm_pairing_parse(name, (const char *)data, len, out, problem,
                          sizeof(problem));
    if (rc)
        WHY("%s: %s", path, problem);
out:
    sm_file_free(data, len);
    return rc;
}

/* ---- the directory ---- */

struct names {
    char (*name)[SM_IDENTITY_NAME_SIZE];
    size_t n, size;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* `name` is a good host name, so it fits. */
static int names_add(struct names *names, const char *name)
{
    void *p;

    if (names->n == names->size) {
        size_t size = names->size ? 2 * names->size : 16;

        p = realloc(names->name, size * sizeof(*names->name));
        if (!p)
            return SM_NO_MEMORY;
        names->name = p;
        names->size = size;
    }
    memcpy(names->name[names->n++], name, strlen(name) + 1);
    return 0;
}

/*
 * All host names in the directory, sorted.  Hidden files are temporary ones
 * of sm_file_write(); anything else whose name is no host name (an editor's
 * copy) cannot be looked up and is passed over.
 */
static int read_names(const char *dir, struct names *names, char *why,
                      size_t why_size)
{
    struct dirent *de;
    struct stat st;
    DIR *d = NULL;
    int rc;

    memset(names, 0, sizeof(*names));
    WHY("%s", "");
    d = opendir(dir);
    if (!d) {
        WHY("%s: %s%s", dir, strerror(errno),
            errno == ENOENT ? " (run 'secmig init')" : "");
        rc = errno == ENOENT || errno == ENOTDIR ? SM_STATE : SM_IO;
        goto out;
    }
    if (fstat(dirfd(d), &st)) {
        WHY("%s: %s", dir, strerror(errno));
        rc = SM_IO;
        goto out;
    }
    if ((st.st_uid && st.st_uid != geteuid()) ||
        (st.st_mode & (S_IWGRP | S_IWOTH))) {
        WHY("%s: others could change it (owner or mode)", dir);
        rc = SM_STATE;
        goto out;
    }
    for (;;) {
        errno = 0;
        de = readdir(d);
        if (!de)
            break;
        if (!sm_conf_name_ok(de->d_name))
            continue;
        if (names->n == SM_PAIRING_MAX) {
            WHY("%s: more than %d hosts", dir, SM_PAIRING_MAX);
            rc = SM_STATE;
            goto out;
        }
        rc = names_add(names, de->d_name);
        if (rc) {
            WHY("%s: out of memory", dir);
            goto out;
        }
    }
    if (errno) {
        WHY("%s: %s", dir, strerror(errno));
        rc = SM_IO;
        goto out;
    }
    if (names->n)
        qsort(names->name, names->n, sizeof(*names->name), compare_names);
    rc = 0;
out:
    if (d)
        closedir(d);
    if (rc) {
        free(names->name);
        memset(names, 0, sizeof(*names));
    }
    return rc;
}

int sm_pairing_count(const char *dir, size_t *n, char *why, size_t why_size)
{
    struct names names;
    int rc;

    rc = read_names(dir, &names, why, why_size);
    *n = names.n;
    free(names.name);
    return rc;
}

int sm_pairing_list(const char *dir, sm_pairing_fn *fn, void *ctx,
                    char *why, size_t why_size)
{
    char problem[SM_PAIRING_WHY_SIZE];
    struct sm_pairing p;
    struct names names;
    size_t i;
    int rc;

    rc = read_names(dir, &names, why, why_size);
    for (i = 0; i < names.n && !rc; i++) {
        rc = sm_pairing_load(dir, names.name[i], &p, problem, sizeof(problem));
        if (rc == SM_UNKNOWN_HOST)      /* removed meanwhile */
            rc = 0;
        else
            rc = fn(ctx, names.name[i], rc ? NULL : &p,
                    rc ? problem : NULL);
    }
    free(names.name);
    return rc;
}

/* ---- look-ups ---- */

bool sm_pairing_has(const struct sm_pairing *p,
                    const uint8_t key[static SM_IDENTITY_KEY_LEN])
{
    int now = sm_secret_equal(p->key, key, SM_IDENTITY_KEY_LEN);
    int next = sm_secret_equal(p->next, key, SM_IDENTITY_KEY_LEN);

    return (p->has_key & (now != 0)) | (p->has_next & (next != 0));
}

static int search_step(void *ctx, const char *name,
                       const struct sm_pairing *p, const char *problem)
{
    struct sm_pairing_search *s = ctx;

    if (!p) {
        if (!s->problem[0])
            snprintf(s->problem, sizeof(s->problem), "%s", problem);
        return 0;
    }
    if (!sm_pairing_has(p, s->key))
        return 0;
    if (s->found < 2)
        snprintf(s->names[s->found], sizeof(s->names[0]), "%s", name);
    if (!s->found++)
        *s->out = *p;
    return 0;
}

int sm_pairing_search(const char *dir, struct sm_pairing_search *s,
                      char *why, size_t why_size)
{
    return sm_pairing_list(dir, search_step, s, why, why_size);
}

bool sm_pairing_own(const uint8_t *own, const uint8_t *key)
{
    return own && sm_secret_equal(own, key, SM_IDENTITY_KEY_LEN);
}

int sm_pairing_by_key(const char *dir, const uint8_t *own,
                      const uint8_t key[static SM_IDENTITY_KEY_LEN],
                      struct sm_pairing *out, char *why, size_t why_size)
{
    struct sm_pairing_search s = { .key = key, .out = out };
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_pairing_search(dir, &s, why, why_size);
    if (rc)
        goto out;
    if (sm_pairing_own(own, key)) {
        WHY("that is this host's own key");
        rc = SM_STATE;
    } else if (s.found > 1) {
        WHY("%s: '%s' and '%s' have the same key (remove one)", dir,
            s.names[0], s.names[1]);
        rc = SM_STATE;
    } else if (!s.found) {
        WHY("no paired host has that key%s%s", s.problem[0] ? "; " : "",
            s.problem);
        rc = SM_UNPAIRED;
    }
out:
    if (rc)
        sm_secret_wipe(out, sizeof(*out));
    return rc;
}

int sm_pairing_by_name(const char *dir, const uint8_t *own,
                       const char *name, struct sm_pairing *out,
                       char *why, size_t why_size)
{
    struct sm_pairing other;
    size_t n;
    int rc;

    memset(out, 0, sizeof(*out));
    WHY("%s", "");
    if (!sm_conf_name_ok(name)) {
        WHY("not the name of a host");
        rc = SM_UNKNOWN_HOST;
        goto out;
    }
    rc = sm_pairing_load(dir, name, out, why, why_size);
    if (rc == SM_UNKNOWN_HOST)
        WHY("'%s' is not paired with this host (see 'secmig pair')", name);
    if (rc)
        goto out;
    if (!out->has_key) {
        rc = sm_pairing_count(dir, &n, why, why_size);  /* is it safe? */
        goto out;
    }
    /* The keys must be that host's alone, by the rules of the other way. */
    rc = sm_pairing_by_key(dir, own, out->key, &other, why, why_size);
    if (!rc && out->has_next)
        rc = sm_pairing_by_key(dir, own, out->next, &other, why, why_size);
    if (rc)
        goto out;
    if (strcmp(other.name, name)) {
        WHY("%s: changed while it was read", dir);
        rc = SM_STATE;
    }
out:
    if (rc)
        sm_secret_wipe(out, sizeof(*out));
    return rc;
}

int sm_pairing_by_dns(const char *name, struct sm_pairing *out)
{
    memset(out, 0, sizeof(*out));
    if (!sm_conf_name_ok(name))
        return SM_UNKNOWN_HOST;
    snprintf(out->name, sizeof(out->name), "%s", name);
    snprintf(out->address, sizeof(out->address), "%s", name);
    out->port = SM_CONF_PORT;
    return 0;
}
