/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The operators' verbs of secmig(1) against a daemon of the test's own: what
 * they send, to the byte, and what they make of each answer.
 */
#include "verb_daemon.h"

static const struct answer done = { FRAME_ANSWER, 0, "", "it is done" };
static const struct answer no = { FRAME_ANSWER, 20, "r1", "refused here" };

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(scratch_path(name), "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

/* ---- commands with one answer ---- */

START_TEST(each_command_sends_its_frame_and_prints_the_answer)
{
    init_plain();
    expect(FRAME_APPROVE, "");
    sm_wire_put_str(&want, "g1");
    sm_wire_put_str(&want, "hostB");
    ck_assert_int_eq(ask(sm_verb_approve, "approve g1 hostB", &done, 1), 0);
    ck_assert_str_eq(out, "it is done\n");
    ck_assert_str_eq(err, "");

    expect(FRAME_ABORT, "lead");
    sm_wire_put_str(&want, "g1");
    ck_assert_int_eq(ask(sm_verb_abort, "abort --role lead g1", &done, 1),
                     0);

    expect(FRAME_RELOAD, "");
    ck_assert_int_eq(ask(sm_verb_reload, "reload", &done, 1), 0);

    expect(FRAME_VM_POLICY_REMOVE, "");
    sm_wire_put_str(&want, "g1");
    ck_assert_int_eq(ask(sm_verb_vm_policy, "vm-policy remove g1", &done, 1),
                     0);
}
END_TEST

START_TEST(a_refusal_is_one_line_with_its_rule_and_its_code)
{
    init_plain();
    expect(FRAME_RELOAD, "");
    ck_assert_int_eq(ask(sm_verb_reload, "reload", &no, 1), 20);
    fails(20, "refused here (rule r1)");
    expect(FRAME_APPROVE, "");
    sm_wire_put_str(&want, "g1");
    sm_wire_put_str(&want, "hostB");
    ck_assert_int_eq(ask(sm_verb_approve, "approve g1 hostB", &no, 1), 20);
    fails(20, "refused here (rule r1)");
}
END_TEST

START_TEST(wrong_arguments_reach_no_daemon)
{
    static const struct {
        verb *v;
        const char *line;
    } wrong[] = {
        { sm_verb_migrate, "migrate" },
        { sm_verb_migrate, "migrate g1" },
        { sm_verb_migrate, "migrate g1 hostB more" },
        { sm_verb_migrate, "migrate --role" },
        { sm_verb_migrate, "migrate --role a --role b g1 hostB" },
        { sm_verb_migrate, "migrate -C g1 hostB" },
        { sm_verb_migrate, "migrate -- g1 hostB" },
        { sm_verb_approve, "approve g1" },
        { sm_verb_approve, "approve --paused g1 hostB" },
        { sm_verb_abort, "abort" },
        { sm_verb_abort, "abort g1 g2" },
        { sm_verb_reload, "reload now" },
        { sm_verb_status, "status g1" },
        { sm_verb_vm_policy, "vm-policy" },
        { sm_verb_vm_policy, "vm-policy add" },
        { sm_verb_vm_policy, "vm-policy list g1" },
        { sm_verb_vm_policy, "vm-policy show" },
        { sm_verb_vm_policy, "vm-policy drop g1" },
        { sm_verb_ticket, "ticket use" },
        { sm_verb_ticket, "ticket use a b" },
    };
    size_t i;

    init_plain();
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(run(wrong[i].v, wrong[i].line) == USAGE_CODE, "%s",
                      wrong[i].line);
}
END_TEST

START_TEST(what_no_frame_can_hold_is_said_before_anything_is_sent)
{
    char line[1024];

    init_plain();
    /* nobody listens: connecting would be another code */
    snprintf(line, sizeof(line), "abort g\001");
    ck_assert_int_eq(run(sm_verb_abort, line), 2);
    fails(2, "UTF-8");
    ck_assert_int_eq(run(sm_verb_abort, "abort --role \xff g1"), 2);
    fails(2, "UTF-8");
    ck_assert_int_eq(run(sm_verb_abort, "abort g1"), 10);
    fails(10, "does not run");
}
END_TEST

/* ---- files ---- */

START_TEST(a_ticket_is_sent_as_it_is)
{
    char line[512];

    init_plain();
    write_file("t", "a ticket\n");
    expect(FRAME_TICKET, "");
    sm_wire_put_blob(&want, "a ticket\n", 9);
    snprintf(line, sizeof(line), "ticket use %s", scratch_path("t"));
    ck_assert_int_eq(ask(sm_verb_ticket, line, &done, 1), 0);
    snprintf(line, sizeof(line), "ticket use %s", scratch_path("none"));
    ck_assert_int_eq(run(sm_verb_ticket, line), 4);
    fails(4, "none");
}
END_TEST

START_TEST(a_vm_policy_goes_with_its_signature)
{
    char line[512], path[256];

    init_plain();
    write_file("p.xml", "<vm-policy/>");
    write_file("p.xml.minisig", "sig");
    write_file("other", "other sig");
    snprintf(path, sizeof(path), "%s", scratch_path("p.xml"));
    expect(FRAME_VM_POLICY_ADD, "author");
    sm_wire_put_blob(&want, "<vm-policy/>", 12);
    sm_wire_put_blob(&want, "sig", 3);
    snprintf(line, sizeof(line), "vm-policy --role author add %s", path);
    ck_assert_int_eq(ask(sm_verb_vm_policy, line, &done, 1), 0);

    expect(FRAME_VM_POLICY_ADD, "");
    sm_wire_put_blob(&want, "<vm-policy/>", 12);
    sm_wire_put_blob(&want, "other sig", 9);
    snprintf(line, sizeof(line), "vm-policy add %s %s", path,
             scratch_path("other"));
    ck_assert_int_eq(ask(sm_verb_vm_policy, line, &done, 1), 0);

    ck_assert_int_eq(unlink(scratch_path("p.xml.minisig")), 0);
    snprintf(line, sizeof(line), "vm-policy add %s", path);
    ck_assert_int_eq(run(sm_verb_vm_policy, line), 22);
    fails(22, "p.xml.minisig");
}
END_TEST

START_TEST(output_is_printed_line_by_line_if_it_is_clean)
{
    static const struct answer list = { FRAME_OUTPUT, 0, "", "a\nb\n" };
    static const struct answer dirty = { FRAME_OUTPUT, 0, "",
                                         "a\n\033[31mb\n" };

    init_plain();
    expect(FRAME_VM_POLICY_LIST, "");
    ck_assert_int_eq(ask(sm_verb_vm_policy, "vm-policy list", &list, 1), 0);
    ck_assert_str_eq(out, "a\nb\n");
    expect(FRAME_VM_POLICY_SHOW, "");
    sm_wire_put_str(&want, "g1");
    ck_assert_int_eq(ask(sm_verb_vm_policy, "vm-policy show g1", &dirty, 1),
                     16);
    ck_assert_ptr_null(strchr(out, '\033'));
    expect(FRAME_VM_POLICY_LIST, "");
    ck_assert_int_eq(ask(sm_verb_vm_policy, "vm-policy list", &no, 1), 20);
    fails(20, "rule r1");
}
END_TEST

/* ---- migrate ---- */

static void expect_migrate(uint32_t flags)
{
    expect(FRAME_MIGRATE_FOR, "");
    sm_wire_put_u32(&want, flags);
    sm_wire_put_str(&want, "g1");
    sm_wire_put_str(&want, "hostB");
}

START_TEST(migrate_waits_for_the_result)
{
    static const struct answer good[] = {
        { FRAME_ANSWER, 0, "", "xl has been started" },
        { FRAME_RESULT, 0, "", "g1 runs on hostB" },
    }, bad[] = {
        { FRAME_ANSWER, 0, "", "xl has been started" },
        { FRAME_RESULT, 21, "config", "hostB refuses" },
    };

    init_plain();
    expect_migrate(0);
    ck_assert_int_eq(ask(sm_verb_migrate, "migrate g1 hostB", good, 2), 0);
    ck_assert_str_eq(out, "g1 runs on hostB\n");
    expect_migrate(FRAME_LEAVE_PAUSED);
    ck_assert_int_eq(ask(sm_verb_migrate, "migrate --paused g1 hostB", bad,
                         2), 21);
    fails(21, "hostB refuses (rule config)");
}
END_TEST

START_TEST(migrate_is_refused_at_once)
{
    init_plain();
    expect_migrate(0);
    ck_assert_int_eq(ask(sm_verb_migrate, "migrate g1 hostB", &no, 1), 20);
    fails(20, "refused here (rule r1)");
}
END_TEST

START_TEST(answers_that_do_not_belong_there_are_no_success)
{
    static const struct answer twice[] = {
        { FRAME_ANSWER, 0, "", "" }, { FRAME_ANSWER, 0, "", "" },
    }, early = { FRAME_RESULT, 0, "", "" }, output = { FRAME_OUTPUT, 0, "",
                                                       "x\n" };

    init_plain();
    expect_migrate(0);
    ck_assert_int_eq(ask(sm_verb_migrate, "migrate g1 hostB", twice, 2), 16);
    fails(16, "secmig handover list");
    expect_migrate(0);
    ck_assert_int_eq(ask(sm_verb_migrate, "migrate g1 hostB", &early, 1),
                     16);
    expect(FRAME_RELOAD, "");
    ck_assert_int_eq(ask(sm_verb_reload, "reload", &output, 1), 16);
}
END_TEST

/* ---- which socket ---- */

START_TEST(root_uses_the_control_socket_whatever_is_configured)
{
    if (geteuid() != 0)
        return;
    init_plain();
    strcpy(cli.conf.operator_group, "users");
    expect(FRAME_RELOAD, "");
    ck_assert_int_eq(ask(sm_verb_reload, "reload", &done, 1), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verbs for operators");
    TCase *t = tcase_create("operators");

    tcase_add_checked_fixture(t, prepare, scratch_remove);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, each_command_sends_its_frame_and_prints_the_answer);
    tcase_add_test(t, a_refusal_is_one_line_with_its_rule_and_its_code);
    tcase_add_test(t, wrong_arguments_reach_no_daemon);
    tcase_add_test(t, what_no_frame_can_hold_is_said_before_anything_is_sent);
    tcase_add_test(t, a_ticket_is_sent_as_it_is);
    tcase_add_test(t, a_vm_policy_goes_with_its_signature);
    tcase_add_test(t, output_is_printed_line_by_line_if_it_is_clean);
    tcase_add_test(t, migrate_waits_for_the_result);
    tcase_add_test(t, migrate_is_refused_at_once);
    tcase_add_test(t, answers_that_do_not_belong_there_are_no_success);
    tcase_add_test(t, root_uses_the_control_socket_whatever_is_configured);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
