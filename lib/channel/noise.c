/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/noise.h"

#include <string.h>

#include "base/secret.h"
#include "channel/kem.h"
#include "channel/noise_pattern.h"
#include "channel/noise_symmetric.h"

/* Lives whole in locked memory.  The symmetric state comes first: it holds
 * the member with the largest alignment. */
struct sm_noise {
    struct sm_noise_symmetric symmetric;
    struct sm_noise_pattern pattern;
    bool initiator;
    unsigned int message;       /* index of the next one */
    unsigned int psk;           /* index of the next one */
    bool dead, split;
    bool have_s, have_rs;
    uint8_t s_secret[SM_DH_LEN], s[SM_DH_LEN];
    uint8_t e_secret[SM_DH_LEN], e[SM_DH_LEN];
    uint8_t rs[SM_DH_LEN], re[SM_DH_LEN];
    uint8_t psks[SM_NOISE_PATTERN_PSKS][SM_NOISE_PSK_LEN];
    uint8_t kem_secret[SM_KEM_SECRET_LEN];
    uint8_t kem_public[SM_KEM_PUBLIC_LEN];      /* ours, or theirs */
    uint8_t kem_seed[SM_KEM_SEED_LEN];
    bool fixed_e, fixed_kem;    /* tests gave the ephemeral keys */
    int (*dh)(void *ctx, const uint8_t public[static SM_DH_LEN],
              uint8_t shared[static SM_DH_LEN]);
    void *dh_ctx;
};

const char *sm_noise_unsupported(const char *protocol)
{
    struct sm_noise_pattern pattern;

    return sm_noise_pattern_parse(protocol, &pattern);
}

static bool sends_static(const struct sm_noise_pattern *p, bool initiator)
{
    unsigned int m = initiator ? 0 : 1;

    for (; m < p->n_messages; m += 2)
        if (memchr(p->messages[m], SM_NOISE_S, SM_NOISE_PATTERN_TOKENS))
            return true;
    return false;
}

static void needs(const struct sm_noise_pattern *p, bool initiator,
                  struct sm_noise_needs *out)
{
    out->local_static = (initiator ? p->initiator_known
                                   : p->responder_known) ||
                        sends_static(p, initiator);
    out->remote_static = initiator ? p->responder_known : p->initiator_known;
    out->psks = p->n_psks;
    out->one_way = p->n_messages == 1;
}

int sm_noise_needs(const char *protocol, bool initiator,
                   struct sm_noise_needs *out)
{
    struct sm_noise_pattern pattern;

    if (sm_noise_pattern_parse(protocol, &pattern))
        return SM_CONFIG;
    needs(&pattern, initiator, out);
    return 0;
}

/* ---- start and end ---- */

static int take_static(struct sm_noise *n, const struct sm_noise_params *p)
{
    uint8_t public[SM_DH_LEN];

    if (!p->static_public || !p->static_secret == !p->dh)
        return SM_USAGE;
    memcpy(n->s, p->static_public, SM_DH_LEN);
    n->have_s = true;
    if (!p->static_secret)
        return 0;
    memcpy(n->s_secret, p->static_secret, SM_DH_LEN);
    if (sm_dh_public(n->s_secret, public) ||
        memcmp(public, n->s, SM_DH_LEN))
        return SM_USAGE;
    return 0;
}

static int take_params(struct sm_noise *n, const struct sm_noise_params *p)
{
    struct sm_noise_needs want;
    int rc;

    needs(&n->pattern, p->initiator, &want);
    if (want.local_static !=
        (p->static_public || p->static_secret || p->dh) ||
        want.remote_static != (p->remote_static != NULL) ||
        want.psks != p->n_psks || (p->n_psks && !p->psks) ||
        (p->prologue_len && !p->prologue))
        return SM_USAGE;

    if (want.local_static) {
        rc = take_static(n, p);
        if (rc)
            return rc;
    }
    if (want.remote_static) {
        if (n->have_s && !memcmp(n->s, p->remote_static, SM_DH_LEN))
            return SM_USAGE;
        memcpy(n->rs, p->remote_static, SM_DH_LEN);
        n->have_rs = true;
    }
    if (p->n_psks)
        memcpy(n->psks, p->psks, p->n_psks * SM_NOISE_PSK_LEN);
    if (p->ephemeral_secret) {
        memcpy(n->e_secret, p->ephemeral_secret, SM_DH_LEN);
        n->fixed_e = true;
    }
    if (p->kem_seed) {
        memcpy(n->kem_seed, p->kem_seed, p->initiator ? SM_KEM_SEED_LEN :
               SM_KEM_ENCAPS_SEED_LEN);
        n->fixed_kem = true;
    }
    n->initiator = p->initiator;
    n->dh = p->dh;
    n->dh_ctx = p->dh_ctx;
    return 0;
}

int sm_noise_new(struct sm_noise **out, const struct sm_noise_params *p)
{
    const uint8_t *first, *second;
    struct sm_noise *n = NULL;
    void *memory;
    int rc;

    *out = NULL;
    if (!p->protocol)
        return SM_USAGE;
    if (sm_noise_unsupported(p->protocol))
        return SM_CONFIG;
    rc = sm_secret_new(&memory, sizeof(*n));
    if (rc)
        return rc;
    n = memory;

    (void)sm_noise_pattern_parse(p->protocol, &n->pattern);
    rc = take_params(n, p);
    if (rc)
        goto out;
    sm_noise_symmetric_init(&n->symmetric, n->pattern.suite,
                            n->pattern.hash, p->protocol);
    sm_noise_symmetric_mix_hash(&n->symmetric, p->prologue,
                                p->prologue_len);
    /* Pre-messages: the initiator's public key first. */
    first = n->initiator ? n->s : n->rs;
    second = n->initiator ? n->rs : n->s;
    if (n->pattern.initiator_known)
        sm_noise_symmetric_mix_hash(&n->symmetric, first, SM_DH_LEN);
    if (n->pattern.responder_known)
        sm_noise_symmetric_mix_hash(&n->symmetric, second, SM_DH_LEN);
    *out = n;
    n = NULL;
    rc = 0;

 out:
    sm_noise_free(n);
    return rc;
}

void sm_noise_free(struct sm_noise *n)
{
    sm_secret_free(n);
}

/* Forget all that is secret, for good. */
static int give_up(struct sm_noise *n, int rc)
{
    n->dead = true;
    sm_secret_wipe(&n->symmetric, sizeof(n->symmetric));
    sm_secret_wipe(n->s_secret, sizeof(n->s_secret));
    sm_secret_wipe(n->e_secret, sizeof(n->e_secret));
    sm_secret_wipe(n->kem_secret, sizeof(n->kem_secret));
    sm_secret_wipe(n->psks, sizeof(n->psks));
    return rc;
}

/* ---- questions ---- */

bool sm_noise_done(const struct sm_noise *n)
{
    return !n->dead && n->message == n->pattern.n_messages;
}

static bool under_way(const struct sm_noise *n)
{
    return !n->dead && n->message < n->pattern.n_messages;
}

bool sm_noise_my_turn(const struct sm_noise *n)
{
    return under_way(n) && n->initiator == (n->message % 2 == 0);
}

size_t sm_noise_overhead(const struct sm_noise *n)
{
    bool key = n->symmetric.cipher.has_key;
    const uint8_t *token;
    size_t sum = 0;

    if (!under_way(n))
        return 0;
    for (token = n->pattern.messages[n->message]; *token; token++) {
        if (*token == SM_NOISE_E) {
            sum += SM_DH_LEN;
            key = key || n->pattern.n_psks;
        } else if (*token == SM_NOISE_S) {
            sum += SM_DH_LEN + (key ? SM_NOISE_TAG_LEN : 0);
        } else if (*token == SM_NOISE_E1) {
            sum += SM_KEM_PUBLIC_LEN + (key ? SM_NOISE_TAG_LEN : 0);
        } else if (*token == SM_NOISE_EKEM1) {
            sum += SM_KEM_CIPHERTEXT_LEN + (key ? SM_NOISE_TAG_LEN : 0);
            key = true;
        } else {
            key = true;
        }
    }
    return sum + (key ? SM_NOISE_TAG_LEN : 0);
}

int sm_noise_remote_static(const struct sm_noise *n,
                           uint8_t out[static SM_NOISE_KEY_LEN])
{
    if (n->dead || !n->have_rs)
        return SM_STATE;
    memcpy(out, n->rs, SM_NOISE_KEY_LEN);
    return 0;
}

int sm_noise_hash(const struct sm_noise *n, uint8_t out[static SM_HASH_MAX],
                  size_t *len)
{
    *len = 0;
    if (n->dead)
        return SM_STATE;
    memcpy(out, n->symmetric.h, n->symmetric.hash_len);
    *len = n->symmetric.hash_len;
    return 0;
}

/* ---- tokens that both sides do alike ---- */

/* DH of one of our keys with one of theirs, mixed into the key. */
static int mix_dh(struct sm_noise *n, bool ours_static, bool theirs_static)
{
    const uint8_t *public = theirs_static ? n->rs : n->re;
    uint8_t shared[SM_DH_LEN];
    int rc;

    if (!ours_static)
        rc = sm_dh_shared(n->e_secret, public, shared);
    else if (n->dh)
        rc = n->dh(n->dh_ctx, public, shared);
    else
        rc = sm_dh_shared(n->s_secret, public, shared);
    if (rc > 0)
        rc = SM_FAIL;
    /* The callback's answer is judged like our own. */
    if (!rc && sodium_is_zero(shared, sizeof(shared)))
        rc = SM_PROTOCOL;
    if (!rc)
        rc = sm_noise_symmetric_mix_key(&n->symmetric, shared,
                                        sizeof(shared));
    sm_secret_wipe(shared, sizeof(shared));
    return rc;
}

static int common_token(struct sm_noise *n, uint8_t token)
{
    switch (token) {
    case SM_NOISE_EE:
        return mix_dh(n, false, false);
    case SM_NOISE_ES:
        return mix_dh(n, !n->initiator, n->initiator);
    case SM_NOISE_SE:
        return mix_dh(n, n->initiator, !n->initiator);
    case SM_NOISE_SS:
        return mix_dh(n, true, true);
    case SM_NOISE_PSK:
        return sm_noise_symmetric_mix_psk(&n->symmetric, n->psks[n->psk++],
                                          SM_NOISE_PSK_LEN);
    default:
        return SM_FAIL;
    }
}

/* Section 9.2: with PSKs, ephemeral keys are mixed into the key too. */
static int mix_ephemeral(struct sm_noise *n, const uint8_t *public)
{
    sm_noise_symmetric_mix_hash(&n->symmetric, public, SM_DH_LEN);
    if (!n->pattern.n_psks)
        return 0;
    return sm_noise_symmetric_mix_key(&n->symmetric, public, SM_DH_LEN);
}

static void next_message(struct sm_noise *n)
{
    n->message++;
    if (n->message < n->pattern.n_messages)
        return;
    sm_secret_wipe(n->s_secret, sizeof(n->s_secret));
    sm_secret_wipe(n->e_secret, sizeof(n->e_secret));
    sm_secret_wipe(n->psks, sizeof(n->psks));
}

/* ---- writing ---- */

/* EncryptAndHash() to *p, which moves on. */
static int put_encrypted(struct sm_noise *n, const uint8_t *in, size_t len,
                         uint8_t **p)
{
    size_t total = len + sm_noise_cipher_overhead(&n->symmetric.cipher);
    int rc;

    rc = sm_noise_symmetric_encrypt(&n->symmetric, in, len, *p);
    *p += total;
    return rc;
}

/* "e1": a key pair of the KEM, its public key. */
static int write_e1(struct sm_noise *n, uint8_t **p)
{
    int rc;

    rc = sm_kem_keypair(n->fixed_kem ? n->kem_seed : NULL, n->kem_secret,
                        n->kem_public);
    return rc ? rc : put_encrypted(n, n->kem_public, SM_KEM_PUBLIC_LEN, p);
}

/* "ekem1": a secret for the other side's key. */
static int write_ekem1(struct sm_noise *n, uint8_t **p)
{
    uint8_t ciphertext[SM_KEM_CIPHERTEXT_LEN], shared[SM_KEM_SHARED_LEN];
    int rc;

    rc = sm_kem_encaps(n->fixed_kem ? n->kem_seed : NULL, n->kem_public,
                       ciphertext, shared);
    if (!rc)
        rc = put_encrypted(n, ciphertext, sizeof(ciphertext), p);
    if (!rc)
        rc = sm_noise_symmetric_mix_key(&n->symmetric, shared,
                                        sizeof(shared));
    sm_secret_wipe(shared, sizeof(shared));
    return rc;
}

static int write_token(struct sm_noise *n, uint8_t token, uint8_t **p)
{
    switch (token) {
    case SM_NOISE_E:
        if (!n->fixed_e)
            sm_dh_keypair(n->e_secret, n->e);
        else if (sm_dh_public(n->e_secret, n->e))
            return SM_FAIL;
        memcpy(*p, n->e, SM_DH_LEN);
        *p += SM_DH_LEN;
        return mix_ephemeral(n, n->e);
    case SM_NOISE_S:
        return put_encrypted(n, n->s, SM_DH_LEN, p);
    case SM_NOISE_E1:
        return write_e1(n, p);
    case SM_NOISE_EKEM1:
        return write_ekem1(n, p);
    default:
        return common_token(n, token);
    }
}

int sm_noise_write(struct sm_noise *n, const void *payload, size_t len,
                   uint8_t *out, size_t out_size, size_t *out_len)
{
    size_t overhead = sm_noise_overhead(n);
    const uint8_t *token;
    uint8_t *p = out;
    int rc;

    *out_len = 0;
    if (!sm_noise_my_turn(n) || len > SM_NOISE_MESSAGE_MAX - overhead ||
        out_size < overhead + len)
        return SM_USAGE;

    for (token = n->pattern.messages[n->message]; *token; token++) {
        rc = write_token(n, *token, &p);
        if (rc)
            return give_up(n, rc);
    }
    rc = sm_noise_symmetric_encrypt(&n->symmetric, payload, len, p);
    if (rc)
        return give_up(n, rc);
    *out_len = overhead + len;
    next_message(n);
    return 0;
}

/* ---- reading ---- */

/* DecryptAndHash() of `len` bytes of plaintext from *p, which moves on. */
static int get_encrypted(struct sm_noise *n, const uint8_t **p, uint8_t *out,
                         size_t len)
{
    size_t total = len + sm_noise_cipher_overhead(&n->symmetric.cipher);
    int rc;

    rc = sm_noise_symmetric_decrypt(&n->symmetric, *p, total, out);
    *p += total;
    return rc;
}

static int read_ekem1(struct sm_noise *n, const uint8_t **p)
{
    uint8_t ciphertext[SM_KEM_CIPHERTEXT_LEN], shared[SM_KEM_SHARED_LEN];
    int rc;

    rc = get_encrypted(n, p, ciphertext, sizeof(ciphertext));
    if (!rc)
        rc = sm_kem_decaps(n->kem_secret, ciphertext, shared);
    if (!rc)
        rc = sm_noise_symmetric_mix_key(&n->symmetric, shared,
                                        sizeof(shared));
    sm_secret_wipe(n->kem_secret, sizeof(n->kem_secret));
    sm_secret_wipe(shared, sizeof(shared));
    return rc;
}

static int read_token(struct sm_noise *n, uint8_t token, const uint8_t **p)
{
    int rc;

    switch (token) {
    case SM_NOISE_E:
        memcpy(n->re, *p, SM_DH_LEN);
        *p += SM_DH_LEN;
        /* Our own key back is a reflection. */
        if (!memcmp(n->re, n->e, SM_DH_LEN) ||
            (n->have_s && !memcmp(n->re, n->s, SM_DH_LEN)))
            return SM_PROTOCOL;
        return mix_ephemeral(n, n->re);
    case SM_NOISE_S:
        rc = get_encrypted(n, p, n->rs, SM_DH_LEN);
        if (rc)
            return rc;
        n->have_rs = true;
        if (n->have_s && !memcmp(n->rs, n->s, SM_DH_LEN))
            return SM_PROTOCOL;
        return 0;
    case SM_NOISE_E1:
        return get_encrypted(n, p, n->kem_public, SM_KEM_PUBLIC_LEN);
    case SM_NOISE_EKEM1:
        return read_ekem1(n, p);
    default:
        return common_token(n, token);
    }
}

int sm_noise_read(struct sm_noise *n, const uint8_t *msg, size_t msg_len,
                  uint8_t *payload, size_t size, size_t *len)
{
    size_t overhead = sm_noise_overhead(n), room;
    const uint8_t *token, *p = msg;
    int rc;

    *len = 0;
    if (!under_way(n) || sm_noise_my_turn(n))
        return SM_USAGE;
    if (msg_len < overhead || msg_len > SM_NOISE_MESSAGE_MAX)
        return give_up(n, SM_PROTOCOL);
    room = msg_len - overhead;
    if (size < room)
        return SM_USAGE;

    for (token = n->pattern.messages[n->message]; *token; token++) {
        rc = read_token(n, *token, &p);
        if (rc)
            return give_up(n, rc);
    }
    rc = sm_noise_symmetric_decrypt(&n->symmetric, p,
                                    msg_len - (size_t)(p - msg), payload);
    if (rc)
        return give_up(n, rc);
    *len = room;
    next_message(n);
    return 0;
}

/* ---- the result ---- */

int sm_noise_split(struct sm_noise *n, uint8_t tx[static SM_NOISE_KEY_LEN],
                   uint8_t rx[static SM_NOISE_KEY_LEN])
{
    if (!sm_noise_done(n) || n->split)
        return SM_STATE;
    if (n->initiator)
        sm_noise_symmetric_split(&n->symmetric, tx, rx);
    else
        sm_noise_symmetric_split(&n->symmetric, rx, tx);
    sm_secret_wipe(n->symmetric.ck, sizeof(n->symmetric.ck));
    sm_noise_cipher_wipe(&n->symmetric.cipher);
    n->split = true;
    return 0;
}

int sm_noise_transport(struct sm_noise *n, struct sm_noise_cipher *tx,
                       struct sm_noise_cipher *rx)
{
    uint8_t tx_key[SM_NOISE_KEY_LEN], rx_key[SM_NOISE_KEY_LEN];
    int rc;

    rc = sm_noise_split(n, tx_key, rx_key);
    if (!rc)
        rc = sm_noise_cipher_init(tx, n->pattern.suite, tx_key);
    if (!rc)
        rc = sm_noise_cipher_init(rx, n->pattern.suite, rx_key);
    sm_secret_wipe(tx_key, sizeof(tx_key));
    sm_secret_wipe(rx_key, sizeof(rx_key));
    return rc;
}
