/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy decision point: one request in, one decision out.  Pure: no
 * I/O, no clock, no allocation.
 *
 * Deny by default; a deny rule that applies overrides every allow rule; the
 * order of the rules does not matter (XACML 3.0, deny-overrides).
 *
 * A decision names the rule, or one of these fixed ids, which a document
 * cannot use for its own rules:
 *   no-policy       there is no policy
 *   not-yet-valid   before the document's not-before
 *   expired         after its not-after
 *   bad-request     the request lacks a name, a uuid or a host
 *   unknown-host    source or destination is not in the document's <hosts>
 *   host-key        ... or its key is not the one the document gives
 *   default-deny    no rule allows this
 *   config          the domain config is not allowed (config.h)
 */
#ifndef SM_POLICY_DECIDE_H
#define SM_POLICY_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/document.h"

enum sm_policy_action {
    SM_POLICY_MIGRATE_OUT = 1,  /* this host is the source */
    SM_POLICY_MIGRATE_IN = 2,   /* this host is the destination */
};

/* Longest VM name (bytes, without NUL) that a request may carry; a longer
 * one is denied as bad-request. */
#define SM_POLICY_NAME_MAX 255

struct sm_policy_request {
    enum sm_policy_action action;
    const char *vm_name;            /* required, not empty */
    const uint8_t *vm_uuid;         /* 16 bytes, required */
    uint64_t memory_kb;             /* what the VM may use at most, KiB */
    const char *account;            /* Unix account that asks; NULL when not
                                     * known, as on the destination */
    const char *source;             /* names of the hosts, required */
    const char *destination;
    const uint8_t *source_key;      /* 32 bytes: the X25519 static key that */
    const uint8_t *destination_key; /* the channel has authenticated (or our
                                     * own); NULL when not known, which a
                                     * document that gives a key denies */
    int64_t now;                    /* seconds since the epoch */
};

struct sm_policy_rule;

struct sm_policy_decision {
    bool allow;
    int code;           /* SM_OK when allowed, SM_POLICY for no-policy,
                         * not-yet-valid and expired, else SM_REFUSED_LOCAL */
    char rule[129];     /* a rule's id, or a fixed id */
    char text[513];     /* one line for people, always clean UTF-8 */
    const struct sm_policy_rule *matched;
                        /* that rule, or NULL; belongs to the policy */
    uint8_t allowed_by[SM_POLICY_RULES_MAX / 8];
                        /* set of all allow rules that apply, for
                         * sm_policy_check_config(): bit i = rule i */
};

/*
 * Decide a request.
 *   policy  may be NULL: everything is then denied as no-policy
 *   request borrowed for the call
 *   out     filled in on every path; valid as long as the policy (matched,
 *           allowed_by refer to it)
 * A condition that cannot be judged because the request lacks the value
 * (account, key) counts against the request: an allow rule then does not
 * apply, a deny rule does.
 */
void sm_policy_decide(const struct sm_policy *policy,
                      const struct sm_policy_request *request,
                      struct sm_policy_decision *out);

#endif
