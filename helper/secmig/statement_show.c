/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig site show, secmig ticket show: any signed statement in words.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "base/clock.h"
#include "base/text.h"
#include "draft.h"
#include "site.h"
#include "trust/certificate.h"
#include "trust/identity.h"
#include "trust/ticket.h"

static void show_validity(int64_t from, int64_t to)
{
    int64_t now = sm_clock_real();
    char text[2][21];

    sm_clock_format(from, text[0]);
    sm_clock_format(to, text[1]);
    printf("valid         from %s until %s%s\n", text[0], text[1],
           now < from ? " (NOT YET)" : now > to ? " (EXPIRED)" : "");
}

static int show_certificate(const struct sm_statement *s, char *why,
                            size_t why_size)
{
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_certificate c;
    size_t i;
    int rc;

    rc = sm_certificate_read(s, &c, why, why_size);
    if (rc)
        return rc;
    sm_identity_fingerprint(c.key, fingerprint);
    printf("certificate of host %s\n"
           "fingerprint   %s\n"
           "serial        %" PRIu64 "\n", c.host, fingerprint, c.serial);
    show_validity(c.not_before, c.not_after);
    if (c.location[0])
        printf("location      %s\n", c.location);
    if (c.jurisdiction[0])
        printf("jurisdiction  %s\n", c.jurisdiction);
    for (i = 0; i < c.n_platforms; i++)
        printf("platform      %s\n", c.platforms[i]);
    if (c.has_ak) {
        printf("attestation   key ");
        for (i = 0; i < sizeof(c.ak); i++)
            printf("%02x", c.ak[i]);
        putchar('\n');
    }
    return 0;
}

static int show_revocations(const struct sm_statement *s, char *why,
                            size_t why_size)
{
    struct sm_revocations *list = malloc(sizeof(*list));
    char issued[21];
    size_t i;
    int rc;

    if (!list) {
        snprintf(why, why_size, "out of memory");
        return SM_NO_MEMORY;
    }
    rc = sm_revocations_read(s, list, why, why_size);
    if (!rc) {
        sm_clock_format(list->issued, issued);
        printf("list of revoked certificates\n"
               "version       %" PRIu64 "\n"
               "issued        %s\n"
               "revoked       %s", list->version, issued,
               list->n_serials ? "serials" : "none");
        for (i = 0; i < list->n_serials; i++)
            printf(" %" PRIu64, list->serials[i]);
        putchar('\n');
    }
    free(list);
    return rc;
}

static int show_ticket(const struct sm_statement *s, char *why,
                       size_t why_size)
{
    char vm[SM_TEXT_UUID_SIZE];
    struct sm_ticket t;
    size_t i;
    int rc;

    rc = sm_ticket_read(s, &t, why, why_size);
    if (rc)
        return rc;
    sm_text_uuid_format(t.vm, vm);
    printf("ticket to migrate guest %s once\n"
           "from          %s\n"
           "to            %s\n", vm, t.source[0] ? t.source : "any host",
           t.destination[0] ? t.destination : "any host");
    if (t.location[0])
        printf("              that is certified to be in location %s\n",
               t.location);
    if (t.jurisdiction[0])
        printf("              that is certified to be in jurisdiction %s\n",
               t.jurisdiction);
    show_validity(t.not_before, t.not_after);
    printf("id            ");
    for (i = 0; i < sizeof(t.id); i++)
        printf("%02x", t.id[i]);
    putchar('\n');
    return 0;
}

static const struct {
    const char *type;
    int (*show)(const struct sm_statement *s, char *why, size_t why_size);
} types[] = {
    { SM_CERTIFICATE_TYPE, show_certificate },
    { SM_REVOCATIONS_TYPE, show_revocations },
    { SM_TICKET_TYPE, show_ticket },
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

static int show(const char *path, const uint8_t *data, size_t len,
                const struct sm_minisign_public *pub, const char *pub_name)
{
    char why[SM_STATEMENT_WHY_SIZE], id[SM_MINISIGN_ID_SIZE];
    struct sm_statement s;
    size_t i;
    int rc;

    rc = pub ?
         sm_statement_verify(data, len, SM_STATEMENT_LONG_MAX, pub, 1, &s,
                             NULL, why, sizeof(why)) :
         sm_statement_split(data, len, SM_STATEMENT_LONG_MAX, &s, why,
                            sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s: %s", path, why);
    for (i = 0; i < N_TYPES; i++)
        if (sm_statement_is(&s, types[i].type))
            break;
    if (i == N_TYPES)
        return sm_cli_fail(SM_PROTOCOL, "%s: neither a certificate nor "
                           "revocations nor a ticket", path);
    rc = types[i].show(&s, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s: %s", path, why);
    sm_minisign_id_format(s.signature.id, id);
    if (pub)
        printf("signature     verified with %s (key id %s)\n", pub_name, id);
    else
        printf("signature     NOT VERIFIED (it names key id %s; --key PUB "
               "verifies)\n", id);
    if (fflush(stdout))
        return sm_cli_fail(SM_IO, "standard output: cannot write");
    return 0;
}

int sm_statement_show(int argc, char **argv)
{
    const char *key = NULL, *path = NULL;
    const struct sm_argument options[] = {
        { .name = "--key", .value = &key },
    };
    struct sm_minisign_public pub;
    uint8_t *data = NULL;
    size_t len = 0, n;
    int rc;

    rc = sm_arguments_sort(argc, argv, options, 1, &path, 1, &n);
    if (rc || !path)
        return SM_CLI_USAGE;
    if (key) {
        rc = sm_signing_public(key, &pub);
        if (rc)
            return rc;
    }
    rc = sm_draft_read(path, SM_STATEMENT_LONG_MAX, SM_STATE, &data, &len);
    if (rc)
        return rc;
    rc = show(path, data, len, key ? &pub : NULL, key);
    free(data);
    return rc;
}
