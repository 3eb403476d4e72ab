/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig init when it is interrupted, and when two run at once.
 */
#include "sealed_host.h"

#include <sys/file.h>

#include "die_at.h"

#define INIT "init --name hostA --seal plain"

static void public_key(uint8_t key[32])
{
    char name[SM_IDENTITY_NAME_SIZE];

    ck_assert_int_eq(sm_cli_public(cli.conf.host_pub, name, key), 0);
}

/* Both halves are of one key. */
static void assert_whole(void)
{
    struct sm_identity *id;
    uint8_t key[32];
    struct keys k;

    load_keys("plain", NULL, &k);
    ck_assert_int_eq(sm_identity_from_secret("hostA", k.host, &id), 0);
    public_key(key);
    ck_assert_mem_eq(id->public_key, key, 32);
    sm_identity_free(id);
}

START_TEST(an_interrupted_init_is_done_again)
{
    int at, code;

    for (at = 1;; at++) {
        die(at);
        code = run(sm_verb_init, INIT);
        die(0);
        if (code != DIED)
            break;
        code = run(sm_verb_init, INIT);
        /* After the last change all is there. */
        if (code == 4)
            ck_assert_ptr_nonnull(strstr(err, "has a key already"));
        else
            ck_assert_msg(!code, "at %d: %d %s", at, code, err);
        assert_whole();
        scratch_remove();
        prepare();
    }
    ck_assert_int_eq(code, 0);
    assert_whole();
    ck_assert_int_ge(at, 11);       /* five files */
}
END_TEST

START_TEST(a_lost_public_half_is_made_again_of_the_same_key)
{
    uint8_t before[32], after[32];

    passphrases();
    init_plain();
    public_key(before);
    ck_assert_int_eq(unlink(cli.conf.host_pub), 0);
    ck_assert_int_eq(run(sm_verb_init, "init"), 0);
    public_key(after);
    ck_assert_mem_eq(before, after, 32);
    assert_whole();
    /* One that does not open is not overwritten. */
    ck_assert_int_eq(unlink(cli.conf.host_pub), 0);
    ck_assert_int_eq(truncate(cli.conf.host_key, 100), 0);
    ck_assert_int_eq(run(sm_verb_init, "init"), 31);
    ck_assert_ptr_nonnull(strstr(err, "move it away"));
    ck_assert_ptr_nonnull(strstr(err, cli.conf.host_key));
    ck_assert_int_ne(access(cli.conf.host_pub, F_OK), 0);
}
END_TEST

static pid_t start(void)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        freopen("/dev/null", "w", stdout);
        freopen("/dev/null", "w", stderr);
        run_and_exit(sm_verb_init, INIT);
    }
    return pid;
}

START_TEST(of_two_at_once_one_makes_the_key)
{
    int lock, i, status, codes[2];
    pid_t pid[2];

    ck_assert_int_eq(run(sm_verb_init, INIT), 0);
    ck_assert_int_eq(seal_verb("seal wipe --yes"), 0);
    ck_assert_int_eq(unlink(cli.conf.conf_file), 0);
    lock = open(cli.conf.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(flock(lock, LOCK_EX), 0);
    for (i = 0; i < 2; i++)
        pid[i] = start();
    /* Both have seen that there is no key; they wait. */
    usleep(1500000);
    for (i = 0; i < 2; i++)
        ck_assert_int_eq(waitpid(pid[i], &status, WNOHANG), 0);
    ck_assert_int_ne(access(cli.conf.host_key, F_OK), 0);
    flock(lock, LOCK_UN);       /* the children have it, too */
    close(lock);
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
        ck_assert(WIFEXITED(status));
        codes[i] = WEXITSTATUS(status);
    }
    ck_assert_msg((codes[0] == 0 && codes[1] == 4) ||
                  (codes[0] == 4 && codes[1] == 0), "%d %d", codes[0],
                  codes[1]);
    assert_whole();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("init");
    TCase *t = tcase_create("init");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, prepare, scratch_remove);
    tcase_add_test(t, an_interrupted_init_is_done_again);
    tcase_add_test(t, a_lost_public_half_is_made_again_of_the_same_key);
    tcase_add_test(t, of_two_at_once_one_makes_the_key);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
