/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealed objects.  The checksum is put right first, as somebody who tampers
 * would do; the backend is `plain`, so that no Argon2id slows it down, but
 * the parameters of the others are read and judged all the same.  What a TPM
 * would be given of the file is taken out of it, too.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "seal/seal.h"
#include "seal/tpm2.h"

#define SUM_LEN 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sm_seal *open_plain(void)
{
    struct sm_seal_source source = { 0 };
    struct sm_seal *seal;
    char why[256];

    sm_log_init("fuzz", SM_LOG_ERROR);
    if (sodium_init() < 0 ||
        sm_seal_open_backend("plain", &source, &seal, why, sizeof(why)))
        abort();
    return seal;
}

/* A TPM's object at each place where one could begin: what is read is
 * written as it was. */
static void try_blobs(const uint8_t *data, size_t size)
{
    struct sm_tpm2_blobs blobs;
    struct sm_wire_reader r;
    struct sm_wire_writer w;
    size_t i;

    for (i = 0; i < size && i < 256; i++) {
        sm_wire_reader_init(&r, data + i, size - i);
        if (sm_tpm2_get_blobs(&r, &blobs))
            continue;
        sm_wire_writer_init(&w, SM_SEAL_WRAPPED_MAX * 2);
        if (sm_tpm2_put_blobs(&blobs, &w) || sm_wire_error(&w) ||
            w.len > r.pos)
            abort();
        sm_wire_writer_dispose(&w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sm_seal *seal;
    struct sm_seal_info info;
    uint8_t *object, *secret;
    char why[512];
    size_t len;
    int rc;

    if (!seal)
        seal = open_plain();
    object = malloc(size + SUM_LEN);
    if (!object)
        return 0;
    if (size)
        memcpy(object, data, size);
    crypto_generichash(object + size, SUM_LEN, object, size, NULL, 0);

    rc = sm_seal_describe(object, size + SUM_LEN, &info, why, sizeof(why));
    if (rc != 0 && (rc != SM_SEAL || !why[0]))
        abort();
    if (!rc && (!info.purpose[0] || !info.host[0] || !info.size ||
                info.size > SM_SEAL_DATA_MAX || info.mem > SM_SEAL_MEM_MAX ||
                info.ops > SM_SEAL_OPS_MAX || info.pcrs >> SM_SEAL_PCRS ||
                (info.updatable && !info.pcrs)))
        abort();
    try_blobs(data, size);
    rc = sm_seal_unwrap(seal, object, size + SUM_LEN, "host-key", "hostA",
                        &secret, &len, why, sizeof(why));
    if (rc ? (secret || len || !why[0]) : (!secret || len != info.size))
        abort();
    sm_secret_free(secret);
    free(object);
    return 0;
}
