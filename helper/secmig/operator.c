/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "operator.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define SLACK_MS 10000      /* for the daemon itself */

int64_t sm_operator_deadline(const struct sm_cli *cli)
{
    /* What may take time is secmig-xl, and loading a policy. */
    return sm_clock_deadline(2 * cli->conf.answer_timeout + SLACK_MS);
}

int sm_operator_try(const struct sm_cli *cli, int64_t deadline,
                    struct sm_client **out, char *why, size_t why_size)
{
    const struct sm_conf *conf = &cli->conf;
    const char *path = conf->socket;

    if (geteuid() != 0 && conf->operator_group[0] &&
        access(conf->socket, R_OK | W_OK))
        path = conf->operator_socket;
    return sm_client_connect(path, deadline, out, why, why_size);
}

int sm_operator_connect(const struct sm_cli *cli, int64_t deadline,
                        struct sm_client **out)
{
    char why[768];
    int rc = sm_operator_try(cli, deadline, out, why, sizeof(why));

    if (rc)
        sm_cli_fail(rc, "%s", why);
    return rc;
}

void sm_operator_begin(struct sm_wire_writer *w, const char *role)
{
    sm_wire_writer_init(w, FRAME_BODY_MAX);
    sm_wire_put_str(w, role ? role : "");
}

int sm_operator_ask_on(struct sm_client **client, const char *verb,
                       enum frame_type type, const struct sm_wire_writer *w,
                       int64_t deadline, enum frame_type want,
                       enum frame_type or_want,
                       struct sm_client_frame *frame)
{
    int rc;

    *frame = (struct sm_client_frame){ .fd = -1 };
    rc = sm_client_send(*client, (uint16_t)type, w->data, w->len, deadline);
    /* One that was turned away at once may have been told why. */
    if (!rc || rc == SM_NO_DAEMON)
        rc = sm_client_recv(*client, frame, deadline);
    if (!rc && frame->type != want && frame->type != or_want)
        rc = SM_PROTOCOL;
    /* Connected, but silent: for who asks, that is no daemon either. */
    if (rc == SM_TIMEOUT)
        rc = SM_NO_DAEMON;
    if (rc) {
        sm_cli_fail(rc, "%s: %s", verb, rc == SM_NO_DAEMON ? "secmigd did "
                    "not answer (its log may say why)" : sm_err_text(rc));
        sm_client_free(*client);
        *client = NULL;
    }
    return rc;
}

static int fail_too_long(const char *verb)
{
    return sm_cli_fail(SM_USAGE, "%s: an argument is too long, or holds "
                       "what is no clean UTF-8 text", verb);
}

int sm_operator_ask(const struct sm_cli *cli, const char *verb,
                    enum frame_type type, const struct sm_wire_writer *w,
                    enum frame_type want, enum frame_type or_want,
                    struct sm_client_frame *frame, struct sm_client **client)
{
    int64_t deadline = sm_operator_deadline(cli);
    int rc;

    *frame = (struct sm_client_frame){ .fd = -1 };
    *client = NULL;
    if (sm_wire_error(w))
        return fail_too_long(verb);
    rc = sm_operator_connect(cli, deadline, client);
    if (rc)
        return rc;
    return sm_operator_ask_on(client, verb, type, w, deadline, want, or_want,
                              frame);
}

int sm_operator_verdict(const struct sm_client_frame *frame,
                        const char *verb)
{
    struct sm_client_answer a;
    int rc;

    if (sm_client_answer(frame, &a))
        return sm_cli_fail(SM_PROTOCOL, "%s: secmigd's answer is malformed",
                           verb);
    rc = sm_err_from_code(a.code);
    if (rc)
        return sm_cli_fail(rc, "%s%s%s%s",
                           a.text[0] ? a.text : sm_err_text(rc),
                           a.rule[0] ? " (rule " : "", a.rule,
                           a.rule[0] ? ")" : "");
    if (a.text[0])
        printf("%s\n", a.text);
    return fflush(stdout) ? sm_cli_fail(SM_IO, "standard output: cannot "
                                        "write") : 0;
}

int sm_operator_command(const struct sm_cli *cli, const char *verb,
                        enum frame_type type, const struct sm_wire_writer *w)
{
    struct sm_client_frame frame;
    struct sm_client *client;
    int rc;

    rc = sm_operator_ask(cli, verb, type, w, FRAME_ANSWER, 0, &frame,
                         &client);
    if (!rc)
        rc = sm_operator_verdict(&frame, verb);
    sm_client_frame_dispose(&frame);
    sm_client_free(client);
    return rc;
}

/* The line at `text`, which ends before `end`: its length; *next is where the
 * one after it begins. */
static size_t line(const uint8_t *text, const uint8_t *end,
                   const uint8_t **next)
{
    const uint8_t *nl = memchr(text, '\n', (size_t)(end - text));

    *next = nl ? nl + 1 : end;
    return (size_t)((nl ? nl : end) - text);
}

bool sm_operator_text_ok(const uint8_t *text, size_t len)
{
    const uint8_t *end = text + len, *next;
    size_t n;

    for (; text < end; text = next) {
        n = line(text, end, &next);
        if (!sm_wire_text_ok(text, n))
            return false;
    }
    return true;
}

int sm_operator_print(const uint8_t *text, size_t len)
{
    const uint8_t *end = text + len, *next;
    size_t n;

    for (; text < end; text = next) {
        n = line(text, end, &next);
        if (!sm_wire_text_ok(text, n))
            return SM_PROTOCOL;
        fwrite(text, 1, n, stdout);
        putchar('\n');
    }
    return fflush(stdout) ? SM_IO : 0;
}
