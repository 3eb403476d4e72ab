/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover/words_own.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/wire.h"

#define NEWS 86400          /* s that a settled one stays in lists */

/* ---- text that grows ---- */

void sm_words_put(struct text *t, const char *fmt, ...)
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
const char *sm_words_clean(const char *s)
{
    return sm_wire_text_ok(s, strlen(s)) ? s : "?";
}

const char *sm_words_guest(const struct sm_handover_record *r)
{
    return r->name[0] ? clean(r->name) : "-";
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
    case SM_HANDOVER_REFUSED:
        if ((record->flags & SM_HANDOVER_FENCED) &&
            !sm_handover_is_open(record)) {
            snprintf(out, size, "this host: %s is lost",
                     clean(record->peer));
            break;
        }
        snprintf(out, size, "%s", clean(record->peer));
        break;
    case SM_HANDOVER_LOADING:
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

void sm_words_stands(struct text *t, const struct sm_handover_record *r,
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
        put(t, now->domain == SM_HANDOVER_RUNS ?
            "runs here, although %s may start it" :
            now->rebooted ? "died here with a reboot, may run on %s" :
            now->domain == SM_HANDOVER_GONE ?
            "was destroyed here, may run on %s" :
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
        else if (now->domain == SM_HANDOVER_RUNS)
            put(t, "the copy runs here, started by somebody, although %s "
                "may still run the guest", peer);
        else
            put(t, "a whole copy is here, paused, and waits for %s", peer);
        break;
    case SM_HANDOVER_ACCEPTED:
        put(t, "is to run here");
        break;
    case SM_HANDOVER_REFUSED:
        put(t, now->domain == SM_HANDOVER_RUNS ?
            "is refused here, and runs here, started by somebody, although "
            "%s may still run it" : "is refused here, stays on %s", peer);
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
void sm_words_next(struct text *t, const struct sm_handover_record *r,
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
            put(t, now->domain == SM_HANDOVER_RUNS ?
                "what runs here is left alone, " :
                "the copy here is destroyed, ");
        put(t, "%s %s", peer, now->linked ? "is told" : "calls");
        break;
    default:
        put(t, "?");
    }
}

bool sm_words_fence_decided(const struct sm_handover_record *r)
{
    return r->state != SM_HANDOVER_DONE && r->state != SM_HANDOVER_REFUSED;
}

bool sm_words_has_next(const struct sm_handover_record *r)
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
        put(&t, sm_words_fence_decided(record) ? ", by somebody's word" :
            ", which is lost, by somebody's word");
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
            /* The other host's copy is the only one. */
            if (now->rebooted || now->domain == SM_HANDOVER_GONE)
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
    if (!sm_handover_is_open(record)) {
        put(&t, "%s ", name);
        settled(&t, record);
        put(&t, " (%s): it may be started here again, also by the next boot",
            date);
        return true;
    }
    switch (record->state) {
    case SM_HANDOVER_RELEASED:
        if (now->domain == SM_HANDOVER_RUNS)
            put(&t, "%s runs here already, and goes on", name);
        else if (now->rebooted)
            put(&t, "%s died here with a reboot, and is given up", name);
        else if (now->domain == SM_HANDOVER_GONE)
            put(&t, "%s was destroyed here, and is given up", name);
        else
            put(&t, "%s is resumed here, as it was on %s", name, date);
        return true;
    case SM_HANDOVER_READY:
        put(&t, now->domain == SM_HANDOVER_RUNS ?
            "the copy of %s runs here already, and goes on" :
            "the copy of %s is started here, as it was on %s", name, date);
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
