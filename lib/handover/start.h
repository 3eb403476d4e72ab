/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether somebody may start a guest here, by hand or at boot, as far as the
 * journal knows: xl asks before it builds a domain.  Pure, like handover.h.
 *
 * "Yes" is said only of what is decided for good: nothing that a daemon does
 * afterwards, on either host, starts that guest a second time.  So it does
 * not matter how much later the domain is built.
 */
#ifndef SM_HANDOVER_START_H
#define SM_HANDOVER_START_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handover/words.h"

/* In this order: of several records the last in this list counts. */
enum sm_handover_start {
    SM_HANDOVER_START_FREE,         /* it may be started here */
    SM_HANDOVER_START_UNSETTLED,    /* the daemon has to act here first; free
                                     * then, and soon */
    SM_HANDOVER_START_DOUBT,        /* the other host may start it, or has;
                                     * free if that says that it does not */
    SM_HANDOVER_START_ELSEWHERE,    /* it is the other host's */
};

/*
 * By one record.
 *   rebooted  this host was booted anew since it was recorded
 *   time      seconds since 1970: a closed record counts for a day, and only
 *             if this host was booted anew (as at boot everything is started
 *             that is configured, whatever has left before) and nobody has
 *             said that the other host does not run it
 */
enum sm_handover_start
sm_handover_start(const struct sm_handover_record *record, bool rebooted,
                  int64_t time);

/*
 * By all records, oldest migration first.
 *   boot   which boot this is
 *   uuid   of the guest; NULL: not known.  One that was refused under the same
 *          name and another uuid is another guest, and one that is arriving so
 *          is waited for
 *   guest  its name (or uuid: see sm_handover_named())
 *   out    the record that is the reason; NULL with FREE
 */
enum sm_handover_start
sm_handover_start_of(const struct sm_handover_record *list, size_t n,
                     const uint8_t boot[static SM_HANDOVER_BOOT_LEN],
                     const uint8_t *uuid, const char *guest, int64_t time,
                     const struct sm_handover_record **out);

/*
 * Whether a fence of `host` frees the guest of the `i`th record of those that
 * `at` gives, oldest first, to be started here: it is settled, the guest is
 * the host's by it, and that still counts, or would after a boot; and the guest
 * has not been here since.
 *   at    NULL: no more
 *   time  seconds since 1970
 */
bool sm_handover_start_freed(const struct sm_handover_record *
                             (*at)(size_t i), size_t i, const char *host,
                             int64_t time);

/*
 * Why not, where the guest is, what happens by itself and what to do, in a
 * line without its end.
 *   start  not FREE
 *   out    SM_HANDOVER_LINE_SIZE bytes
 */
void sm_handover_start_line(const struct sm_handover_record *record,
                            const struct sm_handover_now *now,
                            enum sm_handover_start start,
                            char out[static SM_HANDOVER_LINE_SIZE]);

#endif
