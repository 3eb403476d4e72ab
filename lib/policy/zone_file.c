/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/zone_file.h"

#include <string.h>

#include "base/wire.h"

#define TIMES_MAX 2000          /* transitions listed in a file */
#define TYPES_MAX 256
#define OFFSET_MAX (26 * 3600)  /* RFC 8536: -25 to +26 hours */

struct header {
    uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
    uint8_t version;
};

bool sm_zone_add(struct sm_zone_steps *s, int64_t from, int64_t offset)
{
    if (offset <= -OFFSET_MAX || offset >= OFFSET_MAX)
        return false;
    if (s->n) {
        if (from <= s->step[s->n - 1].from)
            return false;
        if (offset == s->step[s->n - 1].offset)
            return true;
    }
    if (s->n == SM_ZONE_STEPS_MAX)
        return false;
    s->step[s->n].from = from;
    s->step[s->n].offset = (int32_t)offset;
    s->n++;
    return true;
}

static bool get_header(struct sm_wire_reader *r, struct header *h)
{
    uint8_t skip[15];
    char magic[4];

    sm_wire_get_bytes(r, magic, sizeof(magic));
    h->version = sm_wire_get_u8(r);
    sm_wire_get_bytes(r, skip, sizeof(skip));
    h->isutcnt = sm_wire_get_u32(r);
    h->isstdcnt = sm_wire_get_u32(r);
    h->leapcnt = sm_wire_get_u32(r);
    h->timecnt = sm_wire_get_u32(r);
    h->typecnt = sm_wire_get_u32(r);
    h->charcnt = sm_wire_get_u32(r);
    return !r->error && !memcmp(magic, "TZif", 4) && h->typecnt &&
           h->typecnt <= TYPES_MAX && h->timecnt <= TIMES_MAX &&
           h->charcnt <= 4096 && h->isutcnt <= TYPES_MAX &&
           h->isstdcnt <= TYPES_MAX && h->leapcnt <= 4096;
}

static void skip(struct sm_wire_reader *r, size_t n)
{
    for (; n && !r->error; n--)
        sm_wire_get_u8(r);
}

/* The 64-bit block: transition times, their types, the types. */
static bool get_steps(struct sm_wire_reader *r, const struct header *h,
                      struct sm_zone_steps *s)
{
    int64_t times[TIMES_MAX];
    uint8_t types[TIMES_MAX];
    int32_t offsets[TYPES_MAX];
    uint32_t i;

    for (i = 0; i < h->timecnt; i++)
        times[i] = (int64_t)sm_wire_get_u64(r);
    for (i = 0; i < h->timecnt; i++)
        types[i] = sm_wire_get_u8(r);
    for (i = 0; i < h->typecnt; i++) {
        offsets[i] = (int32_t)sm_wire_get_u32(r);
        skip(r, 2);             /* daylight saving or not, abbreviation */
    }
    skip(r, h->charcnt + h->isstdcnt + h->isutcnt);
    if (r->error || !sm_zone_add(s, INT64_MIN, offsets[0]))
        return false;
    for (i = 0; i < h->timecnt; i++)
        if (types[i] >= h->typecnt || (i && times[i] <= times[i - 1]) ||
            !sm_zone_add(s, times[i], offsets[types[i]]))
            return false;
    return true;
}

int sm_zone_file(const void *data, size_t len, struct sm_zone_steps *s)
{
    struct sm_wire_reader r;
    struct header h;
    size_t n;

    memset(s, 0, sizeof(*s));
    sm_wire_reader_init(&r, data, len);
    /* The first block has 32-bit times and is there for old readers; files
     * with leap seconds count other seconds than ours. */
    if (!get_header(&r, &h) || h.version < '2' || h.leapcnt)
        return SM_POLICY;
    skip(&r, (size_t)h.timecnt * 5 + (size_t)h.typecnt * 6 + h.charcnt +
             h.isstdcnt + h.isutcnt);
    if (!get_header(&r, &h) || h.leapcnt || !get_steps(&r, &h, s))
        return SM_POLICY;
    n = sm_wire_left(&r);
    if (n < 2 || r.data[r.pos] != '\n' || r.data[r.len - 1] != '\n')
        return SM_POLICY;
    /* An empty footer: nothing is known but that the last offset stays. */
    if (n > 2 && !sm_zone_rule((const char *)r.data + r.pos + 1, n - 2, s))
        return SM_POLICY;
    return 0;
}
