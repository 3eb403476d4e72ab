/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions told rule by rule, and decisions by two documents. */
#include <stdlib.h>

#include "policy_site.h"

#define ANYTHING OUT("any", "allow", "")

static struct {
    char rule[80], why[512];
    unsigned int line;
    bool allow, vm;
    int result;
} steps[64];
static size_t n_steps;

static void note(void *ctx, const struct sm_policy_step *s)
{
    ck_assert_ptr_eq(ctx, &n_steps);
    ck_assert_uint_lt(n_steps, 64);
    ck_assert(sm_wire_text_ok(s->why, strlen(s->why)));
    snprintf(steps[n_steps].rule, sizeof(steps[0].rule), "%s", s->rule);
    snprintf(steps[n_steps].why, sizeof(steps[0].why), "%s", s->why);
    steps[n_steps].line = s->line;
    steps[n_steps].allow = s->allow;
    steps[n_steps].vm = s->vm;
    steps[n_steps++].result = s->result;
}

/* The step of this name must have come to `result`. */
static void step(const char *rule, int result, const char *words)
{
    size_t i;

    for (i = 0; i < n_steps && strcmp(steps[i].rule, rule); i++)
        ;
    ck_assert_msg(i < n_steps, "no step %s", rule);
    ck_assert_msg(steps[i].result == result, "%s: %d %s", rule,
                  steps[i].result, steps[i].why);
    ck_assert_msg(strstr(steps[i].why, words), "%s: %s", rule, steps[i].why);
}

static void explain(const char *rules, const struct sm_policy_request *r)
{
    struct sm_policy *p = parse_site(SITE_HEAD SITE_ROLES SITE_REST, rules);
    struct sm_policy_decision plain;

    n_steps = 0;
    sm_policy_explain(p, r, note, &n_steps, &d);
    sm_policy_decide(p, r, &plain);
    ck_assert_str_eq(d.rule, plain.rule);
    ck_assert_str_eq(d.text, plain.text);
    ck_assert_int_eq(d.code, plain.code);
    ck_assert_mem_eq(&d.obligations, &plain.obligations,
                     sizeof(d.obligations));
    sm_policy_free(p);
}

START_TEST(each_rule_of_the_action_is_told_also_after_the_one_that_decides)
{
    struct sm_policy_request r = by_alice();

    explain(OUT("a", "allow", "") OUT("b", "deny", "") IN("in", "allow", "")
            OUT("c", "allow", "<vm name='x*'/>")
            OUT("e", "allow", "<channel post-quantum='yes'/>")
            OUT("f", "allow", "<require approvals='2'/>"), &r);
    ck_assert_str_eq(d.rule, "b");
    ck_assert_uint_eq(n_steps, 5 + 5);
    step("a", SM_POLICY_STEP_YES, "");
    step("b", SM_POLICY_STEP_YES, "");
    step("c", SM_POLICY_STEP_NO, "name g1 is not \"x*\"");
    step("e", SM_POLICY_STEP_UNKNOWN, "post-quantum");
    step("f", SM_POLICY_STEP_UNMET, "needs 2 approvals");
    ck_assert(steps[5].allow && steps[5].line);
    ck_assert(!steps[6].allow);
    ck_assert_uint_eq(steps[0].line, 0);
}
END_TEST

START_TEST(steps_before_the_rules_are_told)
{
    struct sm_policy_request r = by_alice();

    explain(ANYTHING, &r);
    step("expired", SM_POLICY_STEP_NO, "valid now");
    step("bad-request", SM_POLICY_STEP_NO, "");
    step("unknown-host", SM_POLICY_STEP_NO, "hostA and hostB take part");
    step("no-permission", SM_POLICY_STEP_NO, "alice acts in role \"operator");
    step("vm-policy", SM_POLICY_STEP_NO, "");
    r.account = "mallory";
    r.vm_name = "pay-1";
    explain(ANYTHING, &r);
    ck_assert_str_eq(d.rule, "unknown-operator");
    step("unknown-operator", SM_POLICY_STEP_YES, "mallory");
    step("vm-policy", SM_POLICY_STEP_NO, "payroll");
    step("any", SM_POLICY_STEP_YES, "");
    n_steps = 0;
    sm_policy_explain(NULL, &r, note, &n_steps, &d);
    ck_assert_uint_eq(n_steps, 1);
    step("no-policy", SM_POLICY_STEP_YES, "");
    r.vm_name = NULL;
    explain(ANYTHING, &r);
    ck_assert_uint_eq(n_steps, 2);
    step("bad-request", SM_POLICY_STEP_YES, "guest name");
}
END_TEST

START_TEST(a_reason_is_what_was_asked_and_what_is_so)
{
    struct sm_policy_request r = by_alice();

    explain(OUT("a", "allow", "<destination host='hostA hostC'/>"
                "<destination jurisdiction='DE'/>")
            OUT("b", "allow", "<subject role='lead'/>")
            OUT("c", "allow", "<time window='noon'/>")
            OUT("e", "allow", "<vm group='web'/>"), &r);
    step("a", SM_POLICY_STEP_UNKNOWN, "none of 2 <destination>");
    step("a", SM_POLICY_STEP_UNKNOWN, "jurisdiction=\"DE\"");
    step("b", SM_POLICY_STEP_NO, "not in \"lead\"");
    step("c", SM_POLICY_STEP_NO, "window \"noon\"");
    step("e", SM_POLICY_STEP_NO, "not in group \"web\"");
    ck_assert_str_eq(d.rule, "default-deny");
    ck_assert_ptr_nonnull(strstr(d.text, "for rule a: "));
}
END_TEST

/* ---- a VM policy as well ---- */

#define VM_HEAD \
    "<vm-policy xmlns='urn:xen-secmig:policy:1' " \
    "vm='8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d' version='1'>"

static struct sm_policy *vm_of(const char *inner)
{
    static char text[4096];
    struct sm_policy *vm = NULL;
    char why[SM_POLICY_WHY_MAX];

    snprintf(text, sizeof(text), VM_HEAD "%s</vm-policy>", inner);
    ck_assert_msg(!sm_policy_parse(&vm, SM_POLICY_VM, text, strlen(text),
                                   NULL, why, sizeof(why)), "%s", why);
    return vm;
}

static void both(const char *rules, const char *inner,
                 const struct sm_policy_request *r)
{
    struct sm_policy *p = parse_site(SITE_HEAD SITE_ROLES SITE_REST, rules);
    struct sm_policy *vm = inner ? vm_of(inner) : NULL;
    struct sm_policy_decision plain;

    sm_policy_decide_both(p, vm, r, &d);
    n_steps = 0;
    sm_policy_explain_both(p, vm, r, note, &n_steps, &plain);
    ck_assert_str_eq(d.rule, plain.rule);
    ck_assert_str_eq(d.text, plain.text);
    ck_assert_int_eq(d.code, plain.code);
    sm_policy_free(p);
    sm_policy_free(vm);
}

#define VM_ANY "<rules>" ANY("v", "allow", "migrate-out migrate-in", "") \
    "</rules>"

static struct sm_policy_request owned(void)
{
    struct sm_policy_request r = by_alice();

    r.vm_policy_signer = signers[1];
    return r;
}

START_TEST(both_must_allow)
{
    struct sm_policy_request r = owned();

    both(ANYTHING, VM_ANY, &r);
    ck_assert(d.allow);
    ck_assert_str_eq(d.rule, "any");
    both("", VM_ANY, &r);
    ck_assert_str_eq(d.rule, "default-deny");
    both(ANYTHING, "<rules/>", &r);
    ck_assert_str_eq(d.rule, "vm:default-deny");
    ck_assert_int_eq(d.code, SM_REFUSED_LOCAL);
    ck_assert_ptr_nonnull(strstr(d.text, "the guest's own policy"));
    both(ANYTHING, "<rules>" OUT("no", "deny", "") "</rules>", &r);
    ck_assert_str_eq(d.rule, "vm:no");
}
END_TEST

START_TEST(the_vm_policy_is_told_even_when_the_site_refuses)
{
    struct sm_policy_request r = owned();

    both("", VM_ANY, &r);
    step("v", SM_POLICY_STEP_YES, "");
    ck_assert(steps[n_steps - 1].vm);
    ck_assert(!steps[0].vm);
}
END_TEST

START_TEST(obligations_add_up)
{
    struct sm_policy_request r = owned();

    r.tickets[0].signer = signers[1];
    r.tickets[1].signer = signers[4];
    r.n_tickets = 2;
    both(OUT("s", "allow", "<require ticket='operator' max-downtime='2 s'/>"),
         "<rules>" OUT("v", "allow", "<require ticket='owner' "
                       "notify-guest='yes' max-downtime='500 ms'/>")
         "</rules>", &r);
    ck_assert_msg(d.allow, "%s", d.text);
    ck_assert(d.obligations.notify_guest);
    ck_assert_uint_eq(d.obligations.max_downtime_ms, 500);
    ck_assert_uint_eq(d.obligations.tickets, 3);
    ck_assert_int_eq(d.obligations.ticket, 1);
    r.n_tickets = 0;
    both(ANYTHING, "<rules>" OUT("v", "allow", "<require ticket='owner'/>")
         "</rules>", &r);
    ck_assert_int_eq(d.code, SM_UNMET);
    ck_assert_str_eq(d.rule, "vm:v");
}
END_TEST

START_TEST(one_without_the_other_is_refused)
{
    struct sm_policy_request r = by_alice();

    both(ANYTHING, VM_ANY, &r);         /* nobody has signed it */
    ck_assert_str_eq(d.rule, "vm-policy");
    r = owned();
    both(ANYTHING, NULL, &r);           /* it is not there */
    ck_assert_str_eq(d.rule, "vm-policy");
    r = by_alice();
    both(ANYTHING, NULL, &r);
    ck_assert(d.allow);
}
END_TEST

START_TEST(a_vm_policy_is_of_one_guest)
{
    static const uint8_t other[16] = { 1 };
    struct sm_policy_request r = owned();

    r.vm_uuid = other;
    both(ANYTHING, VM_ANY, &r);
    ck_assert_str_eq(d.rule, "vm:vm-policy");
}
END_TEST

START_TEST(other_actions_are_not_the_vm_policys)
{
    struct sm_policy_request r = owned();

    r.action = SM_POLICY_ABORT;
    r.account = "bob";
    both(ANY("x", "allow", "abort", ""), "<rules/>", &r);
    ck_assert_msg(d.allow, "%s", d.text);
}
END_TEST

/* The owner's own choice of authorities, or else the site's. */
START_TEST(whose_attributes_count)
{
    struct sm_policy_attributes a = {
        .signer = signers[3], .location = "Berlin", .jurisdiction = "DE",
    };
    static const char de[] =
        "<rules>" OUT("v", "allow", "<destination jurisdiction='DE'/>")
        "</rules>",
        own[] = "<authorities><authority id='x' key='" SIGNER_6_TEXT "'/>"
        "</authorities><rules>"
        OUT("v", "allow", "<destination jurisdiction='DE'/>") "</rules>";
    struct sm_policy_request r = owned();

    r.destination.attributes = &a;
    both(ANYTHING, de, &r);
    ck_assert_msg(d.allow, "%s", d.text);
    both(ANYTHING, own, &r);
    ck_assert_str_eq(d.rule, "vm:default-deny");
    a.signer = signers[6];          /* the site takes its location alone */
    both(ANYTHING, de, &r);
    ck_assert_str_eq(d.rule, "vm:default-deny");
    both(ANYTHING, own, &r);
    ck_assert_msg(d.allow, "%s", d.text);
}
END_TEST

START_TEST(satisfied_is_conditions_and_evidence)
{
    struct sm_policy_request r = by_alice();
    struct sm_policy *p = parse_site(
        SITE_HEAD SITE_ROLES SITE_REST,
        ANYTHING OUT("no", "deny", "<vm name='x'/>")
        OUT("other", "allow", "<vm name='x'/>") IN("in", "allow", "")
        OUT("more", "allow", "<require approvals='1'/>"));

    ck_assert(sm_policy_satisfied(p, &r, &p->rules[0]));
    ck_assert(!sm_policy_satisfied(p, &r, &p->rules[1]));
    ck_assert(!sm_policy_satisfied(p, &r, &p->rules[2]));
    ck_assert(!sm_policy_satisfied(p, &r, &p->rules[3]));
    ck_assert(!sm_policy_satisfied(p, &r, &p->rules[4]));
    r.approvals[0] = "bob";
    r.n_approvals = 1;
    ck_assert(sm_policy_satisfied(p, &r, &p->rules[4]));
    r.account = "mallory";
    ck_assert(!sm_policy_satisfied(p, &r, &p->rules[0]));
    sm_policy_free(p);
}
END_TEST

RUN("policy explain",
    each_rule_of_the_action_is_told_also_after_the_one_that_decides,
    steps_before_the_rules_are_told, a_reason_is_what_was_asked_and_what_is_so,
    both_must_allow, the_vm_policy_is_told_even_when_the_site_refuses,
    obligations_add_up, one_without_the_other_is_refused,
    a_vm_policy_is_of_one_guest, other_actions_are_not_the_vm_policys,
    whose_attributes_count, satisfied_is_conditions_and_evidence)
