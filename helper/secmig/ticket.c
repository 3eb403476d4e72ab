/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig ticket: an owner or an operator lets one migration happen.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "operator.h"
#include "signing_key.h"
#include "site.h"
#include "trust/ticket.h"

struct options {
    struct sm_signing_options key;
    const char *vm, *from, *to, *location, *jurisdiction;
    const char *valid, *not_before, *out;
};

static int parse(int argc, char **argv, struct options *o)
{
    const struct sm_argument options[] = {
        { .name = "--key", .value = &o->key.key },
        { .name = "--passphrase-file", .value = &o->key.passphrase_file },
        { .name = "--vm", .value = &o->vm },
        { .name = "--from", .value = &o->from },
        { .name = "--to", .value = &o->to },
        { .name = "--location", .value = &o->location },
        { .name = "--jurisdiction", .value = &o->jurisdiction },
        { .name = "--valid", .value = &o->valid },
        { .name = "--not-before", .value = &o->not_before },
    };
    size_t n;
    int rc;

    rc = sm_arguments_sort(argc, argv, options,
                           sizeof(options) / sizeof(options[0]), &o->out, 1,
                           &n);
    if (rc || !o->vm || !o->out)
        return SM_CLI_USAGE;
    if (!o->to && !o->location && !o->jurisdiction)
        return sm_cli_fail(SM_USAGE, "where to? Say --to HOST, --location or "
                           "--jurisdiction (--to '*' is anywhere)");
    return 0;
}

/* A word of the ticket; "*" stands for any host. */
static int word(const char *option, const char *value, int any,
                char out[static SM_STATEMENT_WORD_SIZE])
{
    if (!value || (any && !strcmp(value, "*")))
        return 0;
    if (!sm_conf_name_ok(value))
        return sm_cli_fail(SM_USAGE, "%s %s: not one word (letters, digits, "
                           "'-', '_', '.'; at most 64)", option, value);
    strcpy(out, value);
    return 0;
}

static int fill(const struct options *o, struct sm_ticket *t)
{
    int64_t now = sm_clock_real();
    int rc;

    if (!sm_text_uuid(o->vm, strlen(o->vm), t->vm))
        return sm_cli_fail(SM_USAGE, "--vm %s: not a uuid ('xl list -v')",
                           o->vm);
    rc = word("--from", o->from, 1, t->source);
    if (!rc)
        rc = word("--to", o->to, 1, t->destination);
    if (!rc)
        rc = word("--location", o->location, 0, t->location);
    if (!rc)
        rc = word("--jurisdiction", o->jurisdiction, 0, t->jurisdiction);
    if (!rc)
        rc = sm_arguments_validity(o->not_before, o->valid ? o->valid : "1h",
                                   now, &t->not_before, &t->not_after);
    if (rc)
        return rc;
    /* What is granted to clocks that differ does not shorten the longest
     * ticket. */
    if (!o->not_before && t->not_after - SM_TICKET_LIFE_MAX <= now &&
        t->not_before < t->not_after - SM_TICKET_LIFE_MAX)
        t->not_before = t->not_after - SM_TICKET_LIFE_MAX;
    randombytes_buf(t->id, sizeof(t->id));
    return 0;
}

static int sign(const struct sm_cli *cli, int argc, char **argv)
{
    char body[1024], text[SM_TICKET_MAX], comment[128], until[21], why[768];
    char vm[SM_TEXT_UUID_SIZE];
    struct options o = { .out = NULL };
    struct sm_ticket t = { .vm = { 0 } };
    uint8_t *secret = NULL;
    int rc;

    rc = parse(argc, argv, &o);
    if (rc)
        return rc;
    if (!o.key.key)
        o.key.key = cli->conf.owner_key;
    rc = fill(&o, &t);
    if (rc)
        return rc;
    if (sm_ticket_format(&t, body, sizeof(body), why, sizeof(why)))
        return sm_cli_fail(SM_USAGE, "no ticket can say that: %s", why);
    rc = sm_signing_absent(o.out);
    if (!rc)
        rc = sm_signing_open(&o.key, SM_SIGNING_OWNER, &secret);
    if (rc)
        return rc;
    sm_text_uuid_format(t.vm, vm);
    snprintf(comment, sizeof(comment), "ticket vm:%s", vm);
    rc = sm_statement_sign(secret, body, comment, text, sizeof(text));
    sm_secret_free(secret);
    if (rc)
        return sm_cli_fail(rc, "the ticket would be too long");
    /* Nobody else needs to know it. */
    rc = sm_file_create(o.out, text, strlen(text), 0600, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    sm_clock_format(t.not_after, until);
    printf("%s: ticket for guest %s, good once until %s: 'secmig ticket use "
           "%s' on its host\n", o.out, vm, until, o.out);
    return 0;
}

int sm_verb_ticket(const struct sm_cli *cli, int argc, char **argv)
{
    if (argc < 2)
        return SM_CLI_USAGE;
    if (!strcmp(argv[1], "sign"))
        return sign(cli, argc - 1, argv + 1);
    if (!strcmp(argv[1], "show"))
        return sm_statement_show(argc - 1, argv + 1);
    if (!strcmp(argv[1], "use"))
        return sm_ticket_use(cli, argc - 1, argv + 1);
    return SM_CLI_USAGE;
}
