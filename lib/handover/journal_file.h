/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the journal: its file, as one that is locked, written to and
 * replaced.
 */
#ifndef SM_HANDOVER_JOURNAL_FILE_H
#define SM_HANDOVER_JOURNAL_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Where the journal is: a name in a directory that is kept open. */
struct sm_handover_place {
    char path[PATH_MAX];
    const char *leaf;               /* in `path` */
    char fresh[NAME_MAX + 1];       /* what takes its place is made so */
    int dir;                        /* -1: none */
};

/* Open the directory.  Returns 0 or SM_IO, with the reason in `why`. */
int sm_handover_place_open(struct sm_handover_place *place, const char *path,
                           char *why, size_t why_size) SM_WARN_UNUSED;
void sm_handover_place_close(struct sm_handover_place *place);

/*
 * Open the file that has the name, and lock it; the lock goes with the
 * descriptor.
 *   fd  out: -1 on error
 * Returns 0; SM_NO_DOMAIN when there is none; SM_BUSY; SM_STATE when it is no
 * file; SM_IO.
 */
int sm_handover_file_lock(const struct sm_handover_place *place, int *fd,
                          char *why, size_t why_size) SM_WARN_UNUSED;

/* Write all `len` bytes at `at`.  Returns 0 or SM_IO (errno says why). */
int sm_handover_file_write(int fd, const uint8_t *data, size_t len, off_t at)
    SM_WARN_UNUSED;

/*
 * Make a file of these bytes, lock it, and give it the name, durably.
 * To be called with the lock of the file that has the name.
 *   fd     out: the new file when it may have the name by now, else -1
 *   doubt  set to true when it is not known which file has the name after a
 *          crash; else as it was
 * Returns 0 or SM_IO (errno says why).
 */
int sm_handover_file_replace(const struct sm_handover_place *place,
                             const uint8_t *data, size_t len, int *fd,
                             bool *doubt) SM_WARN_UNUSED;

#endif
