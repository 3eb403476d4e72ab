/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A directory of its own for each test, for tests that need files.
 */
#ifndef SM_TESTS_UNIT_SCRATCH_H
#define SM_TESTS_UNIT_SCRATCH_H

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* AddressSanitizer's runtime makes mlock(2) do nothing, successfully. */
#if defined(__SANITIZE_ADDRESS__)
#define SCRATCH_NO_MLOCK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SCRATCH_NO_MLOCK 1
#endif
#endif
#ifndef SCRATCH_NO_MLOCK
#define SCRATCH_NO_MLOCK 0
#endif

static char scratch[64];

static inline int scratch_remove_one(const char *path, const struct stat *st,
                                     int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* Checked fixtures. */
static inline void scratch_make(void)
{
    snprintf(scratch, sizeof(scratch), "/tmp/secmig-unit.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static inline void scratch_remove(void)
{
    nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* "SCRATCH/leaf", in one of a few static buffers. */
static inline const char *scratch_path(const char *leaf)
{
    static char paths[8][512];
    static unsigned int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", scratch, leaf);
    return path;
}

static inline void scratch_write(const char *leaf, const void *data,
                                 size_t len, mode_t mode)
{
    int fd = open(scratch_path(leaf), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

/* Run one suite; the exit code of the program. */
static inline int scratch_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
