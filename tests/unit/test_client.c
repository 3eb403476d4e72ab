/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of helper/secmig/client.h's contract. */
#include "../../helper/secmig/client.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/wire.h"
#include "scratch.h"

#define SOON sm_clock_deadline(200)

static struct sm_client *client;
static int peer;            /* the daemon's end */
static char why[512];

static void prepare(void)
{
    int fds[2];

    scratch_make();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ck_assert_int_eq(sm_client_from_fd(fds[0], &client), 0);
    peer = fds[1];
}

static void clean(void)
{
    sm_client_free(client);
    if (peer >= 0)
        close(peer);
    scratch_remove();
}

static void header(uint8_t out[static 8], uint32_t len, uint16_t type,
                   uint16_t version)
{
    const uint8_t bytes[8] = {
        (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
        (uint8_t)len, (uint8_t)(type >> 8), (uint8_t)type,
        (uint8_t)(version >> 8), (uint8_t)version,
    };

    memcpy(out, bytes, 8);
}

/* Send bytes with `n` descriptors (copies of standard error's). */
static void send_fds(const void *data, size_t len, size_t n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
                         .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *cm;
    int fds[16];
    size_t i;

    if (n) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
        cm = CMSG_FIRSTHDR(&msg);
        cm->cmsg_level = SOL_SOCKET;
        cm->cmsg_type = SCM_RIGHTS;
        cm->cmsg_len = CMSG_LEN(n * sizeof(int));
        for (i = 0; i < n; i++)
            fds[i] = 2;
        memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
    }
    ck_assert_int_eq(sendmsg(peer, &msg, 0), (ssize_t)len);
}

static void send_frame(uint32_t len, uint16_t type, uint16_t version,
                       const void *body, size_t body_len, size_t fds)
{
    uint8_t h[8];

    header(h, len, type, version);
    send_fds(h, sizeof(h), fds);
    if (body_len)
        send_fds(body, body_len, 0);
}

static int open_fds(void)
{
    int n = 0, fd;

    for (fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Receive what must be refused; nothing may be left open. */
static void refused(int err)
{
    struct sm_client_frame frame;
    int before = open_fds();

    ck_assert_int_eq(sm_client_recv(client, &frame, SOON), err);
    ck_assert_int_eq(open_fds(), before);
    ck_assert_ptr_null(frame.body);
    ck_assert_int_eq(frame.fd, -1);
}

/* ---- connecting ---- */

START_TEST(nobody_listening_is_no_daemon)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    struct sm_client *c;
    int fd;

    ck_assert_int_eq(sm_client_connect(scratch_path("none"), SOON, &c, why,
                                       sizeof(why)), SM_NO_DAEMON);
    ck_assert_ptr_null(c);
    ck_assert_ptr_nonnull(strstr(why, "does not run"));
    /* A socket that a dead daemon left behind. */
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%.90s",
             scratch_path("stale"));
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    close(fd);
    ck_assert_int_eq(sm_client_connect(sa.sun_path, SOON, &c, why,
                                       sizeof(why)), SM_NO_DAEMON);
}
END_TEST

START_TEST(a_full_queue_ends_at_the_deadline)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    struct sm_client *c[3] = { NULL };
    int fd, i, rc = 0;

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%.90s", scratch_path("s"));
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    for (i = 0; i < 3 && !rc; i++)
        rc = sm_client_connect(sa.sun_path, SOON, &c[i], why, sizeof(why));
    ck_assert_int_eq(rc, SM_TIMEOUT);
    for (i = 0; i < 3; i++)
        sm_client_free(c[i]);
    close(fd);
}
END_TEST

START_TEST(a_path_too_long_for_a_socket_is_said)
{
    struct sm_client *c;
    char path[200];

    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_eq(sm_client_connect(path, SOON, &c, why, sizeof(why)),
                     SM_IO);
    ck_assert_ptr_nonnull(strstr(why, "too long"));
    sm_client_free(NULL);
}
END_TEST

/* ---- sending ---- */

START_TEST(a_frame_is_sent_whole)
{
    uint8_t got[8 + 3], want[8];

    ck_assert_int_eq(sm_client_send(client, FRAME_MIGRATE, "abc", 3, SOON),
                     0);
    ck_assert_int_eq(recv(peer, got, sizeof(got), MSG_WAITALL),
                     (ssize_t)sizeof(got));
    header(want, 3, 1, 1);
    ck_assert_mem_eq(got, want, 8);
    ck_assert_mem_eq(got + 8, "abc", 3);
}
END_TEST

START_TEST(sending_has_a_cap_and_a_deadline)
{
    static uint8_t big[FRAME_BODY_MAX + 1];

    ck_assert_int_eq(sm_client_send(client, FRAME_MIGRATE, big, sizeof(big),
                                    SOON), SM_USAGE);
    /* Nobody reads. */
    ck_assert_int_eq(sm_client_send(client, FRAME_MIGRATE, big,
                                    sizeof(big) - 1, SOON), SM_TIMEOUT);
    close(peer);
    peer = -1;
    ck_assert_int_eq(sm_client_send(client, FRAME_MIGRATE, big, 10, SOON),
                     SM_NO_DAEMON);
}
END_TEST

/* ---- receiving ---- */

START_TEST(a_frame_arrives_in_pieces_too)
{
    const uint8_t body[] = { 0, 21, 0, 1, 'r', 0, 2, 't', 'x' };
    struct sm_client_answer answer;
    struct sm_client_frame frame;
    uint8_t h[8];
    size_t i;
    pid_t pid;

    header(h, sizeof(body), FRAME_ANSWER, 1);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        for (i = 0; i < 8; i++, usleep(2000))
            send(peer, h + i, 1, 0);
        for (i = 0; i < sizeof(body); i++, usleep(2000))
            send(peer, body + i, 1, 0);
        _exit(0);
    }
    ck_assert_int_eq(sm_client_recv(client, &frame, sm_clock_deadline(3000)),
                     0);
    ck_assert_uint_eq(frame.type, FRAME_ANSWER);
    ck_assert_int_eq(sm_client_answer(&frame, &answer), 0);
    ck_assert_uint_eq(answer.code, 21);
    ck_assert_str_eq(answer.rule, "r");
    ck_assert_str_eq(answer.text, "tx");
    sm_client_frame_dispose(&frame);
    sm_client_frame_dispose(&frame);
}
END_TEST

START_TEST(the_stream_brings_a_descriptor)
{
    struct sm_client_frame frame;
    int before = open_fds();

    send_frame(0, FRAME_STREAM, 1, NULL, 0, 1);
    ck_assert_int_eq(sm_client_recv(client, &frame, SOON), 0);
    ck_assert_int_ge(frame.fd, 0);
    ck_assert_int_eq(fcntl(frame.fd, F_GETFD), FD_CLOEXEC);
    sm_client_frame_dispose(&frame);
    ck_assert_int_eq(open_fds(), before);
}
END_TEST

START_TEST(ready_brings_nothing_but_itself)
{
    struct sm_client_frame frame;

    send_frame(0, FRAME_READY, 1, NULL, 0, 0);
    ck_assert_int_eq(sm_client_recv(client, &frame, SOON), 0);
    ck_assert_int_eq(frame.type, FRAME_READY);
    ck_assert_uint_eq(frame.len, 0);
    ck_assert_int_eq(frame.fd, -1);
    sm_client_frame_dispose(&frame);
}
END_TEST

START_TEST(descriptors_where_none_belong_are_closed)
{
    const uint8_t body[] = { 0, 0, 0, 0, 0, 0 };

    send_frame(sizeof(body), FRAME_ANSWER, 1, body, sizeof(body), 1);
    refused(SM_PROTOCOL);
    send_frame(0, FRAME_READY, 1, NULL, 0, 1);
    refused(SM_PROTOCOL);
}
END_TEST

START_TEST(a_stream_without_a_descriptor_is_refused)
{
    send_frame(0, FRAME_STREAM, 1, NULL, 0, 0);
    refused(SM_PROTOCOL);
}
END_TEST

START_TEST(too_many_descriptors_are_refused)
{
    send_frame(0, FRAME_STREAM, 1, NULL, 0, 2);
    refused(SM_PROTOCOL);
    send_frame(0, FRAME_STREAM, 1, NULL, 0, 3);
    refused(SM_PROTOCOL);
}
END_TEST

START_TEST(far_too_many_descriptors_are_refused)
{
    send_frame(0, FRAME_STREAM, 1, NULL, 0, 16);
    refused(SM_PROTOCOL);
}
END_TEST

START_TEST(descriptors_inside_a_body_are_refused)
{
    const uint8_t body[] = { 0, 0, 0, 0, 0, 0 };
    uint8_t h[8];

    header(h, sizeof(body), FRAME_ANSWER, 1);
    send_fds(h, 8, 0);
    send_fds(body, sizeof(body), 1);
    refused(SM_PROTOCOL);
}
END_TEST

static const struct {
    uint32_t len;
    uint16_t type, version;
} bad_headers[] = {
    { 6, FRAME_ANSWER, 0 },
    { 6, FRAME_ANSWER, 2 },
    { 6, 0, 1 },
    { 0, FRAME_MIGRATE, 1 },        /* a client's own */
    { 0, FRAME_CANCEL, 1 },
    { 0, FRAME_HAND_OVER, 1 },
    { 1, FRAME_READY, 1 },
    { 0, FRAME_STATUS, 1 },
    { 6, 0xffff, 1 },
    { 1, FRAME_STREAM, 1 },
    { 5000, FRAME_ANSWER, 1 },
    { 5000, FRAME_RESULT, 1 },
    { 70000, FRAME_STATUS_IS, 1 },
    { FRAME_OUTPUT_MAX + 1, FRAME_OUTPUT, 1 },
    { 0, FRAME_MIGRATE_FOR, 1 },
    { 0xffffffff, FRAME_STATUS_IS, 1 },
};

START_TEST(bad_headers_are_refused_without_waiting_for_a_body)
{
    send_frame(bad_headers[_i].len, bad_headers[_i].type,
               bad_headers[_i].version, NULL, 0, 0);
    refused(SM_PROTOCOL);
}
END_TEST

START_TEST(silence_ends_at_the_deadline)
{
    uint8_t h[8];

    refused(SM_TIMEOUT);
    header(h, 6, FRAME_ANSWER, 1);
    send_fds(h, 8, 0);
    send_fds("abc", 3, 0);
    refused(SM_TIMEOUT);
}
END_TEST

START_TEST(a_daemon_that_goes_is_no_daemon)
{
    uint8_t h[8];

    header(h, 6, FRAME_ANSWER, 1);
    send_fds(h, _i ? 8 : 4, 0);
    close(peer);
    peer = -1;
    refused(SM_NO_DAEMON);
}
END_TEST

START_TEST(malformed_answers_are_refused)
{
    static const uint8_t good[] = { 0, 0, 0, 1, 'r', 0, 1, 't' };
    uint8_t bad[sizeof(good) + 1] = { 0 };
    struct sm_client_frame frame = { .fd = -1, .body = bad };
    struct sm_client_answer answer;
    size_t len;

    memcpy(bad, good, sizeof(good));
    for (len = 0; len <= sizeof(bad); len++) {
        frame.len = len;
        ck_assert_int_eq(sm_client_answer(&frame, &answer),
                         len == sizeof(good) ? 0 : SM_PROTOCOL);
    }
    frame.len = sizeof(good);
    bad[4] = '\n';
    ck_assert_int_eq(sm_client_answer(&frame, &answer), SM_PROTOCOL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client");
    TCase *connecting = tcase_create("connecting");
    TCase *sending = tcase_create("sending");
    TCase *receiving = tcase_create("receiving");

    tcase_add_checked_fixture(connecting, prepare, clean);
    tcase_add_test(connecting, nobody_listening_is_no_daemon);
    tcase_add_test(connecting, a_full_queue_ends_at_the_deadline);
    tcase_add_test(connecting, a_path_too_long_for_a_socket_is_said);
    tcase_add_checked_fixture(sending, prepare, clean);
    tcase_add_test(sending, a_frame_is_sent_whole);
    tcase_add_test(sending, sending_has_a_cap_and_a_deadline);
    tcase_add_checked_fixture(receiving, prepare, clean);
    tcase_add_test(receiving, a_frame_arrives_in_pieces_too);
    tcase_add_test(receiving, the_stream_brings_a_descriptor);
    tcase_add_test(receiving, ready_brings_nothing_but_itself);
    tcase_add_test(receiving, descriptors_where_none_belong_are_closed);
    tcase_add_test(receiving, a_stream_without_a_descriptor_is_refused);
    tcase_add_test(receiving, too_many_descriptors_are_refused);
    tcase_add_test(receiving, far_too_many_descriptors_are_refused);
    tcase_add_test(receiving, descriptors_inside_a_body_are_refused);
    tcase_add_loop_test(receiving,
        bad_headers_are_refused_without_waiting_for_a_body, 0,
        sizeof(bad_headers) / sizeof(bad_headers[0]));
    tcase_add_test(receiving, silence_ends_at_the_deadline);
    tcase_add_loop_test(receiving, a_daemon_that_goes_is_no_daemon, 0, 2);
    tcase_add_test(receiving, malformed_answers_are_refused);
    suite_add_tcase(suite, connecting);
    suite_add_tcase(suite, sending);
    suite_add_tcase(suite, receiving);
    return scratch_run(suite);
}
