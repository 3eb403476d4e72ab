/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/wire.h"
#include "channel/message.h"
#include "state/store.h"

#define FORMAT 1

static struct ledger_ticket tickets[LEDGER_TICKETS_MAX];
static struct sm_policy_use uses[LEDGER_USES_MAX];
static struct use {             /* beside it: what the policy does not need */
    char rule[SM_MESSAGE_RULE_MAX + 1];
    int64_t until;
} rules[LEDGER_USES_MAX];
static size_t n_tickets, n_uses;
static unsigned long turn;

/* ---- the store ---- */

/* u16 format, u32 n, n x { id, u64 not-after } */
static int decode_tickets(struct sm_wire_reader *r)
{
    size_t n = sm_wire_get_u32(r), i;

    if (n > LEDGER_TICKETS_MAX)
        return SM_STATE;
    for (i = 0; i < n; i++) {
        sm_wire_get_bytes(r, tickets[i].id, SM_TICKET_ID_LEN);
        tickets[i].not_after = (int64_t)sm_wire_get_u64(r);
    }
    n_tickets = n;
    return 0;
}

/* u16 format, u32 n, n x { str rule, u64 when, u64 until } */
static int decode_uses(struct sm_wire_reader *r)
{
    size_t n = sm_wire_get_u32(r), i;

    if (n > LEDGER_USES_MAX)
        return SM_STATE;
    for (i = 0; i < n; i++) {
        sm_wire_get_str(r, rules[i].rule, sizeof(rules[i].rule));
        uses[i].rule = rules[i].rule;
        uses[i].when = (int64_t)sm_wire_get_u64(r);
        rules[i].until = (int64_t)sm_wire_get_u64(r);
    }
    n_uses = n;
    return 0;
}

static int load(const char *kind, int (*decode)(struct sm_wire_reader *r))
{
    char why[STORE_WHY_SIZE];
    struct sm_wire_reader r;
    uint8_t *data;
    size_t len;
    int rc;

    rc = store_get(kind, NULL, &data, &len, why);
    if (rc == SM_NO_DOMAIN)
        return 0;
    if (rc) {
        sm_error("%s used: %s", kind, why);
        return rc;
    }
    sm_wire_reader_init(&r, data, len);
    rc = sm_wire_get_u16(&r) == FORMAT ? decode(&r) : SM_STATE;
    if (!rc && sm_wire_end(&r))
        rc = SM_STATE;
    if (rc)
        sm_error("%s used: the object in the store is damaged", kind);
    free(data);
    return rc;
}

int ledger_init(void)
{
    int rc = load("tickets", decode_tickets);

    return rc ? rc : load("uses", decode_uses);
}

static int save(const char *kind, struct sm_wire_writer *w)
{
    char why[STORE_WHY_SIZE];
    int rc = sm_wire_error(w);

    if (!rc)
        rc = store_put(kind, NULL, w->data, w->len, why);
    else
        strcpy(why, sm_err_text(rc));
    if (rc)
        sm_error("%s used: %s", kind, why);
    return rc;
}

/* ---- tickets ---- */

bool ledger_ticket_used(const uint8_t id[static SM_TICKET_ID_LEN])
{
    size_t i;

    for (i = 0; i < n_tickets; i++)
        if (!memcmp(tickets[i].id, id, SM_TICKET_ID_LEN))
            return true;
    return false;
}

int ledger_use_tickets(const struct ledger_ticket *used, size_t n,
                       int64_t now)
{
    struct sm_wire_writer w;
    size_t i, kept = 0;
    int rc;

    if (!n)
        return 0;
    for (i = 0; i < n; i++)
        if (ledger_ticket_used(used[i].id))
            return SM_EXISTS;
    for (i = 0; i < n_tickets; i++)
        if (tickets[i].not_after >= now)
            tickets[kept++] = tickets[i];
    n_tickets = kept;
    if (n > LEDGER_TICKETS_MAX - n_tickets)
        return SM_BUSY;
    memcpy(tickets + n_tickets, used, n * sizeof(*used));
    n_tickets += n;
    sm_wire_writer_init(&w, STORE_MAX);
    sm_wire_put_u16(&w, FORMAT);
    sm_wire_put_u32(&w, (uint32_t)n_tickets);
    for (i = 0; i < n_tickets; i++) {
        sm_wire_put_bytes(&w, tickets[i].id, SM_TICKET_ID_LEN);
        sm_wire_put_u64(&w, (uint64_t)tickets[i].not_after);
    }
    rc = save("tickets", &w);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* ---- rates ---- */

void ledger_uses(const struct sm_policy_use **out, size_t *n)
{
    *out = uses;
    *n = n_uses;
}

int ledger_use_rule(const char *rule, int64_t seconds, int64_t now)
{
    struct sm_wire_writer w;
    size_t i, kept = 0;
    int rc;

    for (i = 0; i < n_uses; i++) {
        if (rules[i].until <= now)
            continue;
        if (i != kept) {
            rules[kept] = rules[i];
            uses[kept].when = uses[i].when;
            uses[kept].rule = rules[kept].rule;
        }
        kept++;
    }
    n_uses = kept;
    turn++;
    if (n_uses == LEDGER_USES_MAX)
        return SM_BUSY;
    strcpy(rules[n_uses].rule, "");
    strncat(rules[n_uses].rule, rule, SM_MESSAGE_RULE_MAX);
    rules[n_uses].until = now + seconds;
    uses[n_uses].rule = rules[n_uses].rule;
    uses[n_uses].when = now;
    n_uses++;
    sm_wire_writer_init(&w, STORE_MAX);
    sm_wire_put_u16(&w, FORMAT);
    sm_wire_put_u32(&w, (uint32_t)n_uses);
    for (i = 0; i < n_uses; i++) {
        sm_wire_put_str(&w, rules[i].rule);
        sm_wire_put_u64(&w, (uint64_t)uses[i].when);
        sm_wire_put_u64(&w, (uint64_t)rules[i].until);
    }
    rc = save("uses", &w);
    sm_wire_writer_dispose(&w);
    return rc;
}

unsigned long ledger_turn(void)
{
    return turn;
}
