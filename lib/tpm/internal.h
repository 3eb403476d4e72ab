/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of lib/tpm share and nobody else sees. */
#ifndef SM_TPM_INTERNAL_H
#define SM_TPM_INTERNAL_H

#include <stdbool.h>

#include "tpm/esys.h"
#include "tpm/tcti.h"

struct sm_tpm {
    struct sm_tpm_tcti tcti;
    ESYS_CONTEXT *esys;
    char name[256];             /* the TCTI, for messages */
    ESYS_TR storage;            /* storage key, or ESYS_TR_NONE */
    bool storage_persistent;
    uint8_t storage_name[SM_TPM_HASH_LEN];
};

#endif
