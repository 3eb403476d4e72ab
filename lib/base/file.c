/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

/* Open the directory that holds `path`; its last part goes to `leaf_out`,
 * `copy` is room to work in. */
static int open_parent(const char *path, char copy[static PATH_MAX],
                       char *leaf_out, size_t leaf_size)
{
    char *slash;

    if (snprintf(copy, PATH_MAX, "%s", path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    slash = strrchr(copy, '/');
    if (snprintf(leaf_out, leaf_size, "%s", slash ? slash + 1 : copy) >=
        (int)leaf_size) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (slash == copy)
        slash[1] = '\0';
    else if (slash)
        *slash = '\0';
    return open(slash ? copy : ".",
                O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Whoever owns it can change it later: only root or ourselves. */
static int owner_ok(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

static int check_parent(int dir, const char *path, char *why,
                        size_t why_size)
{
    struct stat st;

    if (fstat(dir, &st)) {
        WHY("%s: %s", path, strerror(errno));
        return SM_IO;
    }
    /* The sticky bit protects entries from everybody but the directory's
     * owner. */
    if (!owner_ok(&st) || (!(st.st_mode & S_ISVTX) &&
                           (st.st_mode & (S_IWGRP | S_IWOTH)))) {
        WHY("%s: its directory is writable by others", path);
        errno = EPERM;
        return SM_STATE;
    }
    return 0;
}

static int check_file(const struct stat *st, const char *path,
                      enum sm_file_kind kind, size_t max, char *why,
                      size_t why_size)
{
    const char *problem = NULL;

    if (!S_ISREG(st->st_mode))
        problem = "not a regular file";
    else if (st->st_nlink != 1)
        problem = "has more than one name (hard link)";
    else if (!owner_ok(st))
        problem = "owned by another user";
    else if (st->st_mode & (S_IWGRP | S_IWOTH))
        problem = "writable by group or others";
    else if (kind == SM_FILE_PRIVATE && (st->st_mode & 077))
        problem = "readable by group or others (chmod 600)";
    else if (st->st_size < 0 || (uintmax_t)st->st_size > max)
        problem = "too large";
    if (!problem)
        return 0;
    WHY("%s: %s", path, problem);
    return SM_STATE;
}

/* Open once; everything later is asked of the descriptor. */
static int open_checked(const char *path, enum sm_file_kind kind, size_t max,
                        int *fd_r, size_t *size_r, char *why,
                        size_t why_size)
{
    char parent[PATH_MAX], leaf[NAME_MAX + 1];
    int rc, dir = -1, fd = -1;
    struct stat st;

    dir = open_parent(path, parent, leaf, sizeof(leaf));
    if (dir < 0) {
        rc = errno == ENOENT ? SM_STATE : SM_IO;
        WHY("%s: %s", path, strerror(errno));
        goto out;
    }
    rc = check_parent(dir, path, why, why_size);
    if (rc)
        goto out;
    /* O_NONBLOCK: a FIFO in the file's place must not hold us up. */
    fd = openat(dir, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        rc = errno == ENOENT || errno == ELOOP || errno == ENXIO ?
             SM_STATE : SM_IO;
        if (errno == ELOOP)
            WHY("%s: is a symbolic link", path);
        else if (errno == ENXIO)
            WHY("%s: not a regular file", path);    /* a socket */
        else
            WHY("%s: %s", path, strerror(errno));
        goto out;
    }
    if (fstat(fd, &st)) {
        WHY("%s: %s", path, strerror(errno));
        rc = SM_IO;
        goto out;
    }
    rc = check_file(&st, path, kind, max, why, why_size);
    if (rc) {
        errno = EPERM;
        goto out;
    }
    *size_r = (size_t)st.st_size;
    *fd_r = fd;
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    if (dir >= 0) {
        int saved = errno;

        close(dir);
        errno = saved;
    }
    return rc;
}

/* Read until the end or `size` bytes. */
static int read_all(int fd, uint8_t *data, size_t size, size_t *len)
{
    ssize_t n;

    *len = 0;
    while (*len < size) {
        n = read(fd, data + *len, size - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return SM_IO;
        if (n == 0)
            break;
        *len += (size_t)n;
    }
    return 0;
}

int sm_file_read(const char *path, enum sm_file_kind kind, size_t max,
                 uint8_t **data, size_t *len, char *why, size_t why_size)
{
    size_t size = 0;
    int rc, fd = -1;

    *data = NULL;
    *len = 0;
    why[0] = '\0';
    rc = open_checked(path, kind, max, &fd, &size, why, why_size);
    if (rc)
        return rc;
    *data = malloc(size + 1);
    if (!*data) {
        WHY("%s: out of memory", path);
        rc = SM_NO_MEMORY;
        goto out;
    }
    rc = read_all(fd, *data, size, len);
    if (rc) {
        WHY("%s: %s", path, strerror(errno));
        goto out;
    }
    (*data)[*len] = '\0';
out:
    if (rc) {
        sm_file_free(*data, *len);
        *data = NULL;
        *len = 0;
    }
    close(fd);
    return rc;
}

int sm_file_read_secret(const char *path, size_t max, uint8_t **data,
                        size_t *len, char *why, size_t why_size)
{
    void *p = NULL;
    size_t size = 0;
    int rc, fd = -1;

    *data = NULL;
    *len = 0;
    why[0] = '\0';
    rc = open_checked(path, SM_FILE_PRIVATE, max, &fd, &size, why, why_size);
    if (rc)
        return rc;
    rc = sm_secret_new(&p, size + 1);
    if (rc) {
        WHY("%s: no locked memory (RLIMIT_MEMLOCK)", path);
        goto out;
    }
    rc = read_all(fd, p, size, len);
    if (rc) {
        WHY("%s: %s", path, strerror(errno));
        sm_secret_free(p);
        *len = 0;
        goto out;
    }
    *data = p;
out:
    close(fd);
    return rc;
}

void sm_file_free(uint8_t *data, size_t len)
{
    if (data)
        sm_secret_wipe(data, len);
    free(data);
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    ssize_t n;

    while (len) {
        n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return SM_IO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int sm_file_overwrite(int fd, off_t size)
{
    uint8_t noise[4096];
    off_t at = 0;
    ssize_t n;

    while (at < size) {
        randombytes_buf(noise, sizeof(noise));
        n = pwrite(fd, noise, size - at < (off_t)sizeof(noise) ?
                   (size_t)(size - at) : sizeof(noise), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return SM_IO;
        at += n;
    }
    return fsync(fd) ? SM_IO : 0;
}

/* What was written of a secret stays in no block that is given back. */
static void discard(int dir, int fd, const char *temp, mode_t mode)
{
    struct stat st;

    /* Overwritten or not, it is removed. */
    if (fd >= 0 && !(mode & 077) && !fstat(fd, &st))
        (void)!sm_file_overwrite(fd, st.st_size);
    unlinkat(dir, temp, 0);
}

/* Give the finished file its name. */
static int name_file(int dir, const char *temp, const char *leaf, bool fresh)
{
    struct stat st;

    if (!fresh)
        return renameat(dir, temp, dir, leaf);
    if (!renameat2(dir, temp, dir, leaf, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL)
        return -1;
    if (!fstatat(dir, leaf, &st, AT_SYMLINK_NOFOLLOW)) {
        errno = EEXIST;
        return -1;
    }
    return errno == ENOENT ? renameat(dir, temp, dir, leaf) : -1;
}

static int write_file(const char *path, const void *data, size_t len,
                      mode_t mode, bool fresh, char *why, size_t why_size)
{
    char parent[PATH_MAX], leaf[NAME_MAX + 1], temp[NAME_MAX + 32] = "";
    int rc = SM_IO, dir = -1, fd = -1;

    why[0] = '\0';
    dir = open_parent(path, parent, leaf, sizeof(leaf));
    if (dir < 0)
        goto out;
    snprintf(temp, sizeof(temp), ".%.200s.%ld.tmp", leaf, (long)getpid());
    unlinkat(dir, temp, 0);
    fd = openat(dir, temp,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        goto out;
    if (fchmod(fd, mode) || write_all(fd, data, len) || fsync(fd))
        goto out;
    if (name_file(dir, temp, leaf, fresh)) {
        if (errno == EEXIST && fresh)
            rc = SM_STATE;
        goto out;
    }
    temp[0] = '\0';
    if (fsync(dir))
        goto out;
    rc = 0;
out:
    if (rc == SM_STATE)
        WHY("%s exists: nothing was changed", path);
    else if (rc)
        WHY("%s: cannot write: %s", path, strerror(errno));
    if (dir >= 0) {
        if (rc && temp[0])
            discard(dir, fd, temp, mode);
        close(dir);
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

int sm_file_write(const char *path, const void *data, size_t len,
                  mode_t mode, char *why, size_t why_size)
{
    return write_file(path, data, len, mode, false, why, why_size);
}

int sm_file_create(const char *path, const void *data, size_t len,
                   mode_t mode, char *why, size_t why_size)
{
    return write_file(path, data, len, mode, true, why, why_size);
}

int sm_file_mkdir(const char *path, mode_t mode, char *why, size_t why_size)
{
    struct stat st;
    int fd, made, rc = 0;

    why[0] = '\0';
    made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        WHY("%s: cannot make directory: %s", path, strerror(errno));
        return SM_IO;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        rc = errno == ENOTDIR || errno == ELOOP ? SM_STATE : SM_IO;
        WHY("%s: %s", path, rc == SM_STATE ? "not a directory" :
                                             strerror(errno));
        return rc;
    }
    if (fstat(fd, &st)) {
        WHY("%s: %s", path, strerror(errno));
        rc = SM_IO;
    } else if (st.st_uid != geteuid() ||
               (st.st_mode & (S_IWGRP | S_IWOTH))) {
        WHY("%s: not ours alone (owner or mode)", path);
        rc = SM_STATE;
    } else if (made && fchmod(fd, mode)) {      /* umask aside */
        WHY("%s: %s", path, strerror(errno));
        rc = SM_IO;
    }
    close(fd);
    return rc;
}
