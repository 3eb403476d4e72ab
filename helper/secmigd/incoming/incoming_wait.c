/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections as a crowd: places for those that have not asked for anything,
 * who has to make room, how much may be logged about them, and the lists. */
#include "incoming/incoming.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "parent/parent.h"

#define STRANGER_LINES 10       /* of log a second */
#define WAIT_FAIR 500           /* ms to ask for something, before one may
                                 * have to make room for others */

bool incoming_may_log(void)
{
    static int64_t second;
    static unsigned int lines, left_out;
    int64_t now = sm_clock_now_ms() / 1000;

    if (now != second) {
        if (left_out)
            sm_warning("%u lines about strangers were left out", left_out);
        second = now;
        lines = left_out = 0;
    }
    if (lines == STRANGER_LINES) {
        left_out++;
        return false;
    }
    lines++;
    return true;
}

bool incoming_has(const uint8_t uuid[static 16])
{
    struct incoming *in;

    for (in = incoming_first; in; in = in->next)
        if (in->state >= IN_ROOM && !memcmp(in->facts.uuid, uuid, 16))
            return true;
    return handover_has(uuid);
}

int incoming_count(void)
{
    struct incoming *in;
    int n = 0;

    for (in = incoming_first; in; in = in->next)
        n += in->state >= IN_CHECK;
    return n;
}

static bool is_waiting(const struct incoming *in)
{
    return in->state <= IN_WAIT && !in->evicted;
}

int incoming_waiting(void)
{
    struct incoming *in;
    int n = 0;

    for (in = incoming_first; in; in = in->next)
        n += is_waiting(in);
    return n;
}

static int waiting_from(const char *from)
{
    struct incoming *in;
    int n = 0;

    for (in = incoming_first; in; in = in->next)
        n += is_waiting(in) && !strcmp(in->from, from);
    return n;
}

bool incoming_make_room(const char *from)
{
    int64_t now = sm_clock_now_ms();
    struct incoming *in, *victim = NULL;
    int crowd, most = 0, own = waiting_from(from);

    /* The list has the youngest first: the last of equals is the oldest. */
    for (in = incoming_first; in; in = in->next) {
        if (!is_waiting(in))
            continue;
        crowd = waiting_from(in->from);
        if (crowd < most ||
            (now - in->since < WAIT_FAIR && crowd < own + 2))
            continue;
        most = crowd;
        victim = in;
    }
    if (!victim)
        return false;
    incoming_evict(victim);
    return true;
}

void incoming_status(char *out, size_t size)
{
    static const char *const words[] = {
        "stranger", "stranger", "stranger", "connected", "settling",
        "checking", "looking for room", "starting xl", "moving",
    };
    struct incoming *in;
    int n;

    out[0] = '\0';
    for (in = incoming_first; in; in = in->next) {
        if (in->state < IN_WAIT)
            continue;
        n = snprintf(out, size, "in-%lu: %s from %s: %s, %lld s\n", in->id,
                     in->facts.name[0] ? in->facts.name : "?",
                     in->other.name, words[in->state],
                     (long long)(sm_clock_now_ms() - in->since) / 1000);
        if (n < 0 || (size_t)n >= size) {
            out[0] = '\0';
            return;
        }
        out += n;
        size -= (size_t)n;
    }
}
