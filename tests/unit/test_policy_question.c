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
    "<hosts><host id='hostA'/><host id='hostB'/></hosts><rules/></policy>";

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
        "  config.x=";

    ck_assert_int_eq(parse_n(text, strlen(text)), 0);
    ck_assert_str_eq(q.request.account, "root");
    ck_assert_uint_eq(q.request.source.key[31], 32);
    ck_assert_uint_eq(q.request.destination.key[0], 1);
    ck_assert_int_eq(q.request.now, 60);
    ck_assert_uint_eq(q.n_facts, 3);
    ck_assert_str_eq(q.facts[0].field, "c_info.type");
    ck_assert_str_eq(q.facts[0].value, "pvh");
    ck_assert_str_eq(q.facts[1].value, "a=b # c");
    ck_assert_str_eq(q.facts[2].field, "x");
    ck_assert_str_eq(q.facts[2].value, "");
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
    tcase_add_test(tc, anything_else_is_refused_with_its_line);
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
