/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the backend `tpm2` writes into a file. */
#include <string.h>
#include <tss2/tss2_mu.h>

#include "seal/tpm2.h"

void sm_tpm2_put_params(const struct sm_tpm2_params *p,
                        struct sm_wire_writer *w)
{
    unsigned int i;

    sm_wire_put_u8(w, p->flags);
    sm_wire_put_bytes(w, p->parent, sizeof(p->parent));
    sm_wire_put_u32(w, p->pcrs);
    for (i = 0; i < SM_SEAL_PCRS; i++)
        if (p->pcrs >> i & 1)
            sm_wire_put_bytes(w, p->pcr[i], SM_SEAL_PCR_LEN);
    if (p->flags & SM_TPM2_UPDATABLE) {
        sm_wire_put_bytes(w, p->update.x, sizeof(p->update.x));
        sm_wire_put_bytes(w, p->update.y, sizeof(p->update.y));
    }
}

int sm_tpm2_get_params(struct sm_seal_bytes bytes, struct sm_tpm2_params *p)
{
    struct sm_wire_reader r;
    unsigned int i;

    memset(p, 0, sizeof(*p));
    sm_wire_reader_init(&r, bytes.data, bytes.len);
    p->flags = sm_wire_get_u8(&r);
    sm_wire_get_bytes(&r, p->parent, sizeof(p->parent));
    p->pcrs = sm_wire_get_u32(&r);
    if (p->pcrs & ~SM_TPM_PCR_MASK || p->flags & ~SM_TPM2_FLAGS ||
        (p->flags & SM_TPM2_UPDATABLE && !p->pcrs))
        return SM_SEAL;
    for (i = 0; i < SM_SEAL_PCRS; i++)
        if (p->pcrs >> i & 1)
            sm_wire_get_bytes(&r, p->pcr[i], SM_SEAL_PCR_LEN);
    if (p->flags & SM_TPM2_UPDATABLE) {
        sm_wire_get_bytes(&r, p->update.x, sizeof(p->update.x));
        sm_wire_get_bytes(&r, p->update.y, sizeof(p->update.y));
    }
    return sm_wire_end(&r) ? SM_SEAL : 0;
}

int sm_tpm2_put_blobs(const struct sm_tpm2_blobs *b,
                      struct sm_wire_writer *w)
{
    uint8_t bytes[sizeof(TPM2B_PUBLIC) + sizeof(TPM2B_PRIVATE)];
    size_t len = 0;

    if (Tss2_MU_TPM2B_PUBLIC_Marshal(&b->public, bytes, sizeof(bytes), &len))
        return SM_FAIL;
    sm_wire_put_blob(w, bytes, len);
    len = 0;
    if (Tss2_MU_TPM2B_PRIVATE_Marshal(&b->private, bytes, sizeof(bytes),
                                      &len))
        return SM_FAIL;
    sm_wire_put_blob(w, bytes, len);
    return 0;
}

int sm_tpm2_get_blobs(struct sm_wire_reader *r, struct sm_tpm2_blobs *out)
{
    const uint8_t *bytes;
    size_t len, at = 0;

    memset(out, 0, sizeof(*out));
    sm_wire_get_blob(r, SM_SEAL_WRAPPED_MAX, &bytes, &len);
    if (!len || Tss2_MU_TPM2B_PUBLIC_Unmarshal(bytes, len, &at,
                                               &out->public) ||
        at != len || !out->public.size)
        return SM_SEAL;
    at = 0;
    sm_wire_get_blob(r, SM_SEAL_WRAPPED_MAX, &bytes, &len);
    if (!len || Tss2_MU_TPM2B_PRIVATE_Unmarshal(bytes, len, &at,
                                                &out->private) || at != len)
        return SM_SEAL;
    return 0;
}
