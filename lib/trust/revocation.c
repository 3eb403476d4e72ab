/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/revocation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

enum { VERSION, ISSUED, SERIALS, FIELDS };

static bool read_serials(const struct sm_statement_field *f,
                         struct sm_revocations *list)
{
    const char *p = f->value, *end = f->value + f->len, *space;
    uint64_t last = 0, serial;
    size_t n;

    while (p < end) {
        space = memchr(p, ' ', (size_t)(end - p));
        n = (size_t)((space ? space : end) - p);
        if (list->n_serials == SM_REVOCATIONS_SERIALS_MAX ||
            !sm_text_number(p, n, UINT64_MAX, &serial) || serial <= last)
            return false;
        list->serials[list->n_serials++] = last = serial;
        p += n + (space ? 1 : 0);
    }
    return true;
}

/* NULL, or what is wrong. */
static const char *read_fields(const struct sm_statement_field *f,
                               struct sm_revocations *list)
{
    if (!sm_text_number(f[VERSION].value, f[VERSION].len, UINT64_MAX,
                        &list->version) || !list->version)
        return "'version' is not a number from 1";
    if (!sm_statement_time(&f[ISSUED], &list->issued))
        return "'issued' is not a time";
    if (f[SERIALS].value && !read_serials(&f[SERIALS], list))
        return "'serials' is not a list of at most 4096 numbers, ascending";
    return NULL;
}

int sm_revocations_read(const struct sm_statement *s,
                        struct sm_revocations *out,
                        char *why, size_t why_size)
{
    struct sm_statement_field f[FIELDS] = {
        [VERSION] = { .key = "version" },
        [ISSUED] = { .key = "issued" },
        [SERIALS] = { .key = "serials", .optional = true },
    };
    const char *problem;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_statement_fields(s, SM_REVOCATIONS_TYPE, f, FIELDS, why,
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

int sm_revocations_verify(const void *text, size_t len,
                          const struct sm_minisign_public *keys,
                          size_t n_keys, struct sm_revocations *out,
                          size_t *which, char *why, size_t why_size)
{
    struct sm_statement s;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_statement_verify(text, len, SM_REVOCATIONS_MAX, keys, n_keys, &s,
                             which, why, why_size);
    return rc ? rc : sm_revocations_read(&s, out, why, why_size);
}

/* Index of the first serial that is not below `serial`. */
static size_t place_of(const struct sm_revocations *list, uint64_t serial)
{
    size_t low = 0, high = list->n_serials, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (list->serials[middle] < serial)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool sm_revocations_has(const struct sm_revocations *list, uint64_t serial)
{
    size_t i = place_of(list, serial);

    return i < list->n_serials && list->serials[i] == serial;
}

bool sm_revocations_cover(const struct sm_revocations *list,
                          const struct sm_certificate *c)
{
    return !memcmp(list->signer, c->signer, sizeof(list->signer)) &&
           sm_revocations_has(list, c->serial);
}

int sm_revocations_add(struct sm_revocations *list, uint64_t serial)
{
    size_t i = place_of(list, serial);

    if (!serial)
        return SM_USAGE;
    if (i < list->n_serials && list->serials[i] == serial)
        return SM_EXISTS;
    if (list->n_serials == SM_REVOCATIONS_SERIALS_MAX)
        return SM_BUSY;
    memmove(&list->serials[i + 1], &list->serials[i],
            (list->n_serials - i) * sizeof(list->serials[0]));
    list->serials[i] = serial;
    list->n_serials++;
    return 0;
}

int sm_revocations_format(const struct sm_revocations *list, char *out,
                          size_t size, char *why, size_t why_size)
{
    struct sm_statement_writer w;
    char issued[21];
    uint64_t last = 0;
    size_t i;

    WHY("%s", "");
    sm_clock_format(list->issued, issued);
    if (!list->version || !strcmp(issued, "?")) {
        WHY("no version, or no time");
        return SM_USAGE;
    }
    sm_statement_begin(&w, out, size, SM_REVOCATIONS_TYPE);
    sm_statement_add(&w, "version = %" PRIu64 "\nissued = %s\n",
                     list->version, issued);
    for (i = 0; i < list->n_serials; i++) {
        if (list->serials[i] <= last) {
            WHY("serials are not ascending");
            return SM_USAGE;
        }
        last = list->serials[i];
        sm_statement_add(&w, "%s%" PRIu64, i ? " " : "serials = ", last);
    }
    if (list->n_serials)
        sm_statement_add(&w, "\n");
    if (w.full) {
        WHY("too long");
        return SM_USAGE;
    }
    return 0;
}
