/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal when calls fail, once or for ever, are interrupted, or do less
 * than asked; on a full disk; and with files that are not what they should be.
 * The calls are taken over from the C library (the linker prefers this
 * program's definitions).
 */
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "journal.h"

static int armed, calls, fail_at, for_ever, slow, interrupted;

static bool faulty(void)
{
    if (!armed)
        return false;
    calls++;
    if (!fail_at || (for_ever ? calls < fail_at : calls != fail_at))
        return false;
    errno = EIO;
    return true;
}

static void arm(int at, int ever)
{
    calls = 0;
    fail_at = at;
    for_ever = ever;
    armed = 1;
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
    if (faulty())
        return -1;
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (armed && slow) {
        interrupted = !interrupted;
        if (interrupted) {
            errno = EINTR;
            return -1;
        }
        len = len > 100 ? 100 : len;
    }
    if (faulty())
        return -1;
    return syscall(SYS_pwrite64, fd, data, len, at);
}

int fdatasync(int fd)
{
    (void)fd;
    return faulty() ? -1 : 0;
}

int fsync(int fd)
{
    (void)fd;
    return faulty() ? -1 : 0;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    if (faulty())
        return -1;
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to,
           int flags)
{
    if (faulty())
        return -1;
    return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

/* ---- putting ---- */

static struct sm_handover_journal *j;

static void fill_until(uint32_t left)
{
    struct sm_handover_record m = migration(1, SM_HANDOVER_SENDING);
    struct stat st;

    ck_assert_int_eq(stat(JOURNAL, &st), 0);
    while (sm_handover_journal_sequence(j) + left <
           (uint64_t)st.st_size / SM_HANDOVER_BLOCK_LEN - 1)
        put(j, &m);
}

/* How a journal may be when the next record comes. */
enum { FRESH, FULL, SHORT, BROKEN, SITUATIONS };

static void make_situation(int situation)
{
    struct sm_handover_record m = migration(1, SM_HANDOVER_SENT);

    scratch_remove();
    ck_assert_int_eq(mkdir(scratch, 0700), 0);
    j = open_journal();
    put_state(j, 1, SM_HANDOVER_SENDING);
    if (situation == FULL)
        fill_until(0);
    if (situation == SHORT)
        fill_until(5);
    if (situation == BROKEN) {
        arm(1, 1);
        ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_IO);
        armed = 0;
    }
}

/* Each call of a put fails: nothing changes for the caller, and the next one
 * that succeeds decides. */
START_TEST(a_record_when_the_nth_call_fails)
{
    struct sm_handover_record m = migration(1, SM_HANDOVER_RELEASED);
    int situation = _i / 2, ever = _i % 2, at, rc, i;

    for (at = 1; ; at++) {
        make_situation(situation);
        arm(at, ever);
        rc = sm_handover_journal_put(j, &m);
        if (rc == 0) {
            armed = 0;
            sm_handover_journal_close(j);
            break;
        }
        ck_assert_int_eq(rc, SM_IO);
        ck_assert_int_eq(errno, EIO);
        holds(j, 1, SM_HANDOVER_SENDING);
        for (i = 0; ever && i < 3; i++)
            ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_IO);
        armed = 0;
        put_state(j, 2, SM_HANDOVER_LOADING);   /* another one decides */
        holds(j, 1, SM_HANDOVER_SENDING);
        sm_handover_journal_close(j);
        j = open_journal();
        holds(j, 1, SM_HANDOVER_SENDING);
        holds(j, 2, SM_HANDOVER_LOADING);
        put(j, &m);
        put_state(j, 2, SM_HANDOVER_READY);
        sm_handover_journal_close(j);
        j = open_journal();
        holds(j, 1, SM_HANDOVER_RELEASED);
        holds(j, 2, SM_HANDOVER_READY);
        sm_handover_journal_close(j);
    }
    /* write, sync; or: make, write, sync, rename, sync the directory */
    ck_assert_int_eq(at, situation == FULL || situation == BROKEN ? 6 : 3);
}
END_TEST

START_TEST(room_when_the_nth_call_fails)
{
    struct sm_handover_record m = migration(1, SM_HANDOVER_SENT);
    int situation = _i ? BROKEN : SHORT, at, rc;

    for (at = 1; ; at++) {
        make_situation(situation);
        arm(at, 0);
        rc = sm_handover_journal_reserve(j);
        armed = 0;
        if (rc)
            ck_assert_int_eq(rc, SM_IO);
        put(j, &m);                 /* what is under way goes on */
        sm_handover_journal_close(j);
        j = open_journal();
        holds(j, 1, SM_HANDOVER_SENT);
        ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
        put_state(j, 1, SM_HANDOVER_RELEASED);
        sm_handover_journal_close(j);
        j = open_journal();
        holds(j, 1, SM_HANDOVER_RELEASED);
        sm_handover_journal_close(j);
        if (rc == 0)
            break;
    }
    ck_assert_int_eq(at, 6);
}
END_TEST

START_TEST(opening_when_the_nth_call_fails)
{
    struct sm_handover_journal *other;
    int at, rc, fd;
    bool fresh = _i == 0, torn = _i == 2;

    for (at = 1; ; at++) {
        make_situation(FRESH);
        sm_handover_journal_close(j);
        if (fresh) {
            unlink(JOURNAL);
            unlink(WITNESS);
        }
        if (torn) {
            fd = open(JOURNAL, O_WRONLY);
            ck_assert_int_eq(syscall(SYS_pwrite64, fd, "torn", 4,
                                     2 * SM_HANDOVER_BLOCK_LEN), 4);
            close(fd);
        }
        arm(at, 0);
        rc = sm_handover_journal_open(JOURNAL, WITNESS, &other, why,
                                      sizeof(why));
        armed = 0;
        ck_assert(!rc == !why[0] && !rc == !!other);
        if (rc)
            ck_assert_int_eq(rc, SM_IO);
        sm_handover_journal_close(other);
        j = open_journal();
        if (!fresh)
            holds(j, 1, SM_HANDOVER_SENDING);
        sm_handover_journal_close(j);
        if (rc == 0)
            break;
    }
    ck_assert_int_gt(at, 4);
}
END_TEST

START_TEST(interrupted_and_short_writes_are_continued)
{
    make_situation(FULL);
    slow = 1;
    arm(0, 0);
    put_state(j, 1, SM_HANDOVER_SENT);
    put_state(j, 1, SM_HANDOVER_RELEASED);
    armed = 0;
    sm_handover_journal_close(j);
    j = open_journal();
    holds(j, 1, SM_HANDOVER_RELEASED);
    sm_handover_journal_close(j);
}
END_TEST

/* ---- a full disk ---- */

START_TEST(a_full_disk_stops_what_is_new_alone)
{
    struct sm_handover_record m = migration(1, SM_HANDOVER_RELEASED);
    struct statfs;
    char filler[4096];
    int fd, i;

    make_situation(FRESH);
    sm_handover_journal_close(j);
    if (unshare(CLONE_NEWNS) ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("journal", scratch, "tmpfs", 0, "size=700k")) {
        printf("skip - a full disk: cannot mount a small one: %s\n",
               strerror(errno));
        return;
    }
    j = open_journal();
    ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
    put_state(j, 1, SM_HANDOVER_SENDING);
    memset(filler, 'x', sizeof(filler));
    fd = open(scratch_path("filler"), O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    while (write(fd, filler, sizeof(filler)) > 0)
        ;
    ck_assert_int_eq(errno, ENOSPC);
    for (i = 0; i < 255; i++) {         /* to the last block */
        m.peer_sequence = (uint64_t)i;
        put(j, &m);
    }
    ck_assert_int_eq(sm_handover_journal_reserve(j), SM_IO);
    ck_assert_int_eq(errno, ENOSPC);
    m.state = SM_HANDOVER_DONE;
    ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_IO);
    ck_assert_int_eq(errno, ENOSPC);
    sm_handover_journal_close(j);
    /* A daemon that starts on a full disk has it all. */
    j = open_journal();
    ck_assert_int_eq(sm_handover_journal_at(j, 0)->state,
                     SM_HANDOVER_RELEASED);
    ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_IO);
    ck_assert_int_eq(unlink(scratch_path("filler")), 0);
    close(fd);
    put(j, &m);
    ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
    sm_handover_journal_close(j);
    j = open_journal();
    ck_assert_int_eq(sm_handover_journal_at(j, 0)->state, SM_HANDOVER_DONE);
    sm_handover_journal_close(j);
    ck_assert_int_eq(umount2(scratch, MNT_DETACH), 0);
}
END_TEST

/* ---- files that are not what they should be ---- */

static void nobody(void *ctx, const struct sm_handover_record *m)
{
    (void)m;
    ++*(int *)ctx;
}

static int read_it(void)
{
    int n = 0, rc = sm_handover_journal_read(JOURNAL, nobody, &n, why,
                                             sizeof(why));

    ck_assert(!rc == !why[0]);
    return rc ? rc : n;
}

static void unsafe(const char *text)
{
    does_not_open(SM_STATE, text);
    ck_assert_int_eq(read_it(), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, text));
}

START_TEST(an_unsafe_file_is_refused)
{
    make_situation(FRESH);
    sm_handover_journal_close(j);
    ck_assert_int_eq(read_it(), 1);
    ck_assert_int_eq(chmod(JOURNAL, 0640), 0);
    unsafe("readable by group or others");
    ck_assert_int_eq(chmod(JOURNAL, 0620), 0);
    unsafe("writable by group or others");
    ck_assert_int_eq(chmod(JOURNAL, 0600), 0);
    ck_assert_int_eq(link(JOURNAL, scratch_path("second")), 0);
    unsafe("has more than one name");
    ck_assert_int_eq(unlink(JOURNAL), 0);
    ck_assert_int_eq(symlink("second", JOURNAL), 0);
    does_not_open(SM_STATE, "not a regular file");
    ck_assert_int_eq(read_it(), SM_STATE);
    ck_assert_int_eq(unlink(JOURNAL), 0);
    ck_assert_int_eq(mkfifo(JOURNAL, 0600), 0);
    unsafe("not a regular file");
    ck_assert_int_eq(unlink(JOURNAL), 0);
    ck_assert_int_eq(mkdir(JOURNAL, 0700), 0);
    unsafe("not a regular file");
    ck_assert_int_eq(rmdir(JOURNAL), 0);
    ck_assert_int_eq(rename(scratch_path("second"), JOURNAL), 0);
    ck_assert_int_eq(chmod(scratch, 0777), 0);
    unsafe("its directory is writable by others");
    ck_assert_int_eq(chmod(scratch, 0700), 0);
    sm_handover_journal_close(open_journal());
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(JOURNAL, 12345, 0), 0);
        unsafe("owned by another user");
    } else {
        printf("skip - a journal of somebody else: not root\n");
    }
    scratch_write("journal", "", 0, 0600);
    ck_assert_int_eq(truncate(JOURNAL, SM_HANDOVER_FILE_MAX + 1), 0);
    does_not_open(SM_STATE, geteuid() ? "large" : "owned by another user");
}
END_TEST

START_TEST(names_that_are_too_long_are_refused)
{
    static char name[PATH_MAX + 10];
    struct sm_handover_journal *other;

    memset(name, 'x', sizeof(name) - 1);
    name[0] = '/';
    ck_assert_int_eq(sm_handover_journal_open(name, WITNESS, &other, why,
                                              sizeof(why)), SM_IO);
    ck_assert_int_eq(sm_handover_journal_open(JOURNAL, name, &other, why,
                                              sizeof(why)), SM_IO);
    name[260] = '\0';
    ck_assert_int_eq(sm_handover_journal_open(name, WITNESS, &other, why,
                                              sizeof(why)), SM_IO);
    ck_assert_int_eq(sm_handover_journal_open("/no/such/place", WITNESS,
                                              &other, why, sizeof(why)),
                     SM_IO);
}
END_TEST

/* ---- without a daemon ---- */

START_TEST(it_is_read_while_it_is_written)
{
    int i, n, status, rounds = 0;
    pid_t pid;

    ck_assert_int_eq(read_it(), SM_NO_DOMAIN);
    sm_handover_journal_close(open_journal());
    ck_assert_int_eq(read_it(), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        j = open_journal();
        for (i = 0; i < 1500; i++) {
            struct sm_handover_record m = closed((unsigned int)i,
                                                 SM_HANDOVER_DONE);

            if (sm_handover_journal_reserve(j) ||
                sm_handover_journal_put(j, &m))
                _exit(1);
        }
        _exit(0);
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        n = read_it();
        ck_assert_msg(n >= 0, "%d: %s", n, why);
        rounds++;
    }
    ck_assert_int_eq(status, 0);
    ck_assert_int_ge(read_it(), (int)SM_HANDOVER_KEPT_MAX);
    ck_assert_int_gt(rounds, 0);
}
END_TEST

/* The reader waits a moment: meanwhile the writer gets on. */
static uint8_t flip;
static int waits;

int nanosleep(const struct timespec *wait, struct timespec *left)
{
    uint8_t c;
    int fd;

    (void)wait;
    (void)left;
    if (++waits == 2 && flip) {
        fd = open(JOURNAL, O_RDWR);
        ck_assert_int_eq(pread(fd, &c, 1, 1030), 1);
        c ^= flip;
        ck_assert_int_eq(syscall(SYS_pwrite64, fd, &c, 1, 1030), 1);
        close(fd);
    }
    return 0;
}

START_TEST(what_is_written_just_then_is_read_again)
{
    make_situation(FRESH);
    sm_handover_journal_close(j);
    flip = 1;
    waits = 1;
    nanosleep(NULL, NULL);              /* half of a record */
    waits = 0;
    ck_assert_int_eq(read_it(), 1);
    ck_assert_int_eq(waits, 2);
}
END_TEST

static char kept[PATH_MAX];

static int reset_it(void)
{
    return sm_handover_journal_reset(JOURNAL, WITNESS, kept, sizeof(kept),
                                     why, sizeof(why));
}

START_TEST(a_damaged_one_is_put_aside)
{
    struct stat st;
    int fd, rc, i;
    uint8_t c;

    ck_assert_int_eq(reset_it(), SM_NO_DOMAIN);
    make_situation(FRESH);
    ck_assert_int_eq(reset_it(), SM_BUSY);
    ck_assert_ptr_nonnull(strstr(why, "in use by another process"));
    sm_handover_journal_close(j);
    fd = open(JOURNAL, O_RDWR);
    ck_assert_int_eq(pread(fd, &c, 1, 1030), 1);
    c ^= 1;
    ck_assert_int_eq(syscall(SYS_pwrite64, fd, &c, 1, 1030), 1);
    close(fd);
    does_not_open(SM_STATE, "damaged at byte 1024 (record 1): its check-sum "
                            "is wrong. Nothing was changed.");
    ck_assert_int_eq(read_it(), SM_STATE);
    /* Twice within a second, too. */
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(reset_it(), 0);
        ck_assert_str_eq(why, "");
        ck_assert_int_eq(strncmp(kept, JOURNAL, strlen(JOURNAL)), 0);
        ck_assert_int_eq(stat(kept, &st), 0);
        ck_assert_uint_eq(st.st_nlink, 1);
        if (i == 0) {
            fd = open(kept, O_RDONLY);
            ck_assert_int_eq(pread(fd, &c + 0, 1, 1030), 1);
            close(fd);
        }
    }
    j = open_journal();
    holds(j, 1, SM_HANDOVER_NONE);
    ck_assert_uint_eq(sm_handover_journal_sequence(j), 0);
    sm_handover_journal_close(j);
    /* One that is gone. */
    ck_assert_int_eq(unlink(JOURNAL), 0);
    does_not_open(SM_STATE, "it is gone");
    ck_assert_int_eq(reset_it(), 0);
    ck_assert_str_eq(kept, "");
    sm_handover_journal_close(open_journal());
    ck_assert_int_eq(unlink(JOURNAL), 0);
    ck_assert_int_eq(mkdir(JOURNAL, 0700), 0);
    rc = reset_it();
    ck_assert_int_eq(rc, SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "not a regular file"));
}
END_TEST

START_TEST(putting_aside_when_the_nth_call_fails)
{
    int at, rc;

    for (at = 1; ; at++) {
        make_situation(FRESH);
        sm_handover_journal_close(j);
        arm(at, 0);
        rc = reset_it();
        armed = 0;
        if (rc == 0)
            break;
        ck_assert_int_eq(rc, SM_IO);
        ck_assert_ptr_nonnull(strstr(why, strerror(EIO)));
        /* The old one is not opened as if nothing had been, nor is a new one
         * that may be gone after a crash; the second time it is done. */
        if (at > 2)
            does_not_open(SM_STATE, "");
        ck_assert_int_eq(reset_it(), 0);
        j = open_journal();
        holds(j, 1, SM_HANDOVER_NONE);
        sm_handover_journal_close(j);
    }
    ck_assert_int_eq(at, 8);    /* open, link, and the five of a new file */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_faults");
    TCase *calls_case = tcase_create("calls");
    TCase *files = tcase_create("files");
    TCase *offline = tcase_create("offline");

    tcase_add_checked_fixture(calls_case, scratch_in_memory, scratch_remove);
    tcase_set_timeout(calls_case, 60);
    tcase_add_loop_test(calls_case, a_record_when_the_nth_call_fails, 0,
                        2 * SITUATIONS);
    tcase_add_loop_test(calls_case, room_when_the_nth_call_fails, 0, 2);
    tcase_add_loop_test(calls_case, opening_when_the_nth_call_fails, 0, 3);
    tcase_add_test(calls_case, interrupted_and_short_writes_are_continued);
    suite_add_tcase(suite, calls_case);

    tcase_add_checked_fixture(files, scratch_in_memory, scratch_remove);
    tcase_set_timeout(files, 60);
    tcase_add_test(files, a_full_disk_stops_what_is_new_alone);
    tcase_add_test(files, an_unsafe_file_is_refused);
    tcase_add_test(files, names_that_are_too_long_are_refused);
    suite_add_tcase(suite, files);

    tcase_add_checked_fixture(offline, scratch_in_memory, scratch_remove);
    tcase_set_timeout(offline, 60);
    tcase_add_test(offline, it_is_read_while_it_is_written);
    tcase_add_test(offline, what_is_written_just_then_is_read_again);
    tcase_add_test(offline, a_damaged_one_is_put_aside);
    tcase_add_test(offline, putting_aside_when_the_nth_call_fails);
    suite_add_tcase(suite, offline);
    return scratch_run(suite);
}
