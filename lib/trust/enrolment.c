/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The texts of an enrolment and what binds them to each other; certificates
 * of endorsement keys are in enrolment_certificate.c.
 */
#include "trust/enrolment.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/secret.h"
#include "base/text.h"
#include "trust/statement.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define SECRET_CONTEXT "xen-secmig enrolment secret 1"
#define ANSWER_CONTEXT "xen-secmig enrolment answer 1"

#define BASE64 sodium_base64_VARIANT_ORIGINAL

/* ---- values ---- */

/* Whether the field is canonical base64 of 1 to `max` bytes. */
static bool base64(const struct sm_statement_field *f, uint8_t *out,
                   size_t max, size_t *len)
{
    const char *end;

    return !sodium_base642bin(out, max, f->value, f->len, NULL, len, &end,
                              BASE64) &&
           end == f->value + f->len && *len;
}

static bool public_half(const struct sm_statement_field *f, TPMT_PUBLIC *out)
{
    uint8_t data[SM_TPM_KEY_MAX];
    size_t len;

    return base64(f, data, sizeof(data), &len) &&
           sm_tpm_key_parse(data, len, out);
}

static void add_base64(struct sm_statement_writer *w, const char *key,
                       const uint8_t *data, size_t len)
{
    char text[sodium_base64_ENCODED_LEN(SM_ENROLMENT_CERTIFICATE_MAX,
                                        BASE64)];

    if (len > SM_ENROLMENT_CERTIFICATE_MAX) {
        w->full = true;
        return;
    }
    sodium_bin2base64(text, sizeof(text), data, len, BASE64);
    sm_statement_add(w, "%s = %s\n", key, text);
}

static void add_public(struct sm_statement_writer *w, const char *key,
                       const TPMT_PUBLIC *public)
{
    uint8_t data[SM_TPM_KEY_MAX];

    add_base64(w, key, data, sm_tpm_key_format(public, data));
}

static void add_hex(struct sm_statement_writer *w, const char *key,
                    const uint8_t data[static 32])
{
    char hex[65];

    sm_statement_add(w, "%s = %s\n", key,
                     sodium_bin2hex(hex, sizeof(hex), data, 32));
}

/* ---- request ---- */

enum { R_HOST, R_KEY, R_EK, R_CERTIFICATE, R_AK, R_FIELDS };

/* NULL, or what is wrong. */
static const char *request_fields(const struct sm_statement_field *f,
                                  struct sm_enrolment_request *r)
{
    if (!sm_statement_word(&f[R_HOST], r->host))
        return "'host' is not the name of a host";
    if (!sm_identity_from_base64(f[R_KEY].value, f[R_KEY].len, r->key))
        return "'key' is damaged or unusable";
    if (!public_half(&f[R_EK], &r->ek))
        return "'endorsement-key' is damaged";
    if (f[R_CERTIFICATE].value &&
        !base64(&f[R_CERTIFICATE], r->certificate, sizeof(r->certificate),
                &r->certificate_len))
        return "'endorsement-certificate' is damaged or too long";
    if (!public_half(&f[R_AK], &r->ak))
        return "'attestation-key' is damaged";
    return NULL;
}

int sm_enrolment_request_read(const void *text, size_t len,
                              struct sm_enrolment_request *out,
                              char *why, size_t why_size)
{
    struct sm_statement_field f[R_FIELDS] = {
        [R_HOST] = { .key = "host" },
        [R_KEY] = { .key = "key" },
        [R_EK] = { .key = "endorsement-key" },
        [R_CERTIFICATE] = { .key = "endorsement-certificate",
                            .optional = true },
        [R_AK] = { .key = "attestation-key" },
    };
    const char *problem;
    struct sm_statement s;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_statement_unsigned(text, len, SM_ENROLMENT_MAX - 1, &s, why,
                               why_size);
    if (!rc)
        rc = sm_statement_fields(&s, SM_ENROLMENT_TYPE, f, R_FIELDS, why,
                                 why_size);
    if (rc)
        return rc;
    problem = request_fields(f, out);
    if (problem) {
        memset(out, 0, sizeof(*out));
        WHY("%s", problem);
        return SM_PROTOCOL;
    }
    problem = sm_tpm_key_ak_problem(&out->ak);
    if (problem) {
        WHY("its attestation key is not one that may be certified: %s",
            problem);
    } else {
        problem = sm_tpm_key_ek_problem(&out->ek);
        if (!problem)
            return 0;
        WHY("its endorsement key is %s", problem);
    }
    memset(out, 0, sizeof(*out));
    return SM_AUTH;
}

int sm_enrolment_request_format(const struct sm_enrolment_request *r,
                                char out[static SM_ENROLMENT_MAX])
{
    char key[SM_IDENTITY_BASE64_SIZE], why[SM_STATEMENT_WHY_SIZE];
    struct sm_enrolment_request read;
    struct sm_statement_writer w;

    sm_identity_base64(r->key, key);
    sm_statement_begin(&w, out, SM_ENROLMENT_MAX, SM_ENROLMENT_TYPE);
    sm_statement_add(&w, "host = %s\nkey = %s\n", r->host, key);
    add_public(&w, "endorsement-key", &r->ek);
    if (r->certificate_len)
        add_base64(&w, "endorsement-certificate", r->certificate,
                   r->certificate_len);
    add_public(&w, "attestation-key", &r->ak);
    if (w.full || sm_enrolment_request_read(out, w.len, &read, why,
                                            sizeof(why)))
        return SM_USAGE;
    return 0;
}

int sm_enrolment_digest(const struct sm_enrolment_request *r,
                        uint8_t out[static SM_ENROLMENT_DIGEST_LEN])
{
    char text[SM_ENROLMENT_MAX];
    int rc = sm_enrolment_request_format(r, text);

    if (!rc)
        crypto_generichash(out, SM_ENROLMENT_DIGEST_LEN,
                           (const uint8_t *)text, strlen(text), NULL, 0);
    return rc;
}

/* ---- challenge ---- */

enum { C_HOST, C_REQUEST, C_CREDENTIAL, C_SECRET, C_FIELDS };

static const char *challenge_fields(const struct sm_statement_field *f,
                                    struct sm_enrolment_challenge *c)
{
    if (!sm_statement_word(&f[C_HOST], c->host))
        return "'host' is not the name of a host";
    if (!sm_text_hex(f[C_REQUEST].value, f[C_REQUEST].len, c->request,
                     sizeof(c->request)))
        return "'request' is not 64 hexadecimal digits";
    if (!base64(&f[C_CREDENTIAL], c->credential, sizeof(c->credential),
                &c->credential_len))
        return "'credential' is damaged or too long";
    if (!base64(&f[C_SECRET], c->secret, sizeof(c->secret), &c->secret_len))
        return "'secret' is damaged or too long";
    return NULL;
}

int sm_enrolment_challenge_read(const void *text, size_t len,
                                struct sm_enrolment_challenge *out,
                                char *why, size_t why_size)
{
    struct sm_statement_field f[C_FIELDS] = {
        [C_HOST] = { .key = "host" },
        [C_REQUEST] = { .key = "request" },
        [C_CREDENTIAL] = { .key = "credential" },
        [C_SECRET] = { .key = "secret" },
    };
    const char *problem;
    struct sm_statement s;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_statement_unsigned(text, len, SM_ENROLMENT_MAX - 1, &s, why,
                               why_size);
    if (!rc)
        rc = sm_statement_fields(&s, SM_ENROLMENT_CHALLENGE_TYPE, f,
                                 C_FIELDS, why, why_size);
    if (rc)
        return rc;
    problem = challenge_fields(f, out);
    if (!problem)
        return 0;
    memset(out, 0, sizeof(*out));
    WHY("%s", problem);
    return SM_PROTOCOL;
}

int sm_enrolment_challenge_format(const struct sm_enrolment_challenge *c,
                                  char out[static SM_ENROLMENT_MAX])
{
    struct sm_enrolment_challenge read;
    char why[SM_STATEMENT_WHY_SIZE];
    struct sm_statement_writer w;

    sm_statement_begin(&w, out, SM_ENROLMENT_MAX,
                       SM_ENROLMENT_CHALLENGE_TYPE);
    sm_statement_add(&w, "host = %s\n", c->host);
    add_hex(&w, "request", c->request);
    add_base64(&w, "credential", c->credential, c->credential_len);
    add_base64(&w, "secret", c->secret, c->secret_len);
    if (w.full || sm_enrolment_challenge_read(out, w.len, &read, why,
                                              sizeof(why)))
        return SM_USAGE;
    return 0;
}

/* ---- answer ---- */

enum { A_HOST, A_REQUEST, A_ANSWER, A_FIELDS };

int sm_enrolment_answer_read(const void *text, size_t len,
                             struct sm_enrolment_answer *out,
                             char *why, size_t why_size)
{
    struct sm_statement_field f[A_FIELDS] = {
        [A_HOST] = { .key = "host" },
        [A_REQUEST] = { .key = "request" },
        [A_ANSWER] = { .key = "answer" },
    };
    struct sm_statement s;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_statement_unsigned(text, len, SM_ENROLMENT_MAX - 1, &s, why,
                               why_size);
    if (!rc)
        rc = sm_statement_fields(&s, SM_ENROLMENT_ANSWER_TYPE, f, A_FIELDS,
                                 why, why_size);
    if (rc)
        return rc;
    if (sm_statement_word(&f[A_HOST], out->host) &&
        sm_text_hex(f[A_REQUEST].value, f[A_REQUEST].len, out->request,
                    sizeof(out->request)) &&
        sm_text_hex(f[A_ANSWER].value, f[A_ANSWER].len, out->answer,
                    sizeof(out->answer)))
        return 0;
    memset(out, 0, sizeof(*out));
    WHY("'host' is not the name of a host, or 'request' or 'answer' is not "
        "64 hexadecimal digits");
    return SM_PROTOCOL;
}

int sm_enrolment_answer_format(const struct sm_enrolment_answer *a,
                               char out[static SM_ENROLMENT_MAX])
{
    struct sm_enrolment_answer read;
    char why[SM_STATEMENT_WHY_SIZE];
    struct sm_statement_writer w;

    sm_statement_begin(&w, out, SM_ENROLMENT_MAX, SM_ENROLMENT_ANSWER_TYPE);
    sm_statement_add(&w, "host = %s\n", a->host);
    add_hex(&w, "request", a->request);
    add_hex(&w, "answer", a->answer);
    if (w.full || sm_enrolment_answer_read(out, w.len, &read, why,
                                           sizeof(why)))
        return SM_USAGE;
    return 0;
}

/* ---- what binds them ---- */

static void keyed(const uint8_t *key, size_t key_len, const char *context,
                  const uint8_t digest[static SM_ENROLMENT_DIGEST_LEN],
                  uint8_t out[static 32])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, key, key_len, 32);
    crypto_generichash_update(&state, (const uint8_t *)context,
                              strlen(context));
    crypto_generichash_update(&state, digest, SM_ENROLMENT_DIGEST_LEN);
    crypto_generichash_final(&state, out, 32);
    sm_secret_wipe(&state, sizeof(state));
}

void sm_enrolment_secret(const uint8_t site[static SM_MINISIGN_SECRET_LEN],
                         const uint8_t digest[static SM_ENROLMENT_DIGEST_LEN],
                         uint8_t secret[static SM_ENROLMENT_SECRET_LEN])
{
    keyed(site + SM_MINISIGN_ID_LEN,
          SM_MINISIGN_SECRET_LEN - SM_MINISIGN_ID_LEN, SECRET_CONTEXT, digest,
          secret);
}

void sm_enrolment_answer(const uint8_t secret[static SM_ENROLMENT_SECRET_LEN],
                         const uint8_t digest[static SM_ENROLMENT_DIGEST_LEN],
                         uint8_t answer[static SM_ENROLMENT_ANSWER_LEN])
{
    keyed(secret, SM_ENROLMENT_SECRET_LEN, ANSWER_CONTEXT, digest, answer);
}

int sm_enrolment_check(const uint8_t site[static SM_MINISIGN_SECRET_LEN],
                       const struct sm_enrolment_request *r,
                       const struct sm_enrolment_answer *a,
                       char *why, size_t why_size)
{
    uint8_t digest[SM_ENROLMENT_DIGEST_LEN], want[SM_ENROLMENT_ANSWER_LEN];
    void *secret = NULL;
    int rc;

    WHY("%s", "");
    if (sm_enrolment_digest(r, digest) ||
        memcmp(a->request, digest, sizeof(digest)) ||
        strcmp(a->host, r->host)) {
        WHY("the answer is to another request");
        return SM_AUTH;
    }
    rc = sm_secret_new(&secret, SM_ENROLMENT_SECRET_LEN);
    if (rc) {
        WHY("no locked memory for a secret");
        return rc;
    }
    sm_enrolment_secret(site, digest, secret);
    sm_enrolment_answer(secret, digest, want);
    sm_secret_free(secret);
    rc = sm_secret_equal(want, a->answer, sizeof(want)) ? 0 : SM_AUTH;
    sm_secret_wipe(want, sizeof(want));
    if (rc)
        WHY("the answer is wrong: the host could not open the challenge of "
            "this authority, or it was not the host that answered");
    return rc;
}
