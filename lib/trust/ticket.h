/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tickets: the owner of a guest, or an operator, lets one migration of it
 * happen.  A signed statement (trust/statement.h):
 *
 *     secmig-ticket 1
 *     id = 32 HEXADECIMAL DIGITS       random; each ticket is used once
 *     vm = UUID
 *     source = NAME                    a host, or * for any
 *     destination = NAME               a host, or * for any
 *     location = WORD                  optional: of the destination, by its
 *     jurisdiction = WORD              certificate
 *     not-before = TIME                RFC 3339 with a zone; both times are
 *     not-after = TIME                 included; at most 31 days apart
 *
 * Nothing here allocates or does I/O.
 */
#ifndef SM_TRUST_TICKET_H
#define SM_TRUST_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "trust/statement.h"

#define SM_TICKET_TYPE "secmig-ticket"
#define SM_TICKET_MAX SM_STATEMENT_MAX  /* bytes of a whole one */
#define SM_TICKET_ID_LEN 16
#define SM_TICKET_LIFE_MAX (31 * 86400) /* seconds */

struct sm_ticket {
    uint8_t id[SM_TICKET_ID_LEN];
    uint8_t vm[16];
    char source[SM_STATEMENT_WORD_SIZE];        /* "": any host */
    char destination[SM_STATEMENT_WORD_SIZE];
    char location[SM_STATEMENT_WORD_SIZE];      /* "": any */
    char jurisdiction[SM_STATEMENT_WORD_SIZE];
    int64_t not_before, not_after;      /* seconds since the epoch */
    uint8_t signer[SM_STATEMENT_SIGNER_LEN];    /* who has signed it */
};

/*
 * Verify a ticket: size, form and signature, then its lines, then that it is
 * not over.  One that is not valid yet passes, so that it can be deposited
 * ahead of its time: sm_ticket_fits() is asked when it is to be used.  That
 * its id was not used before is the caller's to check.
 *   keys, n_keys  public keys of the owners and operators that count
 * Other arguments and returns as sm_certificate_verify() (trust/
 * certificate.h).
 */
int sm_ticket_verify(const void *text, size_t len,
                     const struct sm_minisign_public *keys, size_t n_keys,
                     int64_t now, struct sm_ticket *out, size_t *which,
                     char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Whether a verified ticket lets this migration happen now.
 *   vm            the guest's uuid
 *   source, destination     names of the hosts
 *   location, jurisdiction  of the destination, from a valid certificate of
 *                 an authority that may say so; NULL: not known, which does
 *                 not fit a ticket that asks for it
 *   now           seconds since the epoch
 *   why           out: the reason when it does not fit, else ""
 */
bool sm_ticket_fits(const struct sm_ticket *t, const uint8_t vm[static 16],
                    const char *source, const char *destination,
                    const char *location, const char *jurisdiction,
                    int64_t now, char *why, size_t why_size);

/* As sm_certificate_read(). */
int sm_ticket_read(const struct sm_statement *s, struct sm_ticket *out,
                   char *why, size_t why_size) SM_WARN_UNUSED;

/* As sm_certificate_format(); 1024 bytes are enough. */
int sm_ticket_format(const struct sm_ticket *t, char *out, size_t size,
                     char *why, size_t why_size) SM_WARN_UNUSED;

#endif
