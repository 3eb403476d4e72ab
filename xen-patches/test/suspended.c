/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into xl by suspended.py, with xl_alone.c: what xl does to its
 * domain, a word a line on standard output.
 *
 *   STATE     running, suspended or crashed
 *   RC        what libxl_domain_suspend() returns
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxl.h>

static int said(const char *what, int rc)
{
    printf("%s\n", what);
    fflush(stdout);
    return rc;
}

int libxl_domain_info(libxl_ctx *ctx, libxl_dominfo *info, uint32_t domid)
{
    const char *state = getenv("STATE");

    info->domid = domid;
    info->shutdown = strcmp(state, "running") != 0;
    info->shutdown_reason = !strcmp(state, "suspended") ?
        LIBXL_SHUTDOWN_REASON_SUSPEND : !strcmp(state, "crashed") ?
        LIBXL_SHUTDOWN_REASON_CRASH : LIBXL_SHUTDOWN_REASON_UNKNOWN;
    return 0;
}

int libxl_domain_suspend(libxl_ctx *ctx, uint32_t domid, int fd, int flags,
                         const libxl_asyncop_how *ao_how)
{
    return said("suspend", atoi(getenv("RC")));
}

int libxl_domain_resume(libxl_ctx *ctx, uint32_t domid, int suspend_cancel,
                        const libxl_asyncop_how *ao_how)
{
    return said("resume", 0);
}

int libxl_domain_destroy(libxl_ctx *ctx, uint32_t domid,
                         const libxl_asyncop_how *ao_how)
{
    return said("destroy", 0);
}
