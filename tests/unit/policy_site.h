/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A site with everything, for the tests of the evaluator: only the rules
 * differ. */
#ifndef TEST_POLICY_SITE_H
#define TEST_POLICY_SITE_H

#include <stdio.h>

#include "base/wire.h"
#include "policy/model.h"
#include "policy_request.h"

/* 1: owner finance, 2: owner sales, 3: authority ca, 4: operator olga,
 * 5: operator otto, 6: authority partner. */
#define SITE_ROLES \
    "<roles>" \
    "<role id='operator'><permit action='migrate-out'/></role>" \
    "<role id='lead' inherits='operator'><permit action='abort'/></role>" \
    "<role id='auditor'><permit action='audit-read'/></role>" \
    "<role id='compute'/>" \
    "<exclusive id='hats' roles='lead auditor' kind='dynamic'/>" \
    "</roles>" \
    "<operators>" \
    "<operator id='alice' account='alice' roles='operator'/>" \
    "<operator id='bob' account='bob' roles='lead'/>" \
    "<operator id='carol' account='carol' roles='lead auditor'/>" \
    "<operator id='dan' account='dan' roles='auditor'/>" \
    "<operator id='erin' account='erin' roles='lead'/>" \
    "<operator id='olga' key='" SIGNER_4_TEXT "' roles='lead'/>" \
    "<operator id='otto' account='otto' key='" SIGNER_5_TEXT "'" \
    " roles='operator'/>" \
    "</operators>"
#define SITE_REST \
    "<owners><owner id='finance' key='" SIGNER_1_TEXT "'/>" \
    "<owner id='sales' key='" SIGNER_2_TEXT "'/></owners>" \
    "<authorities><authority id='ca' key='" SIGNER_3_TEXT "'/>" \
    "<authority id='partner' key='" SIGNER_6_TEXT "'" \
    " attributes='location'/></authorities>" \
    "<platforms><platform id='p1'><pcr index='7' sha256='" DIGEST_1 "'/>" \
    "<pcr index='4' sha256='" DIGEST_1 " " DIGEST_2 "'/></platform>" \
    "<platform id='p2' event-log='" DIGEST_3 "'>" \
    "<pcr index='7' sha256='" DIGEST_2 "'/></platform>" \
    "<platform id='p3' after-reset='approve'>" \
    "<pcr index='7' sha256='" DIGEST_1 "'/></platform></platforms>" \
    "<hosts><host id='hostA' key='" KEY_A_TEXT "' roles='compute'/>" \
    "<host id='hostB'/><certified authority='ca' roles='compute'/></hosts>" \
    "<vms><group id='payroll' owner='finance'><vm name='pay-*'/>" \
    "<vm uuid='00000000-0000-4000-8000-00000000000a'/></group>" \
    "<group id='web'><vm name='web-1'/><vm name='web-2' label='w*'/>" \
    "</group></vms>" \
    "<windows>" \
    "<window id='night' days='mon' from='22:00' to='06:00' zone='+01:00'/>" \
    "<window id='noon' from='12:00' to='13:00' zone='Z'/></windows>" \
    "<rules>"
#define SITE_HEAD \
    "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'>"

static struct sm_policy_decision d;

static inline struct sm_policy *parse_site(const char *head,
                                           const char *rules)
{
    static char text[64 * 1024];
    struct sm_policy *policy = NULL;
    char why[SM_POLICY_WHY_MAX];
    int rc;

    ck_assert_uint_lt(strlen(head) + strlen(rules) + 64, sizeof(text));
    strcpy(text, head);
    strcat(text, rules);
    strcat(text, TAIL);
    rc = sm_policy_parse(&policy, SM_POLICY_SITE, text, strlen(text), NULL,
                         why, sizeof(why));
    ck_assert_msg(rc == 0, "%s\n%s", why, rules);
    return policy;
}

/* Decide on the site with these rules, with and without the index, which
 * must say the same. */
static inline void ask_at(const char *head, const char *rules,
                          const struct sm_policy_request *r)
{
    struct sm_policy *policy = parse_site(head, rules);
    struct sm_policy_index *index = policy->index;
    struct sm_policy_decision plain;

    ck_assert_ptr_nonnull(index);
    memset(&d, 0xff, sizeof(d));
    sm_policy_decide(policy, r, &d);
    policy->index = NULL;
    sm_policy_decide(policy, r, &plain);
    policy->index = index;
    ck_assert_str_eq(d.rule, plain.rule);
    ck_assert_str_eq(d.text, plain.text);
    ck_assert_int_eq(d.code, plain.code);
    ck_assert_int_eq(d.allow, d.code == SM_OK);
    ck_assert_msg(d.text[0] && sm_wire_text_ok(d.text, strlen(d.text)),
                  "%s", d.text);
    sm_policy_free(policy);
    d.matched = NULL;
}

static inline void says(const char *rules, const struct sm_policy_request *r,
                        int code, const char *rule)
{
    ask_at(SITE_HEAD SITE_ROLES SITE_REST, rules, r);
    ck_assert_msg(d.code == code && !strcmp(d.rule, rule),
                  "expected %d %s, got %d %s: %s", code, rule, d.code,
                  d.rule, d.text);
}

#define ALLOWS(rules, r, rule) says(rules, r, SM_OK, rule)
#define DENIES(rules, r, rule) says(rules, r, SM_REFUSED_LOCAL, rule)
#define WANTS(rules, r, rule, words) do { \
        says(rules, r, SM_UNMET, rule); \
        ck_assert_msg(strstr(d.text, words), "%s", d.text); \
    } while (0)

/* migrate-out of g1 from hostA to hostB, asked for by alice. */
static inline struct sm_policy_request by_alice(void)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);

    r.account = "alice";
    return r;
}

#define OUT(id, effect, inner) \
    "<rule id='" id "' effect='" effect "' action='migrate-out'>" inner \
    "</rule>"
#define IN(id, effect, inner) \
    "<rule id='" id "' effect='" effect "' action='migrate-in'>" inner \
    "</rule>"
#define ANY(id, effect, action, inner) \
    "<rule id='" id "' effect='" effect "' action='" action "'>" inner \
    "</rule>"

/* main() of a test program with one case. */
#define RUN(title, ...) \
    int main(void) \
    { \
        const TTest *const tests[] = { __VA_ARGS__ }; \
        Suite *suite = suite_create(title); \
        TCase *tc = tcase_create("all"); \
        SRunner *runner; \
        size_t i; \
        int n_failed; \
        tcase_set_timeout(tc, 60); \
        for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) \
            tcase_add_test(tc, tests[i]); \
        suite_add_tcase(suite, tc); \
        runner = srunner_create(suite); \
        srunner_run_all(runner, CK_ENV); \
        n_failed = srunner_ntests_failed(runner); \
        srunner_free(runner); \
        return n_failed ? EXIT_FAILURE : EXIT_SUCCESS; \
    }

#endif
