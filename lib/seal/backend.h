/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a backend of sealed storage does: wrap and unwrap object keys.
 * Inside lib/seal only.
 */
#ifndef SM_SEAL_BACKEND_H
#define SM_SEAL_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "seal/seal.h"

#define SM_SEAL_KEY_LEN 32          /* of an object key */
#define SM_SEAL_PARAMS_MAX 4096
#define SM_SEAL_WRAPPED_MAX 1024

/* Bytes of an object that are known when its key is wrapped: everything in
 * front of the wrapped key, parameters included.  Authenticated with it. */
struct sm_seal_bytes {
    const uint8_t *data;
    size_t len;
};

struct sm_seal_backend {
    uint16_t id;            /* in the file; never reused */
    const char *name;       /* in secmigd.conf */

    /* Make the backend's state; `state` may stay NULL. */
    int (*open)(const struct sm_seal_source *source, void **state,
                char *why, size_t why_size);
    void (*close)(void *state);

    /* Write fresh parameters (salt, cost) for one object. */
    void (*put_params)(void *state, struct sm_wire_writer *w);

    /* Check parameters from a file, without work; fill in what they say. */
    int (*check_params)(struct sm_seal_bytes params,
                        struct sm_seal_info *info, char *why,
                        size_t why_size);

    /* Append the wrapped form of `key` (SM_SEAL_KEY_LEN bytes). */
    int (*wrap)(void *state, struct sm_seal_bytes params,
                struct sm_seal_bytes bound, const uint8_t *key,
                struct sm_wire_writer *w, char *why, size_t why_size);

    /* Recover `key`; the parameters have passed check_params(). */
    int (*unwrap)(void *state, struct sm_seal_bytes params,
                  struct sm_seal_bytes bound, struct sm_seal_bytes wrapped,
                  uint8_t *key, char *why, size_t why_size);

    /* Whether a PIN was wrong; NULL: it has none. */
    bool (*pin_refused)(const void *state);
};

extern const struct sm_seal_backend sm_seal_passphrase;
extern const struct sm_seal_backend sm_seal_plain;
extern const struct sm_seal_backend sm_seal_tpm2;

#endif
