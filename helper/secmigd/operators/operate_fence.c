/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may say for good that a host is lost: force-handover, for each guest that
 * is in doubt, or that may be started here again; and what has been shown and
 * agreed to, and nothing else.
 */
#include "operators/operate.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "handover/start.h"
#include "handover/words.h"
#include "handovers/handover.h"
#include "operators/lines.h"
#include "parent/parent.h"

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

/* What is agreed to: just these handovers with this host, as they stand, and
 * no others that come later.  Their hash stands where a guest's uuid does in an
 * approval of a migration. */
static void set_of(const char *host, bool settled, int64_t time,
                   uint8_t out[static 16])
{
    const struct sm_handover_record *r;
    crypto_generichash_state state;
    uint8_t stands[2];
    size_t i;

    crypto_generichash_init(&state, NULL, 0, 16);
    crypto_generichash_update(&state, (const uint8_t *)host,
                              strlen(host) + 1);
    for (i = 0; (r = handover_at(i)); i++) {
        if (!concerns(i, host, settled, time))
            continue;
        stands[0] = (uint8_t)r->state;
        stands[1] = sm_handover_is_open(r);
        crypto_generichash_update(&state, r->id, sizeof(r->id));
        crypto_generichash_update(&state, stands, sizeof(stands));
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
        lines_put(line);
        ++*n;
    }
    if (left)
        lines_put("  what had settled before is not touched: it stays that host's");
    return true;
}

/* Whether what would be done is what the client has been shown; if not, it
 * has been told. */
static bool is_as_shown(struct operate *o)
{
    char hex[FRAME_SHOWN_LEN + 1];
    uint8_t hash[FRAME_SHOWN_LEN / 2];

    crypto_generichash(hash, sizeof(hash), (const uint8_t *)lines_text(),
                       lines_len(), NULL, 0);
    sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    if (!o->shown[0] || !strcmp(o->shown, hex))
        return true;
    operate_finish(o, SM_STATE, "", "what stands with %s has changed since it "
                   "was shown, and nothing was done: look again", o->host);
    return false;
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

    lines_begin();
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
        lines_output(o);
    } else if (!is_as_shown(o)) {
        return;
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
