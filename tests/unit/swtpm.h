/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A TPM of its own for a test: swtpm on a socket in the scratch directory.
 * It serves one connection at a time: close one before opening the next.
 * Include scratch.h first and make the scratch directory before.
 */
#ifndef SM_TESTS_UNIT_SWTPM_H
#define SM_TESTS_UNIT_SWTPM_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "tpm/esys.h"

struct swtpm {
    pid_t pid;          /* 0: not running */
    char dir[96];      /* its state: what makes it this TPM */
    char sock[sizeof(((struct sockaddr_un *)0)->sun_path)];
    char tcti[160];
};

static inline bool swtpm_answers(const char *sock)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok;

    ck_assert_uint_lt(strlen(sock), sizeof(addr.sun_path));
    strcpy(addr.sun_path, sock);
    ok = !connect(fd, (struct sockaddr *)&addr, sizeof(addr));
    close(fd);
    return ok;
}

/* Turn it on, with the state that it had; as a reset of its host does, when
 * it was on before. */
static inline void swtpm_on(struct swtpm *s)
{
    struct timespec ms = { .tv_nsec = 10 * 1000000 };
    char state[160], server[256], control[256];
    int i;

    snprintf(state, sizeof(state), "dir=%s", s->dir);
    snprintf(server, sizeof(server), "type=unixio,path=%s", s->sock);
    snprintf(control, sizeof(control), "type=unixio,path=%s.ctrl", s->sock);
    unlink(s->sock);
    s->pid = fork();
    ck_assert_int_ge(s->pid, 0);
    if (!s->pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
        ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
        execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state,
               "--server", server, "--ctrl", control, "--flags",
               "startup-clear", (char *)NULL);
        _exit(127);
    }
    for (i = 0; i < 1000 && !swtpm_answers(s->sock); i++) {
        ck_assert_int_eq(waitpid(s->pid, NULL, WNOHANG), 0);
        nanosleep(&ms, NULL);
    }
    ck_assert_int_lt(i, 1000);
}

/* A new TPM; `leaf` names its directory in the scratch directory. */
static inline void swtpm_start(struct swtpm *s, const char *leaf)
{
    memset(s, 0, sizeof(*s));
    snprintf(s->dir, sizeof(s->dir), "%s/%s", scratch, leaf);
    snprintf(s->sock, sizeof(s->sock), "%s/sock", s->dir);
    snprintf(s->tcti, sizeof(s->tcti), "swtpm:path=%s", s->sock);
    ck_assert_int_eq(mkdir(s->dir, 0700), 0);
    swtpm_on(s);
}

/* Take its power away. */
static inline void swtpm_kill(struct swtpm *s)
{
    if (s->pid) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
}

/* Let it hang, and go on. */
static inline void swtpm_stop(const struct swtpm *s)
{
    int status;

    kill(s->pid, SIGSTOP);
    waitpid(s->pid, &status, WUNTRACED);
}

static inline void swtpm_continue(const struct swtpm *s)
{
    kill(s->pid, SIGCONT);
}

/* Another boot of its host: PCRs are zero again. */
static inline void swtpm_reset(struct swtpm *s)
{
    swtpm_kill(s);
    swtpm_on(s);
}

/* Measure something into a PCR; nobody may be connected. */
static inline void swtpm_extend(const struct swtpm *s, unsigned int pcr,
                                const char *event)
{
    TPML_DIGEST_VALUES digests = { .count = 1 };
    struct sm_tpm *tpm;
    char why[512];

    digests.digests[0].hashAlg = TPM2_ALG_SHA256;
    snprintf((char *)digests.digests[0].digest.sha256, 32, "%s", event);
    ck_assert_msg(!sm_tpm_open(s->tcti, 5000, &tpm, why, sizeof(why)), "%s",
                  why);
    ck_assert_uint_eq(Esys_PCR_Extend(sm_tpm_esys(tpm), pcr,
                                      ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                      ESYS_TR_NONE, &digests), 0);
    sm_tpm_close(tpm);
}

/* TPM2_Clear by the firmware: a new owner's seed, all that was sealed is
 * lost. */
static inline void swtpm_clear(const struct swtpm *s)
{
    struct sm_tpm *tpm;
    char why[512];

    ck_assert_msg(!sm_tpm_open(s->tcti, 5000, &tpm, why, sizeof(why)), "%s",
                  why);
    ck_assert_uint_eq(Esys_Clear(sm_tpm_esys(tpm), ESYS_TR_RH_PLATFORM,
                                 ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                 ESYS_TR_NONE), 0);
    sm_tpm_close(tpm);
}

/* Whether there is one to start; says so when there is none, and the program
 * then ends with 77. */
static inline bool swtpm_there(void)
{
    if (!system("command -v swtpm >/dev/null 2>&1"))
        return true;
    printf("skip - swtpm is not installed (tests/setup-packages)\n");
    return false;
}

#endif
