/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig handover: what it asks a daemon, what it asks a person, and what it
 * reads itself where no daemon runs.
 */
#include <fcntl.h>
#include <stdlib.h>

#include <sodium.h>

#include "../../helper/secmig/handover.h"
#include "base/clock.h"
#include "verb_daemon.h"

static const struct answer done = { FRAME_ANSWER, 0, "", "it is done" };
static const struct answer no = { FRAME_ANSWER, 20, "r1", "refused here" };
#define TWO "  one\n  two\n"
static const struct answer two = { FRAME_OUTPUT, 0, "", TWO };
static const struct answer dirty = { FRAME_OUTPUT, 0, "", "\033[31mone\n" };

/* ---- with a daemon ---- */

START_TEST(list_and_show_print_what_the_daemon_says)
{
    init_plain();
    expect(FRAME_HANDOVER_LIST, "");
    ck_assert_int_eq(ask(sm_verb_handover, "handover list", &two, 1), 0);
    ck_assert_str_eq(out, "  one\n  two\n");
    ck_assert_str_eq(err, "");
    expect(FRAME_HANDOVER_SHOW, "lead");
    sm_wire_put_str(&want, "g1");
    ck_assert_int_eq(ask(sm_verb_handover, "handover show --role lead g1",
                         &two, 1), 0);
    expect(FRAME_HANDOVER_SHOW, "");
    sm_wire_put_str(&want, "g1");
    ck_assert_int_eq(ask(sm_verb_handover, "handover show g1", &no, 1), 20);
    fails(20, "refused here (rule r1)");
    expect(FRAME_HANDOVER_LIST, "");
    ck_assert_int_eq(ask(sm_verb_handover, "handover list", &dirty, 1), 16);
    ck_assert_ptr_null(strchr(out, '\033'));
}
END_TEST

START_TEST(settle_asks_nobody_but_the_daemon)
{
    init_plain();
    expect(FRAME_HANDOVER_SETTLE, "");
    sm_wire_put_u32(&want, 0);
    sm_wire_put_str(&want, "g1");
    ck_assert_int_eq(ask(sm_verb_handover, "handover settle g1", &done, 1),
                     0);
    ck_assert_str_eq(out, "it is done\n");
    expect(FRAME_HANDOVER_SETTLE, "lead");
    sm_wire_put_u32(&want, FRAME_SETTLE_UNDO);
    sm_wire_put_str(&want, "g1");
    ck_assert_int_eq(ask(sm_verb_handover, "handover settle --role lead "
                         "--undo --yes g1", &no, 1), 20);
    fails(20, "refused here (rule r1)");
}
END_TEST

static void expect_undo(uint32_t flags, const struct answer *answer)
{
    expect(FRAME_HANDOVER_SETTLE, "");
    sm_wire_put_u32(&want, FRAME_SETTLE_UNDO | flags);
    sm_wire_put_str(&want, "g1");
    answered(answer, 1);
}

START_TEST(undo_shows_what_it_would_do_and_asks)
{
    pid_t daemon;

    init_plain();
    expect_undo(FRAME_SETTLE_ASK, &two);
    expect_undo(0, &done);
    daemon = serve();
    sit_down(sm_verb_handover, "handover settle --undo g1", "");
    see("  one\r\n  two\r\n");
    see("Type yes");
    type("yes\n");
    see("it is done");
    ck_assert_int_eq(leave(), 0);
    served(daemon);

    expect_undo(FRAME_SETTLE_ASK, &two);
    daemon = serve();
    sit_down(sm_verb_handover, "handover settle --undo g1", "");
    see("Type yes");
    type("no\n");
    see("nothing was changed");
    ck_assert_int_eq(leave(), 28);
    served(daemon);

    expect_undo(FRAME_SETTLE_ASK, &two);
    daemon = serve();
    ck_assert_int_eq(run(sm_verb_handover, "handover settle --undo g1"), 2);
    fails(2, "use --yes");
    served(daemon);

    expect_undo(FRAME_SETTLE_ASK, &no);
    daemon = serve();
    ck_assert_int_eq(run(sm_verb_handover, "handover settle --undo g1"), 20);
    fails(20, "rule r1");
    served(daemon);
}
END_TEST

/* shown: what has been agreed to; NULL: whatever it is */
static void expect_fence(uint32_t flags, const char *shown,
                         const struct answer *answer)
{
    char hex[FRAME_SHOWN_LEN + 1] = "";
    uint8_t hash[FRAME_SHOWN_LEN / 2];

    if (shown) {
        crypto_generichash(hash, sizeof(hash), (const uint8_t *)shown,
                           strlen(shown), NULL, 0);
        sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    }
    expect(FRAME_HANDOVER_FENCE, "");
    sm_wire_put_u32(&want, flags);
    sm_wire_put_str(&want, "hostB");
    sm_wire_put_str(&want, hex);
    answered(answer, 1);
}

/* Sit down, type `word` at the question; the exit code. */
static int fence(const char *line, const char *word)
{
    sit_down(sm_verb_handover, line, "");
    see("hostB runs none of these guests, and never will;\r\n");
    see("it has not run since the time below, and what may be started\r\n"
        "here again no other host runs.");
    see("  one\r\n  two\r\n");
    see("a guest runs twice");
    see("Type the name of the host that is lost, hostB, to go on: ");
    type(word);
    return leave();
}

START_TEST(a_fence_is_typed_by_the_name_of_the_host)
{
    static const char *const others[] = {
        "yes\n", "hostA\n", "hostBB\n", "host\n", "\n", "HOSTB\n", "\004",
    };
    pid_t daemon;
    size_t i;

    init_plain();
    expect_fence(FRAME_FENCE_ASK, NULL, &two);
    expect_fence(0, TWO, &done);
    daemon = serve();
    ck_assert_int_eq(fence("handover fence hostB", "hostB\n"), 0);
    ck_assert_ptr_nonnull(strstr(screen, "it is done"));
    served(daemon);

    expect_fence(FRAME_FENCE_ASK, NULL, &two);
    expect_fence(FRAME_FENCE_APPROVE, TWO, &done);
    daemon = serve();
    ck_assert_int_eq(fence("handover fence --approve hostB", "hostB\n"), 0);
    served(daemon);

    /* anything else, and no second request comes */
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect_fence(FRAME_FENCE_ASK, NULL, &two);
        daemon = serve();
        ck_assert_int_eq(fence("handover fence hostB", others[i]), 28);
        ck_assert_ptr_nonnull(strstr(screen, "nothing was changed"));
        served(daemon);
    }
}
END_TEST

START_TEST(a_fence_in_a_script_names_the_host_twice)
{
    pid_t daemon;

    init_plain();
    expect_fence(0, NULL, &done);
    daemon = serve();
    ck_assert_int_eq(run(sm_verb_handover,
                         "handover fence --yes hostB hostB"), 0);
    served(daemon);
    ck_assert_int_eq(run(sm_verb_handover,
                         "handover fence --yes hostA hostB"), 2);
    fails(2, "hostA");
    ck_assert_int_eq(run(sm_verb_handover, "handover fence ../hostB"), 2);
    fails(2, "not the name of a host");

    expect_fence(FRAME_FENCE_ASK, NULL, &two);
    daemon = serve();
    ck_assert_int_eq(run(sm_verb_handover, "handover fence hostB"), 2);
    fails(2, "use --yes hostB");
    served(daemon);
    expect_fence(FRAME_FENCE_ASK, NULL, &no);
    daemon = serve();
    ck_assert_int_eq(run(sm_verb_handover, "handover fence hostB"), 20);
    fails(20, "rule r1");
    served(daemon);
    /* what is asked about has to be shown */
    expect_fence(FRAME_FENCE_ASK, NULL, &dirty);
    daemon = serve();
    ck_assert_int_eq(run(sm_verb_handover, "handover fence hostB"), 16);
    fails(16, "not fit to be shown");
    served(daemon);
    expect_fence(FRAME_FENCE_ASK, NULL, &done);
    daemon = serve();
    ck_assert_int_eq(run(sm_verb_handover, "handover fence hostB"), 16);
    served(daemon);
}
END_TEST

START_TEST(wrong_arguments_reach_no_daemon)
{
    static const char *const wrong[] = {
        "handover", "handover lists", "handover list g1", "handover show",
        "handover show g1 g2", "handover show --undo g1",
        "handover settle", "handover settle --yes g1",
        "handover settle g1 g2", "handover settle --undo --undo g1",
        "handover fence", "handover fence hostB hostC",
        "handover fence hostB --yes", "handover reset now",
        "handover reset --role lead", "handover may-start",
        "handover may-start g1 g2", "handover may-start --uuid g1",
        "handover may-start --role lead g1",
    };
    size_t i;

    init_plain();
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(run(sm_verb_handover, wrong[i]) == USAGE_CODE, "%s",
                      wrong[i]);
    ck_assert_int_eq(run(sm_verb_handover, "handover settle g1"), 10);
    fails(10, "does not run");
    ck_assert_int_eq(run(sm_verb_handover, "handover show g\001"), 2);
    fails(2, "UTF-8");
}
END_TEST

/* ---- without one: the journal ---- */

static void put(struct sm_handover_journal *j, unsigned int number,
                const char *name, enum sm_handover_state state,
                uint32_t flags, int64_t age)
{
    struct sm_handover_record r = {
        .state = state, .flags = flags, .domid = 5,
        .since = sm_clock_real() - age, .changed = sm_clock_real() - age,
    };

    memset(r.id, (int)number, sizeof(r.id));
    memset(r.uuid, 0x11, sizeof(r.uuid));
    ck_assert_int_eq(sm_handover_boot_read(r.boot), 0);
    snprintf(r.name, sizeof(r.name), "%s", name);
    strcpy(r.peer, "hostB");
    strcpy(r.by, "alice");
    ck_assert_int_eq(sm_handover_journal_reserve(j), 0);
    ck_assert_int_eq(sm_handover_journal_put(j, &r), 0);
}

static void write_journal(void)
{
    struct sm_handover_journal *j;
    char why[512];

    ck_assert_msg(!sm_handover_journal_open(cli.conf.journal,
                                            cli.conf.journal_witness, &j,
                                            why, sizeof(why)), "%s", why);
    put(j, 1, "old", SM_HANDOVER_DONE, SM_HANDOVER_CLOSED |
        SM_HANDOVER_ACTED, 2 * 86400);
    put(j, 2, "g2", SM_HANDOVER_ACCEPTED, SM_HANDOVER_CLOSED |
        SM_HANDOVER_ACTED, 60);
    put(j, 3, "g1", SM_HANDOVER_RELEASED, 0, 30);
    put(j, 4, "g3", SM_HANDOVER_READY, 0, 20);
    sm_handover_journal_close(j);
}

START_TEST(root_reads_the_journal_where_no_daemon_runs)
{
    if (geteuid() != 0)
        return;
    init_plain();
    ck_assert_int_eq(run(sm_verb_handover, "handover list"), 0);
    ck_assert_str_eq(out, "no handover is open here, and none was settled "
                     "in the last 24 hours\n");
    ck_assert_int_eq(run(sm_verb_handover, "handover show g1"), 25);
    write_journal();
    ck_assert_int_eq(run(sm_verb_handover, "handover list"), 0);
    ck_assert_ptr_nonnull(strstr(err, "secmigd does not run on this host"));
    ck_assert_ptr_null(strstr(out, "old  "));
    /* open ones first */
    ck_assert_int_eq(strncmp(out, "g1  to hostB  ", 14), 0);
    ck_assert_ptr_nonnull(strstr(out, "\ng3  from hostB  a whole copy is "
                                 "here, paused, and waits for hostB"));
    ck_assert_ptr_nonnull(strstr(out, "\ng2  from hostB  came here  since "));
    ck_assert_ptr_nonnull(strstr(out, "next: once secmigd runs, "));

    ck_assert_int_eq(run(sm_verb_handover, "handover show g3"), 0);
    ck_assert_ptr_nonnull(strstr(out, "state        READY: a whole copy"));
    ck_assert_ptr_nonnull(strstr(out, "start secmigd"));
    ck_assert_int_eq(run(sm_verb_handover, "handover show 01010101010101010"
                         "101010101010101"), 0);
    ck_assert_ptr_nonnull(strstr(out, "guest        old\n"));
    /* all that are open have this uuid */
    ck_assert_int_eq(run(sm_verb_handover, "handover show 11111111-1111-"
                         "1111-1111-111111111111"), 0);
    ck_assert_ptr_nonnull(strstr(out, "guest        g1\n"));
    ck_assert_ptr_nonnull(strstr(out, "\n\nguest        g3\n"));
    ck_assert_int_eq(run(sm_verb_handover, "handover show g9"), 25);
    ck_assert_ptr_nonnull(strstr(err, "g9: no handover"));
}
END_TEST

static void damage(void)
{
    int fd = open(cli.conf.journal, O_RDWR);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "?", 1, 1124), 1);
    close(fd);
}

START_TEST(a_damaged_journal_is_said_to_be_so)
{
    if (geteuid() != 0)
        return;
    init_plain();
    write_journal();
    ck_assert_int_eq(truncate(cli.conf.journal, 1), 0);
    ck_assert_int_eq(run(sm_verb_handover, "handover list"), 4);
    ck_assert_str_eq(out, "");
    ck_assert_ptr_nonnull(strstr(err, "journal"));
    ck_assert_int_eq(unlink(cli.conf.journal), 0);
    unlink(cli.conf.journal_witness);

    /* one record among whole ones */
    write_journal();
    damage();
    ck_assert_int_eq(run(sm_verb_handover, "handover list"), 4);
    ck_assert_ptr_nonnull(strstr(out, "g3  from hostB"));
    ck_assert_ptr_nonnull(strstr(err, "above is what can be read"));
    ck_assert_int_eq(run(sm_verb_handover, "handover show g3"), 4);
    ck_assert_ptr_nonnull(strstr(out, "guest        g3\n"));
    ck_assert_int_eq(run(sm_verb_handover, "handover show g9"), 4);
    ck_assert_str_eq(out, "");
}
END_TEST

/* The journal's name once it was put aside, as it was printed. */
static bool is_kept(const char *text)
{
    char path[512] = "";
    const char *at = strstr(text, "kept as ");

    return at && sscanf(at, "kept as %511s", path) == 1 &&
           !strncmp(path, cli.conf.journal, strlen(cli.conf.journal)) &&
           !access(path, F_OK);
}

START_TEST(reset_puts_the_journal_aside_and_says_what_that_means)
{
    struct sm_handover_journal *j;
    char why[512];

    if (geteuid() != 0)
        return;
    init_plain();
    ck_assert_int_eq(run(sm_verb_handover, "handover reset --yes"), 25);
    write_journal();
    sit_down(sm_verb_handover, "handover reset", "");
    see("This host forgets");
    see("g1  to hostB");
    see("suspended here for a migration stays so");
    see("Type yes");
    type("no\n");
    ck_assert_int_eq(leave(), 28);
    ck_assert_ptr_nonnull(strstr(screen, "nothing was changed"));
    ck_assert_int_eq(run(sm_verb_handover, "handover reset"), 2);
    ck_assert_ptr_nonnull(strstr(err, "use --yes"));

    damage();
    sit_down(sm_verb_handover, "handover reset", "");
    see("It is not whole: ");
    see("Type yes");
    type("yes\n");
    ck_assert_int_eq(leave(), 0);
    ck_assert(is_kept(screen));
    ck_assert_int_eq(run(sm_verb_handover, "handover list"), 0);

    /* never under a daemon's feet */
    ck_assert_int_eq(sm_handover_journal_open(cli.conf.journal,
                                              cli.conf.journal_witness, &j,
                                              why, sizeof(why)), 0);
    ck_assert_int_eq(run(sm_verb_handover, "handover reset --yes"), 26);
    fails(26, "stop secmigd first");
    sm_handover_journal_close(j);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("secmig handover");
    TCase *t = tcase_create("handover");

    tcase_add_checked_fixture(t, prepare, scratch_remove);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, list_and_show_print_what_the_daemon_says);
    tcase_add_test(t, settle_asks_nobody_but_the_daemon);
    tcase_add_test(t, undo_shows_what_it_would_do_and_asks);
    tcase_add_test(t, a_fence_is_typed_by_the_name_of_the_host);
    tcase_add_test(t, a_fence_in_a_script_names_the_host_twice);
    tcase_add_test(t, wrong_arguments_reach_no_daemon);
    tcase_add_test(t, root_reads_the_journal_where_no_daemon_runs);
    tcase_add_test(t, a_damaged_journal_is_said_to_be_so);
    tcase_add_test(t, reset_puts_the_journal_aside_and_says_what_that_means);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
