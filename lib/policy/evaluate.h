/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One request being evaluated: what is worked out once (who asks, in which
 * roles, which groups and owners the guest has) and then looked at by every
 * rule.  Internal to lib/policy.
 *
 * The struct is the caller's, on its stack: a decision allocates nothing and
 * several may run at once.  Its sets are sized by the caps of document.h.
 */
#ifndef SM_POLICY_EVALUATE_H
#define SM_POLICY_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/decide.h"
#include "policy/model.h"

/* Three-valued, as in XACML: a condition that cannot be judged is neither
 * true nor false. */
enum sm_verdict {
    SM_VERDICT_NO,
    SM_VERDICT_YES,
    SM_VERDICT_UNKNOWN,
};

/* Words of a set of `n` bits, as a constant. */
#define SM_EVALUATE_WORDS(n) (((n) + 63) / 64)

/* One who may be asking: on the source the account, on the destination each
 * operator whose ticket came along. */
struct sm_evaluate_who {
    const struct sm_policy_operator *operator;  /* NULL: no <operators> */
    const char *account;                        /* NULL: not known */
    const uint64_t *roles;                      /* active; NULL: none */
};

struct sm_evaluate_end {
    const struct sm_policy_end *end;            /* of the request */
    const char *what;                           /* "source" */
    const struct sm_policy_host *host;          /* NULL: not in <hosts> */
    unsigned int counted;                       /* attributes that count */
    bool more_roles;                            /* may have others as well */
    uint64_t roles[SM_EVALUATE_WORDS(SM_POLICY_ROLES_MAX)];
};

struct sm_evaluate {
    const struct sm_policy *policy;
    const struct sm_policy_request *request;
    struct sm_evaluate_who who[SM_POLICY_TICKETS_MAX];
    size_t n_who;
    struct sm_evaluate_end source, destination;
    /* Of the guest: [0] surely, [1] perhaps (and surely). */
    uint64_t groups[2][SM_EVALUATE_WORDS(SM_POLICY_GROUPS_MAX)];
    uint64_t owners[2][SM_EVALUATE_WORDS(SM_POLICY_OWNERS_MAX)];
    /* Windows that were looked at, and those of them that are now. */
    uint64_t windows_known[SM_EVALUATE_WORDS(SM_POLICY_WINDOWS_MAX)];
    uint64_t windows_now[SM_EVALUATE_WORDS(SM_POLICY_WINDOWS_MAX)];
    /* Platform sets that the other host is in; that can be told only when it
     * has shown something that counts, else unattested says why not. */
    bool attested;
    const char *unattested;
    uint64_t proven[SM_EVALUATE_WORDS(SM_POLICY_PLATFORM_SETS_MAX)];
    bool unproven;      /* of the last rule's conditions, those looked at held
                         * but for its platform */
    bool verbose;       /* whether anybody reads `why` when all is well */
    char why[512];      /* the last reason */
};

/* Set e->why; or only with e->verbose. */
void sm_evaluate_say(struct sm_evaluate *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void sm_evaluate_note(struct sm_evaluate *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Ids of a set, words of a list, in `buf` with spaces between them; those
 * that do not fit end in "...".  Returns `buf`. */
typedef const char *sm_evaluate_id_fn(const struct sm_policy *p, size_t i);
const char *sm_evaluate_ids(const struct sm_evaluate *e, const uint64_t *set,
                            size_t n, sm_evaluate_id_fn *id, char *buf,
                            size_t size);
const char *sm_evaluate_words(const char *const *words, size_t n, char *buf,
                              size_t size);
const char *sm_evaluate_role_id(const struct sm_policy *p, size_t i);
const char *sm_evaluate_group_id(const struct sm_policy *p, size_t i);
const char *sm_evaluate_owner_id(const struct sm_policy *p, size_t i);
const char *sm_evaluate_window_id(const struct sm_policy *p, size_t i);
const char *sm_evaluate_platform_id(const struct sm_policy *p, size_t i);

/* "migrate-out" and so on; "?" for a number that is none. */
const char *sm_evaluate_action(unsigned int action);

/* Start.  `policy` and `request` are borrowed; the steps below, in the order
 * of decide.c, work out the rest, and must all have been called before a rule
 * is looked at. */
void sm_evaluate_begin(struct sm_evaluate *e, const struct sm_policy *policy,
                       const struct sm_policy_request *request,
                       bool verbose);

/* Whether all conditions of `rule` hold, its action and evidence aside.
 * With e->verbose, e->why says which does not, or is not known; "" else. */
enum sm_verdict sm_evaluate_rule(struct sm_evaluate *e,
                                 const struct sm_policy_rule *rule);

/* Whether that makes the rule apply: unknown counts against the request, in
 * a preview for it. */
bool sm_evaluate_applies(const struct sm_evaluate *e,
                         const struct sm_policy_rule *rule,
                         enum sm_verdict verdict);

/* Whether an allow rule of the request's action applies, and the evidence it
 * requires is there.
 *   out  then: what it obliges to */
bool sm_evaluate_satisfied(struct sm_evaluate *e,
                           const struct sm_policy_rule *rule,
                           struct sm_policy_obligations *out);

/* The worse of two that must both hold. */
static inline enum sm_verdict sm_verdict_both(enum sm_verdict a,
                                              enum sm_verdict b)
{
    if (a == SM_VERDICT_NO || b == SM_VERDICT_NO)
        return SM_VERDICT_NO;
    return a == SM_VERDICT_UNKNOWN ? a : b;
}

/* All of that for a request that no step refuses, else false (decide.c). */
bool sm_decide_open(struct sm_evaluate *e, const struct sm_policy *policy,
                    const struct sm_policy_request *request);

/* Add what one more rule obliges to. */
void sm_decide_oblige(struct sm_policy_obligations *to,
                      const struct sm_policy_obligations *more);

/* ---- condition.c ---- */

/* One <vm>, of a rule or of a group. */
enum sm_verdict sm_condition_vm(struct sm_evaluate *e,
                                const struct sm_policy_vm *vm);
enum sm_verdict sm_condition_subject(struct sm_evaluate *e,
                                     const struct sm_policy_who *who);
enum sm_verdict sm_condition_where(struct sm_evaluate *e,
                                   const struct sm_evaluate_end *end,
                                   const struct sm_policy_where *where);
enum sm_verdict sm_condition_time(struct sm_evaluate *e,
                                  const struct sm_policy_when *when);
enum sm_verdict sm_condition_channel(struct sm_evaluate *e,
                                     const struct sm_policy_how *how);

/* ---- steps before the rules: each returns NULL, or the fixed id of a
 * refusal (decide.h) with its text in e->why.  With e->verbose, e->why is
 * also set when all is well. ---- */

/* hosts.c: the hosts take part; their roles and attributes. */
const char *sm_hosts_check(struct sm_evaluate *e);

/* ... which attributes count of a certificate by this signer (NULL: there is
 * none): a set. */
unsigned int sm_hosts_counted(const struct sm_policy *p,
                              const uint8_t *signer);

/* roles.c: who asks, in which roles, and whether these permit the action. */
const char *sm_roles_check(struct sm_evaluate *e);

/* guest.c: the groups and owners of the guest (its groups' and who signed
 * its VM policy), which must not differ. */
const char *sm_guest_check(struct sm_evaluate *e);

/* The set's bits in common with another of `n` bits, either NULL: none. */
static inline bool sm_evaluate_common(const uint64_t *a, const uint64_t *b,
                                      size_t n)
{
    size_t i;

    for (i = 0; a && b && i < sm_policy_set_words(n); i++)
        if (a[i] & b[i])
            return true;
    return false;
}

/* ---- proven.c ---- */

/* Work out e->attested and e->proven. */
void sm_proven_find(struct sm_evaluate *e);

/*
 * What the other host has proven and what is amiss, in words that go on from
 * naming it: "differs from SET in PCR 7".
 *   wanted  set of platforms that it should be in one of; NULL: all
 *   out     `size` bytes; returned
 */
const char *sm_proven_text(const struct sm_evaluate *e,
                           const uint64_t *wanted, char *out, size_t size);

/* What is amiss with the platform, when that keeps this deny rule from not
 * applying: "; ..." or "". */
const char *sm_proven_denied(const struct sm_evaluate *e,
                             const struct sm_policy_rule *rule, char *out,
                             size_t size);

/* ---- evidence.c ---- */

/*
 * Whether what an allow rule requires is there.
 *   out  on success: what the rule obliges to
 *   e->why  else: what is missing, and what to do
 */
bool sm_evidence_met(struct sm_evaluate *e, const struct sm_policy_rule *rule,
                     struct sm_policy_obligations *out);

#endif
