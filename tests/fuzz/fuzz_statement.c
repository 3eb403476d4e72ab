/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signed statements.  The input is taken as a whole statement, and as a body
 * that gets a genuine signature, so that what lies behind the signature is
 * reached.  Whatever reads as a certificate, a list of revocations or a
 * ticket is written again and then reads the same; nothing is two of them;
 * nothing that was not signed verifies.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "trust/certificate.h"
#include "trust/revocation.h"
#include "trust/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WHY_SIZE SM_STATEMENT_WHY_SIZE

/* Whether one of `n` words of `size` bytes each is not clean. */
static int unclean(const char *words, size_t size, size_t n)
{
    for (; n; n--, words += size)
        if (strnlen(words, size) == size || !sm_conf_name_ok(words))
            return 1;
    return 0;
}

static int try_certificate(const struct sm_statement *s)
{
    struct sm_certificate c, again;
    char why[WHY_SIZE], text[SM_CERTIFICATE_MAX];
    struct sm_statement written = { .body = text };

    if (sm_certificate_read(s, &c, why, sizeof(why))) {
        if (!why[0])
            abort();
        return 0;
    }
    if (unclean(c.host, sizeof(c.host), 1) ||
        (c.location[0] && unclean(c.location, sizeof(c.location), 1)) ||
        c.n_platforms > SM_CERTIFICATE_PLATFORMS_MAX ||
        unclean(c.platforms[0], sizeof(c.platforms[0]), c.n_platforms) ||
        !c.serial || c.not_after < c.not_before ||
        sm_certificate_format(&c, text, sizeof(text), why, sizeof(why)))
        abort();
    written.body_len = strlen(text);
    memcpy(written.signer, s->signer, sizeof(written.signer));
    if (sm_certificate_read(&written, &again, why, sizeof(why)) ||
        memcmp(&c, &again, sizeof(c)))
        abort();
    return 1;
}

static int try_revocations(const struct sm_statement *s)
{
    static struct sm_revocations list, again;
    static char text[SM_REVOCATIONS_MAX];
    struct sm_statement written = { .body = text };
    char why[WHY_SIZE];
    size_t i;

    if (sm_revocations_read(s, &list, why, sizeof(why))) {
        if (!why[0])
            abort();
        return 0;
    }
    for (i = 0; i < list.n_serials; i++)
        if (!sm_revocations_has(&list, list.serials[i]) ||
            (sm_revocations_has(&list, list.serials[i] + 1) &&
             (i + 1 == list.n_serials ||
              list.serials[i + 1] != list.serials[i] + 1)))
            abort();
    if (sm_revocations_format(&list, text, sizeof(text), why, sizeof(why)))
        abort();
    written.body_len = strlen(text);
    memcpy(written.signer, s->signer, sizeof(written.signer));
    if (sm_revocations_read(&written, &again, why, sizeof(why)) ||
        memcmp(&list, &again, sizeof(list)))
        abort();
    return 1;
}

static int try_ticket(const struct sm_statement *s)
{
    char why[WHY_SIZE], text[1024];
    struct sm_statement written = { .body = text };
    struct sm_ticket t, again;

    if (sm_ticket_read(s, &t, why, sizeof(why))) {
        if (!why[0])
            abort();
        return 0;
    }
    if ((t.source[0] && unclean(t.source, sizeof(t.source), 1)) ||
        t.not_after - t.not_before > SM_TICKET_LIFE_MAX ||
        !sm_ticket_fits(&t, t.vm, t.source[0] ? t.source : "a",
                        t.destination[0] ? t.destination : "b",
                        t.location, t.jurisdiction, t.not_before, why,
                        sizeof(why)) ||
        sm_ticket_fits(&t, t.vm, t.source, t.destination, t.location,
                       t.jurisdiction, t.not_after + 1, why, sizeof(why)) ||
        sm_ticket_format(&t, text, sizeof(text), why, sizeof(why)))
        abort();
    written.body_len = strlen(text);
    memcpy(written.signer, s->signer, sizeof(written.signer));
    if (sm_ticket_read(&written, &again, why, sizeof(why)) ||
        memcmp(&t, &again, sizeof(t)))
        abort();
    return 1;
}

static void try_all(const struct sm_statement *s)
{
    if (try_certificate(s) + try_revocations(s) + try_ticket(s) > 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t secret[SM_MINISIGN_SECRET_LEN];
    static struct sm_minisign_public key;
    static char text[SM_STATEMENT_LONG_MAX + SM_MINISIGN_TEXT_MAX];
    static int ready;
    struct sm_statement s;
    char why[WHY_SIZE], *body;
    int rc;

    if (!ready) {
        if (sodium_init() < 0)
            abort();
        crypto_sign_seed_keypair(key.key, secret + SM_MINISIGN_ID_LEN,
                                 (const uint8_t *)"an arbitrary seed of the "
                                 "fuzzer's");
        ready = 1;
    }
    /* Nobody can have signed it: the key is the fuzzer's own. */
    if (sm_statement_verify(data, size, SM_STATEMENT_LONG_MAX, &key, 1, &s,
                            NULL, why, sizeof(why)) == 0 || !why[0])
        abort();
    rc = sm_statement_split(data, size, SM_STATEMENT_LONG_MAX, &s, why,
                            sizeof(why));
    if (!rc)
        try_all(&s);
    else if (!why[0])
        abort();

    if (size > SM_STATEMENT_LONG_MAX)
        return 0;
    body = malloc(size + 1);
    if (!body)
        abort();
    memcpy(body, data, size);
    body[size] = '\0';
    if (sm_statement_sign(secret, body, "fuzz", text, sizeof(text)) == 0) {
        if (sm_statement_verify(text, strlen(text), sizeof(text), &key, 1,
                                &s, NULL, why, sizeof(why)) ||
            s.body_len != strlen(body) || memcmp(s.body, body, s.body_len))
            abort();
        try_all(&s);
    }
    free(body);
    return 0;
}
