/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request as text: what is accepted is whole, and can be decided. */
#include <stdlib.h>
#include <string.h>

#include "policy/question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char document[] =
        "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'>"
        "<hosts><host id='a'/><host id='b'/></hosts><rules>"
        "<rule id='in' effect='allow' action='migrate-in'><vm name='g*'/>"
        "</rule></rules></policy>";
    static struct sm_policy *policy;
    struct sm_policy_question q;
    struct sm_policy_decision d;
    char why[256] = "";
    bool migrates;

    if (!policy && sm_policy_parse(&policy, SM_POLICY_SITE, document,
                                   sizeof(document) - 1, NULL, why,
                                   sizeof(why)))
        abort();
    if (sm_policy_question_parse(&q, policy, data, size, 1, why,
                                 sizeof(why))) {
        if (!why[0] || q.text || q.facts)
            abort();
        return 0;
    }
    migrates = q.request.action == SM_POLICY_MIGRATE_IN ||
               q.request.action == SM_POLICY_MIGRATE_OUT;
    if (why[0] || !q.request.action ||
        (migrates && (!q.request.vm_name || !q.request.vm_uuid ||
                      !q.request.source.name ||
                      !q.request.destination.name)))
        abort();
    sm_policy_decide(policy, &q.request, &d);
    if (d.allow && (q.request.action != SM_POLICY_MIGRATE_IN ||
                    q.request.vm_name[0] != 'g'))
        abort();
    if (d.allow)
        sm_policy_check_config(policy, &q.request, &d, q.facts, q.n_facts,
                               &d);
    sm_policy_question_dispose(&q);
    return 0;
}
