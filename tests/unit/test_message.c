/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of channel/message.h. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "channel/message.h"
#include "handover/handover.h"

#define SOURCE SM_MESSAGE_SOURCE
#define DESTINATION SM_MESSAGE_DESTINATION
#define TYPES 8

static uint8_t config[SM_MESSAGE_CONFIG_MAX + 1];

/* A good message of each type, every field in use. */
static struct sm_message sample(enum sm_message_type type)
{
    struct sm_message m;
    size_t i;

    memset(&m, 0, sizeof(m));
    m.type = type;
    switch (type) {
    case SM_MESSAGE_REQUEST:
        m.u.request.version = SM_MESSAGE_VERSION;
        memset(m.u.request.uuid, 0xab, 16);
        m.u.request.memory_kb = 0x0102030405060708;
        m.u.request.flags = SM_MESSAGE_LEAVE_PAUSED;
        m.u.request.xen.major = 4;
        m.u.request.xen.minor = 0x1112;
        for (i = 0; i < SM_XEN_FEATURE_WORDS; i++)
            m.u.request.features.word[i] = 0xf0e0d0c0 + (uint32_t)i;
        memset(m.u.request.id, 0x1d, 16);
        memset(m.u.request.epoch, 0xe9, 16);
        m.u.request.sequence = 0x1112131415161718;
        strcpy(m.u.request.name, "g1");
        strcpy(m.u.request.operator, "xenops");
        m.u.request.config = (const uint8_t *)"{}";
        m.u.request.config_len = 2;
        m.u.request.papers = (const uint8_t *)"\0pap";
        m.u.request.papers_len = 4;
        break;
    case SM_MESSAGE_ACCEPT:
        strcpy(m.u.accept.rule, "from-compute");
        break;
    case SM_MESSAGE_REFUSE:
        m.u.refuse.code = 20;
        strcpy(m.u.refuse.rule, "payroll-stays");
        strcpy(m.u.refuse.text, "caf\xc3\xa9 stays");
        break;
    case SM_MESSAGE_KEEPALIVE:
        break;
    case SM_MESSAGE_CANCEL:
        m.u.cancel.code = 28;
        strcpy(m.u.cancel.text, "operator gave up");
        break;
    case SM_MESSAGE_DONE:
        m.u.done.code = 0;
        strcpy(m.u.done.text, "running");
        break;
    case SM_MESSAGE_EVIDENCE:
        m.u.evidence.evidence = (const uint8_t *)"\0quote";
        m.u.evidence.len = 6;
        break;
    case SM_MESSAGE_HANDOVER:
        m.u.handover.fact = SM_HANDOVER_SAY_REFUSED;
        memset(m.u.handover.id, 0x1d, 16);
        memset(m.u.handover.epoch, 0xe9, 16);
        m.u.handover.sequence = 0x2122232425262728;
        m.u.handover.code = 27;
        strcpy(m.u.handover.text, "xl died");
        break;
    }
    return m;
}

static void encode_ok(struct sm_wire_writer *w, const struct sm_message *m)
{
    sm_wire_writer_init(w, SM_MESSAGE_MAX);
    ck_assert_int_eq(sm_message_encode(w, m), 0);
}

static void encode_refused(const struct sm_message *m)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    ck_assert_int_eq(sm_message_encode(&w, m), SM_USAGE);
    sm_wire_writer_dispose(&w);
}

/* ---- layouts ---- */

START_TEST(layouts_are_those_of_the_protocol_document)
{
    static const struct {
        enum sm_message_type type;
        const char *bytes;
        size_t len;
    } rows[] = {
#define BYTES(s) s, sizeof(s) - 1
#define ID "\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d" \
           "\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d"
#define EPOCH "\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9" \
              "\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9"
#define WORD(n) "\xf0\xe0\xd0" n
#define FEATURES WORD("\xc0") WORD("\xc1") WORD("\xc2") WORD("\xc3") \
    WORD("\xc4") WORD("\xc5") WORD("\xc6") WORD("\xc7") WORD("\xc8") \
    WORD("\xc9") WORD("\xca") WORD("\xcb") WORD("\xcc") WORD("\xcd") \
    WORD("\xce") WORD("\xcf")
        { SM_MESSAGE_REQUEST, BYTES("\0\0\0\xa6\0\1" "\0\4"
          "\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab"
          "\1\2\3\4\5\6\7\x08" "\0\0\0\1" "\0\4\x11\x12" FEATURES ID EPOCH
          "\x11\x12\x13\x14\x15\x16\x17\x18" "\0\2g1" "\0\6xenops"
          "\0\0\0\2{}" "\0\0\0\4\0pap") },
        { SM_MESSAGE_ACCEPT, BYTES("\0\0\0\x10\0\2" "\0\x0c" "from-compute")
        },
        { SM_MESSAGE_REFUSE, BYTES("\0\0\0\x20\0\3" "\0\x14"
          "\0\x0dpayroll-stays" "\0\x0b" "caf\xc3\xa9 stays") },
        { SM_MESSAGE_KEEPALIVE, BYTES("\0\0\0\2\0\4") },
        { SM_MESSAGE_CANCEL, BYTES("\0\0\0\x16\0\5" "\0\x1c"
          "\0\x10operator gave up") },
        { SM_MESSAGE_DONE, BYTES("\0\0\0\x0d\0\6" "\0\0" "\0\7running") },
        { SM_MESSAGE_EVIDENCE, BYTES("\0\0\0\x0e\0\7" "\0\0\0\6\0quote"
          "\0\0") },
        { SM_MESSAGE_HANDOVER, BYTES("\0\0\0\x36\0\x08" "\5" ID EPOCH
          "\x21\x22\x23\x24\x25\x26\x27\x28" "\0\x1b" "\0\7xl died") },
    };
    struct sm_wire_writer w;
    struct sm_message m;
    size_t i;

    for (i = 0; i < TYPES; i++) {
        m = sample(rows[i].type);
        encode_ok(&w, &m);
        ck_assert_uint_eq(w.len, rows[i].len);
        ck_assert_mem_eq(w.data, rows[i].bytes, w.len);
        sm_wire_writer_dispose(&w);
    }
}
END_TEST

START_TEST(what_is_encoded_decodes_to_the_same)
{
    struct sm_message m, out;
    struct sm_wire_writer w, again;
    int type;

    for (type = 1; type <= TYPES; type++) {
        m = sample((enum sm_message_type)type);
        encode_ok(&w, &m);
        ck_assert_int_eq(sm_message_decode((unsigned int)type,
                                           w.data + SM_MESSAGE_HEADER_LEN,
                                           w.len - SM_MESSAGE_HEADER_LEN,
                                           &out), 0);
        ck_assert_int_eq(out.type, type);
        encode_ok(&again, &out);
        ck_assert_uint_eq(again.len, w.len);
        ck_assert_mem_eq(again.data, w.data, w.len);
        sm_wire_writer_dispose(&again);
        sm_wire_writer_dispose(&w);
    }
}
END_TEST

START_TEST(truncation_and_trailing_bytes_are_refused)
{
    struct sm_message m, out, zero;
    struct sm_wire_writer w;
    uint8_t *body;
    size_t n, i;
    int type;

    memset(&zero, 0, sizeof(zero));
    for (type = 1; type <= TYPES; type++) {
        m = sample((enum sm_message_type)type);
        encode_ok(&w, &m);
        n = w.len - SM_MESSAGE_HEADER_LEN;
        for (i = 0; i <= n + 1; i++) {
            /* malloc'd to the byte, so that reading beyond is seen */
            body = calloc(1, i ? i : 1);
            ck_assert_ptr_nonnull(body);
            memcpy(body, w.data + SM_MESSAGE_HEADER_LEN, i < n ? i : n);
            memset(&out, 0xee, sizeof(out));
            ck_assert_int_eq(sm_message_decode((unsigned int)type, body, i,
                                               &out),
                             i == n ? 0 : SM_PROTOCOL);
            if (i != n)
                ck_assert_mem_eq(&out, &zero, sizeof(out));
            free(body);
        }
        sm_wire_writer_dispose(&w);
    }
}
END_TEST

START_TEST(unknown_types_are_refused)
{
    struct sm_message m;
    unsigned int type;

    for (type = 0; type < 0x10000; type++) {
        if (type >= 1 && type <= TYPES)
            continue;
        ck_assert_int_eq(sm_message_decode(type, config, 0, &m),
                         SM_PROTOCOL);
        ck_assert_uint_eq(sm_message_body_max(type), 0);
        ck_assert_str_eq(sm_message_name(type), "?");
    }
    m = sample(SM_MESSAGE_KEEPALIVE);
    m.type = (enum sm_message_type)(TYPES + 1);
    encode_refused(&m);
    m.type = (enum sm_message_type)0;
    encode_refused(&m);
}
END_TEST

START_TEST(types_have_names)
{
    ck_assert_str_eq(sm_message_name(SM_MESSAGE_REQUEST), "REQUEST");
    ck_assert_str_eq(sm_message_name(SM_MESSAGE_ACCEPT), "ACCEPT");
    ck_assert_str_eq(sm_message_name(SM_MESSAGE_REFUSE), "REFUSE");
    ck_assert_str_eq(sm_message_name(SM_MESSAGE_KEEPALIVE), "KEEPALIVE");
    ck_assert_str_eq(sm_message_name(SM_MESSAGE_CANCEL), "CANCEL");
    ck_assert_str_eq(sm_message_name(SM_MESSAGE_DONE), "DONE");
    ck_assert_str_eq(sm_message_name(SM_MESSAGE_EVIDENCE), "EVIDENCE");
    ck_assert_str_eq(sm_message_name(SM_MESSAGE_HANDOVER), "HANDOVER");
}
END_TEST

/* ---- the rules of fields ---- */

/* Bytes of a good message with one byte replaced must not decode. */
static void spoiled(enum sm_message_type type, size_t at, uint8_t value)
{
    struct sm_message m = sample(type);
    struct sm_wire_writer w;

    encode_ok(&w, &m);
    ck_assert_uint_lt(SM_MESSAGE_HEADER_LEN + at, w.len);
    w.data[SM_MESSAGE_HEADER_LEN + at] = value;
    ck_assert_int_eq(sm_message_decode((unsigned int)type,
                                       w.data + SM_MESSAGE_HEADER_LEN,
                                       w.len - SM_MESSAGE_HEADER_LEN, &m),
                     SM_PROTOCOL);
    sm_wire_writer_dispose(&w);
}

START_TEST(a_request_obeys_its_rules)
{
    struct sm_message m;

    m = sample(SM_MESSAGE_REQUEST);
    m.u.request.version = SM_MESSAGE_VERSION - 1;
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    m.u.request.flags = 4;
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    m.u.request.xen.major = 0;
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    m.u.request.features.word[0] = 0;
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    memset(m.u.request.id, 0, 16);
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    memset(m.u.request.epoch, 0, 16);
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    m.u.request.name[0] = '\0';
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    strcpy(m.u.request.name, "a\nb");
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    memset(m.u.request.name, 'x', sizeof(m.u.request.name));
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    memset(m.u.request.operator, 'x', sizeof(m.u.request.operator));
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    m.u.request.config = NULL;
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    m.u.request.config_len = 0;
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    m.u.request.config = config;
    m.u.request.config_len = SM_MESSAGE_CONFIG_MAX + 1;
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    m.u.request.papers = NULL;
    encode_refused(&m);
    m = sample(SM_MESSAGE_REQUEST);
    m.u.request.papers = config;
    m.u.request.papers_len = SM_PAPERS_MAX + 1;
    encode_refused(&m);

    spoiled(SM_MESSAGE_REQUEST, 0, 1);      /* version */
    spoiled(SM_MESSAGE_REQUEST, 1, 1);
    spoiled(SM_MESSAGE_REQUEST, 26, 0x80);  /* flags */
    spoiled(SM_MESSAGE_REQUEST, 29, 4);
    spoiled(SM_MESSAGE_REQUEST, 31, 0);     /* Xen's major version */
    spoiled(SM_MESSAGE_REQUEST, 138, 1);     /* length of the name */
    spoiled(SM_MESSAGE_REQUEST, 139, 0);
    spoiled(SM_MESSAGE_REQUEST, 140, '\n');  /* the name */
    spoiled(SM_MESSAGE_REQUEST, 140, 0);
    spoiled(SM_MESSAGE_REQUEST, 143, 65);    /* length of the operator */
    spoiled(SM_MESSAGE_REQUEST, 144, 0x1b);
    spoiled(SM_MESSAGE_REQUEST, 150, 0xff);  /* length of the config */
    spoiled(SM_MESSAGE_REQUEST, 153, 1);
    spoiled(SM_MESSAGE_REQUEST, 153, 3);
    spoiled(SM_MESSAGE_REQUEST, 156, 0xff);  /* length of the papers */
    spoiled(SM_MESSAGE_REQUEST, 159, 3);
    spoiled(SM_MESSAGE_REQUEST, 159, 5);
}
END_TEST

START_TEST(the_longest_request_passes_and_one_byte_more_does_not)
{
    struct sm_message m = sample(SM_MESSAGE_REQUEST), out;
    struct sm_wire_writer w;
    uint8_t *body;

    memset(m.u.request.name, 'n', SM_MESSAGE_NAME_MAX);
    memset(m.u.request.operator, 'o', SM_MESSAGE_OPERATOR_MAX);
    m.u.request.config = config;
    m.u.request.config_len = SM_MESSAGE_CONFIG_MAX;
    m.u.request.papers = config;
    m.u.request.papers_len = SM_PAPERS_MAX;
    encode_ok(&w, &m);
    ck_assert_uint_eq(w.len, SM_MESSAGE_MAX);
    ck_assert_uint_eq(w.len - SM_MESSAGE_HEADER_LEN,
                      sm_message_body_max(SM_MESSAGE_REQUEST));
    ck_assert_int_eq(sm_message_decode(SM_MESSAGE_REQUEST,
                                       w.data + SM_MESSAGE_HEADER_LEN,
                                       w.len - SM_MESSAGE_HEADER_LEN, &out),
                     0);
    ck_assert_uint_eq(out.u.request.config_len, SM_MESSAGE_CONFIG_MAX);
    ck_assert_mem_eq(out.u.request.config, config, SM_MESSAGE_CONFIG_MAX);
    ck_assert_uint_eq(out.u.request.papers_len, SM_PAPERS_MAX);
    ck_assert_mem_eq(out.u.request.papers, config, SM_PAPERS_MAX);

    body = calloc(1, SM_MESSAGE_MAX);
    ck_assert_ptr_nonnull(body);
    memcpy(body, w.data + SM_MESSAGE_HEADER_LEN,
           w.len - SM_MESSAGE_HEADER_LEN);
    ck_assert_int_eq(sm_message_decode(SM_MESSAGE_REQUEST, body,
                                       w.len - SM_MESSAGE_HEADER_LEN + 1,
                                       &out), SM_PROTOCOL);
    free(body);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(papers_over_their_cap_are_refused_though_the_message_is_not)
{
    struct sm_message m = sample(SM_MESSAGE_REQUEST);
    struct sm_wire_writer w;

    /* The config is short, so the body stays within its type's cap. */
    m.u.request.papers = config;
    m.u.request.papers_len = SM_PAPERS_MAX;
    encode_ok(&w, &m);
    sm_wire_put_u8(&w, 0);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    sm_wire_patch_u32(&w, SM_MESSAGE_HEADER_LEN + 88, SM_PAPERS_MAX + 1);
    ck_assert_int_eq(sm_message_decode(SM_MESSAGE_REQUEST,
                                       w.data + SM_MESSAGE_HEADER_LEN,
                                       w.len - SM_MESSAGE_HEADER_LEN, &m),
                     SM_PROTOCOL);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(a_request_may_come_without_papers)
{
    struct sm_message m = sample(SM_MESSAGE_REQUEST), out;
    struct sm_wire_writer w;

    m.u.request.papers = NULL;
    m.u.request.papers_len = 0;
    encode_ok(&w, &m);
    ck_assert_int_eq(sm_message_decode(SM_MESSAGE_REQUEST,
                                       w.data + SM_MESSAGE_HEADER_LEN,
                                       w.len - SM_MESSAGE_HEADER_LEN, &out),
                     0);
    ck_assert_uint_eq(out.u.request.papers_len, 0);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(answers_obey_their_rules)
{
    struct sm_message m;

    m = sample(SM_MESSAGE_REFUSE);
    m.u.refuse.code = 0;                    /* a refusal is no success */
    encode_refused(&m);
    m = sample(SM_MESSAGE_REFUSE);
    m.u.refuse.code = 256;
    encode_refused(&m);
    m = sample(SM_MESSAGE_REFUSE);
    memset(m.u.refuse.rule, 'x', sizeof(m.u.refuse.rule));
    encode_refused(&m);
    m = sample(SM_MESSAGE_REFUSE);
    memset(m.u.refuse.text, 'x', sizeof(m.u.refuse.text));
    encode_refused(&m);
    m = sample(SM_MESSAGE_REFUSE);
    strcpy(m.u.refuse.text, "\x1b[2J");
    encode_refused(&m);
    m = sample(SM_MESSAGE_ACCEPT);
    memset(m.u.accept.rule, 'x', sizeof(m.u.accept.rule));
    encode_refused(&m);
    m = sample(SM_MESSAGE_CANCEL);
    m.u.cancel.code = 0;
    encode_refused(&m);
    m = sample(SM_MESSAGE_DONE);
    m.u.done.code = 999;
    encode_refused(&m);

    spoiled(SM_MESSAGE_REFUSE, 0, 1);       /* code 276 */
    spoiled(SM_MESSAGE_REFUSE, 1, 0);       /* code 0 */
    spoiled(SM_MESSAGE_REFUSE, 2, 1);       /* rule longer than all */
    spoiled(SM_MESSAGE_REFUSE, 5, 0);
    spoiled(SM_MESSAGE_REFUSE, 22, 0x20);   /* half of the e acute */
    spoiled(SM_MESSAGE_ACCEPT, 1, 129);
    spoiled(SM_MESSAGE_ACCEPT, 4, 0x7f);
    spoiled(SM_MESSAGE_CANCEL, 1, 0);
    spoiled(SM_MESSAGE_CANCEL, 0, 1);
    spoiled(SM_MESSAGE_DONE, 0, 1);
    spoiled(SM_MESSAGE_DONE, 4, '\r');
}
END_TEST

START_TEST(evidence_is_there_or_the_reason_why_not)
{
    struct sm_message m = sample(SM_MESSAGE_EVIDENCE), out;
    struct sm_wire_writer w;

    m.u.evidence.len = 0;
    encode_refused(&m);                     /* neither */
    m.u.evidence.evidence = NULL;
    m.u.evidence.len = 6;
    encode_refused(&m);
    m = sample(SM_MESSAGE_EVIDENCE);
    strcpy(m.u.evidence.why, "no TPM");
    encode_refused(&m);                     /* both */
    m.u.evidence.len = 0;
    encode_ok(&w, &m);
    ck_assert_int_eq(sm_message_decode(SM_MESSAGE_EVIDENCE,
                                       w.data + SM_MESSAGE_HEADER_LEN,
                                       w.len - SM_MESSAGE_HEADER_LEN, &out),
                     0);
    ck_assert_uint_eq(out.u.evidence.len, 0);
    ck_assert_str_eq(out.u.evidence.why, "no TPM");
    sm_wire_writer_dispose(&w);
    strcpy(m.u.evidence.why, "\x1b[2J");
    encode_refused(&m);
    memset(m.u.evidence.why, 'x', sizeof(m.u.evidence.why));
    encode_refused(&m);
    m = sample(SM_MESSAGE_EVIDENCE);
    m.u.evidence.evidence = config;
    m.u.evidence.len = SM_MESSAGE_EVIDENCE_MAX;
    encode_ok(&w, &m);
    sm_wire_writer_dispose(&w);
    m.u.evidence.len++;
    encode_refused(&m);

    spoiled(SM_MESSAGE_EVIDENCE, 0, 1);     /* longer than all */
    spoiled(SM_MESSAGE_EVIDENCE, 2, 0x11);
    spoiled(SM_MESSAGE_EVIDENCE, 3, 5);
    spoiled(SM_MESSAGE_EVIDENCE, 11, 1);
}
END_TEST

START_TEST(a_handover_obeys_its_rules)
{
    struct sm_message m;
    unsigned int fact;

    for (fact = 0; fact < 256; fact++) {
        if (fact >= 1 && fact <= 7)
            continue;
        m = sample(SM_MESSAGE_HANDOVER);
        m.u.handover.fact = (uint8_t)fact;
        encode_refused(&m);
        spoiled(SM_MESSAGE_HANDOVER, 0, (uint8_t)fact);
    }
    m = sample(SM_MESSAGE_HANDOVER);
    memset(m.u.handover.id, 0, 16);
    encode_refused(&m);
    m = sample(SM_MESSAGE_HANDOVER);
    memset(m.u.handover.epoch, 0, 16);
    encode_refused(&m);
    m = sample(SM_MESSAGE_HANDOVER);
    m.u.handover.code = 256;
    encode_refused(&m);
    m = sample(SM_MESSAGE_HANDOVER);
    strcpy(m.u.handover.text, "a\nb");
    encode_refused(&m);
    m = sample(SM_MESSAGE_HANDOVER);
    memset(m.u.handover.text, 'x', sizeof(m.u.handover.text));
    encode_refused(&m);

    spoiled(SM_MESSAGE_HANDOVER, 41, 1);    /* code 283 */
    spoiled(SM_MESSAGE_HANDOVER, 43, 2);    /* length of the text */
    spoiled(SM_MESSAGE_HANDOVER, 44, 6);
    spoiled(SM_MESSAGE_HANDOVER, 44, 8);
    spoiled(SM_MESSAGE_HANDOVER, 45, 0x1b);
}
END_TEST

START_TEST(zero_ids_and_epochs_are_refused)
{
    static const struct {
        enum sm_message_type type;
        size_t at;
    } rows[] = {
        { SM_MESSAGE_REQUEST, 98 }, { SM_MESSAGE_REQUEST, 114 },
        { SM_MESSAGE_HANDOVER, 1 }, { SM_MESSAGE_HANDOVER, 17 },
    };
    struct sm_wire_writer w;
    struct sm_message m;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        m = sample(rows[i].type);
        encode_ok(&w, &m);
        memset(w.data + SM_MESSAGE_HEADER_LEN + rows[i].at, 0, 15);
        ck_assert_int_eq(sm_message_decode(rows[i].type,
                                           w.data + SM_MESSAGE_HEADER_LEN,
                                           w.len - SM_MESSAGE_HEADER_LEN,
                                           &m), 0);
        w.data[SM_MESSAGE_HEADER_LEN + rows[i].at + 15] = 0;
        ck_assert_int_eq(sm_message_decode(rows[i].type,
                                           w.data + SM_MESSAGE_HEADER_LEN,
                                           w.len - SM_MESSAGE_HEADER_LEN,
                                           &m), SM_PROTOCOL);
        sm_wire_writer_dispose(&w);
    }
}
END_TEST

START_TEST(the_body_of_a_handover_travels_alone_as_well)
{
    struct sm_message m = sample(SM_MESSAGE_HANDOVER);
    struct sm_message_handover out;
    struct sm_wire_writer w, body;
    struct sm_wire_reader r;

    encode_ok(&w, &m);
    sm_wire_writer_init(&body, 1024);
    sm_message_handover_put(&body, &m.u.handover);
    ck_assert_int_eq(sm_wire_error(&body), 0);
    ck_assert_uint_eq(body.len, w.len - SM_MESSAGE_HEADER_LEN);
    ck_assert_mem_eq(body.data, w.data + SM_MESSAGE_HEADER_LEN, body.len);
    sm_wire_reader_init(&r, body.data, body.len);
    memset(&out, 0, sizeof(out));
    sm_message_handover_get(&r, &out);
    ck_assert_int_eq(sm_wire_end(&r), 0);
    ck_assert_mem_eq(&out, &m.u.handover, sizeof(out));
    body.data[0] = 8;
    sm_wire_reader_init(&r, body.data, body.len);
    sm_message_handover_get(&r, &out);
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
    sm_wire_writer_dispose(&body);
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(each_role_has_its_own_facts)
{
    static const char source[] = "..GAC..S", destination[] = ".R...RSS";
    unsigned int fact;

    for (fact = 0; fact < 300; fact++) {
        ck_assert_int_eq(sm_message_may_say(SOURCE, fact),
                         fact < 8 && source[fact] != '.');
        ck_assert_int_eq(sm_message_may_say(DESTINATION, fact),
                         fact < 8 && destination[fact] != '.');
        ck_assert(!sm_message_may_say((enum sm_message_role)2, fact));
    }
    ck_assert(!sm_message_may_say(SOURCE, 0x80000002));
}
END_TEST

/* ---- who may say what when ---- */

/* By state: the letters of the types that each role may send. */
static const struct {
    const char *source, *destination;
} allowed[] = {
    [SM_MESSAGE_OPEN] = { "RKCH", "FK" },
    [SM_MESSAGE_ASKED] = { "KC", "AFK" },
    [SM_MESSAGE_MOVING] = { "KCH", "KDH" },
    [SM_MESSAGE_CANCELLED] = { "K", "AFKDEH" },
    [SM_MESSAGE_ENDED] = { "KCEHD", "" },
    [SM_MESSAGE_SOURCE_OWES] = { "EKCH", "FK" },
    [SM_MESSAGE_DESTINATION_OWES] = { "KC", "EFK" },
    [SM_MESSAGE_BOTH_OWE] = { "EKC", "EFK" },
    [SM_MESSAGE_SETTLING] = { "HKD", "HKF" },
    [SM_MESSAGE_SETTLED] = { "", "HKF" },
};
#define STATES 10
static const char letters[] = "?RAFKCDEH";  /* REFUSE is F */

START_TEST(the_table_permits_what_the_document_says_and_no_more)
{
    unsigned int state, type;
    bool want;

    for (state = 0; state < 2 * STATES; state++)
        for (type = 0; type < 0x10000; type++) {
            want = type >= 1 && type <= TYPES && state < STATES &&
                   strchr(allowed[state].source, letters[type]);
            ck_assert_int_eq(sm_message_permitted(SOURCE,
                             (enum sm_message_state)state, type), want);
            want = type >= 1 && type <= TYPES && state < STATES &&
                   strchr(allowed[state].destination, letters[type]);
            ck_assert_int_eq(sm_message_permitted(DESTINATION,
                             (enum sm_message_state)state, type), want);
            if (type > 300 && type < 0xfff0)
                type = 0xfff0;
        }
    ck_assert(!sm_message_permitted((enum sm_message_role)2,
                                    SM_MESSAGE_OPEN, SM_MESSAGE_KEEPALIVE));
}
END_TEST

START_TEST(states_follow_the_messages)
{
    static const struct {
        enum sm_message_role role;
        enum sm_message_state from;
        unsigned int type;
        enum sm_message_state to;
    } rows[] = {
        { SOURCE, SM_MESSAGE_OPEN, SM_MESSAGE_REQUEST, SM_MESSAGE_ASKED },
        { DESTINATION, SM_MESSAGE_OPEN, SM_MESSAGE_REFUSE,
          SM_MESSAGE_ENDED },
        { DESTINATION, SM_MESSAGE_ASKED, SM_MESSAGE_ACCEPT,
          SM_MESSAGE_MOVING },
        { DESTINATION, SM_MESSAGE_ASKED, SM_MESSAGE_REFUSE,
          SM_MESSAGE_ENDED },
        { DESTINATION, SM_MESSAGE_MOVING, SM_MESSAGE_DONE,
          SM_MESSAGE_ENDED },
        { SOURCE, SM_MESSAGE_MOVING, SM_MESSAGE_CANCEL,
          SM_MESSAGE_CANCELLED },
        { DESTINATION, SM_MESSAGE_CANCELLED, SM_MESSAGE_ACCEPT,
          SM_MESSAGE_CANCELLED },
        { DESTINATION, SM_MESSAGE_CANCELLED, SM_MESSAGE_DONE,
          SM_MESSAGE_ENDED },
        { SOURCE, SM_MESSAGE_ENDED, SM_MESSAGE_CANCEL, SM_MESSAGE_ENDED },
        { SOURCE, SM_MESSAGE_MOVING, SM_MESSAGE_KEEPALIVE,
          SM_MESSAGE_MOVING },
        { SOURCE, SM_MESSAGE_MOVING, SM_MESSAGE_HANDOVER,
          SM_MESSAGE_MOVING },
        { DESTINATION, SM_MESSAGE_MOVING, SM_MESSAGE_HANDOVER,
          SM_MESSAGE_MOVING },
        /* a conversation that settles */
        { SOURCE, SM_MESSAGE_OPEN, SM_MESSAGE_HANDOVER,
          SM_MESSAGE_SETTLING },
        { SOURCE, SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_HANDOVER,
          SM_MESSAGE_SETTLING },
        { DESTINATION, SM_MESSAGE_SETTLING, SM_MESSAGE_HANDOVER,
          SM_MESSAGE_SETTLING },
        { SOURCE, SM_MESSAGE_SETTLING, SM_MESSAGE_DONE, SM_MESSAGE_SETTLED },
        { DESTINATION, SM_MESSAGE_SETTLING, SM_MESSAGE_REFUSE,
          SM_MESSAGE_ENDED },
        { DESTINATION, SM_MESSAGE_OPEN, SM_MESSAGE_HANDOVER,
          SM_MESSAGE_OPEN },
        { SOURCE, SM_MESSAGE_SETTLED, SM_MESSAGE_HANDOVER,
          SM_MESSAGE_SETTLED },
        /* not permitted: nothing changes */
        { DESTINATION, SM_MESSAGE_OPEN, SM_MESSAGE_REQUEST,
          SM_MESSAGE_OPEN },
        { DESTINATION, SM_MESSAGE_OPEN, SM_MESSAGE_ACCEPT,
          SM_MESSAGE_OPEN },
        { SOURCE, SM_MESSAGE_ASKED, SM_MESSAGE_ACCEPT, SM_MESSAGE_ASKED },
        { SOURCE, SM_MESSAGE_MOVING, SM_MESSAGE_DONE, SM_MESSAGE_MOVING },
        { DESTINATION, SM_MESSAGE_ENDED, SM_MESSAGE_ACCEPT,
          SM_MESSAGE_ENDED },
        { SOURCE, SM_MESSAGE_OPEN, 99, SM_MESSAGE_OPEN },
        /* evidence that is owed, in either order */
        { SOURCE, SM_MESSAGE_BOTH_OWE, SM_MESSAGE_EVIDENCE,
          SM_MESSAGE_DESTINATION_OWES },
        { DESTINATION, SM_MESSAGE_DESTINATION_OWES, SM_MESSAGE_EVIDENCE,
          SM_MESSAGE_OPEN },
        { DESTINATION, SM_MESSAGE_BOTH_OWE, SM_MESSAGE_EVIDENCE,
          SM_MESSAGE_SOURCE_OWES },
        { SOURCE, SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_EVIDENCE,
          SM_MESSAGE_OPEN },
        { SOURCE, SM_MESSAGE_BOTH_OWE, SM_MESSAGE_CANCEL,
          SM_MESSAGE_CANCELLED },
        { DESTINATION, SM_MESSAGE_BOTH_OWE, SM_MESSAGE_REFUSE,
          SM_MESSAGE_ENDED },
        { DESTINATION, SM_MESSAGE_CANCELLED, SM_MESSAGE_EVIDENCE,
          SM_MESSAGE_CANCELLED },
        /* ... once, and before REQUEST */
        { SOURCE, SM_MESSAGE_OPEN, SM_MESSAGE_EVIDENCE, SM_MESSAGE_OPEN },
        { SOURCE, SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_REQUEST,
          SM_MESSAGE_SOURCE_OWES },
        { SOURCE, SM_MESSAGE_DESTINATION_OWES, SM_MESSAGE_REQUEST,
          SM_MESSAGE_DESTINATION_OWES },
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_int_eq(sm_message_after(rows[i].role, rows[i].from,
                                          rows[i].type), rows[i].to);
}
END_TEST

START_TEST(a_conversation_begins_with_what_is_owed)
{
    ck_assert_int_eq(sm_message_begin(false, false), SM_MESSAGE_OPEN);
    ck_assert_int_eq(sm_message_begin(true, false), SM_MESSAGE_SOURCE_OWES);
    ck_assert_int_eq(sm_message_begin(false, true),
                     SM_MESSAGE_DESTINATION_OWES);
    ck_assert_int_eq(sm_message_begin(true, true), SM_MESSAGE_BOTH_OWE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message");
    TCase *t = tcase_create("contract");
    SRunner *runner;
    int failed;

    memset(config, 'c', sizeof(config));
    tcase_add_test(t, layouts_are_those_of_the_protocol_document);
    tcase_add_test(t, what_is_encoded_decodes_to_the_same);
    tcase_add_test(t, truncation_and_trailing_bytes_are_refused);
    tcase_add_test(t, unknown_types_are_refused);
    tcase_add_test(t, types_have_names);
    tcase_add_test(t, a_request_obeys_its_rules);
    tcase_add_test(t,
        the_longest_request_passes_and_one_byte_more_does_not);
    tcase_add_test(t,
        papers_over_their_cap_are_refused_though_the_message_is_not);
    tcase_add_test(t, a_request_may_come_without_papers);
    tcase_add_test(t, answers_obey_their_rules);
    tcase_add_test(t, evidence_is_there_or_the_reason_why_not);
    tcase_add_test(t, a_handover_obeys_its_rules);
    tcase_add_test(t, zero_ids_and_epochs_are_refused);
    tcase_add_test(t, the_body_of_a_handover_travels_alone_as_well);
    tcase_add_test(t, each_role_has_its_own_facts);
    tcase_add_test(t,
        the_table_permits_what_the_document_says_and_no_more);
    tcase_add_test(t, states_follow_the_messages);
    tcase_add_test(t, a_conversation_begins_with_what_is_owed);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
