/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process of the daemon (a role of secmigd, secmig-vault) gives up
 * before it reads its first byte from anybody else.
 */
#ifndef SM_BASE_SANDBOX_H
#define SM_BASE_SANDBOX_H

#include "base/conf.h"
#include "base/err.h"

/* Built with AddressSanitizer: its runtime needs more than the program. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SM_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SM_SANITIZED 1
#endif

/*
 * Enter the sandbox for good: the empty directory becomes the root, the
 * process becomes `user` with no capability and no way to new privileges, it
 * cannot fork or dump core, and only the listed system calls remain: any
 * other kills it.
 *   user      uid and gid, neither 0
 *   root      directory owned by root, empty, not writable by others; NULL
 *             leaves the file system in sight (the dialer's resolver)
 *   syscalls  names, NULL-terminated, besides those that every role needs
 *             (memory, time, exit, signals' return); NULL: no filter
 *   why       out: what failed
 * Returns 0 or SM_SANDBOX; the caller must then exit.
 */
int sm_sandbox_enter(const struct sm_conf_user *user, const char *root,
                  const char *const *syscalls, char *why, size_t why_size)
    SM_WARN_UNUSED;

#endif
