/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig pair: trust another host's key, after a person (or a script that
 * was told) has compared its fingerprint.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/wire.h"
#include "trust/identity.h"
#include "trust/pairing.h"
#include "tty.h"
#include "verbs.h"

struct options {
    const char *fingerprint, *comment, *name, *address, *file;
};

static int parse(int argc, char **argv, struct options *o)
{
    const char **value;
    int i;

    for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--fingerprint"))
            value = &o->fingerprint;
        else if (!strcmp(argv[i], "--comment"))
            value = &o->comment;
        else
            return SM_CLI_USAGE;
        if (++i == argc || *value)
            return SM_CLI_USAGE;
        *value = argv[i];
    }
    if (argc - i < 2 || argc - i > 3)
        return SM_CLI_USAGE;
    o->name = argv[i];
    o->address = argv[i + 1];
    o->file = argc - i == 3 && strcmp(argv[i + 2], "-") ? argv[i + 2] : NULL;
    return 0;
}

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

static int get_key(const struct options *o, uint8_t *key)
{
    const char *what = o->file ? o->file : "standard input";
    char line[SM_IDENTITY_LINE_SIZE], name[SM_IDENTITY_NAME_SIZE];
    char why[128];
    size_t len;
    int rc;

    rc = read_line(o->file, line, sizeof(line), &len);
    if (rc)
        return rc;
    rc = sm_identity_parse(line, len, name, key, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s: %s", what, why);
    /* Policies on both hosts speak of hosts by name: one name everywhere. */
    if (strcmp(name, o->name))
        return sm_cli_fail(SM_STATE, "%s: that is the key of '%s', not of "
                           "'%s'", what, name, o->name);
    return 0;
}

/* The step that makes the key trustworthy. */
static int compare(const struct options *o, const uint8_t *key)
{
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    char question[512];
    int rc;

    sm_identity_fingerprint(key, fingerprint);
    if (o->fingerprint) {
        if (!sm_identity_fingerprint_ok(o->fingerprint, key))
            return sm_cli_fail(SM_AUTH, "the key's fingerprint is %s, not "
                               "the one given: not paired", fingerprint);
        return 0;
    }
    snprintf(question, sizeof(question),
             "%s  %s\n"
             "Is this what 'secmig key show' says on %s?  Type yes to pair: ",
             o->name, fingerprint, o->name);
    rc = sm_tty_yes(question);
    if (rc == SM_USAGE)
        return sm_cli_fail(rc, "no terminal to compare the fingerprint on: "
                           "use --fingerprint");
    if (rc)
        return sm_cli_fail(rc, "fingerprint not confirmed: not paired");
    return 0;
}

int sm_verb_pair(const struct sm_cli *cli, int argc, char **argv)
{
    char own_name[SM_IDENTITY_NAME_SIZE], why[1024];
    uint8_t own[SM_IDENTITY_KEY_LEN];
    struct sm_pairing p = { 0 };
    struct options o = { 0 };
    int rc;

    rc = parse(argc, argv, &o);
    if (rc)
        return rc;
    if (!sm_conf_name_ok(o.name))
        return sm_cli_fail(SM_USAGE, "%s: not the name of a host", o.name);
    if (sm_conf_address(o.address, p.address, sizeof(p.address), &p.port))
        return sm_cli_fail(SM_USAGE, "%s: not an address (HOST, HOST:PORT or "
                           "[V6]:PORT)", o.address);
    if (o.comment && (strlen(o.comment) >= sizeof(p.comment) ||
                      !sm_wire_text_ok(o.comment, strlen(o.comment))))
        return sm_cli_fail(SM_USAGE, "--comment: too long or not clean text");
    snprintf(p.name, sizeof(p.name), "%s", o.name);
    snprintf(p.comment, sizeof(p.comment), "%s",
             o.comment ? o.comment : "");
    rc = sm_cli_host_key(cli, own_name, own);
    if (rc)
        return rc;
    rc = get_key(&o, p.key);
    p.has_key = true;
    if (!rc)
        rc = compare(&o, p.key);
    if (rc)
        return rc;
    rc = sm_pairing_add(cli->conf.hosts_dir, own, &p, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s: %s", p.name, why);
    printf("paired with %s; now pair this host there, too\n", p.name);
    if (fflush(stdout))
        return sm_cli_fail(SM_IO, "standard output: cannot write");
    return 0;
}
