/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "handover/journal.h"

void xl_guest_dispose(struct xl_guest *g)
{
    free(g->name);
    if (g->list)
        libxl_dominfo_list_free(g->list, g->count);
}

int xl_guest_find(libxl_ctx *ctx, const char *uuid_text, const char *name,
                  struct xl_guest *g)
{
    libxl_uuid uuid;
    char *other;
    int i, rc;

    memset(g, 0, sizeof(*g));
    rc = xl_parse_uuid(uuid_text, &uuid);
    if (rc)
        return rc;
    rc = xl_check_name(name);
    if (rc)
        return rc;

    g->list = libxl_list_domain(ctx, &g->count);
    if (!g->list) {
        xl_complain("libxl cannot list the domains");
        return SM_XL;
    }
    for (i = 0; i < g->count; i++) {
        if (libxl_uuid_compare(&g->list[i].uuid, &uuid) || g->list[i].dying)
            continue;
        other = libxl_domid_to_name(ctx, g->list[i].domid);
        if (g->info) {
            printf("domains %u and %u have the guest's uuid: left alone "
                   "until one of them is gone\n", g->info->domid,
                   g->list[i].domid);
            free(other);
            return SM_STATE;
        }
        g->info = &g->list[i];
        g->name = other;
    }
    return 0;
}

int xl_guest_parse_domid(const char *text, uint32_t *domid)
{
    unsigned long long n;
    char *end;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end || errno || n >= UINT32_MAX) {
        xl_complain("\"%s\" is no domain's number", text);
        return SM_USAGE;
    }
    *domid = (uint32_t)n;
    return 0;
}

int xl_guest_find_to_act(libxl_ctx *ctx, const char *uuid, const char *name,
                         const char *domid_text, struct xl_guest *g)
{
    uint32_t domid = 0;
    int rc;

    if (domid_text) {
        rc = xl_guest_parse_domid(domid_text, &domid);
        if (rc)
            return rc;
    }
    rc = xl_guest_find(ctx, uuid, name, g);
    if (!rc && domid_text && g->info && g->info->domid != domid) {
        printf("the guest is domain %u by now, not %u: left alone\n",
               g->info->domid, domid);
        rc = SM_NO_DOMAIN;
    }
    return rc;
}

const char *xl_guest_named(const struct xl_guest *g)
{
    return g->name ? g->name : "without a name";
}

bool xl_guest_is_copy(const struct xl_guest *g, const char *name)
{
    return !g->name || xl_name_is(g->name, name, SM_HANDOVER_COPY_SUFFIX);
}

bool xl_guest_is_renamed_copy(const struct xl_guest *g, const char *name)
{
    return g->name && strcmp(g->name, name) &&
           !xl_guest_is_copy(g, name) && g->info->paused &&
           g->info->cpu_time == 0;
}

bool xl_guest_is_suspended(const libxl_dominfo *info)
{
    return info->shutdown &&
        info->shutdown_reason == LIBXL_SHUTDOWN_REASON_SUSPEND;
}

int xl_guest_request(uint32_t domid, bool take_back, bool *standing)
{
    struct xs_handle *xsh = xs_open(0);
    xs_transaction_t t;
    unsigned int len;
    char path[64], *value = NULL;
    int rc = SM_XL;

    *standing = false;
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", domid);
    if (!xsh)
        goto out;
    do {
        free(value);
        value = NULL;
        t = xs_transaction_start(xsh);
        if (!t)
            goto out;
        value = xs_read(xsh, t, path, &len);
        *standing = value && !strcmp(value, "suspend");
        if (*standing && take_back && !xs_write(xsh, t, path, "", 0)) {
            xs_transaction_end(xsh, t, true);
            goto out;
        }
        if (xs_transaction_end(xsh, t, !(*standing && take_back))) {
            rc = 0;
            goto out;
        }
    } while (errno == EAGAIN);

out:
    if (rc)
        xl_complain("xenstore does not answer about domain %u", domid);
    free(value);
    if (xsh)
        xs_close(xsh);
    return rc;
}

void xl_guest_complete_resume(uint32_t domid)
{
    struct xs_handle *xsh = xs_open(0);

    if (!xsh || !xs_resume_domain(xsh, domid))
        xl_complain("xenstore is not told that domain %u runs", domid);
    if (xsh)
        xs_close(xsh);
}
