/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults at named points of secmigd's parent: a shared object for LD_PRELOAD.
 * Its children start without it (their environment is made anew).
 *
 * Points, each before what it names is done, and with "+" in front after it:
 *
 *   write:STATE     a record is written to the journal (STATE-acted: with
 *                   its mark; CLOSED: the last one)
 *   write:JOURNAL   the journal is written anew
 *   sync:STATE      that record, or the new journal, is made durable
 *   sync:dir        the directory that the journal is in
 *   rename:journal  the new journal takes the place of the old one
 *   say:FACT        a fact leaves for the other host
 *   heard:FACT      one has come from there (only "+")
 *   given           HAND_OVER has come from xl (only "+")
 *   result          RESULT leaves for xl
 *   run:VERB        secmig-xl is about to start; in the child, which is no
 *                   longer the daemon (only before)
 *   run:ROLE        likewise peer, control, dialer, keeper, judge, vault
 *
 * With SECMIG_FAULT="POINT:N:ACTION" the Nth passing of a point does ACTION:
 * kill (SIGKILL of the daemon), stop (SIGSTOP), eio, enospc, erofs, short (half
 * of it is written, then EIO).  The last four are for write and sync.  Every
 * later write and sync then fails in the same way if ACTION ends with "!".
 *
 * A fact that is about to be said may also be lost (drop), said twice (twice),
 * or kept (keep: it is not said now, but after one that is answered with
 * "again", on whatever connection that goes).  One that has been heard may
 * be taken for another one (as2: GO).
 *
 * With SECMIG_POINTS=SOCKET each passing connects there, says "PID POINT\n"
 * and waits for the same words, or "go".  The other end may do whatever it
 * likes to the daemon, or to whoever has connected, meanwhile.
 *
 * SECMIG_BOOT=FILE is read in place of the kernel's boot_id, SECMIG_CLOCK=FILE
 * holds seconds that the real-time clock is wrong by.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "handover/handover.h"
#include "handover/journal.h"
#include "helper/secmigd/ipc.h"

#define BLOCK 1024          /* of a journal: lib/handover/record.h */
#define STATE_AT 32         /* u16 state, u32 flags */
#define JOURNAL "/secmig/journal"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

enum action { GO, KILL, STOP, FAIL_EIO, FAIL_ENOSPC, FAIL_EROFS, SHORT, DROP,
              TWICE, KEEP, AGAIN, AS };

static const char *fault, *points, *boot, *clock_file;
static pid_t daemon_pid;
static bool in_child;
static int gone;                /* errno of all later writes, or 0 */
static char last[32] = "?";     /* what was written last */
static int nth;
static unsigned int as_fact;
static uint8_t held[2048];
static size_t held_len;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void forked(void)
{
    in_child = true;
}

__attribute__((constructor)) static void start(void)
{
    fault = getenv("SECMIG_FAULT");
    points = getenv("SECMIG_POINTS");
    boot = getenv("SECMIG_BOOT");
    clock_file = getenv("SECMIG_CLOCK");
    daemon_pid = getpid();
    pthread_atfork(NULL, NULL, forked);
}

/* ---- what is to happen ---- */

static enum action meaning(const char *word)
{
    static const char *const words[] = { "go", "kill", "stop", "eio",
                                         "enospc", "erofs", "short", "drop",
                                         "twice", "keep", "again", "as" };
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strncmp(word, words[i], strlen(words[i])))
            return (enum action)i;
    fprintf(stderr, "point: unknown action %s\n", word);
    abort();
}

static enum action act(const char *word)
{
    enum action action = meaning(word);

    if (strchr(word, '!'))
        gone = action == FAIL_EROFS ? EROFS : EIO;
    if (action == AS)
        as_fact = (unsigned int)atoi(word + 2);
    if (action == KILL)
        kill(daemon_pid, SIGKILL);
    else if (action == STOP)
        kill(daemon_pid, SIGSTOP);
    return action;
}

static enum action told(const char *point)
{
    const char *colon = strrchr(fault, ':');
    char what[64];
    int n = 0;

    /* POINT has colons of its own: N and ACTION are the last two. */
    if (colon)
        while (--colon > fault && *colon != ':')
            ;
    if (!colon || sscanf(colon, ":%d:", &n) != 1 ||
        (size_t)(colon - fault) >= sizeof(what)) {
        fprintf(stderr, "point: SECMIG_FAULT=%s\n", fault);
        abort();
    }
    snprintf(what, sizeof(what), "%.*s", (int)(colon - fault), fault);
    if (strcmp(what, point) || ++nth != n)
        return GO;
    fprintf(stderr, "point: %s\n", fault);
    return act(strrchr(fault, ':') + 1);
}

static enum action asked(const char *point)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    enum action action = GO;
    char line[80];
    ssize_t n;
    int fd;

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", points);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return GO;
    n = snprintf(line, sizeof(line), "%d %s\n", (int)daemon_pid, point);
    if (!connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
        send(fd, line, (size_t)n, MSG_NOSIGNAL) == n) {
        n = recv(fd, line, sizeof(line) - 1, 0);
        if (n > 0) {
            line[n] = '\0';
            action = act(line);
        }
    }
    close(fd);
    return action;
}

static enum action pass(const char *after, const char *what,
                        const char *detail)
{
    int kept = errno;
    enum action action = GO;
    char point[64];

    snprintf(point, sizeof(point), "%s%s%s%s", after, what,
             detail[0] ? ":" : "", detail);
    if (fault)
        action = told(point);
    if (points)
        action = asked(point);
    errno = kept;
    return action;
}

/* ---- the journal ---- */

static bool is_journal(int fd, bool *dir)
{
    char link[40], path[512];
    const char *p;
    ssize_t n;

    *dir = false;
    if (in_child || (!fault && !points))
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n < 0)
        return false;
    path[n] = '\0';
    p = strstr(path, JOURNAL);
    *dir = n > 11 && !strcmp(path + n - 11, "/xen/secmig") &&
           strstr(path, "/lib/");
    return p != NULL;
}

/* Not those of the library, which the daemon does not export. */
static const char *state_name(unsigned int state)
{
    switch (state) {
    case SM_HANDOVER_SENDING:
        return "SENDING";
    case SM_HANDOVER_SENT:
        return "SENT";
    case SM_HANDOVER_RELEASED:
        return "RELEASED";
    case SM_HANDOVER_DONE:
        return "DONE";
    case SM_HANDOVER_ABORTED:
        return "ABORTED";
    case SM_HANDOVER_LOADING:
        return "LOADING";
    case SM_HANDOVER_READY:
        return "READY";
    case SM_HANDOVER_ACCEPTED:
        return "ACCEPTED";
    case SM_HANDOVER_REFUSED:
        return "REFUSED";
    }
    return "?";
}

static void name_record(const uint8_t *block, size_t len)
{
    const uint8_t *p = block + STATE_AT;
    uint32_t flags;

    if (len != BLOCK) {
        strcpy(last, "JOURNAL");
        return;
    }
    flags = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 |
            (uint32_t)p[4] << 8 | p[5];
    if (flags & SM_HANDOVER_CLOSED)
        strcpy(last, "CLOSED");
    else
        snprintf(last, sizeof(last), "%s%s",
                 state_name((unsigned int)p[0] << 8 | p[1]),
                 flags & SM_HANDOVER_ACTED ? "-acted" : "");
}

static int broken(enum action action)
{
    if (action == FAIL_EIO || action == SHORT)
        errno = EIO;
    else if (action == FAIL_ENOSPC)
        errno = ENOSPC;
    else if (action == FAIL_EROFS)
        errno = EROFS;
    else if (gone)
        errno = gone;
    else
        return 0;
    return -1;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    enum action action;
    ssize_t n;
    bool dir;

    REAL(pwrite);
    if (!is_journal(fd, &dir))
        return real(fd, data, len, at);
    name_record(data, len);
    action = pass("", "write", last);
    if (action == SHORT)
        n = real(fd, data, len / 2, at);
    if (broken(action))
        return -1;
    n = real(fd, data, len, at);
    return broken(pass("+", "write", last)) ? -1 : n;
}

static int sync_it(int fd, int (*real)(int))
{
    const char *what;
    bool dir, journal = is_journal(fd, &dir);
    int rc;

    if (!journal && !dir)
        return real(fd);
    what = journal ? last : "dir";
    if (broken(pass("", "sync", what)))
        return -1;
    rc = real(fd);
    return broken(pass("+", "sync", what)) ? -1 : rc;
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return sync_it(fd, real);
}

int fsync(int fd)
{
    REAL(fsync);
    return sync_it(fd, real);
}

static bool to_journal(const char *to)
{
    const char *p = strrchr(to, '/');

    return !in_child && (fault || points) && !strcmp(p ? p : to, p ?
        "/journal" : "journal");
}

int rename(const char *from, const char *to)
{
    int rc;

    REAL(rename);
    if (!to_journal(to))
        return real(from, to);
    if (broken(pass("", "rename", "journal")))
        return -1;
    rc = real(from, to);
    pass("+", "rename", "journal");
    return rc;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int rc;

    REAL(renameat);
    if (!to_journal(to))
        return real(from_dir, from, to_dir, to);
    if (broken(pass("", "rename", "journal")))
        return -1;
    rc = real(from_dir, from, to_dir, to);
    pass("+", "rename", "journal");
    return rc;
}

/* ---- what is said and heard ---- */

static const char *fact_name(unsigned int fact)
{
    static const char *const names[] = { "?", "READY", "GO", "ABORT",
                                         "CANCEL", "REFUSED", "STARTED",
                                         "SETTLED" };

    return names[fact <= SM_HANDOVER_FACT_MAX ? fact : 0];
}

/* What a message between the daemon's processes is; false: of no interest. */
static bool name_message(const struct msghdr *msg, const char **what,
                         const char **detail)
{
    const uint8_t *head, *body;
    unsigned int type;

    if (in_child || (!fault && !points) || msg->msg_iovlen < 1 ||
        msg->msg_iov[0].iov_len != 2)
        return false;
    head = msg->msg_iov[0].iov_base;
    type = (unsigned int)head[0] << 8 | head[1];
    *detail = "";
    if (type == IPC_CLIENT_RESULT) {
        *what = "result";
    } else if (type == IPC_CLIENT_HAND_OVER) {
        *what = "given";
    } else if (type == IPC_PEER_HANDOVER && msg->msg_iovlen > 1 &&
               msg->msg_iov[1].iov_len) {
        body = msg->msg_iov[1].iov_base;
        *what = "say";
        *detail = fact_name(body[0]);
    } else {
        return false;
    }
    return true;
}

static size_t flatten(const struct msghdr *msg, uint8_t *to, size_t size)
{
    size_t i, n, len = 0;

    for (i = 0; i < msg->msg_iovlen; i++) {
        n = msg->msg_iov[i].iov_len;
        if (n > size - len)
            return 0;
        memcpy(to + len, msg->msg_iov[i].iov_base, n);
        len += n;
    }
    return len;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    const char *what, *detail;
    enum action action;
    ssize_t n;

    REAL(sendmsg);
    if (!name_message(msg, &what, &detail))
        return real(fd, msg, flags);
    action = pass("", what, detail);
    if (action == KEEP)
        held_len = flatten(msg, held, sizeof(held));
    if (action == DROP || action == KEEP) {
        uint8_t away[sizeof(held)];

        n = (ssize_t)flatten(msg, away, sizeof(away));
    } else {
        n = real(fd, msg, flags);
    }
    if (action == TWICE)
        real(fd, msg, flags);
    if (action == AGAIN && held_len)
        send(fd, held, held_len, flags);
    pass("+", what, detail);
    return n;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    const char *what, *detail;
    ssize_t n;

    REAL(recvmsg);
    n = real(fd, msg, flags);
    if (n >= 2 && name_message(msg, &what, &detail) &&
        pass("+", strcmp(what, "say") ? what : "heard", detail) == AS)
        *(uint8_t *)msg->msg_iov[1].iov_base = (uint8_t)as_fact;
    return n;
}

static bool named(const char *path, const char *name)
{
    const char *p = strrchr(path, '/');

    return p && !strcmp(p + 1, name);
}

int execve(const char *path, char *const argv[], char *const envp[])
{
    REAL(execve);
    if (in_child && (fault || points) && argv[0] && argv[1]) {
        if (named(path, "secmig-xl"))
            pass("", "run", argv[1]);
        else if (named(path, "secmig-vault"))
            pass("", "run", "vault");
    }
    return real(path, argv, envp);
}

int fexecve(int fd, char *const argv[], char *const envp[])
{
    REAL(fexecve);
    if (in_child && (fault || points) && argv[0] && argv[1] && argv[2] &&
        !strcmp(argv[1], "--role"))
        pass("", "run", argv[2]);
    return real(fd, argv, envp);
}

int prctl(int option, ...)
{
    unsigned long a[4];
    va_list args;
    size_t i;

    REAL(prctl);
    va_start(args, option);
    for (i = 0; i < 4; i++)
        a[i] = va_arg(args, unsigned long);
    va_end(args);
    if (in_child && (fault || points) && option == PR_SET_NAME &&
        !strcmp((const char *)a[0], "secmigd-judge"))
        pass("", "run", "judge");
    return real(option, a[0], a[1], a[2], a[3]);
}

/* ---- another boot, another time ---- */

static const char *instead(const char *path)
{
    return boot && !strcmp(path, BOOT_ID) ? boot : path;
}

static mode_t mode_of(int flags, va_list *args)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ?
           va_arg(*args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    REAL(open);
    va_start(args, flags);
    mode = mode_of(flags, &args);
    va_end(args);
    return real(instead(path), flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    REAL(openat);
    va_start(args, flags);
    mode = mode_of(flags, &args);
    va_end(args);
    return real(dir, instead(path), flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    REAL(fopen);
    return real(instead(path), mode);
}

/* Seconds that the clock is wrong by. */
static time_t wrong(void)
{
    char text[32] = "";
    int fd;

    if (!clock_file || in_child)
        return 0;
    fd = open(clock_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(fd);
    return atoll(text);
}

time_t time(time_t *out)
{
    time_t now;

    REAL(time);
    now = real(NULL) + wrong();
    if (out)
        *out = now;
    return now;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int rc;

    REAL(clock_gettime);
    rc = real(id, ts);
    if (!rc && id == CLOCK_REALTIME)
        ts->tv_sec += wrong();
    return rc;
}
