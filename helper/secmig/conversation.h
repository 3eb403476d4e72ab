/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rest of `secmig transport`, once the other host has accepted: the
 * stream, and the words by which an unpatched xl gives its guest away.
 */
#ifndef SM_SECMIG_CONVERSATION_H
#define SM_SECMIG_CONVERSATION_H

#include "base/conf.h"
#include "client.h"

/*
 * Talk with xl on standard input and output, and with the daemon.
 *   stream  to write what xl sends to; becomes the conversation's
 *   host    where the guest goes, for messages
 * Returns 0 when the guest is there; SM_IN_DOUBT when it was given to the
 * daemon and is not settled; else why it stays.  All is said by then, to
 * people and to xl.
 */
int sm_conversation(struct sm_client *client, int stream,
                    const struct sm_conf *conf, const char *host)
    SM_WARN_UNUSED;

/* Print a refusal; the error it stands for. */
int sm_conversation_refused(const struct sm_client_answer *answer);

#endif
