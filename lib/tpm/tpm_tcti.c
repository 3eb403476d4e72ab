/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tpm/tcti.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define MAGIC 0x736d2d74706d3031u       /* no other TCTI's */
#define HANDLES_MAX 4
#define HEADER_LEN 10                   /* tag, size, code of an answer */
#define PAUSE_FIRST 20                  /* ms before a command's second try */
#define PAUSE_MAX 500
#define SOCKET "swtpm:path="
#define DEVICE "device:"

static struct sm_tpm_tcti *ours(TSS2_TCTI_CONTEXT *context)
{
    return (struct sm_tpm_tcti *)context;
}

/* ---- one command of the TCTI underneath ---- */

/*
 * Wait until it has something to read.
 *   left  out: how long receive() may wait still: what it will, now that
 *         there is something; for one that has no descriptor to wait on, the
 *         time that is left
 */
static int wait_inner(struct sm_tpm_tcti *t, int32_t *left)
{
    struct pollfd fds[HANDLES_MAX] = { { 0 } };
    size_t i, n = 0;
    int rc;

    *left = sm_clock_left(t->deadline);
    if (Tss2_Tcti_GetPollHandles(t->inner, NULL, &n) || n > HANDLES_MAX ||
        Tss2_Tcti_GetPollHandles(t->inner, fds, &n))
        return 0;
    *left = TSS2_TCTI_TIMEOUT_BLOCK;
    for (i = 0; i < n; i++)
        fds[i].events = POLLIN;
    do
        rc = poll(fds, n, sm_clock_left(t->deadline));
    while (rc < 0 && errno == EINTR);
    return rc ? 0 : SM_TIMEOUT;
}

static int send_command(struct sm_tpm_tcti *t)
{
    if (!t->inner)
        return sm_tpm_socket_send(t->fd, t->command, t->command_len,
                                  t->deadline);
    return Tss2_Tcti_Transmit(t->inner, t->command_len, t->command)
           ? SM_IO : 0;
}

static int receive_answer(struct sm_tpm_tcti *t)
{
    int32_t left;
    TSS2_RC tss;
    int rc;

    t->response_len = 0;
    if (!t->inner)
        return sm_tpm_socket_receive(t->fd, t->response, sizeof(t->response),
                                     &t->response_len, t->deadline);
    rc = wait_inner(t, &left);
    if (rc)
        return rc;
    t->response_len = sizeof(t->response);
    tss = Tss2_Tcti_Receive(t->inner, &t->response_len, t->response,
                            left);
    if (!tss)
        return 0;
    t->response_len = 0;
    return tss == TSS2_TCTI_RC_TRY_AGAIN ? SM_TIMEOUT : SM_IO;
}

/* Part 2, 6.6: what says that the command was not begun and may be sent
 * again as it is. */
static bool is_retry(const struct sm_tpm_tcti *t)
{
    const uint8_t *a = t->response;
    uint32_t code;

    if (t->response_len < HEADER_LEN)
        return false;
    code = (uint32_t)a[6] << 24 | (uint32_t)a[7] << 16 |
           (uint32_t)a[8] << 8 | a[9];
    return code == TPM2_RC_RETRY || code == TPM2_RC_TESTING ||
           code == TPM2_RC_YIELDED || code == TPM2_RC_NV_RATE;
}

static void pause_ms(int ms)
{
    struct timespec ts = { .tv_sec = ms / 1000,
                           .tv_nsec = ms % 1000 * 1000000L };

    while (nanosleep(&ts, &ts) && errno == EINTR)
        ;
}

/* Get the answer, and send the command again while the TPM says so. */
static int fetch(struct sm_tpm_tcti *t)
{
    int pause = PAUSE_FIRST, rc;
    bool busy = false;

    for (;;) {
        rc = receive_answer(t);
        if (rc == SM_TIMEOUT && busy)
            rc = SM_BUSY;
        busy = true;
        if (rc || !is_retry(t))
            break;
        /* Given to ESAPI, its answer would begin all over, five times. */
        if (sm_clock_left(t->deadline) <= pause) {
            rc = SM_BUSY;
            break;
        }
        pause_ms(pause);
        pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
        rc = send_command(t);
        if (rc)
            break;
    }
    sm_secret_wipe(t->command, t->command_len);
    t->command_len = 0;
    return rc;
}

/* ---- what ESAPI calls ---- */

static TSS2_RC tcti_transmit(TSS2_TCTI_CONTEXT *context, size_t size,
                             const uint8_t *command)
{
    struct sm_tpm_tcti *t = ours(context);

    if (t->failed)
        return TSS2_TCTI_RC_IO_ERROR;
    if (size > sizeof(t->command))
        return TSS2_TCTI_RC_BAD_VALUE;
    memcpy(t->command, command, size);
    t->command_len = size;
    t->response_len = 0;
    t->deadline = sm_clock_deadline(t->timeout);
    t->failed = send_command(t);
    return t->failed ? TSS2_TCTI_RC_IO_ERROR : TSS2_RC_SUCCESS;
}

/* Asked twice: first without a buffer, for the size. */
static TSS2_RC tcti_receive(TSS2_TCTI_CONTEXT *context, size_t *size,
                            uint8_t *answer, int32_t timeout)
{
    struct sm_tpm_tcti *t = ours(context);

    (void)timeout;      /* ours counts */
    if (!t->failed && !t->response_len)
        t->failed = fetch(t);
    if (t->failed)
        return TSS2_TCTI_RC_IO_ERROR;
    if (answer && *size < t->response_len)
        return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    if (answer) {
        t->answer = answer;
        t->answer_size = t->response_len;
        memcpy(answer, t->response, t->response_len);
    }
    *size = t->response_len;
    if (answer)
        t->response_len = 0;
    return TSS2_RC_SUCCESS;
}

static void tcti_finalize(TSS2_TCTI_CONTEXT *context)
{
    (void)context;      /* sm_tpm_tcti_close() does it */
}

/* Not used by ESAPI. */
static TSS2_RC tcti_cancel(TSS2_TCTI_CONTEXT *context)
{
    (void)context;
    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC tcti_get_poll_handles(TSS2_TCTI_CONTEXT *context,
                                     TSS2_TCTI_POLL_HANDLE *out, size_t *n)
{
    (void)context;
    (void)out;
    (void)n;
    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC tcti_set_locality(TSS2_TCTI_CONTEXT *context,
                                 uint8_t locality)
{
    (void)context;
    (void)locality;
    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

/* ---- connecting ---- */

/* tctildr says only that it did not work: see what the device says. */
static int device_problem(const char *path, char *why, size_t why_size)
{
    int fd;

    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    if (errno == ENOENT)
        WHY("there is no TPM: %s does not exist (is there a TPM 2.0, on in "
            "the firmware's settings, and its driver loaded?)", path);
    else if (errno == EBUSY)
        WHY("%s is held by another program; use the kernel's resource "
            "manager, /dev/tpmrm0", path);
    else
        WHY("%s: %s", path, strerror(errno));
    return errno == EBUSY ? SM_BUSY : SM_IO;
}

static int open_socket(struct sm_tpm_tcti *t, const char *name, char *why,
                       size_t why_size)
{
    int rc;

    rc = sm_tpm_socket_open(name + strlen(SOCKET),
                            sm_clock_deadline(t->timeout), &t->fd);
    if (rc)
        WHY("no TPM answers at %s: %s", name,
            rc == SM_TIMEOUT ? "it is busy, or hangs" : strerror(errno));
    return rc;
}

/*
 * tcti-device asks its device something while it opens, and waits for one
 * second only: so again, while there is time.
 */
static int open_inner(struct sm_tpm_tcti *t, const char *name, char *why,
                      size_t why_size)
{
    int64_t deadline = sm_clock_deadline(t->timeout);
    bool device = !strncmp(name, DEVICE, strlen(DEVICE));
    TSS2_RC code;
    int rc;

    for (;;) {
        rc = device ? device_problem(name + strlen(DEVICE), why, why_size)
                    : 0;
        if (rc)
            return rc;
        code = Tss2_TctiLdr_Initialize(name, &t->inner) &
               ~TSS2_RC_LAYER_MASK;
        if (!code)
            return 0;
        t->inner = NULL;
        if (!device || code != TSS2_BASE_RC_IO_ERROR)
            break;
        if (!sm_clock_left(deadline)) {
            WHY("the TPM at %s does not answer: another program holds it, or "
                "it hangs; see dmesg", name);
            return SM_TIMEOUT;
        }
        pause_ms(PAUSE_FIRST);
    }
    if (code == TSS2_BASE_RC_MEMORY) {
        WHY("out of memory");
        return SM_NO_MEMORY;
    }
    if (code == TSS2_BASE_RC_IO_ERROR) {
        WHY("no TPM answers at %s", name);
        return SM_IO;
    }
    WHY("'%s' is no TCTI that tpm2-tss on this host can use (such as "
        "device:/dev/tpmrm0)", name);
    return SM_CONFIG;
}

int sm_tpm_tcti_open(struct sm_tpm_tcti *t, const char *name, int timeout,
                     char *why, size_t why_size)
{
    memset(t, 0, sizeof(*t));
    t->fd = -1;
    t->timeout = timeout;
    t->v1.magic = MAGIC;
    t->v1.version = 1;
    t->v1.transmit = tcti_transmit;
    t->v1.receive = tcti_receive;
    t->v1.finalize = tcti_finalize;
    t->v1.cancel = tcti_cancel;
    t->v1.getPollHandles = tcti_get_poll_handles;
    t->v1.setLocality = tcti_set_locality;
    if (!strncmp(name, SOCKET, strlen(SOCKET)))
        return open_socket(t, name, why, why_size);
    return open_inner(t, name, why, why_size);
}

void sm_tpm_tcti_close(struct sm_tpm_tcti *t)
{
    sm_secret_wipe(t->command, sizeof(t->command));
    if (t->inner)
        Tss2_TctiLdr_Finalize(&t->inner);
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}
