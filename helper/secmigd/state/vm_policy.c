/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/vm_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "parent/facts.h"
#include "state/floors.h"
#include "ipc.h"
#include "parent/parent.h"
#include "policy/match.h"
#include "state/store.h"

#define KIND "vm"
#define OBJECT_MAX (4 + SM_PAPERS_POLICY_MAX + 4 + SM_PAPERS_SIGNATURE_MAX)
#define ANSWER_MAX 1024

/* The object: blob policy, blob signature. */
static int get(const uint8_t *uuid, uint8_t **data, struct sm_papers *papers,
               char *why)
{
    char name[SM_TEXT_UUID_SIZE], reason[STORE_WHY_SIZE];
    struct sm_wire_reader r;
    size_t len;
    int rc;

    sm_text_uuid_format(uuid, name);
    rc = store_get(KIND, name, data, &len, reason);
    if (rc) {
        snprintf(why, VM_POLICY_TEXT_SIZE, "%.400s", reason);
        return rc;
    }
    sm_wire_reader_init(&r, *data, len);
    sm_wire_get_blob(&r, SM_PAPERS_POLICY_MAX, &papers->policy.data,
                     &papers->policy.len);
    sm_wire_get_blob(&r, SM_PAPERS_SIGNATURE_MAX, &papers->signature.data,
                     &papers->signature.len);
    if (sm_wire_end(&r)) {
        free(*data);
        *data = NULL;
        snprintf(why, VM_POLICY_TEXT_SIZE, "the object in the store is "
                 "damaged");
        return SM_STATE;
    }
    return 0;
}

static int put(const uint8_t *uuid, uint64_t version,
               const struct sm_paper *policy,
               const struct sm_paper *signature, char *why)
{
    char name[SM_TEXT_UUID_SIZE], reason[STORE_WHY_SIZE] = "";
    struct sm_wire_writer w;
    int rc;

    /* The judge has compared with what was known when it began. */
    if (version < floors_vm(uuid)) {
        snprintf(why, VM_POLICY_TEXT_SIZE, "a newer version has come "
                 "meanwhile");
        return SM_POLICY;
    }
    rc = floors_raise_vm(uuid, version);
    if (rc) {
        snprintf(why, VM_POLICY_TEXT_SIZE, "its version cannot be written "
                 "down: %s", sm_err_text(rc));
        return rc;
    }
    sm_text_uuid_format(uuid, name);
    sm_wire_writer_init(&w, OBJECT_MAX);
    sm_wire_put_blob(&w, policy->data, policy->len);
    sm_wire_put_blob(&w, signature->data, signature->len);
    rc = sm_wire_error(&w);
    if (!rc)
        rc = store_put(KIND, name, w.data, w.len, reason);
    if (rc)
        snprintf(why, VM_POLICY_TEXT_SIZE, "%.400s",
                 reason[0] ? reason : sm_err_text(rc));
    sm_wire_writer_dispose(&w);
    return rc;
}

/* ---- guests that come and go ---- */

int vm_policy_papers(const uint8_t uuid[static 16],
                     const struct evidence *evidence, char *why)
{
    struct sm_papers papers = { .n_tickets = evidence->n_tickets };
    struct sm_wire_writer w;
    uint8_t *data = NULL;
    size_t i;
    int rc;

    for (i = 0; i < evidence->n_tickets; i++) {
        papers.tickets[i].data = evidence->tickets[i].text;
        papers.tickets[i].len = evidence->tickets[i].len;
    }
    rc = get(uuid, &data, &papers, why);
    if (rc && rc != SM_NO_DOMAIN)
        return rc;
    sm_wire_writer_init(&w, SM_PAPERS_MAX);
    rc = sm_papers_encode(&w, &papers);
    if (!rc)
        rc = ipc_memfd(w.data, w.len);
    if (rc < 0)
        snprintf(why, VM_POLICY_TEXT_SIZE, "its papers cannot be made: %s",
                 sm_err_text(rc));
    sm_wire_writer_dispose(&w);
    free(data);
    return rc;
}

bool vm_policy_here(const uint8_t uuid[static 16])
{
    char name[SM_TEXT_UUID_SIZE];

    sm_text_uuid_format(uuid, name);
    return store_has(KIND, name);
}

int vm_policy_arrived(const uint8_t uuid[static 16], uint64_t version,
                      const struct sm_paper *policy,
                      const struct sm_paper *signature, bool *fresh)
{
    char why[VM_POLICY_TEXT_SIZE], name[SM_TEXT_UUID_SIZE];
    int rc;

    sm_text_uuid_format(uuid, name);
    *fresh = !vm_policy_here(uuid);
    rc = put(uuid, version, policy, signature, why);
    if (rc)             /* it may be there all the same: *fresh tells */
        sm_error("the policy that comes with guest %s is not kept: %s", name,
                 why);
    else
        sm_notice("vm-policy uuid=%s version=%llu arrived with the guest",
                  name, (unsigned long long)version);
    return rc;
}

void vm_policy_left(const uint8_t uuid[static 16])
{
    char why[STORE_WHY_SIZE], name[SM_TEXT_UUID_SIZE];
    int rc;

    sm_text_uuid_format(uuid, name);
    rc = store_remove(KIND, name, why);
    if (!rc)
        sm_notice("vm-policy uuid=%s left with the guest", name);
    else if (rc != SM_NO_DOMAIN)
        sm_error("the policy of guest %s, which has left, stays behind: %s",
                 name, why);
}

/* ---- operators: add ---- */

/* In the judge: the papers, verified like those that come with a guest.
 * u16 code, str text, uuid, u64 version */
static int judge_policy(const void *question, struct sm_wire_writer *w)
{
    const struct sm_policy *p = parent.policy;
    size_t n = p ? sm_policy_owner_count(p) : 0, i, len;
    char why[SM_POLICY_WHY_MAX] = "";
    struct sm_papers papers;
    struct sm_policy *vm = NULL;
    uint8_t uuid[16] = { 0 }, *data = NULL;
    const uint8_t **keys = calloc(n + 1, sizeof(*keys));
    uint64_t version = 0;
    int rc;

    (void)question;
    rc = keys ? ipc_memfd_read(JUDGE_PAPERS, SM_PAPERS_MAX, &data, &len) :
                SM_NO_MEMORY;
    if (!rc)
        rc = sm_papers_decode(data, len, &papers);
    for (i = 0; !rc && i < n; i++)
        keys[i] = sm_policy_owner_key(p, i);
    if (!rc)
        rc = sm_policy_parse_signed(&vm, SM_POLICY_VM, papers.policy.data,
                                    papers.policy.len, papers.signature.data,
                                    papers.signature.len, keys, n, NULL,
                                    "VM policy", why, sizeof(why));
    if (!rc) {
        version = sm_policy_version(vm);
        memcpy(uuid, sm_policy_vm(vm), sizeof(uuid));
        if (version < floors_vm(uuid)) {
            rc = SM_POLICY;
            snprintf(why, sizeof(why), "VM policy version %llu is older than "
                     "%llu, which this host has seen",
                     (unsigned long long)version,
                     (unsigned long long)floors_vm(uuid));
        }
    }
    sm_wire_put_u16(w, (uint16_t)-rc);
    sm_wire_put_str(w, rc && !why[0] ? sm_err_text(rc) : why);
    sm_wire_put_bytes(w, uuid, sizeof(uuid));
    sm_wire_put_u64(w, version);
    sm_policy_free(vm);
    free(keys);
    free(data);
    return 0;
}

/* The two files together, as they travel. */
static int bundle(int policy, int signature)
{
    struct sm_papers papers = { .n_tickets = 0 };
    uint8_t *xml = NULL, *sig = NULL;
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, SM_PAPERS_MAX);
    rc = ipc_memfd_read(policy, SM_PAPERS_POLICY_MAX, &xml,
                        &papers.policy.len);
    if (!rc)
        rc = ipc_memfd_read(signature, SM_PAPERS_SIGNATURE_MAX, &sig,
                            &papers.signature.len);
    papers.policy.data = xml;
    papers.signature.data = sig;
    if (!rc)
        rc = sm_papers_encode(&w, &papers);
    if (!rc)
        rc = ipc_memfd(w.data, w.len);
    sm_wire_writer_dispose(&w);
    free(xml);
    free(sig);
    return rc;
}

static void added(struct vm_policy_add *add, int err, const char *text)
{
    close(add->papers);
    add->papers = -1;
    add->done(add->ctx, err, text);
}

static void judged(void *ctx, int err, const char *reason,
                   struct sm_wire_reader *r)
{
    struct vm_policy_add *add = ctx;
    char text[VM_POLICY_TEXT_SIZE] = "", name[SM_TEXT_UUID_SIZE];
    uint8_t *data = NULL;
    struct sm_papers papers;
    uint64_t version;
    size_t len;
    int code;

    code = sm_err_from_code(sm_wire_get_u16(r));
    sm_wire_get_str(r, text, sizeof(text));
    sm_wire_get_bytes(r, add->uuid, sizeof(add->uuid));
    version = sm_wire_get_u64(r);
    if (!err && sm_wire_end(r)) {
        err = SM_HELPER;
        reason = "the process that judges this broke the rules";
    }
    if (err || code) {
        added(add, err ? err : code, err ? reason : text);
        return;
    }
    sm_text_uuid_format(add->uuid, name);
    if (outgoing_has(add->uuid) || incoming_has(add->uuid)) {
        snprintf(text, sizeof(text), "guest %s is moving right now", name);
        added(add, SM_BUSY, text);
        return;
    }
    /* Our own encoding, of what the judge has found good. */
    err = ipc_memfd_read(add->papers, SM_PAPERS_MAX, &data, &len);
    if (!err)
        err = sm_papers_decode(data, len, &papers);
    if (!err)
        err = put(add->uuid, version, &papers.policy, &papers.signature,
                  text);
    free(data);
    if (!err) {
        snprintf(text, sizeof(text), "VM policy version %llu of guest %s is "
                 "in force", (unsigned long long)version, name);
        sm_notice("%s", text);
    } else if (!text[0]) {
        snprintf(text, sizeof(text), "%s", sm_err_text(err));
    }
    added(add, err, text);
}

int vm_policy_add(struct vm_policy_add *add, int policy, int signature,
                  void (*done)(void *ctx, int err, const char *text),
                  void *ctx)
{
    int rc;

    add->done = done;
    add->ctx = ctx;
    rc = add->papers = bundle(policy, signature);
    if (rc < 0)
        return rc;
    rc = judge_start(&add->judge, judge_policy, NULL, add->papers, ANSWER_MAX,
                     judged, add);
    if (rc) {
        close(add->papers);
        add->papers = -1;
    }
    return rc;
}

void vm_policy_add_clear(struct vm_policy_add *add)
{
    judge_clear(&add->judge);
    if (add->done && add->papers >= 0)
        close(add->papers);
    add->papers = -1;
}

/* ---- operators: list, show, remove ---- */

struct listing {
    char *out;
    size_t size, len;
    int rc;
};

static void list_one(void *ctx, const char *name)
{
    struct listing *l = ctx;
    uint8_t uuid[16];

    if (!sm_policy_uuid(name, uuid))    /* left over by a crash */
        return;
    if (l->size - l->len < 38) {
        l->rc = SM_BUSY;
        return;
    }
    l->len += (size_t)sprintf(l->out + l->len, "%.36s\n", name);
}

int vm_policy_list(char *out, size_t size)
{
    struct listing l = { .out = out, .size = size };
    int rc;

    out[0] = '\0';
    rc = store_each(KIND, list_one, &l);
    return rc ? rc : l.rc;
}

int vm_policy_show(const uint8_t uuid[static 16], uint8_t **xml, size_t *len,
                   char *why)
{
    struct sm_papers papers;
    uint8_t *data = NULL;
    int rc;

    *xml = NULL;
    rc = get(uuid, &data, &papers, why);
    if (rc)
        return rc;
    *len = papers.policy.len;
    *xml = malloc(*len + 1);
    if (*xml) {
        memcpy(*xml, papers.policy.data, *len);
        (*xml)[*len] = '\0';
    }
    free(data);
    return *xml ? 0 : SM_NO_MEMORY;
}

int vm_policy_remove(const uint8_t uuid[static 16], char *why)
{
    char name[SM_TEXT_UUID_SIZE], reason[STORE_WHY_SIZE];
    int rc;

    if (outgoing_has(uuid) || incoming_has(uuid)) {
        snprintf(why, VM_POLICY_TEXT_SIZE, "the guest is moving right now");
        return SM_BUSY;
    }
    sm_text_uuid_format(uuid, name);
    rc = store_remove(KIND, name, reason);
    if (rc)
        snprintf(why, VM_POLICY_TEXT_SIZE, "%.400s", reason);
    return rc;
}
