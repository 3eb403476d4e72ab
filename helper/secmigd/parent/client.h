/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: what all clients of the daemon's sockets have in common,
 * whether they bring a guest (outgoing.h) or ask for something else
 * (operate.h): the account of which they are, and a control process that
 * reads their bytes.
 */
#ifndef SECMIGD_CLIENT_H
#define SECMIGD_CLIENT_H

#include <sys/types.h>

#include "base/err.h"
#include "parent/loop.h"
#include "parent/spawn.h"

#define CLIENT_ACCOUNT_SIZE 33          /* with the NUL */
#define CLIENT_OWN_MAX 16               /* of one account, at once */
#define CLIENT_IDLE_TIME 10000          /* ms to say what it wants */
#define CLIENT_FAREWELL_TIME 5000       /* ms to read its last word */

/* The account's name; "uid:N" for one that has none, or too long a one. */
void client_account(uid_t uid, char out[static CLIENT_ACCOUNT_SIZE]);

/*
 * Start a control process and give it the client.
 *   fd        the client's connection; closed here in any case
 *   control   out: the process
 *   watch     out: its messages, watched for POLLIN with `fn`
 *   ended     of the process, as for spawn_role()
 *   ctx       for `fn` and `ended`
 * Returns 0, or an error, which is logged; what there is of the two is the
 * caller's to end, as always.
 */
int client_start(int fd, struct child *control, struct loop_watch *watch,
                 void (*fn)(void *ctx, short revents),
                 void (*ended)(void *ctx, int status), void *ctx)
    SM_WARN_UNUSED;

#endif
