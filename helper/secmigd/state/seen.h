/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What other hosts' TPMs have told before, one record for each attestation
 * key: counters that must not go back, PCRs that should not move within one
 * boot, and which boot an administrator has accepted here (`secmig platform
 * accept`; the policy's after-reset="approve").  In memory, and in the store
 * (store.h), as object "seen".
 *
 * A boot is named by both counters: one before which the TPM was told to keep
 * its state (TPM2_Shutdown(STATE)) counts as a restart, not as a reset.
 *
 * Judges look records up in their copy of the memory; only the parent writes
 * them, and only of quotes that a judge has verified.
 */
#ifndef SECMIGD_SEEN_H
#define SECMIGD_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"
#include "trust/attest.h"

#define SEEN_MAX 4096           /* attestation keys */

struct seen {
    struct sm_attest_seen tpm;
    char host[SM_CONF_NAME_MAX + 1];    /* whose certificate named the key
                                         * last; "": that host has another
                                         * one now */
    int64_t when;               /* seconds since the epoch: written last */
    bool back;                  /* since then its counters or its clock have
                                 * been behind that */
    bool approved;
    uint32_t approved_reset, approved_restart;  /* of the accepted boot */
};

/* As floors_init(). */
int seen_init(void) SM_WARN_UNUSED;

/* The record of an attestation key, until the next seen_write(); NULL: it
 * was not seen yet. */
const struct seen *seen_find(const uint8_t ak[static SM_ATTEST_AK_LEN]);

/* Whether the boot with these counters has been accepted. */
bool seen_approved(const uint8_t ak[static SM_ATTEST_AK_LEN],
                   uint32_t reset_count, uint32_t restart_count);

/*
 * A quote was verified.  Durable; never lowers what is there: of two sessions
 * that end at once the later quote stays.  When there are SEEN_MAX, a new key
 * takes the place of one that is no host's any more.
 *   now   its `pcrs` replace those that are there
 *   host  name of the host
 * Returns 0; SM_BUSY when too many keys are remembered; or an error of
 * store_put(), which the log has: the next call fails until it is written.
 */
int seen_write(const struct sm_attest_seen *now, const char *host)
    SM_WARN_UNUSED;

/* A quote was genuine, but behind what is remembered of that key (nothing
 * happens when there is none).  Until seen_write(); durable.  Returns 0 or as
 * seen_write(). */
int seen_back(const uint8_t ak[static SM_ATTEST_AK_LEN]) SM_WARN_UNUSED;

/*
 * Accept the boot in which a host was seen last.
 *   out  its record, until the next seen_write(); NULL when there is none
 * Returns 0; SM_UNKNOWN_HOST when no quote of that host was seen; SM_UNMET
 * when it is `back`: then nothing is accepted; or as seen_write().
 */
int seen_accept(const char *host, const struct seen **out) SM_WARN_UNUSED;

#endif
