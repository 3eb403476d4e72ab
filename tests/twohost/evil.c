/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A paired host that does not behave: it has a key that the other side
 * knows, speaks the protocol as far as told, and breaks it as told.
 *
 *   evil keygen FILE NAME          make a key, print its line and fingerprint
 *   evil unseal FILE NAME          the secret in a plain sealed host key
 *   evil sign FILE NAME DOCUMENT   sign whatever it is, with a plain sealed
 *                                  policy key
 *   evil source FILE NAME ADDRESS PORT PEER STEP...       dials
 *   evil destination FILE NAME ADDRESS PORT STEP...       listens, once
 *
 * Steps are words with their arguments, done in order; each prints one line.
 *
 *   handshake                  all three messages
 *   message1 message2 message3 one of them (ours is sent, theirs is read)
 *   lie VERSION SUITES SUITE   what our payloads say from now on
 *   request FILE NAME UUID KB FLAGS   REQUEST, config from FILE
 *   certificate FILE           what our payloads show from now on
 *   papers FILE                what our REQUESTs carry from now on
 *   classic                    no post-quantum handshake, and said so
 *   features MASK              what our payload says that we have
 *   demand HEX                 a quote over that nonce, in our payload
 *   evidence FILE              EVIDENCE with that content
 *   unable TEXT                EVIDENCE without, for that reason
 *   keep FILE                  where the next EVIDENCE that comes is put
 *   accept                     ACCEPT
 *   done CODE                  DONE
 *   handover FACT ADD          HANDOVER about what our last REQUEST named;
 *                              the sequence is ADD more than it said
 *   forget                     another id, and another journal from now on
 *   keepalive                  KEEPALIVE
 *   control TYPE HEX           CONTROL message of any type and body ("-": none)
 *   claim TYPE LENGTH          header of a CONTROL message, no body
 *   record STREAM FLAGS LENGTH a sealed record of zeroes
 *   header LENGTH STREAM FLAGS PAD    8 raw bytes as a record header
 *   raw HEX                    raw bytes
 *   state FILE                 STATE records from a file
 *   expect TYPE MS             read until a message of that type comes
 *   closed MS                  read until the other side closes
 *   alive MS                   read so long; still open at the end
 *   keep-alive MS              as alive, sending KEEPALIVE each 500 ms
 *   quiet MS                   do nothing, read nothing
 * A demand of the other side's, and the hash of the handshake, are printed:
 * "got DEMAND NONCE HASH".
 * "expect", "closed" and "alive" fail (exit 1) when it comes otherwise.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/wire.h"
#include "channel/hello.h"
#include "channel/message.h"
#include "channel/noise.h"
#include "channel/record.h"
#include "seal/seal.h"
#include "trust/identity.h"
#include "trust/minisign.h"

#define STEP_LIMIT_MS 20000

struct evil {
    bool source;
    const char *name, *peer;
    struct sm_identity *id;
    int fd;
    struct sm_noise *noise;
    struct sm_record *rec;
    struct sm_message_reader reader;
    enum sm_message_state state;
    uint16_t version, suite;
    uint32_t suites, peer_suites;
    struct sm_hello_certificate certificate;
    enum sm_hello_kind kind;
    uint32_t features;
    struct sm_hello_demand demand, theirs;
    const char *keep;
    uint8_t *papers;
    size_t papers_len;
    uint8_t buf[SM_RECORD_MAX];
};

static struct evil *e;

static void die(const char *what)
{
    printf("fail %s\n", what);
    exit(1);
}

static void must(int rc, const char *what)
{
    if (rc) {
        printf("fail %s: %s\n", what, sm_err_text(rc));
        exit(1);
    }
}

static unsigned long num(const char *s)
{
    char *end;
    unsigned long n = strtoul(s, &end, 0);

    if (!*s || *end)
        die("number");
    return n;
}

static uint8_t *unhex(const char *s, size_t *len)
{
    uint8_t *out = calloc(1, strlen(s) / 2 + 1);
    size_t i;
    unsigned int b;

    if (!out)
        die("memory");
    *len = 0;
    if (!strcmp(s, "-"))
        return out;
    for (i = 0; s[i] && s[i + 1]; i += 2) {
        if (sscanf(s + i, "%2x", &b) != 1)
            die("hex");
        out[(*len)++] = (uint8_t)b;
    }
    return out;
}

/* ---- bytes ---- */

/* 1: readable; 0: time is up */
static int wait_fd(short what, int64_t deadline)
{
    struct pollfd p = { .fd = e->fd, .events = what };
    int n;

    do
        n = poll(&p, 1, sm_clock_left(deadline));
    while (n < 0 && errno == EINTR);
    return n > 0;
}

/* A peer that closes in the middle of our writing is a result, not a fault
 * of the test: the next "closed" step finds it. */
static void put(const void *data, size_t len)
{
    const uint8_t *p = data;
    int64_t deadline = sm_clock_deadline(STEP_LIMIT_MS);
    ssize_t n;

    while (len) {
        if (!wait_fd(POLLOUT, deadline))
            die("write: nobody reads");
        n = send(e->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return;
        p += n;
        len -= (size_t)n;
    }
}

/* 1: all read; 0: the other side closed; -1: time is up */
static int get(void *data, size_t len, int64_t deadline)
{
    uint8_t *p = data;
    ssize_t n;

    while (len) {
        if (!wait_fd(POLLIN, deadline))
            return -1;
        n = recv(e->fd, p, len, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return 0;
        p += n;
        len -= (size_t)n;
    }
    return 1;
}

/* ---- handshake ---- */

static void start_noise(void)
{
    uint8_t prologue[SM_HELLO_PROLOGUE_MAX];
    struct sm_noise_params p = { 0 };
    size_t len;

    must(sm_hello_prologue(e->source ? e->peer : e->name, prologue, &len),
         "prologue");
    p.protocol = e->kind == SM_HELLO_HFS ? SM_HELLO_NOISE_HFS
                                         : SM_HELLO_NOISE;
    p.initiator = e->source;
    p.prologue = prologue;
    p.prologue_len = len;
    p.static_public = e->id->public_key;
    p.static_secret = e->id->secret_key;
    must(sm_noise_new(&e->noise, &p), "noise");
}

static void print_hex(const uint8_t *bytes, size_t len)
{
    while (len--)
        printf("%02x", *bytes++);
}

static void start_records(void)
{
    uint8_t tx[32], rx[32], hash[SM_HASH_MAX];
    struct sm_record_params p = { 0 };
    size_t len;

    must(sm_noise_hash(e->noise, hash, &len), "hash");
    must(sm_noise_split(e->noise, tx, rx), "split");
    p.suite = e->suite;
    p.initiator = e->source;
    p.tx_key = tx;
    p.rx_key = rx;
    p.hash = hash;
    p.hash_len = len;
    must(sm_record_new(&e->rec, &p), "records");
    e->state = sm_message_begin(e->source ? e->theirs.made : e->demand.made,
                                e->source ? e->demand.made : e->theirs.made);
    if (e->theirs.made) {
        printf("got DEMAND ");
        print_hex(e->theirs.nonce, sizeof(e->theirs.nonce));
        printf(" ");
        print_hex(hash, len);
        printf("\n");
    }
    sm_message_reader_init(&e->reader, e->source ? SM_MESSAGE_DESTINATION
                                                 : SM_MESSAGE_SOURCE);
}

static size_t payload_for(int number, uint8_t out[SM_HELLO_PAYLOAD_LEN])
{
    struct sm_hello h = { .version = e->version, .suites = e->suites,
                          .features = e->features, .demand = e->demand,
                          .certificate = e->certificate };
    struct sm_hello_choice c = { .version = e->version, .suites = e->suites,
                                 .suite = e->suite,
                                 .features = e->features,
                                 .demand = e->demand,
                                 .certificate = e->certificate };

    snprintf(h.host, sizeof(h.host), "%s", e->name);
    snprintf(c.host, sizeof(c.host), "%s", e->name);
    if (number == 1)
        return 0;
    if (number == 2)
        must(sm_hello_encode(&h, out), "hello");
    else
        must(sm_hello_choice_encode(&c, out), "choice");
    return SM_HELLO_PAYLOAD_LEN;
}

static void take_payload(int number, const uint8_t *data, size_t len)
{
    struct sm_hello h;
    struct sm_hello_choice c;

    if (number == 2) {
        must(sm_hello_decode(data, len, &h), "their hello");
        e->peer_suites = h.suites;
        e->theirs = h.demand;
        if (!e->suite)
            e->suite = (uint16_t)sm_suite_best(e->suites, h.suites);
    } else if (number == 3) {
        must(sm_hello_choice_decode(data, len, &c), "their choice");
        e->suite = c.suite;
        e->theirs = c.demand;
    }
}

static void handshake_message(int number)
{
    uint8_t payload[SM_HELLO_PAYLOAD_LEN], wire[2 + SM_HELLO_MESSAGE_MAX];
    size_t len, n;

    if (!e->noise && e->source)
        start_noise();
    if (e->noise && sm_noise_my_turn(e->noise)) {
        len = payload_for(number, payload);
        must(sm_noise_write(e->noise, payload, len, wire + 2,
                            SM_HELLO_MESSAGE_MAX, &n), "write message");
        wire[0] = (uint8_t)(n >> 8);
        wire[1] = (uint8_t)n;
        put(wire, n + 2);
    } else {
        int64_t deadline = sm_clock_deadline(STEP_LIMIT_MS);

        if (get(wire, 2, deadline) != 1)
            die("no handshake message");
        len = (size_t)wire[0] << 8 | wire[1];
        if (len > SM_HELLO_MESSAGE_MAX || get(wire + 2, len, deadline) != 1)
            die("torn handshake message");
        if (!len)
            die("turned down");
        if (!e->noise) {
            e->kind = len == sm_hello_message_len(1, SM_HELLO_HFS) ?
                      SM_HELLO_HFS : SM_HELLO_PLAIN;
            start_noise();
        }
        must(sm_noise_read(e->noise, wire + 2, len, payload,
                           sizeof(payload), &n), "read message");
        take_payload(number, payload, n);
    }
    if (number == 3)
        start_records();
}

static void do_message1(char **a) { (void)a; handshake_message(1); }
static void do_message2(char **a) { (void)a; handshake_message(2); }
static void do_message3(char **a) { (void)a; handshake_message(3); }

static void do_handshake(char **a)
{
    do_message1(a);
    do_message2(a);
    do_message3(a);
}

static void do_lie(char **a)
{
    e->version = (uint16_t)num(a[0]);
    e->suites = (uint32_t)num(a[1]);
    e->suite = (uint16_t)num(a[2]);
}

/* ---- sending ---- */

static void put_record(unsigned int stream, unsigned int flags,
                       const void *data, size_t len)
{
    size_t n;

    must(sm_record_seal(e->rec, stream, flags, data, len, e->buf,
                        sizeof(e->buf), &n), "seal");
    put(e->buf, n);
}

static void put_control(const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t n;

    for (; len; p += n, len -= n) {
        n = len > SM_RECORD_BODY_MAX ? SM_RECORD_BODY_MAX : len;
        put_record(SM_RECORD_CONTROL, 0, p, n);
    }
}

static void put_message(const struct sm_message *m)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    must(sm_message_encode(&w, m), "encode");
    put_control(w.data, w.len);
    sm_wire_writer_dispose(&w);
    e->state = sm_message_after(e->source ? SM_MESSAGE_SOURCE
                                          : SM_MESSAGE_DESTINATION,
                                e->state, m->type);
}

static uint8_t *read_all(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(32 << 20);

    if (!f || !data)
        die(path);
    *len = fread(data, 1, 32 << 20, f);
    fclose(f);
    return data;
}

static void do_certificate(char **a)
{
    uint8_t *data = read_all(a[0], &e->certificate.len);

    if (e->certificate.len > sizeof(e->certificate.bytes))
        die("certificate: too long to be sent");
    memcpy(e->certificate.bytes, data, e->certificate.len);
    free(data);
}

static void do_papers(char **a)
{
    free(e->papers);
    e->papers = read_all(a[0], &e->papers_len);
}

static void do_classic(char **a)
{
    (void)a;
    e->kind = SM_HELLO_PLAIN;
    e->features = 0;
}

static void do_features(char **a)
{
    e->features = (uint32_t)num(a[0]);
}

static void do_demand(char **a)
{
    size_t len;
    uint8_t *nonce = unhex(a[0], &len);

    if (len != sizeof(e->demand.nonce))
        die("demand: not 32 bytes");
    e->demand.made = true;
    memcpy(e->demand.nonce, nonce, len);
    free(nonce);
}

static void do_evidence(char **a)
{
    struct sm_message m = { .type = SM_MESSAGE_EVIDENCE };
    uint8_t *data = read_all(a[0], &m.u.evidence.len);

    m.u.evidence.evidence = data;
    put_message(&m);
    free(data);
}

static void do_unable(char **a)
{
    struct sm_message m = { .type = SM_MESSAGE_EVIDENCE };

    snprintf(m.u.evidence.why, sizeof(m.u.evidence.why), "%s", a[0]);
    put_message(&m);
}

static void do_keep(char **a)
{
    e->keep = a[0];
}

/* What we name in REQUEST and HANDOVER. */
static struct sm_message_handover handover;

static void do_request(char **a)
{
    struct sm_message m = { .type = SM_MESSAGE_REQUEST };
    struct sm_message_request *r = &m.u.request;
    size_t len;
    uint8_t *uuid, *config = read_all(a[0], &r->config_len);

    r->version = SM_MESSAGE_VERSION;
    r->config = config;
    r->papers = e->papers;
    r->papers_len = e->papers_len;
    snprintf(r->name, sizeof(r->name), "%s", a[1]);
    snprintf(r->operator, sizeof(r->operator), "mallory");
    uuid = unhex(a[2], &len);
    if (len != 16)
        die("uuid");
    memcpy(r->uuid, uuid, 16);
    r->memory_kb = num(a[3]);
    r->flags = (uint32_t)num(a[4]);
    r->xen.major = 4;           /* older than the toy's: not what is tried */
    r->xen.minor = 16;
    r->features.word[0] = 1;    /* what the toy's processor has */
    r->sequence = 100;
    memcpy(r->id, handover.id, sizeof(r->id));
    memcpy(r->epoch, handover.epoch, sizeof(r->epoch));
    put_message(&m);
    free(uuid);
    free(config);
}

static void do_handover(char **a)
{
    struct sm_message m = { .type = SM_MESSAGE_HANDOVER };

    m.u.handover = handover;
    m.u.handover.fact = (uint8_t)num(a[0]);
    m.u.handover.sequence = 100 + num(a[1]);
    put_message(&m);
}

static void do_forget(char **a)
{
    (void)a;
    randombytes_buf(handover.id, sizeof(handover.id));
    randombytes_buf(handover.epoch, sizeof(handover.epoch));
}

static void do_accept(char **a)
{
    struct sm_message m = { .type = SM_MESSAGE_ACCEPT };

    (void)a;
    snprintf(m.u.accept.rule, sizeof(m.u.accept.rule), "evil");
    put_message(&m);
}

static void do_done(char **a)
{
    struct sm_message m = { .type = SM_MESSAGE_DONE };

    m.u.done.code = (uint16_t)num(a[0]);
    snprintf(m.u.done.text, sizeof(m.u.done.text), "evil says so");
    put_message(&m);
}

static void do_keepalive(char **a)
{
    struct sm_message m = { .type = SM_MESSAGE_KEEPALIVE };

    (void)a;
    put_message(&m);
}

static void put_claim(uint32_t length, unsigned int type, const void *body,
                      size_t len)
{
    uint8_t *m = calloc(1, 6 + len);

    if (!m)
        die("memory");
    m[0] = (uint8_t)(length >> 24);
    m[1] = (uint8_t)(length >> 16);
    m[2] = (uint8_t)(length >> 8);
    m[3] = (uint8_t)length;
    m[4] = (uint8_t)(type >> 8);
    m[5] = (uint8_t)type;
    if (len)
        memcpy(m + 6, body, len);
    put_control(m, 6 + len);
    free(m);
}

static void do_control(char **a)
{
    size_t len;
    uint8_t *body = unhex(a[1], &len);

    put_claim((uint32_t)len + 2, (unsigned int)num(a[0]), body, len);
    free(body);
}

static void do_claim(char **a)
{
    put_claim((uint32_t)num(a[1]), (unsigned int)num(a[0]), NULL, 0);
}

static void do_record(char **a)
{
    size_t len = num(a[2]);
    uint8_t *zeroes = calloc(1, len + 1);

    if (!zeroes)
        die("memory");
    put_record((unsigned int)num(a[0]), (unsigned int)num(a[1]), zeroes,
               len);
    free(zeroes);
}

static void do_header(char **a)
{
    uint32_t len = (uint32_t)num(a[0]);
    uint16_t pad = (uint16_t)num(a[3]);
    uint8_t h[8] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16),
                     (uint8_t)(len >> 8), (uint8_t)len,
                     (uint8_t)num(a[1]), (uint8_t)num(a[2]),
                     (uint8_t)(pad >> 8), (uint8_t)pad };

    put(h, sizeof(h));
}

static void do_raw(char **a)
{
    size_t len;
    uint8_t *data = unhex(a[0], &len);

    put(data, len);
    free(data);
}

static void do_state(char **a)
{
    size_t len, n, at;
    uint8_t *data = read_all(a[0], &len);

    for (at = 0; at < len; at += n) {
        n = len - at > 65536 ? 65536 : len - at;
        put_record(SM_RECORD_STATE, 0, data + at, n);
    }
    free(data);
}

/* ---- receiving ---- */

static void keep(const struct sm_message_evidence *evidence)
{
    FILE *f = fopen(e->keep, "wb");

    if (!f || fwrite(evidence->evidence, 1, evidence->len, f) !=
        evidence->len || fclose(f))
        die(e->keep);
    e->keep = NULL;
}

static void tell(const struct sm_message *m)
{
    switch (m->type) {
    case SM_MESSAGE_REFUSE:
        printf("got REFUSE %d %s: %s\n", m->u.refuse.code, m->u.refuse.rule,
               m->u.refuse.text);
        break;
    case SM_MESSAGE_DONE:
        printf("got DONE %d %s\n", m->u.done.code, m->u.done.text);
        break;
    case SM_MESSAGE_CANCEL:
        printf("got CANCEL %d %s\n", m->u.cancel.code, m->u.cancel.text);
        break;
    case SM_MESSAGE_EVIDENCE:
        printf("got EVIDENCE %zu %s\n", m->u.evidence.len,
               m->u.evidence.why);
        if (e->keep)
            keep(&m->u.evidence);
        break;
    default:
        printf("got %s\n", sm_message_name(m->type));
    }
}

/* One record.  1: got it; 0: closed; -1: time is up.  *want becomes 0 when a
 * message of that type was in it. */
static int read_record(unsigned int *want, int64_t deadline)
{
    enum sm_record_stream stream;
    struct sm_message m;
    const uint8_t *p = e->buf + SM_RECORD_HEADER_LEN;
    unsigned int flags;
    size_t total, len;
    bool ready;
    int got;

    got = get(e->buf, SM_RECORD_HEADER_LEN, deadline);
    if (got != 1)
        return got;
    must(sm_record_need(e->rec, e->buf, &total), "their header");
    got = get(e->buf + SM_RECORD_HEADER_LEN, total - SM_RECORD_HEADER_LEN,
              deadline);
    if (got != 1)
        return got;
    must(sm_record_open(e->rec, e->buf, total, &stream, &flags,
                        e->buf + SM_RECORD_HEADER_LEN, SM_RECORD_BODY_MAX,
                        &len), "open");
    if (flags & SM_RECORD_FINAL)
        printf("got FINAL %d\n", (int)stream);
    if (stream != SM_RECORD_CONTROL) {
        if (*want == 100 + stream)
            *want = 0;
        return 1;
    }
    while (len) {
        must(sm_message_reader_next(&e->reader, e->state, &p, &len, &m,
                                    &ready), "their message");
        if (!ready)
            continue;
        e->state = sm_message_after(e->source ? SM_MESSAGE_DESTINATION
                                              : SM_MESSAGE_SOURCE,
                                    e->state, m.type);
        if (m.type != SM_MESSAGE_KEEPALIVE || *want == m.type)
            tell(&m);
        if (*want == m.type)
            *want = 0;
    }
    return 1;
}

static void do_expect(char **a)
{
    unsigned int want = (unsigned int)num(a[0]);
    int64_t deadline = sm_clock_deadline((int64_t)num(a[1]));
    int got;

    while (want) {
        got = read_record(&want, deadline);
        if (got == 0)
            die("expect: closed");
        if (got < 0)
            die("expect: nothing came");
    }
}

/* Reads until closed or the time is up: 0 or -1. */
static int drain(int64_t deadline)
{
    unsigned int want = 0xffff;
    int got = 1;

    while (got == 1)
        got = e->rec ? read_record(&want, deadline)
                     : get(e->buf, 1, deadline);
    return got;
}

static void do_closed(char **a)
{
    int64_t start = sm_clock_now_ms();

    if (drain(sm_clock_deadline((int64_t)num(a[0]))))
        die("closed: still open");
    printf("closed after %d\n", (int)(sm_clock_now_ms() - start));
}

static void do_alive(char **a)
{
    if (!drain(sm_clock_deadline((int64_t)num(a[0]))))
        die("alive: closed");
}

static void do_keep_alive(char **a)
{
    int64_t end = sm_clock_deadline((int64_t)num(a[0]));

    while (sm_clock_now_ms() < end) {
        do_keepalive(NULL);
        if (!drain(sm_clock_deadline(500)))
            die("keep-alive: closed");
    }
}

static void do_quiet(char **a)
{
    usleep((useconds_t)num(a[0]) * 1000);
}

static const struct {
    const char *name;
    int args;
    void (*run)(char **args);
} steps[] = {
    { "handshake", 0, do_handshake }, { "message1", 0, do_message1 },
    { "message2", 0, do_message2 },   { "message3", 0, do_message3 },
    { "lie", 3, do_lie },             { "request", 5, do_request },
    { "papers", 1, do_papers },       { "certificate", 1, do_certificate },
    { "classic", 0, do_classic },     { "features", 1, do_features },
    { "demand", 1, do_demand },       { "evidence", 1, do_evidence },
    { "unable", 1, do_unable },       { "keep", 1, do_keep },
    { "accept", 0, do_accept },       { "done", 1, do_done },
    { "keepalive", 0, do_keepalive }, { "control", 2, do_control },
    { "handover", 2, do_handover },   { "forget", 0, do_forget },
    { "claim", 2, do_claim },         { "record", 3, do_record },
    { "header", 4, do_header },       { "raw", 1, do_raw },
    { "state", 1, do_state },         { "expect", 2, do_expect },
    { "closed", 1, do_closed },       { "alive", 1, do_alive },
    { "keep-alive", 1, do_keep_alive }, { "quiet", 1, do_quiet },
};

static void run_steps(char **a)
{
    size_t i;
    int n;

    do_forget(NULL);
    while (*a) {
        for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
            if (!strcmp(steps[i].name, *a))
                break;
        if (i == sizeof(steps) / sizeof(steps[0]))
            die(*a);
        for (n = 0; n < steps[i].args; n++)
            if (!a[1 + n])
                die("missing argument");
        steps[i].run(a + 1);
        printf("did %s\n", *a);
        a += 1 + steps[i].args;
    }
}

/* ---- start ---- */

static int keygen(const char *path, const char *name)
{
    struct sm_identity *id;
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    char why[256];

    must(sm_identity_generate(name, &id), "generate");
    must(sm_identity_format(name, id->public_key, line), "format");
    must(sm_file_write(path, id->secret_key, SM_IDENTITY_KEY_LEN, 0600, why,
                       sizeof(why)), "write");
    sm_identity_fingerprint(id->public_key, fpr);
    printf("%s%s\n", line, fpr);
    sm_identity_free(id);
    return 0;
}

/* What lies in a plain sealed file; locked memory. */
static uint8_t *open_plain(const char *path, const char *purpose,
                           const char *name, size_t *len)
{
    struct sm_seal_source source = { 0 };
    struct sm_seal *seal;
    uint8_t *secret;
    char why[512];

    must(sm_seal_open_backend("plain", &source, &seal, why, sizeof(why)),
         "seal");
    must(sm_seal_load(seal, path, purpose, name, &secret, len, why,
                      sizeof(why)), "load");
    sm_seal_free(seal);
    return secret;
}

static int unseal(const char *path, const char *name)
{
    size_t len, i;
    uint8_t *secret = open_plain(path, SM_IDENTITY_PURPOSE, name, &len);

    for (i = 0; i < len; i++)
        printf("%02x", secret[i]);
    printf("\n");
    sm_secret_free(secret);
    return 0;
}

static int sign(const char *path, const char *name, const char *document)
{
    char text[SM_MINISIGN_TEXT_MAX], signature[512], why[256];
    size_t len, data_len;
    uint8_t *secret = open_plain(path, "policy-key", name, &len);
    uint8_t *data = read_all(document, &data_len);

    must(sm_minisign_sign(secret, data, data_len, "signed unseen", text,
                          sizeof(text)), "sign");
    snprintf(signature, sizeof(signature), "%s.minisig", document);
    must(sm_file_write(signature, text, strlen(text), 0644, why,
                       sizeof(why)), "write");
    sm_secret_free(secret);
    free(data);
    return 0;
}

static void connect_or_listen(const char *address, const char *port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)num(port)) };
    int one = 1, s;

    if (inet_pton(AF_INET, address, &sa.sin_addr) != 1)
        die("address");
    s = socket(AF_INET, SOCK_STREAM, 0);
    if (e->source) {
        if (connect(s, (struct sockaddr *)&sa, sizeof(sa)))
            die("connect");
        e->fd = s;
        return;
    }
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(s, (struct sockaddr *)&sa, sizeof(sa)) || listen(s, 8))
        die("listen");
    printf("listening\n");
    e->fd = accept(s, NULL, NULL);
    close(s);
    if (e->fd < 0)
        die("accept");
}

int main(int argc, char **argv)
{
    uint8_t *secret = NULL;
    size_t len;
    char why[256];
    int first;

    setvbuf(stdout, NULL, _IOLBF, 0);
    must(sm_secret_init(), "init");
    if (argc == 4 && !strcmp(argv[1], "keygen"))
        return keygen(argv[2], argv[3]);
    if (argc == 4 && !strcmp(argv[1], "unseal"))
        return unseal(argv[2], argv[3]);
    if (argc == 5 && !strcmp(argv[1], "sign"))
        return sign(argv[2], argv[3], argv[4]);
    if (argc < 6)
        die("usage");
    e = calloc(1, sizeof(*e));
    if (!e)
        die("memory");
    e->source = !strcmp(argv[1], "source");
    e->name = argv[3];
    e->version = SM_HELLO_VERSION;
    e->suites = sm_suite_available();
    e->features = sm_hello_features();
    e->kind = e->features ? SM_HELLO_HFS : SM_HELLO_PLAIN;
    first = 6;
    if (e->source)
        e->peer = argv[first++];
    must(sm_file_read_secret(argv[2], SM_IDENTITY_KEY_LEN, &secret, &len,
                             why, sizeof(why)), "key");
    must(sm_identity_from_secret(e->name, secret, &e->id), "identity");
    sm_secret_free(secret);
    alarm(60);
    connect_or_listen(argv[4], argv[5]);
    run_steps(argv + first);
    close(e->fd);
    sm_message_reader_dispose(&e->reader);
    sm_record_free(e->rec);
    sm_noise_free(e->noise);
    sm_identity_free(e->id);
    free(e->papers);
    free(e);
    return 0;
}
