/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig policy decide: what a policy says to a request. */
#include "policy.h"

int policy_decide(const struct sm_cli *cli, int argc, char **argv)
{
    const struct sm_policy_question *q;
    struct sm_policy_decision d;
    struct policy_request r;
    int rc;

    (void)cli;
    if (argc != 3)
        return SM_CLI_USAGE;
    rc = policy_request_open(&r, argv[1], argv[2]);
    if (rc)
        return rc;
    q = &r.question;
    if (r.vm)
        sm_policy_decide_both(r.policy, r.vm, &q->request, &d);
    else
        sm_policy_decide(r.policy, &q->request, &d);
    if (q->n_facts && q->request.action == SM_POLICY_MIGRATE_IN)
        sm_policy_check_config(r.policy, &q->request, &d, q->facts,
                               q->n_facts, &d);
    rc = policy_print(&d);
    policy_request_close(&r);
    return rc;
}
