/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verbs of a handover that end it: resume, destroy, start, name, discard.
 * With `hold` (look.c) that is all that is ever done to a domain in the last
 * phase of a migration, one step at a time; every step may be repeated, and
 * killed at any moment.
 *
 * A domain is meant by its uuid, and by its number if that is given.  Its name
 * says how far a destination has come: NAME--incoming until it is started.
 */
#include "guest.h"

#include <stdio.h>
#include <string.h>

#include "handover/journal.h"

/* The name that a stock xl has given it is taken back. */
static int rename_back(libxl_ctx *ctx, struct xl_guest *g, const char *name)
{
    if (!g->name || !xl_name_is(g->name, name, SM_HANDOVER_AWAY_SUFFIX))
        return 0;
    return libxl_domain_rename(ctx, g->info->domid, g->name, name) ?
        SM_EXISTS : 0;
}

/* Returns 0, or an error after a line on standard output. */
static int read_hold(const struct xl_guest *g, struct xl_hold *hold)
{
    int rc = xl_hold_read(g->info->domid, hold);

    if (rc)
        printf("whether domain %u (%s) is held cannot be read in xenstore\n",
               g->info->domid, xl_guest_named(g));
    return rc;
}

/*
 * Unpaused first: what follows is then what it would be without a hold.  A
 * request to suspend that a killed command has left is taken back: nobody
 * would resume the guest after that.
 */
static int let_run(libxl_ctx *ctx, const libxl_dominfo *info,
                   const struct xl_hold *hold)
{
    bool suspended = xl_guest_is_suspended(info), standing;

    if ((suspended || info->paused) &&
        xl_guest_request(info->domid, true, &standing))
        return SM_XL;
    if (!suspended && !info->shutdown)
        xl_guest_complete_resume(info->domid);
    if (hold->there && hold->ours && info->paused &&
        libxl_domain_unpause(ctx, info->domid, NULL))
        return SM_XL;
    if (suspended && libxl_domain_resume(ctx, info->domid, 1, NULL))
        return SM_XL;
    return hold->there ? xl_hold_remove(info->domid) : 0;
}

int xl_resume(libxl_ctx *ctx, char **argv)
{
    struct xl_guest g = { 0 };
    struct xl_hold hold;
    int renamed, rc;

    rc = xl_guest_find_to_act(ctx, argv[0], argv[1], argv[2], &g);
    if (rc) goto out;
    if (!g.info) {
        printf("there is no such domain to resume\n");
        rc = SM_NO_DOMAIN;
        goto out;
    }
    rc = read_hold(&g, &hold);
    if (rc) goto out;
    renamed = rename_back(ctx, &g, argv[1]);
    if (!xl_guest_is_suspended(g.info) && !hold.there) {
        printf("domain %u (%s) is not suspended: left as it is\n",
               g.info->domid, xl_guest_named(&g));
        rc = 0;
        goto out;
    }
    rc = let_run(ctx, g.info, &hold);
    if (rc) {
        printf("domain %u (%s) could not be resumed\n", g.info->domid,
               xl_guest_named(&g));
        goto out;
    }
    if (renamed)
        printf("resumed domain %u, but it is still named %s: another domain "
               "has its name\n", g.info->domid, xl_guest_named(&g));
    else
        printf("resumed domain %u (%s)%s\n", g.info->domid, argv[1],
               hold.there && !hold.ours && g.info->paused ?
               ": its owner has paused it" : "");
    rc = renamed;

out:
    xl_guest_dispose(&g);
    return xl_said(rc);
}

/* `done` is what that is called. */
static int destroy(libxl_ctx *ctx, const struct xl_guest *g, const char *done)
{
    if (libxl_domain_destroy(ctx, g->info->domid, NULL)) {
        printf("domain %u (%s) could not be destroyed\n", g->info->domid,
               xl_guest_named(g));
        return SM_XL;
    }
    printf("%s domain %u (%s)\n", done, g->info->domid, xl_guest_named(g));
    return 0;
}

int xl_destroy(libxl_ctx *ctx, char **argv)
{
    struct xl_guest g = { 0 };
    struct xl_hold hold;
    int rc;

    rc = xl_guest_find_to_act(ctx, argv[0], argv[1], argv[2], &g);
    if (rc) goto out;
    if (!g.info) {
        printf("nothing to destroy\n");
        rc = 0;
        goto out;
    }
    rc = read_hold(&g, &hold);
    if (rc) goto out;
    if (!xl_guest_is_suspended(g.info) && !xl_hold_keeps(&hold, g.info)) {
        printf("domain %u (%s) is not suspended: left alone\n",
               g.info->domid, xl_guest_named(&g));
        rc = SM_STATE;
        goto out;
    }
    if (xl_hold_is_broken(&hold, g.info)) {
        printf("domain %u (%s) has run since it was handed over: left alone\n",
               g.info->domid, xl_guest_named(&g));
        rc = SM_STATE;
        goto out;
    }
    rc = destroy(ctx, &g, "destroyed");

out:
    xl_guest_dispose(&g);
    return xl_said(rc);
}

/* The name comes last: it says that the start is complete. */
int xl_start(libxl_ctx *ctx, char **argv)
{
    bool run = !strcmp(argv[2], "run");
    struct xl_guest g = { 0 };
    bool renamed;
    int rc;

    if (!run && strcmp(argv[2], "paused")) {
        xl_complain("neither \"run\" nor \"paused\"");
        rc = SM_USAGE;
        goto out;
    }
    rc = xl_guest_find_to_act(ctx, argv[0], argv[1], argv[3], &g);
    if (rc) goto out;
    if (!g.info) {
        printf("there is no copy to start\n");
        rc = SM_NO_DOMAIN;
        goto out;
    }
    renamed = xl_guest_is_renamed_copy(&g, argv[1]);
    if (!renamed && !xl_guest_is_copy(&g, argv[1])) {
        printf("domain %u (%s) has been started already\n", g.info->domid,
               xl_guest_named(&g));
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
    if (renamed) {
        printf("%s domain %u, which somebody has named %s\n",
               run ? "started" : "left paused", g.info->domid, g.name);
        rc = 0;
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
    xl_guest_dispose(&g);
    return xl_said(rc);
}

/* Lets nothing run that did not. */
int xl_name(libxl_ctx *ctx, char **argv)
{
    struct xl_guest g = { 0 };
    int rc;

    rc = xl_guest_find_to_act(ctx, argv[0], argv[1], argv[2], &g);
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
    xl_guest_dispose(&g);
    return xl_said(rc);
}

/*
 * Safe against every caller's mistake: what is destroyed has the uuid, has
 * the name that only a copy being received has (or, when its destruction was
 * cut short, none; or another one than the guest's, and the number of the
 * copy), is paused, and has used no CPU time at all, so nothing
 * that ever was the guest is lost.
 */
int xl_discard(libxl_ctx *ctx, char **argv)
{
    struct xl_guest g = { 0 };
    int rc;

    rc = xl_guest_find_to_act(ctx, argv[0], argv[1], argv[2], &g);
    if (rc) goto out;
    if (!g.info) {
        printf("nothing to discard\n");
        rc = 0;
        goto out;
    }
    if (!xl_guest_is_copy(&g, argv[1]) &&
        !(argv[2] && xl_guest_is_renamed_copy(&g, argv[1]))) {
        printf("domain %u is not an incoming copy: left alone\n",
               g.info->domid);
        rc = SM_EXISTS;
        goto out;
    }
    if (!g.info->paused || g.info->cpu_time != 0) {
        printf("domain %u (%s) is not paused or has run: left alone\n",
               g.info->domid, xl_guest_named(&g));
        rc = SM_EXISTS;
        goto out;
    }
    rc = destroy(ctx, &g, "discarded");

out:
    xl_guest_dispose(&g);
    return xl_said(rc);
}
