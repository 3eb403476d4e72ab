/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attestation: a host proves by its TPM what was measured when it booted
 * (TPM 2.0 Library specification, part 1 section 33; part 3, TPM2_Quote).
 *
 * A demands it of B inside their Noise handshake: A's nonce is in a payload,
 * so that both have it in their transcript.  B's TPM signs, with the
 * attestation key (AK) that B's certificate names, all 24 PCRs of the SHA-256
 * bank and as extraData
 *
 *     BLAKE2b-256("xen-secmig quote 1" | u8 role | nonce[32] | u8 hash_len |
 *                 handshake hash | u8 has_log | event log's digest[32])
 *
 * Only fresh: the nonce; only for this session: the handshake hash; only of
 * the other side: the role of who proves itself.
 *
 * Evidence, as it travels (base/wire.h; at most SM_ATTEST_EVIDENCE_MAX):
 *
 *     u16 version (1)
 *     u8 role, nonce[32], blob handshake hash      what B says it answers: it
 *     u8 has_log, digest[32]                       tells apart why a quote
 *                                                  does not fit
 *     blob AK (TPMT_PUBLIC)                        from here: the TPM's part,
 *     blob TPMS_ATTEST                             as sm_tpm_quote()
 *     blob TPMT_SIGNATURE                          (tpm/quote.h) makes it
 *     24 x PCR[32]
 *
 * Order of calls.  B: sm_attest_event_log(), sm_attest_extra(), have the TPM
 * quote it, sm_attest_evidence().  A: sm_attest_nonce() before the handshake,
 * sm_attest_verify() after it, compare PCRs with the policy's platforms, and
 * with what was remembered of that AK: sm_attest_compare().
 *
 * Links tss2-mu, libcrypto and libsodium; opens nothing but the event log.
 */
#ifndef SM_TRUST_ATTEST_H
#define SM_TRUST_ATTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SM_ATTEST_EVIDENCE_MAX 4096
#define SM_ATTEST_QUOTE_MAX 3072        /* of it, the TPM's part */
#define SM_ATTEST_PCRS 24
#define SM_ATTEST_PCR_LEN 32
#define SM_ATTEST_NONCE_LEN 32
#define SM_ATTEST_HASH_MAX 64           /* bytes of a handshake hash */
#define SM_ATTEST_EXTRA_LEN 32
#define SM_ATTEST_AK_LEN 32             /* Name without its algorithm */
#define SM_ATTEST_WHY_SIZE 256          /* enough for any reason from here */

/* Who proves itself; on the wire. */
enum sm_attest_role {
    SM_ATTEST_INITIATOR = 1,
    SM_ATTEST_RESPONDER = 2,
};

/* What is wrong with the other side's proof; the numbers are ours. */
enum sm_attest_problem {
    SM_ATTEST_GOOD = 0,
    SM_ATTEST_NO_TPM,           /* it says that it cannot */
    SM_ATTEST_MALFORMED,        /* truncated, too long, not of the form */
    SM_ATTEST_CERTIFICATE,      /* its certificate is not good */
    SM_ATTEST_UNKNOWN_KEY,      /* an AK that its certificate does not name */
    SM_ATTEST_UNFIT_KEY,        /* an AK that could sign anything */
    SM_ATTEST_SIGNATURE,
    SM_ATTEST_NOT_A_QUOTE,      /* another thing that the AK has signed */
    SM_ATTEST_SELECTION,        /* other PCRs, or another bank */
    SM_ATTEST_DIGEST,           /* not the PCR values that were signed */
    SM_ATTEST_BINDING,          /* does not even fit its own claims */
    SM_ATTEST_REFLECTED,        /* made in the other role: our own? */
    SM_ATTEST_REPLAYED,         /* answers another nonce */
    SM_ATTEST_OTHER_SESSION,    /* answers ours in another handshake */
    SM_ATTEST_RESET,            /* its counters are not as they must be */
    SM_ATTEST_PCR,              /* PCRs are not those of a platform */
    SM_ATTEST_CHANGED,          /* likewise, and they were in this boot */
    SM_ATTEST_PROBLEMS          /* how many there are */
};

/* One word for logs, as "other-session"; "none" for SM_ATTEST_GOOD and
 * "unknown" for numbers that are none.  Never NULL. */
const char *sm_attest_problem_word(enum sm_attest_problem p);

/* A few words for people: "the quote was made for another session".  Never
 * NULL. */
const char *sm_attest_problem_text(enum sm_attest_problem p);

/*
 * Prepare the process: libcrypto and tss2-mu load and allocate what they
 * keep, so that sm_attest_verify() runs in a child that may no longer open
 * files, and nothing that a peer sends makes them print.  Once, at the start
 * of a program, while it has one thread.  Returns 0 or SM_STATE.
 */
int sm_attest_init(void) SM_WARN_UNUSED;

/* ---- who proves itself ---- */

struct sm_attest_claims {
    uint8_t role;                           /* enum sm_attest_role: ours */
    uint8_t nonce[SM_ATTEST_NONCE_LEN];     /* of who demanded it */
    uint8_t hash[SM_ATTEST_HASH_MAX];       /* handshake hash */
    size_t hash_len;
    bool has_log;
    uint8_t log[32];                        /* zero without a log */
};

/*
 * The digest (SHA-256) of the firmware's event log, which root may read.
 *   path  NULL: that of the first TPM,
 *         /sys/kernel/security/tpm0/binary_bios_measurements
 * Returns whether there is one; `out` is zeroed otherwise.  It changes only
 * with a boot, but is read anew each time.
 */
bool sm_attest_event_log(const char *path, uint8_t out[static 32]);

/*
 * What the TPM is to sign as extraData.
 * Returns 0, or SM_USAGE when the role or the hash's length is none.
 */
int sm_attest_extra(const struct sm_attest_claims *c,
                    uint8_t extra[static SM_ATTEST_EXTRA_LEN])
    SM_WARN_UNUSED;

/*
 * Join claims and the TPM's part to evidence.
 *   quote, quote_len  of sm_tpm_quote(); not looked at
 *   out, size         SM_ATTEST_EVIDENCE_MAX bytes are enough
 *   len               out: bytes used
 * Returns 0, or SM_USAGE when the claims are bad or `size` is too small.
 */
int sm_attest_evidence(const struct sm_attest_claims *c,
                       const void *quote, size_t quote_len,
                       uint8_t *out, size_t size, size_t *len)
    SM_WARN_UNUSED;

/* ---- who demands it ---- */

/* A nonce from the system's generator. */
void sm_attest_nonce(uint8_t out[static SM_ATTEST_NONCE_LEN]);

/* What the evidence must fit.  Pointers are borrowed for the call. */
struct sm_attest_expect {
    uint8_t role;               /* the other side's */
    const uint8_t *nonce;       /* ours: SM_ATTEST_NONCE_LEN bytes */
    const uint8_t *hash;        /* of this handshake: `hash_len` bytes */
    size_t hash_len;
    const uint8_t *ak;          /* `ak` of the other side's certificate,
                                 * SM_ATTEST_AK_LEN bytes; NULL: it has no
                                 * certificate, or none with an AK */
    const char *certificate;    /* why its certificate does not count
                                 * ("expired on ..."); NULL: it does, or
                                 * there is none */
    const char *refused;        /* what it said instead of evidence: clean
                                 * text; NULL or "": nothing */
};

/* What is proven. */
struct sm_attested {
    uint8_t pcr[SM_ATTEST_PCRS][SM_ATTEST_PCR_LEN];
    bool has_log;
    uint8_t log[32];
    uint8_t ak[SM_ATTEST_AK_LEN];
    uint64_t firmware;          /* the TPM's firmwareVersion */
    uint64_t clock;             /* ms; TPMS_CLOCK_INFO */
    uint32_t reset_count;       /* boots */
    uint32_t restart_count;     /* resumptions since, and boots before which
                                 * somebody had the TPM keep its state */
};

/*
 * Verify evidence.
 *   evidence  hostile; `len` bytes, 0: there is none
 *   out       filled in on success, zeroed on error
 *   problem   out: what is wrong; SM_ATTEST_GOOD on success.  Several things
 *             may be: the one that comes first in the enumeration is named.
 *   why       out: `why_size` bytes, that in words ("" on success)
 * Returns 0; SM_UNMET for SM_ATTEST_NO_TPM; SM_PROTOCOL for
 * SM_ATTEST_MALFORMED; SM_AUTH for all others; SM_FAIL when libcrypto fails
 * (the problem is then SM_ATTEST_SIGNATURE).
 *
 * The checks of TPMS_ATTEST (magic, type, selection, extraData, digest) are
 * made here on what was signed; none is left to a library.
 */
int sm_attest_verify(const struct sm_attest_expect *expect,
                     const void *evidence, size_t len,
                     struct sm_attested *out,
                     enum sm_attest_problem *problem,
                     char *why, size_t why_size) SM_WARN_UNUSED;

/* ---- what was seen before ---- */

/* Remembered of an AK; all zero: nothing. */
struct sm_attest_seen {
    uint8_t ak[SM_ATTEST_AK_LEN];
    uint8_t pcrs[32];           /* SHA-256 of all values */
    uint64_t clock;
    uint32_t reset_count, restart_count;
};

enum sm_attest_since {
    SM_ATTEST_FIRST,            /* not seen before */
    SM_ATTEST_SAME,             /* same boot, same PCRs */
    SM_ATTEST_MOVED,            /* same boot, other PCRs: what fits no
                                 * platform now is SM_ATTEST_CHANGED */
    SM_ATTEST_REBOOTED,         /* the reset or the restart counter grew */
    SM_ATTEST_BACK,             /* a counter went back, or within one boot
                                 * the clock: the TPM's state was restored or
                                 * cleared: SM_ATTEST_RESET */
};

/* How much earlier in one boot a quote may be than the last one seen, in ms:
 * those of sessions that run side by side are not judged in their order. */
#define SM_ATTEST_CLOCK_SLACK 60000

void sm_attest_remember(const struct sm_attested *now,
                        struct sm_attest_seen *out);

/*
 * Compare with what was remembered of the same AK (part 1, "Timing
 * Components"; part 3, TPM2_Startup).  A TPM that was told to keep its state
 * (TPM2_Shutdown(STATE)) counts the boot after that as a restart, not as a
 * reset, with PCRs as after any boot: these counters do not tell it from a
 * resumption, and both are SM_ATTEST_REBOOTED.  Across either the clock may
 * be behind: a software TPM loses it when its host crashes, and calls what it
 * has then safe a few seconds later.
 *   last  of sm_attest_remember(), or all zero; another AK's is as none
 *   why   out: `why_size` bytes, in words what differs ("" for FIRST, SAME)
 * What is remembered is replaced unless the answer is SM_ATTEST_BACK; with
 * SM_ATTEST_SAME only by a later clock.
 */
enum sm_attest_since sm_attest_compare(const struct sm_attested *now,
                                       const struct sm_attest_seen *last,
                                       char *why, size_t why_size);

#endif
