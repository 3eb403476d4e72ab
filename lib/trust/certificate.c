/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

enum { HOST, KEY, SERIAL, NOT_BEFORE, NOT_AFTER, LOCATION, JURISDICTION,
       PLATFORM, AK, FIELDS };

static bool read_platforms(const struct sm_statement_field *f,
                           struct sm_certificate *c)
{
    size_t pos = 0, i;
    char *word;

    while (pos < f->len) {
        if (c->n_platforms == SM_CERTIFICATE_PLATFORMS_MAX)
            return false;
        word = c->platforms[c->n_platforms];
        if (!sm_statement_next_word(f, &pos, word))
            return false;
        for (i = 0; i < c->n_platforms; i++)
            if (!strcmp(c->platforms[i], word))
                return false;
        c->n_platforms++;
    }
    return true;
}

/* Lower case only: one way to write it. */
static bool read_ak(const struct sm_statement_field *f,
                    struct sm_certificate *c)
{
    size_t i;

    for (i = 0; i < f->len; i++)
        if (f->value[i] >= 'A' && f->value[i] <= 'F')
            return false;
    c->has_ak = sm_text_hex(f->value, f->len, c->ak, sizeof(c->ak));
    return c->has_ak;
}

/* NULL, or what is wrong. */
static const char *read_fields(const struct sm_statement_field *f,
                               struct sm_certificate *c)
{
    if (!sm_statement_word(&f[HOST], c->host))
        return "'host' is not the name of a host";
    if (!sm_identity_from_base64(f[KEY].value, f[KEY].len, c->key))
        return "'key' is damaged or unusable";
    if (!sm_text_number(f[SERIAL].value, f[SERIAL].len, UINT64_MAX,
                        &c->serial) || !c->serial)
        return "'serial' is not a number from 1";
    if (!sm_statement_time(&f[NOT_BEFORE], &c->not_before))
        return "'not-before' is not a time";
    if (!sm_statement_time(&f[NOT_AFTER], &c->not_after))
        return "'not-after' is not a time";
    if (c->not_after < c->not_before)
        return "it ends before it begins";
    if (f[LOCATION].value && !sm_statement_word(&f[LOCATION], c->location))
        return "'location' is not one word";
    if (f[JURISDICTION].value &&
        !sm_statement_word(&f[JURISDICTION], c->jurisdiction))
        return "'jurisdiction' is not one word";
    if (f[PLATFORM].value && !read_platforms(&f[PLATFORM], c))
        return "'platform' is not a list of at most 16 words, each once";
    if (f[AK].value && !read_ak(&f[AK], c))
        return "'attestation-key' is not 64 hexadecimal digits in lower case";
    return NULL;
}

int sm_certificate_read(const struct sm_statement *s,
                        struct sm_certificate *out,
                        char *why, size_t why_size)
{
    struct sm_statement_field f[FIELDS] = {
        [HOST] = { .key = "host" },
        [KEY] = { .key = "key" },
        [SERIAL] = { .key = "serial" },
        [NOT_BEFORE] = { .key = "not-before" },
        [NOT_AFTER] = { .key = "not-after" },
        [LOCATION] = { .key = "location", .optional = true },
        [JURISDICTION] = { .key = "jurisdiction", .optional = true },
        [PLATFORM] = { .key = "platform", .optional = true },
        [AK] = { .key = "attestation-key", .optional = true },
    };
    const char *problem;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_statement_fields(s, SM_CERTIFICATE_TYPE, f, FIELDS, why,
                             why_size);
    if (rc)
        return rc;
    problem = read_fields(f, out);
    if (problem) {
        memset(out, 0, sizeof(*out));
        WHY("%s", problem);
        return SM_PROTOCOL;
    }
    memcpy(out->signer, s->signer, sizeof(out->signer));
    return 0;
}

int sm_certificate_verify(const void *text, size_t len,
                          const struct sm_minisign_public *keys,
                          size_t n_keys, int64_t now,
                          struct sm_certificate *out, size_t *which,
                          char *why, size_t why_size)
{
    struct sm_statement s;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_statement_verify(text, len, SM_CERTIFICATE_MAX, keys, n_keys, &s,
                             which, why, why_size);
    if (!rc)
        rc = sm_certificate_read(&s, out, why, why_size);
    if (!rc && !sm_statement_valid(out->not_before, out->not_after, now, why,
                                   why_size)) {
        memset(out, 0, sizeof(*out));
        rc = SM_AUTH;
    }
    return rc;
}

int sm_certificate_format(const struct sm_certificate *c, char *out,
                          size_t size, char *why, size_t why_size)
{
    char key[SM_IDENTITY_BASE64_SIZE], from[21], to[21];
    struct sm_statement s = { .body = out };
    struct sm_statement_writer w;
    struct sm_certificate read;
    size_t i;

    sm_identity_base64(c->key, key);
    sm_clock_format(c->not_before, from);
    sm_clock_format(c->not_after, to);
    sm_statement_begin(&w, out, size, SM_CERTIFICATE_TYPE);
    sm_statement_add(&w, "host = %s\nkey = %s\nserial = %" PRIu64 "\n"
                     "not-before = %s\nnot-after = %s\n", c->host, key,
                     c->serial, from, to);
    if (c->location[0])
        sm_statement_add(&w, "location = %s\n", c->location);
    if (c->jurisdiction[0])
        sm_statement_add(&w, "jurisdiction = %s\n", c->jurisdiction);
    for (i = 0; i < c->n_platforms; i++)
        sm_statement_add(&w, "%s%s", i ? " " : "platform = ",
                         c->platforms[i]);
    if (c->n_platforms)
        sm_statement_add(&w, "\n");
    for (i = 0; c->has_ak && i < sizeof(c->ak); i++)
        sm_statement_add(&w, "%s%02x", i ? "" : "attestation-key = ",
                         c->ak[i]);
    if (c->has_ak)
        sm_statement_add(&w, "\n");
    if (w.full) {
        WHY("too long");
        return SM_USAGE;
    }
    s.body_len = w.len;
    if (sm_certificate_read(&s, &read, why, why_size))
        return SM_USAGE;
    /* A word with a newline would have become another line. */
    if (strcmp(read.location, c->location) ||
        strcmp(read.jurisdiction, c->jurisdiction) ||
        read.n_platforms != c->n_platforms) {
        WHY("'location', 'jurisdiction' or 'platform' is not one word");
        return SM_USAGE;
    }
    return 0;
}
