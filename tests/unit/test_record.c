/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of channel/record.h; its keys and limits are in
 * test_record_keys.c, attacks in test_record_attack.c. */
#include "record_link.h"

/* ---- starting ---- */

START_TEST(bad_parameters_are_refused)
{
    struct sm_record *rec = (struct sm_record *)body;
    struct sm_record_params p, good = params_of(0);
    int suite;

    p = good; p.tx_key = NULL;
    ck_assert_int_eq(sm_record_new(&rec, &p), SM_USAGE);
    ck_assert_ptr_null(rec);
    p = good; p.rx_key = NULL;
    ck_assert_int_eq(sm_record_new(&rec, &p), SM_USAGE);
    p = good; p.hash = NULL;
    ck_assert_int_eq(sm_record_new(&rec, &p), SM_USAGE);
    p = good; p.hash_len = 31;
    ck_assert_int_eq(sm_record_new(&rec, &p), SM_USAGE);
    p = good; p.hash_len = 65;
    ck_assert_int_eq(sm_record_new(&rec, &p), SM_USAGE);
    p = good; p.rekey_records = SM_RECORD_REKEY_RECORDS + 1;
    ck_assert_int_eq(sm_record_new(&rec, &p), SM_USAGE);
    p = good; p.rekey_bytes = SM_RECORD_REKEY_BYTES + 1;
    ck_assert_int_eq(sm_record_new(&rec, &p), SM_USAGE);
    p = good; p.total_records = SM_RECORD_TOTAL_RECORDS + 1;
    ck_assert_int_eq(sm_record_new(&rec, &p), SM_USAGE);
    ck_assert_ptr_null(rec);
    for (suite = 0; suite < 40; suite++) {
        if (suite < 32 && suite > 0 &&
            (sm_suite_available() & SM_SUITE_BIT(suite)))
            continue;
        p = good; p.suite = (enum sm_suite)suite;
        ck_assert_int_eq(sm_record_new(&rec, &p), SM_CONFIG);
        ck_assert_ptr_null(rec);
    }
    sm_record_free(NULL);
}
END_TEST

START_TEST(every_suite_carries_all_streams_both_ways)
{
    struct link l;
    int from;

    if (!have_suite(_i, __func__))
        return;
    link_start_with(&l, (enum sm_suite)_i, 0, 0, 0);
    for (from = 0; from < 2; from++) {
        pass(&l, from, CONTROL, 0, 1);
        pass(&l, from, STATE, 0, SM_RECORD_BODY_MAX);
        pass(&l, from, CONTEXT, 0, 100);
        pass(&l, from, CONTROL, 0, 17);
        pass(&l, from, STATE, FINAL, 0);
        pass(&l, from, CONTEXT, FINAL, 5);
        pass(&l, from, CONTROL, FINAL, SM_RECORD_BODY_MAX);
    }
    link_end(&l);
}
END_TEST

START_TEST(sealed_length_is_header_body_and_tag)
{
    struct sealed *s = malloc(sizeof(*s));
    struct link l;

    ck_assert_ptr_nonnull(s);
    link_start_with(&l, SM_SUITE_CHACHA20POLY1305, 0, 0, 0);
    ck_assert_uint_eq(sm_record_sealed_len(l.end[0], 10), 34);
    seal_ok(l.end[0], STATE, 0, 10, s);
    ck_assert_uint_eq(s->len, 34);
    ck_assert_mem_eq(s->data, "\0\0\0\x1a\x01\0\0\0", HEADER);
    link_end(&l);
    free(s);
}
END_TEST

START_TEST(records_can_be_sealed_and_opened_in_place)
{
    struct sealed *s = malloc(sizeof(*s));
    enum sm_record_stream stream;
    unsigned int flags;
    struct link l;
    size_t len;

    ck_assert_ptr_nonnull(s);
    link_start(&l);
    memcpy(s->data + HEADER, body, 70000);
    ck_assert_int_eq(sm_record_seal(l.end[0], STATE, 0, s->data + HEADER,
                                    70000, s->data, sizeof(s->data),
                                    &s->len), 0);
    ck_assert_mem_ne(s->data + HEADER, body, 70000);
    ck_assert_int_eq(sm_record_open(l.end[1], s->data, s->len, &stream,
                                    &flags, s->data + HEADER, 70000, &len),
                     0);
    ck_assert_uint_eq(len, 70000);
    ck_assert_mem_eq(s->data + HEADER, body, 70000);
    link_end(&l);
    free(s);
}
END_TEST

START_TEST(the_sender_refuses_wrong_arguments_and_goes_on)
{
    struct sealed *s = malloc(sizeof(*s));
    struct link l;
    size_t need;

    ck_assert_ptr_nonnull(s);
    link_start(&l);
    need = sm_record_sealed_len(l.end[0], 5);
#define SEAL(stream, flags, n, room) \
    sm_record_seal(l.end[0], (enum sm_record_stream)(stream), flags, body, \
                   n, s->data, room, &s->len)
    ck_assert_int_eq(SEAL(3, 0, 5, need), SM_USAGE);
    ck_assert_int_eq(SEAL(255, 0, 5, need), SM_USAGE);
    ck_assert_int_eq(SEAL(STATE, 2, 5, need), SM_USAGE);
    ck_assert_int_eq(SEAL(STATE, 0x100, 5, need), SM_USAGE);
    ck_assert_int_eq(SEAL(STATE, 0, 0, need), SM_USAGE);
    ck_assert_int_eq(SEAL(STATE, 0, SM_RECORD_BODY_MAX + 1,
                          sizeof(s->data)), SM_USAGE);
    ck_assert_int_eq(SEAL(STATE, 0, 5, need - 1), SM_USAGE);
    ck_assert_uint_eq(s->len, 0);
    ck_assert_int_eq(SEAL(STATE, 0, 5, need), 0);
    open_ok(l.end[1], s, STATE, 0, 5);
    link_end(&l);
    free(s);
}
END_TEST

START_TEST(too_little_room_for_the_plaintext_changes_nothing)
{
    struct sealed *s = malloc(sizeof(*s));
    enum sm_record_stream stream;
    unsigned int flags;
    struct link l;
    size_t len;

    ck_assert_ptr_nonnull(s);
    link_start(&l);
    seal_ok(l.end[0], STATE, 0, 10, s);
    ck_assert_int_eq(sm_record_open(l.end[1], s->data, s->len, &stream,
                                    &flags, plain, 9, &len), SM_USAGE);
    ck_assert_uint_eq(len, 0);
    open_ok(l.end[1], s, STATE, 0, 10);
    link_end(&l);
    free(s);
}
END_TEST

START_TEST(equal_plaintext_never_looks_equal)
{
    struct sealed *s = malloc(3 * sizeof(*s));
    struct link l, other;

    ck_assert_ptr_nonnull(s);
    link_start(&l);
    link_start(&other);
    seal_ok(l.end[0], STATE, 0, 64, &s[0]);
    seal_ok(l.end[0], STATE, 0, 64, &s[1]);
    seal_ok(l.end[1], STATE, 0, 64, &s[2]);
    ck_assert_mem_ne(s[0].data + HEADER, s[1].data + HEADER, 64);
    ck_assert_mem_ne(s[0].data + HEADER, s[2].data + HEADER, 64);
    /* Same parameters, same bytes: nothing is drawn at random. */
    seal_ok(other.end[0], STATE, 0, 64, &s[2]);
    ck_assert_mem_eq(s[0].data, s[2].data, s[0].len);
    link_end(&l);
    link_end(&other);
    free(s);
}
END_TEST

/* ---- headers ---- */

/* A header judged by a fresh receiver. */
static int judge(enum sm_suite suite, uint32_t len, unsigned int stream,
                 unsigned int flags, unsigned int pad, size_t *total)
{
    uint8_t h[HEADER] = {
        (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
        (uint8_t)len, (uint8_t)stream, (uint8_t)flags, (uint8_t)(pad >> 8),
        (uint8_t)pad,
    };
    size_t again;
    struct link l;
    int rc;

    link_start_with(&l, suite, 0, 0, 0);
    rc = sm_record_need(l.end[1], h, total);
    ck_assert_int_eq(sm_record_dead(l.end[1]), rc != 0);
    if (rc) {
        /* Dead: even a good header is refused now. */
        ck_assert_uint_eq(*total, 0);
        ck_assert_int_eq(sm_record_need(l.end[1], (const uint8_t *)
                                        "\0\0\0\x40\1\0\0\0", &again),
                         SM_PROTOCOL);
    }
    link_end(&l);
    return rc;
}

START_TEST(lengths_are_capped_before_anything_is_read)
{
    const uint32_t tag = (uint32_t)sm_suite_tag_len((enum sm_suite)_i);
    const uint32_t max = SM_RECORD_BODY_MAX + tag;
    size_t total;

    if (!have_suite(_i, __func__))
        return;
#define JUDGE(len) judge((enum sm_suite)_i, len, 1, 0, 0, &total)
    ck_assert_int_eq(JUDGE(0), SM_PROTOCOL);
    ck_assert_int_eq(JUDGE(1), SM_PROTOCOL);
    ck_assert_int_eq(JUDGE(tag - 1), SM_PROTOCOL);
    ck_assert_int_eq(JUDGE(tag), SM_PROTOCOL);      /* empty, not FINAL */
    ck_assert_int_eq(JUDGE(tag + 1), 0);
    ck_assert_uint_eq(total, HEADER + tag + 1);
    ck_assert_int_eq(JUDGE(max - 1), 0);
    ck_assert_int_eq(JUDGE(max), 0);
    ck_assert_uint_eq(total, HEADER + max);
    ck_assert_uint_le(total, SM_RECORD_MAX);
    ck_assert_int_eq(JUDGE(max + 1), SM_PROTOCOL);
    ck_assert_int_eq(JUDGE(UINT32_C(0x7fffffff)), SM_PROTOCOL);
    ck_assert_int_eq(JUDGE(UINT32_C(0x80000000)), SM_PROTOCOL);
    ck_assert_int_eq(JUDGE(UINT32_C(0xffffffff)), SM_PROTOCOL);
    ck_assert_int_eq(judge((enum sm_suite)_i, tag, 1, FINAL, 0, &total), 0);
    ck_assert_int_eq(judge((enum sm_suite)_i, tag - 1, 1, FINAL, 0, &total),
                     SM_PROTOCOL);
}
END_TEST

START_TEST(unknown_streams_flags_and_pads_are_refused)
{
    size_t total;
    unsigned int v;

    for (v = 0; v < 256; v++) {
        ck_assert_int_eq(judge(SM_SUITE_NONE, 100, v, 0, 0, &total),
                         v < 3 ? 0 : SM_PROTOCOL);
        ck_assert_int_eq(judge(SM_SUITE_NONE, 100, 1, v, 0, &total),
                         v < 2 ? 0 : SM_PROTOCOL);
    }
    for (v = 1; v < 0x10000; v <<= 1)
        ck_assert_int_eq(judge(SM_SUITE_NONE, 100, 1, 0, v, &total),
                         SM_PROTOCOL);
}
END_TEST

/* ---- ends of streams ---- */

START_TEST(a_stream_is_finished_only_by_its_own_final)
{
    struct link l;

    link_start(&l);
    pass(&l, 0, STATE, 0, 10);
    ck_assert(!sm_record_finished(l.end[1], STATE));
    pass(&l, 0, STATE, FINAL, 10);
    ck_assert(sm_record_finished(l.end[1], STATE));
    ck_assert(!sm_record_finished(l.end[1], CONTROL));
    ck_assert(!sm_record_finished(l.end[1], CONTEXT));
    ck_assert(!sm_record_finished(l.end[0], STATE));    /* not ours */
    ck_assert(!sm_record_finished(l.end[1], (enum sm_record_stream)3));
    pass(&l, 0, CONTROL, 0, 10);            /* the others go on */
    pass(&l, 0, CONTEXT, FINAL, 0);
    pass(&l, 1, STATE, 0, 10);
    ck_assert(sm_record_finished(l.end[1], CONTEXT));
    link_end(&l);
}
END_TEST

START_TEST(the_sender_cannot_send_after_final)
{
    struct sealed *s = malloc(sizeof(*s));
    struct link l;

    ck_assert_ptr_nonnull(s);
    link_start(&l);
    pass(&l, 0, STATE, FINAL, 10);
    ck_assert_int_eq(sm_record_seal(l.end[0], STATE, 0, body, 1, s->data,
                                    sizeof(s->data), &s->len), SM_USAGE);
    ck_assert_int_eq(sm_record_seal(l.end[0], STATE, FINAL, body, 0, s->data,
                                    sizeof(s->data), &s->len), SM_USAGE);
    pass(&l, 0, CONTROL, 0, 10);
    link_end(&l);
    free(s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record");
    TCase *t = tcase_create("contract");

    if (sm_secret_init())
        return EXIT_FAILURE;
    fill();
    tcase_set_timeout(t, 60);
    tcase_add_test(t, bad_parameters_are_refused);
    tcase_add_loop_test(t, every_suite_carries_all_streams_both_ways, 1, 4);
    tcase_add_test(t, sealed_length_is_header_body_and_tag);
    tcase_add_test(t, records_can_be_sealed_and_opened_in_place);
    tcase_add_test(t, the_sender_refuses_wrong_arguments_and_goes_on);
    tcase_add_test(t, too_little_room_for_the_plaintext_changes_nothing);
    tcase_add_test(t, equal_plaintext_never_looks_equal);
    tcase_add_loop_test(t, lengths_are_capped_before_anything_is_read, 1, 4);
    tcase_add_test(t, unknown_streams_flags_and_pads_are_refused);
    tcase_add_test(t, a_stream_is_finished_only_by_its_own_final);
    tcase_add_test(t, the_sender_cannot_send_after_final);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
