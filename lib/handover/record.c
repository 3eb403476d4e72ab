/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover/record.h"

#include <sodium.h>
#include <string.h>

#include "base/wire.h"

#define SECTOR 512
#define MARK 0xa5
#define DIGEST_LEN 32
/* What a block holds beside its two marks, and beside the digest. */
#define CONTENT_LEN (SM_HANDOVER_BLOCK_LEN - 2)
#define FIELDS_LEN (CONTENT_LEN - DIGEST_LEN)

#define MAGIC "SMHANDOV"
#define MAGIC_LEN 8
#define VERSION 1

static const uint8_t no_epoch[SM_HANDOVER_EPOCH_LEN];

/* ---- blocks ---- */

/* No secret: it need not take the same time for all. */
static bool all_zero(const uint8_t *data, size_t len)
{
    return !len || (!data[0] && !memcmp(data, data + 1, len - 1));
}

static void digest(const uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                   const uint8_t *fields, uint8_t out[static DIGEST_LEN])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, DIGEST_LEN);
    crypto_generichash_update(&state, epoch, SM_HANDOVER_EPOCH_LEN);
    crypto_generichash_update(&state, fields, FIELDS_LEN);
    crypto_generichash_final(&state, out, DIGEST_LEN);
}

/* What the writer holds becomes a block. */
static int close_block(struct sm_wire_writer *w,
                       const uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                       uint8_t block[static SM_HANDOVER_BLOCK_LEN])
{
    uint8_t content[CONTENT_LEN] = { 0 };
    int rc = sm_wire_error(w);

    if (!rc) {
        memcpy(content, w->data, w->len);
        digest(epoch, content, content + FIELDS_LEN);
        memcpy(block, content, SECTOR - 1);
        memcpy(block + SECTOR, content + SECTOR - 1, SECTOR - 1);
        block[SECTOR - 1] = block[2 * SECTOR - 1] = MARK;
    }
    sm_wire_writer_dispose(w);
    return rc == SM_PROTOCOL ? SM_STATE : rc;
}

/* The content of a block that was written whole; else what it is. */
static enum sm_handover_block
open_block(const uint8_t block[static SM_HANDOVER_BLOCK_LEN],
           const uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
           uint8_t content[static CONTENT_LEN])
{
    uint8_t first = block[SECTOR - 1], second = block[2 * SECTOR - 1];
    uint8_t sum[DIGEST_LEN];

    if (all_zero(block, SM_HANDOVER_BLOCK_LEN))
        return SM_HANDOVER_BLOCK_EMPTY;
    if ((first != MARK && first != 0) || (second != MARK && second != 0))
        return SM_HANDOVER_BLOCK_DAMAGED;
    if (!first || !second)
        return SM_HANDOVER_BLOCK_TORN;
    memcpy(content, block, SECTOR - 1);
    memcpy(content + SECTOR - 1, block + SECTOR, SECTOR - 1);
    digest(epoch, content, sum);
    if (memcmp(sum, content + FIELDS_LEN, DIGEST_LEN))
        return SM_HANDOVER_BLOCK_DAMAGED;
    return SM_HANDOVER_BLOCK_GOOD;
}

/* Whether all was read well, and nothing follows. */
static bool at_end(const struct sm_wire_reader *r)
{
    return !r->error && all_zero(r->data + r->pos, sm_wire_left(r));
}

/* ---- the header ---- */

int sm_handover_header_encode(const struct sm_handover_header *header,
                              uint8_t block[static SM_HANDOVER_BLOCK_LEN])
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, FIELDS_LEN);
    sm_wire_put_bytes(&w, MAGIC, MAGIC_LEN);
    sm_wire_put_u16(&w, VERSION);
    sm_wire_put_bytes(&w, header->epoch, sizeof(header->epoch));
    sm_wire_put_u64(&w, header->first);
    sm_wire_put_u32(&w, header->whole);
    sm_wire_put_u32(&w, header->slots);
    return close_block(&w, no_epoch, block);
}

enum sm_handover_block
sm_handover_header_decode(const uint8_t block[static SM_HANDOVER_BLOCK_LEN],
                          struct sm_handover_header *header)
{
    uint8_t content[CONTENT_LEN], magic[MAGIC_LEN];
    struct sm_handover_header h;
    struct sm_wire_reader r;

    /* It was durable before the file had its name: it is never torn. */
    if (open_block(block, no_epoch, content) != SM_HANDOVER_BLOCK_GOOD)
        return SM_HANDOVER_BLOCK_DAMAGED;
    sm_wire_reader_init(&r, content, FIELDS_LEN);
    sm_wire_get_bytes(&r, magic, MAGIC_LEN);
    if (memcmp(magic, MAGIC, MAGIC_LEN))
        return SM_HANDOVER_BLOCK_DAMAGED;
    if (sm_wire_get_u16(&r) != VERSION)
        return SM_HANDOVER_BLOCK_STRANGE;
    sm_wire_get_bytes(&r, h.epoch, sizeof(h.epoch));
    h.first = sm_wire_get_u64(&r);
    h.whole = sm_wire_get_u32(&r);
    h.slots = sm_wire_get_u32(&r);
    if (!at_end(&r) || !h.first || h.first > INT64_MAX || h.whole > h.slots)
        return SM_HANDOVER_BLOCK_STRANGE;
    *header = h;
    return SM_HANDOVER_BLOCK_GOOD;
}

/* ---- records ---- */

static bool known_state(unsigned int state)
{
    return (state >= SM_HANDOVER_SENDING && state <= SM_HANDOVER_ABORTED) ||
           (state >= SM_HANDOVER_LOADING && state <= SM_HANDOVER_REFUSED);
}

/* Put a text, but never read behind its room. */
static void put_text(struct sm_wire_writer *w, const char *text, size_t size)
{
    if (memchr(text, '\0', size))
        sm_wire_put_str(w, text);
    else
        w->error = SM_PROTOCOL;
}

int sm_handover_entry_encode(const struct sm_handover_entry *entry,
                             const uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                             uint8_t block[static SM_HANDOVER_BLOCK_LEN])
{
    const struct sm_handover_record *m = &entry->record;
    struct sm_wire_writer w;

    if (!known_state(m->state) || (m->flags & ~SM_HANDOVER_FLAGS))
        return SM_STATE;
    sm_wire_writer_init(&w, FIELDS_LEN);
    sm_wire_put_u64(&w, entry->number);
    sm_wire_put_u64(&w, entry->begun);
    sm_wire_put_bytes(&w, m->id, sizeof(m->id));
    sm_wire_put_u16(&w, (uint16_t)m->state);
    sm_wire_put_u32(&w, m->flags);
    sm_wire_put_bytes(&w, m->uuid, sizeof(m->uuid));
    put_text(&w, m->name, sizeof(m->name));
    put_text(&w, m->peer, sizeof(m->peer));
    sm_wire_put_bytes(&w, m->peer_key, sizeof(m->peer_key));
    sm_wire_put_bytes(&w, m->peer_epoch, sizeof(m->peer_epoch));
    sm_wire_put_u64(&w, m->peer_sequence);
    sm_wire_put_bytes(&w, m->boot, sizeof(m->boot));
    sm_wire_put_u32(&w, m->domid);
    sm_wire_put_u32(&w, (uint32_t)m->holder);
    sm_wire_put_u64(&w, m->holder_start);
    sm_wire_put_u64(&w, (uint64_t)m->since);
    sm_wire_put_u64(&w, (uint64_t)m->changed);
    put_text(&w, m->by, sizeof(m->by));
    sm_wire_put_u16(&w, m->code);
    put_text(&w, m->why, sizeof(m->why));
    return close_block(&w, epoch, block);
}

enum sm_handover_block
sm_handover_entry_decode(const uint8_t block[static SM_HANDOVER_BLOCK_LEN],
                         const uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                         struct sm_handover_entry *entry)
{
    struct sm_handover_entry e = { 0 };
    struct sm_handover_record *m = &e.record;
    uint8_t content[CONTENT_LEN];
    enum sm_handover_block is;
    struct sm_wire_reader r;

    is = open_block(block, epoch, content);
    if (is != SM_HANDOVER_BLOCK_GOOD)
        return is;
    sm_wire_reader_init(&r, content, FIELDS_LEN);
    e.number = sm_wire_get_u64(&r);
    e.begun = sm_wire_get_u64(&r);
    sm_wire_get_bytes(&r, m->id, sizeof(m->id));
    m->state = (enum sm_handover_state)sm_wire_get_u16(&r);
    m->flags = sm_wire_get_u32(&r);
    sm_wire_get_bytes(&r, m->uuid, sizeof(m->uuid));
    sm_wire_get_str(&r, m->name, sizeof(m->name));
    sm_wire_get_str(&r, m->peer, sizeof(m->peer));
    sm_wire_get_bytes(&r, m->peer_key, sizeof(m->peer_key));
    sm_wire_get_bytes(&r, m->peer_epoch, sizeof(m->peer_epoch));
    m->peer_sequence = sm_wire_get_u64(&r);
    sm_wire_get_bytes(&r, m->boot, sizeof(m->boot));
    m->domid = sm_wire_get_u32(&r);
    m->holder = (int32_t)sm_wire_get_u32(&r);
    m->holder_start = sm_wire_get_u64(&r);
    m->since = (int64_t)sm_wire_get_u64(&r);
    m->changed = (int64_t)sm_wire_get_u64(&r);
    sm_wire_get_str(&r, m->by, sizeof(m->by));
    m->code = sm_wire_get_u16(&r);
    sm_wire_get_str(&r, m->why, sizeof(m->why));
    if (!at_end(&r) || !known_state(m->state) || (m->flags & ~SM_HANDOVER_FLAGS))
        return SM_HANDOVER_BLOCK_STRANGE;
    *entry = e;
    return SM_HANDOVER_BLOCK_GOOD;
}

static void clean(char *text, size_t size)
{
    size_t i, len;

    text[size - 1] = '\0';
    len = strlen(text);
    if (sm_wire_text_ok(text, len))
        return;
    for (i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')     /* whether char is signed
                                                 * or not */
            text[i] = '?';
}

void sm_handover_record_clean(struct sm_handover_record *record)
{
    clean(record->by, sizeof(record->by));
    clean(record->why, sizeof(record->why));
}

bool sm_handover_record_follows(const struct sm_handover_record *last,
                                const struct sm_handover_record *next)
{
    if (!last)
        return true;
    if (memcmp(last->id, next->id, sizeof(last->id)) ||
        memcmp(last->uuid, next->uuid, sizeof(last->uuid)))
        return false;
    if (last->state == next->state)
        return true;
    switch (last->state) {
    case SM_HANDOVER_SENDING:
    case SM_HANDOVER_SENT:
    case SM_HANDOVER_RELEASED:
        return next->state > last->state &&
               next->state <= SM_HANDOVER_ABORTED;
    case SM_HANDOVER_LOADING:
    case SM_HANDOVER_READY:
        return next->state > last->state;
    default:
        return false;
    }
}
