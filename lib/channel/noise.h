/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Noise handshakes, revision 34 (noiseprotocol.org/noise.html), driven by a
 * table of patterns.
 *
 *   patterns   N K X  NN NK NX KN KK KX XN XK XX IN IK IX, and the deferred
 *              ones (NK1, X1K1 ...)
 *   modifiers  psk0 .. psk4, also several ("XXpsk0+psk3"); hfs, first
 *   DH         25519; a result of all zeroes is refused
 *   KEM        with hfs: MLKEM768, as "25519+MLKEM768" (Noise Hybrid Forward
 *              Secrecy, draft, github.com/noiseprotocol/noise_hfs_spec;
 *              channel/kem.h)
 *   ciphers    ChaChaPoly, AESGCM (where the processor has AES)
 *   hashes     BLAKE2b, SHA256, SHA512 (not BLAKE2s: libsodium has none)
 *
 * Order of calls: sm_noise_new(); then, while !sm_noise_done(), either
 * sm_noise_write() or sm_noise_read() as sm_noise_my_turn() says; then
 * sm_noise_hash(), sm_noise_remote_static(), and once sm_noise_split() or
 * sm_noise_transport(); sm_noise_free() at any point.
 *
 * The state lives in locked memory.  It does no I/O; the only call out is
 * the DH callback.  sm_secret_init() must have been called.
 */
#ifndef SM_CHANNEL_NOISE_H
#define SM_CHANNEL_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "channel/dh.h"
#include "channel/hash.h"
#include "channel/noise_cipher.h"

#define SM_NOISE_MESSAGE_MAX 65535
#define SM_NOISE_KEY_LEN 32
#define SM_NOISE_PSK_LEN 32

struct sm_noise;

/*
 * What a handshake starts from.  Everything is copied by sm_noise_new();
 * only dh and dh_ctx must live as long as the handshake.
 */
struct sm_noise_params {
    const char *protocol;           /* "Noise_XX_25519_ChaChaPoly_BLAKE2b" */
    bool initiator;
    const void *prologue;           /* both sides must have the same bytes */
    size_t prologue_len;
    const uint8_t *static_public;   /* 32 bytes, or NULL when the pattern
                                     * gives this side no static key */
    const uint8_t *static_secret;   /* 32 bytes, or NULL with a callback */
    /*
     * DH of our static key with `public`, for a key that lives in another
     * process.  Returns 0 or an error, which ends the handshake and is what
     * the failing call returns.  Called only by write and read.
     */
    int (*dh)(void *ctx, const uint8_t public[static SM_DH_LEN],
              uint8_t shared[static SM_DH_LEN]);
    void *dh_ctx;
    const uint8_t *remote_static;   /* 32 bytes, where the pattern has it
                                     * known beforehand; else NULL */
    const uint8_t (*psks)[SM_NOISE_PSK_LEN];    /* in order of modifiers */
    unsigned int n_psks;
    const uint8_t *ephemeral_secret;    /* 32 bytes, for tests ONLY */
    const uint8_t *kem_seed;    /* for tests ONLY: SM_KEM_SEED_LEN bytes for
                                 * the initiator, SM_KEM_ENCAPS_SEED_LEN for
                                 * the responder */
};

/*
 * Why a protocol name cannot be used here: a static text, or NULL when it
 * can.  Names: section 8 of the specification.
 */
const char *sm_noise_unsupported(const char *protocol);

/* What sm_noise_params must hold for one side of a protocol. */
struct sm_noise_needs {
    bool local_static;          /* static_public, and a secret or dh */
    bool remote_static;         /* remote_static */
    unsigned int psks;          /* exactly so many */
    bool one_way;               /* only the initiator sends afterwards */
};

/* Returns 0, or SM_CONFIG when sm_noise_unsupported(). */
int sm_noise_needs(const char *protocol, bool initiator,
                   struct sm_noise_needs *out) SM_WARN_UNUSED;

/*
 * Start a handshake.
 *   out   the new state, the caller's, for sm_noise_free(); NULL on error
 * Returns 0; SM_CONFIG when sm_noise_unsupported(); SM_USAGE when a key or
 * PSK that the pattern needs is missing, one that it has no place for is
 * given, static_public does not belong to static_secret, or remote_static is
 * our own key; SM_NO_MEMORY.
 */
int sm_noise_new(struct sm_noise **out, const struct sm_noise_params *p)
    SM_WARN_UNUSED;

/* Wipe and free; NULL is fine. */
void sm_noise_free(struct sm_noise *n);

/* Whether the next message is ours to write.  False when done or dead. */
bool sm_noise_my_turn(const struct sm_noise *n);

/* Whether all messages have been exchanged and none failed. */
bool sm_noise_done(const struct sm_noise *n);

/* Bytes that the next message (ours or theirs) has beyond its payload. */
size_t sm_noise_overhead(const struct sm_noise *n);

/*
 * Write the next handshake message.
 *   payload, len    bytes to carry; secrecy depends on pattern and message
 *                   (specification, section 7.7)
 *   out, out_size   room for sm_noise_overhead() + len bytes, apart from
 *                   the payload
 *   out_len         out: bytes written; 0 on error
 * Returns 0; SM_USAGE when it is not our turn, or `out_size` or the 65535
 * bytes of a message are too short: nothing has then changed; else an error
 * of the callback, of the DH or of the KEM (SM_PROTOCOL: low-order key, or
 * a KEM key that is none), and the handshake is dead.
 */
int sm_noise_write(struct sm_noise *n, const void *payload, size_t len,
                   uint8_t *out, size_t out_size, size_t *out_len)
    SM_WARN_UNUSED;

/*
 * Read the peer's next handshake message.
 *   msg, msg_len    exactly one message; not trusted
 *   payload, size   room for msg_len - sm_noise_overhead() bytes
 *   len             out: bytes of payload; 0 on error
 * Returns 0; SM_USAGE when it is not their turn or `size` is too short:
 * nothing has then changed.  Any other error kills the handshake for good
 * and wipes its keys: SM_PROTOCOL for a wrong length, a low-order key, a
 * KEM key that is none or our own key sent back to us; SM_AUTH when a part does not decrypt (changed on
 * the way, other prologue, other key or PSK); or an error of the callback.
 *
 * In patterns whose first message is not encrypted (XX, NN, IX and others
 * without a PSK) its payload is neither secret nor authentic; in the rest it
 * can be replayed.  Never act on a first message.
 */
int sm_noise_read(struct sm_noise *n, const uint8_t *msg, size_t msg_len,
                  uint8_t *payload, size_t size, size_t *len)
    SM_WARN_UNUSED;

/*
 * The peer's static key: given at the start, or received.
 * Returns 0, or SM_STATE while there is none (or never will be); a received
 * key counts as proved only when sm_noise_done().
 */
int sm_noise_remote_static(const struct sm_noise *n,
                           uint8_t out[static SM_NOISE_KEY_LEN])
    SM_WARN_UNUSED;

/*
 * The handshake hash h: at the end the channel binding of section 11.2,
 * before that the transcript so far (equal on both sides between messages).
 *   out   SM_HASH_MAX bytes of room
 *   len   out: 32 or 64
 * Returns 0, or SM_STATE when the handshake is dead.
 */
int sm_noise_hash(const struct sm_noise *n, uint8_t out[static SM_HASH_MAX],
                  size_t *len) SM_WARN_UNUSED;

/*
 * Take the two keys at the end (Split(), section 5.2); the handshake keeps
 * no copy.
 *   tx, rx   out: 32 bytes each, for what we send and what we receive (a
 *            one-way pattern uses the initiator's tx only)
 * Returns 0, or SM_STATE when not done or taken before.
 */
int sm_noise_split(struct sm_noise *n, uint8_t tx[static SM_NOISE_KEY_LEN],
                   uint8_t rx[static SM_NOISE_KEY_LEN]) SM_WARN_UNUSED;

/* As sm_noise_split(), as Noise's own transport ciphers with nonce 0.  The
 * caller ends them with sm_noise_cipher_wipe(). */
int sm_noise_transport(struct sm_noise *n, struct sm_noise_cipher *tx,
                       struct sm_noise_cipher *rx) SM_WARN_UNUSED;

#endif
