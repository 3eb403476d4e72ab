/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy decision point: one request in, one decision out.  Pure: no
 * I/O, no clock, no allocation.
 *
 * Deny by default; a deny rule that applies overrides every allow rule; the
 * order of the rules does not matter (XACML 3.0, deny-overrides).  Roles are
 * those of NIST RBAC (INCITS 359): hierarchical, with static (checked when
 * loading) and dynamic separation of duty.
 *
 * A decision names the rule, or one of these fixed ids, which a document
 * cannot use for its own rules:
 *   no-policy        there is no policy
 *   not-yet-valid    before the document's not-before
 *   expired          after its not-after
 *   bad-request      the request lacks a name, a uuid or a host
 *   unknown-host     source or destination does not take part
 *   host-key         ... or its key is not the one the document gives
 *   unknown-operator the account is no <operator>, or not known although
 *                    the action is another than migrate-in
 *   role-not-assigned  ... or has not the role it wants to act in
 *   separation-of-duty ... or may not have all its roles active at once
 *   no-permission    none of the active roles permits the action
 *   vm-owner         the VM policy's signer is not the guest's owner
 *   vm-policy        the VM policy cannot be honoured here
 *   default-deny     no rule allows this
 *   config           the domain config is not allowed (config.h)
 */
#ifndef SM_POLICY_DECIDE_H
#define SM_POLICY_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/document.h"
#include "policy/request.h"

struct sm_policy_rule;

/* What the one who enforces the decision has to see to. */
struct sm_policy_obligations {
    bool notify_guest;
    uint32_t max_downtime_ms;   /* 0: none */
    int ticket;                 /* index of the request's ticket that is used
                                 * up, or -1; of several the first */
    unsigned int tickets;       /* set: all that are used up (bit: index) */
};

struct sm_policy_decision {
    bool allow;
    int code;           /* SM_OK when allowed; SM_POLICY for no-policy,
                         * not-yet-valid and expired; SM_UNMET when a rule
                         * would allow it but asks for more evidence; else
                         * SM_REFUSED_LOCAL */
    char rule[129];     /* a rule's id, or a fixed id; one of a VM policy
                         * has "vm:" in front */
    char text[513];     /* one line for people, always clean UTF-8 */
    const struct sm_policy_rule *matched;
                        /* that rule, or NULL; belongs to the policy */
    struct sm_policy_obligations obligations;
};

/*
 * Decide a request by one document, a site policy or a VM policy.
 *   policy  may be NULL: everything is then denied as no-policy
 *   request borrowed for the call
 *   out     filled in on every path; valid as long as the policy (matched
 *           refers to it)
 * A condition that cannot be judged because the request lacks the value
 * counts against the request: an allow rule then does not apply, a deny rule
 * does.  With request->preview it counts in favour, and so does evidence
 * that is missing: a preview that is denied will be denied, one that is
 * allowed may be.
 */
void sm_policy_decide(const struct sm_policy *policy,
                      const struct sm_policy_request *request,
                      struct sm_policy_decision *out);

/*
 * Decide by the site's policy and then by the guest's own, which must both
 * allow; obligations of both add up.  When both allow, rule and matched are
 * the site's.
 *   vm      the VM policy whose signer is request->vm_policy_signer, or NULL
 *           when the guest has none; one without the other is refused as
 *           vm-policy.  Has no say in actions other than the two migrations.
 * A VM policy that names no authorities judges by the attributes that count
 * for the site.
 */
void sm_policy_decide_both(const struct sm_policy *site,
                           const struct sm_policy *vm,
                           const struct sm_policy_request *request,
                           struct sm_policy_decision *out);

/*
 * Whether the site's policy lets this host take part in migrations at all: it
 * lists a <host> of that name (and the key is the one it gives, if it gives
 * one), or has the authority of its certificate as <certified>.
 *   end  name and key required; attributes of a certificate that was verified
 */
bool sm_policy_takes_part(const struct sm_policy *policy,
                          const struct sm_policy_end *end);

/*
 * Whether a request for `action` could be allowed at this moment at all: the
 * document is in force, has an allow rule of that action whose <time> holds
 * now, and no deny rule that whatever is asked now meets.  Before anything is
 * known of who asks for what, as to spare a host the use of its key.
 *   policy  may be NULL: then nothing may
 *   now     seconds since the epoch
 * False means that sm_policy_decide() denies every such request, previews
 * too; true promises nothing.
 */
bool sm_policy_may(const struct sm_policy *policy,
                   enum sm_policy_action action, int64_t now);

/*
 * Whether what the other host proves of its platform can matter to a request
 * for `action`, because a rule for it asks for attestation: only then need a
 * quote be demanded.
 *   policy  a site policy or a VM policy; NULL: false
 */
bool sm_policy_wants_attestation(const struct sm_policy *policy,
                                 enum sm_policy_action action);

/* Whether `rule` is one of the allow rules that this request satisfies: its
 * action and conditions, and evidence.  `rule` is of this policy. */
bool sm_policy_satisfied(const struct sm_policy *policy,
                         const struct sm_policy_request *request,
                         const struct sm_policy_rule *rule);

/* ---- the same, told rule by rule ---- */

struct sm_policy_step {
    const char *rule;           /* id, or a fixed id of a step before rules,
                                 * which is like a deny rule: NO is good */
    bool vm;                    /* of the VM policy, not the site's */
    unsigned int line;          /* of the document; 0: no rule */
    bool allow;                 /* the rule's effect */
    enum { SM_POLICY_STEP_NO, SM_POLICY_STEP_YES, SM_POLICY_STEP_UNKNOWN,
           SM_POLICY_STEP_UNMET } result;
    const char *why;            /* the first condition that does not hold, or
                                 * is not known, with what was asked; what
                                 * evidence is missing; or "".  Of a step: what
                                 * was found out.  Clean UTF-8 */
};

typedef void sm_policy_explain_fn(void *ctx,
                                  const struct sm_policy_step *step);

/* As sm_policy_decide(), and `fn` is called for each step and each rule of
 * the action, also those after the one that decided. */
void sm_policy_explain(const struct sm_policy *policy,
                       const struct sm_policy_request *request,
                       sm_policy_explain_fn *fn, void *ctx,
                       struct sm_policy_decision *out);

/* As sm_policy_decide_both(), in the same way; what a VM policy says is told
 * also when the site has refused. */
void sm_policy_explain_both(const struct sm_policy *site,
                            const struct sm_policy *vm,
                            const struct sm_policy_request *request,
                            sm_policy_explain_fn *fn, void *ctx,
                            struct sm_policy_decision *out);

#endif
