/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory of pairings, as pairing.c reads it and pairing_change.c
 * changes it.  Inside lib/trust only; see trust/pairing.h for `dir`, `why`
 * and the errors.
 */
#ifndef SM_TRUST_PAIRING_DIR_H
#define SM_TRUST_PAIRING_DIR_H

#include <limits.h>

#include "trust/pairing.h"

#define SM_PAIRING_WHY_SIZE 768     /* for reasons kept aside */

/* The path of a host's file.  Returns 0 or SM_USAGE. */
int sm_pairing_path(const char *dir, const char *name,
                    char path[static PATH_MAX], char *why, size_t why_size)
    SM_WARN_UNUSED;

/* Read one host's file; a missing one is SM_UNKNOWN_HOST.  `name` is a good
 * name. */
int sm_pairing_load(const char *dir, const char *name,
                    struct sm_pairing *out, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* Whether the directory is safe, and how many hosts it has. */
int sm_pairing_count(const char *dir, size_t *n, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* Who has a key, as its key or its next one. */
struct sm_pairing_search {
    const uint8_t *key;
    struct sm_pairing *out;                 /* the first one found */
    unsigned int found;
    char names[2][SM_IDENTITY_NAME_SIZE];   /* of the first two found */
    char problem[SM_PAIRING_WHY_SIZE];      /* of the first unusable file */
};

/* Look through all files; the scan does not stop at a match. */
int sm_pairing_search(const char *dir, struct sm_pairing_search *s,
                      char *why, size_t why_size) SM_WARN_UNUSED;

/* Whether `key` is our own; `own` may be NULL. */
bool sm_pairing_own(const uint8_t *own, const uint8_t *key);

#endif
