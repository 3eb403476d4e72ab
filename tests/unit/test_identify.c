/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is at the other end: the table of helper/secmigd/decision/identify.h. */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../helper/secmigd/decision/identify.h"
#include "base/secret.h"

#define NOW 1800000000
#define DAY 86400

/* Two authorities, and the keys of four hosts: ours is A. */
static struct sm_minisign_public authority[2];
static uint8_t *secret[2];
static uint8_t key[4][32];
enum { A, B, C, D };

static void make_keys(void)
{
    uint8_t scalar[32];
    size_t i;

    ck_assert_int_eq(sm_secret_init(), 0);
    for (i = 0; i < 4; i++)
        do {
            randombytes_buf(scalar, sizeof(scalar));
            ck_assert_int_eq(crypto_scalarmult_base(key[i], scalar), 0);
        } while (!sm_identity_key_ok(key[i]));
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(sm_secret_new((void **)&secret[i],
                                       SM_MINISIGN_SECRET_LEN), 0);
        sm_minisign_keygen(&authority[i], secret[i]);
    }
}

static void free_keys(void)
{
    sm_secret_free(secret[0]);
    sm_secret_free(secret[1]);
}

/* A certificate as text, by authority `by`. */
static size_t certify(char *text, size_t size, int by, const char *host,
                      const uint8_t *k, uint64_t serial, int64_t from,
                      int64_t to)
{
    struct sm_certificate c = { .serial = serial, .not_before = from,
                                .not_after = to };
    char body[SM_CERTIFICATE_MAX], why[256];

    snprintf(c.host, sizeof(c.host), "%s", host);
    memcpy(c.key, k, 32);
    strcpy(c.location, "berlin-2");
    strcpy(c.jurisdiction, "DE");
    ck_assert_int_eq(sm_certificate_format(&c, body, sizeof(body), why,
                                           sizeof(why)), 0);
    ck_assert_int_eq(sm_statement_sign(secret[by], body, "test", text, size),
                     0);
    return strlen(text);
}

/* ---- certificates by themselves ---- */

/* The list `r` is that of authority `of`; `why`: there is a broken one. */
static struct identify_certificate worth_with(const char *text, size_t len,
                                              size_t n_keys, size_t of,
                                              const struct sm_revocations *r,
                                              const char *why)
{
    static struct revoked revoked;
    struct identify_certificate c;

    memset(&revoked, 0, sizeof(revoked));
    if (r) {
        revoked.of[of].have = true;
        revoked.of[of].list = *r;
    }
    if (why)
        strcpy(revoked.of[of].why, why);
    identify_certificate(text, len, authority, n_keys, &revoked, NOW, &c);
    ck_assert_int_eq(c.worth == IDENTIFY_GOOD, !c.why[0]);
    if (c.worth != IDENTIFY_GOOD)
        ck_assert_str_eq(c.is.host, "");
    return c;
}

static struct identify_certificate worth_of(const char *text, size_t len,
                                            size_t n_keys)
{
    return worth_with(text, len, n_keys, 0, NULL, NULL);
}

START_TEST(a_good_certificate_is_read)
{
    char text[SM_CERTIFICATE_MAX];
    size_t len = certify(text, sizeof(text), 0, "hostB", key[B], 7,
                         NOW - DAY, NOW + DAY);
    struct identify_certificate c = worth_of(text, len, 1);

    ck_assert_int_eq(c.worth, IDENTIFY_GOOD);
    ck_assert_str_eq(c.is.host, "hostB");
    ck_assert_mem_eq(c.is.key, key[B], 32);
    ck_assert_str_eq(c.is.jurisdiction, "DE");
}
END_TEST

START_TEST(no_certificate_is_none)
{
    struct identify_certificate c = worth_of(NULL, 0, 1);

    ck_assert_int_eq(c.worth, IDENTIFY_NO_CERTIFICATE);
    c = worth_with(NULL, 0, 0, 0, NULL, "unreadable");
    ck_assert_int_eq(c.worth, IDENTIFY_NO_CERTIFICATE);
}
END_TEST

START_TEST(what_no_authority_has_signed_is_not_genuine)
{
    char text[SM_CERTIFICATE_MAX];
    size_t len = certify(text, sizeof(text), 1, "hostB", key[B], 7,
                         NOW - DAY, NOW + DAY), i;
    struct identify_certificate c = worth_of(text, len, 1);

    ck_assert_int_eq(c.worth, IDENTIFY_NOT_GENUINE);
    ck_assert_int_eq(worth_of(text, len, 2).worth, IDENTIFY_GOOD);
    c = worth_of(text, len, 0);
    ck_assert_int_eq(c.worth, IDENTIFY_NOT_GENUINE);
    ck_assert_ptr_nonnull(strstr(c.why, "no policy"));
    for (i = 0; i < len; i++)       /* cut anywhere */
        ck_assert_int_eq(worth_of(text, i, 2).worth,
                         i ? IDENTIFY_NOT_GENUINE : IDENTIFY_NO_CERTIFICATE);
    for (i = 0; i < len; i += 3) {  /* changed anywhere that counts */
        text[i] ^= 1;
        c = worth_of(text, len, 2);
        if (c.worth == IDENTIFY_GOOD) {
            /* the untrusted comment is signed by nobody */
            ck_assert_ptr_nonnull(strstr(text, "ntrusted comment"));
            ck_assert_str_eq(c.is.host, "hostB");
        } else {
            ck_assert_int_eq(c.worth, IDENTIFY_NOT_GENUINE);
        }
        text[i] ^= 1;
    }
}
END_TEST

START_TEST(a_genuine_one_is_not_good_out_of_its_time)
{
    char text[SM_CERTIFICATE_MAX];
    struct identify_certificate c;
    size_t len;

    len = certify(text, sizeof(text), 0, "hostB", key[B], 7, NOW - 2 * DAY,
                  NOW - 1);
    c = worth_of(text, len, 1);
    ck_assert_int_eq(c.worth, IDENTIFY_NOT_GOOD);
    ck_assert_ptr_nonnull(strstr(c.why, "expired"));
    len = certify(text, sizeof(text), 0, "hostB", key[B], 7, NOW + 1,
                  NOW + DAY);
    c = worth_of(text, len, 1);
    ck_assert_int_eq(c.worth, IDENTIFY_NOT_GOOD);
    ck_assert_ptr_nonnull(strstr(c.why, "not valid before"));
}
END_TEST

START_TEST(revocations_are_looked_up_and_a_broken_list_revokes_its_own)
{
    static struct sm_revocations list;
    char text[SM_CERTIFICATE_MAX];
    size_t len = certify(text, sizeof(text), 0, "hostB", key[B], 7,
                         NOW - DAY, NOW + DAY);
    struct identify_certificate c;

    memcpy(list.signer, &authority[0], sizeof(list.signer));
    ck_assert_int_eq(sm_revocations_add(&list, 8), 0);
    ck_assert_int_eq(worth_with(text, len, 1, 0, &list, NULL).worth,
                     IDENTIFY_GOOD);
    ck_assert_int_eq(sm_revocations_add(&list, 7), 0);
    c = worth_with(text, len, 1, 0, &list, NULL);
    ck_assert_int_eq(c.worth, IDENTIFY_NOT_GOOD);
    ck_assert_ptr_nonnull(strstr(c.why, "7 is revoked"));
    /* Another authority's list speaks of its own numbers. */
    memcpy(list.signer, &authority[1], sizeof(list.signer));
    ck_assert_int_eq(worth_with(text, len, 2, 1, &list, NULL).worth,
                     IDENTIFY_GOOD);
    c = worth_with(text, len, 2, 0, NULL, "damaged");
    ck_assert_int_eq(c.worth, IDENTIFY_NOT_GOOD);
    ck_assert_ptr_nonnull(strstr(c.why, "damaged"));
    c = worth_with(text, len, 2, 1, NULL, "damaged");
    ck_assert_int_eq(c.worth, IDENTIFY_GOOD);
}
END_TEST

/* ---- hosts ---- */

enum entry { NO_ENTRY, KEY_B, KEY_C, CERTIFIED, BROKEN, KEY_C_NEXT_B };
enum shown { NOTHING, GOOD_B, GOOD_C_NAME, GOOD_C_KEY, EXPIRED, FORGED };

static const struct row {
    const char *what;
    const char *dialled, *name;
    int key;
    enum entry entry;
    const char *key_of;
    enum shown shown;
    bool listed;
    int code;
    bool certified, attributes;
    const char *text, *told;    /* that must be part of it; NULL: empty */
} rows[] = {
    /* paired */
    { "a paired host", "hostB", "hostB", B, KEY_B, "hostB", NOTHING, true,
      0, false, false, NULL, NULL },
    { "a paired host that calls", NULL, "hostB", B, KEY_B, "hostB", NOTHING,
      true, 0, false, false, NULL, NULL },
    { "a paired host need not be listed: that is the policy's to say later",
      NULL, "hostB", B, KEY_B, "hostB", NOTHING, false, 0, false, false,
      NULL, NULL },
    { "a paired host's certificate adds attributes", NULL, "hostB", B, KEY_B,
      "hostB", GOOD_B, true, 0, false, true, NULL, NULL },
    { "... but not somebody else's", NULL, "hostB", B, KEY_B, "hostB",
      GOOD_C_NAME, true, 0, false, false, "of host hostC", NULL },
    { "... nor one of another key", NULL, "hostB", B, KEY_B, "hostB",
      GOOD_C_KEY, true, 0, false, false, "another key", NULL },
    { "... nor one that has expired", NULL, "hostB", B, KEY_B, "hostB",
      EXPIRED, true, 0, false, false, "expired", NULL },
    { "... nor a forged one", NULL, "hostB", B, KEY_B, "hostB", FORGED, true,
      0, false, false, "does not count", NULL },
    { "an impostor of a paired host", "hostB", "hostB", C, KEY_B, NULL,
      NOTHING, true, SM_AUTH, false, false, "attack", "not known" },
    { "an impostor that calls", NULL, "hostB", C, KEY_B, NULL, NOTHING, true,
      SM_UNPAIRED, false, false, "does not have the key", "not known" },
    { "a good certificate does not make up for the wrong key of a pairing",
      NULL, "hostB", B, KEY_C, NULL, GOOD_B, true, SM_UNPAIRED, false, false,
      "does not have the key", "not known" },
    { "... nor when dialled", "hostB", "hostB", B, KEY_C, NULL, GOOD_B, true,
      SM_AUTH, false, false, "attack", "not known" },
    { "a paired host under another name", NULL, "hostB", C, NO_ENTRY,
      "hostC", NOTHING, true, SM_UNPAIRED, false, false, "paired as hostC",
      "not known" },
    { "... whatever its certificate says", NULL, "hostB", B, NO_ENTRY,
      "hostC", GOOD_B, true, SM_UNPAIRED, false, false, "paired as hostC",
      "not known" },
    { "a pairing that cannot be read is not 'no pairing'", NULL, "hostB", B,
      BROKEN, NULL, GOOD_B, true, SM_UNPAIRED, false, false, "broken file",
      "not known" },
    { "... and is said here when dialled", "hostB", "hostB", B, BROKEN, NULL,
      GOOD_B, true, SM_STATE, false, false, "broken file", "not known" },

    { "a paired host with its next key", "hostB", "hostB", B, KEY_C_NEXT_B,
      "hostB", NOTHING, true, 0, false, false, "trust retire hostB", NULL },
    { "... or still with the one of before", NULL, "hostB", C, KEY_C_NEXT_B,
      "hostB", NOTHING, true, 0, false, false, NULL, NULL },
    { "... whose certificate is that of the key it has", NULL, "hostB", B,
      KEY_C_NEXT_B, "hostB", GOOD_B, true, 0, false, true, "trust retire",
      NULL },

    /* certified */
    { "a certified host without an entry", "hostB", "hostB", B, NO_ENTRY,
      NULL, GOOD_B, true, 0, true, true, NULL, NULL },
    { "a certified host that calls", NULL, "hostB", B, NO_ENTRY, NULL,
      GOOD_B, true, 0, true, true, NULL, NULL },
    { "a certified host with an address here", "hostB", "hostB", B,
      CERTIFIED, NULL, GOOD_B, true, 0, true, true, NULL, NULL },
    { "a stranger", NULL, "hostB", B, NO_ENTRY, NULL, NOTHING, true,
      SM_UNPAIRED, false, false, "shows no certificate",
      "has shown no certificate" },
    { "a stranger, dialled", "hostB", "hostB", B, CERTIFIED, NULL, NOTHING,
      true, SM_AUTH, false, false, "shows no certificate",
      "has shown no certificate" },
    { "an impostor with somebody else's certificate", NULL, "hostB", C,
      NO_ENTRY, NULL, GOOD_B, true, SM_UNPAIRED, false, false, "another key",
      "another key" },
    { "... dialled", "hostB", "hostB", C, CERTIFIED, NULL, GOOD_B, true,
      SM_AUTH, false, false, "another key", "another key" },
    { "the certificate of another host", NULL, "hostB", B, NO_ENTRY, NULL,
      GOOD_C_NAME, true, SM_UNPAIRED, false, false, "of host hostC",
      "of host hostC" },
    { "a certificate that has expired", NULL, "hostB", B, NO_ENTRY, NULL,
      EXPIRED, true, SM_UNPAIRED, false, false, "expired", "expired" },
    { "a certificate of nobody: no more is told", NULL, "hostB", B, NO_ENTRY,
      NULL, FORGED, true, SM_UNPAIRED, false, false, "forged just now",
      "not of an authority" },
    { "a certified host that the policy does not list", NULL, "hostB", B,
      NO_ENTRY, NULL, GOOD_B, false, SM_UNPAIRED, false, false,
      "take part", "not known" },
    { "... dialled", "hostB", "hostB", B, NO_ENTRY, NULL, GOOD_B, false,
      SM_REFUSED_LOCAL, false, false, "take part", "not known" },

    /* ourselves */
    { "our own key", NULL, "hostB", A, KEY_B, NULL, GOOD_B, true,
      SM_UNPAIRED, false, false, "own key", "not known" },
    { "our own key, dialled", "hostB", "hostB", A, KEY_B, NULL, GOOD_B, true,
      SM_AUTH, false, false, "own key", "not known" },
    { "our own name", NULL, "hostA", B, KEY_B, NULL, GOOD_B, true,
      SM_UNPAIRED, false, false, "as this host does", "not known" },
    { "our own name and key", NULL, "hostA", A, NO_ENTRY, NULL, NOTHING,
      true, SM_UNPAIRED, false, false, "own key", "not known" },

    /* names */
    { "another name than dialled", "hostB", "hostC", C, KEY_C, "hostC",
      NOTHING, true, SM_AUTH, false, false, "not hostB", "not known" },
    { "another name than dialled, certified", "hostD", "hostB", B, NO_ENTRY,
      NULL, GOOD_B, true, SM_AUTH, false, false, "not hostD", "not known" },
    { "a name that cannot be shown", NULL, "host\x1b[2J", B, NO_ENTRY, NULL,
      NOTHING, true, SM_UNPAIRED, false, false, "clean words",
      "shown no certificate" },
};

static void fill_certificate(enum shown shown, struct identify_certificate *c)
{
    memset(c, 0, sizeof(*c));
    switch (shown) {
    case NOTHING:
        strcpy(c->why, "it shows no certificate");
        return;
    case EXPIRED:
        c->worth = IDENTIFY_NOT_GOOD;
        strcpy(c->why, "expired on a day");
        return;
    case FORGED:
        c->worth = IDENTIFY_NOT_GENUINE;
        strcpy(c->why, "forged just now");
        return;
    default:
        c->worth = IDENTIFY_GOOD;
        strcpy(c->is.host, shown == GOOD_C_NAME ? "hostC" : "hostB");
        memcpy(c->is.key, key[shown == GOOD_C_KEY ? C : B], 32);
    }
}

static void part_of(const char *what, const char *text, const char *part)
{
    if (part)
        ck_assert_msg(strstr(text, part) != NULL, "%s: says '%s'", what,
                      text);
    else
        ck_assert_msg(!text[0], "%s: says '%s'", what, text);
}

static void enter(struct sm_pairing *p, enum entry entry)
{
    p->has_key = entry == KEY_B || entry == KEY_C || entry == KEY_C_NEXT_B;
    p->has_next = entry == KEY_C_NEXT_B;
    memset(p->key, 0, sizeof(p->key));
    memset(p->next, 0, sizeof(p->next));
    if (p->has_key)
        memcpy(p->key, key[entry == KEY_B ? B : C], 32);
    if (p->has_next)
        memcpy(p->next, key[B], 32);
}

START_TEST(the_table_of_hosts)
{
    const struct row *row = &rows[_i];
    struct sm_pairing pairing = { .address = "b", .port = 1 };
    struct identify_question q = {
        .own_name = "hostA", .own_key = key[A],
        .dialled = row->dialled, .name = row->name, .key = key[row->key],
        .pairing_rc = row->entry == NO_ENTRY ? SM_UNKNOWN_HOST :
                      row->entry == BROKEN ? SM_STATE : 0,
        .pairing = row->entry == NO_ENTRY || row->entry == BROKEN ? NULL :
                   &pairing,
        .pairing_why = row->entry == BROKEN ? "a broken file" : "",
        .key_of = row->key_of, .listed = row->listed,
    };
    struct identify_certificate c;
    struct identify_answer a;

    snprintf(pairing.name, sizeof(pairing.name), "%s", row->name);
    enter(&pairing, row->entry);
    fill_certificate(row->shown, &c);
    q.certificate = &c;
    memset(&a, 0xee, sizeof(a));
    identify(&q, &a);
    ck_assert_msg(a.code == row->code, "%s: code %d, %s", row->what, a.code,
                  a.text);
    ck_assert_msg(a.certified == row->certified, "%s: certified", row->what);
    ck_assert_msg(a.attributes == row->attributes, "%s: attributes",
                  row->what);
    part_of(row->what, a.text, row->text);
    part_of(row->what, a.told, row->told);
}
END_TEST

/* Over all combinations: what must hold whatever the table forgot. */
static void holds(const struct identify_question *q,
                  const struct identify_answer *a)
{
    bool own = !memcmp(q->key, q->own_key, 32);
    bool keyed = !q->pairing_rc && q->pairing->has_key;
    bool cert = q->certificate->worth == IDENTIFY_GOOD &&
                !strcmp(q->certificate->is.host, q->name) &&
                !memcmp(q->certificate->is.key, q->key, 32);

    ck_assert_int_eq(a->code != 0, a->told[0] != '\0');
    if (a->attributes)
        ck_assert(cert && !a->code);
    if (a->certified)
        ck_assert(cert && !keyed && q->listed && !a->code);
    if (a->code) {
        ck_assert_str_ne(a->text, "");
        return;
    }
    ck_assert(!own && strcmp(q->name, q->own_name));
    ck_assert(!q->dialled || !strcmp(q->dialled, q->name));
    if (keyed)
        ck_assert(!memcmp(q->pairing->key, q->key, 32) ||
                  (q->pairing->has_next &&
                   !memcmp(q->pairing->next, q->key, 32)));
    else
        ck_assert(a->certified && (!q->pairing_rc ||
                                   q->pairing_rc == SM_UNKNOWN_HOST));
}

START_TEST(in_no_combination_is_anyone_taken_for_another)
{
    static const char *const names[] = { "hostA", "hostB", "hostC" };
    struct sm_pairing pairing = { .address = "b", .port = 1 };
    struct identify_certificate c;
    struct identify_answer a;
    unsigned int i, n = 0;
    int known = 0;

    for (i = 0; i < 3 * 4 * 3 * 6 * 2 * 6 * 2; i++) {
        struct identify_question q = { .own_name = "hostA",
                                       .own_key = key[A], .certificate = &c };
        enum entry entry;

        n = i;
        q.name = names[n % 3], n /= 3;
        q.dialled = n % 4 == 3 ? NULL : names[n % 4], n /= 4;
        q.key = key[n % 3], n /= 3;
        entry = (enum entry)(n % 6), n /= 6;
        q.key_of = n % 2 ? "hostD" : NULL, n /= 2;
        fill_certificate((enum shown)(n % 6), &c), n /= 6;
        q.listed = n % 2;
        q.pairing_rc = entry == NO_ENTRY ? SM_UNKNOWN_HOST :
                       entry == BROKEN ? SM_STATE : 0;
        q.pairing = q.pairing_rc ? NULL : &pairing;
        q.pairing_why = "broken";
        snprintf(pairing.name, sizeof(pairing.name), "%s", q.name);
        enter(&pairing, entry);
        identify(&q, &a);
        holds(&q, &a);
        known += !a.code;
    }
    ck_assert_int_gt(known, 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identify");
    TCase *t = tcase_create("certificates"), *h = tcase_create("hosts");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(t, make_keys, free_keys);
    tcase_add_test(t, a_good_certificate_is_read);
    tcase_add_test(t, no_certificate_is_none);
    tcase_add_test(t, what_no_authority_has_signed_is_not_genuine);
    tcase_add_test(t, a_genuine_one_is_not_good_out_of_its_time);
    tcase_add_test(t,
        revocations_are_looked_up_and_a_broken_list_revokes_its_own);
    tcase_add_checked_fixture(h, make_keys, free_keys);
    tcase_add_loop_test(h, the_table_of_hosts, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(h, in_no_combination_is_anyone_taken_for_another);
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, h);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
