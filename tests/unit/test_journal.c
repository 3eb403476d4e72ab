/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handover/journal.h as the daemon uses it: what is put is found again. */
#include <dirent.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "handover/witness.h"
#include "journal.h"

/* Nobody cuts the power here (test_journal_crash.c does), and ten thousand
 * records take their time on a slow disk: counted, not done. */
static int syncs;

int fsync(int fd)
{
    (void)fd;
    syncs++;
    return 0;
}

int fdatasync(int fd)
{
    return fsync(fd);
}

static int entries(void)
{
    DIR *dir = opendir(scratch);
    int n = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

static long file_size(void)
{
    struct stat st;

    ck_assert_int_eq(stat(JOURNAL, &st), 0);
    return (long)st.st_size;
}

static ino_t file_inode(void)
{
    struct stat st;

    ck_assert_int_eq(stat(JOURNAL, &st), 0);
    return st.st_ino;
}

static void reboot_host(void)
{
    ck_assert_int_eq(unlink(WITNESS), 0);
}

/* ---- what is put ---- */

START_TEST(a_new_journal_is_empty_private_and_has_room)
{
    struct sm_handover_journal *j = open_journal();
    struct stat st;

    ck_assert_ptr_null(sm_handover_journal_at(j, 0));
    ck_assert_uint_eq(sm_handover_journal_sequence(j), 0);
    ck_assert(!sodium_is_zero(sm_handover_journal_epoch(j),
                              SM_HANDOVER_EPOCH_LEN));
    holds(j, 1, SM_HANDOVER_NONE);
    ck_assert_int_eq(stat(JOURNAL, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(st.st_size % SM_HANDOVER_BLOCK_LEN, 0);
    /* Its blocks are there, not promised. */
    ck_assert_int_ge((long)st.st_blocks * 512, (long)st.st_size);
    ck_assert_int_eq(entries(), 2);
    sm_handover_journal_close(j);
    sm_handover_journal_close(NULL);
}
END_TEST

START_TEST(what_is_put_is_found_after_opening_again)
{
    struct sm_handover_journal *j = open_journal();
    uint8_t epoch[SM_HANDOVER_EPOCH_LEN];
    struct sm_handover_record m = closed(2, SM_HANDOVER_REFUSED);
    int i;

    memcpy(epoch, sm_handover_journal_epoch(j), sizeof(epoch));
    put_state(j, 1, SM_HANDOVER_SENDING);
    put(j, &m);
    put_state(j, 3, SM_HANDOVER_LOADING);
    put_state(j, 1, SM_HANDOVER_SENT);
    for (i = 0; i < 3; i++) {
        holds(j, 1, SM_HANDOVER_SENT);
        holds(j, 3, SM_HANDOVER_LOADING);
        ck_assert(same(sm_handover_journal_find(j, m.id), &m));
        ck_assert_uint_eq(count(j), 3);
        ck_assert_str_eq(sm_handover_journal_at(j, 0)->name, "guest1");
        ck_assert_str_eq(sm_handover_journal_at(j, 2)->name, "guest3");
        ck_assert_uint_eq(sm_handover_journal_sequence(j), 4);
        ck_assert_mem_eq(sm_handover_journal_epoch(j), epoch, sizeof(epoch));
        sm_handover_journal_close(j);
        if (i == 1)
            reboot_host();
        j = open_journal();
    }
    syncs = 0;
    put_state(j, 1, SM_HANDOVER_RELEASED);
    ck_assert_int_eq(syncs, 1);
    ck_assert_uint_eq(sm_handover_journal_sequence(j), 5);
    sm_handover_journal_close(j);
}
END_TEST

START_TEST(every_field_is_kept_at_its_limits)
{
    struct sm_handover_journal *j = open_journal();
    struct sm_handover_record m = migration(1, SM_HANDOVER_READY);

    m.flags = SM_HANDOVER_FLAGS;
    memset(m.name, 'n', SM_HANDOVER_NAME_MAX);
    memset(m.peer, 'p', SM_HANDOVER_PEER_MAX);
    memset(m.by, 'b', SM_HANDOVER_BY_MAX);
    memset(m.why, 'w', SM_HANDOVER_WHY_MAX);
    m.peer_sequence = m.holder_start = UINT64_MAX;
    m.domid = UINT32_MAX;
    m.holder = INT32_MIN;
    m.since = INT64_MIN;
    m.changed = INT64_MAX;
    m.code = UINT16_MAX;
    memset(m.boot, 255, sizeof(m.boot));
    put(j, &m);
    sm_handover_journal_close(j);
    j = open_journal();
    ck_assert(same(sm_handover_journal_at(j, 0), &m));
    sm_handover_journal_close(j);
}
END_TEST

START_TEST(a_text_that_is_none_does_not_stop_the_record)
{
    struct sm_handover_journal *j = open_journal();
    struct sm_handover_record m = migration(1, SM_HANDOVER_ABORTED);

    strcpy(m.why, "caf\xc3");           /* cut in a character */
    strcpy(m.by, "a\nb");
    put(j, &m);
    ck_assert_str_eq(sm_handover_journal_at(j, 0)->why, "caf?");
    sm_handover_journal_close(j);
    j = open_journal();
    ck_assert_str_eq(sm_handover_journal_at(j, 0)->why, "caf?");
    ck_assert_str_eq(sm_handover_journal_at(j, 0)->by, "a?b");
    strcpy(m.why, "caf\xc3\xa9");
    put(j, &m);
    ck_assert_str_eq(sm_handover_journal_at(j, 0)->why, "caf\xc3\xa9");
    sm_handover_journal_close(j);
}
END_TEST

START_TEST(what_cannot_be_is_not_written)
{
    struct sm_handover_journal *j = open_journal();
    struct sm_handover_record m;
    static const struct {
        enum sm_handover_state from, to;
    } never[] = {
        { SM_HANDOVER_ACCEPTED, SM_HANDOVER_REFUSED },
        { SM_HANDOVER_REFUSED, SM_HANDOVER_ACCEPTED },
        { SM_HANDOVER_ACCEPTED, SM_HANDOVER_READY },
        { SM_HANDOVER_READY, SM_HANDOVER_LOADING },
        { SM_HANDOVER_DONE, SM_HANDOVER_ABORTED },
        { SM_HANDOVER_ABORTED, SM_HANDOVER_DONE },
        { SM_HANDOVER_RELEASED, SM_HANDOVER_SENT },
        { SM_HANDOVER_SENDING, SM_HANDOVER_LOADING },
        { SM_HANDOVER_LOADING, SM_HANDOVER_ABORTED },
    };
    unsigned int i;

    for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        put_state(j, i, never[i].from);
        m = migration(i, never[i].to);
        ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_STATE);
        holds(j, i, never[i].from);
    }
    m = migration(0, SM_HANDOVER_ACCEPTED);
    m.uuid[0] ^= 1;                             /* another guest */
    ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_STATE);
    m = migration(99, SM_HANDOVER_NONE);
    ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_STATE);
    m.state = (enum sm_handover_state)20;
    ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_STATE);
    m = migration(99, SM_HANDOVER_SENDING);
    m.flags = SM_HANDOVER_FLAGS + 1;
    ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_STATE);
    m = migration(99, SM_HANDOVER_SENDING);
    strcpy(m.name, "a\nb");
    ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_STATE);
    memset(m.name, 'a', sizeof(m.name));        /* no NUL */
    ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_STATE);
    ck_assert_uint_eq(sm_handover_journal_sequence(j), i);
    put_state(j, 99, SM_HANDOVER_SENDING);
    sm_handover_journal_close(j);
    j = open_journal();
    ck_assert_uint_eq(count(j), i + 1);
    sm_handover_journal_close(j);
}
END_TEST

/* ---- room ---- */

static struct sm_handover_record fenced(void)
{
    struct sm_handover_record m = closed(5002, SM_HANDOVER_ACCEPTED);

    m.flags |= SM_HANDOVER_FENCED;
    return m;
}

static struct sm_handover_record unnamed(void)
{
    struct sm_handover_record m = closed(5003, SM_HANDOVER_ACCEPTED);

    m.flags |= SM_HANDOVER_UNNAMED;
    return m;
}

START_TEST(a_full_journal_is_written_anew_with_what_matters)
{
    struct sm_handover_journal *j = open_journal();
    uint64_t sequence = 0;
    struct sm_handover_record m;
    ino_t inode = file_inode();
    int files = 1;
    unsigned int n;
    char name[32];

    put_state(j, 5000, SM_HANDOVER_ACCEPTED);   /* is never closed */
    put_state(j, 5001, SM_HANDOVER_READY);
    m = fenced();
    put(j, &m);
    m = unnamed();
    put(j, &m);
    for (n = 0; n < 1000; n++) {
        ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
        put_state(j, n, SM_HANDOVER_SENDING);
        put_state(j, n, SM_HANDOVER_SENT);
        m = closed(n, n % 2 ? SM_HANDOVER_DONE : SM_HANDOVER_ABORTED);
        put(j, &m);
        ck_assert_uint_gt(sm_handover_journal_sequence(j), sequence);
        sequence = sm_handover_journal_sequence(j);
        files += file_inode() != inode;
        inode = file_inode();
        if (n % 100 == 0) {
            sm_handover_journal_close(j);
            j = open_journal();
            ck_assert_uint_eq(sm_handover_journal_sequence(j), sequence);
        }
    }
    ck_assert_int_gt(files, 3);
    ck_assert_int_le(file_size(), 1024 * 1024);
    ck_assert_int_eq(entries(), 2);
    holds(j, 5000, SM_HANDOVER_ACCEPTED);
    holds(j, 5001, SM_HANDOVER_READY);
    m = fenced();
    ck_assert(same(sm_handover_journal_find(j, m.id), &m));
    m = unnamed();
    ck_assert(same(sm_handover_journal_find(j, m.id), &m));
    ck_assert_uint_ge(count(j), 4 + SM_HANDOVER_KEPT_MAX);
    for (n = 0; n < 4; n++) {
        snprintf(name, sizeof(name), "guest%u", 5000 + n);
        ck_assert_str_eq(sm_handover_journal_at(j, n)->name, name);
    }
    for (n = 4; n + 1 < count(j); n++)
        ck_assert_int_lt(sm_handover_journal_at(j, n)->since,
                         sm_handover_journal_at(j, n + 1)->since);
    holds(j, 0, SM_HANDOVER_NONE);
    for (n = 1000 - SM_HANDOVER_KEPT_MAX; n < 1000; n++) {
        m = closed(n, n % 2 ? SM_HANDOVER_DONE : SM_HANDOVER_ABORTED);
        ck_assert(same(sm_handover_journal_find(j, m.id), &m));
    }
    sm_handover_journal_close(j);
}
END_TEST

/* More guests than the closed ones that are kept leave this host. */
START_TEST(what_has_left_of_late_is_kept)
{
    struct sm_handover_journal *j = open_journal();
    int64_t now = sm_clock_real();
    struct sm_handover_record m;
    unsigned int n;

    for (n = 0; n < 800; n++) {
        ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
        m = closed(n, n % 2 ? SM_HANDOVER_DONE : SM_HANDOVER_ABORTED);
        m.changed = now - (n < 20 ? 2 * 86400 : 3600);
        put(j, &m);
    }
    for (n = 20; n < 800; n++) {
        m = closed(n, SM_HANDOVER_DONE);
        if (n % 2)
            ck_assert_msg(sm_handover_journal_find(j, m.id) != NULL, "%u", n);
    }
    /* of the rest, the latest: those of two days ago are not among them */
    holds(j, 0, SM_HANDOVER_NONE);
    holds(j, 1, SM_HANDOVER_NONE);
    holds(j, 19, SM_HANDOVER_NONE);
    sm_handover_journal_close(j);
    j = open_journal();
    m = closed(21, SM_HANDOVER_DONE);
    ck_assert_ptr_nonnull(sm_handover_journal_find(j, m.id));
    sm_handover_journal_close(j);
}
END_TEST

/* What came back is kept no longer than that it came back: else a boot would
 * find that it had left, and nothing else. */
START_TEST(what_has_come_back_has_not_left)
{
    struct sm_handover_journal *j = open_journal();
    struct sm_handover_record m, back;
    unsigned int n, of_uuid;

    for (n = 0; n < 1800; n++) {
        ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
        m = closed(n, n < 300 ? SM_HANDOVER_DONE : n < 600 ?
                   SM_HANDOVER_ACCEPTED : SM_HANDOVER_REFUSED);
        of_uuid = n % 300;
        memset(m.uuid, 0, sizeof(m.uuid));
        memcpy(m.uuid, &of_uuid, sizeof(of_uuid));
        m.changed = sm_clock_real() - 3600;
        if (n >= 300 && n < 600 && n % 3 == 0)
            continue;           /* a third has not come back */
        put(j, &m);
    }
    for (n = 0; n < 300; n++) {
        m = closed(n, SM_HANDOVER_DONE);
        back = closed(n + 300, SM_HANDOVER_ACCEPTED);
        if (n % 3 == 0)
            ck_assert_msg(sm_handover_journal_find(j, m.id) != NULL, "%u", n);
        else
            ck_assert_msg(!sm_handover_journal_find(j, m.id) ||
                          sm_handover_journal_find(j, back.id), "%u", n);
    }
    sm_handover_journal_close(j);
}
END_TEST

/* A fence marks many at once, which are closed: they do not stay for that. */
START_TEST(closed_ones_that_were_fenced_are_kept_as_others)
{
    struct sm_handover_journal *j = open_journal();
    int64_t now = sm_clock_real();
    struct sm_handover_record m;
    unsigned int n, of_late = 0;

    for (n = 0; n < 1600; n++) {
        ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
        m = closed(n, n >= 600 ? SM_HANDOVER_ABORTED :
                   n % 2 ? SM_HANDOVER_DONE : SM_HANDOVER_REFUSED);
        m.changed = now - (n < 300 ? 2 * 86400 : 3600);
        put(j, &m);
        m.flags |= n < 600 ? SM_HANDOVER_FENCED : 0;
        put(j, &m);
    }
    for (n = 0; n < 600; n++) {
        m = closed(n, SM_HANDOVER_DONE);
        if (n < 300 || !(n % 2))
            ck_assert_msg(!sm_handover_journal_find(j, m.id), "%u", n);
        else
            of_late += sm_handover_journal_find(j, m.id) != NULL;
    }
    ck_assert_uint_eq(of_late, 150);
    sm_handover_journal_close(j);
}
END_TEST

START_TEST(what_was_reserved_is_there)
{
    struct sm_handover_journal *j = open_journal();
    struct sm_handover_record m;
    ino_t inode;
    unsigned int n, i;

    for (n = 0; n < 100; n++) {
        ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
        put_state(j, n, SM_HANDOVER_SENDING);
    }
    /* All of them go to their end without a new file. */
    inode = file_inode();
    for (i = 0; i < SM_HANDOVER_SHARE - 1; i++)
        for (n = 0; n < 100; n++) {
            m = migration(n, SM_HANDOVER_RELEASED);
            m.peer_sequence = i;
            put(j, &m);
        }
    ck_assert_uint_eq(file_inode(), inode);
    /* And then some. */
    for (i = 0; i < 2000; i++)
        put(j, &m);
    ck_assert_uint_ne(file_inode(), inode);
    ck_assert_uint_eq(count(j), 100);
    sm_handover_journal_close(j);
}
END_TEST

START_TEST(there_is_a_limit_of_open_ones)
{
    struct sm_handover_journal *j = open_journal();
    struct sm_handover_record m;
    unsigned int n;

    for (n = 0; n < SM_HANDOVER_OPEN_MAX; n++) {
        ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
        put_state(j, n, SM_HANDOVER_LOADING);
    }
    ck_assert_int_eq(sm_handover_journal_reserve(j), SM_BUSY);
    m = migration(n, SM_HANDOVER_LOADING);
    ck_assert_int_eq(sm_handover_journal_put(j, &m), SM_BUSY);
    holds(j, n, SM_HANDOVER_NONE);
    /* Those that are there go on, and a closed one takes no place. */
    put_state(j, 5, SM_HANDOVER_READY);
    m = closed(n, SM_HANDOVER_REFUSED);
    put(j, &m);
    m = closed(7, SM_HANDOVER_REFUSED);
    put(j, &m);
    ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
    put_state(j, n + 1, SM_HANDOVER_LOADING);
    sm_handover_journal_close(j);
    j = open_journal();
    ck_assert_uint_eq(count(j), SM_HANDOVER_OPEN_MAX + 2);
    ck_assert_int_eq(sm_handover_journal_reserve(j), SM_BUSY);
    sm_handover_journal_close(j);
}
END_TEST

/* ---- one at a time ---- */

START_TEST(a_second_one_finds_it_busy)
{
    struct sm_handover_journal *j = open_journal();
    struct sm_handover_record m = migration(1, SM_HANDOVER_SENDING);
    unsigned int i;

    does_not_open(SM_BUSY, "in use by another process");
    for (i = 0; i < 300; i++)           /* also once it is another file */
        put(j, &m);
    does_not_open(SM_BUSY, "in use by another process");
    sm_handover_journal_close(j);
    sm_handover_journal_close(open_journal());
}
END_TEST

START_TEST(the_lock_ends_with_the_process)
{
    int status, ready[2];
    char c;
    pid_t pid;

    ck_assert_int_eq(pipe(ready), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct sm_handover_journal *j = open_journal();

        put_state(j, 1, SM_HANDOVER_SENDING);
        (void)!write(ready[1], "x", 1);
        pause();
        _exit(0);
    }
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    does_not_open(SM_BUSY, "in use");
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    sm_handover_journal_close(open_journal());
}
END_TEST

/* ---- the witness ---- */

static void copy(const char *from, const char *to)
{
    static uint8_t data[1 << 21];
    int fd = open(from, O_RDONLY);
    ssize_t n;

    ck_assert_int_ge(fd, 0);
    n = read(fd, data, sizeof(data));
    ck_assert_int_gt(n, 0);
    close(fd);
    scratch_write(strrchr(to, '/') + 1, data, (size_t)n, 0600);
}

START_TEST(an_old_copy_is_noticed_within_a_boot)
{
    struct sm_handover_journal *j = open_journal();

    put_state(j, 1, SM_HANDOVER_LOADING);
    sm_handover_journal_close(j);
    copy(JOURNAL, scratch_path("copy"));
    copy(WITNESS, scratch_path("old-witness"));
    j = open_journal();
    put_state(j, 1, SM_HANDOVER_READY);
    sm_handover_journal_close(j);
    copy(scratch_path("copy"), JOURNAL);
    does_not_open(SM_STATE, "an old copy, it ends with record 1 instead of "
                            "2");
    ck_assert_ptr_nonnull(strstr(why, "secmig handover reset"));
    /* A witness that was not written is no reason. */
    copy(scratch_path("old-witness"), WITNESS);
    sm_handover_journal_close(open_journal());
    reboot_host();
    sm_handover_journal_close(open_journal());
}
END_TEST

START_TEST(another_journal_is_noticed_within_a_boot)
{
    sm_handover_journal_close(open_journal());
    ck_assert_int_eq(unlink(JOURNAL), 0);
    does_not_open(SM_STATE, "it is gone, and was there since this host was "
                            "booted");
    copy(WITNESS, scratch_path("old-witness"));
    reboot_host();
    sm_handover_journal_close(open_journal());
    copy(scratch_path("old-witness"), WITNESS);
    does_not_open(SM_STATE, "another journal than ");
}
END_TEST

START_TEST(a_witness_that_is_not_understood_stops_it)
{
    static const char *const bad[] = {
        "", "xen-secmig journal 1 ", "\n",
        "xen-secmig journal 1 00112233445566778899aabbccddeeff 1",
        "xen-secmig journal 1 00112233445566778899aabbccddeeff \n",
        "xen-secmig journal 1 00112233445566778899aabbccddeeff 01\n",
        "xen-secmig journal 1 00112233445566778899aabbccddeefg 1\n",
        "xen-secmig journal 1 00112233445566778899aabbccddeeff-1\n",
        "xen-secmig journal 2 00112233445566778899aabbccddeeff 1\n",
        "xen-secmig journal 1 00112233445566778899aabbccddeeff 1\n\n",
        "xen-secmig journal 1 00112233445566778899aabbccddeeff 9223372036854775808\n",
    };
    uint8_t epoch[SM_HANDOVER_EPOCH_LEN];
    uint64_t sequence;
    size_t i;

    sm_handover_journal_close(open_journal());
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        scratch_write("witness", bad[i], strlen(bad[i]), 0600);
        does_not_open(SM_STATE, "/witness: not understood");
        ck_assert_ptr_nonnull(strstr(why, "remove it"));
    }
    scratch_write("witness", "", 0, 0666);
    does_not_open(SM_STATE, "writable by group or others");
    ck_assert_int_eq(unlink(JOURNAL), 0);
    does_not_open(SM_STATE, "it tells whether ");
    ck_assert_int_eq(sm_handover_witness_read(scratch_path("none"), epoch,
                                              &sequence, why, sizeof(why)),
                     SM_NO_DOMAIN);
    memset(epoch, 0xee, sizeof(epoch));
    ck_assert_int_eq(sm_handover_witness_write(WITNESS, epoch, INT64_MAX), 0);
    memset(epoch, 0, sizeof(epoch));
    ck_assert_int_eq(sm_handover_witness_read(WITNESS, epoch, &sequence, why,
                                              sizeof(why)), 0);
    ck_assert_uint_eq(sequence, INT64_MAX);
    ck_assert_uint_eq(epoch[15], 0xee);
}
END_TEST

START_TEST(no_witness_is_no_error)
{
    struct sm_handover_journal *j;

    ck_assert_int_eq(mkdir(scratch_path("run"), 0700), 0);
    ck_assert_int_eq(sm_handover_journal_open(JOURNAL,
                                              scratch_path("run/witness"), &j,
                                              why, sizeof(why)), 0);
    ck_assert_int_eq(unlink(scratch_path("run/witness")), 0);
    ck_assert_int_eq(rmdir(scratch_path("run")), 0);
    put_state(j, 1, SM_HANDOVER_SENDING);
    ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
    sm_handover_journal_close(j);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *put_case = tcase_create("put");
    TCase *room = tcase_create("room");
    TCase *alone = tcase_create("alone");
    TCase *witness = tcase_create("witness");

    tcase_add_checked_fixture(put_case, scratch_in_memory, scratch_remove);
    tcase_set_timeout(put_case, 60);
    tcase_add_test(put_case, a_new_journal_is_empty_private_and_has_room);
    tcase_add_test(put_case, what_is_put_is_found_after_opening_again);
    tcase_add_test(put_case, every_field_is_kept_at_its_limits);
    tcase_add_test(put_case, a_text_that_is_none_does_not_stop_the_record);
    tcase_add_test(put_case, what_cannot_be_is_not_written);
    suite_add_tcase(suite, put_case);

    tcase_add_checked_fixture(room, scratch_in_memory, scratch_remove);
    tcase_set_timeout(room, 60);
    tcase_add_test(room, a_full_journal_is_written_anew_with_what_matters);
    tcase_add_test(room, what_has_left_of_late_is_kept);
    tcase_add_test(room, what_has_come_back_has_not_left);
    tcase_add_test(room, closed_ones_that_were_fenced_are_kept_as_others);
    tcase_add_test(room, what_was_reserved_is_there);
    tcase_add_test(room, there_is_a_limit_of_open_ones);
    suite_add_tcase(suite, room);

    tcase_add_checked_fixture(alone, scratch_in_memory, scratch_remove);
    tcase_set_timeout(alone, 60);
    tcase_add_test(alone, a_second_one_finds_it_busy);
    tcase_add_test(alone, the_lock_ends_with_the_process);
    suite_add_tcase(suite, alone);

    tcase_add_checked_fixture(witness, scratch_in_memory, scratch_remove);
    tcase_set_timeout(witness, 60);
    tcase_add_test(witness, an_old_copy_is_noticed_within_a_boot);
    tcase_add_test(witness, another_journal_is_noticed_within_a_boot);
    tcase_add_test(witness, a_witness_that_is_not_understood_stops_it);
    tcase_add_test(witness, no_witness_is_no_error);
    suite_add_tcase(suite, witness);
    return scratch_run(suite);
}
