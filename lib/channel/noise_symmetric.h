/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Noise's SymmetricState (revision 34, section 5.2): the chaining key, the
 * transcript hash, and the cipher of the moment.  Used by noise.c only.
 */
#ifndef SM_CHANNEL_NOISE_SYMMETRIC_H
#define SM_CHANNEL_NOISE_SYMMETRIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "channel/hash.h"
#include "channel/noise_cipher.h"

struct sm_noise_symmetric {
    struct sm_noise_cipher cipher;
    enum sm_suite suite;
    enum sm_hash hash;
    size_t hash_len;
    uint8_t ck[SM_HASH_MAX], h[SM_HASH_MAX];
};

/* InitializeSymmetric(name). */
void sm_noise_symmetric_init(struct sm_noise_symmetric *s,
                             enum sm_suite suite, enum sm_hash hash,
                             const char *name);

/* MixHash(). */
void sm_noise_symmetric_mix_hash(struct sm_noise_symmetric *s,
                                 const void *data, size_t len);

/* MixKey().  Returns 0, or an error of the cipher. */
int sm_noise_symmetric_mix_key(struct sm_noise_symmetric *s,
                               const void *ikm, size_t len) SM_WARN_UNUSED;

/* MixKeyAndHash(), for PSKs. */
int sm_noise_symmetric_mix_psk(struct sm_noise_symmetric *s,
                               const void *ikm, size_t len) SM_WARN_UNUSED;

/* EncryptAndHash(): writes len + the cipher's overhead to `out`. */
int sm_noise_symmetric_encrypt(struct sm_noise_symmetric *s,
                               const uint8_t *in, size_t len, uint8_t *out)
    SM_WARN_UNUSED;

/* DecryptAndHash(): writes len - the cipher's overhead to `out`, which must
 * be apart from `in`. */
int sm_noise_symmetric_decrypt(struct sm_noise_symmetric *s,
                               const uint8_t *in, size_t len, uint8_t *out)
    SM_WARN_UNUSED;

/* Split(): the first key is the initiator's to send with. */
void sm_noise_symmetric_split(const struct sm_noise_symmetric *s,
                              uint8_t first[static SM_SUITE_KEY_LEN],
                              uint8_t second[static SM_SUITE_KEY_LEN]);

#endif
