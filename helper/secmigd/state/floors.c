/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/floors.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/wire.h"
#include "state/store.h"

#define FORMAT 2

/* The object: u16 format, u8 pinned, key of the policy (pinned), u64 policy,
 * u32 n, n x { signer, u64 }, u32 n, n x { uuid, u64 }. */
static bool pinned;
static uint8_t policy_key[SM_POLICY_SIGNER_LEN];
static uint64_t policy;
static struct {
    uint8_t signer[SM_STATEMENT_SIGNER_LEN];
    uint64_t version;
} authorities[FLOORS_AUTHORITIES_MAX];
static struct vm {
    uint8_t uuid[16];
    uint64_t version;
} *vms;                         /* sorted by uuid */
static size_t n_authorities, n_vms, room;

static bool unsaved;    /* what is here is not in the store: writing it failed */

static int by_uuid(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static int decode(const uint8_t *data, size_t len)
{
    struct sm_wire_reader r;
    size_t i;

    sm_wire_reader_init(&r, data, len);
    if (sm_wire_get_u16(&r) != FORMAT)
        return SM_STATE;
    i = sm_wire_get_u8(&r);
    if (i > 1)
        return SM_STATE;
    pinned = i;
    if (pinned)
        sm_wire_get_bytes(&r, policy_key, sizeof(policy_key));
    policy = sm_wire_get_u64(&r);
    n_authorities = sm_wire_get_u32(&r);
    if (n_authorities > FLOORS_AUTHORITIES_MAX)
        return SM_STATE;
    for (i = 0; i < n_authorities; i++) {
        sm_wire_get_bytes(&r, authorities[i].signer, SM_STATEMENT_SIGNER_LEN);
        authorities[i].version = sm_wire_get_u64(&r);
    }
    n_vms = sm_wire_get_u32(&r);
    if (n_vms > FLOORS_VMS_MAX)
        return SM_STATE;
    room = n_vms + 16;
    vms = calloc(room, sizeof(*vms));
    if (!vms)
        return SM_NO_MEMORY;
    for (i = 0; i < n_vms; i++) {
        sm_wire_get_bytes(&r, vms[i].uuid, 16);
        vms[i].version = sm_wire_get_u64(&r);
        if (i && by_uuid(vms[i - 1].uuid, vms[i].uuid) >= 0)
            return SM_STATE;
    }
    return sm_wire_end(&r) ? SM_STATE : 0;
}

int floors_init(void)
{
    char why[STORE_WHY_SIZE];
    uint8_t *data;
    size_t len;
    int rc;

    rc = store_get("floors", NULL, &data, &len, why);
    if (rc == SM_NO_DOMAIN) {
        sm_error("versions seen: %s; without it old policies would count "
                 "again: if that is to be, secmig trust reset", why);
        return SM_STATE;
    }
    if (rc) {
        sm_error("versions seen: %s", why);
        return rc;
    }
    rc = len ? decode(data, len) : 0;
    if (rc)
        sm_error("versions seen: the object in the store is damaged");
    free(data);
    return rc;
}

static int save(void)
{
    char why[STORE_WHY_SIZE];
    struct sm_wire_writer w;
    size_t i;
    int rc;

    sm_wire_writer_init(&w, STORE_MAX);
    sm_wire_put_u16(&w, FORMAT);
    sm_wire_put_u8(&w, pinned);
    if (pinned)
        sm_wire_put_bytes(&w, policy_key, sizeof(policy_key));
    sm_wire_put_u64(&w, policy);
    sm_wire_put_u32(&w, (uint32_t)n_authorities);
    for (i = 0; i < n_authorities; i++) {
        sm_wire_put_bytes(&w, authorities[i].signer, SM_STATEMENT_SIGNER_LEN);
        sm_wire_put_u64(&w, authorities[i].version);
    }
    sm_wire_put_u32(&w, (uint32_t)n_vms);
    for (i = 0; i < n_vms; i++) {
        sm_wire_put_bytes(&w, vms[i].uuid, 16);
        sm_wire_put_u64(&w, vms[i].version);
    }
    rc = sm_wire_error(&w);
    if (!rc)
        rc = store_put("floors", NULL, w.data, w.len, why);
    else
        strcpy(why, sm_err_text(rc));
    if (rc)
        sm_error("versions seen: %s", why);
    unsaved = rc != 0;
    sm_wire_writer_dispose(&w);
    return rc;
}

int floors_flush(void)
{
    return unsaved ? save() : 0;
}

/* ---- the site's policy ---- */

uint64_t floors_policy(void)
{
    return policy;
}

int floors_raise_policy(uint64_t version)
{
    if (version <= policy)
        return floors_flush();
    policy = version;
    return save();
}

const uint8_t *floors_policy_key(void)
{
    return pinned ? policy_key : NULL;
}

int floors_pin_policy(const uint8_t key[static SM_POLICY_SIGNER_LEN])
{
    if (pinned && !memcmp(policy_key, key, sizeof(policy_key)))
        return floors_flush();
    if (pinned)
        policy = 0;
    memcpy(policy_key, key, sizeof(policy_key));
    pinned = true;
    return save();
}

/* ---- lists of revocations ---- */

uint64_t floors_revocations(
    const uint8_t signer[static SM_STATEMENT_SIGNER_LEN])
{
    size_t i;

    for (i = 0; i < n_authorities; i++)
        if (!memcmp(authorities[i].signer, signer, SM_STATEMENT_SIGNER_LEN))
            return authorities[i].version;
    return 0;
}

int floors_raise_revocations(
    const uint8_t signer[static SM_STATEMENT_SIGNER_LEN], uint64_t version)
{
    size_t i;

    for (i = 0; i < n_authorities; i++)
        if (!memcmp(authorities[i].signer, signer, SM_STATEMENT_SIGNER_LEN))
            break;
    if (i == FLOORS_AUTHORITIES_MAX)
        return SM_BUSY;
    if (i < n_authorities && version <= authorities[i].version)
        return floors_flush();
    memcpy(authorities[i].signer, signer, SM_STATEMENT_SIGNER_LEN);
    authorities[i].version = version;
    if (i == n_authorities)
        n_authorities++;
    return save();
}

/* ---- VM policies ---- */

static struct vm *find(const uint8_t *uuid)
{
    return n_vms ? bsearch(uuid, vms, n_vms, sizeof(*vms), by_uuid) : NULL;
}

uint64_t floors_vm(const uint8_t uuid[static 16])
{
    const struct vm *vm = find(uuid);

    return vm ? vm->version : 0;
}

bool floors_vm_room(const uint8_t uuid[static 16])
{
    return n_vms < FLOORS_VMS_MAX || find(uuid);
}

int floors_raise_vm(const uint8_t uuid[static 16], uint64_t version)
{
    struct vm *vm = find(uuid), *more;
    size_t i;

    if (vm && version <= vm->version)
        return floors_flush();
    if (!vm) {
        if (n_vms == FLOORS_VMS_MAX)
            return SM_BUSY;
        if (n_vms == room) {
            more = realloc(vms, (2 * room + 16) * sizeof(*vms));
            if (!more)
                return SM_NO_MEMORY;
            vms = more;
            room = 2 * room + 16;
        }
        for (i = n_vms; i && by_uuid(uuid, vms[i - 1].uuid) < 0; i--)
            vms[i] = vms[i - 1];
        vm = &vms[i];
        memcpy(vm->uuid, uuid, 16);
        n_vms++;
    }
    vm->version = version;
    return save();
}
