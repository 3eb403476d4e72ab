/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which certificates are revoked: the lists of all authorities, which stand
 * one after the other in one file, each signed by its own.
 *
 * Everything that is not as it should be makes certificates count as
 * revoked: of one authority, when it is clear whose list is wrong, else of
 * all.
 *
 * Pure: no I/O, no clock.
 */
#ifndef SECMIGD_REVOKED_H
#define SECMIGD_REVOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/document.h"
#include "trust/minisign.h"
#include "trust/revocation.h"

#define REVOKED_FILE_MAX (16 * SM_REVOCATIONS_MAX)

/* 2 MiB: static. */
struct revoked {
    struct {
        bool have;                          /* there is a usable list */
        struct sm_revocations list;
        char why[SM_STATEMENT_WHY_SIZE];    /* not "": none of this
                                             * authority's certificates can
                                             * be believed, and why */
    } of[SM_POLICY_AUTHORITIES_MAX];        /* as in `keys` */
};

/*
 * Read the file.
 *   text, len     its content; 0 bytes: there is none
 *   problem       not NULL: it is there and cannot be read, for this reason
 *   keys, n_keys  the authorities of the policy in force
 *   floors        of each of them the highest version seen, 0: none.  An
 *                 older list, or none at all then, is not believed
 *   out           filled in
 */
void revoked_read(const void *text, size_t len, const char *problem,
                  const struct sm_minisign_public *keys, size_t n_keys,
                  const uint64_t *floors, struct revoked *out);

#endif
