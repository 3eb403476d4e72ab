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

    if (!policy && sm_policy_parse(&policy, document, sizeof(document) - 1,
                                   NULL, why, sizeof(why)))
        abort();
    if (sm_policy_question_parse(&q, data, size, 1, why, sizeof(why))) {
        if (!why[0] || q.text || q.facts)
            abort();
        return 0;
    }
    if (why[0] || !q.request.vm_name || !q.request.vm_uuid ||
        !q.request.source || !q.request.destination || !q.request.action)
        abort();
    sm_policy_decide(policy, &q.request, &d);
    if (d.allow && (q.request.action != SM_POLICY_MIGRATE_IN ||
                    q.request.vm_name[0] != 'g'))
        abort();
    if (d.allow)
        sm_policy_check_config(policy, &d, q.facts, q.n_facts, &d);
    sm_policy_question_dispose(&q);
    return 0;
}
