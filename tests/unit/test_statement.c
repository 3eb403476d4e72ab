/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One test case per sentence of trust/statement.h's contract; where minisign
 * is installed, it and we agree on the signatures of statements.
 */
#include <stdarg.h>

#include "base/file.h"
#include "statement.h"

static const char body[] =
    "secmig-test 1\n"
    "first = one\n"
    "second = two words\n"
    "third = 2026-11-22T00:00:00Z\n";

static struct sm_statement s;

static int split(void)
{
    memset(&s, 0xff, sizeof(s));
    return sm_statement_split(text, text_len, SM_STATEMENT_MAX, &s, why,
                              sizeof(why));
}

static int verify(void)
{
    memset(&s, 0xff, sizeof(s));
    return sm_statement_verify(text, text_len, SM_STATEMENT_MAX, keys, 2, &s,
                               NULL, why, sizeof(why));
}

/* An error leaves nothing behind and says why. */
static void nothing(const char *words)
{
    static const struct sm_statement zero;

    ck_assert_mem_eq(&s, &zero, sizeof(s));
    ck_assert_msg(strstr(why, words) != NULL, "why: %s", why);
}

/* ---- taking apart ---- */

START_TEST(a_statement_comes_apart)
{
    sign(body);
    ck_assert_int_eq(split(), 0);
    ck_assert_str_eq(why, "");
    ck_assert_uint_eq(s.body_len, sizeof(body) - 1);
    ck_assert_mem_eq(s.body, body, s.body_len);
    ck_assert_ptr_eq(s.body, text);
    ck_assert_mem_eq(s.signature.id, keys[0].id, SM_MINISIGN_ID_LEN);
    ck_assert(s.signature.prehashed);
    ck_assert_str_eq(s.signature.comment, "a comment");
    ck_assert_uint_eq(s.signer[0] | s.signer[39], 0);
    ck_assert(sm_statement_is(&s, "secmig-test"));
    ck_assert(!sm_statement_is(&s, "secmig-tes"));
    ck_assert(!sm_statement_is(&s, "secmig-test "));
    ck_assert(!sm_statement_is(&s, "secmig-test 1"));
}
END_TEST

START_TEST(splitting_believes_nothing)
{
    char *one;

    sign(body);
    one = strstr(text, "one");
    memcpy(one, "two", 3);
    ck_assert_int_eq(split(), 0);
    ck_assert_int_eq(verify(), SM_AUTH);
}
END_TEST

START_TEST(the_size_cap_holds)
{
    sign(body);
    ck_assert_int_eq(sm_statement_split(text, text_len, text_len, &s, why,
                                        sizeof(why)), 0);
    ck_assert_int_eq(sm_statement_split(text, text_len, text_len - 1, &s,
                                        why, sizeof(why)), SM_PROTOCOL);
    nothing("longer than");
    ck_assert_int_eq(sm_statement_verify(text, text_len, text_len - 1, keys,
                                         2, &s, NULL, why, sizeof(why)),
                     SM_PROTOCOL);
    nothing("longer than");
}
END_TEST

START_TEST(every_cut_is_refused)
{
    size_t whole;

    sign(body);
    whole = text_len;
    for (text_len = 0; text_len < whole; text_len++) {
        ck_assert_int_eq(split(), SM_PROTOCOL);
        ck_assert_str_ne(why, "");
    }
    ck_assert_int_eq(split(), 0);
}
END_TEST

START_TEST(nothing_may_follow)
{
    static const char *const tails[] = { "\n", "x", "x\n", "\n\n", " ",
                                         "secmig-test 1\n" };
    size_t i, n;

    for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        sign(body);
        n = strlen(tails[i]);
        memcpy(text + text_len, tails[i], n);
        text_len += n;
        ck_assert_msg(split() == SM_PROTOCOL, "%zu", i);
        nothing("");
    }
    sign(body);
    text[text_len++] = '\0';
    ck_assert_int_eq(split(), SM_PROTOCOL);
}
END_TEST

START_TEST(the_body_is_lines_of_printable_ascii)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        { "\n", 1 },
        { "secmig-test 1\r\nfirst = one\r\n", 28 },
        { "secmig-test 1\nfirst = o\0e\n", 26 },
        { "secmig-test 1\nfirst = o\te\n", 26 },
        { "secmig-test 1\nfirst = \x7f\n", 24 },
        { "secmig-test 1\nfirst = \xc3\xa9\n", 25 },
        { "\xef\xbb\xbfsecmig-test 1\nfirst = one\n", 29 },
    };
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sign_raw(bad[i].bytes, bad[i].len);
        ck_assert_msg(split() == SM_PROTOCOL, "%zu", i);
        nothing("signed part");
        ck_assert_int_eq(verify(), SM_PROTOCOL);
    }
    /* The same without what is wrong with them. */
    sign_raw("secmig-test 1\nfirst = ~ !\n", 26);
    ck_assert_int_eq(verify(), 0);
}
END_TEST

START_TEST(a_second_empty_line_is_part_of_no_signature)
{
    sign_raw("secmig-test 1\n\nfirst = one\n", 27);
    ck_assert_int_eq(split(), SM_PROTOCOL);
    sign_raw("secmig-test 1\nfirst = one\n\n", 27);
    ck_assert_int_eq(split(), SM_PROTOCOL);
    sign_raw("secmig-test 1\nfirst = one", 25);
    ck_assert_int_eq(split(), SM_PROTOCOL);
    ck_assert_int_eq(sm_statement_split(NULL, 0, 10, &s, why, sizeof(why)),
                     SM_PROTOCOL);
    nothing("empty line");
}
END_TEST

/* Replace the comment of the first line behind the empty one. */
static void comment(const char *bytes)
{
    char rest[SM_MINISIGN_TEXT_MAX];
    char *start, *end;

    sign(body);
    start = strstr(text, "untrusted comment: ") +
            strlen("untrusted comment: ");
    end = strchr(start, '\n');
    snprintf(rest, sizeof(rest), "%s", end);
    strcpy(start, bytes);
    strcat(start, rest);
    text_len = strlen(text);
}

START_TEST(the_untrusted_comment_is_free_but_clean)
{
    static const char *const bad[] = { "\033[2J", "a\tb", "\x80",
                                       "\xe2\x80\xae", "x\r" };
    size_t i;

    comment("whatever, \xc3\xa9");
    ck_assert_int_eq(verify(), 0);
    comment("");
    ck_assert_int_eq(verify(), 0);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        comment(bad[i]);
        ck_assert_msg(split() == SM_PROTOCOL, "%zu", i);
        nothing("");
    }
}
END_TEST

START_TEST(no_carriage_return_anywhere)
{
    size_t i, whole;
    char *nl;

    sign(body);
    whole = text_len;
    for (i = 0; i < whole; i++) {
        sign(body);
        if (text[i] != '\n')
            continue;
        nl = text + i;
        memmove(nl + 1, nl, text_len + 1 - i);
        *nl = '\r';
        text_len++;
        ck_assert_msg(split() == SM_PROTOCOL, "before byte %zu", i);
    }
}
END_TEST

/* ---- verifying ---- */

START_TEST(the_signer_is_told)
{
    size_t which = 9;

    sign_as(1, body);
    ck_assert_int_eq(sm_statement_verify(text, text_len, SM_STATEMENT_MAX,
                                         keys, 2, &s, &which, why,
                                         sizeof(why)), 0);
    ck_assert_str_eq(why, "");
    ck_assert_uint_eq(which, 1);
    ck_assert_mem_eq(s.signer, keys[1].id, 8);
    ck_assert_mem_eq(s.signer + 8, keys[1].key, 32);
}
END_TEST

START_TEST(only_the_given_keys_count)
{
    sign_as(1, body);
    ck_assert_int_eq(sm_statement_verify(text, text_len, SM_STATEMENT_MAX,
                                         keys, 1, &s, NULL, why,
                                         sizeof(why)), SM_AUTH);
    nothing("key that counts");
    ck_assert_int_eq(sm_statement_verify(text, text_len, SM_STATEMENT_MAX,
                                         NULL, 0, &s, NULL, why,
                                         sizeof(why)), SM_AUTH);
    nothing("key that counts");
}
END_TEST

START_TEST(a_key_with_the_same_id_hides_no_other)
{
    struct sm_minisign_public list[3] = { keys[0], keys[0], keys[1] };
    size_t which = 9;

    memcpy(list[0].key, keys[1].key, sizeof(list[0].key));
    sign(body);
    ck_assert_int_eq(sm_statement_verify(text, text_len, SM_STATEMENT_MAX,
                                         list, 3, &s, &which, why,
                                         sizeof(why)), 0);
    ck_assert_str_eq(why, "");
    ck_assert_uint_eq(which, 1);
    ck_assert_int_eq(sm_statement_verify(text, text_len, SM_STATEMENT_MAX,
                                         list, 1, &s, &which, why,
                                         sizeof(why)), SM_AUTH);
    nothing("does not match");
}
END_TEST

START_TEST(every_flipped_byte_is_refused)
{
    static const uint8_t flips[] = { 0x01, 0x20, 0x80, 0xff };
    size_t i, k, from, to;
    int rc;

    sign(body);
    from = (size_t)(strstr(text, "untrusted comment: ") - text) +
           strlen("untrusted comment: ");
    to = (size_t)(strchr(text + from, '\n') - text);
    for (i = 0; i < text_len; i++)
        for (k = 0; k < sizeof(flips); k++) {
            text[i] = (char)(text[i] ^ flips[k]);
            rc = verify();
            /* What minisign leaves unsigned says nothing to us. */
            if (i >= from && i < to)
                ck_assert(rc == 0 || rc == SM_PROTOCOL);
            else
                ck_assert_msg(rc == SM_AUTH || rc == SM_PROTOCOL,
                              "byte %zu ^ %x: %d", i, flips[k], rc);
            text[i] = (char)(text[i] ^ flips[k]);
        }
    ck_assert_int_eq(verify(), 0);
}
END_TEST

START_TEST(every_byte_left_out_or_doubled_is_refused)
{
    char whole[4096];
    size_t i, len, from, to;

    sign(body);
    len = text_len;
    memcpy(whole, text, len);
    from = (size_t)(strstr(text, "untrusted comment: ") - text) +
           strlen("untrusted comment: ");
    to = (size_t)(strchr(text + from, '\n') - text);
    for (i = 0; i < len; i++) {
        if (i >= from && i < to)
            continue;
        memcpy(text, whole, i);
        memcpy(text + i, whole + i + 1, len - i - 1);
        text_len = len - 1;
        ck_assert_msg(verify() != 0, "without byte %zu", i);
        /* A space more in front of the free text makes it longer. */
        if (i == from - 1)
            continue;
        memcpy(text, whole, i + 1);
        memcpy(text + i + 1, whole + i, len - i);
        text_len = len + 1;
        ck_assert_msg(verify() != 0, "byte %zu twice", i);
    }
}
END_TEST

START_TEST(a_signature_of_other_bytes_is_refused)
{
    char other[4096], *tail;

    sign("secmig-test 1\nfirst = two\n");
    tail = strstr(text, "\n\n") + 2;
    snprintf(other, sizeof(other), "secmig-test 1\nfirst = one\n\n%s", tail);
    strcpy(text, other);
    text_len = strlen(text);
    ck_assert_int_eq(verify(), SM_AUTH);
    nothing("does not match the content");
}
END_TEST

/* ---- signing ---- */

START_TEST(only_well_formed_bodies_are_signed)
{
    static const char *const bad[] = {
        "", "\n", "secmig-test 1", "secmig-test 1\n\n",
        "secmig-test 1\nfirst = \xc3\xa9\n", "secmig-test 1\r\n",
        "secmig-test 1\n\nfirst = one\n",
    };
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(sm_statement_sign(secrets[0], bad[i], "c", text,
                                        sizeof(text)) == SM_USAGE, "%zu", i);
    ck_assert_int_eq(sm_statement_sign(secrets[0], body, "two\nlines", text,
                                       sizeof(text)), SM_USAGE);
    sign(body);
    ck_assert_int_eq(sm_statement_sign(secrets[0], body, "a comment", text,
                                       text_len + 1), 0);
    ck_assert_int_eq(sm_statement_sign(secrets[0], body, "a comment", text,
                                       text_len), SM_USAGE);
}
END_TEST

/* ---- lines ---- */

static struct sm_statement_field f[4];

static int fields(const char *lines)
{
    static char whole[8192];

    f[0] = (struct sm_statement_field){ .key = "first" };
    f[1] = (struct sm_statement_field){ .key = "second" };
    f[2] = (struct sm_statement_field){ .key = "third", .optional = true };
    f[3] = (struct sm_statement_field){ .key = "fourth", .optional = true };
    snprintf(whole, sizeof(whole), "secmig-test 1\n%s", lines);
    sign(whole);
    ck_assert_int_eq(verify(), 0);
    return sm_statement_fields(&s, "secmig-test", f, 4, why, sizeof(why));
}

START_TEST(fields_are_found)
{
    ck_assert_int_eq(fields("first = one\nsecond = a = b\nfourth = x\n"), 0);
    ck_assert_str_eq(why, "");
    ck_assert_uint_eq(f[0].len, 3);
    ck_assert_mem_eq(f[0].value, "one", 3);
    ck_assert_uint_eq(f[1].len, 5);
    ck_assert_mem_eq(f[1].value, "a = b", 5);
    ck_assert_ptr_null(f[2].value);
    ck_assert_uint_eq(f[3].len, 1);
    ck_assert_int_eq(fields("first = one\nsecond = two\n"), 0);
    ck_assert_int_eq(fields("first = one\nsecond = two\nthird = 3\n"
                            "fourth = 4\n"), 0);
}
END_TEST

START_TEST(fields_that_are_wrong_are_refused)
{
    static const struct {
        const char *lines, *words;
    } bad[] = {
        { "first = one\n", "no 'second'" },
        { "second = two\n", "no 'first'" },
        { "first = one\nsecond = two\nfifth = 5\n", "line 4: unknown key" },
        { "first = one\nfirst = one\nsecond = two\n",
          "line 3: key given twice" },
        { "first = one\nsecond = two\nfirst = one\n",
          "line 4: key given twice" },
        { "second = two\nfirst = one\n", "line 3: key out of its order" },
        { "first = one\nsecond = two\nfourth = 4\nthird = 3\n",
          "line 5: key out of its order" },
        { "first= one\nsecond = two\n", "line 2: expected" },
        { "first =one\nsecond = two\n", "line 2: expected" },
        { "first\nsecond = two\n", "line 2: expected" },
        { "first = \nsecond = two\n", "line 2: empty value" },
        { "first =  one\nsecond = two\n", "line 2: empty value" },
        { "first = one \nsecond = two\n", "line 2: empty value" },
        { " first = one\nsecond = two\n", "line 2: unknown key" },
        { "first  = one\nsecond = two\n", "line 2: unknown key" },
        { "First = one\nsecond = two\n", "line 2: unknown key" },
        { "firs = one\nsecond = two\n", "line 2: unknown key" },
        { " = one\nsecond = two\n", "line 2: unknown key" },
        { "# a comment\nfirst = one\nsecond = two\n", "line 2: expected" },
    };
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(fields(bad[i].lines) == SM_PROTOCOL, "%zu", i);
        ck_assert_msg(strstr(why, bad[i].words) != NULL, "%zu: %s", i, why);
    }
}
END_TEST

START_TEST(type_and_version_must_be_right)
{
    static const char *const bad[] = {
        "secmig-other 1\nfirst = one\nsecond = two\n",
        "secmig-test 2\nfirst = one\nsecond = two\n",
        "secmig-test 11\nfirst = one\nsecond = two\n",
        "secmig-test\nfirst = one\nsecond = two\n",
        "secmig-test  1\nfirst = one\nsecond = two\n",
        "secmig-test 1 \nfirst = one\nsecond = two\n",
        "first = one\nsecond = two\n",
    };
    struct sm_statement none = { .body = NULL };
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fields("first = one\nsecond = two\n");
        f[0].value = f[1].value = NULL;
        sign(bad[i]);
        ck_assert_int_eq(verify(), 0);
        ck_assert_msg(sm_statement_fields(&s, "secmig-test", f, 4, why,
                                          sizeof(why)) == SM_PROTOCOL, "%zu",
                      i);
        ck_assert_ptr_nonnull(strstr(why, "'secmig-test 1'"));
    }
    ck_assert(!sm_statement_is(&none, "secmig-test"));
}
END_TEST

/* ---- values ---- */

static struct sm_statement_field value(const char *bytes)
{
    return (struct sm_statement_field){ .value = bytes,
                                        .len = strlen(bytes) };
}

#define SIXTY_FOUR "0123456789abcdef0123456789abcdef" \
                   "0123456789abcdef0123456789abcdef"

START_TEST(words_are_words)
{
    static const char *const good[] = { "a", "DE", "rack-3.room_4", "_x",
                                        SIXTY_FOUR };
    static const char *const bad[] = { "two words", "-a", ".a", "a/b", "*",
                                       "a,b", "a=b", SIXTY_FOUR "0" };
    char word[SM_STATEMENT_WORD_SIZE];
    struct sm_statement_field v;
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        v = value(good[i]);
        ck_assert_msg(sm_statement_word(&v, word), "%s", good[i]);
        ck_assert_str_eq(word, good[i]);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        v = value(bad[i]);
        ck_assert_msg(!sm_statement_word(&v, word), "%s", bad[i]);
    }
}
END_TEST

START_TEST(words_come_one_by_one)
{
    char word[SM_STATEMENT_WORD_SIZE];
    struct sm_statement_field v = value("a bc d");
    size_t pos = 0;

    ck_assert(sm_statement_next_word(&v, &pos, word));
    ck_assert_str_eq(word, "a");
    ck_assert(sm_statement_next_word(&v, &pos, word));
    ck_assert_str_eq(word, "bc");
    ck_assert_uint_ne(pos, v.len);
    ck_assert(sm_statement_next_word(&v, &pos, word));
    ck_assert_str_eq(word, "d");
    ck_assert_uint_eq(pos, v.len);
    v = value("a  b");
    pos = 0;
    ck_assert(sm_statement_next_word(&v, &pos, word));
    ck_assert(!sm_statement_next_word(&v, &pos, word));
}
END_TEST

START_TEST(times_are_times)
{
    static const char *const bad[] = {
        "2026-11-22", "2026-11-22T00:00:00", "2026-11-22 00:00:00Z",
        "2026-11-22T00:00:00z", "2026-13-22T00:00:00Z",
        "2026-11-22T00:00:00+01:000", "0", "now",
    };
    struct sm_statement_field v = value("2026-11-22T00:00:00Z");
    int64_t t;
    size_t i;

    ck_assert(sm_statement_time(&v, &t));
    ck_assert_int_eq(t, NOW);
    v = value("2026-11-22T01:30:00+01:30");
    ck_assert(sm_statement_time(&v, &t));
    ck_assert_int_eq(t, NOW);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        v = value(bad[i]);
        ck_assert_msg(!sm_statement_time(&v, &t), "%s", bad[i]);
    }
}
END_TEST

START_TEST(both_ends_of_a_validity_are_included)
{
    ck_assert(sm_statement_valid(NOW, NOW + 9, NOW, why, sizeof(why)));
    ck_assert_str_eq(why, "");
    ck_assert(sm_statement_valid(NOW, NOW + 9, NOW + 9, why, sizeof(why)));
    ck_assert(!sm_statement_valid(NOW, NOW + 9, NOW - 1, why, sizeof(why)));
    ck_assert_str_eq(why, "not valid before 2026-11-22T00:00:00Z");
    ck_assert(!sm_statement_valid(NOW, NOW + 9, NOW + 10, why, sizeof(why)));
    ck_assert_str_eq(why, "expired on 2026-11-22T00:00:09Z");
}
END_TEST

START_TEST(a_writer_stops_when_it_is_full)
{
    struct sm_statement_writer w;
    char out[24];

    sm_statement_begin(&w, out, sizeof(out), "secmig-test");
    ck_assert_str_eq(out, "secmig-test 1\n");
    sm_statement_add(&w, "first = %d\n", 7);
    ck_assert(w.full);
    ck_assert_str_eq(out, "secmig-test 1\n");
    sm_statement_add(&w, "x");
    ck_assert_str_eq(out, "secmig-test 1\n");
    sm_statement_begin(&w, out, sizeof(out), "secmig-test");
    sm_statement_add(&w, "a = %d\n", 12);
    ck_assert(!w.full);
    ck_assert_uint_eq(w.len, strlen(out));
    ck_assert_str_eq(out, "secmig-test 1\na = 12\n");
}
END_TEST

/* ---- with minisign itself ---- */

static void shell(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static void shell(const char *format, ...)
{
    char command[2048];
    va_list ap;

    va_start(ap, format);
    vsnprintf(command, sizeof(command), format, ap);
    va_end(ap);
    ck_assert_msg(system(command) == 0, "%s", command);
}

START_TEST(the_tool_verifies_what_we_sign)
{
    char pub[128];

    scratch_make();
    sign(body);
    scratch_write("statement", text, text_len, 0644);
    ck_assert_int_eq(sm_minisign_public_format(&keys[0], pub, sizeof(pub)),
                     0);
    scratch_write("pub", pub, strlen(pub), 0644);
    /* As secmig-statement(5) tells people to do. */
    shell("cd %s && sed '/^$/,$d' statement >body && "
          "sed '1,/^$/d' statement >body.minisig && "
          "minisign -V -q -p pub -m body", scratch);
    scratch_remove();
}
END_TEST

START_TEST(we_verify_what_the_tool_signs)
{
    struct sm_minisign_public key;
    uint8_t *data;
    size_t len;

    scratch_make();
    scratch_write("body", body, sizeof(body) - 1, 0644);
    shell("cd %s && minisign -G -W -f -p pub -s key >/dev/null && "
          "minisign -S -s key -m body -t 'a comment' >/dev/null && "
          "{ cat body; echo; cat body.minisig; } >statement", scratch);
    ck_assert_int_eq(sm_file_read(scratch_path("pub"), SM_FILE_PUBLIC, 1000,
                                  &data, &len, why, sizeof(why)), 0);
    ck_assert_int_eq(sm_minisign_public_parse(data, len, &key, why,
                                              sizeof(why)), 0);
    sm_file_free(data, len);
    ck_assert_int_eq(sm_file_read(scratch_path("statement"), SM_FILE_PUBLIC,
                                  5000, &data, &len, why, sizeof(why)), 0);
    ck_assert_int_eq(sm_statement_verify(data, len, SM_STATEMENT_MAX, &key,
                                         1, &s, NULL, why, sizeof(why)), 0);
    sm_file_free(data, len);
    scratch_remove();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("statement");
    TCase *form = tcase_create("form");
    TCase *signatures = tcase_create("signatures");
    TCase *lines = tcase_create("lines");
    TCase *tool = tcase_create("minisign");

    tcase_add_checked_fixture(form, signers_make, signers_free);
    tcase_add_test(form, a_statement_comes_apart);
    tcase_add_test(form, splitting_believes_nothing);
    tcase_add_test(form, the_size_cap_holds);
    tcase_add_test(form, every_cut_is_refused);
    tcase_add_test(form, nothing_may_follow);
    tcase_add_test(form, the_body_is_lines_of_printable_ascii);
    tcase_add_test(form, a_second_empty_line_is_part_of_no_signature);
    tcase_add_test(form, the_untrusted_comment_is_free_but_clean);
    tcase_add_test(form, no_carriage_return_anywhere);
    tcase_add_checked_fixture(signatures, signers_make, signers_free);
    tcase_set_timeout(signatures, 60);
    tcase_add_test(signatures, the_signer_is_told);
    tcase_add_test(signatures, only_the_given_keys_count);
    tcase_add_test(signatures, a_key_with_the_same_id_hides_no_other);
    tcase_add_test(signatures, every_flipped_byte_is_refused);
    tcase_add_test(signatures, every_byte_left_out_or_doubled_is_refused);
    tcase_add_test(signatures, a_signature_of_other_bytes_is_refused);
    tcase_add_test(signatures, only_well_formed_bodies_are_signed);
    tcase_add_checked_fixture(lines, signers_make, signers_free);
    tcase_add_test(lines, fields_are_found);
    tcase_add_test(lines, fields_that_are_wrong_are_refused);
    tcase_add_test(lines, type_and_version_must_be_right);
    tcase_add_test(lines, words_are_words);
    tcase_add_test(lines, words_come_one_by_one);
    tcase_add_test(lines, times_are_times);
    tcase_add_test(lines, both_ends_of_a_validity_are_included);
    tcase_add_test(lines, a_writer_stops_when_it_is_full);
    suite_add_tcase(suite, form);
    suite_add_tcase(suite, signatures);
    suite_add_tcase(suite, lines);
    tcase_add_checked_fixture(tool, signers_make, signers_free);
    tcase_set_timeout(tool, 60);
    if (system("command -v minisign >/dev/null 2>&1") == 0) {
        tcase_add_test(tool, the_tool_verifies_what_we_sign);
        tcase_add_test(tool, we_verify_what_the_tool_signs);
    } else {
        printf("skip - the_tool_and_we_agree: minisign is not installed\n");
    }
    suite_add_tcase(suite, tool);
    return scratch_run(suite);
}
