/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection to a TPM, on a TPM: tpm/tpm.h's and tpm/esys.h's contract. */
#include <sys/resource.h>

#include "base/secret.h"
#include "scratch.h"
#include "swtpm.h"

static struct swtpm machine;
static struct sm_tpm *tpm;
static uint8_t pcr[SM_TPM_PCRS][SM_TPM_HASH_LEN];
static char why[1024];

static void prepare(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
    scratch_make();
    swtpm_start(&machine, "tpm");
}

static void finish(void)
{
    sm_tpm_close(tpm);
    swtpm_kill(&machine);
    scratch_remove();
}

static void open_it(void)
{
    ck_assert_msg(!sm_tpm_open(machine.tcti, 10000, &tpm, why, sizeof(why)),
                  "%s", why);
    ck_assert_str_eq(why, "");
}

static void close_it(void)
{
    sm_tpm_close(tpm);
    tpm = NULL;
}

/* ---- opening ---- */

START_TEST(it_opens_and_opens_again)
{
    open_it();
    close_it();
    open_it();
}
END_TEST

START_TEST(one_that_is_not_there_is_told)
{
    ck_assert_int_eq(sm_tpm_open("device:/dev/no-such-tpm", 1000, &tpm, why,
                                 sizeof(why)), SM_IO);
    ck_assert_ptr_null(tpm);
    ck_assert_ptr_nonnull(strstr(why, "/dev/no-such-tpm does not exist"));
    ck_assert_int_eq(sm_tpm_open("swtpm:path=/no/such", 1000, &tpm, why,
                                 sizeof(why)), SM_IO);
    ck_assert_ptr_nonnull(strstr(why, "swtpm:path=/no/such"));
    ck_assert_int_eq(sm_tpm_open("carrier-pigeon:1", 1000, &tpm, why,
                                 sizeof(why)), SM_CONFIG);
    ck_assert_ptr_nonnull(strstr(why, "carrier-pigeon"));
}
END_TEST

START_TEST(a_file_is_no_tpm)
{
    char tcti[600];

    scratch_write("file", "nothing", 7, 0600);
    snprintf(tcti, sizeof(tcti), "device:%s", scratch_path("file"));
    ck_assert_int_ne(sm_tpm_open(tcti, 1000, &tpm, why, sizeof(why)), 0);
    ck_assert_ptr_null(tpm);
    ck_assert(why[0]);
    ck_assert_int_ne(sm_tpm_open("device:/dev/null", 1000, &tpm, why,
                                 sizeof(why)), 0);
    ck_assert_ptr_null(tpm);
    ck_assert(why[0]);
}
END_TEST

/* ---- secrets ---- */

/* What is traced are secrets of sessions. */
START_TEST(nothing_is_traced)
{
    FILE *f = tmpfile();
    int was = dup(2);

    ck_assert(f && was >= 0);
    ck_assert_int_eq(setenv("TSS2_LOG", "all+trace", 1), 0);
    dup2(fileno(f), 2);
    open_it();
    close_it();
    dup2(was, 2);
    close(was);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    ck_assert_int_eq(ftell(f), 0);
    fclose(f);
}
END_TEST

static long locked_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[128];
    long n = -1;

    while (fgets(line, sizeof(line), f))
        sscanf(line, "VmLck: %ld", &n);
    fclose(f);
    return n;
}

/* More than any limit: what ESAPI allocates later is locked, too, and the
 * limit keeps nobody from allocating. */
START_TEST(no_page_is_swapped_out)
{
    struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
    size_t size = 32 << 20;
    long before;
    char *p;

#ifdef __SANITIZE_ADDRESS__
    printf("skip - no_page_is_swapped_out: sanitizers lock nothing\n");
    return;
#endif
    if (setrlimit(RLIMIT_MEMLOCK, &limit)) {
        open_it();
        ck_assert_int_eq(locked_kib(), 0);
        printf("skip - no_page_is_swapped_out: may not raise the limit\n");
        return;
    }
    limit.rlim_cur = 64 * 1024;
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    open_it();
    before = locked_kib();
    ck_assert_int_gt(before, 1024);
    p = malloc(size);
    ck_assert_ptr_nonnull(p);
    memset(p, 1, size);
    ck_assert_int_ge(locked_kib() - before, (long)(size / 1024));
    free(p);
}
END_TEST

/* ---- PCRs ---- */

START_TEST(pcrs_are_read_and_follow_what_is_measured)
{
    uint8_t before[SM_TPM_PCRS][SM_TPM_HASH_LEN];
    unsigned int i;

    open_it();
    ck_assert_int_eq(sm_tpm_pcr_read(tpm, before, why, sizeof(why)), 0);
    for (i = 0; i < SM_TPM_PCRS; i++)
        ck_assert_uint_eq(before[i][0], i >= 17 && i <= 22 ? 0xff : 0);
    close_it();
    swtpm_extend(&machine, 9, "a kernel");
    open_it();
    ck_assert_int_eq(sm_tpm_pcr_read(tpm, pcr, why, sizeof(why)), 0);
    for (i = 0; i < SM_TPM_PCRS; i++)
        ck_assert_int_eq(!memcmp(before[i], pcr[i], sizeof(pcr[i])), i != 9);
}
END_TEST

START_TEST(every_pcr_has_words)
{
    unsigned int i;

    for (i = 0; i < SM_TPM_PCRS; i++)
        ck_assert_uint_gt(strlen(sm_tpm_pcr_text(i)), 3);
    ck_assert_str_eq(sm_tpm_pcr_text(SM_TPM_PCRS), "no PCR");
}
END_TEST

/* ---- the storage key ---- */

START_TEST(the_storage_key_is_the_same_each_time)
{
    uint8_t first[SM_TPM_HASH_LEN], second[SM_TPM_HASH_LEN];
    ESYS_TR key;

    open_it();
    ck_assert_msg(!sm_tpm_storage_primary(tpm, NULL, &key, first, why,
                                          sizeof(why)), "%s", why);
    close_it();
    swtpm_reset(&machine);
    open_it();
    ck_assert_int_eq(sm_tpm_storage_primary(tpm, first, &key, second, why,
                                            sizeof(why)), 0);
    ck_assert_mem_eq(first, second, sizeof(first));
    first[0] ^= 1;
    ck_assert_int_eq(sm_tpm_storage_primary(tpm, first, &key, second, why,
                                            sizeof(why)), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "another TPM"));
}
END_TEST

START_TEST(a_salted_session_works)
{
    uint8_t name[SM_TPM_HASH_LEN];
    TPM2B_DIGEST *random = NULL;
    ESYS_TR key, session;

    open_it();
    ck_assert_int_eq(sm_tpm_storage_primary(tpm, NULL, &key, name, why,
                                            sizeof(why)), 0);
    ck_assert_msg(!sm_tpm_salted_session(tpm, key, TPM2_SE_HMAC, &session,
                                         why, sizeof(why)), "%s", why);
    ck_assert_uint_eq(Esys_GetRandom(sm_tpm_esys(tpm), session, ESYS_TR_NONE,
                                     ESYS_TR_NONE, 16, &random), 0);
    ck_assert_uint_eq(random->size, 16);
    Esys_Free(random);
    sm_tpm_flush(tpm, &session);
    ck_assert_uint_eq(session, ESYS_TR_NONE);
}
END_TEST

static Suite *make(void)
{
    Suite *suite = suite_create("tpm");
    TCase *tc = tcase_create("open");

    tcase_add_checked_fixture(tc, prepare, finish);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, it_opens_and_opens_again);
    tcase_add_test(tc, one_that_is_not_there_is_told);
    tcase_add_test(tc, a_file_is_no_tpm);
    tcase_add_test(tc, nothing_is_traced);
    tcase_add_test(tc, no_page_is_swapped_out);
    suite_add_tcase(suite, tc);

    tc = tcase_create("pcrs");
    tcase_add_checked_fixture(tc, prepare, finish);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, pcrs_are_read_and_follow_what_is_measured);
    tcase_add_test(tc, every_pcr_has_words);
    suite_add_tcase(suite, tc);

    tc = tcase_create("keys");
    tcase_add_checked_fixture(tc, prepare, finish);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_storage_key_is_the_same_each_time);
    tcase_add_test(tc, a_salted_session_works);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return swtpm_there() ? scratch_run(make()) : 77;
}
