/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys on a TPM when it is another one, was cleared, or has measured an
 * update; and their rotation.
 */
#include "tpm_host.h"

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

static void lose(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
}

START_TEST(a_restored_key_is_sealed_like_those_that_are_left)
{
    struct sm_seal_info info;
    struct keys k;

    must(seal("update-key --key @site --passphrase-file @pass"));
    must(init("--seal tpm2 --tpm % --pcrs 0,8,9 --pin-file @pin --update-key "
              "@site.pub"));
    load_keys(&k);
    must(seal("copy --passphrase-file @pass @var/lib/xen/secmig/"
              "host-key.sealed @host.copy"));
    lose(cli.conf.host_key);
    must(seal("restore --passphrase-file @pass @host.copy"));
    ck_assert_ptr_nonnull(strstr(out, "bound to PCRs 0,8,9, PIN, updatable"));
    ck_assert_ptr_nonnull(strstr(err, "measured into PCR 0,8,9"));
    assert_keys(&k);
    info = info_of(cli.conf.host_key);
    ck_assert_uint_eq(info.pcrs, 0x301);
    ck_assert(info.pin && info.updatable);
    /* Options count more. */
    must(seal("restore --passphrase-file @pass --pcrs 7 @host.copy"));
    ck_assert_uint_eq(info_of(cli.conf.host_key).pcrs, 0x80);
}
END_TEST

START_TEST(what_no_key_says_restore_does_not_guess)
{
    must(init("--seal tpm2 --tpm % --pcrs 0,8,9"));
    must(seal("copy --passphrase-file @pass @var/lib/xen/secmig/"
              "host-key.sealed @host.copy"));
    lose(cli.conf.host_key);
    lose(cli.conf.store_key);
    says(seal("restore --passphrase-file @pass @host.copy"), 2,
         "say it with --pcrs");
    ck_assert_int_ne(access(cli.conf.host_key, F_OK), 0);
    /* And asks for a PIN when it is to have one. */
    sit_down(sm_verb_seal, line_of("seal restore --passphrase-file @pass "
                                   "--pcrs 8 --pin @host.copy"), "");
    see("New PIN for sealed storage");
    type("7391\n");
    see("Again");
    type("7391\n");
    see("bound to PCRs 8, PIN");
    ck_assert_int_eq(leave(), 0);
    ck_assert(info_of(cli.conf.host_key).pin);
    ck_assert_uint_eq(info_of(cli.conf.host_key).pcrs, 0x100);
}
END_TEST

static void shell(const char *line)
{
    ck_assert_int_eq(system(line_of(line)), 0);
}

static void copy(const char *key)
{
    char line[256];

    snprintf(line, sizeof(line), "copy --passphrase-file @pass "
             "@var/lib/xen/secmig/%s-key.sealed @%s.copy", key, key);
    must(seal(line));
}

/* What is left of the key of the policy keeps no other key from moving, once
 * it is named and gone. */
START_TEST(what_does_not_open_is_named_when_keys_move)
{
    struct keys k;

    must(init("--seal tpm2 --tpm % --pcrs 4,7"));
    load_keys(&k);
    must(run(sm_verb_policy, "policy keygen"));
    shell("cd @var/lib/xen/secmig && for k in host store policy; do "
          "cp $k-key.sealed @$k.before; done");
    copy("host");
    copy("store");
    copy("policy");
    swtpm_clear(&machine);
    says(seal("move --to tpm2 --pcrs 4"), 31, "host-key.sealed: sealed by");
    ck_assert_ptr_nonnull(strstr(err, "store-key.sealed: sealed by"));
    ck_assert_ptr_nonnull(strstr(err, "policy-key.sealed: sealed by"));
    ck_assert_ptr_nonnull(strstr(err, "or move these files away"));
    shell("for k in host store policy; do cmp @$k.before "
          "@var/lib/xen/secmig/$k-key.sealed; done");
    must(seal("restore --passphrase-file @pass @host.copy @store.copy"));
    says(seal("move --to tpm2 --pcrs 4"), 31, "policy-key.sealed: sealed by");
    ck_assert_ptr_null(strstr(err, "host-key"));
    ck_assert_ptr_null(strstr(err, "store-key"));
    must(seal("restore --passphrase-file @pass @policy.copy"));
    must(seal("move --to tpm2 --pcrs 4"));
    assert_keys(&k);
    swtpm_clear(&machine);
    must(seal("restore --passphrase-file @pass @host.copy @store.copy"));
    shell("mv @var/lib/xen/secmig/policy-key.sealed @policy.lost");
    must(seal("move --to tpm2 --pcrs 4"));
    assert_keys(&k);
}
END_TEST

/* secmig(1), "The loss of a TPM", to the letter. */
static void begin_anew(void)
{
    shell("mv @var/lib/xen/secmig @var/lib/xen/secmig.lost");
    shell("cd @etc/xen/secmig; mkdir lost; for f in host.pub host.cert "
          "next-host.pub next-host.cert; do test ! -e $f || mv $f lost/; "
          "done");
    must(run(sm_verb_init, "init"));
}

START_TEST(without_copies_a_host_begins_anew)
{
    struct keys before, k;

    must(init("--seal tpm2 --tpm % --pcrs 4,7"));
    load_keys(&before);
    must(run(sm_verb_policy, "policy keygen"));
    must(run(sm_verb_key, "key rotate --prepare"));
    swtpm_clear(&machine);
    ck_assert_int_eq(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  k.host), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "'The loss of a TPM'"));
    begin_anew();
    load_keys(&k);
    ck_assert_mem_ne(k.host, before.host, 32);
    ck_assert_mem_ne(k.store, before.store, 32);
    /* Its own memory opens with its own key: trust reset opens both. */
    must(run(sm_verb_trust, "trust reset --yes"));
    shell("mv @etc/xen/secmig/policy.pub @etc/xen/secmig/lost");
    must(run(sm_verb_policy, "policy keygen"));
    must(run(sm_verb_key, "key rotate --prepare"));
    must(seal("move --to tpm2 --pcrs 4"));
}
END_TEST

START_TEST(with_a_copy_of_the_host_key_alone_it_keeps_that)
{
    struct keys before, k;

    must(init("--seal tpm2 --tpm % --pcrs 4,7"));
    load_keys(&before);
    copy("host");
    swtpm_clear(&machine);
    begin_anew();
    shell("rm @var/lib/xen/secmig/host-key.sealed @etc/xen/secmig/host.pub");
    must(seal("restore --passphrase-file @pass @host.copy"));
    load_keys(&k);
    ck_assert_mem_eq(k.host, before.host, 32);
    ck_assert_mem_ne(k.store, before.store, 32);
    shell("cmp @etc/xen/secmig/host.pub @etc/xen/secmig/lost/host.pub");
    must(run(sm_verb_trust, "trust reset --yes"));
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

/* The host's keys go where no TPM is; the update key is there. */
START_TEST(away_from_the_host_an_approval_is_as_wide_as_the_keys)
{
    const char *value = pcr_of_update();
    char line[1024];
    struct keys k;

    must(seal("update-key --key @site --passphrase-file @pass"));
    snprintf(line, sizeof(line), "approve --key @site --passphrase-file @pass "
             "--out @approval --pcr %s", value);
    says(seal(line), 2, "waives every PCR that it does not name");
    ck_assert_int_ne(access(scratch_path("approval"), F_OK), 0);
    must(init("--seal tpm2 --tpm % --pcrs 4,7,9 --update-key @site.pub"));
    load_keys(&k);
    ck_assert_int_eq(rename(cli.conf.host_key, scratch_path("like")), 0);
    lose(cli.conf.store_key);
    says(seal(line), 2, "--like FILE");
    says(seal("approve --now --like @pass --key @site"), 31, "--like");
    snprintf(line, sizeof(line), "approve --key @site --passphrase-file @pass "
             "--like @like --out @approval --pcr %s", value);
    must(seal(line));
    ck_assert_ptr_nonnull(strstr(out, "approves PCRs 4,7,9:"));
    ck_assert_str_eq(err, "");
    /* A narrower one has to be asked for, and says what it gives up. */
    snprintf(line, sizeof(line), "approve --key @site --passphrase-file @pass "
             "--only --like @like --out @narrow --pcr %s", value);
    must(seal(line));
    ck_assert_ptr_nonnull(strstr(out, "approves PCRs 4:"));
    ck_assert_ptr_nonnull(strstr(err, "waives PCRs 7,9:"));

    ck_assert_int_eq(rename(scratch_path("like"), cli.conf.host_key), 0);
    ck_assert_int_eq(mkdir(cli.conf.approvals_dir, 0700), 0);
    ck_assert_int_eq(rename(scratch_path("approval"), scratch_path(
                            "var/lib/xen/secmig/approvals/1")), 0);
    must(seal("list"));
    ck_assert_ptr_null(strstr(out, "WAIVES"));
    swtpm_extend(&machine, 4, "xen 4.18");
    ck_assert_int_eq(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  k.store), 0);
    ck_assert_mem_eq(k.store, k.host, 32);
    swtpm_extend(&machine, 9, "another initrd");
    ck_assert_int_eq(daemon_opens(cli.conf.host_key, SM_IDENTITY_PURPOSE,
                                  k.host), SM_SEAL);
    /* One that was installed all the same is told of. */
    ck_assert_int_eq(rename(scratch_path("narrow"), scratch_path(
                            "var/lib/xen/secmig/approvals/2")), 0);
    must(seal("list"));
    ck_assert_ptr_nonnull(strstr(out, "PCRs 4, other than sealed: 4; WAIVES "
                                 "7,9\n"));
    must(seal("copy --passphrase-file @pass @var/lib/xen/secmig/"
              "host-key.sealed @copy"));
    ck_assert_ptr_nonnull(strstr(err, "an approval that waives PCRs 7 9:"));
}
END_TEST

START_TEST(an_approval_is_as_wide_as_all_keys_of_the_host)
{
    const char *value = pcr_of_update();
    char line[1024];

    must(seal("update-key --key @site --passphrase-file @pass"));
    must(init("--seal tpm2 --tpm % --pcrs 4,9 --update-key @site.pub"));
    must(seal("copy --passphrase-file @pass @var/lib/xen/secmig/"
              "host-key.sealed @host.copy"));
    must(seal("restore --passphrase-file @pass --pcrs 4 @host.copy"));
    ck_assert_uint_eq(info_of(cli.conf.host_key).pcrs, 0x10);
    ck_assert_uint_eq(info_of(cli.conf.store_key).pcrs, 0x210);
    snprintf(line, sizeof(line), "approve --key @site --passphrase-file "
             "@pass --pcr %s", value);
    must(seal(line));
    ck_assert_ptr_nonnull(strstr(out, "approves PCRs 4,9"));
}
END_TEST

START_TEST(no_more_is_approved_than_is_read)
{
    const char *value = pcr_of_update();
    char line[1024], path[64];
    uint8_t text[SM_APPROVAL_TEXT_MAX];
    size_t n;
    FILE *f;
    int i;

    must(seal("update-key --key @site --passphrase-file @pass"));
    must(init("--seal tpm2 --tpm % --pcrs 4 --update-key @site.pub"));
    snprintf(line, sizeof(line), "approve --key @site --passphrase-file "
             "@pass --out @approval --pcr %s", value);
    must(seal(line));
    f = fopen(scratch_path("approval"), "r");
    n = fread(text, 1, sizeof(text), f);
    fclose(f);
    ck_assert_int_eq(mkdir(cli.conf.approvals_dir, 0700), 0);
    for (i = 0; i < SM_APPROVALS_MAX; i++) {
        snprintf(path, sizeof(path), "var/lib/xen/secmig/approvals/%d", i);
        scratch_write(path, text, n, 0644);
    }
    snprintf(line, sizeof(line), "approve --key @site --passphrase-file "
             "@pass --pcr %s", value);
    says(seal(line), 4, "remove old ones");
    ck_assert_int_eq(unlink(scratch_path(path)), 0);
    must(seal(line));
    must(seal(line));           /* the same again */
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
    says(seal("approve --now --key @site"), 4, "--like");
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
    Suite *suite = suite_create("keys on another TPM");
    TCase *t = tcase_create("loss");

    if (!swtpm_there())
        return 77;
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, plug_in, unplug);
    tcase_add_test(t, a_copied_state_directory_is_useless_elsewhere);
    tcase_add_test(t, after_a_clear_recovery_copies_bring_all_back);
    tcase_add_test(t, a_restored_key_is_sealed_like_those_that_are_left);
    tcase_add_test(t, what_no_key_says_restore_does_not_guess);
    tcase_add_test(t, what_does_not_open_is_named_when_keys_move);
    tcase_add_test(t, without_copies_a_host_begins_anew);
    tcase_add_test(t, with_a_copy_of_the_host_key_alone_it_keeps_that);
    tcase_add_test(t, an_approved_update_does_not_lock_the_host_out);
    tcase_add_test(t, an_approval_can_be_made_where_the_update_runs);
    tcase_add_test(t, away_from_the_host_an_approval_is_as_wide_as_the_keys);
    tcase_add_test(t, an_approval_is_as_wide_as_all_keys_of_the_host);
    tcase_add_test(t, no_more_is_approved_than_is_read);
    tcase_add_test(t, what_approve_refuses);
    tcase_add_test(t, the_next_key_is_sealed_as_the_key_of_today);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
