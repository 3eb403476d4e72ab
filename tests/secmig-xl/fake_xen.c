/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded where there is no Xen: libxl's context opens, and closes, without
 * a hypervisor and without xenstore.  Enough for secmig-xl's verb `config` and
 * for libxl's testidl, which ask neither.  Any other call into them crashes.
 */
#include <stddef.h>

struct xc_interface_core;
struct xs_handle;

struct xc_interface_core *xc_interface_open(void *logger, void *dombuild,
                                            unsigned int flags);
int xc_interface_close(struct xc_interface_core *xch);
struct xs_handle *xs_open(unsigned long flags);
void xs_close(struct xs_handle *xsh);

static char dummy;

struct xc_interface_core *xc_interface_open(void *logger, void *dombuild,
                                            unsigned int flags)
{
    (void)logger;
    (void)dombuild;
    (void)flags;
    return (struct xc_interface_core *)(void *)&dummy;
}

int xc_interface_close(struct xc_interface_core *xch)
{
    (void)xch;
    return 0;
}

struct xs_handle *xs_open(unsigned long flags)
{
    (void)flags;
    return (struct xs_handle *)(void *)&dummy;
}

void xs_close(struct xs_handle *xsh)
{
    (void)xsh;
}
