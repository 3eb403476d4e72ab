/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon of the test's own on the control socket: for each connection of a
 * verb, what has to come, to the byte, and what is answered.
 */
#ifndef SM_TESTS_UNIT_VERB_DAEMON_H
#define SM_TESTS_UNIT_VERB_DAEMON_H

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/frame.h"
#include "base/wire.h"
#include "verb.h"

#define TALKS_MAX 4

struct answer {
    enum frame_type type;
    int code;                   /* of ANSWER and RESULT */
    const char *rule, *text;    /* OUTPUT: text */
};

/* One connection. */
struct talk {
    struct sm_wire_writer want, reply;
};

static struct talk talks[TALKS_MAX];
static size_t n_talks;
static struct sm_wire_writer want;      /* of the next one, in the making */

static inline void frame_in(struct sm_wire_writer *w, enum frame_type type,
                            const void *body, size_t len)
{
    sm_wire_put_u32(w, (uint32_t)len);
    sm_wire_put_u16(w, (uint16_t)type);
    sm_wire_put_u16(w, FRAME_VERSION);
    sm_wire_put_bytes(w, body, len);
}

static inline void put_answer(struct sm_wire_writer *w,
                              const struct answer *a)
{
    struct sm_wire_writer body;

    sm_wire_writer_init(&body, 131072);
    if (a->type == FRAME_OUTPUT) {
        sm_wire_put_bytes(&body, a->text, strlen(a->text));
    } else {
        sm_wire_put_u16(&body, (uint16_t)a->code);
        sm_wire_put_str(&body, a->rule);
        sm_wire_put_str(&body, a->text);
    }
    ck_assert_int_eq(sm_wire_error(&body), 0);
    frame_in(w, a->type, body.data, body.len);
    sm_wire_writer_dispose(&body);
}

/* A request begins; what follows the role is put into `want`. */
static inline void expect(enum frame_type type, const char *role)
{
    sm_wire_writer_init(&want, 1 << 20);
    frame_in(&want, type, "", 0);
    sm_wire_put_str(&want, role);
}

/* It is whole, and answered so. */
static inline void answered(const struct answer *answers, size_t n)
{
    struct talk *t = &talks[n_talks++];
    size_t i;

    ck_assert_uint_le(n_talks, TALKS_MAX);
    sm_wire_patch_u32(&want, 0, (uint32_t)(want.len - FRAME_HEADER_LEN));
    ck_assert_int_eq(sm_wire_error(&want), 0);
    t->want = want;
    sm_wire_writer_init(&t->reply, 1 << 20);
    for (i = 0; i < n; i++)
        put_answer(&t->reply, &answers[i]);
}

static inline void talk_with(int c, const struct talk *t)
{
    uint8_t got[131072];

    if (recv(c, got, t->want.len, MSG_WAITALL) != (ssize_t)t->want.len ||
        memcmp(got, t->want.data, t->want.len))
        _exit(1);
    if (send(c, t->reply.data, t->reply.len, 0) != (ssize_t)t->reply.len)
        _exit(2);
    /* nothing more comes */
    if (recv(c, got, 1, 0) > 0)
        _exit(3);
    close(c);
}

/* Start serving what was expected, in that order. */
static inline pid_t serve(void)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    pid_t pid;
    size_t i;
    int s;

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%.100s", cli.conf.socket);
    unlink(sa.sun_path);
    s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
    ck_assert_int_eq(listen(s, 1), 0);
    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        alarm(30);
        for (i = 0; i < n_talks; i++)
            talk_with(accept(s, NULL, NULL), &talks[i]);
        _exit(0);
    }
    close(s);
    for (i = 0; i < n_talks; i++) {
        sm_wire_writer_dispose(&talks[i].want);
        sm_wire_writer_dispose(&talks[i].reply);
    }
    n_talks = 0;
    return pid;
}

/* All of it has come and was answered. */
static inline void served(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

/* Run the verb against a daemon that wants what expect() began. */
static inline int ask(verb *v, const char *line,
                      const struct answer *answers, size_t n)
{
    int code;
    pid_t pid;

    answered(answers, n);
    pid = serve();
    code = run(v, line);
    served(pid);
    return code;
}

#endif
