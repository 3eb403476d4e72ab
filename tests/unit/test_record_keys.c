/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys of channel/record.h: what they depend on, when they change, where
 * they end. */
#include "record_link.h"

#include "channel/hash.h"

/* Change one parameter at the receiver: nothing opens. */
static void must_differ(void (*change)(struct sm_record_params *p))
{
    struct sealed *s = malloc(sizeof(*s));
    struct sm_record_params p;
    struct link l;

    ck_assert_ptr_nonnull(s);
    p = params_of(0);
    ck_assert_int_eq(sm_record_new(&l.end[0], &p), 0);
    p = params_of(1);
    change(&p);
    ck_assert_int_eq(sm_record_new(&l.end[1], &p), 0);
    seal_ok(l.end[0], STATE, 0, 64, s);
    ck_assert_int_eq(open_sealed(l.end[1], s), SM_PROTOCOL);
    link_end(&l);
    free(s);
}

static void other_hash(struct sm_record_params *p)
{
    static const uint8_t h[64] = { 4 };

    p->hash = h;
}

static void shorter_hash(struct sm_record_params *p)
{
    p->hash_len = 32;
}

static void other_key(struct sm_record_params *p)
{
    static const uint8_t k[32] = { 9 };

    p->rx_key = k;
}

static void other_role(struct sm_record_params *p)
{
    p->initiator = true;
}

static void other_suite(struct sm_record_params *p)
{
    if (p->suite == SM_SUITE_CHACHA20POLY1305)
        other_key(p);           /* this machine has only one suite */
    p->suite = SM_SUITE_CHACHA20POLY1305;
}

START_TEST(keys_depend_on_session_transcript_role_and_suite)
{
    must_differ(other_hash);
    must_differ(shorter_hash);
    must_differ(other_key);
    must_differ(other_role);
    must_differ(other_suite);
}
END_TEST

/* A second implementation of docs/protocol.md, section 3: the keys of
 * generation 0 and 1, and the nonce. */
static void open_by_the_book(enum sm_suite suite, int direction,
                             unsigned int generation, uint64_t number,
                             const struct sealed *s)
{
    uint8_t info[22] = "xen-secmig 1 records", prk[32], secret[32], key[32];
    uint8_t iv[32], next[32];
    size_t n = sm_suite_nonce_len(suite), i;
    struct sm_suite_key k;
    unsigned int g;

    info[20] = (uint8_t)suite;
    info[21] = (uint8_t)direction;
    sm_hash_extract(SM_HASH_SHA256, hash, sizeof(hash), keys[direction], 32,
                    prk);
    ck_assert_int_eq(sm_hash_expand(SM_HASH_SHA256, prk, 32, info, 22,
                                    secret, 32), 0);
    for (g = 0; g <= generation; g++) {
        ck_assert_int_eq(sm_hash_expand(SM_HASH_SHA256, secret, 32,
                                        "xen-secmig 1 key", 16, key, 32), 0);
        ck_assert_int_eq(sm_hash_expand(SM_HASH_SHA256, secret, 32,
                                        "xen-secmig 1 iv", 15, iv, n), 0);
        ck_assert_int_eq(sm_hash_expand(SM_HASH_SHA256, secret, 32,
                                        "xen-secmig 1 next", 17, next, 32),
                         0);
        memcpy(secret, next, 32);
    }
    for (i = 0; i < 8; i++)
        iv[n - 1 - i] ^= (uint8_t)(number >> (8 * i));
    ck_assert_int_eq(sm_suite_key_set(&k, suite, key), 0);
    ck_assert_int_eq(sm_suite_open(&k, iv, s->data, HEADER, s->data + HEADER,
                                   s->len - HEADER, plain), 0);
    ck_assert_mem_eq(plain, body, 64);
    sm_suite_key_wipe(&k);
}

START_TEST(keys_and_nonces_are_those_of_the_document)
{
    struct sealed *s = malloc(sizeof(*s));
    struct link l;
    unsigned int i;
    int from;

    ck_assert_ptr_nonnull(s);
    if (!have_suite(_i, __func__)) {
        free(s);
        return;
    }
    link_start_with(&l, (enum sm_suite)_i, 300, 0, 0);
    for (from = 0; from < 2; from++)
        for (i = 0; i < 700; i++) {
            seal_ok(l.end[from], STATE, 0, 64, s);
            if (i == 0 || i == 1 || i == 258 || i == 299 || i == 300 ||
                i == 699)
                open_by_the_book((enum sm_suite)_i, from, i / 300, i % 300,
                                 s);
        }
    link_end(&l);
    free(s);
}
END_TEST

START_TEST(directions_have_separate_keys_even_from_one_secret)
{
    struct sealed *s = malloc(2 * sizeof(*s));
    struct sm_record_params p;
    struct link l;
    int i;

    ck_assert_ptr_nonnull(s);
    for (i = 0; i < 2; i++) {
        p = params_of(i);
        p.tx_key = p.rx_key = keys[0];
        ck_assert_int_eq(sm_record_new(&l.end[i], &p), 0);
        seal_ok(l.end[i], STATE, 0, 64, &s[i]);
    }
    ck_assert_mem_ne(s[0].data + HEADER, s[1].data + HEADER, 64);
    ck_assert_int_eq(open_sealed(l.end[0], &s[0]), SM_PROTOCOL);
    link_end(&l);
    free(s);
}
END_TEST

START_TEST(keys_are_replaced_by_number_of_records_without_a_stall)
{
    uint64_t tx, rx;
    struct link l;
    int i;

    /* Three replacements in one run, streams mixed, both directions. */
    link_start_with(&l, SM_SUITE_NONE, 8, 0, 0);
    for (i = 0; i < 28; i++) {
        sm_record_generations(l.end[0], &tx, &rx);
        ck_assert_uint_eq(tx, (uint64_t)i / 8 + 1);
        ck_assert_uint_eq(rx, (uint64_t)(i / 2) / 8 + 1);
        pass(&l, 0, i % 3 ? STATE : CONTROL, 0, 1000);
        if (i % 2)
            pass(&l, 1, CONTROL, 0, 10);
    }
    sm_record_generations(l.end[1], &tx, &rx);
    ck_assert_uint_eq(tx, 2);
    ck_assert_uint_eq(rx, 4);
    link_end(&l);
}
END_TEST

START_TEST(keys_are_replaced_by_bytes)
{
    uint64_t tx, rx;
    struct link l;

    link_start_with(&l, SM_SUITE_NONE, 0, 1000, 0);
    pass(&l, 0, STATE, 0, 999);
    sm_record_generations(l.end[0], &tx, &rx);
    ck_assert_uint_eq(tx, 1);
    pass(&l, 0, STATE, 0, 1);
    sm_record_generations(l.end[0], &tx, &rx);
    ck_assert_uint_eq(tx, 2);
    pass(&l, 0, STATE, 0, 100000);
    pass(&l, 0, STATE, FINAL, 0);
    sm_record_generations(l.end[1], &tx, &rx);
    ck_assert_uint_eq(tx, 1);
    ck_assert_uint_eq(rx, 3);
    link_end(&l);
}
END_TEST

START_TEST(a_new_key_does_not_open_old_records_nor_equal_them)
{
    struct sealed *s = malloc(2 * sizeof(*s));
    struct link l;

    ck_assert_ptr_nonnull(s);
    link_start_with(&l, SM_SUITE_NONE, 1, 0, 0);
    seal_ok(l.end[0], STATE, 0, 64, &s[0]);
    seal_ok(l.end[0], STATE, 0, 64, &s[1]);
    ck_assert_mem_ne(s[0].data + HEADER, s[1].data + HEADER, 64);
    open_ok(l.end[1], &s[0], STATE, 0, 64);
    ck_assert_int_eq(open_sealed(l.end[1], &s[0]), SM_PROTOCOL);
    link_end(&l);
    free(s);
}
END_TEST

START_TEST(limits_that_differ_end_the_session)
{
    struct sealed *s = malloc(sizeof(*s));
    struct sm_record_params p;
    struct link l;

    ck_assert_ptr_nonnull(s);
    p = params_of(0);
    p.rekey_records = 2;
    ck_assert_int_eq(sm_record_new(&l.end[0], &p), 0);
    p = params_of(1);
    p.rekey_records = 3;
    ck_assert_int_eq(sm_record_new(&l.end[1], &p), 0);
    pass(&l, 0, STATE, 0, 1);
    pass(&l, 0, STATE, 0, 1);
    seal_ok(l.end[0], STATE, 0, 1, s);
    ck_assert_int_eq(open_sealed(l.end[1], s), SM_PROTOCOL);
    link_end(&l);
    free(s);
}
END_TEST

START_TEST(nothing_passes_the_absolute_limit)
{
    struct sealed *s = malloc(sizeof(*s));
    struct link l, wider;
    size_t total;
    int i;

    ck_assert_ptr_nonnull(s);
    /* The sender stops. */
    link_start_with(&l, SM_SUITE_NONE, 2, 0, 5);
    for (i = 0; i < 5; i++)
        pass(&l, 0, STATE, 0, 1);
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(sm_record_seal(l.end[0], STATE, FINAL, body, 1,
                                        s->data, sizeof(s->data), &s->len),
                         SM_FAIL);
        ck_assert_uint_eq(s->len, 0);
    }
    pass(&l, 1, STATE, 0, 1);       /* the other direction goes on */
    link_end(&l);

    /* The receiver stops even if the sender does not. */
    link_start_with(&l, SM_SUITE_NONE, 2, 0, 5);
    link_start_with(&wider, SM_SUITE_NONE, 2, 0, 0);
    for (i = 0; i < 5; i++) {
        seal_ok(wider.end[0], STATE, 0, 1, s);
        open_ok(l.end[1], s, STATE, 0, 1);
    }
    seal_ok(wider.end[0], STATE, 0, 1, s);
    ck_assert_int_eq(sm_record_need(l.end[1], s->data, &total), SM_PROTOCOL);
    ck_assert(sm_record_dead(l.end[1]));
    link_end(&l);
    link_end(&wider);
    free(s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record keys");
    TCase *t = tcase_create("contract");

    if (sm_secret_init())
        return EXIT_FAILURE;
    fill();
    tcase_set_timeout(t, 60);
    tcase_add_test(t, keys_depend_on_session_transcript_role_and_suite);
    tcase_add_loop_test(t, keys_and_nonces_are_those_of_the_document, 1, 4);
    tcase_add_test(t, directions_have_separate_keys_even_from_one_secret);
    tcase_add_test(t,
        keys_are_replaced_by_number_of_records_without_a_stall);
    tcase_add_test(t, keys_are_replaced_by_bytes);
    tcase_add_test(t, a_new_key_does_not_open_old_records_nor_equal_them);
    tcase_add_test(t, limits_that_differ_end_the_session);
    tcase_add_test(t, nothing_passes_the_absolute_limit);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
