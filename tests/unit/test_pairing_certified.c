/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries without a key: what trust/pairing.h says of "certified". */
#include <sodium.h>

#include "base/secret.h"
#include "scratch.h"
#include "trust/pairing.h"

static char why[1024];
static uint8_t own[32], key_b[32];
static const uint8_t no_key[32];

static void prepare(void)
{
    uint8_t secret[32];

    ck_assert_int_eq(sm_secret_init(), 0);
    scratch_make();
    randombytes_buf(secret, sizeof(secret));
    ck_assert_int_eq(crypto_scalarmult_base(own, secret), 0);
    randombytes_buf(secret, sizeof(secret));
    ck_assert_int_eq(crypto_scalarmult_base(key_b, secret), 0);
}

static int add(const char *name, const uint8_t *key, const char *address)
{
    struct sm_pairing p = { .port = 8003, .has_key = key != NULL };

    snprintf(p.name, sizeof(p.name), "%s", name);
    snprintf(p.address, sizeof(p.address), "%s", address);
    if (key)
        memcpy(p.key, key, 32);
    return sm_pairing_add(scratch, own, &p, why, sizeof(why));
}

static int by_name(const char *name, struct sm_pairing *out)
{
    return sm_pairing_by_name(scratch, own, name, out, why, sizeof(why));
}

START_TEST(it_is_found_by_name_and_has_no_key)
{
    char text[128] = "";
    struct sm_pairing p;
    FILE *f;

    ck_assert_int_eq(add("hostB", NULL, "b.example"), 0);
    f = fopen(scratch_path("hostB"), "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_gt(fread(text, 1, sizeof(text) - 1, f), 0);
    fclose(f);
    ck_assert_str_eq(text, "key = certified\naddress = b.example:8003\n");
    ck_assert_int_eq(by_name("hostB", &p), 0);
    ck_assert_str_eq(p.name, "hostB");
    ck_assert_str_eq(p.address, "b.example");
    ck_assert(!p.has_key);
    ck_assert_mem_eq(p.key, no_key, 32);
}
END_TEST

START_TEST(it_is_never_found_by_key)
{
    struct sm_pairing p;

    ck_assert_int_eq(add("hostB", NULL, "b"), 0);
    ck_assert_int_eq(add("hostC", NULL, "c"), 0);
    ck_assert_int_eq(sm_pairing_by_key(scratch, own, no_key, &p, why,
                                       sizeof(why)), SM_UNPAIRED);
    ck_assert_int_eq(sm_pairing_by_key(scratch, own, key_b, &p, why,
                                       sizeof(why)), SM_UNPAIRED);
    /* It is none of the two names that make a key useless. */
    ck_assert_int_eq(add("hostD", key_b, "d"), 0);
    ck_assert_int_eq(sm_pairing_by_key(scratch, own, key_b, &p, why,
                                       sizeof(why)), 0);
    ck_assert_str_eq(p.name, "hostD");
    ck_assert(p.has_key);
}
END_TEST

START_TEST(its_address_can_be_updated)
{
    struct sm_pairing p;

    ck_assert_int_eq(add("hostB", NULL, "b"), 0);
    ck_assert_int_eq(add("hostB", NULL, "c"), 0);
    ck_assert_int_eq(by_name("hostB", &p), 0);
    ck_assert_str_eq(p.address, "c");
}
END_TEST

START_TEST(a_key_and_no_key_do_not_replace_each_other)
{
    struct sm_pairing p;

    ck_assert_int_eq(add("hostB", key_b, "b"), 0);
    ck_assert_int_eq(add("hostB", NULL, "c"), SM_EXISTS);
    ck_assert_ptr_nonnull(strstr(why, "paired with a key"));
    ck_assert_ptr_nonnull(strstr(why, "trust remove hostB"));
    ck_assert_int_eq(by_name("hostB", &p), 0);
    ck_assert_mem_eq(p.key, key_b, 32);
    ck_assert_int_eq(sm_pairing_remove(scratch, "hostB", why, sizeof(why)),
                     0);
    ck_assert_int_eq(add("hostB", NULL, "c"), 0);
    ck_assert_int_eq(add("hostB", key_b, "b"), SM_EXISTS);
    ck_assert_ptr_nonnull(strstr(why, "by its certificate"));
    ck_assert_int_eq(by_name("hostB", &p), 0);
    ck_assert(!p.has_key);
    /* A file that cannot be read is not taken for either. */
    scratch_write("hostC", "nonsense", 8, 0644);
    ck_assert_int_eq(add("hostC", NULL, "c"), SM_EXISTS);
}
END_TEST

START_TEST(an_unsafe_file_or_directory_is_no_match)
{
    static const char text[] = "key = certified\naddress = b\n";
    struct sm_pairing p, zero;

    memset(&zero, 0, sizeof(zero));
    scratch_write("hostB", text, sizeof(text) - 1, 0666);
    ck_assert_int_eq(by_name("hostB", &p), SM_STATE);
    ck_assert_mem_eq(&p, &zero, sizeof(p));
    ck_assert_int_eq(chmod(scratch_path("hostB"), 0644), 0);
    ck_assert_int_eq(by_name("hostB", &p), 0);
    ck_assert_int_eq(chmod(scratch, 0777), 0);
    ck_assert_int_eq(by_name("hostB", &p), SM_STATE);
    ck_assert_mem_eq(&p, &zero, sizeof(p));
    ck_assert_int_eq(chmod(scratch, 0700), 0);
}
END_TEST

START_TEST(only_the_very_word_stands_for_no_key)
{
    static const char *const bad[] = {
        "", "certifie", "certified2", "Certified", "certified x", "none", "-",
    };
    struct sm_pairing p;
    char text[128];
    size_t i;
    int n;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        n = snprintf(text, sizeof(text), "key = %s\naddress = b\n", bad[i]);
        ck_assert_int_eq(sm_pairing_parse("h", text, (size_t)n, &p, why,
                                          sizeof(why)), SM_STATE);
        ck_assert_ptr_nonnull(strstr(why, "line 1: the key"));
    }
    n = snprintf(text, sizeof(text), "key = certified\nkey = certified\n"
                 "address = b\n");
    ck_assert_int_eq(sm_pairing_parse("h", text, (size_t)n, &p, why,
                                      sizeof(why)), SM_STATE);
}
END_TEST

START_TEST(a_key_beside_certified_is_not_written)
{
    struct sm_pairing p = { .name = "hostB", .address = "b", .port = 1 };

    ck_assert_ptr_null(sm_pairing_problem(&p));
    p.key[31] = 1;
    ck_assert_ptr_nonnull(sm_pairing_problem(&p));
    ck_assert_int_eq(sm_pairing_add(scratch, own, &p, why, sizeof(why)),
                     SM_USAGE);
}
END_TEST

START_TEST(a_host_known_by_its_name_alone)
{
    struct sm_pairing p, zero;

    memset(&zero, 0, sizeof(zero));
    ck_assert_int_eq(sm_pairing_by_dns("b.example.org", &p), 0);
    ck_assert_str_eq(p.name, "b.example.org");
    ck_assert_str_eq(p.address, "b.example.org");
    ck_assert_uint_eq(p.port, 8003);
    ck_assert(!p.has_key);
    ck_assert_ptr_null(sm_pairing_problem(&p));
    ck_assert_int_eq(sm_pairing_by_dns("-oProxy=x", &p), SM_UNKNOWN_HOST);
    ck_assert_mem_eq(&p, &zero, sizeof(p));
    ck_assert_int_eq(sm_pairing_by_dns("", &p), SM_UNKNOWN_HOST);
    ck_assert_int_eq(sm_pairing_by_dns("b.example:80", &p), SM_UNKNOWN_HOST);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pairing without a key");
    TCase *t = tcase_create("certified");

    tcase_add_checked_fixture(t, prepare, scratch_remove);
    tcase_add_test(t, it_is_found_by_name_and_has_no_key);
    tcase_add_test(t, it_is_never_found_by_key);
    tcase_add_test(t, its_address_can_be_updated);
    tcase_add_test(t, a_key_and_no_key_do_not_replace_each_other);
    tcase_add_test(t, an_unsafe_file_or_directory_is_no_match);
    tcase_add_test(t, only_the_very_word_stands_for_no_key);
    tcase_add_test(t, a_key_beside_certified_is_not_written);
    tcase_add_test(t, a_host_known_by_its_name_alone);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
