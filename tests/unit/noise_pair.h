/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two sides of a Noise handshake, for the tests of the channel.  Static
 * functions: each test program is one source file.
 */
#ifndef SM_TESTS_NOISE_PAIR_H
#define SM_TESTS_NOISE_PAIR_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "channel/noise.h"

#define UNUSED __attribute__((unused))
#define XX "Noise_XX_25519_ChaChaPoly_BLAKE2b"
#define XXHFS "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_BLAKE2b"
#define XXPSK0 "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b"
#define WIRE_MAX 6144

/* Everything that both sides can be given; [0] is the initiator. */
struct keys {
    uint8_t secret[2][SM_DH_LEN], public[2][SM_DH_LEN];
    uint8_t psks[5][SM_NOISE_PSK_LEN];
};

struct pair {
    struct keys keys;
    struct sm_noise *side[2];
};

/* A message on its way. */
struct wire {
    uint8_t data[WIRE_MAX];
    size_t len;
};

static UNUSED void make_keys(struct keys *k)
{
    sm_dh_keypair(k->secret[0], k->public[0]);
    sm_dh_keypair(k->secret[1], k->public[1]);
    memset(k->psks, 0x5a, sizeof(k->psks));
    k->psks[1][0] = 1;
}

/* What one side of a protocol needs, from those keys. */
static UNUSED struct sm_noise_params params(const struct keys *k,
                                            const char *protocol, int side)
{
    struct sm_noise_params p = { .protocol = protocol,
                                 .initiator = side == 0 };
    struct sm_noise_needs want;

    ck_assert_int_eq(sm_noise_needs(protocol, side == 0, &want), 0);
    p.prologue = "prologue";
    p.prologue_len = 8;
    if (want.local_static) {
        p.static_public = k->public[side];
        p.static_secret = k->secret[side];
    }
    if (want.remote_static)
        p.remote_static = k->public[!side];
    p.psks = k->psks;
    p.n_psks = want.psks;
    return p;
}

static UNUSED void pair_start_with(struct pair *pair, const char *protocol,
                                   const struct keys *k)
{
    struct sm_noise_params p;
    int i;

    pair->keys = *k;
    for (i = 0; i < 2; i++) {
        p = params(&pair->keys, protocol, i);
        ck_assert_int_eq(sm_noise_new(&pair->side[i], &p), 0);
    }
}

static UNUSED void pair_start(struct pair *pair, const char *protocol)
{
    struct keys k;

    make_keys(&k);
    pair_start_with(pair, protocol, &k);
}

static UNUSED void pair_end(struct pair *pair)
{
    sm_noise_free(pair->side[0]);
    sm_noise_free(pair->side[1]);
}

/* Whose message is number `m`, counted from 0. */
static UNUSED int writer(unsigned int m)
{
    return m % 2 ? 1 : 0;
}

static UNUSED void write_ok(struct sm_noise *n, const char *payload,
                            struct wire *w)
{
    ck_assert_int_eq(sm_noise_write(n, payload, strlen(payload), w->data,
                                    sizeof(w->data), &w->len), 0);
}

static UNUSED int read_wire(struct sm_noise *n, const struct wire *w)
{
    uint8_t payload[WIRE_MAX];
    size_t len;

    return sm_noise_read(n, w->data, w->len, payload, sizeof(payload), &len);
}

/* Exchange messages until number `stop` (counted from 0) is due, each with
 * a payload; the last one written is left in `w`. */
static UNUSED void run_until(struct pair *pair, unsigned int stop,
                             struct wire *w)
{
    unsigned int m;

    for (m = 0; m < stop; m++) {
        write_ok(pair->side[writer(m)], "payload", w);
        ck_assert_int_eq(read_wire(pair->side[!writer(m)], w), 0);
    }
}

static UNUSED void run_all(struct pair *pair)
{
    struct wire w;
    unsigned int m;

    for (m = 0; !sm_noise_done(pair->side[0]); m++) {
        write_ok(pair->side[writer(m)], "payload", &w);
        ck_assert_int_eq(read_wire(pair->side[!writer(m)], &w), 0);
    }
    ck_assert(sm_noise_done(pair->side[1]));
}

/* Whether a suite is here; if not, the case (its function is called NAME_fn
 * by Check) is skipped aloud. */
static UNUSED bool have_suite(int suite, const char *name)
{
    if (sm_suite_available() & SM_SUITE_BIT(suite))
        return true;
    printf("skip - %.*s: %s is not here\n", (int)strlen(name) - 3, name,
           sm_suite_name((unsigned int)suite));
    fflush(stdout);
    return false;
}

/* The same for a protocol. */
static UNUSED bool have_protocol(const char *protocol, const char *name)
{
    const char *why = sm_noise_unsupported(protocol);

    if (!why)
        return true;
    printf("skip - %.*s: %s: %s\n", (int)strlen(name) - 3, name, protocol,
           why);
    fflush(stdout);
    return false;
}

/* A handshake that failed to read stays dead, and tells nothing. */
static UNUSED void check_dead(struct sm_noise *n)
{
    uint8_t out[WIRE_MAX], hash[SM_HASH_MAX], key[SM_NOISE_KEY_LEN];
    size_t len;

    ck_assert(!sm_noise_done(n));
    ck_assert(!sm_noise_my_turn(n));
    ck_assert_int_eq(sm_noise_read(n, out, 200, out, sizeof(out), &len),
                     SM_USAGE);
    ck_assert_int_eq(sm_noise_write(n, "", 0, out, sizeof(out), &len),
                     SM_USAGE);
    ck_assert_int_eq(sm_noise_hash(n, hash, &len), SM_STATE);
    ck_assert_int_eq(sm_noise_remote_static(n, key), SM_STATE);
    ck_assert_int_eq(sm_noise_split(n, key, key), SM_STATE);
}

static UNUSED int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
