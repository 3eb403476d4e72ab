/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of trust/certificate.h's contract. */
#include "statement.h"
#include "trust/certificate.h"

/* A key of X25519 that is one: 9, the base point. */
#define KEY "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

#define AK "00112233445566778899aabbccddeeff" \
           "0123456789abcdef0123456789abcdef"

static const char body[] =
    "secmig-certificate 1\n"
    "host = hostA\n"
    "key = " KEY "\n"
    "serial = 7\n"
    "not-before = 2026-11-01T00:00:00Z\n"
    "not-after = 2027-11-01T00:00:00+01:00\n"
    "location = munich\n"
    "jurisdiction = DE\n"
    "platform = rack-3 sev\n"
    "attestation-key = " AK "\n";

static struct sm_certificate c;

static int verify_at(int64_t now)
{
    memset(&c, 0xff, sizeof(c));
    return sm_certificate_verify(text, text_len, keys, 2, now, &c, NULL, why,
                                 sizeof(why));
}

static int verify(const char *signed_body)
{
    sign(signed_body);
    return verify_at(NOW);
}

static void nothing(const char *words)
{
    static const struct sm_certificate zero;

    ck_assert_mem_eq(&c, &zero, sizeof(c));
    ck_assert_msg(strstr(why, words) != NULL, "why: %s", why);
}

START_TEST(a_good_one_is_read)
{
    size_t which = 9;
    int64_t t;

    sign_as(1, body);
    ck_assert_int_eq(sm_certificate_verify(text, text_len, keys, 2, NOW, &c,
                                           &which, why, sizeof(why)), 0);
    ck_assert_str_eq(why, "");
    ck_assert_uint_eq(which, 1);
    ck_assert_str_eq(c.host, "hostA");
    ck_assert_uint_eq(c.key[0], 9);
    ck_assert_uint_eq(c.key[31], 0);
    ck_assert_uint_eq(c.serial, 7);
    ck_assert_int_eq(sm_clock_parse("2026-11-01T00:00:00Z", &t), 0);
    ck_assert_int_eq(c.not_before, t);
    ck_assert_int_eq(sm_clock_parse("2027-10-31T23:00:00Z", &t), 0);
    ck_assert_int_eq(c.not_after, t);
    ck_assert_str_eq(c.location, "munich");
    ck_assert_str_eq(c.jurisdiction, "DE");
    ck_assert_uint_eq(c.n_platforms, 2);
    ck_assert_str_eq(c.platforms[0], "rack-3");
    ck_assert_str_eq(c.platforms[1], "sev");
    ck_assert(c.has_ak);
    ck_assert_uint_eq(c.ak[1], 0x11);
    ck_assert_uint_eq(c.ak[31], 0xef);
    ck_assert_mem_eq(c.signer, keys[1].id, 8);
    ck_assert_mem_eq(c.signer + 8, keys[1].key, 32);
}
END_TEST

START_TEST(attributes_are_optional)
{
    static const char *const keys_of[] = { "location", "jurisdiction",
                                           "platform", "attestation-key" };
    size_t i;

    for (i = 0; i < 4; i++)
        ck_assert_int_eq(verify(with_line(body, keys_of[i], "")), 0);
    ck_assert_str_eq(c.location, "munich");
    ck_assert_uint_eq(c.n_platforms, 2);
    ck_assert(!c.has_ak);
    ck_assert_int_eq(verify("secmig-certificate 1\nhost = a\nkey = " KEY
                            "\nserial = 1\n"
                            "not-before = 2026-11-22T00:00:00Z\n"
                            "not-after = 2026-11-22T00:00:00Z\n"), 0);
    ck_assert_str_eq(c.location, "");
    ck_assert_str_eq(c.jurisdiction, "");
    ck_assert_uint_eq(c.n_platforms, 0);
}
END_TEST

START_TEST(all_else_is_required)
{
    static const char *const needed[] = { "host", "key", "serial",
                                          "not-before", "not-after" };
    char words[64];
    size_t i;

    for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        ck_assert_int_eq(verify(with_line(body, needed[i], "")),
                         SM_PROTOCOL);
        snprintf(words, sizeof(words), "no '%s'", needed[i]);
        nothing(words);
    }
}
END_TEST

START_TEST(each_value_is_checked)
{
    static const struct {
        const char *key, *line;
    } bad[] = {
        { "host", "host = -a\n" },
        { "host", "host = a b\n" },
        { "host", "host = a/b\n" },
        { "host", "host = *\n" },
        { "host", "host = 0123456789abcdef0123456789abcdef0123456789abcdef"
                  "0123456789abcdef0\n" },
        { "key", "key = CQ==\n" },
        { "key", "key = CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" },
        { "key", "key = CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n" },
        /* of low order: 0 */
        { "key", "key = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" },
        { "key", "key = " KEY " x\n" },
        { "serial", "serial = 0\n" },
        { "serial", "serial = 07\n" },
        { "serial", "serial = +7\n" },
        { "serial", "serial = -7\n" },
        { "serial", "serial = 0x7\n" },
        { "serial", "serial = 7 8\n" },
        { "serial", "serial = 18446744073709551616\n" },
        { "not-before", "not-before = 2026-11-01\n" },
        { "not-before", "not-before = 2026-11-01T00:00:00\n" },
        { "not-before", "not-before = 2028-11-01T00:00:00Z\n" },
        { "not-after", "not-after = never\n" },
        { "not-after", "not-after = 2026-10-31T23:59:59Z\n" },
        { "location", "location = two words\n" },
        { "location", "location = m%nchen\n" },
        { "jurisdiction", "jurisdiction = DE FR\n" },
        { "platform", "platform = a  b\n" },
        { "platform", "platform = a b a\n" },
        { "platform", "platform = a,b\n" },
        { "platform", "platform = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 "
                      "17\n" },
        { "attestation-key", "attestation-key = 00\n" },
        { "attestation-key", "attestation-key = " AK "00\n" },
        { "attestation-key", "attestation-key = 000b" AK "\n" },
        { "attestation-key", "attestation-key = 00112233445566778899AABBCCDD"
                      "EEFF0123456789abcdef0123456789abcdef\n" },
        { "attestation-key", "attestation-key = 0x112233445566778899aabbccdd"
                      "eeff0123456789abcdef0123456789abcdef\n" },
    };
    char words[64];
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(verify(with_line(body, bad[i].key, bad[i].line)) ==
                      SM_PROTOCOL, "%s", bad[i].line);
        snprintf(words, sizeof(words), "'%s'", bad[i].key);
        nothing(strstr(why, "ends before") ? "" : words);
    }
    ck_assert_int_eq(verify(with_line(body, "platform", "platform = 1 2 3 4 "
                                      "5 6 7 8 9 10 11 12 13 14 15 16\n")),
                     0);
    ck_assert_uint_eq(c.n_platforms, 16);
    ck_assert_int_eq(verify(with_line(body, "serial", "serial = "
                                      "18446744073709551615\n")), 0);
    ck_assert_uint_eq(c.serial, UINT64_MAX);
}
END_TEST

START_TEST(unknown_repeated_and_misplaced_lines_are_refused)
{
    ck_assert_int_eq(verify(with_line(body, "location",
                                      "location = munich\n"
                                      "location = munich\n")), SM_PROTOCOL);
    nothing("twice");
    ck_assert_int_eq(verify(with_line(body, "location",
                                      "country = DE\n")), SM_PROTOCOL);
    nothing("unknown key");
    ck_assert_int_eq(verify(with_line(body, "serial", "location = x\n"
                                      "serial = 7\n")), SM_PROTOCOL);
    nothing("out of its order");
}
END_TEST

START_TEST(the_signature_comes_first)
{
    /* Malformed and of nobody we know: only the latter is seen. */
    sign(with_line(body, "serial", "serial = x\n"));
    ck_assert_int_eq(sm_certificate_verify(text, text_len, keys + 1, 1, NOW,
                                           &c, NULL, why, sizeof(why)),
                     SM_AUTH);
    nothing("key that counts");
}
END_TEST

START_TEST(it_is_valid_from_its_first_to_its_last_second)
{
    int64_t from, to;

    ck_assert_int_eq(sm_clock_parse("2026-11-01T00:00:00Z", &from), 0);
    ck_assert_int_eq(sm_clock_parse("2027-10-31T23:00:00Z", &to), 0);
    sign(body);
    ck_assert_int_eq(verify_at(from), 0);
    ck_assert_int_eq(verify_at(to), 0);
    ck_assert_int_eq(verify_at(from - 1), SM_AUTH);
    nothing("not valid before 2026-11-01T00:00:00Z");
    ck_assert_int_eq(verify_at(to + 1), SM_AUTH);
    nothing("expired on 2027-10-31T23:00:00Z");
    ck_assert_int_eq(verify_at(INT64_MIN), SM_AUTH);
    ck_assert_int_eq(verify_at(INT64_MAX), SM_AUTH);
}
END_TEST

START_TEST(statements_of_other_types_are_refused)
{
    ck_assert_int_eq(verify("secmig-ticket 1\n"
                            "id = 00112233445566778899aabbccddeeff\n"
                            "vm = 11111111-2222-3333-4444-555555555555\n"
                            "source = *\ndestination = hostA\n"
                            "not-before = 2026-11-01T00:00:00Z\n"
                            "not-after = 2026-12-01T00:00:00Z\n"),
                     SM_PROTOCOL);
    nothing("secmig-certificate 1");
    ck_assert_int_eq(verify("secmig-revocations 1\nversion = 1\n"
                            "issued = 2026-11-01T00:00:00Z\n"), SM_PROTOCOL);
    nothing("secmig-certificate 1");
    /* The lines of a certificate under another type or version. */
    sign(body);
    ck_assert_int_eq(verify_at(NOW), 0);
    sign_raw("secmig-certificat 1", 19);
    ck_assert_int_eq(verify_at(NOW), SM_PROTOCOL);
    {
        char other[sizeof(body)];

        memcpy(other, body, sizeof(body));
        other[strlen("secmig-certificate ")] = '2';
        ck_assert_int_eq(verify(other), SM_PROTOCOL);
        nothing("secmig-certificate 1");
    }
}
END_TEST

START_TEST(an_overlong_one_is_refused_unread)
{
    char longest[SM_CERTIFICATE_MAX + 512];
    size_t pad;

    /* The free comment makes it as long as one likes. */
    sign(body);
    pad = SM_CERTIFICATE_MAX - text_len;
    strcpy(longest, text);
    {
        char *at = strstr(longest, "signature by");

        memmove(at + pad, at, strlen(at) + 1);
        memset(at, 'x', pad);
    }
    strcpy(text, longest);
    text_len = strlen(text);
    ck_assert_uint_eq(text_len, SM_CERTIFICATE_MAX);
    ck_assert_int_eq(verify_at(NOW), 0);
    memmove(strstr(text, "signature by") + 1, strstr(text, "signature by"),
            strlen(strstr(text, "signature by")) + 1);
    text_len++;
    ck_assert_int_eq(verify_at(NOW), SM_PROTOCOL);
    nothing("longer than 4096");
}
END_TEST

START_TEST(every_flipped_byte_of_the_signed_part_is_refused)
{
    size_t i;
    int bit;

    sign(body);
    for (i = 0; i < sizeof(body); i++)
        for (bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ 1 << bit);
            ck_assert_msg(verify_at(NOW) != 0, "byte %zu bit %d", i, bit);
            text[i] = (char)(text[i] ^ 1 << bit);
        }
    ck_assert_int_eq(verify_at(NOW), 0);
}
END_TEST

START_TEST(what_is_formatted_is_read_back)
{
    char out[SM_CERTIFICATE_MAX];
    struct sm_certificate want;

    ck_assert_int_eq(verify(body), 0);
    want = c;
    ck_assert_int_eq(sm_certificate_format(&want, out, sizeof(out), why,
                                           sizeof(why)), 0);
    ck_assert_str_eq(why, "");
    ck_assert_int_eq(verify(out), 0);
    ck_assert_mem_eq(&c, &want, sizeof(c));
    want.location[0] = want.jurisdiction[0] = '\0';
    want.n_platforms = 0;
    want.has_ak = false;
    ck_assert_int_eq(sm_certificate_format(&want, out, sizeof(out), why,
                                           sizeof(why)), 0);
    ck_assert_int_eq(verify(out), 0);
    ck_assert_str_eq(c.location, "");
    ck_assert_uint_eq(c.n_platforms, 0);
}
END_TEST

START_TEST(what_could_not_be_read_is_not_formatted)
{
    char out[SM_CERTIFICATE_MAX];
    struct sm_certificate good, bad;
    int i;

    ck_assert_int_eq(verify(body), 0);
    good = c;
    for (i = 0; i < 9; i++) {
        bad = good;
        switch (i) {
        case 0: strcpy(bad.host, "a b"); break;
        case 1: bad.host[0] = '\0'; break;
        case 2: memset(bad.key, 0, sizeof(bad.key)); break;
        case 3: bad.serial = 0; break;
        case 4: bad.not_after = bad.not_before - 1; break;
        case 5: strcpy(bad.location, "x\njurisdiction = y");
                bad.jurisdiction[0] = '\0'; break;
        case 6: strcpy(bad.jurisdiction, "x\nplatform = y");
                bad.n_platforms = 0; break;
        case 7: strcpy(bad.platforms[1], bad.platforms[0]); break;
        default: bad.not_after = INT64_MAX; break;
        }
        ck_assert_msg(sm_certificate_format(&bad, out, sizeof(out), why,
                                            sizeof(why)) == SM_USAGE, "%d",
                      i);
        ck_assert_str_ne(why, "");
    }
    for (i = 30; i < 200; i += 17)
        ck_assert_int_eq(sm_certificate_format(&good, out, (size_t)i, why,
                                               sizeof(why)), SM_USAGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certificate");
    TCase *tc = tcase_create("contract");

    tcase_add_checked_fixture(tc, signers_make, signers_free);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_good_one_is_read);
    tcase_add_test(tc, attributes_are_optional);
    tcase_add_test(tc, all_else_is_required);
    tcase_add_test(tc, each_value_is_checked);
    tcase_add_test(tc, unknown_repeated_and_misplaced_lines_are_refused);
    tcase_add_test(tc, the_signature_comes_first);
    tcase_add_test(tc, it_is_valid_from_its_first_to_its_last_second);
    tcase_add_test(tc, statements_of_other_types_are_refused);
    tcase_add_test(tc, an_overlong_one_is_refused_unread);
    tcase_add_test(tc, every_flipped_byte_of_the_signed_part_is_refused);
    tcase_add_test(tc, what_is_formatted_is_read_back);
    tcase_add_test(tc, what_could_not_be_read_is_not_formatted);
    suite_add_tcase(suite, tc);
    return scratch_run(suite);
}
