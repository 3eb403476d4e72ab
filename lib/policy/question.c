/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/question.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "policy/model.h"
#include "policy/question_set.h"

static const char *const names[SM_Q_KEYS] = {
    [SM_Q_ACTION] = "action",
    [SM_Q_ACCOUNT] = "account",
    [SM_Q_ROLE] = "role",
    [SM_Q_VM] = "vm",
    [SM_Q_UUID] = "uuid",
    [SM_Q_MEMORY] = "memory",
    [SM_Q_LABEL] = "label",
    [SM_Q_SOURCE] = "source",
    [SM_Q_DESTINATION] = "destination",
    [SM_Q_SUITE] = "suite",
    [SM_Q_POST_QUANTUM] = "post-quantum",
    [SM_Q_ATTESTATION] = "attestation",
    [SM_Q_VM_POLICY_OWNER] = "vm-policy-owner",
    [SM_Q_TIME] = "time",
    [SM_Q_PREVIEW] = "preview",
    [SM_Q_EVENT_LOG] = "event-log",
    [SM_Q_ATTESTATION_AUTHORITY] = "attestation-authority",
    [SM_Q_RESET_APPROVED] = "reset-approved",
    [SM_Q_SOURCE_KEY] = "source-key",
    [SM_Q_SOURCE_AUTHORITY] = "source-authority",
    [SM_Q_SOURCE_LOCATION] = "source-location",
    [SM_Q_SOURCE_JURISDICTION] = "source-jurisdiction",
    [SM_Q_SOURCE_PLATFORMS] = "source-platforms",
    [SM_Q_DESTINATION_KEY] = "destination-key",
    [SM_Q_DESTINATION_AUTHORITY] = "destination-authority",
    [SM_Q_DESTINATION_LOCATION] = "destination-location",
    [SM_Q_DESTINATION_JURISDICTION] = "destination-jurisdiction",
    [SM_Q_DESTINATION_PLATFORMS] = "destination-platforms",
    [SM_Q_TICKET] = "ticket",
    [SM_Q_APPROVAL] = "approval",
    [SM_Q_USE] = "use",
    [SM_Q_CONFIG] = "config.",
    [SM_Q_PCR] = "pcr.",
    [SM_Q_VM_POLICY] = "vm-policy",
};

static int fail(struct sm_question_reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct sm_question_reader *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->why, r->why_size, fmt, ap);
    va_end(ap);
    return SM_CONFIG;
}

static bool repeats(enum sm_question_key key)
{
    return key == SM_Q_TICKET || key == SM_Q_APPROVAL ||
           key == SM_Q_USE || key == SM_Q_CONFIG;
}

/* ---- lines ---- */

/* Whether a key is one of those that go on after a dot; then `key` does. */
static bool goes_on(const char **key, enum sm_question_key k)
{
    size_t n = strlen(names[k]);

    if (strncmp(*key, names[k], n))
        return false;
    *key += n;
    return true;
}

/* Cut blanks off both ends. */
static char *trim(char *s)
{
    size_t n;

    s += strspn(s, " ");
    n = strlen(s);
    while (n && s[n - 1] == ' ')
        s[--n] = '\0';
    return s;
}

static int one_line(struct sm_question_reader *r, char *text)
{
    char *value = strchr(text, '=');
    const char *wrong, *key;
    enum sm_question_key k;

    if (!value)
        return fail(r, "no \"=\"");
    *value++ = '\0';
    key = trim(text);
    value = trim(value);
    if (goes_on(&key, SM_Q_CONFIG)) {
        sm_question_fact(r, key, value);
        return 0;
    }
    if (goes_on(&key, SM_Q_PCR)) {
        wrong = sm_question_pcr(r, key, value);
        return wrong ? fail(r, "pcr.%.64s: %s", key, wrong) : 0;
    }
    for (k = 0; k < SM_Q_CONFIG && strcmp(names[k], key); k++)
        ;
    if (k == SM_Q_CONFIG)
        return fail(r, "unknown key \"%.64s\"", key);
    if (r->seen[k] && (!repeats(k) || !*value))
        return fail(r, "%s twice", key);
    r->seen[k] = true;
    wrong = sm_question_set(r, k, value);
    return wrong ? fail(r, "%s: %s", key, wrong) : 0;
}

static int read_lines(struct sm_question_reader *r, char *text,
                      const struct sm_policy_lines *part)
{
    const char stops[] = { part->separator, '\0' };
    char *p, *end;
    size_t n, i;
    int rc = 0;

    memset(r->seen, 0, sizeof(r->seen));
    r->pcrs = 0;
    r->line = part->line;
    for (p = text; p < text + part->len && !rc; p = end) {
        n = strcspn(p, stops);
        end = p + n + 1;
        for (i = 0; i < n; i++)
            if (p[i] == '\t' || p[i] == '\r')
                p[i] = ' ';
        p[n] = '\0';
        if (!sm_wire_text_ok(p, n))
            rc = fail(r, "not clean text");
        else if (p[strspn(p, " ")] && *p != '#')
            rc = one_line(r, p);
        if (!rc && part->separator == '\n')
            r->line++;
    }
    return rc;
}

/* Who signed a certificate.
 *   id    of the authority; NULL: it is not given
 *   what  whose certificate, as in its key
 *   why   what needs it */
static int find_signer(struct sm_question_reader *r, const char *id,
                       const char *what, const char *why,
                       const uint8_t **signer)
{
    static const uint8_t nobody[SM_POLICY_SIGNER_LEN];
    const struct sm_policy *p = r->policy;
    size_t k;

    for (k = 0; k < p->n_authorities; k++)
        if (id ? !strcmp(p->authorities[k].id, id) : p->n_authorities == 1)
            break;
    if (k < p->n_authorities)
        *signer = p->authorities[k].key;
    else if (!id && p->has_vm && !p->n_authorities)
        *signer = nobody;       /* that of the site, whoever it is */
    else if (id)
        return fail(r, "%s-authority: no such authority in the policy", what);
    else
        return fail(r, "%s-authority is missing: %s only when an authority "
                    "has signed them", what, why);
    return 0;
}

/* ... of the certificates that attributes and attestation key are from. */
static int set_signers(struct sm_question_reader *r)
{
    static const char *const what[] = { "source", "destination" };
    struct sm_policy_question *q = r->q;
    struct sm_policy_attributes *a;
    size_t i;
    int rc;

    for (i = 0; i < 2; i++) {
        a = &q->attributes[i];
        if (!r->authorities[i] && !a->location && !a->jurisdiction &&
            !a->n_platforms)
            continue;
        rc = find_signer(r, r->authorities[i], what[i], "attributes count",
                         &a->signer);
        if (rc)
            return rc;
        *(i ? &q->request.destination.attributes :
          &q->request.source.attributes) = a;
    }
    if (!q->pcrs && !q->measured.has_log)
        return 0;
    if (q->request.attestation)
        return fail(r, "attestation: either platform sets, or PCRs and event "
                    "log");
    q->request.measured = &q->measured;
    return find_signer(r, r->attester, "attestation", "attestation keys count",
                       &q->measured.signer);
}

/* A VM policy that is asked too has platform sets of its own, which are not
 * known here. */
static int check_platforms(struct sm_question_reader *r)
{
    const char *word = r->q->request.attestation;
    const struct sm_policy *p = r->policy;
    size_t n, i;

    if (!word || r->q->vm_policy)
        return 0;
    for (word += strspn(word, " "); *word; word += n + strspn(word + n, " ")) {
        n = strcspn(word, " ");
        for (i = 0; i < p->n_platforms; i++)
            if (strlen(p->platforms[i].id) == n &&
                !memcmp(p->platforms[i].id, word, n))
                break;
        if (i == p->n_platforms)
            return fail(r, "attestation: no platform \"%.*s\" in the policy",
                        (int)(n < 64 ? n : 64), word);
    }
    return 0;
}

static int check_whole(struct sm_question_reader *r)
{
    const struct sm_policy_request *q = &r->q->request;
    bool migration = q->action == SM_POLICY_MIGRATE_OUT ||
                     q->action == SM_POLICY_MIGRATE_IN;
    const char *missing = NULL;
    int rc;

    if (!q->action)
        missing = names[SM_Q_ACTION];
    else if (migration && !q->vm_name)
        missing = names[SM_Q_VM];
    else if (migration && !q->vm_uuid)
        missing = names[SM_Q_UUID];
    else if (migration && !q->source.name)
        missing = names[SM_Q_SOURCE];
    else if (migration && !q->destination.name)
        missing = names[SM_Q_DESTINATION];
    if (missing)
        return fail(r, "%s is missing", missing);
    rc = check_platforms(r);
    return rc ? rc : set_signers(r);
}

/* ---- question.h ---- */

static int parse(struct sm_question_reader *r,
                 const struct sm_policy_lines *parts, size_t n, int64_t now)
{
    struct sm_policy_question *q = r->q;
    size_t lines = 0, len = 0, i, k;
    char *at;
    int rc = 0;

    memset(q, 0, sizeof(*q));
    q->request.now = now;
    for (i = 0; i < n; i++) {
        r->line = parts[i].line;
        if (parts[i].len > SM_POLICY_QUESTION_MAX)
            return fail(r, "longer than %d bytes", SM_POLICY_QUESTION_MAX);
        if (parts[i].len && memchr(parts[i].text, '\0', parts[i].len))
            return fail(r, "a NUL in it");
        for (k = 0; k < parts[i].len; k++)
            lines += parts[i].text[k] == parts[i].separator;
        lines++;
        len += parts[i].len + 1;
    }
    q->text = malloc(len);
    q->facts = calloc(lines, sizeof(*q->facts));
    if (!q->text || !q->facts) {
        fail(r, "out of memory");
        return SM_NO_MEMORY;
    }
    at = q->text;
    for (i = 0; i < n && !rc; i++) {
        if (parts[i].len)
            memcpy(at, parts[i].text, parts[i].len);
        at[parts[i].len] = '\0';
        r->again = i > 0;
        rc = read_lines(r, at, &parts[i]);
        at += parts[i].len + 1;
    }
    return rc ? rc : check_whole(r);
}

int sm_policy_question_layers(struct sm_policy_question *out,
                              const struct sm_policy *policy,
                              const struct sm_policy_lines *parts, size_t n,
                              int64_t now, unsigned int *line, char *why,
                              size_t why_size)
{
    struct sm_question_reader r = {
        .q = out, .policy = policy, .why = why, .why_size = why_size,
    };
    int rc = parse(&r, parts, n, now);

    *line = r.line;
    if (rc)
        sm_policy_question_dispose(out);
    else if (why_size)
        why[0] = '\0';
    return rc;
}

int sm_policy_question_parse(struct sm_policy_question *out,
                             const struct sm_policy *policy,
                             const void *text, size_t len, int64_t now,
                             char *why, size_t why_size)
{
    const struct sm_policy_lines all = { text, len, '\n', 1 };
    char reason[256] = "";
    struct sm_question_reader r = {
        .q = out, .policy = policy, .why = reason,
        .why_size = sizeof(reason),
    };
    int rc = parse(&r, &all, 1, now);

    if (rc) {
        sm_policy_question_dispose(out);
        snprintf(why, why_size, "line %u: %s", r.line, reason);
    } else if (why_size) {
        why[0] = '\0';
    }
    return rc;
}

void sm_policy_question_dispose(struct sm_policy_question *q)
{
    free(q->text);
    free(q->facts);
    memset(q, 0, sizeof(*q));
}
