/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verb `config`: a configuration that a peer sent, through libxl's own
 * parser and back.  What the daemon checks against policy, and what it later
 * hands to xl, is the text that libxl made, so that no two parsers can
 * disagree about it.  And the version of Xen that runs here.
 */
#include "xl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flatten.h"
#include "xen/version.h"

/*
 * What runs this host.  It goes with the configuration, since both hosts of
 * a migration ask for that, and the daemons compare.  Read before the
 * sandbox is entered, in which the hypervisor cannot be asked.
 */
static int get_version(libxl_ctx *ctx, struct sm_xen_version *v)
{
    const libxl_version_info *info = libxl_get_version_info(ctx);

    /* libxl says -1 when the hypervisor does not answer. */
    if (!info || info->xen_version_major <= 0 ||
        info->xen_version_major > UINT16_MAX ||
        info->xen_version_minor < 0 ||
        info->xen_version_minor > UINT16_MAX) {
        xl_complain("libxl cannot tell which version of Xen this is");
        return SM_XEN_VERSION;
    }
    v->major = (uint16_t)info->xen_version_major;
    v->minor = (uint16_t)info->xen_version_minor;
    return 0;
}

/* All of standard input; a NUL is put behind it. */
static int read_config(char **text_r, size_t *len_r)
{
    char *text = NULL;
    size_t len = 0;
    ssize_t n;
    int rc;

    text = malloc(XL_CONFIG_MAX + 1);
    if (!text) { rc = SM_NO_MEMORY; goto out; }
    do {
        n = read(STDIN_FILENO, text + len, XL_CONFIG_MAX + 1 - len);
        if (n < 0 && errno != EINTR) {
            xl_complain("reading the configuration failed");
            rc = SM_IO;
            goto out;
        }
        len += n > 0 ? (size_t)n : 0;
    } while (n != 0 && len <= XL_CONFIG_MAX);

    if (len == 0 || len > XL_CONFIG_MAX || memchr(text, '\0', len)) {
        xl_complain("the configuration is empty, longer than %u bytes, or "
                    "has a NUL", XL_CONFIG_MAX);
        rc = SM_PROTOCOL;
        goto out;
    }
    text[len] = '\0';
    *text_r = text;
    *len_r = len;
    text = NULL;
    rc = 0;

out:
    free(text);
    return rc;
}

static int put_answer(const libxl_domain_config *d_config,
                      const struct sm_xen_version *version, const char *json,
                      struct sm_wire_writer *w)
{
    const libxl_domain_build_info *b_info = &d_config->b_info;
    bool nomigrate = false;
    uint32_t facts;
    size_t count_at;
    char why[600];
    int rc;

    if (!d_config->c_info.name || !d_config->c_info.name[0] ||
        strlen(d_config->c_info.name) > XL_NAME_MAX ||
        libxl_uuid_is_nil(&d_config->c_info.uuid)) {
        xl_complain("the configuration has no uuid, no name or a name of "
                    "more than %u bytes", XL_NAME_MAX);
        return SM_PROTOCOL;
    }
    if (b_info->max_memkb == LIBXL_MEMKB_DEFAULT || b_info->max_memkb == 0) {
        xl_complain("the configuration says nothing about memory");
        return SM_PROTOCOL;
    }
    if (!libxl_defbool_is_default(b_info->disable_migrate))
        nomigrate = libxl_defbool_val(b_info->disable_migrate);

    sm_wire_put_bytes(w, libxl_uuid_bytearray_const(&d_config->c_info.uuid),
                      16);
    sm_wire_put_str(w, d_config->c_info.name);
    sm_wire_put_u64(w, b_info->max_memkb);
    sm_wire_put_u32(w, nomigrate ? XL_NOMIGRATE : 0);
    sm_xen_version_put(w, version);
    sm_wire_put_blob(w, json, strlen(json));
    count_at = w->len;
    sm_wire_put_u32(w, 0);
    rc = sm_flatten(json, strlen(json), w, &facts, why, sizeof(why));
    if (rc) {
        xl_complain("the configuration is refused: %s", why);
        return rc;
    }
    sm_wire_patch_u32(w, count_at, facts);
    return 0;
}

int xl_config(libxl_ctx *ctx, char **argv)
{
    libxl_domain_config d_config;
    struct sm_xen_version version;
    struct sm_wire_writer w;
    char *text = NULL, *json = NULL;
    uint32_t facts;
    char why[600];
    size_t len;
    int rc;

    (void)argv;
    /* Text, canonical text and facts, which repeat each path. */
    sm_wire_writer_init(&w, 8 * XL_CONFIG_MAX);
    libxl_domain_config_init(&d_config);

    rc = get_version(ctx, &version);
    if (rc) goto out;
    rc = xl_sandbox();
    if (rc) goto out;
    rc = read_config(&text, &len);
    if (rc) goto out;

    /* First our own bounds: libxl's parser has none. */
    rc = sm_flatten(text, len, NULL, &facts, why, sizeof(why));
    if (rc) {
        xl_complain("the configuration is refused: %s", why);
        goto out;
    }
    if (libxl_domain_config_from_json(ctx, &d_config, text)) {
        xl_complain("the configuration is refused: libxl cannot parse it");
        rc = SM_PROTOCOL;
        goto out;
    }
    json = libxl_domain_config_to_json(ctx, &d_config);
    if (!json || strlen(json) > XL_CONFIG_MAX) {
        xl_complain("the configuration is refused: libxl cannot write it "
                    "in %u bytes", XL_CONFIG_MAX);
        rc = SM_PROTOCOL;
        goto out;
    }
    rc = put_answer(&d_config, &version, json, &w);
    if (rc) goto out;
    rc = xl_answer(&w);

out:
    free(json);
    free(text);
    libxl_domain_config_dispose(&d_config);
    sm_wire_writer_dispose(&w);
    return rc;
}
