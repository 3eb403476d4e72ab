/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define TYPE_LEN 2      /* counted by the length field, with the body */

/* ---- the table of who may say what when ---- */

#define ROLE(r) (1u << (r))
#define SOURCE ROLE(SM_MESSAGE_SOURCE)
#define DESTINATION ROLE(SM_MESSAGE_DESTINATION)
#define BOTH (SOURCE | DESTINATION)

/*
 * A row: in this state, who may send this, and the state afterwards.  What
 * has no row is refused.
 *
 * The source may find that its CANCEL, KEEPALIVE or EVIDENCE crossed the
 * answer that ended the conversation: hence the rows of ENDED.  After a
 * CANCEL the destination's ACCEPT or EVIDENCE may still be on its way: it
 * changes nothing.  When both owe evidence, either may be first.
 */
static const struct {
    enum sm_message_state state;
    enum sm_message_type type;
    unsigned int roles;
    enum sm_message_state after;
} permitted[] = {
    { SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_EVIDENCE, SOURCE, SM_MESSAGE_OPEN },
    { SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_KEEPALIVE, BOTH,
      SM_MESSAGE_SOURCE_OWES },
    { SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_CANCEL, SOURCE,
      SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_REFUSE, DESTINATION,
      SM_MESSAGE_ENDED },

    { SM_MESSAGE_DESTINATION_OWES, SM_MESSAGE_EVIDENCE, DESTINATION,
      SM_MESSAGE_OPEN },
    { SM_MESSAGE_DESTINATION_OWES, SM_MESSAGE_KEEPALIVE, BOTH,
      SM_MESSAGE_DESTINATION_OWES },
    { SM_MESSAGE_DESTINATION_OWES, SM_MESSAGE_CANCEL, SOURCE,
      SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_DESTINATION_OWES, SM_MESSAGE_REFUSE, DESTINATION,
      SM_MESSAGE_ENDED },

    { SM_MESSAGE_BOTH_OWE, SM_MESSAGE_EVIDENCE, SOURCE,
      SM_MESSAGE_DESTINATION_OWES },
    { SM_MESSAGE_BOTH_OWE, SM_MESSAGE_EVIDENCE, DESTINATION,
      SM_MESSAGE_SOURCE_OWES },
    { SM_MESSAGE_BOTH_OWE, SM_MESSAGE_KEEPALIVE, BOTH, SM_MESSAGE_BOTH_OWE },
    { SM_MESSAGE_BOTH_OWE, SM_MESSAGE_CANCEL, SOURCE, SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_BOTH_OWE, SM_MESSAGE_REFUSE, DESTINATION,
      SM_MESSAGE_ENDED },

    { SM_MESSAGE_OPEN, SM_MESSAGE_REQUEST, SOURCE, SM_MESSAGE_ASKED },
    { SM_MESSAGE_OPEN, SM_MESSAGE_KEEPALIVE, BOTH, SM_MESSAGE_OPEN },
    { SM_MESSAGE_OPEN, SM_MESSAGE_CANCEL, SOURCE, SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_OPEN, SM_MESSAGE_REFUSE, DESTINATION, SM_MESSAGE_ENDED },

    { SM_MESSAGE_ASKED, SM_MESSAGE_ACCEPT, DESTINATION, SM_MESSAGE_MOVING },
    { SM_MESSAGE_ASKED, SM_MESSAGE_REFUSE, DESTINATION, SM_MESSAGE_ENDED },
    { SM_MESSAGE_ASKED, SM_MESSAGE_KEEPALIVE, BOTH, SM_MESSAGE_ASKED },
    { SM_MESSAGE_ASKED, SM_MESSAGE_CANCEL, SOURCE, SM_MESSAGE_CANCELLED },

    { SM_MESSAGE_MOVING, SM_MESSAGE_DONE, DESTINATION, SM_MESSAGE_ENDED },
    { SM_MESSAGE_MOVING, SM_MESSAGE_KEEPALIVE, BOTH, SM_MESSAGE_MOVING },
    { SM_MESSAGE_MOVING, SM_MESSAGE_CANCEL, SOURCE, SM_MESSAGE_CANCELLED },

    { SM_MESSAGE_CANCELLED, SM_MESSAGE_ACCEPT, DESTINATION,
      SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_CANCELLED, SM_MESSAGE_EVIDENCE, DESTINATION,
      SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_CANCELLED, SM_MESSAGE_REFUSE, DESTINATION,
      SM_MESSAGE_ENDED },
    { SM_MESSAGE_CANCELLED, SM_MESSAGE_DONE, DESTINATION, SM_MESSAGE_ENDED },
    { SM_MESSAGE_CANCELLED, SM_MESSAGE_KEEPALIVE, BOTH,
      SM_MESSAGE_CANCELLED },

    { SM_MESSAGE_ENDED, SM_MESSAGE_KEEPALIVE, SOURCE, SM_MESSAGE_ENDED },
    { SM_MESSAGE_ENDED, SM_MESSAGE_CANCEL, SOURCE, SM_MESSAGE_ENDED },
    { SM_MESSAGE_ENDED, SM_MESSAGE_EVIDENCE, SOURCE, SM_MESSAGE_ENDED },
};

#define N_PERMITTED (sizeof(permitted) / sizeof(permitted[0]))

/* Index of the row, or N_PERMITTED. */
static size_t find_row(enum sm_message_role role,
                       enum sm_message_state state, unsigned int type)
{
    size_t i;

    if (role != SM_MESSAGE_SOURCE && role != SM_MESSAGE_DESTINATION)
        return N_PERMITTED;
    for (i = 0; i < N_PERMITTED; i++)
        if (permitted[i].state == state &&
            (unsigned int)permitted[i].type == type &&
            (permitted[i].roles & ROLE(role)))
            break;
    return i;
}

enum sm_message_state sm_message_begin(bool of_source, bool of_destination)
{
    if (of_source && of_destination)
        return SM_MESSAGE_BOTH_OWE;
    if (of_source)
        return SM_MESSAGE_SOURCE_OWES;
    return of_destination ? SM_MESSAGE_DESTINATION_OWES : SM_MESSAGE_OPEN;
}

bool sm_message_permitted(enum sm_message_role role,
                          enum sm_message_state state, unsigned int type)
{
    return find_row(role, state, type) < N_PERMITTED;
}

enum sm_message_state sm_message_after(enum sm_message_role role,
                                       enum sm_message_state state,
                                       unsigned int type)
{
    size_t i = find_row(role, state, type);

    return i < N_PERMITTED ? permitted[i].after : state;
}

/* ---- fields: the same rules for both directions ---- */

static bool str_ok(const char *s, size_t min, size_t max)
{
    size_t len = strnlen(s, max + 1);

    return len >= min && len <= max && sm_wire_text_ok(s, len);
}

static bool request_ok(const struct sm_message_request *q)
{
    return q->version == SM_MESSAGE_VERSION &&
           !(q->flags & ~(uint32_t)SM_MESSAGE_FLAGS_ALL) &&
           str_ok(q->name, 1, SM_MESSAGE_NAME_MAX) &&
           str_ok(q->operator, 0, SM_MESSAGE_OPERATOR_MAX) &&
           q->config && q->config_len > 0 &&
           q->config_len <= SM_MESSAGE_CONFIG_MAX &&
           (q->papers || !q->papers_len) && q->papers_len <= SM_PAPERS_MAX;
}

/* Evidence, or why there is none: one of the two. */
static bool evidence_ok(const struct sm_message_evidence *e)
{
    if (e->len)
        return e->evidence && e->len <= SM_MESSAGE_EVIDENCE_MAX &&
               !e->why[0];
    return str_ok(e->why, 1, SM_MESSAGE_TEXT_MAX);
}

static bool code_ok(uint16_t code, uint16_t min)
{
    return code >= min && code <= UINT8_MAX;
}

static bool fields_ok(const struct sm_message *m)
{
    switch (m->type) {
    case SM_MESSAGE_REQUEST:
        return request_ok(&m->u.request);
    case SM_MESSAGE_ACCEPT:
        return str_ok(m->u.accept.rule, 0, SM_MESSAGE_RULE_MAX);
    case SM_MESSAGE_REFUSE:
        return code_ok(m->u.refuse.code, 1) &&
               str_ok(m->u.refuse.rule, 0, SM_MESSAGE_RULE_MAX) &&
               str_ok(m->u.refuse.text, 0, SM_MESSAGE_TEXT_MAX);
    case SM_MESSAGE_KEEPALIVE:
        return true;
    case SM_MESSAGE_CANCEL:
        return code_ok(m->u.cancel.code, 1) &&
               str_ok(m->u.cancel.text, 0, SM_MESSAGE_TEXT_MAX);
    case SM_MESSAGE_DONE:
        return code_ok(m->u.done.code, 0) &&
               str_ok(m->u.done.text, 0, SM_MESSAGE_TEXT_MAX);
    case SM_MESSAGE_EVIDENCE:
        return evidence_ok(&m->u.evidence);
    default:
        return false;
    }
}

/* ---- bodies ---- */

static void put_request(struct sm_wire_writer *w, const struct sm_message *m)
{
    const struct sm_message_request *q = &m->u.request;

    sm_wire_put_u16(w, q->version);
    sm_wire_put_bytes(w, q->uuid, sizeof(q->uuid));
    sm_wire_put_u64(w, q->memory_kb);
    sm_wire_put_u32(w, q->flags);
    sm_wire_put_str(w, q->name);
    sm_wire_put_str(w, q->operator);
    sm_wire_put_blob(w, q->config, q->config_len);
    sm_wire_put_blob(w, q->papers, q->papers_len);
}

static void get_request(struct sm_wire_reader *r, struct sm_message *m)
{
    struct sm_message_request *q = &m->u.request;

    q->version = sm_wire_get_u16(r);
    sm_wire_get_bytes(r, q->uuid, sizeof(q->uuid));
    q->memory_kb = sm_wire_get_u64(r);
    q->flags = sm_wire_get_u32(r);
    sm_wire_get_str(r, q->name, sizeof(q->name));
    sm_wire_get_str(r, q->operator, sizeof(q->operator));
    sm_wire_get_blob(r, SM_MESSAGE_CONFIG_MAX, &q->config, &q->config_len);
    sm_wire_get_blob(r, SM_PAPERS_MAX, &q->papers, &q->papers_len);
}

static void put_accept(struct sm_wire_writer *w, const struct sm_message *m)
{
    sm_wire_put_str(w, m->u.accept.rule);
}

static void get_accept(struct sm_wire_reader *r, struct sm_message *m)
{
    sm_wire_get_str(r, m->u.accept.rule, sizeof(m->u.accept.rule));
}

static void put_refuse(struct sm_wire_writer *w, const struct sm_message *m)
{
    sm_wire_put_u16(w, m->u.refuse.code);
    sm_wire_put_str(w, m->u.refuse.rule);
    sm_wire_put_str(w, m->u.refuse.text);
}

static void get_refuse(struct sm_wire_reader *r, struct sm_message *m)
{
    m->u.refuse.code = sm_wire_get_u16(r);
    sm_wire_get_str(r, m->u.refuse.rule, sizeof(m->u.refuse.rule));
    sm_wire_get_str(r, m->u.refuse.text, sizeof(m->u.refuse.text));
}

static void put_nothing(struct sm_wire_writer *w, const struct sm_message *m)
{
    (void)w;
    (void)m;
}

static void get_nothing(struct sm_wire_reader *r, struct sm_message *m)
{
    (void)r;
    (void)m;
}

static void put_cancel(struct sm_wire_writer *w, const struct sm_message *m)
{
    sm_wire_put_u16(w, m->u.cancel.code);
    sm_wire_put_str(w, m->u.cancel.text);
}

static void get_cancel(struct sm_wire_reader *r, struct sm_message *m)
{
    m->u.cancel.code = sm_wire_get_u16(r);
    sm_wire_get_str(r, m->u.cancel.text, sizeof(m->u.cancel.text));
}

static void put_done(struct sm_wire_writer *w, const struct sm_message *m)
{
    sm_wire_put_u16(w, m->u.done.code);
    sm_wire_put_str(w, m->u.done.text);
}

static void get_done(struct sm_wire_reader *r, struct sm_message *m)
{
    m->u.done.code = sm_wire_get_u16(r);
    sm_wire_get_str(r, m->u.done.text, sizeof(m->u.done.text));
}

static void put_evidence(struct sm_wire_writer *w, const struct sm_message *m)
{
    sm_wire_put_blob(w, m->u.evidence.evidence, m->u.evidence.len);
    sm_wire_put_str(w, m->u.evidence.why);
}

static void get_evidence(struct sm_wire_reader *r, struct sm_message *m)
{
    struct sm_message_evidence *e = &m->u.evidence;

    sm_wire_get_blob(r, SM_MESSAGE_EVIDENCE_MAX, &e->evidence, &e->len);
    sm_wire_get_str(r, e->why, sizeof(e->why));
}

#define VERDICT_MAX (2 + 2 + SM_MESSAGE_TEXT_MAX)

static const struct type {
    enum sm_message_type type;
    const char *name;
    size_t body_max;
    void (*put)(struct sm_wire_writer *w, const struct sm_message *m);
    void (*get)(struct sm_wire_reader *r, struct sm_message *m);
} types[] = {
    { SM_MESSAGE_REQUEST, "REQUEST", SM_MESSAGE_MAX - SM_MESSAGE_HEADER_LEN,
      put_request, get_request },
    { SM_MESSAGE_ACCEPT, "ACCEPT", 2 + SM_MESSAGE_RULE_MAX,
      put_accept, get_accept },
    { SM_MESSAGE_REFUSE, "REFUSE", VERDICT_MAX + 2 + SM_MESSAGE_RULE_MAX,
      put_refuse, get_refuse },
    { SM_MESSAGE_KEEPALIVE, "KEEPALIVE", 0, put_nothing, get_nothing },
    { SM_MESSAGE_CANCEL, "CANCEL", VERDICT_MAX, put_cancel, get_cancel },
    { SM_MESSAGE_DONE, "DONE", VERDICT_MAX, put_done, get_done },
    { SM_MESSAGE_EVIDENCE, "EVIDENCE", 4 + SM_MESSAGE_EVIDENCE_MAX + 2 +
      SM_MESSAGE_TEXT_MAX, put_evidence, get_evidence },
};

static const struct type *find_type(unsigned int type)
{
    size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if ((unsigned int)types[i].type == type)
            return &types[i];
    return NULL;
}

const char *sm_message_name(unsigned int type)
{
    const struct type *t = find_type(type);

    return t ? t->name : "?";
}

size_t sm_message_body_max(unsigned int type)
{
    const struct type *t = find_type(type);

    return t ? t->body_max : 0;
}

int sm_message_encode(struct sm_wire_writer *w, const struct sm_message *m)
{
    const struct type *t = find_type(m->type);
    size_t at = w->len;

    if (!t || !fields_ok(m))
        return SM_USAGE;
    sm_wire_put_u32(w, 0);
    sm_wire_put_u16(w, (uint16_t)m->type);
    t->put(w, m);
    sm_wire_patch_u32(w, at, (uint32_t)(w->len - at - 4));
    return sm_wire_error(w);
}

int sm_message_decode(unsigned int type, const uint8_t *body, size_t len,
                      struct sm_message *out)
{
    const struct type *t = find_type(type);
    struct sm_wire_reader r;

    memset(out, 0, sizeof(*out));
    if (!t || len > t->body_max)
        return SM_PROTOCOL;
    out->type = t->type;
    sm_wire_reader_init(&r, body, len);
    t->get(&r, out);
    if (sm_wire_end(&r) || !fields_ok(out)) {
        memset(out, 0, sizeof(*out));
        return SM_PROTOCOL;
    }
    return 0;
}

/* ---- reader ---- */

void sm_message_reader_init(struct sm_message_reader *r,
                            enum sm_message_role sender)
{
    memset(r, 0, sizeof(*r));
    r->sender = sender;
}

/* A config may hold a password: wiped like a secret. */
static void drop_body(struct sm_message_reader *r)
{
    if (r->body)
        sm_secret_wipe(r->body, r->need);
    free(r->body);
    r->body = NULL;
    r->need = 0;
}

void sm_message_reader_dispose(struct sm_message_reader *r)
{
    drop_body(r);
    r->have = 0;
}

/* Move up to `want` bytes to `to`. */
static void take(struct sm_message_reader *r, const uint8_t **data,
                 size_t *len, uint8_t *to, size_t want)
{
    size_t n = *len < want ? *len : want;

    if (!n)
        return;
    memcpy(to, *data, n);
    r->have += n;
    *data += n;
    *len -= n;
}

static unsigned int header_type(const struct sm_message_reader *r)
{
    return (unsigned int)r->header[4] << 8 | r->header[5];
}

/* The header is whole: judge it, then make room for the body. */
static int begin_body(struct sm_message_reader *r,
                      enum sm_message_state state)
{
    struct sm_wire_reader h;
    unsigned int type;
    uint32_t len;

    sm_wire_reader_init(&h, r->header, sizeof(r->header));
    len = sm_wire_get_u32(&h);
    type = sm_wire_get_u16(&h);
    if (sm_wire_end(&h) || len < TYPE_LEN ||
        len - TYPE_LEN > sm_message_body_max(type) ||
        !sm_message_permitted(r->sender, state, type))
        return SM_PROTOCOL;
    if (len == TYPE_LEN)
        return 0;
    r->body = malloc(len - TYPE_LEN);
    if (!r->body)
        return SM_NO_MEMORY;
    r->need = len - TYPE_LEN;
    return 0;
}

static int fail(struct sm_message_reader *r, int rc)
{
    sm_message_reader_dispose(r);
    r->error = rc;
    return rc;
}

int sm_message_reader_next(struct sm_message_reader *r,
                           enum sm_message_state state,
                           const uint8_t **data, size_t *len,
                           struct sm_message *out, bool *ready)
{
    int rc;

    *ready = false;
    if (r->error)
        return r->error;
    if (!r->have)
        drop_body(r);           /* the last message's, borrowed until now */

    if (r->have < sizeof(r->header)) {
        take(r, data, len, r->header + r->have,
             sizeof(r->header) - r->have);
        if (r->have < sizeof(r->header))
            return 0;
        rc = begin_body(r, state);
        if (rc)
            return fail(r, rc);
    }
    if (r->need)
        take(r, data, len, r->body + (r->have - sizeof(r->header)),
             r->need - (r->have - sizeof(r->header)));
    if (r->have < sizeof(r->header) + r->need)
        return 0;

    /* Permitted when it began; the conversation may have moved on. */
    if (!sm_message_permitted(r->sender, state, header_type(r)))
        return fail(r, SM_PROTOCOL);
    rc = sm_message_decode(header_type(r), r->body, r->need, out);
    if (rc)
        return fail(r, rc);
    r->have = 0;
    *ready = true;
    return 0;
}

bool sm_message_reader_idle(const struct sm_message_reader *r)
{
    return !r->error && !r->have;
}
