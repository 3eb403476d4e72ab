/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wire.h"
#include "parent.h"
#include "policy/config.h"
#include "sandbox.h"

#define ANSWER_MAX 2048         /* bytes on the pipe */
#define MEMORY_MORE (64u << 20)
#define CPU_SECONDS 5

static const char *const syscalls[] = {
    "read", "pread64", "fstat", "newfstatat", "fcntl", "lseek", "write", NULL
};

/* ---- in the child ---- */

static void say_no(struct judge_answer *a, int code, const char *rule,
                   const char *text)
{
    a->allow = false;
    a->code = code;
    snprintf(a->rule, sizeof(a->rule), "%s", rule);
    snprintf(a->text, sizeof(a->text), "%s", text);
}

static void decide(const struct judge_question *q, struct judge_answer *a)
{
    bool leaving = q->action == SM_POLICY_MIGRATE_OUT;
    struct sm_policy_request request = {
        .action = q->action,
        .vm_name = q->facts->name,
        .vm_uuid = q->facts->uuid,
        .memory_kb = q->facts->memory_kb,
        .account = q->account,
        .source = leaving ? parent.conf.name : q->other,
        .destination = leaving ? q->other : parent.conf.name,
        .source_key = leaving ? parent.own_key : q->other_key,
        .destination_key = leaving ? q->other_key : parent.own_key,
        .now = sm_clock_real(),
    };
    struct sm_policy_decision d;

    sm_policy_decide(parent.policy, &request, &d);
    if (d.allow && !leaving)
        sm_policy_check_config(parent.policy, &d, q->facts->list,
                               q->facts->n, &d);
    a->allow = d.allow;
    a->code = d.code;
    snprintf(a->rule, sizeof(a->rule), "%s", d.rule);
    snprintf(a->text, sizeof(a->text), "%s", d.text);
    if (!parent.policy)
        snprintf(a->text, sizeof(a->text), "no policy in force: %.480s",
                 parent.policy_why);
    if (!sm_wire_text_ok(a->text, strlen(a->text)))     /* cut in a letter */
        snprintf(a->text, sizeof(a->text), "%s", sm_err_text(a->code));
    if (a->allow && (q->facts->flags & FACTS_NOMIGRATE)) {
        say_no(a, SM_NOMIGRATE, "nomigrate", "");
        snprintf(a->text, sizeof(a->text), "%s is marked nomigrate",
                 q->facts->name);
    }
}

int judge_limits(size_t memory_more, unsigned int seconds)
{
    struct rlimit cpu = { seconds, seconds };
#if defined(SM_SANITIZED)
    (void)memory_more;          /* shadow memory is terabytes */
#else
    struct rlimit memory;
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f || fscanf(f, "%lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    if (!pages)
        return SM_SANDBOX;
    memory.rlim_cur = memory.rlim_max =
        pages * (rlim_t)sysconf(_SC_PAGESIZE) + memory_more;
    if (setrlimit(RLIMIT_AS, &memory))
        return SM_SANDBOX;
#endif
    return setrlimit(RLIMIT_CPU, &cpu) ? SM_SANDBOX : 0;
}

static void put_answer(struct sm_wire_writer *w, const struct judge_answer *a)
{
    sm_wire_put_u8(w, a->allow);
    sm_wire_put_u16(w, (uint16_t)-a->code);
    sm_wire_put_str(w, a->rule);
    sm_wire_put_str(w, a->text);
}

static int judge_main(void *arg)
{
    const struct judge_question *q = arg;
    struct judge_answer answer;
    struct sm_wire_writer w;
    char why[512];
    int rc;

    prctl(PR_SET_NAME, "secmigd-judge");
    rc = judge_limits(MEMORY_MORE, CPU_SECONDS);
    if (!rc)
        rc = sandbox_enter(&parent.conf.peer, parent.conf.empty_dir,
                           syscalls, why, sizeof(why));
    else
        snprintf(why, sizeof(why), "limits: %s", strerror(errno));
    if (rc) {
        sm_error("judge: sandbox: %s", why);
        return sm_err_exit(rc);
    }
    memset(&answer, 0, sizeof(answer));
    decide(q, &answer);
    sm_wire_writer_init(&w, ANSWER_MAX);
    put_answer(&w, &answer);
    rc = sm_wire_error(&w);
    /* A pipe takes this at once. */
    if (!rc && write(STDOUT_FILENO, w.data, w.len) != (ssize_t)w.len)
        rc = SM_IO;
    sm_wire_writer_dispose(&w);
    return sm_err_exit(rc);
}

/* ---- in the parent ---- */

static int get_answer(struct judge_answer *a, const uint8_t *data,
                      size_t len)
{
    struct sm_wire_reader r;
    unsigned int allow;

    memset(a, 0, sizeof(*a));
    sm_wire_reader_init(&r, data, len);
    allow = sm_wire_get_u8(&r);
    a->code = sm_err_from_code(sm_wire_get_u16(&r));
    sm_wire_get_str(&r, a->rule, sizeof(a->rule));
    sm_wire_get_str(&r, a->text, sizeof(a->text));
    if (sm_wire_end(&r) || allow > 1 || !allow != !!a->code)
        return SM_PROTOCOL;
    a->allow = allow;
    return 0;
}

static void judged(void *ctx, int err)
{
    struct judge *j = ctx;
    struct judge_answer *a = &j->answer;
    bool died = WIFSIGNALED(j->run.status);

    if (!err)
        err = get_answer(a, j->run.data, j->run.len);
    if (err) {
        memset(a, 0, sizeof(*a));
        say_no(a, SM_HELPER, "judge", "");
        snprintf(a->text, sizeof(a->text), "the process that decides %s%s",
                 err == SM_TIMEOUT ? "did not answer in time" :
                 died ? "died: " : "failed: ",
                 err == SM_TIMEOUT ? "" : died ?
                 spawn_status_text(j->run.status) : sm_err_text(err));
    }
    run_clear(&j->run);
    j->done(j->ctx, a);
}

int judge_start(struct judge *j, const struct judge_question *question,
                void (*done)(void *ctx, const struct judge_answer *answer),
                void *ctx)
{
    j->done = done;
    j->ctx = ctx;
    return run_fork(&j->run, judge_main, (void *)(uintptr_t)question, -1,
                    ANSWER_MAX, parent.conf.answer_timeout / 2, judged, j);
}

void judge_clear(struct judge *j)
{
    run_clear(&j->run);
}
