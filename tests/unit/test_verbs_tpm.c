/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig init and secmig seal with the keys of a host on a TPM: what is bound
 * to what, and keys that move there and back, interrupted or not.
 */
#include "tpm_host.h"

#include "die_at.h"

/* ---- init ---- */

START_TEST(init_binds_both_keys_and_writes_the_configuration)
{
    struct sm_seal_info info;
    struct keys k;

    must(init("--seal tpm2 --tpm %"));
    ck_assert_ptr_nonnull(strstr(out, "sealed with  tpm2"));
    reload_conf();
    ck_assert_str_eq(cli.conf.seal, "tpm2");
    ck_assert_str_eq(cli.conf.tpm, machine.tcti);
    info = info_of(cli.conf.host_key);
    ck_assert_str_eq(info.backend, "tpm2");
    ck_assert_uint_eq(info.pcrs, 0x95);         /* 0, 2, 4, 7 */
    ck_assert(!info.pin && !info.updatable);
    ck_assert_uint_eq(info_of(cli.conf.store_key).pcrs, 0x95);
    load_keys(&k);
    /* What is weak is said. */
    ck_assert_ptr_nonnull(strstr(err, "none of PCRs 8, 9 and 11"));
    ck_assert_ptr_nonnull(strstr(err, "measured into PCR 0,2,4,7"));
    ck_assert_ptr_nonnull(strstr(err, "recovery copies"));
    must(seal("list"));
    ck_assert_ptr_nonnull(strstr(out, "PCRs 0,2,4,7\n"));
    ck_assert_ptr_null(strstr(out, "PIN"));
    must(run(sm_verb_seal, line_of("seal show @var/lib/xen/secmig/"
                                   "host-key.sealed")));
    ck_assert_ptr_nonnull(strstr(out, "Secure Boot"));
}
END_TEST

START_TEST(list_and_show_need_no_tpm)
{
    must(init("--seal tpm2 --tpm %"));
    swtpm_kill(&machine);
    must(seal("list"));
    ck_assert_ptr_nonnull(strstr(out, "tpm2"));
    must(run(sm_verb_seal, line_of("seal show @var/lib/xen/secmig/"
                                   "host-key.sealed")));
}
END_TEST

START_TEST(an_init_that_is_bound_to_nothing_says_so)
{
    must(init("--seal tpm2 --tpm % --pcrs none"));
    ck_assert_ptr_nonnull(strstr(err, "bound to this TPM only"));
    ck_assert_uint_eq(info_of(cli.conf.host_key).pcrs, 0);
    must(seal("list"));
    ck_assert_ptr_nonnull(strstr(out, "PCRs none"));
}
END_TEST

START_TEST(well_measured_and_updatable_is_not_warned_of)
{
    swtpm_extend(&machine, 7, "secure boot");
    swtpm_extend(&machine, 9, "xen, dom0");
    must(seal("update-key --key @site --passphrase-file @pass"));
    must(init("--seal tpm2 --tpm % --pcrs 7,9 --update-key @site.pub"));
    ck_assert_str_eq(err, "");
    must(seal("list"));
    ck_assert_ptr_nonnull(strstr(out, "PCRs 7,9, updatable"));
}
END_TEST

START_TEST(what_init_refuses_leaves_nothing)
{
    says(init("--seal tpm2 --tpm % --pcrs 24"), 2, "--pcrs 24");
    says(init("--seal tpm2 --tpm % --pcrs 1,1"), 2, "--pcrs 1,1");
    says(init("--seal tpm2 --tpm % --pcrs 1,"), 2, "--pcrs");
    says(init("--seal tpm2 --tpm % --pcrs 07"), 2, "--pcrs");
    says(init("--seal tpm2 --tpm nothing"), 2, "--tpm nothing");
    says(init("--seal tpm2 --tpm % --pin --pin-file @pin"), 2, "one of");
    says(init("--seal tpm2 --tpm % --pin-file pin"), 2, "absolute");
    says(init("--seal tpm2 --tpm % --update-key @none"), 4, "none");
    says(init("--seal tpm2 --tpm % --update-key @pass"), 3, "pass");
    says(init("--seal tpm2 --tpm % --passphrase-file @pass"), 2,
         "is for passphrase");
    says(init("--seal plain --pcrs 7"), 2, "for tpm2");
    says(init("--seal tpm2 --tpm swtpm:path=/nonexistent"), 6,
         "/nonexistent");
    ck_assert_int_ne(access(cli.conf.etc_dir, F_OK), 0);
}
END_TEST

/* ---- a PIN ---- */

START_TEST(a_pin_from_a_file_is_noted_and_needed)
{
    struct keys k;
    FILE *f;

    must(init("--seal tpm2 --tpm % --pin-file @pin"));
    reload_conf();
    ck_assert_str_eq(cli.conf.pin_file, scratch_path("pin"));
    ck_assert(info_of(cli.conf.host_key).pin);
    load_keys(&k);
    must(seal("list"));
    ck_assert_ptr_nonnull(strstr(out, "PIN"));
    f = fopen(scratch_path("pin"), "w");
    fputs("7390\n", f);
    fclose(f);
    says(run(sm_verb_key, "key rotate --prepare"), 31, "PIN");
}
END_TEST

START_TEST(a_person_is_asked_for_the_pin)
{
    struct keys k;

    sit_down(sm_verb_init, line_of("init --name hostA --seal tpm2 --tpm % "
                                   "--pin"), "");
    see("New PIN for sealed storage");
    type("7391\n");
    see("Again");
    type("7391\n");
    see("sealed with  tpm2");
    ck_assert_int_eq(leave(), 0);
    ck_assert_ptr_null(strstr(screen, "7391"));
    reload_conf();
    ck_assert_str_eq(cli.conf.pin_file, "");
    ck_assert(info_of(cli.conf.host_key).pin);
    /* Who cannot be asked is told. */
    ck_assert_int_ne(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  k.host), 0);
    ck_assert_ptr_nonnull(strstr(why, "PIN"));

    sit_down(sm_verb_seal, "seal move --to plain", "");
    see("PIN of ");
    type("7391\n");
    see("seal = plain");
    ck_assert_int_eq(leave(), 0);
    load_keys(&k);
}
END_TEST

/* ---- move ---- */

START_TEST(keys_move_to_the_tpm_and_back)
{
    struct keys k;

    init_plain();
    load_keys(&k);
    must(run(sm_verb_policy, "policy keygen"));
    must(run(sm_verb_key, "key rotate --prepare"));
    must(seal("move --to tpm2 --tpm % --pcrs 7 --pin-file @pin"));
    ck_assert_str_eq(info_of(cli.conf.next_key).backend, "tpm2");
    ck_assert_str_eq(info_of(cli.conf.policy_key).backend, "tpm2");
    assert_keys(&k);
    /* Other PCRs, and without the PIN. */
    must(seal("move --to tpm2 --pcrs 4,7"));
    ck_assert_uint_eq(info_of(cli.conf.host_key).pcrs, 0x90);
    ck_assert(!info_of(cli.conf.host_key).pin);
    assert_keys(&k);
    ck_assert_str_eq(cli.conf.pin_file, "");
    ck_assert_str_eq(cli.conf.tpm, machine.tcti);
    must(seal("move --to passphrase --passphrase-file @pass"));
    assert_keys(&k);
    /* The way back needs no TPM any more. */
    swtpm_kill(&machine);
    must(seal("move --to plain"));
    assert_keys(&k);
}
END_TEST

static bool dies(const char *rest, int at)
{
    int code;

    die(at);
    code = seal(rest);
    die(0);
    ck_assert_msg(code == DIED || code == 0, "%s at %d: %d %s", rest, at,
                  code, err);
    return code == DIED;
}

/* Interrupted at every moment, then run again; then all the way back. */
static void interrupt(const char *forth, const char *back)
{
    struct keys k;
    int at;

    load_keys(&k);
    for (at = 1; dies(forth, at); at++) {
        must(seal(forth));
        assert_keys(&k);
        must(seal(back));
        assert_keys(&k);
    }
    assert_keys(&k);
    ck_assert_int_gt(at, 6);    /* two keys and the configuration */
}

START_TEST(an_interrupted_move_to_the_tpm_loses_nothing)
{
    init_plain();
    interrupt("move --to tpm2 --tpm % --pin-file @pin", "move --to plain");
}
END_TEST

START_TEST(an_interrupted_move_from_the_tpm_loses_nothing)
{
    must(init("--seal tpm2 --tpm % --pin-file @pin"));
    interrupt("move --to plain", "move --to tpm2 --tpm % --pin-file @pin");
}
END_TEST

START_TEST(an_interrupted_move_to_other_pcrs_loses_nothing)
{
    must(init("--seal tpm2 --tpm % --pcrs 7"));
    interrupt("move --to tpm2 --pcrs 4", "move --to tpm2 --pcrs 7");
}
END_TEST

START_TEST(an_interrupted_move_to_another_pin_loses_nothing)
{
    struct keys k;

    must(init("--seal tpm2 --tpm % --pin-file @pin"));
    load_keys(&k);
    ck_assert(dies("move --to tpm2 --pin-file @other", 2));
    must(seal("move --to tpm2 --pin-file @other"));
    assert_keys(&k);
    ck_assert_str_eq(cli.conf.pin_file, scratch_path("other"));
}
END_TEST

START_TEST(an_interrupted_move_can_turn_round)
{
    struct keys k;
    int at;

    init_plain();
    load_keys(&k);
    for (at = 2; dies("move --to tpm2 --tpm % --pin-file @pin", at);
         at += 2) {
        must(seal("move --to plain"));
        assert_keys(&k);
        ck_assert_str_eq(info_of(cli.conf.host_key).backend, "plain");
        ck_assert_str_eq(cli.conf.pin_file, "");
    }
    ck_assert_int_gt(at, 8);
    /* By way of a third backend, too. */
    must(seal("move --to plain"));
    ck_assert(dies("move --to tpm2 --tpm % --pin-file @pin", 4));
    must(seal("move --to passphrase --passphrase-file @pass"));
    assert_keys(&k);
}
END_TEST

/* The daemon is strict: in the middle it opens what is as configured. */
START_TEST(in_the_middle_of_a_move_the_daemon_does_not_guess)
{
    struct keys k;

    init_plain();
    reload_conf();
    ck_assert(dies("move --to tpm2 --tpm %", 4));
    ck_assert_int_eq(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  k.host), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "sealed with 'tpm2', but 'plain' is "
                                 "configured ('secmig seal move'"));
}
END_TEST

START_TEST(a_tpm_that_hangs_changes_nothing)
{
    struct keys k;
    FILE *f;

    init_plain();
    load_keys(&k);
    f = fopen(cli.conf.conf_file, "a");
    fputs("tpm-timeout = 1\n", f);
    fclose(f);
    swtpm_stop(&machine);
    ck_assert_int_ne(seal("move --to tpm2 --tpm %"), 0);
    swtpm_continue(&machine);
    assert_keys(&k);
    ck_assert_str_eq(cli.conf.seal, "plain");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keys on a TPM");
    TCase *t = tcase_create("tpm");

    if (!swtpm_there())
        return 77;
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, plug_in, unplug);
    tcase_add_test(t, init_binds_both_keys_and_writes_the_configuration);
    tcase_add_test(t, list_and_show_need_no_tpm);
    tcase_add_test(t, an_init_that_is_bound_to_nothing_says_so);
    tcase_add_test(t, well_measured_and_updatable_is_not_warned_of);
    tcase_add_test(t, what_init_refuses_leaves_nothing);
    tcase_add_test(t, a_pin_from_a_file_is_noted_and_needed);
    tcase_add_test(t, a_person_is_asked_for_the_pin);
    tcase_add_test(t, keys_move_to_the_tpm_and_back);
    tcase_add_test(t, an_interrupted_move_to_the_tpm_loses_nothing);
    tcase_add_test(t, an_interrupted_move_from_the_tpm_loses_nothing);
    tcase_add_test(t, an_interrupted_move_to_other_pcrs_loses_nothing);
    tcase_add_test(t, an_interrupted_move_to_another_pin_loses_nothing);
    tcase_add_test(t, an_interrupted_move_can_turn_round);
    tcase_add_test(t, in_the_middle_of_a_move_the_daemon_does_not_guess);
    tcase_add_test(t, a_tpm_that_hangs_changes_nothing);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
