/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that dies around one of its changes to a directory: these
 * functions are taken over from the C library (the linker prefers this
 * program's definitions).  Children inherit what die() has set.
 */
#ifndef SM_TESTS_UNIT_DIE_AT_H
#define SM_TESTS_UNIT_DIE_AT_H

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIED 99             /* exit code */

static int die_at;          /* 2n-1: before the nth change, 2n: after it */
static int changes;

/* Where the next child dies; 0: nowhere. */
static inline void die(int at)
{
    die_at = at;
    changes = 0;
}

static inline void die_before(void)
{
    changes++;
    if (die_at == 2 * changes - 1)
        _exit(DIED);
}

static inline int die_after(long rc)
{
    if (die_at == 2 * changes)
        _exit(DIED);
    return (int)rc;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    die_before();
    return die_after(syscall(SYS_renameat2, from_dir, from, to_dir, to, 0));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
              unsigned int flags)
{
    die_before();
    return die_after(syscall(SYS_renameat2, from_dir, from, to_dir, to,
                             flags));
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlink(const char *path)
{
    die_before();
    return die_after(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    die_before();
    return die_after(syscall(SYS_pwrite64, fd, data, len, at));
}

#endif
