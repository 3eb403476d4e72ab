/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sealed storage under a passphrase: seal/seal.h's contract.  Argon2id runs
 * at the lowest cost that is permitted. */
#include <sodium.h>
#include <time.h>

#include "base/file.h"
#include "base/secret.h"
#include "base/wire.h"
#include "scratch.h"
#include "seal/seal.h"

static const uint8_t secret[] = "the secret of the test";
static char why[1024];

static void prepare(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
    scratch_make();
    unsetenv("CREDENTIALS_DIRECTORY");
}

static struct sm_seal_source from_file(const char *leaf)
{
    struct sm_seal_source source = {
        .passphrase_file = scratch_path(leaf),
        .ops = SM_SEAL_OPS_MIN,
        .mem = SM_SEAL_MEM_MIN,
    };

    return source;
}

static struct sm_seal *open_with(const char *passphrase)
{
    struct sm_seal_source source = from_file("pass");
    struct sm_seal *seal;

    scratch_write("pass", passphrase, strlen(passphrase), 0600);
    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), 0);
    return seal;
}

static void wrap(struct sm_seal *seal, uint8_t **object, size_t *len)
{
    ck_assert_int_eq(sm_seal_wrap(seal, "host-key", "hostA", 0, secret,
                                  sizeof(secret), object, len, why,
                                  sizeof(why)), 0);
}

static int unwrap(struct sm_seal *seal, const uint8_t *object, size_t len)
{
    uint8_t *data;
    size_t n;
    int rc;

    rc = sm_seal_unwrap(seal, object, len, "host-key", "hostA", &data, &n,
                        why, sizeof(why));
    if (rc) {
        ck_assert_ptr_null(data);
    } else {
        ck_assert_uint_eq(n, sizeof(secret));
        ck_assert_mem_eq(data, secret, sizeof(secret));
    }
    sm_secret_free(data);
    return rc;
}

static void fix(uint8_t *object, size_t len)
{
    crypto_generichash(object + len - 32, 32, object, len - 32, NULL, 0);
}

/* Where the parameters of an object for "host-key", "hostA" stand. */
enum {
    OPS_AT = 8 + 2 + 2 + 2 + 8 + 2 + 5 + 8 + 4,
    MEM_AT = OPS_AT + 4,
    SALT_AT = MEM_AT + 8,
    WRAPPED_AT = SALT_AT + 16 + 4,
    WRAPPED_END = WRAPPED_AT + 24 + 32 + 16,
};

/* ---- opening ---- */

START_TEST(the_right_passphrase_opens_and_the_newline_is_none_of_it)
{
    struct sm_seal *a = open_with("correct horse\n");
    struct sm_seal *b = open_with("correct horse");
    uint8_t *object;
    size_t len;

    wrap(a, &object, &len);
    ck_assert_int_eq(unwrap(b, object, len), 0);
    sm_seal_free(a);
    sm_seal_free(b);
    sm_file_free(object, len);
}
END_TEST

START_TEST(a_wrong_passphrase_is_told_from_damage)
{
    struct sm_seal *a = open_with("correct horse");
    struct sm_seal *b = open_with("correct horsf");
    uint8_t *object;
    size_t len;

    wrap(a, &object, &len);
    ck_assert_int_eq(unwrap(b, object, len), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "wrong passphrase"));
    object[len / 2] ^= 1;
    ck_assert_int_eq(unwrap(b, object, len), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "damaged"));
    ck_assert_ptr_null(strstr(why, "passphrase"));
    sm_seal_free(a);
    sm_seal_free(b);
    sm_file_free(object, len);
}
END_TEST

START_TEST(the_passphrase_is_not_in_the_object)
{
    struct sm_seal *seal = open_with("correct horse");
    uint8_t *object;
    size_t len;

    wrap(seal, &object, &len);
    ck_assert_ptr_null(memmem(object, len, "correct horse", 13));
    ck_assert_ptr_null(memmem(object, len, "secret of", 9));
    sm_seal_free(seal);
    sm_file_free(object, len);
}
END_TEST

START_TEST(backends_do_not_stand_in_for_each_other)
{
    struct sm_seal_source source = { 0 };
    struct sm_seal *pass = open_with("correct horse"), *plain;
    uint8_t *object;
    size_t len;

    ck_assert_int_eq(sm_seal_open_backend("plain", &source, &plain, why,
                                          sizeof(why)), 0);
    wrap(plain, &object, &len);
    ck_assert_int_eq(unwrap(pass, object, len), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "'plain'"));
    sm_file_free(object, len);
    wrap(pass, &object, &len);
    ck_assert_int_eq(unwrap(plain, object, len), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "'passphrase'"));
    sm_file_free(object, len);
    sm_seal_free(pass);
    sm_seal_free(plain);
}
END_TEST

START_TEST(inspect_tells_the_cost)
{
    struct sm_seal *seal = open_with("correct horse");
    struct sm_seal_info info;
    uint8_t *object;
    size_t len;

    wrap(seal, &object, &len);
    ck_assert_int_eq(sm_seal_describe(object, len, &info, why, sizeof(why)),
                     0);
    ck_assert_str_eq(info.backend, "passphrase");
    ck_assert_uint_eq(info.ops, SM_SEAL_OPS_MIN);
    ck_assert_uint_eq(info.mem, SM_SEAL_MEM_MIN);
    sm_seal_free(seal);
    sm_file_free(object, len);
}
END_TEST

/* ---- tampering ---- */

START_TEST(every_byte_of_the_wrapped_key_counts)
{
    struct sm_seal *seal = open_with("correct horse");
    uint8_t *object;
    size_t len, at;

    wrap(seal, &object, &len);
    for (at = SALT_AT; at < WRAPPED_END; at++) {
        object[at] ^= 1;
        fix(object, len);
        ck_assert_int_eq(unwrap(seal, object, len), SM_SEAL);
        object[at] ^= 1;
    }
    fix(object, len);
    ck_assert_int_eq(unwrap(seal, object, len), 0);
    sm_seal_free(seal);
    sm_file_free(object, len);
}
END_TEST

START_TEST(what_the_object_is_bound_to_cannot_be_edited)
{
    struct sm_seal *seal = open_with("correct horse");
    uint8_t *object, *data;
    size_t len, n;

    wrap(seal, &object, &len);
    object[8 + 2 + 2 + 2 + 8 + 2 + 4] = 'B';    /* "hostB" */
    fix(object, len);
    ck_assert_int_eq(sm_seal_unwrap(seal, object, len, "host-key", "hostB",
                                    &data, &n, why, sizeof(why)), SM_SEAL);
    ck_assert_ptr_null(data);
    object[8 + 2 + 2 + 2 + 8 + 2 + 4] = 'A';
    object[OPS_AT - 10] = 1;    /* expires in 36,000 years, not never */
    fix(object, len);
    ck_assert_int_eq(unwrap(seal, object, len), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "tampered"));
    sm_seal_free(seal);
    sm_file_free(object, len);
}
END_TEST

/* A stored cost, and whether it must be refused before any work. */
static void assert_cost(uint32_t ops, uint64_t mem, const char *reason)
{
    struct sm_seal *seal = open_with("correct horse");
    uint8_t *object;
    clock_t start;
    size_t len;
    int i;

    wrap(seal, &object, &len);
    for (i = 0; i < 4; i++)
        object[OPS_AT + i] = (uint8_t)(ops >> (24 - 8 * i));
    for (i = 0; i < 8; i++)
        object[MEM_AT + i] = (uint8_t)(mem >> (56 - 8 * i));
    fix(object, len);
    start = clock();
    ck_assert_int_eq(unwrap(seal, object, len), SM_SEAL);
    ck_assert_msg(strstr(why, reason) != NULL, "%s", why);
    /* Processor time; one pass over the least memory takes longer. */
    ck_assert_int_lt((clock() - start) * 1000 / CLOCKS_PER_SEC, 20);
    sm_seal_free(seal);
    sm_file_free(object, len);
}

START_TEST(weak_costs_are_refused)
{
    assert_cost(0, SM_SEAL_MEM_MIN, "too weak");
    assert_cost(SM_SEAL_OPS_MIN - 1, SM_SEAL_MEM_MIN, "too weak");
    assert_cost(SM_SEAL_OPS_MIN, SM_SEAL_MEM_MIN - 1, "too weak");
    assert_cost(SM_SEAL_OPS_MIN, 0, "too weak");
    assert_cost(1, 8192, "too weak");
}
END_TEST

START_TEST(costs_that_would_stall_or_exhaust_are_refused_before_work)
{
    assert_cost(SM_SEAL_OPS_MAX + 1, SM_SEAL_MEM_MIN, "too high");
    assert_cost(UINT32_MAX, SM_SEAL_MEM_MIN, "too high");
    assert_cost(SM_SEAL_OPS_MIN, (uint64_t)SM_SEAL_MEM_MAX + 1, "too high");
    assert_cost(SM_SEAL_OPS_MIN, UINT64_MAX, "too high");
    assert_cost(UINT32_MAX, UINT64_MAX, "too high");
    /* Each in bounds, but not their product. */
    assert_cost(5, SM_SEAL_MEM_MAX, "too high");
    assert_cost(SM_SEAL_OPS_MAX, SM_SEAL_MEM_MIN + 1, "too high");
}
END_TEST

START_TEST(new_objects_keep_to_the_same_bounds)
{
    struct sm_seal_source source = from_file("pass");
    struct sm_seal *seal;

    scratch_write("pass", "correct horse", 13, 0600);
    source.mem = SM_SEAL_MEM_MIN - 1;
    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), SM_CONFIG);
    ck_assert_ptr_null(seal);
    source.mem = SM_SEAL_MEM_MAX;
    source.ops = SM_SEAL_OPS_MAX;
    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), SM_CONFIG);
    source.mem = 0;
    source.ops = 0;
    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), 0);
    sm_seal_free(seal);
}
END_TEST

/* ---- where the passphrase comes from ---- */

static int open_file(const char *leaf, int fresh)
{
    struct sm_seal_source source = from_file(leaf);
    struct sm_seal *seal;
    int rc;

    source.fresh = fresh;
    rc = sm_seal_open_backend("passphrase", &source, &seal, why,
                              sizeof(why));
    ck_assert_int_eq(rc == 0, seal != NULL);
    ck_assert_int_eq(rc == 0, why[0] == '\0');
    sm_seal_free(seal);
    return rc;
}

START_TEST(an_unsafe_passphrase_file_is_refused)
{
    ck_assert_int_eq(open_file("missing", 0), SM_STATE);
    scratch_write("pass", "correct horse", 13, 0644);
    ck_assert_int_eq(open_file("pass", 0), SM_STATE);
    ck_assert_int_eq(chmod(scratch_path("pass"), 0600), 0);
    ck_assert_int_eq(open_file("pass", 0), 0);
    ck_assert_int_eq(symlink("pass", scratch_path("link")), 0);
    ck_assert_int_eq(open_file("link", 0), SM_STATE);
}
END_TEST

START_TEST(passphrases_have_bounds)
{
    char text[SM_SEAL_PASSPHRASE_MAX + 2];

    memset(text, 'x', sizeof(text));
    scratch_write("pass", "", 0, 0600);
    ck_assert_int_eq(open_file("pass", 0), SM_SEAL);
    scratch_write("pass", "\n", 1, 0600);
    ck_assert_int_eq(open_file("pass", 0), SM_SEAL);
    scratch_write("pass", text, SM_SEAL_PASSPHRASE_MAX, 0600);
    ck_assert_int_eq(open_file("pass", 1), 0);
    scratch_write("pass", text, SM_SEAL_PASSPHRASE_MAX + 1, 0600);
    ck_assert_int_eq(open_file("pass", 0), SM_SEAL);
    scratch_write("pass", text, SM_SEAL_PASSPHRASE_MAX + 2, 0600);
    ck_assert_int_eq(open_file("pass", 0), SM_STATE);
    /* Only a new one has to be long. */
    scratch_write("pass", text, SM_SEAL_PASSPHRASE_MIN - 1, 0600);
    ck_assert_int_eq(open_file("pass", 0), 0);
    ck_assert_int_eq(open_file("pass", 1), SM_SEAL);
    scratch_write("pass", text, SM_SEAL_PASSPHRASE_MIN, 0600);
    ck_assert_int_eq(open_file("pass", 1), 0);
}
END_TEST

static int answer(void *ctx, int confirm, uint8_t *buf, size_t size,
                  size_t *len)
{
    int *asked = ctx;

    ck_assert_uint_gt(size, SM_SEAL_PASSPHRASE_MAX);
    *asked = confirm ? 2 : 1;
    memcpy(buf, "correct horse", 13);
    *len = 13;
    return 0;
}

static int decline(void *ctx, int confirm, uint8_t *buf, size_t size,
                   size_t *len)
{
    (void)ctx;
    (void)confirm;
    (void)buf;
    (void)size;
    (void)len;
    return SM_CANCELLED;
}

START_TEST(a_person_is_asked_last)
{
    int asked = 0;
    struct sm_seal_source source = { .ask = answer, .ask_ctx = &asked };
    struct sm_seal *seal;

    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), 0);
    ck_assert_int_eq(asked, 1);
    sm_seal_free(seal);
    source.fresh = 1;
    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), 0);
    ck_assert_int_eq(asked, 2);
    sm_seal_free(seal);
    source.ask = decline;
    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), SM_CANCELLED);
    ck_assert_ptr_null(seal);
    source.ask = NULL;
    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "passphrase-file"));
}
END_TEST

START_TEST(the_systemd_credential_is_found)
{
    int asked = 0;
    struct sm_seal_source source = { .ask = answer, .ask_ctx = &asked };
    struct sm_seal *seal;

    setenv("CREDENTIALS_DIRECTORY", scratch, 1);
    scratch_write(SM_SEAL_CREDENTIAL, "correct horse\n", 14, 0400);
    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), 0);
    ck_assert_int_eq(asked, 0);
    sm_seal_free(seal);
    /* One that is there but unsafe is not passed over. */
    ck_assert_int_eq(chmod(scratch_path(SM_SEAL_CREDENTIAL), 0644), 0);
    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), SM_STATE);
    ck_assert_int_eq(asked, 0);
    ck_assert_int_eq(unlink(scratch_path(SM_SEAL_CREDENTIAL)), 0);
    ck_assert_int_eq(sm_seal_open_backend("passphrase", &source, &seal, why,
                                          sizeof(why)), 0);
    ck_assert_int_eq(asked, 1);
    sm_seal_free(seal);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("seal_passphrase");
    TCase *opening = tcase_create("opening");
    TCase *tampering = tcase_create("tampering");
    TCase *source = tcase_create("source");

    tcase_add_checked_fixture(opening, prepare, scratch_remove);
    tcase_set_timeout(opening, 60);
    tcase_add_test(opening,
        the_right_passphrase_opens_and_the_newline_is_none_of_it);
    tcase_add_test(opening, a_wrong_passphrase_is_told_from_damage);
    tcase_add_test(opening, the_passphrase_is_not_in_the_object);
    tcase_add_test(opening, backends_do_not_stand_in_for_each_other);
    tcase_add_test(opening, inspect_tells_the_cost);
    tcase_add_checked_fixture(tampering, prepare, scratch_remove);
    tcase_set_timeout(tampering, 300);
    tcase_add_test(tampering, every_byte_of_the_wrapped_key_counts);
    tcase_add_test(tampering, what_the_object_is_bound_to_cannot_be_edited);
    tcase_add_test(tampering, weak_costs_are_refused);
    tcase_add_test(tampering,
        costs_that_would_stall_or_exhaust_are_refused_before_work);
    tcase_add_test(tampering, new_objects_keep_to_the_same_bounds);
    tcase_add_checked_fixture(source, prepare, scratch_remove);
    tcase_add_test(source, an_unsafe_passphrase_file_is_refused);
    tcase_add_test(source, passphrases_have_bounds);
    tcase_add_test(source, a_person_is_asked_last);
    tcase_add_test(source, the_systemd_credential_is_found);
    suite_add_tcase(suite, opening);
    suite_add_tcase(suite, tampering);
    suite_add_tcase(suite, source);
    return scratch_run(suite);
}
