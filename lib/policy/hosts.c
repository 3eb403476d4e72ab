/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two hosts of a request: whether they take part, and as what. */
#include <string.h>

#include "policy/evaluate.h"

static void add_roles(struct sm_evaluate *e, struct sm_evaluate_end *end,
                      const uint64_t *roles)
{
    size_t i;

    for (i = 0; roles && i < sm_policy_set_words(e->policy->n_roles); i++)
        end->roles[i] |= roles[i];
}

/* Which attributes of its certificate count.  A VM policy that names no
 * authority takes those that were given (decide.h). */
unsigned int sm_hosts_counted(const struct sm_policy *p,
                              const uint8_t *signer)
{
    size_t i;

    if (!signer)
        return 0;
    if (p->has_vm && !p->n_authorities)
        return SM_POLICY_ATTRIBUTES_ALL;
    for (i = 0; i < p->n_authorities; i++)
        if (!memcmp(p->authorities[i].key, signer, SM_POLICY_SIGNER_LEN))
            return p->authorities[i].attributes;
    return 0;
}

/* Look one host up; whether a <certified> is about it. */
static bool look_up(struct sm_evaluate *e, struct sm_evaluate_end *end,
                    const char *what, const struct sm_policy_end *from)
{
    const struct sm_policy *p = e->policy;
    const struct sm_policy_attributes *a = from->attributes;
    bool certified = false;
    size_t i;

    end->end = from;
    end->what = what;
    end->counted = sm_hosts_counted(p, a ? a->signer : NULL);
    end->host = from->name ? sm_policy_find_host(p, from->name) : NULL;
    if (end->host)
        add_roles(e, end, end->host->roles);
    for (i = 0; from->name && a && i < p->n_certified; i++)
        if (!memcmp(p->certified[i].authority->key, a->signer,
                    SM_POLICY_SIGNER_LEN)) {
            certified = true;
            add_roles(e, end, p->certified[i].roles);
        }
    /* Before the handshake the other host's certificate is not there. */
    end->more_roles = e->request->preview && !a && p->n_certified;
    return certified || end->more_roles;
}

static const char *takes_part(struct sm_evaluate *e,
                              const struct sm_evaluate_end *end,
                              bool certified)
{
    const struct sm_policy_host *host = end->host;
    const uint8_t *key = end->end->key;

    if (host && host->has_key && !(e->request->preview && !key) &&
        (!key || memcmp(host->key, key, 32))) {
        sm_evaluate_say(e, "the %s host %s has not the key that the policy "
                        "gives it", end->what, end->end->name);
        return "host-key";
    }
    if (!host && !certified) {
        sm_evaluate_say(e, "the policy does not know the %s host %s%s",
                        end->what, end->end->name, e->policy->n_certified ?
                        ", and no authority of <certified> has certified it"
                        : "");
        return "unknown-host";
    }
    return NULL;
}

static void note_both(struct sm_evaluate *e)
{
    const struct sm_policy_request *r = e->request;
    char sets[160];

    sm_evaluate_say(e, "%s and %s take part%s%s%s", r->source.name,
                    r->destination.name, e->attested ?
                    "; the other host has proven platform sets \"" : "",
                    e->attested ?
                    sm_evaluate_ids(e, e->proven, e->policy->n_platforms,
                                    sm_evaluate_platform_id, sets,
                                    sizeof(sets)) : "",
                    e->attested ? "\"" : "");
}

const char *sm_hosts_check(struct sm_evaluate *e)
{
    const struct sm_policy_request *r = e->request;
    bool source, destination;
    const char *refusal;

    source = look_up(e, &e->source, "source", &r->source);
    destination = look_up(e, &e->destination, "destination",
                          &r->destination);
    if (e->policy->has_vm || (r->action != SM_POLICY_MIGRATE_OUT &&
                              r->action != SM_POLICY_MIGRATE_IN)) {
        sm_evaluate_note(e, "not asked here");
        return NULL;
    }
    refusal = takes_part(e, &e->source, source);
    if (!refusal)
        refusal = takes_part(e, &e->destination, destination);
    if (!refusal && e->verbose)
        note_both(e);
    return refusal;
}

bool sm_policy_takes_part(const struct sm_policy *policy,
                          const struct sm_policy_end *end)
{
    const struct sm_policy_host *host;
    size_t i;

    if (!policy)
        return false;
    host = sm_policy_find_host(policy, end->name);
    if (host)
        return !host->has_key || !memcmp(host->key, end->key, 32);
    for (i = 0; end->attributes && i < policy->n_certified; i++)
        if (!memcmp(policy->certified[i].authority->key,
                    end->attributes->signer, SM_POLICY_SIGNER_LEN))
            return true;
    return false;
}
