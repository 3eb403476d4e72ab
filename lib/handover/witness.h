/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the journal: its witness, a file that a boot removes.  Within one
 * boot it tells a journal that was put back, or replaced.
 */
#ifndef SM_HANDOVER_WITNESS_H
#define SM_HANDOVER_WITNESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "handover/journal.h"

/*
 * Read it.
 *   epoch, sequence  out: of the journal when it was last written to
 *   why              out: `why_size` bytes ("" on success)
 * Returns 0; SM_NO_DOMAIN when there is none; SM_STATE when it is unsafe or
 * not understood; SM_IO; SM_NO_MEMORY.
 */
int sm_handover_witness_read(const char *path,
                             uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                             uint64_t *sequence, char *why, size_t why_size)
    SM_WARN_UNUSED;

/*
 * Replace it, whole but not durably: it is not to outlive a boot.  Where that
 * fails the old one stays, or none: nothing that is durable depends on it.
 * Returns 0 or SM_IO (errno says why).
 */
int sm_handover_witness_write(const char *path,
                              const uint8_t epoch[static
                                                  SM_HANDOVER_EPOCH_LEN],
                              uint64_t sequence);

#endif
