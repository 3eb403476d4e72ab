/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/record.h"

#include <string.h>

#include "base/secret.h"
#include "channel/hash.h"

#define SECRET_LEN 32

/* Contexts of HKDF-Expand; suite and direction follow the first. */
#define INFO_START "xen-secmig 1 records"
#define INFO_KEY   "xen-secmig 1 key"
#define INFO_IV    "xen-secmig 1 iv"
#define INFO_NEXT  "xen-secmig 1 next"

struct direction {
    struct sm_suite_key key;
    uint8_t secret[SECRET_LEN];         /* of the next generation */
    uint8_t iv[SM_SUITE_NONCE_MAX];
    uint64_t records, bytes;            /* under this key */
    uint64_t total;                     /* records under all keys */
    uint64_t generation;
    bool ended[SM_RECORD_STREAMS];
    bool dead;
};

struct sm_record {
    struct direction tx, rx;
    enum sm_suite suite;
    size_t tag_len, nonce_len;
    uint64_t rekey_records, rekey_bytes, total_records;
};

/* ---- keys ---- */

static int expand(const uint8_t secret[static SECRET_LEN], const char *info,
                  uint8_t *out, size_t len)
{
    return sm_hash_expand(SM_HASH_SHA256, secret, SECRET_LEN, info,
                          strlen(info), out, len);
}

/* Key and start nonce from the secret at hand; then the secret is replaced
 * by the next one, from which the old one cannot be found. */
static int next_key(const struct sm_record *rec, struct direction *d)
{
    uint8_t key[SM_SUITE_KEY_LEN], next[SECRET_LEN];
    int rc;

    rc = expand(d->secret, INFO_KEY, key, sizeof(key));
    if (!rc)
        rc = expand(d->secret, INFO_IV, d->iv, rec->nonce_len);
    if (!rc)
        rc = expand(d->secret, INFO_NEXT, next, sizeof(next));
    if (!rc)
        rc = sm_suite_key_set(&d->key, rec->suite, key);
    if (!rc) {
        memcpy(d->secret, next, sizeof(next));
        d->records = 0;
        d->bytes = 0;
        d->generation++;
    }
    sm_secret_wipe(key, sizeof(key));
    sm_secret_wipe(next, sizeof(next));
    return rc;
}

static int start(const struct sm_record *rec, struct direction *d,
                 const struct sm_record_params *p, const uint8_t *split_key,
                 bool from_initiator)
{
    uint8_t info[sizeof(INFO_START) - 1 + 2], prk[SM_HASH_MAX];
    int rc;

    memcpy(info, INFO_START, sizeof(info) - 2);
    info[sizeof(info) - 2] = (uint8_t)rec->suite;
    info[sizeof(info) - 1] = from_initiator ? 0 : 1;
    sm_hash_extract(SM_HASH_SHA256, p->hash, p->hash_len, split_key,
                    SM_SUITE_KEY_LEN, prk);
    rc = sm_hash_expand(SM_HASH_SHA256, prk, sm_hash_len(SM_HASH_SHA256),
                        info, sizeof(info), d->secret, SECRET_LEN);
    sm_secret_wipe(prk, sizeof(prk));
    return rc ? rc : next_key(rec, d);
}

/* Forget the keys of a direction, for good. */
static int close_direction(struct direction *d, int rc)
{
    sm_suite_key_wipe(&d->key);
    sm_secret_wipe(d->secret, sizeof(d->secret));
    sm_secret_wipe(d->iv, sizeof(d->iv));
    d->dead = true;
    return rc;
}

/* RFC 8446 section 5.3. */
static void make_nonce(const struct sm_record *rec,
                       const struct direction *d,
                       uint8_t out[static SM_SUITE_NONCE_MAX])
{
    size_t i;

    memcpy(out, d->iv, rec->nonce_len);
    for (i = 0; i < 8; i++)
        out[rec->nonce_len - 1 - i] ^= (uint8_t)(d->records >> (8 * i));
}

/* One record has been sealed or opened: both sides count the same. */
static int count(const struct sm_record *rec, struct direction *d,
                 size_t len)
{
    d->records++;
    d->total++;
    d->bytes += len;
    if (d->records < rec->rekey_records && d->bytes < rec->rekey_bytes)
        return 0;
    return next_key(rec, d);
}

/* ---- start and end ---- */

/* A limit of the parameters: 0 stands for the highest. */
static int take_limit(uint64_t wanted, uint64_t highest, uint64_t *out)
{
    *out = wanted ? wanted : highest;
    return wanted > highest ? SM_USAGE : 0;
}

int sm_record_new(struct sm_record **out, const struct sm_record_params *p)
{
    struct sm_record *rec;
    void *memory;
    int rc;

    *out = NULL;
    if (!p->tx_key || !p->rx_key || !p->hash || p->hash_len < 32 ||
        p->hash_len > SM_HASH_MAX)
        return SM_USAGE;
    if (p->suite == SM_SUITE_NONE || p->suite > SM_SUITE_CHACHA20POLY1305 ||
        !(sm_suite_available() & SM_SUITE_BIT(p->suite)))
        return SM_CONFIG;
    rc = sm_secret_new(&memory, sizeof(*rec));
    if (rc)
        return rc;
    rec = memory;

    rec->suite = p->suite;
    rec->tag_len = sm_suite_tag_len(p->suite);
    rec->nonce_len = sm_suite_nonce_len(p->suite);
    rc = take_limit(p->rekey_records, SM_RECORD_REKEY_RECORDS,
                    &rec->rekey_records);
    if (!rc)
        rc = take_limit(p->rekey_bytes, SM_RECORD_REKEY_BYTES,
                        &rec->rekey_bytes);
    if (!rc)
        rc = take_limit(p->total_records, SM_RECORD_TOTAL_RECORDS,
                        &rec->total_records);
    if (!rc)
        rc = start(rec, &rec->tx, p, p->tx_key, p->initiator);
    if (!rc)
        rc = start(rec, &rec->rx, p, p->rx_key, !p->initiator);
    if (rc) {
        sm_record_free(rec);
        return rc;
    }
    *out = rec;
    return 0;
}

void sm_record_free(struct sm_record *rec)
{
    sm_secret_free(rec);
}

/* ---- sealing ---- */

static void put_header(uint8_t *out, uint32_t len, unsigned int stream,
                       unsigned int flags)
{
    out[0] = (uint8_t)(len >> 24);
    out[1] = (uint8_t)(len >> 16);
    out[2] = (uint8_t)(len >> 8);
    out[3] = (uint8_t)len;
    out[4] = (uint8_t)stream;
    out[5] = (uint8_t)flags;
    out[6] = 0;
    out[7] = 0;
}

size_t sm_record_sealed_len(const struct sm_record *rec, size_t len)
{
    return SM_RECORD_HEADER_LEN + len + rec->tag_len;
}

int sm_record_seal(struct sm_record *rec, enum sm_record_stream stream,
                   unsigned int flags, const void *data, size_t len,
                   uint8_t *out, size_t out_size, size_t *out_len)
{
    uint8_t nonce[SM_SUITE_NONCE_MAX];
    struct direction *d = &rec->tx;
    size_t total;
    int rc;

    *out_len = 0;
    if ((unsigned int)stream >= SM_RECORD_STREAMS ||
        (flags & ~(unsigned int)SM_RECORD_FINAL) ||
        len > SM_RECORD_BODY_MAX || (!len && !flags))
        return SM_USAGE;
    total = sm_record_sealed_len(rec, len);
    if (out_size < total || d->ended[stream])
        return SM_USAGE;
    if (d->dead)
        return SM_FAIL;
    if (d->total >= rec->total_records)
        return close_direction(d, SM_FAIL);

    put_header(out, (uint32_t)(total - SM_RECORD_HEADER_LEN),
               (unsigned int)stream, flags);
    make_nonce(rec, d, nonce);
    rc = sm_suite_seal(&d->key, nonce, out, SM_RECORD_HEADER_LEN, data, len,
                       out + SM_RECORD_HEADER_LEN);
    if (!rc)
        rc = count(rec, d, len);
    if (rc)
        return close_direction(d, SM_FAIL);
    d->ended[stream] = flags & SM_RECORD_FINAL;
    *out_len = total;
    return 0;
}

/* ---- opening ---- */

int sm_record_need(struct sm_record *rec,
                   const uint8_t header[static SM_RECORD_HEADER_LEN],
                   size_t *total)
{
    uint32_t len = (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 |
                   (uint32_t)header[2] << 8 | header[3];
    unsigned int stream = header[4], flags = header[5];
    struct direction *d = &rec->rx;

    *total = 0;
    if (d->dead)
        return SM_PROTOCOL;
    if (len < rec->tag_len || len - rec->tag_len > SM_RECORD_BODY_MAX ||
        stream >= SM_RECORD_STREAMS || d->ended[stream] ||
        (flags & ~(unsigned int)SM_RECORD_FINAL) ||
        (len == rec->tag_len && !flags) || header[6] || header[7] ||
        d->total >= rec->total_records)
        return close_direction(d, SM_PROTOCOL);
    *total = SM_RECORD_HEADER_LEN + (size_t)len;
    return 0;
}

int sm_record_open(struct sm_record *rec, const uint8_t *record, size_t len,
                   enum sm_record_stream *stream, unsigned int *flags,
                   uint8_t *out, size_t out_size, size_t *out_len)
{
    uint8_t header[SM_RECORD_HEADER_LEN], nonce[SM_SUITE_NONCE_MAX];
    struct direction *d = &rec->rx;
    size_t total, plain;

    *out_len = 0;
    *stream = SM_RECORD_CONTROL;
    *flags = 0;
    if (d->dead)
        return SM_PROTOCOL;
    if (len < sizeof(header))
        return close_direction(d, SM_PROTOCOL);
    memcpy(header, record, sizeof(header));
    if (sm_record_need(rec, header, &total))
        return SM_PROTOCOL;
    if (len != total)
        return close_direction(d, SM_PROTOCOL);
    plain = total - SM_RECORD_HEADER_LEN - rec->tag_len;
    if (out_size < plain)
        return SM_USAGE;

    make_nonce(rec, d, nonce);
    if (sm_suite_open(&d->key, nonce, header, sizeof(header),
                      record + SM_RECORD_HEADER_LEN,
                      len - SM_RECORD_HEADER_LEN, out) ||
        count(rec, d, plain)) {
        sm_secret_wipe(out, plain);
        return close_direction(d, SM_PROTOCOL);
    }
    *stream = (enum sm_record_stream)header[4];
    *flags = header[5];
    d->ended[*stream] = *flags & SM_RECORD_FINAL;
    *out_len = plain;
    return 0;
}

/* ---- questions ---- */

bool sm_record_finished(const struct sm_record *rec,
                        enum sm_record_stream stream)
{
    return (unsigned int)stream < SM_RECORD_STREAMS &&
           rec->rx.ended[stream];
}

bool sm_record_dead(const struct sm_record *rec)
{
    return rec->rx.dead;
}

void sm_record_generations(const struct sm_record *rec, uint64_t *tx,
                           uint64_t *rx)
{
    *tx = rec->tx.generation;
    *rx = rec->rx.generation;
}
