/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of xen/savefile.h's contract. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "xen/savefile.h"

static const char config[] = "{\"c_info\": {\"name\": \"g1\"}}";
#define CONFIG_LEN (sizeof(config) - 1)
#define PREAMBLE_LEN (SM_SAVEFILE_HEADER_LEN + 4 + CONFIG_LEN + 1)

/* What xl 4.17 writes for `config`, byte by byte from its source. */
static const uint8_t golden_head[] = {
    'X', 'e', 'n', ' ', 's', 'a', 'v', 'e', 'd', ' ', 'd', 'o', 'm', 'a',
    'i', 'n', ',', ' ', 'x', 'l', ' ', 'f', 'o', 'r', 'm', 'a', 't', '\n',
    ' ', 0, ' ', '\r',
    4, 3, 2, 1,     3, 0, 0, 0,     0, 0, 0, 0,
    CONFIG_LEN + 5, 0, 0, 0,
    CONFIG_LEN + 1, 0, 0, 0,
};

static uint8_t good[PREAMBLE_LEN];

static void make_good(void)
{
    memcpy(good, golden_head, sizeof(golden_head));
    memcpy(good + sizeof(golden_head), config, sizeof(config));
}

/* Feed all of it; the result of the last feed, `used` in total. */
static int feed(struct sm_savefile_reader *r, const uint8_t *data,
                size_t len, size_t piece, size_t *used_r)
{
    size_t at, n, used;
    int rc = 0;

    sm_savefile_reader_init(r);
    *used_r = 0;
    for (at = 0; at < len; at += n) {
        n = len - at < piece ? len - at : piece;
        rc = sm_savefile_feed(r, data + at, n, &used);
        *used_r += used;
        if (rc)
            break;
    }
    return rc;
}

static void refused(const uint8_t *data, size_t len, const char *why)
{
    struct sm_savefile_reader r;
    size_t used;

    ck_assert_int_eq(feed(&r, data, len, len, &used), SM_PROTOCOL);
    ck_assert_str_eq(r.why, why);
    ck_assert_uint_eq(sm_savefile_wanted(&r), 0);
    /* Sticky: even good bytes do not revive it. */
    ck_assert_int_eq(sm_savefile_feed(&r, good, sizeof(good), &used),
                     SM_PROTOCOL);
    ck_assert_uint_eq(used, 0);
    sm_savefile_reader_dispose(&r);
}

START_TEST(writes_what_xl_writes)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, SM_SAVEFILE_MAX);
    ck_assert_int_eq(sm_savefile_write(&w, config, CONFIG_LEN), 0);
    ck_assert_uint_eq(w.len, sizeof(good));
    ck_assert_mem_eq(w.data, good, sizeof(good));
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(reads_in_pieces_of_any_size)
{
    struct sm_savefile_reader r;
    size_t piece, used;

    for (piece = 1; piece <= sizeof(good) + 1; piece++) {
        ck_assert_int_eq(feed(&r, good, sizeof(good), piece, &used), 0);
        ck_assert_uint_eq(used, sizeof(good));
        ck_assert_uint_eq(sm_savefile_wanted(&r), 0);
        ck_assert_uint_eq(r.config_len, CONFIG_LEN);
        ck_assert_str_eq(r.config, config);
        sm_savefile_reader_dispose(&r);
        sm_savefile_reader_dispose(&r);
    }
}
END_TEST

START_TEST(leaves_the_stream_alone)
{
    uint8_t more[sizeof(good) + 7];
    struct sm_savefile_reader r;
    size_t used;

    memcpy(more, good, sizeof(good));
    memset(more + sizeof(good), 'S', 7);
    ck_assert_int_eq(feed(&r, more, sizeof(more), sizeof(more), &used), 0);
    ck_assert_uint_eq(used, sizeof(good));
    ck_assert_str_eq(r.config, config);
    sm_savefile_reader_dispose(&r);
}
END_TEST

START_TEST(wants_no_more_than_the_preamble)
{
    struct sm_savefile_reader r;
    size_t at = 0, n, used;

    sm_savefile_reader_init(&r);
    while ((n = sm_savefile_wanted(&r)) > 0) {
        ck_assert_uint_le(at + n, sizeof(good));
        ck_assert_int_eq(sm_savefile_feed(&r, good + at, n, &used), 0);
        ck_assert_uint_eq(used, n);
        at += n;
    }
    ck_assert_uint_eq(at, sizeof(good));
    sm_savefile_reader_dispose(&r);
}
END_TEST

START_TEST(truncation_is_never_whole)
{
    struct sm_savefile_reader r;
    size_t len, used;

    for (len = 0; len < sizeof(good); len++) {
        ck_assert_int_eq(feed(&r, good, len, 64, &used), 0);
        ck_assert_uint_gt(sm_savefile_wanted(&r), 0);
        ck_assert_uint_eq(r.config_len, 0);
        sm_savefile_reader_dispose(&r);
    }
}
END_TEST

/* A flipped bit in the head is refused; in the text it changes the text. */
START_TEST(every_bit_of_the_head_matters)
{
    uint8_t bad[sizeof(good) + 16];
    struct sm_savefile_reader r;
    size_t bit, used;
    int rc;

    for (bit = 0; bit < sizeof(golden_head) * 8; bit++) {
        memset(bad, 0, sizeof(bad));
        memcpy(bad, good, sizeof(good));
        bad[bit / 8] ^= 1 << bit % 8;
        rc = feed(&r, bad, sizeof(bad), 9, &used);
        ck_assert_msg(rc == SM_PROTOCOL, "bit %zu passed", bit);
        ck_assert_str_ne(r.why, "");
        sm_savefile_reader_dispose(&r);
    }
}
END_TEST

static void with_le32(size_t at, uint32_t v, const char *why)
{
    uint8_t bad[sizeof(good)];

    memcpy(bad, good, sizeof(good));
    bad[at] = v & 0xff;
    bad[at + 1] = v >> 8 & 0xff;
    bad[at + 2] = v >> 16 & 0xff;
    bad[at + 3] = v >> 24;
    refused(bad, sizeof(bad), why);
}

START_TEST(each_refusal_has_its_reason)
{
    uint8_t bad[sizeof(good)];

    memcpy(bad, good, sizeof(good));
    bad[0] = 'x';
    refused(bad, sizeof(bad), "not a domain saved by xl");
    with_le32(32, 0x04030201, "wrong byte order");
    with_le32(36, 7, "unknown mandatory flags");
    with_le32(36, 2, "the configuration is not JSON");
    with_le32(36, 1, "the stream is not version 2");
    with_le32(40, 1, "unknown optional flags");
    with_le32(44, CONFIG_LEN + 6, "data that is not the configuration");
    with_le32(44, 0, "data that is not the configuration");
    with_le32(48, 0, "the configuration is empty or too long");
    with_le32(48, 1, "the configuration is empty or too long");
    with_le32(48, SM_SAVEFILE_CONFIG_MAX + 2,
              "the configuration is empty or too long");
    with_le32(48, 0xffffffff, "the configuration is empty or too long");

    memcpy(bad, good, sizeof(good));
    bad[sizeof(bad) - 1] = '}';
    refused(bad, sizeof(bad),
            "the configuration does not end with its only NUL");
    memcpy(bad, good, sizeof(good));
    bad[sizeof(bad) - 3] = 0;
    refused(bad, sizeof(bad),
            "the configuration does not end with its only NUL");
}
END_TEST

START_TEST(the_longest_config_passes_both_ways)
{
    char *text = malloc(SM_SAVEFILE_CONFIG_MAX + 1);
    struct sm_savefile_reader r;
    struct sm_wire_writer w;
    size_t used;

    ck_assert_ptr_nonnull(text);
    memset(text, 'a', SM_SAVEFILE_CONFIG_MAX + 1);
    sm_wire_writer_init(&w, SM_SAVEFILE_MAX);
    ck_assert_int_eq(sm_savefile_write(&w, text, SM_SAVEFILE_CONFIG_MAX), 0);
    ck_assert_uint_eq(w.len, SM_SAVEFILE_MAX);
    ck_assert_int_eq(feed(&r, w.data, w.len, 65536, &used), 0);
    ck_assert_uint_eq(r.config_len, SM_SAVEFILE_CONFIG_MAX);
    ck_assert_mem_eq(r.config, text, SM_SAVEFILE_CONFIG_MAX);
    sm_savefile_reader_dispose(&r);

    sm_wire_writer_reset(&w);
    ck_assert_int_eq(sm_savefile_write(&w, text, SM_SAVEFILE_CONFIG_MAX + 1),
                     SM_PROTOCOL);
    ck_assert_uint_eq(w.len, 0);
    sm_wire_writer_dispose(&w);
    free(text);
}
END_TEST

START_TEST(the_writer_refuses_bad_text)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, SM_SAVEFILE_MAX);
    ck_assert_int_eq(sm_savefile_write(&w, "", 0), SM_PROTOCOL);
    ck_assert_int_eq(sm_savefile_write(&w, "a\0b", 3), SM_PROTOCOL);
    sm_wire_writer_dispose(&w);

    sm_wire_writer_init(&w, PREAMBLE_LEN - 1);
    ck_assert_int_eq(sm_savefile_write(&w, config, CONFIG_LEN), SM_PROTOCOL);
    sm_wire_writer_dispose(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("savefile");
    TCase *reader = tcase_create("reader");
    TCase *writer = tcase_create("writer");
    SRunner *runner;
    int failed;

    make_good();
    tcase_add_test(reader, reads_in_pieces_of_any_size);
    tcase_add_test(reader, leaves_the_stream_alone);
    tcase_add_test(reader, wants_no_more_than_the_preamble);
    tcase_add_test(reader, truncation_is_never_whole);
    tcase_add_test(reader, every_bit_of_the_head_matters);
    tcase_add_test(reader, each_refusal_has_its_reason);
    tcase_add_test(writer, writes_what_xl_writes);
    tcase_add_test(writer, the_longest_config_passes_both_ways);
    tcase_add_test(writer, the_writer_refuses_bad_text);
    suite_add_tcase(suite, reader);
    suite_add_tcase(suite, writer);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
