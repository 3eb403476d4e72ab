/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of base/wire.h's contract. */
#include "base/wire.h"
#include "scratch.h"

/* 1, 2, 4 and 8 bytes big-endian, 3 bytes, a str, a blob. */
static const uint8_t message[] = {
    0x01,
    0x02, 0x03,
    0x04, 0x05, 0x06, 0x07,
    0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    'x', 'y', 'z',
    0x00, 0x05, 'h', 0xc3, 0xb6, 's', 't',
    0x00, 0x00, 0x00, 0x04, 0x00, 0xff, 0x0a, 0x00,
};

struct read_back {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    char bytes[3], str[16];
    const uint8_t *blob;
    size_t blob_len;
};

static int decode(const uint8_t *data, size_t len, struct read_back *b)
{
    struct sm_wire_reader r;

    memset(b, 0x55, sizeof(*b));
    sm_wire_reader_init(&r, data, len);
    b->u8 = sm_wire_get_u8(&r);
    b->u16 = sm_wire_get_u16(&r);
    b->u32 = sm_wire_get_u32(&r);
    b->u64 = sm_wire_get_u64(&r);
    sm_wire_get_bytes(&r, b->bytes, sizeof(b->bytes));
    sm_wire_get_str(&r, b->str, sizeof(b->str));
    sm_wire_get_blob(&r, 8, &b->blob, &b->blob_len);
    return sm_wire_end(&r);
}

/* ---- reader ---- */

START_TEST(numbers_are_big_endian)
{
    struct read_back b;

    ck_assert_int_eq(decode(message, sizeof(message), &b), 0);
    ck_assert_uint_eq(b.u8, 1);
    ck_assert_uint_eq(b.u16, 0x0203);
    ck_assert_uint_eq(b.u32, 0x04050607);
    ck_assert(b.u64 == 0x08090a0b0c0d0e0fULL);
    ck_assert_int_eq(memcmp(b.bytes, "xyz", 3), 0);
    ck_assert_str_eq(b.str, "h\xc3\xb6st");
    ck_assert_uint_eq(b.blob_len, 4);
    ck_assert_ptr_eq(b.blob, message + sizeof(message) - 4);
}
END_TEST

START_TEST(every_truncation_is_an_error_and_gives_zeroes)
{
    uint8_t *exact;
    struct read_back b;
    size_t len;

    for (len = 0; len < sizeof(message); len++) {
        exact = malloc(len + 1);        /* ASan watches its end */
        ck_assert_ptr_nonnull(exact);
        memcpy(exact + 1, message, len);
        ck_assert_int_eq(decode(exact + 1, len, &b), SM_PROTOCOL);
        free(exact);
        if (len < 1)
            ck_assert_uint_eq(b.u8, 0);
        if (len < 3)
            ck_assert_uint_eq(b.u16, 0);
        if (len < 7)
            ck_assert_uint_eq(b.u32, 0);
        if (len < 15)
            ck_assert(b.u64 == 0);
        if (len < 18)
            ck_assert_int_eq(memcmp(b.bytes, "\0\0", 3), 0);
        if (len < 25)
            ck_assert_str_eq(b.str, "");
        ck_assert_ptr_null(b.blob);
        ck_assert_uint_eq(b.blob_len, 0);
    }
}
END_TEST

START_TEST(the_error_is_sticky)
{
    uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    struct sm_wire_reader r;

    sm_wire_reader_init(&r, data, sizeof(data));
    ck_assert_uint_eq(sm_wire_get_u8(&r), 1);
    ck_assert_uint_eq(sm_wire_left(&r), 7);
    ck_assert(sm_wire_get_u64(&r) == 0);
    /* There are bytes, but nobody gets them any more. */
    ck_assert_uint_eq(sm_wire_get_u8(&r), 0);
    ck_assert_uint_eq(sm_wire_left(&r), 0);
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
}
END_TEST

START_TEST(nothing_may_be_left_over)
{
    struct sm_wire_reader r;

    sm_wire_reader_init(&r, "ab", 2);
    ck_assert_uint_eq(sm_wire_left(&r), 2);
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
    ck_assert_uint_eq(sm_wire_get_u8(&r), 'a');
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
    ck_assert_uint_eq(sm_wire_get_u8(&r), 'b');
    ck_assert_uint_eq(sm_wire_left(&r), 0);
    ck_assert_int_eq(sm_wire_end(&r), 0);
}
END_TEST

START_TEST(null_is_an_empty_message)
{
    struct sm_wire_reader r;
    uint8_t byte = 0x55;

    sm_wire_reader_init(&r, NULL, 0);
    ck_assert_int_eq(sm_wire_end(&r), 0);
    sm_wire_get_bytes(&r, &byte, 0);
    ck_assert_uint_eq(byte, 0x55);
    ck_assert_int_eq(sm_wire_end(&r), 0);
    ck_assert_uint_eq(sm_wire_get_u8(&r), 0);
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
}
END_TEST

START_TEST(a_str_must_fit_with_its_nul)
{
    const uint8_t data[] = { 0, 3, 'a', 'b', 'c' };
    struct sm_wire_reader r;
    char out[8];

    memset(out, 'x', sizeof(out));
    sm_wire_reader_init(&r, data, sizeof(data));
    sm_wire_get_str(&r, out, 4);
    ck_assert_int_eq(sm_wire_end(&r), 0);
    ck_assert_str_eq(out, "abc");
    ck_assert_int_eq(out[4], 'x');

    memset(out, 'x', sizeof(out));
    sm_wire_reader_init(&r, data, sizeof(data));
    sm_wire_get_str(&r, out, 3);
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
    ck_assert_str_eq(out, "");
    ck_assert_int_eq(out[1], 'x');
}
END_TEST

START_TEST(a_str_of_any_length_field_is_bounded)
{
    uint8_t data[2 + 300];
    struct sm_wire_reader r;
    char out[200];
    unsigned int n;

    memset(data, 'a', sizeof(data));
    for (n = 0; n <= 0xffff; n++) {
        data[0] = (uint8_t)(n >> 8);
        data[1] = (uint8_t)n;
        sm_wire_reader_init(&r, data, sizeof(data));
        sm_wire_get_str(&r, out, sizeof(out));
        ck_assert_int_eq(r.error, n < sizeof(out) ? 0 : SM_PROTOCOL);
        ck_assert_uint_eq(strlen(out), n < sizeof(out) ? n : 0);
    }
}
END_TEST

START_TEST(a_str_with_bad_text_is_an_error)
{
    static const char *const texts[] = { "a\nb", "a\x7f", "\xff", "\xc3" };
    struct sm_wire_reader r;
    uint8_t data[8];
    char out[8];
    size_t i, n;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        n = strlen(texts[i]);
        data[0] = 0;
        data[1] = (uint8_t)n;
        memcpy(data + 2, texts[i], n);
        strcpy(out, "before");
        sm_wire_reader_init(&r, data, n + 2);
        sm_wire_get_str(&r, out, sizeof(out));
        ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
        ck_assert_str_eq(out, "");
    }
    sm_wire_reader_init(&r, "\0\1", 3);         /* one byte, a NUL */
    sm_wire_get_str(&r, out, sizeof(out));
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
}
END_TEST

START_TEST(a_blob_has_a_cap)
{
    const uint8_t data[] = { 0, 0, 0, 2, 'a', 'b' };
    const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 'a', 'b' };
    const uint8_t none[] = { 0, 0, 0, 0 };
    struct sm_wire_reader r;
    const uint8_t *p;
    size_t len;

    sm_wire_reader_init(&r, data, sizeof(data));
    sm_wire_get_blob(&r, 2, &p, &len);
    ck_assert_int_eq(sm_wire_end(&r), 0);
    ck_assert_ptr_eq(p, data + 4);
    ck_assert_uint_eq(len, 2);

    sm_wire_reader_init(&r, data, sizeof(data));
    sm_wire_get_blob(&r, 1, &p, &len);
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
    ck_assert_ptr_null(p);
    ck_assert_uint_eq(len, 0);

    sm_wire_reader_init(&r, huge, sizeof(huge));
    sm_wire_get_blob(&r, SIZE_MAX, &p, &len);
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
    ck_assert_ptr_null(p);
    ck_assert_uint_eq(len, 0);

    sm_wire_reader_init(&r, none, sizeof(none));
    sm_wire_get_blob(&r, 0, &p, &len);
    ck_assert_int_eq(sm_wire_end(&r), 0);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(more_bytes_than_there_are_give_zeroes)
{
    struct sm_wire_reader r;
    char out[4] = "xxx";

    sm_wire_reader_init(&r, "ab", 2);
    sm_wire_get_bytes(&r, out, 3);
    ck_assert_int_eq(memcmp(out, "\0\0", 3), 0);
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
}
END_TEST

/* ---- writer ---- */

static void encode(struct sm_wire_writer *w)
{
    sm_wire_put_u8(w, 1);
    sm_wire_put_u16(w, 0x0203);
    sm_wire_put_u32(w, 0x04050607);
    sm_wire_put_u64(w, 0x08090a0b0c0d0e0fULL);
    sm_wire_put_bytes(w, "xyz", 3);
    sm_wire_put_str(w, "h\xc3\xb6st");
    sm_wire_put_blob(w, "\0\xff\n\0", 4);
}

START_TEST(what_is_written_can_be_read)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, 1000);
    ck_assert_ptr_null(w.data);
    encode(&w);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_uint_eq(w.len, sizeof(message));
    ck_assert_int_eq(memcmp(w.data, message, sizeof(message)), 0);
    sm_wire_writer_dispose(&w);
    ck_assert_ptr_null(w.data);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(the_cap_holds_and_its_error_is_sticky)
{
    struct sm_wire_writer w;
    size_t max;

    for (max = 0; max <= sizeof(message) + 1; max++) {
        sm_wire_writer_init(&w, max);
        encode(&w);
        ck_assert_uint_le(w.len, max);
        ck_assert_uint_le(w.size, max);
        ck_assert_int_eq(sm_wire_error(&w), max < sizeof(message) ?
                         SM_PROTOCOL : 0);
        /* What was written before the error is the message's beginning. */
        ck_assert(w.len == 0 || !memcmp(w.data, message, w.len));
        if (max < sizeof(message)) {
            size_t len = w.len;

            sm_wire_put_bytes(&w, "", 0);
            sm_wire_put_str(&w, "");
            ck_assert_uint_eq(w.len, len);
            ck_assert_int_eq(sm_wire_error(&w), SM_PROTOCOL);
        }
        sm_wire_writer_dispose(&w);
    }
}
END_TEST

START_TEST(it_grows_from_small_to_large)
{
    struct sm_wire_writer w;
    uint32_t i;

    sm_wire_writer_init(&w, 100000 * 4);
    for (i = 0; i < 100000; i++)
        sm_wire_put_u32(&w, i);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_uint_eq(w.len, w.max);
    for (i = 0; i < 100000; i++)
        ck_assert_uint_eq((uint32_t)w.data[4 * i] << 24 |
                          (uint32_t)w.data[4 * i + 1] << 16 |
                          (uint32_t)w.data[4 * i + 2] << 8 |
                          w.data[4 * i + 3], i);
    sm_wire_put_u8(&w, 0);
    ck_assert_int_eq(sm_wire_error(&w), SM_PROTOCOL);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(lack_of_memory_is_an_error_of_its_own)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, SIZE_MAX);
    sm_wire_put_u8(&w, 7);
    /* Nothing is read from the pointer: the allocation fails first. */
    sm_wire_put_bytes(&w, &w, SIZE_MAX / 2);
    ck_assert_int_eq(sm_wire_error(&w), SM_NO_MEMORY);
    sm_wire_put_str(&w, "\n");
    sm_wire_put_blob(&w, "", SIZE_MAX);
    sm_wire_patch_u32(&w, 99, 0);
    ck_assert_int_eq(sm_wire_error(&w), SM_NO_MEMORY);
    ck_assert_uint_eq(w.len, 1);
    ck_assert_uint_eq(w.data[0], 7);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(empty_pieces_are_fine)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, 6);
    sm_wire_put_bytes(&w, NULL, 0);
    ck_assert_uint_eq(w.len, 0);
    sm_wire_put_str(&w, "");
    sm_wire_put_blob(&w, NULL, 0);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_uint_eq(w.len, 6);
    ck_assert_int_eq(memcmp(w.data, "\0\0\0\0\0", 6), 0);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(a_string_that_breaks_the_rules_is_not_written)
{
    struct sm_wire_writer w;
    char *text = malloc(65537);

    ck_assert_ptr_nonnull(text);
    memset(text, 'a', 65536);
    text[65536] = '\0';
    sm_wire_writer_init(&w, 1 << 20);
    sm_wire_put_str(&w, text);
    ck_assert_int_eq(sm_wire_error(&w), SM_PROTOCOL);
    ck_assert_uint_eq(w.len, 0);
    sm_wire_writer_reset(&w);
    text[65535] = '\0';
    sm_wire_put_str(&w, text);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_uint_eq(w.len, 65537);
    sm_wire_writer_reset(&w);
    sm_wire_put_str(&w, "\x1b[31m");
    ck_assert_int_eq(sm_wire_error(&w), SM_PROTOCOL);
    ck_assert_uint_eq(w.len, 0);
    sm_wire_writer_dispose(&w);
    free(text);
}
END_TEST

START_TEST(reset_forgets_and_wipes_but_keeps_the_memory)
{
    struct sm_wire_writer w;
    uint8_t *data;
    size_t i;

    sm_wire_writer_init(&w, 100);
    sm_wire_put_bytes(&w, "secret", 6);
    data = w.data;
    sm_wire_put_bytes(&w, w.data, 101);         /* breaks the cap */
    sm_wire_writer_reset(&w);
    ck_assert_uint_eq(w.len, 0);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_ptr_eq(w.data, data);
    for (i = 0; i < w.size; i++)
        ck_assert_uint_eq(w.data[i], 0);
    sm_wire_put_u8(&w, 9);
    ck_assert_uint_eq(w.data[0], 9);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(dispose_of_a_zeroed_struct_is_fine)
{
    struct sm_wire_writer w;

    memset(&w, 0, sizeof(w));
    sm_wire_writer_dispose(&w);
    sm_wire_writer_reset(&w);
    ck_assert_ptr_null(w.data);
}
END_TEST

START_TEST(a_patch_stays_inside_what_is_written)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, 100);
    sm_wire_put_u64(&w, 0);
    sm_wire_patch_u32(&w, 4, 0x01020304);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_int_eq(memcmp(w.data, "\0\0\0\0\1\2\3\4", 8), 0);
    sm_wire_patch_u32(&w, 0, 0x05060708);
    ck_assert_int_eq(memcmp(w.data, "\5\6\7\x08\1\2\3\4", 8), 0);
    sm_wire_patch_u32(&w, 5, 0xffffffff);
    ck_assert_int_eq(sm_wire_error(&w), SM_PROTOCOL);
    ck_assert_int_eq(memcmp(w.data, "\5\6\7\x08\1\2\3\4", 8), 0);
    sm_wire_writer_reset(&w);
    sm_wire_patch_u32(&w, SIZE_MAX, 0);
    ck_assert_int_eq(sm_wire_error(&w), SM_PROTOCOL);
    sm_wire_writer_dispose(&w);
}
END_TEST

/* ---- text ---- */

#define TEXT(s) { s, sizeof(s) - 1 }

struct text {
    const char *s;
    size_t len;
};

static const struct text fine[] = {
    TEXT(""), TEXT(" "), TEXT("~"), TEXT("plain"),
    TEXT("\xc2\xa0"),               /* U+00A0, first after C1 */
    TEXT("\xdf\xbf"),               /* U+07FF */
    TEXT("\xe0\xa0\x80"),           /* U+0800 */
    TEXT("\xed\x9f\xbf"),           /* U+D7FF, before surrogates */
    TEXT("\xee\x80\x80"),           /* U+E000, after surrogates */
    TEXT("\xef\xbf\xbd"),           /* U+FFFD */
    TEXT("\xf0\x90\x80\x80"),       /* U+10000 */
    TEXT("\xf4\x8f\xbf\xbd"),       /* U+10FFFD */
    TEXT("\xc2\xac"), TEXT("\xc2\xae"),   /* beside U+00AD */
    TEXT("\xe2\x80\x8a"),           /* U+200A, before the invisible */
    TEXT("\xe2\x81\x9f"),           /* U+205F */
    TEXT("\xef\xb7\xbf"),           /* U+FDFF, before the selectors */
    TEXT("\xef\xb8\x90"),           /* U+FE10, after them */
    TEXT("\xef\xbb\xbe"),           /* U+FEFE */
    TEXT("\xf3\x9f\xbf\xbd"),       /* U+DFFFD, before the tags */
    TEXT("\xf3\xa1\x80\x80"),       /* U+E1000, after them */
    TEXT("\xe2\x80\x90"),           /* U+2010 */
    TEXT("\xe2\x80\xa7"),           /* U+2027 */
    TEXT("\xe2\x80\xaf"),           /* U+202F */
    TEXT("\xe2\x81\xa5"),           /* U+2065 */
    TEXT("\xe2\x81\xaa"),           /* U+206A */
    TEXT("\xd8\x9b"),               /* U+061B */
};

static const struct text wrong[] = {
    TEXT("\0"), TEXT("a\0b"), TEXT("\n"), TEXT("\r"), TEXT("\t"),
    TEXT("\x1b[0m"), TEXT("\x1f"), TEXT("\x7f"),
    TEXT("\xc2\x80"), TEXT("\xc2\x85"), TEXT("\xc2\x9b"), TEXT("\xc2\x9f"),
    TEXT("\x80"), TEXT("\xbf"), TEXT("\xfe"), TEXT("\xff"),
    TEXT("\xc0\x80"), TEXT("\xc0\xaf"), TEXT("\xc1\xbf"),   /* overlong */
    TEXT("\xe0\x80\xaf"), TEXT("\xe0\x9f\xbf"),
    TEXT("\xf0\x80\x80\xaf"), TEXT("\xf0\x8f\xbf\xbf"),
    TEXT("\xed\xa0\x80"), TEXT("\xed\xbf\xbf"),             /* surrogates */
    TEXT("\xed\xa0\x80\xed\xb0\x80"),
    TEXT("\xf4\x90\x80\x80"), TEXT("\xf5\x80\x80\x80"),     /* too high */
    TEXT("\xf8\x88\x80\x80\x80"), TEXT("\xfc\x84\x80\x80\x80\x80"),
    TEXT("\xc3"), TEXT("\xe2\x82"), TEXT("\xf0\x9f\x90"),   /* cut */
    TEXT("\xc3("), TEXT("\xe2(\xa1"), TEXT("\xe2\x82("),
    TEXT("\xf0(\x8c\xbc"), TEXT("\xf0\x90(\xbc"), TEXT("\xf0\x90\x8c("),
    TEXT("ok\xc3\xa4\xff"),
    TEXT("\xd8\x9c"),                                       /* U+061C */
    TEXT("\xe2\x80\x8e"), TEXT("\xe2\x80\x8f"),
    TEXT("\xe2\x80\xa8"), TEXT("\xe2\x80\xa9"),             /* separators */
    TEXT("\xe2\x80\xaa"), TEXT("\xe2\x80\xae"),
    TEXT("\xe2\x81\xa6"), TEXT("\xe2\x81\xa9"),
    TEXT("\xef\xbb\xbf"), TEXT("\xef\xbf\xbe"), TEXT("\xef\xbf\xbf"),
    TEXT("\xc2\xad"), TEXT("a\xc2\xad"),                   /* U+00AD */
    TEXT("\xe2\x80\x8b"), TEXT("\xe2\x80\x8c"), TEXT("\xe2\x80\x8d"),
    TEXT("\xe2\x81\xa0"), TEXT("\xe2\x81\xa4"),           /* U+2060 */
    TEXT("\xef\xb8\x80"), TEXT("\xef\xb8\x8f"),           /* U+FE00 */
    TEXT("\xf3\xa0\x80\x80"), TEXT("\xf3\xa0\x80\xa0"),   /* U+E0000 */
    TEXT("\xf3\xa0\xbf\xbf"),
};

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* On the heap without a byte to spare, for ASan. */
static int text_ok(const struct text *t)
{
    char *copy = malloc(t->len + 1);
    int ok;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy + 1, t->s, t->len);
    ok = sm_wire_text_ok(copy + 1, t->len);
    free(copy);
    return ok;
}

START_TEST(well_formed_text_is_accepted)
{
    ck_assert_int_eq(text_ok(&fine[_i]), 1);
}
END_TEST

START_TEST(malformed_or_dangerous_text_is_refused)
{
    ck_assert_int_eq(text_ok(&wrong[_i]), 0);
}
END_TEST

static int expected(uint32_t cp)
{
    if (cp < 0x20 || (cp >= 0x7f && cp <= 0x9f))
        return 0;
    if (cp >= 0xd800 && cp <= 0xdfff)
        return 0;
    if ((cp >= 0xfe00 && cp <= 0xfe0f) || cp >> 12 == 0xe0)
        return 0;
    switch (cp) {
    case 0x061c: case 0x200e: case 0x200f: case 0x2028: case 0x2029:
    case 0x202a: case 0x202b: case 0x202c: case 0x202d: case 0x202e:
    case 0x2066: case 0x2067: case 0x2068: case 0x2069:
    case 0x00ad: case 0x200b: case 0x200c: case 0x200d:
    case 0x2060: case 0x2061: case 0x2062: case 0x2063: case 0x2064:
    case 0xfeff: case 0xfffe: case 0xffff:
        return 0;
    default:
        return cp <= 0x10ffff;
    }
}

START_TEST(every_code_point_in_every_length)
{
    static const uint32_t limit[] = { 0x80, 0x800, 0x10000, 0x200000 };
    uint8_t s[4];
    uint32_t cp;
    size_t n, i;

    for (n = 1; n <= 4; n++)
        for (cp = 0; cp < limit[n - 1]; cp++) {
            for (i = n - 1; i > 0; i--)
                s[i] = (uint8_t)(0x80 | (cp >> 6 * (n - 1 - i) & 0x3f));
            s[0] = n == 1 ? (uint8_t)cp :
                   (uint8_t)(0xf00 >> n | cp >> 6 * (n - 1));
            /* A longer form than needed is never well-formed. */
            if (sm_wire_text_ok(s, n) !=
                (expected(cp) && (n == 1 || cp >= limit[n - 2])))
                ck_abort_msg("U+%04X in %zu bytes", cp, n);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire");
    TCase *reader = tcase_create("reader");
    TCase *writer = tcase_create("writer");
    TCase *text = tcase_create("text");

    tcase_add_test(reader, numbers_are_big_endian);
    tcase_add_test(reader, every_truncation_is_an_error_and_gives_zeroes);
    tcase_add_test(reader, the_error_is_sticky);
    tcase_add_test(reader, nothing_may_be_left_over);
    tcase_add_test(reader, null_is_an_empty_message);
    tcase_add_test(reader, a_str_must_fit_with_its_nul);
    tcase_add_test(reader, a_str_of_any_length_field_is_bounded);
    tcase_add_test(reader, a_str_with_bad_text_is_an_error);
    tcase_add_test(reader, a_blob_has_a_cap);
    tcase_add_test(reader, more_bytes_than_there_are_give_zeroes);
    tcase_add_test(writer, what_is_written_can_be_read);
    tcase_add_test(writer, the_cap_holds_and_its_error_is_sticky);
    tcase_add_test(writer, it_grows_from_small_to_large);
    tcase_add_test(writer, lack_of_memory_is_an_error_of_its_own);
    tcase_add_test(writer, empty_pieces_are_fine);
    tcase_add_test(writer, a_string_that_breaks_the_rules_is_not_written);
    tcase_add_test(writer, reset_forgets_and_wipes_but_keeps_the_memory);
    tcase_add_test(writer, dispose_of_a_zeroed_struct_is_fine);
    tcase_add_test(writer, a_patch_stays_inside_what_is_written);
    tcase_add_loop_test(text, well_formed_text_is_accepted, 0, COUNT(fine));
    tcase_add_loop_test(text, malformed_or_dangerous_text_is_refused, 0,
                        COUNT(wrong));
    tcase_add_test(text, every_code_point_in_every_length);
    suite_add_tcase(suite, reader);
    suite_add_tcase(suite, writer);
    suite_add_tcase(suite, text);
    return scratch_run(suite);
}
