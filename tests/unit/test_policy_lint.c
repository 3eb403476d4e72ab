/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per kind of warning of policy/lint.h: given where it is
 * certain, and not given for a neighbour where it is not. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cover.h"
#include "policy/document.h"
#include "policy/lint.h"

#define K1 "RWQBAQEBAQEBATU8h68AfhAuz8N9yeErf+1upnn4uD8VXbtbP67pwWgD"
#define UUID "8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d"
#define NOW INT64_C(1800000000)     /* 2027-01-15T08:00:00Z */

/* A site's document; each part in a line of its own: root 1, `before` 2,
 * hosts 3, `between` 4, then the rules from line 5 on. */
#define SITE(head, before, hosts, between, rules) \
    "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'" head \
    ">\n" before "\n<hosts>" hosts "</hosts>\n" between "<rules>\n" rules \
    "</rules></policy>"
#define AB "<host id='a'/><host id='b'/>"
#define RULE(id, effect, action, inner) \
    "<rule id='" id "' effect='" effect "' action='" action "'>" inner \
    "</rule>\n"
#define BOTH "migrate-out migrate-in"
#define ANY RULE("any", "allow", BOTH, "<vm name='x'/>")
#define RULES(rules) SITE("", "", AB, "", rules)
#define ROLES "<roles><role id='op'><permit action='migrate-out'/></role>" \
              "<role id='lead' inherits='op'/></roles>"
#define OPERATORS "<operators><operator id='al' account='al' roles='lead'/>" \
                  "<operator id='bo' account='bo' roles='op'/></operators>"

static struct {
    unsigned int line;
    char text[512];
} warnings[64];
static size_t n_warnings;

static void on_warning(void *ctx, unsigned int line, const char *text)
{
    ck_assert_ptr_eq(ctx, warnings);
    ck_assert_uint_lt(n_warnings, 64);
    ck_assert_ptr_null(strchr(text, '\n'));
    if (n_warnings)
        ck_assert_uint_le(warnings[n_warnings - 1].line, line);
    warnings[n_warnings].line = line;
    snprintf(warnings[n_warnings].text, sizeof(warnings[0].text), "%s", text);
    n_warnings++;
}

static void look(enum sm_policy_document kind, const char *text)
{
    struct sm_policy *policy = NULL;
    char why[SM_POLICY_WHY_MAX];
    int rc;

    rc = sm_policy_parse(&policy, kind, text, strlen(text), "p", why,
                         sizeof(why));
    ck_assert_msg(rc == 0, "%s\n%s", why, text);
    n_warnings = 0;
    ck_assert_uint_eq(sm_policy_lint(policy, NOW, on_warning, warnings),
                      n_warnings);
    sm_policy_free(policy);
}

/* Nothing to warn of. */
static void quiet(const char *text)
{
    look(SM_POLICY_SITE, text);
    ck_assert_msg(!n_warnings, "line %u: %s\n%s", warnings[0].line,
                  warnings[0].text, text);
}

/* Just this warning. */
static void warned(const char *text, unsigned int line, const char *words)
{
    look(SM_POLICY_SITE, text);
    ck_assert_msg(n_warnings == 1, "%zu warnings: %s; %s\n%s", n_warnings,
                  n_warnings ? warnings[0].text : "",
                  n_warnings > 1 ? warnings[1].text : "", text);
    ck_assert_msg(warnings[0].line == line && strstr(warnings[0].text, words),
                  "line %u: %s instead of line %u: %s", warnings[0].line,
                  warnings[0].text, line, words);
}

/* This warning among others. */
static void also_warned(const char *text, unsigned int line,
                        const char *words)
{
    size_t i;

    look(SM_POLICY_SITE, text);
    for (i = 0; i < n_warnings; i++)
        if (warnings[i].line == line && strstr(warnings[i].text, words))
            return;
    ck_abort_msg("no warning of line %u: %s\n%s", line, words, text);
}

START_TEST(validity)
{
    quiet(SITE(" not-before='2026-01-01T00:00:00Z' "
               "not-after='2027-06-01T00:00:00Z'", "", AB, "", ANY));
    warned(SITE(" not-after='2027-01-15T07:59:59Z'", "", AB, "", ANY), 1,
           "has expired on 2027-01-15T07:59:59Z");
    warned(SITE(" not-after='2027-02-01T00:00:00Z'", "", AB, "", ANY), 1,
           "expires soon");
    warned(SITE(" not-before='2027-02-01T00:00:00Z'", "", AB, "", ANY), 1,
           "not valid before");
}
END_TEST

START_TEST(nothing_is_allowed)
{
    warned(RULES(""), 1, "no rule allows anything");
    warned(RULES(RULE("d", "deny", BOTH, "")), 1, "no rule allows anything");
    quiet(RULES(ANY));
}
END_TEST

START_TEST(roles_that_nobody_has)
{
    quiet(SITE("", ROLES OPERATORS, AB, "", ANY));
    warned(SITE("", ROLES "<operators><operator id='bo' account='bo' "
                "roles='op'/></operators>", AB, "", ANY), 2,
           "role \"lead\": no operator and no host has it");
    /* an inherited role is had, and one of hosts as well */
    quiet(SITE("", "<roles><role id='x' inherits='y'/><role id='y'/></roles>",
               "<host id='a' roles='x'/><host id='b'/>", "", ANY));
    quiet(SITE("", "<roles><role id='x'/></roles><authorities><authority "
               "id='c' key='" K1 "'/></authorities>",
               AB "<certified authority='c' roles='x'/>", "", ANY));
    warned(SITE("", ROLES "<operators><operator id='al' account='al' "
                "roles='lead'/><operator id='no' account='no'/></operators>",
                AB, "", ANY), 2, "operator \"no\" has no role");
    quiet(SITE("", ROLES "<operators><operator id='al' account='al' "
               "roles='lead'/><operator id='no' key='" K1 "'/></operators>",
               AB, "", ANY));
}
END_TEST

START_TEST(roles_that_nobody_can_have)
{
    also_warned(SITE("", "<roles><role id='x'/><role id='y'/>"
                     "<role id='z' inherits='x y'/><exclusive id='e' "
                     "roles='x y' kind='static'/></roles>", AB, "", ANY), 2,
                "role \"z\": no operator can have it");
}
END_TEST

#define X(id, roles, kind, rest) "<exclusive id='" id "' roles='" roles \
                                 "' kind='" kind "' " rest "/>"
#define WITH_X(x) SITE("", "<roles><role id='p'><permit " \
    "action='migrate-out'/></role><role id='q'/><role id='r'/>" x "</roles>" \
    "<operators><operator id='o1' account='o1' roles='p'/>" \
    "<operator id='o2' account='o2' roles='q'/>" \
    "<operator id='o3' account='o3' roles='r'/></operators>", AB, "", ANY)

START_TEST(exclusives_that_never_bite)
{
    quiet(WITH_X(X("e", "p q", "static", "") X("f", "q r", "dynamic", "")));
    also_warned(SITE("", "<roles><role id='p'/><role id='q'/>"
                     X("e", "p q", "static", "") "</roles>", AB, "", ANY), 2,
                "no effect: there are no <operators>");
    warned(WITH_X(X("e", "p q", "static", "") X("f", "p q r", "static", "")),
           2, "\"e\" can never have an effect: \"f\"");
    warned(WITH_X(X("e", "p q", "static", "") X("f", "p q", "dynamic", "")),
           2, "\"f\" can never have an effect: \"e\"");
    warned(WITH_X(X("e", "p q", "static", "") X("f", "q p", "static", "")),
           2, "\"f\" can never");
    quiet(WITH_X(X("e", "p q", "static", "")
                 X("f", "p q r", "static", "at-most='2'")));
    quiet(WITH_X(X("e", "p q", "dynamic", "")
                 X("f", "p q r", "dynamic", "at-most='2'")));
}
END_TEST

#define GROUPS "<vms><group id='g'><vm name='pay-*'/></group>" \
               "<group id='none'/></vms>"

START_TEST(groups_without_guests)
{
    warned(SITE("", "", AB, GROUPS, ANY), 4, "group \"none\" has no guests");
    also_warned(SITE("", "", AB, GROUPS, RULE("r", "allow", BOTH,
                "\n<vm group='none'/>")), 6,
                "<vm> of rule \"r\" can never hold");
    also_warned(SITE("", "", AB, GROUPS, RULE("r", "allow", BOTH,
                "<vm group='none'/>")), 5, "rule \"r\" can never apply");
    warned(SITE("", "", AB, GROUPS, RULE("r", "allow", BOTH,
           "<vm group='none g'/>")), 4, "group \"none\"");
}
END_TEST

START_TEST(subjects_that_are_nobody)
{
#define SUBJECT(s) SITE("", ROLES OPERATORS, AB, "", ANY \
    RULE("r", "deny", "migrate-out", s "<vm name='z'/>"))
    quiet(SUBJECT("<subject account='al'/>"));
    quiet(SUBJECT("<subject role='op' operator='bo'/>"));
    also_warned(SUBJECT("<subject account='root'/>"), 6,
                "no operator has such an account");
    also_warned(SUBJECT("<subject operator='bo' role='lead'/>"), 6,
                "no operator is like that");
    /* one of two alternatives is enough for the rule */
    warned(SUBJECT("<subject account='root'/><subject account='bo'/>"), 6,
           "<subject> of rule \"r\" can never hold");
    /* who asks is not known on the destination, but for a ticket */
    warned(SITE("", ROLES OPERATORS, AB, "", ANY RULE("r", "deny",
           "migrate-in", "<subject account='al'/>")), 6,
           "migrate-in is always denied by it");
    quiet(SITE("", ROLES "<operators><operator id='al' account='al' "
               "roles='lead' key='" K1 "'/></operators>", AB, "", ANY
               RULE("r", "deny", "migrate-in", "<subject account='al'/>")));
    /* without <operators> any account may be one */
    quiet(RULES(ANY RULE("r", "deny", "migrate-out",
                         "<subject account='root'/>")));
}
END_TEST

START_TEST(hosts_that_are_none)
{
#define HOSTS "<host id='a' roles='op'/><host id='b'/>"
#define WHERE(w) SITE("", ROLES OPERATORS, HOSTS, "", ANY \
                      RULE("r", "deny", BOTH, w))
    quiet(WHERE("<source role='op'/>"));
    quiet(WHERE("<source role-not='op' host='b'/>"));
    warned(WHERE("<source role='lead'/>"), 6, "no host is like that");
    warned(WHERE("<source host='b' role='op'/>"), 6, "no host is like that");
    warned(WHERE("<source host='a' role-not='op'/>"), 6,
           "no host is like that");
    warned(WHERE("<source host-not='a b'/>"), 6, "no host is like that");
    warned(WHERE("<source host='a b' role='op'/>"), 6,
           "lists host b, which is not of a role");
}
END_TEST

#define CA(attributes) "<authorities><authority id='c' key='" K1 \
                       "' attributes='" attributes "'/></authorities>"

START_TEST(attributes_that_are_never_known)
{
    quiet(SITE("", CA("jurisdiction"), AB, "", ANY RULE("r", "deny", BOTH,
               "<source jurisdiction='DE'/>")));
    warned(SITE("", CA("location"), AB, "", ANY RULE("r", "deny", BOTH,
           "<source jurisdiction='DE'/>")), 6,
           "can never be judged, so that it counts as fulfilled");
    also_warned(RULES(RULE("r", "allow", BOTH, "<source location='x'/>")), 5,
                "can never hold");
    also_warned(RULES(RULE("r", "allow", BOTH, "<source platform-not='x'/>")),
                5, "rule \"r\" can never apply");
}
END_TEST

START_TEST(times_that_never_come)
{
#define WINDOWS "<windows><window id='all' from='08:00' to='08:00' zone='Z'" \
    "/><window id='mon' days='mon' from='08:00' to='09:00' zone='Z'/>" \
    "</windows>"
#define TIME(head, t) SITE(head, "", AB, WINDOWS, ANY \
                           RULE("r", "deny", BOTH, t))
#define WEEKEND " not-before='2027-01-15T00:00:00Z' " \
                "not-after='2027-01-17T00:00:00Z'"
    quiet(TIME("", "<time window='mon'/><time window-not='mon'/>"));
    warned(TIME("", "<time window-not='mon all'/>"), 6,
           "the windows leave no time out");
    also_warned(TIME(WEEKEND, "<time window='mon'/>"), 6,
                "not while the policy is valid");
    /* it expires soon, and that is all */
    warned(TIME(WEEKEND, "<time window='all mon'/>"), 1, "expires soon");
}
END_TEST

#define HEX "0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define GOOD_PCR "<pcr index='7' sha256='" HEX "'/>"
#define ATTESTED(authorities, pcrs, rules) \
    SITE("", authorities "<platforms><platform id='p'>" pcrs \
         "</platform></platforms>", AB, "", rules)
#define REQUIRED RULE("r", "allow", BOTH, "\n<require attestation='p'/>")
#define ATTESTED_BY(ca, effect, name) \
    ATTESTED(ca, GOOD_PCR, RULE("r", effect, BOTH, "<channel " name "='p'/>") \
             RULE("any", "allow", BOTH, "<vm name='x'/>"))

START_TEST(attestation_that_nobody_certifies)
{
    static const char counts_not[] = "no <authority> counts for them";

    also_warned(ATTESTED_BY("", "allow", "attestation"), 5, counts_not);
    also_warned(ATTESTED_BY("", "allow", "attestation-not"), 5, counts_not);
    warned(ATTESTED_BY(CA("platform"), "deny", "attestation"), 5,
           "counts as fulfilled: attestation keys");
    warned(ATTESTED_BY(CA("platform"), "deny", "attestation-not"), 5,
           "counts as fulfilled: attestation keys");
    quiet(ATTESTED_BY(CA("attestation"), "deny", "attestation"));
    quiet(ATTESTED_BY(CA("attestation"), "deny", "attestation-not"));
    warned(ATTESTED(CA("platform"), GOOD_PCR, REQUIRED), 6, counts_not);
    quiet(ATTESTED(CA("attestation"), GOOD_PCR, REQUIRED));
}
END_TEST

#define REQUIRED_OF(pcrs) ATTESTED(CA("attestation"), pcrs, REQUIRED)

START_TEST(platforms_that_prove_nothing)
{
    warned(ATTESTED(CA("attestation"), GOOD_PCR, ANY), 2,
           "no rule asks for it");
    warned(REQUIRED_OF(GOOD_PCR "<pcr index='16' sha256='" HEX "'/>"), 2,
           "PCR 16 proves nothing");
    warned(REQUIRED_OF(GOOD_PCR "<pcr index='23' sha256='" HEX "'/>"), 2,
           "PCR 23 proves nothing");
    warned(REQUIRED_OF("<pcr index='9' sha256='" HEX " " ZERO "'/>"), 2,
           "PCR 9 is that of a host that measures");
    quiet(REQUIRED_OF(GOOD_PCR "<pcr index='10' sha256='" HEX "'/>"));
}
END_TEST

START_TEST(demands_that_nobody_can_meet)
{
#define NEEDS(before, require) SITE("", before, AB, "", \
    RULE("r", "allow", BOTH, "<require " require "/>"))
    const char *owners = "there are no <owners>";

    warned(NEEDS("", "ticket='owner'"), 5, owners);
    warned(NEEDS("", "vm-policy='owner'"), 5, owners);
    quiet(NEEDS("<owners><owner id='o' key='" K1 "'/></owners>",
                "ticket='owner' vm-policy='owner'"));
    warned(NEEDS("", "ticket='any'"), 5, "nobody has a key");
    quiet(NEEDS("<owners><owner id='o' key='" K1 "'/></owners>",
                "ticket='any'"));
    warned(NEEDS(ROLES OPERATORS, "ticket='operator'"), 5,
           "nobody has a key");
    quiet(NEEDS(ROLES OPERATORS, "approvals='2'"));
    warned(NEEDS(ROLES OPERATORS, "approvals='3'"), 5,
           "3 approvals, and 2 operators could give one");
    warned(NEEDS(ROLES OPERATORS, "approvals='2' approver='lead'"), 5,
           "2 approvals, and 1 operator could give one");
    warned(NEEDS("", "approvals='1'"), 5, "0 operators");
}
END_TEST

START_TEST(actions_that_nobody_may_ask_for)
{
    quiet(SITE("", ROLES OPERATORS, AB, "", ANY));
    also_warned(SITE("", ROLES OPERATORS, AB, "", ANY
                     RULE("r", "allow", "abort", "")), 6,
                "allows something that no operator's role permits");
    also_warned(SITE("", ROLES OPERATORS, AB, "", ANY
                     RULE("r", "allow", "abort", "")), 6,
                "rule \"r\" can never apply");
    quiet(SITE("", ROLES OPERATORS, AB, "", ANY
               RULE("r", "deny", "abort", "")));
}
END_TEST

START_TEST(allowed_but_denied)
{
    static const char denied[] = "whatever it applies to is denied by rule";

#define PAIR(allow, deny) RULES(ANY RULE("r", "allow", BOTH, allow) \
                                RULE("d", "deny", BOTH, deny))
    warned(PAIR("<vm name='pay-1'/>", "<vm name='pay-*'/>"), 6, denied);
    warned(PAIR("<vm name='pay-*'/><source host='a'/>",
                "<vm name='pay-*'/>"), 6, denied);
    warned(PAIR("<vm uuid='" UUID "'/>",
                "<vm uuid='" UUID "'/><vm name='n'/>"), 6, denied);
    warned(PAIR("<vm name='n' memory-max='1 GiB'/>",
                "<vm memory-max='2 GiB'/>"), 6, denied);
    warned(PAIR("<vm name='n'/><source host='a'/>",
                "<source host-not='b'/>"), 6, denied);
    warned(PAIR("<vm name='n'/><channel suite='aegis-256' "
                "post-quantum='no'/>", "<channel post-quantum='no'/>"), 6,
           denied);
    /* the deny rule asks for something that the other does not */
    quiet(PAIR("<vm name='pay-*'/>", "<vm name='pay-1'/>"));
    quiet(PAIR("<vm name='pay-1'/>", "<vm name='pay-?'/>"));
    quiet(PAIR("<vm name='n'/>", "<vm name='n'/><source host='a'/>"));
    quiet(PAIR("<vm name='n' memory-max='2 GiB'/>",
               "<vm memory-max='1 GiB'/>"));
    quiet(PAIR("<vm name='n'/><source host='a'/>", "<source host='b'/>"));
    quiet(PAIR("<vm name='n'/><source host='a b'/>", "<source host='a'/>"));
    quiet(RULES(ANY RULE("r", "allow", BOTH, "<vm name='n'/>")
                RULE("d", "deny", "migrate-in", "<vm name='n'/>"
                     "<source host='a'/>")));
}
END_TEST

/* Platforms of a host are several: one does not exclude another. */
START_TEST(what_roles_and_attributes_cover)
{
#define CERTIFIED(allow, deny) \
    SITE("", ROLES OPERATORS CA("location platform"), \
         "<host id='a' roles='lead'/><host id='b' roles='op'/>", "", ANY \
         RULE("r", "allow", BOTH, "<vm name='n'/>" allow) \
         RULE("d", "deny", BOTH, deny))
    static const char denied[] = "whatever it applies to is denied by rule";

    warned(CERTIFIED("<source location='x'/>", "<source location-not='y'/>"),
           6, denied);
    quiet(CERTIFIED("<source platform='x'/>", "<source platform-not='y'/>"));
    warned(CERTIFIED("<source platform-not='x y'/>",
                     "<source platform-not='y'/>"), 6, denied);
    warned(CERTIFIED("<source role='lead'/>", "<source role='op'/>"), 6,
           denied);
    quiet(CERTIFIED("<source role='op'/>", "<source role='lead'/>"));
    also_warned(CERTIFIED("<source role-not='op lead' host='a'/>",
                          "<source role-not='op'/>"), 6, "can never hold");
}
END_TEST

START_TEST(rules_without_an_effect)
{
#define TWICE(first, second) RULES(ANY RULE("r", "allow", BOTH, first) \
                                   RULE("q", "allow", BOTH, second))
    warned(TWICE("<vm name='n'/>", "<vm name='n'/>"), 7,
           "rule \"q\" has no effect: rule \"r\" (line 6)");
    warned(TWICE("<vm name='n1'/>", "<vm name='n*'/>"), 6,
           "rule \"r\" has no effect");
    quiet(TWICE("<vm name='n*'/>", "<vm name='m*'/>"));
    /* a config that admits more is an effect */
    warned(TWICE("<vm name='n'/>",
                 "<vm name='n'/><config><disk path='/dev/x'/></config>"), 6,
           "rule \"r\" has no effect");
    quiet(TWICE("<vm name='n'/><config><bridge name='x'/></config>",
                "<vm name='n'/><config><disk path='/dev/x'/></config>"));
    quiet(TWICE("<vm name='n'/><config types='pv'/>", "<vm name='n1'/>"
                "<vm name='n'/><config types='hvm'/>"));
    warned(TWICE("<vm name='n'/><config><disk path='/a'/><disk path='/b'/>"
                 "</config>",
                 "<vm name='n'/><config><disk path='/b'/></config>"), 7,
           "rule \"q\" has no effect");
    quiet(TWICE("<vm name='n'/><config><memory max='1 GiB'/></config>",
                "<vm name='n'/><config><memory max='2 GiB'/></config>"
                "<source host='a'/>"));
    /* deny rules, unless one has a reason that is shown */
    warned(RULES(ANY RULE("r", "deny", BOTH, "<vm name='n*'/>")
                 RULE("q", "deny", "migrate-in", "<vm name='n1'/>")), 7,
           "denies the same or more");
    quiet(RULES(ANY "<rule id='q' effect='deny' action='migrate-in' "
                "reason='because'><vm name='n1'/></rule>\n"
                RULE("r", "deny", BOTH, "<vm name='n*'/>")));
}
END_TEST

START_TEST(demands_without_an_effect)
{
#define OWNED(first, second) SITE("", "<owners><owner id='o' key='" K1 \
    "'/></owners>", AB, "", RULE("r", "allow", BOTH, first) \
    RULE("q", "allow", BOTH, second))
    warned(OWNED("<vm name='n*'/>",
                 "<vm name='n1'/><require ticket='owner'/>"), 6,
           "what rule \"q\" requires has no effect: rule \"r\"");
    quiet(OWNED("<vm name='n*'/><require vm-policy='owner'/>",
                "<vm name='n1'/><require ticket='owner'/>"));
    warned(OWNED("<vm name='n*'/><require ticket='any'/>",
                 "<vm name='n1'/><require ticket='owner'/>"), 6,
           "rule \"q\" has no effect");
    quiet(OWNED("<vm name='n*'/><require ticket='owner'/>",
                "<vm name='n1'/><require ticket='any'/>"));
    /* a first rule's obligations are imposed although a later one has none */
    warned(OWNED("<vm name='n1'/><require notify-guest='yes'/>",
                 "<vm name='n*'/>"), 5, "cannot notify guests yet");
    warned(OWNED("<vm name='n1'/><require max-downtime='2 s'/>",
                 "<vm name='n*'/>"), 5, "cannot bound a guest's downtime");
    quiet(OWNED("<vm name='n*'/><require rate='1/day'/>",
                "<vm name='n1'/><require rate='9/day'/>"));
}
END_TEST

START_TEST(one_end_only)
{
    warned(RULES(RULE("r", "allow", "migrate-out", "")), 5,
           "allows migrate-out, and no rule allows the migrate-in of any");
    warned(RULES(RULE("r", "allow", "migrate-in", "")), 5,
           "allows migrate-in, and no rule allows the migrate-out of any");
    quiet(RULES(RULE("r", "allow", "migrate-out", "")
                RULE("q", "allow", "migrate-in", "<vm name='n'/>")));
    also_warned(RULES(RULE("r", "allow", "migrate-out", "<vm name='n1'/>")
                      RULE("q", "allow", "migrate-in", "<vm name='m*'/>")), 5,
                "such guests between such hosts");
    also_warned(RULES(RULE("r", "allow", "migrate-out",
                           "<destination host='a'/>")
                      RULE("q", "allow", "migrate-in",
                           "<destination host='b'/>")), 5,
                "such guests between such hosts");
    quiet(RULES(RULE("r", "allow", "migrate-out", "<destination host='a'/>")
                RULE("q", "allow", "migrate-in",
                     "<destination host-not='b'/>")));
}
END_TEST

/* Devices are judged as a whole: allowing one of their fields is in vain. */
START_TEST(fields_that_allow_nothing)
{
#define FIELD(path) \
    SITE("", "", AB, "", "<rule id='r' effect='allow' action='" BOTH "'>\n" \
         "<config>\n<field path='" path "' value='*'/></config></rule>\n")
    static const struct {
        const char *text, *words;
    } vain[] = {
        { FIELD("disks[*].pdev_path"), "has no effect: use <disk>" },
        { FIELD("disks[0].pdev_path"), "has no effect: use <disk>" },
        { FIELD("disks[*].script"), "use <disk>" },
        { FIELD("disks[12].readwrite"), "use <disk>" },
        { FIELD("nics[*].bridge"), "has no effect: use <bridge>" },
        { FIELD("nics[*].ifname"), "use <bridge>" },
        { FIELD("nics[3].script"), "use <bridge>" },
        { FIELD("pcidevs[*].bus"), "has no effect: use <pci>" },
        { FIELD("pcidevs[*].seize"), "use <pci>" },
        { FIELD("*"), "<field path=\"*\"> of rule \"r\" has no effect" },
    };
    size_t i;

    for (i = 0; i < sizeof(vain) / sizeof(vain[0]); i++)
        warned(vain[i].text, 7, vain[i].words);
    quiet(FIELD("b_info.extra[*]"));
    quiet(FIELD("disks[*].backend_domname"));
    quiet(FIELD("disks[*].pdev_path2"));
    quiet(FIELD("disks[x].pdev_path"));
    quiet(FIELD("nics[*].gatewaydev"));
    quiet(FIELD("pcidevs[*]"));
    quiet(FIELD("vtpms[*].backend_domname"));
}
END_TEST

/* Two rules with `n` guests each, in the opposite order, so that the one is
 * found to cover the other after n * n / 2 comparisons. */
static char *two_rules(size_t n)
{
    char *text = malloc(1000 + 2 * 40 * n), *p = text;
    size_t i, k;

    ck_assert_ptr_nonnull(text);
    p += sprintf(p, "<policy xmlns='urn:xen-secmig:policy:1' site='s' "
                 "version='1'>\n<hosts>" AB "</hosts>\n<rules>\n");
    for (k = 0; k < 2; k++) {
        p += sprintf(p, "<rule id='r%zu' effect='allow' action='" BOTH "'>",
                     k);
        for (i = 0; i < n; i++)
            p += sprintf(p, "<vm name='v%zu'/>", k ? i : n - 1 - i);
        p += sprintf(p, "</rule>\n");
    }
    strcpy(p, "</rules></policy>");
    return text;
}

/* Very large documents are not compared in all of their parts, and say so;
 * what takes no comparisons is still said. */
START_TEST(too_many_comparisons)
{
    char *text = two_rules(1000);

    warned(text, 5, "rule \"r1\" has no effect: rule \"r0\"");
    free(text);
    text = two_rules(20000);
    warned(text, 1, "too large for all pairs of rules to be compared");
    memcpy(strstr(text, "<rule id='r0' effect='allow' "),
           "<rule id='r0' effect='deny'  ", 29);
    warned(text, 1, "too large for all pairs of rules to be compared");
    free(text);
}
END_TEST

/* The budget itself: the last comparison counts, the one after it does not,
 * and then there is no answer but "no". */
START_TEST(the_budget_is_kept)
{
    char why[SM_POLICY_WHY_MAX], *text = two_rules(10);
    struct sm_policy *p = NULL;
    struct sm_cover c;
    uint64_t needed;

    ck_assert_int_eq(sm_policy_parse(&p, SM_POLICY_SITE, text, strlen(text),
                                     "p", why, sizeof(why)), 0);
    c = (struct sm_cover){ .policy = p, .left = 10000 };
    ck_assert(sm_cover_applies(&c, &p->rules[0], &p->rules[1]));
    needed = 10000 - c.left;
    ck_assert_uint_ge(needed, 55);
    c = (struct sm_cover){ .policy = p, .left = needed };
    ck_assert(sm_cover_applies(&c, &p->rules[0], &p->rules[1]));
    ck_assert(!c.spent);
    ck_assert_uint_eq(c.left, 0);
    c = (struct sm_cover){ .policy = p, .left = needed - 1 };
    ck_assert(!sm_cover_applies(&c, &p->rules[0], &p->rules[1]));
    ck_assert(c.spent);
    ck_assert(!sm_cover_spend(&c, 0));
    ck_assert(!sm_cover_apart(&c, &p->rules[0], &p->rules[1]));
    sm_policy_free(p);
    free(text);
}
END_TEST

/* A guest's owner may forbid it to move, and knows no hosts. */
START_TEST(policies_of_guests)
{
#define VM(rules) "<vm-policy xmlns='urn:xen-secmig:policy:1' vm='" UUID \
                  "' version='1'>\n<rules>\n" rules "</rules></vm-policy>"
    look(SM_POLICY_VM, VM(""));
    ck_assert_uint_eq(n_warnings, 0);
    look(SM_POLICY_VM, VM(RULE("r", "allow", BOTH,
         "<destination jurisdiction='DE' host='x'/>"
         "<require ticket='owner'/>")));
    ck_assert_uint_eq(n_warnings, 0);
    look(SM_POLICY_VM, VM(RULE("r", "allow", BOTH, "<source host='x'/>")
                          RULE("d", "deny", BOTH, "<source host='x y'/>")));
    ck_assert_uint_eq(n_warnings, 1);
    ck_assert_uint_eq(warnings[0].line, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy lint");
    TCase *tc = tcase_create("lint");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, validity);
    tcase_add_test(tc, nothing_is_allowed);
    tcase_add_test(tc, roles_that_nobody_has);
    tcase_add_test(tc, roles_that_nobody_can_have);
    tcase_add_test(tc, exclusives_that_never_bite);
    tcase_add_test(tc, groups_without_guests);
    tcase_add_test(tc, subjects_that_are_nobody);
    tcase_add_test(tc, hosts_that_are_none);
    tcase_add_test(tc, attributes_that_are_never_known);
    tcase_add_test(tc, times_that_never_come);
    tcase_add_test(tc, attestation_that_nobody_certifies);
    tcase_add_test(tc, platforms_that_prove_nothing);
    tcase_add_test(tc, demands_that_nobody_can_meet);
    tcase_add_test(tc, actions_that_nobody_may_ask_for);
    tcase_add_test(tc, allowed_but_denied);
    tcase_add_test(tc, what_roles_and_attributes_cover);
    tcase_add_test(tc, rules_without_an_effect);
    tcase_add_test(tc, demands_without_an_effect);
    tcase_add_test(tc, one_end_only);
    tcase_add_test(tc, fields_that_allow_nothing);
    tcase_add_test(tc, too_many_comparisons);
    tcase_add_test(tc, the_budget_is_kept);
    tcase_add_test(tc, policies_of_guests);
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
