/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault.h"

#include "base/sandbox.h"

/* The log and the answer; the keeper's socket; the TPM's device or socket. */
static const char *const syscalls[] = {
    "write", "writev", "read", "readv", "poll", "ppoll", "sendto", "sendmsg",
    "recvfrom", "recvmsg", "fcntl", "fstat", "newfstatat", "lseek",
    "clock_nanosleep", "nanosleep", NULL
};

int lock_in(const struct sm_conf *conf, char *why, size_t why_size)
{
    return sm_sandbox_enter(&conf->keeper, conf->empty_dir, syscalls, why,
                            why_size);
}
