/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices of a domain config: several fields judged together. */
#include "policy/check.h"

#include <stdio.h>
#include <string.h>

/* What libxl runs when a config names no script: naming it changes nothing. */
#define SCRIPT_DIR "/etc/xen/scripts/"
#define DISK_SCRIPT SCRIPT_DIR "block"
#define NIC_SCRIPT SCRIPT_DIR "vif-bridge"
#define NIC_BRIDGE "xenbr0" /* libxl's default */

bool sm_check_refuse(struct sm_check *c, const char *field, const char *value,
                     const char *why)
{
    c->bad_field = field;
    c->bad_value = value;
    c->why = why;
    return false;
}

const struct sm_check_item *sm_check_find(const struct sm_check *c,
                                          const char *field)
{
    size_t low = 0, high = c->n, mid;
    int r;

    while (low < high) {
        mid = low + (high - low) / 2;
        r = strcmp(field, c->facts[mid].field);
        if (!r)
            return &c->facts[mid];
        if (r < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

bool sm_check_in_words(const char *words, const char *value)
{
    size_t n = strlen(value), len;

    for (;; words += len + 1) {
        len = strcspn(words, "|");
        if (len == n && !memcmp(words, value, n))
            return true;
        if (!words[len])
            return false;
    }
}

bool sm_check_only(const char *value, const char *extra)
{
    for (; *value; value++)
        if (!(*value >= '0' && *value <= '9') &&
            !(*value >= 'a' && *value <= 'z') &&
            !(*value >= 'A' && *value <= 'Z') && !strchr(extra, *value))
            return false;
    return true;
}

bool sm_check_is_off(const char *value)
{
    return sm_check_in_words("False|<default>|false|0", value);
}

bool sm_check_is_bool(const char *value)
{
    return sm_check_is_off(value) || sm_check_in_words("True|true|1", value);
}

/* Field `member` of the device whose path starts with `n` bytes of `prefix`
 * ("disks[3]"): its value, or NULL. */
static const char *member(const struct sm_check *c, const char *prefix,
                          size_t n, const char *name, const char **field)
{
    const struct sm_check_item *fact;
    char path[64];
    int len;

    len = snprintf(path, sizeof(path), "%.*s.%s", (int)n, prefix, name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return NULL;
    fact = sm_check_find(c, path);
    if (fact && field)
        *field = fact->field;
    return fact ? fact->value : NULL;
}

/* A script as libxl would find it, NULL for the default one; false when it
 * cannot be told. */
static bool script(const char *value, const char *standard, char *buf,
                   size_t size, const char **out)
{
    int n;

    *out = NULL;
    if (!value)
        return true;
    n = snprintf(buf, size, "%s%s", *value == '/' ? "" : SCRIPT_DIR, value);
    if (n < 0 || (size_t)n >= size || !sm_policy_path_ok(buf, false))
        return false;
    if (strcmp(buf, standard))
        *out = buf;
    return true;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool check_disk(struct sm_check *c, const char *prefix, size_t n)
{
    /* How far the best <disk> has come says which field to name. */
    enum { SCRIPT, PATH, FORMAT, BACKEND, WRITE, DONE } stage = SCRIPT, s;
    const char *f_script = prefix, *f_path = prefix, *f_format = prefix,
               *f_backend = prefix, *f_write = prefix;
    const char *path = member(c, prefix, n, "pdev_path", &f_path);
    const char *format = member(c, prefix, n, "format", &f_format);
    const char *backend = member(c, prefix, n, "backend", &f_backend);
    const char *write = member(c, prefix, n, "readwrite", &f_write);
    const char *named = member(c, prefix, n, "script", &f_script);
    const struct sm_policy_disk *d;
    char buf[SM_CHECK_VALUE_MAX];
    const char *run;
    size_t i;

    if (!script(named, DISK_SCRIPT, buf, sizeof(buf), &run))
        return sm_check_refuse(c, f_script, named, NULL);
    if (write && !sm_check_is_bool(write))
        return sm_check_refuse(c, f_write, write, NULL);
    if (backend && !strcmp(backend, "unknown"))
        backend = NULL;
    if (!run && format && !strcmp(format, "empty") && (!path || !*path))
        return true; /* a drive without a medium */
    if (path &&
        (strlen(path) > SM_CHECK_VALUE_MAX || !sm_policy_word_ok(path) ||
         (!run && !sm_policy_path_ok(path, false))))
        return sm_check_refuse(c, f_path, path, "not a canonical path");
    for (i = 0; i < c->config->n_disks; i++) {
        d = &c->config->disks[i];
        if (!same(run, d->script))
            s = SCRIPT;
        else if (!path || !sm_policy_match_path(d->path, path))
            s = PATH;
        else if (!format ||
                 !(sm_policy_word(SM_POLICY_FORMATS, format, strlen(format)) &
                   d->formats))
            s = FORMAT;
        else if (backend && !(sm_policy_word(SM_POLICY_BACKENDS, backend,
                                             strlen(backend)) &
                              d->backends))
            s = BACKEND;
        else if (d->readonly && write && !sm_check_is_off(write))
            s = WRITE;
        else
            s = DONE;
        if (s == DONE)
            return true;
        if (s > stage)
            stage = s;
    }
    if (stage == SCRIPT && !run)
        stage = PATH;
    switch (stage) {
    case SCRIPT:
        return sm_check_refuse(c, f_script, named, NULL);
    case FORMAT:
        return sm_check_refuse(c, f_format, format ? format : "",
                               format ? NULL : "a disk without a format");
    case BACKEND:
        return sm_check_refuse(c, f_backend, backend, NULL);
    case WRITE:
        return sm_check_refuse(c, f_write, write,
                               "the disk must be read-only");
    default:
        return sm_check_refuse(c, f_path, path ? path : "",
                               path ? NULL : "a disk without a path");
    }
}

static bool check_nic(struct sm_check *c, const char *prefix, size_t n)
{
    enum { SCRIPT, BRIDGE, INTERFACE, DONE } stage = SCRIPT, s;
    const char *f_script = prefix, *f_bridge = prefix, *f_interface = prefix;
    const char *bridge = member(c, prefix, n, "bridge", &f_bridge);
    const char *interface = member(c, prefix, n, "ifname", &f_interface);
    const char *named = member(c, prefix, n, "script", &f_script);
    const struct sm_policy_bridge *br;
    char buf[SM_CHECK_VALUE_MAX];
    const char *run, *why = NULL;
    size_t i;

    if (!script(named, NIC_SCRIPT, buf, sizeof(buf), &run))
        return sm_check_refuse(c, f_script, named, NULL);
    if (!bridge) {
        bridge = NIC_BRIDGE;
        why = "the default bridge";
    }
    if (strlen(bridge) > SM_CHECK_VALUE_MAX || !sm_check_only(bridge, "._-"))
        return sm_check_refuse(c, f_bridge, bridge, NULL);
    if (interface && (strlen(interface) > SM_CHECK_VALUE_MAX ||
                      !sm_check_only(interface, "._-")))
        return sm_check_refuse(c, f_interface, interface, NULL);
    for (i = 0; i < c->config->n_bridges; i++) {
        br = &c->config->bridges[i];
        if (run && !same(run, br->script))
            s = SCRIPT;
        else if (!sm_policy_match_path(br->name, bridge))
            s = BRIDGE;
        else if (interface && *interface &&
                 (!br->interface ||
                  !sm_policy_match_path(br->interface, interface)))
            s = INTERFACE;
        else
            return true;
        if (s > stage)
            stage = s;
    }
    if (stage == SCRIPT && run)
        return sm_check_refuse(c, f_script, named, NULL);
    if (stage == INTERFACE)
        return sm_check_refuse(c, f_interface, interface, NULL);
    return sm_check_refuse(c, f_bridge, bridge, why);
}

static bool check_pci(struct sm_check *c, const char *prefix, size_t n)
{
    static const char *const names[] = {
        "domain", "bus", "dev", "func", "vfunc_mask",
    };
    static const char *const flags[] = { "permissive", "seize" };
    const struct sm_policy_pci *p;
    const char *value, *field = prefix;
    uint64_t at[5] = { 0 };
    bool risky = false;
    size_t i;

    for (i = 0; i < 5; i++) {
        value = member(c, prefix, n, names[i], &field);
        if (value && !sm_policy_number(value, UINT32_MAX, &at[i]))
            return sm_check_refuse(c, field, value, NULL);
    }
    for (i = 0; i < 2; i++) {
        value = member(c, prefix, n, flags[i], &field);
        if (value && !sm_check_is_bool(value))
            return sm_check_refuse(c, field, value, NULL);
        risky = risky || (value && !sm_check_is_off(value));
    }
    for (i = 0; i < c->config->n_pcis; i++) {
        p = &c->config->pcis[i];
        /* A mask other than one function's passes through several. */
        if (p->domain == at[0] && p->bus == at[1] && p->dev == at[2] &&
            (p->func < 0 || ((uint64_t)p->func == at[3] && at[4] <= 1)) &&
            (!risky || p->permissive))
            return true;
    }
    snprintf(c->value, sizeof(c->value), "%04llx:%02llx:%02llx.%llu",
             (unsigned long long)at[0], (unsigned long long)at[1],
             (unsigned long long)at[2], (unsigned long long)at[3]);
    return sm_check_refuse(c, prefix, NULL, "a PCI device");
}

/* The device that a field belongs to, once per device as its fields are
 * neighbours; `last` is the one that was judged before. */
bool sm_check_device(struct sm_check *c, const char *field, const char **last)
{
    static const struct {
        const char *prefix;
        bool (*check)(struct sm_check *c, const char *prefix, size_t n);
    } kinds[] = {
        { "disks[", check_disk },
        { "nics[", check_nic },
        { "pcidevs[", check_pci },
    };
    size_t i, n;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(field, kinds[i].prefix, strlen(kinds[i].prefix)))
            continue;
        n = strcspn(field, "]");
        if (!field[n++])
            return true; /* allowed by <field>, literally */
        if (*last && !strncmp(*last, field, n))
            return true;
        *last = field;
        return kinds[i].check(c, field, n);
    }
    return true;
}
