/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public halves of TPM keys (TPMT_PUBLIC; TPM 2.0 Library specification, part
 * 2 section 12.2), as they come from strangers: attestation keys (AK) and
 * endorsement keys (EK).  No TPM is needed.
 */
#ifndef SM_TRUST_TPM_KEY_H
#define SM_TRUST_TPM_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>
#include <tss2/tss2_tpm2_types.h>

#include "base/err.h"

#define SM_TPM_KEY_MAX 512      /* bytes of a TPMT_PUBLIC that is looked at */
#define SM_TPM_KEY_NAME_LEN 32

/*
 * Take a TPMT_PUBLIC apart; nothing may be left over.
 * Returns whether it is one; *out is zeroed otherwise.
 */
bool sm_tpm_key_parse(const void *data, size_t len, TPMT_PUBLIC *out);

/* Write one.  Returns its length, 0 when it does not fit or is none. */
size_t sm_tpm_key_format(const TPMT_PUBLIC *key,
                         uint8_t out[static SM_TPM_KEY_MAX]);

/*
 * The Name (part 1 section 16) of a key whose nameAlg is SHA-256, without
 * that algorithm's number in front: SHA-256 of the TPMT_PUBLIC.
 * Returns whether it has one.
 */
bool sm_tpm_key_name(const TPMT_PUBLIC *key,
                     uint8_t name[static SM_TPM_KEY_NAME_LEN]);

/* The templates of keys that we make: `unique` is empty. */
void sm_tpm_key_ak_template(TPMT_PUBLIC *out);

/*
 * TCG EK Credential Profile for TPM 2.0 (2.5), B.3.3 (L-1) and B.3.4 (L-2).
 *   alg  TPM2_ALG_RSA or TPM2_ALG_ECC
 */
void sm_tpm_key_ek_template(TPM2_ALG_ID alg, TPMT_PUBLIC *out);

/*
 * Whether a key can be an AK: ECDSA P-256 and SHA-256, born in its TPM and
 * never leaving it (fixedTPM, fixedParent, sensitiveDataOrigin), signing only
 * what the TPM has made (restricted, sign, not decrypt).
 * Returns NULL, or what is wrong, in words.
 */
const char *sm_tpm_key_ak_problem(const TPMT_PUBLIC *key);

/* Whether a key is of one of the two EK templates.  NULL, or what is wrong. */
const char *sm_tpm_key_ek_problem(const TPMT_PUBLIC *key);

/*
 * The key as libcrypto has it: an AK or EK as above.  NULL when it is no
 * point of the curve, or libcrypto fails; else to be freed with
 * EVP_PKEY_free().
 */
EVP_PKEY *sm_tpm_key_pkey(const TPMT_PUBLIC *key);

/*
 * Verify an ECDSA signature with SHA-256 over `len` bytes.
 * Returns 1 when it is good, 0 when not, -1 when libcrypto fails.
 */
int sm_tpm_key_verify(const TPMT_PUBLIC *ak, const TPMT_SIGNATURE *signature,
                      const void *data, size_t len);

#endif
