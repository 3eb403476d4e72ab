/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Approvals and update keys: seal/approval.h's contract, without a TPM. */
#include "base/log.h"
#include "base/secret.h"
#include "scratch.h"
#include "seal/approval.h"

static struct sm_update_key key;
static uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];
static struct sm_approval approval;
static char text[SM_APPROVAL_TEXT_MAX], why[512];
static void *secret;
static size_t len;

static const uint8_t (*values(void))[SM_SEAL_PCR_LEN]
{
    return (const uint8_t (*)[SM_SEAL_PCR_LEN])pcr;
}

static void prepare(void)
{
    unsigned int i;

    ck_assert_int_eq(sm_secret_init(), 0);
    sm_log_init("test", SM_LOG_ERROR);
    scratch_make();
    for (i = 0; i < SM_SEAL_PCRS; i++)
        memset(pcr[i], (int)i + 1, SM_SEAL_PCR_LEN);
    ck_assert_int_eq(sm_secret_new(&secret, SM_UPDATE_SECRET_LEN), 0);
    ck_assert_int_eq(sm_update_key_make(secret, &key), 0);
    ck_assert_int_eq(sm_approval_sign(secret, &key, 1u << 4 | 1u << 23,
                                      values(), &approval, why, sizeof(why)),
                     0);
    len = sm_approval_text(&approval, text, sizeof(text));
    ck_assert_uint_gt(len, 0);
}

static void finish(void)
{
    sm_secret_free(secret);
    scratch_remove();
}

static int parse(struct sm_approval *out)
{
    int rc = sm_approval_parse(text, len, out, why, sizeof(why));

    ck_assert_int_eq(!rc, !why[0]);
    return rc;
}

/* ---- keys ---- */

START_TEST(a_public_key_is_read_as_it_was_written)
{
    char pem[SM_UPDATE_TEXT_SIZE];
    struct sm_update_key back;

    ck_assert_int_eq(sm_update_key_text(&key, pem), 0);
    ck_assert_ptr_nonnull(strstr(pem, "-----BEGIN PUBLIC KEY-----"));
    scratch_write("pub", pem, strlen(pem), 0644);
    ck_assert_msg(!sm_update_key_read(scratch_path("pub"), &back, why,
                                      sizeof(why)), "%s", why);
    ck_assert_mem_eq(&back, &key, sizeof(key));
}
END_TEST

START_TEST(what_is_no_key_on_p256_is_refused)
{
    struct sm_update_key back, off = key;
    char pem[SM_UPDATE_TEXT_SIZE], command[512];

    off.y[31] ^= 1;
    ck_assert_int_eq(sm_update_key_text(&off, pem), SM_FAIL);
    scratch_write("pub", "no key", 6, 0644);
    ck_assert_int_eq(sm_update_key_read(scratch_path("pub"), &back, why,
                                        sizeof(why)), SM_CONFIG);
    ck_assert_ptr_nonnull(strstr(why, "P-256"));
    ck_assert_int_eq(sm_update_key_read(scratch_path("nowhere"), &back, why,
                                        sizeof(why)), SM_STATE);
    if (!system("command -v openssl >/dev/null")) {
        snprintf(command, sizeof(command), "openssl ecparam -name secp384r1 "
                 "-genkey -noout 2>/dev/null | openssl ec -pubout >%s "
                 "2>/dev/null", scratch_path("p384"));
        ck_assert_int_eq(system(command), 0);
        ck_assert_int_eq(sm_update_key_read(scratch_path("p384"), &back, why,
                                            sizeof(why)), SM_CONFIG);
    }
}
END_TEST

START_TEST(two_keys_differ)
{
    struct sm_update_key other;
    uint8_t number[SM_UPDATE_SECRET_LEN];

    ck_assert_int_eq(sm_update_key_make(number, &other), 0);
    ck_assert_mem_ne(number, secret, sizeof(number));
    ck_assert_mem_ne(&other, &key, sizeof(key));
    ck_assert_int_eq(sm_approval_sign(number, &key, 1, values(), &approval,
                                      why, sizeof(why)), SM_CONFIG);
    ck_assert_ptr_nonnull(strstr(why, "not that of the public one"));
}
END_TEST

/* ---- text ---- */

START_TEST(an_approval_is_read_as_it_was_written)
{
    struct sm_approval back;

    ck_assert_msg(!parse(&back), "%s", why);
    ck_assert_mem_eq(&back, &approval, sizeof(back));
    ck_assert_uint_eq(back.pcrs, 1u << 4 | 1u << 23);
    ck_assert_mem_eq(back.pcr[23], pcr[23], SM_SEAL_PCR_LEN);
    ck_assert_uint_eq(sm_approval_text(&approval, text, len), 0);
    ck_assert_uint_eq(sm_approval_text(&approval, text, len + 1), len);
}
END_TEST

START_TEST(all_pcrs_fit_in)
{
    struct sm_approval back;

    ck_assert_int_eq(sm_approval_sign(secret, &key, 0xffffff, values(),
                                      &approval, why, sizeof(why)), 0);
    len = sm_approval_text(&approval, text, sizeof(text));
    ck_assert_uint_gt(len, 0);
    ck_assert_int_eq(parse(&back), 0);
    ck_assert_mem_eq(&back, &approval, sizeof(back));
}
END_TEST

START_TEST(every_changed_bit_and_every_cut_is_refused)
{
    struct sm_approval back;
    size_t i, whole = len;
    int bit;

    for (i = 0; i < whole; i++)
        for (bit = 0; bit < 8; bit++) {
            /* 'a' and 'A' are the same digit. */
            if (bit == 5 && ((text[i] >= 'a' && text[i] <= 'f')))
                continue;
            text[i] ^= (char)(1 << bit);
            ck_assert_msg(parse(&back) == SM_SEAL, "byte %zu bit %d", i, bit);
            ck_assert_uint_eq(back.pcrs, 0);
            text[i] ^= (char)(1 << bit);
        }
    for (len = 0; len < whole; len++)
        ck_assert_int_eq(parse(&back), SM_SEAL);
    text[whole] = '\n';
    len = whole + 1;
    ck_assert_int_eq(parse(&back), SM_SEAL);
    len = SM_APPROVAL_TEXT_MAX + 1;
    ck_assert_int_eq(sm_approval_parse(text, len, &back, why, sizeof(why)),
                     SM_SEAL);
}
END_TEST

START_TEST(the_order_of_pcrs_is_fixed)
{
    struct sm_approval back;
    char *a = strstr(text, "pcr 4 "), *b = strstr(text, "pcr 23 "), *end;
    char swapped[SM_APPROVAL_TEXT_MAX];

    end = strstr(text, "signature");
    snprintf(swapped, sizeof(swapped), "%.*s%.*s%.*s%s", (int)(a - text),
             text, (int)(end - b), b, (int)(b - a), a, end);
    ck_assert_uint_eq(strlen(swapped), len);
    ck_assert_int_eq(sm_approval_parse(swapped, len, &back, why,
                                       sizeof(why)), SM_SEAL);
}
END_TEST

START_TEST(no_pcrs_or_unknown_ones_are_not_approved)
{
    ck_assert_int_eq(sm_approval_sign(secret, &key, 0, values(), &approval,
                                      why, sizeof(why)), SM_USAGE);
    ck_assert_int_eq(sm_approval_sign(secret, &key, 1u << 24, values(),
                                      &approval, why, sizeof(why)),
                     SM_USAGE);
}
END_TEST

START_TEST(it_fits_the_values_that_it_names)
{
    ck_assert(sm_approval_fits(&approval, values()));
    pcr[5][0] ^= 1;
    ck_assert(sm_approval_fits(&approval, values()));
    pcr[23][31] ^= 1;
    ck_assert(!sm_approval_fits(&approval, values()));
}
END_TEST

/* ---- another program's signature ---- */

START_TEST(openssl_signs_as_well)
{
    uint8_t bytes[SM_APPROVAL_SIGNED_LEN], der[80];
    char command[1024];
    struct sm_update_key theirs;
    struct sm_approval a = approval, back;
    size_t n, r;
    FILE *f;

    if (system("command -v openssl >/dev/null")) {
        printf("skip - openssl_signs_as_well: openssl is not installed\n");
        return;
    }
    snprintf(command, sizeof(command), "openssl ecparam -name prime256v1 "
             "-genkey -noout >%s && openssl ec -in %s -pubout >%s 2>/dev/null"
             " && chmod 644 %s", scratch_path("private"),
             scratch_path("private"), scratch_path("public"),
             scratch_path("public"));
    ck_assert_int_eq(system(command), 0);
    ck_assert_msg(!sm_update_key_read(scratch_path("public"), &theirs, why,
                                      sizeof(why)), "%s", why);
    a.key = theirs;
    sm_approval_signed(&a, bytes);
    scratch_write("bytes", bytes, sizeof(bytes), 0600);
    snprintf(command, sizeof(command), "openssl dgst -sha256 -sign %s -out "
             "%s %s", scratch_path("private"), scratch_path("der"),
             scratch_path("bytes"));
    ck_assert_int_eq(system(command), 0);
    f = fopen(scratch_path("der"), "r");
    n = fread(der, 1, sizeof(der), f);
    fclose(f);
    /* SEQUENCE { INTEGER r, INTEGER s } (X.690), each below 2^256. */
    ck_assert_uint_gt(n, 8);
    ck_assert_uint_eq(der[0], 0x30);
    memset(a.signature, 0, sizeof(a.signature));
    r = der[3];
    memcpy(a.signature + (r < 32 ? 32 - r : 0), der + 4 + (r == 33),
           r < 32 ? r : 32);
    n = der[4 + r + 1];
    memcpy(a.signature + 32 + (n < 32 ? 32 - n : 0),
           der + 4 + r + 2 + (n == 33), n < 32 ? n : 32);
    len = sm_approval_text(&a, text, sizeof(text));
    ck_assert_msg(!parse(&back), "%s", why);
}
END_TEST

/* ---- directories ---- */

START_TEST(a_directory_is_read_and_the_bad_passed_over)
{
    struct sm_approval *list;
    size_t count, i;
    char name[16];

    ck_assert_int_eq(sm_approvals_read(scratch_path("nowhere"), &list, &count,
                                       why, sizeof(why)), 0);
    ck_assert_ptr_null(list);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(mkdir(scratch_path("d"), 0700), 0);
    scratch_write("d/one", text, len, 0644);
    scratch_write("d/two", "nothing", 7, 0644);
    scratch_write("d/.hidden", text, len, 0644);
    scratch_write("d/three", text, len, 0666);
    ck_assert_int_eq(symlink("one", scratch_path("d/four")), 0);
    ck_assert_int_eq(sm_approvals_read(scratch_path("d"), &list, &count, why,
                                       sizeof(why)), 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_mem_eq(&list[0], &approval, sizeof(approval));
    free(list);
    /* Too many lock nobody out; those that are no good take no room. */
    for (i = 0; i < SM_APPROVALS_MAX; i++) {
        snprintf(name, sizeof(name), "d/n%zu", i);
        scratch_write(name, text, len, 0644);
    }
    ck_assert_int_eq(sm_approvals_read(scratch_path("d"), &list, &count, why,
                                       sizeof(why)), 0);
    ck_assert_uint_eq(count, SM_APPROVALS_MAX);
    for (i = 0; i < count; i++)
        ck_assert_mem_eq(&list[i], &approval, sizeof(approval));
    free(list);
}
END_TEST

static Suite *make(void)
{
    Suite *suite = suite_create("approval");
    TCase *tc = tcase_create("contract");

    tcase_add_checked_fixture(tc, prepare, finish);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_public_key_is_read_as_it_was_written);
    tcase_add_test(tc, what_is_no_key_on_p256_is_refused);
    tcase_add_test(tc, two_keys_differ);
    tcase_add_test(tc, an_approval_is_read_as_it_was_written);
    tcase_add_test(tc, all_pcrs_fit_in);
    tcase_add_test(tc, every_changed_bit_and_every_cut_is_refused);
    tcase_add_test(tc, the_order_of_pcrs_is_fixed);
    tcase_add_test(tc, no_pcrs_or_unknown_ones_are_not_approved);
    tcase_add_test(tc, it_fits_the_values_that_it_names);
    tcase_add_test(tc, openssl_signs_as_well);
    tcase_add_test(tc, a_directory_is_read_and_the_bad_passed_over);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return scratch_run(make());
}
