/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig site sign: a certificate for a host.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "attest.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "draft.h"
#include "site.h"
#include "trust/certificate.h"
#include "trust/identity.h"

struct options {
    struct sm_signing_options key;
    const char *host, *host_key, *location, *jurisdiction;
    const char *platforms[SM_CERTIFICATE_PLATFORMS_MAX];
    size_t n_platforms;
    const char *valid, *not_before, *serial, *out;
    const char *enrolment, *answer;
    struct sm_enrolment_request request;    /* with --enrolment */
};

static int parse(int argc, char **argv, struct options *o)
{
    const struct sm_argument options[] = {
        { .name = "--key", .value = &o->key.key },
        { .name = "--passphrase-file", .value = &o->key.passphrase_file },
        { .name = "--host", .value = &o->host },
        { .name = "--host-key", .value = &o->host_key },
        { .name = "--location", .value = &o->location },
        { .name = "--jurisdiction", .value = &o->jurisdiction },
        { .name = "--platform", .list = o->platforms,
          .list_max = SM_CERTIFICATE_PLATFORMS_MAX,
          .n_list = &o->n_platforms },
        { .name = "--valid", .value = &o->valid },
        { .name = "--not-before", .value = &o->not_before },
        { .name = "--serial", .value = &o->serial },
        { .name = "--enrolment", .value = &o->enrolment },
        { .name = "--answer", .value = &o->answer },
    };
    size_t n;
    int rc;

    rc = sm_arguments_sort(argc, argv, options,
                           sizeof(options) / sizeof(options[0]), &o->out, 1,
                           &n);
    if (rc || !o->enrolment != !o->answer)
        return SM_CLI_USAGE;
    /* An enrolment says for whom it is. */
    return o->enrolment || (o->host && o->host_key) ? 0 : SM_CLI_USAGE;
}

/* The host's key: base64, or a file with its key line. */
static int host_key(const char *text, const char *host, uint8_t *key)
{
    char name[SM_IDENTITY_NAME_SIZE], why[128];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    if (sm_identity_from_base64(text, strlen(text), key))
        return 0;
    rc = sm_draft_read(text, SM_IDENTITY_LINE_SIZE, SM_STATE, &data, &len);
    if (rc)
        return rc;
    rc = sm_identity_parse((const char *)data, len, name, key, why,
                           sizeof(why));
    free(data);
    if (rc)
        return sm_cli_fail(rc, "%s: %s", text, why);
    if (host && strcmp(name, host))
        return sm_cli_fail(SM_STATE, "%s: that is the key of '%s', not of "
                           "'%s'", text, name, host);
    return 0;
}

static int word(const char *option, const char *value,
                char out[static SM_STATEMENT_WORD_SIZE])
{
    if (!value)
        return 0;
    if (!sm_conf_name_ok(value))
        return sm_cli_fail(SM_USAGE, "%s %s: not one word (letters, digits, "
                           "'-', '_', '.'; at most 64)", option, value);
    strcpy(out, value);
    return 0;
}

/* What an enrolment says; whether it is true is checked with its answer,
 * which takes the authority's key. */
static int enrolled(struct options *o, struct sm_certificate *c)
{
    const struct sm_enrolment_request *r = &o->request;
    int rc;

    rc = sm_enrolment_load(o->enrolment, &o->request);
    if (rc)
        return rc;
    if (o->host && strcmp(o->host, r->host))
        return sm_cli_fail(SM_STATE, "%s: that is the request of '%s', not "
                           "of '%s'", o->enrolment, r->host, o->host);
    if (o->host_key && memcmp(c->key, r->key, sizeof(c->key)))
        return sm_cli_fail(SM_STATE, "%s: that is the request of another "
                           "key than --host-key", o->enrolment);
    strcpy(c->host, r->host);
    memcpy(c->key, r->key, sizeof(c->key));
    c->has_ak = sm_tpm_key_name(&r->ak, c->ak);
    return c->has_ak ? 0 : sm_cli_fail(SM_AUTH, "%s: its attestation key has "
                                       "no name", o->enrolment);
}

/* Everything but the serial. */
static int fill(struct options *o, struct sm_certificate *c)
{
    size_t i;
    int rc;

    rc = word("--host", o->host, c->host);
    if (!rc)
        rc = word("--location", o->location, c->location);
    if (!rc)
        rc = word("--jurisdiction", o->jurisdiction, c->jurisdiction);
    for (i = 0; !rc && i < o->n_platforms; i++)
        rc = word("--platform", o->platforms[i],
                  c->platforms[c->n_platforms++]);
    if (!rc)
        rc = sm_arguments_validity(o->not_before,
                                   o->valid ? o->valid : "365d",
                                   sm_clock_real(), &c->not_before,
                                   &c->not_after);
    if (!rc && o->host_key)
        rc = host_key(o->host_key, o->host, c->key);
    if (!rc && o->enrolment)
        rc = enrolled(o, c);
    return rc;
}

/* The next serial, or the one that was asked for.  It counts as used from
 * now on, whatever becomes of the certificate. */
static int take_serial(const char *key, uint64_t asked, uint64_t *serial)
{
    uint64_t last = 0;
    int rc, lock;

    lock = sm_signing_lock(key);
    if (lock < 0)
        return SM_IO;
    rc = sm_site_serial(key, &last);
    if (!rc && asked && asked <= last)
        rc = sm_cli_fail(SM_STATE, "--serial %" PRIu64 ": serials up to %"
                         PRIu64 " have been used", asked, last);
    if (!rc && last == UINT64_MAX)
        rc = sm_cli_fail(SM_STATE, "no serial is left");
    if (!rc) {
        *serial = asked ? asked : last + 1;
        rc = sm_site_set_serial(key, *serial);
    }
    close(lock);
    return rc;
}

static int put(const struct sm_cli *cli, const struct options *o,
               const struct sm_certificate *c, const char *text)
{
    char until[21], why[768], fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    int rc;

    if (!o->out) {
        if (fputs(text, stdout) == EOF || fflush(stdout))
            return sm_cli_fail(SM_IO, "standard output: cannot write");
        return 0;
    }
    rc = sm_file_create(o->out, text, strlen(text), 0644, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    sm_clock_format(c->not_after, until);
    sm_identity_fingerprint(c->key, fingerprint);
    printf("%s: certificate of %s (%s), serial %" PRIu64 ", valid until %s: "
           "copy it to that host (%s)\n", o->out, c->host, fingerprint,
           c->serial, until, cli->conf.certificate);
    return 0;
}

int sm_site_sign(const struct sm_cli *cli, int argc, char **argv)
{
    char body[SM_CERTIFICATE_MAX], text[SM_CERTIFICATE_MAX], comment[256];
    struct options o = { .out = NULL };
    struct sm_certificate c = { .serial = 1 };
    uint8_t *secret = NULL;
    uint64_t asked = 0;
    char why[256];
    int rc;

    rc = parse(argc, argv, &o);
    if (rc)
        return rc;
    if (!o.key.key)
        o.key.key = cli->conf.site_key;
    if (o.serial && (!sm_text_number(o.serial, strlen(o.serial), UINT64_MAX,
                                     &asked) || !asked))
        return sm_cli_fail(SM_USAGE, "--serial %s: not a number from 1",
                           o.serial);
    rc = fill(&o, &c);
    if (rc)
        return rc;
    /* With any serial: what cannot be said costs none, and no passphrase. */
    if (sm_certificate_format(&c, body, sizeof(body), why, sizeof(why)))
        return sm_cli_fail(SM_USAGE, "no certificate can say that: %s", why);
    rc = o.out ? sm_signing_absent(o.out) : 0;
    if (!rc)
        rc = sm_signing_open(&o.key, SM_SIGNING_SITE, &secret);
    if (rc)
        return rc;
    if (o.enrolment)
        rc = sm_site_enrolled(secret, &o.request, o.answer);
    if (rc)
        goto out;
    rc = take_serial(o.key.key, asked, &c.serial);
    if (rc)
        goto out;
    snprintf(comment, sizeof(comment), "certificate host:%s serial:%" PRIu64,
             c.host, c.serial);
    rc = sm_certificate_format(&c, body, sizeof(body), why, sizeof(why));
    if (!rc)
        rc = sm_statement_sign(secret, body, comment, text, sizeof(text));
    if (rc) {
        sm_cli_fail(rc, "the certificate would be too long");
        goto out;
    }
    rc = put(cli, &o, &c, text);
out:
    sm_secret_free(secret);
    return rc;
}
