/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig key rotate here, secmig trust next and retire on another host: a key
 * is changed with an overlap, and whenever the change is interrupted.
 */
#include "verb.h"

#include "base/clock.h"
#include "die_at.h"
#include "seal/seal.h"
#include "trust/certificate.h"
#include "trust/identity.h"
#include "trust/pairing.h"

static char why[768];

static void public_key(const char *path, uint8_t key[32])
{
    char name[SM_IDENTITY_NAME_SIZE];

    ck_assert_int_eq(sm_cli_public(path, name, key), 0);
    ck_assert_str_eq(name, "hostA");
}

/* The public key of a sealed one. */
static void sealed_key(const char *path, uint8_t key[32])
{
    struct sm_seal_source source = { .fresh = 0 };
    struct sm_identity *id;
    struct sm_seal *seal;
    uint8_t *secret;
    size_t len;

    ck_assert_int_eq(sm_seal_open_backend("plain", &source, &seal, why,
                                          sizeof(why)), 0);
    ck_assert_msg(!sm_seal_load(seal, path, SM_IDENTITY_PURPOSE, "hostA",
                                &secret, &len, why, sizeof(why)), "%s", why);
    ck_assert_int_eq(sm_identity_from_secret("hostA", secret, &id), 0);
    memcpy(key, id->public_key, 32);
    sm_identity_free(id);
    sm_secret_free(secret);
    sm_seal_free(seal);
}

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void prepare_next(uint8_t key[32])
{
    ck_assert_int_eq(run(sm_verb_key, "key rotate --prepare"), 0);
    public_key(cli.conf.next_pub, key);
}

/* A certificate of whatever authority for a key, in a file. */
static void certify(const char *path, const char *host, const uint8_t *key)
{
    char body[SM_CERTIFICATE_MAX], text[SM_CERTIFICATE_MAX];
    struct sm_certificate c = { .serial = 1, .not_before = 1,
                                .not_after = 2000000000 };
    struct sm_minisign_public pub;
    void *secret;
    FILE *f;

    snprintf(c.host, sizeof(c.host), "%s", host);
    memcpy(c.key, key, 32);
    ck_assert_int_eq(sm_secret_new(&secret, SM_MINISIGN_SECRET_LEN), 0);
    sm_minisign_keygen(&pub, secret);
    ck_assert_int_eq(sm_certificate_format(&c, body, sizeof(body), why,
                                           sizeof(why)), 0);
    ck_assert_int_eq(sm_statement_sign(secret, body, "c", text,
                                       sizeof(text)), 0);
    sm_secret_free(secret);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

START_TEST(the_next_key_waits_and_then_takes_the_place)
{
    uint8_t old[32], next[32], now[32];
    char fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    char line[SM_IDENTITY_LINE_SIZE];

    init_plain();
    public_key(cli.conf.host_pub, old);
    prepare_next(next);
    ck_assert_mem_ne(old, next, 32);
    sm_identity_fingerprint(next, fpr);
    ck_assert_ptr_nonnull(strstr(out, fpr));
    ck_assert_int_eq(sm_identity_format("hostA", next, line), 0);
    ck_assert_ptr_nonnull(strstr(out, line));
    ck_assert_uint_eq(mode_of(cli.conf.next_key), 0600);
    ck_assert_uint_eq(mode_of(cli.conf.next_pub), 0644);
    public_key(cli.conf.host_pub, now);
    ck_assert_mem_eq(old, now, 32);
    ck_assert_int_eq(run(sm_verb_key, "key export --next"), 0);
    ck_assert_str_eq(out, line);
    ck_assert_int_eq(run(sm_verb_key, "key show --next"), 0);
    ck_assert_ptr_nonnull(strstr(out, fpr));
    ck_assert_int_eq(run(sm_verb_key, "key show"), 0);
    ck_assert_ptr_null(strstr(out, fpr));

    ck_assert_int_eq(run(sm_verb_key, "key rotate --activate"), 0);
    ck_assert_ptr_nonnull(strstr(out, fpr));
    public_key(cli.conf.host_pub, now);
    ck_assert_mem_eq(next, now, 32);
    sealed_key(cli.conf.host_key, now);
    ck_assert_mem_eq(next, now, 32);
    ck_assert_uint_eq(mode_of(cli.conf.host_key), 0600);
    ck_assert(!there(cli.conf.next_key) && !there(cli.conf.next_pub));
}
END_TEST

/* The old file's bytes, seen through a descriptor that was there before. */
START_TEST(the_old_key_is_overwritten)
{
    uint8_t before[4096], after[4096], next[32];
    ssize_t n;
    int fd;

    init_plain();
    fd = open(cli.conf.host_key, O_RDONLY);
    n = pread(fd, before, sizeof(before), 0);
    ck_assert_int_gt(n, 100);
    prepare_next(next);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --activate"), 0);
    ck_assert_int_eq(pread(fd, after, sizeof(after), 0), n);
    ck_assert_mem_ne(before, after, 8);
    ck_assert_mem_ne(before + n - 100, after + n - 100, 100);
    close(fd);
}
END_TEST

START_TEST(what_rotate_refuses)
{
    uint8_t next[32], again[32];

    ck_assert_int_eq(run(sm_verb_key, "key rotate --prepare"), 6);
    fails(6, "secmig init");
    init_plain();
    ck_assert_int_eq(run(sm_verb_key, "key rotate"), USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --all"), USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --prepare --activate"),
                     USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --activate"), 4);
    fails(4, "--prepare");
    ck_assert_int_eq(run(sm_verb_key, "key rotate --cancel"), 4);
    fails(4, "no next key");
    ck_assert_int_eq(run(sm_verb_key, "key export --next"), 4);
    fails(4, "--prepare");
    prepare_next(next);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --prepare"), 4);
    fails(4, "--cancel");
    public_key(cli.conf.next_pub, again);
    ck_assert_mem_eq(next, again, 32);
}
END_TEST

START_TEST(a_next_key_can_be_cancelled)
{
    uint8_t next[32], other[32];

    init_plain();
    prepare_next(next);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --cancel"), 0);
    ck_assert(!there(cli.conf.next_key) && !there(cli.conf.next_pub));
    prepare_next(other);
    ck_assert_mem_ne(next, other, 32);
}
END_TEST

START_TEST(a_next_key_that_is_not_that_of_its_public_half_stays_out)
{
    uint8_t next[32], old[32], now[32];
    struct sm_identity *id;
    char line[SM_IDENTITY_LINE_SIZE];
    FILE *f;

    init_plain();
    public_key(cli.conf.host_pub, old);
    prepare_next(next);
    ck_assert_int_eq(sm_identity_generate("hostA", &id), 0);
    ck_assert_int_eq(sm_identity_format("hostA", id->public_key, line), 0);
    f = fopen(cli.conf.next_pub, "w");
    fputs(line, f);
    fclose(f);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --activate"), 4);
    ck_assert_ptr_nonnull(strstr(err, "nothing was changed"));
    sealed_key(cli.conf.host_key, now);
    ck_assert_mem_eq(old, now, 32);
    sm_identity_free(id);
}
END_TEST

START_TEST(a_certified_host_needs_a_certificate_for_the_next_key)
{
    uint8_t old[32], next[32], now[32];

    init_plain();
    public_key(cli.conf.host_pub, old);
    prepare_next(next);
    certify(cli.conf.certificate, "hostA", old);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --activate"), 4);
    ck_assert_ptr_nonnull(strstr(err, "next-host.cert"));
    certify(cli.conf.next_certificate, "hostA", old);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --activate"), 4);
    ck_assert_ptr_nonnull(strstr(err, "not for the next key"));
    certify(cli.conf.next_certificate, "hostB", next);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --activate"), 4);
    sealed_key(cli.conf.host_key, now);
    ck_assert_mem_eq(old, now, 32);
    certify(cli.conf.next_certificate, "hostA", next);
    ck_assert_int_eq(run(sm_verb_key, "key rotate --activate"), 0);
    ck_assert(there(cli.conf.certificate));
    ck_assert(!there(cli.conf.next_certificate));
    sealed_key(cli.conf.host_key, now);
    ck_assert_mem_eq(next, now, 32);
}
END_TEST

/* Run a verb that dies at its `at`th moment; whether it came that far. */
static bool dies(const char *line, int at)
{
    int code;

    die(at);
    code = run(sm_verb_key, line);
    die(0);
    ck_assert_msg(code == DIED || code == 0, "%s at %d: %d %s", line, at,
                  code, err);
    return code == DIED;
}

START_TEST(an_interrupted_preparation_is_done_again)
{
    uint8_t old[32], now[32], next[32];
    int at;

    init_plain();
    public_key(cli.conf.host_pub, old);
    for (at = 1; dies("key rotate --prepare", at); at++) {
        sealed_key(cli.conf.host_key, now);
        ck_assert_mem_eq(old, now, 32);
        if (!there(cli.conf.next_pub))
            prepare_next(next);
        public_key(cli.conf.next_pub, next);
        sealed_key(cli.conf.next_key, now);
        ck_assert_mem_eq(next, now, 32);
        ck_assert_int_eq(run(sm_verb_key, "key rotate --cancel"), 0);
    }
    ck_assert_int_ge(at, 5);
}
END_TEST

START_TEST(an_interrupted_activation_is_finished_and_loses_nothing)
{
    uint8_t next[32], now[32];
    int at;

    init_plain();
    for (at = 1;; at++) {
        prepare_next(next);
        unlink(cli.conf.certificate);
        certify(cli.conf.next_certificate, "hostA", next);
        if (!dies("key rotate --activate", at))
            break;
        if (there(cli.conf.next_pub)) {
            /* Not finished: what is told to a person leads on. */
            ck_assert_int_eq(run(sm_verb_key, "key rotate --prepare"), 4);
            ck_assert_int_eq(run(sm_verb_key, "key rotate --activate"), 0);
        }
        public_key(cli.conf.host_pub, now);
        ck_assert_mem_eq(next, now, 32);
        sealed_key(cli.conf.host_key, now);
        ck_assert_mem_eq(next, now, 32);
        ck_assert(there(cli.conf.certificate));
        ck_assert(!there(cli.conf.next_key) && !there(cli.conf.next_pub) &&
                  !there(cli.conf.next_certificate));
    }
    ck_assert_int_ge(at, 7);
}
END_TEST

START_TEST(a_begun_activation_is_not_cancelled)
{
    uint8_t next[32];

    init_plain();
    prepare_next(next);
    ck_assert(dies("key rotate --activate", 2));
    ck_assert(!there(cli.conf.next_key));
    ck_assert_int_eq(run(sm_verb_key, "key rotate --cancel"), 4);
    fails(4, "--activate");
}
END_TEST

/* ---- the other host ---- */

static struct sm_identity *paired(const char *name)
{
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_identity *id;
    char command[256];

    ck_assert_int_eq(sm_identity_generate(name, &id), 0);
    ck_assert_int_eq(sm_identity_format(name, id->public_key, line), 0);
    sm_identity_fingerprint(id->public_key, fpr);
    snprintf(command, sizeof(command), "pair --fingerprint %s %s h", fpr,
             name);
    ck_assert_int_eq(run_with(sm_verb_pair, command, line), 0);
    return id;
}

START_TEST(trust_takes_a_next_key_and_retires_the_old_one)
{
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_identity *b, *next;
    char command[256], base64[SM_IDENTITY_BASE64_SIZE + 1];
    struct sm_pairing p;

    init_plain();
    b = paired("hostB");
    ck_assert_int_eq(sm_identity_generate("hostB", &next), 0);
    ck_assert_int_eq(sm_identity_format("hostB", next->public_key, line), 0);
    sm_identity_fingerprint(next->public_key, fpr);
    sm_identity_base64(next->public_key, base64);
    ck_assert_int_eq(run(sm_verb_trust, "trust retire hostB"), 4);
    fails(4, "its key stays");
    snprintf(command, sizeof(command), "trust next --fingerprint %s hostB",
             fpr);
    ck_assert_int_eq(run_with(sm_verb_trust, command, line), 0);
    ck_assert_ptr_nonnull(strstr(out, "trust retire hostB"));
    ck_assert_int_eq(run(sm_verb_trust, "trust list"), 0);
    ck_assert_ptr_nonnull(strstr(out, fpr));
    ck_assert_int_eq(run(sm_verb_trust, "trust show hostB"), 0);
    ck_assert_ptr_nonnull(strstr(out, base64));
    ck_assert_int_eq(run(sm_verb_trust, "trust list --dump"), 0);
    ck_assert_str_eq(strrchr(out, '\t') + 1, strcat(base64, "\n"));
    ck_assert_int_eq(run(sm_verb_trust, "trust retire hostB"), 0);
    ck_assert_ptr_nonnull(strstr(out, fpr));
    ck_assert_int_eq(sm_pairing_by_key(cli.conf.hosts_dir, NULL,
                                       next->public_key, &p, why,
                                       sizeof(why)), 0);
    ck_assert_int_ne(sm_pairing_by_key(cli.conf.hosts_dir, NULL,
                                       b->public_key, &p, why, sizeof(why)),
                     0);
    sm_identity_free(b);
    sm_identity_free(next);
}
END_TEST

START_TEST(trust_next_asks_and_can_be_dropped)
{
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_identity *b, *next;
    struct sm_pairing p;

    init_plain();
    b = paired("hostB");
    ck_assert_int_eq(sm_identity_generate("hostB", &next), 0);
    ck_assert_int_eq(sm_identity_format("hostB", next->public_key, line), 0);
    sm_identity_fingerprint(next->public_key, fpr);
    sit_down(sm_verb_trust, "trust next hostB", line);
    see(fpr);
    see("secmig key show --next");
    type("no\n");
    see("not accepted");
    ck_assert_int_eq(leave(), 28);
    ck_assert_int_eq(run(sm_verb_trust, "trust next --drop hostB"), 4);
    sit_down(sm_verb_trust, "trust next hostB", line);
    see("Type yes");
    type("yes\n");
    ck_assert_int_eq(leave(), 0);
    ck_assert_int_eq(run(sm_verb_trust, "trust next --drop hostB"), 0);
    ck_assert_int_eq(sm_pairing_by_name(cli.conf.hosts_dir, NULL, "hostB",
                                        &p, why, sizeof(why)), 0);
    ck_assert(!p.has_next);
    ck_assert_int_eq(run_with(sm_verb_trust, "trust next hostC", line), 11);
    fails(11, "hostC");
    ck_assert_int_eq(run(sm_verb_trust, "trust next"), USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_trust, "trust next --drop hostB x"),
                     USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_trust, "trust retire"), USAGE_CODE);
    sm_identity_free(b);
    sm_identity_free(next);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("changing a host's key");
    TCase *t = tcase_create("rotate");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, prepare, scratch_remove);
    tcase_add_test(t, the_next_key_waits_and_then_takes_the_place);
    tcase_add_test(t, the_old_key_is_overwritten);
    tcase_add_test(t, what_rotate_refuses);
    tcase_add_test(t, a_next_key_can_be_cancelled);
    tcase_add_test(t,
                   a_next_key_that_is_not_that_of_its_public_half_stays_out);
    tcase_add_test(t, a_certified_host_needs_a_certificate_for_the_next_key);
    tcase_add_test(t, an_interrupted_preparation_is_done_again);
    tcase_add_test(t,
                   an_interrupted_activation_is_finished_and_loses_nothing);
    tcase_add_test(t, a_begun_activation_is_not_cancelled);
    tcase_add_test(t, trust_takes_a_next_key_and_retires_the_old_one);
    tcase_add_test(t, trust_next_asks_and_can_be_dropped);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
