/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/wire.h"

#define NEWS 86400          /* s that a settled one stays in lists */

/* ---- text that grows ---- */

struct text {
    char *out;
    size_t size, len;
};

/* What does not fit is cut. */
static void put(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->out + t->len, t->size - t->len, fmt, ap);
    va_end(ap);
    if (n > 0)
        t->len += (size_t)n;
    if (t->len >= t->size)
        t->len = t->size - 1;
}

/* ---- names ---- */

/* Journals are ours, but what is shown to people is looked at all the
 * same. */
static const char *clean(const char *s)
{
    return sm_wire_text_ok(s, strlen(s)) ? s : "?";
}

static const char *guest(const struct sm_handover_record *r)
{
    return r->name[0] ? clean(r->name) : "-";
}

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

static void hex(const uint8_t *data, size_t n, char *out)
{
    size_t i;

    for (i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", data[i]);
}

bool sm_handover_named(const struct sm_handover_record *record,
                       const char *name)
{
    uint8_t id[16];

    if (!strcmp(record->name, name))
        return true;
    if (sm_text_uuid(name, strlen(name), id))
        return !memcmp(id, record->uuid, sizeof(id));
    return sm_text_hex(name, strlen(name), id, sizeof(id)) &&
           !memcmp(id, record->id, sizeof(id));
}

bool sm_handover_is_open(const struct sm_handover_record *record)
{
    return !(record->flags & SM_HANDOVER_CLOSED);
}

bool sm_handover_is_news(const struct sm_handover_record *record,
                         int64_t time)
{
    return sm_handover_is_open(record) ||
           (record->flags & SM_HANDOVER_UNNAMED) ||
           record->changed > time - NEWS;
}

/* ---- who, what, and what next ---- */

void sm_handover_owner(const struct sm_handover_record *record, char *out,
                       size_t size)
{
    switch (record->state) {
    case SM_HANDOVER_SENDING:
    case SM_HANDOVER_SENT:
    case SM_HANDOVER_ABORTED:
    case SM_HANDOVER_ACCEPTED:
        snprintf(out, size, "this host");
        break;
    case SM_HANDOVER_DONE:
    case SM_HANDOVER_LOADING:
    case SM_HANDOVER_REFUSED:
        snprintf(out, size, "%s", clean(record->peer));
        break;
    case SM_HANDOVER_RELEASED:
        snprintf(out, size, "nobody yet: %s decides", clean(record->peer));
        break;
    case SM_HANDOVER_READY:
        snprintf(out, size, "%s, until it says otherwise",
                 clean(record->peer));
        break;
    default:
        snprintf(out, size, "?");
    }
}

static void settled(struct text *t, const struct sm_handover_record *r)
{
    const char *peer = clean(r->peer);

    switch (r->state) {
    case SM_HANDOVER_DONE:
        put(t, "went to %s", peer);
        break;
    case SM_HANDOVER_ABORTED:
        put(t, "stayed here");
        break;
    case SM_HANDOVER_ACCEPTED:
        put(t, "came here");
        break;
    case SM_HANDOVER_REFUSED:
        put(t, "was refused here, stayed on %s", peer);
        break;
    default:
        put(t, "settled");
    }
}

static void stands(struct text *t, const struct sm_handover_record *r,
                   const struct sm_handover_now *now)
{
    const char *peer = clean(r->peer);

    if (r->flags & (SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED)) {
        settled(t, r);
        if (r->flags & SM_HANDOVER_UNNAMED)
            put(t, " and runs as %s%s: its name is taken", guest(r),
                sm_handover_is_source(r->state) ? SM_HANDOVER_AWAY_SUFFIX :
                SM_HANDOVER_COPY_SUFFIX);
        return;
    }
    switch (r->state) {
    case SM_HANDOVER_SENDING:
        put(t, now->domain == SM_HANDOVER_SUSPENDED ?
            "suspended here, being sent" : "runs here, being sent");
        break;
    case SM_HANDOVER_SENT:
        put(t, "suspended here, all of it is sent");
        break;
    case SM_HANDOVER_RELEASED:
        put(t, now->rebooted ? "died here with a reboot, may run on %s" :
            "suspended here, waits for %s, which may start it", peer);
        if (r->flags & SM_HANDOVER_UNDO)
            put(t, " and is asked not to");
        break;
    case SM_HANDOVER_ABORTED:
        put(t, now->domain == SM_HANDOVER_SUSPENDED ?
            "stays here, still suspended" : "stays here");
        break;
    case SM_HANDOVER_DONE:
        put(t, "runs on %s", peer);
        break;
    case SM_HANDOVER_LOADING:
    case SM_HANDOVER_READY:
        if (now->rebooted)
            put(t, "the copy here died with a reboot, it stays on %s", peer);
        else if (r->state == SM_HANDOVER_LOADING)
            put(t, "runs on %s, is arriving", peer);
        else
            put(t, "a whole copy is here, paused, and waits for %s", peer);
        break;
    case SM_HANDOVER_ACCEPTED:
        put(t, "is to run here");
        break;
    case SM_HANDOVER_REFUSED:
        put(t, "is refused here, stays on %s", peer);
        break;
    default:
        put(t, "?");
    }
}

void sm_handover_stands(const struct sm_handover_record *record,
                        const struct sm_handover_now *now, char *out,
                        size_t size)
{
    struct text t = { out, size, 0 };

    stands(&t, record, now);
}

/* Only a source calls. */
static void call(struct text *t, const struct sm_handover_record *r,
                 const struct sm_handover_now *now, const char *what)
{
    const char *peer = clean(r->peer);

    if (now->linked)
        put(t, "%s %s", what, peer);
    else if (now->retry > 0)
        put(t, "calls %s in %" PRId64 " s", peer, now->retry);
    else
        put(t, "calls %s", peer);
}

/* What happens by itself; once secmigd runs, if it does not. */
static void next(struct text *t, const struct sm_handover_record *r,
                 const struct sm_handover_now *now)
{
    bool acts = !(r->flags & SM_HANDOVER_ACTED);
    const char *peer = clean(r->peer);

    if (r->flags & SM_HANDOVER_UNNAMED)
        put(t, "gets its name when that is free%s",
            sm_handover_is_open(r) ? ", " : "");
    if (!sm_handover_is_open(r))
        return;
    if (now->held) {
        put(t, "nothing: %s comes with another journal", peer);
        return;
    }
    switch (r->state) {
    case SM_HANDOVER_SENDING:
        put(t, now->daemon ? "moves on when all is sent" :
            "stays here, is resumed if it is suspended");
        break;
    case SM_HANDOVER_SENT:
        if (now->daemon)
            put(t, "moves on when %s has it whole, else is resumed", peer);
        else
            put(t, "is resumed");
        break;
    case SM_HANDOVER_RELEASED:
        call(t, r, now, "hears from");
        break;
    case SM_HANDOVER_ABORTED:
        if (acts)
            put(t, "is resumed if it is suspended, ");
        call(t, r, now, "tells");
        break;
    case SM_HANDOVER_DONE:
        if (acts)
            put(t, "the suspended original is destroyed, ");
        call(t, r, now, "tells");
        break;
    case SM_HANDOVER_LOADING:
        put(t, now->daemon ? "the rest arrives" :
            "what has arrived is destroyed");
        break;
    case SM_HANDOVER_READY:
        put(t, "%s calls", peer);
        break;
    case SM_HANDOVER_ACCEPTED:
        if (acts)
            put(t, "is started, ");
        put(t, "%s %s", peer, now->linked ? "is told" : "calls");
        break;
    case SM_HANDOVER_REFUSED:
        if (acts)
            put(t, "the copy here is destroyed, ");
        put(t, "%s %s", peer, now->linked ? "is told" : "calls");
        break;
    default:
        put(t, "?");
    }
}

static bool has_next(const struct sm_handover_record *r)
{
    return sm_handover_is_open(r) || (r->flags & SM_HANDOVER_UNNAMED);
}

void sm_handover_line(const struct sm_handover_record *record,
                      const struct sm_handover_now *now,
                      char out[static SM_HANDOVER_LINE_SIZE])
{
    struct text t = { out, SM_HANDOVER_LINE_SIZE, 0 };
    char date[21];

    sm_clock_format(record->changed, date);
    put(&t, "%s  %s %s  ", guest(record),
        sm_handover_is_source(record->state) ? "to" : "from",
        clean(record->peer));
    stands(&t, record, now);
    if (record->flags & SM_HANDOVER_FENCED)
        put(&t, ", by somebody's word");
    put(&t, "  since %s", date);
    if (!has_next(record))
        return;
    put(&t, "  next: %s", now->daemon ? "" : "once secmigd runs, ");
    next(&t, record, now);
    if (now->trouble[0])
        put(&t, "  TROUBLE: %s", clean(now->trouble));
}

/* ---- what somebody's word would do ---- */

bool sm_handover_undo_means(const struct sm_handover_record *record,
                            const struct sm_handover_now *now,
                            char out[static SM_HANDOVER_LINE_SIZE])
{
    struct text t = { out, SM_HANDOVER_LINE_SIZE, 0 };
    const char *peer = clean(record->peer), *name = guest(record);

    if (sm_handover_is_open(record)) {
        switch (record->state) {
        case SM_HANDOVER_SENDING:
        case SM_HANDOVER_SENT:
            put(&t, "%s goes on here, and %s drops its copy", name, peer);
            return true;
        case SM_HANDOVER_RELEASED:
            if (now->rebooted)
                break;
            put(&t, "%s is asked to refuse %s: if it has not started it yet "
                "it never will, and %s goes on here; else it stays there",
                peer, name, name);
            return true;
        case SM_HANDOVER_LOADING:
        case SM_HANDOVER_READY:
            put(&t, "the copy of %s here is destroyed for good: it goes on "
                "on %s if it is still there, and is lost if %s was booted "
                "anew or has lost it", name, peer, peer);
            return true;
        default:
            break;
        }
    }
    put(&t, "%s: nothing can be undone: ", name);
    stands(&t, record, now);
    return false;
}

bool sm_handover_fence_means(const struct sm_handover_record *record,
                             const struct sm_handover_now *now,
                             char out[static SM_HANDOVER_LINE_SIZE])
{
    struct text t = { out, SM_HANDOVER_LINE_SIZE, 0 };
    const char *name = guest(record);
    char date[21];

    sm_clock_format(record->changed, date);
    switch (record->state) {
    case SM_HANDOVER_RELEASED:
        if (now->rebooted)
            put(&t, "%s died here with a reboot, and is given up", name);
        else
            put(&t, "%s is resumed here, as it was on %s", name, date);
        return true;
    case SM_HANDOVER_READY:
        put(&t, "the copy of %s is started here, as it was on %s", name,
            date);
        return true;
    case SM_HANDOVER_SENDING:
    case SM_HANDOVER_SENT:
        put(&t, "%s stays here", name);
        return false;
    case SM_HANDOVER_LOADING:
        put(&t, "what has arrived of %s is destroyed here", name);
        return false;
    default:
        put(&t, "%s: ", name);
        stands(&t, record, now);
        put(&t, ": this is filed, and %s is waited for no longer",
            clean(record->peer));
        return false;
    }
}

/* ---- the page ---- */

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
        if (!now->rebooted)
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
    hex(record->id, sizeof(record->id), id);
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
    if (record->flags & SM_HANDOVER_FENCED)
        put(&t, "note         settled by somebody's word (fence)\n");
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
