/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the vector programs share: a JSON file as yajl's tree, its members,
 * hexadecimal, and a tally of reasons.  Static functions, so that each
 * program stays one source file.
 */
#ifndef SM_TESTS_VECTORS_H
#define SM_TESTS_VECTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_tree.h>

#define UNUSED __attribute__((unused))

struct bytes {
    uint8_t *data;      /* malloc'd, never NULL once read */
    size_t len;
};

static UNUSED void bytes_free(struct bytes *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}

/* The file as a tree, or exit: a vector file that cannot be read is never
 * a test that passed. */
static UNUSED yajl_val load(const char *path)
{
    char why[256] = "", *text = NULL;
    yajl_val root = NULL;
    FILE *f = NULL;
    long size;

    f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 ||
        fseek(f, 0, SEEK_SET)) {
        perror(path);
        exit(2);
    }
    text = malloc((size_t)size + 1);
    if (!text || fread(text, 1, (size_t)size, f) != (size_t)size) {
        fprintf(stderr, "%s: cannot be read whole\n", path);
        exit(2);
    }
    text[size] = '\0';
    root = yajl_tree_parse(text, why, sizeof(why));
    if (!root) {
        fprintf(stderr, "%s: not JSON: %s\n", path, why);
        exit(2);
    }
    free(text);
    fclose(f);
    return root;
}

/* A member of an object, or NULL. */
static UNUSED yajl_val member(yajl_val object, const char *name)
{
    const char *path[] = { name, NULL };

    return YAJL_IS_OBJECT(object) ? yajl_tree_get(object, path, yajl_t_any)
                                  : NULL;
}

static UNUSED const char *text_of(yajl_val v)
{
    return v && YAJL_IS_STRING(v) ? YAJL_GET_STRING(v) : NULL;
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

/* A string of hexadecimal; false when it is none. */
static UNUSED bool hex_of(yajl_val v, struct bytes *out)
{
    const char *s = text_of(v);
    size_t i, n;
    int a, b;

    memset(out, 0, sizeof(*out));
    if (!s || strlen(s) % 2)
        return false;
    n = strlen(s) / 2;
    out->data = malloc(n + 1);
    if (!out->data)
        abort();
    for (i = 0; i < n; i++) {
        a = digit(s[2 * i]);
        b = digit(s[2 * i + 1]);
        if (a < 0 || b < 0) {
            bytes_free(out);
            return false;
        }
        out->data[i] = (uint8_t)(a * 16 + b);
    }
    out->len = n;
    return true;
}

/* How often each reason came. */
struct tally {
    struct {
        const char *reason;
        unsigned int n;
    } rows[32];
    unsigned int total;
};

static UNUSED void tally_add(struct tally *t, const char *reason)
{
    size_t i;

    for (i = 0; i + 1 < sizeof(t->rows) / sizeof(t->rows[0]); i++)
        if (!t->rows[i].reason || !strcmp(t->rows[i].reason, reason))
            break;
    t->rows[i].reason = reason;
    t->rows[i].n++;
    t->total++;
}

static UNUSED void tally_print(const struct tally *t, const char *what)
{
    size_t i;

    for (i = 0; i < sizeof(t->rows) / sizeof(t->rows[0]); i++)
        if (t->rows[i].reason)
            printf("  %s %u: %s\n", what, t->rows[i].n, t->rows[i].reason);
}

#endif
