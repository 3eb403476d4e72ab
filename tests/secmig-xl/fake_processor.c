/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded with fake_xen.c and fake_domains.c: as much of libxenguest as the
 * verbs about processors call, over a file (FAKE_PROCESSOR) with a line for
 * each leaf of a policy, all but the first in hexadecimal:
 *
 *     dDOMID|hvm|pv LEAF SUBLEAF A B C D
 *
 * FAKE_FAIL names a call that fails: init, size, get or serialise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>
#include <xen/features.h>
#include <xenguest.h>

#define MAX 16

struct xc_cpu_policy {
    xen_cpuid_leaf_t leaves[MAX];
    uint32_t n;
};

static int fails(const char *what)
{
    const char *fail = getenv("FAKE_FAIL");

    return fail && !strcmp(fail, what);
}

xc_cpu_policy_t *xc_cpu_policy_init(void)
{
    return fails("init") ? NULL : calloc(1, sizeof(xc_cpu_policy_t));
}

void xc_cpu_policy_destroy(xc_cpu_policy_t *policy)
{
    free(policy);
}

/* -1 as well when there is no such policy. */
static int get(const char *want, xc_cpu_policy_t *policy)
{
    FILE *f = fopen(getenv("FAKE_PROCESSOR"), "r");
    xen_cpuid_leaf_t l;
    char whose[16];

    if (!f)
        abort();
    while (policy->n < MAX &&
           fscanf(f, "%15s %x %x %x %x %x %x", whose, &l.leaf, &l.subleaf,
                  &l.a, &l.b, &l.c, &l.d) == 7)
        if (!strcmp(whose, want))
            policy->leaves[policy->n++] = l;
    fclose(f);
    return policy->n && !fails("get") ? 0 : -1;
}

int xc_cpu_policy_get_system(xc_interface *xch, unsigned int index,
                             xc_cpu_policy_t *policy)
{
    (void)xch;
    if (index != XEN_SYSCTL_cpu_policy_pv_max &&
        index != XEN_SYSCTL_cpu_policy_hvm_max)
        abort();
    return get(index == XEN_SYSCTL_cpu_policy_pv_max ? "pv" : "hvm", policy);
}

int xc_cpu_policy_get_domain(xc_interface *xch, uint32_t domid,
                             xc_cpu_policy_t *policy)
{
    char whose[16];

    (void)xch;
    snprintf(whose, sizeof(whose), "d%u", domid);
    return get(whose, policy);
}

int xc_cpu_policy_get_size(xc_interface *xch, uint32_t *nr_leaves,
                           uint32_t *nr_msrs)
{
    (void)xch;
    *nr_leaves = MAX;
    *nr_msrs = 1;
    return fails("size") ? -1 : 0;
}

int xc_cpu_policy_serialise(xc_interface *xch, const xc_cpu_policy_t *policy,
                            xen_cpuid_leaf_t *leaves, uint32_t *nr_leaves,
                            xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    (void)xch;
    (void)nr_msrs;
    if (msrs || *nr_leaves < policy->n)
        abort();
    memcpy(leaves, policy->leaves, policy->n * sizeof(*leaves));
    *nr_leaves = policy->n;
    return fails("serialise") ? -1 : 0;
}
