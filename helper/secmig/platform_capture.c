/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig platform capture: make a platform set from this host, which is
 * known to be good. */
#include <stdio.h>
#include <string.h>

#include "platform.h"
#include "policy/match.h"
#include "tpm/tpm.h"

/* Without --pcrs: what runs, not how this one machine is set up; of those
 * only what has been measured here. */
#define USUAL (1u << 0 | 1u << 2 | 1u << 4 | 1u << 7 | 1u << 8 | 1u << 9 | \
               1u << 14)
#define IMA 10

struct capture {
    struct platform_source from;
    const char *id, *list, *after_reset;
    bool log;
    uint32_t pcrs;
};

static int arguments(int argc, char **argv, struct capture *c)
{
    const struct sm_argument options[] = {
        PLATFORM_SOURCE(c->from),
        { .name = "--pcrs", .value = &c->list },
        { .name = "--after-reset", .value = &c->after_reset },
        { .name = "--event-log", .flag = &c->log },
    };
    size_t n;
    int rc;

    rc = sm_arguments_sort(argc, argv, options,
                           sizeof(options) / sizeof(options[0]), &c->id, 1,
                           &n);
    if (rc || n != 1)
        return SM_CLI_USAGE;
    if (!sm_policy_id_ok(c->id))
        return sm_cli_fail(SM_USAGE, "%s: not an id (1 to 64 letters, digits, "
                           "\".\", \"_\", \"-\"; the first neither \".\" nor "
                           "\"-\")", c->id);
    if (c->list && !sm_arguments_pcrs(c->list, &c->pcrs))
        return sm_cli_fail(SM_USAGE, "--pcrs %s: not a list of PCRs from 0 to "
                           "23, as 0,2,4,7", c->list);
    if (c->after_reset && strcmp(c->after_reset, "approve") &&
        strcmp(c->after_reset, "accept"))
        return sm_cli_fail(SM_USAGE, "--after-reset %s: neither accept nor "
                           "approve", c->after_reset);
    return 0;
}

/* Which PCRs, when they are not named. */
static int choose(struct capture *c, const struct sm_policy_measured *m)
{
    unsigned int pcr;

    for (pcr = 0; pcr < SM_POLICY_PCRS && !c->list; pcr++)
        if (USUAL & 1u << pcr && !sm_policy_pcr_is_untouched(m->pcr[pcr]))
            c->pcrs |= 1u << pcr;
    if (c->pcrs)
        return 0;
    return sm_cli_fail(SM_STATE, "nothing has been measured into PCRs 0, 2, "
                       "4, 7, 8, 9 and 14 of this host: does its firmware use "
                       "the TPM? (--pcrs names others)");
}

static void warn(const struct capture *c, const struct sm_policy_measured *m)
{
    unsigned int pcr;

    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++) {
        if (!(c->pcrs & 1u << pcr))
            continue;
        if (sm_policy_pcr_is_free(pcr))
            fprintf(stderr, "secmig: warning: PCR %u proves nothing: anyone "
                    "on the host can reset it\n", pcr);
        if (sm_policy_pcr_is_untouched(m->pcr[pcr]))
            fprintf(stderr, "secmig: warning: nothing has been measured into "
                    "PCR %u: any host that measures nothing fits\n", pcr);
        if (pcr == IMA)
            fprintf(stderr, "secmig: warning: PCR 10 (IMA) grows with each "
                    "file that dom0 uses for the first time, in their order: "
                    "even this host fits only until the next one\n");
    }
}

static void print(const struct capture *c, const struct sm_policy_measured *m)
{
    char hex[PLATFORM_HEX_SIZE];
    unsigned int pcr;

    printf("<platform id=\"%s\"", c->id);
    if (c->log) {
        platform_hex(m->log, hex);
        printf("\n          event-log=\"%s\"", hex);
    }
    if (c->after_reset)
        printf(" after-reset=\"%s\"", c->after_reset);
    printf(">\n");
    for (pcr = 0; pcr < SM_POLICY_PCRS; pcr++) {
        if (!(c->pcrs & 1u << pcr))
            continue;
        platform_hex(m->pcr[pcr], hex);
        printf("  <!-- %s -->\n  <pcr index=\"%u\"\n       sha256=\"%s\"/>\n",
               sm_tpm_pcr_text(pcr), pcr, hex);
    }
    printf("</platform>\n");
}

int platform_capture(const struct sm_cli *cli, int argc, char **argv)
{
    struct sm_policy_measured m;
    struct capture c = { .id = NULL };
    int rc;

    rc = arguments(argc, argv, &c);
    if (rc)
        return rc;
    rc = platform_measure(cli, &c.from, &m);
    if (rc)
        return rc;
    if (c.log && !m.has_log)
        return sm_cli_fail(SM_STATE, "%s cannot be read: it takes root, a "
                           "firmware that keeps an event log, and securityfs",
                           platform_log(&c.from));
    rc = choose(&c, &m);
    if (rc)
        return rc;
    warn(&c, &m);
    print(&c, &m);
    return 0;
}
