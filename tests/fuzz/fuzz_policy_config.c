/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hostile domain config against a policy: lines "field=value" are the
 * facts.  Whatever is allowed must hold nothing that was not allowed by
 * name; this is judged by an oracle that knows only this one policy.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "policy/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char document[] =
    "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='1'>"
    "<hosts><host id='a'/><host id='b'/></hosts><rules>"
    "<rule id='in' effect='allow' action='migrate-in'>"
    "<config types='pv pvh hvm'><disk path='/dev/vg0/*'/>"
    "<disk path='/img/*' format='qcow2' readonly='yes'/>"
    "<disk path='iqn.*' script='block-iscsi'/>"
    "<bridge name='xenbr*'/><pci address='0000:03:00.0'/>"
    "<kernel path='/boot/g/*'/><memory max='1 GiB'/><vcpus max='4'/>"
    "</config></rule></rules></policy>";

static bool starts(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

static const char *member(const char *field)
{
    const char *dot = strrchr(field, '.');

    return dot ? dot + 1 : field;
}

/* Paths and programs that a config may name here, whatever the field. */
static void judge(const char *field, const char *value)
{
    const char *m = member(field);

    if (starts(field, "disks[") && !strcmp(m, "pdev_path") && *value &&
        ((!starts(value, "/dev/vg0/") && !starts(value, "/img/") &&
          !starts(value, "iqn.")) || strchr(value, ',') ||
         strstr(value, "/../")))
        abort();
    if (!strcmp(m, "script") && strcmp(value, "block") &&
        strcmp(value, "vif-bridge") && strcmp(value, "block-iscsi") &&
        strcmp(value, "/etc/xen/scripts/block") &&
        strcmp(value, "/etc/xen/scripts/vif-bridge") &&
        strcmp(value, "/etc/xen/scripts/block-iscsi"))
        abort();
    if (!strcmp(m, "bridge") && !starts(value, "xenbr"))
        abort();
    if (!strcmp(m, "kernel") && !starts(value, "/boot/g/"))
        abort();
    if (!strcmp(m, "ramdisk") || !strcmp(m, "bootloader") ||
        !strcmp(m, "device_model") || strstr(field, "firmware") ||
        strstr(field, "bootloader_args[") || strstr(field, "extra[") ||
        !strcmp(m, "ssid_label") || !strcmp(m, "backend_domname"))
        abort();
    if (!strcmp(field, "b_info.max_memkb") &&
        strtoull(value, NULL, 10) > 1u << 20)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sm_policy *policy;
    static const uint8_t uuid[16];
    struct sm_policy_fact facts[256];
    struct sm_policy_request r = {
        .action = SM_POLICY_MIGRATE_IN, .vm_name = "g1", .vm_uuid = uuid,
        .source.name = "a", .destination.name = "b",
    };
    struct sm_policy_decision d;
    char why[SM_POLICY_WHY_MAX], *text, *line, *save = NULL, *equals;
    size_t n = 0, i;

    if (!policy && sm_policy_parse(&policy, SM_POLICY_SITE, document,
                                   sizeof(document) - 1, NULL, why,
                                   sizeof(why)))
        abort();
    text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (line = strtok_r(text, "\n", &save);
         line && n < sizeof(facts) / sizeof(facts[0]);
         line = strtok_r(NULL, "\n", &save)) {
        equals = strchr(line, '=');
        if (!equals)
            continue;
        *equals = '\0';
        facts[n].field = line;
        facts[n++].value = equals + 1;
    }
    sm_policy_decide(policy, &r, &d);
    if (!d.allow)
        abort();
    sm_policy_check_config(policy, &r, &d, facts, n, &d);
    if (d.allow != (d.code == SM_OK) ||
        !sm_wire_text_ok(d.text, strlen(d.text)) ||
        strcmp(d.rule, d.allow ? "in" : "config"))
        abort();
    for (i = 0; d.allow && i < n; i++)
        judge(facts[i].field, facts[i].value);
    free(text);
    return 0;
}
