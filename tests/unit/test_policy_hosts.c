/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which hosts take part: sm_policy_takes_part() of policy/decide.h. */
#include <stdlib.h>

#include "policy_request.h"

static const char text[] =
    "<policy xmlns=\"urn:xen-secmig:policy:1\" site=\"s\" version=\"1\">"
    "<authorities><authority id=\"one\" key=\"" SIGNER_1_TEXT "\"/>"
    "<authority id=\"two\" key=\"" SIGNER_2_TEXT "\"/></authorities>"
    "<hosts><host id=\"keyed\" key=\"" KEY_A_TEXT "\"/><host id=\"open\"/>"
    "<certified authority=\"one\"/></hosts>"
    "<rules><rule id=\"r\" effect=\"allow\" action=\"migrate-out\"/></rules>"
    "</policy>";

static const uint8_t another[32] = { 9 };

static struct sm_policy *policy;

static void load(void)
{
    char why[SM_POLICY_WHY_MAX];

    ck_assert_msg(!sm_policy_parse(&policy, SM_POLICY_SITE, text,
                                   sizeof(text) - 1, "test", why,
                                   sizeof(why)), "%s", why);
}

static void unload(void)
{
    sm_policy_free(policy);
}

static bool takes_part(const char *name, const uint8_t *key, int signer)
{
    struct sm_policy_attributes attributes = { .signer = signers[signer] };
    struct sm_policy_end end = { .name = name, .key = key,
                                 .attributes = signer ? &attributes : NULL };

    return sm_policy_takes_part(policy, &end);
}

START_TEST(listed_hosts_do_if_the_key_is_the_one_given)
{
    ck_assert(takes_part("keyed", key_a, 0));
    ck_assert(!takes_part("keyed", another, 0));
    ck_assert(takes_part("open", another, 0));
    ck_assert(!takes_part("Open", another, 0));
    ck_assert(!takes_part("else", key_a, 0));
}
END_TEST

START_TEST(certified_hosts_do_by_their_authority)
{
    ck_assert(takes_part("else", another, 1));
    ck_assert(!takes_part("else", another, 2));     /* not in <hosts> */
    ck_assert(!takes_part("else", another, 3));     /* not in the policy */
    /* A certificate does not make up for the key of a listed host. */
    ck_assert(!takes_part("keyed", another, 1));
    ck_assert(takes_part("keyed", key_a, 1));
}
END_TEST

START_TEST(without_a_policy_nobody_does)
{
    struct sm_policy_end end = { .name = "open", .key = key_a };

    ck_assert(!sm_policy_takes_part(NULL, &end));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy hosts");
    TCase *t = tcase_create("contract");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(t, load, unload);
    tcase_add_test(t, listed_hosts_do_if_the_key_is_the_one_given);
    tcase_add_test(t, certified_hosts_do_by_their_authority);
    tcase_add_test(t, without_a_policy_nobody_does);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
