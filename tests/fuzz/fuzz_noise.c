/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Noise: protocol names, and each message of a handshake.
 *
 *   byte 0   0: the rest is a protocol name; else which handshake
 *   byte 1   which message is attacked; bit 7: the rest is XORed over the
 *            honest message, else it replaces it
 *
 * A message that differs from the honest one may be accepted only as message
 * 1 of a pattern that has no key yet, and then the next one must fail.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "channel/kem.h"
#include "channel/noise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *protocol;
    bool open;          /* message 1 is sent before there is a key */
} rows[] = {
    { "Noise_XX_25519_ChaChaPoly_BLAKE2b", true },
    { "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b", false },
    { "Noise_IK_25519_ChaChaPoly_SHA256", false },
    { "Noise_KKpsk0+psk2_25519_ChaChaPoly_SHA512", false },
    { "Noise_NN_25519_ChaChaPoly_BLAKE2b", true },
    { "Noise_IX_25519_ChaChaPoly_BLAKE2b", true },
    { "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_BLAKE2b", true },
};

static struct sm_noise *start(const char *protocol, bool initiator)
{
    /* X25519 ignores the lowest three bits. */
    static const uint8_t ephemeral[2][32] = { { 0x08 }, { 0x10 } };
    static const uint8_t secret[2][32] = { { 0x18 }, { 0x20 } };
    static const uint8_t psks[2][32] = { { 5 }, { 6 } };
    static const uint8_t kem_seed[SM_KEM_SEED_LEN] = { 7 };
    struct sm_noise_params p = { .protocol = protocol,
                                 .initiator = initiator };
    uint8_t public[2][32];
    struct sm_noise_needs want;
    struct sm_noise *n;

    if (sm_noise_needs(protocol, initiator, &want) ||
        sm_dh_public(secret[0], public[0]) ||
        sm_dh_public(secret[1], public[1]))
        abort();
    if (want.local_static) {
        p.static_public = public[!initiator];
        p.static_secret = secret[!initiator];
    }
    if (want.remote_static)
        p.remote_static = public[initiator];
    p.psks = psks;
    p.n_psks = want.psks;
    p.ephemeral_secret = ephemeral[!initiator];
    p.kem_seed = kem_seed;
    if (sm_noise_new(&n, &p))
        abort();
    return n;
}

static void name(const uint8_t *data, size_t size)
{
    char text[300];

    if (size >= sizeof(text))
        size = sizeof(text) - 1;
    memcpy(text, data, size);
    text[size] = '\0';
    (void)sm_noise_unsupported(text);
}

/* The attacked message, in a buffer of exactly its size. */
static uint8_t *attack(const uint8_t *data, size_t *size, bool over,
                       const uint8_t *honest, size_t honest_len)
{
    size_t i, len = over ? honest_len : *size;
    uint8_t *msg = malloc(len ? len : 1);

    if (!msg)
        abort();
    for (i = 0; i < len; i++)
        msg[i] = over ? (uint8_t)(honest[i] ^ (i < *size ? data[i] : 0))
                      : data[i];
    *size = len;
    return msg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t honest[2048], payload[SM_NOISE_MESSAGE_MAX];
    struct sm_noise *side[2], *writer, *reader;
    size_t honest_len, len, row;
    unsigned int m = 0, stop;
    uint8_t *msg;
    bool over;
    int rc;

    /* Not sm_secret_init(): a process that cannot be traced cannot be
     * searched for leaks. */
    if (sodium_init() < 0)
        abort();
    if (size < 2)
        return 0;
    if (!data[0]) {
        name(data + 1, size - 1);
        return 0;
    }
    row = (data[0] - 1u) % (sizeof(rows) / sizeof(rows[0]));
    if (sm_noise_unsupported(rows[row].protocol))
        return 0;               /* libsodium has no KEM */
    stop = (data[1] & 0x7f) % 3;
    over = data[1] & 0x80;
    data += 2;
    size -= 2;

    side[0] = start(rows[row].protocol, true);
    side[1] = start(rows[row].protocol, false);
    for (;;) {
        writer = side[m % 2];
        reader = side[1 - m % 2];
        if (sm_noise_write(writer, "payload", 7, honest, sizeof(honest),
                           &honest_len))
            abort();
        if (m == stop || sm_noise_done(writer))
            break;
        if (sm_noise_read(reader, honest, honest_len, payload,
                          sizeof(payload), &len))
            abort();
        m++;
    }

    msg = attack(data, &size, over, honest, honest_len);
    rc = sm_noise_read(reader, msg, size, payload, sizeof(payload), &len);
    if (size == honest_len && !memcmp(msg, honest, size)) {
        if (rc || len != 7 || memcmp(payload, "payload", 7))
            abort();
    } else if (!rc) {
        if (m || !rows[row].open)
            abort();
        if (!sm_noise_write(reader, "", 0, honest, sizeof(honest),
                            &honest_len) &&
            !sm_noise_read(writer, honest, honest_len, payload,
                           sizeof(payload), &len))
            abort();
    } else if (sm_noise_done(reader) || sm_noise_my_turn(reader)) {
        abort();
    }
    free(msg);
    sm_noise_free(side[0]);
    sm_noise_free(side[1]);
    return 0;
}
