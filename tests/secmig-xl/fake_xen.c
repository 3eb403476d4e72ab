/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded where there is no Xen: libxl's context opens, and closes, without
 * a hypervisor and without xenstore.  Enough for secmig-xl's verb `config`,
 * which asks for Xen's version and nothing else, and for libxl's testidl, which
 * asks neither.  Any other call into them crashes.
 *
 * FAKE_XEN_VERSION  what XENVER_version answers; 4.17 without it
 */
#include <stddef.h>
#include <stdlib.h>

struct xc_interface_core;
struct xs_handle;

struct xc_interface_core *xc_interface_open(void *logger, void *dombuild,
                                            unsigned int flags);
int xc_interface_close(struct xc_interface_core *xch);
struct xs_handle *xs_open(unsigned long flags);
void xs_close(struct xs_handle *xsh);
int xc_version(struct xc_interface_core *xch, int cmd, void *arg);

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

/* xen/include/public/version.h: XENVER_version is 0, and the answer is
 * major << 16 | minor; the others fill a buffer, with what is not read. */
int xc_version(struct xc_interface_core *xch, int cmd, void *arg)
{
    const char *version = getenv("FAKE_XEN_VERSION");

    (void)xch;
    if (cmd == 0)
        return version ? atoi(version) : 4 << 16 | 17;
    if (arg)
        *(char *)arg = '\0';
    return 0;
}
