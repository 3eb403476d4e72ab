/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operators and the policies that owners of guests have signed. */
#include "operators/operate.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "parent/parent.h"

static void added(void *ctx, int err, const char *text)
{
    struct operate *o = ctx;
    char uuid[SM_TEXT_UUID_SIZE];

    if (!err) {
        sm_text_uuid_format(o->add.uuid, uuid);
        sm_notice("vm-policy uuid=%s added by=%s@%s", uuid, o->account,
                  parent.conf.name);
    }
    operate_finish(o, err, err ? "vm-policy" : "", "%s", text);
}

static void add(struct operate *o)
{
    int rc;

    rc = vm_policy_add(&o->add, o->policy, o->signature, added, o);
    if (rc)
        operate_finish(o, rc, "", "the VM policy cannot be judged: %s",
                       sm_err_text(rc));
    else
        o->adding = true;
}

static void list(struct operate *o)
{
    char text[FRAME_STATUS_MAX];
    int rc;

    rc = vm_policy_list(text, sizeof(text));
    /* As many as fit: a list that ends early says so. */
    if (rc == SM_BUSY) {
        text[sizeof(text) - 64] = '\0';
        *(strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text) = '\0';
        strcat(text, "and more, which are not shown\n");
        rc = 0;
    }
    if (rc)
        operate_finish(o, rc, "", "the VM policies cannot be listed: %s",
                       sm_err_text(rc));
    else
        operate_output(o, text, strlen(text));
}

static void show(struct operate *o)
{
    char why[VM_POLICY_TEXT_SIZE] = "";
    uint8_t *xml = NULL;
    size_t len = 0;
    int rc;

    rc = vm_policy_show(o->domain.uuid, &xml, &len, why);
    if (rc)
        operate_finish(o, rc, "", "%s: %s", o->vm, why[0] ? why :
                       rc == SM_NO_DOMAIN ? "no VM policy of it is here" :
                       sm_err_text(rc));
    else
        operate_output(o, (const char *)xml, len);
    free(xml);
}

static void remove_one(struct operate *o)
{
    char why[VM_POLICY_TEXT_SIZE] = "", uuid[SM_TEXT_UUID_SIZE];
    int rc;

    rc = vm_policy_remove(o->domain.uuid, why);
    if (rc) {
        operate_finish(o, rc, "", "%s: %s", o->vm, why[0] ? why :
                       rc == SM_NO_DOMAIN ? "no VM policy of it is here" :
                       sm_err_text(rc));
        return;
    }
    sm_text_uuid_format(o->domain.uuid, uuid);
    sm_notice("vm-policy uuid=%s removed by=%s@%s", uuid, o->account,
              parent.conf.name);
    operate_finish(o, 0, "", "the VM policy of %s is removed", o->vm);
}

static void have_guest(struct operate *o)
{
    if (o->asked == IPC_CLIENT_VM_POLICY_SHOW)
        show(o);
    else
        remove_one(o);
}

/* One that runs here by its name, any by its uuid: the policy may have come
 * before the guest. */
static void find_guest(struct operate *o)
{
    if (sm_text_uuid(o->vm, strlen(o->vm), o->domain.uuid))
        have_guest(o);
    else
        operate_ask_domain(o, have_guest);
}

void operate_vm_policy(struct operate *o)
{
    if (!operate_may(o, SM_POLICY_POLICY_ADMIN, NULL, NULL))
        return;
    switch (o->asked) {
    case IPC_CLIENT_VM_POLICY_ADD:
        add(o);
        break;
    case IPC_CLIENT_VM_POLICY_LIST:
        list(o);
        break;
    default:
        find_guest(o);
    }
}

void operate_vm_policy_clear(struct operate *o)
{
    if (o->adding)
        vm_policy_add_clear(&o->add);
}
