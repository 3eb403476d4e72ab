/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig-vault: opens sealed storage and uses the TPM, for secmigd, one
 * request a process.  It is the only part of the daemon that links the TPM's
 * stack.
 *
 *   secmig-vault release host|store [--root DIR] [--config FILE]
 *
 *       Descriptor 3 is a socket of type SOCK_SEQPACKET: the key goes there,
 *       32 bytes in one message, and nowhere else.
 *
 * Started as root, it opens what needs root (the configuration, sealed
 * objects, the passphrase, the TPM); then it locks itself in as the keeper
 * is, does the work, answers on standard output, and ends:
 *
 *       u16 code (base/err.h), str text for people         (base/wire.h)
 *
 * The exit code is 0 whenever there is an answer.  Whoever has started it
 * waits for a bounded time and kills it then: what it does can be cut off at
 * any point.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/wire.h"
#include "vault.h"

#define ANSWER_MAX (TEXT_SIZE + 64)

static int usage(void)
{
    fputs("usage: secmig-vault release host|store [--root DIR] "
          "[--config FILE]\n"
          "It is started by secmigd: see secmigd(8).\n", stderr);
    return sm_err_exit(SM_USAGE);
}

static int answer(int rc, const char *why)
{
    struct sm_wire_writer w;
    const char *text = rc ? why : "";
    size_t done = 0;
    ssize_t n;

    if (!sm_wire_text_ok(text, strlen(text)))
        text = sm_err_text(rc);
    sm_wire_writer_init(&w, ANSWER_MAX);
    sm_wire_put_u16(&w, (uint16_t)-rc);
    sm_wire_put_str(&w, text);
    rc = sm_wire_error(&w);
    while (!rc && done < w.len) {
        n = write(STDOUT_FILENO, w.data + done, w.len - done);
        if (n <= 0)
            rc = SM_IO;
        else
            done += (size_t)n;
    }
    sm_wire_writer_dispose(&w);
    return sm_err_exit(rc);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "root", required_argument, NULL, 'r' },
        { "config", required_argument, NULL, 'c' },
        { NULL, 0, NULL, 0 },
    };
    const char *root = NULL, *file = NULL;
    char why[TEXT_SIZE] = "";
    struct sm_conf conf;
    int c, rc;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'r': root = optarg; break;
        case 'c': file = optarg; break;
        default: return usage();
        }
    }
    if (argc - optind != 2 || strcmp(argv[optind], "release") ||
        (strcmp(argv[optind + 1], "host") &&
         strcmp(argv[optind + 1], "store")))
        return usage();
    sm_log_init("secmigd vault", SM_LOG_INFO);
    signal(SIGPIPE, SIG_IGN);
    rc = sm_secret_init();
    if (rc)
        return answer(rc, "cannot protect memory");
    rc = sm_conf_init(&conf, root, file);
    if (rc)
        return answer(rc, "a path is too long");
    rc = sm_conf_load(&conf, why, sizeof(why));
    if (rc)
        return answer(rc, why);
    sm_conf_users(&conf);
    rc = release(&conf, argv[optind + 1], why, sizeof(why));
    return answer(rc, why);
}
