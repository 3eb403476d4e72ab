/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig policy: which of its verbs, and what they share. */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "draft.h"

bool policy_starts_with(const uint8_t *data, size_t len, const char *element)
{
    size_t n = strlen(element), i;

    for (i = 0; i + 1 < len; i++)
        if (data[i] == '<' && data[i + 1] != '?' && data[i + 1] != '!')
            break;
    i++;
    return i + n < len && !memcmp(data + i, element, n) &&
           memchr(" \t\r\n/>", data[i + n], 6);
}

int policy_open(const char *path, struct sm_policy **out)
{
    char why[SM_POLICY_WHY_MAX];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    *out = NULL;
    rc = sm_draft_read(path, SM_POLICY_DOCUMENT_MAX, SM_POLICY, &data, &len);
    if (rc)
        return rc;
    rc = sm_policy_parse(out, policy_starts_with(data, len, "vm-policy") ?
                         SM_POLICY_VM : SM_POLICY_SITE, data, len, path, why,
                         sizeof(why));
    free(data);
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int policy_beside(const char *file, const char *name, char *out, size_t size)
{
    const char *slash = strrchr(file, '/');
    int n = *name == '/' || !slash ? 0 : (int)(slash - file) + 1;

    n = snprintf(out, size, "%.*s%s", n, file, name);
    return n < 0 || (size_t)n >= size ? SM_USAGE : 0;
}

/* The VM policy that a request names. */
static int open_vm(struct policy_request *r, const char *request)
{
    char path[SM_CONF_PATH_MAX];
    int rc;

    if (!r->question.vm_policy)
        return 0;
    rc = policy_beside(request, r->question.vm_policy, path, sizeof(path));
    if (rc)
        return sm_cli_fail(rc, "%s: vm-policy: path too long", request);
    rc = policy_open(path, &r->vm);
    if (!rc && !sm_policy_vm(r->vm))
        rc = sm_cli_fail(SM_POLICY, "%s: not a VM policy", path);
    return rc;
}

int policy_request_open(struct policy_request *r, const char *policy,
                        const char *request)
{
    char why[SM_POLICY_WHY_MAX];
    uint8_t *text = NULL;
    size_t len = 0;
    int rc;

    memset(r, 0, sizeof(*r));
    rc = policy_open(policy, &r->policy);
    if (!rc)
        rc = sm_draft_read(request, SM_POLICY_QUESTION_MAX, SM_CONFIG, &text,
                           &len);
    if (rc)
        goto out;
    rc = sm_policy_question_parse(&r->question, r->policy, text, len,
                                  sm_clock_real(), why, sizeof(why));
    if (rc)
        sm_cli_fail(rc, "%s: %s", request, why);
    else
        rc = open_vm(r, request);
out:
    free(text);
    if (rc)
        policy_request_close(r);
    return rc;
}

void policy_request_close(struct policy_request *r)
{
    sm_policy_question_dispose(&r->question);
    sm_policy_free(r->policy);
    sm_policy_free(r->vm);
    memset(r, 0, sizeof(*r));
}

int policy_print(const struct sm_policy_decision *d)
{
    unsigned int i;

    printf("%s %s %s\n", d->allow ? "allow" : "deny", d->rule, d->text);
    if (!d->allow) {
        fprintf(stderr, "secmig: denied by %s\n", d->rule);
        return d->code;
    }
    for (i = 0; i < SM_POLICY_TICKETS_MAX; i++)
        if (d->obligations.tickets & 1u << i)
            printf("obligation use-ticket %u\n", i + 1);
    if (d->obligations.notify_guest)
        printf("obligation notify-guest\n");
    if (d->obligations.max_downtime_ms)
        printf("obligation max-downtime %u ms\n",
               (unsigned int)d->obligations.max_downtime_ms);
    return 0;
}

int sm_verb_policy(const struct sm_cli *cli, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct sm_cli *cli, int argc, char **argv);
    } verbs[] = {
        { "check", policy_check },
        { "keygen", policy_keygen },
        { "sign", policy_sign },
        { "decide", policy_decide },
        { "explain", policy_explain },
        { "test", policy_test },
        { "diff", policy_diff },
    };
    size_t i;

    for (i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(cli, argc - 1, argv + 1);
    return SM_CLI_USAGE;
}
