/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static const char *log_who = "secmig";
static enum sm_log_level log_max = SM_LOG_INFO;
static int log_prefix;

void sm_log_init(const char *who, enum sm_log_level max)
{
    log_who = who;
    log_max = max;
    log_prefix = getenv("JOURNAL_STREAM") != NULL;
}

const char *sm_log_value(const char *s, const char *bad, const char *good,
                         char out[static SM_LOG_VALUE_SIZE])
{
    const char *found;
    size_t i;

    for (i = 0; i < SM_LOG_VALUE_SIZE - 1 && s[i]; i++) {
        found = strchr(bad, s[i]);
        out[i] = found ? good[found - bad] : s[i];
    }
    out[i] = '\0';
    return out;
}

void sm_log(enum sm_log_level level, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    int len = 0, n, i, text;
    unsigned char c;
    va_list ap;

    if (level > log_max)
        return;
    if (log_prefix)
        len = snprintf(line, sizeof(line), "<%d>", (int)level);
    n = snprintf(line + len, sizeof(line) - (size_t)len, "%s: ", log_who);
    len += n;
    if (len >= LINE_MAX_BYTES - 1)
        return;
    text = len;
    va_start(ap, fmt);
    n = vsnprintf(line + len, sizeof(line) - 1 - (size_t)len, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    len += n;
    if (len > LINE_MAX_BYTES - 2)
        len = LINE_MAX_BYTES - 2;
    /* One event is one line, whatever the text holds.  C1 controls, which
     * some terminals obey, are two bytes in UTF-8. */
    for (i = text; i < len; i++) {
        c = (unsigned char)line[i];
        if (c < 0x20 || c == 0x7f) {
            line[i] = '?';
        } else if (c == 0xc2 && i + 1 < len &&
                   ((unsigned char)line[i + 1] & 0xe0) == 0x80) {
            line[i++] = '?';
            line[i] = '?';
        }
    }
    line[len++] = '\n';
    /* One write, so that lines of several processes do not mix.  A log that
     * cannot be written has nowhere to report that. */
    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}
