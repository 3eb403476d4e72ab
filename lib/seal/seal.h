/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealed storage: secrets at rest.
 *
 * A secret is encrypted (XChaCha20-Poly1305) under a random object key; a
 * *backend* wraps that key.  What the object is for, whose it is and when it
 * expires are authenticated with it, as is every other byte of the file.
 *
 *   passphrase  the object key is wrapped under Argon2id(passphrase); RFC 9106
 *   plain       the object key stands in the file: protection is the file's
 *               mode and nothing else; only when asked for by this name, and
 *               warned about each time it is opened
 *
 * seal.c begins with the layout of the file.
 */
#ifndef SM_SEAL_SEAL_H
#define SM_SEAL_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SM_SEAL_DATA_MAX 65536          /* bytes of one secret */
#define SM_SEAL_FILE_MAX (SM_SEAL_DATA_MAX + 8192)
#define SM_SEAL_NAME_SIZE 65            /* purpose and host, with NUL */
#define SM_SEAL_PASSPHRASE_MAX 1023
#define SM_SEAL_PASSPHRASE_MIN 8        /* asked for when sealing only */

/*
 * Bounds on the cost of Argon2id: those of a new object, and what is
 * believed of a stored one, checked before any work.  Below the floor the
 * file was weakened, above the ceiling it was made to stall or exhaust us.
 */
#define SM_SEAL_MEM_DEFAULT  (256u << 20)   /* bytes; libsodium's MODERATE */
#define SM_SEAL_OPS_DEFAULT  3u
#define SM_SEAL_MEM_MIN      (64u << 20)    /* RFC 9106 section 4, second */
#define SM_SEAL_OPS_MIN      3u
#define SM_SEAL_MEM_MAX      (1024u << 20)
#define SM_SEAL_OPS_MAX      64u
#define SM_SEAL_WORK_MAX     ((uint64_t)4 << 30)    /* ops x bytes: ~5 s */

/* Name of the systemd credential that is looked for when no file is named. */
#define SM_SEAL_CREDENTIAL "secmig-passphrase"

struct sm_seal;

/*
 * Ask a person for the passphrase.
 *   confirm  non-zero when it is a new one and should be asked for twice
 *   buf      locked memory of `size` bytes
 *   len      out: bytes written, without a terminator
 * Returns 0 or an error, which becomes that of sm_seal_open_backend().
 */
typedef int sm_seal_ask_fn(void *ctx, int confirm, uint8_t *buf, size_t size,
                           size_t *len);

struct sm_seal_source {
    /* File that holds the passphrase (one trailing newline is not part of
     * it); checked like any secret file.  NULL: the systemd credential
     * SM_SEAL_CREDENTIAL when $CREDENTIALS_DIRECTORY is set, else `ask`. */
    const char *passphrase_file;
    sm_seal_ask_fn *ask;        /* NULL: nobody to ask */
    void *ask_ctx;
    int fresh;                  /* a new passphrase: confirm, check length */
    uint32_t ops;               /* cost of new objects; 0: default */
    uint64_t mem;               /* bytes; 0: default */
};

/*
 * Open a backend.
 *   name      "passphrase" or "plain"; nothing is chosen by default
 *   source    where a passphrase comes from; read during this call only
 *   out       the caller's, to be freed with sm_seal_free(); NULL on error.
 *             It holds the passphrase in locked memory: free it early.
 *   why       out: `why_size` bytes, what is wrong and what to do
 * Returns 0; SM_CONFIG for an unknown backend or costs out of bounds;
 * SM_STATE when the passphrase file is missing or unsafe; SM_SEAL when there
 * is no passphrase to be had or it is too short or too long; SM_IO;
 * SM_NO_MEMORY.  sm_secret_init() comes first.
 */
int sm_seal_open_backend(const char *name,
                         const struct sm_seal_source *source,
                         struct sm_seal **out, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* Wipe and free; NULL is fine. */
void sm_seal_free(struct sm_seal *seal);

/*
 * Seal a secret into a file, atomically, mode 0600.
 *   path      replaced when it exists
 *   purpose   what it is for, e.g. "host-key": 1-64 clean characters
 *   host      the host it belongs to: 1-64 clean characters
 *   expires   seconds since the epoch after which it does not open; 0: never
 *   data,len  1 to SM_SEAL_DATA_MAX bytes, still the caller's to wipe
 * Returns 0; SM_USAGE for arguments out of bounds; SM_NO_MEMORY (Argon2id's
 * memory too); SM_IO.
 */
int sm_seal_store(struct sm_seal *seal, const char *path,
                  const char *purpose, const char *host, int64_t expires,
                  const void *data, size_t len, char *why, size_t why_size)
    SM_WARN_UNUSED;

/*
 * Open a sealed file.
 *   purpose, host  must be those it was sealed with
 *   data           out: locked memory, the caller's, to be freed with
 *                  sm_secret_free(); NULL on error
 *   len            out: its length
 * Returns 0; SM_STATE when the file is missing, unsafe or too large;
 * SM_SEAL when it does not open, with the reason in `why` (damaged; wrong
 * passphrase; other backend, purpose or host; expired; cost out of bounds);
 * SM_IO; SM_NO_MEMORY.
 */
int sm_seal_load(struct sm_seal *seal, const char *path,
                 const char *purpose, const char *host,
                 uint8_t **data, size_t *len, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* What a sealed file says of itself; not authenticated until it is opened. */
struct sm_seal_info {
    char backend[16];
    char purpose[SM_SEAL_NAME_SIZE];
    char host[SM_SEAL_NAME_SIZE];
    int64_t expires;            /* 0: never */
    uint32_t ops;               /* passphrase only, else 0 */
    uint64_t mem;
    size_t size;                /* bytes of the secret */
};

/*
 * Read what a sealed file says of itself, without any secret.
 * Returns 0; SM_STATE (missing, unsafe, too large); SM_SEAL (damaged);
 * SM_IO; SM_NO_MEMORY.
 */
int sm_seal_inspect(const char *path, struct sm_seal_info *info,
                    char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * The three above on bytes in memory instead of a file: what they do besides
 * file I/O.  For objects kept elsewhere, and for the fuzzer.
 *   out, out_len  of sm_seal_wrap(): malloc'd, to be freed with
 *                 sm_file_free(); NULL on error
 */
int sm_seal_wrap(struct sm_seal *seal, const char *purpose, const char *host,
                 int64_t expires, const void *data, size_t len,
                 uint8_t **out, size_t *out_len, char *why, size_t why_size)
    SM_WARN_UNUSED;
int sm_seal_unwrap(struct sm_seal *seal, const void *object,
                   size_t object_len, const char *purpose, const char *host,
                   uint8_t **data, size_t *len, char *why, size_t why_size)
    SM_WARN_UNUSED;
int sm_seal_describe(const void *object, size_t object_len,
                     struct sm_seal_info *info, char *why, size_t why_size)
    SM_WARN_UNUSED;

#endif
