/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All about one handover, and what there is to do. */
#include "handover/words_own.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* As a word that can be typed into a shell. */
static const char *typed(const struct sm_handover_record *r,
                         char uuid[static SM_TEXT_UUID_SIZE])
{
    const char *p;

    for (p = r->name; *p; p++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                    "0123456789._+-", *p))
            break;
    if (r->name[0] && r->name[0] != '-' && !*p)
        return r->name;
    sm_text_uuid_format(r->uuid, uuid);
    return uuid;
}

static void reason(struct text *t, const struct sm_handover_record *r)
{
    if (!r->code && !r->why[0])
        return;
    put(t, "reason      ");
    if (r->code)
        put(t, " %u, %s", r->code, sm_err_text(sm_err_from_code(r->code)));
    if (r->why[0])
        put(t, "%s %s", r->code ? ":" : "", clean(r->why));
    put(t, "\n");
}

static void connection(struct text *t, const struct sm_handover_record *r,
                       const struct sm_handover_now *now)
{
    if (!now->daemon) {
        put(t, "daemon       none runs here: this is what its journal says\n");
        return;
    }
    put(t, "connection   %s\n", now->held ?
        "refused: the other host comes with another journal" : now->linked ?
        "there is one" : sm_handover_is_source(r->state) ?
        "none: this host calls" : "none: the other host calls");
}

/* What there is to do, by hand. */
static void remedy(struct text *t, const struct sm_handover_record *r,
                   const struct sm_handover_now *now)
{
    const char *peer = clean(r->peer), *name;
    char uuid[SM_TEXT_UUID_SIZE];

    name = typed(r, uuid);
    put(t, "to do       ");
    if (now->trouble[0])
        put(t, " see to what is in trouble: it is tried again and again.\n"
            "            ");
    if (!now->daemon)
        put(t, " start secmigd: it goes on by itself ('systemctl start "
            "secmigd').\n            ");
    if (r->flags & SM_HANDOVER_UNNAMED)
        put(t, " see to the other domain that is named %s; or give this one "
            "another\n             name ('xl rename').\n%s", guest(r),
            sm_handover_is_open(r) ? "            " : "");
    if (!sm_handover_is_open(r))
        return;
    if (now->held) {
        put(t, " nothing goes on by itself: %s has another journal than the "
            "one it had\n             (its disk was restored or replaced, or "
            "'secmig handover reset' was run).\n             Look at 'xl list' "
            "on both hosts.  If %s does not run the guest and never will:\n"
            "             secmig handover fence %s\n", peer, peer, peer);
        return;
    }
    switch (r->state) {
    case SM_HANDOVER_SENDING:
    case SM_HANDOVER_SENT:
        put(t, " nothing.  To end the migration: secmig abort %s\n", name);
        return;
    case SM_HANDOVER_RELEASED:
        put(t, " get %s back on the network, or wait.  It is settled as soon "
            "as it answers.\n", peer);
        if (!now->rebooted && now->domain != SM_HANDOVER_GONE)
            put(t, "             To have it here again if %s has not started "
                "it: secmig handover settle --undo %s\n", peer, name);
        put(t, "             Only if %s is lost for good: secmig handover "
            "fence %s\n", peer, peer);
        return;
    case SM_HANDOVER_LOADING:
        put(t, " nothing: %s decides.\n", peer);
        return;
    case SM_HANDOVER_READY:
        put(t, " get %s back on the network, or wait.  It is settled as soon "
            "as it calls.\n", peer);
        put(t, "             To give the copy up: secmig handover settle "
            "--undo %s\n", name);
        put(t, "             Only if %s is lost for good: secmig handover "
            "fence %s\n", peer, peer);
        return;
    default:
        put(t, " nothing: the guest is settled, and only %s has yet to hear "
            "it.\n             If %s is lost for good this can be filed: "
            "secmig handover fence %s\n", peer, peer, peer);
    }
}

void sm_handover_page(const struct sm_handover_record *record,
                      const struct sm_handover_now *now,
                      char out[static SM_HANDOVER_PAGE_SIZE])
{
    struct text t = { out, SM_HANDOVER_PAGE_SIZE, 0 };
    char uuid[SM_TEXT_UUID_SIZE], id[2 * SM_HANDOVER_ID_LEN + 1];
    char owner[128], date[21];
    bool open = sm_handover_is_open(record);

    sm_text_uuid_format(record->uuid, uuid);
    sodium_bin2hex(id, sizeof(id), record->id, sizeof(record->id));
    sm_handover_owner(record, owner, sizeof(owner));
    put(&t, "guest        %s\nuuid         %s\nmigration    %s\n",
        guest(record), uuid, id);
    put(&t, sm_handover_is_source(record->state) ?
        "direction    from here to %s\n" : "direction    from %s to here\n",
        clean(record->peer));
    put(&t, "may run on   %s\nstate        %s%s: ", owner,
        sm_handover_state_name(record->state), open ? "" : ", settled");
    stands(&t, record, now);
    sm_clock_format(record->changed, date);
    put(&t, "\nsince        %s", date);
    sm_clock_format(record->since, date);
    put(&t, " (began %s)\n", date);
    if (now->domain != SM_HANDOVER_UNSEEN) {
        put(&t, "domain here  %s", sm_handover_domain_name(now->domain));
        if (record->domid != UINT32_MAX && !now->rebooted &&
            now->domain != SM_HANDOVER_GONE)
            put(&t, ", it was number %" PRIu32, record->domid);
        put(&t, "\n");
    }
    if (record->by[0])
        put(&t, "asked by     %s\n", clean(record->by));
    reason(&t, record);
    if (record->flags & SM_HANDOVER_FENCED) {
        if (sm_words_fence_decided(record))
            put(&t, "note         settled by somebody's word (fence)\n");
        else
            put(&t, "note         %s is lost, by somebody's word (fence)%s\n",
                clean(record->peer), open ? "" : ": it may be started here");
    }
    if (record->flags & SM_HANDOVER_UNDO)
        put(&t, "note         somebody wants it undone\n");
    if (record->flags & SM_HANDOVER_LEAVE_PAUSED)
        put(&t, "note         it is left paused at the destination\n");
    if (!has_next(record))
        return;
    if (open)
        connection(&t, record, now);
    put(&t, "next         %s", now->daemon ? "" : "once secmigd runs, ");
    next(&t, record, now);
    put(&t, "\n");
    if (now->trouble[0])
        put(&t, "trouble      %s\n", clean(now->trouble));
    remedy(&t, record, now);
}
