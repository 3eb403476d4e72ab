/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig platform show and diff: what this host has measured, what sets call
 * good, and in what the two differ. */
#include <stdio.h>
#include <string.h>

#include "platform.h"
#include "tpm/tpm.h"

/* ---- show ---- */

static void show_value(const uint8_t value[static 32])
{
    char hex[PLATFORM_HEX_SIZE];

    platform_hex(value, hex);
    printf("          %s%s\n", hex, sm_policy_pcr_is_untouched(value) ?
           "  (nothing measured)" : "");
}

static void show_host(const struct sm_policy_measured *m, const char *log)
{
    unsigned int pcr;

    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++) {
        printf("PCR %2u    %s\n", pcr, sm_tpm_pcr_text(pcr));
        show_value(m->pcr[pcr]);
    }
    if (m->has_log) {
        printf("event log\n");
        show_value(m->log);
    } else {
        printf("event log cannot be read (%s)\n", log);
    }
}

/* In the words of a request file. */
static void show_request(const struct sm_policy_measured *m)
{
    char hex[PLATFORM_HEX_SIZE];
    unsigned int pcr;

    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++) {
        platform_hex(m->pcr[pcr], hex);
        printf("pcr.%u = %s\n", pcr, hex);
    }
    if (m->has_log) {
        platform_hex(m->log, hex);
        printf("event-log = %s\n", hex);
    }
}

static void show_set(const struct sm_policy_platform *set)
{
    unsigned int pcr;
    size_t i;

    printf("platform  %s%s\n", set->id, set->approve_reset ?
           ", each reset to be approved" : "");
    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++) {
        if (!set->pcr[pcr].n)
            continue;
        printf("PCR %2u    %s\n", pcr, sm_tpm_pcr_text(pcr));
        for (i = 0; i < set->pcr[pcr].n; i++)
            show_value(set->pcr[pcr].values[i]);
    }
    if (set->has_log) {
        printf("event log\n");
        show_value(set->log);
    }
}

int platform_show(const struct sm_cli *cli, int argc, char **argv)
{
    struct platform_source from = { .tpm = NULL };
    struct sm_policy *sets = NULL;
    struct sm_policy_measured m;
    const char *file = NULL;
    bool request = false;
    const struct sm_argument options[] = {
        PLATFORM_SOURCE(from), { .name = "--request", .flag = &request },
    };
    size_t n, i;
    int rc;

    if (sm_arguments_sort(argc, argv, options,
                          sizeof(options) / sizeof(options[0]), &file, 1,
                          &n) || (n && (from.tpm || from.log || request)))
        return SM_CLI_USAGE;
    rc = n ? platform_open(file, &sets) : platform_measure(cli, &from, &m);
    if (rc)
        return rc;
    if (request)
        show_request(&m);
    else if (!sets)
        show_host(&m, platform_log(&from));
    for (i = 0; sets && i < sm_policy_platform_count(sets); i++)
        show_set(sm_policy_platform_at(sets, i));
    sm_policy_free(sets);
    return 0;
}

/* ---- diff ---- */

static void show_difference(const struct sm_policy_platform *set,
                            const struct sm_policy_measured *m,
                            uint32_t differs)
{
    unsigned int pcr;
    size_t i;

    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++) {
        if (!(differs & 1u << pcr))
            continue;
        printf("  PCR %2u  %s\n    here\n", pcr, sm_tpm_pcr_text(pcr));
        show_value(m->pcr[pcr]);
        printf("    in the set\n");
        for (i = 0; i < set->pcr[pcr].n; i++)
            show_value(set->pcr[pcr].values[i]);
    }
    if (!(differs & SM_POLICY_DIFFERS_LOG))
        return;
    printf("  event log\n    here%s\n", m->has_log ? "" :
           ": it cannot be read");
    if (m->has_log)
        show_value(m->log);
    printf("    in the set\n");
    show_value(set->log);
}

/* Whether this host is in one of the sets, of those called `id`. */
static int compare(const struct sm_policy *sets, const char *file,
                   const char *id, const struct sm_policy_measured *m)
{
    const struct sm_policy_platform *set;
    bool in = false, any = false;
    uint32_t differs;
    size_t i;

    for (i = 0; i < sm_policy_platform_count(sets); i++) {
        set = sm_policy_platform_at(sets, i);
        if (id && strcmp(id, set->id))
            continue;
        any = true;
        differs = sm_policy_platform_differs(set, m);
        in = in || !differs;
        printf("%s: this host %s%s\n", set->id, differs ? "differs" :
               "is in it", !differs && set->approve_reset ?
               " (once its last reset is approved)" : "");
        show_difference(set, m, differs);
    }
    if (!any)
        return sm_cli_fail(SM_POLICY, "%s: there is no platform \"%s\"", file,
                           id);
    return in ? 0 : SM_FAIL;
}

int platform_diff(const struct sm_cli *cli, int argc, char **argv)
{
    struct platform_source from = { .tpm = NULL };
    const char *words[2] = { NULL, NULL };
    const struct sm_argument options[] = { PLATFORM_SOURCE(from) };
    struct sm_policy_measured m;
    struct sm_policy *sets;
    size_t n;
    int rc;

    if (sm_arguments_sort(argc, argv, options,
                          sizeof(options) / sizeof(options[0]), words, 2,
                          &n) || !n)
        return SM_CLI_USAGE;
    rc = platform_open(words[0], &sets);
    if (rc)
        return rc;
    rc = platform_measure(cli, &from, &m);
    if (!rc)
        rc = compare(sets, words[0], words[1], &m);
    sm_policy_free(sets);
    return rc;
}
