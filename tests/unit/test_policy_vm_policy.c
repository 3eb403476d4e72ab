/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy of a guest's owner: what it may say, whose it is, and that its
 * signature comes before its XML (sm_policy_parse_signed()). */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model.h"
#include "trust/minisign.h"

#define K1 "RWQBAQEBAQEBATU8h68AfhAuz8N9yeErf+1upnn4uD8VXbtbP67pwWgD"
#define UUID "8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d"
#define NS "xmlns='urn:xen-secmig:policy:1'"

/* `before` starts in line 2, `rules` in the line after. */
#define DOC(before, rules) \
    "<vm-policy " NS " vm='" UUID "' version='7'>\n" before "<rules>\n" \
    rules "</rules></vm-policy>"
#define RULE(inner) DOC("", "<rule id='r' effect='allow' " \
                        "action='migrate-out migrate-in'>" inner "</rule>")

static char why[SM_POLICY_WHY_MAX];

static struct sm_policy *parse(const char *text)
{
    struct sm_policy *policy = NULL;
    int rc = sm_policy_parse(&policy, SM_POLICY_VM, text, strlen(text), "p",
                             why, sizeof(why));

    ck_assert_msg(rc == 0, "%s\n%s", why, text);
    return policy;
}

static void refused(const char *text, unsigned int line, const char *words)
{
    struct sm_policy *policy = NULL;
    char head[16];

    ck_assert_msg(sm_policy_parse(&policy, SM_POLICY_VM, text, strlen(text),
                                  "p", why, sizeof(why)) == SM_POLICY,
                  "accepted:\n%s", text);
    ck_assert_ptr_null(policy);
    snprintf(head, sizeof(head), "p:%u: ", line);
    ck_assert_msg(!strncmp(why, head, strlen(head)) && strstr(why, words),
                  "%s instead of line %u: %s\n%s", why, line, words, text);
}

START_TEST(a_whole_document)
{
    struct sm_policy *p = parse(
        "<?xml version='1.0'?>\n<vm-policy " NS " vm='" UUID "' version='7' "
        "not-before='2026-01-01T00:00:00Z' "
        "not-after='2027-01-01T00:00:00Z'>"
        "<authorities><authority id='ca' key='" K1 "'/></authorities>"
        "<platforms><platform id='p'><pcr index='7' sha256='"
        "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef'/>"
        "</platform></platforms>"
        "<windows><window id='night' from='22:00' to='06:00' zone='+01:00'/>"
        "</windows><rules>"
        "<rule id='in-germany' effect='allow' "
        "action='migrate-out migrate-in' reason='DE only'>"
        "<source host='anywhere'/><destination jurisdiction='DE' "
        "location-not='fra1' platform='tpm2' host-not='b'/>"
        "<time window='night'/><channel post-quantum='yes'/>"
        "<require ticket='owner' attestation='p' notify-guest='yes' "
        "max-downtime='2 s'/></rule></rules></vm-policy>");
    const struct sm_policy_rule *r = &p->rules[0];
    uint8_t uuid[16];

    ck_assert(sm_policy_uuid(UUID, uuid));
    ck_assert_ptr_nonnull(sm_policy_vm(p));
    ck_assert_int_eq(memcmp(sm_policy_vm(p), uuid, 16), 0);
    ck_assert_ptr_null(sm_policy_site(p));
    ck_assert_uint_eq(sm_policy_version(p), 7);
    ck_assert_int_eq(sm_policy_start(p), 1767225600);
    ck_assert_int_eq(sm_policy_expiry(p), 1798761600);
    ck_assert_uint_eq(sm_policy_rule_count(p), 1);
    ck_assert_uint_eq(sm_policy_host_count(p), 0);
    ck_assert_uint_eq(sm_policy_authority_count(p), 1);
    /* hosts are compared by name: there is no list */
    ck_assert_str_eq(r->sources[0].hosts.words[0], "anywhere");
    ck_assert_str_eq(r->destinations[0].jurisdictions.words[0], "DE");
    ck_assert(r->destinations[0].locations.negated);
    ck_assert_int_eq(r->require.ticket, SM_POLICY_TICKET_OWNER);
    ck_assert_uint_eq(r->require.max_downtime_ms, 2000);
    ck_assert_str_eq(r->reason, "DE only");
    sm_policy_free(p);
    sm_policy_free(parse(DOC("", "")));
}
END_TEST

START_TEST(the_head)
{
    static const struct {
        const char *attributes, *words;
    } bad[] = {
        { "version='1'", "lacks the attribute vm" },
        { "vm='" UUID "'", "lacks the attribute version" },
        { "vm='' version='1'", "not a uuid" },
        { "vm='*' version='1'", "not a uuid" },
        { "vm='" UUID "0' version='1'", "not a uuid" },
        { "vm='" UUID "' version='0'", "version" },
        { "vm='" UUID "' version='1' site='s'", "attribute site" },
        { "vm='" UUID "' version='1' name='g1'", "attribute name" },
        { "vm='" UUID "' version='1' not-after='2026-01-01'", "zone" },
        { "vm='" UUID "' version='1' not-before='2027-01-01T00:00:00Z' "
          "not-after='2026-01-01T00:00:00Z'", "later" },
    };
    char text[1024];
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "<vm-policy " NS " %s><rules/>"
                 "</vm-policy>", bad[i].attributes);
        refused(text, 1, bad[i].words);
    }
}
END_TEST

START_TEST(one_kind_is_not_the_other)
{
    static const char site[] = "<policy " NS " site='s' version='1'><hosts>"
                               "<host id='a'/></hosts><rules/></policy>";
    struct sm_policy *policy = NULL;

    refused(site, 1, "the root element is not <vm-policy ");
    ck_assert_int_eq(sm_policy_parse(&policy, SM_POLICY_SITE, DOC("", ""),
                                     strlen(DOC("", "")), "p", why,
                                     sizeof(why)), SM_POLICY);
    ck_assert_ptr_nonnull(strstr(why, "the root element is not <policy "));
}
END_TEST

START_TEST(it_is_about_its_own_guest)
{
    refused(RULE("\n<vm name='*'/>"), 4, "its own guest");
    refused(RULE("\n<subject account='root'/>"), 4, "site policies");
    refused(RULE("\n<config/>"), 4, "site policies");
    refused(RULE("\n<source role='x'/>"), 4, "attribute role");
    refused(RULE("\n<destination role-not='x'/>"), 4, "attribute role-not");
    refused(RULE("\n<require approvals='1'/>"), 4, "attribute approvals");
    refused(RULE("\n<require vm-policy='owner'/>"), 4, "attribute vm-policy");
    refused(RULE("\n<require rate='1/day'/>"), 4, "attribute rate");
    refused(RULE("\n<require ticket='operator'/>"), 4, "its owner's only");
    refused(RULE("\n<require ticket='any'/>"), 4, "its owner's only");
    refused(RULE("\n<require/>"), 4, "requires nothing");
    refused(DOC("", "<rule id='r' effect='allow' action='abort'/>"), 3,
            "migrate-out and migrate-in only");
    refused(DOC("", "<rule id='r' effect='allow' "
                "action='migrate-in audit-read'/>"), 3, "only");
    refused(DOC("<roles/>", ""), 2, "<roles> where <rules>");
    refused(DOC("<operators/>", ""), 2, "<operators> where <rules>");
    refused(DOC("<owners/>", ""), 2, "<owners> where <rules>");
    refused(DOC("<hosts/>", ""), 2, "<hosts> where <rules>");
    refused(DOC("<vms/>", ""), 2, "<vms> where <rules>");
    refused(DOC("<windows><window id='w' from='00:00' to='01:00' "
                "zone='Europe/Berlin'/></windows>", ""), 2, "zone");
    refused(DOC("", "<rule id='vm-policy' effect='deny' "
                "action='migrate-in'/>"), 3, "reserved");
}
END_TEST

START_TEST(rules_have_a_cap)
{
    static char text[SM_POLICY_VM_DOCUMENT_MAX];
    struct sm_policy *p;
    size_t n, i;

    for (n = SM_POLICY_VM_RULES_MAX; n <= SM_POLICY_VM_RULES_MAX + 1; n++) {
        strcpy(text, "<vm-policy " NS " vm='" UUID "' version='1'><rules>");
        for (i = 0; i < n; i++)
            snprintf(text + strlen(text), sizeof(text) - strlen(text),
                     "<rule id='r%zu' effect='deny' action='migrate-in'/>",
                     i);
        strcat(text, "</rules></vm-policy>");
        if (n > SM_POLICY_VM_RULES_MAX) {
            refused(text, 1, "more than 256 <rule>");
        } else {
            p = parse(text);
            ck_assert_uint_eq(sm_policy_rule_count(p), n);
            sm_policy_free(p);
        }
    }
}
END_TEST

/* ---- sm_policy_parse_signed() ---- */

#define KEYS 3

static uint8_t secrets[KEYS][SM_MINISIGN_SECRET_LEN];
static uint8_t signers[KEYS][SM_POLICY_SIGNER_LEN];
static const uint8_t *const keys[KEYS] = { signers[0], signers[1],
                                           signers[2] };
static char sig[SM_MINISIGN_TEXT_MAX];
static const char text[] = DOC("", "");

static void sign(size_t i, const char *what)
{
    ck_assert_int_eq(sm_minisign_sign(secrets[i], what, strlen(what), "x",
                                      sig, sizeof(sig)), 0);
}

static void setup(void)
{
    struct sm_minisign_public public;
    size_t i;

    ck_assert_int_ge(sodium_init(), 0);
    for (i = 0; i < KEYS; i++) {
        sm_minisign_keygen(&public, secrets[i]);
        memcpy(signers[i], public.id, sizeof(public.id));
        memcpy(signers[i] + sizeof(public.id), public.key,
               sizeof(public.key));
    }
}

static int parse_signed(const char *xml, size_t n_keys, size_t *signer)
{
    struct sm_policy *policy = NULL;
    int rc;

    rc = sm_policy_parse_signed(&policy, SM_POLICY_VM, xml, strlen(xml), sig,
                                strlen(sig), keys, n_keys, signer, "p", why,
                                sizeof(why));
    ck_assert(rc ? !policy && why[0] : policy && !why[0]);
    ck_assert_ptr_null(strchr(why, '\n'));
    sm_policy_free(policy);
    return rc;
}

START_TEST(the_signer_is_told)
{
    size_t i, signer;

    for (i = 0; i < KEYS; i++) {
        sign(i, text);
        signer = 99;
        ck_assert_int_eq(parse_signed(text, KEYS, &signer), 0);
        ck_assert_uint_eq(signer, i);
        ck_assert_int_eq(parse_signed(text, KEYS, NULL), 0);
    }
}
END_TEST

START_TEST(only_the_given_keys_count)
{
    sign(2, text);
    ck_assert_int_eq(parse_signed(text, 2, NULL), SM_AUTH);
    ck_assert_int_eq(parse_signed(text, 0, NULL), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "does not count here"));
    ck_assert_int_eq(parse_signed(text, 3, NULL), 0);
}
END_TEST

/* The id is only a hint: the right key behind another with the same id. */
START_TEST(equal_key_ids)
{
    size_t signer = 99;

    memcpy(signers[0], signers[1], SM_MINISIGN_ID_LEN);
    sign(1, text);
    ck_assert_int_eq(parse_signed(text, KEYS, &signer), 0);
    ck_assert_uint_eq(signer, 1);
    ck_assert_int_eq(parse_signed(text, 1, &signer), SM_AUTH);
}
END_TEST

START_TEST(any_change_is_refused)
{
    char copy[sizeof(text)], good[sizeof(sig)];
    size_t i;

    sign(0, text);
    for (i = 0; i < sizeof(text) - 1; i++) {
        memcpy(copy, text, sizeof(copy));
        copy[i] ^= 1;
        ck_assert_int_eq(parse_signed(copy, KEYS, NULL), SM_AUTH);
    }
    memcpy(good, sig, sizeof(good));
    for (i = 0; i < strlen(good); i++) {
        memcpy(sig, good, sizeof(sig));
        sig[i] = '\0';              /* cut */
        if (parse_signed(text, KEYS, NULL) == 0)
            ck_assert_uint_eq(i, strlen(good) - 1);     /* the last \n */
    }
    strcpy(sig, "");
    ck_assert_int_eq(parse_signed(text, KEYS, NULL), SM_AUTH);
}
END_TEST

/* What is wrong with the XML does not show before the signature is right. */
START_TEST(the_signature_comes_before_the_xml)
{
    sign(0, text);
    ck_assert_int_eq(parse_signed("<!DOCTYPE x>", KEYS, NULL), SM_AUTH);
    ck_assert_ptr_null(strstr(why, "DOCTYPE"));
    sign(0, "<!DOCTYPE x>");
    ck_assert_int_eq(parse_signed("<!DOCTYPE x>", KEYS, NULL), SM_POLICY);
    ck_assert_ptr_nonnull(strstr(why, "p:1: DOCTYPE"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy of a guest");
    TCase *language = tcase_create("language");
    TCase *signature = tcase_create("signature");
    SRunner *runner;
    int failed;

    tcase_add_test(language, a_whole_document);
    tcase_add_test(language, the_head);
    tcase_add_test(language, one_kind_is_not_the_other);
    tcase_add_test(language, it_is_about_its_own_guest);
    tcase_add_test(language, rules_have_a_cap);
    tcase_add_checked_fixture(signature, setup, NULL);
    tcase_set_timeout(signature, 60);
    tcase_add_test(signature, the_signer_is_told);
    tcase_add_test(signature, only_the_given_keys_count);
    tcase_add_test(signature, equal_key_ids);
    tcase_add_test(signature, any_change_is_refused);
    tcase_add_test(signature, the_signature_comes_before_the_xml);
    suite_add_tcase(suite, language);
    suite_add_tcase(suite, signature);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
