/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that people hand to secmig: drafts, requests, papers.
 */
#ifndef SM_SECMIG_DRAFT_H
#define SM_SECMIG_DRAFT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Read a file which may be anybody's and anywhere: none of the checks on
 * owner and mode that sm_file_read() makes, but no device or FIFO and no more
 * than `max` bytes.
 *   err   what to return when it is missing, no plain file, or too long
 *   data  out: malloc'd, the caller's to free(); NULL on error
 * Prints its own error line.  Returns 0, `err`, SM_IO or SM_NO_MEMORY.
 */
int sm_draft_read(const char *path, size_t max, int err, uint8_t **data,
                  size_t *len) SM_WARN_UNUSED;

#endif
