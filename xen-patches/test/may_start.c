/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into xl by may_start.py: as much of Xen and libxl as xl create
 * and xl restore need up to the point where a domain is built; there it says
 * so on standard output, and fails.
 *
 *   XL_CONF        the file that is read as /etc/xen/xl.conf
 *   JOURNAL_ERRNO  0: the migration daemon's journal is there, else why not
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libxl.h>
#include <libxl_utils.h>
#include <xenctrl.h>
#include <xenstore.h>

static char dummy;

xc_interface *xc_interface_open(xentoollog_logger *logger,
                                xentoollog_logger *dombuild,
                                unsigned int flags)
{
    return (xc_interface *)&dummy;
}

int xc_interface_close(xc_interface *xch)
{
    return 0;
}

int xc_get_max_cpus(xc_interface *xch)
{
    return 4;
}

int libxl_get_physinfo(libxl_ctx *ctx, libxl_physinfo *physinfo)
{
    memset(physinfo, 0, sizeof(*physinfo));
    return 0;
}

struct xs_handle *xs_open(unsigned long flags)
{
    return (struct xs_handle *)&dummy;
}

void xs_close(struct xs_handle *xsh)
{
}

int libxl_read_file_contents(libxl_ctx *ctx, const char *filename,
                             void **data_r, int *datalen_r)
{
    static int (*next)(libxl_ctx *ctx, const char *filename, void **data_r,
                       int *datalen_r);

    if (!next)
        next = (int (*)(libxl_ctx *, const char *, void **, int *))
            dlsym(RTLD_NEXT, "libxl_read_file_contents");
    if (!strcmp(filename, "/etc/xen/xl.conf"))
        filename = getenv("XL_CONF");
    return next(ctx, filename, data_r, datalen_r);
}

static int built(const char *how, const libxl_domain_config *config)
{
    printf("%s %s\n", how, config->c_info.name);
    fflush(stdout);
    return ERROR_FAIL;
}

int libxl_domain_create_new(libxl_ctx *ctx, libxl_domain_config *d_config,
                            uint32_t *domid, const libxl_asyncop_how *ao_how,
                            const libxl_asyncprogress_how *aop_console_how)
{
    return built("created", d_config);
}

int libxl_domain_create_restore(libxl_ctx *ctx,
                                libxl_domain_config *d_config,
                                uint32_t *domid, int restore_fd,
                                int send_back_fd,
                                const libxl_domain_restore_params *params,
                                const libxl_asyncop_how *ao_how,
                                const libxl_asyncprogress_how *how)
{
    return built("restored", d_config);
}

int access(const char *path, int mode)
{
    static int (*next)(const char *path, int mode);

    if (!strcmp(path, "/var/lib/xen/secmig/journal")) {
        errno = atoi(getenv("JOURNAL_ERRNO"));
        return errno ? -1 : 0;
    }
    if (!next)
        next = (int (*)(const char *, int))dlsym(RTLD_NEXT, "access");
    return next(path, mode);
}
