/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealed storage: secrets at rest.
 *
 * A secret is encrypted (XChaCha20-Poly1305) under a random object key; a
 * *backend* wraps that key.  What the object is for, whose it is and when it
 * expires are authenticated with it, as is every other byte of the file.
 *
 *   tpm2        the object key is wrapped under a key that only this host's
 *               TPM can give back, while the PCRs are as they should be, and
 *               for who knows the PIN; see "On a TPM" below
 *   passphrase  the object key is wrapped under Argon2id(passphrase); RFC 9106
 *   plain       the object key stands in the file: protection is the file's
 *               mode and nothing else; only when asked for by this name, and
 *               warned about each time it is opened
 *
 * seal.c begins with the layout of the file.
 *
 * ---- On a TPM ----
 *
 * Each object has a TPM object of its own: 32 random bytes, sealed under the
 * storage key (tpm/esys.h), fixed to this TPM and not to be duplicated.  They
 * are the key of a second layer (XChaCha20-Poly1305) that wraps the object
 * key, so that the TPM's part, too, opens only with the purpose, host and
 * expiry that it was sealed for.  What goes to the TPM and comes back is
 * encrypted in a session salted for the storage key, whose Name stands in
 * the file: listening on the TPM's bus gives nothing (a test reads along).
 *
 * The policy is what TPM 2.0 part 3 calls
 *
 *     PolicyPCR(values of `pcrs`)             without an update key
 *     PolicyOR(PolicyPCR(the same),
 *              PolicyAuthorize(update key))   with one
 *     ... then PolicyAuthValue                with a PIN, or without PCRs
 *
 * so that a PIN is never waived by an update, and a planned update does not
 * lock the host out: who holds the update key signs beforehand which PCR
 * values will be good, too (seal/approval.h).  The TPM itself checks that
 * signature.  An approval stays good as long as objects name its update key:
 * to withdraw one, make a new update key and seal again.
 *
 * Without PCRs an object is bound to this TPM only: a stolen disk or a
 * copied state directory is useless, but whoever runs any system on this
 * machine as root can open it.  Nothing here keeps root of the running,
 * measured dom0 from the key.
 *
 * Dictionary attacks.  Objects without a PIN are outside of the TPM's
 * protection (noDA): they have nothing to guess, and so never lock.  A PIN
 * is guarded by it: each wrong one adds one to a counter that all programs
 * on the host share, as does each loss of power (not an orderly shutdown) in a
 * boot in which a PIN was used.
 * At the limit (tpm2_getcap properties-variable: MAX_AUTH_FAIL, often 32; 3
 * in swtpm) the TPM refuses every PIN of every program, the right one
 * included.  Each LOCKOUT_INTERVAL (often 10 minutes to 2 hours) without a
 * wrong one takes one off; tpm2_dictionarylockout --clear-lockout, which
 * needs the lockout password when there is one, resets it at once.  So the
 * PIN is sent once for each time that an object is opened, never tried again
 * by the same backend, and the message says how many wrong ones were counted
 * and when the next try is possible.  One from a file, which a daemon sends
 * unasked, is not sent at all when a wrong one would be the last before the
 * lock (where the limit is 5 or more): a wrong file cannot lock the TPM, and a
 * person can still give the right one.
 *
 * A TPM that was cleared, or another one (a new mainboard, a copied state
 * directory), is told by the storage key's Name: "sealed by another TPM, or
 * this one was cleared".  Nothing brings that object back; what does is a
 * copy of it under a passphrase.
 */
#ifndef SM_SEAL_SEAL_H
#define SM_SEAL_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "seal/approval.h"

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

/* Names of the systemd credentials that are looked for when no file is
 * named. */
#define SM_SEAL_CREDENTIAL "secmig-passphrase"
#define SM_SEAL_CREDENTIAL_PIN "secmig-pin"

#define SM_SEAL_PIN_MIN 4       /* bytes; asked for when sealing only */
#define SM_SEAL_PIN_MAX 64

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
    int fresh;                  /* a new passphrase or PIN: confirm, check
                                 * its length */
    uint32_t ops;               /* cost of new objects; 0: default */
    uint64_t mem;               /* bytes; 0: default */

    /* Backend tpm2. */
    const char *tpm;            /* TCTI (tpm/tpm.h); NULL: its default */
    int tpm_timeout;            /* ms for one answer; 0: its default */
    /* File that holds the PIN, read as the passphrase's.  NULL: the systemd
     * credential SM_SEAL_CREDENTIAL_PIN when there is one, else `ask_pin`,
     * when a PIN is wanted: so ask_ctx must live as long as the backend. */
    const char *pin_file;
    sm_seal_ask_fn *ask_pin;    /* NULL: nobody to ask */
    bool pin;                   /* new objects get a PIN */
    uint32_t pcrs;              /* and are bound to these PCRs: a bit each;
                                 * 0: to the TPM only */
    /* Values of those PCRs; NULL: what they are now. */
    const uint8_t (*pcr_values)[SM_SEAL_PCR_LEN];
    /* New objects open for approvals of this key, too; NULL: of none. */
    const struct sm_update_key *update_key;
    /* Where approvals are looked for, to open with; NULL: nowhere.  All files
     * in it are read in this call; those that are no good are warned of. */
    const char *approvals_dir;
};

/*
 * Open a backend.
 *   name      "tpm2", "passphrase" or "plain"; nothing is chosen by default
 *   source    where a passphrase comes from; read during this call only
 *   out       the caller's, to be freed with sm_seal_free(); NULL on error.
 *             It holds the passphrase in locked memory, or the connection to
 *             the TPM: free it early.
 *   why       out: `why_size` bytes, what is wrong and what to do
 * Returns 0; SM_CONFIG for an unknown backend or costs or PCRs out of bounds;
 * SM_STATE when the file of the passphrase or PIN is missing or unsafe;
 * SM_SEAL when there is none to be had or it is too short or too long; SM_IO;
 * SM_NO_MEMORY; for tpm2 what sm_tpm_open() returns.  sm_secret_init() comes
 * first.  All that needs a path is read in here: sm_seal_wrap() and
 * sm_seal_unwrap() need the open TPM and memory only.
 */
int sm_seal_open_backend(const char *name,
                         const struct sm_seal_source *source,
                         struct sm_seal **out, char *why, size_t why_size)
    SM_WARN_UNUSED;

/*
 * Whether the TPM has refused the PIN, which cost one of few tries: whoever
 * opens unattended does not send that one again.  NULL is fine.
 */
bool sm_seal_pin_refused(const struct sm_seal *seal);

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
 * memory too); SM_IO; for tpm2 what sm_tpm_rc() returns, too.
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
 * passphrase or PIN; other backend, purpose or host; expired; cost out of
 * bounds; PCRs other than when it was sealed, by number; another TPM; locked
 * after wrong PINs); SM_IO; SM_NO_MEMORY; for tpm2 SM_BUSY and SM_TIMEOUT,
 * after which the backend is of no more use, too.
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
    /* tpm2 only, else zero */
    uint32_t pcrs;              /* it is bound to these, a bit each */
    uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];     /* with these values */
    bool pin;                   /* it has a PIN */
    bool updatable;             /* approvals of update_key open it, too */
    struct sm_update_key update_key;
    uint8_t parent[32];         /* Name of the TPM's storage key */
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
