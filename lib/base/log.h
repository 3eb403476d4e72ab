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

#define sm_error(...)   sm_log(SM_LOG_ERROR, __VA_ARGS__)
#define sm_warning(...) sm_log(SM_LOG_WARNING, __VA_ARGS__)
#define sm_notice(...)  sm_log(SM_LOG_NOTICE, __VA_ARGS__)
#define sm_info(...)    sm_log(SM_LOG_INFO, __VA_ARGS__)
#define sm_debug(...)   sm_log(SM_LOG_DEBUG, __VA_ARGS__)

#endif
