/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/statement.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define TIME_MAX 25     /* "2027-11-01T00:00:00+01:00" */

/* ---- taking apart ---- */

/* NULL, or what is wrong with the signed part. */
static const char *body_problem(const char *body, size_t len)
{
    size_t i;

    if (!len || body[len - 1] != '\n')
        return "its signed part does not end with a whole line";
    for (i = 0; i < len; i++) {
        if (body[i] == '\n' && (!i || body[i - 1] == '\n'))
            return "empty line in its signed part";
        if (body[i] != '\n' && (body[i] < 0x20 || body[i] > 0x7e))
            return "its signed part is not plain ASCII text";
    }
    return NULL;
}

int sm_statement_unsigned(const void *text, size_t len, size_t max,
                          struct sm_statement *out,
                          char *why, size_t why_size)
{
    memset(out, 0, sizeof(*out));
    WHY("%s", "");
    if (len > max) {
        WHY("longer than %zu bytes", max);
        return SM_PROTOCOL;
    }
    if (body_problem(text, len)) {
        WHY("not whole lines of plain ASCII text, none of them empty");
        return SM_PROTOCOL;
    }
    out->body = text;
    out->body_len = len;
    return 0;
}

/* NULL, or why it cannot be the text of a signature in a statement: stricter
 * than minisign's files are, so that there is one way to write it. */
static const char *tail_problem(const char *tail, size_t len)
{
    const char *nl;
    size_t n;

    if (!len || tail[len - 1] != '\n')
        return "its last line has no end";
    nl = memchr(tail, '\n', len);
    n = (size_t)(nl - tail);
    if (!sm_wire_text_ok(tail, n))
        return "the signature's first comment is not clean text";
    if (memchr(tail, '\r', len))
        return "carriage return in its signature";
    return NULL;
}

/* The empty line, or NULL. */
static const char *find_gap(const char *text, size_t len)
{
    const char *nl = text, *end = text + len;

    while ((nl = memchr(nl, '\n', (size_t)(end - nl)))) {
        nl++;
        if (nl == end)
            return NULL;
        if (*nl == '\n')
            return nl;
    }
    return NULL;
}

size_t sm_statement_length(const void *text, size_t len)
{
    const char *start = text, *end = start + len, *at;
    int lines;

    at = len ? find_gap(start, len) : NULL;
    for (lines = 0; at && lines < 5; lines++) {     /* the empty one, four */
        at = memchr(at, '\n', (size_t)(end - at));
        if (at)
            at++;
    }
    return at ? (size_t)(at - start) : len;
}

int sm_statement_split(const void *text, size_t len, size_t max,
                       struct sm_statement *out, char *why, size_t why_size)
{
    const char *start = text, *gap = NULL, *problem = NULL;
    size_t tail;

    memset(out, 0, sizeof(*out));
    WHY("%s", "");
    if (len > max) {
        WHY("longer than %zu bytes", max);
        return SM_PROTOCOL;
    }
    if (len)
        gap = find_gap(start, len);
    if (!gap) {
        WHY("not a signed statement (no empty line before a signature)");
        return SM_PROTOCOL;
    }
    tail = len - (size_t)(gap + 1 - start);
    problem = body_problem(start, (size_t)(gap - start));
    if (!problem)
        problem = tail_problem(gap + 1, tail);
    if (problem) {
        WHY("%s", problem);
        return SM_PROTOCOL;
    }
    if (sm_minisign_signature_parse(gap + 1, tail, &out->signature, why,
                                    why_size)) {
        memset(out, 0, sizeof(*out));
        return SM_PROTOCOL;
    }
    out->body = start;
    out->body_len = (size_t)(gap - start);
    return 0;
}

int sm_statement_verify(const void *text, size_t len, size_t max,
                        const struct sm_minisign_public *keys, size_t n_keys,
                        struct sm_statement *out, size_t *which,
                        char *why, size_t why_size)
{
    size_t i;
    int rc;

    rc = sm_statement_split(text, len, max, out, why, why_size);
    if (rc)
        return rc;
    WHY("not signed with a key that counts here");
    /* Two keys may bear the same id: it is chosen by who makes them. */
    for (i = 0; i < n_keys; i++) {
        if (memcmp(keys[i].id, out->signature.id, sizeof(keys[i].id)) ||
            sm_minisign_verify(&keys[i], &out->signature, out->body,
                               out->body_len, why, why_size))
            continue;
        memcpy(out->signer, keys[i].id, SM_MINISIGN_ID_LEN);
        memcpy(out->signer + SM_MINISIGN_ID_LEN, keys[i].key,
               SM_MINISIGN_KEY_LEN);
        if (which)
            *which = i;
        return 0;
    }
    memset(out, 0, sizeof(*out));
    return SM_AUTH;
}

int sm_statement_sign(const uint8_t secret[static SM_MINISIGN_SECRET_LEN],
                      const char *body, const char *comment,
                      char *out, size_t size)
{
    char signature[SM_MINISIGN_TEXT_MAX];
    size_t len = strlen(body);
    int rc, n;

    if (body_problem(body, len))
        return SM_USAGE;
    rc = sm_minisign_sign(secret, body, len, comment, signature,
                          sizeof(signature));
    if (rc)
        return rc;
    n = snprintf(out, size, "%s\n%s", body, signature);
    return n < 0 || (size_t)n >= size ? SM_USAGE : 0;
}

/* ---- lines ---- */

/* The line at `pos`, which it moves behind the line. */
static const char *line_at(const struct sm_statement *s, size_t *pos,
                           size_t *len)
{
    const char *line = s->body + *pos;

    /* Every line of a body has its newline. */
    *len = (size_t)((const char *)memchr(line, '\n', s->body_len - *pos) -
                    line);
    *pos += *len + 1;
    return line;
}

bool sm_statement_is(const struct sm_statement *s, const char *type)
{
    size_t pos = 0, len, n = strlen(type);
    const char *line;

    if (!s->body_len)
        return false;
    line = line_at(s, &pos, &len);
    return len == n + 2 && !memcmp(line, type, n) &&
           !memcmp(line + n, " 1", 2);
}

/* Returns NULL, or what is wrong with the line. */
static const char *take_line(const char *line, size_t len,
                             struct sm_statement_field *fields, size_t n,
                             size_t *next)
{
    const char *equals = memmem(line, len, " = ", 3);
    size_t key_len, i;

    if (!equals)
        return "expected 'KEY = VALUE'";
    key_len = (size_t)(equals - line);
    for (i = 0; i < n; i++)
        if (strlen(fields[i].key) == key_len &&
            !memcmp(fields[i].key, line, key_len))
            break;
    if (i == n)
        return "unknown key";
    if (fields[i].value)
        return "key given twice";
    if (i < *next)
        return "key out of its order";
    fields[i].value = equals + 3;
    fields[i].len = len - key_len - 3;
    if (!fields[i].len || fields[i].value[0] == ' ' ||
        line[len - 1] == ' ')
        return "empty value, or spaces around it";
    *next = i + 1;
    return NULL;
}

int sm_statement_fields(const struct sm_statement *s, const char *type,
                        struct sm_statement_field *fields, size_t n,
                        char *why, size_t why_size)
{
    size_t pos = 0, len, next = 0, i;
    const char *problem = NULL, *line;
    unsigned int number = 1;

    WHY("%s", "");
    if (!sm_statement_is(s, type)) {
        WHY("its first line is not '%s 1'", type);
        return SM_PROTOCOL;
    }
    line_at(s, &pos, &len);
    while (pos < s->body_len) {
        line = line_at(s, &pos, &len);
        number++;
        problem = take_line(line, len, fields, n, &next);
        if (problem) {
            WHY("line %u: %s", number, problem);
            return SM_PROTOCOL;
        }
    }
    for (i = 0; i < n; i++)
        if (!fields[i].value && !fields[i].optional) {
            WHY("no '%s'", fields[i].key);
            return SM_PROTOCOL;
        }
    return 0;
}

/* ---- values ---- */

bool sm_statement_next_word(const struct sm_statement_field *f, size_t *pos,
                            char out[static SM_STATEMENT_WORD_SIZE])
{
    const char *word = f->value + *pos, *space;
    size_t left = f->len - *pos, n;

    space = memchr(word, ' ', left);
    n = space ? (size_t)(space - word) : left;
    if (n >= SM_STATEMENT_WORD_SIZE)
        return false;
    memcpy(out, word, n);
    out[n] = '\0';
    *pos += n + (space ? 1 : 0);
    /* No value ends with a space, so another word follows each. */
    return sm_conf_name_ok(out);
}

bool sm_statement_word(const struct sm_statement_field *f,
                       char out[static SM_STATEMENT_WORD_SIZE])
{
    size_t pos = 0;

    return sm_statement_next_word(f, &pos, out) && pos == f->len;
}

bool sm_statement_time(const struct sm_statement_field *f, int64_t *out)
{
    char text[TIME_MAX + 1];

    if (f->len > TIME_MAX)
        return false;
    memcpy(text, f->value, f->len);
    text[f->len] = '\0';
    return sm_clock_parse(text, out) == 0;
}

bool sm_statement_valid(int64_t not_before, int64_t not_after, int64_t now,
                        char *why, size_t why_size)
{
    char when[21];

    if (now < not_before) {
        sm_clock_format(not_before, when);
        WHY("not valid before %s", when);
        return false;
    }
    if (now > not_after) {
        sm_clock_format(not_after, when);
        WHY("expired on %s", when);
        return false;
    }
    WHY("%s", "");
    return true;
}

/* ---- writing ---- */

void sm_statement_begin(struct sm_statement_writer *w, char *out, size_t size,
                        const char *type)
{
    *w = (struct sm_statement_writer){ .out = out, .size = size };
    sm_statement_add(w, "%s 1\n", type);
}

void sm_statement_add(struct sm_statement_writer *w, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (w->full)
        return;
    va_start(ap, fmt);
    n = vsnprintf(w->out + w->len, w->size - w->len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= w->size - w->len) {
        w->full = true;
        w->out[w->len] = '\0';
        return;
    }
    w->len += (size_t)n;
}
