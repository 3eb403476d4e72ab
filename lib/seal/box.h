/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Boxes: small objects encrypted and authenticated under one key that is
 * already at hand (the daemon's store key), bound to what they are.
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with a random nonce of 192
 * bits, so that no counter has to be kept.
 *
 *     magic[4] "SMBX" · u16 version = 2 · nonce[24] · ciphertext, tag[16]
 *
 * Each kind has a key of its own: BLAKE2b-256 of "xen-secmig box 2" and the
 * kind, keyed with the store key (RFC 7693; as a PRF).  So what is encrypted
 * as a journal is under another key than the floors or the tickets, however
 * much of one there comes to be.
 *
 * Authenticated with it: magic, version, kind and name.  A box of one kind
 * or name does not open as another.  That a box is the newest one of its
 * name is not said: whoever can write the file can put an older one back.
 */
#ifndef SM_SEAL_BOX_H
#define SM_SEAL_BOX_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SM_BOX_KEY_LEN 32
#define SM_BOX_KEY_PURPOSE "store-key"  /* the key's own purpose in seal.h */
#define SM_BOX_DATA_MAX (1 << 20)       /* bytes in one box */
#define SM_BOX_WORD_MAX 64              /* kind and name, without NUL */
#define SM_BOX_OVERHEAD (4 + 2 + 24 + 16)

/*
 * Close a box.
 *   key        SM_BOX_KEY_LEN random bytes in locked memory; only read
 *   kind,name  what it is and which one: 1 to SM_BOX_WORD_MAX bytes of clean
 *              text (sm_wire_text_ok()) each
 *   data, len  at most SM_BOX_DATA_MAX bytes, may be none
 *   out, size  len + SM_BOX_OVERHEAD bytes at least; not overlapping `data`
 *   out_len    out: the size of the box
 * Returns 0, or SM_USAGE when an argument is out of bounds.
 */
int sm_box_close(const uint8_t key[static SM_BOX_KEY_LEN], const char *kind,
                 const char *name, const void *data, size_t len,
                 uint8_t *out, size_t size, size_t *out_len) SM_WARN_UNUSED;

/*
 * Open a box.
 *   box, box_len  not trusted
 *   out, size     box_len - SM_BOX_OVERHEAD bytes at least; not overlapping
 *                 `box`.  Locked memory when the content is secret.  Holds
 *                 nothing of the content on error.
 *   out_len       out: bytes of the content, 0 on error
 *   why           out: `why_size` bytes, the reason in words ("" on success)
 * Returns 0; SM_USAGE when kind or name are out of bounds or `size` is too
 * small; SM_SEAL when it does not open: not a box, another version, damaged,
 * another key, kind or name.
 */
int sm_box_open(const uint8_t key[static SM_BOX_KEY_LEN], const char *kind,
                const char *name, const void *box, size_t box_len,
                uint8_t *out, size_t size, size_t *out_len,
                char *why, size_t why_size) SM_WARN_UNUSED;

#endif
