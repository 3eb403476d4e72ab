/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is remembered of a host's TPM: boots, what is measured after them, and
 * states of it that should be gone.
 */
#include "scratch.h"
#include "swtpm.h"
#include "attest.h"

static struct sm_attest_seen seen;

/* Prove, and compare with what was remembered. */
static enum sm_attest_since look(void)
{
    enum sm_attest_since since;

    prove();
    accepted();
    since = sm_attest_compare(&attested, &seen, why, sizeof(why));
    ck_assert_int_eq(!why[0], since == SM_ATTEST_FIRST ||
                              since == SM_ATTEST_SAME);
    if (since != SM_ATTEST_BACK)
        sm_attest_remember(&attested, &seen);
    return since;
}

/* A boot counts when its TPM has answered. */
static void boot(void)
{
    swtpm_reset(&host);
    sm_tpm_close(connected(&host));
}

START_TEST(the_same_boot)
{
    ck_assert_int_eq(look(), SM_ATTEST_FIRST);
    ck_assert_int_eq(look(), SM_ATTEST_SAME);
    ck_assert_int_eq(look(), SM_ATTEST_SAME);
}
END_TEST

START_TEST(a_pcr_that_changes_after_boot)
{
    look();
    swtpm_extend(&host, 10, "a program");
    ck_assert_int_eq(look(), SM_ATTEST_MOVED);
    ck_assert_ptr_nonnull(strstr(why, "in the same boot"));
    ck_assert_int_eq(look(), SM_ATTEST_SAME);
}
END_TEST

START_TEST(a_reset_is_seen)
{
    look();
    ck_assert_uint_eq(attested.reset_count, 1);
    boot();
    ck_assert_int_eq(look(), SM_ATTEST_REBOOTED);
    ck_assert_uint_eq(attested.reset_count, 2);
    ck_assert_ptr_nonnull(strstr(why, "was 1 and is 2"));
    swtpm_extend(&host, 7, "other firmware");
    boot();
    boot();
    ck_assert_int_eq(look(), SM_ATTEST_REBOOTED);
    ck_assert_ptr_nonnull(strstr(why, "was 2 and is 4"));
}
END_TEST

/* Root can have any boot counted as a restart; it is one all the same. */
START_TEST(a_tpm_that_was_told_to_keep_its_state)
{
    uint32_t resets, restarts;
    struct sm_tpm *tpm;

    look();
    resets = attested.reset_count;
    restarts = attested.restart_count;
    tpm = connected(&host);
    ck_assert_uint_eq(Esys_Shutdown(sm_tpm_esys(tpm), ESYS_TR_NONE,
                                    ESYS_TR_NONE, ESYS_TR_NONE,
                                    TPM2_SU_STATE), 0);
    sm_tpm_close(tpm);
    boot();
    swtpm_extend(&host, 7, "other firmware");
    ck_assert_int_eq(look(), SM_ATTEST_REBOOTED);
    ck_assert_ptr_nonnull(strstr(why, "it was restarted"));
    ck_assert_uint_eq(attested.reset_count, resets);
    ck_assert_uint_eq(attested.restart_count, restarts + 1);
    ck_assert_int_eq(look(), SM_ATTEST_SAME);
}
END_TEST

static void copy(const char *from, const char *to)
{
    char line[512];

    snprintf(line, sizeof(line), "cp %s/%s %s/%s", host.dir, from, host.dir,
             to);
    ck_assert_int_eq(system(line), 0);
}

START_TEST(an_old_state_that_is_restored)
{
    int i;

    sm_tpm_close(connected(&host));
    swtpm_kill(&host);
    copy("tpm2-00.permall", "old");
    swtpm_on(&host);
    look();
    for (i = 0; i < 3; i++)
        boot();
    ck_assert_int_eq(look(), SM_ATTEST_REBOOTED);
    swtpm_kill(&host);
    copy("old", "tpm2-00.permall");
    swtpm_on(&host);
    ck_assert_int_eq(look(), SM_ATTEST_BACK);
    ck_assert_ptr_nonnull(strstr(why, "went back from 5 to 2"));
    /* Nothing of it was remembered. */
    ck_assert_int_eq(look(), SM_ATTEST_BACK);
    boot();
    ck_assert_int_eq(look(), SM_ATTEST_BACK);
}
END_TEST

/* With the endorsement hierarchy's proof, which TPM2_Clear changes, the
 * attestation key is lost: the host has to be enrolled anew. */
START_TEST(a_cleared_tpm)
{
    uint8_t extra[32] = { 0 }, quote[SM_ATTEST_QUOTE_MAX];
    struct sm_attestation_key again;
    struct sm_tpm *tpm;
    size_t len;

    boot();
    look();
    swtpm_clear(&host);
    tpm = connected(&host);
    ck_assert_int_eq(sm_tpm_quote(tpm, &ak, extra, quote, sizeof(quote), &len,
                                  why, sizeof(why)), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "was cleared"));
    ck_assert_int_eq(sm_attestation_key_make(tpm, &again, why, sizeof(why)),
                     0);
    sm_tpm_close(tpm);
    ak = again;
    prove();
    refused(SM_AUTH, SM_ATTEST_UNKNOWN_KEY, "names another one");
    ck_assert(sm_tpm_key_name(&ak.public_half.publicArea, ak_name));
    ck_assert_int_eq(look(), SM_ATTEST_FIRST);
}
END_TEST

/* ---- numbers that no TPM here would give ---- */

static enum sm_attest_since numbers(uint32_t resets, uint32_t restarts,
                                    uint64_t clock)
{
    struct sm_attested now;

    memset(&now, 0, sizeof(now));
    memcpy(now.ak, ak_name, sizeof(now.ak));
    now.reset_count = 7;
    now.restart_count = 3;
    now.clock = 1000000;
    sm_attest_remember(&now, &seen);
    now.reset_count = resets;
    now.restart_count = restarts;
    now.clock = clock;
    return sm_attest_compare(&now, &seen, why, sizeof(why));
}

START_TEST(clocks)
{
    ck_assert_int_eq(numbers(7, 3, 1000000), SM_ATTEST_SAME);
    /* Sessions side by side. */
    ck_assert_int_eq(numbers(7, 3, 1000000 - SM_ATTEST_CLOCK_SLACK),
                     SM_ATTEST_SAME);
    ck_assert_int_eq(numbers(7, 3, 1000000 - SM_ATTEST_CLOCK_SLACK - 1),
                     SM_ATTEST_BACK);
    ck_assert_ptr_nonnull(strstr(why, "clock went back"));
    /* Resumed from memory, or booted after it was told to keep its state. */
    ck_assert_int_eq(numbers(7, 4, 1000001), SM_ATTEST_REBOOTED);
    ck_assert_ptr_nonnull(strstr(why, "was 3 and is 4"));
    ck_assert_int_eq(numbers(7, 2, 1000001), SM_ATTEST_BACK);
    /* The clock is written now and then: a power cut sets it back. */
    ck_assert_int_eq(numbers(8, 0, 500000), SM_ATTEST_REBOOTED);
    ck_assert_int_eq(numbers(7, 4, 500000), SM_ATTEST_REBOOTED);
    ck_assert_int_eq(numbers(8, 0, 1000001), SM_ATTEST_REBOOTED);
    ck_assert_int_eq(numbers(6, 9, 2000000), SM_ATTEST_BACK);
    ck_assert_int_eq(numbers(UINT32_MAX, 0, UINT64_MAX), SM_ATTEST_REBOOTED);
}
END_TEST

START_TEST(another_key_was_never_seen)
{
    struct sm_attested now;

    memset(&now, 0, sizeof(now));
    now.ak[0] = 1;
    now.reset_count = 9;
    sm_attest_remember(&now, &seen);
    now.ak[0] = 2;
    now.reset_count = 1;
    ck_assert_int_eq(sm_attest_compare(&now, &seen, why, sizeof(why)),
                     SM_ATTEST_FIRST);
    memset(&seen, 0, sizeof(seen));
    ck_assert_int_eq(sm_attest_compare(&now, &seen, why, sizeof(why)),
                     SM_ATTEST_FIRST);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attest seen");
    TCase *tc = tcase_create("swtpm");

    if (!swtpm_there())
        return 77;
    tcase_add_checked_fixture(tc, attest_make, attest_remove);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, the_same_boot);
    tcase_add_test(tc, a_pcr_that_changes_after_boot);
    tcase_add_test(tc, a_reset_is_seen);
    tcase_add_test(tc, a_tpm_that_was_told_to_keep_its_state);
    tcase_add_test(tc, an_old_state_that_is_restored);
    tcase_add_test(tc, a_cleared_tpm);
    tcase_add_test(tc, clocks);
    tcase_add_test(tc, another_key_was_never_seen);
    suite_add_tcase(suite, tc);
    return scratch_run(suite);
}
