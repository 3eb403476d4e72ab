/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of base/secret.h's contract. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/secret.h"
#include "scratch.h"

#define NOBODY 65534

/* ---- what happens to memory when it is given back ---- */

static const uint8_t *watched;
static size_t watched_len;
static int seen_wiped = -1;

/* Instead of the C library's, for libsodium too: the last moment at which
 * the memory can be looked at. */
int munmap(void *addr, size_t len)
{
    const uint8_t *start = addr;
    size_t i;

    if (watched && watched >= start && watched < start + len) {
        seen_wiped = 1;
        for (i = 0; i < watched_len; i++)
            if (watched[i])
                seen_wiped = 0;
    }
    return (int)syscall(SYS_munmap, addr, len);
}

/* ---- helpers ---- */

static void setup(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
}

static uint8_t *new_secret(size_t len)
{
    void *p = NULL;

    ck_assert_int_eq(sm_secret_new(&p, len), 0);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* Whether the kernel gives the mapping around `p` this flag (proc(5),
 * VmFlags). */
static int has_flag(const void *p, const char *flag)
{
    FILE *f = fopen("/proc/self/smaps", "r");
    unsigned long start, end, at = (unsigned long)p;
    char line[512];
    int inside = 0, found = 0;

    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            inside = at >= start && at < end;
        else if (inside && !strncmp(line, "VmFlags:", 8))
            found = strstr(line, flag) != NULL;
    }
    fclose(f);
    return found;
}

/* The signal that ends a process which reads or writes the byte at `p`. */
static int signal_of(volatile uint8_t *p, int writes)
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        if (writes)
            *p = 1;
        else
            (void)*p;
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* ---- the process ---- */

START_TEST(init_turns_core_dumps_and_ptrace_off)
{
    struct rlimit core;

    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &core), 0);
    ck_assert_uint_eq(core.rlim_cur, 0);
    ck_assert_uint_eq(core.rlim_max, 0);
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    ck_assert_int_eq(sm_secret_init(), 0);      /* again: no harm */
}
END_TEST

/* ---- memory ---- */

START_TEST(new_memory_is_zeroed_and_writable)
{
    static const size_t sizes[] = { 1, 16, 32, 4095, 4096, 4097, 100000 };
    size_t i, k;
    uint8_t *p;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        p = new_secret(sizes[i]);
        for (k = 0; k < sizes[i]; k++)
            ck_assert_uint_eq(p[k], 0);
        memset(p, 0xaa, sizes[i]);
        sm_secret_free(p);
    }
}
END_TEST

START_TEST(memory_is_locked_and_not_dumped)
{
    uint8_t *p = new_secret(SM_SECRET_KEY_LEN);

    ck_assert(has_flag(p, " lo"));
    ck_assert(has_flag(p, " dd"));
    sm_secret_free(p);
}
END_TEST

START_TEST(memory_lies_between_inaccessible_pages)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p = new_secret(page);

    ck_assert_int_eq(signal_of(p, 1), 0);
    ck_assert_int_eq(signal_of(p + page - 1, 1), 0);
    ck_assert_int_eq(signal_of(p + page, 1), SIGSEGV);
    ck_assert_int_eq(signal_of(p + page, 0), SIGSEGV);
    /* libsodium's canary lies between the guard and the memory. */
    ck_assert_int_eq(signal_of(p - page - 1, 0), SIGSEGV);
    sm_secret_free(p);
}
END_TEST

START_TEST(one_byte_too_many_ends_the_process)
{
    uint8_t *p = new_secret(33);

    ck_assert_int_eq(signal_of(p + 32, 1), 0);
    ck_assert_int_eq(signal_of(p + 33, 1), SIGSEGV);
    sm_secret_free(p);
}
END_TEST

START_TEST(memory_is_wiped_when_freed)
{
    uint8_t *p = new_secret(100);

    memset(p, 0xaa, 100);
    watched = p;
    watched_len = 100;
    sm_secret_free(p);
    watched = NULL;
    ck_assert_int_eq(seen_wiped, 1);
}
END_TEST

START_TEST(freed_memory_is_gone)
{
    uint8_t *p = new_secret(32);

    sm_secret_free(p);
    ck_assert_int_eq(signal_of(p, 0), SIGSEGV);
}
END_TEST

START_TEST(free_takes_null)
{
    sm_secret_free(NULL);
}
END_TEST

START_TEST(memory_that_cannot_be_had_is_an_error)
{
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 65536,
                                    SIZE_MAX / 2 };
    size_t i;
    void *p;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        p = &i;
        ck_assert_int_eq(sm_secret_new(&p, sizes[i]), SM_NO_MEMORY);
        ck_assert_ptr_null(p);
    }
}
END_TEST

/* An exit code: 0 when the contract held. */
static int without_lock(rlim_t bytes)
{
    struct rlimit limit = { bytes, bytes };
    void *p = &limit;

    /* Root's capability would lock beyond any limit. */
    if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) ||
                           setresuid(NOBODY, NOBODY, NOBODY)))
        return 100;
    if (setrlimit(RLIMIT_MEMLOCK, &limit))
        return 101;
    if (sm_secret_new(&p, 100000) != SM_NO_MEMORY || p)
        return 1;
    return 0;
}

START_TEST(a_lock_that_fails_is_an_error)
{
    static const rlim_t limits[] = { 0, 4096 };
    int status;
    size_t i;
    pid_t pid;

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
            _exit(without_lock(limits[i]));
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
    }
}
END_TEST

/* ---- wiping, comparing ---- */

START_TEST(wipe_clears_exactly_those_bytes)
{
    uint8_t bytes[10];
    size_t i;

    memset(bytes, 0xaa, sizeof(bytes));
    sm_secret_wipe(bytes + 2, 5);
    for (i = 0; i < sizeof(bytes); i++)
        ck_assert_uint_eq(bytes[i], i >= 2 && i < 7 ? 0 : 0xaa);
    sm_secret_wipe(bytes, 0);
    ck_assert_uint_eq(bytes[0], 0xaa);
}
END_TEST

START_TEST(every_single_bit_makes_a_difference)
{
    uint8_t a[SM_SECRET_KEY_LEN], b[SM_SECRET_KEY_LEN];
    size_t bit;

    for (bit = 0; bit < sizeof(a); bit++)
        a[bit] = b[bit] = (uint8_t)(bit * 37);
    ck_assert_int_eq(sm_secret_equal(a, b, sizeof(a)), 1);
    for (bit = 0; bit < 8 * sizeof(a); bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_eq(sm_secret_equal(a, b, sizeof(a)), 0);
        ck_assert_int_eq(sm_secret_equal(a, b, bit / 8), 1);
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(sm_secret_equal(a, b, 0), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("secret");
    TCase *c = tcase_create("secret");

    tcase_add_checked_fixture(c, setup, NULL);
    tcase_add_test(c, init_turns_core_dumps_and_ptrace_off);
    tcase_add_test(c, new_memory_is_zeroed_and_writable);
    if (SCRATCH_NO_MLOCK) {
        printf("skip - locking: no mlock(2) under AddressSanitizer\n");
    } else {
        tcase_add_test(c, memory_is_locked_and_not_dumped);
        tcase_add_test(c, a_lock_that_fails_is_an_error);
    }
    tcase_add_test(c, memory_lies_between_inaccessible_pages);
    tcase_add_test(c, one_byte_too_many_ends_the_process);
    tcase_add_test(c, memory_is_wiped_when_freed);
    tcase_add_test(c, freed_memory_is_gone);
    tcase_add_test(c, free_takes_null);
    tcase_add_test(c, memory_that_cannot_be_had_is_an_error);
    tcase_add_test(c, wipe_clears_exactly_those_bytes);
    tcase_add_test(c, every_single_bit_makes_a_difference);
    suite_add_tcase(suite, c);
    return scratch_run(suite);
}
