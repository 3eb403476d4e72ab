/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs about domains of this host: domain, room. */
#include "xl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handover/journal.h"

/*
 * What a domain needs beside its memory: libxl's estimate for page tables
 * (two pages for a MiB), and the constants it adds per domain and per vCPU,
 * rounded up.
 */
#define OVERHEAD_KB(memory_kb) ((memory_kb) / 128 + 4096)

static int parse_number(const char *text, uint64_t max, uint64_t *out)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] < '0' || text[0] > '9' ||
        v > max) {
        xl_complain("not a number in range");
        return SM_USAGE;
    }
    *out = v;
    return 0;
}

int xl_parse_uuid(const char *text, libxl_uuid *uuid)
{
    if (strlen(text) != LIBXL_UUID_FMTLEN ||
        libxl_uuid_from_string(uuid, text) || libxl_uuid_is_nil(uuid)) {
        xl_complain("not a uuid");
        return SM_USAGE;
    }
    return 0;
}

int xl_check_name(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > XL_NAME_MAX || !sm_wire_text_ok(name, len)) {
        xl_complain("not a domain name");
        return SM_USAGE;
    }
    return 0;
}

/*
 * The domain that `text` means, as xl understands it: a number is a domid,
 * anything else a name.  Dom0 is no guest.
 */
static int find_domain(libxl_ctx *ctx, const char *text, uint32_t *domid)
{
    uint64_t number;
    int rc;

    if (text[strspn(text, "0123456789")] == '\0') {
        rc = parse_number(text, UINT32_MAX, &number);
        if (rc)
            return rc;
        *domid = (uint32_t)number;
    } else if (text[0] == '-') {
        xl_complain("neither a domid nor a name");
        return SM_USAGE;
    } else {
        rc = xl_check_name(text);
        if (rc)
            return rc;
        if (libxl_name_to_domid(ctx, text, domid)) {
            xl_complain("no guest of that name");
            return SM_NO_DOMAIN;
        }
    }
    if (*domid == 0) {
        xl_complain("domain 0 is no guest");
        return SM_NO_DOMAIN;
    }
    return 0;
}

bool xl_name_is(const char *full, const char *name, const char *suffix)
{
    size_t len = strlen(name);

    return !strncmp(full, name, len) && !strcmp(full + len, suffix);
}

/* Whether the owner forbade migration; only the stored config knows. */
static int get_nomigrate(libxl_ctx *ctx, uint32_t domid, bool *nomigrate_r)
{
    libxl_domain_config d_config;
    int rc;

    libxl_domain_config_init(&d_config);
    if (libxl_retrieve_domain_configuration(ctx, domid, &d_config, NULL)) {
        xl_complain("libxl has no configuration of domain %" PRIu32, domid);
        rc = SM_XL;
        goto out;
    }
    *nomigrate_r =
        !libxl_defbool_is_default(d_config.b_info.disable_migrate) &&
        libxl_defbool_val(d_config.b_info.disable_migrate);
    rc = 0;

out:
    libxl_domain_config_dispose(&d_config);
    return rc;
}

int xl_domain(libxl_ctx *ctx, char **argv)
{
    struct sm_wire_writer w;
    libxl_dominfo info;
    char *name = NULL;
    uint32_t domid;
    bool nomigrate;
    int rc;

    sm_wire_writer_init(&w, 4096);
    libxl_dominfo_init(&info);

    rc = find_domain(ctx, argv[0], &domid);
    if (rc) goto out;
    rc = libxl_domain_info(ctx, &info, domid);
    if (rc == ERROR_DOMAIN_NOTFOUND || (!rc && info.dying)) {
        xl_complain("no guest with domid %" PRIu32, domid);
        rc = SM_NO_DOMAIN;
        goto out;
    }
    if (rc) {
        xl_complain("libxl cannot tell about domain %" PRIu32, domid);
        rc = SM_XL;
        goto out;
    }
    name = libxl_domid_to_name(ctx, domid);
    if (!name || xl_check_name(name)) {
        xl_complain("domain %" PRIu32 " has no usable name", domid);
        rc = SM_STATE;
        goto out;
    }
    rc = get_nomigrate(ctx, domid, &nomigrate);
    if (rc) goto out;

    sm_wire_put_u32(&w, domid);
    sm_wire_put_bytes(&w, libxl_uuid_bytearray_const(&info.uuid), 16);
    sm_wire_put_str(&w, name);
    sm_wire_put_u64(&w, info.max_memkb);
    sm_wire_put_u32(&w, nomigrate ? XL_NOMIGRATE : 0);
    rc = xl_answer(&w);

out:
    free(name);
    libxl_dominfo_dispose(&info);
    sm_wire_writer_dispose(&w);
    return rc;
}

int xl_room(libxl_ctx *ctx, char **argv)
{
    libxl_dominfo *list = NULL;
    uint64_t memory_kb, need_kb, room_kb;
    const char *name = argv[2];
    char *other = NULL;
    libxl_uuid uuid;
    int count = 0, i, rc;

    rc = parse_number(argv[0], UINT64_MAX / 2, &memory_kb);
    if (rc) goto out;
    rc = xl_parse_uuid(argv[1], &uuid);
    if (rc) goto out;
    rc = xl_check_name(name);
    if (rc) goto out;

    list = libxl_list_domain(ctx, &count);
    if (!list) {
        xl_complain("libxl cannot list the domains");
        rc = SM_XL;
        goto out;
    }
    for (i = 0; i < count; i++) {
        if (!libxl_uuid_compare(&list[i].uuid, &uuid)) {
            printf("a domain with this uuid is here already (domid %u)\n",
                   list[i].domid);
            rc = SM_EXISTS;
            goto out;
        }
        free(other);
        other = libxl_domid_to_name(ctx, list[i].domid);
        if (other && (xl_name_is(other, name, "") ||
                      xl_name_is(other, name, SM_HANDOVER_COPY_SUFFIX))) {
            printf("a domain named %s is here already (domid %u)\n",
                   other, list[i].domid);
            rc = SM_EXISTS;
            goto out;
        }
    }

    rc = xl_memory_room(ctx, &room_kb);
    if (rc) goto out;
    need_kb = memory_kb + OVERHEAD_KB(memory_kb);
    if (need_kb > room_kb) {
        printf("the guest needs %" PRIu64 " MiB, this host has %" PRIu64
               " MiB left\n", need_kb / 1024, room_kb / 1024);
        rc = SM_NO_MEMORY;
        goto out;
    }
    printf("room for %" PRIu64 " MiB\n", need_kb / 1024);
    rc = 0;

out:
    free(other);
    if (list)
        libxl_dominfo_list_free(list, count);
    return xl_said(rc);
}
