/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handshakes under attack: every changed, cut, lengthened, reordered,
 * replayed, spliced or reflected message.  Keys of low order are in
 * test_noise_low_order.c.
 */
#include "noise_pair.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * `open`: message 1 is sent before there is any key.  A change to it passes
 * unseen, and must be seen in message 2.
 */
static const struct {
    const char *protocol;
    unsigned int messages;
    bool open;
} rows[] = {
    { XX, 3, true },
    { XXHFS, 3, true },
    { "Noise_XX_25519_AESGCM_SHA256", 3, true },
    { "Noise_NN_25519_ChaChaPoly_BLAKE2b", 2, true },
    { "Noise_NX_25519_ChaChaPoly_BLAKE2b", 2, true },
    { "Noise_XN_25519_ChaChaPoly_BLAKE2b", 3, true },
    { "Noise_IX_25519_ChaChaPoly_SHA512", 2, true },
    { "Noise_KX_25519_ChaChaPoly_BLAKE2b", 2, true },
    { XXPSK0, 3, false },
    { "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b", 2, false },
    { "Noise_NK_25519_ChaChaPoly_BLAKE2b", 2, false },
    { "Noise_KK_25519_ChaChaPoly_SHA256", 2, false },
    { "Noise_XK_25519_AESGCM_BLAKE2b", 3, false },
    { "Noise_IK_25519_ChaChaPoly_BLAKE2b", 2, false },
    { "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b", 2, false },
    { "Noise_X_25519_ChaChaPoly_BLAKE2b", 1, false },
};

/*
 * `w` is message `m` after an attack; the pair stands just before reading
 * it.  It must be refused now or, when message 1 is open, one message later.
 */
static void must_fail(struct pair *pair, unsigned int m, bool open,
                      const struct wire *w)
{
    struct sm_noise *reader = pair->side[!writer(m)];
    struct wire answer;
    int rc;

    rc = read_wire(reader, w);
    if (rc) {
        ck_assert(rc == SM_AUTH || rc == SM_PROTOCOL);
        check_dead(reader);
        return;
    }
    ck_assert_uint_eq(m, 0);
    ck_assert(open);
    rc = sm_noise_write(reader, "answer", 6, answer.data,
                        sizeof(answer.data), &answer.len);
    if (rc) {                   /* it is no key of the KEM any more */
        ck_assert_int_eq(rc, SM_PROTOCOL);
        check_dead(reader);
        return;
    }
    rc = read_wire(pair->side[0], &answer);
    ck_assert(rc == SM_AUTH || rc == SM_PROTOCOL);
    check_dead(pair->side[0]);
}

/* Everything up to message `m` honestly, and `m` written. */
static void prepare(struct pair *pair, size_t row, unsigned int m,
                    struct wire *w)
{
    pair_start(pair, rows[row].protocol);
    run_until(pair, m, w);
    write_ok(pair->side[writer(m)], "payload", w);
}

START_TEST(a_flipped_bit_in_any_byte_is_refused)
{
    unsigned int m, flips = 0;
    struct pair pair;
    struct wire w;
    size_t i, len;

    if (!have_protocol(rows[_i].protocol, __func__))
        return;
    for (m = 0; m < rows[_i].messages; m++)
        for (i = 0, len = 1; i < len; i++) {
            prepare(&pair, (size_t)_i, m, &w);
            len = w.len;
            w.data[i] ^= (uint8_t)(1 << (i % 8));
            must_fail(&pair, m, rows[_i].open, &w);
            pair_end(&pair);
            flips++;
        }
    ck_assert_uint_ge(flips, 32 * rows[_i].messages);
}
END_TEST

/* X25519 ignores the top bit of a public key: the transcript does not. */
START_TEST(the_ignored_bit_of_a_public_key_is_no_exception)
{
    struct pair pair;
    struct wire w;
    unsigned int m;

    if (!have_protocol(rows[_i].protocol, __func__))
        return;
    for (m = 0; m < rows[_i].messages && m < 2; m++) {
        prepare(&pair, (size_t)_i, m, &w);
        w.data[SM_DH_LEN - 1] ^= 0x80;
        must_fail(&pair, m, rows[_i].open, &w);
        pair_end(&pair);
    }
}
END_TEST

START_TEST(a_message_cut_at_any_byte_is_refused)
{
    struct pair pair;
    struct wire w;
    unsigned int m;
    size_t cut, len;

    if (!have_protocol(rows[_i].protocol, __func__))
        return;
    for (m = 0; m < rows[_i].messages; m++)
        for (cut = 0, len = 1; cut < len; cut++) {
            prepare(&pair, (size_t)_i, m, &w);
            len = w.len;
            w.len = cut;
            must_fail(&pair, m, rows[_i].open, &w);
            pair_end(&pair);
        }
}
END_TEST

START_TEST(trailing_garbage_is_refused)
{
    static const size_t extra[] = { 1, 16, 32, 200 };
    struct pair pair;
    struct wire w;
    unsigned int m;
    size_t i;

    if (!have_protocol(rows[_i].protocol, __func__))
        return;
    for (m = 0; m < rows[_i].messages; m++)
        for (i = 0; i < COUNT(extra); i++) {
            prepare(&pair, (size_t)_i, m, &w);
            memset(w.data + w.len, 0, extra[i]);
            w.len += extra[i];
            must_fail(&pair, m, rows[_i].open, &w);
            pair_end(&pair);
        }
}
END_TEST

START_TEST(a_message_of_another_session_is_refused)
{
    struct pair one, two;
    struct wire w, other;
    unsigned int m;

    if (!have_protocol(rows[_i].protocol, __func__))
        return;
    /* Message 1 alone can be replayed: what follows must fail. */
    for (m = 1; m < rows[_i].messages; m++) {
        prepare(&one, (size_t)_i, m, &w);
        pair_start_with(&two, rows[_i].protocol, &one.keys);
        run_until(&two, m, &other);
        write_ok(two.side[writer(m)], "payload", &other);
        ck_assert_int_eq(read_wire(two.side[!writer(m)], &w), SM_AUTH);
        check_dead(two.side[!writer(m)]);
        pair_end(&one);
        pair_end(&two);
    }
}
END_TEST

START_TEST(a_replayed_session_ends_before_it_proves_anything)
{
    struct pair victim, replay;
    struct wire w[3], answer;
    unsigned int m;

    pair_start(&victim, _i ? XXPSK0 : XX);
    for (m = 0; m < 3; m++) {
        write_ok(victim.side[writer(m)], "payload", &w[m]);
        ck_assert_int_eq(read_wire(victim.side[!writer(m)], &w[m]), 0);
    }
    /* The same responder meets the recorded messages 1 and 3 again. */
    pair_start_with(&replay, _i ? XXPSK0 : XX, &victim.keys);
    ck_assert_int_eq(read_wire(replay.side[1], &w[0]), 0);
    ck_assert(!sm_noise_done(replay.side[1]));
    write_ok(replay.side[1], "payload", &answer);
    ck_assert_int_eq(read_wire(replay.side[1], &w[2]), SM_AUTH);
    check_dead(replay.side[1]);
    pair_end(&victim);
    pair_end(&replay);
}
END_TEST

START_TEST(messages_out_of_order_are_refused)
{
    struct pair pair, twin;
    struct wire w[3];
    unsigned int m;

    pair_start(&pair, XX);
    for (m = 0; m < 3; m++) {
        write_ok(pair.side[writer(m)], "payload", &w[m]);
        ck_assert_int_eq(read_wire(pair.side[!writer(m)], &w[m]), 0);
    }
    /* 3 before 1: taken for an open message 1, refused in message 2. */
    pair_start_with(&twin, XX, &pair.keys);
    write_ok(twin.side[0], "payload", &w[0]);
    must_fail(&twin, 0, true, &w[2]);
    pair_end(&twin);
    /* 1 twice. */
    pair_start_with(&twin, XX, &pair.keys);
    run_until(&twin, 2, &w[1]);
    ck_assert_int_ne(read_wire(twin.side[1], &w[0]), 0);
    check_dead(twin.side[1]);
    pair_end(&twin);
    /* 2 twice: it is not the responder's turn any more. */
    pair_start_with(&twin, XX, &pair.keys);
    run_until(&twin, 2, &w[1]);
    ck_assert_int_eq(read_wire(twin.side[0], &w[1]), SM_USAGE);
    pair_end(&twin);
    pair_end(&pair);
}
END_TEST

START_TEST(our_own_message_sent_back_is_refused)
{
    static const char *const protocols[] = {
        XX, XXPSK0, "Noise_NN_25519_ChaChaPoly_BLAKE2b",
        "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b",
        "Noise_KK_25519_ChaChaPoly_BLAKE2b",
        "Noise_IK_25519_ChaChaPoly_BLAKE2b",
    };
    struct pair pair;
    struct wire w;

    pair_start(&pair, protocols[_i]);
    /* Long enough that the length alone does not give it away. */
    write_ok(pair.side[0], "a payload that makes message 1 as long as any "
             "message 2 must be, and more", &w);
    ck_assert_int_eq(read_wire(pair.side[0], &w), SM_PROTOCOL);
    check_dead(pair.side[0]);
    pair_end(&pair);
}
END_TEST

START_TEST(a_message_of_the_other_direction_is_refused)
{
    struct pair one, two;
    struct wire w, x;

    /* The responder's message 2 offered as message 3 and as message 1. */
    pair_start(&one, XX);
    run_until(&one, 1, &w);
    write_ok(one.side[1], "payload", &w);
    ck_assert_int_ne(read_wire(one.side[1], &w), 0);
    check_dead(one.side[1]);
    pair_start_with(&two, XX, &one.keys);
    write_ok(two.side[0], "payload", &x);
    must_fail(&two, 0, true, &w);
    pair_end(&one);
    pair_end(&two);
}
END_TEST

START_TEST(our_own_static_key_is_never_a_peer)
{
    struct sm_noise_params p;
    struct pair pair;
    struct wire w;

    /* A host that talks to itself, with fresh ephemeral keys. */
    make_keys(&pair.keys);
    p = params(&pair.keys, XX, 0);
    ck_assert_int_eq(sm_noise_new(&pair.side[0], &p), 0);
    p.initiator = false;
    ck_assert_int_eq(sm_noise_new(&pair.side[1], &p), 0);
    run_until(&pair, 1, &w);
    write_ok(pair.side[1], "payload", &w);
    ck_assert_int_eq(read_wire(pair.side[0], &w), SM_PROTOCOL);
    check_dead(pair.side[0]);
    pair_end(&pair);
}
END_TEST

/* ---- what both sides must know ---- */

static void mismatch(const char *protocol, unsigned int fails_at,
                     void (*change)(struct sm_noise_params *p))
{
    struct sm_noise_params p;
    struct pair pair;
    struct wire w;

    make_keys(&pair.keys);
    p = params(&pair.keys, protocol, 0);
    ck_assert_int_eq(sm_noise_new(&pair.side[0], &p), 0);
    p = params(&pair.keys, protocol, 1);
    change(&p);
    ck_assert_int_eq(sm_noise_new(&pair.side[1], &p), 0);
    run_until(&pair, fails_at, &w);
    write_ok(pair.side[writer(fails_at)], "payload", &w);
    ck_assert_int_eq(read_wire(pair.side[!writer(fails_at)], &w), SM_AUTH);
    check_dead(pair.side[!writer(fails_at)]);
    pair_end(&pair);
}

static uint8_t other_key[SM_DH_LEN], other_public[SM_DH_LEN];

static void other_prologue(struct sm_noise_params *p)
{
    p->prologue = "prologuf";
}

static void no_prologue(struct sm_noise_params *p)
{
    p->prologue_len = 0;
}

static void other_psk(struct sm_noise_params *p)
{
    static uint8_t psks[1][SM_NOISE_PSK_LEN] = { { 9 } };

    p->psks = psks;
}

static void other_static(struct sm_noise_params *p)
{
    sm_dh_keypair(other_key, other_public);
    p->static_secret = other_key;
    p->static_public = other_public;
}

static void other_remote(struct sm_noise_params *p)
{
    sm_dh_keypair(other_key, other_public);
    p->remote_static = other_public;
}

START_TEST(another_prologue_psk_or_key_is_refused)
{
    mismatch(XX, 1, other_prologue);
    mismatch(XX, 1, no_prologue);
    mismatch("Noise_IK_25519_ChaChaPoly_BLAKE2b", 0, other_prologue);
    mismatch(XXPSK0, 0, other_psk);
    mismatch("Noise_XXpsk3_25519_ChaChaPoly_BLAKE2b", 2, other_psk);
    mismatch("Noise_IK_25519_ChaChaPoly_BLAKE2b", 0, other_static);
    mismatch("Noise_KK_25519_ChaChaPoly_BLAKE2b", 0, other_static);
    mismatch("Noise_KK_25519_ChaChaPoly_BLAKE2b", 0, other_remote);
}
END_TEST

START_TEST(another_protocol_is_refused)
{
    struct pair a, b;
    struct wire w;

    /* Same lengths, other cipher and hash: only the name tells. */
    pair_start(&a, XX);
    pair_start_with(&b, "Noise_XX_25519_ChaChaPoly_SHA512", &a.keys);
    write_ok(a.side[0], "", &w);
    ck_assert_int_eq(read_wire(b.side[1], &w), 0);
    write_ok(b.side[1], "", &w);
    ck_assert_int_eq(read_wire(a.side[0], &w), SM_AUTH);
    pair_end(&a);
    pair_end(&b);

    /* A stranger without the PSK speaks plain XX. */
    pair_start(&a, XX);
    pair_start_with(&b, XXPSK0, &a.keys);
    write_ok(a.side[0], "", &w);
    ck_assert_int_eq(read_wire(b.side[1], &w), SM_PROTOCOL);
    pair_end(&a);
    pair_end(&b);
}
END_TEST

static int count_dh(void *ctx, const uint8_t public[static SM_DH_LEN],
                    uint8_t shared[static SM_DH_LEN])
{
    (void)public;
    memset(shared, 1, SM_DH_LEN);
    ++*(int *)ctx;
    return 0;
}

START_TEST(strangers_without_the_psk_cost_no_diffie_hellman)
{
    struct sm_noise_params p;
    struct wire w = { .len = 48 };
    struct sm_noise *n;
    struct keys k;
    int calls = 0;

    make_keys(&k);
    p = params(&k, XXPSK0, 1);
    p.static_secret = NULL;
    p.dh = count_dh;
    p.dh_ctx = &calls;
    ck_assert_int_eq(sm_noise_new(&n, &p), 0);
    memset(w.data, 0x42, w.len);
    ck_assert_int_eq(read_wire(n, &w), SM_AUTH);
    ck_assert_int_eq(calls, 0);
    check_dead(n);
    sm_noise_free(n);
}
END_TEST

START_TEST(a_failed_read_gives_out_no_plaintext)
{
    static const char secret[] = "the payload of message two";
    uint8_t out[WIRE_MAX];
    struct pair pair;
    struct wire w;
    size_t len = 7, i;

    pair_start(&pair, XX);
    run_until(&pair, 1, &w);
    write_ok(pair.side[1], secret, &w);
    w.data[w.len - 1] ^= 1;
    memset(out, 0xee, sizeof(out));
    ck_assert_int_eq(sm_noise_read(pair.side[0], w.data, w.len, out,
                                   sizeof(out), &len), SM_AUTH);
    ck_assert_uint_eq(len, 0);
    for (i = 0; i + 4 < sizeof(out); i++)
        ck_assert_mem_ne(out + i, secret, 4);
    pair_end(&pair);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("noise under attack");
    TCase *t = tcase_create("attack");
    const int n = (int)COUNT(rows);

    if (sm_secret_init())
        return EXIT_FAILURE;
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, a_flipped_bit_in_any_byte_is_refused, 0, n);
    tcase_add_loop_test(t, the_ignored_bit_of_a_public_key_is_no_exception,
                        0, n);
    tcase_add_loop_test(t, a_message_cut_at_any_byte_is_refused, 0, n);
    tcase_add_loop_test(t, trailing_garbage_is_refused, 0, n);
    tcase_add_loop_test(t, a_message_of_another_session_is_refused, 0, n);
    tcase_add_loop_test(t, a_replayed_session_ends_before_it_proves_anything,
                        0, 2);
    tcase_add_test(t, messages_out_of_order_are_refused);
    tcase_add_loop_test(t, our_own_message_sent_back_is_refused, 0, 6);
    tcase_add_test(t, a_message_of_the_other_direction_is_refused);
    tcase_add_test(t, our_own_static_key_is_never_a_peer);
    tcase_add_test(t, another_prologue_psk_or_key_is_refused);
    tcase_add_test(t, another_protocol_is_refused);
    tcase_add_test(t, strangers_without_the_psk_cost_no_diffie_hellman);
    tcase_add_test(t, a_failed_read_gives_out_no_plaintext);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
