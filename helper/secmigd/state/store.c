/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ipc.h"
#include "keys/keys.h"
#include "parent/parent.h"
#include "seal/box.h"

#define KEEPER_TIME 5000        /* ms for one box */
#define PATH_SIZE (SM_CONF_PATH_MAX + 160)

static char dir[SM_CONF_PATH_MAX + 8];
static struct ipc_message message;      /* the keeper's answer */
static uint32_t last_number;

static void place(char out[static PATH_SIZE], const char *kind,
                  const char *name)
{
    snprintf(out, PATH_SIZE, "%s/%s%s%s", dir, kind, name ? "-" : "",
             name ? name : "");
}

/* ---- the keeper ---- */

static int wait_for(short events, int64_t deadline)
{
    struct pollfd fd = { .fd = parent.keeper, .events = events };
    int64_t left;
    int n;

    for (;;) {
        left = deadline - sm_clock_now_ms();
        n = poll(&fd, 1, left > 0 ? (int)left : 0);
        if (n > 0)
            return 0;
        if (n == 0)
            return SM_TIMEOUT;
        if (errno != EINTR)
            return SM_IO;
    }
}

/* The answer to request `number`; older ones came too late for theirs.
 * Returns the code, with a descriptor in *fd when it is 0. */
static int take_answer(uint32_t number, int64_t deadline, int *fd, char *why)
{
    struct sm_wire_reader r;
    char text[256] = "";
    uint32_t answered;
    int rc, code = SM_PROTOCOL;

    do {
        rc = wait_for(POLLIN, deadline);
        if (!rc)
            rc = ipc_recv(parent.keeper, &message);
        if (rc)
            return rc;
        answered = number - 1;
        if (message.type == IPC_KEEPER_TAKEN) {     /* of something else */
            rc = keys_taken(&message);
            ipc_close_fds(&message);
            if (rc)
                return rc;
            continue;
        }
        sm_wire_reader_init(&r, message.body, message.len);
        answered = sm_wire_get_u32(&r);
        code = sm_err_from_code(sm_wire_get_u16(&r));
        sm_wire_get_str(&r, text, sizeof(text));
        *fd = ipc_take_fd(&message, 0);
        ipc_close_fds(&message);
        if (message.type != IPC_KEEPER_BOX || sm_wire_end(&r) ||
            !code != (*fd >= 0)) {
            if (*fd >= 0)
                close(*fd);
            return SM_PROTOCOL;
        }
        if (answered != number && *fd >= 0)
            close(*fd);
    } while (answered != number);
    snprintf(why, STORE_WHY_SIZE, "%s", text);
    return code;
}

/* It waits, since a decision that is not written down must not be acted on.
 * The keeper reads nothing that a stranger sends but 32 bytes at a time, and
 * is never waiting for this process. */
static int ask(enum ipc_type type, const char *kind, const char *name,
               const void *data, size_t len, uint8_t **out, size_t *out_len,
               char *why)
{
    int64_t deadline = sm_clock_deadline(KEEPER_TIME);
    struct sm_wire_writer w;
    uint32_t number = ++last_number;
    int rc, fd, answer = -1;

    *out = NULL;
    why[0] = '\0';
    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_u32(&w, number);
    sm_wire_put_str(&w, kind);
    sm_wire_put_str(&w, name ? name : "all");
    fd = ipc_memfd(data, len);
    rc = fd < 0 ? fd : SM_BUSY;
    while (rc == SM_BUSY) {
        rc = wait_for(POLLOUT, deadline);
        if (!rc)
            rc = ipc_send(parent.keeper, type, &w, &fd, 1);
    }
    if (!rc)
        rc = take_answer(number, deadline, &answer, why);
    if (!rc)
        rc = ipc_memfd_read(answer, STORE_MAX + SM_BOX_OVERHEAD, out,
                            out_len);
    if (rc == SM_TIMEOUT || rc == SM_LINK || rc == SM_PROTOCOL)
        rc = SM_HELPER;
    if (rc && !why[0])
        snprintf(why, STORE_WHY_SIZE, "%s", rc == SM_HELPER ?
                 "the keeper does not answer" : sm_err_text(rc));
    if (answer >= 0)
        close(answer);
    if (fd >= 0)
        close(fd);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* ---- objects ---- */

int store_init(char *why)
{
    snprintf(dir, sizeof(dir), "%s/store", parent.conf.state_dir);
    return sm_file_mkdir(dir, 0700, why, STORE_WHY_SIZE);
}

int store_put(const char *kind, const char *name, const void *data,
              size_t len, char *why)
{
    char path[PATH_SIZE];
    uint8_t *box;
    size_t box_len;
    int rc;

    place(path, kind, name);
    if (len > STORE_MAX) {
        snprintf(why, STORE_WHY_SIZE, "%s: too long", path);
        return SM_USAGE;
    }
    rc = ask(IPC_KEEPER_SEAL, kind, name, data, len, &box, &box_len, why);
    if (rc)
        return rc;
    rc = sm_file_write(path, box, box_len, 0600, why, STORE_WHY_SIZE);
    free(box);
    return rc;
}

int store_get(const char *kind, const char *name, uint8_t **data,
              size_t *len, char *why)
{
    char path[PATH_SIZE], reason[STORE_WHY_SIZE];
    uint8_t *box = NULL;
    size_t box_len;
    int rc;

    *data = NULL;
    place(path, kind, name);
    if (!store_has(kind, name)) {
        snprintf(why, STORE_WHY_SIZE, "%s: there is none", path);
        return SM_NO_DOMAIN;
    }
    rc = sm_file_read(path, SM_FILE_PRIVATE, STORE_MAX + SM_BOX_OVERHEAD,
                      &box, &box_len, why, STORE_WHY_SIZE);
    if (rc)
        return rc;
    rc = ask(IPC_KEEPER_OPEN, kind, name, box, box_len, data, len, reason);
    if (rc)
        snprintf(why, STORE_WHY_SIZE, "%s: %.300s", path, reason);
    sm_file_free(box, box_len);
    return rc;
}

int store_remove(const char *kind, const char *name, char *why)
{
    char path[PATH_SIZE];
    int rc = 0, fd;

    place(path, kind, name);
    if (unlink(path)) {
        rc = errno == ENOENT ? SM_NO_DOMAIN : SM_IO;
        snprintf(why, STORE_WHY_SIZE, "%s: %s", path, strerror(errno));
        return rc;
    }
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd)) {
        snprintf(why, STORE_WHY_SIZE, "%s: %s", dir, strerror(errno));
        rc = SM_IO;
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

int store_has(const char *kind, const char *name)
{
    char path[PATH_SIZE];
    struct stat st;

    place(path, kind, name);
    if (lstat(path, &st) == 0)
        return 1;
    return errno == ENOENT ? 0 : SM_IO;
}

int store_each(const char *kind, void (*fn)(void *ctx, const char *name),
               void *ctx)
{
    size_t n = strlen(kind);
    struct dirent *e;
    DIR *d = opendir(dir);

    if (!d)
        return SM_IO;
    while ((e = readdir(d)))
        if (!strncmp(e->d_name, kind, n) && e->d_name[n] == '-')
            fn(ctx, e->d_name + n + 1);
    closedir(d);
    return 0;
}
