/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Without memory that can be locked there is no handshake and no record
 * layer: an error, never keys in memory that may be swapped. */
#include "noise_pair.h"
#include "scratch.h"

#include <sys/resource.h>
#include <unistd.h>

#include "channel/record.h"

/* In the child that Check makes for each case. */
static bool without_locked_memory(const char *name)
{
    struct rlimit none = { 0, 0 };

    if (SCRATCH_NO_MLOCK) {
        printf("skip - %.*s: AddressSanitizer takes mlock away\n",
               (int)strlen(name) - 3, name);
        fflush(stdout);
        return false;
    }
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    if (geteuid() == 0)         /* the limit does not bind root */
        ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
    return true;
}

START_TEST(a_handshake_needs_locked_memory)
{
    struct sm_noise_params p;
    struct sm_noise *n;
    struct keys k;

    make_keys(&k);
    p = params(&k, XX, 0);
    ck_assert_int_eq(sm_noise_new(&n, &p), 0);
    sm_noise_free(n);
    if (!without_locked_memory(__func__))
        return;
    ck_assert_int_eq(sm_noise_new(&n, &p), SM_NO_MEMORY);
    ck_assert_ptr_null(n);
}
END_TEST

START_TEST(records_need_locked_memory)
{
    static const uint8_t key[32] = { 1 };
    const struct sm_record_params p = {
        .suite = SM_SUITE_CHACHA20POLY1305, .tx_key = key, .rx_key = key,
        .hash = key, .hash_len = sizeof(key),
    };
    struct sm_record *rec;

    ck_assert_int_eq(sm_record_new(&rec, &p), 0);
    sm_record_free(rec);
    if (!without_locked_memory(__func__))
        return;
    ck_assert_int_eq(sm_record_new(&rec, &p), SM_NO_MEMORY);
    ck_assert_ptr_null(rec);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("channel without memory");
    TCase *t = tcase_create("memory");

    if (sm_secret_init())
        return EXIT_FAILURE;
    tcase_add_test(t, a_handshake_needs_locked_memory);
    tcase_add_test(t, records_need_locked_memory);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
