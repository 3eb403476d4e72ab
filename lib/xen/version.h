/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The version of a host's Xen, and between which of them a running guest may
 * move.
 *
 * Xen supports that from a release to itself and to the next one, so that a
 * pool of hosts can be upgraded one by one; a release further often works,
 * and back is not supported (the Xen project's page "Version compatibility").
 * The stream of the guest's memory names the version that wrote it
 * (xen_major and xen_minor of the domain header,
 * docs/specs/libxc-migration-stream.pandoc), and libxc prints it and goes on
 * (read_headers() of tools/libs/guest/xg_sr_restore.c, Xen 4.17): what an
 * older Xen does not understand may show when the guest has been suspended.
 */
#ifndef SM_XEN_VERSION_H
#define SM_XEN_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"

/* As XENVER_version says it; a point release does not count. */
struct sm_xen_version {
    uint16_t major, minor;      /* major: not 0 */
};

/* Whether it can be one: what was not read, or not sent, is 0. */
bool sm_xen_version_ok(const struct sm_xen_version *v);

/* Whether `v` is an older release than `than`. */
bool sm_xen_version_older(const struct sm_xen_version *v,
                          const struct sm_xen_version *than);

/*
 * Four bytes of a message: u16 major, u16 minor.
 * What cannot be a version sets the writer's, or the reader's, error.
 */
void sm_xen_version_put(struct sm_wire_writer *w,
                        const struct sm_xen_version *v);
void sm_xen_version_get(struct sm_wire_reader *r, struct sm_xen_version *v);

#endif
