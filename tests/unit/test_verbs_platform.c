/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig platform capture, show and diff on a TPM: what is captured is what
 * another program reads from it, fits a policy and the host that it is from,
 * and differs where something else was measured.
 */
#include "verb.h"

#include <sodium.h>
#include <stdarg.h>

#include "../../helper/secmig/platform.h"
#include "policy/decide.h"
#include "policy/question.h"
#include "swtpm.h"

#define SET "dom0.xml"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static struct swtpm machine;

static void turn_on(void)
{
    prepare();
    swtpm_start(&machine, "tpm");
    snprintf(cli.conf.tpm, sizeof(cli.conf.tpm), "%s", machine.tcti);
    cli.conf.tpm_timeout = 5000;
}

static void turn_off(void)
{
    swtpm_kill(&machine);
    scratch_remove();
}

static void boot(void)
{
    swtpm_extend(&machine, 4, "boot loader");
    swtpm_extend(&machine, 7, "secure boot");
}

static int platform(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int platform(const char *fmt, ...)
{
    char line[1000];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    return run(sm_verb_platform, line);
}

/* Capture into a file. */
static void capture(const char *options)
{
    ck_assert_msg(!platform("platform capture dom0%s", options), "%s", err);
    scratch_write(SET, out, strlen(out), 0644);
}

static void says(const char *words)
{
    ck_assert_msg(strstr(out, words), "%s\nis not in\n%s", words, out);
}

static void says_not(const char *words)
{
    ck_assert_msg(!strstr(out, words), "%s\nis in\n%s", words, out);
}

/* ---- capture ---- */

/* What tpm2-tools, which share none of our code, read. */
START_TEST(what_is_captured_is_what_the_tpm_holds)
{
    char line[512], value[80], *c;
    FILE *f;
    size_t i;

    boot();
    capture("");
    says("<platform id=\"dom0\">\n");
    says("<pcr index=\"4\"");
    says("<!-- Secure Boot's state and keys -->\n  <pcr index=\"7\"");
    says_not("index=\"0\"");
    says_not("index=\"9\"");
    says_not("event-log");
    ck_assert_str_eq(err, "");
    snprintf(line, sizeof(line), "tpm2_pcrread -T '%s' sha256:4,7 2>&1",
             machine.tcti);
    f = popen(line, "r");
    ck_assert_ptr_nonnull(f);
    for (i = 0; fgets(line, sizeof(line), f);) {
        if (sscanf(line, " %*u : 0x%64s", value) != 1)
            continue;
        for (c = value; *c; c++)
            *c = *c >= 'A' && *c <= 'F' ? (char)(*c + 32) : *c;
        says(value);
        i++;
    }
    ck_assert_int_eq(pclose(f), 0);
    ck_assert_uint_eq(i, 2);
}
END_TEST

START_TEST(a_host_that_measures_nothing_is_not_captured)
{
    ck_assert_int_eq(platform("platform capture dom0"),
                     sm_err_exit(SM_STATE));
    fails(sm_err_exit(SM_STATE), "nothing has been measured");
    ck_assert_int_eq(platform("platform capture --pcrs 0 dom0"), 0);
    says(ZEROS);
    ck_assert_ptr_nonnull(strstr(err, "warning: nothing has been measured "
                                      "into PCR 0"));
}
END_TEST

START_TEST(pcrs_can_be_named_and_are_warned_of)
{
    boot();
    swtpm_extend(&machine, 10, "a file");
    swtpm_extend(&machine, 16, "nothing");
    capture(" --pcrs 7,10,16 --after-reset approve");
    says("<platform id=\"dom0\" after-reset=\"approve\">");
    says("index=\"10\"");
    says("index=\"16\"");
    says_not("index=\"4\"");
    ck_assert_ptr_nonnull(strstr(err, "PCR 10 (IMA) grows"));
    ck_assert_ptr_nonnull(strstr(err, "PCR 16 proves nothing"));
    ck_assert_ptr_null(strstr(err, "nothing has been measured"));
}
END_TEST

START_TEST(the_event_log_is_captured)
{
    uint8_t digest[32];
    char hex[65];

    boot();
    if (access("/sys/kernel/security/tpm0/binary_bios_measurements", R_OK)) {
        ck_assert_int_eq(platform("platform capture --event-log dom0"),
                         sm_err_exit(SM_STATE));
        fails(sm_err_exit(SM_STATE), "binary_bios_measurements cannot be "
              "read");
    }
    scratch_write("log", "events", 6, 0600);
    crypto_hash_sha256(digest, (const uint8_t *)"events", 6);
    sodium_bin2hex(hex, sizeof(hex), digest, 32);
    ck_assert_int_eq(platform("platform capture --event-log --log %s dom0",
                              scratch_path("log")), 0);
    says("event-log=\"");
    says(hex);
    scratch_write(SET, out, strlen(out), 0644);
    ck_assert_int_eq(platform("platform diff --log %s %s",
                              scratch_path("log"), scratch_path(SET)), 0);
    scratch_write("log", "Events", 6, 0600);
    ck_assert_int_eq(platform("platform diff --log %s %s",
                              scratch_path("log"), scratch_path(SET)),
                     sm_err_exit(SM_FAIL));
    says("dom0: this host differs\n  event log\n    here\n");
    says_not("PCR");
    ck_assert_int_eq(platform("platform capture --event-log --log %s dom0",
                              scratch_path("none")), sm_err_exit(SM_IO));
    fails(sm_err_exit(SM_IO), "cannot be read as an event log");
}
END_TEST

/* ---- diff and show ---- */

START_TEST(this_host_is_in_its_set_until_something_else_is_measured)
{
    boot();
    capture("");
    ck_assert_int_eq(platform("platform diff %s", scratch_path(SET)), 0);
    ck_assert_str_eq(out, "dom0: this host is in it\n");
    swtpm_extend(&machine, 9, "not in the set");
    ck_assert_int_eq(platform("platform diff %s dom0", scratch_path(SET)), 0);
    swtpm_extend(&machine, 7, "other keys");
    ck_assert_int_eq(platform("platform diff %s", scratch_path(SET)),
                     sm_err_exit(SM_FAIL));
    says("dom0: this host differs\n  PCR  7  Secure Boot's state and keys\n"
         "    here\n");
    says_not("PCR  4");
    swtpm_reset(&machine);
    ck_assert_int_eq(platform("platform diff %s dom0", scratch_path(SET)),
                     sm_err_exit(SM_FAIL));
    says("PCR  4");
    says(ZEROS "  (nothing measured)\n    in the set\n");
    boot();
    ck_assert_int_eq(platform("platform diff %s dom0", scratch_path(SET)), 0);
}
END_TEST

START_TEST(sets_of_a_policy_are_compared)
{
    char text[2 * sizeof(out) + 512], set[sizeof(out)];

    boot();
    ck_assert_int_eq(platform("platform capture a"), 0);
    snprintf(set, sizeof(set), "%s", out);
    swtpm_extend(&machine, 4, "an update");
    ck_assert_int_eq(platform("platform capture --after-reset approve b"), 0);
    snprintf(text, sizeof(text), "<?xml version='1.0'?>\n"
             "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'>"
             "<platforms>%s%s</platforms><hosts><host id='h'/></hosts>"
             "<rules/></policy>", set, out);
    scratch_write("policy.xml", text, strlen(text), 0644);
    ck_assert_int_eq(platform("platform diff %s", scratch_path("policy.xml")),
                     0);
    says("a: this host differs\n  PCR  4");
    says("b: this host is in it (once its last reset is approved)\n");
    ck_assert_int_eq(platform("platform diff %s a",
                              scratch_path("policy.xml")),
                     sm_err_exit(SM_FAIL));
    says_not("b: ");
    ck_assert_int_eq(platform("platform show %s", scratch_path("policy.xml")),
                     0);
    says("platform  a\nPCR  4    ");
    says("platform  b, each reset to be approved\n");
    ck_assert_int_eq(platform("platform diff %s c",
                              scratch_path("policy.xml")),
                     sm_err_exit(SM_POLICY));
    fails(sm_err_exit(SM_POLICY), "there is no platform \"c\"");
}
END_TEST

/* A set that was captured, in a policy, asked with what show prints. */
START_TEST(what_is_shown_satisfies_what_was_captured)
{
    char text[sizeof(out) + 1024], question[sizeof(out) + 256], why[512];
    struct sm_policy *policy = NULL;
    struct sm_policy_decision d;
    struct sm_policy_question q;
    int i;

    boot();
    capture("");
    snprintf(text, sizeof(text),
             "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'>"
             "<authorities><authority id='ca' key='RWQBAQEBAQEBAYqI4910CfGV/"
             "VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c'/></authorities>"
             "<platforms>%s</platforms>"
             "<hosts><host id='h'/><host id='k'/></hosts><rules>"
             "<rule id='r' effect='allow' action='migrate-out'>"
             "<require attestation='dom0'/></rule></rules></policy>", out);
    ck_assert_msg(!sm_policy_parse(&policy, SM_POLICY_SITE, text,
                                   strlen(text), "p", why, sizeof(why)),
                  "%s", why);
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(platform("platform show --request"), 0);
        snprintf(question, sizeof(question), "action = migrate-out\nvm = g\n"
                 "uuid = 8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d\n"
                 "source = h\ndestination = k\n%s", out);
        ck_assert_msg(!sm_policy_question_parse(&q, policy, question,
                                                strlen(question), 7, why,
                                                sizeof(why)), "%s", why);
        sm_policy_decide(policy, &q.request, &d);
        ck_assert_msg(d.allow == !i, "%s", d.text);
        sm_policy_question_dispose(&q);
        swtpm_extend(&machine, 4, "another");
    }
    ck_assert_ptr_nonnull(strstr(d.text, "it differs from dom0 in PCR 4"));
    sm_policy_free(policy);
}
END_TEST

START_TEST(all_of_this_host_is_shown)
{
    unsigned int i;
    char text[16];

    boot();
    ck_assert_int_eq(platform("platform show --log %s",
                              scratch_path("none")), sm_err_exit(SM_IO));
    scratch_write("log", "events", 6, 0600);
    ck_assert_int_eq(platform("platform show --log %s", scratch_path("log")),
                     0);
    for (i = 0; i < 24; i++) {
        snprintf(text, sizeof(text), "PCR %2u ", i);
        says(text);
    }
    says("event log\n");
    says("(nothing measured)");
}
END_TEST

/* ---- what is wrong ---- */

static void refuses(const char *text, const char *words)
{
    scratch_write("bad.xml", text, strlen(text), 0644);
    ck_assert_int_eq(platform("platform show %s", scratch_path("bad.xml")),
                     sm_err_exit(SM_POLICY));
    fails(sm_err_exit(SM_POLICY), words);
}

START_TEST(files_that_are_wrong_are_told_with_the_line)
{
    refuses("<platform id='a'>\n<pcr index='24' sha256='" ZEROS "'/>"
            "</platform>", "bad.xml:2: <pcr> index=\"24\"");
    refuses("<platform id='a'>\n</platform>", "bad.xml:1: ");
    refuses("<platforms>\n<platform id='.'/></platforms>", "bad.xml:2: ");
    refuses("<platforms/>", "leave it out");
    refuses("<platform id='a'><pcr index='1' sha256='" ZEROS "'/></platform>"
            "</platforms><rules/></vm-policy><vm-policy>", "bad.xml:1: ");
    refuses("<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'>"
            "<hosts><host id='h'/></hosts><rules/></policy>",
            "it has no <platforms>");
    refuses("", "bad.xml:1: ");
    ck_assert_int_eq(platform("platform show %s", scratch_path("none")),
                     sm_err_exit(SM_POLICY));
}
END_TEST

START_TEST(a_tpm_that_is_not_there_is_told)
{
    swtpm_kill(&machine);
    ck_assert_int_eq(platform("platform capture dom0"), sm_err_exit(SM_IO));
    fails(sm_err_exit(SM_IO), machine.sock);
    ck_assert_int_eq(platform("platform show --tpm device:/dev/no-tpm"),
                     sm_err_exit(SM_IO));
    fails(sm_err_exit(SM_IO), "/dev/no-tpm");
}
END_TEST

START_TEST(usage)
{
    static const char *const lines[] = {
        "platform", "platform measure", "platform capture",
        "platform capture a b", "platform diff", "platform diff a b c",
        "platform show a b", "platform show --request a",
        "platform show --tpm x a", "platform capture --pcrs", "platform accept",
    };
    static const char *const bad[] = {
        "platform capture .x", "platform capture --pcrs 24 x",
        "platform capture --pcrs 1,1 x", "platform capture --pcrs 1, x",
        "platform capture --pcrs 01 x", "platform capture --pcrs sha1:1 x",
        "platform capture --after-reset deny x",
    };
    size_t i;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        ck_assert_msg(platform("%s", lines[i]) == USAGE_CODE, "%s",
                      lines[i]);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(platform("%s", bad[i]) == sm_err_exit(SM_USAGE), "%s",
                      bad[i]);
        fails(sm_err_exit(SM_USAGE), "secmig: ");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("secmig platform");
    TCase *t = tcase_create("platform");

    if (!swtpm_there())
        return 77;
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, turn_on, turn_off);
    tcase_add_test(t, what_is_captured_is_what_the_tpm_holds);
    tcase_add_test(t, a_host_that_measures_nothing_is_not_captured);
    tcase_add_test(t, pcrs_can_be_named_and_are_warned_of);
    tcase_add_test(t, the_event_log_is_captured);
    tcase_add_test(t,
                   this_host_is_in_its_set_until_something_else_is_measured);
    tcase_add_test(t, sets_of_a_policy_are_compared);
    tcase_add_test(t, what_is_shown_satisfies_what_was_captured);
    tcase_add_test(t, all_of_this_host_is_shown);
    tcase_add_test(t, files_that_are_wrong_are_told_with_the_line);
    tcase_add_test(t, a_tpm_that_is_not_there_is_told);
    tcase_add_test(t, usage);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
