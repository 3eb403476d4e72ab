/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain configuration from a peer, as facts.  Checking alone and
 * flattening must agree, and what was written must be readable again.
 */
#include <stdlib.h>

#include "../../helper/secmig-xl/flatten.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *json = (const char *)data;
    static char field[SM_FLATTEN_FIELD_MAX], value[65536];
    struct sm_wire_writer w;
    struct sm_wire_reader r;
    uint32_t checked, count, i;
    char why[600];
    int rc, rc2;

    rc = sm_flatten(json, size, NULL, &checked, why, sizeof(why));
    sm_wire_writer_init(&w, 64u << 20);
    rc2 = sm_flatten(json, size, &w, &count, why, sizeof(why));
    if (rc != rc2 || checked != count)
        abort();
    if (!rc2) {
        sm_wire_reader_init(&r, w.data, w.len);
        for (i = 0; i < count; i++) {
            sm_wire_get_str(&r, field, sizeof(field));
            sm_wire_get_str(&r, value, sizeof(value));
        }
        if (sm_wire_end(&r))
            abort();
    }
    sm_wire_writer_dispose(&w);
    return 0;
}
