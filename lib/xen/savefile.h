/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The preamble that xl puts before a domain's libxl stream, in save files
 * and in migrations: a header of 48 bytes and "optional data" that holds the
 * domain's configuration in JSON.
 *
 * Source: struct save_file_header in Xen's tools/xl/xl.h, written by
 * save_domain_core_writeconfig() (tools/xl/xl_saverestore.c) and read by
 * create_domain() (tools/xl/xl_vmcontrol.c), Xen 4.17 to 4.20:
 *
 *     32  magic
 *      4  byte order, 0x01020304 in the writer's own order
 *      4  mandatory flags: bit 0 configuration is JSON, bit 1 stream is v2
 *      4  optional flags: none is defined
 *      4  length of the optional data
 *      4  length of the configuration, with its terminating NUL
 *      n  the configuration
 *
 * xl believes every length up to 4 GiB and reads past a missing NUL.  Here
 * the bytes may come from anybody: only what xl itself writes is accepted.
 * That is little-endian (all of Xen's supported hosts), both mandatory flags
 * set and no other, no optional flag, nothing after the configuration, one
 * NUL, at its end.
 */
#ifndef SM_XEN_SAVEFILE_H
#define SM_XEN_SAVEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"

#define SM_SAVEFILE_HEADER_LEN  48u
#define SM_SAVEFILE_CONFIG_MAX  (1024u * 1024u)     /* without the NUL */
#define SM_SAVEFILE_MAX         (SM_SAVEFILE_HEADER_LEN + 4u + \
                                 SM_SAVEFILE_CONFIG_MAX + 1u)

/* ---- reading, in pieces of any size ---- */

struct sm_savefile_reader {
    /* Results, valid once sm_savefile_wanted() is 0. */
    char *config;           /* JSON text with a NUL after it; the reader's */
    size_t config_len;      /* bytes without that NUL */
    /* Why sm_savefile_feed() failed: a static string, else "". */
    const char *why;
    /* Private. */
    uint8_t head[SM_SAVEFILE_HEADER_LEN + 4];
    size_t have;            /* bytes taken of the part being read */
    size_t config_size;     /* with the NUL; 0 while the head is read */
    int error;              /* sticky */
};

/* Start.  Nothing is allocated before the header has been checked. */
void sm_savefile_reader_init(struct sm_savefile_reader *r);

/* Free what the reader owns.  May be called twice. */
void sm_savefile_reader_dispose(struct sm_savefile_reader *r);

/*
 * How many bytes must at least still be fed; 0 when the preamble is whole
 * (or has failed).  A caller that never reads more than this from a pipe
 * leaves the libxl stream behind the preamble untouched in the pipe.
 */
size_t sm_savefile_wanted(const struct sm_savefile_reader *r);

/*
 * Take up to `len` bytes at `data`.
 *   used  out: bytes taken; fewer than `len` only at the end of the preamble
 *         or on error
 * Returns 0, whether or not the preamble is whole; SM_PROTOCOL when it is
 * not what xl writes (reason in r->why); SM_NO_MEMORY.  Errors are sticky.
 */
int sm_savefile_feed(struct sm_savefile_reader *r, const void *data,
                     size_t len, size_t *used) SM_WARN_UNUSED;

/* ---- writing ---- */

/*
 * Append a preamble to a message.
 *   w           a writer whose cap has room for SM_SAVEFILE_MAX bytes
 *   config      JSON text, without a NUL in it
 *   config_len  its length without the terminating NUL, 1 to
 *               SM_SAVEFILE_CONFIG_MAX
 * The bytes are those of xl.  Returns 0; SM_PROTOCOL when the text is empty,
 * too long or has a NUL, or when the writer's cap is too small; SM_NO_MEMORY.
 */
int sm_savefile_write(struct sm_wire_writer *w, const char *config,
                      size_t config_len) SM_WARN_UNUSED;

#endif
