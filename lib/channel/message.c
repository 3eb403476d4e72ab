/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages and their bodies. */
#include "channel/message.h"

#include <string.h>

#include "handover/handover.h"

#define TYPE_LEN 2      /* counted by the length field, with the body */

/* ---- fields: the same rules for both directions ---- */

static bool str_ok(const char *s, size_t min, size_t max)
{
    size_t len = strnlen(s, max + 1);

    return len >= min && len <= max && sm_wire_text_ok(s, len);
}

/* A journal's epoch and a handover's id: drawn at random, so never zero. */
static bool drawn_ok(const uint8_t drawn[static SM_MESSAGE_ID_LEN])
{
    static const uint8_t zero[SM_MESSAGE_ID_LEN];

    return memcmp(drawn, zero, sizeof(zero)) != 0;
}

static bool request_ok(const struct sm_message_request *q)
{
    return q->version == SM_MESSAGE_VERSION &&
           !(q->flags & ~(uint32_t)SM_MESSAGE_FLAGS_ALL) &&
           sm_xen_version_ok(&q->xen) &&
           sm_xen_features_ok(&q->features) &&
           drawn_ok(q->id) && drawn_ok(q->epoch) &&
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

static bool handover_ok(const struct sm_message_handover *h)
{
    return h->fact >= SM_HANDOVER_FACT_MIN &&
           h->fact <= SM_HANDOVER_FACT_MAX &&
           drawn_ok(h->id) && drawn_ok(h->epoch) && code_ok(h->code, 0) &&
           str_ok(h->text, 0, SM_MESSAGE_TEXT_MAX);
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
    case SM_MESSAGE_HANDOVER:
        return handover_ok(&m->u.handover);
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
    sm_xen_version_put(w, &q->xen);
    sm_xen_features_put(w, &q->features);
    sm_wire_put_bytes(w, q->id, sizeof(q->id));
    sm_wire_put_bytes(w, q->epoch, sizeof(q->epoch));
    sm_wire_put_u64(w, q->sequence);
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
    sm_xen_version_get(r, &q->xen);
    sm_xen_features_get(r, &q->features);
    sm_wire_get_bytes(r, q->id, sizeof(q->id));
    sm_wire_get_bytes(r, q->epoch, sizeof(q->epoch));
    q->sequence = sm_wire_get_u64(r);
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

void sm_message_handover_put(struct sm_wire_writer *w,
                             const struct sm_message_handover *h)
{
    sm_wire_put_u8(w, h->fact);
    sm_wire_put_bytes(w, h->id, sizeof(h->id));
    sm_wire_put_bytes(w, h->epoch, sizeof(h->epoch));
    sm_wire_put_u64(w, h->sequence);
    sm_wire_put_u16(w, h->code);
    sm_wire_put_str(w, h->text);
}

void sm_message_handover_get(struct sm_wire_reader *r,
                             struct sm_message_handover *h)
{
    h->fact = sm_wire_get_u8(r);
    sm_wire_get_bytes(r, h->id, sizeof(h->id));
    sm_wire_get_bytes(r, h->epoch, sizeof(h->epoch));
    h->sequence = sm_wire_get_u64(r);
    h->code = sm_wire_get_u16(r);
    sm_wire_get_str(r, h->text, sizeof(h->text));
    if (!r->error && !handover_ok(h))
        r->error = SM_PROTOCOL;
}

static void put_handover(struct sm_wire_writer *w, const struct sm_message *m)
{
    sm_message_handover_put(w, &m->u.handover);
}

static void get_handover(struct sm_wire_reader *r, struct sm_message *m)
{
    sm_message_handover_get(r, &m->u.handover);
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
    { SM_MESSAGE_HANDOVER, "HANDOVER", 1 + 2 * SM_MESSAGE_ID_LEN + 8 +
      VERDICT_MAX, put_handover, get_handover },
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
