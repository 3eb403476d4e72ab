/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of open handovers: how they get into it, and out of it. */
#include "handovers/handover_own.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "parent/parent.h"

#define WAITING_MAX 4           /* copies of one host that wait, alone */
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

struct handover *handover_first;
struct sm_handover_journal *handover_journal;
static uint8_t boot[SM_HANDOVER_BOOT_LEN];

/* ---- which boot this is ---- */

static int read_boot(void)
{
    char text[SM_TEXT_UUID_SIZE];
    int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;

    if (fd >= 0) {
        n = read(fd, text, sizeof(text));
        close(fd);
    }
    if (n == sizeof(text) && sm_text_uuid(text, sizeof(text) - 1, boot))
        return 0;
    sm_error("%s cannot be read: it is not known whether domains of before "
             "can still be there", BOOT_ID);
    return SM_IO;
}

const uint8_t *handover_boot(void)
{
    return boot;
}

struct handover *handover_find(const uint8_t id[static SM_HANDOVER_ID_LEN])
{
    struct handover *h;

    for (h = handover_first; h; h = h->next)
        if (!memcmp(h->r.id, id, SM_HANDOVER_ID_LEN))
            return h;
    return NULL;
}

/* ---- beginning and end ---- */

static struct handover *add(const struct sm_handover_record *record)
{
    struct handover *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->r = *record;
    h->view.same_boot = !memcmp(record->boot, boot, sizeof(boot));
    h->view.acted = record->flags & SM_HANDOVER_ACTED;
    h->view.cancel = record->flags & SM_HANDOVER_UNDO;
    h->view.fenced = record->flags & SM_HANDOVER_FENCED;
    h->sequence = record->peer_sequence;
    h->held = record->peer_sequence == UINT64_MAX;
    h->known_since = h->entered = sm_clock_now_ms();
    h->look_after = HANDOVER_LOOK_FIRST;
    h->holder.fd = -1;
    h->next = handover_first;
    handover_first = h;
    return h;
}

void handover_take_out(struct handover *h)
{
    struct handover **p;
    void *link = h->link;

    for (p = &handover_first; *p; p = &(*p)->next) {
        if (*p == h) {
            *p = h->next;
            break;
        }
    }
    run_clear(&h->run);
    handover_hold_clear(h);
    loop_disarm(&h->turn);
    loop_disarm(&h->look);
    loop_disarm(&h->patience);
    free(h);
    if (link)
        handover_hang_up(link);
}

static int check_room(const struct sm_handover_record *first)
{
    bool source = sm_handover_is_source(first->state);
    struct handover *h;
    int waiting = 0;

    for (h = handover_first; h; h = h->next)
        waiting += h->r.state == SM_HANDOVER_READY && !h->attached &&
                   !strcmp(h->r.peer, first->peer);
    if (sm_handover_journal_find(handover_journal, first->id))
        return SM_EXISTS;
    if ((!source && waiting >= WAITING_MAX) || handover_has(first->uuid))
        return SM_BUSY;
    return sm_handover_journal_reserve(handover_journal);
}

int handover_begin(const struct sm_handover_record *first,
                   const struct handover_events *events,
                   struct handover **out)
{
    struct sm_handover_record r = *first;
    struct handover *h;
    int rc;

    rc = check_room(&r);
    if (rc)
        return rc;
    memcpy(r.boot, boot, sizeof(r.boot));
    r.since = r.changed = sm_clock_real();
    if (r.holder && handover_hold_mark(&r))
        return SM_XL;
    h = add(&r);
    if (!h)
        return SM_NO_MEMORY;
    rc = handover_put(h, &r);
    if (rc) {
        handover_take_out(h);
        return rc;
    }
    h->attached = true;
    h->events = *events;
    h->view.holder = true;
    h->view.linked = true;
    h->say = events->say;
    h->link = events->ctx;
    handover_entered(h);
    *out = h;
    return 0;
}

/* What an earlier daemon has left. */
int handover_init(void)
{
    const struct sm_handover_record *r;
    char why[1024];
    struct handover *h;
    size_t i;
    int rc;

    rc = read_boot();
    if (rc)
        return rc;
    rc = sm_handover_journal_open(parent.conf.journal,
                                  parent.conf.journal_witness,
                                  &handover_journal, why, sizeof(why));
    if (rc) {
        sm_error("%s", why);
        return rc;
    }
    for (i = 0; (r = sm_handover_journal_at(handover_journal, i)); i++) {
        if (r->flags & SM_HANDOVER_UNNAMED)
            handover_name(r->id);
        if (r->flags & SM_HANDOVER_CLOSED)
            continue;
        h = add(r);
        if (!h)
            return SM_NO_MEMORY;
        sm_notice("handover vm=%s with=%s is taken up again: state=%s%s",
                  SM_LOG_WORD(r->name), r->peer,
                  sm_handover_state_name(r->state),
                  h->view.same_boot ? "" : " (this host was booted anew)");
        if (handover_stoppable(h)) {
            h->view.stop = true;
            handover_reason(h, SM_LINK, "the migration daemon was restarted");
        }
        /* The receiving xl has died with the daemon. */
        h->view.holder = r->state == SM_HANDOVER_SENDING ||
                         (r->state == SM_HANDOVER_ABORTED &&
                          !h->view.acted);
        if (!h->view.same_boot)
            h->view.holder = false;
        handover_turn(h, 0);
    }
    return 0;
}

/* ---- for the others ---- */

bool handover_has(const uint8_t uuid[static 16])
{
    struct handover *h;

    for (h = handover_first; h; h = h->next)
        if (!h->view.acted && !memcmp(h->r.uuid, uuid, 16))
            return true;
    return false;
}
