/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WHY(what) snprintf(why, why_size, "%s: %s", what, strerror(errno))

#define FILE_BYTES_MAX (2 * 1024 * 1024)    /* a memfd with a config */
#define FDS_MAX 96

/* libsodium and libc at work: memory, randomness, time, leaving. */
static const char *const common[] = {
    "brk", "mmap", "munmap", "mremap", "madvise", "mprotect", "mlock",
    "mlock2", "munlock", "getrandom", "clock_gettime", "gettimeofday",
    "exit", "exit_group", "rt_sigreturn", "restart_syscall", "futex",
    "close", "getpid",
#if defined(SM_SANITIZED)
    /* The sanitizers' runtimes report, and look at themselves, first. */
    "write", "sigaltstack", "gettid", "rt_sigprocmask", "rt_sigaction",
    "sched_yield", "openat", "readlink", "getrlimit", "prlimit64", "ioctl",
#endif
    NULL
};

#if defined(SM_SANITIZED)
/* A leak check at the end of the process would need what it has given up:
 * LeakSanitizer asks here whether to leave it out. */
static int entered;

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return entered;
}
#endif

/* The directory is looked at through one descriptor, then entered by it. */
static int enter_root(const char *root, char *why, size_t why_size)
{
    int fd, entries = 0, rc = SM_SANDBOX;
    struct dirent *e;
    struct stat st;
    DIR *dir = NULL;

    fd = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        WHY(root);
        goto out;
    }
    if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH))) {
        snprintf(why, why_size, "%s: must be root's and nobody else's to "
                 "write", root);
        goto out;
    }
    dir = fdopendir(dup(fd));
    if (!dir) {
        WHY(root);
        goto out;
    }
    while ((e = readdir(dir)))
        entries++;
    if (entries > 2) {
        snprintf(why, why_size, "%s: must be empty", root);
        goto out;
    }
    if (fchdir(fd) || chroot(".") || chdir("/")) {
        WHY("chroot");
        goto out;
    }
    rc = 0;
out:
    if (dir)
        closedir(dir);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int set_limits(char *why, size_t why_size)
{
    static const struct {
        int resource;
        rlim_t max;
    } limits[] = {
        { RLIMIT_CORE, 0 },
        { RLIMIT_NPROC, 0 },
        { RLIMIT_NOFILE, FDS_MAX },
        { RLIMIT_FSIZE, FILE_BYTES_MAX },
    };
    struct rlimit r;
    size_t i;

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        r.rlim_cur = r.rlim_max = limits[i].max;
        if (setrlimit(limits[i].resource, &r)) {
            WHY("setrlimit");
            return SM_SANDBOX;
        }
    }
    return 0;
}

/* From root to `user`, with a look back whether nothing stuck. */
static int drop_user(const struct sm_conf_user *user, char *why,
                     size_t why_size)
{
    struct __user_cap_header_struct head = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    struct __user_cap_data_struct caps[2];
    uid_t r, e, s;
    int cap;

    if (!user->known || user->uid == 0 || user->gid == 0) {
        snprintf(why, why_size, "no account '%s' to run as (see "
                 "secmigd.conf(5), or systemd-sysusers)", user->name);
        return SM_SANDBOX;
    }
    for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)) {
            WHY("dropping capabilities");
            return SM_SANDBOX;
        }
    }
    if (setgroups(0, NULL) || setresgid(user->gid, user->gid, user->gid) ||
        setresuid(user->uid, user->uid, user->uid)) {
        WHY("changing user");
        return SM_SANDBOX;
    }
    if (getresuid(&r, &e, &s) || r != user->uid || e != user->uid ||
        s != user->uid || getegid() != user->gid || setuid(0) == 0 ||
        syscall(SYS_capget, &head, caps) ||
        caps[0].permitted || caps[1].permitted ||
        caps[0].inheritable || caps[1].inheritable) {
        snprintf(why, why_size, "privileges remain after changing user");
        return SM_SANDBOX;
    }
    /* Changing user set this again: no ptrace, no core. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
        WHY("prctl");
        return SM_SANDBOX;
    }
    return 0;
}

static int allow(scmp_filter_ctx ctx, const char *const *names, char *why,
                 size_t why_size)
{
    int r;

    for (; *names; names++) {
        r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
                             seccomp_syscall_resolve_name(*names), 0);
        if (r) {
            snprintf(why, why_size, "seccomp rule for %s: %s", *names,
                     strerror(-r));
            return SM_SANDBOX;
        }
    }
    return 0;
}

static int filter(const char *const *syscalls, char *why, size_t why_size)
{
    scmp_filter_ctx ctx;
    int r, rc;

    ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!ctx) {
        snprintf(why, why_size, "seccomp_init failed");
        return SM_SANDBOX;
    }
    rc = allow(ctx, common, why, why_size);
    if (!rc)
        rc = allow(ctx, syscalls, why, why_size);
    if (rc)
        goto out;
    r = seccomp_load(ctx);
    if (r) {
        snprintf(why, why_size, "seccomp_load: %s", strerror(-r));
        rc = SM_SANDBOX;
    }
out:
    seccomp_release(ctx);
    return rc;
}

int sm_sandbox_enter(const struct sm_conf_user *user, const char *root,
                  const char *const *syscalls, char *why, size_t why_size)
{
    int rc;

    why[0] = '\0';
    rc = root ? enter_root(root, why, why_size) : 0;
    if (!rc)
        rc = set_limits(why, why_size);
    if (!rc)
        rc = drop_user(user, why, why_size);
    if (!rc && syscalls)
        rc = filter(syscalls, why, why_size);
#if defined(SM_SANITIZED)
    entered = !rc;
#endif
    return rc;
}
