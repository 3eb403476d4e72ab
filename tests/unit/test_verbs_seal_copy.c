/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig seal copy, restore and wipe: recovery copies, and the end of keys.
 */
#include "sealed_host.h"

#include "die_at.h"

/* ---- copy, restore ---- */

static int copy(const char *path, const char *leaf)
{
    char line[1024];

    snprintf(line, sizeof(line), "seal copy --passphrase-file %s %s %s",
             scratch_path("two"), path, scratch_path(leaf));
    return run(sm_verb_seal, line);
}

START_TEST(a_copy_brings_lost_keys_back)
{
    struct keys k;
    char line[SM_IDENTITY_LINE_SIZE + 1] = "", again[sizeof(line)] = "";
    FILE *f;

    passphrases();
    init_plain();
    load_keys("plain", NULL, &k);
    ck_assert_int_eq(copy(cli.conf.host_key, "host.copy"), 0);
    ck_assert_int_eq(copy(cli.conf.store_key, "store.copy"), 0);
    ck_assert_uint_eq(mode_of(scratch_path("host.copy")), 0600);
    ck_assert_str_eq(sealed_with(scratch_path("host.copy")), "passphrase");
    f = fopen(cli.conf.host_pub, "r");
    ck_assert_int_gt(fread(line, 1, sizeof(line) - 1, f), 0);
    fclose(f);
    ck_assert_int_eq(copy(cli.conf.host_key, "host.copy"), 4);
    fails(4, "nothing was changed");

    ck_assert_int_eq(unlink(cli.conf.host_key), 0);
    ck_assert_int_eq(unlink(cli.conf.host_pub), 0);
    ck_assert_int_eq(unlink(cli.conf.store_key), 0);
    ck_assert_int_eq(seal_verb("seal restore --passphrase-file @two "
                               "@host.copy @store.copy"), 0);
    assert_keys("plain", NULL, &k);
    f = fopen(cli.conf.host_pub, "r");
    ck_assert_int_gt(fread(again, 1, sizeof(again) - 1, f), 0);
    fclose(f);
    ck_assert_str_eq(line, again);
    ck_assert_int_ne(access(scratch_path("host-key.sealed.old"), F_OK), 0);
    /* Once more does no harm. */
    ck_assert_int_eq(seal_verb("seal restore --passphrase-file @two "
                               "@store.copy"), 0);
    assert_keys("plain", NULL, &k);
}
END_TEST

START_TEST(restore_loses_no_key)
{
    struct saved was, kept;
    char old[SM_CONF_PATH_MAX + 8];
    struct keys k;

    passphrases();
    init_plain();
    ck_assert_int_eq(copy(cli.conf.host_key, "host.copy"), 0);
    ck_assert_int_eq(copy(cli.conf.store_key, "store.copy"), 0);
    /* Another store's key, which opens, is not overwritten; nor is another
     * key of the host. */
    ck_assert_int_eq(unlink(cli.conf.host_key), 0);
    ck_assert_int_eq(unlink(cli.conf.host_pub), 0);
    ck_assert_int_eq(unlink(cli.conf.store_key), 0);
    ck_assert_int_eq(run(sm_verb_init, "init"), 0);
    load_keys("plain", NULL, &k);
    ck_assert_int_eq(seal_verb("seal restore --passphrase-file @two "
                               "@store.copy"), 24);
    ck_assert_ptr_nonnull(strstr(err, "holds another key, which opens"));
    ck_assert_int_eq(seal_verb("seal restore --passphrase-file @two "
                               "@host.copy"), 4);
    ck_assert_ptr_nonnull(strstr(err, "an older key of this host"));
    assert_keys("plain", NULL, &k);
    /* One that does not open is kept aside. */
    ck_assert_int_eq(truncate(cli.conf.store_key, 100), 0);
    save(cli.conf.store_key, &was);
    ck_assert_int_eq(seal_verb("seal restore --passphrase-file @two "
                               "@store.copy"), 0);
    snprintf(old, sizeof(old), "%s.old", cli.conf.store_key);
    ck_assert_ptr_nonnull(strstr(out, old));
    save(old, &kept);
    ck_assert_uint_eq(was.len, kept.len);
    ck_assert_mem_eq(was.data, kept.data, was.len);
    ck_assert_uint_eq(mode_of(cli.conf.store_key), 0600);
}
END_TEST

/* One that dies at its `at`th moment; whether it came that far. */
static bool restore_dies(int at)
{
    int code;

    die(at);
    code = seal_verb("seal restore --passphrase-file @two @store.copy");
    die(0);
    ck_assert_msg(code == DIED || !code, "at %d: %d %s", at, code, err);
    return code == DIED;
}

START_TEST(an_interrupted_restore_is_done_again)
{
    struct saved dead, kept;
    char old[SM_CONF_PATH_MAX + 8];
    struct keys k;
    bool died = true;
    int at;

    passphrases();
    init_plain();
    load_keys("plain", NULL, &k);
    ck_assert_int_eq(copy(cli.conf.store_key, "store.copy"), 0);
    snprintf(old, sizeof(old), "%s.old", cli.conf.store_key);
    ck_assert_int_eq(truncate(cli.conf.store_key, 100), 0);
    save(cli.conf.store_key, &dead);
    for (at = 1; died; at++) {
        put_back(cli.conf.store_key, &dead);
        ck_assert_int_eq(truncate(cli.conf.store_key, 100), 0);
        /* What an earlier one has kept is in nobody's way. */
        if (at % 4 > 1)
            unlink(old);
        died = restore_dies(at);
        if (died)
            ck_assert_msg(!restore_dies(0), "at %d", at);
        assert_keys("plain", NULL, &k);
        save(old, &kept);
        ck_assert_uint_eq(kept.len, dead.len);
        ck_assert_mem_eq(kept.data, dead.data, dead.len);
    }
    ck_assert_int_ge(at, 7);
}
END_TEST

START_TEST(what_copy_and_restore_refuse)
{
    passphrases();
    init_plain();
    ck_assert_int_eq(seal_verb("seal copy @x"), USAGE_CODE);
    ck_assert_int_eq(seal_verb("seal restore"), USAGE_CODE);
    ck_assert_int_eq(copy(scratch_path("none"), "x"), 4);
    fails(4, "none");
    ck_assert_int_eq(copy(cli.conf.host_key, "no/x"), 6);
    ck_assert_ptr_nonnull(strstr(err, "no/x"));
    ck_assert_int_eq(copy(cli.conf.host_key, "host.copy"), 0);
    ck_assert_int_eq(seal_verb("seal restore --passphrase-file @one "
                               "@host.copy"), 31);
    ck_assert_ptr_nonnull(strstr(err, "wrong passphrase"));
    /* Twice would be once over what was kept. */
    ck_assert_int_eq(seal_verb("seal restore --passphrase-file @two "
                               "@host.copy @host.copy"), 2);
    ck_assert_ptr_nonnull(strstr(err, "name one of them"));
    scratch_write("etc/xen/secmig/secmigd.conf", "name = hostB\n", 13, 0644);
    ck_assert_int_eq(seal_verb("seal restore --passphrase-file @two "
                               "@host.copy"), 31);
    fails(31, "of 'hostA', not a 'host-key' of 'hostB'");
}
END_TEST

/* ---- wipe ---- */

START_TEST(wipe_overwrites_and_removes_what_is_the_hosts)
{
    uint8_t before[4096], after[4096];
    ssize_t n;
    int fd;

    ck_assert_int_eq(seal_verb("seal wipe --yes"), 4);
    fails(4, "no keys here");
    init_plain();
    ck_assert_int_eq(run(sm_verb_owner, "owner init --seal plain"), 0);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --prepare"), 0);
    ck_assert_int_eq(seal_verb("seal wipe"), 2);
    fails(2, "--yes");
    fd = open(cli.conf.host_key, O_RDONLY);
    n = pread(fd, before, sizeof(before), 0);
    ck_assert_int_gt(n, 0);
    sit_down(sm_verb_seal, "seal wipe", "");
    see("Type yes");
    type("y\n");
    see("nothing was changed");
    ck_assert_int_eq(leave(), 28);
    ck_assert_int_eq(seal_verb("seal wipe --yes"), 0);
    ck_assert_int_eq(pread(fd, after, sizeof(after), 0), n);
    ck_assert_mem_ne(before, after, 8);
    close(fd);
    ck_assert_int_ne(access(cli.conf.host_key, F_OK), 0);
    ck_assert_int_ne(access(cli.conf.store_key, F_OK), 0);
    ck_assert_int_ne(access(cli.conf.next_key, F_OK), 0);
    ck_assert_int_ne(access(cli.conf.next_pub, F_OK), 0);
    ck_assert_int_ne(access(cli.conf.host_pub, F_OK), 0);
    /* A person's key is not the host's. */
    ck_assert_int_eq(access(cli.conf.owner_key, F_OK), 0);
    ck_assert_int_eq(run(sm_verb_init, "init"), 0);
}
END_TEST

START_TEST(wipe_leaves_nothing_that_was_kept_or_left)
{
#define STATE "var/lib/xen/secmig/"
    static const char *const gone[] = {
        STATE "store-key.sealed.old", STATE ".next-host-key.sealed.77.tmp",
    };
    static const char *const stay[] = {
        STATE "my-key.sealed.old", STATE ".host-key.sealed.x.tmp",
        STATE "store-key.sealed.older",
    };
    uint8_t after[4];
    size_t i, round;
    int fd;

    init_plain();
    for (i = 0; i < 3; i++)
        scratch_write(stay[i], "mine", 4, 0600);
    /* Also when there is nothing else. */
    for (round = 0; round < 2; round++) {
        for (i = 0; i < 2; i++)
            scratch_write(gone[i], "left", 4, 0600);
        fd = open(scratch_path(gone[0]), O_RDONLY);
        ck_assert_int_eq(seal_verb("seal list"), 0);
        ck_assert_ptr_nonnull(strstr(out, "store-key.sealed.old"));
        ck_assert_ptr_nonnull(strstr(out, "seal restore"));
        ck_assert_ptr_nonnull(strstr(out, ".next-host-key.sealed.77.tmp"));
        ck_assert_ptr_null(strstr(out, "older"));
        ck_assert_int_eq(seal_verb("seal wipe --yes"), 0);
        ck_assert_ptr_nonnull(strstr(out, "store-key.sealed.old: destroyed"));
        for (i = 0; i < 2; i++)
            ck_assert_int_ne(access(scratch_path(gone[i]), F_OK), 0);
        ck_assert_int_eq(pread(fd, after, 4, 0), 4);
        ck_assert_mem_ne(after, "left", 4);
        close(fd);
    }
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(access(scratch_path(stay[i]), F_OK), 0);
    ck_assert_int_eq(seal_verb("seal wipe --yes"), 4);
    fails(4, "no keys here");
}
END_TEST

START_TEST(wipe_follows_no_links)
{
    init_plain();
    scratch_write("precious", "mine", 4, 0600);
    ck_assert_int_eq(unlink(cli.conf.host_key), 0);
    ck_assert_int_eq(symlink(scratch_path("precious"), cli.conf.host_key),
                     0);
    ck_assert_int_eq(seal_verb("seal wipe --yes"), 4);
    ck_assert_ptr_nonnull(strstr(err, "symbolic link"));
    ck_assert_int_eq(unlink(cli.conf.host_key), 0);
    ck_assert_int_eq(link(scratch_path("precious"), cli.conf.host_key), 0);
    ck_assert_int_eq(seal_verb("seal wipe --yes"), 4);
    ck_assert_ptr_nonnull(strstr(err, "one name"));
    ck_assert_int_eq(access(scratch_path("precious"), F_OK), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recovery copies");
    TCase *t = tcase_create("copy");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, prepare, scratch_remove);
    tcase_add_test(t, a_copy_brings_lost_keys_back);
    tcase_add_test(t, restore_loses_no_key);
    tcase_add_test(t, an_interrupted_restore_is_done_again);
    tcase_add_test(t, what_copy_and_restore_refuse);
    tcase_add_test(t, wipe_overwrites_and_removes_what_is_the_hosts);
    tcase_add_test(t, wipe_leaves_nothing_that_was_kept_or_left);
    tcase_add_test(t, wipe_follows_no_links);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
