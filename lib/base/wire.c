/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

/* ---- text ---- */

/*
 * One code point of well-formed UTF-8 (RFC 3629, section 4).
 * Returns its length in bytes, or 0.
 */
static size_t code_point(const uint8_t *s, size_t len, uint32_t *out)
{
    uint32_t cp, min;
    size_t n, i;

    if (s[0] < 0x80) {
        *out = s[0];
        return 1;
    }
    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        n = 2; cp = s[0] & 0x1f; min = 0x80;
    } else if ((s[0] & 0xf0) == 0xe0) {
        n = 3; cp = s[0] & 0x0f; min = 0x800;
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        n = 4; cp = s[0] & 0x07; min = 0x10000;
    } else {
        return 0;
    }
    if (len < n)
        return 0;
    for (i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        cp = cp << 6 | (s[i] & 0x3f);
    }
    if (cp < min || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        return 0;
    *out = cp;
    return n;
}

static int harmless(uint32_t cp)
{
    if (cp < 0x20 || (cp >= 0x7f && cp <= 0x9f))
        return 0;                           /* C0, DEL, C1 */
    if (cp == 0x061c || cp == 0x200e || cp == 0x200f ||
        (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069))
        return 0;                           /* line ends, bidi controls */
    if (cp == 0x00ad || (cp >= 0x200b && cp <= 0x200d) ||
        (cp >= 0x2060 && cp <= 0x2064) || (cp >= 0xfe00 && cp <= 0xfe0f) ||
        cp == 0xfeff || (cp >= 0xe0000 && cp <= 0xe0fff))
        return 0;                           /* nothing to be seen */
    return cp != 0xfffe && cp != 0xffff;
}

int sm_wire_text_ok(const void *s, size_t len)
{
    const uint8_t *p = s;
    uint32_t cp;
    size_t n;

    while (len) {
        n = code_point(p, len, &cp);
        if (!n || !harmless(cp))
            return 0;
        p += n;
        len -= n;
    }
    return 1;
}

/* ---- reader ---- */

void sm_wire_reader_init(struct sm_wire_reader *r, const void *data,
                         size_t len)
{
    r->data = data ? data : (const uint8_t *)"";
    r->len = data ? len : 0;
    r->pos = 0;
    r->error = 0;
}

/* `n` bytes, or NULL and the sticky error. */
static const uint8_t *take(struct sm_wire_reader *r, size_t n)
{
    const uint8_t *p;

    if (r->error || n > r->len - r->pos) {
        r->error = SM_PROTOCOL;
        return NULL;
    }
    p = r->data + r->pos;
    r->pos += n;
    return p;
}

static uint64_t get(struct sm_wire_reader *r, size_t n)
{
    const uint8_t *p = take(r, n);
    uint64_t v = 0;

    while (p && n--)
        v = v << 8 | *p++;
    return v;
}

uint8_t sm_wire_get_u8(struct sm_wire_reader *r)
{
    return (uint8_t)get(r, 1);
}

uint16_t sm_wire_get_u16(struct sm_wire_reader *r)
{
    return (uint16_t)get(r, 2);
}

uint32_t sm_wire_get_u32(struct sm_wire_reader *r)
{
    return (uint32_t)get(r, 4);
}

uint64_t sm_wire_get_u64(struct sm_wire_reader *r)
{
    return get(r, 8);
}

void sm_wire_get_bytes(struct sm_wire_reader *r, void *out, size_t n)
{
    const uint8_t *p = take(r, n);

    if (!n)
        return;
    if (p)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

void sm_wire_get_str(struct sm_wire_reader *r, char *out, size_t size)
{
    size_t n = sm_wire_get_u16(r);
    const uint8_t *p;

    out[0] = '\0';
    if (n >= size)
        r->error = SM_PROTOCOL;
    p = take(r, n);
    if (!p)
        return;
    if (!sm_wire_text_ok(p, n)) {
        r->error = SM_PROTOCOL;
        return;
    }
    memcpy(out, p, n);
    out[n] = '\0';
}

void sm_wire_get_blob(struct sm_wire_reader *r, size_t max,
                      const uint8_t **data, size_t *len)
{
    size_t n = sm_wire_get_u32(r);

    if (n > max)
        r->error = SM_PROTOCOL;
    *data = take(r, n);
    *len = *data ? n : 0;
}

size_t sm_wire_left(const struct sm_wire_reader *r)
{
    return r->error ? 0 : r->len - r->pos;
}

int sm_wire_end(const struct sm_wire_reader *r)
{
    return r->error || r->pos != r->len ? SM_PROTOCOL : 0;
}

/* ---- writer ---- */

void sm_wire_writer_init(struct sm_wire_writer *w, size_t max)
{
    memset(w, 0, sizeof(*w));
    w->max = max;
}

void sm_wire_writer_dispose(struct sm_wire_writer *w)
{
    if (w->data)
        sm_secret_wipe(w->data, w->size);
    free(w->data);
    memset(w, 0, sizeof(*w));
}

void sm_wire_writer_reset(struct sm_wire_writer *w)
{
    if (w->data)
        sm_secret_wipe(w->data, w->size);
    w->len = 0;
    w->error = 0;
}

/* Room for `n` more bytes, or NULL: the sticky error, or n is 0. */
static uint8_t *room(struct sm_wire_writer *w, size_t n)
{
    size_t size;
    uint8_t *p;

    if (w->error || !n)
        return NULL;
    if (n > w->max - w->len) {
        w->error = SM_PROTOCOL;
        return NULL;
    }
    if (n > w->size - w->len) {
        size = w->size ? w->size : 256;
        while (size < w->len + n)
            size *= 2;
        if (size > w->max)
            size = w->max;
        /* Not realloc(): the old bytes may be secret and must be wiped. */
        p = malloc(size);
        if (!p) {
            w->error = SM_NO_MEMORY;
            return NULL;
        }
        if (w->data) {
            memcpy(p, w->data, w->len);
            sm_secret_wipe(w->data, w->size);
            free(w->data);
        }
        w->data = p;
        w->size = size;
    }
    p = w->data + w->len;
    w->len += n;
    return p;
}

static void put(struct sm_wire_writer *w, uint64_t v, size_t n)
{
    uint8_t *p = room(w, n);

    if (!p)
        return;
    while (n--) {
        p[n] = (uint8_t)v;
        v >>= 8;
    }
}

void sm_wire_put_u8(struct sm_wire_writer *w, uint8_t v)
{
    put(w, v, 1);
}

void sm_wire_put_u16(struct sm_wire_writer *w, uint16_t v)
{
    put(w, v, 2);
}

void sm_wire_put_u32(struct sm_wire_writer *w, uint32_t v)
{
    put(w, v, 4);
}

void sm_wire_put_u64(struct sm_wire_writer *w, uint64_t v)
{
    put(w, v, 8);
}

void sm_wire_put_bytes(struct sm_wire_writer *w, const void *data, size_t n)
{
    uint8_t *p = room(w, n);

    if (p)
        memcpy(p, data, n);
}

void sm_wire_put_str(struct sm_wire_writer *w, const char *s)
{
    size_t n = strlen(s);

    if (n > UINT16_MAX || !sm_wire_text_ok(s, n)) {
        if (!w->error)
            w->error = SM_PROTOCOL;
        return;
    }
    sm_wire_put_u16(w, (uint16_t)n);
    sm_wire_put_bytes(w, s, n);
}

void sm_wire_put_blob(struct sm_wire_writer *w, const void *data, size_t n)
{
    if (n > UINT32_MAX) {
        if (!w->error)
            w->error = SM_PROTOCOL;
        return;
    }
    sm_wire_put_u32(w, (uint32_t)n);
    sm_wire_put_bytes(w, data, n);
}

void sm_wire_patch_u32(struct sm_wire_writer *w, size_t pos, uint32_t v)
{
    size_t i;

    if (w->error)
        return;
    if (pos > w->len || w->len - pos < 4) {
        w->error = SM_PROTOCOL;
        return;
    }
    for (i = 0; i < 4; i++)
        w->data[pos + i] = (uint8_t)(v >> (24 - 8 * i));
}

int sm_wire_error(const struct sm_wire_writer *w)
{
    return w->error;
}
