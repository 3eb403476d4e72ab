/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The papers that a guest carries with it: tickets, and its owner's policy
 * with the signature.  They are the last field of REQUEST, are handed on
 * between our processes as they came, and are taken apart only where they
 * are judged.  Nothing in them is verified here.
 *
 *   papers    u8 n, n x ticket, policy, signature
 *   ticket    blob, 1 to SM_PAPERS_TICKET_MAX bytes; n is 0 to
 *             SM_PAPERS_TICKETS_MAX
 *   policy    blob, at most SM_PAPERS_POLICY_MAX bytes
 *   signature blob, at most SM_PAPERS_SIGNATURE_MAX bytes
 *
 * Policy and signature are both there or both empty.  Who carries nothing
 * writes no bytes at all: each set of papers has exactly one encoding.
 */
#ifndef SM_CHANNEL_PAPERS_H
#define SM_CHANNEL_PAPERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"

#define SM_PAPERS_TICKETS_MAX 4
#define SM_PAPERS_TICKET_MAX (8 * 1024)
#define SM_PAPERS_POLICY_MAX (64 * 1024)
#define SM_PAPERS_SIGNATURE_MAX (4 * 1024)
/* Cap of the whole, checked before anything is allocated for it. */
#define SM_PAPERS_MAX (128 * 1024)

struct sm_paper {
    const uint8_t *data;        /* borrowed; NULL when len is 0 */
    size_t len;                 /* bytes */
};

struct sm_papers {
    struct sm_paper tickets[SM_PAPERS_TICKETS_MAX];
    size_t n_tickets;
    struct sm_paper policy;     /* of the guest's owner, XML; not parsed */
    struct sm_paper signature;  /* over it, as minisign writes it */
};

/*
 * Append the encoding of `p` (no bytes when it is empty) to a writer that
 * was started with a cap of at least SM_PAPERS_MAX.
 * Returns 0; SM_USAGE when `p` breaks a rule above; or the writer's error.
 */
int sm_papers_encode(struct sm_wire_writer *w, const struct sm_papers *p)
    SM_WARN_UNUSED;

/*
 * Take papers apart.
 *   data, len   the whole encoding; `out` borrows from it
 * Returns 0, or SM_PROTOCOL for anything but exactly one set of papers
 * within the rules above (*out is then zeroed).
 */
int sm_papers_decode(const uint8_t *data, size_t len, struct sm_papers *out)
    SM_WARN_UNUSED;

#endif
