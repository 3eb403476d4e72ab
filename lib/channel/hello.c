/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/hello.h"

#include <string.h>

#include "channel/kem.h"
#include "channel/noise.h"

#define PROLOGUE_LABEL "xen-secmig 1"

static bool name_ok(const char *name)
{
    size_t len = strnlen(name, SM_HELLO_HOST_MAX + 1);

    return len > 0 && len <= SM_HELLO_HOST_MAX && sm_wire_text_ok(name, len);
}

int sm_hello_prologue(const char *name,
                      uint8_t out[static SM_HELLO_PROLOGUE_MAX], size_t *len)
{
    struct sm_wire_writer w;
    int rc;

    *len = 0;
    if (!name_ok(name))
        return SM_USAGE;
    sm_wire_writer_init(&w, SM_HELLO_PROLOGUE_MAX);
    sm_wire_put_str(&w, PROLOGUE_LABEL);
    sm_wire_put_str(&w, name);
    rc = sm_wire_error(&w);
    if (!rc) {
        memcpy(out, w.data, w.len);
        *len = w.len;
    }
    sm_wire_writer_dispose(&w);
    return rc;
}

/* Tokens of XX: e | e ee s es | s se.  With psk0 there is a key from the
 * start, so that message 1's empty payload has a tag.  With hfs there are
 * e1 in message 1, without a key, and ekem1 in message 2, with one. */
size_t sm_hello_message_len(unsigned int message, enum sm_hello_kind kind)
{
    bool hfs = kind == SM_HELLO_HFS, psk = kind == SM_HELLO_PSK;
    const size_t encrypted_key = SM_DH_LEN + SM_NOISE_TAG_LEN;
    const size_t encrypted_payload = SM_HELLO_PAYLOAD_LEN + SM_NOISE_TAG_LEN;

    switch (message) {
    case 1:
        return SM_DH_LEN + (psk ? SM_NOISE_TAG_LEN : 0) +
               (hfs ? SM_KEM_PUBLIC_LEN : 0);
    case 2:
        return SM_DH_LEN + encrypted_key + encrypted_payload +
               (hfs ? SM_KEM_CIPHERTEXT_LEN + SM_NOISE_TAG_LEN : 0);
    case 3:
        return encrypted_key + encrypted_payload;
    default:
        return 0;
    }
}

uint32_t sm_hello_features(void)
{
    return sm_kem_available() ? SM_HELLO_MLKEM768 : 0;
}

bool sm_hello_stripped(enum sm_hello_kind kind, uint32_t ours,
                       uint32_t theirs)
{
    return kind != SM_HELLO_HFS && (ours & theirs & SM_HELLO_MLKEM768);
}

/* There is one way to say that nothing is demanded. */
static bool demand_ok(const struct sm_hello_demand *d)
{
    uint8_t sum = 0;
    size_t i;

    for (i = 0; i < sizeof(d->nonce); i++)
        sum |= d->nonce[i];
    return d->made || !sum;
}

/* The fields that both payloads begin with. */
static int put_common(struct sm_wire_writer *w, uint16_t version,
                      const char *host, uint32_t suites, uint32_t features,
                      const struct sm_hello_demand *demand)
{
    if (!name_ok(host) || !demand_ok(demand))
        return SM_USAGE;
    sm_wire_writer_init(w, SM_HELLO_PAYLOAD_LEN);
    sm_wire_put_u16(w, version);
    sm_wire_put_str(w, host);
    sm_wire_put_u32(w, suites);
    sm_wire_put_u32(w, features);
    sm_wire_put_u8(w, demand->made);
    sm_wire_put_bytes(w, demand->nonce, sizeof(demand->nonce));
    return 0;
}

/* ... and the field and the padding that they end with. */
static int put_end(struct sm_wire_writer *w,
                   const struct sm_hello_certificate *c,
                   uint8_t out[static SM_HELLO_PAYLOAD_LEN])
{
    int rc = SM_USAGE;

    if (c->len > sizeof(c->bytes))
        goto out;
    sm_wire_put_blob(w, c->bytes, c->len);
    rc = sm_wire_error(w);
    if (rc)
        goto out;
    memset(out, 0, SM_HELLO_PAYLOAD_LEN);
    memcpy(out, w->data, w->len);
out:
    sm_wire_writer_dispose(w);
    return rc;
}

int sm_hello_encode(const struct sm_hello *h,
                    uint8_t out[static SM_HELLO_PAYLOAD_LEN])
{
    struct sm_wire_writer w;
    int rc;

    rc = put_common(&w, h->version, h->host, h->suites, h->features,
                    &h->demand);
    return rc ? rc : put_end(&w, &h->certificate, out);
}

int sm_hello_choice_encode(const struct sm_hello_choice *c,
                           uint8_t out[static SM_HELLO_PAYLOAD_LEN])
{
    struct sm_wire_writer w;
    int rc;

    rc = put_common(&w, c->version, c->host, c->suites, c->features,
                    &c->demand);
    if (rc)
        return rc;
    sm_wire_put_u16(&w, c->suite);
    return put_end(&w, &c->certificate, out);
}

static void get_demand(struct sm_wire_reader *r, struct sm_hello_demand *out)
{
    uint8_t made = sm_wire_get_u8(r);

    sm_wire_get_bytes(r, out->nonce, sizeof(out->nonce));
    out->made = made == 1;
    if (made > 1 || !demand_ok(out))
        r->error = SM_PROTOCOL;
}

static void get_certificate(struct sm_wire_reader *r,
                            struct sm_hello_certificate *out)
{
    const uint8_t *data;
    size_t len;

    sm_wire_get_blob(r, sizeof(out->bytes), &data, &len);
    if (len)
        memcpy(out->bytes, data, len);
    out->len = len;
}

/* The rest of a payload must be zeroes, up to the one allowed length. */
static bool padding_ok(struct sm_wire_reader *r, size_t len)
{
    size_t n = sm_wire_left(r);
    uint8_t sum = 0;

    if (len != SM_HELLO_PAYLOAD_LEN)
        return false;
    while (n--)
        sum |= sm_wire_get_u8(r);
    return !sum && !sm_wire_end(r);
}

int sm_hello_decode(const uint8_t *data, size_t len, struct sm_hello *out)
{
    struct sm_wire_reader r;

    memset(out, 0, sizeof(*out));
    sm_wire_reader_init(&r, data, len);
    out->version = sm_wire_get_u16(&r);
    sm_wire_get_str(&r, out->host, sizeof(out->host));
    out->suites = sm_wire_get_u32(&r);
    out->features = sm_wire_get_u32(&r);
    get_demand(&r, &out->demand);
    get_certificate(&r, &out->certificate);
    if (!padding_ok(&r, len) || out->version != SM_HELLO_VERSION ||
        !name_ok(out->host)) {
        memset(out, 0, sizeof(*out));
        return SM_PROTOCOL;
    }
    return 0;
}

int sm_hello_choice_decode(const uint8_t *data, size_t len,
                           struct sm_hello_choice *out)
{
    struct sm_wire_reader r;

    memset(out, 0, sizeof(*out));
    sm_wire_reader_init(&r, data, len);
    out->version = sm_wire_get_u16(&r);
    sm_wire_get_str(&r, out->host, sizeof(out->host));
    out->suites = sm_wire_get_u32(&r);
    out->features = sm_wire_get_u32(&r);
    get_demand(&r, &out->demand);
    out->suite = sm_wire_get_u16(&r);
    get_certificate(&r, &out->certificate);
    if (!padding_ok(&r, len) || out->version != SM_HELLO_VERSION ||
        !name_ok(out->host)) {
        memset(out, 0, sizeof(*out));
        return SM_PROTOCOL;
    }
    return 0;
}

int sm_hello_check(const struct sm_hello_choice *c, uint32_t ours)
{
    enum sm_suite best = sm_suite_best(ours, c->suites);

    return best == SM_SUITE_NONE || c->suite != (unsigned int)best
           ? SM_PROTOCOL : 0;
}
