/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into xl by migrate_says.py, with xl_alone.c: its domain, which xl
 * migrate --secure sends, and a migration daemon that lets it.
 *
 *   SUSPEND   what libxl_domain_suspend returns
 *   HANDED    what libxl_migrate_secure_hand_over returns
 *   VERDICT   the code that comes with it, and with the end
 *   AFTER     what libxl_domain_info returns once it has been sent, or could
 *             not be; 1: 0, and the domain is dying.  Before that it is there
 *
 * What xl does to the domain is said on standard output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libxl.h>

static int sent;

static int number(const char *name)
{
    return atoi(getenv(name));
}

static int did(const char *what, int rc)
{
    printf("%s\n", what);
    fflush(stdout);
    return rc;
}

static void verdict_is(libxl_migrate_secure_verdict *verdict)
{
    verdict->code = (uint16_t)number("VERDICT");
    verdict->text = strdup("the reason");
}

int libxl_migrate_secure_begin(libxl_ctx *ctx, uint32_t domid,
                               const libxl_migrate_secure_params *params,
                               libxl_migrate_secure_session *session,
                               libxl_migrate_secure_verdict *verdict,
                               const libxl_asyncop_how *ao_how)
{
    session->send_fd = dup(STDERR_FILENO);
    return 0;
}

int libxl_domain_suspend(libxl_ctx *ctx, uint32_t domid, int fd, int flags,
                         const libxl_asyncop_how *ao_how)
{
    sent = 1;
    return did("suspend", number("SUSPEND"));
}

int libxl_migrate_secure_hand_over(libxl_ctx *ctx,
                                   const libxl_migrate_secure_session *session,
                                   uint32_t timeout,
                                   libxl_migrate_secure_verdict *verdict,
                                   const libxl_asyncop_how *ao_how)
{
    int rc = number("HANDED");

    if (!rc)
        verdict_is(verdict);
    return did("hand over", rc);
}

int libxl_domain_resume(libxl_ctx *ctx, uint32_t domid, int suspend_cancel,
                        const libxl_asyncop_how *ao_how)
{
    return did("resume", number("AFTER") < 0 ? ERROR_FAIL : 0);
}

int libxl_migrate_secure_end(libxl_ctx *ctx,
                             const libxl_migrate_secure_session *session,
                             uint32_t timeout,
                             libxl_migrate_secure_verdict *verdict,
                             const libxl_asyncop_how *ao_how)
{
    verdict_is(verdict);
    return did("end", 0);
}

void libxl_migrate_secure_close(libxl_ctx *ctx,
                                libxl_migrate_secure_session *session)
{
}

int libxl_domain_info(libxl_ctx *ctx, libxl_dominfo *info, uint32_t domid)
{
    int after = sent ? number("AFTER") : 0;

    info->domid = domid;
    info->dying = after == 1;
    return after < 0 ? after : 0;
}
