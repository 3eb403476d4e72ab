/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xen/version.h"

bool sm_xen_version_ok(const struct sm_xen_version *v)
{
    return v->major != 0;
}

bool sm_xen_version_older(const struct sm_xen_version *v,
                          const struct sm_xen_version *than)
{
    return v->major != than->major ? v->major < than->major :
                                     v->minor < than->minor;
}

void sm_xen_version_put(struct sm_wire_writer *w,
                        const struct sm_xen_version *v)
{
    if (!w->error && !sm_xen_version_ok(v))
        w->error = SM_PROTOCOL;
    sm_wire_put_u16(w, v->major);
    sm_wire_put_u16(w, v->minor);
}

void sm_xen_version_get(struct sm_wire_reader *r, struct sm_xen_version *v)
{
    v->major = sm_wire_get_u16(r);
    v->minor = sm_wire_get_u16(r);
    if (!r->error && !sm_xen_version_ok(v))
        r->error = SM_PROTOCOL;
}
