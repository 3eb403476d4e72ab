/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Time zones and windows.  A zone becomes a table of instants and offsets
 * when a document is loaded, so that judging a window needs no file, no
 * environment and no state of libc.
 *
 * A zone is "Z", an offset from UTC (+hh:mm, -hh:mm, at most 14:00), or the
 * name of a zone of the system's tz database, as Europe/Berlin.  Its file is
 * read as RFC 8536 says; times after the last one it lists follow the rule in
 * its footer.  The environment (TZ, TZDIR) has no say and is not changed.
 */
#ifndef SM_POLICY_ZONE_H
#define SM_POLICY_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sm_policy;
struct sm_policy_zone;
struct sm_policy_window;

#define SM_POLICY_ZONE_DIR "/usr/share/zoneinfo"

/* Tables end here: 2100-01-01T00:00:00Z.  The last offset counts from then
 * on. */
#define SM_POLICY_ZONE_END INT64_C(4102444800)

/*
 * Fill in `zone`, in the policy's pool.
 *   name    as above; copied
 *   names   whether names of the tz database are permitted: no file is
 *           opened otherwise
 *   why     out: `why_size` bytes for the reason
 * Returns 0; SM_POLICY when the name is malformed or there is no such zone;
 * SM_NO_MEMORY.
 */
int sm_policy_zone_load(struct sm_policy *p, struct sm_policy_zone *zone,
                        const char *name, bool names, char *why,
                        size_t why_size) SM_WARN_UNUSED;

/* Seconds that local time is ahead of UTC at the instant `t`. */
int32_t sm_policy_zone_offset(const struct sm_policy_zone *zone, int64_t t);

/* Whether the instant `t` (seconds since the epoch) is in the window. */
bool sm_policy_window_has(const struct sm_policy_window *window, int64_t t);

#endif
