/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes of a policy that only a request made for them shows: policy/diff.h
 * by contract. */
#include <stdlib.h>

#include "policy/diff.h"
#include "policy_site.h"

#define MOST 1200       /* combinations of all values */

static size_t differences;
static char told[600];  /* the first refusal because of the config */

static void differs(void *ctx, const struct sm_policy_request *r,
                    const struct sm_policy_decision *before,
                    const struct sm_policy_decision *after)
{
    const struct sm_policy_decision *refusal = before->allow ? after : before;

    ck_assert_ptr_eq(ctx, &differences);
    ck_assert_ptr_nonnull(r);
    if (!differences++ && !strcmp(refusal->rule, "config"))
        snprintf(told, sizeof(told), "%s", refusal->text);
}

static size_t compare_at(const char *head, const char *rules,
                         const char *later_head, const char *later_rules)
{
    struct sm_policy *a = parse_site(head, rules);
    struct sm_policy *b = parse_site(later_head, later_rules);
    size_t tried;

    differences = 0;
    told[0] = '\0';
    ck_assert_int_eq(sm_policy_diff(a, b, NOT_BEFORE, MOST, differs,
                                    &differences, &tried), 0);
    sm_policy_free(a);
    sm_policy_free(b);
    return tried;
}

static size_t compare(const char *rules, const char *later)
{
    return compare_at(SITE_HEAD SITE_ROLES SITE_REST, rules,
                      SITE_HEAD SITE_ROLES SITE_REST, later);
}

/* Found in both directions; and the policy does not differ from itself. */
static void found(const char *rules, const char *later)
{
    size_t tried = compare(rules, later);

    ck_assert_msg(differences > 0, "%zu tried: %s", tried, later);
    tried = compare(later, rules);
    ck_assert_msg(differences > 0, "%zu tried back: %s", tried, later);
    compare(rules, rules);
    ck_assert_msg(!differences, "itself: %s", rules);
}

/* `rule` with this in place of its "%s". */
static void fill(const char *rule, const char *text, char *out, size_t size)
{
    const char *at = strstr(rule, "%s");

    ck_assert_ptr_nonnull(at);
    snprintf(out, size, "%.*s%s%s", (int)(at - rule), rule, text, at + 2);
}

static void found_in(const char *rule, const char *a, const char *b)
{
    char rules[1024], later[1024];

    fill(rule, a, rules, sizeof(rules));
    fill(rule, b, later, sizeof(later));
    found(rules, later);
}

#define DISK "<disk path='/dev/vg0/*'/>"

START_TEST(changes_of_a_config_are_found)
{
    static const char *const changes[][2] = {
        { "<config>" DISK, "<config><disk path='/dev/*'/>" },
        { "<config>", "<config>" DISK },
        { "<config>" DISK, "<config><disk path='/dev/vg0/*/*'/>" DISK },
        { "<config><disk path='x*' script='/etc/xen/scripts/block-x'/>",
          "<config><disk path='x*' script='/root/evil'/>" },
        { "<config>" DISK, "<config><disk path='/dev/vg0/*' "
                           "format='raw qcow2'/>" },
        { "<config>" DISK, "<config><disk path='/dev/vg0/*' "
                           "backend='phy qdisk tap'/>" },
        { "<config><disk path='/dev/vg0/*' readonly='yes'/>",
          "<config>" DISK },
        { "<config>", "<config><field path='*' value='*'/>" },
        { "<config>", "<config><field path='b_info.extra[*]' value='-x'/>" },
        { "<config>" DISK, "<config>" DISK
          "<field path='disks[*].backend_domname' value='d*'/>" },
        { "<config><kernel path='/boot/*'/>",
          "<config><kernel path='/boot/*'/><kernel path='/etc/*'/>" },
        { "<config><ramdisk path='/boot/*'/>",
          "<config><ramdisk path='/boot/?'/>" },
        { "<config>", "<config><bootloader path='pygrub'/>" },
        { "<config>", "<config><device-model path='/root/qemu'/>" },
        { "<config types='hvm'>",
          "<config types='hvm'><firmware path='/root/*'/>" },
        { "<config>", "<config><seclabel name='system_u:*'/>" },
        { "<config>", "<config><vnc listen='0.0.0.0'/>" },
        { "<config><memory max='4 GiB'/>", "<config><memory max='8 GiB'/>" },
        { "<config><memory max='4 GiB'/>", "<config>" },
        { "<config><vcpus max='2'/>", "<config><vcpus max='3'/>" },
        { "<config><pci address='0000:03:00.0'/>",
          "<config><pci address='0000:03:00.0' permissive='yes'/>" },
        { "<config><pci address='0000:03:00.0'/>",
          "<config><pci address='0000:03:00.*'/>" },
        { "<config><bridge name='br'/>",
          "<config><bridge name='br' script='/root/evil'/>" },
        { "<config><bridge name='br'/>", "<config><bridge name='br*'/>" },
        { "<config><bridge name='br'/>",
          "<config><bridge name='br' interface='v?'/>" },
        { "<config>", "<config types='pv pvh hvm'>" },
    };
    size_t i;

    for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        found_in(IN("in", "allow", "%s</config>"), changes[i][0],
                 changes[i][1]);
}
END_TEST

START_TEST(a_config_of_a_rule_with_conditions_is_compared)
{
    static const char rule[] =
        IN("in", "allow", "<vm name='web-*'/><source role='compute'/>"
           "<destination jurisdiction='CH'/><time window='noon'/>"
           "<config>%s</config>")
        IN("others", "allow", "<vm name='db-*'/><config/>")
        IN("never", "deny", "<source host='hostB'/>");

    found_in(rule, DISK, "<disk path='/dev/*'/>");
    found_in(rule, "", "<kernel path='/etc/*'/>");
}
END_TEST

START_TEST(the_field_is_told)
{
    compare(IN("in", "allow", "<config>" DISK "</config>"),
            IN("in", "allow", "<config><disk path='/dev/*'/></config>"));
    ck_assert_msg(strstr(told, "disks[0].pdev_path = \"/dev/"), "%s", told);
}
END_TEST

START_TEST(the_same_config_in_other_words_is_no_change)
{
    compare(IN("in", "allow", "<config>" DISK "</config>"),
            IN("in", "allow", "<config types='pvh pv'><vnc listen='::1'/>"
               "<disk path='/dev/vg0/a'/><disk path='/dev/vg0/*'/>"
               "</config>"));
    ck_assert_uint_eq(differences, 0);
    /* nor is one that another rule makes up for */
    compare(IN("all", "allow", "<config>" DISK "</config>")
            IN("some", "allow", "<vm name='w'/><config/>"),
            IN("all", "allow", "<config>" DISK "</config>")
            IN("some", "allow", "<vm name='w'/><config>" DISK "</config>"));
    ck_assert_uint_eq(differences, 0);
}
END_TEST

START_TEST(the_number_of_configs_is_bounded)
{
    static char rules[60 * 1024];
    size_t used, i, tried;

    used = (size_t)snprintf(rules, sizeof(rules), "%s",
                            "<rule id='in' effect='allow' "
                            "action='migrate-in'><config>");
    for (i = 0; i < 1000; i++)
        used += (size_t)snprintf(rules + used, sizeof(rules) - used,
                                 "<disk path='/dev/vg%zu/*'/>", i);
    snprintf(rules + used, sizeof(rules) - used, "</config></rule>");
    tried = compare(rules, rules);
    ck_assert_uint_eq(differences, 0);
    ck_assert_uint_gt(tried, SM_POLICY_DIFF_CONFIGS_MAX);
    ck_assert_uint_lt(tried, 2 * (2 * SM_POLICY_DIFF_RULE_MAX +
                                  4 * SM_POLICY_DIFF_CONFIGS_MAX) + MOST);
}
END_TEST

START_TEST(fewer_approvals_are_found)
{
    found_in(OUT("x", "allow", "<require %s/>"), "approvals='3'",
             "approvals='2'");
    found_in(OUT("x", "allow", "<require %s/>"), "approvals='4'",
             "approvals='3'");
    found_in(OUT("x", "allow", "<subject account='alice'/><require %s/>"),
             "approvals='3' ticket='operator'",
             "approvals='2' ticket='operator'");
}
END_TEST

START_TEST(a_higher_rate_is_found)
{
    found_in(OUT("x", "allow", "<require rate='%s'/>"), "1/hour", "2/hour");
    found_in(OUT("x", "allow", "<require rate='%s'/>"), "1/hour", "1/day");
    found_in(OUT("x", "allow", "<require rate='%s'/>"), "255/day",
             "256/day");
}
END_TEST

START_TEST(a_narrower_pattern_is_found)
{
    found_in(OUT("x", "allow", "<vm name='%s'/>"), "a*c", "a?c");
    found_in(OUT("x", "allow", "<vm name='%s'/>"), "a?c", "axc");
    found_in(OUT("x", "allow", "<vm name='%s'/>"), "a*", "a?*");
    found_in(OUT("x", "allow", "<vm label='%s'/>"), "sys:*", "sys:x*");
    found_in(OUT("x", "allow", "<vm name='w-*' label='%s'/>"), "sys:*",
             "sys:?");
}
END_TEST

START_TEST(another_attestation_is_found)
{
    found_in(OUT("x", "allow", "<channel attestation='%s'/>"), "p1", "p2");
    found_in(OUT("x", "allow", "<channel attestation='%s'/>"), "p1",
             "p1 p2");
    found_in(OUT("x", "allow", "<channel suite='aegis-256' "
                               "attestation='%s'/>"), "p1", "p2");
    found_in(OUT("x", "allow", "<require attestation='%s'/>"), "p1", "p2");
    found_in(OUT("x", "allow", "<channel %s='p1'/>"), "attestation",
             "attestation-not");
}
END_TEST

#define PLATFORM(authority, attributes, content) \
    SITE_HEAD "<authorities><authority id='ca' key='" SIGNER_3_TEXT "'" \
    authority "/></authorities><platforms><platform id='p'" attributes ">" \
    content "</platform></platforms><hosts><host id='hostA'/>" \
    "<host id='hostB'/></hosts><rules>"
#define PCR(index, values) "<pcr index='" index "' sha256='" values "'/>"
#define ONE_PCR PCR("7", DIGEST_1)

START_TEST(another_platform_of_the_same_name_is_found)
{
    static const char *const others[] = {
        PLATFORM("", "", PCR("7", DIGEST_2)),
        PLATFORM("", "", PCR("7", DIGEST_1 " " DIGEST_2)),
        PLATFORM("", "", PCR("8", DIGEST_1)),
        PLATFORM("", "", ONE_PCR PCR("4", DIGEST_1)),
        PLATFORM("", " event-log='" DIGEST_1 "'", ONE_PCR),
        PLATFORM("", " after-reset='approve'", ONE_PCR),
        PLATFORM(" attributes='platform'", "", ONE_PCR),
    }, *const rules[] = {
        OUT("x", "allow", "<require attestation='p'/>"),
        OUT("x", "allow", "<channel attestation='p'/>"),
        OUT("x", "deny", "<channel attestation-not='p'/>")
            OUT("any", "allow", ""),
    };
    const char *first = PLATFORM("", "", ONE_PCR);
    size_t i, k;

    for (k = 0; k < sizeof(rules) / sizeof(rules[0]); k++) {
        for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
            compare_at(first, rules[k], others[i], rules[k]);
            ck_assert_msg(differences > 0, "%s", others[i]);
            compare_at(others[i], rules[k], first, rules[k]);
            ck_assert_msg(differences > 0, "back: %s", others[i]);
            compare_at(others[i], rules[k], others[i], rules[k]);
            ck_assert_msg(!differences, "itself: %s", others[i]);
        }
        compare_at(first, rules[k],
                   PLATFORM("", " after-reset='accept'", ONE_PCR), rules[k]);
        ck_assert_uint_eq(differences, 0);
    }
}
END_TEST

#define WINDOW(zone) \
    SITE_HEAD SITE_ROLES \
    "<hosts><host id='hostA'/><host id='hostB'/></hosts>" \
    "<windows><window id='w' days='sun' from='22:00' to='06:00' zone='" zone \
    "'/></windows><rules>"

START_TEST(a_zone_without_summer_time_is_found)
{
    static const char rule[] = OUT("x", "allow", "<time window='w'/>");

    compare_at(WINDOW("Europe/Berlin"), rule, WINDOW("+01:00"), rule);
    ck_assert_uint_gt(differences, 0);
    compare_at(WINDOW("+02:00"), rule, WINDOW("Europe/Berlin"), rule);
    ck_assert_uint_gt(differences, 0);
    compare_at(WINDOW("Europe/Berlin"), rule, WINDOW("Europe/Berlin"), rule);
    ck_assert_uint_eq(differences, 0);
}
END_TEST

RUN("policy diff", changes_of_a_config_are_found,
    a_config_of_a_rule_with_conditions_is_compared, the_field_is_told,
    the_same_config_in_other_words_is_no_change,
    the_number_of_configs_is_bounded, fewer_approvals_are_found,
    a_higher_rate_is_found, a_narrower_pattern_is_found,
    another_attestation_is_found,
    another_platform_of_the_same_name_is_found, a_zone_without_summer_time_is_found)
