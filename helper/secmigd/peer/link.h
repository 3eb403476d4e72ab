/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peer's end of the connection: handshake frames first, records once
 * link_secure() has been called.  Non-blocking; reads no byte further than
 * the frame or record it is in.
 */
#ifndef SECMIGD_LINK_H
#define SECMIGD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"
#include "channel/message.h"
#include "channel/record.h"

struct link;

/* Take over a connected socket.  Returns NULL when memory is short. */
struct link *link_new(int fd);
void link_free(struct link *l);
int link_fd(const struct link *l);

/*
 * Read on.  Returns 1 when a frame or record is complete, 0 when more bytes
 * must come first, SM_LINK at the end of the connection, SM_TIMEOUT when the
 * kernel has given it up, SM_PROTOCOL for a length that no sender may use.
 */
int link_read(struct link *l) SM_WARN_UNUSED;

/* Length that the next handshake frame must have, before it is read: `len`
 * or `other`. */
void link_expect(struct link *l, size_t len, size_t other);

/* The complete handshake frame; valid until the next link_read(). */
void link_frame(struct link *l, const uint8_t **data, size_t *len);

/* From now on records: only now their large buffers are made.  `rec` becomes
 * the link's, also on error.  Returns 0 or SM_NO_MEMORY. */
int link_secure(struct link *l, struct sm_record *rec) SM_WARN_UNUSED;
struct sm_record *link_records(struct link *l);

/*
 * Open the complete record, in place; the plaintext is valid until the next
 * link_read().  Returns 0 or SM_PROTOCOL.
 */
int link_open(struct link *l, enum sm_record_stream *stream,
              unsigned int *flags, const uint8_t **data, size_t *len)
    SM_WARN_UNUSED;

/* Queue a handshake frame / data on a stream (cut into records). */
int link_put_frame(struct link *l, const uint8_t *data, size_t len)
    SM_WARN_UNUSED;
int link_put(struct link *l, enum sm_record_stream stream,
             unsigned int flags, const uint8_t *data, size_t len)
    SM_WARN_UNUSED;
/* Queue one CONTROL message. */
int link_put_message(struct link *l, const struct sm_message *m,
                     unsigned int flags) SM_WARN_UNUSED;

/*
 * Read once from `fd` and queue what came as one STATE record, without a
 * copy in between.  Returns the number of bytes, 0 at the end of file,
 * SM_BUSY when nothing is there, else an error.
 */
int link_put_from(struct link *l, int fd) SM_WARN_UNUSED;

/* Write what is queued.  Returns 0 (also when some is left), SM_LINK or
 * SM_TIMEOUT. */
int link_flush(struct link *l) SM_WARN_UNUSED;
bool link_pending(const struct link *l);

/* Monotonic times of the last byte read and of the last byte written. */
int64_t link_heard(const struct link *l);
int64_t link_spoke(const struct link *l);

#endif
