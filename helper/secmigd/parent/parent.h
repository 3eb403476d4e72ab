/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: the one process that decides, starts programs and hands
 * out descriptors.  It reads no byte from the network: what its children
 * tell it is parsed under the rules of ipc.h.
 */
#ifndef SECMIGD_PARENT_H
#define SECMIGD_PARENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/conf.h"
#include "base/err.h"
#include "parent/facts.h"
#include "ipc.h"
#include "policy/decide.h"
#include "trust/identity.h"
#include "trust/pairing.h"

struct parent {
    struct sm_conf conf;
    uint8_t own_key[SM_IDENTITY_KEY_LEN];       /* public; see keys.h */
    int keeper;                                 /* its message channel */
    struct sm_policy *policy;                   /* NULL: deny everything */
    char policy_why[SM_POLICY_WHY_MAX];         /* ... and why */
    unsigned long last_id;                      /* of sessions, for the log */
};

extern struct parent parent;    /* the process's state: there is one */

/* PEER_POST_QUANTUM (ipc.h), unless the settings switch it off. */
uint8_t parent_post_quantum(void);

/* ---- outgoing.c, outgoing_peer.c: one client of the control socket ---- */

/* Takes over `fd`, a connection from the client that `cred` tells about. */
void outgoing_new(int fd, const struct ucred *cred);

/* ---- incoming*.c: one connection from another host ---- */

/* Takes over `fd`; `from` is its numeric address, for the log. */
void incoming_new(int fd, const char *from);

/*
 * Whether one more line about a host that is not authenticated may be logged
 * now: whoever can open connections must not be able to fill the disk.
 * Counts what was left out and says how much it was.
 */
bool incoming_may_log(void);

/* ---- both ---- */

/* One line for each session, as text; `account` NULL for those of all. */
void outgoing_status(char *out, size_t size, const char *account);
void incoming_status(char *out, size_t size);

/* Whether a guest with this uuid is already on its way out / in, or in a
 * handover that is not decided. */
bool outgoing_has(const uint8_t uuid[static 16]);
bool incoming_has(const uint8_t uuid[static 16]);

/* Sessions that move a guest, and connections that have not asked for
 * anything yet, strangers or not. */
int outgoing_count(void);
int incoming_count(void);
int incoming_waiting(void);

/*
 * All places of those that have not asked for anything are taken: one of
 * them goes, in favour of a connection from `from`.  It is the oldest from
 * the most crowded address; it has had a fair time, unless its address has
 * two places more than `from` has.  So silence does not keep others out, one
 * address does not either, and a flood from many is slowed to what can be
 * served.  Returns whether there is a place now.
 */
bool incoming_make_room(const char *from);

#endif
