/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver of handovers: a fence of a host marks what has settled with it,
 * durably, and opens none of it.
 */
#include "handover_driver.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

static const struct sm_handover_record *last_of(unsigned int n)
{
    uint8_t id[16] = { 0 };

    memcpy(id, &n, sizeof(n));
    return sm_handover_journal_find(handover_journal, id);
}

/* `n` different guests that have gone to hostB, and are settled. */
static void have_gone(unsigned int from, unsigned int n)
{
    struct sm_handover_record r = first(SM_HANDOVER_DONE);
    unsigned int end = from + n;

    for (; from < end; from++) {
        memset(r.id, 0, sizeof(r.id));
        memcpy(r.id, &from, sizeof(from));
        memcpy(r.uuid, &from, sizeof(from));
        r.flags = SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED;
        r.changed = sm_clock_real() - 600;
        ck_assert_int_eq(sm_handover_journal_put(handover_journal, &r), 0);
    }
}

START_TEST(a_fence_marks_what_has_settled_and_opens_nothing)
{
    struct handover *h = released();
    struct sm_handover_record before;
    char text[512];
    int i;

    have_gone(100, 3);
    before = *last_of(100);
    handover_lost(&link_a, SM_LINK, "lost");
    handover_detach(h);
    turns();
    xl_sees(SM_HANDOVER_SUSPENDED, 3);
    ck_assert_int_eq(handover_fence("hostB", true, "alice", text,
                                    sizeof(text)), 0);
    ck_assert_str_eq(text, "1 with hostB: being settled; 3 that had settled "
                     "with hostB: may be started here again");
    turns();
    ck_assert_int_eq(recorded()->state, SM_HANDOVER_ABORTED);
    for (i = 0; i < 2; i++) {
        ck_assert(last_of(102)->flags & SM_HANDOVER_FENCED);
        ck_assert(last_of(100)->flags == (before.flags | SM_HANDOVER_FENCED));
        ck_assert_int_eq(last_of(100)->state, SM_HANDOVER_DONE);
        ck_assert_int_eq(last_of(100)->changed, before.changed);
        ck_assert_ptr_null(handover_find(before.id));
        restart();
    }
    ck_assert_int_eq(handover_fence("hostC", true, "alice", text,
                                    sizeof(text)), SM_NO_DOMAIN);
}
END_TEST

START_TEST(what_was_freed_answers_as_before)
{
    struct sm_handover_record r = first(SM_HANDOVER_REFUSED);
    int fd = memfd_create("log", MFD_CLOEXEC), old;
    char text[8192] = "";

    r.flags = SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED;
    r.changed = sm_clock_real();
    ck_assert_int_eq(sm_handover_journal_put(handover_journal, &r), 0);
    ck_assert_int_eq(handover_fence("hostB", false, "alice", text,
                                    sizeof(text)), SM_NO_DOMAIN);
    ck_assert_int_eq(handover_fence("hostB", true, "alice", text,
                                    sizeof(text)), 0);
    ck_assert_int_eq(handover_fence("hostB", true, "alice", text,
                                    sizeof(text)), SM_NO_DOMAIN);
    /* it is there after all */
    ck_assert(handover_expects(key));
    ck_assert(handover_awaits_call());
    old = log_to(fd);
    hear(SM_HANDOVER_SAY_GO);
    ck_assert_int_ge(dup2(old, STDERR_FILENO), 0);
    close(old);
    ck_assert_int_gt(pread(fd, text, sizeof(text) - 1, 0), 0);
    close(fd);
    ck_assert_ptr_nonnull(strstr(text, "with=hostB: a fence has said that it "
                                 "is lost, and it is there"));
    ck_assert_int_eq(session.said, SM_HANDOVER_SAY_REFUSED);
    ck_assert_ptr_null(handover_first);
    ck_assert(recorded()->flags & SM_HANDOVER_CLOSED);
    ck_assert_str_eq(xl.verb, "");
}
END_TEST

START_TEST(what_cannot_be_freed_is_said)
{
    struct rlimit limit, none;
    char text[512];

    have_gone(100, 2);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    ck_assert_int_eq(handover_fence("hostB", true, "alice", text,
                                    sizeof(text)), SM_IO);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_str_eq(text, "the journal cannot be written: 2 of 2 with hostB "
                     "are as they were: say it again");
    ck_assert(!(last_of(100)->flags & SM_HANDOVER_FENCED));
    ck_assert_int_eq(handover_fence("hostB", true, "alice", text,
                                    sizeof(text)), 0);
    ck_assert(last_of(101)->flags & SM_HANDOVER_FENCED);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        a_fence_marks_what_has_settled_and_opens_nothing,
        what_was_freed_answers_as_before,
        what_cannot_be_freed_is_said,
    };

    return run_cases("handover_fence", cases,
                     sizeof(cases) / sizeof(cases[0]));
}
