/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request as a text file, to ask a policy without any host (`secmig policy
 * decide`).  Lines "key = value", empty lines, and comments from "#" at the
 * start of a line on:
 *
 *   action = migrate-in | migrate-out
 *   vm = NAME               uuid = UUID             memory = 4 GiB
 *   source = HOST           destination = HOST
 *   account = NAME          source-key, destination-key = BASE64
 *   time = 2027-11-01T00:00:00Z
 *   config.FIELD = VALUE    one fact of the domain config, as in config.h
 *
 * account, the keys and the config are optional; so is the time, which is
 * then that of the caller.
 */
#ifndef SM_POLICY_QUESTION_H
#define SM_POLICY_QUESTION_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/config.h"

#define SM_POLICY_QUESTION_MAX (1024 * 1024)    /* bytes */

struct sm_policy_question {
    struct sm_policy_request request;   /* points into this struct */
    struct sm_policy_fact *facts;       /* into `text` */
    size_t n_facts;
    uint8_t uuid[16], source_key[32], destination_key[32];
    char *text;
};

/*
 * Read a question.
 *   out  filled in on success, to be disposed of; zeroed on error.  It may
 *        not be copied, as the request points into it.
 *   now  the time to ask about when the text gives none
 *   why  out: "line N: reason"
 * Returns 0; SM_CONFIG when something is unknown, given twice, malformed or
 * missing; SM_NO_MEMORY.
 */
int sm_policy_question_parse(struct sm_policy_question *out,
                             const void *text, size_t len, int64_t now,
                             char *why, size_t why_size) SM_WARN_UNUSED;

/* Free what it holds; idempotent. */
void sm_policy_question_dispose(struct sm_policy_question *q);

#endif
