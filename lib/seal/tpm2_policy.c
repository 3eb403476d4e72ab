/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies of the backend `tpm2`. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "seal/tpm2.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define POLICY_REF "xen-secmig approval 1"

_Static_assert(SM_SEAL_PCRS == SM_TPM_PCRS &&
               SM_SEAL_PCR_LEN == SM_TPM_HASH_LEN, "one and the same");

/* ---- digests ---- */

/* digest = SHA-256(digest, command, data) */
static void extend(uint8_t digest[static SM_TPM_HASH_LEN], TPM2_CC command,
                   const void *data, size_t len)
{
    const uint8_t cc[] = { (uint8_t)(command >> 24),
                           (uint8_t)(command >> 16),
                           (uint8_t)(command >> 8), (uint8_t)command };
    crypto_hash_sha256_state h;

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, digest, SM_TPM_HASH_LEN);
    crypto_hash_sha256_update(&h, cc, sizeof(cc));
    crypto_hash_sha256_update(&h, data, len);
    crypto_hash_sha256_final(&h, digest);
}

void sm_tpm2_pcr_policy(uint32_t pcrs,
                        const uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN],
                        uint8_t out[static SM_TPM_HASH_LEN])
{
    /* TPML_PCR_SELECTION, then the digest of the values. */
    uint8_t data[10 + SM_TPM_HASH_LEN] = {
        0, 0, 0, 1, TPM2_ALG_SHA256 >> 8, TPM2_ALG_SHA256 & 0xff, 3,
        (uint8_t)pcrs, (uint8_t)(pcrs >> 8), (uint8_t)(pcrs >> 16),
    };

    sm_tpm_pcr_digest(pcrs, pcr, data + 10);
    memset(out, 0, SM_TPM_HASH_LEN);
    extend(out, TPM2_CC_PolicyPCR, data, sizeof(data));
}

void sm_tpm2_policy_ref(uint8_t out[static SM_TPM_HASH_LEN])
{
    crypto_hash_sha256(out, (const uint8_t *)POLICY_REF, strlen(POLICY_REF));
}

void sm_tpm2_update_public(const struct sm_update_key *key,
                           TPM2B_PUBLIC *out)
{
    TPMT_PUBLIC *a = &out->publicArea;

    memset(out, 0, sizeof(*out));
    a->type = TPM2_ALG_ECC;
    a->nameAlg = TPM2_ALG_SHA256;
    a->objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT |
                          TPMA_OBJECT_USERWITHAUTH;
    a->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
    a->parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
    a->parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    a->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
    a->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    a->unique.ecc.x.size = sizeof(key->x);
    a->unique.ecc.y.size = sizeof(key->y);
    memcpy(a->unique.ecc.x.buffer, key->x, sizeof(key->x));
    memcpy(a->unique.ecc.y.buffer, key->y, sizeof(key->y));
}

/* The Name with its algorithm, as policies and tickets have it. */
static int full_name(const TPM2B_PUBLIC *public, TPM2B_NAME *out)
{
    out->size = 2 + SM_TPM_HASH_LEN;
    out->name[0] = TPM2_ALG_SHA256 >> 8;
    out->name[1] = TPM2_ALG_SHA256 & 0xff;
    return sm_tpm_name(public, out->name + 2);
}

/* Part 3, 23.16: what went before does not count, the key and the reference
 * do. */
static int authorize_policy(const struct sm_update_key *key,
                            uint8_t out[static SM_TPM_HASH_LEN])
{
    uint8_t ref[SM_TPM_HASH_LEN], joined[2 * SM_TPM_HASH_LEN];
    TPM2B_PUBLIC public;
    TPM2B_NAME name;
    int rc;

    sm_tpm2_update_public(key, &public);
    rc = full_name(&public, &name);
    if (rc)
        return rc;
    memset(out, 0, SM_TPM_HASH_LEN);
    extend(out, TPM2_CC_PolicyAuthorize, name.name, name.size);
    sm_tpm2_policy_ref(ref);
    memcpy(joined, out, SM_TPM_HASH_LEN);
    memcpy(joined + SM_TPM_HASH_LEN, ref, sizeof(ref));
    crypto_hash_sha256(out, joined, sizeof(joined));
    return 0;
}

/* The two ways of an updatable object: PCRs, approval. */
static int branches(const struct sm_tpm2_params *p, TPML_DIGEST *out)
{
    out->count = 2;
    out->digests[0].size = SM_TPM_HASH_LEN;
    out->digests[1].size = SM_TPM_HASH_LEN;
    sm_tpm2_pcr_policy(p->pcrs, p->pcr, out->digests[0].buffer);
    return authorize_policy(&p->update, out->digests[1].buffer);
}

int sm_tpm2_auth_policy(const struct sm_tpm2_params *p,
                        uint8_t out[static SM_TPM_HASH_LEN])
{
    uint8_t joined[2 * SM_TPM_HASH_LEN];
    TPML_DIGEST ways;
    int rc;

    memset(out, 0, SM_TPM_HASH_LEN);
    if (p->flags & SM_TPM2_UPDATABLE) {
        rc = branches(p, &ways);
        if (rc)
            return rc;
        memcpy(joined, ways.digests[0].buffer, SM_TPM_HASH_LEN);
        memcpy(joined + SM_TPM_HASH_LEN, ways.digests[1].buffer,
               SM_TPM_HASH_LEN);
        extend(out, TPM2_CC_PolicyOR, joined, sizeof(joined));
    } else if (p->pcrs) {
        sm_tpm2_pcr_policy(p->pcrs, p->pcr, out);
    }
    if (p->flags & SM_TPM2_PIN || !p->pcrs)
        extend(out, TPM2_CC_PolicyAuthValue, NULL, 0);
    return 0;
}

/* ---- a session ---- */

static int policy_pcr(struct sm_tpm *tpm, ESYS_TR session, uint32_t pcrs,
                      const uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN],
                      char *why, size_t why_size)
{
    TPM2B_DIGEST digest = { .size = SM_TPM_HASH_LEN };
    TPML_PCR_SELECTION which;

    sm_tpm_pcr_selection(pcrs, &which);
    sm_tpm_pcr_digest(pcrs, pcr, digest.buffer);
    return sm_tpm_rc(tpm, Esys_PolicyPCR(sm_tpm_esys(tpm), session,
                                         ESYS_TR_NONE, ESYS_TR_NONE,
                                         ESYS_TR_NONE, &digest, &which),
                     "compare its PCRs", why, why_size);
}

/* Let the TPM verify an approval, and put it in the place of PolicyPCR. */
static int policy_authorize(struct sm_tpm *tpm, ESYS_TR session,
                            const struct sm_approval *a, char *why,
                            size_t why_size)
{
    TPM2B_DIGEST approved = { .size = SM_TPM_HASH_LEN }, hash = approved;
    TPM2B_NONCE ref = { .size = SM_TPM_HASH_LEN };
    TPMT_SIGNATURE signature = { .sigAlg = TPM2_ALG_ECDSA };
    uint8_t signed_bytes[SM_APPROVAL_SIGNED_LEN];
    ESYS_CONTEXT *esys = sm_tpm_esys(tpm);
    TPMT_TK_VERIFIED *ticket = NULL;
    ESYS_TR key = ESYS_TR_NONE;
    TPM2B_PUBLIC public;
    TPM2B_NAME name;
    TSS2_RC tss;
    int rc;

    sm_tpm2_update_public(&a->key, &public);
    rc = full_name(&public, &name);
    if (rc) {
        WHY("the update key has no Name");
        return rc;
    }
    sm_tpm2_pcr_policy(a->pcrs, a->pcr, approved.buffer);
    sm_tpm2_policy_ref(ref.buffer);
    sm_approval_signed(a, signed_bytes);
    crypto_hash_sha256(hash.buffer, signed_bytes, sizeof(signed_bytes));
    signature.signature.ecdsa.hash = TPM2_ALG_SHA256;
    signature.signature.ecdsa.signatureR.size = 32;
    signature.signature.ecdsa.signatureS.size = 32;
    memcpy(signature.signature.ecdsa.signatureR.buffer, a->signature, 32);
    memcpy(signature.signature.ecdsa.signatureS.buffer, a->signature + 32,
           32);
    tss = Esys_LoadExternal(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                            NULL, &public, ESYS_TR_RH_OWNER, &key);
    if (tss)
        key = ESYS_TR_NONE;
    else
        tss = Esys_VerifySignature(esys, key, ESYS_TR_NONE, ESYS_TR_NONE,
                                   ESYS_TR_NONE, &hash, &signature, &ticket);
    if (!tss)
        tss = Esys_PolicyAuthorize(esys, session, ESYS_TR_NONE, ESYS_TR_NONE,
                                   ESYS_TR_NONE, &approved, &ref, &name,
                                   ticket);
    rc = sm_tpm_rc(tpm, tss, "verify the approval of its PCRs", why,
                   why_size);
    Esys_Free(ticket);
    sm_tpm_flush(tpm, &key);
    return rc;
}

static bool same_key(const struct sm_update_key *a,
                     const struct sm_update_key *b)
{
    return !memcmp(a->x, b->x, sizeof(a->x)) &&
           !memcmp(a->y, b->y, sizeof(a->y));
}

/* Name those PCRs that differ. */
static void name_pcrs(const struct sm_tpm2_params *p,
                      uint8_t now[SM_SEAL_PCRS][SM_SEAL_PCR_LEN],
                      bool approvals, char *why, size_t why_size)
{
    char list[512] = "";
    size_t at = 0;
    unsigned int i, n = 0;

    for (i = 0; i < SM_SEAL_PCRS; i++) {
        if (!(p->pcrs >> i & 1) ||
            !memcmp(now[i], p->pcr[i], SM_SEAL_PCR_LEN))
            continue;
        if (at < sizeof(list))
            at += (size_t)snprintf(list + at, sizeof(list) - at,
                                   "%sPCR %u (%s)", n++ ? ", " : "", i,
                                   sm_tpm_pcr_text(i));
    }
    WHY("%s %s not as when it was sealed%s: boot what was there then, %sor "
        "take the recovery copy (secmig seal restore)", list,
        n == 1 ? "is" : "are",
        approvals ? ", and no approval fits" : "",
        p->flags & SM_TPM2_UPDATABLE
            ? "have these values approved (secmig seal approve), " : "");
}

/* An approval can be narrower than what the object was sealed to: its key's
 * holder may, and the TPM accepts it.  Nobody is to be surprised by it. */
static void tell_waived(const struct sm_tpm2_params *p,
                        const struct sm_approval *a)
{
    uint32_t waived = p->pcrs & ~a->pcrs;
    char list[SM_SEAL_PCRS * 4] = "";
    unsigned int i;
    size_t at = 0;

    for (i = 0; i < SM_SEAL_PCRS; i++)
        if (waived >> i & 1)
            at += (size_t)snprintf(list + at, sizeof(list) - at, " %u", i);
    if (waived)
        sm_warning("opened with an approval that waives PCRs%s: whatever is "
                   "in them, it opens ('secmig seal list')", list);
}

/* PCRs, or an approval. */
static int satisfy_pcrs(struct sm_tpm *tpm, ESYS_TR session,
                        const struct sm_tpm2_params *p,
                        const struct sm_approval *approvals, size_t count,
                        char *why, size_t why_size)
{
    uint8_t now[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];
    uint8_t mine[SM_TPM_HASH_LEN], today[SM_TPM_HASH_LEN];
    size_t i;
    int rc;

    rc = sm_tpm_pcr_read(tpm, now, why, why_size);
    if (rc)
        return rc;
    sm_tpm_pcr_digest(p->pcrs, p->pcr, mine);
    sm_tpm_pcr_digest(p->pcrs, (const uint8_t (*)[SM_SEAL_PCR_LEN])now,
                      today);
    if (!memcmp(mine, today, sizeof(mine)))
        return policy_pcr(tpm, session, p->pcrs, p->pcr, why, why_size);
    for (i = 0; p->flags & SM_TPM2_UPDATABLE && i < count; i++) {
        if (!same_key(&approvals[i].key, &p->update) ||
            !sm_approval_fits(&approvals[i],
                              (const uint8_t (*)[SM_SEAL_PCR_LEN])now))
            continue;
        rc = policy_pcr(tpm, session, approvals[i].pcrs, approvals[i].pcr,
                        why, why_size);
        if (!rc)
            rc = policy_authorize(tpm, session, &approvals[i], why,
                                  why_size);
        if (!rc)
            tell_waived(p, &approvals[i]);
        return rc;
    }
    name_pcrs(p, now, p->flags & SM_TPM2_UPDATABLE, why, why_size);
    return SM_SEAL;
}

int sm_tpm2_satisfy(struct sm_tpm *tpm, ESYS_TR session,
                    const struct sm_tpm2_params *p,
                    const struct sm_approval *approvals, size_t count,
                    char *why, size_t why_size)
{
    ESYS_CONTEXT *esys = sm_tpm_esys(tpm);
    TSS2_RC tss = TSS2_RC_SUCCESS;
    TPML_DIGEST ways;
    int rc;

    if (p->pcrs) {
        rc = satisfy_pcrs(tpm, session, p, approvals, count, why, why_size);
        if (rc)
            return rc;
    }
    if (p->flags & SM_TPM2_UPDATABLE) {
        rc = branches(p, &ways);
        if (rc) {
            WHY("the update key has no Name");
            return rc;
        }
        tss = Esys_PolicyOR(esys, session, ESYS_TR_NONE, ESYS_TR_NONE,
                            ESYS_TR_NONE, &ways);
    }
    if (!tss && (p->flags & SM_TPM2_PIN || !p->pcrs))
        tss = Esys_PolicyAuthValue(esys, session, ESYS_TR_NONE, ESYS_TR_NONE,
                                   ESYS_TR_NONE);
    return sm_tpm_rc(tpm, tss, "follow its policy", why, why_size);
}
