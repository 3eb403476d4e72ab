/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of trust/ticket.h's contract. */
#include "statement.h"
#include "trust/ticket.h"

static const char body[] =
    "secmig-ticket 1\n"
    "id = 00112233445566778899aabbccddeeff\n"
    "vm = 11111111-2222-3333-4444-555555555555\n"
    "source = hostA\n"
    "destination = hostB\n"
    "location = munich\n"
    "jurisdiction = DE\n"
    "not-before = 2026-11-21T23:00:00Z\n"
    "not-after = 2026-11-22T01:00:00Z\n";

static const uint8_t vm[16] = {
    0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0x55, 0x55,
    0x55, 0x55, 0x55, 0x55,
};

static struct sm_ticket t;

static int verify_at(int64_t now)
{
    memset(&t, 0xff, sizeof(t));
    return sm_ticket_verify(text, text_len, keys, 2, now, &t, NULL, why,
                            sizeof(why));
}

static int verify(const char *signed_body)
{
    sign(signed_body);
    return verify_at(NOW);
}

static void nothing(const char *words)
{
    static const struct sm_ticket zero;

    ck_assert_mem_eq(&t, &zero, sizeof(t));
    ck_assert_msg(strstr(why, words) != NULL, "why: %s", why);
}

START_TEST(a_good_one_is_read)
{
    size_t which = 9;

    sign_as(1, body);
    ck_assert_int_eq(sm_ticket_verify(text, text_len, keys, 2, NOW, &t,
                                      &which, why, sizeof(why)), 0);
    ck_assert_str_eq(why, "");
    ck_assert_uint_eq(which, 1);
    ck_assert_uint_eq(t.id[0], 0x00);
    ck_assert_uint_eq(t.id[15], 0xff);
    ck_assert_mem_eq(t.vm, vm, 16);
    ck_assert_str_eq(t.source, "hostA");
    ck_assert_str_eq(t.destination, "hostB");
    ck_assert_str_eq(t.location, "munich");
    ck_assert_str_eq(t.jurisdiction, "DE");
    ck_assert_int_eq(t.not_before, NOW - 3600);
    ck_assert_int_eq(t.not_after, NOW + 3600);
    ck_assert_mem_eq(t.signer, keys[1].id, 8);
    ck_assert_mem_eq(t.signer + 8, keys[1].key, 32);
}
END_TEST

START_TEST(a_star_is_any_host_and_attributes_are_optional)
{
    ck_assert_int_eq(verify("secmig-ticket 1\n"
                            "id = 00112233445566778899AABBCCDDEEFF\n"
                            "vm = 11111111-2222-3333-4444-555555555555\n"
                            "source = *\ndestination = *\n"
                            "not-before = 2026-11-21T23:00:00Z\n"
                            "not-after = 2026-11-22T01:00:00Z\n"), 0);
    ck_assert_str_eq(t.source, "");
    ck_assert_str_eq(t.destination, "");
    ck_assert_str_eq(t.location, "");
    ck_assert_str_eq(t.jurisdiction, "");
    ck_assert_uint_eq(t.id[15], 0xff);
}
END_TEST

START_TEST(each_value_is_checked)
{
    static const struct {
        const char *key, *line, *words;
    } bad[] = {
        { "id", "", "no 'id'" },
        { "id", "id = 00112233445566778899aabbccddeef\n", "'id'" },
        { "id", "id = 00112233445566778899aabbccddeefff\n", "'id'" },
        { "id", "id = 00112233445566778899aabbccddeefg\n", "'id'" },
        { "vm", "", "no 'vm'" },
        { "vm", "vm = 1\n", "'vm'" },
        { "vm", "vm = 11111111-2222-3333-4444-55555555555\n", "'vm'" },
        { "vm", "vm = 11111111-2222-3333-4444-55555555555x\n", "'vm'" },
        { "vm", "vm = {1111111-2222-3333-4444-555555555555\n", "'vm'" },
        { "vm", "vm = 11111111x2222-3333-4444-555555555555\n", "'vm'" },
        { "vm", "vm = *\n", "'vm'" },
        { "source", "", "no 'source'" },
        { "source", "source = **\n", "'source'" },
        { "source", "source = host*\n", "'source'" },
        { "source", "source = a b\n", "'source'" },
        { "destination", "", "no 'destination'" },
        { "destination", "destination = -x\n", "'destination'" },
        { "location", "location = *\n", "'location'" },
        { "jurisdiction", "jurisdiction = DE AT\n", "'jurisdiction'" },
        { "not-before", "", "no 'not-before'" },
        { "not-before", "not-before = 0\n", "'not-before'" },
        { "not-before", "not-before = 2026-11-22T01:00:01Z\n",
          "before it begins" },
        { "not-after", "", "no 'not-after'" },
        { "not-after", "not-after = 2026-12-22T23:00:01Z\n",
          "more than 31 days" },
        { "not-after", "not-after = 9999-12-31T23:59:59Z\n",
          "more than 31 days" },
        { "not-after", "not-after = 2026-11-22T01:00:00Z\nuses = 2\n",
          "unknown key" },
        { "vm", "vm = 11111111-2222-3333-4444-555555555555\n"
                "vm = 11111111-2222-3333-4444-555555555556\n", "twice" },
    };
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(verify(with_line(body, bad[i].key, bad[i].line)) ==
                      SM_PROTOCOL, "%s", bad[i].line);
        nothing(bad[i].words);
    }
    ck_assert_int_eq(verify(with_line(body, "not-after", "not-after = "
                                      "2026-12-22T23:00:00Z\n")), 0);
}
END_TEST

START_TEST(only_the_right_type_and_signer)
{
    ck_assert_int_eq(verify("secmig-certificate 1\nhost = a\n"),
                     SM_PROTOCOL);
    nothing("secmig-ticket 1");
    ck_assert_int_eq(verify("secmig-revocations 1\nversion = 1\n"
                            "issued = 2026-11-22T00:00:00Z\n"), SM_PROTOCOL);
    nothing("secmig-ticket 1");
    sign(body);
    ck_assert_int_eq(sm_ticket_verify(text, text_len, keys + 1, 1, NOW, &t,
                                      NULL, why, sizeof(why)), SM_AUTH);
    nothing("key that counts");
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

START_TEST(one_that_is_over_is_refused_and_one_to_come_is_not)
{
    sign(body);
    ck_assert_int_eq(verify_at(NOW + 3600), 0);
    ck_assert_int_eq(verify_at(NOW + 3601), SM_AUTH);
    nothing("expired on 2026-11-22T01:00:00Z");
    ck_assert_int_eq(verify_at(NOW - 86400), 0);
    ck_assert_str_eq(why, "");
    ck_assert_int_eq(t.not_before, NOW - 3600);
}
END_TEST

START_TEST(an_overlong_one_is_refused)
{
    sign(body);
    memset(text + text_len, '\n', SM_TICKET_MAX + 1 - text_len);
    text_len = SM_TICKET_MAX + 1;
    ck_assert_int_eq(verify_at(NOW), SM_PROTOCOL);
    nothing("longer than 8192");
}
END_TEST

/* ---- fitting ---- */

static bool fits(const uint8_t *guest, const char *from, const char *to,
                 const char *location, const char *jurisdiction, int64_t now)
{
    return sm_ticket_fits(&t, guest, from, to, location, jurisdiction, now,
                          why, sizeof(why));
}

START_TEST(it_fits_what_it_says)
{
    ck_assert_int_eq(verify(body), 0);
    ck_assert(fits(vm, "hostA", "hostB", "munich", "DE", NOW));
    ck_assert_str_eq(why, "");
    ck_assert(fits(vm, "hostA", "hostB", "munich", "DE", NOW - 3600));
    ck_assert(fits(vm, "hostA", "hostB", "munich", "DE", NOW + 3600));
}
END_TEST

START_TEST(it_fits_nothing_else)
{
    uint8_t other[16];
    int i;

    ck_assert_int_eq(verify(body), 0);
    for (i = 0; i < 16; i++) {
        memcpy(other, vm, 16);
        other[i] ^= 1;
        ck_assert(!fits(other, "hostA", "hostB", "munich", "DE", NOW));
        ck_assert_ptr_nonnull(strstr(why, "another guest"));
    }
    ck_assert(!fits(vm, "hostC", "hostB", "munich", "DE", NOW));
    ck_assert_ptr_nonnull(strstr(why, "source hostA"));
    ck_assert(!fits(vm, "", "hostB", "munich", "DE", NOW));
    ck_assert(!fits(vm, "hostA", "hostA", "munich", "DE", NOW));
    ck_assert_ptr_nonnull(strstr(why, "destination hostB"));
    ck_assert(!fits(vm, "hostA", "HostB", "munich", "DE", NOW));
    ck_assert(!fits(vm, "hostA", "hostB", "berlin", "DE", NOW));
    ck_assert_ptr_nonnull(strstr(why, "location munich"));
    ck_assert(!fits(vm, "hostA", "hostB", "", "DE", NOW));
    ck_assert(!fits(vm, "hostA", "hostB", "munich", "FR", NOW));
    ck_assert_ptr_nonnull(strstr(why, "jurisdiction DE"));
    ck_assert(!fits(vm, "hostA", "hostB", "munich", "DE", NOW - 3601));
    ck_assert_ptr_nonnull(strstr(why, "not valid before"));
    ck_assert(!fits(vm, "hostA", "hostB", "munich", "DE", NOW + 3601));
    ck_assert_ptr_nonnull(strstr(why, "expired on"));
}
END_TEST

START_TEST(an_unknown_attribute_does_not_fit)
{
    ck_assert_int_eq(verify(body), 0);
    ck_assert(!fits(vm, "hostA", "hostB", NULL, "DE", NOW));
    ck_assert_ptr_nonnull(strstr(why, "cannot show"));
    ck_assert(!fits(vm, "hostA", "hostB", "munich", NULL, NOW));
    ck_assert_ptr_nonnull(strstr(why, "cannot show"));
    ck_assert_int_eq(verify(with_line(body, "location", "")), 0);
    ck_assert(fits(vm, "hostA", "hostB", NULL, "DE", NOW));
}
END_TEST

START_TEST(any_host_fits_a_star)
{
    ck_assert_int_eq(verify("secmig-ticket 1\n"
                            "id = 00112233445566778899aabbccddeeff\n"
                            "vm = 11111111-2222-3333-4444-555555555555\n"
                            "source = *\ndestination = *\n"
                            "not-before = 2026-11-21T23:00:00Z\n"
                            "not-after = 2026-11-22T01:00:00Z\n"), 0);
    ck_assert(fits(vm, "x", "y", NULL, NULL, NOW));
    ck_assert(fits(vm, "hostA", "hostB", "munich", "DE", NOW));
    ck_assert(!fits(vm, "x", "y", NULL, NULL, NOW + 3601));
}
END_TEST

/* ---- writing ---- */

START_TEST(what_is_formatted_is_read_back)
{
    struct sm_ticket want;
    char out[1024];

    ck_assert_int_eq(verify(body), 0);
    want = t;
    ck_assert_int_eq(sm_ticket_format(&want, out, sizeof(out), why,
                                      sizeof(why)), 0);
    ck_assert_str_eq(out, body);
    memset(want.source, 0, sizeof(want.source));
    memset(want.destination, 0, sizeof(want.destination));
    memset(want.location, 0, sizeof(want.location));
    memset(want.jurisdiction, 0, sizeof(want.jurisdiction));
    ck_assert_int_eq(sm_ticket_format(&want, out, sizeof(out), why,
                                      sizeof(why)), 0);
    ck_assert_ptr_nonnull(strstr(out, "source = *\n"));
    ck_assert_int_eq(verify(out), 0);
    ck_assert_mem_eq(&t, &want, sizeof(t));
}
END_TEST

START_TEST(what_could_not_be_read_is_not_formatted)
{
    struct sm_ticket good, bad;
    char out[1024];
    int i;

    ck_assert_int_eq(verify(body), 0);
    good = t;
    for (i = 0; i < 6; i++) {
        bad = good;
        switch (i) {
        case 0: strcpy(bad.source, "a b"); break;
        case 1: strcpy(bad.destination, "/"); break;
        case 2: strcpy(bad.location, "x\njurisdiction = y");
                bad.jurisdiction[0] = '\0'; break;
        case 3: strcpy(bad.jurisdiction, "*"); break;
        case 4: bad.not_after = bad.not_before - 1; break;
        default: bad.not_after = bad.not_before + SM_TICKET_LIFE_MAX + 1;
        }
        ck_assert_msg(sm_ticket_format(&bad, out, sizeof(out), why,
                                       sizeof(why)) == SM_USAGE, "%d", i);
        ck_assert_str_ne(why, "");
    }
    ck_assert_int_eq(sm_ticket_format(&good, out, 100, why, sizeof(why)),
                     SM_USAGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ticket");
    TCase *reading = tcase_create("reading");
    TCase *rest = tcase_create("fitting, writing");

    tcase_add_checked_fixture(reading, signers_make, signers_free);
    tcase_set_timeout(reading, 60);
    tcase_add_test(reading, a_good_one_is_read);
    tcase_add_test(reading, a_star_is_any_host_and_attributes_are_optional);
    tcase_add_test(reading, each_value_is_checked);
    tcase_add_test(reading, only_the_right_type_and_signer);
    tcase_add_test(reading, every_flipped_byte_of_the_signed_part_is_refused);
    tcase_add_test(reading,
                   one_that_is_over_is_refused_and_one_to_come_is_not);
    tcase_add_test(reading, an_overlong_one_is_refused);
    tcase_add_checked_fixture(rest, signers_make, signers_free);
    tcase_add_test(rest, it_fits_what_it_says);
    tcase_add_test(rest, it_fits_nothing_else);
    tcase_add_test(rest, an_unknown_attribute_does_not_fit);
    tcase_add_test(rest, any_host_fits_a_star);
    tcase_add_test(rest, what_is_formatted_is_read_back);
    tcase_add_test(rest, what_could_not_be_read_is_not_formatted);
    suite_add_tcase(suite, reading);
    suite_add_tcase(suite, rest);
    return scratch_run(suite);
}
