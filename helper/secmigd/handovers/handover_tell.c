/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handovers in words for people: in the log, and as xl's last paragraph. */
#include "handovers/handover_own.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "parent/parent.h"

/* One line for each durable state. */
void handover_log(const struct handover *h)
{
    const struct sm_handover_record *r = &h->r;
    char id[2 * SM_HANDOVER_ID_LEN + 1];

    sodium_bin2hex(id, sizeof(id), r->id, sizeof(r->id));
    sm_notice("handover id=%s vm=%s with=%s state=%s code=%u text=\"%s\"",
              id, SM_LOG_WORD(r->name), r->peer,
              sm_handover_state_name(r->state), (unsigned int)r->code,
              SM_LOG_TEXT(r->why));
}

void handover_default_reason(struct handover *h)
{
    const struct sm_handover_view *v = &h->view;

    if (!v->same_boot)
        handover_reason(h, SM_STATE, "this host was booted anew");
    else if (v->cancel)
        handover_reason(h, SM_CANCELLED, "undone by an administrator");
    else if (v->fenced)
        handover_reason(h, SM_CANCELLED, "settled by an administrator's "
                        "word");
    else if (v->domain == SM_HANDOVER_GONE)
        handover_reason(h, SM_NO_DOMAIN, "the domain was destroyed by "
                        "somebody here");
    else if (v->domain == SM_HANDOVER_RUNS)
        handover_reason(h, SM_STATE, "the guest was resumed by somebody "
                        "here");
    else
        handover_reason(h, SM_FAIL, "xl has ended");
}

void handover_log_alarm(struct handover *h, const char *alarm)
{
    if (!alarm || (h->alarm && !strcmp(h->alarm, alarm)))
        return;
    h->alarm = alarm;
    sm_error("handover vm=%s with=%s: %s", SM_LOG_WORD(h->r.name), h->r.peer,
             alarm);
}

void handover_doubt_text(const struct handover *h, char *out, size_t size)
{
    const struct sm_handover_record *r = &h->r;

    if (r->state == SM_HANDOVER_RELEASED)
        snprintf(out, size, "%s may be running on %s, which has not said so "
                 "yet; here it is suspended, and is left so.  The daemons "
                 "settle this by themselves as soon as %s answers: either it "
                 "runs there, or it goes on here.  See 'secmig handover list'"
                 ".", r->name, r->peer, r->peer);
    else if (r->state == SM_HANDOVER_DONE)
        snprintf(out, size, "%s runs on %s; what is left of it on %s is "
                 "suspended, and has not been destroyed yet%s%s.  The daemon "
                 "tries again by itself.  See 'secmig handover list'.",
                 r->name, r->peer, parent.conf.name,
                 h->trouble[0] ? ": " : "", h->trouble);
    else if (r->state == SM_HANDOVER_SENT && h->unwritten)
        /* RELEASED may be what the disk has kept of the write that failed. */
        snprintf(out, size, "It is not known yet whether %s stays on %s or "
                 "goes to %s: here it is suspended, and is left so until the "
                 "journal can be written%s%s.  The daemon tries again by "
                 "itself.  See 'secmig handover list'.", r->name,
                 parent.conf.name, r->peer, h->trouble[0] ? ": " : "",
                 h->trouble);
    else
        snprintf(out, size, "%s stays on %s, but has not been resumed yet%s"
                 "%s.  The daemon tries again by itself.  See 'secmig "
                 "handover list'.", r->name, parent.conf.name,
                 h->trouble[0] ? ": " : "", h->trouble);
}
