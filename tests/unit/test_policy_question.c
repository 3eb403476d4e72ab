/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of policy/question.h's contract. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/question.h"
#include "policy_request.h"

#define LEAST \
    "action = migrate-out\n" \
    "vm = g 1\n" \
    "uuid = 8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d\n" \
    "memory = 4 GiB\n" \
    "source = hostA\n" \
    "destination=hostB\n"

#define KEY "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

static struct sm_policy_question q;
static char why[256];

static const char document[] =
    "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'>"
    "<roles><role id='r'/></roles>"
    "<operators><operator id='alice' account='al' roles='r'/>"
    "<operator id='bob' key='" SIGNER_1_TEXT "' roles='r'/></operators>"
    "<owners><owner id='o1' key='" SIGNER_2_TEXT "'/></owners>"
    "<authorities><authority id='ca' key='" SIGNER_3_TEXT "'/></authorities>"
    "<platforms><platform id='p'><pcr index='7' sha256='" DIGEST_1 "'/>"
    "</platform><platform id='q'><pcr index='7' sha256='" DIGEST_2 "'/>"
    "</platform></platforms>"
    "<hosts><host id='hostA'/><host id='hostB'/></hosts><rules>"
    "<rule id='r1' effect='allow' action='migrate-out'/></rules></policy>";

static struct sm_policy *policy;

static int parse_n(const char *text, size_t len)
{
    if (!policy)
        ck_assert_msg(!sm_policy_parse(&policy, SM_POLICY_SITE, document,
                                       sizeof(document) - 1, NULL, why,
                                       sizeof(why)), "%s", why);
    memset(&q, 0xff, sizeof(q));
    return sm_policy_question_parse(&q, policy, text, len, 77, why,
                                    sizeof(why));
}

static void refused(const char *text, const char *words)
{
    static const struct sm_policy_question zero;

    ck_assert_int_eq(parse_n(text, strlen(text)), SM_CONFIG);
    ck_assert_msg(strstr(why, words), "%s does not say %s", why, words);
    ck_assert_mem_eq(&q, &zero, sizeof(q));
}

START_TEST(the_least)
{
    ck_assert_int_eq(parse_n(LEAST, strlen(LEAST)), 0);
    ck_assert_str_eq(why, "");
    ck_assert_int_eq(q.request.action, SM_POLICY_MIGRATE_OUT);
    ck_assert_str_eq(q.request.vm_name, "g 1");
    ck_assert_uint_eq(q.request.vm_uuid[0], 0x8e);
    ck_assert_uint_eq(q.request.memory_kb, 4u << 20);
    ck_assert_str_eq(q.request.source.name, "hostA");
    ck_assert_str_eq(q.request.destination.name, "hostB");
    ck_assert_ptr_null(q.request.account);
    ck_assert_ptr_null(q.request.source.key);
    ck_assert_ptr_null(q.request.destination.key);
    ck_assert_int_eq(q.request.now, 77);
    ck_assert_uint_eq(q.n_facts, 0);
    sm_policy_question_dispose(&q);
    sm_policy_question_dispose(&q);
}
END_TEST

START_TEST(all_of_it)
{
    static const char text[] =
        "# a comment = x\n\n   \t\r\n" LEAST
        "account = root\r\n"
        "source-key = " KEY "\ndestination-key = " KEY "\n"
        "time = 1970-01-01T00:01:00Z\n"
        "config.c_info.type = pvh\n"
        "config.b_info.cmdline =  a=b # c  \n"
        "config.y= 2\n  config.x=";

    ck_assert_int_eq(parse_n(text, strlen(text)), 0);
    ck_assert_str_eq(q.request.account, "root");
    ck_assert_uint_eq(q.request.source.key[31], 32);
    ck_assert_uint_eq(q.request.destination.key[0], 1);
    ck_assert_int_eq(q.request.now, 60);
    ck_assert_uint_eq(q.n_facts, 3);
    ck_assert_str_eq(q.facts[0].field, "c_info.type");
    ck_assert_str_eq(q.facts[0].value, "pvh");
    ck_assert_str_eq(q.facts[1].value, "a=b # c");
    ck_assert_str_eq(q.facts[2].field, "y");
    ck_assert_str_eq(q.facts[2].value, "2");
    sm_policy_question_dispose(&q);
}
END_TEST

START_TEST(who_and_what_certificates_say)
{
    static const char text[] = LEAST
        "role = r\nlabel = system_u:x\nsource-authority = ca\n"
        "destination-location = Berlin\ndestination-jurisdiction = DE\n"
        "destination-platforms = p1  p2\n";
    const struct sm_policy_attributes *a;

    ck_assert_msg(!parse_n(text, strlen(text)), "%s", why);
    ck_assert_str_eq(q.request.role, "r");
    ck_assert_str_eq(q.request.label, "system_u:x");
    a = q.request.source.attributes;
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_null(a->location);
    ck_assert_mem_eq(a->signer, signers[3], SM_POLICY_SIGNER_LEN);
    a = q.request.destination.attributes;
    ck_assert_mem_eq(a->signer, signers[3], SM_POLICY_SIGNER_LEN);
    ck_assert_str_eq(a->location, "Berlin");
    ck_assert_str_eq(a->jurisdiction, "DE");
    ck_assert_uint_eq(a->n_platforms, 2);
    ck_assert_str_eq(a->platforms[1], "p2");
    sm_policy_question_dispose(&q);
}
END_TEST

START_TEST(channel_and_evidence)
{
    static const char text[] = LEAST
        "suite = chacha20-poly1305\npost-quantum = no\nattestation = p q\n"
        "ticket = owner:o1\nticket = operator:bob\n"
        "approval = al\napproval = x\nvm-policy-owner = o1\n"
        "vm-policy = g.xml\nuse = r1 1970-01-01T00:00:09Z\npreview = yes\n";

    ck_assert_msg(!parse_n(text, strlen(text)), "%s", why);
    ck_assert_uint_eq(q.request.suite, 3);
    ck_assert_int_eq(q.request.post_quantum, SM_POLICY_PQ_NO);
    ck_assert_str_eq(q.request.attestation, "p q");
    ck_assert_uint_eq(q.request.n_tickets, 2);
    ck_assert_mem_eq(q.request.tickets[0].signer, signers[2],
                     SM_POLICY_SIGNER_LEN);
    ck_assert_mem_eq(q.request.tickets[1].signer, signers[1],
                     SM_POLICY_SIGNER_LEN);
    ck_assert_uint_eq(q.request.n_approvals, 2);
    ck_assert_str_eq(q.request.approvals[1], "x");
    ck_assert_mem_eq(q.request.vm_policy_signer, signers[2],
                     SM_POLICY_SIGNER_LEN);
    ck_assert_str_eq(q.vm_policy, "g.xml");
    ck_assert_uint_eq(q.request.n_uses, 1);
    ck_assert_str_eq(q.request.uses[0].rule, "r1");
    ck_assert_int_eq(q.request.uses[0].when, 9);
    ck_assert(q.request.preview);
    sm_policy_question_dispose(&q);
}
END_TEST

#define MEASURED "pcr.7 = " DIGEST_1 "\n"

START_TEST(a_measured_platform)
{
    const struct sm_policy_measured *m;

    ck_assert_int_eq(parse_n(LEAST MEASURED "pcr.23=" DIGEST_2 "\n",
                             sizeof(LEAST MEASURED "pcr.23=" DIGEST_2)), 0);
    m = q.request.measured;
    ck_assert_ptr_eq(m, &q.measured);
    ck_assert_uint_eq(m->pcr[7][31], 0x11);
    ck_assert_uint_eq(m->pcr[23][0], 0x22);
    ck_assert_uint_eq(m->pcr[0][0], 0);
    ck_assert(!m->has_log && !m->reset_approved);
    ck_assert_mem_eq(m->signer, signers[3], SM_POLICY_SIGNER_LEN);
    ck_assert_ptr_null(q.request.attestation);
    sm_policy_question_dispose(&q);

    ck_assert_int_eq(parse_n(LEAST "event-log = " DIGEST_3
                             "\nreset-approved = yes\n",
                             sizeof(LEAST "event-log = " DIGEST_3
                                    "\nreset-approved = yes")), 0);
    ck_assert(q.request.measured && q.measured.has_log &&
              q.measured.log[9] == 0x33 && q.measured.reset_approved);
    sm_policy_question_dispose(&q);

    refused(LEAST "pcr.24 = " DIGEST_1, "pcr.24: not a PCR");
    refused(LEAST "pcr. = " DIGEST_1, "not a PCR");
    refused(LEAST "pcr.7 = 11", "64 hexadecimal digits");
    refused(LEAST MEASURED MEASURED, "pcr.7: twice");
    refused(LEAST "event-log = x", "64 hexadecimal digits");
    refused(LEAST "reset-approved = maybe", "neither yes nor no");
    refused(LEAST MEASURED "attestation-authority = x",
            "no such authority");
    refused(LEAST MEASURED "attestation = p", "either platform sets");
    refused(LEAST "attestation = p nobody", "no platform \"nobody\"");
    ck_assert_int_eq(parse_n(LEAST "attestation = nobody\nvm-policy = x",
                             sizeof(LEAST "attestation = nobody\n"
                                    "vm-policy = x") - 1), 0);
    sm_policy_question_dispose(&q);
}
END_TEST

START_TEST(a_later_part_takes_pcrs_back)
{
    static const char first[] = LEAST MEASURED "event-log = " DIGEST_1,
        later[] = "pcr.7 =; event-log =", other[] = "pcr.7 = " DIGEST_2;
    struct sm_policy_lines parts[] = {
        { first, sizeof(first) - 1, '\n', 1 },
        { later, sizeof(later) - 1, ';', 9 },
    };
    unsigned int line;

    ck_assert_int_eq(parse_n(LEAST, sizeof(LEAST) - 1), 0);
    sm_policy_question_dispose(&q);
    ck_assert_int_eq(sm_policy_question_layers(&q, policy, parts, 2, 7,
                                               &line, why, sizeof(why)), 0);
    ck_assert_ptr_null(q.request.measured);
    sm_policy_question_dispose(&q);
    parts[1].text = other;
    parts[1].len = sizeof(other) - 1;
    ck_assert_int_eq(sm_policy_question_layers(&q, policy, parts, 2, 7,
                                               &line, why, sizeof(why)), 0);
    ck_assert_uint_eq(q.request.measured->pcr[7][0], 0x22);
    ck_assert(q.request.measured->has_log);
    sm_policy_question_dispose(&q);
}
END_TEST

START_TEST(a_key_without_a_value_is_not_there)
{
    static const char text[] = LEAST
        "account =\nrole =\nticket =\nsource-key =\nsuite =\n"
        "post-quantum =\nsource-location =\nconfig.c_info.type =\n"
        "config.b_info.bootloader =  \n";

    ck_assert_msg(!parse_n(text, strlen(text)), "%s", why);
    ck_assert_ptr_null(q.request.account);
    ck_assert_ptr_null(q.request.role);
    ck_assert_ptr_null(q.request.source.key);
    ck_assert_ptr_null(q.request.source.attributes);
    ck_assert_uint_eq(q.request.n_tickets, 0);
    ck_assert_uint_eq(q.request.suite, 0);
    ck_assert_uint_eq(q.n_facts, 0);
    sm_policy_question_dispose(&q);
}
END_TEST

/* With the request's own lines over two parts of defaults. */
static void layered(const char *lines)
{
    static const char first[] = LEAST "config.a = 1\nconfig.a = 2\n",
        second[] = "config.b = 3\nconfig.c = 4\n";
    const struct sm_policy_lines parts[] = {
        { first, strlen(first), '\n', 1 },
        { second, strlen(second), '\n', 20 },
        { lines, strlen(lines), ';', 30 },
    };
    unsigned int line;

    ck_assert_int_eq(parse_n(LEAST, strlen(LEAST)), 0);
    sm_policy_question_dispose(&q);
    ck_assert_msg(!sm_policy_question_layers(&q, policy, parts, 3, 77, &line,
                                             why, sizeof(why)), "%s", why);
}

START_TEST(an_empty_value_takes_a_default_of_the_config_back)
{
    layered("");
    ck_assert_uint_eq(q.n_facts, 4);
    sm_policy_question_dispose(&q);
    layered("config.b=; config.z=");
    ck_assert_uint_eq(q.n_facts, 3);
    ck_assert_str_eq(q.facts[1].field, "a");
    ck_assert_str_eq(q.facts[2].field, "c");
    sm_policy_question_dispose(&q);
    layered("config.a=; config.b=; config.c=5");
    ck_assert_uint_eq(q.n_facts, 1);
    ck_assert_str_eq(q.facts[0].field, "c");
    ck_assert_str_eq(q.facts[0].value, "5");
    sm_policy_question_dispose(&q);
    layered("config.a=; config.b=; config.c=");
    ck_assert_uint_eq(q.n_facts, 0);
    sm_policy_question_dispose(&q);
}
END_TEST

START_TEST(a_vm_policy_is_told_of_uses_of_any_rules)
{
    static const char text[] = LEAST "use = balance 1970-01-01T00:00:09Z\n";
    static const char vm_policy[] =
        "<vm-policy xmlns='urn:xen-secmig:policy:1' "
        "vm='8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d' version='1'><rules/>"
        "</vm-policy>";
    struct sm_policy *vm;

    ck_assert_msg(!sm_policy_parse(&vm, SM_POLICY_VM, vm_policy,
                                   strlen(vm_policy), NULL, why,
                                   sizeof(why)), "%s", why);
    ck_assert_msg(!sm_policy_question_parse(&q, vm, text, strlen(text), 77,
                                            why, sizeof(why)), "%s", why);
    ck_assert_uint_eq(q.request.n_uses, 1);
    sm_policy_question_dispose(&q);
    sm_policy_free(vm);
}
END_TEST

START_TEST(other_actions_need_nothing_more)
{
    static const char text[] = "action = audit-read\n";

    ck_assert_msg(!parse_n(text, strlen(text)), "%s", why);
    ck_assert_int_eq(q.request.action, SM_POLICY_AUDIT_READ);
    sm_policy_question_dispose(&q);
}
END_TEST

START_TEST(anything_else_is_refused_with_its_line)
{
    char *big;

    refused("", "action is missing");
    refused("action = migrate-in\n", "vm is missing");
    refused(LEAST "x\n", "line 7: no \"=\"");
    refused(LEAST "colour = red\n", "line 7: unknown key \"colour\"");
    refused(LEAST " = red\n", "line 7: unknown key");
    refused(LEAST "vm = g2\n", "line 7: vm twice");
    refused("action = explode\n", "line 1: action");
    refused("expect = allow x\n", "line 1: unknown key");
    refused("ticket = o1\n", "line 1: ticket: neither");
    refused("ticket = owner:bob\n", "line 1: ticket: no such owner");
    refused("ticket = operator:alice\n", "has no key");
    refused("ticket = owner:o1\nticket = owner:o1\nticket = owner:o1\n"
            "ticket = owner:o1\nticket = owner:o1\n", "line 5: ticket: too");
    refused(LEAST "source-authority = x\n", "no such authority");
    refused("suite = des\n", "line 1: suite: no such suite");
    refused("post-quantum = maybe\n", "line 1: post-quantum");
    refused("preview = 1\n", "line 1: preview");
    refused("use = r1\n", "line 1: use");
    refused("use = r1 yesterday\n", "line 1: use");
    refused("\nuse = r2 1970-01-01T00:00:09Z\n",
            "line 2: use: no such rule in the policy");
    refused("vm-policy-owner = nobody\n", "line 1: vm-policy-owner");
    refused("uuid = 12\n", "line 1: uuid");
    refused("memory = 4\n", "line 1: memory");
    refused("time = now\n", "line 1: time");
    refused("source-key = abc\n", "line 1: source-key");
    refused("\n\nvm = a\033b\n", "line 3: not clean");
    refused("vm = a\x80\n", "line 1: not clean");
    ck_assert_int_eq(parse_n("a\0b", 3), SM_CONFIG);
    big = malloc(SM_POLICY_QUESTION_MAX + 1);
    ck_assert_ptr_nonnull(big);
    memset(big, '\n', SM_POLICY_QUESTION_MAX + 1);
    ck_assert_int_eq(parse_n(big, SM_POLICY_QUESTION_MAX + 1), SM_CONFIG);
    ck_assert_ptr_nonnull(strstr(why, "longer"));
    free(big);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy question");
    TCase *tc = tcase_create("question");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, the_least);
    tcase_add_test(tc, all_of_it);
    tcase_add_test(tc, who_and_what_certificates_say);
    tcase_add_test(tc, channel_and_evidence);
    tcase_add_test(tc, a_measured_platform);
    tcase_add_test(tc, a_later_part_takes_pcrs_back);
    tcase_add_test(tc, a_key_without_a_value_is_not_there);
    tcase_add_test(tc, an_empty_value_takes_a_default_of_the_config_back);
    tcase_add_test(tc, a_vm_policy_is_told_of_uses_of_any_rules);
    tcase_add_test(tc, other_actions_need_nothing_more);
    tcase_add_test(tc, anything_else_is_refused_with_its_line);
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
