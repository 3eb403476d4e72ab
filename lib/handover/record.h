/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the journal: its blocks as bytes (docs/formats.md).  Pure.
 *
 * Every block is two sectors of 512 bytes, and the last byte of each sector is
 * a mark that is never zero.  A journal is written over zeroes, so a block
 * whose write was cut short, at any byte or with its sectors in any order,
 * lacks a mark.  One that has both and a wrong digest is damaged: it was
 * written whole, and perhaps relied upon.
 */
#ifndef SM_HANDOVER_RECORD_H
#define SM_HANDOVER_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "handover/journal.h"

#define SM_HANDOVER_BLOCK_LEN 1024u

/* The first block of a journal. */
struct sm_handover_header {
    uint8_t epoch[SM_HANDOVER_EPOCH_LEN];
    uint64_t first;     /* number of the first record, at least 1 */
    uint32_t whole;     /* records that the file was made with: all of them
                         * were durable before it had its name */
    uint32_t slots;     /* blocks for records; the file has one more */
};

/* A record in its block. */
struct sm_handover_entry {
    uint64_t number;    /* of this record: 1 for the first one of an epoch,
                         * one more for each, through all files */
    uint64_t begun;     /* number of the migration's first record */
    struct sm_handover_record record;
    bool is_past;       /* another migration of the guest came after it: not
                         * written; see table.c */
};

enum sm_handover_block {
    SM_HANDOVER_BLOCK_EMPTY,    /* zeroes: nothing was written here */
    SM_HANDOVER_BLOCK_TORN,     /* a write was cut short here */
    SM_HANDOVER_BLOCK_DAMAGED,  /* something else */
    SM_HANDOVER_BLOCK_STRANGE,  /* whole, but of another version */
    SM_HANDOVER_BLOCK_GOOD,
};

/* A header as a block.  Returns 0 or SM_NO_MEMORY. */
int sm_handover_header_encode(const struct sm_handover_header *header,
                              uint8_t block[static SM_HANDOVER_BLOCK_LEN])
    SM_WARN_UNUSED;

/* Take a header apart.  Returns GOOD, DAMAGED or STRANGE; *header is set only
 * with GOOD. */
enum sm_handover_block
sm_handover_header_decode(const uint8_t block[static SM_HANDOVER_BLOCK_LEN],
                          struct sm_handover_header *header);

/*
 * A record as a block of the journal with this epoch.
 * Returns 0; SM_STATE when the record holds what no journal may hold: an
 * unknown state or flag, or a text that is not one.  SM_NO_MEMORY.
 */
int sm_handover_entry_encode(const struct sm_handover_entry *entry,
                             const uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                             uint8_t block[static SM_HANDOVER_BLOCK_LEN])
    SM_WARN_UNUSED;

/* Take a block apart; *entry is set only with GOOD. */
enum sm_handover_block
sm_handover_entry_decode(const uint8_t block[static SM_HANDOVER_BLOCK_LEN],
                         const uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                         struct sm_handover_entry *entry);

/* Make `by` and `why` fit for a journal: what is no text, as a word cut in
 * the middle of a character, becomes question marks. */
void sm_handover_record_clean(struct sm_handover_record *record);

/*
 * Whether `next` may follow `last`, which is durable: the same migration of
 * the same guest, on the same side, in the same state or in one that comes
 * after it.  Nothing comes after DONE, ABORTED, ACCEPTED and REFUSED.
 *   last  NULL: nothing is known of it, and everything may follow
 */
bool sm_handover_record_follows(const struct sm_handover_record *last,
                                const struct sm_handover_record *next);

#endif
