/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl's preamble in pieces.  The first byte is the size of the pieces; what
 * is accepted must come out of the writer again as the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "xen/savefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sm_savefile_reader r;
    struct sm_wire_writer w;
    size_t piece, at = 0, n, used;

    if (size == 0)
        return 0;
    piece = (size_t)data[0] + 1;
    data++;
    size--;

    sm_savefile_reader_init(&r);
    while (at < size && sm_savefile_wanted(&r) > 0) {
        n = size - at < piece ? size - at : piece;
        if (sm_savefile_feed(&r, data + at, n, &used))
            break;
        at += used;
    }
    if (r.config_len > 0) {
        sm_wire_writer_init(&w, SM_SAVEFILE_MAX);
        if (sm_savefile_write(&w, r.config, r.config_len) ||
            w.len != at || memcmp(w.data, data, at))
            abort();
        sm_wire_writer_dispose(&w);
    }
    sm_savefile_reader_dispose(&r);
    return 0;
}
