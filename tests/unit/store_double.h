/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store that keeps one object in memory, for tests of what is stored. */
#ifndef TESTS_STORE_DOUBLE_H
#define TESTS_STORE_DOUBLE_H

#include <stdlib.h>
#include <string.h>

#include "../../helper/secmigd/state/store.h"

static struct {
    char kind[16];
    uint8_t data[STORE_MAX];
    size_t len;
    int puts;           /* how often one was written */
    int fail;           /* what store_put() and store_get() return */
} stored;

int store_put(const char *kind, const char *name, const void *data,
              size_t len, char *why)
{
    ck_assert_ptr_null(name);
    ck_assert_uint_le(len, STORE_MAX);
    why[0] = '\0';
    stored.puts++;
    if (stored.fail)
        return stored.fail;
    ck_assert_uint_lt(strlen(kind), sizeof(stored.kind));
    strcpy(stored.kind, kind);
    memcpy(stored.data, data, len);
    stored.len = len;
    return 0;
}

int store_get(const char *kind, const char *name, uint8_t **data,
              size_t *len, char *why)
{
    ck_assert_ptr_null(name);
    *data = NULL;
    why[0] = '\0';
    if (stored.fail)
        return stored.fail;
    if (strcmp(kind, stored.kind))
        return SM_NO_DOMAIN;
    *data = malloc(stored.len + 1);
    ck_assert_ptr_nonnull(*data);
    memcpy(*data, stored.data, stored.len);
    *len = stored.len;
    return 0;
}

#endif
