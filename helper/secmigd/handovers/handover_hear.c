/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the other host says, whether it is believed, and what it is told. */
#include "handovers/handover_own.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "parent/parent.h"

/* A host may ask about migrations that are not known here.  Each such answer
 * is written down first: not more often than this. */
#define STRANGE_BURST 32
#define STRANGE_EVERY 1000      /* ms, one more */

/* Messages of one connection in a second: twice what a host can have open. */
#define HEARD_MAX 2048

#define SLOWLY 100              /* ms before the same is said again, and twice
                                 * as long each time ... */
#define SLOWEST 10000           /* ... up to this */

/* ---- speaking ---- */

int handover_say_fact(const struct sm_handover_record *r,
                      enum sm_handover_fact fact, handover_say *say,
                      void *ctx)
{
    struct sm_message_handover m = { .fact = (uint8_t)fact };

    memcpy(m.id, r->id, sizeof(m.id));
    handover_stamp(m.epoch, &m.sequence);
    if (fact == SM_HANDOVER_SAY_ABORT || fact == SM_HANDOVER_SAY_REFUSED) {
        m.code = r->code;
        snprintf(m.text, sizeof(m.text), "%s", r->why);
    }
    return say(ctx, &m);
}

void handover_speak(struct handover *h, enum sm_handover_fact fact)
{
    int64_t left;
    int rc;

    if (!h->say) {
        if (sm_handover_is_source(h->r.state))
            handover_call(h, false);
        return;
    }
    /* It may not have been answered on purpose: too many had asked. */
    left = h->spoken + SLOWEST - sm_clock_now_ms();
    if (h->said == fact && !h->asked && left > 0) {
        handover_turn(h, (int)left);
        return;
    }
    /* What was said before is said again, but ever more slowly: two hosts that
     * do not agree (after a fence) must not keep each other busy. */
    if (h->said == fact && sm_clock_now_ms() < h->again) {
        handover_turn(h, SLOWLY);
        return;
    }
    sm_debug("handover vm=%s with=%s: say %s", SM_LOG_WORD(h->r.name),
             h->r.peer, sm_handover_fact_name(fact));
    rc = handover_say_fact(&h->r, fact, h->say, h->link);
    if (rc == SM_BUSY) {
        handover_turn(h, SLOWLY);
    } else if (rc) {
        handover_lost(h->link, rc, "the connection is lost");
    } else {
        h->wait = h->said != fact ? SLOWLY :
                  2 * h->wait < SLOWEST ? 2 * h->wait : SLOWEST;
        h->spoken = sm_clock_now_ms();
        h->again = h->spoken + h->wait;
        h->said = fact;
        h->asked = false;
        handover_turn(h, SLOWEST);
    }
}

/* ---- links ---- */

void handover_linked(struct handover *h, handover_say *say, void *ctx)
{
    void *old = h->link;

    if (old == ctx)
        return;
    h->say = say;
    h->link = ctx;
    h->said = 0;
    /* Somebody may have helped since the last look: nothing that lets a guest
     * run somewhere is said, nor written, on an old one. */
    if (!h->view.acted)
        h->view.domain = SM_HANDOVER_UNSEEN;
    handover_turn(h, 0);
    if (old)
        handover_hang_up(old);
}

void handover_lost(const void *ctx, int code, const char *text)
{
    struct handover *h;

    for (h = handover_first; h; h = h->next) {
        if (h->link != ctx)
            continue;
        h->say = NULL;
        h->link = NULL;
        h->said = 0;
        /* The wait may be long, and somebody may help meanwhile: what was
         * seen before does not decide on what is said after it. */
        if (h->r.state == SM_HANDOVER_RELEASED ||
            h->r.state == SM_HANDOVER_READY)
            h->view.domain = SM_HANDOVER_UNSEEN;
        handover_stop(h, code, text);
    }
}

/* ---- hearing ---- */

/* A host may have a new key by now: then its name is what we know it by. */
static bool is_its_host(const struct sm_handover_record *r,
                        const struct handover_from *from)
{
    return !memcmp(r->peer_key, from->key, sizeof(r->peer_key)) ||
           (from->peer[0] && !strcmp(r->peer, from->peer));
}

/* From now on nothing that it says of this migration is believed; also after
 * a restart, when its journal may have grown longer than the old one was. */
static void hold(struct handover *h, const char *why)
{
    sm_error("handover vm=%s with=%s: %s: what it says is not heard, and "
             "nothing more is done by itself (see secmig handover show %s)",
             SM_LOG_WORD(h->r.name), h->r.peer, why, SM_LOG_WORD(h->r.name));
    h->held = true;
    handover_turn(h, 0);        /* ... which writes it down */
}

/* Whether it comes from the journal that the record knows, as it goes on. */
static bool believe(struct handover *h, const struct handover_from *from,
                    const struct sm_message_handover *m)
{
    static const uint8_t none[SM_HANDOVER_EPOCH_LEN];

    if (h->view.acted)
        return true;            /* only the record can be closed by it */
    if (h->held)
        return false;
    if (!memcmp(h->r.peer_epoch, none, sizeof(none)))
        memcpy(h->r.peer_epoch, m->epoch, sizeof(h->r.peer_epoch));
    if (memcmp(h->r.peer_epoch, m->epoch, sizeof(h->r.peer_epoch))) {
        hold(h, "it comes with another journal than it had");
        return false;
    }
    if (m->sequence < h->r.peer_sequence) {
        /* An old message may have been long under way; but not longer than
         * its connection has been there. */
        if (from->since > h->known_since)
            hold(h, "its journal is shorter than it was: an old copy has "
                 "been put in its place");
        return false;
    }
    if (m->sequence > h->sequence)
        h->sequence = m->sequence;
    return true;
}

static void heard_open(struct handover *h, const struct handover_from *from,
                       const struct sm_message_handover *m)
{
    char text[SM_MESSAGE_TEXT_MAX + 128];

    if (!believe(h, from, m))
        return;
    if ((m->fact == SM_HANDOVER_SAY_REFUSED &&
         !(h->view.heard & SM_HANDOVER_HEARD(SM_HANDOVER_SAY_STARTED))) ||
        m->fact == SM_HANDOVER_SAY_ABORT) {
        snprintf(text, sizeof(text), "%s %s%s%s", h->r.peer,
                 m->fact == SM_HANDOVER_SAY_ABORT ? "keeps the guest" :
                 "has not started it", m->text[0] ? ": " : "", m->text);
        handover_reason(h, m->code ? sm_err_from_code(m->code) : SM_FAIL,
                        text);
    }
    h->view.heard |= SM_HANDOVER_HEARD(m->fact);
    h->last_heard = m->fact;
    h->asked = true;
    handover_linked(h, from->say, from->ctx);
    handover_turn(h, 0);
}

/* A record that is closed, or a tombstone that has just been made. */
static void answer(const struct sm_handover_record *r,
                   const struct handover_from *from, enum sm_handover_fact heard)
{
    struct sm_handover_next next = sm_handover_closed(r->state, heard);

    if (next.alarm && incoming_may_log())
        sm_error("handover vm=%s with=%s: %s", SM_LOG_WORD(r->name),
                 from->peer, next.alarm);
    else if ((r->flags & SM_HANDOVER_FENCED) && incoming_may_log() &&
             (r->state == SM_HANDOVER_DONE || r->state == SM_HANDOVER_REFUSED))
        sm_error("handover vm=%s with=%s: a fence has said that it is lost, "
                 "and it is there: look where the guest runs",
                 SM_LOG_WORD(r->name), from->peer);
    if (next.say && handover_say_fact(r, next.say, from->say, from->ctx))
        sm_debug("handover with=%s: no answer can be given", from->peer);
}

static bool may_be_strange(void)
{
    static int64_t last;
    static int left = STRANGE_BURST;
    int64_t now = sm_clock_now_ms(), n = (now - last) / STRANGE_EVERY;

    if (n > 0) {
        left = n > STRANGE_BURST - left ? STRANGE_BURST : left + (int)n;
        last = now;
    }
    if (!left)
        return false;
    left--;
    return true;
}

static void heard_unknown(const struct handover_from *from,
                          const struct sm_message_handover *m)
{
    struct sm_handover_next next = sm_handover_unknown(m->fact);
    struct sm_handover_record r;
    int rc;

    memset(&r, 0, sizeof(r));
    memcpy(r.id, m->id, sizeof(r.id));
    r.state = next.state;
    if (next.step == SM_HANDOVER_WRITE) {
        if (!may_be_strange())
            return;             /* it will ask again */
        r.flags = SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED;
        snprintf(r.peer, sizeof(r.peer), "%s", from->peer);
        memcpy(r.peer_key, from->key, sizeof(r.peer_key));
        memcpy(r.peer_epoch, m->epoch, sizeof(r.peer_epoch));
        r.peer_sequence = m->sequence;
        memcpy(r.boot, handover_boot(), sizeof(r.boot));
        r.domid = UINT32_MAX;
        r.since = r.changed = sm_clock_real();
        r.code = (uint16_t)-SM_NO_DOMAIN;
        snprintf(r.why, sizeof(r.why), "no such migration is known here");
        /* It takes a place of those that are open; but where there is none
         * for one more that is open, there is one for this. */
        rc = sm_handover_journal_reserve(handover_journal);
        if (!rc || rc == SM_BUSY)
            rc = sm_handover_journal_put(handover_journal, &r);
        if (rc) {
            sm_error("handover with=%s: the answer to it cannot be written "
                     "down in %s (%s)", r.peer, parent.conf.journal,
                     handover_unwritten(rc));
            return;
        }
        sm_notice("handover with=%s: it asks about a migration that is not "
                  "known here, and is told that it will never be accepted",
                  r.peer);
        answer(&r, from, m->fact);
    } else if (next.say &&
               handover_say_fact(&r, next.say, from->say, from->ctx)) {
        sm_debug("handover with=%s: no answer can be given", from->peer);
    }
}

bool handover_may_say(struct handover_pace *pace)
{
    int64_t second = sm_clock_now_ms() / 1000;

    if (second != pace->second)
        pace->heard = 0;
    pace->second = second;
    return ++pace->heard <= HEARD_MAX;
}

void handover_heard(const struct handover_from *from,
                    const struct sm_message_handover *m)
{
    struct handover *h = handover_find(m->id);
    const struct sm_handover_record *r = h ? &h->r :
        sm_handover_journal_find(handover_journal, m->id);

    sm_debug("handover with=%s: heard %s", from->peer,
             sm_handover_fact_name(m->fact));
    if (r && (!is_its_host(r, from) ||
              from->source == sm_handover_is_source(r->state))) {
        if (incoming_may_log())
            sm_warning("handover vm=%s with=%s: %s speaks of it, which has "
                       "no part in it", SM_LOG_WORD(r->name), r->peer,
                       from->peer);
        return;
    }
    if (h)
        heard_open(h, from, m);
    else if (r)
        answer(r, from, m->fact);
    else if (from->source)
        heard_unknown(from, m);
    else if (incoming_may_log())
        sm_warning("handover with=%s: it speaks of a migration that is not "
                   "known here", from->peer);
}

bool handover_hear(const struct handover_from *from,
                   struct handover_pace *pace, struct sm_wire_reader *r)
{
    struct sm_message_handover m;

    sm_message_handover_get(r, &m);
    if (sm_wire_end(r))
        return true;
    if (!handover_may_say(pace))
        return false;
    handover_heard(from, &m);
    return true;
}

/* Whether its source may have something to hear.  Records without a name do
 * not count: they only say that there was no such migration, and asking again
 * makes more. */
static bool is_owed(const struct sm_handover_record *r)
{
    return !sm_handover_is_source(r->state) && r->name[0];
}

bool handover_expects(const uint8_t key[static SM_HANDOVER_KEY_LEN])
{
    const struct sm_handover_record *r;
    size_t i;

    for (i = 0; (r = sm_handover_journal_at(handover_journal, i)); i++)
        if (is_owed(r) && !memcmp(r->peer_key, key, sizeof(r->peer_key)))
            return true;
    return false;
}

/* An ACCEPTED that is closed keeps no guest waiting: its source has said that
 * it is done.  A REFUSED may: it is closed at once where there is no link.  So
 * may what an administrator has fenced: he has closed it without its source,
 * whose guest may be suspended still.  For a day only: until the host key is
 * used, who calls might be anybody. */
bool handover_awaits_call(void)
{
    const struct sm_handover_record *r;
    const struct handover *h;
    int64_t now = sm_clock_real();
    size_t i;

    for (i = 0; (r = sm_handover_journal_at(handover_journal, i)); i++) {
        h = handover_find(r->id);
        if (is_owed(r) && sm_handover_is_news(r, now) &&
            (h ? !h->say : r->state == SM_HANDOVER_REFUSED ||
                           (r->flags & SM_HANDOVER_FENCED)))
            return true;
    }
    return false;
}
