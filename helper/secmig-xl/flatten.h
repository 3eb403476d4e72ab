/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain's JSON configuration as a list of facts that policy can match:
 * {"disks": [{"pdev_path": "/dev/vg0/x"}]} gives the one fact
 * disks[0].pdev_path = /dev/vg0/x.
 *
 * Numbers and booleans keep their JSON spelling, null is "null", a map or an
 * array without members is a fact too ("{}", "[]"), so that nothing of the
 * configuration is invisible to policy.
 *
 * The text may come from a hostile peer.  Depth, number of elements and
 * lengths are bounded (libxl's own parser needs quadratic time in the number
 * of elements); names are made of letters, digits, '_', '-' and '.' only ('.'
 * because libxl names the member of a union "type.pvh"), so that a name
 * cannot pass for a member of an array; strings have no control characters.
 */
#ifndef SECMIG_XL_FLATTEN_H
#define SECMIG_XL_FLATTEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"

#define SM_FLATTEN_DEPTH_MAX    16
#define SM_FLATTEN_FACTS_MAX    4096u
#define SM_FLATTEN_ELEMENTS_MAX 8192u   /* values, maps and arrays */
#define SM_FLATTEN_FIELD_MAX    512u    /* bytes of a path, with its NUL */

/*
 * Flatten a JSON text.
 *   json      the text, `len` bytes; it must be one map, and nothing behind
 *   w         each fact is appended as str field, str value; NULL to check
 *             the text only
 *   count_r   out: number of facts
 *   why       out: `why_size` bytes, the reason of a failure ("" otherwise);
 *             it quotes nothing of the text but the path
 * Returns 0; SM_PROTOCOL when the text is not JSON or breaks a limit above;
 * SM_NO_MEMORY.  After an error the writer's content is not to be used.
 */
int sm_flatten(const char *json, size_t len, struct sm_wire_writer *w,
               uint32_t *count_r, char *why, size_t why_size) SM_WARN_UNUSED;

#endif
