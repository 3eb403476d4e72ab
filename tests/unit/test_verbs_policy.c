/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig policy as an administrator meets it: what its verbs print, and
 * their exit codes. */
#include <stdarg.h>

#include "policy_site.h"
#include "verb.h"

#define SITE SITE_HEAD SITE_ROLES SITE_REST
#define RULES \
    OUT("web", "allow", "<vm group='web'/>") \
    OUT("pay", "allow", "<vm group='payroll'/>" \
        "<require ticket='owner' notify-guest='yes' max-downtime='2 s'/>") \
    OUT("never", "deny", "<vm name='fixed-*'/>") \
    IN("in", "allow", "<vm name='web-1'/>")

#define REQUEST \
    "action = migrate-out\nvm = web-1\n" \
    "uuid = 8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d\n" \
    "source = hostA\nsource-key = " KEY_A_TEXT "\ndestination = hostB\n" \
    "account = alice\ntime = 2026-06-01T12:00:00Z\n"

#define VM_POLICY(rules) \
    "<vm-policy xmlns='urn:xen-secmig:policy:1' " \
    "vm='8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d' version='1'><rules>" rules \
    "</rules></vm-policy>"

static void write_text(const char *leaf, const char *text)
{
    FILE *f = fopen(scratch_path(leaf), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

/* Run "policy VERB ARGUMENT...", where "@NAME" is a file of the scratch
 * directory. */
static int policy(const char *line)
{
    char text[1024] = "policy";
    const char *at;

    for (; *line; line = at) {
        line += strspn(line, " ");
        at = line + strcspn(line, " ");
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 " %s%s%.*s", *line == '@' ? scratch : "",
                 *line == '@' ? "/" : "", (int)(at - line) - (*line == '@'),
                 line + (*line == '@'));
    }
    return run(sm_verb_policy, text);
}

static void have(const char *words)
{
    ck_assert_msg(strstr(out, words), "no \"%s\" in: %s%s", words, out, err);
}

static void files(void)
{
    prepare();
    write_text("p.xml", SITE RULES TAIL);
    write_text("r", REQUEST);
}

START_TEST(decide_prints_the_answer_and_has_its_code)
{
    ck_assert_int_eq(policy("decide @p.xml @r"), 0);
    ck_assert_str_eq(out, "allow web migrate-out of web-1 from hostA to hostB "
                     "is allowed by rule web\n");
    write_text("r", REQUEST "vm = fixed-1\n");
    ck_assert_int_eq(policy("decide @p.xml @r"), 3);        /* vm twice */
    write_text("r", "action = migrate-out\nvm = fixed-1\n");
    ck_assert_int_eq(policy("decide @p.xml @r"), 3);
    fails(3, "uuid is missing");
}
END_TEST

START_TEST(decide_tells_refusals_apart)
{
    write_text("r", REQUEST "preview = no\nrole = lead\n");
    ck_assert_int_eq(policy("decide @p.xml @r"), 20);
    have("deny role-not-assigned ");
    ck_assert_str_eq(err, "secmig: denied by role-not-assigned\n");
    write_text("p.xml", "<policy xmlns='urn:xen-secmig:policy:1' site='s' "
               "version='1' not-after='2020-01-01T00:00:00Z'>" SITE_ROLES
               SITE_REST RULES TAIL);
    ck_assert_int_eq(policy("decide @p.xml @r"), 22);
    have("deny expired ");
    write_text("p.xml", SITE OUT("four", "allow", "<require approvals='2'/>")
               TAIL);
    write_text("r", REQUEST);
    ck_assert_int_eq(policy("decide @p.xml @r"), 29);
    have("deny four ");
    have("needs 2 approvals");
}
END_TEST

START_TEST(decide_prints_obligations)
{
    write_text("p.xml", SITE OUT("x", "allow", "<require ticket='operator' "
               "notify-guest='yes' max-downtime='2 s'/>") TAIL);
    write_text("r", REQUEST "ticket = operator:olga\n");
    ck_assert_int_eq(policy("decide @p.xml @r"), 0);
    have("\nobligation use-ticket 1\nobligation notify-guest\n"
         "obligation max-downtime 2000 ms\n");
}
END_TEST

START_TEST(decide_asks_the_vm_policy_too)
{
    write_text("g.xml", VM_POLICY(OUT("v", "deny", "")));
    write_text("r", REQUEST "vm-policy = g.xml\nvm-policy-owner = sales\n");
    ck_assert_int_eq(policy("decide @p.xml @r"), 20);
    have("deny vm:v ");
    write_text("g.xml", VM_POLICY(OUT("v", "allow", "")));
    ck_assert_int_eq(policy("decide @p.xml @r"), 0);
    have("allow web ");
    ck_assert_int_eq(policy("decide @g.xml @r"), 0);    /* by itself */
    write_text("r", REQUEST "vm-policy = p.xml\nvm-policy-owner = sales\n");
    ck_assert_int_eq(policy("decide @p.xml @r"), 22);
    fails(22, "not a VM policy");
}
END_TEST

START_TEST(decide_judges_a_config)
{
    write_text("r", "action = migrate-in\nvm = web-1\nsource = hostA\n"
               "uuid = 8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d\n"
               "source-key = " KEY_A_TEXT "\ndestination = hostB\n"
               "config.c_info.type = hvm\n");
    ck_assert_int_eq(policy("decide @p.xml @r"), 20);
    have("deny config domain config: c_info.type = \"hvm\"");
}
END_TEST

START_TEST(explain_tells_each_rule)
{
    ck_assert_int_eq(policy("explain --request @r @p.xml"), 0);
    have("the policy:\n");
    have("  ok      unknown-host: hostA and hostB take part\n");
    have("  applies allow web (line 1)\n");
    have("  no      allow pay (line 1): the guest is not in group "
         "\"payroll\"\n");
    have("the answer:\nallow web ");
    ck_assert_ptr_null(strstr(out, "allow in "));
    write_text("r", REQUEST "role = lead\n");
    ck_assert_int_eq(policy("explain @p.xml --request @r"), 20);
    have("  REFUSES role-not-assigned: ");
    have("the answer:\ndeny role-not-assigned ");
    write_text("g.xml", VM_POLICY(OUT("v", "deny", "")));
    write_text("r", REQUEST "vm-policy = g.xml\nvm-policy-owner = sales\n");
    ck_assert_int_eq(policy("explain --request @r @p.xml"), 20);
    have("the guest's own policy:\n");
    have("  applies deny v (line 1)\n");
    ck_assert_int_eq(policy("explain @p.xml"), USAGE_CODE);
}
END_TEST

#define TABLE \
    "default: action=migrate-out; vm=web-1; account=alice; source=hostA\n" \
    "default: uuid=8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d\n" \
    "default: destination=hostB; source-key=" KEY_A_TEXT "\n" \
    "allow web:\n" \
    "unmet pay: vm=pay-1\n"

START_TEST(test_counts_and_names_the_lines_that_fail)
{
    write_text("p.tests", TABLE);
    ck_assert_int_eq(policy("test @p.tests"), 0);
    have("p.tests: 2 cases, all as expected\n");
    ck_assert_int_eq(policy("test @p.xml @p.tests"), 0);
    write_text("p.tests", TABLE "deny web: vm=web-1\n");
    ck_assert_int_eq(policy("test @p.tests"), 1);
    have("p.tests:6: not ok: expected deny web, got allow web: ");
    ck_assert_ptr_nonnull(strstr(err, "1 of 3 cases failed"));
    write_text("p.tests", TABLE "deny web: colour=red\n");
    ck_assert_int_eq(policy("test @p.tests"), 3);
    fails(3, "p.tests:6: unknown key");
    write_text("p.tests", "# none\ndefault: vm=web-1\n");
    ck_assert_int_eq(policy("test @p.tests"), 3);
    fails(3, "p.tests: no case in it");
    write_text("q.tests", TABLE);
    ck_assert_int_eq(policy("test @q.tests"), 22);      /* no q.xml */
    fails(22, "q.xml");
}
END_TEST

START_TEST(test_reads_vm_policies_beside_the_table)
{
    write_text("g.xml", VM_POLICY(OUT("v", "deny", "")));
    write_text("p.tests", TABLE "default: vm-policy=g.xml\n"
               "deny vm:v: vm-policy-owner=sales\n"
               "deny vm:v: vm-policy-owner=finance\n");
    ck_assert_int_eq(policy("test @p.tests"), 0);
    write_text("p.tests", TABLE "deny web: vm-policy=h.xml\n");
    ck_assert_int_eq(policy("test @p.tests"), 3);
    fails(3, "h.xml");
    write_text("p.tests", TABLE "deny web: vm-policy=p.xml\n");
    ck_assert_int_eq(policy("test @p.tests"), 3);
    fails(3, "p.tests:6: vm-policy=p.xml: not a VM policy");
}
END_TEST

START_TEST(diff_says_what_changes)
{
    write_text("same.xml", SITE RULES TAIL);
    ck_assert_int_eq(policy("diff @p.xml @same.xml"), 0);
    have("no difference found");
    write_text("new.xml", SITE RULES OUT("more", "allow",
               "<vm name='new-*'/>") TAIL);
    ck_assert_int_eq(policy("diff @p.xml @new.xml"), 1);
    have("migrate-out: deny default-deny -> allow more (");
    have("for example: vm=new-");
    have("requests tried: the answers differ\n");
    write_text("p3.xml", SITE OUT("r", "allow", "<require attestation='p3'/>")
               TAIL);
    write_text("p1.xml", SITE OUT("r", "allow", "<require attestation='p1'/>")
               TAIL);
    ck_assert_int_eq(policy("diff @p3.xml @p1.xml"), 1);
    have("platform proven: ");
    write_text("g.xml", VM_POLICY(""));
    ck_assert_int_eq(policy("diff @p.xml @g.xml"), 2);
    fails(2, "not of one kind");
    ck_assert_int_eq(policy("diff @p.xml"), USAGE_CODE);
}
END_TEST

START_TEST(check_warns_with_file_and_line)
{
    ck_assert_int_eq(policy("check --unsigned @p.xml"), 0);
    have("p.xml: site s, version 1, 2 hosts, 4 rules, signature not looked "
         "at");
    write_text("p.xml", SITE "\n" OUT("a", "deny", "") "\n"
               OUT("b", "allow", "<vm name='x'/>") TAIL);
    ck_assert_int_eq(policy("check --unsigned @p.xml"), 0);
    have("p.xml:3: warning: ");
    write_text("g.xml", VM_POLICY(OUT("v", "allow", "")));
    ck_assert_int_eq(policy("check --unsigned @g.xml"), 0);
    have("g.xml: VM policy, version 1, 1 rules");
    write_text("g.xml", "<vm-policy/>");
    ck_assert_int_eq(policy("check --unsigned @g.xml"), 22);
    fails(22, "g.xml:1: ");
    ck_assert_int_eq(policy("check @p.xml"), 22);
    fails(22, "not signed");
}
END_TEST

START_TEST(sign_signs_what_is_in_order_and_check_verifies)
{
    char line[256];

    init_plain();
    ck_assert_int_eq(policy("keygen"), 0);
    ck_assert_int_eq(policy("keygen"), 4);
    ck_assert_int_eq(policy("sign @p.xml"), 0);
    have("p.xml.minisig: signed (");
    ck_assert_int_eq(chmod(scratch, 0755), 0);
    ck_assert_int_eq(policy("check @p.xml"), 0);
    have(", signed\n");
    write_text("p.xml", SITE TAIL "\n");
    ck_assert_int_eq(policy("check @p.xml"), 22);
    snprintf(line, sizeof(line), "%s", "not xml");
    write_text("p.xml", line);
    ck_assert_int_eq(policy("sign @p.xml"), 22);
    ck_assert_int_eq(policy("sign --x"), USAGE_CODE);
    ck_assert_int_eq(policy("keygen x"), USAGE_CODE);
    ck_assert_int_eq(policy(""), USAGE_CODE);
    ck_assert_int_eq(policy("whatever"), USAGE_CODE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verbs policy");
    TCase *tc = tcase_create("policy");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, files, scratch_remove);
    tcase_add_test(tc, decide_prints_the_answer_and_has_its_code);
    tcase_add_test(tc, decide_tells_refusals_apart);
    tcase_add_test(tc, decide_prints_obligations);
    tcase_add_test(tc, decide_asks_the_vm_policy_too);
    tcase_add_test(tc, decide_judges_a_config);
    tcase_add_test(tc, explain_tells_each_rule);
    tcase_add_test(tc, test_counts_and_names_the_lines_that_fail);
    tcase_add_test(tc, test_reads_vm_policies_beside_the_table);
    tcase_add_test(tc, diff_says_what_changes);
    tcase_add_test(tc, check_warns_with_file_and_line);
    tcase_add_test(tc, sign_signs_what_is_in_order_and_check_verifies);
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
