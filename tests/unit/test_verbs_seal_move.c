/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig seal move between plain and passphrases when it is interrupted, and
 * with a person at the terminal.
 */
#include "sealed_host.h"

#include <dirent.h>

#include "die_at.h"

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
    /* The configuration, two keys and what they were, the configuration:
     * twelve moments. */
    interrupt("seal move --to passphrase --passphrase-file @one",
              "passphrase", scratch_path("one"), 4, 16, 8);
}
END_TEST

START_TEST(an_interrupted_move_back_loses_nothing_and_goes_on)
{
    passphrases();
    init_plain();
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@one"), 0);
    reload_conf();
    interrupt("seal move --to plain", "plain", scratch_path("one"), 2, 5, 6);
}
END_TEST

/* Seen through descriptors that were there before. */
START_TEST(a_key_that_was_plain_is_overwritten)
{
    const char *const paths[] = { cli.conf.host_key, cli.conf.store_key };
    uint8_t before[2][4096], after[4096];
    ssize_t n[2];
    int fd[2], i;

    passphrases();
    init_plain();
    for (i = 0; i < 2; i++) {
        fd[i] = open(paths[i], O_RDONLY);
        n[i] = pread(fd[i], before[i], sizeof(before[i]), 0);
        ck_assert_int_gt(n[i], 100);
    }
    ck_assert_int_eq(seal_verb("seal move --to passphrase --passphrase-file "
                               "@one"), 0);
    ck_assert_ptr_nonnull(strstr(out, "'secmig key rotate'"));
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(pread(fd[i], after, sizeof(after), 0), n[i]);
        ck_assert_mem_ne(before[i], after, 8);
        ck_assert_mem_ne(before[i] + n[i] - 100, after + n[i] - 100, 100);
        close(fd[i]);
    }
}
END_TEST

/* The file that a writer which was killed has left; "" if there is none. */
static const char *temporary(void)
{
    static char path[1024];
    struct dirent *de;
    DIR *dir = opendir(cli.conf.state_dir);

    ck_assert_ptr_nonnull(dir);
    path[0] = '\0';
    while ((de = readdir(dir)))
        if (strstr(de->d_name, ".tmp"))
            snprintf(path, sizeof(path), "%s/%s", cli.conf.state_dir,
                     de->d_name);
    closedir(dir);
    return path;
}

/* `line`: any command that changes keys. */
static void cleans_up(int (*run_line)(const char *line), const char *line)
{
    uint8_t before[4096], after[4096];
    ssize_t n;
    int fd;

    /* Before the first key takes its place: it lies there, plain. */
    ck_assert(dies("seal move --to plain", 1));
    ck_assert_ptr_nonnull(strstr(temporary(), "/.host-key.sealed."));
    fd = open(temporary(), O_RDONLY);
    n = pread(fd, before, sizeof(before), 0);
    ck_assert_int_gt(n, 100);
    ck_assert_int_eq(seal_verb("seal list"), 0);
    ck_assert_ptr_nonnull(strstr(out, ".host-key.sealed."));
    ck_assert_ptr_nonnull(strstr(out, "interrupted"));
    ck_assert_msg(!run_line(line), "%s", err);
    ck_assert_ptr_nonnull(strstr(err, "interrupted: destroyed"));
    ck_assert_str_eq(temporary(), "");
    ck_assert_int_eq(pread(fd, after, sizeof(after), 0), n);
    ck_assert_mem_ne(before + n - 100, after + n - 100, 100);
    close(fd);
}

static int key_verb(const char *line)
{
    return run(sm_verb_key, line);
}

START_TEST(what_a_killed_move_left_is_destroyed_by_the_next_command)
{
    init_plain();
    reload_conf();
    cleans_up(seal_verb, "seal move --to plain");
    cleans_up(key_verb, "key rotate --prepare");
    cleans_up(key_verb, "key rotate --activate");
    cleans_up(seal_verb, "seal wipe --yes");
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
    Suite *suite = suite_create("seal move");
    TCase *t = tcase_create("move");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, prepare, scratch_remove);
    tcase_add_test(t, an_interrupted_move_loses_nothing_and_goes_on);
    tcase_add_test(t, an_interrupted_move_back_loses_nothing_and_goes_on);
    tcase_add_test(t, a_key_that_was_plain_is_overwritten);
    tcase_add_test(t,
        what_a_killed_move_left_is_destroyed_by_the_next_command);
    tcase_add_test(t, a_move_to_another_passphrase_goes_on_with_both_files);
    tcase_add_test(t,
                   a_move_by_a_person_asks_for_the_old_and_twice_for_the_new);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
