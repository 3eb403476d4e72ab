/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operators and guests between two hosts: who may see them, who may call the
 * other host, and who may say for good that it is lost.
 *
 *   list, show      as status: one's own, or with audit-read
 *   settle          one's own, or with abort
 *   settle --undo   likewise on the source, where the destination decides;
 *                   on the destination it destroys a copy that may be the
 *                   last one, and takes force-handover
 *
 * (fence: operate_fence.c)
 */
#include "operators/operate.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "handover/words.h"
#include "handovers/handover.h"
#include "operators/lines.h"
#include "parent/parent.h"

/* ---- who may see what ---- */

static bool own(const char *account, const struct sm_handover_record *r)
{
    return sm_handover_is_source(r->state) && !strcmp(r->by, account);
}

/* NULL: everybody's. */
static const char *sees(const struct operate *o)
{
    struct sm_policy_decision decision = { .allow = true };

    if (o->uid != 0)
        operate_decide(o, SM_POLICY_AUDIT_READ, NULL, NULL, false, &decision);
    return decision.allow ? NULL : o->account;
}

static const struct sm_handover_record *visible(size_t i, const char *account)
{
    const struct sm_handover_record *r = handover_at(i);

    return r && account && !own(account, r) ? NULL : r;
}

static void list(const char *account, bool open)
{
    char line[SM_HANDOVER_LINE_SIZE];
    const struct sm_handover_record *r;
    struct sm_handover_now now;
    int64_t time = sm_clock_real();
    size_t i;

    for (i = 0; handover_at(i); i++) {
        r = visible(i, account);
        if (!r || sm_handover_is_open(r) != open ||
            !sm_handover_is_news(r, time))
            continue;
        handover_now(r, &now);
        sm_handover_line(r, &now, line);
        lines_put(line);
    }
}

void operate_handover_list(struct operate *o)
{
    const char *account = sees(o);

    lines_begin();
    list(account, true);
    list(account, false);
    if (!lines_len())
        lines_put(SM_HANDOVER_NO_NEWS);
    lines_output(o);
}

void operate_handover_status(char *out, size_t size, const char *account)
{
    const char *line, *end;
    size_t n;

    lines_begin();
    list(account, true);
    out[0] = '\0';
    for (line = lines_text(); (end = strchr(line, '\n')); line = end + 1) {
        n = (size_t)snprintf(out, size, "handover: %.*s\n",
                             (int)(end - line), line);
        if (n >= size) {
            out[0] = '\0';
            return;
        }
        out += n;
        size -= n;
    }
}

static void put_page(const struct sm_handover_record *r)
{
    char page[SM_HANDOVER_PAGE_SIZE];
    struct sm_handover_now now;

    handover_now(r, &now);
    sm_handover_page(r, &now, page);
    if (lines_len())
        lines_put("");
    lines_put(page);
}

void operate_handover_show(struct operate *o)
{
    const struct sm_handover_record *r, *last = NULL;
    const char *account = sees(o);
    size_t i;

    lines_begin();
    for (i = 0; handover_at(i); i++) {
        r = visible(i, account);
        if (!r || !sm_handover_named(r, o->vm))
            continue;
        last = r;
        if (sm_handover_is_open(r))
            put_page(r);
    }
    if (last && !lines_len())
        put_page(last);
    if (last)
        lines_output(o);
    else
        operate_finish(o, SM_NO_DOMAIN, "", "%s: no handover of such a guest "
                       "is known here", o->vm);
}

/* ---- settle ---- */

#define NAMED_MAX 16            /* open handovers of one guest */

/* Journals move when they are written: ids stay. */
struct named {
    uint8_t ids[NAMED_MAX][SM_HANDOVER_ID_LEN];
    size_t n;
};

static const struct sm_handover_record *find(const uint8_t *id)
{
    const struct sm_handover_record *r;
    size_t i;

    for (i = 0; (r = handover_at(i)); i++)
        if (!memcmp(r->id, id, SM_HANDOVER_ID_LEN))
            break;
    return r;
}

/* The open ones that the operator means, as for `abort` whether they may be
 * seen or not; returns the last of all of them, NULL: there is none. */
static const struct sm_handover_record *pick(const struct operate *o,
                                             struct named *out)
{
    const struct sm_handover_record *r, *last = NULL;
    size_t i;

    out->n = 0;
    for (i = 0; (r = handover_at(i)); i++) {
        if (!sm_handover_named(r, o->vm))
            continue;
        last = r;
        if (sm_handover_is_open(r) && out->n < NAMED_MAX)
            memcpy(out->ids[out->n++], r->id, SM_HANDOVER_ID_LEN);
    }
    return last;
}

/* Whether the client may; if not, it has been told. */
static bool may_settle(struct operate *o, const struct sm_handover_record *r)
{
    bool refuses = (o->flags & FRAME_SETTLE_UNDO) &&
                   !sm_handover_is_source(r->state);
    struct sm_policy_decision d;

    if (!refuses && own(o->account, r))
        return true;
    operate_decide_handover(o, refuses ? SM_POLICY_FORCE_HANDOVER :
                            SM_POLICY_ABORT, r, NULL,
                            o->flags & FRAME_SETTLE_ASK, &d);
    if (!d.allow)
        operate_refuse(o, &d);
    return d.allow;
}

/* Put what undoing them would do; returns whether it would do anything. */
static bool plan_undo(const struct named *picked)
{
    char line[SM_HANDOVER_LINE_SIZE];
    const struct sm_handover_record *r;
    struct sm_handover_now now;
    bool does = false;
    size_t i;

    lines_begin();
    for (i = 0; i < picked->n; i++) {
        r = find(picked->ids[i]);
        handover_now(r, &now);
        does |= sm_handover_undo_means(r, &now, line);
        lines_put(line);
    }
    return does;
}

static int settle(struct operate *o, const uint8_t *id, bool undo)
{
    const struct sm_handover_record *r = find(id);
    char text[FRAME_TEXT_MAX + 1] = "", uuid[SM_TEXT_UUID_SIZE];
    int rc;

    sm_text_uuid_format(r->uuid, uuid);
    sm_notice("handover %s vm=%s uuid=%s with=%s by=%s@%s role=%s",
              undo ? "undo" : "settle", SM_LOG_WORD(r->name), uuid, r->peer,
              o->account, parent.conf.name, o->role);
    rc = handover_settle(id, undo, o->account, text, sizeof(text));
    lines_put(text[0] ? text : sm_err_text(rc));
    return rc;
}

void operate_handover_settle(struct operate *o)
{
    bool undo = o->flags & FRAME_SETTLE_UNDO;
    const struct sm_handover_record *last;
    char line[SM_HANDOVER_LINE_SIZE];
    struct sm_handover_now now = { 0 };
    struct named picked;
    int rc = 0, one;
    size_t i;

    if (!undo && o->flags) {
        operate_finish(o, SM_USAGE, "", "flags that are not known here");
        return;
    }
    last = pick(o, &picked);
    if (!last) {
        operate_finish(o, SM_NO_DOMAIN, "", "%s: no handover of such a guest "
                       "is known here", o->vm);
        return;
    }
    if (!picked.n) {
        if (!may_settle(o, last))
            return;
        sm_handover_line(last, &now, line);
        operate_finish(o, undo ? SM_STATE : 0, "", "it is settled already: "
                       "%s", line);
        return;
    }
    /* All are decided before one is touched. */
    for (i = 0; i < picked.n; i++)
        if (!may_settle(o, find(picked.ids[i])))
            return;
    if (undo && !plan_undo(&picked)) {
        lines_finish(o, SM_STATE, "");
        return;
    }
    if (o->flags & FRAME_SETTLE_ASK) {
        lines_output(o);
        return;
    }
    lines_begin();
    for (i = 0; i < picked.n; i++) {
        one = settle(o, picked.ids[i], undo);
        if (one)
            rc = one;
    }
    lines_finish(o, rc, "");
}
