/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One test case per sentence of trust/minisign.h's contract.  The vectors
 * were made by minisign 0.11; where that tool is installed, both directions
 * are tried with it as well.
 */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"
#include "trust/minisign.h"

static const char data[] = "policy bytes\n";
#define DATA_LEN (sizeof(data) - 1)

static const char public_text[] =
    "untrusted comment: minisign public key A526E5D038D0A4C8\n"
    "RWTIpNA40OUmpb2HUjIIvL+4SqiA6dvc1SKuv0bN0EPcqbxK7xvq1J5D\n";

static const char prehashed_text[] =
    "untrusted comment: signature from minisign secret key\n"
    "RUTIpNA40OUmpcbREXUr3XECOy+kzue3KnFuC5IcGn65eWvt+/RCx9S8YdXrERDttTbKcvPg"
    "B5amkMcDQVEm9PtuGY64TXY+0Aw=\n"
    "trusted comment: a trusted comment\n"
    "prNXFgU52JqN34MWLUJN5OcyaLONsWvdY0MrbMRAujYOjPzHOYkG4mW9fyTOmHmduZ18falO"
    "Idhbx2h3+XJdDg==\n";

static const char legacy_text[] =
    "untrusted comment: signature from minisign secret key\n"
    "RWTIpNA40OUmpTChwDn9jfFVFd2EDa1oN4o9khPwxHVYb8AXA+0q38+ltnKU3xkmUBRNO3Mg"
    "Ic4359wzbTFMHypMAkxs01lmqAE=\n"
    "trusted comment: legacy comment\n"
    "pNG5k6yCXtkXjrKqFRCyoQzWzrwY62ftTxrvNKJ+D9bCB+MTN2ETzWk+jMNQrkQVYbO11R2f"
    "mGgRzzuP7hb1BQ==\n";

static char why[256];

static int parse_public(const char *text, struct sm_minisign_public *key)
{
    return sm_minisign_public_parse(text, strlen(text), key, why,
                                    sizeof(why));
}

static int parse_sig(const char *text, struct sm_minisign_signature *sig)
{
    return sm_minisign_signature_parse(text, strlen(text), sig, why,
                                       sizeof(why));
}

static int verify(const struct sm_minisign_public *key,
                  const struct sm_minisign_signature *sig)
{
    return sm_minisign_verify(key, sig, data, DATA_LEN, why, sizeof(why));
}

static struct sm_minisign_public key;

static void setup(void)
{
    ck_assert_int_ge(sodium_init(), 0);
    ck_assert_int_eq(parse_public(public_text, &key), 0);
}

START_TEST(a_public_key_is_two_lines_or_one)
{
    struct sm_minisign_public other;
    const char *line = strchr(public_text, '\n') + 1;

    ck_assert_str_eq(why, "");
    ck_assert_int_eq(parse_public(line, &other), 0);
    ck_assert_mem_eq(&key, &other, sizeof(key));
    ck_assert_int_eq(sm_minisign_public_parse(line, 56, &other, why,
                                              sizeof(why)), 0);
    ck_assert_mem_eq(&key, &other, sizeof(key));
    ck_assert_int_eq(parse_public("untrusted comment: x\r\nRWTIpNA40OUmpb2HUj"
                                  "IIvL+4SqiA6dvc1SKuv0bN0EPcqbxK7xvq1J5D"
                                  "\r\n", &other), 0);
    ck_assert_mem_eq(&key, &other, sizeof(key));
}
END_TEST

START_TEST(anything_else_is_no_public_key)
{
    static const char *const bad[] = {
        "",
        "\n",
        "untrusted comment: x",
        "untrusted comment: x\n",
        "untrusted comment: x\n\nRWTIpNA40OUmpb2HUjIIvL+4SqiA6dvc1SKuv0bN0EPc"
        "qbxK7xvq1J5D\n",
        /* one character short, one too many, another alphabet, spaces */
        "RWTIpNA40OUmpb2HUjIIvL+4SqiA6dvc1SKuv0bN0EPcqbxK7xvq1J5",
        "RWTIpNA40OUmpb2HUjIIvL+4SqiA6dvc1SKuv0bN0EPcqbxK7xvq1J5DA",
        "RWTIpNA40OUmpb2HUjIIvL-4SqiA6dvc1SKuv0bN0EPcqbxK7xvq1J5D",
        " RWTIpNA40OUmpb2HUjIIvL+4SqiA6dvc1SKuv0bN0EPcqbxK7xvq1J5D",
        "RWTIpNA40OUmpb2HUjIIvL+4SqiA6dvc1SKuv0bN0EPcqbxK7xvq1J5D \n",
        /* algorithm "ED": that is one of signatures */
        "RUTIpNA40OUmpb2HUjIIvL+4SqiA6dvc1SKuv0bN0EPcqbxK7xvq1J5D\n",
        /* a third line */
        "untrusted comment: x\nRWTIpNA40OUmpb2HUjIIvL+4SqiA6dvc1SKuv0bN0EPcqb"
        "xK7xvq1J5D\nmore\n",
        "RWTIpNA40OUmpb2HUjIIvL+4SqiA6dvc1SKuv0bN0EPcqbxK7xvq1J5D\n\n",
    };
    static const struct sm_minisign_public zero;
    struct sm_minisign_public other;
    char *big;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(&other, 0xff, sizeof(other));
        ck_assert_msg(parse_public(bad[i], &other) == SM_AUTH, "%zu", i);
        ck_assert_str_ne(why, "");
        ck_assert_mem_eq(&other, &zero, sizeof(other));
    }
    big = malloc(SM_MINISIGN_TEXT_MAX + 1);
    ck_assert_ptr_nonnull(big);
    memset(big, 'A', SM_MINISIGN_TEXT_MAX + 1);
    ck_assert_int_eq(sm_minisign_public_parse(big, SM_MINISIGN_TEXT_MAX + 1,
                                              &other, why, sizeof(why)),
                     SM_AUTH);
    free(big);
}
END_TEST

START_TEST(both_algorithms_verify)
{
    struct sm_minisign_signature sig;

    ck_assert_int_eq(parse_sig(prehashed_text, &sig), 0);
    ck_assert(sig.prehashed);
    ck_assert_str_eq(sig.comment, "a trusted comment");
    ck_assert_int_eq(verify(&key, &sig), 0);
    ck_assert_str_eq(why, "");
    ck_assert_int_eq(parse_sig(legacy_text, &sig), 0);
    ck_assert(!sig.prehashed);
    ck_assert_str_eq(sig.comment, "legacy comment");
    ck_assert_int_eq(verify(&key, &sig), 0);
}
END_TEST

/* Every bit of what is signed, of the key and of the trusted comment. */
START_TEST(every_bit_matters)
{
    const char *const texts[] = { prehashed_text, legacy_text };
    struct sm_minisign_signature sig, good;
    struct sm_minisign_public k;
    uint8_t message[DATA_LEN];
    size_t i, t;

    for (t = 0; t < 2; t++) {
        ck_assert_int_eq(parse_sig(texts[t], &good), 0);
        for (i = 0; i < DATA_LEN * 8; i++) {
            memcpy(message, data, DATA_LEN);
            message[i / 8] ^= (uint8_t)(1u << i % 8);
            ck_assert_int_eq(sm_minisign_verify(&key, &good, message,
                                                DATA_LEN, why, sizeof(why)),
                             SM_AUTH);
        }
        ck_assert_int_eq(sm_minisign_verify(&key, &good, data, DATA_LEN - 1,
                                            why, sizeof(why)), SM_AUTH);
        for (i = 0; i < sizeof(sig.signature) * 8; i++) {
            sig = good;
            sig.signature[i / 8] ^= (uint8_t)(1u << i % 8);
            ck_assert_int_eq(verify(&key, &sig), SM_AUTH);
            sig = good;
            sig.global[i / 8] ^= (uint8_t)(1u << i % 8);
            ck_assert_int_eq(verify(&key, &sig), SM_AUTH);
        }
        for (i = 0; i < strlen(good.comment) * 8; i++) {
            sig = good;
            sig.comment[i / 8] ^= (char)(1u << i % 8);
            ck_assert_int_eq(verify(&key, &sig), SM_AUTH);
        }
        sig = good;
        strcat(sig.comment, "x");
        ck_assert_int_eq(verify(&key, &sig), SM_AUTH);
        sig = good;
        sig.prehashed = !sig.prehashed;
        ck_assert_int_eq(verify(&key, &sig), SM_AUTH);
        for (i = 0; i < sizeof(k) * 8; i++) {
            k = key;
            ((uint8_t *)&k)[i / 8] ^= (uint8_t)(1u << i % 8);
            ck_assert_int_eq(verify(&k, &good), SM_AUTH);
        }
    }
}
END_TEST

START_TEST(another_key_is_named)
{
    struct sm_minisign_signature sig;
    struct sm_minisign_public k = key;

    ck_assert_int_eq(parse_sig(prehashed_text, &sig), 0);
    k.id[0] ^= 1;
    ck_assert_int_eq(verify(&k, &sig), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "another key"));
    ck_assert_ptr_nonnull(strstr(why, "A526E5D038D0A4C8"));
}
END_TEST

START_TEST(an_all_zero_key_verifies_nothing)
{
    struct sm_minisign_signature sig;
    struct sm_minisign_public k = { .id = { 0 } };

    /* For the key of order 1 and the signature (identity, 0), Ed25519's
     * equation holds for every message. */
    memset(&sig, 0, sizeof(sig));
    k.key[0] = sig.signature[0] = sig.global[0] = 1;
    ck_assert_int_eq(verify(&k, &sig), SM_AUTH);
    k.key[0] = 0;
    ck_assert_int_eq(verify(&k, &sig), SM_AUTH);
}
END_TEST

/* A change anywhere but in the untrusted comment and line ends refuses. */
START_TEST(no_byte_of_a_signature_file_is_free)
{
    const size_t len = strlen(prehashed_text);
    size_t untrusted = strlen("untrusted comment: ");
    size_t first = (size_t)(strchr(prehashed_text, '\n') - prehashed_text);
    struct sm_minisign_signature sig;
    char copy[sizeof(prehashed_text)];
    size_t i;

    for (i = 0; i < len; i++) {
        if (i >= untrusted && i < first)
            continue;
        memcpy(copy, prehashed_text, sizeof(copy));
        copy[i] ^= 1;
        ck_assert_msg(parse_sig(copy, &sig) || verify(&key, &sig),
                      "byte %zu", i);
    }
    for (i = 0; i < len - 1; i++)       /* the last byte is a line end */
        ck_assert_msg(sm_minisign_signature_parse(prehashed_text, i, &sig,
                                                  why, sizeof(why)) ||
                      verify(&key, &sig), "cut at %zu", i);
}
END_TEST

START_TEST(base64_has_one_spelling)
{
    const size_t start = (size_t)(strchr(public_text, '\n') + 1 -
                                  public_text);
    struct sm_minisign_signature sig;
    struct sm_minisign_public other;
    char copy[sizeof(prehashed_text)];
    size_t i;

    /* In each place a byte that libsodium 1.0.18 reads as "/". */
    for (i = start; public_text[i] != '\n'; i++) {
        strcpy(copy, public_text);
        copy[i] = (char)(copy[i] | 0x80);
        ck_assert_msg(parse_public(copy, &other) == SM_AUTH, "%zu", i);
    }
    for (i = 0; prehashed_text[i]; i++)
        if (prehashed_text[i] == '/') {
            strcpy(copy, prehashed_text);
            copy[i] = '\xaf';
            ck_assert_msg(parse_sig(copy, &sig) == SM_AUTH, "%zu", i);
        }
}
END_TEST

START_TEST(anything_else_is_no_signature)
{
    static const char head[] = "untrusted comment: x\n";
    const char *second = strchr(prehashed_text, '\n') + 1;
    struct sm_minisign_signature sig;
    char text[SM_MINISIGN_TEXT_MAX + 64];

    ck_assert_int_eq(parse_sig("", &sig), SM_AUTH);
    ck_assert_int_eq(parse_sig(head, &sig), SM_AUTH);
    ck_assert_int_eq(parse_sig(second, &sig), SM_AUTH);
    ck_assert_int_eq(parse_sig(public_text, &sig), SM_AUTH);
    snprintf(text, sizeof(text), "%sx\n", prehashed_text);
    ck_assert_int_eq(parse_sig(text, &sig), SM_AUTH);
    snprintf(text, sizeof(text), "%s\n", prehashed_text);
    ck_assert_int_eq(parse_sig(text, &sig), SM_AUTH);
    /* control characters and bidirectional marks in the trusted comment */
    snprintf(text, sizeof(text), "%s", prehashed_text);
    *strstr(text, "a trusted") = '\033';
    ck_assert_int_eq(parse_sig(text, &sig), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "clean"));
    snprintf(text, sizeof(text), "%s", prehashed_text);
    memcpy(strstr(text, "a trusted"), "\xe2\x80\xae", 3);
    ck_assert_int_eq(parse_sig(text, &sig), SM_AUTH);
    /* a tab is fine */
    snprintf(text, sizeof(text), "%s", prehashed_text);
    *strstr(text, "a trusted") = '\t';
    ck_assert_int_eq(parse_sig(text, &sig), 0);
    /* a comment that is too long */
    snprintf(text, sizeof(text), "%.*strusted comment: %0*d\n",
             (int)(strstr(prehashed_text, "trusted comment: a") -
                   prehashed_text),
             prehashed_text, SM_MINISIGN_COMMENT_MAX + 1, 0);
    ck_assert_int_eq(parse_sig(text, &sig), SM_AUTH);
    ck_assert_ptr_nonnull(strstr(why, "longer"));
    memset(text, 'A', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(parse_sig(text, &sig), SM_AUTH);
}
END_TEST

START_TEST(what_we_sign_verifies)
{
    struct sm_minisign_public ours, again, derived;
    struct sm_minisign_signature sig;
    char text[SM_MINISIGN_TEXT_MAX], key_text[128];
    void *secret = NULL;

    ck_assert_int_eq(sm_secret_init(), 0);
    ck_assert_int_eq(sm_secret_new(&secret, SM_MINISIGN_SECRET_LEN), 0);
    sm_minisign_keygen(&ours, secret);
    sm_minisign_public_of(secret, &derived);
    ck_assert_mem_eq(&ours, &derived, sizeof(ours));
    ck_assert_int_eq(sm_minisign_public_format(&ours, key_text,
                                               sizeof(key_text)), 0);
    ck_assert_int_eq(parse_public(key_text, &again), 0);
    ck_assert_mem_eq(&ours, &again, sizeof(ours));
    ck_assert_int_eq(sm_minisign_sign(secret, data, DATA_LEN, "version 3",
                                      text, sizeof(text)), 0);
    ck_assert_int_eq(parse_sig(text, &sig), 0);
    ck_assert(sig.prehashed);
    ck_assert_str_eq(sig.comment, "version 3");
    ck_assert_int_eq(verify(&ours, &sig), 0);
    ck_assert_int_eq(verify(&key, &sig), SM_AUTH);

    ck_assert_int_eq(sm_minisign_sign(secret, data, DATA_LEN, "two\nlines",
                                      text, sizeof(text)), SM_USAGE);
    ck_assert_int_eq(sm_minisign_sign(secret, data, DATA_LEN, "x", text, 64),
                     SM_USAGE);
    memset(text, 'x', SM_MINISIGN_COMMENT_MAX + 1);
    text[SM_MINISIGN_COMMENT_MAX + 1] = '\0';
    ck_assert_int_eq(sm_minisign_sign(secret, data, DATA_LEN, text, why,
                                      sizeof(why)), SM_USAGE);
    ck_assert_int_eq(sm_minisign_public_format(&ours, key_text, 64),
                     SM_USAGE);
    sm_secret_free(secret);
}
END_TEST

START_TEST(two_keys_differ)
{
    struct sm_minisign_public a, b;
    uint8_t secret[SM_MINISIGN_SECRET_LEN];

    sm_minisign_keygen(&a, secret);
    sm_minisign_keygen(&b, secret);
    ck_assert_mem_ne(a.id, b.id, sizeof(a.id));
    ck_assert_mem_ne(a.key, b.key, sizeof(a.key));
}
END_TEST

/* ---- with the tool itself ---- */

static char dir[] = "/tmp/test_minisign.XXXXXX";

static void put(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static void get(const char *name, char *buf, size_t size)
{
    char path[128];
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    n = fread(buf, 1, size - 1, f);
    buf[n] = '\0';
    fclose(f);
}

static int run(const char *arguments)
{
    char command[512];
    int status;

    snprintf(command, sizeof(command), "cd %s && minisign %s >out 2>&1",
             dir, arguments);
    status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(the_tool_and_we_agree)
{
    struct sm_minisign_public ours, theirs;
    struct sm_minisign_signature sig;
    uint8_t secret[SM_MINISIGN_SECRET_LEN];
    char text[SM_MINISIGN_TEXT_MAX];

    ck_assert_ptr_nonnull(mkdtemp(dir));
    put("data", data);

    /* ours, checked by it */
    sm_minisign_keygen(&ours, secret);
    ck_assert_int_eq(sm_minisign_public_format(&ours, text, sizeof(text)),
                     0);
    put("ours.pub", text);
    ck_assert_int_eq(sm_minisign_sign(secret, data, DATA_LEN, "site:lab "
                                      "version:7", text, sizeof(text)), 0);
    put("data.minisig", text);
    ck_assert_int_eq(run("-V -p ours.pub -m data"), 0);
    get("out", text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "site:lab version:7"));
    put("data", "other bytes\n");
    ck_assert_int_ne(run("-V -p ours.pub -m data"), 0);

    /* its own, checked by us */
    put("data", data);
    ck_assert_int_eq(run("-G -W -p theirs.pub -s theirs.sec"), 0);
    get("theirs.pub", text, sizeof(text));
    ck_assert_int_eq(parse_public(text, &theirs), 0);
    ck_assert_int_eq(run("-S -W -s theirs.sec -m data -x new.sig"), 0);
    get("new.sig", text, sizeof(text));
    ck_assert_int_eq(parse_sig(text, &sig), 0);
    ck_assert(sig.prehashed);
    ck_assert_int_eq(verify(&theirs, &sig), 0);
    ck_assert_int_eq(run("-S -l -W -s theirs.sec -m data -x old.sig"), 0);
    get("old.sig", text, sizeof(text));
    ck_assert_int_eq(parse_sig(text, &sig), 0);
    ck_assert(!sig.prehashed);
    ck_assert_int_eq(verify(&theirs, &sig), 0);
    snprintf(text, sizeof(text), "rm -rf %s", dir);
    ck_assert_int_eq(system(text), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("minisign");
    TCase *tc = tcase_create("contract"), *tool;
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, a_public_key_is_two_lines_or_one);
    tcase_add_test(tc, anything_else_is_no_public_key);
    tcase_add_test(tc, both_algorithms_verify);
    tcase_add_test(tc, every_bit_matters);
    tcase_add_test(tc, another_key_is_named);
    tcase_add_test(tc, an_all_zero_key_verifies_nothing);
    tcase_add_test(tc, no_byte_of_a_signature_file_is_free);
    tcase_add_test(tc, base64_has_one_spelling);
    tcase_add_test(tc, anything_else_is_no_signature);
    tcase_add_test(tc, what_we_sign_verifies);
    tcase_add_test(tc, two_keys_differ);
    suite_add_tcase(suite, tc);
    if (system("command -v minisign >/dev/null 2>&1") == 0) {
        tool = tcase_create("tool");
        tcase_add_checked_fixture(tool, setup, NULL);
        tcase_add_test(tool, the_tool_and_we_agree);
        suite_add_tcase(suite, tool);
    } else {
        printf("skip - the_tool_and_we_agree: minisign is not installed\n");
    }

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
