/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one bounded buffer.  Every message that crosses a process or a host
 * boundary is written and read through it: big-endian, each length checked
 * before it is believed, nothing left over at the end.
 *
 * Reading and writing both use a sticky error: after the first failure every
 * further call does nothing, getters return zeroes, and the error comes out
 * of sm_wire_end() (reader) or sm_wire_error() (writer).  A decoder is thus a
 * straight list of getters followed by one check.
 *
 *   str   u16 length, then that many bytes of UTF-8 without NUL or other
 *         control characters (RFC 3629 forms only: no overlong, surrogate)
 *   blob  u32 length, then that many bytes
 */
#ifndef SM_BASE_WIRE_H
#define SM_BASE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* ---- reader: borrows bytes, never copies or allocates ---- */

struct sm_wire_reader {
    const uint8_t *data;
    size_t len, pos;
    int error;
};

/* Start reading `len` bytes at `data`, which must outlive the reader and all
 * slices taken from it.  NULL is an empty message. */
void sm_wire_reader_init(struct sm_wire_reader *r, const void *data,
                         size_t len);

uint8_t sm_wire_get_u8(struct sm_wire_reader *r);
uint16_t sm_wire_get_u16(struct sm_wire_reader *r);
uint32_t sm_wire_get_u32(struct sm_wire_reader *r);
uint64_t sm_wire_get_u64(struct sm_wire_reader *r);

/* Copy exactly `n` bytes to `out` (zeroes on error). */
void sm_wire_get_bytes(struct sm_wire_reader *r, void *out, size_t n);

/*
 * Read a str into `out` (`size` bytes, including the terminating NUL that is
 * added).  A str that does not fit, is not clean UTF-8 or holds a control
 * character is an error; `out` is then "".
 */
void sm_wire_get_str(struct sm_wire_reader *r, char *out, size_t size);

/*
 * Read a blob of at most `max` bytes.  *data points into the reader's bytes
 * (NULL on error), *len is its length.
 */
void sm_wire_get_blob(struct sm_wire_reader *r, size_t max,
                      const uint8_t **data, size_t *len);

/* Bytes not yet read. */
size_t sm_wire_left(const struct sm_wire_reader *r);

/*
 * End of the message.  Returns 0 when every getter succeeded and nothing is
 * left over, else SM_PROTOCOL.
 */
int sm_wire_end(const struct sm_wire_reader *r) SM_WARN_UNUSED;

/* ---- writer: grows up to a cap given at the start ---- */

struct sm_wire_writer {
    uint8_t *data;      /* malloc'd; the writer's */
    size_t len, size, max;
    int error;
};

/* Start an empty message of at most `max` bytes.  No allocation yet. */
void sm_wire_writer_init(struct sm_wire_writer *w, size_t max);

/* Wipe and free.  May be called twice, or on a zeroed struct. */
void sm_wire_writer_dispose(struct sm_wire_writer *w);

/* Forget the content, keep the memory (wiped). */
void sm_wire_writer_reset(struct sm_wire_writer *w);

void sm_wire_put_u8(struct sm_wire_writer *w, uint8_t v);
void sm_wire_put_u16(struct sm_wire_writer *w, uint16_t v);
void sm_wire_put_u32(struct sm_wire_writer *w, uint32_t v);
void sm_wire_put_u64(struct sm_wire_writer *w, uint64_t v);
void sm_wire_put_bytes(struct sm_wire_writer *w, const void *data, size_t n);
/* Same rules as the reader's str; a string that breaks them is an error. */
void sm_wire_put_str(struct sm_wire_writer *w, const char *s);
void sm_wire_put_blob(struct sm_wire_writer *w, const void *data, size_t n);

/* Overwrite 4 bytes at `pos` (already written): for lengths known late. */
void sm_wire_patch_u32(struct sm_wire_writer *w, size_t pos, uint32_t v);

/* 0, SM_NO_MEMORY, or SM_PROTOCOL when the cap or a str rule was broken. */
int sm_wire_error(const struct sm_wire_writer *w) SM_WARN_UNUSED;

/*
 * Whether `len` bytes at `s` are well-formed UTF-8 (RFC 3629) without
 * control characters (U+0000-001F, U+007F-009F), bidirectional controls,
 * line separators (U+2028, U+2029), U+FFFE, U+FFFF, or characters that cannot
 * be seen (U+00AD, U+200B-200D, U+2060-2064, U+FE00-FE0F, U+FEFF,
 * U+E0000-E0FFF): safe to log and to show on a terminal, and not two texts
 * that look the same for such a character.
 */
int sm_wire_text_ok(const void *s, size_t len);

#endif
