/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: how a policy comes into force.
 */
#ifndef SECMIGD_RELOAD_H
#define SECMIGD_RELOAD_H

#include <stdbool.h>

/* Someone who waits for the outcome of a reload; a member of its owner's
 * struct. */
struct reload_waiter {
    /* err 0: the policy is in force; text: one line for people */
    void (*done)(void *ctx, int err, const char *text);
    void *ctx;
    struct reload_waiter *next;
};

/*
 * (Re)load the policy.  A child loads it first, so that a document that
 * makes the XML parser crash or hang takes only that child with it; then the
 * parent does.  A bad policy, or an older one than this host has seen,
 * keeps the one in force, if any.  The host's key is read again, too
 * (keys_reload()); a failure of that is told as well.
 *   waiter  told once, later, about a load that begins after this call;
 *           NULL: nobody waits
 */
void reload_policy(struct reload_waiter *waiter);

/* The waiter goes away. */
void reload_forget(struct reload_waiter *waiter);

/* Whether a load is under way. */
bool reload_active(void);

#endif
