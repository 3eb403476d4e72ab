/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keeper.  May: hold the host's static key and answer one Diffie-Hellman
 * on each request socket that the parent hands it (one peer, one handshake,
 * one use of the static key: Noise XX).  May not: touch the network, the
 * file system or another process; say anything else about the key.
 *
 * Before it locks itself in it opens the sealed key, as root.  A peer gets
 * DH(static, point it chooses) at most once, which is what the handshake
 * needs; low-order points get no answer.
 */
#include "roles.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "ipc.h"
#include "sandbox.h"
#include "seal/seal.h"
#include "trust/identity.h"

#define CLIENTS_MAX 60      /* more waiting handshakes than this is a flood */

static const char *const syscalls[] = {
    "poll", "ppoll", "recvmsg", "recvfrom", "sendmsg", "sendto", NULL
};

static int open_key(const struct sm_conf *conf, struct sm_identity **id)
{
    struct sm_seal_source source = {
        .passphrase_file = conf->passphrase_file[0] ?
                           conf->passphrase_file : NULL,
    };
    struct sm_seal *seal = NULL;
    uint8_t *secret = NULL;
    char why[1024] = "";
    size_t len = 0;
    int rc;

    rc = sm_seal_open_backend(conf->seal, &source, &seal, why, sizeof(why));
    if (rc)
        goto out;
    rc = sm_seal_load(seal, conf->host_key, SM_IDENTITY_PURPOSE, conf->name,
                      &secret, &len, why, sizeof(why));
    if (rc)
        goto out;
    if (len != SM_IDENTITY_KEY_LEN) {
        rc = SM_SEAL;
        strcpy(why, "the sealed host key has a wrong length");
        goto out;
    }
    rc = sm_identity_from_secret(conf->name, secret, id);
    if (rc)
        strcpy(why, "the sealed host key is not usable");
out:
    if (rc)
        sm_error("host key: %s", why);
    sm_secret_free(secret);
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

/* A new request socket from the parent.  Returns an error to end. */
static int take_client(struct pollfd *fds, size_t *n)
{
    static struct ipc_message m;    /* IPC_MAX bytes: not for the stack */
    int rc;

    rc = ipc_recv(ROLE_CHANNEL, &m);
    if (rc)
        return rc;
    if (m.type != IPC_KEEPER_CLIENT || m.n_fds != 1 || m.len) {
        ipc_close_fds(&m);
        return SM_PROTOCOL;
    }
    if (*n == CLIENTS_MAX) {
        ipc_close_fds(&m);
        return 0;
    }
    fds[*n].fd = ipc_take_fd(&m, 0);
    fds[*n].events = POLLIN;
    fds[*n].revents = 0;
    (*n)++;
    return 0;
}

int keeper_main(const struct sm_conf *conf)
{
    struct pollfd fds[CLIENTS_MAX];
    struct sm_identity *id = NULL;
    char why[512];
    size_t n, i;
    int rc;

    rc = open_key(conf, &id);
    if (rc)
        goto out;
    rc = sandbox_enter(&conf->keeper, conf->empty_dir, syscalls, why,
                       sizeof(why));
    if (rc) {
        sm_error("sandbox: %s", why);
        goto out;
    }
    rc = say_ready(id);
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
            serve(id, fds[i].fd);
            close(fds[i].fd);
            fds[i] = fds[--n];
        }
        if (fds[0].revents)
            rc = take_client(fds, &n);
    }
    if (rc == SM_LINK)      /* the parent has ended: so do we */
        rc = 0;
out:
    sm_identity_free(id);
    return sm_err_exit(rc);
}
