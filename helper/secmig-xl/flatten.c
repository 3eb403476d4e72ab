/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flatten.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#define VALUE_MAX 65535u    /* what a str can hold */

/* A map or an array that is open. */
struct level {
    size_t path_len;        /* of the path to the container itself */
    bool array;
    uint32_t members;
};

struct flatten {
    struct sm_wire_writer *w;
    uint32_t facts, elements;
    struct level level[SM_FLATTEN_DEPTH_MAX];
    unsigned int depth;
    char path[SM_FLATTEN_FIELD_MAX];
    char value[VALUE_MAX + 1];
    const char *why;        /* NULL until something is wrong */
};

/* Callbacks return 1 to go on and 0 to stop. */
static int stop(struct flatten *f, const char *why)
{
    f->why = why;
    return 0;
}

static struct level *inner(struct flatten *f)
{
    return f->depth > 0 ? &f->level[f->depth - 1] : NULL;
}

/* Cut the path back to `len` bytes and add `n` bytes. */
static int set_path(struct flatten *f, size_t len, const char *add, size_t n)
{
    if (n >= sizeof(f->path) - len)
        return stop(f, "a path is too long");
    memcpy(f->path + len, add, n);
    f->path[len + n] = '\0';
    return 1;
}

/* A value or a container begins: count it and, in an array, name it. */
static int begin_element(struct flatten *f)
{
    struct level *in = inner(f);
    char index[16];
    int n;

    if (++f->elements > SM_FLATTEN_ELEMENTS_MAX)
        return stop(f, "too many elements");
    if (!in)
        return 1;
    if (in->array) {
        n = snprintf(index, sizeof(index), "[%u]", in->members);
        if (!set_path(f, in->path_len, index, (size_t)n))
            return 0;
    }
    in->members++;
    return 1;
}

static int put_fact(struct flatten *f, const char *value)
{
    if (++f->facts > SM_FLATTEN_FACTS_MAX)
        return stop(f, "too many fields");
    if (!f->w)
        return 1;
    sm_wire_put_str(f->w, f->path);
    sm_wire_put_str(f->w, value);
    if (sm_wire_error(f->w))
        return stop(f, "the fields do not fit");
    return 1;
}

static int on_value(struct flatten *f, const char *text, size_t len)
{
    if (!inner(f))
        return stop(f, "not a map");
    if (!begin_element(f))
        return 0;
    if (len > VALUE_MAX)
        return stop(f, "a value is too long");
    if (!sm_wire_text_ok(text, len))
        return stop(f, "a value has control characters or is not UTF-8");
    memcpy(f->value, text, len);
    f->value[len] = '\0';
    return put_fact(f, f->value);
}

static int on_null(void *arg)
{
    return on_value(arg, "null", 4);
}

static int on_boolean(void *arg, int value)
{
    return value ? on_value(arg, "true", 4) : on_value(arg, "false", 5);
}

static int on_number(void *arg, const char *text, size_t len)
{
    return on_value(arg, text, len);
}

static int on_string(void *arg, const unsigned char *text, size_t len)
{
    return on_value(arg, (const char *)text, len);
}

static int begin_container(struct flatten *f, bool array)
{
    struct level *next;

    if (!inner(f) && array)
        return stop(f, "not a map");
    if (!begin_element(f))
        return 0;
    if (f->depth == SM_FLATTEN_DEPTH_MAX)
        return stop(f, "nested too deep");
    next = &f->level[f->depth++];
    next->path_len = strlen(f->path);
    next->array = array;
    next->members = 0;
    return 1;
}

static int end_container(struct flatten *f, const char *empty)
{
    struct level *done = &f->level[--f->depth];

    f->path[done->path_len] = '\0';
    if (done->members > 0 || f->depth == 0)
        return 1;
    return put_fact(f, empty);
}

static int on_map_start(void *arg)
{
    return begin_container(arg, false);
}

static int on_map_key(void *arg, const unsigned char *key, size_t len)
{
    struct flatten *f = arg;
    size_t at = inner(f)->path_len, i;

    if (len == 0)
        return stop(f, "a name is empty");
    for (i = 0; i < len; i++)
        if (key[i] >= 0x80 ||
            (!isalnum(key[i]) && !memchr("_-.", key[i], 3)))
            return stop(f, "a name has a character that none of libxl's has");
    if (at > 0) {
        if (!set_path(f, at, ".", 1))
            return 0;
        at++;
    }
    return set_path(f, at, (const char *)key, len);
}

static int on_map_end(void *arg)
{
    return end_container(arg, "{}");
}

static int on_array_start(void *arg)
{
    return begin_container(arg, true);
}

static int on_array_end(void *arg)
{
    return end_container(arg, "[]");
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_map_start,
    .yajl_map_key = on_map_key,
    .yajl_end_map = on_map_end,
    .yajl_start_array = on_array_start,
    .yajl_end_array = on_array_end,
};

int sm_flatten(const char *json, size_t len, struct sm_wire_writer *w,
               uint32_t *count_r, char *why, size_t why_size)
{
    struct flatten *f = NULL;
    yajl_handle hand = NULL;
    yajl_status status;
    int rc;

    *count_r = 0;
    if (why_size > 0)
        why[0] = '\0';

    f = calloc(1, sizeof(*f));
    if (!f) { rc = SM_NO_MEMORY; goto out; }
    f->w = w;
    hand = yajl_alloc(&callbacks, NULL, f);
    if (!hand) { rc = SM_NO_MEMORY; goto out; }

    status = yajl_parse(hand, (const unsigned char *)json, len);
    if (status == yajl_status_ok)
        status = yajl_complete_parse(hand);
    if (status != yajl_status_ok) {
        snprintf(why, why_size, "%s%s%s",
                 f->why ? f->why : "not JSON",
                 f->path[0] ? " at " : "", f->path);
        rc = w && sm_wire_error(w) == SM_NO_MEMORY ? SM_NO_MEMORY
                                                   : SM_PROTOCOL;
        goto out;
    }
    *count_r = f->facts;
    rc = 0;

out:
    if (hand)
        yajl_free(hand);
    free(f);
    return rc;
}
