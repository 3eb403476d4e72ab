/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host with two keys: what trust/pairing.h says of the next one. */
#include <sodium.h>

#include "base/secret.h"
#include "scratch.h"
#include "trust/pairing.h"

static char why[1024];
static uint8_t own[32], key_b[32], next_b[32], key_c[32];

static void make_key(uint8_t *key)
{
    uint8_t secret[32];

    do {
        randombytes_buf(secret, sizeof(secret));
        ck_assert_int_eq(crypto_scalarmult_base(key, secret), 0);
    } while (!sm_identity_key_ok(key));
}

static int add(const char *name, const uint8_t *key, const char *comment)
{
    struct sm_pairing p = { .port = 8003, .has_key = key != NULL };

    snprintf(p.name, sizeof(p.name), "%s", name);
    snprintf(p.address, sizeof(p.address), "%s.example", name);
    snprintf(p.comment, sizeof(p.comment), "%s", comment);
    if (key)
        memcpy(p.key, key, 32);
    return sm_pairing_add(scratch, own, &p, why, sizeof(why));
}

static void prepare(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
    scratch_make();
    make_key(own);
    make_key(key_b);
    make_key(next_b);
    make_key(key_c);
    ck_assert_int_eq(add("hostB", key_b, "rack 3"), 0);
}

static int set_next(const char *name, const uint8_t *key)
{
    return sm_pairing_set_next(scratch, own, name, key, why, sizeof(why));
}

static int retire(const char *name)
{
    return sm_pairing_retire(scratch, name, why, sizeof(why));
}

static int by_name(const char *name, struct sm_pairing *out)
{
    return sm_pairing_by_name(scratch, own, name, out, why, sizeof(why));
}

static int by_key(const uint8_t *key, struct sm_pairing *out)
{
    return sm_pairing_by_key(scratch, own, key, out, why, sizeof(why));
}

START_TEST(both_keys_are_that_host_until_one_is_retired)
{
    struct sm_pairing p;

    ck_assert_int_eq(by_key(next_b, &p), SM_UNPAIRED);
    ck_assert_int_eq(set_next("hostB", next_b), 0);
    ck_assert_int_eq(by_key(key_b, &p), 0);
    ck_assert_str_eq(p.name, "hostB");
    ck_assert_int_eq(by_key(next_b, &p), 0);
    ck_assert_str_eq(p.name, "hostB");
    ck_assert_int_eq(by_name("hostB", &p), 0);
    ck_assert(p.has_next && sm_pairing_has(&p, key_b) &&
              sm_pairing_has(&p, next_b) && !sm_pairing_has(&p, key_c));
    ck_assert_mem_eq(p.key, key_b, 32);
    ck_assert_mem_eq(p.next, next_b, 32);

    ck_assert_int_eq(retire("hostB"), 0);
    ck_assert_int_eq(by_key(key_b, &p), SM_UNPAIRED);
    ck_assert_int_eq(by_key(next_b, &p), 0);
    ck_assert(!p.has_next);
    ck_assert(!sm_pairing_has(&p, key_b) && sm_pairing_has(&p, next_b));
    ck_assert_str_eq(p.address, "hostB.example");
    ck_assert_str_eq(p.comment, "rack 3");
    ck_assert_int_eq(retire("hostB"), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "its key stays"));
}
END_TEST

START_TEST(the_zero_key_is_nobodys)
{
    static const uint8_t zero[32];
    struct sm_pairing p;

    ck_assert_int_eq(by_name("hostB", &p), 0);
    ck_assert(!sm_pairing_has(&p, zero));
    memset(&p, 0, sizeof(p));
    ck_assert(!sm_pairing_has(&p, zero));
    ck_assert_int_eq(set_next("hostB", zero), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "unusable"));
}
END_TEST

START_TEST(a_next_key_can_be_dropped_and_not_be_replaced)
{
    struct sm_pairing p;

    ck_assert_int_eq(set_next("hostB", NULL), SM_STATE);
    ck_assert_int_eq(set_next("hostB", next_b), 0);
    ck_assert_int_eq(set_next("hostB", next_b), 0);
    ck_assert_int_eq(set_next("hostB", key_c), SM_EXISTS);
    ck_assert_ptr_nonnull(strstr(why, "--drop"));
    ck_assert_int_eq(set_next("hostB", NULL), 0);
    ck_assert_int_eq(by_key(next_b, &p), SM_UNPAIRED);
    ck_assert_int_eq(by_key(key_b, &p), 0);
}
END_TEST

START_TEST(keys_that_cannot_be_next)
{
    struct sm_pairing p;

    ck_assert_int_eq(add("hostC", key_c, ""), 0);
    ck_assert_int_eq(add("hostD", NULL, ""), 0);
    ck_assert_int_eq(set_next("hostB", key_b), SM_EXISTS);
    ck_assert_int_eq(set_next("hostB", own), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "own key"));
    ck_assert_int_eq(set_next("hostB", key_c), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "'hostC'"));
    ck_assert_int_eq(set_next("hostD", next_b), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "certificate"));
    ck_assert_int_eq(set_next("hostE", next_b), SM_UNKNOWN_HOST);
    ck_assert_int_eq(set_next("../x", next_b), SM_UNKNOWN_HOST);
    ck_assert_int_eq(retire("hostE"), SM_UNKNOWN_HOST);
    /* Nor may a next key be paired under another name, or twice noted. */
    ck_assert_int_eq(set_next("hostB", next_b), 0);
    ck_assert_int_eq(add("hostE", next_b, ""), SM_STATE);
    ck_assert_int_eq(set_next("hostC", next_b), SM_STATE);
    ck_assert_int_eq(by_name("hostC", &p), 0);
    ck_assert(!p.has_next);
}
END_TEST

START_TEST(pairing_again_keeps_the_next_key)
{
    struct sm_pairing p;

    ck_assert_int_eq(set_next("hostB", next_b), 0);
    ck_assert_int_eq(add("hostB", key_b, "rack 4"), 0);
    ck_assert_int_eq(by_name("hostB", &p), 0);
    ck_assert_str_eq(p.comment, "rack 4");
    ck_assert(p.has_next);
    ck_assert_mem_eq(p.next, next_b, 32);
    ck_assert_int_eq(add("hostB", next_b, ""), SM_EXISTS);
    ck_assert_ptr_nonnull(strstr(why, "retire"));
    p.port = 1;
    ck_assert_int_eq(sm_pairing_add(scratch, own, &p, why, sizeof(why)),
                     SM_USAGE);
}
END_TEST

/* Write a file by hand, as an editor would. */
static void put(const char *name, const uint8_t *key, const uint8_t *next,
                const char *more)
{
    char base64[2][SM_IDENTITY_BASE64_SIZE], text[512];

    strcpy(base64[0], SM_PAIRING_CERTIFIED);
    if (key)
        sm_identity_base64(key, base64[0]);
    sm_identity_base64(next, base64[1]);
    snprintf(text, sizeof(text), "key = %s\nnext-key = %s\naddress = x:1\n"
             "%s", base64[0], base64[1], more);
    scratch_write(name, text, strlen(text), 0644);
}

START_TEST(one_key_in_two_places_matches_nothing)
{
    struct sm_pairing p;

    put("hostC", key_c, key_b, "");
    ck_assert_int_eq(by_key(key_b, &p), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "same key"));
    ck_assert_int_eq(by_name("hostB", &p), SM_STATE);
    ck_assert_int_eq(by_name("hostC", &p), SM_STATE);
    /* The other key of that file is still one host's alone. */
    ck_assert_int_eq(by_key(key_c, &p), 0);
    put("hostC", key_c, own, "");
    ck_assert_int_eq(by_name("hostC", &p), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "own key"));
    ck_assert_int_eq(by_key(own, &p), SM_STATE);
}
END_TEST

START_TEST(malformed_files_match_nothing)
{
    char again[80], base64[SM_IDENTITY_BASE64_SIZE];
    struct sm_pairing p;

    put("hostC", key_c, key_c, "");
    ck_assert_int_eq(by_name("hostC", &p), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "is the key"));
    put("hostC", NULL, next_b, "");
    ck_assert_int_eq(by_name("hostC", &p), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "without a key"));
    sm_identity_base64(next_b, base64);
    snprintf(again, sizeof(again), "next-key = %s\n", base64);
    put("hostC", key_c, next_b, again);
    ck_assert_int_eq(by_name("hostC", &p), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "twice"));
    put("hostC", key_c, next_b, "");
    scratch_write("hostD", "key = certified\nnext-key = x\naddress = a\n",
                  41, 0644);
    ck_assert_int_eq(by_name("hostD", &p), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "damaged or unusable"));
    /* And the sound one is found by both keys. */
    ck_assert_int_eq(by_key(next_b, &p), 0);
    ck_assert_int_eq(by_key(key_c, &p), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("next keys of paired hosts");
    TCase *t = tcase_create("next");

    tcase_add_checked_fixture(t, prepare, scratch_remove);
    tcase_add_test(t, both_keys_are_that_host_until_one_is_retired);
    tcase_add_test(t, the_zero_key_is_nobodys);
    tcase_add_test(t, a_next_key_can_be_dropped_and_not_be_replaced);
    tcase_add_test(t, keys_that_cannot_be_next);
    tcase_add_test(t, pairing_again_keeps_the_next_key);
    tcase_add_test(t, one_key_in_two_places_matches_nothing);
    tcase_add_test(t, malformed_files_match_nothing);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
