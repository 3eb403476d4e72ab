/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is at the other end?  The handshake has authenticated a static key and
 * carried a name and perhaps a certificate, both of which are claims.  Here is
 * decided what they are worth: docs/protocol.md, "Who may speak to whom".
 *
 * Pure: no I/O, no clock, no state.  identify_certificate() meets hostile
 * bytes and belongs in a judge (judge.h).
 */
#ifndef SECMIGD_IDENTIFY_H
#define SECMIGD_IDENTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel/message.h"
#include "trust/certificate.h"
#include "trust/identity.h"
#include "trust/minisign.h"
#include "trust/pairing.h"
#include "state/revoked.h"

/* ---- the certificate by itself ---- */

enum identify_worth {
    IDENTIFY_NO_CERTIFICATE,    /* none was shown */
    IDENTIFY_NOT_GENUINE,       /* malformed, or no authority's */
    IDENTIFY_NOT_GOOD,          /* an authority's, but out of date, revoked,
                                 * or that cannot be told */
    IDENTIFY_GOOD,
};

struct identify_certificate {
    enum identify_worth worth;
    struct sm_certificate is;           /* zeroed unless GOOD */
    char why[SM_STATEMENT_WHY_SIZE];    /* "" when GOOD */
};

/*
 * Verify a certificate.
 *   text, len     as it was shown, hostile; 0: none
 *   keys, n_keys  authorities of the policy in force
 *   revoked       of revoked_read() with the same keys
 *   now           seconds since the epoch
 */
void identify_certificate(const void *text, size_t len,
                          const struct sm_minisign_public *keys,
                          size_t n_keys,
                          const struct revoked *revoked, int64_t now,
                          struct identify_certificate *out);

/* ---- the host ---- */

struct identify_question {
    const char *own_name;       /* this host's */
    const uint8_t *own_key;     /* 32 bytes */
    const char *dialled;        /* the name that we dialled; NULL: it did */
    const char *name;           /* as the other host claims it */
    const uint8_t *key;         /* 32 bytes: its static key, authenticated */
    /* Of sm_pairing_by_name() for `name`: 0, SM_UNKNOWN_HOST (no such entry),
     * or an error, which must not be taken for "no entry": pairing_why then
     * says what it is. */
    int pairing_rc;
    const struct sm_pairing *pairing;   /* 0: the entry */
    const char *pairing_why;
    const char *key_of;         /* the name under which the key is paired
                                 * (sm_pairing_by_key()); NULL: under none */
    const struct identify_certificate *certificate;
    bool listed;                /* the policy lets a host of this name, with
                                 * a certificate of this authority, take part
                                 * (looked at when the certificate counts) */
};

struct identify_answer {
    int code;                   /* 0: it is `name`; SM_AUTH when we dialled,
                                 * SM_UNPAIRED when it did; SM_STATE for a
                                 * pairing that cannot be used;
                                 * SM_REFUSED_LOCAL for one not listed that
                                 * we dialled */
    bool certified;             /* it is known by its certificate alone */
    bool attributes;            /* the certificate is this host's and good:
                                 * what it says of the host counts */
    char text[SM_MESSAGE_TEXT_MAX + 1];     /* for our log and our operator:
                                             * why not; or, of a paired host,
                                             * why its certificate does not
                                             * count, or that it has its next
                                             * key */
    char told[SM_MESSAGE_TEXT_MAX + 1];     /* for the other host, when it is
                                             * refused: no more than it knows
                                             * already */
};

/*
 * Decide.  `out` is filled in on every path; out->code is 0 only when the
 * other host is who it says it is.
 */
void identify(const struct identify_question *q, struct identify_answer *out);

#endif
