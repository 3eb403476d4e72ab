/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record layer, between an honest sender and a receiver.
 *
 *   byte 0   suite and rekey limit
 *   then operations of 5 bytes: what, stream, flags, length, where
 *     what % 4   0: a record as it is   1: one byte changed at `where`
 *                2: cut to `where` bytes   3: raw bytes that follow
 *
 * An honest record in its order must open to what was sealed; anything else
 * must be refused, and nothing opens afterwards.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "channel/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_BODY 300

static struct sm_record *start(bool initiator, uint8_t choice)
{
    static const uint8_t key[2][32] = { { 1 }, { 2 } }, hash[32] = { 3 };
    struct sm_record_params p = {
        .initiator = initiator,
        .tx_key = key[!initiator], .rx_key = key[initiator],
        .hash = hash, .hash_len = sizeof(hash),
        .rekey_records = choice >> 2, .total_records = 1000,
    };
    struct sm_record *rec;

    p.suite = (enum sm_suite)(choice % 4);
    if (!(sm_suite_available() & SM_SUITE_BIT(p.suite)) || !p.suite)
        p.suite = SM_SUITE_CHACHA20POLY1305;
    if (sm_record_new(&rec, &p))
        abort();
    return rec;
}

/* Open `len` bytes, from a buffer of exactly that size. */
static int receive(struct sm_record *rec, const uint8_t *data, size_t len,
                   const uint8_t *want, size_t want_len)
{
    static uint8_t plain[SM_RECORD_BODY_MAX];
    uint8_t *copy = malloc(len ? len : 1);
    enum sm_record_stream stream;
    unsigned int flags;
    size_t total, out;
    int rc = 0;

    if (!copy)
        abort();
    if (len)
        memcpy(copy, data, len);
    if (len >= SM_RECORD_HEADER_LEN) {
        rc = sm_record_need(rec, copy, &total);
        if (!rc && total > SM_RECORD_MAX)
            abort();
    }
    if (!rc)
        rc = sm_record_open(rec, copy, len, &stream, &flags, plain,
                            sizeof(plain), &out);
    if (!rc && (out != want_len || memcmp(plain, want, out)))
        abort();
    free(copy);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t body[MAX_BODY], wire[SM_RECORD_MAX];
    struct sm_record *sender, *receiver;
    bool honest, dead = false;
    size_t len, n;
    int rc;

    if (sodium_init() < 0)      /* not sm_secret_init(): see fuzz_noise */
        abort();
    if (size < 1)
        return 0;
    memset(body, 0x61, sizeof(body));
    sender = start(true, data[0]);
    receiver = start(false, data[0]);
    data++;
    size--;

    while (size >= 5) {
        uint8_t what = data[0] % 4, where = data[4];

        rc = 0;
        len = 0;
        honest = what == 0;
        if (what == 3) {
            n = size - 5 < where ? size - 5 : where;
            rc = receive(receiver, data + 5, n, body, SIZE_MAX);
            data += n;
            size -= n;
        } else if (!sm_record_seal(sender,
                                   (enum sm_record_stream)(data[1] % 4),
                                   data[2] % 4, body, data[3], wire,
                                   sizeof(wire), &len)) {
            if (what == 1)
                wire[where % len] ^= (uint8_t)(1 + data[3] % 255);
            n = what == 2 ? where % len : len;
            rc = receive(receiver, wire, n, body, data[3]);
        } else {
            honest = false;     /* the sender refused: nothing was sent */
            rc = dead ? SM_PROTOCOL : 0;
            what = 0;
        }
        if (honest && !dead && rc)
            abort();
        if (!honest && what && !rc)
            abort();
        if (dead && !rc)
            abort();
        dead = sm_record_dead(receiver);
        if (what && !dead)
            abort();
        data += 5;
        size -= 5;
    }
    sm_record_free(sender);
    sm_record_free(receiver);
    return 0;
}
