/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decision/identify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"

/* ---- the certificate ---- */

/* In this order, so that `worth` says how far it got. */
static enum identify_worth verify(const void *text, size_t len,
                                  const struct sm_minisign_public *keys,
                                  size_t n_keys,
                                  const struct revoked *revoked, int64_t now,
                                  struct sm_certificate *c, char *why,
                                  size_t why_size)
{
    struct sm_statement s;
    size_t i;

    if (!n_keys) {
        snprintf(why, why_size, "no policy here names an authority");
        return IDENTIFY_NOT_GENUINE;
    }
    if (sm_statement_verify(text, len, SM_CERTIFICATE_MAX, keys, n_keys, &s,
                            &i, why, why_size) ||
        sm_certificate_read(&s, c, why, why_size))
        return IDENTIFY_NOT_GENUINE;
    if (!sm_statement_valid(c->not_before, c->not_after, now, why, why_size))
        return IDENTIFY_NOT_GOOD;
    if (revoked->of[i].why[0]) {
        snprintf(why, why_size, "which ones are revoked cannot be told: %s",
                 revoked->of[i].why);
        return IDENTIFY_NOT_GOOD;
    }
    if (revoked->of[i].have &&
        sm_revocations_cover(&revoked->of[i].list, c)) {
        snprintf(why, why_size, "number %" PRIu64 " is revoked", c->serial);
        return IDENTIFY_NOT_GOOD;
    }
    return IDENTIFY_GOOD;
}

void identify_certificate(const void *text, size_t len,
                          const struct sm_minisign_public *keys,
                          size_t n_keys,
                          const struct revoked *revoked, int64_t now,
                          struct identify_certificate *out)
{
    memset(out, 0, sizeof(*out));
    if (!len) {
        snprintf(out->why, sizeof(out->why), "it shows no certificate");
        return;
    }
    out->worth = verify(text, len, keys, n_keys, revoked, now, &out->is,
                        out->why, sizeof(out->why));
    if (out->worth == IDENTIFY_GOOD)
        out->why[0] = '\0';
    else
        memset(&out->is, 0, sizeof(out->is));
}

/* ---- the host ---- */

static bool same_key(const uint8_t *a, const uint8_t *b)
{
    return sm_secret_equal(a, b, SM_IDENTITY_KEY_LEN);
}

static void say(char *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char *out, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(out, SM_MESSAGE_TEXT_MAX + 1, fmt, ap);
    va_end(ap);
    /* `name` is a claim; so is what a reason quotes. */
    if (!sm_wire_text_ok(out, strlen(out)))
        strcpy(out, "it cannot be said in clean words who that is");
}

/* One that is refused: our code depends on who dialled. */
static void refuse(const struct identify_question *q,
                   struct identify_answer *out)
{
    out->code = q->dialled ? SM_AUTH : SM_UNPAIRED;
    say(out->told, "this host is not known there");
}

/* Whether the certificate is that of this host: else why not, in `why`. */
static bool fits(const struct identify_question *q, char *why,
                 size_t why_size)
{
    const struct identify_certificate *c = q->certificate;

    why[0] = '\0';
    if (c->worth != IDENTIFY_GOOD)
        snprintf(why, why_size, "%s", c->why);
    else if (strcmp(c->is.host, q->name))
        snprintf(why, why_size, "it is the certificate of host %s",
                 c->is.host);
    else if (!same_key(c->is.key, q->key))
        snprintf(why, why_size, "it is the certificate of another key: not "
                 "this host's own");
    return !why[0];
}

static void by_pairing(const struct identify_question *q,
                       struct identify_answer *out)
{
    char why[SM_STATEMENT_WHY_SIZE + 64];

    if (!sm_pairing_has(q->pairing, q->key)) {
        refuse(q, out);
        if (q->dialled)
            say(out->text, "what answers as %s does not have the key that "
                "%s is paired with: wrong host, new key, or an attack",
                q->name, q->name);
        else
            say(out->text, "it does not have the key that %s is paired with "
                "here", q->name);
        return;
    }
    out->attributes = fits(q, why, sizeof(why));
    if (!out->attributes && q->certificate->worth != IDENTIFY_NO_CERTIFICATE)
        say(out->text, "the certificate of %s does not count: %s", q->name,
            why);
    else if (!same_key(q->pairing->key, q->key))
        say(out->text, "%s has its next key: 'secmig trust retire %s' ends "
            "the one of before", q->name, q->name);
}

static void by_certificate(const struct identify_question *q,
                           struct identify_answer *out)
{
    const struct identify_certificate *c = q->certificate;
    char why[SM_STATEMENT_WHY_SIZE + 64];

    if (!fits(q, why, sizeof(why))) {
        refuse(q, out);
        if (c->worth == IDENTIFY_NO_CERTIFICATE) {
            say(out->text, "%s is not paired with this host, and shows no "
                "certificate", q->name);
            say(out->told, "this host is not paired there, and has shown no "
                "certificate");
            return;
        }
        say(out->text, "%s is not paired with this host, and its "
            "certificate does not count: %s", q->name, why);
        /* Who has a genuine one may learn what is wrong with it. */
        if (c->worth == IDENTIFY_NOT_GENUINE)
            say(out->told, "this host is not paired there, and its "
                "certificate is not of an authority that counts there");
        else
            say(out->told, "this host is not paired there, and its "
                "certificate does not count: %s", why);
        return;
    }
    if (!q->listed) {
        refuse(q, out);
        if (q->dialled)
            out->code = SM_REFUSED_LOCAL;
        say(out->text, "the policy lets no host %s, or of its authority, "
            "take part", q->name);
        return;
    }
    out->certified = out->attributes = true;
}

void identify(const struct identify_question *q, struct identify_answer *out)
{
    memset(out, 0, sizeof(*out));
    if (same_key(q->key, q->own_key)) {
        refuse(q, out);
        say(out->text, "it has this host's own key");
    } else if (!strcmp(q->name, q->own_name)) {
        refuse(q, out);
        say(out->text, "it calls itself %s, as this host does", q->name);
    } else if (q->dialled && strcmp(q->name, q->dialled)) {
        refuse(q, out);
        say(out->text, "the other host calls itself %s, not %s", q->name,
            q->dialled);
    } else if (q->pairing_rc && q->pairing_rc != SM_UNKNOWN_HOST) {
        refuse(q, out);
        if (q->dialled)
            out->code = SM_STATE;
        say(out->text, "%s", q->pairing_why);
    } else if (!q->pairing_rc && q->pairing->has_key) {
        by_pairing(q, out);
    } else if (q->key_of) {
        refuse(q, out);
        say(out->text, "it calls itself %s and has the key that is paired "
            "as %s", q->name, q->key_of);
    } else {
        by_certificate(q, out);
    }
}
