/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * helper/secmigd/keys/keys.h: who is told what, when, whatever order vault and
 * keeper speak in.  The vault is a double that does nothing by itself; the
 * keeper's channel ends here.
 */
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "base/secret.h"
#include "scratch.h"
#include "../../helper/secmigd/ipc.c"
#include "../../helper/secmigd/parent/loop.c"
#include "../../helper/secmigd/keys/keys.c"
#define soon quote_soon
#include "../../helper/secmigd/keys/keys_quote.c"
#undef soon

struct parent parent;
static int keeper_end;

/* ---- doubles ---- */

void own_certificate_put(struct sm_wire_writer *w)
{
    sm_wire_put_blob(w, "certificate", 11);
}

static struct {
    struct vault *v;            /* at work; NULL: none */
    int starts, fail;
    char word[16];
    uint8_t in[64];             /* its standard input */
} vaults;

int vault_start(struct vault *v, const char *const *request, int in,
                int socket, size_t blob_max,
                void (*done)(void *ctx, int err, const char *why,
                             const uint8_t *blob, size_t blob_len),
                void *ctx)
{
    ck_assert_int_eq(!strcmp(request[0], "quote"), in >= 0);
    ck_assert_int_eq(!strcmp(request[0], "quote"), socket < 0);
    ck_assert_uint_eq(blob_max, in >= 0 ? SM_ATTEST_QUOTE_MAX : 0);
    vaults.starts++;
    if (vaults.fail)
        return vaults.fail;
    ck_assert_ptr_null(vaults.v);
    vaults.v = v;
    v->done = done;
    v->ctx = ctx;
    snprintf(vaults.word, sizeof(vaults.word), "%s",
             request[1] ? request[1] : request[0]);
    if (in >= 0)
        ck_assert_int_eq(read(in, vaults.in, sizeof(vaults.in)),
                         SM_ATTEST_EXTRA_LEN);
    return 0;
}

static void vault_says(int err, const char *why)
{
    struct vault *v = vaults.v;

    ck_assert_ptr_nonnull(v);
    vaults.v = NULL;
    v->done(v->ctx, err, why, (const uint8_t *)"quote", err ? 0 : 5);
}

/* What the keeper has been told, in order: T(ake), F(orget), C(lient). */
static const char *told(void)
{
    static struct ipc_message m;
    static char out[8192];
    size_t n = 0;

    while (!ipc_recv(keeper_end, &m)) {
        ck_assert_uint_lt(n, sizeof(out) - 1);
        out[n++] = m.type == IPC_KEEPER_TAKE ? 'T' :
                   m.type == IPC_KEEPER_FORGET ? 'F' :
                   m.type == IPC_KEEPER_CLIENT ? 'C' : '?';
        if (m.type == IPC_KEEPER_TAKE)
            ck_assert_mem_eq(m.body + 1, parent.own_key, 32);
        ipc_close_fds(&m);
    }
    out[n] = '\0';
    return out;
}

static int keeper_says(enum vault_key key, int code, const char *text)
{
    struct sm_wire_writer w;
    struct ipc_message *m = calloc(1, sizeof(*m));
    int rc;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u8(&w, (uint8_t)key);
    sm_wire_put_u16(&w, (uint16_t)-code);
    sm_wire_put_str(&w, text);
    m->type = IPC_KEEPER_TAKEN;
    m->len = w.len;
    memcpy(m->body, w.data, w.len);
    sm_wire_writer_dispose(&w);
    rc = keys_taken(m);
    free(m);
    return rc;
}

/* Timers that are due, for that long: and a few rounds of them, however long
 * one takes on a busy machine. */
static void pass(int64_t ms)
{
    int64_t end = sm_clock_now_ms() + ms;
    struct timespec ts = { .tv_nsec = 1000000 };
    int round;

    for (round = 0; round < 4 || sm_clock_now_ms() < end; round++) {
        nanosleep(&ts, NULL);
        run_timers();
    }
}

/* ---- somebody who waits ---- */

struct someone {
    struct key_wait w;
    int calls, err;
    char why[64];
};

static void called(void *ctx, int err, const char *why)
{
    struct someone *s = ctx;

    s->calls++;
    s->err = err;
    snprintf(s->why, sizeof(s->why), "%s", why);
}

static void need(struct someone *s)
{
    memset(s, 0, sizeof(*s));
    keys_need_host(&s->w, called, s);
}

static void write_pub(const char *name, uint8_t seed)
{
    char line[SM_IDENTITY_LINE_SIZE], why[256];
    struct sm_identity *id = NULL;
    uint8_t secret[32];

    memset(secret, seed, sizeof(secret));
    ck_assert_int_eq(sm_identity_from_secret("hostA", secret, &id), 0);
    ck_assert_int_eq(sm_identity_format(name, id->public_key, line), 0);
    ck_assert_int_eq(sm_file_write(parent.conf.host_pub, line, strlen(line),
                                   0644, why, sizeof(why)), 0);
    sm_identity_free(id);
}

static void set_up(void)
{
    char why[256];
    int sv[2];

    scratch_make();
    strcpy(parent.conf.name, "hostA");
    snprintf(parent.conf.host_pub, sizeof(parent.conf.host_pub),
             "%s/host.pub", scratch);
    write_pub("hostA", 1);
    ck_assert_int_eq(ipc_pair(sv), 0);
    fcntl(sv[0], F_SETFL, O_NONBLOCK);
    fcntl(sv[1], F_SETFL, O_NONBLOCK);
    parent.keeper = sv[0];
    keeper_end = sv[1];
    ck_assert_int_eq(keys_read_public(why, sizeof(why)), 0);
}

static void have_key(void)
{
    struct someone s;

    need(&s);
    pass(3);
    ck_assert_str_eq(told(), "T");
    vault_says(0, "");
    ck_assert_int_eq(keeper_says(VAULT_HOST, 0, ""), 0);
    pass(3);
    ck_assert_int_eq(s.calls, 1);
    ck_assert_int_eq(s.err, 0);
    ck_assert_str_eq(told(), "C");
    keys_forget_wait(&s.w);
}

START_TEST(all_who_wait_share_one_release)
{
    struct someone a, b, c;

    need(&a);
    need(&b);
    ck_assert_int_eq(a.calls, 0);
    pass(3);
    need(&c);
    ck_assert_int_eq(vaults.starts, 1);
    ck_assert_str_eq(vaults.word, "host");
    /* The keeper may be the first to speak. */
    ck_assert_int_eq(keeper_says(VAULT_HOST, 0, ""), 0);
    pass(3);
    ck_assert_int_eq(a.calls, 0);
    vault_says(0, "");
    ck_assert_int_eq(a.calls, 0);       /* not from below the caller */
    pass(3);
    ck_assert(a.calls == 1 && b.calls == 1 && c.calls == 1);
    ck_assert(!a.err && a.w.has_client && b.w.has_client && c.w.has_client);
    ck_assert_mem_eq(a.w.own_key, parent.own_key, 32);
    ck_assert(keys_held());
    ck_assert_str_eq(told(), "TCCC");
    /* From now on without the vault. */
    need(&a);
    ck_assert_int_eq(a.calls, 0);
    pass(3);
    ck_assert(a.calls == 1 && a.w.has_client);
    ck_assert_int_eq(vaults.starts, 1);
}
END_TEST

START_TEST(who_has_gone_is_not_called_and_its_socket_is_closed)
{
    struct someone a, b;

    need(&a);
    need(&b);
    pass(3);
    keys_forget_wait(&a.w);
    vault_says(0, "");
    ck_assert_int_eq(keeper_says(VAULT_HOST, 0, ""), 0);
    pass(3);
    ck_assert(a.calls == 0 && b.calls == 1);
    ck_assert_int_ge(fcntl(b.w.client, F_GETFD), 0);
    keys_forget_wait(&b.w);
    ck_assert_int_lt(fcntl(b.w.client, F_GETFD), 0);
    keys_forget_wait(&b.w);
}
END_TEST

START_TEST(it_is_given_away_with_the_certificate_of_then)
{
    struct ipc_message *m = calloc(1, sizeof(*m));
    const uint8_t *certificate;
    struct sm_wire_reader r;
    uint8_t key[32];
    struct someone a;
    size_t len;
    int sv[2];

    have_key();
    need(&a);
    pass(3);
    ck_assert(m && a.w.has_client);
    ck_assert_int_eq(ipc_pair(sv), 0);
    ck_assert_int_eq(keys_give(&a.w, sv[0]), 0);
    ck_assert(a.w.has_client && fcntl(a.w.client, F_GETFD) >= 0);
    ck_assert_int_eq(ipc_recv(sv[1], m), 0);
    ck_assert(m->type == IPC_PEER_KEEPER && m->n_fds == 1);
    sm_wire_reader_init(&r, m->body, m->len);
    sm_wire_get_bytes(&r, key, sizeof(key));
    sm_wire_get_blob(&r, 100, &certificate, &len);
    ck_assert_int_eq(sm_wire_end(&r), 0);
    ck_assert_mem_eq(key, parent.own_key, 32);
    ck_assert(len == 11 && !memcmp(certificate, "certificate", 11));
    ipc_close_fds(m);
    free(m);
    close(sv[1]);
    ck_assert_int_eq(keys_give(&a.w, sv[0]), SM_LINK);
    close(sv[0]);
    keys_forget_wait(&a.w);
}
END_TEST

START_TEST(a_failure_is_told_in_the_vaults_words)
{
    struct someone a;

    ck_assert(keys_may_try());
    need(&a);
    pass(3);
    vault_says(SM_SEAL, "PCR 9");
    ck_assert_int_eq(keeper_says(VAULT_HOST, SM_HELPER, "no key"), 0);
    pass(3);
    ck_assert(a.calls == 1 && a.err == SM_SEAL && !a.w.has_client);
    ck_assert_str_eq(a.why, "PCR 9");
    ck_assert(!keys_held());
    ck_assert(!keys_may_try());         /* for strangers */
    ck_assert_str_eq(told(), "T");
    have_key();                         /* for others at once */
    ck_assert(keys_may_try());
}
END_TEST

static void fails_for_its_pin(const char *path)
{
    struct someone a;

    need(&a);
    pass(3);
    ck_assert_str_eq(told(), "T");
    snprintf(vaults.v->refused_pin, sizeof(vaults.v->refused_pin), "%s",
             path);
    vault_says(SM_SEAL, "wrong PIN");
    ck_assert_int_eq(keeper_says(VAULT_HOST, SM_HELPER, "no key"), 0);
    pass(3);
    ck_assert(a.calls == 1 && a.err == SM_SEAL);
}

START_TEST(a_wrong_pin_in_a_file_is_tried_once)
{
    char path[256], why[512];
    struct someone a;
    int i;

    snprintf(path, sizeof(path), "%s/pin", scratch);
    scratch_write("pin", "7391\n", 5, 0600);
    fails_for_its_pin(path);
    for (i = 0; i < 3; i++) {
        need(&a);
        pass(3);
        ck_assert(a.calls == 1 && a.err == SM_SEAL);
        ck_assert_ptr_nonnull(strstr(a.why, "the PIN in "));
        ck_assert(!keys_may_try());
    }
    ck_assert_int_eq(vaults.starts, 1);
    ck_assert_str_eq(told(), "");
    /* Another file of that name; reload; none any more. */
    scratch_write("pin.new", "7392\n", 5, 0600);
    ck_assert_int_eq(rename(scratch_path("pin.new"), path), 0);
    fails_for_its_pin(path);
    ck_assert_int_eq(keys_reload(why, sizeof(why)), 0);
    ck_assert(keys_may_try());
    fails_for_its_pin(path);
    ck_assert_int_eq(unlink(path), 0);
    have_key();
    ck_assert_int_eq(vaults.starts, 4);
}
END_TEST

START_TEST(a_key_that_the_keeper_does_not_take_is_a_failure)
{
    struct someone a;

    need(&a);
    pass(3);
    vault_says(0, "");
    ck_assert_int_eq(keeper_says(VAULT_HOST, SM_STATE, "not ours"), 0);
    pass(3);
    ck_assert(a.calls == 1 && a.err == SM_STATE);
    ck_assert_str_eq(a.why, "not ours");
}
END_TEST

START_TEST(a_vault_that_cannot_be_started_is_a_failure)
{
    struct someone a;

    vaults.fail = SM_NO_MEMORY;
    need(&a);
    pass(3);
    /* The keeper sees its socket closed. */
    ck_assert_int_eq(keeper_says(VAULT_HOST, SM_HELPER, "no key"), 0);
    pass(3);
    ck_assert(a.calls == 1 && a.err == SM_NO_MEMORY);
}
END_TEST

START_TEST(it_is_forgotten_after_its_lifetime_however_much_it_is_used)
{
    struct someone a;
    int64_t before;
    int i;

    parent.conf.key_lifetime = 60000;
    have_key();
    ck_assert(expiry.armed);
    ck_assert_int_le(expiry.deadline, sm_clock_now_ms() + 60000);
    before = expiry.deadline;
    for (i = 0; i < 3; i++) {
        pass(10);
        need(&a);
        pass(3);
        ck_assert(a.calls == 1 && !a.err);
        keys_forget_wait(&a.w);
    }
    ck_assert_str_eq(told(), "CCC");
    ck_assert_int_eq(expiry.deadline, before);
    expiry.deadline = sm_clock_now_ms();        /* a minute has passed */
    pass(3);
    ck_assert_str_eq(told(), "F");
    ck_assert(!keys_held());
    have_key();
}
END_TEST

START_TEST(a_reload_forgets_and_takes_the_new_key)
{
    uint8_t old[32];
    char why[512];

    have_key();
    memcpy(old, parent.own_key, 32);
    ck_assert_int_eq(keys_reload(why, sizeof(why)), 0);
    ck_assert_mem_eq(old, parent.own_key, 32);
    ck_assert_str_eq(told(), "F");
    write_pub("hostA", 2);
    ck_assert_int_eq(keys_reload(why, sizeof(why)), 0);
    ck_assert_mem_ne(old, parent.own_key, 32);
    have_key();
    /* One that cannot be used changes nothing. */
    memcpy(old, parent.own_key, 32);
    write_pub("hostB", 3);
    ck_assert_int_eq(keys_reload(why, sizeof(why)), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "hostB"));
    ck_assert_mem_eq(old, parent.own_key, 32);
    ck_assert(keys_held());
}
END_TEST

START_TEST(a_reload_during_a_release_begins_it_anew)
{
    struct someone a;
    char why[512];

    need(&a);
    pass(3);
    ck_assert_str_eq(told(), "T");
    write_pub("hostA", 2);
    ck_assert_int_eq(keys_reload(why, sizeof(why)), 0);
    vault_says(0, "");
    ck_assert_int_eq(keeper_says(VAULT_HOST, 0, ""), 0);
    pass(3);
    ck_assert_int_eq(a.calls, 0);
    ck_assert_int_eq(vaults.starts, 2);
    ck_assert_str_eq(told(), "FT");     /* with the new public key */
    vault_says(0, "");
    ck_assert_int_eq(keeper_says(VAULT_HOST, 0, ""), 0);
    pass(3);
    ck_assert(a.calls == 1 && !a.err);
    ck_assert_mem_eq(a.w.own_key, parent.own_key, 32);
}
END_TEST

START_TEST(a_keeper_that_is_silent_does_not_hold_up_for_ever)
{
    struct someone a, b;

    need(&a);
    pass(3);
    vault_says(0, "");
    ck_assert(host.timer.armed);
    host.timer.deadline = sm_clock_now_ms();    /* not KEEPER_TIME */
    pass(3);
    ck_assert(a.calls == 1 && a.err == SM_HELPER);
    /* Nothing new before it has spoken. */
    need(&b);
    pass(3);
    ck_assert(b.calls == 1 && b.err == SM_HELPER);
    ck_assert_int_eq(vaults.starts, 1);
    /* It has, too late: what it has is not for use. */
    ck_assert_str_eq(told(), "T");
    ck_assert_int_eq(keeper_says(VAULT_HOST, 0, ""), 0);
    pass(3);
    ck_assert_str_eq(told(), "F");
    have_key();
}
END_TEST

START_TEST(what_the_keeper_was_not_asked_for_breaks_the_rules)
{
    struct ipc_message *m = calloc(1, sizeof(*m));
    struct someone a;

    ck_assert_int_eq(keeper_says(VAULT_HOST, 0, ""), SM_PROTOCOL);
    ck_assert_int_eq(keeper_says(VAULT_STORE, 0, ""), SM_PROTOCOL);
    need(&a);
    pass(3);
    ck_assert_int_eq(keeper_says(VAULT_STORE, 0, ""), SM_PROTOCOL);
    ck_assert_int_eq(keeper_says((enum vault_key)7, 0, ""), SM_PROTOCOL);
    m->type = IPC_KEEPER_TAKEN;
    ck_assert_int_eq(keys_taken(m), SM_PROTOCOL);
    ck_assert_int_eq(keeper_says(VAULT_HOST, 0, ""), 0);
    ck_assert_int_eq(keeper_says(VAULT_HOST, 0, ""), SM_PROTOCOL);
    free(m);
}
END_TEST

START_TEST(a_keeper_whose_queue_is_full_is_told_later)
{
    int n = 0;

    have_key();
    while (!tell_keeper(IPC_KEEPER_FORGET, NULL, NULL))
        n++;
    ck_assert_int_gt(n, 0);
    forget_host();
    ck_assert(again.armed);
    while (*told())
        ;
    pass(AGAIN_TIME + 20);
    ck_assert_str_eq(told(), "F");
    ck_assert(!again.armed);
}
END_TEST

static int store_err = 1;

static void stored(int err, const char *why)
{
    store_err = err;
    ck_assert_int_eq(err == 0, !why[0]);
}

START_TEST(the_store_key_is_released_once)
{
    keys_need_store(stored);
    ck_assert_str_eq(vaults.word, "store");
    ck_assert_str_eq(told(), "T");
    vault_says(0, "");
    ck_assert_int_eq(keeper_says(VAULT_STORE, 0, ""), 0);
    pass(3);
    ck_assert_int_eq(store_err, 0);
}
END_TEST

/* ---- quotes ---- */

static int quotes, quote_err;

static void quote_done(void *ctx, int err, const char *why,
                       const uint8_t *quote, size_t len)
{
    (void)ctx;
    (void)why;
    quotes++;
    quote_err = err;
    ck_assert_uint_eq(len, err ? 0 : 5);
    if (!err)
        ck_assert_mem_eq(quote, "quote", 5);
}

START_TEST(quotes_are_made_one_at_a_time)
{
    static struct quote_wait w[QUEUE_MAX + 2];
    uint8_t extra[SM_ATTEST_EXTRA_LEN];
    int i;

    for (i = 0; i < QUEUE_MAX; i++) {
        memset(extra, i, sizeof(extra));
        ck_assert_int_eq(keys_quote(&w[i], "hostB", false, extra, quote_done, NULL), 0);
    }
    ck_assert_int_eq(keys_quote(&w[i], "hostB", false, extra, quote_done, NULL), SM_BUSY);
    pass(3);
    ck_assert_int_eq(keys_quote(&w[i], "hostB", false, extra, quote_done, NULL), 0);
    keys_forget_quote(&w[i]);
    keys_forget_quote(&w[3]);
    for (i = 0; i < QUEUE_MAX; i++) {
        if (i == 3)
            continue;
        ck_assert_int_eq(vaults.in[0], i);
        ck_assert_ptr_nonnull(vaults.v);
        if (i == 5)
            keys_forget_quote(&w[i]);   /* it is at work for nobody */
        vault_says(i == 7 ? SM_BUSY : 0, "");
        if (i == 7)
            ck_assert_int_eq(quote_err, SM_BUSY);
        pass(3);
    }
    ck_assert_ptr_null(vaults.v);
    ck_assert_int_eq(quotes, QUEUE_MAX - 2);
    ck_assert_int_eq(vaults.starts, QUEUE_MAX - 1);
}
END_TEST

/* `id` is what the vault is given when it is the turn of this one. */
static void asks(struct quote_wait *w, const char *asker, bool own, char id)
{
    uint8_t extra[SM_ATTEST_EXTRA_LEN];

    memset(extra, id, sizeof(extra));
    ck_assert_int_eq(keys_quote(w, asker, own, extra, quote_done, NULL), 0);
}

START_TEST(hosts_take_turns_and_this_host_goes_first)
{
    static struct quote_wait flood[QUEUE_MAX + 1], w[6];
    const char *order = "fOPfEDfeffffffffffffff";
    uint8_t extra[SM_ATTEST_EXTRA_LEN] = { 0 };
    int i;

    for (i = 0; i < QUEUE_MAX; i++)
        asks(&flood[i], "hostF", false, 'f');
    pass(3);                                    /* the first is at work */
    asks(&flood[i], "hostF", false, 'f');
    keys_forget_quote(&flood[3]);
    asks(&flood[3], "hostF", false, 'f');
    ck_assert_int_eq(keys_quote(&w[5], "hostF", false, extra, quote_done,
                                NULL), SM_BUSY);
    asks(&w[0], "hostE", false, 'E');           /* full only for hostF */
    asks(&w[1], "hostE", false, 'e');
    asks(&w[2], "hostF", true, 'O');
    asks(&w[3], "hostG", true, 'P');
    asks(&w[4], "hostD", false, 'D');
    for (i = 0; order[i]; i++) {
        ck_assert_ptr_nonnull(vaults.v);
        ck_assert_int_eq(vaults.in[0], order[i]);
        vault_says(0, "");
        pass(3);
    }
    ck_assert_ptr_null(vaults.v);
    ck_assert_int_eq(quotes, QUEUE_MAX + 1 + 5);
}
END_TEST

START_TEST(a_quote_without_a_vault_is_a_failure)
{
    static struct quote_wait w;
    uint8_t extra[SM_ATTEST_EXTRA_LEN] = { 0 };

    vaults.fail = SM_IO;
    ck_assert_int_eq(keys_quote(&w, "hostB", false, extra, quote_done, NULL), 0);
    pass(5);
    ck_assert(quotes == 1 && quote_err == SM_HELPER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keys");
    TCase *t = tcase_create("host key"), *q = tcase_create("quotes");
    SRunner *runner;
    int failed;

    if (sm_secret_init())
        return EXIT_FAILURE;
    tcase_add_checked_fixture(t, set_up, scratch_remove);
    tcase_add_test(t, all_who_wait_share_one_release);
    tcase_add_test(t, who_has_gone_is_not_called_and_its_socket_is_closed);
    tcase_add_test(t, it_is_given_away_with_the_certificate_of_then);
    tcase_add_test(t, a_failure_is_told_in_the_vaults_words);
    tcase_add_test(t, a_wrong_pin_in_a_file_is_tried_once);
    tcase_add_test(t, a_key_that_the_keeper_does_not_take_is_a_failure);
    tcase_add_test(t, a_vault_that_cannot_be_started_is_a_failure);
    tcase_add_test(t, it_is_forgotten_after_its_lifetime_however_much_it_is_used);
    tcase_add_test(t, a_reload_forgets_and_takes_the_new_key);
    tcase_add_test(t, a_reload_during_a_release_begins_it_anew);
    tcase_add_test(t, a_keeper_that_is_silent_does_not_hold_up_for_ever);
    tcase_add_test(t, what_the_keeper_was_not_asked_for_breaks_the_rules);
    tcase_add_test(t, a_keeper_whose_queue_is_full_is_told_later);
    tcase_add_test(t, the_store_key_is_released_once);
    tcase_add_checked_fixture(q, set_up, scratch_remove);
    tcase_add_test(q, quotes_are_made_one_at_a_time);
    tcase_add_test(q, hosts_take_turns_and_this_host_goes_first);
    tcase_add_test(q, a_quote_without_a_vault_is_a_failure);
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, q);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
