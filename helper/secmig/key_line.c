/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key_line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tty.h"
#include "verbs.h"

/* Up to `size` bytes of a file or of standard input. */
static int read_line(const char *file, char *buf, size_t size, size_t *len)
{
    const char *what = file ? file : "standard input";
    ssize_t n = 1;
    int fd = STDIN_FILENO, rc = 0;

    *len = 0;
    if (file) {
        fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return sm_cli_fail(SM_IO, "%s: %s", file, strerror(errno));
    }
    while (*len < size && n) {
        n = read(fd, buf + *len, size - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = sm_cli_fail(SM_IO, "%s: %s", what, strerror(errno));
            break;
        }
        *len += (size_t)n;
    }
    if (file)
        close(fd);
    if (!rc && *len == size)
        rc = sm_cli_fail(SM_STATE, "%s: too long for a host key line", what);
    return rc;
}

int sm_key_line_read(const char *file, const char *host,
                     uint8_t key[static SM_IDENTITY_KEY_LEN])
{
    const char *what;
    char line[SM_IDENTITY_LINE_SIZE], name[SM_IDENTITY_NAME_SIZE];
    char why[128];
    size_t len;
    int rc;

    if (file && !strcmp(file, "-"))
        file = NULL;
    what = file ? file : "standard input";
    rc = read_line(file, line, sizeof(line), &len);
    if (rc)
        return rc;
    rc = sm_identity_parse(line, len, name, key, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s: %s", what, why);
    /* Policies on both hosts speak of hosts by name: one name everywhere. */
    if (strcmp(name, host))
        return sm_cli_fail(SM_STATE, "%s: that is the key of '%s', not of "
                           "'%s'", what, name, host);
    return 0;
}

int sm_key_line_compare(const char *fingerprint, const char *host,
                        const char *shown_by, const char *act,
                        const uint8_t key[static SM_IDENTITY_KEY_LEN])
{
    char is[SM_IDENTITY_FINGERPRINT_SIZE];
    char question[512];
    int rc;

    sm_identity_fingerprint(key, is);
    if (fingerprint) {
        if (!sm_identity_fingerprint_ok(fingerprint, key))
            return sm_cli_fail(SM_AUTH, "the key's fingerprint is %s, not "
                               "the one given: not %sed", is, act);
        return 0;
    }
    snprintf(question, sizeof(question),
             "%s  %s\n"
             "Is this what '%s' says on %s?  Type yes to %s: ",
             host, is, shown_by, host, act);
    rc = sm_tty_yes(question);
    if (rc == SM_USAGE)
        return sm_cli_fail(rc, "no terminal to compare the fingerprint on: "
                           "use --fingerprint");
    if (rc)
        return sm_cli_fail(rc, "fingerprint not confirmed: not %sed", act);
    return 0;
}
