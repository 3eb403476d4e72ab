/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mark of a hold, in xenstore. */
#include "guest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

/* In libxl's own directory of the domain, which only dom0 may read or write,
 * and which is removed when libxl destroys the domain. */
#define MARK "/libxl/%u/secmig-held"
#define OURS "paused"
#define OWNERS "was paused"

static int complain(uint32_t domid)
{
    xl_complain("xenstore does not answer about the hold of domain %u: %s",
                domid, strerror(errno));
    return SM_XL;
}

static int parse(const char *text, struct xl_hold *hold)
{
    char again[64];

    hold->cpu_time = strtoull(text, NULL, 10);
    hold->ours = !strcmp(text + strspn(text, "0123456789"), " " OURS);
    snprintf(again, sizeof(again), "%" PRIu64 " %s", hold->cpu_time,
             hold->ours ? OURS : OWNERS);
    return strcmp(again, text) ? SM_STATE : 0;
}

int xl_hold_read(uint32_t domid, struct xl_hold *hold)
{
    struct xs_handle *xsh = xs_open(0);
    unsigned int len;
    char path[64], *text = NULL;
    int rc;

    memset(hold, 0, sizeof(*hold));
    snprintf(path, sizeof(path), MARK, domid);
    if (xsh)
        text = xs_read(xsh, XBT_NULL, path, &len);
    if (!text && (!xsh || errno != ENOENT)) {
        rc = complain(domid);
        goto out;
    }
    if (!text) {
        rc = 0;
        goto out;
    }
    rc = parse(text, hold);
    hold->there = !rc;
    if (rc)
        xl_complain("xenstore has \"%s\" at %s, which is not from here: look "
                    "at what the guest does, and remove it (xenstore-rm)",
                    text, path);

out:
    free(text);
    if (xsh)
        xs_close(xsh);
    return rc;
}

int xl_hold_write(uint32_t domid, const struct xl_hold *hold)
{
    struct xs_handle *xsh = xs_open(0);
    char path[64], text[64];
    int rc = 0;

    snprintf(path, sizeof(path), MARK, domid);
    snprintf(text, sizeof(text), "%" PRIu64 " %s", hold->cpu_time,
             hold->ours ? OURS : OWNERS);
    if (!xsh || !xs_write(xsh, XBT_NULL, path, text,
                          (unsigned int)strlen(text)))
        rc = complain(domid);
    if (xsh)
        xs_close(xsh);
    return rc;
}

int xl_hold_remove(uint32_t domid)
{
    struct xs_handle *xsh = xs_open(0);
    char path[64];
    int rc = 0;

    snprintf(path, sizeof(path), MARK, domid);
    if (!xsh || (!xs_rm(xsh, XBT_NULL, path) && errno != ENOENT))
        rc = complain(domid);
    if (xsh)
        xs_close(xsh);
    return rc;
}

bool xl_hold_keeps(const struct xl_hold *hold, const libxl_dominfo *info)
{
    return hold->there && info->paused && info->cpu_time == hold->cpu_time &&
           (!info->shutdown || xl_guest_is_suspended(info));
}

bool xl_hold_is_broken(const struct xl_hold *hold, const libxl_dominfo *info)
{
    return hold->there && info->cpu_time != hold->cpu_time;
}
