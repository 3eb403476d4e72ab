/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig init and secmig seal with the keys of a host on a TPM (swtpm): what
 * is bound to what, keys that move there and back, interruptions, another
 * TPM, a cleared one, and an update that was approved before.
 */
#include "verb.h"

#include "die_at.h"
#include "seal/box.h"
#include "seal/seal.h"
#include "swtpm.h"
#include "trust/identity.h"

static struct swtpm machine;
static char why[1024];

static void plug_in(void)
{
    prepare();
    swtpm_start(&machine, "tpm");
    scratch_write("pin", "7391\n", 5, 0600);
    scratch_write("other", "7392\n", 5, 0600);
    scratch_write("pass", "correct horse\n", 14, 0600);
}

static void unplug(void)
{
    swtpm_kill(&machine);
    scratch_remove();
}

/* "@" stands for the scratch directory, "%" for the TPM. */
static const char *line_of(const char *format)
{
    static char line[1024];
    char *to = line;

    for (; *format; format++)
        if (*format == '@')
            to += sprintf(to, "%s/", scratch);
        else if (*format == '%')
            to += sprintf(to, "%s", machine.tcti);
        else
            *to++ = *format;
    *to = '\0';
    return line;
}

static int init(const char *options)
{
    char line[512];

    snprintf(line, sizeof(line), "init --name hostA %s", options);
    return run(sm_verb_init, line_of(line));
}

static int seal(const char *rest)
{
    char line[1040];

    snprintf(line, sizeof(line), "seal %s", rest);
    return run(sm_verb_seal, line_of(line));
}

static void must(int code)
{
    ck_assert_msg(code == 0, "%d: %s", code, err);
}

static void says(int code, int want, const char *words)
{
    ck_assert_msg(code == want, "%d: %s", code, err);
    ck_assert_msg(strstr(err, words) != NULL, "%s", err);
}

static void reload_conf(void)
{
    ck_assert_int_eq(sm_conf_init(&cli.conf, scratch, NULL), 0);
    ck_assert_msg(!sm_conf_load(&cli.conf, why, sizeof(why)), "%s", why);
}

static struct sm_seal_info info_of(const char *path)
{
    struct sm_seal_info info;

    ck_assert_msg(!sm_seal_inspect(path, &info, why, sizeof(why)), "%s",
                  why);
    return info;
}

/* As the daemon opens it: by what is configured and nothing else. */
static int daemon_opens(const char *path, const char *purpose,
                        uint8_t key[32])
{
    struct sm_seal_source source = { .ask = NULL };
    struct sm_seal *opened;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    reload_conf();
    source.tpm = cli.conf.tpm;
    source.tpm_timeout = cli.conf.tpm_timeout;
    source.approvals_dir = cli.conf.approvals_dir;
    if (cli.conf.pin_file[0])
        source.pin_file = cli.conf.pin_file;
    if (cli.conf.passphrase_file[0])
        source.passphrase_file = cli.conf.passphrase_file;
    rc = sm_seal_open_backend(cli.conf.seal, &source, &opened, why,
                              sizeof(why));
    if (rc)
        return rc;
    rc = sm_seal_load(opened, path, purpose, "hostA", &data, &len, why,
                      sizeof(why));
    if (!rc) {
        ck_assert_uint_eq(len, 32);
        memcpy(key, data, 32);
    }
    sm_secret_free(data);
    sm_seal_free(opened);
    return rc;
}

struct keys {
    uint8_t host[32], store[32];
};

static void load_keys(struct keys *k)
{
    int rc = daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE, k->host);

    if (!rc)
        rc = daemon_opens(cli.conf.store_key, SM_BOX_KEY_PURPOSE, k->store);
    ck_assert_msg(!rc, "%s", why);
}

static void assert_keys(const struct keys *want)
{
    struct keys k;

    load_keys(&k);
    ck_assert_mem_eq(&k, want, sizeof(k));
}

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

/* ---- another TPM, and a cleared one ---- */

START_TEST(a_copied_state_directory_is_useless_elsewhere)
{
    struct swtpm other;
    char line[1024];
    struct keys k;

    must(init("--seal tpm2 --tpm % --pcrs none"));
    load_keys(&k);
    swtpm_start(&other, "tpm-2");
    snprintf(line, sizeof(line), "sed -i 's|%s|%s|' %s", machine.tcti,
             other.tcti, cli.conf.conf_file);
    ck_assert_int_eq(system(line), 0);
    ck_assert_int_eq(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  k.host), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "sealed by another TPM"));
    says(seal("move --to plain"), 31, "sealed by another TPM");
    says(run(sm_verb_key, "key rotate --prepare"), 31,
         "sealed by another TPM");
    says(seal("copy --passphrase-file @pass @var/lib/xen/secmig/"
              "host-key.sealed @copy"), 31, "sealed by another TPM");
    ck_assert_int_ne(access(scratch_path("copy"), F_OK), 0);
    swtpm_kill(&other);
}
END_TEST

START_TEST(after_a_clear_recovery_copies_bring_all_back)
{
    struct keys k;

    must(init("--seal tpm2 --tpm % --pcrs 4,7"));
    load_keys(&k);
    must(seal("copy --passphrase-file @pass @var/lib/xen/secmig/"
              "host-key.sealed @host.copy"));
    must(seal("copy --passphrase-file @pass @var/lib/xen/secmig/"
              "store-key.sealed @store.copy"));
    swtpm_clear(&machine);
    ck_assert_int_eq(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  k.host), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "or this one was cleared"));
    must(seal("restore --passphrase-file @pass @host.copy @store.copy"));
    ck_assert_ptr_nonnull(strstr(out, "host-key.sealed.old"));
    assert_keys(&k);
    /* Sealed as it was. */
    ck_assert_uint_eq(info_of(cli.conf.host_key).pcrs, 0x90);
    ck_assert_uint_eq(info_of(cli.conf.store_key).pcrs, 0x90);
}
END_TEST

/* ---- planned updates ---- */

/* What PCR 4 will be after swtpm_extend(..., 4, "xen 4.18"). */
static const char *pcr_of_update(void)
{
    static char hex[128] = "4=";
    uint8_t pcr[24][32];
    struct sm_tpm *tpm;
    int i;

    swtpm_extend(&machine, 4, "xen 4.18");
    ck_assert_int_eq(sm_tpm_open(machine.tcti, 5000, &tpm, why,
                                 sizeof(why)), 0);
    ck_assert_int_eq(sm_tpm_pcr_read(tpm, pcr, why, sizeof(why)), 0);
    sm_tpm_close(tpm);
    for (i = 0; i < 32; i++)
        sprintf(hex + 2 + 2 * i, "%02x", pcr[4][i]);
    swtpm_reset(&machine);
    return hex;
}

START_TEST(an_approved_update_does_not_lock_the_host_out)
{
    const char *value = pcr_of_update();
    char line[1024];
    struct keys k;

    must(seal("update-key --key @site --passphrase-file @pass"));
    must(init("--seal tpm2 --tpm % --pcrs 4,7 --update-key @site.pub"));
    load_keys(&k);
    snprintf(line, sizeof(line), "approve --key @site --passphrase-file "
             "@pass --pcr %s", value);
    must(seal(line));
    ck_assert_ptr_nonnull(strstr(out, "approves PCRs 4,7"));
    assert_keys(&k);            /* still opens before the update */
    must(seal("list"));
    ck_assert_ptr_nonnull(strstr(out, "approval: PCRs 4,7, other than "
                                 "sealed: 4"));
    swtpm_reset(&machine);
    swtpm_extend(&machine, 4, "xen 4.18");
    assert_keys(&k);
    /* Nothing else was approved. */
    swtpm_extend(&machine, 7, "no secure boot");
    ck_assert_int_eq(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  k.host), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "PCR"));
    /* Sealed anew after the update, it needs no approval any more. */
    swtpm_reset(&machine);
    swtpm_extend(&machine, 4, "xen 4.18");
    must(seal("move --to tpm2 --pcrs 4,7"));
    snprintf(line, sizeof(line), "rm -r %s", cli.conf.approvals_dir);
    ck_assert_int_eq(system(line), 0);
    load_keys(&k);
}
END_TEST

START_TEST(an_approval_can_be_made_where_the_update_runs)
{
    struct keys k;

    must(seal("update-key --key @site --passphrase-file @pass"));
    must(init("--seal tpm2 --tpm % --pcrs 4,7 --update-key @site.pub"));
    load_keys(&k);
    swtpm_extend(&machine, 4, "xen 4.18");
    ck_assert_int_eq(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  k.host), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "PCR 4"));
    must(seal("approve --now --key @site --passphrase-file @pass --out "
              "@approval"));
    must(run(sm_verb_seal, "seal list"));
    ck_assert_ptr_null(strstr(out, "approval:"));
    ck_assert_int_eq(mkdir(cli.conf.approvals_dir, 0700), 0);
    ck_assert_int_eq(rename(scratch_path("approval"), scratch_path(
                            "var/lib/xen/secmig/approvals/xen-4.18")), 0);
    assert_keys(&k);
}
END_TEST

START_TEST(what_approve_refuses)
{
    must(seal("update-key --key @site --passphrase-file @pass"));
    says(seal("update-key --key @site --passphrase-file @pass"), 4,
         "nothing was changed");
    must(seal("update-key --key @else --passphrase-file @pass"));
    says(seal("update-key --key @x --seal tpm2"), 2, "TPM");
    ck_assert_int_eq(seal("approve"), USAGE_CODE);
    says(seal("approve --now --key @site"), 4, "name each with --pcr");
    must(init("--seal tpm2 --tpm % --pcrs 4"));
    says(seal("approve --now --key @site"), 4, "names no update key");
    must(seal("move --to tpm2 --pcrs 4 --update-key @site.pub"));
    says(seal("approve --now --key @site --passphrase-file @pass"), 24,
         "nothing to approve");
    swtpm_extend(&machine, 4, "xen 4.18");
    says(seal("approve --now --key @else --passphrase-file @pass"), 4,
         "another update key");
    says(seal("approve --now --key @none"), 4, "no such key");
    says(seal("approve --now"), 4, "update-key.sealed: no such key");
    says(seal("approve --now --key @site --passphrase-file @pin"), 31,
         "wrong passphrase");
    says(seal("approve --key @site --pcr 4=00"), 2, "--pcr 4=00");
    says(seal("approve --key @site --pcr 7=0000000000000000000000000000000000"
              "000000000000000000000000000000"), 2, "not bound to PCR 7");
    ck_assert_int_ne(access(cli.conf.approvals_dir, F_OK), 0);
}
END_TEST

/* ---- rotation ---- */

START_TEST(the_next_key_is_sealed_as_the_key_of_today)
{
    struct sm_seal_info info;
    uint8_t old[32], now[32];

    must(seal("update-key --key @site --passphrase-file @pass"));
    must(init("--seal tpm2 --tpm % --pcrs 4,7 --pin-file @pin --update-key "
              "@site.pub"));
    /* And so is the key of the site's policy. */
    must(run(sm_verb_policy, "policy keygen"));
    info = info_of(cli.conf.policy_key);
    ck_assert_uint_eq(info.pcrs, 0x90);
    ck_assert(info.pin && info.updatable);
    ck_assert_int_eq(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  old), 0);
    must(run(sm_verb_key, "key rotate --prepare"));
    info = info_of(cli.conf.next_key);
    ck_assert_uint_eq(info.pcrs, 0x90);
    ck_assert(info.pin && info.updatable);
    must(run(sm_verb_key, "key rotate --activate"));
    ck_assert_int_eq(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  now), 0);
    ck_assert_mem_ne(old, now, 32);
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
    tcase_add_test(t, a_copied_state_directory_is_useless_elsewhere);
    tcase_add_test(t, after_a_clear_recovery_copies_bring_all_back);
    tcase_add_test(t, an_approved_update_does_not_lock_the_host_out);
    tcase_add_test(t, an_approval_can_be_made_where_the_update_runs);
    tcase_add_test(t, what_approve_refuses);
    tcase_add_test(t, the_next_key_is_sealed_as_the_key_of_today);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
