/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the handshake of two hosts binds and carries: the prologue, and the
 * payloads of messages 2 and 3 of Noise XX.
 *
 * On the wire each handshake message is a u16 length and the message.  Every
 * payload is padded with zeroes to one fixed size, so that each message has
 * exactly one valid length, known before it is read: sm_hello_message_len().
 * Message 1 carries an empty payload, because nothing authenticates it.
 */
#ifndef SM_CHANNEL_HELLO_H
#define SM_CHANNEL_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"
#include "channel/suite.h"

#define SM_HELLO_VERSION 1              /* of the whole protocol */
#define SM_HELLO_NOISE      "Noise_XX_25519_ChaChaPoly_BLAKE2b"
#define SM_HELLO_NOISE_HFS  "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_BLAKE2b"
#define SM_HELLO_NOISE_PSK  "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b"

#define SM_HELLO_MLKEM768 1u            /* a feature */
#define SM_HELLO_NONCE_LEN 32

#define SM_HELLO_HOST_MAX 64            /* bytes of a host's name */
#define SM_HELLO_CERTIFICATE_MAX 4096   /* bytes of a host's certificate */
#define SM_HELLO_PAYLOAD_LEN 4352       /* every payload of message 2 or 3 */
#define SM_HELLO_MESSAGES 3
#define SM_HELLO_MESSAGE_MAX 5552       /* no handshake message is longer */
#define SM_HELLO_PROLOGUE_MAX 128

/* A certificate (trust/certificate.h) as its sender says it is: a claim like
 * the name, verified by who judges the sender. */
struct sm_hello_certificate {
    size_t len;                         /* 0: none */
    uint8_t bytes[SM_HELLO_CERTIFICATE_MAX];
};

/* A demand that the other side prove what it runs, by a TPM's quote over
 * this nonce and the hash of this handshake. */
struct sm_hello_demand {
    bool made;
    uint8_t nonce[SM_HELLO_NONCE_LEN];  /* zeroes when none is made */
};

/* Message 2, responder to initiator. */
struct sm_hello {
    uint16_t version;                   /* SM_HELLO_VERSION */
    char host[SM_HELLO_HOST_MAX + 1];   /* the sender's own name */
    uint32_t suites;                    /* mask of what the sender has */
    uint32_t features;                  /* mask of what it could have done
                                         * in place of this handshake */
    struct sm_hello_demand demand;
    struct sm_hello_certificate certificate;
};

/* Message 3, initiator to responder. */
struct sm_hello_choice {
    uint16_t version;
    char host[SM_HELLO_HOST_MAX + 1];
    uint32_t suites;
    uint32_t features;
    struct sm_hello_demand demand;
    uint16_t suite;                     /* the suite of all records */
    struct sm_hello_certificate certificate;
};

/*
 * The prologue: str "xen-secmig 1", str name of the destination.  The
 * initiator puts in the name it dialled, the responder its own name: when
 * they differ the handshake fails, though neither crossed the wire in clear.
 *   name     1 to SM_HELLO_HOST_MAX bytes of clean UTF-8
 *   out      SM_HELLO_PROLOGUE_MAX bytes
 *   len      out: bytes used
 * Returns 0, or SM_USAGE for a name that breaks these rules.
 */
int sm_hello_prologue(const char *name,
                      uint8_t out[static SM_HELLO_PROLOGUE_MAX], size_t *len)
    SM_WARN_UNUSED;

/* Which of the handshakes above. */
enum sm_hello_kind { SM_HELLO_PLAIN, SM_HELLO_HFS, SM_HELLO_PSK };

/*
 * The exact length of handshake message 1, 2 or 3 on the wire, without its
 * u16 length; 0 for any other number.  Message 1 tells the kinds apart by its
 * length; a responder that has no SM_HELLO_HFS, or does not want it, answers
 * with an empty message and closes.
 */
size_t sm_hello_message_len(unsigned int message, enum sm_hello_kind kind);

/* The features of this build: SM_HELLO_MLKEM768, or 0. */
uint32_t sm_hello_features(void);

/*
 * Whether somebody in between has talked two hosts out of SM_HELLO_HFS, which
 * both say, inside the authenticated handshake that they did use, that they
 * have and would use.
 *   kind          the handshake that was used
 *   ours, theirs  features as sent
 */
bool sm_hello_stripped(enum sm_hello_kind kind, uint32_t ours,
                       uint32_t theirs);

/*
 * Encode a payload, padded to SM_HELLO_PAYLOAD_LEN bytes.
 * Returns 0, or SM_USAGE for a name, a demand or a certificate that breaks
 * the rules above.
 */
int sm_hello_encode(const struct sm_hello *h,
                    uint8_t out[static SM_HELLO_PAYLOAD_LEN]) SM_WARN_UNUSED;
int sm_hello_choice_encode(const struct sm_hello_choice *c,
                           uint8_t out[static SM_HELLO_PAYLOAD_LEN])
    SM_WARN_UNUSED;

/*
 * Decode a payload of any length.  Returns 0; SM_PROTOCOL when it is not
 * exactly one padded payload with an allowed name, a demand that is made or
 * is zeroes, a certificate within its cap and version SM_HELLO_VERSION (*out is then zeroed).
 */
int sm_hello_decode(const uint8_t *data, size_t len, struct sm_hello *out)
    SM_WARN_UNUSED;
int sm_hello_choice_decode(const uint8_t *data, size_t len,
                           struct sm_hello_choice *out) SM_WARN_UNUSED;

/*
 * The initiator's choice: the best suite of both masks.
 * The responder's check that a choice is the best of what was offered, so
 * that nobody can be talked down: returns 0, or SM_PROTOCOL when `c->suite`
 * is not sm_suite_best(ours, c->suites).
 */
int sm_hello_check(const struct sm_hello_choice *c, uint32_t ours)
    SM_WARN_UNUSED;

#endif
