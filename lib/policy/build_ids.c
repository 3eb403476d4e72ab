/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * References by id.  Tables are sorted rather than hashed: nobody who writes
 * a document can choose ids that make them slow.
 */
#include "policy/build.h"

#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
    [SM_BUILD_ROLE] = "role",
    [SM_BUILD_OPERATOR] = "operator",
    [SM_BUILD_OWNER] = "owner",
    [SM_BUILD_AUTHORITY] = "authority",
    [SM_BUILD_GROUP] = "group",
    [SM_BUILD_WINDOW] = "window",
    [SM_BUILD_PLATFORM] = "platform",
};

int sm_build_table_new(struct sm_build_table *t, size_t n, size_t key_len)
{
    memset(t, 0, sizeof(*t));
    t->key_len = key_len;
    t->entries = calloc(n ? n : 1, sizeof(*t->entries));
    return t->entries ? 0 : SM_NO_MEMORY;
}

void sm_build_table_free(struct sm_build_table *t)
{
    free(t->entries);
    memset(t, 0, sizeof(*t));
}

void sm_build_table_add(struct sm_build_table *t, const void *key,
                        size_t index, unsigned int line)
{
    t->entries[t->n].key = key;
    t->entries[t->n].index = index;
    t->entries[t->n].line = line;
    t->n++;
}

static int compare(const void *a, const void *b, void *arg)
{
    const struct sm_build_entry *x = a, *y = b;
    size_t key_len = *(const size_t *)arg;
    int r;

    r = key_len ? memcmp(x->key, y->key, key_len) : strcmp(x->key, y->key);
    if (r)
        return r;
    return x->index < y->index ? -1 : x->index > y->index;
}

static bool same(const struct sm_build_table *t, size_t i)
{
    const struct sm_build_entry *x = &t->entries[i - 1], *y = &t->entries[i];

    return t->key_len ? !memcmp(x->key, y->key, t->key_len)
                      : !strcmp(x->key, y->key);
}

int sm_build_table_sort(struct sm_node_context *b, struct sm_build_table *t,
                        const char *what)
{
    size_t i, first = 0;

    qsort_r(t->entries, t->n, sizeof(*t->entries), compare, &t->key_len);
    /* The one to report is the nearest to the document's start. */
    for (i = 1; i < t->n; i++)
        if (same(t, i) &&
            (!first || t->entries[i].line < t->entries[first].line))
            first = i;
    if (!first)
        return 0;
    return sm_node_fail_at(b, t->entries[first].line,
                           "%s%s%.64s%s: used already in line %u", what,
                           t->key_len ? "" : "=\"",
                           t->key_len ? "" : (const char *)
                                             t->entries[first].key,
                           t->key_len ? "" : "\"",
                           t->entries[first - 1].line);
}

bool sm_build_find(const struct sm_build_table *t, const char *word, size_t n,
                   size_t *index)
{
    size_t low = 0, high = t->n, mid;
    const char *key;
    int r;

    while (low < high) {
        mid = low + (high - low) / 2;
        key = t->entries[mid].key;
        r = strncmp(word, key, n);
        if (!r && key[n])
            r = -1;
        if (!r) {
            *index = t->entries[mid].index;
            return true;
        }
        if (r < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

static int unknown(struct sm_node_context *b, xmlNode *e, const char *name,
                   enum sm_build_kind kind, const char *word, size_t n)
{
    return sm_node_fail(b, e, "<%.64s> %s=\"%.*s\": there is no such %s",
                        (const char *)e->name, name,
                        (int)(n < 64 ? n : 64), word, kind_names[kind]);
}

int sm_build_one(struct sm_node_context *b, xmlNode *e, const char *name,
                 enum sm_build_kind kind, const char *id, size_t *index)
{
    size_t n = strlen(id);

    return sm_build_find(&b->ids->tables[kind], id, n, index)
               ? 0 : unknown(b, e, name, kind, id, n);
}

int sm_build_list(struct sm_node_context *b, xmlNode *e, const char *name,
                  enum sm_build_kind kind, size_t **out, size_t *n)
{
    const char *value, *p, *word;
    size_t len, total, i, index = 0;
    int rc;

    *out = NULL;
    *n = 0;
    rc = sm_node_attr(b, e, name, &value);
    if (rc || !value)
        return rc;
    total = sm_node_count_words(value);
    if (!total)
        return sm_node_bad(b, e, name, value, "empty list");
    *out = sm_policy_pool_new(b->policy, total, sizeof(**out));
    if (!*out)
        return SM_NO_MEMORY;
    for (p = value; sm_node_next_word(&p, &word, &len);) {
        if (!sm_build_find(&b->ids->tables[kind], word, len, &index))
            return unknown(b, e, name, kind, word, len);
        for (i = 0; i < *n; i++)
            if ((*out)[i] == index)
                return sm_node_fail(b, e, "<%.64s> %s: \"%.*s\" twice",
                                    (const char *)e->name, name, (int)len,
                                    word);
        (*out)[(*n)++] = index;
    }
    return 0;
}

int sm_build_set(struct sm_node_context *b, xmlNode *e, const char *name,
                 enum sm_build_kind kind, size_t universe, sm_policy_set *out)
{
    size_t *list, n, i;
    int rc;

    *out = NULL;
    rc = sm_build_list(b, e, name, kind, &list, &n);
    if (rc || !list)
        return rc;
    *out = sm_policy_pool_new(b->policy, sm_policy_set_words(universe),
                              sizeof(**out));
    if (!*out)
        return SM_NO_MEMORY;
    for (i = 0; i < n; i++)
        sm_policy_set_add(*out, list[i]);
    return 0;
}
