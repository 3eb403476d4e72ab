/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request as text: what is accepted is whole, can be decided, and is
 * explained as it is decided.  The same bytes as a table of requests: each
 * case has an answer, or the table is refused with a clean line.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "policy/question.h"
#include "policy/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ELEVEN "11111111"
#define DIGEST ELEVEN ELEVEN ELEVEN ELEVEN ELEVEN ELEVEN ELEVEN ELEVEN

static const char document[] =
    "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'>"
    "<roles><role id='r'><permit action='migrate-out abort'/></role>"
    "<role id='l' inherits='r'/><role id='u'/>"
    "<exclusive id='x' roles='l u' kind='dynamic'/></roles>"
    "<operators><operator id='al' account='al' roles='r'/>"
    "<operator id='bo' account='bo' roles='l u'/></operators>"
    "<owners><owner id='o' key='"
    "RWQBAQEBAQEBAYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c'/></owners>"
    "<authorities><authority id='ca' key='"
    "RWQCAgICAgICAoE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU'/>"
    "</authorities><platforms><platform id='p' after-reset='approve'>"
    "<pcr index='7' sha256='" DIGEST "'/></platform>"
    "<platform id='q' event-log='" DIGEST "'><pcr index='4' sha256='" DIGEST
    "'/></platform></platforms>"
    "<hosts><host id='a' roles='u'/><host id='b'/></hosts>"
    "<vms><group id='g' owner='o'><vm name='g*'/></group></vms>"
    "<windows><window id='w' from='22:00' to='06:00' zone='Z'/></windows>"
    "<rules><rule id='in' effect='allow' action='migrate-in'>"
    "<vm name='g*'/></rule>"
    "<rule id='out' effect='allow' action='migrate-out abort'>"
    "<vm group='g' memory-max='4 GiB'/><source role='u'/>"
    "<time window-not='w'/><require approvals='1' approver='l' "
    "rate='2/hour'/></rule>"
    "<rule id='no' effect='deny' action='migrate-out'>"
    "<destination jurisdiction='X'/><channel suite='aegis-256'/></rule>"
    "<rule id='known' effect='deny' action='migrate-out'>"
    "<channel attestation-not='p q'/></rule>"
    "</rules></policy>";

static void nothing(void *ctx, const struct sm_policy_step *step)
{
    (void)ctx;
    if (!sm_wire_text_ok(step->why, strlen(step->why)))
        abort();
}

static void each(void *ctx, unsigned int line, const char *expected,
                 const struct sm_policy_decision *d, bool passed)
{
    (void)ctx;
    (void)passed;
    if (!line || !expected[0] || !d->rule[0] ||
        d->allow != (d->code == SM_OK))
        abort();
}

static void as_table(const struct sm_policy *policy, const uint8_t *data,
                     size_t size)
{
    const struct sm_policy_table t = { .policy = policy, .each = each };
    size_t cases, failed;
    unsigned int line;
    char why[256] = "";
    int rc;

    rc = sm_policy_table_run(&t, (const char *)data, size, &cases, &failed,
                             &line, why, sizeof(why));
    if (failed > cases || (rc != 0) != (why[0] != '\0') ||
        (rc && (rc != SM_CONFIG || !line)))
        abort();
}

static void as_question(const struct sm_policy *policy, const uint8_t *data,
                        size_t size)
{
    struct sm_policy_question q;
    struct sm_policy_decision d, told;
    char why[256] = "";
    bool migrates;

    if (sm_policy_question_parse(&q, policy, data, size, 1, why,
                                 sizeof(why))) {
        if (!why[0] || q.text || q.facts)
            abort();
        return;
    }
    migrates = q.request.action == SM_POLICY_MIGRATE_IN ||
               q.request.action == SM_POLICY_MIGRATE_OUT;
    if (why[0] || !q.request.action ||
        (migrates && (!q.request.vm_name || !q.request.vm_uuid ||
                      !q.request.source.name ||
                      !q.request.destination.name)))
        abort();
    sm_policy_decide(policy, &q.request, &d);
    sm_policy_explain(policy, &q.request, nothing, NULL, &told);
    if (d.allow != told.allow || d.code != told.code ||
        strcmp(d.rule, told.rule) || strcmp(d.text, told.text) ||
        !sm_wire_text_ok(d.text, strlen(d.text)))
        abort();
    if (d.allow && migrates && q.request.vm_name[0] != 'g')
        abort();
    if (d.allow)
        sm_policy_check_config(policy, &q.request, &d, q.facts, q.n_facts,
                               &d);
    sm_policy_question_dispose(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sm_policy *policy;
    char why[256] = "";

    if (!policy && sm_policy_parse(&policy, SM_POLICY_SITE, document,
                                   sizeof(document) - 1, NULL, why,
                                   sizeof(why)))
        abort();
    as_question(policy, data, size);
    as_table(policy, data, size);
    return 0;
}
