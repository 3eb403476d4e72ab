/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig attest: this host's attestation key, and its part of an enrolment.
 */
#include "attest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "base/file.h"
#include "base/secret.h"
#include "draft.h"
#include "tpm/attestation_key.h"
#include "tpm/credential.h"
#include "tpm/endorsement.h"
#include "tpm/tpm.h"
#include "trust/statement.h"

#define TPM_WHY_SIZE 1024

struct options {
    const char *tpm, *out, *word;
    bool next;
};

static int parse(int argc, char **argv, struct options *o)
{
    const struct sm_argument options[] = {
        { .name = "--tpm", .value = &o->tpm },
        { .name = "--out", .value = &o->out },
        { .name = "--next", .flag = &o->next },
    };
    size_t n;

    return sm_arguments_sort(argc, argv, options, 3, &o->word, 1, &n);
}

int sm_cli_tpm(const struct sm_cli *cli, const char *tcti,
               struct sm_tpm **out)
{
    char why[TPM_WHY_SIZE];
    int rc;

    rc = sm_tpm_open(tcti ? tcti : cli->conf.tpm, cli->conf.tpm_timeout, out,
                     why, sizeof(why));
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int sm_enrolment_put(const char *path, const char *text)
{
    char why[768];
    int rc;

    if (!path) {
        if (fputs(text, stdout) == EOF || fflush(stdout))
            return sm_cli_fail(SM_IO, "standard output: cannot write");
        return 0;
    }
    rc = sm_file_create(path, text, strlen(text), 0644, why, sizeof(why));
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

/* ---- the request ---- */

/* The name and key that are to be certified. */
static int identity(const struct sm_cli *cli, bool next,
                    struct sm_enrolment_request *r)
{
    struct sm_cli as_next;

    if (!next)
        return sm_cli_host_key(cli, r->host, r->key);
    as_next = *cli;
    strcpy(as_next.conf.host_pub, cli->conf.next_pub);
    return sm_cli_host_key(&as_next, r->host, r->key);
}

/* The endorsement key that has a certificate; without any, the ECC one. */
static int endorsement(struct sm_tpm *tpm, struct sm_enrolment_request *r,
                       char *why, size_t why_size)
{
    TPM2_ALG_ID alg = TPM2_ALG_ECC;
    ESYS_TR handle = ESYS_TR_NONE;
    TPM2B_PUBLIC public;
    int rc;

    rc = sm_endorsement_certificate(tpm, alg, r->certificate,
                                    &r->certificate_len, why, why_size);
    if (!rc && !r->certificate_len) {
        rc = sm_endorsement_certificate(tpm, TPM2_ALG_RSA, r->certificate,
                                        &r->certificate_len, why, why_size);
        if (r->certificate_len)
            alg = TPM2_ALG_RSA;
    }
    if (!rc)
        rc = sm_endorsement_load(tpm, alg, &public, &handle, why, why_size);
    if (!rc)
        r->ek = public.publicArea;
    sm_endorsement_release(tpm, &handle);
    return rc;
}

/* This host's attestation key, made when there is none and it `may`. */
static int own_key(const struct sm_cli *cli, struct sm_tpm *tpm, bool may,
                   struct sm_attestation_key *key)
{
    const char *path = cli->conf.attestation_key;
    char why[TPM_WHY_SIZE];
    int rc;

    errno = 0;
    rc = sm_attestation_key_read(path, key, why, sizeof(why));
    if (rc == SM_STATE && errno == ENOENT && may) {
        rc = sm_attestation_key_make(tpm, key, why, sizeof(why));
        if (!rc)
            rc = sm_attestation_key_write(path, key, why, sizeof(why));
    } else if (rc == SM_STATE && errno == ENOENT) {
        return sm_cli_fail(rc, "%s: this host has no attestation key: begin "
                           "with 'secmig attest request'", path);
    }
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

/* The request as this host makes it now: the same each time. */
static int make_request(const struct sm_cli *cli, struct sm_tpm *tpm,
                        bool next, const struct sm_attestation_key *key,
                        struct sm_enrolment_request *r)
{
    ESYS_TR loaded = ESYS_TR_NONE;
    char why[TPM_WHY_SIZE];
    int rc;

    memset(r, 0, sizeof(*r));
    rc = identity(cli, next, r);
    if (rc)
        return rc;
    r->ak = key->public_half.publicArea;
    /* Not a request that this TPM could not answer. */
    rc = sm_attestation_key_load(tpm, key, &loaded, why, sizeof(why));
    if (!rc)
        rc = endorsement(tpm, r, why, sizeof(why));
    sm_tpm_flush(tpm, &loaded);
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

static int put_request(const struct options *o,
                       const struct sm_enrolment_request *r)
{
    char text[SM_ENROLMENT_MAX], fingerprint[SM_ENROLMENT_FINGERPRINT_SIZE];
    int rc;

    if (sm_enrolment_request_format(r, text) ||
        sm_enrolment_fingerprint(&r->ek, fingerprint))
        return sm_cli_fail(SM_FAIL, "the request cannot be written");
    rc = sm_enrolment_put(o->out, text);
    if (!rc && o->out)
        printf("%s: request to certify the attestation key of %s; "
               "endorsement key %s, %s: for the site's authority "
               "('secmig site challenge')\n", o->out, r->host, fingerprint,
               r->certificate_len ? "with its maker's certificate" :
                                    "without a certificate");
    return rc;
}

static int request(const struct sm_cli *cli, int argc, char **argv)
{
    struct options o = { .out = NULL };
    struct sm_enrolment_request r;
    struct sm_attestation_key key;
    struct sm_tpm *tpm = NULL;
    int rc;

    rc = parse(argc, argv, &o);
    if (rc || o.word)
        return SM_CLI_USAGE;
    /* Before a key is made for nothing. */
    rc = identity(cli, o.next, &r);
    if (!rc && o.out)
        rc = sm_signing_absent(o.out);
    if (!rc)
        rc = sm_cli_tpm(cli, o.tpm, &tpm);
    if (rc)
        return rc;
    rc = own_key(cli, tpm, true, &key);
    if (!rc)
        rc = make_request(cli, tpm, o.next, &key, &r);
    sm_tpm_close(tpm);
    return rc ? rc : put_request(&o, &r);
}

/* ---- the answer ---- */

static int load_challenge(const char *path, struct sm_enrolment_challenge *c)
{
    char why[SM_STATEMENT_WHY_SIZE];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    rc = sm_draft_read(path, SM_ENROLMENT_MAX, SM_STATE, &data, &len);
    if (rc)
        return rc;
    rc = sm_enrolment_challenge_read(data, len, c, why, sizeof(why));
    free(data);
    return rc ? sm_cli_fail(rc, "%s: %s", path, why) : 0;
}

/* Whether the challenge is to what this host would ask for now. */
static int check_request(const struct sm_cli *cli, struct sm_tpm *tpm,
                         const struct options *o,
                         const struct sm_attestation_key *key,
                         const struct sm_enrolment_challenge *c,
                         struct sm_enrolment_request *r)
{
    uint8_t digest[SM_ENROLMENT_DIGEST_LEN];
    int rc;

    rc = make_request(cli, tpm, o->next, key, r);
    if (rc)
        return rc;
    if (sm_enrolment_digest(r, digest))
        return sm_cli_fail(SM_FAIL, "this host's request cannot be written");
    if (memcmp(digest, c->request, sizeof(digest)) || strcmp(c->host, r->host))
        return sm_cli_fail(SM_AUTH, "%s: it is not for the request of this "
                           "host: of another one, or the host's %s or its "
                           "TPM's certificate has changed since (begin again "
                           "with 'secmig attest request')", o->word,
                           o->next ? "next key" : "key");
    return 0;
}

static int put_answer(const struct options *o,
                      const struct sm_enrolment_answer *a)
{
    char text[SM_ENROLMENT_MAX];
    int rc;

    if (sm_enrolment_answer_format(a, text))
        return sm_cli_fail(SM_FAIL, "the answer cannot be written");
    rc = sm_enrolment_put(o->out, text);
    if (!rc && o->out)
        printf("%s: answer of %s: for the site's authority ('secmig site "
               "sign --enrolment REQUEST --answer ANSWER')\n", o->out,
               a->host);
    return rc;
}

static int answer(const struct sm_cli *cli, int argc, char **argv)
{
    struct options o = { .out = NULL };
    struct sm_enrolment_challenge c;
    struct sm_enrolment_request r;
    struct sm_enrolment_answer a;
    struct sm_attestation_key key;
    struct sm_tpm *tpm = NULL;
    char why[TPM_WHY_SIZE];
    void *secret = NULL;
    int rc;

    rc = parse(argc, argv, &o);
    if (rc || !o.word)
        return SM_CLI_USAGE;
    rc = load_challenge(o.word, &c);
    if (!rc && o.out)
        rc = sm_signing_absent(o.out);
    if (!rc)
        rc = sm_cli_tpm(cli, o.tpm, &tpm);
    if (rc)
        return rc;
    rc = own_key(cli, tpm, false, &key);
    if (!rc)
        rc = check_request(cli, tpm, &o, &key, &c, &r);
    if (rc)
        goto out;
    rc = sm_secret_new(&secret, SM_ENROLMENT_SECRET_LEN);
    if (rc) {
        sm_cli_fail(rc, "no locked memory for a secret");
        goto out;
    }
    rc = sm_credential_activate(tpm, &key, r.ek.type, &c, secret, why,
                                sizeof(why));
    if (rc) {
        sm_cli_fail(rc, "%s: %s", o.word, why);
        goto out;
    }
    strcpy(a.host, c.host);
    memcpy(a.request, c.request, sizeof(a.request));
    sm_enrolment_answer(secret, a.request, a.answer);
    rc = put_answer(&o, &a);
out:
    sm_secret_free(secret);
    sm_tpm_close(tpm);
    return rc;
}

int sm_verb_attest(const struct sm_cli *cli, int argc, char **argv)
{
    if (argc < 2)
        return SM_CLI_USAGE;
    if (!strcmp(argv[1], "request"))
        return request(cli, argc - 1, argv + 1);
    if (!strcmp(argv[1], "answer"))
        return answer(cli, argc - 1, argv + 1);
    return SM_CLI_USAGE;
}
