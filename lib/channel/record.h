/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record layer: three streams in one connection, each byte encrypted and
 * authenticated, each stream with an authenticated end.
 *
 *   record   u32 length of what follows the header (ciphertext and tag)
 *            u8 stream, u8 flags, u16 zero; these 8 bytes are the
 *            associated data; then ciphertext and tag
 *
 * Keys: HKDF-SHA256 (RFC 5869) from the handshake's split keys, salted with
 * the handshake hash, with suite and direction in the context; each key is
 * replaced by volume on both sides in step, the way TLS 1.3 updates traffic
 * secrets (RFC 8446 section 7.2); nonces are TLS 1.3's: a derived start
 * value XOR the record's number under that key (section 5.3).  HKDF rather
 * than libsodium's crypto_kdf because the context there is 8 bytes and takes
 * no transcript.  Layout and labels: docs/protocol.md.
 *
 * The two directions share nothing: one thread may seal while another opens.
 * No I/O.  All keys live in locked memory.
 */
#ifndef SM_CHANNEL_RECORD_H
#define SM_CHANNEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "channel/suite.h"

enum sm_record_stream {
    SM_RECORD_CONTROL = 0,      /* messages of channel/message.h */
    SM_RECORD_STATE = 1,        /* the guest: libxl's stream, untouched */
    SM_RECORD_CONTEXT = 2,      /* the guest's firewall and connections */
};
#define SM_RECORD_STREAMS 3

#define SM_RECORD_FINAL 1       /* flag: the last record of this stream */

#define SM_RECORD_HEADER_LEN 8
#define SM_RECORD_BODY_MAX (256 * 1024)     /* plaintext bytes of a record */
#define SM_RECORD_MAX \
    (SM_RECORD_HEADER_LEN + SM_RECORD_BODY_MAX + SM_SUITE_TAG_MAX)

/* Defaults of the limits, per direction. */
#define SM_RECORD_REKEY_RECORDS (UINT64_C(1) << 20)
#define SM_RECORD_REKEY_BYTES   (UINT64_C(64) << 30)    /* plaintext */
#define SM_RECORD_TOTAL_RECORDS (UINT64_C(1) << 48)

struct sm_record;

struct sm_record_params {
    enum sm_suite suite;        /* available here: sm_suite_available() */
    bool initiator;             /* our role in the handshake */
    const uint8_t *tx_key;      /* 32 bytes each, from sm_noise_split() */
    const uint8_t *rx_key;
    const uint8_t *hash;        /* handshake hash, 32 to 64 bytes */
    size_t hash_len;
    /* Limits; 0 means the default.  Both sides need the same. */
    uint64_t rekey_records;     /* new key after so many records ... */
    uint64_t rekey_bytes;       /* ... or at least so many plaintext bytes */
    uint64_t total_records;     /* after so many the direction is closed */
};

/*
 * Start both directions.  The keys are copied: the caller wipes its own.
 * Returns 0; SM_CONFIG when the suite is not available; SM_USAGE for missing
 * parameters or limits above the defaults; SM_NO_MEMORY.  *out is the
 * caller's, for sm_record_free(); NULL on error.
 */
int sm_record_new(struct sm_record **out, const struct sm_record_params *p)
    SM_WARN_UNUSED;

/* Wipe and free; NULL is fine. */
void sm_record_free(struct sm_record *rec);

/* Bytes a record of `len` plaintext bytes has: header, body, tag. */
size_t sm_record_sealed_len(const struct sm_record *rec, size_t len);

/*
 * Seal one record.
 *   stream     SM_RECORD_CONTROL .. SM_RECORD_CONTEXT
 *   flags      0 or SM_RECORD_FINAL
 *   data, len  at most SM_RECORD_BODY_MAX bytes; may be empty only with
 *              SM_RECORD_FINAL.  Either apart from `out` or, to save a copy,
 *              exactly at out + SM_RECORD_HEADER_LEN.
 *   out        room for sm_record_sealed_len() bytes (`out_size`)
 *   out_len    out: bytes to send; 0 on error
 * Records must be sent whole, in the order they were sealed.
 * Returns 0; SM_USAGE for a wrong argument or a stream already ended:
 * nothing has then changed; SM_FAIL at the limit of total_records: nothing
 * can be sent any more.
 */
int sm_record_seal(struct sm_record *rec, enum sm_record_stream stream,
                   unsigned int flags, const void *data, size_t len,
                   uint8_t *out, size_t out_size, size_t *out_len)
    SM_WARN_UNUSED;

/*
 * Judge a received header before anything is read or allocated for its body.
 *   header   8 bytes; not trusted
 *   total    out: bytes of the whole record, header included, at most
 *            SM_RECORD_MAX; 0 on error
 * Returns 0; SM_PROTOCOL for a length, stream, flag or pad that no sender
 * may use, for a stream already ended, or at the limit: the receiving
 * direction is then dead.
 */
int sm_record_need(struct sm_record *rec,
                   const uint8_t header[static SM_RECORD_HEADER_LEN],
                   size_t *total) SM_WARN_UNUSED;

/*
 * Open one record.
 *   record, len  the whole record, header included, exactly `total` bytes
 *   stream       out
 *   flags        out: 0 or SM_RECORD_FINAL
 *   out          room for the plaintext (`out_size`): apart from `record`,
 *                or exactly at record + SM_RECORD_HEADER_LEN to open in place
 *   out_len      out: plaintext bytes; 0 on error
 * Returns 0; SM_USAGE when `out_size` is too short: nothing has changed;
 * SM_PROTOCOL otherwise: not a byte of it is given out, and the receiving
 * direction is dead for good, its keys wiped.
 */
int sm_record_open(struct sm_record *rec, const uint8_t *record, size_t len,
                   enum sm_record_stream *stream, unsigned int *flags,
                   uint8_t *out, size_t out_size, size_t *out_len)
    SM_WARN_UNUSED;

/*
 * Whether the peer ended this stream (its FINAL record was opened).  When
 * the connection ends, a stream that was used and is not finished has been
 * cut off: treat all of it as an error.
 */
bool sm_record_finished(const struct sm_record *rec,
                        enum sm_record_stream stream);

/* Whether the receiving direction is dead. */
bool sm_record_dead(const struct sm_record *rec);

/* Keys used so far in each direction, the first included. */
void sm_record_generations(const struct sm_record *rec, uint64_t *tx,
                           uint64_t *rx);

#endif
