/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request to the policy decision point: who wants to do what with which
 * guest, from where to where, over which channel, and the evidence that came
 * with it.  Everything here has been verified by the caller: signatures,
 * revocation, which key the channel authenticated.  What is not known is
 * left zero, and counts against the request (decide.h).
 */
#ifndef SM_POLICY_REQUEST_H
#define SM_POLICY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SM_POLICY_SIGNER_LEN 40     /* minisign key id, then the key */

enum sm_policy_action {
    SM_POLICY_MIGRATE_OUT = 1,      /* this host is the source */
    SM_POLICY_MIGRATE_IN = 2,       /* this host is the destination */
    SM_POLICY_ABORT = 3,            /* end a migration that is under way */
    SM_POLICY_FORCE_HANDOVER = 4,   /* settle one whose other host is lost */
    SM_POLICY_POLICY_ADMIN = 5,     /* reload; add or remove a VM policy */
    SM_POLICY_AUDIT_READ = 6,       /* see other people's migrations */
};

/* Longest VM name or label (bytes, without NUL) that a request may carry; a
 * longer one is denied as bad-request. */
#define SM_POLICY_NAME_MAX 255
#define SM_POLICY_TICKETS_MAX 4
#define SM_POLICY_APPROVALS_MAX 16
#define SM_POLICY_PLATFORMS_MAX 16

/* The highest rate of a rule, and so many uses a request file (question.h)
 * may tell of: enough to use any rate up. */
#define SM_POLICY_USES_MAX 256

/* PCRs of a TPM that a platform set may speak of: those of TCG's PC Client
 * profile, SHA-256 bank. */
#define SM_POLICY_PCRS 24

/* What a valid, unrevoked certificate says of a host. */
struct sm_policy_attributes {
    const uint8_t *signer;          /* SM_POLICY_SIGNER_LEN bytes: who signed
                                     * the certificate */
    const char *location;           /* NULL: it does not say */
    const char *jurisdiction;
    const char *platforms[SM_POLICY_PLATFORMS_MAX];
    size_t n_platforms;
};

struct sm_policy_end {
    const char *name;               /* the host's name, required */
    const uint8_t *key;             /* 32 bytes: the X25519 static key that
                                     * the channel has authenticated (or our
                                     * own); NULL: not known */
    const struct sm_policy_attributes *attributes;  /* NULL: no certificate */
};

/*
 * What the other host has proven of its platform: a quote of its TPM that is
 * genuine, of this session and nobody else's, signed by the attestation key
 * that its valid, unrevoked certificate names (trust/attest.h).  Which of a
 * document's platform sets that fits is up to each document that is asked.
 */
struct sm_policy_measured {
    uint8_t pcr[SM_POLICY_PCRS][32];    /* SHA-256 bank, 0 to 23 */
    bool has_log;                       /* a digest of the event log is there */
    uint8_t log[32];                    /* ... which the quote binds */
    const uint8_t *signer;              /* SM_POLICY_SIGNER_LEN bytes: who
                                         * signed that certificate */
    bool reset_approved;                /* the TPM's reset and restart counts
                                         * are those that were approved on
                                         * this host for this attestation
                                         * key.  Sets with
                                         * after-reset="approve" count as
                                         * proven only then; it takes the
                                         * memory of whoever asks, and the
                                         * others do not look at it. */
};

/* A ticket that is genuine, unused, within its time, and for this guest,
 * this source and this destination (its demands on the destination's
 * attributes included). */
struct sm_policy_ticket {
    const uint8_t *signer;          /* SM_POLICY_SIGNER_LEN bytes */
};

/* A migration that a rule allowed before: for rates. */
struct sm_policy_use {
    const char *rule;
    int64_t when;
};

struct sm_policy_request {
    enum sm_policy_action action;

    /* who asks */
    const char *account;            /* Unix account on this host; NULL: not
                                     * known, as on the destination */
    const char *role;               /* the role to act in; NULL: all */

    /* which guest; required for the two migrate actions */
    const char *vm_name;
    const uint8_t *vm_uuid;         /* 16 bytes */
    uint64_t memory_kb;             /* what it may use at most, KiB */
    const char *label;              /* XSM label; NULL: none, ... */
    bool label_unknown;             /* ... or it is not known */

    /* from where to where; required for the two migrate actions */
    struct sm_policy_end source, destination;

    /* the channel; zero: not known */
    unsigned int suite;             /* enum sm_suite (channel/suite.h) */
    enum { SM_POLICY_PQ_UNKNOWN, SM_POLICY_PQ_NO, SM_POLICY_PQ_YES }
        post_quantum;
    const struct sm_policy_measured *measured;
                                    /* the other side's platform; NULL:
                                     * nothing is proven, ... */
    const char *unattested;         /* ... for this reason: a few words for
                                     * people; NULL: it was not asked to */
    const char *attestation;        /* dry runs, in place of `measured`: ids
                                     * of the platform sets that count as
                                     * proven, separated by spaces, of each
                                     * document that is asked; NULL: none */

    /* evidence */
    struct sm_policy_ticket tickets[SM_POLICY_TICKETS_MAX];
    size_t n_tickets;
    const char *approvals[SM_POLICY_APPROVALS_MAX];     /* accounts */
    size_t n_approvals;
    const uint8_t *vm_policy_signer;    /* SM_POLICY_SIGNER_LEN bytes: who
                                         * signed the VM policy that came
                                         * along; NULL: there is none */
    const struct sm_policy_use *uses;   /* in any order */
    size_t n_uses;

    int64_t now;                    /* seconds since the epoch */
    bool preview;                   /* might this be allowed?  What is not
                                     * known yet, and evidence, count in
                                     * favour (decide.h) */
};

#endif
