/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Planned updates: approvals, as the TPM sees them. */
#include "seal_tpm2.h"

static struct sm_update_key key;
static void *number;

static void begin(void)
{
    prepare();
    ck_assert_int_eq(sm_secret_new(&number, SM_UPDATE_SECRET_LEN), 0);
    ck_assert_int_eq(sm_update_key_make(number, &key), 0);
    ck_assert_int_eq(mkdir(scratch_path("approvals"), 0700), 0);
}

static void end(void)
{
    sm_secret_free(number);
    finish();
}

static struct sm_seal_source updatable(void)
{
    static char dir[512];
    struct sm_seal_source source = source_of(1u << 4 | 1u << 9);

    snprintf(dir, sizeof(dir), "%s", scratch_path("approvals"));
    source.update_key = &key;
    source.approvals_dir = dir;
    return source;
}

static void read_now(uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN])
{
    struct sm_tpm *tpm;

    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    ck_assert_int_eq(sm_tpm_pcr_read(tpm, pcr, why, sizeof(why)), 0);
    sm_tpm_close(tpm);
}

static void approve_with(const void *secret_number,
                         const struct sm_update_key *with, uint32_t pcrs,
                         uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN],
                         const char *leaf)
{
    char text[SM_APPROVAL_TEXT_MAX], path[64];
    struct sm_approval a;
    size_t len;

    ck_assert_int_eq(sm_approval_sign(secret_number, with, pcrs,
                                      (const uint8_t (*)[32])pcr, &a, why,
                                      sizeof(why)), 0);
    len = sm_approval_text(&a, text, sizeof(text));
    snprintf(path, sizeof(path), "approvals/%s", leaf);
    scratch_write(path, text, len, 0644);
}

/* What a planned update will measure: seen in a boot of it, then back. */
static void approve_update(const char *kernel, uint32_t pcrs)
{
    uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];

    swtpm_reset(&machine);
    swtpm_extend(&machine, 9, kernel);
    read_now(pcr);
    swtpm_reset(&machine);
    approve_with(number, &key, pcrs, pcr, kernel);
}

START_TEST(todays_values_need_no_approval)
{
    struct sm_seal_source source = updatable();
    struct sm_seal_info info;

    must_wrap(&source);
    must_unwrap(&source);
    ck_assert_int_eq(sm_seal_describe(object, object_len, &info, why,
                                      sizeof(why)), 0);
    ck_assert(info.updatable);
    ck_assert_mem_eq(&info.update_key, &key, sizeof(key));
}
END_TEST

START_TEST(an_approved_update_opens_and_the_old_state_still_does)
{
    struct sm_seal_source source = updatable();

    must_wrap(&source);
    approve_update("new kernel", 1u << 4 | 1u << 9);
    must_unwrap(&source);
    swtpm_extend(&machine, 9, "new kernel");
    must_unwrap(&source);
    /* Another update is not meant by it. */
    swtpm_reset(&machine);
    swtpm_extend(&machine, 9, "newer kernel");
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("PCR 9 (");
    ck_assert_why("no approval fits");
    ck_assert_why("secmig seal approve");
    ck_assert_ptr_null(strstr(why, "PCR 4"));
    approve_update("newer kernel", 1u << 9);
    swtpm_extend(&machine, 9, "newer kernel");
    must_unwrap(&source);
}
END_TEST

START_TEST(a_pin_is_not_waived)
{
    struct sm_seal_source source = updatable();

    scratch_write("pin", "2718281", 7, 0600);
    source.pin_file = scratch_path("pin");
    source.pin = true;
    must_wrap(&source);
    must_unwrap(&source);
    approve_update("new kernel", 1u << 9);
    swtpm_extend(&machine, 9, "new kernel");
    must_unwrap(&source);
    scratch_write("pin", "2718282", 7, 0600);
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("wrong PIN");
}
END_TEST

START_TEST(another_key_approves_nothing)
{
    struct sm_seal_source source = updatable();
    uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];
    uint8_t other_number[SM_UPDATE_SECRET_LEN];
    struct sm_update_key other;

    must_wrap(&source);
    ck_assert_int_eq(sm_update_key_make(other_number, &other), 0);
    swtpm_extend(&machine, 9, "new kernel");
    read_now(pcr);
    approve_with(other_number, &other, 1u << 9, pcr, "other");
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("no approval fits");
}
END_TEST

/* The TPM verifies the approval, not only our code: the object's update key
 * changed to one of the attacker's, for which an approval is there. */
START_TEST(the_key_in_the_file_is_not_what_counts)
{
    struct sm_seal_source source = updatable();
    uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];
    uint8_t other_number[SM_UPDATE_SECRET_LEN];
    struct sm_update_key other;
    uint8_t *at;

    must_wrap(&source);
    ck_assert_int_eq(sm_update_key_make(other_number, &other), 0);
    swtpm_extend(&machine, 9, "new kernel");
    read_now(pcr);
    approve_with(other_number, &other, 1u << 9, pcr, "other");
    at = memmem(object, object_len, key.x, sizeof(key.x));
    ck_assert_ptr_nonnull(at);
    memcpy(at, other.x, sizeof(other.x));
    memcpy(at + 32, other.y, sizeof(other.y));
    fix();
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("its policy is not met");
}
END_TEST

START_TEST(without_an_update_key_approvals_do_not_count)
{
    struct sm_seal_source source = updatable();

    source.update_key = NULL;
    must_wrap(&source);
    approve_update("new kernel", 1u << 9);
    swtpm_extend(&machine, 9, "new kernel");
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_ptr_null(strstr(why, "approve"));
}
END_TEST

START_TEST(an_update_key_wants_pcrs)
{
    struct sm_seal_source source = updatable();
    struct sm_seal *seal;

    source.pcrs = 0;
    ck_assert_int_eq(sm_seal_open_backend("tpm2", &source, &seal, why,
                                          sizeof(why)), SM_CONFIG);
    ck_assert_why("update key");
}
END_TEST

static Suite *make(void)
{
    Suite *suite = suite_create("seal_tpm2_update");
    TCase *tc = tcase_create("update");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, todays_values_need_no_approval);
    tcase_add_test(tc, an_approved_update_opens_and_the_old_state_still_does);
    tcase_add_test(tc, a_pin_is_not_waived);
    tcase_add_test(tc, another_key_approves_nothing);
    tcase_add_test(tc, the_key_in_the_file_is_not_what_counts);
    tcase_add_test(tc, without_an_update_key_approvals_do_not_count);
    tcase_add_test(tc, an_update_key_wants_pcrs);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return swtpm_there() ? scratch_run(make()) : 77;
}
