/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the journal: the migrations in it, each with its last record, and
 * the whole file as bytes.  Pure but for memory.
 */
#ifndef SM_HANDOVER_TABLE_H
#define SM_HANDOVER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "handover/record.h"

#define SM_HANDOVER_OPEN_MAX 1024u      /* migrations that are not closed */
#define SM_HANDOVER_KEPT_MAX 256u       /* closed ones that are kept,
                                         * beside fenced and unnamed ones
                                         * that count, and what left of
                                         * late */
#define SM_HANDOVER_LEFT_MAX 8192u      /* DONE and closed, of the last day:
                                         * after a boot they say that a guest
                                         * is elsewhere (start.h) */
#define SM_HANDOVER_SHARE 16u           /* records for one migration */
#define SM_HANDOVER_SLOTS_MAX 65535u
#define SM_HANDOVER_FILE_MAX \
    ((size_t)(SM_HANDOVER_SLOTS_MAX + 1) * SM_HANDOVER_BLOCK_LEN)

/* Oldest first, but where it is said otherwise. */
struct sm_handover_table {
    struct sm_handover_entry *entries;
    size_t n, size;
};

/* An empty one is all zeroes.  Free what it holds; may be repeated. */
void sm_handover_table_dispose(struct sm_handover_table *t);

/* Room for one more.  Returns 0 or SM_NO_MEMORY. */
int sm_handover_table_room(struct sm_handover_table *t) SM_WARN_UNUSED;

/* The last record of a migration, or NULL. */
struct sm_handover_entry *
sm_handover_table_find(const struct sm_handover_table *t,
                       const uint8_t id[static SM_HANDOVER_ID_LEN]);

/* Put a record in, which takes the place of the one before it; there must be
 * room. */
void sm_handover_table_set(struct sm_handover_table *t,
                           const struct sm_handover_entry *entry);

/* Bring them in order, oldest first. */
void sm_handover_table_sort(struct sm_handover_table *t);

/* How many migrations are not closed. */
size_t sm_handover_table_open(const struct sm_handover_table *t);

/*
 * What a new file is to hold: the open migrations and the closed ones that are
 * kept, with new numbers from `first` on, in the order in which they have
 * changed; in this order they come out.
 *   time   seconds since 1970
 *   extra  changed last; takes the place of the one before it, and is always
 *          kept; may be NULL
 *   out    an empty table
 * Returns 0 or SM_NO_MEMORY.
 */
int sm_handover_table_keep(const struct sm_handover_table *t,
                           const struct sm_handover_entry *extra,
                           uint64_t first, int64_t time,
                           struct sm_handover_table *out)
    SM_WARN_UNUSED;

/* As bytes: header and records, with room for what is still to come. */
struct sm_handover_image {
    struct sm_handover_header header;
    uint8_t *data;              /* malloc'd */
    size_t len;
};

/*
 * Write a table whose numbers are header.first and following.
 *   epoch  of the journal
 *   out    data is to be freed with free()
 * Returns 0; SM_NO_MEMORY; SM_STATE when a record cannot be written.
 */
int sm_handover_image_write(const struct sm_handover_table *t,
                            const uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                            uint64_t first, struct sm_handover_image *out)
    SM_WARN_UNUSED;

/* What was found in a file. */
struct sm_handover_found {
    struct sm_handover_header header;
    uint32_t used;              /* good records, from the first slot on */
    bool torn;                  /* one was begun behind them */
};

/*
 * Read all of a file.
 *   data, len  its bytes
 *   t          an empty table; with SM_STATE it gets all that is whole, to be
 *              looked at only
 *   why        out: `why_size` bytes: what is wrong, where
 * Returns 0; SM_STATE; SM_NO_MEMORY.
 */
int sm_handover_image_read(const uint8_t *data, size_t len,
                           struct sm_handover_table *t,
                           struct sm_handover_found *found, char *why,
                           size_t why_size) SM_WARN_UNUSED;

#endif
