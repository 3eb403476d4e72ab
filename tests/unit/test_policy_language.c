/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a site policy says of roles, operators, owners, authorities, hosts,
 * groups, windows and demands: what becomes of it in the model, and what is
 * refused.  One test case per part of the language. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel/suite.h"
#include "policy/model.h"

#define K1 "RWQBAQEBAQEBATU8h68AfhAuz8N9yeErf+1upnn4uD8VXbtbP67pwWgD"
#define K2 "RWQCAgICAgICAn6SKtoVXTTWnaY+hyQHUiFXmlHPduCQ6KIU/3Dmq9CO"
#define K3 "RWQDAwMDAwMDA3Hm3YnRgcO807FibMt9928DUmIuAm/M6ZNgz516ePtF"
/* the key of K1 with another key id */
#define K1_AGAIN "RWQJCQkJCQkJCTU8h68AfhAuz8N9yeErf+1upnn4uD8VXbtbP67pwWgD"
#define UUID "8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d"

/* Line 1 is the root; `before` starts in line 2. */
#define DOC(before, hosts, between, rules) \
    "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'>\n" \
    before "<hosts>" hosts "</hosts>" between "<rules>" rules \
    "</rules></policy>"
#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"
#define P1 "<platforms><platform id='p1'><pcr index='7' sha256='" D1 "'/>" \
           "</platform></platforms>"
#define TWO "<host id='a'/><host id='b'/>"
#define BEFORE(before) DOC(before, TWO, "", "")
#define BETWEEN(between) DOC("", TWO, "\n" between, "")
#define RULE(inner) DOC("", TWO, "", "\n<rule id='r' effect='allow' " \
                        "action='migrate-out'>" inner "</rule>")

#define ROLES \
    "<roles>\n" \
    "<role id='lead' inherits='operator guest-admin'>" \
    "<permit action='abort'/><permit action='audit-read'/></role>\n" \
    "<role id='operator' inherits='reader'>" \
    "<permit action='migrate-out migrate-in'/></role>\n" \
    "<role id='reader'><permit action='audit-read'/></role>\n" \
    "<role id='guest-admin'/>\n" \
    "<role id='author'><permit action='policy-admin'/></role>\n"

static char why[SM_POLICY_WHY_MAX];

static struct sm_policy *parse(const char *text)
{
    struct sm_policy *policy = NULL;
    int rc = sm_policy_parse(&policy, SM_POLICY_SITE, text, strlen(text),
                             "p", why, sizeof(why));

    ck_assert_msg(rc == 0, "%s\n%s", why, text);
    return policy;
}

static void accepted(const char *text)
{
    sm_policy_free(parse(text));
}

static void refused(const char *text, unsigned int line, const char *words)
{
    struct sm_policy *policy = NULL;
    char head[16];

    ck_assert_msg(sm_policy_parse(&policy, SM_POLICY_SITE, text,
                                  strlen(text), "p", why, sizeof(why)) ==
                  SM_POLICY, "accepted:\n%s", text);
    ck_assert_ptr_null(policy);
    snprintf(head, sizeof(head), "p:%u: ", line);
    ck_assert_msg(!strncmp(why, head, strlen(head)) && strstr(why, words),
                  "%s instead of line %u: %s\n%s", why, line, words, text);
}

static const struct sm_policy_role *role(const struct sm_policy *p,
                                         const char *id, size_t *index)
{
    size_t i;

    for (i = 0; i < p->n_roles; i++)
        if (!strcmp(p->roles[i].id, id)) {
            *index = i;
            return &p->roles[i];
        }
    ck_abort_msg("no role %s", id);
}

#define ACTION(a) (1u << (SM_POLICY_##a - 1))

START_TEST(a_role_has_what_it_inherits)
{
    struct sm_policy *p = parse(BEFORE(ROLES "</roles>"));
    size_t lead, operator, reader, admin, author;
    const struct sm_policy_role *r = role(p, "lead", &lead);

    ck_assert_uint_eq(p->n_roles, 5);
    ck_assert_uint_eq(r->line, 3);
    ck_assert_uint_eq(r->permits, ACTION(MIGRATE_OUT) | ACTION(MIGRATE_IN) |
                      ACTION(ABORT) | ACTION(AUDIT_READ));
    role(p, "reader", &reader);
    role(p, "guest-admin", &admin);
    ck_assert_uint_eq(role(p, "author", &author)->permits,
                      ACTION(POLICY_ADMIN));
    ck_assert(sm_policy_set_has(r->is, lead));
    ck_assert(sm_policy_set_has(r->is, admin));
    ck_assert(sm_policy_set_has(r->is, reader));
    ck_assert(!sm_policy_set_has(r->is, author));
    r = role(p, "operator", &operator);
    ck_assert_uint_eq(r->permits, ACTION(MIGRATE_OUT) | ACTION(MIGRATE_IN) |
                      ACTION(AUDIT_READ));
    ck_assert(!sm_policy_set_has(r->is, lead));
    ck_assert(sm_policy_set_has(r->is, operator));
    sm_policy_free(p);
    accepted(BEFORE("<roles/>"));
}
END_TEST

START_TEST(roles_are_checked)
{
    refused(BEFORE("<roles>\n<role/></roles>"), 3, "lacks the attribute id");
    refused(BEFORE("<roles>\n<role id='a b'/></roles>"), 3, "not an id");
    refused(BEFORE("<roles><role id='a'/>\n<role id='a'/></roles>"), 3,
            "used already in line 2");
    refused(BEFORE("<roles><role id='a' inherits='a'/></roles>"), 2,
            "circle");
    refused(BEFORE("<roles><role id='a' inherits='b'/>\n"
                   "<role id='b' inherits='c'/>\n"
                   "<role id='c' inherits='b'/></roles>"), 4, "circle");
    /* two ways to one role are no circle */
    accepted(BEFORE("<roles><role id='a' inherits='b c'/>"
                    "<role id='b' inherits='d'/><role id='c' inherits='d'/>"
                    "<role id='d'/></roles>"));
    refused(BEFORE("<roles><role id='a' inherits='x'/></roles>"), 2,
            "inherits=\"x\": there is no such role");
    refused(BEFORE("<roles><role id='a' inherits=''/></roles>"), 2, "empty");
    refused(BEFORE("<roles><role id='a'/><role id='b' inherits='a a'/>"
                   "</roles>"), 2, "twice");
    refused(BEFORE("<roles><role id='a'>\n<permit/></role></roles>"), 3,
            "lacks the attribute action");
    refused(BEFORE("<roles><role id='a'>\n<permit action='reboot'/></role>"
                   "</roles>"), 3, "unknown word \"reboot\"");
    refused(BEFORE("<roles><role id='a'>\n<role id='b'/></role></roles>"), 3,
            "unexpected element <role>");
    refused(BEFORE("<roles permits='all'/>"), 2, "attribute permits");
    refused(BEFORE("<roles>\n<host id='x'/></roles>"), 3, "unexpected");
}
END_TEST

#define EXCLUSIVE(rest) \
    "<exclusive id='x' roles='operator author' " rest "/></roles>\n"
#define OPERATOR(roles) \
    "<operators><operator id='o' account='o' roles='" roles "'/></operators>"

START_TEST(static_separation_of_duty)
{
    struct sm_policy *p = parse(BEFORE(ROLES EXCLUSIVE("kind='static'")
                                       OPERATOR("lead")));

    ck_assert_uint_eq(p->n_exclusives, 1);
    ck_assert(!p->exclusives[0].dynamic);
    ck_assert_uint_eq(p->exclusives[0].at_most, 1);
    ck_assert_uint_eq(p->exclusives[0].line, 8);
    sm_policy_free(p);
    refused(BEFORE(ROLES EXCLUSIVE("kind='static'")
                   OPERATOR("operator author")), 9, "has 2 of the roles");
    /* inherited ones count */
    refused(BEFORE(ROLES EXCLUSIVE("kind='static'")
                   OPERATOR("author lead")), 9, "\"x\" (line 8)");
    accepted(BEFORE(ROLES "<exclusive id='x' roles='operator author reader' "
                    "kind='static' at-most='2'/></roles>\n"
                    OPERATOR("operator")));
    refused(BEFORE(ROLES "<exclusive id='x' roles='operator author reader' "
                   "kind='static' at-most='2'/></roles>\n"
                   OPERATOR("operator author")), 9, "has 3 of the roles");
    /* dynamic separation is not about what is assigned */
    p = parse(BEFORE(ROLES EXCLUSIVE("kind='dynamic'")
                     OPERATOR("operator author")));
    ck_assert(p->exclusives[0].dynamic);
    sm_policy_free(p);
}
END_TEST

START_TEST(exclusives_are_checked)
{
    refused(BEFORE(ROLES EXCLUSIVE("")), 8, "lacks the attribute kind");
    refused(BEFORE(ROLES EXCLUSIVE("kind='both'")), 8, "neither static");
    refused(BEFORE(ROLES EXCLUSIVE("kind='static' at-most='0'")), 8,
            "at-most");
    refused(BEFORE(ROLES EXCLUSIVE("kind='static' at-most='2'")), 8,
            "at most 2 of 2 roles excludes nothing");
    refused(BEFORE(ROLES EXCLUSIVE("kind='static' at-most='4294967297'")), 8,
            "at-most");
    refused(BEFORE(ROLES EXCLUSIVE("kind='static' at-most='01'")), 8,
            "at-most");
    refused(BEFORE(ROLES "<exclusive id='x' roles='author' kind='static'/>"
                   "</roles>"), 8, "excludes nothing");
    refused(BEFORE(ROLES "<exclusive id='x' roles='author y' kind='static'/>"
                   "</roles>"), 8, "no such role");
    refused(BEFORE(ROLES "<exclusive id='x' roles='author author' "
                   "kind='static'/></roles>"), 8, "twice");
    refused(BEFORE(ROLES "<exclusive id='x' kind='static'/></roles>"), 8,
            "lacks the attribute roles");
    refused(BEFORE(ROLES "<exclusive id='x' roles='author lead' "
                   "kind='static'/>\n<exclusive id='x' roles='author lead' "
                   "kind='static'/></roles>"), 9, "used already in line 8");
}
END_TEST

START_TEST(operators)
{
    struct sm_policy *p = parse(BEFORE(ROLES "</roles><operators>\n"
        "<operator id='alice' account='alice' roles='lead'/>"
        "<operator id='bob' key='" K1 "'/>"
        "<operator id='eve' account='eve$' key='" K2 "' roles='reader "
        "author'/></operators>"));
    size_t lead, reader;

    ck_assert_uint_eq(p->n_operators, 3);
    role(p, "lead", &lead);
    role(p, "reader", &reader);
    ck_assert_str_eq(p->operators[0].account, "alice");
    ck_assert(!p->operators[0].has_key);
    ck_assert(sm_policy_set_has(p->operators[0].assigned, lead));
    ck_assert(!sm_policy_set_has(p->operators[0].assigned, reader));
    ck_assert(sm_policy_set_has(p->operators[0].roles, reader));
    ck_assert_ptr_null(p->operators[1].account);
    ck_assert(p->operators[1].has_key);
    ck_assert_uint_eq(p->operators[1].key[0], 1);
    ck_assert_uint_eq(p->operators[1].key[8], 0x35);
    ck_assert(!sm_policy_set_has(p->operators[1].roles, reader));
    ck_assert_uint_eq(sm_policy_operator_count(p), 3);
    ck_assert_str_eq(sm_policy_operator_id(p, 2), "eve");
    ck_assert_ptr_null(sm_policy_operator_key(p, 0));
    ck_assert_ptr_eq(sm_policy_operator_key(p, 1), p->operators[1].key);
    sm_policy_free(p);

#define OPERATORS(list) BEFORE("<operators>\n" list "</operators>")
    refused(OPERATORS(""), 2, "leave it out");
    refused(OPERATORS("<operator id='a'/>"), 3, "neither account nor key");
    refused(OPERATORS("<operator account='a'/>"), 3, "id");
    refused(OPERATORS("<operator id='a' account='a b'/>"), 3, "account");
    refused(OPERATORS("<operator id='a' account=''/>"), 3, "account");
    refused(OPERATORS("<operator id='a' account='a' roles='x'/>"), 3,
            "no such role");
    refused(OPERATORS("<operator id='a' account='x'/>\n"
                      "<operator id='a' account='y'/>"), 4,
            "<operator> id=\"a\": used already in line 3");
    refused(OPERATORS("<operator id='a' account='x'/>\n"
                      "<operator id='b' account='x'/>"), 4,
            "<operator> account=\"x\": used already in line 3");
    refused(OPERATORS("<operator id='a' key='" K1 "'/>\n"
                      "<operator id='b' key='" K1_AGAIN "'/>"), 4,
            "<operator> key: used already in line 3");
    refused(OPERATORS("<operator id='a' account='a' uid='0'/>"), 3,
            "attribute uid");
    refused(OPERATORS("<owner id='a' key='" K1 "'/>"), 3, "unexpected");
}
END_TEST

START_TEST(keys)
{
    static const char *const bad[] = {
        "", "RW", "AAAA",
        "RWQBAQEBAQEBATU8h68AfhAuz8N9yeErf+1upnn4uD8VXbtbP67pwWg",
        (K1 "A"), (K1 "="), (K1 "&quot;"), (" " K1),
        "untrusted comment: x&quot;",
        /* algorithm other than Ed */
        "RUQBAQEBAQEBATU8h68AfhAuz8N9yeErf+1upnn4uD8VXbtbP67pwWgD",
        /* URL-safe letters */
        "RWQDAwMDAwMDA3Hm3YnRgcO807FibMt9928DUmIuAm_M6ZNgz516ePtF",
        /* of small order: 0, 1 */
        "RWRrZXlpZDEyMwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "RWRrZXlpZDEyMwEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    char text[1024];
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), BEFORE("<owners>\n<owner id='a' "
                 "key='%s'/></owners>"), bad[i]);
        refused(text, 3, "key: not a minisign public key");
    }
}
END_TEST

#define PLATFORMS(content) BEFORE("<platforms>\n" content "</platforms>")
#define PLATFORM(attributes, content) \
    PLATFORMS("<platform id='p'" attributes ">" content "</platform>")
#define ONE "<pcr index='7' sha256='" D1 "'/>"

START_TEST(platforms)
{
    struct sm_policy *p = parse(PLATFORMS(
        "<platform id='a'><pcr index='0' sha256=' " D2 "\n" D1 " '/>"
        "<pcr index='23' sha256='" D1 "'/></platform>"
        "<platform id='b' event-log='" D2 "' after-reset='approve'>" ONE
        "</platform><platform id='c' after-reset='accept'>" ONE
        "</platform>"));
    const struct sm_policy_platform *set = sm_policy_platform_at(p, 0);

    ck_assert_uint_eq(sm_policy_platform_count(p), 3);
    ck_assert_str_eq(set->id, "a");
    ck_assert_uint_eq(set->pcrs, 1u | 1u << 23);
    ck_assert_uint_eq(set->pcr[0].n, 2);
    ck_assert_uint_eq(set->pcr[0].values[0][31], 0x22);
    ck_assert_uint_eq(set->pcr[0].values[1][0], 0x11);
    ck_assert_uint_eq(set->pcr[23].n, 1);
    ck_assert(!set->has_log && !set->approve_reset);
    set = sm_policy_platform_at(p, 1);
    ck_assert(set->has_log && set->approve_reset && set->log[5] == 0x22);
    ck_assert(!sm_policy_platform_at(p, 2)->approve_reset);
    sm_policy_free(p);

    refused(BEFORE("<platforms/>"), 2, "leave it out");
    refused(PLATFORMS("<pcr index='7' sha256='" D1 "'/>"), 3, "unexpected");
    refused(PLATFORM("", ""), 3, "without a <pcr>");
    refused(PLATFORM(" event-log='" D1 "'", ""), 3, "without a <pcr>");
    refused(PLATFORMS("<platform id='p'>" ONE "</platform>\n"
                      "<platform id='p'>" ONE "</platform>"), 4,
            "used already in line 3");
    refused(PLATFORM(" event-log='" D1 "0'", ONE), 3, "not a SHA-256");
    refused(PLATFORM(" after-reset='deny'", ONE), 3,
            "neither accept nor approve");
    refused(PLATFORM(" bank='sha1'", ONE), 3, "must not have");
    refused(PLATFORM("", "\n" ONE ONE), 4, "several values");
    refused(PLATFORM("", "\n<pcr index='24' sha256='" D1 "'/>"), 4,
            "0 to 23");
    refused(PLATFORM("", "\n<pcr index='4294967303' sha256='" D1 "'/>"), 4,
            "0 to 23");
    refused(PLATFORM("", "\n<pcr index='07' sha256='" D1 "'/>"), 4,
            "0 to 23");
    refused(PLATFORM("", "\n<pcr sha256='" D1 "'/>"), 4, "lacks");
    refused(PLATFORM("", "\n<pcr index='7'/>"), 4, "lacks");
    refused(PLATFORM("", "\n<pcr index='7' sha256=' '/>"), 4, "empty");
    refused(PLATFORM("", "\n<pcr index='7' sha256='" D1 " " D2 " " D1
                     "'/>"), 4, "twice");
    refused(PLATFORM("", "\n<pcr index='7' sha256='0x" D1 "'/>"), 4,
            "not a SHA-256");
    refused(PLATFORM("", "\n<pcr index='7' sha256='" D1 ", " D2 "'/>"), 4,
            "not a SHA-256");
    refused(PLATFORM("", "\n<pcr index='7' sha256='" D1 "'>" ONE "</pcr>"),
            4, "unexpected");
}
END_TEST

START_TEST(at_most_64_platforms)
{
    static char text[32 * 1024];
    size_t n, i, most;

    for (most = 64; most <= 65; most++) {
        n = (size_t)snprintf(text, sizeof(text), "<policy xmlns='urn:"
                             "xen-secmig:policy:1' site='s' version='1'>"
                             "<platforms>");
        for (i = 0; i < most; i++)
            n += (size_t)snprintf(text + n, sizeof(text) - n,
                                  "<platform id='p%zu'>" ONE "</platform>",
                                  i);
        snprintf(text + n, sizeof(text) - n, "</platforms><hosts>" TWO
                 "</hosts><rules/></policy>");
        if (most == 64)
            accepted(text);
        else
            refused(text, 1, "more than 64");
    }
}
END_TEST

START_TEST(owners_and_authorities)
{
    struct sm_policy *p = parse(BEFORE(
        "<owners><owner id='o1' key='" K1 "'/><owner id='o2' key='" K2 "'/>"
        "</owners><authorities><authority id='c1' key='" K1 "'/>"
        "<authority id='c2' key='" K3 "' attributes='platform location'/>"
        "</authorities>"));

    ck_assert_uint_eq(sm_policy_owner_count(p), 2);
    ck_assert_str_eq(sm_policy_owner_id(p, 1), "o2");
    ck_assert_uint_eq(sm_policy_owner_key(p, 1)[0], 2);
    ck_assert_uint_eq(sm_policy_authority_count(p), 2);
    ck_assert_uint_eq(sm_policy_authority_key(p, 1)[0], 3);
    ck_assert_uint_eq(p->authorities[0].attributes, SM_POLICY_LOCATION |
                      SM_POLICY_JURISDICTION | SM_POLICY_PLATFORM |
                      SM_POLICY_ATTESTATION);
    ck_assert_uint_eq(p->authorities[1].attributes, SM_POLICY_LOCATION |
                      SM_POLICY_PLATFORM);
    sm_policy_free(p);

    refused(BEFORE("<owners/>"), 2, "leave it out");
    refused(BEFORE("<owners>\n<owner id='a'/></owners>"), 3,
            "lacks the attribute key");
    refused(BEFORE("<owners>\n<owner id='a' key='" K1 "'/>\n"
                   "<owner id='a' key='" K2 "'/></owners>"), 4, "used");
    refused(BEFORE("<owners>\n<owner id='a' key='" K1 "'/>\n"
                   "<owner id='b' key='" K1_AGAIN "'/></owners>"), 4,
            "<owner> key: used already in line 3");
    refused(BEFORE("<authorities/>"), 2, "leave it out");
    refused(BEFORE("<authorities>\n<authority id='a'/></authorities>"), 3,
            "lacks the attribute key");
    refused(BEFORE("<authorities>\n<authority id='a' key='" K1 "' "
                   "attributes=''/></authorities>"), 3, "empty");
    refused(BEFORE("<authorities>\n<authority id='a' key='" K1 "' "
                   "attributes='owner'/></authorities>"), 3, "unknown word");
    refused(BEFORE("<authorities>\n<authority id='a' key='" K1 "'/>\n"
                   "<authority id='a' key='" K2 "'/></authorities>"), 4,
            "used");
    refused(BEFORE("<authorities>\n<authority id='a' key='" K1 "'/>\n"
                   "<authority id='b' key='" K1 "'/></authorities>"), 4,
            "<authority> key: used");
}
END_TEST

#define CA "<authorities><authority id='ca' key='" K1 "'/></authorities>\n"

START_TEST(hosts)
{
    struct sm_policy *p = parse(DOC(ROLES "</roles>" CA,
        "<host id='zeta' roles='operator'/><host id='alpha'/>"
        "<certified authority='ca' roles='author'/><host id='mid'/>", "",
        "<rule id='r' effect='deny' action='migrate-in'>"
        "<source host='elsewhere'/></rule>"));
    size_t reader, author;

    role(p, "reader", &reader);
    role(p, "author", &author);
    ck_assert_uint_eq(sm_policy_host_count(p), 3);
    ck_assert_str_eq(p->hosts[0].id, "alpha");
    ck_assert_str_eq(p->hosts[2].id, "zeta");
    ck_assert_ptr_null(p->hosts[0].roles);
    ck_assert(sm_policy_set_has(p->hosts[2].roles, reader));
    ck_assert_ptr_eq(sm_policy_find_host(p, "mid"), &p->hosts[1]);
    ck_assert_ptr_null(sm_policy_find_host(p, "nope"));
    ck_assert_uint_eq(p->n_certified, 1);
    ck_assert_ptr_eq(p->certified[0].authority, &p->authorities[0]);
    ck_assert(sm_policy_set_has(p->certified[0].roles, author));
    /* with <certified> a rule may name a host that is not listed */
    ck_assert_str_eq(p->rules[0].sources[0].hosts.words[0], "elsewhere");
    sm_policy_free(p);

    accepted(DOC(CA, "<certified authority='ca'/>", "", ""));
    refused(DOC(CA, "\n<certified/>", "", ""), 4, "lacks");
    refused(DOC(CA, "\n<certified authority='cb'/>", "", ""), 4,
            "no such authority");
    refused(DOC(CA, "\n<certified authority='ca'/>\n"
                "<certified authority='ca'/>", "", ""), 5,
            "used already in line 4");
    refused(DOC(CA, "\n<certified authority='ca' roles='x'/>", "", ""), 4,
            "no such role");
    refused(DOC("", "\n<host id='a' roles='x'/>", "", ""), 3,
            "no such role");
    refused(DOC("", "\n<host id='a' location='DE'/>", "", ""), 3,
            "attribute location");
}
END_TEST

START_TEST(groups)
{
    struct sm_policy *p = parse(DOC("<owners><owner id='o' key='" K1 "'/>"
        "</owners>", TWO, "<vms><group id='g' owner='o'>"
        "<vm name='pay-*'/><vm uuid='" UUID "' label='a:b*'/></group>"
        "<group id='empty'/></vms>", "<rule id='r' effect='deny' "
        "action='abort'><vm group='empty g' owner='o'/>"
        "<vm label='x' memory-min='1 GiB'/></rule>"));
    const struct sm_policy_vm *vm = p->groups[0].vms;

    ck_assert_uint_eq(p->n_groups, 2);
    ck_assert_ptr_eq(p->groups[0].owner, &p->owners[0]);
    ck_assert_ptr_null(p->groups[1].owner);
    ck_assert_uint_eq(p->groups[0].n_vms, 2);
    ck_assert_str_eq(vm[0].name, "pay-*");
    ck_assert(!vm[0].has_uuid);
    ck_assert(vm[1].has_uuid);
    ck_assert_str_eq(vm[1].label, "a:b*");
    vm = p->rules[0].vms;
    ck_assert(sm_policy_set_has(vm[0].groups, 0));
    ck_assert(sm_policy_set_has(vm[0].groups, 1));
    ck_assert_uint_eq(vm[0].n_owners, 1);
    ck_assert_ptr_eq(vm[0].owners[0], &p->owners[0]);
    ck_assert_ptr_null(vm[1].groups);
    ck_assert_uint_eq(vm[1].memory_min, 1 << 20);
    ck_assert(vm[1].memory_max == UINT64_MAX);
    sm_policy_free(p);

    refused(BETWEEN("<vms/>"), 3, "leave it out");
    refused(BETWEEN("<vms><group/></vms>"), 3, "id");
    refused(BETWEEN("<vms><group id='a'/>\n<group id='a'/></vms>"), 4,
            "used already in line 3");
    refused(BETWEEN("<vms><group id='a' owner='o'/></vms>"), 3,
            "no such owner");
    refused(BETWEEN("<vms><group id='a'>\n<vm/></group></vms>"), 4,
            "needs name, uuid or label");
    refused(BETWEEN("<vms><group id='a'>\n<vm group='a'/></group></vms>"), 4,
            "attribute group");
    refused(BETWEEN("<vms><group id='a'>\n<vm memory-min='1 GiB'/></group>"
                    "</vms>"), 4, "attribute memory-min");
    refused(BETWEEN("<vms><group id='a'>\n<vm uuid='1'/></group></vms>"), 4,
            "uuid");
    refused(RULE("<vm group='g'/>"), 3, "no such group");
    refused(RULE("<vm owner='o'/>"), 3, "no such owner");
    refused(RULE("<vm label=''/>"), 3, "label");
}
END_TEST

START_TEST(windows)
{
    struct sm_policy *p = parse(DOC("", TWO, "<windows>"
        "<window id='night' days='mon fri' from='22:00' to='06:05' "
        "zone='+01:00'/><window id='day' from='00:00' to='00:00' zone='Z'/>"
        "<window id='b' from='23:59' to='12:00' zone='+01:00'/></windows>",
        "<rule id='r' effect='deny' action='audit-read'>"
        "<time window='day night'/><time window-not='b'/></rule>"));

    ck_assert_uint_eq(p->n_windows, 3);
    ck_assert_uint_eq(p->windows[0].days, 0x11);
    ck_assert_uint_eq(p->windows[0].from, 22 * 60);
    ck_assert_uint_eq(p->windows[0].to, 6 * 60 + 5);
    ck_assert_uint_eq(p->windows[1].days, 0x7f);
    /* a zone is kept once */
    ck_assert_uint_eq(p->n_zones, 2);
    ck_assert_ptr_eq(p->windows[0].zone, p->windows[2].zone);
    ck_assert_uint_eq(p->rules[0].n_times, 2);
    ck_assert(!p->rules[0].times[0].negated);
    ck_assert(sm_policy_set_has(p->rules[0].times[0].windows, 1));
    ck_assert(p->rules[0].times[1].negated);
    sm_policy_free(p);

#define WINDOW(rest) BETWEEN("<windows><window id='w' " rest "/></windows>")
    accepted(WINDOW("from='01:00' to='02:00' zone='Europe/Berlin'"));
    refused(BETWEEN("<windows/>"), 3, "leave it out");
    refused(WINDOW("to='02:00' zone='Z'"), 3, "lacks the attribute from");
    refused(WINDOW("from='01:00' zone='Z'"), 3, "lacks the attribute to");
    refused(WINDOW("from='01:00' to='02:00'"), 3, "lacks the attribute zone");
    refused(WINDOW("from='1:00' to='02:00' zone='Z'"), 3, "time of day");
    refused(WINDOW("from='24:00' to='02:00' zone='Z'"), 3, "time of day");
    refused(WINDOW("from='01:60' to='02:00' zone='Z'"), 3, "time of day");
    refused(WINDOW("from='01:00:00' to='02:00' zone='Z'"), 3, "time of day");
    refused(WINDOW("from='01:00' to='02:00' zone='Atlantis'"), 3,
            "no such zone");
    refused(WINDOW("from='01:00' to='02:00' zone='+15:00'"), 3, "offset");
    refused(WINDOW("from='01:00' to='02:00' zone='Z' days=''"), 3, "empty");
    refused(WINDOW("from='01:00' to='02:00' zone='Z' days='Mon'"), 3,
            "unknown word");
    refused(WINDOW("from='01:00' to='02:00' zone='Z' days='mon mon'"), 3,
            "twice");
    refused(RULE("<time window='w'/>"), 3, "no such window");
    refused(RULE("<time/>"), 3, "either window or window-not");
}
END_TEST

START_TEST(conditions)
{
    struct sm_policy *p = parse(DOC(ROLES "</roles>" OPERATOR("lead") P1, TWO,
        "", "<rule id='r' effect='allow' action='migrate-out migrate-in'>"
        "<subject account='x y' operator='o' role='lead reader'/>"
        "<source host-not='a' location='fra1 fra2' jurisdiction-not='US'"
        " platform='tpm2 sev' role-not='author'/>"
        "<destination role='operator'/><destination host='b'/>"
        "<channel suite='aegis-256 aes-256-gcm' post-quantum='yes'"
        " attestation='p1'/><channel attestation-not='p1'/>"
        "<channel post-quantum='no'/></rule>"));
    const struct sm_policy_rule *r = &p->rules[0];
    const struct sm_policy_where *w = r->sources;

    ck_assert_uint_eq(r->actions, ACTION(MIGRATE_OUT) | ACTION(MIGRATE_IN));
    ck_assert_uint_eq(r->subjects[0].n_accounts, 2);
    ck_assert_str_eq(r->subjects[0].accounts[1], "y");
    ck_assert_ptr_eq(r->subjects[0].operators[0], &p->operators[0]);
    ck_assert_ptr_nonnull(r->subjects[0].roles);
    ck_assert(w->hosts.negated && w->hosts.n == 1);
    ck_assert(!w->locations.negated && w->locations.n == 2);
    ck_assert(w->jurisdictions.negated);
    ck_assert(!w->platforms.negated && w->platforms.n == 2);
    ck_assert(w->roles && w->roles_negated);
    ck_assert_uint_eq(r->n_destinations, 2);
    ck_assert(r->destinations[0].roles && !r->destinations[0].roles_negated);
    ck_assert_uint_eq(r->channels[0].suites,
                      SM_SUITE_BIT(SM_SUITE_AEGIS256) |
                      SM_SUITE_BIT(SM_SUITE_AES256GCM));
    ck_assert_int_eq(r->channels[0].post_quantum, SM_POLICY_PQ_YES);
    ck_assert(sm_policy_set_has(r->channels[0].attestations, 0));
    ck_assert(!r->channels[0].attestations_negated);
    ck_assert(sm_policy_set_has(r->channels[1].attestations, 0));
    ck_assert(r->channels[1].attestations_negated);
    ck_assert_int_eq(r->channels[2].post_quantum, SM_POLICY_PQ_NO);
    ck_assert_ptr_null(r->channels[2].attestations);
    sm_policy_free(p);

    refused(RULE("<source host='a' host-not='b'/>"), 3, "both");
    refused(RULE("<source location='x' location-not='y'/>"), 3, "both");
    refused(RULE("<source platform='x' platform-not='y'/>"), 3, "both");
    refused(RULE("<source jurisdiction='x' jurisdiction-not='y'/>"), 3,
            "both");
    refused(RULE("<channel attestation='p1'/>"), 3, "no such platform");
    refused(RULE("<channel attestation-not='p1'/>"), 3, "no such platform");
    refused(DOC(P1, TWO, "", "\n<rule id='r' effect='allow' "
                "action='migrate-out'><channel attestation='p1' "
                "attestation-not='p1'/></rule>"), 3, "both");
    refused(DOC("<roles><role id='r'/></roles>", TWO, "", "\n<rule id='r' "
                "effect='deny' action='migrate-out'><source role='r' "
                "role-not='r'/></rule>"), 3, "both");
    refused(RULE("<source location='x/y'/>"), 3, "not a name");
    refused(RULE("<source owner='x'/>"), 3, "attribute owner");
    refused(RULE("<channel/>"), 3, "needs suite");
    refused(RULE("<channel suite=''/>"), 3, "empty");
    refused(RULE("<channel suite='none'/>"), 3, "no such suite");
    refused(RULE("<channel suite='des'/>"), 3, "no such suite");
    refused(RULE("<channel post-quantum='maybe'/>"), 3, "neither");
}
END_TEST

/* A condition that not all actions of a rule know is an error. */
START_TEST(conditions_fit_the_actions)
{
    static const struct {
        const char *action, *condition;
        bool fits;
    } cases[] = {
        { "abort", "<vm name='x'/>", true },
        { "force-handover migrate-in", "<source host='a'/>", true },
        { "abort", "<channel post-quantum='yes'/>", false },
        { "policy-admin", "<vm name='x'/>", false },
        { "migrate-out policy-admin", "<vm name='x'/>", false },
        { "audit-read", "<destination host='a'/>", false },
        { "policy-admin audit-read", "<subject account='x'/>", true },
        { "policy-admin", "<require approvals='1'/>", true },
        { "policy-admin", "<require rate='1/day'/>", true },
        { "policy-admin", "<require ticket='owner'/>", false },
        { "migrate-out abort", "<require vm-policy='owner'/>", false },
        { "force-handover", "<require notify-guest='yes'/>", false },
        { "force-handover", "<require max-downtime='1 s'/>", false },
        { "force-handover", "<require attestation='p1'/>", false },
    };
    char text[1024];
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), DOC(P1, TWO, "", "\n<rule id='r' "
                 "effect='allow' action='%s'>\n%s</rule>"), cases[i].action,
                 cases[i].condition);
        if (cases[i].fits)
            accepted(text);
        else
            refused(text, 4, "only");
    }
}
END_TEST

START_TEST(demands)
{
    struct sm_policy *p = parse(DOC(ROLES "</roles>" P1, TWO, "",
        "<rule id='r' effect='allow' action='migrate-out'><require "
        "ticket='any' approvals='16' approver='lead' vm-policy='owner' "
        "rate='256/minute' attestation='p1' notify-guest='yes' "
        "max-downtime='500 ms'/></rule>"
        "<rule id='q' effect='allow' action='migrate-out'><require "
        "ticket='owner' approvals='1' rate='1/day' max-downtime='2s'/></rule>"
        "<rule id='n' effect='allow' action='migrate-out'/>"));
    const struct sm_policy_require *r = &p->rules[0].require;
    size_t lead;

    role(p, "lead", &lead);
    ck_assert_int_eq(r->ticket, SM_POLICY_TICKET_ANY);
    ck_assert_uint_eq(r->approvals, 16);
    ck_assert_int_eq(r->approver, (int)lead);
    ck_assert(r->vm_policy && r->notify_guest);
    ck_assert_uint_eq(r->rate, 256);
    ck_assert_int_eq(r->rate_seconds, 60);
    ck_assert_ptr_eq(r->attestation, &p->platforms[0]);
    ck_assert_uint_eq(r->max_downtime_ms, 500);
    r = &p->rules[1].require;
    ck_assert_int_eq(r->ticket, SM_POLICY_TICKET_OWNER);
    ck_assert_int_eq(r->approver, -1);
    ck_assert(!r->vm_policy && !r->notify_guest);
    ck_assert_int_eq(r->rate_seconds, 86400);
    ck_assert_uint_eq(r->max_downtime_ms, 2000);
    ck_assert_uint_eq(p->rules[2].require.line, 0);
    ck_assert_int_eq(p->rules[2].require.approver, -1);
    sm_policy_free(p);
}
END_TEST

START_TEST(demands_are_checked)
{
    static const struct {
        const char *require, *words;
    } bad[] = {
        { "", "requires nothing" },
        { "ticket='none'", "ticket" },
        { "approvals='0'", "1 to 16" },
        { "approvals='17'", "1 to 16" },
        { "approvals='1.5'", "1 to 16" },
        { "approvals='-1'", "1 to 16" },
        { "approver='x'", "approver without approvals" },
        { "approvals='1' approver='x'", "no such role" },
        { "vm-policy='any'", "not owner" },
        { "rate='10'", "rate" },
        { "rate='/hour'", "rate" },
        { "rate='0/hour'", "rate" },
        { "rate='257/hour'", "1 to 256" },
        { "rate='10/week'", "rate" },
        { "rate='10 /hour'", "rate" },
        { "rate='18446744073709551617/hour'", "rate" },
        { "attestation='p1'", "no such platform" },
        { "attestation='a b'", "no such platform" },
        { "notify-guest='no'", "not yes" },
        { "max-downtime='500'", "max-downtime" },
        { "max-downtime='0 ms'", "max-downtime" },
        { "max-downtime='1 min'", "max-downtime" },
        { "max-downtime='3601 s'", "max-downtime" },
        { "max-downtime='4294968 s'", "max-downtime" },
        { "max-downtime='ms'", "max-downtime" },
        { "max-memory='1'", "attribute max-memory" },
    };
    char text[1024];
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), RULE("\n<require %s/>"),
                 bad[i].require);
        refused(text, 4, bad[i].words);
    }
    accepted(RULE("<require max-downtime='3600 s'/>"));
    refused(RULE("<require rate='1/day'/>\n<require rate='2/day'/>"), 4,
            "twice");
    refused(DOC("", TWO, "", "\n<rule id='r' effect='deny' "
                "action='migrate-out'><require rate='1/day'/></rule>"), 3,
            "rules that allow");
}
END_TEST

START_TEST(parts_have_an_order)
{
    refused(DOC("<owners><owner id='o' key='" K1 "'/></owners>\n<roles/>",
                TWO, "", ""), 3, "<roles> where <hosts> has to stand");
    refused(BETWEEN("<roles/>"), 3, "<roles> where <rules> has to stand");
    refused(DOC("<roles/>\n<roles/>", TWO, "", ""), 3, "where <hosts>");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy language");
    TCase *tc = tcase_create("language");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, a_role_has_what_it_inherits);
    tcase_add_test(tc, roles_are_checked);
    tcase_add_test(tc, static_separation_of_duty);
    tcase_add_test(tc, exclusives_are_checked);
    tcase_add_test(tc, operators);
    tcase_add_test(tc, keys);
    tcase_add_test(tc, owners_and_authorities);
    tcase_add_test(tc, platforms);
    tcase_add_test(tc, at_most_64_platforms);
    tcase_add_test(tc, hosts);
    tcase_add_test(tc, groups);
    tcase_add_test(tc, windows);
    tcase_add_test(tc, conditions);
    tcase_add_test(tc, conditions_fit_the_actions);
    tcase_add_test(tc, demands);
    tcase_add_test(tc, demands_are_checked);
    tcase_add_test(tc, parts_have_an_order);
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
