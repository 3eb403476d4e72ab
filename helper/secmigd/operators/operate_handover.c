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
 *   fence           force-handover, for each guest that is in doubt, or that
 *                   may be started here again
 */
#include "operators/operate.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "handover/start.h"
#include "handover/words.h"
#include "handovers/handover.h"
#include "parent/parent.h"

/* ---- lines ---- */

/* Text of at most FRAME_OUTPUT_MAX bytes; says so where it ends early. */
struct lines {
    char text[FRAME_OUTPUT_MAX];
    size_t len;
};

static struct lines lines;      /* of the request being handled */

static const char more[] = "and more, which are not shown\n";

static void begin(void)
{
    lines.len = 0;
    lines.text[0] = '\0';
}

/* Several lines are put whole or not at all. */
static void put(const char *text)
{
    size_t max = sizeof(lines.text) - sizeof(more), n = strlen(text);

    if (lines.len >= max)
        return;
    if (n + 1 > max - lines.len) {
        strcpy(lines.text + lines.len, more);
        lines.len = max;
        return;
    }
    memcpy(lines.text + lines.len, text, n);
    lines.len += n;
    if (!n || text[n - 1] != '\n')
        lines.text[lines.len++] = '\n';
    lines.text[lines.len] = '\0';
}

static void output(struct operate *o)
{
    operate_output(o, lines.text, strlen(lines.text));
}

/* The lines as one, as the client's last word. */
static void finish(struct operate *o, int code, const char *rule)
{
    char *p;

    if (lines.len && lines.text[lines.len - 1] == '\n')
        lines.text[--lines.len] = '\0';
    for (p = lines.text; (p = strchr(p, '\n')); )
        *p = ';';
    operate_finish(o, code, rule, "%s", lines.text);
}

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
        put(line);
    }
}

void operate_handover_list(struct operate *o)
{
    const char *account = sees(o);

    begin();
    list(account, true);
    list(account, false);
    if (!lines.len)
        put(SM_HANDOVER_NO_NEWS);
    output(o);
}

void operate_handover_status(char *out, size_t size, const char *account)
{
    const char *line, *end;
    size_t n;

    begin();
    list(account, true);
    out[0] = '\0';
    for (line = lines.text; (end = strchr(line, '\n')); line = end + 1) {
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
    if (lines.len)
        put("");
    put(page);
}

void operate_handover_show(struct operate *o)
{
    const struct sm_handover_record *r, *last = NULL;
    const char *account = sees(o);
    size_t i;

    begin();
    for (i = 0; handover_at(i); i++) {
        r = visible(i, account);
        if (!r || !sm_handover_named(r, o->vm))
            continue;
        last = r;
        if (sm_handover_is_open(r))
            put_page(r);
    }
    if (last && !lines.len)
        put_page(last);
    if (last)
        output(o);
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

    begin();
    for (i = 0; i < picked->n; i++) {
        r = find(picked->ids[i]);
        handover_now(r, &now);
        does |= sm_handover_undo_means(r, &now, line);
        put(line);
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
    put(text[0] ? text : sm_err_text(rc));
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
        finish(o, SM_STATE, "");
        return;
    }
    if (o->flags & FRAME_SETTLE_ASK) {
        output(o);
        return;
    }
    begin();
    for (i = 0; i < picked.n; i++) {
        one = settle(o, picked.ids[i], undo);
        if (one)
            rc = one;
    }
    finish(o, rc, "");
}

/* ---- fence ---- */

/*
 * Whether a fence of that host also frees the guests that are its by settled
 * handovers.  If nothing is open, it is for that; if something is in doubt, the
 * host is said to be lost.  But what is only filed, or held, as it comes with
 * another journal, is fenced while that host lives and runs its guests.
 */
static bool frees_settled(const char *host)
{
    const struct sm_handover_record *r;
    bool open = false, doubt = false;
    char means[SM_HANDOVER_LINE_SIZE];
    struct sm_handover_now now;
    size_t i;

    for (i = 0; (r = handover_at(i)); i++) {
        if (!sm_handover_is_open(r) || strcmp(r->peer, host))
            continue;
        handover_now(r, &now);
        if (now.held)
            return false;
        open = true;
        doubt |= sm_handover_fence_means(r, &now, means);
    }
    return doubt || !open;
}

/* Whether it is about the `i`th. */
static bool concerns(size_t i, const char *host, bool settled, int64_t time)
{
    const struct sm_handover_record *r = handover_at(i);

    if (sm_handover_is_open(r))
        return !strcmp(r->peer, host);
    return settled && sm_handover_start_freed(handover_at, i, host, time);
}

/* What is agreed to: just these handovers with this host, no others that come
 * later, nor these when they are settled otherwise.  Their hash stands where a guest's uuid does in an approval of
 * a migration. */
static void set_of(const char *host, bool settled, int64_t time,
                   uint8_t out[static 16])
{
    const struct sm_handover_record *r;
    crypto_generichash_state state;
    uint8_t open;
    size_t i;

    crypto_generichash_init(&state, NULL, 0, 16);
    crypto_generichash_update(&state, (const uint8_t *)host,
                              strlen(host) + 1);
    for (i = 0; (r = handover_at(i)); i++) {
        if (!concerns(i, host, settled, time))
            continue;
        open = sm_handover_is_open(r);
        crypto_generichash_update(&state, r->id, sizeof(r->id));
        crypto_generichash_update(&state, &open, 1);
    }
    crypto_generichash_final(&state, out, 16);
}

/* A host that we talk with is not lost.  It may have another journal than
 * before, though: then nothing but this helps. */
static bool talks(struct operate *o, const struct sm_handover_record *r,
                  const struct sm_handover_now *now)
{
    if (!now->linked || now->held)
        return false;
    operate_finish(o, SM_STATE, "", "%s is not lost: it is connected at this "
                   "moment, and settles %s itself", r->peer,
                   r->name[0] ? r->name : "it");
    return true;
}

/*
 * Ask the policy about each guest, and put what happens to it.
 *   n  out: how many there are
 * Returns whether all of it may be; if not, the client has been told.
 */
static bool may_fence(struct operate *o, const struct evidence *evidence,
                      bool settled, int64_t time, size_t *n)
{
    const struct sm_handover_record *r;
    char line[SM_HANDOVER_LINE_SIZE + 4], *means = line + 2;
    struct sm_policy_decision d;
    struct sm_handover_now now;
    bool left = false;
    size_t i;

    *n = 0;
    memcpy(line, "  ", 2);
    for (i = 0; (r = handover_at(i)); i++) {
        if (!concerns(i, o->host, settled, time)) {
            left |= concerns(i, o->host, true, time);
            continue;
        }
        operate_decide_handover(o, SM_POLICY_FORCE_HANDOVER, r, evidence,
                                o->flags != 0, &d);
        if (!d.allow) {
            operate_refuse(o, &d);
            return false;
        }
        handover_now(r, &now);
        if (talks(o, r, &now))
            return false;
        sm_handover_fence_means(r, &now, means);
        put(line);
        ++*n;
    }
    if (left)
        put("  what had settled before is not touched: it stays that host's");
    return true;
}

static void approve(struct operate *o, const uint8_t *set, size_t n)
{
    int rc = evidence_approve(o->account, o->role, set, o->host,
                              sm_clock_real());

    if (rc) {
        operate_finish(o, rc, "", "too many approvals are waiting already");
        return;
    }
    sm_notice("approval of a fence host=%s handovers=%zu by=%s@%s role=%s",
              o->host, n, o->account, parent.conf.name, o->role);
    operate_finish(o, 0, "", "agreed that %s is lost, for these handovers, "
                   "for the next %d minutes and once", o->host,
                   EVIDENCE_APPROVAL_LIFE / 60);
}

void operate_handover_fence(struct operate *o)
{
    char text[FRAME_TEXT_MAX + 1] = "";
    struct evidence evidence;
    int64_t time = sm_clock_real();
    uint8_t set[16];
    bool settled;
    size_t n;
    int rc;

    begin();
    settled = frees_settled(o->host);
    set_of(o->host, settled, time, set);
    evidence_find(set, parent.conf.name, o->host, time, &evidence);
    if (!may_fence(o, &evidence, settled, time, &n))
        return;
    if (!n) {
        if (operate_may(o, SM_POLICY_FORCE_HANDOVER, NULL, o->host))
            operate_finish(o, SM_NO_DOMAIN, "", "no handover with %s is open "
                           "here, and no guest is kept from being started "
                           "here by one of the last day", o->host);
    } else if (o->flags & FRAME_FENCE_ASK) {
        output(o);
    } else if (o->flags & FRAME_FENCE_APPROVE) {
        approve(o, set, n);
    } else {
        sm_warning("fence host=%s handovers=%zu by=%s@%s role=%s approvals="
                   "%zu: it is said to run none of these guests, for good",
                   o->host, n, o->account, parent.conf.name, o->role,
                   evidence.n_approvals);
        evidence_used(set, o->host, NULL);
        rc = handover_fence(o->host, settled, o->account, text,
                            sizeof(text));
        operate_finish(o, rc, "", "%s", text[0] ? text : sm_err_text(rc));
    }
}
