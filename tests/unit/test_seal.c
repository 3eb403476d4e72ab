/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of seal/seal.h's contract: the object and its
 * file, with the backend `plain`.  test_seal_passphrase.c has the other. */
#include <sodium.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/wire.h"
#include "scratch.h"
#include "seal/seal.h"

static const uint8_t secret[] = "the secret of the test";
static char why[1024];
static struct sm_seal *seal;

static void prepare(void)
{
    struct sm_seal_source source = { 0 };

    ck_assert_int_eq(sm_secret_init(), 0);
    scratch_make();
    ck_assert_int_eq(sm_seal_open_backend("plain", &source, &seal, why,
                                          sizeof(why)), 0);
}

static void clean(void)
{
    sm_seal_free(seal);
    scratch_remove();
}

static void wrap(uint8_t **object, size_t *len)
{
    ck_assert_int_eq(sm_seal_wrap(seal, "host-key", "hostA", 0, secret,
                                  sizeof(secret), object, len, why,
                                  sizeof(why)), 0);
    ck_assert_str_eq(why, "");
}

/* The result of opening an object; checks all that must hold either way. */
static int unwrap(const uint8_t *object, size_t object_len)
{
    uint8_t *data;
    size_t len;
    int rc;

    rc = sm_seal_unwrap(seal, object, object_len, "host-key", "hostA", &data,
                        &len, why, sizeof(why));
    if (rc) {
        ck_assert_ptr_null(data);
        ck_assert_uint_eq(len, 0);
        ck_assert_str_ne(why, "");
    } else {
        ck_assert_uint_eq(len, sizeof(secret));
        ck_assert_mem_eq(data, secret, sizeof(secret));
        ck_assert_str_eq(why, "");
    }
    sm_secret_free(data);
    return rc;
}

/* Make the checksum right again, as somebody who tampers would. */
static void fix(uint8_t *object, size_t len)
{
    crypto_generichash(object + len - 32, 32, object, len - 32, NULL, 0);
}

/* ---- opening ---- */

START_TEST(an_unknown_backend_is_refused)
{
    struct sm_seal_source source = { 0 };
    struct sm_seal *s;

    ck_assert_int_eq(sm_seal_open_backend("", &source, &s, why, sizeof(why)),
                     SM_CONFIG);
    ck_assert_ptr_null(s);
    ck_assert_int_eq(sm_seal_open_backend("tpm9", &source, &s, why,
                                          sizeof(why)), SM_CONFIG);
    ck_assert_ptr_nonnull(strstr(why, "tpm9"));
    sm_seal_free(NULL);
}
END_TEST

START_TEST(plain_is_warned_about_each_time)
{
    struct sm_seal_source source = { 0 };
    struct sm_seal *s;
    char text[512];
    int pipe_fds[2], saved = dup(2), i;
    ssize_t n;

    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(pipe(pipe_fds), 0);
        fflush(stderr);
        dup2(pipe_fds[1], 2);
        ck_assert_int_eq(sm_seal_open_backend("plain", &source, &s, why,
                                              sizeof(why)), 0);
        fflush(stderr);
        dup2(saved, 2);
        close(pipe_fds[1]);
        n = read(pipe_fds[0], text, sizeof(text) - 1);
        close(pipe_fds[0]);
        ck_assert_int_gt(n, 0);
        text[n] = '\0';
        ck_assert_ptr_nonnull(strstr(text, "'plain'"));
        sm_seal_free(s);
    }
    close(saved);
}
END_TEST

START_TEST(what_was_sealed_opens)
{
    uint8_t *object;
    size_t len;

    wrap(&object, &len);
    ck_assert_int_eq(unwrap(object, len), 0);
    sm_file_free(object, len);
}
END_TEST

START_TEST(two_seals_of_one_secret_differ)
{
    uint8_t *a, *b;
    size_t a_len, b_len;

    wrap(&a, &a_len);
    wrap(&b, &b_len);
    ck_assert_uint_eq(a_len, b_len);
    /* Neither nonce nor object key is used twice. */
    ck_assert_mem_ne(a + a_len - 80, b + b_len - 80, 48);
    ck_assert_mem_ne(a, b, a_len - 80);
    sm_file_free(a, a_len);
    sm_file_free(b, b_len);
}
END_TEST

START_TEST(the_layout_is_the_documented_one)
{
    static const uint8_t key[32] = { 1, 2, 3 }, nonce[24] = { 4, 5, 6 };
    struct sm_wire_writer w;
    uint8_t cipher[sizeof(secret) + 16], sum[32];

    sm_wire_writer_init(&w, 4096);
    sm_wire_put_bytes(&w, "SMSEALED", 8);
    sm_wire_put_u16(&w, 1);
    sm_wire_put_u16(&w, 1);
    sm_wire_put_str(&w, "host-key");
    sm_wire_put_str(&w, "hostA");
    sm_wire_put_u64(&w, 0);
    sm_wire_put_blob(&w, NULL, 0);
    sm_wire_put_blob(&w, key, sizeof(key));
    sm_wire_put_bytes(&w, nonce, sizeof(nonce));
    sm_wire_put_u32(&w, sizeof(cipher));
    crypto_aead_xchacha20poly1305_ietf_encrypt(cipher, NULL, secret,
                                               sizeof(secret), w.data, w.len,
                                               NULL, nonce, key);
    sm_wire_put_bytes(&w, cipher, sizeof(cipher));
    crypto_generichash(sum, sizeof(sum), w.data, w.len, NULL, 0);
    sm_wire_put_bytes(&w, sum, sizeof(sum));
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_int_eq(unwrap(w.data, w.len), 0);
    sm_wire_writer_dispose(&w);
}
END_TEST

/* ---- every byte counts ---- */

START_TEST(every_flipped_bit_is_damage)
{
    uint8_t *object;
    size_t len, bit;

    wrap(&object, &len);
    for (bit = 0; bit < 8 * len; bit++) {
        object[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_eq(unwrap(object, len), SM_SEAL);
        object[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(unwrap(object, len), 0);
    sm_file_free(object, len);
}
END_TEST

START_TEST(every_edit_is_seen_although_the_checksum_is_right)
{
    uint8_t *object;
    size_t len, bit;

    wrap(&object, &len);
    for (bit = 0; bit < 8 * (len - 32); bit++) {
        object[bit / 8] ^= (uint8_t)(1 << bit % 8);
        fix(object, len);
        ck_assert_int_eq(unwrap(object, len), SM_SEAL);
        ck_assert_ptr_null(strstr(why, "checksum"));
        object[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    sm_file_free(object, len);
}
END_TEST

START_TEST(truncation_and_addition_are_refused)
{
    uint8_t *object, *copy;
    size_t len, n;

    wrap(&object, &len);
    copy = calloc(1, len + 1);
    ck_assert_ptr_nonnull(copy);
    for (n = 0; n < len; n++) {
        memcpy(copy, object, n);
        ck_assert_int_eq(unwrap(copy, n), SM_SEAL);
        if (n >= 40) {
            fix(copy, n);
            ck_assert_int_eq(unwrap(copy, n), SM_SEAL);
        }
    }
    memcpy(copy, object, len);
    fix(copy, len + 1);
    ck_assert_int_eq(unwrap(copy, len + 1), SM_SEAL);
    free(copy);
    sm_file_free(object, len);
}
END_TEST

START_TEST(parts_of_two_objects_do_not_mix)
{
    uint8_t *a, *b;
    size_t a_len, b_len, at;

    wrap(&a, &a_len);
    wrap(&b, &b_len);
    for (at = 1; at < a_len - 32; at++) {
        if (!memcmp(a, b, at) || !memcmp(a + at, b + at, a_len - 32 - at))
            continue;       /* the cut changes nothing */
        memcpy(a, b, at);
        fix(a, a_len);
        ck_assert_int_eq(unwrap(a, a_len), SM_SEAL);
        sm_file_free(a, a_len);
        wrap(&a, &a_len);
    }
    sm_file_free(a, a_len);
    sm_file_free(b, b_len);
}
END_TEST

START_TEST(damage_says_so)
{
    uint8_t *object;
    size_t len;

    wrap(&object, &len);
    object[len - 40] ^= 1;
    ck_assert_int_eq(unwrap(object, len), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "damaged"));
    fix(object, len);
    ck_assert_int_eq(unwrap(object, len), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "tampered"));
    memcpy(object, "nonsense", 8);
    ck_assert_int_eq(unwrap(object, len), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "not a sealed object"));
    sm_file_free(object, len);
}
END_TEST

/* ---- what an object is bound to ---- */

START_TEST(purpose_and_host_must_be_the_sealed_ones)
{
    uint8_t *object, *data;
    size_t object_len, len;

    wrap(&object, &object_len);
    ck_assert_int_eq(sm_seal_unwrap(seal, object, object_len, "policy-key",
                                    "hostA", &data, &len, why, sizeof(why)),
                     SM_SEAL);
    ck_assert_ptr_null(data);
    ck_assert_ptr_nonnull(strstr(why, "policy-key"));
    ck_assert_int_eq(sm_seal_unwrap(seal, object, object_len, "host-key",
                                    "hostB", &data, &len, why, sizeof(why)),
                     SM_SEAL);
    ck_assert_ptr_null(data);
    ck_assert_ptr_nonnull(strstr(why, "hostB"));
    sm_file_free(object, object_len);
}
END_TEST

START_TEST(an_expired_object_does_not_open)
{
    uint8_t *object;
    size_t len;

    ck_assert_int_eq(sm_seal_wrap(seal, "host-key", "hostA",
                                  sm_clock_real() + 100, secret,
                                  sizeof(secret), &object, &len, why,
                                  sizeof(why)), 0);
    ck_assert_int_eq(unwrap(object, len), 0);
    sm_file_free(object, len);
    ck_assert_int_eq(sm_seal_wrap(seal, "host-key", "hostA", 1000000000,
                                  secret, sizeof(secret), &object, &len, why,
                                  sizeof(why)), 0);
    ck_assert_int_eq(unwrap(object, len), SM_SEAL);
    ck_assert_ptr_nonnull(strstr(why, "expired at 2001-09-09T01:46:40Z"));
    sm_file_free(object, len);
}
END_TEST

START_TEST(arguments_out_of_bounds_are_refused)
{
    static uint8_t big[SM_SEAL_DATA_MAX + 1];
    static const struct {
        const char *purpose, *host;
        int64_t expires;
        size_t len;
    } bad[] = {
        { "", "h", 0, 1 },
        { "p", "", 0, 1 },
        { "p\n", "h", 0, 1 },
        { "p", "\xff", 0, 1 },
        { "p", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaa", 0, 1 },
        { "p", "h", -1, 1 },
        { "p", "h", 0, 0 },
        { "p", "h", 0, SM_SEAL_DATA_MAX + 1 },
    };
    uint8_t *object;
    size_t len, i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(sm_seal_wrap(seal, bad[i].purpose, bad[i].host,
                                      bad[i].expires, big, bad[i].len,
                                      &object, &len, why, sizeof(why)),
                         SM_USAGE);
        ck_assert_ptr_null(object);
        ck_assert_str_ne(why, "");
    }
}
END_TEST

START_TEST(the_largest_secret_passes)
{
    static uint8_t big[SM_SEAL_DATA_MAX];
    uint8_t *data;
    size_t len;

    randombytes_buf(big, sizeof(big));
    ck_assert_int_eq(sm_seal_store(seal, scratch_path("o"), "p", "h", 0, big,
                                   sizeof(big), why, sizeof(why)), 0);
    ck_assert_int_eq(sm_seal_load(seal, scratch_path("o"), "p", "h", &data,
                                  &len, why, sizeof(why)), 0);
    ck_assert_uint_eq(len, sizeof(big));
    ck_assert_mem_eq(data, big, sizeof(big));
    sm_secret_free(data);
}
END_TEST

/* ---- files ---- */

static void store(void)
{
    ck_assert_int_eq(sm_seal_store(seal, scratch_path("o"), "host-key",
                                   "hostA", 0, secret, sizeof(secret), why,
                                   sizeof(why)), 0);
}

static int load(void)
{
    uint8_t *data;
    size_t len;
    int rc;

    rc = sm_seal_load(seal, scratch_path("o"), "host-key", "hostA", &data,
                      &len, why, sizeof(why));
    ck_assert_int_eq(rc == 0, data != NULL);
    if (rc)     /* the reason names the file */
        ck_assert_ptr_nonnull(strstr(why, scratch_path("o")));
    else
        ck_assert_mem_eq(data, secret, sizeof(secret));
    sm_secret_free(data);
    return rc;
}

START_TEST(a_file_is_private_and_replaced_whole)
{
    struct stat st;

    store();
    ck_assert_int_eq(load(), 0);
    ck_assert_int_eq(stat(scratch_path("o"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    store();
    ck_assert_int_eq(load(), 0);
}
END_TEST

START_TEST(unsafe_files_are_refused)
{
    struct sm_seal_info info;

    store();
    ck_assert_int_eq(chmod(scratch_path("o"), 0640), 0);
    ck_assert_int_eq(load(), SM_STATE);
    ck_assert_int_eq(sm_seal_inspect(scratch_path("o"), &info, why,
                                     sizeof(why)), SM_STATE);
    ck_assert_int_eq(chmod(scratch_path("o"), 0620), 0);
    ck_assert_int_eq(load(), SM_STATE);
    ck_assert_int_eq(chmod(scratch_path("o"), 0600), 0);
    if (geteuid()) {
        printf("skip - unsafe_files_are_refused: another owner: not root\n");
    } else {
        ck_assert_int_eq(chown(scratch_path("o"), 65534, 65534), 0);
        ck_assert_int_eq(load(), SM_STATE);
        ck_assert_ptr_nonnull(strstr(why, "owned"));
        ck_assert_int_eq(sm_seal_inspect(scratch_path("o"), &info, why,
                                         sizeof(why)), SM_STATE);
        ck_assert_int_eq(chown(scratch_path("o"), 0, 0), 0);
    }
    ck_assert_int_eq(chmod(scratch, 0777), 0);
    ck_assert_int_eq(load(), SM_STATE);
    ck_assert_int_eq(chmod(scratch, 0700), 0);
    ck_assert_int_eq(load(), 0);
    ck_assert_int_eq(link(scratch_path("o"), scratch_path("p")), 0);
    ck_assert_int_eq(load(), SM_STATE);
    ck_assert_int_eq(unlink(scratch_path("o")), 0);
    ck_assert_int_eq(load(), SM_STATE);     /* missing */
    ck_assert_int_eq(symlink("p", scratch_path("o")), 0);
    ck_assert_int_eq(load(), SM_STATE);
    ck_assert_int_eq(unlink(scratch_path("o")), 0);
    ck_assert_int_eq(mkfifo(scratch_path("o"), 0600), 0);
    ck_assert_int_eq(load(), SM_STATE);
}
END_TEST

START_TEST(too_large_a_file_is_refused)
{
    static uint8_t big[SM_SEAL_FILE_MAX + 1];

    scratch_write("o", big, sizeof(big), 0600);
    ck_assert_int_eq(load(), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "too large"));
}
END_TEST

START_TEST(a_damaged_file_is_named)
{
    store();
    ck_assert_int_eq(truncate(scratch_path("o"), 100), 0);
    ck_assert_int_eq(load(), SM_SEAL);
    ck_assert_int_eq(truncate(scratch_path("o"), 0), 0);
    ck_assert_int_eq(load(), SM_SEAL);
}
END_TEST

START_TEST(inspect_tells_without_opening)
{
    struct sm_seal_info info;

    ck_assert_int_eq(sm_seal_store(seal, scratch_path("o"), "policy-key",
                                   "hostA", 4102444800, secret,
                                   sizeof(secret), why, sizeof(why)), 0);
    ck_assert_int_eq(sm_seal_inspect(scratch_path("o"), &info, why,
                                     sizeof(why)), 0);
    ck_assert_str_eq(info.backend, "plain");
    ck_assert_str_eq(info.purpose, "policy-key");
    ck_assert_str_eq(info.host, "hostA");
    ck_assert_int_eq(info.expires, 4102444800);
    ck_assert_uint_eq(info.size, sizeof(secret));
    ck_assert_uint_eq(info.ops, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("seal");
    TCase *opening = tcase_create("opening");
    TCase *bytes = tcase_create("every byte counts");
    TCase *binding = tcase_create("binding");
    TCase *files = tcase_create("files");

    tcase_add_checked_fixture(opening, prepare, clean);
    tcase_add_test(opening, an_unknown_backend_is_refused);
    tcase_add_test(opening, plain_is_warned_about_each_time);
    tcase_add_test(opening, what_was_sealed_opens);
    tcase_add_test(opening, two_seals_of_one_secret_differ);
    tcase_add_test(opening, the_layout_is_the_documented_one);
    tcase_add_checked_fixture(bytes, prepare, clean);
    tcase_set_timeout(bytes, 60);
    tcase_add_test(bytes, every_flipped_bit_is_damage);
    tcase_add_test(bytes,
                   every_edit_is_seen_although_the_checksum_is_right);
    tcase_add_test(bytes, truncation_and_addition_are_refused);
    tcase_add_test(bytes, parts_of_two_objects_do_not_mix);
    tcase_add_test(bytes, damage_says_so);
    tcase_add_checked_fixture(binding, prepare, clean);
    tcase_add_test(binding, purpose_and_host_must_be_the_sealed_ones);
    tcase_add_test(binding, an_expired_object_does_not_open);
    tcase_add_test(binding, arguments_out_of_bounds_are_refused);
    tcase_add_test(binding, the_largest_secret_passes);
    tcase_add_checked_fixture(files, prepare, clean);
    tcase_add_test(files, a_file_is_private_and_replaced_whole);
    tcase_add_test(files, unsafe_files_are_refused);
    tcase_add_test(files, too_large_a_file_is_refused);
    tcase_add_test(files, a_damaged_file_is_named);
    tcase_add_test(files, inspect_tells_without_opening);
    suite_add_tcase(suite, opening);
    suite_add_tcase(suite, bytes);
    suite_add_tcase(suite, binding);
    suite_add_tcase(suite, files);
    return scratch_run(suite);
}
