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
 *   secmig-vault quote [--root DIR] [--config FILE]
 *
 *       Standard input: 32 bytes that the quote is bound to (trust/attest.h).
 *
 * Started as root, it opens what needs root (the configuration, sealed
 * objects, the passphrase, the TPM); then it locks itself in as the keeper
 * is, does the work, answers on standard output, and ends:
 *
 *       u16 code (base/err.h), str text for people         (base/wire.h),
 *       str path of the file with a PIN that the TPM has refused, or empty;
 *       after `quote`: blob of sm_tpm_quote(), empty when the code is not 0
 *
 * The exit code is 0 whenever there is an answer.  Whoever has started it
 * waits for a bounded time and kills it then: what it does can be cut off at
 * any point.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/wire.h"
#include "trust/attest.h"
#include "vault.h"

#define ANSWER_MAX (TEXT_SIZE + SM_CONF_PATH_MAX + SM_ATTEST_QUOTE_MAX + 64)

static int usage(void)
{
    fputs("usage: secmig-vault release host|store [--root DIR] "
          "[--config FILE]\n"
          "       secmig-vault quote [--root DIR] [--config FILE]\n"
          "It is started by secmigd: see secmigd(8).\n", stderr);
    return sm_err_exit(SM_USAGE);
}

/* blob NULL: there is none in this answer. */
static int answer(int rc, const char *why, const char *refused_pin,
                  const uint8_t *blob, size_t len)
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
    sm_wire_put_str(&w, sm_wire_text_ok(refused_pin, strlen(refused_pin)) ?
                        refused_pin : "");
    if (blob)
        sm_wire_put_blob(&w, blob, rc ? 0 : len);
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

static int prepare(struct sm_conf *conf, const char *root, const char *file,
                   char *why, size_t why_size)
{
    int rc;

    rc = sm_secret_init();
    if (rc) {
        snprintf(why, why_size, "cannot protect memory");
        return rc;
    }
    /* Of libcrypto, which the TPM's stack uses, too: what it would load
     * later it may no longer open then. */
    rc = sm_attest_init();
    if (rc) {
        snprintf(why, why_size, "libcrypto does not work");
        return rc;
    }
    rc = sm_conf_init(conf, root, file);
    if (rc) {
        snprintf(why, why_size, "a path is too long");
        return rc;
    }
    rc = sm_conf_load(conf, why, why_size);
    sm_conf_users(conf);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "root", required_argument, NULL, 'r' },
        { "config", required_argument, NULL, 'c' },
        { NULL, 0, NULL, 0 },
    };
    const char *root = NULL, *file = NULL;
    uint8_t blob[SM_ATTEST_QUOTE_MAX];
    char why[TEXT_SIZE] = "", refused_pin[SM_CONF_PATH_MAX] = "";
    struct sm_conf conf;
    size_t len = 0;
    bool quotes;
    int c, rc;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'r': root = optarg; break;
        case 'c': file = optarg; break;
        default: return usage();
        }
    }
    argc -= optind;
    argv += optind;
    quotes = argc == 1 && !strcmp(argv[0], "quote");
    if (!quotes && (argc != 2 || strcmp(argv[0], "release") ||
                    (strcmp(argv[1], "host") && strcmp(argv[1], "store"))))
        return usage();
    sm_log_init("secmigd vault", SM_LOG_INFO);
    signal(SIGPIPE, SIG_IGN);
    rc = prepare(&conf, root, file, why, sizeof(why));
    if (!rc && quotes)
        rc = quote(&conf, STDIN_FILENO, blob, &len, why, sizeof(why));
    else if (!rc)
        rc = release(&conf, argv[1], refused_pin, why, sizeof(why));
    return answer(rc, why, refused_pin, quotes ? blob : NULL, len);
}
