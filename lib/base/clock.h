/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Time.  Durations and deadlines use the monotonic clock, so that a clock
 * jump neither stretches nor cuts them; validity windows use real time.
 */
#ifndef SM_BASE_CLOCK_H
#define SM_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t sm_clock_now_ms(void);

/* Seconds since the epoch, CLOCK_REALTIME. */
int64_t sm_clock_real(void);

/*
 * A deadline `ms` milliseconds from now; ms <= 0 means none, which is the
 * value SM_CLOCK_NEVER.
 */
#define SM_CLOCK_NEVER INT64_MAX
int64_t sm_clock_deadline(int64_t ms);

/*
 * Time left for poll(2): -1 for SM_CLOCK_NEVER, 0 when it has passed, else
 * milliseconds, at most INT_MAX.
 */
int sm_clock_left(int64_t deadline);

/*
 * Parse an RFC 3339 date-time with a zone ("2027-11-01T00:00:00Z" or with an
 * offset +hh:mm) into seconds since the epoch.  No fractions, no leap
 * second, years 1970-9999; nor what is later than 9999 in UTC.  Returns 0 or
 * SM_CONFIG.
 */
int sm_clock_parse(const char *text, int64_t *out);

/* Write `t` as RFC 3339 in UTC, 21 bytes with the NUL; "?" before
 * 0000-03-01 and after 9999. */
void sm_clock_format(int64_t t, char out[static 21]);

#endif
