/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "roles.h"

static void usage(FILE *out)
{
    fputs("usage: secmigd [--root DIR] [--config FILE] [--debug]\n"
          "The secure migration service of a Xen host; runs in the "
          "foreground.\n"
          "  --root DIR     put every file and socket under DIR\n"
          "  --config FILE  read FILE instead of " SM_ETC_DIR
          "/secmigd.conf\n"
          "  --debug        log more\n"
          "See secmigd(8), secmigd.conf(5).\n", out);
}

static const struct {
    const char *name, *shown, *comm;
    int (*run)(const struct sm_conf *conf);
} roles[] = {
    { "keeper",  "secmigd keeper", "secmigd-keeper",  keeper_main },
    { "dialer",  "secmigd dialer", "secmigd-dialer",  dialer_main },
    { "peer",    "secmigd peer", "secmigd-peer",    peer_main },
    { "control", "secmigd control", "secmigd-client", control_main },
};

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "root", required_argument, NULL, 'r' },
        { "config", required_argument, NULL, 'c' },
        { "debug", no_argument, NULL, 'd' },
        { "role", required_argument, NULL, 'R' },   /* by the parent */
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *root = NULL, *file = NULL, *role = NULL;
    enum sm_log_level level = SM_LOG_INFO;
    struct sm_conf conf;
    char why[1024];
    size_t i;
    int c, rc;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'r': root = optarg; break;
        case 'c': file = optarg; break;
        case 'd': level = SM_LOG_DEBUG; break;
        case 'R': role = optarg; break;
        case 'h': usage(stdout); return 0;
        default: usage(stderr); return sm_err_exit(SM_USAGE);
        }
    }
    if (optind != argc) {
        usage(stderr);
        return sm_err_exit(SM_USAGE);
    }
    sm_log_init("secmigd", level);
    signal(SIGPIPE, SIG_IGN);

    rc = sm_secret_init();
    if (rc) {
        sm_error("cannot protect memory");
        return sm_err_exit(rc);
    }
    rc = sm_conf_init(&conf, root, file);
    if (rc) {
        sm_error("a path is too long");
        return sm_err_exit(rc);
    }
    rc = sm_conf_load(&conf, why, sizeof(why));
    if (rc) {
        sm_error("%s", why);
        return sm_err_exit(rc);
    }
    sm_conf_users(&conf);
    if (!role)
        return parent_main(&conf, root, file);
    for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (!strcmp(roles[i].name, role)) {
            sm_log_init(roles[i].shown, level);
            prctl(PR_SET_NAME, roles[i].comm);      /* as ps shows it */
            return roles[i].run(&conf);
        }
    }
    usage(stderr);
    return sm_err_exit(SM_USAGE);
}
