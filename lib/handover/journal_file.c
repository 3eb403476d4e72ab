/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

/* A daemon that has just been killed may have a child between fork and exec,
 * which holds the lock for some milliseconds more. */
#define LOCK_TRIES 10
#define LOCK_WAIT_NS 20000000

int sm_handover_place_open(struct sm_handover_place *place, const char *path,
                           char *why, size_t why_size)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    place->dir = -1;
    if (snprintf(place->path, sizeof(place->path), "%s", path) >=
        (int)sizeof(place->path)) {
        WHY("%s: the name is too long", path);
        return SM_IO;
    }
    place->leaf = slash ? place->path + len + 1 : place->path;
    if (snprintf(place->fresh, sizeof(place->fresh), "%s.new",
                 place->leaf) >= (int)sizeof(place->fresh)) {
        WHY("%s: the name is too long", path);
        return SM_IO;
    }
    snprintf(dir, sizeof(dir), "%.*s", (int)len, place->path);
    place->dir = open(!slash ? "." : len ? dir : "/",
                      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->dir < 0) {
        WHY("%s: %s", path, strerror(errno));
        return SM_IO;
    }
    return 0;
}

void sm_handover_place_close(struct sm_handover_place *place)
{
    if (place->dir >= 0)
        close(place->dir);
    place->dir = -1;
}

/* Whether the name still stands for the open file. */
static bool is_named(const struct sm_handover_place *place, int fd)
{
    struct stat named, opened;

    return !fstat(fd, &opened) &&
           !fstatat(place->dir, place->leaf, &named, AT_SYMLINK_NOFOLLOW) &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

int sm_handover_file_lock(const struct sm_handover_place *place, int *fd,
                          char *why, size_t why_size)
{
    const struct timespec wait = { .tv_nsec = LOCK_WAIT_NS };
    struct stat st;
    int tries, rc;

    for (tries = 0; tries < LOCK_TRIES; tries++) {
        *fd = openat(place->dir, place->leaf,
                     O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (*fd < 0)
            break;
        if (fstat(*fd, &st) || !S_ISREG(st.st_mode)) {
            errno = EINVAL;
            break;
        }
        if (!flock(*fd, LOCK_EX | LOCK_NB) && is_named(place, *fd))
            return 0;
        close(*fd);
        *fd = -1;
        nanosleep(&wait, NULL);
    }
    if (tries == LOCK_TRIES) {
        WHY("%s: in use by another process", place->path);
        return SM_BUSY;
    }
    rc = errno == ENOENT ? SM_NO_DOMAIN :
         errno == ELOOP || errno == ENXIO || errno == EISDIR ||
         errno == EINVAL ? SM_STATE : SM_IO;
    WHY("%s: %s", place->path, rc == SM_STATE ? "not a regular file" :
                                               strerror(errno));
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return rc;
}

int sm_handover_file_write(int fd, const uint8_t *data, size_t len, off_t at)
{
    ssize_t n;

    while (len) {
        n = pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return SM_IO;
        data += n;
        len -= (size_t)n;
        at += n;
    }
    return 0;
}

int sm_handover_file_replace(const struct sm_handover_place *place,
                             const uint8_t *data, size_t len, int *fd,
                             bool *doubt)
{
    int made, saved;

    *fd = -1;
    unlinkat(place->dir, place->fresh, 0);
    made = openat(place->dir, place->fresh,
                  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (made < 0)
        return SM_IO;
    /* Zeroes are written, too: so what comes later takes no new space, and
     * needs no more than fdatasync(2). */
    if (flock(made, LOCK_EX | LOCK_NB) ||
        sm_handover_file_write(made, data, len, 0) || fsync(made))
        goto failed;
    if (renameat(place->dir, place->fresh, place->dir, place->leaf)) {
        /* On a network it may have been done all the same. */
        *doubt = true;
        goto failed;
    }
    *fd = made;
    if (fsync(place->dir)) {
        *doubt = true;
        return SM_IO;
    }
    return 0;
failed:
    saved = errno;
    unlinkat(place->dir, place->fresh, 0);
    close(made);
    errno = saved;
    return SM_IO;
}
