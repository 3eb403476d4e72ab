/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of revoked certificates: a site authority takes back some of those
 * it has signed.  A signed statement (trust/statement.h):
 *
 *     secmig-revocations 1
 *     version = N                      1 or more; the next list has a higher
 *                                      one, and no host goes back
 *     issued = TIME                    RFC 3339 with a zone
 *     serials = N N ...                strictly ascending; the line is left
 *                                      out when nothing is revoked
 *
 * A list speaks of the certificates of the authority that has signed it and
 * of no other's: serials are each authority's own.
 *
 * Nothing here allocates or does I/O.
 */
#ifndef SM_TRUST_REVOCATION_H
#define SM_TRUST_REVOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "trust/certificate.h"
#include "trust/statement.h"

#define SM_REVOCATIONS_TYPE "secmig-revocations"
#define SM_REVOCATIONS_MAX SM_STATEMENT_LONG_MAX    /* bytes */
#define SM_REVOCATIONS_SERIALS_MAX 4096

/* 32 KiB: static or allocated rather than on a stack. */
struct sm_revocations {
    uint64_t version;
    int64_t issued;
    size_t n_serials;
    uint64_t serials[SM_REVOCATIONS_SERIALS_MAX];       /* ascending */
    uint8_t signer[SM_STATEMENT_SIGNER_LEN];    /* whose certificates */
};

/*
 * Verify a list: size, form and signature, then its lines.  That its version
 * is not below the highest one seen is the caller's to check.
 * Arguments and returns as sm_certificate_verify(); there is no end of
 * validity.
 */
int sm_revocations_verify(const void *text, size_t len,
                          const struct sm_minisign_public *keys,
                          size_t n_keys, struct sm_revocations *out,
                          size_t *which, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* Whether the list holds the serial: one of the list's own authority. */
bool sm_revocations_has(const struct sm_revocations *list, uint64_t serial);

/* Whether the list revokes the certificate: both of the same authority, and
 * the serial is in it. */
bool sm_revocations_cover(const struct sm_revocations *list,
                          const struct sm_certificate *c);

/*
 * Add a serial.  Returns 0; SM_USAGE when it is 0; SM_EXISTS when it is there
 * already; SM_BUSY when the list is full.
 */
int sm_revocations_add(struct sm_revocations *list, uint64_t serial)
    SM_WARN_UNUSED;

/* As sm_certificate_read(). */
int sm_revocations_read(const struct sm_statement *s,
                        struct sm_revocations *out,
                        char *why, size_t why_size) SM_WARN_UNUSED;

/* As sm_certificate_format(); SM_REVOCATIONS_MAX bytes are enough for what
 * can be signed. */
int sm_revocations_format(const struct sm_revocations *list, char *out,
                          size_t size, char *why, size_t why_size)
    SM_WARN_UNUSED;

#endif
