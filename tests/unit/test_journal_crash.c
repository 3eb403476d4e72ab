/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal when the power goes.  Every call that changes a file is taken
 * over from the C library (the linker prefers this program's definitions) and
 * modelled: which sectors may be on the disk in which version, which file may
 * have the name.  After every call, and after every byte of a write, all that
 * the disk may hold then is opened: it is the state before the record that is
 * being written, or after it; never an error, never another.
 *
 *   sectors  512 bytes; written in any order until they are synced
 *   a sync that fails leaves each sector as it was or as it should be; another
 *            sync does not change that, only another write does
 *   names    a rename is done or not until the directory is synced
 */
#include <stdarg.h>
#include <sys/syscall.h>

#include "journal.h"

#define SECTOR 512
#define VERSIONS 4
#define INODES 128
#define FREE_MAX 6          /* sectors in doubt that are all combined */
#define SAMPLES 40          /* beyond that, so many at random */

struct inode {
    uint8_t *now;                       /* as programs see it */
    size_t len;
    struct sector {
        uint8_t may[VERSIONS][SECTOR];  /* what the disk may hold */
        unsigned int n;
        bool dirty;                     /* the next sync writes it */
    } *sectors;
};

static struct inode inodes[INODES];
static unsigned int n_inodes;
static struct inode *of_fd[64];
static int dir_fd = -1;
static struct inode *fresh, *named;     /* "journal.new" and "journal" now */
static struct inode *may_be_named[8];   /* on the disk; NULL: none */
static unsigned int n_names = 1;

static bool watched;                    /* calls are modelled */
static unsigned int images, opened, torn_bytes, fails;
static int fail_in;                     /* the nth call from now fails */
static bool cut;                        /* … the rest of a write, too */
static unsigned int byte_steps = 1;     /* after how many bytes power goes */

/* As ck_assert_msg(), which writes to a file each time: too slow here. */
#define CHECK(holds_true, ...) \
    do { \
        if (!(holds_true)) \
            ck_abort_msg(__VA_ARGS__); \
    } while (0)

/* ---- what is allowed ---- */

static struct sm_handover_record durable[400];
static size_t n_durable;
static uint64_t allowed[64];            /* sums of states; the first one is
                                         * what was acknowledged */
static size_t n_allowed;

static uint64_t sum_one(const struct sm_handover_record *m)
{
    struct sm_handover_record c = { 0 };
    uint64_t sum;

    /* Field by field: what is behind a text's end does not count. */
    memcpy(c.id, m->id, sizeof(c.id));
    c.state = m->state;
    c.flags = m->flags;
    c.peer_sequence = m->peer_sequence;
    c.code = m->code;
    strcpy(c.name, m->name);
    strcpy(c.why, m->why);
    crypto_shorthash((uint8_t *)&sum, (const uint8_t *)&c, sizeof(c),
                     (const uint8_t *)"0123456789abcdef");
    return sum;
}

/* Of all migrations but that with the id of `next`, and of `next`. */
static uint64_t sum_with(const struct sm_handover_record *next)
{
    uint64_t sum = next ? sum_one(next) : 0;
    size_t i;

    for (i = 0; i < n_durable; i++)
        if (!next || memcmp(durable[i].id, next->id, sizeof(next->id)))
            sum += sum_one(&durable[i]);
    return sum;
}

static uint64_t sum_of(const struct sm_handover_journal *j)
{
    const struct sm_handover_record *m;
    uint64_t sum = 0;
    size_t i;

    for (i = 0; (m = sm_handover_journal_at(j, i)); i++)
        sum += sum_one(m);
    return sum;
}

static void keep(const struct sm_handover_record *m)
{
    size_t i;

    for (i = 0; i < n_durable; i++)
        if (!memcmp(durable[i].id, m->id, sizeof(m->id)))
            break;
    n_durable += i == n_durable;
    ck_assert_uint_le(n_durable, sizeof(durable) / sizeof(durable[0]));
    durable[i] = *m;
}

/* ---- the power goes ---- */

static const char *last_call = "";

static bool is_allowed(uint64_t sum)
{
    size_t i;

    for (i = 0; i < n_allowed; i++)
        if (allowed[i] == sum)
            return true;
    return false;
}

static void make_file(const char *leaf, const void *data, size_t len)
{
    int fd = open(scratch_path(leaf), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len, "%s: %s", leaf,
          strerror(errno));
    close(fd);
}

/* The host is up again with this file, or with none. */
static void boot_with(const uint8_t *data, size_t len)
{
    struct sm_handover_record extra = migration(9999, SM_HANDOVER_LOADING);
    struct sm_handover_journal *j;
    bool was = watched;
    uint64_t sum;
    int rc;

    watched = false;
    images++;
    unlink(scratch_path("crash/journal"));
    unlink(scratch_path("crash/witness"));
    if (data)
        make_file("crash/journal", data, len);
    make_file("crash/journal.new", "half a file", 11);
    rc = sm_handover_journal_open(scratch_path("crash/journal"),
                                  scratch_path("crash/witness"), &j, why,
                                  sizeof(why));
    CHECK(rc == 0, "image %u, after %s: %d: %s", images, last_call,
                  rc, why);
    sum = sum_of(j);
    CHECK(is_allowed(sum), "image %u, after %s: neither the state "
                  "before nor after", images, last_call);
    /* Life goes on, sometimes looked at more closely. */
    if (++opened % 8 == 0) {
        rc = sm_handover_journal_put(j, &extra);
        CHECK(rc == 0, "image %u, after %s: put: %d", images, last_call, rc);
        sm_handover_journal_close(j);
        rc = sm_handover_journal_open(scratch_path("crash/journal"),
                                      scratch_path("crash/witness"), &j, why,
                                      sizeof(why));
        CHECK(rc == 0, "image %u, after %s, again: %s", images,
                      last_call, why);
        CHECK(sum_of(j) == sum + sum_one(&extra), "image %u, after %s: what "
              "was put is not there", images, last_call);
    }
    sm_handover_journal_close(j);
    watched = was;
}

/* As boot_with(), but only the reading of it: for every byte of a write. */
static void read_with(const uint8_t *data, size_t len)
{
    struct sm_handover_table t = { 0 };
    struct sm_handover_found found;
    uint64_t sum = 0;
    size_t i;
    int rc;

    images++;
    rc = sm_handover_image_read(data, len, &t, &found, why, sizeof(why));
    CHECK(rc == 0, "image %u, in %s: %s", images, last_call, why);
    for (i = 0; i < t.n; i++)
        sum += sum_one(&t.entries[i].record);
    CHECK(is_allowed(sum), "image %u, in %s", images, last_call);
    sm_handover_table_dispose(&t);
}

/* All that the disk may hold of this file, one after the other. */
static void each_image(const struct inode *f)
{
    size_t in_doubt[1100], n = 0, i, s;
    unsigned long long combos = 1, c, pick;
    uint8_t *data = malloc(f->len);

    CHECK(data, "out of memory");
    for (s = 0; s < f->len / SECTOR; s++) {
        memcpy(data + s * SECTOR, f->sectors[s].may[0], SECTOR);
        if (f->sectors[s].n > 1)
            in_doubt[n++] = s;
    }
    for (i = 0; i < n && i < FREE_MAX; i++)
        combos *= f->sectors[in_doubt[i]].n;
    if (n > FREE_MAX)
        combos = SAMPLES;
    for (c = 0; c < combos; c++) {
        pick = c;
        for (i = 0; i < n; i++) {
            struct sector *sector = &f->sectors[in_doubt[i]];

            memcpy(data + in_doubt[i] * SECTOR,
                   sector->may[n > FREE_MAX ?
                               (unsigned int)rand() % sector->n :
                               pick % sector->n], SECTOR);
            pick /= sector->n;
        }
        boot_with(data, f->len);
    }
    free(data);
}

static void power_fails(const char *call)
{
    unsigned int i;

    last_call = call;
    for (i = 0; i < n_names; i++) {
        if (may_be_named[i])
            each_image(may_be_named[i]);
        else
            boot_with(NULL, 0);
    }
}

/* ---- the calls ---- */

/* Whether this call is to fail. */
static bool faulty(void)
{
    if (!watched || !fail_in || --fail_in)
        return false;
    fails++;
    errno = EIO;
    return true;
}

static struct inode *file_of(int fd)
{
    return watched && fd >= 0 && fd < 64 ? of_fd[fd] : NULL;
}

int openat(int dir, const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list ap;
    int fd;

    if (flags & O_CREAT) {
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    if ((flags & O_CREAT) && faulty())
        return -1;
    fd = (int)syscall(SYS_openat, dir, path, flags, mode);
    if (!watched || fd < 0)
        return fd;
    ck_assert_int_lt(fd, 64);
    dir_fd = dir;
    if (flags & O_CREAT) {
        ck_assert_uint_lt(n_inodes, INODES);
        fresh = of_fd[fd] = &inodes[n_inodes++];
        power_fails("creating a file");
    } else if (!strcmp(path, "journal")) {
        of_fd[fd] = named;
    }
    return fd;
}

int close(int fd)
{
    if (watched && fd >= 0 && fd < 64)
        of_fd[fd] = NULL;
    return (int)syscall(SYS_close, fd);
}

/* A write of up to SECTOR bytes becomes a version of its sector. */
static void write_sector(struct inode *f, size_t s)
{
    struct sector *sector = &f->sectors[s];

    CHECK(sector->n < VERSIONS, "too many versions of a sector");
    if (!memcmp(sector->may[sector->n - 1], f->now + s * SECTOR, SECTOR) &&
        sector->n == 1) {
        sector->dirty = true;
        return;
    }
    memcpy(sector->may[sector->n++], f->now + s * SECTOR, SECTOR);
    sector->dirty = true;
}

/* What was there before is on the disk, for all that is known, but for what
 * `data` has brought up to some byte. */
static void tear(const struct inode *f, const uint8_t *data, size_t len,
                 size_t at)
{
    uint8_t *image;
    size_t n;

    if (f != may_be_named[0] || n_names != 1 || len > 4096)
        return;
    last_call = "a write";
    image = malloc(f->len);
    ck_assert_ptr_nonnull(image);
    memcpy(image, f->now, f->len);
    for (n = 1; n < len; n++) {
        image[at + n - 1] = data[n - 1];
        if (n % byte_steps == 0 || n % SECTOR < 2 || n % SECTOR > 510) {
            read_with(image, f->len);
            torn_bytes++;
        }
    }
    free(image);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    struct inode *f = file_of(fd);
    size_t s, end = (size_t)at + len;

    if (!f)
        return syscall(SYS_pwrite64, fd, data, len, at);
    if (cut) {
        cut = false;
        errno = EIO;
        return -1;
    }
    if (faulty()) {
        cut = true;
        len /= 2;
        end = (size_t)at + len;
    }
    if (end > f->len) {
        ck_assert_uint_eq(end % SECTOR, 0);
        f->now = reallocarray(f->now, end, 1);
        f->sectors = reallocarray(f->sectors, end / SECTOR,
                                  sizeof(*f->sectors));
        ck_assert(f->now && f->sectors);
        memset(f->now + f->len, 0, end - f->len);
        for (s = f->len / SECTOR; s < end / SECTOR; s++) {
            f->sectors[s].n = 1;
            f->sectors[s].dirty = false;
            memset(f->sectors[s].may[0], 0, SECTOR);
        }
        f->len = end;
    }
    tear(f, data, len, (size_t)at);
    memcpy(f->now + at, data, len);
    for (s = (size_t)at / SECTOR; s < (end + SECTOR - 1) / SECTOR; s++)
        write_sector(f, s);
    power_fails("a write");
    return syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t write(int fd, const void *data, size_t len)
{
    if (file_of(fd))            /* sm_file_create() begins at 0 and goes on */
        return pwrite(fd, data, len, of_fd[fd]->len ? (off_t)-1 : 0) ==
               (ssize_t)len ? (lseek(fd, (off_t)len, SEEK_SET), (ssize_t)len)
                            : -1;
    return syscall(SYS_write, fd, data, len);
}

static int sync_file(struct inode *f, bool fail)
{
    size_t s;

    for (s = 0; s < f->len / SECTOR; s++) {
        struct sector *sector = &f->sectors[s];

        if (sector->dirty && !fail) {
            memcpy(sector->may[0], f->now + s * SECTOR, SECTOR);
            sector->n = 1;
        }
        sector->dirty = false;
    }
    /* One that succeeds leaves what the write could have left. */
    if (fail) {
        power_fails("a sync that fails");
        errno = EIO;
    }
    return fail ? -1 : 0;
}

int fdatasync(int fd)
{
    return file_of(fd) ? sync_file(of_fd[fd], faulty()) : 0;
}

int fsync(int fd)
{
    struct stat st;
    bool fail;

    if (file_of(fd))
        return sync_file(of_fd[fd], faulty());
    if (!watched)
        return 0;
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert(S_ISDIR(st.st_mode));
    fail = faulty();
    if (!fail) {
        may_be_named[0] = named;
        n_names = 1;
    }
    power_fails("a sync of the directory");
    if (fail)
        errno = EIO;
    return fail ? -1 : 0;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
              unsigned int flags)
{
    if (faulty())
        return -1;
    if (watched) {
        ck_assert_str_eq(to, "journal");
        ck_assert_ptr_nonnull(fresh);
        named = fresh;
        fresh = NULL;
        ck_assert_uint_lt(n_names,
                          sizeof(may_be_named) / sizeof(may_be_named[0]));
        may_be_named[n_names++] = named;
    }
    if (watched)
        power_fails("a rename");
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return renameat2(from_dir, from, to_dir, to, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
    ck_assert(!watched || strcmp(path, "journal"));
    return (int)syscall(SYS_unlinkat, dir, path, flags);
}

/* ---- the scenarios ---- */

static struct sm_handover_journal *j;

static void setup(void)
{
    scratch_in_memory();
    ck_assert_int_ge(sodium_init(), 0);
    ck_assert_int_eq(mkdir(scratch_path("crash"), 0700), 0);
    srand(1);
    allowed[0] = sum_with(NULL);
    n_allowed = 1;
    watched = true;
}

static void teardown(void)
{
    watched = false;
    printf("# %u images of the disk, %u in the middle of a write, %u calls "
           "failed\n", images, torn_bytes, fails);
    scratch_remove();
}

/* Put it; returns whether that was acknowledged. */
static bool put_one(const struct sm_handover_record *m)
{
    int rc;

    ck_assert_uint_lt(n_allowed, sizeof(allowed) / sizeof(allowed[0]));
    allowed[n_allowed++] = sum_with(m);
    rc = sm_handover_journal_put(j, m);
    if (rc) {
        ck_assert_int_eq(rc, SM_IO);
        ck_assert_uint_eq(sum_of(j), allowed[0]);
        return false;
    }
    keep(m);
    allowed[0] = sum_with(NULL);
    n_allowed = 1;
    ck_assert_uint_eq(sum_of(j), allowed[0]);
    power_fails("a record");
    return true;
}

/* The `n`th record of a long life: six migrations at a time. */
static struct sm_handover_record record_at(unsigned int n)
{
    static const enum sm_handover_state a[] = {
        SM_HANDOVER_SENDING, SM_HANDOVER_SENT, SM_HANDOVER_RELEASED,
        SM_HANDOVER_DONE, SM_HANDOVER_DONE,
    }, b[] = {
        SM_HANDOVER_LOADING, SM_HANDOVER_READY, SM_HANDOVER_READY,
        SM_HANDOVER_ACCEPTED, SM_HANDOVER_ACCEPTED,
    };
    unsigned int group = n / 30, step = n % 30 / 6, guest = n % 6;
    struct sm_handover_record m =
        migration(group * 6 + guest, (guest % 2 ? a : b)[step]);

    m.peer_sequence = n;
    if (step == 4) {
        m.flags |= SM_HANDOVER_CLOSED;
        strcpy(m.why, "settled");
    }
    return m;
}

static void reopen(void)
{
    sm_handover_journal_close(j);
    j = open_journal();
    ck_assert(is_allowed(sum_of(j)));
}

START_TEST(a_long_life)
{
    struct sm_handover_record m;
    unsigned int n;

    byte_steps = 97;
    j = open_journal();
    for (n = 0; n < 420; n++) {
        m = record_at(n);
        if (n % 30 < 6)
            ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
        if (n % 120 == 30)
            byte_steps = 1;             /* every byte */
        ck_assert(put_one(&m));
        byte_steps = 97;
        if (n % 100 == 50)
            reopen();
    }
    ck_assert_uint_ge(n_inodes, 2);     /* it has been written anew */
    ck_assert_uint_eq(fails, 0);
    sm_handover_journal_close(j);
}
END_TEST

/* Whatever fails, once: the record may be found or not until the next one is
 * acknowledged, in this process or in another one. */
START_TEST(a_life_with_a_failure_at_every_call)
{
    bool again = _i & 1, restart = _i & 2;
    const struct sm_handover_record *found;
    struct sm_handover_record m;
    unsigned int n = 0, round, failures;

    byte_steps = 511;
    j = open_journal();
    /* A failure every few calls, or two; never more records than are kept. */
    for (round = 0; round < 70 && n < 1200; round++) {
        for (failures = 0; failures <= round % 2; failures++) {
            fail_in = (int)((round / 2 + 5 * failures) % 11) + 1;
            while (fail_in || cut) {
                if (n % 30 < 6)
                    (void)!sm_handover_journal_reserve(j);
                m = record_at(n++);
                if (!put_one(&m))
                    break;
            }
        }
        fail_in = 0;
        if (restart) {
            /* The daemon dies, not the host: it is read as programs see it,
             * from then on it is the truth. */
            sm_handover_journal_close(j);
            j = open_journal();
            ck_assert(is_allowed(sum_of(j)));
            n_durable = 0;
            while ((found = sm_handover_journal_at(j, n_durable)))
                keep(found);
            allowed[0] = sum_of(j);
            n_allowed = 1;
            power_fails("a restart");
        }
        if (again && sum_with(&m) != allowed[0])
            ck_assert(put_one(&m));
    }
    m = migration(777, SM_HANDOVER_LOADING);
    ck_assert(put_one(&m));
    reopen();
    ck_assert_uint_gt(fails, 20);
    sm_handover_journal_close(j);
}
END_TEST

/* A daemon that starts on what a power cut has left, and the power goes again
 * while it puts that right. */
START_TEST(a_second_power_cut_while_it_opens)
{
    static const struct {
        size_t first, second;   /* bytes of each sector that are there */
    } torn[] = {
        { 1, 0 }, { 511, 0 }, { 512, 0 }, { 512, 1 }, { 512, 511 },
        { 0, 512 }, { 511, 512 }, { 0, 0 },
    };
    struct sm_handover_record m = migration(1, SM_HANDOVER_READY);
    struct sm_handover_entry e = { .number = 2, .begun = 1, .record = m };
    uint8_t block[SM_HANDOVER_BLOCK_LEN];
    struct inode *f;
    size_t s;

    byte_steps = 511;
    j = open_journal();
    m = migration(1, SM_HANDOVER_LOADING);
    ck_assert(put_one(&m));
    ck_assert_int_eq(sm_handover_entry_encode(&e, sm_handover_journal_epoch(j),
                                              block), 0);
    sm_handover_journal_close(j);

    f = named;
    for (s = 0; s < 2; s++) {
        uint8_t *now = f->now + (2 * 2 + s) * SECTOR;
        size_t n = s ? torn[_i].second : torn[_i].first;

        memset(now, 0, SECTOR);
        memcpy(now, block + s * SECTOR, n);
        memcpy(f->sectors[2 * 2 + s].may[0], now, SECTOR);
    }
    watched = false;
    scratch_write("journal", f->now, f->len, 0600);
    ck_assert_int_eq(unlink(WITNESS), 0);
    watched = true;
    byte_steps = 1;
    j = open_journal();
    ck_assert_uint_eq(sum_of(j), allowed[0]);
    m = migration(2, SM_HANDOVER_SENDING);      /* another record there */
    ck_assert(put_one(&m));
    reopen();
    sm_handover_journal_close(j);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_crash");
    TCase *tcase = tcase_create("power");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_long_life);
    tcase_add_loop_test(tcase, a_life_with_a_failure_at_every_call, 0, 4);
    tcase_add_loop_test(tcase, a_second_power_cut_while_it_opens, 0, 8);
    suite_add_tcase(suite, tcase);
    return scratch_run(suite);
}
