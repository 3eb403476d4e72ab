/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handovers, for administrators: what there is, and their word about it. */
#include "handovers/handover_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "handover/start.h"

const struct sm_handover_record *handover_at(size_t i)
{
    return sm_handover_journal_at(handover_journal, i);
}

void handover_now(const struct sm_handover_record *record,
                  struct sm_handover_now *now)
{
    const struct handover *h = handover_find(record->id);

    memset(now, 0, sizeof(*now));
    now->daemon = true;
    now->retry = -1;
    if (!h)
        return;
    now->rebooted = !h->view.same_boot;
    now->linked = h->say;
    now->held = h->held;
    now->domain = h->view.domain;
    if (sm_handover_is_source(h->r.state) && !h->say)
        now->retry = handover_call_due(h->r.peer);
    snprintf(now->trouble, sizeof(now->trouble), "%s", h->trouble);
}

int handover_settle(const uint8_t id[static SM_HANDOVER_ID_LEN], bool undo,
                    const char *by, char *text, size_t size)
{
    struct handover *h = handover_find(id);
    char line[SM_HANDOVER_LINE_SIZE], why[SM_HANDOVER_WHY_MAX + 1];
    struct sm_handover_now now;
    int rc;

    if (!h)
        return SM_NO_DOMAIN;
    if (undo) {
        handover_now(&h->r, &now);
        if (!sm_handover_undo_means(&h->r, &now, line)) {
            snprintf(text, size, "%s", line);
            return SM_STATE;
        }
        rc = handover_flag(h, SM_HANDOVER_UNDO);
        if (rc) {
            snprintf(text, size, "the journal cannot be written");
            return rc;
        }
        h->view.cancel = true;
        snprintf(why, sizeof(why), "undone by %s", by);
        handover_reason(h, SM_CANCELLED, why);
        snprintf(text, size, "%s", line);
        sm_notice("handover vm=%s with=%s: to be undone, says %s",
                  SM_LOG_WORD(h->r.name), h->r.peer, by);
    } else if (sm_handover_is_source(h->r.state)) {
        snprintf(text, size, "%s: %s is called now", h->r.name, h->r.peer);
    } else {
        snprintf(text, size, "%s: %s calls; this host cannot", h->r.name,
                 h->r.peer);
    }
    if (sm_handover_is_source(h->r.state) && !handover_stoppable(h))
        handover_call(h, true);
    handover_turn(h, 0);
    return 0;
}

/* Those that are in doubt.  Returns how many. */
static unsigned int fence_open(const char *host, const char *by,
                               unsigned int *bad)
{
    char why[SM_HANDOVER_WHY_MAX + 1];
    unsigned int n = 0;
    struct handover *h;

    snprintf(why, sizeof(why), "%s says that %s does not run it and never "
             "will", by, host);
    for (h = handover_first; h; h = h->next) {
        if (strcmp(h->r.peer, host))
            continue;
        n++;
        if (handover_flag(h, SM_HANDOVER_FENCED)) {
            ++*bad;
            continue;
        }
        h->view.fenced = true;
        handover_reason(h, SM_CANCELLED, why);
        sm_warning("handover vm=%s with=%s: settled by %s's word that %s "
                   "does not run it and never will",
                   SM_LOG_WORD(h->r.name), h->r.peer, by, host);
        handover_turn(h, 0);
    }
    return n;
}

/* A settled one stays settled, and keeps the time at which it was.  Without
 * room for it and all that is open it waits: those need theirs. */
static int free_one(const uint8_t *id, const char *by)
{
    const struct sm_handover_record *last;
    struct sm_handover_record r;
    int rc;

    rc = sm_handover_journal_reserve(handover_journal);
    if (rc)
        return rc;
    last = sm_handover_journal_find(handover_journal, id);
    if (!last)
        return 0;               /* forgotten meanwhile: nothing is kept down */
    r = *last;
    r.flags |= SM_HANDOVER_FENCED;
    rc = sm_handover_journal_put(handover_journal, &r);
    if (rc)
        return rc;
    sm_warning("handover vm=%s with=%s: may be started here again, by %s's "
               "word that %s does not run it and never will",
               SM_LOG_WORD(r.name), r.peer, by, r.peer);
    return 0;
}

/* The guests of those that are settled.  Returns how many. */
static unsigned int fence_settled(const char *host, const char *by,
                                  unsigned int *bad)
{
    const struct sm_handover_record *r;
    uint8_t (*ids)[SM_HANDOVER_ID_LEN];
    int64_t time = sm_clock_real();
    unsigned int n = 0, done = 0;
    size_t i;

    for (i = 0; handover_at(i); i++)
        n += sm_handover_start_freed(handover_at, i, host, time);
    /* A journal moves when it is written: ids stay. */
    ids = n ? calloc(n, sizeof(*ids)) : NULL;
    for (i = 0; ids && done < n && (r = handover_at(i)); i++)
        if (sm_handover_start_freed(handover_at, i, host, time))
            memcpy(ids[done++], r->id, sizeof(ids[0]));
    for (i = 0; i < done; i++)
        if (free_one(ids[i], by))
            break;
    *bad += n - (unsigned int)i;
    free(ids);
    return n;
}

int handover_fence(const char *host, bool settled, const char *by, char *text,
                   size_t size)
{
    unsigned int bad = 0, open, freed;

    /* First, while what is open is not closed yet. */
    freed = settled ? fence_settled(host, by, &bad) : 0;
    open = fence_open(host, by, &bad);
    if (bad) {
        snprintf(text, size, "the journal cannot be written: %u of %u with "
                 "%s are as they were: say it again", bad, open + freed,
                 host);
        return SM_IO;
    }
    if (!open && !freed)
        return SM_NO_DOMAIN;
    text[0] = '\0';
    if (open)
        snprintf(text, size, "%u with %s: being settled%s", open, host,
                 freed ? "; " : "");
    if (freed)
        snprintf(text + strlen(text), size - strlen(text), "%u that had "
                 "settled with %s: may be started here again", freed, host);
    return 0;
}
