/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which other hosts this host knows: one small text file each, named after
 * the host, in one directory (/etc/xen/secmig/hosts):
 *
 *     key = BASE64                 or: key = certified
 *     next-key = BASE64            only while that host changes its key
 *     address = HOST:PORT
 *     comment = free text
 *
 * A host of key "certified" has no key here: whoever shows a certificate of
 * that name which counts is that host.  Such an entry says where the host is,
 * and no more.
 *
 * Every look-up reads the directory afresh, so that a host that was removed
 * is unknown at the next handshake without a restart.  A file that is not
 * safe (owner, mode, links: base/file.h) or not well formed is never a
 * match.  One key under two names would let one host speak for another:
 * such a key matches nothing.
 *
 * A host whose key is about to change has two for a while: both are that
 * host, until the older one is retired (sm_pairing_retire()) and is then
 * nobody's.
 */
#ifndef SM_TRUST_PAIRING_H
#define SM_TRUST_PAIRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "trust/identity.h"

#define SM_PAIRING_MAX 4096             /* hosts in one directory */
#define SM_PAIRING_FILE_MAX 2048        /* bytes in one file */
#define SM_PAIRING_ADDRESS_SIZE 256
#define SM_PAIRING_COMMENT_SIZE 256
#define SM_PAIRING_CERTIFIED "certified"    /* in place of a key */

struct sm_pairing {
    char name[SM_IDENTITY_NAME_SIZE];
    bool has_key;                           /* false: "certified" */
    uint8_t key[SM_IDENTITY_KEY_LEN];       /* zeroes without has_key */
    bool has_next;                          /* only together with has_key */
    uint8_t next[SM_IDENTITY_KEY_LEN];      /* zeroes without has_next */
    char address[SM_PAIRING_ADDRESS_SIZE];  /* name or numeric, no brackets */
    uint16_t port;
    char comment[SM_PAIRING_COMMENT_SIZE];  /* "" when there is none */
};

/*
 * In all functions below
 *   dir        the directory of pairings
 *   own        this host's public key, which is never a valid peer; NULL
 *              while this host has none
 *   why        out: `why_size` bytes, the reason in words ("" on success)
 * and on error *out is wiped.
 */

/*
 * Whether `key` is one of the host's: its key, or its next one.  Both are
 * compared, in constant time.
 */
bool sm_pairing_has(const struct sm_pairing *p,
                    const uint8_t key[static SM_IDENTITY_KEY_LEN]);

/*
 * Find a host by name, to dial it or to see what is known of it.  An entry
 * without a key has been found, too: see out->has_key.
 * Returns 0; SM_UNKNOWN_HOST when there is no such pairing (or `name` is no
 * host name); SM_STATE when its file is unsafe or malformed, its key or its
 * next key is our own or stands under a second name, or the directory is
 * unsafe or too large; SM_IO; SM_NO_MEMORY.
 */
int sm_pairing_by_name(const char *dir, const uint8_t *own,
                       const char *name, struct sm_pairing *out,
                       char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * The entry of a host that is known by its name alone: "certified", its
 * address is the name, to be looked up in the DNS, and the default port.
 * Only for one without an entry of its own, and only where certificates
 * count at all.
 * Returns 0, or SM_UNKNOWN_HOST when `name` is no host name.
 */
int sm_pairing_by_dns(const char *name, struct sm_pairing *out)
    SM_WARN_UNUSED;

/*
 * Find the host a key belongs to, be it its next one, when it dials us.
 * Keys are compared in
 * constant time and the scan does not stop at a match, so that the time
 * taken does not tell which host it was.  Entries without a key never match.
 * Returns 0; SM_UNPAIRED when no sound file holds that key (`why` then names
 * a file that could not be used, if there was one); SM_STATE when the key is
 * our own or stands under two names, or the directory is unsafe or too
 * large; SM_IO; SM_NO_MEMORY.
 */
int sm_pairing_by_key(const char *dir, const uint8_t *own,
                      const uint8_t key[static SM_IDENTITY_KEY_LEN],
                      struct sm_pairing *out, char *why, size_t why_size)
    SM_WARN_UNUSED;

/*
 * Add or, for the same name and the same key (or again without one), update a
 * pairing; a next key that is there is kept.  Written atomically with mode
 * 0644.
 *   p  a good name, a usable key or none, no next key, an address, a port
 *      other than 0
 * Returns 0; SM_USAGE when a member of *p is not well formed; SM_EXISTS when
 * the name is paired with another key, or with one or without as *p is not
 * (remove it first); SM_STATE when the
 * key is our own or stands under another name, or the directory is unsafe or
 * full; SM_IO; SM_NO_MEMORY.
 */
int sm_pairing_add(const char *dir, const uint8_t *own,
                   const struct sm_pairing *p, char *why, size_t why_size)
    SM_WARN_UNUSED;

/*
 * Note the next key of a host that is paired with a key, or drop it.
 *   next  NULL: drop it
 * Returns 0, also when it is noted already; SM_UNKNOWN_HOST; SM_EXISTS when
 * another next key is noted, or it is the host's key now; SM_STATE when the
 * host has no key here ("certified") or no next key to drop, when `next` is
 * unusable, our own or stands under another name, or the file or the
 * directory is unsafe; SM_IO; SM_NO_MEMORY.
 */
int sm_pairing_set_next(const char *dir, const uint8_t *own,
                        const char *name, const uint8_t *next, char *why,
                        size_t why_size) SM_WARN_UNUSED;

/*
 * The next key of a host becomes its only one.
 * Returns 0; SM_UNKNOWN_HOST; SM_STATE when it has no next key, or the file
 * or the directory is unsafe; SM_IO; SM_NO_MEMORY.
 */
int sm_pairing_retire(const char *dir, const char *name, char *why,
                      size_t why_size) SM_WARN_UNUSED;

/*
 * Forget a host, durably.  Its file is removed whatever it holds.
 * Returns 0; SM_UNKNOWN_HOST; SM_STATE (unsafe directory); SM_IO.
 */
int sm_pairing_remove(const char *dir, const char *name, char *why,
                      size_t why_size) SM_WARN_UNUSED;

/*
 * Call `fn` for each file in the directory, in the order of names.
 *   fn   `p` is NULL when the file of that `name` cannot be used, `problem`
 *        then says why (else NULL); both live until fn returns.  A return
 *        other than 0 ends the walk and is returned.
 *   ctx  handed to fn
 * Returns 0, what fn returned, SM_STATE, SM_IO or SM_NO_MEMORY.
 */
typedef int sm_pairing_fn(void *ctx, const char *name,
                          const struct sm_pairing *p, const char *problem);
int sm_pairing_list(const char *dir, sm_pairing_fn *fn, void *ctx,
                    char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Read the text of one pairing file.
 *   name       the file's name, becomes out->name
 *   text, len  the bytes, not trusted; no NUL needed
 * Returns 0 or SM_STATE.
 */
int sm_pairing_parse(const char *name, const char *text, size_t len,
                     struct sm_pairing *out, char *why, size_t why_size)
    SM_WARN_UNUSED;

/*
 * Whether a pairing may be written: a good name, an address, a port, a usable
 * key (or has_key false and zeroes), another usable next key or none, a
 * comment of clean text.  Returns NULL, or what is wrong (a static string).
 */
const char *sm_pairing_problem(const struct sm_pairing *p);

/* Write "HOST:PORT" or "[V6]:PORT" (the inverse of sm_conf_address()). */
#define SM_PAIRING_ENDPOINT_SIZE (SM_PAIRING_ADDRESS_SIZE + 9)
void sm_pairing_endpoint(const struct sm_pairing *p,
                         char out[static SM_PAIRING_ENDPOINT_SIZE]);

#endif
