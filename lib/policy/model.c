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

unsigned int sm_policy_word(enum sm_policy_vocabulary set, const char *word,
                            size_t n)
{
    static const char *const words[][7] = {
        [SM_POLICY_ACTIONS] = { "migrate-out", "migrate-in", "abort",
                                "force-handover", "policy-admin",
                                "audit-read" },
        [SM_POLICY_TYPES] = { "pv", "pvh", "hvm" },
        [SM_POLICY_FORMATS] = { "raw", "qcow", "qcow2", "vhd", "qed" },
        [SM_POLICY_BACKENDS] = { "phy", "qdisk", "tap", "standalone" },
        [SM_POLICY_ATTRIBUTES] = { "location", "jurisdiction", "platform",
                                   "attestation" },
        [SM_POLICY_DAYS] = { "mon", "tue", "wed", "thu", "fri", "sat",
                             "sun" },
    };
    unsigned int i;

    for (i = 0; i < 7 && words[set][i]; i++)
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

size_t sm_policy_owner_count(const struct sm_policy *policy)
{
    return policy->n_owners;
}

const char *sm_policy_owner_id(const struct sm_policy *policy, size_t i)
{
    return policy->owners[i].id;
}

const uint8_t *sm_policy_owner_key(const struct sm_policy *policy, size_t i)
{
    return policy->owners[i].key;
}

size_t sm_policy_authority_count(const struct sm_policy *policy)
{
    return policy->n_authorities;
}

const uint8_t *sm_policy_authority_key(const struct sm_policy *policy,
                                       size_t i)
{
    return policy->authorities[i].key;
}

size_t sm_policy_operator_count(const struct sm_policy *policy)
{
    return policy->n_operators;
}

const char *sm_policy_operator_id(const struct sm_policy *policy, size_t i)
{
    return policy->operators[i].id;
}

const uint8_t *sm_policy_operator_key(const struct sm_policy *policy,
                                      size_t i)
{
    return policy->operators[i].has_key ? policy->operators[i].key : NULL;
}

const uint8_t *sm_policy_vm(const struct sm_policy *policy)
{
    return policy->has_vm ? policy->vm : NULL;
}

const struct sm_policy_host *sm_policy_find_host(const struct sm_policy *p,
                                                 const char *id)
{
    size_t low = 0, high = p->n_hosts, mid;
    int r;

    while (low < high) {
        mid = low + (high - low) / 2;
        r = strcmp(id, p->hosts[mid].id);
        if (!r)
            return &p->hosts[mid];
        if (r < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}
