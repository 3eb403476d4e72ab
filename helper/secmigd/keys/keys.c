/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/keys.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "parent/loop.h"
#include "keys/own_certificate.h"
#include "parent/parent.h"
#include "keys/vault.h"

#define KEEPER_TIME 5000        /* ms to say that it has what was sent */
#define RETRY_TIME 10000        /* ms after a failure, for strangers */
#define NEXT_ROUND 1            /* ms: of the loop; 0 would be never */
#define AGAIN_TIME 100          /* ms until the keeper is told again */

/* One key on its way from the vault to the keeper. */
struct fetch {
    enum vault_key key;
    const char *word;           /* in requests and in the log */
    struct vault vault;
    struct loop_timer timer;
    bool active;                /* begun; the keeper has not answered */
    bool vault_done, taken;
    int err;
    char why[VAULT_TEXT_MAX + 1];
    void (*finished)(void);
};

static void host_finished(void);
static void store_finished(void);

static struct fetch
    host = { .key = VAULT_HOST, .word = "host", .finished = host_finished },
    store = { .key = VAULT_STORE, .word = "store",
              .finished = store_finished };

int keys_read_public(char *why, size_t why_size)
{
    char name[SM_IDENTITY_NAME_SIZE], reason[128];
    uint8_t key[SM_IDENTITY_KEY_LEN];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    rc = sm_file_read(parent.conf.host_pub, SM_FILE_PUBLIC,
                      SM_IDENTITY_LINE_SIZE, &data, &len, why, why_size);
    if (rc)
        return rc;
    rc = sm_identity_parse((const char *)data, len, name, key, reason,
                           sizeof(reason));
    sm_file_free(data, len);
    if (!rc && strcmp(name, parent.conf.name)) {
        rc = SM_STATE;
        snprintf(reason, sizeof(reason), "it is the key of host %s", name);
    }
    if (rc) {
        snprintf(why, why_size, "%s: %s", parent.conf.host_pub, reason);
        return rc;
    }
    memcpy(parent.own_key, key, sizeof(key));
    return 0;
}

/* ---- from the vault to the keeper ---- */

/* Both have spoken, or the keeper does not. */
static void settle(void *ctx)
{
    struct fetch *f = ctx;

    if (f->taken) {
        f->active = false;
    } else {
        f->err = SM_HELPER;
        strcpy(f->why, "the keeper does not answer");
    }
    f->finished();
}

static void vault_done(void *ctx, int err, const char *why,
                       const uint8_t *blob, size_t blob_len)
{
    struct fetch *f = ctx;

    (void)blob;
    (void)blob_len;
    f->vault_done = true;
    if (err) {                  /* it knows better than the keeper */
        f->err = err;
        snprintf(f->why, sizeof(f->why), "%s", why);
    }
    loop_arm(&f->timer, f->taken ? NEXT_ROUND : KEEPER_TIME, settle, f);
}

int keys_taken(const struct ipc_message *m)
{
    char text[sizeof(host.why)];
    struct sm_wire_reader r;
    struct fetch *f;
    int key, code;

    sm_wire_reader_init(&r, m->body, m->len);
    key = sm_wire_get_u8(&r);
    code = sm_err_from_code(sm_wire_get_u16(&r));
    sm_wire_get_str(&r, text, sizeof(text));
    f = key == VAULT_HOST ? &host : &store;
    if (sm_wire_end(&r) || m->n_fds || key != (int)f->key || !f->active ||
        f->taken)
        return SM_PROTOCOL;
    f->taken = true;
    if (!f->err && code) {
        f->err = code;
        snprintf(f->why, sizeof(f->why), "%s", text);
    }
    if (f->vault_done)
        loop_arm(&f->timer, NEXT_ROUND, settle, f);
    return 0;
}

static int tell_keeper(enum ipc_type type, const struct sm_wire_writer *w,
                       const int *fd)
{
    return ipc_send(parent.keeper, type, w, fd, fd ? 1 : 0);
}

static void fetch(struct fetch *f)
{
    const char *request[] = { "release", f->word, NULL };
    int rc, sv[2] = { -1, -1 };
    struct sm_wire_writer w;

    f->active = f->vault_done = f->taken = false;
    f->err = 0;
    f->why[0] = '\0';
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u8(&w, (uint8_t)f->key);
    sm_wire_put_bytes(&w, parent.own_key, sizeof(parent.own_key));
    rc = ipc_pair(sv);
    if (!rc)
        rc = tell_keeper(IPC_KEEPER_TAKE, &w, &sv[0]);
    if (!rc) {
        f->active = true;
        f->vault.refused_pin[0] = '\0';
        rc = vault_start(&f->vault, request, -1, sv[1], 0, vault_done, f);
        if (rc)                 /* the keeper sees the socket's end */
            vault_done(f, rc, "cannot start secmig-vault", NULL, 0);
    } else {
        f->taken = true;
        vault_done(f, SM_HELPER, "the keeper does not answer", NULL, 0);
    }
    sm_wire_writer_dispose(&w);
    if (sv[0] >= 0) {
        close(sv[0]);
        close(sv[1]);
    }
}

/* ---- store key ---- */

static void (*store_done)(int err, const char *why);

static void store_finished(void)
{
    store_done(store.err, store.why);
}

void keys_need_store(void (*done)(int err, const char *why))
{
    store_done = done;
    fetch(&store);
}

/* ---- host key ---- */

static enum { NONE, FETCHING, HELD } state;
static bool changed;                    /* reloaded since it was asked for */
static struct key_wait *waiting, *telling;
static struct loop_timer soon, expiry;
static struct loop_timer again;         /* the keeper could not be told */
static int64_t failed_at = -RETRY_TIME;

static void say_forget(void *ctx)
{
    (void)ctx;
    loop_disarm(&again);
    if (tell_keeper(IPC_KEEPER_FORGET, NULL, NULL) == SM_BUSY)
        loop_arm(&again, AGAIN_TIME, say_forget, NULL);
}

static void forget_host(void)
{
    loop_disarm(&expiry);
    state = NONE;
    say_forget(NULL);
}

static void expired(void *ctx)
{
    (void)ctx;
    sm_notice("the host key is forgotten (key-lifetime)");
    forget_host();
}

/* A request socket for one peer.  Returns the descriptor, or an error. */
static int new_client(void)
{
    int sv[2], rc;

    if (ipc_pair(sv))
        return SM_IO;
    rc = tell_keeper(IPC_KEEPER_CLIENT, NULL, &sv[1]);
    close(sv[1]);
    if (rc) {
        close(sv[0]);
        return rc;
    }
    return sv[0];
}

static void tell(int err, const char *why)
{
    struct key_wait *w;

    telling = waiting;
    waiting = NULL;
    while ((w = telling)) {
        telling = w->next;
        if (!err) {
            w->client = new_client();
            w->has_client = w->client >= 0;
            memcpy(w->own_key, parent.own_key, sizeof(w->own_key));
        }
        if (!err && !w->has_client)
            w->done(w->ctx, SM_HELPER, "the keeper does not answer");
        else
            w->done(w->ctx, err, why);
    }
}

/*
 * A PIN in a file that was wrong: a try at it is not spent again, on whoever
 * connects, before the file is another one or somebody says `reload`.
 */
static struct {
    char path[SM_CONF_PATH_MAX];        /* "": none */
    struct stat st;
} wrong_pin;

static void note_pin(const char *path)
{
    snprintf(wrong_pin.path, sizeof(wrong_pin.path), "%s", path);
    if (path[0] && stat(path, &wrong_pin.st))
        wrong_pin.path[0] = '\0';
}

static bool pin_is_wrong(void)
{
    const struct stat *was = &wrong_pin.st;
    struct stat st;

    return wrong_pin.path[0] && !stat(wrong_pin.path, &st) &&
           st.st_dev == was->st_dev && st.st_ino == was->st_ino &&
           st.st_size == was->st_size &&
           st.st_mtim.tv_sec == was->st_mtim.tv_sec &&
           st.st_mtim.tv_nsec == was->st_mtim.tv_nsec &&
           st.st_ctim.tv_sec == was->st_ctim.tv_sec &&
           st.st_ctim.tv_nsec == was->st_ctim.tv_nsec;
}

static void tell_wrong_pin(void)
{
    char why[SM_CONF_PATH_MAX + 128];

    snprintf(why, sizeof(why), "the PIN in %s was wrong, and is not tried "
             "again before the file changes or 'secmig reload'",
             wrong_pin.path);
    failed_at = sm_clock_now_ms();
    sm_error("host key: %s", why);
    tell(SM_SEAL, why);
}

static void begin(void)
{
    state = FETCHING;
    changed = false;
    fetch(&host);
}

static void host_finished(void)
{
    if (state != FETCHING) {    /* too late: those who waited were told so */
        forget_host();
        return;
    }
    state = NONE;
    if (changed) {              /* it may be the key of before */
        forget_host();
        if (waiting && !host.active)
            begin();
        return;
    }
    note_pin(host.vault.refused_pin);
    if (host.err) {
        failed_at = sm_clock_now_ms();
        sm_error("host key: %s", host.why);
    } else {
        state = HELD;
        failed_at = -RETRY_TIME;
        loop_disarm(&again);    /* what was to be forgotten is replaced */
        if (parent.conf.key_lifetime) {
            loop_arm(&expiry, parent.conf.key_lifetime, expired, NULL);
            sm_notice("the host key is released to the keeper, for %d s",
                      parent.conf.key_lifetime / 1000);
        } else {
            sm_notice("the host key is released to the keeper");
        }
    }
    tell(host.err, host.why);
}

static void on_soon(void *ctx)
{
    (void)ctx;
    if (!waiting)
        return;
    if (state == HELD)
        tell(0, "");
    else if (state == NONE && host.active)
        tell(SM_HELPER, "the keeper does not answer");
    else if (state == NONE && pin_is_wrong())
        tell_wrong_pin();
    else if (state == NONE)
        begin();
}

void keys_need_host(struct key_wait *w,
                    void (*done)(void *ctx, int err, const char *why),
                    void *ctx)
{
    keys_forget_wait(w);
    w->done = done;
    w->ctx = ctx;
    w->next = waiting;
    waiting = w;
    if (state != FETCHING)
        loop_arm(&soon, NEXT_ROUND, on_soon, NULL);
}

int keys_give(struct key_wait *w, int channel)
{
    struct sm_wire_writer out;
    int rc;

    sm_wire_writer_init(&out, IPC_MAX);
    sm_wire_put_bytes(&out, w->own_key, sizeof(w->own_key));
    own_certificate_put(&out);
    rc = ipc_send(channel, IPC_PEER_KEEPER, &out, &w->client, 1);
    sm_wire_writer_dispose(&out);
    return rc;
}

void keys_forget_wait(struct key_wait *w)
{
    struct key_wait **lists[] = { &waiting, &telling }, **p;
    size_t i;

    for (i = 0; i < 2; i++) {
        for (p = lists[i]; *p; p = &(*p)->next) {
            if (*p == w) {
                *p = w->next;
                break;
            }
        }
    }
    if (w->has_client)
        close(w->client);
    w->has_client = false;
}

bool keys_held(void)
{
    return state == HELD;
}

bool keys_may_try(void)
{
    return sm_clock_now_ms() - failed_at >= RETRY_TIME;
}

int keys_reload(char *why, size_t why_size)
{
    char print[SM_IDENTITY_FINGERPRINT_SIZE];
    uint8_t old[SM_IDENTITY_KEY_LEN];
    int rc;

    memcpy(old, parent.own_key, sizeof(old));
    rc = keys_read_public(why, why_size);
    if (rc)
        return rc;
    if (memcmp(old, parent.own_key, sizeof(old))) {
        sm_identity_fingerprint(parent.own_key, print);
        sm_notice("this host's key is %s from now on", print);
    }
    if (state == FETCHING) {
        changed = true;
    } else if (state == HELD) {
        sm_notice("the host key is forgotten (reload)");
        forget_host();
    }
    failed_at = -RETRY_TIME;
    wrong_pin.path[0] = '\0';
    return 0;
}
