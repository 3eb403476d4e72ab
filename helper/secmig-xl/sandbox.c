/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * Why each call is there:
 *   read, write, writev, close, lseek, fstat   standard streams, which are
 *                                              all that is still open
 *   brk, munmap, mremap, madvise, futex        malloc
 *   mmap, mprotect                             malloc; never executable,
 *                                              mmap never of a file
 *   getrandom, clock_gettime, gettimeofday     malloc's tcache key; logging
 *   rt_sigprocmask, rt_sigaction, rt_sigreturn,
 *   getpid, gettid, tgkill                     abort() of a failed assert
 *   exit, exit_group                           leaving
 */
static const int allowed[] = {
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close),
    SCMP_SYS(lseek), SCMP_SYS(fstat),
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* A bound for libxl's parser, far above what 1 MiB of text needs. */
#define CPU_SECONDS_MAX 10

int xl_sandbox(void)
{
    struct rlimit cpu = { CPU_SECONDS_MAX, CPU_SECONDS_MAX };
    scmp_filter_ctx filter = NULL;
    size_t i;
    int r, rc;

    /* The context's hypervisor and xenstore connections.  The parser needs
     * neither; whoever takes it over must not have them. */
    if (close_range(3, ~0U, 0)) { rc = SM_SANDBOX; goto out; }

    filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter) { rc = SM_SANDBOX; goto out; }

    for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
        if (r) { rc = SM_SANDBOX; goto out; }
    }
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                         SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r) { rc = SM_SANDBOX; goto out; }
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                         SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                         SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS,
                                 MAP_ANONYMOUS));
    if (r) { rc = SM_SANDBOX; goto out; }

    if (setrlimit(RLIMIT_CPU, &cpu) ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        seccomp_load(filter)) {
        rc = SM_SANDBOX;
        goto out;
    }
    rc = 0;

out:
    if (filter)
        seccomp_release(filter);
    if (rc)
        xl_complain("the sandbox cannot be set up");
    return rc;
}
