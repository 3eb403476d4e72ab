/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounded buffer.  The first half of the input says which getters to
 * call, the second half is the message.  What can be read is written again
 * and must give the same bytes; text is compared with the byte table of
 * RFC 3629, section 4.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

static int between(uint8_t byte, uint8_t low, uint8_t high)
{
    return byte >= low && byte <= high;
}

/* UTF8-octets of RFC 3629, rule by rule: length of the first one, or 0. */
static size_t octets(const uint8_t *s, size_t len)
{
    static const struct {
        uint8_t low, high;          /* first byte */
        uint8_t low2, high2;        /* second */
        size_t n;
    } rules[] = {
        { 0x00, 0x7f, 0, 0, 1 },
        { 0xc2, 0xdf, 0x80, 0xbf, 2 },
        { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 },
        { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 },
        { 0xf1, 0xf3, 0x80, 0xbf, 4 },
        { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    size_t i, k;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (between(s[0], rules[i].low, rules[i].high))
            break;
    if (i == sizeof(rules) / sizeof(rules[0]) || len < rules[i].n)
        return 0;
    if (rules[i].n > 1 && !between(s[1], rules[i].low2, rules[i].high2))
        return 0;
    for (k = 2; k < rules[i].n; k++)
        if (!between(s[k], 0x80, 0xbf))
            return 0;
    return rules[i].n;
}

/* Characters that the header promises to refuse, as their bytes. */
static int refused(const uint8_t *s, size_t n)
{
    if (n == 1)
        return s[0] < 0x20 || s[0] == 0x7f;
    if (n == 2)
        return (s[0] == 0xc2 && (s[1] < 0xa0 || s[1] == 0xad)) ||
               (s[0] == 0xd8 && s[1] == 0x9c);
    if (n == 4)
        return s[0] == 0xf3 && s[1] == 0xa0;
    if (s[0] == 0xef)
        return (s[1] == 0xb8 && s[2] < 0x90) ||
               (s[1] == 0xbb && s[2] == 0xbf) ||
               (s[1] == 0xbf && s[2] >= 0xbe);
    if (s[0] != 0xe2)
        return 0;
    return (s[1] == 0x80 && (between(s[2], 0x8b, 0x8f) ||
                             between(s[2], 0xa8, 0xae))) ||
           (s[1] == 0x81 && (between(s[2], 0xa0, 0xa4) ||
                             between(s[2], 0xa6, 0xa9)));
}

static void check_text(const uint8_t *s, size_t len)
{
    size_t at = 0, n = 1;

    while (at < len) {
        n = octets(s + at, len - at);
        if (!n || refused(s + at, n))
            break;
        at += n;
    }
    require(sm_wire_text_ok(s, len) == (at == len));
}

/* One getter, and its putter; nothing is put once the reader has failed. */
static void one(struct sm_wire_reader *r, struct sm_wire_writer *w,
                uint8_t what)
{
    size_t left = sm_wire_left(r), len;
    uint8_t bytes[32];
    const uint8_t *blob;
    char str[64];
    uint64_t v;

    switch (what % 7) {
    case 0:
        v = sm_wire_get_u8(r);
        if (!r->error)
            sm_wire_put_u8(w, (uint8_t)v);
        break;
    case 1:
        v = sm_wire_get_u16(r);
        if (!r->error)
            sm_wire_put_u16(w, (uint16_t)v);
        break;
    case 2:
        v = sm_wire_get_u32(r);
        if (!r->error)
            sm_wire_put_u32(w, (uint32_t)v);
        break;
    case 3:
        v = sm_wire_get_u64(r);
        if (!r->error)
            sm_wire_put_u64(w, v);
        break;
    case 4:
        len = what / 7 % sizeof(bytes);
        memset(bytes, 0xaa, sizeof(bytes));
        sm_wire_get_bytes(r, bytes, len);
        v = len && r->error ? bytes[len - 1] : 0;
        require(bytes[len] == 0xaa);
        if (!r->error)
            sm_wire_put_bytes(w, bytes, len);
        break;
    case 5:
        sm_wire_get_str(r, str, sizeof(str));
        v = r->error ? (uint64_t)str[0] : 0;
        require(sm_wire_text_ok(str, strlen(str)));
        if (!r->error)
            sm_wire_put_str(w, str);
        break;
    default:
        sm_wire_get_blob(r, what, &blob, &len);
        v = r->error ? len || blob : 0;
        require(r->error || (blob + len == r->data + r->pos && len <= what));
        if (!r->error)
            sm_wire_put_blob(w, blob, len);
        break;
    }
    require(sm_wire_left(r) <= left);
    if (r->error) {
        require(v == 0);
        require(sm_wire_left(r) == 0 && sm_wire_end(r) == SM_PROTOCOL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sm_wire_reader r;
    struct sm_wire_writer w;
    size_t half = size / 2, i;

    sm_wire_reader_init(&r, data + half, size - half);
    sm_wire_writer_init(&w, size - half);
    for (i = 0; i < half; i++)
        one(&r, &w, data[i]);
    require(sm_wire_error(&w) == 0);
    if (!r.error) {
        require(w.len == r.pos);
        require(w.len == 0 || !memcmp(w.data, data + half, w.len));
        require(sm_wire_end(&r) == (w.len == size - half ? 0 : SM_PROTOCOL));
    }
    sm_wire_writer_dispose(&w);
    check_text(data, size);
    return 0;
}
