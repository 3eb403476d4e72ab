/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "operators/lines.h"

#include <string.h>

#include "base/frame.h"
#include "operators/operate.h"

static struct {
    char text[FRAME_OUTPUT_MAX];
    size_t len;
} lines;

static const char more[] = "and more, which are not shown\n";

void lines_begin(void)
{
    lines.len = 0;
    lines.text[0] = '\0';
}

void lines_put(const char *text)
{
    size_t max = sizeof(lines.text) - sizeof(more), n = strlen(text);

    if (lines.len >= max)
        return;
    if (n + 1 > max - lines.len) {
        strcpy(lines.text + lines.len, more);
        lines.len = max;
        return;
    }
    memcpy(lines.text + lines.len, text, n);
    lines.len += n;
    if (!n || text[n - 1] != '\n')
        lines.text[lines.len++] = '\n';
    lines.text[lines.len] = '\0';
}

const char *lines_text(void)
{
    return lines.text;
}

size_t lines_len(void)
{
    return lines.len;
}

void lines_output(struct operate *o)
{
    operate_output(o, lines.text, strlen(lines.text));
}

void lines_finish(struct operate *o, int code, const char *rule)
{
    char *p;

    if (lines.len && lines.text[lines.len - 1] == '\n')
        lines.text[--lines.len] = '\0';
    for (p = lines.text; (p = strchr(p, '\n')); )
        *p = ';';
    operate_finish(o, code, rule, "%s", lines.text);
}
