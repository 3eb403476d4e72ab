/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend `plain`: the object key stands in the file.  What protects it is
 * the file's mode, and whoever reads the disk reads the key.
 */
#include "seal/backend.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

static int plain_open(const struct sm_seal_source *source, void **state,
                      char *why, size_t why_size)
{
    (void)source;
    (void)why;
    (void)why_size;
    *state = NULL;
    sm_warning("sealed storage is 'plain': whoever can read the disk can "
               "read the key (seal = passphrase protects it)");
    return 0;
}

static void plain_close(void *state)
{
    (void)state;
}

static void plain_put_params(void *state, struct sm_wire_writer *w)
{
    (void)state;
    (void)w;
}

static int plain_check_params(struct sm_seal_bytes params,
                              struct sm_seal_info *info, char *why,
                              size_t why_size)
{
    (void)info;
    if (!params.len)
        return 0;
    WHY("damaged (parameters where none belong)");
    return SM_SEAL;
}

static int plain_wrap(void *state, struct sm_seal_bytes params,
                      struct sm_seal_bytes bound, const uint8_t *key,
                      struct sm_wire_writer *w, char *why, size_t why_size)
{
    (void)state;
    (void)params;
    (void)bound;
    (void)why;
    (void)why_size;
    sm_wire_put_bytes(w, key, SM_SEAL_KEY_LEN);
    return 0;
}

static int plain_unwrap(void *state, struct sm_seal_bytes params,
                        struct sm_seal_bytes bound,
                        struct sm_seal_bytes wrapped, uint8_t *key,
                        char *why, size_t why_size)
{
    (void)state;
    (void)params;
    (void)bound;
    if (wrapped.len != SM_SEAL_KEY_LEN) {
        WHY("damaged (wrong length of the object key)");
        return SM_SEAL;
    }
    memcpy(key, wrapped.data, SM_SEAL_KEY_LEN);
    return 0;
}

const struct sm_seal_backend sm_seal_plain = {
    .id = 1,
    .name = "plain",
    .open = plain_open,
    .close = plain_close,
    .put_params = plain_put_params,
    .check_params = plain_check_params,
    .wrap = plain_wrap,
    .unwrap = plain_unwrap,
};
