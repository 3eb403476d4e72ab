/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between a program and its TPM: reads along, and breaks what the test wants
 * broken.  Include swtpm.h first.
 */
#ifndef SM_TESTS_UNIT_TPM_RELAY_H
#define SM_TESTS_UNIT_TPM_RELAY_H

#include <stdint.h>
#include <sys/mman.h>

#define RELAY_RECORD (4u << 20)

enum relay_fault {
    RELAY_NONE,
    RELAY_CODE,         /* answers with `code` itself */
    RELAY_SILENT,       /* takes the command and says nothing */
    RELAY_HALF,         /* begins an answer and stops */
    RELAY_CUT,          /* closes the connection instead of an answer */
    RELAY_CUT_AFTER,    /* the same, when the TPM has done it */
    RELAY_LONG,         /* an answer that claims 4 GiB */
    RELAY_SHORT,        /* one that claims 3 bytes */
    RELAY_NOISE,        /* random bytes behind a good header */
    RELAY_EXTEND,       /* extends PCR 16 before the command */
};

/* Written by both sides. */
struct relay_shared {
    volatile int fault;         /* enum relay_fault */
    volatile int at;            /* from this command on, counted from 1 ... */
    volatile int times;         /* ... so many times; 0: for ever */
    volatile uint32_t code;
    volatile uint32_t only;     /* this command's code; 0: any */
    volatile int commands;      /* seen so far */
    volatile int faults;        /* done so far */
    volatile uint32_t len;      /* of what was read along */
    uint8_t record[RELAY_RECORD];
};

struct relay {
    pid_t pid;
    struct relay_shared *s;
    char sock[108], tcti[160];
};

static inline bool relay_all(int fd, uint8_t *data, size_t len, bool in)
{
    ssize_t n;

    while (len) {
        n = in ? read(fd, data, len) : send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* One command or answer; its length, 0 at the end. */
static inline size_t relay_read(struct relay_shared *s, int fd, uint8_t *buf)
{
    size_t len;

    if (!relay_all(fd, buf, 10, true))
        return 0;
    len = (size_t)buf[2] << 24 | (size_t)buf[3] << 16 | (size_t)buf[4] << 8 |
          buf[5];
    if (len < 10 || len > 4096 || !relay_all(fd, buf + 10, len - 10, true))
        return 0;
    if (s->len + len <= RELAY_RECORD) {
        memcpy(s->record + s->len, buf, len);
        s->len += (uint32_t)len;
    }
    return len;
}

/* Do what is wanted instead of, or after, what the TPM does.  Returns
 * whether the connection goes on. */
static inline bool relay_break(struct relay_shared *s, int fd, int tpm)
{
    uint8_t a[64] = { 0x80, 0x01, 0, 0, 0, 10 };

    s->faults++;
    switch (s->fault) {
    case RELAY_CODE:
        a[6] = (uint8_t)(s->code >> 24);
        a[7] = (uint8_t)(s->code >> 16);
        a[8] = (uint8_t)(s->code >> 8);
        a[9] = (uint8_t)s->code;
        return relay_all(fd, a, 10, false);
    case RELAY_CUT_AFTER:
        relay_all(tpm, a, 10, true);
        return false;
    case RELAY_HALF:
        relay_all(fd, a, 7, false);
        /* fall through */
    case RELAY_SILENT:
        relay_all(fd, a, sizeof(a), true);      /* until it gives up */
        return false;
    case RELAY_LONG:
        memset(a + 2, 0xff, 4);
        return relay_all(fd, a, sizeof(a), false);
    case RELAY_SHORT:
        a[5] = 3;
        return relay_all(fd, a, 10, false);
    case RELAY_NOISE:
        a[5] = sizeof(a);
        randombytes_buf(a + 10, sizeof(a) - 10);
        return relay_all(fd, a, sizeof(a), false);
    default:
        return false;
    }
}

static inline bool relay_wanted(const struct relay_shared *s,
                                const uint8_t *command)
{
    uint32_t code = (uint32_t)command[6] << 24 | (uint32_t)command[7] << 16 |
                    (uint32_t)command[8] << 8 | command[9];

    if (s->only)
        return s->fault && code == s->only &&
               (!s->times || s->faults < s->times);
    return s->fault && s->commands >= s->at &&
           (!s->times || s->commands < s->at + s->times);
}

static inline int relay_connect(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(addr.sun_path, path, strlen(path) + 1);
    if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
        return fd;
    close(fd);
    return -1;
}

/* Measure something, as another program does that gets in between. */
static inline void relay_extend(struct relay_shared *s, int tpm)
{
    uint8_t a[65] = {
        0x80, 0x02, 0, 0, 0, sizeof(a), 0, 0, 1, 0x82,      /* TPM2_CC_... */
        0, 0, 0, 16, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0,
        0, 0, 0, 1, 0, 0x0b, 0x5a,
    };

    s->faults++;
    if (relay_all(tpm, a, sizeof(a), false))
        relay_read(s, tpm, (uint8_t[4096]){ 0 });
}

static inline void relay_serve(struct relay_shared *s, int fd, int tpm)
{
    uint8_t buf[4096];
    size_t len;

    while ((len = relay_read(s, fd, buf))) {
        s->commands++;
        if (relay_wanted(s, buf) && s->fault == RELAY_EXTEND) {
            relay_extend(s, tpm);
        } else if (relay_wanted(s, buf)) {
            if (s->fault == RELAY_CUT_AFTER && !relay_all(tpm, buf, len,
                                                          false))
                return;
            if (!relay_break(s, fd, tpm))
                return;
            continue;
        }
        if (!relay_all(tpm, buf, len, false))
            return;
        len = relay_read(s, tpm, buf);
        if (!len || !relay_all(fd, buf, len, false))
            return;
    }
}

static inline void relay_start(struct relay *r, const struct swtpm *behind)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int listener, fd, tpm;

    snprintf(r->sock, sizeof(r->sock), "%s/relay", scratch);
    snprintf(r->tcti, sizeof(r->tcti), "swtpm:path=%s", r->sock);
    r->s = mmap(NULL, sizeof(*r->s), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(r->s != MAP_FAILED);
    unlink(r->sock);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(addr.sun_path, r->sock, strlen(r->sock) + 1);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof(addr)),
                     0);
    ck_assert_int_eq(listen(listener, 8), 0);
    r->pid = fork();
    if (!r->pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            fd = accept(listener, NULL, NULL);
            tpm = relay_connect(behind->sock);
            if (tpm >= 0)
                relay_serve(r->s, fd, tpm);
            close(tpm);
            close(fd);
        }
    }
    close(listener);
}

static inline void relay_stop(struct relay *r)
{
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    if (r->s)
        munmap(r->s, sizeof(*r->s));
    memset(r, 0, sizeof(*r));
}

/* From the next command on. */
static inline void relay_fault(struct relay *r, enum relay_fault fault,
                               uint32_t code, int times)
{
    r->s->at = r->s->commands + 1;
    r->s->times = times;
    r->s->code = code;
    r->s->fault = fault;
}

#endif
