/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig pair: trust another host's key, after a person (or a script that
 * was told) has compared its fingerprint.
 */
#include <stdio.h>
#include <string.h>

#include "base/wire.h"
#include "key_line.h"
#include "trust/identity.h"
#include "trust/pairing.h"
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
    o->file = argc - i == 3 ? argv[i + 2] : NULL;
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
    rc = sm_key_line_read(o.file, o.name, p.key);
    p.has_key = true;
    if (!rc)
        rc = sm_key_line_compare(o.fingerprint, o.name, "secmig key show",
                                 "pair", p.key);
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
