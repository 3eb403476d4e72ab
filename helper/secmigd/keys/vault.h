/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: one request to secmig-vault, which opens sealed storage
 * and uses the TPM (helper/secmig-vault/main.c has the requests).
 */
#ifndef SECMIGD_VAULT_H
#define SECMIGD_VAULT_H

#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"
#include "parent/spawn.h"

#define VAULT_TEXT_MAX 1024     /* bytes of the vault's words */

struct vault {
    struct run run;
    size_t blob_max;
    /* File with a PIN that the TPM has just refused; "": none. */
    char refused_pin[SM_CONF_PATH_MAX];
    /* `blob` lives until this returns */
    void (*done)(void *ctx, int err, const char *why, const uint8_t *blob,
                 size_t blob_len);
    void *ctx;
};

/*
 * Start it.
 *   request   its words, NULL-terminated, at most 2
 *   in        its standard input (-1: /dev/null); stays the caller's
 *   socket    its descriptor 3 (-1: none); stays the caller's
 *   blob_max  bytes of a blob behind code and text; 0: there is none
 *   done      called once, at most `tpm-timeout` and a bit later: err 0, what
 *             the vault says, SM_TIMEOUT when it had to be killed, SM_HELPER
 *             when it died or broke the rules; `why` in words
 * Returns 0, or an error and `done` is never called.
 */
int vault_start(struct vault *v, const char *const *request, int in,
                int socket, size_t blob_max,
                void (*done)(void *ctx, int err, const char *why,
                             const uint8_t *blob, size_t blob_len),
                void *ctx) SM_WARN_UNUSED;

#endif
