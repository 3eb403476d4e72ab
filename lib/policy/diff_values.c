/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/diff_values.h"

#include <stdlib.h>
#include <string.h>

#include "channel/suite.h"
#include "policy/diff_example.h"
#include "policy/zone.h"

/* Values of one part without a tag, and examples for one reference. */
#define PART_MAX 4096
#define EXAMPLES 3

struct collector {
    struct sm_diff_values *v;
    const struct sm_policy *p;
    size_t doc;             /* which of the two it is */
    uint32_t tag;
    int64_t now;
};

/* A new zeroed value, or NULL. */
static struct sm_diff_value *new_value(struct collector *c,
                                       enum sm_diff_part part)
{
    struct sm_diff_value *more;
    size_t size;

    if (!c->tag && c->v->parts[part].n >= PART_MAX)
        return NULL;
    if (c->v->parts[part].n == c->v->parts[part].size) {
        size = c->v->parts[part].size ? c->v->parts[part].size * 2 : 64;
        more = realloc(c->v->parts[part].list, size * sizeof(*more));
        if (!more) {
            c->v->failed = true;
            return NULL;
        }
        c->v->parts[part].list = more;
        c->v->parts[part].size = size;
    }
    more = &c->v->parts[part].list[c->v->parts[part].n++];
    memset(more, 0, sizeof(*more));
    more->tag = c->tag;
    return more;
}

/* ---- guests ---- */

/* With example `name` and `label` of its patterns; false: there is none. */
static bool add_guest(struct collector *c, const struct sm_policy_vm *vm,
                      uint64_t memory_kb, const uint8_t *owner, size_t name,
                      size_t label)
{
    static const uint8_t stranger[16] = { 0x5e, 0xcc };
    struct sm_diff_value v = { .tag = c->tag }, *value;

    if (!sm_diff_example(vm && vm->name ? vm->name : "somebody-s", name,
                         v.u.guest.name, sizeof(v.u.guest.name)) ||
        !sm_diff_example(vm ? vm->label : NULL, label, v.u.guest.label,
                         sizeof(v.u.guest.label)))
        return false;
    memcpy(v.u.guest.uuid, c->p->has_vm ? c->p->vm :
           vm && vm->has_uuid ? vm->uuid : stranger, 16);
    v.u.guest.memory_kb = memory_kb;
    v.u.guest.owner = owner;
    value = v.u.guest.name[0] ? new_value(c, SM_DIFF_GUEST) : NULL;
    if (value)
        *value = v;
    return true;
}

/* Within its limits on memory, and just outside. */
static void add_vm(struct collector *c, const struct sm_policy_vm *vm,
                   const uint8_t *owner)
{
    uint64_t usual = 4 << 20, low = vm->memory_min, high = vm->memory_max;
    size_t name, label;

    usual = usual < low ? low : usual > high ? high : usual;
    for (name = 0; add_guest(c, vm, usual, owner, name, 0); name++)
        for (label = 1; add_guest(c, vm, usual, owner, name, label); label++)
            ;
    if (low > 1)
        add_guest(c, vm, low - 1, owner, 0, 0);
    if (high < UINT64_MAX)
        add_guest(c, vm, high + 1, owner, 0, 0);
}

static void add_group(struct collector *c, const struct sm_policy_group *g,
                      size_t most)
{
    size_t i;

    for (i = 0; i < g->n_vms && i < most; i++)
        add_vm(c, &g->vms[i], g->owner ? g->owner->key : NULL);
}

static void add_rule_vm(struct collector *c, const struct sm_policy_vm *vm)
{
    const struct sm_policy *p = c->p;
    struct sm_policy_vm both;
    size_t i, k;

    for (i = 0; vm->groups && i < p->n_groups; i++)
        if (sm_policy_set_has(vm->groups, i)) {
            /* A guest of the group, with what the rule adds. */
            for (k = 0; k < p->groups[i].n_vms && k < EXAMPLES; k++) {
                both = p->groups[i].vms[k];
                both.memory_min = vm->memory_min;
                both.memory_max = vm->memory_max;
                add_vm(c, &both, p->groups[i].owner ?
                       p->groups[i].owner->key : NULL);
            }
        }
    for (i = 0; i < vm->n_owners && i < EXAMPLES; i++) {
        add_vm(c, vm, vm->owners[i]->key);
        for (k = 0; k < p->n_groups; k++)
            if (p->groups[k].owner == vm->owners[i]) {
                add_group(c, &p->groups[k], 1);
                break;
            }
    }
    if (!vm->groups && !vm->n_owners)
        add_vm(c, vm, NULL);
}

/* ---- hosts ---- */

static struct sm_diff_value *add_end(struct collector *c,
                                     enum sm_diff_part part,
                                     const char *name, const uint8_t *key)
{
    struct sm_diff_value *value = new_value(c, part);

    if (value) {
        value->u.end.name = name;
        value->u.end.key = key;
    }
    return value;
}

static void add_host(struct collector *c, enum sm_diff_part part,
                     const char *name)
{
    const struct sm_policy_host *host = sm_policy_find_host(c->p, name);

    add_end(c, part, name, host && host->has_key ? host->key : NULL);
}

static const char *word(const struct sm_policy_words *w, const char *other)
{
    return w->n && !w->negated ? w->words[0] : w->n ? other : NULL;
}

/* A host with a certificate that says what the condition wants. */
static void add_certified(struct collector *c, enum sm_diff_part part,
                          const struct sm_policy_where *w, const char *name,
                          const uint8_t *key, const uint8_t *signer)
{
    struct sm_diff_value *value = add_end(c, part, name, key);

    if (!value)
        return;
    value->u.end.signer = signer;
    value->u.end.location = word(&w->locations, "elsewhere");
    value->u.end.jurisdiction = word(&w->jurisdictions, "elsewhere");
    value->u.end.platform = word(&w->platforms, "other");
}

/* ... and one that says what it does not want. */
static void add_opposite(struct collector *c, enum sm_diff_part part,
                         const struct sm_policy_where *w, const char *name,
                         const uint8_t *key, const uint8_t *signer)
{
    struct sm_policy_where not = *w;

    not.locations.negated = !w->locations.negated;
    not.jurisdictions.negated = !w->jurisdictions.negated;
    not.platforms.negated = !w->platforms.negated;
    add_certified(c, part, &not, name, key, signer);
}

static void add_where(struct collector *c, enum sm_diff_part part,
                      const struct sm_policy_where *w)
{
    static const uint8_t nobody[SM_POLICY_SIGNER_LEN];
    bool signed_ = w->locations.n || w->jurisdictions.n || w->platforms.n;
    const struct sm_policy *p = c->p;
    const struct sm_policy_host *h;
    const char *name;
    size_t i, k, n = 0;

    for (i = 0; i < w->hosts.n && i < 16; i++)
        add_host(c, part, w->hosts.words[i]);
    for (i = 0; i < p->n_hosts && n < EXAMPLES; i++) {
        h = &p->hosts[i];
        for (k = 0; w->roles && k < p->n_roles; k++)
            if (h->roles && sm_policy_set_has(w->roles, k) &&
                sm_policy_set_has(h->roles, k))
                break;
        if (w->roles && (k == p->n_roles) != w->roles_negated)
            continue;
        n++;
        add_host(c, part, h->id);
    }
    if (!signed_ && !p->n_certified)
        return;
    name = w->hosts.n && !w->hosts.negated ? w->hosts.words[0] :
           p->n_certified || !p->n_hosts ? "certified-host" : p->hosts[0].id;
    h = sm_policy_find_host(p, name);
    for (i = 0; i < p->n_authorities && i < 4; i++) {
        add_certified(c, part, w, name, h && h->has_key ? h->key : NULL,
                      p->authorities[i].key);
        add_opposite(c, part, w, name, h && h->has_key ? h->key : NULL,
                     p->authorities[i].key);
    }
    if (!p->n_authorities && p->has_vm) {
        add_certified(c, part, w, name, NULL, nobody);
        add_opposite(c, part, w, name, NULL, nobody);
    }
}

/* ---- who, when, how, evidence ---- */

static void add_who(struct collector *c, const char *account,
                    const char *role)
{
    struct sm_diff_value *value = new_value(c, SM_DIFF_WHO);

    if (value) {
        value->u.who.account = account;
        value->u.who.role = role;
    }
}

/* Operators with one of these roles, acting in it. */
static void add_in_role(struct collector *c, const uint64_t *roles)
{
    const struct sm_policy *p = c->p;
    size_t i, k, n = 0;

    for (i = 0; i < p->n_operators && n < EXAMPLES; i++)
        for (k = 0; k < p->n_roles; k++)
            if (p->operators[i].account && p->operators[i].roles &&
                sm_policy_set_has(roles, k) &&
                sm_policy_set_has(p->operators[i].roles, k)) {
                add_who(c, p->operators[i].account, NULL);
                add_who(c, p->operators[i].account, p->roles[k].id);
                n++;
                break;
            }
}

static void add_subject(struct collector *c, const struct sm_policy_who *s)
{
    size_t i;

    for (i = 0; i < s->n_accounts && i < 16; i++)
        add_who(c, s->accounts[i], NULL);
    for (i = 0; i < s->n_operators && i < 16; i++)
        add_who(c, s->operators[i]->account, NULL);
    if (s->roles)
        add_in_role(c, s->roles);
}

static void add_time(struct collector *c, int64_t t)
{
    struct sm_diff_value *value = new_value(c, SM_DIFF_TIME);

    if (value)
        value->u.time = t;
}

/* The edges of a window on the days around day `first` since the epoch, and
 * what is just before them. */
static void add_edges(struct collector *c, const struct sm_policy_window *w,
                      int64_t first, size_t days)
{
    int64_t utc, day;
    size_t i;

    for (day = first; day < first + (int64_t)days; day++) {
        if (!(w->days & 1u << (day + 3) % 7)) /* day 0 was a Thursday */
            continue;
        for (i = 0; i < 2; i++) {
            utc = (day + (i && w->to <= w->from)) * 86400 +
                  (i ? w->to : w->from) * INT64_C(60);
            utc -= sm_policy_zone_offset(w->zone, utc);
            add_time(c, utc - 1);
            add_time(c, utc);
        }
    }
}

/* Next week's, and those of a week half a year later, when zones that agree
 * now may not. */
static void add_window(struct collector *c, const struct sm_policy_window *w)
{
    int64_t today = c->now / 86400;

    add_edges(c, w, today - 1, 9);
    add_edges(c, w, today + 182, 7);
}

static void add_channel(struct collector *c, unsigned int suite, int pq,
                        const struct sm_policy_measured *measured)
{
    struct sm_diff_value *value = new_value(c, SM_DIFF_CHANNEL);

    if (value) {
        value->u.channel.suite = suite;
        value->u.channel.post_quantum = (unsigned int)pq;
        value->u.channel.measured = measured;
    }
}

/* With nothing proven, and with hosts in some of the sets and just not. */
static void add_attested(struct collector *c, unsigned int suite, int pq,
                         const uint64_t *sets)
{
    const size_t *start = c->v->measured[c->doc].start;
    size_t i, k, n = 0;

    add_channel(c, suite, pq, NULL);
    for (i = 0; sets && i < c->p->n_platforms && n < 8; i++) {
        if (!sm_policy_set_has(sets, i))
            continue;
        n++;
        for (k = start[i]; k < start[i + 1]; k++)
            add_channel(c, suite, pq, &c->v->measured[c->doc].list[k]);
    }
}

/* `sets`: those of the condition, or what the rule requires. */
static void add_how(struct collector *c, const struct sm_policy_how *how,
                    const uint64_t *sets)
{
    unsigned int k;

    if (!how->suites && !sets)
        return;         /* the usual channels will do */
    for (k = 1; k < 32; k++) {
        if (!(how->suites ? how->suites & SM_SUITE_BIT(k) :
              k == SM_SUITE_AES256GCM))
            continue;
        if (how->post_quantum != SM_POLICY_PQ_NO)
            add_attested(c, k, SM_POLICY_PQ_YES, sets);
        if (how->post_quantum != SM_POLICY_PQ_YES)
            add_attested(c, k, SM_POLICY_PQ_NO, sets);
    }
}

static void add_channels(struct collector *c,
                         const struct sm_policy_rule *rule)
{
    static const struct sm_policy_how any;
    const struct sm_policy_platform *required = rule->require.attestation;
    uint64_t set[(SM_POLICY_PLATFORM_SETS_MAX + 63) / 64] = { 0 };
    size_t i;

    if (required)
        sm_policy_set_add(set, (size_t)(required - c->p->platforms));
    for (i = 0; i < rule->n_channels; i++) {
        add_how(c, &rule->channels[i], rule->channels[i].attestations);
        if (required)
            add_how(c, &rule->channels[i], set);
    }
    if (!rule->n_channels)
        add_how(c, &any, required ? set : NULL);
}

/* As many approvals as the rule wants, and fewer: with one ticket, which may
 * be an approval too, and with none. */
static void add_approvals(struct collector *c, unsigned int want,
                          const struct sm_diff_value *all)
{
    struct sm_diff_value *value;
    unsigned int less, tickets;

    for (less = 0; less < 3 && less < want; less++)
        for (tickets = 0; tickets < 2; tickets++) {
            value = new_value(c, SM_DIFF_EVIDENCE);
            if (!value)
                return;
            *value = *all;
            value->u.evidence.n_asked = want - less;
            if (value->u.evidence.n_tickets > tickets)
                value->u.evidence.n_tickets = tickets;
        }
}

/* All uses but one, and all of them; and those just out of its span. */
static void add_uses(struct collector *c, const struct sm_policy_rule *rule,
                     const struct sm_diff_value *all)
{
    struct sm_diff_value *value;
    unsigned int kind;

    for (kind = 0; kind < 3; kind++) {
        value = new_value(c, SM_DIFF_EVIDENCE);
        if (!value)
            return;
        *value = *all;
        value->u.evidence.used = rule->id;
        value->u.evidence.n_uses = rule->require.rate - (kind == 0);
        value->u.evidence.ago = kind == 2 ? rule->require.rate_seconds : 0;
    }
}

/* Nothing; everything; and one without the other. */
static void add_evidence(struct collector *c,
                         const struct sm_policy_rule *rule)
{
    const struct sm_policy *p = c->p;
    struct sm_diff_value *value, all = { .tag = c->tag };
    int approver = rule ? rule->require.approver : -1;
    size_t i, kind;

    for (i = 0; i < p->n_operators; i++) {
        const struct sm_policy_operator *o = &p->operators[i];

        if (approver >= 0 && rule->require.approvals &&
            !(o->roles && sm_policy_set_has(o->roles, (size_t)approver)))
            continue;
        if (o->account && all.u.evidence.n_approvals <
            SM_POLICY_APPROVALS_MAX)
            all.u.evidence.approvals[all.u.evidence.n_approvals++] =
                o->account;
        if (o->has_key && all.u.evidence.n_tickets <
            SM_POLICY_TICKETS_MAX - 1)
            all.u.evidence.tickets[all.u.evidence.n_tickets++] = o->key;
    }
    all.u.evidence.owner = true;
    for (kind = 0; kind < 5; kind++) {
        value = new_value(c, SM_DIFF_EVIDENCE);
        if (!value)
            return;
        *value = all;
        if (kind == 0 || kind == 1)
            value->u.evidence.n_approvals = 0;
        if (kind == 0 || kind == 2)
            value->u.evidence.n_tickets = 0;
        if (kind == 0 || kind == 3)
            value->u.evidence.owner = false;
        if (kind == 4 && value->u.evidence.n_approvals)
            value->u.evidence.n_approvals = 1;
    }
    if (rule && rule->require.approvals)
        add_approvals(c, rule->require.approvals, &all);
    if (rule && rule->require.rate)
        add_uses(c, rule, &all);
}

/* ---- all of it ---- */

static void add_rule(struct collector *c, const struct sm_policy_rule *rule)
{
    size_t i, k;

    for (i = 0; i < rule->n_vms && i < 16; i++)
        add_rule_vm(c, &rule->vms[i]);
    for (i = 0; i < rule->n_sources && i < 16; i++)
        add_where(c, SM_DIFF_SOURCE, &rule->sources[i]);
    for (i = 0; i < rule->n_destinations && i < 16; i++)
        add_where(c, SM_DIFF_DESTINATION, &rule->destinations[i]);
    for (i = 0; i < rule->n_subjects && i < 16; i++)
        add_subject(c, &rule->subjects[i]);
    for (i = 0; i < rule->n_times && i < 4; i++)
        for (k = 0; k < c->p->n_windows; k++)
            if (sm_policy_set_has(rule->times[i].windows, k))
                add_window(c, &c->p->windows[k]);
    add_channels(c, rule);
    if (rule->require.line)
        add_evidence(c, rule);
}

/* What a document names outside its rules. */
static void add_document(struct collector *c)
{
    const struct sm_policy *p = c->p;
    static const struct sm_policy_where anywhere;
    size_t i;

    for (i = 0; i < p->n_groups; i++)
        add_group(c, &p->groups[i], EXAMPLES);
    for (i = 0; i < p->n_hosts && i < 256; i++) {
        add_host(c, SM_DIFF_SOURCE, p->hosts[i].id);
        add_host(c, SM_DIFF_DESTINATION, p->hosts[i].id);
    }
    if (p->n_certified) {
        add_where(c, SM_DIFF_SOURCE, &anywhere);
        add_where(c, SM_DIFF_DESTINATION, &anywhere);
    }
    for (i = 0; i < p->n_operators && i < 1024; i++) {
        add_who(c, p->operators[i].account, NULL);
        if (p->operators[i].roles && p->operators[i].account)
            add_in_role(c, p->operators[i].roles);
    }
    for (i = 0; i < p->n_windows && i < 64; i++)
        add_window(c, &p->windows[i]);
    add_time(c, c->now);
    if (p->start > 0)
        add_time(c, p->start - 1);
    if (p->expiry < INT64_MAX)
        add_time(c, p->expiry + 1);
    add_evidence(c, NULL);
}

static void add_strangers(struct collector *c)
{
    static const unsigned int suites[] = {
        SM_SUITE_AEGIS256, SM_SUITE_AES256GCM, SM_SUITE_CHACHA20POLY1305,
    };
    size_t i;

    add_guest(c, NULL, 4 << 20, NULL, 0, 0);
    add_end(c, SM_DIFF_SOURCE, "unknown-host", NULL);
    add_end(c, SM_DIFF_DESTINATION, "unknown-host", NULL);
    add_who(c, NULL, NULL);
    add_who(c, "root", NULL);
    add_who(c, "nobody-in-particular", NULL);
    for (i = 0; i < 3; i++) {
        add_channel(c, suites[i], SM_POLICY_PQ_NO, NULL);
        add_channel(c, suites[i], SM_POLICY_PQ_YES, NULL);
    }
}

/* Sort each part by tag (counting sort). */
static void sort(struct sm_diff_values *v, size_t tags)
{
    struct sm_diff_value *to;
    size_t part, i, n, *start;

    for (part = 0; part < SM_DIFF_PARTS && !v->failed; part++) {
        n = v->parts[part].n;
        to = calloc(n, sizeof(*to));
        start = calloc(tags + 2, sizeof(*start));
        v->failed = !to || !start;
        if (!v->failed) {
            for (i = 0; i < n; i++)
                start[v->parts[part].list[i].tag + 2]++;
            for (i = 2; i < tags + 2; i++)
                start[i] += start[i - 1];
            for (i = 0; i < n; i++)
                to[start[v->parts[part].list[i].tag + 1]++] =
                    v->parts[part].list[i];
        }
        free(v->parts[part].list);
        v->parts[part].list = to;
        v->parts[part].start = start;
    }
}

void sm_diff_values_collect(struct sm_diff_values *v,
                            const struct sm_policy *before,
                            const struct sm_policy *after, int64_t now)
{
    const struct sm_policy *const docs[] = { before, after };
    struct collector c = { .v = v, .now = now };
    uint32_t tag = 0;
    size_t d, i;

    memset(v, 0, sizeof(*v));
    for (d = 0; d < 2; d++) {
        c.p = docs[d];
        c.doc = d;
        c.tag = 0;
        v->failed = v->failed || !sm_diff_measure(docs[d], &v->measured[d]);
        add_document(&c);
        for (i = 0; i < docs[d]->n_rules && !v->failed; i++) {
            c.tag = ++tag;
            add_rule(&c, &docs[d]->rules[i]);
        }
    }
    c.tag = 0;
    add_strangers(&c);
    sort(v, tag + 1);
}

void sm_diff_values_dispose(struct sm_diff_values *v)
{
    size_t i;

    for (i = 0; i < SM_DIFF_PARTS; i++) {
        free(v->parts[i].list);
        free(v->parts[i].start);
    }
    for (i = 0; i < 2; i++)
        free(v->measured[i].list);
    memset(v, 0, sizeof(*v));
}
