/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of `secmig site` share.  Beside an authority's KEY (without
 * ".sealed") lie KEY.pub, KEY.serial (the last serial that was used) and
 * KEY.revoked (its list of revocations).
 */
#ifndef SM_SECMIG_SITE_H
#define SM_SECMIG_SITE_H

#include <stdint.h>

#include "base/err.h"
#include "signing_key.h"
#include "trust/revocation.h"
#include "verbs.h"

#define SM_SITE_SERIAL ".serial"
#define SM_SITE_REVOKED ".revoked"

/*
 * Read, or replace durably, the last serial used.  The lock of
 * sm_signing_lock() is held.  Print their own error line.
 */
int sm_site_serial(const char *key, uint64_t *last) SM_WARN_UNUSED;
int sm_site_set_serial(const char *key, uint64_t last) SM_WARN_UNUSED;

/*
 * Sign a list and put it in KEY.revoked.
 *   fresh  it must not be there yet; else it is replaced
 * Prints its own error line.
 */
int sm_site_put_revoked(const char *key, const uint8_t *secret,
                        const struct sm_revocations *list, int fresh)
    SM_WARN_UNUSED;

/* Sub-verbs: argv[0] is their name. */
int sm_site_sign(const struct sm_cli *cli, int argc, char **argv);
int sm_site_revoke(const struct sm_cli *cli, int argc, char **argv);

/* Print a statement in words: site show, ticket show. */
int sm_statement_show(int argc, char **argv);

#endif
