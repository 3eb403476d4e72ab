/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two peer processes, as they are, in their sandboxes, on one connection.
 * Their parents, their keepers, and the pipes of xl are played here.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../../helper/secmigd/ipc.h"
#include "../../helper/secmigd/roles.h"
#include "base/secret.h"
#include "channel/message.h"
#include "handover/handover.h"
#include "scratch.h"

#define NOBODY 65534
#define SOON 20000              /* ms; a machine may be busy */
#define CONFIG "{\"c_info\": {\"name\": \"g1\"}}"

/* One host's peer, and what its parent holds of it. */
struct side {
    struct sm_conf conf;
    pid_t pid;
    int channel, keeper;
    uint8_t secret[32], public[32];
};

static struct side a, b;        /* source, destination */
static struct ipc_message got;  /* what was received last */
static const uint8_t id[16] = "the handover's i", epoch_a[16] = "A's journal",
                     epoch_b[16] = "B's journal";

/* ---- fixture ---- */

static void prepare(void)
{
    const char *empty;

    ck_assert_int_eq(sm_secret_init(), 0);
    signal(SIGPIPE, SIG_IGN);
    scratch_make();
    ck_assert_int_eq(chmod(scratch, 0755), 0);
    empty = scratch_path("empty");
    ck_assert_int_eq(mkdir(empty, 0755), 0);
    a = b = (struct side){ .channel = -1, .keeper = -1 };
    ck_assert_int_eq(sm_conf_init(&a.conf, scratch, NULL), 0);
    snprintf(a.conf.empty_dir, sizeof(a.conf.empty_dir), "%s", empty);
    a.conf.peer.uid = a.conf.peer.gid = NOBODY;
    a.conf.peer.known = true;
    b.conf = a.conf;
    strcpy(a.conf.name, "hostA");
    strcpy(b.conf.name, "hostB");
}

static void end_side(struct side *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
}

static void clean(void)
{
    end_side(&a);
    end_side(&b);
    scratch_remove();
}

/* ---- the parents ---- */

static void tell(struct side *s, enum ipc_type type,
                 struct sm_wire_writer *w, const int *fds, size_t n)
{
    ck_assert_int_eq(ipc_send(s->channel, type, w, fds, n), 0);
    if (w)
        sm_wire_writer_dispose(w);
}

/* KEY_IS, DONE, CANCEL. */
static void tell_code(struct side *s, enum ipc_type type, int code,
                      const char *text)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, (uint16_t)code);
    sm_wire_put_str(&w, text);
    tell(s, type, &w, NULL, 0);
}

static void expect(struct side *s, enum ipc_type type)
{
    struct pollfd p = { .fd = s->channel, .events = POLLIN };

    ck_assert_msg(poll(&p, 1, SOON) == 1, "no message %d", (int)type);
    ck_assert_int_eq(ipc_recv(s->channel, &got), 0);
    ck_assert_int_eq(got.type, type);
}

static bool silent(const struct side *s, int ms)
{
    struct pollfd p = { .fd = s->channel, .events = POLLIN };

    return poll(&p, 1, ms) == 0;
}

/* The last thing a parent hears. */
static void expect_end(struct side *s, int code, const char *words)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];
    struct sm_wire_reader r;
    int said;

    expect(s, IPC_PEER_END);
    sm_wire_reader_init(&r, got.body, got.len);
    said = sm_wire_get_u16(&r);
    sm_wire_get_str(&r, text, sizeof(text));
    ck_assert_msg(said == code && strstr(text, words), "%s: code %d: %s",
                  s->conf.name, said, text);
}

/* ... and its process goes. */
static void expect_exit(struct side *s)
{
    struct pollfd p = { .fd = s->channel, .events = POLLIN };
    int status;

    ck_assert_int_eq(poll(&p, 1, SOON), 1);
    ck_assert_int_ne(ipc_recv(s->channel, &got), 0);
    ck_assert_int_eq(waitpid(s->pid, &status, 0), s->pid);
    s->pid = 0;
    ck_assert_msg(WIFEXITED(status), "killed by signal %d",
                  WTERMSIG(status));
}

static void say(struct side *s, unsigned int fact, const char *text)
{
    struct sm_message_handover h = { .fact = (uint8_t)fact, .sequence = 7 };
    struct sm_wire_writer w;

    memcpy(h.id, id, sizeof(h.id));
    memcpy(h.epoch, s == &a ? epoch_a : epoch_b, sizeof(h.epoch));
    strcpy(h.text, text);
    sm_wire_writer_init(&w, IPC_MAX);
    sm_message_handover_put(&w, &h);
    tell(s, IPC_PEER_HANDOVER, &w, NULL, 0);
}

static void hear(struct side *s, unsigned int fact, const char *text)
{
    struct sm_message_handover h;
    struct sm_wire_reader r;

    expect(s, IPC_PEER_HANDOVER);
    sm_wire_reader_init(&r, got.body, got.len);
    sm_message_handover_get(&r, &h);
    ck_assert_int_eq(sm_wire_end(&r), 0);
    ck_assert_uint_eq(h.fact, fact);
    ck_assert_mem_eq(h.id, id, sizeof(id));
    ck_assert_mem_eq(h.epoch, s == &a ? epoch_b : epoch_a, 16);
    ck_assert_uint_eq(h.sequence, 7);
    ck_assert_str_eq(h.text, text);
}

/* ---- getting to know each other ---- */

static void start_side(struct side *s, unsigned int flags, int connection)
{
    const uint8_t nonce[32] = { flags & PEER_DEMAND ? 1 : 0 };
    struct sm_wire_writer w;
    int sv[2];

    crypto_box_keypair(s->public, s->secret);
    ck_assert_int_eq(ipc_pair(sv), 0);
    s->pid = fork();
    ck_assert_int_ge(s->pid, 0);
    if (!s->pid) {
        if (sv[1] != ROLE_CHANNEL)
            dup2(sv[1], ROLE_CHANNEL);
        closefrom(ROLE_CHANNEL + 1);
        _exit(peer_main(&s->conf));
    }
    close(sv[1]);
    s->channel = sv[0];
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u8(&w, (uint8_t)flags);
    sm_wire_put_str(&w, flags & PEER_INITIATOR ? "hostB" : "");
    sm_wire_put_bytes(&w, nonce, sizeof(nonce));
    tell(s, IPC_PEER_START, &w, &connection, 1);
    close(connection);
}

static void give_key(struct side *s)
{
    struct sm_wire_writer w;
    int sv[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
                                sv), 0);
    s->keeper = sv[0];
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_bytes(&w, s->public, sizeof(s->public));
    sm_wire_put_blob(&w, NULL, 0);
    tell(s, IPC_PEER_KEEPER, &w, &sv[1], 1);
    close(sv[1]);
}

/* The keeper's one answer. */
static void answer_dh(struct side *s)
{
    struct pollfd p = { .fd = s->keeper, .events = POLLIN };
    uint8_t point[32], shared[32];

    ck_assert_int_eq(poll(&p, 1, SOON), 1);
    ck_assert_int_eq(recv(s->keeper, point, 32, 0), 32);
    ck_assert_int_eq(crypto_scalarmult(shared, s->secret, point), 0);
    ck_assert_int_eq(send(s->keeper, shared, 32, 0), 32);
}

static void expect_key(struct side *s, const struct side *of)
{
    expect(s, IPC_PEER_KEY);
    ck_assert_uint_gt(got.len, 32);
    ck_assert_mem_eq(got.body, of->public, 32);
}

/* The source's parent has the destination's key to judge. */
static void meet(unsigned int flags_a, unsigned int flags_b)
{
    int sv[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
                                SOCK_CLOEXEC, 0, sv), 0);
    start_side(&a, PEER_INITIATOR | flags_a, sv[0]);
    start_side(&b, flags_b, sv[1]);
    give_key(&a);
    expect(&b, IPC_PEER_NEED_KEY);
    give_key(&b);
    answer_dh(&b);
    expect_key(&a, &b);
}

static void put_request(struct side *s)
{
    int fds[2] = { ipc_memfd(CONFIG, sizeof(CONFIG) - 1), ipc_memfd("", 0) };
    struct sm_wire_writer w;
    uint32_t i;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_bytes(&w, "0123456789abcdef", 16);
    sm_wire_put_u64(&w, 196608);
    sm_wire_put_u32(&w, SM_MESSAGE_LEAVE_PAUSED);
    sm_wire_put_u16(&w, 4);
    sm_wire_put_u16(&w, 17);
    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++)
        sm_wire_put_u32(&w, UINT32_MAX - i);
    sm_wire_put_bytes(&w, id, sizeof(id));
    sm_wire_put_bytes(&w, epoch_a, sizeof(epoch_a));
    sm_wire_put_u64(&w, 42);
    sm_wire_put_str(&w, "g1");
    sm_wire_put_str(&w, "alice");
    tell(s, IPC_PEER_REQUEST, &w, fds, 2);
    close(fds[0]);
    close(fds[1]);
}

static void expect_request(struct side *s)
{
    struct sm_wire_reader r;
    uint8_t bytes[16];
    char text[256];
    uint32_t i;

    expect(s, IPC_PEER_REQUEST);
    ck_assert_uint_eq(got.n_fds, 2);
    ipc_close_fds(&got);
    sm_wire_reader_init(&r, got.body, got.len);
    sm_wire_get_bytes(&r, bytes, 16);
    ck_assert_mem_eq(bytes, "0123456789abcdef", 16);
    ck_assert_uint_eq(sm_wire_get_u64(&r), 196608);
    ck_assert_uint_eq(sm_wire_get_u32(&r), SM_MESSAGE_LEAVE_PAUSED);
    ck_assert_uint_eq(sm_wire_get_u16(&r), 4);
    ck_assert_uint_eq(sm_wire_get_u16(&r), 17);
    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++)
        ck_assert_uint_eq(sm_wire_get_u32(&r), UINT32_MAX - i);
    sm_wire_get_bytes(&r, bytes, 16);
    ck_assert_mem_eq(bytes, id, 16);
    sm_wire_get_bytes(&r, bytes, 16);
    ck_assert_mem_eq(bytes, epoch_a, 16);
    ck_assert_uint_eq(sm_wire_get_u64(&r), 42);
    sm_wire_get_str(&r, text, sizeof(text));
    ck_assert_str_eq(text, "g1");
    sm_wire_get_str(&r, text, sizeof(text));
    ck_assert_str_eq(text, "alice");
    ck_assert_int_eq(sm_wire_end(&r), 0);
}

/* To where the stream flows: xl writes to *from, and reads from *to. */
static void moving(int *from, int *to)
{
    struct sm_wire_writer w;
    int up[2], down[2];

    meet(0, 0);
    put_request(&a);
    tell_code(&a, IPC_PEER_KEY_IS, 0, "");
    answer_dh(&a);
    expect_key(&b, &a);
    tell_code(&b, IPC_PEER_KEY_IS, 0, "");
    expect_request(&b);
    ck_assert_int_eq(pipe(up) | pipe(down), 0);
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u16(&w, 0);
    sm_wire_put_str(&w, "rule-b");
    sm_wire_put_str(&w, "");
    tell(&b, IPC_PEER_ANSWER, &w, &down[1], 1);
    close(down[1]);
    expect(&a, IPC_PEER_ANSWER);
    tell(&a, IPC_PEER_STREAM, NULL, &up[0], 1);
    close(up[0]);
    *from = up[1];
    *to = down[0];
}

/* To where handovers are settled. */
static void settling(unsigned int flags_b)
{
    meet(PEER_SETTLE, flags_b);
    tell_code(&a, IPC_PEER_KEY_IS, 0, "");
    answer_dh(&a);
    expect_key(&b, &a);
}

static void read_exactly(int fd, void *data, size_t len)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    uint8_t *at = data;
    ssize_t n;

    while (len) {
        ck_assert_int_eq(poll(&p, 1, SOON), 1);
        n = read(fd, at, len);
        ck_assert_int_gt(n, 0);
        at += n;
        len -= (size_t)n;
    }
}

static void assert_end(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char c;

    ck_assert_int_eq(poll(&p, 1, SOON), 1);
    ck_assert_int_eq(read(fd, &c, 1), 0);
}

/* ---- a guest moves ---- */

START_TEST(a_guest_moves_and_the_parents_settle_it)
{
    static uint8_t sent[50000], back[sizeof(sent)];
    int from, to;

    moving(&from, &to);
    randombytes_buf(sent, sizeof(sent));
    ck_assert_int_eq(write(from, sent, sizeof(sent)), sizeof(sent));
    read_exactly(to, back, sizeof(back));
    ck_assert_mem_eq(back, sent, sizeof(sent));
    if (_i) {           /* the stream may be open until the end */
        close(from);
        assert_end(to);
    }
    say(&b, SM_HANDOVER_SAY_READY, "");
    hear(&a, SM_HANDOVER_SAY_READY, "");
    say(&a, SM_HANDOVER_SAY_GO, "");
    hear(&b, SM_HANDOVER_SAY_GO, "");
    say(&b, SM_HANDOVER_SAY_STARTED, "it ticks");
    hear(&a, SM_HANDOVER_SAY_STARTED, "it ticks");
    say(&a, SM_HANDOVER_SAY_SETTLED, "");
    hear(&b, SM_HANDOVER_SAY_SETTLED, "");
    say(&b, SM_HANDOVER_SAY_SETTLED, "");
    hear(&a, SM_HANDOVER_SAY_SETTLED, "");
    tell_code(&b, IPC_PEER_DONE, 0, "g1 runs on hostB");
    expect_end(&b, 0, "g1 runs on hostB");
    expect_end(&a, 0, "g1 runs on hostB");
    expect_exit(&b);
    expect_exit(&a);
}
END_TEST

START_TEST(a_refused_copy_is_said_and_the_reason_with_it)
{
    int from, to;

    moving(&from, &to);
    say(&b, SM_HANDOVER_SAY_REFUSED, "xl died");
    hear(&a, SM_HANDOVER_SAY_REFUSED, "xl died");
    tell_code(&b, IPC_PEER_DONE, 27, "xl died");
    expect_end(&a, 27, "xl died");
    expect_end(&b, 27, "xl died");
}
END_TEST

START_TEST(a_cancelled_migration_ends_on_both_sides)
{
    int from, to;

    moving(&from, &to);
    say(&a, SM_HANDOVER_SAY_ABORT, "");
    tell_code(&a, IPC_PEER_CANCEL, 28, "enough");
    expect_end(&a, 28, "enough");
    hear(&b, SM_HANDOVER_SAY_ABORT, "");
    expect_end(&b, 28, "enough");
    assert_end(to);
}
END_TEST

START_TEST(facts_of_the_other_role_are_not_sent)
{
    int from, to;

    moving(&from, &to);
    say(_i ? &a : &b, _i ? SM_HANDOVER_SAY_STARTED : SM_HANDOVER_SAY_GO, "");
    expect_exit(_i ? &a : &b);
    expect_end(_i ? &b : &a, 14, "lost");
}
END_TEST

START_TEST(what_crosses_the_end_does_not_cut_it_off)
{
    int from, to;

    moving(&from, &to);
    kill(b.pid, SIGSTOP);       /* else it may be gone before the rest */
    tell_code(&b, IPC_PEER_DONE, 0, "all is well");
    say(&b, SM_HANDOVER_SAY_SETTLED, "");
    tell_code(&b, IPC_PEER_CANCEL, 28, "too late");
    kill(b.pid, SIGCONT);
    expect_end(&b, 0, "all is well");
    expect_end(&a, 0, "all is well");
}
END_TEST

/* ---- time ---- */

START_TEST(a_stream_that_stands_still_ends_it)
{
    int from, to;

    a.conf.finish_timeout = b.conf.finish_timeout = 60000;
    (_i ? &a : &b)->conf.finish_timeout = 1500;
    a.conf.keepalive = b.conf.keepalive = 200;
    moving(&from, &to);
    expect_end(_i ? &a : &b, 13, "stood still");
}
END_TEST

START_TEST(after_the_stream_the_parents_have_time)
{
    int from, to;

    a.conf.finish_timeout = b.conf.finish_timeout = 1000;
    /* not a time that a busy machine takes to let both run */
    a.conf.idle_timeout = b.conf.idle_timeout = SOON;
    a.conf.keepalive = b.conf.keepalive = 200;
    moving(&from, &to);
    close(from);
    assert_end(to);
    ck_assert(silent(&a, 3000));
    ck_assert(silent(&b, 0));
    say(&b, SM_HANDOVER_SAY_READY, "at last");
    hear(&a, SM_HANDOVER_SAY_READY, "at last");
}
END_TEST

START_TEST(silence_ends_it_also_after_the_stream)
{
    struct side *dead, *other;
    int from, to;

    a.conf.idle_timeout = b.conf.idle_timeout = 3000;
    a.conf.keepalive = b.conf.keepalive = 200;
    if (_i & 2) {
        settling(0);
        tell_code(&b, IPC_PEER_KEY_IS, 0, "");
        say(&a, SM_HANDOVER_SAY_GO, "");
        hear(&b, SM_HANDOVER_SAY_GO, "");
        say(&b, SM_HANDOVER_SAY_STARTED, "");
        hear(&a, SM_HANDOVER_SAY_STARTED, "");
    } else {
        moving(&from, &to);
        close(from);
        assert_end(to);
    }
    dead = _i & 1 ? &a : &b;
    other = _i & 1 ? &b : &a;
    ck_assert_int_eq(kill(dead->pid, SIGSTOP), 0);
    expect_end(other, 13, "nothing heard");
}
END_TEST

/* ---- nothing but handovers ---- */

START_TEST(handovers_are_settled_without_a_guest)
{
    settling(0);
    say(&a, SM_HANDOVER_SAY_GO, "");        /* before B knows who it is */
    ck_assert(silent(&b, 300));
    tell_code(&b, IPC_PEER_KEY_IS, 0, "");
    hear(&b, SM_HANDOVER_SAY_GO, "");
    say(&b, SM_HANDOVER_SAY_STARTED, "");
    hear(&a, SM_HANDOVER_SAY_STARTED, "");
    say(&a, SM_HANDOVER_SAY_SETTLED, "");
    say(&a, SM_HANDOVER_SAY_ABORT, "another one");
    hear(&b, SM_HANDOVER_SAY_SETTLED, "");
    hear(&b, SM_HANDOVER_SAY_ABORT, "another one");
    say(&b, SM_HANDOVER_SAY_REFUSED, "");
    hear(&a, SM_HANDOVER_SAY_REFUSED, "");
    tell_code(&a, IPC_PEER_DONE, 0, "");
    expect_end(&a, 0, "");
    expect_end(&b, 0, "");
    expect_exit(&a);
    expect_exit(&b);
}
END_TEST

START_TEST(who_brings_no_guest_need_not_prove_anything)
{
    settling(PEER_DEMAND);
    tell_code(&b, IPC_PEER_KEY_IS, 0, "");
    say(&a, SM_HANDOVER_SAY_GO, "");
    hear(&b, SM_HANDOVER_SAY_GO, "");
    say(&b, SM_HANDOVER_SAY_REFUSED, "");
    hear(&a, SM_HANDOVER_SAY_REFUSED, "");  /* and no quote was asked for */
}
END_TEST

START_TEST(a_host_that_is_not_known_may_not_settle)
{
    settling(0);
    say(&a, SM_HANDOVER_SAY_GO, "");
    tell_code(&b, IPC_PEER_KEY_IS, 17, "hostA is not known");
    expect_end(&b, 17, "not known");
    expect_end(&a, 17, "not known");
}
END_TEST

START_TEST(the_destination_does_not_end_what_settles)
{
    settling(0);
    tell_code(&b, IPC_PEER_KEY_IS, 0, "");
    say(&a, SM_HANDOVER_SAY_GO, "");
    hear(&b, SM_HANDOVER_SAY_GO, "");
    tell_code(&b, IPC_PEER_DONE, 0, "");
    expect_exit(&b);
}
END_TEST

START_TEST(a_destination_says_nothing_before_it_is_spoken_to)
{
    settling(0);
    tell_code(&b, IPC_PEER_KEY_IS, 0, "");
    say(&b, SM_HANDOVER_SAY_STARTED, "");
    expect_exit(&b);
}
END_TEST

START_TEST(flags_that_make_no_sense_are_refused)
{
    static const unsigned int flags[] = {
        PEER_SETTLE, PEER_INITIATOR | PEER_SETTLE | PEER_DEMAND, 32,
    };
    int sv[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    start_side(&a, flags[_i], sv[0]);
    expect_exit(&a);
    close(sv[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("peer");
    TCase *move = tcase_create("moving");
    TCase *time = tcase_create("time");
    TCase *settle = tcase_create("settling");

    if (geteuid() != 0) {
        printf("skip - peer: only root can set up its sandbox\n");
        return 77;
    }
    tcase_add_checked_fixture(move, prepare, clean);
    tcase_set_timeout(move, 60);
    tcase_add_loop_test(move, a_guest_moves_and_the_parents_settle_it, 0, 2);
    tcase_add_test(move, a_refused_copy_is_said_and_the_reason_with_it);
    tcase_add_test(move, a_cancelled_migration_ends_on_both_sides);
    tcase_add_loop_test(move, facts_of_the_other_role_are_not_sent, 0, 2);
    tcase_add_test(move, what_crosses_the_end_does_not_cut_it_off);
    tcase_add_checked_fixture(time, prepare, clean);
    tcase_set_timeout(time, 60);
    tcase_add_loop_test(time, a_stream_that_stands_still_ends_it, 0, 2);
    tcase_add_test(time, after_the_stream_the_parents_have_time);
    tcase_add_loop_test(time, silence_ends_it_also_after_the_stream, 0, 4);
    tcase_add_checked_fixture(settle, prepare, clean);
    tcase_set_timeout(settle, 60);
    tcase_add_test(settle, handovers_are_settled_without_a_guest);
    tcase_add_test(settle, who_brings_no_guest_need_not_prove_anything);
    tcase_add_test(settle, a_host_that_is_not_known_may_not_settle);
    tcase_add_test(settle, the_destination_does_not_end_what_settles);
    tcase_add_test(settle,
                   a_destination_says_nothing_before_it_is_spoken_to);
    tcase_add_loop_test(settle, flags_that_make_no_sense_are_refused, 0, 3);
    suite_add_tcase(suite, move);
    suite_add_tcase(suite, time);
    suite_add_tcase(suite, settle);
    return scratch_run(suite);
}
