/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages put together from the plaintext of records. */
#include "channel/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define TYPE_LEN 2      /* counted by the length field, with the body */

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
    if (!rc && out->type == SM_MESSAGE_HANDOVER &&
        !sm_message_may_say(r->sender, out->u.handover.fact))
        rc = SM_PROTOCOL;
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
