/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/seen.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wire.h"
#include "state/store.h"

#define FORMAT 2

/* The object: u16 format, u32 n, n x { AK[32], pcrs[32], u64 clock, u32
 * reset_count, u32 restart_count, str host, u64 when, u8 back, u8 approved,
 * u32 reset, u32 restart of the accepted boot }. */
static struct seen records[SEEN_MAX];
static size_t n_records;
static bool unsaved;    /* what is here is not in the store: writing it failed */

static int decode(const uint8_t *data, size_t len)
{
    struct sm_wire_reader r;
    struct seen *s;
    uint8_t back, approved;
    size_t n, i;

    sm_wire_reader_init(&r, data, len);
    if (sm_wire_get_u16(&r) != FORMAT)
        return SM_STATE;
    n = sm_wire_get_u32(&r);
    if (n > SEEN_MAX)
        return SM_STATE;
    for (i = 0; i < n; i++) {
        s = &records[i];
        sm_wire_get_bytes(&r, s->tpm.ak, sizeof(s->tpm.ak));
        sm_wire_get_bytes(&r, s->tpm.pcrs, sizeof(s->tpm.pcrs));
        s->tpm.clock = sm_wire_get_u64(&r);
        s->tpm.reset_count = sm_wire_get_u32(&r);
        s->tpm.restart_count = sm_wire_get_u32(&r);
        sm_wire_get_str(&r, s->host, sizeof(s->host));
        s->when = (int64_t)sm_wire_get_u64(&r);
        back = sm_wire_get_u8(&r);
        approved = sm_wire_get_u8(&r);
        s->back = back == 1;
        s->approved = approved == 1;
        s->approved_reset = sm_wire_get_u32(&r);
        s->approved_restart = sm_wire_get_u32(&r);
        if (back > 1 || approved > 1)
            return SM_STATE;
    }
    if (sm_wire_end(&r))
        return SM_STATE;
    n_records = n;
    return 0;
}

int seen_init(void)
{
    char why[STORE_WHY_SIZE];
    uint8_t *data;
    size_t len;
    int rc;

    rc = store_get("seen", NULL, &data, &len, why);
    if (rc == SM_NO_DOMAIN)
        return 0;
    if (rc) {
        sm_error("platforms seen: %s", why);
        return rc;
    }
    rc = decode(data, len);
    if (rc)
        sm_error("platforms seen: the object in the store is damaged");
    free(data);
    return rc;
}

static int save(void)
{
    char why[STORE_WHY_SIZE];
    struct sm_wire_writer w;
    const struct seen *s;
    int rc;

    sm_wire_writer_init(&w, STORE_MAX);
    sm_wire_put_u16(&w, FORMAT);
    sm_wire_put_u32(&w, (uint32_t)n_records);
    for (s = records; s < records + n_records; s++) {
        sm_wire_put_bytes(&w, s->tpm.ak, sizeof(s->tpm.ak));
        sm_wire_put_bytes(&w, s->tpm.pcrs, sizeof(s->tpm.pcrs));
        sm_wire_put_u64(&w, s->tpm.clock);
        sm_wire_put_u32(&w, s->tpm.reset_count);
        sm_wire_put_u32(&w, s->tpm.restart_count);
        sm_wire_put_str(&w, s->host);
        sm_wire_put_u64(&w, (uint64_t)s->when);
        sm_wire_put_u8(&w, s->back);
        sm_wire_put_u8(&w, s->approved);
        sm_wire_put_u32(&w, s->approved_reset);
        sm_wire_put_u32(&w, s->approved_restart);
    }
    rc = sm_wire_error(&w);
    if (!rc)
        rc = store_put("seen", NULL, w.data, w.len, why);
    else
        strcpy(why, sm_err_text(rc));
    if (rc)
        sm_error("platforms seen: %s", why);
    unsaved = rc != 0;
    sm_wire_writer_dispose(&w);
    return rc;
}

static struct seen *find(const uint8_t *ak)
{
    size_t i;

    for (i = 0; i < n_records; i++)
        if (!memcmp(records[i].tpm.ak, ak, SM_ATTEST_AK_LEN))
            return &records[i];
    return NULL;
}

const struct seen *seen_find(const uint8_t ak[static SM_ATTEST_AK_LEN])
{
    return find(ak);
}

bool seen_approved(const uint8_t ak[static SM_ATTEST_AK_LEN],
                   uint32_t reset_count, uint32_t restart_count)
{
    const struct seen *s = find(ak);

    return s && s->approved && s->approved_reset == reset_count &&
           s->approved_restart == restart_count;
}

/* -1, 0, 1: boots in the order of time. */
static int order(const struct sm_attest_seen *a,
                 const struct sm_attest_seen *b)
{
    if (a->reset_count != b->reset_count)
        return a->reset_count < b->reset_count ? -1 : 1;
    if (a->restart_count != b->restart_count)
        return a->restart_count < b->restart_count ? -1 : 1;
    return 0;
}

/* A record for a new key, zeroed; NULL: all are hosts' that are there. */
static struct seen *make(void)
{
    struct seen *s = records;

    if (n_records < SEEN_MAX)
        s = &records[n_records++];
    else
        while (s < records + n_records && s->host[0])
            s++;
    if (s == records + SEEN_MAX)
        return NULL;
    memset(s, 0, sizeof(*s));
    return s;
}

int seen_write(const struct sm_attest_seen *now, const char *host)
{
    struct seen *s = find(now->ak);
    size_t i;
    int later = s ? order(now, &s->tpm) : 1;

    if (!s)
        s = make();
    if (!s)
        return SM_BUSY;
    if (later < 0 || (later == 0 && now->clock <= s->tpm.clock))
        return unsaved ? save() : 0;
    if (later > 0)
        sm_notice("platform host=%s reset-count=%u restart-count=%u: seen "
                  "for the first time since it was reset, restarted or "
                  "resumed", host, (unsigned int)now->reset_count,
                  (unsigned int)now->restart_count);
    s->tpm = *now;
    s->when = sm_clock_real();
    s->back = false;
    for (i = 0; i < n_records; i++)
        if (!strcmp(records[i].host, host))
            records[i].host[0] = '\0';
    s->host[0] = '\0';
    strncat(s->host, host, sizeof(s->host) - 1);
    return save();
}

int seen_back(const uint8_t ak[static SM_ATTEST_AK_LEN])
{
    struct seen *s = find(ak);

    if (!s || (s->back && !unsaved))
        return 0;
    s->back = true;
    return save();
}

int seen_accept(const char *host, const struct seen **out)
{
    struct seen *s;

    *out = NULL;
    for (s = records; s < records + n_records; s++) {
        if (strcmp(s->host, host))
            continue;
        *out = s;
        if (s->back)
            return SM_UNMET;
        s->approved = true;
        s->approved_reset = s->tpm.reset_count;
        s->approved_restart = s->tpm.restart_count;
        return save();
    }
    return SM_UNKNOWN_HOST;
}
