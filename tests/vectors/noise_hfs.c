/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Both sides of a Noise XXhfs handshake from given keys and seeds, in hex, so
 * that another implementation (noise_hfs.py) can be compared with it:
 *
 *   noise_hfs PROTOCOL PROLOGUE STATIC-I STATIC-R EPHEMERAL-I EPHEMERAL-R
 *             KEM-SEED ENCAPS-SEED PAYLOAD-1 PAYLOAD-2 PAYLOAD-3
 *
 * prints the three messages, the handshake hash and the keys of the initiator
 * and of the responder, one a line.
 *   noise_hfs     without arguments: exits with 77 if this build has no KEM
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/secret.h"
#include "channel/kem.h"
#include "channel/noise.h"

struct bytes {
    uint8_t data[8192];
    size_t len;
};

static void die(const char *what)
{
    fprintf(stderr, "noise_hfs: %s\n", what);
    exit(2);
}

static void unhex(const char *s, struct bytes *out, size_t len)
{
    if (sodium_hex2bin(out->data, sizeof(out->data), s, strlen(s), NULL,
                       &out->len, NULL) || (len && out->len != len))
        die("malformed argument");
}

static void print(const uint8_t *data, size_t len)
{
    while (len--)
        printf("%02x", *data++);
    printf("\n");
}

int main(int argc, char **argv)
{
    static struct bytes prologue, secret[2], ephemeral[2], seed[2], payload;
    static uint8_t message[SM_NOISE_MESSAGE_MAX], got[SM_NOISE_MESSAGE_MAX];
    uint8_t public[2][SM_DH_LEN], tx[2][SM_NOISE_KEY_LEN],
            rx[2][SM_NOISE_KEY_LEN], hash[SM_HASH_MAX];
    struct sm_noise *side[2];
    size_t len, n;
    int i, m;

    if (sm_secret_init())
        die("no locked memory");
    if (argc == 1)
        return sm_kem_available() ? 0 : 77;
    if (argc != 12)
        die("usage");
    unhex(argv[2], &prologue, 0);
    for (i = 0; i < 2; i++) {
        unhex(argv[3 + i], &secret[i], SM_DH_LEN);
        unhex(argv[5 + i], &ephemeral[i], SM_DH_LEN);
        unhex(argv[7 + i], &seed[i], i ? SM_KEM_ENCAPS_SEED_LEN :
              SM_KEM_SEED_LEN);
    }
    for (i = 0; i < 2; i++) {
        struct sm_noise_params p = {
            .protocol = argv[1], .initiator = i == 0,
            .prologue = prologue.data, .prologue_len = prologue.len,
            .static_public = public[i], .static_secret = secret[i].data,
            .ephemeral_secret = ephemeral[i].data, .kem_seed = seed[i].data,
        };

        if (sm_dh_public(secret[i].data, public[i]) ||
            sm_noise_new(&side[i], &p))
            die("handshake does not start");
    }
    for (m = 0; m < 3; m++) {
        unhex(argv[9 + m], &payload, 0);
        if (sm_noise_write(side[m % 2], payload.data, payload.len, message,
                           sizeof(message), &len))
            die("a message cannot be written");
        print(message, len);
        if (sm_noise_read(side[!(m % 2)], message, len, got, sizeof(got),
                          &n) || n != payload.len ||
            memcmp(got, payload.data, n))
            die("a message cannot be read");
    }
    if (sm_noise_hash(side[1], hash, &len))
        die("no hash");
    print(hash, len);
    for (i = 0; i < 2; i++)
        if (sm_noise_split(side[i], tx[i], rx[i]))
            die("no keys");
    if (memcmp(tx[0], rx[1], sizeof(tx[0])) ||
        memcmp(rx[0], tx[1], sizeof(rx[0])))
        die("the two sides have different keys");
    print(tx[0], sizeof(tx[0]));
    print(rx[0], sizeof(rx[0]));
    sm_noise_free(side[0]);
    sm_noise_free(side[1]);
    return 0;
}
