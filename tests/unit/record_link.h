/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two ends of a record layer with fixed keys, for its tests. */
#ifndef SM_TESTS_RECORD_LINK_H
#define SM_TESTS_RECORD_LINK_H

#include "noise_pair.h"

#include "channel/record.h"

#define CONTROL SM_RECORD_CONTROL
#define STATE SM_RECORD_STATE
#define CONTEXT SM_RECORD_CONTEXT
#define FINAL SM_RECORD_FINAL
#define HEADER SM_RECORD_HEADER_LEN

/* Two ends of one connection; [0] is the initiator. */
struct link {
    struct sm_record *end[2];
};

struct sealed {
    uint8_t data[SM_RECORD_MAX];
    size_t len;
};

static uint8_t body[SM_RECORD_BODY_MAX];    /* filled by fill() */
static uint8_t plain[SM_RECORD_BODY_MAX];

static const uint8_t keys[2][32] = { { 1 }, { 2 } };
static uint8_t hash[64];                    /* filled by fill() */

static UNUSED struct sm_record_params params_of(int end)
{
    struct sm_record_params p = {
        .suite = sm_suite_best(sm_suite_available(), ~UINT32_C(0)),
        .initiator = end == 0,
        .tx_key = keys[end], .rx_key = keys[!end],
        .hash = hash, .hash_len = sizeof(hash),
    };

    return p;
}

static UNUSED void link_start_with(struct link *l, enum sm_suite suite,
                                   uint64_t records, uint64_t bytes,
                                   uint64_t total)
{
    struct sm_record_params p;
    int i;

    for (i = 0; i < 2; i++) {
        p = params_of(i);
        if (suite != SM_SUITE_NONE)
            p.suite = suite;
        p.rekey_records = records;
        p.rekey_bytes = bytes;
        p.total_records = total;
        ck_assert_int_eq(sm_record_new(&l->end[i], &p), 0);
    }
}

static UNUSED void link_start(struct link *l)
{
    link_start_with(l, SM_SUITE_NONE, 0, 0, 0);
}

static UNUSED void link_end(struct link *l)
{
    sm_record_free(l->end[0]);
    sm_record_free(l->end[1]);
}

static UNUSED void seal_ok(struct sm_record *rec, enum sm_record_stream stream,
                           unsigned int flags, size_t len, struct sealed *s)
{
    ck_assert_int_eq(sm_record_seal(rec, stream, flags, body, len, s->data,
                                    sizeof(s->data), &s->len), 0);
}

static UNUSED int open_sealed(struct sm_record *rec, const struct sealed *s)
{
    enum sm_record_stream stream;
    unsigned int flags;
    size_t len;

    return sm_record_open(rec, s->data, s->len, &stream, &flags, plain,
                          sizeof(plain), &len);
}

static UNUSED void open_ok(struct sm_record *rec, const struct sealed *s,
                           enum sm_record_stream stream, unsigned int flags,
                           size_t len)
{
    enum sm_record_stream got;
    unsigned int got_flags;
    size_t got_len, total;

    ck_assert_int_eq(sm_record_need(rec, s->data, &total), 0);
    ck_assert_uint_eq(total, s->len);
    ck_assert_int_eq(sm_record_open(rec, s->data, s->len, &got, &got_flags,
                                    plain, sizeof(plain), &got_len), 0);
    ck_assert_int_eq(got, stream);
    ck_assert_uint_eq(got_flags, flags);
    ck_assert_uint_eq(got_len, len);
    if (len)
        ck_assert_mem_eq(plain, body, len);
}

/* One record from end `from` to the other. */
static UNUSED void pass(struct link *l, int from, enum sm_record_stream stream,
                        unsigned int flags, size_t len)
{
    static struct sealed s;

    seal_ok(l->end[from], stream, flags, len, &s);
    open_ok(l->end[!from], &s, stream, flags, len);
}

/* To be called by main(), once. */
static UNUSED void fill(void)
{
    size_t i;

    for (i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)(i * 7 + i / 256);
    memset(hash, 3, sizeof(hash));
}

#endif
