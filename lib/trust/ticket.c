/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/ticket.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

enum { ID, VM, SOURCE, DESTINATION, LOCATION, JURISDICTION, NOT_BEFORE,
       NOT_AFTER, FIELDS };

/* The name of a host, or "*", which becomes "". */
static bool read_host(const struct sm_statement_field *f,
                      char out[static SM_STATEMENT_WORD_SIZE])
{
    if (f->len == 1 && f->value[0] == '*') {
        out[0] = '\0';
        return true;
    }
    return sm_statement_word(f, out);
}

/* NULL, or what is wrong. */
static const char *read_fields(const struct sm_statement_field *f,
                               struct sm_ticket *t)
{
    if (!sm_text_hex(f[ID].value, f[ID].len, t->id, sizeof(t->id)))
        return "'id' is not 32 hexadecimal digits";
    if (!sm_text_uuid(f[VM].value, f[VM].len, t->vm))
        return "'vm' is not a uuid";
    if (!read_host(&f[SOURCE], t->source))
        return "'source' is not the name of a host";
    if (!read_host(&f[DESTINATION], t->destination))
        return "'destination' is not the name of a host";
    if (f[LOCATION].value && !sm_statement_word(&f[LOCATION], t->location))
        return "'location' is not one word";
    if (f[JURISDICTION].value &&
        !sm_statement_word(&f[JURISDICTION], t->jurisdiction))
        return "'jurisdiction' is not one word";
    if (!sm_statement_time(&f[NOT_BEFORE], &t->not_before))
        return "'not-before' is not a time";
    if (!sm_statement_time(&f[NOT_AFTER], &t->not_after))
        return "'not-after' is not a time";
    if (t->not_after < t->not_before)
        return "it ends before it begins";
    if (t->not_after - t->not_before > SM_TICKET_LIFE_MAX)
        return "it is valid for more than 31 days";
    return NULL;
}

int sm_ticket_read(const struct sm_statement *s, struct sm_ticket *out,
                   char *why, size_t why_size)
{
    struct sm_statement_field f[FIELDS] = {
        [ID] = { .key = "id" },
        [VM] = { .key = "vm" },
        [SOURCE] = { .key = "source" },
        [DESTINATION] = { .key = "destination" },
        [LOCATION] = { .key = "location", .optional = true },
        [JURISDICTION] = { .key = "jurisdiction", .optional = true },
        [NOT_BEFORE] = { .key = "not-before" },
        [NOT_AFTER] = { .key = "not-after" },
    };
    const char *problem;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_statement_fields(s, SM_TICKET_TYPE, f, FIELDS, why, why_size);
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

int sm_ticket_verify(const void *text, size_t len,
                     const struct sm_minisign_public *keys, size_t n_keys,
                     int64_t now, struct sm_ticket *out, size_t *which,
                     char *why, size_t why_size)
{
    struct sm_statement s;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_statement_verify(text, len, SM_TICKET_MAX, keys, n_keys, &s,
                             which, why, why_size);
    if (!rc)
        rc = sm_ticket_read(&s, out, why, why_size);
    if (!rc && now > out->not_after) {
        sm_statement_valid(out->not_before, out->not_after, now, why,
                           why_size);
        memset(out, 0, sizeof(*out));
        rc = SM_AUTH;
    }
    return rc;
}

/* NULL, or why an attribute of the destination does not fit. */
static const char *attribute_problem(const char *wanted, const char *actual)
{
    if (!wanted[0])
        return NULL;
    if (!actual)
        return "which the destination cannot show";
    return strcmp(wanted, actual) ? "the destination's is another" : NULL;
}

bool sm_ticket_fits(const struct sm_ticket *t, const uint8_t vm[static 16],
                    const char *source, const char *destination,
                    const char *location, const char *jurisdiction,
                    int64_t now, char *why, size_t why_size)
{
    const char *problem;

    if (memcmp(t->vm, vm, sizeof(t->vm))) {
        WHY("the ticket is for another guest");
        return false;
    }
    if (t->source[0] && strcmp(t->source, source)) {
        WHY("the ticket is for the source %s", t->source);
        return false;
    }
    if (t->destination[0] && strcmp(t->destination, destination)) {
        WHY("the ticket is for the destination %s", t->destination);
        return false;
    }
    problem = attribute_problem(t->location, location);
    if (problem) {
        WHY("the ticket is for the location %s, %s", t->location, problem);
        return false;
    }
    problem = attribute_problem(t->jurisdiction, jurisdiction);
    if (problem) {
        WHY("the ticket is for the jurisdiction %s, %s", t->jurisdiction,
            problem);
        return false;
    }
    return sm_statement_valid(t->not_before, t->not_after, now, why,
                              why_size);
}

int sm_ticket_format(const struct sm_ticket *t, char *out, size_t size,
                     char *why, size_t why_size)
{
    char vm[SM_TEXT_UUID_SIZE], from[21], to[21];
    struct sm_statement s = { .body = out };
    struct sm_statement_writer w;
    struct sm_ticket read;
    size_t i;

    sm_text_uuid_format(t->vm, vm);
    sm_clock_format(t->not_before, from);
    sm_clock_format(t->not_after, to);
    sm_statement_begin(&w, out, size, SM_TICKET_TYPE);
    sm_statement_add(&w, "id = ");
    for (i = 0; i < sizeof(t->id); i++)
        sm_statement_add(&w, "%02x", t->id[i]);
    sm_statement_add(&w, "\nvm = %s\nsource = %s\ndestination = %s\n", vm,
                     t->source[0] ? t->source : "*",
                     t->destination[0] ? t->destination : "*");
    if (t->location[0])
        sm_statement_add(&w, "location = %s\n", t->location);
    if (t->jurisdiction[0])
        sm_statement_add(&w, "jurisdiction = %s\n", t->jurisdiction);
    sm_statement_add(&w, "not-before = %s\nnot-after = %s\n", from, to);
    if (w.full) {
        WHY("too long");
        return SM_USAGE;
    }
    s.body_len = w.len;
    if (sm_ticket_read(&s, &read, why, why_size))
        return SM_USAGE;
    /* A word with a newline would have become another line. */
    if (strcmp(read.location, t->location) ||
        strcmp(read.jurisdiction, t->jurisdiction)) {
        WHY("'location' or 'jurisdiction' is not one word");
        return SM_USAGE;
    }
    return 0;
}
