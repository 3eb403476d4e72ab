/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/index.h"

#include <stdlib.h>
#include <string.h>

/* A rule with more values than this for one kind of condition is not found
 * by that kind. */
#define VALUES_MAX 32

/* What a hash is of. */
enum kind {
    UUID, NAME, PREFIX, GROUP, OWNER, SOURCE, DESTINATION, ACCOUNT, OPERATOR,
    OWNER_KEY,
};

struct entry {
    uint64_t hash;
    uint32_t a, b;      /* group and vm; or rule and sort; or who */
};

/* Entries with the same low bits of the hash are neighbours: bucket i is
 * from start[i] to start[i + 1]. */
struct table {
    uint32_t *start;
    struct entry *entries;
    uint64_t mask;
    uint64_t lengths[4 + 1];    /* set: lengths of the prefixes in it */
};

#define SORTS 3     /* of conditions by which a rule can be found */
#define ACTIONS 6

struct sm_policy_index {
    struct table vms, rules, people;
    uint64_t *of_action[ACTIONS];   /* sets of rules */
    uint64_t *always;               /* rules not in `rules` */
};

/* FNV-1a, then mixed (the finalizer of MurmurHash3) because the low bits
 * choose the bucket.  Two keys with one hash cost time, never an answer. */
static uint64_t hash(enum kind kind, const void *data, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ kind;
    const uint8_t *p = data;

    for (; n; n--)
        h = (h ^ *p++) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static uint64_t hash_text(enum kind kind, const char *s)
{
    return hash(kind, s, strlen(s));
}

static uint64_t hash_index(enum kind kind, size_t i)
{
    uint32_t v = (uint32_t)i;

    return hash(kind, &v, sizeof(v));
}

/* ---- building ---- */

struct list {
    struct entry *entries;
    size_t n, size;
    uint64_t lengths[4 + 1];
    bool failed;
};

static void add(struct list *l, uint64_t h, size_t a, size_t b)
{
    struct entry *more;
    size_t size;

    if (l->n == l->size) {
        size = l->size ? l->size * 2 : 256;
        more = realloc(l->entries, size * sizeof(*more));
        if (!more) {
            l->failed = true;
            return;
        }
        l->entries = more;
        l->size = size;
    }
    l->entries[l->n].hash = h;
    l->entries[l->n].a = (uint32_t)a;
    l->entries[l->n++].b = (uint32_t)b;
}

/* A pattern by its fixed start; one longer than a name matches nothing, but
 * is found under the longest length there is. */
static void add_prefix(struct list *l, const char *pattern, size_t a,
                       size_t b)
{
    size_t n = pattern ? strcspn(pattern, "*?") : 0;

    if (n > SM_POLICY_NAME_MAX)
        n = SM_POLICY_NAME_MAX;
    sm_policy_set_add(l->lengths, n);
    add(l, hash(PREFIX, pattern ? pattern : "", n), a, b);
}

/* By uuid, else by whole name; false when there is neither. */
static bool add_exact(struct list *l, const struct sm_policy_vm *vm,
                      size_t a, size_t b)
{
    if (vm->has_uuid)
        add(l, hash(UUID, vm->uuid, 16), a, b);
    else if (vm->name && !strpbrk(vm->name, "*?"))
        add(l, hash_text(NAME, vm->name), a, b);
    else
        return false;
    return true;
}

/* Put a list into a table of the pool. */
static int make_table(struct sm_policy *p, const struct list *l,
                      struct table *t)
{
    size_t buckets = 1, i, at;
    uint32_t *fill;

    if (l->failed)
        return SM_NO_MEMORY;
    while (buckets < l->n)
        buckets *= 2;
    t->mask = buckets - 1;
    t->start = sm_policy_pool_new(p, buckets + 2, sizeof(*t->start));
    t->entries = sm_policy_pool_new(p, l->n, sizeof(*t->entries));
    if (!t->start || !t->entries)
        return SM_NO_MEMORY;
    /* Counting sort: first how many, two places up, so that filling in
     * moves each start to its place. */
    fill = t->start + 1;
    for (i = 0; i < l->n; i++)
        t->start[(l->entries[i].hash & t->mask) + 2]++;
    for (i = 2; i < buckets + 2; i++)
        t->start[i] += t->start[i - 1];
    for (i = 0; i < l->n; i++) {
        at = fill[l->entries[i].hash & t->mask]++;
        t->entries[at] = l->entries[i];
    }
    memcpy(t->lengths, l->lengths, sizeof(t->lengths));
    return 0;
}

static int index_vms(struct sm_policy *p, struct sm_policy_index *x)
{
    struct list l = { .n = 0 };
    size_t g, i;
    int rc;

    for (g = 0; g < p->n_groups; g++)
        for (i = 0; i < p->groups[g].n_vms; i++)
            if (!add_exact(&l, &p->groups[g].vms[i], g, i))
                add_prefix(&l, p->groups[g].vms[i].name, g, i);
    rc = make_table(p, &l, &x->vms);
    free(l.entries);
    return rc;
}

static int index_people(struct sm_policy *p, struct sm_policy_index *x)
{
    struct list l = { .n = 0 };
    size_t i;
    int rc;

    for (i = 0; i < p->n_operators; i++) {
        if (p->operators[i].account)
            add(&l, hash_text(ACCOUNT, p->operators[i].account), i, ACCOUNT);
        if (p->operators[i].has_key)
            add(&l, hash(OPERATOR, p->operators[i].key,
                         SM_POLICY_SIGNER_LEN), i, OPERATOR);
    }
    for (i = 0; i < p->n_owners; i++)
        add(&l, hash(OWNER_KEY, p->owners[i].key, SM_POLICY_SIGNER_LEN), i,
            OWNER_KEY);
    rc = make_table(p, &l, &x->people);
    free(l.entries);
    return rc;
}

/* ---- rules ---- */

/* Under each group of a set; false when there are too many. */
static bool add_groups(struct list *l, const struct sm_policy *p,
                       const uint64_t *set, size_t rule)
{
    size_t i, n = 0;

    for (i = 0; i < p->n_groups; i++)
        if (sm_policy_set_has(set, i)) {
            if (++n > VALUES_MAX)
                return false;
            add(l, hash_index(GROUP, i), rule, 0);
        }
    return true;
}

static bool add_vms(struct list *l, const struct sm_policy *p, size_t rule)
{
    const struct sm_policy_rule *r = &p->rules[rule];
    const struct sm_policy_vm *vm;
    size_t i, k;

    if (!r->n_vms || r->n_vms > VALUES_MAX)
        return false;
    for (i = 0; i < r->n_vms; i++) {
        vm = &r->vms[i];
        if (add_exact(l, vm, rule, 0))
            continue;
        if (vm->groups) {
            if (!add_groups(l, p, vm->groups, rule))
                return false;
        } else if (vm->n_owners) {
            if (vm->n_owners > VALUES_MAX)
                return false;
            for (k = 0; k < vm->n_owners; k++)
                add(l, hash_index(OWNER, (size_t)(vm->owners[k] - p->owners)),
                    rule, 0);
        } else {
            add_prefix(l, vm->name, rule, 0);
        }
    }
    return true;
}

static bool add_hosts(struct list *l, const struct sm_policy_where *w,
                      size_t n, enum kind kind, size_t rule, size_t sort)
{
    size_t i, k;

    if (!n || n > VALUES_MAX)
        return false;
    for (i = 0; i < n; i++) {
        if (!w[i].hosts.n || w[i].hosts.negated ||
            w[i].hosts.n > VALUES_MAX)
            return false;
        for (k = 0; k < w[i].hosts.n; k++)
            add(l, hash_text(kind, w[i].hosts.words[k]), rule, sort);
    }
    return true;
}

static int by_hash(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* How crowded the fullest value of each rule's conditions is. */
static void count_sharing(struct list *l, uint32_t (*crowd)[SORTS])
{
    size_t i, k, end;
    uint32_t *c;

    if (l->n)
        qsort(l->entries, l->n, sizeof(*l->entries), by_hash);
    for (i = 0; i < l->n; i = end) {
        for (end = i; end < l->n && l->entries[end].hash ==
                                    l->entries[i].hash; end++)
            ;
        for (k = i; k < end; k++) {
            c = &crowd[l->entries[k].a][l->entries[k].b];
            if (*c < end - i)
                *c = (uint32_t)(end - i);
        }
    }
}

/* The sort by which rule is found, or SORTS. */
static size_t best_sort(const uint32_t crowd[SORTS])
{
    size_t best = SORTS, s;

    for (s = 0; s < SORTS; s++)
        if (crowd[s] && crowd[s] != UINT32_MAX &&
            (best == SORTS || crowd[s] < crowd[best]))
            best = s;
    return best;
}

static void collect(const struct sm_policy *p, struct list *l,
                    uint32_t (*crowd)[SORTS])
{
    const struct sm_policy_rule *r;
    size_t i;

    /* A sort that was given up has entries left; UINT32_MAX marks it. */
    for (i = 0; i < p->n_rules; i++) {
        r = &p->rules[i];
        if (!add_vms(l, p, i))
            crowd[i][0] = UINT32_MAX;
        if (!add_hosts(l, r->sources, r->n_sources, SOURCE, i, 1))
            crowd[i][1] = UINT32_MAX;
        if (!add_hosts(l, r->destinations, r->n_destinations, DESTINATION, i,
                       2))
            crowd[i][2] = UINT32_MAX;
    }
}

static int index_rules(struct sm_policy *p, struct sm_policy_index *x)
{
    uint32_t (*crowd)[SORTS] = calloc(p->n_rules + 1, sizeof(*crowd));
    size_t words = sm_policy_set_words(p->n_rules), i, a, kept = 0;
    struct list l = { .n = 0 };
    int rc = SM_NO_MEMORY;

    if (!crowd)
        goto out;
    x->always = sm_policy_pool_new(p, words, sizeof(uint64_t));
    for (a = 0; a < ACTIONS; a++)
        x->of_action[a] = sm_policy_pool_new(p, words, sizeof(uint64_t));
    for (a = 0; a < ACTIONS; a++)
        if (!x->of_action[a] || !x->always)
            goto out;
    collect(p, &l, crowd);
    if (l.failed)
        goto out;
    count_sharing(&l, crowd);
    for (i = 0; i < p->n_rules; i++) {
        for (a = 0; a < ACTIONS; a++)
            if (p->rules[i].actions & 1u << a)
                sm_policy_set_add(x->of_action[a], i);
        if (best_sort(crowd[i]) == SORTS)
            sm_policy_set_add(x->always, i);
    }
    for (i = 0; i < l.n; i++)
        if (best_sort(crowd[l.entries[i].a]) == l.entries[i].b)
            l.entries[kept++] = l.entries[i];
    l.n = kept;
    rc = make_table(p, &l, &x->rules);
out:
    free(l.entries);
    free(crowd);
    return rc;
}

int sm_policy_index_build(struct sm_policy *p)
{
    struct sm_policy_index *x = sm_policy_pool_new(p, 1, sizeof(*x));
    int rc;

    p->index = NULL;
    if (!x)
        return SM_NO_MEMORY;
    rc = index_vms(p, x);
    if (!rc)
        rc = index_people(p, x);
    if (!rc)
        rc = index_rules(p, x);
    if (!rc)
        p->index = x;
    return rc;
}

/* ---- asking ---- */

/* The entries of a hash, one after the other; NULL at the end.  `at` starts
 * as SIZE_MAX. */
static const struct entry *next(const struct table *t, uint64_t h,
                                size_t *at)
{
    size_t end = t->start[(h & t->mask) + 1];

    *at = *at == SIZE_MAX ? t->start[h & t->mask] : *at + 1;
    for (; *at < end; ++*at)
        if (t->entries[*at].hash == h)
            return &t->entries[*at];
    return NULL;
}

/* The hashes under which a guest of this name and uuid may be found: all
 * prefixes of its name that the table has.  Returns how many. */
static size_t guest_hashes(const struct table *t,
                           const struct sm_policy_request *r, uint64_t *out)
{
    size_t len = strlen(r->vm_name), n = 0, i;

    out[n++] = hash(UUID, r->vm_uuid, 16);
    out[n++] = hash(NAME, r->vm_name, len);
    for (i = 0; i <= len && i <= SM_POLICY_NAME_MAX; i++)
        if (sm_policy_set_has(t->lengths, i))
            out[n++] = hash(PREFIX, r->vm_name, i);
    return n;
}

#define HASHES_MAX (SM_POLICY_NAME_MAX + 3)

void sm_policy_index_guest(const struct sm_policy *p,
                           const struct sm_policy_request *r,
                           sm_policy_index_vm_fn *fn, void *ctx)
{
    uint64_t hashes[HASHES_MAX];
    const struct entry *e;
    size_t n, i, k, at;

    if (!p->index || !r->vm_name || !r->vm_uuid) {
        for (i = 0; i < p->n_groups; i++)
            for (k = 0; k < p->groups[i].n_vms; k++)
                fn(ctx, i, &p->groups[i].vms[k]);
        return;
    }
    n = guest_hashes(&p->index->vms, r, hashes);
    for (i = 0; i < n; i++) {
        at = SIZE_MAX;
        while ((e = next(&p->index->vms, hashes[i], &at)))
            fn(ctx, e->a, &p->groups[e->a].vms[e->b]);
    }
}

static void add_rules(const struct table *t, uint64_t h, uint64_t *rules)
{
    const struct entry *e;
    size_t at = SIZE_MAX;

    while ((e = next(t, h, &at)))
        sm_policy_set_add(rules, e->a);
}

static void add_rules_of_set(const struct table *t, enum kind kind,
                             const uint64_t *set, size_t n, uint64_t *rules)
{
    size_t i, words = sm_policy_set_words(n);
    uint64_t left;

    for (i = 0; i < words; i++)
        for (left = set[i]; left; left &= left - 1)
            add_rules(t, hash_index(kind, i * 64 +
                                    (size_t)__builtin_ctzll(left)), rules);
}

void sm_policy_index_rules(const struct sm_policy *p,
                           const struct sm_policy_request *r,
                           const uint64_t *groups, const uint64_t *owners,
                           uint64_t *rules)
{
    size_t words = sm_policy_set_words(p->n_rules), n, i;
    const struct sm_policy_index *x = p->index;
    uint64_t hashes[HASHES_MAX];

    memset(rules, 0, words * sizeof(*rules));
    if (!x) {
        for (i = 0; i < p->n_rules; i++)
            if (p->rules[i].actions & 1u << (r->action - 1))
                sm_policy_set_add(rules, i);
        return;
    }
    if (!r->vm_name || !r->vm_uuid || !r->source.name ||
        !r->destination.name) {
        memcpy(rules, x->of_action[r->action - 1], words * sizeof(*rules));
        return;
    }
    memcpy(rules, x->always, words * sizeof(*rules));
    n = guest_hashes(&x->rules, r, hashes);
    for (i = 0; i < n; i++)
        add_rules(&x->rules, hashes[i], rules);
    add_rules_of_set(&x->rules, GROUP, groups, p->n_groups, rules);
    add_rules_of_set(&x->rules, OWNER, owners, p->n_owners, rules);
    add_rules(&x->rules, hash_text(SOURCE, r->source.name), rules);
    add_rules(&x->rules, hash_text(DESTINATION, r->destination.name), rules);
    for (i = 0; i < words; i++)
        rules[i] &= x->of_action[r->action - 1][i];
}

const struct sm_policy_operator *
sm_policy_index_account(const struct sm_policy *p, const char *account)
{
    size_t at = SIZE_MAX, i;
    const struct entry *e;
    uint64_t h;

    if (!p->index) {
        for (i = 0; i < p->n_operators; i++)
            if (p->operators[i].account &&
                !strcmp(p->operators[i].account, account))
                return &p->operators[i];
        return NULL;
    }
    h = hash_text(ACCOUNT, account);
    while ((e = next(&p->index->people, h, &at)))
        if (e->b == ACCOUNT && !strcmp(p->operators[e->a].account, account))
            return &p->operators[e->a];
    return NULL;
}

const struct sm_policy_operator *
sm_policy_index_operator(const struct sm_policy *p, const uint8_t *key)
{
    size_t at = SIZE_MAX, i;
    const struct entry *e;
    uint64_t h;

    if (!p->index) {
        for (i = 0; i < p->n_operators; i++)
            if (p->operators[i].has_key &&
                !memcmp(p->operators[i].key, key, SM_POLICY_SIGNER_LEN))
                return &p->operators[i];
        return NULL;
    }
    h = hash(OPERATOR, key, SM_POLICY_SIGNER_LEN);
    while ((e = next(&p->index->people, h, &at)))
        if (e->b == OPERATOR &&
            !memcmp(p->operators[e->a].key, key, SM_POLICY_SIGNER_LEN))
            return &p->operators[e->a];
    return NULL;
}

const struct sm_policy_owner *
sm_policy_index_owner(const struct sm_policy *p, const uint8_t *key)
{
    size_t at = SIZE_MAX, i;
    const struct entry *e;
    uint64_t h;

    if (!p->index) {
        for (i = 0; i < p->n_owners; i++)
            if (!memcmp(p->owners[i].key, key, SM_POLICY_SIGNER_LEN))
                return &p->owners[i];
        return NULL;
    }
    h = hash(OWNER_KEY, key, SM_POLICY_SIGNER_LEN);
    while ((e = next(&p->index->people, h, &at)))
        if (e->b == OWNER_KEY &&
            !memcmp(p->owners[e->a].key, key, SM_POLICY_SIGNER_LEN))
            return &p->owners[e->a];
    return NULL;
}
