/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: the policies that owners of guests have signed, one for
 * a guest, in the store.  They are verified by a judge before they get there,
 * go along when the guest leaves, and stay behind nowhere.
 */
#ifndef SECMIGD_VM_POLICY_H
#define SECMIGD_VM_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel/papers.h"
#include "state/evidence.h"
#include "decision/judge.h"

#define VM_POLICY_TEXT_SIZE 512

/*
 * The papers of a guest that is to leave: its own policy, if it has one, and
 * the tickets of `evidence`.
 *   why   out: VM_POLICY_TEXT_SIZE bytes, the reason in words
 * Returns a memory file, the caller's; or an error, among them that the
 * policy is there and does not open: then the guest must not leave.
 */
int vm_policy_papers(const uint8_t uuid[static 16],
                     const struct evidence *evidence, char *why)
    SM_WARN_UNUSED;

/* Whether this host keeps a policy for the guest; also when that cannot be
 * told. */
bool vm_policy_here(const uint8_t uuid[static 16]);

/*
 * The guest is about to come, with a policy that a judge has verified: keep
 * it, and remember its version, before it can run here.
 *   fresh  out: there was none of that guest here before (also on error)
 * Returns 0, or an error, which is in the log.
 */
int vm_policy_arrived(const uint8_t uuid[static 16], uint64_t version,
                      const struct sm_paper *policy,
                      const struct sm_paper *signature, bool *fresh)
    SM_WARN_UNUSED;

/* The guest has left: its policy goes, too. */
void vm_policy_left(const uint8_t uuid[static 16]);

/* ---- for operators ---- */

struct vm_policy_add {
    struct judge judge;
    void (*done)(void *ctx, int err, const char *text);
    void *ctx;
    int papers;                 /* memory file; -1: none */
    uint8_t uuid[16];           /* of the guest, once it is known */
};

/*
 * Add a policy, or put it in the place of an older one.  A judge verifies it:
 * signed by an owner of the site's policy, not older than one seen.
 *   policy, signature  memory files, as they came; stay the caller's
 *   done  called once, later: err 0 when it is stored; text: one line
 * Returns 0, or an error and `done` is never called.
 */
int vm_policy_add(struct vm_policy_add *add, int policy, int signature,
                  void (*done)(void *ctx, int err, const char *text),
                  void *ctx) SM_WARN_UNUSED;
void vm_policy_add_clear(struct vm_policy_add *add);

/* Uuids of all guests that have a policy here, one a line, as many as fit
 * into `size` bytes.  Returns 0, SM_BUSY when some did not fit, SM_IO. */
int vm_policy_list(char *out, size_t size) SM_WARN_UNUSED;

/*
 * The text of a policy.
 *   xml, len  out: malloc'd, the caller's to free(); NUL added
 * Returns 0; SM_NO_DOMAIN when the guest has none; or an error.
 */
int vm_policy_show(const uint8_t uuid[static 16], uint8_t **xml, size_t *len,
                   char *why) SM_WARN_UNUSED;

/* Returns 0; SM_NO_DOMAIN when there is none; SM_BUSY while the guest is
 * moving; or an error.  That its version was seen is not forgotten. */
int vm_policy_remove(const uint8_t uuid[static 16], char *why)
    SM_WARN_UNUSED;

#endif
