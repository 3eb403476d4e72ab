/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of base/log.h's contract. */
#include <sys/socket.h>

#include "base/log.h"
#include "scratch.h"

static int events = -1;
static char line[8192];

/* Standard error becomes a socket that keeps every write(2) apart. */
static void setup(void)
{
    int fds[2];

    ck_assert_int_eq(unsetenv("JOURNAL_STREAM"), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
                                fds), 0);
    ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    close(fds[1]);
    events = fds[0];
}

/* The next write, or "" when there was none. */
static const char *next(void)
{
    ssize_t n = recv(events, line, sizeof(line) - 1, MSG_DONTWAIT);

    line[n < 0 ? 0 : n] = '\0';
    return line;
}

START_TEST(an_event_is_one_line_in_one_write)
{
    sm_log_init("prog", SM_LOG_INFO);
    sm_info("%s is %d", "answer", 42);
    ck_assert_str_eq(next(), "prog: answer is 42\n");
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(before_init_there_is_a_name_too)
{
    sm_info("x");
    ck_assert_str_eq(next(), "secmig: x\n");
    sm_debug("x");
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(only_levels_up_to_the_highest_are_shown)
{
    static const enum sm_log_level levels[] = {
        SM_LOG_ERROR, SM_LOG_WARNING, SM_LOG_NOTICE, SM_LOG_INFO,
        SM_LOG_DEBUG,
    };
    size_t i, k;

    for (i = 0; i < 5; i++) {
        sm_log_init("p", levels[i]);
        for (k = 0; k < 5; k++) {
            sm_log(levels[k], "%zu", k);
            ck_assert_int_eq(next()[0] != '\0', k <= i);
        }
    }
}
END_TEST

START_TEST(each_macro_has_its_level)
{
    setenv("JOURNAL_STREAM", "8:1", 1);
    sm_log_init("p", SM_LOG_DEBUG);
    sm_error("x");
    ck_assert_str_eq(next(), "<3>p: x\n");
    sm_warning("x");
    ck_assert_str_eq(next(), "<4>p: x\n");
    sm_notice("x");
    ck_assert_str_eq(next(), "<5>p: x\n");
    sm_info("x");
    ck_assert_str_eq(next(), "<6>p: x\n");
    sm_debug("x");
    ck_assert_str_eq(next(), "<7>p: x\n");
}
END_TEST

START_TEST(the_prefix_is_for_the_journal_only)
{
    sm_log_init("p", SM_LOG_INFO);
    sm_error("x");
    ck_assert_str_eq(next(), "p: x\n");
}
END_TEST

START_TEST(a_value_cannot_end_itself_and_begin_another)
{
    const char *evil = "x\" answer=allow text=\"a\\b";
    char longer[2 * SM_LOG_VALUE_SIZE];

    sm_log_init("p", SM_LOG_INFO);
    sm_info("vm=%s text=\"%s\"", SM_LOG_WORD(evil), SM_LOG_TEXT(evil));
    ck_assert_str_eq(next(), "p: vm=x'_answer=allow_text='a/b "
                     "text=\"x' answer=allow text='a/b\"\n");
    sm_info("%s|%s", SM_LOG_WORD(""), SM_LOG_TEXT("h\xc3\xb6ren"));
    ck_assert_str_eq(next(), "p: |h\xc3\xb6ren\n");
    memset(longer, '"', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    ck_assert_uint_eq(strspn(SM_LOG_TEXT(longer), "'"),
                      SM_LOG_VALUE_SIZE - 1);
}
END_TEST

START_TEST(control_characters_become_question_marks)
{
    char text[2] = "", expected[16];
    int c;

    sm_log_init("p", SM_LOG_INFO);
    for (c = 1; c < 0x80; c++) {
        text[0] = (char)c;
        sm_info("a%sb", text);
        snprintf(expected, sizeof(expected), "p: a%cb\n",
                 c < 0x20 || c == 0x7f ? '?' : c);
        ck_assert_str_eq(next(), expected);
    }
    sm_info("one\nEvil: two\r\x1b[2J");
    ck_assert_str_eq(next(), "p: one?Evil: two??[2J\n");
}
END_TEST

START_TEST(control_characters_of_two_bytes_too)
{
    char text[3] = "\xc2", expected[16];
    int c;

    sm_log_init("p", SM_LOG_INFO);
    for (c = 0x80; c < 0xc0; c++) {
        text[1] = (char)c;
        sm_info("a%sb", text);
        snprintf(expected, sizeof(expected), "p: a%sb\n",
                 c < 0xa0 ? "??" : text);
        ck_assert_str_eq(next(), expected);
    }
    sm_info("\xc3\x9b \xe2\x82\xac");           /* neither is one */
    ck_assert_str_eq(next(), "p: \xc3\x9b \xe2\x82\xac\n");
    sm_info("end\xc2");
    ck_assert_str_eq(next(), "p: end\xc2\n");
}
END_TEST

START_TEST(a_long_event_is_cut_and_still_one_line)
{
    char text[4000];
    const char *got;
    size_t len, n;

    sm_log_init("p", SM_LOG_INFO);
    for (n = 2000; n < 2100; n++) {
        memset(text, 'a', n);
        text[n] = '\0';
        sm_info("%s", text);
        got = next();
        len = strlen(got);
        ck_assert_uint_gt(len, 1900);
        ck_assert_uint_le(len, 2048);
        ck_assert_int_eq(got[len - 1], '\n');
        ck_assert_ptr_eq(strchr(got, '\n'), got + len - 1);
        ck_assert_uint_eq(strspn(got + 3, "a"), len - 4);
    }
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(a_log_that_cannot_be_written_does_no_harm)
{
    sm_log_init("p", SM_LOG_INFO);
    close(STDERR_FILENO);
    sm_error("nobody hears this");
    ck_assert_str_eq(next(), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *c = tcase_create("log");

    tcase_add_checked_fixture(c, setup, NULL);
    tcase_add_test(c, an_event_is_one_line_in_one_write);
    tcase_add_test(c, before_init_there_is_a_name_too);
    tcase_add_test(c, only_levels_up_to_the_highest_are_shown);
    tcase_add_test(c, each_macro_has_its_level);
    tcase_add_test(c, the_prefix_is_for_the_journal_only);
    tcase_add_test(c, a_value_cannot_end_itself_and_begin_another);
    tcase_add_test(c, control_characters_become_question_marks);
    tcase_add_test(c, control_characters_of_two_bytes_too);
    tcase_add_test(c, a_long_event_is_cut_and_still_one_line);
    tcase_add_test(c, a_log_that_cannot_be_written_does_no_harm);
    suite_add_tcase(suite, c);
    return scratch_run(suite);
}
