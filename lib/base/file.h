/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that matter: opened once, checked on the open descriptor, written
 * atomically and durably.
 */
#ifndef SM_BASE_FILE_H
#define SM_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum sm_file_kind {
    SM_FILE_PUBLIC,     /* others may read; only the owner may write */
    SM_FILE_PRIVATE,    /* nobody but the owner may read or write */
};

/*
 * Read a whole file after checking it on the open descriptor: a regular
 * file, not a symbolic link, one link only, owned by the effective user or
 * root, not writable by group or others (and not readable when
 * SM_FILE_PRIVATE), at most `max` bytes; its directory owned likewise, and
 * not writable by group or others unless sticky.
 *   path   file name, for messages too
 *   kind   how strict the mode is
 *   max    size cap in bytes
 *   data   out: malloc'd, with a NUL after the last byte; the caller's, to be
 *          freed with sm_file_free(); NULL on error
 *   len    out: bytes without that NUL
 *   why    out: `why_size` bytes for the reason in words ("" on success)
 * Returns 0; SM_STATE when a check fails or the file is too large; SM_IO;
 * SM_NO_MEMORY.  A missing file is SM_STATE with errno ENOENT.
 */
int sm_file_read(const char *path, enum sm_file_kind kind, size_t max,
                 uint8_t **data, size_t *len, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* As sm_file_read() into locked memory; free with sm_secret_free(). */
int sm_file_read_secret(const char *path, size_t max, uint8_t **data,
                        size_t *len, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* Wipe `len` bytes and free; NULL is fine. */
void sm_file_free(uint8_t *data, size_t len);

/*
 * Replace `path` by `len` bytes at `data`: a temporary file in the same
 * directory, fsync, rename, fsync of the directory.  After a crash the file
 * is the old one or the new one, whole; after a kill the temporary
 * file, .LEAF.PID.tmp, may be left.  One that fails with a `mode` for nobody
 * else is overwritten before it is removed.
 *   mode   permission bits of the new file (0600 for secrets)
 * Returns 0, SM_IO (reason in `why`).
 */
int sm_file_write(const char *path, const void *data, size_t len,
                  mode_t mode, char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * As sm_file_write(), but never over a file that is there.  (On a file system
 * that cannot rename so, as NFS, one that appears at the last moment is
 * still lost.)
 * Returns 0; SM_STATE when `path` exists, be it as a dangling link; SM_IO.
 */
int sm_file_create(const char *path, const void *data, size_t len,
                   mode_t mode, char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Random bytes over the first `size` of an open file, durably.  What a file
 * system that copies on write, or a flash disk, keeps is out of reach.
 * Returns 0 or SM_IO (errno says why).
 */
int sm_file_overwrite(int fd, off_t size) SM_WARN_UNUSED;

/*
 * Make a directory (one level) with exactly `mode`, or accept one that
 * exists when it is a directory owned by the effective user and not writable
 * by group or others.  Returns 0, SM_STATE or SM_IO.
 */
int sm_file_mkdir(const char *path, mode_t mode, char *why, size_t why_size)
    SM_WARN_UNUSED;

#endif
