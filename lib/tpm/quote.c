/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tpm/quote.h"

#include <stdio.h>
#include <string.h>

#include <tss2/tss2_mu.h>

#include "tpm/esys.h"
#include "trust/tpm_key.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

/* Whether what was quoted are these values: nothing was extended between. */
static bool holds(const TPM2B_ATTEST *quoted,
                  const uint8_t pcr[SM_TPM_PCRS][SM_TPM_HASH_LEN])
{
    uint8_t want[SM_TPM_HASH_LEN];
    TPMS_ATTEST attest;
    size_t at = 0;

    sm_tpm_pcr_digest(SM_TPM_PCR_MASK, pcr, want);
    return !Tss2_MU_TPMS_ATTEST_Unmarshal(quoted->attestationData,
                                          quoted->size, &at, &attest) &&
           attest.attested.quote.pcrDigest.size == sizeof(want) &&
           !memcmp(attest.attested.quote.pcrDigest.buffer, want,
                   sizeof(want));
}

/* SM_BUSY when the PCRs moved while they were quoted. */
static int try_once(struct sm_tpm *tpm, ESYS_TR ak, const uint8_t *extra,
                    uint8_t pcr[SM_TPM_PCRS][SM_TPM_HASH_LEN],
                    TPM2B_ATTEST *quoted, TPMT_SIGNATURE *signature,
                    char *why, size_t why_size)
{
    const TPMT_SIG_SCHEME own = { .scheme = TPM2_ALG_NULL };
    TPM2B_DATA data = { .size = SM_ATTEST_EXTRA_LEN };
    TPML_PCR_SELECTION selection;
    TPM2B_ATTEST *q = NULL;
    TPMT_SIGNATURE *s = NULL;
    TSS2_RC tss;
    int rc;

    rc = sm_tpm_pcr_read(tpm, pcr, why, why_size);
    if (rc)
        return rc;
    memcpy(data.buffer, extra, SM_ATTEST_EXTRA_LEN);
    sm_tpm_pcr_selection(SM_TPM_PCR_MASK, &selection);
    tss = Esys_Quote(sm_tpm_esys(tpm), ak, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                     ESYS_TR_NONE, &data, &own, &selection, &q, &s);
    rc = sm_tpm_rc(tpm, tss, "quote its PCRs", why, why_size);
    if (!rc && !holds(q, pcr)) {
        WHY("PCRs were extended while they were quoted, %d times: try again",
            SM_TPM_QUOTE_TRIES);
        rc = SM_BUSY;
    }
    if (!rc) {
        *quoted = *q;
        *signature = *s;
    }
    Esys_Free(q);
    Esys_Free(s);
    return rc;
}

static int put(const struct sm_attestation_key *key,
               const TPM2B_ATTEST *quoted, const TPMT_SIGNATURE *signature,
               uint8_t pcr[SM_TPM_PCRS][SM_TPM_HASH_LEN],
               uint8_t *out, size_t size, size_t *len)
{
    uint8_t ak[SM_TPM_KEY_MAX], sig[sizeof(TPMT_SIGNATURE)];
    size_t ak_len = sm_tpm_key_format(&key->public_half.publicArea, ak);
    struct sm_wire_writer w;
    size_t sig_len = 0;
    int rc;

    if (!ak_len || Tss2_MU_TPMT_SIGNATURE_Marshal(signature, sig, sizeof(sig),
                                                  &sig_len))
        return SM_FAIL;
    sm_wire_writer_init(&w, size);
    sm_wire_put_blob(&w, ak, ak_len);
    sm_wire_put_blob(&w, quoted->attestationData, quoted->size);
    sm_wire_put_blob(&w, sig, sig_len);
    sm_wire_put_bytes(&w, pcr[0], SM_TPM_PCRS * SM_TPM_HASH_LEN);
    rc = sm_wire_error(&w);
    if (!rc) {
        memcpy(out, w.data, w.len);
        *len = w.len;
    }
    sm_wire_writer_dispose(&w);
    return rc;
}

int sm_tpm_quote(struct sm_tpm *tpm, const struct sm_attestation_key *key,
                 const uint8_t extra[static SM_ATTEST_EXTRA_LEN],
                 uint8_t *out, size_t size, size_t *len,
                 char *why, size_t why_size)
{
    uint8_t pcr[SM_TPM_PCRS][SM_TPM_HASH_LEN];
    ESYS_TR ak = ESYS_TR_NONE;
    TPMT_SIGNATURE signature;
    TPM2B_ATTEST quoted;
    int rc, tries = 0;

    *len = 0;
    rc = sm_attestation_key_load(tpm, key, &ak, why, why_size);
    if (rc)
        return rc;
    do {
        rc = try_once(tpm, ak, extra, pcr, &quoted, &signature, why,
                      why_size);
    } while (rc == SM_BUSY && ++tries < SM_TPM_QUOTE_TRIES);
    sm_tpm_flush(tpm, &ak);
    if (rc)
        return rc;
    rc = put(key, &quoted, &signature, pcr, out, size, len);
    if (rc)
        WHY("the quote cannot be written: %s", sm_err_text(rc));
    return rc;
}
