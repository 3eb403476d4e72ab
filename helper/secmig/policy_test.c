/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig policy test: a table of requests, and the answers expected. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "draft.h"
#include "policy.h"
#include "policy/table.h"

#define VM_POLICIES_MAX 64

struct test {
    const char *path;           /* of the table */
    struct {
        char name[SM_CONF_PATH_MAX];
        struct sm_policy *policy;
    } vms[VM_POLICIES_MAX];
    size_t n_vms;
    bool said;                  /* an error line is out already */
};

static void each(void *ctx, unsigned int line, const char *expected,
                 const struct sm_policy_decision *d, bool passed)
{
    struct test *t = ctx;

    if (!passed)
        printf("%s:%u: not ok: expected %s, got %s %s: %s\n", t->path,
               line, expected, sm_policy_verdict(d), d->rule, d->text);
}

/* Each VM policy is read once. */
static const struct sm_policy *open_vm(void *ctx, const char *name,
                                       char *why, size_t why_size)
{
    struct test *t = ctx;
    char path[SM_CONF_PATH_MAX];
    size_t i;

    for (i = 0; i < t->n_vms; i++)
        if (!strcmp(t->vms[i].name, name))
            return t->vms[i].policy;
    if (i == VM_POLICIES_MAX || strlen(name) >= sizeof(t->vms[i].name) ||
        policy_beside(t->path, name, path, sizeof(path))) {
        snprintf(why, why_size, "too many, or too long a name");
        return NULL;
    }
    if (policy_open(path, &t->vms[i].policy)) {
        t->said = true;
        return NULL;
    }
    if (!sm_policy_vm(t->vms[i].policy)) {
        snprintf(why, why_size, "not a VM policy");
        sm_policy_free(t->vms[i].policy);
        t->vms[i].policy = NULL;
        return NULL;
    }
    strcpy(t->vms[i].name, name);
    t->n_vms++;
    return t->vms[i].policy;
}

/* The table's name with .xml at its end. */
static int default_policy(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    int n = dot && (!slash || dot > slash) ? (int)(dot - path) :
            (int)strlen(path);

    n = snprintf(out, size, "%.*s.xml", n, path);
    return n < 0 || (size_t)n >= size ?
           sm_cli_fail(SM_USAGE, "%s: path too long", path) : 0;
}

static int run(struct test *t, const struct sm_policy *policy)
{
    const struct sm_policy_table table = {
        .policy = policy, .now = sm_clock_real(), .each = each,
        .open_vm = open_vm, .ctx = t,
    };
    size_t len = 0, cases = 0, failed = 0;
    unsigned int line = 0;
    uint8_t *text = NULL;
    char why[512];
    int rc;

    rc = sm_draft_read(t->path, SM_POLICY_TABLE_MAX, SM_CONFIG, &text, &len);
    if (rc)
        return rc;
    rc = sm_policy_table_run(&table, (const char *)text, len, &cases,
                             &failed, &line, why, sizeof(why));
    if (rc && !t->said)
        sm_cli_fail(rc, "%s:%u: %s", t->path, line, why);
    else if (!rc && failed)
        rc = sm_cli_fail(SM_FAIL, "%s: %zu of %zu cases failed", t->path,
                         failed, cases);
    else if (!rc && !cases)
        rc = sm_cli_fail(SM_CONFIG, "%s: no case in it", t->path);
    else if (!rc)
        printf("%s: %zu cases, all as expected\n", t->path, cases);
    free(text);
    return rc;
}

int policy_test(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_policy *policy = NULL;
    char path[SM_CONF_PATH_MAX];
    struct test *t;
    size_t i;
    int rc;

    (void)cli;
    if (argc < 2 || argc > 3 || argv[1][0] == '-')
        return SM_CLI_USAGE;
    if (argc == 2) {
        rc = default_policy(argv[1], path, sizeof(path));
        if (rc)
            return rc;
    }
    t = calloc(1, sizeof(*t));
    if (!t)
        return sm_cli_fail(SM_NO_MEMORY, "out of memory");
    t->path = argv[argc - 1];
    rc = policy_open(argc == 3 ? argv[1] : path, &policy);
    if (!rc)
        rc = run(t, policy);
    for (i = 0; i < t->n_vms; i++)
        sm_policy_free(t->vms[i].policy);
    sm_policy_free(policy);
    free(t);
    return rc;
}
