/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of channel/papers.h. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "channel/papers.h"

static uint8_t bytes[SM_PAPERS_MAX];

static struct sm_paper paper(const char *text)
{
    struct sm_paper p = { (const uint8_t *)text, strlen(text) };

    return p;
}

/* Two tickets, a policy and its signature. */
static struct sm_papers sample(void)
{
    struct sm_papers p = { .n_tickets = 2 };

    p.tickets[0] = paper("one");
    p.tickets[1] = paper("2");
    p.policy = paper("<p/>");
    p.signature = paper("sig");
    return p;
}

static void encode_ok(struct sm_wire_writer *w, const struct sm_papers *p)
{
    sm_wire_writer_init(w, SM_PAPERS_MAX);
    ck_assert_int_eq(sm_papers_encode(w, p), 0);
}

static void encode_refused(const struct sm_papers *p)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, SM_PAPERS_MAX);
    ck_assert_int_eq(sm_papers_encode(&w, p), SM_USAGE);
    ck_assert_uint_eq(w.len, 0);
    sm_wire_writer_dispose(&w);
}

static void decode_refused(const void *data, size_t len)
{
    struct sm_papers out, zero;
    uint8_t *copy = malloc(len ? len : 1);  /* to the byte */

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, len);
    memset(&zero, 0, sizeof(zero));
    memset(&out, 0xee, sizeof(out));
    ck_assert_int_eq(sm_papers_decode(copy, len, &out), SM_PROTOCOL);
    ck_assert_mem_eq(&out, &zero, sizeof(out));
    free(copy);
}

static bool same(const struct sm_paper *a, const struct sm_paper *b)
{
    return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

static void survives(const struct sm_papers *p)
{
    struct sm_wire_writer w;
    struct sm_papers out;
    size_t i;

    encode_ok(&w, p);
    ck_assert_uint_le(w.len, SM_PAPERS_MAX);
    ck_assert_int_eq(sm_papers_decode(w.data, w.len, &out), 0);
    ck_assert_uint_eq(out.n_tickets, p->n_tickets);
    for (i = 0; i < p->n_tickets; i++)
        ck_assert(same(&out.tickets[i], &p->tickets[i]));
    ck_assert(same(&out.policy, &p->policy));
    ck_assert(same(&out.signature, &p->signature));
    sm_wire_writer_dispose(&w);
}

START_TEST(the_layout_is_that_of_the_protocol_document)
{
    static const char want[] = "\2" "\0\0\0\3one" "\0\0\0\1" "2"
                               "\0\0\0\4<p/>" "\0\0\0\3sig";
    struct sm_papers p = sample();
    struct sm_wire_writer w;

    encode_ok(&w, &p);
    ck_assert_uint_eq(w.len, sizeof(want) - 1);
    ck_assert_mem_eq(w.data, want, w.len);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(what_is_encoded_decodes_to_the_same)
{
    struct sm_papers p = sample();

    survives(&p);
    p.n_tickets = 0;
    survives(&p);
    p.n_tickets = 1;
    p.policy = p.signature = (struct sm_paper){ NULL, 0 };
    survives(&p);
}
END_TEST

START_TEST(no_papers_are_no_bytes)
{
    static const uint8_t nothing[9] = { 0 };
    struct sm_papers p = { .n_tickets = 0 }, out;
    struct sm_wire_writer w;

    encode_ok(&w, &p);
    ck_assert_uint_eq(w.len, 0);
    sm_wire_writer_dispose(&w);
    memset(&out, 0xee, sizeof(out));
    ck_assert_int_eq(sm_papers_decode(NULL, 0, &out), 0);
    ck_assert_mem_eq(&out, &p, sizeof(out));
    /* The same in more bytes is another encoding. */
    decode_refused(nothing, sizeof(nothing));
}
END_TEST

START_TEST(the_longest_papers_pass_and_more_do_not)
{
    struct sm_papers p = { .n_tickets = SM_PAPERS_TICKETS_MAX }, more;
    size_t i;

    for (i = 0; i < SM_PAPERS_TICKETS_MAX; i++)
        p.tickets[i] = (struct sm_paper){ bytes, SM_PAPERS_TICKET_MAX };
    p.policy = (struct sm_paper){ bytes, SM_PAPERS_POLICY_MAX };
    p.signature = (struct sm_paper){ bytes, SM_PAPERS_SIGNATURE_MAX };
    survives(&p);
    more = p;
    more.n_tickets++;
    encode_refused(&more);
    more = p;
    more.tickets[3].len++;
    encode_refused(&more);
    more = p;
    more.policy.len++;
    encode_refused(&more);
    more = p;
    more.signature.len++;
    encode_refused(&more);
}
END_TEST

START_TEST(the_sender_keeps_the_rules)
{
    struct sm_papers p;

    p = sample();
    p.tickets[1].len = 0;           /* an empty ticket */
    encode_refused(&p);
    p = sample();
    p.tickets[0].data = NULL;
    encode_refused(&p);
    p = sample();
    p.policy.len = 0;               /* a signature over nothing */
    encode_refused(&p);
    p = sample();
    p.signature.len = 0;            /* a policy of nobody */
    encode_refused(&p);
}
END_TEST

START_TEST(truncation_and_trailing_bytes_are_refused)
{
    struct sm_papers p = sample();
    struct sm_wire_writer w;
    size_t i;

    encode_ok(&w, &p);
    for (i = 1; i < w.len; i++)
        decode_refused(w.data, i);
    sm_wire_put_u8(&w, 0);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    decode_refused(w.data, w.len);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(the_receiver_keeps_the_rules)
{
    /* "\1" ticket "t", policy "p", signature "s" */
    static const uint8_t good[] = "\1\0\0\0\1t\0\0\0\1p\0\0\0\1s";
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
#define ROW(s) { s, sizeof(s) - 1 }
        ROW("\1" "\0\0\0\0" "\0\0\0\1p" "\0\0\0\1s"),   /* empty ticket */
        ROW("\0" "\0\0\0\1p" "\0\0\0\0"),               /* no signature */
        ROW("\0" "\0\0\0\0" "\0\0\0\1s"),               /* no policy */
        ROW("\2" "\0\0\0\1t" "\0\0\0\1p" "\0\0\0\1s"),
        ROW("\0" "\0\0\0\1t" "\0\0\0\1p" "\0\0\0\1s"),
        ROW("\5" "\0\0\0\1t" "\0\0\0\1t" "\0\0\0\1t" "\0\0\0\1t"
            "\0\0\0\1t" "\0\0\0\1p" "\0\0\0\1s"),
        ROW("\377" "\0\0\0\1t" "\0\0\0\1p" "\0\0\0\1s"),
        ROW("\1" "\377\377\377\377t" "\0\0\0\1p" "\0\0\0\1s"),
        ROW("\1" "\0\0\0\1t" "\200\0\0\1p" "\0\0\0\1s"),
        ROW("\1" "\0\0\0\1t" "\0\0\0\1p" "\177\377\377\377s"),
    };
    struct sm_papers out;
    size_t i;

    ck_assert_int_eq(sm_papers_decode(good, sizeof(good) - 1, &out), 0);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        decode_refused(rows[i].bytes, rows[i].len);
}
END_TEST

/* One field of `len` bytes within papers that are well formed otherwise. */
static void field_of(size_t which, size_t len, int want)
{
    static const uint8_t count[3] = { 1, 0, 0 };
    struct sm_wire_writer w;
    struct sm_papers out;

    sm_wire_writer_init(&w, 2 * SM_PAPERS_MAX);
    sm_wire_put_u8(&w, count[which]);
    if (which == 0) {
        sm_wire_put_blob(&w, bytes, len);
        sm_wire_put_blob(&w, NULL, 0);
        sm_wire_put_blob(&w, NULL, 0);
    } else {
        sm_wire_put_blob(&w, bytes, which == 1 ? len : 1);
        sm_wire_put_blob(&w, bytes, which == 2 ? len : 1);
    }
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_int_eq(sm_papers_decode(w.data, w.len, &out), want);
    sm_wire_writer_dispose(&w);
}

START_TEST(each_field_has_its_cap)
{
    static const size_t caps[] = { SM_PAPERS_TICKET_MAX,
                                   SM_PAPERS_POLICY_MAX,
                                   SM_PAPERS_SIGNATURE_MAX };

    field_of((size_t)_i, caps[_i], 0);
    field_of((size_t)_i, caps[_i] + 1, SM_PROTOCOL);
}
END_TEST

START_TEST(a_full_writer_is_an_error)
{
    struct sm_papers p = sample();
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, 8);
    ck_assert_int_eq(sm_papers_encode(&w, &p), SM_PROTOCOL);
    sm_wire_writer_dispose(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("papers");
    TCase *t = tcase_create("contract");
    SRunner *runner;
    int failed;

    memset(bytes, 'b', sizeof(bytes));
    tcase_add_test(t, the_layout_is_that_of_the_protocol_document);
    tcase_add_test(t, what_is_encoded_decodes_to_the_same);
    tcase_add_test(t, no_papers_are_no_bytes);
    tcase_add_test(t, the_longest_papers_pass_and_more_do_not);
    tcase_add_test(t, the_sender_keeps_the_rules);
    tcase_add_test(t, truncation_and_trailing_bytes_are_refused);
    tcase_add_test(t, the_receiver_keeps_the_rules);
    tcase_add_loop_test(t, each_field_has_its_cap, 0, 3);
    tcase_add_test(t, a_full_writer_is_an_error);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
