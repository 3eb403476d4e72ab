/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The papers of a guest.  What is accepted keeps its caps, lies within the
 * input, and encodes to the very bytes it came from.
 */
#include <stdlib.h>
#include <string.h>

#include "channel/papers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sm_paper *p, size_t max, const uint8_t *data,
                  size_t size)
{
    if (p->len > max)
        abort();
    if (p->len && (p->data < data || p->data + p->len > data + size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sm_wire_writer w;
    struct sm_papers p;
    size_t i;

    if (sm_papers_decode(data, size, &p))
        return 0;
    if (p.n_tickets > SM_PAPERS_TICKETS_MAX)
        abort();
    for (i = 0; i < p.n_tickets; i++)
        check(&p.tickets[i], SM_PAPERS_TICKET_MAX, data, size);
    check(&p.policy, SM_PAPERS_POLICY_MAX, data, size);
    check(&p.signature, SM_PAPERS_SIGNATURE_MAX, data, size);
    sm_wire_writer_init(&w, SM_PAPERS_MAX);
    if (sm_papers_encode(&w, &p) || w.len != size ||
        (size && memcmp(w.data, data, size)))
        abort();
    sm_wire_writer_dispose(&w);
    return 0;
}
