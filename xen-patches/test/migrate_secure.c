/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Goal of this test
 * - libxl_migrate_secure_begin, _hand_over and _end say and understand the
 *   control socket's protocol, byte for byte, in pieces of any size;
 * - what has been handed over is never called the caller's again, and what
 *   has not been is never called handed over;
 * - whatever a broken daemon does ends in an error with a code, in time;
 * - no descriptor is leaked on any path.
 *
 * libxl runs here without Xen: this program has its own xc_interface_open
 * and so on, which the dynamic linker prefers to those of the libraries.
 * The daemon is a child process that plays one scene at a time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define XC_WANT_COMPAT_DEVICEMODEL_API
#include <libxl.h>
#include <libxl_utils.h>
#include <xenctrl.h>
#include <xenstore.h>

#define DOMID 7
#define CONFIG "{\"c_info\": {\"name\": \"g1\"}}"

static const uint8_t uuid[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                                  14, 15, 16 };

/* ---- as much of Xen as libxl asks for ---- */

static char dummy;

xc_interface *xc_interface_open(xentoollog_logger *logger,
                                xentoollog_logger *dombuild,
                                unsigned int flags)
{
    return (xc_interface *)&dummy;
}

int xc_interface_close(xc_interface *xch)
{
    return 0;
}

struct xs_handle *xs_open(unsigned long flags)
{
    return (struct xs_handle *)&dummy;
}

void xs_close(struct xs_handle *xsh)
{
}

int xc_domain_getinfolist(xc_interface *xch, uint32_t first, unsigned int max,
                          xc_domaininfo_t *info)
{
    if (first > DOMID || max < 1)
        return 0;
    memset(info, 0, sizeof(*info));
    info->domain = DOMID;
    memcpy(info->handle, uuid, sizeof(uuid));
    return 1;
}

int xc_flask_sid_to_context(xc_interface *xch, int sid, char *buf,
                            uint32_t size)
{
    errno = ENOSYS;
    return -1;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
              unsigned int *len)
{
    if (strcmp(path, "/local/domain/7/name"))
        return NULL;
    *len = 2;
    return strdup("g1");
}

/* ---- the daemon ---- */

static char socket_path[108];
static char *config = CONFIG;   /* what MIGRATE must carry */

static void die(const char *what)
{
    fprintf(stderr, "daemon: %s\n", what);
    _exit(9);
}

static void put(int fd, const void *data, size_t len)
{
    if (send(fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
        die("send");
}

static void frame(int fd, int type, int version, uint32_t len,
                  const void *body, size_t body_len)
{
    uint8_t head[8] = { len >> 24, len >> 16, len >> 8, len,
                        type >> 8, type, version >> 8, version };
    uint8_t *all = malloc(8 + body_len);

    memcpy(all, head, 8);
    if (body_len)
        memcpy(all + 8, body, body_len);
    put(fd, all, 8 + body_len);
    free(all);
}

static size_t verdict(uint8_t *out, int code, const char *rule,
                      const char *text)
{
    size_t n = strlen(rule), m = strlen(text);

    out[0] = code >> 8;
    out[1] = code;
    out[2] = n >> 8;
    out[3] = n;
    memcpy(out + 4, rule, n);
    out[4 + n] = m >> 8;
    out[5 + n] = m;
    memcpy(out + 6 + n, text, m);
    return 6 + n + m;
}

static void say(int fd, int type, int code, const char *rule,
                const char *text)
{
    uint8_t body[4096];
    size_t len = verdict(body, code, rule, text);

    frame(fd, type, 1, len, body, len);
}

static void stream(int fd, int type, int nfds, const int *fds)
{
    uint8_t head[8] = { 0, 0, 0, 0, 0, type, 0, 1 };
    char control[CMSG_SPACE(8 * sizeof(int))] = { 0 };
    struct iovec iov = { head, sizeof(head) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *cmsg;

    if (nfds) {
        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
    }
    if (sendmsg(fd, &msg, MSG_NOSIGNAL) != sizeof(head))
        die("sendmsg");
}

static void read_all(int fd, void *data, size_t len)
{
    size_t at = 0;
    ssize_t n;

    while (at < len) {
        n = read(fd, (char *)data + at, len - at);
        if (n <= 0)
            die("short MIGRATE");
        at += n;
    }
}

/* MIGRATE must be exactly this. */
static void expect_migrate(int fd)
{
    size_t clen = strlen(config), len = 4 + 16 + 4 + 2 + 5 + 2 + 2 + 4 + clen;
    uint8_t *want = malloc(8 + len), *got = malloc(8 + len), *p = want;
    static const uint8_t type_version_domid[] = { 0, 1, 0, 1, 0, 0, 0, DOMID };
    static const uint8_t flags_host_name[] = {
        0, 0, 0, 1, 0, 5, 'h', 'o', 's', 't', 'B', 0, 2, 'g', '1' };
    uint32_t be = htonl(len);

    p = mempcpy(p, &be, 4);
    p = mempcpy(p, type_version_domid, sizeof(type_version_domid));
    p = mempcpy(p, uuid, 16);
    p = mempcpy(p, flags_host_name, sizeof(flags_host_name));
    be = htonl(clen);
    p = mempcpy(p, &be, 4);
    memcpy(p, config, clen);

    read_all(fd, got, 8 + len);
    if (memcmp(want, got, 8 + len))
        die("MIGRATE is not as specified");
    free(want);
    free(got);
}

/* Hand out a stream, and read it to its end. */
static void serve_stream(int fd)
{
    int to_us[2];
    char c;

    if (pipe(to_us))
        die("pipe");
    stream(fd, 3, 1, &to_us[1]);
    close(to_us[1]);
    read_all(to_us[0], &c, 1);
    if (c != 'x')
        die("the stream does not work");
    if (read(to_us[0], &c, 1) != 0)
        die("the stream is still open");
}

/* The next frame must be of this type, without a body. */
static void expect_word(int fd, int type)
{
    const uint8_t want[8] = { 0, 0, 0, 0, 0, type, 0, 1 };
    uint8_t got[8];

    read_all(fd, got, sizeof(got));
    if (memcmp(want, got, sizeof(got)))
        die("not the frame that was expected");
}

typedef void scene(int fd);

static void carries(int fd)
{
    expect_migrate(fd);
    say(fd, 2, 0, "", "");
    serve_stream(fd);
}

static void takes(int fd)
{
    carries(fd);
    expect_word(fd, 6);
}

static void starts_it(int fd)
{
    takes(fd);
    say(fd, 4, 0, "", "done");
}

static void does_not_start_it(int fd)
{
    takes(fd);
    say(fd, 4, 14, "", "the connection was lost");
}

static void does_not_know(int fd)
{
    takes(fd);
    say(fd, 4, 32, "", "who knows");
}

static void takes_and_dies(int fd)
{
    takes(fd);
}

static void takes_and_hangs(int fd)
{
    takes(fd);
    pause();
}

static void takes_and_babbles(int fd)
{
    takes(fd);
    frame(fd, 4, 1, 0xffffffff, "\0\0", 2);
}

static void dies_before(int fd)
{
    carries(fd);
}

static void says_no_before(int fd)
{
    carries(fd);
    say(fd, 4, 14, "", "the connection was lost");
}

static void hears_of_failure(int fd)
{
    carries(fd);
    expect_word(fd, 5);
    say(fd, 4, 14, "", "the connection was lost");
}

static void hears_of_failure_and_dies(int fd)
{
    carries(fd);
    expect_word(fd, 5);
}

static void hears_of_failure_and_hangs(int fd)
{
    hears_of_failure_and_dies(fd);
    pause();
}

static void dribbles(int fd)
{
    uint8_t body[64];
    size_t len = verdict(body, 0, "", "fine"), i;
    uint8_t head[8] = { 0, 0, 0, len, 0, 2, 0, 1 };

    expect_migrate(fd);
    for (i = 0; i < 8; i++, usleep(2000))
        put(fd, head + i, 1);
    for (i = 0; i < len; i++, usleep(2000))
        put(fd, body + i, 1);
    usleep(20000);
    serve_stream(fd);
    expect_word(fd, 6);
    say(fd, 4, 0, "", "done");
}

static void refuses(int fd)
{
    expect_migrate(fd);
    say(fd, 2, 21, "payroll-stays", "not to \033[2Jthere\n");
}

/* Speaks and leaves without having read anything. */
static void refuses_rudely(int fd)
{
    say(fd, 2, 26, "", "too many");
    shutdown(fd, SHUT_RD);
    usleep(100000);
}

static void is_silent(int fd)
{
    pause();
}

static void leaves(int fd)
{
    expect_migrate(fd);
}

static void leaves_in_header(int fd)
{
    expect_migrate(fd);
    put(fd, "\0\0\0", 3);
}

static void says_wrong_type(int fd)
{
    expect_migrate(fd);
    say(fd, 4, 0, "", "");
}

static void says_wrong_version(int fd)
{
    expect_migrate(fd);
    frame(fd, 2, 2, 6, "\0\0\0\0\0\0", 6);
}

static void says_nothing_in_a_frame(int fd)
{
    expect_migrate(fd);
    frame(fd, 2, 1, 0, NULL, 0);
}

static void claims_4_gib(int fd)
{
    expect_migrate(fd);
    frame(fd, 2, 1, 0xffffffff, "\0\0", 2);
    pause();
}

static void overruns_a_string(int fd)
{
    expect_migrate(fd);
    frame(fd, 2, 1, 6, "\0\0\0\7\0\0", 6);
}

static void cuts_a_string(int fd)
{
    expect_migrate(fd);
    frame(fd, 2, 1, 5, "\0\0\0\0\0", 5);
}

static void says_more(int fd)
{
    expect_migrate(fd);
    frame(fd, 2, 1, 7, "\0\0\0\0\0\0x", 7);
}

static void says_a_code_only(int fd)
{
    expect_migrate(fd);
    frame(fd, 2, 1, 1, "", 1);
}

static void gives(int fd, int type, int nfds)
{
    int fds[8] = { 0, 0, 0, 0, 0, 0, 0, 0 };

    expect_migrate(fd);
    say(fd, 2, 0, "", "");
    stream(fd, type, nfds, fds);
}

static void gives_no_fd(int fd)      { gives(fd, 3, 0); }
static void gives_two_fds(int fd)    { gives(fd, 3, 2); }
static void gives_three_fds(int fd)  { gives(fd, 3, 3); }
static void gives_eight_fds(int fd)  { gives(fd, 3, 8); }
static void gives_wrong_type(int fd) { gives(fd, 4, 1); }

static void gives_half_a_header(int fd)
{
    expect_migrate(fd);
    say(fd, 2, 0, "", "");
    put(fd, "\0\0\0\0", 4);
}

static void gives_nothing(int fd)
{
    expect_migrate(fd);
    say(fd, 2, 0, "", "");
}

/* ---- the caller ---- */

static libxl_ctx *ctx;
static int failed;
static pid_t daemon_pid;

static void start(scene *play)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int l, fd;

    strcpy(un.sun_path, socket_path);
    unlink(socket_path);
    l = socket(AF_UNIX, SOCK_STREAM, 0);
    if (l < 0 || bind(l, (struct sockaddr *)&un, sizeof(un)) || listen(l, 1))
        abort();
    daemon_pid = fork();
    if (daemon_pid < 0)
        abort();
    if (!daemon_pid) {
        alarm(20);
        fd = accept(l, NULL, NULL);
        if (fd < 0)
            die("accept");
        play(fd);
        _exit(0);
    }
    close(l);
}

/* The daemon's exit code; 0 when it had to be killed, as some must. */
static int stop(void)
{
    int status, i;

    for (i = 0; i < 100; i++, usleep(10000))
        if (waitpid(daemon_pid, &status, WNOHANG) == daemon_pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 8;
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, &status, 0);
    return 0;
}

static int count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void result(const char *name, const char *why)
{
    if (why) {
        printf("not ok - %s: %s\n", name, why);
        failed = 1;
    } else {
        printf("ok - %s\n", name);
    }
}

static int begin(libxl_migrate_secure_session *session,
                 libxl_migrate_secure_verdict *v, int timeout)
{
    libxl_migrate_secure_params params;
    int rc;

    libxl_migrate_secure_params_init(&params);
    libxl_migrate_secure_session_init(session);
    libxl_migrate_secure_verdict_init(v);
    params.socket = socket_path;
    params.host = "hostB";
    params.config = config;
    params.leave_paused = true;
    params.timeout = timeout;
    rc = libxl_migrate_secure_begin(ctx, DOMID, &params, session, v, NULL);
    return rc;
}

/* A scene that must end begin with this. */
static void begin_fails(const char *name, scene *play, int want_rc, int code,
                        const char *rule, const char *text)
{
    libxl_migrate_secure_session session;
    libxl_migrate_secure_verdict v;
    int rc, before, status = 0;
    char why[512] = "";

    before = count_fds();
    if (play)
        start(play);
    else
        unlink(socket_path);
    rc = begin(&session, &v, 1);
    if (play)
        status = stop();
    if (rc != want_rc || v.code != code)
        snprintf(why, sizeof(why), "rc %d, code %d, %s", rc, v.code,
                 v.text ? v.text : "no text");
    else if (status)
        snprintf(why, sizeof(why), "the daemon was not pleased");
    else if (!v.text || !v.text[0] || (text && strcmp(v.text, text)))
        snprintf(why, sizeof(why), "text: %s", v.text ? v.text : "none");
    else if (!v.rule || strcmp(v.rule, rule))
        snprintf(why, sizeof(why), "rule: %s", v.rule ? v.rule : "none");
    else if (session.control_fd != -1 || session.send_fd != -1)
        snprintf(why, sizeof(why), "descriptors in the session");
    libxl_migrate_secure_close(ctx, &session);
    libxl_migrate_secure_verdict_dispose(&v);
    if (!why[0] && count_fds() != before)
        snprintf(why, sizeof(why), "%d descriptors leaked",
                 count_fds() - before);
    result(name, why[0] ? why : NULL);
}

static int cloexec(int fd)
{
    return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

typedef int last_words(libxl_ctx *ctx,
                       const libxl_migrate_secure_session *session,
                       uint32_t timeout, libxl_migrate_secure_verdict *v,
                       const libxl_asyncop_how *ao_how);

/*
 * A scene in which begin succeeds, the stream works and `say` gives this;
 * `early` waits for the daemon's end before it says anything.  If it is not
 * handed over, end must give `end_rc` and `end_code` then.
 */
static void then(const char *name, scene *play, bool early, last_words *say,
                 int want_rc, int code, const char *text, int end_rc,
                 int end_code)
{
    libxl_migrate_secure_session session;
    libxl_migrate_secure_verdict v;
    int rc, before, status = -1;
    char why[512] = "", c = 'x';

    before = count_fds();
    start(play);
    rc = begin(&session, &v, 10);
    if (rc || v.code)
        snprintf(why, sizeof(why), "begin: rc %d, code %d, %s", rc, v.code,
                 v.text ? v.text : "no text");
    else if (!cloexec(session.send_fd) || !cloexec(session.control_fd))
        snprintf(why, sizeof(why), "a descriptor is not close-on-exec");
    else if (write(session.send_fd, &c, 1) != 1)
        snprintf(why, sizeof(why), "the stream does not work");
    libxl_migrate_secure_verdict_dispose(&v);

    close(session.send_fd);
    session.send_fd = -1;
    if (early)
        status = stop();
    libxl_migrate_secure_verdict_init(&v);
    if (!why[0]) {
        rc = say(ctx, &session, 1, &v, NULL);
        if (rc != want_rc || v.code != code || !v.text ||
            (text && strcmp(v.text, text)))
            snprintf(why, sizeof(why), "rc %d, code %d, %s", rc, v.code,
                     v.text ? v.text : "no text");
    }
    libxl_migrate_secure_verdict_dispose(&v);
    libxl_migrate_secure_verdict_init(&v);
    if (!why[0] && end_code) {
        rc = libxl_migrate_secure_end(ctx, &session, 1, &v, NULL);
        if (rc != end_rc || v.code != end_code || !v.text)
            snprintf(why, sizeof(why), "end: rc %d, code %d, %s", rc, v.code,
                     v.text ? v.text : "no text");
    }
    libxl_migrate_secure_close(ctx, &session);
    libxl_migrate_secure_close(ctx, &session);
    libxl_migrate_secure_verdict_dispose(&v);
    if (!early)
        status = stop();
    if (!why[0] && status)
        snprintf(why, sizeof(why), "the daemon was not pleased");
    if (!why[0] && count_fds() != before)
        snprintf(why, sizeof(why), "%d descriptors leaked",
                 count_fds() - before);
    result(name, why[0] ? why : NULL);
}

static void handed(const char *name, scene *play, int want_rc, int code,
                   const char *text)
{
    then(name, play, false, libxl_migrate_secure_hand_over, want_rc, code,
         text, 0, 0);
}

static void fails(const char *name, scene *play, int want_rc, int code,
                  const char *text)
{
    then(name, play, false, libxl_migrate_secure_end, want_rc, code, text, 0,
         0);
}

static void never_began(const char *name, last_words *say, int want_rc)
{
    libxl_migrate_secure_session session;
    libxl_migrate_secure_verdict v;
    int rc;

    libxl_migrate_secure_session_init(&session);
    libxl_migrate_secure_verdict_init(&v);
    rc = say(ctx, &session, 1, &v, NULL);
    result(name, rc == want_rc && v.code == LIBXL_MIGRATE_SECURE_FAIL &&
                 v.text ? NULL : "another result");
    libxl_migrate_secure_verdict_dispose(&v);
}

/* libxl keeps the pipes of its first wait: not a leak. */
static void warm_up(void)
{
    libxl_migrate_secure_session session;
    libxl_migrate_secure_verdict v;

    start(leaves);
    begin(&session, &v, 1);
    libxl_migrate_secure_verdict_dispose(&v);
    stop();
}

static void bad_params(const char *name, char *host, char *conf)
{
    libxl_migrate_secure_params params;
    libxl_migrate_secure_session session;
    libxl_migrate_secure_verdict v;
    int rc;

    libxl_migrate_secure_params_init(&params);
    libxl_migrate_secure_session_init(&session);
    libxl_migrate_secure_verdict_init(&v);
    params.socket = socket_path;
    params.host = host;
    params.config = conf;
    rc = libxl_migrate_secure_begin(ctx, DOMID, &params, &session, &v, NULL);
    result(name, rc == ERROR_INVAL && v.code == LIBXL_MIGRATE_SECURE_FAIL ?
                 NULL : "not ERROR_INVAL");
    libxl_migrate_secure_verdict_dispose(&v);
}

static char *filled(size_t len)
{
    char *text = malloc(len + 1);

    memset(text, 'a', len);
    text[len] = '\0';
    return text;
}

int main(void)
{
    const int broken = LIBXL_MIGRATE_SECURE_PROTOCOL;
    const int gone = LIBXL_MIGRATE_SECURE_NO_DAEMON;
    const int doubt = LIBXL_MIGRATE_SECURE_IN_DOUBT;
    xentoollog_logger *logger;
    char *big;

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    snprintf(socket_path, sizeof(socket_path), "/tmp/migrate_secure.%d",
             (int)getpid());
    /* What libxl logs about the broken daemons is not of interest. */
    logger = (xentoollog_logger *)
        xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
    if (libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, logger)) {
        printf("not ok - libxl: no context\n");
        return 1;
    }

    warm_up();
    handed("accepted, migrated", starts_it, 0, 0, "done");
    handed("answers byte by byte", dribbles, 0, 0, "done");
    handed("handed over, goes on here", does_not_start_it, 0, 14,
           "the connection was lost");
    handed("handed over, not settled", does_not_know, 0, doubt, "who knows");
    handed("handed over, the daemon dies", takes_and_dies, ERROR_FAIL, doubt,
           NULL);
    handed("handed over, the daemon hangs", takes_and_hangs, ERROR_TIMEDOUT,
           doubt, NULL);
    handed("handed over, the daemon babbles", takes_and_babbles, ERROR_FAIL,
           doubt, NULL);
    then("not handed over, the daemon is dead", dies_before, true,
         libxl_migrate_secure_hand_over, ERROR_NOTFOUND, gone, NULL,
         ERROR_FAIL, gone);
    then("not handed over, the daemon has said no", says_no_before, true,
         libxl_migrate_secure_hand_over, ERROR_NOTFOUND, gone, NULL, 0, 14);
    fails("fails, with a reason", hears_of_failure, 0, 14,
          "the connection was lost");
    fails("fails, the daemon dies", hears_of_failure_and_dies, ERROR_FAIL,
          gone, NULL);
    fails("fails, the daemon hangs", hears_of_failure_and_hangs,
          ERROR_TIMEDOUT, LIBXL_MIGRATE_SECURE_TIMEOUT, NULL);
    never_began("nothing to hand over", libxl_migrate_secure_hand_over,
                ERROR_NOTFOUND);
    never_began("nothing to end", libxl_migrate_secure_end, ERROR_INVAL);
    config = filled(1024 * 1024);
    handed("the longest config", starts_it, 0, 0, "done");
    begin_fails("refused without having listened", refuses_rudely,
                ERROR_FAIL, 26, "", "too many");
    free(config);
    config = CONFIG;

    begin_fails("refused, reason masked", refuses, ERROR_FAIL, 21,
                "payroll-stays", "not to ?[2Jthere?");
    begin_fails("no daemon", NULL, ERROR_NOTFOUND, gone, "", NULL);
    begin_fails("silence", is_silent, ERROR_TIMEDOUT,
                LIBXL_MIGRATE_SECURE_TIMEOUT, "", NULL);
    begin_fails("daemon leaves", leaves, ERROR_FAIL, gone, "", NULL);
    begin_fails("daemon leaves in a header", leaves_in_header, ERROR_FAIL,
                gone, "", NULL);
    begin_fails("wrong type", says_wrong_type, ERROR_FAIL, broken, "", NULL);
    begin_fails("wrong version", says_wrong_version, ERROR_FAIL, broken, "",
                NULL);
    begin_fails("empty frame", says_nothing_in_a_frame, ERROR_FAIL, broken,
                "", NULL);
    begin_fails("frame of 4 GiB", claims_4_gib, ERROR_FAIL, broken, "",
                NULL);
    begin_fails("string overruns the frame", overruns_a_string, ERROR_FAIL,
                broken, "", NULL);
    begin_fails("string cut in its length", cuts_a_string, ERROR_FAIL,
                broken, "", NULL);
    begin_fails("bytes left over", says_more, ERROR_FAIL, broken, "", NULL);
    begin_fails("half a code", says_a_code_only, ERROR_FAIL, broken, "",
                NULL);
    begin_fails("stream without descriptors", gives_no_fd, ERROR_FAIL,
                broken, "", NULL);
    begin_fails("stream with two descriptors", gives_two_fds, ERROR_FAIL,
                broken, "", NULL);
    begin_fails("stream with three descriptors", gives_three_fds, ERROR_FAIL,
                broken, "", NULL);
    begin_fails("stream with eight descriptors", gives_eight_fds, ERROR_FAIL,
                broken, "", NULL);
    begin_fails("descriptors in another message", gives_wrong_type,
                ERROR_FAIL, broken, "", NULL);
    begin_fails("half a stream header", gives_half_a_header, ERROR_FAIL,
                broken, "", NULL);
    begin_fails("accepted, no stream", gives_nothing, ERROR_FAIL, broken, "",
                NULL);

    big = filled(1024 * 1024 + 1);
    bad_params("no host", NULL, CONFIG);
    bad_params("empty host", "", CONFIG);
    bad_params("long host", big, CONFIG);
    bad_params("no config", "hostB", NULL);
    bad_params("long config", "hostB", big);
    free(big);

    unlink(socket_path);
    libxl_ctx_free(ctx);
    xtl_logger_destroy(logger);
    return failed;
}
