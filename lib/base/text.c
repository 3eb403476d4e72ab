/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <stdio.h>

bool sm_text_number(const char *s, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    unsigned int d;
    size_t i;

    if (!len || (s[0] == '0' && len > 1))
        return false;
    for (i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        d = (unsigned int)(s[i] - '0');
        if (d > max || v > (max - d) / 10)
            return false;
        v = v * 10 + d;
    }
    *out = v;
    return true;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool sm_text_hex(const char *s, size_t len, uint8_t *out, size_t n)
{
    int high, low;
    size_t i;

    if (len != 2 * n)
        return false;
    for (i = 0; i < n; i++) {
        high = digit(s[2 * i]);
        low = digit(s[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool sm_text_uuid(const char *s, size_t len, uint8_t out[static 16])
{
    return len == SM_TEXT_UUID_SIZE - 1 &&
           s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
           sm_text_hex(s, 8, out, 4) &&
           sm_text_hex(s + 9, 4, out + 4, 2) &&
           sm_text_hex(s + 14, 4, out + 6, 2) &&
           sm_text_hex(s + 19, 4, out + 8, 2) &&
           sm_text_hex(s + 24, 12, out + 10, 6);
}

void sm_text_uuid_format(const uint8_t u[static 16],
                         char out[static SM_TEXT_UUID_SIZE])
{
    snprintf(out, SM_TEXT_UUID_SIZE,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
             "%02x%02x%02x%02x%02x%02x",
             u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
             u[10], u[11], u[12], u[13], u[14], u[15]);
}
