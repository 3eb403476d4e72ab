/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig seal between plain and passphrase: what is listed, and keys that
 * move, interrupted or not.
 */
#include "sealed_host.h"

#include "die_at.h"

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

/* Whether the verb died at its `at`th moment. */
static bool dies(const char *line, int at)
{
    int code;

    die(at);
    code = seal_verb(line);
    die(0);
    ck_assert_msg(code == DIED || code == 0, "%s at %d: %d %s", line, at,
                  code, err);
    return code == DIED;
}

/* Both keys, each by the backend that its file names. */
static void assert_there(const char *file, const struct keys *want)
{
    struct sm_seal_source source = { .passphrase_file = file };
    const char *const paths[] = { cli.conf.host_key, cli.conf.store_key };
    const char *const purposes[] = { SM_IDENTITY_PURPOSE,
                                     SM_BOX_KEY_PURPOSE };
    struct sm_seal *seal;
    uint8_t key[32];
    int i;

    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(sm_seal_open_backend(sealed_with(paths[i]), &source,
                                              &seal, why, sizeof(why)), 0);
        load(seal, paths[i], purposes[i], key);
        ck_assert_mem_eq(key, i ? want->store : want->host, 32);
        sm_seal_free(seal);
    }
}

/* Through moments at which it can die: from `first` on in steps.  (Where
 * sealing costs nothing, on a TPM, test_verbs_tpm.c takes every moment.) */
static void interrupt(const char *line, const char *to, const char *file,
                      int first, int step, int moments)
{
    struct saved host, store, conf;
    struct keys k;
    int at;

    load_keys(cli.conf.seal, file, &k);
    save(cli.conf.host_key, &host);
    save(cli.conf.store_key, &store);
    save(cli.conf.conf_file, &conf);
    for (at = first; dies(line, at); at += step) {
        assert_there(file, &k);
        ck_assert_int_eq(seal_verb(line), 0);
        assert_keys(to, file, &k);
        reload_conf();
        ck_assert_str_eq(cli.conf.seal, to);
        put_back(cli.conf.host_key, &host);
        put_back(cli.conf.store_key, &store);
        put_back(cli.conf.conf_file, &conf);
        reload_conf();
    }
    ck_assert_int_gt(at, moments);
}

START_TEST(an_interrupted_move_loses_nothing_and_goes_on)
{
    passphrases();
    init_plain();
    reload_conf();
    /* The configuration, two keys, the configuration: eight moments. */
    interrupt("seal move --to passphrase --passphrase-file @one",
              "passphrase", scratch_path("one"), 4, 8, 8);
}
END_TEST

START_TEST(an_interrupted_move_back_loses_nothing_and_goes_on)
{
    passphrases();
    init_plain();
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@one"), 0);
    reload_conf();
    interrupt("seal move --to plain", "plain", scratch_path("one"), 2, 2, 6);
}
END_TEST

START_TEST(a_move_to_another_passphrase_goes_on_with_both_files)
{
    struct keys k;

    passphrases();
    init_plain();
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@one"), 0);
    load_keys("passphrase", scratch_path("one"), &k);
    ck_assert(dies("seal move --to passphrase --passphrase-file @two", 2));
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@two"), 0);
    assert_keys("passphrase", scratch_path("two"), &k);
    reload_conf();
    ck_assert_str_eq(cli.conf.passphrase_file, scratch_path("two"));
}
END_TEST

START_TEST(a_move_by_a_person_asks_for_the_old_and_twice_for_the_new)
{
    struct keys k;

    passphrases();
    init_plain();
    load_keys("plain", NULL, &k);
    sit_down(sm_verb_seal, "seal move --to passphrase", "");
    see("New passphrase for sealed storage");
    type("correct horse\n");
    see("Again");
    type("correct horse\n");
    see("seal = passphrase");
    ck_assert_int_eq(leave(), 0);
    assert_keys("passphrase", scratch_path("one"), &k);

    sit_down(sm_verb_seal, "seal move --to passphrase", "");
    see("Passphrase of sealed storage");
    type("correct hose\n");
    see("wrong passphrase");
    ck_assert_int_eq(leave(), 31);

    sit_down(sm_verb_seal, "seal move --to passphrase", "");
    see("Passphrase of sealed storage");
    type("correct horse\n");
    see("New passphrase for sealed storage");
    type("battery staple\n");
    see("Again");
    type("battery staple\n");
    see("seal = passphrase");
    ck_assert_int_eq(leave(), 0);
    ck_assert_ptr_null(strstr(screen, "horse"));
    assert_keys("passphrase", scratch_path("two"), &k);
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
    tcase_add_test(t, an_interrupted_move_loses_nothing_and_goes_on);
    tcase_add_test(t, an_interrupted_move_back_loses_nothing_and_goes_on);
    tcase_add_test(t, a_move_to_another_passphrase_goes_on_with_both_files);
    tcase_add_test(t,
                   a_move_by_a_person_asks_for_the_old_and_twice_for_the_new);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
