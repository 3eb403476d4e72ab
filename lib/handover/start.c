/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover/start.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"

enum sm_handover_start
sm_handover_start(const struct sm_handover_record *record, bool rebooted,
                  int64_t time)
{
    bool closed = record->flags & SM_HANDOVER_CLOSED;
    bool acted = record->flags & (SM_HANDOVER_CLOSED | SM_HANDOVER_ACTED);

    switch (record->state) {
    case SM_HANDOVER_SENDING:
        /* Of a boot before this one: it can only become ABORTED. */
        return rebooted ? SM_HANDOVER_START_FREE :
               SM_HANDOVER_START_UNSETTLED;
    case SM_HANDOVER_SENT:
        /* If it died with this host, the other one's copy is to live. */
        return rebooted ? SM_HANDOVER_START_DOUBT :
               SM_HANDOVER_START_UNSETTLED;
    case SM_HANDOVER_RELEASED:
        return SM_HANDOVER_START_DOUBT;
    case SM_HANDOVER_ABORTED:
    case SM_HANDOVER_ACCEPTED:
        if (rebooted)
            return SM_HANDOVER_START_FREE;
        /* Under another name it does not keep xl from making it again. */
        return acted && !(record->flags & SM_HANDOVER_UNNAMED) ?
               SM_HANDOVER_START_FREE : SM_HANDOVER_START_UNSETTLED;
    case SM_HANDOVER_LOADING:
    case SM_HANDOVER_READY:
        return SM_HANDOVER_START_ELSEWHERE;
    case SM_HANDOVER_DONE:
    case SM_HANDOVER_REFUSED:
        if (closed && (record->flags & SM_HANDOVER_FENCED))
            return SM_HANDOVER_START_FREE;      /* nobody else runs it */
        if (rebooted && (!closed || sm_handover_is_news(record, time)))
            return SM_HANDOVER_START_ELSEWHERE;
        if (closed)
            return SM_HANDOVER_START_FREE;
        /* A copy that somebody gives up, to start it anew, is gone soon. */
        return record->state == SM_HANDOVER_REFUSED ?
               SM_HANDOVER_START_UNSETTLED : SM_HANDOVER_START_ELSEWHERE;
    case SM_HANDOVER_NONE:
        break;
    }
    return SM_HANDOVER_START_DOUBT;
}

/* By the record of another guest, which has the same name: what is not here,
 * and did not come from here, is not in the way. */
static enum sm_handover_start
start_beside(const struct sm_handover_record *record, bool rebooted,
             int64_t time)
{
    switch (record->state) {
    case SM_HANDOVER_LOADING:
    case SM_HANDOVER_READY:
        return SM_HANDOVER_START_UNSETTLED;     /* it may get that name */
    case SM_HANDOVER_REFUSED:
        return rebooted || (record->flags & (SM_HANDOVER_CLOSED |
                                             SM_HANDOVER_ACTED)) ?
               SM_HANDOVER_START_FREE : SM_HANDOVER_START_UNSETTLED;
    default:
        return sm_handover_start(record, rebooted, time);
    }
}

static bool is_uuid_known(const uint8_t uuid[static 16])
{
    static const uint8_t none[16];

    return memcmp(uuid, none, sizeof(none)) != 0;
}

enum sm_handover_start
sm_handover_start_of(const struct sm_handover_record *list, size_t n,
                     const uint8_t boot[static SM_HANDOVER_BOOT_LEN],
                     const uint8_t *uuid, const char *guest, int64_t time,
                     const struct sm_handover_record **out)
{
    enum sm_handover_start one, worst = SM_HANDOVER_START_FREE;
    const struct sm_handover_record *r;
    bool of_uuid, named, rebooted, uuid_seen = false, name_seen = false;

    *out = NULL;
    /* The latest first: one that is acted upon was true until the next one
     * of this guest began. */
    while (n--) {
        r = &list[n];
        of_uuid = uuid && !memcmp(r->uuid, uuid, sizeof(r->uuid));
        named = sm_handover_named(r, guest);
        if (!of_uuid && !named)
            continue;
        if ((r->flags & (SM_HANDOVER_CLOSED | SM_HANDOVER_ACTED)) &&
            (!of_uuid || uuid_seen) && (!named || name_seen))
            continue;
        /* A refused copy says that the guest was the other host's, as what
         * was before it may: it ends none of that. */
        if (r->state != SM_HANDOVER_REFUSED) {
            uuid_seen |= of_uuid;
            name_seen |= named;
        }
        rebooted = memcmp(r->boot, boot, sizeof(r->boot)) != 0;
        if (uuid && !of_uuid && is_uuid_known(r->uuid))
            one = start_beside(r, rebooted, time);
        else
            one = sm_handover_start(r, rebooted, time);
        if (one > worst) {
            worst = one;
            *out = r;
        }
    }
    return worst;
}

bool sm_handover_start_freed(const struct sm_handover_record *
                             (*at)(size_t i), size_t i, const char *host,
                             int64_t time)
{
    const struct sm_handover_record *r = at(i), *later;

    /* Without a name it only says that there was no such migration. */
    if (sm_handover_is_open(r) || strcmp(r->peer, host) || !r->name[0] ||
        (r->state != SM_HANDOVER_DONE && r->state != SM_HANDOVER_REFUSED) ||
        sm_handover_start(r, true, time) != SM_HANDOVER_START_ELSEWHERE)
        return false;
    while ((later = at(++i)))
        if (later->state != SM_HANDOVER_REFUSED &&
            !memcmp(later->uuid, r->uuid, sizeof(r->uuid)) &&
            !strcmp(later->name, r->name))
            return false;
    return true;
}

static const char *clean(const char *s)
{
    return s[0] && sm_wire_text_ok(s, strlen(s)) ? s : "?";
}

void sm_handover_start_line(const struct sm_handover_record *record,
                            const struct sm_handover_now *now,
                            enum sm_handover_start start,
                            char out[static SM_HANDOVER_LINE_SIZE])
{
    const char *name = clean(record->name), *peer = clean(record->peer);
    const char *daemon = now->daemon ? "" : ".  secmigd does not run here "
                                            "(at boot it comes after the "
                                            "guests): start it if it stays "
                                            "down";
    char stands[SM_HANDOVER_LINE_SIZE / 2], date[21];

    sm_clock_format(record->changed, date);
    sm_handover_stands(record, now, stands, sizeof(stands));
    if (start == SM_HANDOVER_START_UNSETTLED)
        snprintf(out, SM_HANDOVER_LINE_SIZE, "%s is in a handover %s %s: %s "
                 "(since %s).  secmigd settles that by itself ('secmig "
                 "handover list'): try again then%s", name,
                 sm_handover_is_source(record->state) ? "to" : "from", peer,
                 stands, date, daemon);
    else if (start == SM_HANDOVER_START_DOUBT)
        snprintf(out, SM_HANDOVER_LINE_SIZE, "%s may run on %s: %s (since "
                 "%s).  %s is asked until it answers ('secmig handover "
                 "list'); if it does not start it, try again then%s", name,
                 peer, stands, date, peer, daemon);
    else if (record->flags & SM_HANDOVER_CLOSED)
        snprintf(out, SM_HANDOVER_LINE_SIZE, "%s belongs to %s: %s (%s), and "
                 "this host was booted since.  Start it there; or, if %s "
                 "is lost for good, 'secmig handover fence %s' first; or, if "
                 "it only does not run this guest, here with xl's "
                 "--ignore-handover", name, peer, stands, date, peer,
                 peer);
    else
        snprintf(out, SM_HANDOVER_LINE_SIZE, "%s belongs to %s: %s (since "
                 "%s; see 'secmig handover list')%s", name, peer, stands,
                 date, daemon);
}
