/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Platform sets: which measurements of a host's boot a document calls good.
 *
 * A set names PCRs of the TPM's SHA-256 bank and for each the values that are
 * good, and perhaps the digest of the firmware's event log.  A host is in the
 * set when all of it fits what its TPM has quoted (request.h); it may be in
 * several, and each document knows only its own.
 */
#ifndef SM_POLICY_PLATFORM_H
#define SM_POLICY_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/document.h"
#include "policy/request.h"

struct sm_policy_platform {
    const char *id;
    uint32_t pcrs;                  /* those that it speaks of: bit: index */
    struct {
        const uint8_t (*values)[32];    /* any of these is good */
        size_t n;
    } pcr[SM_POLICY_PCRS];
    bool has_log;
    uint8_t log[32];                /* SHA-256 of the event log */
    bool approve_reset;             /* after-reset="approve" */
    unsigned int line;
};

/* The sets of a document, in its order.  They belong to it; `i` is below the
 * count. */
size_t sm_policy_platform_count(const struct sm_policy *policy);
const struct sm_policy_platform *
sm_policy_platform_at(const struct sm_policy *policy, size_t i);

/* In what a host is not as a set has it: bit: PCR, and these. */
#define SM_POLICY_DIFFERS_LOG   (1u << SM_POLICY_PCRS)
#define SM_POLICY_DIFFERS_RESET (1u << (SM_POLICY_PCRS + 1))

/* 0 when the host is in the set. */
uint32_t sm_policy_platform_differs(const struct sm_policy_platform *set,
                                    const struct sm_policy_measured *m);

/*
 * The first of the document's sets that a host is in.
 *   m    what it has proven; its signer must be somebody whose word on
 *        attestation counts in this document (any, in a VM policy without
 *        <authorities>)
 *   why  out: `why_size` bytes: when it is in none, in what it differs from
 *        the set that is nearest; "" otherwise.  Clean UTF-8
 * Returns the set's id, which belongs to the policy, or NULL.
 * What sm_policy_decide() does by itself; for logs.
 */
const char *sm_policy_platform_matches(const struct sm_policy *policy,
                                       const struct sm_policy_measured *m,
                                       char *why, size_t why_size);

/* Whether an authority's word on attestation counts in this document: its
 * `attributes`, or any in a VM policy without <authorities>.  signer:
 * SM_POLICY_SIGNER_LEN bytes */
bool sm_policy_platform_counts(const struct sm_policy *policy,
                               const uint8_t *signer);

/* "differs from SET in PCR 4, 7, event log", or what the reset lacks.
 * `differs` is not 0. */
void sm_policy_platform_text(const struct sm_policy_platform *set,
                             uint32_t differs, char *out, size_t size);

/* Whether anybody who can use the TPM may reset this PCR: its value proves
 * nothing (PC Client Platform TPM Profile, section 4.6). */
bool sm_policy_pcr_is_free(unsigned int pcr);

/* Whether this is what a PCR holds before anything is measured into it. */
bool sm_policy_pcr_is_untouched(const uint8_t value[static 32]);

#endif
