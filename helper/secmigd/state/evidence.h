/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: what operators have deposited for migrations to come.
 * Approvals (four eyes) and tickets, in memory only, bounded, and gone after
 * a while.  Who may approve, and whether a ticket's signer counts, is for
 * the policy to say when it decides.
 */
#ifndef SECMIGD_EVIDENCE_H
#define SECMIGD_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/frame.h"
#include "policy/request.h"

#define EVIDENCE_MAX 64             /* of each kind, of all accounts */
#define EVIDENCE_OWN_MAX 16         /* of each kind, of one account */
#define EVIDENCE_APPROVAL_LIFE 3600     /* seconds */
#define EVIDENCE_ACCOUNT_SIZE 33
#define EVIDENCE_ID_LEN 16
#define EVIDENCE_TICKETS 4          /* for one migration */
#define EVIDENCE_APPROVALS 16

_Static_assert(EVIDENCE_TICKETS <= SM_POLICY_TICKETS_MAX &&
               EVIDENCE_APPROVALS <= SM_POLICY_APPROVALS_MAX,
               "a request holds them all");

/* What a ticket that has been verified is about (trust/ticket.h). */
struct evidence_about {
    uint8_t id[EVIDENCE_ID_LEN];
    uint8_t uuid[16];
    char source[SM_CONF_NAME_MAX + 1];          /* "": any host */
    char destination[SM_CONF_NAME_MAX + 1];
    int64_t not_after;                          /* seconds, last one included */
};

/* What there is for one migration; borrowed until evidence_*() is called
 * again or the loop is entered. */
struct evidence {
    struct {
        const uint8_t *text;
        size_t len;
    } tickets[EVIDENCE_TICKETS];
    size_t n_tickets;
    const char *approvals[EVIDENCE_APPROVALS];     /* accounts */
    size_t n_approvals;
};

/*
 * An account approves that a guest goes to a host.  Doing so again renews it.
 *   role  the role it acts in, "" for all; for the log and the status
 *   now   seconds since the epoch (as everywhere here)
 * Returns 0; SM_BUSY when there are EVIDENCE_MAX of other accounts (of its
 * own it has EVIDENCE_OWN_MAX, the oldest makes room).
 */
int evidence_approve(const char *account, const char *role,
                     const uint8_t uuid[static 16], const char *destination,
                     int64_t now) SM_WARN_UNUSED;

/*
 * Keep a ticket, whose signature and form have been checked.
 *   text  `len` bytes, copied; at most FRAME_TICKET_MAX
 * Returns 0; SM_EXISTS when one of this id is here; SM_BUSY; SM_NO_MEMORY.
 */
int evidence_deposit(const char *account, const struct evidence_about *about,
                     const void *text, size_t len, int64_t now)
    SM_WARN_UNUSED;

/*
 * All that speaks for a migration of that guest from this host to
 * `destination`, the newest first, as many as a request can hold.  Every
 * account is in it once at most.
 *   source  this host's name
 */
void evidence_find(const uint8_t uuid[static 16], const char *source,
                   const char *destination, int64_t now,
                   struct evidence *out);

/*
 * The destination has accepted: the approvals of this migration are used up,
 * and so is the ticket with that id (NULL: none was used).
 */
void evidence_used(const uint8_t uuid[static 16], const char *destination,
                   const uint8_t *ticket_id);

/* One line for each, appended to `out` as text; `account` NULL for those of
 * all accounts. */
void evidence_status(char *out, size_t size, const char *account,
                     int64_t now);

#endif
