/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig handover: where guests are that were handed over, and what to do
 * when the other host does not come back.
 */
#include "handover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "arguments.h"
#include "operator.h"
#include "tty.h"

#define VERB "handover"

/* ---- looking ---- */

/* Text from the daemon, or its reason why there is none. */
static int print(const struct sm_client_frame *frame)
{
    int rc;

    if (frame->type == FRAME_ANSWER)
        return sm_operator_verdict(frame, VERB);
    rc = sm_operator_print(frame->body, frame->len);
    return rc ? sm_cli_fail(rc, VERB ": what secmigd has sent is not fit to "
                            "be shown") : 0;
}

/* Ask the daemon.  Where none runs root reads its journal: that is when
 * people want to know most. */
static int look(const struct sm_cli *cli, const char *role,
                enum frame_type type, const char *guest)
{
    int64_t deadline = sm_operator_deadline(cli);
    struct sm_client_frame frame = { .fd = -1 };
    struct sm_client *client = NULL;
    struct sm_wire_writer w;
    char why[768];
    int rc;

    sm_operator_begin(&w, role);
    if (guest)
        sm_wire_put_str(&w, guest);
    if (sm_wire_error(&w)) {
        rc = sm_cli_fail(SM_USAGE, VERB ": an argument is too long, or holds "
                         "what is no clean UTF-8 text");
        goto out;
    }
    rc = sm_operator_try(cli, deadline, &client, why, sizeof(why));
    if (rc == SM_NO_DAEMON && geteuid() == 0) {
        sm_cli_note("%s; its journal says:", why);
        rc = sm_handover_offline(cli, guest);
    } else if (rc) {
        sm_cli_fail(rc, "%s", why);
    } else {
        rc = sm_operator_ask_on(&client, VERB, type, &w, deadline,
                                FRAME_OUTPUT, FRAME_ANSWER, &frame);
        if (!rc)
            rc = print(&frame);
    }
out:
    sm_client_frame_dispose(&frame);
    sm_client_free(client);
    sm_wire_writer_dispose(&w);
    return rc;
}

static int list(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL;
    const struct sm_argument options[] = { SM_OPERATOR_ROLE };
    size_t n;

    if (sm_arguments_sort(argc, argv, options, 1, NULL, 0, &n))
        return SM_CLI_USAGE;
    return look(cli, role, FRAME_HANDOVER_LIST, NULL);
}

static int show(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL, *guest;
    const struct sm_argument options[] = { SM_OPERATOR_ROLE };
    size_t n;

    if (sm_arguments_sort(argc, argv, options, 1, &guest, 1, &n) || n != 1)
        return SM_CLI_USAGE;
    return look(cli, role, FRAME_HANDOVER_SHOW, guest);
}

/* ---- acting ---- */

/* shown: of HANDOVER-FENCE only (base/frame.h); else NULL */
static void begin(struct sm_wire_writer *w, const char *role, uint32_t flags,
                  const char *what, const char *shown)
{
    sm_operator_begin(w, role);
    sm_wire_put_u32(w, flags);
    sm_wire_put_str(w, what);
    if (shown)
        sm_wire_put_str(w, shown);
}

static int command(const struct sm_cli *cli, const char *role,
                   enum frame_type type, uint32_t flags, const char *what,
                   const char *shown)
{
    struct sm_wire_writer w;
    int rc;

    begin(&w, role, flags, what, shown);
    rc = sm_operator_command(cli, VERB, type, &w);
    sm_wire_writer_dispose(&w);
    return rc;
}

/*
 * What the same with `flags` would do, in lines.
 *   out  the caller's to free; NULL on error
 * Prints its own error line.
 */
static int plan(const struct sm_cli *cli, const char *role,
                enum frame_type type, uint32_t flags, const char *what,
                const char *shown, char **out)
{
    struct sm_client_frame frame;
    struct sm_client *client;
    struct sm_wire_writer w;
    int rc;

    *out = NULL;
    begin(&w, role, flags, what, shown);
    rc = sm_operator_ask(cli, VERB, type, &w, FRAME_OUTPUT, FRAME_ANSWER,
                         &frame, &client);
    if (!rc && frame.type == FRAME_ANSWER) {
        rc = sm_operator_verdict(&frame, VERB);
        if (!rc)
            rc = sm_cli_fail(SM_PROTOCOL, VERB ": secmigd's answer is not "
                             "one to this question");
    } else if (!rc && !sm_operator_text_ok(frame.body, frame.len)) {
        rc = sm_cli_fail(SM_PROTOCOL, VERB ": what secmigd has sent is not "
                         "fit to be shown");
    } else if (!rc) {
        *out = strndup(frame.len ? (const char *)frame.body : "", frame.len);
        if (!*out)
            rc = sm_cli_fail(SM_NO_MEMORY, "out of memory");
    }
    sm_client_frame_dispose(&frame);
    sm_client_free(client);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* Whether the person at the terminal types `word`. */
static int confirm(const char *question, const char *word,
                   const char *option)
{
    int rc = sm_tty_word(question, word);

    if (rc == SM_USAGE)
        return sm_cli_fail(rc, "no terminal to ask at: use %s", option);
    return rc ? sm_cli_fail(rc, "nothing was changed") : 0;
}

static int confirm_undo(const struct sm_cli *cli, const char *role,
                        const char *guest)
{
    char *what, *question = NULL;
    int rc;

    rc = plan(cli, role, FRAME_HANDOVER_SETTLE,
              FRAME_SETTLE_UNDO | FRAME_SETTLE_ASK, guest, NULL, &what);
    if (rc)
        return rc;
    if (asprintf(&question, "%sType yes to do this: ", what) < 0) {
        question = NULL;
        rc = sm_cli_fail(SM_NO_MEMORY, "out of memory");
    }
    if (!rc)
        rc = confirm(question, "yes", "--yes");
    free(question);
    free(what);
    return rc;
}

static int settle(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL, *guest;
    bool undo = false, yes = false;
    const struct sm_argument options[] = {
        SM_OPERATOR_ROLE,
        { .name = "--undo", .flag = &undo },
        { .name = "--yes", .flag = &yes },
    };
    size_t n;
    int rc;

    if (sm_arguments_sort(argc, argv, options, 3, &guest, 1, &n) ||
        n != 1 || (yes && !undo))
        return SM_CLI_USAGE;
    if (undo && !yes) {
        rc = confirm_undo(cli, role, guest);
        if (rc)
            return rc;
    }
    return command(cli, role, FRAME_HANDOVER_SETTLE,
                   undo ? FRAME_SETTLE_UNDO : 0, guest, NULL);
}

/* ---- the other host is lost ---- */

/* Lines of at most 80 columns with a name of ten letters. */
#define ASSERTION \
    "You are about to assert, for good: %s runs none of these guests, and " \
    "never will;\nwhat goes on here it has not run since the time below, and " \
    "what may be started\nhere again no other host runs.  It is switched " \
    "off, or cut off from their disks.\n\n%s\nNobody checks this.  If it is " \
    "wrong, a guest runs twice, or from a state that its\ndisks have left " \
    "behind: they are destroyed.  That %s does not answer proves\nnothing: " \
    "look at its power switch, its console, its storage.\nIf it may have " \
    "run one that goes on here: not this, but see secmig(1),\nA host is " \
    "lost.\n\nType the name of the host that is lost, %s, to go on: "

/* shown: out: the hash of what was agreed to */
static int confirm_fence(const struct sm_cli *cli, const char *role,
                         const char *host,
                         char shown[static FRAME_SHOWN_LEN + 1])
{
    char *what, *question = NULL, option[SM_CONF_NAME_MAX + 16];
    uint8_t hash[FRAME_SHOWN_LEN / 2];
    int rc;

    rc = plan(cli, role, FRAME_HANDOVER_FENCE, FRAME_FENCE_ASK, host, "",
              &what);
    if (rc)
        return rc;
    crypto_generichash(hash, sizeof(hash), (const uint8_t *)what,
                       strlen(what), NULL, 0);
    sodium_bin2hex(shown, FRAME_SHOWN_LEN + 1, hash, sizeof(hash));
    if (asprintf(&question, ASSERTION, host, what, host, host) < 0) {
        question = NULL;
        rc = sm_cli_fail(SM_NO_MEMORY, "out of memory");
    }
    snprintf(option, sizeof(option), "--yes %s", host);
    if (!rc)
        rc = confirm(question, host, option);
    free(question);
    free(what);
    return rc;
}

static int fence(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL, *yes = NULL, *host;
    char shown[FRAME_SHOWN_LEN + 1] = "";
    bool approve = false;
    const struct sm_argument options[] = {
        SM_OPERATOR_ROLE,
        { .name = "--yes", .value = &yes },
        { .name = "--approve", .flag = &approve },
    };
    size_t n;
    int rc = 0;

    if (sm_arguments_sort(argc, argv, options, 3, &host, 1, &n) || n != 1)
        return SM_CLI_USAGE;
    if (!sm_conf_name_ok(host))
        return sm_cli_fail(SM_USAGE, "%s: not the name of a host", host);
    if (yes && strcmp(yes, host))
        return sm_cli_fail(SM_USAGE, "--yes %s: that is not the host that is "
                           "to be fenced, %s", yes, host);
    if (!yes)
        rc = confirm_fence(cli, role, host, shown);
    if (rc)
        return rc;
    return command(cli, role, FRAME_HANDOVER_FENCE,
                   approve ? FRAME_FENCE_APPROVE : 0, host, shown);
}

int sm_verb_handover(const struct sm_cli *cli, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct sm_cli *cli, int argc, char **argv);
    } verbs[] = {
        { "list", list }, { "show", show }, { "settle", settle },
        { "fence", fence }, { "reset", sm_handover_reset },
        { "may-start", sm_handover_may_start },
    };
    size_t i;

    for (i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(cli, argc - 1, argv + 1);
    return SM_CLI_USAGE;
}
