/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages put together from pieces: the reader of channel/message.h. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "channel/message.h"

#define SOURCE SM_MESSAGE_SOURCE
#define DESTINATION SM_MESSAGE_DESTINATION

static uint8_t config[SM_MESSAGE_CONFIG_MAX];

static void put_request(struct sm_wire_writer *w, size_t config_len)
{
    struct sm_message m = { .type = SM_MESSAGE_REQUEST };

    m.u.request.version = SM_MESSAGE_VERSION;
    m.u.request.memory_kb = 196608;
    m.u.request.xen.major = 4;
    m.u.request.features.word[0] = 1;
    memset(m.u.request.id, 0x1d, 16);
    memset(m.u.request.epoch, 0xe9, 16);
    strcpy(m.u.request.name, "g1");
    m.u.request.config = config;
    m.u.request.config_len = config_len;
    m.u.request.papers = config;
    m.u.request.papers_len = config_len < SM_PAPERS_MAX ? config_len :
                             SM_PAPERS_MAX;
    ck_assert_int_eq(sm_message_encode(w, &m), 0);
}

static void put_simple(struct sm_wire_writer *w, enum sm_message_type type)
{
    struct sm_message m = { .type = type };

    if (type == SM_MESSAGE_CANCEL)
        m.u.cancel.code = 28;
    if (type == SM_MESSAGE_REFUSE)
        m.u.refuse.code = 20;
    ck_assert_int_eq(sm_message_encode(w, &m), 0);
}

static void put_handover(struct sm_wire_writer *w, unsigned int fact)
{
    struct sm_message m = { .type = SM_MESSAGE_HANDOVER };

    m.u.handover.fact = (uint8_t)fact;
    memset(m.u.handover.id, 0x1d, 16);
    memset(m.u.handover.epoch, 0xe9, 16);
    ck_assert_int_eq(sm_message_encode(w, &m), 0);
}

/* A header on its own. */
static void put_header(struct sm_wire_writer *w, uint32_t len, uint16_t type)
{
    sm_wire_put_u32(w, len);
    sm_wire_put_u16(w, type);
}

/*
 * Feed all of `w` in pieces; each message moves the state on.  Writes the
 * types that came as letters to `seen`.  Returns the reader's last answer.
 */
static int feed(enum sm_message_role sender, enum sm_message_state *state,
                const struct sm_wire_writer *w, size_t piece, char *seen)
{
    static const char letters[] = "?RAFKCDEH";
    struct sm_message_reader r;
    struct sm_message m;
    const uint8_t *p;
    size_t at, n, len;
    bool ready;
    int rc = 0;

    sm_message_reader_init(&r, sender);
    ck_assert(sm_message_reader_idle(&r));
    for (at = 0; at < w->len && !rc; at += n) {
        n = w->len - at < piece ? w->len - at : piece;
        p = w->data + at;
        len = n;
        while (len && !rc) {
            rc = sm_message_reader_next(&r, *state, &p, &len, &m, &ready);
            if (rc || !ready)
                break;
            *seen++ = letters[m.type];
            *state = sm_message_after(sender, *state, m.type);
            ck_assert(sm_message_reader_idle(&r));
        }
        if (!rc)
            ck_assert_uint_eq(len, 0);
    }
    *seen = '\0';
    if (rc) {
        /* Sticky, and nothing is taken any more. */
        p = w->data;
        len = 1;
        ck_assert_int_eq(sm_message_reader_next(&r, *state, &p, &len, &m,
                                                &ready), rc);
        ck_assert(!ready);
        ck_assert_uint_eq(len, 1);
        ck_assert_ptr_null(r.body);
        ck_assert(!sm_message_reader_idle(&r));
    }
    sm_message_reader_dispose(&r);
    sm_message_reader_dispose(&r);
    return rc;
}

START_TEST(messages_come_out_whole_from_pieces_of_any_size)
{
    static const size_t pieces[] = { 1, 2, 5, 6, 7, 100, 4096, 262144 };
    enum sm_message_state state;
    struct sm_wire_writer w;
    char seen[16];
    size_t i;

    sm_wire_writer_init(&w, 2 * SM_MESSAGE_MAX);
    put_simple(&w, SM_MESSAGE_KEEPALIVE);
    put_request(&w, 5000);
    put_simple(&w, SM_MESSAGE_KEEPALIVE);
    put_simple(&w, SM_MESSAGE_KEEPALIVE);
    put_simple(&w, SM_MESSAGE_CANCEL);
    put_simple(&w, SM_MESSAGE_KEEPALIVE);
    for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        state = SM_MESSAGE_OPEN;
        ck_assert_int_eq(feed(SOURCE, &state, &w, pieces[i], seen), 0);
        ck_assert_str_eq(seen, "KRKKCK");
        ck_assert_int_eq(state, SM_MESSAGE_CANCELLED);
    }
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(a_request_of_the_longest_config_passes_in_records)
{
    enum sm_message_state state = SM_MESSAGE_OPEN;
    struct sm_wire_writer w;
    char seen[4];

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    put_request(&w, SM_MESSAGE_CONFIG_MAX);
    ck_assert_int_eq(feed(SOURCE, &state, &w, 262144, seen), 0);
    ck_assert_str_eq(seen, "R");
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(the_message_is_valid_until_the_next_call)
{
    struct sm_message_reader r;
    struct sm_wire_writer w;
    struct sm_message m;
    const uint8_t *p;
    bool ready;
    size_t len;

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    put_request(&w, 300);
    sm_message_reader_init(&r, SOURCE);
    p = w.data;
    len = w.len;
    ck_assert_int_eq(sm_message_reader_next(&r, SM_MESSAGE_OPEN, &p, &len,
                                            &m, &ready), 0);
    ck_assert(ready);
    memset(w.data, 0, w.len);       /* it does not borrow the pieces */
    ck_assert_uint_eq(m.u.request.config_len, 300);
    ck_assert_mem_eq(m.u.request.config, config, 300);
    len = 0;
    ck_assert_int_eq(sm_message_reader_next(&r, SM_MESSAGE_ASKED, &p, &len,
                                            &m, &ready), 0);
    ck_assert(!ready);
    ck_assert_ptr_null(r.body);
    sm_message_reader_dispose(&r);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(half_a_message_is_not_idle)
{
    struct sm_message_reader r;
    struct sm_wire_writer w;
    struct sm_message m;
    const uint8_t *p;
    bool ready;
    size_t len, cut;

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    put_request(&w, 10);
    for (cut = 1; cut < w.len; cut++) {
        sm_message_reader_init(&r, SOURCE);
        p = w.data;
        len = cut;
        ck_assert_int_eq(sm_message_reader_next(&r, SM_MESSAGE_OPEN, &p,
                                                &len, &m, &ready), 0);
        ck_assert(!ready);
        ck_assert(!sm_message_reader_idle(&r));
        sm_message_reader_dispose(&r);
    }
    sm_wire_writer_dispose(&w);
}
END_TEST

/* One header in a state: what the reader answers, and that nothing was
 * allocated for it when it was refused. */
static int judge(enum sm_message_role sender, enum sm_message_state state,
                 uint32_t header_len, uint16_t type)
{
    struct sm_message_reader r;
    struct sm_wire_writer w;
    struct sm_message m;
    const uint8_t *p;
    bool ready;
    size_t len;
    int rc;

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    put_header(&w, header_len, type);
    sm_message_reader_init(&r, sender);
    p = w.data;
    len = w.len;
    rc = sm_message_reader_next(&r, state, &p, &len, &m, &ready);
    if (rc) {
        ck_assert_ptr_null(r.body);
        ck_assert_uint_eq(r.need, 0);
    }
    sm_message_reader_dispose(&r);
    sm_wire_writer_dispose(&w);
    return rc;
}

START_TEST(lengths_are_capped_by_type_before_allocation)
{
    static const struct {
        enum sm_message_role sender;
        enum sm_message_state state;
        uint16_t type;
    } rows[] = {
        { SOURCE, SM_MESSAGE_OPEN, SM_MESSAGE_REQUEST },
        { DESTINATION, SM_MESSAGE_ASKED, SM_MESSAGE_ACCEPT },
        { DESTINATION, SM_MESSAGE_ASKED, SM_MESSAGE_REFUSE },
        { SOURCE, SM_MESSAGE_MOVING, SM_MESSAGE_CANCEL },
        { DESTINATION, SM_MESSAGE_MOVING, SM_MESSAGE_DONE },
        { SOURCE, SM_MESSAGE_BOTH_OWE, SM_MESSAGE_EVIDENCE },
        { SOURCE, SM_MESSAGE_OPEN, SM_MESSAGE_HANDOVER },
        { DESTINATION, SM_MESSAGE_MOVING, SM_MESSAGE_HANDOVER },
    };
    size_t i;
    uint32_t max;

#define JUDGE(len) judge(rows[i].sender, rows[i].state, len, rows[i].type)
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        max = (uint32_t)sm_message_body_max(rows[i].type) + 2;
        ck_assert_int_eq(JUDGE(0), SM_PROTOCOL);
        ck_assert_int_eq(JUDGE(1), SM_PROTOCOL);
        ck_assert_int_eq(JUDGE(2), SM_PROTOCOL);    /* empty body */
        ck_assert_int_eq(JUDGE(3), 0);              /* judged when whole */
        ck_assert_int_eq(JUDGE(max), 0);
        ck_assert_int_eq(JUDGE(max + 1), SM_PROTOCOL);
        ck_assert_int_eq(JUDGE(0x7fffffff), SM_PROTOCOL);
        ck_assert_int_eq(JUDGE(0x80000000), SM_PROTOCOL);
        ck_assert_int_eq(JUDGE(0xffffffff), SM_PROTOCOL);
    }
    ck_assert_int_eq(judge(SOURCE, SM_MESSAGE_OPEN, 2,
                           SM_MESSAGE_KEEPALIVE), 0);
    ck_assert_int_eq(judge(SOURCE, SM_MESSAGE_OPEN, 3,
                           SM_MESSAGE_KEEPALIVE), SM_PROTOCOL);
}
END_TEST

START_TEST(every_type_in_every_state_is_judged_at_its_header)
{
    unsigned int role, state, type;
    uint32_t len;
    bool want;

    for (role = 0; role < 2; role++)
        for (state = 0; state < 12; state++)
            for (type = 0; type < 256; type++) {
                len = type == SM_MESSAGE_KEEPALIVE ? 2 : 20;
                want = sm_message_permitted((enum sm_message_role)role,
                                            (enum sm_message_state)state,
                                            type);
                ck_assert_int_eq(judge((enum sm_message_role)role,
                                       (enum sm_message_state)state, len,
                                       (uint16_t)type),
                                 want ? 0 : SM_PROTOCOL);
                ck_assert_int_eq(judge((enum sm_message_role)role,
                                       (enum sm_message_state)state, len,
                                       (uint16_t)(type | 0x100)),
                                 SM_PROTOCOL);
            }
}
END_TEST

START_TEST(a_fact_of_the_other_role_is_refused)
{
    static const enum sm_message_state states[] = {
        SM_MESSAGE_MOVING, SM_MESSAGE_SETTLING,
    };
    enum sm_message_state state;
    struct sm_wire_writer w;
    unsigned int role, fact;
    char seen[4];
    size_t i;
    bool may;

    for (i = 0; i < 2; i++)
        for (role = 0; role < 2; role++)
            for (fact = 1; fact <= 7; fact++) {
                state = states[i];
                may = sm_message_may_say((enum sm_message_role)role, fact);
                sm_wire_writer_init(&w, SM_MESSAGE_MAX);
                put_handover(&w, fact);
                ck_assert_int_eq(feed((enum sm_message_role)role, &state, &w,
                                      7, seen), may ? 0 : SM_PROTOCOL);
                ck_assert_str_eq(seen, may ? "H" : "");
                sm_wire_writer_dispose(&w);
            }
}
END_TEST

START_TEST(after_a_handover_no_guest_may_be_brought)
{
    enum sm_message_state state = SM_MESSAGE_OPEN;
    struct sm_wire_writer w;
    char seen[8];

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    put_handover(&w, 2);
    put_handover(&w, 7);
    put_request(&w, 10);
    ck_assert_int_eq(feed(SOURCE, &state, &w, 100, seen), SM_PROTOCOL);
    ck_assert_str_eq(seen, "HH");
    ck_assert_int_eq(state, SM_MESSAGE_SETTLING);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(a_second_request_is_refused)
{
    enum sm_message_state state = SM_MESSAGE_OPEN;
    struct sm_wire_writer w;
    char seen[4];

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    put_request(&w, 10);
    put_request(&w, 10);
    ck_assert_int_eq(feed(SOURCE, &state, &w, 4096, seen), SM_PROTOCOL);
    ck_assert_str_eq(seen, "R");
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(a_message_begun_in_time_and_ended_too_late_is_refused)
{
    struct sm_message_reader r;
    struct sm_wire_writer w;
    struct sm_message m;
    const uint8_t *p;
    bool ready;
    size_t len;

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    put_simple(&w, SM_MESSAGE_REFUSE);
    sm_message_reader_init(&r, DESTINATION);
    p = w.data;
    len = 8;
    ck_assert_int_eq(sm_message_reader_next(&r, SM_MESSAGE_ASKED, &p, &len,
                                            &m, &ready), 0);
    len = w.len - 8;
    ck_assert_int_eq(sm_message_reader_next(&r, SM_MESSAGE_MOVING, &p, &len,
                                            &m, &ready), SM_PROTOCOL);
    sm_message_reader_dispose(&r);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(a_malformed_body_is_refused_when_it_is_whole)
{
    enum sm_message_state state = SM_MESSAGE_MOVING;
    struct sm_wire_writer w;
    char seen[4];

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    put_header(&w, 6, SM_MESSAGE_DONE);
    sm_wire_put_u32(&w, 0xffffffff);
    ck_assert_int_eq(feed(DESTINATION, &state, &w, 1, seen), SM_PROTOCOL);
    ck_assert_str_eq(seen, "");
    sm_wire_writer_dispose(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message reader");
    TCase *t = tcase_create("contract");
    SRunner *runner;
    int failed;

    memset(config, 'c', sizeof(config));
    tcase_add_test(t, messages_come_out_whole_from_pieces_of_any_size);
    tcase_add_test(t, a_request_of_the_longest_config_passes_in_records);
    tcase_add_test(t, the_message_is_valid_until_the_next_call);
    tcase_add_test(t, half_a_message_is_not_idle);
    tcase_add_test(t, lengths_are_capped_by_type_before_allocation);
    tcase_add_test(t, every_type_in_every_state_is_judged_at_its_header);
    tcase_add_test(t, a_fact_of_the_other_role_is_refused);
    tcase_add_test(t, after_a_handover_no_guest_may_be_brought);
    tcase_add_test(t, a_second_request_is_refused);
    tcase_add_test(t, a_message_begun_in_time_and_ended_too_late_is_refused);
    tcase_add_test(t, a_malformed_body_is_refused_when_it_is_whole);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
