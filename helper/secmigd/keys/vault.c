/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/vault.h"

#include <stdio.h>
#include <string.h>

#include "base/wire.h"
#include "parent/parent.h"

/* The vault's own deadlines come first: it can say what did not answer.  The
 * time for starting it and for what the TPM did before that. */
#define MARGIN 3000             /* ms */

static void parse(struct vault *v, int *err, char *why,
                  size_t why_size, const uint8_t **blob, size_t *blob_len)
{
    struct sm_wire_reader r;
    int code;

    sm_wire_reader_init(&r, v->run.data, v->run.len);
    code = sm_err_from_code(sm_wire_get_u16(&r));
    sm_wire_get_str(&r, why, why_size);
    sm_wire_get_str(&r, v->refused_pin, sizeof(v->refused_pin));
    if (v->blob_max)
        sm_wire_get_blob(&r, v->blob_max, blob, blob_len);
    if (sm_wire_end(&r)) {
        *err = SM_HELPER;
        snprintf(why, why_size, "secmig-vault broke the rules");
        v->refused_pin[0] = '\0';
        *blob = NULL;
        *blob_len = 0;
        return;
    }
    *err = code;
    if (code && !why[0])
        snprintf(why, why_size, "%s", sm_err_text(code));
}

static void ended(void *ctx, int err)
{
    struct vault *v = ctx;
    char why[VAULT_TEXT_MAX + 1] = "";
    const uint8_t *blob = NULL;
    size_t blob_len = 0;

    if (err == SM_TIMEOUT) {
        snprintf(why, sizeof(why), "no answer in %d s (tpm-timeout): is the "
                 "TPM stuck, or its service stopped?",
                 parent.conf.tpm_timeout / 1000);
    } else if (err) {
        snprintf(why, sizeof(why), "secmig-vault failed: %s",
                 spawn_status_text(v->run.status));
        err = SM_HELPER;
    } else {
        parse(v, &err, why, sizeof(why), &blob, &blob_len);
    }
    v->done(v->ctx, err, why, blob, blob_len);
    /* Unless `done` has started another. */
    if (!v->run.active)
        run_clear(&v->run);
}

int vault_start(struct vault *v, const char *const *request, int in,
                int socket, size_t blob_max,
                void (*done)(void *ctx, int err, const char *why,
                             const uint8_t *blob, size_t blob_len),
                void *ctx)
{
    v->blob_max = blob_max;
    v->refused_pin[0] = '\0';
    v->done = done;
    v->ctx = ctx;
    return run_vault(&v->run, request, in, socket,
                     2 + 2 + VAULT_TEXT_MAX + 2 + SM_CONF_PATH_MAX + 4 + blob_max,
                     parent.conf.tpm_timeout + MARGIN, ended, v);
}
