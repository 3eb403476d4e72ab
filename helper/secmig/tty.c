/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret.h"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static void on_signal(int sig)
{
    (void)sig;      /* it only has to interrupt ppoll() */
}

static int say(int fd, const char *text)
{
    size_t len = strlen(text);

    return write(fd, text, len) == (ssize_t)len ? 0 : SM_IO;
}

/*
 * One line, byte by byte so that nothing stays in a buffer of stdio's.
 * Signals are let in, with the mask `waiting`, only while it waits: one that
 * comes a moment earlier is not lost.
 */
static int read_line(int fd, const sigset_t *waiting, uint8_t *buf,
                     size_t size, size_t *len)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    uint8_t c;
    ssize_t n;

    *len = 0;
    for (;;) {
        n = ppoll(&p, 1, NULL, waiting);
        if (n > 0)
            n = read(fd, &c, 1);
        if (n <= 0)
            return n < 0 && errno != EINTR ? SM_IO : SM_CANCELLED;
        if (c == '\n')
            return 0;
        if (*len == size)
            return SM_CANCELLED;
        buf[(*len)++] = c;
    }
}

/*
 * One hidden line.  The terminal is put right again before a signal that
 * came meanwhile takes its usual effect.
 */
static int read_hidden(int fd, const char *prompt, uint8_t *buf, size_t size,
                       size_t *len)
{
    struct sigaction action = { .sa_handler = on_signal };
    struct sigaction old[N_SIGNALS];
    struct termios shown, hidden;
    sigset_t held, before;
    size_t i;
    int rc;

    if (tcgetattr(fd, &shown))
        return SM_IO;
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    sigemptyset(&held);
    for (i = 0; i < N_SIGNALS; i++)
        sigaddset(&held, signals[i]);
    sigprocmask(SIG_BLOCK, &held, &before);
    for (i = 0; i < N_SIGNALS; i++)
        sigaction(signals[i], &action, &old[i]);
    rc = tcsetattr(fd, TCSAFLUSH, &hidden) ? SM_IO : say(fd, prompt);
    if (!rc)
        rc = read_line(fd, &before, buf, size, len);
    tcsetattr(fd, TCSAFLUSH, &shown);
    say(fd, "\n");
    for (i = 0; i < N_SIGNALS; i++)
        sigaction(signals[i], &old[i], NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* Twice the same, at the third attempt at the latest. */
static int read_new(int fd, const char *prompt, uint8_t *buf, size_t size,
                    size_t *len)
{
    void *again = NULL;
    size_t again_len;
    int rc, attempt;

    rc = sm_secret_new(&again, size);
    if (rc)
        return rc;
    for (attempt = 0; attempt < 3; attempt++) {
        rc = read_hidden(fd, prompt, buf, size, len);
        if (!rc)
            rc = read_hidden(fd, "Again: ", again, size, &again_len);
        if (rc)
            goto out;
        if (*len == again_len && sm_secret_equal(buf, again, *len))
            goto out;
        say(fd, "They differ.\n");
    }
    rc = SM_CANCELLED;
out:
    sm_secret_free(again);
    return rc;
}

int sm_tty_secret(const char *kind, const char *begins, const char *what,
                  int confirm, uint8_t *buf, size_t size, size_t *len)
{
    char prompt[640];
    int rc, fd;

    *len = 0;
    fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return SM_USAGE;
    snprintf(prompt, sizeof(prompt), "%s%s %s %s: ", confirm ? "New " : "",
             confirm ? kind : begins, confirm ? "for" : "of",
             what ? what : "sealed storage");
    if (confirm)
        rc = read_new(fd, prompt, buf, size, len);
    else
        rc = read_hidden(fd, prompt, buf, size, len);
    close(fd);
    if (rc)
        *len = 0;
    return rc;
}

int sm_tty_word(const char *question, const char *word)
{
    uint8_t line[256];
    size_t len = 0;
    int rc, fd;

    fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return SM_USAGE;
    rc = say(fd, question);
    if (!rc)
        rc = read_line(fd, NULL, line, sizeof(line), &len);
    if (!rc && (len != strlen(word) || memcmp(line, word, len)))
        rc = SM_CANCELLED;
    close(fd);
    return rc;
}

int sm_tty_yes(const char *question)
{
    return sm_tty_word(question, "yes");
}
