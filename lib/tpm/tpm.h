/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection to a TPM 2.0, for sealed storage (seal/seal.h) and quotes
 * (tpm/quote.h).  ESAPI of tpm2-tss underneath; what needs its types is in
 * tpm/esys.h.
 *
 * Every wait is bounded: a TPM that does not answer within the time given to
 * sm_tpm_open() is SM_TIMEOUT, and the connection is then of no more use (all
 * that follows fails at once, in the same way).  One that says "retry" is
 * asked again until that time is over.
 *
 * /dev/tpmrm0 is the kernel's resource manager: several programs share the
 * TPM, each has sessions and objects of its own, and what a program leaves
 * behind when it is killed is flushed.  Without one (swtpm's socket,
 * /dev/tpm0) one program at a time is served, and what is left behind stays
 * until it is flushed by hand: sm_tpm_rc() says so.
 *
 * Spec: Trusted Computing Group, TPM 2.0 Library Specification, rev. 1.59.
 */
#ifndef SM_TPM_TPM_H
#define SM_TPM_TPM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SM_TPM_DEFAULT "device:/dev/tpmrm0"
#define SM_TPM_TIMEOUT 20000        /* ms; conf's default, too */
#define SM_TPM_PCRS 24              /* of a PC Client TPM */
#define SM_TPM_PCR_MASK 0xffffffu
#define SM_TPM_HASH_LEN 32          /* SHA-256: of PCRs, Names and policies */

struct sm_tpm;

/*
 * Connect to a TPM and see that it answers.
 *   tcti        how to reach it, as tpm2-tss names it: "device:/dev/tpmrm0",
 *               "swtpm:path=/run/swtpm/sock"; NULL: SM_TPM_DEFAULT
 *   timeout_ms  longest wait for one answer; 0: SM_TPM_TIMEOUT
 *   out         the caller's, to be freed with sm_tpm_close(); NULL on error
 *   why         out: `why_size` bytes, what is wrong and what to do
 * Returns 0; SM_CONFIG when the TCTI is not known; SM_STATE when what answers
 * is no TPM 2.0 in working order; SM_IO when there is none or it cannot be
 * reached; SM_TIMEOUT; SM_BUSY; SM_NO_MEMORY.
 * Reads shared libraries and openssl.cnf; nothing that comes later opens a
 * file: so before a sandbox is closed.
 */
int sm_tpm_open(const char *tcti, int timeout_ms, struct sm_tpm **out,
                char *why, size_t why_size) SM_WARN_UNUSED;

/* Flush what is ours in the TPM, wipe, free; NULL is fine. */
void sm_tpm_close(struct sm_tpm *tpm);

/*
 * Read all PCRs of the SHA-256 bank, at one moment: read again when one was
 * extended meanwhile (Library spec part 3, TPM2_PCR_Read).
 *   pcr  out: their values
 * Returns 0; SM_STATE when the TPM has no such bank; SM_BUSY when they never
 * held still; else as sm_tpm_rc() maps it.
 */
int sm_tpm_pcr_read(struct sm_tpm *tpm,
                    uint8_t pcr[static SM_TPM_PCRS][SM_TPM_HASH_LEN],
                    char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * What a PCR measures, in a few words: "Secure Boot's state and keys".
 * Source: TCG PC Client Platform Firmware Profile, section 3.3.4; from 8 up,
 * what GRUB, systemd and Linux put there.  Never NULL; needs no TPM.
 */
const char *sm_tpm_pcr_text(unsigned int pcr);

#endif
