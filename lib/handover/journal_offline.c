/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal without a daemon: reading it, beginning a new one. */
#include "handover/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "handover/journal_file.h"
#include "handover/table.h"
#include "handover/witness.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

/* While it is read, a daemon may write: half of a record, then another one
 * behind it.  That is over in a moment; damage is not. */
#define READ_TRIES 5
#define READ_WAIT_NS 20000000

/* Names under which journals that were put aside on one second are kept. */
#define KEPT_TRIES 100

static int read_table(const char *path, struct sm_handover_table *t,
                      char *why, size_t why_size)
{
    struct sm_handover_found found;
    char text[160];
    uint8_t *data;
    size_t len;
    int rc;

    rc = sm_file_read(path, SM_FILE_PRIVATE, SM_HANDOVER_FILE_MAX, &data,
                      &len, why, why_size);
    if (rc)
        return rc == SM_STATE && errno == ENOENT ? SM_NO_DOMAIN : rc;
    rc = sm_handover_image_read(data, len, t, &found, text, sizeof(text));
    if (rc)
        WHY("%s: %s", path, text);
    sm_file_free(data, len);
    return rc;
}

int sm_handover_journal_read(const char *path,
                             void (*each)(void *ctx, const struct
                                          sm_handover_record *record),
                             void *ctx, char *why, size_t why_size)
{
    const struct timespec wait = { .tv_nsec = READ_WAIT_NS };
    struct sm_handover_table t = { 0 };
    int rc = SM_STATE, tries;
    size_t i;

    why[0] = '\0';
    if (sodium_init() < 0) {
        WHY("libsodium cannot be used");
        return SM_STATE;
    }
    for (tries = 0; tries < READ_TRIES && rc == SM_STATE; tries++) {
        if (tries)
            nanosleep(&wait, NULL);
        sm_handover_table_dispose(&t);
        rc = read_table(path, &t, why, why_size);
    }
    for (i = 0; i < t.n && (!rc || rc == SM_STATE); i++)
        each(ctx, &t.entries[i].record);
    sm_handover_table_dispose(&t);
    return rc;
}

/* A second name for the journal, which stays when the first one is given to
 * another file. */
static int keep(const struct sm_handover_place *place, char *kept,
                size_t kept_size)
{
    char now[21], leaf[NAME_MAX + 1];
    int i;

    sm_clock_format(sm_clock_real(), now);
    for (i = 0; i < KEPT_TRIES; i++) {
        if (snprintf(leaf, sizeof(leaf), i ? "%s.%s.%d" : "%s.%s",
                     place->leaf, now, i) >= (int)sizeof(leaf) ||
            snprintf(kept, kept_size, "%.*s%s",
                     (int)(place->leaf - place->path), place->path, leaf) >=
            (int)kept_size) {
            errno = ENAMETOOLONG;
            return SM_IO;
        }
        if (!linkat(place->dir, place->leaf, place->dir, leaf, 0))
            return 0;
        if (errno != EEXIST)
            break;
    }
    return SM_IO;
}

int sm_handover_journal_reset(const char *path, const char *witness,
                              char *kept, size_t kept_size, char *why,
                              size_t why_size)
{
    struct sm_handover_table none = { 0 };
    struct sm_handover_image image = { 0 };
    uint8_t epoch[SM_HANDOVER_EPOCH_LEN];
    struct sm_handover_place place;
    int rc, old = -1, fd = -1;
    bool doubt = false;

    why[0] = kept[0] = '\0';
    if (sodium_init() < 0) {
        WHY("libsodium cannot be used");
        return SM_STATE;
    }
    rc = sm_handover_place_open(&place, path, why, why_size);
    if (rc)
        return rc;
    rc = sm_handover_file_lock(&place, &old, why, why_size);
    /* One that is gone, but for its witness, is also begun anew. */
    if (rc == SM_NO_DOMAIN && !access(witness, F_OK))
        rc = 0;
    if (rc)
        goto out;
    randombytes_buf(epoch, sizeof(epoch));
    rc = sm_handover_image_write(&none, epoch, 1, &image);
    if (rc) {
        WHY("%s: out of memory", path);
        goto out;
    }
    /* If it ends here, the journal has two names, and is not opened. */
    if (old >= 0)
        rc = keep(&place, kept, kept_size);
    if (!rc)
        rc = sm_handover_file_replace(&place, image.data, image.len, &fd,
                                      &doubt);
    if (rc) {
        WHY("%s: cannot be replaced: %s", path, strerror(errno));
        goto out;
    }
    rc = sm_handover_witness_write(witness, epoch, 0);
    if (rc)
        WHY("%s: cannot be replaced: %s; remove it", witness,
            strerror(errno));
out:
    free(image.data);
    if (fd >= 0)
        close(fd);
    if (old >= 0)
        close(old);
    sm_handover_place_close(&place);
    return rc;
}
