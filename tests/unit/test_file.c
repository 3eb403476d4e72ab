/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One test case per sentence of base/file.h's contract: reading and
 * directories.  Writing, and system calls that fail, are in
 * test_file_faults.c.
 */
#include <errno.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/secret.h"
#include "scratch.h"

#define NOBODY 65534

static uint8_t *data;
static size_t len;
static char why[600];

static int read_as(const char *path, enum sm_file_kind kind, size_t max)
{
    int rc;

    sm_file_free(data, len);
    data = (uint8_t *)why;          /* must be overwritten */
    len = 99;
    strcpy(why, "before");
    errno = ENOENT;         /* what the last caller left behind */
    rc = sm_file_read(path, kind, max, &data, &len, why, sizeof(why));
    if (rc) {
        ck_assert_ptr_null(data);
        ck_assert_uint_eq(len, 0);
        ck_assert_msg(strncmp(why, path, strlen(path)) == 0,
                      "reason without the path: %s", why);
    } else {
        ck_assert_ptr_nonnull(data);
        ck_assert_uint_eq(data[len], 0);
        ck_assert_str_eq(why, "");
    }
    return rc;
}

/* A check that fails: SM_STATE, said in these words, and never mistaken for
 * a missing file. */
static void refused(const char *path, enum sm_file_kind kind, size_t max,
                    const char *reason)
{
    ck_assert_int_eq(read_as(path, kind, max), SM_STATE);
    ck_assert_int_ne(errno, ENOENT);
    ck_assert_msg(strstr(why, reason) != NULL, "other reason: %s", why);
}

static void setup(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
    scratch_make();
}

static void teardown(void)
{
    sm_file_free(data, len);
    data = NULL;
    scratch_remove();
}

/* ---- what may be read ---- */

START_TEST(a_good_file_is_read_whole)
{
    const char *path = scratch_path("f");

    scratch_write("f", "a\0b\n", 4, 0644);
    ck_assert_int_eq(read_as(path, SM_FILE_PUBLIC, 100), 0);
    ck_assert_uint_eq(len, 4);
    ck_assert_int_eq(memcmp(data, "a\0b\n", 5), 0);
}
END_TEST

START_TEST(an_empty_file_is_a_file)
{
    scratch_write("f", "", 0, 0600);
    ck_assert_int_eq(read_as(scratch_path("f"), SM_FILE_PRIVATE, 0), 0);
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(a_large_file_is_read_whole)
{
    size_t size = 3 * 1024 * 1024 + 1, i;
    uint8_t *big = malloc(size);

    ck_assert_ptr_nonnull(big);
    for (i = 0; i < size; i++)
        big[i] = (uint8_t)(i * 2654435761u >> 24);
    scratch_write("f", big, size, 0644);
    ck_assert_int_eq(read_as(scratch_path("f"), SM_FILE_PUBLIC, size), 0);
    ck_assert_uint_eq(len, size);
    ck_assert_int_eq(memcmp(data, big, size), 0);
    free(big);
}
END_TEST

START_TEST(the_size_cap_holds)
{
    scratch_write("f", "12345", 5, 0644);
    ck_assert_int_eq(read_as(scratch_path("f"), SM_FILE_PUBLIC, 5), 0);
    refused(scratch_path("f"), SM_FILE_PUBLIC, 4, "too large");
    refused(scratch_path("f"), SM_FILE_PUBLIC, 0, "too large");
}
END_TEST

START_TEST(names_may_be_relative)
{
    scratch_write("f", "here", 4, 0644);
    ck_assert_int_eq(chdir(scratch), 0);
    ck_assert_int_eq(read_as("f", SM_FILE_PUBLIC, 9), 0);
    ck_assert_int_eq(read_as("./f", SM_FILE_PUBLIC, 9), 0);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* ---- what is missing ---- */

START_TEST(a_missing_file_is_state_with_enoent)
{
    static const char *const missing[] = {
        "nosuch", "no/such", "", "/nosuch-file-in-the-root",
    };
    const char *path;
    size_t i;

    for (i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        path = missing[i][0] == '/' ? missing[i] : scratch_path(missing[i]);
        ck_assert_int_eq(read_as(path, SM_FILE_PUBLIC, 9), SM_STATE);
        if (missing[i][0]) {
            ck_assert_int_eq(errno, ENOENT);
            ck_assert_ptr_nonnull(strstr(why, "No such file"));
        }
    }
}
END_TEST

START_TEST(names_that_no_file_has_are_errors)
{
    static char path[PATH_MAX + 2];

    scratch_write("f", "", 0, 0644);
    ck_assert_int_eq(read_as(scratch_path("f/g"), SM_FILE_PUBLIC, 9), SM_IO);
    memset(path, 'a', NAME_MAX + 1);
    ck_assert_int_eq(sm_file_read(path, SM_FILE_PUBLIC, 9, &data, &len, why,
                                  sizeof(why)), SM_IO);
    memset(path, '/', PATH_MAX);
    ck_assert_int_eq(sm_file_read(path, SM_FILE_PUBLIC, 9, &data, &len, why,
                                  sizeof(why)), SM_IO);
    ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

/* ---- what is not a plain file ---- */

START_TEST(a_symbolic_link_is_refused)
{
    scratch_write("f", "", 0, 0644);
    ck_assert_int_eq(symlink("f", scratch_path("l")), 0);
    ck_assert_int_eq(symlink("nosuch", scratch_path("dangling")), 0);
    refused(scratch_path("l"), SM_FILE_PUBLIC, 9, "symbolic link");
    refused(scratch_path("dangling"), SM_FILE_PUBLIC, 9, "symbolic link");
}
END_TEST

START_TEST(a_hard_link_is_refused)
{
    scratch_write("f", "", 0, 0644);
    ck_assert_int_eq(link(scratch_path("f"), scratch_path("l")), 0);
    refused(scratch_path("l"), SM_FILE_PUBLIC, 9, "hard link");
    refused(scratch_path("f"), SM_FILE_PUBLIC, 9, "hard link");
    ck_assert_int_eq(unlink(scratch_path("l")), 0);
    ck_assert_int_eq(read_as(scratch_path("f"), SM_FILE_PUBLIC, 9), 0);
}
END_TEST

START_TEST(a_fifo_is_refused_without_waiting)
{
    ck_assert_int_eq(mkfifo(scratch_path("f"), 0600), 0);
    refused(scratch_path("f"), SM_FILE_PRIVATE, 9, "not a regular file");
}
END_TEST

START_TEST(a_directory_is_refused)
{
    ck_assert_int_eq(mkdir(scratch_path("d"), 0700), 0);
    refused(scratch_path("d"), SM_FILE_PRIVATE, 9999, "not a regular file");
}
END_TEST

START_TEST(a_socket_is_refused)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", scratch);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    refused(scratch_path("s"), SM_FILE_PUBLIC, 9, "not a regular file");
    close(fd);
}
END_TEST

START_TEST(a_device_is_refused)
{
    refused("/dev/null", SM_FILE_PUBLIC, 9, "not a regular file");
}
END_TEST

/* ---- modes ---- */

START_TEST(others_may_never_write)
{
    int mode;

    for (mode = 0; mode < 01000; mode++) {
        scratch_write("f", "x", 1, (mode_t)mode | 0400);
        if (mode & 022)
            refused(scratch_path("f"), SM_FILE_PUBLIC, 9, "writable");
        else
            ck_assert_int_eq(read_as(scratch_path("f"), SM_FILE_PUBLIC, 9),
                             0);
        if (mode & 077)
            refused(scratch_path("f"), SM_FILE_PRIVATE, 9, "able by group");
        else
            ck_assert_int_eq(read_as(scratch_path("f"), SM_FILE_PRIVATE, 9),
                             0);
        ck_assert_int_eq(unlink(scratch_path("f")), 0);
    }
}
END_TEST

START_TEST(the_directory_must_be_safe)
{
    static const struct {
        mode_t mode;
        int ok;
    } modes[] = {
        { 0700, 1 }, { 0755, 1 }, { 0555, 1 },
        { 0775, 0 }, { 0757, 0 }, { 0777, 0 }, { 02770, 0 },
        { 01777, 1 }, { 01770, 1 },
    };
    size_t i;

    ck_assert_int_eq(mkdir(scratch_path("d"), 0700), 0);
    scratch_write("d/f", "x", 1, 0644);
    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        ck_assert_int_eq(chmod(scratch_path("d"), modes[i].mode), 0);
        if (modes[i].ok)
            ck_assert_int_eq(read_as(scratch_path("d/f"), SM_FILE_PUBLIC, 9),
                             0);
        else
            refused(scratch_path("d/f"), SM_FILE_PUBLIC, 9, "directory");
    }
    /* Also when the file is not there, and it is not said which. */
    ck_assert_int_eq(chmod(scratch_path("d"), 0777), 0);
    refused(scratch_path("d/nosuch"), SM_FILE_PUBLIC, 9, "directory");
    ck_assert_int_eq(chmod(scratch_path("d"), 0700), 0);
}
END_TEST

/* ---- owners (as root) ---- */

START_TEST(a_file_of_another_user_is_refused)
{
    scratch_write("f", "x", 1, 0644);
    ck_assert_int_eq(chown(scratch_path("f"), NOBODY, 0), 0);
    refused(scratch_path("f"), SM_FILE_PUBLIC, 9, "another user");
}
END_TEST

START_TEST(a_directory_of_another_user_is_refused)
{
    ck_assert_int_eq(mkdir(scratch_path("d"), 0755), 0);
    scratch_write("d/f", "x", 1, 0644);
    ck_assert_int_eq(chown(scratch_path("d"), NOBODY, 0), 0);
    refused(scratch_path("d/f"), SM_FILE_PUBLIC, 9, "directory");
    /* The sticky bit does not bind the directory's owner. */
    ck_assert_int_eq(chmod(scratch_path("d"), 01755), 0);
    refused(scratch_path("d/f"), SM_FILE_PUBLIC, 9, "directory");
}
END_TEST

/* In a child, since an identity that was given up does not come back. */
static int as_nobody(int (*body)(void))
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (setresgid(NOBODY, NOBODY, NOBODY) ||
            setresuid(NOBODY, NOBODY, NOBODY))
            _exit(100);
        _exit(body());
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int read_f(void)
{
    return -sm_file_read(scratch_path("f"), SM_FILE_PUBLIC, 9, &data, &len,
                         why, sizeof(why));
}

START_TEST(roots_file_is_good_for_any_user)
{
    ck_assert_int_eq(chmod(scratch, 0755), 0);
    scratch_write("f", "x", 1, 0644);
    ck_assert_int_eq(as_nobody(read_f), 0);
    ck_assert_int_eq(chown(scratch_path("f"), NOBODY, 0), 0);
    ck_assert_int_eq(as_nobody(read_f), 0);
    ck_assert_int_eq(chown(scratch_path("f"), 1234, 0), 0);
    ck_assert_int_eq(as_nobody(read_f), -SM_STATE);
}
END_TEST

START_TEST(a_file_that_may_not_be_opened_is_an_io_error)
{
    ck_assert_int_eq(chmod(scratch, 0755), 0);
    scratch_write("f", "x", 1, 0600);
    ck_assert_int_eq(as_nobody(read_f), -SM_IO);
}
END_TEST

static int make_d(void)
{
    return -sm_file_mkdir(scratch_path("d"), 0700, why, sizeof(why));
}

START_TEST(a_directory_of_root_is_not_ones_own)
{
    ck_assert_int_eq(chmod(scratch, 0755), 0);
    ck_assert_int_eq(mkdir(scratch_path("d"), 0755), 0);
    ck_assert_int_eq(as_nobody(make_d), -SM_STATE);
    ck_assert_int_eq(chown(scratch_path("d"), NOBODY, 0), 0);
    ck_assert_int_eq(as_nobody(make_d), 0);
    ck_assert_int_eq(sm_file_mkdir(scratch_path("d"), 0700, why,
                                   sizeof(why)), SM_STATE);
    ck_assert_int_eq(rmdir(scratch_path("d")), 0);
    ck_assert_int_eq(as_nobody(make_d), -SM_IO);
}
END_TEST

static int secret_without_lock(void)
{
    struct rlimit none = { 0, 0 };
    uint8_t *p = (uint8_t *)"x";
    size_t n = 9;
    int rc;

    if (setrlimit(RLIMIT_MEMLOCK, &none))
        return 101;
    rc = sm_file_read_secret(scratch_path("f"), 9, &p, &n, why, sizeof(why));
    return !p && n == 0 && strstr(why, "RLIMIT_MEMLOCK") ? -rc : 102;
}

START_TEST(a_secret_that_cannot_be_locked_is_not_read)
{
    ck_assert_int_eq(chmod(scratch, 0755), 0);
    scratch_write("f", "x", 1, 0600);
    ck_assert_int_eq(chown(scratch_path("f"), NOBODY, 0), 0);
    ck_assert_int_eq(as_nobody(secret_without_lock), -SM_NO_MEMORY);
}
END_TEST

/* ---- secrets ---- */

START_TEST(a_secret_is_read_into_locked_memory)
{
    uint8_t *p = NULL;
    size_t n = 0;

    scratch_write("f", "pass\0word", 9, 0400);
    ck_assert_int_eq(sm_file_read_secret(scratch_path("f"), 9, &p, &n, why,
                                         sizeof(why)), 0);
    ck_assert_uint_eq(n, 9);
    ck_assert_int_eq(memcmp(p, "pass\0word", 10), 0);
    ck_assert_str_eq(why, "");
    sm_secret_free(p);
}
END_TEST

START_TEST(a_secret_must_be_private)
{
    static const mode_t modes[] = { 0640, 0604, 0610, 0601, 0620, 0666 };
    uint8_t *p = (uint8_t *)"x";
    size_t n = 9, i;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        scratch_write("f", "x", 1, modes[i]);
        ck_assert_int_eq(sm_file_read_secret(scratch_path("f"), 9, &p, &n,
                                             why, sizeof(why)), SM_STATE);
        ck_assert_ptr_null(p);
        ck_assert_uint_eq(n, 0);
    }
    scratch_write("f", "12", 2, 0600);
    ck_assert_int_eq(sm_file_read_secret(scratch_path("f"), 1, &p, &n, why,
                                         sizeof(why)), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "too large"));
    ck_assert_int_eq(sm_file_read_secret(scratch_path("g"), 1, &p, &n, why,
                                         sizeof(why)), SM_STATE);
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(free_takes_null)
{
    sm_file_free(NULL, 0);
    sm_file_free(NULL, 5);
}
END_TEST

START_TEST(a_reason_is_cut_to_its_room)
{
    char small[8];

    memset(small, 'x', sizeof(small));
    ck_assert_int_eq(sm_file_read(scratch_path("nosuch"), SM_FILE_PUBLIC, 9,
                                  &data, &len, small, 5), SM_STATE);
    ck_assert_uint_eq(strlen(small), 4);
    ck_assert_int_eq(small[5], 'x');
}
END_TEST

/* ---- directories ---- */

static mode_t mode_of(const char *path)
{
    struct stat st;

    ck_assert_int_eq(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

START_TEST(a_directory_has_its_mode_whatever_the_umask)
{
    static const mode_t masks[] = { 0, 022, 077 };
    static const mode_t modes[] = { 0700, 0711, 0755 };
    size_t i, k;

    for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
        for (k = 0; k < sizeof(modes) / sizeof(modes[0]); k++) {
            mode_t old = umask(masks[i]);
            int rc = sm_file_mkdir(scratch_path("d"), modes[k], why,
                                   sizeof(why));

            umask(old);
            ck_assert_int_eq(rc, 0);
            ck_assert_str_eq(why, "");
            ck_assert_uint_eq(mode_of(scratch_path("d")), modes[k]);
            ck_assert_int_eq(rmdir(scratch_path("d")), 0);
        }
}
END_TEST

START_TEST(a_directory_that_exists_is_kept_when_safe)
{
    static const struct {
        mode_t mode;
        int rc;
    } modes[] = {
        { 0700, 0 }, { 0755, 0 }, { 0711, 0 }, { 0500, 0 },
        { 0770, SM_STATE }, { 0702, SM_STATE }, { 01777, SM_STATE },
    };
    size_t i;

    ck_assert_int_eq(mkdir(scratch_path("d"), 0700), 0);
    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        ck_assert_int_eq(chmod(scratch_path("d"), modes[i].mode), 0);
        ck_assert_int_eq(sm_file_mkdir(scratch_path("d"), 0700, why,
                                       sizeof(why)), modes[i].rc);
        ck_assert_int_eq(modes[i].rc == 0, why[0] == '\0');
        ck_assert_uint_eq(mode_of(scratch_path("d")), modes[i].mode);
    }
}
END_TEST

START_TEST(something_else_in_its_place_is_refused)
{
    ck_assert_int_eq(mkdir(scratch_path("d"), 0700), 0);
    ck_assert_int_eq(symlink("d", scratch_path("link")), 0);
    scratch_write("file", "", 0, 0600);
    ck_assert_int_eq(mkfifo(scratch_path("fifo"), 0600), 0);
    ck_assert_int_eq(sm_file_mkdir(scratch_path("link"), 0700, why,
                                   sizeof(why)), SM_STATE);
    ck_assert_int_eq(sm_file_mkdir(scratch_path("file"), 0700, why,
                                   sizeof(why)), SM_STATE);
    ck_assert_int_eq(sm_file_mkdir(scratch_path("fifo"), 0700, why,
                                   sizeof(why)), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "not a directory"));
}
END_TEST

START_TEST(only_one_level_is_made)
{
    ck_assert_int_eq(sm_file_mkdir(scratch_path("a/b"), 0700, why,
                                   sizeof(why)), SM_IO);
    ck_assert_ptr_nonnull(strstr(why, "No such file"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *reading = tcase_create("reading");
    TCase *owners = tcase_create("owners");
    TCase *directories = tcase_create("directories");

    tcase_add_checked_fixture(reading, setup, teardown);
    tcase_add_test(reading, a_good_file_is_read_whole);
    tcase_add_test(reading, an_empty_file_is_a_file);
    tcase_add_test(reading, a_large_file_is_read_whole);
    tcase_add_test(reading, the_size_cap_holds);
    tcase_add_test(reading, names_may_be_relative);
    tcase_add_test(reading, a_missing_file_is_state_with_enoent);
    tcase_add_test(reading, names_that_no_file_has_are_errors);
    tcase_add_test(reading, a_symbolic_link_is_refused);
    tcase_add_test(reading, a_hard_link_is_refused);
    tcase_add_test(reading, a_fifo_is_refused_without_waiting);
    tcase_add_test(reading, a_directory_is_refused);
    tcase_add_test(reading, a_socket_is_refused);
    tcase_add_test(reading, a_device_is_refused);
    tcase_add_test(reading, others_may_never_write);
    tcase_add_test(reading, the_directory_must_be_safe);
    tcase_add_test(reading, a_secret_is_read_into_locked_memory);
    tcase_add_test(reading, a_secret_must_be_private);
    tcase_add_test(reading, free_takes_null);
    tcase_add_test(reading, a_reason_is_cut_to_its_room);
    suite_add_tcase(suite, reading);

    tcase_add_checked_fixture(owners, setup, teardown);
    tcase_add_test(owners, a_file_of_another_user_is_refused);
    tcase_add_test(owners, a_directory_of_another_user_is_refused);
    tcase_add_test(owners, roots_file_is_good_for_any_user);
    tcase_add_test(owners, a_file_that_may_not_be_opened_is_an_io_error);
    tcase_add_test(owners, a_directory_of_root_is_not_ones_own);
    if (SCRATCH_NO_MLOCK)
        printf("skip - locking: no mlock(2) under AddressSanitizer\n");
    else
        tcase_add_test(owners, a_secret_that_cannot_be_locked_is_not_read);
    if (geteuid() == 0)
        suite_add_tcase(suite, owners);
    else
        printf("skip - owners: only root can give files away\n");

    tcase_add_checked_fixture(directories, setup, teardown);
    tcase_add_test(directories, a_directory_has_its_mode_whatever_the_umask);
    tcase_add_test(directories, a_directory_that_exists_is_kept_when_safe);
    tcase_add_test(directories, something_else_in_its_place_is_refused);
    tcase_add_test(directories, only_one_level_is_made);
    suite_add_tcase(suite, directories);
    return scratch_run(suite);
}
