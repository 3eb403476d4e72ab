/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quotes while other programs use the TPM, and of TPMs that cannot.
 */
#include "scratch.h"
#include "swtpm.h"
#include "attest.h"
#include "tpm_relay.h"

#define TIMEOUT 2000    /* ms */

static struct relay relay;

static void begin(void)
{
    attest_make();
    relay_start(&relay, &host);
}

static void end(void)
{
    relay_stop(&relay);
    attest_remove();
}

/* Quote through the relay, which breaks the command `only`. */
static int quote(enum relay_fault fault, uint32_t code, uint32_t only,
                 int times)
{
    uint8_t extra[SM_ATTEST_EXTRA_LEN], out[SM_ATTEST_QUOTE_MAX];
    struct sm_tpm *tpm = NULL;
    size_t len = 1;
    int rc;

    ck_assert_int_eq(sm_attest_extra(&claims, extra), 0);
    ck_assert_msg(!sm_tpm_open(relay.tcti, TIMEOUT, &tpm, why, sizeof(why)),
                  "%s", why);
    relay.s->faults = 0;
    relay.s->only = only;
    relay_fault(&relay, fault, code, times);
    rc = sm_tpm_quote(tpm, &ak, extra, out, sizeof(out), &len, why,
                      sizeof(why));
    relay.s->fault = RELAY_NONE;
    sm_tpm_close(tpm);
    if (!rc)
        ck_assert_int_eq(sm_attest_evidence(&claims, out, len, evidence,
                                            sizeof(evidence), &evidence_len),
                         0);
    else
        ck_assert_uint_eq(len, 0);
    return rc;
}

static void goes_again(void)
{
    ck_assert_msg(!quote(RELAY_NONE, 0, 0, 0), "%s", why);
    accepted();
}

START_TEST(pcrs_that_move_meanwhile_are_quoted_again)
{
    static const uint8_t zero[32];

    ck_assert_msg(!quote(RELAY_EXTEND, 0, TPM2_CC_Quote,
                         SM_TPM_QUOTE_TRIES - 1), "%s", why);
    ck_assert_int_eq(relay.s->faults, SM_TPM_QUOTE_TRIES - 1);
    accepted();
    ck_assert_mem_ne(attested.pcr[16], zero, 32);
}
END_TEST

START_TEST(pcrs_that_never_hold_still)
{
    ck_assert_int_eq(quote(RELAY_EXTEND, 0, TPM2_CC_Quote, 0), SM_BUSY);
    ck_assert_int_eq(relay.s->faults, SM_TPM_QUOTE_TRIES);
    ck_assert_ptr_nonnull(strstr(why, "extended while they were quoted"));
    goes_again();
}
END_TEST

START_TEST(a_busy_tpm_is_waited_for)
{
    ck_assert_msg(!quote(RELAY_CODE, TPM2_RC_RETRY, TPM2_CC_Quote, 2), "%s",
                  why);
    ck_assert_int_eq(relay.s->faults, 2);
    accepted();
}
END_TEST

START_TEST(no_room)
{
    ck_assert_int_eq(quote(RELAY_CODE, TPM2_RC_OBJECT_MEMORY, TPM2_CC_Load,
                           0), SM_BUSY);
    ck_assert_ptr_nonnull(strstr(why, "no room"));
    goes_again();
    ck_assert_int_eq(quote(RELAY_CODE, TPM2_RC_SESSION_HANDLES,
                           TPM2_CC_StartAuthSession, 0), SM_BUSY);
    ck_assert_ptr_nonnull(strstr(why, "no room"));
    goes_again();
}
END_TEST

/* Whatever breaks, a quote is never half a quote. */
START_TEST(a_tpm_that_breaks_off)
{
    static const uint32_t commands[] = {
        TPM2_CC_StartAuthSession, TPM2_CC_PolicySecret, TPM2_CC_Load,
        TPM2_CC_PCR_Read, TPM2_CC_Quote,
    };
    static const struct {
        int fault, rc;
    } faults[] = {
        { RELAY_CUT, SM_IO }, { RELAY_CUT_AFTER, SM_IO },
        { RELAY_SILENT, SM_TIMEOUT }, { RELAY_NOISE, 0 },
    };
    size_t i;
    int rc;

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        rc = quote(faults[_i].fault, 0, commands[i], 1);
        ck_assert_int_ge(relay.s->faults, 1);
        ck_assert_msg(rc && (!faults[_i].rc || rc == faults[_i].rc),
                      "%zu: %d: %s", i, rc, why);
        ck_assert_str_ne(why, "");
        /* What was loaded stays: no resource manager is in between. */
        swtpm_reset(&host);
        goes_again();
    }
}
END_TEST

/* It is not the business of the key, which has no password. */
START_TEST(a_lockout_does_not_matter)
{
    struct sm_tpm *tpm = connected(&host);

    ck_assert_uint_eq(Esys_DictionaryAttackParameters(sm_tpm_esys(tpm),
                          ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                          ESYS_TR_NONE, 0, 1000, 1000), 0);
    sm_tpm_close(tpm);
    prove();
    accepted();
}
END_TEST

START_TEST(without_a_bank)
{
    uint8_t extra[SM_ATTEST_EXTRA_LEN] = { 0 }, out[SM_ATTEST_QUOTE_MAX];
    TPML_PCR_SELECTION banks = { .count = 2, .pcrSelections = {
        { .hash = TPM2_ALG_SHA256, .sizeofSelect = 3 },
        { .hash = TPM2_ALG_SHA384, .sizeofSelect = 3,
          .pcrSelect = { 0xff, 0xff, 0xff } },
    } };
    struct sm_tpm *tpm = connected(&host);
    UINT32 most, needed, free_bytes;
    TPMI_YES_NO done;
    size_t len;

    ck_assert_uint_eq(Esys_PCR_Allocate(sm_tpm_esys(tpm),
                                        ESYS_TR_RH_PLATFORM,
                                        ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                        ESYS_TR_NONE, &banks, &done, &most,
                                        &needed, &free_bytes), 0);
    ck_assert_int_eq(done, TPM2_YES);
    sm_tpm_close(tpm);
    swtpm_reset(&host);
    tpm = connected(&host);
    ck_assert_int_eq(sm_tpm_quote(tpm, &ak, extra, out, sizeof(out), &len,
                                  why, sizeof(why)), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "SHA-256"));
    sm_tpm_close(tpm);
}
END_TEST

START_TEST(an_endorsement_hierarchy_with_a_password)
{
    TPM2B_AUTH password = { .size = 4, .buffer = "1234" };
    uint8_t extra[SM_ATTEST_EXTRA_LEN] = { 0 }, out[SM_ATTEST_QUOTE_MAX];
    struct sm_tpm *tpm = connected(&host);
    size_t len;

    ck_assert_uint_eq(Esys_HierarchyChangeAuth(sm_tpm_esys(tpm),
                          ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
                          ESYS_TR_NONE, ESYS_TR_NONE, &password), 0);
    sm_tpm_close(tpm);
    tpm = connected(&host);
    ck_assert_int_eq(sm_tpm_quote(tpm, &ak, extra, out, sizeof(out), &len,
                                  why, sizeof(why)), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "hierarchy has a password"));
    sm_tpm_close(tpm);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quote");
    TCase *tc = tcase_create("swtpm");

    if (!swtpm_there())
        return 77;
    tcase_add_checked_fixture(tc, begin, end);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, pcrs_that_move_meanwhile_are_quoted_again);
    tcase_add_test(tc, pcrs_that_never_hold_still);
    tcase_add_test(tc, a_busy_tpm_is_waited_for);
    tcase_add_test(tc, no_room);
    tcase_add_loop_test(tc, a_tpm_that_breaks_off, 0, 4);
    tcase_add_test(tc, a_lockout_does_not_matter);
    tcase_add_test(tc, without_a_bank);
    tcase_add_test(tc, an_endorsement_hierarchy_with_a_password);
    suite_add_tcase(suite, tc);
    return scratch_run(suite);
}
