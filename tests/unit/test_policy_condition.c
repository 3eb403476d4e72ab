/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conditions, three-valued: guests and groups, hosts and their attributes,
 * times, channels; and previews. */
#include <stdlib.h>

#include "channel/suite.h"
#include "policy_site.h"

#define ANYTHING OUT("any", "allow", "")

static const uint8_t uuid_pay[16] = { 0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0,
                                      0, 0, 0, 0x0a };

/* hostC, known by its certificate alone. */
static struct sm_policy_attributes certificate;

static struct sm_policy_request to_certified(void)
{
    struct sm_policy_request r = by_alice();

    certificate = (struct sm_policy_attributes){
        .signer = signers[3], .location = "Berlin", .jurisdiction = "DE",
        .platforms = { "p1", "p2" }, .n_platforms = 2,
    };
    r.destination.name = "hostC";
    r.destination.attributes = &certificate;
    return r;
}

START_TEST(groups_are_those_that_a_vm_of_them_matches)
{
    struct sm_policy_request r = by_alice();
    static const char pay[] = OUT("x", "allow", "<vm group='payroll'/>"),
        web[] = OUT("x", "allow", "<vm group='payroll web'/>");

    DENIES(pay, &r, "default-deny");
    r.vm_name = "pay-";
    ALLOWS(pay, &r, "x");
    r.vm_name = "pay";
    DENIES(pay, &r, "default-deny");
    r.vm_uuid = uuid_pay;
    ALLOWS(pay, &r, "x");
    r = by_alice();
    r.vm_name = "web-1";
    ALLOWS(web, &r, "x");
    r.vm_name = "web-2";        /* only with its label */
    DENIES(web, &r, "default-deny");
    r.label = "wx";
    ALLOWS(web, &r, "x");
}
END_TEST

START_TEST(a_label_that_is_not_known_counts_against_the_request)
{
    struct sm_policy_request r = by_alice();
    static const char allow[] = OUT("x", "allow", "<vm label='w*'/>");
    static const char deny[] = OUT("x", "allow", "")
        OUT("n", "deny", "<vm label='secret'/>");

    DENIES(allow, &r, "default-deny");
    ALLOWS(deny, &r, "x");
    r.label_unknown = true;
    DENIES(allow, &r, "default-deny");
    DENIES(deny, &r, "n");
    r.preview = true;
    ALLOWS(allow, &r, "x");
    ALLOWS(deny, &r, "x");
}
END_TEST

START_TEST(owners_are_those_of_groups_and_of_the_vm_policy)
{
    struct sm_policy_request r = by_alice();
    static const char rule[] = OUT("x", "allow", "<vm owner='finance'/>");

    DENIES(rule, &r, "default-deny");
    r.vm_name = "pay-1";
    ALLOWS(rule, &r, "x");
    r.vm_name = "g1";
    r.vm_policy_signer = signers[1];
    ALLOWS(rule, &r, "x");
    r.vm_policy_signer = signers[2];
    DENIES(rule, &r, "default-deny");
}
END_TEST

START_TEST(attributes_of_a_vm_must_all_hold_and_unknown_ones_count_against)
{
    struct sm_policy_request r = by_alice();
    static const char rule[] =
        OUT("x", "allow", "<vm name='g*' label='l?' memory-max='1 GiB'/>"),
        deny[] = OUT("n", "deny", "<vm memory-min='1 GiB'/>") ANYTHING;

    DENIES(rule, &r, "default-deny");
    r.label = "l1";
    ALLOWS(rule, &r, "x");
    r.memory_kb = (1 << 20) + 1;
    DENIES(rule, &r, "default-deny");
    r.memory_kb = 0;            /* not known */
    DENIES(rule, &r, "default-deny");
    ck_assert_ptr_nonnull(strstr(d.text, "memory is not known"));
    DENIES(deny, &r, "n");
    r.memory_kb = 1;
    ALLOWS(deny, &r, "any");
}
END_TEST

START_TEST(a_certified_host_takes_part)
{
    struct sm_policy_request r = to_certified();

    ALLOWS(ANYTHING, &r, "any");
    certificate.signer = signers[6];    /* an authority, but not certified */
    DENIES(ANYTHING, &r, "unknown-host");
    certificate.signer = signers[1];
    DENIES(ANYTHING, &r, "unknown-host");
    r.destination.attributes = NULL;
    DENIES(ANYTHING, &r, "unknown-host");
    ck_assert_ptr_nonnull(strstr(d.text, "certified"));
    r.source.name = "hostZ";
    DENIES(ANYTHING, &r, "unknown-host");
}
END_TEST

START_TEST(a_certificate_does_not_replace_the_key)
{
    struct sm_policy_request r = to_certified();

    r.source.attributes = &certificate;
    r.source.key = NULL;
    DENIES(ANYTHING, &r, "host-key");
}
END_TEST

START_TEST(roles_of_hosts)
{
    struct sm_policy_request r = to_certified();
    static const char rule[] =
        OUT("x", "allow", "<source role='compute'/>"
            "<destination role='compute'/>"),
        not[] = OUT("x", "allow", "<destination role-not='compute'/>");

    ALLOWS(rule, &r, "x");
    DENIES(not, &r, "default-deny");
    r.destination.name = "hostB";       /* <host> and certificate add up */
    ALLOWS(rule, &r, "x");
    r.destination.attributes = NULL;
    DENIES(rule, &r, "default-deny");
    ALLOWS(not, &r, "x");
}
END_TEST

START_TEST(attributes_count_only_when_certified)
{
    struct sm_policy_request r = to_certified();
    static const char de[] =
        OUT("x", "allow", "<destination jurisdiction='DE FR'/>"),
        not_us[] = OUT("x", "allow", "<destination jurisdiction-not='US'/>"),
        deny[] = OUT("n", "deny", "<destination jurisdiction-not='DE'/>")
        ANYTHING;

    ALLOWS(de, &r, "x");
    ALLOWS(not_us, &r, "x");
    ALLOWS(deny, &r, "any");
    certificate.jurisdiction = "US";
    DENIES(de, &r, "default-deny");
    DENIES(not_us, &r, "default-deny");
    DENIES(deny, &r, "n");
    certificate.jurisdiction = NULL;    /* it does not say */
    DENIES(de, &r, "default-deny");
    DENIES(not_us, &r, "default-deny");
    DENIES(deny, &r, "n");
    r.destination.name = "hostB";
    certificate.jurisdiction = "DE";
    ALLOWS(de, &r, "x");
    certificate.signer = signers[6];    /* counts for location alone */
    DENIES(de, &r, "default-deny");
    ck_assert_ptr_nonnull(strstr(d.text, "no certificate that counts"));
    ALLOWS(OUT("x", "allow", "<destination location='Berlin'/>"), &r, "x");
    certificate.signer = signers[1];
    DENIES(OUT("x", "allow", "<destination location='Berlin'/>"), &r,
           "default-deny");
}
END_TEST

START_TEST(one_platform_is_enough)
{
    struct sm_policy_request r = to_certified();

    ALLOWS(OUT("x", "allow", "<destination platform='p9 p2'/>"), &r, "x");
    DENIES(OUT("x", "allow", "<destination platform-not='p9 p2'/>"), &r,
           "default-deny");
    ALLOWS(OUT("x", "allow", "<destination platform-not='p9'/>"), &r, "x");
    certificate.n_platforms = 0;
    DENIES(OUT("x", "allow", "<destination platform-not='p9'/>"), &r,
           "default-deny");
    DENIES(OUT("n", "deny", "<destination platform='p9'/>") ANYTHING, &r,
           "n");
}
END_TEST

START_TEST(days_belong_to_the_start_of_a_window)
{
    struct sm_policy_request r = by_alice();
    static const char night[] = OUT("x", "allow", "<time window='night'/>"),
        not[] = OUT("x", "allow", "<time window-not='night noon'/>");
    /* Monday 2026-06-01, 22:00 at +01:00. */
    const int64_t start = INT64_C(1780347600);

    r.now = start - 1;
    DENIES(night, &r, "default-deny");
    ALLOWS(not, &r, "x");
    r.now = start;
    ALLOWS(night, &r, "x");
    DENIES(not, &r, "default-deny");
    r.now = start + 8 * 3600 - 1;       /* Tuesday, 05:59:59 */
    ALLOWS(night, &r, "x");
    r.now = start + 8 * 3600;
    DENIES(night, &r, "default-deny");
    r.now = start + 86400;              /* Tuesday night */
    DENIES(night, &r, "default-deny");
    r.now = start - 16 * 3600 - 1;      /* Monday, 05:59:59: Sunday's */
    DENIES(night, &r, "default-deny");
    ALLOWS(OUT("x", "allow", "<time window='noon'/>"
               "<time window-not='noon'/>"), &r, "x");
}
END_TEST

START_TEST(conditions_on_the_channel)
{
    struct sm_policy_request r = by_alice();
    static const char suite[] =
        OUT("x", "allow", "<channel suite='aes-256-gcm aegis-256'/>"),
        pq[] = OUT("x", "allow", "<channel post-quantum='yes'/>"),
        deny[] = OUT("n", "deny", "<channel post-quantum='no'/>") ANYTHING,
        attested[] = OUT("x", "allow", "<channel attestation='p1'/>"),
        other[] = OUT("n", "deny", "<channel attestation-not='p1 p2'/>")
                  ANYTHING;

    DENIES(suite, &r, "default-deny");
    r.suite = SM_SUITE_AES256GCM;
    ALLOWS(suite, &r, "x");
    r.suite = SM_SUITE_CHACHA20POLY1305;
    DENIES(suite, &r, "default-deny");
    r.suite = 40;
    DENIES(suite, &r, "default-deny");
    DENIES(pq, &r, "default-deny");
    DENIES(deny, &r, "n");
    r.post_quantum = SM_POLICY_PQ_YES;
    ALLOWS(pq, &r, "x");
    ALLOWS(deny, &r, "any");
    r.post_quantum = SM_POLICY_PQ_NO;
    DENIES(pq, &r, "default-deny");
    DENIES(deny, &r, "n");
    DENIES(attested, &r, "default-deny");
    DENIES(other, &r, "n");
    r.attestation = "p1";
    ALLOWS(attested, &r, "x");
    ALLOWS(other, &r, "any");
    r.attestation = "p3";
    DENIES(attested, &r, "default-deny");
    DENIES(other, &r, "n");
    r.attestation = "p3 p1";    /* a host may be in several */
    ALLOWS(attested, &r, "x");
    ALLOWS(other, &r, "any");
    r.attestation = "p";
    DENIES(attested, &r, "default-deny");
}
END_TEST

START_TEST(in_a_preview_what_is_not_known_counts_in_favour)
{
    struct sm_policy_request r = by_alice();

    r.preview = true;
    r.destination.name = "hostC";       /* might be certified */
    ALLOWS(OUT("x", "allow", "<destination role='compute' "
               "jurisdiction='DE'/><channel suite='aegis-256'/>"), &r, "x");
    ALLOWS(OUT("n", "deny", "<destination jurisdiction-not='DE'/>")
           OUT("x", "allow", ""), &r, "x");
    DENIES(OUT("x", "allow", "<destination host='hostB'/>"), &r,
           "default-deny");
    r.source.key = NULL;
    ALLOWS(ANYTHING, &r, "any");
    r.source.key = signers[1];
    DENIES(ANYTHING, &r, "host-key");
    r = by_alice();
    r.preview = true;
    r.account = "mallory";
    DENIES(ANYTHING, &r, "unknown-operator");
}
END_TEST

START_TEST(other_actions_need_no_guest)
{
    struct sm_policy_request r = {
        .action = SM_POLICY_ABORT, .account = "bob", .now = NOT_BEFORE,
    };

    ALLOWS(ANY("x", "allow", "abort", ""), &r, "x");
    DENIES(ANY("x", "allow", "abort", "<vm name='*'/>"), &r, "default-deny");
    DENIES(ANY("n", "deny", "abort", "<vm group='web'/>")
           ANY("x", "allow", "abort", ""), &r, "n");
    DENIES(ANY("n", "deny", "abort", "<source host='hostA'/>")
           ANY("x", "allow", "abort", ""), &r, "n");
    r.source.name = "hostZ";
    ALLOWS(ANY("n", "deny", "abort", "<source host='hostA'/>")
           ANY("x", "allow", "abort", ""), &r, "x");
}
END_TEST

START_TEST(what_is_not_clean_is_a_bad_request)
{
    struct sm_policy_request r = to_certified();

    certificate.location = "a\nb";
    DENIES(ANYTHING, &r, "bad-request");
    r = by_alice();
    r.account = "a\x80";
    DENIES(ANYTHING, &r, "bad-request");
    r = by_alice();
    r.label = "";
    DENIES(ANYTHING, &r, "bad-request");
    r = by_alice();
    r.n_tickets = 1;
    DENIES(ANYTHING, &r, "bad-request");
    r.n_tickets = SM_POLICY_TICKETS_MAX + 1;
    DENIES(ANYTHING, &r, "bad-request");
    r = by_alice();
    r.n_approvals = SM_POLICY_APPROVALS_MAX + 1;
    DENIES(ANYTHING, &r, "bad-request");
    r = by_alice();
    r.n_uses = 1;
    DENIES(ANYTHING, &r, "bad-request");
}
END_TEST

RUN("policy conditions", groups_are_those_that_a_vm_of_them_matches,
    a_label_that_is_not_known_counts_against_the_request,
    owners_are_those_of_groups_and_of_the_vm_policy,
    attributes_of_a_vm_must_all_hold_and_unknown_ones_count_against,
    a_certified_host_takes_part, a_certificate_does_not_replace_the_key,
    roles_of_hosts, attributes_count_only_when_certified,
    one_platform_is_enough, days_belong_to_the_start_of_a_window,
    conditions_on_the_channel,
    in_a_preview_what_is_not_known_counts_in_favour,
    other_actions_need_no_guest, what_is_not_clean_is_a_bad_request)
