/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running verbs of secmig(1) in tests: in a child, with all they print
 * caught; alone, or with a person at a terminal.
 */
#ifndef SM_TESTS_UNIT_VERB_H
#define SM_TESTS_UNIT_VERB_H

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

#include "../../helper/secmig/verbs.h"
#include "base/secret.h"
#include "scratch.h"

#define USAGE_CODE 100

typedef int verb(const struct sm_cli *cli, int argc, char **argv);

static struct sm_cli cli;
static char out[8192], err[8192];

static inline void prepare(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
    unsetenv("CREDENTIALS_DIRECTORY");
    scratch_make();
    ck_assert_int_eq(sm_conf_init(&cli.conf, scratch, NULL), 0);
}

static inline int split(char *words, char **argv)
{
    int argc = 0;

    while ((argv[argc] = strsep(&words, " ")))
        argc++;
    return argc;
}

/* Load the configuration as main.c does, run the verb, end. */
static inline void run_and_exit(verb *run, const char *line)
{
    char words[1024], *argv[64], why[512];
    int rc, argc;

    snprintf(words, sizeof(words), "%s", line);
    argc = split(words, argv);
    if (!access(cli.conf.conf_file, F_OK)) {
        if (sm_conf_load(&cli.conf, why, sizeof(why)))
            _exit(99);
        cli.conf_present = 1;
    }
    rc = run(&cli, argc, argv);
    fflush(stdout);
    _exit(rc == SM_CLI_USAGE ? USAGE_CODE : sm_err_exit(rc));
}

static inline void slurp(int fd, char *text, size_t size)
{
    ssize_t n = lseek(fd, 0, SEEK_SET) ? -1 : read(fd, text, size - 1);

    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    close(fd);
}

/* Run a verb with `input` on its standard input and no terminal; its exit
 * code.  What it printed is in `out` and `err`. */
static inline int run_with(verb *run, const char *line, const char *input)
{
    FILE *in = tmpfile(), *o = tmpfile(), *e = tmpfile();
    int status;
    pid_t pid;

    ck_assert(in && o && e);
    fputs(input, in);
    rewind(in);
    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        setsid();
        dup2(fileno(in), 0);
        dup2(fileno(o), 1);
        dup2(fileno(e), 2);
        run_and_exit(run, line);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    slurp(dup(fileno(o)), out, sizeof(out));
    slurp(dup(fileno(e)), err, sizeof(err));
    fclose(in);
    fclose(o);
    fclose(e);
    return WEXITSTATUS(status);
}

static inline int run(verb *v, const char *line)
{
    return run_with(v, line, "");
}

/* A failure prints one line and nothing else. */
static inline void fails(int code, const char *words)
{
    ck_assert_str_eq(out, "");
    ck_assert_msg(strstr(err, words) != NULL, "%d said: %s", code, err);
    ck_assert_int_eq(strncmp(err, "secmig: ", 8), 0);
    ck_assert_ptr_eq(strchr(err, '\n'), err + strlen(err) - 1);
}

static inline void init_plain(void)
{
    ck_assert_int_eq(run(sm_verb_init, "init --name hostA --seal plain"), 0);
}

static inline mode_t mode_of(const char *path)
{
    struct stat st;

    ck_assert_msg(!lstat(path, &st), "%s is missing", path);
    return st.st_mode & 07777;
}

/* ---- a person at a terminal ---- */

static pid_t person;
static int terminal;
static char screen[8192];

static inline void sit_down(verb *v, const char *line, const char *input)
{
    FILE *in = tmpfile();

    ck_assert_ptr_nonnull(in);
    fputs(input, in);
    rewind(in);
    fflush(NULL);
    screen[0] = '\0';
    person = forkpty(&terminal, NULL, NULL, NULL);
    ck_assert_int_ge(person, 0);
    if (!person) {
        dup2(fileno(in), 0);
        run_and_exit(v, line);
    }
    fclose(in);
}

/* Wait until the screen, from where it was last looked at, shows `text`. */
static inline void see(const char *text)
{
    struct pollfd p = { .fd = terminal, .events = POLLIN };
    static size_t seen;
    size_t len = strlen(screen);
    char *at;
    ssize_t n;

    if (!len)
        seen = 0;
    while (!(at = strstr(screen + seen, text))) {
        ck_assert_msg(poll(&p, 1, 30000) == 1, "screen: %s", screen);
        n = read(terminal, screen + len, sizeof(screen) - 1 - len);
        ck_assert_msg(n > 0, "screen: %s", screen);
        len += (size_t)n;
        screen[len] = '\0';
    }
    seen = (size_t)(at - screen) + strlen(text);
}

static inline void type(const char *text)
{
    ck_assert_int_eq(write(terminal, text, strlen(text)),
                     (ssize_t)strlen(text));
}

static inline int leave(void)
{
    size_t len = strlen(screen);
    int status;
    ssize_t n;

    while (len < sizeof(screen) - 1 &&
           (n = read(terminal, screen + len, sizeof(screen) - 1 - len)) > 0)
        len += (size_t)n;
    screen[len] = '\0';
    ck_assert_int_eq(waitpid(person, &status, 0), person);
    close(terminal);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
