/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keeper.  May: hold the host's static key and answer one Diffie-Hellman
 * on each request socket that the parent hands it (one peer, one handshake,
 * one use of the static key: Noise XX); hold the store key and close and open
 * boxes with it for the parent.  May not: touch the network, the file system
 * or another process; say anything else about the keys.
 *
 * Before it locks itself in it opens the sealed keys, as root.  A peer gets
 * DH(static, point it chooses) at most once, which is what the handshake
 * needs; low-order points get no answer.
 */
#include "roles.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "ipc.h"
#include "sandbox.h"
#include "seal/box.h"
#include "seal/seal.h"
#include "trust/identity.h"

#define CLIENTS_MAX 60      /* more waiting handshakes than this is a flood */

static const char *const syscalls[] = {
    "poll", "ppoll", "recvmsg", "recvfrom", "sendmsg", "sendto",
    "memfd_create", "fcntl", "fstat", "newfstatat", "lseek", "pread64",
    "write", NULL
};

static struct ipc_message message;      /* IPC_MAX bytes: not for a stack */

struct keys {
    struct sm_identity *id;
    uint8_t *store;             /* SM_BOX_KEY_LEN bytes */
};

static int open_host_key(const struct sm_conf *conf, struct sm_seal *seal,
                         struct keys *keys, char *why, size_t why_size)
{
    uint8_t *secret = NULL;
    size_t len = 0;
    int rc;

    rc = sm_seal_load(seal, conf->host_key, SM_IDENTITY_PURPOSE, conf->name,
                      &secret, &len, why, why_size);
    if (!rc && len != SM_IDENTITY_KEY_LEN) {
        rc = SM_SEAL;
        snprintf(why, why_size, "the sealed host key has a wrong length");
    }
    if (!rc) {
        rc = sm_identity_from_secret(conf->name, secret, &keys->id);
        if (rc)
            snprintf(why, why_size, "the sealed host key is not usable");
    }
    sm_secret_free(secret);
    return rc;
}

static int open_store_key(const struct sm_conf *conf, struct sm_seal *seal,
                          struct keys *keys, char *why, size_t why_size)
{
    size_t len = 0;
    int rc;

    rc = sm_seal_load(seal, conf->store_key, SM_BOX_KEY_PURPOSE, conf->name,
                      &keys->store, &len, why, why_size);
    if (rc == SM_STATE && access(conf->store_key, F_OK) && errno == ENOENT)
        snprintf(why, why_size, "%s is missing: 'secmig init' makes it, and "
                 "keeps what is there", conf->store_key);
    if (!rc && len != SM_BOX_KEY_LEN) {
        rc = SM_SEAL;
        snprintf(why, why_size, "the sealed store key has a wrong length");
    }
    return rc;
}

static int open_keys(const struct sm_conf *conf, struct keys *keys)
{
    struct sm_seal_source source = {
        .passphrase_file = conf->passphrase_file[0] ?
                           conf->passphrase_file : NULL,
    };
    const char *what = "host key";
    struct sm_seal *seal = NULL;
    char why[1024] = "";
    int rc;

    rc = sm_seal_open_backend(conf->seal, &source, &seal, why, sizeof(why));
    if (!rc)
        rc = open_host_key(conf, seal, keys, why, sizeof(why));
    if (!rc) {
        what = "store key";
        rc = open_store_key(conf, seal, keys, why, sizeof(why));
    }
    if (rc)
        sm_error("%s: %s", what, why);
    sm_seal_free(seal);
    return rc;
}

/* One request, one answer, and the socket is closed. */
static void serve(const struct sm_identity *id, int fd)
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
}

static int say_ready(const struct sm_identity *id)
{
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_bytes(&w, id->public_key, SM_IDENTITY_KEY_LEN);
    rc = ipc_send(ROLE_CHANNEL, IPC_KEEPER_READY, &w, NULL, 0);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* ---- boxes ---- */

static int close_box(const struct keys *keys, const char *kind,
                     const char *name, const uint8_t *data, size_t len)
{
    uint8_t *box = malloc(len + SM_BOX_OVERHEAD);
    size_t box_len;
    int rc;

    if (!box)
        return SM_NO_MEMORY;
    rc = sm_box_close(keys->store, kind, name, data, len, box,
                      len + SM_BOX_OVERHEAD, &box_len);
    if (!rc)
        rc = ipc_memfd(box, box_len);
    free(box);
    return rc;
}

static int open_box(const struct keys *keys, const char *kind,
                    const char *name, const uint8_t *box, size_t len,
                    char *why, size_t why_size)
{
    uint8_t *data = malloc(len + 1);
    size_t data_len = 0;
    int rc;

    if (!data)
        return SM_NO_MEMORY;
    rc = sm_box_open(keys->store, kind, name, box, len, data, len, &data_len,
                     why, why_size);
    if (!rc)
        rc = ipc_memfd(data, data_len);
    sm_secret_wipe(data, data_len);
    free(data);
    return rc;
}

/* The parent wants a box closed or opened.  Returns an error to end. */
static int serve_box(const struct keys *keys)
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
    if (!fd)
        fd = message.type == IPC_KEEPER_SEAL ?
             close_box(keys, kind, name, data, len) :
             open_box(keys, kind, name, data, len, why, sizeof(why));
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

/* A message from the parent: a new request socket, or work on a box.
 * Returns an error to end. */
static int serve_parent(const struct keys *keys, struct pollfd *fds,
                        size_t *n)
{
    int rc;

    rc = ipc_recv(ROLE_CHANNEL, &message);
    if (rc)
        return rc;
    if (message.type == IPC_KEEPER_SEAL || message.type == IPC_KEEPER_OPEN) {
        rc = serve_box(keys);
    } else if (message.type != IPC_KEEPER_CLIENT || message.n_fds != 1 ||
               message.len) {
        rc = SM_PROTOCOL;
    } else if (*n < CLIENTS_MAX) {
        fds[*n].fd = ipc_take_fd(&message, 0);
        fds[*n].events = POLLIN;
        fds[*n].revents = 0;
        (*n)++;
    }
    ipc_close_fds(&message);
    return rc;
}

int keeper_main(const struct sm_conf *conf)
{
    struct pollfd fds[CLIENTS_MAX];
    struct keys keys = { NULL, NULL };
    char why[512];
    size_t n, i;
    int rc;

    rc = open_keys(conf, &keys);
    if (rc)
        goto out;
    rc = sandbox_enter(&conf->keeper, conf->empty_dir, syscalls, why,
                       sizeof(why));
    if (rc) {
        sm_error("sandbox: %s", why);
        goto out;
    }
    rc = say_ready(keys.id);
    fds[0].fd = ROLE_CHANNEL;
    fds[0].events = POLLIN;
    n = 1;
    while (!rc) {
        if (poll(fds, n, -1) < 0) {
            if (errno == EINTR)
                continue;
            rc = SM_IO;
            break;
        }
        for (i = n; i-- > 1;) {
            if (!fds[i].revents)
                continue;
            serve(keys.id, fds[i].fd);
            close(fds[i].fd);
            fds[i] = fds[--n];
        }
        if (fds[0].revents)
            rc = serve_parent(&keys, fds, &n);
    }
    if (rc == SM_LINK)      /* the parent has ended: so do we */
        rc = 0;
out:
    sm_identity_free(keys.id);
    sm_secret_free(keys.store);
    return sm_err_exit(rc);
}
