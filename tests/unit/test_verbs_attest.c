/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enrolment as people do it: secmig attest on a host, secmig site on the
 * machine of its authority.
 */
#include "verb.h"
#include "swtpm.h"
#include "swtpm_made.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/file.h"
#include "trust/certificate.h"
#include "trust/enrolment.h"

static struct swtpm host, other;
static char why[768];

/* In a line, "@" stands for the scratch directory, "$" for the host's TPM,
 * "&" for the other one. */
static int say(verb *v, const char *format)
{
    char line[1024], *to = line;

    for (; *format; format++)
        if (*format == '@')
            to += sprintf(to, "%s/", scratch);
        else if (*format == '$' || *format == '&')
            to += sprintf(to, "%s", (*format == '$' ? &host : &other)->tcti);
        else
            *to++ = *format;
    *to = '\0';
    return run(v, line);
}

static int attest(const char *format)
{
    return say(sm_verb_attest, format);
}

static int site(const char *format)
{
    return say(sm_verb_site, format);
}

static void well(int rc)
{
    ck_assert_msg(!rc, "%d: %s", rc, err);
}

/* One TPM for all tests, as its maker delivers it. */
static char made[64];

static void make_tpm(void)
{
    scratch_make();
    swtpm_made(&host, "tpm");
    strcpy(made, scratch);
}

static void remove_tpm(void)
{
    strcpy(scratch, made);
    swtpm_kill(&host);
    scratch_remove();
}

static void begin(void)
{
    prepare();
    init_plain();
    well(site("site init --key @acme --seal plain"));
}

static void enrol(void)
{
    well(attest("attest request --tpm $ --out @request"));
    well(site("site challenge --key @acme --any --tpm $ @request "
              "@challenge"));
    well(attest("attest answer --tpm $ --out @answer @challenge"));
}

static bool there(const char *leaf)
{
    return access(scratch_path(leaf), F_OK) == 0;
}

static size_t content(const char *leaf, char *text, size_t size)
{
    uint8_t *data;
    size_t len;

    ck_assert_msg(sm_file_read(scratch_path(leaf), SM_FILE_PUBLIC, size - 1,
                               &data, &len, why, sizeof(why)) == 0, "%s",
                  why);
    memcpy(text, data, len + 1);
    sm_file_free(data, len);
    return len;
}

static struct sm_enrolment_request request(const char *leaf)
{
    struct sm_enrolment_request r;
    char text[SM_ENROLMENT_MAX];
    size_t len = content(leaf, text, sizeof(text));

    ck_assert_msg(!sm_enrolment_request_read(text, len, &r, why,
                                             sizeof(why)), "%s", why);
    return r;
}

static struct sm_certificate certificate(const char *leaf)
{
    char text[SM_CERTIFICATE_MAX + 1];
    struct sm_minisign_public key;
    struct sm_certificate c;
    size_t len = content("acme.pub", text, sizeof(text));

    ck_assert_int_eq(sm_minisign_public_parse(text, len, &key, why,
                                              sizeof(why)), 0);
    len = content(leaf, text, sizeof(text));
    ck_assert_msg(sm_certificate_verify(text, len, &key, 1, sm_clock_real(),
                                        &c, NULL, why, sizeof(why)) == 0,
                  "%s", why);
    return c;
}

static void remember(struct sm_enrolment_request *r, char *fingerprint)
{
    *r = request("request");
    ck_assert_int_eq(sm_enrolment_fingerprint(&r->ek, fingerprint), 0);
}

/* ---- all goes well ---- */

START_TEST(a_host_is_enrolled)
{
    char text[1024], fingerprint[SM_ENROLMENT_FINGERPRINT_SIZE];
    struct sm_enrolment_request r;
    struct sm_certificate c;
    uint8_t name[32];

    well(attest("attest request --tpm $ --out @request"));
    remember(&r, fingerprint);
    ck_assert_ptr_nonnull(strstr(out, fingerprint));
    ck_assert_ptr_nonnull(strstr(out, "with its maker's certificate"));
    ck_assert_str_eq(r.host, "hostA");
    ck_assert_uint_eq(mode_of(cli.conf.attestation_key), 0600);
    snprintf(text, sizeof(text), "site challenge --key @acme --endorsement %s"
             " --tpm & @request @challenge", fingerprint);
    /* The authority has a TPM of its own, which knows nothing. */
    swtpm_start(&other, "authority");
    well(site(text));
    well(attest("attest answer --tpm $ --out @answer @challenge"));
    well(site("site sign --key @acme --enrolment @request --answer @answer "
              "--location munich @cert"));
    c = certificate("cert");
    ck_assert(sm_tpm_key_name(&r.ak, name));
    ck_assert(c.has_ak);
    ck_assert_mem_eq(c.ak, name, 32);
    ck_assert_mem_eq(c.key, r.key, 32);
    ck_assert_str_eq(c.host, "hostA");
    ck_assert_str_eq(c.location, "munich");
    well(site("site show --key @acme.pub @cert"));
    ck_assert_ptr_nonnull(strstr(out, "attestation   key "));
    /* With host and key as well. */
    snprintf(text, sizeof(text), "site sign --key @acme --enrolment @request "
             "--answer @answer --host hostA --host-key %s @cert2",
             cli.conf.host_pub);
    well(site(text));
    ck_assert_uint_eq(certificate("cert2").serial, 2);
}
END_TEST

START_TEST(the_makers_certificate_counts)
{
    char line[256];

    well(attest("attest request --tpm $ --out @request"));
    snprintf(line, sizeof(line), "site challenge --key @acme --ek-roots %s/%s"
             " --tpm $ @request @challenge", made, SWTPM_ROOTS);
    well(site(line));
    ck_assert_ptr_null(strstr(err, "nothing says whose"));
    well(attest("attest answer --tpm $ --out @answer @challenge"));
}
END_TEST

START_TEST(without_out_texts_go_to_standard_output)
{
    static const char *const types[] = { "secmig-enrolment 1\n",
        "secmig-challenge 1\n", "secmig-answer 1\n" };

    well(attest("attest request --tpm $"));
    ck_assert_int_eq(strncmp(out, types[0], strlen(types[0])), 0);
    scratch_write("request", out, strlen(out), 0644);
    well(site("site challenge --key @acme --any --tpm $ @request"));
    ck_assert_int_eq(strncmp(out, types[1], strlen(types[1])), 0);
    ck_assert_ptr_nonnull(strstr(err, "nothing says whose TPM"));
    scratch_write("challenge", out, strlen(out), 0644);
    well(attest("attest answer --tpm $ @challenge"));
    ck_assert_int_eq(strncmp(out, types[2], strlen(types[2])), 0);
    scratch_write("answer", out, strlen(out), 0644);
    well(site("site sign --key @acme --enrolment @request --answer @answer"));
}
END_TEST

START_TEST(the_key_stays_the_same)
{
    char first[SM_ENROLMENT_MAX], second[SM_ENROLMENT_MAX];

    well(attest("attest request --tpm $ --out @request"));
    well(attest("attest request --tpm $ --out @again"));
    content("request", first, sizeof(first));
    content("again", second, sizeof(second));
    ck_assert_str_eq(first, second);
}
END_TEST

/* Before a host changes its key, its next one is certified with the same
 * attestation key. */
START_TEST(the_next_key_is_enrolled)
{
    char line[SM_IDENTITY_LINE_SIZE];
    uint8_t next[32] = { 9 };
    struct sm_certificate c[2];

    ck_assert_int_eq(attest("attest request --next --tpm $"), 4);
    fails(4, "next-host.pub");
    ck_assert_int_eq(sm_identity_format("hostA", next, line), 0);
    ck_assert_int_eq(sm_file_create(cli.conf.next_pub, line, strlen(line),
                                    0644, why, sizeof(why)), 0);
    enrol();
    well(site("site sign --key @acme --enrolment @request --answer @answer "
              "@cert"));
    c[0] = certificate("cert");
    unlink(scratch_path("request"));
    unlink(scratch_path("challenge"));
    unlink(scratch_path("answer"));
    well(attest("attest request --next --tpm $ --out @request"));
    well(site("site challenge --key @acme --any --tpm $ @request "
              "@challenge"));
    ck_assert_int_eq(attest("attest answer --tpm $ --out @answer "
                            "@challenge"), 15);
    fails(15, "not for the request of this host");
    well(attest("attest answer --next --tpm $ --out @answer @challenge"));
    well(site("site sign --key @acme --enrolment @request --answer @answer "
              "@cert2"));
    c[1] = certificate("cert2");
    ck_assert_mem_eq(c[1].key, next, 32);
    ck_assert_mem_ne(c[0].key, next, 32);
    ck_assert_mem_eq(c[0].ak, c[1].ak, 32);
}
END_TEST

/* ---- refusals ---- */

START_TEST(a_wrong_answer_is_refused_and_costs_no_serial)
{
    char text[SM_ENROLMENT_MAX], *at;

    enrol();
    content("answer", text, sizeof(text));
    at = text + strlen(text) - 2;
    *at = *at == '0' ? '1' : '0';
    scratch_write("wrong", text, strlen(text), 0644);
    ck_assert_int_eq(site("site sign --key @acme --enrolment @request "
                          "--answer @wrong @cert"), 15);
    ck_assert_ptr_nonnull(strstr(err, "the answer is wrong"));
    ck_assert(!there("cert"));
    content("acme.serial", text, sizeof(text));
    ck_assert_str_eq(text, "0\n");
    /* Of the challenge of another authority. */
    well(site("site init --key @evil --seal plain"));
    ck_assert_int_eq(site("site sign --key @evil --enrolment @request "
                          "--answer @answer @cert"), 15);
    ck_assert_ptr_nonnull(strstr(err, "the answer is wrong"));
}
END_TEST

START_TEST(the_fingerprint_must_fit)
{
    char line[512], fingerprint[SM_ENROLMENT_FINGERPRINT_SIZE];
    struct sm_enrolment_request r;
    size_t i;

    well(attest("attest request --tpm $ --out @request"));
    remember(&r, fingerprint);
    snprintf(line, sizeof(line), "site challenge --key @acme --endorsement "
             "%.63s --tpm $ @request @challenge", fingerprint);
    ck_assert_int_eq(site(line), 15);
    fails(15, "not the one that was expected");
    snprintf(line, sizeof(line), "site challenge --key @acme --endorsement "
             "%s0 --tpm $ @request @challenge", fingerprint);
    ck_assert_int_eq(site(line), 15);
    fingerprint[0] ^= 1;
    snprintf(line, sizeof(line), "site challenge --key @acme --endorsement "
             "%s --tpm $ @request @challenge", fingerprint);
    ck_assert_int_eq(site(line), 15);
    fails(15, "not the one that was expected");
    ck_assert(!there("challenge"));
    fingerprint[0] ^= 1;
    /* As another program writes it. */
    strcpy(line, "site challenge --key @acme --tpm $ --endorsement ");
    for (i = 0; i < 64; i += 2)
        sprintf(line + strlen(line), "%s%c%c", i ? ":" : "",
                fingerprint[i] >= 'a' ? fingerprint[i] - 32 : fingerprint[i],
                fingerprint[i + 1]);
    strcat(line, " @request @challenge");
    well(site(line));
}
END_TEST

START_TEST(who_it_is_has_to_be_said)
{
    well(attest("attest request --tpm $ --out @request"));
    ck_assert_int_eq(site("site challenge --key @acme --tpm $ @request"),
                     USAGE_CODE);
    ck_assert_int_eq(site("site challenge --key @acme --tpm $ --any "
                          "--endorsement 00 @request"), USAGE_CODE);
    ck_assert_int_eq(site("site challenge --key @acme --any --tpm $"),
                     USAGE_CODE);
    ck_assert_int_eq(site("site sign --key @acme --enrolment @request"),
                     USAGE_CODE);
    ck_assert_int_eq(site("site sign --key @acme --answer @request --host a "
                          "--host-key b"), USAGE_CODE);
    ck_assert_int_eq(attest("attest"), USAGE_CODE);
    ck_assert_int_eq(attest("attest request x"), USAGE_CODE);
    ck_assert_int_eq(attest("attest answer"), USAGE_CODE);
    ck_assert_int_eq(attest("attest other"), USAGE_CODE);
}
END_TEST

START_TEST(another_tpm_does_not_answer)
{
    enrol();
    swtpm_start(&other, "other");
    unlink(scratch_path("answer"));
    ck_assert_int_eq(attest("attest answer --tpm & --out @answer "
                            "@challenge"), 4);
    fails(4, "of another TPM");
    ck_assert(!there("answer"));
    ck_assert_int_eq(attest("attest request --tpm & --out @more"), 4);
    fails(4, "of another TPM");
}
END_TEST

START_TEST(a_challenge_for_another_request_is_not_answered)
{
    char text[SM_ENROLMENT_MAX];

    enrol();
    /* The same TPM and key, as another host. */
    well(say(sm_verb_key, "key export"));
    memcpy(strstr(out, "hostA"), "hostB", 5);
    scratch_write("pub", out, strlen(out), 0644);
    ck_assert_int_eq(rename(scratch_path("pub"), cli.conf.host_pub), 0);
    ck_assert_int_eq(attest("attest answer --tpm $ @challenge"), 15);
    fails(15, "not for the request of this host");
    ck_assert_int_eq(unlink(cli.conf.attestation_key), 0);
    ck_assert_int_eq(attest("attest answer --tpm $ @challenge"), 4);
    fails(4, "has no attestation key");
    content("request", text, sizeof(text));
    ck_assert_int_eq(attest("attest answer --tpm $ @request"), 16);
    fails(16, "secmig-challenge");
}
END_TEST

START_TEST(a_request_for_another_host_is_not_signed)
{
    enrol();
    ck_assert_int_eq(site("site sign --key @acme --enrolment @request "
                          "--answer @answer --host hostB @cert"), 4);
    fails(4, "the request of 'hostA', not of 'hostB'");
    ck_assert_int_eq(site("site sign --key @acme --enrolment @request "
                          "--answer @answer --host-key CQAAAAAAAAAAAAAAAAAAAAA"
                          "AAAAAAAAAAAAAAAAAAAA= @cert"), 4);
    fails(4, "another key than --host-key");
    ck_assert(!there("cert"));
}
END_TEST

START_TEST(a_key_that_is_not_restricted_is_not_challenged)
{
    char text[SM_ENROLMENT_MAX], base64[512];
    struct sm_enrolment_request r;
    uint8_t key[SM_TPM_KEY_MAX];

    well(attest("attest request --tpm $ --out @request"));
    r = request("request");
    r.ak.objectAttributes &= ~TPMA_OBJECT_RESTRICTED;
    sodium_bin2base64(base64, sizeof(base64), key,
                      sm_tpm_key_format(&r.ak, key),
                      sodium_base64_VARIANT_ORIGINAL);
    content("request", text, sizeof(text));
    sprintf(strstr(text, "attestation-key"), "attestation-key = %s\n",
            base64);
    scratch_write("loose", text, strlen(text), 0644);
    ck_assert_int_eq(site("site challenge --key @acme --any --tpm $ @loose"),
                     15);
    fails(15, "not restricted");
    ck_assert_int_eq(site("site sign --key @acme --enrolment @loose "
                          "--answer @loose"), 15);
    fails(15, "not restricted");
}
END_TEST

START_TEST(without_a_tpm)
{
    ck_assert_int_eq(attest("attest request --tpm swtpm:path=@none"), 6);
    fails(6, "none");
    ck_assert(access(cli.conf.attestation_key, F_OK) != 0);
    unlink(cli.conf.host_pub);
    ck_assert_int_eq(attest("attest request --tpm $"), 4);
    fails(4, "has no key yet");
}
END_TEST

START_TEST(a_damaged_key_file)
{
    char text[SM_ENROLMENT_MAX];

    well(attest("attest request --tpm $ --out @request"));
    ck_assert_int_eq(truncate(cli.conf.attestation_key, 100), 0);
    ck_assert_int_eq(attest("attest request --tpm $"), 4);
    fails(4, "damaged");
    ck_assert_int_eq(truncate(cli.conf.attestation_key, 0), 0);
    ck_assert_int_eq(attest("attest request --tpm $"), 4);
    fails(4, "not an attestation key");
    ck_assert_int_eq(chmod(cli.conf.attestation_key, 0644), 0);
    ck_assert_int_eq(attest("attest request --tpm $"), 4);
    ck_assert_ptr_nonnull(strstr(err, cli.conf.attestation_key));
    /* A new one: another request. */
    ck_assert_int_eq(unlink(cli.conf.attestation_key), 0);
    well(attest("attest request --tpm $"));
    content("request", text, sizeof(text));
    ck_assert_str_ne(text, out);
}
END_TEST

START_TEST(nothing_is_overwritten)
{
    scratch_write("request", "mine", 4, 0644);
    ck_assert_int_eq(attest("attest request --tpm $ --out @request"), 4);
    fails(4, "nothing was changed");
    ck_assert(access(cli.conf.attestation_key, F_OK) != 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verbs attest");
    TCase *tc = tcase_create("swtpm");

    if (!swtpm_there())
        return 77;
    tcase_add_unchecked_fixture(tc, make_tpm, remove_tpm);
    tcase_add_checked_fixture(tc, begin, scratch_remove);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_host_is_enrolled);
    tcase_add_test(tc, the_makers_certificate_counts);
    tcase_add_test(tc, without_out_texts_go_to_standard_output);
    tcase_add_test(tc, the_key_stays_the_same);
    tcase_add_test(tc, the_next_key_is_enrolled);
    tcase_add_test(tc, a_wrong_answer_is_refused_and_costs_no_serial);
    tcase_add_test(tc, the_fingerprint_must_fit);
    tcase_add_test(tc, who_it_is_has_to_be_said);
    tcase_add_test(tc, another_tpm_does_not_answer);
    tcase_add_test(tc, a_challenge_for_another_request_is_not_answered);
    tcase_add_test(tc, a_request_for_another_host_is_not_signed);
    tcase_add_test(tc, a_key_that_is_not_restricted_is_not_challenged);
    tcase_add_test(tc, without_a_tpm);
    tcase_add_test(tc, a_damaged_key_file);
    tcase_add_test(tc, nothing_is_overwritten);
    suite_add_tcase(suite, tc);
    return scratch_run(suite);
}
