/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xen/savefile.h"

#include <stdlib.h>
#include <string.h>

/* savefileheader_magic of Xen's tools/xl/xl.h: 32 bytes, no terminator. */
static const char magic[32] =
    "Xen saved domain, xl format\n \0 \r";

#define BYTE_ORDER_MARK 0x01020304u

#define MANDATORY_JSON      (1u << 0)
#define MANDATORY_STREAM_V2 (1u << 1)

/* The offsets of the fields behind the magic. */
#define AT_BYTE_ORDER       32
#define AT_MANDATORY        36
#define AT_OPTIONAL         40
#define AT_OPTIONAL_LEN     44
#define AT_CONFIG_SIZE      48

#define HEAD_LEN (SM_SAVEFILE_HEADER_LEN + 4)

/* xl writes its own byte order; the wire functions are big-endian. */
static uint32_t get_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static void put_le32(struct sm_wire_writer *w, uint32_t v)
{
    sm_wire_put_u8(w, v & 0xff);
    sm_wire_put_u8(w, v >> 8 & 0xff);
    sm_wire_put_u8(w, v >> 16 & 0xff);
    sm_wire_put_u8(w, v >> 24);
}

static int fail(struct sm_savefile_reader *r, int error, const char *why)
{
    r->error = error;
    r->why = why;
    return error;
}

void sm_savefile_reader_init(struct sm_savefile_reader *r)
{
    memset(r, 0, sizeof(*r));
    r->why = "";
}

void sm_savefile_reader_dispose(struct sm_savefile_reader *r)
{
    free(r->config);
    r->config = NULL;
    r->config_len = 0;
}

size_t sm_savefile_wanted(const struct sm_savefile_reader *r)
{
    if (r->error)
        return 0;
    if (r->config_size == 0)
        return HEAD_LEN - r->have;
    return r->config_size - r->have;
}

/* The head is whole: check every field, then make room for the text. */
static int check_head(struct sm_savefile_reader *r)
{
    uint32_t mandatory, optional, optional_len, config_size;

    if (memcmp(r->head, magic, sizeof(magic)))
        return fail(r, SM_PROTOCOL, "not a domain saved by xl");
    if (get_le32(r->head + AT_BYTE_ORDER) != BYTE_ORDER_MARK)
        return fail(r, SM_PROTOCOL, "wrong byte order");

    mandatory = get_le32(r->head + AT_MANDATORY);
    optional = get_le32(r->head + AT_OPTIONAL);
    optional_len = get_le32(r->head + AT_OPTIONAL_LEN);
    config_size = get_le32(r->head + AT_CONFIG_SIZE);

    if (mandatory & ~(MANDATORY_JSON | MANDATORY_STREAM_V2))
        return fail(r, SM_PROTOCOL, "unknown mandatory flags");
    if (!(mandatory & MANDATORY_JSON))
        return fail(r, SM_PROTOCOL, "the configuration is not JSON");
    if (!(mandatory & MANDATORY_STREAM_V2))
        return fail(r, SM_PROTOCOL, "the stream is not version 2");
    if (optional)
        return fail(r, SM_PROTOCOL, "unknown optional flags");
    if (config_size < 2 || config_size - 1 > SM_SAVEFILE_CONFIG_MAX)
        return fail(r, SM_PROTOCOL,
                    "the configuration is empty or too long");
    if (optional_len != config_size + 4)
        return fail(r, SM_PROTOCOL,
                    "data that is not the configuration");

    r->config = malloc(config_size);
    if (!r->config)
        return fail(r, SM_NO_MEMORY, "out of memory");
    r->config_size = config_size;
    r->have = 0;
    return 0;
}

static int check_config(struct sm_savefile_reader *r)
{
    const char *nul = memchr(r->config, '\0', r->config_size);

    if (nul != r->config + r->config_size - 1)
        return fail(r, SM_PROTOCOL,
                    "the configuration does not end with its only NUL");
    r->config_len = r->config_size - 1;
    return 0;
}

int sm_savefile_feed(struct sm_savefile_reader *r, const void *data,
                     size_t len, size_t *used)
{
    const uint8_t *from = data;
    size_t n;
    int rc;

    *used = 0;
    if (r->error)
        return r->error;

    while (len > 0 && sm_savefile_wanted(r) > 0) {
        bool in_head = r->config_size == 0;

        n = sm_savefile_wanted(r);
        if (n > len)
            n = len;
        memcpy((in_head ? r->head : (uint8_t *)r->config) + r->have,
               from, n);
        r->have += n;
        from += n;
        len -= n;
        *used += n;

        if (sm_savefile_wanted(r) > 0)
            continue;
        rc = in_head ? check_head(r) : check_config(r);
        if (rc)
            return rc;
    }
    return 0;
}

int sm_savefile_write(struct sm_wire_writer *w, const char *config,
                      size_t config_len)
{
    uint32_t config_size;

    if (config_len == 0 || config_len > SM_SAVEFILE_CONFIG_MAX ||
        memchr(config, '\0', config_len))
        return SM_PROTOCOL;
    config_size = (uint32_t)config_len + 1;

    sm_wire_put_bytes(w, magic, sizeof(magic));
    put_le32(w, BYTE_ORDER_MARK);
    put_le32(w, MANDATORY_JSON | MANDATORY_STREAM_V2);
    put_le32(w, 0);
    put_le32(w, config_size + 4);
    put_le32(w, config_size);
    sm_wire_put_bytes(w, config, config_len);
    sm_wire_put_u8(w, 0);
    return sm_wire_error(w);
}
