/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TPMs that somebody else has set up: an owner's password, a storage key that
 * is persistent, no SHA-256 bank.  What the messages tell to do is done, with
 * tpm2-tools.
 */
#include "seal_tpm2.h"

static bool have_tools(void)
{
    return !system("command -v tpm2_createprimary >/dev/null 2>&1");
}

/* Run a command of tpm2-tools. */
static void tool(const char *command)
{
    char line[2048];

    snprintf(line, sizeof(line), "cd %s && export TPM2TOOLS_TCTI=%s && (%s) "
             ">out 2>&1", scratch, machine.tcti, command);
    if (system(line)) {
        snprintf(line, sizeof(line), "cat %s/out", scratch);
        ck_assert_int_eq(system(line), 0);
        ck_abort_msg("%s", command);
    }
}

static void set_password(ESYS_TR hierarchy, const char *password)
{
    TPM2B_AUTH value = { .size = (uint16_t)strlen(password) };
    struct sm_tpm *tpm;

    memcpy(value.buffer, password, value.size);
    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    ck_assert_uint_eq(Esys_HierarchyChangeAuth(
                          sm_tpm_esys(tpm), hierarchy, ESYS_TR_PASSWORD,
                          ESYS_TR_NONE, ESYS_TR_NONE, &value), 0);
    sm_tpm_close(tpm);
}

/* What `why` says between "(" and ")" to do, with the password put in. */
static void do_what_it_says(const char *password)
{
    char command[1024] = "", *from = strchr(why, '('), *at;
    size_t n = 0;

    ck_assert_ptr_nonnull(from);
    for (at = from + 1; *at != ')'; at++) {
        ck_assert_int_ne(*at, '\0');
        if (!strncmp(at, "PASSWORD", 8)) {
            n += (size_t)snprintf(command + n, sizeof(command) - n, "%s",
                                  password);
            at += 7;
        } else {
            command[n++] = *at;
        }
        ck_assert_uint_lt(n + 1, sizeof(command));
    }
    tool(command);
    /* tpm2-tools leaves its object behind where there is no manager. */
    swtpm_reset(&machine);
}

START_TEST(an_owners_password_is_told_and_the_way_around_it_works)
{
    struct sm_seal_source source = source_of(0);

    must_wrap(&source);
    set_password(ESYS_TR_RH_OWNER, "sesame");
    ck_assert_int_eq(unwrap(&source), SM_STATE);
    ck_assert_why("the TPM's owner has a password");
    ck_assert_why("0x81000001");
    ck_assert_int_eq(wrap(&source), SM_STATE);
    ck_assert_why("the TPM's owner has a password");
    if (!have_tools()) {
        printf("skip - an_owners_password: tpm2-tools is not installed\n");
        return;
    }
    do_what_it_says("sesame");
    must_wrap(&source);
    must_unwrap(&source);
}
END_TEST

/* What was sealed before the password was set opens with the key that the
 * message makes: it is the same one. */
START_TEST(what_was_sealed_before_the_password_opens_with_the_same_key)
{
    struct sm_seal_source source = source_of(0);
    struct sm_seal *seal;

    if (!have_tools()) {
        printf("skip - what_was_sealed: tpm2-tools is not installed\n");
        return;
    }
    must_wrap(&source);
    set_password(ESYS_TR_RH_OWNER, "sesame");
    seal = open_from(&source);
    ck_assert_int_eq(unwrap_in(seal), SM_STATE);
    sm_seal_free(seal);
    do_what_it_says("sesame");
    must_unwrap(&source);
}
END_TEST

START_TEST(a_persistent_key_of_another_kind_does_with_a_password)
{
    struct sm_seal_source source = source_of(1u << 7);

    if (!have_tools()) {
        printf("skip - a_persistent_key: tpm2-tools is not installed\n");
        return;
    }
    tool("tpm2_createprimary -C o -G rsa2048 -c srk.ctx && tpm2_evictcontrol "
         "-C o -c srk.ctx 0x81000001");
    swtpm_reset(&machine);
    set_password(ESYS_TR_RH_OWNER, "sesame");
    must_wrap(&source);
    must_unwrap(&source);
    swtpm_extend(&machine, 7, "another state");
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("PCR 7");
}
END_TEST

START_TEST(a_persistent_key_that_is_no_storage_key_does_not)
{
    struct sm_seal_source source = source_of(0);

    if (!have_tools()) {
        printf("skip - no_storage_key: tpm2-tools is not installed\n");
        return;
    }
    tool("tpm2_createprimary -C o -G ecc256 -a 'fixedtpm|fixedparent|"
         "sensitivedataorigin|userwithauth|sign' -c key.ctx && "
         "tpm2_evictcontrol -C o -c key.ctx 0x81000001");
    swtpm_reset(&machine);
    must_wrap(&source);
    must_unwrap(&source);
    set_password(ESYS_TR_RH_OWNER, "sesame");
    ck_assert_int_eq(wrap(&source), SM_STATE);
    ck_assert_why("the TPM's owner has a password");
}
END_TEST

START_TEST(without_sha256_there_are_no_pcrs)
{
    struct sm_seal_source source = source_of(1u << 7);
    TPML_PCR_SELECTION banks = {
        .count = 2,
        .pcrSelections = {
            { .hash = TPM2_ALG_SHA1, .sizeofSelect = 3,
              .pcrSelect = { 0xff, 0xff, 0xff } },
            { .hash = TPM2_ALG_SHA256, .sizeofSelect = 3 },
        },
    };
    struct sm_tpm *tpm;
    TPMI_YES_NO ok;
    uint32_t n;

    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    ck_assert_uint_eq(Esys_PCR_Allocate(
                          sm_tpm_esys(tpm), ESYS_TR_RH_PLATFORM,
                          ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                          &banks, &ok, &n, &n, &n), 0);
    ck_assert(ok);
    sm_tpm_close(tpm);
    swtpm_reset(&machine);
    ck_assert_int_eq(wrap(&source), SM_STATE);
    ck_assert_why("measures no PCRs with SHA-256");
    ck_assert_why("tpm2_pcrallocate");
}
END_TEST

START_TEST(a_hierarchy_that_is_turned_off_is_told)
{
    struct sm_seal_source source = source_of(0);
    struct sm_tpm *tpm;

    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    ck_assert_uint_eq(Esys_HierarchyControl(
                          sm_tpm_esys(tpm), ESYS_TR_RH_PLATFORM,
                          ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                          ESYS_TR_RH_OWNER, TPM2_NO), 0);
    sm_tpm_close(tpm);
    ck_assert_int_eq(wrap(&source), SM_STATE);
    ck_assert_why("has turned its owner's hierarchy off");
    swtpm_reset(&machine);
    must_wrap(&source);
}
END_TEST

static Suite *make(void)
{
    Suite *suite = suite_create("tpm_owner");

    ADD("owner", an_owners_password_is_told_and_the_way_around_it_works,
        what_was_sealed_before_the_password_opens_with_the_same_key,
        a_persistent_key_of_another_kind_does_with_a_password,
        a_persistent_key_that_is_no_storage_key_does_not,
        without_sha256_there_are_no_pcrs,
        a_hierarchy_that_is_turned_off_is_told);
    return suite;
}

int main(void)
{
    return swtpm_there() ? scratch_run(make()) : 77;
}
