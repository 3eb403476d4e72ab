/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What allow rules require: tickets, approvals, VM policies, rates. */
#include <stdlib.h>

#include "policy_site.h"

#define NEEDS(attributes) OUT("x", "allow", "<require " attributes "/>")
#define PAY_NEEDS(attributes) \
    OUT("x", "allow", "<vm group='payroll'/><require " attributes "/>")

static struct sm_policy_request of_payroll(void)
{
    struct sm_policy_request r = by_alice();

    r.vm_name = "pay-1";
    return r;
}

static void ticket(struct sm_policy_request *r, unsigned int signer)
{
    r->tickets[r->n_tickets++].signer = signers[signer];
}

START_TEST(nothing_required_is_nothing_obliged)
{
    struct sm_policy_request r = of_payroll();

    ticket(&r, 1);
    ALLOWS(OUT("x", "allow", ""), &r, "x");
    ck_assert_int_eq(d.obligations.ticket, -1);
    ck_assert_uint_eq(d.obligations.tickets, 0);
    ck_assert(!d.obligations.notify_guest);
    ck_assert_uint_eq(d.obligations.max_downtime_ms, 0);
}
END_TEST

START_TEST(a_ticket_of_the_owner)
{
    struct sm_policy_request r = of_payroll();
    static const char rule[] = PAY_NEEDS("ticket='owner'");

    WANTS(rule, &r, "x", "owner finance for pay-1 (secmig ticket)");
    ticket(&r, 2);              /* of an owner of other guests */
    ticket(&r, 4);              /* of an operator */
    WANTS(rule, &r, "x", "owner finance");
    ticket(&r, 1);
    ALLOWS(rule, &r, "x");
    ck_assert_int_eq(d.obligations.ticket, 2);
    ck_assert_uint_eq(d.obligations.tickets, 1u << 2);
}
END_TEST

START_TEST(a_guest_without_owner_has_no_owners_ticket)
{
    struct sm_policy_request r = by_alice();

    ticket(&r, 1);
    WANTS(NEEDS("ticket='owner'"), &r, "x", "which has none");
    r.vm_policy_signer = signers[1];        /* that makes him the owner */
    ALLOWS(NEEDS("ticket='owner'"), &r, "x");
}
END_TEST

START_TEST(a_ticket_of_an_operator_or_of_any)
{
    struct sm_policy_request r = of_payroll();

    ticket(&r, 1);
    WANTS(PAY_NEEDS("ticket='operator'"), &r, "x", "of an operator");
    ALLOWS(PAY_NEEDS("ticket='any'"), &r, "x");
    r.tickets[0].signer = signers[5];
    ALLOWS(PAY_NEEDS("ticket='operator'"), &r, "x");
    ALLOWS(PAY_NEEDS("ticket='any'"), &r, "x");
    r.tickets[0].signer = signers[2];
    WANTS(PAY_NEEDS("ticket='any'"), &r, "x",
          "owner finance or of an operator");
}
END_TEST

START_TEST(approvals_are_of_distinct_operators_other_than_who_asks)
{
    struct sm_policy_request r = by_alice();
    static const char two[] = NEEDS("approvals='2'");

    WANTS(two, &r, "x", "needs 2 approvals by operators");
    ck_assert_ptr_nonnull(strstr(d.text, "has 0 (secmig approve)"));
    r.approvals[0] = "bob";
    r.approvals[1] = "bob";
    r.approvals[2] = "alice";
    r.approvals[3] = "mallory";
    r.n_approvals = 4;
    WANTS(two, &r, "x", "has 1");
    r.approvals[1] = "dan";
    ALLOWS(two, &r, "x");
}
END_TEST

START_TEST(approvals_by_a_role)
{
    struct sm_policy_request r = by_alice();
    static const char two[] = NEEDS("approvals='2' approver='lead'"),
        one[] = NEEDS("approvals='1' approver='operator'");

    r.approvals[0] = "bob";
    r.approvals[1] = "dan";
    r.n_approvals = 2;
    WANTS(two, &r, "x", "by role lead");
    r.approvals[1] = "carol";   /* assigned is enough, active or not */
    ALLOWS(two, &r, "x");
    r.n_approvals = 1;
    ALLOWS(one, &r, "x");       /* a lead is an operator */
}
END_TEST

START_TEST(an_operators_ticket_is_an_approval)
{
    struct sm_policy_request r = by_alice();
    static const char two[] = NEEDS("approvals='2'");

    ticket(&r, 1);              /* an owner approves nothing */
    ticket(&r, 4);
    WANTS(two, &r, "x", "has 1");
    ticket(&r, 5);
    ALLOWS(two, &r, "x");
    ck_assert_uint_eq(d.obligations.tickets, 1u << 1 | 1u << 2);
    ck_assert_int_eq(d.obligations.ticket, 1);
    r.account = "otto";         /* not his own */
    WANTS(two, &r, "x", "has 1");
    r.approvals[0] = "bob";     /* only those that are needed are used */
    r.approvals[1] = "dan";
    r.n_approvals = 2;
    ALLOWS(two, &r, "x");
    ck_assert_uint_eq(d.obligations.tickets, 0);
}
END_TEST

START_TEST(a_vm_policy_of_the_owner)
{
    struct sm_policy_request r = of_payroll();
    static const char rule[] = PAY_NEEDS("vm-policy='owner'");

    WANTS(rule, &r, "x", "a VM policy of owner finance");
    r.vm_policy_signer = signers[1];
    ALLOWS(rule, &r, "x");
}
END_TEST

START_TEST(a_vm_policy_must_be_of_the_guests_owner)
{
    struct sm_policy_request r = of_payroll();

    r.vm_policy_signer = signers[2];
    DENIES(OUT("x", "allow", ""), &r, "vm-owner");
    ck_assert_ptr_nonnull(strstr(d.text, "sales"));
    r.vm_policy_signer = signers[4];
    DENIES(OUT("x", "allow", ""), &r, "vm-policy");
    r.vm_name = "web-1";        /* a group without owner */
    r.vm_policy_signer = signers[2];
    ALLOWS(OUT("x", "allow", "<vm owner='sales'/>"), &r, "x");
}
END_TEST

START_TEST(a_rate_counts_uses_of_the_rule_in_the_span)
{
    struct sm_policy_request r = by_alice();
    static const char rule[] = NEEDS("rate='2/hour'");
    struct sm_policy_use uses[] = {
        { "x", 0 }, { "x", 0 }, { "y", 0 },
    };

    uses[0].when = r.now - 3599;
    uses[1].when = r.now - 3600;
    uses[2].when = r.now;
    r.uses = uses;
    r.n_uses = 3;
    ALLOWS(rule, &r, "x");
    uses[1].when = r.now - 1;
    WANTS(rule, &r, "x", "at most 2/hour");
    uses[1].when = r.now + 1000;    /* the clock was set back */
    WANTS(rule, &r, "x", "at most 2/hour");
    ALLOWS(NEEDS("rate='2/minute'"), &r, "x");
    WANTS(NEEDS("rate='2/day'"), &r, "x", "at most 2/day");
}
END_TEST

START_TEST(an_attestation_must_be_the_one_required)
{
    struct sm_policy_request r = by_alice();
    static const char rule[] = NEEDS("attestation='p1'");

    WANTS(rule, &r, "x", "platform set p1; it has proven none: it was not "
          "asked to");
    r.unattested = "it has no TPM";
    WANTS(rule, &r, "x", "it has proven none: it has no TPM");
    r.attestation = "p2";
    WANTS(rule, &r, "x", "it has proven p2");
    r.attestation = "p1";
    ALLOWS(rule, &r, "x");
}
END_TEST

START_TEST(obligations_are_handed_on)
{
    struct sm_policy_request r = by_alice();

    ALLOWS(NEEDS("notify-guest='yes' max-downtime='500 ms'"), &r, "x");
    ck_assert(d.obligations.notify_guest);
    ck_assert_uint_eq(d.obligations.max_downtime_ms, 500);
    ALLOWS(NEEDS("max-downtime='2 s'"), &r, "x");
    ck_assert(!d.obligations.notify_guest);
    ck_assert_uint_eq(d.obligations.max_downtime_ms, 2000);
}
END_TEST

START_TEST(the_first_rule_whose_evidence_is_there_decides)
{
    struct sm_policy_request r = of_payroll();
    static const char rules[] =
        OUT("a", "allow", "<require ticket='owner'/>")
        OUT("b", "allow", "<require approvals='1'/>");

    WANTS(rules, &r, "a", "rule a needs");
    r.approvals[0] = "bob";
    r.n_approvals = 1;
    ALLOWS(rules, &r, "b");
    ticket(&r, 1);
    ALLOWS(rules, &r, "a");
    DENIES(OUT("n", "deny", "") OUT("a", "allow", ""), &r, "n");
}
END_TEST

START_TEST(in_a_preview_missing_evidence_counts_as_present)
{
    struct sm_policy_request r = of_payroll();

    r.preview = true;
    ALLOWS(PAY_NEEDS("ticket='owner' approvals='3' vm-policy='owner' "
                     "attestation='p1'"), &r, "x");
    ck_assert_ptr_nonnull(strstr(d.text, "may be allowed"));
    ck_assert_int_eq(d.obligations.ticket, -1);
    r.attestation = "p2";       /* that is known, and another */
    WANTS(PAY_NEEDS("attestation='p1'"), &r, "x", "p2");
}
END_TEST

RUN("policy evidence", nothing_required_is_nothing_obliged,
    a_ticket_of_the_owner, a_guest_without_owner_has_no_owners_ticket,
    a_ticket_of_an_operator_or_of_any,
    approvals_are_of_distinct_operators_other_than_who_asks,
    approvals_by_a_role, an_operators_ticket_is_an_approval,
    a_vm_policy_of_the_owner, a_vm_policy_must_be_of_the_guests_owner,
    a_rate_counts_uses_of_the_rule_in_the_span,
    an_attestation_must_be_the_one_required, obligations_are_handed_on,
    the_first_rule_whose_evidence_is_there_decides,
    in_a_preview_missing_evidence_counts_as_present)
