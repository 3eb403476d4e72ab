/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig handover may-start: what it answers from the journal, with a daemon
 * and without, and how long it waits.
 */
#include <fcntl.h>

#include "../../helper/secmig/handover.h"
#include "base/clock.h"
#include "verb_daemon.h"

#define UUID "11111111-1111-1111-1111-111111111111"

static struct sm_handover_journal *journal;
static struct sm_handover_record record;

static void journal_open(void)
{
    char why[512];

    ck_assert_msg(!sm_handover_journal_open(cli.conf.journal,
                                            cli.conf.journal_witness,
                                            &journal, why, sizeof(why)),
                  "%s", why);
}

/* One migration of g1, with this as its last record. */
static void put(enum sm_handover_state state, uint32_t flags, bool rebooted)
{
    record.state = state;
    record.flags = flags;
    record.changed = sm_clock_real();
    ck_assert_int_eq(sm_handover_boot_read(record.boot), 0);
    record.boot[0] ^= rebooted;
    ck_assert_int_eq(sm_handover_journal_reserve(journal), 0);
    ck_assert_int_eq(sm_handover_journal_put(journal, &record), 0);
}

static void begin(enum sm_handover_state state, uint32_t flags,
                  bool rebooted)
{
    if (journal)
        sm_handover_journal_close(journal);
    journal = NULL;
    unlink(cli.conf.journal);
    unlink(cli.conf.journal_witness);
    journal_open();
    memset(&record, 0, sizeof(record));
    memset(record.id, 0x77, sizeof(record.id));
    memset(record.uuid, 0x11, sizeof(record.uuid));
    strcpy(record.name, "g1");
    strcpy(record.peer, "hostB");
    put(state, flags, rebooted);
}

static int may(const char *words)
{
    char line[128];

    snprintf(line, sizeof(line), "handover may-start %s", words);
    return run(sm_verb_handover, line);
}

START_TEST(nothing_known_is_free)
{
    ck_assert_int_eq(may("g1"), 0);         /* no journal */
    begin(SM_HANDOVER_RELEASED, 0, false);
    ck_assert_int_eq(may("--uuid 22222222-1111-1111-1111-111111111111 g2"),
                     0);
    ck_assert_str_eq(out, "");
    ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(each_answer_has_its_code)
{
    static const struct {
        enum sm_handover_state state;
        uint32_t flags;
        bool rebooted;
        int code;
        const char *words;
    } table[] = {
        { SM_HANDOVER_SENDING, 0, true, 0, NULL },
        { SM_HANDOVER_SENDING, 0, false, 26, "g1 is in a handover to hostB" },
        { SM_HANDOVER_SENT, 0, true, 32, "g1 may run on hostB" },
        { SM_HANDOVER_RELEASED, 0, true, 32, "g1 may run on hostB" },
        { SM_HANDOVER_ABORTED, 0, true, 0, NULL },
        { SM_HANDOVER_DONE, 0, true, 24, "g1 belongs to hostB" },
        { SM_HANDOVER_DONE, SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED, true, 24,
          "this host was booted since" },
        { SM_HANDOVER_DONE, SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED, false, 0,
          NULL },
        { SM_HANDOVER_READY, 0, false, 24, "a whole copy is here" },
        { SM_HANDOVER_ACCEPTED, 0, false, 26, "is to run here" },
        { SM_HANDOVER_ACCEPTED, 0, true, 0, NULL },
    };
    static const char *const asked[] = {
        "--wait 0 g1", "--wait 0 --uuid " UUID " g2", "--wait 0 " UUID,
        "--wait 0 --uuid " UUID " -- -g",
    };
    size_t i, j;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        begin(table[i].state, table[i].flags, table[i].rebooted);
        for (j = 0; j < sizeof(asked) / sizeof(asked[0]); j++) {
            ck_assert_msg(may(asked[j]) == table[i].code, "%zu, %s: %s", i,
                          asked[j], err);
            if (table[i].code)
                fails(table[i].code, table[i].words);
            else
                ck_assert_str_eq(err, "");
        }
    }
}
END_TEST

/* A daemon runs from here on, as far as may-start can see; to be closed. */
static int daemon_is_up(void)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%.100s", cli.conf.socket);
    ck_assert_int_eq(bind(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
    ck_assert_int_eq(listen(s, 16), 0);
    return s;
}

START_TEST(it_says_whether_a_daemon_will_settle_it)
{
    int s;

    begin(SM_HANDOVER_RELEASED, 0, true);
    ck_assert_int_eq(may("--wait 0 g1"), 32);
    fails(32, "secmigd does not run here (at boot it comes after the guests)"
          ": start it if it stays down");
    s = daemon_is_up();
    ck_assert_int_eq(may("--wait 0 g1"), 32);
    fails(32, "hostB is asked until it answers");
    ck_assert_ptr_null(strstr(err, "does not run here"));
    close(s);
}
END_TEST

/* What a daemon writes 600 ms after it was asked; how long it took, in ms. */
static int64_t settled_as(enum sm_handover_state state, uint32_t flags,
                          const char *words, int code)
{
    int64_t start = sm_clock_now_ms();
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        usleep(600000);
        put(state, flags, true);
        _exit(0);
    }
    ck_assert_msg(may(words) == code, "%s", err);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    return sm_clock_now_ms() - start;
}

START_TEST(without_a_daemon_nothing_is_waited_for)
{
    static const enum sm_handover_state states[] = {
        SM_HANDOVER_RELEASED, SM_HANDOVER_SENT,
    };
    int64_t start = sm_clock_now_ms();
    size_t i;

    for (i = 0; i < 2; i++) {
        begin(states[i], 0, true);
        ck_assert_int_eq(may("--wait 20 g1"), 32);
        fails(32, "try again then.  secmigd does not run here");
        ck_assert_ptr_null(strstr(err, "waits"));
    }
    begin(SM_HANDOVER_ACCEPTED, 0, false);
    ck_assert_int_eq(may("--wait 20 g1"), 26);
    fails(26, "try again then.  secmigd does not run here");
    ck_assert(sm_clock_now_ms() - start < 15000);
}
END_TEST

START_TEST(it_waits_until_it_is_settled)
{
    int s = daemon_is_up();
    int64_t ms;

    begin(SM_HANDOVER_RELEASED, 0, true);
    ms = settled_as(SM_HANDOVER_ABORTED, SM_HANDOVER_ACTED, "--wait 20 g1",
                    0);
    ck_assert(ms >= 500 && ms < 10000);
    ck_assert_ptr_nonnull(strstr(err, "secmig: note: g1: waits at most 20 s "
                                 "for its handover to hostB to be settled "
                                 "(died here with a reboot"));
    /* the other way nothing is waited for any longer, either */
    begin(SM_HANDOVER_SENT, 0, true);
    ms = settled_as(SM_HANDOVER_DONE, SM_HANDOVER_ACTED |
                    SM_HANDOVER_CLOSED, "--wait 20 g1", 24);
    ck_assert(ms >= 500 && ms < 10000);
    ck_assert_ptr_nonnull(strstr(err, "\nsecmig: g1 belongs to hostB"));
    close(s);
}
END_TEST

START_TEST(it_waits_no_longer_than_it_was_told)
{
    int64_t start = sm_clock_now_ms();
    int s = daemon_is_up();

    begin(SM_HANDOVER_RELEASED, 0, true);
    ck_assert_int_eq(may("--wait 1 g1"), 32);
    ck_assert(sm_clock_now_ms() - start >= 1000);
    ck_assert(sm_clock_now_ms() - start < 10000);
    /* as long as xl waits for a verdict, if nobody says so */
    cli.conf.verdict_timeout = 1000;
    start = sm_clock_now_ms();
    ck_assert_int_eq(may("g1"), 32);
    ck_assert(sm_clock_now_ms() - start >= 1000);
    ck_assert_ptr_nonnull(strstr(err, "waits at most 1 s"));
    /* what can only stay as it is is not waited for */
    begin(SM_HANDOVER_DONE, 0, true);
    start = sm_clock_now_ms();
    ck_assert_int_eq(may("--wait 20 g1"), 24);
    ck_assert(sm_clock_now_ms() - start < 10000);
    fails(24, "belongs to hostB");
    close(s);
}
END_TEST

START_TEST(a_journal_that_cannot_be_read_is_no_yes)
{
    int fd;

    begin(SM_HANDOVER_ABORTED, SM_HANDOVER_ACTED, false);
    ck_assert_int_eq(may("g1"), 0);
    fd = open(cli.conf.journal, O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "?", 1, 1124), 1);
    close(fd);
    ck_assert_int_eq(may("g1"), 4);
    fails(4, "whether another host runs this guest is not known");
    /* whatever guest it is */
    ck_assert_int_eq(may("g9"), 4);
    ck_assert_int_eq(unlink(cli.conf.journal), 0);
    ck_assert_int_eq(mkdir(cli.conf.journal, 0700), 0);
    ck_assert_int_ne(may("g1"), 0);
    ck_assert_int_eq(rmdir(cli.conf.journal), 0);
}
END_TEST

START_TEST(wrong_arguments)
{
    ck_assert_int_eq(may("--uuid 1234 g1"), 2);
    fails(2, "not a uuid");
    ck_assert_int_eq(may("--wait 4000 g1"), 2);
    fails(2, "not a number of seconds");
    ck_assert_int_eq(may("--wait -1 g1"), 2);
    ck_assert_int_eq(may("-g1"), USAGE_CODE);
    ck_assert_int_eq(may("g1 -- g2"), USAGE_CODE);
    ck_assert_int_eq(may("g1 --"), USAGE_CODE);
    ck_assert_int_eq(may("--"), USAGE_CODE);
    ck_assert_int_eq(may("-- --uuid g1"), USAGE_CODE);
}
END_TEST

static void set_up(void)
{
    prepare();
    init_plain();
}

int main(void)
{
    Suite *suite = suite_create("secmig handover may-start");
    TCase *t = tcase_create("may-start");

    if (geteuid() != 0) {
        puts("skip - only root reads the journal");
        return 77;
    }
    tcase_add_checked_fixture(t, set_up, scratch_remove);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, nothing_known_is_free);
    tcase_add_test(t, each_answer_has_its_code);
    tcase_add_test(t, it_says_whether_a_daemon_will_settle_it);
    tcase_add_test(t, without_a_daemon_nothing_is_waited_for);
    tcase_add_test(t, it_waits_until_it_is_settled);
    tcase_add_test(t, it_waits_no_longer_than_it_was_told);
    tcase_add_test(t, a_journal_that_cannot_be_read_is_no_yes);
    tcase_add_test(t, wrong_arguments);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
