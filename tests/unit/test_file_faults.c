/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/file.h when system calls fail, are interrupted, do less than asked,
 * or when the process dies between two of them.  The calls that lib/base/
 * file.c makes are taken over here: the linker prefers this program's
 * definitions to the C library's.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/secret.h"
#include "scratch.h"

/* ---- the calls ---- */

static int armed;           /* count and record calls */
static int calls;           /* so far */
static int fail_at;         /* the call that fails; 0: none */
static int die;             /* … by ending the process */
static int slow;            /* one byte a call, interrupted in between */
static int interrupted;
static char trace[256];

/* Whether this call, of this name, is to fail. */
static int faulty(const char *name)
{
    if (!armed)
        return 0;
    strncat(trace, name, sizeof(trace) - strlen(trace) - 1);
    strncat(trace, " ", sizeof(trace) - strlen(trace) - 1);
    if (++calls != fail_at)
        return 0;
    if (die)
        _exit(99);
    errno = EDQUOT;
    return 1;
}

/* With `slow`: the number of bytes to pass on, or -1 to be interrupted. */
static int less(size_t *n)
{
    if (!armed || !slow)
        return 0;
    interrupted = !interrupted;
    if (interrupted) {
        errno = EINTR;
        return -1;
    }
    if (*n > 1)
        *n = 1;
    return 0;
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list ap;

    if (flags & O_CREAT) {
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    if (faulty("open"))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list ap;

    if (flags & O_CREAT) {
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    if (faulty(flags & O_CREAT ? "create" : "openat"))
        return -1;
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

ssize_t read(int fd, void *buf, size_t n)
{
    if (less(&n) || faulty("read"))
        return -1;
    return syscall(SYS_read, fd, buf, n);
}

ssize_t write(int fd, const void *buf, size_t n)
{
    if (less(&n) || faulty("write"))
        return -1;
    return syscall(SYS_write, fd, buf, n);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
    if (less(&n) || faulty("overwrite"))
        return -1;
    return syscall(SYS_pwrite64, fd, buf, n, at);
}

int fchmod(int fd, mode_t mode)
{
    if (faulty("chmod"))
        return -1;
    return (int)syscall(SYS_fchmod, fd, mode);
}

int fsync(int fd)
{
    struct stat st;

    if (armed && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        if (faulty("sync-directory"))
            return -1;
    } else if (faulty("sync-file")) {
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    if (faulty("rename"))
        return -1;
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

static int no_flags;        /* as on NFS: rename has no flags */

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
              unsigned int flags)
{
    if (faulty("rename-new"))
        return -1;
    if (no_flags && flags) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int mkdir(const char *path, mode_t mode)
{
    if (faulty("mkdir"))
        return -1;
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static void arm(int at)
{
    calls = 0;
    fail_at = at;
    trace[0] = '\0';
    armed = 1;
}

/* ---- helpers ---- */

static char why[600];

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

static int descriptors(void)
{
    return entries("/proc/self/fd");
}

static int write_file(const char *leaf, const char *text, mode_t mode)
{
    return sm_file_write(scratch_path(leaf), text, strlen(text), mode, why,
                         sizeof(why));
}

static void holds(const char *leaf, const char *text)
{
    uint8_t *data = NULL;
    size_t len = 0;

    ck_assert_int_eq(sm_file_read(scratch_path(leaf), SM_FILE_PUBLIC, 9999,
                                  &data, &len, why, sizeof(why)), 0);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert_int_eq(memcmp(data, text, len), 0);
    sm_file_free(data, len);
}

static void setup(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
    scratch_make();
}

/* ---- writing ---- */

START_TEST(a_new_file_has_its_content_and_mode)
{
    static const mode_t modes[] = { 0600, 0644, 0640, 0400 };
    struct stat st;
    mode_t old;
    size_t i;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        old = umask(i % 2 ? 0 : 077);
        ck_assert_int_eq(write_file("f", "text\n", modes[i]), 0);
        umask(old);
        ck_assert_str_eq(why, "");
        holds("f", "text\n");
        ck_assert_int_eq(stat(scratch_path("f"), &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, modes[i]);
        ck_assert_int_eq(entries(scratch), 1);
    }
}
END_TEST

START_TEST(an_empty_file_can_be_written)
{
    ck_assert_int_eq(sm_file_write(scratch_path("f"), NULL, 0, 0600, why,
                                   sizeof(why)), 0);
    holds("f", "");
}
END_TEST

START_TEST(a_link_is_replaced_and_not_followed)
{
    scratch_write("target", "old", 3, 0644);
    ck_assert_int_eq(symlink("target", scratch_path("soft")), 0);
    ck_assert_int_eq(write_file("soft", "new", 0644), 0);
    holds("soft", "new");
    holds("target", "old");
    ck_assert_int_eq(link(scratch_path("target"), scratch_path("hard")), 0);
    ck_assert_int_eq(write_file("hard", "new", 0644), 0);
    holds("hard", "new");
    holds("target", "old");
}
END_TEST

START_TEST(a_directory_is_not_replaced)
{
    ck_assert_int_eq(mkdir(scratch_path("d"), 0700), 0);
    ck_assert_int_eq(write_file("d", "x", 0600), SM_IO);
    ck_assert_ptr_nonnull(strstr(why, "/d: cannot write"));
    ck_assert_int_eq(entries(scratch), 1);
    ck_assert_int_eq(write_file("no/such", "x", 0600), SM_IO);
    ck_assert_int_eq(write_file("d/", "x", 0600), SM_IO);
    ck_assert_int_eq(entries(scratch_path("d")), 0);
}
END_TEST

START_TEST(what_a_dead_writer_left_does_not_stop_the_next)
{
    char leaf[64];

    snprintf(leaf, sizeof(leaf), ".f.%ld.tmp", (long)getpid());
    scratch_write(leaf, "half", 4, 0666);
    ck_assert_int_eq(write_file("f", "whole", 0600), 0);
    holds("f", "whole");
    ck_assert_int_eq(entries(scratch), 1);
}
END_TEST

START_TEST(the_order_makes_it_atomic_and_durable)
{
    arm(0);
    ck_assert_int_eq(write_file("f", "x", 0600), 0);
    armed = 0;
    ck_assert_str_eq(trace, "open create chmod write sync-file rename "
                            "sync-directory ");
}
END_TEST

START_TEST(every_call_that_fails_is_an_io_error_and_leaves_one_file)
{
    int at, rc, before = descriptors(), renamed;

    for (at = 1; ; at++) {
        scratch_write("f", "old", 3, 0644);
        arm(at);
        rc = write_file("f", "new", 0644);
        armed = 0;
        renamed = strstr(trace, "sync-directory") != NULL;
        ck_assert_int_eq(entries(scratch), 1);
        ck_assert_int_eq(descriptors(), before);
        if (rc == 0)
            break;
        ck_assert_int_eq(rc, SM_IO);
        ck_assert_ptr_nonnull(strstr(why, strerror(EDQUOT)));
        holds("f", renamed ? "new" : "old");
    }
    ck_assert_int_eq(at, 8);            /* seven calls, each failed once */
    holds("f", "new");
}
END_TEST

START_TEST(a_secret_that_was_not_put_in_place_is_overwritten)
{
    arm(5);                             /* open, create, chmod, write, sync */
    ck_assert_int_eq(write_file("f", "secret", 0600), SM_IO);
    armed = 0;
    ck_assert_str_eq(trace, "open create chmod write sync-file overwrite "
                            "sync-file ");
    ck_assert_ptr_nonnull(strstr(why, strerror(EDQUOT)));
    ck_assert_int_eq(entries(scratch), 0);
    arm(5);
    ck_assert_int_eq(write_file("f", "for all", 0644), SM_IO);
    armed = 0;
    ck_assert_str_eq(trace, "open create chmod write sync-file ");
}
END_TEST

START_TEST(all_of_a_file_is_overwritten)
{
    static uint8_t data[10000];
    uint8_t *now;
    size_t i, len, same = 0;
    int fd;

    memset(data, 7, sizeof(data));
    scratch_write("f", (const char *)data, sizeof(data), 0600);
    fd = (open)(scratch_path("f"), O_WRONLY);
    ck_assert_int_eq(sm_file_overwrite(fd, sizeof(data)), 0);
    arm(1);
    ck_assert_int_eq(sm_file_overwrite(fd, sizeof(data)), SM_IO);
    armed = 0;
    close(fd);
    ck_assert_int_eq(sm_file_read(scratch_path("f"), SM_FILE_PRIVATE,
                                  sizeof(data), &now, &len, why,
                                  sizeof(why)), 0);
    ck_assert_uint_eq(len, sizeof(data));
    for (i = 0; i < len; i++)
        same += now[i] == 7;
    ck_assert_uint_lt(same, 200);       /* 39 of 10000, by chance */
    sm_file_free(now, len);
}
END_TEST

START_TEST(after_a_crash_the_file_is_old_or_new)
{
    int at, status, news = 0, olds = 0;
    uint8_t *data;
    size_t len;
    pid_t pid;

    for (at = 1; ; at++) {
        scratch_write("f", "old", 3, 0600);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            die = 1;
            arm(at);
            _exit(write_file("f", "new!", 0600) ? 1 : 0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(sm_file_read(scratch_path("f"), SM_FILE_PRIVATE, 9,
                                      &data, &len, why, sizeof(why)), 0);
        if (len == 3 && !memcmp(data, "old", 3))
            olds++;
        else if (len == 4 && !memcmp(data, "new!", 4))
            news++;
        else
            ck_abort_msg("torn file after call %d", at);
        sm_file_free(data, len);
        if (WEXITSTATUS(status) == 0)
            break;
        ck_assert_int_eq(WEXITSTATUS(status), 99);
    }
    ck_assert_int_eq(olds, 6);
    ck_assert_int_eq(news, 2);
}
END_TEST

static int create_file(const char *leaf, const char *text, mode_t mode)
{
    return sm_file_create(scratch_path(leaf), text, strlen(text), mode, why,
                          sizeof(why));
}

/* With `no_flags` set or not. */
static void never_over_a_file_that_is_there(void)
{
    struct stat st;

    ck_assert_int_eq(create_file("f", "first", 0640), 0);
    ck_assert_str_eq(why, "");
    holds("f", "first");
    ck_assert_int_eq(stat(scratch_path("f"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
    ck_assert_int_eq(create_file("f", "second", 0600), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "/f exists"));
    holds("f", "first");
    ck_assert_int_eq(symlink("nowhere", scratch_path("link")), 0);
    ck_assert_int_eq(create_file("link", "second", 0600), SM_STATE);
    ck_assert_int_eq(mkdir(scratch_path("d"), 0700), 0);
    ck_assert_int_eq(create_file("d", "second", 0600), SM_STATE);
    ck_assert_int_eq(create_file("no/such", "x", 0600), SM_IO);
    ck_assert_int_eq(entries(scratch), 3);
}

START_TEST(a_file_is_created_once)
{
    never_over_a_file_that_is_there();
}
END_TEST

START_TEST(a_file_is_created_once_without_flags_of_rename)
{
    no_flags = 1;
    never_over_a_file_that_is_there();
}
END_TEST

START_TEST(creating_is_atomic_and_durable_and_fails_cleanly)
{
    int at, rc, before = descriptors(), named;

    for (at = 1; ; at++) {
        arm(at);
        rc = create_file("f", "new", 0644);
        armed = 0;
        named = strstr(trace, "sync-directory") != NULL;
        ck_assert_int_eq(descriptors(), before);
        ck_assert_int_eq(entries(scratch), named);
        if (rc == 0)
            break;
        ck_assert_int_eq(rc, SM_IO);
        ck_assert_ptr_nonnull(strstr(why, strerror(EDQUOT)));
        if (named)
            ck_assert_int_eq(unlink(scratch_path("f")), 0);
    }
    ck_assert_str_eq(trace, "open create chmod write sync-file rename-new "
                            "sync-directory ");
    holds("f", "new");
}
END_TEST

START_TEST(short_and_interrupted_calls_are_continued)
{
    uint8_t *data = NULL;
    size_t len = 0;

    slow = 1;
    arm(0);
    ck_assert_int_eq(write_file("f", "several bytes", 0600), 0);
    ck_assert_int_eq(sm_file_read(scratch_path("f"), SM_FILE_PRIVATE, 99,
                                  &data, &len, why, sizeof(why)), 0);
    armed = 0;
    ck_assert_int_ge(calls, 2 * (int)strlen("several bytes"));
    ck_assert_uint_eq(len, strlen("several bytes"));
    ck_assert_str_eq((char *)data, "several bytes");
    sm_file_free(data, len);
}
END_TEST

/* ---- reading ---- */

static void fail_each_read(int secret, int expected_calls)
{
    int at, rc, before = descriptors();
    uint8_t *data;
    size_t len;

    scratch_write("f", "text", 4, 0600);
    for (at = 1; ; at++) {
        data = (uint8_t *)why;
        len = 99;
        arm(at);
        rc = secret ?
             sm_file_read_secret(scratch_path("f"), 9, &data, &len, why,
                                 sizeof(why)) :
             sm_file_read(scratch_path("f"), SM_FILE_PRIVATE, 9, &data,
                          &len, why, sizeof(why));
        armed = 0;
        ck_assert_int_eq(descriptors(), before);
        if (rc == 0)
            break;
        ck_assert_int_eq(rc, SM_IO);
        ck_assert_ptr_null(data);
        ck_assert_uint_eq(len, 0);
        ck_assert_ptr_nonnull(strstr(why, strerror(EDQUOT)));
    }
    ck_assert_int_eq(at, expected_calls + 1);
    ck_assert_uint_eq(len, 4);
    if (secret)
        sm_secret_free(data);
    else
        sm_file_free(data, len);
}

START_TEST(every_call_of_a_read_that_fails_is_an_io_error)
{
    fail_each_read(0, 3);               /* open, openat, read */
}
END_TEST

START_TEST(every_call_of_a_secret_read_that_fails_is_an_io_error)
{
    fail_each_read(1, 3);
}
END_TEST

/* ---- directories ---- */

START_TEST(every_call_of_mkdir_that_fails_is_an_io_error)
{
    int at, rc, before = descriptors();

    for (at = 1; ; at++) {
        rmdir(scratch_path("d"));
        arm(at);
        rc = sm_file_mkdir(scratch_path("d"), 0755, why, sizeof(why));
        armed = 0;
        ck_assert_int_eq(descriptors(), before);
        if (rc == 0)
            break;
        ck_assert_int_eq(rc, SM_IO);
        ck_assert_ptr_nonnull(strstr(why, strerror(EDQUOT)));
    }
    ck_assert_int_eq(at, 4);            /* mkdir, open, chmod */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file_faults");
    TCase *writing = tcase_create("writing");
    TCase *others = tcase_create("others");

    tcase_add_checked_fixture(writing, setup, scratch_remove);
    tcase_add_test(writing, a_new_file_has_its_content_and_mode);
    tcase_add_test(writing, an_empty_file_can_be_written);
    tcase_add_test(writing, a_link_is_replaced_and_not_followed);
    tcase_add_test(writing, a_directory_is_not_replaced);
    tcase_add_test(writing, what_a_dead_writer_left_does_not_stop_the_next);
    tcase_add_test(writing, the_order_makes_it_atomic_and_durable);
    tcase_add_test(writing,
        every_call_that_fails_is_an_io_error_and_leaves_one_file);
    tcase_add_test(writing,
        a_secret_that_was_not_put_in_place_is_overwritten);
    tcase_add_test(writing, all_of_a_file_is_overwritten);
    tcase_add_test(writing, after_a_crash_the_file_is_old_or_new);
    tcase_add_test(writing, short_and_interrupted_calls_are_continued);
    tcase_add_test(writing, a_file_is_created_once);
    tcase_add_test(writing, a_file_is_created_once_without_flags_of_rename);
    tcase_add_test(writing, creating_is_atomic_and_durable_and_fails_cleanly);
    suite_add_tcase(suite, writing);

    tcase_add_checked_fixture(others, setup, scratch_remove);
    tcase_add_test(others, every_call_of_a_read_that_fails_is_an_io_error);
    tcase_add_test(others,
        every_call_of_a_secret_read_that_fails_is_an_io_error);
    tcase_add_test(others, every_call_of_mkdir_that_fails_is_an_io_error);
    suite_add_tcase(suite, others);
    return scratch_run(suite);
}
