/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a document says before there is a request: whether anything may be
 * allowed now, and whether platforms matter. */
#include <stdlib.h>

#include "policy_site.h"

static bool may(const char *rules, enum sm_policy_action action, int64_t now)
{
    struct sm_policy *policy = parse_site(
        "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'"
        " not-before='2026-01-01T00:00:00Z'"
        " not-after='2027-01-01T00:00:00Z'>" SITE_ROLES SITE_REST, rules);
    bool yes = sm_policy_may(policy, action, now);

    sm_policy_free(policy);
    return yes;
}

/* 2026-01-05 is a Monday. */
#define MONDAY_NOON (NOT_BEFORE + 4 * 86400 + 12 * 3600)

START_TEST(a_rule_of_the_action_is_needed)
{
    ck_assert(may(IN("x", "allow", ""), SM_POLICY_MIGRATE_IN, NOT_BEFORE));
    ck_assert(!may(IN("x", "allow", ""), SM_POLICY_MIGRATE_OUT,
                   NOT_BEFORE));
    ck_assert(!may("", SM_POLICY_MIGRATE_IN, NOT_BEFORE));
    ck_assert(!may(IN("x", "deny", ""), SM_POLICY_MIGRATE_IN, NOT_BEFORE));
    /* Whatever else it asks for may come to be known. */
    ck_assert(may(IN("x", "allow", "<subject role='lead'/>"
                     "<vm name='g'/><source role='compute'/>"
                     "<channel post-quantum='yes'/>"
                     "<require ticket='owner'/>"),
                  SM_POLICY_MIGRATE_IN, NOT_BEFORE));
}
END_TEST

START_TEST(the_document_must_be_in_force)
{
    static const char rule[] = IN("x", "allow", "");

    ck_assert(!may(rule, SM_POLICY_MIGRATE_IN, NOT_BEFORE - 1));
    ck_assert(may(rule, SM_POLICY_MIGRATE_IN, NOT_AFTER));
    ck_assert(!may(rule, SM_POLICY_MIGRATE_IN, NOT_AFTER + 1));
    ck_assert(!sm_policy_may(NULL, SM_POLICY_MIGRATE_IN, NOT_BEFORE));
}
END_TEST

START_TEST(its_time_must_be_now)
{
    static const char noon[] = IN("x", "allow", "<time window='noon'/>"),
        either[] = IN("x", "allow", "<time window='noon'/>"
                      "<time window-not='night'/>"),
        two[] = IN("x", "allow", "<time window='night'/>")
                IN("y", "allow", "<time window='noon'/>");

    ck_assert(may(noon, SM_POLICY_MIGRATE_IN, MONDAY_NOON));
    ck_assert(!may(noon, SM_POLICY_MIGRATE_IN, MONDAY_NOON - 1));
    ck_assert(!may(noon, SM_POLICY_MIGRATE_IN, MONDAY_NOON + 3600));
    ck_assert(may(either, SM_POLICY_MIGRATE_IN, MONDAY_NOON - 1));
    ck_assert(may(two, SM_POLICY_MIGRATE_IN, MONDAY_NOON));
    ck_assert(may(two, SM_POLICY_MIGRATE_IN, MONDAY_NOON + 10 * 3600));
    ck_assert(!may(two, SM_POLICY_MIGRATE_IN, MONDAY_NOON + 4 * 3600));
}
END_TEST

START_TEST(a_deny_rule_that_meets_everything_leaves_nothing)
{
    static const char allow[] = IN("x", "allow", "");
    char rules[512];

    strcpy(rules, allow);
    strcat(rules, IN("n", "deny", "<time window='noon'/>"));
    ck_assert(!may(rules, SM_POLICY_MIGRATE_IN, MONDAY_NOON));
    ck_assert(may(rules, SM_POLICY_MIGRATE_IN, MONDAY_NOON - 1));
    strcpy(rules, allow);
    strcat(rules, IN("n", "deny", "<vm name='*'/>"));
    ck_assert(may(rules, SM_POLICY_MIGRATE_IN, MONDAY_NOON));
    strcpy(rules, allow);
    strcat(rules, OUT("n", "deny", ""));
    ck_assert(may(rules, SM_POLICY_MIGRATE_IN, MONDAY_NOON));
}
END_TEST

static bool wants(const char *rules, enum sm_policy_action action)
{
    struct sm_policy *policy = parse_site(SITE_HEAD SITE_ROLES SITE_REST,
                                          rules);
    bool yes = sm_policy_wants_attestation(policy, action);

    sm_policy_free(policy);
    return yes;
}

START_TEST(a_rule_that_asks_for_attestation_wants_it)
{
    ck_assert(!sm_policy_wants_attestation(NULL, SM_POLICY_MIGRATE_OUT));
    ck_assert(!wants(OUT("x", "allow", "<channel post-quantum='yes'/>"),
                     SM_POLICY_MIGRATE_OUT));
    ck_assert(wants(OUT("x", "allow", "<require attestation='p1'/>"),
                    SM_POLICY_MIGRATE_OUT));
    ck_assert(!wants(OUT("x", "allow", "<require attestation='p1'/>"),
                     SM_POLICY_MIGRATE_IN));
    ck_assert(wants(OUT("x", "allow", "")
                    IN("y", "deny", "<channel post-quantum='no'/>"
                       "<channel attestation='p1'/>"),
                    SM_POLICY_MIGRATE_IN));
}
END_TEST

RUN("policy before a request", a_rule_of_the_action_is_needed,
    the_document_must_be_in_force, its_time_must_be_now,
    a_deny_rule_that_meets_everything_leaves_nothing,
    a_rule_that_asks_for_attestation_wants_it)
