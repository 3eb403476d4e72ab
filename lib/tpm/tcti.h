/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The TCTI that ESAPI gets: it bounds each wait, asks again when the TPM says
 * so, and remembers what went wrong.  Underneath is the one of tpm2-tss, or
 * a socket that speaks the TPM's protocol.  Inside lib/tpm only.
 *
 * Why not those of tpm2-tss alone: ESAPI waits without end, and repeats a
 * command that the TPM was too busy for five times without a pause; and
 * tcti-swtpm blocks while it connects, and connects anew, by path, for each
 * command, which a sandboxed program cannot.
 */
#ifndef SM_TPM_TCTI_H
#define SM_TPM_TCTI_H

#include <tss2/tss2_tcti.h>

#include "base/err.h"

struct sm_tpm_tcti {
    TSS2_TCTI_CONTEXT_COMMON_V1 v1;     /* first: ESAPI casts */
    TSS2_TCTI_CONTEXT *inner;           /* of tpm2-tss, or NULL: */
    int fd;                             /* socket, else -1 */
    int timeout;                        /* ms for one command, with retries */
    int64_t deadline;                   /* of the command under way */
    int failed;                         /* an error: nothing works any more */
    uint8_t command[TPM2_MAX_COMMAND_SIZE];     /* to be sent again */
    size_t command_len;
    uint8_t response[TPM2_MAX_RESPONSE_SIZE];
    size_t response_len;                /* 0: none has been fetched */
    uint8_t *answer;                    /* ESAPI's buffer of the last one */
    size_t answer_size;
};

/*
 * Connect.
 *   name     as tctildr takes it; "swtpm:path=SOCKET" is done here
 *   timeout  ms, for connecting and for each command
 * Returns 0 or SM_CONFIG, SM_IO, SM_BUSY, SM_TIMEOUT, SM_NO_MEMORY, with the
 * reason; the struct is then fit for sm_tpm_tcti_close() all the same.
 */
int sm_tpm_tcti_open(struct sm_tpm_tcti *t, const char *name, int timeout,
                     char *why, size_t why_size) SM_WARN_UNUSED;

void sm_tpm_tcti_close(struct sm_tpm_tcti *t);

/*
 * The socket: TPM commands and answers as they are, one after the other
 * (swtpm(8), --server type=unixio).  They return 0, SM_IO or SM_TIMEOUT; of
 * connecting, errno says more.
 */
int sm_tpm_socket_open(const char *path, int64_t deadline, int *fd)
    SM_WARN_UNUSED;
int sm_tpm_socket_send(int fd, const uint8_t *data, size_t len,
                       int64_t deadline) SM_WARN_UNUSED;
int sm_tpm_socket_receive(int fd, uint8_t *data, size_t size, size_t *len,
                          int64_t deadline) SM_WARN_UNUSED;

#endif
