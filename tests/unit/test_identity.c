/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of trust/identity.h's contract. */
#include "base/secret.h"
#include "scratch.h"
#include "trust/identity.h"

/* RFC 7748 section 6.1, Alice. */
static const uint8_t alice_secret[32] = {
    0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72,
    0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a,
    0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
};
static const uint8_t alice_public[32] = {
    0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc,
    0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4,
    0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a,
};
#define ALICE_BASE64 "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
#define ALICE_LINE "secmig-host-key alice " ALICE_BASE64 "\n"
/* Computed with Python's hashlib.blake2b, not with this code. */
#define ALICE_FINGERPRINT "JXEE5-W7WCG-5YK7R-34ACP-8WDC5"

/* Points of low order, canonical; the list of RFC 7748's security notes. */
static const uint8_t low_order[][32] = {
    { 0 },
    { 1 },
    { 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
      0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
      0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
    { 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
      0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
      0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57 },
    { 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};

static void prepare(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
}

/* ---- keys ---- */

START_TEST(public_key_is_rfc_7748s)
{
    struct sm_identity *id;

    ck_assert_int_eq(sm_identity_from_secret("alice", alice_secret, &id), 0);
    ck_assert_mem_eq(id->public_key, alice_public, 32);
    ck_assert_mem_eq(id->secret_key, alice_secret, 32);
    ck_assert_str_eq(id->name, "alice");
    sm_identity_free(id);
    sm_identity_free(NULL);
}
END_TEST

START_TEST(generated_keys_differ_and_are_usable)
{
    struct sm_identity *a, *b;

    ck_assert_int_eq(sm_identity_generate("a", &a), 0);
    ck_assert_int_eq(sm_identity_generate("b", &b), 0);
    ck_assert_mem_ne(a->secret_key, b->secret_key, 32);
    ck_assert_mem_ne(a->public_key, b->public_key, 32);
    ck_assert(sm_identity_key_ok(a->public_key));
    sm_identity_free(a);
    sm_identity_free(b);
}
END_TEST

START_TEST(bad_names_are_refused)
{
    static const char *const bad[] = {
        "", ".", "..", "-a", ".a", "a b", "a/b", "a\n", "\xc3\xa4",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    char line[SM_IDENTITY_LINE_SIZE];
    struct sm_identity *id;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(sm_identity_generate(bad[i], &id), SM_USAGE);
        ck_assert_ptr_null(id);
        ck_assert_int_eq(sm_identity_format(bad[i], alice_public, line),
                         SM_USAGE);
    }
}
END_TEST

START_TEST(low_order_points_are_no_keys)
{
    size_t i;

    for (i = 0; i < sizeof(low_order) / sizeof(low_order[0]); i++)
        ck_assert(!sm_identity_key_ok(low_order[i]));
    ck_assert(sm_identity_key_ok(alice_public));
}
END_TEST

START_TEST(a_key_has_one_encoding)
{
    uint8_t key[32];

    /* The bit that X25519 ignores. */
    memcpy(key, alice_public, 32);
    key[31] |= 0x80;
    ck_assert(!sm_identity_key_ok(key));
    /* p + 9 means 9, the base point; 9 itself is fine. */
    memset(key, 0xff, 32);
    key[0] = 0xed + 9;
    key[31] = 0x7f;
    ck_assert(!sm_identity_key_ok(key));
    memset(key, 0, 32);
    key[0] = 9;
    ck_assert(sm_identity_key_ok(key));
    /* The largest number below p that is not of low order. */
    memset(key, 0xff, 32);
    key[0] = 0xeb;
    key[31] = 0x7f;
    ck_assert(sm_identity_key_ok(key));
}
END_TEST

/* ---- fingerprint ---- */

START_TEST(fingerprint_is_the_documented_hash)
{
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];

    sm_identity_fingerprint(alice_public, fingerprint);
    ck_assert_str_eq(fingerprint, ALICE_FINGERPRINT);
    ck_assert_uint_eq(strlen(fingerprint) + 1, sizeof(fingerprint));
}
END_TEST

START_TEST(case_blanks_and_look_alikes_do_not_count)
{
    /* A key whose fingerprint has a 0 and a 1 to misread. */
    uint8_t key[32] = { 9 };
    char text[SM_IDENTITY_FINGERPRINT_SIZE];
    size_t i;

    ck_assert(sm_identity_fingerprint_ok(ALICE_FINGERPRINT, alice_public));
    ck_assert(sm_identity_fingerprint_ok("jxee5w7wcg5yk7r34acp8wdc5",
                                         alice_public));
    ck_assert(sm_identity_fingerprint_ok(" JXEE5 W7WCG 5YK7R 34ACP 8WDC5 ",
                                         alice_public));
    for (;; key[1]++) {
        sm_identity_fingerprint(key, text);
        if (strchr(text, '0') && strchr(text, '1'))
            break;
    }
    for (i = 0; text[i]; i++)
        text[i] = text[i] == '0' ? 'o' : text[i] == '1' ? 'l' : text[i];
    ck_assert(sm_identity_fingerprint_ok(text, key));
}
END_TEST

START_TEST(only_the_whole_fingerprint_will_do)
{
    char text[] = ALICE_FINGERPRINT;
    size_t i;

    for (i = 0; i < sizeof(text) - 1; i++) {
        char was = text[i];

        if (was == '-')
            continue;
        text[i] = was == 'A' ? 'B' : 'A';
        ck_assert(!sm_identity_fingerprint_ok(text, alice_public));
        text[i] = was;
    }
    ck_assert(!sm_identity_fingerprint_ok("", alice_public));
    ck_assert(!sm_identity_fingerprint_ok("JXEE5", alice_public));
    ck_assert(!sm_identity_fingerprint_ok("JXEE5-W7WCG-5YK7R-34ACP-8WDC",
                                          alice_public));
    ck_assert(!sm_identity_fingerprint_ok(ALICE_FINGERPRINT "0",
                                          alice_public));
}
END_TEST

/* ---- text ---- */

static int parse(const char *text, size_t len, char *name, uint8_t *key)
{
    char why[128];
    int rc = sm_identity_parse(text, len, name, key, why, sizeof(why));

    ck_assert_int_eq(rc == 0, why[0] == '\0');
    ck_assert(rc == 0 || rc == SM_STATE);
    return rc;
}

START_TEST(a_line_comes_back)
{
    char line[SM_IDENTITY_LINE_SIZE], name[SM_IDENTITY_NAME_SIZE];
    uint8_t key[32];

    ck_assert_int_eq(sm_identity_format("alice", alice_public, line), 0);
    ck_assert_str_eq(line, ALICE_LINE);
    ck_assert_int_eq(parse(line, strlen(line), name, key), 0);
    ck_assert_str_eq(name, "alice");
    ck_assert_mem_eq(key, alice_public, 32);
    /* The newline may be missing. */
    ck_assert_int_eq(parse(line, strlen(line) - 1, name, key), 0);
}
END_TEST

START_TEST(the_longest_name_fits)
{
    char line[SM_IDENTITY_LINE_SIZE], name[SM_IDENTITY_NAME_SIZE];
    char longest[SM_IDENTITY_NAME_SIZE];
    uint8_t key[32];

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    ck_assert_int_eq(sm_identity_format(longest, alice_public, line), 0);
    ck_assert_int_eq(parse(line, strlen(line), name, key), 0);
    ck_assert_str_eq(name, longest);
}
END_TEST

START_TEST(other_lines_are_refused)
{
    static const char *const bad[] = {
        "", "\n", "secmig-host-key", "secmig-host-key ",
        "secmig-host-key alice", "secmig-host-key alice \n",
        "secmig-host-key  alice " ALICE_BASE64 "\n",
        "secmig-host-key alice  " ALICE_BASE64 "\n",
        "secmig-host-key alice " ALICE_BASE64 " \n",
        "secmig-host-key alice " ALICE_BASE64 "\n\n",
        "secmig-host-key alice " ALICE_BASE64 "\r\n",
        " secmig-host-key alice " ALICE_BASE64 "\n",
        "secmig-host-key ../a " ALICE_BASE64 "\n",
        "secmig-host-key .a " ALICE_BASE64 "\n",
        "ssh-ed25519 alice " ALICE_BASE64 "\n",
        /* Same key, another spelling of its last symbol. */
        "secmig-host-key alice hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmp="
        "\n",
        /* No padding; URL alphabet. */
        "secmig-host-key alice hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo\n",
        "secmig-host-key alice hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo="
        "\n",
        /* All zero. */
        "secmig-host-key alice AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
        "\n",
    };
    char name[SM_IDENTITY_NAME_SIZE];
    uint8_t key[32];
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(parse(bad[i], strlen(bad[i]), name, key) == SM_STATE,
                      "accepted: %s", bad[i]);
    ck_assert_int_eq(parse("secmig-host-key a\0b " ALICE_BASE64,
                           16 + 3 + 1 + 44, name, key), SM_STATE);
}
END_TEST

START_TEST(truncation_is_refused)
{
    char name[SM_IDENTITY_NAME_SIZE];
    uint8_t key[32];
    size_t len;

    for (len = 0; len < strlen(ALICE_LINE) - 1; len++)
        ck_assert_int_eq(parse(ALICE_LINE, len, name, key), SM_STATE);
}
END_TEST

START_TEST(no_flipped_bit_goes_unseen)
{
    char line[] = ALICE_LINE, name[SM_IDENTITY_NAME_SIZE];
    uint8_t key[32];
    size_t bit;

    for (bit = 0; bit < 8 * strlen(ALICE_LINE); bit++) {
        line[bit / 8] ^= (char)(1 << bit % 8);
        if (!parse(line, strlen(ALICE_LINE), name, key))
            ck_assert(strcmp(name, "alice") ||
                      memcmp(key, alice_public, 32));
        line[bit / 8] ^= (char)(1 << bit % 8);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identity");
    TCase *keys = tcase_create("keys");
    TCase *fingerprint = tcase_create("fingerprint");
    TCase *text = tcase_create("text");

    tcase_add_checked_fixture(keys, prepare, NULL);
    tcase_add_test(keys, public_key_is_rfc_7748s);
    tcase_add_test(keys, generated_keys_differ_and_are_usable);
    tcase_add_test(keys, bad_names_are_refused);
    tcase_add_test(keys, low_order_points_are_no_keys);
    tcase_add_test(keys, a_key_has_one_encoding);
    tcase_add_test(fingerprint, fingerprint_is_the_documented_hash);
    tcase_add_test(fingerprint, case_blanks_and_look_alikes_do_not_count);
    tcase_add_test(fingerprint, only_the_whole_fingerprint_will_do);
    tcase_add_test(text, a_line_comes_back);
    tcase_add_test(text, the_longest_name_fits);
    tcase_add_test(text, other_lines_are_refused);
    tcase_add_test(text, truncation_is_refused);
    tcase_add_test(text, no_flipped_bit_goes_unseen);
    suite_add_tcase(suite, keys);
    suite_add_tcase(suite, fingerprint);
    suite_add_tcase(suite, text);
    return scratch_run(suite);
}
