/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig policy diff: which requests two policies answer differently. */
#include "policy/diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "policy.h"
#include "policy/platform.h"
#include "policy/table.h"

#define GROUPS_MAX 1024     /* kinds of changes that are told apart */

/* Changes of one kind, and the first of them. */
struct group {
    enum sm_policy_action action;
    char before[144], after[144];
    char config[520];       /* what is said of the domain config, or "" */
    char example[800];
    size_t n;
};

struct diff {
    const struct sm_policy *before, *after;
    struct group groups[GROUPS_MAX];
    size_t n_groups, others;
};

static const char *action_name(enum sm_policy_action action)
{
    static const char *const names[] = {
        [SM_POLICY_MIGRATE_OUT] = "migrate-out",
        [SM_POLICY_MIGRATE_IN] = "migrate-in",
        [SM_POLICY_ABORT] = "abort",
        [SM_POLICY_FORCE_HANDOVER] = "force-handover",
        [SM_POLICY_POLICY_ADMIN] = "policy-admin",
        [SM_POLICY_AUDIT_READ] = "audit-read",
    };

    return names[action];
}

static void say_end(char *out, size_t size, const char *what,
                    const struct sm_policy_end *end)
{
    const struct sm_policy_attributes *a = end->attributes;

    snprintf(out, size, "; %s=%s%s%s%s%s%s%s", what, end->name,
             a ? " (certified" : "", a && a->location ? " " : "",
             a && a->location ? a->location : "",
             a && a->jurisdiction ? " " : "",
             a && a->jurisdiction ? a->jurisdiction : "", a ? ")" : "");
}

/* The platform that is proven, as each of the two policies sees it. */
static void say_platform(const struct diff *d,
                         const struct sm_policy_request *r, char *out,
                         size_t size)
{
    const char *before, *after;
    char why[1];

    out[0] = '\0';
    if (!r->measured)
        return;
    before = sm_policy_platform_matches(d->before, r->measured, why, 1);
    after = sm_policy_platform_matches(d->after, r->measured, why, 1);
    snprintf(out, size, "; platform proven: %.64s, now %.64s",
             before ? before : "none", after ? after : "none");
}

/* The request in words that a request file has too. */
static void say(const struct diff *d, const struct sm_policy_request *r,
                char *out, size_t size)
{
    char from[160], to[160], when[21], platform[160];
    int n;

    say_end(from, sizeof(from), "source", &r->source);
    say_end(to, sizeof(to), "destination", &r->destination);
    sm_clock_format(r->now, when);
    say_platform(d, r, platform, sizeof(platform));
    n = snprintf(out, size, "vm=%.100s; memory=%llu KiB%s%.60s%s%s; time=%s",
                 r->vm_name, (unsigned long long)r->memory_kb,
                 r->label ? "; label=" : "", r->label ? r->label : "", from,
                 to, when);
    if (n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, "%s%s%s%s%s; tickets: %zu; "
                 "approvals: %zu", platform, r->account ? "; account=" : "",
                 r->account ? r->account : "", r->role ? "; role=" : "",
                 r->role ? r->role : "", r->n_tickets, r->n_approvals);
}

/* What a refusal says of the domain config: field and value, or "". */
static const char *config_text(const struct sm_policy_decision *before,
                               const struct sm_policy_decision *after)
{
    const struct sm_policy_decision *d = before->allow ? after : before;

    return d->allow || strcmp(d->rule, "config") ? "" : d->text;
}

static void note(void *ctx, const struct sm_policy_request *r,
                 const struct sm_policy_decision *before,
                 const struct sm_policy_decision *after)
{
    struct diff *d = ctx;
    const char *config = config_text(before, after);
    struct group *g;
    char was[144], is[144];
    size_t i;

    snprintf(was, sizeof(was), "%s %s", sm_policy_verdict(before),
             before->rule);
    snprintf(is, sizeof(is), "%s %s", sm_policy_verdict(after), after->rule);
    for (i = 0; i < d->n_groups; i++) {
        g = &d->groups[i];
        if (g->action == r->action && !strcmp(g->before, was) &&
            !strcmp(g->after, is) && !strcmp(g->config, config)) {
            g->n++;
            return;
        }
    }
    if (i == GROUPS_MAX) {
        d->others++;
        return;
    }
    g = &d->groups[d->n_groups++];
    g->action = r->action;
    strcpy(g->before, was);
    strcpy(g->after, is);
    snprintf(g->config, sizeof(g->config), "%s", config);
    g->n = 1;
    say(d, r, g->example, sizeof(g->example));
}

static int compare(const struct sm_policy *before,
                   const struct sm_policy *after)
{
    struct diff *d = calloc(1, sizeof(*d));
    size_t tried = 0, i;
    int rc;

    if (!d)
        return sm_cli_fail(SM_NO_MEMORY, "out of memory");
    d->before = before;
    d->after = after;
    rc = sm_policy_diff(before, after, sm_clock_real(), SM_POLICY_DIFF_USUAL,
                        note, d, &tried);
    if (rc == SM_USAGE)
        sm_cli_fail(rc, "the two are not of one kind, or of two guests");
    else if (rc)
        sm_cli_fail(rc, "out of memory");
    for (i = 0; i < d->n_groups && !rc; i++)
        printf("%s: %s -> %s (%zu of the requests tried)\n"
               "%s%s%s    for example: %s\n",
               action_name(d->groups[i].action), d->groups[i].before,
               d->groups[i].after, d->groups[i].n,
               d->groups[i].config[0] ? "    " : "", d->groups[i].config,
               d->groups[i].config[0] ? "\n" : "", d->groups[i].example);
    if (d->others && !rc)
        printf("... and %zu more requests of other kinds\n", d->others);
    if (!rc) {
        printf("%zu requests tried: %s\n", tried, d->n_groups ?
               "the answers differ" : "no difference found");
        rc = d->n_groups ? SM_FAIL : 0;
    }
    free(d);
    return rc;
}

int policy_diff(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_policy *before = NULL, *after = NULL;
    int rc;

    (void)cli;
    if (argc != 3 || argv[1][0] == '-' || argv[2][0] == '-')
        return SM_CLI_USAGE;
    rc = policy_open(argv[1], &before);
    if (!rc)
        rc = policy_open(argv[2], &after);
    if (!rc)
        rc = compare(before, after);
    sm_policy_free(before);
    sm_policy_free(after);
    return rc;
}
