/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct deposit {
    bool here;
    char account[EVIDENCE_ACCOUNT_SIZE];
    uint64_t serial;                /* order of arrival */
    int64_t end;                    /* the last second of its life */
    uint8_t uuid[16];
    char destination[SM_CONF_NAME_MAX + 1];
    /* approvals */
    char role[FRAME_ROLE_MAX + 1];
    /* tickets */
    uint8_t id[EVIDENCE_ID_LEN];
    char source[SM_CONF_NAME_MAX + 1];
    uint8_t *text;
    size_t len;
};

static struct deposit approvals[EVIDENCE_MAX], tickets[EVIDENCE_MAX];
static uint64_t last_serial;

static void drop(struct deposit *d)
{
    free(d->text);
    memset(d, 0, sizeof(*d));
}

static void expire(int64_t now)
{
    size_t i;

    for (i = 0; i < EVIDENCE_MAX; i++) {
        if (approvals[i].here && approvals[i].end < now)
            drop(&approvals[i]);
        if (tickets[i].here && tickets[i].end < now)
            drop(&tickets[i]);
    }
}

/* A free place for one of `account`, or NULL.  Nobody can fill the table
 * alone. */
static struct deposit *place(struct deposit *table, const char *account)
{
    struct deposit *unused = NULL, *oldest = NULL, *d;
    size_t own = 0;

    for (d = table; d < table + EVIDENCE_MAX; d++) {
        if (!d->here) {
            unused = d;
        } else if (!strcmp(d->account, account)) {
            own++;
            if (!oldest || d->serial < oldest->serial)
                oldest = d;
        }
    }
    if (own >= EVIDENCE_OWN_MAX) {
        drop(oldest);
        unused = oldest;
    }
    if (!unused)
        return NULL;
    unused->here = true;
    unused->serial = ++last_serial;
    snprintf(unused->account, sizeof(unused->account), "%s", account);
    return unused;
}

int evidence_approve(const char *account, const char *role,
                     const uint8_t uuid[static 16], const char *destination,
                     int64_t now)
{
    struct deposit *d;

    expire(now);
    for (d = approvals; d < approvals + EVIDENCE_MAX; d++)
        if (d->here && !strcmp(d->account, account) &&
            !memcmp(d->uuid, uuid, sizeof(d->uuid)) &&
            !strcmp(d->destination, destination))
            drop(d);
    d = place(approvals, account);
    if (!d)
        return SM_BUSY;
    d->end = now + EVIDENCE_APPROVAL_LIFE;
    memcpy(d->uuid, uuid, sizeof(d->uuid));
    snprintf(d->destination, sizeof(d->destination), "%s", destination);
    snprintf(d->role, sizeof(d->role), "%s", role);
    return 0;
}

int evidence_deposit(const char *account, const struct evidence_about *about,
                     const void *text, size_t len, int64_t now)
{
    struct deposit *d;
    uint8_t *copy;

    expire(now);
    for (d = tickets; d < tickets + EVIDENCE_MAX; d++)
        if (d->here && !memcmp(d->id, about->id, sizeof(d->id)))
            return SM_EXISTS;
    copy = malloc(len + 1);
    if (!copy)
        return SM_NO_MEMORY;
    memcpy(copy, text, len);
    d = place(tickets, account);
    if (!d) {
        free(copy);
        return SM_BUSY;
    }
    d->text = copy;
    d->len = len;
    d->end = about->not_after;
    memcpy(d->id, about->id, sizeof(d->id));
    memcpy(d->uuid, about->uuid, sizeof(d->uuid));
    snprintf(d->source, sizeof(d->source), "%s", about->source);
    snprintf(d->destination, sizeof(d->destination), "%s",
             about->destination);
    return 0;
}

/* Whether a ticket's `host` means the host of this name. */
static bool means(const char *host, const char *name)
{
    return !host[0] || !strcmp(host, name);
}

static bool fits(const struct deposit *d, const uint8_t *uuid,
                 const char *source, const char *destination)
{
    return d->here && !memcmp(d->uuid, uuid, sizeof(d->uuid)) &&
           means(d->destination, destination) && means(d->source, source);
}

/* The newest that fits and is older than `before`. */
static const struct deposit *next_newest(const struct deposit *table,
                                         uint64_t before, const uint8_t *uuid,
                                         const char *source,
                                         const char *destination)
{
    const struct deposit *d, *found = NULL;

    for (d = table; d < table + EVIDENCE_MAX; d++)
        if (fits(d, uuid, source, destination) && d->serial < before &&
            (!found || d->serial > found->serial))
            found = d;
    return found;
}

void evidence_find(const uint8_t uuid[static 16], const char *source,
                   const char *destination, int64_t now,
                   struct evidence *out)
{
    const struct deposit *d;
    uint64_t before;

    expire(now);
    memset(out, 0, sizeof(*out));
    for (before = UINT64_MAX; out->n_tickets < EVIDENCE_TICKETS;
         before = d->serial) {
        d = next_newest(tickets, before, uuid, source, destination);
        if (!d)
            break;
        out->tickets[out->n_tickets].text = d->text;
        out->tickets[out->n_tickets++].len = d->len;
    }
    for (before = UINT64_MAX; out->n_approvals < EVIDENCE_APPROVALS;
         before = d->serial) {
        d = next_newest(approvals, before, uuid, source, destination);
        if (!d)
            break;
        out->approvals[out->n_approvals++] = d->account;
    }
}

void evidence_used(const uint8_t uuid[static 16], const char *destination,
                   const uint8_t *ticket_id)
{
    size_t i;

    for (i = 0; i < EVIDENCE_MAX; i++) {
        if (approvals[i].here &&
            !memcmp(approvals[i].uuid, uuid, sizeof(approvals[i].uuid)) &&
            !strcmp(approvals[i].destination, destination))
            drop(&approvals[i]);
        if (ticket_id && tickets[i].here &&
            !memcmp(tickets[i].id, ticket_id, sizeof(tickets[i].id)))
            drop(&tickets[i]);
    }
}

static void list(const struct deposit *table, const char *what, char **out,
                 size_t *size, const char *account, int64_t now)
{
    const struct deposit *d;
    char uuid[SM_TEXT_UUID_SIZE];
    int n;

    for (d = table; d < table + EVIDENCE_MAX; d++) {
        if (!d->here || (account && strcmp(d->account, account)))
            continue;
        sm_text_uuid_format(d->uuid, uuid);
        n = snprintf(*out, *size, "%s of %s%s%s: %s to %s, %lld s left\n",
                     what, d->account, d->role[0] ? " as " : "", d->role,
                     uuid, d->destination[0] ? d->destination : "any host",
                     (long long)(d->end - now));
        if (n < 0 || (size_t)n >= *size) {
            **out = '\0';
            return;
        }
        *out += n;
        *size -= (size_t)n;
    }
}

void evidence_status(char *out, size_t size, const char *account, int64_t now)
{
    expire(now);
    out[0] = '\0';
    list(approvals, "approval", &out, &size, account, now);
    list(tickets, "ticket", &out, &size, account, now);
}
