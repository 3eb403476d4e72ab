/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What migrations have used up: tickets, each good for one of them, and
 * uses of rules that allow so many in so much time.  In memory, and in the
 * store (store.h).  Judges look into their copy of the memory.
 */
#ifndef SECMIGD_LEDGER_H
#define SECMIGD_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/request.h"
#include "trust/ticket.h"

#define LEDGER_TICKETS_MAX 16384
#define LEDGER_USES_MAX 4096

struct ledger_ticket {
    uint8_t id[SM_TICKET_ID_LEN];
    int64_t not_after;          /* forgotten after that: it is no longer
                                 * valid then */
};

/* As floors_init(). */
int ledger_init(void) SM_WARN_UNUSED;

bool ledger_ticket_used(const uint8_t id[static SM_TICKET_ID_LEN]);

/*
 * Tickets are used up, durably, all of them or none.
 *   now  seconds since the epoch (as everywhere here)
 * Returns 0; SM_EXISTS when one of them was used before; SM_BUSY when too
 * many are remembered; or an error of store_put(), which the log has.
 */
int ledger_use_tickets(const struct ledger_ticket *tickets, size_t n,
                       int64_t now) SM_WARN_UNUSED;

/* All uses that count, for a request; they live until the next call of
 * ledger_use_rule(). */
void ledger_uses(const struct sm_policy_use **uses, size_t *n);

/*
 * A rule that asks for a rate has allowed a migration.
 *   seconds  for so long the use counts
 * Returns 0; SM_BUSY when too many are remembered; or an error of
 * store_put(), which the log has.
 */
int ledger_use_rule(const char *rule, int64_t seconds, int64_t now)
    SM_WARN_UNUSED;

/* How often ledger_use_rule() was called: has anything changed since? */
unsigned long ledger_turn(void);

#endif
