/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/papers.h"

#include <stdbool.h>
#include <string.h>

static bool is_empty(const struct sm_papers *p)
{
    return !p->n_tickets && !p->policy.len && !p->signature.len;
}

static bool paper_ok(const struct sm_paper *p, size_t min, size_t max)
{
    return p->len >= min && p->len <= max && (p->data || !p->len);
}

/* The same rules for both directions. */
static bool papers_ok(const struct sm_papers *p)
{
    size_t i;

    if (p->n_tickets > SM_PAPERS_TICKETS_MAX)
        return false;
    for (i = 0; i < p->n_tickets; i++)
        if (!paper_ok(&p->tickets[i], 1, SM_PAPERS_TICKET_MAX))
            return false;
    return paper_ok(&p->policy, 0, SM_PAPERS_POLICY_MAX) &&
           paper_ok(&p->signature, 0, SM_PAPERS_SIGNATURE_MAX) &&
           !p->policy.len == !p->signature.len;
}

int sm_papers_encode(struct sm_wire_writer *w, const struct sm_papers *p)
{
    size_t i;

    if (!papers_ok(p))
        return SM_USAGE;
    if (is_empty(p))
        return sm_wire_error(w);
    sm_wire_put_u8(w, (uint8_t)p->n_tickets);
    for (i = 0; i < p->n_tickets; i++)
        sm_wire_put_blob(w, p->tickets[i].data, p->tickets[i].len);
    sm_wire_put_blob(w, p->policy.data, p->policy.len);
    sm_wire_put_blob(w, p->signature.data, p->signature.len);
    return sm_wire_error(w);
}

static void get_paper(struct sm_wire_reader *r, size_t max,
                      struct sm_paper *out)
{
    sm_wire_get_blob(r, max, &out->data, &out->len);
    if (!out->len)
        out->data = NULL;
}

int sm_papers_decode(const uint8_t *data, size_t len, struct sm_papers *out)
{
    struct sm_wire_reader r;
    size_t i;

    memset(out, 0, sizeof(*out));
    if (!len)
        return 0;
    if (len > SM_PAPERS_MAX)
        return SM_PROTOCOL;
    sm_wire_reader_init(&r, data, len);
    out->n_tickets = sm_wire_get_u8(&r);
    if (out->n_tickets > SM_PAPERS_TICKETS_MAX)
        goto refuse;
    for (i = 0; i < out->n_tickets; i++)
        get_paper(&r, SM_PAPERS_TICKET_MAX, &out->tickets[i]);
    get_paper(&r, SM_PAPERS_POLICY_MAX, &out->policy);
    get_paper(&r, SM_PAPERS_SIGNATURE_MAX, &out->signature);
    if (sm_wire_end(&r) || !papers_ok(out) || is_empty(out))
        goto refuse;
    return 0;
refuse:
    memset(out, 0, sizeof(*out));
    return SM_PROTOCOL;
}
