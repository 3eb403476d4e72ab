/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request as a text file, to ask a policy without any host (`secmig policy
 * decide`).  Lines "key = value", empty lines, and comments from "#" at the
 * start of a line on.  What is given counts as verified: signatures, keys and
 * certificates are not looked at here.
 *
 *   action = migrate-out | migrate-in | abort | force-handover |
 *            policy-admin | audit-read
 *   account = NAME          role = ROLE
 *   vm = NAME               uuid = UUID
 *   memory = 4 GiB          label = TEXT
 *   source = HOST           destination = HOST
 *   and for each of the two, with source- or destination- in front:
 *     key = BASE64          authority = ID (who signed its certificate)
 *     location = WORD       jurisdiction = WORD       platforms = WORD...
 *   suite = NAME            post-quantum = yes | no
 *   attestation = ID...     platform sets that count as proven, or in their
 *                           place what the other host has proven:
 *   pcr.N = HEX             ... a PCR; those that are not given are zero
 *   event-log = HEX         ... the digest of its event log
 *   attestation-authority = ID   ... who certified its attestation key
 *   reset-approved = yes | no    ... its last reset has been approved
 *   ticket = owner:ID | operator:ID         up to 4
 *   approval = ACCOUNT                      up to 16
 *   vm-policy-owner = ID    who signed the VM policy that came along
 *   vm-policy = FILE        that policy, to be asked too; the caller's
 *                           business
 *   use = RULE TIME         RULE, one of the policy's, allowed something then;
 *                           up to 256
 *   time = 2027-11-01T00:00:00Z
 *   preview = yes | no
 *   config.FIELD = VALUE    one fact of the domain config, as in config.h
 *
 * action is required, and for the two migrations vm, uuid, source and
 * destination.  The time is that of the caller when there is none.  A key
 * with no value is as if the line were not there.
 *
 * Owners, operators and authorities are ids of the policy, and whose the
 * attributes and whose the attestation key are can be left out when it has
 * just one authority.  Platform sets are those of the policy, too, unless a
 * VM policy is asked as well, which has sets of its own.  A VM policy
 * knows no owners and operators by id: there, equal ids stand for equal keys;
 * nor the site's rules: there, uses may be of any.
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
    uint8_t uuid[16], keys[2][32];      /* source, destination */
    struct sm_policy_attributes attributes[2];
    struct sm_policy_measured measured;
    uint32_t pcrs;                      /* those of it that are given */
    uint8_t signers[SM_POLICY_TICKETS_MAX + 1][SM_POLICY_SIGNER_LEN];
    struct sm_policy_use uses[SM_POLICY_USES_MAX];
    const char *vm_policy;              /* file, or NULL */
    char *text;
};

/*
 * Read a question.
 *   out     filled in on success, to be disposed of; zeroed on error.  It may
 *           not be copied, as the request points into it, and into `policy`.
 *   policy  which is asked: its ids are those of the text
 *   now     the time to ask about when the text gives none
 *   why     out: "line N: reason"
 * Returns 0; SM_CONFIG when something is unknown, given twice, malformed or
 * missing; SM_NO_MEMORY.
 */
int sm_policy_question_parse(struct sm_policy_question *out,
                             const struct sm_policy *policy,
                             const void *text, size_t len, int64_t now,
                             char *why, size_t why_size) SM_WARN_UNUSED;

/* A part of a question. */
struct sm_policy_lines {
    const char *text;
    size_t len;
    char separator;             /* between lines: '\n', or ';' in a table */
    unsigned int line;          /* of the file, where it begins */
};

/*
 * The same from several parts: a later one is stronger.  A key that may be
 * given several times adds to those of the parts before, unless its first
 * value in the part is empty: that drops them.
 *   parts  `n` of them
 *   line   out: where it is wrong
 *   why    out: the reason alone
 */
int sm_policy_question_layers(struct sm_policy_question *out,
                              const struct sm_policy *policy,
                              const struct sm_policy_lines *parts, size_t n,
                              int64_t now, unsigned int *line, char *why,
                              size_t why_size) SM_WARN_UNUSED;

/* Free what it holds; idempotent. */
void sm_policy_question_dispose(struct sm_policy_question *q);

#endif
