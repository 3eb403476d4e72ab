/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests that run here under a name that is not theirs (SM_HANDOVER_UNNAMED):
 * they get their own once no other domain has it.
 */
#include "handovers/handover_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "parent/parent.h"

#define WAIT_MAX 20000          /* ms between two attempts */

struct naming {
    uint8_t id[SM_HANDOVER_ID_LEN];     /* of the migration */
    struct run run;                     /* secmig-xl */
    struct loop_timer timer;
    int64_t wait;                       /* ms before the next attempt */
    char said[160];                     /* what went wrong last: logged */
    struct naming *next;
};

static struct naming *namings;

/* ---- which names ---- */

static bool is_with(const char *name, const char *guest, const char *suffix)
{
    size_t n = strlen(guest);

    return !strncmp(name, guest, n) && !strcmp(name + n, suffix);
}

bool handover_name_is_lent(const char *name, const char *guest)
{
    return is_with(name, guest, SM_HANDOVER_COPY_SUFFIX) ||
           is_with(name, guest, SM_HANDOVER_AWAY_SUFFIX);
}

bool handover_is_unnamed(const uint8_t uuid[static 16], const char *name)
{
    const struct sm_handover_record *r;
    size_t i;

    for (i = 0; (r = sm_handover_journal_at(handover_journal, i)); i++)
        if ((r->flags & SM_HANDOVER_UNNAMED) && !memcmp(r->uuid, uuid, 16) &&
            handover_name_is_lent(name, r->name))
            return true;
    return false;
}

/* ---- attempts ---- */

static void drop(struct naming *n)
{
    struct naming **p;

    for (p = &namings; *p; p = &(*p)->next) {
        if (*p == n) {
            *p = n->next;
            break;
        }
    }
    run_clear(&n->run);
    loop_disarm(&n->timer);
    free(n);
}

static void attempt(void *ctx);

static void later(struct naming *n)
{
    loop_arm(&n->timer, n->wait, attempt, n);
    n->wait = n->wait * 2 < WAIT_MAX ? n->wait * 2 : WAIT_MAX;
}

/* As often as it changes. */
static void not_yet(struct naming *n, const struct sm_handover_record *r,
                   const char *what)
{
    if (strcmp(n->said, what)) {
        snprintf(n->said, sizeof(n->said), "%s", what);
        sm_warning("handover vm=%s with=%s: it has not got its name back "
                   "yet: %s", SM_LOG_WORD(r->name), r->peer, what);
    }
    later(n);
}

static void settled(struct naming *n, const struct sm_handover_record *r,
                    const char *what)
{
    struct handover *h = handover_find(n->id);
    struct sm_handover_record after = h ? h->r : *r;
    int rc;

    after.flags &= ~SM_HANDOVER_UNNAMED;
    rc = h ? handover_put(h, &after) :
        sm_handover_journal_put(handover_journal, &after);
    if (rc) {
        not_yet(n, &after, "the journal cannot be written");
        return;
    }
    sm_notice("handover vm=%s with=%s: %s", SM_LOG_WORD(after.name),
              after.peer, what);
    drop(n);
}

static void has_named(void *ctx, int err)
{
    struct naming *n = ctx;
    const struct sm_handover_record *r =
        sm_handover_journal_find(handover_journal, n->id);
    char line[160];

    handover_act_line(&n->run, line, sizeof(line));
    run_clear(&n->run);
    if (!r)
        drop(n);
    else if (!err)
        settled(n, r, line[0] ? line : "it has its name");
    else
        not_yet(n, r, line[0] ? line : sm_err_text(err));
}

/* Under the number that was looked at: the guest may leave at any moment, and
 * a copy of it come back, whose name says that it is one. */
static void has_looked(void *ctx, int err)
{
    struct naming *n = ctx;
    const struct sm_handover_record *r =
        sm_handover_journal_find(handover_journal, n->id);
    char uuid[SM_TEXT_UUID_SIZE], number[16];
    const char *args[] = { "name", uuid, NULL, number, NULL };
    struct handover_look look = { 0 };

    if (!err)
        err = handover_act_read(&n->run, &look);
    run_clear(&n->run);
    if (!r) {
        drop(n);
    } else if (err) {
        not_yet(n, r, sm_err_text(err));
    } else if (look.domain == SM_HANDOVER_GONE) {
        settled(n, r, "it has gone, and needs no name any more");
    } else if (!handover_name_is_lent(look.name, r->name) && look.name[0]) {
        settled(n, r, "somebody has given it a name");
    } else if (handover_has(r->uuid)) {
        later(n);               /* another record's to touch */
    } else {
        sm_text_uuid_format(r->uuid, uuid);
        snprintf(number, sizeof(number), "%u", look.domid);
        args[2] = r->name;
        err = run_start(&n->run, &parent.conf.facts, args, -1,
                        HANDOVER_LOOK_MAX, parent.conf.answer_timeout,
                        has_named, n);
        if (err)
            not_yet(n, r, sm_err_text(err));
    }
}

static void attempt(void *ctx)
{
    struct naming *n = ctx;
    const struct sm_handover_record *r =
        sm_handover_journal_find(handover_journal, n->id);
    char uuid[SM_TEXT_UUID_SIZE];
    const char *args[] = { "look", "destination", uuid, NULL, NULL };
    int rc;

    if (!r) {
        drop(n);
        return;
    }
    if (handover_has(r->uuid)) {
        later(n);
        return;
    }
    sm_text_uuid_format(r->uuid, uuid);
    args[3] = r->name;
    rc = run_start(&n->run, &parent.conf.facts, args, -1, HANDOVER_LOOK_MAX,
                   parent.conf.answer_timeout, has_looked, n);
    if (rc)
        not_yet(n, r, sm_err_text(rc));
}

void handover_name(const uint8_t id[static SM_HANDOVER_ID_LEN])
{
    struct naming *n;

    for (n = namings; n; n = n->next)
        if (!memcmp(n->id, id, sizeof(n->id)))
            return;
    n = calloc(1, sizeof(*n));
    if (!n) {
        sm_error("handover: out of memory: a guest that waits for its name "
                 "gets it when secmigd is started again");
        return;
    }
    memcpy(n->id, id, sizeof(n->id));
    n->wait = parent.conf.settle_interval;
    n->next = namings;
    namings = n;
    later(n);
}
