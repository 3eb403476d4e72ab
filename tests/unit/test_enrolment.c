/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enrolment, but for its verbs: texts, what binds them, what only the right
 * TPM can answer, and certificates of endorsement keys.
 */
#include "scratch.h"
#include "swtpm.h"
#include "swtpm_made.h"

#include <sodium.h>

#include "base/secret.h"
#include "tpm/credential.h"
#include "tpm/endorsement.h"
#include "trust/enrolment.h"
#include "trust/statement.h"

static struct swtpm one, two;       /* as made; bare */
static struct sm_attestation_key key_one, key_two;
static TPMT_PUBLIC ek_two;
static struct sm_enrolment_request request;
static uint8_t digest[32], ak_name[32];
static uint8_t *site, *secret, *told;
static char text[SM_ENROLMENT_MAX], why[1024];

static struct sm_tpm *connected(const struct swtpm *s)
{
    struct sm_tpm *tpm = NULL;

    ck_assert_msg(!sm_tpm_open(s->tcti, 30000, &tpm, why, sizeof(why)), "%s",
                  why);
    return tpm;
}

static uint8_t *locked(size_t len)
{
    void *p;

    ck_assert_int_eq(sm_secret_new(&p, len), 0);
    return p;
}

static void make(void)
{
    struct sm_minisign_public pub;
    ESYS_TR handle = ESYS_TR_NONE;
    TPM2B_PUBLIC ek;
    struct sm_tpm *tpm;

    ck_assert_int_eq(sm_secret_init(), 0);
    scratch_make();
    site = locked(SM_MINISIGN_SECRET_LEN);
    secret = locked(SM_ENROLMENT_SECRET_LEN);
    told = locked(SM_ENROLMENT_SECRET_LEN);
    sm_minisign_keygen(&pub, site);
    swtpm_made(&one, "one");
    tpm = connected(&one);
    ck_assert_msg(!sm_attestation_key_make(tpm, &key_one, why, sizeof(why)),
                  "%s", why);
    memset(&request, 0, sizeof(request));
    ck_assert_msg(!sm_endorsement_certificate(tpm, TPM2_ALG_RSA,
                                              request.certificate,
                                              &request.certificate_len, why,
                                              sizeof(why)), "%s", why);
    ck_assert_msg(!sm_endorsement_load(tpm, TPM2_ALG_RSA, &ek, &handle, why,
                                       sizeof(why)), "%s", why);
    sm_endorsement_release(tpm, &handle);
    sm_tpm_close(tpm);
    ck_assert_uint_ne(request.certificate_len, 0);
    strcpy(request.host, "hostA");
    request.key[0] = 9;
    request.ek = ek.publicArea;
    request.ak = key_one.public_half.publicArea;
    ck_assert(sm_tpm_key_name(&request.ak, ak_name));
    ck_assert_int_eq(sm_enrolment_digest(&request, digest), 0);
    sm_enrolment_secret(site, digest, secret);
}

static void make_two(void)
{
    struct sm_tpm *tpm;
    char leaf[32];

    snprintf(leaf, sizeof(leaf), "two-%d", (int)getpid());
    swtpm_start(&two, leaf);        /* ends with the test */
    tpm = connected(&two);
    ck_assert_msg(!sm_attestation_key_make(tpm, &key_two, why, sizeof(why)),
                  "%s", why);
    ek_two = key_two.parent.publicArea;
    sm_tpm_close(tpm);
}

static void unmake(void)
{
    swtpm_kill(&one);
    sm_secret_free(site);
    sm_secret_free(secret);
    sm_secret_free(told);
    scratch_remove();
}

static struct sm_enrolment_challenge challenge(const struct swtpm *at,
                                               const TPMT_PUBLIC *ek,
                                               const TPMT_PUBLIC *ak)
{
    struct sm_enrolment_challenge c;
    struct sm_tpm *tpm = connected(at);
    uint8_t name[32];

    memset(&c, 0, sizeof(c));
    ck_assert(sm_tpm_key_name(ak, name));
    ck_assert_msg(!sm_credential_make(tpm, ek, name, secret, &c, why,
                                      sizeof(why)), "%s", why);
    sm_tpm_close(tpm);
    strcpy(c.host, "hostA");
    memcpy(c.request, digest, 32);
    return c;
}

static int activate(const struct swtpm *at,
                    const struct sm_attestation_key *key,
                    const struct sm_enrolment_challenge *c)
{
    struct sm_tpm *tpm = connected(at);
    int rc;

    memset(told, 0, SM_ENROLMENT_SECRET_LEN);
    rc = sm_credential_activate(tpm, key, at == &one ? TPM2_ALG_RSA :
                                TPM2_ALG_ECC, c, told, why, sizeof(why));
    sm_tpm_close(tpm);
    return rc;
}

static void cannot(int code, int got, const char *words)
{
    ck_assert_msg(got == code, "%d: %s", got, why);
    ck_assert_msg(strstr(why, words) != NULL, "why: %s", why);
    ck_assert(sodium_is_zero(told, SM_ENROLMENT_SECRET_LEN));
}

/* ---- the TPM ---- */

START_TEST(the_right_tpm_tells_the_secret)
{
    struct sm_enrolment_challenge c, read;

    make_two();
    /* Made by any TPM; as it was written. */
    c = challenge(&two, &request.ek, &request.ak);
    ck_assert_int_eq(sm_enrolment_challenge_format(&c, text), 0);
    ck_assert_int_eq(sm_enrolment_challenge_read(text, strlen(text), &read,
                                                 why, sizeof(why)), 0);
    ck_assert_mem_eq(&read, &c, sizeof(c));
    ck_assert_msg(!activate(&one, &key_one, &read), "%s", why);
    ck_assert_mem_eq(told, secret, SM_ENROLMENT_SECRET_LEN);
    /* The other kind of endorsement key. */
    c = challenge(&one, &ek_two,
                  &key_two.public_half.publicArea);
    ck_assert_msg(!activate(&two, &key_two, &c), "%s", why);
    ck_assert_mem_eq(told, secret, SM_ENROLMENT_SECRET_LEN);
}
END_TEST

START_TEST(keys_of_two_tpms_cannot_answer)
{
    struct sm_attestation_key mixed;
    struct sm_enrolment_challenge c;

    make_two();
    /* The endorsement key of one, the attestation key of the other. */
    c = challenge(&one, &request.ek,
                  &key_two.public_half.publicArea);
    cannot(SM_AUTH, activate(&one, &key_one, &c), "this TPM cannot answer");
    cannot(SM_AUTH, activate(&two, &key_two, &c), "this TPM cannot answer");
    mixed = key_two;
    mixed.parent = key_one.parent;
    cannot(SM_STATE, activate(&one, &mixed, &c), "attestation key");
    cannot(SM_STATE, activate(&two, &mixed, &c), "of another TPM");
    c = challenge(&one, &ek_two,
                  &key_one.public_half.publicArea);
    cannot(SM_AUTH, activate(&two, &key_two, &c), "this TPM cannot answer");
    cannot(SM_AUTH, activate(&one, &key_one, &c), "this TPM cannot answer");
}
END_TEST

START_TEST(another_key_of_the_same_tpm_cannot_answer)
{
    struct sm_attestation_key other;
    struct sm_enrolment_challenge c;
    struct sm_tpm *tpm = connected(&one);

    ck_assert_int_eq(sm_attestation_key_make(tpm, &other, why, sizeof(why)),
                     0);
    sm_tpm_close(tpm);
    c = challenge(&one, &request.ek, &request.ak);
    cannot(SM_AUTH, activate(&one, &other, &c), "this TPM cannot answer");
}
END_TEST

START_TEST(a_challenge_that_was_changed_is_not_answered)
{
    struct sm_enrolment_challenge good, c;
    size_t i;

    good = challenge(&one, &request.ek, &request.ak);
    for (i = 0; i < good.credential_len; i += 13) {
        c = good;
        c.credential[i] ^= 1;
        cannot(SM_AUTH, activate(&one, &key_one, &c), "cannot answer");
    }
    for (i = 0; i < good.secret_len; i += 61) {
        c = good;
        c.secret[i] ^= 1;
        cannot(SM_AUTH, activate(&one, &key_one, &c), "cannot answer");
    }
    for (i = 0; i < good.credential_len; i += 7) {
        c = good;
        c.credential_len = i;
        cannot(SM_AUTH, activate(&one, &key_one, &c), "cannot answer");
    }
    for (i = 0; i < good.secret_len; i += 51) {
        c = good;
        c.secret_len = i;
        cannot(SM_AUTH, activate(&one, &key_one, &c), "cannot answer");
    }
    ck_assert_msg(!activate(&one, &key_one, &good), "%s", why);
}
END_TEST

/* ---- answers ---- */

static int check(const struct sm_enrolment_answer *a)
{
    return sm_enrolment_check(site, &request, a, why, sizeof(why));
}

START_TEST(only_the_right_answer_counts)
{
    uint8_t other_site[SM_MINISIGN_SECRET_LEN];
    struct sm_enrolment_answer good = { .host = "hostA" }, a;
    struct sm_minisign_public pub;
    int i;

    memcpy(good.request, digest, 32);
    sm_enrolment_answer(secret, digest, good.answer);
    ck_assert_msg(!check(&good), "%s", why);
    ck_assert_str_eq(why, "");
    for (i = 0; i < 256; i++) {
        a = good;
        a.answer[i / 8] ^= (uint8_t)(1 << i % 8);
        ck_assert_int_eq(check(&a), SM_AUTH);
        ck_assert_ptr_nonnull(strstr(why, "wrong"));
    }
    a = good;
    memcpy(a.answer, secret, 32);       /* the secret itself is none */
    ck_assert_int_eq(check(&a), SM_AUTH);
    a = good;
    a.request[0] ^= 1;
    ck_assert_int_eq(check(&a), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "another request"));
    a = good;
    strcpy(a.host, "hostB");
    ck_assert_int_eq(check(&a), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "another request"));
    /* Of a challenge by another authority. */
    sm_minisign_keygen(&pub, other_site);
    ck_assert_int_eq(sm_enrolment_check(other_site, &request, &good, why,
                                        sizeof(why)), SM_AUTH);
    /* To a request for another key of the host. */
    request.key[1] ^= 1;
    ck_assert_int_eq(check(&good), SM_AUTH);
    ck_assert_int_eq(sm_enrolment_digest(&request, good.request), 0);
    ck_assert_int_eq(check(&good), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "wrong"));
}
END_TEST

/* ---- texts ---- */

static int read_request(const char *body)
{
    struct sm_enrolment_request r;

    memset(&r, 0xff, sizeof(r));
    return sm_enrolment_request_read(body, strlen(body), &r, why,
                                     sizeof(why));
}

/* `text` with the value of a line replaced; NULL: without the line. */
static const char *with(const char *key, const char *value)
{
    static char changed[2 * SM_ENROLMENT_MAX];
    char at[64], *line;
    const char *end;

    snprintf(at, sizeof(at), "\n%s = ", key);
    line = strstr(text, at);
    ck_assert_ptr_nonnull(line);
    end = strchr(line + 1, '\n');
    snprintf(changed, sizeof(changed), "%.*s%s%s%s", (int)(line - text), text,
             value ? at : "", value ? value : "", end);
    return changed;
}

START_TEST(a_request_is_read_as_written)
{
    static const char *const needed[] = { "host", "key", "endorsement-key",
                                          "attestation-key" };
    struct sm_enrolment_request r;
    char quoted[64];
    size_t i;

    ck_assert_int_eq(sm_enrolment_request_format(&request, text), 0);
    ck_assert_int_eq(sm_enrolment_request_read(text, strlen(text), &r, why,
                                               sizeof(why)), 0);
    ck_assert_str_eq(r.host, "hostA");
    ck_assert_mem_eq(r.key, request.key, 32);
    ck_assert_uint_eq(r.certificate_len, request.certificate_len);
    ck_assert_mem_eq(r.certificate, request.certificate, r.certificate_len);
    for (i = 0; i < 4; i++) {
        ck_assert_int_eq(read_request(with(needed[i], NULL)), SM_PROTOCOL);
        ck_assert_int_eq(read_request(with(needed[i], "@")), SM_PROTOCOL);
        snprintf(quoted, sizeof(quoted), "'%s'", needed[i]);
        ck_assert_msg(strstr(why, quoted) != NULL, "%s", why);
        ck_assert_int_eq(read_request(with(needed[i], "AAAA")),
                         i ? SM_PROTOCOL : 0);
    }
    ck_assert_int_eq(read_request(with("endorsement-certificate", NULL)), 0);
    ck_assert_int_eq(read_request(with("endorsement-certificate", "A")),
                     SM_PROTOCOL);
    for (i = 0; i < strlen(text); i++)
        ck_assert_int_ne(sm_enrolment_request_read(text, i, &r, why,
                                                   sizeof(why)), 0);
    strcat(text, "more = 1\n");
    ck_assert_int_eq(read_request(text), SM_PROTOCOL);
}
END_TEST

START_TEST(unfit_keys_are_refused_by_the_authority)
{
    struct sm_enrolment_request r;
    uint8_t key[SM_TPM_KEY_MAX];
    char base64[1024];
    TPMT_PUBLIC bad;

    ck_assert_int_eq(sm_enrolment_request_format(&request, text), 0);
    bad = request.ak;
    bad.objectAttributes &= ~TPMA_OBJECT_RESTRICTED;
    sodium_bin2base64(base64, sizeof(base64), key,
                      sm_tpm_key_format(&bad, key),
                      sodium_base64_VARIANT_ORIGINAL);
    ck_assert_int_eq(read_request(with("attestation-key", base64)), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "not restricted"));
    bad = request.ak;
    bad.objectAttributes &= ~TPMA_OBJECT_FIXEDTPM;
    sodium_bin2base64(base64, sizeof(base64), key,
                      sm_tpm_key_format(&bad, key),
                      sodium_base64_VARIANT_ORIGINAL);
    ck_assert_int_eq(read_request(with("attestation-key", base64)), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "may leave its TPM"));
    bad = request.ek;
    bad.objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
    sodium_bin2base64(base64, sizeof(base64), key,
                      sm_tpm_key_format(&bad, key),
                      sodium_base64_VARIANT_ORIGINAL);
    ck_assert_int_eq(read_request(with("endorsement-key", base64)), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "template"));
    /* The one in place of the other. */
    r = request;
    r.ak = request.ek;
    ck_assert_int_eq(sm_enrolment_request_format(&r, text), SM_USAGE);
}
END_TEST

START_TEST(challenges_and_answers_are_read_as_written)
{
    struct sm_enrolment_challenge c = { .host = "a", .credential_len = 2,
                                        .secret_len = 3 }, c2;
    struct sm_enrolment_answer a = { .host = "a", .answer = { 7 } }, a2;
    size_t i;

    ck_assert_int_eq(sm_enrolment_challenge_format(&c, text), 0);
    ck_assert_int_eq(sm_enrolment_challenge_read(text, strlen(text), &c2, why,
                                                 sizeof(why)), 0);
    ck_assert_mem_eq(&c, &c2, sizeof(c));
    for (i = 0; i < strlen(text); i++)
        ck_assert_int_eq(sm_enrolment_challenge_read(text, i, &c2, why,
                                                     sizeof(why)),
                         SM_PROTOCOL);
    ck_assert_int_eq(sm_enrolment_answer_read(text, strlen(text), &a2, why,
                                              sizeof(why)), SM_PROTOCOL);
    ck_assert_int_eq(sm_enrolment_answer_format(&a, text), 0);
    ck_assert_int_eq(sm_enrolment_answer_read(text, strlen(text), &a2, why,
                                              sizeof(why)), 0);
    ck_assert_mem_eq(&a, &a2, sizeof(a));
    for (i = 0; i < strlen(text); i++)
        ck_assert_int_eq(sm_enrolment_answer_read(text, i, &a2, why,
                                                  sizeof(why)), SM_PROTOCOL);
    strcpy(a.host, "a b");
    ck_assert_int_eq(sm_enrolment_answer_format(&a, text), SM_USAGE);
    c.secret_len = 0;
    ck_assert_int_eq(sm_enrolment_challenge_format(&c, text), SM_USAGE);
}
END_TEST

/* ---- certificates ---- */

static int certified(const char *roots)
{
    return sm_enrolment_certified(&request, scratch_path(roots), why,
                                  sizeof(why));
}

START_TEST(the_makers_certificate)
{
    size_t i;

    ck_assert_msg(!certified(SWTPM_ROOTS), "%s", why);
    ck_assert_str_eq(why, "");
    /* The issuer alone is enough: what stands in the file is trusted. */
    ck_assert_msg(!certified("maker/issuer.pem"), "%s", why);
    /* Padding of the TPM's memory. */
    ck_assert_uint_lt(request.certificate_len + 100,
                      sizeof(request.certificate));
    request.certificate_len += 100;
    ck_assert_msg(!certified(SWTPM_ROOTS), "%s", why);
    request.certificate_len -= 100;
    for (i = 0; i < request.certificate_len; i += 11) {
        request.certificate[i] ^= 4;
        ck_assert_msg(certified(SWTPM_ROOTS) == SM_AUTH, "byte %zu", i);
        ck_assert_str_ne(why, "");
        request.certificate[i] ^= 4;
    }
    request.certificate_len = 0;
    ck_assert_int_eq(certified(SWTPM_ROOTS), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "has no certificate"));
}
END_TEST

START_TEST(certificates_of_others)
{
    char line[512];

    snprintf(line, sizeof(line), "openssl req -x509 -newkey rsa:2048 -nodes "
             "-keyout %s/k.pem -out %s/other.pem -subj /CN=other -days 2 "
             "2>/dev/null", scratch, scratch);
    ck_assert_int_eq(system(line), 0);
    ck_assert_int_eq(certified("other.pem"), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "issuer"));
    ck_assert_int_eq(certified("none.pem"), SM_STATE);
    scratch_write("empty.pem", "", 0, 0600);
    ck_assert_int_eq(certified("empty.pem"), SM_STATE);
    make_two();
    request.ek = ek_two;
    ck_assert_int_eq(certified(SWTPM_ROOTS), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "another endorsement key"));
    /* The root is no endorsement key's, and of another key as well: the
     * latter is what is found first, whatever it is for. */
}
END_TEST

/* Another program's view: openssl on what tpm2-tools read from the TPM. */
START_TEST(the_fingerprint_is_that_of_other_programs)
{
    char line[1024], is[SM_ENROLMENT_FINGERPRINT_SIZE], theirs[128] = "";
    FILE *f;

    ck_assert_int_eq(sm_enrolment_fingerprint(&request.ek, is), 0);
    snprintf(line, sizeof(line), "TPM2TOOLS_TCTI=%s tpm2_readpublic -Q "
             "-c 0x81010001 -f der -o %s/ek.der && "
             "sha256sum <%s/ek.der", one.tcti, scratch, scratch);
    f = popen(line, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(theirs, sizeof(theirs), f));
    ck_assert_int_eq(pclose(f), 0);
    ck_assert_msg(!strncmp(theirs, is, 64), "%s, but %s", is, theirs);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("enrolment");
    TCase *tc = tcase_create("swtpm");

    if (!swtpm_there())
        return 77;
    /* Once: making a TPM takes seconds.  Tests change their copies. */
    tcase_add_unchecked_fixture(tc, make, unmake);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, the_right_tpm_tells_the_secret);
    tcase_add_test(tc, keys_of_two_tpms_cannot_answer);
    tcase_add_test(tc, another_key_of_the_same_tpm_cannot_answer);
    tcase_add_test(tc, a_challenge_that_was_changed_is_not_answered);
    tcase_add_test(tc, only_the_right_answer_counts);
    tcase_add_test(tc, a_request_is_read_as_written);
    tcase_add_test(tc, unfit_keys_are_refused_by_the_authority);
    tcase_add_test(tc, challenges_and_answers_are_read_as_written);
    tcase_add_test(tc, the_makers_certificate);
    tcase_add_test(tc, certificates_of_others);
    tcase_add_test(tc, the_fingerprint_is_that_of_other_programs);
    suite_add_tcase(suite, tc);
    return scratch_run(suite);
}
