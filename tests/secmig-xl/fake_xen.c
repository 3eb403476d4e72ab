/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded under secmig-xl where there is no Xen: libxl's context opens
 * without a hypervisor and without xenstore.  Enough for the verb `config`,
 * which asks neither.  Any other call into them crashes.
 */
#include <stddef.h>

struct xc_interface_core;
struct xs_handle;

struct xc_interface_core *xc_interface_open(void *logger, void *dombuild,
                                            unsigned int flags);
struct xs_handle *xs_open(unsigned long flags);

static char dummy;

struct xc_interface_core *xc_interface_open(void *logger, void *dombuild,
                                            unsigned int flags)
{
    (void)logger;
    (void)dombuild;
    (void)flags;
    return (struct xc_interface_core *)(void *)&dummy;
}

struct xs_handle *xs_open(unsigned long flags)
{
    (void)flags;
    return (struct xs_handle *)(void *)&dummy;
}
