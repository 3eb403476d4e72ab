/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of policy/document.h's and policy/lex.h's
 * contract, and of what the schema's comment says is checked after it. */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/document.h"
#include "policy/request.h"
#include "policy/lex.h"
#include "trust/minisign.h"

#define NS "xmlns=\"urn:xen-secmig:policy:1\""
#define KEY_A "Yg8CuJnRs7D0Ynlv7mVkTuHc7TxGmPZCKQ6vQUJEAlI="
#define KEY_B "ZmRkYWRzZmFzZGZhc2RmYXNkZmFzZGZhc2RmYXNkZjA="

/* A document with `rules` inside <rules>, from line 4 on. */
#define DOC(rules) \
    "<policy " NS " site=\"lab\" version=\"3\">\n" \
    "<hosts><host id=\"hostA\" key=\"" KEY_A "\"/><host id=\"hostB\"/>\n" \
    "</hosts><rules>\n" \
    rules "\n</rules></policy>\n"

#define UUID "8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d"
#define VM_DOC(rules) \
    "<vm-policy " NS " vm=\"" UUID "\" version=\"3\">\n<rules>\n" rules \
    "</rules></vm-policy>\n"

#define ALLOW(inner) DOC("<rule id=\"r\" effect=\"allow\" " \
                         "action=\"migrate-in\">" inner "</rule>")
#define CONFIG(inner) ALLOW("<config>" inner "</config>")

static char why[SM_POLICY_WHY_MAX];

static int parse(const char *text)
{
    struct sm_policy *policy = NULL;
    int rc;

    memset(why, 'x', sizeof(why) - 1);
    rc = sm_policy_parse(&policy, SM_POLICY_SITE, text, strlen(text), "p.xml", why,
                         sizeof(why));
    if (rc)
        ck_assert_ptr_null(policy);
    else
        ck_assert_str_eq(why, "");
    sm_policy_free(policy);
    return rc;
}

static void accepted(const char *text)
{
    int rc = parse(text);

    ck_assert_msg(rc == 0, "%s\n%.2000s", why, text);
}

/* Refused, in line `line`, with `words`, in one line. */
static void refused(const char *text, unsigned int line, const char *words)
{
    char head[32];

    ck_assert_msg(parse(text) == SM_POLICY, "accepted:\n%.2000s", text);
    snprintf(head, sizeof(head), "p.xml:%u: ", line);
    ck_assert_msg(!strncmp(why, head, strlen(head)), "%s instead of line %u",
                  why, line);
    ck_assert_msg(strstr(why, words), "%s does not say: %s", why, words);
    ck_assert_ptr_null(strchr(why, '\n'));
}

START_TEST(a_whole_document)
{
    static const char text[] =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
        "<!-- the lab: two hosts -->\n"
        "<policy " NS " site=\"lab\" version=\"12\"\n"
        "        not-before=\"2026-01-01T00:00:00Z\"\n"
        "        not-after=\"2027-11-01T01:00:00+01:00\">\n"
        "  <hosts>\n"
        "    <host id=\"hostA\" key=\"" KEY_A "\"/>\n"
        "    <host id=\"host-b.example\"/>\n"
        "  </hosts>\n"
        "  <rules>\n"
        "    <rule id=\"one\" effect=\"deny\" action=\"migrate-out migrate-in\""
        " reason=\"Löhne bleiben hier &amp; nirgends sonst\">\n"
        "      <vm name=\"pay-*\" memory-min=\"1 GiB\"/>\n"
        "      <vm uuid=\"8E8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d\"/>\n"
        "      <source host='hostA\n\thost-b.example'/>\n"
        "      <destination host=\"hostA\"/>\n"
        "    </rule>\n"
        "    <rule id=\"two\" effect=\"allow\" action=\"migrate-out\">\n"
        "      <subject account=\"root xenops svc$\"/></rule>\n"
        "    <rule id=\"three\" effect=\"allow\" action=\"migrate-in\">\n"
        "      <config types=\"pv pvh hvm\">\n"
        "        <memory max=\"64 GiB\"/><vcpus max=\"8\"/>\n"
        "        <disk path=\"/dev/vg?/*\" format=\"raw qcow2\""
        " backend=\"phy\" readonly=\"yes\"/>\n"
        "        <disk path=\"iqn.2001-04.com.example:*\""
        " script=\"block-iscsi\"/>\n"
        "        <bridge name=\"xenbr*\" script=\"/opt/x/vif\""
        " interface=\"g*\"/>\n"
        "        <pci address=\"0000:03:00.*\" permissive=\"no\"/>\n"
        "        <kernel path=\"/boot/guests/*\"/>\n"
        "        <ramdisk path=\"/boot/guests/*\"/>\n"
        "        <bootloader path=\"pygrub\"/>\n"
        "        <device-model path=\"/usr/lib/xen/bin/qemu\"/>\n"
        "        <firmware path=\"/usr/share/ovmf/*\"/>\n"
        "        <seclabel name=\"system_u:system_r:domU_t\"/>\n"
        "        <vnc listen=\"10.0.0.?\"/>\n"
        "        <field path=\"b_info.extra[*]\" value=\"-foo bar\"/>\n"
        "      </config>\n"
        "    </rule>\n"
        "  </rules>\n"
        "</policy>\n"
        "<!-- end -->\n";
    struct sm_policy *policy = NULL;

    ck_assert_int_eq(sm_policy_parse(&policy, SM_POLICY_SITE, text, sizeof(text) - 1, NULL,
                                     why, sizeof(why)), 0);
    ck_assert_str_eq(sm_policy_site(policy), "lab");
    ck_assert_uint_eq(sm_policy_version(policy), 12);
    ck_assert_int_eq(sm_policy_start(policy), 1767225600);
    ck_assert_int_eq(sm_policy_expiry(policy), 1825027200);
    ck_assert_uint_eq(sm_policy_host_count(policy), 2);
    ck_assert_uint_eq(sm_policy_rule_count(policy), 3);
    sm_policy_free(policy);

    ck_assert_int_eq(sm_policy_parse(&policy, SM_POLICY_SITE, DOC(""), sizeof(DOC("")) - 1,
                                     NULL, why, sizeof(why)), 0);
    ck_assert_int_eq(sm_policy_start(policy), INT64_MIN);
    ck_assert_int_eq(sm_policy_expiry(policy), INT64_MAX);
    sm_policy_free(policy);
    sm_policy_free(NULL);
}
END_TEST

START_TEST(only_xml_that_we_need)
{
    static const struct {
        const char *text;
        unsigned int line;
        const char *words;
    } bad[] = {
        { "", 1, "no XML document" },
        { "  \n", 1, "no XML document" },
        { "<!-- x -->", 1, "no XML document" },
        { "policy", 1, "text outside" },
        { "\xef\xbb\xbf" DOC(""), 1, "byte order mark" },
        { "\n<?xml version=\"1.0\"?>" DOC(""), 2, "processing" },
        { "<?xml version=\"1.1\"?>\n" DOC(""), 1, "version" },
        { "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n" DOC(""), 1,
          "encoding" },
        { "<?xml version=\"1.0\" encoding=\"UTF-7\"?>\n" DOC(""), 1,
          "encoding" },
        { "<?xml version=\"1.0\" standalone=\"yes\"?>\n" DOC(""), 1,
          "something else" },
        { "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
          DOC(""), 1, "malformed" },
        { "<?xml encoding=\"UTF-8\"?>\n" DOC(""), 1, "malformed" },
        { "<?xml version=\"1.0\"\n" DOC(""), 1, "malformed" },
        { "<?xml-stylesheet href=\"x\"?>\n" DOC(""), 1, "processing" },
        { "<!DOCTYPE policy>\n" DOC(""), 1, "DOCTYPE" },
        { "<!doctype policy>\n" DOC(""), 1, "declarations" },
        { "<!ENTITY x \"y\">\n" DOC(""), 1, "declarations" },
        { "<!-- a -- b -->\n" DOC(""), 1, "\"--\"" },
        { "<!-- a --->\n" DOC(""), 1, "\"--\"" },
        { "<!-- a\n" , 1, "without an end" },
        { DOC("<!-- <rule id=\"x\"/> -->"), 4, "\"<\" in a comment" },
        { DOC("<![CDATA[x]]>"), 4, "CDATA" },
        { DOC("text"), 4, "text outside" },
        { DOC("&lt;"), 4, "text outside" },
        { DOC("<?pi x?>"), 4, "processing" },
        { DOC("") "x", 6, "follows the root" },
        { DOC("") DOC(""), 6, "follows the root" },
        { DOC("") "<?x y?>", 6, "processing" },
        { DOC("<rule"), 5, "malformed tag" },
        { DOC("</rule>"), 4, "without its start tag" },
        { DOC("<a></b>"), 4, "without its start tag" },
        { DOC("<a x=1/>"), 4, "without quotes" },
        { DOC("<a x/>"), 4, "without a value" },
        { DOC("<a x=\"<\"/>"), 4, "\"<\" in an attribute" },
        { DOC("<a x=\"1\"y=\"2\"/>"), 4, "malformed tag" },
        { DOC("<a x=\"&#65;\"/>"), 4, "reference" },
        { DOC("<a x=\"&#x202e;\"/>"), 4, "reference" },
        { DOC("<a x=\"&foo;\"/>"), 4, "reference" },
        { DOC("<a x=\"&\"/>"), 4, "reference" },
        { DOC("< a/>"), 4, "malformed tag" },
        { DOC("<1/>"), 4, "malformed tag" },
        { DOC("<a x=\"1\" x=\"2\"/>"), 4, "redefined" },
        { "<policy " NS ">\n<hosts>\n", 3, "ends before <hosts>" },
        { "<policy", 1, "without an end" },
        { "<policy x=\"", 1, "without an end" },
    };
    size_t i;

    accepted("<?xml version='1.0'?>\n" DOC(""));
    accepted("\r\n" DOC("<!-- a prose comment: a - b > c & d -->\t"));
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(bad[i].text, bad[i].line, bad[i].words);
}
END_TEST

START_TEST(only_clean_characters)
{
    static const char *const bad[] = {
        "\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xff", "\x01", "\x1b", "\x7f", "\xc2\x85", "\xe2\x80\xa8",
        "\xe2\x80\xae", "\xe2\x81\xa6", "\x0b", "\x0c",
        "\xc2\xad", "\xe2\x80\x8b", "\xe2\x81\xa0", "\xef\xbb\xbf",
        "\xef\xb8\x8f", "\xf3\xa0\x81\x81",
    };
    char text[1024], nul[sizeof(DOC(""))];
    struct sm_policy *policy = NULL;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), DOC("<!-- %s -->"), bad[i]);
        refused(text, 4, "not clean");
        snprintf(text, sizeof(text), DOC("<rule id=\"r\" effect=\"deny\" "
                 "action=\"migrate-in\" reason=\"%s\"/>"), bad[i]);
        refused(text, 4, "not clean");
    }
    for (i = 0; i < sizeof(nul) - 1; i++) {
        memcpy(nul, DOC(""), sizeof(nul));
        nul[i] = '\0';
        ck_assert_int_eq(sm_policy_parse(&policy, SM_POLICY_SITE, nul, sizeof(nul) - 1,
                                         NULL, why, sizeof(why)), SM_POLICY);
    }
    /* Cyrillic "о" in a name, and in any attribute but reason */
    refused(DOC("<rule id=\"r\" effect=\"deny\" action=\"migrate-in\">"
                "<vm name=\"g\xd0\xbe\"/></rule>"), 4, "ASCII");
    refused(DOC("<rule id=\"\xd0\xbe\" effect=\"deny\" action=\"migrate-in\""
                "/>"), 4, "ASCII");
    accepted(DOC("<rule id=\"r\" effect=\"deny\" action=\"migrate-in\" "
                 "reason=\"\xd0\xbe\"/>"));
    accepted(DOC("<!-- \xd0\xbe -->"));
    refused(DOC("<rule id=\"r\" effect=\"deny\" action=\"migrate-in\" "
                "reason=\"a\nb\"/>"), 4, "line end or tab in attribute reason");
    refused(DOC("<rule id=\"r\" effect=\"deny\" action=\"migrate-in\" "
                "reason=\"a\rb\"/>"), 4, "line end or tab in attribute reason");
    refused(DOC("<rule id=\"r\" effect=\"deny\" action=\"migrate-in\" "
                "reason='\t'/>"), 4, "line end or tab in attribute reason");
    accepted(DOC("<rule id=\"r\" effect=\"deny\"\taction=\"migrate-in\"\n"
                 "reason=\"a b\"/>\t<!-- a\n\tb -->"));
}
END_TEST

/* Text made of `n` times `piece` between head and tail. */
static char *repeat(const char *head, const char *piece, size_t n,
                    const char *tail)
{
    size_t h = strlen(head), p = strlen(piece), i;
    char *text = malloc(h + p * n + strlen(tail) + 1);

    ck_assert_ptr_nonnull(text);
    memcpy(text, head, h);
    for (i = 0; i < n; i++)
        memcpy(text + h + i * p, piece, p);
    strcpy(text + h + n * p, tail);
    return text;
}

#define LINE "<!-- a line of 64 characters, ended by a new line, to fill it-->\n"

START_TEST(caps)
{
    struct sm_policy *policy = NULL;
    enum sm_policy_document kind;
    char head[512], *text;
    size_t i, n;

    /* bytes: comments up to the cap, and one more; a VM policy has a cap of
     * its own */
    for (kind = SM_POLICY_SITE; kind <= SM_POLICY_VM; kind++) {
        const char *start = kind == SM_POLICY_VM ? VM_DOC("") : DOC("");
        size_t max = kind == SM_POLICY_VM ? SM_POLICY_VM_DOCUMENT_MAX :
                                            SM_POLICY_DOCUMENT_MAX;

        n = (max - strlen(start)) / strlen(LINE);
        text = repeat(start, LINE, n, "");
        i = strlen(text);
        text = realloc(text, max + 2);
        ck_assert_ptr_nonnull(text);
        memset(text + i, ' ', max + 1 - i);
        text[max + 1] = '\0';
        ck_assert_int_eq(sm_policy_parse(&policy, kind, text, max, NULL, why,
                                         sizeof(why)), 0);
        sm_policy_free(policy);
        ck_assert_int_eq(sm_policy_parse(&policy, kind, text, max + 1, NULL,
                                         why, sizeof(why)), SM_POLICY);
        ck_assert_ptr_nonnull(strstr(why, kind == SM_POLICY_VM ?
                                     "longer than 65536 bytes" :
                                     "longer than 16777216 bytes"));
        free(text);
    }

    /* depth */
    text = repeat("", "<a>", SM_POLICY_LEX_DEPTH_MAX + 1, "");
    refused(text, 1, "nested");
    free(text);
    text = repeat("", "<a>", SM_POLICY_LEX_DEPTH_MAX, "");
    refused(text, 1, "ends before");
    free(text);

    /* elements */
    text = repeat("<a>", "<a/>", SM_POLICY_LEX_ELEMENTS_MAX, "</a>");
    refused(text, 1, "elements");
    free(text);
    text = repeat("<a>", "<a/>", SM_POLICY_LEX_ELEMENTS_MAX - 1, "</a>");
    refused(text, 1, "root element");
    free(text);

    /* attributes of one tag */
    for (n = SM_POLICY_LEX_ATTRS_MAX; n <= SM_POLICY_LEX_ATTRS_MAX + 1; n++) {
        strcpy(head, "<a");
        for (i = 0; i < n; i++)
            snprintf(head + strlen(head), sizeof(head) - strlen(head),
                     " a%zu=''", i);
        strcat(head, "/>");
        refused(head, 1, n > SM_POLICY_LEX_ATTRS_MAX ? "attributes" :
                "root element");
    }

    /* length of one tag: in a value, a name, white space */
    text = repeat("<a b='", "x", SM_POLICY_LEX_TAG_MAX, "'/>");
    refused(text, 1, "tag longer");
    free(text);
    text = repeat("<", "x", SM_POLICY_LEX_TAG_MAX, "/>");
    refused(text, 1, "tag longer");
    free(text);
    text = repeat("<a", " ", SM_POLICY_LEX_TAG_MAX, "/>");
    refused(text, 1, "tag longer");
    free(text);

    /* rules */
    text = repeat("<policy " NS " site='s' version='1'><hosts><host id='h'/>"
                  "</hosts><rules>", "<rule/>", SM_POLICY_RULES_MAX + 1,
                  "</rules></policy>");
    refused(text, 1, "more than 16384 <rule>");
    free(text);
}
END_TEST

START_TEST(the_head_of_a_document)
{
    static const struct {
        const char *attributes, *words;
    } bad[] = {
        { "site='lab'", "version" },
        { "version='1'", "site" },
        { "site='' version='1'", "id" },
        { "site='-a' version='1'", "id" },
        { "site='a b' version='1'", "id" },
        { "site='a/b' version='1'", "id" },
        { "site='lab' version='0'", "version" },
        { "site='lab' version='-1'", "version" },
        { "site='lab' version='01'", "version" },
        { "site='lab' version='1.0'", "version" },
        { "site='lab' version='9223372036854775808'", "version" },
        { "site='lab' version='18446744073709551617'", "version" },
        { "site='lab' version=' 1'", "version" },
        { "site='lab' version='1' not-after='2027-11-01'", "zone" },
        { "site='lab' version='1' not-after='2027-11-01T00:00:00'", "zone" },
        { "site='lab' version='1' not-after='2027-02-30T00:00:00Z'", "zone" },
        { "site='lab' version='1' not-after='tomorrow'", "zone" },
        { "site='lab' version='1' not-before='2027-01-01T00:00:00Z' "
          "not-after='2026-01-01T00:00:00Z'", "later" },
        { "site='lab' version='1' owner='x'", "owner" },
        { "site='lab' version='1' xml:base='x'", "" },
        { "site='lab' version='1' xmlns:q='urn:q' q:version='2'", "" },
    };
    char text[1024];
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "<policy " NS " %s><hosts>"
                 "<host id='a'/></hosts><rules/></policy>",
                 bad[i].attributes);
        refused(text, 1, bad[i].words);
    }
    accepted("<policy " NS " site='lab' version='9223372036854775807'>"
             "<hosts><host id='a'/></hosts><rules/></policy>");
    accepted("<p:policy xmlns:p='urn:xen-secmig:policy:1' site='lab' "
             "version='1'><p:hosts><p:host id='_a.B-9'/></p:hosts><p:rules/>"
             "</p:policy>");
    refused("<policy site='lab' version='1'/>", 1, "root element");
    refused("<policy xmlns='urn:xen-secmig:policy:2' site='lab' "
            "version='1'/>", 1, "root element");
    refused("<rules " NS "/>", 1, "root element");
    refused("<policy " NS " site='lab' version='1'/>", 1, "<hosts>");
    refused("<policy " NS " site='lab' version='1'>\n<rules/></policy>", 2,
            "<hosts>");
    refused("<policy " NS " site='lab' version='1'>\n<hosts><host id='a'/>"
            "</hosts></policy>", 1, "<rules>");
    refused("<policy " NS " site='lab' version='1'><hosts/>\n<rules/>"
            "</policy>", 1, "empty");
    refused("<policy " NS " site='lab' version='1'><hosts><host id='a'/>"
            "</hosts><rules/>\n<rules/></policy>", 2, "rules");
    refused("<policy " NS " site='lab' version='1'><hosts><host id='a'/>"
            "</hosts><rules>\n<rule xmlns='' id='r' effect='deny' "
            "action='migrate-in'/></rules></policy>", 2, "rule");
}
END_TEST

START_TEST(hosts_are_unique)
{
#define HOSTS(hosts) "<policy " NS " site='s' version='1'><hosts>\n" hosts \
                     "</hosts><rules/></policy>"
    accepted(HOSTS("<host id='a' key='" KEY_A "'/><host id='A' key='" KEY_B
                   "'/>"));
    refused(HOSTS("<host id='a'/>\n<host id='a'/>"), 3,
            "id=\"a\": used already in line 2");
    refused(HOSTS("<host id='a' key='" KEY_A "'/>\n<host id='b' key='" KEY_A
                  "'/>"), 3,
            "key: used already in line 2");
    refused(HOSTS("<host/>"), 2, "lacks the attribute id");
    refused(HOSTS("<host id='a' key=''/>"), 2, "key");
    refused(HOSTS("<host id='a' key='YWJj'/>"), 2, "key");
    refused(HOSTS("<host id='a' key='AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                  "AAA='/>"), 2, "key");
    /* not canonical: bits after the end */
    refused(HOSTS("<host id='a' key='Yg8CuJnRs7D0Ynlv7mVkTuHc7TxGmPZCKQ6vQUJE"
                  "AlJ='/>"), 2, "key");
}
END_TEST

#define RULE(attributes, inner) \
    DOC("<rule " attributes ">\n" inner "</rule>")
#define GOOD "id='r' effect='deny' action='migrate-out'"

START_TEST(rules_are_checked)
{
    accepted(RULE(GOOD, ""));
    refused(RULE("effect='deny' action='migrate-out'", ""), 4, "id");
    refused(RULE("id='r' action='migrate-out'", ""), 4, "effect");
    refused(RULE("id='r' effect='deny'", ""), 4, "action");
    refused(RULE("id='r' effect='Allow' action='migrate-out'", ""), 4,
            "neither allow nor deny");
    refused(RULE("id='r' effect='deny' action=''", ""), 4, "action");
    refused(RULE("id='r' effect='deny' action='pause'", ""), 4,
            "unknown word \"pause\"");
    refused(RULE("id='r' effect='deny' action='migrate-in migrate-in'", ""),
            4, "twice");
    refused(RULE("id='r' effect='deny' action='migrate-in' reason=''", ""),
            4, "reason");
    refused(DOC("<rule " GOOD "/>\n<rule " GOOD "/>"), 5,
            "used already in line 4");
    refused(RULE(GOOD, "<vm/>"), 5, "without an attribute");
    refused(RULE(GOOD, "<vm name=''/>"), 5, "name");
    refused(RULE(GOOD, "<vm uuid='1234'/>"), 5, "uuid");
    refused(RULE(GOOD, "<vm uuid='8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4'/>"),
            5, "uuid");
    refused(RULE(GOOD, "<vm uuid='8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4g'/>"),
            5, "uuid");
    refused(RULE(GOOD, "<vm memory-max='64'/>"), 5, "memory");
    refused(RULE(GOOD, "<vm memory-max='64 GB'/>"), 5, "memory");
    refused(RULE(GOOD, "<vm memory-max='-1 GiB'/>"), 5, "memory");
    refused(RULE(GOOD, "<vm memory-max='18014398509481984 MiB'/>"), 5,
            "memory");
    accepted(RULE(GOOD, "<vm memory-min='999999999999999 KiB'/>"));
    refused(RULE(GOOD, "<vm memory-min='1000000000000000 KiB'/>"), 5,
            "<vm> memory-min=\"1000000000000000 KiB\": an amount of memory "
            "with more than 15 digits");
    refused(RULE(GOOD, "<vm memory-min='18014398509481984 KiB'/>"), 5,
            "<vm> memory-min=\"18014398509481984 KiB\": an amount");
    refused(RULE(GOOD, "<vm memory-max='999999999999999 TiB'/>"), 5,
            "<vm> memory-max=\"999999999999999 TiB\": not an amount");
    refused(RULE(GOOD, "<vm memory-min='2 GiB' memory-max='1 GiB'/>"), 5,
            "more than");
    refused(RULE(GOOD, "<source host='hostC'/>"), 5, "no such host");
    refused(RULE(GOOD, "<source host=''/>"), 5, "empty");
    refused(RULE(GOOD, "<source host='*'/>"), 5, "not a name");
    refused(RULE(GOOD, "<destination host='hostA hosta'/>"), 5,
            "no such host");
    accepted(RULE(GOOD, "<destination host='hostA'/>\n"
                  "<destination host='hostB'/>"));
    refused(RULE(GOOD, "<destination host='hostA hostA'/>"), 5, "twice");
    refused(RULE(GOOD, "<destination/>"), 5, "selects nothing");
    refused(RULE(GOOD, "<subject account=''/>"), 5, "empty");
    refused(RULE(GOOD, "<subject account='ro;ot'/>"), 5, "account");
    accepted(RULE(GOOD, "<subject account='a'/>\n<subject account='b'/>"));
    refused(RULE(GOOD, "<subject account='a b a'/>"), 5, "twice");
    refused(RULE(GOOD, "<subject/>"), 5, "needs account");
    refused(RULE(GOOD, "<subject role='x'/>"), 5, "no such role");
    refused(RULE(GOOD, "<subject operator='x'/>"), 5, "no such operator");
    refused(RULE(GOOD, "<rule " GOOD "/>"), 5, "rule");
    refused(RULE(GOOD, "<config/>"), 5, "allow");
    refused(RULE("id='r' effect='allow' action='migrate-out'", "<config/>"),
            5, "migrate-in");
    refused(RULE("id='r' effect='deny' action='migrate-in'", "<config/>"), 5,
            "allow");
    refused(ALLOW("<config/>\n<config/>"), 5, "twice");
}
END_TEST

START_TEST(fixed_ids_cannot_be_used)
{
    static const char *const ids[] = {
        "no-policy", "not-yet-valid", "expired", "bad-request",
        "unknown-host", "host-key", "unknown-operator", "role-not-assigned",
        "separation-of-duty", "no-permission", "vm-owner", "vm-policy",
        "default-deny", "config",
    };
    char text[1024];
    size_t i;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        snprintf(text, sizeof(text), DOC("<rule id='%s' effect='deny' "
                 "action='migrate-in'/>"), ids[i]);
        refused(text, 4, "reserved");
    }
}
END_TEST

START_TEST(configs_are_checked)
{
    static const struct {
        const char *inner, *words;
    } bad[] = {
        { "<memory/>", "max" },
        { "<memory max='1'/>", "memory" },
        { "<memory max='1 GiB'/><memory max='2 GiB'/>", "twice" },
        { "<vcpus max='0'/>", "max" },
        { "<vcpus max='32769'/>", "max" },
        { "<vcpus max='1'/><vcpus max='1'/>", "twice" },
        { "<disk/>", "path" },
        { "<disk path=''/>", "path" },
        { "<disk path='vg0/x'/>", "path" },
        { "<disk path='/dev/../x'/>", "path" },
        { "<disk path='/dev/./x'/>", "path" },
        { "<disk path='/dev//x'/>", "path" },
        { "<disk path='/dev/'/>", "path" },
        { "<disk path='/dev/a,b'/>", "path" },
        { "<disk path='/dev/a b'/>", "path" },
        { "<disk path='/dev/$x'/>", "path" },
        { "<disk path='/a' format='vmdk'/>", "vmdk" },
        { "<disk path='/a' backend='x'/>", "unknown word" },
        { "<disk path='/a' readonly='true'/>", "yes" },
        { "<disk path='/a' script='../x'/>", "script" },
        { "<disk path='/a' script='/x/../y'/>", "script" },
        { "<disk path='/a' script='/x/*'/>", "script" },
        { "<disk path='/a' script=''/>", "script" },
        { "<bridge/>", "name" },
        { "<bridge name='a,b'/>", "name" },
        { "<bridge name='a' script='sub/x'/>", "script" },
        { "<pci/>", "address" },
        { "<pci address='03:00.0'/>", "address" },
        { "<pci address='0000:03:00'/>", "address" },
        { "<pci address='0000:03:20.0'/>", "address" },
        { "<pci address='0000:03:00.8'/>", "address" },
        { "<pci address='0000:03:*.0'/>", "address" },
        { "<pci address='0000:03.00:0'/>", "address" },
        { "<pci address='+000:03:00.0'/>", "address" },
        { "<kernel path='vmlinuz'/>", "path" },
        { "<ramdisk path='/x/../y'/>", "path" },
        { "<bootloader path='sub/pygrub'/>", "path" },
        { "<device-model path='qemu'/>", "path" },
        { "<firmware path=''/>", "path" },
        { "<seclabel name='a b'/>", "name" },
        { "<vnc listen='0.0.0.0,password=off'/>", "listen" },
        { "<field path='x'/>", "value" },
        { "<field value='x'/>", "path" },
        { "<field path='' value='x'/>", "path" },
        { "<script path='/x'/>", "script" },
    };
    char text[1024];
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), CONFIG("%s"), bad[i].inner);
        refused(text, 4, bad[i].words);
    }
    refused(ALLOW("<config types=''/>"), 4, "types");
    refused(ALLOW("<config types='pvh xen'/>"), 4, "unknown word");
    accepted(ALLOW("<config types='hvm'/>"));
}
END_TEST

/* Any prefix, and any one byte changed or removed: no crash, and one line of
 * words when refused. */
START_TEST(hostile_bytes)
{
    static const char text[] =
        "<?xml version=\"1.0\"?>\n" CONFIG("<disk path='/dev/vg0/*'/>"
        "<!-- c --><pci address='0000:03:00.*'/>");
    char copy[sizeof(text)];
    struct sm_policy *policy = NULL;
    size_t i, b;

    for (i = 0; i < sizeof(text) - 1; i++)
        if (sm_policy_parse(&policy, SM_POLICY_SITE, text, i, NULL, why, sizeof(why)) == 0) {
            ck_assert_msg(text[i] == '\n', "cut at %zu", i);
            sm_policy_free(policy);
        } else {
            ck_assert_str_ne(why, "");
        }
    for (i = 0; i < sizeof(text) - 1; i++)
        for (b = 0; b < 8; b++) {
            memcpy(copy, text, sizeof(copy));
            copy[i] ^= (char)(1u << b);
            if (sm_policy_parse(&policy, SM_POLICY_SITE, copy, sizeof(copy) - 1, NULL, why,
                                sizeof(why)) == 0)
                sm_policy_free(policy);
            else
                ck_assert_ptr_null(strchr(why, '\n'));
        }
}
END_TEST

/* ---- sm_policy_load() ---- */

static char dir[64];
static struct sm_policy_files files;
static char path_xml[96], path_sig[96], path_pub[96];
static uint8_t secret[SM_MINISIGN_SECRET_LEN];

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(path, 0644), 0);
}

static void put_signed(const char *text)
{
    char sig[SM_MINISIGN_TEXT_MAX];

    put(path_xml, text);
    ck_assert_int_eq(sm_minisign_sign(secret, text, strlen(text), "x", sig,
                                      sizeof(sig)), 0);
    put(path_sig, sig);
}

static void setup(void)
{
    struct sm_minisign_public key;
    char text[128];

    ck_assert_int_ge(sodium_init(), 0);
    strcpy(dir, "/tmp/test_policy.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path_xml, sizeof(path_xml), "%s/policy.xml", dir);
    snprintf(path_sig, sizeof(path_sig), "%s/policy.xml.minisig", dir);
    snprintf(path_pub, sizeof(path_pub), "%s/policy.pub", dir);
    files.xml = path_xml;
    files.signature = path_sig;
    files.public_key = path_pub;
    sm_minisign_keygen(&key, secret);
    ck_assert_int_eq(sm_minisign_public_format(&key, text, sizeof(text)), 0);
    put(path_pub, text);
    put_signed(DOC(""));
}

static void teardown(void)
{
    unlink(path_xml);
    unlink(path_sig);
    unlink(path_pub);
    rmdir(dir);
}

static void load_refused(int err, const char *words)
{
    struct sm_policy *policy = (struct sm_policy *)dir;

    ck_assert_int_eq(sm_policy_load(&policy, &files, why, sizeof(why)), err);
    ck_assert_ptr_null(policy);
    ck_assert_msg(strstr(why, words), "%s does not say: %s", why, words);
    ck_assert_ptr_null(strchr(why, '\n'));
}

START_TEST(a_signed_policy_loads)
{
    struct sm_policy *policy = NULL;

    ck_assert_int_eq(sm_policy_load(&policy, &files, why, sizeof(why)), 0);
    ck_assert_str_eq(why, "");
    ck_assert_uint_eq(sm_policy_version(policy), 3);
    sm_policy_free(policy);
}
END_TEST

START_TEST(an_expired_policy_loads)
{
    struct sm_policy *policy = NULL;

    put_signed("<policy " NS " site='s' version='1' "
               "not-after='2001-01-01T00:00:00Z'><hosts><host id='a'/>"
               "</hosts><rules/></policy>");
    ck_assert_int_eq(sm_policy_load(&policy, &files, why, sizeof(why)), 0);
    ck_assert_int_eq(sm_policy_expiry(policy), 978307200);
    sm_policy_free(policy);
}
END_TEST

START_TEST(a_missing_file_is_a_missing_policy)
{
    unlink(path_sig);
    load_refused(SM_POLICY, "policy.xml.minisig");
    put_signed(DOC(""));
    unlink(path_pub);
    load_refused(SM_POLICY, "policy.pub");
    unlink(path_xml);
    load_refused(SM_POLICY, "policy.xml");
}
END_TEST

START_TEST(unsafe_files_are_refused)
{
    ck_assert_int_eq(chmod(path_xml, 0666), 0);
    load_refused(SM_STATE, "policy.xml");
    ck_assert_int_eq(chmod(path_xml, 0644), 0);
    ck_assert_int_eq(chmod(path_pub, 0664), 0);
    load_refused(SM_STATE, "policy.pub");
    ck_assert_int_eq(chmod(path_pub, 0644), 0);
    unlink(path_xml);
    ck_assert_int_eq(symlink("/etc/passwd", path_xml), 0);
    load_refused(SM_STATE, "policy.xml");
}
END_TEST

START_TEST(a_file_that_is_too_long_is_refused)
{
    char *text = repeat(DOC(""), " ", SM_POLICY_DOCUMENT_MAX, "");

    put_signed(text);
    load_refused(SM_STATE, "policy.xml");
    free(text);
}
END_TEST

START_TEST(the_signature_must_be_right)
{
    struct sm_minisign_public other;
    char text[128];

    put(path_xml, DOC(" "));
    load_refused(SM_POLICY, "does not match");
    put_signed(DOC(""));
    put(path_sig, "untrusted comment: none\n");
    load_refused(SM_POLICY, "policy.xml.minisig");
    put_signed(DOC(""));
    sm_minisign_keygen(&other, secret);
    ck_assert_int_eq(sm_minisign_public_format(&other, text, sizeof(text)),
                     0);
    put(path_pub, text);
    load_refused(SM_POLICY, "another key");
    put(path_pub, "nonsense\n");
    load_refused(SM_POLICY, "policy.pub");
}
END_TEST

START_TEST(only_the_pinned_key_will_do)
{
    uint8_t key[SM_POLICY_SIGNER_LEN], other[SM_POLICY_SIGNER_LEN];
    struct sm_policy *policy = NULL;

    files.key = key;
    ck_assert_int_eq(sm_policy_load(&policy, &files, why, sizeof(why)), 0);
    sm_policy_free(policy);
    files.pinned = key;
    files.key = NULL;
    ck_assert_int_eq(sm_policy_load(&policy, &files, why, sizeof(why)), 0);
    sm_policy_free(policy);
    memcpy(other, key, sizeof(other));
    other[sizeof(other) - 1] ^= 1;
    files.pinned = other;
    load_refused(SM_POLICY, "trusted so far");
    memcpy(other, key, sizeof(other));
    other[0] ^= 1;              /* the same key by another id */
    load_refused(SM_POLICY, "trusted so far");
}
END_TEST

/* What is wrong with the XML must not show before the signature is right. */
START_TEST(the_signature_comes_before_the_xml)
{
    put_signed("<!DOCTYPE x>");
    load_refused(SM_POLICY, "policy.xml:1: DOCTYPE");
    put(path_xml, "<!DOCTYPE y>");
    load_refused(SM_POLICY, "signature does not match");
    ck_assert_ptr_null(strstr(why, "DOCTYPE"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy document");
    TCase *bytes = tcase_create("bytes"), *content = tcase_create("content");
    TCase *load = tcase_create("load");
    SRunner *runner;
    int failed;

    tcase_add_test(bytes, only_xml_that_we_need);
    tcase_add_test(bytes, only_clean_characters);
    tcase_add_test(bytes, caps);
    tcase_add_test(bytes, hostile_bytes);
    tcase_set_timeout(bytes, 60);
    tcase_add_test(content, a_whole_document);
    tcase_add_test(content, the_head_of_a_document);
    tcase_add_test(content, hosts_are_unique);
    tcase_add_test(content, rules_are_checked);
    tcase_add_test(content, fixed_ids_cannot_be_used);
    tcase_add_test(content, configs_are_checked);
    tcase_add_checked_fixture(load, setup, teardown);
    tcase_add_test(load, a_signed_policy_loads);
    tcase_add_test(load, an_expired_policy_loads);
    tcase_add_test(load, a_missing_file_is_a_missing_policy);
    tcase_add_test(load, unsafe_files_are_refused);
    tcase_add_test(load, a_file_that_is_too_long_is_refused);
    tcase_add_test(load, the_signature_must_be_right);
    tcase_add_test(load, only_the_pinned_key_will_do);
    tcase_add_test(load, the_signature_comes_before_the_xml);
    suite_add_tcase(suite, bytes);
    suite_add_tcase(suite, content);
    suite_add_tcase(suite, load);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
