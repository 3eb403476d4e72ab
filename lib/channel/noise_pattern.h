/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Noise protocol names and the table of handshake patterns (revision 34,
 * sections 7, 8 and 9), with the modifier of Noise HFS.  Used by noise.c only.
 */
#ifndef SM_CHANNEL_NOISE_PATTERN_H
#define SM_CHANNEL_NOISE_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "channel/hash.h"
#include "channel/suite.h"

#define SM_NOISE_NAME_MAX 255           /* section 8 */
#define SM_NOISE_PATTERN_MESSAGES 4
#define SM_NOISE_PATTERN_TOKENS 8       /* the longest row, and an END */
#define SM_NOISE_PATTERN_PSKS 5         /* psk0, and one per message */

enum sm_noise_token {
    SM_NOISE_END = 0,
    SM_NOISE_E, SM_NOISE_S,
    SM_NOISE_EE, SM_NOISE_ES, SM_NOISE_SE, SM_NOISE_SS,
    SM_NOISE_PSK,
    SM_NOISE_E1, SM_NOISE_EKEM1,        /* Noise HFS: the KEM */
};

/* A protocol name taken apart.  Even messages are the initiator's. */
struct sm_noise_pattern {
    bool initiator_known;       /* pre-message "-> s" */
    bool responder_known;       /* pre-message "<- s" */
    unsigned int n_messages;
    uint8_t messages[SM_NOISE_PATTERN_MESSAGES][SM_NOISE_PATTERN_TOKENS];
    unsigned int n_psks;
    bool hfs;                   /* there is a KEM beside the DH */
    enum sm_suite suite;
    enum sm_hash hash;
};

/*
 * Take a protocol name apart.
 *   name   NUL-terminated
 *   out    filled in when it can be used here
 * Returns NULL, or why it cannot be used, a static text.
 */
const char *sm_noise_pattern_parse(const char *name,
                                   struct sm_noise_pattern *out);

#endif
