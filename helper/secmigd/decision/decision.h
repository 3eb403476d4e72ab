/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decisions by policy, each made by a judge (judge.h): who the other host is
 * (identify.h), what the guest's papers are worth, and whether the site's
 * policy and the guest's own allow the migration.
 */
#ifndef SECMIGD_DECISION_H
#define SECMIGD_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel/hello.h"
#include "channel/message.h"
#include "parent/facts.h"
#include "decision/judge.h"
#include "state/ledger.h"
#include "policy/decide.h"
#include "trust/attest.h"
#include "trust/pairing.h"

/* The host at the far end: what it claims, and what is known of it here. */
struct decision_other {
    char name[SM_CONF_NAME_MAX + 1];    /* dialled, or claimed */
    bool dialled;               /* by us, under that name */
    bool met;                   /* the handshake is done: */
    char claimed[SM_CONF_NAME_MAX + 1];
    uint8_t key[SM_IDENTITY_KEY_LEN];
    uint16_t suite;             /* enum sm_suite */
    uint8_t flags;              /* PEER_POST_QUANTUM, PEER_DEMAND (ipc.h) */
    uint8_t certificate[SM_HELLO_CERTIFICATE_MAX];      /* hostile */
    size_t certificate_len;
    int pairing_rc;             /* of `pairing`, as in identify.h */
    struct sm_pairing pairing;
    char pairing_why[512];
    char key_of[SM_CONF_NAME_MAX + 1];  /* "": paired under no name */
    /* Its platform: */
    bool demanded;              /* it is to prove what it runs ... */
    uint8_t nonce[SM_ATTEST_NONCE_LEN];     /* ... with this in it */
    bool shown;                 /* it has answered that: */
    uint8_t hash[SM_ATTEST_HASH_MAX];   /* of our handshake */
    uint8_t evidence[SM_ATTEST_EVIDENCE_MAX];   /* hostile */
    size_t evidence_len;
    char unproven[SM_MESSAGE_TEXT_MAX + 1]; /* why it has no evidence */
};

enum decision_stage {
    DECISION_WHO,               /* only: is it who it says it is? */
    DECISION_PREVIEW,           /* might this be allowed, once we have met;
                                 * or, when we have, once it is proven what
                                 * the other host runs? */
    DECISION_FINAL,
};

/* What is asked; all of it is borrowed for decision_start() only. */
struct decision_question {
    enum decision_stage stage;
    const struct decision_other *other;
    /* All of the following is not for DECISION_WHO. */
    enum sm_policy_action action;
    const struct facts *facts;  /* on migrate-in the config is judged, too */
    const char *account;        /* who asks here; NULL: not known */
    const char *role;           /* to act in; NULL: all roles */
    const char *const *approvals;       /* accounts */
    size_t n_approvals;
    int papers;                 /* memory file; -1: none */
    bool vm_policy_here;        /* this host keeps a policy for the guest: on
                                 * migrate-in it must bring one */
};

struct decision_answer {
    bool allow;
    int code;                   /* 0 when allowed, else an error */
    char rule[SM_MESSAGE_RULE_MAX + 1];
    char text[SM_MESSAGE_TEXT_MAX + 1];
    /* Refused because of who it is: what it may be told.  "": not so. */
    char told[SM_MESSAGE_TEXT_MAX + 1];
    char vm_rule[SM_MESSAGE_RULE_MAX + 1];  /* of the guest's own policy */
    /* Good tickets among the papers, used up by this migration. */
    struct ledger_ticket tickets[SM_PAPERS_TICKETS_MAX];
    size_t n_tickets;
    int64_t rate_seconds;       /* the rule asks for a rate; 0: it does not */
    /* Lists of revocations that are newer than any seen before. */
    struct {
        uint8_t authority[SM_POLICY_SIGNER_LEN];
        uint64_t version;
    } lists[SM_POLICY_AUTHORITIES_MAX];
    size_t n_lists;
    /* Platforms, for DECISION_FINAL unless it says otherwise. */
    bool wants_proof;           /* DECISION_PREVIEW: the guest's own policy
                                 * asks for it */
    char attestation[SM_MESSAGE_RULE_MAX + 1];  /* for the log: the set that
                                 * the other host is in (of the guest's own
                                 * policy: with "vm:" before it), or what is
                                 * wrong */
    bool seen;                  /* a quote is genuine, to be remembered: ... */
    bool back;                  /* ... or only that it is behind what was: */
    struct sm_attest_seen platform;
    /* The guest's own policy, verified; valid until decision_clear(). */
    uint64_t vm_version;        /* 0: there is none */
    struct sm_paper vm_policy, vm_signature;
};

struct decision {
    struct judge judge;
    unsigned long turn;         /* ledger_turn() as the judge saw it */
    char host[SM_CONF_NAME_MAX + 1];    /* the other one's name */
    struct decision_answer answer;
    void (*done)(void *ctx, const struct decision_answer *answer);
    void *ctx;
};

/*
 * Take over what the handshake has shown (PEER_KEY), and look up what is
 * known of it.  `other->name` is set when we dialled.
 * Returns 0 or SM_PROTOCOL.
 */
int decision_meet(struct decision_other *other, struct sm_wire_reader *r)
    SM_WARN_UNUSED;

/*
 * Demand that the other host prove what it runs: before the handshake, which
 * carries the nonce.
 */
void decision_demand(struct decision_other *other);

/*
 * Take over what it has proven (PEER_EVIDENCE).
 * Returns 0; SM_PROTOCOL also when nothing was demanded, or it has proven
 * itself before.
 */
int decision_shown(struct decision_other *other, struct sm_wire_reader *r)
    SM_WARN_UNUSED;

/*
 * Ask.
 *   done  called once, later; `answer` lives in *d.  A judge that dies, is
 *         too slow or breaks the rules has said no: rule "judge".
 * A final answer that allows has been entered in the ledger, if its rule asks
 * for a rate, and in the floors; what was proven has been remembered.  The
 * tickets are not used up yet.
 * Returns 0, or an error and `done` is never called.
 */
int decision_start(struct decision *d,
                   const struct decision_question *question,
                   void (*done)(void *ctx,
                                const struct decision_answer *answer),
                   void *ctx) SM_WARN_UNUSED;

/* Nothing more is called.  Fine when it never began. */
void decision_clear(struct decision *d);

/*
 * Log a decision with its rule.
 *   by    who asks, "account@host"
 */
void decision_log(const struct decision_question *question, const char *by,
                  const struct decision_answer *answer);

/* ---- decision_judge.c: in the judge ---- */

struct decision_bench {         /* what lies before the judge */
    const struct decision_question *question;
    struct sm_paper own_certificate, revocations;
    const char *revocations_why;        /* not NULL: it cannot be read */
};

judge_body decision_judge;      /* of a struct decision_bench */

#endif
