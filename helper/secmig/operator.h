/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the verbs for operators share: how they reach the daemon and what
 * they make of its answers.
 */
#ifndef SM_SECMIG_OPERATOR_H
#define SM_SECMIG_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"
#include "client.h"
#include "verbs.h"

#define SM_OPERATOR_ROLE { .name = "--role", .value = &role }

/*
 * Connect: to the control socket when this user may, else to the operators'
 * when the configuration has one.  Prints its own error line.
 */
int sm_operator_connect(const struct sm_cli *cli, int64_t deadline,
                        struct sm_client **out) SM_WARN_UNUSED;

/* Likewise, but says nothing: why it did not succeed is in `why`. */
int sm_operator_try(const struct sm_cli *cli, int64_t deadline,
                    struct sm_client **out, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* Start a request: every body begins with the role; NULL for all roles. */
void sm_operator_begin(struct sm_wire_writer *w, const char *role);

/*
 * Send the request and wait for the first answer.
 *   verb    for error lines
 *   frame   out: of one of the types `want` or `or_want` (0: none), the
 *           caller's to dispose of, also on error
 *   client  out: still connected, the caller's; NULL on error
 * Prints its own error line, also when the writer has an error (a name that
 * is no clean text).  The writer stays the caller's.
 */
int sm_operator_ask(const struct sm_cli *cli, const char *verb,
                    enum frame_type type, const struct sm_wire_writer *w,
                    enum frame_type want, enum frame_type or_want,
                    struct sm_client_frame *frame, struct sm_client **client)
    SM_WARN_UNUSED;

/* As sm_operator_ask() on a connection that is there already, in *client;
 * NULL on error. */
int sm_operator_ask_on(struct sm_client **client, const char *verb,
                       enum frame_type type, const struct sm_wire_writer *w,
                       int64_t deadline, enum frame_type want,
                       enum frame_type or_want,
                       struct sm_client_frame *frame) SM_WARN_UNUSED;

/* How long the daemon may take to answer an operator: a deadline. */
int64_t sm_operator_deadline(const struct sm_cli *cli);

/*
 * Take an ANSWER or RESULT for what it is: print its text (on standard
 * output when it is good and not empty, else as an error line with the rule)
 * and return its code's error.
 */
int sm_operator_verdict(const struct sm_client_frame *frame,
                        const char *verb);

/* Ask, and the ANSWER is all there is. */
int sm_operator_command(const struct sm_cli *cli, const char *verb,
                        enum frame_type type, const struct sm_wire_writer *w);

/* `secmig trust policy`, from "policy" on. */
int sm_trust_policy(const struct sm_cli *cli, int argc, char **argv);

/* `secmig platform accept`, from "accept" on. */
int sm_platform_accept(const struct sm_cli *cli, int argc, char **argv);

/* `secmig ticket use`, from "use" on. */
int sm_ticket_use(const struct sm_cli *cli, int argc, char **argv);

/* Whether lines of text are all fit for a terminal. */
bool sm_operator_text_ok(const uint8_t *text, size_t len);

/* Print lines of text, each fit for a terminal.  Returns 0, SM_PROTOCOL when
 * one is not, SM_IO. */
int sm_operator_print(const uint8_t *text, size_t len) SM_WARN_UNUSED;

#endif
