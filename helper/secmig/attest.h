/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `secmig attest` and `secmig site` share of an enrolment.
 */
#ifndef SM_SECMIG_ATTEST_H
#define SM_SECMIG_ATTEST_H

#include "base/err.h"
#include "signing_key.h"
#include "trust/enrolment.h"
#include "verbs.h"

struct sm_tpm;

/*
 * Connect to the TPM: the configured one unless the command line names
 * another.  Prints its own error line.  Returns 0 or an error.
 */
int sm_cli_tpm(const struct sm_cli *cli, const char *tcti,
               struct sm_tpm **out) SM_WARN_UNUSED;

/* Read and check a request for enrolment.  Prints its own error line. */
int sm_enrolment_load(const char *path, struct sm_enrolment_request *out)
    SM_WARN_UNUSED;

/*
 * Write one of the texts of an enrolment.
 *   path  a new file; NULL: standard output
 * Prints its own error line.  Returns 0, SM_STATE or SM_IO.
 */
int sm_enrolment_put(const char *path, const char *text) SM_WARN_UNUSED;

/*
 * Whether the file holds the answer to a request that this authority has
 * challenged.
 *   secret  the authority's key
 * Prints its own error line.  Returns 0 or an error.
 */
int sm_site_enrolled(const uint8_t *secret,
                     const struct sm_enrolment_request *request,
                     const char *answer_path) SM_WARN_UNUSED;

/* Sub-verb of site: argv[0] is its name. */
int sm_site_challenge(const struct sm_cli *cli, int argc, char **argv);

#endif
