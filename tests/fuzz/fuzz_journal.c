/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A journal.  The input is a short file: a header, records, and what comes
 * after them.  Digests, numbers and the length are put right first, as in a
 * file that was written so; the first byte says which are.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "handover/table.h"

#define BLOCK SM_HANDOVER_BLOCK_LEN
#define MARK 0xa5
#define FIX_MARKS 1
#define FIX_DIGESTS 2
#define FIX_NUMBERS 4
#define FIX_HEADER 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_u64(uint8_t *p, uint64_t v)
{
    int i;

    for (i = 7; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

static void seal(uint8_t *block, const uint8_t *epoch)
{
    uint8_t content[BLOCK - 2];
    crypto_generichash_state state;

    memcpy(content, block, 511);
    memcpy(content + 511, block + 512, 511);
    crypto_generichash_init(&state, NULL, 0, 32);
    crypto_generichash_update(&state, epoch, SM_HANDOVER_EPOCH_LEN);
    crypto_generichash_update(&state, content, sizeof(content) - 32);
    crypto_generichash_final(&state, content + sizeof(content) - 32, 32);
    memcpy(block, content, 511);
    memcpy(block + 512, content + 511, 511);
}

/* What is read is written as it was. */
static void write_again(const struct sm_handover_table *t,
                        const uint8_t *epoch)
{
    uint8_t block[BLOCK];
    struct sm_handover_entry e;
    size_t i;

    for (i = 0; i < t->n; i++) {
        if (sm_handover_entry_encode(&t->entries[i], epoch, block) ||
            sm_handover_entry_decode(block, epoch, &e) !=
            SM_HANDOVER_BLOCK_GOOD ||
            memcmp(&e.record.id, &t->entries[i].record.id,
                   sizeof(e.record.id)) ||
            e.number != t->entries[i].number ||
            e.record.state != t->entries[i].record.state ||
            strcmp(e.record.why, t->entries[i].record.why))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t none[SM_HANDOVER_EPOCH_LEN];
    struct sm_handover_header header = { .epoch = "fuzz", .first = 1 };
    struct sm_handover_table t = { 0 };
    struct sm_handover_found found;
    uint8_t fix, *file, *block;
    char why[200];
    size_t len, i;
    int rc;

    if (sodium_init() < 0)
        abort();
    if (!size || size > 64 * BLOCK)
        return 0;
    fix = data[0];
    /* The last part block is as if a write had ended there. */
    len = (size - 1 + BLOCK - 1) / BLOCK * BLOCK;
    file = calloc(1, len + BLOCK);
    if (!file)
        return 0;
    memcpy(file, data + 1, size - 1);
    header.slots = len ? (uint32_t)(len / BLOCK - 1) : 0;
    if (len && (fix & FIX_HEADER)) {
        if (sm_handover_header_encode(&header, file))
            abort();
    } else if (len && (fix & FIX_DIGESTS)) {
        memcpy(header.epoch, file + 10, SM_HANDOVER_EPOCH_LEN);
        file[511] = file[1023] = MARK;
        seal(file, none);
    }
    for (i = 1; i < len / BLOCK; i++) {
        block = file + i * BLOCK;
        if (fix & FIX_MARKS)
            block[511] = block[1023] = MARK;
        if (fix & FIX_NUMBERS)
            put_u64(block, i);
        if (fix & FIX_DIGESTS)
            seal(block, header.epoch);
    }
    rc = sm_handover_image_read(file, len, &t, &found, why, sizeof(why));
    if (rc ? !why[0] :
             (found.used > found.header.slots || t.n > found.used ||
              found.used < found.header.whole ||
              (found.torn && found.used == found.header.slots)))
        abort();
    if (!rc)
        write_again(&t, found.header.epoch);
    sm_handover_table_dispose(&t);
    free(file);
    return 0;
}
