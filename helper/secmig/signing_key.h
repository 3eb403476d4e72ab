/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signing keys of people: of a site's authority, of owners and operators.
 * They are kept on any machine, in a sealed file (seal/seal.h) that belongs
 * to no host, with the public half beside it.
 */
#ifndef SM_SECMIG_SIGNING_KEY_H
#define SM_SECMIG_SIGNING_KEY_H

#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"
#include "trust/minisign.h"

/* Purposes: a key of one does not open as one of the other. */
#define SM_SIGNING_SITE "site-key"
#define SM_SIGNING_OWNER "owner-key"

/* Sealed objects name a host; these go with their owner. */
#define SM_SIGNING_ANY_HOST "any"

/* From the command line; `key` is settled by the verb. */
struct sm_signing_options {
    const char *key;                /* the sealed file */
    const char *seal;               /* NULL: passphrase; when making */
    const char *passphrase_file;    /* NULL: ask on the terminal */
};

/*
 * The name of a file beside a key's: KEY without ".sealed" at its end, then
 * `suffix`.  Prints its own error line.  Returns 0 or SM_USAGE.
 */
int sm_signing_beside(const char *key, const char *suffix,
                      char out[static SM_CONF_PATH_MAX]) SM_WARN_UNUSED;

/* An error line unless nothing is there: SM_STATE, or SM_IO. */
int sm_signing_absent(const char *path) SM_WARN_UNUSED;

/*
 * Make a key: its sealed file and its public half, KEY.pub, neither of which
 * may be there.  What was made is removed again on an error.
 *   purpose  one of the above
 *   secret   out: the key in locked memory, SM_MINISIGN_SECRET_LEN bytes, to
 *            be freed with sm_secret_free(); NULL on error
 * Prints its own error line.  Returns 0 or an error.
 */
int sm_signing_make(const struct sm_signing_options *o, const char *purpose,
                    uint8_t **secret) SM_WARN_UNUSED;

/* Remove what sm_signing_make() has made. */
void sm_signing_unmake(const struct sm_signing_options *o);

/*
 * Open a key; how it is sealed, the file says.  Arguments and returns as
 * sm_signing_make().
 */
int sm_signing_open(const struct sm_signing_options *o, const char *purpose,
                    uint8_t **secret) SM_WARN_UNUSED;

/*
 * Wait until nobody else counts or lists with this key.  Returns a
 * descriptor, which is closed to let others go on, or -1 (its error line is
 * printed): SM_IO.
 */
int sm_signing_lock(const char *key);

/*
 * A public key: a file, or its base64 as policies hold it.  Prints its own
 * error line.  Returns 0 or an error.
 */
int sm_signing_public(const char *text, struct sm_minisign_public *out)
    SM_WARN_UNUSED;

#endif
