/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection from another host, until it is known whose it is. */
#include "incoming/incoming.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "keys/vault.h"
#include "parent/parent.h"

/* KEY_IS or CANCEL.  A peer that does not take it is of no use. */
static void tell_peer(struct incoming *in, enum ipc_type type, int code,
                      const char *text)
{
    if (ipc_send_code(in->watch.fd, type, code, text))
        spawn_kill(&in->peer, SIGKILL);
}

/* ---- the host key ---- */

/* Who it is can only be known with the host key.  So it is released for
 * whoever speaks the protocol; unless nobody could bring a guest at this
 * moment.  While it is held the other host can as well be told why not. */
const char *incoming_not_now(void)
{
    if (keys_held())
        return NULL;
    /* Whoever is owed an answer may come for it at any time. */
    if (!handover_awaits_call() &&
        !sm_policy_may(parent.policy, SM_POLICY_MIGRATE_IN, sm_clock_real()))
        return "the policy lets no guest in at this time";
    if (!keys_may_try())
        return "this host's key could not be used a moment ago";
    return NULL;
}

static void no_key(struct incoming *in, int code, const char *why)
{
    if (incoming_may_log())
        sm_warning("in-%lu: connection from %s closed: %s", in->id, in->from,
                   why);
    tell_peer(in, IPC_PEER_CANCEL, code, "no key for it");
}

static void have_key(void *ctx, int err, const char *why)
{
    char text[VAULT_TEXT_MAX + 64];
    struct incoming *in = ctx;

    if (err) {
        snprintf(text, sizeof(text), "this host's key cannot be used: %s",
                 why);
        no_key(in, err, text);
        return;
    }
    loop_arm(&in->timer, 2 * parent.conf.handshake_timeout, incoming_too_slow,
             in);
    if (keys_give(&in->key, in->watch.fd))
        spawn_kill(&in->peer, SIGKILL);
    keys_forget_wait(&in->key);
}

void incoming_needs_key(struct incoming *in, struct sm_wire_reader *r)
{
    const char *problem = incoming_not_now();

    if (sm_wire_end(r))
        return;
    in->state = IN_STRANGER;
    if (problem) {
        no_key(in, SM_REFUSED_LOCAL, problem);
        return;
    }
    /* The peer minds a shorter one itself; unless it has been taken over. */
    loop_arm(&in->timer, 3 * parent.conf.handshake_timeout, incoming_too_slow,
             in);
    keys_need_host(&in->key, have_key, in);
}

/* Not a host that is known here. */
static void turn_away(struct incoming *in,
                      const struct decision_answer *answer)
{
    char print[SM_IDENTITY_FINGERPRINT_SIZE];
    const char *told = answer->told;

    sm_identity_fingerprint(in->other.key, print);
    if (incoming_may_log())
        sm_warning("in-%lu: from=%s: host \"%s\" with key %s is not known "
                   "here: %s", in->id, in->from, in->other.name, print,
                   answer->text);
    tell_peer(in, IPC_PEER_KEY_IS, answer->code,
              told[0] ? told : sm_err_text(answer->code));
}

static bool is_too_classic(const struct incoming *in)
{
    return parent.conf.post_quantum == SM_CONF_PQ_REQUIRE &&
           !(in->other.flags & PEER_POST_QUANTUM);
}

void incoming_too_classic(const struct incoming *in,
                          char text[static SM_MESSAGE_TEXT_MAX + 1])
{
    snprintf(text, SM_MESSAGE_TEXT_MAX + 1, "%s requires the post-quantum "
             "handshake, which %s has not (it takes libsodium 1.0.22 there) "
             "or has switched off", parent.conf.name, in->other.name);
    sm_warning("in-%lu: from=%s refused: %s", in->id, in->from, text);
}

/* It is known, and has come without what the settings require. */
static void too_classic(struct incoming *in)
{
    char text[SM_MESSAGE_TEXT_MAX + 1];

    incoming_too_classic(in, text);
    tell_peer(in, IPC_PEER_KEY_IS, SM_REFUSED_LOCAL, text);
}

static void known(void *ctx, const struct decision_answer *answer)
{
    struct incoming *in = ctx;

    /* Whatever is thought of it by now, and whatever the settings ask for, it
     * gets the answer that settles what was begun; and brings no guest. */
    in->stranger = !answer->allow;
    in->owed = (in->stranger || is_too_classic(in)) &&
               handover_expects(in->other.key);
    if (in->stranger && !in->owed) {
        turn_away(in, answer);
        return;
    }
    if (!in->owed && is_too_classic(in)) {
        too_classic(in);
        return;
    }
    if (answer->text[0])
        sm_warning("in-%lu: %s", in->id, answer->text);
    in->state = IN_WAIT;
    /* The peer minds this deadline itself; unless it has been taken over. */
    loop_arm(&in->timer, 2 * parent.conf.answer_timeout +
             parent.conf.tpm_timeout, incoming_too_slow, in);
    tell_peer(in, IPC_PEER_KEY_IS, 0, "");
}

void incoming_meets(struct incoming *in, struct sm_wire_reader *r)
{
    struct decision_question q = { .stage = DECISION_WHO, .papers = -1 };
    int rc;

    if (decision_meet(&in->other, r))
        return;
    in->met = sm_clock_now_ms();
    in->state = IN_WHO;
    q.other = &in->other;
    rc = decision_start(&in->decision, &q, known, in);
    if (rc) {
        sm_error("in-%lu: cannot start the process that judges this: %s",
                 in->id, sm_err_text(rc));
        spawn_kill(&in->peer, SIGKILL);
    }
}
