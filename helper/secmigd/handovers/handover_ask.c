/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handovers, for administrators: what there is, and their word about it. */
#include "handovers/handover_own.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

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

/* Durable, so that it is not forgotten by a restart.  Returns 0 or SM_IO. */
static int set_flag(struct handover *h, uint32_t flag)
{
    struct sm_handover_record r = h->r;

    r.flags |= flag;
    return handover_put(h, &r);
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
        rc = set_flag(h, SM_HANDOVER_UNDO);
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

int handover_fence(const char *host, const char *by, char *text, size_t size)
{
    char why[SM_HANDOVER_WHY_MAX + 1];
    unsigned int n = 0, bad = 0;
    struct handover *h;

    snprintf(why, sizeof(why), "%s says that %s does not run it and never "
             "will", by, host);
    for (h = handover_first; h; h = h->next) {
        if (strcmp(h->r.peer, host))
            continue;
        if (set_flag(h, SM_HANDOVER_FENCED)) {
            bad++;
            continue;
        }
        n++;
        h->view.fenced = true;
        handover_reason(h, SM_CANCELLED, why);
        sm_warning("handover vm=%s with=%s: settled by %s's word that %s "
                   "does not run it and never will",
                   SM_LOG_WORD(h->r.name), h->r.peer, by, host);
        handover_turn(h, 0);
    }
    if (bad) {
        snprintf(text, size, "the journal cannot be written: %u of %u are "
                 "not settled", bad, bad + n);
        return SM_IO;
    }
    if (!n)
        return SM_NO_DOMAIN;
    snprintf(text, size, "%u with %s: being settled", n, host);
    return 0;
}
