/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keeper.  May: hold the host's static key while it is needed, and answer
 * one Diffie-Hellman on each request socket that the parent hands it (one
 * peer, one handshake, one use of the static key: Noise XX); hold the store
 * key and close and open boxes with it for the parent.  May not: touch the
 * network, the file system or another process; say anything else about the
 * keys.
 *
 * It begins without a key and locked in.  Keys come from secmig-vault, on
 * sockets that the parent hands in (keys.h).  A peer gets DH(static, point it
 * chooses) at most once, which is what the handshake needs; low-order points
 * get no answer.
 *
 * A request socket belongs to the host key that was held when it was handed
 * in.  So a handshake that has begun ends with the key that it began with,
 * while that key is being forgotten, or replaced by the next one; it is wiped
 * when the last such socket has been used or closed.
 */
#include "roles.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/secret.h"
#include "ipc.h"
#include "seal/box.h"
#include "trust/identity.h"

#define CLIENTS_MAX 60      /* more waiting handshakes than this is a flood */

/* What the keys and the answers to peers take, at most; had at the start, so
 * that no migration fails for it later. */
#define LOCKED_MEMORY (32 * 1024)

#define STACK_USED 16384    /* more than curve25519 leaves on the stack */

static const char *const syscalls[] = {
    "poll", "ppoll", "recvmsg", "recvfrom", "sendmsg", "sendto",
    "memfd_create", "fcntl", "fstat", "newfstatat", "lseek", "pread64",
    "write", NULL
};

static struct ipc_message message;      /* IPC_MAX bytes: not for a stack */

/* A host key, and how many use it: request sockets, and the keeper itself
 * while it is the current one. */
struct held {
    struct sm_identity *id;
    unsigned int uses;
};

static struct held *current;            /* NULL: no host key */
static uint8_t *store;                  /* SM_BOX_KEY_LEN bytes, or NULL */

/* Whom is waited for.  [0] is the parent. */
static struct pollfd fds[1 + VAULT_KEYS + CLIENTS_MAX];
static struct waiting {
    enum { PARENT, CLIENT, VAULT } what;
    struct held *held;                  /* CLIENT: the key to use */
    enum vault_key key;                 /* VAULT: which one it sends ... */
    uint8_t public_key[SM_IDENTITY_KEY_LEN];    /* ... and what fits it */
} waiting[1 + VAULT_KEYS + CLIENTS_MAX];
static size_t n_waiting;

static void let_go(struct held *held)
{
    if (held && --held->uses == 0) {
        sm_identity_free(held->id);
        free(held);
    }
}

/* How many there are of a sort. */
static size_t count(int what)
{
    size_t n = 0, i;

    for (i = 0; i < n_waiting; i++)
        n += (int)waiting[i].what == what;
    return n;
}

/* Takes over `fd`. */
static struct waiting *wait_for(int fd, int what)
{
    struct waiting *w = &waiting[n_waiting];

    memset(w, 0, sizeof(*w));
    w->what = what;
    fds[n_waiting].fd = fd;
    fds[n_waiting].events = POLLIN;
    fds[n_waiting].revents = 0;
    n_waiting++;
    return w;
}

/* The last one takes its place. */
static void wait_no_more(size_t i)
{
    let_go(waiting[i].held);
    close(fds[i].fd);
    n_waiting--;
    fds[i] = fds[n_waiting];
    waiting[i] = waiting[n_waiting];
}

/* ---- host key ---- */

/* One request, one answer, and the socket is closed. */
static void serve_client(const struct sm_identity *id, int fd)
{
    uint8_t point[crypto_scalarmult_BYTES], *shared = NULL;
    void *locked = NULL;
    ssize_t n;

    n = recv(fd, point, sizeof(point), MSG_TRUNC | MSG_DONTWAIT);
    if (n != (ssize_t)sizeof(point))
        return;
    if (sm_secret_new(&locked, crypto_scalarmult_BYTES))
        return;
    shared = locked;
    /* All-zero results are refused by libsodium: RFC 7748, section 6.1. */
    if (crypto_scalarmult(shared, id->secret_key, point) == 0)
        if (send(fd, shared, crypto_scalarmult_BYTES,
                 MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            sm_debug("peer gone before its answer");
    sm_secret_free(locked);
    sodium_stackzero(STACK_USED);
}

/* Without a key there is nothing to ask for: the socket is closed. */
static void take_client(int fd)
{
    if (!current || count(CLIENT) >= CLIENTS_MAX) {
        close(fd);
        return;
    }
    current->uses++;
    wait_for(fd, CLIENT)->held = current;
}

static int take_host_key(const uint8_t *secret, const uint8_t *public_key,
                         const char **why)
{
    struct held *held = calloc(1, sizeof(*held));
    int rc = SM_NO_MEMORY;

    *why = "no memory for the host key";
    if (held)
        rc = sm_identity_from_secret("keeper", secret, &held->id);
    if (rc == SM_STATE)
        *why = "the sealed host key is not usable";
    if (!rc && !sm_secret_equal(held->id->public_key, public_key,
                                SM_IDENTITY_KEY_LEN)) {
        *why = "the sealed host key is not the one of host.pub: if it was "
               "changed, 'secmig reload'";
        rc = SM_STATE;
    }
    if (rc) {
        if (held)
            sm_identity_free(held->id);
        free(held);
        return rc;
    }
    let_go(current);
    held->uses = 1;
    current = held;
    return 0;
}

/* ---- keys from the vault ---- */

static int say_taken(enum vault_key key, int code, const char *text)
{
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u8(&w, (uint8_t)key);
    sm_wire_put_u16(&w, (uint16_t)-code);
    sm_wire_put_str(&w, text);
    rc = ipc_send(ROLE_CHANNEL, IPC_KEEPER_TAKEN, &w, NULL, 0);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* The key has come, or the vault has ended without it.  Returns an error to
 * end. */
static int serve_vault(const struct waiting *w, int fd)
{
    const char *why = "no memory can be locked for the key";
    void *locked = NULL;
    ssize_t n;
    int rc;

    rc = sm_secret_new(&locked, VAULT_KEY_LEN);
    if (!rc) {
        n = recv(fd, locked, VAULT_KEY_LEN, MSG_TRUNC | MSG_DONTWAIT);
        if (n != VAULT_KEY_LEN) {
            rc = SM_HELPER;
            why = "secmig-vault has sent no key";
        }
    }
    if (!rc && w->key == VAULT_HOST) {
        rc = take_host_key(locked, w->public_key, &why);
    } else if (!rc && !store) {
        store = locked;
        locked = NULL;
    }
    sm_secret_free(locked);
    sodium_stackzero(STACK_USED);
    return say_taken(w->key, rc, rc ? why : "");
}

static int take_vault(void)
{
    uint8_t public_key[SM_IDENTITY_KEY_LEN];
    struct sm_wire_reader r;
    struct waiting *w;
    uint8_t key;
    size_t i;

    sm_wire_reader_init(&r, message.body, message.len);
    key = sm_wire_get_u8(&r);
    sm_wire_get_bytes(&r, public_key, sizeof(public_key));
    if (message.n_fds != 1 || sm_wire_end(&r) ||
        (key != VAULT_HOST && key != VAULT_STORE))
        return SM_PROTOCOL;
    for (i = 1; i < n_waiting; i++)
        if (waiting[i].what == VAULT && waiting[i].key == key)
            return SM_PROTOCOL;         /* one at a time */
    w = wait_for(ipc_take_fd(&message, 0), VAULT);
    w->key = key;
    memcpy(w->public_key, public_key, sizeof(public_key));
    return 0;
}

/* ---- boxes ---- */

static int close_box(const char *kind, const char *name,
                     const uint8_t *data, size_t len)
{
    uint8_t *box = malloc(len + SM_BOX_OVERHEAD);
    size_t box_len;
    int rc;

    if (!box)
        return SM_NO_MEMORY;
    rc = sm_box_close(store, kind, name, data, len, box,
                      len + SM_BOX_OVERHEAD, &box_len);
    if (!rc)
        rc = ipc_memfd(box, box_len);
    free(box);
    return rc;
}

static int open_box(const char *kind, const char *name, const uint8_t *box,
                    size_t len, char *why, size_t why_size)
{
    uint8_t *data = malloc(len + 1);
    size_t data_len = 0;
    int rc;

    if (!data)
        return SM_NO_MEMORY;
    rc = sm_box_open(store, kind, name, box, len, data, len, &data_len,
                     why, why_size);
    if (!rc)
        rc = ipc_memfd(data, data_len);
    sm_secret_wipe(data, data_len);
    free(data);
    return rc;
}

/* The parent wants a box closed or opened.  Returns an error to end. */
static int serve_box(void)
{
    char kind[SM_BOX_WORD_MAX + 1], name[SM_BOX_WORD_MAX + 1];
    char why[256] = "";
    struct sm_wire_reader r;
    struct sm_wire_writer w;
    uint8_t *data = NULL;
    uint32_t number;
    size_t len = 0;
    int rc, fd;

    sm_wire_reader_init(&r, message.body, message.len);
    number = sm_wire_get_u32(&r);
    sm_wire_get_str(&r, kind, sizeof(kind));
    sm_wire_get_str(&r, name, sizeof(name));
    if (message.n_fds != 1 || sm_wire_end(&r))
        return SM_PROTOCOL;
    fd = ipc_memfd_read(message.fds[0], SM_BOX_DATA_MAX + SM_BOX_OVERHEAD,
                        &data, &len);
    if (!fd && !store)
        fd = SM_STATE;          /* the parent asks for its key first */
    else if (!fd)
        fd = message.type == IPC_KEEPER_SEAL ?
             close_box(kind, name, data, len) :
             open_box(kind, name, data, len, why, sizeof(why));
    sm_file_free(data, len);
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u32(&w, number);
    sm_wire_put_u16(&w, fd < 0 ? (uint16_t)-fd : 0);
    sm_wire_put_str(&w, fd < 0 && !why[0] ? sm_err_text(fd) : why);
    rc = ipc_send(ROLE_CHANNEL, IPC_KEEPER_BOX, &w, &fd, fd >= 0);
    sm_wire_writer_dispose(&w);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* A message from the parent.  Returns an error to end. */
static int serve_parent(void)
{
    int rc;

    rc = ipc_recv(ROLE_CHANNEL, &message);
    if (rc)
        return rc;
    if (message.type == IPC_KEEPER_SEAL || message.type == IPC_KEEPER_OPEN) {
        rc = serve_box();
    } else if (message.type == IPC_KEEPER_TAKE) {
        rc = take_vault();
    } else if (message.type == IPC_KEEPER_CLIENT && message.n_fds == 1 &&
               !message.len) {
        take_client(ipc_take_fd(&message, 0));
    } else if (message.type == IPC_KEEPER_FORGET && !message.n_fds &&
               !message.len) {
        let_go(current);
        current = NULL;
    } else {
        rc = SM_PROTOCOL;
    }
    ipc_close_fds(&message);
    return rc;
}

/* The sandbox is entered without a key: from here on the limit counts. */
static int check_memory(rlim_t limit)
{
    void *probe = NULL;
    int rc;

    rc = sm_secret_new(&probe, LOCKED_MEMORY);
    if (rc)
        sm_error("cannot lock %d KiB of memory for keys: RLIMIT_MEMLOCK is "
                 "%llu KiB (ulimit -l; LimitMEMLOCK= of the service)",
                 LOCKED_MEMORY / 1024, (unsigned long long)limit / 1024);
    sm_secret_free(probe);
    return rc;
}

static int serve(void)
{
    size_t i;
    int rc;

    wait_for(ROLE_CHANNEL, PARENT);
    rc = ipc_send(ROLE_CHANNEL, IPC_KEEPER_READY, NULL, NULL, 0);
    while (!rc) {
        if (poll(fds, n_waiting, -1) < 0) {
            if (errno == EINTR)
                continue;
            return SM_IO;
        }
        /* Backwards: the last one takes the place of one that goes. */
        for (i = n_waiting; !rc && i-- > 1;) {
            if (!fds[i].revents)
                continue;
            if (waiting[i].what == CLIENT)
                serve_client(waiting[i].held->id, fds[i].fd);
            else
                rc = serve_vault(&waiting[i], fds[i].fd);
            wait_no_more(i);
        }
        if (!rc && fds[0].revents)
            rc = serve_parent();
    }
    return rc;
}

int keeper_main(const struct sm_conf *conf)
{
    struct rlimit limit = { 0, 0 };
    char why[512];
    int rc;

    getrlimit(RLIMIT_MEMLOCK, &limit);
    rc = sm_sandbox_enter(&conf->keeper, conf->empty_dir, syscalls, why,
                          sizeof(why));
    if (rc) {
        sm_error("sandbox: %s", why);
        return sm_err_exit(rc);
    }
    rc = check_memory(limit.rlim_cur);
    if (!rc)
        rc = serve();
    if (rc == SM_LINK)      /* the parent has ended: so do we */
        rc = 0;
    while (n_waiting > 1)
        wait_no_more(1);
    let_go(current);
    sm_secret_free(store);
    return sm_err_exit(rc);
}
