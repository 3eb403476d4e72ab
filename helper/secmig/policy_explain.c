/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig policy explain: each step of a decision, and each rule. */
#include <stdio.h>
#include <string.h>

#include "policy.h"

/* What has been printed so far. */
struct printer {
    bool any, vm, rules;
};

static const char *result(const struct sm_policy_step *s)
{
    switch (s->result) {
    case SM_POLICY_STEP_YES:
        return s->line ? "applies" : "REFUSES";
    case SM_POLICY_STEP_UNKNOWN:
        return "unknown";
    case SM_POLICY_STEP_UNMET:
        return "unmet";
    case SM_POLICY_STEP_NO:
        break;
    }
    return s->line ? "no" : "ok";
}

static void print_step(void *ctx, const struct sm_policy_step *s)
{
    struct printer *p = ctx;

    if (!p->any || p->vm != s->vm) {
        printf("%s\n", s->vm ? "the guest's own policy:" : "the policy:");
        p->rules = false;
    }
    if (s->line && !p->rules)
        printf("rules of this action:\n");
    p->any = true;
    p->vm = s->vm;
    p->rules = s->line != 0;
    if (s->line)
        printf("  %-8s%s %s (line %u)%s%s\n", result(s),
               s->allow ? "allow" : "deny", s->rule, s->line,
               *s->why ? ": " : "", s->why);
    else
        printf("  %-8s%s: %s\n", result(s), s->rule, s->why);
}

int policy_explain(const struct sm_cli *cli, int argc, char **argv)
{
    const char *policy = cli->conf.policy_file, *request = NULL;
    struct printer printer = { .any = false };
    const struct sm_policy_question *q;
    struct sm_policy_decision d;
    struct policy_request r;
    int rc, i, words = 0;

    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--request") && i + 1 < argc && !request)
            request = argv[++i];
        else if (argv[i][0] == '-' || words++)
            return SM_CLI_USAGE;
        else
            policy = argv[i];
    }
    if (!request)
        return SM_CLI_USAGE;
    rc = policy_request_open(&r, policy, request);
    if (rc)
        return rc;
    q = &r.question;
    if (r.vm)
        sm_policy_explain_both(r.policy, r.vm, &q->request, print_step,
                               &printer, &d);
    else
        sm_policy_explain(r.policy, &q->request, print_step, &printer, &d);
    if (q->n_facts && q->request.action == SM_POLICY_MIGRATE_IN)
        sm_policy_check_config(r.policy, &q->request, &d, q->facts,
                               q->n_facts, &d);
    printf("the answer:\n");
    rc = policy_print(&d);
    policy_request_close(&r);
    return rc;
}
