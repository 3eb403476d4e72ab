/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room for a domain.  xl makes room by ballooning dom0 down when its option
 * `autoballoon` says so (xl.conf; "auto", the default, is "off" when Xen was
 * started with dom0_mem=).  The same decision is made here, from the same
 * two places, so that `room` neither promises memory that xl cannot free nor
 * refuses what it could.
 */
#include "xl.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxlutil.h>

#define XL_CONF "/etc/xen/xl.conf"

/* libxl never balloons dom0 below this (LIBXL_MIN_DOM0_MEM). */
#define DOM0_MIN_KB (128u * 1024u)

/* auto_autoballoon() of xl: on, unless the command line fixes dom0_mem. */
static bool auto_autoballoon(libxl_ctx *ctx)
{
#define SIZE "-?[0-9]+[bBkKmMgGtT]?"
    static const char fixed[] =
        "(^| )dom0_mem=((|min:|max:)(" SIZE "|(" SIZE "\\+)?[0-9]{1,2}%),?)"
        "+($| )";
#undef SIZE
    const libxl_version_info *info = libxl_get_version_info(ctx);
    regex_t regex;
    int r;

    if (!info || regcomp(&regex, fixed, REG_NOSUB | REG_EXTENDED))
        return true;
    r = regexec(&regex, info->commandline, 0, NULL, 0);
    regfree(&regex);
    return r == REG_NOMATCH;
}

static bool autoballoon(libxl_ctx *ctx)
{
    XLU_Config *conf = NULL;
    const char *value = "auto";
    void *text = NULL;
    int len = 0;
    bool on;

    if (!libxl_read_file_contents(ctx, XL_CONF, &text, &len) &&
        (conf = xlu_cfg_init(stderr, XL_CONF)) &&
        !xlu_cfg_readdata(conf, text, len))
        xlu_cfg_get_string(conf, "autoballoon", &value, 0);

    if (!strcmp(value, "on") || !strcmp(value, "1"))
        on = true;
    else if (!strcmp(value, "off") || !strcmp(value, "0"))
        on = false;
    else
        on = auto_autoballoon(ctx);

    if (conf)
        xlu_cfg_destroy(conf);
    free(text);
    return on;
}

int xl_memory_room(libxl_ctx *ctx, uint64_t *kb_r)
{
    uint64_t kb, dom0_kb;

    if (libxl_get_free_memory(ctx, &kb)) {
        xl_complain("libxl cannot tell how much memory is free");
        return SM_XL;
    }
    if (autoballoon(ctx)) {
        if (libxl_get_memory_target(ctx, 0, &dom0_kb)) {
            xl_complain("libxl cannot tell how much memory dom0 has");
            return SM_XL;
        }
        if (dom0_kb > DOM0_MIN_KB)
            kb += dom0_kb - DOM0_MIN_KB;
    }
    *kb_r = kb;
    return 0;
}
