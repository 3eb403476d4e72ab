/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * noise_vectors FILE.json
 *
 * Runs every vector of a file in the common JSON form (cacophony, snow,
 * noise-c): both sides are played with the keys given, each message must
 * come out byte for byte and be read back, handshake and transport, and the
 * handshake hash must be the one given, where one is given.
 *
 * Exits 0 when at least one vector matched and none failed; 1 when one
 * failed; 77 when all were skipped; 2 when the file holds no vectors.
 */
#include "vectors.h"

#include "base/secret.h"
#include "channel/noise.h"

#define MAX_PSKS 5

struct side {
    struct bytes prologue, local_static, ephemeral, remote_static;
    uint8_t psks[MAX_PSKS][SM_NOISE_PSK_LEN];
    unsigned int n_psks;
    struct sm_noise *noise;
    struct sm_noise_cipher tx, rx;
};

static void side_dispose(struct side *s)
{
    bytes_free(&s->prologue);
    bytes_free(&s->local_static);
    bytes_free(&s->ephemeral);
    bytes_free(&s->remote_static);
    sm_noise_free(s->noise);
    sm_noise_cipher_wipe(&s->tx);
    sm_noise_cipher_wipe(&s->rx);
}

/* A member of this side ("init_" or "resp_"); absent is empty and fine. */
static bool side_hex(yajl_val v, const char *prefix, const char *name,
                     struct bytes *out)
{
    char full[64];
    yajl_val m;

    snprintf(full, sizeof(full), "%s%s", prefix, name);
    m = member(v, full);
    if (!m) {
        memset(out, 0, sizeof(*out));
        return true;
    }
    return hex_of(m, out);
}

static bool add_psk(struct side *s, yajl_val v)
{
    struct bytes psk;
    bool ok;

    if (!hex_of(v, &psk))
        return false;
    ok = psk.len == SM_NOISE_PSK_LEN && s->n_psks < MAX_PSKS;
    if (ok)
        memcpy(s->psks[s->n_psks++], psk.data, psk.len);
    bytes_free(&psk);
    return ok;
}

static bool side_psks(yajl_val v, const char *prefix, struct side *s)
{
    char many[64], one[64];
    yajl_val m;
    size_t i;

    snprintf(many, sizeof(many), "%spsks", prefix);
    snprintf(one, sizeof(one), "%spsk", prefix);
    m = member(v, one);
    if (m)
        return add_psk(s, m);
    m = member(v, many);
    if (!m)
        return true;
    if (!YAJL_IS_ARRAY(m))
        return false;
    for (i = 0; i < YAJL_GET_ARRAY(m)->len; i++)
        if (!add_psk(s, YAJL_GET_ARRAY(m)->values[i]))
            return false;
    return true;
}

/* Read one side and start its handshake.  Returns NULL or what failed. */
static const char *side_start(yajl_val v, const char *protocol,
                              bool initiator, struct side *s)
{
    const char *prefix = initiator ? "init_" : "resp_";
    struct sm_noise_params p = { .protocol = protocol,
                                 .initiator = initiator };
    uint8_t public[SM_DH_LEN];
    struct sm_noise_needs want;

    if (!side_hex(v, prefix, "prologue", &s->prologue) ||
        !side_hex(v, prefix, "static", &s->local_static) ||
        !side_hex(v, prefix, "ephemeral", &s->ephemeral) ||
        !side_hex(v, prefix, "remote_static", &s->remote_static) ||
        !side_psks(v, prefix, s))
        return "a member is not what it should be";
    if (sm_noise_needs(protocol, initiator, &want))
        return "needs unknown";

    p.prologue = s->prologue.data;
    p.prologue_len = s->prologue.len;
    /* Some files give a key that the pattern has no place for. */
    if (want.local_static) {
        if (s->local_static.len != SM_DH_LEN ||
            sm_dh_public(s->local_static.data, public))
            return "static key missing or not 32 bytes";
        p.static_public = public;
        p.static_secret = s->local_static.data;
    }
    if (want.remote_static) {
        if (s->remote_static.len != SM_DH_LEN)
            return "remote static key missing or not 32 bytes";
        p.remote_static = s->remote_static.data;
    }
    if (s->ephemeral.len) {
        if (s->ephemeral.len != SM_DH_LEN)
            return "ephemeral key is not 32 bytes";
        p.ephemeral_secret = s->ephemeral.data;
    }
    p.psks = (const uint8_t (*)[SM_NOISE_PSK_LEN])s->psks;
    p.n_psks = s->n_psks;
    return sm_noise_new(&s->noise, &p) ? "handshake does not start" : NULL;
}

static const char *check_end(yajl_val v, struct side *a, struct side *b)
{
    uint8_t ours[SM_HASH_MAX], theirs[SM_HASH_MAX];
    struct bytes want = { 0 };
    size_t n, m;
    bool same;

    if (sm_noise_hash(a->noise, ours, &n) ||
        sm_noise_hash(b->noise, theirs, &m) || n != m ||
        memcmp(ours, theirs, n))
        return "the sides' handshake hashes differ";
    if (member(v, "handshake_hash")) {
        if (!hex_of(member(v, "handshake_hash"), &want))
            return "handshake hash is not hexadecimal";
        same = want.len == n && !memcmp(want.data, ours, n);
        bytes_free(&want);
        if (!same)
            return "handshake hash differs";
    }
    if (sm_noise_transport(a->noise, &a->tx, &a->rx) ||
        sm_noise_transport(b->noise, &b->tx, &b->rx))
        return "no transport keys";
    return NULL;
}

/* One message from `from` to `to`, both of which know the phase. */
static const char *one_message(struct side *from, struct side *to,
                               const struct bytes *payload,
                               const struct bytes *want)
{
    static uint8_t wire[SM_NOISE_MESSAGE_MAX], back[SM_NOISE_MESSAGE_MAX];
    size_t n, m;

    if (!sm_noise_done(from->noise)) {
        if (!sm_noise_my_turn(from->noise) || sm_noise_my_turn(to->noise))
            return "not the writer's turn";
        if (sm_noise_write(from->noise, payload->data, payload->len, wire,
                           sizeof(wire), &n))
            return "handshake message cannot be written";
    } else {
        n = payload->len + SM_NOISE_TAG_LEN;
        if (n > sizeof(wire) ||
            sm_noise_cipher_encrypt(&from->tx, NULL, 0, payload->data,
                                    payload->len, wire))
            return "transport message cannot be written";
    }
    if (n != want->len || memcmp(wire, want->data, n))
        return "ciphertext differs";

    if (!sm_noise_done(to->noise)) {
        if (sm_noise_read(to->noise, wire, n, back, sizeof(back), &m))
            return "handshake message cannot be read back";
    } else {
        m = n - SM_NOISE_TAG_LEN;
        if (sm_noise_cipher_decrypt(&to->rx, NULL, 0, wire, n, back))
            return "transport message cannot be read back";
    }
    if (m != payload->len || memcmp(back, payload->data, m))
        return "payload differs";
    return NULL;
}

static const char *run_messages(yajl_val v, const char *protocol,
                                struct side *a, struct side *b)
{
    yajl_val list = member(v, "messages"), row;
    struct bytes payload = { 0 }, want = { 0 };
    struct sm_noise_needs needs;
    const char *why = NULL;
    bool first, split = false;
    size_t i, n;

    if (!list || !YAJL_IS_ARRAY(list) || !YAJL_GET_ARRAY(list)->len)
        return "no messages";
    if (sm_noise_needs(protocol, true, &needs))
        return "needs unknown";
    n = YAJL_GET_ARRAY(list)->len;
    for (i = 0; i < n && !why; i++) {
        row = YAJL_GET_ARRAY(list)->values[i];
        if (!hex_of(member(row, "payload"), &payload) ||
            !hex_of(member(row, "ciphertext"), &want)) {
            why = "a message is not hexadecimal";
        } else {
            first = needs.one_way || i % 2 == 0;
            why = one_message(first ? a : b, first ? b : a, &payload,
                              &want);
        }
        bytes_free(&payload);
        bytes_free(&want);
        if (!why && !split && sm_noise_done(a->noise) &&
            sm_noise_done(b->noise)) {
            why = check_end(v, a, b);
            split = true;
        }
    }
    if (!why && !split)
        why = "the messages end before the handshake";
    return why;
}

static const char *run_vector(yajl_val v, const char *protocol)
{
    struct side a = { .noise = NULL }, b = { .noise = NULL };
    const char *why;

    why = side_start(v, protocol, true, &a);
    if (!why)
        why = side_start(v, protocol, false, &b);
    if (!why)
        why = run_messages(v, protocol, &a, &b);
    side_dispose(&a);
    side_dispose(&b);
    return why;
}

int main(int argc, char **argv)
{
    struct tally skipped = { .total = 0 }, failed = { .total = 0 };
    unsigned int matched = 0;
    const char *protocol, *why;
    yajl_val root, list, v;
    size_t i;

    if (argc != 2) {
        fprintf(stderr, "usage: noise_vectors FILE.json\n");
        return 2;
    }
    if (sm_secret_init()) {
        fprintf(stderr, "noise_vectors: no libsodium\n");
        return 2;
    }
    root = load(argv[1]);
    list = member(root, "vectors");
    if (!list || !YAJL_IS_ARRAY(list) || !YAJL_GET_ARRAY(list)->len) {
        fprintf(stderr, "%s: holds no vectors\n", argv[1]);
        return 2;
    }

    for (i = 0; i < YAJL_GET_ARRAY(list)->len; i++) {
        v = YAJL_GET_ARRAY(list)->values[i];
        protocol = text_of(member(v, "protocol_name"));
        if (!protocol)
            protocol = text_of(member(v, "name"));
        if (!protocol) {
            tally_add(&failed, "no protocol name");
            printf("not ok - vector %zu: no protocol name\n", i);
            continue;
        }
        why = sm_noise_unsupported(protocol);
        if (why) {
            tally_add(&skipped, why);
            continue;
        }
        why = run_vector(v, protocol);
        if (why) {
            tally_add(&failed, why);
            printf("not ok - vector %zu, %s: %s\n", i, protocol, why);
        } else {
            matched++;
        }
    }
    yajl_tree_free(root);

    tally_print(&skipped, "skipped");
    tally_print(&failed, "failed");
    if (!failed.total && matched)
        printf("ok - Noise vectors: ");
    else if (!failed.total)
        printf("skip - Noise vectors: all skipped: ");
    else
        printf("not ok - Noise vectors: ");
    printf("%u matched, %u skipped, %u failed\n", matched, skipped.total,
           failed.total);
    return failed.total ? 1 : matched ? 0 : 77;
}
