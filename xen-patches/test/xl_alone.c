/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into xl by the tests of it, with what each of them adds: as much of
 * Xen and libxl as every command needs, and a domain, number 7, named g1.
 *
 *   XL_CONF  the file that is read as /etc/xen/xl.conf
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

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

int libxl_domain_qualifier_to_domid(libxl_ctx *ctx, const char *name,
                                    uint32_t *domid)
{
    *domid = 7;
    return strcmp(name, "g1") ? ERROR_INVAL : 0;
}

char *libxl_domid_to_name(libxl_ctx *ctx, uint32_t domid)
{
    return strdup("g1");
}

int libxl_retrieve_domain_configuration(libxl_ctx *ctx, uint32_t domid,
                                        libxl_domain_config *d_config,
                                        const libxl_asyncop_how *ao_how)
{
    d_config->c_info.name = strdup("g1");
    d_config->c_info.type = LIBXL_DOMAIN_TYPE_PVH;
    libxl_domain_build_info_init_type(&d_config->b_info,
                                      LIBXL_DOMAIN_TYPE_PVH);
    return 0;
}
