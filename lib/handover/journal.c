/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover/journal.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "handover/journal_file.h"
#include "handover/table.h"
#include "handover/witness.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

/* What somebody can do about a journal that is not to be trusted. */
#define WAY_OUT "Nothing was changed. What it holds: `secmig handover list`; " \
                "to put it aside and begin a new one: `secmig handover reset`"

struct sm_handover_journal {
    struct sm_handover_place place;
    char witness[PATH_MAX];
    int fd;                     /* of the file, locked */
    struct sm_handover_header header;
    struct sm_handover_table table;     /* what is durable */
    uint64_t sequence;          /* of the last durable record */
    uint64_t tried;             /* the last number that was used, for a record
                                 * that may be durable or not */
    uint32_t used;              /* slots */
    bool broken;                /* the file is not written to again: what was
                                 * written last may be in it or not */
};

/* ---- writing ---- */

static off_t slot_at(uint32_t slot)
{
    return ((off_t)slot + 1) * SM_HANDOVER_BLOCK_LEN;
}

/*
 * All that is kept, and `extra` behind it, in a new file.  Returns 0, SM_IO,
 * SM_NO_MEMORY or SM_STATE; then what is durable may be what it was, or, with
 * `broken`, all of the new file.
 */
static int renew(struct sm_handover_journal *j,
                 const struct sm_handover_entry *extra)
{
    struct sm_handover_table next = { 0 };
    struct sm_handover_image image = { 0 };
    int rc, fd;

    rc = sm_handover_table_keep(&j->table, extra, j->tried + 1,
                                sm_clock_real(), &next);
    if (!rc)
        rc = sm_handover_image_write(&next, j->header.epoch, j->tried + 1,
                                     &image);
    if (rc)
        goto out;
    rc = sm_handover_file_replace(&j->place, image.data, image.len, &fd,
                                  &j->broken);
    /* Numbers in a file have no gap: those of one that never had the name are
     * used again. */
    if (!rc || j->broken)
        j->tried += next.n;
    if (fd >= 0) {
        close(j->fd);           /* and with it the lock of the old file */
        j->fd = fd;
    }
    if (rc)
        goto out;
    sm_handover_table_dispose(&j->table);
    j->table = next;
    sm_handover_table_sort(&j->table);
    memset(&next, 0, sizeof(next));
    j->header = image.header;
    j->used = j->header.whole;
    j->sequence = j->tried;
    j->broken = false;
out:
    free(image.data);
    sm_handover_table_dispose(&next);
    return rc;
}

static int append(struct sm_handover_journal *j,
                  const struct sm_handover_entry *entry,
                  const uint8_t block[static SM_HANDOVER_BLOCK_LEN])
{
    j->tried = entry->number;
    /* A failed sync is not repeated: the kernel may have dropped what it
     * could not write, and say of the rest that all is well. */
    if (sm_handover_file_write(j->fd, block, SM_HANDOVER_BLOCK_LEN,
                               slot_at(j->used)) || fdatasync(j->fd)) {
        j->broken = true;
        return SM_IO;
    }
    j->used++;
    j->sequence = entry->number;
    sm_handover_table_set(&j->table, entry);
    return 0;
}

static void witness(const struct sm_handover_journal *j)
{
    int saved = errno;

    (void)sm_handover_witness_write(j->witness, j->header.epoch,
                                    j->sequence);
    errno = saved;
}

int sm_handover_journal_reserve(struct sm_handover_journal *j)
{
    size_t open = sm_handover_table_open(&j->table);
    int rc;

    if (open >= SM_HANDOVER_OPEN_MAX)
        return SM_BUSY;
    if (!j->broken &&
        j->header.slots - j->used >= SM_HANDOVER_SHARE * (open + 1))
        return 0;
    rc = renew(j, NULL);
    if (!rc)
        witness(j);
    return rc;
}

int sm_handover_journal_put(struct sm_handover_journal *j,
                            const struct sm_handover_record *record)
{
    struct sm_handover_entry entry = { .number = j->tried + 1 };
    uint8_t block[SM_HANDOVER_BLOCK_LEN];
    const struct sm_handover_entry *last;
    int rc;

    entry.record = *record;
    sm_handover_record_clean(&entry.record);
    last = sm_handover_table_find(&j->table, record->id);
    if (!sm_handover_record_follows(last ? &last->record : NULL,
                                    &entry.record))
        return SM_STATE;
    if (!last && !(record->flags & SM_HANDOVER_CLOSED) &&
        sm_handover_table_open(&j->table) >= SM_HANDOVER_OPEN_MAX)
        return SM_BUSY;
    rc = sm_handover_table_room(&j->table);
    if (rc)
        return rc;
    last = sm_handover_table_find(&j->table, record->id);
    entry.begun = last ? last->begun : entry.number;
    rc = sm_handover_entry_encode(&entry, j->header.epoch, block);
    if (rc)
        return rc;
    if (j->broken || j->used == j->header.slots)
        rc = renew(j, &entry);
    else
        rc = append(j, &entry, block);
    if (!rc)
        witness(j);
    return rc;
}

/* ---- opening ---- */

/* Within one boot: whether the journal is the one that it was. */
static int ask_witness(const struct sm_handover_journal *j, char *why,
                       size_t why_size)
{
    uint8_t epoch[SM_HANDOVER_EPOCH_LEN];
    uint64_t sequence;
    char text[256];
    int rc;

    rc = sm_handover_witness_read(j->witness, epoch, &sequence, text,
                                  sizeof(text));
    if (rc == SM_NO_DOMAIN)
        return 0;
    if (rc) {
        WHY("%s; it tells whether %s is the newest: remove it if you know "
            "that it is", text, j->place.path);
        return rc;
    }
    if (memcmp(epoch, j->header.epoch, sizeof(epoch))) {
        WHY("%s: another journal than %s has seen since this host was "
            "booted. " WAY_OUT, j->place.path, j->witness);
        return SM_STATE;
    }
    if (j->sequence < sequence) {
        WHY("%s: an old copy, it ends with record %llu instead of %llu. "
            WAY_OUT, j->place.path, (unsigned long long)j->sequence,
            (unsigned long long)sequence);
        return SM_STATE;
    }
    return 0;
}

/*
 * A daemon may have died after a sync that failed: what is read may be in
 * memory alone, and another sync would not write it.  Only the last record,
 * and the file's name, can be so.  And what is torn is never written over, but
 * with zeroes: two halves of different records could make a whole one that is
 * damaged.
 */
static int mend(struct sm_handover_journal *j, const uint8_t *data, bool torn)
{
    static const uint8_t zeroes[SM_HANDOVER_BLOCK_LEN];
    uint32_t last = j->used - 1;

    if (torn && sm_handover_file_write(j->fd, zeroes, sizeof(zeroes),
                                       slot_at(j->used)))
        return SM_IO;
    if (j->used && sm_handover_file_write(j->fd, data + slot_at(last),
                                          SM_HANDOVER_BLOCK_LEN,
                                          slot_at(last)))
        return SM_IO;
    if (fdatasync(j->fd) || fsync(j->place.dir))
        return SM_IO;
    /* What a daemon was making when it died. */
    unlinkat(j->place.dir, j->place.fresh, 0);
    return 0;
}

/* Where there is none: a new one, unless it is known that there was one. */
static int create(struct sm_handover_journal *j, char *why, size_t why_size)
{
    uint8_t epoch[SM_HANDOVER_EPOCH_LEN];
    struct sm_handover_table none = { 0 };
    struct sm_handover_image image = { 0 };
    uint64_t sequence;
    char text[256];
    int rc;

    rc = sm_handover_witness_read(j->witness, epoch, &sequence, text,
                                  sizeof(text));
    if (rc && rc != SM_NO_DOMAIN) {
        WHY("%s; it tells whether %s has been lost: remove it if you know "
            "that it has not", text, j->place.path);
        return rc;
    }
    if (!rc) {
        WHY("%s: it is gone, and was there since this host was booted (%s). "
            "Put it back, or begin a new one: `secmig handover reset`",
            j->place.path, j->witness);
        return SM_STATE;
    }
    randombytes_buf(epoch, sizeof(epoch));
    rc = sm_handover_image_write(&none, epoch, 1, &image);
    if (!rc)
        rc = sm_file_create(j->place.path, image.data, image.len, 0600, why,
                            why_size);
    else
        WHY("%s: out of memory", j->place.path);
    free(image.data);
    /* SM_STATE: somebody else was faster; whose it is will be seen. */
    return rc == SM_STATE ? 0 : rc;
}

static int load(struct sm_handover_journal *j, char *why, size_t why_size)
{
    struct sm_handover_found found;
    uint8_t *data = NULL;
    size_t len = 0;
    char text[160];
    int rc;

    rc = sm_file_read(j->place.path, SM_FILE_PRIVATE, SM_HANDOVER_FILE_MAX,
                      &data, &len, why, why_size);
    if (rc)
        return rc;
    rc = sm_handover_image_read(data, len, &j->table, &found, text,
                                sizeof(text));
    if (rc) {
        WHY("%s: %s. " WAY_OUT, j->place.path, text);
        goto out;
    }
    j->header = found.header;
    j->used = found.used;
    j->sequence = j->tried = found.header.first + found.used - 1;
    rc = ask_witness(j, why, why_size);
    if (rc)
        goto out;
    rc = mend(j, data, found.torn);
    if (rc)
        WHY("%s: cannot write: %s", j->place.path, strerror(errno));
out:
    sm_file_free(data, len);
    return rc;
}

int sm_handover_journal_open(const char *path, const char *witness_path,
                             struct sm_handover_journal **out, char *why,
                             size_t why_size)
{
    struct sm_handover_journal *j;
    int rc;

    *out = NULL;
    why[0] = '\0';
    if (sodium_init() < 0) {
        WHY("libsodium cannot be used");
        return SM_STATE;
    }
    j = calloc(1, sizeof(*j));
    if (!j) {
        WHY("%s: out of memory", path);
        return SM_NO_MEMORY;
    }
    j->fd = j->place.dir = -1;
    rc = sm_handover_place_open(&j->place, path, why, why_size);
    if (rc)
        goto out;
    if (snprintf(j->witness, sizeof(j->witness), "%s", witness_path) >=
        (int)sizeof(j->witness)) {
        WHY("%s: the name is too long", witness_path);
        rc = SM_IO;
        goto out;
    }
    rc = sm_handover_file_lock(&j->place, &j->fd, why, why_size);
    if (rc == SM_NO_DOMAIN) {
        rc = create(j, why, why_size);
        if (!rc)
            rc = sm_handover_file_lock(&j->place, &j->fd, why, why_size);
    }
    if (!rc)
        rc = load(j, why, why_size);
    if (rc)
        goto out;
    witness(j);
    why[0] = '\0';
    *out = j;
    j = NULL;
out:
    sm_handover_journal_close(j);
    return rc;
}

void sm_handover_journal_close(struct sm_handover_journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    sm_handover_place_close(&j->place);
    sm_handover_table_dispose(&j->table);
    free(j);
}

/* ---- looking ---- */

const struct sm_handover_record *
sm_handover_journal_find(const struct sm_handover_journal *j,
                         const uint8_t id[static SM_HANDOVER_ID_LEN])
{
    const struct sm_handover_entry *e = sm_handover_table_find(&j->table, id);

    return e ? &e->record : NULL;
}

const struct sm_handover_record *
sm_handover_journal_at(const struct sm_handover_journal *j, size_t i)
{
    return i < j->table.n ? &j->table.entries[i].record : NULL;
}

const uint8_t *sm_handover_journal_epoch(const struct sm_handover_journal *j)
{
    return j->header.epoch;
}

uint64_t sm_handover_journal_sequence(const struct sm_handover_journal *j)
{
    return j->sequence;
}
