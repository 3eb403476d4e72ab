/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of policy/decide.h's and policy/match.h's
 * contract. */
#include <stdio.h>
#include <stdlib.h>

#include "base/wire.h"
#include "policy/match.h"
#include "policy_request.h"

static struct sm_policy_decision d;

static void decide(const char *rules, const struct sm_policy_request *r)
{
    struct sm_policy *policy = policy_of(rules);

    memset(&d, 0xff, sizeof(d));
    sm_policy_decide(policy, r, &d);
    ck_assert_msg(d.text[0] && sm_wire_text_ok(d.text, strlen(d.text)),
                  "%s", d.text);
    ck_assert_int_eq(d.allow, d.code == SM_OK);
    sm_policy_free(policy);
}

static void allowed(const char *rules, const struct sm_policy_request *r,
                    const char *rule)
{
    decide(rules, r);
    ck_assert_msg(d.allow, "%s: %s", d.rule, d.text);
    ck_assert_str_eq(d.rule, rule);
    ck_assert_ptr_nonnull(d.matched);
}

static void denied(const char *rules, const struct sm_policy_request *r,
                   const char *rule)
{
    decide(rules, r);
    ck_assert_msg(!d.allow, "%s: %s", d.rule, d.text);
    ck_assert_str_eq(d.rule, rule);
}

#define OUT(id, effect, inner) \
    "<rule id='" id "' effect='" effect "' action='migrate-out'>" inner \
    "</rule>"
#define IN(id, effect, inner) \
    "<rule id='" id "' effect='" effect "' action='migrate-in'>" inner \
    "</rule>"

START_TEST(deny_by_default)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);

    denied("", &r, "default-deny");
    ck_assert_int_eq(d.code, SM_REFUSED_LOCAL);
    ck_assert_ptr_null(d.matched);
    ck_assert_str_eq(d.text,
                     "no rule allows migrate-out of g1 from hostA to hostB");
    denied(OUT("x", "allow", "<vm name='g2'/>"), &r, "default-deny");
}
END_TEST

START_TEST(no_policy_no_migration)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);

    sm_policy_decide(NULL, &r, &d);
    ck_assert(!d.allow);
    ck_assert_int_eq(d.code, SM_POLICY);
    ck_assert_str_eq(d.rule, "no-policy");
}
END_TEST

START_TEST(the_action_must_match)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);

    allowed(OUT("x", "allow", ""), &r, "x");
    denied(IN("x", "allow", ""), &r, "default-deny");
    r.action = SM_POLICY_MIGRATE_IN;
    allowed(IN("x", "allow", ""), &r, "x");
    denied(OUT("x", "allow", ""), &r, "default-deny");
    allowed("<rule id='x' effect='allow' action='migrate-in migrate-out'/>",
            &r, "x");
}
END_TEST

START_TEST(deny_overrides_in_any_order)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);

    denied(OUT("a", "allow", "") OUT("n", "deny", ""), &r, "n");
    ck_assert_int_eq(d.code, SM_REFUSED_LOCAL);
    ck_assert_ptr_nonnull(d.matched);
    denied(OUT("n", "deny", "") OUT("a", "allow", ""), &r, "n");
    allowed(OUT("n", "deny", "<vm name='g2'/>") OUT("a", "allow", ""), &r,
            "a");
    denied("<rule id='n' effect='deny' action='migrate-out' "
           "reason='Feiertag: k\xc3\xb6nnte st\xc3\xb6ren'/>", &r, "n");
    ck_assert_ptr_nonnull(strstr(d.text, ": Feiertag: k\xc3\xb6nnte"));
}
END_TEST

START_TEST(each_kind_of_condition_must_hold)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);
    static const char rules[] =
        OUT("x", "allow", "<subject account='ops root'/><vm name='g?'/>"
            "<vm name='web-*'/><source host='hostA'/>"
            "<destination host='hostC hostB'/>");

    allowed(rules, &r, "x");
    r.account = "ops";
    allowed(rules, &r, "x");
    r.account = "nobody";
    denied(rules, &r, "default-deny");
    r.account = "roo";
    denied(rules, &r, "default-deny");
    r = usual(SM_POLICY_MIGRATE_OUT);
    r.vm_name = "web-1/x";
    allowed(rules, &r, "x");
    r.vm_name = "g12";
    denied(rules, &r, "default-deny");
    r = usual(SM_POLICY_MIGRATE_OUT);
    r.destination.name = "hostC";
    allowed(rules, &r, "x");
    r.destination.name = "hostA";
    r.destination.key = key_a;
    denied(rules, &r, "default-deny");
    r = usual(SM_POLICY_MIGRATE_OUT);
    r.source.name = "hostB";
    denied(rules, &r, "default-deny");
}
END_TEST

START_TEST(attributes_of_one_vm_must_all_hold)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);
    static const char rules[] =
        OUT("x", "allow",
            "<vm name='g*' uuid='8e8a3b1c-6C1B-4f3e-9c1a-5d1f7a2b3c4d'"
            " memory-min='256 MiB' memory-max='1GiB'/>");
    uint8_t other[16];

    allowed(rules, &r, "x");
    r.memory_kb = 256 * 1024;
    allowed(rules, &r, "x");
    r.memory_kb--;
    denied(rules, &r, "default-deny");
    r.memory_kb = 1024 * 1024;
    allowed(rules, &r, "x");
    r.memory_kb++;
    denied(rules, &r, "default-deny");
    r = usual(SM_POLICY_MIGRATE_OUT);
    r.vm_name = "h1";
    denied(rules, &r, "default-deny");
    r = usual(SM_POLICY_MIGRATE_OUT);
    memcpy(other, uuid_1, 16);
    other[15] ^= 1;
    r.vm_uuid = other;
    denied(rules, &r, "default-deny");
}
END_TEST

START_TEST(validity_includes_both_ends)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);
    static const char rules[] = OUT("x", "allow", "");

    r.now = NOT_BEFORE;
    allowed(rules, &r, "x");
    r.now = NOT_AFTER;
    allowed(rules, &r, "x");
    r.now = NOT_BEFORE - 1;
    denied(rules, &r, "not-yet-valid");
    ck_assert_int_eq(d.code, SM_POLICY);
    ck_assert_ptr_nonnull(strstr(d.text, "2026-01-01T00:00:00Z"));
    r.now = NOT_AFTER + 1;
    denied(rules, &r, "expired");
    ck_assert_int_eq(d.code, SM_POLICY);
    ck_assert_ptr_nonnull(strstr(d.text, "2027-01-01T00:00:00Z"));
    r.now = INT64_MIN;
    denied(rules, &r, "not-yet-valid");
    r.now = INT64_MAX;
    denied(rules, &r, "expired");
}
END_TEST

START_TEST(hosts_must_be_known)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);
    static const char rules[] = OUT("x", "allow", "");

    r.destination.name = "hostD";
    denied(rules, &r, "unknown-host");
    ck_assert_int_eq(d.code, SM_REFUSED_LOCAL);
    ck_assert_ptr_nonnull(strstr(d.text, "hostD"));
    r.destination.name = "hostb";
    denied(rules, &r, "unknown-host");
    r = usual(SM_POLICY_MIGRATE_OUT);
    r.source.name = "host";
    denied(rules, &r, "unknown-host");
}
END_TEST

START_TEST(keys_must_be_those_of_the_document)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);
    static const char rules[] = OUT("x", "allow", "");
    uint8_t other[32];
    size_t i;

    allowed(rules, &r, "x");
    r.destination.key = key_a;      /* hostB has none in the document */
    allowed(rules, &r, "x");
    for (i = 0; i < 256; i++) {
        memcpy(other, key_a, sizeof(other));
        other[i / 8] ^= (uint8_t)(1u << i % 8);
        r.source.key = other;
        denied(rules, &r, "host-key");
    }
    r.source.key = NULL;
    denied(rules, &r, "host-key");
    r = usual(SM_POLICY_MIGRATE_OUT);
    r.source.name = "hostB";
    r.destination.name = "hostA";
    denied(rules, &r, "host-key");
    r.destination.key = key_a;
    allowed(rules, &r, "x");
}
END_TEST

START_TEST(a_request_must_be_whole)
{
    static const char rules[] =
        "<rule id='x' effect='allow' action='migrate-in migrate-out'/>";
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_IN);
    char name[SM_POLICY_NAME_MAX + 2];

    r.vm_name = NULL;
    denied(rules, &r, "bad-request");
    ck_assert_int_eq(d.code, SM_REFUSED_LOCAL);
    r.vm_name = "";
    denied(rules, &r, "bad-request");
    r.vm_name = "a\nb";
    denied(rules, &r, "bad-request");
    r.vm_name = "a\xe2\x80\xae";
    denied(rules, &r, "bad-request");
    memset(name, 'n', sizeof(name));
    name[SM_POLICY_NAME_MAX + 1] = '\0';
    r.vm_name = name;
    denied(rules, &r, "bad-request");
    name[SM_POLICY_NAME_MAX] = '\0';
    allowed(rules, &r, "x");
    r = usual(SM_POLICY_MIGRATE_IN);
    r.vm_uuid = NULL;
    denied(rules, &r, "bad-request");
    r = usual(SM_POLICY_MIGRATE_IN);
    r.source.name = NULL;
    denied(rules, &r, "bad-request");
    r = usual(SM_POLICY_MIGRATE_IN);
    r.destination.name = "";
    denied(rules, &r, "bad-request");
    r = usual(SM_POLICY_MIGRATE_IN);
    r.action = 0;
    denied(rules, &r, "bad-request");
    r.action = 7;
    denied(rules, &r, "bad-request");
}
END_TEST

START_TEST(an_unknown_account_counts_against_the_request)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);

    r.account = NULL;
    allowed(OUT("x", "allow", ""), &r, "x");
    denied(OUT("x", "allow", "<subject account='root'/>"), &r,
           "default-deny");
    denied(OUT("n", "deny", "<subject account='eve'/>")
           OUT("x", "allow", ""), &r, "n");
    /* ... but not where the rule could not apply anyway */
    allowed(OUT("n", "deny", "<subject account='eve'/><vm name='g2'/>")
            OUT("x", "allow", ""), &r, "x");
    r.account = "ops";
    allowed(OUT("n", "deny", "<subject account='eve'/>")
            OUT("x", "allow", ""), &r, "x");
}
END_TEST

/* Long names and reasons leave one clean line, wherever it is cut. */
START_TEST(the_text_fits)
{
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);
    char rules[1024], name[SM_POLICY_NAME_MAX + 1], id[10];
    size_t n, i;

    memset(name, 'n', sizeof(name) - 1);
    name[SM_POLICY_NAME_MAX] = '\0';
    r.vm_name = name;
    for (n = 1; n < sizeof(id); n++) {
        memset(id, 'x', n);
        id[n] = '\0';
        snprintf(rules, sizeof(rules), "<rule id='%s' effect='deny' "
                 "action='migrate-out' reason='", id);
        for (i = 0; i < 100; i++)
            strcat(rules, "\xc3\xb6");
        strcat(rules, "'/>");
        denied(rules, &r, id);
        ck_assert_uint_ge(strlen(d.text), sizeof(d.text) - 2);
    }
}
END_TEST

START_TEST(patterns)
{
    static const struct {
        const char *pattern, *text;
        bool as_text, as_path;
    } cases[] = {
        { "", "", true, true },
        { "a", "a", true, true },
        { "a", "A", false, false },
        { "a", "ab", false, false },
        { "*", "", true, true },
        { "*", "abc", true, true },
        { "*", "a/c", true, false },
        { "?", "", false, false },
        { "?", "/", true, false },
        { "a*c", "abbbc", true, true },
        { "a*c", "ab/bc", true, false },
        { "a*b*c", "a-b-b-c", true, true },
        { "a*b*c", "a-c-b", false, false },
        { "*a*a*", "ba", false, false },
        { "*/b", "a/b", true, true },
        { "*a/b*", "xa/by", true, true },
        { "*a/b", "xaya/b", true, true },
        { "/dev/vg0/*", "/dev/vg0/x", true, true },
        { "/dev/vg0/*", "/dev/vg0/", true, true },
        { "/dev/vg0/*", "/dev/vg0", false, false },
        { "/dev/vg0/*", "/dev/vg0/x/y", true, false },
        { "/dev/*/*", "/dev/vg0/x", true, true },
        { "/dev/*", "/dev//x", true, false },
        { "[a]", "a", false, false },
        { "\\*", "*", false, false },
        { "**", "abc", true, true },
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_msg(sm_policy_match_text(cases[i].pattern, cases[i].text)
                      == cases[i].as_text, "text %zu", i);
        ck_assert_msg(sm_policy_match_path(cases[i].pattern, cases[i].text)
                      == cases[i].as_path, "path %zu", i);
    }
}
END_TEST

/* A slow, obvious matcher says the same on all short words. */
static bool naive(const char *p, const char *t, bool path)
{
    if (!*p)
        return !*t;
    if (*p == '*')
        return naive(p + 1, t, path) ||
               (*t && (!path || *t != '/') && naive(p, t + 1, path));
    if (!*t)
        return false;
    if (*p == '?' ? path && *t == '/' : *p != *t)
        return false;
    return naive(p + 1, t + 1, path);
}

START_TEST(patterns_against_a_naive_matcher)
{
    static const char in_pattern[] = "ab/*?", in_text[] = "ab/";
    char p[8], t[8];
    unsigned int i, j, k, n;

    for (i = 0; i < 6 * 6 * 6 * 6 * 6; i++) {
        for (k = 0, n = i; n; n /= 6, k++)
            if (!(n % 6))
                break;
            else
                p[k] = in_pattern[n % 6 - 1];
        p[k] = '\0';
        for (j = 0; j < 4 * 4 * 4 * 4; j++) {
            for (k = 0, n = j; n; n /= 4, k++)
                if (!(n % 4))
                    break;
                else
                    t[k] = in_text[n % 4 - 1];
            t[k] = '\0';
            if (sm_policy_match_text(p, t) != naive(p, t, false) ||
                sm_policy_match_path(p, t) != naive(p, t, true))
                ck_abort_msg("pattern %s text %s", p, t);
        }
    }
}
END_TEST

/* The classic that takes exponential time where it is done recursively. */
START_TEST(patterns_take_bounded_time)
{
    char pattern[256], text[1025];
    size_t i;

    for (i = 0; i + 2 < sizeof(pattern); i += 2)
        memcpy(pattern + i, "*a", 2);
    strcpy(pattern + i, "b");
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ck_assert(!sm_policy_match_text(pattern, text));
    ck_assert(!sm_policy_match_path(pattern, text));
}
END_TEST

START_TEST(words)
{
    uint8_t uuid[16];
    uint64_t v;

    ck_assert(sm_policy_id_ok("hostA"));
    ck_assert(sm_policy_id_ok("_a.b-9"));
    ck_assert(!sm_policy_id_ok(""));
    ck_assert(!sm_policy_id_ok(".a"));
    ck_assert(!sm_policy_id_ok("-a"));
    ck_assert(!sm_policy_id_ok("a b"));
    ck_assert(sm_policy_id_ok("0123456789012345678901234567890123456789012345"
                              "678901234567890123"));
    ck_assert(!sm_policy_id_ok("01234567890123456789012345678901234567890123"
                               "456789012345678901234"));
    ck_assert(sm_policy_path_ok("/a", false));
    ck_assert(sm_policy_path_ok("/a.b/..c/d..", false));
    ck_assert(!sm_policy_path_ok("", false));
    ck_assert(!sm_policy_path_ok("a", false));
    ck_assert(!sm_policy_path_ok("/", false));
    ck_assert(!sm_policy_path_ok("/a/..", false));
    ck_assert(!sm_policy_path_ok("/./a", false));
    ck_assert(!sm_policy_path_ok("/a*", false));
    ck_assert(sm_policy_path_ok("/a*/?", true));
    ck_assert(!sm_policy_path_ok("/a\n", false));
    ck_assert(!sm_policy_path_ok("/a\xc3\xb6", false));
    ck_assert(sm_policy_number("0", 0, &v) && v == 0);
    ck_assert(sm_policy_number("18446744073709551615", UINT64_MAX, &v));
    ck_assert(v == UINT64_MAX);
    ck_assert(!sm_policy_number("18446744073709551616", UINT64_MAX, &v));
    ck_assert(!sm_policy_number("10", 9, &v));
    ck_assert(!sm_policy_number("", 9, &v));
    ck_assert(!sm_policy_number("+1", 9, &v));
    ck_assert(!sm_policy_number("00", 9, &v));
    ck_assert(!sm_policy_number("0x1", 99, &v));
    ck_assert(sm_policy_memory("17179869183 TiB", &v));
    ck_assert(!sm_policy_memory("17179869184 TiB", &v));
    ck_assert(sm_policy_memory("2MiB", &v) && v == 2048);
    ck_assert(!sm_policy_memory("2  MiB", &v));
    ck_assert(!sm_policy_memory("MiB", &v));
    ck_assert(!sm_policy_memory("2 MiB ", &v));
    ck_assert(!sm_policy_memory("99999999999999999999999999 KiB", &v));
    ck_assert(sm_policy_uuid("8E8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d", uuid));
    ck_assert_mem_eq(uuid, uuid_1, 16);
    ck_assert(!sm_policy_uuid("8e8a3b1c6c1b-4f3e-9c1a-5d1f7a2b3c4d-", uuid));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy decide");
    TCase *tc = tcase_create("decide"), *match = tcase_create("match");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, deny_by_default);
    tcase_add_test(tc, no_policy_no_migration);
    tcase_add_test(tc, the_action_must_match);
    tcase_add_test(tc, deny_overrides_in_any_order);
    tcase_add_test(tc, each_kind_of_condition_must_hold);
    tcase_add_test(tc, attributes_of_one_vm_must_all_hold);
    tcase_add_test(tc, validity_includes_both_ends);
    tcase_add_test(tc, hosts_must_be_known);
    tcase_add_test(tc, keys_must_be_those_of_the_document);
    tcase_add_test(tc, a_request_must_be_whole);
    tcase_add_test(tc, an_unknown_account_counts_against_the_request);
    tcase_add_test(tc, the_text_fits);
    tcase_add_test(match, patterns);
    tcase_add_test(match, patterns_against_a_naive_matcher);
    tcase_add_test(match, patterns_take_bounded_time);
    tcase_add_test(match, words);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, match);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
