/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What approvals need of update keys; inside lib/seal only. */
#ifndef SM_SEAL_UPDATE_KEY_H
#define SM_SEAL_UPDATE_KEY_H

#include "seal/approval.h"

/* ECDSA, SHA-256 over `data`; the signature is r, s.  Returns 0 or SM_FAIL,
 * also when `key` is no point on P-256. */
int sm_update_key_sign(const uint8_t *secret,
                       const struct sm_update_key *key, const void *data,
                       size_t len, uint8_t signature[static 64])
    SM_WARN_UNUSED;

/* Whether a signature is good. */
bool sm_update_key_verify(const struct sm_update_key *key, const void *data,
                          size_t len, const uint8_t signature[static 64]);

#endif
