/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Noise's CipherState (revision 34, section 5.1): a key and a counter.
 * Rekey() is left out: nothing here uses it.
 */
#ifndef SM_CHANNEL_NOISE_CIPHER_H
#define SM_CHANNEL_NOISE_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "channel/suite.h"

#define SM_NOISE_TAG_LEN 16

struct sm_noise_cipher {
    struct sm_suite_key key;
    uint64_t nonce;
    bool has_key;
};

/* InitializeKey().  `suite` is SM_SUITE_CHACHA20POLY1305 or
 * SM_SUITE_AES256GCM.  Returns 0, or SM_CONFIG when the suite is not
 * available or is not one of Noise's. */
int sm_noise_cipher_init(struct sm_noise_cipher *c, enum sm_suite suite,
                         const uint8_t key[static SM_SUITE_KEY_LEN])
    SM_WARN_UNUSED;

void sm_noise_cipher_wipe(struct sm_noise_cipher *c);

/* Bytes that encryption adds now: the tag, or 0 without a key. */
size_t sm_noise_cipher_overhead(const struct sm_noise_cipher *c);

/*
 * EncryptWithAd(): plaintext passes unchanged when there is no key yet.
 *   in, len   plaintext; equal to `out` or apart from it
 *   out       len + sm_noise_cipher_overhead() bytes
 * Returns 0, or SM_FAIL when the nonces are used up (2^64 - 1 is reserved).
 */
int sm_noise_cipher_encrypt(struct sm_noise_cipher *c, const void *ad,
                            size_t ad_len, const uint8_t *in, size_t len,
                            uint8_t *out) SM_WARN_UNUSED;

/*
 * DecryptWithAd().  The nonce moves on only when it succeeds.
 * Returns 0; SM_AUTH when it does not decrypt or is shorter than a tag;
 * SM_FAIL when the nonces are used up.
 */
int sm_noise_cipher_decrypt(struct sm_noise_cipher *c, const void *ad,
                            size_t ad_len, const uint8_t *in, size_t len,
                            uint8_t *out) SM_WARN_UNUSED;

#endif
