/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <xentoollog.h>

/*
 * The daemon has its own deadlines, action-timeout the longest of them (at most
 * 600 s); this one is for a libxl that hangs on a lock or on xenstore when the
 * daemon is gone.
 */
#define SECONDS_MAX 660

static const struct verb {
    const char *name;
    int args, more;             /* how many; how many more may follow */
    int (*run)(libxl_ctx *ctx, char **argv);
    const char *usage;
} verbs[] = {
    { "domain", 1, 0, xl_domain,   "domain DOMID|NAME" },
    { "config", 0, 0, xl_config,   "config <CONFIG.json" },
    { "features", 1, 0, xl_features, "features UUID" },
    { "fits", 2, 0, xl_fits,       "fits pv|pvh|hvm FEATURES" },
    { "room", 3, 0, xl_room,       "room MEMORY_KB UUID NAME" },
    { "look", 3, 0, xl_look,       "look source|destination UUID NAME" },
    { "hold", 2, 1, xl_hold,       "hold UUID NAME [DOMID]" },
    { "resume", 2, 1, xl_resume,   "resume UUID NAME [DOMID]" },
    { "destroy", 2, 1, xl_destroy, "destroy UUID NAME [DOMID]" },
    { "start", 3, 1, xl_start,     "start UUID NAME run|paused [DOMID]" },
    { "name", 3, 0, xl_name,       "name UUID NAME DOMID" },
    { "discard", 2, 1, xl_discard, "discard UUID NAME [DOMID]" },
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

void xl_complain(const char *fmt, ...)
{
    va_list ap;

    fputs("secmig-xl: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

int xl_answer(const struct sm_wire_writer *w)
{
    size_t at = 0;
    ssize_t n;
    int rc;

    rc = sm_wire_error(w);
    if (rc) {
        xl_complain("an answer cannot be written: %s", sm_err_text(rc));
        return rc;
    }
    while (at < w->len) {
        n = write(STDOUT_FILENO, w->data + at, w->len - at);
        if (n < 0) {
            xl_complain("writing the answer failed");
            return SM_IO;
        }
        at += (size_t)n;
    }
    return 0;
}

int xl_said(int rc)
{
    if (fflush(stdout) && !rc)
        return SM_IO;
    return rc;
}

static int usage(void)
{
    size_t i;

    for (i = 0; i < VERBS; i++)
        fprintf(stderr, "usage: secmig-xl %s\n", verbs[i].usage);
    return sm_err_exit(SM_USAGE);
}

int main(int argc, char **argv)
{
    struct rlimit no_core = { 0, 0 };
    const struct verb *verb = NULL;
    xentoollog_logger *logger;
    libxl_ctx *ctx;
    size_t i;

    for (i = 0; argc > 1 && i < VERBS; i++)
        if (!strcmp(argv[1], verbs[i].name) && argc >= verbs[i].args + 2 &&
            argc <= verbs[i].args + verbs[i].more + 2)
            verb = &verbs[i];
    if (!verb)
        return usage();

    /* A core would hold configurations, with the passwords in them. */
    if (setrlimit(RLIMIT_CORE, &no_core)) {
        xl_complain("core dumps cannot be switched off");
        return sm_err_exit(SM_STATE);
    }
    alarm(SECONDS_MAX);

    logger = (xentoollog_logger *)
        xtl_createlogger_stdiostream(stderr, XTL_ERROR, 0);
    if (!logger || libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, logger)) {
        xl_complain("libxl does not start: is this a Xen dom0 with "
                    "xenstore running?");
        if (logger)
            xtl_logger_destroy(logger);
        return sm_err_exit(SM_STATE);
    }
    /* The sandbox of `config` has no way back: the context is not freed. */
    return sm_err_exit(verb->run(ctx, argv + 2));
}
