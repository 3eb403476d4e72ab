/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parent.  May: decide, start xl and secmig-xl, hand out descriptors.
 * May not: read a byte that came from the network.  It accepts connections
 * and gives each to a process of its own.
 */
#include "parent/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "channel/hello.h"
#include "state/floors.h"
#include "handovers/handover.h"
#include "keys/keys.h"
#include "state/ledger.h"
#include "parent/loop.h"
#include "operators/operate.h"
#include "parent/reload.h"
#include "roles.h"
#include "state/seen.h"
#include "parent/spawn.h"
#include "state/store.h"
#include "trust/attest.h"

#define LISTENERS_MAX 4
#define BACKLOG 64
#define CLIENTS_MAX 64          /* of the control socket, at once */
#define STOP_TIME 5000          /* ms to give up what is on its way */

struct parent parent;

static struct child keeper;
static struct loop_watch keeper_watch, signals;
static struct loop_watch control_listener, operator_listener;
static struct loop_watch listeners[LISTENERS_MAX];
static struct loop_timer stop_timer;
static bool stopping;           /* leave it when what must be done is done */
static int exit_code = -1;      /* >= 0: leave the loop */
static bool keeper_ready, keeper_has_key;

/* ---- listening ---- */

static void on_connection(void *ctx, short revents)
{
    struct loop_watch *w = ctx;
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char host[64] = "?";
    int fd;

    (void)revents;
    fd = accept4(w->fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (getnameinfo((struct sockaddr *)&address, len, host, sizeof(host),
                    NULL, 0, NI_NUMERICHOST))
        strcpy(host, "?");
    if (incoming_waiting() >= parent.conf.max_unauthenticated &&
        !incoming_make_room(host)) {
        if (incoming_may_log())
            sm_warning("connection from %s dropped: %d have asked for "
                       "nothing yet (max-unauthenticated)", host,
                       parent.conf.max_unauthenticated);
        close(fd);
        return;
    }
    incoming_new(fd, host);
}

static void on_client(void *ctx, short revents)
{
    struct loop_watch *w = ctx;
    struct ucred cred;
    socklen_t len = sizeof(cred);
    int fd;

    (void)revents;
    fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
        close(fd);
        return;
    }
    if (w == &operator_listener)
        operate_new(fd, &cred);
    else
        outgoing_new(fd, &cred);
}

static int listen_tcp(void)
{
    struct addrinfo hints = {
        .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_socktype = SOCK_STREAM,
    }, *list = NULL, *ai;
    const char *address = parent.conf.listen_address;
    int n = 0, on = 1, fd, r;
    char port[8];

    snprintf(port, sizeof(port), "%u", parent.conf.listen_port);
    r = getaddrinfo(address[0] ? address : NULL, port, &hints, &list);
    if (r) {
        sm_error("listen = %s: %s", address, gai_strerror(r));
        return SM_CONFIG;
    }
    for (ai = list; ai && n < LISTENERS_MAX; ai = ai->ai_next) {
        fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC |
                    SOCK_NONBLOCK, ai->ai_protocol);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (ai->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, BACKLOG)) {
            sm_error("cannot listen on %s port %s: %s",
                     address[0] ? address : "all addresses", port,
                     strerror(errno));
            close(fd);
            continue;
        }
        loop_watch(&listeners[n], fd, POLLIN, on_connection, &listeners[n]);
        n++;
    }
    freeaddrinfo(list);
    return n ? 0 : SM_IO;
}

/* Who may connect: root, or a group too.  Nobody can before this is done:
 * the socket does not listen yet. */
static int set_socket_access(const char *path, const char *key,
                             const char *group)
{
    struct group *gr;

    if (!group[0])
        return chmod(path, 0600) ? SM_IO : 0;
    gr = getgrnam(group);
    if (!gr) {
        sm_error("%s = %s: no such group", key, group);
        return SM_CONFIG;
    }
    return chown(path, 0, gr->gr_gid) || chmod(path, 0660) ? SM_IO : 0;
}

static int listen_local(struct loop_watch *listener, const char *path,
                        const char *key, const char *group)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    mode_t mask;
    int rc, fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        sm_error("%s: too long for a socket", path);
        return SM_CONFIG;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return SM_IO;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        sm_error("%s: another secmigd is serving it", path);
        rc = SM_BUSY;
        goto fail;
    }
    close(fd);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return SM_IO;
    unlink(path);               /* left by one that was killed */
    mask = umask(0177);
    rc = bind(fd, (struct sockaddr *)&address, sizeof(address)) ? SM_IO : 0;
    umask(mask);
    if (!rc)
        rc = set_socket_access(path, key, group);
    if (!rc && listen(fd, CLIENTS_MAX))
        rc = SM_IO;
    if (rc) {
        if (rc == SM_IO)
            sm_error("%s: %s", path, strerror(errno));
        goto fail;
    }
    loop_watch(listener, fd, POLLIN, on_client, listener);
    return 0;
fail:
    close(fd);
    return rc;
}

/* The operators' socket lies where others than root have to get at it: not
 * in a directory in which they could put another in its place. */
static int listen_operators(void)
{
    const struct sm_conf *conf = &parent.conf;
    char dir[SM_CONF_PATH_MAX], why[1024];
    char *slash;
    int rc;

    operator_listener.fd = -1;
    if (!conf->operator_group[0])
        return 0;
    strcpy(dir, conf->operator_socket);
    slash = strrchr(dir, '/');
    if (slash > dir)
        *slash = '\0';
    else
        strcpy(dir, "/");
    rc = sm_file_mkdir(dir, 0755, why, sizeof(why));
    if (rc) {
        sm_error("operator-socket: %s", why);
        return rc;
    }
    return listen_local(&operator_listener, conf->operator_socket,
                        "operator-group", conf->operator_group);
}

/* ---- the keeper ---- */

static void keeper_ended(void *ctx, int status)
{
    (void)ctx;
    /* At the start it has said why; its exit code is ours. */
    if (exit_code < 0)
        sm_error("the keeper has ended (%s)", spawn_status_text(status));
    exit_code = WIFEXITED(status) && WEXITSTATUS(status) ?
                WEXITSTATUS(status) : sm_err_exit(SM_FAIL);
}

static void on_keeper(void *ctx, short revents)
{
    static struct ipc_message m;    /* IPC_MAX bytes: not for the stack */
    int rc;

    (void)ctx;
    (void)revents;
    rc = ipc_recv(parent.keeper, &m);
    if (rc == SM_BUSY)
        return;
    if (rc) {
        loop_unwatch(&keeper_watch);    /* keeper_ended() follows */
        return;
    }
    if (m.type == IPC_KEEPER_READY && !keeper_ready && !m.len && !m.n_fds)
        keeper_ready = true;
    else if (m.type == IPC_KEEPER_TAKEN)
        rc = keys_taken(&m);
    else if (m.type != IPC_KEEPER_BOX)  /* a late one is nobody's */
        rc = SM_PROTOCOL;
    ipc_close_fds(&m);
    if (rc) {
        sm_error("the keeper broke the rules");
        exit_code = sm_err_exit(SM_FAIL);
        loop_unwatch(&keeper_watch);
    }
}

static int start_keeper(void)
{
    int rc;

    rc = spawn_role(&keeper, "keeper", &parent.keeper, keeper_ended, NULL);
    if (rc)
        return rc;
    loop_watch(&keeper_watch, parent.keeper, POLLIN, on_keeper, NULL);
    while (exit_code < 0 && !keeper_ready)
        if (loop_once())
            return SM_IO;
    return 0;
}

static void have_store_key(int err, const char *why)
{
    if (err) {
        sm_error("store key: %s", why);
        exit_code = sm_err_exit(err);
    }
    keeper_has_key = true;
}

/* The host key stays where it is until it is needed. */
static int start_keys(void)
{
    char why[1024];
    int rc;

    rc = keys_read_public(why, sizeof(why));
    if (rc) {
        sm_error("this host's key: %s (has 'secmig init' been run?)", why);
        return rc;
    }
    keys_need_store(have_store_key);
    while (exit_code < 0 && !keeper_has_key)
        if (loop_once())
            return SM_IO;
    return 0;
}

/* ---- signals ---- */

static void stop_now(void *ctx)
{
    (void)ctx;
    exit_code = 0;
}

static void on_signal(void *ctx, short revents)
{
    struct signalfd_siginfo info;

    (void)ctx;
    (void)revents;
    if (read(signals.fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP) {
        reload_policy(NULL);
    } else if (stopping) {
        exit_code = 0;          /* whatever is open is for the next daemon */
    } else {
        stopping = true;
        loop_arm(&stop_timer, STOP_TIME, stop_now, NULL);
        handover_stop_all();
    }
}

static int catch_signals(void)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return SM_IO;
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return SM_IO;
    loop_watch(&signals, fd, POLLIN, on_signal, NULL);
    return 0;
}

static int check_places(void)
{
    char why[1024];
    int rc;

    rc = sm_file_mkdir(parent.conf.empty_dir, 0755, why, sizeof(why));
    if (rc)
        sm_error("%s (has 'secmig init' been run?)", why);
    return rc;
}

/* A role that could not give up its rights would fail at its first use; and
 * two roles that share an account are not apart. */
static int check_users(const struct sm_conf *conf)
{
    const struct sm_conf_user *u[] = { &conf->peer, &conf->keeper,
                                       &conf->control };
    size_t i, j;

    for (i = 0; i < 3; i++) {
        if (!u[i]->known || u[i]->uid == 0 || u[i]->gid == 0) {
            sm_error("sandbox: no account '%s' to run as, or it is root "
                     "(see secmigd.conf(5), or systemd-sysusers)",
                     u[i]->name);
            return SM_SANDBOX;
        }
        for (j = 0; j < i; j++) {
            if (u[i]->uid == u[j]->uid) {
                sm_error("sandbox: accounts '%s' and '%s' are the same user",
                         u[j]->name, u[i]->name);
                return SM_SANDBOX;
            }
        }
    }
    return 0;
}

/* What this host has seen and used before it was started. */
static int remember(void)
{
    char why[STORE_WHY_SIZE];
    int rc;

    rc = store_init(why);
    if (rc)
        sm_error("%s", why);
    if (!rc)
        rc = floors_init();
    if (!rc)
        rc = ledger_init();
    if (!rc)
        rc = seen_init();
    return rc;
}

uint8_t parent_post_quantum(void)
{
    return parent.conf.post_quantum == SM_CONF_PQ_OFF ? 0 : PEER_POST_QUANTUM;
}

int parent_main(const struct sm_conf *conf, const char *root,
                const char *conf_file)
{
    int rc;

    parent.conf = *conf;
    if (geteuid() != 0) {
        sm_error("must be started by root: it gives up what each part does "
                 "not need");
        return sm_err_exit(SM_SANDBOX);
    }
    if (!conf->name[0]) {
        sm_error("%s: no 'name', and the system's host name is not usable",
                 conf->conf_file);
        return sm_err_exit(SM_CONFIG);
    }
    if (conf->post_quantum == SM_CONF_PQ_REQUIRE && !sm_hello_features()) {
        sm_error("%s: post-quantum = require: this secmigd was built with a "
                 "libsodium that has no ML-KEM-768 (1.0.22 has)",
                 conf->conf_file);
        return sm_err_exit(SM_CONFIG);
    }
    rc = check_users(conf);
    if (!rc && sm_attest_init())
        rc = SM_STATE;
    if (!rc)
        rc = check_places();
    if (!rc)
        rc = spawn_init(root, conf_file);
    if (!rc)
        rc = catch_signals();
    if (!rc)
        rc = start_keeper();
    if (!rc && exit_code < 0)
        rc = start_keys();
    if (rc || exit_code >= 0)
        return exit_code >= 0 ? exit_code : sm_err_exit(rc);
    rc = remember();
    if (!rc)
        rc = handover_init();
    if (rc)
        return sm_err_exit(rc);
    reload_policy(NULL);
    while (reload_active() && exit_code < 0)
        if (loop_once())
            return sm_err_exit(SM_IO);
    if (exit_code >= 0)
        return exit_code;
    rc = listen_tcp();
    if (!rc)
        rc = listen_local(&control_listener, conf->socket, "socket-group",
                          conf->socket_group);
    if (!rc)
        rc = listen_operators();
    if (rc)
        return sm_err_exit(rc);
    sm_notice("host %s ready on port %u", conf->name, conf->listen_port);
    while (exit_code < 0 && !(stopping && handover_all_stopped()))
        if (loop_once())
            exit_code = sm_err_exit(SM_IO);
    if (exit_code < 0)
        exit_code = 0;
    unlink(conf->socket);
    if (operator_listener.fd >= 0)
        unlink(conf->operator_socket);
    /* Roles end when their channels close, xl migrate-receive and secmig-xl
     * with this process; xl migrate runs on by itself. */
    return exit_code;
}
