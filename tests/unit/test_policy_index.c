/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy/index.h by contract: what it leaves out cannot match, and it leaves
 * out enough. */
#include <stdlib.h>

#include "policy/index.h"
#include "policy_site.h"

static struct sm_policy *of(const char *rules)
{
    return parse_site(SITE_HEAD SITE_ROLES SITE_REST, rules);
}

/* Which rules are looked at: a bit for each. */
static uint64_t candidates(const struct sm_policy *p,
                           const struct sm_policy_request *r,
                           uint64_t group)
{
    uint64_t groups[64] = { group }, owners[64] = { 0 }, rules[256];

    sm_policy_index_rules(p, r, groups, owners, rules);
    return rules[0];
}

START_TEST(rules_are_found_by_what_singles_them_out)
{
    struct sm_policy_request r = by_alice();
    struct sm_policy *p = of(
        OUT("r0", "allow", "<vm name='g1'/><source host='hostA'/>")
        OUT("r1", "allow", "<vm name='other'/><source host='hostA'/>")
        OUT("r2", "allow", "<vm name='g*'/>")
        OUT("r3", "allow", "<vm name='h*'/>")
        OUT("r4", "allow", "<vm uuid='8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d'"
            "/>")
        OUT("r5", "allow", "<vm uuid='8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4e'"
            "/>")
        OUT("r6", "allow", "<vm group='web'/>")
        OUT("r7", "allow", "<destination host='hostB'/>")
        OUT("r8", "allow", "<destination host='hostA'/>")
        OUT("r9", "allow", "<time window='noon'/>")
        OUT("r10", "allow", "<vm name='other'/><vm name='g1'/>")
        IN("r11", "allow", "<vm name='g1'/>")
        OUT("r12", "allow", "<vm name='*'/>")
        OUT("r13", "allow", "<vm memory-min='1 MiB'/>"));

    ck_assert_uint_eq(candidates(p, &r, 0),
                      1u << 0 | 1u << 2 | 1u << 4 | 1u << 7 | 1u << 9 |
                      1u << 10 | 1u << 12 | 1u << 13);
    ck_assert(candidates(p, &r, 2) & 1u << 6);      /* group web */
    r.action = SM_POLICY_MIGRATE_IN;
    ck_assert_uint_eq(candidates(p, &r, 0), 1u << 11);
    sm_policy_free(p);
}
END_TEST

START_TEST(without_index_or_without_a_guest_it_is_all_of_the_action)
{
    struct sm_policy_request r = by_alice();
    struct sm_policy *p = of(OUT("r0", "allow", "<vm name='x'/>")
                             IN("r1", "allow", "")
                             OUT("r2", "deny", ""));
    struct sm_policy_index *index = p->index;

    ck_assert_uint_eq(candidates(p, &r, 0), 1u << 2);
    r.vm_uuid = NULL;
    ck_assert_uint_eq(candidates(p, &r, 0), 1u << 0 | 1u << 2);
    r = by_alice();
    r.destination.name = NULL;
    ck_assert_uint_eq(candidates(p, &r, 0), 1u << 0 | 1u << 2);
    r = by_alice();
    p->index = NULL;
    ck_assert_uint_eq(candidates(p, &r, 0), 1u << 0 | 1u << 2);
    p->index = index;
    sm_policy_free(p);
}
END_TEST

/* A rule with a long list of hosts or guests is found all the same. */
START_TEST(long_lists_are_looked_at)
{
    struct sm_policy_request r = by_alice();
    char rule[8192] = "<rule id='x' effect='allow' action='migrate-out'>";
    char one[64];
    size_t i;

    for (i = 0; i < 100; i++) {
        snprintf(one, sizeof(one), "<vm name='g%zu'/>", 99 - i);
        strcat(rule, one);
    }
    strcat(rule, "</rule>");
    ALLOWS(rule, &r, "x");
    r.vm_name = "g100";
    DENIES(rule, &r, "default-deny");
}
END_TEST

START_TEST(people_are_found_by_account_and_key)
{
    struct sm_policy *p = of("");
    struct sm_policy_index *index = p->index;
    unsigned int i;

    for (i = 0; i < 2; i++) {
        p->index = i ? NULL : index;
        ck_assert_str_eq(sm_policy_index_account(p, "bob")->id, "bob");
        ck_assert_ptr_null(sm_policy_index_account(p, "olga"));
        ck_assert_ptr_null(sm_policy_index_account(p, ""));
        ck_assert_str_eq(sm_policy_index_operator(p, signers[4])->id,
                         "olga");
        ck_assert_ptr_null(sm_policy_index_operator(p, signers[1]));
        ck_assert_str_eq(sm_policy_index_owner(p, signers[1])->id,
                         "finance");
        ck_assert_ptr_null(sm_policy_index_owner(p, signers[4]));
    }
    p->index = index;
    sm_policy_free(p);
}
END_TEST

static size_t found[2];

static void find(void *ctx, size_t group, const struct sm_policy_vm *vm)
{
    ck_assert_ptr_eq(ctx, found);
    ck_assert_ptr_nonnull(vm);
    found[group]++;
}

START_TEST(guests_are_found_by_uuid_name_or_prefix)
{
    struct sm_policy_request r = by_alice();
    struct sm_policy *p = of("");
    char name[SM_POLICY_NAME_MAX + 1];

    sm_policy_index_guest(p, &r, find, found);
    ck_assert_uint_eq(found[0] + found[1], 0);
    r.vm_name = "pay-17";
    sm_policy_index_guest(p, &r, find, found);
    ck_assert_uint_eq(found[0], 1);
    r.vm_name = "web-1";
    sm_policy_index_guest(p, &r, find, found);
    ck_assert_uint_eq(found[0], 1);
    ck_assert_uint_eq(found[1], 1);
    memset(name, 'n', sizeof(name) - 1);
    name[SM_POLICY_NAME_MAX] = '\0';
    memcpy(name, "pay-", 4);
    r.vm_name = name;
    sm_policy_index_guest(p, &r, find, found);
    ck_assert_uint_eq(found[0], 2);
    r.vm_uuid = NULL;                   /* not known: all of them */
    sm_policy_index_guest(p, &r, find, found);
    ck_assert_uint_eq(found[0], 4);
    ck_assert_uint_eq(found[1], 3);
    sm_policy_free(p);
}
END_TEST

RUN("policy index", rules_are_found_by_what_singles_them_out,
    without_index_or_without_a_guest_it_is_all_of_the_action,
    long_lists_are_looked_at, people_are_found_by_account_and_key,
    guests_are_found_by_uuid_name_or_prefix)
