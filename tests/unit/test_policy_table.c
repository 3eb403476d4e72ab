/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of requests, and differences between policies: policy/table.h and
 * policy/diff.h by contract. */
#include <stdlib.h>

#include "policy/diff.h"
#include "policy/table.h"
#include "policy_site.h"

#define RULES \
    OUT("web", "allow", "<vm group='web'/>") \
    OUT("pay", "allow", "<vm group='payroll'/><require ticket='owner'/>") \
    IN("in", "allow", "<vm name='web-1'/>")

#define DEFAULTS \
    "default: action=migrate-out; vm=web-1; account=alice\n" \
    "default: uuid=8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d; source=hostA\n" \
    "default: destination=hostB; time=2026-06-01T12:00:00Z; memory=1 GiB\n" \
    "default: source-key=" KEY_A_TEXT "\n"

static size_t cases, failed, told, wrong;
static unsigned int line;
static char why[256];
static struct sm_policy *vm;

static void each(void *ctx, unsigned int at, const char *expected,
                 const struct sm_policy_decision *decision, bool passed)
{
    char answer[160];

    ck_assert_ptr_eq(ctx, &told);
    snprintf(answer, sizeof(answer), "%s %s", sm_policy_verdict(decision),
             decision->rule);
    ck_assert_int_eq(passed, !strcmp(answer, expected));
    told++;
    wrong += !passed;
    line = at;
}

static const struct sm_policy *open_vm(void *ctx, const char *name,
                                       char *reason, size_t size)
{
    ck_assert_ptr_eq(ctx, &told);
    if (!strcmp(name, "de only.xml"))
        return vm;
    snprintf(reason, size, "gone");
    return NULL;
}

static int run(const char *text)
{
    struct sm_policy *p = parse_site(SITE_HEAD SITE_ROLES SITE_REST, RULES);
    const struct sm_policy_table t = {
        .policy = p, .now = 0, .each = each, .open_vm = open_vm,
        .ctx = &told,
    };
    unsigned int at = 0;
    int rc;

    told = wrong = 0;
    rc = sm_policy_table_run(&t, text, strlen(text), &cases, &failed, &at,
                             why, sizeof(why));
    ck_assert_uint_eq(cases, told);
    ck_assert_uint_eq(failed, wrong);
    ck_assert_int_eq(rc != 0, why[0] != '\0');
    if (rc)
        line = at;
    sm_policy_free(p);
    return rc;
}

static void good(const char *text, size_t n)
{
    ck_assert_msg(run(text) == 0, "line %u: %s", line, why);
    ck_assert_uint_eq(cases, n);
    ck_assert_msg(failed == 0, "%zu failed, one at %u", failed, line);
}

static void bad(const char *text, unsigned int at, const char *words)
{
    ck_assert_int_eq(run(text), SM_CONFIG);
    ck_assert_msg(strstr(why, words), "%s", why);
    ck_assert_uint_eq(line, at);
}

START_TEST(cases_are_decided_over_the_defaults)
{
    good("", 0);
    good("# nothing\n\n   \n" DEFAULTS, 0);
    good(DEFAULTS "allow web:\n"
         "deny  default-deny :  vm=db-1\n"
         "deny unknown-operator: account=mallory\r\n"
         "deny unknown-operator: account=\n"
         "unmet pay: vm=pay-1\n"
         "allow pay: vm=pay-1; ticket=owner:finance\n"
         "unmet pay: vm=pay-1; ticket=owner:sales; ticket=operator:olga", 7);
}
END_TEST

START_TEST(later_defaults_are_stronger_and_lists_add_up)
{
    good(DEFAULTS "default: vm=pay-1; ticket=owner:sales\n"
         "unmet pay:\n"
         "allow pay: ticket=owner:finance\n"
         "default: ticket=owner:finance\n"
         "allow pay:\n"
         "unmet pay: ticket=\n"
         "unmet pay: ticket=; ticket=owner:sales\n"
         "default: vm=web-1\n"
         "allow web:\n", 6);
}
END_TEST

START_TEST(a_case_that_fails_is_told_with_its_line)
{
    ck_assert_int_eq(run(DEFAULTS "allow web:\ndeny web:\nallow pay:\n"
                         "allow web:\n"), 0);
    ck_assert_uint_eq(cases, 4);
    ck_assert_uint_eq(failed, 2);
    ck_assert_int_eq(run(DEFAULTS "\ndeny web:"), 0);
    ck_assert_uint_eq(failed, 1);
    ck_assert_uint_eq(line, 6);
}
END_TEST

START_TEST(a_table_that_is_wrong_is_refused_with_its_line)
{
    bad("allow web\n", 1, "neither");
    bad("maybe web: vm=x\n", 1, "neither");
    bad("allow: vm=x\n", 1, "neither");
    bad("allow web too: vm=x\n", 1, "neither");
    bad(DEFAULTS "allow web: colour=red\n", 5, "unknown key");
    bad(DEFAULTS "allow web: vm\n", 5, "no \"=\"");
    bad(DEFAULTS "allow web: vm=a; vm=b\n", 5, "vm twice");
    bad(DEFAULTS "allow web: ticket=owner:nobody\n", 5, "no such owner");
    bad(DEFAULTS "allow web: use=wbe 2026-06-01T11:00:00Z\n", 5,
        "no such rule");
    bad("\nallow web: vm=a\n", 2, "action is missing");
    bad("default: \x1b[1m\n", 1, "not clean");
    bad("default: uuid=1\nallow web:\n", 1, "not a uuid");
}
END_TEST

START_TEST(a_vm_policy_is_asked_too)
{
    static const char text[] =
        "<vm-policy xmlns='urn:xen-secmig:policy:1' "
        "vm='8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d' version='1'><rules>"
        "<rule id='de' effect='allow' action='migrate-out'>"
        "<destination jurisdiction='DE'/></rule></rules></vm-policy>";

    ck_assert_msg(!sm_policy_parse(&vm, SM_POLICY_VM, text, strlen(text),
                                   NULL, why, sizeof(why)), "%s", why);
    good(DEFAULTS "default: vm-policy=de only.xml; vm-policy-owner=sales\n"
         "deny vm:default-deny:\n"
         "allow web: destination-authority=ca; destination-jurisdiction=DE\n"
         "allow web: vm-policy=\n"
         "deny vm-policy: vm-policy-owner=\n", 4);
    bad(DEFAULTS "allow web: vm-policy=x.xml\n", 5, "gone");
    sm_policy_free(vm);
}
END_TEST

START_TEST(a_config_is_judged)
{
    good(DEFAULTS "default: action=migrate-in; account=\n"
         "allow in:\n"
         "allow in: config.c_info.type=pvh\n"
         "deny config: config.c_info.type=hvm\n"
         "default: config.c_info.type=pv\n"
         "deny config: config.b_info.bootloader=/root/x\n"
         "allow in: config.c_info.type=pvh\n"
         "default: config.c_info.type=hvm\n"
         "deny config:\n"
         "allow in: config.c_info.type=\n"
         "default: config.c_info.type=\n"
         "allow in:\n", 8);
}
END_TEST

/* ---- differences ---- */

#define MOST 1200

static size_t differences;
static char last[400];

static void differs(void *ctx, const struct sm_policy_request *r,
                    const struct sm_policy_decision *before,
                    const struct sm_policy_decision *after)
{
    ck_assert_ptr_eq(ctx, &differences);
    ck_assert(before->allow != after->allow || before->code != after->code ||
              before->allow);
    differences++;
    snprintf(last, sizeof(last), "%d %s %s %s", r->action, r->vm_name,
             before->rule, after->rule);
}

static int compare(const char *rules, const char *more, size_t *tried)
{
    struct sm_policy *a = parse_site(SITE_HEAD SITE_ROLES SITE_REST, rules);
    struct sm_policy *b = parse_site(SITE_HEAD SITE_ROLES SITE_REST, more);
    int rc;

    differences = 0;
    rc = sm_policy_diff(a, b, NOT_BEFORE, MOST, differs, &differences, tried);
    sm_policy_free(a);
    sm_policy_free(b);
    return rc;
}

static void found(const char *rules, const char *more)
{
    size_t tried;

    ck_assert_int_eq(compare(rules, more, &tried), 0);
    ck_assert_msg(differences > 0, "%zu tried: %s", tried, more);
    ck_assert_int_eq(compare(more, rules, &tried), 0);
    ck_assert_msg(differences > 0, "%zu tried the other way", tried);
}

START_TEST(a_policy_does_not_differ_from_itself)
{
    size_t tried;

    ck_assert_int_eq(compare(RULES, RULES, &tried), 0);
    ck_assert_uint_eq(differences, 0);
    ck_assert_uint_gt(tried, 1000);
    /* nor from one that says the same in another order */
    ck_assert_int_eq(compare(OUT("a", "allow", "<vm name='x'/>")
                             OUT("b", "deny", "<vm name='xy*'/>"),
                             OUT("b", "deny", "<vm name='xy*'/>")
                             OUT("c", "allow", "<vm name='x'/>"), &tried), 0);
    ck_assert_uint_eq(differences, 0);
}
END_TEST

/* One condition after the other that only the other document has. */
START_TEST(each_kind_of_change_is_found)
{
    static const char *const conditions[] = {
        "<vm name='rare-guest-17'/>", "<vm group='payroll'/>",
        "<vm owner='finance'/>", "<vm label='secret'/>",
        "<vm uuid='00000000-0000-4000-8000-00000000000b'/>",
        "<vm memory-min='128 GiB'/>", "<vm memory-max='8 MiB'/>",
        "<source host='hostA'/>", "<source host-not='hostB'/>",
        "<destination role='compute'/>", "<destination role-not='compute'/>",
        "<destination jurisdiction='CH'/>", "<destination location='Bern'/>",
        "<destination platform='p9'/>",
        "<destination host='hostB' jurisdiction-not='CH'/>",
        "<subject account='otto'/>", "<subject role='lead'/>",
        "<subject operator='erin'/>", "<time window='night'/>",
        "<time window-not='noon'/>", "<channel suite='aegis-256'/>",
        "<channel post-quantum='yes'/>",
        "<vm name='rare'/><source host='hostA'/><destination host='hostB'/>"
        "<subject role='lead'/><time window='night'/>"
        "<channel suite='aes-256-gcm' post-quantum='yes'/>",
    };
    char rule[1024];
    size_t i;

    for (i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        snprintf(rule, sizeof(rule), OUT("x", "allow", "%s"), conditions[i]);
        found("", rule);
        snprintf(rule, sizeof(rule), OUT("x", "deny", "%s")
                 OUT("any", "allow", ""), conditions[i]);
        found(OUT("any", "allow", ""), rule);
    }
}
END_TEST

START_TEST(changes_of_evidence_and_obligations_are_found)
{
    static const char *const requires[] = {
        "ticket='owner'", "ticket='operator'", "approvals='2'",
        "approvals='1' approver='lead'", "vm-policy='owner'",
        "rate='5/hour'", "attestation='p1'", "notify-guest='yes'",
        "max-downtime='2 s'",
    };
    char rule[256];
    size_t i;

    for (i = 0; i < sizeof(requires) / sizeof(requires[0]); i++) {
        snprintf(rule, sizeof(rule), OUT("x", "allow", "<require %s/>"),
                 requires[i]);
        found(OUT("x", "allow", ""), rule);
    }
    found(OUT("x", "allow", "<require max-downtime='1 s'/>"),
          OUT("x", "allow", "<require max-downtime='2 s'/>"));
    found(OUT("x", "allow", "<require approvals='1'/>"),
          OUT("x", "allow", "<require approvals='2'/>"));
    found(OUT("x", "allow", ""), IN("x", "allow", ""));
}
END_TEST

START_TEST(documents_of_two_kinds_are_not_compared)
{
    static const char text[] =
        "<vm-policy xmlns='urn:xen-secmig:policy:1' "
        "vm='8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d' version='1'><rules/>"
        "</vm-policy>";
    struct sm_policy *p = parse_site(SITE_HEAD SITE_ROLES SITE_REST, RULES);
    struct sm_policy *guest = NULL;
    size_t tried;

    ck_assert_int_eq(sm_policy_parse(&guest, SM_POLICY_VM, text, strlen(text),
                                     NULL, why, sizeof(why)), 0);
    ck_assert_int_eq(sm_policy_diff(p, guest, 0, MOST, differs,
                                    &differences, &tried), SM_USAGE);
    differences = 0;
    ck_assert_int_eq(sm_policy_diff(guest, guest, 0, MOST, differs,
                                    &differences, &tried), 0);
    ck_assert_uint_eq(differences, 0);
    sm_policy_free(p);
    sm_policy_free(guest);
}
END_TEST

RUN("policy table", cases_are_decided_over_the_defaults,
    later_defaults_are_stronger_and_lists_add_up,
    a_case_that_fails_is_told_with_its_line,
    a_table_that_is_wrong_is_refused_with_its_line, a_vm_policy_is_asked_too,
    a_config_is_judged, a_policy_does_not_differ_from_itself,
    each_kind_of_change_is_found,
    changes_of_evidence_and_obligations_are_found,
    documents_of_two_kinds_are_not_compared)
