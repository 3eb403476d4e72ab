/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig site challenge: the authority's part of an enrolment.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "attest.h"
#include "base/secret.h"
#include "draft.h"
#include "tpm/credential.h"
#include "tpm/tpm.h"
#include "trust/statement.h"

#define WORDS 2     /* REQUEST, OUT */

struct options {
    struct sm_signing_options key;
    const char *endorsement, *ek_roots, *tpm;
    bool any;
    const char *words[WORDS];
};

static int parse(int argc, char **argv, struct options *o)
{
    const struct sm_argument options[] = {
        { .name = "--key", .value = &o->key.key },
        { .name = "--passphrase-file", .value = &o->key.passphrase_file },
        { .name = "--endorsement", .value = &o->endorsement },
        { .name = "--ek-roots", .value = &o->ek_roots },
        { .name = "--any", .flag = &o->any },
        { .name = "--tpm", .value = &o->tpm },
    };
    size_t n;
    int rc;

    rc = sm_arguments_sort(argc, argv, options,
                           sizeof(options) / sizeof(options[0]), o->words,
                           WORDS, &n);
    /* Who it is has to be said, be it that it does not matter. */
    if (rc || !n || o->any == (o->endorsement || o->ek_roots))
        return SM_CLI_USAGE;
    return 0;
}

int sm_enrolment_load(const char *path, struct sm_enrolment_request *out)
{
    char why[SM_STATEMENT_WHY_SIZE];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    rc = sm_draft_read(path, SM_ENROLMENT_MAX, SM_STATE, &data, &len);
    if (rc)
        return rc;
    rc = sm_enrolment_request_read(data, len, out, why, sizeof(why));
    free(data);
    return rc ? sm_cli_fail(rc, "%s: %s", path, why) : 0;
}

/* Two fingerprints, of which a person has typed one: colons and spaces
 * between the digits and their case do not count. */
static bool same_fingerprint(const char *typed, const char *is)
{
    for (; *typed; typed++) {
        if (*typed == ':' || *typed == ' ')
            continue;
        if (*is++ != (*typed >= 'A' && *typed <= 'F' ? *typed + 32 : *typed))
            return false;
    }
    return !*is;
}

/* Whether it is a TPM that may be enrolled at all. */
static int check_endorsement(const struct options *o,
                             const struct sm_enrolment_request *r)
{
    char fingerprint[SM_ENROLMENT_FINGERPRINT_SIZE], why[768];
    int rc;

    if (sm_enrolment_fingerprint(&r->ek, fingerprint))
        return sm_cli_fail(SM_AUTH, "%s: its endorsement key is no key",
                           o->words[0]);
    if (o->endorsement && !same_fingerprint(o->endorsement, fingerprint))
        return sm_cli_fail(SM_AUTH, "%s: its endorsement key is %s, not the "
                           "one that was expected", o->words[0], fingerprint);
    if (o->ek_roots) {
        rc = sm_enrolment_certified(r, o->ek_roots, why, sizeof(why));
        if (rc)
            return sm_cli_fail(rc, "%s: %s", o->words[0], why);
    }
    if (o->any)
        fprintf(stderr, "secmig: warning: nothing says whose TPM it is that "
                "has the endorsement key %s\n", fingerprint);
    return 0;
}

static int make(const struct sm_cli *cli, const struct options *o,
                const struct sm_enrolment_request *r, const uint8_t *site,
                struct sm_enrolment_challenge *c)
{
    uint8_t ak[SM_TPM_KEY_NAME_LEN];
    struct sm_tpm *tpm = NULL;
    char why[1024];
    void *secret = NULL;
    int rc;

    memset(c, 0, sizeof(*c));
    if (!sm_tpm_key_name(&r->ak, ak) || sm_enrolment_digest(r, c->request))
        return sm_cli_fail(SM_FAIL, "%s: it cannot be written again",
                           o->words[0]);
    strcpy(c->host, r->host);
    rc = sm_secret_new(&secret, SM_ENROLMENT_SECRET_LEN);
    if (rc)
        return sm_cli_fail(rc, "no locked memory for a secret");
    sm_enrolment_secret(site, c->request, secret);
    rc = sm_cli_tpm(cli, o->tpm, &tpm);
    if (rc)
        goto out;
    rc = sm_credential_make(tpm, &r->ek, ak, secret, c, why, sizeof(why));
    if (rc)
        sm_cli_fail(rc, "%s", why);
out:
    sm_tpm_close(tpm);
    sm_secret_free(secret);
    return rc;
}

int sm_site_challenge(const struct sm_cli *cli, int argc, char **argv)
{
    struct options o = { .any = false };
    struct sm_enrolment_request r;
    struct sm_enrolment_challenge c;
    char text[SM_ENROLMENT_MAX];
    uint8_t *site = NULL;
    int rc;

    rc = parse(argc, argv, &o);
    if (rc)
        return rc;
    if (!o.key.key)
        o.key.key = cli->conf.site_key;
    rc = sm_enrolment_load(o.words[0], &r);
    if (!rc)
        rc = check_endorsement(&o, &r);
    if (!rc && o.words[1])
        rc = sm_signing_absent(o.words[1]);
    if (!rc)
        rc = sm_signing_open(&o.key, SM_SIGNING_SITE, &site);
    if (rc)
        return rc;
    rc = make(cli, &o, &r, site, &c);
    sm_secret_free(site);
    if (rc)
        return rc;
    if (sm_enrolment_challenge_format(&c, text))
        return sm_cli_fail(SM_FAIL, "the challenge cannot be written");
    rc = sm_enrolment_put(o.words[1], text);
    if (!rc && o.words[1])
        printf("%s: challenge for %s: only the TPM that has both keys can "
               "answer it ('secmig attest answer')\n", o.words[1], r.host);
    return rc;
}

int sm_site_enrolled(const uint8_t *secret,
                     const struct sm_enrolment_request *request,
                     const char *answer_path)
{
    struct sm_enrolment_answer a;
    char why[SM_STATEMENT_WHY_SIZE];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    rc = sm_draft_read(answer_path, SM_ENROLMENT_MAX, SM_STATE, &data, &len);
    if (rc)
        return rc;
    rc = sm_enrolment_answer_read(data, len, &a, why, sizeof(why));
    free(data);
    if (!rc)
        rc = sm_enrolment_check(secret, request, &a, why, sizeof(why));
    return rc ? sm_cli_fail(rc, "%s: %s", answer_path, why) : 0;
}
