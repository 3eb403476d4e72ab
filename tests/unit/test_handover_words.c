/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How handovers are told to people (handover/words.h). */
#include <stdio.h>
#include <string.h>

#include "base/wire.h"
#include "handover/words.h"
#include "scratch.h"

#define TIME 1800000000         /* 2027-01-15T08:00:00Z */
#define DATE "2027-01-15T08:00:00Z"

static struct sm_handover_record record;
static struct sm_handover_now now;
static char line[SM_HANDOVER_LINE_SIZE], page[SM_HANDOVER_PAGE_SIZE];

static void fresh(enum sm_handover_state state, uint32_t flags)
{
    memset(&record, 0, sizeof(record));
    memset(record.id, 0xab, sizeof(record.id));
    memset(record.uuid, 0x11, sizeof(record.uuid));
    record.state = state;
    record.flags = flags;
    record.domid = 7;
    record.since = TIME - 10;
    record.changed = TIME;
    strcpy(record.name, "g1");
    strcpy(record.peer, "hostB");
    now = (struct sm_handover_now){ .daemon = true, .retry = 5 };
}

static void is(const char *want)
{
    sm_handover_line(&record, &now, line);
    ck_assert_str_eq(line, want);
}

START_TEST(a_line_for_every_state)
{
    static const struct {
        enum sm_handover_state state;
        const char *line;
    } rows[] = {
        { SM_HANDOVER_SENDING, "g1  to hostB  runs here, being sent  since "
          DATE "  next: moves on when all is sent" },
        { SM_HANDOVER_SENT, "g1  to hostB  suspended here, all of it is sent"
          "  since " DATE "  next: moves on when hostB has it whole, else is "
          "resumed" },
        { SM_HANDOVER_RELEASED, "g1  to hostB  suspended here, waits for "
          "hostB, which may start it  since " DATE "  next: calls hostB in "
          "5 s" },
        { SM_HANDOVER_ABORTED, "g1  to hostB  stays here  since " DATE
          "  next: is resumed if it is suspended, calls hostB in 5 s" },
        { SM_HANDOVER_DONE, "g1  to hostB  runs on hostB  since " DATE
          "  next: the suspended original is destroyed, calls hostB in "
          "5 s" },
        { SM_HANDOVER_LOADING, "g1  from hostB  runs on hostB, is arriving  "
          "since " DATE "  next: the rest arrives" },
        { SM_HANDOVER_READY, "g1  from hostB  a whole copy is here, paused, "
          "and waits for hostB  since " DATE "  next: hostB calls" },
        { SM_HANDOVER_ACCEPTED, "g1  from hostB  is to run here  since " DATE
          "  next: is started, hostB calls" },
        { SM_HANDOVER_REFUSED, "g1  from hostB  is refused here, stays on "
          "hostB  since " DATE "  next: the copy here is destroyed, hostB "
          "calls" },
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fresh(rows[i].state, 0);
        is(rows[i].line);
    }
}
END_TEST

START_TEST(what_is_known_at_the_moment_changes_it)
{
    fresh(SM_HANDOVER_RELEASED, 0);
    now.linked = true;
    is("g1  to hostB  suspended here, waits for hostB, which may start it  "
       "since " DATE "  next: hears from hostB");
    now.linked = false;
    now.retry = 0;
    is("g1  to hostB  suspended here, waits for hostB, which may start it  "
       "since " DATE "  next: calls hostB");
    now.held = true;
    is("g1  to hostB  suspended here, waits for hostB, which may start it  "
       "since " DATE "  next: nothing: hostB comes with another journal");
    fresh(SM_HANDOVER_RELEASED, SM_HANDOVER_UNDO);
    now.rebooted = true;
    is("g1  to hostB  died here with a reboot, may run on hostB and is asked "
       "not to  since " DATE "  next: calls hostB in 5 s");
    fresh(SM_HANDOVER_SENDING, 0);
    now.domain = SM_HANDOVER_SUSPENDED;
    is("g1  to hostB  suspended here, being sent  since " DATE
       "  next: moves on when all is sent");
    fresh(SM_HANDOVER_ABORTED, 0);
    now.domain = SM_HANDOVER_SUSPENDED;
    strcpy(now.trouble, "resume: no memory");
    is("g1  to hostB  stays here, still suspended  since " DATE "  next: is "
       "resumed if it is suspended, calls hostB in 5 s  TROUBLE: resume: no "
       "memory");
    fresh(SM_HANDOVER_SENT, 0);
    now.daemon = false;
    is("g1  to hostB  suspended here, all of it is sent  since " DATE
       "  next: once secmigd runs, is resumed");
}
END_TEST

/* Somebody has destroyed or started the domain since. */
START_TEST(what_became_of_the_domain_is_told)
{
    static const struct {
        enum sm_handover_state state;
        enum sm_handover_domain domain;
        const char *words;
    } rows[] = {
        { SM_HANDOVER_RELEASED, SM_HANDOVER_GONE, "to hostB  was destroyed "
          "here, may run on hostB  since " DATE "  next: calls hostB in 5 s" },
        { SM_HANDOVER_RELEASED, SM_HANDOVER_RUNS, "to hostB  runs here, "
          "although hostB may start it  since " DATE "  next: calls hostB in "
          "5 s" },
        { SM_HANDOVER_READY, SM_HANDOVER_RUNS, "from hostB  the copy runs "
          "here, started by somebody, although hostB may still run the guest"
          "  since " DATE "  next: hostB calls" },
        { SM_HANDOVER_REFUSED, SM_HANDOVER_RUNS, "from hostB  is refused "
          "here, and runs here, started by somebody, although hostB may still "
          "run it  since " DATE "  next: what runs here is left alone, hostB "
          "calls" },
    };
    char want[512];
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fresh(rows[i].state, 0);
        now.domain = rows[i].domain;
        snprintf(want, sizeof(want), "g1  %s", rows[i].words);
        is(want);
    }
    /* anew, after a reboot */
    fresh(SM_HANDOVER_RELEASED, 0);
    now.rebooted = true;
    now.domain = SM_HANDOVER_RUNS;
    is("g1  to hostB  runs here, although hostB may start it  since " DATE
       "  next: calls hostB in 5 s");
    ck_assert(sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "g1 runs here already, and goes on");
}
END_TEST

/* Once the domain is done with, it is no business of the record. */
START_TEST(what_is_done_is_told_as_done)
{
    static const struct {
        enum sm_handover_state state;
        const char *words, *next;
    } rows[] = {
        { SM_HANDOVER_ABORTED, "to hostB  stayed here", "tells hostB" },
        { SM_HANDOVER_DONE, "to hostB  went to hostB", "tells hostB" },
        { SM_HANDOVER_ACCEPTED, "from hostB  came here", "hostB is told" },
        { SM_HANDOVER_REFUSED, "from hostB  was refused here, stayed on "
          "hostB", "hostB is told" },
    };
    char want[512];
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fresh(rows[i].state, SM_HANDOVER_ACTED);
        now.linked = true;
        snprintf(want, sizeof(want), "g1  %s  since " DATE "  next: %s",
                 rows[i].words, rows[i].next);
        is(want);
        record.flags |= SM_HANDOVER_CLOSED;
        snprintf(want, sizeof(want), "g1  %s  since " DATE, rows[i].words);
        is(want);
        record.flags |= SM_HANDOVER_FENCED;
        snprintf(want, sizeof(want), "g1  %s%s, by somebody's word  since "
                 DATE, rows[i].words, rows[i].state == SM_HANDOVER_DONE ||
                 rows[i].state == SM_HANDOVER_REFUSED ? ", which is lost" :
                 "");
        is(want);
    }
}
END_TEST

START_TEST(the_owner_is_never_both)
{
    static const struct {
        enum sm_handover_state state;
        const char *owner;
    } rows[] = {
        { SM_HANDOVER_SENDING, "this host" },
        { SM_HANDOVER_SENT, "this host" },
        { SM_HANDOVER_RELEASED, "nobody yet: hostB decides" },
        { SM_HANDOVER_DONE, "hostB" },
        { SM_HANDOVER_ABORTED, "this host" },
        { SM_HANDOVER_LOADING, "hostB" },
        { SM_HANDOVER_READY, "hostB, until it says otherwise" },
        { SM_HANDOVER_ACCEPTED, "this host" },
        { SM_HANDOVER_REFUSED, "hostB" },
        { SM_HANDOVER_NONE, "?" },
    };
    char owner[128];
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fresh(rows[i].state, 0);
        sm_handover_owner(&record, owner, sizeof(owner));
        ck_assert_str_eq(owner, rows[i].owner);
    }
}
END_TEST

START_TEST(only_open_ones_and_those_of_a_day_are_news)
{
    fresh(SM_HANDOVER_RELEASED, 0);
    ck_assert(sm_handover_is_news(&record, TIME + 1000000));
    fresh(SM_HANDOVER_DONE, SM_HANDOVER_CLOSED);
    ck_assert(sm_handover_is_news(&record, TIME));
    ck_assert(sm_handover_is_news(&record, TIME + 86399));
    ck_assert(!sm_handover_is_news(&record, TIME + 86400));
}
END_TEST

START_TEST(a_guest_has_three_names)
{
    fresh(SM_HANDOVER_RELEASED, 0);
    ck_assert(sm_handover_named(&record, "g1"));
    ck_assert(sm_handover_named(&record,
                                "11111111-1111-1111-1111-111111111111"));
    ck_assert(sm_handover_named(&record, "abABabababababababababababababab"));
    ck_assert(!sm_handover_named(&record, ""));
    ck_assert(!sm_handover_named(&record, "g"));
    ck_assert(!sm_handover_named(&record, "g11"));
    ck_assert(!sm_handover_named(&record, "ababab"));
    ck_assert(!sm_handover_named(&record,
                                 "11111111-1111-1111-1111-111111111112"));
}
END_TEST

/* ---- what somebody's word would do ---- */

START_TEST(an_undo_says_what_it_does)
{
    fresh(SM_HANDOVER_SENT, 0);
    ck_assert(sm_handover_undo_means(&record, &now, line));
    ck_assert_str_eq(line, "g1 goes on here, and hostB drops its copy");
    fresh(SM_HANDOVER_RELEASED, 0);
    ck_assert(sm_handover_undo_means(&record, &now, line));
    ck_assert_str_eq(line, "hostB is asked to refuse g1: if it has not "
                     "started it yet it never will, and g1 goes on here; "
                     "else it stays there");
    now.rebooted = true;
    ck_assert(!sm_handover_undo_means(&record, &now, line));
    ck_assert_str_eq(line, "g1: nothing can be undone: died here with a "
                     "reboot, may run on hostB");
    fresh(SM_HANDOVER_RELEASED, 0);
    now.domain = SM_HANDOVER_GONE;
    ck_assert(!sm_handover_undo_means(&record, &now, line));
    ck_assert_str_eq(line, "g1: nothing can be undone: was destroyed here, "
                     "may run on hostB");
    sm_handover_page(&record, &now, page);
    ck_assert_ptr_null(strstr(page, "--undo"));
    fresh(SM_HANDOVER_READY, 0);
    ck_assert(sm_handover_undo_means(&record, &now, line));
    ck_assert_str_eq(line, "the copy of g1 here is destroyed for good: it "
                     "goes on on hostB if it is still there, and is lost if "
                     "hostB was booted anew or has lost it");
    fresh(SM_HANDOVER_ACCEPTED, SM_HANDOVER_ACTED);
    ck_assert(!sm_handover_undo_means(&record, &now, line));
    ck_assert_str_eq(line, "g1: nothing can be undone: came here");
    fresh(SM_HANDOVER_RELEASED, SM_HANDOVER_CLOSED);
    ck_assert(!sm_handover_undo_means(&record, &now, line));
}
END_TEST

START_TEST(a_fence_says_what_it_does)
{
    fresh(SM_HANDOVER_RELEASED, 0);
    ck_assert(sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "g1 is resumed here, as it was on " DATE);
    now.rebooted = true;
    ck_assert(sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "g1 died here with a reboot, and is given up");
    fresh(SM_HANDOVER_RELEASED, 0);
    now.domain = SM_HANDOVER_GONE;
    ck_assert(sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "g1 was destroyed here, and is given up");
    now.domain = SM_HANDOVER_RUNS;
    ck_assert(sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "g1 runs here already, and goes on");
    fresh(SM_HANDOVER_READY, 0);
    ck_assert(sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "the copy of g1 is started here, as it was on "
                     DATE);
    now.domain = SM_HANDOVER_RUNS;
    ck_assert(sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "the copy of g1 runs here already, and goes on");
    fresh(SM_HANDOVER_SENDING, 0);
    ck_assert(!sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "g1 stays here");
    fresh(SM_HANDOVER_LOADING, 0);
    ck_assert(!sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "what has arrived of g1 is destroyed here");
    fresh(SM_HANDOVER_DONE, SM_HANDOVER_ACTED);
    ck_assert(!sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "g1: went to hostB: this is filed, and hostB is "
                     "waited for no longer");
    fresh(SM_HANDOVER_DONE, SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED);
    ck_assert(sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "g1 went to hostB (" DATE "): it may be started "
                     "here again, also by the next boot");
    fresh(SM_HANDOVER_REFUSED, SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED);
    ck_assert(sm_handover_fence_means(&record, &now, line));
    ck_assert_str_eq(line, "g1 was refused here, stayed on hostB (" DATE "): "
                     "it may be started here again, also by the next boot");
}
END_TEST

/* Whose a guest is by DONE and REFUSED no fence has decided. */
START_TEST(a_fence_after_the_end_is_told)
{
    fresh(SM_HANDOVER_DONE, SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED |
          SM_HANDOVER_FENCED);
    is("g1  to hostB  went to hostB, which is lost, by somebody's word  since "
       DATE);
    sm_handover_page(&record, &now, page);
    ck_assert_ptr_nonnull(strstr(page, "may run on   this host: hostB is "
                                 "lost\n"));
    ck_assert_ptr_nonnull(strstr(page, "note         hostB is lost, by "
                                 "somebody's word (fence): it may be started "
                                 "here\n"));
    fresh(SM_HANDOVER_DONE, SM_HANDOVER_ACTED | SM_HANDOVER_FENCED);
    sm_handover_page(&record, &now, page);
    ck_assert_ptr_nonnull(strstr(page, "may run on   hostB\n"));
    ck_assert_ptr_nonnull(strstr(page, "somebody's word (fence)\n"));
    fresh(SM_HANDOVER_ABORTED, SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED |
          SM_HANDOVER_FENCED);
    is("g1  to hostB  stayed here, by somebody's word  since " DATE);
    sm_handover_page(&record, &now, page);
    ck_assert_ptr_nonnull(strstr(page, "note         settled by somebody's "
                                 "word (fence)\n"));
}
END_TEST

/* ---- a name that is taken ---- */

START_TEST(a_guest_without_its_name_is_news)
{
    fresh(SM_HANDOVER_ACCEPTED, SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED |
          SM_HANDOVER_UNNAMED);
    ck_assert(sm_handover_is_news(&record, record.changed + 10 * 86400));
    sm_handover_line(&record, &now, line);
    ck_assert_str_eq(line, "g1  from hostB  came here and runs as "
                     "g1--incoming: its name is taken  since " DATE
                     "  next: gets its name when that is free");
    sm_handover_page(&record, &now, page);
    ck_assert_ptr_nonnull(strstr(page, "\nnext         gets its name when "
                                 "that is free\nto do        see to the "
                                 "other domain that is named g1; or give "
                                 "this one another\n             name ('xl "
                                 "rename').\n"));
    ck_assert_ptr_null(strstr(page, "connection"));
    ck_assert_ptr_null(strstr(page, "nothing"));
    record.flags &= ~SM_HANDOVER_CLOSED;
    sm_handover_line(&record, &now, line);
    ck_assert_ptr_nonnull(strstr(line, "  next: gets its name when that is "
                                 "free, hostB calls"));
    fresh(SM_HANDOVER_ABORTED, SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED |
          SM_HANDOVER_UNNAMED);
    sm_handover_line(&record, &now, line);
    ck_assert_ptr_nonnull(strstr(line, "stayed here and runs as "
                                 "g1--migratedaway: its name is taken"));
    record.flags &= ~SM_HANDOVER_UNNAMED;
    ck_assert(!sm_handover_is_news(&record, record.changed + 10 * 86400));
}
END_TEST

/* ---- the page ---- */

START_TEST(a_page_says_who_owns_it_and_what_to_type)
{
    fresh(SM_HANDOVER_RELEASED, SM_HANDOVER_LEAVE_PAUSED);
    strcpy(record.by, "alice");
    now.domain = SM_HANDOVER_SUSPENDED;
    sm_handover_page(&record, &now, page);
    ck_assert_str_eq(page,
"guest        g1\n"
"uuid         11111111-1111-1111-1111-111111111111\n"
"migration    abababababababababababababababab\n"
"direction    from here to hostB\n"
"may run on   nobody yet: hostB decides\n"
"state        RELEASED: suspended here, waits for hostB, which may start it\n"
"since        " DATE " (began 2027-01-15T07:59:50Z)\n"
"domain here  suspended, it was number 7\n"
"asked by     alice\n"
"note         it is left paused at the destination\n"
"connection   none: this host calls\n"
"next         calls hostB in 5 s\n"
"to do        get hostB back on the network, or wait.  It is settled as soon "
"as it answers.\n"
"             To have it here again if hostB has not started it: secmig "
"handover settle --undo g1\n"
"             Only if hostB is lost for good: secmig handover fence hostB\n");
}
END_TEST

START_TEST(a_page_of_a_settled_one_asks_for_nothing)
{
    fresh(SM_HANDOVER_ABORTED, SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED);
    record.code = 27;
    strcpy(record.why, "it failed there");
    sm_handover_page(&record, &now, page);
    ck_assert_ptr_nonnull(strstr(page, "state        ABORTED, settled: "
                                 "stayed here\n"));
    ck_assert_ptr_nonnull(strstr(page, "reason       27, "));
    ck_assert_ptr_nonnull(strstr(page, ": it failed there\n"));
    ck_assert_ptr_null(strstr(page, "to do"));
    ck_assert_ptr_null(strstr(page, "next"));
}
END_TEST

START_TEST(a_journal_that_was_replaced_is_explained)
{
    fresh(SM_HANDOVER_READY, 0);
    now.held = true;
    sm_handover_page(&record, &now, page);
    ck_assert_ptr_nonnull(strstr(page, "connection   refused: "));
    ck_assert_ptr_nonnull(strstr(page, "nothing goes on by itself"));
    ck_assert_ptr_nonnull(strstr(page, "secmig handover fence hostB\n"));
}
END_TEST

/* Whatever a name is made of, it can be pasted into a shell. */
START_TEST(a_guest_that_cannot_be_typed_is_called_by_its_uuid)
{
    static const char *const names[] = {
        "-rf", "a b", "a;b", "$(x)", "a'b", "", "g\xc3\xa4st",
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fresh(SM_HANDOVER_READY, 0);
        strcpy(record.name, names[i]);
        sm_handover_page(&record, &now, page);
        ck_assert_ptr_nonnull(strstr(page, "settle --undo 11111111-1111-1111-"
                                     "1111-111111111111\n"));
    }
}
END_TEST

/* Each line fits a terminal, whatever is in the record, and all texts fit
 * their places. */
START_TEST(hostile_names_do_no_harm)
{
    unsigned int state, flags;
    char *p, *end;

    for (state = 0; state < 32; state++) {
        for (flags = 0; flags < 128; flags++) {
            fresh((enum sm_handover_state)state, flags);
            memset(record.name, 'n', SM_HANDOVER_NAME_MAX);
            memset(record.peer, 'p', SM_HANDOVER_PEER_MAX);
            memset(record.by, '\033', SM_HANDOVER_BY_MAX);
            memset(record.why, '\n', SM_HANDOVER_WHY_MAX);
            memset(now.trouble, '\200', sizeof(now.trouble) - 1);
            record.code = (uint16_t)(state + flags);
            record.since = INT64_MIN;
            now.daemon = flags & 1;
            now.held = flags & 2;
            now.rebooted = flags & 4;
            sm_handover_line(&record, &now, line);
            ck_assert(sm_wire_text_ok(line, strlen(line)));
            sm_handover_undo_means(&record, &now, line);
            ck_assert(sm_wire_text_ok(line, strlen(line)));
            sm_handover_fence_means(&record, &now, line);
            ck_assert(sm_wire_text_ok(line, strlen(line)));
            sm_handover_page(&record, &now, page);
            for (p = page; (end = strchr(p, '\n')); p = end + 1)
                ck_assert(sm_wire_text_ok(p, (size_t)(end - p)));
            ck_assert_str_eq(p, "");
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handovers in words");
    TCase *t = tcase_create("words");

    tcase_add_test(t, a_line_for_every_state);
    tcase_add_test(t, what_is_known_at_the_moment_changes_it);
    tcase_add_test(t, what_became_of_the_domain_is_told);
    tcase_add_test(t, what_is_done_is_told_as_done);
    tcase_add_test(t, the_owner_is_never_both);
    tcase_add_test(t, only_open_ones_and_those_of_a_day_are_news);
    tcase_add_test(t, a_guest_has_three_names);
    tcase_add_test(t, an_undo_says_what_it_does);
    tcase_add_test(t, a_fence_says_what_it_does);
    tcase_add_test(t, a_fence_after_the_end_is_told);
    tcase_add_test(t, a_guest_without_its_name_is_news);
    tcase_add_test(t, a_page_says_who_owns_it_and_what_to_type);
    tcase_add_test(t, a_page_of_a_settled_one_asks_for_nothing);
    tcase_add_test(t, a_journal_that_was_replaced_is_explained);
    tcase_add_test(t, a_guest_that_cannot_be_typed_is_called_by_its_uuid);
    tcase_add_test(t, hostile_names_do_no_harm);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
