/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parent/client.h"

#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "ipc.h"

void client_account(uid_t uid, char out[static CLIENT_ACCOUNT_SIZE])
{
    const struct passwd *pw = getpwuid(uid);

    if (pw && strlen(pw->pw_name) < CLIENT_ACCOUNT_SIZE)
        strcpy(out, pw->pw_name);
    else
        snprintf(out, CLIENT_ACCOUNT_SIZE, "uid:%u", (unsigned int)uid);
}

int client_start(int fd, struct child *control, struct loop_watch *watch,
                 void (*fn)(void *ctx, short revents),
                 void (*ended)(void *ctx, int status), void *ctx)
{
    int rc, channel;

    rc = spawn_role(control, "control", &channel, ended, ctx);
    if (rc) {
        sm_error("cannot start a control process");
    } else {
        loop_watch(watch, channel, POLLIN, fn, ctx);
        rc = ipc_send(channel, IPC_CLIENT_START, NULL, &fd, 1);
        if (rc)
            sm_debug("a control process has gone before its client");
    }
    close(fd);
    return rc;
}
