/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "seal/seal.h"
#include "sealing.h"
#include "trust/identity.h"
#include "tty.h"

int sm_cli_fail(int err, const char *fmt, ...)
{
    va_list ap;

    fputs("secmig: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return err;
}

void sm_cli_note(const char *fmt, ...)
{
    va_list ap;

    fputs("secmig: note: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

static int ask(void *ctx, int confirm, uint8_t *buf, size_t size,
               size_t *len)
{
    (void)ctx;
    return sm_tty_secret("passphrase", "Passphrase", NULL, confirm, buf,
                         size, len);
}

int sm_cli_seal_from(const char *backend, const char *passphrase_file,
                     int fresh, struct sm_seal **out)
{
    struct sm_seal_source source = {
        .passphrase_file = passphrase_file, .ask = ask, .fresh = fresh,
    };
    char why[768];
    int rc;

    rc = sm_seal_open_backend(backend, &source, out, why, sizeof(why));
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int sm_cli_seal(const struct sm_cli *cli, const char *backend, int fresh,
                struct sm_seal **out)
{
    struct sm_sealing_form form;

    sm_sealing_alike(&cli->conf, &form);
    return sm_sealing_open(&cli->conf, backend ? backend : cli->conf.seal,
                           fresh ? &form : NULL, fresh, NULL, out);
}

int sm_cli_public(const char *path, char *name, uint8_t *key)
{
    char why[768], reason[128];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    errno = 0;
    rc = sm_file_read(path, SM_FILE_PUBLIC, SM_IDENTITY_LINE_SIZE, &data,
                      &len, why, sizeof(why));
    if (rc == SM_STATE && errno == ENOENT)
        return rc;
    if (rc) {
        sm_cli_fail(rc, "%s", why);
        goto out;
    }
    rc = sm_identity_parse((const char *)data, len, name, key, reason,
                           sizeof(reason));
    if (rc)
        sm_cli_fail(rc, "%s: %s", path, reason);
out:
    sm_file_free(data, len);
    errno = 0;
    return rc;
}

int sm_cli_host_key(const struct sm_cli *cli, char *name, uint8_t *key)
{
    int rc = sm_cli_public(cli->conf.host_pub, name, key);

    if (rc == SM_STATE && errno == ENOENT)
        sm_cli_fail(rc, "%s: this host has no key yet (run 'secmig init')",
                    cli->conf.host_pub);
    return rc;
}
