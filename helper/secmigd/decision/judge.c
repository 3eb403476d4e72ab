/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decision/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "parent/parent.h"
#include "base/sandbox.h"

#define MEMORY_MORE (64u << 20)
#define CPU_SECONDS 5
#define ANSWER_MAX (128 * 1024)

static const char *const syscalls[] = {
    "read", "pread64", "fstat", "newfstatat", "fcntl", "lseek", "write",
    "sysinfo", NULL             /* qsort: how much memory is there? */
};

/* ---- in the child ---- */

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

static int write_all(const uint8_t *data, size_t len)
{
    ssize_t n;

    while (len) {
        n = write(STDOUT_FILENO, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return SM_IO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int judge_main(void *arg)
{
    const struct judge *j = arg;
    struct sm_wire_writer w;
    char why[512] = "limits";
    int rc;

    prctl(PR_SET_NAME, "secmigd-judge");
    sm_wire_writer_init(&w, j->max);
    rc = judge_limits(MEMORY_MORE, CPU_SECONDS);
    if (!rc)
        rc = sm_sandbox_enter(&parent.conf.peer, parent.conf.empty_dir,
                           syscalls, why, sizeof(why));
    if (rc) {
        sm_error("judge: sandbox: %s", why);
        goto out;
    }
    rc = j->body(j->question, &w);
    if (!rc)
        rc = sm_wire_error(&w);
    if (!rc)
        rc = write_all(w.data, w.len);
out:
    sm_wire_writer_dispose(&w);
    return sm_err_exit(rc);
}

/* ---- in the parent ---- */

static void judged(void *ctx, int err)
{
    struct judge *j = ctx;
    int status = j->run.status;
    struct sm_wire_reader r;
    char why[128] = "";

    if (err == SM_TIMEOUT) {
        strcpy(why, "the process that judges this did not answer in time");
    } else if (err && WIFSIGNALED(status)) {
        err = SM_HELPER;
        snprintf(why, sizeof(why), "the process that judges this died: %s",
                 spawn_status_text(status));
    } else if (err) {
        snprintf(why, sizeof(why), "the process that judges this failed: %s",
                 sm_err_text(err));
    }
    sm_wire_reader_init(&r, j->run.data, err ? 0 : j->run.len);
    /* The answer is read in here; the judge may be asked again. */
    j->done(j->ctx, err, why, &r);
}

int judge_start(struct judge *j, judge_body *body, const void *question,
                int papers, size_t max, judge_done *done, void *ctx)
{
    int rc;

    judge_clear(j);
    if (max > ANSWER_MAX)
        return SM_USAGE;
    j->max = max;
    j->body = body;
    j->question = question;
    j->done = done;
    j->ctx = ctx;
    rc = run_fork(&j->run, judge_main, j, papers, max,
                  parent.conf.answer_timeout / 2, judged, j);
    j->question = NULL;
    return rc;
}

void judge_clear(struct judge *j)
{
    run_clear(&j->run);
}
