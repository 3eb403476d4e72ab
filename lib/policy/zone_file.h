/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of the tz database, from bytes to a table of steps.  Internal to
 * lib/policy.  Sources: RFC 8536 (TZif, versions 1 to 4 as far as they have
 * no leap seconds); POSIX.1-2017, Base Definitions 8.3, TZ, with the wider
 * range of hours of RFC 8536 section 3.3.1 (the footer).
 */
#ifndef SM_POLICY_ZONE_FILE_H
#define SM_POLICY_ZONE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* More steps than this no real zone has: two a year until the end. */
#define SM_ZONE_STEPS_MAX 2048

struct sm_zone_step {
    int64_t from;               /* the first: INT64_MIN */
    int32_t offset;
};

struct sm_zone_steps {
    struct sm_zone_step step[SM_ZONE_STEPS_MAX];
    size_t n;
};

/* Add a step unless it changes nothing; false when it is not after the last
 * one, the offset is none, or there are too many. */
bool sm_zone_add(struct sm_zone_steps *s, int64_t from, int64_t offset);

/* Read the `len` bytes of a file.  Returns 0, or SM_POLICY when it is not a
 * TZif file that can be used. */
int sm_zone_file(const void *data, size_t len, struct sm_zone_steps *s)
    SM_WARN_UNUSED;

/* Add what the rule of a footer (`len` characters, as
 * "CET-1CEST,M3.5.0,M10.5.0/3") says for the time after the last step, until
 * SM_POLICY_ZONE_END.  False when it is malformed. */
bool sm_zone_rule(const char *rule, size_t len, struct sm_zone_steps *s);

#endif
