/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who asks, and in which roles: steps of policy/decide.h. */
#include <stdlib.h>

#include "policy_site.h"

#define ANYONE OUT("any", "allow", "")

START_TEST(the_account_must_be_an_operators)
{
    struct sm_policy_request r = by_alice();

    ALLOWS(ANYONE, &r, "any");
    r.account = "mallory";
    DENIES(ANYONE, &r, "unknown-operator");
    ck_assert_ptr_nonnull(strstr(d.text, "mallory"));
    r.account = "root";
    DENIES(ANYONE, &r, "unknown-operator");
    r.account = "olga";         /* an id, and nobody's account */
    DENIES(ANYONE, &r, "unknown-operator");
}
END_TEST

START_TEST(without_operators_there_is_no_such_step)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);

    r.account = "mallory";
    r.role = "whatever";
    ask_at(HEAD, ANYONE, &r);
    ck_assert_str_eq(d.rule, "any");
}
END_TEST

START_TEST(an_unknown_account_is_refused_but_on_the_destination)
{
    struct sm_policy_request r = by_alice();

    r.account = NULL;
    DENIES(ANYONE, &r, "unknown-operator");
    r.preview = true;
    ALLOWS(ANYONE, &r, "any");
    r.preview = false;
    r.action = SM_POLICY_MIGRATE_IN;
    ALLOWS(IN("in", "allow", ""), &r, "in");
    r.action = SM_POLICY_ABORT;
    DENIES(ANY("x", "allow", "abort", ""), &r, "unknown-operator");
}
END_TEST

START_TEST(one_active_role_must_permit_the_action)
{
    struct sm_policy_request r = by_alice();

    r.account = "dan";
    DENIES(ANYONE, &r, "no-permission");
    ck_assert_ptr_nonnull(strstr(d.text, "auditor"));
    r.action = SM_POLICY_AUDIT_READ;
    ALLOWS(ANY("x", "allow", "audit-read", ""), &r, "x");
    r.account = "alice";
    DENIES(ANY("x", "allow", "audit-read", ""), &r, "no-permission");
    r.action = SM_POLICY_ABORT;
    DENIES(ANY("x", "allow", "abort", ""), &r, "no-permission");
    r.account = "bob";
    ALLOWS(ANY("x", "allow", "abort", ""), &r, "x");
    r.action = SM_POLICY_POLICY_ADMIN;
    DENIES(ANY("x", "allow", "policy-admin", ""), &r, "no-permission");
}
END_TEST

START_TEST(a_permission_alone_allows_nothing)
{
    struct sm_policy_request r = by_alice();

    DENIES("", &r, "default-deny");
}
END_TEST

START_TEST(roles_are_inherited)
{
    struct sm_policy_request r = by_alice();

    r.account = "bob";
    ALLOWS(ANYONE, &r, "any");
    ALLOWS(OUT("x", "allow", "<subject role='operator'/>"), &r, "x");
    ALLOWS(OUT("x", "allow", "<subject role='lead'/>"), &r, "x");
    r.account = "alice";
    DENIES(OUT("x", "allow", "<subject role='lead'/>"), &r, "default-deny");
    DENIES(OUT("n", "deny", "<subject role='operator'/>") ANYONE, &r, "n");
}
END_TEST

START_TEST(a_role_asked_for_must_be_his)
{
    struct sm_policy_request r = by_alice();

    r.role = "operator";
    ALLOWS(ANYONE, &r, "any");
    r.role = "lead";
    DENIES(ANYONE, &r, "role-not-assigned");
    r.role = "no-such-role";
    DENIES(ANYONE, &r, "role-not-assigned");
    r.account = "bob";
    r.role = "operator";        /* inherited */
    ALLOWS(ANYONE, &r, "any");
    DENIES(OUT("x", "allow", "<subject role='lead'/>"), &r, "default-deny");
    r.role = "lead";
    ALLOWS(OUT("x", "allow", "<subject role='operator'/>"), &r, "x");
}
END_TEST

START_TEST(roles_that_exclude_each_other_are_not_active_together)
{
    struct sm_policy_request r = by_alice();

    r.account = "carol";
    DENIES(ANYONE, &r, "separation-of-duty");
    ck_assert_ptr_nonnull(strstr(d.text, "--role"));
    ck_assert_ptr_nonnull(strstr(d.text, "hats"));
    r.role = "lead";
    ALLOWS(ANYONE, &r, "any");
    r.role = "auditor";
    DENIES(ANYONE, &r, "no-permission");
    r.role = "operator";
    ALLOWS(ANYONE, &r, "any");
}
END_TEST

START_TEST(the_attributes_of_a_subject_must_all_hold)
{
    struct sm_policy_request r = by_alice();
    static const char rule[] =
        OUT("x", "allow", "<subject account='alice bob' role='lead'/>"
            "<subject operator='dan erin'/>");

    DENIES(rule, &r, "default-deny");
    r.account = "bob";
    ALLOWS(rule, &r, "x");
    r.account = "erin";
    ALLOWS(rule, &r, "x");
    r.account = "otto";
    DENIES(rule, &r, "default-deny");
}
END_TEST

START_TEST(an_operators_ticket_says_who_asks)
{
    struct sm_policy_request r = by_alice();

    r.account = NULL;
    r.tickets[0].signer = signers[1];       /* an owner is no operator */
    r.n_tickets = 1;
    DENIES(ANYONE, &r, "unknown-operator");
    r.tickets[1].signer = signers[4];
    r.n_tickets = 2;
    ALLOWS(OUT("x", "allow", "<subject operator='olga' role='lead'/>"), &r,
           "x");
    r.tickets[1].signer = signers[5];       /* his account, then */
    ALLOWS(OUT("x", "allow", "<subject account='otto'/>"), &r, "x");
    DENIES(OUT("n", "deny", "<subject account='otto'/>") ANYONE, &r, "n");
    r.tickets[1].signer = signers[4];
    r.account = "mallory";                  /* acts for olga */
    ALLOWS(OUT("x", "allow", "<subject operator='olga'/>"), &r, "x");
    r.account = "alice";                    /* somebody of her own */
    DENIES(OUT("x", "allow", "<subject operator='olga'/>"), &r,
           "default-deny");
}
END_TEST

START_TEST(on_the_destination_tickets_say_who_asks)
{
    struct sm_policy_request r = by_alice();
    static const char olga[] =
        IN("x", "allow", "<subject operator='olga'/>"),
        account[] = IN("x", "allow", "<subject account='otto'/>"),
        not_olga[] = IN("n", "deny", "<subject operator='olga'/>")
        IN("x", "allow", "");

    r.account = NULL;
    r.action = SM_POLICY_MIGRATE_IN;
    DENIES(olga, &r, "default-deny");
    DENIES(not_olga, &r, "n");              /* it is not known */
    r.tickets[0].signer = signers[4];
    r.n_tickets = 1;
    ALLOWS(olga, &r, "x");
    DENIES(account, &r, "default-deny");
    DENIES(not_olga, &r, "n");
    r.tickets[0].signer = signers[5];
    ALLOWS(account, &r, "x");
    DENIES(olga, &r, "default-deny");
    ALLOWS(not_olga, &r, "x");
    r.tickets[1].signer = signers[4];       /* one of them will do */
    r.n_tickets = 2;
    ALLOWS(olga, &r, "x");
}
END_TEST

RUN("policy roles", the_account_must_be_an_operators,
    without_operators_there_is_no_such_step,
    an_unknown_account_is_refused_but_on_the_destination,
    one_active_role_must_permit_the_action,
    a_permission_alone_allows_nothing, roles_are_inherited,
    a_role_asked_for_must_be_his,
    roles_that_exclude_each_other_are_not_active_together,
    the_attributes_of_a_subject_must_all_hold,
    an_operators_ticket_says_who_asks,
    on_the_destination_tickets_say_who_asks)
