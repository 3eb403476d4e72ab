/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verbs of a handover: look, resume, destroy, start, name, discard.  All
 * that is ever done to a domain in the last phase of a migration is done here,
 * one step at a time; every step may be repeated, and killed at any moment.
 *
 * A domain is meant by its uuid, and by its number if that is given.  Its name
 * says how far a destination has come: NAME--incoming until it is started.
 */
#include "xl.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenstore.h>

#include "base/clock.h"
#include "handover/handover.h"
#include "handover/journal.h"

/*
 * A guest that an xl, now dead, has asked to suspend may do so a moment later:
 * over two seconds after it took the request, on an emulated host.  A guest
 * that runs loses nothing while we wait.
 * That it runs is believed when it has run for this long ...
 */
#define RUNS_MS 3000
/* ... without such a request; one that is still there after this long is
 * taken back. */
#define REQUEST_MS 2000
#define POLL_MS 50

struct guest {
    libxl_dominfo *list;
    int count;
    const libxl_dominfo *info;  /* NULL: no domain with the uuid */
    char *name;                 /* NULL: half made or half destroyed */
};

static void dispose(struct guest *g)
{
    free(g->name);
    if (g->list)
        libxl_dominfo_list_free(g->list, g->count);
}

/* A dying domain is not there any more. */
static int find(libxl_ctx *ctx, const char *uuid_text, const char *name,
                struct guest *g)
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
            xl_complain("domains %u and %u have the same uuid: left alone",
                        g->info->domid, g->list[i].domid);
            free(other);
            return SM_STATE;
        }
        g->info = &g->list[i];
        g->name = other;
    }
    return 0;
}

/* A number as `look` has said it. */
static int parse_domid(const char *text, uint32_t *domid)
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

/*
 * Find what is to be acted upon.
 *   domid_text  its number; NULL: any
 */
static int find_to_act(libxl_ctx *ctx, const char *uuid, const char *name,
                       const char *domid_text, struct guest *g)
{
    uint32_t domid = 0;
    int rc;

    if (domid_text) {
        rc = parse_domid(domid_text, &domid);
        if (rc)
            return rc;
    }
    rc = find(ctx, uuid, name, g);
    if (!rc && domid_text && g->info && g->info->domid != domid) {
        printf("the guest is domain %u by now, not %u: left alone\n",
               g->info->domid, domid);
        rc = SM_NO_DOMAIN;
    }
    return rc;
}

static bool is_suspended(const libxl_dominfo *info)
{
    return info->shutdown &&
        info->shutdown_reason == LIBXL_SHUTDOWN_REASON_SUSPEND;
}

/* A copy whose start is not complete; also one whose name has been taken from
 * it by a destruction that was not finished. */
static bool is_copy(const struct guest *g, const char *name)
{
    return !g->name || xl_name_is(g->name, name, SM_HANDOVER_COPY_SUFFIX);
}

static const char *named(const struct guest *g)
{
    return g->name ? g->name : "without a name";
}

/*
 * Whether the guest has been asked to suspend, and has not begun to.
 *   take_back  do so, unless it begins at this moment
 */
static int request(uint32_t domid, bool take_back, bool *standing)
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

/*
 * A resume that was killed half-way has had Xen resume the guest, and has not
 * told xenstore, which would then not announce the guest's end to anybody.
 * Nothing changes where it was told.
 */
static void complete_resume(uint32_t domid)
{
    struct xs_handle *xsh = xs_open(0);

    if (!xsh || !xs_resume_domain(xsh, domid))
        xl_complain("xenstore is not told that domain %u runs", domid);
    if (xsh)
        xs_close(xsh);
}

/* Wait until it is certain whether a guest that runs goes on running. */
static int make_certain(libxl_ctx *ctx, uint32_t domid,
                        enum sm_handover_domain *domain)
{
    const struct timespec pause = { 0, POLL_MS * 1000000L };
    int runs_ms = 0, asked_ms = 0, rc;
    libxl_dominfo info;
    bool standing;

    while (runs_ms < RUNS_MS) {
        rc = request(domid, asked_ms >= REQUEST_MS, &standing);
        if (rc)
            return rc;
        asked_ms = standing ? asked_ms + POLL_MS : 0;
        runs_ms = standing ? 0 : runs_ms + POLL_MS;
        nanosleep(&pause, NULL);

        libxl_dominfo_init(&info);
        rc = libxl_domain_info(ctx, &info, domid);
        if (rc == ERROR_DOMAIN_NOTFOUND || (!rc && info.dying))
            *domain = SM_HANDOVER_GONE;
        else if (!rc && is_suspended(&info))
            *domain = SM_HANDOVER_SUSPENDED;
        else
            *domain = SM_HANDOVER_RUNS;
        libxl_dominfo_dispose(&info);
        if (rc && rc != ERROR_DOMAIN_NOTFOUND) {
            xl_complain("libxl cannot tell about domain %u", domid);
            return SM_XL;
        }
        if (*domain != SM_HANDOVER_RUNS)
            return 0;
    }
    return 0;
}

int xl_look(libxl_ctx *ctx, char **argv)
{
    enum sm_handover_domain domain = SM_HANDOVER_GONE;
    struct sm_wire_writer w;
    struct guest g = { 0 };
    bool source = !strcmp(argv[0], "source");
    int64_t looked;
    int rc;

    sm_wire_writer_init(&w, 4096);
    if (!source && strcmp(argv[0], "destination")) {
        xl_complain("neither \"source\" nor \"destination\"");
        rc = SM_USAGE;
        goto out;
    }
    looked = sm_clock_now_ms();
    rc = find(ctx, argv[1], argv[2], &g);
    if (rc) goto out;

    if (g.info && !source) {
        domain = is_copy(&g, argv[2]) ? SM_HANDOVER_COPY : SM_HANDOVER_RUNS;
    } else if (g.info && is_suspended(g.info)) {
        domain = SM_HANDOVER_SUSPENDED;
    } else if (g.info) {
        rc = make_certain(ctx, g.info->domid, &domain);
        if (rc) goto out;
        looked = sm_clock_now_ms();
        if (domain == SM_HANDOVER_RUNS && !g.info->shutdown)
            complete_resume(g.info->domid);
    }

    sm_wire_put_u8(&w, (uint8_t)domain);
    sm_wire_put_u32(&w, g.info ? g.info->domid : UINT32_MAX);
    sm_wire_put_str(&w, g.name ? g.name : "");
    sm_wire_put_u64(&w, (uint64_t)looked);
    rc = xl_answer(&w);

out:
    dispose(&g);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* The name that a stock xl has given it is taken back. */
static int rename_back(libxl_ctx *ctx, struct guest *g, const char *name)
{
    if (!g->name || !xl_name_is(g->name, name, SM_HANDOVER_AWAY_SUFFIX))
        return 0;
    return libxl_domain_rename(ctx, g->info->domid, g->name, name) ?
        SM_EXISTS : 0;
}

int xl_resume(libxl_ctx *ctx, char **argv)
{
    struct guest g = { 0 };
    int renamed, rc;

    rc = find_to_act(ctx, argv[0], argv[1], argv[2], &g);
    if (rc) goto out;
    if (!g.info) {
        printf("there is no such domain to resume\n");
        rc = SM_NO_DOMAIN;
        goto out;
    }
    renamed = rename_back(ctx, &g, argv[1]);
    if (!is_suspended(g.info)) {
        printf("domain %u (%s) is not suspended: left as it is\n",
               g.info->domid, named(&g));
        rc = 0;
        goto out;
    }
    if (libxl_domain_resume(ctx, g.info->domid, 1, NULL)) {
        printf("domain %u (%s) could not be resumed\n", g.info->domid,
               named(&g));
        rc = SM_XL;
        goto out;
    }
    if (renamed)
        printf("resumed domain %u, but it is still named %s: another domain "
               "has its name\n", g.info->domid, named(&g));
    else
        printf("resumed domain %u (%s)\n", g.info->domid, argv[1]);
    rc = renamed;

out:
    dispose(&g);
    return xl_said(rc);
}

/* `done` is what that is called. */
static int destroy(libxl_ctx *ctx, const struct guest *g, const char *done)
{
    if (libxl_domain_destroy(ctx, g->info->domid, NULL)) {
        printf("domain %u (%s) could not be destroyed\n", g->info->domid,
               named(g));
        return SM_XL;
    }
    printf("%s domain %u (%s)\n", done, g->info->domid, named(g));
    return 0;
}

int xl_destroy(libxl_ctx *ctx, char **argv)
{
    struct guest g = { 0 };
    int rc;

    rc = find_to_act(ctx, argv[0], argv[1], argv[2], &g);
    if (rc) goto out;
    if (!g.info) {
        printf("nothing to destroy\n");
        rc = 0;
        goto out;
    }
    if (!is_suspended(g.info)) {
        printf("domain %u (%s) is not suspended: left alone\n",
               g.info->domid, named(&g));
        rc = SM_STATE;
        goto out;
    }
    rc = destroy(ctx, &g, "destroyed");

out:
    dispose(&g);
    return xl_said(rc);
}

/* The name comes last: it says that the start is complete. */
int xl_start(libxl_ctx *ctx, char **argv)
{
    bool run = !strcmp(argv[2], "run");
    struct guest g = { 0 };
    int rc;

    if (!run && strcmp(argv[2], "paused")) {
        xl_complain("neither \"run\" nor \"paused\"");
        rc = SM_USAGE;
        goto out;
    }
    rc = find_to_act(ctx, argv[0], argv[1], argv[3], &g);
    if (rc) goto out;
    if (!g.info) {
        printf("there is no copy to start\n");
        rc = SM_NO_DOMAIN;
        goto out;
    }
    if (!is_copy(&g, argv[1])) {
        printf("domain %u (%s) has been started already\n", g.info->domid,
               named(&g));
        rc = 0;
        goto out;
    }
    if (!g.name) {
        printf("domain %u has no name: half destroyed\n", g.info->domid);
        rc = SM_STATE;
        goto out;
    }
    if (run && g.info->paused &&
        libxl_domain_unpause(ctx, g.info->domid, NULL)) {
        printf("domain %u (%s) could not be unpaused\n", g.info->domid,
               g.name);
        rc = SM_XL;
        goto out;
    }
    if (libxl_domain_rename(ctx, g.info->domid, g.name, argv[1])) {
        printf("domain %u is %s, but keeps the name %s: another domain has "
               "its name\n", g.info->domid, run ? "started" : "left paused",
               g.name);
        rc = SM_EXISTS;
        goto out;
    }
    printf("%s domain %u (%s)\n", run ? "started" : "left paused",
           g.info->domid, argv[1]);
    rc = 0;

out:
    dispose(&g);
    return xl_said(rc);
}

/* Lets nothing run that did not. */
int xl_name(libxl_ctx *ctx, char **argv)
{
    struct guest g = { 0 };
    int rc;

    rc = find_to_act(ctx, argv[0], argv[1], argv[2], &g);
    if (rc) goto out;
    if (!g.info) {
        printf("there is no domain to be named\n");
        rc = SM_NO_DOMAIN;
        goto out;
    }
    if (!g.name) {
        printf("domain %u has no name: half destroyed\n", g.info->domid);
        rc = SM_STATE;
        goto out;
    }
    if (!xl_name_is(g.name, argv[1], SM_HANDOVER_COPY_SUFFIX) &&
        !xl_name_is(g.name, argv[1], SM_HANDOVER_AWAY_SUFFIX)) {
        printf("domain %u is named %s: left as it is\n", g.info->domid,
               g.name);
        rc = 0;
        goto out;
    }
    if (libxl_domain_rename(ctx, g.info->domid, g.name, argv[1])) {
        printf("domain %u is still named %s: another domain has its name\n",
               g.info->domid, g.name);
        rc = SM_EXISTS;
        goto out;
    }
    printf("domain %u, which was %s, is named %s\n", g.info->domid, g.name,
           argv[1]);
    rc = 0;

out:
    dispose(&g);
    return xl_said(rc);
}

/*
 * Safe against every caller's mistake: what is destroyed has the uuid, has
 * the name that only a copy being received has (or, when its destruction was
 * cut short, none), is paused, and has used no CPU time at all, so nothing
 * that ever was the guest is lost.
 */
int xl_discard(libxl_ctx *ctx, char **argv)
{
    struct guest g = { 0 };
    int rc;

    rc = find_to_act(ctx, argv[0], argv[1], argv[2], &g);
    if (rc) goto out;
    if (!g.info) {
        printf("nothing to discard\n");
        rc = 0;
        goto out;
    }
    if (!is_copy(&g, argv[1])) {
        printf("domain %u is not an incoming copy: left alone\n",
               g.info->domid);
        rc = SM_EXISTS;
        goto out;
    }
    if (!g.info->paused || g.info->cpu_time != 0) {
        printf("domain %u (%s) is not paused or has run: left alone\n",
               g.info->domid, named(&g));
        rc = SM_EXISTS;
        goto out;
    }
    rc = destroy(ctx, &g, "discarded");

out:
    dispose(&g);
    return xl_said(rc);
}
