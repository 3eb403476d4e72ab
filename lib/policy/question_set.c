/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of a question: each setter returns NULL, or what is wrong. */
#include "policy/question_set.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "channel/suite.h"
#include "policy/model.h"
#include "trust/identity.h"

#define NOT_A_DIGEST "not a SHA-256 digest of 64 hexadecimal digits"
#define HOST_KEYS (SM_Q_DESTINATION_KEY - SM_Q_SOURCE_KEY)

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

static const char *add_ticket(struct sm_question_reader *r, const char *value)
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

/* A VM policy knows no other rules than its own, and none with a rate. */
static bool has_rule(const struct sm_policy *p, const char *id)
{
    size_t i;

    for (i = 0; i < p->n_rules; i++)
        if (!strcmp(p->rules[i].id, id))
            return true;
    return p->has_vm;
}

static const char *add_use(struct sm_question_reader *r, char *value)
{
    struct sm_policy_question *q = r->q;
    struct sm_policy_use *use = &q->uses[q->request.n_uses];
    char *time = strchr(value, ' ');

    if (q->request.n_uses == SM_POLICY_USES_MAX)
        return "too many";
    if (!time)
        return "not a rule and a time";
    *time++ = '\0';
    if (sm_clock_parse(time + strspn(time, " "), &use->when))
        return "not a rule and a time with a zone";
    if (!has_rule(r->policy, value))
        return "no such rule in the policy";
    use->rule = value;
    q->request.uses = q->uses;
    q->request.n_uses++;
    return NULL;
}

const char *sm_question_pcr(struct sm_question_reader *r, const char *pcr,
                            const char *value)
{
    struct sm_policy_question *q = r->q;
    uint64_t n;

    if (!sm_policy_number(pcr, SM_POLICY_PCRS - 1, &n))
        return "not a PCR from 0 to 23";
    if (r->pcrs & 1u << n)
        return "twice";
    r->pcrs |= 1u << n;
    q->pcrs |= 1u << n;
    if (*value)
        return sm_text_hex(value, strlen(value), q->measured.pcr[n], 32) ?
               NULL : NOT_A_DIGEST;
    memset(q->measured.pcr[n], 0, 32);
    q->pcrs &= ~(1u << n);
    return NULL;
}

void sm_question_fact(struct sm_question_reader *r, const char *field,
                      const char *value)
{
    struct sm_policy_question *q = r->q;
    size_t kept = 0, i;

    for (i = 0; i < q->n_facts; i++)
        if (!r->again || strcmp(q->facts[i].field, field))
            q->facts[kept++] = q->facts[i];
    q->n_facts = kept;
    if (!*value)
        return;
    q->facts[q->n_facts].field = field;
    q->facts[q->n_facts++].value = value;
}

static const char *set_host(struct sm_question_reader *r,
                            enum sm_question_key key, char *value)
{
    size_t which = key >= SM_Q_DESTINATION_KEY;
    struct sm_policy_question *q = r->q;
    struct sm_policy_attributes *a = &q->attributes[which];
    struct sm_policy_end *end = which ? &q->request.destination :
                                &q->request.source;
    char *save = NULL;

    switch (key) {
    case SM_Q_SOURCE_KEY:
    case SM_Q_DESTINATION_KEY:
        end->key = *value ? q->keys[which] : NULL;
        return !*value || sm_identity_from_base64(value, strlen(value),
                                                  q->keys[which]) ?
               NULL : "not a public key in base64";
    case SM_Q_SOURCE_AUTHORITY:
    case SM_Q_DESTINATION_AUTHORITY:
        r->authorities[which] = *value ? value : NULL;
        return NULL;
    case SM_Q_SOURCE_LOCATION:
    case SM_Q_DESTINATION_LOCATION:
        a->location = *value ? value : NULL;
        return NULL;
    case SM_Q_SOURCE_JURISDICTION:
    case SM_Q_DESTINATION_JURISDICTION:
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
static const char *unset(struct sm_question_reader *r,
                         enum sm_question_key key)
{
    struct sm_policy_question *q = r->q;
    struct sm_policy_request *request = &q->request;

    switch (key) {
    case SM_Q_UUID:
        request->vm_uuid = NULL;
        return NULL;
    case SM_Q_MEMORY:
        request->memory_kb = 0;
        return NULL;
    case SM_Q_SUITE:
        request->suite = SM_SUITE_NONE;
        return NULL;
    case SM_Q_POST_QUANTUM:
        request->post_quantum = SM_POLICY_PQ_UNKNOWN;
        return NULL;
    case SM_Q_VM_POLICY_OWNER:
        request->vm_policy_signer = NULL;
        return NULL;
    case SM_Q_PREVIEW:
        request->preview = false;
        return NULL;
    case SM_Q_EVENT_LOG:
        q->measured.has_log = false;
        return NULL;
    case SM_Q_RESET_APPROVED:
        q->measured.reset_approved = false;
        return NULL;
    case SM_Q_TICKET:
        request->n_tickets = 0;
        return NULL;
    case SM_Q_APPROVAL:
        request->n_approvals = 0;
        return NULL;
    case SM_Q_USE:
        request->n_uses = 0;
        return NULL;
    default:
        return "a value is missing";
    }
}

const char *sm_question_set(struct sm_question_reader *r,
                            enum sm_question_key key, char *value)
{
    struct sm_policy_question *q = r->q;
    struct sm_policy_request *request = &q->request;
    const char *text = *value ? value : NULL, *wrong;
    enum sm_suite suite;
    bool yes;

    switch (key) {
    case SM_Q_ACCOUNT:
        request->account = text;
        return NULL;
    case SM_Q_ROLE:
        request->role = text;
        return NULL;
    case SM_Q_VM:
        request->vm_name = text;
        return NULL;
    case SM_Q_LABEL:
        request->label = text;
        return NULL;
    case SM_Q_SOURCE:
        request->source.name = text;
        return NULL;
    case SM_Q_DESTINATION:
        request->destination.name = text;
        return NULL;
    case SM_Q_ATTESTATION:
        request->attestation = text;
        return NULL;
    case SM_Q_ATTESTATION_AUTHORITY:
        r->attester = text;
        return NULL;
    case SM_Q_VM_POLICY:
        q->vm_policy = text;
        return NULL;
    default:
        break;
    }
    if (key >= SM_Q_SOURCE_KEY && key < SM_Q_DESTINATION_KEY + HOST_KEYS)
        return set_host(r, key, value);
    if (!text)
        return unset(r, key);
    switch (key) {
    case SM_Q_ACTION:
        return set_action(request, value);
    case SM_Q_UUID:
        request->vm_uuid = q->uuid;
        return sm_policy_uuid(value, q->uuid) ? NULL : "not a uuid";
    case SM_Q_MEMORY:
        return sm_policy_memory(value, &request->memory_kb) ? NULL :
               "not an amount of memory, as 4 GiB";
    case SM_Q_SUITE:
        if (sm_suite_by_name(value, &suite))
            return "no such suite";
        request->suite = suite;
        return NULL;
    case SM_Q_POST_QUANTUM:
        wrong = yes_no(value, &yes);
        request->post_quantum = yes ? SM_POLICY_PQ_YES : SM_POLICY_PQ_NO;
        return wrong;
    case SM_Q_VM_POLICY_OWNER:
        request->vm_policy_signer = q->signers[SM_POLICY_TICKETS_MAX];
        return owner_key(r->policy, value, q->signers[SM_POLICY_TICKETS_MAX]);
    case SM_Q_TIME:
        return sm_clock_parse(value, &request->now) ?
               "not a time with a zone" : NULL;
    case SM_Q_PREVIEW:
        return yes_no(value, &request->preview);
    case SM_Q_EVENT_LOG:
        q->measured.has_log = true;
        return sm_text_hex(value, strlen(value), q->measured.log, 32) ?
               NULL : NOT_A_DIGEST;
    case SM_Q_RESET_APPROVED:
        return yes_no(value, &q->measured.reset_approved);
    case SM_Q_TICKET:
        return add_ticket(r, value);
    case SM_Q_APPROVAL:
        return add_approval(request, value);
    case SM_Q_USE:
        return add_use(r, value);
    default:
        return "unknown key";
    }
}

