/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guest of a request: its groups, and whose it is. */
#include <string.h>

#include "policy/evaluate.h"
#include "policy/index.h"

static void add_to(uint64_t *sure, uint64_t *possible, size_t i, bool surely)
{
    sm_policy_set_add(possible, i);
    if (surely)
        sm_policy_set_add(sure, i);
}

static void try_vm(void *ctx, size_t group, const struct sm_policy_vm *vm)
{
    struct sm_evaluate *e = ctx;
    enum sm_verdict v;

    if (sm_policy_set_has(e->groups[0], group))
        return;
    v = sm_condition_vm(e, vm);
    if (v != SM_VERDICT_NO)
        add_to(e->groups[0], e->groups[1], group, v == SM_VERDICT_YES);
}

static void find_groups(struct sm_evaluate *e)
{
    const struct sm_policy *p = e->policy;
    bool verbose = e->verbose;
    size_t i;

    e->verbose = false;     /* reasons are about rules */
    sm_policy_index_guest(p, e->request, try_vm, e);
    e->verbose = verbose;
    for (i = 0; i < p->n_groups; i++)
        if (sm_policy_set_has(e->groups[1], i) && p->groups[i].owner)
            add_to(e->owners[0], e->owners[1],
                   (size_t)(p->groups[i].owner - p->owners),
                   sm_policy_set_has(e->groups[0], i));
}

/* Who signed the VM policy must be an owner, and the only one. */
static const char *check_signer(struct sm_evaluate *e)
{
    const struct sm_policy_owner *signer, *other;
    const struct sm_policy *p = e->policy;
    size_t i, n, self;

    signer = sm_policy_index_owner(p, e->request->vm_policy_signer);
    if (!signer) {
        sm_evaluate_say(e, "the guest's own policy is signed by a key that "
                        "is no owner's here");
        return "vm-policy";
    }
    self = (size_t)(signer - p->owners);
    for (i = 0; i < p->n_groups; i++) {
        other = p->groups[i].owner;
        n = e->request->preview ? 0 : 1;
        if (other && other != signer && sm_policy_set_has(e->groups[n], i)) {
            sm_evaluate_say(e, "the guest's own policy is signed by owner "
                            "%s, but its group %s belongs to owner %s",
                            signer->id, p->groups[i].id, other->id);
            return "vm-owner";
        }
    }
    add_to(e->owners[0], e->owners[1], self, true);
    return NULL;
}

static void note_all(struct sm_evaluate *e)
{
    const struct sm_policy *p = e->policy;
    char groups[160], owners[160];

    sm_evaluate_say(e, "groups \"%s\", owners \"%s\"%s",
                    sm_evaluate_ids(e, e->groups[1], p->n_groups,
                                    sm_evaluate_group_id, groups,
                                    sizeof(groups)),
                    sm_evaluate_ids(e, e->owners[1], p->n_owners,
                                    sm_evaluate_owner_id, owners,
                                    sizeof(owners)),
                    e->request->vm_policy_signer ? ", with a policy of its "
                    "own" : "");
}

const char *sm_guest_check(struct sm_evaluate *e)
{
    const struct sm_policy_request *r = e->request;
    const char *refusal = NULL;

    if (e->policy->has_vm) {
        if (r->vm_uuid && memcmp(e->policy->vm, r->vm_uuid, 16)) {
            sm_evaluate_say(e, "the VM policy is that of another guest");
            return "vm-policy";
        }
        sm_evaluate_note(e, "the VM policy is that of this guest");
        return NULL;
    }
    find_groups(e);
    if (r->vm_policy_signer)
        refusal = check_signer(e);
    if (!refusal && e->verbose)
        note_all(e);
    return refusal;
}
