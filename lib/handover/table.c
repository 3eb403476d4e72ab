/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handover/words.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

/* Files grow in such steps, and have at least so many records free. */
#define STEP 256u
#define SPARE 128u

/* ---- the table ---- */

void sm_handover_table_dispose(struct sm_handover_table *t)
{
    free(t->entries);
    memset(t, 0, sizeof(*t));
}

int sm_handover_table_room(struct sm_handover_table *t)
{
    struct sm_handover_entry *more;
    size_t size = t->size ? 2 * t->size : 16;

    if (t->n < t->size)
        return 0;
    more = reallocarray(t->entries, size, sizeof(*more));
    if (!more)
        return SM_NO_MEMORY;
    t->entries = more;
    t->size = size;
    return 0;
}

struct sm_handover_entry *
sm_handover_table_find(const struct sm_handover_table *t,
                       const uint8_t id[static SM_HANDOVER_ID_LEN])
{
    size_t i;

    for (i = 0; i < t->n; i++)
        if (!memcmp(t->entries[i].record.id, id, SM_HANDOVER_ID_LEN))
            return &t->entries[i];
    return NULL;
}

void sm_handover_table_set(struct sm_handover_table *t,
                           const struct sm_handover_entry *entry)
{
    struct sm_handover_entry *e =
        sm_handover_table_find(t, entry->record.id);

    if (!e)
        e = &t->entries[t->n++];
    *e = *entry;
}

static bool is_open(const struct sm_handover_entry *e)
{
    return !(e->record.flags & SM_HANDOVER_CLOSED);
}

size_t sm_handover_table_open(const struct sm_handover_table *t)
{
    size_t i, n = 0;

    for (i = 0; i < t->n; i++)
        n += is_open(&t->entries[i]);
    return n;
}

/* Whether it is kept however many come after it.  Of those that are fenced:
 * what the other host must not forget to be told if it comes back, or the
 * guest would wait there for ever (ABORTED), or run twice (ACCEPTED). */
static bool is_kept(const struct sm_handover_entry *e)
{
    const struct sm_handover_record *r = &e->record;

    return is_open(e) || (r->flags & SM_HANDOVER_UNNAMED) ||
           ((r->flags & SM_HANDOVER_FENCED) &&
            (r->state == SM_HANDOVER_ABORTED ||
             r->state == SM_HANDOVER_ACCEPTED));
}

/* Whether the guest left not long ago, and would be missed at a boot. */
static bool has_left(const struct sm_handover_entry *e, int64_t time)
{
    return !is_kept(e) && e->record.state == SM_HANDOVER_DONE &&
           !e->is_past && sm_handover_is_news(&e->record, time);
}

static int by_number(const void *a, const void *b)
{
    const struct sm_handover_entry *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

static int by_age(const void *a, const void *b)
{
    const struct sm_handover_entry *x = a, *y = b;

    return x->begun < y->begun ? -1 : x->begun > y->begun;
}

static void sort(struct sm_handover_table *t,
                 int (*order)(const void *a, const void *b))
{
    if (t->n)
        qsort(t->entries, t->n, sizeof(*t->entries), order);
}

void sm_handover_table_sort(struct sm_handover_table *t)
{
    sort(t, by_age);
}

static int by_guest(const void *a, const void *b)
{
    const struct sm_handover_entry *x = a, *y = b;
    int r = memcmp(x->record.uuid, y->record.uuid, sizeof(x->record.uuid));

    return r ? r : by_age(a, b);
}

/* A guest that has come back since, or left again, has not left by this
 * record.  Else that would be kept longer than what came after it, and say so
 * at a boot.  One that was refused here has not come. */
static void mark_past(struct sm_handover_table *t)
{
    const struct sm_handover_entry *next = NULL;
    struct sm_handover_entry *e;
    size_t i;

    sort(t, by_guest);
    for (i = t->n; i--;) {
        e = &t->entries[i];
        e->is_past = next && !memcmp(next->record.uuid, e->record.uuid,
                                     sizeof(e->record.uuid));
        if (e->record.state != SM_HANDOVER_REFUSED)
            next = e;
    }
}

int sm_handover_table_keep(const struct sm_handover_table *t,
                           const struct sm_handover_entry *extra,
                           uint64_t first, int64_t time,
                           struct sm_handover_table *out)
{
    size_t i, n = 0, closed = 0, left = 0, skip, skip_left, *one;

    out->size = t->n + 1;
    out->entries = calloc(out->size, sizeof(*out->entries));
    if (!out->entries)
        return SM_NO_MEMORY;
    for (i = 0; i < t->n; i++)
        if (!extra || memcmp(t->entries[i].record.id, extra->record.id,
                             SM_HANDOVER_ID_LEN))
            out->entries[out->n++] = t->entries[i];
    mark_past(out);
    sort(out, by_number);
    for (i = 0; i < out->n; i++)
        if (has_left(&out->entries[i], time))
            left++;
        else
            closed += !is_kept(&out->entries[i]);
    skip = closed > SM_HANDOVER_KEPT_MAX ? closed - SM_HANDOVER_KEPT_MAX : 0;
    skip_left = left > SM_HANDOVER_LEFT_MAX ? left - SM_HANDOVER_LEFT_MAX : 0;
    for (i = 0; i < out->n; i++) {
        one = has_left(&out->entries[i], time) ? &skip_left : &skip;
        if (*one && !is_kept(&out->entries[i])) {
            --*one;
            continue;
        }
        out->entries[n] = out->entries[i];
        out->entries[n].number = first + n;
        n++;
    }
    out->n = n;
    if (extra) {
        out->entries[n] = *extra;
        out->entries[n].number = first + n;
        out->n++;
    }
    return 0;
}

/* ---- the file ---- */

int sm_handover_image_write(const struct sm_handover_table *t,
                            const uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                            uint64_t first, struct sm_handover_image *out)
{
    size_t slots, i;
    int rc;

    /* The open ones, and two that may begin before it is looked at again. */
    slots = t->n + SPARE +
            SM_HANDOVER_SHARE * (sm_handover_table_open(t) + 2);
    slots = (slots + STEP - 1) / STEP * STEP;
    if (slots > SM_HANDOVER_SLOTS_MAX)
        return SM_NO_MEMORY;
    memcpy(out->header.epoch, epoch, SM_HANDOVER_EPOCH_LEN);
    out->header.first = first;
    out->header.whole = (uint32_t)t->n;
    out->header.slots = (uint32_t)slots;
    out->len = (slots + 1) * SM_HANDOVER_BLOCK_LEN;
    out->data = calloc(1, out->len);
    if (!out->data)
        return SM_NO_MEMORY;
    rc = sm_handover_header_encode(&out->header, out->data);
    for (i = 0; i < t->n && !rc; i++)
        rc = sm_handover_entry_encode(&t->entries[i], epoch, out->data +
                                      (i + 1) * SM_HANDOVER_BLOCK_LEN);
    if (rc) {
        free(out->data);
        out->data = NULL;
    }
    return rc;
}

/* A good record comes into the table, if it belongs there.  Returns what is
 * wrong, or NULL. */
static const char *take(struct sm_handover_table *t,
                        const struct sm_handover_header *header, uint32_t i,
                        const struct sm_handover_entry *e)
{
    const struct sm_handover_entry *last =
        sm_handover_table_find(t, e->record.id);

    if (e->number != header->first + i)
        return "it has another number";
    if (!e->begun || e->begun > e->number ||
        (last && last->begun != e->begun))
        return "it has another beginning";
    if (!sm_handover_record_follows(last ? &last->record : NULL, &e->record))
        return "it contradicts the one before it";
    sm_handover_table_set(t, e);
    return NULL;
}

int sm_handover_image_read(const uint8_t *data, size_t len,
                           struct sm_handover_table *t,
                           struct sm_handover_found *found, char *why,
                           size_t why_size)
{
    enum sm_handover_block is = SM_HANDOVER_BLOCK_DAMAGED;
    struct sm_handover_header *header = &found->header;
    struct sm_handover_entry e;
    const char *wrong, *first_wrong = NULL;
    uint32_t i, wrong_at = 0;
    bool end = false;
    int rc;

    memset(found, 0, sizeof(*found));
    if (len >= SM_HANDOVER_BLOCK_LEN)
        is = sm_handover_header_decode(data, header);
    if (is == SM_HANDOVER_BLOCK_STRANGE) {
        WHY("made by another version of secmigd");
        return SM_STATE;
    }
    if (is != SM_HANDOVER_BLOCK_GOOD) {
        WHY("damaged at byte 0: the header");
        return SM_STATE;
    }
    if (len != ((size_t)header->slots + 1) * SM_HANDOVER_BLOCK_LEN) {
        WHY("damaged: %zu bytes instead of %zu", len,
            ((size_t)header->slots + 1) * SM_HANDOVER_BLOCK_LEN);
        return SM_STATE;
    }
    for (i = 0; i < header->slots; i++) {
        rc = sm_handover_table_room(t);
        if (rc) {
            WHY("out of memory");
            return rc;
        }
        wrong = NULL;
        is = sm_handover_entry_decode(data + ((size_t)i + 1) *
                                      SM_HANDOVER_BLOCK_LEN,
                                      header->epoch, &e);
        if (is == SM_HANDOVER_BLOCK_GOOD)
            wrong = take(t, header, i, &e);
        else if (is == SM_HANDOVER_BLOCK_DAMAGED)
            wrong = "its check-sum is wrong";
        else if (is == SM_HANDOVER_BLOCK_STRANGE)
            wrong = "it is of another version";
        else if (i < header->whole)
            wrong = "it is missing";
        if (is != SM_HANDOVER_BLOCK_EMPTY && end)
            wrong = "it comes after the end";
        if (wrong && !first_wrong) {
            first_wrong = wrong;
            wrong_at = i;
        }
        if (!end && (is == SM_HANDOVER_BLOCK_EMPTY ||
                     is == SM_HANDOVER_BLOCK_TORN)) {
            end = true;
            found->used = i;
            found->torn = is == SM_HANDOVER_BLOCK_TORN;
        }
    }
    if (!end)
        found->used = header->slots;
    sm_handover_table_sort(t);
    if (!first_wrong)
        return 0;
    WHY("damaged at byte %zu (record %llu): %s",
        ((size_t)wrong_at + 1) * SM_HANDOVER_BLOCK_LEN,
        (unsigned long long)(header->first + wrong_at), first_wrong);
    return SM_STATE;
}
