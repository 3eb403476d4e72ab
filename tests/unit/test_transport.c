/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `secmig transport` between an xl and a daemon that are both played here,
 * byte by byte, as helper/secmig/transport.c describes them.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../../helper/secmig/verbs.h"
#include "base/frame.h"
#include "base/secret.h"
#include "base/wire.h"
#include "scratch.h"
#include "xen/savefile.h"
#include "xen/words.h"

#define CONFIG "{\"c_info\": {\"name\": \"g1\"}}"
#define USAGE_CODE 100

static struct sm_cli cli;
static int listener = -1;
static pid_t child = -1;
static int to_child = -1, from_child = -1, errors = -1;  /* xl's ends */
static int daemon_fd = -1;
static int stream_in = -1;                      /* the daemon's end */

/* How both hops are made: splice() needs a pipe on one side. */
enum kind { PIPES, SOCKETS };

/* ---- fixture ---- */

static void prepare(void)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    char *slash;

    ck_assert_int_eq(sm_secret_init(), 0);
    signal(SIGPIPE, SIG_IGN);
    scratch_make();
    ck_assert_int_eq(sm_conf_init(&cli.conf, scratch, NULL), 0);
    for (slash = strchr(cli.conf.socket + strlen(scratch) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(cli.conf.socket, 0755);
        *slash = '/';
    }
    ck_assert_uint_lt(strlen(cli.conf.socket), sizeof(sa.sun_path));
    memcpy(sa.sun_path, cli.conf.socket, strlen(cli.conf.socket) + 1);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
    ck_assert_int_eq(listen(listener, 5), 0);
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void clean(void)
{
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    scratch_remove();
}

static void make_channel(enum kind kind, int *reader, int *writer)
{
    int fds[2];

    ck_assert_int_eq(kind == PIPES
                         ? pipe(fds)
                         : socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *reader = fds[0];
    *writer = fds[1];
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
}

/* Run `secmig transport` with these words after the verb. */
static void start(enum kind kind, int argc, char **argv)
{
    int in, out, err, rc;

    make_channel(kind, &in, &to_child);
    make_channel(kind, &from_child, &out);
    make_channel(PIPES, &errors, &err);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        dup2(in, 0);
        dup2(out, 1);
        dup2(err, 2);
        shut(&in);
        shut(&out);
        shut(&err);
        shut(&to_child);
        shut(&from_child);
        shut(&errors);
        shut(&listener);
        rc = sm_verb_transport(&cli, argc, argv);
        _exit(rc == SM_CLI_USAGE ? USAGE_CODE : sm_err_exit(rc));
    }
    shut(&in);
    shut(&out);
    shut(&err);
}

static void start_plain(enum kind kind)
{
    char *argv[] = { (char[]){ "transport" }, (char[]){ "hostB" },
                     (char[]){ "xl" }, (char[]){ "migrate-receive" }, NULL };

    start(kind, 4, argv);
}

/* Exit code of the child; what it said on standard error goes to `text`. */
static int finish(char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;
    int status;

    while (len < size - 1 &&
           (n = read(errors, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    child = -1;
    ck_assert_msg(WIFEXITED(status), "killed by signal %d",
                  WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* Ends with `code` and exactly one line that has `words`. */
static void ends(int code, const char *words)
{
    char text[4096];
    int got = finish(text, sizeof(text));

    ck_assert_msg(got == code, "exit code %d: %s", got, text);
    if (!words) {
        ck_assert_str_eq(text, "");
        return;
    }
    ck_assert_msg(strstr(text, words) != NULL, "said: %s", text);
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}

/* ---- xl's part ---- */

static void read_exactly(int fd, void *data, size_t len)
{
    uint8_t *p = data;
    ssize_t n;

    while (len) {
        n = read(fd, p, len);
        ck_assert_msg(n > 0, "end after all but %zu bytes", len);
        p += n;
        len -= (size_t)n;
    }
}

static void assert_end(int fd)
{
    char c;

    ck_assert_int_eq(read(fd, &c, 1), 0);
}

static void expect_banner(void)
{
    char banner[SM_XEN_BANNER_LEN];

    read_exactly(from_child, banner, sizeof(banner));
    ck_assert_mem_eq(banner, SM_XEN_BANNER, sizeof(banner));
}

static void put(int fd, const void *data, size_t len)
{
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
}

/* The preamble with the beginning of the stream right behind it. */
static void send_preamble(const char *behind)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, SM_SAVEFILE_MAX + 100);
    ck_assert_int_eq(sm_savefile_write(&w, CONFIG, sizeof(CONFIG) - 1), 0);
    sm_wire_put_bytes(&w, behind, strlen(behind));
    put(to_child, w.data, w.len);
    sm_wire_writer_dispose(&w);
}

/* ---- the daemon's part ---- */

static void expect_request(uint32_t flags)
{
    uint8_t header[8], body[FRAME_NAME_MAX + 1024], uuid[16];
    static const uint8_t zero[16];
    struct sm_wire_reader r;
    const uint8_t *config;
    char text[256];
    size_t len;

    daemon_fd = accept(listener, NULL, NULL);
    ck_assert_int_ge(daemon_fd, 0);
    read_exactly(daemon_fd, header, sizeof(header));
    sm_wire_reader_init(&r, header, sizeof(header));
    len = sm_wire_get_u32(&r);
    ck_assert_uint_eq(sm_wire_get_u16(&r), FRAME_MIGRATE);
    ck_assert_uint_eq(sm_wire_get_u16(&r), FRAME_VERSION);
    ck_assert_uint_le(len, sizeof(body));
    read_exactly(daemon_fd, body, len);
    sm_wire_reader_init(&r, body, len);
    ck_assert_uint_eq(sm_wire_get_u32(&r), FRAME_DOMID_UNKNOWN);
    sm_wire_get_bytes(&r, uuid, sizeof(uuid));
    ck_assert_mem_eq(uuid, zero, sizeof(zero));
    ck_assert_uint_eq(sm_wire_get_u32(&r), flags);
    sm_wire_get_str(&r, text, sizeof(text));
    ck_assert_str_eq(text, "hostB");
    sm_wire_get_str(&r, text, sizeof(text));
    ck_assert_str_eq(text, "");
    sm_wire_get_blob(&r, FRAME_CONFIG_MAX, &config, &len);
    ck_assert_uint_eq(len, sizeof(CONFIG) - 1);
    ck_assert_mem_eq(config, CONFIG, len);
    ck_assert_int_eq(sm_wire_end(&r), 0);
}

static void send_answer(uint16_t type, uint16_t code, const char *rule,
                        const char *text)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, 4096);
    sm_wire_put_u32(&w, (uint32_t)(2 + 2 + strlen(rule) + 2 + strlen(text)));
    sm_wire_put_u16(&w, type);
    sm_wire_put_u16(&w, FRAME_VERSION);
    sm_wire_put_u16(&w, code);
    sm_wire_put_str(&w, rule);
    sm_wire_put_str(&w, text);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    put(daemon_fd, w.data, w.len);
    sm_wire_writer_dispose(&w);
}

static void send_stream(enum kind kind)
{
    const uint8_t header[8] = { 0, 0, 0, 0, 0, FRAME_STREAM, 0,
                                FRAME_VERSION };
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = (void *)(uintptr_t)header,
                         .iov_len = sizeof(header) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
    int fd;

    make_channel(kind, &stream_in, &fd);
    cm->cmsg_level = SOL_SOCKET;
    cm->cmsg_type = SCM_RIGHTS;
    cm->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
    ck_assert_int_eq(sendmsg(daemon_fd, &msg, 0), (ssize_t)sizeof(header));
    close(fd);
}

static void send_ready(void)
{
    const uint8_t ready[8] = { 0, 0, 0, 0, 0, FRAME_READY, 0,
                               FRAME_VERSION };

    put(daemon_fd, ready, sizeof(ready));
}

static void expect_hand_over(void)
{
    const uint8_t want[8] = { 0, 0, 0, 0, 0, FRAME_HAND_OVER, 0,
                              FRAME_VERSION };
    uint8_t got[8];

    read_exactly(daemon_fd, got, sizeof(got));
    ck_assert_mem_eq(got, want, sizeof(want));
}

/* Everything up to the moment when the streams are connected. */
static void connected(enum kind xl, enum kind streams)
{
    char behind[6];

    start_plain(xl);
    expect_banner();
    send_preamble("behind");
    expect_request(FRAME_WEAK_HANDOVER);
    send_answer(FRAME_ANSWER, 0, "", "");
    send_stream(streams);
    read_exactly(stream_in, behind, sizeof(behind));
    ck_assert_mem_eq(behind, "behind", 6);
}

/* The copy over there is whole, and xl hears so. */
static void ready(enum kind xl, enum kind streams)
{
    char got[sizeof(SM_XEN_READY)];

    connected(xl, streams);
    send_ready();
    assert_end(stream_in);
    read_exactly(from_child, got, sizeof(got));
    ck_assert_mem_eq(got, SM_XEN_READY, sizeof(got));
}

/* xl has said GO, and the guest is the daemon's. */
static void handed_over(enum kind xl, enum kind streams)
{
    ready(xl, streams);
    put(to_child, SM_XEN_GO, sizeof(SM_XEN_GO));
    expect_hand_over();
}

/* xl may resume the guest. */
static void expect_given_back(void)
{
    static const char want[] = SM_XEN_REPORT "\0\1" SM_XEN_GO;
    char got[sizeof(want)];

    read_exactly(from_child, got, sizeof(got));
    ck_assert_mem_eq(got, want, sizeof(got));
}

/* It says these words, and warns of xl's. */
static void ends_in_doubt(const char *words)
{
    char text[4096];

    assert_end(from_child);         /* no permission, no success */
    ck_assert_int_eq(finish(text, sizeof(text)), 32);
    ck_assert_msg(strstr(text, words) != NULL, "said: %s", text);
    ck_assert_msg(strstr(text, "undefined; it is not") != NULL, "said: %s",
                  text);
}

/* ---- the conversation ---- */

/* Each pair of kinds, so that splicing and copying are both used. */
START_TEST(the_whole_conversation_passes)
{
    enum kind xl = _i & 1 ? SOCKETS : PIPES;
    enum kind streams = _i & 2 ? SOCKETS : PIPES;
    static uint8_t sent[32768], got[32768];
    int round;
    size_t i;

    connected(xl, streams);
    for (round = 0; round < 40; round++) {
        for (i = 0; i < sizeof(sent); i++)
            sent[i] = (uint8_t)(i * 31 + (size_t)round * 7 + i / 256);
        put(to_child, sent, sizeof(sent));
        read_exactly(stream_in, got, sizeof(got));
        ck_assert_mem_eq(got, sent, sizeof(got));
    }
    send_ready();
    assert_end(stream_in);      /* before GO, of which nothing goes there */
    read_exactly(from_child, got, sizeof(SM_XEN_READY));
    ck_assert_mem_eq(got, SM_XEN_READY, sizeof(SM_XEN_READY));
    put(to_child, SM_XEN_GO, sizeof(SM_XEN_GO));
    expect_hand_over();
    send_answer(FRAME_RESULT, 0, "", "g1 runs on hostB");
    read_exactly(from_child, got, sizeof(SM_XEN_REPORT) + 1);
    ck_assert_mem_eq(got, SM_XEN_REPORT "\0", sizeof(SM_XEN_REPORT) + 1);
    assert_end(from_child);
    ends(0, NULL);
}
END_TEST

START_TEST(go_may_come_in_pieces)
{
    size_t i;

    ready(PIPES, PIPES);
    for (i = 0; i < sizeof(SM_XEN_GO); i++) {
        put(to_child, &SM_XEN_GO[i], 1);
        usleep(2000);
    }
    expect_hand_over();
    send_answer(FRAME_RESULT, 0, "", "");
    ends(0, NULL);
}
END_TEST

START_TEST(xls_end_reaches_the_daemon_which_says_why)
{
    connected(PIPES, PIPES);
    shut(&to_child);
    assert_end(stream_in);
    send_answer(FRAME_RESULT, 27, "", "xl failed on hostB");
    ends(27, "xl failed on hostB");
    assert_end(from_child);
}
END_TEST

START_TEST(an_xl_that_gives_up_is_said_without_the_daemon_too)
{
    connected(PIPES, PIPES);
    shut(&to_child);
    ends(27, "gave up");
    assert_end(from_child);
}
END_TEST

START_TEST(a_guest_that_stays_after_all_is_given_back)
{
    handed_over(PIPES, PIPES);
    /* The number of a time-out, said by the daemon, is no doubt. */
    send_answer(FRAME_RESULT, 13, "", "hostB did not answer; g1 stays here");
    expect_given_back();
    assert_end(from_child);
    ends(13, "g1 stays here");
}
END_TEST

START_TEST(what_is_in_doubt_is_not_given_back)
{
    handed_over(PIPES, PIPES);
    send_answer(FRAME_RESULT, 32, "", "g1 is suspended here");
    ends_in_doubt("secmig: g1 is suspended here\n");
}
END_TEST

START_TEST(a_daemon_that_dies_with_the_guest_leaves_it_in_doubt)
{
    handed_over(PIPES, PIPES);
    shut(&daemon_fd);
    ends_in_doubt("suspended here, or runs on hostB");
}
END_TEST

START_TEST(a_daemon_that_talks_nonsense_leaves_it_in_doubt)
{
    handed_over(PIPES, PIPES);
    if (_i == 0)
        send_ready();
    else
        send_answer(FRAME_ANSWER, 0, "", "");
    ends_in_doubt("suspended here, or runs on hostB");
}
END_TEST

START_TEST(an_xl_that_leaves_after_go_changes_nothing)
{
    char text[4096];

    handed_over(PIPES, PIPES);
    shut(&to_child);
    shut(&from_child);
    usleep(100000);
    send_answer(FRAME_RESULT, 0, "", "");
    ck_assert_int_eq(finish(text, sizeof(text)), 0);
    ck_assert_ptr_nonnull(strstr(text, "the guest is on hostB"));
}
END_TEST

START_TEST(without_go_nothing_is_handed_over)
{
    static const char *const instead[] = {
        "", "domain is yours, you are cleared to unpause!", "more stream",
        "domain is yours",
    };

    ready(_i & 4 ? SOCKETS : PIPES, PIPES);
    send_answer(FRAME_RESULT, 28, "", "given up");
    put(to_child, instead[_i & 3], strlen(instead[_i & 3]));
    if (!(_i & 1))
        shut(&to_child);
    if ((_i & 3) == 3)
        shut(&to_child);        /* GO cut short */
    assert_end(from_child);
    ends(28, "given up");
    assert_end(daemon_fd);      /* without HAND-OVER */
}
END_TEST

START_TEST(ready_too_early_hands_nothing_over)
{
    static uint8_t full[3 * 65536];
    char text[4096];
    int code;

    memset(full, 'z', sizeof(full));
    connected(_i ? SOCKETS : PIPES, PIPES);
    fcntl(to_child, F_SETFL, fcntl(to_child, F_GETFL) | O_NONBLOCK);
    while (write(to_child, full, sizeof(full)) > 0)
        usleep(50000);          /* nobody takes it off at the far end */
    send_ready();
    code = finish(text, sizeof(text));
    ck_assert_msg(code == 16 || code == 27, "exit code %d: %s", code, text);
    assert_end(daemon_fd);
}
END_TEST

START_TEST(a_failure_between_ready_and_go_gives_it_back)
{
    ready(PIPES, PIPES);
    if (_i == 0)
        send_answer(FRAME_RESULT, 14, "", "the link to hostB was lost");
    else if (_i == 1)
        shut(&daemon_fd);
    else if (_i == 2)
        send_ready();
    else
        send_answer(FRAME_RESULT, 0, "", "");   /* not without HAND-OVER */
    usleep(100000);
    put(to_child, SM_XEN_GO, sizeof(SM_XEN_GO));
    expect_given_back();
    assert_end(from_child);
    if (_i == 0)
        ends(14, "the link to hostB was lost");
    else if (_i == 1)
        ends(10, "secmigd went away");
    else
        ends(16, "cannot be understood");
}
END_TEST

START_TEST(a_slow_reader_loses_no_bytes)
{
    static uint8_t sent[200000], got[200000];
    pid_t writer;

    connected(PIPES, _i ? SOCKETS : PIPES);
    memset(sent, 'y', sizeof(sent));
    writer = fork();
    ck_assert_int_ge(writer, 0);
    if (!writer) {
        put(to_child, sent, sizeof(sent));
        _exit(0);
    }
    usleep(600000);
    read_exactly(stream_in, got, sizeof(got));
    ck_assert_mem_eq(got, sent, sizeof(got));
    ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
    send_answer(FRAME_RESULT, 28, "", "enough");
    ends(28, "enough");
}
END_TEST

/* Ticks of processor time that the child has used (/proc/PID/stat). */
static long child_ticks(void)
{
    char path[64], text[1024], *p;
    long user = 0, sys = 0;
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    p = strrchr(text, ')');
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u "
                            "%*u %*u %ld %ld", &user, &sys), 2);
    return user + sys;
}

START_TEST(waiting_costs_nothing)
{
    static const uint8_t full[65536];
    long before;

    connected(PIPES, _i & 1 ? SOCKETS : PIPES);
    if (_i & 2)     /* with a stream that nobody takes off */
        put(to_child, full, sizeof(full));
    usleep(200000);
    before = child_ticks();
    sleep(1);
    ck_assert_int_le(child_ticks() - before,
                     sysconf(_SC_CLK_TCK) / 10);
}
END_TEST

/* ---- refusals and faults ---- */

START_TEST(a_refusal_is_one_line_and_its_code)
{
    start_plain(PIPES);
    expect_banner();
    send_preamble("");
    expect_request(FRAME_WEAK_HANDOVER);
    send_answer(FRAME_ANSWER, 21, "no-payroll", "hostB refuses g1");
    ends(21, "secmig: hostB refuses g1 (rule no-payroll)\n");
}
END_TEST

START_TEST(an_unknown_code_is_still_a_failure)
{
    start_plain(PIPES);
    expect_banner();
    send_preamble("");
    expect_request(FRAME_WEAK_HANDOVER);
    send_answer(FRAME_ANSWER, 999, "", "");
    ends(1, "secmig: ");
}
END_TEST

START_TEST(a_failure_in_the_middle_ends_it_at_once)
{
    connected(PIPES, PIPES);
    /* Both streams and xl's pipes stay open: only RESULT tells. */
    send_answer(FRAME_RESULT, 14, "", "the link to hostB was lost");
    ends(14, "the link to hostB was lost");
    ck_assert_int_eq(write(to_child, "x", 1), -1);
    ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(a_daemon_that_takes_no_more_is_felt_by_xl)
{
    struct pollfd p = { .events = 0 };

    connected(PIPES, PIPES);
    shut(&stream_in);
    p.fd = to_child;
    ck_assert_int_eq(poll(&p, 1, 3000), 1);
    ck_assert(p.revents & POLLERR);
    send_answer(FRAME_RESULT, 27, "", "xl failed");
    ends(27, "xl failed");
}
END_TEST

START_TEST(a_daemon_that_dies_is_said)
{
    connected(PIPES, PIPES);
    shut(&daemon_fd);
    shut(&stream_in);
    ends(10, "secmigd went away");
}
END_TEST

START_TEST(a_daemon_that_dies_before_its_answer_is_said)
{
    start_plain(PIPES);
    expect_banner();
    send_preamble("");
    expect_request(FRAME_WEAK_HANDOVER);
    shut(&daemon_fd);
    ends(10, "secmigd");
}
END_TEST

START_TEST(no_daemon_means_no_banner)
{
    shut(&listener);
    ck_assert_int_eq(unlink(cli.conf.socket), 0);
    start_plain(PIPES);
    assert_end(from_child);
    ends(10, "secmigd does not run");
}
END_TEST

START_TEST(garbage_from_the_daemon_is_a_protocol_error)
{
    start_plain(PIPES);
    expect_banner();
    send_preamble("");
    expect_request(FRAME_WEAK_HANDOVER);
    put(daemon_fd, "HTTP/1.1 400 Bad Request\r\n", 26);
    ends(16, "secmigd");
}
END_TEST

START_TEST(frames_out_of_order_are_refused)
{
    start_plain(PIPES);
    expect_banner();
    send_preamble("");
    expect_request(FRAME_WEAK_HANDOVER);
    send_answer(FRAME_RESULT, 0, "", "");
    ends(16, "secmigd");
}
END_TEST

START_TEST(a_bad_preamble_is_not_passed_on)
{
    char c;

    start_plain(PIPES);
    expect_banner();
    put(to_child, "GET / HTTP/1.0\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        52);
    ends(16, "preamble");
    daemon_fd = accept(listener, NULL, NULL);
    ck_assert_int_eq(read(daemon_fd, &c, 1), 0);
}
END_TEST

START_TEST(an_xl_that_leaves_early_ends_it)
{
    start_plain(PIPES);
    expect_banner();
    shut(&to_child);
    ends(27, "went away");
}
END_TEST

START_TEST(an_xl_that_leaves_while_the_daemon_thinks_ends_it)
{
    start_plain(PIPES);
    expect_banner();
    send_preamble("");
    expect_request(FRAME_WEAK_HANDOVER);
    shut(&to_child);
    shut(&from_child);
    ends(28, "went away");
}
END_TEST

/* The deadlines are sums with a constant: take it off again here. */
#define SLACK_MS 30000

START_TEST(silence_ends_at_the_deadlines)
{
    cli.conf.connect_timeout = 0;
    cli.conf.handshake_timeout = 0;
    cli.conf.answer_timeout = 1500 - SLACK_MS;
    cli.conf.finish_timeout = 1500;
    cli.conf.ready_timeout = 0;
    cli.conf.verdict_timeout = 1500 - SLACK_MS;
    switch (_i) {
    case 0:         /* no preamble */
        start_plain(PIPES);
        expect_banner();
        ends(13, "configuration");
        break;
    case 1:         /* no answer */
        start_plain(PIPES);
        expect_banner();
        send_preamble("");
        expect_request(FRAME_WEAK_HANDOVER);
        ends(13, "did not answer");
        break;
    case 2:         /* no streams */
        start_plain(PIPES);
        expect_banner();
        send_preamble("");
        expect_request(FRAME_WEAK_HANDOVER);
        send_answer(FRAME_ANSWER, 0, "", "");
        ends(13, "secmigd");
        break;
    case 3:         /* no GO */
        ready(PIPES, PIPES);
        ends(27, "gave up");
        break;
    default:        /* no result */
        handed_over(PIPES, PIPES);
        ends_in_doubt("suspended here, or runs on hostB");
        break;
    }
}
END_TEST

/* ---- arguments ---- */

static const struct {
    const char *words[8];
    uint32_t flags;     /* 0: refused */
    int code;
    const char *says;
} arguments[] = {
    { { "hostB", "xl", "migrate-receive" }, 2, 0, NULL },
    { { "hostB", "xl", "migrate-receive", "-p" }, 3, 0, NULL },
    { { "hostB", "xl", "-t", "-T", "-vvv", "migrate-receive", "-e", "-d" },
      2, 0, NULL },
    { { "hostB", "xl", "migrate-receive", "-r", "" }, 0, 2, "Remus" },
    { { "hostB", "xl", "migrate-receive", "--colo" }, 0, 2, "COLO" },
    { { "hostB", "xl", "migrate-receive", "--what" }, 0, 2, "--what" },
    { { "hostB", "xl", "-x", "migrate-receive" }, 0, 2, "-x" },
    { { "root@hostB", "xl", "migrate-receive" }, 0, 2, "root@hostB" },
    { { "-oProxyCommand=x", "xl", "migrate-receive" }, 0, 2, "not the name" },
    { { "hostB", "xl", "create" }, 0, USAGE_CODE, NULL },
    { { "hostB", "reboot" }, 0, USAGE_CODE, NULL },
    { { "hostB" }, 0, USAGE_CODE, NULL },
    { { NULL }, 0, USAGE_CODE, NULL },
};

START_TEST(xls_words_are_understood_or_refused)
{
    char words[9][32] = { "transport" }, *argv[10] = { words[0] };
    int argc = 1;

    while (argc < 9 && arguments[_i].words[argc - 1]) {
        snprintf(words[argc], sizeof(words[0]), "%s",
                 arguments[_i].words[argc - 1]);
        argv[argc] = words[argc];
        argc++;
    }
    start(PIPES, argc, argv);
    if (arguments[_i].flags) {
        expect_banner();
        send_preamble("");
        expect_request(arguments[_i].flags);
        send_answer(FRAME_ANSWER, 20, "", "no");
        ends(20, "no");
    } else {
        ends(arguments[_i].code, arguments[_i].says);
        assert_end(from_child);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transport");
    TCase *talk = tcase_create("conversation");
    TCase *fault = tcase_create("faults");
    TCase *words = tcase_create("arguments");

    tcase_add_checked_fixture(talk, prepare, clean);
    tcase_set_timeout(talk, 30);
    tcase_add_loop_test(talk, the_whole_conversation_passes, 0, 4);
    tcase_add_test(talk, go_may_come_in_pieces);
    tcase_add_test(talk, xls_end_reaches_the_daemon_which_says_why);
    tcase_add_test(talk, an_xl_that_gives_up_is_said_without_the_daemon_too);
    tcase_add_test(talk, a_guest_that_stays_after_all_is_given_back);
    tcase_add_test(talk, what_is_in_doubt_is_not_given_back);
    tcase_add_test(talk,
        a_daemon_that_dies_with_the_guest_leaves_it_in_doubt);
    tcase_add_loop_test(talk,
        a_daemon_that_talks_nonsense_leaves_it_in_doubt, 0, 2);
    tcase_add_test(talk, an_xl_that_leaves_after_go_changes_nothing);
    tcase_add_loop_test(talk, without_go_nothing_is_handed_over, 0, 8);
    tcase_add_loop_test(talk, ready_too_early_hands_nothing_over, 0, 2);
    tcase_add_loop_test(talk, a_failure_between_ready_and_go_gives_it_back,
                        0, 4);
    tcase_add_loop_test(talk, a_slow_reader_loses_no_bytes, 0, 2);
    tcase_add_loop_test(talk, waiting_costs_nothing, 0, 4);
    tcase_add_checked_fixture(fault, prepare, clean);
    tcase_set_timeout(fault, 30);
    tcase_add_test(fault, a_refusal_is_one_line_and_its_code);
    tcase_add_test(fault, an_unknown_code_is_still_a_failure);
    tcase_add_test(fault, a_failure_in_the_middle_ends_it_at_once);
    tcase_add_test(fault, a_daemon_that_takes_no_more_is_felt_by_xl);
    tcase_add_test(fault, a_daemon_that_dies_is_said);
    tcase_add_test(fault, a_daemon_that_dies_before_its_answer_is_said);
    tcase_add_test(fault, no_daemon_means_no_banner);
    tcase_add_test(fault, garbage_from_the_daemon_is_a_protocol_error);
    tcase_add_test(fault, frames_out_of_order_are_refused);
    tcase_add_test(fault, a_bad_preamble_is_not_passed_on);
    tcase_add_test(fault, an_xl_that_leaves_early_ends_it);
    tcase_add_test(fault, an_xl_that_leaves_while_the_daemon_thinks_ends_it);
    tcase_add_loop_test(fault, silence_ends_at_the_deadlines, 0, 5);
    tcase_add_checked_fixture(words, prepare, clean);
    tcase_set_timeout(words, 30);
    tcase_add_loop_test(words, xls_words_are_understood_or_refused, 0,
                        sizeof(arguments) / sizeof(arguments[0]));
    suite_add_tcase(suite, talk);
    suite_add_tcase(suite, fault);
    suite_add_tcase(suite, words);
    return scratch_run(suite);
}
