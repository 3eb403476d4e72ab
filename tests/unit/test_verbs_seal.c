/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig seal between plain and passphrase: what is listed, keys that move,
 * and what is refused.
 */
#include "sealed_host.h"

/* ---- list, show ---- */

START_TEST(list_names_every_sealed_file_and_no_secret)
{
    passphrases();
    ck_assert_int_eq(seal_verb("seal list"), 4);
    fails(4, "secmig init");
    init_plain();
    ck_assert_int_eq(seal_verb("seal list"), 0);
    ck_assert_ptr_nonnull(strstr(out, "host-key.sealed "));
    ck_assert_ptr_nonnull(strstr(out, "store-key.sealed "));
    ck_assert_ptr_nonnull(strstr(out, "plain"));
    ck_assert_str_eq(err, "");      /* nothing was opened */
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@one"), 0);
    ck_assert_int_eq(seal_verb("seal list"), 0);
    ck_assert_ptr_nonnull(strstr(out, "Argon2id, 3 passes over 256 MiB"));
    ck_assert_ptr_null(strstr(out, "plain"));
    ck_assert_int_eq(truncate(cli.conf.store_key, 100), 0);
    ck_assert_int_eq(seal_verb("seal list"), 4);
    ck_assert_ptr_nonnull(strstr(out, "unusable: "));
    ck_assert_ptr_nonnull(strstr(out, "host-key"));
}
END_TEST

START_TEST(show_says_what_a_file_says)
{
    char line[1024];

    init_plain();
    snprintf(line, sizeof(line), "seal show %s", cli.conf.host_key);
    ck_assert_int_eq(run(sm_verb_seal, line), 0);
    ck_assert_ptr_nonnull(strstr(out, "purpose      host-key\n"));
    ck_assert_ptr_nonnull(strstr(out, "host         hostA\n"));
    ck_assert_ptr_nonnull(strstr(out, "sealed with  plain\n"));
    ck_assert_ptr_nonnull(strstr(out, "secret       32 bytes\n"));
    ck_assert_int_eq(chmod(cli.conf.host_key, 0640), 0);
    ck_assert_int_eq(run(sm_verb_seal, line), 4);
    fails(4, "chmod 600");
    ck_assert_int_eq(seal_verb("seal show @none"), 4);
    fails(4, "none");
    ck_assert_int_eq(seal_verb("seal show"), USAGE_CODE);
    ck_assert_int_eq(seal_verb("seal"), USAGE_CODE);
    ck_assert_int_eq(seal_verb("seal open @none"), USAGE_CODE);
}
END_TEST

/* ---- move ---- */

START_TEST(keys_move_to_a_passphrase_and_back)
{
    struct keys k;

    passphrases();
    init_plain();
    ck_assert_int_eq(run(sm_verb_key, "key rotate --prepare"), 0);
    load_keys("plain", NULL, &k);
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@one"), 0);
    assert_keys("passphrase", scratch_path("one"), &k);
    ck_assert_str_eq(sealed_with(cli.conf.next_key), "passphrase");
    ck_assert_uint_eq(mode_of(cli.conf.host_key), 0600);
    reload_conf();
    ck_assert_str_eq(cli.conf.seal, "passphrase");
    ck_assert_str_eq(cli.conf.passphrase_file, scratch_path("one"));
    ck_assert_str_eq(cli.conf.name, "hostA");

    ck_assert_int_eq(seal_verb("seal move --to plain"), 0);
    ck_assert_ptr_nonnull(strstr(out, "not needed any more"));
    assert_keys("plain", NULL, &k);
    reload_conf();
    ck_assert_str_eq(cli.conf.seal, "plain");
    ck_assert_str_eq(cli.conf.passphrase_file, "");
    /* And the next key is still one that can be activated. */
    ck_assert_int_eq(run(sm_verb_key, "key rotate --activate"), 0);
}
END_TEST

START_TEST(move_keeps_what_a_person_wrote_in_the_configuration)
{
    static const char text[] = "# ours\nlisten = [::1]:9\n  seal\t= plain\n"
                               "# seal = none\nname = hostA";
    static const char want[] = "# ours\nlisten = [::1]:9\n"
                               "seal = passphrase\n# seal = none\n"
                               "name = hostA\npassphrase-file = ";
    char now[1024] = "";
    FILE *f;

    passphrases();
    init_plain();
    f = fopen(cli.conf.conf_file, "w");
    fputs(text, f);
    fclose(f);
    ck_assert_int_eq(chmod(cli.conf.conf_file, 0600), 0);
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@one"), 0);
    f = fopen(cli.conf.conf_file, "r");
    ck_assert_int_gt(fread(now, 1, sizeof(now) - 1, f), 0);
    fclose(f);
    ck_assert_int_eq(strncmp(now, want, strlen(want)), 0);
    ck_assert_uint_eq(mode_of(cli.conf.conf_file), 0600);
}
END_TEST

START_TEST(what_move_refuses_changes_nothing)
{
    struct keys k;

    passphrases();
    ck_assert_int_eq(seal_verb("seal move --to plain"), 6);
    fails(6, "secmig init");
    init_plain();
    load_keys("plain", NULL, &k);
    ck_assert_int_eq(seal_verb("seal move"), USAGE_CODE);
    ck_assert_int_eq(seal_verb("seal move --to plain x"), USAGE_CODE);
    ck_assert_int_eq(seal_verb("seal move --to stone"), 2);
    fails(2, "stone");
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "x"), 2);
    fails(2, "absolute");
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@none"), 4);
    scratch_write("short", "1234567\n", 8, 0600);
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@short"), 31);
    ck_assert_ptr_nonnull(strstr(err, "too short"));
    assert_keys("plain", NULL, &k);
    /* One key that does not open is enough. */
    ck_assert_int_eq(truncate(cli.conf.store_key, 100), 0);
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@one"), 31);
    ck_assert_ptr_nonnull(strstr(err, "nothing was changed"));
    ck_assert_str_eq(sealed_with(cli.conf.host_key), "plain");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("seal");
    TCase *t = tcase_create("seal");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, prepare, scratch_remove);
    tcase_add_test(t, list_names_every_sealed_file_and_no_secret);
    tcase_add_test(t, show_says_what_a_file_says);
    tcase_add_test(t, keys_move_to_a_passphrase_and_back);
    tcase_add_test(t, move_keeps_what_a_person_wrote_in_the_configuration);
    tcase_add_test(t, what_move_refuses_changes_nothing);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
