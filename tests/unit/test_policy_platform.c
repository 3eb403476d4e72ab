/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a host has proven of its platform, and the sets of a document:
 * policy/platform.h and the measured facts of policy/request.h. */
#include <stdlib.h>

#include "policy_site.h"

#define NEEDS(what) OUT("x", "allow", "<require " what "/>")
#define ANYTHING OUT("any", "allow", "")
#define VM_HEAD \
    "<vm-policy xmlns='urn:xen-secmig:policy:1' version='1' " \
    "vm='8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d'>"
#define VM_SETS \
    "<platforms><platform id='mine'><pcr index='7' sha256='" DIGEST_1 "'/>" \
    "</platform></platforms>"
#define VM_CA "<authorities><authority id='ca' key='" SIGNER_2_TEXT "'/>" \
              "</authorities>"
#define VM_RULES \
    "<rules><rule id='r' effect='allow' action='migrate-out'>" \
    "<require attestation='mine'/></rule></rules></vm-policy>"

static struct sm_policy_measured m;

/* In p1 of policy_site.h, and in p3 when its reset is approved. */
static struct sm_policy_request by_alice_to_measured(void)
{
    struct sm_policy_request r = by_alice();

    memset(&m, 0, sizeof(m));
    memset(m.pcr[7], 0x11, 32);
    memset(m.pcr[4], 0x22, 32);
    m.signer = signers[3];
    r.measured = &m;
    return r;
}

START_TEST(every_pcr_of_a_set_must_have_one_of_its_values)
{
    struct sm_policy_request r = by_alice_to_measured();
    static const char p1[] = NEEDS("attestation='p1'");

    ALLOWS(p1, &r, "x");
    memset(m.pcr[4], 0x11, 32);
    ALLOWS(p1, &r, "x");
    memset(m.pcr[4], 0x33, 32);
    WANTS(p1, &r, "x", "platform set p1; it differs from p1 in PCR 4");
    m.pcr[7][31] ^= 1;
    WANTS(p1, &r, "x", "it differs from p1 in PCR 4, 7");
    memset(m.pcr[4], 0x22, 32);
    WANTS(p1, &r, "x", "it differs from p1 in PCR 7");
    /* of others it says nothing */
    m.pcr[7][31] ^= 1;
    memset(m.pcr[0], 0x77, 32);
    memset(m.pcr[23], 0x77, 32);
    ALLOWS(p1, &r, "x");
}
END_TEST

START_TEST(an_event_log_must_be_there_and_the_same)
{
    struct sm_policy_request r = by_alice_to_measured();
    static const char p2[] = NEEDS("attestation='p2'");

    memset(m.pcr[7], 0x22, 32);
    memset(m.log, 0x33, 32);
    WANTS(p2, &r, "x", "it differs from p2 in event log");
    m.has_log = true;
    ALLOWS(p2, &r, "x");
    m.log[0] ^= 1;
    WANTS(p2, &r, "x", "it differs from p2 in event log");
    m.pcr[7][0] ^= 1;
    WANTS(p2, &r, "x", "it differs from p2 in PCR 7, event log");
}
END_TEST

START_TEST(a_set_may_want_each_reset_approved)
{
    struct sm_policy_request r = by_alice_to_measured();
    static const char p3[] = NEEDS("attestation='p3'"),
        p1[] = NEEDS("attestation='p1'");

    WANTS(p3, &r, "x", "it fits p3, but nobody has approved its last reset");
    ALLOWS(p1, &r, "x");
    m.reset_approved = true;
    ALLOWS(p3, &r, "x");
    m.pcr[7][0] ^= 1;
    WANTS(p3, &r, "x", "it differs from p3 in PCR 7");
}
END_TEST

START_TEST(conditions_ask_for_one_of_several_sets)
{
    struct sm_policy_request r = by_alice_to_measured();
    static const char in[] = OUT("x", "allow",
                                 "<channel attestation='p1 p2'/>"),
        not_in[] = OUT("n", "deny", "<channel attestation-not='p1 p2'/>")
                   ANYTHING,
        old[] = OUT("n", "deny", "<channel attestation='p1'/>") ANYTHING;

    ALLOWS(in, &r, "x");
    ALLOWS(not_in, &r, "any");
    DENIES(old, &r, "n");
    m.pcr[7][0] ^= 1;
    DENIES(in, &r, "default-deny");
    ck_assert_msg(strstr(d.text, "for rule x: the other host has to prove "
                         "platform set \"p1 p2\"; it differs from p1 in PCR 7"),
                  "%s", d.text);
    DENIES(not_in, &r, "n");
    ck_assert_msg(strstr(d.text, "; the other host differs "
                         "from p1 in PCR 7"), "%s", d.text);
    ALLOWS(old, &r, "any");
    /* the nearest is named, here the one that lacks its log alone */
    memset(m.pcr[7], 0x22, 32);
    memset(m.pcr[4], 0x77, 32);
    DENIES(in, &r, "default-deny");
    ck_assert_msg(strstr(d.text, "it differs from p2 in event log"), "%s",
                  d.text);
}
END_TEST

START_TEST(what_is_not_proven_counts_against_the_request)
{
    struct sm_policy_request r = by_alice();
    static const char in[] = OUT("x", "allow", "<channel attestation='p1'/>"),
        not_in[] = OUT("n", "deny", "<channel attestation-not='p1'/>")
                   ANYTHING,
        old[] = OUT("n", "deny", "<channel attestation='p1'/>") ANYTHING;
    static const char because[] = "has proven none: the quote was replayed";

    r.unattested = "the quote was replayed";
    DENIES(in, &r, "default-deny");
    ck_assert_msg(strstr(d.text, because), "%s", d.text);
    DENIES(not_in, &r, "n");
    ck_assert_msg(strstr(d.text, because), "%s", d.text);
    DENIES(old, &r, "n");
    r.preview = true;
    ALLOWS(in, &r, "x");
    ALLOWS(not_in, &r, "any");
    ALLOWS(old, &r, "any");
    ALLOWS(NEEDS("attestation='p1'"), &r, "x");
    /* what is known counts in a preview, too */
    r = by_alice_to_measured();
    m.pcr[7][0] ^= 1;
    r.preview = true;
    DENIES(in, &r, "default-deny");
    DENIES(not_in, &r, "n");
    WANTS(NEEDS("attestation='p1'"), &r, "x", "PCR 7");
}
END_TEST

/* signers[6] counts for the location only; signers[5] is no authority. */
START_TEST(the_attestation_key_must_be_certified_by_who_counts_for_it)
{
    struct sm_policy_request r = by_alice_to_measured();
    static const char p1[] = NEEDS("attestation='p1'"),
        not_in[] = OUT("n", "deny", "<channel attestation-not='p1'/>")
                   ANYTHING;
    static const size_t others[] = { 5, 6 };
    size_t i;

    for (i = 0; i < 2; i++) {
        m.signer = signers[others[i]];
        WANTS(p1, &r, "x", "it has proven none: its attestation key is "
              "certified by nobody");
        DENIES(not_in, &r, "n");
    }
    m.signer = NULL;
    DENIES(p1, &r, "bad-request");
    m.signer = signers[3];
    r.attestation = "p1";
    DENIES(p1, &r, "bad-request");
}
END_TEST

static struct sm_policy *parse_vm(const char *authorities)
{
    char text[4096], why[SM_POLICY_WHY_MAX];
    struct sm_policy *policy = NULL;
    int rc;

    snprintf(text, sizeof(text), "%s%s%s%s", VM_HEAD, authorities, VM_SETS,
             VM_RULES);
    rc = sm_policy_parse(&policy, SM_POLICY_VM, text, strlen(text), NULL, why,
                         sizeof(why));
    ck_assert_msg(rc == 0, "%s", why);
    return policy;
}

static void both(const char *authorities, const struct sm_policy_request *r,
                 int code, const char *words)
{
    struct sm_policy *site = parse_site(SITE_HEAD SITE_ROLES SITE_REST,
                                        OUT("x", "allow", ""));
    struct sm_policy *vm = parse_vm(authorities);
    struct sm_policy_request of_owner = *r;

    of_owner.vm_policy_signer = signers[1];
    sm_policy_decide_both(site, vm, &of_owner, &d);
    ck_assert_msg(d.code == code && strstr(d.text, words), "%d %s: %s",
                  d.code, d.rule, d.text);
    sm_policy_free(site);
    sm_policy_free(vm);
    d.matched = NULL;
}

START_TEST(a_vm_policy_has_sets_of_its_own)
{
    struct sm_policy_request r = by_alice_to_measured();

    both("", &r, SM_OK, "allowed by rule x");
    m.pcr[7][0] ^= 1;
    both("", &r, SM_UNMET, "platform set mine; it differs from mine in PCR "
         "7");
    m.pcr[7][0] ^= 1;
    /* who counts: for the site ... */
    m.signer = signers[6];
    both("", &r, SM_UNMET, "nobody whose word counts for that on this site");
    m.signer = signers[3];
    /* ... or for the owner, who is more particular here */
    both(VM_CA, &r, SM_UNMET, "certified by nobody");
    m.signer = signers[2];
    both(VM_CA, &r, SM_OK, "allowed by rule x");
    r.measured = NULL;
    both("", &r, SM_UNMET, "it was not asked to (demand-attestation = always");
    r.attestation = "p1";
    both("", &r, SM_UNMET, "it has proven p1");
    r.attestation = "p1 mine";
    both("", &r, SM_OK, "allowed by rule x");
}
END_TEST

START_TEST(the_first_set_that_matches_can_be_asked_for)
{
    struct sm_policy *policy = parse_site(SITE_HEAD SITE_ROLES SITE_REST, "");
    char why[200];

    by_alice_to_measured();
    m.reset_approved = true;
    ck_assert_str_eq(sm_policy_platform_matches(policy, &m, why,
                                                sizeof(why)), "p1");
    ck_assert_str_eq(why, "");
    m.pcr[4][0] ^= 1;
    ck_assert_str_eq(sm_policy_platform_matches(policy, &m, why,
                                                sizeof(why)), "p3");
    m.reset_approved = false;
    ck_assert_ptr_null(sm_policy_platform_matches(policy, &m, why,
                                                  sizeof(why)));
    ck_assert_str_eq(why, "differs from p1 in PCR 4");
    m.signer = signers[6];
    ck_assert_ptr_null(sm_policy_platform_matches(policy, &m, why,
                                                  sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "certified by nobody"));
    sm_policy_free(policy);
    m.signer = signers[3];
    policy = parse_site(SITE_HEAD "<authorities><authority id='ca' key='"
                        SIGNER_3_TEXT "'/></authorities><hosts><host id='a'/>"
                        "</hosts><rules>", "");
    ck_assert_ptr_null(sm_policy_platform_matches(policy, &m, why,
                                                  sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "the policy has none"));
    sm_policy_free(policy);
}
END_TEST

START_TEST(whose_word_counts_can_be_asked_for)
{
    struct sm_policy *policy = parse_site(SITE_HEAD "<authorities>"
        "<authority id='ca' key='" SIGNER_3_TEXT "'/><authority id='land' "
        "key='" SIGNER_6_TEXT "' attributes='jurisdiction'/></authorities>"
        "<hosts><host id='a'/></hosts><rules>", "");

    ck_assert(sm_policy_platform_counts(policy, signers[3]));
    ck_assert(!sm_policy_platform_counts(policy, signers[6]));
    ck_assert(!sm_policy_platform_counts(policy, signers[2]));
    sm_policy_free(policy);
}
END_TEST

static void find_hosts(void *ctx, const struct sm_policy_step *step)
{
    if (!strcmp(step->rule, "unknown-host"))
        snprintf(ctx, 200, "%s", step->why);
}

START_TEST(explaining_tells_which_sets_are_proven)
{
    struct sm_policy_request r = by_alice_to_measured();
    struct sm_policy *policy = parse_site(SITE_HEAD SITE_ROLES SITE_REST,
                                          ANYTHING);
    char text[200] = "";

    m.reset_approved = true;
    sm_policy_explain(policy, &r, find_hosts, text, &d);
    ck_assert_str_eq(text, "hostA and hostB take part; the other host has "
                     "proven platform sets \"p1 p3\"");
    memset(&m.pcr, 0, sizeof(m.pcr));
    sm_policy_explain(policy, &r, find_hosts, text, &d);
    ck_assert_str_eq(text, "hostA and hostB take part; the other host has "
                     "proven platform sets \"\"");
    r.measured = NULL;
    sm_policy_explain(policy, &r, find_hosts, text, &d);
    ck_assert_str_eq(text, "hostA and hostB take part");
    sm_policy_free(policy);
    d.matched = NULL;
}
END_TEST

RUN("policy platforms", every_pcr_of_a_set_must_have_one_of_its_values,
    an_event_log_must_be_there_and_the_same,
    a_set_may_want_each_reset_approved,
    conditions_ask_for_one_of_several_sets,
    what_is_not_proven_counts_against_the_request,
    the_attestation_key_must_be_certified_by_who_counts_for_it,
    a_vm_policy_has_sets_of_its_own,
    the_first_set_that_matches_can_be_asked_for,
    whose_word_counts_can_be_asked_for,
    explaining_tells_which_sets_are_proven)
