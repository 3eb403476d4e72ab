/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of channel/hello.h. */
#include "noise_pair.h"

#include "channel/hello.h"

static const char name64[] =
    "0123456789012345678901234567890123456789012345678901234567890123";

START_TEST(the_prologue_is_label_and_name)
{
    static const uint8_t want[] = "\0\x0cxen-secmig 1\0\x05hostB";
    uint8_t out[SM_HELLO_PROLOGUE_MAX];
    size_t len;

    ck_assert_int_eq(sm_hello_prologue("hostB", out, &len), 0);
    ck_assert_uint_eq(len, sizeof(want) - 1);
    ck_assert_mem_eq(out, want, len);
    ck_assert_int_eq(sm_hello_prologue(name64, out, &len), 0);
    ck_assert_uint_eq(len, 14 + 2 + 64);
}
END_TEST

/* Names that no host may have. */
static const char *const bad_names[] = {
    "", "a\nb", "a\x1b[31mb", "\xff", "caf\xc3", "right-to-left\xe2\x80\xae",
    "01234567890123456789012345678901234567890123456789012345678901234",
};
#define BAD_NAMES ((int)(sizeof(bad_names) / sizeof(bad_names[0])))

START_TEST(bad_names_are_refused_by_the_sender)
{
    uint8_t out[SM_HELLO_PAYLOAD_LEN] = { 0 };
    struct sm_hello_choice c = { .version = 1 };
    struct sm_hello h = { .version = 1 };
    size_t len = 1;

    ck_assert_int_eq(sm_hello_prologue(bad_names[_i], out, &len), SM_USAGE);
    ck_assert_uint_eq(len, 0);
    snprintf(h.host, sizeof(h.host), "%.64s", bad_names[_i]);
    snprintf(c.host, sizeof(c.host), "%.64s", bad_names[_i]);
    if (strlen(bad_names[_i]) > 64) {   /* fits no struct: fill it */
        memset(h.host, 'x', sizeof(h.host));
        memset(c.host, 'x', sizeof(c.host));
    }
    ck_assert_int_eq(sm_hello_encode(&h, out), SM_USAGE);
    ck_assert_int_eq(sm_hello_choice_encode(&c, out), SM_USAGE);
}
END_TEST

START_TEST(a_certificate_over_its_cap_is_refused_by_the_sender)
{
    struct sm_hello_choice c = { .version = 1, .host = "hostA" };
    struct sm_hello h = { .version = 1, .host = "hostB" };
    uint8_t out[SM_HELLO_PAYLOAD_LEN];

    h.certificate.len = c.certificate.len = SM_HELLO_CERTIFICATE_MAX + 1;
    ck_assert_int_eq(sm_hello_encode(&h, out), SM_USAGE);
    ck_assert_int_eq(sm_hello_choice_encode(&c, out), SM_USAGE);
    h.certificate.len = c.certificate.len = SM_HELLO_CERTIFICATE_MAX;
    ck_assert_int_eq(sm_hello_encode(&h, out), 0);
    ck_assert_int_eq(sm_hello_choice_encode(&c, out), 0);
}
END_TEST

START_TEST(a_nonce_without_a_demand_is_refused_by_the_sender)
{
    struct sm_hello_choice c = { .version = 1, .host = "hostA" };
    struct sm_hello h = { .version = 1, .host = "hostB" };
    uint8_t out[SM_HELLO_PAYLOAD_LEN];

    h.demand.nonce[0] = c.demand.nonce[SM_HELLO_NONCE_LEN - 1] = 1;
    ck_assert_int_eq(sm_hello_encode(&h, out), SM_USAGE);
    ck_assert_int_eq(sm_hello_choice_encode(&c, out), SM_USAGE);
    h.demand.made = c.demand.made = true;
    ck_assert_int_eq(sm_hello_encode(&h, out), 0);
    ck_assert_int_eq(sm_hello_choice_encode(&c, out), 0);
}
END_TEST

START_TEST(message_lengths_are_those_of_the_handshake)
{
    static const char *const names[] = {
        [SM_HELLO_PLAIN] = SM_HELLO_NOISE,
        [SM_HELLO_HFS] = SM_HELLO_NOISE_HFS,
        [SM_HELLO_PSK] = SM_HELLO_NOISE_PSK,
    };
    uint8_t payload[SM_HELLO_PAYLOAD_LEN] = { 0 };
    unsigned int m;
    struct wire w;
    struct pair pair;
    int kind;

    for (kind = SM_HELLO_PLAIN; kind <= SM_HELLO_PSK; kind++) {
        if (kind == SM_HELLO_HFS && !sm_hello_features())
            continue;
        pair_start(&pair, names[kind]);
        for (m = 0; m < SM_HELLO_MESSAGES; m++) {
            ck_assert_int_eq(sm_noise_write(pair.side[writer(m)], payload,
                                            m ? sizeof(payload) : 0, w.data,
                                            sizeof(w.data), &w.len), 0);
            ck_assert_uint_eq(w.len, sm_hello_message_len(m + 1,
                              (enum sm_hello_kind)kind));
            ck_assert_uint_le(w.len, SM_HELLO_MESSAGE_MAX);
            ck_assert_int_eq(read_wire(pair.side[!writer(m)], &w), 0);
        }
        ck_assert(sm_noise_done(pair.side[1]));
        pair_end(&pair);
    }
    ck_assert_uint_eq(sm_hello_message_len(0, SM_HELLO_PLAIN), 0);
    ck_assert_uint_eq(sm_hello_message_len(4, SM_HELLO_HFS), 0);
    ck_assert_uint_eq(sm_hello_message_len(1, SM_HELLO_PLAIN), 32);
    ck_assert_uint_eq(sm_hello_message_len(1, SM_HELLO_HFS), 1216);
    ck_assert_uint_eq(sm_hello_message_len(2, SM_HELLO_HFS),
                      SM_HELLO_MESSAGE_MAX);
}
END_TEST

START_TEST(stripping_is_seen_when_both_have_it_and_it_was_not_used)
{
    uint32_t f = SM_HELLO_MLKEM768;

    ck_assert(sm_hello_stripped(SM_HELLO_PLAIN, f, f));
    ck_assert(sm_hello_stripped(SM_HELLO_PLAIN, f, 0xffffffff));
    ck_assert(!sm_hello_stripped(SM_HELLO_HFS, f, f));
    ck_assert(!sm_hello_stripped(SM_HELLO_PLAIN, 0, f));
    ck_assert(!sm_hello_stripped(SM_HELLO_PLAIN, f, 0));
    ck_assert(!sm_hello_stripped(SM_HELLO_PLAIN, f, 0xfffffffe));
}
END_TEST

START_TEST(payloads_survive_the_round_trip_and_have_one_length)
{
    struct sm_hello_choice c = { 1, "hostA", 14, 0, { true, { 0 } }, 2,
                                 { 0 } }, c2;
    struct sm_hello h = { 1, "hostB", 0x80000008, 0x80000001,
                          { true, "0123456789abcdef0123456789abcde" },
                          { 3, "crt" } }, h2;
    uint8_t out[SM_HELLO_PAYLOAD_LEN];
    size_t i;

    ck_assert_int_eq(sm_hello_encode(&h, out), 0);
    ck_assert_mem_eq(out, "\0\1\0\5hostB\x80\0\0\x08\x80\0\0\1\1"
                     "0123456789abcdef0123456789abcde\0" "\0\0\0\3crt", 57);
    for (i = 57; i < sizeof(out); i++)
        ck_assert_uint_eq(out[i], 0);
    ck_assert_int_eq(sm_hello_decode(out, sizeof(out), &h2), 0);
    ck_assert_uint_eq(h2.version, 1);
    ck_assert_str_eq(h2.host, "hostB");
    ck_assert_uint_eq(h2.suites, 0x80000008);
    ck_assert_uint_eq(h2.features, 0x80000001);
    ck_assert(h2.demand.made);
    ck_assert_mem_eq(h2.demand.nonce, h.demand.nonce, SM_HELLO_NONCE_LEN);
    ck_assert_uint_eq(h2.certificate.len, 3);
    ck_assert_mem_eq(h2.certificate.bytes, "crt", 3);

    /* The longest name and certificate. */
    memcpy(c.host, name64, sizeof(name64));
    c.certificate.len = SM_HELLO_CERTIFICATE_MAX;
    memset(c.certificate.bytes, 'c', SM_HELLO_CERTIFICATE_MAX);
    ck_assert_int_eq(sm_hello_choice_encode(&c, out), 0);
    ck_assert_int_eq(sm_hello_choice_decode(out, sizeof(out), &c2), 0);
    ck_assert_str_eq(c2.host, name64);
    ck_assert_uint_eq(c2.suites, 14);
    ck_assert_uint_eq(c2.features, 0);
    ck_assert(c2.demand.made);
    ck_assert_uint_eq(c2.suite, 2);
    ck_assert_uint_eq(c2.certificate.len, SM_HELLO_CERTIFICATE_MAX);
    ck_assert_mem_eq(c2.certificate.bytes, c.certificate.bytes,
                     SM_HELLO_CERTIFICATE_MAX);
}
END_TEST

static void refused(const uint8_t *data, size_t len)
{
    struct sm_hello_choice c, no_choice;
    struct sm_hello h, no_hello;

    memset(&h, 0xee, sizeof(h));
    memset(&c, 0xee, sizeof(c));
    memset(&no_hello, 0, sizeof(no_hello));
    memset(&no_choice, 0, sizeof(no_choice));
    ck_assert_int_eq(sm_hello_decode(data, len, &h), SM_PROTOCOL);
    ck_assert_int_eq(sm_hello_choice_decode(data, len, &c), SM_PROTOCOL);
    ck_assert_mem_eq(&h, &no_hello, sizeof(h));
    ck_assert_mem_eq(&c, &no_choice, sizeof(c));
}

START_TEST(anything_but_one_padded_payload_is_refused)
{
    uint8_t good[SM_HELLO_PAYLOAD_LEN + 1] =
        "\0\1\0\5hostB\0\0\0\x08\0\0\0\1\1"
        "0123456789abcdef0123456789abcdef" "\0\3" "\0\0\0\3crt";
    uint8_t bad[SM_HELLO_PAYLOAD_LEN + 1];
    struct sm_hello_choice c;
    size_t i;

    ck_assert_int_eq(sm_hello_choice_decode(good, SM_HELLO_PAYLOAD_LEN, &c),
                     0);
    ck_assert_uint_eq(c.certificate.len, 3);
    for (i = 0; i < SM_HELLO_PAYLOAD_LEN; i++)
        refused(good, i);
    refused(good, SM_HELLO_PAYLOAD_LEN + 1);
#define SPOIL(at, value) \
    do { \
        memcpy(bad, good, sizeof(bad)); \
        bad[at] = (value); \
        refused(bad, SM_HELLO_PAYLOAD_LEN); \
    } while (0)
    SPOIL(0, 1);                /* version 257 */
    SPOIL(1, 0);                /* version 0 */
    SPOIL(1, 2);                /* version 2 */
    SPOIL(2, 1);                /* name longer than all */
    SPOIL(3, 65);               /* name over the cap */
    SPOIL(4, 0);                /* NUL in the name */
    SPOIL(6, '\n');
    SPOIL(8, 0xff);
    SPOIL(17, 2);               /* a demand is made or not */
    SPOIL(17, 0);               /* none, but with a nonce */
    SPOIL(52, 0xff);            /* certificate longer than all */
    SPOIL(54, 0x10);            /* certificate over its cap: 4099 */
    SPOIL(55, 2);               /* its last byte is padding */
    for (i = 59; i < SM_HELLO_PAYLOAD_LEN; i++)
        SPOIL(i, 1);            /* padding */
    memset(bad, 0, sizeof(bad));
    bad[1] = 1;
    refused(bad, SM_HELLO_PAYLOAD_LEN);     /* no name */
}
END_TEST

START_TEST(only_the_best_common_suite_may_be_chosen)
{
    struct sm_hello_choice c = { .version = 1, .host = "a", .suites = 0xe,
                                 .suite = SM_SUITE_AES256GCM };

    ck_assert_int_eq(sm_hello_check(&c, 0xc), 0);
    ck_assert_int_eq(sm_hello_check(&c, 0xe), SM_PROTOCOL); /* talked down */
    ck_assert_int_eq(sm_hello_check(&c, 0x8), SM_PROTOCOL); /* not ours */
    c.suites = 8;
    ck_assert_int_eq(sm_hello_check(&c, 0xc), SM_PROTOCOL); /* not theirs */
    c.suite = SM_SUITE_CHACHA20POLY1305;
    ck_assert_int_eq(sm_hello_check(&c, 0xc), 0);
    c.suites = 0;
    ck_assert_int_eq(sm_hello_check(&c, 0xc), SM_PROTOCOL);
    c.suite = 0;
    ck_assert_int_eq(sm_hello_check(&c, 0xc), SM_PROTOCOL); /* none */
    c.suites = 0xffffffff;
    c.suite = 31;
    ck_assert_int_eq(sm_hello_check(&c, 0xffffffff), SM_PROTOCOL);
    c.suite = 0xffff;
    ck_assert_int_eq(sm_hello_check(&c, 0xffffffff), SM_PROTOCOL);
}
END_TEST

START_TEST(a_handshake_for_another_name_fails)
{
    uint8_t prologue[2][SM_HELLO_PROLOGUE_MAX];
    struct sm_noise_params p;
    struct pair pair;
    struct wire w;
    size_t len;
    int i;

    make_keys(&pair.keys);
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(sm_hello_prologue(i ? "hostB" : "hostC",
                                           prologue[i], &len), 0);
        p = params(&pair.keys, SM_HELLO_NOISE, i);
        p.prologue = prologue[i];
        p.prologue_len = len;
        ck_assert_int_eq(sm_noise_new(&pair.side[i], &p), 0);
    }
    run_until(&pair, 1, &w);
    write_ok(pair.side[1], "", &w);
    ck_assert_int_eq(read_wire(pair.side[0], &w), SM_AUTH);
    pair_end(&pair);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hello");
    TCase *t = tcase_create("contract");

    if (sm_secret_init())
        return EXIT_FAILURE;
    tcase_add_test(t, the_prologue_is_label_and_name);
    tcase_add_loop_test(t, bad_names_are_refused_by_the_sender, 0,
                        BAD_NAMES);
    tcase_add_test(t, a_certificate_over_its_cap_is_refused_by_the_sender);
    tcase_add_test(t, a_nonce_without_a_demand_is_refused_by_the_sender);
    tcase_add_test(t, message_lengths_are_those_of_the_handshake);
    tcase_add_test(t,
        stripping_is_seen_when_both_have_it_and_it_was_not_used);
    tcase_add_test(t, payloads_survive_the_round_trip_and_have_one_length);
    tcase_add_test(t, anything_but_one_padded_payload_is_refused);
    tcase_add_test(t, only_the_best_common_suite_may_be_chosen);
    tcase_add_test(t, a_handshake_for_another_name_fails);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
