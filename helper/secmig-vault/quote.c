/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the TPM says of this host, signed. */
#include "vault.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tpm/quote.h"
#include "tpm/tpm.h"
#include "trust/attest.h"

int quote(const struct sm_conf *conf, int in, uint8_t *out, size_t *len,
          char *why, size_t why_size)
{
    uint8_t extra[SM_ATTEST_EXTRA_LEN];
    struct sm_attestation_key key;
    struct sm_tpm *tpm = NULL;
    int rc;

    *len = 0;
    if (read(in, extra, sizeof(extra)) != (ssize_t)sizeof(extra)) {
        snprintf(why, why_size, "it is not said what to quote");
        return SM_USAGE;
    }
    errno = 0;
    rc = sm_attestation_key_read(conf->attestation_key, &key, why, why_size);
    if (rc == SM_STATE && errno == ENOENT)
        snprintf(why, why_size, "this host has no attestation key: 'secmig "
                 "attest request' makes it");
    if (!rc)
        rc = sm_tpm_open(conf->tpm, conf->tpm_timeout, &tpm, why, why_size);
    if (!rc)
        rc = lock_in(conf, why, why_size);
    if (!rc)
        rc = sm_tpm_quote(tpm, &key, extra, out, SM_ATTEST_QUOTE_MAX, len,
                          why, why_size);
    sm_tpm_close(tpm);
    return rc;
}
