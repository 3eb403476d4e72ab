/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/question.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"
#include "channel/suite.h"
#include "policy/model.h"
#include "trust/identity.h"

enum key {
    ACTION, ACCOUNT, ROLE, VM, UUID, MEMORY, LABEL, SOURCE, DESTINATION,
    SUITE, POST_QUANTUM, ATTESTATION, VM_POLICY_OWNER, VM_POLICY, TIME,
    PREVIEW,
    /* of one host: the same again for the other */
    SOURCE_KEY, SOURCE_AUTHORITY, SOURCE_LOCATION, SOURCE_JURISDICTION,
    SOURCE_PLATFORMS,
    DESTINATION_KEY, DESTINATION_AUTHORITY, DESTINATION_LOCATION,
    DESTINATION_JURISDICTION, DESTINATION_PLATFORMS,
    /* may be there more than once */
    TICKET, APPROVAL, USE, CONFIG,
    KEYS
};

#define HOST_KEYS (DESTINATION_KEY - SOURCE_KEY)

static const char *const names[KEYS] = {
    [ACTION] = "action", [ACCOUNT] = "account", [ROLE] = "role",
    [VM] = "vm", [UUID] = "uuid", [MEMORY] = "memory", [LABEL] = "label",
    [SOURCE] = "source", [DESTINATION] = "destination", [SUITE] = "suite",
    [POST_QUANTUM] = "post-quantum", [ATTESTATION] = "attestation",
    [VM_POLICY_OWNER] = "vm-policy-owner", [TIME] = "time",
    [PREVIEW] = "preview",
    [SOURCE_KEY] = "source-key", [SOURCE_AUTHORITY] = "source-authority",
    [SOURCE_LOCATION] = "source-location",
    [SOURCE_JURISDICTION] = "source-jurisdiction",
    [SOURCE_PLATFORMS] = "source-platforms",
    [DESTINATION_KEY] = "destination-key",
    [DESTINATION_AUTHORITY] = "destination-authority",
    [DESTINATION_LOCATION] = "destination-location",
    [DESTINATION_JURISDICTION] = "destination-jurisdiction",
    [DESTINATION_PLATFORMS] = "destination-platforms",
    [TICKET] = "ticket", [APPROVAL] = "approval", [USE] = "use",
    [CONFIG] = "config.", [VM_POLICY] = "vm-policy",
};

/* What is being read. */
struct reader {
    struct sm_policy_question *q;
    const struct sm_policy *policy;
    bool again;                     /* these lines override those before */
    bool seen[KEYS];                /* in these lines */
    const char *authorities[2];
    unsigned int line;
    char *why;
    size_t why_size;
};

static int fail(struct reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct reader *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->why, r->why_size, fmt, ap);
    va_end(ap);
    return SM_CONFIG;
}

static bool repeats(enum key key)
{
    return key == TICKET || key == APPROVAL || key == USE || key == CONFIG;
}

/* ---- values: each returns NULL, or what is wrong ---- */

static const char *set_action(struct sm_policy_request *r, const char *value)
{
    unsigned int set = sm_policy_word(SM_POLICY_ACTIONS, value,
                                      strlen(value));

    if (!set)
        return "no such action";
    r->action = (enum sm_policy_action)(__builtin_ctz(set) + 1);
    return NULL;
}

static const char *yes_no(const char *value, bool *out)
{
    *out = !strcmp(value, "yes");
    return *out || !strcmp(value, "no") ? NULL : "neither yes nor no";
}

/* A VM policy knows nobody by id: a key that nobody has, from the id. */
static void made_up(const char *id, uint8_t out[SM_POLICY_SIGNER_LEN])
{
    memset(out, 0, SM_POLICY_SIGNER_LEN);
    strncpy((char *)out, id, SM_POLICY_SIGNER_LEN - 1);
}

static const char *owner_key(const struct sm_policy *p, const char *id,
                             uint8_t out[SM_POLICY_SIGNER_LEN])
{
    size_t i;

    if (p->has_vm) {
        made_up(id, out);
        return NULL;
    }
    for (i = 0; i < p->n_owners; i++)
        if (!strcmp(p->owners[i].id, id)) {
            memcpy(out, p->owners[i].key, SM_POLICY_SIGNER_LEN);
            return NULL;
        }
    return "no such owner in the policy";
}

static const char *operator_key(const struct sm_policy *p, const char *id,
                                uint8_t out[SM_POLICY_SIGNER_LEN])
{
    size_t i;

    if (p->has_vm) {
        made_up(id, out);
        out[SM_POLICY_SIGNER_LEN - 1] = 1;  /* an owner's is another key */
        return NULL;
    }
    for (i = 0; i < p->n_operators; i++)
        if (!strcmp(p->operators[i].id, id)) {
            if (!p->operators[i].has_key)
                return "the operator has no key to sign with";
            memcpy(out, p->operators[i].key, SM_POLICY_SIGNER_LEN);
            return NULL;
        }
    return "no such operator in the policy";
}

static const char *add_ticket(struct reader *r, const char *value)
{
    struct sm_policy_request *request = &r->q->request;
    uint8_t *key = r->q->signers[request->n_tickets];
    const char *wrong;

    if (request->n_tickets == SM_POLICY_TICKETS_MAX)
        return "too many";
    if (!strncmp(value, "owner:", 6))
        wrong = owner_key(r->policy, value + 6, key);
    else if (!strncmp(value, "operator:", 9))
        wrong = operator_key(r->policy, value + 9, key);
    else
        return "neither owner:ID nor operator:ID";
    if (!wrong)
        request->tickets[request->n_tickets++].signer = key;
    return wrong;
}

static const char *add_approval(struct sm_policy_request *request,
                                const char *value)
{
    if (request->n_approvals == SM_POLICY_APPROVALS_MAX)
        return "too many";
    request->approvals[request->n_approvals++] = value;
    return NULL;
}

static const char *add_use(struct sm_policy_question *q, char *value)
{
    struct sm_policy_use *use = &q->uses[q->request.n_uses];
    char *time = strchr(value, ' ');

    if (q->request.n_uses == SM_POLICY_USES_MAX)
        return "too many";
    if (!time)
        return "not a rule and a time";
    *time++ = '\0';
    if (sm_clock_parse(time + strspn(time, " "), &use->when))
        return "not a rule and a time with a zone";
    use->rule = value;
    q->request.uses = q->uses;
    q->request.n_uses++;
    return NULL;
}

/* One fact of the config; of a field that the defaults had, the new value. */
static const char *add_fact(struct reader *r, const char *field,
                            const char *value)
{
    struct sm_policy_question *q = r->q;
    size_t i;

    for (i = 0; r->again && i < q->n_facts; i++)
        if (!strcmp(q->facts[i].field, field)) {
            q->facts[i].value = value;
            return NULL;
        }
    q->facts[q->n_facts].field = field;
    q->facts[q->n_facts++].value = value;
    return NULL;
}

static const char *set_host(struct reader *r, enum key key, char *value)
{
    size_t which = key >= DESTINATION_KEY;
    struct sm_policy_question *q = r->q;
    struct sm_policy_attributes *a = &q->attributes[which];
    struct sm_policy_end *end = which ? &q->request.destination :
                                &q->request.source;
    char *save = NULL;

    switch (key) {
    case SOURCE_KEY:
    case DESTINATION_KEY:
        end->key = *value ? q->keys[which] : NULL;
        return !*value || sm_identity_from_base64(value, strlen(value),
                                                  q->keys[which]) ?
               NULL : "not a public key in base64";
    case SOURCE_AUTHORITY:
    case DESTINATION_AUTHORITY:
        r->authorities[which] = *value ? value : NULL;
        return NULL;
    case SOURCE_LOCATION:
    case DESTINATION_LOCATION:
        a->location = *value ? value : NULL;
        return NULL;
    case SOURCE_JURISDICTION:
    case DESTINATION_JURISDICTION:
        a->jurisdiction = *value ? value : NULL;
        return NULL;
    default:
        break;
    }
    a->n_platforms = 0;
    for (value = strtok_r(value, " ", &save); value;
         value = strtok_r(NULL, " ", &save)) {
        if (a->n_platforms == SM_POLICY_PLATFORMS_MAX)
            return "too many";
        a->platforms[a->n_platforms++] = value;
    }
    return NULL;
}

/* An empty value takes the key back. */
static const char *unset(struct reader *r, enum key key)
{
    struct sm_policy_question *q = r->q;
    struct sm_policy_request *request = &q->request;

    switch (key) {
    case UUID:
        request->vm_uuid = NULL;
        return NULL;
    case MEMORY:
        request->memory_kb = 0;
        return NULL;
    case SUITE:
        request->suite = SM_SUITE_NONE;
        return NULL;
    case POST_QUANTUM:
        request->post_quantum = SM_POLICY_PQ_UNKNOWN;
        return NULL;
    case VM_POLICY_OWNER:
        request->vm_policy_signer = NULL;
        return NULL;
    case PREVIEW:
        request->preview = false;
        return NULL;
    case TICKET:
        request->n_tickets = 0;
        return NULL;
    case APPROVAL:
        request->n_approvals = 0;
        return NULL;
    case USE:
        request->n_uses = 0;
        return NULL;
    default:
        return "a value is missing";
    }
}

static const char *set(struct reader *r, enum key key, char *value)
{
    struct sm_policy_question *q = r->q;
    struct sm_policy_request *request = &q->request;
    const char *text = *value ? value : NULL, *wrong;
    enum sm_suite suite;
    bool yes;

    switch (key) {
    case ACCOUNT:
        request->account = text;
        return NULL;
    case ROLE:
        request->role = text;
        return NULL;
    case VM:
        request->vm_name = text;
        return NULL;
    case LABEL:
        request->label = text;
        return NULL;
    case SOURCE:
        request->source.name = text;
        return NULL;
    case DESTINATION:
        request->destination.name = text;
        return NULL;
    case ATTESTATION:
        request->attestation = text;
        return NULL;
    case VM_POLICY:
        q->vm_policy = text;
        return NULL;
    default:
        break;
    }
    if (key >= SOURCE_KEY && key < DESTINATION_KEY + HOST_KEYS)
        return set_host(r, key, value);
    if (!text)
        return unset(r, key);
    switch (key) {
    case ACTION:
        return set_action(request, value);
    case UUID:
        request->vm_uuid = q->uuid;
        return sm_policy_uuid(value, q->uuid) ? NULL : "not a uuid";
    case MEMORY:
        return sm_policy_memory(value, &request->memory_kb) ? NULL :
               "not an amount of memory, as 4 GiB";
    case SUITE:
        if (sm_suite_by_name(value, &suite))
            return "no such suite";
        request->suite = suite;
        return NULL;
    case POST_QUANTUM:
        wrong = yes_no(value, &yes);
        request->post_quantum = yes ? SM_POLICY_PQ_YES : SM_POLICY_PQ_NO;
        return wrong;
    case VM_POLICY_OWNER:
        request->vm_policy_signer = q->signers[SM_POLICY_TICKETS_MAX];
        return owner_key(r->policy, value, q->signers[SM_POLICY_TICKETS_MAX]);
    case TIME:
        return sm_clock_parse(value, &request->now) ?
               "not a time with a zone" : NULL;
    case PREVIEW:
        return yes_no(value, &request->preview);
    case TICKET:
        return add_ticket(r, value);
    case APPROVAL:
        return add_approval(request, value);
    case USE:
        return add_use(q, value);
    default:
        return "unknown key";
    }
}

/* ---- lines ---- */

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

static int one_line(struct reader *r, char *text)
{
    char *key, *value = strchr(text, '=');
    const char *wrong;
    enum key k;

    if (!value)
        return fail(r, "no \"=\"");
    *value++ = '\0';
    key = trim(text);
    value = trim(value);
    if (!strncmp(key, names[CONFIG], strlen(names[CONFIG]))) {
        wrong = add_fact(r, key + strlen(names[CONFIG]), value);
        return wrong ? fail(r, "%.64s: %s", key, wrong) : 0;
    }
    for (k = 0; k < KEYS && strcmp(names[k], key); k++)
        ;
    if (k == KEYS || k == CONFIG)
        return fail(r, "unknown key \"%.64s\"", key);
    if (r->seen[k] && (!repeats(k) || !*value))
        return fail(r, "%s twice", key);
    r->seen[k] = true;
    wrong = set(r, k, value);
    return wrong ? fail(r, "%s: %s", key, wrong) : 0;
}

static int read_lines(struct reader *r, char *text,
                      const struct sm_policy_lines *part)
{
    const char stops[] = { part->separator, '\0' };
    char *p, *end;
    size_t n, i;
    int rc = 0;

    memset(r->seen, 0, sizeof(r->seen));
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

/* Who signed the certificates that the attributes are from. */
static int set_signers(struct reader *r)
{
    static const char *const what[] = { "source", "destination" };
    static const uint8_t nobody[SM_POLICY_SIGNER_LEN];
    const struct sm_policy *p = r->policy;
    struct sm_policy_attributes *a;
    const char *id;
    size_t i, k;

    for (i = 0; i < 2; i++) {
        a = &r->q->attributes[i];
        id = r->authorities[i];
        if (!id && !a->location && !a->jurisdiction && !a->n_platforms)
            continue;
        for (k = 0; k < p->n_authorities; k++)
            if (id ? !strcmp(p->authorities[k].id, id) :
                p->n_authorities == 1)
                break;
        if (k < p->n_authorities)
            a->signer = p->authorities[k].key;
        else if (!id && p->has_vm && !p->n_authorities)
            a->signer = nobody;     /* that of the site, whoever it is */
        else if (id)
            return fail(r, "%s-authority: no such authority in the policy",
                        what[i]);
        else
            return fail(r, "%s-authority is missing: attributes count only "
                        "when an authority has signed them", what[i]);
        *(i ? &r->q->request.destination.attributes :
          &r->q->request.source.attributes) = a;
    }
    return 0;
}

static int check_whole(struct reader *r)
{
    const struct sm_policy_request *q = &r->q->request;
    bool migration = q->action == SM_POLICY_MIGRATE_OUT ||
                     q->action == SM_POLICY_MIGRATE_IN;
    const char *missing = NULL;

    if (!q->action)
        missing = names[ACTION];
    else if (migration && !q->vm_name)
        missing = names[VM];
    else if (migration && !q->vm_uuid)
        missing = names[UUID];
    else if (migration && !q->source.name)
        missing = names[SOURCE];
    else if (migration && !q->destination.name)
        missing = names[DESTINATION];
    return missing ? fail(r, "%s is missing", missing) : set_signers(r);
}

/* ---- question.h ---- */

static int parse(struct reader *r, const struct sm_policy_lines *parts,
                 size_t n, int64_t now)
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
    struct reader r = {
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
    char reason[256];
    struct reader r = {
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
