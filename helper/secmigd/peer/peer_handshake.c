/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handshake: Noise XX, or XXhfs, as docs/protocol.md has it, one
 * function a message, in order of time.
 *
 *   1  -> e [e1]
 *   2  <- e, ee, [ekem1] s, es  HELLO: responder's name and suites
 *   3  -> s, se                 CHOICE: initiator's name, suites, the suite
 *                               chosen
 *
 * The initiator says by message 1 which of the two it is.  A responder that
 * has no XXhfs says so with an empty message 2; the parent may then dial
 * again.  Whether that was true comes out in the second handshake.
 *
 * The responder's static key is asked for only when a message 1 has come that
 * could be answered: who connects and says nothing, or rubbish, has no key
 * released and no TPM asked.
 *
 * The initiator shows its own static key (message 3) only after the parent
 * has accepted the responder's.
 */
#include "peer/peer.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "roles.h"

#define KEEPER_TIMEOUT 5000     /* ms for one Diffie-Hellman next door */

/* The static key's part of the handshake, asked of the keeper. */
static int keeper_dh(void *ctx, const uint8_t public[static SM_DH_LEN],
                     uint8_t shared[static SM_DH_LEN])
{
    struct peer *p = ctx;
    struct pollfd fd = { .fd = p->keeper, .events = POLLIN };

    if (send(p->keeper, public, SM_DH_LEN, MSG_NOSIGNAL) != SM_DH_LEN)
        return SM_STATE;
    if (poll(&fd, 1, KEEPER_TIMEOUT) != 1)
        return SM_STATE;
    /* Closed without an answer: the point was of low order. */
    if (recv(p->keeper, shared, SM_DH_LEN, 0) != SM_DH_LEN)
        return SM_PROTOCOL;
    return 0;
}

/* With the host's static key, or with a pair that is thrown away. */
static int start_noise(struct peer *p, const uint8_t *public,
                       const uint8_t *secret, struct sm_noise **out)
{
    uint8_t prologue[SM_HELLO_PROLOGUE_MAX];
    struct sm_noise_params params = {
        .protocol = p->kind == SM_HELLO_HFS ? SM_HELLO_NOISE_HFS :
                    SM_HELLO_NOISE,
        .initiator = p->initiator,
        .prologue = prologue,
        .static_public = public,
        .static_secret = secret,
        .dh = secret ? NULL : keeper_dh,
        .dh_ctx = p,
    };
    int rc;

    rc = sm_hello_prologue(p->initiator ? p->other : p->conf->name,
                           prologue, &params.prologue_len);
    if (rc)
        return rc;
    return sm_noise_new(out, &params);
}

static void write_message(struct peer *p, const void *payload,
                          size_t payload_len)
{
    uint8_t out[SM_HELLO_MESSAGE_MAX];
    size_t out_len, len;
    int rc;

    rc = sm_noise_write(p->noise, payload, payload_len, out, sizeof(out), &out_len);
    if (!rc)
        rc = link_put_frame(p->link, out, out_len);
    if (rc)
        peer_end(p, rc, "handshake message %u: %s", p->step,
                 sm_err_text(rc));
    p->step++;
    len = sm_hello_message_len(p->step, p->kind);
    link_expect(p->link, len, p->step == 2 && p->kind == SM_HELLO_HFS ? 0 :
                len);
}

void peer_handshake_start(struct peer *p)
{
    p->step = 1;
    if (p->initiator) {
        peer_enter(p, PEER_KEEPER, p->conf->handshake_timeout);
        return;
    }
    peer_enter(p, PEER_HANDSHAKE, p->conf->handshake_timeout);
    /* Also when we have no XXhfs: who asks for it is told. */
    link_expect(p->link, sm_hello_message_len(1, SM_HELLO_PLAIN),
                sm_hello_message_len(1, SM_HELLO_HFS));
}

/* The parent takes its time: whether the other side may be spoken to can
 * depend on a certificate that another process verifies first. */
static void tell_parent_key(struct peer *p, const char *name, uint16_t suite,
                            const struct sm_hello_certificate *certificate)
{
    uint8_t flags = (uint8_t)((p->theirs.made ? PEER_DEMAND : 0) |
                              (p->kind == SM_HELLO_HFS ? PEER_POST_QUANTUM :
                               0));
    uint8_t key[SM_NOISE_KEY_LEN];
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, IPC_MAX);
    rc = sm_noise_remote_static(p->noise, key);
    if (!rc) {
        sm_wire_put_bytes(&w, key, sizeof(key));
        sm_wire_put_str(&w, name);
        sm_wire_put_u16(&w, suite);
        sm_wire_put_u8(&w, flags);
        sm_wire_put_blob(&w, certificate->bytes, certificate->len);
        rc = ipc_send(ROLE_CHANNEL, IPC_PEER_KEY, &w, NULL, 0);
    }
    sm_wire_writer_dispose(&w);
    if (rc)
        peer_end(p, rc, "no verdict about the key");
    else
        peer_enter(p, PEER_KEY, p->conf->answer_timeout);
}

/* The keys of the handshake become those of the records. */
static void start_records(struct peer *p)
{
    uint8_t tx[SM_NOISE_KEY_LEN], rx[SM_NOISE_KEY_LEN];
    struct sm_record *rec = NULL;
    struct sm_record_params params = {
        .suite = (enum sm_suite)p->choice.suite,
        .initiator = p->initiator,
        .tx_key = tx, .rx_key = rx,
        .hash = p->hash,
    };
    int rc;

    rc = sm_noise_hash(p->noise, p->hash, &params.hash_len);
    if (!rc)
        rc = sm_noise_split(p->noise, tx, rx);
    if (!rc)
        rc = sm_record_new(&rec, &params);
    sm_secret_wipe(tx, sizeof(tx));
    sm_secret_wipe(rx, sizeof(rx));
    sm_noise_free(p->noise);
    p->noise = NULL;
    if (!rc)
        rc = link_secure(p->link, rec);
    if (rc)
        peer_end(p, rc, "cannot start the records: %s", sm_err_text(rc));
}

/* The initiator wants XXhfs, and will try again without if it may. */
static void cannot(struct peer *p)
{
    if (link_put_frame(p->link, (const uint8_t *)"", 0) ||
        link_flush(p->link))
        p->done = true;
    peer_end(p, SM_CONFIG, "the post-quantum handshake was asked for, which "
             "this host %s", sm_hello_features() ? "has switched off" :
             "has not (built with an old libsodium)");
}

/* ... and is told so. */
static void turned_down(struct peer *p)
{
    if (ipc_send(ROLE_CHANNEL, IPC_PEER_CLASSIC, NULL, NULL, 0))
        sm_debug("the parent has gone");
    p->done = true;
}

/*
 * Whether a message 1 could be answered: its length, its point (not of low
 * order) and its ML-KEM key are what they should be.  It is answered for a
 * try, with a static key made up for it, so that nothing is checked otherwise
 * here than in the handshake itself.
 */
static int try_1(struct peer *p, const uint8_t *data, size_t len)
{
    uint8_t secret[SM_DH_LEN], public[SM_DH_LEN];
    uint8_t buffer[SM_HELLO_MESSAGE_MAX];
    struct sm_noise *noise = NULL;
    size_t n;
    int rc;

    sm_dh_keypair(secret, public);
    rc = start_noise(p, public, secret, &noise);
    if (!rc)
        rc = sm_noise_read(noise, data, len, buffer, sizeof(buffer), &n);
    if (!rc)
        rc = n ? SM_PROTOCOL : sm_noise_write(noise, NULL, 0, buffer,
                                              sizeof(buffer), &n);
    sm_noise_free(noise);
    return rc;
}

/* Message 1 at the responder, which stays where it is until the parent has
 * brought the key. */
static void look_at_1(struct peer *p, const uint8_t *data, size_t len)
{
    int rc;

    p->kind = len == sm_hello_message_len(1, SM_HELLO_HFS) ? SM_HELLO_HFS :
              SM_HELLO_PLAIN;
    if (p->kind == SM_HELLO_HFS && !p->features) {
        cannot(p);
        return;
    }
    rc = try_1(p, data, len);
    if (rc)
        peer_end(p, rc, "handshake message 1 is not ours");
    else if (ipc_send(ROLE_CHANNEL, IPC_PEER_NEED_KEY, NULL, NULL, 0))
        p->done = true;
    else
        peer_enter(p, PEER_KEEPER, 2 * p->conf->handshake_timeout);
}

/* ... and is answered at once with message 2. */
static void read_1(struct peer *p)
{
    uint8_t payload[SM_HELLO_MESSAGE_MAX];
    struct sm_hello hello = { .version = SM_HELLO_VERSION };
    const uint8_t *data;
    size_t n, len;
    int rc;

    link_frame(p->link, &data, &len);
    rc = sm_noise_read(p->noise, data, len, payload, sizeof(payload), &n);
    if (rc || n) {
        peer_end(p, rc ? rc : SM_PROTOCOL, "handshake message 1 is not ours");
        return;
    }
    p->step = 2;
    strcpy(hello.host, p->conf->name);
    hello.suites = sm_suite_available();
    hello.features = p->features;
    hello.demand = p->ours;
    hello.certificate = p->certificate;
    rc = sm_hello_encode(&hello, payload);
    if (rc)
        peer_end(p, rc, "cannot encode HELLO");
    else
        write_message(p, payload, SM_HELLO_PAYLOAD_LEN);
}

/* What message 3 will say, but for its being sent.  The parent learns the
 * suite before the other host learns who we are. */
static void choose(struct peer *p)
{
    p->choice.version = SM_HELLO_VERSION;
    strcpy(p->choice.host, p->conf->name);
    p->choice.suites = sm_suite_available();
    p->choice.suite = (uint16_t)sm_suite_best(p->choice.suites,
                                              p->hello.suites);
    p->choice.features = p->features;
    p->choice.demand = p->ours;
    p->choice.certificate = p->certificate;
    if (p->choice.suite == SM_SUITE_NONE)
        peer_end(p, SM_PROTOCOL, "no cipher suite in common with %s",
                 p->other);
    else
        tell_parent_key(p, p->hello.host, p->choice.suite,
                        &p->hello.certificate);
}

/* Message 2 at the initiator: who answers?  The parent judges. */
static void read_2(struct peer *p, const uint8_t *data, size_t len)
{
    uint8_t payload[SM_HELLO_MESSAGE_MAX];
    size_t n;
    int rc;

    if (!len) {
        turned_down(p);
        return;
    }
    rc = sm_noise_read(p->noise, data, len, payload, sizeof(payload), &n);
    if (!rc)
        rc = sm_hello_decode(payload, n, &p->hello);
    if (rc == SM_AUTH) {
        peer_end(p, SM_AUTH, "what answers there does not call itself %s, "
                 "or the connection was tampered with", p->other);
    } else if (rc) {
        peer_end(p, rc, "%s answered the handshake wrongly", p->other);
    } else if (strcmp(p->hello.host, p->other)) {
        peer_end(p, SM_AUTH, "the other host calls itself %s, not %s",
                 p->hello.host, p->other);
    } else if (sm_hello_stripped(p->kind, p->features, p->hello.features)) {
        peer_end(p, SM_AUTH, "the post-quantum handshake was stripped: %s "
                 "has it, and somebody in between said that it has not",
                 p->other);
    } else {
        p->step = 3;
        p->theirs = p->hello.demand;
        choose(p);
    }
}

/* Message 3 by the initiator. */
static void write_3(struct peer *p)
{
    uint8_t payload[SM_HELLO_PAYLOAD_LEN];
    int rc;

    rc = sm_hello_choice_encode(&p->choice, payload);
    if (rc) {
        peer_end(p, rc, "cannot encode CHOICE");
        return;
    }
    write_message(p, payload, sizeof(payload));
    if (!p->done)
        start_records(p);
}

/* Message 3 at the responder: who is asking?  The parent judges. */
static void read_3(struct peer *p, const uint8_t *data, size_t len)
{
    uint8_t payload[SM_HELLO_MESSAGE_MAX];
    size_t n;
    int rc;

    rc = sm_noise_read(p->noise, data, len, payload, sizeof(payload), &n);
    if (!rc)
        rc = sm_hello_choice_decode(payload, n, &p->choice);
    if (!rc)
        rc = sm_hello_check(&p->choice, sm_suite_available());
    if (rc) {
        peer_end(p, rc, "handshake message 3: %s", sm_err_text(rc));
        return;
    }
    if (sm_hello_stripped(p->kind, p->features, p->choice.features)) {
        peer_end(p, SM_AUTH, "the post-quantum handshake was stripped: both "
                 "hosts have it, and somebody in between kept it from being "
                 "used");
        return;
    }
    strcpy(p->other, p->choice.host);
    p->theirs = p->choice.demand;
    tell_parent_key(p, p->choice.host, p->choice.suite,
                    &p->choice.certificate);
    if (p->phase == PEER_KEY)
        start_records(p);
}

void peer_handshake_keeper(struct peer *p)
{
    int rc;

    peer_enter(p, PEER_HANDSHAKE, p->conf->handshake_timeout);
    rc = start_noise(p, p->own_public, NULL, &p->noise);
    if (rc)
        peer_end(p, rc, "cannot start the handshake: %s", sm_err_text(rc));
    else if (p->initiator)
        write_message(p, NULL, 0);
    else
        read_1(p);
}

void peer_handshake_frame(struct peer *p)
{
    const uint8_t *data;
    size_t len;

    link_frame(p->link, &data, &len);
    if (!p->initiator && p->step == 1)
        look_at_1(p, data, len);
    else if (p->initiator && p->step == 2)
        read_2(p, data, len);
    else if (!p->initiator && p->step == 3)
        read_3(p, data, len);
    else
        peer_end(p, SM_PROTOCOL, "handshake message out of turn");
}

void peer_handshake_go_on(struct peer *p)
{
    if (p->initiator)
        write_3(p);
}
