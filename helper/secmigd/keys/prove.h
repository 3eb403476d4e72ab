/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: this host proves to another what it runs, because that
 * one has demanded it in the handshake (trust/attest.h).
 */
#ifndef SECMIGD_PROVE_H
#define SECMIGD_PROVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"
#include "keys/keys.h"
#include "parent/loop.h"
#include "trust/attest.h"

/* One session's; zeroed at first. */
struct prove {
    bool asked;
    const struct loop_watch *peer;      /* its channel; fd -1: it has gone */
    struct sm_attest_claims claims;
    struct quote_wait wait;
};

/*
 * PEER_QUOTE: have a quote made and give it to the peer, or the reason why
 * there is none.  It learns the kind of reason; the log has all of it.
 *   role  enum sm_attest_role: this host's in the handshake
 *   host  the other one's name; as `peer`
 *   peer  outlives the proof, or prove_forget() comes first
 *   r     an error is set when the peer breaks the rules: it asks once
 */
void prove(struct prove *p, uint8_t role, const char *host,
           const struct loop_watch *peer, struct sm_wire_reader *r);

/* The session has ended.  Fine at any time. */
void prove_forget(struct prove *p);

#endif
