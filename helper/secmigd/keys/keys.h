/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: this host's keys.  The parent never sees a secret one.
 * It has secmig-vault open sealed storage and send the key to the keeper, on
 * a socket of their own:
 *
 *   store key  at the start, for the daemon's life
 *   host key   when it is first needed; held for `key-lifetime` after it was
 *              released, then wiped; released again when it is needed again
 *
 * A quote of the TPM is the vault's to make, too (keys_quote.c).
 */
#ifndef SECMIGD_KEYS_H
#define SECMIGD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ipc.h"
#include "trust/attest.h"
#include "trust/identity.h"

/*
 * Read ETC/host.pub into parent.own_key: which key the host key has to fit.
 * Returns 0 or an error of sm_file_read() or sm_identity_parse(), with the
 * reason in `why`.
 */
int keys_read_public(char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Have the store key released; once.  The host key's sealed object is looked
 * at, too, without opening it: one that is missing or not safe is told now.
 *   done  called later: err 0, or an error with `why` in words
 */
void keys_need_store(void (*done)(int err, const char *why));

/* ---- host key ---- */

/* Someone who needs the host key for one handshake: a member of its owner's
 * struct, zeroed at first. */
struct key_wait {
    /* err 0: the two below are set; else `why` says it in words */
    void (*done)(void *ctx, int err, const char *why);
    void *ctx;
    struct key_wait *next;
    bool has_client;
    int client;         /* request socket of the keeper, for one peer */
    uint8_t own_key[SM_IDENTITY_KEY_LEN];   /* public half of the key that
                                             * answers there */
};

/*
 * The host key is needed: by a migration that was allowed, or by somebody
 * whose message 1 could be answered, and who could bring a guest that is.
 *   done  called once, later; not after keys_forget_wait()
 * The socket goes on to work when the key is forgotten or replaced
 * meanwhile, until keys_forget_wait() or its one use.
 */
void keys_need_host(struct key_wait *w,
                    void (*done)(void *ctx, int err, const char *why),
                    void *ctx);

/*
 * The answer has come: give the socket to the owner's peer (PEER_KEEPER, with
 * this host's certificate as it is now).
 *   channel  the peer's
 * It stays the owner's, too: a first peer that ends without having used it
 * (PEER_CLASSIC) leaves it to a second one.
 * Returns 0 or an error of ipc_send(): the peer has gone.
 */
int keys_give(struct key_wait *w, int channel) SM_WARN_UNUSED;

/* The owner needs no key any more: nothing is called, the socket is closed
 * here (a peer that was given it has its own).  Fine at any time. */
void keys_forget_wait(struct key_wait *w);

/* Whether the keeper has it. */
bool keys_held(void);

/*
 * Whether it is worth trying for somebody who is not known: not shortly after
 * a release that failed.  Strangers must not keep a TPM busy, or run it into
 * lockout.
 */
bool keys_may_try(void);

/*
 * The host's key may have been changed on disk: read host.pub again, and
 * forget the host key.  Handshakes that have begun end with the key that they
 * have.
 * Returns 0, or an error with `why`: the key of before stays then.
 */
int keys_reload(char *why, size_t why_size) SM_WARN_UNUSED;

/* The keeper's TAKEN; from the loop, or from store.c while it waits for
 * another answer.  Calls nobody back before the loop's next round.  Returns 0
 * or SM_PROTOCOL. */
int keys_taken(const struct ipc_message *m) SM_WARN_UNUSED;

/* ---- quotes ---- */

/* Someone who waits for a quote; as struct key_wait. */
struct quote_wait {
    /* err 0: `quote` is what the TPM says (tpm/quote.h), until it returns;
     * else `why` in words */
    void (*done)(void *ctx, int err, const char *why,
                 const uint8_t *quote, size_t len);
    void *ctx;
    struct quote_wait *next;
    const char *host;   /* who asks */
    bool own;
    uint8_t extra[SM_ATTEST_EXTRA_LEN];
};

/*
 * Have the TPM quote its PCRs.  One at a time; a few more of each host may
 * wait.  Hosts take turns: one that asks again and again costs another that
 * asks no more than one quote's time.
 *   asker  the other host's name, which lives as long as `w`
 *   own    for a migration that was asked for on this host: it goes first
 *   extra  what the quote is bound to: of sm_attest_extra()
 *   done   called once, later; not after keys_forget_quote()
 * Returns 0; SM_BUSY when too many of that host wait already, and `done` is never called.
 */
int keys_quote(struct quote_wait *w, const char *asker, bool own,
               const uint8_t extra[static SM_ATTEST_EXTRA_LEN],
               void (*done)(void *ctx, int err, const char *why,
                            const uint8_t *quote, size_t len),
               void *ctx) SM_WARN_UNUSED;

/* Nothing is called any more.  Fine at any time. */
void keys_forget_quote(struct quote_wait *w);

#endif
