/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verbs about processors: which features a guest has been told of, and
 * whether this host can give them to it.  Both by Xen's own lists, since what
 * a guest may have is what the processor has and Xen lets through.
 */
#include "xl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>
#include <xen/features.h>  /* Xen's; xenguest.h uses it */
#include <xenguest.h>

#include "xen/cpu_features.h"

/* The words of `policy`.  Returns 0 or SM_XL. */
static int pick(xc_interface *xch, const xc_cpu_policy_t *policy,
                struct sm_xen_features *f)
{
    xen_cpuid_leaf_t *leaves = NULL;
    uint32_t n, msrs, i;
    int rc;

    memset(f, 0, sizeof(*f));
    if (xc_cpu_policy_get_size(xch, &n, &msrs)) { rc = SM_XL; goto out; }
    leaves = calloc(n, sizeof(*leaves));
    if (!leaves) { rc = SM_XL; goto out; }
    if (xc_cpu_policy_serialise(xch, policy, leaves, &n, NULL, NULL)) {
        rc = SM_XL;
        goto out;
    }
    for (i = 0; i < n; i++)
        sm_xen_features_pick(f, leaves[i].leaf, leaves[i].subleaf,
                             leaves[i].a, leaves[i].b, leaves[i].c,
                             leaves[i].d);
    rc = sm_xen_features_ok(f) ? 0 : SM_XL;

out:
    free(leaves);
    return rc;
}

/*
 * Those of the domain `*domid`; without one, of all that Xen knows as
 * `system` (XEN_SYSCTL_cpu_policy_*).  Returns 0 or SM_XL.
 */
static int get_features(const uint32_t *domid, unsigned int system,
                        struct sm_xen_features *f)
{
    xc_cpu_policy_t *policy = NULL;
    xc_interface *xch;
    int r, rc;

    xch = xc_interface_open(NULL, NULL, 0);
    if (!xch) { rc = SM_XL; goto out; }
    policy = xc_cpu_policy_init();
    if (!policy) { rc = SM_XL; goto out; }
    if (domid)
        r = xc_cpu_policy_get_domain(xch, *domid, policy);
    else
        r = xc_cpu_policy_get_system(xch, system, policy);
    rc = r ? SM_XL : pick(xch, policy, f);

out:
    if (policy)
        xc_cpu_policy_destroy(policy);
    if (xch)
        xc_interface_close(xch);
    return rc;
}

/* The one domain with this uuid that is not being destroyed. */
static int find_uuid(libxl_ctx *ctx, const char *text, uint32_t *domid)
{
    libxl_dominfo *list = NULL;
    int count = 0, found = 0, i, rc;
    libxl_uuid uuid;

    rc = xl_parse_uuid(text, &uuid);
    if (rc) goto out;
    list = libxl_list_domain(ctx, &count);
    if (!list) {
        xl_complain("libxl cannot list the domains");
        rc = SM_XL;
        goto out;
    }
    for (i = 0; i < count; i++) {
        if (libxl_uuid_compare(&list[i].uuid, &uuid) || list[i].dying)
            continue;
        *domid = list[i].domid;
        found++;
    }
    if (found == 0) {
        xl_complain("no guest with this uuid");
        rc = SM_NO_DOMAIN;
    } else if (found > 1) {
        xl_complain("%d domains have this uuid", found);
        rc = SM_STATE;
    }

out:
    if (list)
        libxl_dominfo_list_free(list, count);
    return rc;
}

int xl_features(libxl_ctx *ctx, char **argv)
{
    struct sm_xen_features features;
    struct sm_wire_writer w;
    uint32_t domid = 0;
    int rc;

    sm_wire_writer_init(&w, 4096);
    rc = find_uuid(ctx, argv[0], &domid);
    if (rc) goto out;
    rc = get_features(&domid, 0, &features);
    if (rc) {
        xl_complain("Xen cannot tell which processor features domain %u has",
                    domid);
        goto out;
    }
    sm_xen_features_put(&w, &features);
    rc = xl_answer(&w);

out:
    sm_wire_writer_dispose(&w);
    return rc;
}

int xl_fits(libxl_ctx *ctx, char **argv)
{
    char first[SM_XEN_FEATURE_NAME_SIZE], more[32] = "";
    struct sm_xen_features guest, host;
    unsigned int system, missing;
    int rc;

    (void)ctx;
    if (!strcmp(argv[0], "pv")) {
        system = XEN_SYSCTL_cpu_policy_pv_max;
    } else if (!strcmp(argv[0], "pvh") || !strcmp(argv[0], "hvm")) {
        system = XEN_SYSCTL_cpu_policy_hvm_max;
    } else {
        xl_complain("not a type of guest: pv, pvh or hvm");
        return SM_USAGE;
    }
    if (!sm_xen_features_parse(&guest, argv[1])) {
        xl_complain("not the processor features of a guest");
        return SM_USAGE;
    }
    rc = get_features(NULL, system, &host);
    if (rc) {
        printf("Xen cannot tell which processor features this host has for "
               "a guest of type %s\n", argv[0]);
        return xl_said(rc);
    }
    missing = sm_xen_features_missing(&guest, &host, first);
    if (!missing) {
        printf("this host has the guest's processor features\n");
        return xl_said(0);
    }
    if (missing > 1)
        snprintf(more, sizeof(more), " and %u more", missing - 1);
    printf("this host lacks %s that the guest has been told of: %s%s; start "
           "it anew with what both hosts have (cpuid= in its configuration), "
           "or choose another host\n", missing > 1 ? "processor features" :
           "a processor feature", first, more);
    return xl_said(SM_PROCESSOR);
}
