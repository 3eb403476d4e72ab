/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs look and hold: what a handover has to know about a domain. */
#include "guest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "handover/handover.h"

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

/* Pauses that somebody undoes at once, before that is an error. */
#define HOLD_TRIES 5

/* Wait until it is certain whether a guest that runs goes on running. */
static int make_certain(libxl_ctx *ctx, uint32_t domid,
                        enum sm_handover_domain *domain)
{
    const struct timespec pause = { 0, POLL_MS * 1000000L };
    int runs_ms = 0, asked_ms = 0, rc;
    libxl_dominfo info;
    bool standing;

    while (runs_ms < RUNS_MS) {
        rc = xl_guest_request(domid, asked_ms >= REQUEST_MS, &standing);
        if (rc)
            return rc;
        asked_ms = standing ? asked_ms + POLL_MS : 0;
        runs_ms = standing ? 0 : runs_ms + POLL_MS;
        nanosleep(&pause, NULL);

        libxl_dominfo_init(&info);
        rc = libxl_domain_info(ctx, &info, domid);
        if (rc == ERROR_DOMAIN_NOTFOUND || (!rc && info.dying))
            *domain = SM_HANDOVER_GONE;
        else if (!rc && xl_guest_is_suspended(&info))
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

/* What is not suspended, and not held. */
static int see_it_run(libxl_ctx *ctx, const libxl_dominfo *info,
                      enum sm_handover_domain *domain, int64_t *looked)
{
    int rc = make_certain(ctx, info->domid, domain);

    if (!rc && *domain == SM_HANDOVER_RUNS && !info->shutdown)
        xl_guest_complete_resume(info->domid);
    *looked = sm_clock_now_ms();
    return rc;
}

static int answer(enum sm_handover_domain domain, const struct xl_guest *g,
                  int64_t looked)
{
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, 4096);
    sm_wire_put_u8(&w, (uint8_t)domain);
    sm_wire_put_u32(&w, g->info ? g->info->domid : UINT32_MAX);
    sm_wire_put_str(&w, g->name ? g->name : "");
    sm_wire_put_u64(&w, (uint64_t)looked);
    rc = xl_answer(&w);
    sm_wire_writer_dispose(&w);
    return rc;
}

/*
 * Of a source whose guest stays: SUSPENDED is what `resume` lets run again.
 * That is also what somebody else has resumed while it was held, whether it
 * has run before it was paused, or not.
 */
static int look_at_source(libxl_ctx *ctx, const libxl_dominfo *info,
                          enum sm_handover_domain *domain, int64_t *looked)
{
    struct xl_hold hold;
    int rc;

    rc = xl_hold_read(info->domid, &hold);
    if (rc)
        return rc;
    if (xl_guest_is_suspended(info) || xl_hold_keeps(&hold, info) ||
        (hold.there && hold.ours && info->paused && !info->shutdown)) {
        *domain = SM_HANDOVER_SUSPENDED;
        return 0;
    }
    rc = see_it_run(ctx, info, domain, looked);
    if (rc || *domain != SM_HANDOVER_RUNS || !hold.there)
        return rc;
    /* A resume that was killed at its very end. */
    return xl_hold_remove(info->domid);
}

int xl_look(libxl_ctx *ctx, char **argv)
{
    enum sm_handover_domain domain = SM_HANDOVER_GONE;
    struct xl_guest g = { 0 };
    bool source = !strcmp(argv[0], "source");
    int64_t looked;
    int rc;

    if (!source && strcmp(argv[0], "destination")) {
        xl_complain("neither \"source\" nor \"destination\"");
        rc = SM_USAGE;
        goto out;
    }
    looked = sm_clock_now_ms();
    rc = xl_guest_find(ctx, argv[1], argv[2], &g);
    if (rc) goto out;

    if (g.info && !source) {
        domain = xl_guest_is_copy(&g, argv[2]) ||
            xl_guest_is_renamed_copy(&g, argv[2]) ? SM_HANDOVER_COPY :
            SM_HANDOVER_RUNS;
    } else if (g.info) {
        rc = look_at_source(ctx, g.info, &domain, &looked);
        if (rc) goto out;
    }
    rc = answer(domain, &g, looked);

out:
    xl_guest_dispose(&g);
    return rc;
}

/* Pause a suspended guest; what it was like is written down first, and again
 * when its owner has taken back a pause of his own. */
static int pause_it(libxl_ctx *ctx, const libxl_dominfo *info,
                    const struct xl_hold *before)
{
    struct xl_hold hold = { .there = true, .cpu_time = info->cpu_time,
                            .ours = !info->paused };

    if ((!before->there || hold.ours != before->ours) &&
        xl_hold_write(info->domid, &hold))
        return SM_XL;
    if (info->paused || !libxl_domain_pause(ctx, info->domid, NULL))
        return 0;
    xl_complain("libxl cannot pause domain %u", info->domid);
    return SM_XL;
}

/*
 * One step of a hold.
 *   domain  the answer; UNSEEN: look again
 */
static int hold_once(libxl_ctx *ctx, const libxl_dominfo *info,
                     enum sm_handover_domain *domain, int64_t *looked)
{
    bool suspended = xl_guest_is_suspended(info);
    struct xl_hold mark;
    int rc;

    rc = xl_hold_read(info->domid, &mark);
    if (rc)
        return rc;
    *domain = SM_HANDOVER_UNSEEN;
    if (xl_hold_keeps(&mark, info)) {
        *domain = SM_HANDOVER_SUSPENDED;
        return 0;
    }
    if (suspended && !xl_hold_is_broken(&mark, info))
        return pause_it(ctx, info, &mark);
    if (suspended || (mark.there && info->paused && !info->shutdown)) {
        /* It has run since, and need not go on running: the other host may
         * run it by now. */
        *domain = SM_HANDOVER_RUNS;
        return 0;
    }
    rc = see_it_run(ctx, info, domain, looked);
    if (*domain == SM_HANDOVER_SUSPENDED)
        *domain = SM_HANDOVER_UNSEEN;
    return rc;
}

int xl_hold(libxl_ctx *ctx, char **argv)
{
    enum sm_handover_domain domain = SM_HANDOVER_UNSEEN;
    struct xl_guest g = { 0 };
    uint32_t domid = UINT32_MAX;
    int64_t looked = 0;
    int rc, i;

    if (argv[2]) {
        rc = xl_guest_parse_domid(argv[2], &domid);
        if (rc) goto out;
    }
    for (i = 0; i < HOLD_TRIES && domain == SM_HANDOVER_UNSEEN; i++) {
        xl_guest_dispose(&g);
        looked = sm_clock_now_ms();
        rc = xl_guest_find(ctx, argv[0], argv[1], &g);
        if (rc) goto out;
        if (!g.info)
            domain = SM_HANDOVER_GONE;
        else if (argv[2] && g.info->domid != domid)
            domain = SM_HANDOVER_RUNS;      /* made anew: not to be held */
        else
            rc = hold_once(ctx, g.info, &domain, &looked);
        if (rc) goto out;
    }
    if (domain == SM_HANDOVER_UNSEEN) {
        xl_complain("domain %u does not stay paused: is somebody unpausing "
                    "it?", g.info->domid);
        rc = SM_XL;
        goto out;
    }
    rc = answer(domain, &g, looked);

out:
    xl_guest_dispose(&g);
    return rc;
}
