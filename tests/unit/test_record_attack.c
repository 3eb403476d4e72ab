/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records under attack: every byte changed, every cut, reorder, repeat,
 * loss, splice and reflection; and the cases of C2SP's CCTV age "stream_*"
 * files, which are about the same promise: all of a stream, or an error.
 */
#include "noise_pair.h"

#include "channel/record.h"

#define STATE SM_RECORD_STATE
#define CONTROL SM_RECORD_CONTROL
#define FINAL SM_RECORD_FINAL
#define HEADER SM_RECORD_HEADER_LEN
#define SMALL 40
#define FULL SM_RECORD_BODY_MAX

static uint8_t body[FULL], plain[FULL];     /* body is filled in main() */

struct link {
    struct sm_record *end[2];
};

/* A connection over a real handshake: each has keys of its own. */
static void link_start(struct link *l, uint64_t rekey_records)
{
    uint8_t tx[32], rx[32], hash[SM_HASH_MAX];
    struct sm_record_params p;
    struct pair pair;
    size_t hash_len;
    int i;

    pair_start(&pair, XX);
    run_all(&pair);
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(sm_noise_hash(pair.side[i], hash, &hash_len), 0);
        ck_assert_int_eq(sm_noise_split(pair.side[i], tx, rx), 0);
        p = (struct sm_record_params){
            .suite = sm_suite_best(sm_suite_available(), ~UINT32_C(0)),
            .initiator = i == 0,
            .tx_key = tx, .rx_key = rx,
            .hash = hash, .hash_len = hash_len,
            .rekey_records = rekey_records,
        };
        ck_assert_int_eq(sm_record_new(&l->end[i], &p), 0);
    }
    pair_end(&pair);
}

static void link_end(struct link *l)
{
    sm_record_free(l->end[0]);
    sm_record_free(l->end[1]);
}

/* ---- a wire: bytes that a man in the middle can do anything with ---- */

struct bytes {
    uint8_t *data;
    size_t len;
};

static struct bytes sealed(struct sm_record *rec, unsigned int flags,
                           size_t len)
{
    struct bytes b = { malloc(SM_RECORD_MAX), 0 };

    ck_assert_ptr_nonnull(b.data);
    ck_assert_int_eq(sm_record_seal(rec, STATE, flags, body, len, b.data,
                                    SM_RECORD_MAX, &b.len), 0);
    return b;
}

static void append(struct bytes *to, const void *data, size_t len)
{
    to->data = realloc(to->data, to->len + len + 1);
    ck_assert_ptr_nonnull(to->data);
    memcpy(to->data + to->len, data, len);
    to->len += len;
}

/* Seal and put on the wire. */
static void send_record(struct sm_record *rec, unsigned int flags,
                        size_t len, struct bytes *wire)
{
    struct bytes b = sealed(rec, flags, len);

    append(wire, b.data, b.len);
    free(b.data);
}

enum verdict { WHOLE, CUT, REFUSED };

/*
 * What a receiver makes of all the bytes of a connection that then ended:
 * WHOLE only when STATE was finished, nothing was refused and nothing is
 * left over.
 */
static enum verdict receive(struct sm_record *rec, const struct bytes *wire,
                            size_t *delivered)
{
    enum sm_record_stream stream;
    size_t at = 0, total, len;
    unsigned int flags;

    *delivered = 0;
    while (wire->len - at >= HEADER) {
        if (sm_record_need(rec, wire->data + at, &total))
            return REFUSED;
        if (wire->len - at < total)
            return CUT;
        if (sm_record_open(rec, wire->data + at, total, &stream, &flags,
                           plain, sizeof(plain), &len))
            return REFUSED;
        *delivered += len;
        at += total;
    }
    if (at < wire->len || !sm_record_finished(rec, STATE))
        return CUT;
    return WHOLE;
}

/* ---- one record ---- */

static void must_die(struct sm_record *rec, const uint8_t *data, size_t len)
{
    enum sm_record_stream stream;
    unsigned int flags;
    size_t out_len = 7, total, i;

    memset(plain, 0xee, SMALL + 64);
    ck_assert_int_eq(sm_record_open(rec, data, len, &stream, &flags, plain,
                                    sizeof(plain), &out_len), SM_PROTOCOL);
    ck_assert_uint_eq(out_len, 0);
    ck_assert_uint_eq(flags, 0);
    for (i = 0; i + 4 <= SMALL; i++)
        ck_assert_mem_ne(plain + i, body + i, 4);
    ck_assert(sm_record_dead(rec));
    ck_assert(!sm_record_finished(rec, STATE));
    ck_assert_int_eq(sm_record_need(rec, data, &total), SM_PROTOCOL);
}

START_TEST(any_changed_bit_ends_the_session)
{
    struct bytes b;
    struct link l;
    size_t i, n;
    int bit;

    link_start(&l, 0);
    b = sealed(l.end[0], 0, SMALL);
    n = b.len;
    free(b.data);
    link_end(&l);
    for (i = 0; i < n; i++)
        for (bit = 0; bit < 8; bit++) {
            link_start(&l, 0);
            b = sealed(l.end[0], 0, SMALL);
            b.data[i] ^= (uint8_t)(1 << bit);
            must_die(l.end[1], b.data, b.len);
            /* The record as it was does not revive it. */
            b.data[i] ^= (uint8_t)(1 << bit);
            must_die(l.end[1], b.data, b.len);
            free(b.data);
            link_end(&l);
        }
}
END_TEST

START_TEST(a_record_cut_or_lengthened_ends_the_session)
{
    struct bytes b;
    struct link l;
    size_t n;

    for (n = 0; n <= SMALL + 100; n++) {
        link_start(&l, 0);
        b = sealed(l.end[0], 0, SMALL);
        if (n != b.len)
            must_die(l.end[1], b.data, n);
        free(b.data);
        link_end(&l);
    }
}
END_TEST

START_TEST(a_final_flag_cannot_be_added_removed_or_moved)
{
    struct bytes b;
    struct link l;

    link_start(&l, 0);
    b = sealed(l.end[0], 0, SMALL);
    b.data[5] = FINAL;
    must_die(l.end[1], b.data, b.len);
    free(b.data);
    link_end(&l);

    link_start(&l, 0);
    b = sealed(l.end[0], FINAL, SMALL);
    b.data[5] = 0;
    must_die(l.end[1], b.data, b.len);
    free(b.data);
    link_end(&l);

    link_start(&l, 0);
    b = sealed(l.end[0], FINAL, SMALL);
    b.data[4] = CONTROL;
    must_die(l.end[1], b.data, b.len);
    ck_assert(!sm_record_finished(l.end[1], CONTROL));
    free(b.data);
    link_end(&l);
}
END_TEST

/* ---- several records ---- */

/* Three records, of which the receiver gets those of `order` (0 ends). */
static void must_refuse_order(const char *order, uint64_t rekey)
{
    struct bytes b[3], wire = { NULL, 0 };
    struct link l;
    size_t delivered;
    const char *p;
    int i;

    link_start(&l, rekey);
    for (i = 0; i < 3; i++)
        b[i] = sealed(l.end[0], i == 2 ? FINAL : 0, SMALL + (size_t)i);
    for (p = order; *p; p++)
        append(&wire, b[*p - '1'].data, b[*p - '1'].len);
    ck_assert_int_eq(receive(l.end[1], &wire, &delivered), REFUSED);
    ck_assert(sm_record_dead(l.end[1]));
    for (i = 0; i < 3; i++)
        free(b[i].data);
    free(wire.data);
    link_end(&l);
}

START_TEST(reorder_repeat_and_loss_are_refused_at_the_first_wrong_record)
{
    static const char *const orders[] = {
        "213", "132", "23", "3", "2", "13", "11", "1123", "122", "1233",
        "1231", "312",
    };
    size_t i;

    for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        must_refuse_order(orders[i], 0);
        must_refuse_order(orders[i], 1);    /* a new key each record */
        must_refuse_order(orders[i], 2);
    }
}
END_TEST

START_TEST(records_of_another_session_are_refused)
{
    struct link one, two;
    struct bytes a, b;
    struct sm_record *ends[3];
    int i;

    for (i = 0; i < 3; i++) {
        link_start(&one, 0);
        link_start(&two, 0);
        a = sealed(one.end[0], 0, SMALL);
        b = sealed(two.end[0], 0, SMALL);
        ends[0] = one.end[1];       /* the other session's first record */
        ends[1] = two.end[0];       /* to its own sender: reflection */
        ends[2] = one.end[0];       /* both */
        must_die(ends[i], b.data, b.len);
        free(a.data);
        free(b.data);
        link_end(&one);
        link_end(&two);
    }
}
END_TEST

START_TEST(a_splice_in_the_middle_is_refused)
{
    struct bytes wire = { NULL, 0 };
    struct link one, two;
    struct bytes b;
    size_t delivered;

    link_start(&one, 0);
    link_start(&two, 0);
    send_record(one.end[0], 0, SMALL, &wire);
    b = sealed(two.end[0], 0, SMALL);       /* number 0 there */
    free(b.data);
    send_record(two.end[0], FINAL, SMALL, &wire);   /* number 1 there */
    ck_assert_int_eq(receive(one.end[1], &wire, &delivered), REFUSED);
    ck_assert_uint_eq(delivered, SMALL);
    free(wire.data);
    link_end(&one);
    link_end(&two);
}
END_TEST

START_TEST(a_replayed_session_opens_nothing)
{
    struct bytes wire = { NULL, 0 };
    struct link l, fresh;
    size_t delivered;

    link_start(&l, 0);
    send_record(l.end[0], 0, SMALL, &wire);
    send_record(l.end[0], FINAL, SMALL, &wire);
    ck_assert_int_eq(receive(l.end[1], &wire, &delivered), WHOLE);
    link_start(&fresh, 0);
    ck_assert_int_eq(receive(fresh.end[1], &wire, &delivered), REFUSED);
    ck_assert_uint_eq(delivered, 0);
    free(wire.data);
    link_end(&l);
    link_end(&fresh);
}
END_TEST

START_TEST(sending_goes_on_when_receiving_died)
{
    struct bytes b, bad;
    struct link l;

    link_start(&l, 0);
    bad = sealed(l.end[0], 0, SMALL);
    bad.data[20] ^= 1;
    must_die(l.end[1], bad.data, bad.len);
    /* So that the dead side can still say why. */
    b = sealed(l.end[1], FINAL, SMALL);
    {
        struct bytes wire = { b.data, b.len };
        size_t delivered;

        ck_assert_int_eq(receive(l.end[0], &wire, &delivered), WHOLE);
    }
    free(b.data);
    free(bad.data);
    link_end(&l);
}
END_TEST

/* ---- the cases of CCTV's age/testdata/stream_* ---- */

/* The records of a stream as its sender made them. */
#define MAX_CHUNKS 4
struct chunk {
    size_t len;
    unsigned int final;
};

static const struct {
    const char *name;
    struct chunk chunks[MAX_CHUNKS];
    unsigned int n;
    int cut;                /* bytes taken from the end of the wire ... */
    int garbage;            /* ... or put there */
    int flip_record;        /* 1..: spoil the tag of that record */
    enum verdict want;
    size_t delivered;
} cases[] = {
    { "no_chunks", { { 0, 0 } }, 0, 0, 0, 0, CUT, 0 },
    { "last_chunk", { { SMALL, 1 } }, 1, 0, 0, 0, WHOLE, SMALL },
    { "last_chunk_full", { { FULL, 1 } }, 1, 0, 0, 0, WHOLE, FULL },
    { "two_chunks", { { FULL, 0 }, { 1, 1 } }, 2, 0, 0, 0, WHOLE, FULL + 1 },
    { "last_chunk_full_second", { { FULL, 0 }, { FULL, 1 } }, 2, 0, 0, 0,
      WHOLE, 2 * FULL },
    { "three_chunks", { { FULL, 0 }, { FULL, 0 }, { SMALL, 1 } }, 3, 0, 0, 0,
      WHOLE, 2 * FULL + SMALL },
    /* Unlike age, an empty FINAL is allowed: a pump learns the end of its
     * input only after it has sent the last byte. */
    { "last_chunk_empty", { { FULL, 0 }, { 0, 1 } }, 2, 0, 0, 0, WHOLE,
      FULL },
    { "empty_payload", { { 0, 1 } }, 1, 0, 0, 0, WHOLE, 0 },
    { "no_final", { { SMALL, 0 } }, 1, 0, 0, 0, CUT, SMALL },
    { "no_final_full", { { FULL, 0 } }, 1, 0, 0, 0, CUT, FULL },
    { "no_final_two_chunks", { { FULL, 0 }, { SMALL, 0 } }, 2, 0, 0, 0, CUT,
      FULL + SMALL },
    { "no_final_two_chunks_full", { { FULL, 0 }, { FULL, 0 } }, 2, 0, 0, 0,
      CUT, 2 * FULL },
    { "bad_tag", { { SMALL, 1 } }, 1, 0, 0, 1, REFUSED, 0 },
    { "bad_tag_second_chunk", { { FULL, 0 }, { SMALL, 1 } }, 2, 0, 0, 2,
      REFUSED, FULL },
    { "bad_tag_second_chunk_full", { { FULL, 0 }, { FULL, 1 } }, 2, 0, 0, 2,
      REFUSED, FULL },
    { "missing_tag", { { SMALL, 1 } }, 1, 16, 0, 0, CUT, 0 },
    { "short_chunk", { { SMALL, 1 } }, 1, 17, 0, 0, CUT, 0 },
    { "short_second_chunk", { { FULL, 0 }, { SMALL, 1 } }, 2, 1, 0, 0, CUT,
      FULL },
    { "trailing_garbage_short", { { SMALL, 1 } }, 1, 0, 3, 0, CUT, SMALL },
    { "trailing_garbage_long", { { SMALL, 1 } }, 1, 0, 100, 0, REFUSED,
      SMALL },
};

START_TEST(cctv_stream_cases)
{
    struct bytes wire = { NULL, 0 };
    size_t delivered, ends[MAX_CHUNKS] = { 0 };
    uint8_t garbage[100];
    enum verdict got;
    struct link l;
    unsigned int i;

    link_start(&l, 0);
    for (i = 0; i < cases[_i].n; i++) {
        send_record(l.end[0], cases[_i].chunks[i].final,
                    cases[_i].chunks[i].len, &wire);
        ends[i] = wire.len;
    }
    wire.len -= (size_t)cases[_i].cut;
    if (cases[_i].flip_record)
        wire.data[ends[cases[_i].flip_record - 1] - 1] ^= 1;
    memset(garbage, 0x41, sizeof(garbage));
    if (cases[_i].garbage)
        append(&wire, garbage, (size_t)cases[_i].garbage);
    got = receive(l.end[1], &wire, &delivered);
    ck_assert_msg(got == cases[_i].want, "stream_%s: %d, wanted %d",
                  cases[_i].name, got, cases[_i].want);
    ck_assert_msg(delivered == cases[_i].delivered,
                  "stream_%s: %zu bytes delivered", cases[_i].name,
                  delivered);
    free(wire.data);
    link_end(&l);
}
END_TEST

/*
 * CCTV's two_final_chunks*: our sender refuses to make them (test_record),
 * so they are made with a second sender that has the same keys and did not
 * see the first FINAL.
 */
START_TEST(cctv_two_final_chunks)
{
    static const uint8_t key[32] = { 1 }, hash[32] = { 2 };
    const struct sm_record_params p = {
        .suite = SM_SUITE_CHACHA20POLY1305, .initiator = true,
        .tx_key = key, .rx_key = key, .hash = hash, .hash_len = 32,
    };
    const struct chunk second[] = {
        { SMALL, 1 }, { FULL, 1 }, { 0, 1 }, { SMALL, 0 }, { FULL, 0 },
    };
    struct sm_record_params q = p;
    struct bytes wire = { NULL, 0 }, b;
    struct sm_record *one, *two, *reader;
    size_t delivered;

    q.initiator = false;
    ck_assert_int_eq(sm_record_new(&one, &p), 0);
    ck_assert_int_eq(sm_record_new(&two, &p), 0);
    ck_assert_int_eq(sm_record_new(&reader, &q), 0);
    send_record(one, FINAL, FULL, &wire);
    b = sealed(two, 0, FULL);
    free(b.data);
    send_record(two, second[_i].final, second[_i].len, &wire);
    ck_assert_int_eq(receive(reader, &wire, &delivered), REFUSED);
    ck_assert_uint_eq(delivered, FULL);
    ck_assert(sm_record_dead(reader));
    sm_record_free(one);
    sm_record_free(two);
    sm_record_free(reader);
    free(wire.data);
}
END_TEST

START_TEST(every_cut_of_a_whole_connection_is_noticed)
{
    struct bytes wire = { NULL, 0 }, cut;
    size_t delivered, i;
    struct link l;

    for (i = 0, wire.len = 0; !i || i < wire.len; i++) {
        struct bytes whole = { NULL, 0 };

        link_start(&l, 2);
        send_record(l.end[0], 0, 5, &whole);
        send_record(l.end[0], 0, 1, &whole);
        send_record(l.end[0], FINAL, 3, &whole);
        wire.len = whole.len;
        cut.data = whole.data;
        cut.len = i;
        ck_assert_int_eq(receive(l.end[1], &cut, &delivered), CUT);
        free(whole.data);
        link_end(&l);
    }
    ck_assert_uint_gt(wire.len, 3 * HEADER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record under attack");
    TCase *t = tcase_create("attack");
    size_t i;

    if (sm_secret_init())
        return EXIT_FAILURE;
    for (i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)(i * 7 + i / 256);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, any_changed_bit_ends_the_session);
    tcase_add_test(t, a_record_cut_or_lengthened_ends_the_session);
    tcase_add_test(t, a_final_flag_cannot_be_added_removed_or_moved);
    tcase_add_test(t,
        reorder_repeat_and_loss_are_refused_at_the_first_wrong_record);
    tcase_add_test(t, records_of_another_session_are_refused);
    tcase_add_test(t, a_splice_in_the_middle_is_refused);
    tcase_add_test(t, a_replayed_session_opens_nothing);
    tcase_add_test(t, sending_goes_on_when_receiving_died);
    tcase_add_loop_test(t, cctv_stream_cases, 0,
                        (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_loop_test(t, cctv_two_final_chunks, 0, 5);
    tcase_add_test(t, every_cut_of_a_whole_connection_is_noticed);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
