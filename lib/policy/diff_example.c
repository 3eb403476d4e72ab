/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/diff_example.h"

#include <stdio.h>
#include <string.h>

#define EXAMPLES 3      /* of one pattern */
#define WORDS    32     /* bits of a set of words */

bool sm_diff_example(const char *pattern, size_t k, char *out, size_t size)
{
    static const char *const run[EXAMPLES] = { "x", "", "yz" };
    static const char *const one[EXAMPLES] = { "x", "y", "x" };
    const char *text;
    char plain[2] = "";
    size_t n = 0, len;

    if (k >= EXAMPLES || (k && (!pattern || !strpbrk(pattern, "*?"))))
        return false;
    for (; pattern && *pattern; pattern++) {
        plain[0] = *pattern;
        text = *pattern == '*' ? run[k] : *pattern == '?' ? one[k] : plain;
        len = strlen(text);
        if (n + len >= size)
            break;
        memcpy(out + n, text, len);
        n += len;
    }
    out[n] = '\0';
    return true;
}

/* ---- configs ---- */

/* One config as it is put together. */
struct draft {
    const struct sm_policy_config *config;
    sm_diff_config_fn *fn;
    void *ctx;
    bool done;              /* no more are wanted */
    struct sm_policy_fact facts[12];
    size_t n;
    char values[12][1024];
    char field[256];        /* of <field>, with its indices */
};

static void put(struct draft *d, const char *field, const char *value)
{
    snprintf(d->values[d->n], sizeof(d->values[d->n]), "%s", value);
    d->facts[d->n].field = field;
    d->facts[d->n].value = d->values[d->n];
    d->n++;
}

static void put_number(struct draft *d, const char *field,
                       unsigned long long value)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", value);
    put(d, field, text);
}

/* The pattern's example `k`, false when there is none. */
static bool put_example(struct draft *d, const char *field,
                        const char *pattern, size_t k)
{
    char text[1024];

    if (!sm_diff_example(pattern, k, text, sizeof(text)))
        return false;
    put(d, field, text);
    return true;
}

static void tell(struct draft *d)
{
    if (!d->done)
        d->done = !d->fn(d->ctx, d->facts, d->n);
}

/* The word of bit `bit` of a set. */
static const char *word(enum sm_policy_vocabulary set, unsigned int bit)
{
    static const char *const all[] = {
        "pv", "pvh", "hvm", "raw", "qcow", "qcow2", "vhd", "qed", "phy",
        "qdisk", "tap", "standalone",
    };
    size_t i;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (sm_policy_word(set, all[i], strlen(all[i])) == bit)
            return all[i];
    return NULL;
}

/* The first word of a set, or NULL. */
static const char *first_word(enum sm_policy_vocabulary set,
                              unsigned int bits)
{
    return word(set, bits & -bits);
}

/* What an example of a disk has other than its first format and so on. */
struct disk_choice {
    size_t path;
    const char *format, *backend, *write;
};

static bool put_disk(struct draft *d, const struct sm_policy_disk *disk,
                     const struct disk_choice *other)
{
    const char *format = other->format ? other->format :
                         first_word(SM_POLICY_FORMATS, disk->formats);

    if (!put_example(d, "disks[0].pdev_path", disk->path, other->path))
        return false;
    if (format)
        put(d, "disks[0].format", format);
    if (other->backend)
        put(d, "disks[0].backend", other->backend);
    if (disk->script)
        put(d, "disks[0].script", disk->script);
    put(d, "disks[0].readwrite", other->write ? other->write :
        disk->readonly ? "False" : "True");
    return true;
}

static bool put_bridge(struct draft *d, const struct sm_policy_bridge *br,
                       size_t name, size_t interface, bool script)
{
    if (!put_example(d, "nics[0].bridge", br->name, name))
        return false;
    if (br->script && script)
        put(d, "nics[0].script", br->script);
    return !br->interface ||
           put_example(d, "nics[0].ifname", br->interface, interface);
}

static void put_pci(struct draft *d, const struct sm_policy_pci *pci,
                    unsigned int func)
{
    put_number(d, "pcidevs[0].domain", pci->domain);
    put_number(d, "pcidevs[0].bus", pci->bus);
    put_number(d, "pcidevs[0].dev", pci->dev);
    put_number(d, "pcidevs[0].func", func);
    if (pci->permissive)
        put(d, "pcidevs[0].permissive", "True");
}

/* A config that has `n` facts already, with this disk in turn. */
static void each_disk(struct draft *d, size_t n,
                      const struct sm_policy_disk *disk)
{
    struct disk_choice choice;
    unsigned int i;
    size_t k;

    for (k = 0; k < EXAMPLES; k++, d->n = n)
        if (put_disk(d, disk, &(struct disk_choice){ .path = k }))
            tell(d);
    for (i = 0; i < 2 * WORDS; i++, d->n = n) {
        choice = (struct disk_choice){ .path = 0 };
        if (i < WORDS)
            choice.format = disk->formats & 1u << i ?
                            word(SM_POLICY_FORMATS, 1u << i) : NULL;
        else
            choice.backend = disk->backends & 1u << (i - WORDS) ?
                             word(SM_POLICY_BACKENDS, 1u << (i - WORDS)) :
                             NULL;
        if ((choice.format || choice.backend) && put_disk(d, disk, &choice))
            tell(d);
    }
    choice = (struct disk_choice){ .write = disk->readonly ? "True" :
                                                             "False" };
    if (put_disk(d, disk, &choice))
        tell(d);
    d->n = n;
}

static void each_bridge(struct draft *d, size_t n,
                        const struct sm_policy_bridge *br)
{
    size_t i, k;

    for (i = 0; i < EXAMPLES; i++)
        for (k = 0; k < EXAMPLES; k++, d->n = n)
            if ((br->interface || !k) && put_bridge(d, br, i, k, true))
                tell(d);
    if (br->script && put_bridge(d, br, 0, 0, false))
        tell(d);
    d->n = n;
}

static void each_pci(struct draft *d, size_t n,
                     const struct sm_policy_pci *pci)
{
    put_pci(d, pci, pci->func < 0 ? 0 : (unsigned int)pci->func);
    tell(d);
    d->n = n;
    if (pci->func < 0) {
        put_pci(d, pci, 7);
        tell(d);
        d->n = n;
    }
}

/* The device that the field is of, as the <config> admits one. */
static void put_device(struct draft *d, const char *field)
{
    const struct sm_policy_config *c = d->config;

    if (!strncmp(field, "disks[", 6) && c->n_disks)
        put_disk(d, &c->disks[0], &(struct disk_choice){ .path = 0 });
    else if (!strncmp(field, "nics[", 5) && c->n_bridges)
        put_bridge(d, &c->bridges[0], 0, 0, true);
    else if (!strncmp(field, "pcidevs[", 8) && c->n_pcis)
        put_pci(d, &c->pcis[0], c->pcis[0].func < 0 ? 0 :
                (unsigned int)c->pcis[0].func);
}

/* Each example of the value, in place of what the config had there. */
static void each_field(struct draft *d, size_t n,
                       const struct sm_policy_field *f)
{
    char value[1024];
    size_t k, i, len = 0;
    const char *p;

    for (p = f->path; *p && len + 4 < sizeof(d->field); p++) {
        d->field[len++] = *p;
        if (!strncmp(p, "[*]", 3)) {
            d->field[len++] = '0';
            p++;
        }
    }
    d->field[len] = '\0';
    for (k = 0; sm_diff_example(f->value, k, value, sizeof(value));
         k++, d->n = n) {
        put_device(d, d->field);
        for (i = 0; i < d->n && strcmp(d->facts[i].field, d->field); i++)
            ;
        if (i == d->n)
            put(d, d->field, value);
        else
            snprintf(d->values[i], sizeof(d->values[i]), "%s", value);
        tell(d);
        /* It may have been the kind of guest. */
        if (i < n)
            snprintf(d->values[i], sizeof(d->values[i]), "%s",
                     first_word(SM_POLICY_TYPES, d->config->types));
    }
}

static void each_limit(struct draft *d, size_t n)
{
    const struct sm_policy_config *c = d->config;
    unsigned int over;

    for (over = 0; over < 2; over++, d->n = n) {
        if (c->has_memory) {
            put_number(d, "b_info.max_memkb", c->memory_max + over);
            tell(d);
            d->n = n;
        }
        if (c->has_vcpus) {
            put_number(d, "b_info.max_vcpus", c->vcpus_max + over);
            tell(d);
        }
    }
}

static void each_list(struct draft *d, size_t n, const char *type)
{
    static const char *const fields[SM_POLICY_LISTS] = {
        [SM_POLICY_KERNEL] = "b_info.kernel",
        [SM_POLICY_RAMDISK] = "b_info.ramdisk",
        [SM_POLICY_BOOTLOADER] = "b_info.bootloader",
        [SM_POLICY_DEVICE_MODEL] = "b_info.device_model",
        [SM_POLICY_FIRMWARE] = "b_info.type.hvm.firmware",
        [SM_POLICY_SECLABEL] = "c_info.ssid_label",
        [SM_POLICY_VNC] = "vfbs[0].vnc.listen",
    };
    size_t list, i, k;

    for (list = 0; list < SM_POLICY_LISTS; list++) {
        if (list == SM_POLICY_FIRMWARE && strcmp(type, "hvm"))
            continue;
        for (i = 0; i < d->config->lists[list].n; i++)
            for (k = 0; put_example(d, fields[list],
                                    d->config->lists[list].patterns[i], k);
                 k++, d->n = n)
                tell(d);
    }
}

void sm_diff_configs(const struct sm_policy_config *config,
                     sm_diff_config_fn *fn, void *ctx)
{
    struct draft d;
    const char *type;
    unsigned int bit;
    size_t i;

    d.config = config;
    d.fn = fn;
    d.ctx = ctx;
    d.done = false;
    for (bit = 1; bit <= SM_POLICY_TYPE_HVM; bit <<= 1) {
        type = config->types & bit ? word(SM_POLICY_TYPES, bit) : NULL;
        if (!type)
            continue;
        d.n = 0;
        put(&d, "c_info.type", type);
        tell(&d);
        each_limit(&d, 1);
        each_list(&d, 1, type);
        for (i = 0; !d.done && i < config->n_disks; i++)
            each_disk(&d, 1, &config->disks[i]);
        for (i = 0; !d.done && i < config->n_bridges; i++)
            each_bridge(&d, 1, &config->bridges[i]);
        for (i = 0; !d.done && i < config->n_pcis; i++)
            each_pci(&d, 1, &config->pcis[i]);
        for (i = 0; !d.done && i < config->n_fields; i++)
            each_field(&d, 1, &config->fields[i]);
    }
}
