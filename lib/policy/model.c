/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/model.h"

#include <stdlib.h>
#include <string.h>

/* ---- the pool ---- */

#define CHUNK_SIZE 16384

struct sm_policy_chunk {
    struct sm_policy_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char data[];
};

void *sm_policy_pool_new(struct sm_policy *p, size_t n, size_t size)
{
    struct sm_policy_chunk *c = p->pool;
    size_t want, room;

    if (!n)
        n = 1;
    if (size > (SIZE_MAX / 2) / n)
        return NULL;
    want = (n * size + _Alignof(max_align_t) - 1) &
           ~(_Alignof(max_align_t) - 1);
    if (!c || c->size - c->used < want) {
        room = want > CHUNK_SIZE ? want : CHUNK_SIZE;
        c = calloc(1, sizeof(*c) + room);
        if (!c)
            return NULL;
        c->size = room;
        c->next = p->pool;
        p->pool = c;
    }
    c->used += want;
    return c->data + c->used - want;
}

void sm_policy_free(struct sm_policy *policy)
{
    struct sm_policy_chunk *c, *next;

    if (!policy)
        return;
    for (c = policy->pool; c; c = next) {
        next = c->next;
        free(c);
    }
    free(policy);
}

/* ---- words ---- */

unsigned int sm_policy_word(enum sm_policy_words set, const char *word,
                            size_t n)
{
    static const char *const words[][6] = {
        [SM_POLICY_ACTIONS] = { "migrate-out", "migrate-in" },
        [SM_POLICY_TYPES] = { "pv", "pvh", "hvm" },
        [SM_POLICY_FORMATS] = { "raw", "qcow", "qcow2", "vhd", "qed" },
        [SM_POLICY_BACKENDS] = { "phy", "qdisk", "tap", "standalone" },
    };
    unsigned int i;

    for (i = 0; i < 6 && words[set][i]; i++)
        if (strlen(words[set][i]) == n && !memcmp(words[set][i], word, n))
            return 1u << i;
    return 0;
}

/* ---- the accessors of document.h ---- */

int64_t sm_policy_start(const struct sm_policy *policy)
{
    return policy->start;
}

int64_t sm_policy_expiry(const struct sm_policy *policy)
{
    return policy->expiry;
}

uint64_t sm_policy_version(const struct sm_policy *policy)
{
    return policy->version;
}

const char *sm_policy_site(const struct sm_policy *policy)
{
    return policy->site;
}

size_t sm_policy_rule_count(const struct sm_policy *policy)
{
    return policy->n_rules;
}

size_t sm_policy_host_count(const struct sm_policy *policy)
{
    return policy->n_hosts;
}

const struct sm_policy_host *sm_policy_find_host(const struct sm_policy *p,
                                                 const char *id)
{
    size_t i;

    for (i = 0; i < p->n_hosts; i++)
        if (!strcmp(p->hosts[i].id, id))
            return &p->hosts[i];
    return NULL;
}
