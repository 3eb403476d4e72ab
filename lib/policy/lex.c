/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/lex.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/wire.h"

#define LINES_FIRST 256         /* room to start with */

struct lex {
    const char *start, *p, *end;
    char *why;
    size_t why_size;
    const char *at;             /* where the error is */
    unsigned int depth, elements;
    const char *counted;        /* lines are counted up to here */
    unsigned int line;
    unsigned int *lines;        /* of the elements, NULL: not wanted */
    size_t room;
    struct {
        const char *name;
        size_t len;
    } open[SM_POLICY_LEX_DEPTH_MAX];
};

static int fail(struct lex *l, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct lex *l, const char *at, const char *fmt, ...)
{
    va_list ap;

    l->at = at;
    va_start(ap, fmt);
    vsnprintf(l->why, l->why_size, fmt, ap);
    va_end(ap);
    return SM_POLICY;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == ':';
}

static bool starts(const struct lex *l, const char *s)
{
    size_t n = strlen(s);

    return (size_t)(l->end - l->p) >= n && !memcmp(l->p, s, n);
}

static void skip_space(struct lex *l)
{
    while (l->p < l->end && is_space(*l->p))
        l->p++;
}

/* A name of ASCII letters, digits, "-", ".", "_" and ":"; empty if none. */
static void name(struct lex *l, const char **s, size_t *len)
{
    *s = l->p;
    if (l->p < l->end && is_name_start(*l->p))
        while (l->p < l->end && is_name(*l->p))
            l->p++;
    *len = (size_t)(l->p - *s);
}

static bool is(const char *s, size_t len, const char *word)
{
    return len == strlen(word) && !memcmp(s, word, len);
}

/* Clean UTF-8; besides, only tab and line ends of the control characters. */
static int characters(struct lex *l)
{
    const char *p = l->start, *from = p;

    if (l->end - p >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
        return fail(l, p, "starts with a byte order mark");
    for (;; p++) {
        if (p < l->end && !is_space(*p))
            continue;
        if (!sm_wire_text_ok(from, (size_t)(p - from)))
            return fail(l, from, "not clean UTF-8, or a control, "
                        "bidirectional or invisible character");
        if (p == l->end)
            return 0;
        from = p + 1;
    }
}

/* = "value", without the character rules of a policy's attributes. */
static bool equals_value(struct lex *l, const char **s, size_t *len)
{
    char quote;

    skip_space(l);
    if (l->p == l->end || *l->p != '=')
        return false;
    l->p++;
    skip_space(l);
    if (l->p == l->end || (*l->p != '"' && *l->p != '\''))
        return false;
    quote = *l->p++;
    *s = l->p;
    while (l->p < l->end && *l->p != quote)
        l->p++;
    if (l->p == l->end)
        return false;
    *len = (size_t)(l->p - *s);
    l->p++;
    return true;
}

static int declaration(struct lex *l)
{
    const char *at = l->p, *s = NULL, *v = NULL;
    size_t n = 0, vn = 0;

    l->p += strlen("<?xml");
    skip_space(l);
    name(l, &s, &n);
    if (!is(s, n, "version") || !equals_value(l, &v, &vn))
        return fail(l, at, "malformed XML declaration");
    if (!is(v, vn, "1.0"))
        return fail(l, at, "XML version other than 1.0");
    skip_space(l);
    name(l, &s, &n);
    if (n) {
        if (!is(s, n, "encoding") || !equals_value(l, &v, &vn))
            return fail(l, at, "XML declaration with something else than "
                        "version and encoding");
        if (vn != 5 || strncasecmp(v, "UTF-8", 5))
            return fail(l, at, "encoding other than UTF-8");
        skip_space(l);
    }
    if (!starts(l, "?>"))
        return fail(l, at, "malformed XML declaration");
    l->p += 2;
    return 0;
}

static int comment(struct lex *l)
{
    const char *at = l->p;

    for (l->p += strlen("<!--"); l->p < l->end; l->p++) {
        if (*l->p == '<')
            return fail(l, l->p, "\"<\" in a comment (a comment is for "
                        "prose; delete what is not in force)");
        if (starts(l, "--")) {
            if (!starts(l, "-->"))
                return fail(l, l->p, "\"--\" in a comment");
            l->p += 3;
            return 0;
        }
    }
    return fail(l, at, "comment without an end");
}

/* One of the five entities that every XML has. */
static bool reference(struct lex *l)
{
    static const char *const known[] = {
        "&amp;", "&lt;", "&gt;", "&quot;", "&apos;",
    };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (starts(l, known[i])) {
            l->p += strlen(known[i]);
            return true;
        }
    return false;
}

static int attribute(struct lex *l, const char *tag)
{
    const char *s = NULL;
    size_t n = 0;
    bool any_text;
    char quote;

    name(l, &s, &n);
    if (!n)
        return fail(l, l->p, "malformed tag");
    any_text = is(s, n, "reason");
    skip_space(l);
    if (l->p == l->end || *l->p != '=')
        return fail(l, l->p, "attribute %.*s without a value",
                    (int)(n < 64 ? n : 64), s);
    l->p++;
    skip_space(l);
    if (l->p == l->end || (*l->p != '"' && *l->p != '\''))
        return fail(l, l->p, "attribute %.*s without quotes",
                    (int)(n < 64 ? n : 64), s);
    quote = *l->p++;
    while (l->p < l->end && *l->p != quote) {
        if (l->p - tag >= SM_POLICY_LEX_TAG_MAX)
            return 0;                   /* the caller says so */
        if (*l->p == '<')
            return fail(l, l->p, "\"<\" in an attribute");
        if (*l->p == '&') {
            if (!reference(l))
                return fail(l, l->p, "entity or character reference other "
                            "than &amp; &lt; &gt; &quot; &apos;");
            continue;
        }
        /* XML would make it a space: shown, it is not what was signed. */
        if (any_text && is_space(*l->p) && *l->p != ' ')
            return fail(l, l->p, "line end or tab in attribute %.*s",
                        (int)(n < 64 ? n : 64), s);
        if ((unsigned char)*l->p >= 0x80 && !any_text)
            return fail(l, l->p, "character other than ASCII in attribute "
                        "%.*s", (int)(n < 64 ? n : 64), s);
        l->p++;
    }
    if (l->p == l->end)
        return fail(l, tag, "tag without an end");
    l->p++;
    return 0;
}

/* Note the line of the start tag at `at`. */
static int note_line(struct lex *l, const char *at)
{
    unsigned int *more;
    size_t room;

    if (!l->lines)
        return 0;
    for (; l->counted < at; l->counted++)
        l->line += *l->counted == '\n';
    if (l->elements > l->room) {
        room = l->room * 2;
        more = realloc(l->lines, room * sizeof(*more));
        if (!more)
            return SM_NO_MEMORY;
        l->lines = more;
        l->room = room;
    }
    l->lines[l->elements - 1] = l->line;
    return 0;
}

static int start_tag(struct lex *l)
{
    const char *at = l->p, *s = NULL;
    unsigned int attrs = 0;
    size_t n = 0;
    bool space;
    int rc;

    l->p++;
    name(l, &s, &n);
    if (!n)
        return fail(l, at, "malformed tag");
    if (++l->elements > SM_POLICY_LEX_ELEMENTS_MAX)
        return fail(l, at, "more than %d elements",
                    SM_POLICY_LEX_ELEMENTS_MAX);
    rc = note_line(l, at);
    if (rc)
        return rc;
    for (;;) {
        space = l->p < l->end && is_space(*l->p);
        skip_space(l);
        if (l->p - at >= SM_POLICY_LEX_TAG_MAX)
            return fail(l, at, "tag longer than %d bytes",
                        SM_POLICY_LEX_TAG_MAX);
        if (l->p == l->end)
            return fail(l, at, "tag without an end");
        if (starts(l, "/>")) {
            l->p += 2;
            return 0;
        }
        if (*l->p == '>')
            break;
        if (!space)
            return fail(l, l->p, "malformed tag");
        if (++attrs > SM_POLICY_LEX_ATTRS_MAX)
            return fail(l, at, "more than %d attributes in one tag",
                        SM_POLICY_LEX_ATTRS_MAX);
        rc = attribute(l, at);
        if (rc)
            return rc;
    }
    l->p++;
    if (l->depth == SM_POLICY_LEX_DEPTH_MAX)
        return fail(l, at, "elements nested more than %d deep",
                    SM_POLICY_LEX_DEPTH_MAX);
    l->open[l->depth].name = s;
    l->open[l->depth].len = n;
    l->depth++;
    return 0;
}

static int end_tag(struct lex *l)
{
    const char *at = l->p, *s = NULL;
    size_t n = 0;

    l->p += 2;
    name(l, &s, &n);
    skip_space(l);
    if (!n || l->p == l->end || *l->p != '>')
        return fail(l, at, "malformed end tag");
    l->p++;
    if (!l->depth || l->open[l->depth - 1].len != n ||
        memcmp(l->open[l->depth - 1].name, s, n))
        return fail(l, at, "end tag </%.*s> without its start tag",
                    (int)(n < 64 ? n : 64), s);
    l->depth--;
    return 0;
}

/* Between tags: white space only. */
static int content(struct lex *l)
{
    int rc;

    while (skip_space(l), l->p < l->end) {
        if (*l->p != '<')
            return fail(l, l->p, l->depth || !l->elements ?
                        "text outside of tags" :
                        "something follows the root element");
        if (starts(l, "<!--"))
            rc = comment(l);
        else if (starts(l, "<!DOCTYPE"))
            rc = fail(l, l->p, "DOCTYPE is refused");
        else if (starts(l, "<![CDATA["))
            rc = fail(l, l->p, "CDATA is refused");
        else if (starts(l, "<!"))
            rc = fail(l, l->p, "declarations (\"<!\") are refused");
        else if (starts(l, "<?"))
            rc = fail(l, l->p, "processing instructions are refused");
        else if (starts(l, "</"))
            rc = end_tag(l);
        else if (l->elements && !l->depth)
            rc = fail(l, l->p, "something follows the root element");
        else
            rc = start_tag(l);
        if (rc)
            return rc;
    }
    if (l->depth)
        return fail(l, l->end, "ends before <%.*s> is closed",
                    (int)(l->open[l->depth - 1].len < 64 ?
                          l->open[l->depth - 1].len : 64),
                    l->open[l->depth - 1].name);
    if (!l->elements)
        return fail(l, l->start, "no XML document in it");
    return 0;
}

int sm_policy_lex(const void *xml, size_t len, unsigned int **lines,
                  size_t *n_lines, unsigned int *line, char *why,
                  size_t why_size)
{
    struct lex l = { .why = why, .why_size = why_size, .line = 1 };
    const char *p;
    int rc;

    if (!len)
        xml = "";
    l.start = l.p = l.counted = l.at = xml;
    l.end = l.start + len;
    if (lines) {
        *lines = NULL;
        *n_lines = 0;
        l.room = LINES_FIRST;
        l.lines = malloc(l.room * sizeof(*l.lines));
        if (!l.lines)
            return SM_NO_MEMORY;
    }
    rc = characters(&l);
    if (!rc && starts(&l, "<?xml") && l.end - l.p > 5 && is_space(l.p[5]))
        rc = declaration(&l);
    if (!rc)
        rc = content(&l);
    *line = 1;
    if (rc)
        for (p = l.start; p < l.at; p++)
            *line += *p == '\n';
    else if (why_size)
        why[0] = '\0';
    if (rc) {
        free(l.lines);
    } else if (lines) {
        *lines = l.lines;
        *n_lines = l.elements;
    }
    return rc;
}
