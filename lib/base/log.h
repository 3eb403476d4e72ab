/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log lines on standard error, one event a line, with syslog's priority
 * prefix ("<6>") when systemd's journal reads them (JOURNAL_STREAM set).
 *
 * Text that came from a peer must have passed sm_wire_text_ok(); a control
 * character that slips through is written as '?'.  Key bytes never go here.
 */
#ifndef SM_BASE_LOG_H
#define SM_BASE_LOG_H

#include <stddef.h>

enum sm_log_level {
    SM_LOG_ERROR = 3,   /* syslog's numbers */
    SM_LOG_WARNING = 4,
    SM_LOG_NOTICE = 5,
    SM_LOG_INFO = 6,
    SM_LOG_DEBUG = 7,
};

/* Set the name shown before each line and the highest level shown.  `who`
 * is not copied: pass a string that lives on. */
void sm_log_init(const char *who, enum sm_log_level max);

void sm_log(enum sm_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Values of name="value" and name=value: whatever another host, a guest's
 * name or a rule's has in it, it cannot end the value and begin another.
 * Good for one call of the functions here: what they give lives as long as
 * the block around.  A value that is longer is cut.
 *   SM_LOG_TEXT  to stand between quotes: `"` becomes `'`, `\` becomes `/`
 *   SM_LOG_WORD  to stand alone: a blank becomes `_`, too
 */
#define SM_LOG_VALUE_SIZE 1024
#define SM_LOG_TEXT(s) \
    sm_log_value((s), "\"\\", "'/", (char[SM_LOG_VALUE_SIZE]){ "" })
#define SM_LOG_WORD(s) \
    sm_log_value((s), "\"\\ ", "'/_", (char[SM_LOG_VALUE_SIZE]){ "" })

/* Copy `s` to `out`, with each character of `bad` replaced by that of `good`
 * in its place.  Returns `out`. */
const char *sm_log_value(const char *s, const char *bad, const char *good,
                         char out[static SM_LOG_VALUE_SIZE]);

#define sm_error(...)   sm_log(SM_LOG_ERROR, __VA_ARGS__)
#define sm_warning(...) sm_log(SM_LOG_WARNING, __VA_ARGS__)
#define sm_notice(...)  sm_log(SM_LOG_NOTICE, __VA_ARGS__)
#define sm_info(...)    sm_log(SM_LOG_INFO, __VA_ARGS__)
#define sm_debug(...)   sm_log(SM_LOG_DEBUG, __VA_ARGS__)

#endif
