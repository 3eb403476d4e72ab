/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/model.h"
#include "policy/zone_file.h"

#define FILE_MAX    (64 * 1024)
#define NAME_MAX_   64
#define DAY         86400

/* ---- loading ---- */

/* "+hh:mm" */
static bool fixed(const char *s, int32_t *offset)
{
    int h, m;

    if (strlen(s) != 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':' ||
        strspn(s + 1, "0123456789") != 2 || strspn(s + 4, "0123456789") != 2)
        return false;
    h = (s[1] - '0') * 10 + s[2] - '0';
    m = (s[4] - '0') * 10 + s[5] - '0';
    if (m > 59 || h * 60 + m > 14 * 60)
        return false;
    *offset = (h * 60 + m) * 60 * (s[0] == '-' ? -1 : 1);
    return true;
}

/* Components of letters, digits, "_", "+" and "-", the first one a letter:
 * nothing that leaves the directory. */
static bool name_ok(const char *s)
{
    size_t i;

    for (i = 0; s[i]; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') ||
                      (s[i] >= 'A' && s[i] <= 'Z');

        if (i >= NAME_MAX_)
            return false;
        if (!i || s[i - 1] == '/' ? !letter :
            !letter && !(s[i] >= '0' && s[i] <= '9') &&
            !strchr("_+-/", s[i]))
            return false;
    }
    return i && s[i - 1] != '/';
}

static int read_whole(const char *path, uint8_t *data, size_t size,
                      size_t *len)
{
    struct stat st;
    ssize_t n;
    int fd;
    int rc = SM_POLICY;

    *len = 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return SM_POLICY;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
        (st.st_uid && st.st_uid != geteuid()) || st.st_mode & 022 ||
        st.st_size > (off_t)size)
        goto out;
    while (*len < size) {
        n = read(fd, data + *len, size - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            goto out;
        if (!n)
            break;
        *len += (size_t)n;
    }
    rc = 0;
out:
    close(fd);
    return rc;
}

static int load_named(const char *name, struct sm_zone_steps *s)
{
    char path[sizeof(SM_POLICY_ZONE_DIR) + 1 + NAME_MAX_];
    uint8_t *data;
    size_t len;
    int rc;

    data = malloc(FILE_MAX);
    if (!data)
        return SM_NO_MEMORY;
    snprintf(path, sizeof(path), "%s/%s", SM_POLICY_ZONE_DIR, name);
    rc = read_whole(path, data, FILE_MAX, &len);
    if (!rc)
        rc = sm_zone_file(data, len, s);
    free(data);
    return rc;
}

static int keep(struct sm_policy *p, struct sm_policy_zone *zone,
                const char *name, const struct sm_zone_steps *s)
{
    size_t i, n = strlen(name) + 1;
    char *copy = sm_policy_pool_new(p, n, 1);

    zone->steps = sm_policy_pool_new(p, s->n, sizeof(*zone->steps));
    if (!copy || !zone->steps)
        return SM_NO_MEMORY;
    memcpy(copy, name, n);
    zone->name = copy;
    zone->n_steps = s->n;
    for (i = 0; i < s->n; i++) {
        zone->steps[i].from = s->step[i].from;
        zone->steps[i].offset = s->step[i].offset;
    }
    return 0;
}

int sm_policy_zone_load(struct sm_policy *p, struct sm_policy_zone *zone,
                        const char *name, bool names, char *why,
                        size_t why_size)
{
    struct sm_zone_steps *s;
    int32_t offset = 0;
    int rc;

    s = calloc(1, sizeof(*s));
    if (!s)
        return SM_NO_MEMORY;
    if (!strcmp(name, "Z") || fixed(name, &offset)) {
        rc = sm_zone_add(s, INT64_MIN, offset) ? 0 : SM_POLICY;
    } else if (!names || !name_ok(name)) {
        snprintf(why, why_size, "neither Z nor an offset as +01:00%s",
                 names ? " nor the name of a zone" : "");
        rc = SM_POLICY;
    } else {
        rc = load_named(name, s);
        if (rc == SM_POLICY)
            snprintf(why, why_size, "no such zone in %s", SM_POLICY_ZONE_DIR);
    }
    if (!rc)
        rc = keep(p, zone, name, s);
    free(s);
    return rc;
}

/* ---- asking ---- */

int32_t sm_policy_zone_offset(const struct sm_policy_zone *zone, int64_t t)
{
    size_t low = 0, high = zone->n_steps, mid;

    /* The last step that is not after t; the first one counts for all. */
    while (high - low > 1) {
        mid = low + (high - low) / 2;
        if (zone->steps[mid].from <= t)
            low = mid;
        else
            high = mid;
    }
    return zone->steps[low].offset;
}

bool sm_policy_window_has(const struct sm_policy_window *w, int64_t t)
{
    const int64_t far = INT64_C(1) << 60;
    int64_t local, day, second;
    unsigned int today, yesterday, from = w->from * 60, to = w->to * 60;

    if (t > far || t < -far)
        return false;
    local = t + sm_policy_zone_offset(w->zone, t);
    second = (local % DAY + DAY) % DAY;
    day = (local - second) / DAY;
    today = (unsigned int)(((day + 3) % 7 + 7) % 7);    /* the epoch's: 3 */
    yesterday = (today + 6) % 7;
    if (to > from)
        return w->days >> today & 1 && second >= from && second < to;
    return (w->days >> today & 1 && second >= from) ||
           (w->days >> yesterday & 1 && second < to);
}
